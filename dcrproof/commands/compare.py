"""`dcrproof compare`: what changed between two runs."""

import argparse
import json
from pathlib import Path

from dcrproof.commands.parsing import Commands
from dcrproof.commands.runs import A_RUN, record, run_of
from dcrproof.core.checks.results import Exit
from dcrproof.core.text import say


def add(commands: Commands) -> None:
    compare = commands.add_parser(
        "compare",
        help="list what broke, what was fixed, and which facts changed between two runs",
        description="Lists what broke, what was fixed, and which facts of the contract changed from run OLD to run NEW.",
        epilog="Exit codes: 0 nothing broke, 1 something broke, 4 bad usage.",
    )
    compare.add_argument("old", type=Path, metavar="OLD", help=A_RUN)
    compare.add_argument("new", type=Path, metavar="NEW", help="as OLD")
    compare.add_argument("--json", action="store_true", help="print a JSON object")
    compare.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dcrproof.reports.compare import compare, lines

    old, new = run_of(options.old), run_of(options.new)
    with record(f"{options.old} or {options.new}"):
        found = compare(old, new)
    if options.json:
        say(json.dumps(found.data(), indent=2))
    else:
        for line in lines(found):
            say(line)
    return Exit.BROKEN if found.broke else Exit.GREEN
