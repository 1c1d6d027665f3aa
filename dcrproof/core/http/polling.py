"""Polling with a deadline, and what is being polled for now."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

Value = TypeVar("Value")

LONGEST_PAUSE = 2.0


def poll(
    what: str, ask: Callable[[], Value], done: Callable[[Value], bool], deadline: float, longest: float = LONGEST_PAUSE
) -> tuple[Value, float]:
    """Asks until `done` holds for the answer, or `deadline` seconds have passed; `what` is waited for, in words.

    Returns the last answer and the seconds that it took; the caller judges the answer. The first question is asked at
    once, the pauses between the others grow up to `longest` seconds, and the last question is asked at the deadline.
    """
    started = time.monotonic()
    between = 0.05
    with polling_for(what, deadline):
        while True:
            value = ask()
            waited = time.monotonic() - started
            if done(value) or waited >= deadline:
                return value, waited
            pause(what, min(between, deadline - waited))
            between = min(between * 2, longest)


_paused: defaultdict[str, float] = defaultdict(float)


def pause(what: str, seconds: float) -> None:
    """The only pause in dcrproof: between two questions to a party; `what` is waited for, in words."""
    _paused[what] += seconds
    time.sleep(seconds)


def paused() -> dict[str, float]:
    """The seconds of all pauses of this process, by what was waited for."""
    return dict(_paused)


@dataclass(frozen=True)
class Polling:
    """What is polled for, in words, and for how many seconds at most; 0 where that is unknown."""

    text: str
    deadline: float = 0.0


_in_progress: list[Polling] = []


def in_progress() -> tuple[Polling, ...]:
    """What is polled for now; the innermost comes last."""
    return tuple(_in_progress)


@contextmanager
def polling_for(text: str, deadline: float = 0.0) -> Iterator[None]:
    """Reports, while the block runs, what is polled for."""
    _in_progress.append(Polling(text, deadline))
    try:
        yield
    finally:
        _in_progress.pop()
