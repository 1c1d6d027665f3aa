"""The one place where requests are sent: connections, time-outs, TLS, proxies, nodes, and the transcript.

The core speaks httpx. The calls to the route are made with requests, as an API consumer would make them. Redirects are
never followed: a redirect must not carry credentials to another host. Both libraries get their trust, their proxies and
their cookies from here, and nothing from the environment by themselves: they read it in two ways.
"""

import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import getproxies

import httpx
import requests
import truststore
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError
from urllib3.exceptions import HTTPError as Urllib3Error

from dcrproof import __version__
from dcrproof.core.checks.outcomes import Failed, Unreachable
from dcrproof.core.http.errors import NO_ADDRESS, TIMEOUT, UNFIT, Endless, NotSent, causes, trouble, wants_credentials
from dcrproof.core.http.exchange import Exchange, Headers, Transcript, Unanswered, quoted
from dcrproof.core.http.loopback import is_loopback
from dcrproof.core.http.retry import IDEMPOTENT, READS, Patience
from dcrproof.core.http.signals import put_off

USER_AGENT = f"dcrproof/{__version__}"
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


class Transport(Protocol):
    """Sends to one host, by one way. Raises NotSent where the connection came to nothing."""

    def send(self, request: Prepared) -> tuple[int, Headers, bytes]: ...

    def close(self) -> None: ...


@cache
def tls(ca: Path | None, client_cert: Path | None, client_key: Path | None) -> ssl.SSLContext:
    """A context that verifies: against `ca` alone, or without it against what this machine trusts.

    Raises OSError (ssl.SSLError) for a file that cannot be used.
    """
    context = ssl.create_default_context(cafile=str(ca)) if ca else truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if client_cert:
        context.load_cert_chain(client_cert, client_key)
    return context


def proxy_for(url: str, connection: Connection) -> str | None:
    """The proxy on the way to what is dialled: the profile's, else the environment's; never one to this machine."""
    if is_loopback(urlsplit(url).hostname or ""):
        return None
    if connection.proxy:
        return connection.proxy
    found = select_proxy(url, get_environ_proxies(url))
    return found if found is None or "://" in found else f"http://{found}"


def _place(url: str) -> tuple[str | None, int | None]:
    """Host and port of an address."""
    parts = urlsplit(url)
    return parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def is_address(url: str) -> bool:
    """Whether that is an absolute URL of the scheme http or https."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def proxy_credentials() -> list[tuple[str, str]]:
    """User and password of each proxy that the environment names with them."""
    found = []
    for url in getproxies().values():
        with suppress(ValueError):  # no address: what goes by it is told so
            parts = urlsplit(url)
            if parts.password:
                found.append((unquote(parts.username or ""), unquote(parts.password)))
    return found


class Httpx:
    """A connection pool of httpx."""

    def __init__(self, connection: Connection, proxy: str | None) -> None:
        context = tls(connection.ca, connection.client_cert, connection.client_key)
        self.client = httpx.Client(
            verify=context,
            proxy=httpx.Proxy(proxy, ssl_context=context if proxy.startswith("https:") else None) if proxy else None,
            trust_env=False,
            timeout=TIMEOUT,
            follow_redirects=False,
            cookies=CookieJar(NO_COOKIES),
        )

    def send(self, request: Prepared) -> tuple[int, Headers, bytes]:
        begun = False

        def watch(event: str, about: Mapping[str, Any]) -> None:
            nonlocal begun
            if event.endswith("send_request_headers.started"):
                begun = begun or about["request"].method != b"CONNECT"

        try:
            with self.client.stream(
                request.method,
                request.url,
                headers=[*request.headers, ("accept-encoding", "identity")],
                content=request.body,
                extensions={"sni_hostname": request.name, "trace": watch},
            ) as response:
                body = whole(response.iter_bytes())
        except httpx.HTTPError as error:
            if begun:
                raise
            raise NotSent from error
        return response.status_code, tuple(response.headers.multi_items()), body

    def close(self) -> None:
        self.client.close()


BEFORE_SENDING = (NewConnectionError, ConnectTimeoutError, ProxyError)
"""How urllib3 says that no connection came about."""


class Requests:
    """A session of requests, as an API consumer has it, to the host of that public name."""

    def __init__(self, connection: Connection, proxy: str | None, name: str) -> None:
        # not shared with httpx: urllib3 may change what it is given
        context = tls.__wrapped__(connection.ca, connection.client_cert, connection.client_key)

        class Adapter(HTTPAdapter):
            """Has the certificate answer for the public name, whatever address is dialled, and trusts as `tls` does."""

            def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
                super().init_poolmanager(*arguments, ssl_context=context, server_hostname=name, **keywords)

            def proxy_manager_for(self, proxy: str, **keywords: Any) -> Any:
                return super().proxy_manager_for(
                    proxy, ssl_context=context, proxy_ssl_context=context, server_hostname=name, **keywords
                )

            def cert_verify(self, *_: Any) -> None:
                """Adds nothing to the context: by itself requests would trust the authorities of certifi as well."""

        self.session = requests.Session()
        self.session.trust_env = False
        self.session.cookies.set_policy(NO_COOKIES)
        self.session.headers.clear()
        self.session.proxies = {"all": proxy} if proxy else {}
        self.session.mount("https://", Adapter())

    def send(self, request: Prepared) -> tuple[int, Headers, bytes]:
        try:
            with self.session.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                data=request.body or None,
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            ) as response:
                body = whole(response.iter_content(65_536))
        except requests.ConnectionError as error:
            if any(isinstance(cause, BEFORE_SENDING) for cause in causes(error)):
                raise NotSent from error
            raise
        return response.status_code, tuple(response.raw.headers.items()), body

    def close(self) -> None:
        self.session.close()


def whole(chunks: Iterable[bytes]) -> bytes:
    """A body in one piece. Raises Endless as soon as more of it came than is read."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Endless(LARGEST_BODY)
    return bytes(body)


NEVER_SENT = (NotSent, httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError)
"""What is raised before a request is on its way."""
UNANSWERED = (Endless, NotSent, httpx.HTTPError, httpx.InvalidURL, requests.RequestException, Urllib3Error)
"""What the two libraries raise where no whole answer comes; requests lets some errors of urllib3 through."""


def _to_its_answer(attempt: Callable[[], Exchange]) -> Exchange:
    """What an answer tells of may be lost with it: an id, or the token that alone deletes a client."""
    with put_off():
        return attempt()


Watch = Callable[[str, str, str, str, str, bytes], Callable[[Exchange | None], None]]
"""Takes party, base, method, URL, media type and body; its result the answer, or None where nothing was sent."""


def unwatched(*_: object) -> Callable[[Exchange | None], None]:
    return lambda _: None


@dataclass
class PartyConnection:
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
    found: Callable[[str, str, str, Mapping[str, Any]], None] = lambda *_: None
    """Told of what was made although its answer was lost: party, base, path, and the thing as it is listed."""
    patience: Patience | None = None
    """How requests are repeated; without it each is sent once."""
    _transports: dict[tuple[str, str | None], Transport] = field(default_factory=dict, repr=False)

    def transport(self, request: Prepared, proxy: str | None) -> Transport:
        """The pool to that host, by that way. Raises Unreachable for a proxy that does not speak HTTP."""
        key = (request.name, proxy)
        if key not in self._transports:
            if proxy and not is_address(proxy):
                said = "no address of the scheme http or https, the only ones that are supported"
                raise Unreachable(self.party, f"proxy: {said} (see HTTPS_PROXY, HTTP_PROXY and ALL_PROXY)")
            # behind a tunnel httpx asks for the certificate of what was dialled, whatever name it is given
            by_name = self.consumer or (proxy is not None and urlsplit(request.url).hostname != request.name)
            self._transports[key] = (
                Requests(self.connection, proxy, request.name) if by_name else Httpx(self.connection, proxy)
            )
        return self._transports[key]

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        node: str | None = None,
        repeatable: bool | None = None,
    ) -> Exchange:
        """Sends one request; `url` is absolute. Raises Unreachable where no HTTP answer comes.

        `repeatable` says whether a second request does no harm where nobody knows what became of the first; without it
        the method says so. Raises Failed, and sends nothing, where a party has named an address that would take secrets
        over plain HTTP.
        """
        where = f"{method} {quoted(url) or 'to no address'}"
        sent = {"user-agent": USER_AGENT, "accept": "application/json", **(headers or {})}
        if not is_address(url):
            raise Unreachable(self.party, f"{where}: {NO_ADDRESS.said}")
        parts = urlsplit(url)
        host = parts.hostname or ""
        node = node or self.node_for(_place(url))
        if node:
            where += f" at {node}"
        if any(set(value) & set("\r\n\0") for value in sent.values()):
            raise Unreachable(self.party, f"{where}: {UNFIT.said}")
        if not self.may_be_plain(parts.scheme, host):
            raise Failed("an https:// address", f"{quoted(url)}, named by {self.party}; nothing was sent there")
        dialled = node
        if not node and host.endswith(".localhost"):
            # this machine's (RFC 6761 6.3), whether or not its resolver knows
            dialled = f"127.0.0.1:{parts.port or (443 if parts.scheme == 'https' else 80)}"
        if dialled:
            sent["host"] = parts.netloc
        url_dialled = urlunsplit((parts.scheme, dialled, parts.path, parts.query, "")) if dialled else url
        request = Prepared(method, url_dialled, tuple(sent.items()), body, host)
        attempt = partial(self._attempt, request, url, where, dialled)
        if method not in READS or self.party == "curity":
            attempt = partial(_to_its_answer, attempt)
        if self.patience is None:
            exchange = attempt()
        else:
            repeatable = method in IDEMPOTENT if repeatable is None else repeatable
            exchange = self.patience.ask(attempt, method, url, repeatable=repeatable)
        if not self.recognises(exchange):
            said = f"{exchange.what} is no answer of {self.party}: {exchange.shape}"
            raise Unreachable(self.party, said, lost=exchange.status >= 500)
        return exchange

    def _attempt(self, request: Prepared, url: str, where: str, dialled: str | None) -> Exchange:
        """Sends a request once, and records what came of it. Raises Unreachable where no answer came."""
        proxy, media_type = proxy_for(request.url, self.connection), dict(request.headers).get("content-type", "")
        answered = self.watch(self.party, self.base, request.method, url, media_type, request.body)
        begun, started = self.transcript.sending(self.party, request.method, url), time.perf_counter()
        try:
            status, headers, content = self.transport(request, proxy).send(request)
        except (*UNANSWERED, OSError, UnicodeError) as error:
            lost = not isinstance(error, NEVER_SENT)
            if not lost:
                answered(None)
            found, seconds = trouble(error, proxy), time.perf_counter() - started
            self.transcript.tell(
                Unanswered(
                    begun.number,
                    begun.at,
                    self.party,
                    request.method,
                    url,
                    request.headers,
                    request.body,
                    seconds,
                    found.said,
                    dialled,
                )
            )
            raise Unreachable(self.party, f"{where}: {found.said}", lost=lost, passing=found.passing) from None
        seconds = time.perf_counter() - started
        exchange = Exchange(
            begun.number,
            begun.at,
            self.party,
            request.method,
            url,
            status,
            request.headers,
            request.body,
            headers,
            content,
            seconds,
            dialled,
        )
        self.transcript.add(exchange)
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and proxy:
            raise Unreachable(self.party, f"{where}: {wants_credentials(proxy)}")
        if self.recognises(exchange):
            answered(exchange)
        return exchange

    def may_be_plain(self, scheme: str, host: str) -> bool:
        """Whether a request may go there as it is: over TLS, or where the profile itself says plain HTTP."""
        base = urlsplit(self.base)
        return scheme != "http" or is_loopback(host) or (base.scheme, base.hostname) == ("http", host)

    def node_for(self, place: tuple[str | None, int | None]) -> str | None:
        """The node that is asked where none is named: the party's first, at its own host and port and nowhere else."""
        return self.connection.nodes[0] if self.connection.nodes and place == _place(self.base) else None

    def close(self) -> None:
        for transport in self._transports.values():
            transport.close()
        self._transports.clear()
