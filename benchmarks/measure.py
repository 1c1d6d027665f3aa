"""What a run costs, as ratios whose parts are measured in one go, in turns: absolute times differ between machines.

    pip install -e '.[test]' && python benchmarks/measure.py [--rounds N] [--only NAME ...] [--record | --compare]

benchmarks/README.md says what each ratio means. `--record` keeps the figures in benchmarks/figures.json; `--compare` warns
of each that is worse than the recorded one by a quarter, and never fails. No test asserts these figures.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from replay import replay

ROOT = Path(__file__).parent.parent
FIGURES = Path(__file__).parent / "figures.json"
ONE_CHECK = "token.is-jwt"
PYTEST = (sys.executable, "-m", "pytest", "-q")
WORSE = 1.25


class Cost(NamedTuple):
    """Seconds by the clock, and of all cores together."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.cpu:.2f} s CPU)"


def plus(*costs: Cost) -> Cost:
    return Cost(sum(cost.wall for cost in costs), sum(cost.cpu for cost in costs))


def best(costs: list[Cost]) -> Cost:
    """The least of several rounds: what else the machine does only adds to it."""
    return Cost(min(cost.wall for cost in costs), min(cost.cpu for cost in costs))


def run(folder: Path, *arguments: str) -> Cost:
    """A run of pytest, with all processes that it starts."""
    # bytecode is cached, as it is where a person runs pytest
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    process = subprocess.Popen(
        [*PYTEST, *arguments], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return Cost(time.perf_counter() - started, used.ru_utime + used.ru_stime)


def checks(name: str, *arguments: str) -> Callable[[Path], Cost]:
    """A run of the checks, whose evidence is in the folder of that name."""
    return lambda folder: run(ROOT, f"--dcr-report={folder / name}", *arguments)


def again(name: str) -> Callable[[Path], Cost]:
    """The exchanges of that run, bare."""

    def replayed(folder: Path) -> Cost:
        found = replay(folder / name / "latest" / "events.jsonl")
        return Cost(found["seconds"], found["cpu"])

    return replayed


MEASURED: Mapping[str, Callable[[Path], Cost]] = {
    "empty": lambda folder: run(folder, "-p", "no:cacheprovider", "test_nothing.py"),
    "all": checks("all"),
    "all again": again("all"),
    "smoke": checks("smoke", "-m", "smoke"),
    "smoke again": again("smoke"),
    "one": checks("one", f"--dcr-check={ONE_CHECK}"),
    "one again": again("one"),
    "workers": checks("workers", "-n", "2"),
}
"""What is measured; what sends exchanges again comes after the run that has recorded them."""


@dataclass(frozen=True)
class Ratio:
    """What of MEASURED is divided by the sum of what, and what it should be at most."""

    text: str
    of: str
    over: tuple[str, ...]
    most: float


RATIOS = {
    "run": Ratio("the whole offline run", "all", ("empty", "all again"), 2.0),
    "smoke": Ratio("the smoke selection", "smoke", ("empty", "smoke again"), 1.5),
    "check": Ratio(f"--dcr-check {ONE_CHECK}", "one", ("empty", "one again"), 1.5),
    "workers": Ratio("two workers (-n 2)", "workers", ("all",), 0.65),
}
NAMES = {
    "empty": "an empty run",
    "all": "one process",
    "all again": "its exchanges, bare",
    "smoke again": "its exchanges, bare",
    "one again": "its exchanges, bare",
}


def measured(names: list[str], rounds: int) -> dict[str, Cost]:
    """The least cost of everything that these ratios need, measured in turns."""
    needed = {part for name in names for part in (RATIOS[name].of, *RATIOS[name].over)}
    costs: dict[str, list[Cost]] = {part: [] for part in MEASURED if part in needed}
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        for _ in range(rounds):
            for part, taken in costs.items():
                taken.append(MEASURED[part](Path(name)))
    return {part: best(taken) for part, taken in costs.items()}


Figures = Mapping[str, Mapping[str, float]]
"""Ratios by name, each by the clock (`wall`) and by CPU (`cpu`)."""


def figures(names: list[str], costs: Mapping[str, Cost]) -> dict[str, dict[str, float]]:
    """Each ratio, by the clock and by CPU."""
    found = {}
    for name in names:
        cost, base = costs[RATIOS[name].of], plus(*(costs[part] for part in RATIOS[name].over))
        found[name] = {"wall": round(cost.wall / base.wall, 2), "cpu": round(cost.cpu / base.cpu, 2)}
    return found


def warnings(found: Figures, recorded: Figures) -> Iterator[str]:
    """Of each figure that is worse than the recorded one by a quarter."""
    for name, figure in found.items():
        for kind, value in figure.items():
            before = recorded.get(name, {}).get(kind)
            if before is not None and value > WORSE * before:
                yield f"warning: {RATIOS[name].text}: {value:.2f} ({kind}), recorded were {before:.2f}"


def machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "python": sys.version.partition(" ")[0], "system": sys.platform}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often each is measured; the least counts (default 5)"
    )
    parser.add_argument("--only", nargs="+", choices=RATIOS, default=[*RATIOS], help="only these ratios")
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument("--record", action="store_true", help=f"keep the figures in {FIGURES.name}")
    kept.add_argument(
        "--compare", action="store_true", help="warn of figures worse than the recorded ones by a quarter"
    )
    asked = parser.parse_args()
    costs = measured(asked.only, asked.rounds)
    found = figures(asked.only, costs)
    print(f"{'ratio':32} {'wall':>6} {'CPU':>6} {'target':>7}")
    for name, figure in found.items():
        ratio = RATIOS[name]
        print(f"{ratio.text:32} {figure['wall']:6.2f} {figure['cpu']:6.2f} {ratio.most:7g}   {costs[ratio.of]} over")
        for part in ratio.over:
            print(f"{'':56}{NAMES[part]}: {costs[part]}")
    recorded = json.loads(FIGURES.read_text()) if FIGURES.exists() else {"ratios": {}}
    if asked.record:
        content = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine()}
        content["ratios"] = {**recorded["ratios"], **found}
        FIGURES.write_text(json.dumps(content, indent=2) + "\n")
    if asked.compare:
        for warning in warnings(found, recorded["ratios"]):
            print(warning)


if __name__ == "__main__":
    main()
