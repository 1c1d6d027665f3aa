"""`dcrproof serve` as a separate process, and the checks against it."""

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tiers import full

from dcrproof.__main__ import main
from dcrproof.core.profile.model import Mode
from dcrproof.core.profile.reading import read
from dcrproof.fixtures.catalogue import entries
from dcrproof.fixtures.flow.gate import FIXTURES
from dcrproof.mocks.listen import Place
from dcrproof.mocks.serve import serving

GREEN, USAGE = 0, 4
COMMAND = [sys.executable, "-m", "dcrproof"]
IN_ORDER = ("curity", "konnect", "portal", "classic_portal", "gateway", "upstream")


@dataclass
class Process:
    """A running `dcrproof serve`: what its one line said, and how it ended."""

    described: dict
    running: subprocess.Popen = field(repr=False)
    code: int | None = None
    rest: str = ""
    """What it printed on either stream besides its line."""

    def stop(self, number=signal.SIGTERM):
        self.running.send_signal(number)
        out, err = self.running.communicate(timeout=20)
        self.code, self.rest = self.running.returncode, out + err


@contextmanager
def serve(*arguments):
    """`dcrproof serve` until the block ends."""
    running = subprocess.Popen(
        [*COMMAND, "serve", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = running.stdout.readline()
        assert line, running.communicate(timeout=20)[1]
        process = Process(json.loads(line), running)
        yield process
        if process.code is None:
            process.stop()
    finally:
        if running.poll() is None:
            running.kill()
            running.communicate()


@pytest.fixture
def refused(capsys):
    """Runs a command that cannot be carried out: it exits with 4 and prints nothing on standard output.

    Returns what it says.
    """
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]

    def run(*arguments):
        try:
            code = main(arguments)
        except SystemExit as stopped:
            code = stopped.code
        assert code == USAGE
        output = capsys.readouterr()
        assert output.out == ""
        return output.err

    yield run
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def get(url, **keywords):
    return httpx.get(url, trust_env=False, timeout=10, **keywords)


AT_THE_START = {
    "/v2/dcr-providers": ["Curity"],
    "/v2/application-auth-strategies": ["curity-dcr"],
    "/v3/portals": ["developers"],
    "/v3/apis": ["accounts"],
    "applications": [],
}


def in_konnect(described):
    """The names of what there is in Konnect."""
    konnect = described["konnect"]

    def listed(path):
        answer = get(konnect["url"] + path, headers={"authorization": f"Bearer {konnect['token']}"})
        return answer.json()["data"]

    portal = listed("/v3/portals")[0]["id"]
    paths = {path: path for path in AT_THE_START} | {"applications": f"/v3/portals/{portal}/applications"}
    return {name: [item["name"] for item in listed(path)] for name, path in paths.items()}


@pytest.fixture(scope="module")
def served():
    with serve("--seed", "7") as process:
        yield process


@pytest.fixture(scope="module")
def described(served):
    return served.described


# The line


def test_the_line_describes_every_party(described):
    assert set(described) == {*IN_ORDER, "control", "profile"}
    assert set(described["curity"]) == {
        *("issuer", "discovery", "registrar_id", "registrar_secret", "introspector", "admin")
    }
    assert set(described["curity"]["introspector"]) == {"id", "secret"}
    assert set(described["curity"]["admin"]) == {"url", "username", "password"}
    assert set(described["konnect"]) == {"url", "token"}
    assert set(described["portal"]) == {"url", "email", "password", "api_id", "strategy_id"}
    assert set(described["gateway"]) == {"url", "route"}
    assert set(described["upstream"]) == {"url"}
    assert set(described["classic_portal"]) == {"url", "email", "password"}


def test_every_address_in_the_line_is_on_the_loopback_interface_and_carries_no_version(described):
    addresses = [described[party]["url"] for party in ("konnect", "portal", "classic_portal", "gateway", "upstream")]
    for address in [*addresses, described["control"]]:
        parts = urlsplit(address)
        assert (parts.scheme, parts.hostname, parts.path) == ("http", "127.0.0.1", "")
    assert described["gateway"]["route"].startswith(described["gateway"]["url"] + "/")
    assert described["curity"]["admin"]["url"].endswith("/admin/api/restconf")
    assert described["curity"]["discovery"] == described["curity"]["issuer"] + "/.well-known/openid-configuration"


def test_what_the_line_says_is_true(described):
    curity, konnect, portal = described["curity"], described["konnect"], described["portal"]
    metadata = get(curity["discovery"]).json()
    assert metadata["issuer"] == curity["issuer"]
    pair = (curity["registrar_id"], curity["registrar_secret"])
    form = {"grant_type": "client_credentials", "scope": "dcr"}
    token = httpx.post(metadata["token_endpoint"], data=form, auth=pair, trust_env=False)
    assert token.json()["scope"] == "dcr"
    introspector = (curity["introspector"]["id"], curity["introspector"]["secret"])
    shown = httpx.post(
        metadata["introspection_endpoint"],
        data={"token": token.json()["access_token"]},
        auth=introspector,
        trust_env=False,
    )
    assert shown.json()["active"] is True
    admin = curity["admin"]
    configuration = get(admin["url"] + "/data", auth=(admin["username"], admin["password"]))
    assert configuration.status_code == 200
    held = {"authorization": f"Bearer {konnect['token']}"}
    assert get(f"{konnect['url']}/v3/apis/{portal['api_id']}", headers=held).status_code == 200
    strategy = f"{konnect['url']}/v2/application-auth-strategies/{portal['strategy_id']}"
    assert get(strategy, headers=held).status_code == 200
    assert get(described["gateway"]["route"]).status_code == 401


def test_it_starts_with_every_step_done_and_no_application(described):
    steps = get(described["control"] + "/steps").json()
    assert {step["undone"] for step in steps.values()} == {None}
    assert in_konnect(described) == AT_THE_START


def test_the_upstream_shows_what_reached_it(described):
    url = described["upstream"]["url"] + "/a/path?and=query"
    shown = httpx.post(url, content="the body", headers={"X-One": "1"}, trust_env=False).json()
    assert {"method", "path", "headers", "body"} <= set(shown)
    assert (shown["method"], shown["path"], shown["body"]) == ("POST", "/a/path", "the body")
    assert shown["headers"]["x-one"] == "1"


# The profile


def test_the_profile_lies_in_a_folder_of_its_owner_with_its_secrets_beside_it(described):
    profile = Path(described["profile"])
    assert stat.S_IMODE(profile.parent.stat().st_mode) == 0o700
    files = list(profile.parent.iterdir())
    assert len(files) > 1
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    text = profile.read_text("utf-8")
    secrets = [file.read_text("utf-8").strip() for file in files if file != profile]
    assert described["konnect"]["token"] in secrets
    assert not [secret for secret in secrets if secret in text]


def test_the_profile_names_every_party_as_a_mock_with_all_access(described):
    profile = read(Path(described["profile"]), {})
    assert profile.live == []
    assert profile.run.mode is Mode.PROVISION
    assert profile.run.hostile
    for name in ("curity", "konnect", "portal", "gateway"):
        party = profile.party(name)
        assert party is not None
        assert party.mocked is not None
        assert party.mocked.control == described["control"]
    assert profile.curity is not None
    assert profile.curity.admin is not None


# Options


@contextmanager
def free_ports(number):
    """The first of so many unused ports in a row."""
    for first in range(20_000 + os.getpid() % 500 * 16, 60_000, 16):
        bound = []
        try:
            bound.extend(socket.create_server(("127.0.0.1", port)) for port in range(first, first + number))
        except OSError:
            continue
        finally:
            for one in bound:
                one.close()
        yield first
        return


def without_addresses(described):
    """Ids and secrets: what a seed decides."""
    curity, portal = described["curity"], described["portal"]
    return (
        curity["registrar_id"],
        curity["registrar_secret"],
        curity["introspector"],
        curity["admin"]["password"],
        described["konnect"]["token"],
        *(portal[key] for key in ("email", "password", "api_id", "strategy_id")),
    )


def test_ports_are_numbered_upwards_in_the_order_of_the_parties_and_a_seed_repeats_ids_and_secrets(described):
    with free_ports(8) as first, serve("--port", str(first), "--seed=7") as process:
        again = process.described
    addresses = {party: again[party]["url"] for party in IN_ORDER if again[party] and "url" in again[party]}
    addresses["curity"] = again["curity"]["issuer"]
    ports = {party: urlsplit(address).port - first for party, address in addresses.items()}
    assert ports == {"curity": 0, "konnect": 1, "portal": 2, "classic_portal": 3, "gateway": 4, "upstream": 5}
    assert urlsplit(again["control"]).port == first + 7  # the last one: before it the gateway's other node
    assert without_addresses(again) == without_addresses(described)


def test_a_port_that_is_taken_is_said(refused):
    with free_ports(8) as first, socket.create_server(("127.0.0.1", first + 1)):
        assert f"port {first + 1}: Address already in use" in refused("serve", "--port", str(first))


@pytest.mark.parametrize("port", ["0", "-1", "65535", "http"])
def test_a_port_that_is_none_is_bad_usage(refused, port):
    assert "--port" in refused("serve", f"--port={port}")


def test_the_pages_are_at_the_port_after_those_of_the_mocks_and_a_person_is_told():
    with free_ports(9) as first, serve("--ui", "--port", str(first)) as process:
        url = process.described["ui"]["url"]
        assert url == f"http://127.0.0.1:{first + 8}/"
        assert "Validate the how-to by hand" in get(url).text
        process.stop()
    assert (process.code, process.rest) == (GREEN, f"dcrproof serve: open {url} in a browser\n")


def test_the_port_of_the_pages_may_be_taken_or_none(refused):
    with free_ports(9) as first, socket.create_server(("127.0.0.1", first + 8)):
        assert f"port {first + 8}: Address already in use" in refused("serve", "--ui", "--port", str(first))
    assert "port 65536: ports end at 65535" in refused("serve", "--ui", "--port=65528")


def test_steps_are_left_undone_from_the_start(described):
    undone = ("--undo", "konnect.implementation.linked", "--undo", "curity.token-issuer.jwt=wrapped")
    with serve(*undone) as process:
        steps = get(process.described["control"] + "/steps").json()
        found = {step: state["undone"] for step, state in steps.items() if state["undone"]}
        assert found == {"konnect.implementation.linked": "left-undone", "curity.token-issuer.jwt": "wrapped"}
        assert get(process.described["gateway"]["route"]).status_code == 200
        # without a seed there are other secrets each time
        assert process.described["konnect"]["token"] != described["konnect"]["token"]


@pytest.mark.parametrize("step", ["curity.no-such.step", "curity.token-issuer.jwt=sideways"])
def test_a_step_or_a_variant_that_there_is_not_is_bad_usage(refused, step):
    assert f"--undo {step}: no s" in refused("serve", "--undo", step)


def test_an_empty_konnect_has_a_profile_for_what_is_going_to_be_made_there(described):
    with serve("--empty", "--seed", "7") as process:
        line = process.described
        assert line.keys() == described.keys()
        assert (line["portal"]["api_id"], line["portal"]["strategy_id"]) == (None, None)
        profile = read(Path(line["profile"]), {})
        assert profile.run.mode is Mode.CREATE
        assert profile.konnect.service is None
        assert profile.konnect.api == "accounts"
        bearer = {"authorization": f"Bearer {line['konnect']['token']}"}
        for path in ("/v2/control-planes", *(path for path in AT_THE_START if path.startswith("/"))):
            assert get(line["konnect"]["url"] + path, headers=bearer).json()["data"] == []


def test_no_step_is_left_undone_in_an_empty_konnect(refused):
    assert "began with an empty Konnect" in refused("serve", "--empty", "--undo", "konnect.strategy.claim")


# Stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_it_stops_when_told_and_leaves_nothing_behind(number):
    with serve() as process:
        folder = Path(process.described["profile"]).parent
        assert folder.is_dir()
        process.stop(number)
    assert process.code == GREEN
    assert process.rest == ""
    assert not folder.exists()
    with pytest.raises(httpx.ConnectError):
        get(process.described["control"] + "/clock")


@full
def test_where_a_profile_names_nothing_in_konnect_the_run_does_the_how_to_itself(run_checks):
    with serve() as process:
        written = Path(process.described["profile"])
        named = ("portal =", "api =", "strategy =", "provider =")
        lines = [line for line in written.read_text().splitlines() if not line.startswith(named)]
        profile = written.with_name("from-nothing.toml")
        profile.write_text("\n".join(lines).replace('path = "/accounts"', 'path = "/orders"') + "\n")
        ran = run_checks(profile=profile)
    assert ran.code == GREEN, ran.output
    assert {
        ran.verdicts[check] for check in ("provision.publication", "developer.signs-in", "life.deleted.client")
    } == {"passed"}


# TLS


@full
def test_tls_is_verified_with_the_authority_that_the_line_names(run_checks):
    with serve("--tls") as process:
        described = process.described
        trust = ssl.create_default_context(cafile=described["ca"])
        assert get(described["curity"]["discovery"], verify=trust).json()["issuer"] == described["curity"]["issuer"]
        for address in (described["konnect"]["url"], described["gateway"]["route"], described["control"]):
            assert address.startswith("https://")
            assert get(address, verify=trust).status_code in {401, 404}
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                get(address)
        ran = run_checks(profile=Path(described["profile"]))
    assert ran.code == GREEN, ran.output
    assert ran.verdicts["route.basic.accepted"] == "passed"


# Another authorization server


@pytest.fixture
def other(tmp_path, described):
    """The options that name mock Curity of another instance as the authorization server."""
    curity = described["curity"]
    (tmp_path / "secret").write_text(curity["registrar_secret"] + "\n")
    return {
        "--issuer": curity["issuer"],
        "--registrar-id": curity["registrar_id"],
        "--registrar-secret-file": str(tmp_path / "secret"),
    }


def options(chosen):
    return [part for option in chosen.items() for part in option]


def test_the_mocks_stand_in_front_of_another_authorization_server(other, described, run_checks):
    other["--issuer"] = described["curity"]["discovery"]  # as good as the issuer itself
    with serve(*options(other)) as process:
        assert process.described["curity"]["issuer"] == described["curity"]["issuer"]
        assert process.described["curity"]["registrar_secret"] == described["curity"]["registrar_secret"]
        profile = read(Path(process.described["profile"]), {})
        assert profile.live == ["curity"]
        ran = run_checks("--dcr-check", "route.basic.accepted", profile=Path(process.described["profile"]))
    assert ran.code == GREEN, ran.output
    assert ran.verdicts["route.basic.accepted"] == "passed"
    assert ran.report["target"] == {"curity": "live", "konnect": "mocked", "portal": "mocked", "gateway": "mocked"}


@pytest.mark.parametrize("missing", ["--issuer", "--registrar-id", "--registrar-secret-file"])
def test_the_options_of_another_authorization_server_belong_together(refused, other, missing):
    del other[missing]
    assert "belong together" in refused("serve", *options(other))


def test_the_secret_of_another_authorization_server_must_be_readable(refused, other, tmp_path):
    other["--registrar-secret-file"] = str(tmp_path / "none")
    assert "none: No such file or directory" in refused("serve", *options(other))
    (tmp_path / "secret").write_text("\n")
    other["--registrar-secret-file"] = str(tmp_path / "secret")
    assert "secret: empty" in refused("serve", *options(other))


@pytest.mark.parametrize(
    "wrong", ["http://[::1", "https://h:99999", "idsvr.example.com", "https://h/?x=1", "http://h.example.com"]
)
def test_the_address_of_another_authorization_server_is_one(refused, other, wrong):
    message = refused("serve", *options({**other, "--issuer": wrong}))
    assert "serve: --issuer: " in message
    assert "Traceback" not in message


def test_no_step_of_curity_is_left_undone_at_another_authorization_server(refused, other):
    message = refused("serve", *options(other), "--undo", "curity.token-issuer.jwt")
    assert "there is no mock Curity" in message


# The checks against it


@full
def test_the_verdicts_with_its_profile_are_those_of_a_plain_run_and_without_mocked_those_of_live_parties(
    described, run_checks, plain
):
    assert plain.code == GREEN, plain.output
    ran = run_checks("--tb=native", profile=Path(described["profile"]))
    assert ran.code == GREEN, ran.output
    assert list(ran.verdicts.items()) == list(plain.verdicts.items())
    assert ran.report["target"] == plain.report["target"]
    assert set(ran.verdicts.values()) <= {"passed", "not seen", "not applicable"}

    assert in_konnect(described) == AT_THE_START  # the run has deleted what it made

    # struck out by hand, as the profile's own first lines say
    profile = Path(described["profile"])
    struck = profile.with_name("struck.toml")
    struck.write_text("".join(line for line in profile.read_text().splitlines(True) if not line.startswith("mocked")))
    live = run_checks("--tb=native", profile=struck)
    assert live.code == GREEN, live.output
    assert set(live.report["target"].values()) == {"live"}
    assert list(live.verdicts) == list(plain.verdicts)
    only_at_a_mock = {one.needs[1] for one in FIXTURES.values() if one.needs and one.needs[0] == "capability"} - {
        "echo at the upstream"
    }
    wants_a_mock = {entry.check.id for entry in entries() if only_at_a_mock & {*entry.data()["needs"]["capabilities"]}}
    for check, verdict in plain.verdicts.items():
        unseen = check in wants_a_mock and verdict != "not applicable"
        allowed = {"not seen"} if unseen else {verdict, "observed"} if verdict == "passed" else {verdict}
        assert live.verdicts[check] in allowed, check
    assert wants_a_mock
    observed = live.with_verdict("observed")
    assert observed
    assert all(check["observations"] for check in observed.values())


# On other addresses


def test_it_listens_where_it_is_told_and_says_so_loudly(refused):
    with serve("--host=0.0.0.0", "--public-host=mocks.example", "--tls") as process:
        described = process.described
        for url in (described["curity"]["issuer"], described["konnect"]["url"], described["control"]):
            assert urlsplit(url).hostname == "mocks.example"
        port = urlsplit(described["control"]).port
        trust = ssl.create_default_context(cafile=described["ca"])
        with httpx.Client(verify=trust) as client:

            def asked(host, **headers):
                url = f"https://127.0.0.1:{port}/clock"
                extensions = {"sni_hostname": "mocks.example"}
                return client.get(url, headers={"host": host, **headers}, extensions=extensions).status_code

            assert asked(f"mocks.example:{port}") == asked(f"localhost:{port}") == asked("MOCKS.example") == 200
            assert asked("evil.example") == asked(f"x.mocks.example:{port}") == 403
            assert asked(f"mocks.example:{port}", origin="https://evil.example") == 403
        profile = read(Path(described["profile"]))
        assert set(profile.live) >= {"curity", "konnect", "portal", "gateway"}
    assert "CAUTION: the mocks listen on 0.0.0.0" in process.rest
    assert "name the one for callers with --public-host" in refused("serve", "--host=0.0.0.0")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--host=mocks.example",),
            "expected an address of this machine, such as 0.0.0.0 for all, found 'mocks.example'",
        ),
        (("--host=192.0.2.1",), "--host and --port: 192.0.2.1, port 0: Cannot assign requested address"),
        (("--public-host=mocks:80",), "expected a host name or an address without a port, found 'mocks:80'"),
        (("--public-host=-x",), "expected a host name or an address without a port"),
        (("--public-host=http://mocks",), "expected a host name or an address without a port"),
        (("--public-host=",), "--public-host: expected a value, found an empty text"),
        (
            ("--ui", "--public-host=mocks.example"),
            "--ui is for a browser on this machine, and mocks.example is not its name",
        ),
    ],
)
def test_an_address_that_is_none_is_refused(refused, arguments, said):
    assert said in refused("serve", *arguments)


@pytest.mark.parametrize(
    "place",
    [Place("::1", "::1"), Place("127.0.0.1", "no-such-name"), Place("0.0.0.0", "10.0.0.1")],  # noqa: S104 - it is tested
    ids=str,
)
def test_the_mocks_find_one_another_whatever_their_public_name(place):
    """Konnect registers an application's client at Curity by the public name."""
    with serving(seed=4, place=place) as served, httpx.Client(trust_env=False) as client:
        described = served.description["portal"]
        portal, control = urlsplit(described["url"]), urlsplit(served.description["control"])

        def post(path, body, **headers):
            url = f"http://{place.own}:{portal.port}/api/v3{path}"
            return client.post(url, json=body, headers={"host": portal.netloc, **headers})

        credentials = {"username": described["email"], "password": described["password"]}
        signed_in = post("/developer/authenticate", credentials).headers.get_list("set-cookie")
        cookie = "; ".join(value.partition(";")[0] for value in signed_in)
        made = post("/applications", {"name": "one", "auth_strategy_id": described["strategy_id"]}, cookie=cookie)
        assert made.status_code == 201, made.text
        asked = f"http://{place.own}:{control.port}/calls?party=curity"
        calls = client.get(asked, headers={"host": control.netloc}).json()
        assert {call["from"] for call in calls} == {"konnect"}
