"""The control interface is not for web pages: by no name of their own, from no page, by no form."""

import socket

import httpx
import pytest

from dcrproof.mocks.serve import serving


@pytest.fixture(scope="module")
def control():
    with serving(seed=31) as served, httpx.Client(base_url=served.description["control"], trust_env=False) as client:
        yield client


CALLS = [("GET", "/bridge"), ("GET", "/calls"), ("POST", "/reset"), ("PUT", "/steps/curity.token-issuer.jwt")]


@pytest.mark.parametrize("host", ["rebound.example", "127.0.0.1.example", "localhost.example:80", "127.0.0.1@evil", ""])
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_name_that_is_not_of_the_loopback_address_is_refused(control, method, path, host):
    answer = control.request(method, path, headers={"host": host})
    assert (answer.status_code, list(answer.json())) == (403, ["error"])


def test_two_hosts_are_refused(control):
    port = control.base_url.port
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /clock HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: evil.example\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:3000", "http://127.0.0.1"])
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_page_of_another_origin_is_refused(control, method, path, origin):
    answer = control.request(method, path, headers={"origin": origin})
    assert (answer.status_code, list(answer.json())) == (403, ["error"])


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "text/plain; application/json", None]
)
@pytest.mark.parametrize("path", ["/clock", "/keys", "/faults"])
def test_a_body_that_is_not_said_to_be_json_is_refused(control, path, media_type):
    answer = control.post(path, content=b'{"advance": 1}', headers={"content-type": media_type} if media_type else {})
    assert (answer.status_code, list(answer.json())) == (415, ["error"])


TYPES = {
    "a form": ["application/x-www-form-urlencoded"],
    "a form with a file": ["multipart/form-data; boundary=a"],
    "a text": ["text/plain"],
    "nothing": [""],
    "JSON and a text": ["application/json", "text/plain"],
    "a text and JSON": ["text/plain", "application/json"],
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    ("method", "path"), [*CALLS, ("DELETE", "/faults/1"), ("DELETE", "/steps/curity.token-issuer.jwt")]
)
def test_another_type_is_refused_without_a_body_too(control, method, path, kind):
    answer = control.request(method, path, headers=[("content-type", value) for value in TYPES[kind]])
    assert (answer.status_code, list(answer.json())) == (415, ["error"])


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_a_script_is_answered(control, name):
    port = control.base_url.port
    own = {"host": f"{name}:{port}", "origin": f"http://{name}:{port}"}
    assert control.get("/clock", headers=own).status_code == 200
    assert control.get("/clock", headers={"host": name}).status_code == 200
    body, json = b'{"advance": 1}', {"content-type": "application/json; charset=utf-8"}
    assert control.post("/clock", content=body, headers=own | json).status_code == 200
    assert control.post("/reset").status_code == 204
