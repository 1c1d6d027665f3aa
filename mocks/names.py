"""What a mistyped name was probably meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches


def meant(name: str, names: Iterable[str]) -> str:
    """The name that is nearest, as a question: "did you mean 'x'?". An empty text where none is near."""
    near = get_close_matches(name[:100], list(names), 1, 0.7)
    return f"did you mean '{near[0]}'?" if near else ""
