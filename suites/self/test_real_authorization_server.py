"""The flow in front of authorization servers that dcrproof did not write.

Konnect, portal and gateway are mocks. This compares their reading of the protocol, and that of the checks, with that of
strangers. What a run says of each is kept in `snapshots/authorization-servers/`, one line for each check that did not pass:
every failure there is a fault of that server, with the section that says so.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from snapshots import FOLDER
from tiers import full, needs

ROOT = Path(__file__).parents[2]
SERVER = Path(__file__).parent / "oidc-provider"
INSTALLED = SERVER / "node_modules" / "oidc-provider" / "package.json"
NODE = shutil.which("node")
INITIAL_TOKEN = "initial-access-token-of-the-tests"
REGISTRAR, REGISTRAR_SECRET = "konnect-registrar", "registrar-secret-of-the-tests"
KEPT = FOLDER / "authorization-servers"


def usable() -> bool:
    """Whether oidc-provider can be started here."""
    if NODE is None or not INSTALLED.is_file():
        return False
    told = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor, _ = told.strip().removeprefix("v").split(".")
    return (int(major), int(minor)) >= (20, 19)


node = needs(usable(), "Node.js 20.19 or newer, and `npm ci --prefix suites/self/oidc-provider`")


PROFILE = """\
[run]
mode = "provision"
hostile = true

[curity]
issuer = "{issuer}"
kind = "openid"

[curity.registrar]
{registrar}

[konnect]
mocked = true

[portal]
mocked = true

[gateway]
mocked = true
"""
WITH_TOKEN = 'initial_access_token = { env = "INITIAL_ACCESS_TOKEN" }'
WITH_PAIR = f'id = "{REGISTRAR}"\nsecret = {{ env = "REGISTRAR_SECRET" }}'
OPEN = "open = true"


@dataclass(frozen=True)
class Stranger:
    """An authorization server in one configuration: how it is started, how clients are registered there, and by the ids of
    checks what it does wrong, each with the section that says so.
    """

    server: str
    options: tuple[str, ...]
    registrar: str
    faults: Mapping[str, str] = field(default_factory=dict)

    @property
    def needed(self) -> pytest.MarkDecorator:
        package = {"django-oauth-toolkit": "oauth2_provider"}.get(self.server, self.server)
        pip = "pip install -e '.[servers]'"
        return node if self.server == "oidc-provider" else needs(find_spec(package) is not None, f"{package}: {pip}")

    @property
    def version(self) -> str:
        """As it is installed here."""
        if self.server == "oidc-provider":
            return json.loads(INSTALLED.read_text("utf-8"))["version"]
        return version(self.server)

    @property
    def command(self) -> list[str]:
        if self.server == "oidc-provider":
            return [str(NODE), str(SERVER / "server.mjs"), *self.options]
        return [sys.executable, str(SERVER.with_name("authorization_servers.py")), self.server, *self.options]


def oidc_provider(registrar: str, *options: str) -> Stranger:
    registration = {WITH_PAIR: "client", WITH_TOKEN: "token", OPEN: "open"}[registrar]
    return Stranger("oidc-provider", ("--registration", registration, *options), registrar)


NO_GRANT_TYPE = "RFC 6749 5.2: a missing parameter is 400 invalid_request"
TWICE = "RFC 6749 3.2: no parameter is in a request twice; 5.2: what repeats one is 400 invalid_request"
STRANGERS = {
    "oidc-provider-registrar": oidc_provider(WITH_PAIR),
    "oidc-provider-token-rotated": oidc_provider(WITH_TOKEN, "--rotate"),
    "oidc-provider-token-ES256": oidc_provider(WITH_TOKEN, "--algorithm", "ES256"),
    "oidc-provider-open": oidc_provider(OPEN),
    "django-oauth-toolkit": Stranger(
        "django-oauth-toolkit",
        (),
        OPEN,
        {
            "discovery.registration-endpoint": "Discovery 1.0 3: RECOMMENDED there; it stands in its metadata of RFC 8414 alone",
        },
    ),
    "django-oauth-toolkit-ready": Stranger(
        "django-oauth-toolkit",
        ("--ready",),
        OPEN,
        {
            "grant.unknown-client": "RFC 6749 5.2: the challenge matches the scheme that the client used, Basic",
            "grant.no-grant-type": NO_GRANT_TYPE,
            "managed.update-names-client": "RFC 7592 2.2: client_id is the client's own, or the update is not one of it",
            "grant.empty-parameter": "RFC 6749 3.2: a parameter without a value is as if it were not there",
            "grant.repeated-parameter": TWICE,
            "registered.secret-expiry": "RFC 7591 3.2.1: client_secret_expires_at is REQUIRED beside a secret",
        },
    ),
    "canaille": Stranger(
        "canaille",
        (),
        OPEN,
        {
            "token.is-jwt": "RFC 9068 is not done for this grant; RFC 6749 1.4 allows that, and a gateway cannot verify it",
            "grant.no-grant-type": NO_GRANT_TYPE,
            "registered.broken-body": "RFC 7591 3.2.2: what is no client metadata is 400 invalid_client_metadata",
            "grant.repeated-parameter": TWICE,
            "grant.challenge": "RFC 7617 2: a challenge of Basic has a realm",
            "managed.update-removes": "RFC 7592 2.2: an update replaces the metadata, and does not add to them",
        },
    ),
}
ALWAYS = "oidc-provider-registrar"


def environment() -> dict[str, str]:
    """This process's environment without the variables of pytest and its workers; other plugins only cost time."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return kept | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "INITIAL_ACCESS_TOKEN": INITIAL_TOKEN,
        "REGISTRAR_ID": REGISTRAR,
        "REGISTRAR_SECRET": REGISTRAR_SECRET,
    }


@contextmanager
def started(command: list[str], log: Path):
    """Yields the first line of a process, which says that it is ready; it must stop cleanly on SIGTERM."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=environment(), cwd=ROOT, text=True
        )
    rest: list[str] = []
    try:
        line = process.stdout.readline().strip()
        assert line, f"{command} did not start: {log.read_text()}"
        yield line, rest
    finally:
        process.terminate()
        rest.extend(process.communicate(timeout=10)[0].splitlines())
    assert process.returncode == 0, log.read_text()


@contextmanager
def authorization_server(tmp_path: Path, stranger: Stranger):
    """Yields the issuer of a new server, and asserts that no registered client is left at the end."""
    with started(stranger.command, tmp_path / "server.log") as (issuer, rest):
        yield issuer
    assert rest == ["clients left: 0"]


def checks(tmp_path: Path, profile: Path, *options: str, **variables: str):
    """Runs the checks as a user does. Returns the exit code, the parsed run.json, and all text printed and written."""
    reports = tmp_path / "reports"
    command = [sys.executable, "-m", "pytest", "-p", "dcrproof", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, f"--dcr-profile={profile}", f"--dcr-report={reports}", *options],
        capture_output=True,
        cwd=ROOT,
        env=environment() | variables,
        text=True,
        timeout=120,
        check=False,
    )
    printed = run.stdout + run.stderr
    written = [path.read_text() for path in reports.rglob("*") if path.is_file()]
    report = reports / "latest" / "run.json"
    assert report.is_file(), printed
    return run.returncode, json.loads(report.read_text()), "\n".join([printed, *written])


def written_profile(tmp_path: Path, issuer: str, registrar: str) -> Path:
    profile = tmp_path / "profile.toml"
    profile.write_text(PROFILE.format(issuer=issuer, registrar=registrar))
    return profile


def of_verdict(report, verdict: str) -> set[str]:
    return {check["id"] for check in report["checks"] if check["verdict"] == verdict}


def snapshot(stranger: Stranger, report) -> str:
    """The server, and what did not pass: by whom it is blocked, or against what it is."""

    def line(check) -> str:
        why = check["blocked_by"] or stranger.faults.get(check["id"])
        return f"{check['id']}: {check['verdict']}{f', {why}' if why else ''}"

    lines = [line(check) for check in report["checks"] if check["verdict"] != "passed"]
    return "\n".join([f"{stranger.server} {stranger.version}", *lines]) + "\n"


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[one.needed, *([] if name == ALWAYS else [full])]) for name, one in STRANGERS.items()],
)
def test_what_is_red_in_front_of_another_authorization_server_is_its_fault(tmp_path, name):
    stranger, kept = STRANGERS[name], KEPT / f"{name}.txt"
    with authorization_server(tmp_path, stranger) as issuer:
        code, report, text = checks(tmp_path, written_profile(tmp_path, issuer, stranger.registrar))
    assert of_verdict(report, "failed") == set(stranger.faults), text
    assert code == report["exit"] == (1 if stranger.faults else 0), text
    assert report["target"] == {"curity": "live", "konnect": "mocked", "portal": "mocked", "gateway": "mocked"}
    assert not any(step.startswith("curity.") for check in report["checks"] for step in check["steps"])
    assert INITIAL_TOKEN not in text
    assert REGISTRAR_SECRET not in text
    found = snapshot(stranger, report)
    if os.environ.get("DCRPROOF_REWRITE"):
        kept.write_text(found, "utf-8")
    assert found == kept.read_text("utf-8")


def test_each_fault_of_another_server_names_a_section():
    """A reason stands with each failure in the snapshots, and none is left of one that is gone."""
    kept = {path.stem for path in KEPT.iterdir()}
    assert kept == set(STRANGERS)
    for name, stranger in STRANGERS.items():
        lines = (KEPT / f"{name}.txt").read_text("utf-8").splitlines()
        failed = [line for line in lines if ": failed" in line]
        assert set(failed) == {f"{id}: failed, {why}" for id, why in stranger.faults.items()}
        assert all(re.search(r"(RFC \d{4}|Discovery 1\.0) \d", line) for line in failed)
        assert not [line for line in lines if re.search(r": (unreachable|error)\b", line)]


@node
@full
def test_served_mocks_work_in_front_of_another_authorization_server(tmp_path):
    secret = tmp_path / "registrar-secret"
    secret.write_text(REGISTRAR_SECRET + "\n")
    stranger = STRANGERS[ALWAYS]
    with authorization_server(tmp_path, stranger) as issuer:
        command = [sys.executable, "-m", "dcrproof", "serve", "--issuer", issuer, "--registrar-id", REGISTRAR]
        command += ["--registrar-secret-file", str(secret)]
        with started(command, tmp_path / "serve.log") as (line, _):
            served = json.loads(line)
            assert served["curity"]["issuer"] == issuer
            profile = Path(served["profile"])
            # only the user knows what kind of server the issuer is
            kind = profile.read_text().replace('# kind = "openid"', 'kind = "openid" #')
            profile.write_text(kind)
            code, report, text = checks(tmp_path, profile)
    assert code == 0, text
    assert snapshot(stranger, report) == (KEPT / f"{ALWAYS}.txt").read_text("utf-8")


@node
@full
def test_the_search_finds_nothing_in_front_of_another_authorization_server(tmp_path):
    stranger = STRANGERS["oidc-provider-token-rotated"]
    with authorization_server(tmp_path, stranger) as issuer:
        profile = written_profile(tmp_path, issuer, stranger.registrar)
        code, report, text = checks(tmp_path, profile, "--dcr-check=explored")
    assert code == 0, text
    assert "explored.sequences" in of_verdict(report, "passed")


@node
def test_wrong_initial_access_token_is_named_by_the_first_failing_check(tmp_path):
    wrong = "another-token-than-the-servers"
    with authorization_server(tmp_path, oidc_provider(WITH_TOKEN)) as issuer:
        profile = written_profile(tmp_path, issuer, WITH_TOKEN)
        code, report, text = checks(tmp_path, profile, INITIAL_ACCESS_TOKEN=wrong)
    assert code == report["exit"] == 1, text
    failed = [check for check in report["checks"] if check["verdict"] == "failed"]
    assert [check["id"] for check in failed] == ["registration.created"]
    assert failed[0]["observed"].startswith("401 invalid_token")
    assert failed[0]["observed"].endswith("with the initial access token of the profile")
    assert failed[0]["candidates"] == []
    assert "application.created" in of_verdict(report, "blocked")
    assert "discovery.issuer" in of_verdict(report, "passed")
    assert wrong not in text
