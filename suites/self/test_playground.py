"""The pages of `dcrproof serve --ui` without a browser's help: forms as they are sent, and what must not be sent."""

import re
import subprocess
from collections.abc import Iterator
from html import escape

import httpx
import pytest
from by_hand import Browser, Played, played
from tiers import full, needed, sample

from dcrproof.core import guide
from dcrproof.fixtures.catalogue import entries
from dcrproof.mocks.steps import LEFT_UNDONE, OVER_TLS
from dcrproof.playground.diagram import NAMES, pictures
from dcrproof.playground.serving import playground, site
from dcrproof.playground.sessions import MOST, Sessions
from dcrproof.playground.story import Action, Arrow, Deed, deeds

PREFIXES = pytest.mark.parametrize("prefix", ["/portal", "/classic"])


@pytest.fixture(scope="module")
def served() -> Iterator[Played]:
    with played() as running:
        yield running


@pytest.fixture
def browser(served: Played) -> Iterator[Browser]:
    """A new browser, and mocks as they are at the start."""
    served.control("POST", "/reset")
    made = Browser(served)
    yield made
    made.client.close()


def paths(browser: Browser, *, made: str = "none") -> list[str]:
    """A path of each page that can be opened, with the id of an application."""
    api = browser.played.described["portal"]["api_id"]
    found = site(browser.played.described).routes.table
    steps = {"/setup/{id}": "/setup/curity.token-issuer.jwt", "/portal/apis/{id}": f"/portal/apis/{api}"}
    steps["/portal/apis/{id}/use"] = f"/portal/apis/{api}/use"
    return [steps.get(path, path.replace("{id}", made)) for method, path, _ in found if method == "GET"]


# The how-tos by hand


@needed("curl", "curl")
@PREFIXES
def test_the_how_to_can_be_validated_from_sign_up_to_the_call_that_answers_200(browser, prefix):
    browser.open("/")
    browser.follow("Dev Portal" if prefix == "/portal" else "Classic Dev Portal")
    browser.follow("Sign up")
    browser.press("Create account", full_name="Ada Lovelace", email="ada@example.com")
    assert "Please confirm your email address" in browser.text
    browser.press("Confirm email address of ada@example.com")
    assert "must have at least 1 digit" in browser.press("Set password", password="Password!")
    browser.press("Set password", password="Passw0rd!")
    browser.press("Log in", email="ada@example.com", password="Passw0rd!")
    assert browser.title == ("APIs" if prefix == "/portal" else "Products")
    if prefix == "/portal":
        browser.follow("accounts")
        browser.follow("Use this API")
    else:
        browser.follow("My Apps")
        browser.follow("New App")
    browser.press("Create", name="Ada's <first> app", description="made by hand")
    commands = browser.commands
    if prefix == "/classic":  # its how-to forgets that an application has to be registered for a product
        assert "registered for no product yet" in browser.text
        browser.follow("register it")
        browser.press("Register for accounts 1.0.0")
        assert "accounts 1.0.0 approved" in browser.words
    assert len(commands) == 2
    for command in commands:
        ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20, check=False)
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.startswith('{"method":"GET"')


@full
@needed("curl", "curl")
def test_over_tls_the_commands_trust_the_authority_of_the_mocks(tmp_path):
    with played(folder=tmp_path) as over_tls:
        browser = Browser(over_tls)
        browser.create("over TLS")
        for command in browser.commands:
            assert "--cacert" in command
            ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20, check=False)
            assert ran.returncode == 0, ran.stderr
        browser.client.close()


@PREFIXES
def test_the_secret_is_shown_once(browser, prefix):
    id_, secret = browser.create("once", prefix)
    assert browser.page.headers["cache-control"] == "no-store"
    assert secret not in browser.path
    browser.follow("Proceed")
    application = browser.path.rpartition("/")[2]
    for path in paths(browser, made=application):
        assert secret not in browser.open(path), path
    assert id_ in browser.open(f"{prefix}/apps/{application}")


def test_a_form_that_made_a_secret_cannot_be_sent_again(browser):
    browser.log_in()
    browser.open("/portal/apps/new")
    form = browser.forms[-1]
    for name, status in (("first", 200), ("second", 409)):
        browser.send(form.action, {**form.values, "name": name})
        assert browser.page.status_code == status
    assert "This form has been sent already" in browser.text
    assert "second" not in browser.open("/portal/apps")


@PREFIXES
def test_a_new_secret_replaces_the_old_one(browser, prefix):
    id_, old = browser.create("renewed", prefix)
    browser.follow("Proceed")
    if prefix == "/classic":
        browser.press("Register for accounts 1.0.0")
    browser.press("New secret")
    assert "The old secret is no longer valid" in browser.text
    same, new = browser.credentials()
    assert same == id_
    assert browser.calls_route(id_, new) == 200
    assert browser.calls_route(id_, old) == 401


@PREFIXES
def test_an_application_can_be_deleted(browser, prefix):
    browser.create("short-lived", prefix)
    browser.follow("Proceed")
    path = browser.path
    browser.press("Delete short-lived")
    assert browser.title == "My Apps"
    assert "No applications yet" in browser.text
    browser.open(path)
    assert browser.page.status_code == 404
    assert "Not Found" in browser.text


def test_an_application_that_there_is_can_be_registered_for_an_api(browser):
    browser.log_in()
    browser.open("/portal/apps/new")
    browser.press("Create", name="without an API")
    id_, secret = browser.credentials()
    assert "registered for no API yet" in browser.text
    assert browser.calls_route(id_, secret) == 403
    browser.open("/portal")
    browser.follow("accounts")
    browser.follow("Use this API")
    browser.press("Register without an API")
    assert browser.calls_route(id_, secret) == 200


def test_registrations_wait_for_approval_where_the_portal_asks_for_it(browser):
    browser.open("/approvals")
    browser.press("Turn off: Auto approve applications")
    id_, secret = browser.create("waiting")
    assert "waits for approval" in browser.text
    assert browser.calls_route(id_, secret) == 403
    browser.open("/approvals")
    browser.press("Approve waiting")
    assert browser.calls_route(id_, secret) == 200
    browser.press("Revoke waiting")
    assert browser.calls_route(id_, secret) == 403


def test_developers_wait_for_approval_where_the_portal_asks_for_it(browser):
    browser.open("/approvals")
    browser.press("Turn off: Auto approve developers")
    browser.open("/portal/sign-up")
    browser.press("Create account", full_name="Grace", email="grace@example.com")
    browser.press("Confirm email address of grace@example.com")
    browser.press("Set password", password="Passw0rd!")
    login = {"email": "grace@example.com", "password": "Passw0rd!"}
    assert "Your account is pending approval for access." in browser.press("Log in", **login)
    browser.open("/approvals")
    browser.press("Approve Grace")
    browser.open("/portal/sign-in")
    browser.press("Log in", **login)
    assert browser.title == "APIs"


def test_a_developer_can_ask_for_a_new_password_and_log_out(browser):
    browser.open("/portal/sign-in")
    browser.press("Forgot password", email="developer@example.com")
    browser.press("Set password of developer@example.com")
    browser.press("Set password", password="An0ther-one")
    browser.press("Log in", email="developer@example.com", password="An0ther-one")
    assert "developer@example.com" in browser.text
    browser.press("Log out")
    browser.open("/portal/apps")
    assert browser.title == "Log in"
    assert "Log in first" in browser.text


# What a portal refuses

REFUSALS = {
    "an account that there is": (
        "/portal/sign-up",
        "Create account",
        {"full_name": "X", "email": "developer@example.com"},
        "409 Conflict Developer with the given email already exists",
    ),
    "no address": ("/portal/sign-up", "Create account", {"full_name": "X", "email": "x"}, "must be a valid email"),
    "no name": ("/classic/sign-up", "Create account", {"full_name": "", "email": "a@example.com"}, "full_name:"),
    "a wrong password": (
        "/portal/sign-in",
        "Log in",
        {"email": "developer@example.com", "password": "wrong"},
        "You have entered an invalid email or password.",
    ),
    "an empty form": (
        "/classic/sign-in",
        "Log in",
        {},
        "400 Bad Request Required fields are missing username: is required",
    ),
    "no address to write to": ("/portal/sign-in", "Forgot password", {"email": "x"}, "email:"),
    "no name of the application": ("/portal/apps/new", "Create", {}, "name:"),
    "a long name": ("/portal/apps/new", "Create", {"name": "x" * 256}, "name:"),
    "a strategy that is none": ("/portal/apps/new", "Create", {"name": "x", "auth_strategy_id": "<x>"}, "must be"),
    "an address that is none": ("/classic/apps/new", "Create", {"name": "x", "redirect_uri": "no"}, "redirect_uri:"),
    "a character that no name has": ("/portal/apps/new", "Create", {"name": "a\0b"}, "Could not parse request body"),
}


@pytest.mark.parametrize(("path", "button", "values", "words"), REFUSALS.values(), ids=REFUSALS)
def test_what_a_portal_refuses_is_shown_in_its_own_words_with_the_form(browser, path, button, values, words):
    browser.log_in("/" + path.split("/")[1])
    if "/sign" in path:
        browser.press("Log out")
    browser.open(path)
    browser.press(button, **values)
    assert 400 <= browser.page.status_code < 500
    assert words in browser.words
    shown = next(form for form in browser.forms if button in form.buttons).values
    kept = {name: value for name, value in values.items() if name not in {"password", "auth_strategy_id"}}
    assert kept.items() <= {name: value.replace("\\x00", "\0") for name, value in shown.items()}.items()


def test_a_mail_works_once(browser):
    browser.open("/portal/sign-up")
    browser.press("Create account", full_name="Ada", email="ada@example.com")
    for words in ("The address is confirmed", "The provided token was not found"):
        browser.open("/portal/mail")
        assert words in browser.press("Confirm email address of ada@example.com")


def test_a_session_that_the_portal_has_ended_leads_to_the_login(browser):
    browser.log_in()
    browser.played.control("POST", "/clock", {"advance": 3601})
    for path in ("/portal/apps", "/portal"):
        browser.open(path)
    assert browser.open("/portal/apps").count("Log in first") == 1


def test_a_secret_is_shown_even_where_the_registration_is_refused(browser):
    browser.log_in()
    browser.open(f"/portal/apis/{browser.played.described['portal']['api_id']}/use")
    browser.played.control("POST", "/faults", {"party": "portal", "path": "*/registrations", "status": 503})
    browser.press("Create", name="half")
    assert browser.credentials()
    assert "503" in browser.text


# The setup


@pytest.mark.parametrize(
    "step", sample(sorted(guide.STEPS, key=lambda step: not step.variants), 5, lambda step: step.id)
)
def test_each_setup_step_can_be_switched_and_names_the_checks_that_notice(browser, step):
    browser.open(f"/setup/{step.id}")
    assert browser.title == (step.label or step.value)
    guarding = [entry.check.id for entry in entries() if step.id in entry.check.steps]
    for word in (step.breaks, step.fix, *(guarding or [step.unguarded_reason])):
        assert word in browser.text
    if not step.undo:
        assert "Leave undone" not in browser.text
        assert step.undo_reason in browser.text
        return
    for variant in ("", *step.variants):
        browser.press("Leave undone", variant=variant)
        if step.id in OVER_TLS:
            assert browser.page.status_code == 400
            assert "without TLS there is no certificate" in browser.text
            continue
        assert browser.played.control("GET", "/steps")[step.id]["undone"] == (variant or LEFT_UNDONE)
        assert "Left undone:" in browser.text
        browser.press("Do it")
        assert browser.played.control("GET", "/steps")[step.id]["undone"] is None
        assert "Left undone:" not in browser.text


def test_a_variant_that_a_step_has_not_is_refused_in_words(browser):
    browser.open("/setup/konnect.strategy.claim")
    browser.press("Leave undone", variant="nope")
    assert browser.page.status_code == 400
    assert "konnect.strategy.claim=nope: no such variant; it has" in browser.words


@pytest.mark.parametrize(("how_to", "path"), [(guide.HOW_TO, "/setup"), (guide.CLASSIC, "/setup?how-to=classic")])
def test_the_pages_have_every_step_of_both_how_tos(browser, how_to, path):
    listed = browser.open(path) + browser.open("/")
    for step in guide.STEPS:
        if any(place and place.how_to == how_to for place in (step.guide, *step.also)):
            assert f'href="/setup/{step.id}"' in listed or f">{step.label}</a>" in listed, step.id


def test_what_is_undone_is_said_on_each_page_and_done_at_once(browser):
    for step in ("curity.dcr.enabled", "konnect.strategy.claim"):
        browser.played.control("PUT", f"/steps/{step}")
        assert step in browser.open("/portal")
    browser.press("Do all steps")
    assert "Left undone" not in browser.text
    assert all(one["undone"] is None for one in browser.played.control("GET", "/steps").values())


def test_a_broken_step_is_met_in_the_words_of_the_portal(browser):
    browser.open("/setup/curity.dcr.enabled")
    browser.press("Leave undone")
    browser.log_in()
    browser.open("/portal/apps/new")
    browser.press("Create", name="refused")
    assert "Unable to create the DCR application" in browser.text
    assert "Left undone: curity.dcr.enabled" in browser.words


@pytest.mark.parametrize(
    ("party", "lacks", "fixed", "switch"),
    [
        ("curity", "admin", "curity.dcr.enabled", "konnect.strategy.claim"),
        ("portal", "api_id", "konnect.strategy.claim", "curity.dcr.enabled"),
    ],
    ids=["--issuer", "--empty"],
)
def test_steps_of_what_is_not_there_are_no_switches(served, party, lacks, fixed, switch):
    """As with those options of `dcrproof serve`."""
    described = {**served.described, party: {**served.described[party], lacks: None}}
    with playground(described) as url:
        lacking = Browser(Played({**described, "ui": {"url": url}}))
        lacking.played.control("POST", "/reset")
        assert "Leave undone" not in lacking.open(f"/setup/{fixed}")
        assert "It cannot be left undone here" in lacking.text
        assert "Leave undone" in lacking.open(f"/setup/{switch}")
        lacking.client.close()


def test_a_reset_ends_what_was_done_by_hand(browser):
    browser.create("gone")
    browser.open("/")
    browser.press("Reset the mocks")
    browser.open("/portal/apps")
    assert browser.title == "Log in"
    browser.log_in()
    assert "gone" not in browser.open("/portal/apps")


# The last request


def test_the_diagram_has_what_a_click_caused_and_then_what_a_call_did(browser):
    id_, secret = browser.create("drawn")
    assert "Dev Portal: Create application" in browser.text
    for words in ("Developer to Portal: POST /api/v3/applications", "Konnect to Curity: POST /token-service"):
        assert words in browser.text.replace("<code>", "")
    key = re.search('data-seen="([^"]+)"', browser.page.text)[1]
    assert browser.client.get(f"/requests/last?seen={key}").status_code == 204
    browser.calls_route(id_, secret)
    drawn = browser.client.get(f"/requests/last?seen={key}").text
    assert "GET /accounts: 200" in drawn
    assert "Consumer to Gateway" in drawn
    assert "Gateway to Curity" in drawn
    browser.open("/requests")
    assert "Dev Portal: Create application" in browser.follow("Dev Portal: Create application")


def test_a_diagram_survives_a_reset_by_somebody_else(browser):
    browser.create("before")
    browser.played.control("POST", "/reset")
    assert "No request yet" in browser.open("/requests")
    browser.calls_route("nobody", "knows")
    assert "GET /accounts: 401" in browser.open("/requests")


def call(n, sender, party, method="POST", path="/x", status=200):
    return {"n": n, "from": sender, "party": party, "method": method, "path": path, "status": status}


CREATED = [call(1, "konnect", "curity"), call(2, None, "portal"), call(3, None, "portal", path="/y")]
ROUTE = [call(4, "gateway", "upstream", "GET"), call(5, None, "gateway", "GET", "/accounts", 401)]
STORIES = {
    "nothing": ([], [], []),
    "a request with what it caused": (
        ROUTE,
        [],
        [(5, "GET /accounts: 401", ["consumer>gateway", "gateway>upstream"], True)],
    ),
    "reading": (
        [call(1, None, "portal", "GET"), call(2, None, "konnect", "HEAD"), call(3, None, "curity", "GET")],
        [],
        [],
    ),
    "a GET that is refused at the gateway": (
        [call(1, None, "gateway", "GET", "/a", 404)],
        [],
        [(1, "GET /a: 404", ["consumer>gateway"], True)],
    ),
    "what one click caused": (
        [*CREATED, *ROUTE],
        [Action("Create", 0, 3)],
        [
            (1, "Create", ["developer>portal", "konnect>curity", "developer>portal"], True),
            (5, "GET /accounts: 401", ["consumer>gateway", "gateway>upstream"], True),
        ],
    ),
    "a click that has not ended": (
        CREATED[:1],
        [Action("Create", 0)],
        [(1, "Create", ["konnect>curity"], False)],
    ),
    "a request that has not ended": (
        ROUTE[:1],
        [],
        [(4, "A request that is not answered yet", ["gateway>upstream"], False)],
    ),
    "two at once": (
        [call(1, "gateway", "curity"), call(2, "konnect", "curity"), call(3, None, "portal"), call(4, None, "gateway")],
        [],
        [
            (3, "POST /x: 200", ["developer>portal", "konnect>curity"], True),
            (4, "POST /x: 200", ["consumer>gateway", "gateway>curity"], True),
        ],
    ),
    "an admin": ([call(1, None, "konnect", "PATCH")], [], [(1, "PATCH /x: 200", ["admin>konnect"], True)]),
}


@pytest.mark.parametrize(("calls", "actions", "expected"), STORIES.values(), ids=STORIES)
def test_requests_are_told_from_the_call_log(calls, actions, expected):
    told = deeds(calls, actions)
    assert [
        (one.number, one.title, [f"{arrow.sender}>{arrow.receiver}" for arrow in one.arrows], one.ended) for one in told
    ] == expected


@pytest.mark.parametrize("receiver", [*NAMES, "somebody new"])
@pytest.mark.parametrize("path", ["/", "/" + "x" * 9000, f"/a/{'0' * 8}-0000-0000-0000-{'0' * 12}/b"])
def test_a_diagram_stays_within_its_edges(receiver, path):
    some = [Arrow("consumer", "gateway", "GET", path, 200, False), Arrow("gateway", receiver, "POST", path, 500, True)]
    for picture in pictures(Deed(1, "some", tuple(some), ended=True)):
        width = picture.form.width
        assert [lane.name for lane in picture.lanes if lane.name in NAMES.values()]
        for row in picture.rows:
            assert min(row.x, row.to, row.back[0]) >= 0
            assert max(row.x, row.to, row.back[0] + row.back[1]) <= width
            assert row.y < picture.height


def test_the_playground_forgets_browsers_and_calls():
    sessions = Sessions()
    first, _ = sessions.of("")
    for _ in range(MOST):
        sessions.of("")
    assert len(sessions.known) == MOST
    assert first not in sessions.known


# What pages may hold, and who may send what


def test_no_page_can_be_kept_framed_or_run_what_is_not_the_playgrounds_own(browser):
    browser.create("headers")
    browser.follow("Proceed")
    for path in (*paths(browser, made=browser.path.rpartition("/")[2]), "/nope", "/setup/nope", "/playground.css"):
        browser.open(path)
        headers = browser.page.headers
        assert headers["cache-control"] == "no-store", path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        if path != "/playground.css":
            assert not re.search(r"<style| style=| on[a-z]+=|javascript:|https?://[^<]*\"", browser.page.text), path
    cookie = browser.client.get("/", headers={"cookie": ""}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


def test_opening_pages_changes_nothing(browser):
    browser.create("unchanged")
    browser.follow("Proceed")
    application = browser.path.rpartition("/")[2]
    before = len(browser.played.control("GET", "/calls"))
    steps = browser.played.control("GET", "/steps")
    for path in paths(browser, made=application):
        assert browser.open(path)
        assert browser.page.status_code in {200, 204, 404}, path
    calls = browser.played.control("GET", "/calls")[before:]
    assert {call["method"] for call in calls} == {"GET"}
    assert browser.played.control("GET", "/steps") == steps


FOREIGN = {
    "no token": ({"token": ""}, {}, 403),
    "a wrong token": ({"token": "x" * 32}, {}, 403),
    "a token that is no ASCII": ({"token": "ü"}, {}, 403),
    "another site": ({}, {"origin": "https://evil.example"}, 403),
    "no origin that is named": ({}, {"origin": "null"}, 403),
    "another port": ({}, {"origin": "http://127.0.0.1:1"}, 403),
    "another name for this machine": ({}, {"host": "evil.example"}, 403),
    "JSON": ({}, {"content_type": "application/json"}, 415),
    "plain text": ({}, {"content_type": "text/plain"}, 415),
}


@pytest.mark.parametrize(("values", "headers", "status"), FOREIGN.values(), ids=FOREIGN)
def test_a_form_that_these_pages_did_not_send_changes_nothing(browser, values, headers, status):
    browser.log_in()
    sent = {}
    for path in ("/", "/setup", "/portal/apps/new", "/approvals"):
        browser.open(path)
        sent |= {form.action: form.values for form in browser.forms}
    before = browser.played.control("GET", "/steps"), len(browser.played.control("GET", "/calls"))
    for action, own in sent.items():
        browser.send(action, {**own, **values, "name": "x"}, **headers)
        assert browser.page.status_code == status
        assert "<h1>" in browser.page.text
    assert before[0] == browser.played.control("GET", "/steps")
    changes = [one for one in browser.played.control("GET", "/calls")[before[1] :] if one["method"] != "GET"]
    assert changes == []


def test_the_token_of_another_browser_is_refused(browser, served):
    browser.open("/")
    own = browser.forms[0].values
    other = Browser(served)
    other.open("/")
    other.send("/reset", own)
    assert other.page.status_code == 403
    other.client.close()


ODD = {
    "no such page": ("GET", "/nope", {}, 404),
    "no such step": ("GET", "/setup/nope.nope", {}, 404),
    "no such how-to": ("GET", "/setup?how-to=nope", {}, 404),
    "no such request": ("GET", "/requests?of=99999", {}, 404),
    "another method": ("PUT", "/setup", {}, 405),
    "a form's path opened": ("GET", "/reset", {}, 405),
    "a form to a page": ("POST", "/requests", {}, 405),
    "markup in the path": ("GET", "/<script>alert(1)</script>", {}, 404),
    "what is no path": ("GET", "/%00%ff%e2%80%ae", {}, 404),
    "an id that climbs": ("GET", "/classic/apis/%2e%2e%2fportal", {}, 404),
    "a long path": ("GET", "/" + "x" * 9000, {}, 414),
    "a large form": ("POST", "/reset", {"x": "y" * 1_100_000}, 413),
    "many cookies": ("GET", "/", {"cookie": "a=b;" * 100}, 200),
}


@pytest.mark.parametrize(("method", "path", "given", "status"), ODD.values(), ids=ODD)
def test_odd_requests_get_a_page_with_words(browser, capfd, method, path, given, status):
    if "cookie" in given:
        answer = browser.client.request(method, path, headers=given)
    else:
        answer = browser.client.request(method, path, data=given or None)
    assert answer.status_code == status
    assert "<h1>" in answer.text
    assert "<script>alert" not in answer.text
    assert capfd.readouterr() == ("", "")


def test_names_from_outside_are_text(browser):
    odd = "<b onclick='x'>&amp; \u202e\" {{ 7*7 }}"
    browser.log_in()
    browser.open("/portal/apps/new")
    browser.press("Create", name=odd, description=odd)
    browser.follow("Proceed")
    for path in (browser.path, "/portal/apps", "/approvals", "/requests"):
        browser.open(path)
        assert "<b onclick" not in browser.page.text
    browser.open("/portal/apps")
    assert escape("<b onclick='x'>&amp; ", quote=False) in browser.page.text.replace("&#39;", "'")
    assert "\u202e" not in browser.page.text
    httpx.get(browser.played.described["gateway"]["url"] + "/<i>&\u202e", trust_env=False)
    assert "<i>" not in browser.open("/requests").partition("Newest")[0].replace("GET /<i>", "")


FAULTS = {
    "unavailable": {"status": 503},
    "a limit": {"status": 429},
    "dropped": {"drop": True},
    "cut off": {"truncate": 10},
    "not JSON": {"malformed": True},
    "another shape": {"status": 200},
}


@pytest.mark.parametrize("fault", sample(FAULTS.values(), 1))
@pytest.mark.parametrize("party", sample(["portal", "classic_portal", "konnect", "curity"], 1))
def test_a_party_out_of_order_is_said_in_words(browser, capfd, party, fault):
    browser.log_in("/classic")
    browser.create("in order")
    browser.follow("Proceed")
    application = browser.path.rpartition("/")[2]
    for path in paths(browser, made=application):
        if path.startswith("/setup"):  # they ask no party
            continue
        armed = browser.played.control("POST", "/faults", {"party": party, "times": 10_000, **fault})["id"]
        browser.open(path)
        browser.played.control("DELETE", f"/faults/{armed}")
        assert browser.page.status_code in {200, 204, 404, 429, 502}, path
        assert path == "/requests/last" or "<h1>" in browser.page.text
    assert capfd.readouterr().err == ""
