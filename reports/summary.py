"""`summary.md`: the run for a pull request or a job summary, in Markdown; texts from outside stand in code spans."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from dcrproof.core.checks.check import stage_title
from dcrproof.reports.diagnosis import Run, needing_attention, told
from dcrproof.reports.flow import Arrow, happy_path
from dcrproof.reports.text import code, one_line

SHOWN = 10
"""Failures that are told in full: the rest is in the page."""
COLUMNS = ("passed", "failed", "blocked", "unreachable", "error", "observed", "not seen", "not applicable")


def summary_md(run: Run) -> str:
    return "\n".join([*_head(run), *_failures(run), *_table(run), *_diagram(run)]) + "\n"


def _head(run: Run) -> Iterator[str]:
    mark = {"green": "\N{WHITE HEAVY CHECK MARK}", "broken": "\N{CROSS MARK}"}.get(run["verdict"], "\N{WARNING SIGN}")
    yield f"## {mark} dcrproof: {run['verdict']}"
    yield ""
    yield code(run["headline"])
    yield ""
    versions = run["versions"]
    parties = [
        f"{party} **{kind}**" + (f" {code(versions[party])}" if versions.get(party) else "")
        for party, kind in run["target"].items()
    ]
    yield f"{', '.join(parties) or 'no party was reached'}; mode {run['mode']}; {run['started']}, {run['seconds']:.1f} s."
    if run["undone"]:
        yield f"Left undone on purpose: {', '.join(map(code, run['undone']))}."
    missing = len(run["selected"]) - sum(check["id"] in set(run["selected"]) for check in run["checks"])
    if missing > 0:
        yield f"**{missing} of {len(run['selected'])} checks were not reached.**"
    yield ""


def _failures(run: Run) -> Iterator[str]:
    found = needing_attention(run)
    for check in found[:SHOWN]:
        yield f"### {check['verdict'].upper()}{' (known)' if check['known'] else ''} {code(check['id'])}"
        yield ""
        yield one_line(check["title"]).replace("<", "&lt;")
        yield ""
        yield "| | |"
        yield "| --- | --- |"
        for label, text in told(run, check):
            yield f"| {label} | {code(text)} |"
        yield ""
    if len(found) > SHOWN:
        yield f"And {len(found) - SHOWN} more: " + ", ".join(code(check["id"]) for check in found[SHOWN:])
        yield ""
    for note in run["notes"]:
        yield f"- {note['kind']}: {code(note['text'])}"
    if run["notes"]:
        yield ""


def _table(run: Run) -> Iterator[str]:
    total = Counter(check["verdict"] for check in run["checks"])
    columns = [verdict for verdict in COLUMNS if total[verdict]]
    if not columns:
        return
    yield f"| stage | {' | '.join(columns)} |"
    yield f"| --- |{' ---: |' * len(columns)}"
    for stage, checks in groupby(run["checks"], key=lambda check: check["stage"]):
        number = Counter(check["verdict"] for check in checks)
        yield f"| {one_line(stage_title(stage))} | {' | '.join(str(number[verdict] or '') for verdict in columns)} |"
    yield ""


def _diagram(run: Run) -> Iterator[str]:
    arrows = happy_path(run)
    if not arrows:
        return
    yield "The flow as it went:"
    yield ""
    yield "```mermaid"
    yield "sequenceDiagram"
    lanes = ("developer", "portal", "konnect", "dcrproof", "consumer", "gateway", "curity", "upstream")
    taking_part = {name for arrow in arrows for name in (arrow.sender, arrow.receiver)}
    yield from (f"    participant {name}" for name in lanes if name in taking_part)
    yield from (f"    {_arrow(arrow)}" for arrow in arrows)
    yield "```"


def _arrow(arrow: Arrow) -> str:
    """An arrow of Mermaid; a path is cut down to characters that mean nothing there."""
    path = re.sub(r"[^\w/.~%-]", "_", arrow.path, flags=re.ASCII)
    path = path if len(path) <= 60 else f"{path[:28]}...{path[-28:]}"
    answer = "no answer" if arrow.status is None else str(arrow.status)
    line = "-x" if arrow.status is None or arrow.status >= 400 else "->>"
    return f"{arrow.sender}{line}{arrow.receiver}: {arrow.method} {path} {answer}"
