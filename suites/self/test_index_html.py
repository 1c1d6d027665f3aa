"""`index.html` without a browser: what it says, and that texts from outside are only texts in it."""

import json
import re
from base64 import b64encode
from copy import deepcopy
from hashlib import sha256
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dcrproof.core.checks.check import STAGES
from dcrproof.core.checks.verdict import Verdict
from dcrproof.core.text import visible
from dcrproof.fixtures.catalogue import entries
from dcrproof.reports.flow import FLOW, HAPPY, calls_within, flow
from dcrproof.reports.index_html import index_html
from dcrproof.reports.page import duration, link, numbers, path
from dcrproof.reports.run_json import run_json

SCHEMA = json.loads(resources.files("dcrproof.reports").joinpath("run.schema.json").read_text("utf-8"))


def check(id: str, verdict: str = "passed", **members: Any) -> dict[str, Any]:
    found = {
        "id": id,
        "title": f"The claim of {id}",
        "level": "MUST",
        "evidence_level": "documented",
        "hostile": False,
        "security": False,
        "stage": "curity",
        "verdict": verdict,
        "red": verdict in {"failed", "blocked", "unreachable", "error"},
        "steps": [],
        "candidates": [],
        "profile": [],
        "blocked_by": None,
        "expected": "",
        "observed": "",
        "ruled_out": [],
        "decides": "",
        "owner": "",
        "owners": ["owners of the check"],
        "fix": "",
        "known": "",
        "symptom": "",
        "observations": [],
        "evidence": None,
        "seconds": 0.01,
        "references": ["RFC 7591 3"],
        "exchanges": [],
        "again": f"pytest --dcr-check {id}",
    }
    return found | members


def step(id: str, mark: str = "holds", checks: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "id": id,
        "party": id.partition(".")[0],
        "owner": f"owners of {id}",
        "where": f"where {id} is set",
        "implied": False,
        "label": f"label of {id}",
        "value": "on",
        "breaks": "all",
        "fix": f"fix {id}",
        "caution": "",
        "mark": mark,
        "checks": list(checks),
    }


def exchange(number: int, check: str | None = None, **members: Any) -> dict[str, Any]:
    message = {"headers": [["content-type", "application/json"]], "body": '{"a": 1}', "bytes": 8, "note": ""}
    found = {
        "number": number,
        "at": f"2026-11-24T08:00:{number % 60:02}.000Z",
        "from": "dcrproof",
        "to": "curity",
        "party": "curity",
        "node": None,
        "method": "GET",
        "url": f"https://curity.example/path/{number}",
        "status": 200,
        "seconds": 0.5,
        "request": message,
        "response": message,
        "jwts": [],
        "check": check,
        "error": None,
    }
    return found | members


def content(*checks: dict[str, Any], exit: int | None = 0, **members: Any) -> dict[str, Any]:
    found = {
        "schema": 1,
        "exit": exit,
        "verdict": {0: "green", 1: "broken", 2: "interrupted", 3: "own fault", 5: "no check ran", 6: "unreachable"}.get(
            exit, "cut short"
        ),
        "headline": "the run in one line",
        "version": "0.1.0",
        "started": "2026-11-24T08:00:00.000Z",
        "ended": "2026-11-24T08:01:00.000Z",
        "seconds": 60.0,
        "command": "pytest --the-command-of-the-run",
        "mode": "provision",
        "hostile": True,
        "profile": None,
        "target": {"curity": "live", "gateway": "mocked"},
        "versions": {"curity": None, "gateway": "3.14.0.8"},
        "undone": [],
        "selected": [one["id"] for one in checks],
        "checks": list(checks),
        "steps": [],
        "exchanges": [],
        "calls": [],
        "waits": [],
        "left_behind": [],
        "notes": [],
        "load": None,
    }
    found |= members
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(found)] == []
    return found


class Page(HTMLParser):
    """A page without JavaScript: its elements, its text, and the content of its script elements."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._in: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self._in.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._in and self._in[-1] == tag:
            self._in.pop()

    def handle_data(self, data: str) -> None:
        place = {"script": self.scripts, "style": self.styles}.get(self._in[-1] if self._in else "", self.texts)
        place.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]

    def attribute(self, name: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(name)) is not None]


def page(*checks: dict[str, Any], **members: Any) -> Page:
    return Page(index_html(content(*checks, **members)))


A, B = "curity.one.setting", "curity.other.setting"
EVIDENCE = {
    "number": 3,
    "party": "curity",
    "method": "GET",
    "url": "https://curity.example/path/3",
    "status": 200,
    "at": "2026-11-24T08:00:03.000Z",
}


def next_of(found: Page) -> str:
    """The first part of the page."""
    return found.text.partition("The flow, as it happened")[0]


# What it says


def test_a_wrong_step_is_what_to_do_next():
    found = page(
        check("token.is-jwt", "failed", candidates=[A], steps=[A], observed="an opaque token", evidence=EVIDENCE),
        check("route.basic.accepted", "blocked", blocked_by="token.is-jwt", symptom="the gateway answers 401"),
        exit=1,
        steps=[step(A, "wrong", ("token.is-jwt",))],
        exchanges=[exchange(3, "token.is-jwt")],
    )
    assert "Red: one setup step is wrong" in found.text
    first = next_of(found)
    for text in (f"label of {A}", "owners of the check", f"where {A} is set", f"fix {A}", "an opaque token"):
        assert text in first
    assert "exchange 3, GET https://curity.example/path/3 -> 200" in first
    assert "pytest --dcr-check token.is-jwt" in first
    assert "1 check is blocked by token.is-jwt" in found.text
    assert "Impact: the gateway answers 401" in found.text


def test_checks_that_name_the_same_step_are_one_thing_to_fix():
    found = page(
        check("configuration.one", "failed", candidates=[A]),
        check("token.two", "failed", candidates=[A]),
        check("token.three", "failed", candidates=[B, A]),
        exit=1,
        steps=[step(A, "wrong"), step(B, "suspected")],
    )
    assert "Red: one setup step is wrong" in found.text
    assert next_of(found).count("rerun") == 1
    assert all(id in next_of(found) for id in ("configuration.one", "token.two", "token.three"))


def test_two_wrong_steps_are_two_things_to_fix():
    found = page(
        check("configuration.one", "failed", candidates=[A]),
        check("token.two", "failed", candidates=[B]),
        exit=1,
        steps=[step(A, "wrong"), step(B, "wrong")],
    )
    assert "Red: 2 setup steps are wrong" in found.text
    assert f"1. label of {A}" in next_of(found)
    assert f"2. label of {B}" in next_of(found)


def test_steps_that_cannot_be_distinguished_are_all_named():
    found = page(
        check("token.one", "failed", candidates=[A, B], ruled_out=["the client: it answered"]),
        exit=1,
        steps=[step(A, "suspected"), step(B, "suspected")],
    )
    assert "Red: one of 2 setup steps is wrong" in found.text
    assert f"where {A} is set" in next_of(found)
    assert f"where {B} is set" in next_of(found)
    assert "the client: it answered" in next_of(found)


def test_a_green_run_says_what_it_did_not_look_at():
    found = page(
        check("token.one"),
        check("token.two", "not seen", expected="with mode = create"),
        check("token.three", "observed"),
    )
    assert "Green: every check that ran holds" in found.text
    assert "Nothing has to be fixed" in next_of(found)
    assert "with mode = create: token.two" in next_of(found)
    assert "this says nothing about a tenant" not in found.text
    mocked = page(check("token.one"), target={"curity": "mocked"})
    assert "this says nothing about a tenant" in mocked.text


def test_a_party_that_is_down_is_named_with_what_to_check():
    found = page(
        check("discovery.served", "unreachable", observed="connection refused", exchanges=[1]),
        exit=6,
        exchanges=[
            exchange(1, "discovery.served", status=None, response=None, error="connection refused", seconds=None)
        ],
    )
    assert "owners of the check" in next_of(found)
    assert "Red: Curity could not be reached" in found.text
    assert "connection refused" in next_of(found)
    assert "check the address in the profile" in next_of(found)


@pytest.mark.parametrize(("exit", "words"), [(2, "Interrupted"), (None, "Cut short")])
def test_a_run_that_stopped_says_what_it_had_not_reached(exit, words):
    asked = ["token.one", "token.two", "token.three"]
    found = page(check("token.one"), check("clean-up.one"), exit=exit, selected=asked)
    assert words in found.text
    assert "2 of 3 checks" in next_of(found)
    assert "pytest --the-command-of-the-run" in next_of(found)


def test_an_empty_record_is_a_page_too():
    found = page(exit=None, started=None, ended=None, version=None, command=None, mode=None, target={}, versions={})
    assert "Cut short" in found.text
    assert "no party" in found.text


def test_what_was_left_behind_is_to_be_deleted():
    assert "application 17 of the portal" in next_of(page(check("a.one"), left_behind=["application 17 of the portal"]))


def test_only_what_is_to_be_deleted_stands_there():
    notes = [
        ("left behind", "a client"),
        ("clean-up failed", "a portal"),
        ("baseline", "an entry"),
        ("secret let out", "a file"),
    ]
    said = run_json([{"event": "note", "kind": kind, "text": text} for kind, text in notes])
    assert said["left_behind"] == ["a client", "a portal"]
    assert [note["text"] for note in said["notes"]] == ["a client", "a portal", "an entry", "a file"]
    shown = next_of(page(check("a.one"), **{name: said[name] for name in ("left_behind", "notes")}))
    secret, deleted, baseline = map(shown.index, ("do not share this folder", "Delete by hand", "The baseline"))
    assert secret < shown.index("a file") < deleted < shown.index("a client") < shown.index("a portal") < baseline
    assert baseline < shown.index("an entry")


@pytest.mark.parametrize(("exit", "said"), [(0, True), (1, False), (2, False), (3, False), (6, False), (None, False)])
def test_what_green_means_stands_on_a_green_page_only(exit, said):
    assert ("Green means" in page(check("a.one"), exit=exit).text) is said


def test_a_check_that_is_blocked_by_one_without_an_entry_is_shown():
    found = page(check("a.two", "blocked", blocked_by="a.one"), exit=1)
    assert "1 check is blocked by a.one, which has no entry in this run" in found.text
    assert "check-a.two" in found.attribute("id")
    assert "see what blocks the others" in next_of(found)


def test_a_failed_should_does_not_make_the_run_red():
    found = page(check("a.one"), check("a.two", "failed", level="SHOULD", red=False))
    assert "Green" in found.text
    assert "Failed SHOULD checks, which do not make the run red: a.two" in next_of(found)


def test_a_known_failure_is_told_with_its_reason():
    why = "ticket 17, until 2027-01-01"
    blocked = check("a.three", "blocked", blocked_by="a.two", red=False, known=why)
    found = page(check("a.one"), check("a.two", "failed", red=False, known=why), blocked)
    assert "Green" in found.text
    assert f"a.two and 1 more ({why})" in next_of(found)
    assert "Failed SHOULD" not in found.text


def test_each_party_is_named_live_or_mocked_with_its_version():
    found = page(check("a.one"))
    assert "Curity live" in found.text
    assert "Gateway mocked 3.14.0.8" in found.text


def test_each_check_and_step_can_be_linked_to():
    found = page(check("a.one", steps=[A], exchanges=[1]), exchanges=[exchange(1)], steps=[step(A, checks=("a.one",))])
    assert {"check-a.one", f"step-{A}"} <= set(found.attribute("id"))
    assert {"#check-a.one", f"#step-{A}"} <= set(found.attribute("href"))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_each_verdict_is_a_word_and_a_sign(verdict):
    text = page(check("a.one", str(verdict), blocked_by="a.two" if verdict == "blocked" else None), exit=1).text
    assert re.search(rf"\S {verdict}", text)


# What it is


def test_the_page_asks_for_nothing_outside_itself():
    found = page(check("a.one"), exchanges=[exchange(1)])
    assert not {"img", "iframe", "object", "embed", "audio", "video", "form", "base"} & set(found.tags)
    assert found.attribute("src") == []
    assert [attributes["href"] for tag, attributes in found.elements if tag == "link"] == ["data:,"]
    assert found.attribute("style") == []
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]


def test_the_policy_allows_the_script_and_the_style_of_the_page_and_no_other():
    found = page(check("a.one"))
    policy = next(
        attributes["content"]
        for tag, attributes in found.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )

    def hash_of(source: str) -> str:
        return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'"

    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == hash_of(found.scripts[-1])
    assert rules["style-src"] == hash_of(found.styles[0])
    assert "connect-src" not in rules


HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "\"'><b>",
    "&lt;b&gt; &amp;",
    "{{ 7 * 7 }} {% raw %}",
    "\x1b[31mred\x1b[0m\x00\x07\x9b",
    "\u202egnp.exe\u202c \u2066 \u200f",
    "a\u2028b\u2029c\ufeff",
    "\ud800 half a pair",
    "x" * 100_000,
)


def hostile(text: str) -> dict[str, Any]:
    """A run in which everything that comes from outside is this text."""
    message = {"headers": [["x-note", text], [text, "x"]], "body": text, "bytes": 1, "note": text}
    return content(
        check(
            "a.one",
            "failed",
            title=text,
            candidates=[],
            expected=text,
            observed=text,
            ruled_out=[text],
            owner=text,
            owners=[text],
            known="",
            fix=text,
            references=[text],
            again=text,
            observations=[{"party": "curity", "name": text, "observed": text, "held": True}],
            evidence=EVIDENCE | {"url": text, "method": text},
            exchanges=[3],
        ),
        check("a.two", "blocked", blocked_by="a.one", symptom=text, expected=text, observed=text),
        check("a.three", "not seen", expected=text),
        exit=1,
        headline=text,
        command=text,
        profile=text,
        left_behind=[text],
        steps=[step(A) | {"label": text, "where": text, "value": text}],
        exchanges=[
            exchange(
                3,
                "a.one",
                url=text,
                method=text,
                request=message,
                response=message,
                error=text,
                node=text,
                jwts=[{"where": text, "header": {text: text}, "claims": {text: [text]}}],
            )
        ],
        calls=[
            {
                "at": "2026-11-24T08:00:03.100Z",
                "from": "curity",
                "to": "upstream",
                "method": text,
                "path": text,
                "status": 1,
            }
        ],
    )


PLAIN = Page(index_html(hostile("plain")))


def assert_is_text_alone(text: str) -> None:
    found = Page(index_html(hostile(text)))
    assert found.tags == PLAIN.tags
    assert found.scripts[-1] == PLAIN.scripts[-1]
    block = json.loads(found.scripts[1])[0]
    assert block["response"]["body"] == visible(text)
    assert block["jwts"][0]["claims"] == {visible(text): [visible(text)]}
    index = json.loads(found.scripts[0])
    assert index["rows"][0][5] == visible(text)
    assert index["calls"][0][5] == visible(text)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_text_from_outside_changes_nothing_else(text):
    assert_is_text_alone(text)


ANY = st.characters(exclude_categories=())
"""Any code point, halves of surrogate pairs included."""


@given(st.text(ANY, min_size=1, max_size=40))
def test_any_text_changes_nothing_else(text):
    # a reference that looks like an address becomes a link
    if not link(text):
        assert_is_text_alone(text)


def test_the_content_of_the_run_is_left_as_it_was():
    given = hostile("plain")
    before = deepcopy(given)
    index_html(given)
    assert given == before


# Its parts


def test_the_flow_is_made_of_checks_that_exist():
    catalogue = {entry.check.id for entry in entries()}
    assert set(HAPPY) <= set(FLOW) <= catalogue


def test_each_stage_has_a_title():
    assert {entry.check.stage for entry in entries()} <= set(STAGES)


def test_the_flow_shows_the_happy_path_and_what_failed():
    run = content(
        check("configuration.one", "failed", evidence=EVIDENCE),
        check("discovery.served", exchanges=[1]),
        check("keys.served", exchanges=[2]),
        check("client.known", exchanges=list(range(4, 12))),
        exit=1,
    )
    assert flow(run) == [("configuration.one", [3]), ("discovery.served", [1]), ("client.known", [8, 9, 10, 11])]


def test_the_flow_shows_one_worker_where_several_went_along_it():
    run = content(
        check("discovery.served", exchanges=[100_003, 1]), check("client.known", exchanges=[100_007, 100_008])
    )
    assert flow(run) == [("discovery.served", [1]), ("client.known", [100_007, 100_008])]


def test_a_call_between_the_parties_belongs_to_the_exchange_during_which_it_was_made():
    call = {"from": "konnect", "to": "curity", "method": "POST", "path": "/register", "status": 201}
    run = content(
        exchanges=[
            exchange(1, to="portal"),
            exchange(2, to="gateway"),
        ],
        calls=[
            call | {"at": "2026-11-24T08:00:01.300Z"},
            call | {"at": "2026-11-24T08:00:01.900Z"},
            call | {"at": "2026-11-24T08:00:02.300Z"},
        ],
        exit=5,
    )
    # the second is in no exchange; during the third Konnect was not called
    assert calls_within(run) == [1, None, None]


@pytest.mark.parametrize(
    ("values", "said"), [([], ""), ([7], "7"), ([3, 4, 5, 9], "3 to 5, 9"), ([9, 3, 4, 5], "3 to 5, 9")]
)
def test_numbers_are_shown_as_ranges(values, said):
    assert numbers(values) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, ""), (0.0, "< 1 ms"), (0.0123, "12 ms"), (4.04, "4.0 s"), (59.99, "60.0 s"), (125.4, "2 min 5 s")],
)
def test_durations_are_readable(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("curity.io/docs/idsvr/", "https://curity.io/docs/idsvr/"),
        ("RFC 7591 3.2", ""),
        ("javascript:alert(1)", ""),
        ("curity.io/docs, default-token-issuer", ""),
    ],
)
def test_a_reference_that_is_a_page_is_linked(reference, address):
    assert link(reference) == address


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/b?c%5Bd%5D=e", "/b?c[d]=e"),
        ("/b%20c%2525", "/b c%25"),
        ("/b%00%0a%1b%7f%7F%E2%80%AE%C3%A4", "/b%00%0a%1b%7f%7F%E2%80%AE%C3%A4"),
        ("/%zz%5", "/%zz%5"),
    ],
)
def test_an_address_is_readable_and_hides_nothing(url, shown):
    assert path(url) == shown
