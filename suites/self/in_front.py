"""Something in front of the gateway, with one habit: a proxy, a firewall, or an upstream that answers in its own way."""

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def without(self, *beginnings: str) -> tuple[tuple[str, str], ...]:
        """The headers whose names do not begin so."""
        return tuple(pair for pair in self.headers if not pair[0].lower().startswith(beginnings))


Habit = Callable[[Mapping[str, str], Answer], Answer]
"""Takes the headers of the request, with names in lower case, and the gateway's answer."""


@contextmanager
def in_front_of(gateway: str, habit: Habit) -> Iterator[str]:
    """The address of something in front of the gateway, which answers with that habit until the block ends."""
    behind = urlsplit(gateway).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            sent = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(sent.get("content-length") or 0))
            connection = http.client.HTTPConnection(behind)
            connection.request(self.command, self.path, body or None, sent)
            answered = connection.getresponse()
            found = Answer(answered.status, tuple(answered.getheaders()), answered.read())
            connection.close()
            found = habit(sent, found)
            self.send_response_only(found.status)
            for name, value in found.without("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
            self.send_header("content-length", str(len(found.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(found.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815 - http.server's names

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
