"""The documentation names only what exists: files, links, anchors, and terms of the glossary."""

import re
from pathlib import Path

import pytest

import dcrproof

ROOT = Path(dcrproof.__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
GLOSSARY = ROOT / "docs" / "glossary.md"

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
OUR_PATH = re.compile(r"(?<![\w./-])(?:dcrproof|suites|fixtures|mocks|reports|docs|benchmarks|\.ci)/[\w./-]*\w")
WRITTEN_BY_RUNS = "reports/out"
WITH_OTHER_PATHS = {"CHANGELOG.md", "behaviours.md"}
"""Pages that name files which were here once, or are in other repositories."""


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def terms() -> list[str]:
    return headings(GLOSSARY)[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    for path, fragment in LINK.findall(page.read_text()):
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), path
        if fragment and linked.suffix == ".md":
            assert fragment in {anchor(heading) for heading in headings(linked)}, f"{path}#{fragment}"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in WITH_OTHER_PATHS], ids=lambda page: page.name
)
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    named = {path for path in OUR_PATH.findall(page.read_text()) if not path.startswith(WRITTEN_BY_RUNS)}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_functions_that_the_architecture_names_are_in_the_file_beside_them() -> None:
    beside = re.findall(r"`(\w+)`\s+in\s+`([\w/]+\.py)`", (ROOT / "docs" / "architecture.md").read_text())
    assert len(beside) > 5
    missing = [
        (name, path) for name, path in beside if not re.search(rf"\b(def|class) {name}\b", (ROOT / path).read_text())
    ]
    assert missing == []


def test_the_glossary_is_in_alphabetical_order() -> None:
    assert terms() == sorted(terms(), key=str.lower)


def test_the_readme_links_each_term_that_it_uses_at_most_once() -> None:
    linked = re.findall(r"docs/glossary\.md#([\w-]+)", (ROOT / "README.md").read_text())
    assert len(linked) == len(set(linked))
    assert {"setup-step", "check", "party", "mode", "ledger"} <= set(linked)
