"""Which variants of a test run always, and which in the full tier alone (`--full`; see conftest.py)."""

import os
import shutil
from collections.abc import Callable, Iterable
from typing import Any

import pytest

full = pytest.mark.full


def spread(variants: Iterable[Any], of: int, id: Callable[[Any], str] | None = None) -> list[Any]:
    """As `sample`, with `of` that are spread over all of them."""
    found = list(variants)
    always = [round(number * len(found) / of) for number in range(of)]
    first = [found[number] for number in always]
    return sample([*first, *(one for number, one in enumerate(found) if number not in always)], of, id)


def sample(variants: Iterable[Any], of: int = 1, id: Callable[[Any], str] | None = None) -> list[Any]:
    """The values of `parametrize`: the first `of` of them run always. A tuple is one value for each name.

    `id` gives the name of a variant; pytest makes one by default.
    """
    return [
        pytest.param(
            *(variant if isinstance(variant, tuple) else (variant,)),
            id=id(variant) if id else None,
            marks=() if number < of else full,
        )
        for number, variant in enumerate(variants)
    ]


def needed(program: str, what: str) -> pytest.MarkDecorator:
    """Marks tests that need a program which pip does not install: skipped where it is missing, but never in CI.

    `what` names it for a person, such as "Go 1.24 or newer".
    """
    return needs(shutil.which(program) is not None, f"{what}: there is no {program} on PATH")


def needs(there: bool, what: str) -> pytest.MarkDecorator:
    """The same for anything: `there` says whether it is there, `what` what it is and how to get it."""
    return pytest.mark.skipif(not there and "CI" not in os.environ, reason=f"needs {what}")
