"""Other readings of a text: without line breaks and colours, with escapes undone, and with base64 and hexadecimal decoded.

Each maps a place in the reading back to its place in the text.
"""

import base64
import html
import math
import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate, chain
from typing import NamedTuple
from urllib.parse import unquote

BREAK = re.compile(
    r"""[\r\n\\&\#\x1b] (?:                          # first, so that a text without them is skipped quickly
            (?: (?<=[\r\n]) [\r\n]* | (?<=(?<!\\)\\) \\* (?: r\\+ )? n | (?<=&) \#(?: 10 | xA ); )  # a new line, or as it is escaped
            (?: E(?=[ ]) )? [ \t]* (?: [-+][ ]+ )?      # what pytest puts before the lines of a message
            (?: b?['"] )?
        |   (?: (?<=\x1b) | (?<=(?<!\\)\\) \\* (?: x1b | u001b ) | (?<=\#) x1B ) \[ [\d;]* m  # a change of colour
        )""",
    re.VERBOSE,
)
"""What can be in the middle of a secret that is printed over several lines, or in colours.

A run of backslashes is tried from its first one only: from each of them it would take quadratic time.
"""

ESCAPE = re.compile(
    r"""(?P<escape> [\\&%] (?:               # first, as above
            (?<=\\) (?: u[dD][89abAB][\da-fA-F]{2} \\u[dD][c-fC-F][\da-fA-F]{2} | u[\da-fA-F]{4} | x[\da-fA-F]{2}
                | U[\da-fA-F]{8} | u\{[\da-fA-F]{1,6}\} )
        |   (?<=\\) [bfnrt"'/\\]
        |   (?<=&) (?: \#\d{1,7} | \#[xX][\da-fA-F]{1,6} | [A-Za-z][A-Za-z\d]{1,30} );
        |   (?<=%) (?: [0-7][\da-fA-F] | [89a-fA-F][\da-fA-F] (?: %[89a-fA-F][\da-fA-F] )* )
        ))""",
    re.VERBOSE,
)
"""What stands for a character in JSON, in JavaScript, in Python, in HTML or in an address."""

UNUSUAL = tuple(  # each begins with a character that can be found quickly
    map(
        re.compile,
        (
            r"\\(?:(?:u00|U000000)(?!3c|3e|26(?!#|\w+;))[2-7]|u\{0{0,4}[2-7]|x[2-7])[\da-fA-F]",
            r"&(?:amp;)*(?:#(?!x27;|34;|39;)|(?!quot;|amp;|lt;|gt;|#)\w+;)",
            r"%[2-7][\da-fA-F]",
        ),
    )
)
"""Escapes that are rare, and that no form has: a text with one of them is read with all escapes undone."""

_CONTROLS = dict(zip("bfnrt", "\b\f\n\r\t", strict=True))

NESTED = 3
"""How many times escapes are undone: how deep a document may be nested in others."""

ODD = re.compile(r"[\r\n\\&#%\x1b]")
"""What breaks and escapes begin with: a text without any of it has one reading."""

SHORTEST_RUN = 96
LONG_RUN = re.compile(rf"(?<![\w+/-])[\w+/-]{{{SHORTEST_RUN},}}", re.ASCII)
"""What may be a long value in base64 or hexadecimal, or the part of one that a shortened message keeps."""

HEXADECIMAL = re.compile(r"[\da-fA-F]*", re.ASCII)

_SAMPLE = 8
# Every 8th character of a text shows quickly where such a run may be: it has twelve of them.
_SAMPLED = re.compile(r"[\w+/-]{12,}", re.ASCII)

LONG = 15
"""Characters of a piece that is not there by chance: so many hold 8 that begin at a multiple of 8."""


class Found(NamedTuple):
    """A secret, or a piece of one, in a text: its place, and the fingerprint that is shown for it."""

    start: int
    end: int
    shown: str


class Reading(NamedTuple):
    """A text without breaks, or decoded."""

    text: str
    joints: list[int] | None
    """The places where parts were joined; None means everywhere."""
    origin: Callable[[int, int], tuple[int, int]]
    """From a place in this reading to the place in the text that was read."""
    breaks: bool = False
    """Whether line breaks were there."""

    def found(self, run: Found) -> Found:
        return Found(*self.origin(run.start, run.end), run.shown)

    def before(self, outer: "Reading") -> "Reading":
        """A reading of a reading, as a reading of the first text."""
        return self._replace(origin=lambda start, end: outer.origin(*self.origin(start, end)))


def readings(text: str, found: list[Found]) -> Iterator[Reading]:
    """The other readings of a text; long runs of base64 and hexadecimal are decoded, except where something was `found`."""
    joined = read(text, BREAK)
    if joined is not None:
        yield joined
    yield from _unescaped(text)
    if len(text) < SHORTEST_RUN:
        return
    ends = [one.end for one in found]
    for run in long_runs(text):
        after = bisect_left(ends, run.end())
        if after == len(found) or found[after].start > run.start():
            yield from decoded(run)
    if joined is not None:
        joints = joined.joints or []
        for run in long_runs(joined.text):
            if bisect_right(joints, run.start()) < bisect_left(joints, run.end()):  # the others are among those above
                yield from (reading.before(joined) for reading in decoded(run))


def read(text: str, pattern: re.Pattern[str]) -> Reading | None:
    """A text without the matches of the pattern, or with escapes replaced; None where nothing matches."""
    if not pattern.search(text):
        return None
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    done = 0
    for match in pattern.finditer(text):
        start, character = match.start(), ""
        if match.lastgroup == "escape":
            character = _character(match[0])
        elif match[0][-1] in "'\"" and text[start - 1 : start] == match[0][-1]:
            start -= 1  # one quotation ends, and the next one begins
        if start > done:
            parts.append(text[done:start])
            spans.append((done, start))
        if character:
            parts.append(character)
            spans.append(match.span())
        done = match.end()
    parts.append(text[done:])
    spans.append((done, len(text)))
    joints = [0]
    for part in parts[:-1]:
        joints.append(joints[-1] + len(part))

    def place(at: int) -> tuple[int, int]:
        part = bisect_right(joints, at) - 1
        begin, end = spans[part]
        as_it_was = len(parts[part]) == end - begin
        return (begin + at - joints[part], begin + at - joints[part] + 1) if as_it_was else (begin, end)

    def origin(start: int, end: int) -> tuple[int, int]:
        return place(start)[0], place(end - 1)[1]

    return Reading("".join(parts), joints[1:], origin, pattern is BREAK)


def _character(escape: str) -> str:
    """The character that an escape stands for."""
    if escape[:2] == "&#":
        number = int(escape[3:-1], 16) if escape[2] in "xX" else int(escape[2:-1])
        return chr(number) if number <= sys.maxunicode else ""
    if escape[0] == "&":
        return html.unescape(escape)
    if escape[0] == "%":
        return unquote(escape)
    if escape[1] == "U" or escape[2:3] == "{":
        number = int(escape[2:].strip("{}"), 16)
        return chr(number) if number <= sys.maxunicode else ""
    if escape[1] in "ux":
        units = bytes.fromhex(escape.replace("\\u", "").replace("\\x", "00"))
        return units.decode("utf-16-be", "surrogatepass")
    return _CONTROLS.get(escape[1], escape[1])


def _unescaped(text: str) -> Iterator[Reading]:
    """A text with escapes undone, repeatedly while there are any; nothing where it has only usual ones."""
    if not any(pattern.search(text) for pattern in UNUSUAL):
        return
    last = None
    for _ in range(NESTED):
        reading = read(last.text if last else text, ESCAPE)
        if reading is None:
            return
        last = reading.before(last) if last else reading
        yield last
        joined = read(last.text, BREAK)
        if joined is not None:
            yield joined.before(last)


def in_escapes(text: str) -> Iterator[Reading]:
    """The parts of a text around unusual escapes, joined, with escapes undone."""
    around, spans = 4 * LONG, [(0, 0)]
    for match in sorted(chain(*(pattern.finditer(text) for pattern in UNUSUAL)), key=re.Match.start):
        begin, end = match.start() - around, match.end() + around
        spans[-1:] = [(spans[-1][0], end)] if begin <= spans[-1][1] else [spans[-1], (begin, end)]
    parts = [text[begin:end] for begin, end in spans]
    joints = [0, *accumulate(len(part) + 1 for part in parts)]

    def origin(start: int, end: int) -> tuple[int, int]:
        part = bisect_right(joints, start) - 1
        ahead = spans[part][0] - joints[part]
        return start + ahead, end + ahead

    outer = Reading("\0".join(parts), None, origin)
    yield from (reading.before(outer) for reading in _unescaped(outer.text))


def decoded(run: re.Match[str]) -> Iterator[Reading]:
    """A run of base64, decoded from each of the four alignments; one of hexadecimal, also from each of the two."""
    standard = run[0].replace("-", "+").replace("_", "/")
    for ahead in range(4):
        yield _octets(base64.b64decode(_whole(standard[ahead:], 4)), run.start() + ahead, 8 / 6)
    if HEXADECIMAL.fullmatch(run[0]):
        for ahead in range(2):
            yield _octets(bytes.fromhex(_whole(run[0][ahead:], 2)), run.start() + ahead, 2)


def _whole(text: str, size: int) -> str:
    return text[: len(text) // size * size]


def _octets(octets: bytes, begin: int, each: float) -> Reading:
    """Octets as characters, each from so many characters of a text, from that place on."""

    def origin(start: int, end: int) -> tuple[int, int]:
        return begin + math.floor(start * each), begin + math.ceil(end * each)

    return Reading(octets.decode("latin-1"), None, origin)


def long_runs(text: str) -> Iterator[re.Match[str]]:
    for match in _SAMPLED.finditer(text[::_SAMPLE]):
        yield from LONG_RUN.finditer(text, max(match.start() - 1, 0) * _SAMPLE, (match.end() + 1) * _SAMPLE)
