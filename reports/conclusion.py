"""The last lines on the terminal: the verdict, and for each thing to fix who fixes it and how."""

from collections.abc import Iterator

from dcrproof.core.checks.results import Exit
from dcrproof.core.checks.verdict import HELD
from dcrproof.reports.diagnosis import Label, Run, Trouble, diagnosis, troubles

SHOWN = 3
"""How many things to fix are shown, of each how many checks and how many fixes: the page has them all."""
NOTED = {
    "clean-up failed": (
        "delete by hand what is listed above as CLEAN-UP FAILED; after a run with a profile, `dcrproof sweep` tries again"
    ),
    "secret let out": "keep the files that are listed above as LEAKED SECRET to yourself, and report this as a bug",
    "baseline": "change the entries of the baseline that are listed above as BASELINE",
}
"""By kind of a note what to do about it, where it alone makes the run red."""
NOTHING_SEEN = "give the run what the lines above name as not seen: `dcrproof profile check` explains a profile"


def conclusion(run: Run) -> Iterator[tuple[str, str]]:
    """The lines, each with its label."""
    yield "verdict", run["headline"]
    found = troubles(run["checks"], {step["id"]: step for step in run["steps"]})
    for trouble in found[:SHOWN]:
        if len(found) > 1:
            yield "check", _listed([check["id"] for check in trouble.checks])
        yield from _fixes(run, trouble)
    if left := found[SHOWN:]:
        yield "more", _listed([trouble.first["id"] for trouble in left])
    missing = set(run["selected"]) - {check["id"] for check in run["checks"]}
    if missing:
        yield "missing", f"{len(missing)} of {len(run['selected'])} checks were not reached"
    kinds = {note["kind"] for note in run["notes"]}
    yield from (("fix", text) for kind, text in NOTED.items() if kind in kinds)
    if run["exit"] == Exit.NOTHING_RAN and not any(check["verdict"] in HELD for check in run["checks"]):
        yield "fix", NOTHING_SEEN


def _fixes(run: Run, trouble: Trouble) -> Iterator[tuple[str, str]]:
    rows = diagnosis(run, trouble.first)
    fixes = [row.text for row in rows if row.label is Label.FIX]
    yield from ((row.label, row.text) for row in rows if row.label in {Label.OWNER, Label.PROFILE})
    yield from ((Label.FIX, text) for text in fixes[:SHOWN])
    if len(fixes) > SHOWN:
        yield Label.FIX, f"and {len(fixes) - SHOWN} more, listed above"
    rest = Label.CAUTION if len(fixes) == 1 else Label.NARROW_DOWN
    yield from ((row.label, row.text) for row in rows if row.label is rest)


def _listed(ids: list[str]) -> str:
    return ", ".join(ids[:SHOWN]) + (f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else "")
