"""Requests over real sockets: what is sent, what is not, and how errors are distinguished."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import trustme

from dcrproof.core.checks.outcomes import Unreachable
from dcrproof.core.http.connection import Connection
from dcrproof.core.http.exchange import Transcript
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.mocks import listen
from dcrproof.mocks.clock import Clock
from dcrproof.mocks.faults import Faults
from dcrproof.mocks.messages import Request, Response, json_response


class Remote:
    """A server with one handler, which records its requests."""

    def __init__(self, handler: Callable[[Request], Response]) -> None:
        self.handler = handler
        self.asked: list[Request] = []
        self.faults = Faults({})

    @property
    def current(self) -> "Remote":
        return self

    def handle(self, _port: str, request: Request) -> Response:
        self.asked.append(request)
        return self.handler(request)

    def log(self, port: str, request: Request, status: int, caller: str | None) -> None:
        pass

    def party(self, _port: str) -> str:
        return "curity"

    def now(self, _port: str) -> float:
        return Clock().now()


@contextmanager
def served(handler: Callable[[Request], Response], certificate=None) -> Iterator[tuple[str, Remote]]:
    party = Remote(handler)
    with listen.bind() as bound, listen.listening(party, {"curity": bound}, certificate=certificate):
        scheme = "https" if certificate else "http"
        yield f"{scheme}://127.0.0.1:{bound.getsockname()[1]}", party


def echo(request: Request) -> Response:
    return json_response(200, {"headers": dict(request.headers), "path": request.path})


def connected(base: str, *, consumer: bool, connection: Connection | None = None) -> PartyConnection:
    return PartyConnection("curity", base, Transcript(), connection=connection or Connection(), consumer=consumer)


both = pytest.mark.parametrize("consumer", [False, True], ids=["httpx", "requests"])


@both
def test_an_exchange_is_recorded_with_all_that_was_sent_and_received(consumer):
    with served(echo) as (base, _):
        ours = connected(base, consumer=consumer)
        exchange = ours.send("POST", f"{base}/a?b=c", headers={"x-one": "1"}, body=b"body")
        ours.close()
    assert ours.transcript.exchanges == [exchange]
    assert (exchange.number, exchange.party, exchange.method, exchange.status) == (1, "curity", "POST", 200)
    assert exchange.request_body == b"body"
    assert dict(exchange.request_headers)["x-one"] == "1"
    assert exchange.media_type == "application/json"


@both
def test_requests_have_a_user_agent(consumer):
    with served(echo) as (base, party):
        ours = connected(base, consumer=consumer)
        ours.send("GET", f"{base}/")
        ours.close()
    assert (party.asked[0].header("user-agent") or "").startswith("dcrproof/")


@both
def test_a_redirect_is_an_answer_and_is_not_followed(consumer):
    with served(lambda _: Response(302, (("location", "http://127.0.0.1:9/stolen"),))) as (base, party):
        ours = connected(base, consumer=consumer)
        assert ours.send("GET", f"{base}/", headers={"authorization": "Bearer abc"}).status == 302
        ours.close()
    assert len(party.asked) == 1


@both
def test_cookies_are_not_sent_back(consumer):
    with served(lambda _: Response(200, (("set-cookie", "session=abc; Path=/"),))) as (base, party):
        ours = connected(base, consumer=consumer)
        first = ours.send("GET", f"{base}/")
        ours.send("GET", f"{base}/")
        ours.close()
    assert first.headers_named("set-cookie") == ["session=abc; Path=/"]
    assert [request.header("cookie") for request in party.asked] == [None, None]


@both
def test_both_of_two_headers_of_one_name_are_kept(consumer):
    with served(lambda _: Response(200, (("set-cookie", "a=1"), ("set-cookie", "b=2")))) as (base, _):
        ours = connected(base, consumer=consumer)
        assert ours.send("GET", f"{base}/").headers_named("Set-Cookie") == ["a=1", "b=2"]
        ours.close()


@both
def test_a_node_is_dialled_with_the_public_name(consumer):
    with served(echo) as (base, _):
        address = base.partition("://")[2]
        ours = connected("http://gateway.example.com", consumer=consumer, connection=Connection(nodes=(address,)))
        exchange = ours.send("GET", "http://gateway.example.com/route", node=address)
        ours.close()
    assert exchange.object()["headers"]["host"] == "gateway.example.com"
    assert exchange.url == "http://gateway.example.com/route"


@both
def test_names_below_localhost_are_this_machine(consumer):
    with served(echo) as (base, _):
        port = base.rpartition(":")[2]
        url = f"http://one.portal.localhost:{port}"
        ours = connected(url, consumer=consumer)
        assert ours.send("GET", f"{url}/").object()["headers"]["host"] == f"one.portal.localhost:{port}"
        ours.close()


@both
def test_loopback_never_goes_through_a_proxy(consumer, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with served(echo) as (base, _):
        ours = connected(base, consumer=consumer, connection=Connection(proxy="http://127.0.0.1:9"))
        assert ours.send("GET", f"{base}/").status == 200
        ours.close()


def closed_port() -> int:
    with listen.bind() as bound:
        port: int = bound.getsockname()[1]
    return port


def unreachable(base: str, *, consumer: bool, connection: Connection | None = None) -> str:
    ours = connected(base, consumer=consumer, connection=connection)
    with pytest.raises(Unreachable) as caught:
        ours.send("GET", f"{base}/")
    ours.close()
    assert caught.value.party == "curity"
    return caught.value.observed


@both
def test_a_refused_connection_is_named(consumer):
    assert "connection refused" in unreachable(f"http://127.0.0.1:{closed_port()}", consumer=consumer)


@both
def test_a_name_that_cannot_be_resolved_is_named(consumer, monkeypatch):
    def fail(*_arguments, **_keywords):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert "DNS" in unreachable("http://curity.example.com", consumer=consumer)


@both
def test_a_proxy_that_is_down_is_distinguished_from_a_party_that_is_down(consumer):
    connection = Connection(proxy=f"http://127.0.0.1:{closed_port()}")
    observed = unreachable("http://curity.example.com", consumer=consumer, connection=connection)
    assert "proxy" in observed or "connection refused" in observed


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def certificate(authority: trustme.CA, folder, name: str, **keywords):
    issued = authority.issue_cert(name, **keywords)
    path = folder / "server.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(path)
    ca = folder / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    return path, ca


@both
def test_a_certificate_of_a_known_authority_is_accepted(consumer, authority, tmp_path):
    path, ca = certificate(authority, tmp_path, "127.0.0.1")
    with served(echo, path) as (base, _):
        ours = connected(base, consumer=consumer, connection=Connection(ca=ca))
        assert ours.send("GET", f"{base}/").status == 200
        ours.close()


@both
def test_a_certificate_of_an_unknown_authority_is_refused(consumer, authority, tmp_path):
    path, _ = certificate(authority, tmp_path, "127.0.0.1")
    with served(echo, path) as (base, party):
        observed = unreachable(base, consumer=consumer)
    assert "TLS" in observed
    assert party.asked == []


@both
def test_an_expired_certificate_is_refused_and_called_expired(consumer, authority, tmp_path):
    from datetime import UTC, datetime

    path, ca = certificate(authority, tmp_path, "127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    with served(echo, path) as (base, _):
        observed = unreachable(base, consumer=consumer, connection=Connection(ca=ca))
    assert "TLS" in observed
    assert "expired" in observed


@both
def test_a_certificate_of_another_name_is_refused(consumer, authority, tmp_path):
    path, ca = certificate(authority, tmp_path, "other.example.com")
    with served(echo, path) as (base, _):
        assert "TLS" in unreachable(base, consumer=consumer, connection=Connection(ca=ca))


@both
def test_a_node_answers_for_the_public_name_in_tls_as_well(consumer, authority, tmp_path):
    path, ca = certificate(authority, tmp_path, "gateway.example.com")
    with served(echo, path) as (base, _):
        address = base.partition("://")[2]
        connection = Connection(ca=ca, nodes=(address,))
        ours = connected("https://gateway.example.com", consumer=consumer, connection=connection)
        exchange = ours.send("GET", "https://gateway.example.com/", node=address)
        ours.close()
    assert exchange.object()["headers"]["host"] == "gateway.example.com"


@contextmanager
def raw_server(answer: bytes) -> Iterator[str]:
    """A server that reads a request, writes these bytes and closes the connection."""
    with listen.bind() as bound:
        bound.listen()

        def serve() -> None:
            connection, _ = bound.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        thread.join(5)


@both
@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (b"", "dropped"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort", "dropped"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
    ],
)
def test_an_incomplete_answer_is_distinguished_from_one_that_is_not_http(consumer, answer, word):
    with raw_server(answer) as base:
        observed = unreachable(base, consumer=consumer)
    assert word in observed


@both
def test_a_party_that_does_not_answer_in_time_is_named(consumer, monkeypatch):
    monkeypatch.setattr("dcrproof.core.http.transport.TIMEOUT", 0.2)
    with listen.bind() as bound:
        bound.listen()
        observed = unreachable(f"http://127.0.0.1:{bound.getsockname()[1]}", consumer=consumer)
    assert "no answer within" in observed


@both
def test_a_request_whose_connection_is_dropped_is_not_sent_again(consumer):
    with listen.bind() as bound:
        bound.listen()
        accepted = 0

        def serve() -> None:
            nonlocal accepted
            with suppress(OSError):
                while True:
                    connection, _ = bound.accept()
                    accepted += 1
                    with connection:
                        connection.recv(65536)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        base = f"http://127.0.0.1:{bound.getsockname()[1]}"
        ours = connected(base, consumer=consumer)
        with pytest.raises(Unreachable, match="dropped"):
            ours.send("POST", f"{base}/", body=b"once")
        ours.close()
        bound.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert accepted == 1


@both
def test_a_body_is_read_only_up_to_a_size(consumer, monkeypatch):
    monkeypatch.setattr("dcrproof.core.http.transport.LARGEST_BODY", 100_000)
    bodies = iter([100_000, 100_001, 1])
    with served(lambda _: Response(200, (), b"a" * next(bodies))) as (base, _):
        ours = connected(base, consumer=consumer)
        assert len(ours.send("GET", f"{base}/").body) == 100_000
        with pytest.raises(Unreachable, match="more than 100,000 bytes came"):
            ours.send("GET", f"{base}/")
        assert ours.send("GET", f"{base}/").body == b"a"
        ours.close()


@both
def test_credentials_of_the_machine_are_not_sent(consumer, monkeypatch, tmp_path):
    """By default requests takes them from ~/.netrc, and a call without credentials would have some."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with served(echo) as (base, party):
        address = base.partition("://")[2]
        ours = connected("http://gateway.example.com", consumer=consumer, connection=Connection(nodes=(address,)))
        ours.send("GET", "http://gateway.example.com/route")
        ours.send("GET", "http://gateway.example.com/route", headers={"authorization": "Bearer ours"})
        ours.close()
    assert [request.header("authorization") for request in party.asked] == [None, "Bearer ours"]


@both
@pytest.mark.parametrize("url", ["", "/route", "ftp://127.0.0.1/", "http://[", "https://a:b/", "https://", "a\nb"])
def test_an_invalid_address_is_named(consumer, url):
    ours = connected("http://127.0.0.1:9", consumer=consumer)
    with pytest.raises(Unreachable, match="this is not an http:// or https:// address"):
        ours.send("GET", url)
    ours.close()


@both
@pytest.mark.parametrize("url", [f"https://{'a' * 70}.example.com/", "https://a..b/"])
def test_an_impossible_host_name_is_an_outcome(consumer, url):
    ours = connected("https://127.0.0.1:9", consumer=consumer)
    with pytest.raises(Unreachable):
        ours.send("GET", url)
    ours.close()


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"\xff\xfe"])
def test_a_body_that_is_not_json_is_not_the_partys(body):
    with served(lambda _: Response(200, (("content-type", "text/html"),), body)) as (base, _):
        ours = connected(base, consumer=False)
        exchange = ours.send("GET", f"{base}/")
        ours.close()
    with pytest.raises(Unreachable, match="text/html"):
        exchange.object()


def test_the_repr_of_an_exchange_holds_neither_headers_nor_body():
    with served(lambda _: json_response(200, {"client_secret": "a secret value"})) as (base, _):
        ours = connected(base, consumer=False)
        exchange = ours.send("GET", f"{base}/", headers={"authorization": "Bearer another secret"})
        ours.close()
    assert "secret" not in repr(exchange)
    assert json.loads(exchange.body)["client_secret"] == "a secret value"


def test_a_context_verifies():
    from dcrproof.core.http.connection import tls

    assert tls(None, None, None).verify_mode is ssl.CERT_REQUIRED
