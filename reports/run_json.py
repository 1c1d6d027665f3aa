"""`run.json`: the whole run, assembled from its events. Every other report is made from it.

`run.schema.json` beside this module is its JSON Schema; `docs/run-json.md` explains it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from dcrproof.core.checks.results import Result, headline
from dcrproof.core.checks.verdict import Verdict
from dcrproof.core.record.events import SCHEMA, Event
from dcrproof.reports.words import ENDINGS

KONG = re.compile(r"\bkong/(\d[\w.]*)", re.IGNORECASE)

LEFT = {"left behind", "clean-up failed"}
"""The kinds of notes on what is to be deleted by hand."""


def run_json(events: Iterable[Event]) -> dict[str, Any]:
    """The whole run: checks in the order of the catalogue, exchanges in the order of sending."""
    seen: dict[str, list[Event]] = {}
    for event in events:
        seen.setdefault(event["event"], []).append(event)
    started = seen.get("started", [{}])[0]
    ended: Event = seen.get("ended", [{}])[-1]
    target = {**started, **seen.get("target", [{}])[-1]}
    verdicts = {event["id"]: event for event in seen.get("verdict", [])}
    checks = sorted(verdicts.values(), key=lambda event: event["order"])
    exchanges = sorted(_exchanges(seen), key=lambda exchange: (exchange["at"], exchange["number"]))
    exit = ended.get("exit")
    times = [event["at"] for kind in ("started", "sent", "exchange", "ended") for event in seen.get(kind, [])]
    numbers: dict[str, list[int]] = {}
    for exchange in exchanges:
        numbers.setdefault(exchange["check"], []).append(exchange["number"])
    return {
        "schema": SCHEMA,
        "exit": exit,
        "verdict": ENDINGS[exit].word if exit in ENDINGS else f"exit {exit}",
        "headline": headline([_result(event) for event in checks], exit, _whys(seen)),
        "version": started.get("version"),
        "started": started.get("at"),
        "ended": ended.get("at"),
        "seconds": _seconds(min(times), max(times)) if times else 0.0,
        "command": started.get("command"),
        "mode": started.get("mode"),
        "hostile": started.get("hostile"),
        "profile": started.get("profile"),
        "profile_places": started.get("profile_places"),
        "target": target.get("target", {}),
        "versions": _versions(target, exchanges),
        "undone": started.get("undone", []),
        "selected": started.get("selected", []),
        "checks": [_check(event, numbers.get(event["id"], [])) for event in checks],
        "steps": [_step(step, checks) for step in started.get("steps", [])],
        "exchanges": exchanges,
        "calls": [_without(event, "event") for event in seen.get("call", [])],
        "waits": list(_waits(seen)),
        "left_behind": [note["text"] for note in seen.get("note", []) if note["kind"] in LEFT],
        "notes": [_without(note, "event") for note in seen.get("note", [])],
        "load": _without(seen["load"][-1], "event") if "load" in seen else None,
    }


def _without(event: Event, *names: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in names}


def _whys(seen: Mapping[str, Sequence[Event]]) -> list[str]:
    """What can make a run red beside its checks: the kinds of its notes, apart from what is told alone."""
    return [note["kind"] for note in seen.get("note", []) if note["kind"] != "left behind"]


def _exchanges(seen: Mapping[str, Sequence[Event]]) -> Iterator[dict[str, Any]]:
    """Each exchange; a request without a recorded exchange was under way when the record ended."""
    known = set()
    for event in seen.get("exchange", []):
        known.add(event["number"])
        yield _without(event, "event")
    for event in seen.get("sent", []):
        if event["number"] not in known:
            yield {
                "number": event["number"],
                "at": event["at"],
                "from": event["from"],
                "to": event["to"],
                "party": event["party"],
                "node": None,
                "method": event["method"],
                "url": event["url"],
                "status": None,
                "seconds": None,
                "request": {"headers": [], "body": None, "bytes": 0, "note": "not recorded"},
                "response": None,
                "jwts": [],
                "check": event["check"],
                "error": "the record of the run breaks off before an answer",
            }


def _waits(seen: Mapping[str, Sequence[Event]]) -> Iterator[dict[str, Any]]:
    """Each wait once: it is recorded repeatedly while it lasts."""
    last = {(event["at"], event["check"]): event for event in seen.get("waiting", [])}
    return (_without(event, "event") for event in last.values())


def _seconds(first: str, last: str) -> float:
    return round((datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds(), 3)


def _versions(target: Event, exchanges: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """The version of each party from the profile; that of a gateway also from its answers."""
    found: dict[str, str | None] = dict.fromkeys(target.get("target", {}))
    found |= target.get("versions", {})
    if "gateway" in found and found["gateway"] is None:
        headers = (
            value
            for exchange in exchanges
            if exchange["party"] == "gateway" and exchange["response"]
            for name, value in exchange["response"]["headers"]
            if name.lower() in {"server", "via"}
        )
        found["gateway"] = next((match[1] for value in headers if (match := KONG.search(value))), None)
    return found


def _result(event: Event) -> Result:
    return Result.of(_without(event, "event", "at", "again", "owners"))


def _check(event: Event, exchanges: list[int]) -> dict[str, Any]:
    return {"at": None, **_without(event, "event", "order"), "red": _result(event).red, "exchanges": exchanges}


def _step(step: Mapping[str, Any], checks: Iterable[Event]) -> dict[str, Any]:
    guarding = [check for check in checks if step["id"] in check["steps"]]
    return {**step, "mark": _mark(step["id"], guarding), "checks": [check["id"] for check in guarding]}


def _mark(step: str, checks: Sequence[Event]) -> str:
    """The mark of a setup step, by the checks that guard it: the worst first."""
    suspected = [check["candidates"] for check in checks if step in check["candidates"]]
    if [step] in suspected:
        return "wrong"
    if suspected:
        return "suspected"
    verdicts = {check["verdict"] for check in checks}
    if Verdict.PASSED in verdicts:
        return "holds"
    if verdicts & {Verdict.BLOCKED, Verdict.UNREACHABLE, Verdict.ERROR}:
        return "blocked"
    return "not seen" if verdicts else "not checked"
