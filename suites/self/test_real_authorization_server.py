"""The flow in front of an authorization server that dcrproof did not write: the npm package oidc-provider.

Konnect, portal and gateway are mocks. This compares their reading of the protocol, and that of the checks, with an
independent one.
"""

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from tiers import full, sample

ROOT = Path(__file__).parents[2]
SERVER = Path(__file__).parent / "oidc-provider"
INSTALLED = SERVER / "node_modules" / "oidc-provider"
NODE = shutil.which("node")
INITIAL_TOKEN = "initial-access-token-of-the-tests"
REGISTRAR, REGISTRAR_SECRET = "konnect-registrar", "registrar-secret-of-the-tests"


def usable() -> bool:
    """Whether the server can be started here."""
    if NODE is None or not INSTALLED.is_dir():
        return False
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor, _ = version.strip().removeprefix("v").split(".")
    return (int(major), int(minor)) >= (20, 19)


pytestmark = pytest.mark.skipif(
    not usable(),
    reason="needs Node.js 20.19 or newer, and `npm ci --prefix suites/self/oidc-provider`",
)

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

PROVED = {
    "discovery.issuer",
    "registration.created",
    "registration.update",
    "registration.delete",
    "registration.deleted-client",
    "token.verifies",
    "token.names-client",
    "strategy.scopes",
    "provider.verified",
    "application.created",
    "client.known",
    "route.basic.accepted",
    "route.basic.wrong-secret",
    "route.basic.foreign-client",
    "route.bearer.accepted",
    "route.bearer.hs-confused",
    "route.bearer.foreign-key",
    "route.session.accepted",
    "upstream.bearer",
    "claims.verify",
    "claims.iss",
    "claims.sub",
    "life.revoked.route",
    "life.deleted.client",
    "life.deleted.route",
}
CURITYS_OWN = {
    "registration.unscoped-token",
    "registration.initial-token-once",
    "registration.filtered",
    "registration.read-rotates",
    "registration.update-rotates",
    "registration.old-secret",
    "registration.old-token",
    "token.answer",
    "token.header",
    "claims.aud",
    "claims.scope",
    "claims.purpose",
    "life.secret.regenerated",
    "life.secret.new",
    "life.secret.old",
    "life.secret.cached",
}
OF_A_REGISTRAR = {
    "registrar.authenticates",
    "registrar.gets-dcr-scope",
    "registrar.wrong-secret",
    "provider.registrar-id",
    "provision.provider",
    "provision.strategy",
    "provision.publication",
}
"""Checks that depend on the id and secret that a DCR provider of type `curity` stores."""
NEEDS_A_MOCK = {
    "client.registered-by-konnect",
    "route.basic.cached",
    "route.bearer.expired",
    "route.bearer.rotated-key",
    "life.secret.expired",
}


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
def authorization_server(tmp_path: Path, registration: str, *options: str):
    """Yields the issuer of a new server, and asserts that no registered client is left at the end."""
    command = [str(NODE), str(SERVER / "server.mjs"), "--registration", registration, *options]
    with started(command, tmp_path / "server.log") as (issuer, rest):
        yield issuer
    assert rest == ["clients left: 0"]


def checks(tmp_path: Path, profile: Path, **variables: str):
    """Runs the checks as a user does. Returns the exit code, the parsed run.json, and all text printed and written."""
    reports = tmp_path / "reports"
    command = [sys.executable, "-m", "pytest", "-p", "dcrproof", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, f"--dcr-profile={profile}", f"--dcr-report={reports}"],
        capture_output=True,
        cwd=ROOT,
        env=environment() | variables,
        text=True,
        timeout=60,
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


def assert_proved(report, text: str, not_applicable: set[str]) -> None:
    """Asserts that all that applies to another OpenID provider passed, and that the rest gives a reason."""
    assert report["target"] == {"curity": "live", "konnect": "mocked", "portal": "mocked", "gateway": "mocked"}
    verdicts = {check["verdict"] for check in report["checks"]}
    assert verdicts <= {"passed", "observed", "not seen", "not applicable"}, text
    assert of_verdict(report, "passed") >= PROVED
    assert of_verdict(report, "not applicable") >= not_applicable
    assert of_verdict(report, "not seen") >= NEEDS_A_MOCK
    assert not any(step.startswith("curity.") for check in report["checks"] for step in check["steps"])


@pytest.mark.parametrize(
    ("registration", "options", "registrar", "lacks"),
    sample(
        [
            ("client", [], WITH_PAIR, set()),
            ("token", ["--rotate"], WITH_TOKEN, OF_A_REGISTRAR),
            ("open", [], "open = true", OF_A_REGISTRAR | {"registration.without-token"}),
        ],
        id=lambda one: {"client": "registrar", "token": "initial access token", "open": "open registration"}[one[0]],
    ),
)
def test_flow_is_green_in_front_of_another_authorization_server(tmp_path, registration, options, registrar, lacks):
    with authorization_server(tmp_path, registration, *options) as issuer:
        code, report, text = checks(tmp_path, written_profile(tmp_path, issuer, registrar))
    assert code == report["exit"] == 0, text
    assert_proved(report, text, CURITYS_OWN | lacks)
    assert INITIAL_TOKEN not in text
    assert REGISTRAR_SECRET not in text


@full
def test_served_mocks_work_in_front_of_another_authorization_server(tmp_path):
    secret = tmp_path / "registrar-secret"
    secret.write_text(REGISTRAR_SECRET + "\n")
    with authorization_server(tmp_path, "client") as issuer:
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
    assert_proved(report, text, CURITYS_OWN)
    assert of_verdict(report, "passed") >= OF_A_REGISTRAR


def test_wrong_initial_access_token_is_named_by_the_first_failing_check(tmp_path):
    wrong = "another-token-than-the-servers"
    with authorization_server(tmp_path, "token") as issuer:
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
