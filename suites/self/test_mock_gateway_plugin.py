"""The mock gateway's plugin in full, without sockets: consumers, releases, session pieces, introspection, grants."""

import json
from base64 import b64encode
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws

from dcrproof.mocks import upstream
from dcrproof.mocks.clock import Clock
from dcrproof.mocks.data_plane import (
    PushedApplication,
    PushedConfiguration,
    PushedConsumer,
    PushedStrategy,
    Route,
    Service,
    applications,
)
from dcrproof.mocks.gateway import releases, session
from dcrproof.mocks.gateway.credentials import arguments, find_refresh_token
from dcrproof.mocks.gateway.http import GatewayHttp
from dcrproof.mocks.gateway.plugin import NOT_CHECKED, Plugin, SchemaViolation, plugin
from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.gateway.switches import Switches
from dcrproof.mocks.keys import rsa_key
from dcrproof.mocks.konnect.plugin_schema import PLUGIN_SCHEMA, violation
from dcrproof.mocks.messages import Call, NoAnswer, Request, Response, json_response, perform

ISSUER = "https://issuer.test"
START = 1_800_000_000.0
CONSUMERS = (PushedConsumer("c-1", "alice", "app-1"), PushedConsumer("c-2", "Bob"), PushedConsumer("c-3", "guest"))


class StoppedClock(Clock):
    def now(self) -> float:
        return START + self.turned


def encoded(octets: bytes) -> str:
    return b64encode(octets, altchars=b"-_").rstrip(b"=").decode()


@dataclass
class Scene:
    """One node, one issuer behind it that answers as `answers` says, and the upstream."""

    clock: StoppedClock = field(default_factory=StoppedClock)
    version: str = "3.14.0.8"
    answers: dict[str, Response | NoAnswer] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    reached: Request | None = None
    claims: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.node = DataPlane(name="dp-1", clock=self.clock, seed=1, version=self.version)

    def token(self, **claims: Any) -> str:
        now = int(self.clock.now())
        content = {"iss": ISSUER, "sub": "app-1", "exp": now + 300, "iat": now} | self.claims | claims
        parts = ({"alg": "RS256", "kid": "k1"}, {name: value for name, value in content.items() if value is not None})
        signing_input = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        signature = jws.JWSRegistry.algorithms["RS256"].sign(signing_input.encode(), rsa_key(0))
        return f"{signing_input}.{encoded(signature)}"

    def issuer(self, call: Call) -> Response | NoAnswer:
        if call.url.startswith("http://upstream.test"):
            self.reached = Request(call.method, "/", headers=call.headers, body=call.body)
            return upstream.handle(self.reached)
        self.calls.append(call)
        name = call.url.removeprefix(ISSUER)
        if name in self.answers:
            return self.answers[name]
        if name == "/.well-known/openid-configuration":
            ends = ("jwks", "token", "introspection", "userinfo", "authorization")
            members = {f"{end}_endpoint" if end != "jwks" else "jwks_uri": f"{ISSUER}/{end}" for end in ends}
            return json_response(200, {"issuer": ISSUER, **members})
        if name == "/jwks":
            return json_response(200, {"keys": [{**rsa_key(0).as_dict(private=False), "kid": "k1"}]})
        return json_response(200, {"access_token": self.token(), "expires_in": 300})

    def count(self, name: str) -> int:
        return sum(call.url == ISSUER + name for call in self.calls)

    def call(self, *headers: tuple[str, str], body: bytes = b"", method: str = "GET") -> Response:
        self.reached = None
        request = Request(method, "/a", headers=(("host", "gateway.test"), *headers), body=body)
        return perform(GatewayHttp(self.node).handle(request), self.issuer)

    def plain(self, **config: Any) -> "Scene":
        """The plugin on its own, with consumers."""
        service = Service(
            "s", "http://upstream.test", (Route("r", ("/a",)),), openid_connect={"issuer": ISSUER, **config}
        )
        self.node.apply(PushedConfiguration((service,), applications(), CONSUMERS))
        assert self.node.violation is None
        return self

    def strategy(self, **config: Any) -> "Scene":
        """The plugin as Konnect pushes it, with one application."""
        methods = ["client_credentials", "bearer", "session"]
        config = {"issuer": ISSUER, "credential_claim": ["sub"], "auth_methods": methods, **config}
        service = Service("s", "http://upstream.test", (Route("r", ("/a",)),), "api", PushedStrategy("st", config))
        self.node.apply(
            PushedConfiguration((service,), applications(PushedApplication("a", "app-1", "st", ("api",))), CONSUMERS)
        )
        assert self.node.violation is None
        return self

    def seen(self, name: str) -> str | None:
        return self.reached.header(name) if self.reached else None


def bearer(token: str) -> tuple[str, str]:
    return "authorization", f"Bearer {token}"


def basic(identifier: str = "app-1", secret: str = "s3cret") -> tuple[str, str]:
    return "authorization", "Basic " + b64encode(f"{identifier}:{secret}".encode()).decode()


@pytest.mark.parametrize("key", NOT_CHECKED)
def test_what_the_mock_does_not_check_is_refused(key):
    with pytest.raises(SchemaViolation, match=key):
        plugin({"issuer": ISSUER, key: True}, "3.14.0.8")
    assert plugin({"issuer": ISSUER, key: None}, "3.14.0.8").issuer == ISSUER


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auth_methods", ["basic"]),
        ("client_credentials_param_type", ["headers"]),
        ("bearer_token_param_type", ["header", "path"]),
        ("password_param_type", ["cookie"]),
        ("token_endpoint_auth_method", "basic"),
        ("client_auth", ["client_secret_basic", "secret"]),
        ("consumer_by", ["email"]),
        ("introspection_accept", "text/plain"),
        ("session_cookie_same_site", "lax"),
    ],
)
def test_a_word_that_the_schema_does_not_know_is_refused_by_both_planes(key, value):
    config = {"issuer": ISSUER, key: value}
    with pytest.raises(SchemaViolation, match=key):
        plugin(config, "3.14.0.8")
    flaw = violation(config)
    assert flaw is not None
    assert flaw[0] == key


def test_what_the_control_plane_takes_of_each_type_a_node_takes():
    examples = {"a boolean": True, "a number": 5, "an array of texts": ["https://one.test"]}
    for key, (expected, allows) in PLUGIN_SCHEMA.items():
        kind, _, choices = expected.partition(" of ")
        value = examples.get(expected, choices.split(", ")[0] if kind == "one" else choices.split(", ")[:1])
        assert allows(value)
        assert not allows({})
        assert not allows([{}])
        config = {"issuer": ISSUER, "credential_claim": ["sub"], key: value}
        assert violation(config) is None
        assert plugin(config, "3.14.0.8").issuer == ISSUER
        with pytest.raises(SchemaViolation, match=key):
            plugin({**config, key: {}}, "3.14.0.8")


# The plugin on its own


def test_plain_plugin_takes_every_genuine_token():
    scene = Scene().plain()
    assert scene.call(bearer(scene.token(sub="nobody's application"))).status == 200
    assert scene.seen("x-consumer-id") is None
    assert scene.call(bearer(scene.token(exp=int(START) - 1))).status == 401


@pytest.mark.parametrize(
    ("settings", "subject", "username"),
    [
        ({"consumer_claims": [["sub"]]}, "app-1", "alice"),
        ({"consumer_claim": ["sub"]}, "Bob", "Bob"),
        ({"consumer_claims": [["azp"], ["sub"]]}, "app-1", "alice"),
        ({"consumer_claims": [["sub"]], "consumer_by": ["id"]}, "c-2", "Bob"),
        ({"consumer_claims": [["sub"]], "by_username_ignore_case": True}, "BOB", "Bob"),
        ({"consumer_claims": [["sub"]], "consumer_optional": True}, "nobody", None),
    ],
)
def test_plain_plugin_maps_consumers(settings, subject, username):
    scene = Scene().plain(**settings)
    assert scene.call(bearer(scene.token(sub=subject)), ("x-consumer-username", "forged")).status == 200
    assert scene.seen("x-consumer-username") == username


@pytest.mark.parametrize("subject", ["nobody", "BOB", "c-2", None])
def test_a_consumer_that_is_not_found_is_forbidden(subject):
    scene = Scene().plain(consumer_claims=[["sub"]])
    answer = scene.call(bearer(scene.token(sub=subject)))
    assert (answer.status, answer.json()["message"], scene.reached) == (403, "Forbidden", None)


@pytest.mark.parametrize("destroyed", [False, True])
def test_a_session_whose_consumer_is_gone_is_over(destroyed):
    settings = {"consumer_claims": [["sub"]], "session_secret": "one", "forbidden_destroy_session": destroyed}
    first = Scene().plain(**settings).call(bearer(Scene().token()))
    session = ("cookie", (first.header("set-cookie") or "").partition(";")[0])
    assert Scene().plain(**settings).call(session).status == 200
    answer = Scene().plain(**settings, consumer_by=["id"]).call(session)
    assert answer.status == 403
    assert ("Max-Age=0" in (answer.header("set-cookie") or "")) is destroyed


@pytest.mark.parametrize("let_through", [False, True])
def test_an_anonymous_consumer_is_no_application_unless_the_switch_says_otherwise(let_through):
    scene = Scene().strategy(anonymous="guest")
    scene.node.switches = Switches(lets_anonymous_past_applications=let_through)
    assert scene.call().status == (200 if let_through else 401)
    assert scene.call(basic()).status == 200


def test_anonymous_consumer_stands_in_for_a_refusal():
    scene = Scene().plain(anonymous="guest", auth_methods=["bearer"])
    assert scene.call().status == 200
    assert (scene.seen("x-consumer-username"), scene.seen("x-anonymous-consumer")) == ("guest", "true")
    scene = Scene().plain(anonymous="nobody", auth_methods=["bearer"], display_errors=True)
    answer = scene.call()
    assert (answer.status, answer.json()["message"]) == (
        500,
        "An unexpected error occurred (anonymous consumer was not found)",
    )


def test_groups_of_the_token_reach_the_upstream():
    scene = Scene().plain(authenticated_groups_claim=["groups"])
    assert scene.call(bearer(scene.token(groups=["a", "b"])), ("x-authenticated-groups", "root")).status == 200
    assert scene.seen("x-authenticated-groups") == "a, b"


# Releases


@pytest.mark.parametrize(
    ("bug", "present", "fixed"),
    [
        ("keeps tokens that were over when they came", ("3.13.0.99", "3.14.0.7", "3.15.0.0"), ("3.14.0.8", "3.15.0.1")),
        ("sends redirect_uri with every grant", ("3.11.0.0", "3.13.0.9"), ("3.12.0.11", "3.14.0.7", "3.15.0.0")),
        ("lets mapped headers through", ("3.9.0.0", "3.13.0.2"), ("3.4.3.25", "3.13.0.3", "3.14.0.0")),
        ("gives up after a failed first discovery", ("3.8.0.0", "3.12.0.0"), ("3.11.0.6", "3.13.0.0", "3.14")),
        ("refuses nested claims", ("3.14.0.0",), ("3.13.0.0", "3.14.0.1", "3.15.0.0")),
    ],
)
def test_a_bug_is_fixed_in_each_line_of_releases(bug, present, fixed):
    assert all(releases.has(bug, version) for version in present)
    assert not any(releases.has(bug, version) for version in fixed)


@given(st.sampled_from(sorted(releases.FIXED_IN)), st.tuples(st.integers(4, 16), st.integers(0, 2), st.integers(0, 40)))
def test_what_is_fixed_stays_fixed_in_its_line(bug, numbers):
    minor, patch, build = numbers
    if not releases.has(bug, f"3.{minor}.{patch}.{build}"):
        assert not releases.has(bug, f"3.{minor}.{patch}.{build + 1}")


def test_an_old_release_keeps_a_dead_token_for_ever_and_sends_it_upstream():
    for version, status in (("3.14.0.7", 200), ("3.14.0.8", 401)):
        scene = Scene(version=version).strategy()
        dead = scene.token()
        scene.answers["/token"] = json_response(200, {"access_token": dead, "expires_in": 0})
        assert scene.call(basic()).status == 200
        scene.clock.advance(600)
        scene.answers["/token"] = json_response(401, {"error": "invalid_client"})
        assert scene.call(basic()).status == status
        assert scene.seen("authorization") == (f"Bearer {dead}" if status == 200 else None)


def test_an_old_release_never_tries_discovery_again_until_it_restarts():
    scene = Scene(version="3.12.0.0").strategy()
    scene.answers["/.well-known/openid-configuration"] = NoAnswer("down")
    assert scene.call(basic()).status == 401
    scene.answers.clear()
    scene.clock.advance(3600)
    assert scene.call(basic()).status == 401
    scene.node.restart()
    assert scene.call(basic()).status == 200


def test_null_in_a_body_is_an_error_of_old_releases_alone():
    media_type, body = ("content-type", "application/json"), b'{"access_token":null}'
    for version, status in (("3.8.1.1", 500), ("3.8.1.2", 200), ("3.9.0.0", 200)):
        scene = Scene(version=version).strategy()
        assert scene.call(basic(), media_type, body=body, method="POST").status == status


@pytest.mark.parametrize(("version", "verified"), [("3.13.0.10", False), ("3.14.0.0", True)])
def test_certificates_are_verified_by_default_from_3_14_on(version, verified):
    scene = Scene(version=version).strategy()
    scene.call(basic())
    assert scene.calls
    assert {call.verify for call in scene.calls} == {verified}


# Session pieces


@given(st.text("abcXYZ019-_", max_size=40_000))
def test_a_session_value_is_whole_again_from_its_pieces(value):
    settings = plugin({"issuer": ISSUER}, "3.14.0.8")
    made = session.set_cookies(settings, value)
    fits = len(value) <= session.PIECE * session.MOST_PIECES
    assert bool(made) is fits
    assert all(len(one.partition(";")[0]) <= session.LARGEST_COOKIE for one in made)
    if made:
        cookie = "; ".join(one.partition(";")[0] for one in made)
        assert session.sealed_value(Request("GET", "/", headers=(("cookie", f"a=b; {cookie}"),)), settings) == value


def test_all_pieces_of_a_session_are_hidden_from_the_upstream():
    scene = Scene().strategy()
    scene.claims["long"] = "x" * 3000
    answer = scene.call(basic())
    pieces = [value.partition(";")[0] for name, value in answer.headers if name == "set-cookie"]
    assert len(pieces) > 1
    assert scene.call(("cookie", "; ".join([*pieces, "mine=1"]))).status == 200
    assert scene.seen("cookie") == "mine=1"


# Tokens that are asked about


ASKING = {"client_id": ["kong"], "client_secret": ["s"]}


def active(scene: Scene, **members: Any) -> Response:
    return json_response(200, {"active": True, "sub": "app-1", "exp": int(scene.clock.now()) + 300, **members})


def test_an_introspection_is_kept_up_to_its_exp_and_the_limit():
    scene = Scene().strategy(auth_methods=["introspection"], cache_ttl_max=60, **ASKING)
    for seconds, count in ((0, 1), (59, 1), (2, 2)):
        scene.clock.advance(seconds)
        scene.answers["/introspection"] = active(scene)
        assert scene.call(bearer("opaque")).status == 200
        assert scene.count("/introspection") == count
    scene.clock.advance(61)
    scene.answers["/introspection"] = active(scene, exp=int(scene.clock.now()) + 5)
    assert scene.call(bearer("opaque")).status == 200
    scene.clock.advance(6)
    scene.answers["/introspection"] = json_response(200, {"active": False})
    assert scene.call(bearer("opaque")).status == 401


def test_the_salt_is_no_part_of_an_introspections_key():
    scene = Scene()
    scene.answers["/introspection"] = active(scene)
    for salt in ("one", "two"):
        scene.strategy(auth_methods=["introspection"], cache_tokens_salt=salt, **ASKING)
        assert scene.call(bearer("opaque")).status == 200
    assert scene.count("/introspection") == 1


def test_without_a_client_of_its_own_the_gateway_cannot_ask():
    scene = Scene().strategy(auth_methods=["introspection"])
    scene.answers["/introspection"] = active(scene)
    assert scene.call(bearer("opaque")).status == 401
    assert scene.count("/introspection") == 0


def test_a_session_of_an_opaque_token_is_trusted_until_it_ends():
    scene = Scene().strategy(auth_methods=["introspection", "session"], **ASKING)
    scene.answers["/introspection"] = active(scene)
    answer = scene.call(bearer("opaque"))
    cookie = ("cookie", (answer.header("set-cookie") or "").partition(";")[0])
    scene.answers["/introspection"] = json_response(200, {"active": False})
    assert scene.call(cookie).status == 200
    assert scene.seen("authorization") == "Bearer opaque"
    scene.clock.advance(301)
    assert scene.call(cookie).status == 401


def test_a_jwt_is_no_business_of_introspection_where_bearer_is_enabled():
    scene = Scene().strategy(auth_methods=["bearer", "introspection"], **ASKING)
    assert scene.call(bearer(scene.token())).status == 200
    assert scene.count("/introspection") == 0
    scene.strategy(auth_methods=["introspection"], **ASKING)
    scene.answers["/introspection"] = active(scene)
    assert scene.call(bearer(scene.token())).status == 200
    assert scene.count("/introspection") == 1


# Other grants


def test_users_and_refresh_tokens_need_a_client_of_kongs_own():
    for credential, method in ((basic("alice", "pw"), "password"), (("refresh-token", "r"), "refresh_token")):
        scene = Scene().strategy(auth_methods=[method])
        assert scene.call(credential).status == 401
        assert scene.count("/token") == 0
        scene.strategy(auth_methods=[method], **ASKING)
        assert scene.call(credential).status == 200
        assert dict(parse_qsl(scene.calls[-1].body.decode()))["grant_type"] == method


@pytest.mark.parametrize(("configured", "name"), [(None, "refresh_token"), ("again", "again")])
def test_a_refresh_token_is_hidden_where_it_was_found(configured, name):
    asked = {"refresh_token_param_type": ("query",), "refresh_token_param_name": configured}
    found = find_refresh_token(
        Plugin(ISSUER, ssl_verify=True, hide_credentials=True, **asked), Request("GET", "/a", query=f"{name}=r")
    )
    assert found is not None
    assert (found.place.kind, found.place.names) == ("query", (name,))


def test_a_refresh_token_beside_an_access_token_is_not_looked_at():
    scene = Scene().strategy(auth_methods=["bearer", "refresh_token"], **ASKING)
    expired = bearer(scene.token(exp=int(START) - 1))
    assert scene.call(expired, ("refresh-token", "r")).status == 401
    assert scene.count("/token") == 0
    assert scene.call(("refresh-token", "r")).status == 200


def test_a_signed_method_leaves_the_callers_pair_to_basic():
    scene = Scene().strategy(client_auth=["private_key_jwt"])
    assert scene.call(basic("app-1", "s3cret")).status == 200
    sent = dict(scene.calls[-1].headers)["authorization"]
    assert sent == basic("app-1", "s3cret")[1]


def test_password_comes_first_and_the_client_is_tried_after_it():
    scene = Scene().strategy(auth_methods=["password", "client_credentials"], **ASKING)
    scene.answers["/token"] = json_response(400, {"error": "invalid_grant"})
    assert scene.call(basic()).status == 401
    grants = [dict(parse_qsl(call.body.decode()))["grant_type"] for call in scene.calls if call.method == "POST"]
    assert grants == ["password", "client_credentials"]


def test_only_the_named_header_is_read_for_a_token():
    scene = Scene().strategy(auth_methods=["bearer"], bearer_token_header_name="X-Token")
    assert scene.call(("x-token", scene.token())).status == 200
    assert scene.call(bearer(scene.token())).status == 401


# Claims of users


@pytest.mark.parametrize(
    ("settings", "claims", "status"),
    [
        ({"max_age": 60}, {"auth_time": START - 59}, 200),
        ({"max_age": 60}, {"auth_time": START - 61}, 401),
        ({"max_age": 60}, {}, 401),
        ({"domains": ["example.com"]}, {"hd": "example.com"}, 200),
        ({"domains": ["example.com"]}, {"hd": "evil.example"}, 401),
        ({"domains": ["example.com"]}, {}, 401),
    ],
)
def test_age_of_the_sign_in_and_domain_of_the_user(settings, claims, status):
    scene = Scene().strategy(**settings)
    assert scene.call(bearer(scene.token(**claims))).status == status


def test_a_claim_that_is_no_text_is_sent_as_json():
    mapped = [{"header": "X-Roles", "path": ["realm", "roles"]}, {"header": "x-none", "path": ["nothing"]}]
    scene = Scene().strategy(upstream_headers=mapped)
    forged = (("x-roles", "root"), ("x-none", "root"))
    assert scene.call(bearer(scene.token(realm={"roles": ["a"]})), *forged).status == 200
    assert (scene.seen("x-roles"), scene.seen("x-none")) == ('["a"]', None)


def test_the_credential_goes_upstream_only_with_the_switch():
    for sends, seen in ((False, None), (True, "app-1")):
        scene = Scene().strategy()
        scene.node.switches = Switches(sends_credential_identifier=sends)
        assert scene.call(basic(), ("x-credential-identifier", "forged")).status == 200
        assert scene.seen("x-credential-identifier") == seen


# Applications


def test_one_application_on_two_apis_loses_only_the_one():
    scene = Scene()
    strategy = PushedStrategy("st", {"issuer": ISSUER, "credential_claim": ["sub"]})
    services = tuple(
        Service(name, "http://upstream.test", (Route(name, (f"/{name}",)),), f"api-{name}", strategy) for name in "ab"
    )
    application = PushedApplication("x", "app-1", "st", ("api-a", "api-b"))
    for apis, status in ((("api-a", "api-b"), 200), (("api-b",), 403)):
        scene.node.apply(PushedConfiguration(services, applications(replace(application, apis=apis))))
        assert scene.call(basic()).status == status
        other = Request("GET", "/b", headers=(basic(),))
        assert perform(GatewayHttp(scene.node).handle(other), scene.issuer).status == 200


def test_an_upstream_that_is_late_or_has_no_name_is_504_and_503():
    for kind, status in (("time", 504), ("name", 503), ("connection", 502)):
        scene = Scene().strategy()
        request = Request("GET", "/a", headers=(basic(), ("accept", "application/json")))

        def answer(call: Call, scene: Scene = scene, kind: str = kind) -> Response | NoAnswer:
            return NoAnswer("", kind) if "upstream" in call.url else scene.issuer(call)

        assert perform(GatewayHttp(scene.node).handle(request), answer).status == status


@pytest.mark.parametrize(
    ("kind", "body", "read"),
    [
        ("application/json", b'{"access_token": "t", "n": 1}', {"access_token": "t"}),
        ("application/x-www-form-urlencoded", b"access_token=t&n=1&n=2", {"access_token": "t"}),
        ("text/plain", b'{"access_token": "t"}', {}),
        ("text/plain", b"access_token=t", {}),
    ],
)
def test_arguments_are_read_from_forms_and_json_only(kind, body, read):
    assert arguments(Request("POST", "/a", headers=(("content-type", kind),), body=body), "body") == read
