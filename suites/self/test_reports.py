"""The files that are made from a run: what each says, that its readers accept it, and that texts from outside stay texts."""

import contextlib
import errno
import json
import os
import re
import tomllib
import unicodedata
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from haralyzer import HarParser
from hypothesis import given
from hypothesis import strategies as st
from recorded import SOME, made_up, run

from dcrproof.core.secrets.index import Secrets
from dcrproof.core.text import visible
from dcrproof.fixtures.run.recording import Recording
from dcrproof.fixtures.session import job
from dcrproof.fixtures.session.job import annotations
from dcrproof.reports.folder import write
from dcrproof.reports.handoff import handoffs
from dcrproof.reports.har import transcript_har
from dcrproof.reports.junit import junit_xml
from dcrproof.reports.observed import observed_toml
from dcrproof.reports.run_json import run_json
from dcrproof.reports.summary import summary_md
from dcrproof.reports.text import block, code

JUNIT = xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))
FILES = {"events.jsonl", "run.json", "summary.md", "observed.toml"}
FILES |= {"junit.xml", "transcript.har", "results.sarif", "metrics.prom"}
WAYS = ("green", "undone", "two undone", "interrupted", "down")


@pytest.mark.parametrize("way", WAYS)
def test_each_run_leaves_all_files(left, way):
    assert left(way).files >= FILES


@pytest.mark.parametrize("way", WAYS)
def test_the_end_of_the_output_names_the_folder(left, way):
    found = left(way)
    assert re.search(rf"^evidence   .*{found.folder.name}$", found.output, re.MULTILINE)
    assert re.search(rf"^open       .*{found.folder.name}/index.html$", found.output, re.MULTILINE)


# junit.xml


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - dcrproof wrote it


def cases(text: str) -> dict[str, ET.Element]:
    return {case.attrib["name"]: case for case in parsed(text).iter("testcase")}


@pytest.mark.parametrize("way", WAYS)
def test_junit_validates(left, way):
    assert list(JUNIT.iter_errors(left(way).text("junit.xml"))) == []


@pytest.mark.parametrize("way", WAYS)
def test_junit_is_green_only_where_the_run_is(left, way):
    root = parsed(left(way).text("junit.xml"))
    wrong = int(root.attrib["failures"]) + int(root.attrib["errors"])
    assert (wrong == 0) is (left(way).code == 0)


def test_a_failure_has_its_diagnosis_as_message_and_a_blocked_must_is_a_failure_with_its_reason(left):
    undone = left("undone")
    found = cases(undone.text("junit.xml"))
    failure = found["token.is-jwt"].find("failure")
    assert failure.attrib["type"] == "failed"
    assert failure.attrib["message"].startswith("an opaque token")
    assert "(expected a signed JWT; step: curity.token-issuer.jwt)" in failure.attrib["message"]
    for text in ("owner: Curity admins", "  fix            enable the setting", "  rerun          "):
        assert text in failure.text
    blocked = [check["id"] for check in undone.report["checks"] if check["verdict"] == "blocked" and check["red"]]
    assert blocked
    for id in blocked:
        assert found[id].find("failure").attrib["message"].startswith("blocked by token.is-jwt: ")
        assert found[id].find("skipped") is None


def test_an_unreachable_must_is_a_failure_and_an_internal_error_is_an_error():
    found = cases(junit_xml(run_json(made_up(3, 0, c0="unreachable", c1="error", c2="not seen"))))
    assert [found[f"{kind}.made-up-{n}"][0].tag for n, kind in enumerate(("route", "token", "route"))] == [
        "failure",
        "error",
        "skipped",
    ]


def test_steps_and_references_are_properties(left):
    root = parsed(left("undone").text("junit.xml"))
    found = {(one.attrib["name"], one.attrib["value"]) for one in root.iter("property")}
    assert ("token.is-jwt.step", "curity.token-issuer.jwt") in found
    assert any(name == "token.is-jwt.reference" for name, _ in found)


def test_an_interrupted_run_says_how_many_checks_were_not_reached(left):
    found = cases(left("interrupted").text("junit.xml"))
    assert "not reached: 2 of 3" in found["run"].find("error").attrib["message"]


# transcript.har


@pytest.mark.parametrize("way", WAYS)
def test_the_har_loads_in_an_independent_reader(left, way):
    har = HarParser(json.loads(left(way).text("transcript.har")))
    exchanges = left(way).report["exchanges"]
    assert len(har.har_data["entries"]) == len(exchanges)
    entries = {(entry.request.url, entry.response.status) for page in har.pages for entry in page.entries}
    assert entries == {(one["url"], one["status"] or 0) for one in exchanges}


def test_the_har_has_what_the_format_demands_of_each_entry(left):
    log = json.loads(left("green").text("transcript.har"))["log"]
    pages = {page["id"] for page in log["pages"]}
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
        assert {
            "method",
            "url",
            "httpVersion",
            "cookies",
            "headers",
            "queryString",
            "headersSize",
            "bodySize",
        } <= entry["request"].keys()
        assert {"status", "statusText", "content", "redirectURL", "cookies", "headers"} <= entry["response"].keys()
        assert entry["time"] == sum(entry["timings"].values())
        assert entry.get("pageref", None) in {None, *pages}
    forms = [entry["request"]["postData"] for entry in log["entries"] if "postData" in entry["request"]]
    assert any({"name": "grant_type", "value": "client_credentials"} in form["params"] for form in forms)


# summary.md


def test_the_summary_says_the_verdict_the_step_and_the_fix(left):
    text = left("undone").text("summary.md")
    assert text.startswith("## \N{CROSS MARK} dcrproof: broken\n")
    assert "### FAILED `token.is-jwt`" in text
    assert "| fix | `enable the setting, leave wrapped opaque tokens off, then commit (Changes > Commit)` |" in text
    assert re.search(r"\| rerun \| `.*pytest .* --dcr-check token\.is-jwt` \|", text)
    assert "Left undone on purpose: `curity.token-issuer.jwt`." in text


def test_the_summary_draws_the_flow(left):
    text = left("green").text("summary.md")
    diagram = text.partition("```mermaid\n")[2].partition("```")[0].splitlines()
    assert diagram[0] == "sequenceDiagram"
    arrows = [re.fullmatch(r"    (\w+)(-x|->>)(\w+): (\w+) (\S+) (\d{3})", line) for line in diagram if ":" in line]
    assert all(arrows)
    went = [(arrow[1], arrow[3], arrow[6]) for arrow in arrows]
    assert went[0] == ("developer", "portal", "204")
    created = went.index(("developer", "portal", "201"))
    assert ("konnect", "curity", "201") in went[created:]
    called = went.index(("consumer", "gateway", "200"))
    assert ("gateway", "curity", "200") in went[called:]
    assert ("gateway", "upstream", "200") in went[called:]


def test_an_interrupted_run_is_not_called_green_in_the_summary(left):
    text = left("interrupted").text("summary.md")
    assert "dcrproof: interrupted" in text
    assert "**2 of 3 checks were not reached.**" in text


def test_where_github_runs_it_the_summary_is_appended_and_failures_are_annotated(tmp_path):
    job = tmp_path / "job.md"
    job.write_text("# before\n")
    found = run(
        tmp_path / "reports",
        *SOME,
        "--dcr-undo=curity.token-issuer.jwt",
        GITHUB_STEP_SUMMARY=str(job),
        GITHUB_ACTIONS="true",
    )
    assert job.read_text("utf-8") == "# before\n" + found.text("summary.md")
    title = "title=FAILED token.is-jwt%3A The access token is a signed JWT"
    (line,) = [line for line in found.output.splitlines() if line.startswith("::")]
    assert line.startswith(f"::error {title}::owner: Curity admins%0Astep: curity.token-issuer.jwt")


def test_where_azure_pipelines_runs_it_failures_are_annotated(monkeypatch):
    monkeypatch.setenv("TF_BUILD", "True")
    content = run_json(made_up(2, 0, "100 % of\nit]; x", c0="passed", c1="failed"))
    (line,) = annotations(content)
    assert line.startswith(
        "##vso[task.logissue type=error]FAILED token.made-up-1: a claim about 100 %AZP25 of%0Ait]; x"
    )


@pytest.mark.parametrize("kind", ["pipe", "folder", "absent", "device"])
def test_a_summary_that_cannot_be_written_neither_holds_nor_fails_a_run(tmp_path, monkeypatch, kind):
    path = {"absent": tmp_path / "nowhere" / "job.md", "device": Path("/dev/full")}.get(kind, tmp_path / kind)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    said = {"pipe": os.strerror(errno.ENXIO), "folder": os.strerror(errno.EISDIR), "absent": os.strerror(errno.ENOENT)}
    assert job.add_to_summary("text") == said.get(kind, "not a regular file")
    with contextlib.suppress(OSError):
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe whose reader does not read
        assert job.add_to_summary("text") in {"not a regular file", *said.values()}
        os.close(reader)


def test_a_run_says_that_its_summary_could_not_be_written(tmp_path):
    found = run(tmp_path / "reports", *SOME, GITHUB_STEP_SUMMARY=str(tmp_path))
    assert found.report["exit"] == 0
    assert f"summary    could not be added to GITHUB_STEP_SUMMARY: {os.strerror(errno.EISDIR)}\n" in found.output


def test_elsewhere_nothing_is_annotated(left):
    assert "::error" not in left("undone").output


# handoff-OWNER.md


def test_each_owner_of_a_failing_step_gets_what_it_needs_to_fix_it(left):
    text = left("undone").text("handoff-curity-admins.md")
    for part in (
        "# For the Curity admins",
        "`token.is-jwt`: failed",
        "**expected**: `a signed JWT`",
        "**ruled out**: `the client and its secret: the token endpoint answered 200`",
        "**fix**: `enable the setting, leave wrapped opaque tokens off, then commit (Changes > Commit)`",
        "**caution**: `profile-wide: every client of this profile gets JWTs from then on`",
        "**rerun**: `",
        "/oauth/v2/oauth-token",
    ):
        assert part in text


def test_a_hand_over_holds_only_the_exchanges_of_its_owner(left):
    two = left("two undone")
    addresses = {one["party"]: one["url"].split("/")[2] for one in two.report["exchanges"]}
    theirs = {"handoff-konnect-admins.md": {"konnect", "portal"}, "handoff-curity-admins.md": {"curity"}}
    written = {name for name in two.files if name.startswith("handoff-")}
    assert written
    assert written <= set(theirs)
    for name in written:
        parties = {
            party
            for party, host in addresses.items()
            if re.search(rf"^[A-Z]+ https?://{host}/", two.text(name), re.MULTILINE)
        }
        assert parties <= theirs[name]


def test_a_failure_that_no_step_explains_is_handed_to_the_owner_of_its_check_with_its_exchanges():
    content = run_json(made_up(2, 2, c0="failed", c1="passed"))
    failed = content["checks"][0] | {
        "candidates": [],
        "profile": [],
        "owner": "Curity admins",
        "owners": ["Curity admins"],
    }
    found = handoffs({**content, "checks": [failed]})
    assert list(found) == ["handoff-curity-admins.md"]
    assert "**step**: `not a setup step`" in found["handoff-curity-admins.md"]
    assert "### Exchange 2, " in found["handoff-curity-admins.md"]


def test_security_is_shown_beside_the_title_in_every_format():
    content = run_json(made_up(2, 2, c0="passed", c1="failed"))
    assert "FAILED `token.made-up-1` SECURITY" in summary_md(content)
    assert "`token.made-up-1`: failed, SECURITY" in handoffs(content)["handoff-curity-admins.md"]
    assert "FAILED token.made-up-1: a claim about an answer   SECURITY   owner: Curity admins" in junit_xml(content)


def test_a_green_run_hands_nothing_over(left):
    assert {name for name in left("green").files if name.startswith("handoff")} == set()


# observed.toml


def test_what_live_parties_did_is_written_as_switches():
    found = tomllib.loads(observed_toml(run_json(made_up(2, 0))))
    assert found["gateway"]["literal_basic"] is True
    assert str(found["gateway"]["date"]) == "2026-11-24"
    assert found["gateway"]["version"] == "an answer"


def test_a_live_run_writes_what_the_next_mocked_run_reads(mocks, tmp_path):
    profile = mocks.changed("live", lambda text: re.sub(r"^mocked = .*\n", "", text, flags=re.MULTILINE))
    options = (f"--dcr-profile={profile}", f"--dcr-ledger={tmp_path / 'ledgers'}", "--dcr-check=route.basic.literal")
    live = run(tmp_path / "live", *options)
    found = tomllib.loads(live.text("observed.toml"))
    assert found["gateway"]["literal_basic"] is False, live.output
    assert found["gateway"]["version"].startswith("3.")
    again = run(
        tmp_path / "again", "--dcr-check=route.basic.literal", f"--dcr-observed={live.folder / 'observed.toml'}"
    )
    assert again.code == 0, again.output


def test_mocks_are_not_observed(left):
    assert tomllib.loads(left("green").text("observed.toml")) == {}


# Texts from outside

HOSTILE = [
    "<script>alert(1)</script></script><img src=x onerror=alert(1)>",
    "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "]]>&lt;!--",
    "```\n# not a heading\n| not | a | table |\n",
    "\u202eright to left\u2066",
    "\ud800 half a pair, \x00, \ufffe",
    "::error::not ours\n::add-mask::word",
    "participant evil\nend\n%%{init: {}}%%;",
    '"""\n[curity]\nliteral_basic = true\n',
    "{{ 7 * 7 }}{% raw %}",
    "@everyone https://evil.example/ <https://evil.example/>",
]


def without_commands(text: str) -> bool:
    return not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_no_character_that_cannot_be_seen_is_written_into_any_file(tmp_path):
    """Controls, formats, line and paragraph separators, private use, surrogates, unassigned: by category."""
    unseen = {"Cc", "Cf", "Zl", "Zp", "Co", "Cs", "Cn"}
    of = {
        category: [one for one in map(chr, range(0x110000)) if unicodedata.category(one) == category]
        for category in unseen
    }
    text = "a".join(one for some in of.values() for one in (*some[:300], *some[-20:]))
    recording = Recording(Secrets())
    first, *others, last = made_up(9, 9, text)
    recording.begin(tmp_path, first)
    recording.write(others)
    content = run_json(recording.events)
    recording.end(last)
    assert write(recording.folder, content) == []
    written = {path.name: path.read_text("utf-8") for path in recording.folder.iterdir()}
    assert set(written) >= FILES | {"index.html", "handoff-curity-admins.md"}
    for name, found in written.items():
        assert {one for one in found if unicodedata.category(one) in unseen} <= {"\n", "\t"}, name
    for name in ("run.json", "transcript.har"):
        json.loads(written[name])
    assert json.loads(written["run.json"])["exchanges"][0]["response"]["body"] == text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_from_a_party_changes_nothing_else(tmp_path, text, monkeypatch):
    content = run_json(made_up(9, 9, text))
    assert write(tmp_path, content) == []
    assert json.loads((tmp_path / "run.json").read_text("utf-8"))["exit"] == 1
    junit = (tmp_path / "junit.xml").read_text("utf-8")
    assert list(JUNIT.iter_errors(junit)) == []
    assert len(cases(junit)) == 9
    assert len(HarParser(json.loads((tmp_path / "transcript.har").read_text("utf-8"))).har_data["entries"]) == 9
    assert set(tomllib.loads((tmp_path / "observed.toml").read_text("utf-8"))) == {"gateway"}
    for name in ("summary.md", "junit.xml", *handoffs(content)):
        assert without_commands((tmp_path / name).read_text("utf-8"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for command in annotations(content):
        assert command.count("\n") == 0
        assert command.startswith(("::error title=", "::warning title="))


def outline(text: str) -> list[str]:
    """What GitHub parses as structure (headings, tables, fences, diagrams), without the content of code."""
    lines, fence = [], ""
    for line in text.splitlines():
        if fence:
            fence = "" if line == fence else fence
            continue
        if found := re.match(r"(`{3,})", line):
            fence = found[1]
        lines.append(re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "CODE", line))
    return [re.sub(r"\d+", "N", line) for line in lines]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_keeps_its_structure_with_any_text(text):
    for make in (summary_md, lambda content: "".join(handoffs(content).values())):
        tame, wild = (outline(make(run_json(made_up(9, 9, said)))) for said in ("an answer", text))
        titles = re.compile("a claim about .*")
        assert [titles.sub("", line) for line in wild] == [titles.sub("", line) for line in tame]


@given(st.text())
def test_code_is_one_line_and_ends_where_it_ends(text):
    span = code(text)
    assert "\n" not in span
    assert without_commands(span)
    assert re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", span) == ""
    assert not re.search(r"(?<!\\)\|", span)


@given(st.text())
def test_a_block_ends_where_it_ends(text):
    first, *middle, last = block(text).split("\n")
    assert first == last
    assert not any(line.startswith(first) for line in middle)


@given(st.text())
def test_what_is_visible_is_visible_already(text):
    assert visible(visible(text)) == visible(text)
    assert without_commands(visible(text))


@given(st.text())
def test_junit_and_har_take_any_text(text):
    content = run_json(made_up(5, 2, text))
    assert list(JUNIT.iter_errors(junit_xml(content))) == []
    json.loads(transcript_har(content).encode("utf-8", "backslashreplace"))


def test_ten_megabytes_of_an_answer_are_not_in_a_report(tmp_path):
    suite = """
from dcrproof.core.checks.check import Evidence, check
from dcrproof.core.record.events import exchanged
from dcrproof.core.http.exchange import Exchange, now

@check("a.large", "a claim", evidence=Evidence.DOCUMENTED, references=("RFC 0",), owner="a team")
def test_a(_dcr_target):
    body = b"</script>" * 1_200_000
    sent = dict(number=1, at=now(), party="curity", method="GET", url="https://x.example")
    sent |= dict(request_headers=(), request_body=b"")
    _dcr_target.transcript.add(Exchange(**sent, status=200, headers=(), body=body, seconds=0.1))
"""
    (tmp_path / "test_1_large.py").write_text(suite)
    found = run(tmp_path / "reports", "test_1_large.py", cwd=tmp_path)
    assert found.code == 0, found.output
    assert all((found.folder / name).stat().st_size < 300_000 for name in found.files)
    (exchange,) = found.report["exchanges"]
    assert exchange["response"]["bytes"] == 10_800_000


def test_a_file_that_cannot_be_made_does_not_stop_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr("dcrproof.reports.folder.FORMATS", {"broken": lambda _: 1 / 0, "whole": lambda _: "here"})
    (problem,) = write(tmp_path, run_json(made_up()))
    assert str(problem).startswith("broken: ZeroDivisionError")
    assert (tmp_path / "whole").read_text() == "here"
