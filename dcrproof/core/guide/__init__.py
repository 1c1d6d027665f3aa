"""The guide: the setup steps of Kong's how-tos for Curity as data, with those that the how-tos omit and the products require.

Sections and step numbers are those of the rendered how-to "Automatically create and manage Dev Portal applications in
Curity with Dynamic Client Registration", and of the older one for the classic portal, which has the same steps at
Curity. A step without a place in either is implied. Steps are in the order of the how-to, with the implied ones where
the flow needs them. A step that no check can notice says why.
"""

from dataclasses import replace

from dcrproof.core.guide import classic_portal, curity, gateway, konnect, prerequisites, validation
from dcrproof.core.guide.classic_how_to import places
from dcrproof.core.guide.entry import CLASSIC, HOW_TO, HowToPlace, Step

__all__ = [
    "CLASSIC",
    "HOW_TO",
    "ROLES",
    "STEPS",
    "HowToPlace",
    "Step",
    "generation",
    "step",
]

_CLASSIC_PLACES = places()

STEPS: tuple[Step, ...] = tuple(
    replace(one, also=_CLASSIC_PLACES.get(one.id, ()))
    for one in (
        *prerequisites.STEPS,
        *curity.STEPS,
        *konnect.STEPS,
        *classic_portal.STEPS,
        *gateway.STEPS,
        *validation.STEPS,
    )
)

_BY_ID = {one.id: one for one in STEPS}


V3_ALONE = (
    "konnect.api.",
    "konnect.menu.",
    "konnect.portal.",
    "konnect.provider.",
    "konnect.strategy.",
    "konnect.publication.",
    "konnect.implementation.",
)
ROLES = "konnect.role."
CLASSIC_ALONE = ("portal.application-setup.", "portal.menu.", "portal.my-apps.")


def generation(id: str) -> str | None:
    """The generation of the portal that a step belongs to, `v3` or `classic`; None where both have it."""
    if id.startswith(CLASSIC_ALONE):
        return "classic"
    return "v3" if id.startswith(V3_ALONE) else None


def step(id: str) -> Step | None:
    """The step of that id, or None."""
    return _BY_ID.get(id)
