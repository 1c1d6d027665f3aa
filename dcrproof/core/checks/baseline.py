"""The baseline: known failures, each with its reason, its owner, and the last day on which it is excused.

    [[known]]
    check = "strategy.claim"           an id, a prefix of ids (`plugin`), or a pattern (`route.*.cached`)
    reason = "TICKET-12: the claim is changed with the next release"
    owner = "Konnect admins"
    expires = 2026-12-24               the last day

The checks that a known failure blocks are known too. An entry that has expired, or whose checks ran and passed, makes
the run red: an outdated baseline would hide failures.
"""

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from dcrproof.core.checks.check import matches
from dcrproof.core.checks.results import Result
from dcrproof.core.checks.verdict import HELD, RED, Verdict
from dcrproof.core.files import content
from dcrproof.core.text import meant

KEYS = ("check", "reason", "owner", "expires")
EXCUSED = RED - {Verdict.ERROR}
"""The verdicts that may be known; an internal error never is."""


class BadBaseline(Exception):
    """An invalid baseline: one line for each problem, with its place in the file."""

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        super().__init__("\n".join([f"{source}: {len(problems)} problem(s)", *(f"  {line}" for line in problems)]))


@dataclass(frozen=True)
class Known:
    """One entry; `number` is its place in the file, from 1."""

    number: int
    check: str
    reason: str
    owner: str
    expires: date

    def names(self, id: str) -> bool:
        return matches(id, self.check) or fnmatchcase(id, self.check)

    def expired(self, today: date) -> bool:
        return today > self.expires

    @property
    def why(self) -> str:
        return f"{self.reason} ({self.owner}, until {self.expires})"


@dataclass(frozen=True)
class Baseline:
    source: str
    entries: tuple[Known, ...]

    def why(self, result: Result, today: date) -> str:
        """Why a result that would make the run red is excused; empty where it is not."""
        if result.verdict not in EXCUSED:
            return ""
        by = {result.id, *([result.blocked_by] if result.blocked_by else [])}
        valid = [entry for entry in self.entries if not entry.expired(today)]
        return next((entry.why for entry in valid if any(map(entry.names, by))), "")

    def complaints(self, results: Iterable[Result], today: date) -> Iterator[str]:
        """Problems of the baseline, in words: entries that have expired, and stale ones."""
        ran = list(results)
        for entry in self.entries:
            place = f"{self.source}: [[known]] {entry.number} ({entry.check})"
            if entry.expired(today):
                yield f"{place} expired on {entry.expires}: fix it, or agree on another day with {entry.owner}"
                continue
            named = [result for result in ran if entry.names(result.id)]
            if named and all(result.verdict in HELD for result in named):
                verdicts = "passed" if len(named) == 1 else f"all passed ({len(named)} checks)"
                yield f"{place} is stale: {verdicts}; delete the entry"


def read(path: Path, ids: Iterable[str]) -> Baseline:
    """The baseline in a file; `ids` are those of all checks. Raises BadBaseline with all problems at once."""
    try:
        tables = tomllib.loads(content(path).decode("utf-8-sig"))
    except OSError as error:
        raise BadBaseline(str(path), [f"cannot be read: {error.strerror}"]) from None
    except UnicodeError:
        raise BadBaseline(str(path), ["is not UTF-8 text"]) from None
    except (ValueError, RecursionError) as error:
        # as well what the parser does not catch: a number too long, a nesting too deep
        raise BadBaseline(str(path), [f"is not TOML: {error}"]) from None
    problems = [f"{name}: unknown; a baseline contains only [[known]]" for name in tables if name != "known"]
    entries = tables.get("known", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadBaseline(str(path), [*problems, "known: expected tables, [[known]]"])
    catalogue = list(ids)
    for number, entry in enumerate(entries, 1):
        problems += [f"[[known]] {number}{problem}" for problem in _problems(entry, catalogue)]
    if problems:
        raise BadBaseline(str(path), problems)
    return Baseline(str(path), tuple(Known(number, **entry) for number, entry in enumerate(entries, 1)))


def _problems(entry: dict[str, Any], ids: list[str]) -> Iterator[str]:
    for name in entry:
        if name not in KEYS:
            yield f" {name}: unknown; an entry has {', '.join(KEYS)}"
    for name in KEYS:
        if name not in entry:
            yield f": {name} is missing"
    for name in ("check", "reason", "owner"):
        if name in entry and not (isinstance(entry[name], str) and entry[name].strip()):
            yield f" {name}: expected a non-empty text, found {entry[name]!r}"
    # datetime is a subclass of date
    expires = entry.get("expires", date.min)
    if not isinstance(expires, date) or isinstance(expires, datetime):
        yield f" expires: expected a date, such as 2026-12-24, found {expires!r}"
    check = entry.get("check")
    if isinstance(check, str) and check.strip() and not any(Known(0, check, "", "", date.max).names(id) for id in ids):
        yield f" check: no check matches {check!r}; {meant(check, ids) or '`dcrproof checks` lists them'}"
