"""`dcrproof steps` and `dcrproof checks`: lists, or all about one."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dcrproof.commands.output import fields
from dcrproof.commands.parsing import Commands
from dcrproof.commands.runs import A_RUN, record, run_of
from dcrproof.core.checks.results import Exit
from dcrproof.core.text import say

if TYPE_CHECKING:
    from dcrproof.fixtures.listing import Filter

Listed = TypeVar("Listed")


def add(commands: Commands) -> None:
    for name, what, about, run in (
        ("steps", "step", "the setup steps of the how-tos, and those that they leave out", _steps),
        ("checks", "check", "the checks", _checks),
    ):
        command = commands.add_parser(
            name,
            help=f"list {about}, or explain one",
            description=f"Lists {about}; with ID everything that is known about {what}s of that id or prefix.\n"
            "Several options list what fits all of them.",
            epilog="Exit codes: 0 done, 4 bad usage.",
        )
        command.add_argument("ids", nargs="*", metavar="ID", help="an id, or the beginning of ids: whole parts")
        command.add_argument(
            "--stage", default="", metavar="STAGE", help="a stage of the flow, such as curity or route"
        )
        command.add_argument("--party", default="", metavar="PARTY", help="a party, such as konnect or gateway")
        suspected = (
            "the checks that failed in that run" if name == "checks" else "the steps that may be wrong in that run"
        )
        command.add_argument("--failing-in", type=Path, metavar="RUN", help=f"{suspected}: {A_RUN}")
        command.add_argument("--json", action="store_true", help="print a JSON array of objects")
        if name == "checks":
            as_options = "print them as options of pytest: pytest $(dcrproof checks --failing-in latest --as-options)"
            command.add_argument("--as-options", action="store_true", help=as_options)
            coverage = (
                "list what the standards demand, section by section, with the checks that show it, or why none does"
            )
            command.add_argument("--coverage", action="store_true", help=coverage)
        command.set_defaults(run=run)


def _steps(options: argparse.Namespace) -> int:
    from dcrproof.fixtures import listing

    _, found = _listed(options, listing.steps)
    if options.json:
        say(json.dumps([step.data() for step in found], indent=2))
        return Exit.GREEN
    for step in found:
        say(step.id)
        fields(*listing.step_fields(step), *(listing.step_text(step) if options.ids else ()))
    elsewhere = f"; `dcrproof checks --failing-in {options.failing_in}` lists what failed there"
    return _some(found, "step", elsewhere if options.failing_in else "")


def _checks(options: argparse.Namespace) -> int:
    from dcrproof.fixtures import listing

    if options.coverage:
        return _coverage(options)
    wanted, found = _listed(options, listing.checks)
    if options.json:
        say(json.dumps([listing.check_data(entry, wanted.run) for entry in found], indent=2))
        return Exit.GREEN
    if options.as_options:
        selectable = [entry for entry in found if entry.check.stage not in listing.NOT_OF_PYTEST]
        say(" ".join(f"--dcr-check {entry.check.id}" for entry in selectable))
        return _some(selectable, "check")
    for entry in found:
        say(listing.check_head(entry))
        fields(*listing.check_fields(entry, wanted.run), *(listing.check_text(entry) if options.ids else ()))
    return _some(found, "check")


def _coverage(options: argparse.Namespace) -> int:
    from dcrproof.core.standards import counted, standards

    if options.ids or options.stage or options.party or options.failing_in or options.as_options:
        options.parser.error("--coverage lists all demands; only --json goes with it")
    if options.json:
        say(json.dumps([asdict(demand) for standard in standards() for demand in standard.demands], indent=2))
        return Exit.GREEN
    for standard in standards():
        say(f"{standard.name}: {standard.title}")
        for demand in standard.demands:
            shown = ", ".join(demand.checks) or f"none: {demand.reason}"
            fields((demand.section, f"{demand.level} {demand.says}"), ("by", shown))
    say(counted())
    return Exit.GREEN


def _listed(options: argparse.Namespace, listing: "Callable[[Filter], list[Listed]]") -> "tuple[Filter, list[Listed]]":
    """What the options ask for, and what it lists. Exits for a name that does not exist."""
    from dcrproof.fixtures.listing import Filter, Unknown

    run = run_of(options.failing_in) if options.failing_in else None
    with record(f"{options.failing_in}"):
        for check in run["checks"] if run else ():
            check["id"], check["verdict"], list(check["candidates"])
    try:
        wanted = Filter(options.ids, options.stage, options.party, run)
        return wanted, listing(wanted)
    except Unknown as unknown:
        options.parser.error(str(unknown))
        raise


def _some(found: Sequence[object], what: str, hint: str = "") -> int:
    """Says on standard error where a list is empty, so that its silence is not taken for a fault."""
    if not found:
        say(f"no {what} fits{hint}", partial(print, file=sys.stderr))
    return Exit.GREEN
