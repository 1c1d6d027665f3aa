"""The flow as it went: which exchanges tell it, and what the parties asked one another meanwhile."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from dcrproof.core.checks.verdict import CAUSES
from dcrproof.core.record.events import EACH_WORKER
from dcrproof.reports.diagnosis import Run

HAPPY = (
    "developer.signs-in",
    "application.created",
    "application.registered",
    "client.known",
    "route.basic.accepted",
    "route.bearer.accepted",
)
"""The checks whose exchanges make the story of one application, in its order."""

FLOW = (
    "discovery.served",
    "registrar.gets-dcr-scope",
    "registration.created",
    "provider.verified",
    "api.linked-to-gateway",
    "developer.signs-in",
    "api.offered",
    "application.created",
    "application.registered",
    "client.known",
    "gateway.answers",
    "route.basic.accepted",
    "route.bearer.accepted",
    "route.session.issued",
)
"""The checks along the whole flow: before that story what it stands on, and after it what else opens the route."""

MOST = 4
"""Exchanges of one check that the flow shows: the last ones."""
ROUNDING = 0.001
"""Seconds: times are noted to the millisecond."""
AT_ONCE = 8
"""How many exchanges that have begun last are looked at for a call: where more workers run, it may be told of none."""


@dataclass(frozen=True)
class Arrow:
    """One request, from party to party. `number` is its exchange's, None for what mocks asked one another."""

    sender: str
    receiver: str
    method: str
    path: str
    status: int | None
    number: int | None


def happy_path(run: Run) -> list[Arrow]:
    """The arrows of the flow, as far as it came: of each check the exchange that it ends with."""
    exchanges = {exchange["number"]: exchange for exchange in run["exchanges"]}
    found = {check["id"]: check["exchanges"][-1] for check in run["checks"] if check["exchanges"]}
    calls = calls_within(run)
    return [arrow for id in HAPPY if id in found for arrow in _arrows(run, exchanges[found[id]], calls)]


def _arrows(run: Run, exchange: Mapping[str, Any], calls: Sequence[int | None]) -> Iterator[Arrow]:
    yield Arrow(
        exchange["from"],
        exchange["to"],
        exchange["method"],
        urlsplit(exchange["url"]).path,
        exchange["status"],
        exchange["number"],
    )
    for call, within in zip(run["calls"], calls, strict=True):
        if within == exchange["number"]:
            yield Arrow(call["from"], call["to"], call["method"], call["path"], call["status"], None)


def flow(run: Run) -> list[tuple[str, list[int]]]:
    """The ids of the checks along the flow, and of those that failed, each with the numbers of its last exchanges.

    In the order of the catalogue; an exchange stands in it once. Where several workers went along the flow, each step of
    it is told of one.
    """
    chosen: dict[str, list[int]] = {}
    shown: set[int] = set()
    for check in run["checks"]:
        if check["id"] not in FLOW and check["verdict"] not in CAUSES:
            continue
        evidence = [check["evidence"]["number"]] if check["evidence"] else []
        known = [number for number in (check["exchanges"] or evidence) if number not in shown]
        worker = min((number // EACH_WORKER for number in known), default=0)
        numbers = [number for number in known if number // EACH_WORKER == worker][-MOST:]
        if numbers:
            chosen[check["id"]] = numbers
            shown.update(numbers)
    return list(chosen.items())


def calls_within(run: Run) -> list[int | None]:
    """For each call between the parties the number of the exchange during which it was made, None where there is none."""
    windows = sorted(map(_window, run["exchanges"]))
    starts = [start for start, *_ in windows]
    found: list[int | None] = []
    for call in run["calls"]:
        at = _seconds(call["at"])
        begun = bisect_right(starts, at)
        # a call is noted when it has ended: of two exchanges that touch one another it belongs to the first
        oldest_first = windows[max(0, begun - AT_ONCE) : begun]
        numbers = (number for _, end, number, asked in oldest_first if at <= end and _answers(asked, call["from"]))
        found.append(next(numbers, None))
    return found


def _window(exchange: Mapping[str, Any]) -> tuple[float, float, int, str]:
    """From when until when an exchange went on, its number, and who was asked."""
    start = _seconds(exchange["at"])
    return start, start + (exchange["seconds"] or 0.0) + ROUNDING, exchange["number"], exchange["to"]


def _answers(asked: str, calling: str) -> bool:
    """Whether a party that was asked is the one that calls: behind a portal stands Konnect."""
    return asked == calling or {asked, calling} <= {"portal", "classic_portal", "konnect"}


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
