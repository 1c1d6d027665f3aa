"""How cost grows with work: a run by its exchanges, the mocks by their applications. CPU seconds, not the clock.

    pip install -e '.[test]' && python benchmarks/growth.py

Takes ten minutes and half a gigabyte. Writes growth.json and, from it, growth.svg; `--draw` only draws what was recorded.
"""

import argparse
import json
import resource
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FIGURES, PLOTS = (Path(__file__).with_name(name) for name in ("growth.json", "growth.svg"))
APPLICATIONS = (100, 1_000, 10_000, 100_000)
RUNS = (("--dcr-check=token.is-jwt",), ("--dcr-check=claims",), ("-m", "smoke"), ("--dcr-check=route",), ())
"""Selections of checks, smaller ones first."""
ROUNDS = 3


def panel(title: str, unit: str, of: str, costs: dict[int, float]) -> dict[str, Any]:
    """Costs in that unit, by how many there are `of` something."""
    return {"title": title, "unit": unit, "of": of, "bars": {f"{n:,}": float(f"{costs[n]:.3g}") for n in costs}}


# What is measured


def runs() -> Iterator[dict[str, Any]]:
    """The CPU of runs of more and more checks, by how many exchanges they have."""
    from measure import best, run
    from replay import recorded

    costs = {}
    with tempfile.TemporaryDirectory() as folder:
        for options in RUNS:
            rounds = [run(Path(__file__).parent.parent, f"--dcr-report={folder}", *options) for _ in range(ROUNDS)]
            exchanges = len(recorded(Path(folder) / "latest" / "events.jsonl"))
            costs[exchanges] = best(rounds).cpu
    yield panel("A run", "s", "exchanges", costs)


def applications() -> Iterator[dict[str, Any]]:
    """The CPU of requests to mocks with more and more applications, and the memory of their process."""
    from peers import Organisation, cost

    organisation = Organisation()
    works = organisation.works()
    costs: dict[str, dict[int, float]] = {name: {} for name in works}
    memory: dict[int, float] = {}
    empty = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for size in APPLICATIONS:
        organisation.grow(size)
        memory[size] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - empty) / 1024
        for name, work in works.items():
            costs[name][size] = cost(work) * 1e6
    for name, found in costs.items():
        yield panel(name.capitalize(), "us", "applications", found)
    yield panel("Memory", "MiB", "applications", memory)


# The plots


WIDTH, HEIGHT, COLUMNS = 380, 200, 2
TOP, BOTTOM, SIDE = 46, 42, 14
STYLE = """\
svg { background: #fff; font: 13px system-ui, sans-serif }
text { fill: #24292f } .title { font-weight: 600 } .label { fill: #57606a; font-size: 12px } .bar { fill: #0b57d0 }
.axis { stroke: #8c959f }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117 } text { fill: #e6edf3 } .label { fill: #9da7b3 } .bar { fill: #6ea8fe }
}"""


def drawn(panels: Sequence[dict[str, Any]]) -> str:
    """The panels as one SVG, two in a row, for a light and a dark page."""
    rows = -(-len(panels) // COLUMNS)
    size = f'width="{COLUMNS * WIDTH}" height="{rows * HEIGHT}" viewBox="0 0 {COLUMNS * WIDTH} {rows * HEIGHT}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">', f"<style>{STYLE}</style>"]
    for index, one in enumerate(panels):
        row, column = divmod(index, COLUMNS)
        parts.append(f'<g transform="translate({column * WIDTH} {row * HEIGHT})">')
        parts += _bars(one)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _bars(one: dict[str, Any]) -> Iterator[str]:
    most = max(one["bars"].values())
    step = (WIDTH - 2 * SIDE) / len(one["bars"])
    yield f'<text class="title" x="{SIDE}" y="20">{one["title"]}</text>'
    for index, (label, value) in enumerate(one["bars"].items()):
        tall = round(value / most * (HEIGHT - TOP - BOTTOM), 1)
        left, bottom = round(SIDE + index * step, 1), HEIGHT - BOTTOM
        middle = f'x="{left + step / 2:.1f}" text-anchor="middle"'
        yield f'<rect class="bar" x="{left + step * 0.15:.1f}" y="{bottom - tall:.1f}" width="{step * 0.7:.1f}" height="{tall}"/>'
        yield f'<text {middle} y="{bottom - tall - 5:.1f}">{value:g} {one["unit"]}</text>'
        yield f'<text class="label" {middle} y="{HEIGHT - BOTTOM + 16}">{label}</text>'
    yield f'<text class="label" x="{WIDTH / 2:g}" y="{HEIGHT - 10}" text-anchor="middle">{one["of"]}</text>'
    yield f'<path class="axis" d="M{SIDE} {HEIGHT - BOTTOM}H{WIDTH - SIDE}"/>'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw", action="store_true", help=f"only draw what {FIGURES.name} has")
    if not parser.parse_args().draw:
        from measure import machine

        panels = [*runs(), *applications()]
        recorded = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine(), "panels": panels}
        FIGURES.write_text(json.dumps(recorded, indent=1) + "\n")
    PLOTS.write_text(drawn(json.loads(FIGURES.read_text())["panels"]))


if __name__ == "__main__":
    main()
