"""The result of a check as plain data, which goes from worker to controller and into `run.json`; and the exit codes."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Any

from dcrproof.core.checks.check import Check, Evidence, Level, check_of
from dcrproof.core.checks.verdict import HELD, RED, SHOWN, Shown, Verdict

AFTERWARDS = (99, 0)
"""The place in the catalogue of checks that are judged when all others have ended."""
RAN = HELD | RED


@dataclass(frozen=True)
class Result:
    """`order` is the check's place in the catalogue; `blocked_by` the id of the check that blocks it, or None."""

    id: str
    title: str
    level: Level
    stage: str
    order: tuple[int, int]
    verdict: Verdict
    steps: tuple[str, ...]
    candidates: tuple[str, ...] = ()
    """Of a failure: the setup steps that may be wrong."""
    profile: tuple[str, ...] = ()
    """Of a failure: keys of the profile whose values may be wrong, each with a hint after a colon."""
    blocked_by: str | None = None
    expected: str = ""
    observed: str = ""
    ruled_out: tuple[str, ...] = ()
    decides: str = ""
    """Which access would narrow the candidates down."""
    owner: str = ""
    """Who looks at a failure that no setup step explains."""
    fix: str = ""
    """What to do about a failure that no setup step explains."""
    symptom: str = ""
    """Of a blocked check: what happened when its step was tried nevertheless."""
    observations: tuple[Mapping[str, Any], ...] = ()
    evidence: Mapping[str, Any] | None = None
    """The exchange that a failure rests on: number, method, url, status, at."""
    seconds: float = 0.0
    evidence_level: Evidence = Evidence.UNKNOWN
    """How good the public evidence for the claim is."""
    hostile: bool = False
    security: bool = False
    references: tuple[str, ...] = ()
    known: str = ""
    """Why the baseline excuses it; empty where it does not."""

    @classmethod
    def of_check(cls, check: Check, order: tuple[int, int], verdict: Verdict) -> "Result":
        """A result with the data of its check, and nothing that was observed."""
        return cls(
            id=check.id,
            title=check.title,
            level=check.level,
            stage=check.stage,
            order=order,
            verdict=verdict,
            steps=check.steps,
            owner=check.owner,
            evidence_level=check.evidence,
            hostile=check.hostile,
            security=check.security,
            references=check.references,
        )

    @classmethod
    def afterwards(cls, test: Callable[..., Any], verdict: Verdict, expected: str, observed: str) -> "Result":
        """The result of a check that is judged when all others have ended. Raises TypeError where `test` is not one."""
        check = check_of(test)
        if check is None:
            raise TypeError(f"{test.__name__} is not a check")
        candidates = check.steps if verdict is Verdict.FAILED else ()
        result = cls.of_check(check, AFTERWARDS, verdict)
        return replace(result, candidates=candidates, expected=expected, observed=observed)

    def data(self) -> dict[str, Any]:
        """As JSON takes it; `of` is the inverse."""
        return {name: _plain(value) for name, value in vars(self).items()}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Result":
        values: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in data.items()}
        values["level"] = Level(data["level"])
        values["verdict"] = Verdict(data["verdict"])
        values["evidence_level"] = Evidence(data["evidence_level"])
        return cls(**values)

    def masked(self, mask: Callable[[str], str]) -> "Result":
        """The result with everything that came from outside masked."""
        return replace(
            self,
            expected=mask(self.expected),
            observed=mask(self.observed),
            symptom=mask(self.symptom),
            ruled_out=tuple(map(mask, self.ruled_out)),
            decides=mask(self.decides),
            profile=tuple(map(mask, self.profile)),
            evidence=self.evidence and {**self.evidence, "url": mask(self.evidence["url"])},
            observations=tuple({**item, "observed": mask(item["observed"])} for item in self.observations),
        )

    @property
    def red(self) -> bool:
        """Whether it makes the run red."""
        return self.level == Level.MUST and self.verdict in RED and not self.known

    @property
    def shown(self) -> Shown:
        if self.known:
            return SHOWN["known"]
        return SHOWN["failed SHOULD" if self.verdict is Verdict.FAILED and not self.red else self.verdict]


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


class Exit(IntEnum):
    """The exit codes of pytest and of `dcrproof`."""

    GREEN = 0
    BROKEN = 1
    INTERRUPTED = 2
    INTERNAL_ERROR = 3
    """Also for a failed clean-up and for a leaked secret."""
    USAGE = 4
    NOTHING_RAN = 5
    UNREACHABLE = 6


def exit_code(results: Iterable[Result]) -> int:
    """The exit code of a run that was not interrupted: 3 before 1 before 6; 5 if no checks ran."""
    verdicts = [(result.verdict, result.red) for result in results]
    if any(verdict is Verdict.ERROR for verdict, _ in verdicts):
        return Exit.INTERNAL_ERROR
    if any(verdict is Verdict.FAILED and red for verdict, red in verdicts):
        return Exit.BROKEN
    if any(verdict is Verdict.UNREACHABLE and red for verdict, red in verdicts):
        return Exit.UNREACHABLE
    if any(red for _, red in verdicts):
        return Exit.BROKEN
    if not any(verdict in RAN for verdict, _ in verdicts):
        return Exit.NOTHING_RAN
    return Exit.GREEN


def headline(results: Sequence[Result], code: int | None, why: Iterable[str] = ()) -> str:
    """The run in one line: it never says more than the exit code does.

    `why` are the kinds of its notes, which say why a run is red in which no check is.
    """
    return " - ".join(filter(None, (_outcome(results, code, why), counted(results))))


def _outcome(results: Sequence[Result], code: int | None, why: Iterable[str]) -> str:
    if code is None:
        return "cut short: the record has no end"
    if code == Exit.INTERRUPTED:
        return "interrupted"
    red = [result for result in results if result.red]
    first = next((result for result in red if result.verdict is not Verdict.BLOCKED), None)
    if first is not None:
        return f"{first.verdict}: {first.id}{_causes(first)}"
    if not any(result.verdict in RAN for result in results):
        return "no checks ran; this is not a pass"
    if code != Exit.GREEN:
        reasons = [f"{result.id} is blocked by {result.blocked_by}" for result in red][:1] or dict.fromkeys(why)
        return f"red, exit {code}{': ' if reasons else ''}{', '.join(reasons)}"
    return "green"


def _causes(failed: Result) -> str:
    """The keys of the profile and the setup steps that may be wrong, as many as fit on the line."""
    keys = [text.partition(":")[0] for text in failed.profile]
    several = len(failed.candidates) > 3
    steps = [f"one of {len(failed.candidates)} setup steps"] if several else failed.candidates
    return f" ({', '.join([*keys, *steps])})" if keys or steps else ""


def counted(results: Iterable[Result]) -> str:
    """How many results there are of each kind: `1 failed, 2 passed`."""
    numbers = Counter(result.shown for result in results)
    return ", ".join(f"{numbers[shown]} {shown.word}" for shown in SHOWN.values() if numbers[shown])
