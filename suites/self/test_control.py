"""The control interface of the mocks, call by call; and requests that make no sense, at every port."""

import json
import socket
import time
from email.utils import parsedate_to_datetime
from functools import reduce
from operator import getitem
from urllib.parse import urlsplit

import httpx
import jsonschema
import jwt
import openapi_spec_validator
import pytest

from dcrproof.mocks import steps
from dcrproof.mocks.control import DOCUMENT, Control
from dcrproof.mocks.messages import Request
from dcrproof.mocks.serve import serving
from dcrproof.mocks.start import ISSUER_PATH, REGISTRAR
from dcrproof.mocks.world import World

TOKEN = "/oauth/v2/oauth-token"
JWKS = ISSUER_PATH + "/jwks"
YEAR = 366 * 86400


@pytest.fixture(scope="module")
def running():
    """One instance for the tests of this file; each begins with a reset."""
    with serving(seed=21) as served:
        yield served


class Instance:
    """Running mocks as a script outside sees them: over HTTP, by what `dcrproof serve` printed."""

    def __init__(self, served, client):
        self.served, self.described, self.client = served, served.description, client

    @property
    def world(self) -> World:
        return self.served.worlds.current

    def address(self, party):
        return self.world.start.addresses[party]

    def ask(self, method, path, **keywords):
        """A call of the control interface."""
        headers = {"content-type": "application/json"}
        return self.client.request(method, self.described["control"] + path, headers=headers, **keywords)

    def to(self, party, method, path, **keywords):
        return self.client.request(method, self.address(party) + path, **keywords)

    def token(self):
        """A token request of the registrar."""
        pair = (REGISTRAR, self.described["curity"]["registrar_secret"])
        return self.to("curity", "POST", TOKEN, data={"grant_type": "client_credentials"}, auth=pair)

    def sign_in(self):
        portal = self.described["portal"]
        body = {"username": portal["email"], "password": portal["password"]}
        answer = self.to("portal", "POST", "/api/v3/developer/authenticate", json=body)
        cookie = answer.headers["set-cookie"].partition(";")[0]
        self.client.cookies.clear()
        return {"cookie": cookie}

    def create_application(self, cookie):
        body = {"name": "an application", "auth_strategy_id": self.described["portal"]["strategy_id"]}
        return self.to("portal", "POST", "/api/v3/applications", json=body, headers=cookie)


@pytest.fixture(scope="module")
def client():
    with httpx.Client(trust_env=False, timeout=10) as opened:
        yield opened


@pytest.fixture
def instance(running, client):
    instance = Instance(running, client)
    assert instance.ask("POST", "/reset").status_code == 204
    return instance


def is_jwt(answer):
    return answer.json()["access_token"].count(".") == 2


# Calls


def test_the_call_log_shows_each_call_of_a_party(instance):
    before = time.time()
    instance.token()
    instance.to("upstream", "PATCH", "/a%20path?query=1")
    first, second = instance.ask("GET", "/calls").json()
    assert before - 1 < first.pop("at") <= second.pop("at") < time.time() + 1
    assert before - 1 < first.pop("real") <= second.pop("real") < time.time() + 1
    assert first == {"n": 1, "from": None, "party": "curity", "method": "POST", "path": TOKEN, "status": 200}
    assert second == {"n": 2, "from": None, "party": "upstream", "method": "PATCH", "path": "/a path", "status": 200}


def test_the_call_log_says_which_mock_asked_and_nobody_sees_how_it_knows(instance):
    token = instance.token().json()["access_token"]
    answer = instance.to("gateway", "GET", "/accounts", headers={"authorization": f"Bearer {token}"})
    calls = [(call["from"], call["party"]) for call in instance.ask("GET", "/calls").json()]
    assert ("gateway", "curity") in calls
    assert "x-dcrproof" not in answer.text.lower()


def test_calls_are_selected_by_party_and_by_number(instance):
    for party in ("curity", "konnect", "curity", "portal"):
        instance.to(party, "GET", "/nothing")
    calls = instance.ask("GET", "/calls?party=curity").json()
    assert [(call["n"], call["status"]) for call in calls] == [(1, 404), (3, 404)]
    assert [call["n"] for call in instance.ask("GET", "/calls?party=curity&after=1").json()] == [3]
    assert [call["n"] for call in instance.ask("GET", "/calls?after=2").json()] == [3, 4]
    assert instance.ask("GET", "/calls?after=99").json() == []


def test_both_nodes_of_the_gateway_are_the_party_gateway(instance):
    for node in ("gateway", "gateway-2"):
        assert instance.to(node, "GET", "/accounts").status_code == 401
    calls = instance.ask("GET", "/calls").json()
    assert [(call["party"], call["path"], call["status"]) for call in calls] == [("gateway", "/accounts", 401)] * 2


@pytest.mark.parametrize(
    "query", ["party=nobody", "party=gateway-2", "after=-1", "after=x", "after=1e3", "after=٣", "colour=red"]
)
def test_a_selection_of_calls_that_makes_no_sense_is_refused(instance, query):
    answer = instance.ask("GET", f"/calls?{query}")
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


# Clock


@pytest.mark.parametrize("party", ["curity", "konnect", "portal", "gateway", "gateway-2", "upstream", "control"])
def test_the_clock_turns_the_date_of_every_party(instance, party):
    now = instance.ask("GET", "/clock").json()["now"]
    assert abs(now - time.time()) < 5
    turned = instance.ask("POST", "/clock", json={"advance": 86400.5})
    assert turned.status_code == 200
    assert 86400 < turned.json()["now"] - now < 86410
    date = parsedate_to_datetime(instance.to(party, "GET", "/").headers["date"])
    assert 86399 < date.timestamp() - now < 86410


def test_tokens_are_dated_by_the_clock(instance):
    token = instance.token().json()
    introspector = instance.described["curity"]["introspector"]

    def active():
        pair = (introspector["id"], introspector["secret"])
        answer = instance.to(
            "curity", "POST", "/oauth/v2/oauth-introspect", data={"token": token["access_token"]}, auth=pair
        )
        return answer.json()["active"]

    assert active()
    instance.ask("POST", "/clock", json={"advance": token["expires_in"] + 1})
    assert not active()


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "[]", "null", "1", '"advance"', "{}", '{"advance": "1"}', '{"advance": true}', '{"advance": -1}'),
        *('{"advance": NaN}', '{"advance": Infinity}', '{"advance": 1e400}', '{"advance": null}', "[" * 5000),
        *(f'{{"advance": {"9" * 400}}}', '{"advance": 1, "back": 1}', f'{{"advance": {YEAR + 1}}}'),
    ],
)
def test_time_does_not_go_back_nor_by_nonsense(instance, body):
    answer = instance.ask("POST", "/clock", content=body)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert abs(instance.ask("GET", "/clock").json()["now"] - time.time()) < 5


# Keys


def test_a_new_key_has_a_new_name_and_the_old_one_stays_published(instance):
    before = instance.to("curity", "GET", JWKS).json()["keys"]
    made = instance.ask("POST", "/keys", json={"party": "curity", "kid": "new"})
    assert made.status_code == 200
    after = instance.to("curity", "GET", JWKS).json()["keys"]
    assert after[:-1] == before
    assert after[-1]["kid"] == made.json()["kid"] != before[-1]["kid"]


def test_a_key_of_the_same_name_replaces_the_old_one(instance):
    (before,) = instance.to("curity", "GET", JWKS).json()["keys"]
    made = instance.ask("POST", "/keys", json={"party": "curity", "kid": "same"})
    (after,) = instance.to("curity", "GET", JWKS).json()["keys"]
    assert made.json()["kid"] == after["kid"] == before["kid"]
    assert after["n"] != before["n"]


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"party": "curity"}, {"kid": "new"}, {"party": "konnect", "kid": "new"}, {"party": "curity", "kid": 1}),
        *({"party": "curity", "kid": ["new"]}, {"party": "curity", "kid": "new", "alg": "none"}, [], None),
        {"party": "curity", "kid": "previous"},  # no key was replaced
    ],
)
def test_a_rotation_that_makes_no_sense_is_refused(instance, body):
    before = instance.to("curity", "GET", JWKS).json()
    answer = instance.ask("POST", "/keys", json=body)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert instance.to("curity", "GET", JWKS).json() == before


@pytest.mark.parametrize("kid", ["new", "same"])
def test_a_rotation_is_undone_once(instance, kid):
    before = instance.to("curity", "GET", JWKS).json()
    instance.ask("POST", "/keys", json={"party": "curity", "kid": kid})
    made = instance.ask("POST", "/keys", json={"party": "curity", "kid": "previous"})
    assert made.json()["kid"] == before["keys"][-1]["kid"]
    assert instance.to("curity", "GET", JWKS).json() == before
    assert instance.ask("POST", "/keys", json={"party": "curity", "kid": "previous"}).status_code == 400


def test_any_token_is_signed_with_the_key_of_today_or_the_one_before(instance):
    (before,) = instance.to("curity", "GET", JWKS).json()["keys"]
    instance.ask("POST", "/keys", json={"party": "curity", "kid": "new"})
    after = instance.to("curity", "GET", JWKS).json()["keys"][-1]
    for name, key in (("previous", before), ("current", after)):
        asked = {"claims": {"sub": "app", "exp": 1}, "header": {"typ": "at+jwt", "x5t": None}, "key": name}
        text = instance.ask("POST", "/tokens", json=asked).json()["token"]
        read = jwt.decode_complete(text, jwt.PyJWK(key), ["RS256"], options={"verify_exp": False})
        assert read["header"] == {"alg": "RS256", "kid": key["kid"], "typ": "at+jwt"}
        assert read["payload"] == asked["claims"]


@pytest.mark.parametrize(
    "body",
    [
        *({}, [], None, {"claims": {}, "header": {}}, {"claims": [], "header": {}, "key": "current"}),
        *({"claims": {}, "header": "x", "key": "current"}, {"claims": {}, "header": {}, "key": "next"}),
        {"claims": {}, "header": {}, "key": "previous"},  # no key was replaced
    ],
)
def test_a_token_that_makes_no_sense_is_refused(instance, body):
    answer = instance.ask("POST", "/tokens", json=body)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


# Steps


def test_the_steps_are_listed_with_their_variants(instance):
    listed = instance.ask("GET", "/steps").json()
    assert list(listed) == list(steps.STEPS)
    assert listed["curity.token-issuer.jwt"] == {"undone": None, "variants": ["wrapped", "uncommitted"]}
    assert {step["undone"] for step in listed.values()} == {None}


def test_a_step_is_left_undone_and_done_again(instance):
    cookie = instance.sign_in()
    application = instance.create_application(cookie).json()
    pair = (application["client_id"], application["client_secret"])

    def token():
        return instance.to("curity", "POST", TOKEN, data={"grant_type": "client_credentials"}, auth=pair)

    assert is_jwt(token())
    undone = instance.ask("PUT", "/steps/curity.token-issuer.jwt")
    assert (undone.status_code, undone.json()) == (200, {"undone": steps.LEFT_UNDONE})
    assert not is_jwt(token())
    assert instance.ask("GET", "/steps").json()["curity.token-issuer.jwt"]["undone"] == steps.LEFT_UNDONE
    assert instance.ask("DELETE", "/steps/curity.token-issuer.jwt").status_code == 204
    assert is_jwt(token())
    assert instance.ask("GET", "/steps").json()["curity.token-issuer.jwt"]["undone"] is None


def test_a_step_in_konnect_reaches_both_nodes_and_back(instance):
    nodes = ("gateway", "gateway-2")
    instance.ask("PUT", "/steps/konnect.implementation.linked", json={})
    assert [instance.to(node, "GET", "/accounts").status_code for node in nodes] == [200, 200]
    instance.ask("DELETE", "/steps/konnect.implementation.linked")
    assert [instance.to(node, "GET", "/accounts").status_code for node in nodes] == [401, 401]


def test_a_variant_takes_the_place_of_another_one(instance):
    instance.ask("PUT", "/steps/curity.token-issuer.jwt")
    wrapped = instance.ask("PUT", "/steps/curity.token-issuer.jwt", json={"variant": "wrapped"})
    assert wrapped.json() == {"undone": "wrapped"}
    assert instance.ask("GET", "/steps").json()["curity.token-issuer.jwt"]["undone"] == "wrapped"
    assert instance.ask("PUT", "/steps/curity.token-issuer.jwt", json={"variant": None}).json() == {
        "undone": steps.LEFT_UNDONE
    }


def test_a_step_that_is_done_may_be_done_again(instance):
    assert instance.ask("DELETE", "/steps/konnect.strategy.claim").status_code == 204


@pytest.mark.parametrize(
    ("method", "step", "body", "status"),
    [
        ("PUT", "curity.no-such.step", "", 404),
        ("PUT", "consumer.basic.encoding", "", 404),
        ("DELETE", "curity.no-such.step", "", 404),
        ("DELETE", "%00", "", 404),
        ("PUT", "curity.token-issuer.jwt", '{"variant": "sideways"}', 400),
        ("PUT", "curity.token-issuer.jwt", '{"variant": ""}', 400),
        ("PUT", "curity.token-issuer.jwt", '{"variant": 1}', 400),
        ("PUT", "curity.token-issuer.jwt", '{"variant": "wrapped", "more": 1}', 400),
        ("PUT", "curity.token-issuer.jwt", "[]", 400),
        ("PUT", "curity.token-issuer.jwt", "{", 400),
    ],
)
def test_a_step_or_a_variant_that_there_is_not_is_refused(instance, method, step, body, status):
    answer = instance.ask(method, f"/steps/{step}", content=body)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert {step["undone"] for step in instance.ask("GET", "/steps").json().values()} == {None}


def settings(world):
    """Everything that a setup step changes in a world."""
    konnect = world.konnect
    portal = konnect.tables.portals[world.setup.portal_id]
    strategies = {
        strategy.id: (strategy.name, repr(strategy.config), strategy.dcr_provider_id)
        for strategy in konnect.tables.strategies.values()
    }
    return {
        "curity": world.curity.configuration,
        "pushed": konnect.push.configuration,
        "portal": (portal.authentication_enabled, portal.auto_approve_applications),
        "developer": konnect.tables.developers[world.setup.developer_id].status,
        "application setup": vars(world.classic_portal.application_setup),
        "provider": vars(konnect.tables.providers[world.setup.provider_id]) | {"updated_at": None},
        "strategies": {id: strategies[id] for id in sorted(strategies)},
        "publications": sorted((key, made.auth_strategy_id) for key, made in konnect.tables.publications.items()),
        "versions": [data_plane.version for data_plane in world.data_planes],
        "clocks": [data_plane.clock for data_plane in world.data_planes],
        "keys": [list(data_plane.issuers) for data_plane in world.data_planes],
        "roles": konnect.tokens[0].roles,
        "region": world.handlers["konnect"](listing(world)).json()["meta"],
        "seen from elsewhere": world.reachability,
        "metadata": world.handlers["curity"](Request("GET", world.METADATA, world.METADATA, "", (), b"")).body,
    }


def listing(world):
    """A request for the portals of the organisation."""
    headers = (("authorization", f"Bearer {world.credentials.konnect_token}"),)
    return Request("GET", "/v3/portals", "/v3/portals", "", headers)


VARIANTS = [
    (step, variant if index else None)
    for step in steps.STEPS
    if step not in steps.OVER_TLS
    for index, variant in enumerate(steps.variants(step))
]


@pytest.mark.parametrize(("step", "variant"), VARIANTS, ids=lambda part: part or steps.LEFT_UNDONE)
def test_undoing_a_step_changes_a_setting_and_doing_it_mends_just_that(instance, step, variant):
    before = settings(instance.world)
    instance.ask("PUT", f"/steps/{step}", json={"variant": variant})
    assert settings(instance.world) != before
    instance.ask("DELETE", f"/steps/{step}")
    assert settings(instance.world) == before


@pytest.mark.parametrize("step", steps.OVER_TLS)
def test_what_shows_over_tls_alone_is_refused_by_mocks_without_it(instance, step):
    answer = instance.ask("PUT", f"/steps/{step}")
    assert answer.status_code == 400
    assert "start the mocks with TLS" in answer.json()["error"]
    assert instance.ask("GET", "/steps").json()[step]["undone"] is None


# Faults


def arm(instance, **fault):
    answer = instance.ask("POST", "/faults", json=fault)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def test_a_status_is_answered_in_the_partys_place_as_often_as_asked_for(instance):
    arm(instance, party="curity", method="POST", path=TOKEN, times=2, status=503, retry_after=7)
    assert instance.to("curity", "GET", JWKS).status_code == 200
    assert instance.to("konnect", "POST", TOKEN).status_code != 503
    for _ in range(2):
        answer = instance.token()
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert instance.token().status_code == 200
    statuses = [call["status"] for call in instance.ask("GET", "/calls?party=curity").json()]
    assert statuses == [200, 503, 503, 200]


def test_a_path_may_hold_a_star_and_the_party_alone_is_enough(instance):
    arm(instance, party="konnect", path="/v2/*", status=429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT")
    assert instance.to("konnect", "GET", "/v3/portals").status_code == 401
    answer = instance.to("konnect", "GET", "/v2/dcr-providers")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "Wed, 21 Oct 2026 07:28:00 GMT")
    arm(instance, party="upstream", status=500)
    assert instance.to("upstream", "DELETE", "/anything").status_code == 500


def test_a_delay_comes_before_the_partys_own_answer(instance):
    arm(instance, party="curity", path=TOKEN, delay=0.2)
    started = time.monotonic()
    assert instance.token().status_code == 200
    assert time.monotonic() - started >= 0.2


def test_a_dropped_connection_has_no_answer(instance):
    arm(instance, party="portal", drop=True)
    with pytest.raises(httpx.TransportError):
        instance.to("portal", "GET", "/api/v3/portal")
    assert instance.to("portal", "GET", "/api/v3/portal").status_code == 200


def test_a_truncated_answer_ends_early(instance):
    arm(instance, party="curity", path=JWKS, truncate=10)
    with instance.client.stream("GET", instance.address("curity") + JWKS) as answer:
        assert int(answer.headers["content-length"]) > 10
        with pytest.raises(httpx.TransportError):
            answer.read()
    assert instance.to("curity", "GET", JWKS).json()["keys"]


def test_a_malformed_answer_is_no_json(instance):
    arm(instance, party="konnect", malformed=True)
    answer = instance.to("konnect", "GET", "/v3/portals")
    assert answer.headers["content-type"] == "application/json"
    with pytest.raises(ValueError, match=r"."):
        answer.json()


def test_faults_are_taken_in_the_order_in_which_they_were_armed(instance):
    first, second = arm(instance, party="upstream", status=500), arm(instance, party="upstream", status=502)
    assert first != second
    assert [instance.to("upstream", "GET", "/").status_code for _ in range(3)] == [500, 502, 200]


def test_a_fault_is_disarmed(instance):
    fault = arm(instance, party="upstream", times=1000, status=500)
    assert instance.to("upstream", "GET", "/").status_code == 500
    assert instance.ask("DELETE", f"/faults/{fault}").status_code == 204
    assert instance.to("upstream", "GET", "/").status_code == 200
    again = instance.ask("DELETE", f"/faults/{fault}")
    assert (again.status_code, list(again.json())) == (404, ["error"])


@pytest.mark.parametrize(
    "fault",
    [
        [],
        {},
        {"party": "curity"},
        {"status": 503},
        {"party": "nobody", "status": 503},
        {"party": ["curity"], "status": 503},
        {"party": "control", "status": 503},
        {"party": "curity", "status": 503, "drop": True},
        {"party": "curity", "status": 99},
        {"party": "curity", "status": 600},
        {"party": "curity", "status": "503"},
        {"party": "curity", "status": True},
        {"party": "curity", "status": None},
        {"party": "curity", "delay": -1},
        {"party": "curity", "delay": "long"},
        {"party": "curity", "truncate": -1},
        {"party": "curity", "truncate": 1.5},
        {"party": "curity", "drop": "yes"},
        {"party": "curity", "malformed": 1},
        {"party": "curity", "status": 503, "times": 0},
        {"party": "curity", "status": 503, "times": 1.5},
        {"party": "curity", "status": 503, "method": 1},
        {"party": "curity", "status": 503, "path": ["/"]},
        {"party": "curity", "status": 503, "retry_after": [1]},
        {"party": "curity", "status": 503, "retry_after": True},
        {"party": "curity", "status": 503, "retry_after": "1\r\nX-Injected: 1"},
        {"party": "curity", "status": 503, "colour": "red"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(instance, fault):
    answer = instance.ask("POST", "/faults", json=fault)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert instance.to("curity", "GET", JWKS).status_code == 200


# Mail


def test_what_the_portal_sends_to_a_developer_can_be_read(instance):
    assert instance.ask("GET", "/mail").json() == []
    body = {"email": "new@example.com", "full_name": "New Developer"}
    assert instance.to("portal", "POST", "/api/v3/developer", json=body).status_code == 201
    (letter,) = instance.ask("GET", "/mail").json()
    assert set(letter) == {"at", "to", "subject", "text"}
    assert letter["to"] == "new@example.com"
    assert abs(letter["at"] - time.time()) < 5
    token = letter["text"].partition("token=")[2].split()[0]
    assert instance.to("portal", "POST", "/api/v3/developer/verify-email", json={"token": token}).status_code == 202


# Reset


def test_a_reset_keeps_the_credentials_and_drops_what_was_made(instance):
    cookie = instance.sign_in()
    application = instance.create_application(cookie).json()
    instance.ask("PUT", "/steps/konnect.strategy.claim")
    instance.ask("POST", "/clock", json={"advance": 1000})
    arm(instance, party="curity", status=503)
    assert instance.ask("POST", "/reset").status_code == 204

    assert instance.ask("GET", "/calls").json() == []
    assert abs(instance.ask("GET", "/clock").json()["now"] - time.time()) < 5
    assert instance.ask("GET", "/steps").json()["konnect.strategy.claim"]["undone"] is None
    assert instance.token().status_code == 200
    assert instance.to("portal", "GET", "/api/v3/applications", headers=cookie).status_code == 401
    cookie = instance.sign_in()
    assert instance.to("portal", "GET", "/api/v3/applications", headers=cookie).json()["data"] == []
    pair = (application["client_id"], application["client_secret"])
    answer = instance.to("curity", "POST", TOKEN, data={"grant_type": "client_credentials"}, auth=pair)
    assert answer.status_code == 401
    assert instance.create_application(cookie).status_code == 201


def test_a_reset_leaves_undone_what_was_undone_at_the_start(client):
    with serving(seed=22, undone={"curity.token-issuer.jwt": "wrapped"}) as served:
        instance = Instance(served, client)
        instance.ask("DELETE", "/steps/curity.token-issuer.jwt")
        instance.ask("POST", "/reset")
        assert instance.ask("GET", "/steps").json()["curity.token-issuer.jwt"]["undone"] == "wrapped"


# What there is not


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nothing", 404),
        ("POST", "/calls", 405),
        ("PUT", "/clock", 405),
        ("GET", "/keys", 405),
        ("POST", "/steps", 405),
        ("GET", "/steps/curity.token-issuer.jwt", 405),
        ("GET", "/faults", 405),
        ("GET", "/reset", 405),
        ("DELETE", "/mail", 405),
    ],
)
def test_what_the_control_interface_does_not_know_is_an_error(instance, method, path, status):
    answer = instance.ask(method, path)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


# Requests that make no sense, at every port

REGISTER = "/oauth/v2/oauth-dynamic-client-registration"
PLACES = {
    "curity": [
        *(ISSUER_PATH + "/.well-known/openid-configuration", TOKEN, REGISTER, f"{REGISTER}/some-client"),
        *("/oauth/v2/oauth-introspect", "/admin/api/restconf/data"),
    ],
    "konnect": [
        *("/v2/dcr-providers", "/v2/application-auth-strategies", "/v3/portals", "/v3/apis", "/v3/api-implementations"),
        *("/v3/portals/no-such-portal", "/v2/control-planes"),
    ],
    "portal": [
        *("/api/v3/portal", "/api/v3/developer", "/api/v3/developer/authenticate", "/api/v3/applications"),
        *("/api/v3/applications/no-such-application", "/api/v3/developer/reset-password"),
    ],
    "gateway": ["/accounts", "/accounts/more"],
    "gateway-2": ["/accounts"],
    "control": ["/calls", "/clock", "/keys", "/steps", "/faults", "/mail", "/abandoned"],
}
BODIES = [
    *(b"", b"{", b"[]", b"null", b'"text"', b"1e999", b"\xff\xfe\x00", b"\x00" * 50, b"[" * 3000, b"a=%zz&a=1&=&&"),
    *(b'{"name": "\\ud800"}', b'{"name": {"name": {}}}', b'{"username": 1, "password": []}', b"NaN"),
]
KINDS = ["application/json", "application/x-www-form-urlencoded", "text/plain", ""]


def held(world: World) -> dict[str, str]:
    """Everything that the parties of a world hold and that a request could change."""
    parts = (world.konnect, world.konnect.accounts, world.curity)
    tables = {
        f"{type(part).__name__}.{name}": repr(value)
        for part in parts
        for name, value in vars(part).items()
        if isinstance(value, dict | list | tuple)
    }
    return tables | {
        "curity configuration": repr(world.curity.configuration),
        "undone": repr(world.undone),
        "faults": repr(world.faults.armed),
        "turned": repr(world.clock.turned),
    }


def answers(address: str, request: bytes) -> list[int]:
    """The statuses of what a port answers to these octets; none where it hangs up."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while True:
            try:
                chunk = connection.recv(65536)
            except ConnectionResetError:
                break
            if not chunk:
                break
            received += chunk
    return [int(line.split()[1]) for line in received.splitlines() if line.startswith(b"HTTP/1.1 ")]


RAW = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "http/1.0": b"GET / HTTP/1.0\r\n\r\n",
    "bad percent-encoding": b"GET /%zz%f HTTP/1.1\r\nHost: x\r\n\r\n",
    "percent-encoding that is no utf-8": b"GET /%ff%fe?%ff=%fe HTTP/1.1\r\nHost: x\r\n\r\n",
    "an encoded slash and null": b"DELETE /steps/%2F%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "octets in the path": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "an absolute target": b"GET http://elsewhere.example/accounts HTTP/1.1\r\nHost: x\r\n\r\n",
    "a star": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "a huge header": b"GET / HTTP/1.1\r\nHost: x\r\nX-Huge: " + b"a" * 100_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Many: a\r\n" * 2_000 + b"\r\n",
    "octets in a header": b"GET /accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Basic \xff\xfe\r\nCookie: \xff\r\n\r\n",
    "basic that is no base64": b"GET /accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ?\r\n\r\n",
    "a bearer of dots": b"GET /accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ..\r\nAuthorization: a\r\n\r\n",
    "a method that there is not": b"FROB / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tunnel": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "a length that is none": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a chunk that is none": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "half a request": b"POST /oauth/v2/oauth-token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ngrant_",
}


@pytest.mark.parametrize("request_bytes", RAW.values(), ids=RAW)
def test_octets_that_are_no_proper_request_are_never_our_fault_and_change_nothing(instance, request_bytes):
    before = held(instance.world)
    for port, address in instance.world.start.addresses.items():
        assert all(status < 500 for status in answers(address, request_bytes)), port
    assert held(instance.world) == before


@pytest.mark.parametrize("port", PLACES)
def test_bodies_that_make_no_sense_are_never_our_fault_and_change_nothing(instance, port):
    described = instance.described
    access = {
        "konnect": {"authorization": f"Bearer {described['konnect']['token']}"},
        "portal": instance.sign_in() if port == "portal" else {},
    }.get(port, {})
    before = held(instance.world)
    for path in PLACES[port]:
        for method in ("POST", "PUT", "PATCH"):
            for index, body in enumerate(BODIES):
                headers = access | {"content-type": KINDS[index % len(KINDS)]}
                answer = instance.to(port, method, path, content=body, headers=headers)
                assert 400 <= answer.status_code < 500, (method, path, body, answer.text)
    assert held(instance.world) == before


@pytest.mark.parametrize("port", PLACES)
def test_methods_and_paths_that_there_are_not_are_never_our_fault_and_change_nothing(instance, port):
    before = held(instance.world)
    for path in ("/", "/nothing", "//", "/../..", "/a" * 3_000, *PLACES[port]):
        for method in ("DELETE", "OPTIONS", "TRACE", "HEAD", "PROPFIND"):
            answer = instance.to(port, method, path)
            assert answer.status_code < 500, (method, path, answer.text)
    assert held(instance.world) == before


@pytest.mark.parametrize("port", [*PLACES, "upstream"])
def test_a_body_that_is_too_large_is_refused(instance, port):
    answer = instance.to(port, "POST", "/", content=b"a" * (1024 * 1024 + 1))
    assert answer.status_code == 413


def test_the_upstream_echoes_whatever_it_is_sent(instance):
    answer = instance.to("upstream", "PROPFIND", "/a%2Fb?c=d", content=b"\xff\x00", headers={"x-one": b"\xe9"})
    shown = answer.json()
    assert (shown["method"], shown["path"], shown["body"]) == ("PROPFIND", "/a%2Fb", "\ufffd\x00")
    assert shown["headers"]["x-one"]


# The document


DOCUMENTED = json.loads(DOCUMENT.read_text("utf-8"))
OPERATIONS = [(method.upper(), path) for path, operations in DOCUMENTED["paths"].items() for method in operations]


def resolved(part):
    """A part of the document with what its references name in their place."""
    if isinstance(part, list):
        return [resolved(one) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        part = reduce(getitem, part["$ref"].removeprefix("#/").split("/"), DOCUMENTED)
    return {name: resolved(one) for name, one in part.items()}


def test_the_document_has_each_call_and_no_other(running):
    assert sorted(OPERATIONS) == sorted(row[:2] for row in Control(running.worlds.current, lambda: None).routes.table)


def test_the_document_is_openapi():
    openapi_spec_validator.validate(DOCUMENTED)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_call_as_its_example_has_it_is_answered_as_the_document_says(instance, method, path):
    operation = resolved(DOCUMENTED["paths"][path][method.lower()])
    armed = instance.ask("POST", "/faults", json={"party": "konnect", "status": 503}).json()["id"]
    id = armed if path.startswith("/faults") else "curity.token-issuer.jwt"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        jsonschema.validate(body["example"], body["schema"])
    instance.token()
    answer = instance.ask(method, path.replace("{id}", id), **({"json": body["example"]} if body else {}))
    (status, described) = next(iter(operation["responses"].items()))
    assert answer.status_code == int(status)
    for content in described.get("content", {}).values():
        jsonschema.validate(content["example"], content["schema"])
        jsonschema.validate(answer.json(), content["schema"])


@pytest.mark.parametrize("path", DOCUMENTED["paths"])
def test_a_refusal_is_as_the_document_says(instance, path):
    answer = instance.ask("PATCH", path.replace("{id}", "1"))
    assert answer.status_code == 405
    jsonschema.validate(answer.json(), DOCUMENTED["components"]["schemas"]["Error"])
