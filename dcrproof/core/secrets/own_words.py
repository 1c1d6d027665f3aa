"""dcrproof's own words: what it writes whatever a party says, and a mask must not touch.

What it prints and writes is put together from fixed texts, with numbers, times and other words of its own between them.
So a text may be its own if its words are those of dcrproof's sources, and each two of them stand beside each other there,
or blanks or brackets separate them. pytest writes some more.

A mask joins lines, since a secret may be printed over several of them; so a text may also be the end of one line and the
beginning of the next.
"""

import builtins
import re
from functools import cache
from pathlib import Path

from dcrproof.core.secrets.secret import SHORTEST

WRITERS = (
    "core/**/*.py",
    "fixtures/**/*.py",
    "reports/*.*",
    "reports/templates/*",
    "suites/*.py",  # and not further down, where dcrproof's own tests are
    "suites/detail/*.py",
)
"""The sources of what writes."""

PYTEST = (
    "test session starts platform linux darwin win32 python pytest pluggy rootdir configfile testpaths plugins collected "
    "collecting items deselected selected run-last-failure passed failed skipped xfailed xpassed error errors warning "
    "warnings summary short info slowest durations captured stdout stderr call setup teardown log live logs traceback "
    "most recent last full diff use show progress percent bringing up nodes workers worker created interrupted "
    "keyboardinterrupt internalerror exit no tests ran seconds subtests "
    "configfile: pyproject.toml pytest.ini tox.ini setup.cfg conftest.py plugins: hypothesis- anyio- xdist- cov- asyncio- "
    "suites/test_ suites/detail/test_ .py::test reports/out/latest/index.html "
    "site-packages dist-packages the above exception was the direct cause of the following exception: "
    "during handling of the above exception, another exception occurred: "
    "fixture not found available fixtures: use 'pytest --fixtures [testpath]' for help on them. "
    "full diff: use -v to get more diff omitting identical items left contains more items right contains extra "
    "pytestwarning pytestassertrewritewarning pytestcachewarning pytestcollectionwarning pytestconfigwarning "
    "pytestunknownmarkwarning pytestunraisableexceptionwarning pytestunhandledthreadexceptionwarning "
    "pytestremovedin9warning docs: https://docs.pytest.org/en/stable/how-to/capture-warnings.html "
    "falsifying example: explanation: you can reproduce this example by temporarily adding "
    "mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep oct nov dec gmt utc"
)
"""What stands around each run on the terminal, around a traceback, and in dates."""

EXCEPTIONS = [
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
]
"""The names in a traceback; those of warnings are among them."""

LETTERS = bytes(octet if chr(octet).isalnum() else ord(" ") for octet in range(128)).ljust(256)
"""All octets, with blanks instead of what is no letter and no digit."""
SEPARATES = re.compile(r"[\s\"'`<>{}\[\]|]")
"""In what stands between two words: either may be the end, or the beginning, of a text of its own."""
WORD = re.compile(r"[^\W_]+")
PLAIN = re.compile(r"[^\W\d_]{3}|[^\S\n]")
"""Shorter words without blanks between them tell nothing: a few random characters may be some."""
T_OR_Z = re.compile(r"(?<![^\W_])t(?=\d)|(?:(?<=\d\d)|(?<=\A\d))[tz](?![^\W\d_])")
"""The letters in a time as ISO 8601 has it."""
NUMBER = re.compile(r"(\d+)(?:s|ms|min|h|kb|mb)?")
UNIT = re.compile(r"(?<=\d)(?:s|ms|min|h|kb|mb)(?![^\W_])")
DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
CUT_DATE = re.compile(r"\A\d{7}(?=t)|(?<!\d)(?:19|20)\d{5}\Z")
BETWEEN = re.compile(r"[\d\s.,:;/_()%+-]+")
"""Numbers, with what may stand between those of a time, a version, or a count."""
IN_A_TABLE = re.compile(r"(?=.*\s)[\d\s.,:;/_()%+\[\]{}|<>=*'\"`-]+")
"""The same with blanks and frames around them."""
FRAME = re.compile(r"[\s{}\[\]\",:]+")
"""What is between the members of JSON."""
REPEATED = re.compile(r"([^\d\s])\1{2,}")
"""Rules, dots, and the letters of tests that ended alike."""
PROGRESS = re.compile(r"(?<!\S)(?=\S*\.)[.fueskobnx-]{3,}(?!\S)")
"""The letters of the verdicts, while tests run."""
FEWEST_CHARACTERS = 4
"""Rules and indents are made of fewer different ones."""
DIGITS_OF = re.compile(
    "|".join(
        rf"{'' if at == 0 else chr(92) + 'A'}{word[at:]} [\da-f]{{1,8}}(?![^\W_])"
        for word in ("secret", "dcrproof")
        for at in range(len(word))
    )
)
"""A fingerprint and the mark of a run, whose beginnings may be cut."""
JOINED = re.compile(r"[^\W\d_]{4}|[^\S\n]")
"""The same of the ends of two lines: without blanks, one of them has half of a secret."""


def is_own(text: str, longest: int = 6) -> bool:
    """Whether dcrproof may write that text by itself: in whole, or as a part of a longer one.

    A number has at most `longest` digits: longer ones are ids. The first and the last word may be cut.
    """
    if len({*text}) < FEWEST_CHARACTERS and len(text) >= SHORTEST:
        return True
    lines = text.split("\n")
    if len(lines) == 1:
        return _is_part(text, longest=longest)
    return (
        bool(JOINED.search(text))
        and all(map(_tells, lines[1:-1]))
        and all(
            _is_part(line, begins=at > 0, ends=at < len(lines) - 1, longest=longest) for at, line in enumerate(lines)
        )
    )


def is_own_in_lines(text: str) -> bool:
    """Whether dcrproof may write that text by itself with the ends of lines somewhere in it."""
    if not JOINED.search(text):
        return False
    ends = [0]
    for end in range(1, len(text)):
        if any(
            _is_part(line, begins=begin > 0, ends=True)
            for begin in ends
            if (line := text[begin:end]) and (not begin or _tells(line))
        ):
            ends.append(end)
    return any(_is_part(text[end:], begins=True) for end in ends[1:])


def _tells(line: str) -> bool:
    """Whether a whole line may be a text: any secret may be printed in a narrow column."""
    return len(line.split()) > 1 or not WORD.search(line)


def _is_part(text: str, *, begins: bool = False, ends: bool = False, longest: int = 6) -> bool:
    """Whether it may be a part of a line; a line `begins` or `ends` there, or a word may be cut."""
    text = T_OR_Z.sub(" ", CUT_DATE.sub("", text.lower()))
    for shape in (DIGITS_OF, PROGRESS, REPEATED):
        text = shape.sub(" ", text)
    found = WORD.findall(text)
    if not found:
        return len({*text}) <= FEWEST_CHARACTERS + 1 or bool(FRAME.fullmatch(text))
    numbers = {word: number[1] for word in found if (number := NUMBER.fullmatch(word))}
    if any(len(digits) > longest and not DATE.fullmatch(digits) for digits in numbers.values()):
        return False
    if len(numbers) == len({*found}):
        text = UNIT.sub("", text)
        return bool(BETWEEN.fullmatch(text) or IN_A_TABLE.fullmatch(text))
    words = _words()
    bars = "|" * (len(found) - 1)
    before = ("|" if begins or not text.startswith(found[0]) else "", *bars)
    after = (*bars, "|" if ends or not text.endswith(found[-1]) else "")
    if not all(
        word in numbers or f"{left}{word}{right}" in words
        for left, word, right in zip(before, found, after, strict=True)
    ):
        return False
    plain, sources = begins or ends or PLAIN.search(text), _sources()
    return " ".join(text.split()) in sources or all(
        (plain and SEPARATES.search(gap))
        or ((one in numbers or other in numbers) and (plain or BETWEEN.fullmatch(gap)))
        or _beside(one, gap, other, sources)
        for one, gap, other in zip(found, WORD.split(text)[1:], found[1:], strict=False)
    )


def _beside(one: str, gap: str, other: str, sources: str) -> bool:
    """Whether two words stand beside each other in the sources, or either stands beside a place for a value."""
    return f"{one}{gap}{other}" in sources or f"{one}{gap}{{" in sources or f"}}{gap}{other}" in sources


@cache
def _words() -> str:
    """All words of the sources, between bars; a letter beyond ASCII separates two. Octets are split up much faster."""
    words = {*_written().encode("ascii", "replace").translate(LETTERS).split()}
    return f"|{'|'.join(word.decode() for word in sorted(words))}|"


@cache
def _sources() -> str:
    """The sources, with one blank between all that is in them."""
    return " ".join(_written().split())


@cache
def _written() -> str:
    root = Path(__file__).parents[2]
    paths = (path for pattern in WRITERS for path in root.glob(pattern) if path.is_file())
    return " ".join([PYTEST, *map(str.lower, EXCEPTIONS), *(path.read_text("utf-8").lower() for path in paths)])
