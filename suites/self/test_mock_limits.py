"""What a caller can make the mocks keep and do is bounded: heads, bodies, trailers, silence; over raw sockets."""

import asyncio
import resource
import socket
import threading
import time
from types import SimpleNamespace

import pytest
import uvicorn
from uvicorn.server import ServerState

from dcrproof.mocks import listen
from dcrproof.mocks.serve import serving
from dcrproof.mocks.start import PORTS

MEGABYTE = 1024 * 1024
HEAD = b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
POST = HEAD + b"content-length: 1\r\n\r\na"
ENDLESS = {
    "a header": (HEAD + b"x: ", b"a" * MEGABYTE, 431),
    "headers": (HEAD, b"a: b\r\n" * (MEGABYTE // 6), 431),
    "a name of a header": (HEAD, b"a" * MEGABYTE, 431),
    "a target": (b"GET /", b"a" * MEGABYTE, 414),
    "a query": (b"GET /?", b"%41&" * (MEGABYTE // 4), 414),
    "a body": (HEAD + b"content-length: 1000000000\r\n\r\n", b"a" * MEGABYTE, 413),
    "chunks": (CHUNKED, b"100000\r\n" + b"a" * MEGABYTE + b"\r\n", 413),
    "trailers": (CHUNKED + b"1\r\na\r\n0\r\n", b"a: b\r\n" * (MEGABYTE // 6), None),
    "a trailer": (CHUNKED + b"1\r\na\r\n0\r\nx: ", b"a" * MEGABYTE, None),
    "an extension of a chunk": (CHUNKED + b"1;", b"a" * MEGABYTE, None),
    "empty lines": (b"", b"\r\n" * (MEGABYTE // 2), None),
    "requests": (b"", GET * (MEGABYTE // len(GET)), None),
    "requests with a body": (b"", POST * (MEGABYTE // len(POST)), None),
}
"""How it begins, what follows for ever, and the status; None where the connection is closed without an answer."""


@pytest.fixture(scope="module")
def addresses():
    with serving(seed=32) as served:
        yield {port: ("127.0.0.1", int(url.rpartition(":")[2])) for port, url in served.worlds.start.addresses.items()}


def status(address, begin, more=b"", times=0):
    """The status of the answer to it, None for a connection that is closed."""
    with socket.create_connection(address, timeout=10) as connection:
        try:
            connection.sendall(begin)
            for _ in range(times):
                connection.sendall(more)
            received = connection.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            return None
    return int(received.split(b" ", 2)[1]) if received else None


def expected(port, refusal):
    return 400 if refusal == 431 and port in {"gateway", "gateway-2"} else refusal


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("kind", ENDLESS)
def test_what_does_not_end_is_refused(addresses, port, kind):
    begin, more, refusal = ENDLESS[kind]
    assert status(addresses[port], begin, more, 4) == expected(port, refusal)


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize(
    ("head", "refusal"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", 414),
        (HEAD + b"".join(b"x%d: %s\r\n" % (number, b"a" * 4096) for number in range(9)) + b"\r\n", 431),
    ],
    ids=["target", "headers"],
)
def test_a_whole_head_has_the_same_limits(addresses, port, head, refusal):
    assert status(addresses[port], head) == expected(port, refusal)


def target(size):
    return b"GET /%s HTTP/1.1\r\nhost: a\r\n\r\n" % (b"a" * (size - 1))


def headers(size):
    """Headers of that size together; each has a colon, a blank and the end of its line."""
    host = len(b"host: a\r\n")
    return b"GET / HTTP/1.1\r\nhost: a\r\nx: %s\r\n\r\n" % (b"a" * (size - host - 5))


def body(size):
    return b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%s" % (size, b"a" * size)


@pytest.mark.parametrize(
    ("request_of", "largest", "refusal"), [(target, 8192, 414), (headers, 32 * 1024, 431), (body, MEGABYTE, 413)]
)
def test_what_is_as_large_as_it_may_be_is_served(addresses, request_of, largest, refusal):
    assert status(addresses["upstream"], request_of(largest)) == 200
    assert status(addresses["upstream"], request_of(largest + 1)) == refusal


def test_the_gateway_says_it_as_kong_does(addresses):
    with socket.create_connection(addresses["gateway"], timeout=10) as connection:
        connection.sendall(HEAD + b"accept: application/json\r\nx: " + b"a" * 40_000)
        answer = connection.recv(65536)
    assert b"Request header or cookie too large" in answer
    assert b"\r\nserver: kong/" in answer
    assert b"\r\nconnection: close\r\n" in answer


@pytest.mark.parametrize("kind", ["a header", "headers", "a body", "requests", "requests with a body"])
def test_fifty_megabytes_hold_nobody_up_and_are_not_kept(addresses, kind):
    begin, more, refusal = ENDLESS[kind]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    statuses, waits = [], []
    sender = threading.Thread(target=lambda: statuses.append(status(addresses["curity"], begin, more, 50)))
    sender.start()
    while sender.is_alive() or not waits:  # a fast machine may refuse before the first of these is sent
        started = time.monotonic()
        assert status(addresses["upstream"], b"GET / HTTP/1.1\r\nhost: x\r\n\r\n") == 200
        waits.append(time.monotonic() - started)
    assert statuses == [refusal]
    assert max(waits) < 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024  # KiB


def test_a_connection_serves_on_after_a_body_that_was_too_large(addresses):
    with socket.create_connection(addresses["upstream"], timeout=10) as connection:
        connection.sendall(HEAD + b"content-length: 2000000\r\n\r\n" + b"a" * 2_000_000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_requests_in_one_piece_are_each_within_the_limits(addresses):
    with socket.create_connection(addresses["upstream"], timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 5000 + b"\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        for _ in range(20):
            connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 5000 + b"\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_some_requests_are_sent_before_the_answers_are_read(addresses):
    with (
        socket.create_connection(addresses["upstream"], timeout=10) as connection,
        connection.makefile("rb") as answers,
    ):
        connection.sendall(GET * (listen.MOST_WAITING - 1) + b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert answers.read().count(b"HTTP/1.1 200 ") == listen.MOST_WAITING


SILENT = {
    "nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nhost:",
    "half a body": HEAD + b"content-length: 5\r\n\r\nab",
}


@pytest.mark.parametrize("kind", SILENT)
def test_silence_ends_a_connection(monkeypatch, addresses, kind):
    monkeypatch.setattr(listen, "IDLE", 0.3)
    assert status(addresses["upstream"], SILENT[kind]) is None


class Loop:
    """Stands in for the event loop: time passes when the test says so."""

    def __init__(self):
        self.now, self.timers = 0.0, []

    def time(self):
        return self.now

    def call_later(self, seconds, call):
        self.timers.append((self.now + seconds, call))
        return SimpleNamespace(cancel=lambda: None)

    def advance(self, seconds):
        end = self.now + seconds
        while due := [timer for timer in self.timers if timer[0] <= end]:
            self.timers.remove(first := min(due, key=lambda timer: timer[0]))
            self.now = first[0]
            first[1]()
        self.now = end


class Transport(asyncio.Transport):
    aborted = False

    def is_closing(self):
        return self.aborted

    def abort(self):
        self.aborted = True


@pytest.mark.parametrize(("between", "ends"), [(1.0, True), (listen.IDLE / 2, True), (0.5, False)])
def test_a_head_that_trickles_ends_a_connection(between, ends):
    """However often a piece of it comes: what counts is when the head is whole."""
    loop, transport = Loop(), Transport()
    config = uvicorn.Config(app=None, log_config=None, access_log=False)
    config.load()
    protocol = listen.Bounded(config, ServerState(), {}, loop)
    protocol.connection_made(transport)
    protocol.data_received(b"GET / HTTP/1.1\r\n")
    for _ in range(70):
        if not transport.aborted:
            protocol.data_received(b"a: b\r\n")
        loop.advance(between)
    assert transport.aborted == ends, "70 pieces are sent in 35 seconds, or in more than a minute"
