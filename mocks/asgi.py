"""The ASGI application behind all ports: turns what arrives into a `Request`, and has the world answer it.

It makes the calls that an answer needs, keeps the call log, applies armed faults, and dates every answer by its party's
clock.
"""

import asyncio
import email.utils
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

from dcrproof.mocks.calls import CALLER, Caller
from dcrproof.mocks.faults import Fault, Faults
from dcrproof.mocks.messages import Calls, Request, Response, find, json_response, pairs

LARGEST_BODY = 1024 * 1024


class Listened(Protocol):
    """What is served: `handle` answers for the party of that port, `log` records each answered call."""

    faults: Faults

    def handle(self, port: str, request: Request) -> Response | Calls: ...

    def log(self, port: str, request: Request, status: int, caller: str | None) -> None: ...

    def party(self, port: str) -> str: ...

    def now(self, port: str) -> float: ...


class ListenedWorld(Protocol):
    """Holds the served world. A reset replaces it, so that a late request changes the world that it was sent to."""

    @property
    def current(self) -> Listened: ...


class AsgiApplication:
    """The ASGI application behind all ports."""

    def __init__(self, world: ListenedWorld, ports: Mapping[int, str], caller: Caller) -> None:
        self.world = world
        self.ports = ports
        self.caller = caller

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
                call = outcome.send(await self.caller.call(call, caller))
        except StopIteration as stop:
            response: Response = stop.value
            return response

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


@lru_cache(maxsize=4)
def _date(seconds: int) -> bytes:
    return email.utils.formatdate(seconds, usegmt=True).encode()


def _faulty(fault: Fault) -> Response:
    retry = (("retry-after", fault.retry_after),) if fault.retry_after is not None else ()
    if fault.malformed:
        return Response(200, (("content-type", "application/json"), *retry), b'{"malformed": ')
    return replace(
        json_response(fault.status or 500, {"error": "fault"}), headers=(("content-type", "application/json"), *retry)
    )
