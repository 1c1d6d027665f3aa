"""What parts of dcrproof cost, mostly as ratios measured in one run, since absolute times differ between machines.

    pip install -e '.[test]' && python benchmarks/parts.py

Prints one line for each figure. No test asserts these figures.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from string import ascii_letters, digits
from typing import Any
from uuid import UUID

from dcrproof.core.secrets.index import Secrets

ROOT = Path(__file__).parent.parent


def show(name: str, value: str, target: str = "") -> None:
    print(f"{name:<58} {value:>16}   {target}", flush=True)


def best(command: list[str], times: int = 3, **keywords: Any) -> float:
    """The shortest duration of several runs of a command, in seconds."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    durations = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment, **keywords)
        durations.append(time.perf_counter() - started)
    return min(durations)


def masking(number: int) -> tuple[float, float]:
    """Megabytes masked per second with that many known secrets, and milliseconds to register one of them.

    The text is typical of what is masked, JSON with ids and addresses in short lines; it contains no secret.
    """
    chance = Random(number)
    characters = ascii_letters + digits + "-_"
    secrets, values = Secrets(), ["".join(chance.choices(characters, k=43)) for _ in range(number)]
    started = time.perf_counter()
    for value in values:
        secrets.know(value, str(UUID(int=chance.getrandbits(128))))
    registered = time.perf_counter() - started
    line = '{{"id":"{}","name":"an application","url":"https://api.example.com/accounts"}}\n'
    text = "".join(line.format(UUID(int=chance.getrandbits(128))) for _ in range(10_000))
    started = time.perf_counter()
    masked = secrets.mask(text)
    duration = time.perf_counter() - started
    assert masked == text
    return len(text) / 1e6 / duration, registered / number * 1e3


def many(run: dict[str, Any], checks: int, exchanges: int) -> dict[str, Any]:
    """A run with that many checks and exchanges, copied from `run`."""
    each = exchanges // checks
    made = [
        run["checks"][at % len(run["checks"])]
        | {"id": f"many.number-{at}", "exchanges": list(range(at * each + 1, (at + 1) * each + 1))}
        for at in range(checks)
    ]
    sent = [
        run["exchanges"][at % len(run["exchanges"])] | {"number": at + 1, "check": f"many.number-{at // each}"}
        for at in range(exchanges)
    ]
    return {**run, "checks": made, "exchanges": sent}


def written(run: dict[str, Any], times: int = 3) -> float:
    """Seconds to write all reports of a run: the best of several times."""
    from dcrproof.reports.folder import write

    durations = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            problems = write(Path(folder), run)
            durations.append(time.perf_counter() - started)
            assert not problems, problems
    return min(durations)


def compared(run: dict[str, Any]) -> float:
    """Seconds to compare a run with itself."""
    from dcrproof.reports.compare import compare

    started = time.perf_counter()
    assert not compare(run, run).facts
    return time.perf_counter() - started


def rendered(run: dict[str, Any]) -> tuple[float, float]:
    """Seconds to make the page of a run, and its size in megabytes."""
    from dcrproof.reports.index_html import index_html

    started = time.perf_counter()
    page = index_html(run)
    return time.perf_counter() - started, len(page) / 1e6


def main() -> None:
    """Measures everything, in about two minutes."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        report = ["--dcr-report", folder]
        pytest = [sys.executable, "-m", "pytest", "-q"]
        empty = best([*pytest, "-p", "no:cacheprovider", "test_nothing.py"], cwd=folder)
        offline = best([*pytest, *report], cwd=ROOT)
        run = json.loads((Path(folder) / "latest" / "run.json").read_text("utf-8"))
        smoke = best([*pytest, *report, "-m", "smoke"], cwd=ROOT)
    show("the whole offline run", f"{offline:.2f} s", "under 10 s")
    show("the smoke selection", f"{smoke:.2f} s", "under 3 s")
    show("offline run : an empty pytest run", f"{offline / empty:.1f}", f"the empty one: {empty:.2f} s")

    show("all reports of it : the offline run", f"{written(run) / offline:.3f}", "under 0.1")
    large = many(run, checks=2_000, exchanges=20_000)
    seconds, size = rendered(large)
    show("index.html of 2,000 checks and 20,000 exchanges", f"{seconds:.1f} s", f"{size:.0f} MB; seconds")
    show("all reports of them", f"{written(large, times=1):.1f} s", "seconds")
    show("two such runs compared", f"{compared(large):.1f} s", "seconds")

    for number in (200, 1000):
        speed, registering = masking(number)
        show(f"masking with {number:,} secrets", f"{speed:.0f} MB/s", f"{registering:.2f} ms to register one")


if __name__ == "__main__":
    main()
