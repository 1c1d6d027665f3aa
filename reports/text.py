"""Texts from outside in Markdown: nothing in them is markup."""

import re

from dcrproof.core.text import one_line, visible


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
