"""`dcrproof report`: the reports of a run, made again."""

import argparse
import sys
from functools import partial
from pathlib import Path

from dcrproof.commands.parsing import Commands, Usage
from dcrproof.commands.runs import A_RUN, DAMAGED, events_of, found, record
from dcrproof.core.checks.results import Exit
from dcrproof.core.text import say


def add(commands: Commands) -> None:
    report = commands.add_parser(
        "report",
        help="rebuild the reports of a run, for example after a kill",
        description="Makes run.json, index.html and the other files of a run's folder again, from its events.jsonl.",
        epilog="Exit codes: 0 done, 3 a file could not be written, 4 bad usage.",
    )
    report.add_argument("folder", type=Path, metavar="RUN", help=A_RUN.replace(", or its run.json", ""))
    report.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dcrproof.reports.folder import write
    from dcrproof.reports.run_json import run_json

    options.folder = found(options.folder)
    events = events_of(options.folder)
    with record(f"{options.folder / 'events.jsonl'}"):
        run = run_json(events)
        problems = write(options.folder, run)
    if unmade := [problem for problem in problems if not problem.made]:
        raise Usage(f"{options.folder / 'events.jsonl'}: {DAMAGED} ({'; '.join(map(str, unmade))})")
    for problem in problems:
        say(f"dcrproof report: {problem}", partial(print, file=sys.stderr))
    say(run["headline"])
    say(str(options.folder / "index.html"))
    return Exit.INTERNAL_ERROR if problems else Exit.GREEN
