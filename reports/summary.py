"""`summary.md`: the run in Markdown, for a pull request or a job summary; texts from outside are in code spans."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from dcrproof.core.checks.check import stage_title
from dcrproof.core.checks.verdict import Verdict
from dcrproof.core.text import one_line
from dcrproof.reports.diagnosis import Run, diagnosis, needing_attention, status
from dcrproof.reports.flow import Arrow, happy_path
from dcrproof.reports.text import code
from dcrproof.reports.words import ENDINGS, lanes

SHOWN = 10
"""How many failures are shown in full: the others are in the page."""


def summary_md(run: Run) -> str:
    return "\n".join([*_head(run), *_failures(run), *_table(run), *_load(run), *_diagram(run)]) + "\n"


def _head(run: Run) -> Iterator[str]:
    colour = ENDINGS[run["exit"]].colour if run["exit"] in ENDINGS else "red"
    mark = {"green": "\N{WHITE HEAVY CHECK MARK}", "red": "\N{CROSS MARK}"}.get(colour, "\N{WARNING SIGN}")
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
        yield f"### {status(check)} {code(check['id'])}{' SECURITY' if check['security'] else ''}"
        yield ""
        yield one_line(check["title"]).replace("<", "&lt;")
        yield ""
        yield "| | |"
        yield "| --- | --- |"
        for row in diagnosis(run, check):
            yield f"| {row.label} | {code(row.text)} |"
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
    columns = [verdict for verdict in Verdict if total[verdict]]
    if not columns:
        return
    yield f"| stage | {' | '.join(columns)} |"
    yield f"| --- |{' ---: |' * len(columns)}"
    for stage, checks in groupby(run["checks"], key=lambda check: check["stage"]):
        number = Counter(check["verdict"] for check in checks)
        yield f"| {one_line(stage_title(stage))} | {' | '.join(str(number[verdict] or '') for verdict in columns)} |"
    yield ""


def _load(run: Run) -> Iterator[str]:
    """The figures of a load, by party."""
    load = run.get("load")
    if not load:
        return
    yield f"{load['requests']:,} requests in {load['seconds']:.0f} s, {load['errors']:,} errors."
    yield ""
    yield "| party | requests | errors | p50 | p95 | p99 |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for party, counted in load["parties"].items():
        took = " | ".join(f"{counted[name] * 1000:,.0f} ms" for name in ("p50", "p95", "p99"))
        yield f"| {one_line(party)} | {counted['requests']:,} | {counted['errors']:,} | {took} |"
    yield ""


def _diagram(run: Run) -> Iterator[str]:
    arrows = happy_path(run)
    if not arrows:
        return
    yield "The flow of this run:"
    yield ""
    yield "```mermaid"
    yield "sequenceDiagram"
    names = lanes(name for arrow in arrows for name in (arrow.sender, arrow.receiver))
    yield from (f"    participant {name}" for name in names)
    yield from (f"    {_arrow(arrow)}" for arrow in arrows)
    yield "```"


def _arrow(arrow: Arrow) -> str:
    """An arrow of Mermaid; characters of the path that have a meaning there are replaced."""
    path = re.sub(r"[^\w/.~%-]", "_", arrow.path, flags=re.ASCII)
    path = path if len(path) <= 60 else f"{path[:28]}...{path[-28:]}"
    answer = "no answer" if arrow.status is None else str(arrow.status)
    line = "-x" if arrow.status is None or arrow.status >= 400 else "->>"
    return f"{arrow.sender}{line}{arrow.receiver}: {arrow.method} {path} {answer}"
