"""What the mocks are asked is answered as the product would: no 5xx, none later either, and a fault of their own is shown."""

import json
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from dcrproof.mocks.serve import serving
from dcrproof.mocks.world import ROUTE, World

HALF = '"\\ud800"'
"""Half of a surrogate pair, as JSON escapes it: json.loads takes it, and nothing can write it."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with serving(seed=8) as served:
        yield served.worlds.current


@pytest.fixture
def ask(world):
    """Asks a port with the credentials that it takes."""
    keys = {
        "konnect": {"authorization": f"Bearer {world.credentials.konnect_token}"},
        "bridge": {"x-api-key": world.bridge.api_key},
    }

    def send(port: str, method: str, path: str, body: str | bytes = "", **headers: str) -> httpx.Response:
        sent = {"content-type": "application/json", **keys.get(port, {}), **headers}
        return httpx.request(method, world.start.addresses[port] + path, content=body, headers=sent)

    return send


SURROGATES = [
    ("control", "POST", "/clock", f'{{"advance": {HALF}}}'),
    ("control", "POST", "/clock", f"{{{HALF}: 1}}"),
    ("control", "POST", "/keys", f'{{"party": {HALF}, "kid": "new"}}'),
    ("control", "POST", "/keys", f'{{"party": "curity", "kid": {HALF}}}'),
    ("control", "POST", "/faults", f'{{"party": {HALF}, "status": 503}}'),
    ("control", "POST", "/faults", f'{{"party": "curity", "status": 503, {HALF}: 1}}'),
    ("control", "POST", "/faults", f'{{"party": "curity", "status": 503, "path": {HALF}}}'),
    ("control", "PUT", "/steps/curity.token-issuer.jwt", f'{{"variant": {HALF}}}'),
    ("control", "PUT", "/steps/curity.token-issuer.jwt", f"{{{HALF}: 1}}"),
    ("bridge", "POST", "/", f'{{"client_name": {HALF}}}'),
    ("bridge", "POST", "/", f"{{{HALF}: 1}}"),
    ("bridge", "POST", "/x/event-hook", f'{{"event_type": {HALF}}}'),
    ("gateway", "POST", ROUTE, f'{{"client_id": {HALF}, "client_secret": {HALF}}}'),
    ("gateway", "POST", ROUTE, f'{{"access_token": {HALF}}}'),
    ("konnect", "POST", "/v3/apis", f'{{"name": {HALF}}}'),
    ("konnect", "POST", "/v3/portals", f'{{"name": "p", "description": {HALF}}}'),
    ("konnect", "POST", "/v2/dcr-providers", f'{{"name": {HALF}, {HALF}: 1}}'),
    ("portal", "POST", "/api/v3/developer/authenticate", f'{{"username": {HALF}, "password": {HALF}}}'),
    ("portal", "POST", "/api/v3/developer", f'{{"email": {HALF}, "full_name": {HALF}}}'),
    ("classic_portal", "POST", "/api/v2/developer/authenticate", f'{{"username": {HALF}, "password": {HALF}}}'),
    ("curity", "POST", "/token-service/oauth-registration", f'{{"client_name": {HALF}, {HALF}: 1}}'),
]
READS = [
    ("control", "/bridge"),
    ("control", "/calls"),
    ("control", "/steps"),
    ("control", "/mail"),
    ("konnect", "/v3/apis"),
]


@pytest.mark.parametrize(("port", "method", "path", "body"), SURROGATES)
def test_half_a_character_is_an_error_of_the_caller(ask, port, method, path, body) -> None:
    answer = ask(port, method, path, body)
    assert 400 <= answer.status_code < 500, answer.text
    for where, read in READS:
        assert ask(where, "GET", read).status_code == 200, (where, read)


HOSTS = [
    "a:b",
    "::1",
    "a b",
    "",
    ".",
    "a..b",
    "a/b",
    "a@b",
    "-",
    "a_b",
    "[::1",
    "ü",
    "a\n",
    "a" * 300,
    "1.2.3.4:5",
    "*.x",
    5,
    None,
]


@pytest.mark.parametrize("host", HOSTS, ids=ascii)
def test_a_service_whose_host_is_none_is_refused_and_no_list_is_broken_by_it(world, ask, host) -> None:
    path = f"/v2/control-planes/{world.standing.control_plane_id}/core-entities/services"
    made = ask("konnect", "POST", path, json.dumps({"name": f"s{HOSTS.index(host)}", "host": host}))
    assert made.status_code in {201, 400}, made.text
    assert made.status_code == 400 or host in {"a_b", "::1"}
    assert ask("konnect", "GET", path).status_code == 200
    assert ask("gateway", "GET", ROUTE).status_code == 401


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("port", [0, -1, 65536, 1.5, "80", True]),
        ("path", ["a", "//", "/\x00", "/a b", 5]),
        ("protocol", ["ftp", "", 5]),
        ("name", ["a/b", "a b", "", "\x00", 5, "a" * 1000]),
        ("retries", [-1, 10**9, "5"]),
        ("connect_timeout", [0, -1, 2**31, "1"]),
        ("url", ["http://[::", "http://a:b/", "x", "http://::1/", 5]),
        ("tags", ["a", [5], [""]]),
        ("enabled", ["true", 1]),
    ],
)
def test_members_of_a_service_that_make_no_sense_break_nothing_later(world, ask, member, values) -> None:
    path = f"/v2/control-planes/{world.standing.control_plane_id}/core-entities/services"
    for number, value in enumerate(values):
        content = {"name": f"{member.replace('_', '-')}-{number}", "host": "upstream.example", member: value}
        answer = ask("konnect", "POST", path, json.dumps(content))
        assert answer.status_code < 500, (value, answer.text)
        assert ask("konnect", "GET", path).status_code == 200, value
        assert ask("gateway", "GET", ROUTE).status_code == 401, value


def test_a_fault_of_the_mocks_is_shown_with_its_trace(tmp_path) -> None:
    """On stderr, so that whoever drives the mocks of `dcrproof serve` learns of it."""
    program = (
        "import httpx, sys\n"
        "from dcrproof.mocks.serve import serving\n"
        "def broken(request): raise RuntimeError('a fault of the mocks')\n"
        "def mutate(world): world.faces['portal'] = broken\n"
        "with serving(seed=1, mutate=mutate) as served:\n"
        "    print(httpx.get(served.description['portal']['url'] + '/api/v3/portal').status_code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == "500\n"
    assert "Traceback" in done.stderr
    assert "RuntimeError: a fault of the mocks" in done.stderr
    assert "GET /api/v3/portal" in done.stderr
