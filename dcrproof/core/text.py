"""Texts from outside, escaped so that nothing in them is read as a command."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher

SPECIAL = re.compile(r"[^\x20-\x7e\n\t]")
COMMAND = re.compile(r"(?m)^([^\S\n]*):(?=:)|(#)#(?=[A-Za-z]{0,20}\[)")
"""How a line begins, or what it holds, that GitHub Actions (`##[`), Azure Pipelines (`##vso[`) or TeamCity executes when a
job prints it."""


def visible(text: str) -> str:
    """The text with control and format characters escaped as in Python, ESC for example; line ends and tabs stay.

    By their Unicode category: what commands a terminal, changes the direction of text, is invisible, or cannot be
    written in XML 1.0 is not printable. Spaces are.
    """
    return SPECIAL.sub(_shown, text.replace("\r\n", "\n"))


def _shown(found: re.Match[str]) -> str:
    return found[0] if _is_shown(found[0]) else ascii(found[0])[1:-1]


def _is_shown(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def visible_json(text: str) -> str:
    """JSON in which what is not printable is escaped as JSON has it: it says the same."""
    if text.isascii() and text.isprintable():  # told much faster than by a pattern
        return text
    return SPECIAL.sub(lambda found: found[0] if _is_shown(found[0]) else json.dumps(found[0])[1:-1], text)


def one_line(text: str, longest: int = 1_000) -> str:
    """The text on one line, cut after `longest` characters."""
    flat = " ".join(visible(text).split())
    return flat if len(flat) <= longest else f"{flat[:longest]}..."


def harmless(text: str) -> str:
    """The text as a terminal may show it: it commands neither the terminal nor what runs the job. JSON stays JSON."""
    return COMMAND.sub(lambda found: f"{found[1]}\\u003a" if found[2] is None else "#\\u0023", visible(text))


def say(text: str, write: Callable[[str], object] = print) -> None:
    """Writes a text to a terminal. It is the only way: the text may hold something from outside."""
    write(harmless(text))


FEW = 12
"""How many names are listed in full where none is near."""


def near(name: str, names: Iterable[str]) -> str:
    """What to say of a name that is none of `names`: "did you mean 'x'?", or "expected 'x' or 'y'" where none is near.

    It is "" where none is near and they are too many to list. Both may come from outside.
    """
    known = sorted({one_line(known, 100) for known in names})
    return meant(name, known) or (f"expected {one_of(known)}" if 0 < len(known) <= FEW else "")


def meant(name: str, names: Iterable[str]) -> str:
    """The same where some of the names are near, else ""."""
    wanted = one_line(name, 100).casefold()
    known = {one_line(known, 100) for known in names}
    like = {one: SequenceMatcher(None, one.casefold(), wanted).ratio() for one in sorted(known)}
    nearest = max(like.values(), default=0)
    close = [one for one, ratio in like.items() if ratio >= 0.7 and ratio > nearest - 0.05]
    return f"did you mean {one_of(close[:3])}?" if close else ""


def one_of(names: Sequence[str]) -> str:
    """The names as a choice: "'a', 'b' or 'c'"."""
    *first, last = (f"'{name}'" for name in names)
    return f"{', '.join(first)} or {last}" if first else last
