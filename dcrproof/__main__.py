"""The command line: `dcrproof serve`, `steps`, `checks`, `compare`, `report`, `sweep`.

The one module of the core that may import every room; it imports them only when a command needs them.
"""

import argparse
import json
import secrets
import signal
import sys
import textwrap
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dcrproof import __version__
from dcrproof.core.checks.results import Exit
from dcrproof.core.http.loopback import is_loopback


class Usage(Exception):
    """The command cannot be carried out as it was given; the text says why, and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns its exit code; see `dcrproof.core.checks.results.Exit`."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except Usage as usage:
        print(f"dcrproof {options.command}: {usage}", file=sys.stderr)
        return Exit.USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has read enough; nothing is written at exit to a pipe that is gone
        sys.stderr.close()
        return Exit.GREEN
    return code


class _Parser(argparse.ArgumentParser):
    """Exits with 4 for bad usage, as pytest and all of dcrproof do."""

    def error(self, message: str) -> Any:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="dcrproof",
        description="Proves that a Dev Portal application becomes a working OAuth client. The checks run with pytest.",
        epilog="Exit codes: 0 green, 1 a contract is broken, 2 interrupted, 3 our own fault, 4 bad usage.",
    )
    parser.add_argument("--version", action="version", version=f"dcrproof {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    serve = commands.add_parser("serve", help="run the mocks until they are stopped")
    serve.add_argument("--port", type=_port, metavar="N", help="number the ports from N upwards (default: free ones)")
    serve.add_argument(
        "--undo", action="append", default=[], metavar="STEP[=VARIANT]", help="leave a set-up step undone (repeatable)"
    )
    serve.add_argument("--seed", type=int, metavar="N", help="the same ids and secrets at each start")
    serve.add_argument("--observed", metavar="FILE", help="behave as these observations of live parties say")
    serve.add_argument("--tls", action="store_true", help="speak TLS, with a certificate authority made for it")
    serve.add_argument("--issuer", metavar="URL", help="another authorization server instead of mock Curity")
    serve.add_argument("--registrar-id", metavar="ID", help="the client that may register there")
    serve.add_argument("--registrar-secret-file", type=Path, metavar="FILE", help="the file with its secret")
    serve.set_defaults(run=_serve)

    for name, text, run in (
        ("steps", "the set-up steps of the how-to, and those that it forgets", _steps),
        ("checks", "the catalogue of checks", _checks),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--json", action="store_true", help="as a JSON array of objects")
        command.set_defaults(run=run)

    compare = commands.add_parser(
        "compare", help="what broke, what was mended, and which facts changed between two runs"
    )
    compare.add_argument("old", type=Path, metavar="OLD", help="a run's folder, or its run.json")
    compare.add_argument("new", type=Path, metavar="NEW", help="as OLD")
    compare.add_argument("--json", action="store_true", help="as a JSON object")
    compare.set_defaults(run=_compare)

    report = commands.add_parser("report", help="make the files of a run again from its events: of a killed one, say")
    report.add_argument("folder", type=Path, metavar="FOLDER", help="a run's folder")
    report.set_defaults(run=_report)

    sweep = commands.add_parser(
        "sweep",
        help="list what dead runs left in live parties, and delete it",
        description="Lists what the ledgers of dead runs name, and deletes it with --profile and --yes.",
        epilog="Exit codes: 0 done, 3 something could not be deleted, 4 bad usage.",
    )
    sweep.add_argument(
        "--ledger", type=Path, metavar="PATH", help="one ledger, or a folder of them (default: the user's state folder)"
    )
    sweep.add_argument("--profile", type=Path, metavar="FILE", help="only ledgers of this target; needed to delete")
    sweep.add_argument("--yes", action="store_true", help="delete")
    sweep.set_defaults(run=_sweep)
    return parser


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= 65_528:
        raise argparse.ArgumentTypeError("a port from 1 to 65528: eight are taken from there upwards")
    return port


def _sweep(options: argparse.Namespace) -> int:
    from dcrproof.core.cleanup import sweep
    from dcrproof.core.ledger.file import state_folder
    from dcrproof.core.profile.reading import ProfileError, read

    if options.yes and options.profile is None:
        raise Usage("--yes needs --profile FILE: it has the addresses and the secrets")
    try:
        profile = read(options.profile) if options.profile else None
    except ProfileError as error:
        raise Usage(str(error)) from None
    where = options.ledger or state_folder()
    if options.ledger and not options.ledger.exists():
        raise Usage(f"--ledger {options.ledger}: there is no such file or folder")
    failed = False
    found = sweep.ledgers(where)
    for path in found:
        if profile and options.yes:
            for line, bad in sweep.swept(path, profile):
                failed = failed or bad
                print(line, flush=True)
        else:
            print("\n".join(sweep.listed(path, profile)))
    if not found:
        print(f"nothing to sweep: no ledger in {where}")
    elif not options.yes:
        print("nothing was deleted: --profile FILE --yes deletes")
    return Exit.OWN_FAULT if failed else Exit.GREEN


def _compare(options: argparse.Namespace) -> int:
    from dcrproof.reports.compare import compare, lines

    old, new = _run(options.old), _run(options.new)
    found = compare(old, new)
    if options.json:
        print(json.dumps(found.data(), indent=2, ensure_ascii=False))
    else:
        for line in lines(found):
            print(line)
    return Exit.BROKEN if found.broke else Exit.GREEN


def _run(path: Path) -> dict[str, Any]:
    """A run from its folder or its run.json; from its events, where it was killed. Raises Usage where it is none."""
    from dcrproof.core.record.events import SCHEMA
    from dcrproof.reports.run_json import run_json

    file = path / "run.json" if path.is_dir() else path
    try:
        if path.is_dir() and not file.exists():
            return run_json(_events(path))
        run = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise Usage(f"{file}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise Usage(f"{file}: it is no JSON") from None
    if not isinstance(run, dict) or run.get("schema") != SCHEMA or not isinstance(run.get("exchanges"), list):
        raise Usage(f"{file}: it is no run.json of schema {SCHEMA}")
    return run


def _events(folder: Path) -> list[Mapping[str, Any]]:
    """The events of a run's folder. Raises Usage where there are none."""
    from dcrproof.core.record.events import read

    file = folder / "events.jsonl"
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            events = list(read(lines))
    except OSError as error:
        raise Usage(f"{file}: {error.strerror}") from None
    if not events or events[0]["event"] != "started":
        raise Usage(f"{file}: it is no record of a run")
    return events


def _report(options: argparse.Namespace) -> int:
    from dcrproof.reports.folder import write
    from dcrproof.reports.run_json import run_json

    run = run_json(_events(options.folder))
    problems = write(options.folder, run)
    for problem in problems:
        print(f"dcrproof report: {problem}", file=sys.stderr)
    print(run["headline"])
    print(options.folder / "index.html")
    return Exit.OWN_FAULT if problems else Exit.GREEN


def _steps(options: argparse.Namespace) -> int:
    from dcrproof.core.guide import STEPS

    if options.json:
        print(json.dumps([step.data() for step in STEPS], indent=2, ensure_ascii=False))
        return Exit.GREEN
    for step in STEPS:
        print(step.id)
        _fields(
            ("where", step.where),
            ("value", step.value),
            ("owner", step.owner),
            ("breaks", step.breaks),
            ("mend", step.mend),
            ("beware", step.beware),
            ("notes", step.notes),
            ("unseen", step.unguarded_reason),
            ("undo", ", ".join(["yes", *step.variants]) if step.undo else f"no: {step.undo_reason}"),
            ("source", step.source),
        )
    return Exit.GREEN


def _checks(options: argparse.Namespace) -> int:
    from dcrproof.fixtures.catalogue import entries, judged_afterwards

    found = [entry.data() for entry in (*entries(), *judged_afterwards())]
    if options.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return Exit.GREEN
    for check in found:
        marks = [check["level"], check["evidence"]]
        marks += [mark for mark in ("smoke", "hostile") if check[mark]]
        print(f"{check['id']}  ({', '.join(marks)})")
        needs = check["needs"]
        _fields(
            ("claims", check["title"]),
            ("steps", ", ".join(check["steps"])),
            ("needs", "; ".join([f"mode {needs['mode']}", *needs["access"], *needs["capabilities"]])),
            ("sources", "; ".join(check["references"])),
        )
    return Exit.GREEN


def _fields(*fields: tuple[str, str]) -> None:
    for name, text in fields:
        if text:
            print(
                textwrap.fill(
                    text,
                    110,
                    initial_indent=f"  {name:<8}",
                    subsequent_indent=" " * 10,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )


def _serve(options: argparse.Namespace) -> int:
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
        undone[step] = variant or None
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    over_tls = options.tls or not undone.keys().isdisjoint(OVER_TLS)
    with private_folder() as folder:
        if over_tls:
            try:
                import trustme  # noqa: F401 - looked for before anything starts
            except ImportError:
                what = "--tls" if options.tls else "--undo of a step that shows over TLS"
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
                print(json.dumps({**served.description, "profile": str(profile)}), flush=True)
                stop.wait()
        except (UnknownStep, NotHere) as error:
            raise Usage(f"--undo {error}") from None
        except PortTaken as taken:
            raise Usage(f"--port {options.port}: {taken}") from None
    return Exit.GREEN


def _other_server(options: argparse.Namespace) -> Any:
    """The authorization server of --issuer, or None. Raises Usage where an option is missing."""
    from dcrproof.mocks.start import OtherServer

    given = [options.issuer, options.registrar_id, options.registrar_secret_file]
    if not any(given):
        return None
    if not all(given):
        raise Usage("--issuer, --registrar-id and --registrar-secret-file belong together")
    if any(option.startswith("curity.") for option in options.undo):
        raise Usage("--undo of a step at Curity: with --issuer there is no mock Curity to leave it undone")
    try:
        secret = options.registrar_secret_file.read_text("utf-8").removesuffix("\n")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise Usage(f"--registrar-secret-file {options.registrar_secret_file}: {reason}") from None
    if not secret:
        raise Usage(f"--registrar-secret-file {options.registrar_secret_file}: it is empty")
    issuer = options.issuer.rstrip("/").removesuffix("/.well-known/openid-configuration")
    parts = urlsplit(issuer)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise Usage("--issuer: expected a URL that begins with https:// and has a host")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Usage("--issuer: expected https://; plain http is for addresses of this machine")
    return OtherServer(issuer, (options.registrar_id, secret))


if __name__ == "__main__":
    sys.exit(main())
