"""Plots as SVG that is part of a page, without scripts: those of a load, drawn from the figures of `run.json`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from dcrproof.reports.words import PARTIES

WIDTH, HEIGHT = 520, 210
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 34, 26
"""The margins around the area of the curves."""
PERCENTILES = ("p50", "p95", "p99")
Value = float | None


@dataclass(frozen=True)
class Line:
    """One curve: its name, the class that styles it, and a value for each slot, None where there is none."""

    name: str
    style: str
    values: Sequence[Value]


def plots(load: Mapping[str, Any]) -> Iterator[Markup]:
    """The plots of the member `load` of run.json: latency of each party, requests and errors, and memory if it is known."""
    slots, width = load["slots"], load["width"]
    if not slots:
        return
    for party in load["parties"]:
        lines = [Line(name, name, [slot["parties"][party][name] for slot in slots]) for name in PERCENTILES]
        yield plot(f"{PARTIES.get(party, party)}: time to answer", lines, width, duration)
    last = max(load["seconds"] - slots[-1]["at"], 0.1)
    spans = [float(width)] * (len(slots) - 1) + [min(float(width), last)]
    for title, member, style in (("Requests a second", "requests", "p50"), ("Errors a second", "errors", "p99")):
        values = [slot["all"][member] / span for slot, span in zip(slots, spans, strict=True)]
        yield plot(title, [Line(member, style, values)], width, number)
    if any(slot["memory"] for slot in slots):
        memory = [slot["memory"] / 2**20 if slot["memory"] else None for slot in slots]
        yield plot("Memory of the mocks (MiB)", [Line("resident memory", "p50", memory)], width, number)


def plot(
    title: str,
    lines: Sequence[Line],
    width: int,
    shown: Callable[[float], str],
    along: Callable[[float], str] | None = None,
) -> Markup:
    """A plot over time; `width` are the seconds of a slot, and `shown` says a value in words.

    `along` says what stands below the axis at a share of its length: by default the time since the beginning.
    """
    most = _nice(max((value for line in lines for value in line.values if value is not None), default=0.0))
    count = max(len(line.values) for line in lines)
    peaks = ", ".join(
        f"{line.name} at most {shown(max(known))}"
        for line in lines
        if (known := [value for value in line.values if value is not None])
    )
    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(f"{title}: {peaks}")}">',
        f'<text class="lane" x="{LEFT}" y="16">{escape(title)}</text>',
        *_legend(lines),
        *_axes(most, shown, along or (lambda share: clock(share * count * width))),
        *(_curve(line, most, count) for line in lines),
        "</svg>",
    ]
    return Markup("".join(parts))  # noqa: S704 - texts are escaped above


def _legend(lines: Sequence[Line]) -> Iterator[str]:
    if len(lines) < 2:
        return
    wide = 45 + 7 * max(len(line.name) for line in lines)
    for index, line in enumerate(lines):
        x = WIDTH - RIGHT - wide * (len(lines) - index)
        yield f'<line class="{line.style}" x1="{x}" y1="12" x2="{x + 26}" y2="12"/>'
        yield f'<text class="soft" x="{x + 31}" y="16">{escape(line.name)}</text>'


def _axes(most: float, shown: Callable[[float], str], along: Callable[[float], str]) -> Iterator[str]:
    for share in (0.0, 0.5, 1.0):
        y = _y(share * most, most)
        yield f'<line class="life" x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}"/>'
        yield f'<text class="soft end" x="{LEFT - 6}" y="{y + 4}">{escape(shown(share * most))}</text>'
    for share, anchor in ((0.0, ""), (0.5, " middle"), (1.0, " end")):
        x = LEFT + share * (WIDTH - LEFT - RIGHT)
        yield f'<text class="soft{anchor}" x="{x}" y="{HEIGHT - 8}">{escape(along(share))}</text>'


def _curve(line: Line, most: float, count: int) -> str:
    """The curve, broken where there is no value; a value by itself is a short dash."""
    step = (WIDTH - LEFT - RIGHT) / count
    points = [
        None if value is None else f"{LEFT + (index + 0.5) * step:.1f} {_y(value, most):.1f}"
        for index, value in enumerate(line.values)
    ]
    path = "".join(
        f"{'L' if index and points[index - 1] else 'M'}{point}{'m-3 0h6' if _alone(points, index) else ''}"
        for index, point in enumerate(points)
        if point
    )
    return f'<path class="{line.style}" d="{path}"/>' if path else ""


def _alone(points: Sequence[str | None], index: int) -> bool:
    return not (index and points[index - 1]) and not (index + 1 < len(points) and points[index + 1])


def _y(value: float, most: float) -> float:
    return round(HEIGHT - BOTTOM - (value / most if most else 0.0) * (HEIGHT - TOP - BOTTOM), 1)


def _nice(value: float) -> float:
    """The end of an axis: 1, 2, 4 or 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power > value:
        power /= 10
    while power * 10 < value:
        power *= 10
    return next(step * power for step in (1, 2, 4, 5, 10) if step * power >= value * 0.999)


def duration(seconds: float) -> str:
    return f"{seconds * 1000:g} ms" if seconds < 1 else f"{round(seconds, 2):g} s"


def number(value: float) -> str:
    return f"{round(value, 1):g}"


def clock(seconds: float) -> str:
    """A time since the beginning: `40 s`, `12 min`, `1.5 h`."""
    if seconds < 180:
        return f"{round(seconds, 1):g} s"
    return f"{round(seconds / 60, 1):g} min" if seconds < 10_800 else f"{round(seconds / 3600, 1):g} h"
