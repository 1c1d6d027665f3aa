"""The control interface is for programs of this machine: no web page changes anything through a browser, or reads it."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from dcrproof.mocks.serve import serving
from dcrproof.mocks.world import World

CALLS = [
    ("GET", "/calls", None),
    ("GET", "/clock", None),
    ("POST", "/clock", b'{"advance": 301}'),
    ("POST", "/keys", b'{"party": "curity", "kid": "new"}'),
    ("PUT", "/steps/curity.token-issuer.jwt", b""),
    ("DELETE", "/steps/curity.token-issuer.jwt", None),
    ("POST", "/faults", b'{"party": "curity", "status": 503, "times": 1}'),
    ("DELETE", "/faults/1", None),
    ("GET", "/mail", None),
    ("GET", "/bridge", None),
    ("POST", "/reset", b""),
    ("GET", "/nothing", None),
]
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(seed=8) as served:
        yield served.description["control"]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with serving(seed=9) as served:
        yield served.worlds.current


def ask(address: str, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> httpx.Response:
    headers = ({**JSON} if body else {}) | headers
    return httpx.request(method, address + path, content=body, headers=headers)


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.0.1", "[::2]", ""],
)
def test_a_name_that_was_bound_to_this_machine_by_somebody_else_is_refused(address, host, method, path, body) -> None:
    """DNS rebinding: the browser takes the page and this port for one site."""
    answer = ask(address, method, path, body, {"host": host})
    assert (answer.status_code, "bridge" in answer.text) == (403, False)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "mocks.localhost", "127.0.0.2", "localhost."]
)
@pytest.mark.parametrize("port", ["", ":PORT", ":1"])
def test_names_of_this_machine_are_taken(address, host, port) -> None:
    """Whatever the port: it may be forwarded."""
    sent = {"host": host + port.replace("PORT", str(urlsplit(address).port))}
    assert ask(address, "GET", "/clock", None, sent).status_code == 200


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "https://", "x"])
def test_a_web_page_of_somebody_else_is_refused(address, origin, method, path, body) -> None:
    assert ask(address, method, path, body, {"origin": origin}).status_code == 403


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "https://app.localhost"])
def test_a_page_of_this_machine_is_taken(address, origin) -> None:
    assert ask(address, "GET", "/clock", None, {"origin": origin}).status_code == 200


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
@pytest.mark.parametrize(("method", "path", "body"), [call for call in CALLS if call[2]])
def test_what_a_page_may_send_without_asking_is_refused(address, method, path, body, media_type) -> None:
    answer = ask(address, method, path, body, {"content-type": media_type})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["error"]


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_taken(address, media_type) -> None:
    assert ask(address, "POST", "/clock", b'{"advance": 0}', {"content-type": media_type}).status_code == 200


def test_a_request_without_a_host_is_refused(address) -> None:
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(b"GET /bridge HTTP/1.0\r\n\r\n")
        assert connection.recv(100).split()[1] in {b"400", b"403"}


def test_the_key_of_the_bridge_is_not_read_through_its_own_port(world) -> None:
    answer = httpx.get(world.start.addresses["bridge"] + "/", headers={"host": "evil.example"})
    assert world.bridge.api_key not in answer.text
