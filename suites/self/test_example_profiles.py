"""The example profiles: each loads as it is, and each run is green in front of `dcrproof serve`, as in front of live parties."""

import re
from collections.abc import Iterator
from pathlib import Path

import on_call
import pytest
from tiers import sample

from dcrproof.__main__ import main
from dcrproof.core.http.loopback import is_loopback
from dcrproof.mocks.konnect.roles import EVERY_ROLE, Token

ROOT = Path(__file__).parents[2]
PROFILES = sorted((ROOT / "examples" / "profiles").glob("*.toml"))
ACCESS_PAGE = ROOT / "docs" / "access.md"
WHOLE = {"inspect", "existing", "existing-konnect", "gateway-jwt"}
"""Modes that create nothing run all their checks here; of the others the smoke run must do."""
ACCESS = re.compile(r"with (\[(?:curity|konnect|portal|\[gateway)\b.*|a gateway that .*)")
REGISTRAR, ADMIN = "[curity.registrar] id and secret", "[curity.admin] url, username and password"
ECHO = "[[gateway.route]] echo = true, at an upstream that shows what reached it"
NOT_SEEN = {
    "inspect": {REGISTRAR, ECHO},
    "existing": {REGISTRAR, ADMIN, ECHO, "[konnect] url and token", "[portal] url"},
    "existing-konnect": {REGISTRAR, ECHO},
    "gateway-jwt": {REGISTRAR, ADMIN, ECHO, "[konnect] url and token", "[portal] url"},
    "gateway-by-hand": {"a gateway that takes its applications from this Konnect"},
}
"""Access that is said to be lacking, beside what only another mode or a mock shows."""


@pytest.fixture(scope="module")
def scene() -> Iterator[on_call.Scene]:
    with on_call.scene() as here:
        yield here


def filled(text: str, scene: on_call.Scene) -> str:
    """The profile with the addresses and ids of the served mocks."""
    described = scene.described
    portal = described["classic_portal" if 'generation = "classic"' in text else "portal"]
    real = {
        "https://idsvr.example.com/oauth/v2/oauth-anonymous": scene.issuer,
        "https://login.example.com": scene.issuer,
        "https://idsvr-admin.example.com:6749/admin/api/restconf": described["curity"]["admin"]["url"],
        'username = "dcrproof"': f'username = "{described["curity"]["admin"]["username"]}"',
        "https://eu.api.konghq.com": described["konnect"]["url"],
        "https://developers.example.com": portal["url"],
        "dcrproof@example.com": portal["email"],
        "https://api.example.com": described["gateway"]["url"],
        'id = "dcr-client"': f'id = "{described["curity"]["registrar_id"]}"',
        "0a6cfb8e-5d5e-4d0c-a6a4-0d6b0a9c1f11": scene.application["client_id"],
        "[run]\n": '[run]\ndeadlines = { propagation = "1s", patience = "2s" }\n',
    }
    for example, value in real.items():
        text = text.replace(example, value)
    assert all(is_loopback(host) for host in re.findall(r'"https?://([^/:"]+)', text)), text
    return text


def secrets(scene: on_call.Scene, portal: str = "portal") -> dict[str, str]:
    """The environment variables that the profiles name."""
    described = scene.described
    return {
        "CURITY_ADMIN_PASSWORD": described["curity"]["admin"]["password"],
        "KONNECT_TOKEN": described["konnect"]["token"],
        "REGISTRAR_SECRET": described["curity"]["registrar_secret"],
        "DEVELOPER_PASSWORD": described[portal]["password"],
        "APPLICATION_SECRET": scene.application["client_secret"],
    }


def roles(mode: str) -> frozenset[tuple[str, str]]:
    """The roles that a token needs in that mode, as docs/access.md says, by kind of thing and name."""
    column = ["inspect", "create", "provision"].index(mode.replace("existing", "inspect"))
    rows = re.findall(
        r"^\| ([\w ]+): ([\w ]+) \| (.?) ?\| (.?) ?\| (.?) ?\|", ACCESS_PAGE.read_text("utf-8"), re.MULTILINE
    )
    return frozenset((kind, role) for kind, role, *marks in rows if marks[column] == "*")


def test_the_page_on_access_has_each_role_that_a_token_can_have_but_those_that_no_run_needs():
    assert roles("provision") == EVERY_ROLE - {("Control Planes", "Creator"), ("Control Planes", "Maintainer")}
    assert roles("inspect") < roles("create") < roles("provision")
    assert {role for _, role in roles("inspect")} == {"Viewer"}


def test_the_page_on_access_names_every_example_profile_with_its_mode():
    rows = re.findall(r"\(\.\./examples/profiles/([\w-]+)\.toml\) \| `(\w+)`", ACCESS_PAGE.read_text("utf-8"))
    modes = {path.stem: re.findall('(?m)^mode = "(.*)"', path.read_text("utf-8")) for path in PROFILES}
    assert {name: [mode] for name, mode in rows} == modes


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_an_example_profile_has_no_problems(path, monkeypatch, capsys):
    for name in re.findall(r'env = "(\w+)"', path.read_text("utf-8")):
        monkeypatch.setenv(name, "a-secret-of-an-example")
    assert main(["profile", "check", str(path)]) == 0
    assert "no problems" in capsys.readouterr().out


@pytest.mark.parametrize("path", sample(PROFILES, of=2, id=lambda path: path.stem))
def test_a_run_with_an_example_profile_is_green_with_the_roles_that_its_mode_needs(path, scene, tmp_path, run_checks):
    mode = re.findall('(?m)^mode = "(.*)"', path.read_text("utf-8"))[0]
    scene.served.worlds.current.konnect.tokens[:] = [Token(scene.described["konnect"]["token"], roles(mode))]
    profile = tmp_path / path.name
    profile.write_text(filled(path.read_text("utf-8"), scene), "utf-8")
    variables = secrets(scene, "classic_portal" if path.stem == "classic" else "portal")
    ran = run_checks(*([] if path.stem in WHOLE else ["-m", "smoke"]), profile=profile, **variables)
    assert ran.code == 0, ran.output
    unseen = {check["expected"] for check in ran.with_verdict("not seen").values()}
    lacking = {found[1] for reason in unseen if (found := ACCESS.fullmatch(reason))}
    assert lacking == NOT_SEEN.get(path.stem, set()), ran.output
