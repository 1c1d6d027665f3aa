"""Escapes texts from outside, so that nothing in them is read as markup or as a command."""

import re
from unicodedata import category

UNUSUAL = re.compile(r"[^\n\t -~]")
HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories of what cannot be seen: control characters of terminals, characters that change the direction of
text, line ends of other kinds, and those that XML 1.0 cannot hold.
"""


def visible(text: str) -> str:
    """The text with each invisible character escaped as in Python, ESC for instance; line ends and tabs stay."""
    return UNUSUAL.sub(_escaped, text.replace("\r\n", "\n"))


def _escaped(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1] if category(found[0]) in HIDDEN else found[0]


def one_line(text: str, longest: int = 1_000) -> str:
    """The text on one line, cut after `longest` characters."""
    flat = " ".join(visible(text).split())
    return flat if len(flat) <= longest else f"{flat[:longest]}..."


def code(text: str, longest: int = 1_000) -> str:
    """The text as a code span of Markdown, also for a cell of a table: no markup, link or mention in it has an effect.

    A bar would end a cell even in a code span (GitHub Flavored Markdown 4.10), so it is escaped.
    """
    flat = one_line(text, longest).replace("|", "\\|")
    if not flat:
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", flat)), default=0))
    return f"{fence} {flat} {fence}" if "`" in flat else f"{fence}{flat}{fence}"


def block(text: str, language: str = "") -> str:
    """The text as a fenced block of Markdown; fences in the text do not end it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{visible(text).rstrip()}\n{fence}"
