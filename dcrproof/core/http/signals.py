"""Ctrl-C, SIGTERM and SIGHUP during work that would leave things behind in a tenant if it were interrupted."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

NUMBERS = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__)
"""The signals by which people, service managers and closed terminals stop a process."""

PASSED_ON = getattr(signal, "SIGUSR1", signal.SIGTERM)
"""What the controller of xdist sends its workers when a signal has come. A terminal sends its own to all of them."""


def arrived(came: Sequence[int]) -> int:
    """How many signals these are: one that came by itself and was passed on as well is one."""
    passed_on = came.count(PASSED_ON)
    return max(passed_on, len(came) - passed_on)


def leave(code: int) -> NoReturn:
    """Ends the process at once, whatever it is doing."""
    os._exit(code)


@contextmanager
def handled(by: Callable[[int, Any], None]) -> Iterator[None]:
    """Has these signals handled so while the block runs; one that is ignored, as by `nohup`, stays ignored.

    Outside the main thread, where no signal arrives, this does nothing.
    """
    before: Mapping[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        found = {number: signal.getsignal(number) for number in (*NUMBERS, PASSED_ON)}
        before = {number: handler for number, handler in found.items() if handler not in {signal.SIG_IGN, None}}
    try:
        for number in before:
            signal.signal(number, by)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


HEARD: list[Callable[[int], None]] = []
"""Those who tell a person of a signal that is put off; the last one does."""


@contextmanager
def heard_by(tell: Callable[[int], None]) -> Iterator[None]:
    """Has `tell` called at once with the number of each signal whose effect is put off in the block."""
    HEARD.append(tell)
    try:
        yield
    finally:
        HEARD.remove(tell)


@contextmanager
def put_off(then: Callable[[int], None] = signal.raise_signal, most: int = 1) -> Iterator[None]:
    """Delays that many signals until the block has ended: then `then` is called with the number of the first.

    One more ends the block with KeyboardInterrupt. In a block of another `put_off` this does nothing: that one decides.
    """
    if any(isinstance(signal.getsignal(number), _Later) for number in NUMBERS):
        yield
        return
    later = _Later(most)
    try:
        with handled(later):
            yield
    finally:
        if later.came:
            then(later.came[0])


class _Later:
    def __init__(self, most: int) -> None:
        self.most = most
        self.came: list[int] = []

    def __call__(self, number: int, _: object) -> None:
        self.came.append(number)
        if arrived(self.came) > self.most:
            raise KeyboardInterrupt
        for tell in HEARD[-1:]:
            tell(number)


@contextmanager
def as_ctrl_c(stopped: int) -> Iterator[None]:
    """The first signal ends the block with KeyboardInterrupt, and the block may say what is left.

    A second one does not disturb that; a third one ends the process with the exit code `stopped`.
    """
    came: list[int] = []

    def stop(number: int, _: object) -> None:
        came.append(number)
        if len(came) == 1:
            raise KeyboardInterrupt
        if len(came) > 2:
            leave(stopped)

    def tell(number: int) -> None:
        name = signal.Signals(number).name
        os.write(2, f"\ndcrproof: {name}: stops when the answer has come; another one stops at once\n".encode())

    with handled(stop), heard_by(tell):
        yield
