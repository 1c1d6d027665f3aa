"""The one place where requests are sent: connections, time-outs, TLS, proxies, nodes, and the transcript.

The core speaks httpx. The calls to the route are made with requests, as an API consumer would make them. Redirects are
never followed: a redirect must not carry credentials to another host.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import httpx
import requests
from requests.adapters import HTTPAdapter

from dcrproof import __version__
from dcrproof.loopback import is_loopback
from dcrproof.transcript import Exchange, Headers, Transcript, now
from dcrproof.verdict import Unreachable

USER_AGENT = f"dcrproof/{__version__}"
TIMEOUT = 15.0
"""Seconds that a party has to answer in: more than the ten that a gateway gives its authorization server."""


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
        )

    def send(self, request: Prepared) -> tuple[int, Headers, bytes]:
        response = self.client.request(
            request.method,
            request.url,
            headers=[*request.headers, ("accept-encoding", "identity")],
            content=request.body,
            extensions={"sni_hostname": request.name},
        )
        self.client.cookies.clear()
        return response.status_code, tuple(response.headers.multi_items()), response.content

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
        response = self.session.request(
            request.method,
            request.url,
            headers=dict(request.headers),
            data=request.body or None,
            timeout=TIMEOUT,
            verify=self.verify,
            allow_redirects=False,
        )
        self.session.cookies.clear()
        headers = tuple(response.raw.headers.items())
        return response.status_code, headers, response.content

    def close(self) -> None:
        self.session.close()


def why_unreachable(error: BaseException) -> str:
    """What went wrong below HTTP, told apart: name, proxy, TLS, connection, time."""
    for cause in causes(error):
        kind = type(cause).__name__
        if isinstance(cause, socket.gaierror) or kind == "NameResolutionError":
            return "DNS: the host name cannot be resolved"
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
        ("name or service not known", "DNS: the host name cannot be resolved"),
        ("nodename nor servname", "DNS: the host name cannot be resolved"),
        ("refused", "connection refused"),
        ("connecttimeout", f"no connection within {TIMEOUT:g} seconds"),
        ("timeout", f"no answer within {TIMEOUT:g} seconds"),
        ("timed out", f"no answer within {TIMEOUT:g} seconds"),
        ("reset", "the connection was dropped before the answer was complete"),
        ("disconnected", "the connection was dropped before the answer was complete"),
        ("incomplete", "the connection was dropped before the answer was complete"),
        ("closed", "the connection was dropped before the answer was complete"),
        ("aborted", "the connection was dropped before the answer was complete"),
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


@dataclass
class Line:
    """The line to one party: sends requests there, and records each exchange."""

    party: str
    base: str
    transcript: Transcript
    connection: Connection = Connection()
    consumer: bool = False
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
        """Sends one request; `url` is absolute. Raises Unreachable where no HTTP answer comes."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        dialled = node or self.node_for(host, parts.port or (443 if parts.scheme == "https" else 80))
        sent = {"user-agent": USER_AGENT, "accept": "application/json", **(headers or {})}
        if dialled:
            sent["host"] = parts.netloc
            url_dialled = urlunsplit((parts.scheme, dialled, parts.path, parts.query, ""))
        else:
            url_dialled = url
        request = Prepared(method, url_dialled, tuple(sent.items()), body, host)
        number, at, started = self.transcript.number(), now(), time.perf_counter()
        where = f"{method} {url}" + (f" at {node}" if node else "")
        try:
            status, answer_headers, content = self.transport.send(request)
        except (httpx.HTTPError, httpx.InvalidURL, requests.RequestException, OSError, UnicodeError) as error:
            raise Unreachable(self.party, f"{where}: {why_unreachable(error)}") from None
        exchange = Exchange(
            number,
            at,
            self.party,
            method,
            url,
            status,
            request.headers,
            body,
            answer_headers,
            content,
            time.perf_counter() - started,
        )
        self.transcript.add(exchange)
        return exchange

    def node_for(self, host: str, port: int) -> str | None:
        """The address to dial for a host name, or None for the name itself.

        Names below `.localhost` are this machine's (RFC 6761 6.3), whether or not its resolver knows.
        """
        if self.connection.nodes:
            return self.connection.nodes[0]
        if host.endswith(".localhost"):
            return f"127.0.0.1:{port}"
        return None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None
