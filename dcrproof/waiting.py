"""Waiting is polling with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")

LONGEST_PAUSE = 2.0


def poll(ask: Callable[[], Value], done: Callable[[Value], bool], deadline: float) -> tuple[Value, float]:
    """Asks until `done` holds of the answer or `deadline` seconds have passed.

    Returns the last answer and the seconds that it took; the caller judges the answer. The first answer is asked for
    at once, the pauses between the others grow up to two seconds.
    """
    started = time.monotonic()
    pause = 0.05
    while True:
        value = ask()
        waited = time.monotonic() - started
        if done(value) or waited + pause > deadline:
            return value, waited
        time.sleep(pause)  # the one pause of dcrproof: between two questions to a party
        pause = min(pause * 2, LONGEST_PAUSE)
