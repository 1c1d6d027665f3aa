"""The time of a world of mocks: the machine's clock plus the seconds by which a test has advanced it."""

import time
from dataclasses import dataclass


@dataclass
class Clock:
    """Seconds since the epoch, as all parties of one world see them."""

    turned: float = 0.0

    def now(self) -> float:
        return self.real() + self.turned

    def real(self) -> float:
        """What the machine's own clock says."""
        return time.time()

    def advance(self, seconds: float) -> None:
        self.turned += seconds


@dataclass(frozen=True)
class WrongClock:
    """A machine whose clock differs from the world's by so many seconds; it is turned with the world's."""

    right: Clock
    by: float

    def now(self) -> float:
        return self.right.now() + self.by
