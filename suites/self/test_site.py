"""The documentation as a site: it is built strictly, and each link leads somewhere."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from tiers import full, needed

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


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
BROKEN = """() => [...document.querySelectorAll("td code")].filter((code) => code.getClientRects().length > 1)
    .map((code) => code.textContent)"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@needed(CHROMIUM or "chromium", "Chromium")
def test_each_page_fits_on_a_phone_and_asks_no_other_site(site: Path, pages: dict[Path, Links]) -> None:
    """Also not from a script, as the theme does for a diagram of Mermaid; and an id in a table is not cut in pieces."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")
    wrong = []
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as server,
        playwright.sync_playwright() as started,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}/"
        options = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=options, chromium_sandbox=os.geteuid() != 0)
        page = browser.new_page(viewport={"width": 400, "height": 800})
        page.route(
            lambda url: not url.startswith((here, "data:")),
            lambda route: (wrong.append(route.request.url), route.abort()),
        )
        for path in pages:
            name = path.relative_to(site).as_posix()
            page.goto(here + name, wait_until="networkidle" if "mermaid" in path.read_text("utf-8") else "load")
            width = page.evaluate("document.documentElement.scrollWidth")
            wrong += [f"{name}: {width} pixels wide"] if width > 400 else []
            wrong += [f"{name}: {text} has a break" for text in page.evaluate(BROKEN)]
        page.goto(f"{here}architecture/")
        assert page.locator(".sequence svg path.tip").count() > 10
        browser.close()
        server.shutdown()
    assert wrong == []
