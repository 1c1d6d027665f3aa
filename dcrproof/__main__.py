"""The command line: `dcrproof serve`, `steps`, `checks`, `compare`, `report`, `profile`, `sweep`.

The one module that may import every package. It imports them only when a command needs them.
"""

import argparse
import json
import re
import secrets
import shlex
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from dcrproof import __version__
from dcrproof.core.checks.results import Exit
from dcrproof.core.http.loopback import is_loopback
from dcrproof.core.http.signals import NUMBERS, as_ctrl_c
from dcrproof.core.text import meant, say

if TYPE_CHECKING:
    from dcrproof.core.profile.model import Profile
    from dcrproof.fixtures.listing import Filter
    from dcrproof.mocks.start import OtherServer


Listed = TypeVar("Listed")


class Usage(Exception):
    """The command has an invalid option or file; the text says why, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns its exit code; see `dcrproof.core.checks.results.Exit`."""
    options, unknown = _parser().parse_known_args(arguments)
    if unknown:
        options.parser.refuse(unknown[0])
    try:
        with as_ctrl_c(Exit.INTERRUPTED):
            code: int = options.run(options)
    except Usage as usage:
        say(f"dcrproof {options.command}: {usage}", partial(print, file=sys.stderr))
        return Exit.USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # the reader of the output, such as `head`, has ended; nothing is written to the pipe at exit
        sys.stderr.close()
        return Exit.GREEN
    return code


CHOICE = re.compile(r"argument (?:COMMAND|ACTION): invalid choice: '(.*)' \(choose from (.*)\)", re.DOTALL)


class _Parser(argparse.ArgumentParser):
    """Exits with 4 for bad usage, as pytest does, and names what a mistyped command or option was meant to be."""

    def __init__(self, **keywords: Any) -> None:
        self.options: list[str] = []
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **keywords)
        self.set_defaults(parser=self)

    def add_argument(self, *names: Any, **keywords: Any) -> argparse.Action:
        self.options += [name for name in names if name.startswith("--")]
        return super().add_argument(*names, **keywords)

    def refuse(self, argument: str) -> None:
        """Exits with what was probably meant instead of that argument."""
        name = argument.partition("=")[0]
        hint = meant(name, self.options) if name.startswith("-") else ""
        self.error(f"unknown argument {argument}; {hint or f'{self.prog} --help lists them'}")

    def error(self, message: str) -> NoReturn:
        if found := CHOICE.match(message):
            known = re.findall(r"[\w-]+", found[2])
            one_of_them = f"expected one of {', '.join(known)}"
            message = f"no command {found[1]}; {meant(found[1], known) or one_of_them}"
        (self.print_help if message.endswith("required: COMMAND") else self.print_usage)(sys.stderr)
        say(f"{self.prog}: {message}", partial(print, file=sys.stderr))
        self.exit(Exit.USAGE)


ABOUT = """\
Proves that an application which is registered in a Dev Portal becomes a working OAuth client.
The checks run with pytest; the commands below list, serve, compare and clean up around them.

  pytest                                   all checks, against mocks (in a checkout)
  pytest --pyargs dcrproof.suites          the same from any folder
  pytest --dcr-profile=staging.toml ...    against the parties that a profile describes; add one of the above
"""
EXITS = """\
Exit codes, of pytest as well: 0 green, 1 a contract is broken, 2 interrupted, 3 internal error, failed
clean-up or leaked secret, 4 bad usage, 5 no checks ran, 6 a party is unreachable and nothing failed.
`dcrproof COMMAND --help` explains a command and its options.
"""


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="dcrproof", description=ABOUT, epilog=EXITS)
    parser.add_argument("--version", action="version", version=f"dcrproof {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    serve = commands.add_parser(
        "serve",
        help="run the mocks until they are stopped",
        description="Runs mocks of all parties, and prints their addresses and secrets as one line of JSON. One of its\n"
        "members, `profile`, is the path of a profile for `pytest --dcr-profile`. Ctrl-C or SIGTERM stops them.",
        epilog="Exit codes: 0 stopped, 4 bad usage.",
    )
    serve.add_argument("--port", type=_port, metavar="N", help="use the ports from N upwards (default: free ports)")
    serve.add_argument(
        "--undo",
        action="append",
        default=[],
        metavar="STEP[=VARIANT]",
        help="leave a setup step undone (can be repeated)",
    )
    serve.add_argument("--seed", type=int, metavar="N", help="make the same ids and secrets at each start")
    serve.add_argument("--observed", metavar="FILE", help="start the mocks from these observations of live parties")
    serve.add_argument("--tls", action="store_true", help="serve over TLS, with a new certificate authority")
    serve.add_argument("--issuer", metavar="URL", help="use this authorization server instead of mock Curity")
    serve.add_argument("--registrar-id", metavar="ID", help="the client that may register there")
    serve.add_argument("--registrar-secret-file", type=Path, metavar="FILE", help="the file with its secret")
    serve.set_defaults(run=_serve)

    _add_lists(commands)
    compare = commands.add_parser(
        "compare",
        help="list what broke, what was fixed, and which facts changed between two runs",
        description="Lists what broke, what was fixed, and which facts of the contract changed from run OLD to run NEW.",
        epilog="Exit codes: 0 nothing broke, 1 something broke, 4 bad usage.",
    )
    compare.add_argument("old", type=Path, metavar="OLD", help=A_RUN)
    compare.add_argument("new", type=Path, metavar="NEW", help="as OLD")
    compare.add_argument("--json", action="store_true", help="print a JSON object")
    compare.set_defaults(run=_compare)

    report = commands.add_parser(
        "report",
        help="rebuild the reports of a run, for example after a kill",
        description="Makes run.json, index.html and the other files of a run's folder again, from its events.jsonl.",
        epilog="Exit codes: 0 done, 3 a file could not be written, 4 bad usage.",
    )
    report.add_argument("folder", type=Path, metavar="RUN", help=A_RUN.replace(", or its run.json", ""))
    report.set_defaults(run=_report)

    profile = commands.add_parser(
        "profile",
        help="check a profile, or print its JSON Schema",
        description="`dcrproof profile check FILE` checks a profile; `dcrproof profile --schema` prints the JSON Schema\n"
        "of profiles. Nothing is sent over the network.",
    )
    profile.add_argument("--schema", action="store_true", help="print the JSON Schema, for editors")
    profile.set_defaults(run=_profile)
    actions = profile.add_subparsers(dest="action", metavar="ACTION", parser_class=_Parser)
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

    _add_load(commands)
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
    sweep.set_defaults(run=_sweep)
    return parser


def _add_load(commands: "argparse._SubParsersAction[_Parser]") -> None:
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
    load.set_defaults(run=_load)


A_RUN = "a run's folder, or its run.json; `latest` and names of runs are those in reports/out"


def _add_lists(commands: "argparse._SubParsersAction[_Parser]") -> None:
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
        command.set_defaults(run=run)


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= 65_528:
        expected = "expected a port from 1 to 65528: eight ports from there upwards are used"
        raise argparse.ArgumentTypeError(f"{expected}, found {text!r}")
    return port


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


def _load(options: argparse.Namespace) -> int:
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


def _profile(options: argparse.Namespace) -> int:
    from dcrproof.core.profile.schema import json_schema

    if not options.schema:
        raise Usage("name what to do: `dcrproof profile check FILE`, or `dcrproof profile --schema`")
    say(json.dumps(json_schema(), indent=2))
    return Exit.GREEN


def _check_profile(options: argparse.Namespace) -> int:
    from dcrproof.fixtures.session.visibility import foreseen, parties

    profile = _read(options.file)
    found = foreseen(profile)
    if options.json:
        about = {"mode": profile.run.mode, "hostile": profile.run.hostile, "target": profile.kinds}
        say(json.dumps({**about, **found}, indent=2))
        return Exit.GREEN
    say(f"{options.file}: no problems")
    say(f"mode {profile.run.mode}, hostile checks {'allowed' if profile.run.hostile else 'not allowed'}")
    say("\n".join(parties(profile)))
    for title, of, groups in (("will run", "", found["runs"]), ("will be not seen", "needs ", found["not_seen"])):
        say(f"{sum(map(len, groups.values()))} checks {title}")
        for name, ids in groups.items():
            say(f"  {of}{name} ({len(ids)})")
            _fields(("", ", ".join(ids)))
    return Exit.GREEN


def _read(path: Path) -> "Profile":
    """The profile of that file. Raises Usage with everything that is wrong with it."""
    from dcrproof.core.profile.reading import ProfileError, read

    try:
        return read(path)
    except ProfileError as error:
        raise Usage(str(error)) from None


def _sweep(options: argparse.Namespace) -> int:
    from dcrproof.core.cleanup import sweep
    from dcrproof.core.ledger.file import Unreadable, state_folder

    if options.yes and options.profile is None:
        raise Usage("--yes needs --profile FILE, for the addresses and the secrets")
    profile = _read(options.profile) if options.profile else None
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


def _compare(options: argparse.Namespace) -> int:
    from dcrproof.reports.compare import compare, lines

    old, new = _run(options.old), _run(options.new)
    with _record(f"{options.old} or {options.new}"):
        found = compare(old, new)
    if options.json:
        say(json.dumps(found.data(), indent=2))
    else:
        for line in lines(found):
            say(line)
    return Exit.BROKEN if found.broke else Exit.GREEN


def _run(path: Path) -> dict[str, Any]:
    """The run.json of a run, by its file or folder; made from the events if the run was killed. Raises Usage."""
    from dcrproof.core.files import LARGEST_RECORD, content
    from dcrproof.core.record.events import SCHEMA
    from dcrproof.reports.run_json import run_json

    path = _found(path)
    file = path / "run.json" if path.is_dir() else path
    try:
        if path.is_dir() and not file.exists():
            events = _events(path)
            with _record(f"{path / 'events.jsonl'}"):
                return run_json(events)
        run = json.loads(content(file, LARGEST_RECORD).decode("utf-8"))
    except OSError as error:
        raise Usage(f"{file}: {error.strerror}; expected {A_RUN}") from None
    except (ValueError, RecursionError):
        raise Usage(f"{file}: not JSON") from None
    if not isinstance(run, dict) or run.get("schema") != SCHEMA or not isinstance(run.get("exchanges"), list):
        raise Usage(f"{file}: not a run.json of schema {SCHEMA}")
    return run


def _found(path: Path) -> Path:
    """That path, or the run in reports/out of this folder that has the name. Raises Usage for a name that none has."""
    out = Path("reports/out")
    if path.exists() or path != Path(path.name):
        return path
    if (out / path).exists():
        return out / path
    runs = sorted(folder.name for folder in out.iterdir()) if out.is_dir() else []
    if not runs:
        raise Usage(f"{path}: no run has left a report in {out} of this folder: run pytest, or name a run's folder")
    raise Usage(f"{path}: neither here nor in {out}; {meant(path.name, runs) or f'the last run there is {runs[-1]!r}'}")


DAMAGED = "damaged, or of another version"


@contextmanager
def _record(source: str) -> Iterator[None]:
    """Raises Usage where the block finds that a record is damaged: it may hold anything in any place."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise Usage(f"{source}: {DAMAGED} ({type(error).__name__})") from None


def _events(folder: Path) -> list[Mapping[str, Any]]:
    """The events of a run's folder. Raises Usage if it has none."""
    from dcrproof.core.files import LARGEST_RECORD, content
    from dcrproof.core.record.events import read

    file = folder / "events.jsonl"
    try:
        events = list(read(content(file, LARGEST_RECORD).decode("utf-8", "replace").split("\n")))
    except OSError as error:
        raise Usage(f"{file}: {error.strerror}") from None
    if not events or events[0].get("event") != "started":
        raise Usage(f"{file}: not the record of a run")
    return events


def _report(options: argparse.Namespace) -> int:
    from dcrproof.reports.folder import write
    from dcrproof.reports.run_json import run_json

    options.folder = _found(options.folder)
    events = _events(options.folder)
    with _record(f"{options.folder / 'events.jsonl'}"):
        run = run_json(events)
        problems = write(options.folder, run)
    if unmade := [problem for problem in problems if not problem.made]:
        raise Usage(f"{options.folder / 'events.jsonl'}: {DAMAGED} ({'; '.join(map(str, unmade))})")
    for problem in problems:
        say(f"dcrproof report: {problem}", partial(print, file=sys.stderr))
    say(run["headline"])
    say(str(options.folder / "index.html"))
    return Exit.INTERNAL_ERROR if problems else Exit.GREEN


def _steps(options: argparse.Namespace) -> int:
    from dcrproof.fixtures import listing

    _, found = _listed(options, listing.steps)
    if options.json:
        say(json.dumps([step.data() for step in found], indent=2))
        return Exit.GREEN
    for step in found:
        say(step.id)
        _fields(*listing.step_fields(step), *(listing.step_text(step) if options.ids else ()))
    elsewhere = f"; `dcrproof checks --failing-in {options.failing_in}` lists what failed there"
    return _some(found, "step", elsewhere if options.failing_in else "")


def _checks(options: argparse.Namespace) -> int:
    from dcrproof.fixtures import listing

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
        _fields(*listing.check_fields(entry, wanted.run), *(listing.check_text(entry) if options.ids else ()))
    return _some(found, "check")


def _listed(options: argparse.Namespace, listing: "Callable[[Filter], list[Listed]]") -> "tuple[Filter, list[Listed]]":
    """What the options ask for, and what it lists. Exits for a name that does not exist."""
    from dcrproof.fixtures.listing import Filter, Unknown

    run = _run(options.failing_in) if options.failing_in else None
    with _record(f"{options.failing_in}"):
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


def _fields(*fields: tuple[str, str]) -> None:
    for name, text in fields:
        if text:
            say(
                textwrap.fill(
                    text,
                    110,
                    initial_indent=f"  {name:<8} ",
                    subsequent_indent=" " * 11,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )


def _serve(options: argparse.Namespace) -> int:
    from dcrproof.core import guide
    from dcrproof.mocks.observed import BadObservations, read
    from dcrproof.mocks.profile import write_profile
    from dcrproof.mocks.serve import PortTaken, private_folder, serving
    from dcrproof.mocks.steps import OVER_TLS, NotHere, UnknownStep

    try:
        observed = read(Path(options.observed)) if options.observed else None
    except BadObservations as error:
        raise Usage(f"--observed: {error}") from None
    undone = {}
    for option in options.undo:
        step, _, variant = option.partition("=")
        if (known := guide.step(step)) and not known.undo:
            raise Usage(f"--undo {option}: it cannot be left undone: {known.undo_reason}")
        undone[step] = variant or None
    stop = threading.Event()
    for number in NUMBERS:
        signal.signal(number, lambda *_: stop.set())
    over_tls = options.tls or not undone.keys().isdisjoint(OVER_TLS)
    with private_folder() as folder:
        if over_tls:
            try:
                import trustme  # noqa: F401 - found missing before anything starts
            except ImportError:
                what = "--tls" if options.tls else "--undo of a step about TLS"
                raise Usage(f"{what} needs the extra tls: pip install 'dcrproof[tls]'") from None
        try:
            with serving(
                seed=secrets.randbits(32) if options.seed is None else options.seed,
                port=options.port,
                undone=undone,
                observed=observed,
                other_server=_other_server(options),
                folder=folder if over_tls else None,
            ) as served:
                profile = write_profile(folder, served)
                say(json.dumps({**served.description, "profile": str(profile)}), partial(print, flush=True))
                stop.wait()
        except (UnknownStep, NotHere) as error:
            raise Usage(f"--undo {error}") from None
        except PortTaken as taken:
            raise Usage(f"--port {options.port}: {taken}") from None
    return Exit.GREEN


def _other_server(options: argparse.Namespace) -> "OtherServer | None":
    """The authorization server of --issuer, or None. Raises Usage for an option that is missing or invalid."""
    from dcrproof.core.files import content
    from dcrproof.mocks.start import OtherServer

    given = [options.issuer, options.registrar_id, options.registrar_secret_file]
    if not any(given):
        return None
    if not all(given):
        raise Usage("--issuer, --registrar-id and --registrar-secret-file belong together")
    if any(option.startswith("curity.") for option in options.undo):
        raise Usage("--undo of a step at Curity: there is no mock Curity with --issuer")
    try:
        secret = content(options.registrar_secret_file).decode("utf-8").removesuffix("\n")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise Usage(f"--registrar-secret-file {options.registrar_secret_file}: {reason}") from None
    if not secret:
        raise Usage(f"--registrar-secret-file {options.registrar_secret_file}: empty")
    issuer = options.issuer.rstrip("/").removesuffix("/.well-known/openid-configuration")
    parts = urlsplit(issuer)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise Usage("--issuer: expected a URL that begins with https:// and has a host")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Usage("--issuer: expected https://; plain http is allowed only for addresses of this machine")
    return OtherServer(issuer, (options.registrar_id, secret))


if __name__ == "__main__":
    sys.exit(main())
