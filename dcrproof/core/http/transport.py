"""The two libraries that send: httpx for dcrproof's own clients, requests for the calls of an API consumer.

Redirects are never followed: a redirect must not carry credentials to another host. No cookie is kept.
"""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol

import httpx
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError
from urllib3.exceptions import HTTPError as Urllib3Error

from dcrproof.core.http.connection import Connection, tls
from dcrproof.core.http.errors import TIMEOUT, Endless, NotSent, causes
from dcrproof.core.http.exchange import Headers

LARGEST_BODY = 10_000_000
"""Bytes of a body that are read: no answer of this flow has a tenth of them."""
LONGEST = 60.0
"""Seconds in which a whole answer has to arrive: the libraries limit the time of each part of it alone."""
TIMEOUTS = httpx.Timeout(TIMEOUT).as_dict()
NO_COOKIES = DefaultCookiePolicy(allowed_domains=())
"""No cookie is kept: a check that means to send one does so by hand."""


@dataclass(frozen=True)
class Prepared:
    method: str
    url: str
    """What is dialled; where that is not the public name, the Host header has it."""
    headers: Headers
    body: bytes
    name: str
    """The public host name, for TLS."""


class Transport(Protocol):
    """Sends to one host, through one proxy or none. Raises NotSent where no connection was established."""

    def send(self, request: Prepared) -> tuple[int, Headers, bytes]: ...

    def close(self) -> None: ...


class Httpx:
    """A connection pool of httpx: its transport alone, since a client adds what is not used here, such as cookies."""

    def __init__(self, connection: Connection, proxy: str | None) -> None:
        context = tls(connection.ca, connection.client_cert, connection.client_key)
        self.pool = httpx.HTTPTransport(
            verify=context,
            proxy=httpx.Proxy(proxy, ssl_context=context if proxy.startswith("https:") else None) if proxy else None,
            trust_env=False,
        )

    def send(self, request: Prepared) -> tuple[int, Headers, bytes]:
        begun = False

        def watch(event: str, about: Mapping[str, Any]) -> None:
            nonlocal begun
            if event.endswith("send_request_headers.started"):
                begun = begun or about["request"].method != b"CONNECT"

        sent = httpx.Request(
            request.method,
            request.url,
            headers=[*request.headers, ("accept-encoding", "identity")],
            content=request.body,
            extensions={"timeout": TIMEOUTS, "sni_hostname": request.name, "trace": watch},
        )
        try:
            response = self.pool.handle_request(sent)
            response.request = sent
            try:
                body = whole(response.iter_bytes())
            finally:
                response.close()
        except httpx.HTTPError as error:
            if begun:
                raise
            raise NotSent from error
        return response.status_code, tuple(response.headers.multi_items()), body

    def close(self) -> None:
        self.pool.close()


BEFORE_SENDING = (NewConnectionError, ConnectTimeoutError, ProxyError)
"""What urllib3 raises where no connection was established."""


class Requests:
    """A session of requests, as an API consumer has it, to the host with that public name."""

    def __init__(self, connection: Connection, proxy: str | None, name: str) -> None:
        # not shared with httpx: urllib3 may change what it is given
        context = tls.__wrapped__(connection.ca, connection.client_cert, connection.client_key)

        class Adapter(HTTPAdapter):
            """Verifies the certificate for the public name, whatever address is dialled, with the trust of `tls`."""

            def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
                super().init_poolmanager(*arguments, ssl_context=context, server_hostname=name, **keywords)

            def proxy_manager_for(self, proxy: str, **keywords: Any) -> Any:
                return super().proxy_manager_for(
                    proxy, ssl_context=context, proxy_ssl_context=context, server_hostname=name, **keywords
                )

            def cert_verify(self, *_: Any) -> None:
                """Adds nothing to the context: by default requests would trust the authorities of certifi as well."""

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


class Sender(Thread):
    """Sends one request after another, and can be left alone: neither library can be stopped within the head of an answer."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.asked: SimpleQueue[tuple[Transport, Prepared, Future[tuple[int, Headers, bytes]]] | None] = SimpleQueue()
        self.start()

    def run(self) -> None:
        while (asked := self.asked.get()) is not None:
            transport, request, ended = asked
            try:
                ended.set_result(transport.send(request))
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
                ended.set_exception(error)
            del asked, transport, request, ended  # nothing is kept while it waits


class Senders:
    """The threads of a connection: to start one for each request takes longer than to send it."""

    def __init__(self) -> None:
        self._idle: list[Sender] = []

    def send(self, transport: Transport, request: Prepared) -> tuple[int, Headers, bytes]:
        """Raises Endless where the answer has not ended after LONGEST, and what the transport raises."""
        ended: Future[tuple[int, Headers, bytes]] = Future()
        try:
            sender = self._idle.pop()
        except IndexError:
            sender = Sender()
        sender.asked.put((transport, request, ended))
        try:
            return ended.result(LONGEST)
        except TimeoutError:
            if ended.done():
                raise
            raise Endless(f"the answer had not ended after {LONGEST:g} seconds") from None
        finally:
            if ended.done():
                self._idle.append(sender)
            else:
                sender.asked.put(None)

    def close(self) -> None:
        """Ends the threads that wait; one that is held up ends with the answer that it waits for."""
        while self._idle:
            sender = self._idle.pop()
            sender.asked.put(None)
            sender.join()


def whole(chunks: Iterable[bytes]) -> bytes:
    """The whole body. Raises Endless as soon as it is larger than LARGEST_BODY, or takes longer than LONGEST."""
    body, begun = bytearray(), time.monotonic()
    for chunk in chunks:
        body += chunk
        if time.monotonic() - begun > LONGEST:
            raise Endless(f"the answer had not ended after {LONGEST:g} seconds")
        if len(body) > LARGEST_BODY:
            raise Endless(f"more than {LARGEST_BODY:,} bytes came: what answers there is not the party")
    return bytes(body)


NEVER_SENT = (NotSent, httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError)
"""What is raised before anything of a request is sent."""
UNANSWERED = (Endless, NotSent, httpx.HTTPError, httpx.InvalidURL, requests.RequestException, Urllib3Error)
"""What the two libraries raise where no complete answer comes; requests passes some errors of urllib3 on."""
