"""Clean-up with exact answers: what it reads before it deletes, what it retries, and what it leaves alone."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx
from test_ledger import CURITY, KONNECT, PORTAL, PROFILE, REGISTER, answer, registered, send

from dcrproof.core.cleanup.clean_up import CleanedUp, clean_up
from dcrproof.core.http.exchange import Request
from dcrproof.core.ledger.watch import watch
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.model import Mode, RunSettings

APIS = f"{KONNECT}/v3/apis"
TOKENS = f"{CURITY}/token"
MARK = "dcrproof 0123abcd"
OURS = {"id": "a1", "name": MARK}
RENAMED = {"id": "a1", "name": "ours now"}


@pytest.fixture
def network() -> Iterator[respx.Router]:
    """The only network; an unexpected request fails."""
    with respx.mock(assert_all_called=False) as router:
        router.get(f"{CURITY}/.well-known/openid-configuration").respond(json={"token_endpoint": TOKENS})
        yield router


@pytest.fixture
def target() -> Iterator[Target]:
    found = Target(replace(PROFILE, run=RunSettings(mode=Mode.PROVISION)))
    found.ledger.mark = MARK
    yield found
    found.close()


def page(*items: dict[str, Any], total: int | None = None) -> httpx.Response:
    meta = {} if total is None else {"meta": {"page": {"total": total}}}
    return httpx.Response(200, json={"data": list(items), **meta})


def made(target: Target, collection: str = APIS, party: str = "konnect", id: str = "a1", name: str = MARK) -> None:
    send(target.ledger, party, "POST", collection, {"name": name}, status=201, content={"id": id, "name": name})


def cleaned(target: Target, retry_for: float = 3.0) -> CleanedUp:
    return clean_up(target, target.ledger, retry_for=retry_for, lost_for=0.0)


# What is new, and what is gone


def test_what_was_just_created_may_be_unknown_yet(network, target):
    made(target)
    network.get(APIS, params={"page[number]": 1}).side_effect = lambda _: page()
    network.get(f"{APIS}/a1").side_effect = [httpx.Response(404), httpx.Response(404), httpx.Response(200, json=OURS)]
    deleted = network.delete(f"{APIS}/a1").respond(204)
    done = cleaned(target)
    assert (len(done.deleted), done.failed, deleted.call_count) == (1, [], 1)


def test_what_stays_unknown_is_gone(network, target):
    made(target)
    network.get(APIS).side_effect = lambda _: page()
    network.get(f"{APIS}/a1").respond(404)
    done = cleaned(target, retry_for=0.3)
    assert (len(done.deleted), done.failed, target.ledger.pending) == (1, [], [])


def test_what_its_party_has_shown_before_is_gone_at_once(network, target):
    made(target)
    send(target.ledger, "konnect", "GET", f"{APIS}/a1", status=200, content=OURS)
    network.get(APIS).side_effect = lambda _: page()
    shown = network.get(f"{APIS}/a1").respond(404)
    done = cleaned(target)
    assert (len(done.deleted), shown.call_count) == (1, 1)


def test_a_refusal_right_after_the_creation_is_not_final(network, target):
    made(target)
    network.get(APIS).side_effect = [page(OURS), page(OURS), page()]
    network.delete(f"{APIS}/a1").side_effect = [httpx.Response(403), httpx.Response(204)]
    done = cleaned(target)
    assert (len(done.deleted), done.failed) == (1, [])


def test_a_deletion_whose_answer_says_nothing_may_have_been_done(network, target):
    made(target)
    network.get(APIS).side_effect = [page(OURS), page(), page()]
    network.get(f"{APIS}/a1").respond(404)
    network.delete(f"{APIS}/a1").respond(503)
    done = cleaned(target)
    assert (len(done.deleted), done.failed) == (1, [])


# Whose it is


def test_an_incomplete_list_is_not_final(network, target):
    made(target)
    network.get(APIS).side_effect = lambda _: page({"id": "b", "name": "somebody's"}, total=1)
    network.get(f"{APIS}/a1").respond(json=RENAMED)
    done = cleaned(target)
    assert done.left == [
        f"API '{MARK}' a1 in Konnect: it no longer has the mark '{MARK}', and was left alone (owner: Konnect admins)"
    ]


def test_a_list_with_small_pages_is_read_to_its_end(network, target):
    made(target)
    pages = {"1": page({"id": "b", "name": "somebody's"}, total=2), "2": page(RENAMED, total=2)}
    network.get(APIS).side_effect = lambda request: pages[request.url.params["page[number]"]]
    done = cleaned(target)
    assert (len(done.left), done.deleted) == (1, [])


def test_what_is_part_of_something_adopted_is_left_with_it(network, target):
    made(target)
    send(target.ledger, "konnect", "POST", f"{APIS}/a1/implementations", {}, status=201, content={"id": "i1"})
    send(target.ledger, "konnect", "PUT", f"{APIS}/a1/publications/p1", {}, status=201, content={})
    applications = f"{PORTAL}/api/v3/applications"
    made(target, applications, "portal", "app1")
    send(target.ledger, "portal", "POST", f"{applications}/app1/registrations", {}, status=201, content={"id": "r1"})
    network.get(APIS).side_effect = lambda _: page(RENAMED)
    session = {"set-cookie": "portalaccesstoken=a-session-of-the-developer; Path=/"}
    network.post(f"{PORTAL}/api/v3/developer/authenticate").respond(204, headers=session)
    network.get(applications).side_effect = lambda _: page({"id": "app1", "name": "ours now"})
    done = cleaned(target)
    assert (len(done.left), done.deleted, done.failed) == (5, [], [])
    assert "the application app1, which it is part of, no longer has the mark" in done.left[0]
    assert {call.request.method for call in network.calls} == {"GET", "POST"}


def test_a_plugin_stays_with_the_adopted_service(network, target):
    core = f"{KONNECT}/v2/control-planes/c1/core-entities"
    made(target, f"{core}/services", id="s1")
    send(target.ledger, "konnect", "POST", f"{core}/services/s1/plugins", {}, status=201, content={"id": "g1"})
    network.get(f"{core}/services").side_effect = lambda _: page({"id": "s1", "name": "ours now"})
    network.get(f"{core}/plugins").side_effect = lambda _: page({"id": "g1", "service": {"id": "s1"}})
    done = cleaned(target)
    assert (len(done.left), done.deleted) == (2, [])


# Retries


@pytest.mark.parametrize("status", [429, 503])
def test_a_party_is_not_asked_before_the_time_that_it_named(network, target, status):
    made(target)
    asked = network.get(APIS).respond(status, headers={"retry-after": "20"})
    done = cleaned(target, retry_for=0.5)
    assert asked.call_count == 1
    assert re.search("time for this clean-up.*konnect wants to be asked again in (19|20) seconds", done.failed[0])


def test_a_sign_in_that_fails_for_the_moment_is_retried(network, target):
    applications = f"{PORTAL}/api/v3/applications"
    made(target, applications, "portal", "app1")
    session = httpx.Response(204, headers={"set-cookie": "portalaccesstoken=a-session-of-the-developer"})
    network.post(f"{PORTAL}/api/v3/developer/authenticate").side_effect = [httpx.Response(503), session]
    network.get(applications).side_effect = [page({"id": "app1", "name": MARK}), page()]
    network.delete(f"{applications}/app1").respond(204)
    done = cleaned(target)
    assert (len(done.deleted), done.failed) == (1, [])


@pytest.mark.parametrize("hiccup", [httpx.Response(500), httpx.Response(429), httpx.ReadTimeout("late")], ids=str)
def test_the_proof_is_retried(network, target, hiccup):
    made(target)
    client(target)
    network.get(APIS).side_effect = [page(OURS), hiccup, page()]
    network.delete(f"{APIS}/a1").respond(204)
    network.delete(f"{REGISTER}/c1").respond(204)
    refused = httpx.Response(401, json={"error": "invalid_client"})
    network.post(TOKENS).side_effect = [hiccup, refused, refused]
    done = cleaned(target)
    assert (len(done.deleted), done.failed, done.alive, done.tried) == (2, [], [], 1)


def client(target: Target) -> None:
    send(target.ledger, "curity", "POST", REGISTER, {"client_name": MARK}, status=201, content=registered("c1"))


@pytest.mark.parametrize(
    ("status", "error", "proved"),
    [(401, "", True), (400, "invalid_client", True), (400, "unauthorized_client", False), (403, "", False)],
)
def test_only_an_unknown_client_is_gone(network, target, status, error, proved):
    client(target)
    network.delete(f"{REGISTER}/c1").respond(204)
    network.post(TOKENS).respond(status, json={"error": error})
    done = cleaned(target, retry_for=0.2)
    assert done.tried == proved
    assert [text.partition(":")[0] for text in done.failed] == (
        [] if proved else ["whether client c1 still gets tokens is unknown"]
    )


def test_clients_whose_deletion_a_page_has_answered_are_named_where_they_cannot_be_tried(network, target):
    """Any 2xx deletes a client (RFC 9110 9.3.5), and a page of maintenance is one."""
    for id in ("c1", "c2"):
        send(
            target.ledger,
            "curity",
            "POST",
            REGISTER,
            {"client_name": f"{MARK} {id}"},
            status=201,
            content=registered(id),
        )
        network.delete(f"{REGISTER}/{id}").respond(200, html="<p>maintenance</p>")
    network.post(TOKENS).respond(200, html="<p>maintenance</p>")
    (text,) = cleaned(target, retry_for=0.2).failed
    assert text.startswith("whether clients still get tokens is unknown: ")
    assert text.endswith(f"(c2 of client '{MARK} c2', c1 of client '{MARK} c1')")


def test_the_deletion_of_a_client_may_have_been_done_before_a_503(network, target):
    client(target)
    network.delete(f"{REGISTER}/c1").side_effect = [httpx.Response(503), httpx.Response(401)]
    network.post(TOKENS).respond(401)
    done = cleaned(target)
    assert (len(done.deleted), done.failed, done.left) == (1, [], [])


def test_a_client_whose_registration_was_answered_with_503_may_exist(target):
    send(target.ledger, "curity", "POST", REGISTER, {"client_name": MARK}, status=503)
    assert "never answered, so it may exist" in cleaned(target).left[0]


# The proof


def test_what_a_check_has_deleted_itself_is_looked_for_as_well(network, target):
    made(target)
    send(target.ledger, "konnect", "DELETE", f"{APIS}/a1", status=204)
    network.get(APIS).side_effect = lambda _: page(OURS)
    done = cleaned(target, retry_for=0.2)
    assert done.failed == ["API a1: still listed in Konnect with the mark of this run (owner: Konnect admins)"]


def test_a_list_that_may_not_be_read_is_reported_once(network, target):
    made(target)
    send(target.ledger, "konnect", "DELETE", f"{APIS}/a1", status=204)
    network.get(APIS).respond(500, text=json.dumps({"status": 500}), content_type="application/problem+json")
    done = cleaned(target, retry_for=0.2)
    assert [text.partition(": ")[0] for text in done.failed] == ["whether any API is left is unknown"]


# What is unknown


def test_a_lost_creation_without_the_mark_is_not_deleted(network, target):
    send(target.ledger, "konnect", "POST", APIS, {"name": "accounts"})
    network.get(APIS).side_effect = lambda _: page({"id": "b", "name": "accounts"})
    done = cleaned(target)
    assert (len(done.left), done.deleted, network.calls.call_count) == (1, [], 0)
    assert "cannot be distinguished from other people's" in done.left[0]


def test_a_lost_plugin_is_recognised_by_its_service(network, target):
    core = f"{KONNECT}/v2/control-planes/c1/core-entities"
    made(target, f"{core}/services", id="s1")
    send(target.ledger, "konnect", "POST", f"{core}/services/s1/plugins", {})
    network.get(f"{core}/services").side_effect = [page({"id": "s1", "name": MARK}), page()]
    others = page({"id": "g1", "service": {"id": "another"}}, {"id": "g2", "service": {"id": "s1"}})
    network.get(f"{core}/plugins").side_effect = lambda _: others
    deleted = [network.delete(f"{core}/{what}").respond(204) for what in ("plugins/g2", "services/s1")]
    done = cleaned(target)
    assert (len(done.deleted), [route.call_count for route in deleted]) == (2, [1, 1])


def test_a_list_that_is_not_found_says_nothing_of_what_was_lost(network, target):
    send(target.ledger, "konnect", "POST", APIS, {"name": MARK})
    network.get(APIS).side_effect = [httpx.Response(404), page(OURS), page()]
    network.delete(f"{APIS}/a1").respond(204)
    done = cleaned(target)
    assert (len(done.deleted), done.failed) == (1, [])


def test_what_was_never_created_is_looked_for_at_the_end_as_well(network, target):
    send(target.ledger, "konnect", "POST", APIS, {"name": MARK})
    network.get(APIS).side_effect = [page(), *[page(OURS)] * 9]
    done = cleaned(target, retry_for=0.2)
    assert done.failed == ["API a1: still listed in Konnect with the mark of this run (owner: Konnect admins)"]


@pytest.mark.parametrize("status", [403, 500])
def test_an_error_of_one_list_does_not_stop_the_others(network, target, status):
    strategies = f"{KONNECT}/v2/application-auth-strategies"
    made(target)
    made(target, strategies, id="s1")
    network.get(APIS).respond(status)
    network.get(strategies).side_effect = [page({"id": "s1", "name": MARK}), *[page({"id": "s2", "name": MARK})] * 9]
    network.delete(f"{strategies}/s1").respond(204)
    done = cleaned(target, retry_for=0.3)
    assert len(done.deleted) == 1
    assert f"-> {status}" in done.failed[0]
    assert "auth strategy s2: still listed in Konnect" in done.failed[1]


def test_a_wrong_password_is_tried_once(network, target):
    applications = f"{PORTAL}/api/v3/applications"
    for id in ("app1", "app2"):
        made(target, applications, "portal", id)
    made(target)
    network.get(APIS).respond(500)
    signs_in = network.post(f"{PORTAL}/api/v3/developer/authenticate").respond(401)
    done = cleaned(target, retry_for=0.5)
    assert (len(done.failed), signs_in.call_count) == (3, 1)


def test_a_portal_waits_for_its_applications_and_is_deleted_with_them_in_the_end(network, target):
    own = {"id": "p1", "name": MARK, "canonical_domain": "own.portals.example"}
    made(target, f"{KONNECT}/v3/portals", id="p1")
    base = "https://own.portals.example"
    url = f"{base}/api/v3/applications"
    made_there = {"id": "app1", "credentials": {"client_id": "c1", "client_secret": "the secret of c1"}}
    answered = watch(
        target.ledger,
        Request(
            party="portal",
            base=base,
            method="POST",
            url=url,
            media_type="application/json",
            body=json.dumps({"name": MARK}).encode(),
        ),
    )
    answered(answer("portal", "POST", url, 201, made_there))
    asked = network.post("https://own.portals.example/api/v3/developer/authenticate").mock(
        side_effect=httpx.ConnectError
    )
    network.get(f"{KONNECT}/v3/portals").side_effect = lambda _: page(*([own] if not deleted.called else []))
    deleted = network.delete(f"{KONNECT}/v3/portals/p1").respond(204)
    network.post(TOKENS).respond(401)
    done = cleaned(target, retry_for=0.4)
    assert (len(done.deleted), done.failed, done.tried) == (2, [], 1)
    assert asked.call_count > 1


def test_a_client_that_accepts_only_post_is_not_gone_because_basic_is_rejected(network, target):
    client(target)
    network.delete(f"{REGISTER}/c1").respond(204)
    network.post(TOKENS).side_effect = lambda request: httpx.Response(
        200 if b"client_secret" in request.content else 401
    )
    assert len(cleaned(target).alive) == 1
