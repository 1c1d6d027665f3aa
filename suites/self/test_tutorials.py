"""Each tutorial and each guide is performed, and prints what it shows.

With DCRPROOF_REWRITE=1 the tests write what is printed now into the pages.
"""

import os
from pathlib import Path

import pytest
from tiers import full
from tutorials import perform, renewed, same

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs" / "tutorials").glob("*.md"), *(ROOT / "docs" / "how-to").glob("*.md")])


@full
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_prints_what_it_shows(page: Path, tmp_path: Path) -> None:
    performed = perform(page.read_text("utf-8"), tmp_path)
    assert performed
    if "DCRPROOF_REWRITE" in os.environ:
        page.write_text(renewed(page.read_text("utf-8"), performed), "utf-8")
        return
    for command, printed in performed:
        told = "\n".join(printed)
        assert same(command.printed, printed), f"{page.name}:{command.line}: {command.text}\n{told}"


@pytest.mark.parametrize(
    ("expected", "printed", "is_same"),
    [
        ([], [], True),
        ([], ["a"], False),
        (["a"], [], False),
        (["took 12 s"], ["took 345 s"], True),
        (["a", "...", "d"], ["a", "b", "c", "d"], True),
        (["a", "...", "d"], ["a", "d"], True),
        (["a", "...", "d"], ["a", "b", "c"], False),
        (["...", "c", "...", "e"], ["a", "b", "c", "d", "e"], True),
        (["...", "c", "...", "e"], ["a", "b", "d", "e"], False),
        (["..."], [], True),
        (["...", "c"], ["c"], True),
        (["a", "..."], ["b"], False),
    ],
)
def test_what_counts_as_the_same_output(expected: list[str], printed: list[str], is_same: bool) -> None:
    assert same(expected, printed) is is_same
