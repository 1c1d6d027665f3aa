"""The calls that the mocks make of one another, and of servers that are not mocks."""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import unquote

import httpx

from dcrproof.mocks.messages import Call, NoAnswer, Pairs, Request, Response

Transports: TypeAlias = Mapping[str, tuple[ssl.SSLContext, str | None]]
"""How a server that is not a mock is reached, by its host: the TLS context, and the proxy if there is one."""

Between: TypeAlias = Callable[[int, Request, str], Awaitable[Response | None]]
"""Has the mock at that port answer another one, which is named; None where that takes a socket."""

TIMED_OUT = NoAnswer("timed out", "time")

DIRECT = re.compile(
    r"http://(?P<host>127\.0\.0\.1:(?P<port>\d+))"
    r"(?P<path>(?:/(?!\.{1,2}(?:[/?]|$))(?:[\w.~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)+)"
    r"(?:\?(?P<query>(?:[\w.~!$&()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*))?",
    re.ASCII,
)
"""An address that httpx sends as it is."""

PLAIN = re.compile(r"[!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?|")
"""A header that any client sends as it is (RFC 9110 5.5)."""

CALLER = "x-dcrproof-caller"
"""The header by which one mock tells another who calls, for the call log; it is removed before a party answers."""


ADDED: Pairs = (
    ("accept", "*/*"),
    ("accept-encoding", "gzip, deflate"),
    ("connection", "keep-alive"),
    ("user-agent", f"python-httpx/{httpx.__version__}"),
)
"""Headers that httpx adds to those of a call."""

SMALL = 8 * 1024
"""Octets of a request that is within all limits of a mock."""


class Caller:
    """Makes calls; `mocks` are the ports at which mocks listen, `trust` verifies all servers but those of `transports`.

    `own` are names of this machine with the address that is dialled instead: its resolver need not know them.
    """

    def __init__(
        self,
        mocks: Mapping[int, str],
        trust: ssl.SSLContext,
        transports: Transports,
        between: Between,
        own: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.ports = mocks
        self.own = own
        self.between = between
        self.trust = trust
        self.transports = transports
        self._clients: dict[tuple[bool, bool], httpx.AsyncClient] = {}
        self._under_way: dict[Call, asyncio.Task[Response | NoAnswer]] = {}

    async def call(self, call: Call, caller: str) -> Response | NoAnswer:
        """Makes a call on behalf of the party `caller`."""
        if call.flight is None:
            return await self._made(call, caller)
        if call not in self._under_way:
            self._under_way[call] = asyncio.create_task(self._made(call, caller))
            self._under_way[call].add_done_callback(lambda _: self._under_way.pop(call))
        # shielded: a request that is cancelled does not cancel the call for the others
        return await asyncio.shield(self._under_way[call])

    async def _made(self, call: Call, caller: str) -> Response | NoAnswer:
        try:
            async with asyncio.timeout(call.timeout):
                if (answered := await self._directly(call, caller)) is not None:
                    return answered
        except TimeoutError:
            return TIMED_OUT
        client = self._client(call.verify, call.own_authorities)
        try:
            headers = call.headers
            if httpx.URL(call.url).port in self.ports:
                headers = (*headers, (CALLER, caller))
            request = client.build_request(
                call.method,
                call.url,
                headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
                content=call.body,
                timeout=call.timeout,
            )
            if request.url.host.endswith(".invalid"):
                return NoAnswer("names below .invalid do not exist (RFC 6761 6.4)", "name")
            if (dialled := self._dialled(request.url.host)) is not None:
                request.extensions["sni_hostname"] = request.url.raw_host.decode("ascii")
                request.url = request.url.copy_with(host=dialled)
            answer = await client.send(request, stream=True)
            try:
                body = b"".join([chunk async for chunk in answer.aiter_raw()])
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return _no_answer(error)
        finally:
            client.cookies.clear()
        return Response(answer.status_code, tuple(answer.headers.multi_items()), body)

    def _dialled(self, host: str) -> str | None:
        """The address to dial for a name of this machine, resolver or not; None for others."""
        own = "127.0.0.1" if host.endswith(".localhost") else None  # RFC 6761 6.3
        return self.own.get(f"[{host}]" if ":" in host else host, own)

    async def _directly(self, call: Call, caller: str) -> Response | None:
        """The answer of another mock without a socket; None where that could make a difference."""
        found = DIRECT.fullmatch(call.url)
        if found is None or int(found["port"]) not in self.ports:
            return None
        headers = self._as_sent(call, found["host"])
        names, values = zip(*headers, strict=True)
        size = sum(map(len, chain(names, values))) + len(call.url) + len(call.body)
        if size > SMALL or names.count("host") > 1 or not all(map(PLAIN.fullmatch, values)):
            return None
        path = found["path"]
        request = Request(call.method, unquote(path), path, found["query"] or "", headers, call.body)
        return await self.between(int(found["port"]), request, caller)

    def _as_sent(self, call: Call, host: str) -> Pairs:
        """The headers with those that httpx adds, in its order."""
        given = tuple((name.lower(), value) for name, value in call.headers)
        names = {name for name, _ in given}
        first = tuple(pair for pair in given if pair[0] == "host") or (("host", host),)
        last: Pairs = ()
        if not names & {"content-length", "transfer-encoding"}:
            if call.body:
                last = (("content-length", str(len(call.body))),)
            elif call.method in {"POST", "PUT", "PATCH"}:
                first = (*first, ("content-length", "0"))
        added = tuple(pair for pair in ADDED if pair[0] not in names)
        return (*first, *added, *(pair for pair in given if pair[0] != "host"), *last)

    def _client(self, verify: bool, own_authorities: bool) -> httpx.AsyncClient:
        """One pool for most calls, and others for calls that accept any certificate, or trust fewer authorities."""
        key = (verify, own_authorities)
        if key not in self._clients:
            # calls on the loopback address never use the proxies of the environment
            trust = self.trust if own_authorities else ssl.create_default_context()
            self._clients[key] = httpx.AsyncClient(
                verify=trust if verify else False,
                mounts={
                    f"all://[{host}]" if ":" in host else f"all://{host}": httpx.AsyncHTTPTransport(
                        verify=tls if verify else False, proxy=proxy
                    )
                    for host, (tls, proxy) in self.transports.items()
                },
                headers=ADDED,
                trust_env=False,
                follow_redirects=False,
                limits=httpx.Limits(keepalive_expiry=60),
            )
        return self._clients[key]

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


def _no_answer(error: Exception) -> NoAnswer:
    if isinstance(error, httpx.TimeoutException):
        return TIMED_OUT
    causes = []
    cause: BaseException | None = error
    while cause is not None:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    kind = "connection"
    if any(isinstance(one, ssl.SSLError) for one in causes):
        kind = "tls"
    elif any(isinstance(one, socket.gaierror) for one in causes):
        kind = "name"
    return NoAnswer(f"{type(error).__name__}: {error}", kind)
