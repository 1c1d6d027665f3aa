"""What dcrproof's own tests share: running mocks, and runs of pytest as a user starts them."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import forks
import pytest
from filelock import FileLock
from forks import Performed
from hypothesis import HealthCheck, settings
from performing import Case, Ended
from recorded import Left, scenario

from dcrproof.core.http.exchange import Transcript
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.mocks.profile import write_profile
from dcrproof.mocks.serve import Served, serving

if TYPE_CHECKING:
    import adverse

# no deadlines: machines differ, and are busy
settings.register_profile("dcrproof", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dcrproof")


# else each worker, and each process that a test starts, would compile everything anew: half of what collection takes
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

FULL = "full"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the tests marked full as well, as tox -e full does")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{FULL}: more of what other tests show on a sample; runs with --full only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.full:
        return
    left_out = [item for item in items if item.get_closest_marker(FULL)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@dataclass(frozen=True)
class Mocks:
    """Mocks that run in this process, as `dcrproof serve` runs them. `profile` drives them; `folder` holds its secrets."""

    served: Served
    profile: Path

    @property
    def described(self) -> Mapping[str, Any]:
        """What `dcrproof serve` prints."""
        return self.served.description

    @property
    def folder(self) -> Path:
        return self.profile.parent

    @property
    def secrets(self) -> list[str]:
        """All secrets of these mocks."""
        return [path.read_text("utf-8").strip() for path in self.folder.iterdir() if path.suffix != ".toml"]

    def changed(self, name: str, change: Callable[[str], str]) -> Path:
        """The profile with a change, beside it: its secrets are found there."""
        path = self.folder / f"{name}.toml"
        path.write_text(change(self.profile.read_text("utf-8")), "utf-8")
        return path


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs of the tests keep their ledgers here, apart from those of the user."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    forks.SERVER.close()


@pytest.fixture
def connection_to() -> Iterator[Callable[[str, str], PartyConnection]]:
    """Makes connections to parties, by name and address; they are closed when the test ends."""
    connections: list[PartyConnection] = []

    def make(party: str, base: str) -> PartyConnection:
        connections.append(PartyConnection(party, base, Transcript()))
        return connections[-1]

    yield make
    for connection in connections:
        connection.close()


@pytest.fixture(scope="session")
def mocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mocks]:
    """Running mocks that the tests of one worker share: a test that advances the clock or leaves a step undone starts its own."""
    with serving(seed=20) as served:
        yield Mocks(served, write_profile(tmp_path_factory.mktemp("served"), served))


@dataclass(frozen=True)
class Ran:
    """A run of pytest that has ended: its exit code, what it printed on both streams, and `run.json` if it wrote one."""

    code: int
    output: str
    report: Mapping[str, Any]

    @property
    def verdicts(self) -> dict[str, str]:
        return {check["id"]: check["verdict"] for check in self.report["checks"]}

    def with_verdict(self, *verdicts: str) -> dict[str, Mapping[str, Any]]:
        """The checks that ended so, in the order of the catalogue."""
        return {check["id"]: check for check in self.report["checks"] if check["verdict"] in verdicts}


@pytest.fixture
def as_live(tmp_path: Path) -> Callable[..., Any]:
    """Mocks of their own that are driven as live parties are, with these lines in `[run]`; yields them."""

    @contextmanager
    def serve(settings: str = "", **keywords: Any) -> Iterator[Mocks]:
        with serving(seed=3, **keywords) as served:
            mocks = Mocks(served, write_profile(tmp_path, served))
            yield Mocks(served, mocks.changed("live", lambda text: _live(text, settings)))

    return serve


def _live(profile: str, settings: str) -> str:
    lines = [line for line in profile.splitlines(keepends=True) if not line.startswith(("mocked", "deadlines"))]
    return "".join(lines).replace("[run]\n", f"[run]\n{settings}\n")


@pytest.fixture
def run_checks(tmp_path: Path) -> Callable[..., Ran]:
    """Runs the checks in a process of their own, as a user does; arguments are those of pytest."""

    def run(*arguments: str, profile: Path | None = None, **environment: str) -> Ran:
        reports = tmp_path / "reports"
        options = [f"--dcr-report={reports}", *([f"--dcr-profile={profile}"] if profile else [])]
        code, printed = forks.command_line(*options, *arguments, **environment)
        written = reports / "latest" / "run.json"
        report = json.loads(written.read_text("utf-8")) if written.is_file() else {}
        return Ran(code, printed, report)

    return run


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the workers of xdist share."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def left(shared: Path) -> Callable[[str], Left]:
    """What a run left that ended in one of the ways of `recorded.scenario`; each is run once."""

    def run(name: str) -> Left:
        folder = shared / f"scenario {name}"
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                folder.mkdir()
                made = scenario(name, folder)
                (folder / "left.json").write_text(json.dumps([made.code, made.output, str(made.folder)]), "utf-8")
        code, output, where = json.loads((folder / "left.json").read_text("utf-8"))
        return Left(code, output, Path(where))

    return cache(run)


@pytest.fixture(scope="session")
def plain(shared: Path) -> Ran:
    """The run of all checks against mocks with nothing broken."""
    told, reports = shared / "plain.json", shared / "plain"
    with FileLock(f"{told}.lock"):
        if not told.exists():
            told.write_text(json.dumps(forks.command_line(f"--dcr-report={reports}", "--tb=native")), "utf-8")
    code, printed = json.loads(told.read_text("utf-8"))
    return Ran(code, printed, json.loads((reports / "latest" / "run.json").read_text("utf-8")))


@pytest.fixture(scope="session")
def ended(shared: Path) -> Performed[Case, Ended]:
    """How runs against broken mocks ended."""
    (shared / "ended").mkdir(exist_ok=True)
    return Performed(shared / "ended", "performing:performed", Ended)


@pytest.fixture(scope="session")
def adversity(shared: Path) -> "Performed[adverse.Case, adverse.Ended]":
    """How runs against hostile or failing parties ended."""
    import adverse

    (shared / "adversity").mkdir(exist_ok=True)
    return Performed(shared / "adversity", "adverse:performed", adverse.Ended)
