"""`dcrproof sweep`: what killed runs left in live parties."""

import argparse
from functools import partial
from pathlib import Path

from dcrproof.commands.parsing import Commands, Usage, profile_of
from dcrproof.core.checks.results import Exit
from dcrproof.core.text import say


def add(commands: Commands) -> None:
    sweep = commands.add_parser(
        "sweep",
        help="list what killed runs left in live parties, and delete it",
        description="Lists what the ledgers of killed runs name; with --profile and --yes deletes it.",
        epilog="Exit codes: 0 done, 3 something could not be deleted, 4 bad usage.",
    )
    sweep.add_argument(
        "--ledger", type=Path, metavar="PATH", help="one ledger, or a folder of them (default: the user's state folder)"
    )
    sweep.add_argument("--profile", type=Path, metavar="FILE", help="only ledgers of this target; needed to delete")
    sweep.add_argument("--yes", action="store_true", help="delete")
    sweep.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dcrproof.core.cleanup import sweep
    from dcrproof.core.ledger.file import Unreadable, state_folder

    if options.yes and options.profile is None:
        raise Usage("--yes needs --profile FILE, for the addresses and the secrets")
    profile = profile_of(options.profile) if options.profile else None
    where = options.ledger or state_folder()
    failed = False
    try:
        if options.ledger and not sweep.exists(where):
            raise Usage(f"--ledger {where}: no such file or folder")
        found = sweep.ledgers(where)
    except Unreadable as error:
        say(f"unreadable  {error}")
        return Exit.INTERNAL_ERROR
    for number, path in enumerate(found):
        told = sweep.swept(path, profile) if profile and options.yes else sweep.listed(path, profile)
        try:
            for line, bad in told:
                failed = failed or bad
                say(line, partial(print, flush=True))
        except KeyboardInterrupt:
            say(f"stopped: sweep again for {path} and the {len(found) - number - 1} ledgers after it")
            return Exit.INTERRUPTED
    if not found:
        say(f"nothing to sweep: no ledger in {where}")
    elif not options.yes:
        say("nothing was deleted; to delete, add --profile FILE --yes")
    return Exit.INTERNAL_ERROR if failed else Exit.GREEN
