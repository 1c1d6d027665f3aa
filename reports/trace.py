"""The run as one trace: a span for the run, for each stage, for each check and for each exchange; plain data, for `--dcr-otlp`.

Texts are those of `run.json`, in which secrets are masked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from dcrproof.core.checks.check import stage_title
from dcrproof.core.checks.results import Exit
from dcrproof.core.checks.verdict import HELD, RED
from dcrproof.core.text import visible
from dcrproof.core.tracing import span_id
from dcrproof.reports.diagnosis import Check, Run
from dcrproof.reports.timeline import Span, moment, spans

Value = str | int | float | bool | Sequence[str]
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Traced:
    """A span: `id` and `parent` are 16 hexadecimal digits, the parent of the run's is empty.

    `well` is its status: true, false with the reason in `why`, or None where it is neither.
    """

    id: str
    parent: str
    name: str
    time: Span
    attributes: Mapping[str, Value]
    well: bool | None = None
    why: str = ""
    request: bool = False
    """Whether it is a request to another party."""


def traced(run: Run, id: str) -> Iterator[Traced]:
    """The spans of a run with that trace id (32 hexadecimal digits), each after its parent."""
    whole = Span(moment(run["started"]), moment(run["started"]) + run["seconds"])
    root = span_id(id, "run")
    about = {"version": run["version"], "mode": run["mode"], "exit": run["exit"], "verdict": run["verdict"]}
    yield _traced(root, "", "dcrproof run", whole, about, well=run["exit"] == Exit.GREEN, why=run["headline"])
    of_check = {check: _whole(found) for check, found in spans(run).items() if found}
    checks = [check for check in run["checks"] if check["id"] in of_check]
    for stage in dict.fromkeys(check["stage"] for check in checks):
        within = [check for check in checks if check["stage"] == stage]
        time = _whole([of_check[check["id"]] for check in within])
        red = [check["id"] for check in within if check["red"]]
        yield _traced(
            span_id(id, stage), root, stage_title(stage), time, {"stage": stage}, well=not red, why=", ".join(red)
        )
        for check in within:
            yield _of_check(id, check, of_check[check["id"]])
    for exchange in run["exchanges"]:
        yield _of_exchange(exchange, id, span_id(id, exchange["check"]) if exchange["check"] in of_check else root)


def _of_check(id: str, check: Check, time: Span) -> Traced:
    about = {name: check[name] for name in ("id", "level", "verdict", "owner")}
    about |= {"candidates": check["candidates"], "blocked_by": check["blocked_by"]}
    well = True if check["verdict"] in HELD else False if check["verdict"] in RED else None
    why = check["observed"] or check["expected"] if well is False else ""
    return _traced(span_id(id, check["id"]), span_id(id, check["stage"]), check["id"], time, about, well=well, why=why)


def _of_exchange(exchange: Mapping[str, Any], id: str, parent: str) -> Traced:
    """By OpenTelemetry's semantic conventions for HTTP clients."""
    address, start = urlsplit(exchange["url"]), moment(exchange["at"])
    status, node = exchange["status"], exchange["node"]
    attributes: dict[str, Value | None] = {
        "http.request.method": exchange["method"],
        "http.response.status_code": status,
        "url.full": exchange["url"],
        "server.address": address.hostname,
        "server.port": address.port or PORTS.get(address.scheme),
        "network.peer.address": node.rpartition(":")[0].strip("[]") if node else None,
        "http.request.body.size": exchange["request"]["bytes"],
        "http.response.body.size": exchange["response"]["bytes"] if exchange["response"] else None,
        # one of few values: the words of an error are in the status of the span
        "error.type": "_OTHER" if status is None else str(status) if status >= 400 else None,
        "dcrproof.exchange": exchange["number"],
        "dcrproof.party": exchange["party"],
    }
    # whether a status is right is for the check to say: many send what must be refused
    return Traced(
        id=span_id(id, exchange["number"]),
        parent=parent,
        name=f"{exchange['method']} {exchange['party']}",
        time=Span(start, start + (exchange["seconds"] or 0.0)),
        attributes=_shown(attributes),
        well=False if status is None else None,
        why=visible(exchange["error"] or ""),
        request=True,
    )


def _traced(
    id: str, parent: str, name: str, time: Span, about: Mapping[str, Value | None], *, well: bool | None, why: str
) -> Traced:
    attributes = {f"dcrproof.{name}": value for name, value in about.items()}
    return Traced(id, parent, name, time, _shown(attributes), well, "" if well else visible(why))


def _shown(attributes: Mapping[str, Value | None]) -> dict[str, Value]:
    return {
        name: visible(value) if isinstance(value, str) else value
        for name, value in attributes.items()
        if value is not None and value not in ("", [])
    }


def _whole(found: Sequence[Span]) -> Span:
    return Span(min(one.start for one in found), max(one.end for one in found))
