"""Which requests the clients send, exactly, how often, and to whom.

What may be sent twice is sent twice by the caller: no client repeats anything of itself, follows a redirect, or
keeps a cookie.
"""

import json
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pytest_httpx import HTTPXMock

from dcrproof.core.checks.outcomes import Failed, Unreachable
from dcrproof.core.http.exchange import Exchange, Transcript
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.ledger.watch import watch
from dcrproof.core.parties.authorization_server import AuthorizationServer, ClientRegistration, Metadata
from dcrproof.core.parties.gateway import with_basic
from dcrproof.core.parties.konnect import MOST_PAGES, KonnectClient
from dcrproof.core.parties.portal import PortalClient
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.model import AdminSettings, Profile, RegistrarSettings
from dcrproof.core.secrets.secret import Secret
from dcrproof.fixtures.flow.registrations import InitialAccess, Registrations

IDSVR = "https://idsvr.example.com"
ISSUER = f"{IDSVR}/oauth/v2/oauth-anonymous"
TOKEN = f"{IDSVR}/oauth/v2/oauth-token"
REGISTRATION = f"{IDSVR}/token-service/oauth-registration"
ENDPOINTS = {
    "issuer": ISSUER,
    "token_endpoint": TOKEN,
    "jwks_uri": f"{ISSUER}/jwks",
    "registration_endpoint": REGISTRATION,
}
METADATA = Metadata(ENDPOINTS)
KONNECT = "https://eu.api.konghq.com"
PORTAL = "https://e77f9a55-2ab1-4ff4-a26d-6a2d5a1fa3a9.eu.kongportals.com"
REGISTRAR = RegistrarSettings("konnect-registrar", Secret("the registrar's secret"))
ConnectionTo = Callable[[str, str], PartyConnection]
OURS = ClientRegistration("app", Secret("the app's secret"), {}, f"{REGISTRATION}/app", Secret("the app's token"))


@pytest.fixture
def curity(connection_to: ConnectionTo) -> AuthorizationServer:
    return AuthorizationServer(
        connection_to("curity", ISSUER),
        ISSUER,
        AdminSettings("https://admin.example.com/admin/api/restconf", "adm", Secret("p:w")),
    )


@pytest.fixture
def konnect(connection_to: ConnectionTo) -> KonnectClient:
    return KonnectClient(connection_to("konnect", KONNECT), KONNECT, Secret("kpat_a-token-of-an-organisation"))


@pytest.fixture
def portal(connection_to: ConnectionTo) -> PortalClient:
    return PortalClient(connection_to("portal", PORTAL), PORTAL, Secret("the developer's session"))


def sent(httpx_mock: HTTPXMock) -> list[str]:
    """The requests that were sent, as `METHOD URL`."""
    return [f"{request.method} {request.url}" for request in httpx_mock.get_requests()]


def credentials(request: httpx.Request) -> dict[str, str]:
    """The parts of a request that must stay secret."""
    return {name: request.headers[name] for name in ("authorization", "cookie") if name in request.headers}


# --- the requests, one by one ---


def requests_of(
    curity: AuthorizationServer, konnect: KonnectClient, portal: PortalClient
) -> dict[str, Callable[[], Exchange]]:
    """Each request of each client."""
    return {
        f"GET {ISSUER}/.well-known/openid-configuration": lambda: curity.discovery(),  # noqa: PLW0108 - named before there is a client
        f"GET {ISSUER}/jwks": lambda: curity.keys(METADATA),
        f"POST {TOKEN}": lambda: curity.token(METADATA, "app", Secret("secret"), "read write"),
        f"POST {REGISTRATION}": lambda: curity.register(METADATA, Secret("initial"), {"client_name": "app"}),
        f"GET {REGISTRATION}/app": lambda: curity.read(OURS),
        f"PUT {REGISTRATION}/app": lambda: curity.update(OURS, {"client_name": "b"}),
        f"DELETE {REGISTRATION}/app": lambda: curity.delete(OURS),
        "GET https://admin.example.com/admin/api/restconf/data/base:facilities/zones%20and%20more%3F": lambda: (
            curity.configuration("base:facilities/zones%20and%20more%3F")
        ),
        f"GET {KONNECT}/v3/apis": lambda: konnect.get("/v3/apis"),
        f"POST {KONNECT}/v3/apis": lambda: konnect.post("/v3/apis", {"name": "é"}),
        f"POST {KONNECT}/v2/dcr-providers/1/verify": lambda: konnect.post("/v2/dcr-providers/1/verify"),
        f"PUT {KONNECT}/v3/apis/1/publications/2": lambda: konnect.put("/v3/apis/1/publications/2", {}),
        f"PATCH {KONNECT}/v3/apis/1": lambda: konnect.patch("/v3/apis/1", {"name": "b"}),
        f"DELETE {KONNECT}/v3/apis/1": lambda: konnect.delete("/v3/apis/1"),
        f"GET {PORTAL}/api/v3/portal": lambda: portal.get("/portal"),
        f"POST {PORTAL}/api/v3/applications": lambda: portal.post("/applications", {"name": "app"}),
        f"POST {PORTAL}/api/v3/applications/1/regenerate-secret": lambda: portal.post(
            "/applications/1/regenerate-secret"
        ),
        f"PATCH {PORTAL}/api/v3/applications/1": lambda: portal.patch("/applications/1", {"name": "b"}),
        f"DELETE {PORTAL}/api/v3/applications/1": lambda: portal.delete("/applications/1"),
        f"POST {PORTAL}/api/v3/developer/authenticate": lambda: portal.authenticate("a@example.com", Secret("secret")),
    }


EACH = list(requests_of(*[None] * 3))  # type: ignore[arg-type] # for their names alone


@pytest.fixture(params=EACH)
def each(
    request: pytest.FixtureRequest, curity: AuthorizationServer, konnect: KonnectClient, portal: PortalClient
) -> tuple[str, Callable[[], Exchange]]:
    """One request of a client: `METHOD URL`, and what sends it."""
    send = list(requests_of(curity, konnect, portal).values())[EACH.index(request.param)]
    return request.param, send


BODIES = {
    f"POST {TOKEN}": b"grant_type=client_credentials&scope=read+write",
    f"POST {REGISTRATION}": b'{"client_name": "app"}',
    f"PUT {REGISTRATION}/app": b'{"client_id": "app", "client_name": "b"}',
    f"POST {KONNECT}/v3/apis": b'{"name": "\\u00e9"}',
    f"PUT {KONNECT}/v3/apis/1/publications/2": b"{}",
    f"PATCH {KONNECT}/v3/apis/1": b'{"name": "b"}',
    f"POST {PORTAL}/api/v3/applications": b'{"name": "app"}',
    f"PATCH {PORTAL}/api/v3/applications/1": b'{"name": "b"}',
    f"POST {PORTAL}/api/v3/developer/authenticate": b'{"username": "a@example.com", "password": "secret"}',
}
AUTHORIZATION = {
    f"POST {TOKEN}": "Basic YXBwOnNlY3JldA==",
    f"POST {REGISTRATION}": "Bearer initial",
    "admin": "Basic YWRtOnA6dw==",
    REGISTRATION: "Bearer the app's token",
    KONNECT: "Bearer kpat_a-token-of-an-organisation",
}


def test_a_client_sends_one_request_as_it_should_be(
    httpx_mock: HTTPXMock, each: tuple[str, Callable[[], Exchange]]
) -> None:
    name, send = each
    httpx_mock.add_response(json={})
    exchange = send()
    assert sent(httpx_mock) == [name]
    request = httpx_mock.get_requests()[0]
    body = BODIES.get(name, b"")
    kind = "application/x-www-form-urlencoded" if name == f"POST {TOKEN}" else "application/json" if body else None
    expected = next((value for key, value in AUTHORIZATION.items() if key in name), None)
    assert (request.content, request.headers.get("content-type")) == (body, kind)
    assert request.headers.get("authorization") == expected
    assert request.headers.get("cookie") == ("portalaccesstoken=the developer's session" if PORTAL in name else None)
    assert request.headers["user-agent"].startswith("dcrproof/")
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["accept"] in {"application/json", "application/yang-data+json"}
    assert (f"{exchange.method} {exchange.url}", exchange.request_body) == (name, body)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (500, {}),
        (503, {"retry-after": "0"}),
        (429, {"retry-after": "0"}),
        (408, {}),
        (425, {}),
        (401, {"www-authenticate": 'Basic realm="a"'}),
        (407, {"proxy-authenticate": 'Basic realm="a"'}),
        (307, {"location": f"{IDSVR}/elsewhere"}),
        (308, {"location": "https://evil.example.net/"}),
        (303, {"location": "/"}),
    ],
)
def test_no_client_sends_a_request_again_after_any_answer(
    httpx_mock: HTTPXMock, each: tuple[str, Callable[[], Exchange]], status: int, headers: dict[str, str]
) -> None:
    name, send = each
    httpx_mock.add_response(status, headers=headers)
    assert send().status == status
    assert sent(httpx_mock) == [name]


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("connection refused"),
        httpx.ConnectTimeout(""),
        httpx.ReadTimeout(""),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
    ],
)
def test_no_client_sends_a_request_again_where_no_answer_came(
    httpx_mock: HTTPXMock, each: tuple[str, Callable[[], Exchange]], error: httpx.HTTPError
) -> None:
    name, send = each
    httpx_mock.add_exception(error)
    with pytest.raises(Unreachable):
        send()
    assert sent(httpx_mock) == [name]


def test_a_cookie_that_was_set_is_not_sent_back(
    httpx_mock: HTTPXMock, each: tuple[str, Callable[[], Exchange]]
) -> None:
    name, send = each
    headers = [("set-cookie", "portalaccesstoken=another; Path=/"), ("set-cookie", "session=b")]
    httpx_mock.add_response(headers=headers, is_reusable=True)
    assert send().headers_named("set-cookie") == [value for _, value in headers]
    send()
    mine = ["portalaccesstoken=the developer's session"] if PORTAL in name else []
    assert [request.headers.get_list("cookie") for request in httpx_mock.get_requests()] == [mine, mine]


@pytest.mark.parametrize("value", ["abc", "a=b==", "eyJ.eyJ.sig", '"quoted"', "a, b", "%41"])
def test_the_portals_cookie_is_sent_as_it_was_given(
    httpx_mock: HTTPXMock, connection_to: ConnectionTo, value: str
) -> None:
    httpx_mock.add_response()
    PortalClient(connection_to("portal", PORTAL), PORTAL, Secret(value)).get("/applications")
    assert httpx_mock.get_requests()[0].headers.get_list("cookie") == [f"portalaccesstoken={value}"]


def test_the_first_requests_of_a_portal_carry_no_cookie(httpx_mock: HTTPXMock, connection_to: ConnectionTo) -> None:
    httpx_mock.add_response()
    PortalClient(connection_to("portal", PORTAL), PORTAL).get("/portal")
    assert credentials(httpx_mock.get_requests()[0]) == {}


# --- credentials, and whom they are for ---


def test_public_documents_are_asked_for_without_credentials(httpx_mock: HTTPXMock, curity: AuthorizationServer) -> None:
    httpx_mock.add_response(json={}, is_reusable=True)
    curity.discovery()
    curity.keys(METADATA)
    assert [credentials(request) for request in httpx_mock.get_requests()] == [{}, {}]


def test_credentials_go_only_to_a_token_endpoint_on_another_host(
    httpx_mock: HTTPXMock, curity: AuthorizationServer
) -> None:
    """The metadata came over TLS from the issuer itself, and may name other hosts (RFC 8414 2), which are used."""
    elsewhere = Metadata({**ENDPOINTS, "token_endpoint": "https://tokens.example.net/token"})
    httpx_mock.add_response(json={"access_token": "a"})
    httpx_mock.add_response(401)
    curity.token(elsewhere, "app", Secret("secret"))
    curity.register(elsewhere, Secret("initial"), {})
    assert [(request.url.host, list(credentials(request))) for request in httpx_mock.get_requests()] == [
        ("tokens.example.net", ["authorization"]),
        ("idsvr.example.com", ["authorization"]),
    ]


@pytest.mark.parametrize(
    "url", ["http://idsvr.example.com/token", "http://evil.example.net/", "HTTP://idsvr.example.com/"]
)
@pytest.mark.parametrize("request_of", ["keys", "token", "register", "delete"])
def test_nothing_is_sent_to_an_endpoint_over_plain_http(
    httpx_mock: HTTPXMock, curity: AuthorizationServer, url: str, request_of: str
) -> None:
    named = Metadata(dict.fromkeys(ENDPOINTS, url))
    ours = ClientRegistration("app", Secret("secret"), {}, url, Secret("token"))
    asks: dict[str, Callable[[], Exchange]] = {
        "keys": lambda: curity.keys(named),
        "token": lambda: curity.token(named, "app", Secret("secret")),
        "register": lambda: curity.register(named, Secret("initial"), {}),
        "delete": lambda: curity.delete(ours),
    }
    with pytest.raises(Failed, match="expected an https:// address"):
        asks[request_of]()
    assert sent(httpx_mock) == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8443/token", "http://localhost/token", "http://idsvr.localhost/token"]
)
def test_plain_http_is_for_this_machine(httpx_mock: HTTPXMock, curity: AuthorizationServer, url: str) -> None:
    httpx_mock.add_response(json={})
    assert curity.token(Metadata({"token_endpoint": url}), "app", Secret("secret")).status == 200


def test_plain_http_is_used_only_for_the_gateway_that_speaks_it(
    httpx_mock: HTTPXMock, connection_to: ConnectionTo
) -> None:
    http = connection_to("gateway", "http://gateway.example.com")
    httpx_mock.add_response()
    http.send("GET", "http://gateway.example.com/accounts")
    with pytest.raises(Failed):
        http.send("GET", "http://other.example.com/accounts")
    assert sent(httpx_mock) == ["GET http://gateway.example.com/accounts"]


def test_a_node_is_dialled_only_for_the_name_of_its_party(httpx_mock: HTTPXMock) -> None:
    from dcrproof.core.http.connection import Connection

    http = PartyConnection("curity", ISSUER, Transcript(), connection=Connection(nodes=("10.0.0.4:8443",)))
    httpx_mock.add_response(is_reusable=True)
    http.send("GET", f"{ISSUER}/jwks")
    http.send("GET", "https://tokens.example.net/token")
    http.close()
    dialled = [(str(request.url), request.headers["host"]) for request in httpx_mock.get_requests()]
    assert dialled == [
        ("https://10.0.0.4:8443/oauth/v2/oauth-anonymous/jwks", "idsvr.example.com"),
        ("https://tokens.example.net/token", "tokens.example.net"),
    ]


def test_the_next_page_is_requested_from_konnect_whatever_address_it_names(
    httpx_mock: HTTPXMock, konnect: KonnectClient
) -> None:
    links = {
        "next": "https://evil.example.net/v3/apis?page=2",
        "page": {"total": 3, "next": "https://evil.example.net"},
    }
    for ids in (["1", "2"], ["3"]):
        httpx_mock.add_response(json={"data": [{"id": id} for id in ids], "meta": links, "links": links})
    assert len(list(konnect.all("/v3/apis"))) == 3
    assert {request.url.host for request in httpx_mock.get_requests()} == {"eu.api.konghq.com"}


# --- Basic (RFC 6749 2.3.1: each half form-encoded, then RFC 7617) ---

BASIC = [
    ("app", "secret", "app:secret"),
    ("a:b", "c:d", "a%3Ab:c%3Ad"),
    ("100%", "%41", "100%25:%2541"),
    ("a+b", "a b", "a%2Bb:a+b"),
    ("é", "pässwörd", "%C3%A9:p%C3%A4ssw%C3%B6rd"),
    ("€", "日本", "%E2%82%AC:%E6%97%A5%E6%9C%AC"),
    ("😀", "\u00a0", "%F0%9F%98%80:%C2%A0"),
    ("a/b?c=d&e#f", "\"\\'", "a%2Fb%3Fc%3Dd%26e%23f:%22%5C%27"),
    ("-._", "0123456789", "-._:0123456789"),
    ("$!()", "@;,[]{}|^`<>", "%24%21%28%29:%40%3B%2C%5B%5D%7B%7D%7C%5E%60%3C%3E"),
    ("tab\tand", "line\nand\r\n", "tab%09and:line%0Aand%0D%0A"),
    ("https://app.example.com", "", "https%3A%2F%2Fapp.example.com:"),
]


@pytest.mark.parametrize(("client_id", "secret", "pair"), BASIC)
def test_the_token_request_has_id_and_secret_form_encoded(
    httpx_mock: HTTPXMock, curity: AuthorizationServer, client_id: str, secret: str, pair: str
) -> None:
    httpx_mock.add_response(json={})
    curity.token(METADATA, client_id, Secret(secret))
    request = httpx_mock.get_requests()[0]
    scheme, _, value = request.headers["authorization"].partition(" ")
    assert (scheme, b64decode(value, validate=True)) == ("Basic", pair.encode())
    assert request.content == b"grant_type=client_credentials"


@pytest.mark.parametrize(("client_id", "secret"), [(row[0], row[1]) for row in BASIC])
def test_the_consumer_sends_id_and_secret_unencoded(client_id: str, secret: str) -> None:
    """A call is not an OAuth request: the gateway's documents show base64 of `id:secret`, without further encoding."""
    value = with_basic(client_id, Secret(secret))["authorization"].removeprefix("Basic ")
    assert b64decode(value, validate=True).decode() == f"{client_id}:{secret}"


@pytest.mark.parametrize("scope", ["", "dcr", "read write", "a+b", "é&c=d"])
def test_the_scope_is_one_field_of_the_form(httpx_mock: HTTPXMock, curity: AuthorizationServer, scope: str) -> None:
    httpx_mock.add_response(json={})
    curity.token(METADATA, "app", Secret("secret"), scope)
    form = parse_qs(httpx_mock.get_requests()[0].content.decode(), keep_blank_values=True)
    assert form == {"grant_type": ["client_credentials"], "scope": [scope]}


# --- registrations, and their tokens that serve once ---


class Server:
    """An authorization server that issues numbered initial access tokens, and records its requests."""

    def __init__(self, httpx_mock: HTTPXMock, status: int = 201) -> None:
        self.status, self.tokens = status, 0
        self.asked: list[str] = []
        httpx_mock.add_callback(self, is_reusable=True)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {urlsplit(str(request.url)).path} {request.headers.get('authorization')}")
        if str(request.url) == TOKEN:
            self.tokens += 1
            granted = {"access_token": f"initial-token-{self.tokens}", "token_type": "Bearer", "scope": "dcr"}
            return httpx.Response(200, json=granted)
        if request.method == "DELETE":
            return httpx.Response(204)
        if self.status != 201:
            return httpx.Response(self.status, json={"error": "invalid_client_metadata"})
        id = f"app-{len(self.asked)}"
        management = {"registration_client_uri": f"{REGISTRATION}/{id}", "registration_access_token": f"token-of-{id}"}
        members = {"client_id": id, "client_secret": f"the secret of {id}", **management}
        return httpx.Response(201, json=members | json.loads(request.content))


@pytest.fixture
def registrations(
    request: pytest.FixtureRequest, curity: AuthorizationServer
) -> Callable[[RegistrarSettings], Registrations]:
    def make(registrar: RegistrarSettings) -> Registrations:
        target = Target(Profile("a test"))
        curity.http.watch = partial(watch, target.ledger)
        return Registrations(target, InitialAccess(target, curity, METADATA, registrar), "dcrproof 0123abcd", request)

    return make


BY_BASIC = "Basic a29ubmVjdC1yZWdpc3RyYXI6dGhlK3JlZ2lzdHJhciUyN3Mrc2VjcmV0"


def test_each_registration_has_an_initial_token_of_its_own(
    httpx_mock: HTTPXMock, registrations: Callable[[RegistrarSettings], Registrations]
) -> None:
    server = Server(httpx_mock)
    ours = registrations(REGISTRAR)
    for name in ("one", "two"):
        ours.register(name)
    assert server.asked == [
        f"POST /oauth/v2/oauth-token {BY_BASIC}",
        "POST /token-service/oauth-registration Bearer initial-token-1",
        f"POST /oauth/v2/oauth-token {BY_BASIC}",
        "POST /token-service/oauth-registration Bearer initial-token-2",
    ]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500, 503])
def test_a_registration_that_is_refused_is_not_tried_again(
    httpx_mock: HTTPXMock, registrations: Callable[[RegistrarSettings], Registrations], status: int
) -> None:
    server = Server(httpx_mock, status)
    ours = registrations(REGISTRAR)
    assert ours.attempt("one", ours.access.token()).status == status
    assert len(server.asked) == 2
    # a proxy that says 503 need not know whether the server has done it
    assert [entry.id for entry in ours.target.ledger.pending] == ([None] if status == 503 else [])


def test_a_registration_without_an_answer_is_not_tried_again(
    httpx_mock: HTTPXMock, registrations: Callable[[RegistrarSettings], Registrations]
) -> None:
    """It may have been created, and a second one would leave the first one behind."""
    httpx_mock.add_response(json={"access_token": "initial-token-1", "token_type": "Bearer"})
    httpx_mock.add_exception(httpx.ReadTimeout(""))
    ours = registrations(REGISTRAR)
    with pytest.raises(Unreachable, match="no answer within"):
        ours.register("one")
    assert sent(httpx_mock) == [f"POST {TOKEN}", f"POST {REGISTRATION}"]


@pytest.mark.parametrize(
    ("registrar", "authorization"),
    [
        (RegistrarSettings(initial_access_token=Secret("the given one")), "Bearer the given one"),
        (RegistrarSettings(open=True), None),
    ],
)
def test_where_the_profile_gives_a_token_or_none_is_needed_no_token_is_fetched(
    httpx_mock: HTTPXMock,
    registrations: Callable[[RegistrarSettings], Registrations],
    registrar: RegistrarSettings,
    authorization: str | None,
) -> None:
    server = Server(httpx_mock)
    ours = registrations(registrar)
    for name in ("one", "two"):
        ours.register(name)
    assert server.asked == [f"POST /token-service/oauth-registration {authorization}"] * 2


# --- lists ---


def listed(httpx_mock: HTTPXMock, page: Callable[[int, int], dict[str, Any]]) -> None:
    """Konnect answers each list with what `page` returns for the number and the size of the page."""

    def respond(request: httpx.Request) -> httpx.Response:
        query = request.url.params
        return httpx.Response(200, json=page(int(query["page[number]"]), int(query["page[size]"])))

    httpx_mock.add_callback(respond, is_reusable=True)


def items(count: int) -> list[dict[str, Any]]:
    return [{"id": str(number), "name": f"api {number}"} for number in range(count)]


@pytest.mark.parametrize(("count", "asked"), [(0, 1), (1, 1), (99, 1), (100, 1), (101, 2), (200, 2), (250, 3)])
def test_a_list_is_read_exactly_to_its_end(
    httpx_mock: HTTPXMock, konnect: KonnectClient, count: int, asked: int
) -> None:
    held = items(count)
    listed(httpx_mock, lambda number, size: {
        "data": held[(number - 1) * size : number * size],
        "meta": {"page": {"number": number, "size": size, "total": count}},
    })  # fmt: skip
    assert list(konnect.all("/v3/apis")) == held
    assert [(query["page[size]"], query["page[number]"]) for query in queries(httpx_mock)] == [
        ("100", str(number)) for number in range(1, asked + 1)
    ]


@pytest.mark.parametrize(("count", "asked"), [(0, 1), (1, 1), (99, 1), (100, 2), (101, 2), (250, 3)])
@pytest.mark.parametrize("meta", [{}, {"meta": None}, {"meta": {"page": None}}, {"meta": {"page": {"total": "all"}}}])
def test_a_list_without_a_total_ends_with_a_page_that_is_not_full(
    httpx_mock: HTTPXMock, konnect: KonnectClient, count: int, asked: int, meta: dict[str, Any]
) -> None:
    held = items(count)
    listed(httpx_mock, lambda number, size: {"data": held[(number - 1) * size : number * size], **meta})
    assert list(konnect.all("/v3/apis")) == held
    assert len(httpx_mock.get_requests()) == asked


def test_entities_of_the_gateway_are_listed_from_offset_to_offset(
    httpx_mock: HTTPXMock, konnect: KonnectClient
) -> None:
    services = "/v2/control-planes/c1/core-entities/services"
    for offset, following in ((None, "b"), ("b", "c"), ("c", None)):
        content = {"data": [{"id": offset or "a"}], "next": following and f"{services}?offset={following}"}
        asked = {"size": "100", **({"offset": offset} if offset else {})}
        url = httpx.URL(KONNECT + services, params=asked)
        httpx_mock.add_response(url=url, json={**content, **({"offset": following} if following else {})})
    assert [item["id"] for item in konnect.all(services)] == ["a", "b", "c"]


@pytest.mark.parametrize("count", [1, 10, 11, 25])
def test_pages_may_be_smaller_than_requested(httpx_mock: HTTPXMock, konnect: KonnectClient, count: int) -> None:
    held = items(count)
    listed(httpx_mock, lambda number, _: {
        "data": held[(number - 1) * 10 : number * 10],
        "meta": {"page": {"number": number, "size": 10, "total": count}},
    })  # fmt: skip
    assert list(konnect.all("/v3/apis")) == held


ENDLESS: dict[str, Callable[[int, int], list[dict[str, Any]]]] = {
    "the same page for ever": lambda _, size: items(size),
    "two pages in turn": lambda number, size: [{"id": f"{number % 2} {one['id']}"} for one in items(size)],
}


@pytest.mark.parametrize("total", [{}, {"meta": {"page": {"total": 10**9}}}])
@pytest.mark.parametrize("name", list(ENDLESS))
def test_a_list_without_end_ends_with_an_outcome(
    httpx_mock: HTTPXMock, konnect: KonnectClient, name: str, total: dict[str, Any]
) -> None:
    listed(httpx_mock, lambda number, size: {"data": ENDLESS[name](number, size), **total})
    with pytest.raises(Failed, match="the end of the list /v3/apis"):
        list(konnect.all("/v3/apis"))
    assert len(httpx_mock.get_requests()) <= 3


def test_an_endless_list_is_not_read_for_ever(
    httpx_mock: HTTPXMock, konnect: KonnectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_PAGES == 1000
    monkeypatch.setattr("dcrproof.core.parties.konnect.MOST_PAGES", 5)
    listed(httpx_mock, lambda number, size: {"data": [{"id": f"{number} {one['id']}"} for one in items(size)]})
    with pytest.raises(Failed, match="the end of the list"):
        list(konnect.all("/v3/apis"))
    assert len(httpx_mock.get_requests()) == 6


def test_a_list_that_says_more_than_it_has_ends_with_an_empty_page(
    httpx_mock: HTTPXMock, konnect: KonnectClient
) -> None:
    listed(httpx_mock, lambda number, _: {"data": items(3) if number == 1 else [], "meta": {"page": {"total": 10}}})
    assert len(list(konnect.all("/v3/apis"))) == 3
    assert len(httpx_mock.get_requests()) == 2


def test_a_filter_is_sent_with_each_page(httpx_mock: HTTPXMock, konnect: KonnectClient) -> None:
    listed(httpx_mock, lambda number, size: {"data": items(size if number == 1 else 0)})
    list(konnect.all("/v3/api-implementations", api_id="a&b=c d"))
    assert [query["filter[api_id][eq]"] for query in queries(httpx_mock)] == ["a&b=c d"] * 2


def queries(httpx_mock: HTTPXMock) -> list[httpx.QueryParams]:
    return [request.url.params for request in httpx_mock.get_requests()]


def test_an_ambiguous_name_is_a_failure(httpx_mock: HTTPXMock, konnect: KonnectClient) -> None:
    listed(httpx_mock, lambda *_: {"data": [{"id": "1", "name": "a"}, {"id": "2", "name": "a"}, {"id": "a"}]})
    with pytest.raises(Failed, match="one object named a"):
        konnect.named("/v3/apis", "a")
    assert konnect.named("/v3/apis", "2") == {"id": "2", "name": "a"}
    assert konnect.named("/v3/apis", "b") is None
