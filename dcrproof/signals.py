"""Ctrl-C and SIGTERM, while something goes on that would leave things behind in a tenant if it were broken off."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def put_off(then: Callable[[int], None] = signal.raise_signal, *, at_once: bool = False) -> Iterator[None]:
    """The first signal that comes while the block runs is put off: `then` takes its number when the block has ended.

    A second one ends the block with KeyboardInterrupt, and so does the first where `at_once` holds. Outside the main
    thread, where no signal arrives, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def later(number: int, _: object) -> None:
        if came or at_once:
            raise KeyboardInterrupt
        came.append(number)

    before = {number: signal.signal(number, later) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            then(came[0])
