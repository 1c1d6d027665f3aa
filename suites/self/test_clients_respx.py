"""How the clients read exact answers, at the host names of tenants: errors, damage, and pages of others.

Whatever comes, a client returns the exchange or ends with an Outcome, and the words for a failure are there.
"""

import errno
import gzip
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

from dcrproof.core.checks.outcomes import Failed, Outcome, Unreachable
from dcrproof.core.http import transport as core_http
from dcrproof.core.http.errors import network_error
from dcrproof.core.http.exchange import LONGEST_QUOTE, Exchange, now
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.parties.answers import received
from dcrproof.core.parties.authorization_server import AuthorizationServer, Metadata, error_code, recognises
from dcrproof.core.parties.classic_portal import ClassicPortalClient
from dcrproof.core.parties.gateway import Consumer, answer, echoed, message, said, session_cookie
from dcrproof.core.parties.konnect import KonnectClient, problem
from dcrproof.core.parties.portal import PortalClient, session_of
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.model import Profile, RouteSettings
from dcrproof.core.secrets.secret import Secret
from dcrproof.fixtures.flow.registrations import as_registration

IDSVR = "https://idsvr.example.com"
ISSUER = f"{IDSVR}/oauth/v2/oauth-anonymous"
KONNECT = "https://eu.api.konghq.com"
PORTAL = "https://e77f9a55-2ab1-4ff4-a26d-6a2d5a1fa3a9.eu.kongportals.com"
GATEWAY = "https://api.example.com"
METADATA = Metadata(
    {
        "issuer": ISSUER,
        "token_endpoint": f"{IDSVR}/oauth/v2/oauth-token",
        "jwks_uri": f"{ISSUER}/jwks",
        "registration_endpoint": f"{IDSVR}/token-service/oauth-registration",
    }
)
SECRET = Secret("a secret that nobody guesses")

Ask = Callable[[], Exchange]
ConnectionTo = Callable[[str, str], PartyConnection]


@pytest.fixture
def network() -> Iterator[respx.Router]:
    """The only network; an unexpected request fails."""
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
def curity(connection_to: ConnectionTo) -> AuthorizationServer:
    return AuthorizationServer(connection_to("curity", ISSUER), ISSUER)


@pytest.fixture
def konnect(connection_to: ConnectionTo) -> KonnectClient:
    return KonnectClient(connection_to("konnect", KONNECT), KONNECT, Secret("kpat_a-token-of-an-organisation"))


@pytest.fixture
def portal(connection_to: ConnectionTo) -> PortalClient:
    return PortalClient(connection_to("portal", PORTAL), PORTAL)


@pytest.fixture
def consumer(connection_to: ConnectionTo) -> Consumer:
    return Consumer(connection_to("gateway", GATEWAY), GATEWAY, RouteSettings("/accounts"))


@pytest.fixture(params=["discovery", "token", "registration", "konnect", "portal"])
def ask(
    request: pytest.FixtureRequest, curity: AuthorizationServer, konnect: KonnectClient, portal: PortalClient
) -> tuple[str, Ask]:
    """One request of each client, and its URL."""
    asks: dict[str, tuple[str, Ask]] = {
        "discovery": (curity.discovery_url, curity.discovery),
        "token": (METADATA.endpoint("token_endpoint"), lambda: curity.token(METADATA, "app", SECRET)),
        "registration": (METADATA.endpoint("registration_endpoint"), lambda: curity.register(METADATA, SECRET, {})),
        "konnect": (f"{KONNECT}/v3/apis", lambda: konnect.get("/v3/apis")),
        "portal": (f"{PORTAL}/api/v3/applications", lambda: portal.post("/applications", {"name": "app"})),
    }
    return asks[request.param]


def exchange_of(body: bytes, status: int = 400, **headers: str) -> Exchange:
    """An exchange with that answer, without any client."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Exchange(
        number=1,
        at=now(),
        party="konnect",
        method="GET",
        url=f"{KONNECT}/v3/apis",
        status=status,
        request_headers=(),
        request_body=b"",
        headers=pairs,
        body=body,
        seconds=0.0,
    )


# --- the authorization server's errors ---


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, {"error": "invalid_scope"}, "400 invalid_scope"),
        (400, {"error": "invalid_scope", "error_description": "The scope dcr is not allowed."}, "400 invalid_scope"),
        (401, {"error": "invalid_client"}, "401 invalid_client"),
        (401, {"error": "invalid_token", "error_description": ""}, "401 invalid_token"),
        (400, {"error": "invalid_client_metadata", "error_uri": "https://curity.io"}, "400 invalid_client_metadata"),
        (500, {"error": "server_error"}, "500 server_error"),
        (400, {"error": ""}, "400"),
        (400, {"message": "nothing of OAuth"}, "400"),
        (400, {"error": None}, "400"),
        (400, {"error": 17}, "400 17"),
        (400, {"error": {"code": "invalid_scope"}}, '400 {"code": "invalid_scope"}'),
        (400, {"error": ["invalid_scope"]}, '400 ["invalid_scope"]'),
        (400, {"error": "two\nlines \x1b[31mand a colour"}, "400 two lines  [31mand a colour"),
        (400, {}, "400, application/json, 2 bytes"),
        (400, ["invalid_scope"], "400, application/json, 17 bytes"),
        (200, {"access_token": "a"}, "200"),
    ],
)
def test_an_oauth_error_is_its_status_and_its_code(
    network: respx.Router, curity: AuthorizationServer, status: int, body: Any, words: str
) -> None:
    answered = httpx.Response(status, content=json.dumps(body), headers={"content-type": "application/json"})
    network.post(METADATA.endpoint("token_endpoint")).mock(answered)
    assert error_code(curity.token(METADATA, "app", SECRET)) == words


@pytest.mark.parametrize(
    ("status", "body", "theirs"),
    [
        (500, {"error": "server_error"}, True),
        (500, {"error": "internal_server_error", "error_description": "'grant_type'"}, True),
        (500, {"error": "Internal Server Error", "status": 500, "path": "/token"}, False),
        (500, {"error": "boom"}, False),
        (500, {"error": {"code": "server_error"}}, False),
        (500, {"message": "Internal server error"}, False),
        (500, ["server_error"], False),
        (502, {"error": "server_error"}, False),
        (503, {"error": "temporarily_unavailable"}, False),
    ],
)
def test_a_server_error_with_a_code_is_the_servers_own(status: int, body: Any, theirs: bool) -> None:
    """A check of what the server cannot take has failed then; anything else may be said by something in front of it."""
    assert recognises(exchange_of(json.dumps(body).encode(), status)) is theirs


def test_a_message_repeats_only_the_start_of_a_long_value() -> None:
    words = error_code(exchange_of(json.dumps({"error": "a" * 1_000_000}).encode()))
    assert len(words) < LONGEST_QUOTE + 10
    assert words.endswith("...")


@pytest.mark.parametrize("token", [17, None, "", ["a"], {"a": 1}, True])
def test_an_answer_without_a_usable_token_is_not_a_token(
    network: respx.Router, curity: AuthorizationServer, token: object
) -> None:
    network.post(METADATA.endpoint("token_endpoint")).respond(json={"access_token": token})
    with pytest.raises(Failed, match="access_token in the answer"):
        received(Target(Profile("none")), curity.token(METADATA, "app", SECRET), "access_token")


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"client_id": "app"},
        {"client_id": 17, "client_secret": "a secret"},
        {"client_id": "", "client_secret": "a secret"},
        {"client_id": "app", "client_secret": ["a secret"]},
        {"client_id": None, "client_secret": None},
    ],
)
def test_a_registration_without_usable_credentials_is_not_one(
    network: respx.Router, curity: AuthorizationServer, members: dict[str, Any]
) -> None:
    network.post(METADATA.endpoint("registration_endpoint")).respond(201, json=members)
    with pytest.raises(Failed, match="in the answer"):
        as_registration(Target(Profile("none")), curity.register(METADATA, SECRET, {}))


@pytest.mark.parametrize("uri", [None, 17, "", "http://[", "ftp://idsvr.example.com/1", "https://a:b/"])
def test_a_client_without_a_management_address_is_not_requested(
    network: respx.Router, curity: AuthorizationServer, uri: object
) -> None:
    members = {
        "client_id": "app",
        "client_secret": "a secret of the app",
        "registration_client_uri": uri,
        "registration_access_token": "a token of the app",
    }
    network.post(METADATA.endpoint("registration_endpoint")).respond(201, json=members)
    registration = as_registration(Target(Profile("none")), curity.register(METADATA, SECRET, {}))
    with pytest.raises(Unreachable, match="nothing was sent"):
        curity.delete(registration)
    assert network.calls.call_count == 1


@pytest.mark.parametrize("token", ["line\r\nx-more: 1", "caf\u00e9", "\u20ac", "nul\x00"])
def test_a_token_that_does_not_fit_a_header_is_not_sent(
    network: respx.Router, curity: AuthorizationServer, token: str
) -> None:
    with pytest.raises(Unreachable, match="nothing was sent") as caught:
        curity.register(METADATA, Secret(token), {})
    assert token not in caught.value.observed
    assert network.calls.call_count == 0


# --- Konnect's and the portal's errors ---

INVALID = [
    (
        {"field": "api_id", "rule": "is_uuid", "reason": "must be a valid UUID", "source": "body"},
        "must be a valid UUID",
    ),
    ({"field": "name", "rule": "min_length", "minimum": 1, "reason": "must not be empty"}, "must not be empty"),
    ({"field": "name", "rule": "max_length", "maximum": 255, "reason": "is too long"}, "is too long"),
    ({"field": "provider_type", "rule": "enum", "choices": ["curity"], "reason": "must be one of [curity]"}, "one of"),
    ({"field": "a", "rule": "dependent_fields", "dependents": ["b"], "reason": "needs b"}, "needs b"),
    ({"field": "password", "reason": "is required"}, "is required"),
    ({"field": "name", "rule": "required"}, "required"),
]


@pytest.mark.parametrize(("parameter", "words"), INVALID)
def test_a_problem_names_each_field_with_its_reason(
    network: respx.Router, konnect: KonnectClient, parameter: dict[str, Any], words: str
) -> None:
    body = {
        "status": 400,
        "title": "Bad Request",
        "instance": "kong:trace:2287285207635123011",
        "detail": "The request schema is invalid.",
        "invalid_parameters": [parameter, {"field": "second", "reason": "is odd"}],
    }
    network.post(f"{KONNECT}/v3/apis").respond(400, json=body, content_type="application/problem+json")
    said = problem(konnect.post("/v3/apis", {}))
    parts = said.split(", ")
    assert said.startswith(f"exchange 1, POST {KONNECT}/v3/apis -> 400, The request schema is invalid., ")
    assert f"{parameter['field']}: " in said
    assert words in said
    assert parts[-2:] == ["second: is odd", "kong:trace:2287285207635123011"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"status": 401, "title": "Unauthorized", "instance": "kong:trace:1"}, ["Unauthorized", "kong:trace:1"]),
        ({"status": 404, "title": "Not Found", "instance": "kong:trace:1", "detail": "Not found"}, ["Not found"]),
        ({"detail": "a", "invalid_parameters": []}, ["a"]),
        ({"detail": "a", "invalid_parameters": None}, ["a"]),
        ({"detail": "a", "invalid_parameters": 17}, ["a"]),
        ({"detail": "a", "invalid_parameters": "field"}, ["a"]),
        ({"detail": "a", "invalid_parameters": {"field": "b"}}, ["a"]),
        ({"detail": "a", "invalid_parameters": ["b", None, 1, {"field": ["c"], "reason": {"d": 1}}]}, ["a", '["c"]']),
        ({"detail": ["a"], "instance": {"b": 1}}, ['["a"]', '{"b": 1}']),
        ({"message": "Unauthorized"}, ["-> 400"]),
    ],
)
def test_a_problem_of_any_form_is_put_in_words(body: dict[str, Any], words: list[str]) -> None:
    said = problem(exchange_of(json.dumps(body).encode(), content_type="application/problem+json"))
    assert all(word in said for word in words)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"a"', b"null", b"17"])
def test_an_error_without_a_problem_says_what_came_instead(body: bytes) -> None:
    said = problem(exchange_of(body, 502, content_type="text/html"))
    assert said == f"exchange 1, GET {KONNECT}/v3/apis -> 502 (text/html, {len(body)} bytes)"


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (lambda portal: portal.versions("a/b?c"), "/products/a%2Fb%3Fc/versions?page%5Bsize%5D=100"),
        (lambda portal: portal.regenerate_secret("a/b?c"), "/applications/a%2Fb%3Fc/refresh-token"),
        (lambda portal: portal.register("a/b?c", "v1"), "/applications/a%2Fb%3Fc/registrations"),
    ],
    ids=["versions", "a new secret", "a registration"],
)
def test_a_portal_client_encodes_each_id_itself(
    network: respx.Router, connection_to: ConnectionTo, ask: Callable[[ClassicPortalClient], Exchange], path: str
) -> None:
    network.route().respond(200, json={})
    ask(ClassicPortalClient(connection_to("portal", PORTAL), PORTAL))
    assert network.calls.last.request.url.raw_path.decode() == f"/api/v2{path}"


def test_the_portals_refusal_to_sign_in_is_in_its_own_words(network: respx.Router, portal: PortalClient) -> None:
    body = {"status": 401, "title": "Invalid Credentials", "detail": "You have entered an invalid email or password."}
    network.post(f"{PORTAL}/api/v3/developer/authenticate").respond(401, json=body)
    assert "invalid email or password" in problem(portal.authenticate("dev@example.com", SECRET))


@pytest.mark.parametrize(
    ("cookies", "session"),
    [
        (["portalaccesstoken=abc; Path=/; Secure; HttpOnly"], "abc"),
        (["other=1", "portalaccesstoken=a=b; Path=/"], "a=b"),
        (["portalaccesstoken=; Max-Age=0"], None),
        (["portalaccesstokens=abc"], None),
        (["portalaccesstoken"], None),
        ([""], None),
        ([], None),
    ],
)
def test_the_session_is_read_from_the_cookie_and_sent_by_hand(
    network: respx.Router, portal: PortalClient, cookies: list[str], session: str | None
) -> None:
    headers = [("set-cookie", cookie) for cookie in cookies]
    network.post(f"{PORTAL}/api/v3/developer/authenticate").mock(httpx.Response(204, headers=headers))
    later = network.get(f"{PORTAL}/api/v3/applications").respond(401)
    assert session_of(portal.authenticate("dev@example.com", SECRET)) == session
    portal.get("/applications")
    assert "cookie" not in later.calls.last.request.headers


# --- the gateway's errors ---

SHAPE_A = b'{"message":"Unauthorized"}'
SHAPE_B = b'{\n  "message":"no Route matched with those values",\n  "request_id":"cbf2f2f4a1c0b6ff1fdb4c5d0d45bd20"\n}'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (SHAPE_A, "Unauthorized"),
        (SHAPE_B, "no Route matched with those values"),
        (b'{"message":""}', ""),
        (b'{"message":{"a":1}}', ""),
        (b'{"message":null}', ""),
        (b'["Unauthorized"]', ""),
        (b"Unauthorized\nrequest_id: 1\n", ""),
        (b"", ""),
    ],
)
def test_kongs_message_is_read_from_both_of_its_bodies(
    network: respx.Router, consumer: Consumer, body: bytes, said: str
) -> None:
    headers = {"server": "kong/3.14.0.1", "content-type": "application/json; charset=utf-8"}
    network.get(f"{GATEWAY}/accounts").respond(401, content=body, headers=headers)
    exchange = consumer.call()
    assert message(exchange) == said
    assert answer(exchange).startswith("401" + (f" '{said}'" if said else " ("))
    assert consumer.refuses(exchange)
    assert session_cookie(exchange) is None


def test_a_page_that_is_not_kongs_is_not_the_gateway(network: respx.Router, consumer: Consumer) -> None:
    network.get(f"{GATEWAY}/accounts").respond(403, html="<h1>Access denied</h1>")
    with pytest.raises(Unreachable, match="text/html"):
        consumer.call()


def test_kongs_own_page_in_html_is_the_gateways(network: respx.Router, consumer: Consumer) -> None:
    network.get(f"{GATEWAY}/accounts").respond(401, html="<h1>Error</h1>", headers={"server": "kong/3.14.0.1"})
    assert consumer.refuses(consumer.call())


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"headers":[]}', b'{"headers":"x"}', b"ok"])
def test_an_answer_that_is_not_an_echo_is_not_the_upstreams(
    network: respx.Router, consumer: Consumer, body: bytes
) -> None:
    network.get(f"{GATEWAY}/accounts").respond(200, content=body)
    with pytest.raises(Unreachable):
        echoed(consumer.call())


# --- damage, for every client ---


def test_a_body_of_ten_megabytes_is_read(network: respx.Router, ask: tuple[str, Ask]) -> None:
    url, send = ask
    network.route(url=url).respond(200, content=b'"' + b"a" * (core_http.LARGEST_BODY - 2) + b'"')
    assert len(send().body) == core_http.LARGEST_BODY


class Stream(httpx.SyncByteStream):
    """A body in pieces; it counts those that were read, and may end with an error."""

    def __init__(self, piece: bytes, pieces: int, error: httpx.HTTPError | None = None) -> None:
        self.piece, self.pieces, self.error, self.taken = piece, pieces, error, 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self.pieces):
            self.taken += 1
            yield self.piece
        if self.error:
            raise self.error


def test_an_endless_body_is_not_read_to_its_end(network: respx.Router, ask: tuple[str, Ask]) -> None:
    url, send = ask
    stream = Stream(b" " * 1_000_000, 1_000_000)
    network.route(url=url).mock(httpx.Response(200, stream=stream))
    with pytest.raises(Unreachable, match=r"more than 10,000,000 bytes"):
        send()
    assert stream.taken == 11


def test_a_small_body_that_decompresses_to_a_large_one_is_rejected(network: respx.Router, ask: tuple[str, Ask]) -> None:
    url, send = ask
    packed = Stream(gzip.compress(b" " * (core_http.LARGEST_BODY + 1)), 1)
    network.route(url=url).mock(httpx.Response(200, stream=packed, headers={"content-encoding": "gzip"}))
    with pytest.raises(Unreachable, match="more than"):
        send()


def test_a_wrong_content_encoding_is_named(network: respx.Router, ask: tuple[str, Ask]) -> None:
    url, send = ask
    answered = httpx.Response(200, stream=Stream(b'{"a": 1}', 1), headers={"content-encoding": "gzip"})
    network.route(url=url).mock(answered)
    with pytest.raises(Unreachable, match="Content-Encoding"):
        send()


def not_verified() -> ssl.SSLCertVerificationError:
    made = ssl.SSLCertVerificationError()
    made.verify_code, made.verify_message = 18, "self-signed certificate"
    return made


def raised_from(error: type[httpx.HTTPError], cause: OSError) -> httpx.HTTPError:
    """An error as httpx raises it, but with an empty message."""
    made = error("")
    made.__cause__ = cause
    return made


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.RemoteProtocolError("peer closed connection without sending complete message body"), "dropped"),
        (httpx.ReadError(""), "dropped"),
        (httpx.ReadTimeout("timed out"), "no answer within 15 seconds"),
    ],
)
def test_an_incomplete_body_is_not_an_answer(
    network: respx.Router, ask: tuple[str, Ask], error: httpx.HTTPError, words: str
) -> None:
    url, send = ask
    network.route(url=url).mock(httpx.Response(200, stream=Stream(b'{"a":', 1, error)))
    with pytest.raises(Unreachable, match=words):
        send()
    assert network.calls.call_count == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectTimeout(""), "no connection within"),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), "dropped"),
        (httpx.RemoteProtocolError("illegal status line: bytearray(b'SSH-2.0')"), "not HTTP"),
        (httpx.ProxyError("407 Proxy Authentication Required"), "proxy"),
        (httpx.PoolTimeout(""), "no answer within"),
    ],
)
def test_errors_below_http_are_distinguished(
    network: respx.Router, ask: tuple[str, Ask], error: httpx.HTTPError, words: str
) -> None:
    url, send = ask
    network.route(url=url).mock(side_effect=error)
    with pytest.raises(Unreachable, match=words) as caught:
        send()
    assert url in caught.value.observed
    assert network.calls.call_count == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (raised_from(httpx.ConnectError, ConnectionRefusedError()), "connection refused"),
        (raised_from(httpx.ConnectError, socket.gaierror(socket.EAI_NONAME, "")), "DNS: the host name"),
        (raised_from(httpx.ConnectError, socket.gaierror(socket.EAI_AGAIN, "")), "DNS: the resolver"),
        (raised_from(httpx.ConnectError, OSError(errno.EHOSTUNREACH, "")), "no route"),
        (raised_from(httpx.ConnectError, not_verified()), "TLS: self-signed certificate"),
        (raised_from(httpx.WriteError, BrokenPipeError()), "dropped"),
    ],
)
def test_the_cause_of_an_error_tells_what_went_wrong(error: httpx.HTTPError, words: str) -> None:
    """Respx makes errors of its own, without a cause."""
    assert words in network_error(error).said


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_that_is_not_the_partys(
    network: respx.Router, ask: tuple[str, Ask], status: int
) -> None:
    url, send = ask
    network.route(url=url).respond(status, headers={"location": "https://login.example.net/"})
    exchange = send()
    assert network.calls.call_count == 1
    assert exchange.status == status
    assert error_code(exchange) == f"{status}, no content type, 0 bytes"
    assert problem(exchange).endswith(f"-> {status} (no content type, 0 bytes)")
    with pytest.raises(Unreachable, match=f"-> {status} is no content type, 0 bytes"):
        exchange.object()


NO_JSON = {
    "empty": b"",
    "blank": b" \r\n",
    "html": b"<!doctype html><title>Sign in</title>",
    "cut off": b'{"access_token": "abc',
    "two objects": b"{}{}",
    "a trailing comma": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "invalid utf-8": b'{"a": "\xff\xfe"}',
    "latin-1": '{"a": "é"}'.encode("latin-1"),
    "nested too deep": b'{"a":' * 200_000,
    "closed, and too deep": b"[" * 200_000 + b"]" * 200_000,
    "half a surrogate pair": b'{"access_token": "\\ud800"}',
    "half a pair in a name": b'{"\\udfff": 1}',
    "a number beyond bounds": b'{"a": ' + b"9" * 10_000 + b"}",
    "gzip without a word": gzip.compress(b"{}"),
}


@pytest.mark.parametrize("name", list(NO_JSON))
def test_a_body_that_is_not_json_is_named_with_its_type_and_size(
    network: respx.Router, ask: tuple[str, Ask], name: str
) -> None:
    url, send = ask
    network.route(url=url).respond(200, content=NO_JSON[name], content_type="application/json;charset=UTF-8")
    exchange = send()
    with pytest.raises(Unreachable, match=f"is application/json, {len(NO_JSON[name])} bytes"):
        exchange.object()
    assert exchange.members() == {}
    assert error_code(exchange) == f"200, application/json, {len(NO_JSON[name])} bytes"
    assert problem(exchange).endswith(f"(application/json, {len(NO_JSON[name])} bytes)")
    assert message(exchange) == ""


JSON: dict[str, tuple[bytes, object]] = {
    "a byte order mark": (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', "é"),
    "utf-16": ('{"a": "é"}'.encode("utf-16"), "é"),
    "the last of two members": (b'{"a": "first", "a": "second"}', "second"),
    "a whole surrogate pair": (b'{"a": "\\ud83d\\ude00"}', "😀"),
    "white space around": (b'\n\t {"a": 1}\r\n', 1),
    "a backslash before u": (b'{"a": "\\\\ud800"}', "\\ud800"),
}


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "text/html; charset=iso-8859-1", "", "?;;"])
@pytest.mark.parametrize("name", list(JSON))
def test_json_is_read_whatever_its_type_says(
    network: respx.Router, konnect: KonnectClient, name: str, content_type: str
) -> None:
    body, value = JSON[name]
    network.get(f"{KONNECT}/v3/apis").respond(200, content=body, headers={"content-type": content_type})
    assert konnect.get("/v3/apis").object() == {"a": value}


@pytest.mark.parametrize("body", [b"[]", b'"a"', b"null", b"17", b"true"])
def test_json_that_is_no_object_is_called_so(network: respx.Router, ask: tuple[str, Ask], body: bytes) -> None:
    url, send = ask
    network.route(url=url).respond(200, content=body)
    with pytest.raises(Unreachable, match="JSON, but not an object"):
        send().object()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"data": null}'),
        (200, b'{"data": {}}'),
        (200, b"<html>"),
        (403, b"{}"),
        (500, b""),
        (302, b""),
    ],
)
def test_a_list_that_is_none_ends_with_an_outcome(
    network: respx.Router, konnect: KonnectClient, status: int, body: bytes
) -> None:
    network.get(url__startswith=f"{KONNECT}/v3/portals").respond(status, content=body)
    with pytest.raises(Outcome) as caught:
        konnect.named("/v3/portals", "developers")
    assert isinstance(caught.value, Failed | Unreachable)


def test_what_is_no_object_in_a_list_is_passed_over(network: respx.Router, konnect: KonnectClient) -> None:
    data: list[Any] = [None, 1, "a", [], {"id": ["unhashable"], "name": {}}, {"id": "1", "name": "developers"}]
    network.get(url__startswith=f"{KONNECT}/v3/portals").respond(200, json={"data": data})
    assert konnect.named("/v3/portals", "developers") == {"id": "1", "name": "developers"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = ["error", "error_description", "message", "detail", "title", "instance", "invalid_parameters", "headers"]
BODIES = st.binary() | (VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES)).map(
    lambda value: json.dumps(value).encode()
)


INVALID = "401 'no' (error 'invalid_token'"
CHALLENGE = 'Bearer realm="curity", error="invalid_token", error_description='


@pytest.mark.parametrize(
    ("status", "challenge", "told"),
    [
        (401, f'{CHALLENGE}"the token has expired"', f"{INVALID}, error_description 'the token has expired')"),
        (401, 'Bearer Error_Description = "first", realm="x"', "401 'no' (error_description 'first')"),
        (401, f'{CHALLENGE}"\x1b[31mred\u202e"', f"{INVALID}, error_description ' [31mred ')"),
        (401, f'{CHALLENGE}"{"long " * 500}"', "long ...')"),
        *((401, f"{CHALLENGE}{value}", f"{INVALID})") for value in ("", '""', '"open', "bare")),
        (401, 'Bearer my_error_description="no parameter of that name"', "401 'no'"),
        (401, "Bearer", "401 'no'"),
        (401, 'Key realm="kong"', "401 'no' (WWW-Authenticate: key)"),
        (
            403,
            'Bearer error="insufficient_scope", scope="orders"',
            "403 'no' (error 'insufficient_scope', scope 'orders')",
        ),
        (404, f'{CHALLENGE}"neither 401 nor 403"', "404 'no'"),
    ],
)
def test_a_refusal_of_the_route_shows_what_its_challenge_says(status: int, challenge: str, told: str) -> None:
    shown = said(exchange_of(b'{"message": "no"}', status, content_type="application/json", www_authenticate=challenge))
    assert shown.endswith(told)
    assert len(shown) < 1000


@given(
    body=BODIES,
    status=st.integers(100, 599),
    content_type=st.text(),
    challenge=st.text().map(CHALLENGE.__add__),
    cookie=st.text() | st.just("session=a; Path=/") | st.just("portalaccesstoken=a"),
)
def test_no_answer_is_beyond_words(body: bytes, status: int, content_type: str, challenge: str, cookie: str) -> None:
    exchange = exchange_of(body, status, content_type=content_type, www_authenticate=challenge, set_cookie=cookie)
    for put_in_words in (problem, error_code, answer, message):
        words = put_in_words(exchange)
        assert len(words) < 20_000
        words.encode()
    for read in (exchange.object, exchange.json, lambda: echoed(exchange)):
        try:
            read()
        except Unreachable as unreachable:
            assert unreachable.party in {"konnect", "upstream"}
    session_cookie(exchange)
    session_of(exchange)
