"""Creations whose answer was lost, over real sockets: what is looked for, and what is sent again."""

from typing import Any

import pytest
from connections import Scripted, answered, scripted

from dcrproof.core.checks.outcomes import Failed, Unreachable
from dcrproof.core.http.exchange import Transcript
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.http.retry import Retry
from dcrproof.core.parties.konnect import KonnectClient
from dcrproof.core.parties.portal import PortalClient
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.model import KonnectSettings as Described
from dcrproof.core.profile.model import Mode, Profile, RunSettings
from dcrproof.core.profile.model import PortalSettings as DescribedPortal
from dcrproof.core.secrets.secret import Secret

DROP = b""
MADE = {"id": "7d0c", "name": "dcrproof 1 api"}
OTHER = {"id": "1111", "name": "dcrproof 1"}
BODY = {"name": "dcrproof 1 api"}


def listed(*items: dict[str, Any]) -> bytes:
    return answered(200, {"data": list(items), "meta": {"page": {"total": len(items)}}})


def unavailable(code: int, *headers: str) -> bytes:
    return answered(code, {"status": code}, *headers)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; none of them takes any time, and there is one look for a lost creation."""
    made: list[float] = []
    monkeypatch.setattr("dcrproof.core.http.retry.pause", lambda _, seconds: made.append(seconds))
    monkeypatch.setattr("dcrproof.core.parties.creation.LOOKING", 0.0)
    return made


def connected(party: Scripted, *, patient: bool = True) -> PartyConnection:
    return PartyConnection("konnect", party.base, Transcript(), retry=Retry("konnect", 120.0) if patient else None)


def konnect(party: Scripted, *, patient: bool = True) -> KonnectClient:
    return KonnectClient(connected(party, patient=patient), party.base, Secret("a token of this test"))


LOST = {"dropped": DROP, **{str(code): unavailable(code) for code in (502, 503, 504)}}
lost = pytest.mark.parametrize("answer", LOST.values(), ids=list(LOST))


@lost
def test_what_was_created_although_its_answer_was_lost_is_found_by_its_name(answer, pauses):
    with scripted(answer, listed(OTHER, MADE)) as party:
        assert konnect(party).create("/v3/apis", BODY) == MADE
    assert [asked.partition(" ")[0] for asked in party.asked] == ["POST", "GET"]


@lost
def test_what_is_created_but_not_listed_at_once_is_found(answer, pauses, monkeypatch):
    monkeypatch.setattr("dcrproof.core.parties.creation.LOOKING", 5.0)
    with scripted(answer, listed(OTHER), listed(OTHER, MADE)) as party:
        assert konnect(party).create("/v3/apis", BODY) == MADE
    assert [asked.partition(" ")[0] for asked in party.asked] == ["POST", "GET", "GET"]


@lost
def test_a_second_creation_is_sent_after_nothing_was_found(answer, pauses):
    looks = [listed(OTHER)]
    with scripted(answer, *looks, answered(201, MADE)) as party:
        assert konnect(party).create("/v3/apis", BODY) == MADE
    assert [asked.partition(" ")[0] for asked in party.asked] == ["POST", "GET", "POST"]


def test_a_second_creation_whose_answer_is_lost_too_is_looked_for_and_is_the_last(pauses):
    looks = [listed(OTHER)]
    with scripted(DROP, *looks, DROP, *looks, DROP) as party:
        with pytest.raises(Unreachable, match="dropped"):
            konnect(party).create("/v3/apis", BODY)
        assert [asked.partition(" ")[0] for asked in party.asked] == ["POST", "GET"] * 2


def test_a_second_creation_comes_no_sooner_than_the_party_asks_for(pauses):
    looks = [listed(OTHER)]
    with scripted(unavailable(503, "retry-after: 20"), *looks, answered(201, MADE)) as party:
        konnect(party).create("/v3/apis", BODY)
    assert pauses == [20.0]


def test_a_party_that_asks_for_more_than_the_run_has_is_not_asked_again(pauses):
    looks = [listed(OTHER)]
    with scripted(unavailable(503, "retry-after: 3600"), *looks) as party:
        with pytest.raises(Failed, match="503"):
            konnect(party).create("/v3/apis", BODY)
        assert len(party.asked) == 2
    assert pauses == []


@pytest.mark.parametrize("code", [200, 400, 403, 409, 500])
def test_an_answer_that_is_not_lost_is_judged_and_nothing_is_looked_for(code, pauses):
    with scripted(unavailable(code)) as party:
        with pytest.raises(Failed, match=str(code)):
            konnect(party).create("/v3/apis", BODY)
        assert len(party.asked) == 1


def test_a_creation_that_never_left_is_not_looked_for(pauses):
    with scripted(DROP) as party:
        pass
    with pytest.raises(Unreachable, match="connection refused"):
        konnect(party).create("/v3/apis", BODY)


def test_two_of_one_name_are_an_error_rather_than_a_guess(pauses):
    with scripted(DROP, listed(MADE, {**MADE, "id": "2222"})) as party, pytest.raises(Failed, match="2 of that name"):
        konnect(party).create("/v3/apis", BODY)


def test_what_has_no_name_is_found_as_the_caller_says(pauses):
    with scripted(DROP, listed({"id": "3333"})) as party:
        client = konnect(party)
        link = client.create(
            "/v3/apis/1/implementations", {}, lambda: next(client.all("/v3/api-implementations"), None)
        )
    assert link == {"id": "3333"}


@lost
def test_a_mock_is_asked_once(answer, pauses):
    with scripted(answer) as party:
        with pytest.raises((Failed, Unreachable)):
            konnect(party, patient=False).create("/v3/apis", BODY)
        assert len(party.asked) == 1


@lost
def test_an_application_whose_secret_was_lost_is_deleted_and_created_again(answer, pauses):
    """The secret is shown once: the first application's is lost."""
    made_anew = answered(201, {**MADE, "id": "8888", "client_secret": "shown once"})
    with scripted(answer, listed(OTHER, MADE), answered(204, {}), made_anew) as party:
        exchange = PortalClient(connected(party), party.base).create_application(BODY)
    assert (exchange.status, exchange.object()["id"]) == (201, "8888")
    assert party.asked[0] == "POST /api/v3/applications"
    assert party.asked[1].startswith("GET /api/v3/applications?page")
    assert party.asked[2:] == ["DELETE /api/v3/applications/7d0c", "POST /api/v3/applications"]


def test_an_application_that_cannot_be_deleted_is_not_created_twice(pauses):
    with scripted(DROP, listed(MADE), unavailable(409)) as party:
        assert PortalClient(connected(party), party.base).create_application(BODY).status == 409
        assert [asked.partition(" ")[0] for asked in party.asked] == ["POST", "GET", "DELETE"]


# --- the ledger ---


def test_the_ledger_learns_the_id_of_what_was_found(pauses):
    """Without it the run could not use the thing: it touches only what its ledger names."""
    with scripted(DROP, listed(OTHER, MADE), answered(200, MADE)) as party:
        target = Target(
            Profile("a test", RunSettings(Mode.PROVISION), konnect=Described(url=party.base, token=Secret("a token")))
        )
        client = target.konnect()
        assert client.create("/v3/apis", BODY) == MADE
        assert [(entry.kind.name, entry.name, entry.id) for entry in target.ledger.pending] == [
            ("API", MADE["name"], MADE["id"])
        ]
        client.patch(f"/v3/apis/{MADE['id']}", {"description": "ours"})
        target.close()


def test_an_application_that_was_found_may_be_deleted_by_the_run(pauses):
    made_anew = answered(201, {**MADE, "id": "8888", "client_id": "a client", "client_secret": "shown once"})
    with scripted(DROP, listed(OTHER, MADE), answered(204, {}), made_anew) as party:
        target = Target(Profile("a test", portal=DescribedPortal(url=party.base)))
        assert target.portal().create_application(BODY).status == 201
        assert [(entry.kind.name, entry.id) for entry in target.ledger.pending] == [("application", "8888")]
        target.close()
