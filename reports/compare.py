"""Compares two runs: what broke, what was fixed, and which facts of the contract changed."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from dcrproof.core.checks.verdict import HELD, RED
from dcrproof.core.text import one_line
from dcrproof.reports.diagnosis import Check, Run
from dcrproof.reports.facts import MASKED, facts, times

SAMPLES = 5
"""The fewest exchanges of a kind in each run for which times are compared."""
SLOWER = 1.5
NOTICEABLE = 0.1
"""Seconds below which a difference does not count."""
NOT_SELECTED, NOT_REACHED = "not selected", "not reached"
"""What stands for a verdict that a run does not have."""
SHOWN = 8
"""How many checks are named where many changed in the same way."""


@dataclass(frozen=True)
class Changed:
    """A check and its verdicts in both runs; `why` says what was observed."""

    id: str
    old: str
    new: str
    why: str = ""


@dataclass(frozen=True)
class Fact:
    """A fact that changed: what was seen before and what is seen now; empty where it was absent."""

    kind: str
    where: str
    name: str
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True)
class Timing:
    """A kind of request whose typical time changed beyond noise; in seconds."""

    where: str
    old: float
    new: float


@dataclass(frozen=True)
class Comparison:
    """Only `broke` says that something is worse than before. The names are those of `dcrproof compare --json`."""

    broke: tuple[Changed, ...]
    fixed: tuple[Changed, ...]
    still_bad: tuple[Changed, ...]
    other: tuple[Changed, ...]
    """Changes of verdict that are neither better nor worse, such as to *not seen*."""
    facts: tuple[Fact, ...]
    timings: tuple[Timing, ...]
    about: tuple[str, ...]
    """How the runs themselves differ: target, versions, mode, undone steps."""

    def data(self) -> dict[str, Any]:
        return asdict(self)


def compare(old: Run, new: Run) -> Comparison:
    """The comparison of two runs; facts and times are compared for the checks that both have."""
    before = {check["id"]: check for check in old["checks"]}
    after = {check["id"]: check for check in new["checks"]}
    verdicts = [
        Changed(id, _word(old, before.get(id), id), _word(new, after.get(id), id), _why(after.get(id)))
        for id in dict.fromkeys([*before, *after])
    ]
    common = before.keys() & after.keys()
    return Comparison(
        tuple(one for one in verdicts if one.new in RED and one.old not in RED),
        tuple(one for one in verdicts if one.old in RED and one.new in HELD),
        tuple(one for one in verdicts if one.old in RED and one.new in RED),
        tuple(
            one
            for one in verdicts
            if one.old != one.new and one.new not in RED and not (one.old in RED and one.new in HELD)
        ),
        tuple(_facts(old, new, common)),
        tuple(_timings(times(old, common), times(new, common))),
        tuple(_about(old, new)),
    )


def _word(run: Run, check: Check | None, id: str) -> str:
    return str(check["verdict"]) if check else absent(run["selected"], id)


def absent(selected: Container[str], id: str) -> str:
    """What stands for the verdict of a check that a run does not have; `selected` are the ids that it was to run."""
    return NOT_REACHED if id in selected else NOT_SELECTED


def _why(check: Check | None) -> str:
    if check is None or check["verdict"] == "passed":
        return ""
    return one_line(
        f"blocked by {check['blocked_by']}" if check["blocked_by"] else check["observed"] or check["expected"]
    )


def _facts(old: Run, new: Run, common: set[str]) -> Iterator[Fact]:
    """The changed facts of requests that both runs sent, in checks that ended with the same verdict."""
    ended = [{check["id"]: check["verdict"] for check in run["checks"]} for run in (old, new)]
    alike = {id for id in common if ended[0][id] == ended[1][id]}
    before, after = facts(old, alike), facts(new, alike)
    asked = {(subject.kind, subject.where) for subject in before} & {(subject.kind, subject.where) for subject in after}
    for subject in sorted(before.keys() | after.keys()):
        was, now = before.get(subject), after.get(subject)
        if (subject.kind, subject.where) in asked and was != now and not _masked(was, now):
            yield Fact(subject.kind, subject.where, subject.name, _seen(was), _seen(now))


def _masked(*seen: set[str] | None) -> bool:
    return any(MASKED in value for values in seen if values for value in values)


def _seen(values: set[str] | None) -> tuple[str, ...]:
    return () if values is None else tuple(sorted(values)) or ("there",)


def _timings(old: Mapping[str, Sequence[float]], new: Mapping[str, Sequence[float]]) -> Iterator[Timing]:
    for where in sorted(old.keys() & new.keys()):
        if min(len(old[where]), len(new[where])) < SAMPLES:
            continue
        if _slower(old[where], new[where]) or _slower(new[where], old[where]):
            yield Timing(where, round(median(old[where]), 3), round(median(new[where]), 3))


def _slower(quick: Sequence[float], slow: Sequence[float]) -> bool:
    """Whether the median of the slow ones exceeds nine in ten of the quick ones, by a noticeable amount."""
    typical = median(slow)
    usual = quick[int(len(quick) * 0.9)]
    return typical > usual and typical > SLOWER * median(quick) and typical - median(quick) > NOTICEABLE


def _about(old: Run, new: Run) -> Iterator[str]:
    for name in ("version", "mode", "hostile", "profile", "target", "versions", "undone"):
        if old[name] != new[name]:
            yield f"{name}: {_words(old[name])} -> {_words(new[name])}"


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {member or 'unknown'}" for name, member in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return "none" if value is None else str(value)


def lines(comparison: Comparison) -> Iterator[str]:
    """The comparison as text, line by line."""
    for label, text in rows(comparison):
        yield f"{label:<10} {text}"
    yield counts(comparison)


def rows(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """What changed, one thing a row: a label, and a text on one line."""
    for text in comparison.about:
        yield "runs", one_line(text)
    groups = (
        ("broke", comparison.broke),
        ("fixed", comparison.fixed),
        ("still bad", comparison.still_bad),
    )
    for word, group in groups:
        for one in group:
            yield word, f"{one.id}: {one.old} -> {one.new}" + (f": {one.why}" if one.why else "")
    for (old, new), ids in _together(comparison.other).items():
        more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
        yield "changed", f"{old} -> {new}: {', '.join(ids[:SHOWN])}{more}"
    for fact in comparison.facts:
        name = f" {fact.name}" if fact.name else ""
        yield fact.kind, one_line(f"{fact.where}{name}: {_values(fact.old)} -> {_values(fact.new)}", 390)
    for timing in comparison.timings:
        yield "time", f"{timing.where}: {timing.old:.3f} s -> {timing.new:.3f} s"


def counts(comparison: Comparison) -> str:
    """How much changed, in words."""
    return (
        f"{len(comparison.broke)} broke, {len(comparison.fixed)} fixed, {len(comparison.still_bad)} still bad, "
        f"{len(comparison.facts)} facts and {len(comparison.timings)} times changed"
    )


def _together(changed: Sequence[Changed]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for one in changed:
        found.setdefault((one.old, one.new), []).append(one.id)
    return found


def _values(values: Sequence[str]) -> str:
    return " | ".join(values) or "not there"
