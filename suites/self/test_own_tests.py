"""The tests of somebody else: what they get where they use a fixture of dcrproof, and that nothing else changes for them."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forks
import pytest

STEP = "curity.token-issuer.jwt"
ROOT = Path(__file__).parents[2]
SHOWN = ROOT / "docs" / "fixtures.md"
"""The page with an example of a test."""
RERUN = f"--dcr-undo {STEP} --pyargs dcrproof.suites --dcr-check token.is-jwt"
CLAIM = "FAILED token.is-jwt: The access token is a signed JWT   owner: Curity admins"

SHARED = """
import pytest

@pytest.fixture
def pair(dcr_application, dcr_basic):
    return dcr_application.client_id, dcr_application.secret.reveal()

class Base:
    @pytest.fixture
    def of_base(self, dcr_basic):
        return dcr_basic
"""
"""Fixtures that use dcrproof's, in a module of their own: a test module that imports them does not name dcrproof's."""

PLUGGED = """
import pytest

@pytest.fixture
def of_plugin(dcr_basic):
    return dcr_basic
"""
EVERY_WAY = """
import unittest

import pytest

from shared import Base, pair

def test_own_fixture(pair):
    assert all(pair)

class TestClass(Base):
    def test_method(self, of_base):
        assert of_base

@pytest.mark.parametrize("number", [1, 2])
def test_parameters(number, dcr_basic):
    assert number

@pytest.fixture(params=["a", "b"])
def parametrised(request, dcr_basic):
    return request.param

def test_parametrised_fixture(parametrised):
    assert parametrised

@pytest.mark.usefixtures("dcr_basic")
class TestUnit(unittest.TestCase):
    def test_unit(self):
        self.assertTrue(True)

@pytest.mark.anyio
async def test_async(dcr_basic):
    assert dcr_basic

def test_by_name(request):
    assert request.getfixturevalue("dcr_basic")

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""


@dataclass(frozen=True)
class Ran:
    """A run of somebody's tests: its exit code, what it printed, the content of `run.json` if it left a report."""

    code: int
    output: str
    report: Mapping[str, Any]


@pytest.fixture
def run_own(tmp_path: Path) -> Callable[..., Ran]:
    """Runs tests in a folder of their own, as somebody does who has installed dcrproof; arguments are those of pytest."""

    def run(tests: str, *arguments: str, **files: str) -> Ran:
        for name, text in {"test_own": tests, "shared": SHARED, **files}.items():
            (tmp_path / f"{name}.py").write_text(text)
        code, output = forks.command_line(
            "-p", "anyio.pytest_plugin", "--rootdir=.", *arguments, cwd=tmp_path, COLUMNS="200"
        )
        written = tmp_path / "reports" / "out" / "latest" / "run.json"
        return Ran(code, output, json.loads(written.read_text("utf-8")) if written.is_file() else {})

    return run


def examples() -> dict[str, str]:
    """The tests that the documentation shows, as files."""
    found = re.findall(r"```python\n(.*?)```", SHOWN.read_text("utf-8"), re.DOTALL)
    return {f"test_shown_{number}": code for number, code in enumerate(found)}


def test_every_way_to_use_a_fixture_gives_an_application_that_works(run_own: Callable[..., Ran]) -> None:
    files = {"plugged": PLUGGED, "test_plugged": "def test_it(of_plugin): assert of_plugin\n", **examples()}
    ran = run_own(EVERY_WAY, "-p", "plugged", **files)
    assert ran.code == 0, ran.output
    assert "11 passed" in ran.output
    assert ran.report == {}, "a report is left where something is to be reported"


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["serial", "in a worker"])
def test_every_way_gets_the_diagnosis_of_the_check_where_a_step_is_undone(
    run_own: Callable[..., Ran], tmp_path: Path, workers: tuple[str, ...]
) -> None:
    ran = run_own(EVERY_WAY, f"--dcr-undo={STEP}", "--junitxml=junit.xml", *workers)
    assert ran.code == 1, ran.output
    assert "Traceback" not in ran.output
    assert "gate.py" not in ran.output
    summary = [line for line in ran.output.splitlines() if line.startswith(("ERROR test_own", "FAILED test_own"))]
    assert len(summary) == 9
    assert all(line.endswith(f" - {CLAIM}") for line in summary), summary
    last = ran.output[ran.output.index("= dcrproof =") :]
    assert ran.output.count("Use Access Token as JWT") == 1, "one wrong step is diagnosed once"
    labels = re.findall(r"^  (step|expected|observed|fix|evidence|rerun) ", last, re.MULTILINE)
    assert labels == ["step", "expected", "observed", "fix", "evidence", "rerun"]
    assert re.search(rf"^  rerun .*pytest .*{RERUN}$", last.replace("=", " "), re.MULTILINE)
    assert f"verdict    failed: token.is-jwt ({STEP})" in last
    assert [(check["id"], check["verdict"], check["candidates"]) for check in ran.report["checks"]] == [
        ("token.is-jwt", "failed", [STEP])
    ]
    assert ran.report["exit"] == 1
    assert (tmp_path / "junit.xml").read_text("utf-8").count("Use Access Token as JWT") >= 9, (
        "for those who read no terminal"
    )


def test_the_command_that_is_printed_runs_the_check_from_any_folder(run_own: Callable[..., Ran]) -> None:
    ran = run_own("", *RERUN.split())
    assert ran.code == 1, ran.output
    assert f"verdict    failed: token.is-jwt ({STEP})" in ran.output


FAILING = """
import pytest
from requests import get

def test_own_assertion(dcr_application, dcr_consumer, dcr_basic, dcr_bearer, dcr_claims, dcr_metadata):
    assert dcr_consumer.call({"authorization": "Bearer no"}).status == 200

def test_what_a_call_raises(dcr_applications):
    dcr_applications.create("twice", auth_strategy_id="00000000-0000-4000-8000-000000000000")

@pytest.mark.xfail(reason="not yet")
def test_expected_to_fail(dcr_applications):
    dcr_applications.create("twice", auth_strategy_id="00000000-0000-4000-8000-000000000000")

def test_not_seen(request):
    request.getfixturevalue("_dcr_foreigners")
"""


def test_what_the_call_of_a_test_raises_is_told_like_the_failure_of_a_check(run_own: Callable[..., Ran]) -> None:
    ran = run_own(FAILING, "-rA")
    assert ran.code == 1, ran.output
    assert "gate.py" not in ran.output
    assert "applications.py" not in ran.output
    assert "FAILED test_own.py::test_what_a_call_raises: what the test asked of a fixture   owner: Konnect admins" in (
        ran.output
    )
    assert "expected       201 to the new application" in ran.output
    assert re.search(r"rerun +pytest .*test_own\.py::test_what_a_call_raises", ran.output)
    assert "XFAIL test_own.py::test_expected_to_fail - not yet" in ran.output
    shown = re.findall(r"\bdcr_\w+ = (.*?)(?=, dcr_\w+ = |\n)", ran.output)
    assert len(shown) == 6
    assert max(map(len, shown)) < 160, shown
    assert "<secret" not in "".join(shown), "a repr shows no secret, not even a masked one"


SLIPS = """
import pytest

CALLS = [
    {"path": "accounts"}, {"path": "/accounts x"}, {"query": "a=\\n"}, {"node": "127.0.0.1:1"}, {"method": "GET /"},
    {"headers": {"a b": "c"}}, {"headers": {"a": 1}},
]

@pytest.mark.parametrize("arguments", CALLS)
def test_call(dcr_consumer, arguments):
    dcr_consumer.call(**arguments)

@pytest.mark.parametrize("seconds", [-5, "5", float("nan"), None])
def test_clock(dcr_clock, seconds):
    dcr_clock.advance(seconds)

def test_status(dcr_applications):
    dcr_applications.set_status(dcr_applications.registered("mine"), "revokd")

def test_no_registration(dcr_applications):
    dcr_applications.set_status(dcr_applications.create("another"), "approved")

def test_name(dcr_applications):
    dcr_applications.create("application")
    dcr_applications.create("application")
"""


def test_a_wrong_argument_is_the_error_of_the_test_alone(run_own: Callable[..., Ran]) -> None:
    ran = run_own(SLIPS)
    assert ran.code == 1, ran.output
    summary = [line for line in ran.output.splitlines() if line.startswith("FAILED test_own")]
    assert len(summary) == 14
    assert all(" - ValueError: " in line for line in summary), summary
    assert "did you mean 'revoked'?" in ran.output
    assert "owner" not in ran.output


@pytest.mark.parametrize(
    ("asked", "step", "check"),
    [
        ("dcr_bearer()", STEP, "token.is-jwt"),
        ("dcr_applications.registered('mine')", "konnect.provider.initial-client-secret", "application.created"),
    ],
    ids=["a token", "an application"],
)
def test_what_a_call_repeats_of_the_flow_has_the_diagnosis_of_its_check(
    run_own: Callable[..., Ran], asked: str, step: str, check: str
) -> None:
    ran = run_own(f"def test_it({asked.partition('(')[0].partition('.')[0]}): {asked}\n", f"--dcr-undo={step}")
    assert ran.code == 1, ran.output
    assert f"FAILED {check}" in ran.output
    assert re.search(rf"^  step +{step}", ran.output, re.MULTILINE)
    assert "not a setup step" not in ran.output


def test_what_a_run_does_not_see_skips_the_test_with_the_reason(run_own: Callable[..., Ran], mocks: Any) -> None:
    text = "\n".join(line for line in mocks.profile.read_text("utf-8").splitlines() if not line.startswith("mocked"))
    profile = mocks.profile.parent / "inspecting.toml"
    profile.write_text(text.replace('mode = "provision"', 'mode = "inspect"'), "utf-8")
    ran = run_own(
        "def test_it(dcr_basic): pass\n\ndef test_other(dcr_metadata): pass\n", f"--dcr-profile={profile}", "-rs"
    )
    assert ran.code == 0, ran.output
    assert 'not seen: mode = "existing" would show it' in ran.output
    assert "1 passed, 1 skipped" in ran.output


def test_a_fixture_that_the_settings_of_a_project_use_in_every_test_is_found(run_own: Callable[..., Ran]) -> None:
    ran = run_own("def test_it(): pass\n", "-o", "usefixtures=dcr_metadata")
    assert ran.code == 0, ran.output


def test_pytest_lists_the_public_fixtures_with_their_docstrings(run_own: Callable[..., Ran]) -> None:
    ran = run_own("", "--fixtures")
    listed = dict(re.findall(r"^(dcr_\w+) \[session scope\] -- .*\n +(.+)$", ran.output, re.MULTILINE))
    public = set(re.findall(r"^## (\w+)$", SHOWN.read_text("utf-8"), re.MULTILINE))
    assert public == set(listed)
    assert "no docstring available" not in {listed[name] for name in public}


@pytest.mark.parametrize(
    ("options", "tests"),
    [(("--fixtures",), ""), (("--fixtures",), "def test_it(dcr_basic): pass\n"), (("--fixtures", "-v"), "")],
    ids=["no tests", "a test that uses one", "private ones as well"],
)
def test_each_heading_of_that_list_has_a_fixture_and_each_fixture_a_docstring(
    run_own: Callable[..., Ran], options: tuple[str, ...], tests: str
) -> None:
    ran = run_own(tests, *options)
    of_modules = re.split(r"^-+ fixtures defined from (\S+) -+$", ran.output, flags=re.MULTILINE)[1:]
    ours = {
        name: text for name, text in zip(of_modules[::2], of_modules[1::2], strict=True) if name.startswith("dcrproof.")
    }
    assert len(ours) > 3
    assert [name for name, text in ours.items() if not re.search(r"^_?\w+ .*-- ", text, re.MULTILINE)] == []
    if "-v" not in options:
        assert not any("no docstring available" in text or "record_" in text for text in ours.values())


UNREACHABLE = """
[run]
mode = "existing"
deadlines = { propagation = "0s", patience = "1s" }
[curity]
issuer = "http://127.0.0.1:9/oauth/v2/oauth-anonymous"
[gateway]
url = "http://127.0.0.1:9"
[[gateway.route]]
path = "/accounts"
[application]
client_id = "an-application"
client_secret = { env = "APPLICATION_SECRET" }
"""


@pytest.mark.parametrize(
    ("more", "code"), [("", 6), ("\ndef test_other(): assert 1 == 2\n", 1)], ids=["alone", "beside a failure"]
)
def test_an_unreachable_party_ends_the_run_with_6_unless_another_test_fails(
    run_own: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, code: int
) -> None:
    monkeypatch.setenv("APPLICATION_SECRET", "a-secret-of-a-test")
    (tmp_path / "unreachable.toml").write_text(UNREACHABLE)
    tests = "def test_it(dcr_bearer): pass\n\ndef test_call(dcr_consumer): dcr_consumer.call()\n" + more
    ran = run_own(tests, "--dcr-profile=unreachable.toml")
    assert ran.code == code, ran.output
    assert "UNREACHABLE discovery.served" in ran.output
    assert "UNREACHABLE test_own.py::test_call" in ran.output
    assert "connection refused" in ran.output
