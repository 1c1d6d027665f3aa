"""`events.jsonl` and `run.json`: each run leaves them, however it ends, and they tell the truth."""

import json
import os
import signal
import subprocess
import sys
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator

from dcrproof.events import read
from dcrproof.reports.run_json import run_json
from dcrproof.result import Exit

SCHEMA = json.loads(resources.files("dcrproof.reports").joinpath("run.schema.json").read_text("utf-8"))
ROOT = Path(__file__).parents[2]
SOME = ("--dcr-check", "token", "--dcr-check", "route.basic.accepted", "--dcr-check", "application")
PYTEST = [sys.executable, "-m", "pytest", "-p", "dcrproof", "-p", "no:cacheprovider"]
ENVIRONMENT = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def problems(report) -> list[str]:
    return [f"{list(error.path)}: {error.message}"[:300] for error in Draft202012Validator(SCHEMA).iter_errors(report)]


def run(reports: Path, *arguments: str, parallel: bool = False) -> SimpleNamespace:
    """A run in a process of its own: its folder, what it printed, and `run.json`."""
    command = [*PYTEST, *(["-p", "xdist", "-n", "2"] if parallel else []), f"--dcr-report={reports}", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    folder = (reports / "latest").resolve()
    report = json.loads((folder / "run.json").read_text("utf-8"))
    return SimpleNamespace(code=done.returncode, output=done.stdout, folder=folder, report=report)


@pytest.fixture(scope="module")
def green(tmp_path_factory):
    return run(tmp_path_factory.mktemp("green"), *SOME)


@pytest.fixture(scope="module")
def undone(tmp_path_factory):
    return run(tmp_path_factory.mktemp("undone"), *SOME, "--dcr-undo=curity.token-issuer.jwt")


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


def test_a_green_run_tells_all_that_happened(green):
    report = green.report
    assert problems(report) == []
    assert (report["exit"], report["verdict"]) == (Exit.GREEN, "green")
    assert report["target"] == {"curity": "mocked", "konnect": "mocked", "portal": "mocked", "gateway": "mocked"}
    assert [check["id"] for check in report["checks"]] == report["selected"]
    assert report["started"] < report["ended"]
    assert report["seconds"] > 0
    assert {step["mark"] for step in report["steps"]} <= {"holds", "not checked"}


def test_each_exchange_belongs_to_the_check_whose_claim_it_serves(green):
    belongs = {exchange["number"]: exchange["check"] for exchange in green.report["exchanges"]}
    for check in green.report["checks"]:
        assert all(belongs[number] == check["id"] for number in check["exchanges"])
    owners = {(exchange["method"], exchange["check"]) for exchange in green.report["exchanges"]}
    assert ("POST", "application.created") in owners  # a gate's are its check's, whichever check asked first
    assert ("DELETE", None) in owners  # the clean-up belongs to none


def test_the_inner_calls_are_those_that_happened(green):
    calls = {(call["from"], call["to"]) for call in green.report["calls"]}
    assert {("konnect", "curity"), ("gateway", "curity"), ("gateway", "upstream")} <= calls
    assert all(green.report["started"] <= call["at"] <= green.report["ended"] for call in green.report["calls"])


def test_no_signature_and_no_session_is_in_the_record(green):
    text = (green.folder / "events.jsonl").read_text("utf-8")
    assert ".<signature>" in text
    assert "session=<secret " in text
    assert 'client_secret\\":\\"<secret' in text.replace(" ", "")


def test_run_json_is_made_from_the_events_and_nothing_else(green):
    with (green.folder / "events.jsonl").open(encoding="utf-8") as lines:
        assert run_json(read(lines)) == green.report


def test_a_step_undone_is_marked_and_what_stands_on_it_is_blocked(undone):
    report = undone.report
    assert problems(report) == []
    assert (undone.code, report["verdict"]) == (Exit.BROKEN, "broken")
    assert report["headline"].startswith("failed: token.is-jwt (curity.token-issuer.jwt) - ")
    assert [step["id"] for step in report["steps"] if step["mark"] == "wrong"] == ["curity.token-issuer.jwt"]
    failed = next(check for check in report["checks"] if check["verdict"] == "failed")
    assert failed["evidence"]["number"] in {exchange["number"] for exchange in report["exchanges"]}
    assert failed["again"] == "pytest --dcr-undo curity.token-issuer.jwt --dcr-check token.is-jwt"


def test_workers_report_the_same_checks_verdicts_order_and_diagnoses(undone, tmp_path):
    report = run(tmp_path, *SOME, "--dcr-undo=curity.token-issuer.jwt", parallel=True).report
    assert problems(report) == []

    def told(report) -> list:
        names = ("id", "verdict", "candidates", "blocked_by", "expected", "ruled_out", "mend", "owner")
        return [[check[name] for name in names] for check in report["checks"]]

    assert told(report) == told(undone.report)
    numbers = [exchange["number"] for exchange in report["exchanges"]]
    assert len(numbers) == len(set(numbers))


def test_a_target_that_is_down_is_told_with_the_requests_that_got_no_answer(tmp_path):
    profile = tmp_path / "down.toml"
    profile.write_text('[run]\nmode = "inspect"\n[curity]\nissuer = "https://127.0.0.1:1/oauth/v2/oauth-anonymous"\n')
    found = run(tmp_path / "reports", f"--dcr-profile={profile}")
    assert problems(found.report) == []
    assert (found.code, found.report["verdict"]) == (Exit.UNREACHABLE, "unreachable")
    assert found.report["target"] == {"curity": "live"}
    assert {exchange["error"] for exchange in found.report["exchanges"]} == {"connection refused"}


KILLED = """
import os, signal, time
from dcrproof.checks import Evidence, check

@check("a.passed", "a claim", evidence=Evidence.DOCUMENTED, references=("RFC 0",))
def test_a(dcr_target, dcr_authorization_server):
    dcr_authorization_server.line.send("GET", dcr_target.profile.curity.issuer + "/.well-known/openid-configuration")

@check("b.stopped", "a claim", evidence=Evidence.DOCUMENTED, references=("RFC 0",))
def test_b(dcr_target, dcr_authorization_server):
    dcr_authorization_server.line.send("GET", dcr_target.profile.curity.issuer + "/nothing")
    STOP

@check("c.never", "a claim", evidence=Evidence.DOCUMENTED, references=("RFC 0",))
def test_c():
    pass
"""


def own_suite(folder: Path, stop: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_1_own.py").write_text(KILLED.replace("STOP", stop))
    return subprocess.run(
        [*PYTEST, "--dcr-report=reports", "test_1_own.py"],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_a_run_that_is_interrupted_half_way_leaves_all_files(tmp_path):
    done = own_suite(tmp_path, "os.kill(os.getpid(), signal.SIGINT); time.sleep(5)")
    report = json.loads((tmp_path / "reports" / "latest" / "run.json").read_text("utf-8"))
    assert done.returncode == report["exit"] == Exit.INTERRUPTED
    assert problems(report) == []
    assert report["headline"] == "interrupted - 1 passed"
    assert report["selected"] == ["a.passed", "b.stopped", "c.never"]
    assert [check["id"] for check in report["checks"]] == ["a.passed"]
    assert [exchange["check"] for exchange in report["exchanges"]] == ["a.passed", "b.stopped"]


def test_a_run_that_is_killed_leaves_a_record_up_to_there(tmp_path):
    done = own_suite(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    assert done.returncode == -signal.SIGKILL
    folder = tmp_path / "reports" / "latest"
    assert not (folder / "run.json").exists()
    with (folder / "events.jsonl").open(encoding="utf-8") as lines:
        report = run_json(read(lines))
    assert problems(report) == []
    assert (report["exit"], report["verdict"]) == (None, "cut short")
    assert [check["id"] for check in report["checks"]] == ["a.passed"]
    first, last = report["exchanges"]
    assert (first["check"], first["status"]) == ("a.passed", 200)
    assert (last["check"], last["status"]) == ("b.stopped", None)
    assert "breaks off" in last["error"]


def test_latest_points_to_a_run_from_its_start_on(tmp_path):
    own_suite(tmp_path, "pass")
    first = (tmp_path / "reports" / "latest").resolve()
    own_suite(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    assert (tmp_path / "reports" / "latest").resolve() != first


def test_no_folder_is_made_where_nothing_is_run(tmp_path):
    (tmp_path / "test_1_own.py").write_text(KILLED.replace("STOP", "pass"))
    subprocess.run([*PYTEST, "--dcr-report=reports", "--collect-only"], cwd=tmp_path, env=ENVIRONMENT, check=True)
    assert not (tmp_path / "reports").exists()
