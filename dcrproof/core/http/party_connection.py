"""The one place where requests are sent: each is watched, retried and recorded."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from dcrproof import __version__
from dcrproof.core.checks.outcomes import Failed, Unreachable
from dcrproof.core.http.connection import Connection, host_and_port, is_address, proxy_for
from dcrproof.core.http.errors import (
    ADDRESS,
    NO_ADDRESS,
    OF_A_PROXY,
    PROXY,
    UNFIT,
    Endless,
    network_error,
    wants_credentials,
)
from dcrproof.core.http.exchange import Exchange, Request, Transcript, Unanswered, quoted
from dcrproof.core.http.idna import a_label
from dcrproof.core.http.loopback import is_loopback
from dcrproof.core.http.retry import IDEMPOTENT, READS, Retry
from dcrproof.core.http.segments import is_plain
from dcrproof.core.http.signals import put_off
from dcrproof.core.http.transport import NEVER_SENT, UNANSWERED, Httpx, Prepared, Requests, Senders, Transport
from dcrproof.core.party import Party
from dcrproof.core.tracing import traceparent

USER_AGENT = f"dcrproof/{__version__}"
IN_BETWEEN = (
    "look for a firewall or a proxy in front of the party: at this address it has answered other requests itself"
)
OUT_OF_ORDER = "find out whether the party, or a proxy in front of it, is out of order; then run this again"
"""The fix for an answer that says nothing of a setting."""


def not_theirs(exchange: Exchange, said: str, *, met: bool = False) -> Unreachable:
    """What to raise for an answer that is not the party's; `said` is what it is, in words. `met` says whether the party itself
    has answered before.
    """
    out_of_order = exchange.status >= 500 or exchange.broken
    lost = out_of_order or exchange.status < 400  # a page with 200 may hide an answer, one with 403 a refusal
    fix = OUT_OF_ORDER if out_of_order else IN_BETWEEN if met else ""
    error = Unreachable(exchange.party, said, lost=lost, fix=fix)
    error.exchange = exchange
    return error


def _to_its_answer(attempt: Callable[[], Exchange]) -> Exchange:
    """A signal waits for the answer: it may hold an id, or the only token that deletes a client."""
    with put_off():
        return attempt()


def changes(request: Request) -> bool:
    """Whether a request may change something, by its method."""
    return request.method not in READS


Watch = Callable[[Request], Callable[[Exchange | None], None]]
"""Takes a request before it is sent; its result takes the answer, or None where nothing was sent."""


def unwatched(_: Request) -> Callable[[Exchange | None], None]:
    return lambda _: None


@dataclass
class PartyConnection:
    """The way to one party: sends requests there, and records each exchange."""

    party: Party
    base: str
    transcript: Transcript
    connection: Connection = Connection()
    consumer: bool = False
    recognises: Callable[[Exchange], bool] = lambda _: True
    """Whether an answer can be the party's: a page of a firewall or a proxy is not, and an undocumented 5xx says nothing."""
    watch: Watch = unwatched
    """Told of each request before it is sent, and of its answer."""
    binds: Callable[[Request], bool] = changes
    """Whether what is left behind may depend on the answer, so that a signal waits for it."""
    found: Callable[[Request, Mapping[str, Any]], None] = lambda *_: None
    """Told of what was created although its answer was lost: the request, and the thing as it is listed."""
    retry: Retry | None = None
    """How requests are sent again; without it each is sent once."""
    met: bool = False
    """Whether the party itself has answered; a consumer says so, who judges the answers itself."""
    _transports: dict[tuple[str, str | None], Transport] = field(default_factory=dict, repr=False)
    _senders: Senders = field(default_factory=Senders, repr=False)

    def __repr__(self) -> str:
        return f"<connection to {self.party}, {self.base}>"

    def transport(self, request: Prepared, proxy: str | None) -> Transport:
        """The pool to that host, through that proxy. Raises Unreachable for a proxy that is not an HTTP proxy."""
        key = (request.name, proxy)
        if key not in self._transports:
            if proxy and not is_address(proxy):
                said = "not an http:// or https:// address, and no others are supported"
                raise Unreachable(self.party, f"proxy: {said} (see HTTPS_PROXY, HTTP_PROXY and ALL_PROXY)")
            # behind a tunnel httpx verifies the certificate for what was dialled, whatever name it is given
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
        by_status: bool = False,
    ) -> Exchange:
        """Sends one request; `url` is absolute. Raises Unreachable where no HTTP answer comes.

        `repeatable` says whether a second request does no harm where the outcome of the first is unknown; the default
        depends on the method. `by_status` says that the status of a success tells all, whatever body is beside it. Raises Failed, and sends nothing, where a party has named an address to which secrets
        would go over plain HTTP, or an id that makes of the URL another one than it seems.
        """
        where = f"{method} {quoted(url) or 'to no address'}"
        sent = {"user-agent": USER_AGENT, "accept": "application/json", **(headers or {})}
        if not is_address(url):
            raise Unreachable(self.party, f"{where}: {NO_ADDRESS.said}")
        url = a_label(url)
        parts = urlsplit(url)
        host = parts.hostname or ""
        dialled = node or self.node_for(host_and_port(url))
        if dialled:
            where += f" at {dialled}"
        if any(set(value) & set("\r\n\0") for value in sent.values()):
            raise Unreachable(self.party, f"{where}: {UNFIT.said}")
        if not self.may_be_plain(parts.scheme, host):
            raise Failed("an https:// address", f"{quoted(url)}, named by {self.party}; nothing was sent there")
        if not is_plain(parts.path) or parts.fragment:
            raise Failed("ids that are one segment of a path", f"{quoted(url)}; nothing was sent there")
        if not dialled and host.endswith(".localhost"):
            # this machine (RFC 6761 6.3), whether or not its resolver knows
            dialled = f"127.0.0.1:{parts.port or (443 if parts.scheme == 'https' else 80)}"
        if dialled:
            sent["host"] = parts.netloc
        url_dialled = urlunsplit((parts.scheme, dialled, parts.path, parts.query, "")) if dialled else url
        prepared = Prepared(method, url_dialled, tuple(sent.items()), body, host)
        known = partial(self._knows, by_status=by_status)
        request = self.request(method, url, sent, body)
        attempt = partial(self._attempt, prepared, request, where, dialled, known)
        if self.binds(request):
            attempt = partial(_to_its_answer, attempt)
        if self.retry is None:
            exchange = attempt()
        else:
            repeatable = method in IDEMPOTENT if repeatable is None else repeatable
            exchange = self.retry.send(attempt, method, url, urlsplit(url_dialled).netloc, repeatable=repeatable)
        if not known(exchange):
            said = f"{exchange.what} is not an answer of {self.party}: {exchange.shape}"
            raise not_theirs(exchange, said, met=self.met)
        self.met = self.met or not self.consumer
        return exchange

    def request(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Request:
        media_type = (headers or {}).get("content-type", "")
        return Request(party=self.party, base=self.base, method=method, url=url, media_type=media_type, body=body)

    def _knows(self, exchange: Exchange, *, by_status: bool) -> bool:
        done = by_status and 200 <= exchange.status < 300 and not exchange.broken
        return done or self.recognises(exchange)

    def _attempt(
        self,
        prepared: Prepared,
        request: Request,
        where: str,
        dialled: str | None,
        known: Callable[[Exchange], bool],
    ) -> Exchange:
        """Sends a request once, and records what came of it. Raises Unreachable where no answer came."""
        proxy = proxy_for(prepared.url, self.connection)
        answered = self.watch(request)
        begun, started = self.transcript.sending(self.party, request.method, request.url), time.perf_counter()
        if self.transcript.trace:
            told = ("traceparent", traceparent(self.transcript.trace, begun.number))
            prepared = replace(prepared, headers=(*prepared.headers, told))
        try:
            status, headers, content = self._senders.send(self.transport(prepared, proxy), prepared)
        except (*UNANSWERED, OSError, UnicodeError) as error:
            lost = not isinstance(error, NEVER_SENT)
            if isinstance(error, Endless):
                self.close()  # and with it what still arrives
            if not lost:
                answered(None)
            reason = network_error(error, proxy)
            self.transcript.tell(
                Unanswered(
                    number=begun.number,
                    at=begun.at,
                    party=self.party,
                    method=request.method,
                    url=request.url,
                    request_headers=prepared.headers,
                    request_body=request.body,
                    seconds=time.perf_counter() - started,
                    error=reason.said,
                    node=dialled,
                )
            )
            raise Unreachable(
                self.party,
                f"{where}: {reason.said}",
                lost=lost,
                passing=reason.passing,
                key="nodes" if reason.key == ADDRESS and dialled in self.connection.nodes else reason.key,
                what_to_check=reason.check,
            ) from None
        exchange = Exchange(
            number=begun.number,
            at=begun.at,
            party=self.party,
            method=request.method,
            url=request.url,
            status=status,
            request_headers=prepared.headers,
            request_body=request.body,
            headers=headers,
            body=content,
            seconds=time.perf_counter() - started,
            node=dialled,
        )
        self.transcript.add(exchange)
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and proxy:
            said = f"{where}: {wants_credentials(proxy)}"
            raise Unreachable(self.party, said, key=PROXY, what_to_check=OF_A_PROXY)
        if known(exchange):
            answered(exchange)
        return exchange

    def may_be_plain(self, scheme: str, host: str) -> bool:
        """Whether a request may go there: over TLS, or to a host for which the profile itself says plain HTTP."""
        base = urlsplit(self.base)
        return scheme != "http" or is_loopback(host) or (base.scheme, base.hostname) == ("http", host)

    def node_for(self, place: tuple[str | None, int | None]) -> str | None:
        """The node to dial where the caller names none: the party's first, for its own host and port only."""
        return self.connection.nodes[0] if self.connection.nodes and place == host_and_port(self.base) else None

    def close(self) -> None:
        for transport in self._transports.values():
            transport.close()
        self._transports.clear()
        self._senders.close()
