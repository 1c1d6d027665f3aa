"""What mutants of the gateway do to each of its nodes."""

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.gateway.verdicts import Admitted, Refused
from dcrproof.mocks.messages import Call, Calls, NoAnswer, Request, Response
from dcrproof.mocks.mutants.base import Act, Mutant, answers, entering, override
from dcrproof.mocks.reachability import DATA_PLANES

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

Verdict: TypeAlias = Admitted | Refused


def on_each_node(change: Callable[[DataPlane], None]) -> Act:
    """Makes a change of one node to each."""

    def apply(world: "World") -> None:
        for node in world.data_planes:
            change(node)

    apply.__doc__ = change.__doc__
    return apply


def sends_upstream(world: "World", change: Callable[[Request, Call], Call]) -> None:
    """Changes what both nodes send to the upstream on behalf of a request."""
    upstream = world.start.addresses["upstream"]

    def sending(request: Request, calls: Calls) -> Calls:
        answer: Response | NoAnswer | None = None
        while True:
            try:
                call = next(calls) if answer is None else calls.send(answer)
            except StopIteration as stop:
                response: Response = stop.value
                return response
            answer = yield change(request, call) if call.url.startswith(upstream) else call

    def handle(handler: Callable[[Request], Response | Calls], request: Request) -> Response | Calls:
        outcome = handler(request)
        return outcome if isinstance(outcome, Response) else sending(request, outcome)

    for port in DATA_PLANES:
        world.handlers[port] = partial(handle, world.handlers[port])


def judges(node: DataPlane, change: Callable[[Request, Verdict], Verdict]) -> None:
    """Changes a node's verdict on a request."""
    admit = node.admit

    def judge(service: Any, request: Request) -> Generator[Call, Response | NoAnswer, Verdict]:
        return change(request, (yield from admit(service, request)))

    override(node, admit=judge)


def entering_nodes(mutants: dict[str, Mutant]) -> Callable[..., Callable[[Callable[[DataPlane], None]], Act]]:
    """Returns a decorator that adds a change of one node to `mutants`, where it is made to each node."""
    mutant = entering(mutants)
    return lambda name, *, turns_red: lambda change: mutant(name, turns_red=turns_red)(on_each_node(change))


def settings(node: DataPlane, rule: str, **settings: Any) -> None:
    """Has a rule of the node, whose first argument is the plugin, see the plugin with these settings."""
    own = getattr(node, rule)
    override(node, **{rule: lambda plugin, *others, **named: own(replace(plugin, **settings), *others, **named)})


def reads(node: DataPlane, change: Callable[[Request], Request]) -> None:
    """Has the node look for credentials in another request than the caller's."""
    find = node.find_credential
    override(node, find_credential=lambda plugin, request: find(plugin, change(request)))


def at_each_port(world: "World", change: Callable[[Request, Response], Response]) -> None:
    for port in DATA_PLANES:
        answers(world, port, change)


def headers(request: Request, change: Callable[[str, str], tuple[str, str] | None]) -> Request:
    kept = (change(name, value) for name, value in request.headers)
    return replace(request, headers=tuple(pair for pair in kept if pair is not None))
