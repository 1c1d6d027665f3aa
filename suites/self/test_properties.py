"""Properties that hold for all inputs: the core and the mocks read the protocols in the same way.

No sockets: a client of the core is connected to a mock's HTTP handler, and each must understand the other as the
specifications say. Properties of one mock alone are in the test file of that mock.
"""

import hashlib
import hmac
import json
import string
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import assume, example, given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey

from dcrproof.core.http.exchange import Headers, Transcript
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.http.transport import Prepared
from dcrproof.core.parties.authorization_server import AuthorizationServer, Metadata, error_code
from dcrproof.core.parties.gateway import with_basic
from dcrproof.core.parties.konnect import KonnectClient
from dcrproof.core.parties.target import Target
from dcrproof.core.parties.tokens import Jwt, decode, foreign, unsigned, verify, with_claims
from dcrproof.core.profile.model import AdminSettings, Profile
from dcrproof.core.secrets.secret import Secret
from dcrproof.fixtures.flow.registrations import as_registration
from dcrproof.mocks.clock import Clock
from dcrproof.mocks.curity.errors import OAuthRefusal
from dcrproof.mocks.curity.http import CurityHttp
from dcrproof.mocks.curity.setup import how_to_configuration
from dcrproof.mocks.curity.state import Curity
from dcrproof.mocks.data_plane import (
    PushedApplication,
    PushedConfiguration,
    PushedStrategy,
    Route,
    Service,
    applications,
)
from dcrproof.mocks.gateway.credentials import read_basic
from dcrproof.mocks.gateway.http import GatewayHttp
from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.keys import rsa_key
from dcrproof.mocks.konnect.admin import KonnectHttp
from dcrproof.mocks.konnect.listing import DEFAULT_SIZE, LARGEST_SIZE, Listing, attribute
from dcrproof.mocks.konnect.state import Konnect as MockKonnect
from dcrproof.mocks.messages import Call, Calls, Request, Response, json_response, perform

BASE = "http://127.0.0.1:8443"
ISSUER = f"{BASE}/oauth/v2/oauth-anonymous"


class StoppedClock(Clock):
    """A clock that only moves when it is turned."""

    def now(self) -> float:
        return 1_800_000_000.0 + self.turned


@dataclass
class Joined:
    """Replaces the network: a mock's HTTP handler answers, and the requests are kept."""

    handle: Callable[[Request], Response | Calls] = lambda _: Response(200)
    asked: list[Request] = field(default_factory=list)

    def send(self, request: Prepared) -> tuple[int, Headers, bytes]:
        parts = urlsplit(request.url)
        headers = tuple((name.lower(), value) for name, value in request.headers)
        self.asked.append(Request(request.method, unquote(parts.path), parts.path, parts.query, headers, request.body))
        answer = perform(self.handle(self.asked[-1]), NotImplemented)
        return answer.status, answer.headers, answer.body

    def close(self) -> None:
        pass


class InProcess(PartyConnection):
    """A connection that ends in this process."""

    def __init__(self, party: str, base: str, joined: Joined) -> None:
        super().__init__(party, base, Transcript())
        self.joined = joined

    def transport(self, *_: object) -> Joined:
        return self.joined


# --- Basic: RFC 7617, and RFC 6749 2.3.1 for clients ---

TEXT = st.text()
NO_COLON = st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"]))
FORM_ENCODED = set(string.ascii_letters + string.digits + "-._~*+%").issuperset


def form_decoded(text: str) -> str:
    """An independent reading of RFC 6749, Appendix B: `+` is a space, `%` and two digits an octet, the octets UTF-8."""
    octets, rest = bytearray(), text
    while rest:
        if rest[0] == "%":
            octets.append(int(rest[1:3], 16))
            rest = rest[3:]
        else:
            octets += b" " if rest[0] == "+" else rest[0].encode()
            rest = rest[1:]
    return octets.decode()


def sent_by_core(client_id: str, secret: str, scope: str | None = None) -> Request:
    joined = Joined()
    http = InProcess("curity", BASE, joined)
    metadata = Metadata({"token_endpoint": f"{BASE}/oauth/v2/oauth-token"})
    AuthorizationServer(http, ISSUER).token(metadata, client_id, Secret(secret), scope)
    return joined.asked[-1]


def read_by_curity(request: Request) -> tuple[str, str | None]:
    """The pair by which mock Curity would authenticate the client of a token request."""
    world, seen = CurityWorld(), []

    def authenticate(client_id: str, secret: str | None) -> Any:
        seen.append((client_id, secret))
        raise OAuthRefusal("invalid_client", "the test has seen what it needs")

    world.curity.authenticate = authenticate  # type: ignore[method-assign]
    assert perform(CurityHttp(world.curity).handle(request), NotImplemented).status == 401
    (pair,) = seen
    return pair


@given(client_id=TEXT, secret=TEXT)
def test_mock_curity_reads_the_client_credentials_that_the_core_sends(client_id: str, secret: str) -> None:
    request = sent_by_core(client_id, secret)
    assert read_by_curity(request) == (client_id, secret)
    pair = b64decode((request.header("authorization") or "").removeprefix("Basic "), validate=True).decode("ascii")
    halves = pair.split(":")
    assert all(map(FORM_ENCODED, halves))
    assert list(map(form_decoded, halves)) == [client_id, secret]


@given(client_id=NO_COLON, secret=TEXT)
def test_the_gateway_reads_the_basic_credentials_that_the_core_sends(client_id: str, secret: str) -> None:
    authorization = with_basic(client_id, Secret(secret))["authorization"]
    assert read_basic(authorization) == (client_id.encode(), secret.encode())
    assert b64decode(authorization.removeprefix("Basic "), validate=True) == f"{client_id}:{secret}".encode()


@given(client_id=NO_COLON.filter(bool), secret=TEXT.filter(bool))
def test_credentials_sent_to_the_gateway_reach_curity_unchanged(client_id: str, secret: str) -> None:
    """Through all three: the caller's header, the gateway's token request, and how the authorization server reads it."""
    seen: list[tuple[str, str | None]] = []

    def network(call: Call) -> Response:
        if call.url != TOKEN_ENDPOINT:
            return issuer(call)
        headers = tuple((name.lower(), value) for name, value in call.headers)
        path = "/oauth/v2/oauth-token"
        seen.append(read_by_curity(Request(call.method, path, path, "", headers, call.body)))
        return json_response(401, {"error": "invalid_client"})

    sent = (("host", "gateway.test"), *with_basic(client_id, Secret(secret)).items())
    perform(GatewayHttp(gateway()).handle(Request("GET", "/accounts", "/accounts", headers=sent)), network)
    assert seen == [(client_id, secret)]


@given(username=NO_COLON, password=TEXT)
def test_mock_curity_reads_the_admin_credentials_that_the_core_sends(username: str, password: str) -> None:
    world = CurityWorld(admin=(username, password))
    for given_password, refused in ((password, False), (password + "x", True)):
        admin = AdminSettings(f"{BASE}/admin/api/restconf", username, Secret(given_password))
        assert (world.server(admin).configuration("").status == 401) is refused


@given(scope=st.text() | st.lists(st.sampled_from(["dcr", "read", "a+b", "é"])).map(" ".join))
def test_a_scope_arrives_as_it_was_sent(scope: str) -> None:
    assert sent_by_core("app", "secret", scope).form == (("grant_type", "client_credentials"), ("scope", scope))


# --- registrations: what the core asks mock Curity for, and how it reads the response ---

REGISTRAR = ("konnect-registrar", "the registrar's secret")
GRANTS = {"client_credentials": "client-credentials", "authorization_code": "code", "implicit": "implicit"}
SCOPES = ("openid", "email", "read")


class CurityWorld:
    """Mock Curity with the how-to done, and the core's client of it."""

    def __init__(self, admin: tuple[str, str] = ("admin", "the admin's password"), **registration: Any) -> None:
        configuration = how_to_configuration(REGISTRAR, ("introspector", "the introspector's secret"))
        dynamic = configuration.dynamic_client_registration
        assert dynamic is not None
        assert dynamic.non_templatized is not None
        dynamic = replace(dynamic, non_templatized=replace(dynamic.non_templatized, **registration))
        scopes = dict.fromkeys((*configuration.scopes, *SCOPES))
        configuration = replace(configuration, dynamic_client_registration=dynamic, scopes=tuple(scopes))
        self.curity = Curity(clock=StoppedClock(), seed=1, base_url=BASE, configuration=configuration, admin=admin)
        self.target = Target(Profile("a test"))

    def server(self, admin: AdminSettings | None = None) -> AuthorizationServer:
        joined = Joined(CurityHttp(self.curity).handle)
        return AuthorizationServer(InProcess("curity", BASE, joined), ISSUER, admin)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
PRINTABLE = st.text(st.characters(exclude_categories=["Cc", "Cs"]))
ASKED = st.fixed_dictionaries(
    {
        "grant_types": st.lists(st.sampled_from([*GRANTS, "client_credentials", "refresh_token", "none"]), min_size=1),
        "redirect_uris": st.lists(st.sampled_from(["https://app.example.com/cb", "app://cb"]), min_size=1),
    },
    optional={
        "client_name": PRINTABLE,
        "response_types": st.lists(st.sampled_from(["code", "token", "none"])),
        "scope": st.lists(st.sampled_from([*SCOPES, "dcr", "dcrm", "none"])).map(" ".join),
        "token_endpoint_auth_method": st.sampled_from(
            ["client_secret_basic", "client_secret_post", "none", "private_key_jwt", "tls_client_auth", "magic"]
        ),
        "access_token_ttl": st.integers(1, 86_400),
        "contacts": st.lists(PRINTABLE, max_size=2),
        "client_secret": PRINTABLE,
        "registration_access_token": PRINTABLE,
        "x": JSON,
    },
)
ODD = st.fixed_dictionaries({}, optional=dict.fromkeys(("client_name", "grant_types", "scope", "jwks", "x"), JSON))


@given(
    asked=ASKED,
    then=ASKED | ODD,
    capabilities=st.sets(st.sampled_from(list(GRANTS.values()))).map(lambda held: held | {"client-credentials"}),
    scopes=st.sets(st.sampled_from(SCOPES)),
)
def test_a_registration_is_granted_only_what_is_allowed_and_reads_back_the_same(
    asked: dict[str, Any], then: dict[str, Any], capabilities: set[str], scopes: set[str]
) -> None:
    world = CurityWorld(capabilities=frozenset(capabilities), scopes=frozenset(scopes))
    server = world.server()
    metadata = Metadata(server.discovery().object())
    initial = server.token(metadata, REGISTRAR[0], Secret(REGISTRAR[1]), "dcr").object()["access_token"]
    answer = server.register(metadata, Secret(initial), asked)
    if answer.status != 201:
        assert error_code(answer).startswith("400 invalid_"), answer.text
        assert world.curity.dynamic_clients == ()
        return
    made = as_registration(world.target, answer)

    def holds(granted: Any, wanted: dict[str, Any]) -> None:
        allowed = {grant for grant, capability in GRANTS.items() if capability in capabilities}
        assert set(granted["grant_types"]) <= allowed & set(wanted.get("grant_types") or ["authorization_code"])
        assert set(granted["scope"].split()) <= scopes
        assert granted["token_endpoint_auth_method"] in {"client_secret_basic", "client_secret_post"}

    holds(made.members, asked)
    first = server.token(metadata, made.client_id, made.client_secret)
    assert first.status == (200 if "client_credentials" in made.members["grant_types"] else 400)
    assert set(first.members().get("scope", "").split()) <= scopes
    read = as_registration(world.target, server.read(made))
    assert (read.client_id, read.members) == (made.client_id, made.members)
    assert read.client_secret != made.client_secret
    updated = server.update(read, {name: value for name, value in then.items() if name != "client_id"})
    if updated.status == 200:
        holds(updated.object(), then)
    else:
        assert error_code(updated).startswith("400 invalid_"), updated.text
        assert server.token(metadata, read.client_id, read.client_secret).status == first.status
    (client,) = world.curity.dynamic_clients
    assert client.id == made.client_id


# --- tokens: only the text that was issued opens the route, and no other verifies in the core ---

IDP = "https://curity.test/oauth/v2/oauth-anonymous"
TOKEN_ENDPOINT = "https://curity.test/oauth/v2/oauth-token"
JWKS = f"{IDP}/jwks"
UPSTREAM = "http://upstream.test/v1"
KID = "-1806527390"
KEYS = {"keys": [{**rsa_key(1).as_dict(private=False), "kid": KID, "use": "sig", "alg": "RS256"}]}
OPENED = b"the upstream was reached"


def issuer(call: Call) -> Response:
    if call.url.startswith(UPSTREAM):
        return Response(200, (), OPENED)
    if call.url == JWKS:
        return json_response(200, KEYS)
    return json_response(200, {"issuer": IDP, "jwks_uri": JWKS, "token_endpoint": TOKEN_ENDPOINT})


@cache
def gateway() -> DataPlane:
    """A node with one route that one application may call."""
    node = DataPlane(name="dp-1", clock=StoppedClock(), seed=1)
    config = {
        "issuer": f"{IDP}/.well-known/openid-configuration",
        "credential_claim": ["sub"],
        "scopes": [],
        "auth_methods": ["client_credentials", "bearer", "session"],
    }
    strategy = PushedStrategy("strategy", config)
    service = Service("service", UPSTREAM, (Route("route", ("/accounts",)),), "api", strategy)
    node.apply(PushedConfiguration((service,), applications(PushedApplication("id", "app", strategy.id, ("api",)))))
    assert node.violation is None
    return node


def opens(text: str) -> bool:
    headers = (("host", "gateway.test"), ("authorization", f"Bearer {text}"))
    request = Request("GET", "/accounts", "/accounts", headers=headers)
    answer = perform(GatewayHttp(gateway()).handle(request), issuer)
    assert answer.body != OPENED or answer.status == 200
    return answer.body == OPENED


@cache
def issued() -> Jwt:
    """The only token that the authorization server has issued."""
    now = 1_800_000_000
    claims = {"iss": IDP, "sub": "app", "aud": "api", "scope": "", "exp": now + 300, "nbf": now, "iat": now}
    token = decode(signed({"alg": "RS256", "kid": KID}, claims, rsa_key(1)))
    assert token is not None
    return token


def signed(header: dict[str, Any], claims: Any, key: Any) -> str:
    signing_input = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    signature = jws.JWSRegistry.algorithms[header["alg"]].sign(signing_input.encode(), key)
    return f"{signing_input}.{encoded(signature)}"


def encoded(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def octets_of(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_the_token_that_was_issued_opens_the_route() -> None:
    assert opens(issued().text)
    assert verify(issued().text, KEYS) is None


@st.composite
def with_other_octets(draw: st.DrawFn) -> str:
    """The token with octets of one part changed, added or removed, and that part correctly encoded again."""
    parts = issued().text.split(".")
    which = draw(st.integers(0, 2))
    octets = bytearray(octets_of(parts[which]))
    place = draw(st.integers(0, len(octets) - 1))
    taken = draw(st.integers(0, 3))
    octets[place : place + taken] = draw(st.binary(max_size=4))
    parts[which] = encoded(bytes(octets))
    return ".".join(parts)


@st.composite
def with_other_text(draw: st.DrawFn) -> str:
    """The token with characters changed, added or removed; the result may not be base64url."""
    text = issued().text
    place = draw(st.integers(0, len(text)))
    alphabet = st.characters(min_codepoint=32, max_codepoint=255) | st.sampled_from("._-=+/")
    return text[:place] + draw(st.text(alphabet, max_size=3)) + text[place + draw(st.integers(0, 3)) :]


@st.composite
def with_parts_moved(draw: st.DrawFn) -> str:
    """The token with its parts reordered, repeated or omitted."""
    parts = issued().text.split(".")
    return ".".join(draw(st.lists(st.sampled_from([*parts, "", "e30", "bnVsbA", "W10"]), max_size=6)))


@cache
def own_keys() -> tuple[Any, ...]:
    """Keys of every kind, none of them known to the authorization server."""
    return (
        rsa_key(2),
        *(ECKey.generate_key(curve) for curve in ("P-256", "P-384", "P-521", "secp256k1")),
        *(OKPKey.generate_key(curve) for curve in ("Ed25519", "Ed448")),
        OctKey.generate_key(512),
    )


HEADER = st.fixed_dictionaries(
    {"alg": st.sampled_from(sorted(jws.JWSRegistry.algorithms))},
    optional={
        "kid": st.sampled_from([KID, "", "other"]) | JSON,
        "typ": st.sampled_from(["JWT", "at+jwt", "JOSE"]) | JSON,
        "jwk": st.sampled_from(range(8)).map(lambda number: own_keys()[number].as_dict()),
        "jku": st.just("https://evil.example.net/jwks") | JSON,
        "x5u": st.just("https://evil.example.net/cert") | JSON,
        "x5c": JSON,
        "crit": st.just(["b64"]) | JSON,
        "b64": st.booleans(),
        "zip": st.just("DEF"),
    },
)


@st.composite
def by_another_key(draw: st.DrawFn) -> str:
    """The same or other claims, correctly signed with another key, with any algorithm and header."""
    header = draw(HEADER)
    algorithm = jws.JWSRegistry.algorithms[header["alg"]]
    fits = [key for key in own_keys() if key_fits(algorithm, key)]
    claims = dict(issued().claims) | draw(st.dictionaries(st.sampled_from(["sub", "scope", "admin"]), JSON))
    return signed(header, claims, draw(st.sampled_from(fits)))


def key_fits(algorithm: Any, key: Any) -> bool:
    try:
        algorithm.sign(b"a", key)
    except Exception:  # noqa: BLE001 - each kind of key raises its own errors
        return False
    return True


@st.composite
def by_the_public_key_as_a_secret(draw: st.DrawFn) -> str:
    """HMAC with the public key as the secret, in each form in which a library may hold it."""
    public = rsa_key(1).as_dict(private=False)
    modulus = str(public["n"])
    key = rsa_key(1).public_key
    formats = (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1)
    forms = [key.public_bytes(encoding, form) for encoding in (Encoding.PEM, Encoding.DER) for form in formats]
    forms += [form.strip() for form in forms] + [json.dumps(public).encode(), modulus.encode(), b"", b"AQAB"]
    forms += [octets_of(modulus), json.dumps(KEYS["keys"][0]).encode(), KID.encode()]
    digest = draw(st.sampled_from(["256", "384", "512"]))
    header = draw(st.fixed_dictionaries({}, optional={"kid": st.just(KID), "typ": st.just("JWT")}))
    head = encoded(json.dumps({"alg": f"HS{digest}", **header}).encode())
    signing_input = f"{head}.{issued().text.split('.')[1]}"
    made = hmac.new(draw(st.sampled_from(forms)), signing_input.encode(), getattr(hashlib, f"sha{digest}"))
    return f"{signing_input}.{encoded(made.digest())}"


@st.composite
def by_no_key(draw: st.DrawFn) -> str:
    """No signature, or the old one, with an algorithm in any spelling."""
    spelling = st.sampled_from(["none", "None", "NONE", "nOnE", "", "rs256", "RS256 ", "RSA", "HS256"]) | st.text()
    text = unsigned(issued(), draw(spelling))
    return text + draw(st.sampled_from(["", issued().text.rpartition(".")[2], "AA"]))


CHANGED = {
    "octets": with_other_octets(),
    "text": with_other_text(),
    "parts": with_parts_moved(),
    "another key": by_another_key(),
    "the public key": by_the_public_key_as_a_secret(),
    "no key": by_no_key(),
    "claims": st.dictionaries(st.sampled_from(["sub", "iss", "exp", "nbf", "aud", "scope", "x"]), JSON).map(
        lambda claims: with_claims(issued(), **claims)
    ),
    "the core's foreign key": st.dictionaries(st.sampled_from(["kid", "jku", "typ", "x"]), st.text()).map(
        lambda header: foreign(issued(), **header)
    ),
}


@pytest.mark.parametrize("change", list(CHANGED))
@given(data=st.data())
def test_no_changed_token_opens_the_route_or_verifies(change: str, data: st.DataObject) -> None:
    text = data.draw(CHANGED[change])
    assume(text != issued().text)
    assert not opens(text)
    same = [octets_of(part) for part in issued().text.split(".")]
    if change == "text" and decoded(text) == same:
        return  # another encoding of the same octets: the gateway rejects it, PyJWT reads it as the same token
    assert verify(text, KEYS) is not None


def decoded(text: str) -> list[bytes] | None:
    try:
        return [octets_of(part) for part in text.split(".")]
    except ValueError:
        return None


@given(
    keys=JSON
    | st.fixed_dictionaries(
        {"kid": st.just(KID)},
        optional={name: JSON | st.sampled_from(["RSA", "EC", "OKP", "oct", "AQAB", "P-256"]) for name in
                  ("kty", "n", "e", "d", "crv", "x", "y", "k", "alg", "use")},
    ).map(lambda key: {"keys": [key]})
)  # fmt: skip
@example(keys={"keys": [{"kid": KID, "kty": "RSA", "n": "RSA", "e": "OKP"}]})
def test_a_malformed_key_set_verifies_nothing_and_raises_nothing(keys: Any) -> None:
    assume(isinstance(keys, dict))
    assert verify(issued().text, keys) is not None


# --- lists: paging, filtering and sorting neither lose nor repeat objects ---

NAMES = st.none() | st.sampled_from(["", "a", "b", "ab", "B", "é", "null"]) | st.text(max_size=3)
ITEMS = st.lists(st.tuples(NAMES, st.integers(0, 3), st.booleans())).map(
    lambda rows: [SimpleNamespace(id=place, name=name, rank=rank, on=on) for place, (name, rank, on) in enumerate(rows)]
)
LISTING = Listing(
    filters={
        name: (frozenset({"eq", "neq", "oeq", "contains", "ocontains"}), attribute(name)) for name in ("name", "on")
    },
    sorts={name: attribute(name) for name in ("name", "rank", "id")},
)
SORTS = st.sampled_from(["name", "name desc", "rank,name", "rank desc,id desc", "id asc"])


def selected(items: list[Any], **query: str) -> list[int]:
    return [one.id for one in LISTING.select(Request("GET", "/", query=urlencode(query)), items)]


def listed(items: list[Any], query: dict[str, str], size: int) -> list[int]:
    """The ids on all pages of that size, and on the page after the last."""
    found: list[int] = []
    for number in range(1, len(items) // size + 3):
        asked = urlencode({**query, "page[size]": str(size), "page[number]": str(number)})
        page = LISTING.page(Request("GET", "/", query=asked), items, vars)
        assert len(page["data"]) <= size
        assert page["meta"]["page"]["total"] == len(selected(items, **query))
        found += [one["id"] for one in page["data"]]
    return found


@given(
    items=ITEMS, size=st.integers(1, LARGEST_SIZE), sort=SORTS, wanted=NAMES, operator=st.sampled_from(["eq", "neq"])
)
def test_pages_of_any_size_make_up_the_list(
    items: list[Any], size: int, sort: str, wanted: str | None, operator: str
) -> None:
    for query in ({}, {"sort": sort}, {"sort": sort, f"filter[name][{operator}]": wanted or ""}):
        assert listed(items, query, size) == selected(items, **query)
        assert listed(items, query, DEFAULT_SIZE) == selected(items, **query)


@given(items=ITEMS, sort=SORTS)
def test_sorting_keeps_every_object_and_orders_neighbours(items: list[Any], sort: str) -> None:
    ids = selected(items, sort=sort)
    assert sorted(ids) == [one.id for one in items]
    name, _, direction = sort.partition(",")[0].partition(" ")
    values = [getattr(items[id], name) for id in ids]
    keys = [(value is not None, value or ("" if name == "name" else 0)) for value in values]
    assert keys == sorted(keys, reverse=direction == "desc")


@given(items=ITEMS, wanted=st.lists(st.text(max_size=3).filter(lambda text: "," not in text), min_size=1, max_size=3))
def test_opposite_filters_split_a_list_without_loss(items: list[Any], wanted: list[str]) -> None:
    every = [one.id for one in items]
    one, several = wanted[0], ",".join(wanted)
    equal, other = selected(items, **{"filter[name][eq]": one}), selected(items, **{"filter[name][neq]": one})
    assert sorted(equal + other) == every
    assert selected(items, **{"filter[name]": one}) == equal
    each = [set(selected(items, **{"filter[name][eq]": text})) for text in wanted]
    assert set(selected(items, **{"filter[name][oeq]": several})) == set().union(*each)
    held = [set(selected(items, **{"filter[name][contains]": text})) for text in wanted]
    assert set(selected(items, **{"filter[name][ocontains]": several})) == set().union(*held)
    assert set(equal) <= held[0]
    on, off = selected(items, **{"filter[on]": "true"}), selected(items, **{"filter[on]": "false"})
    assert sorted(on + off) == every


@pytest.mark.parametrize("count", [0, 1, 10, 11, 99, 100, 101, 250])
def test_the_core_reads_every_object_of_mock_konnect_once(count: int) -> None:
    held = MockKonnect(clock=StoppedClock(), seed=1, token="kpat_for-a-test", portal_host="{}.test".format)
    for number in range(count):
        held.catalog.create_api({"name": f"api {number}"})
    joined = Joined(KonnectHttp(held).handle)
    http = InProcess("konnect", "https://eu.api.konghq.com", joined)
    konnect = KonnectClient(http, "https://eu.api.konghq.com", Secret("kpat_for-a-test"))
    found = list(konnect.all("/v3/apis"))
    assert sorted(one["id"] for one in found) == sorted(held.tables.apis)
    assert len(joined.asked) == max(1, -(-count // 100))
    for number in {0, count // 2, count - 1} - {-1, count}:
        named = konnect.named("/v3/apis", f"api {number}")
        assert named is not None
        assert list(konnect.all("/v3/apis", name=f"api {number}")) == [named]
