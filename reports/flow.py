"""The flow of a run: the exchanges that show it, and the calls between the parties during them."""

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
"""The checks whose exchanges show the way of one application, in order."""

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
"""The checks along the whole flow: also what an application depends on, and the other ways to call the route."""

MOST = 4
"""How many exchanges of one check the flow shows: the last ones."""
ROUNDING = 0.001
"""In seconds: times are recorded to the millisecond."""
AT_ONCE = 8
"""How many exchanges that began last are candidates for a call; with more workers than that some calls may match none."""


@dataclass(frozen=True)
class Arrow:
    """One request from party to party. `number` is that of its exchange, None for a call between mocks."""

    sender: str
    receiver: str
    method: str
    path: str
    status: int | None
    number: int | None


def happy_path(run: Run) -> list[Arrow]:
    """The arrows of the flow as far as it got: the last exchange of each check."""
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

    In the order of the catalogue; each exchange appears once. Where several workers went along the flow, the exchanges
    of one of them are shown for each check.
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
    """For each call between the parties the number of the exchange during which it was made, or None."""
    windows = sorted(map(_window, run["exchanges"]))
    starts = [start for start, *_ in windows]
    found: list[int | None] = []
    for call in run["calls"]:
        at = _seconds(call["at"])
        begun = bisect_right(starts, at)
        # a call is recorded when it has ended: of two adjacent exchanges it belongs to the first
        oldest_first = windows[max(0, begun - AT_ONCE) : begun]
        numbers = (number for _, end, number, asked in oldest_first if at <= end and _answers(asked, call["from"]))
        found.append(next(numbers, None))
    return found


def _window(exchange: Mapping[str, Any]) -> tuple[float, float, int, str]:
    """The start and end of an exchange, its number, and the party that was called."""
    start = _seconds(exchange["at"])
    return start, start + (exchange["seconds"] or 0.0) + ROUNDING, exchange["number"], exchange["to"]


def _answers(asked: str, calling: str) -> bool:
    """Whether the party that was called is the one that calls: Konnect acts for a portal."""
    return asked == calling or {asked, calling} <= {"portal", "classic_portal", "konnect"}


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
