"""What is waited for now, in words, for whoever looks on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Wait:
    """Something that is waited for, in words, and for how many seconds at most; 0 where nobody knows."""

    text: str
    deadline: float = 0.0


_waits: list[Wait] = []


def waits() -> tuple[Wait, ...]:
    """What is waited for now; the innermost comes last."""
    return tuple(_waits)


@contextmanager
def waiting_for(text: str, deadline: float = 0.0) -> Iterator[None]:
    """Says, to whoever looks on, what is waited for in the block."""
    _waits.append(Wait(text, deadline))
    try:
        yield
    finally:
        _waits.pop()
