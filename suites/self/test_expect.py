"""Directions are asserted everywhere; forms only where they can be judged."""

import pytest

from dcrproof.core.checks.check import Evidence
from dcrproof.core.checks.expect import Expect, Observation
from dcrproof.core.checks.outcomes import Failed

MOCKED = {}


def form(expect: Expect, *, holds: bool, evidence: Evidence, since: str | None = None) -> None:
    expect.form("gateway", "a form", holds, "401", "403", evidence, since)


@pytest.mark.parametrize("live", [MOCKED, {"gateway": None}, {"gateway": "3.15"}])
def test_a_direction_is_asserted_everywhere(live):
    with pytest.raises(Failed):
        Expect(live).that(False, "refused", "accepted")


@pytest.mark.parametrize("evidence", list(Evidence))
def test_a_form_is_asserted_against_a_mock_whatever_its_evidence(evidence):
    with pytest.raises(Failed):
        form(Expect(MOCKED), holds=False, evidence=evidence)


@pytest.mark.parametrize("evidence", [Evidence.INFERRED, Evidence.UNKNOWN, Evidence.CONTRADICTED])
@pytest.mark.parametrize("holds", [True, False])
def test_an_undocumented_form_of_a_live_party_is_observed(evidence, holds):
    expect = Expect({"gateway": "3.14"})
    form(expect, holds=holds, evidence=evidence)
    assert [item.observed for item in expect.observations] == ["403"]
    assert not expect.judged


def test_a_documented_form_of_a_live_party_is_asserted():
    with pytest.raises(Failed):
        form(Expect({"gateway": None}), holds=False, evidence=Evidence.DOCUMENTED)


@pytest.mark.parametrize(
    ("version", "judged"), [("3.14", True), ("3.15.0.1", True), ("3.14.0.0", True), ("3.13.9", False), (None, False)]
)
def test_a_form_that_is_documented_since_a_version_is_judged_from_there_on(version, judged):
    expect = Expect({"gateway": version})
    form(expect, holds=True, evidence=Evidence.DOCUMENTED, since="3.14")
    assert bool(expect.asserted) is judged
    assert bool(expect.observations) is not judged


def test_a_check_with_a_direction_is_judged_although_its_form_is_observed():
    expect = Expect({"gateway": None})
    expect.that(True, "refused", "refused")
    form(expect, holds=False, evidence=Evidence.INFERRED)
    assert expect.judged
    assert expect.observations


def test_a_note_is_of_a_live_party_and_says_something():
    expect = Expect({"gateway": None})
    expect.note("gateway", "took", "3 s")
    expect.note("gateway", "warned", "")
    expect.note("curity", "took", "4 s")
    assert expect.notes == [Observation("gateway", "took", "3 s", held=False)]
    assert expect.judged
