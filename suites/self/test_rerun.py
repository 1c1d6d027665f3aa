"""The command that reruns a check works when it is pasted, whatever pytest was called with."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiers import sample

from dcrproof.fixtures.run.run import RUN
from dcrproof.fixtures.session import rerun

ROOT = Path(__file__).parents[2]
SUITES = ROOT / "suites"


WITH_VALUE = shlex.split("-p -c -o -k -xvk -m -n --maxfail --rootdir --envfile --dcr-profile --dcr-undo --dcr-check")


def said(args: str, folder: Path = ROOT, *, searched: tuple[str, ...] = (str(SUITES),), typed: str = ""):
    """The command after pytest was called with these arguments; `searched` is what it looks into without any."""
    words = shlex.split(args)
    places = [
        word for before, word in zip(["", *words], words, strict=False) if word[0] != "-" and before not in WITH_VALUE
    ]
    plugins = pytest.PytestPluginManager()
    if typed:
        command, *arguments = shlex.split(typed)
        plugins.register(rerun.Typed(command, arguments))
    config = SimpleNamespace(
        pluginmanager=plugins,
        invocation_params=SimpleNamespace(args=words, dir=folder),
        option=SimpleNamespace(file_or_dir=places, pyargs="--pyargs" in words),
        args=places or list(searched),
        stash={RUN: SimpleNamespace(selected=True)},
    )
    return rerun.rerun(config, "a.check")


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/bin/pytest"])
    monkeypatch.setattr(shutil, "which", {"pytest": "/bin/pytest"}.get)


@pytest.mark.parametrize(
    ("args", "kept"),
    [
        ("", ""),
        ("-q -v -x -s --tb=short -rA", ""),
        ("-xvk 'a and b' -m smoke --lf --maxfail 3", ""),
        ("-n 2 --junitxml=junit.xml --dcr-check token --dcr-check=route", ""),
        ("--dcr-profile staging.toml --dcr-undo a.b.c=d", "--dcr-profile staging.toml --dcr-undo a.b.c=d"),
        ("--dcr-baseline=known.toml --dcr-report=out", "--dcr-baseline=known.toml --dcr-report=out"),
        (
            "-p no:cacheprovider -pother -c my.ini --rootdir=. -o a=b",
            "-p no:cacheprovider -pother -c my.ini --rootdir=. -o a=b",
        ),
        ("--envfile .env.staging --other", "--envfile .env.staging --other"),
        ("--dcr-profile 'my profile.toml'", "--dcr-profile 'my profile.toml'"),
        ("--pyargs dcrproof.suites -q", "--pyargs dcrproof.suites"),
        ("--pyargs dcrproof.suites.test_5_route::test_basic", "--pyargs dcrproof.suites"),
        ("suites", "suites"),
        ("suites --rootdir suites", "--rootdir suites suites"),
        ("--rootdir suites suites", "--rootdir suites suites"),
        ("suites/test_5_route.py suites/detail/test_14_plugin.py::test_a", "suites"),
        (f"{SUITES}/test_5_route.py", str(SUITES)),
        (".", "."),
        ("tests/test_mine.py::test_it", "tests/test_mine.py"),
    ],
)
def test_the_command_keeps_what_matters_and_drops_what_selects(args, kept):
    assert said(args) == " ".join(filter(None, ["pytest", kept, "--dcr-check a.check"]))


@pytest.mark.parametrize(("folder", "place"), [(SUITES / "detail", ".."), (SUITES, ""), (ROOT.parent, "")])
def test_in_a_folder_of_the_suites_the_command_names_all_of_them(folder, place):
    expected = " ".join(filter(None, ["pytest", place, "--dcr-check a.check"]))
    assert said("", folder, searched=(str(folder),)) == expected


@pytest.mark.parametrize(
    ("started", "found", "program"),
    [
        ("/bin/pytest", {"pytest": "/bin/pytest"}, "pytest"),
        (".venv/bin/pytest", {"pytest": "/bin/pytest"}, ".venv/bin/pytest"),
        (".venv/bin/pytest", {}, ".venv/bin/pytest"),
        ("/x/pytest/__main__.py", {"python": sys.executable}, "python -m pytest"),
        ("/x/pytest/__main__.py", {"python": "/other/python", "python3": sys.executable}, "python3 -m pytest"),
        ("/x/pytest/__main__.py", {}, f"{sys.executable} -m pytest"),
        ("/x/program.py", {}, "pytest"),
    ],
)
def test_the_command_begins_as_pytest_was_started(monkeypatch, started, found, program):
    monkeypatch.setattr(sys, "argv", [started])
    monkeypatch.setattr(shutil, "which", found.get)
    assert said("") == f"{program} --dcr-check a.check"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("run", "run"),
        ("run --smoke --dcr-profile staging.toml -q -n 2", "run --dcr-profile staging.toml"),
        ("run --contract --dcr-check=route -x", "run"),
        (
            "diagnose --route https://api.example.com/x --client-id y -v",
            "diagnose --route https://api.example.com/x --client-id y",
        ),
    ],
)
@pytest.mark.parametrize(
    ("started", "program"),
    [
        ("/bin/dcrproof", "dcrproof"),
        (".venv/bin/dcrproof", ".venv/bin/dcrproof"),
        ("/x/dcrproof/__main__.py", "python -m dcrproof"),
    ],
)
def test_a_command_of_dcrproof_is_repeated_as_it_was_typed(monkeypatch, typed, kept, started, program):
    monkeypatch.setattr(sys, "argv", [started])
    monkeypatch.setattr(shutil, "which", {"dcrproof": "/bin/dcrproof", "python": sys.executable}.get)
    assert said("-c of/the/package.ini /its/suites", typed=typed) == f"{program} {kept} --dcr-check a.check"


UNDONE = "--dcr-undo curity.token-issuer.jwt --dcr-check token.is-jwt -p no:cacheprovider"


@pytest.mark.parametrize(
    ("folder", "command"),
    sample(
        [
            ("empty", f"pytest --pyargs dcrproof.suites {UNDONE}"),
            ("checkout", f"pytest {UNDONE}"),
            ("empty", f"dcrproof run {UNDONE}"),
            ("empty", f"python -m pytest --pyargs dcrproof.suites.test_1_curity {UNDONE}"),
            ("empty", f"python -m dcrproof run -n 2 {UNDONE}"),
        ]
    ),
)
def test_a_printed_command_reruns_the_check(tmp_path, folder, command):
    where = ROOT if folder == "checkout" else tmp_path
    first = pasted(command, where, tmp_path)
    found = re.findall(r"^  rerun +(.+)$", first, re.MULTILINE)
    assert len(set(found)) == 1, first
    again = pasted(found[0], where, tmp_path)
    assert "verdict    failed: token.is-jwt (curity.token-issuer.jwt)" in again
    assert found[0] in again


def pasted(command: str, folder: Path, reports: Path) -> str:
    """What a shell prints that is given this line."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    options = f"--dcr-report={reports / 'out'}"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env={**inherited, "PATH": path, "PYTEST_ADDOPTS": options},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout
