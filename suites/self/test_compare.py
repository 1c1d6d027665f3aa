"""`dcrproof compare` and `dcrproof report`: the differences of two runs, and the rebuilt files of a run."""

import json
import math
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import SOME, made_up, run
from tiers import full

from dcrproof.__main__ import main
from dcrproof.core.checks.results import Exit
from dcrproof.reports.compare import compare, lines
from dcrproof.reports.facts import stable
from dcrproof.reports.run_json import run_json


@pytest.fixture
def old():
    return run_json(made_up(5, 40, json.dumps({"scope": "read", "expires_in": 300})))


@pytest.fixture
def new(old):
    return deepcopy(old)


def said(old, new) -> list[str]:
    return list(lines(compare(old, new)))


def verdict(report, number: int, verdict: str) -> str:
    report["checks"][number]["verdict"] = verdict
    return report["checks"][number]["id"]


# Verdicts


def test_a_run_is_like_itself(old, new):
    found = compare(old, new)
    assert (found.broke, found.fixed, found.other, found.facts, found.timings, found.about) == ((),) * 6


def test_what_broke_what_was_fixed_and_what_is_still_bad_are_distinguished(old, new):
    passed = next(n for n, check in enumerate(old["checks"]) if check["verdict"] == "passed")
    failed = next(n for n, check in enumerate(old["checks"]) if check["verdict"] == "failed")
    blocked = next(n for n, check in enumerate(old["checks"]) if check["verdict"] == "blocked")
    unseen = next(n for n, check in enumerate(old["checks"]) if check["verdict"] == "not seen")
    broke, fixed = verdict(new, passed, "unreachable"), verdict(new, failed, "passed")
    changed = verdict(new, unseen, "not applicable")
    found = compare(old, new)
    assert [(one.id, one.old, one.new) for one in found.broke] == [(broke, "passed", "unreachable")]
    assert [(one.id, one.old, one.new) for one in found.fixed] == [(fixed, "failed", "passed")]
    assert [one.id for one in found.still_bad] == [old["checks"][blocked]["id"]]
    assert [(one.id, one.old, one.new) for one in found.other] == [(changed, "not seen", "not applicable")]


def test_a_check_that_a_run_has_not_was_not_selected_or_not_reached(old, new):
    failed = next(check for check in old["checks"] if check["verdict"] == "failed")
    passed = next(check for check in old["checks"] if check["verdict"] == "passed")
    unseen = next(check for check in old["checks"] if check["verdict"] == "not seen")
    old["checks"].remove(failed)
    old["selected"] = [id for id in old["selected"] if id != failed["id"]]
    new["checks"] = [check for check in new["checks"] if check not in (passed, unseen)]
    new["selected"] = [id for id in new["selected"] if id != passed["id"]]
    found = compare(old, new)
    assert [(one.id, one.old) for one in found.broke] == [(failed["id"], "not selected")]
    changed = {(one.id, one.new) for one in found.other}
    assert changed == {(passed["id"], "not selected"), (unseen["id"], "not reached")}


def test_another_target_is_said_first(old, new):
    new["target"]["gateway"] = "mocked"
    assert said(old, new)[0] == "runs       target: curity live, gateway live -> curity live, gateway mocked"


# Facts


def test_another_status_another_header_and_another_member_are_facts(old, new):
    for exchange in new["exchanges"]:
        if exchange["number"] == 20:
            exchange["status"] = 503
        exchange["response"] = deepcopy(exchange["response"])
        exchange["response"]["headers"] = [["content-type", "text/html"], ["x-new", "1"]]
        exchange["response"]["body"] = json.dumps({"scope": "read write", "expires_in": 60})
    found = {(fact.kind, fact.name): (fact.old, fact.new) for fact in compare(old, new).facts}
    assert found["header", "content-type"] == (("application/json",), ("text/html",))
    assert found["header", "x-new"] == ((), ("there",))
    assert found["header", "x-from-outside"] == (("there",), ())
    assert found["member", "scope"] == (('"read"',), ('"read write"',))
    assert found["member", "expires_in"] == (("300",), ("60",))
    assert any(fact.kind == "status" and "503" in fact.new for fact in compare(old, new).facts)


def test_another_claim_and_another_lifetime_are_facts(old, new):
    for exchange in [*old["exchanges"], *new["exchanges"]]:
        exchange["jwts"] = deepcopy(exchange["jwts"])
        exchange["jwts"][0]["claims"] |= {"iat": 1_795_500_000, "exp": 1_795_500_300, "aud": "a"}
    for exchange in new["exchanges"]:
        exchange["jwts"][0]["claims"] |= {"exp": 1_795_503_600, "roles": "x"}
        del exchange["jwts"][0]["claims"]["aud"]
    found = {fact.name: (fact.old, fact.new) for fact in compare(old, new).facts}
    assert found == {"aud": (('"a"',), ()), "exp - iat": (("300",), ("3600",)), "roles": ((), ('"x"',))}


def test_ids_times_and_secrets_are_no_facts(old, new):
    for report, mark in ((old, "a"), (new, "b")):
        for number, exchange in enumerate(report["exchanges"]):
            exchange["url"] = f"https://idsvr.example.com/clients/{mark * 8}-aaaa-4bbb-8ccc-{number:012}"
            exchange["at"] = f"202{6 if mark == 'a' else 7}-01-01T00:00:00.000Z"
            exchange["response"] = {
                **exchange["response"],
                "body": json.dumps({"client_secret": f"<secret {mark * 8}>"}),
            }
    assert compare(old, new).facts == ()


def test_what_only_one_run_has_asked_is_no_fact(old, new):
    new["exchanges"] = [exchange for exchange in new["exchanges"] if exchange["party"] == "curity"]
    assert compare(old, new).facts == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("b2f67bdb-4610-46e8-97a8-6b3266a217b0", "984f0000-8e83-4e0e-8cc9-513b00000000"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIi.<signature>", "eyJraWQiOiI3In0.eyJhdWQi.abc"),
        ("<secret 13ac9399>", "aa<secret 00000000>bb"),
        ("http://127.0.0.1:4711/issuer-1/jwks", "http://127.0.0.1:815/issuer-22/jwks"),
        ("2026-11-24T07:55:37.194Z", "2027-01-01T00:00:00Z"),
        ("dcrproof 1a2b3c4d renamed", "dcrproof 99999999 renamed"),
        ("_0XBPWQQ_0c1f11aa-e1b5-4d0c-a6a4-0d6b0a9c1f11", "_0XBPWQQ_ffffffff-e1b5-4d0c-a6a4-0d6b0a9c1f22"),
    ],
)
def test_what_differs_from_run_to_run_is_taken_out(one, other):
    assert stable(one) == stable(other)


@pytest.mark.parametrize("text", ["client_secret_basic", "RS256", "openid", "https://api.example.com/token", "Bearer"])
def test_what_is_the_contract_is_left_in(text):
    assert stable(text) == text


# Times


def test_times_beyond_noise_are_said_and_no_others(old, new):
    for exchange in new["exchanges"]:
        if exchange["party"] == "curity":
            exchange["seconds"] = 0.9
        else:
            exchange["seconds"] *= 1.4
    for exchange in [*old["exchanges"], *new["exchanges"]]:
        exchange["url"] = f"https://{exchange['party']}.example.com/token"
    (timing,) = compare(old, new).timings
    assert (timing.where, timing.old, timing.new) == ("POST curity /token", 0.02, 0.9)


@given(st.lists(st.floats(0.001, 0.08), min_size=12, max_size=12))
def test_a_small_difference_does_not_count(seconds):
    one, other = (run_json(made_up(3, 12)) for _ in range(2))
    for exchange, taken in zip(other["exchanges"], seconds, strict=True):
        exchange["seconds"] = taken
    assert compare(one, other).timings == ()


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, 10**400, 1e308], ids=repr)
def test_a_party_may_have_sent_any_number(number):
    run = run_json(made_up(3, 12, json.dumps({"expires_in": number})))
    for exchange in run["exchanges"]:
        for token in exchange["jwts"]:
            token["claims"] |= {"exp": number, "iat": 1}
            token["header"] |= {"x": number}
    assert said(run, deepcopy(run))


# The command


@full
def test_two_runs_against_the_same_target_are_alike(left, tmp_path, capsys):
    again = run(tmp_path, *SOME, "-n2")
    code = main(["compare", str(left("green").folder), str(again.folder / "run.json")])
    printed = capsys.readouterr().out
    assert (code, printed.splitlines()[-1]) == (
        Exit.GREEN,
        "0 broke, 0 fixed, 0 still bad, 0 facts and 0 times changed",
    ), printed


def test_what_broke_is_the_exit_code(left, capsys):
    assert main(["compare", str(left("green").folder), str(left("undone").folder)]) == Exit.BROKEN
    printed = capsys.readouterr().out
    assert "broke      token.is-jwt: passed -> failed: an opaque token" in printed
    assert "runs       undone: nothing -> curity.token-issuer.jwt" in printed
    assert main(["compare", str(left("undone").folder), str(left("green").folder)]) == Exit.GREEN
    assert "fixed      token.is-jwt: failed -> passed" in capsys.readouterr().out


def test_it_is_printed_as_json(left, capsys):
    assert main(["compare", "--json", str(left("green").folder), str(left("undone").folder)]) == Exit.BROKEN
    found = json.loads(capsys.readouterr().out)
    assert found["broke"][0]["id"] == "token.is-jwt"
    assert set(found) == {"broke", "fixed", "still_bad", "other", "facts", "timings", "about"}


def test_a_killed_run_is_compared_by_its_events(left, capsys):
    assert main(["compare", str(left("interrupted").folder), str(left("killed").folder)]) == Exit.GREEN
    assert "0 broke" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        ("{", "not JSON"),
        ("[]", "not a run.json"),
        ('{"schema": 2, "exchanges": []}', "not a run.json of schema 1"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_is_no_run_is_bad_usage(left, tmp_path, capsys, content, why):
    path = tmp_path / "run.json"
    if content is not None:
        path.write_text(content)
    assert main(["compare", str(left("green").folder), str(path)]) == Exit.USAGE
    assert f"dcrproof compare: {path}: {why}" in capsys.readouterr().err


def test_hostile_texts_command_no_terminal():
    one = run_json(made_up(9, 9, "\x1b[2Jtext\nbroke      all"))
    other = run_json(made_up(9, 9, "other \x1b[2Jtext", c0="failed"))
    for line in said(one, other):
        assert "\x1b" not in line
        assert "\n" not in line


def test_the_files_of_a_killed_run_are_made_from_its_events(left, capsys):
    killed = left("killed")
    assert main(["report", str(killed.folder)]) == Exit.GREEN
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == "cut short: the record has no end - 1 passed"
    assert killed.files >= {"run.json", "index.html", "junit.xml", "transcript.har", "summary.md"}
    assert "cut short" in killed.text("junit.xml")
    for name in killed.files - {"events.jsonl"}:  # as it was, for the other tests
        (killed.folder / name).unlink()


def test_a_folder_without_a_record_is_bad_usage(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == Exit.USAGE
    (tmp_path / "events.jsonl").write_text("nothing\n")
    assert main(["report", str(tmp_path)]) == Exit.USAGE
    assert "not the record of a run" in capsys.readouterr().err
