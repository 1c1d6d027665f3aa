"""Waiting is polling with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

LONGEST_PAUSE = 2.0


def poll(
    ask: Callable[[], Value], done: Callable[[Value], bool], deadline: float, longest: float = LONGEST_PAUSE
) -> tuple[Value, float]:
    """Asks until `done` holds of the answer or `deadline` seconds have passed.

    Returns the last answer and the seconds that it took; the caller judges the answer. The first answer is asked for
    at once, the pauses between the others grow up to `longest` seconds, and the last answer is one of the deadline.
    """
    started = time.monotonic()
    between = 0.05
    while True:
        value = ask()
        waited = time.monotonic() - started
        if done(value) or waited >= deadline:
            return value, waited
        pause(min(between, deadline - waited))
        between = min(between * 2, longest)


def pause(seconds: float) -> None:
    """The one pause of dcrproof: between two questions to a party."""
    time.sleep(seconds)
