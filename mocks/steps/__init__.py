"""The setup steps as the mocks know them: for each, how a world looks in which just that step was left undone.

There are three kinds. A step at Curity is a change of its committed configuration (curity.py), a step between Curity and
the others a limit to what they reach of it (reachability.py), and any other step acts on the parties of a world, and can
be taken back (konnect.py, classic_portal.py, gateway.py, and the kept metadata in curity.py). The first variant of a step
is what `undo` without a variant applies.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from dcrproof.mocks.names import meant
from dcrproof.mocks.reachability import Reachability
from dcrproof.mocks.start import REGISTRAR
from dcrproof.mocks.steps import classic_portal, curity, gateway, konnect
from dcrproof.mocks.steps.base import LEFT_UNDONE, Acts, Variant
from dcrproof.mocks.steps.curity import CONFIGURATION, UNCOMMITTED
from dcrproof.mocks.steps.reachability import OVER_TLS, REACHABILITY
from dcrproof.mocks.world import World

__all__ = ["LEFT_UNDONE", "OVER_TLS"]

ACTS: Mapping[str, Acts] = {**konnect.ACTS, **classic_portal.ACTS, **curity.ACTS, **gateway.ACTS}

VARIANTS: Mapping[str, Mapping[str, Variant[Any]]] = {
    **CONFIGURATION,
    **REACHABILITY,
    **{step: acts.undo for step, acts in ACTS.items()},
}
STEPS: Mapping[str, tuple[str, ...]] = {step: tuple(variants) for step, variants in VARIANTS.items()}
"""Each step that can be left undone, with the names of its variants, the default first."""

OF = tuple(dict.fromkeys(step.partition(".")[0] for step in STEPS))
"""The parties of the steps, with which ids begin."""

NEEDS_THE_HOW_TO = frozenset({**konnect.ACTS, **classic_portal.ACTS, **gateway.ACTS})
"""Steps that can be left undone only where something has been done in Konnect."""

NEEDS_MOCK_CURITY = ("curity.metadata.cache-duration", "gateway.data-plane.keys")
"""Steps that are not settings of Curity, but are left undone by a change there."""

CLASSIC = tuple(classic_portal.ACTS)
"""The steps in the classic portal's own form."""


class UnknownStep(ValueError):
    """There is no such step, or it has no such variant; the text names the near one, or those that exist."""


class NotHere(ValueError):
    """These mocks cannot show that step left undone; the text says why."""


def variants(step: str) -> tuple[str, ...]:
    """The variants of a step, the default first. Raises UnknownStep."""
    if step not in STEPS:
        party = [one for one in STEPS if one.partition(".")[0] == step.partition(".")[0]]
        known = meant(step, STEPS) or (f"they are {', '.join(party)}" if party else f"ids begin with {', '.join(OF)}")
        raise UnknownStep(f"{step}: no step that can be left undone; {known}")
    return STEPS[step]


def check(step: str, variant: str | None) -> str:
    """The name of the variant to apply. Raises UnknownStep."""
    known = variants(step)
    if variant is None:
        return known[0]
    if variant not in known[1:]:
        raise UnknownStep(f"{step}={variant}: no such variant; it has {', '.join(known[1:]) or 'none'}")
    return variant


def turning_red() -> Iterator[tuple[str, str, bool]]:
    """Each check whose mutant is a step left undone: the check's id, `STEP` or `STEP=VARIANT`, and whether the run may
    not read Curity's configuration.
    """
    for step, of_step in VARIANTS.items():
        for number, (name, variant) in enumerate(of_step.items()):
            undo = f"{step}={name}" if number else step
            yield from ((check, undo, False) for check in variant.turns_red)
            yield from ((check, undo, True) for check in variant.without_restconf)


def undo(world: World, step: str, variant: str | None = None) -> None:
    """Leaves a step undone. Raises UnknownStep, or NotHere."""
    name = check(step, variant)
    if step in OVER_TLS and world.scheme != "https":
        raise NotHere(f"{step}: without TLS there is no certificate to trust; start the mocks with TLS")
    if step in NEEDS_MOCK_CURITY and world.start.other_server:
        raise NotHere(f"{step}: it needs a mock of Curity, which is not running here")
    if step in NEEDS_THE_HOW_TO and world.start.empty:
        raise NotHere(f"{step}: these mocks began with an empty Konnect, where nothing has been done yet")
    if step in world.undone:
        redo(world, step)
    world.undone[step] = name
    if step in ACTS:
        ACTS[step].undo[name].change(world)
    else:
        _commit(world)


def redo(world: World, step: str) -> None:
    """Does a step that was left undone. Raises UnknownStep."""
    variants(step)
    if world.undone.pop(step, None) is None:
        return
    for data_plane in world.data_planes:
        data_plane.forget()
    if step in ACTS:
        ACTS[step].redo(world)
    else:
        _commit(world)


def _commit(world: World) -> None:
    """Sets Curity's configuration, and what others reach of it: every step done, apart from those left undone."""
    limits = [REACHABILITY[step][name].change for step, name in world.undone.items() if step in REACHABILITY]
    world.reachability = reduce(Reachability.__or__, limits, Reachability())
    changes = [CONFIGURATION[step][name].change for step, name in world.undone.items() if step in CONFIGURATION]
    world.curity.configuration = reduce(
        lambda configuration, change: change(configuration, REGISTRAR), changes, world.committed
    )
    world.curity.edits = None
    if UNCOMMITTED in world.undone.values():
        world.curity.edit(world.committed)
