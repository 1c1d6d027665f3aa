"""`--dcr-observed` and `serve --observed`: mocks that behave as live parties were observed to. The file is validated as a whole."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from recorded import made_up, run
from tiers import full, sample

from dcrproof.__main__ import main
from dcrproof.core.checks.results import Exit
from dcrproof.fixtures import catalogue
from dcrproof.mocks.observed import SWITCHES, BadObservations, Observed, read
from dcrproof.mocks.serve import serving
from dcrproof.reports import observed as report
from dcrproof.reports.observed import observed_toml
from dcrproof.reports.run_json import run_json

GOOD = """
[gateway]
version = "3.14.0.8"
date = 2026-11-24
literal_basic = true
[gateway.forms]
"route.basic.wrong-secret" = "403"
[konnect]
management = "dcrm"
[curity]
openid_for_client_credentials = false
[portal.forms]
"application.same-name" = "409"
"""
BAD = """
top = 1
[gateway]
version = 3
date = "yesterday"
literal_basik = true
accept_missing_exp = "yes"
accept_missing_kid = 1
[konnect]
management = "something"
[portal]
color = "blue"
[upstream]
"""


def test_the_file_sets_switches_and_the_others_keep_their_defaults(tmp_path):
    (tmp_path / "observed.toml").write_text(GOOD)
    found = read(tmp_path / "observed.toml")
    assert found.gateway.literal_basic is True
    assert found.gateway.accept_missing_exp is False
    assert found.konnect.management == "dcrm"
    assert found.curity.openid_for_client_credentials is False
    assert found.turned == {
        ("gateway", "literal_basic"),
        ("konnect", "management"),
        ("curity", "openid_for_client_credentials"),
    }


def test_an_empty_file_changes_no_switch(tmp_path):
    (tmp_path / "observed.toml").write_text("")
    assert read(tmp_path / "observed.toml") == Observed()
    assert Observed().turned == frozenset()


def test_all_problems_are_listed_with_their_places(tmp_path):
    (tmp_path / "observed.toml").write_text(BAD)
    with pytest.raises(BadObservations) as raised:
        read(tmp_path / "observed.toml")
    said = str(raised.value).partition("\n")
    assert said[0] == f"{tmp_path / 'observed.toml'}: 9 problem(s)"
    assert said[2].splitlines() == [
        "  [top]: unknown party; one of curity, konnect, portal, gateway",
        "  [gateway] version: expected a text, found 3",
        "  [gateway] date: expected a date, such as 2026-11-24, found 'yesterday'",
        "  [gateway] literal_basik: no switch of mock gateway; did you mean 'literal_basic'?",
        '  [gateway] accept_missing_exp: expected false or true, found "yes"',
        "  [gateway] accept_missing_kid: expected false or true, found 1",
        '  [konnect] management: expected "registration_access_token" or "dcrm" or "nothing", found "something"',
        "  [portal] color: no switch of mock portal; it has none",
        "  [upstream]: unknown party; one of curity, konnect, portal, gateway",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"a = [", "is not TOML: "), (b"\xff\xfe", "is not UTF-8 text"), (None, "cannot be read: No such file")],
)
def test_an_unusable_file_is_bad_usage_of_both_commands(tmp_path, capsys, content, said):
    path = tmp_path / "observed.toml"
    if content is not None:
        path.write_bytes(content)
    assert main(["serve", "--observed", str(path)]) == Exit.USAGE
    assert said in capsys.readouterr().err
    found = run(tmp_path / "reports", f"--dcr-observed={path}")
    assert found.code == Exit.USAGE
    assert f"--dcr-observed: {path}" in found.output
    assert said in found.output
    assert "Traceback" not in found.output


def test_a_run_without_mocked_parties_refuses_it(tmp_path):
    (tmp_path / "observed.toml").write_text(GOOD)
    (tmp_path / "live.toml").write_text('[run]\nmode = "inspect"\n[curity]\nissuer = "https://127.0.0.1:1/x"\n')
    options = [f"--dcr-profile={tmp_path / 'live.toml'}", f"--dcr-observed={tmp_path / 'observed.toml'}"]
    found = run(tmp_path / "reports", *options)
    assert found.code == Exit.USAGE
    assert "--dcr-observed: no party is mocked" in found.output


def test_mocks_are_started_from_observations():
    observed = Observed(gateway=SWITCHES["gateway"](literal_basic=True), konnect=SWITCHES["konnect"](management="dcrm"))
    with serving(seed=3, observed=observed) as served:
        world = served.worlds.current
        assert [plane.switches.literal_basic for plane in world.data_planes] == [True, True]
        assert world.konnect.driver.switches.management == "dcrm"
        served.worlds.reset()
        assert served.worlds.current.data_planes[0].switches.literal_basic is True


def test_observed_behavior_is_not_judged_and_the_run_stays_green(tmp_path):
    (tmp_path / "observed.toml").write_text("[gateway]\nliteral_basic = true\naccept_missing_exp = true\n")
    options = ("--dcr-check=route.basic.literal", "--dcr-check=issuer.token.without-exp")
    found = run(tmp_path / "reports", *options, f"--dcr-observed={tmp_path / 'observed.toml'}")
    assert found.code == Exit.GREEN, found.output
    verdicts = {check["id"]: check["verdict"] for check in found.report["checks"]}
    assert verdicts["route.basic.literal"] == "observed"
    assert f"--dcr-observed={tmp_path / 'observed.toml'} " in found.report["checks"][0]["again"]
    (seen,) = next(check for check in found.report["checks"] if check["id"] == "route.basic.literal")["observations"]
    assert seen["observed"].startswith("200 to Basic")


@pytest.mark.parametrize(("shares", "asked"), [("true", "1 for 8 calls"), ("false", "8 for 8 calls")])
def test_first_calls_share_a_token_request_if_that_was_observed(tmp_path, shares, asked):
    (tmp_path / "observed.toml").write_text(f"[gateway]\nshares_token_requests = {shares}\n")
    options = ("--dcr-check=issuer.cache.parallel", f"--dcr-observed={tmp_path / 'observed.toml'}")
    found = run(tmp_path / "reports", *options)
    assert found.code == Exit.GREEN, found.output
    (check,) = [check for check in found.report["checks"] if check["id"] == "issuer.cache.parallel"]
    said = [one["observed"] for one in check["observations"] if one["name"] == "shares_token_requests"]
    assert said == ([f"{asked} at the same time"] if shares == "true" else [])


@full
@pytest.mark.parametrize("party", sample(report.SWITCHES))
def test_a_run_is_green_whatever_was_observed(tmp_path, party):
    turned = "".join(f"{name} = true\n" for name in report.SWITCHES[party])
    (tmp_path / "observed.toml").write_text(f"[{party}]\n{turned}")
    found = run(tmp_path / "reports", f"--dcr-observed={tmp_path / 'observed.toml'}")
    assert found.code == Exit.GREEN, found.output
    named = {one["name"] for check in found.report["checks"] for one in check["observations"] if not one["held"]}
    assert named == set(report.SWITCHES[party])


def test_behavior_that_was_not_observed_is_judged(tmp_path):
    found = run(tmp_path / "reports", "--dcr-check=route.basic.literal")
    assert [check["verdict"] for check in found.report["checks"] if check["id"] == "route.basic.literal"] == ["passed"]


def test_mocks_can_read_what_a_run_writes(tmp_path):
    (tmp_path / "observed.toml").write_text(observed_toml(run_json(made_up(3, 3, 'said "so"\n'))))
    found = read(tmp_path / "observed.toml")
    assert found.turned == {("gateway", "literal_basic")}
    assert tomllib.loads((tmp_path / "observed.toml").read_text())["gateway"]["version"] == 'said "so"\n'


@pytest.mark.parametrize(("held", "turned"), [((False, False), True), ((True, False), False), ((False, True), False)])
def test_a_switch_is_set_if_all_observations_agree(tmp_path, held, turned):
    found = run_json(made_up(2, 2))
    party = {"party": "gateway", "name": "any_spelling_of_basic", "observed": "200"}
    found["target"]["gateway"] = "live"
    for check, one in zip(found["checks"], held, strict=True):
        check["observations"] = [{**party, "held": one}]
    (tmp_path / "observed.toml").write_text(observed_toml(found))
    assert read(tmp_path / "observed.toml").gateway.any_spelling_of_basic is turned


@pytest.mark.parametrize("party", report.SWITCHES)
def test_the_report_and_the_mocks_use_the_same_names_of_switches(party):
    names = {field.name for field in fields(SWITCHES[party]) if field.default is False}
    assert set(report.SWITCHES[party]) <= names


def test_checks_use_the_names_of_switches_for_what_they_observe():
    suites = {entry.test.__code__.co_filename for entry in catalogue.entries()}
    text = "".join(Path(path).read_text("utf-8") for path in suites)
    for names in report.SWITCHES.values():
        assert [name for name in names if not re.search(rf'"{name}"', text)] == []
