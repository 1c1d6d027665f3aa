"""Which variants of a test run always, and which in the full tier alone (`--full`; see conftest.py)."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

full = pytest.mark.full


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
