"""Verdicts, exit codes and what is printed: a small suite is run as a user would run it, in a process of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import forks
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiers import full

from dcrproof.core.checks.check import Check, Evidence, Level
from dcrproof.core.checks.outcomes import Failed
from dcrproof.core.checks.owners import KONNECT
from dcrproof.core.checks.results import Exit, Result, exit_code
from dcrproof.core.checks.verdict import RED, Verdict
from dcrproof.fixtures.session.verdicts import result_of

HEAD = """
import pytest
from dcrproof.core.checks.check import Evidence, Level, by_gate, check
from dcrproof.fixtures.flow import gate
from dcrproof.core.checks.outcomes import Failed, NotApplicable, NotSeen, InternalError, Unreachable

SOURCED = {"evidence": Evidence.DOCUMENTED, "references": ("RFC 0",), "owner": "a team"}

def claim(id, **members):
    return check(id, "a claim", **SOURCED, **members)

def claiming(id, **members):
    return gate.gate(id, "a claim", **SOURCED, **members)
"""

EVERY_VERDICT = (
    HEAD
    + """
@claiming("gate.failed", steps=("curity.token-issuer.jwt",))
def dcr_failing():
    raise Failed("a word", "another word", ruled_out=("the weather",))

@claiming("gate.seen")
def dcr_unseen(dcr_failing_not=None):
    raise NotSeen("a telescope")

@claiming("gate.after", after=(dcr_unseen,))
def dcr_going_on():
    return 1

@claiming("gate.broken")
def dcr_broken():
    raise ZeroDivisionError("a bug of ours")

@claim("a.passed")
def test_passed(_dcr_expect):
    _dcr_expect.that(True, "1", "2")

@by_gate
def test_gate_failed(dcr_failing):
    pass

@claim("b.blocked")
def test_blocked(dcr_failing):
    pass

@by_gate
def test_unseen(dcr_unseen):
    pass

@by_gate
def test_goes_on(dcr_going_on):
    pass

@claim("c.not-applicable")
def test_not_applicable():
    raise NotApplicable("there is no moon")

@claim("d.should", level=Level.SHOULD)
def test_should():
    raise Failed("better", "worse")

@claim("e.unreachable")
def test_unreachable():
    raise Unreachable("curity", "connection refused")

@claim("f.error")
def test_error():
    raise KeyError("a bug")

@by_gate
def test_broken_gate(dcr_broken):
    pass

@claim("g.blocked-by-error")
def test_blocked_by_error(dcr_broken):
    pass

@claim("h.skipped")
def test_skipped():
    pytest.skip("looks green")
"""
)


def run(folder: Path, suite: str, *options: str) -> tuple[int, str, dict[str, dict[str, object]]]:
    """Runs a suite in that folder. Returns exit code, output, and the checks of `run.json` by id."""
    (folder / "test_9_sample.py").write_text(suite)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib --strict-markers\n")
    code, output = forks.command_line(*options, cwd=folder, COLUMNS="120")
    written = folder / "reports" / "out" / "latest" / "run.json"
    checks = json.loads(written.read_text())["checks"] if written.exists() else []
    return code, output, {check["id"]: check for check in checks}


@pytest.fixture(scope="module")
def every_verdict(tmp_path_factory):
    return run(tmp_path_factory.mktemp("verdicts"), EVERY_VERDICT)


@pytest.mark.parametrize(
    ("id", "verdict"),
    [
        ("a.passed", "passed"),
        ("gate.failed", "failed"),
        ("b.blocked", "blocked"),
        ("gate.seen", "not seen"),
        ("gate.after", "passed"),
        ("c.not-applicable", "not applicable"),
        ("d.should", "failed"),
        ("e.unreachable", "unreachable"),
        ("f.error", "error"),
        ("gate.broken", "error"),
        ("g.blocked-by-error", "blocked"),
        ("h.skipped", "error"),
    ],
)
def test_each_verdict_is_given(every_verdict, id, verdict):
    assert every_verdict[2][id]["verdict"] == verdict


def test_a_blocked_check_names_what_blocks_it_and_the_symptom(every_verdict):
    blocked = every_verdict[2]["b.blocked"]
    assert blocked["blocked_by"] == "gate.failed"
    assert blocked["observed"] == "another word"
    assert every_verdict[2]["g.blocked-by-error"]["blocked_by"] == "gate.broken"


def test_a_failure_carries_both_sides_its_step_and_what_was_ruled_out(every_verdict):
    failed = every_verdict[2]["gate.failed"]
    assert (failed["expected"], failed["observed"]) == ("a word", "another word")
    assert failed["steps"] == failed["candidates"] == ["curity.token-issuer.jwt"]
    assert failed["ruled_out"] == ["the weather"]


def test_an_error_of_our_own_goes_before_a_broken_contract(every_verdict):
    assert every_verdict[0] == Exit.INTERNAL_ERROR


def test_the_failure_is_printed_with_owner_step_fix_and_command(every_verdict):
    output = every_verdict[1]
    for text in (
        "FAILED gate.failed: a claim   owner: Curity admins",
        "  how-to         Configure the token issuer, step 2: Token Service > Token Issuers",
        "  expected       a word",
        "  observed       another word",
        "  ruled out      the weather",
        "  fix            enable the setting, leave wrapped opaque tokens off, then commit",
        "  impact         1 check blocked",
    ):
        assert text in output
    assert re.search(r"^  rerun          pytest .*--dcr-check gate\.failed$", output, re.MULTILINE)


def test_of_candidates_each_is_printed_with_its_owner_and_its_fix(tmp_path):
    candidates = ("gateway.data-plane.trust", "curity.instance.reachable")
    suite = HEAD + (
        f"@claim('a.failed', steps={candidates})\n"
        "def test_it():\n    raise Failed('an answer', 'none', decides=('the error log of the node',))\n# dcr_"
    )
    code, output, _ = run(tmp_path, suite)
    assert code == Exit.BROKEN
    lines = output.splitlines()
    assert "FAILED a.failed: a claim   owner: gateway team or Curity admins" in lines
    assert any(
        line.startswith(f"  step           1 {candidates[0]} (gateway team): not in the how-to") for line in lines
    )
    assert any(line.startswith(f"  step           2 {candidates[1]} (Curity admins): Prereq") for line in lines)
    assert "  to narrow down the error log of the node" in lines
    assert any(line.startswith("  fix            1 add the CA to the file") for line in lines)
    assert any(line.startswith("  caution        1 ssl_verify false") for line in lines)
    assert any(line.startswith("  fix            2 allow the connection to Curity's runtime nodes") for line in lines)


def test_the_summary_counts_every_verdict_and_groups_the_rest(every_verdict):
    output = every_verdict[1]
    assert "blocked    1 by gate.failed" in output
    assert "not seen   1: with a telescope" in output
    assert "not applicable 1: there is no moon" in output
    assert "1 failed, 1 unreachable, 3 error, 1 failed SHOULD, 2 passed" in output


COUNTS = re.compile(r"\d+ (?:failed SHOULD|not applicable|not seen|[a-z]+)")


def ends_with(output: str, *labels: str) -> list[str]:
    """Asserts that the last lines have these labels; returns them."""
    last = output.splitlines()[-len(labels) :]
    assert [line[:11].rstrip() for line in last] == list(labels), output
    return last


def test_last_on_the_screen_stand_verdict_owner_fix_and_report(every_verdict):
    output = every_verdict[1]
    faults = ("check", "owner", "fix", "caution", "check", "owner", "fix", "check", "fix")
    last = ends_with(output, "verdict", *faults, "more", "evidence", "open")
    assert last[0].startswith("verdict    failed: gate.failed (curity.token-issuer.jwt) - 1 failed, 1 unreachable, ")
    assert last[1:4] == [
        "check      gate.failed",
        "owner      Curity admins",
        "fix        enable the setting, leave wrapped opaque tokens off, then commit (Changes > Commit)",
    ]
    assert last[-3].startswith("more       ")
    assert last[-1] == f"open       {last[-2].split()[1]}/index.html"
    (counts,) = [line for line in output.splitlines() if re.search(r" in \d+\.\d+s", line)]
    assert output.index(counts) < output.index(last[0])


def test_pytest_counts_what_dcrproof_counts_and_names_checks_by_id(every_verdict):
    output = every_verdict[1]
    (counts,) = [line for line in output.splitlines() if re.search(r" in \d+\.\d+s", line)]
    (verdict,) = [line for line in output.splitlines() if line.startswith("verdict ")]
    assert sorted(COUNTS.findall(counts.replace("errors", "error"))) == sorted(
        COUNTS.findall(verdict.rpartition(" - ")[2])
    )
    assert "\nFAILED gate.failed - a claim\n" in output
    assert "FAILED test_9_sample.py" not in output


def test_checks_stand_in_the_order_of_the_catalogue(every_verdict):
    assert list(every_verdict[2])[:3] == ["a.passed", "gate.failed", "b.blocked"]


def test_no_traceback_is_printed_for_an_outcome(tmp_path):
    suite = HEAD + "@claim('a.failed')\ndef test_it():\n    raise Failed('one thing', 'another')\n"
    code, output, _ = run(tmp_path, suite + "\n# dcr_", "--tb=long", "-vv", "--showlocals")
    assert code == Exit.BROKEN
    assert "Traceback" not in output
    assert "raise Failed" not in output


@pytest.mark.parametrize(
    ("body", "level", "code"),
    [
        ("pass", "MUST", Exit.GREEN),
        ("raise Failed('a', 'b')", "MUST", Exit.BROKEN),
        ("raise Failed('a', 'b')", "SHOULD", Exit.GREEN),
        ("raise Unreachable('curity', 'connection refused')", "MUST", Exit.UNREACHABLE),
        ("raise NotSeen('a telescope')", "MUST", Exit.NOTHING_RAN),
        ("raise KeyboardInterrupt", "MUST", Exit.INTERRUPTED),
        ("1 / 0", "MUST", Exit.INTERNAL_ERROR),
    ],
)
def test_the_exit_code_says_how_it_ended(tmp_path, body, level, code):
    suite = HEAD + f"@claim('a.check', level=Level.{level})\ndef test_it():\n    {body}\n"
    assert run(tmp_path, suite)[0] == code


def test_a_deselected_gate_still_blocks(tmp_path):
    code, _, checks = run(tmp_path, EVERY_VERDICT, "-k", "test_blocked and not error")
    assert code == Exit.BROKEN
    assert checks["b.blocked"]["blocked_by"] == "gate.failed"
    assert list(checks) == ["b.blocked"]


def test_a_check_is_selected_by_its_id(tmp_path):
    assert list(run(tmp_path, EVERY_VERDICT, "-k", "a.passed")[2]) == ["a.passed"]


@full
def test_workers_give_the_same_verdicts(tmp_path, every_verdict):
    code, output, checks = run(tmp_path, EVERY_VERDICT, "-n", "2", "-q")
    assert code == every_verdict[0]
    verdicts = {id: check["verdict"] for id, check in every_verdict[2].items()}
    assert {id: check["verdict"] for id, check in checks.items()} == verdicts
    assert [line[:11] for line in output.splitlines()[-13:-2]] == [
        line[:11] for line in every_verdict[1].splitlines()[-13:-2]
    ]
    assert list(checks) == list(every_verdict[2])


def test_tests_beside_the_checks_count_as_well(tmp_path):
    suite = HEAD + "@claim('a.check')\ndef test_it():\n    pass\n\ndef test_other():\n    assert False\n"
    code, output, _ = run(tmp_path, suite)
    assert code == Exit.BROKEN
    assert "others     1 tests that are not checks: pytest counts them as well" in output


def test_the_plugin_leaves_other_suites_alone(tmp_path):
    code, output, checks = run(tmp_path, "def test_it():\n    pass\n")
    assert code == 0
    assert "dcrproof:" not in output
    assert checks == {}
    assert not (tmp_path / "reports").exists()


def test_the_plugin_imports_nothing_heavy_until_it_is_needed(tmp_path):
    suite = "import sys\n\ndef test_it():\n    assert not {'httpx', 'requests', 'jwt', 'uvicorn'} & set(sys.modules)\n"
    (tmp_path / "test_it.py").write_text(suite)
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "dcrproof", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout


def test_a_secret_that_a_fixture_gave_is_masked_in_the_failure_of_any_test(tmp_path):
    suite = """
def test_my_api(dcr_application, tmp_path_factory):
    secret = dcr_application.secret.reveal()
    open("secret", "w").write(secret)
    print("printed", secret)
    assert {"authorization": secret} == {}
"""
    code, output, _ = run(tmp_path, suite, "-vv", "--showlocals")
    assert code == 1
    assert "printed <secret " in output
    assert (tmp_path / "secret").read_text() not in output


def test_sigterm_ends_a_run_as_ctrl_c_does(tmp_path):
    suite = """
import os
import signal

def test_it(dcr_application):
    os.kill(os.getpid(), signal.SIGTERM)
"""
    code, output, _ = run(tmp_path, suite)
    assert code == Exit.INTERRUPTED
    assert "CLEAN-UP FAILED" not in output


def test_an_interrupted_run_is_not_called_green(tmp_path):
    suite = HEAD + "@claim('a.passed')\ndef test_a():\n    pass\n"
    suite += "@claim('b.stopped')\ndef test_b():\n    raise KeyboardInterrupt\n"
    code, output, _ = run(tmp_path, suite)
    assert code == Exit.INTERRUPTED
    assert ends_with(output, "verdict", "missing", "evidence", "open")[:2] == [
        "verdict    interrupted - 1 passed",
        "missing    1 of 2 checks were not reached",
    ]


def test_a_red_run_is_never_called_green(tmp_path):
    code, output, _ = run(tmp_path, EVERY_VERDICT, "-k", "test_blocked and not error")
    assert code == Exit.BROKEN
    assert "verdict    red, exit 1: b.blocked is blocked by gate.failed" in output
    ends_with(output, "verdict", "evidence", "open")


def test_a_gate_that_was_not_selected_is_reported_when_it_fails(tmp_path):
    suites = Path(__file__).parent.parent / "test_6_claims.py"
    options = ("--dcr-undo=curity.token-issuer.jwt", f"--dcr-report={tmp_path}")
    code, output = forks.command_line(str(suites), *options, cwd=suites.parent)
    assert code == Exit.BROKEN
    assert re.search(r"^FAILED token\.is-jwt - ", output, re.MULTILINE)
    assert "FAILED token.is-jwt: " in output
    assert "verdict    failed: token.is-jwt (curity.token-issuer.jwt)" in output


def result(verdict: Verdict, level: str = "MUST") -> Result:
    return Result("a.check", "a claim", level, "curity", (1, 0), verdict, ())


@given(st.lists(st.tuples(st.sampled_from(list(Verdict)), st.sampled_from(["MUST", "SHOULD"]))))
def test_a_run_is_green_only_if_something_ran_and_no_must_is_red(verdicts):
    code = exit_code([result(*item) for item in verdicts])
    red = any(verdict in RED and level == "MUST" for verdict, level in verdicts)
    ours = any(verdict is Verdict.ERROR for verdict, _ in verdicts)
    ran = any(verdict not in {Verdict.NOT_SEEN, Verdict.NOT_APPLICABLE} for verdict, _ in verdicts)
    assert (code == Exit.GREEN) == (ran and not red and not ours)


@given(st.lists(st.tuples(st.sampled_from(list(Verdict)), st.sampled_from(["MUST", "SHOULD"]))))
def test_our_own_fault_goes_before_a_broken_contract_and_that_before_an_unreachable_party(verdicts):
    results = [result(*item) for item in verdicts]
    code = exit_code(results)
    musts = {verdict for verdict, level in verdicts if level == "MUST"}
    if any(verdict is Verdict.ERROR for verdict, _ in verdicts):
        assert code == Exit.INTERNAL_ERROR
    elif Verdict.FAILED in musts:
        assert code == Exit.BROKEN
    elif Verdict.UNREACHABLE in musts:
        assert code == Exit.UNREACHABLE


@pytest.mark.parametrize(
    ("method", "status", "named"),
    [
        ("POST", 403, ("konnect.role.portal-creator",)),
        ("GET", 403, ()),
        ("GET", 401, ("konnect.account.created",)),
        ("GET", None, ("konnect.account.created",)),
    ],
)
def test_a_missing_role_is_named_where_the_answer_is_403_and_nowhere_else(method, status, named):
    steps = ("konnect.account.created", "konnect.role.portal-creator")
    check = Check(
        "a.claim", "a claim", Level.MUST, Evidence.DOCUMENTED, steps, ("RFC 0",), False, False, "konnect", KONNECT
    )
    failed = Failed("a portal", "none")
    asked = {"party": "konnect", "method": method, "url": "https://eu.api.example/v3/portals", "summary": {}}
    failed.exchange = SimpleNamespace(status=status, **asked) if status else None
    result = result_of(check, (0, 0), failed, None, 0.0)
    assert result.candidates == named
    assert ("Viewer" in result.fix) is (named == ())  # no step gives a role that only reads


@pytest.mark.parametrize("verbose", [False, True])
def test_many_observations_are_counted_and_listed_with_v(as_live, run_checks, verbose):
    with as_live() as mocks:
        ran = run_checks(
            "--dcr-check=grant", "--dcr-check=registered", *(["-v"] if verbose else []), profile=mocks.profile
        )
    counted = re.search(r"observed   \d\d answers that were recorded and not judged: index\.html has them", ran.output)
    assert bool(counted) is not verbose, ran.output
    assert ("observed   grant.by-get: 405 (curity)" in ran.output) is verbose


@pytest.mark.parametrize(
    "options",
    [
        ("--dcr-check", "token"),
        ("--dcr-profile", "profile.toml"),
        ("--dcr-undo", "curity.token-issuer.jwt"),
        ("--dcr-report", "there"),
        ("--dcr-ledger", "there"),
        ("--dcr-baseline", "known.toml"),
        ("--dcr-observed", "observed.toml"),
        ("--dcr-plan",),
        ("--dcr-plan", "--dcr-profile", "profile.toml"),
    ],
    ids=" ".join,
)
def test_a_folder_without_checks_says_what_is_missing(tmp_path, options):
    (tmp_path / "profile.toml").write_text('[run]\nmode = "inspect"\n[curity]\nissuer = "https://curity.example"\n')
    for empty in ("known.toml", "observed.toml"):
        (tmp_path / empty).touch()
    code, output = forks.command_line(*options, cwd=tmp_path)
    assert code == Exit.NOTHING_RAN
    assert output.splitlines()[-2:] == [
        "verdict    no checks ran; this is not a pass",
        f"fix        {tmp_path} holds no checks: to run those that are installed, add --pyargs dcrproof.suites",
    ]
    assert "nothing live" not in output
    assert not (tmp_path / "reports").exists()


def test_without_an_option_of_dcrproof_a_folder_without_tests_is_pytests_own_affair(tmp_path):
    code, output = forks.command_line(cwd=tmp_path)
    assert code == Exit.NOTHING_RAN
    assert "verdict" not in output


@pytest.mark.parametrize("where", [".", "below", "below/further"])
def test_pytests_lists_have_the_ids_of_checks_in_every_folder_of_a_project(tmp_path, where):
    folder = tmp_path / where
    folder.mkdir(parents=True, exist_ok=True)
    run(tmp_path, EVERY_VERDICT, "--collect-only")
    code, output = forks.command_line(str(tmp_path), "-rA", "--durations=0", "-vv", cwd=folder)
    assert code == Exit.INTERNAL_ERROR
    durations, _, summary = output.partition("slowest durations")[2].partition("short test summary info")
    ids = {"a.passed", "gate.failed", "gate.seen", "d.should", "h.skipped"}
    assert ids <= set(re.findall(r"^[\d.]+s \w+ +(\S+)$", durations, re.MULTILINE))
    assert re.findall(r"^(?:PASSED|FAILED) (\S+)", summary, re.MULTILINE) == ["a.passed", "gate.after", "gate.failed"]
