"""What all setup steps of the mocks have in common: their variants, and what leaves a step undone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

T = TypeVar("T")
Act: TypeAlias = "Callable[[World], None]"

LEFT_UNDONE = "left-undone"
"""The name of the variant that `undo` without a variant applies."""


@dataclass(frozen=True)
class Variant(Generic[T]):
    """One way in which a step can be left undone; `change` is what leaves it undone.

    `turns_red` are the ids of the checks that fail because of it in a run that may read everything;
    `without_restconf` those that fail because of it in a run that may not read Curity's configuration, where a check of
    the configuration would otherwise fail first.
    """

    change: T
    turns_red: Sequence[str] = ()
    without_restconf: Sequence[str] = ()


@dataclass(frozen=True)
class Acts:
    """A step that is left undone, by variant, and done again by acting on the parties of a world."""

    undo: Mapping[str, Variant[Act]]
    redo: Act
