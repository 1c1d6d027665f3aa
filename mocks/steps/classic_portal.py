"""The setup steps in the classic portal's form "Application Setup"."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from dcrproof.mocks.classic_portal.state import ApplicationSetup
from dcrproof.mocks.steps.base import LEFT_UNDONE, Act, Acts, Variant

if TYPE_CHECKING:
    from dcrproof.mocks.world import World


def _application_setup(change: Callable[[ApplicationSetup], ApplicationSetup]) -> Act:
    """Fills in the form with another value than the how-to says, and saves it."""
    return lambda world: world.classic_portal.save(change(_form(world)))


def _application_setup_done(*members: str) -> Act:
    """Fills in these fields as the how-to says, and saves the form."""

    def act(world: "World") -> None:
        done = world.classic_setup.application_setup
        world.classic_portal.save(replace(_form(world), **{name: getattr(done, name) for name in members}))

    return act


def _form(world: "World") -> ApplicationSetup:
    return world.classic_portal.application_setup or world.classic_setup.application_setup


ACTS: Mapping[str, Acts] = {
    "portal.application-setup.provider": Acts(
        {LEFT_UNDONE: Variant(_application_setup(lambda form: replace(form, provider=None)))},
        _application_setup_done("provider"),
    ),
    "portal.application-setup.issuer": Acts(
        {
            LEFT_UNDONE: Variant(
                _application_setup(lambda form: replace(form, issuer_url=form.issuer_url.rpartition("/.well-known")[0]))
            )
        },
        _application_setup_done("issuer_url"),
    ),
    "portal.application-setup.token": Acts(
        {LEFT_UNDONE: Variant(_application_setup(lambda form: replace(form, token="mistyped in the form")))},
        _application_setup_done("token"),
    ),
    "portal.application-setup.claims": Acts(
        {
            LEFT_UNDONE: Variant(_application_setup(lambda form: replace(form, claims=()))),
            "client_id": Variant(_application_setup(lambda form: replace(form, claims=("client_id",)))),
        },
        _application_setup_done("claims"),
    ),
    "portal.application-setup.scopes": Acts(
        {LEFT_UNDONE: Variant(_application_setup(lambda form: replace(form, scopes=("accounts:write",))))},
        _application_setup_done("scopes"),
    ),
}
