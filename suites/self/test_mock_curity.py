"""Mock Curity does what Curity's documents say, and refuses what Curity refuses."""

import base64
import json
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.curity.configuration import Configuration
from dcrproof.mocks.curity.errors import CommitRejected
from dcrproof.mocks.curity.http import CurityHttp
from dcrproof.mocks.curity.settings import (
    DAY,
    AuthenticateClientBy,
    AuthenticateUserBy,
    Client,
    ClientManagement,
    DataSource,
    DefaultTokenIssuer,
    DynamicClientRegistration,
    NoAuthentication,
    NonTemplatized,
    RegistrationToken,
    ServiceRole,
)
from dcrproof.mocks.curity.setup import how_to_configuration
from dcrproof.mocks.curity.state import Curity
from dcrproof.mocks.curity.switches import Switches
from dcrproof.mocks.lasting import MANY
from dcrproof.mocks.messages import Request, Response, perform

BASE = "http://127.0.0.1:8443"
ISSUER = BASE + "/oauth/v2/oauth-anonymous"
TOKEN = "/oauth/v2/oauth-token"
REGISTER = "/token-service/oauth-registration"
REGISTRAR = ("konnect-registrar", "registrar's secret")
INTROSPECTOR = ("gateway", "introspector's secret")
ADMIN = ("admin", "admin's password")


def basic(client_id: str, secret: str) -> str:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


class StoppedClock(Clock):
    def now(self) -> float:
        return 1_800_000_000.25 + self.turned


@dataclass
class World:
    """A Curity with the how-to done, and the requests that people make of it."""

    seed: int = 7
    clock: Clock = field(default_factory=StoppedClock)

    def __post_init__(self) -> None:
        self.curity = Curity(
            clock=self.clock,
            seed=self.seed,
            base_url=BASE,
            configuration=how_to_configuration(REGISTRAR, INTROSPECTOR),
            admin=ADMIN,
        )
        self.http = CurityHttp(self.curity)

    def send(self, method: str, path: str, body: bytes = b"", query: str = "", **headers: str) -> Response:
        pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        request = Request(method, path, path, query, pairs, body)
        return perform(self.http.handle(request), answer=NotImplemented)

    def form(self, path: str, authorization: str | None, **parameters: str) -> Response:
        headers = {} if authorization is None else {"authorization": authorization}
        kind = "application/x-www-form-urlencoded; charset=UTF-8"
        return self.send("POST", path, urlencode(parameters).encode(), content_type=kind, **headers)

    def token(self, pair: tuple[str, str], scope: str | None = None) -> Response:
        scopes = {} if scope is None else {"scope": scope}
        return self.form(TOKEN, basic(*pair), grant_type="client_credentials", **scopes)

    def access_token(self, pair: tuple[str, str], scope: str | None = None) -> str:
        value: str = self.token(pair, scope).json()["access_token"]
        return value

    def manage(self, method: str, path: str, token: str | None, document: object = None) -> Response:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        body = b"" if document is None else json.dumps(document).encode()
        return self.send(method, path, body, content_type="application/json", **headers)

    def register(self, **metadata: Any) -> Response:
        document = {"client_name": "weather", "grant_types": ["client_credentials"]} | metadata
        return self.manage("POST", REGISTER, self.access_token(REGISTRAR, "dcr"), document)

    def introspect(self, token: str, **headers: str) -> Response:
        kind = "application/x-www-form-urlencoded"
        body = urlencode({"token": token}).encode()
        authorization = basic(*INTROSPECTOR)
        path = "/oauth/v2/oauth-introspect"
        return self.send("POST", path, body, authorization=authorization, content_type=kind, **headers)

    def restconf(self, path: str, query: str = "", **headers: str) -> Response:
        authorization = "Basic " + base64.b64encode(":".join(ADMIN).encode()).decode()
        headers = {"authorization": authorization} | headers
        return self.send("GET", "/admin/api/restconf" + path, b"", query, **headers)

    def configure(self, **changes: Any) -> None:
        self.curity.configuration = replace(self.curity.configuration, **changes)

    def configure_registration(self, **changes: Any) -> None:
        dynamic = self.curity.configuration.dynamic_client_registration
        assert dynamic is not None
        self.configure(dynamic_client_registration=replace(dynamic, **changes))

    def configure_non_templatized(self, **changes: Any) -> None:
        non_templatized = self.curity.configuration.non_templatized
        assert non_templatized is not None
        self.configure_registration(non_templatized=replace(non_templatized, **changes))

    def configure_registrar(self, **changes: Any) -> None:
        clients = self.curity.configuration.clients
        self.configure(clients=(replace(clients[0], **changes), *clients[1:]))

    def switch(self, **changes: bool) -> None:
        self.curity.switches = replace(self.curity.switches, **changes)


@pytest.fixture
def world() -> World:
    return World()


def pair(members: dict[str, Any]) -> tuple[str, str]:
    return members["client_id"], members["client_secret"]


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    return json.loads(header), json.loads(payload)


def verifies(token: str, jwks: Any) -> bool:
    try:
        jws.deserialize_compact(token, KeySet.import_key_set(jwks), algorithms=["RS256"])
    except (ValueError, JoseError):  # no such key, or not its signature
        return False
    return True


def refusal(response: Response) -> tuple[int, dict[str, Any]]:
    return response.status, response.json()


# Metadata


def test_discovery_names_every_endpoint_and_may_be_kept_for_ten_minutes(world: World) -> None:
    answer = world.send("GET", "/oauth/v2/oauth-anonymous/.well-known/openid-configuration")
    document = answer.json()
    assert (answer.status, answer.header("cache-control")) == (200, "max-age=600")
    assert document["issuer"] == ISSUER
    assert document["token_endpoint"] == BASE + TOKEN
    assert document["registration_endpoint"] == BASE + REGISTER
    assert document["jwks_uri"] == ISSUER + "/jwks"
    assert document["pushed_authorization_request_endpoint"] == BASE + "/oauth/v2/oauth-authorize/par"
    assert document["end_session_endpoint"] == BASE + "/oauth/v2/oauth-session/logout"
    assert document["grant_types_supported"] == ["client_credentials"]
    assert document["token_endpoint_auth_methods_supported"] == ["client_secret_basic", "client_secret_post"]
    for member in document:
        if member.endswith("_endpoint"):
            assert world.send("GET", document[member].removeprefix(BASE)).status != 404, member


def test_the_document_of_rfc_8414_is_off_until_it_is_exposed(world: World) -> None:
    path = "/.well-known/oauth-authorization-server/oauth/v2/oauth-anonymous"
    assert world.send("GET", path).status == 404
    world.configure(expose_metadata=True)
    assert world.send("GET", path).json()["issuer"] == ISSUER


def test_without_openid_connects_metadata_there_is_no_discovery(world: World) -> None:
    world.configure(openid_connect_expose_metadata=False)
    assert world.send("GET", "/oauth/v2/oauth-anonymous/.well-known/openid-configuration").status == 404
    assert world.send("GET", "/oauth/v2/oauth-anonymous/jwks").status == 200


def test_registration_that_is_off_or_on_no_node_is_neither_shown_nor_served(world: World) -> None:
    served = world.curity.configuration.service_roles[0].endpoints
    endpoint = "token-service-dynamic-client-registration"
    for change in (
        {"dynamic_client_registration": None},
        {"service_roles": (ServiceRole("default", served - {endpoint}),)},
    ):
        other = World()
        other.configure(**change)
        assert "registration_endpoint" not in other.curity.metadata()
        answer = other.manage("POST", REGISTER, None, {})
        assert answer.status == 404
        with pytest.raises(ValueError):
            answer.json()


def test_one_node_of_two_may_lack_an_endpoint(world: World) -> None:
    served = world.curity.configuration.service_roles[0].endpoints
    lacking = ServiceRole("other", served - {"token-service-dynamic-client-registration"})
    world.configure(service_roles=(*world.curity.configuration.service_roles, lacking))
    request = Request("POST", REGISTER)
    assert "registration_endpoint" in world.curity.metadata()
    assert perform(CurityHttp(world.curity, "other").handle(request), NotImplemented).status == 404
    assert perform(world.http.handle(request), NotImplemented).status == 401


def test_the_root_is_not_found_and_a_wrong_method_not_allowed(world: World) -> None:
    assert world.send("GET", "/").status == 404
    answer = world.send("GET", TOKEN)
    assert (answer.status, answer.header("allow")) == (405, "POST")
    assert world.send("POST", f"{REGISTER}/some-client").header("allow") == "DELETE, GET, PUT"


def test_the_issuer_follows_the_base_url_of_the_environment(world: World) -> None:
    world.configure(base_url="http://internal:8443")
    assert world.curity.metadata()["issuer"] == "http://internal:8443/oauth/v2/oauth-anonymous"
    _, claims = parts(world.access_token(pair(world.register().json())))
    assert claims["iss"] == "http://internal:8443/oauth/v2/oauth-anonymous"


def test_the_issuer_and_the_address_of_the_keys_may_be_overridden(world: World) -> None:
    overridden = {"issuer_override": "https://login.example", "jwks_uri_override": "https://keys.example/jwks"}
    world.configure(**overridden)
    metadata = world.curity.metadata()
    assert (metadata["issuer"], metadata["jwks_uri"]) == tuple(overridden.values())
    assert metadata["token_endpoint"].startswith(BASE)
    _, claims = parts(world.access_token(pair(world.register().json())))
    assert claims["iss"] == "https://login.example"
    assert world.restconf(f"{SERVER}/issuer-override").json() == {
        "profile-oauth:issuer-override": "https://login.example"
    }
    exposed = world.restconf(f"{SERVER}/openid-connect/expose-metadata").json()["profile-oauth:expose-metadata"]
    assert exposed == {"jwks-uri-override": "https://keys.example/jwks"}


def test_what_type_a_registration_says_it_is_does_not_matter(world: World) -> None:
    """Curity's own sample posts JSON as a form: github.com/curityio/example-dcr-request-validation."""
    bearer = f"Bearer {world.access_token(REGISTRAR, 'dcr')}"
    body = b'{"grant_types": ["client_credentials"]}'
    kind = "application/x-www-form-urlencoded"
    assert world.send("POST", REGISTER, body, authorization=bearer, content_type=kind).status == 201


# Keys


def test_the_key_set_shows_public_members_and_a_kid_that_begins_with_a_hyphen(world: World) -> None:
    (key,) = world.send("GET", "/oauth/v2/oauth-anonymous/jwks").json()["keys"]
    assert set(key) == {"kty", "kid", "use", "alg", "n", "e", "x5t"}
    assert -(2**31) <= int(key["kid"]) < 0
    assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")


def test_a_new_key_leaves_the_old_one_published(world: World) -> None:
    app = pair(world.register().json())
    old = world.access_token(app)
    world.curity.rotate_keys("new")
    new = world.access_token(app)
    assert parts(old)[0]["kid"] != parts(new)[0]["kid"]
    assert verifies(old, world.curity.jwks())
    assert verifies(new, world.curity.jwks())


def test_another_key_under_the_same_name_takes_the_old_ones_place(world: World) -> None:
    app = pair(world.register().json())
    before, old = world.curity.jwks(), world.access_token(app)
    world.curity.rotate_keys("same")
    new = world.access_token(app)
    assert parts(old)[0]["kid"] == parts(new)[0]["kid"]
    assert len(world.curity.jwks()["keys"]) == 1
    assert not verifies(old, world.curity.jwks())
    assert not verifies(new, before)
    with pytest.raises(ValueError, match="kid"):
        world.curity.rotate_keys("other")


# Access tokens


def test_an_access_token_has_the_claims_and_the_header_of_curity(world: World) -> None:
    app = pair(world.register().json())
    answer = world.token(app, "openid").json()
    header, claims = parts(answer["access_token"])
    assert list(header) == ["kid", "x5t", "alg"]
    assert set(claims) == {"jti", "delegationId", "exp", "nbf", "iat", "scope", "iss", "sub", "aud", "purpose"}
    assert (claims["iss"], claims["sub"], claims["aud"]) == (ISSUER, app[0], app[0])
    assert (claims["scope"], claims["purpose"]) == ("openid", "access_token")
    assert claims["nbf"] == claims["iat"] == 1_800_000_000
    assert claims["exp"] == claims["iat"] + 300
    assert verifies(answer["access_token"], world.curity.jwks())
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope"}
    assert answer["token_type"] == "bearer"


def test_what_is_left_of_a_token_is_300_seconds_or_299(world: World) -> None:
    app = pair(world.register().json())
    assert {world.token(app).json()["expires_in"] for _ in range(20)} == {299, 300}


def test_a_token_of_one_second_has_one_left(world: World) -> None:
    world.configure_registrar(access_token_ttl=1)
    assert {world.token(REGISTRAR).json()["expires_in"] for _ in range(20)} == {1}
    world.configure_registrar(access_token_ttl=2)
    assert {world.token(REGISTRAR).json()["expires_in"] for _ in range(20)} == {1, 2}


def test_the_answer_is_not_to_be_kept(world: World) -> None:
    answer = world.token(REGISTRAR)
    assert (answer.header("cache-control"), answer.header("pragma")) == ("no-store", "no-cache")


def test_access_tokens_are_opaque_until_the_profile_says_jwt(world: World) -> None:
    app = pair(world.register().json())
    issuer = world.curity.configuration.default_token_issuer
    world.configure(default_token_issuer=replace(issuer, access_token_as_jwt=False))
    token = world.access_token(app)
    assert token.startswith("_0XBPWQQ_")
    assert "." not in token
    assert world.introspect(token).json()["sub"] == app[0]


def test_a_wrapped_token_is_signed_and_says_next_to_nothing(world: World) -> None:
    app = pair(world.register().json())
    issuer = world.curity.configuration.default_token_issuer
    world.configure(default_token_issuer=replace(issuer, use_wrapped_opaque_tokens=True))
    token = world.access_token(app)
    assert verifies(token, world.curity.jwks())
    assert not parts(token)[1].keys() & {"sub", "scope", "aud"}
    assert world.introspect(token).json()["sub"] == app[0]


def test_the_audience_is_the_first_that_the_client_has(world: World) -> None:
    world.configure_registrar(audience=("https://api.example", "https://other.example"))
    assert parts(world.access_token(REGISTRAR))[1]["aud"] == "https://api.example"


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        (None, ""),
        ("", ""),
        ("openid", "openid"),
        ("email unheard-of openid", "email openid"),
        ("openid openid", "openid"),
    ],
)
def test_scopes_that_a_client_may_not_have_are_dropped(world: World, scope: str | None, granted: str) -> None:
    answer = world.token(pair(world.register().json()), scope)
    assert (answer.status, answer.json()["scope"]) == (200, granted)


@pytest.mark.parametrize("scope", ["unheard-of", "dcr", "dcrm", "dcr dcrm"])
def test_no_scope_left_is_refused(world: World, scope: str) -> None:
    assert refusal(world.token(pair(world.register().json()), scope)) == (400, {"error": "invalid_scope"})


def test_openid_may_be_switched_to_refused(world: World) -> None:
    app = pair(world.register().json())
    world.switch(openid_for_client_credentials=False)
    assert refusal(world.token(app, "openid")) == (400, {"error": "invalid_scope"})
    assert world.token(app, "openid email").json()["scope"] == "email"


def test_a_client_that_may_not_have_openid_does_not_get_it(world: World) -> None:
    world.configure_non_templatized(scopes=frozenset({"email"}))
    members = world.register().json()
    assert members["scope"] == "email"
    assert world.token(pair(members), "openid").status == 400


def test_errors_are_described_only_where_the_profile_exposes_details(world: World) -> None:
    app = pair(world.register().json())
    assert world.token(app, "unheard-of").json() == {"error": "invalid_scope"}
    world.configure(expose_detailed_error_messages=True)
    assert world.token(app, "unheard-of").json() == {
        "error": "invalid_scope",
        "error_description": "No valid scope was requested.",
    }


# Client authentication


def test_a_secret_may_come_by_basic_or_in_the_form(world: World) -> None:
    client_id, secret = pair(world.register().json())
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    assert world.token((client_id, secret)).status == 200
    assert world.form(TOKEN, None, **form).status == 200
    assert world.form(TOKEN, basic(client_id, secret), **form).json() == {"error": "invalid_request"}
    world.configure(basic_and_form_post=False)
    assert world.token((client_id, secret)).status == 401
    assert world.form(TOKEN, None, **form).status == 401
    assert world.curity.metadata()["token_endpoint_auth_methods_supported"] == []


@pytest.mark.parametrize(
    "authorization",
    [
        basic(REGISTRAR[0], "wrong"),
        basic("nobody", REGISTRAR[1]),
        basic(REGISTRAR[0], ""),
        f"Basic {REGISTRAR[0]}:{REGISTRAR[1]}",
        "Basic a-b_",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff:\xfe").decode(),
        basic(*REGISTRAR).rstrip("=")[:-1],
        f"{basic(*REGISTRAR)[:10]}!{basic(*REGISTRAR)[10:]}",
        "Basic",
        "Bearer token",
        "",
    ],
)
def test_a_bad_secret_is_refused_with_a_challenge(world: World, authorization: str) -> None:
    answer = world.form(TOKEN, authorization, grant_type="client_credentials")
    assert refusal(answer) == (401, {"error": "invalid_client"})
    assert (answer.header("www-authenticate") or "").startswith("Basic ")


def test_without_an_authorization_header_there_is_no_challenge(world: World) -> None:
    answer = world.form(TOKEN, None, grant_type="client_credentials")
    assert refusal(answer) == (401, {"error": "invalid_client"})
    assert answer.header("www-authenticate") is None


@pytest.mark.parametrize(
    "change",
    [
        {"enabled": False},
        {"authentication_method": "mutual-tls", "secret": None},
        {"authentication_method": "no-authentication"},
        {"secret": "another"},
        {"id": "another"},
    ],
)
def test_a_client_set_up_otherwise_does_not_authenticate(world: World, change: dict[str, Any]) -> None:
    world.configure_registrar(**change)
    assert refusal(world.token(REGISTRAR, "dcr")) == (401, {"error": "invalid_client"})


def test_a_client_without_the_capability_is_not_authorized(world: World) -> None:
    world.configure_registrar(capabilities=frozenset())
    assert refusal(world.token(REGISTRAR, "dcr")) == (400, {"error": "unauthorized_client"})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "invalid_request"),
        (b"grant_type=", "invalid_request"),
        (b"grant_type=password", "unsupported_grant_type"),
        (b"grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        (b"grant_type=client_credentials&scope=dcr&scope=dcr", "invalid_request"),
        (b"\xff\x00%zz&=&grant_type=%ff", "unsupported_grant_type"),
    ],
)
def test_a_malformed_token_request_is_refused(world: World, body: bytes, error: str) -> None:
    kind = "application/x-www-form-urlencoded"
    answer = world.send("POST", TOKEN, body, authorization=basic(*REGISTRAR), content_type=kind)
    assert refusal(answer) == (400, {"error": error})


def test_a_token_request_is_a_form(world: World) -> None:
    body = json.dumps({"grant_type": "client_credentials"}).encode()
    answer = world.send("POST", TOKEN, body, authorization=basic(*REGISTRAR), content_type="application/json")
    assert refusal(answer) == (400, {"error": "invalid_request"})


PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


@given(client_id=PRINTABLE, secret=st.text(min_size=1))
def test_any_id_and_secret_authenticate_when_form_encoded(client_id: str, secret: str) -> None:
    world = World()
    client = Client(client_id, secret, capabilities=frozenset({"client-credentials"}))
    world.configure(clients=(client,))
    assert world.token((client_id, secret)).status == 200
    assert world.token((client_id, secret + "x")).status == 401


# The initial access token


def test_the_initial_token_serves_once(world: World) -> None:
    token = world.access_token(REGISTRAR, "dcr")
    document = {"grant_types": ["client_credentials"]}
    assert world.manage("POST", REGISTER, token, document).status == 201
    answer = world.manage("POST", REGISTER, token, document)
    assert refusal(answer) == (401, {"error": "invalid_token"})
    assert answer.header("www-authenticate") == 'Bearer error="invalid_token"'
    assert len(world.curity.dynamic_clients) == 1


def test_the_initial_token_lives_as_long_as_the_registrars_tokens(world: World) -> None:
    token = world.access_token(REGISTRAR, "dcr")
    world.clock.advance(300)
    assert world.manage("POST", REGISTER, token, {"grant_types": ["client_credentials"]}).status == 401


def test_dcr_must_be_asked_for(world: World) -> None:
    answer = world.manage("POST", REGISTER, world.access_token(REGISTRAR), {"grant_types": ["client_credentials"]})
    assert refusal(answer) == (403, {"error": "insufficient_scope"})


@pytest.mark.parametrize(
    "authentication", [AuthenticateClientBy(("another",)), AuthenticateUserBy((REGISTRAR[0],)), NoAuthentication()]
)
def test_only_a_listed_client_gets_dcr(world: World, authentication: Any) -> None:
    world.configure_non_templatized(authentication=authentication)
    assert refusal(world.token(REGISTRAR, "dcr")) == (400, {"error": "invalid_scope"})
    assert world.token(REGISTRAR).status == 200


def test_registration_without_a_token_is_refused(world: World) -> None:
    for headers in ({}, {"authorization": "Bearer"}, {"authorization": basic(*REGISTRAR)}):
        answer = world.send("POST", REGISTER, b'{"grant_types":["client_credentials"]}', **headers)
        assert refusal(answer) == (401, {"error": "invalid_token"})
        assert answer.header("www-authenticate") == "Bearer"
    assert world.curity.dynamic_clients == ()


def test_open_registration_ignores_the_token(world: World) -> None:
    token = world.access_token(REGISTRAR, "dcr")
    world.configure_non_templatized(authentication=NoAuthentication())
    for value in (None, "nonsense", token, token):
        assert world.manage("POST", REGISTER, value, {"grant_types": ["client_credentials"]}).status == 201
    assert world.introspect(token).json()["active"]


def test_open_registration_may_be_switched_to_give_dcr_to_all(world: World) -> None:
    world.configure_non_templatized(authentication=NoAuthentication())
    world.switch(dcr_scope_when_registration_is_open=True)
    assert world.token(REGISTRAR, "dcr").json()["scope"] == "dcr"


def test_a_refused_registration_leaves_the_token_usable_unless_switched(world: World) -> None:
    token = world.access_token(REGISTRAR, "dcr")
    assert world.manage("POST", REGISTER, token, []).status == 400
    assert world.manage("POST", REGISTER, token, {"grant_types": ["client_credentials"]}).status == 201
    world.switch(failed_registration_consumes_initial_token=True)
    token = world.access_token(REGISTRAR, "dcr")
    assert world.manage("POST", REGISTER, token, []).status == 400
    assert world.manage("POST", REGISTER, token, {"grant_types": ["client_credentials"]}).status == 401


# Registration


def test_a_registration_shows_all_that_curity_shows(world: World) -> None:
    answer = world.register(scope="openid email")
    members = answer.json()
    assert (answer.status, answer.header("cache-control")) == (201, "no-store")
    assert len(members["client_id"]) == 36
    assert len(members["client_secret"]) == 43
    assert members["registration_client_uri"] == f"{BASE}{REGISTER}/{members['client_id']}"
    assert members["registration_access_token"].startswith("_0XBPWQQ_")
    for variable in ("client_id", "client_secret", "registration_client_uri", "registration_access_token"):
        del members[variable]
    assert members == {
        "client_id_issued_at": 1_800_000_000,
        "client_secret_expires_at": 0,
        "client_name": "weather",
        "grant_types": ["client_credentials"],
        "response_types": [],
        "redirect_uris": [],
        "post_logout_redirect_uris": [],
        "scope": "openid email",
        "token_endpoint_auth_method": "client_secret_basic",
        "token_endpoint_auth_methods": ["client_secret_basic", "client_secret_post"],
        "subject_type": "public",
        "require_proof_key": False,
        "requires_consent": False,
        "access_token_ttl": 300,
        "default_acr_values": [],
        "audiences": [],
        "registration_access_token_expires_in": 31_536_000,
    }


def test_the_same_seed_gives_the_same_ids_and_secrets() -> None:
    assert World(seed=3).register().json() == World(seed=3).register().json()
    assert World(seed=3).register().json()["client_secret"] != World(seed=4).register().json()["client_secret"]


def test_secrets_are_kept_as_digests(world: World) -> None:
    members = world.register().json()
    assert members["client_secret"] not in repr(vars(world.curity))
    assert REGISTRAR[1] not in repr(world.curity.configuration)


@pytest.mark.parametrize("scope", [{}, {"scope": ""}, {"scope": None}])
def test_a_missing_scope_is_every_scope_that_is_allowed(world: World, scope: dict[str, Any]) -> None:
    assert world.register(**scope).json()["scope"] == "openid profile email address phone"


def test_what_is_not_allowed_is_filtered_silently(world: World) -> None:
    members = world.register(
        grant_types=["authorization_code", "client_credentials", "refresh_token", "unheard-of"],
        scope="email admin",
        token_endpoint_auth_method="none",
        subject_type="pairwise",
        audiences=["https://somebody.else"],
    ).json()
    assert members["grant_types"] == ["client_credentials"]
    assert members["scope"] == "email"
    assert members["token_endpoint_auth_method"] == "client_secret_basic"
    assert members["subject_type"] == "public"
    assert members["audiences"] == []
    assert world.token(pair(members)).status == 200


def test_missing_grant_types_are_the_code_flow(world: World) -> None:
    assert refusal(world.register(grant_types=None)) == (400, {"error": "invalid_client_metadata"})
    both = frozenset({"code", "client-credentials"})
    world.configure(client_capabilities=world.curity.configuration.client_capabilities | both)
    world.configure_non_templatized(capabilities=both)
    assert refusal(world.register(grant_types=None)) == (400, {"error": "invalid_redirect_uri"})
    members = world.register(grant_types=None, redirect_uris=["https://app.example/cb"]).json()
    assert members["grant_types"] == ["authorization_code"]
    assert members["response_types"] == ["code"]
    assert members["require_proof_key"] is True
    assert refusal(world.token(pair(members))) == (400, {"error": "unauthorized_client"})


def test_a_capability_must_be_the_profiles_as_well(world: World) -> None:
    world.configure_non_templatized(capabilities=frozenset({"code", "client-credentials"}))
    redirects = {"redirect_uris": ["https://app.example/cb"]}
    members = world.register(grant_types=["authorization_code", "client_credentials"], **redirects).json()
    assert members["grant_types"] == ["client_credentials"]


def test_a_client_left_without_grant_types_may_be_switched_to_accepted(world: World) -> None:
    world.configure_non_templatized(capabilities=frozenset())
    assert world.register().status == 400
    world.switch(registers_client_without_grant_types=True)
    members = world.register().json()
    assert members["grant_types"] == []
    assert refusal(world.token(pair(members))) == (400, {"error": "unauthorized_client"})


def test_a_client_gets_no_secret_where_no_secret_is_allowed(world: World) -> None:
    world.configure_non_templatized(client_authentication_method=frozenset({"no-authentication"}))
    members = world.register().json()
    assert members["token_endpoint_auth_method"] == "none"
    assert "client_secret" not in members
    assert world.form(TOKEN, None, grant_type="client_credentials", client_id=members["client_id"]).status == 401
    world.configure_non_templatized(client_authentication_method=frozenset({"mutual-tls"}))
    assert refusal(world.register()) == (400, {"error": "invalid_client_metadata"})


def test_templatized_registration_alone_refuses_metadata(world: World) -> None:
    token = world.access_token(REGISTRAR, "dcr")
    world.configure_registration(non_templatized=None, templatized=True)
    answer = world.manage("POST", REGISTER, token, {"software_id": "none-such", "grant_types": ["client_credentials"]})
    assert refusal(answer) == (400, {"error": "invalid_client_metadata"})
    assert refusal(world.token(REGISTRAR, "dcr")) == (400, {"error": "invalid_scope"})


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ({"redirect_uris": "https://app.example/cb"}, "invalid_redirect_uri"),
        ({"redirect_uris": ["/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example/cb#part"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://[::1"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://app.example:port/"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https:///cb"]}, "invalid_redirect_uri"),
        ({"client_uri": "https://b.example", "redirect_uris": ["https://a.example/"]}, "invalid_client_metadata"),
        ({"logo_uri": "http://a.example/", "redirect_uris": ["https://a.example/"]}, "invalid_client_metadata"),
        ({"tos_uri": "no url"}, "invalid_client_metadata"),
        ({"tos_uri": "ftp://a.example/"}, "invalid_client_metadata"),
        ({"tos_uri": "https:///about"}, "invalid_client_metadata"),
        ({"client_name": 7}, "invalid_client_metadata"),
        ({"client_name": "a\0b"}, "invalid_client_metadata"),
        ({"client_name": "\ud800"}, "invalid_request"),
        ({"grant_types": "client_credentials"}, "invalid_client_metadata"),
        ({"grant_types": [7]}, "invalid_client_metadata"),
        ({"scope": ["email"]}, "invalid_client_metadata"),
        ({"access_token_ttl": 0}, "invalid_client_metadata"),
        ({"access_token_ttl": True}, "invalid_client_metadata"),
        ({"access_token_ttl": 10**30}, "invalid_client_metadata"),
        ({"access_token_ttl": 60.5}, "invalid_client_metadata"),
        ({"software_statement": "e30.e30."}, "invalid_software_statement"),
    ],
)
def test_metadata_that_is_not_valid_is_refused(world: World, metadata: dict[str, Any], error: str) -> None:
    assert refusal(world.register(**metadata)) == (400, {"error": error})
    assert world.curity.dynamic_clients == ()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe{}", b'{"client_name":NaN}', b"[" * 100_000, b"1" * 5_000]
)
def test_a_body_that_is_no_json_object_is_refused(world: World, body: bytes) -> None:
    token = world.access_token(REGISTRAR, "dcr")
    answer = world.send("POST", REGISTER, body, authorization=f"Bearer {token}")
    assert refusal(answer) == (400, {"error": "invalid_request"})


def test_pages_at_the_origin_of_the_redirect_uris_are_accepted(world: World) -> None:
    members = world.register(client_uri="https://a.example:443/about", redirect_uris=["https://a.example/cb"]).json()
    assert members["client_uri"] == "https://a.example:443/about"


def test_a_client_may_ask_for_another_lifetime_of_its_tokens(world: World) -> None:
    members = world.register(access_token_ttl=5).json()
    assert members["access_token_ttl"] == 5
    _, claims = parts(world.access_token(pair(members)))
    assert claims["exp"] - claims["iat"] == 5


@pytest.mark.parametrize("flaw", ["schema", "answers"])
def test_a_data_source_that_cannot_hold_the_client_is_an_error_of_the_server(world: World, flaw: str) -> None:
    """The status is inferred."""
    world.configure(data_sources=(replace(DataSource("default-datasource"), **{flaw: False}),))
    assert refusal(world.register()) == (500, {"error": "server_error"})
    assert world.curity.dynamic_clients == ()


def test_clients_of_another_data_source_are_not_found(world: World) -> None:
    app = pair(world.register().json())
    world.configure(data_sources=(DataSource("default-datasource"), DataSource("other")))
    world.configure_registration(client_data_source="other")
    assert world.token(app).status == 401
    world.configure_registration(client_data_source="default-datasource")
    assert world.token(app).status == 200


JSON_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
WORDS = ("client_credentials", "authorization_code", "implicit", "password", "refresh_token", "none", "email", "openid")
METADATA = st.dictionaries(
    st.sampled_from(("client_name", "scope", "redirect_uris", "token_endpoint_auth_method", "client_uri", "x", "jwks")),
    JSON_VALUE | st.sampled_from(WORDS) | st.lists(st.sampled_from(WORDS), max_size=4),
) | st.fixed_dictionaries(
    {"grant_types": st.lists(st.sampled_from(WORDS), max_size=5)},
    optional={"scope": st.lists(st.sampled_from(WORDS)).map(" ".join), "client_name": st.text()},
)


@given(document=METADATA | JSON_VALUE)
def test_a_registration_grants_nothing_that_is_not_allowed(document: object) -> None:
    world = World()
    world.configure_non_templatized(scopes=frozenset({"email"}))
    answer = world.manage("POST", REGISTER, world.access_token(REGISTRAR, "dcr"), document)
    members = answer.json()
    if answer.status == 400:
        assert set(members) == {"error"}
        assert world.curity.dynamic_clients == ()
        return
    assert answer.status == 201
    assert members["grant_types"] == ["client_credentials"]
    assert set(members["scope"].split()) <= {"email"}
    assert members["token_endpoint_auth_method"] in {"client_secret_basic", "client_secret_post"}
    assert world.token(pair(members)).json()["scope"] == ""
    again = world.manage("GET", f"{REGISTER}/{members['client_id']}", members["registration_access_token"]).json()
    rotated = {"client_secret", "registration_access_token"}
    assert {name for name in members if members[name] != again[name]} == rotated


# Management


def test_a_read_rotates_the_secret_and_the_registration_token(world: World) -> None:
    first = world.register().json()
    path, token = f"{REGISTER}/{first['client_id']}", first["registration_access_token"]
    answer = world.manage("GET", path, token)
    second = answer.json()
    assert (answer.status, second["client_id"]) == (200, first["client_id"])
    assert world.token(pair(first)).status == 401
    assert world.token(pair(second)).status == 200
    assert refusal(world.manage("GET", path, token)) == (401, {"error": "invalid_token"})
    assert world.manage("DELETE", path, token).status == 401
    assert world.manage("GET", path, second["registration_access_token"]).status == 200


def test_an_update_replaces_everything_and_rotates(world: World) -> None:
    first = world.register(scope="email", contacts=["ops@app.example"]).json()
    document = {"client_id": first["client_id"], "client_name": "rain", "grant_types": ["client_credentials"]}
    path = f"{REGISTER}/{first['client_id']}"
    second = world.manage("PUT", path, first["registration_access_token"], document).json()
    assert second["client_name"] == "rain"
    assert "contacts" not in second
    assert second["scope"] == "openid profile email address phone"
    assert world.token(pair(first)).status == 401
    assert world.token(pair(second)).status == 200
    assert world.manage("DELETE", path, first["registration_access_token"]).status == 401


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "another"},
        {"client_id": None},
        {"registration_access_token": "x"},
        {"client_id_issued_at": 1},
        {"client_secret": "not the current one"},
        {"client_secret": 7},
        {"grant_types": ["implicit"]},
    ],
)
def test_an_update_that_is_refused_changes_nothing(world: World, change: dict[str, Any]) -> None:
    first = world.register().json()
    document = {"client_id": first["client_id"], "grant_types": ["client_credentials"]} | change
    path = f"{REGISTER}/{first['client_id']}"
    answer = world.manage("PUT", path, first["registration_access_token"], document)
    assert refusal(answer) == (400, {"error": "invalid_client_metadata"})
    assert world.token(pair(first)).status == 200
    assert world.manage("DELETE", path, first["registration_access_token"]).status == 204


def test_an_update_needs_non_templatized_registration(world: World) -> None:
    first = world.register().json()
    world.configure_registration(non_templatized=None)
    path, token = f"{REGISTER}/{first['client_id']}", first["registration_access_token"]
    document = {"client_id": first["client_id"], "grant_types": ["client_credentials"]}
    assert refusal(world.manage("PUT", path, token, document)) == (400, {"error": "invalid_client_metadata"})
    assert world.manage("DELETE", path, token).status == 204


def test_an_update_may_name_the_current_secret(world: World) -> None:
    first = world.register().json()
    kept = ("client_id", "client_secret", "grant_types")
    document = {name: first[name] for name in kept}
    answer = world.manage("PUT", f"{REGISTER}/{first['client_id']}", first["registration_access_token"], document)
    assert answer.status == 200


def test_a_deleted_client_is_gone_but_its_jwt_lives_on(world: World) -> None:
    members = world.register().json()
    access_token = world.access_token(pair(members))
    path, token = f"{REGISTER}/{members['client_id']}", members["registration_access_token"]
    answer = world.manage("DELETE", path, token)
    assert (answer.status, answer.body) == (204, b"")
    assert world.token(pair(members)).status == 401
    for method in ("GET", "PUT", "DELETE"):
        assert world.manage(method, path, token, {}).status == 401
    assert verifies(access_token, world.curity.jwks())
    assert world.introspect(access_token).json() == {"active": False}


def test_a_registration_token_manages_its_own_client(world: World) -> None:
    one, other = world.register().json(), world.register().json()
    path = f"{REGISTER}/{other['client_id']}"
    assert world.manage("GET", path, one["registration_access_token"]).status == 401
    assert world.manage("GET", path, None).header("www-authenticate") == "Bearer"
    assert refusal(world.manage("GET", path, world.access_token(pair(one)))) == (403, {"error": "insufficient_scope"})
    assert world.token(pair(other)).status == 200


def test_after_28_days_a_registration_token_can_only_delete(world: World) -> None:
    members = world.register().json()
    path, token = f"{REGISTER}/{members['client_id']}", members["registration_access_token"]
    world.clock.advance(28 * DAY)
    assert refusal(world.manage("GET", path, token)) == (403, {"error": "insufficient_scope"})
    assert world.manage("PUT", path, token, {"client_id": members["client_id"]}).status == 403
    assert world.manage("DELETE", path, token).status == 204


def test_after_365_days_it_can_do_nothing_unless_it_was_rotated(world: World) -> None:
    members = world.register().json()
    path = f"{REGISTER}/{members['client_id']}"
    world.clock.advance(27 * DAY)
    rotated = world.manage("GET", path, members["registration_access_token"]).json()["registration_access_token"]
    world.clock.advance(364 * DAY)
    assert world.manage("DELETE", path, members["registration_access_token"]).status == 401
    world.clock.advance(DAY)
    assert world.manage("DELETE", path, rotated).status == 401


def test_a_rotated_secret_may_be_given_time(world: World) -> None:
    world.configure_registration(client_management=ClientManagement(rotated_secret_ttl=60))
    first = world.register().json()
    second = world.manage("GET", f"{REGISTER}/{first['client_id']}", first["registration_access_token"]).json()
    assert world.token(pair(first)).status == 200
    world.clock.advance(60)
    assert world.token(pair(first)).status == 401
    assert world.token(pair(second)).status == 200


def test_a_reused_registration_token_stays(world: World) -> None:
    management = ClientManagement(registration_token=RegistrationToken(reuse=True))
    world.configure_registration(client_management=management)
    first = world.register().json()
    world.clock.advance(10)
    second = world.manage("GET", f"{REGISTER}/{first['client_id']}", first["registration_access_token"]).json()
    assert second["registration_access_token"] == first["registration_access_token"]
    assert second["registration_access_token_expires_in"] == 365 * DAY - 10
    assert world.token(pair(first)).status == 401


def test_without_management_a_registration_cannot_be_managed(world: World) -> None:
    world.configure_registration(client_management=None)
    members = world.register().json()
    assert not [name for name in members if name.startswith("registration_")]
    assert world.manage("GET", f"{REGISTER}/{members['client_id']}", "token").status == 404


def test_a_management_client_manages_any_registration(world: World) -> None:
    assert world.token(REGISTRAR, "dcrm").status == 400
    world.configure_registration(client_management=ClientManagement(management_clients=(REGISTRAR[0],)))
    members = world.register().json()
    token = world.access_token(REGISTRAR, "dcrm")
    path = f"{REGISTER}/{members['client_id']}"
    rotated = world.manage("GET", path, token).json()
    assert world.token(pair(rotated)).status == 200
    assert world.manage("DELETE", path, token).status == 204
    assert world.manage("DELETE", path, token).status == 401


# Introspection, revocation, userinfo


def test_introspection_shows_the_claims_or_the_jwt_behind_the_token(world: World) -> None:
    issuer = world.curity.configuration.default_token_issuer
    world.configure(default_token_issuer=replace(issuer, access_token_as_jwt=False))
    app = pair(world.register().json())
    token = world.access_token(app, "email")
    claims = world.introspect(token).json()
    assert claims.pop("active") is True
    assert (claims["sub"], claims["scope"]) == (app[0], "email")
    phantom = world.introspect(token, accept="application/jwt")
    assert (phantom.header("content-type"), phantom.header("cache-control")) == ("application/jwt", "max-age=299")
    assert parts(phantom.body.decode())[1] == claims
    assert verifies(phantom.body.decode(), world.curity.jwks())
    world.clock.advance(300)
    assert world.introspect(token).json() == {"active": False}
    assert world.introspect(token, accept="application/jwt").status == 204


def test_introspection_needs_the_capability(world: World) -> None:
    app = pair(world.register().json())
    path = "/oauth/v2/oauth-introspect"
    assert refusal(world.form(path, basic(*app), token="x")) == (403, {"error": "access_denied"})
    assert refusal(world.form(path, basic(app[0], "wrong"), token="x")) == (401, {"error": "invalid_client"})
    assert refusal(world.form(path, basic(*INTROSPECTOR))) == (400, {"error": "invalid_request"})
    assert refusal(world.token(INTROSPECTOR)) == (400, {"error": "unauthorized_client"})


def test_a_revoked_token_is_inactive_and_its_jwt_lives_on(world: World) -> None:
    app = pair(world.register().json())
    token = world.access_token(app)
    answer = world.form("/oauth/v2/oauth-revoke", basic(*app), token=token, token_type_hint="refresh_token")
    assert (answer.status, answer.body) == (200, b"")
    assert world.introspect(token).json() == {"active": False}
    assert verifies(token, world.curity.jwks())
    assert world.form("/oauth/v2/oauth-revoke", basic(*app), token="unknown").status == 200
    assert world.form("/oauth/v2/oauth-revoke", basic(*app)).status == 400


def test_a_client_revokes_its_own_tokens_only(world: World) -> None:
    one, other = pair(world.register().json()), pair(world.register().json())
    token = world.access_token(one)
    assert world.form("/oauth/v2/oauth-revoke", basic(*other), token=token).status == 400
    assert world.introspect(token).json()["active"]


def test_there_is_no_user_to_inform_about(world: World) -> None:
    token = world.access_token(pair(world.register().json()), "openid")
    path = "/oauth/v2/oauth-userinfo"
    assert world.send("GET", path).header("www-authenticate") == "Bearer"
    assert world.send("GET", path, authorization="Bearer nonsense").status == 401
    answer = world.send("GET", path, authorization=f"Bearer {token}")
    assert refusal(answer) == (403, {"error": "insufficient_scope"})


@given(data=st.data())
def test_no_changed_token_is_active(data: st.DataObject) -> None:
    world = World()
    token = world.access_token(REGISTRAR)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != token[place]))
    changed = token[:place] + other + token[place + 1 :]
    assert world.curity.access_token(changed) is None


def test_expired_tokens_are_forgotten_and_live_ones_are_not(world: World) -> None:
    world.configure(default_token_issuer=DefaultTokenIssuer())
    for _ in range(MANY - 1):
        world.curity.grant(world.curity.authenticate(*REGISTRAR), "client_credentials", None)
    world.clock.advance(299)
    live = [world.access_token(REGISTRAR)]
    world.clock.advance(1)
    live.append(world.access_token(REGISTRAR))
    assert [bool(world.curity.access_token(token)) for token in live] == [True, True]
    assert len(vars(world.curity)["_tokens"]) == 2


# What a configuration must be


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"client_capabilities": frozenset()}, "capability"),
        ({"data_sources": (DataSource("other"),)}, "data source default-datasource"),
        ({"data_sources": (DataSource("default-datasource", "ldap"),)}, "holds no dynamic clients"),
        ({"signing_keys": ("other",)}, "signing key default-signing-key"),
        ({"signature_verification_keys": ()}, "verification key"),
        ({"endpoints": ()}, "endpoint"),
        ({"clients": (Client("twice"), Client("twice"))}, "same key"),
    ],
)
def test_a_configuration_that_curity_would_not_commit_cannot_be_made(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(CommitRejected, match=problem):
        replace(how_to_configuration(REGISTRAR, INTROSPECTOR), **change)


# RESTCONF

PROFILE = "/data/base:profiles/profile=token-service,oauth-service"
SERVER = PROFILE + "/settings/profile-oauth:authorization-server"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"{PROFILE}/token-issuers/default-token-issuer/access-token-as-jwt", {"base:access-token-as-jwt": [None]}),
        (f"{SERVER}/client-capabilities/client-credentials", {"profile-oauth:client-credentials": [None]}),
        (f"{SERVER}/dynamic-client-registration/client-management", {"profile-oauth:client-management": {}}),
        (f"{SERVER}/openid-connect/expose-metadata", {"profile-oauth:expose-metadata": {}}),
        ("/data/base:environments/base:environment/base-url", {"base:base-url": BASE}),
        (
            "/data/base:facilities/crypto/signing-keys",
            {"base:signing-keys": {"signing-key": [{"id": "default-signing-key"}]}},
        ),
        (
            f"{PROFILE}/token-issuers/custom-token-issuer=userinfo,jwt,userinfo",
            {
                "base:custom-token-issuer": [
                    {
                        "id": "userinfo",
                        "issuer-type": "jwt",
                        "purpose-type": "userinfo",
                        "data-sources": {"tokens-data-source-id": "default-datasource"},
                        "jwt": {
                            "signing-key-id": "default-signing-key",
                            "verification-keystore-id": "default-signature-verification-key",
                        },
                    }
                ]
            },
        ),
        (
            f"{SERVER}/dynamic-client-registration",
            {
                "profile-oauth:dynamic-client-registration": {
                    "client-data-source": "default-datasource",
                    "non-templatized": {
                        "capabilities": {"client-credentials": [None]},
                        "scopes": {"all": [None]},
                        "authenticators": {"all": [None]},
                        "client-authentication-method": {"secret": {}},
                        "authenticate-client-by": [REGISTRAR[0]],
                    },
                    "client-management": {},
                }
            },
        ),
    ],
)
def test_each_step_of_the_how_to_can_be_read(world: World, path: str, shown: dict[str, Any]) -> None:
    answer = world.restconf(path)
    assert (answer.status, answer.header("content-type")) == (200, "application/yang-data+json")
    assert answer.json() == shown


def test_the_registrar_is_shown_with_a_hashed_secret(world: World) -> None:
    path = f"{SERVER}/client-store/config-backed/client={REGISTRAR[0]}"
    (client,) = world.restconf(path).json()["profile-oauth:client"]
    assert client.pop("secret").startswith("$5$")
    assert client == {"id": REGISTRAR[0], "capabilities": {"client-credentials": [None]}}
    assert REGISTRAR[1] not in world.restconf("/data").body.decode()


def test_endpoints_and_the_nodes_that_serve_them_can_be_read(world: World) -> None:
    path = "/data/base:environments/base:environment/base:services/base:service-role"
    (role,) = world.restconf(path).json()["base:service-role"]
    shown = world.restconf(f"{PROFILE}/endpoints").json()["base:endpoints"]["endpoint"]
    assert role["id"] == "default"
    assert role["endpoints"] == [endpoint["id"] for endpoint in shown]
    assert {
        "id": "token-service-dynamic-client-registration",
        "uri": REGISTER,
        "endpoint-kind": "oauth-dynamic-client-registration",
    } in shown


def test_the_profile_is_found_by_its_type(world: World) -> None:
    profiles = world.restconf("/data/base:profiles/profile").json()["base:profile"]
    assert [(profile["id"], profile["type"]) for profile in profiles] == [
        ("token-service", "profile-oauth:oauth-service")
    ]
    assert world.restconf("/data/base:profiles/profile=token-service,profile-oauth%3Aoauth-service").status == 200


def test_a_key_may_hold_what_a_path_may_not(world: World) -> None:
    world.configure_registrar(id="a/b,c:d=e")
    path = f"{SERVER}/client-store/config-backed/client={quote('a/b,c:d=e', safe='')}"
    assert world.restconf(path).json()["profile-oauth:client"][0]["id"] == "a/b,c:d=e"


def test_what_was_set_otherwise_is_shown(world: World) -> None:
    world.configure_registration(
        client_management=ClientManagement(RegistrationToken(ttl=60, reuse=True), 5, management_clients=("ops",))
    )
    assert world.restconf(f"{SERVER}/dynamic-client-registration/client-management").json() == {
        "profile-oauth:client-management": {
            "registration-token": {"ttl": 60, "reuse": True},
            "rotated-secret-ttl": 5,
            "management-clients": ["ops"],
        }
    }
    path = f"{SERVER}/dynamic-client-registration/non-templatized"
    world.configure_non_templatized(
        authentication=AuthenticateUserBy(("ops",)),
        scopes=frozenset({"email"}),
        client_authentication_method=frozenset({"no-authentication"}),
    )
    shown = world.restconf(path).json()["profile-oauth:non-templatized"]
    assert shown["authenticate-user-by"] == ["ops"]
    assert shown["scopes"] == {"scope": ["email"]}
    assert shown["client-authentication-method"] == {"no-authentication": [None]}
    world.configure_non_templatized(authentication=NoAuthentication())
    assert world.restconf(path + "/no-authentication").json() == {"profile-oauth:no-authentication": [None]}
    world.configure_registrar(authentication_method="mutual-tls", secret=None, enabled=False, access_token_ttl=60)
    path = f"{SERVER}/client-store/config-backed/client={REGISTRAR[0]}"
    assert world.restconf(path).json()["profile-oauth:client"] == [
        {
            "id": REGISTRAR[0],
            "enabled": False,
            "access-token-ttl": 60,
            "capabilities": {"client-credentials": [None]},
            "mutual-tls": [None],
        }
    ]


def test_what_is_not_set_is_not_found(world: World) -> None:
    world.configure(dynamic_client_registration=None, custom_token_issuers=())
    for path in (
        f"{SERVER}/dynamic-client-registration",
        f"{PROFILE}/token-issuers/custom-token-issuer=userinfo,jwt,userinfo",
        f"{PROFILE}/token-issuers/default-token-issuer/use-wrapped-opaque-tokens",
        f"{SERVER}/client-store/config-backed/client=nobody",
        "/data/profiles",
        "/data/base:nothing",
        "/data/",
        "/elsewhere",
    ):
        answer = world.restconf(path)
        assert answer.status == 404, path
        assert answer.json()["ietf-restconf:errors"]["error"][0]["error-tag"] == "invalid-value"


def test_depth_and_content_are_understood(world: World) -> None:
    assert world.restconf("/data", "content=config&depth=2").json() == {
        "ietf-restconf:data": {"base:profiles": {}, "base:environments": {}, "base:facilities": {}}
    }
    assert world.restconf(f"{PROFILE}/endpoints/endpoint=token-service-token/uri", "depth=1").json() == {
        "base:uri": "/oauth/v2/oauth-token"
    }
    assert world.restconf("/data/base:profiles", "depth=2").json() == {"base:profiles": {"profile": [{}]}}
    assert world.restconf("/data", "content=nonconfig").json() == {"ietf-restconf:data": {}}
    assert world.restconf("/data", "depth=0").status == 400
    assert world.restconf("/data", "unheard-of=1").status == 400


def test_restconf_is_for_the_admin_to_read(world: World) -> None:
    assert world.send("GET", "/admin/api/restconf/data").status == 401
    right = base64.b64encode(":".join(ADMIN).encode()).decode()
    wrong_password = "Basic " + base64.b64encode(b"admin:wrong").decode()
    for wrong in (wrong_password, "Basic admin:admin's password", "Bearer x", f"Basic {right[:4]}!{right[4:]}"):
        answer = world.restconf("/data", authorization=wrong)
        assert (answer.status, answer.header("www-authenticate")) == (401, 'Basic realm="restconf"')
    admin = "Basic " + base64.b64encode(":".join(ADMIN).encode()).decode()
    assert world.send("PATCH", "/admin/api/restconf/data", b"{}", authorization=admin).status == 403
    assert world.restconf("/data", accept="text/html").status == 406
    assert world.restconf("", accept="application/yang-data+json").status == 200


# Whatever is sent

PATHS = [
    TOKEN,
    REGISTER,
    REGISTER + "/x",
    "/oauth/v2/oauth-introspect",
    "/oauth/v2/oauth-revoke",
    "/oauth/v2/oauth-userinfo",
    "/oauth/v2/oauth-authorize",
    "/admin/api/restconf/data",
    "/admin/api/restconf/data/base:profiles/profile=",
]
AUTHORIZATIONS = st.sampled_from(
    [
        basic(*REGISTRAR),
        basic(*INTROSPECTOR),
        "Basic " + base64.b64encode(":".join(ADMIN).encode()).decode(),
        "Bearer x",
    ]
) | st.text(st.characters(max_codepoint=255))


REQUESTS = st.builds(
    lambda path, tail, **rest: Request(path=path + tail, raw_path=quote(path + tail, safe="/:=,"), **rest),
    path=st.sampled_from(PATHS),
    tail=st.just("") | st.text(max_size=6),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]),
    query=st.text(max_size=10),
    headers=st.tuples(
        st.tuples(st.just("authorization"), AUTHORIZATIONS),
        st.tuples(st.just("content-type"), st.sampled_from(["application/x-www-form-urlencoded", "text/plain"])),
    ),
    body=st.binary(max_size=40) | JSON_VALUE.map(lambda value: json.dumps(value).encode()),
)


@given(request=REQUESTS)
def test_nothing_that_is_sent_breaks_it(request: Request) -> None:
    world = World()
    answer = perform(world.http.handle(request), NotImplemented)
    assert 200 <= answer.status < 500
    assert world.curity.dynamic_clients == ()


def test_the_defaults_are_those_of_the_documents() -> None:
    assert Switches() == Switches(True, False, False, False)
    token = RegistrationToken()
    assert (token.ttl, token.read_write_ttl, token.reuse) == (365 * DAY, 28 * DAY, False)
    client = Client("x")
    assert (client.enabled, client.access_token_ttl, client.audience) == (True, 300, ())
    configuration = Configuration()
    assert configuration.dynamic_client_registration is None
    assert not configuration.default_token_issuer.access_token_as_jwt
    assert DynamicClientRegistration("default-datasource").client_management is None
    assert NonTemplatized(NoAuthentication()).capabilities == frozenset()
