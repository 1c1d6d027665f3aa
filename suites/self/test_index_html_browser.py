"""`index.html` in Chromium, from a file: with the keyboard, on a phone, in dark mode, on paper."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from recorded import made_up
from tiers import full, sample

from dcrproof.core.load.tally import Tally
from dcrproof.core.profile.model import LoadSettings
from dcrproof.core.text import visible
from dcrproof.load.figures import figures
from dcrproof.reports.history import History
from dcrproof.reports.history_html import history_html
from dcrproof.reports.index_html import index_html
from dcrproof.reports.run_json import run_json

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`: pip install -e '.[browser]'")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the extra `browser`")

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: its package is called chromium")

OFFLINE = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""What keeps Chromium itself from using the network."""
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # not for the whole session: while it is open its event loop runs in this thread
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=OFFLINE, chromium_sandbox=os.geteuid() != 0)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with a step undone; one worker of xdist performs it for all."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "of-the-page"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "latest").exists():
            command = [sys.executable, "-m", "pytest", "-q", "-p", "dcrproof", "-p", "no:cacheprovider"]
            command += [f"--dcr-report={shared}", "--dcr-undo=curity.token-issuer.jwt", "--dcr-check=token"]
            command += ["--dcr-check=configuration", "--dcr-check=application", "--dcr-check=route.basic"]
            environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
            subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    return (shared / "latest").resolve()


@pytest.fixture(scope="module")
def run(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text("utf-8"))
    return content


@pytest.fixture
def wrong() -> Iterator[list[str]]:
    """What went wrong in any page of a test: words in the console, errors, requests. At its end there may be none."""
    seen: list[str] = []
    yield seen
    assert seen == []


@pytest.fixture
def opened(browser: Any, folder: Path, tmp_path: Path, wrong: list[str]) -> Iterator[Callable[..., Any]]:
    """Opens the page of the run, that of other content, or a page that was made already."""
    contexts = []

    def open_(content: Any = None, fragment: str = "", **settings: Any) -> Any:
        path = folder / "index.html"
        if content is not None:
            path = tmp_path / "index.html"
            path.write_text(content if isinstance(content, str) else index_html(content), "utf-8")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 850}, **settings})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
        page.goto(path.as_uri() + fragment)
        return page

    yield open_
    for context in contexts:
        context.close()


def shown_checks(page: Any) -> set[str]:
    """The ids of the checks that are on the page, in groups that are open."""
    found: list[str] = page.eval_on_selector_all(
        "details.check", "items => items.filter((item) => item.checkVisibility()).map((item) => item.id.slice(6))"
    )
    return set(found)


def ids(run: dict[str, Any], verdict: str) -> set[str]:
    return {check["id"] for check in run["checks"] if check["verdict"] == verdict}


def found(page: Any, text: str) -> None:
    """Waits until the line below the filters contains the text."""
    playwright.expect(page.locator("#found")).to_contain_text(text)


def scrolls_sideways(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


# What it shows


@full
def test_the_readme_has_a_picture_of_the_page(browser, tmp_path):
    """With DCRPROOF_REWRITE=1 the picture is taken anew."""
    # the page has the command as it is typed
    found = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["dcrproof", "run", "-q", "--dcr-undo=curity.token-issuer.jwt"]
    subprocess.run(command, cwd=tmp_path, env=found, capture_output=True, check=False)
    page = browser.new_page(viewport={"width": 1100, "height": 640})
    page.goto((tmp_path / "reports" / "out" / "latest" / "index.html").as_uri())
    taken = page.screenshot()
    page.close()
    picture = ROOT / "docs" / "report.png"
    if "DCRPROOF_REWRITE" in os.environ:
        picture.write_bytes(taken)
    head = slice(0, 24)  # of a PNG: its type, and the size of the picture
    assert picture.read_bytes()[head] == taken[head]
    assert f"({picture.relative_to(ROOT)})" in (ROOT / "README.md").read_text("utf-8")


def test_the_first_screen_says_what_to_do(opened, run):
    page = opened()
    step = next(step for step in run["steps"] if step["mark"] == "wrong")
    first = next(check for check in run["checks"] if check["verdict"] == "failed")
    for text in (step["owner"], step["where"], step["fix"], first["observed"], first["again"]):
        box = page.locator("#next").get_by_text(text, exact=True).bounding_box()
        assert box["y"] + box["height"] <= 850, text


def test_what_was_not_looked_at_stays_whatever_is_filtered(opened, run):
    page = opened()
    page.get_by_role("combobox", name="Verdict").select_option("failed")
    reason = next(check["observed"] for check in run["checks"] if check["verdict"] == "not applicable")
    assert reason in page.inner_text("#next")


def test_an_arrow_of_the_diagram_opens_its_exchange(opened, run):
    page = opened()
    arrow = page.locator(".diagram a[href^='#exchange-']").last
    number = int(arrow.get_attribute("href").rpartition("-")[2])
    expected = next(exchange for exchange in run["exchanges"] if exchange["number"] == number)
    assert f"{expected['method']} " in arrow.get_attribute("aria-label")
    arrow.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    assert f"Exchange {number}: {expected['method']}" in dialog.inner_text()
    assert expected["url"] in dialog.inner_text()
    assert page.url.endswith(f"#exchange-{number}")
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert "#" not in page.url
    assert page.evaluate("document.activeElement.getAttribute('href')") == f"#exchange-{number}"


def test_the_diagram_has_the_calls_between_the_parties(opened, run):
    page = opened()
    inner = page.locator(".diagram .inner title").all_text_contents()
    assert any(text.startswith("Konnect to Curity: POST") for text in inner)
    lanes = page.locator(".diagram .lane").all_text_contents()
    assert {"Developer", "Portal", "Konnect", "Curity", "Consumer", "Gateway"} <= set(lanes)


def test_the_exchanges_of_a_check_can_be_drawn(opened):
    page = opened(fragment="#check-application.created")
    page.locator("[id='check-application.created'] .draw").click()
    assert "of application.created" in page.inner_text("#drawing")
    assert page.locator(".diagram a[href^='#check-']").count() == 1
    page.get_by_role("button", name="Back to the flow").click()
    assert page.locator(".diagram a[href^='#check-']").count() > 5


def test_an_exchange_shows_both_messages_and_the_token_beside_them(opened, run):
    changed = deepcopy(run)
    exchange = changed["exchanges"][-1]
    exchange["jwts"] = [
        {"where": "response body, access_token", "header": {"alg": "RS256"}, "claims": {"exp": 1795500000}}
    ]
    exchange["request"] = {
        "headers": [["x-sent", "this"]],
        "body": '{"a":[1,{"b":1.0}],"c":{}}',
        "bytes": 26,
        "note": "",
    }
    page = opened(changed, f"#exchange-{exchange['number']}")
    sides = page.locator("dialog .sides > div")
    assert "x-sent" in sides.nth(0).inner_text()
    assert sides.nth(0).locator("pre").text_content() == (
        '{\n  "a": [\n    1,\n    {\n      "b": 1.0\n    }\n  ],\n  "c": {}\n}'
    )
    token = sides.nth(1).locator(".token").inner_text()
    assert "JWT in the response body, access_token" in token
    assert "1795500000 (2026-11-24 06:00:00 UTC)" in token
    previous = changed["exchanges"][-2]["number"]
    page.get_by_role("button", name="Previous").click()
    assert page.inner_text("#exchange-title").startswith(f"Exchange {previous}:")
    assert page.get_by_role("button", name="Next").is_enabled()


def test_a_request_without_an_answer_says_why(opened, run):
    changed = deepcopy(run)
    changed["exchanges"][0] |= {"status": None, "response": None, "seconds": None, "error": "connection refused"}
    page = opened(changed, f"#exchange-{changed['exchanges'][0]['number']}")
    assert "no answer" in page.inner_text("#exchange-title")
    assert page.locator("dialog").inner_text().count("connection refused") == 2


# Search, filters, links


def test_filters_show_what_was_asked_for(opened, run):
    page = opened()
    page.get_by_role("combobox", name="Verdict").select_option("failed")
    assert shown_checks(page) == ids(run, "failed")
    assert page.inner_text("#found").startswith(f"{len(ids(run, 'failed'))} of {len(run['checks'])} checks")
    page.get_by_role("combobox", name="Verdict").select_option("blocked")
    assert shown_checks(page) == ids(run, "blocked")
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("combobox", name="Step").select_option("curity.token-issuer.jwt")
    guarding = {check["id"] for check in run["checks"] if "curity.token-issuer.jwt" in check["steps"]}
    assert shown_checks(page) == guarding
    page.get_by_role("combobox", name="Party").select_option("gateway")
    assert page.inner_text("#found").startswith("0 of ")
    page.get_by_role("button", name="Clear").click()
    assert page.inner_text("#found").startswith(f"{len(run['checks'])} checks")


def test_a_count_of_the_summary_filters(opened, run):
    page = opened()
    page.locator(".count", has_text="failed").click()
    assert shown_checks(page) == ids(run, "failed")


def test_search_finds_checks_by_words_and_exchanges_by_what_stands_in_them(opened, run):
    page = opened()
    search = page.get_by_role("searchbox")
    search.fill("token.is-jwt")
    found(page, " of ")
    assert "token.is-jwt" in shown_checks(page)
    changed = deepcopy(run)
    changed["exchanges"][7]["response"]["headers"].append(["instance", "kong:trace:14<33>44"])
    page = opened(changed)
    page.get_by_role("searchbox").fill("kong:TRACE:14<33>44")
    found(page, " 1 of ")
    assert page.locator("#exchanges tbody tr").count() == 1
    assert (
        page.locator("#exchanges tbody a").first.get_attribute("href")
        == f"#exchange-{changed['exchanges'][7]['number']}"
    )


def test_a_link_to_a_check_opens_it_wherever_it_is_folded(opened, run):
    blocked = min(ids(run, "blocked"))
    page = opened(fragment=f"#check-{blocked}")
    assert blocked in shown_checks(page)
    playwright.expect(page.locator(f"[id='check-{blocked}'] > summary")).to_be_focused()
    page.get_by_role("combobox", name="Verdict").select_option("failed")
    assert blocked not in shown_checks(page)
    page.evaluate("location.hash = ''")
    page.evaluate(f"location.hash = '#check-{blocked}'")
    playwright.expect(page.locator(f"[id='check-{blocked}']")).to_be_visible()


def test_links_to_nothing_do_nothing(opened):
    page = opened(fragment="#%")
    for fragment in ("check-no.such", "exchange-99999999", "exchange-x", "step-"):
        page.evaluate(f"location.hash = '#{fragment}'")
        assert not page.get_by_role("dialog").is_visible()


# Accessibility


def test_it_can_be_used_with_the_keyboard(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the checks"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "text"
    page.locator("#checks .group > summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#checks .group").first.get_attribute("open") is not None


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 400)])
def test_it_is_accessible(opened, run, scheme, width):
    page = opened(few(run), color_scheme=scheme, viewport={"width": width, "height": 850})
    open_all(page)
    judged = axe.Axe().run(page)
    assert judged.violations_count == 0, judged.generate_report()
    page.evaluate(f"location.hash = '#exchange-{run['exchanges'][-1]['number']}'")
    page.get_by_role("dialog").wait_for()
    judged = axe.Axe().run(page, context="dialog")
    assert judged.violations_count == 0, judged.generate_report()


def few(run: dict[str, Any]) -> dict[str, Any]:
    """The run with two checks of each verdict, and some of its steps."""
    verdicts = ["passed", "failed", "blocked", "not seen", "not applicable", "observed", "unreachable", "error"]
    some = [check | {"verdict": verdict, "blocked_by": None} for verdict in verdicts for check in run["checks"][:1]]
    checks = [check | {"id": f"{check['id']}-{at}", "known": "ticket 1"} for at, check in enumerate(some)]
    return {
        **run,
        "checks": checks,
        "steps": [step for step in run["steps"] if step["mark"] == "wrong"] + run["steps"][:5],
    }


def open_all(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((group) => { group.open = true; })")


def test_it_fits_on_a_phone(opened, run):
    page = opened(viewport=PHONE, is_mobile=True, has_touch=True)
    assert not scrolls_sideways(page)
    open_all(page)
    assert not scrolls_sideways(page)
    page.evaluate(f"location.hash = '#exchange-{run['exchanges'][0]['number']}'")
    page.get_by_role("dialog").wait_for()
    assert page.evaluate("document.querySelector('dialog').scrollWidth") <= PHONE["width"]


LONG_NAME = "a_very_long_name_without_any_blank_" * 6
CONTENTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "red": lambda run: run,
    "green": lambda run: {**run, "exit": 0, "checks": [c for c in run["checks"] if c["verdict"] == "passed"]},
    "interrupted": lambda run: {
        **run,
        "exit": 2,
        "checks": run["checks"][:9],
        "selected": [*run["selected"], LONG_NAME],
    },
    "left behind": lambda run: {**run, "exit": 3, "left_behind": [f"the client {LONG_NAME} of Curity"]},
    "long": lambda run: {
        **run,
        "command": LONG_NAME,
        "checks": [{**check, "title": LONG_NAME, "observed": LONG_NAME} for check in run["checks"]],
        "exchanges": [
            {**one, "url": f"https://party.example/{LONG_NAME}?a%5Bb%5D=%E2%80%AE"} for one in run["exchanges"]
        ],
    },
}
INSIDE = """name => [...document.querySelectorAll(name)].filter(one => one.checkVisibility()).map(one => one.getBoundingClientRect())
    .filter(box => box.left < 0 || box.right > innerWidth).length"""


@pytest.mark.parametrize("changed", CONTENTS.values(), ids=list(CONTENTS))
def test_status_and_time_of_each_exchange_are_seen_on_a_phone(opened, run, changed):
    page = opened(changed(run), viewport={"width": 400, "height": 800}, is_mobile=True)
    open_all(page)
    assert not scrolls_sideways(page)
    for name in (
        ".diagram svg",
        ".diagram .status",
        ".diagram .took",
        ".diagram .request",
        "td.status",
        "td.took",
        "td",
    ):
        assert page.locator(name).count() > 0, name
        assert page.evaluate(INSIDE, name) == 0, name
    assert page.locator("td.took").first.is_visible()


def test_what_an_arrow_says_is_decoded_and_stands_on_no_line(opened, run):
    changed = deepcopy(run)
    for exchange in changed["exchanges"]:
        exchange["url"] = "https://party.example/a?b%5Bc%5D=%E2%80%AE%00%7F"
    page = opened(changed)
    for found in (page.locator(".diagram .request").first, page.locator("td.request").first):
        assert found.text_content().endswith("/a?b[c]=%E2%80%AE%00%7F")
    words, below = page.locator(".diagram .arrow .request").all()[:9], page.locator(".diagram .arrow .back").all()[:9]
    for text, back in zip(words, below, strict=True):  # an opaque ground, as wide as the words
        over, under = text.bounding_box(), back.bounding_box()
        assert under["x"] <= over["x"]
        assert over["x"] + over["width"] <= under["x"] + under["width"] + 1


def of_a_load(run: dict[str, Any]) -> dict[str, Any]:
    """The run with figures of a load."""
    tally = Tally()
    for second in range(90):
        for number, party in enumerate(("curity", "konnect", "portal", "gateway"), 1):
            tally.request(
                second, party, f"{party}: something with a rather long name", number * 0.01 * (1 + second % 9)
            )
        tally.memory_is(second, 60_000_000 + second)
    tally.error(12, "gateway", "gateway: something with a rather long name", "503 instead of 200")
    tally.remark("a developer stopped: [run] max_created above 6 would let it go on")
    asked = {"users": {"consumer": 6, "developer": 3, "operator": 1}, "rate": 25.0, "processes": 1}
    return {**run, "load": figures(tally, LoadSettings(), 90.0, asked)}


def the_history() -> str:
    """The page of seven runs, with long words of parties in them."""
    found, hostile = History(), "<script>alert(1)</script>" + LONG_NAME
    for day, verdict in enumerate(("passed", "passed", "failed", "failed", "error", "passed", "unreachable")):
        run = run_json(made_up(9, 9, hostile, c0=verdict))
        run |= {"started": f"2026-11-2{day}T02:00:00.000Z", "exit": 0 if verdict == "passed" else 1}
        found.add(f"run-{day}", run, f"run-{day}/index.html" if day % 2 else "")
    return history_html(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
def test_the_history_is_accessible_and_fits(opened, scheme, width):
    page = opened(the_history(), viewport={"width": width, "height": 900}, color_scheme=scheme)
    open_all(page)
    judged = axe.Axe().run(page)
    assert judged.violations_count == 0, judged.generate_report()
    assert not scrolls_sideways(page)
    assert page.evaluate(INSIDE, "svg.plot") == page.evaluate(INSIDE, ".strip span") == 0
    assert page.locator("svg.plot").count() >= 4


SCREENS = [("light", 400), ("dark", 1400), ("light", 1400), ("dark", 400)]


@pytest.mark.parametrize(("scheme", "width"), sample(SCREENS, of=2))
def test_the_figures_of_a_load_are_accessible_and_fit(opened, run, scheme, width):
    page = opened(of_a_load(run), viewport={"width": width, "height": 900}, color_scheme=scheme)
    judged = axe.Axe().run(page, context="#load")
    assert judged.violations_count == 0, judged.generate_report()
    assert not scrolls_sideways(page)
    assert page.locator("#load svg.plot").count() == 7
    shown = page.locator("#load svg.plot path").evaluate_all(
        "lines => lines.map((line) => getComputedStyle(line).stroke)"
    )
    assert len(set(shown)) == 3  # p50, p95 and p99 differ


def test_it_can_be_printed(opened):
    page = opened(color_scheme="dark")
    page.emulate_media(media="print")
    assert not page.locator("#filter").is_visible()
    assert page.locator(".diagram svg").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('h2')).color") == "rgb(27, 32, 39)"
    assert page.pdf().startswith(b"%PDF-")


def test_without_script_verdict_failures_steps_and_checks_can_be_read(opened, run):
    page = opened(java_script_enabled=False)
    text = page.inner_text("body")
    step = next(step for step in run["steps"] if step["mark"] == "wrong")
    assert "Red: one setup step is wrong" in text
    assert step["fix"] in text
    for check in run["checks"]:
        assert page.locator(f"[id='check-{check['id']}'] .title").count() == 1
    page.locator(".fold > summary").first.click()  # the groups open without script
    playwright.expect(page.locator(f"[id='check-{min(ids(run, 'blocked'))}']")).to_be_visible()
    assert not page.locator("#filter").is_visible()


# Whatever came


def test_nothing_may_be_fetched_and_no_other_script_runs(opened, wrong):
    page = opened()
    refused = page.evaluate(
        """() => new Promise((resolve) => {
            const seen = [];
            document.addEventListener("securitypolicyviolation", (event) => {
                seen.push(event.effectiveDirective);
                if (seen.length === 4) resolve(seen.sort());
            });
            fetch("https://example.invalid/").catch(() => {});
            document.body.append(Object.assign(document.createElement("img"), {src: "https://example.invalid/x"}));
            document.body.append(Object.assign(document.createElement("script"), {textContent: "window.ran = true"}));
            document.body.append(Object.assign(document.createElement("style"), {textContent: "body {color: red}"}));
        })"""
    )
    assert refused == ["connect-src", "img-src", "script-src-elem", "style-src-elem"]
    assert page.evaluate("window.ran") is None
    assert wrong
    # each attempt is reported, and blocked before it is sent
    assert all("Content Security Policy" in text or text == "https://example.invalid/x" for text in wrong)
    wrong.clear()


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202egnp.exe\u2028{{7*7}}'\"&lt;"
SEEN = visible(HOSTILE)


def test_what_a_party_says_is_text(opened, run):
    changed = deepcopy(run)
    exchange = changed["exchanges"][0]
    for check in changed["checks"]:
        check["observed"] = check["title"] = check["symptom"] = HOSTILE
    message = {"headers": [[HOSTILE, HOSTILE]], "body": HOSTILE, "bytes": 1, "note": HOSTILE}
    exchange |= {"url": HOSTILE, "request": message, "response": message}
    exchange["jwts"] = [{"where": HOSTILE, "header": {HOSTILE: HOSTILE}, "claims": {HOSTILE: {HOSTILE: HOSTILE}}}]
    page = opened(changed, f"#exchange-{exchange['number']}")
    assert page.locator("dialog pre").first.text_content() == SEEN
    assert page.locator("dialog .fields dd", has_text=SEEN).count() >= 3
    assert page.locator("img, script:not([type]):not(:last-of-type)").count() == 0
    page.keyboard.press("Escape")
    assert page.locator(".check .title").first.text_content().startswith(SEEN)


def test_long_texts_stay_in_their_place(opened, run):
    changed = deepcopy(run)
    changed["exchanges"][0]["response"]["body"] = "x" * 1_000_000
    changed["exchanges"][0]["url"] = f"https://curity.example/{'y' * 5_000}"
    for check in changed["checks"]:
        check["observed"] = "z" * 5_000
    page = opened(changed, f"#exchange-{changed['exchanges'][0]['number']}")
    assert len(page.locator("dialog pre").last.text_content()) == 1_000_000
    page.keyboard.press("Escape")
    assert not scrolls_sideways(page)


@full
def test_a_large_run_makes_no_large_page(opened, run):
    page = opened(many(run, checks=2_000, exchanges=20_000))
    assert page.inner_text("#found") == f"2000 checks, {len(run['steps'])} steps, 20000 exchanges"
    assert page.locator("#exchanges tbody tr").count() == 50
    assert page.locator("*").count() < 100_000
    page.get_by_role("searchbox").fill("no such thing anywhere")
    found(page, "0 of 20000 exchanges")
    page.locator("#clear").click()
    page.locator("#more").click()
    assert page.locator("#exchanges tbody tr").count() == 100
    page.evaluate("location.hash = '#exchange-20000'")
    playwright.expect(page.locator("#exchange-title")).to_contain_text("Exchange 20000:")


def many(run: dict[str, Any], checks: int, exchanges: int) -> dict[str, Any]:
    """The run with so many checks and exchanges, each of them a copy of one that there was."""
    each = exchanges // checks
    made = [
        run["checks"][at % len(run["checks"])]
        | {"id": f"many.number-{at}", "blocked_by": None, "exchanges": list(range(at * each + 1, (at + 1) * each + 1))}
        for at in range(checks)
    ]
    sent = [
        run["exchanges"][at % len(run["exchanges"])] | {"number": at + 1, "check": f"many.number-{at // each}"}
        for at in range(exchanges)
    ]
    return {**run, "checks": made, "exchanges": sent}
