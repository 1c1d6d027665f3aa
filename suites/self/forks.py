"""Calls in forks of a process that has imported and collected everything once, so that a run of the checks costs only itself.

This file is a program too, which starts before the first call and ends with the tests. Each line of its input is a list
of calls: {"function": "module:name", "arguments": {...}, "result": a path}. It makes each call in a fork, some at a
time, and prints a line when all of them have ended. The file of a result has what was returned, as JSON, or why nothing was.
A line that is no list is one process that a test wants to watch while it runs, see `_start`.
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
import threading
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
        SERVER.ask(calls)
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

    No other plugin is loaded but xdist for `-n`: they would be the larger part of the time. `variables` are further ones
    of its environment.
    """
    running = start("-p", "no:cacheprovider", *arguments, cwd=cwd, **variables)
    output, _ = running.communicate(SECONDS)
    return running.returncode, output


def start(*arguments: str, cwd: Path = ROOT, program: str = "pytest", **variables: str) -> "Started":
    """`pytest` with these arguments and the plugin dcrproof, or `program = "dcrproof"`, which a test watches and signals."""
    folder = SERVER.folder()
    output, result = folder / "output", folder / "result"
    os.mkfifo(output)
    reading = os.open(output, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reading, True)
    one = {"program": program, "arguments": arguments, "cwd": str(cwd), "variables": environment(**variables)}
    pid = int(SERVER.ask({**one, "output": str(output), "result": str(result)}))
    return Started(pid, os.fdopen(reading, encoding="utf-8"), result)


@dataclass
class Started:
    """A process that is a fork: what `subprocess.Popen` offers of it. Its two streams are one. It leads a process group."""

    pid: int
    stdout: IO[str]
    result: Path

    @property
    def returncode(self) -> int:
        """Raises FileNotFoundError while it runs."""
        return int(self.result.read_text("utf-8"))

    def poll(self) -> int | None:
        return self.returncode if self.result.exists() else None

    def communicate(self, timeout: float = SECONDS) -> tuple[str, None]:
        """What it printed, when it has ended. Raises AssertionError where that takes longer than so many seconds."""
        late = threading.Timer(timeout, self.kill)
        late.start()
        with self.stdout:
            printed = self.stdout.read()
        assert late.is_alive(), f"not over after {timeout:g} seconds: {printed}"
        late.cancel()
        return printed, None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


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
    folders: "tempfile.TemporaryDirectory[str] | None" = None

    def folder(self) -> Path:
        """A new one, which is gone when the tests have ended."""
        self.folders = self.folders or tempfile.TemporaryDirectory()
        return Path(tempfile.mkdtemp(dir=self.folders.name))

    def ask(self, request: Any) -> str:
        """Sends it a line, and returns the one that it answers."""
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
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            self.errors.seek(0)
            raise AssertionError(f"the process that forks has ended: {self.errors.read()}")
        return answer

    def close(self) -> None:
        if self.process is not None:
            self.process.communicate()
            self.errors.close()
            self.process = None
        if self.folders is not None:
            self.folders.cleanup()
            self.folders = None


SERVER = Server()


def _result(path: Path) -> Any:
    assert path.exists(), "the fork ended without a word: it was killed, or took too long"
    told = json.loads(path.read_text("utf-8"))
    assert "raised" not in told, told["raised"]
    return told["returned"]


# For the program


def _start(
    answers: IO[str],
    program: str,
    arguments: list[str],
    cwd: str,
    variables: Mapping[str, str],
    output: str,
    result: str,
) -> None:
    """Starts a process that leads its group, and answers with its id. Its exit code, negative for a signal, is the result.

    A fork of a fork waits for it, since this program waits for the ends of its calls alone.
    """
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    if os.fork():
        os._exit(0)
    printed = os.open(output, os.O_WRONLY)
    pid = os.fork()
    if pid == 0:
        answers.close()
        os.setpgid(0, 0)
        _run(program, arguments, cwd, variables, printed)
    print(pid, file=answers, flush=True)
    answers.close()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    partly = Path(f"{result}.partly")
    partly.write_text(str(code), "utf-8")
    partly.rename(result)
    os._exit(0)  # closes the output: whoever reads it finds the result


def _run(program: str, arguments: list[str], cwd: str, variables: Mapping[str, str], output: int) -> NoReturn:
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(cwd)
    sys.path[:] = [cwd, *filter(None, variables.get("PYTHONPATH", "").split(os.pathsep)), *sys.path]
    sys.path.remove(str(Path(__file__).parent))
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    os.close(output)
    code: int | str | None = 1
    try:
        if program == "dcrproof":
            code = importlib.import_module("dcrproof.__main__").main(arguments)
        elif any(argument.startswith("-n") for argument in arguments):
            _fork_workers(int(next(filter(str.isdigit, " ".join(arguments).partition("-n")[2]))))
            code = pytest.main(["-p", "dcrproof", "-p", "xdist", *arguments])
        else:
            code = pytest.main(arguments, plugins=[plugin()])
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as the interpreter does it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code or 0))


@dataclass(frozen=True)
class Worker:
    """A fork that waits for what execnet sends to a Python that it starts: what execnet asks of the process."""

    pid: int
    stdin: IO[bytes]
    stdout: IO[bytes]

    def wait(self) -> int:
        return os.waitpid(self.pid, 0)[1]

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _fork_workers(count: int) -> None:
    """Has xdist take forks of this process for its first workers; they are made while the controller has no threads."""
    from execnet import gateway_io
    from xdist import workermanage

    workermanage._sys_path = list(sys.path)  # else what it was when xdist was imported
    ready = [_worker() for _ in range(count)]
    others = gateway_io.Popen2IOMaster.__init__

    def start(self: Any, command: Any, execmodel: Any) -> None:
        if not ready:
            others(self, command, execmodel)
            return
        self.popen = worker = ready.pop()
        gateway_io.Popen2IO.__init__(self, worker.stdin, worker.stdout, execmodel)

    gateway_io.Popen2IOMaster.__init__ = start


def _worker() -> Worker:
    ends = [*os.pipe(), *os.pipe()]
    stdin, to_worker, from_worker, stdout = ends
    pid = os.fork()
    if pid == 0:
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        for end in ends:
            os.close(end)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it stays open as long as the process runs
        if program := sys.stdin.readline():
            exec(eval(program))  # noqa: S102, S307 - what execnet sends
        os._exit(0)
    os.close(stdin)
    os.close(stdout)
    return Worker(pid, os.fdopen(to_worker, "wb"), os.fdopen(from_worker, "rb"))


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
    importlib.import_module("dcrproof").__doc__ = "PYTEST_DONT_REWRITE"  # else `-p dcrproof` warns that it is imported
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        profile = Path(folder, "mocked.toml")
        profile.write_text(MOCKED, "utf-8")
        some = [f"--dcr-profile={profile}", f"--dcr-report={folder}", f"--dcr-ledger={folder}", "--dcr-check=claims"]
        for options in (["--collect-only"], some):
            code = pytest.main(["-q", "-p", "dcrproof", "-p", "xdist", "-p", "no:cacheprovider", suites, *options])
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
    for line in requests:
        request = json.loads(line)
        if isinstance(request, list):
            _make(request)
            print(file=answers, flush=True)
        else:
            _start(answers, **request)


if __name__ == "__main__":
    main()
