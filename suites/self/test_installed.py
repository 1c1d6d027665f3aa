"""dcrproof is installed, and the project is somebody else's: with it everything there is as without it."""

import json
import re
import subprocess
import sys

import forks
import pytest
import tiers

INI = """
[pytest]
addopts = --strict-markers --strict-config
xfail_strict = true
markers =
    smoke: mine
    contract: mine as well
"""
CONFTEST = """
import json, logging, signal, sys, threading, warnings
import pytest
from hypothesis import settings

def pytest_exception_interact(node, call):
    node.config.interacted.append([node.name, type(call.excinfo.value).__name__])

def pytest_configure(config):
    config.interacted = []

def pytest_sessionfinish(session):
    config = session.config
    state = {
        "markers": config.getini("markers"),
        "warnings": list(map(str, warnings.filters)),
        "filterwarnings": config.getini("filterwarnings"),
        "options": sorted(vars(config.option)),
        "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)],
        "records": logging.getLogRecordFactory().__qualname__,
        "threads": threading.active_count(),
        "hypothesis": repr(settings()),
        "interacted": config.interacted,
        "modules": sorted(sys.modules),
        "path": sys.path[1:],
        "hooks": [repr(sys.excepthook), repr(sys.displayhook)],
    }
    with open("state.json", "w") as file:
        json.dump(state, file)
"""
TESTS = """
import socket, unittest
import pytest

@pytest.mark.smoke
def test_smoke(): pass

def test_network():
    with socket.socket() as one:
        one.settimeout(0.01)
        with pytest.raises(OSError):  # not by dcrproof: nobody answers
            one.connect(("192.0.2.1", 9))

class TestUnit(unittest.TestCase):
    def test_unit(self):
        self.assertEqual(1, 2)
"""
ALIKE = """
@pytest.fixture
def _dcr_client():
    return "their own"

def test_own_fixture(_dcr_client):
    assert _dcr_client == "their own"
"""
"""A fixture with a name as dcrproof's have: that makes it look closer, and do no more."""


@pytest.fixture(scope="module", params=["", ALIKE], ids=["nothing alike", "a fixture with such a name"])
def ran(request, tmp_path_factory):
    """Runs somebody's tests. `states` are what runs without and with dcrproof left in their process, and printed."""
    folder = tmp_path_factory.mktemp("theirs")
    for name, text in {"pytest.ini": INI, "conftest.py": CONFTEST, "test_theirs.py": TESTS + request.param}.items():
        (folder / name).write_text(text)

    def run(*arguments):
        command = [sys.executable, "-W", "error", "-m", "pytest", "-p", "no:cacheprovider", "-p", "hypothesispytest"]
        return subprocess.run(
            [*command, *arguments],
            cwd=folder,
            env=forks.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def state(*arguments):
        done = run(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        return json.loads((folder / "state.json").read_text()), done.stdout

    run.states = (state(), state("-p", "dcrproof"))
    return run


def test_the_state_of_the_process_is_the_same(ran):
    (without, _), (installed, _) = ran.states
    same = ("warnings", "filterwarnings", "signals", "records", "threads", "hypothesis", "interacted", "path", "hooks")
    assert {name: installed[name] for name in same} == {name: without[name] for name in same}
    assert without["interacted"] == [["test_unit", "AssertionError"]]


def test_what_is_added_has_the_prefix_of_dcrproof(ran):
    (without, _), (installed, _) = ran.states
    added = {name: [one for one in installed[name] if one not in without[name]] for name in ("markers", "options")}
    assert all(one.startswith("dcr_") for ones in added.values() for one in ones), added
    assert [marker.partition(":")[0] for marker in added["markers"]] == ["dcr_smoke", "dcr_contract", "dcr_exploratory"]
    assert [one for one in without["markers"] if one not in installed["markers"]] == []


def test_nothing_heavy_is_imported(ran, request):
    (without, _), (installed, _) = ran.states
    modules = set(installed["modules"]) - set(without["modules"])
    assert {
        name for name in modules if name.startswith(("dcrproof.suites", "dcrproof.mocks", "dcrproof.reports"))
    } == set()
    if "nothing" in request.node.callspec.id:
        assert modules == {"dcrproof", "dcrproof.fixtures", "dcrproof.fixtures.options", "dcrproof.fixtures.plugin"}


def test_the_output_is_the_same(ran):
    (_, without), (_, installed) = ran.states
    plain = [
        [line for line in text.splitlines() if "passed" not in line and not line.startswith("plugins:")]
        for text in (without, installed)
    ]
    assert plain[0] == plain[1]


def test_their_marker_selects_their_tests(ran):
    done = ran("-p", "dcrproof", "-m", "smoke", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"1 passed, [23] deselected", done.stdout), done.stdout


@tiers.full
def test_the_exit_code_of_parallel_runs_is_the_same(ran):
    stopped = [ran(*plugin, "-p", "xdist", "-n", "1", "-x").returncode for plugin in ((), ("-p", "dcrproof"))]
    assert stopped[0] == stopped[1], stopped
