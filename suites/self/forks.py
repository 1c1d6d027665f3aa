"""Calls in forks of a process that has imported and collected everything once, so that a run of the checks costs only itself.

This file is a program too, which starts before the first call and ends with the tests. Each line of its input is a list
of calls: {"function": "module:name", "arguments": {...}, "result": a path}. It makes each call in a fork, some at a
time, and prints a line when all of them have ended. The file of a result has what was returned, as JSON, or why nothing was.
A fork is made from a process without threads and without a pytest that runs.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha1
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ROOT = Path(__file__).parents[2]
AT_ONCE = 2 * (os.cpu_count() or 1)  # more than one for a core: a run waits while its mocks start and stop
SECONDS = 300
"""After which a call is over, whatever it does."""


# For the tests


def call(function: str, *arguments: Mapping[str, Any]) -> list[Any]:
    """What that function, `module:name`, returned for each of these arguments: each call is made in a fork.

    Arguments and results are such as JSON takes. Raises AssertionError for a call that returned nothing.
    """
    with tempfile.TemporaryDirectory() as name:
        calls = [
            {"function": function, "arguments": given, "result": f"{name}/{number}"}
            for number, given in enumerate(arguments)
        ]
        SERVER.make(calls)
        return [_result(Path(one["result"])) for one in calls]


C = TypeVar("C", bound="DataclassInstance")
E = TypeVar("E")


@dataclass(frozen=True)
class Performed(Generic[C, E]):
    """How cases ended. Each is performed once, when a test first asks for it, whichever worker of xdist that is."""

    folder: Path
    """What the workers share."""
    function: str
    """`module:name`; takes `case` with the members of a case, and returns those of its end."""
    end: type[E]

    def __getitem__(self, case: C) -> E:
        return self.all([case])[0]

    def all(self, cases: Sequence[C]) -> list[E]:
        """How these ended; those that were not performed yet are so at the same time."""
        found: list[E] = []
        for some in (cases[start : start + AT_ONCE] for start in range(0, len(cases), AT_ONCE)):
            paths = [self.folder / sha1(repr(case).encode(), usedforsecurity=False).hexdigest() for case in some]
            with contextlib.ExitStack() as stack:
                for path in sorted(set(paths)):
                    stack.enter_context(FileLock(f"{path}.lock"))
                missing = {path: asdict(case) for case, path in zip(some, paths, strict=True) if not path.exists()}
                made = call(self.function, *({"case": case} for case in missing.values())) if missing else []
                for path, end in zip(missing, made, strict=True):
                    path.write_text(json.dumps(end), "utf-8")
            found += [self.end(**json.loads(path.read_text("utf-8"))) for path in paths]
        return found


def command_line(*arguments: str, cwd: Path = ROOT, **variables: str) -> tuple[int, str]:
    """The exit code of `pytest` with these arguments and the plugin dcrproof, and what it printed on both streams.

    No other plugin is loaded: they would be the larger part of the time. `variables` are further ones of its environment.
    """
    given = ["-p", "no:cacheprovider", *arguments]
    if any(argument.startswith("-n") for argument in arguments):  # the workers of xdist do not come from a fork
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "dcrproof", "-p", "xdist", *given],
            cwd=cwd,
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=SECONDS,
            check=False,
        )
        return done.returncode, done.stdout
    (ended,) = call("forks:ran", {"arguments": given, "cwd": str(cwd), "variables": environment(**variables)})
    return ended["exit"], ended["printed"]


def environment(**variables: str) -> dict[str, str]:
    """This environment without what would make a pytest started from it one of this run."""
    foreign = ("PYTEST_", "COV_", "CI", "GITHUB_", "__TOX")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **variables}


@dataclass
class Server:
    """The program, which starts at the first call."""

    process: "subprocess.Popen[str] | None" = None
    errors: IO[str] | None = None

    def make(self, calls: Sequence[Mapping[str, Any]]) -> None:
        """Has it make these calls, and waits for their ends."""
        if self.process is None:
            self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - the program writes there as long as it runs
            self.process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                env=environment(),
                text=True,
            )
        print(json.dumps(calls), file=self.process.stdin, flush=True)
        if not self.process.stdout.readline():
            self.errors.seek(0)
            raise AssertionError(f"the process that forks has ended: {self.errors.read()}")

    def close(self) -> None:
        if self.process is not None:
            self.process.communicate()
            self.errors.close()
            self.process = None


SERVER = Server()


def _result(path: Path) -> Any:
    assert path.exists(), "the fork ended without a word: it was killed, or took too long"
    told = json.loads(path.read_text("utf-8"))
    assert "raised" not in told, told["raised"]
    return told["returned"]


# For the program


def ran(arguments: list[str], cwd: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """The exit code of pytest in this folder and environment, negative for a signal, and what it printed."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
        pid = os.fork()  # a run may kill itself
        if pid == 0:
            _run(arguments, cwd, variables, printed.fileno())
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        printed.seek(0)
        return {"exit": code, "printed": printed.read()}


def _run(arguments: list[str], cwd: str, variables: Mapping[str, str], output: int) -> NoReturn:
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(cwd)
    sys.path[:] = [cwd, *filter(None, variables.get("PYTHONPATH", "").split(os.pathsep)), *sys.path]
    sys.path.remove(str(Path(__file__).parent))
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    code = 1
    try:
        code = int(pytest.main(arguments, plugins=[plugin()]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def plugin() -> ModuleType:
    """The plugin dcrproof, as `pytest.main` takes it: what is imported already, `-p` warns of."""
    return importlib.import_module("dcrproof.fixtures.plugin")


MOCKED = """\
[run]
mode = "provision"
[curity]
mocked = true
[konnect]
mocked = true
[portal]
mocked = true
[gateway]
mocked = true
"""


def _prepare() -> None:
    """Imports, collects and makes what runs have in common: collects all checks, then runs some."""
    suites = str(ROOT / "suites")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        profile = Path(folder, "mocked.toml")
        profile.write_text(MOCKED, "utf-8")
        some = [f"--dcr-profile={profile}", f"--dcr-report={folder}", f"--dcr-ledger={folder}", "--dcr-check=claims"]
        for options in (["--collect-only"], some):
            code = pytest.main(["-q", "-p", "no:cacheprovider", suites, *options], plugins=[plugin()])
            assert code == 0, f"with nothing broken: exit {code}"
    from dcrproof.core.parties.tokens import foreign_key
    from dcrproof.mocks.keys import rsa_key

    for ordinal in range(2):
        rsa_key(ordinal)
    foreign_key()


def _make(calls: Iterable[Mapping[str, Any]]) -> None:
    """Makes each call in a fork; returns when all have ended."""
    running: set[int] = set()
    for one in calls:
        module, _, name = one["function"].partition(":")
        function = getattr(importlib.import_module(module), name)
        if len(running) >= AT_ONCE:
            running.discard(os.wait()[0])
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            _in_a_fork(function, one["arguments"], Path(one["result"]))
        running.add(pid)
    for pid in running:
        os.waitpid(pid, 0)


def _in_a_fork(function: Callable[..., Any], arguments: Mapping[str, Any], result: Path) -> None:
    signal.alarm(SECONDS)
    told: dict[str, Any] = {}
    try:
        told["returned"] = function(**arguments)
    except BaseException:  # noqa: BLE001 - whatever it is, the test that waits shall show it
        told["raised"] = traceback.format_exc()
    finally:
        result.write_text(json.dumps(told), "utf-8")
        os._exit(0)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what anything prints is no answer
    requests = os.fdopen(os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.modules["forks"] = sys.modules["__main__"]
    os.chdir(ROOT)
    _prepare()
    for request in requests:
        _make(json.loads(request))
        print(file=answers, flush=True)


if __name__ == "__main__":
    main()
