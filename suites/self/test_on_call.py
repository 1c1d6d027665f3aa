"""Called at night with an id, a secret and a route: what a run says, and whom it does not blame."""

import pytest
from addresses import AT, MISTAKES
from performing import Case
from situations import NO_BASIC, SITUATIONS
from tiers import spread

from dcrproof.core.checks.owners import AUTHOR
from dcrproof.core.checks.results import Result
from dcrproof.fixtures.session.verdicts import owners

CASES = [Case(checks=row.checks, on_call=name) for name, row in SITUATIONS.items()]


@pytest.mark.parametrize("case", spread(CASES, of=24, id=lambda case: case.on_call))
def test_what_is_said_on_call(case, ended):
    row, run = SITUATIONS[case.on_call], ended[case]
    assert "error" not in run.verdicts.values(), run.said
    if not (row.check or row.steps):
        assert (run.exit, run.red) == (0, []), run.said
        return
    assert run.red, run.said
    first = run.red[0]
    assert (first["id"] + ".").startswith(row.check + "." if row.check else ""), run.said
    said = " ".join([first["expected"], first["observed"], *first["ruled_out"], *first["decides"], first["fix"]])
    assert [key for key in row.profile if key not in " ".join(first["profile"])] == [], (first["profile"], run.said)
    assert [word for word in row.words if word not in said] == [], run.said
    assert not row.owners or row.owners == owners(Result.of(first)), run.said
    for check in run.red:
        assert {*check["steps"], *check["candidates"]}.issuperset(row.steps), run.said
        assert {*check["candidates"]}.isdisjoint(row.not_steps), run.said
    assert run.exit == row.exit, run.said


def test_claims_are_seen_where_the_route_takes_a_token_and_no_basic(ended):
    run = ended[Case(checks=SITUATIONS[NO_BASIC].checks, on_call=NO_BASIC)]
    assert [check["id"] for check in run.red] == ["route.basic.accepted"], run.said
    claims = {id: verdict for id, verdict in run.verdicts.items() if id.startswith("claims")}
    assert len(claims) == 8, claims
    assert set(claims.values()) <= {"passed", "observed"}, claims


@pytest.mark.parametrize("name", MISTAKES)
def test_a_wrong_address_is_named_by_its_key(name, ended):
    """By the check that makes the first request there, before any setup step, and to the author of the profile."""
    mistake, run = MISTAKES[name], ended[Case(checks=" ".join(AT[key] for key in MISTAKES[name].at), on_call=name)]
    red = {check["id"]: check for check in run.red}
    for key in mistake.at:
        check = red[AT[key]]
        named = f"{key.partition(']')[0].partition('.')[0]}] {mistake.key}" if mistake.key else key
        assert check["profile"][0].startswith(f"{named}: "), run.said
        assert mistake.says in check["profile"][0], run.said
        assert owners(Result.of(check))[0] == AUTHOR, run.said
    assert run.exit in (1, 6), run.said
