"""The clean-up against exact answers: what it looks at before it deletes, what it asks again, and what it leaves alone."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx
from test_ledger import CURITY, KONNECT, PORTAL, PROFILE, REGISTER, registered, send

from dcrproof.clean_up import CleanedUp, clean_up
from dcrproof.profile import Mode, Run
from dcrproof.target import Target

APIS = f"{KONNECT}/v3/apis"
TOKENS = f"{CURITY}/token"
MARK = "dcrproof 0123abcd"
OURS = {"id": "a1", "name": MARK}
RENAMED = {"id": "a1", "name": "ours now"}


@pytest.fixture
def network() -> Iterator[respx.Router]:
    """The only network there is; a request that no test has foreseen fails."""
    with respx.mock(assert_all_called=False) as router:
        router.get(f"{CURITY}/.well-known/openid-configuration").respond(json={"token_endpoint": TOKENS})
        yield router


@pytest.fixture
def target() -> Iterator[Target]:
    found = Target(replace(PROFILE, run=Run(mode=Mode.PROVISION)))
    found.ledger.mark = MARK
    yield found
    found.close()


def page(*items: dict[str, Any], total: int | None = None) -> httpx.Response:
    meta = {} if total is None else {"meta": {"page": {"total": total}}}
    return httpx.Response(200, json={"data": list(items), **meta})


def made(target: Target, collection: str = APIS, party: str = "konnect", id: str = "a1", name: str = MARK) -> None:
    send(target.ledger, party, "POST", collection, {"name": name}, status=201, content={"id": id, "name": name})


def cleaned(target: Target, patience: float = 3.0) -> CleanedUp:
    return clean_up(target, target.ledger, patience=patience, lost_for=0.0)


# What is new, and what is gone


def test_what_was_made_a_moment_ago_may_be_known_nowhere_yet(network, target):
    made(target)
    network.get(APIS, params={"page[number]": 1}).side_effect = lambda _: page()
    network.get(f"{APIS}/a1").side_effect = [httpx.Response(404), httpx.Response(404), httpx.Response(200, json=OURS)]
    deleted = network.delete(f"{APIS}/a1").respond(204)
    done = cleaned(target)
    assert (len(done.deleted), done.failed, deleted.call_count) == (1, [], 1)


def test_what_is_not_known_for_as_long_as_that_can_take_is_gone(network, target):
    made(target)
    network.get(APIS).side_effect = lambda _: page()
    network.get(f"{APIS}/a1").respond(404)
    done = cleaned(target, patience=0.3)
    assert (len(done.deleted), done.failed, target.ledger.pending) == (1, [], [])


def test_what_its_party_has_shown_before_is_gone_at_once(network, target):
    made(target)
    send(target.ledger, "konnect", "GET", f"{APIS}/a1", status=200, content=OURS)
    network.get(APIS).side_effect = lambda _: page()
    shown = network.get(f"{APIS}/a1").respond(404)
    done = cleaned(target)
    assert (len(done.deleted), shown.call_count) == (1, 1)


def test_a_refusal_right_after_the_creation_is_not_the_last_word(network, target):
    made(target)
    network.get(APIS).side_effect = [page(OURS), page(OURS), page()]
    network.delete(f"{APIS}/a1").side_effect = [httpx.Response(403), httpx.Response(204)]
    done = cleaned(target)
    assert (len(done.deleted), done.failed) == (1, [])


def test_a_deletion_whose_answer_was_lost_was_done(network, target):
    made(target)
    network.get(APIS).side_effect = [page(OURS), page(), page()]
    network.get(f"{APIS}/a1").respond(404)
    network.delete(f"{APIS}/a1").side_effect = httpx.ReadTimeout
    done = cleaned(target)
    assert (len(done.deleted), done.failed) == (1, [])


# Whose it is


def test_a_list_that_does_not_have_all_is_not_the_last_word(network, target):
    made(target)
    network.get(APIS).side_effect = lambda _: page({"id": "b", "name": "somebody's"}, total=1)
    network.get(f"{APIS}/a1").respond(json=RENAMED)
    done = cleaned(target)
    assert done.left == [
        f"API '{MARK}' a1 in Konnect: it bears the mark '{MARK}' no more, and was left alone (owner: Konnect admins)"
    ]


def test_a_list_is_read_to_its_end_however_small_its_pages_are(network, target):
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
    assert "the application app1, which it is part of, bears the mark" in done.left[0]
    assert {call.request.method for call in network.calls} == {"GET", "POST"}


def test_a_plugin_stays_with_the_adopted_service(network, target):
    core = f"{KONNECT}/v2/control-planes/c1/core-entities"
    made(target, f"{core}/services", id="s1")
    send(target.ledger, "konnect", "POST", f"{core}/services/s1/plugins", {}, status=201, content={"id": "g1"})
    network.get(f"{core}/services").side_effect = lambda _: page({"id": "s1", "name": "ours now"})
    network.get(f"{core}/plugins").side_effect = lambda _: page({"id": "g1", "service": {"id": "s1"}})
    done = cleaned(target)
    assert (len(done.left), done.deleted) == (2, [])


# Patience


@pytest.mark.parametrize("status", [429, 503])
def test_a_party_is_not_asked_before_the_time_that_it_named(network, target, status):
    made(target)
    asked = network.get(APIS).respond(status, headers={"retry-after": "20"})
    done = cleaned(target, patience=0.5)
    assert asked.call_count == 1
    assert re.search("konnect asks for (19|20) seconds more than this clean-up has had", done.failed[0])


def test_a_developer_who_cannot_sign_in_for_the_moment_does_so_later(network, target):
    applications = f"{PORTAL}/api/v3/applications"
    made(target, applications, "portal", "app1")
    session = httpx.Response(204, headers={"set-cookie": "portalaccesstoken=a-session-of-the-developer"})
    network.post(f"{PORTAL}/api/v3/developer/authenticate").side_effect = [httpx.Response(503), session]
    network.get(applications).side_effect = [page({"id": "app1", "name": MARK}), page()]
    network.delete(f"{applications}/app1").respond(204)
    done = cleaned(target)
    assert (len(done.deleted), done.failed) == (1, [])


@pytest.mark.parametrize("hiccup", [httpx.Response(500), httpx.Response(429), httpx.ReadTimeout("late")], ids=str)
def test_the_proof_is_tried_again(network, target, hiccup):
    made(target)
    client(target)
    network.get(APIS).side_effect = [page(OURS), hiccup, page()]
    network.delete(f"{APIS}/a1").respond(204)
    network.delete(f"{REGISTER}/c1").respond(204)
    network.post(TOKENS).side_effect = [hiccup, httpx.Response(401, json={"error": "invalid_client"})]
    done = cleaned(target)
    assert (len(done.deleted), done.failed, done.alive, done.tried) == (2, [], [], 1)


def client(target: Target) -> None:
    send(target.ledger, "curity", "POST", REGISTER, {"client_name": MARK}, status=201, content=registered("c1"))


@pytest.mark.parametrize(
    ("status", "error", "proved"),
    [(401, "", True), (400, "invalid_client", True), (400, "unauthorized_client", False), (403, "", False)],
)
def test_only_a_client_that_is_not_known_is_gone(network, target, status, error, proved):
    client(target)
    network.delete(f"{REGISTER}/c1").respond(204)
    network.post(TOKENS).respond(status, json={"error": error})
    done = cleaned(target, patience=0.2)
    assert done.tried == proved
    assert [text.partition(":")[0] for text in done.failed] == (
        [] if proved else ["whether client c1 still gets tokens cannot be told"]
    )


def test_the_deletion_of_a_client_may_have_been_done_before_a_503(network, target):
    client(target)
    network.delete(f"{REGISTER}/c1").side_effect = [httpx.Response(503), httpx.Response(401)]
    network.post(TOKENS).respond(401)
    done = cleaned(target)
    assert (len(done.deleted), done.failed, done.left) == (1, [], [])


def test_a_client_whose_registration_was_answered_with_503_may_exist(target):
    send(target.ledger, "curity", "POST", REGISTER, {"client_name": MARK}, status=503)
    assert "never answered, so it may exist or not" in cleaned(target).left[0]


# The proof


def test_what_a_check_has_deleted_itself_is_looked_for_as_well(network, target):
    made(target)
    send(target.ledger, "konnect", "DELETE", f"{APIS}/a1", status=204)
    network.get(APIS).side_effect = lambda _: page(OURS)
    done = cleaned(target, patience=0.2)
    assert done.failed == ["API a1: still listed in Konnect with the mark of this run (owner: Konnect admins)"]


def test_a_list_that_nobody_may_read_is_said_once(network, target):
    made(target)
    send(target.ledger, "konnect", "DELETE", f"{APIS}/a1", status=204)
    network.get(APIS).respond(500, text=json.dumps({"status": 500}), content_type="application/problem+json")
    done = cleaned(target, patience=0.2)
    assert [text.partition(": ")[0] for text in done.failed] == ["whether any API is left cannot be seen"]
