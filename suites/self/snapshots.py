"""How the runs of the matrix are written down: the first diagnosis of each, and the verdicts of all checks."""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from performing import Case, Ended

from dcrproof.core.checks.verdict import SHOWN

FOLDER = Path(__file__).with_name("snapshots")
DIAGNOSES = FOLDER / "diagnoses.txt"
MATRIX = Path(__file__).parents[2] / "docs" / "matrix.md"

NORMALISED = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"exchange \d+", "exchange N"),
    (r"request (\d+) of (\d+)", "request N of N"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:N"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "ID"),
    (r"dcrproof [0-9a-f]{8}\b", "dcrproof MARK"),
    (r"kong:trace:\d+", "kong:trace:N"),
    (r" --dcr-profile=\S+", ""),
    (r"_0XBPWQQ_[0-9a-f-]+", "_0XBPWQQ_..."),
    (r"\b\d+ checks? blocked", "N checks blocked"),
    (r"\b\d+ s (behind|ahead|that a token lives)", r"N s \1"),
)
"""What differs from run to run, and what stands in its place."""


def title(case: Case) -> str:
    return f"{case.undo}{', without a look at the configuration of Curity' if case.blind else ''}"


def first(run: Ended) -> Mapping[str, object]:
    return next(check for check in run.failed if check["level"] == "MUST")


def diagnosis(run: Ended) -> str:
    """What the run has printed of the first check that failed."""
    start = run.printed.index(f"FAILED {first(run)['id']}: ")
    lines = run.printed[start:].splitlines()
    end = next(number for number, line in enumerate(lines) if line.startswith("  rerun "))
    text = "\n".join(lines[: end + 1])
    for pattern, name in NORMALISED:
        text = re.sub(pattern, name, text)
    return text


def diagnoses(ended: Mapping[Case, Ended], cases: Iterable[Case]) -> str:
    return "\n\n".join(f"# {title(case)}\n\n{diagnosis(ended[case])}" for case in cases) + "\n"


def named_first() -> dict[str, str]:
    """Of each step left undone, and each variant, the check that names it: as `diagnoses.txt` has it."""
    found = re.findall(r"^# (\S+)\n\nFAILED (\S+): ", DIAGNOSES.read_text("utf-8"), re.MULTILINE)
    return dict(found)


HEAD = """\
# What each broken target does to the checks

Made by dcrproof's own tests from runs that really were: for each set-up step that can be left undone, and each way of
doing it wrong, the verdicts of all checks; and for each check what turns it red. `CONTRIBUTING.md` says how this page
is made anew.

## A step left undone

Under each step stand the check that names it first, the steps that this check names, and the verdicts stage by stage,
one letter for each check in the order of `dcrproof checks`: `.` passed, `F` failed, `b` blocked, `-` not seen, `n` not
applicable. A stage that is left out passed as a whole. A variant was run without the stages behind the flow; "blind" is
a run that may not read Curity's configuration.

"""

CHECKS_HEAD = """\
## What turns each check red

A check was run with what it stands on: that passed, and the check failed.

| check | red with | which breaks the rule |
| --- | --- | --- |
"""


def vector(run: Ended) -> list[str]:
    """The verdicts, a line for each stage that did not pass as a whole."""
    lines = []
    for stage, group in groupby(run.checks, key=lambda check: check["stage"]):
        letters = "".join(SHOWN[check["verdict"]].letter for check in group)
        if set(letters) != {"."}:
            lines.append(f"    {stage:<15} {letters}")
    return lines


def matrix(ended: Mapping[Case, Ended], cases: Iterable[Case], red: Iterable[tuple[str, str, str]]) -> str:
    """The page: `cases` are the runs with a step undone, `red` are check, mutant or step, and the rule that it breaks."""
    parts = [HEAD]
    for case in cases:
        run = ended[case]
        found = first(run)
        parts.append(f"### {case.undo}{' (blind)' if case.blind else ''}\n\n")
        parts.append(f"`{found['id']}` names {', '.join(f'`{id}`' for id in found['candidates'])}\n\n")  # type: ignore[attr-defined] # plain data
        parts.append("\n".join(vector(run)) + "\n\n")
    parts.append(CHECKS_HEAD)
    parts += [f"| `{check}` | `{what}` | {rule} |\n" for check, what, rule in red]
    return "".join(parts)
