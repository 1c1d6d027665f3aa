"""The mocks of a load without a profile: `dcrproof serve` in a process of its own, which ends with this one."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

SERVE = """\
import os, signal, sys, threading
def follow():
    sys.stdin.buffer.read()  # ends when the process that started this one does, however it ends
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=follow, daemon=True).start()
from dcrproof.__main__ import main
sys.exit(main(["serve"]))
"""


class NotStarted(Exception):
    """The mocks did not start; the text says why."""


@dataclass(frozen=True)
class MocksProcess:
    profile: Path
    process: psutil.Process

    @property
    def memory(self) -> int:
        """Bytes of memory that the process uses (resident set size); 0 where it has ended."""
        try:
            return int(self.process.memory_info().rss)
        except psutil.Error:
            return 0


@contextmanager
def started() -> Iterator[MocksProcess]:
    """Runs the mocks until the block ends. Raises NotStarted."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the load: the mocks are needed until it has cleaned up
    )
    if process.stdout is None or process.stdin is None:
        raise NotStarted("no pipes to the mocks")
    try:
        line = process.stdout.readline()
        if not line:
            raise NotStarted(f"the mocks ended with {process.wait()} before they were ready")
        yield MocksProcess(Path(json.loads(line)["profile"]), psutil.Process(process.pid))
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()
