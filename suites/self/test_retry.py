"""Which requests are sent again to a live party, and when; over real sockets, with recorded pauses."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from connections import Recorded, Scripted, answered, scripted
from hypothesis import given
from hypothesis import strategies as st

from conftest import Ran
from dcrproof.core.checks.outcomes import Unreachable
from dcrproof.core.http.exchange import Exchange, Transcript, now
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.http.retry import ATTEMPTS, ATTEMPTS_UNANSWERED, Retry, retry_after
from dcrproof.core.http.run_time import RunTime
from dcrproof.core.parties.authorization_server import AuthorizationServer, ClientRegistration
from dcrproof.core.parties.gateway import Consumer
from dcrproof.core.parties.konnect import KonnectClient
from dcrproof.core.parties.portal import PortalClient
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.model import CuritySettings, GatewaySettings, Mocked, Profile, RouteSettings
from dcrproof.core.profile.model import KonnectSettings as DescribedKonnect
from dcrproof.core.profile.model import PortalSettings as DescribedPortal
from dcrproof.core.secrets.secret import Secret

DROP = b""
OK = answered(200, {"done": True})


def status(code: int, *headers: str) -> bytes:
    return answered(code, {"status": code}, *headers)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; none of them takes any time."""
    made: list[float] = []
    monkeypatch.setattr("dcrproof.core.http.retry.pause", lambda _, seconds: made.append(seconds))
    return made


def patient(party: Scripted, deadline: float = 120.0, **shared: dict[str, float]) -> PartyConnection:
    return PartyConnection("konnect", party.base, Recorded(), retry=Retry("konnect", deadline, **shared))


def statuses(http: PartyConnection) -> list[int]:
    return [exchange.status for exchange in http.transcript.exchanges]


# --- Retry-After ---


def said(value: str, date: str | None = "Tue, 24 Nov 2026 08:00:00 GMT") -> Exchange:
    headers = (("retry-after", value), *((("date", date),) if date else ()))
    return Exchange(
        number=1,
        at=now(),
        party="konnect",
        method="GET",
        url="https://a",
        status=429,
        request_headers=(),
        request_body=b"",
        headers=headers,
        body=b"",
        seconds=0.0,
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("Tue, 24 Nov 2026 08:00:30 GMT", 30.0),
        ("Tuesday, 24-Nov-26 08:00:30 GMT", 30.0),
        ("Tue Nov 24 08:00:30 2026", 30.0),
        ("Tue, 24 Nov 2026 07:00:00 GMT", 0.0),
        ("99999999", 99999999.0),
        ("9" * 5000, float("inf")),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("7, 8", None),
        ("Tue, 99 Nov 2026 08:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_nothing_else(value, seconds):
    assert retry_after(said(value)) == seconds


def test_a_date_is_compared_with_the_date_of_the_answer_not_with_our_clock():
    """Their clock is years behind ours; the pause is a minute all the same."""
    assert retry_after(said("Thu, 01 Jan 2015 00:01:00 GMT", "Thu, 01 Jan 2015 00:00:00 GMT")) == 60.0


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_retry_after_is_read_or_ignored(value):
    found = retry_after(said(value, None))
    assert found is None or found >= 0.0


@pytest.mark.parametrize("code", [429, 503])
def test_a_pause_is_as_long_as_the_party_asks_for(code, pauses):
    with scripted(status(code, "retry-after: 17"), OK) as party:
        http = patient(party)
        assert http.send("GET", f"{party.base}/").status == 200
    assert statuses(http) == [code, 200]
    assert 17.0 <= sum(pauses) < 18.0


def test_a_pause_may_be_given_as_a_date(pauses):
    dates = ("date: Tue, 24 Nov 2026 08:00:00 GMT", "retry-after: Tue, 24 Nov 2026 08:00:40 GMT")
    with scripted(status(429, *dates), OK) as party:
        assert patient(party).send("GET", f"{party.base}/").status == 200
    assert pauses == [40.0]


@pytest.mark.parametrize("value", ["0", "soon", "Tue, 24 Nov 2020 08:00:40 GMT"])
def test_without_a_valid_time_the_pauses_grow(value, pauses):
    with scripted(*[status(429, f"retry-after: {value}")] * 4, OK) as party:
        assert patient(party).send("GET", f"{party.base}/").status == 200
    assert [0.5 <= pauses[0] < 1.0, 1.0 <= pauses[1] < 1.5, 2.0 <= pauses[2] < 2.5, 4.0 <= pauses[3] < 4.5] == [
        True
    ] * 4


@pytest.mark.parametrize("value", ["86400", "9" * 5000, "Tue, 24 Nov 2099 08:00:40 GMT"])
@pytest.mark.parametrize("code", [429, 503])
def test_a_party_that_asks_for_more_time_than_the_run_has_is_unreachable_at_once(code, value, pauses):
    """It says nothing about a setting: the verdict names no step, and the run ends with 6 unless something failed."""
    with scripted(status(code, f"retry-after: {value}")) as party, pytest.raises(Unreachable) as caught:
        patient(party).send("GET", f"{party.base}/portals")
    assert pauses == []
    assert f"/portals -> {code}, Retry-After: {value[:20]}" in caught.value.observed
    assert "[run] deadlines.patience is 120 seconds" in caught.value.observed


def test_the_pauses_of_one_request_are_never_longer_than_its_deadline(pauses):
    with scripted(status(429, "retry-after: 30")) as party, pytest.raises(Unreachable, match="attempt 4"):
        patient(party, 100.0).send("GET", f"{party.base}/")
    assert pauses == [30.0, 30.0, 30.0]


def test_without_retry_everything_is_sent_once(pauses):
    for answer in (status(429, "retry-after: 1"), status(503)):
        with scripted(answer) as party:
            http = PartyConnection("konnect", party.base, Transcript())
            http.send("GET", f"{party.base}/")
            assert len(party.asked) == 1
    assert pauses == []


# --- what may be repeated ---


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
@pytest.mark.parametrize("code", [502, 503, 504])
def test_an_idempotent_request_is_sent_again_to_an_overloaded_party(method, code, pauses):
    with scripted(status(code), status(code), OK) as party:
        http = patient(party)
        assert http.send(method, f"{party.base}/").status == 200
    assert statuses(http) == [code, code, 200]
    assert [repeat.after for repeat in http.retry.repeats] == [str(code)] * 2


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_idempotent_request_is_sent_again_where_the_answer_was_lost(method, pauses):
    with scripted(DROP, DROP, OK) as party:
        http = patient(party)
        assert http.send(method, f"{party.base}/").status == 200
    assert (statuses(http), len(http.transcript.unanswered)) == ([200], 2)
    assert [exchange.number for exchange in http.transcript.exchanges] == [3]


@pytest.mark.parametrize("answer", [status(502), status(503), status(503, "retry-after: 1"), status(504), DROP])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_creation_with_an_unknown_outcome_is_never_sent_again(method, answer, pauses):
    with scripted(answer, OK) as party:
        http = patient(party)
        try:
            http.send(method, f"{party.base}/v3/apis", body=b"{}")
        except Unreachable as outcome:
            assert outcome.lost
    assert (len(party.asked), pauses) == (1, [])


def test_a_creation_is_sent_again_after_429_which_says_that_it_was_not_done(pauses):
    with scripted(status(429), status(201)) as party:
        http = patient(party)
        assert http.send("POST", f"{party.base}/v3/apis", body=b"{}").status == 201
    assert statuses(http) == [429, 201]


def test_a_creation_is_sent_again_where_no_connection_was_established(pauses):
    with scripted(status(201)) as party:
        pass
    http = patient(party)
    with pytest.raises(Unreachable, match="connection refused") as caught:
        http.send("POST", f"{party.base}/v3/apis", body=b"{}")
    assert not caught.value.lost
    assert len(http.transcript.unanswered) == ATTEMPTS_UNANSWERED
    assert len(pauses) == ATTEMPTS_UNANSWERED - 1


@pytest.mark.parametrize("code", [200, 201, 204, 301, 400, 401, 403, 404, 405, 409, 422, 500, 501])
def test_a_final_answer_is_returned_at_once(code, pauses):
    with scripted(status(code)) as party:
        assert patient(party).send("GET", f"{party.base}/").status == code
        assert len(party.asked) == 1


def test_the_last_answer_of_a_lasting_outage_is_returned(pauses):
    with scripted(status(503)) as party:
        http = patient(party)
        assert http.send("GET", f"{party.base}/").status == 503
    assert statuses(http) == [503] * ATTEMPTS


def registration(base: str) -> ClientRegistration:
    return ClientRegistration("a client", Secret("a secret"), {}, f"{base}/clients/1", Secret("a registration token"))


ONCE: dict[str, Callable[[PartyConnection, str], Exchange]] = {
    "a registration is read": lambda http, base: AuthorizationServer(http, base).read(registration(base)),
    "a registration is updated": lambda http, base: AuthorizationServer(http, base).update(registration(base), {}),
    "a registration is deleted": lambda http, base: AuthorizationServer(http, base).delete(registration(base)),
    "Konnect deletes": lambda http, base: KonnectClient(http, base, Secret("a token")).delete("/v3/apis/1"),
    "the portal deletes": lambda http, base: PortalClient(http, base).delete("/applications/1"),
}
AGAIN: dict[str, Callable[[PartyConnection, str], Exchange]] = {
    "a token": lambda http, base: AuthorizationServer(http, base).form(f"{base}/token", {}, "id", Secret("secret")),
    "a session": lambda http, base: PortalClient(http, base).authenticate("a@example.com", Secret("a password")),
    "a list": lambda http, base: KonnectClient(http, base, Secret("a token")).get("/v3/apis"),
}


@pytest.mark.parametrize("what", ONCE)
@pytest.mark.parametrize("answer", [DROP, status(503)], ids=["lost", "503"])
def test_a_request_whose_answer_changes_the_second_time_is_sent_once(what, answer, pauses):
    """Curity replaces secret and token with each read; a second deletion is answered with 401 or 404."""
    with scripted(answer, OK) as party:
        try:
            ONCE[what](patient(party), party.base)
        except Unreachable as outcome:
            assert outcome.lost
    assert len(party.asked) == 1


@pytest.mark.parametrize("what", [*ONCE, *AGAIN])
def test_a_request_rejected_with_429_is_sent_again(what, pauses):
    with scripted(status(429, "retry-after: 3"), OK) as party:
        assert {**ONCE, **AGAIN}[what](patient(party), party.base).status == 200
    assert len(party.asked) == 2


@pytest.mark.parametrize("what", AGAIN)
@pytest.mark.parametrize("answer", [DROP, status(503)], ids=["lost", "503"])
def test_a_harmless_request_is_sent_again(what, answer, pauses):
    with scripted(answer, OK) as party:
        assert AGAIN[what](patient(party), party.base).status == 200
    assert len(party.asked) == 2


# --- what is new ---

MADE = answered(201, {"id": "7d0c"})


@pytest.mark.parametrize("code", [403, 404])
def test_what_was_just_created_may_be_unknown_for_a_moment(code, pauses):
    with scripted(MADE, status(code), status(code), OK) as party:
        http = patient(party)
        http.send("POST", f"{party.base}/v3/apis", body=b"{}")
        assert http.send("POST", f"{party.base}/v3/apis/7d0c/versions", body=b"{}").status == 200
    assert statuses(http) == [201, code, code, 200]


def test_what_was_put_may_be_unknown_for_a_moment(pauses):
    with scripted(OK, status(404), OK) as party:
        http = patient(party)
        http.send("PUT", f"{party.base}/v3/apis/1/publications/2", body=b"{}")
        assert http.send("GET", f"{party.base}/v3/apis/1/publications/2").status == 200


def test_what_another_connection_of_the_run_created_is_new_as_well(pauses):
    """An application is created in the portal; Konnect's admin API may know it later."""
    new: dict[str, float] = {}
    with scripted(MADE, OK, status(404), OK) as party:
        portal, konnect = patient(party, new=new), patient(party, new=new)
        portal.send("POST", f"{party.base}/applications", body=b"{}")
        assert portal.send("GET", f"{party.base}/applications/7d0c").status == 200
        assert konnect.send("GET", f"{party.base}/v3/portals/1/applications/7d0c").status == 200
    assert len(pauses) == 1


def test_what_was_seen_once_is_gone_if_it_is_not_found(pauses):
    with scripted(MADE, OK, status(404)) as party:
        http = patient(party)
        http.send("POST", f"{party.base}/v3/apis", body=b"{}")
        http.send("GET", f"{party.base}/v3/apis/7d0c")
        assert http.send("GET", f"{party.base}/v3/apis/7d0c").status == 404
    assert pauses == []


def test_what_was_deleted_is_gone_for_every_connection(pauses):
    new: dict[str, float] = {}
    with scripted(MADE, status(204), status(404)) as party:
        portal, konnect = patient(party, new=new), patient(party, new=new)
        portal.send("POST", f"{party.base}/applications", body=b"{}")
        portal.send("DELETE", f"{party.base}/applications/7d0c")
        assert konnect.send("GET", f"{party.base}/v3/portals/1/applications/7d0c").status == 404
    assert pauses == []


def test_what_was_deleted_together_with_something_else_is_gone(pauses):
    """An application is deleted with its developer, and no path says so."""
    with scripted(MADE, answered(201, {"id": "8888"}), status(204), status(404)) as party:
        http = patient(party)
        http.send("POST", f"{party.base}/v3/portals/1/developers", body=b"{}")
        http.send("POST", f"{party.base}/v3/portals/1/applications", body=b"{}")
        http.send("DELETE", f"{party.base}/v3/portals/1/developers/7d0c")
        assert http.send("GET", f"{party.base}/v3/portals/1/applications/8888").status == 404
    assert pauses == []


def test_what_is_not_found_after_half_a_minute_does_not_exist(pauses, monkeypatch):
    with scripted(MADE, status(404)) as party:
        http = patient(party)
        http.send("POST", f"{party.base}/v3/apis", body=b"{}")
        assert http.send("GET", f"{party.base}/v3/apis/7d0c").status == 404
        assert len(pauses) == ATTEMPTS - 1
        assert sum(pauses) > 30.0
        pauses.clear()
        monkeypatch.setattr("dcrproof.core.http.retry.SETTLING", -1.0)
        assert http.send("GET", f"{party.base}/v3/apis/7d0c").status == 404
    assert pauses == []


def test_what_the_run_has_not_created_is_judged_at_once(pauses):
    with scripted(MADE, status(404)) as party:
        http = patient(party)
        http.send("POST", f"{party.base}/v3/apis", body=b"{}")
        assert http.send("GET", f"{party.base}/v3/apis/1111").status == 404
    assert pauses == []


def test_a_party_gets_no_more_time_in_a_run_than_twice_that_of_a_request(pauses):
    time = RunTime()
    with scripted(status(429, "retry-after: 30")) as party:
        for _ in range(10):
            http = patient(party, 60.0)
            http.retry.time = time
            with pytest.raises(Unreachable):
                http.send("GET", f"{party.base}/")
    assert sum(pauses) <= 120.0
    assert len(pauses) == 4


# --- where patience belongs ---


@pytest.mark.parametrize(
    ("scripted_answers", "seen", "paused"),
    [
        ([status(429, "Retry-After: 7", "Via: kong"), status(200, "Via: kong")], [429, 200], [7.0]),
        ([status(503, "Retry-After: 7", "Via: kong")], [503], []),
        ([status(403, "Via: kong")], [403], []),
    ],
)
def test_only_429_of_the_route_is_not_an_answer(scripted_answers, seen, paused, pauses):
    with scripted(*scripted_answers) as gateway:
        http = PartyConnection("gateway", gateway.base, Recorded(), consumer=True, retry=Retry("gateway", 120.0))
        Consumer(http, gateway.base, RouteSettings("/")).call()
    assert statuses(http) == seen
    assert [int(pause) for pause in pauses] == [int(pause) for pause in paused]


def test_requests_to_mocks_are_sent_again_as_those_to_live_parties_are():
    profile = Profile(
        "a test",
        curity=CuritySettings(issuer="https://idsvr.example.com"),
        konnect=DescribedKonnect(url="https://eu.api.konghq.com", token=Secret("a token")),
        portal=DescribedPortal(url="http://127.0.0.1:1", mocked=Mocked("http://127.0.0.1:2")),
        gateway=GatewaySettings(url="https://gateway.example.com", routes=(RouteSettings("/"),)),
    )
    target = Target(profile, {"portal": None})
    made = [target.authorization_server(), target.konnect(), target.portal(), target.consumer()]
    assert [client.http.retry.deadline for client in made] == [120.0] * 4


def inspected(run_checks: Callable[..., Ran], folder: Path, base: str, *options: str) -> Ran:
    (folder / "token").write_text("kpat_Gq7vX2mNp4Rt9Wz1")
    profile = folder / "profile.toml"
    profile.write_text(
        f'[run]\nmode = "inspect"\nparallel = true\n[konnect]\nurl = "{base}"\ntoken = {{ file = "token" }}\n'
    )
    return run_checks("--dcr-check", "konnect.authenticated", *options, profile=profile)


def test_a_tenant_without_time_for_the_run_is_unreachable_and_no_step_is_named(run_checks, tmp_path):
    with scripted(status(429, "retry-after: 3600")) as party:
        ran = inspected(run_checks, tmp_path, party.base)
    assert ran.code == 6, ran.output
    assert "-> 429, Retry-After: 3600; given up at attempt 1, [run] deadlines.patience is 120 seconds" in ran.output
    assert not re.search(r"^  step +konnect", ran.output, re.MULTILINE)


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["serial", "worker"])
def test_a_run_reports_its_retries(run_checks, tmp_path, workers):
    listed = answered(200, {"data": [], "meta": {"page": {"total": 0}}})
    with scripted(status(503), listed) as party:
        ran = inspected(run_checks, tmp_path, party.base, *workers)
    assert ran.verdicts == {"konnect.authenticated": "passed"}, ran.output
    assert re.search(r"retries    konnect: 1 request\(s\) retried after 503 1x; [01]\.", ran.output)


@pytest.mark.parametrize(
    ("seconds", "waited", "may"), [(120, 0, True), (121, 0, False), (60, 60, True), (60, 61, False)]
)
def test_one_request_waits_no_longer_than_its_deadline(seconds, waited, may):
    assert Retry("konnect", 120.0).may_wait(seconds, waited) is may
    assert waited or Retry("konnect", 120.0).may_wait(seconds) is may
