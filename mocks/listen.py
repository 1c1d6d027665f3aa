"""Puts a world of mocks on sockets: one server thread, one port for each party.

This module, asgi.py and calls.py are the only ones of the mocks that do I/O.
"""

import asyncio
import ipaddress
import logging
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dcrproof.mocks.asgi import LARGEST_HEAD, LONGEST_TARGET, AsgiApplication, ListenedWorld
from dcrproof.mocks.calls import Transports

IDLE = 60.0
"""Seconds: the longest wait for a whole head, and between two pieces of a body (nginx's defaults)."""

MOST_WAITING = 100
"""Requests of one connection that wait for the answer to the one before them."""


class TooMany(Exception):
    """A caller sends requests, and does not wait for the answers."""


class Lingering:
    """A connection that an answer does not close: a close with octets unread resets it, and the answer is lost.

    The protocol's keep-alive timer closes it.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def close(self) -> None:
        if self.transport.can_write_eof():
            self.transport.write_eof()


class Bounded(HttpToolsProtocol):
    """Bounds what a caller can make a mock keep, and how long; the body is bounded by the application that reads it.

    The parser joins the pieces of a header, so its limit is held here, where they arrive. The application answers, and
    finds in the scope the status of what is too large; it finds there the connection, too, which it must be able to drop.
    """

    heading = refused = False
    unparsed = 0
    """Octets since the last piece of a body, or since a message ended."""
    since = 0.0
    """When the caller last did what it is given time for."""
    timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        self.since = self.loop.time()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return
        self.unparsed += len(data)
        super().data_received(data)
        if self.unparsed > LARGEST_HEAD and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MOST_WAITING:
            self.refused = True
            self.transport.abort()
            raise TooMany  # ends the parsing of what has arrived
        super().on_message_begin()
        self.heading, self.since = True, self.loop.time()

    def on_headers_complete(self) -> None:
        self.heading = False
        self.scope["dcrproof.transport"] = self.transport  # type: ignore[typeddict-unknown-key] # a key of our own
        if status := self._too_large():
            self.scope["dcrproof.too_large"] = status  # type: ignore[typeddict-unknown-key] # a key of our own
        if status == 414:
            self.url = b"/"
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self.unparsed, self.since = 0, self.loop.time()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.unparsed, self.since = 0, self.loop.time()
        super().on_message_complete()

    def _too_large(self) -> int | None:
        if len(self.url) > LONGEST_TARGET:
            return 414
        size = sum(map(len, chain.from_iterable(self.headers))) + 4 * len(self.headers)
        return 431 if self.refused or size > LARGEST_HEAD else None

    def _refuse(self) -> None:
        """Parses no more of this connection; answers where it is a head that is too large."""
        self.refused = True
        if not self.heading:
            self.transport.close()
            return
        before = self.cycle
        if before is not None and not before.response_complete:
            self.transport.close()  # a pipelined request: the connection ends as it would with a malformed one
            return
        self.on_headers_complete()
        self.cycle.more_body = self.cycle.keep_alive = False
        self.cycle.transport = Lingering(self.transport)  # type: ignore[assignment] # has what a cycle calls
        self.cycle.message_event.set()

    def _watch(self) -> None:
        """Closes the connection of a caller who keeps a mock waiting; nginx answers nothing then."""
        waiting = self.cycle is None or self.heading or self.cycle.response_complete or self.cycle.more_body
        left = self.since + IDLE - self.loop.time() if waiting else IDLE
        if left <= 0:
            self.transport.abort()
        else:
            self.timer = self.loop.call_later(left, self._watch)


class Server(uvicorn.Server):
    """Says when it accepts connections, and stops at once: uvicorn's own looks and pauses for tenths of a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = threading.Event()
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Ends `serve`; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ended.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._loop = asyncio.get_running_loop()
        self.accepting.set()

    async def main_loop(self) -> None:
        await self._ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if under_way := set(self.server_state.tasks):
            _, late = await asyncio.wait(under_way, timeout=self.config.timeout_graceful_shutdown)
            for task in late:
                task.cancel()
        await asyncio.sleep(0)  # the connections are closed in the loop's next turn


@dataclass(frozen=True)
class Place:
    """Where mocks listen: `host` is an address of this machine, `public` the name or address by which others call it."""

    host: str = "127.0.0.1"
    public: str = "127.0.0.1"

    @property
    def local(self) -> bool:
        """Whether the public name is this machine for whoever uses it."""
        return self.public in {"127.0.0.1", "localhost", "::1"}

    @property
    def own(self) -> str:
        """The address at which the mocks find one another: the public name may not lead back to this machine."""
        address = ipaddress.ip_address(self.host)
        if address.is_unspecified:
            return "127.0.0.1" if address.version == 4 else "[::1]"
        return bracketed(self.host)


def bracketed(host: str) -> str:
    """A name or an address as URLs have it."""
    return f"[{host}]" if ":" in host else host


def bind(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket on that address of this machine. Raises OSError where it cannot be had, or the port is taken."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


@contextmanager
def listening(
    world: ListenedWorld,
    sockets: Mapping[str, socket.socket],
    *,
    trust: ssl.SSLContext | None = None,
    transports: Transports | None = None,
    certificate: Path | None = None,
    place: Place = Place(),
) -> Iterator[None]:
    """Serves the world on these sockets, by port name, until the block ends.

    `trust` verifies the servers that the mocks call, apart from those that `transports` has; `certificate` holds the key and the
    chain of the mocks' own TLS.
    """
    ports = {bound.getsockname()[1]: name for name, bound in sockets.items()}
    own = {bracketed(place.public): place.own} if place.public != place.host else {}
    application = AsgiApplication(world, ports, trust or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), transports or {}, own)
    config = uvicorn.Config(
        application,
        http=Bounded,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
    )
    # what uvicorn logs when a server is stopped is not worth a message
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    server = Server(config)

    async def serve() -> None:
        await server.serve(list(sockets.values()))
        await application.caller.close()

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
        server.stop()
        thread.join(10)
