"""Texts from outside, made harmless for where they are put: nothing in them is read as markup or as a command."""

import re

CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
"""What terminals take for commands, what turns the direction of text, and what XML 1.0 has no way to write."""


def visible(text: str) -> str:
    """The text with each control character as Python writes it, ESC for instance; line ends and tabs stay."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))


def one_line(text: str, longest: int = 1_000) -> str:
    """The text on one line, and no longer than that."""
    flat = " ".join(visible(text).split())
    return flat if len(flat) <= longest else f"{flat[:longest]}..."


def code(text: str, longest: int = 1_000) -> str:
    """The text as a code span of Markdown: in it nothing is markup, no link, no mention. Fit for a cell of a table.

    A bar ends a cell even in a code span (GitHub Flavored Markdown 4.10), and is escaped there.
    """
    flat = one_line(text, longest).replace("|", "\\|")
    if not flat:
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", flat)), default=0))
    return f"{fence} {flat} {fence}" if "`" in flat else f"{fence}{flat}{fence}"


def block(text: str, language: str = "") -> str:
    """The text as a fenced block of Markdown, whatever fences stand in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{visible(text).rstrip()}\n{fence}"
