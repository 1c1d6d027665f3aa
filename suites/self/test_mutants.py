"""Every check can fail, and a set-up step that is left undone is named: the checks against targets with one thing wrong.

The runs are real: pytest's own hooks, in a process each. To have some 170 of them quickly this file is a program too:
it imports and collects once, then forks for each run, never from inside the pytest that asked for them.
"""

import contextlib
import fcntl
import gc
import io
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from dcrproof import guide
from dcrproof.checks import Level
from dcrproof.fixtures.catalogue import entries
from dcrproof.mocks import steps
from dcrproof.mocks.keys import rsa_key
from dcrproof.mocks.mutants import MUTANTS
from dcrproof.tokens import foreign_key

SUITES = Path(__file__).parents[1]
WORKERS = 2 * (os.cpu_count() or 1)  # more than one for a core: a run waits while its mocks stop

STEP = "step:"
TURNS_RED: Mapping[str, str] = {
    "discovery.served": "step:curity.metadata.exposed",
    "discovery.issuer": "step:curity.base-url.public",
    "discovery.endpoints": "curity.names-no-keys",
    "discovery.same-host": "curity.registers-at-another-host",
    "discovery.registration-endpoint": "step:curity.dcr.enabled",
    "keys.served": "curity.serves-no-keys",
    "keys.public": "curity.publishes-private-keys",
    "registrar.authenticates": "step:curity.client.secret",
    "registrar.gets-dcr-scope": "step:curity.dcr.authenticate-client-by",
    "registrar.wrong-secret": "curity.accepts-any-secret",
    "registration.created": "step:curity.dcr.data-source",
    "registration.grants": "curity.registers-clients-without-grants",
    "registration.managed": "step:curity.dcr.client-management",
    "registration.without-token": "curity.registers-without-token",
    "registration.unscoped-token": "curity.registers-with-any-token",
    "registration.initial-token-once": "curity.reuses-initial-tokens",
    "registration.filtered": "curity.refuses-grants-that-are-not-allowed",
    "registration.read": "curity.shows-no-registration",
    "registration.read-rotates": "curity.keeps-secrets",
    "registration.update": "curity.updates-no-registration",
    "registration.update-rotates": "curity.keeps-registration-tokens",
    "registration.new-secret": "curity.shows-a-secret-that-it-does-not-take",
    "registration.old-secret": "curity.takes-old-secrets",
    "registration.old-token": "curity.takes-any-registration-token",
    "registration.delete": "curity.deletes-no-registration",
    "registration.deleted-client": "curity.keeps-deleted-clients",
    "token.granted": "curity.grants-nothing-to-registered-clients",
    "token.answer": "curity.spells-bearer-with-a-capital",
    "token.is-jwt": "step:curity.token-issuer.jwt",
    "token.verifies": "curity.signs-with-an-unpublished-key",
    "token.names-client": "step:curity.token-issuer.jwt=wrapped",
    "token.header": "curity.types-its-tokens",
    "konnect.authenticated": "konnect.refuses-its-own-token",
    "portal.found": "konnect.has-no-such-portal",
    "api.found": "konnect.has-no-such-api",
    "strategy.found": "konnect.has-no-such-strategy",
    "strategy.openid-connect": "step:konnect.strategy.auth-type",
    "strategy.dcr-provider": "step:konnect.strategy.dcr-provider",
    "provider.type": "step:konnect.provider.type",
    "provider.issuer": "step:konnect.provider.issuer",
    "provider.registrar-id": "step:konnect.provider.initial-client-id",
    "provider.secret-hidden": "konnect.shows-provider-secrets",
    "provider.verified": "step:konnect.provider.initial-client-secret",
    "provider.active": "konnect.calls-no-provider-active",
    "strategy.issuer": "step:konnect.strategy.issuer",
    "strategy.claim": "step:konnect.strategy.claim",
    "strategy.auth-methods": "step:konnect.strategy.auth-methods",
    "strategy.no-password": "konnect.takes-passwords",
    "strategy.scopes": "step:konnect.strategy.scopes",
    "api.published": "step:konnect.publication.api",
    "api.strategy": "step:konnect.publication.strategy",
    "strategy.active": "konnect.calls-no-strategy-active",
    "api.linked-to-gateway": "step:konnect.implementation.linked",
    "api.synced": "konnect.cannot-push",
    "api.plugin": "konnect.forgets-the-plugin",
    "nodes.connected": "konnect.sees-no-node",
    "nodes.version": "step:gateway.data-plane.version",
    "nodes.in-sync": "gateway.one-node-takes-no-configuration",
    "provision.provider": "konnect.makes-no-provider",
    "provision.provider-secret": "konnect.shows-provider-secrets",
    "provision.provider-idle": "konnect.calls-every-provider-active",
    "provision.strategy": "konnect.forgets-the-provider-of-a-strategy",
    "provision.portal": "konnect.makes-no-portal",
    "provision.api": "konnect.makes-no-version",
    "provision.implementation": "konnect.links-nothing",
    "provision.publication": "konnect.publishes-nothing",
    "provision.unknown-property": "konnect.ignores-unknown-properties",
    "portal.open": "step:konnect.portal.user-authentication",
    "developer.signs-in": "step:konnect.developer.approved",
    "developer.wrong-password": "portal.takes-any-password",
    "portal.no-session": "portal.needs-no-session",
    "api.offered": "portal.hides-public-apis",
    "application.created": "portal.keeps-the-secret",
    "application.dcr-strategy": "portal.calls-credentials-self-managed",
    "application.secret-once": "portal.shows-the-secret-again",
    "application.admin-view": "konnect.shows-admins-another-client-id",
    "application.registered": "portal.registers-for-no-api",
    "application.approved": "step:konnect.registration.approved",
    "application.registered-twice": "portal.registers-twice",
    "client.registered-by-konnect": "konnect.registers-every-client-twice",
    "client.known": "portal.shows-another-secret",
    "client.wrong-secret": "curity.accepts-any-secret",
    "gateway.answers": "gateway.has-no-route",
    "gateway.clock": "step:gateway.data-plane.clock",
    "route.no-credentials": "gateway.enforces-nothing",
    "route.basic.accepted": "gateway.takes-no-basic",
    "route.basic.wrong-secret": "gateway.caches-by-client-id-alone",
    "route.basic.after-wrong-secret": "gateway.locks-out-after-a-wrong-secret",
    "route.basic.foreign-client": "gateway.lets-every-client-through",
    "route.basic.crossed-secret": "gateway.caches-by-client-id-alone",
    "route.basic.expected-refusals": "gateway.opens-when-curity-refuses",
    "route.basic.literal": "gateway.takes-plain-basic",
    "route.basic.malformed": "gateway.fails-on-broken-basic",
    "route.basic.cached": "gateway.caches-no-token",
    "route.bearer.accepted": "gateway.takes-no-bearer",
    "route.bearer.tampered": "gateway.verifies-no-signature",
    "route.bearer.changed-claims": "gateway.verifies-no-signature",
    "route.bearer.foreign-key": "gateway.trusts-the-key-id",
    "route.bearer.unknown-kid": "gateway.trusts-unknown-key-ids",
    "route.bearer.unsigned": "gateway.takes-unsigned-tokens",
    "route.bearer.hs-confused": "gateway.takes-the-public-key-for-a-secret",
    "route.bearer.expired": "gateway.takes-expired-tokens",
    "route.bearer.opaque": "gateway.opens-for-opaque-tokens",
    "route.bearer.rotated-key": "gateway.never-looks-for-new-keys",
    "route.session.issued": "gateway.sets-no-session",
    "route.session.cookie": "gateway.shows-the-session-to-scripts",
    "route.session.accepted": "gateway.opens-no-session",
    "route.session.tampered": "gateway.opens-broken-sessions",
    "route.unregistered": "gateway.asks-for-no-registration",
    "route.pending": "konnect.pushes-pending-registrations",
    "upstream.bearer": "gateway.sends-no-token-upstream",
    "upstream.no-secret": "gateway.sends-credentials-upstream",
    "upstream.same-token": "gateway.sends-an-old-token-upstream",
    "upstream.session-bearer": "gateway.sends-sessions-without-token",
    "claims.verify": "gateway.sends-a-broken-token-upstream",
    "claims.iss": "curity.issues-under-another-name",
    "claims.sub": "gateway.sends-its-own-token-upstream",
    "claims.aud": "curity.leaves-out-aud",
    "claims.times": "curity.post-dates-tokens",
    "claims.jti": "curity.repeats-jti",
    "claims.scope": "curity.grants-more-than-asked",
    "claims.purpose": "curity.leaves-out-purpose",
    "life.secret.regenerated": "konnect.keeps-nothing-to-manage-clients",
    "life.secret.new": "portal.announces-another-secret",
    "life.secret.old": "curity.takes-old-secrets",
    "life.secret.cached": "gateway.caches-no-token",
    "life.secret.expired": "curity.takes-old-secrets",
    "life.rename.done": "portal.ignores-new-names",
    "life.rename.keeps-secret": "konnect.renames-clients",
    "life.revoked.route": "gateway.one-node-asks-for-no-registration",
    "life.revoked.client": "konnect.deletes-clients-of-revoked-registrations",
    "life.approved-again": "konnect.revokes-for-ever",
    "life.unregistered": "gateway.asks-for-no-registration",
    "life.deleted.portal": "portal.keeps-deleted-applications",
    "life.deleted.client": "konnect.leaves-clients-behind",
    "life.deleted.route": "gateway.remembers-deleted-applications",
}
"""Check to the mutant, or after `step:` to the set-up step left undone, that turns it red."""


@dataclass(frozen=True)
class Case:
    """One run: of these checks or of all, against this mutant, or with this set-up step left undone."""

    checks: str = ""
    mutant: str = ""
    undo: str = ""

    @classmethod
    def against(cls, check: str) -> "Case":
        target = TURNS_RED.get(check, "")
        if target.startswith(STEP):
            return cls(check, undo=target.removeprefix(STEP))
        return cls(check, target)


@dataclass(frozen=True)
class Ended:
    """A run as it ended; `checks` are the data of their results, in the order of the catalogue."""

    exit: int
    checks: tuple[Mapping[str, Any], ...]
    printed: str

    @property
    def verdicts(self) -> dict[str, str]:
        return {check["id"]: check["verdict"] for check in self.checks}

    @property
    def failed(self) -> list[Mapping[str, Any]]:
        return [check for check in self.checks if check["verdict"] == "failed"]


CHECKS = [entry.check for entry in entries()]
UNDONE = [
    step if number == 0 else f"{step}={variant}"
    for step in [*steps.CURITY, *steps.CLICKS]
    for number, variant in enumerate(steps.variants(step))
]


# The program: runs the cases that it reads, and prints how they ended

# A change in Konnect reaches the mocked data planes at once: a check that waits for what never comes need not wait.
PROFILE = """\
[run]
mode = "provision"
hostile = true
deadlines = { propagation = "0s" }
[curity]
mocked = true
[konnect]
mocked = true
[portal]
mocked = true
[gateway]
mocked = true
[[application]]
client_id = "an application that was taken away"
client_secret = { file = "secret" }
accepted = false
"""


class Broken:
    """Breaks the mocks of a run."""

    def __init__(self, mutant: str) -> None:
        self.mutant = mutant

    def pytest_dcr_mutant(self) -> Any:
        return MUTANTS[self.mutant].apply if self.mutant else None


class Recorder:
    """Keeps what the reports say of the checks."""

    def __init__(self) -> None:
        self.checks: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if data := getattr(report, "dcr", None):
            self.checks.append(data)


def perform(case: Case, folder: Path) -> Ended:
    """Runs a case; `folder` holds the profile."""
    from dcrproof.fixtures import plugin  # by hand, for entry points are off in this process

    recorder, printed = Recorder(), io.StringIO()
    options = ["-q", "--tb=native", "-p", "no:cacheprovider", "-p", "no:unraisableexception"]
    options += [f"--dcr-profile={folder / 'profile.toml'}", f"--dcr-report={folder / 'report'}"]
    if case.checks:
        options.append(f"--dcr-check={case.checks}")
    if case.undo:
        options.append(f"--dcr-undo={case.undo}")
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = pytest.main([str(SUITES), *options], plugins=[plugin, recorder, Broken(case.mutant)])
    return Ended(int(status), tuple(sorted(recorder.checks, key=lambda check: check["order"])), printed.getvalue())


def perform_all(cases: list[Case], folder: Path) -> list[Ended]:
    """Performs each case in a fork of this process, some at a time."""
    (folder / "profile.toml").write_text(PROFILE)
    (folder / "secret").write_text("the secret that it had")
    perform(Case("claims"), folder)  # from here on everything is imported and collected
    for ordinal in range(2):
        rsa_key(ordinal)
    foreign_key()
    gc.freeze()
    running: set[int] = set()
    for number, case in enumerate(cases):
        if len(running) >= WORKERS:
            running.discard(os.wait()[0])
        pid = os.fork()
        if pid == 0:
            _in_a_fork(case, folder, number)
        running.add(pid)
    for pid in running:
        os.waitpid(pid, 0)
    return [Ended(**json.loads((folder / str(number)).read_text())) for number in range(len(cases))]


def _in_a_fork(case: Case, folder: Path, number: int) -> None:
    ended = Ended(-1, (), "")
    try:
        ended = perform(case, folder)
    except BaseException:  # noqa: BLE001 - whatever it is, the process that waits shall show it
        ended = replace(ended, printed=traceback.format_exc())
    finally:
        (folder / str(number)).write_text(json.dumps(asdict(ended)))
        os._exit(0)


def main() -> None:
    cases = [Case(**members) for members in json.load(sys.stdin)]
    with tempfile.TemporaryDirectory() as name:
        ended = perform_all(cases, Path(name))
    json.dump([asdict(one) for one in ended], sys.stdout)


# The tests


@pytest.fixture(scope="session")
def ended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Case, Ended]:
    """How the cases of all selected tests of this file ended; under xdist one worker performs them for all."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    found = (item.callspec.params.get("case") for item in request.session.items if hasattr(item, "callspec"))
    cases = list(dict.fromkeys(case for case in found if isinstance(case, Case)))
    with (folder / "mutants.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = folder / "mutants.json"
        if not path.exists():
            path.write_text(_performed_elsewhere(cases))
    return dict(zip(cases, (Ended(**one) for one in json.loads(path.read_text())), strict=True))


def _performed_elsewhere(cases: list[Case]) -> str:
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps([asdict(case) for case in cases]),
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _environment(**variables: str) -> dict[str, str]:
    """This environment without what would make a pytest started from it one of this run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **variables}


@pytest.mark.parametrize("case", [pytest.param(Case.against(check.id), id=check.id) for check in CHECKS])
def test_check_turns_red_on_its_mutant(case, ended):
    assert case.mutant or case.undo, f"TURNS_RED has nothing that turns {case.checks} red"
    run = ended[case]
    found = next((check for check in run.checks if check["id"] == case.checks), None)
    assert found is not None, run.printed
    assert found["verdict"] == "failed", f"{found}\n{run.printed}"
    assert found["expected"]
    assert found["observed"]


@pytest.mark.parametrize("case", [pytest.param(Case.against(check.id), id=check.id) for check in CHECKS])
def test_what_a_red_check_stands_on_is_green(case, ended):
    others = {id: verdict for id, verdict in ended[case].verdicts.items() if id != case.checks}
    assert set(others.values()) <= {"passed"}, others


@pytest.mark.parametrize(
    "case", [pytest.param(Case.against(check.id), id=check.id) for check in CHECKS if check.level is Level.SHOULD]
)
def test_check_that_only_advises_leaves_the_run_green(case, ended):
    assert ended[case].exit == 0


@pytest.mark.parametrize("case", [pytest.param(Case(), id="nothing")])
def test_with_nothing_broken_every_check_passes(case, ended):
    run = ended[case]
    assert run.exit == 0, run.printed
    assert list(run.verdicts) == [check.id for check in CHECKS]
    assert set(run.verdicts.values()) == {"passed"}, run.printed


def test_every_check_has_something_that_turns_it_red():
    assert list(TURNS_RED) == [check.id for check in CHECKS]


def test_every_mutant_turns_a_check_red():
    assert set(MUTANTS) == {target for target in TURNS_RED.values() if not target.startswith(STEP)}


@pytest.mark.parametrize("case", [pytest.param(Case(undo=undo), id=undo) for undo in UNDONE])
def test_step_left_undone_is_named_first_and_alone(case, ended):
    step, run = case.undo.partition("=")[0], ended[case]
    assert run.exit == 1, run.printed
    first = next(check for check in run.failed if check["level"] == "MUST")
    assert step in first["candidates"], first
    assert [check["id"] for check in run.failed if step not in check["candidates"]] == []
    rest = {check["verdict"] for check in run.checks} - {"failed"}
    assert rest <= {"passed", "blocked"}, run.printed


def test_guide_and_mocks_know_the_same_steps():
    told = {step.id: step.variants for step in guide.STEPS if step.undo}
    assert told == {step: steps.variants(step)[1:] for step in [*steps.CURITY, *steps.CLICKS]}


@pytest.mark.parametrize(
    "check", ["registration.initial-token-once", "route.basic.wrong-secret", "route.bearer.unsigned"]
)
def test_mutant_is_red_on_the_command_line(check, tmp_path):
    mutant = TURNS_RED[check]
    (tmp_path / "broken.py").write_text(
        "from dcrproof.mocks.mutants import MUTANTS\n\n\n"
        f"def pytest_dcr_mutant():\n    return MUTANTS[{mutant!r}].apply\n"
    )
    done = command("-p", "broken", f"--dcr-check={check}", report=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"FAILED {check}: " in done.stdout


def test_step_left_undone_is_named_on_the_command_line(tmp_path):
    done = command("--dcr-undo=curity.token-issuer.jwt", "--dcr-check=token", report=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED token.is-jwt: " in done.stdout
    assert "  step       curity.token-issuer.jwt" in done.stdout


def command(*options: str, report: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "dcrproof",
            "-p",
            "no:cacheprovider",
            f"--dcr-report={report}",
            *options,
        ],
        cwd=SUITES.parent,
        env=_environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    main()
