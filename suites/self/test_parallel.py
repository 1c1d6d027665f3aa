"""Several workers share one tenant without interfering, and without creating anything twice."""

import json
import re
from dataclasses import fields

import forks
import pytest
from tiers import full

from dcrproof.core.checks.outcomes import Verdict
from dcrproof.core.checks.results import Result
from dcrproof.core.http.retry import Repeat
from dcrproof.core.profile.model import KonnectSettings, Mode, Profile, RunSettings
from dcrproof.fixtures import afterwards
from dcrproof.fixtures.catalogue import checks_of, entries, stands_on
from dcrproof.fixtures.run.run import Run, Teardown
from dcrproof.fixtures.session.parallel import WorkerOutput
from dcrproof.fixtures.session.report_data import ReportData
from dcrproof.fixtures.session.scheduler import together

STANDING = Profile("a test", konnect=KonnectSettings(portal="developers", api="accounts"))


@full
def test_workers_share_a_tenant(as_live, run_checks):
    checks = (
        "provision",
        "plugin.methods.listed",
        "plugin.required.scopes",
        "admin.labels",
        "registration.created",
        "life.rename",
    )
    with as_live("parallel = true") as mocks:
        ran = run_checks("-n2", *(f"--dcr-check={id}" for id in checks), profile=mocks.profile)
        calls = mocks.served.worlds.current.calls
    assert ran.code == 0, ran.output
    assert set(ran.verdicts.values()) <= {"passed", "observed"}, ran.output
    made = [
        call["path"] for call in calls if (call["party"], call["method"], call["status"]) == ("konnect", "POST", 201)
    ]
    assert made.count("/v3/portals") == 1
    assert sum(path.endswith("/implementations") for path in made) == 1


def test_checks_that_link_the_gateway_service_go_to_one_worker():
    scopes = dict(together(STANDING))
    linking = {entry.check.id for entry in entries() if "provision.implementation" in stands_on(entry.test)}
    assert {scopes[id] for id in linking} == {"provision.publication"}
    assert "plugin.required.scopes" in linking


def test_the_flow_goes_to_the_worker_that_publishes_if_the_profile_names_no_api():
    scopes = dict(together(Profile("a test", RunSettings(mode=Mode.PROVISION), konnect=KonnectSettings())))
    assert scopes["route.basic.accepted"] == scopes["life.deleted.route"] == scopes["plugin.required.scopes"]


@pytest.mark.parametrize(
    ("check", "gate"),
    [
        ("route.basic.accepted", "application.created"),
        ("life.deleted.route", "life.deleted.portal"),
        ("registration.grants", "registration.created"),
        ("discovery.served", None),
        ("konnect.authenticated", None),
    ],
)
def test_checks_that_depend_on_a_created_thing_go_together(check, gate):
    assert dict(together(STANDING)).get(check) == gate


def test_an_unknown_check_is_reported_by_workers_as_by_a_serial_run(run_checks):
    serial, parallel = (run_checks(*workers, "--dcr-check=route.baisc") for workers in ((), ("-n2",)))
    said = "ERROR: --dcr-check route.baisc: no check has this id or prefix; `dcrproof checks` lists them"
    assert said in serial.output
    assert said in parallel.output
    assert "INTERNALERROR" not in parallel.output
    assert serial.code == parallel.code == 4


@pytest.mark.parametrize(
    ("folder", "ids"),
    [
        ("", ["test_1_curity.py", "detail/test_11_curity_detail.py"]),  # with --pyargs from any folder
        ("", ["test_11_curity_detail.py"]),
        ("suites/", ["test_1_curity.py", "detail/test_11_curity_detail.py"]),
        ("../lib/python3.13/site-packages/dcrproof/suites/", ["test_1_curity.py", "detail/test_11_curity_detail.py"]),
    ],
)
def test_the_controller_knows_checks_by_node_ids_of_any_form(folder, ids):
    tests = {"test_1_curity.py": "test_token_is_a_jwt", "test_11_curity_detail.py": "test_metadata_may_be_kept"}
    found = checks_of([f"{folder}{id}::{tests[id.rpartition('/')[2]]}" for id in ids])
    assert len(found) == len(ids)


@pytest.mark.parametrize("id", ["test_mine.py::test_token_is_a_jwt", "tests/test_1_curity.py::test_token_is_a_jwt"])
def test_a_users_own_test_is_no_check(id):
    assert checks_of([id]) == {}


def test_workers_that_stop_at_a_failure_in_another_folder_end_as_a_serial_run_does(tmp_path):
    undone = "--dcr-undo=konnect.strategy.auth-methods=no-bearer"
    command = ("--pyargs", "dcrproof.suites", "-x", "-n1", undone, "--dcr-check=strategy")
    code, output = forks.command_line(*command, cwd=tmp_path)
    assert code == 1, output
    verdict = re.search(r"^verdict +failed: strategy.auth-methods \(.*\) - (.*)$", output, re.MULTILINE)
    assert verdict, output
    assert f" {verdict[1]} in " in output, "pytest counts the same"
    assert re.search(r"^missing +[0-9]+ of [0-9]+ checks", output, re.MULTILINE)
    (rerun,) = {*re.findall(r"^  rerun .*$", output, re.MULTILINE)}
    assert rerun.count("--pyargs") == 1


# What workers tell their controller

FOUND = Teardown(
    left_behind=("a portal",),
    clean_up_failed=("a client",),
    clients_tried=2,
    clients_alive=("a client",),
    repeats=(Repeat("konnect", "429", 1.5),),
    validated=3,
    mismatches=(("a status", True), ("a member", False)),
)
EVENT = {"event": "note", "kind": "a kind", "text": "a text"}


def test_what_a_worker_tells_at_its_end_arrives_whole_and_cannot_be_read_on_its_way():
    secrets = [("a-secret-of-a-worker", "its-client"), ("another-secret", None)]
    told = WorkerOutput(secrets=secrets, events=[EVENT], teardown=FOUND, bad_usage="an option", printed="a line")
    key = Run().key
    sealed = told.sealed(key)
    assert "secret" not in sealed
    found = WorkerOutput.unsealed(sealed, key)
    assert [tuple(pair) for pair in found.secrets] == secrets
    assert (found.events, found.teardown, found.bad_usage) == (told.events, told.teardown, told.bad_usage)


def test_what_two_workers_found_is_added_up():
    both = FOUND + FOUND
    assert (both.clients_tried, both.validated) == (4, 6)
    assert both.mismatches == (*FOUND.mismatches, *FOUND.mismatches)
    assert Teardown() + FOUND == FOUND
    assert all(getattr(FOUND, member.name) for member in fields(Teardown))  # this test covers each member


@pytest.mark.parametrize("blocked", [False, True])
def test_what_a_report_says_of_a_check_arrives_whole(blocked):
    result = Result.afterwards(afterwards.clients_refused, Verdict.BLOCKED, "one", "another")
    told = ReportData([EVENT], result, result if blocked else None)
    assert ReportData.of(json.loads(json.dumps(told.data()))) == told
