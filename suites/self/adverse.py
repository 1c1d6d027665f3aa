"""Runs against parties that lie, or that are out of order for good: for the tests that look at how such runs end.

The parties are mocks that are driven as live ones; other people have things there.

A process of `forks` makes them. In a fork no pause takes time: the clock that dcrproof waits by is moved on instead, and
the case says how far it was moved.
"""

import contextlib
import errno
import io
import itertools
import json
import os
import pkgutil
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self

import forks
import pytest
from performing import SUITES, Recorder
from test_clean_up import Tenant, tenant

from dcrproof.core.http import exchange
from dcrproof.mocks.messages import Calls, Request, Response, json_response

STEADY = 10**6
"""As often as a fault can come."""


@dataclass(frozen=True)
class Case:
    """A run of these checks while something is wrong all the time; its name is its own."""

    name: str
    checks: tuple[str, ...]
    faults: tuple[Mapping[str, Any], ...] = ()
    """As the control interface takes them, without `times`."""
    late: int = 0
    """After how many calls they begin; 0 for a run that meets them from its beginning on."""
    lies: tuple[Mapping[str, Any], ...] = ()
    """{party, method, path, says}: the JSON that is answered there with success has these members instead of its own.
    FOREIGN in a text stands for the id of an application of somebody else."""
    settings: str = ""
    """Lines of `[run]`."""
    deadlines: str = ""
    """Instead of those of the mocks' profile."""
    signals: tuple[tuple[str, int, str], ...] = ()
    """(a function by its dotted name, how often it was called then, the names of signals that arrive there)."""
    disk: int | None = None
    """How many octets of a ledger there is room for."""


@dataclass(frozen=True)
class Ended:
    """`checks` are the data of the results, `paused` the seconds that the run would have waited. `left` is what was not
    there before, `taken` what was and is gone: table and id.
    """

    exit: int
    checks: tuple[Mapping[str, Any], ...]
    printed: str
    paused: float = 0.0
    left: tuple[tuple[str, str], ...] = ()
    taken: tuple[tuple[str, str], ...] = ()

    def verdicts(self, *wanted: str) -> dict[str, str]:
        """What was observed by the checks that ended so."""
        return {check["id"]: check["observed"] for check in self.checks if check["verdict"] in wanted}

    @property
    def unsaid(self) -> list[tuple[str, str]]:
        """What is left and not told: by its id, or by its name, since the id of a client may be known to nobody.

        A publication has the ids of its API and its portal, and is told by the latter.
        """
        told = "\n".join(re.findall(r"(?m)^(?:left|CLEAN-UP FAILED|  observed) +(.*)$", self.printed))
        known = {id: [*re.findall(r"[0-9a-f-]{36}", id), id.rpartition(" ")[0]] for _, id in self.left}
        return [(table, id) for table, id in self.left if not any(one and one in told for one in known[id])]

    @property
    def blamed(self) -> list[str]:
        """The setup steps that are said to be wrong."""
        return [step for check in self.checks if check["verdict"] == "failed" for step in check["candidates"]]


@dataclass
class Clock:
    """The module `time`, with pauses that are over at once."""

    paused: float = 0.0
    real: Any = field(default=time, repr=False)

    def sleep(self, seconds: float) -> None:
        self.paused += max(seconds, 0.0)

    def monotonic(self) -> float:
        return self.real.monotonic() + self.paused

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def hurry() -> Clock:
    """From here on no pause of dcrproof's takes time in this process: it moves this clock on."""
    clock, now = Clock(), exchange.now

    def later() -> datetime:
        return now() + timedelta(seconds=clock.paused)

    for name, module in list(sys.modules.items()):
        if name.startswith(("dcrproof.core", "dcrproof.fixtures")):
            for member, value in list(vars(module).items()):
                if value is time:
                    setattr(module, member, clock)
                elif value is now:
                    setattr(module, member, later)
    return clock


def perform(case: Case, own: Path, clock: Clock) -> Ended:
    recorder, printed = Recorder(), io.StringIO()
    with tenant(own) as live:
        before = _things(live)
        if not case.late:
            arm(live, case.faults)
        else:
            log, calls = live.world.log, itertools.count(1)

            def logged(*given: Any) -> None:
                log(*given)
                if next(calls) == case.late:
                    arm(live, case.faults)

            live.world.log = logged
        for lie in case.lies:
            tell(live, **lie)
        profile = live.profile.read_text("utf-8").replace("[run]\n", f"[run]\n{case.settings}\n")
        if case.deadlines:
            profile = re.sub(r"(?m)^deadlines = .*", f"deadlines = {{ {case.deadlines} }}", profile)
        live.profile.write_text(profile, "utf-8")
        options = ["-p", "no:cacheprovider", "-p", "no:unraisableexception", "-q", "--tb=native"]
        options += [f"--dcr-ledger={live.ledgers}", f"--dcr-report={own / 'report'}", f"--dcr-profile={live.profile}"]
        options += [f"--dcr-check={check}" for check in case.checks]
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            small_disk(case.disk),
            signalled(case.signals),
        ):
            status = pytest.main([str(SUITES), *options], plugins=[forks.plugin(), recorder])
        after = _things(live)
    checks = tuple(sorted(recorder.checks, key=lambda check: check["order"]))
    left, taken = tuple(sorted(after - before)), tuple(sorted(before - after))
    return Ended(int(status), checks, printed.getvalue(), clock.paused, left, taken)


def arm(live: Tenant, faults: Iterable[Mapping[str, Any]]) -> None:
    for fault in faults:
        live.fault(**{"times": STEADY, **fault})


def _things(live: Tenant) -> set[tuple[str, str]]:
    """Everything in Konnect and its portals by table and id, and the clients at Curity by name and id."""
    found = {(table, str(id)) for table, ids in live.objects.items() for id in ids}
    return found | {("clients", f"{name} {id}") for id, name in live.clients.items()}


def tell(live: Tenant, *, party: str, method: str, path: str, says: Mapping[str, Any]) -> None:
    """Has a party say that, wherever its answer to such a request is a success in JSON, and it has those members."""
    face = live.world.handlers[party]
    foreign = next(
        id for id, one in live.world.konnect.tables.applications.items() if one.name == "dcrproof application"
    )
    said = json.loads(json.dumps(says).replace("FOREIGN", foreign))

    def lying(request: Request, answer: Response) -> Response:
        if not (answer.status < 300 and answer.body and request.method == method and fnmatchcase(request.path, path)):
            return answer
        content = json.loads(answer.body)
        return json_response(answer.status, content | {name: value for name, value in said.items() if name in content})

    def handle(request: Request) -> Response | Calls:
        outcome = face(request)
        return lying(request, outcome) if isinstance(outcome, Response) else waited_for(request, outcome)

    def waited_for(request: Request, outcome: Calls) -> Calls:
        return lying(request, (yield from outcome))

    live.world.handlers[party] = handle


@contextlib.contextmanager
def small_disk(room: int | None) -> Iterator[None]:
    """Has room for that many octets of a ledger; then, and for each write after that, the disk is full."""
    if room is None:
        yield
        return
    opened = os.fdopen

    class File:
        def __init__(self, *given: Any) -> None:
            self.file = opened(*given, buffering=0)
            self.room = room

        def write(self, octets: bytes) -> int:
            fit = octets[: self.room]
            self.room -= self.file.write(fit)
            if len(fit) < len(octets):
                self.room = 0
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return len(fit)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    os.fdopen = lambda descriptor, mode="r", *more, **named: (
        File(descriptor, mode) if mode == "ab" else opened(descriptor, mode, *more, **named)
    )
    try:
        yield
    finally:
        os.fdopen = opened


@contextlib.contextmanager
def signalled(moments: Iterable[tuple[str, int, str]]) -> Iterator[None]:
    """Signals arrive just before a call of these functions."""
    with pytest.MonkeyPatch.context() as patch:
        for name, calls, numbers in moments:
            patch.setattr(name, _with_signals(pkgutil.resolve_name(name), calls, numbers.split()))
        yield


def _with_signals(function: Callable[..., Any], calls: int, numbers: list[str]) -> Callable[..., Any]:
    count = itertools.count(1)

    def called(*given: Any, **named: Any) -> Any:
        if next(count) == calls:
            while numbers:
                signal.raise_signal(signal.Signals[numbers.pop(0)])
        return function(*given, **named)

    return called


def performed(case: Mapping[str, Any]) -> dict[str, Any]:
    """How a case ended; both as JSON takes them. From here on no pause takes time in this process."""
    with tempfile.TemporaryDirectory() as folder:
        return asdict(perform(Case(**case), Path(folder), hurry()))
