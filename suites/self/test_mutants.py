"""Every check can fail, and a setup step left undone is named: the checks against targets with one thing wrong."""

import re
from collections.abc import Iterator, Mapping
from itertools import groupby

import pytest
from performing import UNDONE, Case
from snapshots import brief, first, title
from tiers import full

from dcrproof.core.checks.check import Level
from dcrproof.fixtures.catalogue import entries, kinds
from dcrproof.mocks import steps
from dcrproof.mocks.mutants import MUTANTS

CHECKS = [entry.check for entry in entries() if "jwt" not in kinds(entry.test)]
"""Those that apply to the mocks, of which the gateway is a Kong: test_jwt_gateways.py shows the others."""


def _cases() -> Iterator[Case]:
    """The run of each check against each mutant, or setup step left undone, that says that it turns the check red."""
    for name, mutant in MUTANTS.items():
        yield from (Case(check, name) for check in mutant.turns_red)
    for check, undo, blind in steps.turning_red():
        yield Case(check, undo=undo, blind=blind)


TURNED_RED: Mapping[str, list[Case]] = {
    id: list(cases) for id, cases in groupby(sorted(_cases(), key=lambda case: case.checks), lambda case: case.checks)
}


def against(check: str) -> Case:
    """The run of that check against what turns it red."""
    return TURNED_RED.get(check, [Case(check)])[0]


def target(check: str) -> str:
    """The mutant that turns that check red; or the step, after `step:`, or after `blind:` for a run without RESTCONF."""
    case = against(check)
    return case.mutant or f"{'blind' if case.blind else 'step'}:{case.undo}"


# The tests


@pytest.mark.parametrize("case", [pytest.param(against(check.id), id=check.id) for check in CHECKS])
def test_check_turns_red_on_its_mutant(case, ended):
    assert case.mutant or case.undo, f"no mutant and no setup step says that it turns {case.checks} red"
    run = ended[case]
    found = next((check for check in run.checks if check["id"] == case.checks), None)
    assert found is not None, run.printed
    assert found["verdict"] == "failed", f"{found}\n{run.printed}"
    assert found["expected"]
    assert found["observed"]


@pytest.mark.parametrize("case", [pytest.param(against(check.id), id=check.id) for check in CHECKS])
def test_what_a_red_check_depends_on_is_green(case, ended):
    others = {id: verdict for id, verdict in ended[case].verdicts.items() if id != case.checks}
    if ended[case] and case.blind:
        others = {id: verdict for id, verdict in others.items() if not id.startswith("configuration.")}
    assert set(others.values()) <= {"passed"}, others


@pytest.mark.parametrize(
    "case", [pytest.param(against(check.id), id=check.id) for check in CHECKS if check.level is Level.SHOULD]
)
def test_check_that_only_advises_leaves_the_run_green(case, ended):
    assert ended[case].exit == 0


@pytest.mark.parametrize("case", [pytest.param(Case(), id="nothing")])
def test_with_nothing_broken_every_check_passes(case, ended):
    run = ended[case]
    assert run.exit == 0, run.printed
    others = [entry.check.id for entry in entries() if entry.check not in CHECKS]
    assert list(run.verdicts) == [entry.check.id for entry in entries()]
    assert [id for id, verdict in run.verdicts.items() if verdict != "passed"] == others, run.printed


def test_every_check_has_one_mutant_or_step_that_turns_it_red():
    named = {check: len(cases) for check, cases in TURNED_RED.items()}
    assert named == {check.id: 1 for check in CHECKS}, "a mutant's turns_red names an unknown check, or a check twice"


def test_every_mutant_turns_a_check_red():
    assert [name for name, mutant in MUTANTS.items() if not mutant.turns_red] == []


REACHABLE = "curity.instance.reachable"
LIKE: Mapping[str, tuple[str, ...]] = {
    # an untrusted certificate and an unreachable server look the same: there is no answer
    "curity.instance.certificate": (REACHABLE,),
    "gateway.data-plane.trust": (REACHABLE,),
}
"""Steps that no probe of a run with all access distinguishes from others, each with those others."""
BLIND_LIKE: Mapping[str, tuple[str, ...]] = {
    "curity.client.created": ("curity.client.authentication-method", "curity.client.secret"),
    "curity.client.authentication-method": ("curity.client.created", "curity.client.secret"),
    "curity.client.secret": ("curity.client.created", "curity.client.authentication-method"),
    "curity.dcr.enabled": ("curity.dcr.nodes", "curity.metadata.exposed"),
    "curity.dcr.nodes": ("curity.dcr.enabled", "curity.metadata.exposed"),
    "curity.dcr.authenticate-client-by": ("curity.dcr.non-templatized",),
    "curity.dcr.non-templatized": ("curity.dcr.authenticate-client-by",),
    "curity.dcr.capabilities": ("curity.dcr.non-templatized",),
    **LIKE,
}
"""The same for a run that may not read Curity's configuration; some of their variants can still be distinguished."""
ALONE_WHEN_BLIND = ("curity.dcr.nodes=some-nodes", "curity.dcr.authenticate-client-by=no-authentication")

IN_THE_CONFIGURATION_ALONE = {
    undo: check
    for check, wrong in {
        "configuration.token-issuer.userinfo": "curity.token-issuer.userinfo",
        "configuration.token-issuer.userinfo-keys": "curity.token-issuer.userinfo-keys",
        "configuration.dcr.data-source": "curity.dcr.data-source=in-memory",
    }.items()
    for undo in UNDONE
    if wrong in (undo, undo.partition("=")[0])
}
"""What no request shows, with the check that reads it."""
WHOLE = [Case(undo=undo, brief="=" in undo) for undo in UNDONE]
WHOLE += [
    Case(undo=undo, blind=True, brief=True)
    for undo in UNDONE
    if undo.startswith("curity.") and undo not in IN_THE_CONFIGURATION_ALONE and not undo.startswith("curity.instance.")
]
"""Runs with a step undone; then without access to Curity's configuration all of its steps but those that show only
there, or never there."""


@pytest.mark.parametrize("case", [pytest.param(brief(case), id=title(case)) for case in WHOLE])
def test_step_left_undone_is_named_alone(case, ended):
    named_first_and_alone(case, ended[case])


@full
@pytest.mark.parametrize("case", [pytest.param(case, id=title(case)) for case in WHOLE])
def test_step_left_undone_is_named_first_and_alone_in_a_run_of_all_checks(case, ended):
    named_first_and_alone(case, ended[case])
    assert first(ended[case])["id"] == brief(case).checks


def named_first_and_alone(case, run):
    step = case.undo.partition("=")[0]
    assert run.exit == 1, run.printed
    found = first(run)
    others = () if case.blind and case.undo in ALONE_WHEN_BLIND else (BLIND_LIKE if case.blind else LIKE).get(step, ())
    assert set(found["candidates"]) == {step, *others}, found
    assert bool(found["decides"]) == bool(others), found
    assert [check["id"] for check in run.failed if step not in check["candidates"]] == []
    rest = {check["verdict"] for check in run.checks if not (case.blind and check["stage"] == "configuration")}
    rest -= {"failed"}
    assert rest <= {"passed", "blocked", "not applicable"}, run.printed  # what is for another gateway or portal


NOWHERE_ELSE = [
    pytest.param(Case(check, undo=undo, blind=True), id=undo) for undo, check in IN_THE_CONFIGURATION_ALONE.items()
]


@pytest.mark.parametrize("case", NOWHERE_ELSE)
def test_what_the_configuration_alone_shows_is_not_seen_without_it_and_never_passed(case, ended):
    (found,) = [check for check in ended[case].checks if check["id"] == case.checks]
    assert found["verdict"] == "not seen"
    assert found["expected"] == "with [curity.admin] url, username and password"
    assert ended[case].exit == 5, "no checks ran; this is not a pass"


@pytest.mark.parametrize(
    "check", ["registration.initial-token-once", "route.basic.wrong-secret", "route.bearer.unsigned"]
)
def test_mutant_is_red_on_the_command_line(check, tmp_path, run_checks):
    mutant = against(check).mutant
    (tmp_path / "broken.py").write_text(
        "from dcrproof.mocks.mutants import MUTANTS\n\n\n"
        f"def pytest_dcr_mutant():\n    return MUTANTS[{mutant!r}].apply\n"
    )
    ran = run_checks("-p", "broken", f"--dcr-check={check}", PYTHONPATH=str(tmp_path))
    assert ran.code == 1, ran.output
    assert f"FAILED {check}: " in ran.output


def test_step_left_undone_is_named_on_the_command_line(run_checks):
    ran = run_checks("--dcr-undo=curity.token-issuer.jwt", "--dcr-check=token")
    assert ran.code == 1, ran.output
    assert "FAILED token.is-jwt: " in ran.output
    assert re.search(r"^  step +curity\.token-issuer\.jwt$", ran.output, re.MULTILINE)


def test_step_is_named_alone_where_its_own_check_is_not_in_the_run(run_checks):
    ran = run_checks("-m", "smoke", "--dcr-undo=curity.client.created")
    assert ran.code == 1, ran.output
    assert "FAILED registrar.authenticates: " in ran.output
    assert "verdict    failed: registrar.authenticates (curity.client.created)" in ran.output
    assert re.search(r"^  step +curity\.client\.created$", ran.output, re.MULTILINE)
