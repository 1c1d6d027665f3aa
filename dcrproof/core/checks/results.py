"""What a run says of one check, in plain data: it crosses from worker to controller and into `run.json`."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dcrproof.core.checks.check import check_of
from dcrproof.core.checks.outcomes import Verdict

RED = frozenset({Verdict.FAILED, Verdict.BLOCKED, Verdict.UNREACHABLE, Verdict.ERROR})
AFTERWARDS = (99, 0)
"""The place in the catalogue of what is judged when all other checks have ended."""
RAN = frozenset({Verdict.PASSED, Verdict.OBSERVED}) | RED


@dataclass(frozen=True)
class Result:
    """`order` is the check's place in the catalogue; `blocked_by` the id of the check that blocks it, or None."""

    id: str
    title: str
    level: str
    stage: str
    order: tuple[int, int]
    verdict: Verdict
    steps: tuple[str, ...]
    candidates: tuple[str, ...] = ()
    blocked_by: str | None = None
    expected: str = ""
    observed: str = ""
    ruled_out: tuple[str, ...] = ()
    decides: str = ""
    """Which access would tell the candidates from one another."""
    owner: str = ""
    mend: str = ""
    """Who mends a failure and how, where that is not said by a set-up step."""
    symptom: str = ""
    """Of a blocked check: what happened when its step was tried all the same."""
    observations: tuple[Mapping[str, Any], ...] = ()
    evidence: Mapping[str, Any] | None = None
    """The exchange that a failure rests on: number, method, url, status, at."""
    seconds: float = 0.0
    evidence_level: str = ""
    """How good the public evidence for the claim is."""
    hostile: bool = False
    references: tuple[str, ...] = ()
    known: str = ""
    """Why it may be red for now, as the baseline says; empty where it says nothing."""

    def data(self) -> dict[str, Any]:
        """As JSON takes it; `of` is the inverse."""
        return {
            **self.__dict__,
            "order": list(self.order),
            "verdict": str(self.verdict),
            "steps": list(self.steps),
            "candidates": list(self.candidates),
            "ruled_out": list(self.ruled_out),
            "references": list(self.references),
            "observations": [dict(item) for item in self.observations],
            "evidence": dict(self.evidence) if self.evidence else None,
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Result":
        return cls(
            **{
                **data,
                "order": tuple(data["order"]),
                "verdict": Verdict(data["verdict"]),
                "steps": tuple(data["steps"]),
                "candidates": tuple(data["candidates"]),
                "ruled_out": tuple(data["ruled_out"]),
                "references": tuple(data["references"]),
                "observations": tuple(data["observations"]),
            }
        )

    @classmethod
    def afterwards(cls, test: Callable[..., Any], verdict: Verdict, expected: str, observed: str) -> "Result":
        """The result of a check that is judged when all others have ended; it stands after them."""
        check = check_of(test)
        assert check is not None  # noqa: S101 - for the type checker: such a function carries a check
        failed = check.steps if verdict is Verdict.FAILED else ()
        return cls(
            check.id,
            check.title,
            str(check.level),
            check.stage,
            AFTERWARDS,
            verdict,
            check.steps,
            failed,
            expected=expected,
            observed=observed,
        )

    def masked(self, mask: Callable[[str], str]) -> "Result":
        """The result with everything that came from outside masked."""
        return replace(
            self,
            expected=mask(self.expected),
            observed=mask(self.observed),
            symptom=mask(self.symptom),
            ruled_out=tuple(map(mask, self.ruled_out)),
            decides=mask(self.decides),
            observations=tuple({**item, "observed": mask(item["observed"])} for item in self.observations),
        )

    @property
    def red(self) -> bool:
        return self.level == "MUST" and self.verdict in RED and not self.known


class Exit:
    """The exit codes of pytest and of `dcrproof`."""

    GREEN = 0
    BROKEN = 1
    INTERRUPTED = 2
    OWN_FAULT = 3
    USAGE = 4
    NOTHING_RAN = 5
    UNREACHABLE = 6


def exit_code(results: Iterable[Result]) -> int:
    """What a run that was not interrupted exits with: 3 before 1 before 6, 5 where no check ran."""
    verdicts = [(result.verdict, result.red) for result in results]
    if any(verdict is Verdict.ERROR for verdict, _ in verdicts):
        return Exit.OWN_FAULT
    if any(verdict is Verdict.FAILED and red for verdict, red in verdicts):
        return Exit.BROKEN
    if any(verdict is Verdict.UNREACHABLE and red for verdict, red in verdicts):
        return Exit.UNREACHABLE
    if any(red for _, red in verdicts):
        return Exit.BROKEN
    if not any(verdict in RAN for verdict, _ in verdicts):
        return Exit.NOTHING_RAN
    return Exit.GREEN


def headline(results: Sequence[Result], code: int | None) -> str:
    """The run in one line: it never says more than the exit code does."""
    if code is None:
        return f"cut short: the record has no end - {counted(results)}"
    if code == Exit.INTERRUPTED:
        return f"interrupted - {counted(results)}"
    red = [result for result in results if result.red]
    first = next((result for result in red if result.verdict is not Verdict.BLOCKED), None)
    if first is not None:
        steps = f" ({', '.join(first.candidates)})" if first.candidates else ""
        return f"{first.verdict}: {first.id}{steps} - {counted(results)}"
    if not any(result.verdict in RAN for result in results):
        return f"no check ran: that is no pass - {counted(results)}"
    if code != Exit.GREEN:
        blocked = next((f": {result.id} is blocked by {result.blocked_by}" for result in red), "")
        return f"red, exit {code}{blocked} - {counted(results)}"
    return f"green - {counted(results)}"


def counted(results: Iterable[Result]) -> str:
    numbers = Counter(
        "known"
        if result.known
        else "failed SHOULD"
        if result.verdict is Verdict.FAILED and not result.red
        else str(result.verdict)
        for result in results
    )
    order = [
        "failed",
        "unreachable",
        "error",
        "failed SHOULD",
        "known",
        "passed",
        "observed",
        "blocked",
        "not seen",
        "not applicable",
    ]
    return ", ".join(f"{numbers[name]} {name}" for name in order if numbers[name])
