"""`dcrproof load`: many users at the same time."""

import argparse
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from dcrproof.commands.parsing import Commands, Usage
from dcrproof.core.text import meant


def add(commands: Commands) -> None:
    load = commands.add_parser(
        "load",
        help="many developers, consumers and operators at the same time, with Locust",
        description="Lets many users work at the same time: developers register applications, renew their secrets and delete\n"
        "them, consumers call the route, operators approve and revoke. Judges the checks of the stage load, leaves the\n"
        "report of a run, and deletes everything it has made. Needs the extra load: pip install 'dcrproof[load]'.",
        epilog="Exit codes: those of a run (dcrproof --help). docs/load.md explains the rest.",
    )
    load.add_argument(
        "--profile",
        type=Path,
        metavar="FILE",
        help="the target: `hostile` and `max_created` have to allow it (default: mocks)",
    )
    load.add_argument("--users", type=_number(1, 10_000), default=10, metavar="N", help="how many users (default: 10)")
    load.add_argument(
        "--rate", type=_rate, metavar="N", help="requests a second of all users together; needed for live parties"
    )
    load.add_argument(
        "--time", type=_time, default=30.0, metavar="TIME", help="how long, such as 30s or 1h (default: 30s)"
    )
    load.add_argument(
        "--roles",
        default="consumer,developer,operator",
        metavar="ROLES",
        help="which users there are (default: %(default)s)",
    )
    load.add_argument(
        "--report", type=Path, default=Path("reports/out"), metavar="DIR", help="as --dcr-report of pytest"
    )
    load.add_argument("--ledger", type=Path, metavar="DIR", help="as --dcr-ledger of pytest")
    load.add_argument("--web", type=_number(1, 65_535), metavar="PORT", help="show Locust's web page on this machine")
    load.add_argument(
        "--workers", type=_number(1, 1_000), metavar="N", help="be the master of N workers, which do the work"
    )
    load.add_argument("--worker", action="store_true", help="be a worker of the master at --master")
    load.add_argument(
        "--master",
        type=_address,
        default=("127.0.0.1", 5557),
        metavar="HOST:PORT",
        help="the address of the master (default: 127.0.0.1:5557)",
    )
    load.set_defaults(run=run)


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        found = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least} to {most}, found {text!r}")
        return found

    return read


def _rate(text: str) -> float:
    found = float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text, re.ASCII) else 0.0
    if not found:
        raise argparse.ArgumentTypeError(f"expected requests a second, such as 20 or 0.5, found {text!r}")
    return found


def _time(text: str) -> float:
    found = re.fullmatch(r"([0-9]{1,6})([smh])", text, re.ASCII)
    if not found or not int(found[1]):
        raise argparse.ArgumentTypeError(f"expected a time above 0, such as 30s, 15m or 1h, found {text!r}")
    return int(found[1]) * {"s": 1.0, "m": 60.0, "h": 3600.0}[found[2]]


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise argparse.ArgumentTypeError(f"expected HOST:PORT, such as 10.0.0.4:5557, found {text!r}")
    return host, int(port)


def run(options: argparse.Namespace) -> int:
    from dcrproof.load.options import ROLES, LoadOptions

    roles = tuple(dict.fromkeys(options.roles.split(",")))
    for role in roles:
        if role not in ROLES:
            expected = f"expected some of {', '.join(ROLES)}"
            raise Usage(f"--roles: no role {role!r}; {meant(role, ROLES) or expected}")
    if options.users < len(roles):
        raise Usage(f"--users {options.users}: {len(roles)} roles need as many users, or name fewer with --roles")
    if (options.worker or options.workers) and options.profile is None:
        raise Usage("--worker and --workers need --profile: all of them work at the same parties")
    if options.worker and (options.workers or options.web):
        raise Usage("--worker: the master has --workers and --web")
    try:
        from dcrproof.load import front
    except ImportError as error:
        raise Usage(
            f"{error.name} is missing; the command needs the extra load: pip install 'dcrproof[load]'"
        ) from None
    asked = LoadOptions(
        shlex.join(["dcrproof", *sys.argv[1:]]),
        options.users,
        options.rate,
        options.time,
        roles,
        options.report,
        options.ledger,
        options.web,
        options.workers or 0,
        options.worker,
        address=options.master,
    )
    try:
        return front.perform(asked, options.profile)
    except front.REFUSALS as refused:
        raise Usage(str(refused)) from None
    except OSError as error:
        raise Usage(f"{error.filename or options.report}: {error.strerror or error}") from None
