"""The documentation as a site: it is built strictly, and each link leads somewhere."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from tiers import full

ROOT = Path(__file__).parents[2]
pytest.importorskip("mkdocs", reason="needs the extra `docs`: pip install -e '.[docs]'")
pytestmark = full


class Links(HTMLParser):
    """What a page links to or loads, and the anchors that it has."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors: set[str] = {""}
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        had = dict(attrs)
        self.anchors |= {had.get("id") or "", had.get("name") or ""}
        if tag in {"script", "img", "source"} or (tag == "link" and had.get("rel") != "canonical"):
            self.loaded.add(had.get("src") or had.get("href") or "")
        elif tag == "a":
            self.links.add(had.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    built = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    return {page: Links(page) for page in sorted(site.rglob("*.html")) if page.name != "404.html"}


def test_each_link_leads_to_a_page_and_an_anchor_that_exist(site: Path, pages: dict[Path, Links]) -> None:
    broken = []
    for page, found in pages.items():
        for link in found.links | found.loaded:
            path, fragment = urldefrag(link)
            if urlsplit(link).scheme:
                continue
            target = (page.parent / unquote(path)).resolve() if path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (target in pages and unquote(fragment) not in pages[target].anchors):
                broken.append(f"{page.relative_to(site)}: {link}")
    assert broken == []
    assert len(pages) > 30


def test_the_pages_load_nothing_from_other_sites(pages: dict[Path, Links]) -> None:
    assert {link for found in pages.values() for link in found.loaded if urlsplit(link).scheme} == set()


def test_each_check_and_each_step_has_its_place(pages: dict[Path, Links], site: Path) -> None:
    from dcrproof.core.guide import STEPS
    from dcrproof.fixtures.catalogue import entries

    assert {step.id for step in STEPS} <= pages[site / "reference" / "steps" / "index.html"].anchors
    assert {entry.check.id for entry in entries()} <= pages[site / "reference" / "checks" / "index.html"].anchors
