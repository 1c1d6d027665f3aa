"""The calls that the mocks make of one another, and of servers that are not mocks."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import httpx

from dcrproof.mocks.messages import Call, NoAnswer, Response

Transports: TypeAlias = Mapping[str, tuple[ssl.SSLContext, str | None]]
"""How a server that is not a mock is reached, by its host: the TLS context, and the proxy if there is one."""

CALLER = "x-dcrproof-caller"
"""The header by which one mock tells another who calls, for the call log; it is removed before a party answers."""


class Caller:
    """Makes calls; `mocks` are the ports at which mocks listen, `trust` verifies all servers but those of `transports`."""

    def __init__(self, mocks: Mapping[int, str], trust: ssl.SSLContext, transports: Transports) -> None:
        self.ports = mocks
        self.trust = trust
        self.transports = transports
        self.within: Callable[[httpx.Request, str], Awaitable[Response] | None] = lambda *_: None
        """Answers a request of that caller to a mock of this process without a socket; None where it takes one."""
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
            if request.url.host.endswith(".localhost"):  # they are this machine, resolver or not (RFC 6761 6.3)
                request.extensions["sni_hostname"] = request.url.raw_host.decode("ascii")
                request.url = request.url.copy_with(host="127.0.0.1")
            if (within := self.within(request, caller)) is not None:
                async with asyncio.timeout(call.timeout):
                    return await within
            answer = await client.send(request, stream=True)
            try:
                body = b"".join([chunk async for chunk in answer.aiter_raw()])
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, UnicodeError) as error:
            return _no_answer(error)
        finally:
            client.cookies.clear()
        return Response(answer.status_code, tuple(answer.headers.multi_items()), body)

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
                trust_env=False,
                follow_redirects=False,
                limits=httpx.Limits(keepalive_expiry=60),
            )
        return self._clients[key]

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


def _no_answer(error: Exception) -> NoAnswer:
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return NoAnswer("timed out", "time")
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
