"""A secret that somebody types in the wrong place: as the name of a file or a variable, in an address, as an argument.

The cases are all options of all commands, and all keys of a profile: nothing that dcrproof prints or writes repeats it.
"""

from argparse import _SubParsersAction as Commands
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import forks
import pytest
from tiers import sample

from dcrproof.__main__ import command_line, main
from dcrproof.commands.ci import TOLD
from dcrproof.core.profile.model import Profile
from dcrproof.core.profile.reading import ProfileError, _holds_secret, _table, _typed, read
from dcrproof.core.secrets.named import given_in_query

SECRET, LIKE_A_NAME = "Kq93-zzPlain/Secret7", "hunter2hunter2"
URLS = (
    f"https://somebody:{SECRET}@127.0.0.1:1/x",
    f"https://127.0.0.1:1/x?api_key={SECRET}",
    f"https://127.0.0.1:1/x#access_token={SECRET}",
)
NEEDED = {
    "diagnose": ["--route", "https://127.0.0.1:1/x", "--client-id", "a", "--issuer", "https://127.0.0.1:1/oauth"],
    "serve": ["--issuer", "https://127.0.0.1:1", "--registrar-id", "a", "--registrar-secret-file", "nowhere"],
    "lint": ["nowhere.yaml"],
    "init": ["--mode", "existing"],
    "compare": ["nowhere"],
}
TAKES_ITSELF = {
    "client-id",
    "registrar-id",
    "admin-user",
    "email",
    "service",
    "strategy",
    "portal-name",
    "control-plane",
    "api",
}
"""Options whose values are names and ids: they are shown."""


def options() -> Iterator[tuple[str, str, str]]:
    """(command, option, value) for all that take a file, a variable, or an address."""
    commands = next(one for one in command_line()._actions if isinstance(one, Commands)).choices
    for command, parser in commands.items():
        for option in parser._actions:
            name = next((name for name in option.option_strings if name.startswith("--")), "")
            if not name or option.nargs == 0 or name.removeprefix("--") in TAKES_ITSELF:
                continue
            if option.metavar == "URL":
                yield from ((command, name, url) for url in URLS)
            elif "secret" in name or "password" in name or "token" in name:
                yield command, name, SECRET


MAY = ("diagnose", "--route", URLS[1])
"""The query of a route is sent: `test_what_a_route_holds_is_masked_everywhere`."""
OPTIONS = [one for one in options() if one != MAY]


def test_the_cases_are_those_that_can_be_typed() -> None:
    assert {command for command, _, _ in OPTIONS} == {"diagnose", "serve", "lint", "init"}
    assert len({option for _, option, _ in OPTIONS}) > 20


@pytest.mark.parametrize(("command", "option", "value"), OPTIONS, ids=lambda part: part.replace(SECRET, "S"))
def test_no_command_repeats_it(command: str, option: str, value: str, tmp_path: Path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    given = list(NEEDED[command])
    if option in given:
        del given[given.index(option) : given.index(option) + 2]
    try:
        code = main([command, *given, option, value])
    except SystemExit as stopped:
        code = stopped.code
    said = "".join(capfd.readouterr())
    assert (code, "Traceback" in said) == (4, False), said
    assert SECRET not in said
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


PROFILE = """\
[run]
mode = "existing"
[curity]
issuer = "https://127.0.0.1:1/oauth"
[gateway]
url = "https://127.0.0.1:1"
[[gateway.route]]
path = "/x?api_key=KEY&v=1"
headers = { "x-api-key" = "HEADER" }
[application]
client_id = "a"
client_secret = { env = "SECRET_OF_THE_APPLICATION" }
"""


def keys(table: Any = Profile, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each key of a profile by its place."""
    for name, type_ in _typed(table):
        if inner := _table(type_):
            yield from keys(inner, (*place, name))
        if place:
            yield (*place, name)


@pytest.mark.parametrize("place", dict.fromkeys(keys()), ids=".".join)
def test_no_key_of_a_profile_repeats_it(place: tuple[str, ...], tmp_path: Path) -> None:
    """An address with a password, in any key; the secret itself where a secret belongs, in any form."""
    values = [f'"{url}"' for url in URLS]
    if _holds_secret(place):
        values += [
            f'"{SECRET}"',
            *(f'{{ {key} = "{text}" }}' for key in ("file", "env") for text in (SECRET, LIKE_A_NAME)),
        ]
    for value in values:
        file = tmp_path / "profile.toml"
        file.write_text(f"[{'.'.join(place[:-1])}]\n{place[-1]} = {value}\n", "utf-8")
        try:
            read(file, {})
        except ProfileError as error:
            assert not [text for text in (SECRET, LIKE_A_NAME) if text in str(error)], str(error)


@pytest.mark.parametrize(
    "query",
    [
        "token=S",
        "access_token=S",
        "api_key=S",
        "apikey=S",
        "subscription-key=S",
        "key=S",
        "sig=S",
        "x=1&code=S",
        "pwd=S",
    ],
)
def test_a_query_holds_secrets_by_their_names(query: str) -> None:
    assert list(given_in_query(query.replace("S", SECRET))) == [SECRET]


def test_other_parameters_are_no_secrets() -> None:
    assert (
        list(given_in_query("page=2&sort=created_at&monkeys=a-long-value-of-many&expand=accounts.owner&key=accounts"))
        == []
    )


COMMANDS: dict[str, Any] = {
    "run": ["run", "--dcr-profile=profile.toml", "--dcr-check=gateway", "-vv", "--showlocals", "--junitxml=own.xml"],
    "diagnose": [
        "diagnose",
        f"--route=https://127.0.0.1:1/x?api_key={SECRET}",
        "--client-id=a",
        "--issuer=https://127.0.0.1:1/oauth",
        "--secret-env=SECRET_OF_THE_APPLICATION",
        "--dcr-check=gateway",
    ],
}


@pytest.mark.parametrize("arguments", sample([[one] for one in COMMANDS.values()], id=str))
def test_what_a_route_holds_is_masked_everywhere(arguments: Any, tmp_path: Path) -> None:
    header = "Wx55-another-one"
    text = PROFILE.replace("KEY", SECRET.replace("/", "%2F")).replace("HEADER", header)
    (tmp_path / "profile.toml").write_text(text, "utf-8")
    running = forks.start(
        *arguments[0], cwd=tmp_path, program="dcrproof", SECRET_OF_THE_APPLICATION="Ty8-a-secret-of-nobody"
    )
    printed, _ = running.communicate()
    assert running.returncode == 6, printed
    assert "<secret " in printed
    written = {
        path: path.read_text("utf-8") for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".toml"
    }
    assert len(written) > 8
    for where, text in {"the terminal": printed, **written}.items():
        assert [piece for piece in (SECRET, SECRET.replace("/", "%2F"), header) if piece in text] == [], where


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", f"--no-such={SECRET}"], "unknown option --no-such"),
        (["serve", f"--no-such={SECRET}"], "unknown argument --no-such"),
        (["sweep", f"--tokn={SECRET}"], "unknown argument --tokn"),
        (["serve", f"--registrar-secret={SECRET}"], "other people on this machine see"),
        (["run", f"--dcr-otlp=http://somebody:{SECRET}@127.0.0.1"], "--dcr-otlp: expected the address of a collector"),
        (["run", f"--dcr-otlp=http://127.0.0.1/?token={SECRET}"], "--dcr-otlp: expected the address of a collector"),
    ],
)
def test_an_argument_that_is_refused_is_not_repeated(arguments: list[str], said: str, tmp_path: Path) -> None:
    running = forks.start(*arguments, cwd=tmp_path, program="dcrproof")
    printed, _ = running.communicate()
    assert (running.returncode, said in printed, SECRET in printed) == (4, True, False), printed


def test_options_of_a_job_that_cannot_be_read_are_not_repeated(tmp_path: Path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    for text in (f"--x='{SECRET}", f"{next(iter(TOLD))}={SECRET}"):
        monkeypatch.setenv("DCRPROOF_OPTIONS", text)
        assert main(["ci", "run"]) == 4
        assert SECRET not in "".join(capfd.readouterr())
