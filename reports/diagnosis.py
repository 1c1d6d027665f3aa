"""The diagnosis of a check as labelled texts, put together once: every format renders these."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from dcrproof.core.checks.verdict import CAUSES

Run = Mapping[str, Any]
"""A run as `run.json` holds it."""
Check = Mapping[str, Any]
Step = Mapping[str, Any]


class Label(StrEnum):
    """In the order in which a reader needs them."""

    OWNER = "owner"
    PROFILE = "profile"
    STEP = "step"
    HOW_TO = "how-to"
    EXPECTED = "expected"
    OBSERVED = "observed"
    RULED_OUT = "ruled out"
    NARROW_DOWN = "to narrow down"
    BLOCKED_BY = "blocked by"
    FIX = "fix"
    CAUTION = "caution"
    IMPACT = "impact"
    EVIDENCE = "evidence"
    SOURCES = "sources"
    KNOWN = "known"
    RERUN = "rerun"


ORDER = list(Label)
WIDTH = max(map(len, Label))

FIXES = {
    "unreachable": (
        "check the address in the profile, and name, proxy and certificate on the way there from the machine that"
        " runs dcrproof (the party's keys proxy, ca and client_cert)"
    ),
    "error": "this is a bug in dcrproof: report it with run.json",
}
"""What to do about a verdict where neither a setup step nor the check says so."""


class Row(NamedTuple):
    """`link` is the part of the page that the text is about: `step-ID`, `check-ID`, `exchange-NUMBER`, or empty."""

    label: Label
    text: str
    link: str = ""


@dataclass(frozen=True)
class Trouble:
    """One thing to fix: the setup step that is wrong, or the candidates, with the checks that say so.

    `steps` is empty where no setup step explains it. `checks` are in the order of the catalogue.
    """

    steps: tuple[Step, ...]
    checks: tuple[Check, ...]

    @property
    def first(self) -> Check:
        return self.checks[0]


def troubles(checks: Sequence[Check], steps: Mapping[str, Step]) -> list[Trouble]:
    """What has to be fixed, each once, in the order in which the flow meets it.

    Checks that name the same step are one trouble. A check with several candidates joins the trouble of a step among
    them that is known to be wrong.
    """
    red = [check for check in checks if check["red"] and check["verdict"] != "blocked"]
    found: dict[tuple[str, ...], list[Check]] = {}
    for check in red:
        candidates = tuple(id for id in check["candidates"] if id in steps)
        key = candidates or (check["verdict"], check["observed"])
        explained = (known for known in found if set(known) <= set(candidates))
        found.setdefault(next(explained, key), []).append(check)
    return [
        Trouble(
            tuple(steps[id] for id in key if id in steps and together[0]["candidates"]),
            tuple(together),
        )
        for key, together in found.items()
    ]


def needing_attention(run: Run) -> list[Check]:
    """The checks that failed, are unreachable or in error, and those that are blocked by a check without an entry.

    Known failures come last.
    """
    found = [check for check in run["checks"] if check["verdict"] in CAUSES or _orphan(run, check)]
    return sorted(found, key=lambda check: bool(check["known"]))


def _orphan(run: Run, check: Check) -> bool:
    return check["verdict"] == "blocked" and all(other["id"] != check["blocked_by"] for other in run["checks"])


def status(check: Check) -> str:
    """The verdict as a heading has it: `FAILED`, `FAILED (known)`."""
    return f"{check['verdict'].upper()}{' (known)' if check['known'] else ''}"


def claim(check: Check) -> str:
    """The check in one line: `FAILED token.is-jwt: The access token is a signed JWT`."""
    return f"{status(check)} {check['id']}: {check['title']}{'   SECURITY' if check['security'] else ''}"


def plain(run: Run, check: Check) -> str:
    """The diagnosis in plain text: a heading, and a line for each row. The sources are left out."""
    rows = diagnosis(run, check)
    owner = "".join(f"   owner: {row.text}" for row in rows if row.label is Label.OWNER)
    below = [row for row in rows if row.label not in {Label.OWNER, Label.SOURCES}]
    return "\n".join([claim(check) + owner, *(f"  {row.label:<{WIDTH}} {row.text}" for row in below)])


def diagnosis(run: Run, check: Check) -> list[Row]:
    """The rows in the order of their labels. A label can occur several times; rows without a text are left out."""
    rows = (row for part in (_causes, _both_sides, _around) for row in part(run, check) if row.text)
    return sorted(rows, key=lambda row: ORDER.index(row.label))


def _causes(run: Run, check: Check) -> Iterator[Row]:
    """Who fixes it and how: by the setup steps that may be wrong, numbered where there are several."""
    if check["verdict"] not in CAUSES:
        return
    if check["verdict"] != "error":  # a bug of dcrproof is nobody else's
        yield Row(Label.OWNER, " or ".join(check["owners"]))
    for key in check["profile"]:
        yield Row(Label.PROFILE, f"check first {key}")
    yield Row(Label.FIX, check["fix"])
    steps = {step["id"]: step for step in run["steps"]}
    found = [steps[id] for id in check["candidates"] if id in steps]
    for number, step in enumerate(found, 1):
        which = f"{number} " if len(found) > 1 else ""
        link = f"step-{step['id']}"
        if len(found) == 1:
            yield Row(Label.STEP, step["id"], link)
            yield Row(Label.HOW_TO, step["where"])
        else:
            whose = f" ({step['owner']})" if len(check["owners"]) > 1 else ""
            yield Row(Label.STEP, f"{which}{step['id']}{whose}: {step['where']}", link)
        yield Row(Label.FIX, f"{which}{step['fix']}")
        if step["caution"]:
            yield Row(Label.CAUTION, f"{which}{step['caution']}")
    if check["verdict"] == "failed" and not found and not check["profile"]:
        yield Row(Label.STEP, "not a setup step")
    yield Row(Label.FIX, "" if found or check["fix"] else FIXES.get(check["verdict"], ""))


def _both_sides(_: Run, check: Check) -> Iterator[Row]:
    yield Row(Label.EXPECTED, check["expected"])
    yield Row(Label.OBSERVED, check["observed"])
    for text in check["ruled_out"]:
        yield Row(Label.RULED_OUT, text)
    yield Row(Label.NARROW_DOWN, check["decides"])


def _around(run: Run, check: Check) -> Iterator[Row]:
    if by := check["blocked_by"]:
        yield Row(Label.BLOCKED_BY, by, f"check-{by}")
    yield Row(Label.IMPACT, check["symptom"])
    blocked = [other for other in run["checks"] if other["blocked_by"] == check["id"]]
    if blocked:
        symptoms = dict.fromkeys(other["symptom"] for other in blocked if other["symptom"])
        number = f"{len(blocked)} {'check' if len(blocked) == 1 else 'checks'} blocked"
        yield Row(Label.IMPACT, "; ".join([*symptoms, number]))
    if found := evidence(run, check):
        answer = found["status"] if found["status"] is not None else "no answer"
        text = f"exchange {found['number']}, {found['method']} {found['url']} -> {answer}, {found['at']}"
        yield Row(Label.EVIDENCE, text, f"exchange-{found['number']}")
    yield Row(Label.SOURCES, "; ".join(check["references"]))
    yield Row(Label.KNOWN, check["known"])
    yield Row(Label.RERUN, check["again"])


def evidence(run: Run, check: Check) -> Mapping[str, Any] | None:
    """The exchange that a verdict rests on: the one that it names, else the last one of a check that went wrong."""
    if check["evidence"] or check["verdict"] not in CAUSES:
        found: Mapping[str, Any] | None = check["evidence"]
        return found
    last = max(check["exchanges"], default=0)
    return next((exchange for exchange in run["exchanges"] if exchange["number"] == last), None)
