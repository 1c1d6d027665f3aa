"""The flow as it went: the exchanges of the happy path, and inside each what the parties asked one another meanwhile."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

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
    return [arrow for id in HAPPY if id in found for arrow in _arrows(run, exchanges[found[id]])]


def _arrows(run: Run, exchange: Mapping[str, Any]) -> Iterator[Arrow]:
    yield Arrow(
        exchange["from"],
        exchange["to"],
        exchange["method"],
        urlsplit(exchange["url"]).path,
        exchange["status"],
        exchange["number"],
    )
    since = datetime.fromisoformat(exchange["at"])
    until = since + timedelta(seconds=exchange["seconds"] or 0, milliseconds=1)
    for call in run["calls"]:
        if since <= datetime.fromisoformat(call["at"]) <= until:
            yield Arrow(call["from"], call["to"], call["method"], call["path"], call["status"], None)
