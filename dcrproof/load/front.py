"""`dcrproof load`: a thin front of Locust, which starts the users, and has master, workers and a web page.

Imported only by the command: Locust replaces the blocking functions of the process.
"""

import locust  # noqa: F401, I001 - before anything that blocks

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from locust import User
from locust.env import Environment
from locust.runners import Runner
from locust.stats import stats_history

from dcrproof.core.cleanup.clean_up import CleanedUp
from dcrproof.core.http.exchange import Exchange, Unanswered
from dcrproof.core.http.signals import handled
from dcrproof.core.profile.model import Profile
from dcrproof.core.profile.reading import ProfileError, read
from dcrproof.core.record.events import Event as Recorded
from dcrproof.core.record.events import exchanged, masked
from dcrproof.core.record.received import received, without_others
from dcrproof.core.secrets.index import Secrets
from dcrproof.core.text import say
from dcrproof.fixtures.run.recording import Recording
from dcrproof.fixtures.session.header import parties
from dcrproof.load import mocks
from dcrproof.load.ending import Ended, how_to_sweep, leave, started
from dcrproof.load.figures import figures
from dcrproof.load.options import LoadOptions, counts, problems
from dcrproof.load.site import Site, open_site
from dcrproof.reports.conclusion import conclusion
from dcrproof.suites.load.users import ROLES

PROGRESS = 5.0
"""Seconds between two lines that say how far a load is."""
KEPT = 60.0
"""Seconds between two records of the figures: the last one is what a killed load leaves."""
TO_THEIR_END = 30.0
"""Seconds in which users may end what they are doing."""
MOST_LINES = 2_000


class Refused(Exception):
    """The load is not begun; the text says why, and what to do."""


REFUSALS = (Refused, ProfileError, mocks.NotStarted)


class Terminal:
    """Prints lines, masked, and keeps the newest for the search for leaks."""

    def __init__(self, secrets: Secrets) -> None:
        self.secrets = secrets
        self.lines: list[str] = []

    def tell(self, text: str) -> None:
        shown = self.secrets.mask(text)
        self.lines = [*self.lines, shown][-MOST_LINES:]
        say(shown, partial(print, flush=True))


def perform(options: LoadOptions, path: Path | None) -> int:
    """Performs a load against the parties of that profile, or against mocks of its own. Returns the exit code.

    Raises Refused, ProfileError, NotStarted, and OSError where the ledger or the record cannot be written.
    """
    with ExitStack() as stack:
        own = stack.enter_context(mocks.started()) if path is None else None
        profile = read_for(options, own.profile if own else path or Path())
        options, secrets = replace(options, own=own is not None), Secrets()
        recording, terminal = Recording(secrets), Terminal(secrets)
        keep = partial(kept_exchange, secrets)
        site, ledger = stack.enter_context(
            open_site(profile, options, lambda what, check: recording.write(keep(what, check)), secrets)
        )
        begin_record(options, profile, recording, terminal)
        with stopping() as stop:
            ended = _performed(options, site, own, recording, terminal, stop)
        ended.sweep = how_to_sweep(ledger, profile) if ledger else ""
        return finish(options, profile, recording, terminal, ended, site.load.now)


def read_for(options: LoadOptions, path: Path) -> Profile:
    """The profile of a load. Raises ProfileError, and Refused for one that does not allow it."""
    profile = read(path)
    if found := list(problems(options, profile)):
        raise Refused("\n  ".join([f"{path}: {len(found)} problem(s)", *found]))
    return profile


def begin_record(options: LoadOptions, profile: Profile, recording: Recording, terminal: Terminal) -> None:
    recording.begin(options.report, started(options, profile))
    for line in parties(profile):
        terminal.tell(line)
    users = ", ".join(f"{number} {role}{'s' if number > 1 else ''}" for role, number in counts(options).items())
    rate = f"at most {options.rate:g} requests a second" if options.rate else "as fast as they can"
    terminal.tell(f"dcrproof: {users}, {rate}, for {options.seconds:g} s")


def kept_exchange(secrets: Secrets, what: Exchange | Unanswered, check: str) -> list[Recorded]:
    """An exchange as an event, masked; the secrets in it are known from now on."""
    for secret, client_id in received(what) if isinstance(what, Exchange) else ():
        secrets.know(secret, client_id)
    return masked([exchanged(without_others(what) if isinstance(what, Exchange) else what, check)], secrets.mask)


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
    """The first signal ends the load in order; a second one ends with KeyboardInterrupt what is being done then."""
    stop = Stop()

    def later(*_: object) -> None:
        stop.signals += 1
        if stop.signals > 1:
            raise KeyboardInterrupt
        stop.event.set()

    with handled(later):
        yield stop


def _performed(
    options: LoadOptions,
    site: Site,
    own: "mocks.MocksProcess | None",
    recording: Recording,
    terminal: Terminal,
    stop: Stop,
) -> Ended:
    load, users = site.load, counts(options)
    terminal.tell("dcrproof: making what the load needs")
    began = False
    try:
        began = site.prepare(users, terminal.tell, stop.event.is_set)
        if began and not stop.event.is_set():
            environment = new_environment(users)
            runner = environment.create_local_runner()
            load.told = partial(told, environment)
            with web_page(options, environment, runner, stop, terminal):
                load.begin()
                if own:
                    runner.greenlet.spawn(_watch_memory, load, own)
                runner.start(options.users, spawn_rate=spawn_rate(options))
                wait(
                    options,
                    stop,
                    lambda: progress(load.tally, load.now, terminal),
                    lambda: _keep(options, site, recording),
                )
                terminal.tell("dcrproof: stopping the users")
                runner.stop()
                load.end()
                runner.quit()
        terminal.tell("dcrproof: deleting what the load has made")
        cleaned = site.clean_up()
    except KeyboardInterrupt:
        load.end()
        cleaned = CleanedUp(
            failed=[
                f"{entry}: the clean-up was stopped before this was deleted" for entry in load.target.ledger.pending
            ]
            if site.outlives
            else []
        )
    return Ended(load.tally, site.unreachable, began, stop.interrupted, load.faults, [cleaned])


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
    page = environment.create_web_ui("127.0.0.1", options.web)
    history = gevent.spawn(lambda: stats_history(runner))
    environment.events.test_stop.add_listener(lambda **_: stop.event.set())  # type: ignore[no-untyped-call] # Locust's
    terminal.tell(f"dcrproof: Locust's page is at http://127.0.0.1:{options.web}")
    try:
        yield
    finally:
        history.kill()
        page.stop()  # type: ignore[no-untyped-call] # Locust's


def wait(options: LoadOptions, stop: Stop, show: Callable[[], None], keep: Callable[[], None]) -> None:
    """Until the time of the load is over, or it is stopped."""
    end = time.monotonic() + options.seconds
    shown = kept = time.monotonic()
    while (left := end - time.monotonic()) > 0 and not stop.event.wait(min(PROGRESS, left)):
        now = time.monotonic()
        if now - shown >= PROGRESS - 0.5:
            shown = now
            show()
        if now - kept >= KEPT:
            kept = now
            keep()


def progress(tally: Any, now: float, terminal: Terminal) -> None:
    every = tally.all
    p95 = ", ".join(
        f"{party} {took * 1000:,.0f} ms"
        for party in ("gateway", "curity", "portal", "konnect")
        if (took := tally.party(party).durations.percentile(0.95)) is not None
    )
    wrong = sum(seen.broken for seen in tally.checks.values())
    broken = f"; CHECKS DID NOT HOLD {wrong} times" if wrong else ""
    terminal.tell(
        f"dcrproof: {now:5.0f} s  {every.requests:,} requests, {every.requests / max(now, 0.1):,.1f} a second, "
        f"{every.errors:,} errors; 95 % within: {p95 or 'none yet'}{broken}"
    )


def _watch_memory(load: Any, own: "mocks.MocksProcess") -> None:
    while load.seconds is None:
        load.tally.memory_is(load.now, own.memory)
        gevent.sleep(1.0)


def _asked(options: LoadOptions) -> dict[str, Any]:
    return {"users": counts(options), "rate": options.rate, "processes": max(options.workers, 1)}


def _keep(options: LoadOptions, site: Site, recording: Recording) -> None:
    load = site.load
    recording.write([{"event": "load", **figures(load.tally, site.profile.load, load.now, _asked(options))}])


def finish(
    options: LoadOptions, profile: Profile, recording: Recording, terminal: Terminal, ended: Ended, seconds: float
) -> int:
    """Writes the reports, and prints the last lines. Returns the exit code."""
    found = {"event": "load", **figures(ended.tally, profile.load, seconds, _asked(options))} if ended.began else None
    content, code = leave(options, profile, recording, terminal.secrets, ended, found, terminal.lines)
    for note in content["notes"]:
        terminal.tell(f"{note['kind']:<10} {note['text']}")
    for text in [*ended.tally.remarks]:
        terminal.tell(f"remark     {text}")
    for check in content["checks"]:
        terminal.tell(f"{check['verdict']:<14} {check['id']:<28} {check['title']}")
    for check in content["checks"]:
        if check["verdict"] in {"failed", "unreachable"}:
            terminal.tell(
                f"\n{check['verdict'].upper()} {check['id']}\n  expected  {check['expected']}\n  observed  {check['observed']}"
            )
    for label, text in conclusion(content):
        terminal.tell(f"{label:<10} {text}")
    for problem in content["problems"]:
        terminal.tell(f"PROBLEM    {problem}")
    terminal.tell(f"open       {recording.folder / 'index.html' if recording.folder else ''}")
    return code
