"""What is wrong is named, in its own words and by nobody else's name: authorization servers with one fault each."""

import pytest
from performing import Case
from quirks import FAULTS
from tiers import spread

CASES = [Case(checks=row.checks, quirk=name) for name, row in FAULTS.items()]


@pytest.mark.parametrize("case", spread(CASES, of=12, id=lambda case: case.quirk))
def test_fault_is_named(case, ended):
    row, run = FAULTS[case.quirk], ended[case]
    assert run.red, run.said
    first = run.red[0]
    assert (first["id"], first["verdict"]) == (row.check, row.verdict), run.said
    said = f"{first['expected']} {first['observed']}"
    assert [word for word in row.words if word not in said] == [], run.said
    named = {step for check in run.red for step in (*check["steps"], *check["candidates"])}
    assert named.isdisjoint(row.not_steps), run.said
    assert row.steps or first["candidates"] or "gateway" not in first["owner"], run.said
    assert {*first["steps"], *first["candidates"]}.issuperset(row.steps), run.said
    assert "[curity.admin]" not in str([check["decides"] for check in run.red]), "no other product has RESTCONF"
    assert "error" not in run.verdicts.values(), run.said
    assert not row.alone or len(run.red) == 1, run.said
    assert (run.exit, run.left) == (6 if row.verdict == "unreachable" else row.exit, row.left), run.said
