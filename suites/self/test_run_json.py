"""`events.jsonl` and `run.json`: each run leaves them, however it ends, and they are right."""

import json
import re
import signal
from importlib import resources

import pytest
from jsonschema import Draft202012Validator
from recorded import KILLED, OWN, SOME, made_up, own_suite, run
from tiers import full

from dcrproof.core import guide
from dcrproof.core.checks.results import Exit
from dcrproof.core.record.events import read
from dcrproof.reports.run_json import run_json

SCHEMA = json.loads(resources.files("dcrproof.reports").joinpath("run.schema.json").read_text("utf-8"))


def problems(report) -> list[str]:
    return [f"{list(error.path)}: {error.message}"[:300] for error in Draft202012Validator(SCHEMA).iter_errors(report)]


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


def test_every_way_in_which_a_check_ends_is_in_the_schema():
    assert problems(run_json(made_up(20, 20))) == []


def test_a_green_run_records_everything(left):
    report = left("green").report
    assert problems(report) == []
    assert (report["exit"], report["verdict"]) == (Exit.GREEN, "green")
    assert report["target"] == {"curity": "mocked", "konnect": "mocked", "portal": "mocked", "gateway": "mocked"}
    judged_at_the_end = ["clean-up.clients-refused"]
    assert [check["id"] for check in report["checks"]] == report["selected"] + judged_at_the_end
    assert report["started"] < report["ended"]
    assert report["seconds"] > 0
    assert {step["mark"] for step in report["steps"]} == {"holds", "not checked"}
    assert {guide.generation(step["id"]) for step in report["steps"]} == {None, "v3"}


def test_each_exchange_belongs_to_the_check_whose_claim_it_serves(left):
    report = left("green").report
    belongs = {exchange["number"]: exchange["check"] for exchange in report["exchanges"]}
    for check in report["checks"]:
        assert all(belongs[number] == check["id"] for number in check["exchanges"])
    owners = {(exchange["method"], exchange["check"]) for exchange in report["exchanges"]}
    assert (
        "POST",
        "application.created",
    ) in owners  # those of a gate belong to its check, not to the check that ran first
    assert ("DELETE", None) in owners  # the clean-up belongs to none


def test_the_inner_calls_are_those_that_happened(left):
    report = left("green").report
    calls = {(call["from"], call["to"]) for call in report["calls"]}
    assert {("konnect", "curity"), ("gateway", "curity"), ("gateway", "upstream")} <= calls
    assert all(report["started"] <= call["at"] <= report["ended"] for call in report["calls"])


def test_no_signature_and_no_session_is_in_the_record(left):
    text = left("green").text("events.jsonl")
    assert re.search(r"eyJ[\w-]+\.eyJ[\w-]+\.<", text)
    assert not re.search(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]", text)
    assert "session=<secret " in text
    assert 'client_secret\\":\\"<secret' in text.replace(" ", "")


def test_run_json_is_made_from_the_events_and_nothing_else(left):
    green = left("green")
    assert run_json(read(green.text("events.jsonl").splitlines())) == green.report


def test_a_step_undone_is_marked_and_what_depends_on_it_is_blocked(left):
    undone = left("undone")
    report = undone.report
    assert problems(report) == []
    assert (undone.code, report["verdict"]) == (Exit.BROKEN, "broken")
    assert report["headline"].startswith("failed: token.is-jwt (curity.token-issuer.jwt) - ")
    assert [step["id"] for step in report["steps"] if step["mark"] == "wrong"] == ["curity.token-issuer.jwt"]
    failed = next(check for check in report["checks"] if check["verdict"] == "failed")
    assert failed["evidence"]["number"] in {exchange["number"] for exchange in report["exchanges"]}
    assert re.search(r"pytest .*--dcr-undo.curity\.token-issuer\.jwt .*--dcr-check token\.is-jwt$", failed["again"])
    assert failed["owners"] == ["Curity admins"]


def test_two_steps_undone_are_both_marked(left):
    report = left("two undone").report
    assert problems(report) == []
    wrong = {step["id"] for step in report["steps"] if step["mark"] in {"wrong", "suspected"}}
    assert {"konnect.strategy.claim", "curity.metadata.exposed"} & wrong
    assert report["undone"] == ["konnect.strategy.claim", "curity.metadata.exposed"]


@full
def test_workers_report_the_same_checks_verdicts_order_and_diagnoses(left, tmp_path):
    report = run(tmp_path, *SOME, "--dcr-undo=curity.token-issuer.jwt", "-n2").report
    assert problems(report) == []

    def essence(report) -> list:
        names = ("id", "verdict", "candidates", "blocked_by", "expected", "ruled_out", "fix", "owners")
        return [[check[name] for name in names] for check in report["checks"]]

    assert essence(report) == essence(left("undone").report)
    assert report["steps"] == left("undone").report["steps"]
    numbers = [exchange["number"] for exchange in report["exchanges"]]
    assert len(numbers) == len(set(numbers))


def test_a_target_that_is_down_is_recorded_with_its_unanswered_requests(left):
    down = left("down")
    assert problems(down.report) == []
    assert (down.code, down.report["verdict"]) == (Exit.UNREACHABLE, "unreachable")
    assert down.report["target"] == {"curity": "live"}
    assert {exchange["error"] for exchange in down.report["exchanges"]} == {"connection refused"}


def test_an_interrupted_run_records_how_far_it_got(left):
    interrupted = left("interrupted")
    report = interrupted.report
    assert interrupted.code == report["exit"] == Exit.INTERRUPTED
    assert problems(report) == []
    assert report["headline"] == "interrupted - 1 passed"
    assert report["selected"] == ["a.passed", "b.stopped", "c.never"]
    assert [check["id"] for check in report["checks"]] == ["a.passed"]
    assert [exchange["check"] for exchange in report["exchanges"]] == ["a.passed", "b.stopped"]


def test_a_run_that_is_killed_leaves_a_record_up_to_there(left):
    killed = left("killed")
    assert killed.code == -signal.SIGKILL
    assert killed.files == {"events.jsonl"}
    report = run_json(read(killed.text("events.jsonl").splitlines()))
    assert problems(report) == []
    assert (report["exit"], report["verdict"]) == (None, "cut short")
    assert [check["id"] for check in report["checks"]] == ["a.passed"]
    first, last = report["exchanges"]
    assert (first["check"], first["status"]) == ("a.passed", 200)
    assert (last["check"], last["status"]) == ("b.stopped", None)
    assert "breaks off" in last["error"]


def test_latest_points_to_a_run_from_its_start_on(tmp_path):
    finished = own_suite(tmp_path, "pass")
    killed = own_suite(tmp_path, KILLED)
    assert finished.folder != killed.folder


def test_no_folder_is_made_where_nothing_is_run(tmp_path):
    (tmp_path / "test_1_own.py").write_text(OWN.replace("STOP", "pass"))
    assert run(tmp_path / "reports", "--collect-only", cwd=tmp_path).code == 0
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_folder_that_cannot_be_written_is_bad_usage(tmp_path, workers):
    (tmp_path / "file").write_text("no folder")
    left = run(tmp_path / "file" / "reports", *SOME, *workers)
    assert left.code == Exit.USAGE
    assert "--dcr-report" in left.output
    assert "Traceback" not in left.output


def test_evidence_that_cannot_be_written_during_the_run_is_an_internal_error(tmp_path):
    stop = "import shutil; [shutil.rmtree(p) for p in __import__('pathlib').Path('reports').iterdir() if p.is_dir() and not p.is_symlink()]"
    left = own_suite(tmp_path, stop)
    assert left.code == Exit.INTERNAL_ERROR
    assert "the evidence of this run could not be written" in left.output
