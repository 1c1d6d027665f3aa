"""`dcrproof run`: the checks from any folder, whose settings have no effect."""

import json
import os
import subprocess
import sys
from pathlib import Path

import forks
import pytest
from tiers import full

GREEN = ("--dcr-check", "discovery")
RED = ("--dcr-check", "token.is-jwt", "--dcr-undo", "curity.token-issuer.jwt")


def ran(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit code of `dcrproof run` in that folder, and what it printed."""
    running = forks.start("run", *arguments, cwd=folder, program="dcrproof")
    printed, _ = running.communicate()
    return running.returncode, printed


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("pytest.ini", "[pytest]\naddopts = --no-such-option\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-k nothing'\nfilterwarnings = 'error'\n"),
        ("tox.ini", "[pytest]\nminversion = 99\n"),
        ("setup.cfg", "[tool:pytest]\nrequired_plugins = pytest-nowhere\n"),
        ("conftest.py", "raise SystemExit(9)\n"),
        ("test_own.py", "def test_of_mine(): assert False\n"),
    ],
)
def test_what_a_folder_has_for_its_own_tests_does_nothing(tmp_path: Path, file: str, content: str) -> None:
    (tmp_path / file).write_text(content)
    code, printed = ran(tmp_path, *GREEN)
    assert code == 0, printed
    assert "verdict    green - 5 passed" in printed
    assert "warning" not in printed


@full
@pytest.mark.parametrize(
    "command",
    [
        ["run", "-q", "--dcr-check=token.is-jwt"],
        ["run", "-q", "--dcr-check=token.is-jwt", "-n1"],
        ["ci", "run"],
        ["load", "--time=1s"],
    ],
    ids=" ".join,
)
def test_the_modules_of_a_folder_are_not_imported(tmp_path: Path, command: list[str]) -> None:
    """A repository may have a `random.py`, which Python would import where it starts another process by -m or -c."""
    for name in ("random", "json", "logging", "socket", "httpx", "pytest", "execnet", "dcrproof"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('of the folder')")
    ended = subprocess.run(
        [Path(sys.executable).with_name("dcrproof"), *command],
        cwd=tmp_path,
        env={**os.environ, "DCRPROOF_OPTIONS": "-q --dcr-check=token.is-jwt"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    assert "of the folder" not in ended.stdout


def test_the_report_is_in_the_folder_and_has_what_was_typed(tmp_path: Path) -> None:
    code, printed = ran(tmp_path, *RED, "-q")
    assert code == 1, printed
    run = json.loads((tmp_path / "reports" / "out" / "latest" / "run.json").read_text("utf-8"))
    assert run["command"] == " ".join(["dcrproof", "run", *RED, "-q"])
    assert "open       reports/out/" in printed
    assert f"dcrproof run {' '.join(RED[2:])} {' '.join(RED[:2])}" in printed


@pytest.mark.parametrize("marked", ["--smoke", "--contract"])
def test_what_is_marked_runs(tmp_path: Path, marked: str) -> None:
    code, printed = ran(tmp_path, marked, "--collect-only", "-q")
    assert code == 0, printed
    code, same = ran(tmp_path, "-m", marked.removeprefix("--"), "--collect-only", "-q")
    assert [line for line in printed.splitlines() if "::" in line] == [
        line for line in same.splitlines() if "::" in line
    ]
    assert "deselected" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["test_own.py"], "`pytest test_own.py` runs tests of your own"),
        (["--dcr-chekc=discovery"], "did you mean '--dcr-check'?"),
        (["--smoke", "--contract"], "not allowed with argument"),
        (["--dcr-check", "discovry"], "no check has this id or prefix"),
        (["--dcr-profile", "nowhere.toml"], "nowhere.toml: 1 problem"),
    ],
)
def test_what_cannot_be_run_is_bad_usage(tmp_path: Path, arguments: list[str], said: str) -> None:
    code, printed = ran(tmp_path, *arguments)
    assert (code, said in printed) == (4, True), printed


def test_help_names_the_options_of_a_run(tmp_path: Path) -> None:
    code, printed = ran(tmp_path, "--help")
    assert code == 0
    assert {"--smoke", "--dcr-profile", "--dcr-check"} <= set(printed.split())
