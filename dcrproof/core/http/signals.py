"""Ctrl-C and SIGTERM during work that would leave things behind in a tenant if it were interrupted."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def put_off(then: Callable[[int], None] = signal.raise_signal) -> Iterator[None]:
    """Delays the first signal until the block has ended: then `then` is called with its number.

    A second one ends the block with KeyboardInterrupt. A signal that is ignored stays ignored. Outside the main thread,
    where no signal arrives, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def later(number: int, _: object) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = {number: handler for number, handler in before.items() if handler not in {signal.SIG_IGN, None}}
    try:
        with ExitStack() as stack:
            for number, handler in ours.items():
                stack.callback(signal.signal, number, handler)
                signal.signal(number, later)
            yield
    finally:
        if came:
            then(came[0])
