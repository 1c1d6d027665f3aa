"""The one place where requests are sent: connections, time-outs, TLS, proxies, nodes, and the transcript.

The core speaks httpx. The calls to the route are made with requests, as an API consumer would make them. Redirects are
never followed: a redirect must not carry credentials to another host.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import httpx
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError as Urllib3Error

from dcrproof import __version__
from dcrproof.loopback import is_loopback
from dcrproof.transcript import Exchange, Headers, Transcript, Unanswered, quoted
from dcrproof.verdict import Failed, Unreachable

USER_AGENT = f"dcrproof/{__version__}"
TIMEOUT = 15.0
"""Seconds that a party has to answer in: more than the ten that a gateway gives its authorization server."""
LARGEST_BODY = 10_000_000
"""Octets of a body that are read: no answer of this flow has a tenth of them."""
NO_COOKIES = DefaultCookiePolicy(allowed_domains=())
"""No cookie is kept: whoever means to send one does so by hand."""


@dataclass(frozen=True)
class Connection:
    """How a party is reached. `nodes` are addresses (`host:port`) that are dialled with the party's public name."""

    ca: Path | None = None
    proxy: str | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prepared:
    method: str
    url: str
    """What is dialled; the public name stands in the Host header where it differs."""
    headers: Headers
    body: bytes
    name: str
    """The public host name, for TLS."""


class Endless(Exception):
    """A body that is larger than any answer of this flow."""


class Transport(Protocol):
    def send(self, request: Prepared) -> tuple[int, Headers, bytes]: ...

    def close(self) -> None: ...


@cache
def tls(ca: Path | None, client_cert: Path | None, client_key: Path | None) -> ssl.SSLContext:
    """A verifying context. Raises OSError (ssl.SSLError) for a file that cannot be used."""
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    if client_cert:
        context.load_cert_chain(client_cert, client_key)
    return context


class Httpx:
    """A connection pool of httpx."""

    def __init__(self, connection: Connection, host: str) -> None:
        self.client = httpx.Client(
            verify=tls(connection.ca, connection.client_cert, connection.client_key),
            proxy=None if is_loopback(host) else connection.proxy,
            trust_env=not is_loopback(host),
            timeout=TIMEOUT,
            follow_redirects=False,
            cookies=CookieJar(NO_COOKIES),
        )

    def send(self, request: Prepared) -> tuple[int, Headers, bytes]:
        with self.client.stream(
            request.method,
            request.url,
            headers=[*request.headers, ("accept-encoding", "identity")],
            content=request.body,
            extensions={"sni_hostname": request.name},
        ) as response:
            body = whole(response.iter_bytes())
        return response.status_code, tuple(response.headers.multi_items()), body

    def close(self) -> None:
        self.client.close()


class Requests:
    """A session of requests, as an API consumer has it."""

    def __init__(self, connection: Connection, host: str) -> None:
        class NamedAdapter(HTTPAdapter):
            """Dials a node's address, and has the certificate answer for the public name."""

            def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
                super().init_poolmanager(*arguments, server_hostname=host, assert_hostname=host, **keywords)

        self.session = requests.Session()
        self.session.trust_env = not is_loopback(host)
        self.session.auth = _as_it_is
        self.session.cookies.set_policy(NO_COOKIES)
        # said with each request: what a session says the environment may override
        self.verify = str(connection.ca) if connection.ca else True
        self.session.headers.clear()
        if connection.client_cert:
            self.session.cert = (
                (str(connection.client_cert), str(connection.client_key))
                if connection.client_key
                else str(connection.client_cert)
            )
        if connection.proxy and not is_loopback(host):
            self.session.proxies = {"http": connection.proxy, "https": connection.proxy}
        if connection.nodes:
            self.session.mount("https://", NamedAdapter())

    def send(self, request: Prepared) -> tuple[int, Headers, bytes]:
        with self.session.request(
            request.method,
            request.url,
            headers=dict(request.headers),
            data=request.body or None,
            timeout=TIMEOUT,
            verify=self.verify,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = whole(response.iter_content(65_536))
        return response.status_code, tuple(response.raw.headers.items()), body

    def close(self) -> None:
        self.session.close()


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leaves a request as it was made: without this, requests adds the credentials that ~/.netrc has for the host."""
    return request


def whole(chunks: Iterable[bytes]) -> bytes:
    """A body in one piece. Raises Endless as soon as more of it came than is read."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Endless
    return bytes(body)


UNFIT = "nothing was sent: a value in it, such as a token, has characters that no HTTP header takes"
NO_NAME = "DNS: the host name cannot be resolved"
NO_ADDRESS = "nothing was sent: this is no address of the scheme http or https"


def why_unreachable(error: BaseException) -> str:
    """What went wrong below HTTP, told apart: name, proxy, TLS, connection, time."""
    if isinstance(error, Endless):
        return f"more than {LARGEST_BODY:,} bytes came: what answers there is not the party"
    for cause in causes(error):
        kind = type(cause).__name__
        if isinstance(cause, socket.gaierror) or kind == "NameResolutionError":
            return NO_NAME
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"TLS: {cause.verify_message}"
        if kind == "ProxyError":
            return "proxy: it refused or did not answer"
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason or 'the handshake failed'}"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
    text = " ".join(f"{type(cause).__name__} {cause}" for cause in causes(error)).lower()
    for sign, meaning in (
        ("certificate", "TLS: the certificate was not accepted"),
        ("name or service not known", NO_NAME),
        ("nodename nor servname", NO_NAME),
        ("refused", "connection refused"),
        ("connecttimeout", f"no connection within {TIMEOUT:g} seconds"),
        ("timeout", f"no answer within {TIMEOUT:g} seconds"),
        ("timed out", f"no answer within {TIMEOUT:g} seconds"),
        ("reset", "the connection was dropped before the answer was complete"),
        ("disconnected", "the connection was dropped before the answer was complete"),
        ("incomplete", "the connection was dropped before the answer was complete"),
        ("closed", "the connection was dropped before the answer was complete"),
        ("broken pipe", "the connection was dropped before the answer was complete"),
        ("aborted", "the connection was dropped before the answer was complete"),
        ("localprotocolerror", UNFIT),
        ("invalidheader", UNFIT),
        ("idna", NO_NAME),
        ("label", NO_NAME),
        ("unicode", UNFIT),
        ("unsupportedprotocol", NO_ADDRESS),
        ("schema", NO_ADDRESS),
        ("invalidurl", NO_ADDRESS),
        ("decod", "the body is not what its Content-Encoding says"),
        ("protocol", "the answer is not HTTP"),
        ("unreachable", "no route to the network"),
    ):
        if sign in text:
            return meaning
    return type(error).__name__


def causes(error: BaseException) -> Iterable[BaseException]:
    """The error and all that it was raised from, nested arguments (urllib3's `reason`) included."""
    seen: list[BaseException] = []
    waiting: list[BaseException] = [error]
    while waiting:
        cause = waiting.pop(0)
        if any(cause is known for known in seen):
            continue
        seen.append(cause)
        nested = [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
        waiting.extend(item for item in nested if isinstance(item, BaseException))
    return seen


NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
    UnicodeError,
)
"""What httpx raises before a request is on its way."""
UNANSWERED = (Endless, httpx.HTTPError, httpx.InvalidURL, requests.RequestException, Urllib3Error)
"""What the two libraries raise where no whole answer comes; requests lets some errors of urllib3 through."""


Watch = Callable[[str, str, str, str, str, bytes], Callable[[Exchange | None], None]]
"""Takes party, base, method, URL, media type and body; its result the answer, or None where nothing was sent."""


def unwatched(*_: object) -> Callable[[Exchange | None], None]:
    return lambda _: None


@dataclass
class Line:
    """The line to one party: sends requests there, and records each exchange."""

    party: str
    base: str
    transcript: Transcript
    connection: Connection = Connection()
    consumer: bool = False
    recognises: Callable[[Exchange], bool] = lambda _: True
    """Whether an answer can be the party's: a page of a firewall or a proxy is not."""
    watch: Watch = unwatched
    """Told of each request before it is sent, and of its answer."""
    _transport: Transport | None = field(default=None, repr=False)

    @property
    def transport(self) -> Transport:
        if self._transport is None:
            host = urlsplit(self.base).hostname or ""
            self._transport = Requests(self.connection, host) if self.consumer else Httpx(self.connection, host)
        return self._transport

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        node: str | None = None,
    ) -> Exchange:
        """Sends one request; `url` is absolute. Raises Unreachable where no HTTP answer comes.

        Raises Failed, and sends nothing, where a party has named an address that would take secrets over plain HTTP.
        """
        where = f"{method} {quoted(url) or 'to no address'}" + (f" at {node}" if node else "")
        sent = {"user-agent": USER_AGENT, "accept": "application/json", **(headers or {})}
        try:
            parts, port = urlsplit(url), urlsplit(url).port
        except ValueError:
            raise Unreachable(self.party, f"{where}: {NO_ADDRESS}") from None
        host = parts.hostname or ""
        if parts.scheme not in {"http", "https"} or not host:
            raise Unreachable(self.party, f"{where}: {NO_ADDRESS}")
        if any(set(value) & set("\r\n\0") for value in sent.values()):
            raise Unreachable(self.party, f"{where}: {UNFIT}")
        if not self.may_be_plain(parts.scheme, host):
            raise Failed("an https:// address", f"{quoted(url)}, named by {self.party}; nothing was sent there")
        if dialled := node or self.node_for(host, port or (443 if parts.scheme == "https" else 80)):
            sent["host"] = parts.netloc
            url_dialled = urlunsplit((parts.scheme, dialled, parts.path, parts.query, ""))
        else:
            url_dialled = url
        request = Prepared(method, url_dialled, tuple(sent.items()), body, host)
        answered = self.watch(self.party, self.base, method, url, sent.get("content-type", ""), body)
        begun, started = self.transcript.sending(self.party, method, url), time.perf_counter()
        try:
            status, answer_headers, content = self.transport.send(request)
        except (*UNANSWERED, OSError, UnicodeError) as error:
            if isinstance(error, NEVER_SENT):
                answered(None)
            why, seconds = why_unreachable(error), time.perf_counter() - started
            self.transcript.tell(
                Unanswered(
                    begun.number, begun.at, self.party, method, url, request.headers, body, seconds, why, dialled
                )
            )
            raise Unreachable(self.party, f"{where}: {why}") from None
        exchange = Exchange(
            begun.number,
            begun.at,
            self.party,
            method,
            url,
            status,
            request.headers,
            body,
            answer_headers,
            content,
            time.perf_counter() - started,
            dialled,
        )
        self.transcript.add(exchange)
        if not self.recognises(exchange):
            raise Unreachable(self.party, f"{exchange.what} is no answer of {self.party}: {exchange.shape}")
        answered(exchange)
        return exchange

    def may_be_plain(self, scheme: str, host: str) -> bool:
        """Whether a request may go there as it is: over TLS, or where the profile itself says plain HTTP."""
        base = urlsplit(self.base)
        return scheme != "http" or is_loopback(host) or (base.scheme, base.hostname) == ("http", host)

    def node_for(self, host: str, port: int) -> str | None:
        """The address to dial for a host name, or None for the name itself.

        The nodes are the party's own: another host that it has named is dialled by its name. Names below `.localhost`
        are this machine's (RFC 6761 6.3), whether or not its resolver knows.
        """
        if self.connection.nodes and host == urlsplit(self.base).hostname:
            return self.connection.nodes[0]
        if host.endswith(".localhost"):
            return f"127.0.0.1:{port}"
        return None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
