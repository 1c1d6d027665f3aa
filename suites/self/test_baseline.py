"""`--dcr-baseline`: known failures do not make a run red, and an outdated baseline does."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import SOME, run
from tiers import full

from dcrproof.core.checks.baseline import BadBaseline, Baseline, Known, read
from dcrproof.core.checks.results import Exit, Result
from dcrproof.core.checks.verdict import Verdict

IDS = ("token.is-jwt", "route.basic.accepted", "route.basic.cached", "strategy.claim")
TODAY = date(2026, 11, 24)
GOOD = """
[[known]]
check = "token.is-jwt"
reason = "TICKET-12"
owner = "Curity admins"
expires = 2999-12-31
"""
UNDO = "--dcr-undo=curity.token-issuer.jwt"


def result(id: str, verdict: Verdict, blocked_by: str | None = None) -> Result:
    return Result(id, "a claim", "MUST", "route", (1, 0), verdict, (), blocked_by=blocked_by)


def baseline(check: str, expires: date = TODAY) -> Baseline:
    return Baseline("known.toml", (Known(1, check, "TICKET-12", "Curity admins", expires),))


def written(folder, text: str):
    path = folder / "known.toml"
    path.write_text(text)
    return path


# A run


def test_a_known_failure_does_not_make_the_run_red_nor_does_what_it_blocks(tmp_path):
    found = run(tmp_path / "reports", *SOME, UNDO, f"--dcr-baseline={written(tmp_path, GOOD)}")
    assert found.code == Exit.GREEN, found.output
    known = {check["id"]: check for check in found.report["checks"] if check["known"]}
    assert known["token.is-jwt"]["verdict"] == "failed"
    assert {check["blocked_by"] for id, check in known.items() if id != "token.is-jwt"} == {"token.is-jwt"}
    assert not any(check["red"] for check in found.report["checks"])
    assert "known      failed token.is-jwt: TICKET-12 (Curity admins, until 2999-12-31)" in found.output
    assert "verdict    green - " in found.output
    assert f"{len(known)} known" in found.output
    assert "FAILED (known) `token.is-jwt`" in found.text("summary.md")


@full
def test_workers_know_it_as_well(tmp_path):
    found = run(tmp_path / "reports", *SOME, UNDO, f"--dcr-baseline={written(tmp_path, GOOD)}", "-n2")
    assert found.code == Exit.GREEN, found.output


def test_another_failure_is_red_all_the_same(tmp_path):
    text = GOOD.replace("token.is-jwt", "strategy.claim")
    found = run(tmp_path / "reports", *SOME, UNDO, f"--dcr-baseline={written(tmp_path, text)}")
    assert found.code == Exit.BROKEN
    assert "FAILED token.is-jwt" in found.output


def test_a_stale_entry_makes_a_green_run_red(tmp_path):
    found = run(tmp_path / "reports", *SOME, f"--dcr-baseline={written(tmp_path, GOOD)}")
    assert found.code == found.report["exit"] == Exit.BROKEN
    assert "[[known]] 1 (token.is-jwt) is stale: passed; delete the entry" in found.output
    assert "is stale" in found.text("junit.xml")
    assert found.report["headline"].startswith("red, exit 1")


def test_an_expired_entry_excuses_nothing_and_says_so(tmp_path):
    text = GOOD.replace("2999-12-31", "2026-01-31")
    found = run(tmp_path / "reports", *SOME, UNDO, f"--dcr-baseline={written(tmp_path, text)}")
    assert found.code == Exit.BROKEN
    assert "(token.is-jwt) expired on 2026-01-31: fix it, or agree on another day with Curity admins" in found.output
    assert "FAILED token.is-jwt" in found.output


# The rules


@pytest.mark.parametrize("check", ["token.is-jwt", "token", "token.*", "*"])
def test_an_entry_names_a_check_by_its_id_its_beginning_or_a_pattern(check):
    assert baseline(check).why(result("token.is-jwt", Verdict.FAILED), TODAY)
    assert not baseline("token.is").why(result("token.is-jwt", Verdict.FAILED), TODAY)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_what_is_our_own_fault_is_never_known(verdict):
    excused = bool(baseline("token.is-jwt").why(result("token.is-jwt", verdict), TODAY))
    assert excused is (verdict in {Verdict.FAILED, Verdict.BLOCKED, Verdict.UNREACHABLE})


@given(st.dates(), st.dates())
def test_an_entry_holds_up_to_the_day_on_which_it_expires(today, expires):
    known = baseline("token.is-jwt", expires)
    held = bool(known.why(result("token.is-jwt", Verdict.FAILED), today))
    said = list(known.complaints([result("token.is-jwt", Verdict.FAILED)], today))
    assert held is (today <= expires)
    assert bool(said) is not held


def test_a_pattern_is_stale_only_when_all_its_checks_passed():
    ran = [result("route.basic.accepted", Verdict.PASSED), result("route.basic.cached", Verdict.FAILED)]
    assert list(baseline("route.basic").complaints(ran, TODAY)) == []
    assert list(baseline("route.basic").complaints(ran[:1], TODAY)) == [
        "known.toml: [[known]] 1 (route.basic) is stale: passed; delete the entry"
    ]


@pytest.mark.parametrize("verdict", [Verdict.BLOCKED, Verdict.NOT_SEEN, Verdict.NOT_APPLICABLE, Verdict.UNREACHABLE])
def test_an_entry_whose_check_could_not_be_judged_is_not_stale(verdict):
    assert list(baseline("strategy.claim").complaints([result("strategy.claim", verdict)], TODAY)) == []
    assert list(baseline("strategy.claim").complaints([], TODAY)) == []


# The file


def test_all_that_is_wrong_with_it_is_said_at_once(tmp_path):
    path = written(
        tmp_path,
        """
title = "ours"
[[known]]
check = "no.such.check"
reason = " "
owner = 7
expires = "tomorrow"
[[known]]
check = "strategy.claim"
expires = 2026-12-24T10:00:00
color = "blue"
""",
    )
    with pytest.raises(BadBaseline) as raised:
        read(path, IDS)
    assert str(raised.value).splitlines() == [
        f"{path}: 9 problem(s)",
        "  title: unknown; a baseline contains only [[known]]",
        "  [[known]] 1 reason: expected a non-empty text, found ' '",
        "  [[known]] 1 owner: expected a non-empty text, found 7",
        "  [[known]] 1 expires: expected a date, such as 2026-12-24, found 'tomorrow'",
        "  [[known]] 1 check: no check matches 'no.such.check'; `dcrproof checks` lists them",
        "  [[known]] 2 color: unknown; an entry has check, reason, owner, expires",
        "  [[known]] 2: reason is missing",
        "  [[known]] 2: owner is missing",
        "  [[known]] 2 expires: expected a date, such as 2026-12-24, found datetime.datetime(2026, 12, 24, 10, 0)",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"known = [", "is not TOML: "),
        (b"\xff\xfe", "is not UTF-8 text"),
        (None, "cannot be read: No such file"),
        (b"known = 3", "known: expected tables, [[known]]"),
        (b'[known]\ncheck = "a.b"', "known: expected tables, [[known]]"),
        (b"[[known]]\n", "[[known]] 1: check is missing"),
    ],
)
def test_a_file_that_is_no_baseline_is_bad_usage(tmp_path, content, said):
    path = tmp_path / "known.toml"
    if content is not None:
        path.write_bytes(content)
    found = run(tmp_path / "reports", f"--dcr-baseline={path}")
    assert found.code == Exit.USAGE
    assert f"--dcr-baseline: {path}: " in found.output
    assert said in found.output
    assert "Traceback" not in found.output


def test_an_empty_baseline_is_one(tmp_path):
    assert read(written(tmp_path, ""), IDS).entries == ()
