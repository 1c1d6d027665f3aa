"""Where the lines and words of a sequence diagram stand; the template draws them as SVG."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dcrproof.playground.story import Arrow, Deed
from dcrproof.reports.words import PARTIES, lanes

NAMES: Mapping[str, str] = {**PARTIES, "admin": "Admin", "bridge": "DCR bridge"}

UUID = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
LETTER = 7.1
"""The width of a letter of a request."""


@dataclass(frozen=True)
class Form:
    """The measures of a diagram: for a wide screen, and for a phone."""

    name: str
    width: int
    row: int
    head: int
    right: int
    """What is left for the status."""
    letters: int
    """How many a request may have."""


FORMS = (Form("wide", 1090, 36, 40, 70, 60), Form("narrow", 360, 44, 50, 0, 40))


@dataclass(frozen=True)
class Lane:
    name: str
    x: float
    y: int
    anchor: str
    at: float
    """Where its name stands."""


@dataclass(frozen=True)
class Row:
    """An arrow: from `x` to `to` at the height `y`; its words are centred at `words`, or begin there."""

    arrow: Arrow
    y: float
    x: float
    to: float
    head: str
    """The points of the arrow's head."""
    text: str
    words: float
    back: tuple[float, float]
    """Where the ground of the words begins, and its width."""


@dataclass(frozen=True)
class Picture:
    form: Form
    height: int
    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]


def pictures(deed: Deed) -> tuple[Picture, ...]:
    """The diagram for each kind of screen."""
    return tuple(_picture(deed, form) for form in FORMS)


def _picture(deed: Deed, form: Form) -> Picture:
    names = lanes(end for arrow in deed.arrows for end in (arrow.sender, arrow.receiver))
    wide = (form.width - form.right) / max(len(names), 2)
    x = {name: wide * (number + 0.5) for number, name in enumerate(names)}
    return Picture(
        form,
        form.head + form.row * len(deed.arrows) + 8,
        tuple(_lane(name, number, x[name], wide, form, len(names)) for number, name in enumerate(names)),
        tuple(_row(arrow, number, x, form) for number, arrow in enumerate(deed.arrows)),
    )


def _lane(name: str, number: int, x: float, wide: float, form: Form, many: int) -> Lane:
    """On a phone the names are wider than their lanes: each other one stands lower, the outer ones at the edge."""
    if form.right:
        return Lane(NAMES.get(name, name), x, 24, "middle", x)
    anchor = {0: "start", many - 1: "end"}.get(number, "middle")
    at = {"start": 2, "middle": x, "end": x + wide / 2 - 2}[anchor]
    return Lane(NAMES.get(name, name), x, 16 + 17 * (number % 2), anchor, at)


def _row(arrow: Arrow, number: int, x: Mapping[str, float], form: Form) -> Row:
    y = form.head + form.row * number + form.row * 0.78
    start, end = x[arrow.sender], x[arrow.receiver]
    back = 9 if end < start else -9
    text = short(f"{arrow.method} {arrow.path}", form.letters)
    width = len(text) * LETTER + 8
    middle = min(max((start + end) / 2, width / 2 + 2), form.width - form.right - width / 2)
    words = middle if form.right else 2
    return Row(
        arrow,
        round(y, 1),
        round(start, 1),
        round(end, 1),
        f"{end:.1f},{y:.1f} {end + back:.1f},{y - 4.5:.1f} {end + back:.1f},{y + 4.5:.1f}",
        text,
        round(words, 1),
        (round(words - width / 2 if form.right else 0, 1), round(width, 1)),
    )


def short(request: str, letters: int) -> str:
    """A request in so many letters: ids by their beginning, and the end of a long path cut off."""
    flat = UUID.sub(r"\1…", request)
    return flat if len(flat) <= letters else f"{flat[: letters - 1]}…"
