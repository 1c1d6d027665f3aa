"""A step that mocks elsewhere leave undone is named as well: over HTTP, with the profile that `dcrproof serve` writes."""

from pathlib import Path

import pytest
from performing import UNDONE, Case, profile_of_served
from snapshots import named_first
from test_serve import serve

FIRST = named_first()


def served(undo):
    """The run of the check that names the step, with what it stands on."""
    return Case(FIRST.get(undo, ""), undo=undo, served=True)


def named(check, step):
    """Whether a failed check names the step, as the first or among those that nothing tells from it."""
    return step in check["candidates"] and (len(check["candidates"]) == 1 or check["decides"])


def test_each_step_and_each_variant_has_a_check_that_names_it():
    assert list(FIRST) == UNDONE, "DCRPROOF_REWRITE=1 pytest suites/self/test_snapshots.py writes the new ones down"


@pytest.mark.parametrize("case", [pytest.param(served(undo), id=undo) for undo in UNDONE])
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
        ran = run_checks(f"--dcr-check={FIRST[undo]}", profile=Path(process.described["profile"]))
    assert ran.code == 1, ran.output
    first = next(iter(ran.with_verdict("failed").values()))
    assert named(first, step), ran.output
    assert f"{step}: " in ran.output or f"step       {step}" in ran.output


def test_what_only_a_mock_shows_is_left_to_whoever_has_the_access_that_decides(run_checks):
    """At live parties nobody looks into Curity's log, and no forged token makes a data plane fetch its keys again."""
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
    assert "  decides    " in ran.output
