"""An outage that lasts, at each party and endpoint: the party is unreachable, no setup step is blamed, and the run ends."""

from collections.abc import Iterator, Mapping

import pytest
from adverse import Case, Ended
from forks import Performed

from dcrproof.core.http.party_connection import OUT_OF_ORDER

UNREACHABLE, OWN_FAULT = 6, 3
PATIENCE = 300.0
"""Seconds that a run may wait in all for a party that is out of order: what one party gets, and what the clean-up needs."""

DOWN: Mapping[str, Mapping[str, object]] = {
    "500": {"status": 500},
    "502": {"status": 502},
    "503": {"status": 503},
    "504": {"status": 504},
    "malformed": {"malformed": True},
    "dropped": {"drop": True},
    "too many": {"status": 429, "retry_after": "20"},
}
REGISTRATION, STRATEGY = "/token-service/oauth-registration", "/v2/application-auth-strategies"
ENDPOINTS: tuple[tuple[str, str | None, str | None, tuple[str, ...]], ...] = (
    # party, method, path, and checks that ask there
    ("curity", "GET", "*/.well-known/*", ("discovery",)),
    ("curity", "GET", "*/jwks", ("keys", "gateway.reads-tokens")),
    ("curity", "POST", "/oauth/v2/oauth-token", ("registrar", "token.granted")),
    ("curity", "POST", "/oauth/v2/oauth-revoke", ("revocation.answer",)),
    ("curity", "GET", "/oauth/v2/oauth-userinfo", ("userinfo.no-token",)),
    ("curity", "POST", REGISTRATION, ("registration.created",)),
    ("curity", "GET", f"{REGISTRATION}/*", ("registration.read", "managed.after-delete")),
    ("curity", "PUT", f"{REGISTRATION}/*", ("registration.update",)),
    ("curity", "GET", "/admin/api/restconf/*", ("configuration",)),
    ("konnect", "GET", "/v2/dcr-providers*", ("konnect.authenticated", "strategy.dcr-provider", "admin.problem-form")),
    ("konnect", "GET", "/v3/apis*", ("api.found", "api.published")),
    ("konnect", "GET", "/v2/control-planes*", ("nodes", "api.linked-to-route")),
    ("konnect", "POST", "/v2/dcr-providers/*/verify", ("provider.verified",)),
    ("konnect", "POST", STRATEGY, ("provision.strategy",)),
    ("konnect", "PATCH", f"{STRATEGY}/*", ("admin.strategy-type", "plugin.methods.listed")),
    ("konnect", "PATCH", "*/registrations/*", ("application.decided",)),
    ("portal", "GET", "/api/v3/portal", ("portal.open",)),
    ("portal", "POST", "/api/v3/developer/authenticate", ("developer.signs-in",)),
    ("portal", "GET", "/api/v3/apis/*", ("api.offered",)),
    ("portal", "POST", "/api/v3/applications", ("application.created",)),
    ("portal", "POST", "*/registrations", ("application.registered",)),
    ("portal", "PATCH", "/api/v3/applications/*", ("life.rename.done",)),
    ("portal", "POST", "*/regenerate-secret", ("life.secret.regenerated",)),
    ("gateway", "GET", "/accounts*", ("gateway.answers", "route.basic.accepted")),
)
WHOLE = (
    ("curity", None, None, ("configuration.readable", "discovery.served")),
    ("konnect", None, None, ("konnect.authenticated",)),
    ("portal", None, None, ("portal.open", "developer.signs-in")),
    ("gateway", None, None, ("gateway.answers", "route")),
)


def cases() -> Iterator[tuple[Case, bool]]:
    """Each fault at each endpoint, and at each party as a whole; the second part is whether `--full` alone has it."""
    for number, (party, method, path, checks) in enumerate(ENDPOINTS):
        for fault in DOWN:
            yield case(party, method, path, checks, fault), fault != ("502", "503", "malformed")[number % 3]
    for party, method, path, checks in WHOLE:
        for fault in DOWN:
            yield case(party, method, path, checks, fault), fault != "dropped"


LATER = [
    Case(f"{party} is down after {calls} calls, {fault}", checks, ({"party": party, **DOWN[fault]},), late=calls)
    for number, (party, checks) in enumerate(
        (
            ("konnect", ("konnect", "strategy", "application.created")),
            ("portal", ("application",)),
            ("curity", ("registration", "application.created")),
        )
    )
    for calls, fault in ((4, "503"), (16, "502"), (22, "dropped" if number % 2 else "504"))
]
"""Outages that begin in the middle of a run, and last."""


def case(party: str, method: str | None, path: str | None, checks: tuple[str, ...], fault: str) -> Case:
    where = {"method": method, "path": path} if method else {}
    return Case(f"{party} {method} {path} {fault}", checks, ({"party": party, **where, **DOWN[fault]},))


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=pytest.mark.full if full else ())
        for case, full in [*cases(), *((later, number % 3 > 0) for number, later in enumerate(LATER))]
    ],
)
def test_a_party_that_is_out_of_order_is_unreachable_and_no_step_is_to_blame(
    adversity: Performed[Case, Ended],
    case: Case,
) -> None:
    ended = adversity[case]
    assert ended.verdicts("failed", "error") == {}
    assert (ended.blamed, list(ended.taken)) == ([], [])
    assert ended.verdicts("unreachable"), ended.printed
    assert ended.exit == (OWN_FAULT if ended.left else UNREACHABLE), ended.printed
    assert ended.paused < PATIENCE


@pytest.mark.parametrize(
    "case",
    [case for case, full in cases() if case.faults[0]["party"] == "gateway" and not full],
    ids=lambda case: case.name,
)
def test_a_gateway_that_is_out_of_order_is_not_told_to_check_its_address(
    adversity: Performed[Case, Ended],
    case: Case,
) -> None:
    says_so = not case.faults[0].keys() & {"drop", "retry_after"}
    assert (OUT_OF_ORDER in " ".join(adversity[case].printed.split())) == says_so, adversity[case].printed


SLOW = Case(
    "curity is busy during a whole run",
    (),
    ({"party": "curity", "path": "/oauth/v2/oauth-token", **DOWN["too many"]},),
)
SLOW_LATER = Case(
    "the portal is busy once there is an application",
    (),
    ({"party": "portal", "method": "DELETE", "path": "*", **DOWN["too many"]},),
)


@pytest.mark.parametrize("case", [SLOW, SLOW_LATER], ids=lambda case: case.name)
def test_a_party_that_asks_for_time_again_and_again_gets_no_more_than_the_run_has(
    adversity: Performed[Case, Ended],
    case: Case,
) -> None:
    ended = adversity[case]
    assert ended.paused < PATIENCE
    assert ended.verdicts("failed", "error") == {}
    assert len(ended.checks) > 300


OVER = Case(
    "the run has one minute", ("registrar", "konnect", "strategy", "portal"), SLOW.faults, deadlines='run = "1m"'
)
CLEAN_UP = 60.0


@pytest.mark.parametrize("case", [OVER], ids=lambda case: case.name)
def test_a_run_whose_time_is_over_ends_at_once_and_says_what_took_it(
    adversity: Performed[Case, Ended],
    case: Case,
) -> None:
    ended = adversity[case]
    assert 55.0 < ended.paused <= 60.0 + CLEAN_UP
    over = [text for text in ended.verdicts("unreachable").values() if "deadlines.run" in text]
    assert len(over) > 10, "what was left to check"
    assert len(set(over)) == 1
    assert over[0].startswith("60 seconds ([run] deadlines.run) are over: ")
    assert "s for waiting for curity to be asked again after 429" in over[0]
    assert ended.verdicts("failed", "error") == {}
    assert (list(ended.left), list(ended.taken), ended.exit) == ([], [], UNREACHABLE), ended.printed
    assert ended.printed.count("  observed       60 seconds") == 1, "it is said once, not for each check"


@pytest.mark.parametrize(
    "case",
    [Case("one answer in three is lost", ("application",), ({"party": "konnect", "status": 503, "times": 2},))],
    ids=lambda case: case.name,
)
def test_an_outage_that_passes_changes_no_verdict(
    adversity: Performed[Case, Ended],
    case: Case,
) -> None:
    assert adversity[case].exit == 0


@pytest.mark.parametrize(
    "case",
    [
        Case(
            "deletions at curity are answered, and not done",
            ("admin.application", "application.created"),
            ({"party": "curity", "method": "DELETE", "malformed": True},),
        )
    ],
    ids=lambda case: case.name,
)
def test_a_client_that_cannot_be_tried_is_told_where_others_have_outlived_their_applications(
    adversity: Performed[Case, Ended],
    case: Case,
) -> None:
    ended = adversity[case]
    assert ended.unsaid == [], ended.printed
    assert "the client of the application of another developer 'dcrproof " in ended.printed
    assert "clean-up.clients-refused" in ended.verdicts("failed") or "FAILED clean-up.clients-refused" in ended.printed
