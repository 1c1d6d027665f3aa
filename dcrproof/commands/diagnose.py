"""`dcrproof diagnose`: whose fault it is that a route refuses the credentials of an application."""

import argparse
import getpass
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcrproof.commands.parsing import OTHERS_SEE_IT, Commands, Usage, asks, gateway_and_path, secret_of_file
from dcrproof.commands.run import run_pytest
from dcrproof.core.checks.results import Exit
from dcrproof.core.files import LIKE_OTHERS
from dcrproof.core.text import say

if TYPE_CHECKING:
    import pytest

SECRET = "DCRPROOF_DIAGNOSE_SECRET"
"""The environment variable of this process that the profile names."""
OPTIONS = {
    "curity.issuer": "--issuer",
    "gateway.url": "--route",
    "gateway.route 1.path": "--route",
    "gateway.route.path": "--route",
    "gateway.route 1.method": "--method",
    "gateway.route.method": "--method",
    "application.client_id": "--client-id",
    "application.client_secret": "the secret",
    f"the value of the environment variable {SECRET}": "it",
    "curity.ca": "--ca",
    "gateway.ca": "--ca",
    "curity.proxy": "--proxy",
    "gateway.proxy": "--proxy",
    "set plain_http = true": "add --plain-http",
    "[application] client_id and client_secret": "--client-id and the secret",
    "[curity] issuer": "--issuer",
    "[gateway] url": "--route",
    "[[gateway.route]] path": "--route",
    "[application] client_id": "--client-id",
    "[application] client_secret": "the secret",
}
"""What stands for a key of the profile where there is none."""


def add(commands: Commands) -> None:
    diagnose = commands.add_parser(
        "diagnose",
        allow_abbrev=False,
        help="say why a route refuses the credentials of an application",
        description="Calls the route and the token endpoint with the id and secret of an application, as mode existing does with a\n"
        "profile, and prints what is wrong, who fixes it and how. Creates nothing. The secret is asked for.",
        epilog="Takes the options of pytest as well, such as --dcr-report DIR or --dcr-check ID.\n"
        "Exit codes: those of a run (dcrproof --help).",
    )
    diagnose.add_argument("--route", required=True, metavar="URL", help="the protected route")
    diagnose.add_argument("--client-id", required=True, metavar="ID", help="the client id of the application")
    diagnose.add_argument("--issuer", required=True, metavar="URL", help="the issuer of the authorization server")
    where = diagnose.add_mutually_exclusive_group()
    where.add_argument("--secret-env", metavar="NAME", help="the environment variable that holds the secret")
    where.add_argument("--secret-file", type=Path, metavar="FILE", help="the file that holds the secret")
    diagnose.add_argument("--method", default="GET", help="the method of the route (default: %(default)s)")
    diagnose.add_argument("--openid", action="store_true", help="the authorization server is not Curity")
    diagnose.add_argument("--jwt", action="store_true", help="the gateway is not Kong, and validates bearer JWTs")
    diagnose.add_argument("--plain-http", action="store_true", help="the route is called over http://")
    diagnose.add_argument("--ca", type=Path, metavar="FILE", help="the certificate authorities to trust, in PEM")
    diagnose.add_argument("--proxy", metavar="URL", help="the HTTP proxy to go through")
    diagnose.add_argument(
        "--secret", "--client-secret", "--password", nargs="?", dest="given", const="", help=argparse.SUPPRESS
    )
    diagnose.set_defaults(run=perform, others=None)


def perform(options: argparse.Namespace) -> int:
    from dcrproof.fixtures.session.rerun import Typed

    if options.given is not None:
        raise Usage(
            f"the secret: {OTHERS_SEE_IT}; leave it out to be asked, or use --secret-env NAME or --secret-file FILE"
        )
    if any(option.partition("=")[0] == "--dcr-profile" for option in options.others):
        raise Usage(
            "--dcr-profile: the options describe the parties here; `dcrproof run --dcr-profile FILE` takes a profile"
        )
    os.environ[SECRET] = _secret(options)
    kept = Kept()
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder, "diagnose.toml")
        profile.write_text(_toml(options), "utf-8")
        _refuse_what_is_wrong(profile)
        if sys.stderr.isatty():
            say("dcrproof: calling the route and the authorization server", partial(print, file=sys.stderr))
        with redirect_stdout(StringIO()) as printed:
            typed = Typed("diagnose", options.typed[1:])
            code = run_pytest(typed, [f"--dcr-profile={profile}", "--tb=no", *options.others], kept)
    if not kept.run:
        if code != Exit.INTERRUPTED:  # else Ctrl-C came before the first check
            say(printed.getvalue().strip())
        return code or Exit.NOTHING_RAN
    for line in told(kept.run):
        say(line)
    if kept.folder:
        say(f"open       {os.path.relpath(kept.folder / 'index.html')}")
    return code


class Kept:
    """A plugin that keeps what a run has recorded, and where."""

    def __init__(self) -> None:
        self.run: Mapping[str, Any] = {}
        self.folder: Path | None = None

    def pytest_unconfigure(self, config: "pytest.Config") -> None:
        from dcrproof.fixtures.run.run import RUN

        if run := config.stash.get(RUN, None):  # there is none where an option was refused
            self.run, self.folder = run.content or {}, run.recording.folder


def told(run: Mapping[str, Any]) -> Iterator[str]:
    """The diagnosis of the first thing that is wrong; else what was proved, in the words of the smoke checks."""
    from dcrproof.fixtures.catalogue import entries
    from dcrproof.reports.diagnosis import plain, troubles

    found = troubles(run["checks"], {step["id"]: step for step in run["steps"]})
    smoke = {entry.check.id for entry in entries() if entry.check.smoke}
    if found:
        yield _without_keys(plain(run, found[0].first))
        yield from (f"  and as well    {one.first['id']}: {one.first['title']}" for one in found[1:])
    else:
        yield from (check["title"] for check in run["checks"] if check["verdict"] == "passed" and check["id"] in smoke)
    yield f"verdict    {_without_keys(run['headline'])}"


def _secret(options: argparse.Namespace) -> str:
    """The secret, without the newline at its end. Raises Usage where there is none."""
    if options.secret_env is not None:
        if found := os.environ.get(options.secret_env):
            return found
        name = (
            f" {options.secret_env}" if LIKE_OTHERS.fullmatch(options.secret_env) else ""
        )  # else it may be the secret
        raise Usage(f"--secret-env{name}: no environment variable of that name is set, or it is empty")
    if options.secret_file:
        return secret_of_file("--secret-file", options.secret_file)
    if not asks():
        raise Usage("there is no terminal to ask for the secret: use --secret-env NAME or --secret-file FILE")
    try:
        return getpass.getpass(f"Client secret of {options.client_id}: ")
    except EOFError:  # Ctrl-D
        raise KeyboardInterrupt from None


def _toml(options: argparse.Namespace) -> str:
    import tomli_w

    url, path = gateway_and_path(options.route)
    reached = {key: str(value) for key in ("ca", "proxy") if (value := getattr(options, key))}
    if "ca" in reached:
        reached["ca"] = str(Path(reached["ca"]).absolute())
    profile = {
        "run": {"mode": "existing"},
        "curity": {
            "issuer": options.issuer.removesuffix("/.well-known/openid-configuration"),
            "kind": "openid" if options.openid else "curity",
            **reached,
        },
        "gateway": {
            "url": url,
            "kind": "jwt" if options.jwt else "kong",
            "plain_http": options.plain_http,
            "route": [{"method": options.method, "path": path}],
            **reached,
        },
        "application": [{"client_id": options.client_id, "client_secret": {"env": SECRET}}],
    }
    return tomli_w.dumps(profile)


def _refuse_what_is_wrong(profile: Path) -> None:
    """Raises Usage with everything that is wrong with the options, each by its name."""
    from dcrproof.core.profile.reading import ProfileError, read

    try:
        read(profile)
    except ProfileError as error:
        raise Usage("; ".join(dict.fromkeys(map(_without_keys, error.problems)))) from None


def _without_keys(text: str) -> str:
    """A text about the profile in the words of the options."""
    for key, option in OPTIONS.items():
        text = text.replace(key, option)
    return text
