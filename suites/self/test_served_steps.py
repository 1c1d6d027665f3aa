"""A step that mocks elsewhere leave undone is named as well: over HTTP, with the profile that `dcrproof serve` writes."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from performing import UNDONE, Case, profile_of_served
from snapshots import brief, held
from test_serve import serve
from tiers import full

SERVED = {undo: replace(brief(Case(undo=undo)), served=True) for undo in UNDONE}
SAMPLE = UNDONE[::8]


def named(check, step):
    """Whether a failed check names the step, as the first or among those that nothing tells from it."""
    return step in check["candidates"] and (len(check["candidates"]) == 1 or check["decides"])


def test_each_step_and_each_variant_has_a_check_that_names_it():
    assert [title for title in held() if ", " not in title] == UNDONE, (
        "DCRPROOF_REWRITE=1 pytest suites/self/test_snapshots.py writes the new ones down"
    )


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=undo, marks=() if undo in SAMPLE else full) for undo, case in SERVED.items()],
)
def test_step_left_undone_at_mocks_elsewhere_is_named_first(case, ended):
    step, run = case.undo.partition("=")[0], ended[case]
    assert run.exit == 1, run.printed
    first = next(check for check in run.failed if check["level"] == "MUST")
    assert named(first, step), run.printed
    assert [check["id"] for check in run.failed if step not in check["candidates"]] == []
    assert {check["verdict"] for check in run.checks} <= {"passed", "failed", "blocked", "not applicable"}, run.printed


@pytest.mark.parametrize(
    "undo", ["curity.token-issuer.jwt=wrapped", "gateway.data-plane.trust=one-node", "portal.application-setup.claims"]
)
def test_step_is_named_through_the_real_command_line(undo, run_checks):
    """Over TLS where the step shows over TLS alone, and at the portal in whose form it is."""
    step = undo.partition("=")[0]
    with serve("--undo", undo) as process:
        ran = run_checks(f"--dcr-check={SERVED[undo].checks}", profile=Path(process.described["profile"]))
    assert ran.code == 1, ran.output
    first = next(iter(ran.with_verdict("failed").values()))
    assert named(first, step), ran.output
    assert re.search(rf"^  step +(1 )?{re.escape(step)}\b", ran.output, re.MULTILINE), ran.output


@pytest.mark.parametrize("read", [True, False], ids=["read", "blind"])
def test_metadata_that_a_live_curity_keeps_are_told_by_its_configuration(run_checks, read):
    """The clock of a live Curity cannot be advanced, and it does not load keys again: the setting remains."""
    with profile_of_served(Case(undo="curity.metadata.cache-duration")) as written:
        live = written.with_name("live.toml")
        text = "".join(line for line in written.read_text("utf-8").splitlines(True) if not line.startswith("mocked"))
        live.write_text(text if read else re.sub(r"(?ms)^\[curity\.admin\].*?(?=^\[)", "", text), "utf-8")
        ran = run_checks("--dcr-check=discovery.registration-endpoint", profile=live)
    assert ran.code == 1, ran.output
    failed = ran.with_verdict("failed")["discovery.registration-endpoint"]
    kept = "curity.metadata.cache-duration"
    assert failed["candidates"] == ([kept] if read else ["curity.metadata.exposed", kept])
    assert bool(failed["decides"]) is not read
    assert "/token-service/oauth-registration is served" in failed["observed"]


def test_an_application_that_a_restart_may_have_wiped_is_no_mistyped_secret_alone(run_checks):
    """In mode existing: with an id and a secret that worked yesterday."""
    with profile_of_served(Case(undo="curity.dcr.data-source=in-memory")) as written:
        (written.parent / "yesterday").write_text("Gq7-was-good-until-the-restart")
        old = written.with_name("old.toml")
        given = '[[application]]\nclient_id = "of yesterday"\nclient_secret = { file = "yesterday" }\n'
        old.write_text(written.read_text("utf-8").replace('"provision"', '"existing"') + given, "utf-8")
        ran = run_checks("--dcr-check=client.known", profile=old)
    assert ran.code == 1, ran.output
    failed = ran.with_verdict("failed")["client.known"]
    assert failed["candidates"] == ["curity.dcr.data-source"]
    assert "org.hsqldb.jdbc.JDBCDriver: HSQLDB is in memory unless" in failed["observed"]
    assert "compare the id and the secret" in failed["fix"]


def test_what_only_a_mock_shows_is_left_to_the_access_that_decides(run_checks):
    """At live parties Curity's log is not readable, and no forged token makes a data plane fetch its keys again."""
    with profile_of_served(Case(undo="gateway.data-plane.keys")) as written:
        lines = written.read_text("utf-8").splitlines(True)
        live = written.with_name("live.toml")
        live.write_text("".join(line for line in lines if not line.startswith("mocked")), "utf-8")
        ran = run_checks("--dcr-check=gateway.reads-tokens", profile=live)
    assert ran.code == 1, ran.output
    failed = ran.with_verdict("failed")["gateway.reads-tokens"]
    assert failed["candidates"] == ["curity.instance.reachable", "gateway.data-plane.keys"]
    assert "access log" in failed["decides"]
    assert any("konnect.strategy.claim (strategy.claim)" in text for text in failed["ruled_out"])
    assert "  to narrow down " in ran.output
