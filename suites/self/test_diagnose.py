"""`dcrproof diagnose`: the diagnosis of an application whose credentials do not open the route, without a profile."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forks
import httpx
import pytest

from dcrproof.mocks.serve import serving

WRONG = "Qx7-not-the-secret-of-anybody"


@dataclass(frozen=True)
class Tenant:
    """Mocks that are treated as live, and an application in their portal."""

    served: Any
    client_id: str
    secret: str

    def options(self, **changed: str) -> list[str]:
        """The options of the command that name the tenant; one that is empty is left out."""
        described = self.served.description
        given = {"route": described["gateway"]["route"], "issuer": described["curity"]["issuer"]}
        given |= {"client-id": self.client_id, "secret-env": "SECRET_OF_THE_APPLICATION"}
        given |= {name.replace("_", "-"): value for name, value in changed.items()}
        return [word for name, value in given.items() if value for word in (f"--{name}", value)]


@pytest.fixture(scope="module")
def tenants() -> Iterator[Callable[[str], Tenant]]:
    """Gives the tenant with that setup step left undone."""
    started: dict[str, Tenant] = {}
    servers = []

    def tenant(undone: str = "") -> Tenant:
        if undone not in started:
            server = serving(seed=31, undone={undone: None} if undone else {})
            started[undone] = with_application(server.__enter__())
            servers.append(server)
        return started[undone]

    yield tenant
    for server in servers:
        server.__exit__(None, None, None)


def with_application(served: Any) -> Tenant:
    portal = served.description["portal"]
    with httpx.Client(base_url=f"{portal['url']}/api/v3", trust_env=False, timeout=10) as client:
        account = {"username": portal["email"], "password": portal["password"]}
        cookie = client.post("/developer/authenticate", json=account).headers["set-cookie"].partition(";")[0]
        client.cookies.clear()
        client.headers["cookie"] = cookie
        body = {"name": "orders", "auth_strategy_id": portal["strategy_id"]}
        made = client.post("/applications", json=body).json()
        client.post(f"/applications/{made['id']}/registrations", json={"api_id": portal["api_id"]}).raise_for_status()
    return Tenant(served, made["client_id"], made["client_secret"])


@dataclass(frozen=True)
class Ran:
    code: int
    printed: str
    folder: Path

    @property
    def written(self) -> str:
        return "".join(path.read_text("utf-8", "replace") for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def diagnosed(tmp_path: Path) -> Callable[..., Ran]:
    def run(options: list[str], secret: str = "") -> Ran:
        running = forks.start("diagnose", *options, cwd=tmp_path, program="dcrproof", SECRET_OF_THE_APPLICATION=secret)
        printed, _ = running.communicate()
        return Ran(running.returncode, printed, tmp_path)

    return run


def test_right_credentials_end_with_what_was_proved(tenants, diagnosed) -> None:
    tenant = tenants()
    ran = diagnosed(tenant.options(), tenant.secret)
    assert ran.code == 0, ran.printed
    assert "The application's id and secret are accepted on every node" in ran.printed
    assert re.search(r"^verdict    green - \d+ passed", ran.printed, re.MULTILINE)
    assert len(ran.printed.splitlines()) < 30


@pytest.mark.parametrize(
    ("undone", "said"),
    [
        ("curity.token-issuer.jwt", "FAILED token.is-jwt: The access token is a signed JWT   owner: Curity admins"),
        ("konnect.strategy.claim", "konnect.strategy.claim (Konnect admins)"),
    ],
)
def test_a_step_that_was_left_undone_is_named(tenants, diagnosed, undone: str, said: str) -> None:
    tenant = tenants(undone)
    ran = diagnosed(tenant.options(), tenant.secret)
    assert (ran.code, said in ran.printed) == (1, True), ran.printed
    assert ran.printed.count("\nFAILED") + ran.printed.startswith("FAILED") == 1, "one diagnosis"
    assert f"  rerun          dcrproof diagnose {' '.join(tenant.options())} --dcr-check " in ran.printed


def test_what_the_person_gave_wrongly_is_named_by_its_option(tenants, diagnosed) -> None:
    ran = diagnosed(tenants().options(), WRONG)
    assert ran.code == 1
    assert "check first --client-id and the secret" in ran.printed
    assert "[application]" not in ran.printed
    nowhere = diagnosed(tenants().options(route="https://127.0.0.1:1/x"), tenants().secret)
    assert nowhere.code == 6
    assert "check first --route" in nowhere.printed


def test_the_secret_is_nowhere(tenants, diagnosed) -> None:
    tenant = tenants("konnect.strategy.claim")
    ran = diagnosed([*tenant.options(), "--dcr-report=out", "-vv"], tenant.secret)
    assert tenant.secret not in ran.printed
    assert tenant.secret not in ran.written
    assert (ran.folder / "out" / "latest" / "index.html").exists()


@pytest.mark.parametrize(
    ("changed", "more", "said"),
    [
        ({"route": "ftp://api.example.com/x"}, [], "--route: expected a URL that begins with https://"),
        ({"route": "http://api.example.com/x"}, [], "add --plain-http"),
        ({"issuer": "idsvr.example.com"}, [], "--issuer: expected a URL"),
        ({"route": "api.example.com/x"}, [], "--route: expected a URL that begins with https://"),
        ({"route": "https://[::1"}, [], "--route: expected a URL that begins with https://"),
        ({"issuer": "https://[::1"}, [], "--issuer: expected a URL that begins with https://"),
        ({"client_id": " x "}, [], "--client-id: "),
        ({"client_id": "\t"}, [], "--client-id: "),
        ({"secret_env": "NO_SUCH_NAME"}, [], "--secret-env NO_SUCH_NAME: no environment variable of that name is set"),
        ({"secret_env": WRONG}, [], "--secret-env: no environment variable of that name is set"),
        ({"secret_env": "", "secret_file": "nowhere"}, [], "--secret-file: no file of that name"),
        ({"secret_env": ""}, [], "there is no terminal to ask"),
        ({"secret_env": ""}, ["--secret", WRONG], "other people on this machine see the arguments"),
        ({"secret_env": ""}, ["--client-secret", WRONG], "other people on this machine see the arguments"),
        ({"secret_env": ""}, [f"--password={WRONG}"], "other people on this machine see the arguments"),
        ({}, [WRONG], "dcrproof diagnose takes options alone"),
        ({"ca": "nowhere.pem"}, [], "--ca: cannot read"),
        ({"proxy": "socks://x"}, [], "--proxy: expected a URL"),
        ({"method": "G T"}, [], "--method: "),
        ({"route": ""}, [], "required: --route"),
        ({}, ["--no-such-option"], "--no-such-option"),
        ({}, [f"--no-such={WRONG}"], "unknown option --no-such;"),
        ({}, ["--dcr-plan"], "--dcr-plan: nothing would be diagnosed"),
        ({}, ["--co"], "--collect-only: nothing would be diagnosed"),
        ({}, ["--fixtures"], "--fixtures: nothing would be diagnosed"),
        ({}, ["--markers"], "--markers: nothing would be diagnosed"),
        ({}, ["--setup-plan"], "--setup-plan: nothing would be diagnosed"),
        ({}, ["--dcr-profile", "other.toml"], "--dcr-profile: the options describe the parties here"),
        ({}, ["--dcr-profile=other.toml"], "--dcr-profile: the options describe the parties here"),
        ({}, ["--dcr-undo", "konnect.strategy.claim"], "--dcr-undo"),
        ({}, ["--dcr-check", "nowhere"], "no check has this id or prefix"),
        ({}, ["--dcr-baseline", "nowhere"], "--dcr-baseline: "),
    ],
)
def test_what_cannot_be_diagnosed_is_bad_usage(tenants, diagnosed, changed, more, said: str) -> None:
    ran = diagnosed([*tenants().options(**changed), *more], WRONG)
    assert (ran.code, said in ran.printed) == (4, True), ran.printed
    assert "Traceback" not in ran.printed
    assert WRONG not in ran.printed
    assert "curity." not in ran.printed


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_in_a_file_may_end_as_editors_end_a_line(tenants, diagnosed, tmp_path: Path, end: str) -> None:
    tenant = tenants()
    (tmp_path / "the secret").write_bytes(f"\ufeff{tenant.secret}{end}".encode())
    options = tenant.options(secret_env="", secret_file="the secret")
    ran = diagnosed([*options, "--dcr-check", "client.known"])
    assert (ran.code, "verdict    green" in ran.printed) == (0, True), ran.printed


def test_a_secret_that_cannot_be_masked_is_refused(tenants, diagnosed) -> None:
    ran = diagnosed(tenants().options(), "password")
    assert (ran.code, "the secret: it could not be masked" in ran.printed) == (4, True), ran.printed


def test_a_person_is_asked_for_the_secret_without_echo(tenants, tmp_path: Path) -> None:
    tenant = tenants()
    program = [str(Path(sys.executable).parent / "dcrproof"), "diagnose", *tenant.options(secret_env="")]
    ours, theirs = pty.openpty()
    options = ["--dcr-check", "client.known"]
    running = subprocess.Popen(
        [*program, *options], cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown = read_until(ours, f"Client secret of {tenant.client_id}: ")
    os.write(ours, f"{tenant.secret}\n".encode())
    shown += read_until(ours, None)
    assert running.wait(60) == 0, shown
    assert tenant.secret not in shown
    assert "verdict    green" in shown


def test_whoever_gives_no_secret_has_interrupted(tenants, tmp_path: Path) -> None:
    program = [str(Path(sys.executable).parent / "dcrproof"), "diagnose", *tenants().options(secret_env="")]
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        program, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    read_until(ours, ": ")
    os.write(ours, b"\x04")
    shown = read_until(ours, None)
    assert (running.wait(60), "Traceback" in shown) == (2, False), shown


def read_until(terminal: int, text: str | None) -> str:
    """What a terminal shows up to that text, or to its end."""
    shown = ""
    while text is None or text not in shown:
        try:
            more = os.read(terminal, 4096)
        except OSError:  # Linux says so that the other side has ended
            break
        if not more:
            break
        shown += more.decode("utf-8", "replace")
    return shown
