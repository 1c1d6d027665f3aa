"""The pages of `dcrproof serve --ui` in Chromium: with the keyboard, on a phone, in dark mode, with and without JavaScript."""

import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from by_hand import Browser, Played, played
from tiers import needed, sample

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`: pip install -e '.[browser]'")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the extra `browser`")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = needed(CHROMIUM or "chromium", "Chromium")
PICTURE = Path(__file__).parents[2] / "docs" / "playground.png"
DESK, PHONE = {"width": 1400, "height": 900}, {"width": 400, "height": 800}
OFFLINE = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="module")
def served() -> Iterator[Played]:
    with played() as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=CHROMIUM, args=OFFLINE, chromium_sandbox=os.geteuid() != 0)
        yield launched
        launched.close()


@pytest.fixture
def opened(chromium: Any, served: Played) -> Iterator[Callable[..., Any]]:
    """Opens a page of mocks as they are at the start. At the end no page may have complained, or asked another address."""
    served.control("POST", "/reset")
    wrong: list[str] = []
    contexts = []

    def open_(path: str = "/", **settings: Any) -> Any:
        context = chromium.new_context(base_url=served.url, **{"viewport": DESK, **settings})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda asked: None if asked.url.startswith((served.url, "data:")) else wrong.append(asked.url)
        )
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    expected = ("Failed to load resource: the server responded with a status of 4",)  # pages of what was refused
    assert [said for said in wrong if not said.startswith(expected)] == []


def create(page: Any, name: str) -> None:
    page.goto("/portal/sign-in")
    page.get_by_role("button", name="Log in as").click()
    page.get_by_role("link", name="accounts").click()
    page.get_by_role("link", name="Use this API").click()
    page.get_by_label("Application name").fill(name)
    page.get_by_role("button", name="Create").click()


FOCUSED = """() => { const one = document.activeElement;
    return (one.labels?.[0] ?? one).textContent.trim().replace(/\\s+/g, " ") }"""


def tab_to(page: Any, name: str) -> None:
    """Presses Tab until the focus is on what begins with that name, and can be seen there."""
    for _ in range(60):
        if page.evaluate(FOCUSED).startswith(name):
            style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert style != "none", f"the focus on {name} cannot be seen"
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach {name}: {page.url}")


def press(page: Any, name: str) -> None:
    """Presses Enter on what leads to another page."""
    tab_to(page, name)
    with page.expect_navigation():
        page.keyboard.press("Enter")


@needed("curl", "curl")
def test_the_how_to_can_be_validated_with_the_keyboard_alone(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "Skip to the content"
    press(page, "Begin: log in")
    press(page, "Log in as developer@example.com")
    press(page, "accounts")
    press(page, "Use this API")
    tab_to(page, "Application name")
    page.keyboard.type("By keyboard")
    press(page, "Create")
    playwright.expect(page.get_by_role("heading", level=1)).to_have_text("Application created")
    tab_to(page, "curl --no-progress-meter")
    command = page.evaluate("document.activeElement.textContent")
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20, check=False)
    assert (ran.returncode, ran.stdout[:15]) == (0, '{"method":"GET"')
    playwright.expect(page.locator("#drawn")).to_contain_text("GET /accounts: 200")
    press(page, "Proceed")
    tab_to(page, "Delete this application")
    page.keyboard.press("Enter")
    press(page, "Delete By keyboard")
    playwright.expect(page.get_by_role("heading", level=1)).to_have_text("My Apps")
    press(page, "Log out")


def test_the_diagram_is_drawn_as_it_happens(opened, served):
    """What has ended appears while the rest is under way, with no key or button pressed."""
    page = opened()
    create(page, "live")
    shown = page.locator(".diagram.wide .arrow")
    before = shown.count()
    assert before > 3
    served.control("POST", "/faults", {"party": "upstream", "delay": 2})
    id_, secret = (page.locator(f"#{name}").inner_text() for name in ("client-id", "client-secret"))
    calling = subprocess.Popen(
        ["curl", "-s", "-u", f"{id_}:{secret}", served.described["gateway"]["route"]], stdout=subprocess.DEVNULL
    )
    playwright.expect(page.locator("#drawn")).to_contain_text("under way")
    assert "Upstream" not in page.locator("#drawn").inner_text()
    calling.wait(20)
    playwright.expect(page.locator("#drawn")).to_contain_text("GET /accounts: 200")
    playwright.expect(page.locator(".diagram.wide .lane", has_text="Upstream")).to_be_visible()
    page.get_by_text("The same as a list").click()
    playwright.expect(page.locator(".calls li").last).to_contain_text("Gateway to Upstream")


def test_a_command_can_be_copied(opened):
    page = opened("/setup/curity.token-issuer.jwt", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator(".command pre").text_content()


def test_all_works_without_javascript(opened, served):
    page = opened(java_script_enabled=False)
    create(page, "plain")
    id_, secret = (page.locator(f"#{name}").inner_text() for name in ("client-id", "client-secret"))
    assert Browser(served).calls_route(id_, secret) == 200
    assert page.get_by_role("button", name="Copy").count() == 0
    page.get_by_role("link", name="All requests").click()
    assert "GET /accounts: 200" in page.locator("#drawn").inner_text()
    page.goto("/setup")
    page.locator("li", has_text="Use Access Token as JWT").get_by_role("button").click()
    assert "✗ undone" in page.locator("header").inner_text()
    page.get_by_role("button", name="Do all steps").click()
    assert page.locator(".undone").count() == 0


def test_reloading_the_page_of_the_credentials_makes_no_second_application(opened):
    page = opened()
    create(page, "once")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    playwright.expect(page.get_by_role("heading", level=1)).to_have_text("This form has been sent already")
    page.goto("/portal/apps")
    assert page.locator("main article").count() == 1


def test_another_site_cannot_send_a_form(opened, served, chromium):
    """Its forms arrive without the cookie and with another origin; a page of it cannot frame these."""
    opened().close()
    context = chromium.new_context()
    page = context.new_page()
    page.route(
        "http://evil.example/",
        lambda route: route.fulfill(
            content_type="text/html",
            body=f"<form method=post action='{served.url}/reset'><button>x</button></form><iframe src='{served.url}/'></iframe>",
        ),
    )
    page.goto("http://evil.example/")
    assert page.frames[1].content().count("<form") == 0
    page.get_by_role("button").click()
    playwright.expect(page.get_by_role("heading", level=1)).to_have_text("Not from these pages")
    context.close()


# How they look


def wrong_password(page: Any) -> None:
    page.goto("/portal/sign-in")
    page.get_by_label("Email").fill("a@example.com")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in", exact=True).click()


def left_undone(page: Any) -> None:
    page.goto("/setup/konnect.strategy.claim")
    page.get_by_role("button", name="Leave undone").click()


def signed_up(page: Any) -> None:
    page.goto("/classic/sign-up")
    page.get_by_label("Full name").fill("A" * 200)
    page.get_by_label("Email").fill("a_long_name_without_any_blank" * 2 + "@example.com")
    page.get_by_role("button", name="Create account").click()


def to_confirm(page: Any) -> None:
    signed_up(page)
    page.get_by_role("button", name="Confirm email address").click()


def of_an_application(path: str) -> Callable[[Any], None]:
    def open_(page: Any) -> None:
        create(page, "W" * 255)
        page.get_by_role("link", name="Proceed").click()
        if path:
            page.goto(path)
        else:
            page.get_by_text("Delete this application").click()

    return open_


PAGES: dict[str, Callable[[Any], None]] = {
    "credentials": lambda page: create(page, "By hand"),
    "setup": lambda page: page.goto("/setup"),
    "start": lambda page: page.goto("/"),
    "application": of_an_application(""),
    "applications": of_an_application("/portal/apps"),
    "approvals": of_an_application("/approvals"),
    "requests": of_an_application("/requests"),
    "catalog": of_an_application("/portal"),
    "form": of_an_application("/portal/apps/new"),
    "products": lambda page: page.goto("/classic"),
    "login": lambda page: page.goto("/portal/sign-in"),
    "refused": wrong_password,
    "step": lambda page: page.goto("/setup/curity.instance.reachable"),
    "undone": left_undone,
    "mail": signed_up,
    "password": to_confirm,
    "sign-up": lambda page: page.goto("/portal/sign-up"),
    "older setup": lambda page: page.goto("/setup?how-to=classic"),
    "no page": lambda page: page.goto("/nope"),
}


@pytest.mark.parametrize("to", sample(PAGES, 2))
def test_pages_are_accessible_and_fit(opened, to):
    page = opened()
    PAGES[to](page)
    for scheme, size in (("light", DESK), ("dark", PHONE)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(size)
        judged = axe.Axe().run(page)
        assert judged.violations_count == 0, judged.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert page.locator(".diagram:visible").count() <= 1


def test_the_picture_of_the_documentation_is_of_these_pages(opened, served):
    """`DCRPROOF_REWRITE=1` makes it again."""
    page = opened(viewport={"width": 960, "height": 900})
    create(page, "Billing")
    id_, secret = (page.locator(f"#{name}").inner_text() for name in ("client-id", "client-secret"))
    assert Browser(served).calls_route(id_, secret) == 200
    playwright.expect(page.locator("#drawn")).to_contain_text("GET /accounts: 200")
    page.emulate_media(reduced_motion="reduce")
    taken = page.locator("main").screenshot()
    if os.environ.get("DCRPROOF_REWRITE"):
        PICTURE.write_bytes(taken)
    kept = PICTURE.read_bytes()
    assert len(kept) < 150_000
    assert struct.unpack(">I", kept[16:20]) == struct.unpack(">I", taken[16:20])
