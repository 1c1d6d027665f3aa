"""Octets without end at the mocks' ports: each is refused with its product's status, soon, and the others are served."""

import socket
import time
from collections.abc import Iterator
from itertools import chain, repeat
from urllib.parse import urlsplit

import httpx
import pytest

from dcrproof.mocks import listen
from dcrproof.mocks.faults import Fault
from dcrproof.mocks.serve import serving
from dcrproof.mocks.world import World

MOST = 3_000_000
"""Octets that may be on their way before a port hangs up: what is in the buffers of both sides is among them."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with serving(seed=8) as served:
        yield served.worlds.current


def flood(address: str, octets: Iterator[bytes]) -> tuple[int, bytes]:
    """How many octets a port has taken before it hung up, and what it has answered."""
    parts, sent, answered = urlsplit(address), 0, b""
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        try:
            for some in octets:
                connection.sendall(some)
                sent += len(some)
                if sent > 4 * MOST:
                    return sent, b""
        except (ConnectionResetError, BrokenPipeError):
            pass
        try:
            while chunk := connection.recv(65536):
                answered += chunk
        except ConnectionResetError:
            pass
    return sent, answered


START = b"POST /nothing HTTP/1.1\r\nHost: localhost\r\n"
ENDLESS = {
    "a header line": lambda: chain([START, b"X-Long: "], repeat(b"a" * 65_536)),
    "a header name": lambda: chain([START], repeat(b"a" * 65_536)),
    "headers": lambda: chain([START], repeat(b"X-Many: a\r\n" * 6_000)),
    "a path": lambda: chain([b"GET /"], repeat(b"a" * 65_536)),
    "a method": lambda: repeat(b"A" * 65_536),
    "empty lines": lambda: repeat(b"\r\n" * 32_768),
    "a chunk": lambda: chain([START, b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n"], repeat(b"a" * 65_536)),
    "chunks": lambda: chain([START, b"Transfer-Encoding: chunked\r\n\r\n"], repeat(b"1\r\na\r\n" * 10_000)),
    "the size of a chunk": lambda: chain([START, b"Transfer-Encoding: chunked\r\n\r\n1;"], repeat(b"a" * 65_536)),
    "trailers": lambda: chain([START, b"Transfer-Encoding: chunked\r\n\r\n0\r\n"], repeat(b"X-T: a\r\n" * 8_000)),
    "a body": lambda: chain([START, b"Content-Length: 99999999999\r\n\r\n"], repeat(b"a" * 65_536)),
}


@pytest.mark.parametrize("endless", ENDLESS)
@pytest.mark.parametrize("port", ["curity", "konnect", "gateway", "control"])
def test_what_has_no_end_is_refused_before_it_takes_memory_or_time(world, port, endless) -> None:
    started = time.monotonic()
    taken, answered = flood(world.start.addresses[port], ENDLESS[endless]())
    assert taken < MOST, f"{taken:,} octets were taken"
    assert not answered or int(answered.split()[1]) in {400, 408, 413, 414, 431}
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("port", "size", "status"),
    [
        ("curity", 9_000, 431),
        ("konnect", 70_000, 431),
        ("portal", 70_000, 431),
        ("gateway", 9_000, 400),
        ("gateway", 70_000, 400),
        ("control", 70_000, 431),
    ],
)
def test_a_large_header_is_refused_with_the_status_of_the_product(world, port, size, status) -> None:
    answer = httpx.get(world.start.addresses[port] + "/nothing", headers={"x-large": "a" * size})
    assert answer.status_code == status


@pytest.mark.parametrize("port", ["curity", "gateway", "control"])
@pytest.mark.parametrize(
    "some",
    [
        b"",
        b"GET /",
        START,
        START + b"Content-Length: 10\r\n\r\nabc",
        START + b"Transfer-Encoding: chunked\r\n\r\n1\r\n",
    ],
    ids=["nothing", "half a line", "half the headers", "half a body", "half a chunk"],
)
def test_who_says_nothing_any_more_is_hung_up_on(world, port, some, monkeypatch) -> None:
    monkeypatch.setattr(listen, "IDLE", 0.2)
    parts = urlsplit(world.start.addresses[port])
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(some)
        answered = connection.recv(65536)
    assert answered == b"" or answered.split()[1] in {b"400", b"408"}


def test_a_slow_answer_is_no_idle_connection(world, monkeypatch) -> None:
    monkeypatch.setattr(listen, "IDLE", 0.1)
    world.faults.arm(Fault("upstream", delay=0.5))
    assert httpx.get(world.start.addresses["upstream"] + "/").status_code == 200
