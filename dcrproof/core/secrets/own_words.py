"""dcrproof's own words: what it writes whatever a party says, and a mask must not touch.

What it prints and writes is put together from fixed texts, with numbers, times and other words of its own between them.
So a text may be its own if its words are those of dcrproof's sources, and each two of them stand beside each other there,
or blanks or brackets separate them. pytest writes some more.
"""

import builtins
import re
from functools import cache
from pathlib import Path

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

SEPARATES = re.compile(r"[\s\"<>{}\[\]|]")
"""In what stands between two words: either may be the end, or the beginning, of a text of its own."""
WORD = re.compile(r"[^\W_]+")
LETTERS = re.compile(r"[^\W\d_]{3}")
"""Shorter words tell nothing: a few random characters may be one."""
T_OR_Z = re.compile(r"(?<![^\W_])t(?=\d)|(?<=\d)[tz](?![^\W\d_])")
"""The letters in a time as ISO 8601 has it."""
NUMBER = re.compile(r"(\d+)(?:s|ms|min|h|kb|mb)?")
DATE = re.compile(r"(?:19|20)\d{6}")
BETWEEN = re.compile(r"[\d\s.,:;/_()%+-]+")
"""Numbers, with what may stand between those of a time, a version, or a count."""
FEWEST_CHARACTERS = 4
"""Rules and indents are made of fewer different ones."""


def is_own(text: str, longest: int = 6) -> bool:
    """Whether dcrproof may write that text by itself: in whole, or as a part of a longer one.

    A number has at most `longest` digits: longer ones are ids. The first and the last word may be cut.
    """
    if len({*text}) < FEWEST_CHARACTERS:
        return True
    text = T_OR_Z.sub(" ", text.lower())
    found = WORD.findall(text)
    if not found:
        return len({*text}) <= FEWEST_CHARACTERS + 1
    numbers = {word: number[1] for word in found if (number := NUMBER.fullmatch(word))}
    if any(len(digits) > longest and not DATE.fullmatch(digits) for digits in numbers.values()):
        return False
    if len(numbers) == len({*found}):
        return bool(BETWEEN.fullmatch(text))
    words, joined, sources = _sources()
    inner = found[text[0] == found[0][0] : len(found) - (text[-1] == found[-1][-1])]
    if not all(word in numbers or word in words for word in inner) or not all(
        word in numbers or word in joined for word in found
    ):
        return False
    return " ".join(text.split()) in sources or (
        bool(LETTERS.search(text))
        and all(
            one in numbers or other in numbers or SEPARATES.search(gap) or _beside(one, gap, other, sources)
            for one, gap, other in zip(found, WORD.split(text)[1:], found[1:], strict=False)
        )
    )


def _beside(one: str, gap: str, other: str, sources: str) -> bool:
    """Whether two words stand beside each other in the sources, or either stands beside a place for a value."""
    return f"{one}{gap}{other}" in sources or f"{one}{gap}{{" in sources or f"}}{gap}{other}" in sources


@cache
def _sources() -> tuple[frozenset[str], str, str]:
    """All words; the same as a text; and the sources."""
    root = Path(__file__).parents[2]
    paths = (path for pattern in WRITERS for path in root.glob(pattern) if path.is_file())
    sources = " ".join([PYTEST, *map(str.lower, EXCEPTIONS), *(path.read_text("utf-8").lower() for path in paths)])
    sources = " ".join(sources.split())
    words = frozenset(WORD.findall(sources))
    return words, "|".join(words), sources
