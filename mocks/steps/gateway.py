"""The setup steps at the data planes: their release, their clock, and the keys that they have cached."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dcrproof.mocks.clock import WrongClock
from dcrproof.mocks.messages import Call, NoAnswer, Request, Response, perform
from dcrproof.mocks.reachability import DATA_PLANES
from dcrproof.mocks.steps.base import LEFT_UNDONE, Act, Acts, Variant

if TYPE_CHECKING:
    from dcrproof.mocks.world import World


def _stale_keys(*ports: str) -> Act:
    """These nodes were called before Curity's key was replaced by another one under the same key id."""

    def act(world: "World") -> None:
        def answer(call: Call) -> Response | NoAnswer:
            path = call.url.removeprefix(world.start.addresses["curity"])
            request = Request(call.method, path, path, "", call.headers, call.body or b"")
            return perform(world.handlers["curity"](request), answer)

        for port in ports:
            call = Request("GET", world.ROUTE, world.ROUTE, "", (("authorization", "Bearer of.no.use"),))
            perform(world.handlers[port](call), answer)
        world.curity.rotate_keys("same")

    return act


def _fresh_keys(world: "World") -> None:
    for data_plane in world.data_planes:
        data_plane.issuers.clear()
        data_plane.tokens.clear()  # signed with the key from before the change


def _old_node(world: "World") -> None:
    world.data_planes[-1].version = "3.5.0.0"


def _new_node(world: "World") -> None:
    world.data_planes[-1].version = world.data_planes[0].version


def _wrong_clock(by: float) -> Act:
    def act(world: "World") -> None:
        world.data_planes[-1].clock = WrongClock(world.clock, by)

    return act


def _right_clock(world: "World") -> None:
    world.data_planes[-1].clock = world.clock


ACTS: Mapping[str, Acts] = {
    "gateway.data-plane.version": Acts({LEFT_UNDONE: Variant(_old_node, turns_red=["nodes.version"])}, _new_node),
    "gateway.data-plane.clock": Acts(
        {LEFT_UNDONE: Variant(_wrong_clock(-60.0), turns_red=["gateway.clock"]), "fast": Variant(_wrong_clock(900.0))},
        _right_clock,
    ),
    "gateway.data-plane.keys": Acts(
        {
            LEFT_UNDONE: Variant(_stale_keys(*DATA_PLANES), turns_red=["gateway.reads-tokens"]),
            "one-node": Variant(_stale_keys(DATA_PLANES[-1])),
        },
        _fresh_keys,
    ),
}
