"""What an empty run of pytest costs where dcrproof is installed, and where it is not.

    pip install build && python benchmarks/installed.py [--pairs N]

Three environments of this Python run the same empty test in turns: pytest alone, with all that dcrproof depends on, and
with dcrproof as well. What it prints is CPU time; where there is valgrind, also the instructions that were executed, which
do not depend on what else the machine does. No test asserts these figures.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
COUNT = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
EMPTY = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
    "PYTHONHASHSEED": "0",
}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # bytecode is cached, as it is where a person runs pytest


def installed(folder: Path, *packages: str) -> Path:
    """The Python of a new virtual environment with these packages."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def environments(folder: Path) -> dict[str, Path]:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", folder / "dist", ROOT],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    wheel = str(next((folder / "dist").glob("*.whl")))
    alone = installed(folder / "alone", "pytest")
    complete = installed(folder / "complete", wheel)
    freeze = [complete, "-m", "pip", "freeze", "--exclude", "dcrproof"]
    dependencies = subprocess.run(freeze, check=True, capture_output=True, text=True).stdout.split()
    return {
        "pytest alone": alone,
        "with what dcrproof depends on": installed(folder / "dependencies", *dependencies),
        "and with dcrproof": complete,
    }


def seconds(python: Path, folder: Path) -> float:
    """The CPU time of an empty run."""
    process = subprocess.Popen([python, *EMPTY], cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime


def instructions(python: Path, folder: Path) -> int:
    """How many instructions an empty run executes."""
    done = subprocess.run(
        [*COUNT, python, *EMPTY], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    assert found, done.stderr
    return int(found[1].replace(",", ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40, help="how many times each is run (default: 40)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pythons = environments(folder)
        tests = folder / "tests"
        tests.mkdir()
        (tests / "test_nothing.py").write_text("def test_nothing(): pass\n")
        for python in pythons.values():  # the first run compiles
            seconds(python, tests)
        times: dict[str, list[float]] = {what: [] for what in pythons}
        for _ in range(options.pairs):
            for what, python in pythons.items():
                times[what].append(seconds(python, tests))
        before: tuple[float, float, int] | None = None
        for what, python in pythons.items():
            counted = instructions(python, tests) if shutil.which("valgrind") else 0
            found = (min(times[what]), statistics.median(times[what]), counted)
            added = [
                f"{new / old - 1:+.1%}" if before and old else ""
                for new, old in zip(found, before or found, strict=True)
            ]
            least, median = (f"{1000 * one:.0f} ms {more}" for one, more in zip(found[:2], added[:2], strict=True))
            print(f"{what}: least {least}, median {median}, {counted / 1e6:.0f} million instructions {added[2]}")
            before = found


if __name__ == "__main__":
    main()
