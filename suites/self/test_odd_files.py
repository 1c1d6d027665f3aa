"""What an option or a command names is never waited for: a pipe, a file without end, one that is much too large."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from dcrproof.__main__ import main
from dcrproof.core.checks.results import Exit
from dcrproof.core.openapi import DOCUMENTS
from dcrproof.fixtures.session import asked


class Over(BaseException):
    """Nothing takes it for an error of a file."""


@pytest.fixture(autouse=True)
def hurried() -> Iterator[None]:
    def over(*_: object) -> None:
        raise Over("it waits for the file")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(3_000_000_000)


ODD = {"fifo": os.mkfifo, "endless": endless, "large": large}
IN_A_FOLDER = {"run.json": ("compare", "{}", "{}"), "events.jsonl": ("report", "{}")}
"""A file of a run's folder that is odd, and a command that takes the folder."""
COMMANDS = (
    ("compare", "{}", "{}"),
    ("checks", "--failing-in", "{}"),
    ("steps", "--failing-in", "{}"),
    ("profile", "check", "{}"),
    ("sweep", "--profile", "{}"),
    ("serve", "--observed", "{}"),
    ("serve", "--issuer", "https://as.example", "--registrar-id", "a", "--registrar-secret-file", "{}"),
)


def refused(capsys: pytest.CaptureFixture[str], command: tuple[str, ...], given: Path, odd: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)]
    try:
        assert main([part.format(given) for part in command]) == Exit.USAGE
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGHUP, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)
    assert str(odd) in capsys.readouterr().err


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_refuses_it(capsys, tmp_path: Path, command: tuple[str, ...], kind: str) -> None:
    odd = tmp_path / "odd"
    ODD[kind](odd)
    refused(capsys, command, odd, odd)


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", IN_A_FOLDER)
def test_a_command_refuses_it_in_the_folder_of_a_run(capsys, tmp_path: Path, name: str, kind: str) -> None:
    ODD[kind](tmp_path / name)
    refused(capsys, IN_A_FOLDER[name], tmp_path, tmp_path / name)


OPTIONS: dict[str, Callable[[Path], object]] = {
    "--dcr-profile": asked._profile,
    "--dcr-baseline": asked._baseline,
    "--dcr-observed": lambda path: asked._switched(SimpleNamespace(stash=pytest.Stash()), path, None),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_a_run_refuses_it(tmp_path: Path, option: str, kind: str) -> None:
    odd = tmp_path / "odd"
    ODD[kind](odd)
    with pytest.raises(pytest.UsageError, match=str(odd)):
        OPTIONS[option](odd)


@pytest.mark.parametrize("kind", ["fifo", "endless"])
def test_an_openapi_document_is_a_file(tmp_path: Path, kind: str) -> None:
    for name in set(DOCUMENTS.values()):
        ODD[kind](tmp_path / f"{name}.yaml")
    with pytest.raises(pytest.UsageError, match=r"--dcr-openapi: .* has no "):
        asked._openapi(tmp_path)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "1" * 10_000], ids=["too deep", "too long"])
@pytest.mark.parametrize("option", ["--dcr-profile", "--dcr-baseline", "--dcr-observed"])
def test_what_the_parser_of_toml_cannot_take_is_refused(tmp_path: Path, option: str, text: str) -> None:
    odd = tmp_path / "odd"
    odd.write_text(text)
    with pytest.raises(pytest.UsageError, match=str(odd)):
        OPTIONS[option](odd)
