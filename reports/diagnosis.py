"""A check that did not pass, as a list of what is known of it: the same for every format."""

from collections.abc import Iterator, Mapping
from typing import Any

Run = Mapping[str, Any]
"""A run as `run.json` holds it."""
Check = Mapping[str, Any]


def needing_attention(run: Run) -> list[Check]:
    """The checks that failed, are unreachable or in error, and those that are blocked by a check which has no entry.

    Those that are known come last.
    """
    bad = {"failed", "unreachable", "error"}
    found = [check for check in run["checks"] if check["verdict"] in bad or _orphan(run, check)]
    return sorted(found, key=lambda check: bool(check["known"]))


def _orphan(run: Run, check: Check) -> bool:
    return check["verdict"] == "blocked" and all(other["id"] != check["blocked_by"] for other in run["checks"])


def claim(check: Check) -> str:
    """The check in one line: `FAILED token.is-jwt: The access token is a signed JWT`."""
    return f"{check['verdict'].upper()}{' (known)' if check['known'] else ''} {check['id']}: {check['title']}"


def told(run: Run, check: Check) -> Iterator[tuple[str, str]]:
    """What is known of it, each with its label, in the order in which a reader needs it; nothing that is empty."""
    parts = (_where(run, check), _what(check), _mend(run, check), _around(run, check))
    return ((label, text) for part in parts for label, text in part if text)


def _steps(run: Run, check: Check) -> list[Mapping[str, Any]]:
    steps = {step["id"]: step for step in run["steps"]}
    return [steps[id] for id in check["candidates"] if id in steps]


def _where(run: Run, check: Check) -> Iterator[tuple[str, str]]:
    found = _steps(run, check)
    yield "owner", ", ".join(check["owners"])
    if check["verdict"] == "failed" and not found:
        yield "step", "not a set-up step"
    for number, step in enumerate(found, 1):
        yield ("step" if len(found) == 1 else f"candidate {number}"), f"{step['id']}: {step['where']}"


def _what(check: Check) -> Iterator[tuple[str, str]]:
    yield "expected", check["expected"]
    yield "observed", check["observed"]
    for text in check["ruled_out"]:
        yield "ruled out", text
    yield "decides", check["decides"]
    yield "blocked by", check["blocked_by"] or ""
    yield "symptom", check["symptom"]


def _mend(run: Run, check: Check) -> Iterator[tuple[str, str]]:
    found = _steps(run, check)
    for number, step in enumerate(found, 1):
        which = f" {number}" if len(found) > 1 else ""
        yield f"mend{which}", step["mend"]
        yield f"beware{which}", step["beware"]
    yield "mend", check["mend"]


def _around(run: Run, check: Check) -> Iterator[tuple[str, str]]:
    if evidence := check["evidence"]:
        yield "evidence", "exchange {number}, {method} {url} -> {status}, {at}".format(**evidence)
    blocked = [other for other in run["checks"] if other["blocked_by"] == check["id"]]
    for text in dict.fromkeys(other["symptom"] for other in blocked):
        yield "symptom", text
    if blocked:
        yield "blocks", f"{len(blocked)} other checks" if len(blocked) > 1 else "one other check"
    yield "references", "; ".join(check["references"])
    yield "known", check["known"]
    yield "again", check["again"]
