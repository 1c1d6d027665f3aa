"""Runs of the checks against targets with something wrong, for the tests that look at how they end.

The runs are real: pytest's own hooks, in a process each. A process of `forks` makes them.
"""

import contextlib
import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import chaos
import forks
import jwt_gateways
import pytest
import quirks
import situations
from leaks import THEIRS, leaks, made_by_mocks, mark_cookies, put_other_plugin

from dcrproof.core import guide
from dcrproof.fixtures.run import recording
from dcrproof.fixtures.session import assembling, evidence
from dcrproof.fixtures.session.report_data import added
from dcrproof.mocks import steps
from dcrproof.mocks.mutants import MUTANTS
from dcrproof.mocks.profile import write_profile
from dcrproof.mocks.serve import private_folder, serving

SUITES = Path(__file__).parents[1]
FLOW = [str(path) for path in sorted(SUITES.glob("test_*.py"))]
ALSO = " and "
"""Between the steps of a case that leaves more than one undone."""


@dataclass(frozen=True)
class Case:
    """One run: of these checks or of all, against this mutant or alternative, or with setup steps left undone."""

    checks: str = ""
    mutant: str = ""
    alternative: str = ""
    undo: str = ""
    blind: bool = False
    loud: bool = False
    """With all options that print more, and a search for the secrets that the mocks have made."""
    workers: bool = False
    """A loud one, with workers of xdist."""
    brief: bool = False
    """Without the suites that look at the products in detail, behind the flow."""
    served: bool = False
    """Over HTTP, with the profile that `dcrproof serve` writes."""
    quirk: str = ""
    """In front of an authorization server with this quirk."""
    on_call: str = ""
    """In that situation of somebody who is on call."""
    gateway: str = ""
    """At that small gateway that validates JWTs."""
    chaos: int = 0
    """With mocks of which some answers are odd, by this seed."""

    @property
    def generation(self) -> str:
        """The generation of the portal to which the step belongs."""
        return guide.generation(self.undo) or "v3"


@dataclass(frozen=True)
class Ended:
    """A run as it ended; `checks` are the data of their results, in the order of the catalogue."""

    exit: int
    checks: tuple[Mapping[str, Any], ...]
    printed: str
    secrets: int = 0
    """How many secrets the mocks of a loud run have made."""
    left: int = 0
    """How many clients are left at the authorization server with a quirk."""
    leaks: tuple[str, ...] = ()
    """Where a piece of one of them was found in what that run printed and wrote."""

    @property
    def verdicts(self) -> dict[str, str]:
        return {check["id"]: check["verdict"] for check in self.checks}

    @property
    def red(self) -> list[Mapping[str, Any]]:
        """Checks that make the run red: what is only a SHOULD does not."""
        verdicts = {"failed", "unreachable", "error"}
        return [one for one in self.checks if one["verdict"] in verdicts and one["level"] == "MUST"]

    @property
    def said(self) -> str:
        """What the checks that are red said, a line each."""
        lines = (f"{c['verdict']} {c['id']}: {c['expected']} | {c['observed']} | {c['candidates']}" for c in self.red)
        return "\n".join([*lines, "" if self.checks else self.printed, f"exit {self.exit}, {self.left} left"])

    @property
    def failed(self) -> list[Mapping[str, Any]]:
        return [check for check in self.checks if check["verdict"] == "failed"]


UNDONE = [
    step if number == 0 else f"{step}={variant}"
    for step in steps.STEPS
    for number, variant in enumerate(steps.variants(step))
]


def _switched(**switches: Any) -> Any:
    """A Konnect with other switches than the default ones."""

    def apply(world: Any) -> None:
        driver = world.konnect.driver
        driver.switches = replace(driver.switches, **switches)

    return apply


def _by_scope(world: Any) -> None:
    """Konnect manages clients with tokens of scope dcrm, and Curity gives them to its registrar."""
    _switched(management="dcrm")(world)
    curity = world.curity.configuration
    registration = curity.dynamic_client_registration
    management = replace(registration.client_management, management_clients=(world.registrar[0],))
    world.curity.configuration = replace(
        curity, dynamic_client_registration=replace(registration, client_management=management)
    )


ALTERNATIVES: Mapping[str, Any] = {
    "a new secret by PUT": _switched(regenerate_with="PUT"),
    "a rename by PUT": _switched(rename_updates_client=True),
    "clients are left behind": _switched(delete_client=False),
    "nothing is kept": _switched(management="nothing"),
    "dcrm, which the how-to gives to nobody": _switched(management="dcrm"),
    "dcrm, given to the registrar": _by_scope,
}
"""What Konnect may send to manage a client: which of them is undocumented."""


# In a fork: performs a case

# A change in Konnect reaches the mocked data planes at once: a check that waits for what never comes need not wait.
PROFILE = """\
[run]
mode = "provision"
hostile = true
deadlines = { propagation = "0s", patience = "0s" }
[curity]
mocked = true
[konnect]
mocked = true
[portal]
mocked = true
generation = "GENERATION"
[gateway]
mocked = true
[[gateway.route]]
path = "/accounts/second"
echo = true
[[application]]
client_id = "an application that was taken away"
client_secret = { file = "secret" }
accepted = false
"""


LOUD = ["-vv", "--showlocals", "--tb=long", "--setup-show", "-rA", "--color=yes"]
LOUD += ["--log-cli-level=debug", "--log-file-level=debug"]


class Broken:
    """Breaks the mocks of a run."""

    def __init__(self, case: Case) -> None:
        self.case = case

    def pytest_dcr_mutant(self) -> Any:
        return self.apply

    def apply(self, world: Any) -> None:
        if self.case.alternative:
            ALTERNATIVES[self.case.alternative](world)
        if self.case.mutant:
            MUTANTS[self.case.mutant].apply(world)
        if self.case.chaos:
            chaos.disturb(world, self.case.chaos)
        if self.case.loud:
            put_other_plugin(world)


class Recorder:
    """Keeps what the reports say of the checks."""

    def __init__(self) -> None:
        self.checks: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if result := added(report).result:
            self.checks.append(result.data())


def perform(case: Case, folder: Path) -> Ended:
    """Runs a case in this process, which is of no further use; `folder` is empty, and takes the profile and the report."""
    (folder / "profile.toml").write_text(PROFILE.replace("GENERATION", case.generation))
    (folder / "secret").write_text("Gq7-no-longer-known-to-anybody")
    recorder, printed, own = Recorder(), io.StringIO(), folder / "report"
    options = ["-p", "no:cacheprovider", "-p", "no:unraisableexception"]
    options += [f"--dcr-ledger={folder / 'ledgers'}", f"--dcr-report={own}"]
    options += [f"--dcr-check={check}" for check in case.checks.split()]
    if case.loud:
        own.mkdir()
        secrets = made_by_mocks()
        secrets.update(THEIRS)
        mark_cookies()
        options += [*LOUD, f"--junitxml={own / 'junit.xml'}", f"--log-file={own / 'log'}"]
    else:
        options += ["-q", "--tb=native"]
        evidence.leave_evidence = lambda *_: ""  # the verdicts are looked at, not the report
    if (case.mutant or case.undo) and not case.loud:
        recording.masked = lambda *_: []  # nor its events: an eighth of the time. Results are masked elsewhere
    if case.blind:
        blindfold()
    with contextlib.ExitStack() as stack:
        issuer = None
        profile = folder / "profile.toml"
        if case.quirk:
            profile, issuer = stack.enter_context(quirks.profile_of(case.quirk))
        elif case.gateway:
            profile = stack.enter_context(jwt_gateways.profile_of(case.gateway))
        elif case.on_call:
            profile = stack.enter_context(situations.profile_of(case.on_call))
        elif case.served:
            profile = stack.enter_context(profile_of_served(case))
        else:
            options += [f"--dcr-undo={undo}" for undo in case.undo.split(ALSO) if undo]
        options.append(f"--dcr-profile={profile}")
        if case.workers:
            return _with_workers(case, own, options)
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            status = pytest.main(
                [*(FLOW if case.brief else [str(SUITES)]), *options], plugins=[forks.plugin(), recorder, Broken(case)]
            )
        left = len(issuer.clients) if issuer else 0
    checks = tuple(sorted(recorder.checks, key=lambda check: check["order"]))
    ended = Ended(int(status), checks, printed.getvalue(), left=left)
    return _looked_through(ended, own, secrets) if case.loud else ended


def _with_workers(case: Case, own: Path, options: list[str]) -> Ended:
    """Runs a loud case in a separate process, with workers of xdist."""
    made = own.with_suffix(".made")
    made.mkdir()
    told = {"DCRPROOF_LOUD": json.dumps(asdict(case)), "DCRPROOF_LOUD_MADE": str(made)}
    command = ["-p", "loud_workers", "-n2", str(SUITES), *options]
    exit, printed = forks.command_line(*command, PYTHONPATH=str(Path(__file__).parent), **told)
    kept = {path.stem: json.loads(path.read_text()) for path in made.iterdir()}
    checks = tuple(sorted(kept.pop("checks", []), key=lambda check: check["order"]))
    return _looked_through(Ended(exit, checks, printed), own, set().union(*kept.values()))


def _looked_through(ended: Ended, folder: Path, secrets: set[str]) -> Ended:
    """A run with what was found of these secrets in what it has printed, and written in that folder."""
    texts = {str(path): path.read_text("utf-8", "replace") for path in folder.rglob("*") if path.is_file()}
    found = leaks({"what was printed": ended.printed, **texts}, secrets)
    return replace(ended, secrets=len(secrets), leaks=tuple(found[:20]))


@contextlib.contextmanager
def profile_of_served(case: Case) -> Iterator[Path]:
    """The profile of mocks that run until the block ends, with the step of the case left undone."""
    step, _, variant = case.undo.partition("=")
    with private_folder() as folder:
        tls = folder if step in steps.OVER_TLS else None
        with serving(seed=7, undone={step: variant or None}, folder=tls) as served:
            yield write_profile(folder, served)


def blindfold() -> None:
    """From here on the runs of this process cannot read Curity's configuration."""
    filled = assembling._filled
    assembling._filled = lambda *given: _without_admin(filled(*given))


def _without_admin(profile: Any) -> Any:
    return replace(profile, curity=replace(profile.curity, admin=None))


def performed(case: Mapping[str, Any]) -> dict[str, Any]:
    """How a case ended; both as JSON takes them."""
    with tempfile.TemporaryDirectory() as folder:
        return asdict(perform(Case(**case), Path(folder)))
