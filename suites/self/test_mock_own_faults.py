"""No input makes a mock answer with a fault of its own, and one that it has nevertheless is on standard error."""

import json
import re
import ssl
import uuid
from dataclasses import asdict
from urllib.parse import urlsplit

import httpx
import pytest

from dcrproof.core.http.exchange import Transcript
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.parties.authorization_server import recognises
from dcrproof.core.parties.gateway import answered_by_kong
from dcrproof.mocks.curity.http import CurityHttp
from dcrproof.mocks.konnect.driver import ProviderCredentials
from dcrproof.mocks.messages import NoAnswer, Request, json_response, perform
from dcrproof.mocks.serve import serving
from dcrproof.mocks.start import PORTS, OtherServer, Start
from dcrproof.mocks.world import World
from dcrproof.mocks.worlds import Worlds

JSON = ("content-type", "application/json")
SURROGATES = ['"\\ud800"', '{"\\udfff": 1}', '{"name": "\\ud800"}', '{"a": [{"b": "x\\udc00\\ud800"}]}']
HOSTS = [
    *(
        "a:b",
        "a:80",
        "::1",
        "[::1]",
        "[::1",
        "::1]",
        "[]",
        ":",
        "fe80::1%lo",
        "[::1]:80",
        "1.2.3.4",
        "a..b",
        ".",
        "-a",
        "a b",
    ),
    *(
        "a/b",
        "a?b",
        "a#b",
        "a@b",
        "a\\b",
        "\u00fc.example",
        "xn--a",
        "*.example",
        "a%41",
        "%",
        "\n",
        "a" * 300,
        "a.example",
    ),
]


@pytest.fixture
def world():
    addresses = {port: f"http://127.0.0.1:{8000 + number}" for number, port in enumerate(PORTS)}
    return Worlds(Start(addresses, 33)).current


def access(world: World, port: str):
    """Headers that open the operations of a port."""
    secrets = world.credentials
    if port == "konnect":
        return (("authorization", f"Bearer {secrets.konnect_token}"),)
    if port == "bridge":
        return (("x-api-key", secrets.bridge_key),)
    if port in {"portal", "classic_portal"}:
        version = "v3" if port == "portal" else "v2"
        secret = secrets.developer_password if port == "portal" else secrets.classic_developer_password
        body = {"username": "developer@example.com", "password": secret}
        path = f"/api/{version}/developer/authenticate"
        answer = ask(world, port, "POST", path, json.dumps(body))
        assert answer.status == 204, answer
        return (("cookie", (answer.header("set-cookie") or "").partition(";")[0]),)
    return (("host", "127.0.0.1"),)


def ask(world: World, port: str, method: str, path: str, body: str = "", headers=()):
    host = urlsplit(world.start.addresses[port]).netloc
    sent = Request(
        method, path, path, "", (("host", host), JSON, *(pair for pair in headers if pair[0] != "host")), body.encode()
    )

    def answer(call):
        parts = urlsplit(call.url)
        for name, address in world.start.addresses.items():
            if parts[:2] == urlsplit(address)[:2]:
                return ask_raw(
                    world, name, Request(call.method, parts.path, parts.path, parts.query, call.headers, call.body)
                )
        httpx.Headers(call.headers)
        return NoAnswer("elsewhere", "name")

    def ask_raw(world, name, request):
        return perform(world.handle(name, request), answer)

    return ask_raw(world, port, sent)


def operations(world: World):
    """(port, method, path) of every operation, with the ids of what there is."""
    ids = {name: value for name, value in asdict(world.setup).items() if name.endswith("_id")}
    handlers = {port: getattr(world.handlers[port], "__self__", None) for port in PORTS}
    tables = {
        "curity": [(method, path) for method, path, _ in CurityHttp(world.curity)._table(world.curity.configuration)],
        "bridge": [(method, path) for method, path, _ in handlers["bridge"]._routes.table],
        **{
            port: [(method, path) for method, path, _ in handlers[port].routes.table]
            for port in ("konnect", "portal", "classic_portal", "control")
        },
        "gateway": [(method, world.ROUTE) for method in ("POST", "PUT", "PATCH")],
        "upstream": [("POST", "/")],
    }
    for port, table in tables.items():
        for method, template in table:
            known = {} if method == "DELETE" else ids  # what there is stays, for the operations that follow
            filled = re.sub(r"{(\w+)}", lambda name, known=known: str(known.get(name[1], uuid.UUID(int=7))), template)
            yield port, method, filled


def test_half_a_surrogate_pair_is_kept_nowhere(world):
    assert len({port for port, _, _ in operations(world)}) == 8
    for port, method, path in operations(world):
        headers = access(world, port)
        for body in SURROGATES:
            answer = ask(world, port, method, path, body, headers)
            assert answer.status < 500, (port, method, path, body)
            answer.body.decode()
    for port, method, path in operations(world):
        if method == "GET":
            assert ask(world, port, "GET", path, "", access(world, port)).status < 500, (port, path)


@pytest.mark.parametrize("host", HOSTS)
def test_a_service_is_where_it_was_said_to_be_or_refused(world, host):
    headers = access(world, "konnect")
    services = f"/v2/control-planes/{world.setup.control_plane_id}/core-entities/services"
    answer = ask(world, "konnect", "POST", services, json.dumps({"name": "odd", "host": host, "port": 81}), headers)
    assert answer.status in {201, 400}, host
    fits = host in {"::1", "[::1]", "1.2.3.4", "xn--a", "a.example"}
    assert (answer.status == 201) == fits
    listed = ask(world, "konnect", "GET", services, "", headers)
    assert listed.status == 200
    if fits:
        (made,) = [one for one in listed.json()["data"] if one["name"] == "odd"]
        assert (made["host"].strip("[]"), made["port"]) == (host.strip("[]"), 81)


@pytest.mark.parametrize("host", HOSTS)
def test_an_issuer_may_be_anywhere(world, host):
    """Each member of a body that is a URL, at every operation; then all that reads it, and the application made with it."""
    url = f"http://{host}/oauth/v2/oauth-anonymous/.well-known/openid-configuration"
    config = {"initial_client_id": "a", "initial_client_secret": "b"}
    konnect, portal = access(world, "konnect"), access(world, "portal")
    provider = {"name": "odd", "provider_type": "curity", "issuer": url, "dcr_config": config}
    bodies = [
        ("POST", "/v2/dcr-providers", provider),
        ("PATCH", f"/v2/dcr-providers/{world.setup.provider_id}", {"issuer": url}),
        (
            "PATCH",
            f"/v2/application-auth-strategies/{world.setup.strategy_id}",
            {"configs": {"openid-connect": {"issuer": url}}},
        ),
    ]
    for method, path, body in bodies:
        answer = ask(world, "konnect", method, path, json.dumps(body), konnect)
        assert answer.status < 500, (method, path)
        assert ask(world, "konnect", "GET", path, "", konnect).status == 200
    application = {"name": "odd", "auth_strategy_id": world.setup.strategy_id, "redirect_uris": [url]}
    assert ask(world, "portal", "POST", "/api/v3/applications", json.dumps(application), portal).status < 500
    assert ask(world, "gateway", "GET", world.ROUTE, "", (("authorization", "Basic YTpi"),)).status < 500


def test_calls_of_odd_hosts_have_no_answer_over_sockets(capsys):
    """The provider's issuer is called when an application is made: nothing of that call is the mock's own fault."""
    with serving(seed=34) as served, httpx.Client(trust_env=False, timeout=20) as client:
        described, world = served.description, served.worlds.current
        admin = {"authorization": f"Bearer {described['konnect']['token']}"}
        cookie = dict([access(world, "portal")[0]])
        providers = f"{described['konnect']['url']}/v2/dcr-providers/{world.setup.provider_id}"
        for host in ("[::1]:9", "[::1%25lo]:9", "a..invalid", "xn--.invalid", "127.0.0.1:0", "a" * 300 + ".invalid"):
            changed = client.patch(providers, headers=admin, json={"issuer": f"http://{host}/d"})
            assert changed.status_code in {200, 400}, host
            body = {"name": f"at {host}"[:60], "auth_strategy_id": world.setup.strategy_id}
            made = client.post(f"{described['portal']['url']}/api/v3/applications", headers=cookie, json=body)
            assert made.text != "Internal Server Error", host
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("port", "words"),
    [
        ("gateway", "An unexpected error occurred"),
        ("gateway-2", "An unexpected error occurred"),
        ("curity", "server_error"),
    ],
)
def test_a_fault_of_a_mock_is_answered_as_the_product_answers_one(port, words, capsys):
    """A check that a broken rule of a mock meets has failed: the party was there."""
    with serving(seed=35) as served:
        served.worlds.current.handlers[port] = lambda _: {}["of its own making"]
        address = served.worlds.start.addresses[port]
        http = PartyConnection("gateway" if port != "curity" else "curity", address, Transcript())
        answer = http.send("GET", f"{address}/accounts")
        http.close()
    assert (answer.status, words in answer.text) == (500, True)
    assert recognises(answer) if port == "curity" else answered_by_kong(answer)
    assert "of its own making" in capsys.readouterr().err


def test_a_fault_of_a_mock_is_told_with_its_trace(capsys):
    with serving(seed=35) as served:

        def broken(request):
            raise LookupError("of its own making")

        served.worlds.current.handlers["upstream"] = broken
        answer = httpx.get(served.description["upstream"]["url"], trust_env=False)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert "date" in answer.headers
    assert served.worlds.current.calls[-1]["status"] == 500
    told = capsys.readouterr().err
    assert "Traceback" in told
    assert "LookupError: of its own making" in told


def test_controls_in_a_header_are_escaped():
    with serving(seed=36) as served:
        served.worlds.current.handlers["upstream"] = lambda _: json_response(200, {}, (("x", "a\r\nb: c\0"),))
        answer = httpx.get(served.description["upstream"]["url"], trust_env=False)
    assert (answer.status_code, answer.headers["x"]) == (200, "a%0D%0Ab: c%00")


@pytest.mark.parametrize("tls", [False, True])
def test_a_client_that_keeps_cookies_is_signed_in(tmp_path, tls):
    with serving(seed=37, folder=tmp_path if tls else None) as served:
        portal, ca = served.description["portal"], served.description.get("ca")
        with httpx.Client(
            base_url=portal["url"], trust_env=False, verify=ssl.create_default_context(cafile=ca)
        ) as client:
            body = {"username": portal["email"], "password": portal["password"]}
            signed = client.post("/api/v3/developer/authenticate", json=body)
            assert ("; Secure" in signed.headers["set-cookie"]) == tls
            assert client.get("/api/v3/developer/me").status_code == 200


@pytest.mark.parametrize("host", ["::1", "127.0.0.1", "a.example"])
def test_a_server_that_is_no_mock_may_have_any_kind_of_host(host):
    """An authorization server in mock Curity's place, at an address or a name; nothing answers there."""
    authority = f"[{host}]" if ":" in host else host
    tls = {host: (ssl.create_default_context(), "http://127.0.0.1:9")}
    other = OtherServer(f"https://{authority}:9/oauth", ("a", "b"), ProviderCredentials())
    with serving(seed=38, other_server=other, transports=tls) as served:
        world = served.worlds.current
        cookie = dict([access(world, "portal")[0]])
        body = {"name": "of another server", "auth_strategy_id": world.setup.strategy_id}
        made = httpx.post(
            f"{served.description['portal']['url']}/api/v3/applications", headers=cookie, json=body, trust_env=False
        )
        assert made.status_code >= 400
        assert made.text != "Internal Server Error"
        assert httpx.get(served.description["gateway"]["route"], trust_env=False, auth=("a", "b")).status_code == 401


def test_a_discovery_document_may_name_any_address(capsys):
    with serving(seed=39) as served, httpx.Client(trust_env=False, timeout=20) as client:
        described, world = served.description, served.worlds.current
        cookie = dict([access(world, "portal")[0]])
        odd = [
            "http://[::1",
            "http://[]/",
            "http://::1:9/",
            "http://a:b/",
            "http://a:99999999/",
            "http:",
            "x",
            "\0",
            "http://\u00fc/\n",
        ]
        for url in [*odd, 7, None, ["http://a"]]:
            document = {
                "issuer": described["curity"]["issuer"],
                **dict.fromkeys(("jwks_uri", "token_endpoint", "registration_endpoint", "introspection_endpoint"), url),
            }
            world.handlers["curity"] = lambda _, document=document: json_response(200, document)
            for node in world.data_planes:
                node.restart()
            body = {"name": f"odd {url!r}", "auth_strategy_id": world.setup.strategy_id}
            made = client.post(f"{described['portal']['url']}/api/v3/applications", headers=cookie, json=body)
            assert made.text != "Internal Server Error", url
            for headers in ({"authorization": "Basic YTpi"}, {"authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.e30.AA"}):
                assert client.get(described["gateway"]["route"], headers=headers).status_code == 401, url
    assert "Traceback" not in capsys.readouterr().err
