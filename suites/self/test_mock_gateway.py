"""The mock gateway, without sockets: what a caller, an authorization server and an upstream see of a node."""

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from dcrproof.mocks import upstream
from dcrproof.mocks.clock import Clock
from dcrproof.mocks.data_plane import (
    PushedApplication,
    PushedConfiguration,
    PushedStrategy,
    Route,
    Service,
    applications,
)
from dcrproof.mocks.gateway.credentials import read_basic
from dcrproof.mocks.gateway.discovery import read_keys, read_provider
from dcrproof.mocks.gateway.grants import form_encode
from dcrproof.mocks.gateway.http import GatewayHttp
from dcrproof.mocks.gateway.plugin import SchemaViolation, plugin
from dcrproof.mocks.gateway.routing import normalise
from dcrproof.mocks.gateway.session import GatewaySession, seal, session_key, unseal
from dcrproof.mocks.gateway.state import NO_CONFIGURATION, DataPlane
from dcrproof.mocks.gateway.switches import Switches
from dcrproof.mocks.gateway.tokens import Jwt, read_jwt
from dcrproof.mocks.keys import rsa_key
from dcrproof.mocks.messages import Call, NoAnswer, Request, Response, json_response, perform

ISSUER = "https://curity.test/oauth/v2/oauth-anonymous"
TOKEN_ENDPOINT = "https://curity.test/oauth/v2/oauth-token"
JWKS = f"{ISSUER}/jwks"
SERVICE_URL = "http://upstream.test/v1"
API, STRATEGY = "api-accounts", "strategy-curity"
START = 1_800_000_000.0


class StoppedClock(Clock):
    """A clock that only moves when it is turned."""

    def now(self) -> float:
        return START + self.turned


@dataclass
class AuthorizationServer:
    """Answers as an authorization server would, and counts."""

    clock: Clock
    clients: dict[str, str] = field(default_factory=lambda: {"app-1": "s3cret", "app-2": "0ther"})
    keys: dict[str, int] = field(default_factory=lambda: {"k1": 1})
    lifetime: int = 300
    claims: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    token_answer: Response | NoAnswer | None = None
    down: bool = False
    calls: list[Call] = field(default_factory=list)

    def __call__(self, call: Call) -> Response | NoAnswer:
        if call.url.startswith(SERVICE_URL):
            return self.upstream(call)
        self.calls.append(call)
        if self.down:
            return NoAnswer("connection refused")
        if call.url == f"{ISSUER}/.well-known/openid-configuration":
            standard = {"issuer": ISSUER, "jwks_uri": JWKS, "token_endpoint": TOKEN_ENDPOINT}
            return json_response(200, standard | self.document)
        if call.url == JWKS:
            return json_response(200, {"keys": [self.public(kid) for kid in self.keys]})
        return self.token_answer or self.token_endpoint(call)

    def upstream(self, call: Call) -> Response | NoAnswer:
        parts = urlsplit(call.url)
        self.reached = Request(call.method, parts.path, parts.path, parts.query, call.headers, call.body)
        return upstream.handle(self.reached)

    def public(self, kid: str) -> dict[str, Any]:
        return {**rsa_key(self.keys[kid]).as_dict(private=False), "kid": kid, "use": "sig", "alg": "RS256"}

    def token_endpoint(self, call: Call) -> Response:
        basic = read_basic(dict(call.headers)["authorization"])
        assert basic is not None
        identifier, secret = (unquote_plus(part.decode()) for part in basic)
        if self.clients.get(identifier) != secret:
            return json_response(401, {"error": "invalid_client"})
        token = self.token(sub=identifier, **self.claims)
        return json_response(200, {"access_token": token, "token_type": "bearer", "expires_in": self.lifetime})

    def token(self, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        """A token of `app-1`, unless the claims say otherwise; a claim of None is left out, as is such a header."""
        now = int(self.clock.now())
        standard = {"iss": ISSUER, "sub": "app-1", "aud": "api", "exp": now + self.lifetime, "nbf": now, "iat": now}
        kid = next(iter(self.keys))
        protected = {"alg": "RS256", "kid": kid} | (header or {})
        return sign(
            {name: value for name, value in protected.items() if value is not None},
            {name: value for name, value in (standard | claims).items() if value is not None},
            key or rsa_key(self.keys[kid]),
        )

    def count(self, url: str) -> int:
        return sum(call.url == url for call in self.calls)


def sign(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    signing_input = ".".join(encode(json.dumps(part).encode()) for part in (header, claims))
    signature = jws.JWSRegistry.algorithms[header["alg"]].sign(signing_input.encode(), key)
    return f"{signing_input}.{encode(signature)}"


def encode(octets: bytes) -> str:
    return b64encode(octets, altchars=b"-_").rstrip(b"=").decode()


def basic(identifier: str = "app-1", secret: str = "s3cret") -> tuple[str, str]:
    return "authorization", "Basic " + b64encode(f"{identifier}:{secret}".encode()).decode()


def bearer(token: str) -> tuple[str, str]:
    return "authorization", f"Bearer {token}"


@dataclass
class World:
    clock: StoppedClock
    idp: AuthorizationServer
    node: DataPlane

    def call(self, *headers: tuple[str, str], method: str = "GET", path: str = "/accounts", **request: Any) -> Response:
        self.idp.__dict__.pop("reached", None)
        full = Request(method, path, path, headers=(("host", "gateway.test:8000"), *headers), **request)
        return perform(GatewayHttp(self.node).handle(full), self.idp)

    def configure(self, config: dict[str, Any] | None = None, **parts: Any) -> None:
        self.node.apply(configuration(config, **parts))
        assert self.node.violation is None

    @property
    def reached(self) -> Request | None:
        """The request that the upstream got in the last call, if any did."""
        return self.idp.__dict__.get("reached")

    def seen(self, name: str) -> str | None:
        assert self.reached is not None
        return self.reached.header(name)


def configuration(
    config: dict[str, Any] | None = None, *, apis: tuple[str, ...] = (API,), strategy: bool = True, **service: Any
) -> PushedConfiguration:
    strategy_config = {
        "issuer": f"{ISSUER}/.well-known/openid-configuration",
        "credential_claim": ["sub"],
        "scopes": [],
        "auth_methods": ["client_credentials", "bearer", "session"],
    } | (config or {})
    linked = Service(
        "service-1",
        SERVICE_URL,
        (Route("route-1", ("/accounts",)),),
        API,
        PushedStrategy(STRATEGY, strategy_config) if strategy else None,
    )
    held = applications(*(PushedApplication(f"id-{name}", name, STRATEGY, apis) for name in ("app-1", "app-2")))
    return PushedConfiguration((replace(linked, **service),), held)


@pytest.fixture
def world() -> World:
    clock = StoppedClock()
    world = World(clock, AuthorizationServer(clock), DataPlane(name="dp-1", clock=clock, seed=1))
    world.configure()
    return world


def refused(world: World, answer: Response, status: int = 401, message: str = "Unauthorized") -> bool:
    assert (answer.status, answer.json()["message"]) == (status, message)
    assert world.reached is None
    assert answer.header("x-kong-upstream-latency") is None
    return True


# Client credentials


def test_basic_credentials_become_the_upstreams_bearer_token(world: World) -> None:
    answer = world.call(basic())
    assert answer.status == 200
    seen = answer.json()["headers"]["authorization"]
    assert seen.startswith("Bearer ey")
    jwt = read_jwt(seen.removeprefix("Bearer "))
    assert jwt is not None
    assert jwt.claims["sub"] == "app-1"


def test_the_token_request_carries_the_callers_pair_and_the_scope_openid_where_none_is_configured(world: World) -> None:
    world.call(basic())
    request = world.idp.calls[-1]
    assert (request.method, request.url, request.timeout) == ("POST", TOKEN_ENDPOINT, 10.0)
    assert parse_qs(request.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["openid"]}
    assert read_basic(dict(request.headers)["authorization"]) == (b"app-1", b"s3cret")


def test_configured_scopes_are_one_field(world: World) -> None:
    world.configure({"scopes": ["a", "b"]})
    world.call(basic())
    assert parse_qs(world.idp.calls[-1].body.decode())["scope"] == ["a b"]


@pytest.mark.parametrize(
    "config",
    [{}, {"token_endpoint_auth_method": "client_secret_post"}, {"client_auth": ["client_secret_post"]}],
)
def test_the_pair_is_posted_where_only_that_is_supported_or_asked_for(world: World, config: dict[str, Any]) -> None:
    if not config:
        world.idp.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    world.configure(config)
    world.idp.token_answer = json_response(200, {"access_token": world.idp.token()})
    assert world.call(basic()).status == 200
    form = parse_qs(world.idp.calls[-1].body.decode())
    assert (form["client_id"], form["client_secret"]) == (["app-1"], ["s3cret"])
    assert "authorization" not in dict(world.idp.calls[-1].headers)


@pytest.mark.parametrize(
    ("names", "values", "sent"),
    [(["a"], ["1"], {"a": ["1"]}), (["a", "b"], ["1"], {"a": ["1"]}), (["a"], ["1", "2"], {"a": ["1"]})],
)
def test_further_arguments_go_to_the_token_endpoint_in_pairs(
    world: World, names: list[str], values: list[str], sent: dict[str, list[str]]
) -> None:
    """Plugin schema, token_post_args_names and token_post_args_values; that what has no partner is left out is inferred."""
    world.configure({"token_post_args_names": names, "token_post_args_values": values})
    assert world.call(basic()).status == 200
    form = parse_qs(world.idp.calls[-1].body.decode())
    assert {name: value for name, value in form.items() if name not in {"grant_type", "scope"}} == sent


def test_a_wrong_secret_is_refused_while_the_right_one_is_cached_and_does_not_harm_it(world: World) -> None:
    assert world.call(basic()).status == 200
    assert refused(world, world.call(basic(secret="wrong")))
    assert world.call(basic()).status == 200
    assert world.idp.count(TOKEN_ENDPOINT) == 2


def test_failures_are_not_cached(world: World) -> None:
    del world.idp.clients["app-1"]
    assert refused(world, world.call(basic()))
    world.idp.clients["app-1"] = "s3cret"
    assert world.call(basic()).status == 200


def test_a_deleted_client_lives_on_in_the_cache_until_its_token_ends(world: World) -> None:
    world.call(basic())
    del world.idp.clients["app-1"]
    world.clock.advance(299)
    assert world.call(basic()).status == 200
    world.clock.advance(1)
    assert refused(world, world.call(basic()))


def test_without_the_cache_a_deleted_client_is_refused_at_once(world: World) -> None:
    world.configure({"cache_tokens": False})
    world.call(basic())
    del world.idp.clients["app-1"]
    assert refused(world, world.call(basic()))


def test_each_node_has_a_cache_of_its_own(world: World) -> None:
    world.call(basic())
    del world.idp.clients["app-1"]
    other = World(world.clock, world.idp, DataPlane(name="dp-2", clock=world.clock, seed=1))
    other.configure()
    assert world.call(basic()).status == 200
    assert refused(other, other.call(basic()))


@pytest.mark.parametrize(
    ("config", "lifetime", "fresh_at", "stale_at"),
    [({}, 5, 4, 5), ({"cache_ttl_max": 165}, 180, 164, 166), ({"cache_ttl_min": 60}, 5, 1, None)],
)
def test_a_token_is_kept_as_long_as_it_says(
    world: World, config: dict[str, Any], lifetime: int, fresh_at: int, stale_at: int | None
) -> None:
    world.configure(config)
    world.idp.lifetime = lifetime
    world.call(basic())
    world.clock.advance(fresh_at)
    assert world.call(basic()).status == 200
    assert world.idp.count(TOKEN_ENDPOINT) == 1
    if stale_at is not None:
        world.clock.advance(stale_at - fresh_at)
        assert world.call(basic()).status == 200
        assert world.idp.count(TOKEN_ENDPOINT) == 2


@pytest.mark.parametrize("expires_in", [0, -1])
def test_a_token_that_is_over_when_it_comes_is_not_kept(world: World, expires_in: int) -> None:
    world.idp.token_answer = json_response(200, {"access_token": world.idp.token(), "expires_in": expires_in})
    for _ in range(2):
        world.call(basic())
    assert world.idp.count(TOKEN_ENDPOINT) == 2


@pytest.mark.parametrize(
    "answer",
    [
        NoAnswer("timed out"),
        Response(500),
        json_response(400, {"error": "invalid_scope"}),
        Response(200, (), b"<html>"),
        Response(200, (), b""),
        Response(200, (), b"[" * 100_000),
        json_response(200, {}),
        json_response(200, {"access_token": 1}),
        json_response(200, {"access_token": "_0XBPWQQ_9d4c0e37-3f0b-4f3c-8a3c-0d2e2c1f7a10"}),
    ],
)
def test_a_token_endpoint_that_gives_no_usable_token_is_401(world: World, answer: Response | NoAnswer) -> None:
    world.idp.token_answer = answer
    assert refused(world, world.call(basic()))


@pytest.mark.parametrize(("config", "hits"), [({}, 2), ({"cache_tokens_salt": "shared"}, 1)])
def test_a_shared_salt_makes_a_shared_cache(world: World, config: dict[str, Any], hits: int) -> None:
    one = configuration(config).services[0]
    two = replace(one, id="service-2", routes=(Route("route-2", ("/two",)),))
    world.node.apply(PushedConfiguration((one, two), configuration().applications))
    assert [world.call(basic(), path=path).status for path in ("/accounts", "/two")] == [200, 200]
    assert world.idp.count(TOKEN_ENDPOINT) == hits


# What is found of a credential


@pytest.mark.parametrize(
    "value",
    [
        "Basic app-1:s3cret",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic " + b64encode(b"app-1").decode(),
        "Basic " + b64encode(b"app-1:").decode(),
        "Basic " + b64encode(b"app-1:s3cret1").decode().rstrip("="),
        "BASIC " + b64encode(b"app-1:s3cret").decode(),
        "Basic  " + b64encode(b"app-1:s3cret").decode(),
        "Basic \xe9",
        "Basic \udcff",
    ],
)
def test_malformed_basic_is_no_credential_and_asks_nobody(world: World, value: str) -> None:
    assert refused(world, world.call(("authorization", value)))
    assert world.idp.calls == []


def test_the_literal_pair_is_a_switch(world: World) -> None:
    world.node.switches = Switches(literal_basic=True)
    assert world.call(("authorization", "Basic app-1:s3cret")).status == 200


@given(
    identifier=st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])),
    secret=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_a_basic_pair_reads_back(identifier: str, secret: str) -> None:
    assert read_basic(basic(identifier, secret)[1]) == (identifier.encode(), secret.encode())


@given(
    value=st.binary(),
    switches=st.builds(
        Switches,
        literal_basic=st.booleans(),
        any_spelling_of_basic=st.booleans(),
        any_spelling_of_base64=st.booleans(),
    ),
    prefix=st.sampled_from(["", "Basic ", "basic ", "BASIC  "]),
)
def test_reading_basic_never_raises(value: bytes, switches: Switches, prefix: str) -> None:
    pair = read_basic(prefix + value.decode("latin-1"), switches)
    assert pair is None or b":" not in pair[0]


def test_what_has_no_colon_is_no_pair() -> None:
    assert read_basic(f"Basic {b64encode(b'an id alone').decode()}") is None


@pytest.mark.parametrize("spelled", ["Basic {}", "basic {}", "BASIC   {} ", "basic{}"])
def test_a_data_plane_may_read_any_spelling_of_basic(spelled):
    value = spelled.format(b64encode(b"app:pw").decode())
    assert read_basic(value, Switches(any_spelling_of_basic=True)) == (b"app", b"pw")


@given(octets=st.binary())
def test_form_encoding_reads_back_and_leaves_only_safe_characters(octets: bytes) -> None:
    encoded = form_encode(octets)
    assert unquote_plus(encoded, "latin-1").encode("latin-1") == octets
    assert set(encoded) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._*%+")


def test_a_secret_of_odd_characters_reaches_the_token_endpoint_encoded(world: World) -> None:
    world.idp.clients["app-1"] = "a:b%c+d é~/="
    assert world.call(basic(secret="a:b%c+d é~/=")).status == 200
    sent = b64decode(dict(world.idp.calls[-1].headers)["authorization"].removeprefix("Basic "))
    assert sent == b"app-1:a%3Ab%25c%2Bd+%C3%A9%7E%2F%3D"


FORM = (("content-type", "application/x-www-form-urlencoded"),)
JSON_BODY = (("content-type", "application/json; charset=utf-8"),)


@pytest.mark.parametrize(
    ("headers", "request_parts"),
    [
        ((), {"query": "x=1&client_id=app-1&client_secret=s3cret"}),
        (FORM, {"method": "POST", "body": b"x=1&client_id=app-1&client_secret=s3cret"}),
        (JSON_BODY, {"method": "POST", "body": b'{"x":1,"client_id":"app-1","client_secret":"s3cret"}'}),
    ],
)
def test_credentials_in_query_and_body_are_taken_and_hidden(
    world: World, headers: tuple[tuple[str, str], ...], request_parts: dict[str, Any]
) -> None:
    assert world.call(*headers, **request_parts).status == 200
    assert world.reached is not None
    assert world.reached.query in ("", "x=1")
    assert world.reached.body in (b"", b"x=1", b'{"x":1}')
    world.configure({"hide_credentials": False})
    world.call(*headers, **request_parts)
    assert b"s3cret" in world.reached.query.encode() + world.reached.body
    world.configure({"client_credentials_param_type": ["header"]})
    assert refused(world, world.call(*headers, **request_parts))


@pytest.mark.parametrize(
    "body",
    [b'{"client_id":null,"client_secret":null,"access_token":null}', b"null", b"[1]", b"\xff", b"{" * 99_999, b"NaN"],
)
def test_json_without_strings_holds_no_credential(world: World, body: bytes) -> None:
    assert refused(world, world.call(*JSON_BODY, method="POST", body=body))


def test_an_argument_or_header_that_comes_twice_is_no_credential(world: World) -> None:
    assert refused(world, world.call(query="client_id=app-1&client_id=app-2&client_secret=s3cret"))
    assert refused(world, world.call(basic(), basic("app-2", "0ther")))


@pytest.mark.parametrize("name", ["access-token", "x-access-token"])
def test_bearer_headers_win_over_basic_and_a_bad_one_is_not_forgiven(world: World, name: str) -> None:
    token = world.idp.token(sub="app-2")
    assert world.call((name, token), basic()).status == 200
    assert world.seen("authorization") == f"Bearer {token}"
    assert world.seen(name) is None
    assert refused(world, world.call((name, "opaque"), basic()))


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer "])
def test_bearer_in_two_spellings(world: World, scheme: str) -> None:
    assert world.call(("authorization", scheme + world.idp.token())).status == 200


@pytest.mark.parametrize("scheme", ["", "Bearer", "Token ", "BEARER "])
def test_a_token_without_a_known_scheme_is_no_credential(world: World, scheme: str) -> None:
    assert refused(world, world.call(("authorization", scheme + world.idp.token())))


def test_a_bearer_token_in_the_query_unless_only_headers_are_read(world: World) -> None:
    token = world.idp.token()
    assert world.call(query=f"access_token={token}").status == 200
    assert world.reached is not None
    assert world.reached.query == ""
    world.configure({"bearer_token_param_type": ["header"]})
    assert refused(world, world.call(query=f"access_token={token}"))


def test_a_method_that_is_not_configured_is_not_looked_for(world: World) -> None:
    world.configure({"auth_methods": ["bearer"]})
    assert refused(world, world.call(basic()))
    world.configure({"auth_methods": ["client_credentials"]})
    assert refused(world, world.call(bearer(world.idp.token())))


# Tokens


def test_a_genuine_token_reaches_the_upstream_unchanged(world: World) -> None:
    token = world.idp.token()
    assert world.call(bearer(token)).status == 200
    assert world.seen("authorization") == f"Bearer {token}"
    assert world.idp.count(TOKEN_ENDPOINT) == 0


def unsigned(algorithm: str) -> Callable[[AuthorizationServer], str]:
    def token(idp: AuthorizationServer) -> str:
        claims = idp.token().split(".")[1]
        return f"{encode(json.dumps({'alg': algorithm, 'kid': 'k1'}).encode())}.{claims}."

    return token


def symmetric(secret: Callable[[], bytes]) -> Callable[[AuthorizationServer], str]:
    def token(idp: AuthorizationServer) -> str:
        header = encode(json.dumps({"alg": "HS256", "kid": "k1"}).encode())
        signing_input = f"{header}.{idp.token().split('.')[1]}"
        return f"{signing_input}.{encode(hmac.digest(secret(), signing_input.encode(), 'sha256'))}"

    return token


FORGERIES: dict[str, Callable[[AuthorizationServer], str]] = {
    "opaque": lambda _: "_0XBPWQQ_9d4c0e37-3f0b-4f3c-8a3c-0d2e2c1f7a10",
    "five parts": lambda _: "a.b.c.d.e",
    "no JSON": lambda _: "YQ.YQ.YQ",
    "deep nesting": lambda idp: f"{encode(b'[' * 5_000)}.{idp.token().partition('.')[2]}",
    "none": unsigned("none"),
    "None": unsigned("None"),
    "NONE": unsigned("NONE"),
    "unknown algorithm": unsigned("RS1"),
    "HS256 with the public key": symmetric(lambda: rsa_key(1).as_pem(private=False)),
    "HS256 with the client secret": symmetric(lambda: b"s3cret"),
    "foreign key, known kid": lambda idp: idp.token(key=rsa_key(9)),
    "foreign key, unknown kid": lambda idp: idp.token({"kid": "k9"}, rsa_key(9)),
    "key in the header": lambda idp: idp.token({"jwk": rsa_key(9).as_dict(private=False)}, rsa_key(9)),
    "jku": lambda idp: idp.token({"jku": "https://attacker.test/jwks", "kid": "k9"}, rsa_key(9)),
    "x5u": lambda idp: idp.token({"x5u": "https://attacker.test/chain", "kid": "k9"}, rsa_key(9)),
    "crit": lambda idp: idp.token({"crit": ["b64"], "b64": True}),
    "empty crit": lambda idp: idp.token({"crit": []}),
    "no kid": lambda idp: idp.token({"kid": None}),
    "kid is a number": lambda idp: idp.token({"kid": 1}),
    "kid is an object": lambda idp: idp.token({"kid": {}}),
    "other iss": lambda idp: idp.token(iss="https://other.test"),
    "iss with a slash": lambda idp: idp.token(iss=ISSUER + "/"),
    "iss is a list": lambda idp: idp.token(iss=[ISSUER]),
    "no iss": lambda idp: idp.token(iss=None),
    "expired": lambda idp: idp.token(exp=START - 1),
    "expires now": lambda idp: idp.token(exp=START),
    "expired, as a string": lambda idp: idp.token(exp=str(int(START) - 1)),
    "no exp": lambda idp: idp.token(exp=None),
    "exp is true": lambda idp: idp.token(exp=True),
    "exp is words": lambda idp: idp.token(exp="tomorrow"),
    "exp is endless": lambda idp: idp.token(exp=int("9" * 400)),
    "exp is a list": lambda idp: idp.token(exp=[START + 60]),
    "not valid yet": lambda idp: idp.token(nbf=START + 30),
    "nbf is an object": lambda idp: idp.token(nbf={}),
    "issued tomorrow": lambda idp: idp.token(iat=START + 30),
    "no sub": lambda idp: idp.token(sub=None),
    "sub is a number": lambda idp: idp.token(sub=7),
    "sub of nobody": lambda idp: idp.token(sub="app-3"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_is_no_good_token_is_401(world: World, forgery: str) -> None:
    assert refused(world, world.call(bearer(FORGERIES[forgery](world.idp))))
    assert all(urlsplit(call.url).hostname == "curity.test" for call in world.idp.calls)


@pytest.mark.parametrize(
    "claims", [{"exp": str(int(START) + 60)}, {"nbf": None, "iat": None}, {"aud": "another API"}, {"exp": START + 0.5}]
)
def test_claims_that_do_not_matter(world: World, claims: dict[str, Any]) -> None:
    assert world.call(bearer(world.idp.token(**claims))).status == 200


def test_leeway_forgives_a_difference_between_clocks(world: World) -> None:
    world.configure({"leeway": 60})
    for name, moment in (("exp", START - 5), ("nbf", START + 30), ("iat", START + 30)):
        claims: dict[str, Any] = {name: moment}
        assert world.call(bearer(world.idp.token(**claims))).status == 200
    assert refused(world, world.call(bearer(world.idp.token(exp=START - 60))))


@pytest.mark.parametrize(
    ("switch", "token"), [("accept_missing_exp", {"exp": None}), ("accept_missing_kid", {"header": {"kid": None}})]
)
def test_what_is_undocumented_is_a_switch(world: World, switch: str, token: dict[str, Any]) -> None:
    world.node.switches = Switches(**{switch: True})
    assert world.call(bearer(world.idp.token(**token))).status == 200
    assert refused(world, world.call(bearer(world.idp.token(key=rsa_key(9), **token))))


@pytest.mark.parametrize("suffices", [False, True])
def test_an_allowed_issuer_is_taken_where_the_switch_says_so(world: World, suffices: bool) -> None:
    world.node.switches = Switches(takes_allowed_issuers=suffices)
    foreign, own = bearer(world.idp.token(iss="https://other.test")), bearer(world.idp.token())
    allowed = {"issuers_allowed": ["https://other.test", ISSUER]}
    world.configure(allowed)
    assert world.call(own).status == 200
    assert world.call(foreign).status == (200 if suffices else 401)
    assert refused(world, world.call(bearer(world.idp.token(iss="https://third.test"))))
    world.configure(allowed | {"verify_claims": False})
    assert world.call(foreign).status == 200
    world.configure({"issuers_allowed": ["https://other.test"]})
    assert refused(world, world.call(own))


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize(("config", "seconds"), [({}, 3600), ({"cache_ttl_neg": 10}, 10), ({"cache_ttl": 60}, 60)])
def test_a_refusal_is_kept_where_the_switch_says_so(
    world: World, kept: bool, config: dict[str, Any], seconds: int
) -> None:
    world.node.switches = Switches(keeps_refusals=kept)
    world.configure(config)
    pair = basic("app-1", "not yet")
    assert refused(world, world.call(pair))
    world.idp.clients["app-1"] = "not yet"
    world.clock.advance(seconds - 1)
    assert world.call(pair).status == (401 if kept else 200)
    world.clock.advance(1)
    assert world.call(pair).status == 200
    assert refused(world, world.call(basic("app-1", "another")))


@pytest.mark.parametrize("status", [400, 499])
def test_any_refusal_is_one(world: World, status: int) -> None:
    world.node.switches = Switches(keeps_refusals=True)
    world.idp.token_answer = Response(status)
    assert refused(world, world.call(basic()))
    world.idp.token_answer = None
    assert refused(world, world.call(basic()))


@pytest.mark.parametrize(
    ("config", "answer"),
    [
        ({}, Response(399)),
        ({}, Response(500)),
        ({}, Response(200, body=b"{}")),
        ({}, NoAnswer("connection refused")),
        ({"cache_tokens": False}, Response(401)),
    ],
)
def test_what_is_no_refusal_is_never_kept(world: World, config: dict[str, Any], answer: Response | NoAnswer) -> None:
    world.node.switches = Switches(keeps_refusals=True)
    world.configure(config)
    world.idp.token_answer = answer
    assert refused(world, world.call(basic()))
    world.idp.token_answer = None
    assert world.call(basic()).status == 200


@pytest.mark.parametrize("shared", [False, True])
def test_token_requests_of_one_pair_are_one_flight_where_the_switch_says_so(world: World, shared: bool) -> None:
    world.node.switches = Switches(shares_token_requests=shared)
    assert world.call(basic()).status == 200
    flights = {call.url: call.flight for call in world.idp.calls}
    assert flights[TOKEN_ENDPOINT] == (world.node.id if shared else None)
    assert flights[JWKS] is None


@pytest.mark.parametrize(
    ("config", "claims", "status"),
    [
        ({"audience_required": ["api"]}, {}, 200),
        ({"audience_required": ["api"]}, {"aud": ["x", "api"]}, 200),
        ({"audience_required": ["api"]}, {"aud": "other"}, 403),
        ({"audience_required": ["api"]}, {"aud": None}, 403),
        ({"audience_required": ["api"]}, {"aud": {"api": 1}}, 403),
        ({"scopes_required": ["read write"]}, {"scope": "write x read"}, 200),
        ({"scopes_required": ["read write"]}, {"scope": "read"}, 403),
        ({"scopes_required": ["read", "write"]}, {"scope": "write"}, 200),
        ({"scopes_required": ["read"]}, {"scope": 5}, 403),
        ({"roles_required": ["admin"], "roles_claim": ["realm", "roles"]}, {"realm": {"roles": ["admin"]}}, 200),
        ({"roles_required": ["admin"], "roles_claim": ["realm", "roles"]}, {"realm": "roles"}, 403),
        ({"claims_forbidden": ["act"]}, {"act": {}}, 403),
    ],
)
def test_what_is_required_of_a_genuine_token(
    world: World, config: dict[str, Any], claims: dict[str, Any], status: int
) -> None:
    world.configure(config)
    answer = world.call(bearer(world.idp.token(**claims)))
    assert answer.status == status
    if status == 403:
        assert refused(world, answer, 403, "Forbidden")
        assert answer.header("www-authenticate") == 'Bearer realm="curity.test", error="insufficient_scope"'


@given(data=st.data())
def test_no_changed_token_is_accepted(data: st.DataObject) -> None:
    clock = StoppedClock()
    world = World(clock, AuthorizationServer(clock), DataPlane(name="dp-1", clock=clock, seed=1))
    world.configure()
    token = world.idp.token()
    place = data.draw(st.integers(0, len(token) - 1))
    new = data.draw(st.characters(min_codepoint=33, max_codepoint=255).filter(lambda one: one != token[place]))
    changed = data.draw(st.sampled_from([token[:place] + new + token[place + 1 :], token[:place] + token[place + 1 :]]))
    assert refused(world, world.call(bearer(changed)))


@given(algorithm=st.sampled_from(sorted(jws.JWSRegistry.algorithms)) | st.text())
def test_no_other_algorithm_makes_a_signature_good(algorithm: str) -> None:
    clock = StoppedClock()
    world = World(clock, AuthorizationServer(clock), DataPlane(name="dp-1", clock=clock, seed=1))
    world.configure()
    _, claims, signature = world.idp.token().split(".")
    header = encode(json.dumps({"alg": algorithm, "kid": "k1"}).encode())
    if algorithm != "RS256":
        assert refused(world, world.call(bearer(f"{header}.{claims}.{signature}")))


@given(text=st.text() | st.binary().map(lambda octets: f"{encode(octets)}.{encode(octets)}."))
def test_reading_a_token_never_raises(text: str) -> None:
    jwt = read_jwt(text)
    assert jwt is None or isinstance(jwt, Jwt)


def test_a_broken_rule_lets_the_forgery_through(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.node, "accepts_algorithm", lambda _: True)
    monkeypatch.setattr(world.node, "signature_matches", lambda *_: True)
    for forgery in ("none", "HS256 with the public key", "foreign key, unknown kid", "foreign key, known kid"):
        assert world.call(bearer(FORGERIES[forgery](world.idp))).status == 200


def test_elliptic_curves_verify_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ECKey.generate_key("P-256")
    monkeypatch.setattr(world.idp, "public", lambda _: {**key.as_dict(private=False), "kid": "k1"})
    assert world.call(bearer(world.idp.token({"alg": "ES256"}, key))).status == 200


# Discovery and keys


def test_discovery_comes_with_the_first_request(world: World) -> None:
    assert world.idp.calls == []
    world.call(bearer(world.idp.token()))
    world.call(bearer(world.idp.token()))
    assert [call.url for call in world.idp.calls] == [f"{ISSUER}/.well-known/openid-configuration", JWKS]


def test_the_issuer_may_be_given_without_the_path_of_its_document(world: World) -> None:
    world.configure({"issuer": ISSUER})
    assert world.call(bearer(world.idp.token())).status == 200


def test_a_server_that_is_down_is_401_and_is_asked_again_after_five_seconds(world: World) -> None:
    world.idp.down = True
    assert refused(world, world.call(basic()))
    world.idp.down = False
    world.clock.advance(4)
    assert refused(world, world.call(basic()))
    assert len(world.idp.calls) == 1
    world.clock.advance(1)
    assert world.call(basic()).status == 200


def test_an_outage_does_not_touch_what_is_cached(world: World) -> None:
    world.idp.lifetime = 7200
    world.call(basic())
    world.idp.down = True
    world.clock.advance(3500)
    assert world.call(basic()).status == 200
    assert refused(world, world.call(basic("app-2", "0ther")))


def test_what_was_discovered_is_used_when_it_is_old_and_the_server_is_down(world: World) -> None:
    world.call(bearer(world.idp.token()))
    world.idp.down = True
    world.clock.advance(3601)
    assert world.call(bearer(world.idp.token())).status == 200


def test_a_new_key_is_picked_up_by_its_unknown_kid_once_in_thirty_seconds(world: World) -> None:
    world.call(bearer(world.idp.token()))
    world.idp.keys = {"k2": 2, "k1": 1}
    world.clock.advance(29)
    assert refused(world, world.call(bearer(world.idp.token())))
    world.clock.advance(1)
    assert world.call(bearer(world.idp.token())).status == 200
    assert world.idp.count(JWKS) == 2


def test_a_flood_of_unknown_kids_causes_one_discovery(world: World) -> None:
    world.call(bearer(world.idp.token()))
    world.clock.advance(31)
    for number in range(20):
        assert refused(world, world.call(bearer(world.idp.token({"kid": f"x{number}"}, rsa_key(9)))))
    assert world.idp.count(JWKS) == 2


def test_a_new_key_under_the_old_kid_is_refused_until_the_node_restarts(world: World) -> None:
    world.call(bearer(world.idp.token()))
    world.idp.keys = {"k1": 2}
    world.clock.advance(600)
    assert refused(world, world.call(bearer(world.idp.token())))
    assert world.idp.count(JWKS) == 1
    world.node.restart()
    assert world.call(bearer(world.idp.token())).status == 200


def interleaved(world: World, requests: list[Request]) -> list[Response]:
    """Each request takes one step, then each the next, as they would on a server."""
    running = {number: GatewayHttp(world.node).handle(request) for number, request in enumerate(requests)}
    waiting: dict[int, Any] = dict.fromkeys(running)
    done: dict[int, Response] = {}
    while waiting:
        for number, answer in list(waiting.items()):
            try:
                waiting[number] = world.idp(running[number].send(answer))
            except StopIteration as stop:
                done[number] = stop.value
                del waiting[number]
    return [done[number] for number in running]


def test_first_calls_in_parallel_all_succeed(world: World) -> None:
    answers = interleaved(world, [Request("GET", "/accounts", headers=(basic(),))] * 10)
    assert {answer.status for answer in answers} == {200}


def test_unknown_kids_in_parallel_cause_one_discovery(world: World) -> None:
    world.call(bearer(world.idp.token()))
    world.clock.advance(31)
    forged = bearer(world.idp.token({"kid": "x"}, rsa_key(9)))
    answers = interleaved(world, [Request("GET", "/accounts", headers=(forged,))] * 10)
    assert {answer.status for answer in answers} == {401}
    assert world.idp.count(JWKS) == 2


@pytest.mark.parametrize(
    "document", [{"issuer": None}, {"issuer": 5}, {"jwks_uri": None}, {"jwks_uri": ["x"]}, {"token_endpoint": 5}]
)
def test_a_discovery_document_that_lacks_what_is_needed(world: World, document: dict[str, Any]) -> None:
    world.idp.document = document
    assert refused(world, world.call(basic()))


@given(
    body=st.binary()
    | st.recursive(st.none() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(
        lambda value: json.dumps(
            {"keys": value, "issuer": value, "token_endpoint_auth_methods_supported": value}
        ).encode()
    )
)
def test_reading_what_a_server_publishes_never_raises(body: bytes) -> None:
    read_provider(Response(200, (), body))
    read_keys(Response(200, (), body))


def test_unusable_keys_are_left_out() -> None:
    usable = {**rsa_key(1).as_dict(private=False), "kid": "k1"}
    others = [
        {"kty": "oct", "k": "AAAA", "kid": "k1"},
        {"kty": "ML"},
        {"kty": "RSA", "n": 1},
        {},
        7,
        {**usable, "kid": 7},
    ]
    keys = read_keys(json_response(200, {"keys": [*others, usable]}))
    assert keys is not None
    assert [key.kid for key in keys] == ["k1"]


# Session


def cookie_of(answer: Response) -> tuple[str, str]:
    set_cookie = answer.header("set-cookie")
    assert set_cookie is not None
    return "cookie", set_cookie.partition(";")[0]


def test_the_first_success_sets_a_cookie_that_is_enough_afterwards(world: World) -> None:
    first = world.call(basic())
    assert (first.header("set-cookie") or "").partition(";")[2] == " Path=/; SameSite=Lax; HttpOnly"
    token = world.seen("authorization")
    second = world.call(cookie_of(first))
    assert second.status == 200
    assert second.header("set-cookie") is None
    assert world.seen("authorization") == token
    assert world.seen("cookie") is None
    assert world.idp.count(TOKEN_ENDPOINT) == 1


@pytest.mark.parametrize(
    ("config", "attributes"),
    [
        ({"session_cookie_domain": "gateway.test"}, " Domain=gateway.test; Path=/; SameSite=Lax; HttpOnly"),
        ({"session_cookie_path": "/own"}, " Path=/own; SameSite=Lax; HttpOnly"),
        ({"session_cookie_same_site": "Strict"}, " Path=/; SameSite=Strict; HttpOnly"),
        ({"session_cookie_same_site": "None"}, " Path=/; SameSite=None; Secure; HttpOnly"),
        ({"session_cookie_same_site": "Default"}, " Path=/; HttpOnly"),
        ({"session_cookie_secure": True}, " Path=/; SameSite=Lax; Secure; HttpOnly"),
        ({"session_cookie_secure": False}, " Path=/; SameSite=Lax; HttpOnly"),
        ({"session_cookie_http_only": False}, " Path=/; SameSite=Lax"),
    ],
)
def test_the_attributes_of_the_cookie_are_the_configured_ones(
    world: World, config: dict[str, Any], attributes: str
) -> None:
    """Plugin schema, session_cookie_*."""
    world.configure(config)
    assert (world.call(basic()).header("set-cookie") or "").partition(";")[2] == attributes


def test_other_cookies_reach_the_upstream(world: World) -> None:
    name, value = cookie_of(world.call(basic()))
    assert world.call((name, f"a=1; {value}; b=2")).status == 200
    assert world.seen("cookie") == "a=1; b=2"


@pytest.mark.parametrize(
    "config", [{"auth_methods": ["client_credentials"]}, {"disable_session": ["client_credentials"]}]
)
def test_no_cookie_where_sessions_are_off(world: World, config: dict[str, Any]) -> None:
    session = cookie_of(world.call(basic()))
    world.configure(config)
    assert world.call(basic()).header("set-cookie") is None
    assert world.call(session).status == (200 if "disable_session" in config else 401)


def test_the_cookie_wins_over_basic(world: World) -> None:
    session = cookie_of(world.call(basic("app-2", "0ther")))
    world.call(session, basic())
    jwt = read_jwt((world.seen("authorization") or "").removeprefix("Bearer "))
    assert jwt is not None
    assert jwt.claims["sub"] == "app-2"


@pytest.mark.parametrize("passed_over", [False, True])
@pytest.mark.parametrize("credential", ["basic", "bearer"])
def test_a_cookie_that_does_not_open_stops_the_search_unless_the_switch_says_otherwise(
    world: World, passed_over: bool, credential: str
) -> None:
    world.node.switches = Switches(passes_over_broken_sessions=passed_over)
    good = basic() if credential == "basic" else bearer(world.idp.token())
    broken = ("cookie", "session=nonsense")
    assert refused(world, world.call(broken))
    assert world.call(("cookie", "other=1"), good).status == 200
    answer = world.call(broken, good)
    assert answer.status == (200 if passed_over else 401)
    assert ("Max-Age=0" in (answer.header("set-cookie") or "")) is not passed_over
    world.configure({"unauthorized_destroy_session": False})
    assert "Max-Age=0" not in (world.call(broken, good).header("set-cookie") or "")
    world.configure({"auth_methods": ["client_credentials", "bearer"]})
    assert world.call(broken, good).status == 200


@pytest.mark.parametrize("ignored", [False, True])
def test_the_configured_audience_counts_unless_the_switch_says_otherwise(world: World, ignored: bool) -> None:
    world.node.switches = Switches(ignores_audience=ignored)
    world.configure({"audience": ["api", "more"]})
    for aud in ("api", ["x", "more"]):
        assert world.call(bearer(world.idp.token(aud=aud))).status == 200
    for other in ("x", ["x"], None, {"api": 1}, 5):
        assert world.call(bearer(world.idp.token(aud=other))).status == (200 if ignored else 401)
    world.configure({"audience": ["api"], "verify_claims": False})
    assert world.call(bearer(world.idp.token(aud="x"))).status == 200


@pytest.mark.parametrize("turned", [False, True])
def test_how_those_are_answered_who_have_no_access_is_a_switch(world: World, turned: bool) -> None:
    world.node.switches = Switches(answers_strangers_with_403=turned, answers_unapproved_with_401=turned)
    unknown = world.call(bearer(world.idp.token(sub="nobody")))
    assert refused(world, unknown, *((403, "Forbidden") if turned else (401, "Unauthorized")))
    world.configure(apis=())
    unapproved = world.call(basic())
    expected = (401, "Unauthorized") if turned else (403, "You cannot consume this service")
    assert refused(world, unapproved, *expected)


@pytest.mark.parametrize("tolerated", [False, True])
@pytest.mark.parametrize(
    ("secret", "encoded"),
    [
        ("s3cre", "YXBwLTE6czNjcmU"),  # without its padding
        ("s3cr", "YXBwLTE6czNjcg="),  # with half of it
        ("???>>>", "YXBwLTE6Pz8_Pj4-"),  # in the other alphabet
    ],
)
def test_how_the_base64_of_a_pair_may_be_spelled(world: World, tolerated: bool, secret: str, encoded: str) -> None:
    world.node.switches = Switches(any_spelling_of_base64=tolerated)
    world.idp.clients["app-1"] = secret
    assert world.call(basic(secret=secret)).status == 200
    assert world.call(("authorization", f"Basic {encoded}")).status == (200 if tolerated else 401)
    assert refused(world, world.call(("authorization", f"Basic {encoded}!")))


@given(data=st.data())
def test_no_changed_cookie_opens(data: st.DataObject) -> None:
    key, session = session_key(b"secret"), GatewaySession("token", 1.0, 2.0)
    value = seal(key, session, b"issuer", b"n" * 12)
    assert unseal(key, value, b"issuer") == session
    assert unseal(key, value, b"other issuer") is None
    assert unseal(session_key(b"other"), value, b"issuer") is None
    place = data.draw(st.integers(0, len(value) - 1))
    changed = value[:place] + data.draw(st.characters().filter(lambda one: one != value[place])) + value[place + 1 :]
    assert unseal(key, changed, b"issuer") is None


def test_the_session_ends_with_its_access_token_and_the_cookie_is_taken_back(world: World) -> None:
    session = cookie_of(world.call(basic()))
    world.clock.advance(300)
    answer = world.call(session)
    assert refused(world, answer)
    assert "Max-Age=0" in (answer.header("set-cookie") or "")


def test_the_session_ends_when_it_is_idle_and_use_is_noted_once_a_minute(world: World) -> None:
    world.idp.lifetime = 7200
    session = cookie_of(world.call(basic()))
    world.clock.advance(800)
    touched = world.call(session)
    world.clock.advance(800)
    assert refused(world, world.call(session))
    assert world.call(cookie_of(touched)).status == 200
    world.clock.advance(2000)
    assert refused(world, world.call(cookie_of(touched)))


def test_a_session_is_trusted_unless_it_is_to_be_verified_again(world: World) -> None:
    session = cookie_of(world.call(basic()))
    world.node.issuers.clear()
    world.idp.down = True
    assert world.call(session).status == 200
    world.configure({"reverify": True})
    assert refused(world, world.call(session))


def test_a_revoked_registration_ends_the_session_too(world: World) -> None:
    session = cookie_of(world.call(basic()))
    world.configure(apis=())
    assert refused(world, world.call(session), 403, "You cannot consume this service")


def test_a_session_opens_elsewhere_only_with_the_same_secret(world: World) -> None:
    other = World(world.clock, world.idp, DataPlane(name="dp-2", clock=world.clock, seed=1))
    for config, status in (({}, 401), ({"session_secret": "shared"}, 200)):
        world.configure(config)
        other.configure(config)
        assert other.call(cookie_of(world.call(basic()))).status == status


# Applications


def test_an_application_without_an_approved_registration_for_this_api_is_403(world: World) -> None:
    for apis in ((), ("another API",)):
        world.configure(apis=apis)
        assert refused(world, world.call(basic()), 403, "You cannot consume this service")
    world.configure()
    assert world.call(basic()).status == 200


def test_an_application_of_another_strategy_does_not_match(world: World) -> None:
    base = configuration()
    world.node.apply(
        replace(base, applications=applications(PushedApplication("id", "app-1", "another strategy", (API,))))
    )
    assert refused(world, world.call(basic()))


def test_a_deleted_application_is_refused_although_its_token_is_cached(world: World) -> None:
    world.call(basic())
    world.node.apply(replace(configuration(), applications=applications()))
    assert refused(world, world.call(basic()))


def test_another_credential_claim(world: World) -> None:
    world.configure({"credential_claim": ["act", "client"]})
    assert refused(world, world.call(bearer(world.idp.token())))
    assert world.call(bearer(world.idp.token(sub="x", act={"client": "app-1"}))).status == 200


def test_without_a_strategy_the_route_is_open(world: World) -> None:
    world.configure(strategy=False)
    assert world.call().status == 200
    world.call(basic())
    assert world.seen("authorization") == basic()[1]


def test_a_thousand_applications_slow_no_call_down(world: World) -> None:
    base = configuration()
    many = tuple(PushedApplication(f"id-{n}", f"client-{n}", STRATEGY, (API,)) for n in range(1000))
    for count in range(0, 1000, 50):
        world.node.apply(replace(base, applications=applications(*many[:count], *base.applications.values())))
        assert world.call(basic()).status == 200


# The node and its configuration


def test_a_node_reports_what_it_has_applied(world: World) -> None:
    fresh = DataPlane(name="dp-9", clock=world.clock, seed=1)
    assert fresh.report()["config_hash"] == NO_CONFIGURATION
    assert world.node.report()["config_hash"] == configuration().hash
    assert (
        world.node.report() | {"hostname": "dp-1", "version": "3.14.0.8", "last_ping": int(START)}
        == world.node.report()
    )
    assert fresh.id != world.node.id
    assert fresh.id == DataPlane(name="dp-9", clock=world.clock, seed=1).id


@pytest.mark.parametrize(
    "config",
    [
        {"issuer": None},
        {"issuer": "curity"},
        {"issuer": "http://[1"},
        {"issuer": 5},
        {"leeway": "5"},
        {"leeway": True},
        {"leeway": -1},
        {"auth_methods": "bearer"},
        {"auth_methods": [1]},
        {"auth_methods": ["magic"]},
        {"cache_tokens": "no"},
        {"proof_of_possession_mtls": "strict"},
        {"max_age": "5"},
        {"upstream_headers": ["x-name"]},
        {"consumer_claims": ["sub"]},
    ],
)
def test_a_configuration_against_the_schema_is_not_taken(world: World, config: dict[str, Any]) -> None:
    before = world.node.report()
    world.node.apply(configuration(config))
    assert world.node.violation is not None
    assert next(iter(config)) in world.node.violation
    assert world.node.report() == before
    assert world.call(basic()).status == 200


@pytest.mark.parametrize(("version", "expected"), [("3.13.0.9", False), ("3.14.0.0", True), ("3.15.0.1", True)])
def test_two_defaults_depend_on_the_version(version: str, expected: bool) -> None:
    made = plugin({"issuer": ISSUER}, version)
    assert (made.ssl_verify, made.hide_credentials) == (expected, expected)
    assert plugin({"issuer": ISSUER, "ssl_verify": not expected}, version).ssl_verify is not expected


@given(
    config=st.dictionaries(
        st.sampled_from(["issuer", "leeway", "scopes", "session_secret", "reverify"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text() | st.integers()),
    )
)
def test_any_configuration_is_taken_or_refused(config: dict[str, Any]) -> None:
    try:
        plugin(config, "3.14.0.8")
    except SchemaViolation as error:
        assert str(error)


# HTTP


def test_headers_of_a_proxied_answer(world: World) -> None:
    answer = world.call(basic())
    assert answer.header("via") == "1.1 kong/3.14.0.8-enterprise-edition"
    assert answer.header("x-kong-proxy-latency") == "0"
    assert answer.header("x-kong-upstream-latency") == "0"
    assert answer.header("x-kong-request-id") == world.seen("x-kong-request-id")


def test_headers_of_the_gateways_own_answer(world: World) -> None:
    answer = world.call()
    assert answer.body == b'{"message":"Unauthorized"}'
    assert answer.header("content-type") == "application/json; charset=utf-8"
    assert answer.header("server") == "kong/3.14.0.8-enterprise-edition"
    assert answer.header("x-kong-response-latency") == "0"
    assert answer.header("www-authenticate") == 'Bearer realm="curity.test"'
    assert answer.header("via") is None
    assert world.call(bearer("x")).header("www-authenticate") == 'Bearer realm="curity.test", error="invalid_token"'
    world.configure({"expose_error_code": False})
    assert world.call(bearer("x")).header("www-authenticate") == 'Bearer realm="curity.test"'


UNAUTHORIZED = {"unauthorized_redirect_uri": ["https://portal.test/401"]}
FORBIDDEN = {"forbidden_redirect_uri": ["https://portal.test/403"], "scopes_required": ["never"]}
CODE = {"auth_methods": ["client_credentials", "authorization_code"]}


@pytest.mark.parametrize(
    ("config", "headers", "location"),
    [
        (UNAUTHORIZED, (), "https://portal.test/401"),
        (UNAUTHORIZED, (basic(secret="wrong"),), "https://portal.test/401"),
        (FORBIDDEN | UNAUTHORIZED, (basic(),), "https://portal.test/403"),
        (CODE, (), "https://curity.test/authorize?response_type=code&scope=openid"),
        (
            CODE | {"authorization_endpoint": "https://other.test/a"},
            (),
            "https://other.test/a?response_type=code&scope=openid",
        ),
        (
            CODE | {"client_id": ["kong"]},
            (),
            "https://curity.test/authorize?response_type=code&scope=openid&client_id=kong",
        ),
    ],
)
def test_a_refusal_may_be_a_redirect(
    world: World, config: dict[str, Any], headers: tuple[tuple[str, str], ...], location: str
) -> None:
    """Plugin schema, unauthorized_redirect_uri and forbidden_redirect_uri; support article "302 response instead of 401"."""
    world.idp.document = {"authorization_endpoint": "https://curity.test/authorize"}
    world.configure(config)
    answer = world.call(*headers)
    assert (answer.status, answer.header("location")) == (302, location)
    assert world.reached is None


def test_messages_as_configured_and_reasons_that_hold_no_secret(world: World) -> None:
    world.configure({"unauthorized_error_message": "No", "display_errors": True})
    for headers in ((), (basic(secret="very-secret"),), (bearer(world.idp.token(key=rsa_key(9))),)):
        message = world.call(*headers).json()["message"]
        assert message.startswith("No (")
        assert "very-secret" not in message
        assert "ey" not in message.split()


def test_identity_headers_of_the_caller_do_not_get_through(world: World) -> None:
    forged = ("x-consumer-id", "x-consumer-username", "x-credential-identifier", "x-anonymous-consumer")
    world.call(basic(), *((name, "admin") for name in forged), ("x-other", "kept"))
    assert [world.seen(name) for name in (*forged, "x-other")] == [None] * 4 + ["kept"]


def test_forwarding_headers_are_the_gateways_own(world: World) -> None:
    world.call(
        basic(),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-host", "forged"),
        ("x-real-ip", "192.0.2.1"),
        ("connection", "close, x-hop"),
        ("x-hop", "1"),
        ("te", "trailers"),
        path="/accounts/7",
    )
    expected = {
        "x-forwarded-for": "192.0.2.1, 127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "gateway.test",
        "x-forwarded-port": "8000",
        "x-forwarded-path": "/accounts/7",
        "x-forwarded-prefix": "/accounts",
        "x-real-ip": "127.0.0.1",
    }
    assert {name: world.seen(name) for name in expected} == expected
    assert [world.seen(name) for name in ("x-hop", "te", "connection", "host")] == [None] * 4


def test_preflight_authenticates_as_well_unless_told_otherwise(world: World) -> None:
    assert refused(world, world.call(method="OPTIONS"))
    world.configure({"run_on_preflight": False})
    assert world.call(method="OPTIONS").status == 200
    assert refused(world, world.call())


def test_an_unmatched_path_is_404_in_the_cores_shape(world: World) -> None:
    answer = world.call(path="/nowhere")
    assert answer.status == 404
    request_id = answer.header("x-kong-request-id")
    assert answer.body.decode() == (
        f'{{\n  "message":"no Route matched with those values",\n  "request_id":"{request_id}"\n}}'
    )
    html = world.call(("accept", "application/json;q=0.5, text/html"), path="/nowhere")
    assert html.header("content-type") == "text/html; charset=utf-8"
    assert b"<p>no Route matched with those values.</p>" in html.body


@pytest.mark.parametrize(("kind", "status"), [("connection", 502), ("tls", 502), ("time", 504), ("name", 503)])
def test_an_upstream_that_does_not_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str, status: int
) -> None:
    monkeypatch.setattr(world.idp, "upstream", lambda _: NoAnswer("it is down", kind))
    answer = world.call(basic(), ("accept", "application/json"))
    assert answer.status == status
    assert answer.json()["message"]
    assert answer.header("x-kong-upstream-latency") is None


@pytest.mark.parametrize(
    ("strip", "path", "expected"),
    [
        (True, "/accounts", "/v1"),
        (True, "/accounts/", "/v1/"),
        (True, "/accounts/7", "/v1/7"),
        (True, "/x/../accounts//7", "/v1/7"),
        (True, "/%61ccounts/%2f%c3%a9", "/v1/%2F%C3%A9"),
        (False, "/accounts/7", "/v1/accounts/7"),
    ],
)
def test_where_a_path_leads(world: World, strip: bool, path: str, expected: str) -> None:
    world.configure(routes=(Route("r", ("/accounts",), ("GET",), strip),))
    assert world.call(basic(), path=path).json()["path"] == expected


def test_the_longest_prefix_wins_and_methods_count(world: World) -> None:
    open_service = Service(
        "open", f"{SERVICE_URL}/open", (Route("r2", ("/accounts/open",)), Route("r3", ("/",), ("PUT",)))
    )
    base = configuration()
    world.node.apply(replace(base, services=(*base.services, open_service)))
    assert world.call(path="/accounts/open").status == 200
    assert world.call(path="/accounts", method="PUT").status == 200
    assert refused(world, world.call(path="/accounts/open/../7"))
    assert world.call(path="/other").status == 404


@given(path=st.text(st.sampled_from("/.%2eEaA~\xe9"), min_size=1).map(lambda rest: "/" + rest))
def test_normalising_leaves_no_dot_segments_and_is_done_once(path: str) -> None:
    normal = normalise(path)
    assert normal.startswith("/")
    assert not {".", "..", ""} & set(normal.strip("/").split("/")) or normal == "/"


def test_the_upstream_echoes_what_reached_it() -> None:
    request = Request("PUT", "/a b", "/a%20b", "x=1", (("x-a", "1"), ("x-a", "2")), b"h\xff")
    echo = upstream.handle(request).json()
    assert echo == {"method": "PUT", "path": "/a%20b", "query": "x=1", "headers": {"x-a": "1, 2"}, "body": "h\ufffd"}
