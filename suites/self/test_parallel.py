"""Several workers share one tenant without standing in each other's way, and without making things twice."""

import pytest

from dcrproof.core.profile.model import KonnectSettings, Mode, Profile, RunSettings
from dcrproof.fixtures.catalogue import entries, stands_on
from dcrproof.fixtures.session.scheduler import together

STANDING = Profile("a test", konnect=KonnectSettings(portal="developers", api="accounts"))


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
        ran = run_checks("-p", "xdist", "-n2", *(f"--dcr-check={id}" for id in checks), profile=mocks.profile)
        calls = mocks.served.worlds.current.calls
    assert ran.code == 0, ran.output
    assert set(ran.verdicts.values()) <= {"passed", "observed"}, ran.output
    made = [
        call["path"] for call in calls if (call["party"], call["method"], call["status"]) == ("konnect", "POST", 201)
    ]
    assert made.count("/v3/portals") == 1
    assert sum(path.endswith("/implementations") for path in made) == 1


def test_what_takes_the_gateway_service_goes_to_one_worker():
    scopes = dict(together(STANDING))
    linking = {entry.check.id for entry in entries() if "provision.implementation" in stands_on(entry.test)}
    assert {scopes[id] for id in linking} == {"provision.publication"}
    assert "plugin.required.scopes" in linking


def test_the_flow_goes_with_what_this_run_publishes_where_the_profile_names_nothing_else():
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
def test_what_stands_on_a_created_thing_goes_with_it(check, gate):
    assert dict(together(STANDING)).get(check) == gate


def test_workers_say_that_a_check_is_unknown_as_a_serial_run_does(run_checks):
    serial, parallel = (run_checks(*workers, "--dcr-check=route.baisc") for workers in ((), ("-p", "xdist", "-n2")))
    said = "ERROR: --dcr-check route.baisc: no check has this id or prefix; `dcrproof checks` lists them"
    assert said in serial.output
    assert said in parallel.output
    assert "INTERNALERROR" not in parallel.output
    assert serial.code == parallel.code == 4
