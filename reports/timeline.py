"""When each check of a run was at work, by its exchanges and its result."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from dcrproof.reports.diagnosis import Check, Run


class Span(NamedTuple):
    """From `start` to `end`, in seconds since 1970."""

    start: float
    end: float


def moment(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def spans(run: Run) -> dict[str, list[Span]]:
    """The spans of each check, by its id: its exchanges, those of its gate among them, and its test."""
    found: dict[str, list[Span]] = {check["id"]: list(_test(check)) for check in run["checks"]}
    for exchange in run["exchanges"]:
        if exchange["check"] in found:
            start = moment(exchange["at"])
            found[exchange["check"]].append(Span(start, start + (exchange["seconds"] or 0.0)))
    return found


def _test(check: Check) -> Iterable[Span]:
    if at := check.get("at"):
        end = moment(at)
        yield Span(end - check["seconds"], end)


def stage_seconds(run: Run) -> dict[str, float]:
    """The time of each stage, in the order of the catalogue: what its checks took together, and what overlaps once."""
    of_check = spans(run)
    stages: dict[str, list[Span]] = {}
    for check in run["checks"]:
        stages.setdefault(check["stage"], []).extend(of_check[check["id"]])
    return {stage: round(_together(found), 3) for stage, found in stages.items()}


def _together(found: Iterable[Span]) -> float:
    total, until = 0.0, float("-inf")
    for start, end in sorted(found):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
