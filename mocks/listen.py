"""Puts a world of mocks on sockets: one server in a thread of its own, one port for each party.

This is the only place of the mocks that does I/O. It turns what arrives into a `Request`, has the world answer, makes
the calls that the answer needs, keeps the call log, applies armed faults, and dates every answer by its party's clock.
"""

import asyncio
import email.utils
import logging
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import httpx
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dcrproof.mocks.faults import Fault, Faults
from dcrproof.mocks.messages import Call, Calls, NoAnswer, Request, Response, find, json_response, pairs

Ways: TypeAlias = Mapping[str, tuple[ssl.SSLContext, str | None]]
"""By the host of a server that is no mock: the TLS and the proxy by which it is reached."""

LARGEST_BODY = 1024 * 1024
CALLER = "x-dcrproof-caller"
"""The header by which one mock tells another who calls, for the call log; no party gets to see it."""


class Listened(Protocol):
    """What is listened for: `handle` answers for the party of that port, `log` takes each answered call."""

    faults: Faults

    def handle(self, port: str, request: Request) -> Response | Calls: ...

    def log(self, port: str, request: Request, status: int, caller: str | None) -> None: ...

    def party(self, port: str) -> str: ...

    def now(self, port: str) -> float: ...


class ListenedWorld(Protocol):
    """Holds the listened world: swapped, never reset, so that a late request changes the world that it came to."""

    @property
    def current(self) -> Listened: ...


class Droppable(HttpToolsProtocol):
    """Hands the connection to the application, which must be able to drop it."""

    def on_headers_complete(self) -> None:
        self.scope["dcrproof.transport"] = self.transport  # type: ignore[typeddict-unknown-key] # a key of our own
        super().on_headers_complete()


class Server(uvicorn.Server):
    """Says when it accepts connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.accepting.set()


def bind(port: int = 0) -> socket.socket:
    """A listening socket on the loopback address. Raises OSError where the port is taken."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        raise
    return bound


class AsgiApplication:
    """The ASGI application behind all ports."""

    def __init__(self, world: ListenedWorld, ports: Mapping[int, str], trust: ssl.SSLContext, ways: Ways) -> None:
        self.world = world
        self.ports = ports
        self.trust = trust
        self.ways = ways
        self._clients: dict[tuple[bool, bool], httpx.AsyncClient] = {}
        self._under_way: dict[Call, asyncio.Task[Response | NoAnswer]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        world = self.world.current
        port = self.ports[scope["server"][1]]
        body = await self._body(receive)
        headers = pairs(scope["headers"])
        caller = find(headers, CALLER)
        request = Request(
            scope["method"],
            scope["path"],
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            headers if caller is None else tuple(pair for pair in headers if pair[0] != CALLER),
            body or b"",
        )
        fault = world.faults.take(world.party(port), request.method, request.path)
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault and fault.drop:
            scope["dcrproof.transport"].abort()
            return
        if body is None:
            response = json_response(413, {"error": "payload too large"})
        elif fault and (fault.status or fault.malformed):
            response = _faulty(fault)
        else:
            response = await self._perform(world.handle(port, request), world.party(port))
        world.log(port, request, response.status, caller)
        await self._answer(send, scope, world, request, response, fault)

    async def _body(self, receive: Any) -> bytes | None:
        """The whole body, or None for one that is too large."""
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(chunks)
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= LARGEST_BODY:
                chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks) if size <= LARGEST_BODY else None

    async def _perform(self, outcome: Response | Calls, caller: str) -> Response:
        if isinstance(outcome, Response):
            return outcome
        try:
            call = next(outcome)
            while True:
                call = outcome.send(await self._call(call, caller))
        except StopIteration as stop:
            response: Response = stop.value
            return response

    async def _call(self, call: Call, caller: str) -> Response | NoAnswer:
        if call.flight is None:
            return await self._made(call, caller)
        if call not in self._under_way:
            self._under_way[call] = asyncio.create_task(self._made(call, caller))
            self._under_way[call].add_done_callback(lambda _: self._under_way.pop(call))
        return await asyncio.shield(self._under_way[call])  # whoever goes away takes it from nobody else

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
                return NoAnswer("a name below .invalid is nobody's, and is not asked for (RFC 6761 6.4)", "name")
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

    def _client(self, verify: bool, own_authorities: bool) -> httpx.AsyncClient:
        """One pool for all mocks, and others for calls that take any certificate, or that know fewer authorities."""
        key = (verify, own_authorities)
        if key not in self._clients:
            # the environment's proxies are none of loopback's business
            trust = self.trust if own_authorities else ssl.create_default_context()
            self._clients[key] = httpx.AsyncClient(
                verify=trust if verify else False,
                mounts={
                    f"all://{host}": httpx.AsyncHTTPTransport(verify=tls if verify else False, proxy=proxy)
                    for host, (tls, proxy) in self.ways.items()
                },
                trust_env=False,
                follow_redirects=False,
                limits=httpx.Limits(keepalive_expiry=60),
            )
        return self._clients[key]

    async def _answer(
        self, send: Any, scope: Any, world: Listened, request: Request, response: Response, fault: Fault | None
    ) -> None:
        port = self.ports[scope["server"][1]]
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in response.headers
            if name.lower() not in {"content-length", "date"}
        ]
        headers.append((b"date", _date(int(world.now(port)))))
        if response.status != 204:
            headers.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        body = b"" if request.method == "HEAD" or response.status == 204 else response.body
        if fault and fault.truncate is not None and fault.truncate < len(body):
            await send({"type": "http.response.body", "body": body[: fault.truncate], "more_body": True})
            scope["dcrproof.transport"].close()
            return
        await send({"type": "http.response.body", "body": body})

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


@lru_cache(maxsize=4)
def _date(seconds: int) -> bytes:
    return email.utils.formatdate(seconds, usegmt=True).encode()


def _no_answer(error: Exception) -> NoAnswer:
    if isinstance(error, httpx.TimeoutException):
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


def _faulty(fault: Fault) -> Response:
    retry = (("retry-after", fault.retry_after),) if fault.retry_after is not None else ()
    if fault.malformed:
        return Response(200, (("content-type", "application/json"), *retry), b'{"malformed": ')
    return replace(
        json_response(fault.status or 500, {"error": "fault"}), headers=(("content-type", "application/json"), *retry)
    )


@contextmanager
def listening(
    world: ListenedWorld,
    sockets: Mapping[str, socket.socket],
    *,
    trust: ssl.SSLContext | None = None,
    ways: Ways | None = None,
    certificate: Path | None = None,
) -> Iterator[None]:
    """Serves the world on these sockets, by port name, until the block ends.

    `trust` verifies the servers that the mocks call, but for those that `ways` has; `certificate` holds the key and the
    chain of the mocks' own TLS.
    """
    ports = {bound.getsockname()[1]: name for name, bound in sockets.items()}
    application = AsgiApplication(world, ports, trust or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ways or {})
    config = uvicorn.Config(
        application,
        http=Droppable,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
    )
    # what uvicorn has to say of a server that is stopped is no news to whoever stopped it
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    server = Server(config)

    async def serve() -> None:
        await server.serve(list(sockets.values()))
        await application.close()

    def run() -> None:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="dcrproof mocks", daemon=True)
    thread.start()
    if not server.accepting.wait(10):
        raise RuntimeError("the mocks did not start within 10 seconds")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
