"""How lists are printed."""

import textwrap

from dcrproof.core.text import say


def fields(*named: tuple[str, str]) -> None:
    """Prints each pair of a name and a text that is not empty, folded."""
    for name, text in named:
        if text:
            say(
                textwrap.fill(
                    text,
                    110,
                    initial_indent=f"  {name:<8} ",
                    subsequent_indent=" " * 11,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
