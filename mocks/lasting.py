"""What a mock keeps until a moment: after that it is as good as unknown, and is forgotten when there is much of it."""

from collections.abc import Callable
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

MANY = 1_000
"""How many entries there are before those that have ended are looked for."""


class Lasting(dict[Key, Value]):
    """A dictionary that does not grow with time. `until` says of a value when it has ended, by the clock `now`.

    Who reads a value looks at the time as well: one that has ended may still be here.
    """

    def __init__(self, now: Callable[[], float], until: Callable[[Value], float]) -> None:
        super().__init__()
        self._now, self._until = now, until
        self._sweep_at = MANY

    def __setitem__(self, key: Key, value: Value) -> None:
        if len(self) >= self._sweep_at:
            now = self._now()
            for ended in [one for one, kept in self.items() if self._until(kept) <= now]:
                del self[ended]
            self._sweep_at = max(MANY, 2 * len(self))
        super().__setitem__(key, value)
