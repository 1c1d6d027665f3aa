"""How a load runs with Locust, in one process or in several: its environment and page, how it is stopped, what is printed."""

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import gevent
from gevent.event import Event
from gevent.ssl import SSLSocket
from locust import User
from locust.env import Environment
from locust.runners import Runner
from locust.stats import stats_history

from dcrproof.core.cleanup.clean_up import CleanedUp
from dcrproof.core.http.exchange import Exchange, Unanswered
from dcrproof.core.http.signals import handled
from dcrproof.core.record.events import Event as Recorded
from dcrproof.core.record.events import exchanged, masked
from dcrproof.core.record.received import received, without_others
from dcrproof.core.secrets.index import Secrets
from dcrproof.core.text import say
from dcrproof.load.options import LoadOptions
from dcrproof.load.site import Site
from dcrproof.suites.load.users import ROLES

PROGRESS, LATER = 5.0, 30.0
"""Seconds between two lines that say how far a load is, and those after the first minute."""
KEPT = 60.0
"""Seconds between two records of the figures: the last one is what a killed load leaves."""
TO_THEIR_END = 30.0
"""Seconds in which users may end what they are doing."""
MOST_LINES = 2_000


class Refused(Exception):
    """The load is not begun; the text says why, and what to do."""


def require_free(port: int | None) -> None:
    """Raises Refused where the page of Locust cannot be served at that port of this machine."""
    try:
        with socket.socket() as page:
            page.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            page.bind(("127.0.0.1", port or 0))
    except OSError as error:
        raise Refused(f"--web {port}: {error.strerror}") from None


class Terminal:
    """Prints lines, masked, and keeps the newest for the search for leaks."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self.lines: list[str] = []

    def tell(self, text: str) -> None:
        shown = self.secrets.mask(text)
        self.lines = [*self.lines, shown][-MOST_LINES:]
        say(shown, partial(print, flush=True))


def kept_exchange(secrets: Secrets, what: Exchange | Unanswered, check: str) -> list[Recorded]:
    """An exchange as an event, masked; the secrets in it are known from now on."""
    for secret, client_id in received(what) if isinstance(what, Exchange) else ():
        secrets.know(secret, client_id)
    return masked([exchanged(without_others(what) if isinstance(what, Exchange) else what, check)], secrets.mask)


def fit_sockets() -> None:
    """Lets truststore, which passes `block` on (as `ssl` has it), use the sockets of gevent, which do not take it."""
    handshake = SSLSocket.do_handshake

    def do_handshake(self: SSLSocket, block: bool = False) -> None:  # noqa: ARG001, FBT001, FBT002 - as in ssl
        handshake(self)

    if handshake.__module__ == SSLSocket.__module__:
        SSLSocket.do_handshake = do_handshake  # type: ignore[method-assign] # gevent offers no other place


@dataclass
class Stop:
    """Whether the load is to end: because its time is over, the page says so, or a signal has come."""

    event: Event = field(default_factory=Event)
    signals: int = 0

    @property
    def interrupted(self) -> bool:
        return self.signals > 0


@contextmanager
def stopping() -> Iterator[Stop]:
    """The first signal says so and ends the load in order; a second one ends with KeyboardInterrupt what is being done then."""
    stop = Stop()

    def later(number: int, _: object) -> None:
        stop.signals += 1
        if stop.signals > 1:
            raise KeyboardInterrupt
        name = signal.Signals(number).name
        told = f"\ndcrproof: stopped by {name}: ends what was begun, and deletes what was made; another one does not wait\n"
        with suppress(OSError):  # it is no longer read
            os.write(2, told.encode())
        stop.event.set()

    gevent.hub.Hub.NOT_ERROR = tuple({*gevent.hub.Hub.NOT_ERROR, KeyboardInterrupt})  # else gevent prints a traceback
    with handled(later):
        yield stop


def cleaned_up(site: Site) -> CleanedUp:
    """Deletes what the load has made at the parties; a second signal ends that."""
    try:
        return site.clean_up()
    except KeyboardInterrupt:
        left = site.load.target.ledger.pending if site.outlives else []  # else it is in mocks that end with the load
        why = "the clean-up was stopped before this was deleted"
        return CleanedUp(failed=[f"{entry}: {why} (owner: {entry.kind.owner})" for entry in left])


def new_environment(users: Mapping[str, int]) -> Environment:
    """Locust's environment for these users. What Locust logs is for those who write users, and is not printed."""
    logger = logging.getLogger("locust")
    logger.handlers, logger.propagate = [logging.NullHandler()], False
    classes: list[type[User]] = []
    for role, number in users.items():
        ROLES[role].fixed_count = number
        classes.append(ROLES[role])
    return Environment(user_classes=classes, stop_timeout=TO_THEIR_END, catch_exceptions=True)


def spawn_rate(options: LoadOptions) -> float:
    """Users a second: all have started after a tenth of the time."""
    return min(100.0, max(1.0, options.users / max(options.seconds / 10, 1.0)))


def told(environment: Environment, party: str, operation: str, seconds: float, size: int, error: str | None) -> None:
    """Tells Locust of a request, for its statistics and its page."""
    environment.events.request.fire(  # type: ignore[no-untyped-call] # Locust's
        request_type=party,
        name=operation,
        response_time=seconds * 1000,
        response_length=size,
        exception=RuntimeError(error) if error else None,
        context={},
    )


@contextmanager
def web_page(
    options: LoadOptions, environment: Environment, runner: Runner, stop: Stop, terminal: Terminal
) -> Iterator[None]:
    """Locust's web page, on this machine only, until the block ends; its button Stop ends the load."""
    if options.web is None:
        yield
        return
    given, sys.argv = sys.argv, sys.argv[:1]  # the page reads the arguments of the process, and expects Locust's
    page = environment.create_web_ui("127.0.0.1", options.web)
    history = gevent.spawn(lambda: stats_history(runner))
    environment.events.test_stop.add_listener(lambda **_: stop.event.set())  # type: ignore[no-untyped-call] # Locust's
    terminal.tell(f"dcrproof: Locust's page is at http://127.0.0.1:{options.web}")
    try:
        yield
    finally:
        sys.argv = given
        history.kill()
        page.stop()  # type: ignore[no-untyped-call] # Locust's


def wait(options: LoadOptions, stop: Stop, show: Callable[[], None], keep: Callable[[], None]) -> None:
    """Until the time of the load is over, or it is stopped."""
    shown = kept = began = time.monotonic()
    end = began + options.seconds
    while (left := end - time.monotonic()) > 0 and not stop.event.wait(min(PROGRESS, left)):
        now = time.monotonic()
        if now - shown >= (PROGRESS if now - began < 60 else LATER) - 0.5:
            shown = now
            show()
        if now - kept >= KEPT:
            kept = now
            keep()
