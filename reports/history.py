"""The history of a folder of runs: the verdicts of each, and what changed from one to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dcrproof.core.checks.results import Exit
from dcrproof.core.checks.verdict import SHOWN
from dcrproof.reports.compare import Comparison, absent, compare
from dcrproof.reports.diagnosis import Check, Run
from dcrproof.reports.timeline import stage_seconds


@dataclass(frozen=True)
class Past:
    """One run of a history. `verdicts` are those of its checks by id, as words of `SHOWN`."""

    name: str
    """Of its folder."""
    started: str
    exit: int | None
    headline: str
    seconds: float
    verdicts: Mapping[str, str]
    stages: Mapping[str, float]
    """The seconds of each stage."""
    selected: frozenset[str] = frozenset()
    """The ids of the checks that were to run."""
    page: str = ""
    """Where its page is, as a link from the history's; empty where there is none."""
    changed: Comparison | None = None
    """What is different from the run before it; None for the first one."""

    @property
    def day(self) -> str:
        return self.started[:10]

    def word(self, id: str) -> str:
        """The verdict of that check, or what stands for it where there is none."""
        return self.verdicts.get(id) or absent(self.selected, id)

    def data(self) -> dict[str, Any]:
        names = ("name", "started", "exit", "headline", "seconds", "verdicts", "stages")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Against:
    """What the newest run is compared with: the last green run before it, else the one before it."""

    name: str
    green: bool
    comparison: Comparison


@dataclass
class History:
    """Runs from the oldest to the newest. It holds three of them in full at most."""

    runs: list[Past] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    """Of each check, by id."""
    _newest: tuple[str, Run] | None = None
    _other: tuple[str, Run] | None = None
    """The last green run before the newest one, else the one before it."""

    def add(self, name: str, run: Run, page: str = "") -> None:
        """Adds a run that is newer than those before; `name` is that of its folder, `page` the link to its page.

        Changes nothing where it raises, which it may do in many ways for a record that is damaged.
        """
        before = self._newest
        changed = compare(before[1] if before else run, run)
        past = _past(name, run, page, changed if before else None)
        self.titles |= {check["id"]: check["title"] for check in run["checks"]}
        self.runs.append(past)
        if before and (_green(before[1]) or self._other is None or not _green(self._other[1])):
            self._other = before
        self._newest = name, run

    @property
    def counted(self) -> str:
        return f"{len(self.runs)} run{'' if len(self.runs) == 1 else 's'}"

    @cached_property
    def against(self) -> Against | None:
        """What the newest run is compared with; None where it is alone."""
        if self._newest is None or self._other is None:
            return None
        name, other = self._other
        return Against(name, _green(other), compare(other, self._newest[1]))

    def data(self) -> dict[str, Any]:
        """As `dcrproof compare --json` prints it."""
        against = self.against
        about = {"name": against.name, "green": against.green, **against.comparison.data()} if against else None
        return {"runs": [run.data() for run in self.runs], "against": about}


def _green(run: Run) -> bool:
    return bool(run["exit"] == Exit.GREEN)


def _past(name: str, run: Run, page: str, changed: Comparison | None) -> Past:
    return Past(
        name=name,
        started=run["started"] or "",
        exit=run["exit"],
        headline=run["headline"],
        seconds=run["seconds"],
        verdicts={check["id"]: word(check) for check in run["checks"]},
        stages=stage_seconds(run),
        selected=frozenset(run["selected"]),
        page=page,
        changed=changed,
    )


def word(check: Check) -> str:
    """The verdict as it is counted: a failure that does not make a run red has a word of its own."""
    if check["known"]:
        return "known"
    if check["verdict"] == "failed" and not check["red"]:
        return "failed SHOULD"
    return str(check["verdict"])


BAD = frozenset(shown.word for shown in SHOWN.values() if shown.red) | {"known", "failed SHOULD"}
