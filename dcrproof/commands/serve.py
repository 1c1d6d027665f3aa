"""`dcrproof serve`: the mocks, until they are stopped."""

import argparse
import ipaddress
import json
import re
import secrets
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcrproof.commands.parsing import OTHERS_SEE_IT, Commands, Usage, secret_of_file
from dcrproof.core.checks.results import Exit
from dcrproof.core.http.signals import NUMBERS
from dcrproof.core.text import say

if TYPE_CHECKING:
    from dcrproof.mocks.listen import Place
    from dcrproof.mocks.start import OtherServer


PAGES = 8
"""The place of the port of --ui: after those of the mocks."""


def add(commands: Commands) -> None:
    serve = commands.add_parser(
        "serve",
        help="run the mocks until they are stopped",
        description="Runs mocks of all parties, and prints their addresses and secrets as one line of JSON. One of its\n"
        "members, `profile`, is the path of a profile for `pytest --dcr-profile`. Ctrl-C or SIGTERM stops them.",
        epilog="There is no --workers: one process holds the state of all parties (docs/mocks.md). For more load start several.\n"
        "Exit codes: 0 stopped, 4 bad usage.",
    )
    serve.add_argument("--port", type=_port, metavar="N", help="use the ports from N upwards (default: free ports)")
    serve.add_argument(
        "--host",
        type=_address,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="listen on this address (default: %(default)s)",
    )
    serve.add_argument(
        "--public-host",
        type=_name,
        metavar="NAME",
        help="the name by which callers reach that address (default: ADDRESS)",
    )
    serve.add_argument(
        "--undo",
        action="append",
        default=[],
        metavar="STEP[=VARIANT]",
        help="leave a setup step undone (can be repeated)",
    )
    serve.add_argument(
        "--empty",
        action="store_true",
        help="start with an empty Konnect: no control plane, provider, strategy, portal or API",
    )
    serve.add_argument("--seed", type=int, metavar="N", help="make the same ids and secrets at each start")
    serve.add_argument("--observed", metavar="FILE", help="start the mocks from these observations of live parties")
    serve.add_argument("--ui", action="store_true", help="also serve web pages to try the mocks by hand, at `ui`")
    serve.add_argument("--tls", action="store_true", help="serve over TLS, with a new certificate authority")
    serve.add_argument("--issuer", metavar="URL", help="use this authorization server instead of mock Curity")
    serve.add_argument("--registrar-id", metavar="ID", help="the client that may register there")
    serve.add_argument("--registrar-secret-file", type=Path, metavar="FILE", help="the file with its secret")
    serve.add_argument("--registrar-secret", nargs="?", dest="given", const="", help=argparse.SUPPRESS)
    serve.set_defaults(run=run)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected an address of this machine, such as 0.0.0.0 for all, found {text!r}"
        ) from None


def _name(text: str) -> str:
    name = text.strip("[]").lower()
    labels = name.split(".")
    with suppress(ValueError):
        return str(ipaddress.ip_address(name))
    if all(re.fullmatch(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", label) for label in labels):
        return name
    raise argparse.ArgumentTypeError(f"expected a host name or an address without a port, found {text!r}")


def _place(options: argparse.Namespace) -> "Place":
    """Where the mocks listen. Says on standard error what follows where that is not this machine alone."""
    from dcrproof.mocks.listen import Place

    address = ipaddress.ip_address(options.host)
    if options.public_host is None and address.is_unspecified:
        raise Usage(
            f"--host {options.host} is every address of this machine: name the one for callers with --public-host"
        )
    if not address.is_loopback:
        say(
            f"dcrproof serve: CAUTION: the mocks listen on {options.host}. Whoever reaches it can use them, their secrets "
            "protect nothing, and their control interface has no password. Do not put anything real behind them.",
            partial(print, file=sys.stderr, flush=True),
        )
    place = Place(options.host, options.public_host or options.host)
    if options.ui and not place.local:
        raise Usage(
            f"--ui is for a browser on this machine, and {place.public} is not its name: use --public-host localhost"
        )
    return place


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= 65_528:
        expected = "expected a port from 1 to 65528: eight ports from there upwards are used"
        raise argparse.ArgumentTypeError(f"{expected}, found {text!r}")
    return port


def run(options: argparse.Namespace) -> int:
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
    place = _place(options)
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
                place=place,
                undone=undone,
                observed=observed,
                empty=options.empty,
                other_server=_other_server(options),
                folder=folder if over_tls else None,
            ) as served:
                profile = write_profile(folder, served)
                with _pages(options, {**served.description, "profile": str(profile)}) as described:
                    say(json.dumps(described), partial(print, flush=True))
                    stop.wait()
        except (UnknownStep, NotHere) as error:
            raise Usage(f"--undo {error}") from None
        except PortTaken as taken:
            raise Usage(f"--host and --port: {taken}") from None
    return Exit.GREEN


@contextmanager
def _pages(options: argparse.Namespace, described: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Serves web pages on these mocks with --ui, and tells a person where; yields what is printed then."""
    if not options.ui:
        yield described
        return
    from dcrproof.playground.serving import playground

    with playground(described, options.port + PAGES if options.port else 0) as url:
        say(f"dcrproof serve: open {url} in a browser", partial(print, file=sys.stderr, flush=True))
        yield {**described, "ui": {"url": url}}


def _other_server(options: argparse.Namespace) -> "OtherServer | None":
    """The authorization server of --issuer, or None. Raises Usage for an option that is missing or invalid."""
    if options.given is not None:
        raise Usage(f"--registrar-secret: {OTHERS_SEE_IT}; use --registrar-secret-file FILE")
    given = [options.issuer, options.registrar_id, options.registrar_secret_file]
    if not any(given):
        return None
    if not all(given):
        raise Usage("--issuer, --registrar-id and --registrar-secret-file belong together")
    if any(option.startswith("curity.") for option in options.undo):
        raise Usage("--undo of a step at Curity: there is no mock Curity with --issuer")
    from dcrproof.core.profile.reading import wrong  # as much as all that mocks without it import
    from dcrproof.core.profile.values import is_plain
    from dcrproof.mocks.start import OtherServer

    secret = secret_of_file("--registrar-secret-file", options.registrar_secret_file)
    issuer = options.issuer.rstrip("/").removesuffix("/.well-known/openid-configuration")
    if found := wrong(("curity", "issuer"), issuer, Path()):
        raise Usage(f"--issuer: {found}")
    if is_plain(issuer):
        raise Usage("--issuer: expected https://; plain http is allowed only for addresses of this machine")
    return OtherServer(issuer, (options.registrar_id, secret))
