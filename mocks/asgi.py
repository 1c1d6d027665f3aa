"""The ASGI application behind all ports: turns what arrives into a `Request`, and has the world answer it.

It makes the calls that an answer needs, keeps the call log, applies armed faults, and dates every answer by its party's
clock.
"""

import asyncio
import email.utils
import re
import ssl
import traceback
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

from dcrproof.mocks.calls import CALLER, Caller, Transports
from dcrproof.mocks.faults import Fault, Faults
from dcrproof.mocks.messages import Calls, Request, Response, find, json_response, pairs

LONGEST_TARGET, LARGEST_HEAD, LARGEST_BODY = 8 * 1024, 32 * 1024, 1024 * 1024
"""Octets. The first two are nginx's (`large_client_header_buffers`), and are taken for the other products (inferred)."""

CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Listened(Protocol):
    """What is served: `handle` answers for the party of that port, `log` records each answered call."""

    faults: Faults

    def handle(self, port: str, request: Request) -> Response | Calls: ...

    def too_large(self, port: str, request: Request, status: int) -> Response: ...

    def crashed(self, port: str, request: Request) -> Response: ...

    def log(self, port: str, request: Request, status: int, caller: str | None) -> None: ...

    def party(self, port: str) -> str: ...

    def now(self, port: str) -> float: ...


class ListenedWorld(Protocol):
    """Holds the served world. A reset replaces it, so that a late request changes the world that it was sent to."""

    @property
    def current(self) -> Listened: ...


class AsgiApplication:
    """The ASGI application behind all ports."""

    def __init__(
        self,
        world: ListenedWorld,
        ports: Mapping[int, str],
        trust: ssl.SSLContext,
        transports: Transports,
        own: Mapping[str, str],
    ) -> None:
        """`trust` verifies the servers that the mocks call, apart from those of `transports`; `own` is as for `Caller`."""
        self.world = world
        self.ports = ports
        self.caller = Caller(ports, trust, transports, self._between, own)

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
        too_large = scope.get("dcrproof.too_large") or (413 if body is None else None)
        if fault and (fault.status or fault.malformed) and not too_large:
            response = _faulty(fault)
        else:
            response = await self._response(world, port, request, too_large)
        world.log(port, request, response.status, caller)
        await self._answer(send, scope, _headers(world, port, response), request, response, fault)

    async def _between(self, port: int, request: Request, caller: str) -> Response | None:
        """The answer of one mock to another, as it would arrive; None where it has to be asked over its socket.

        A socket takes longer than all else that they do. What is not whole or not in time needs one.
        """
        world, name = self.world.current, self.ports[port]
        if world.faults.armed:
            return None
        response = await self._response(world, name, request, None)
        world.log(name, request, response.status, caller)
        return Response(response.status, tuple(_headers(world, name, response)), _body(request, response))

    async def _body(self, receive: Any) -> bytes | None:
        """The whole body, or None for one that is too large: what is left of it the server throws away."""
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > LARGEST_BODY:
                return None
            if not message.get("more_body"):
                return bytes(body)

    async def _response(self, world: Listened, port: str, request: Request, too_large: int | None) -> Response:
        try:
            if too_large:
                return world.too_large(port, request, too_large)
            return await self._perform(world.handle(port, request), world.party(port))
        except Exception:  # noqa: BLE001 - whatever it is, it is a fault of the mock's own: answered, and never silent
            traceback.print_exc()
            return world.crashed(port, request)

    async def _perform(self, outcome: Response | Calls, caller: str) -> Response:
        if isinstance(outcome, Response):
            return outcome
        try:
            call = next(outcome)
            while True:
                call = outcome.send(await self.caller.call(call, caller))
        except StopIteration as stop:
            response: Response = stop.value
            return response

    async def _answer(
        self,
        send: Any,
        scope: Any,
        given: list[tuple[str, str]],
        request: Request,
        response: Response,
        fault: Fault | None,
    ) -> None:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        body = _body(request, response)
        if fault and fault.truncate is not None and fault.truncate < len(body):
            await send({"type": "http.response.body", "body": body[: fault.truncate], "more_body": True})
            scope["dcrproof.transport"].close()
            return
        await send({"type": "http.response.body", "body": body})


def _headers(world: Listened, port: str, response: Response) -> list[tuple[str, str]]:
    """As they are sent: names in lower case, values in latin-1."""
    given = ((name.lower(), value) for name, value in response.headers)
    headers = [(name, _sendable(value)) for name, value in given if name not in {"content-length", "date"}]
    headers.append(("date", _date(int(world.now(port)))))
    if response.status != 204:
        headers.append(("content-length", str(len(response.body))))
    return headers


def _sendable(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    return CONTROLS.sub(_escaped, value).encode("latin-1", "replace").decode("latin-1")


def _body(request: Request, response: Response) -> bytes:
    return b"" if request.method == "HEAD" or response.status == 204 else response.body


def _escaped(character: re.Match[str]) -> str:
    """What cannot stand in a header, as OpenResty sends it (`ngx.header`); for the other products it is inferred."""
    return f"%{ord(character[0]):02X}"


@lru_cache(maxsize=4)
def _date(seconds: int) -> str:
    return email.utils.formatdate(seconds, usegmt=True)


def _faulty(fault: Fault) -> Response:
    retry = (("retry-after", fault.retry_after),) if fault.retry_after is not None else ()
    if fault.malformed:
        return Response(200, (("content-type", "application/json"), *retry), b'{"malformed": ')
    return replace(
        json_response(fault.status or 500, {"error": "fault"}), headers=(("content-type", "application/json"), *retry)
    )
