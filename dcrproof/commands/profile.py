"""`dcrproof profile`: what is wrong with a profile, what a run with it sees, and the JSON Schema."""

import argparse
import json
from pathlib import Path

from dcrproof.commands.output import fields
from dcrproof.commands.parsing import Commands, Parser, Usage, profile_of
from dcrproof.core.checks.results import Exit
from dcrproof.core.text import say


def add(commands: Commands) -> None:
    profile = commands.add_parser(
        "profile",
        help="check a profile, or print its JSON Schema",
        description="`dcrproof profile check FILE` checks a profile; `dcrproof profile --schema` prints the JSON Schema\n"
        "of profiles. Nothing is sent over the network.",
    )
    profile.add_argument("--schema", action="store_true", help="print the JSON Schema, for editors")
    profile.set_defaults(run=run)
    actions = profile.add_subparsers(dest="action", metavar="ACTION", parser_class=Parser)
    check = actions.add_parser(
        "check",
        help="say what is wrong with a profile, and what a run with it will see",
        description="Lists all problems of a profile; for one without problems, its parties and mode, the checks that\n"
        "will run, and those that will be not seen, with what would show them. Nothing is sent over the network.",
        epilog="Exit codes: 0 no problems, 4 problems.",
    )
    check.add_argument("file", type=Path, metavar="FILE", help="the profile")
    check.add_argument("--json", action="store_true", help="as a JSON object")
    check.set_defaults(run=_check_profile)


def run(options: argparse.Namespace) -> int:
    from dcrproof.core.profile.schema import json_schema

    if not options.schema:
        raise Usage("name what to do: `dcrproof profile check FILE`, or `dcrproof profile --schema`")
    say(json.dumps(json_schema(), indent=2))
    return Exit.GREEN


def _check_profile(options: argparse.Namespace) -> int:
    return check(options.file, as_json=options.json)


def check(file: Path, *, as_json: bool = False, ids: bool = True) -> int:
    """Says what a run with that profile sees, and by which checks. Raises Usage with everything that is wrong with it."""
    from dcrproof.fixtures.session.visibility import foreseen, parties

    profile = profile_of(file)
    found = foreseen(profile)
    if as_json:
        about = {"mode": profile.run.mode, "hostile": profile.run.hostile, "target": profile.kinds}
        say(json.dumps({**about, **found}, indent=2))
        return Exit.GREEN
    say(f"{file}: no problems")
    say(f"mode {profile.run.mode}, hostile checks {'allowed' if profile.run.hostile else 'not allowed'}")
    say("\n".join(parties(profile)))
    shown = [("will run", "", found["runs"]), ("will be not seen", "needs ", found["not_seen"])]
    if found["not_applicable"]:
        shown.append(("are not applicable", "", found["not_applicable"]))
    for title, of, groups in shown:
        say(f"{sum(map(len, groups.values()))} checks {title}")
        for name, checks in groups.items() if ids else ():
            say(f"  {of}{name} ({len(checks)})")
            fields(("", ", ".join(checks)))
    return Exit.GREEN
