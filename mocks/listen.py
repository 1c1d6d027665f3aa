"""Puts a world of mocks on sockets: one server thread, one port for each party.

This module, asgi.py and calls.py are the only ones of the mocks that do I/O.
"""

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dcrproof.mocks.asgi import AsgiApplication, ListenedWorld
from dcrproof.mocks.calls import Caller, Transports


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


@contextmanager
def listening(
    world: ListenedWorld,
    sockets: Mapping[str, socket.socket],
    *,
    trust: ssl.SSLContext | None = None,
    transports: Transports | None = None,
    certificate: Path | None = None,
) -> Iterator[None]:
    """Serves the world on these sockets, by port name, until the block ends.

    `trust` verifies the servers that the mocks call, apart from those that `transports` has; `certificate` holds the key and the
    chain of the mocks' own TLS.
    """
    ports = {bound.getsockname()[1]: name for name, bound in sockets.items()}
    caller = Caller(ports, trust or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), transports or {})
    config = uvicorn.Config(
        AsgiApplication(world, ports, caller),
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
    # what uvicorn logs when a server is stopped is not worth a message
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    server = Server(config)

    async def serve() -> None:
        await server.serve(list(sockets.values()))
        await caller.close()

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
