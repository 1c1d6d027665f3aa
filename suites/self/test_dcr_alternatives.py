"""Which checks fail for each way in which Konnect may manage its clients: the real one is undocumented."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from performing import ALTERNATIVES, Case
from tiers import sample

GREEN, BROKEN, INTERNAL_ERROR = 0, 1, 3
SECRETS = ("life.secret.new", "life.secret.old", "life.secret.cached", "life.secret.expired")
MANAGEMENT = "curity.dcr.client-management"


@dataclass(frozen=True)
class Expected:
    """The exit code; the checks that fail, each with a part of what it observed; what is blocked. All others pass."""

    exit: int = GREEN
    failed: Mapping[str, str] = field(default_factory=dict)
    blocked: tuple[str, ...] = ()


LIFE: Mapping[str, Expected] = {
    "a new secret by PUT": Expected(),
    "a rename by PUT": Expected(BROKEN, {"life.rename.keeps-secret": "invalid_client"}),
    "clients are left behind": Expected(BROKEN, {"life.deleted.client": "200"}),
    "nothing is kept": Expected(
        BROKEN, {"life.secret.regenerated": "no registration access token", "life.deleted.client": "200"}, SECRETS
    ),
    # applications that cannot be deleted stay behind, and the run says so
    "dcrm, which the how-to gives to nobody": Expected(
        INTERNAL_ERROR,
        {"life.secret.regenerated": "invalid_scope", "life.deleted.portal": "invalid_scope"},
        (*SECRETS, "life.deleted.client", "life.deleted.route"),
    ),
    "dcrm, given to the registrar": Expected(),
}


def test_each_alternative_is_expected_to_be_something():
    assert set(LIFE) == set(ALTERNATIVES)


@pytest.mark.parametrize(
    "case",
    sample([Case("life", alternative=name) for name in ALTERNATIVES], of=2, id=lambda case: case.alternative),
)
def test_life_afterwards_is_told_as_it_is(case, ended):
    expected, run = LIFE[case.alternative], ended[case]
    assert run.exit == expected.exit, run.printed
    assert {check["id"] for check in run.failed} == set(expected.failed)
    assert {id for id, verdict in run.verdicts.items() if verdict == "blocked"} == set(expected.blocked)
    assert set(run.verdicts.values()) <= {"passed", "failed", "blocked"}
    for check in run.failed:
        assert expected.failed[check["id"]] in check["observed"]
        # Curity allows management: the run has seen it, and does not suspect Curity
        assert check["candidates"] == []
        assert check["owner"] != "Curity admins" or check["id"] == "life.rename.keeps-secret"
    if "life.deleted.client" in expected.failed:
        found = next(check for check in run.failed if check["id"] == "life.deleted.client")
        assert any(text.startswith(MANAGEMENT) for text in found["ruled_out"])


@pytest.mark.parametrize(
    "case", [Case("provider.verified", alternative=name) for name in ALTERNATIVES], ids=list(ALTERNATIVES)
)
def test_a_verification_does_not_depend_on_it(case, ended):
    assert ended[case].exit == GREEN, ended[case].printed
