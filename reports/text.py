"""Escapes texts from outside, so that nothing in them is read as markup or as a command."""

import re

CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
"""Control characters of terminals, characters that change the direction of text, and those that XML 1.0 cannot hold."""


def visible(text: str) -> str:
    """The text with control characters escaped as in Python, ESC for example; line ends and tabs stay."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))


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
