"""Kong's own clients at the mocks, and the examples that set Konnect up: afterwards a run in mode create is green.

sdk-konnect-go: Kong's Go SDK, whose typed models reject an answer of another type. sdk-portal-js: Kong's client of the
Portal API v2. kongctl: the program itself where it is on PATH, else the replay of its requests (kongctl.py).
"""

import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import kongctl
import pytest
import terraform
from documents import Documents, Operation
from tiers import full, needed, needs

from dcrproof.__main__ import main
from dcrproof.mocks.messages import Response
from dcrproof.mocks.profile import write_profile
from dcrproof.mocks.serve import Served, private_folder, serving

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"
PORTAL_CLIENT = HERE / "sdk-portal-js"
PORTAL_DOCUMENT = PORTAL_CLIENT / "node_modules" / "@kong" / "sdk-portal-js" / "openapi.yaml"
GREEN = 0

installed = needs(
    shutil.which("node") is not None and PORTAL_DOCUMENT.is_file(),
    "Node.js 20.19 or newer, and `npm ci --prefix suites/self/sdk-portal-js`",
)


@dataclass
class Empty:
    """Served mocks with an empty Konnect, asked as an admin asks, and as the developer of the profile."""

    served: Served
    profile: Path

    @property
    def described(self) -> dict[str, Any]:
        return dict(self.served.description)

    def ask(self, method: str, path: str, body: Any) -> Any:
        konnect = self.described["konnect"]
        headers = {"authorization": f"Bearer {konnect['token']}"}
        answer = httpx.request(method, konnect["url"] + path, json=body, headers=headers, trust_env=False, timeout=10)
        if answer.status_code == 404:
            raise kongctl.Missing(path)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def sign_up(self) -> None:
        """The developer whom the profile names signs up, and follows the link of the mail."""
        portal = self.described["portal"]
        with httpx.Client(base_url=portal["url"], trust_env=False, timeout=10) as client:
            body = {"email": portal["email"], "full_name": "A Developer"}
            assert client.post("/api/v3/developer", json=body).status_code == 201
            mails = httpx.get(self.described["control"] + "/mail", trust_env=False).json()
            token = re.findall(r"token=(\S+)", mails[-1]["text"])[0]
            verified = client.post("/api/v3/developer/verify-email", json={"token": token}).json()
            chosen = {"token": verified["token"], "password": portal["password"]}
            assert client.post("/api/v3/developer/reset-password", json=chosen).status_code == 204


@pytest.fixture
def empty() -> Iterator[Empty]:
    with private_folder() as folder, serving(seed=secrets.randbits(32), empty=True) as served:
        yield Empty(served, write_profile(folder, served))


# Kong's clients


@needed("go", "Go 1.24 or newer")
def test_kongs_go_sdk_understands_every_answer(empty: Empty, tmp_path: Path) -> None:
    program, upstream = tmp_path / "sdk", urlsplit(empty.described["upstream"]["url"])
    build = ["go", "build", "-mod=readonly", "-o", str(program), "."]
    subprocess.run(build, cwd=HERE / "sdk-konnect-go", check=True, timeout=600)
    done = subprocess.run(
        [program, empty.described["konnect"]["url"], str(upstream.hostname), str(upstream.port)],
        env={**os.environ, "KONNECT_TOKEN": empty.described["konnect"]["token"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    operations = done.stdout.split("\n")
    assert {"CreateControlPlane", "UpsertService", "CreateRoute", "GetNodesNodeID"} <= set(operations)
    # what the program leaves is what the how-to takes for granted: a route that the data planes serve
    assert httpx.get(empty.described["gateway"]["route"], trust_env=False).status_code == 200


@installed
def test_kongs_portal_client_makes_registers_and_deletes_an_application() -> None:
    with serving(seed=secrets.randbits(32)) as served:
        portal, control = served.description["classic_portal"]["url"], served.description["control"]
        done = subprocess.run(
            ["node", PORTAL_CLIENT / "client.mjs", portal, control + "/mail"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    exchanges = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["status"] for one in exchanges} == {200, 201, 202, 204}
    its_own = Documents(PORTAL_DOCUMENT.parent, closed=False)  # it is older than some members
    for one in exchanges:
        asked = operation(its_own, one["method"], one["path"])
        headers = (("content-type", one["type"]),) if "type" in one else ()
        body = b"" if one["body"] is None else json.dumps(one["body"]).encode()
        its_own.check_answer(asked, Response(one["status"], headers, body))


def operation(held: Documents, method: str, path: str) -> Operation:
    """The one of the client's own document."""
    for template, item in held.document("openapi")["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in item:
            return Operation("openapi", method, template, item[method.lower()])
    raise AssertionError(f"{method} {path} is not in the document of the client")


# The examples


def by_kongctl(empty: Empty, monkeypatch: pytest.MonkeyPatch) -> None:
    described, folder = empty.described, EXAMPLES / "kongctl"
    for name, value in {
        "CURITY_DISCOVERY_URL": described["curity"]["discovery"],
        "CURITY_REGISTRAR_ID": described["curity"]["registrar_id"],
        "CURITY_REGISTRAR_SECRET": described["curity"]["registrar_secret"],
        "DECK_UPSTREAM_URL": described["upstream"]["url"],
    }.items():
        monkeypatch.setenv(name, value)
    tool = kongctl.tool(described["konnect"]["url"], described["konnect"]["token"], empty.ask)
    tool.apply(folder / "control-plane.yaml")
    [plane] = empty.ask("GET", "/v2/control-planes", None)["data"]
    kongctl.deck(empty.ask, plane["id"], folder / "gateway.yaml")
    tool.apply(folder / "how-to.yaml")
    assert tool.plan(folder / "how-to.yaml") == []


def by_terraform(empty: Empty, monkeypatch: pytest.MonkeyPatch) -> None:
    del monkeypatch
    described = empty.described
    upstream = urlsplit(described["upstream"]["url"])
    variables = {
        "konnect_url": described["konnect"]["url"],
        "curity_discovery_url": described["curity"]["discovery"],
        "curity_registrar_id": described["curity"]["registrar_id"],
        "curity_registrar_secret": described["curity"]["registrar_secret"],
        "upstream": {"protocol": upstream.scheme, "host": upstream.hostname, "port": upstream.port},
    }
    terraform.apply(EXAMPLES / "terraform", variables, empty.ask)


@pytest.mark.parametrize("set_up", [by_kongctl, pytest.param(by_terraform, marks=full)], ids=["kongctl", "terraform"])
def test_what_the_example_sets_up_is_green(
    empty: Empty,
    run_checks: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    set_up: Callable[[Empty, pytest.MonkeyPatch], None],
) -> None:
    set_up(empty, monkeypatch)
    empty.sign_up()
    ran = run_checks(profile=empty.profile)
    assert ran.code == GREEN, ran.output
    assert {ran.verdicts[check] for check in ("route.basic.accepted", "token.is-jwt", "claims.sub")} == {"passed"}


def test_the_guide_has_nothing_against_the_example_of_kongctl(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(EXAMPLES / "kongctl" / "how-to.yaml")]) == GREEN
    assert "green" in capsys.readouterr().out


def test_the_example_of_terraform_sets_documented_attributes_alone() -> None:
    folder = EXAMPLES / "terraform"
    resources = terraform.blocks(folder, "resource")
    assert {kind for (kind, _), _ in resources} == set(terraform.RESOURCES)
    for (kind, name), held in resources:
        known, used = terraform.RESOURCES[kind], set(terraform.attributes(held))
        assert used <= {*known.required, *known.optional}, f"{kind}.{name}"
        assert used >= set(known.required), f"{kind}.{name}"
    [((_,), provider)] = terraform.blocks(folder, "provider")
    assert set(provider) <= set(terraform.PROVIDER)
    text = (folder / "main.tf").read_text("utf-8")
    declared = {name for (name,), _ in terraform.blocks(folder, "variable")}
    assert set(re.findall(r"\bvar\.(\w+)", text)) == declared
