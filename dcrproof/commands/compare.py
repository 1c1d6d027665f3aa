"""`dcrproof compare`: what changed between two runs, or in a folder of runs."""

import argparse
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from dcrproof.commands.parsing import Commands, Usage
from dcrproof.commands.runs import A_RUN, record, run_of
from dcrproof.core.checks.results import Exit
from dcrproof.core.text import say

if TYPE_CHECKING:
    from dcrproof.reports.compare import Comparison
    from dcrproof.reports.history import History

PAGE = "history.html"


def add(commands: Commands) -> None:
    compare = commands.add_parser(
        "compare",
        help="list what broke, what was fixed, and which facts changed between two runs, or in a folder of runs",
        description="Lists what broke, what was fixed, and which facts of the contract changed from run OLD to run NEW.\n"
        "With a folder of runs alone, such as reports/out, compares the newest with the last green one before it, and\n"
        f"draws the history of all into {PAGE} there.",
        epilog="Exit codes: 0 nothing broke, 1 something broke, 4 bad usage.",
    )
    compare.add_argument("old", type=Path, metavar="OLD", help=f"{A_RUN}; or alone a folder of runs")
    compare.add_argument("new", type=Path, metavar="NEW", nargs="?", help="a run, as OLD")
    compare.add_argument("--json", action="store_true", help="print a JSON object")
    compare.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dcrproof.reports.compare import compare, lines

    if options.new is None:
        return _history(options.old, as_json=options.json)
    old, new = run_of(options.old), run_of(options.new)
    with record(f"{options.old} or {options.new}"):
        found = compare(old, new)
    if options.json:
        say(json.dumps(found.data(), indent=2))
    else:
        for line in lines(found):
            say(line)
    return _code(found)


def _history(folder: Path, *, as_json: bool) -> int:
    from dcrproof.reports.history_html import history_html

    found = history_of(folder)
    try:
        (folder / PAGE).write_text(history_html(found), "utf-8", errors="backslashreplace")
    except OSError as error:
        raise Usage(f"{folder / PAGE}: {error.strerror or error}") from None
    if as_json:
        say(json.dumps(found.data(), indent=2))
    else:
        for line in (*history_lines(found, folder), f"{'open':<10} {folder / PAGE}"):
            say(line)
    return history_code(found)


def history_of(folder: Path) -> "History":
    """The history of a folder. What is no run, or is damaged, is said on standard error and left out.

    Raises Usage where no run is left.
    """
    from dcrproof.reports.history import History

    if (folder / "run.json").exists() or (folder / "events.jsonl").exists():
        raise Usage(f"{folder}: one run; name the run to compare it with, or the folder of both")
    try:
        folders = sorted(one for one in folder.iterdir() if one.is_dir() and not one.is_symlink())
    except OSError as error:
        raise Usage(f"{folder}: {error.strerror}; expected a folder of runs, or two runs") from None
    history = History()
    for one in folders:  # the name of a run begins with the time when it began
        try:
            made = run_of(one)
            with record(str(one)):
                history.add(one.name, made, quote(f"{one.name}/index.html") if (one / "index.html").is_file() else "")
        except Usage as usage:
            say(f"dcrproof compare: left out: {usage}", partial(print, file=sys.stderr))
    if not history.runs:
        raise Usage(f"{folder}: holds no run; expected a folder of runs, such as reports/out, or two runs")
    return history


def history_lines(found: "History", folder: Path) -> Iterator[str]:
    """The newest run of a history, and its comparison, as text."""
    from dcrproof.reports.compare import lines

    first, last = found.runs[0], found.runs[-1]
    yield f"{'history':<10} {found.counted} in {folder}, {first.day} to {last.day}"
    yield f"{'newest':<10} {last.name}: {last.headline}"
    if found.against:
        why = "the last green run before it" if found.against.green else "the run before it; none before was green"
        yield f"{'against':<10} {found.against.name}: {why}"
        yield from lines(found.against.comparison)


def history_code(found: "History") -> int:
    return _code(found.against.comparison) if found.against else Exit.GREEN


def _code(found: "Comparison") -> int:
    return Exit.BROKEN if found.broke else Exit.GREEN
