"""Progress: a run prints what it waits for, if that takes seconds, and only then."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from recorded import run

from dcrproof.core.http.exchange import Sent
from dcrproof.core.http.polling import in_progress, polling_for
from dcrproof.core.secrets.index import Secrets
from dcrproof.fixtures.run.recording import Recording
from dcrproof.fixtures.session.progress import LONGEST, QUIET, Progress

SECRET = "a-secret-that-nobody-may-see"


@pytest.fixture
def recording():
    recording = Recording(Secrets())
    recording.stage, recording.checking = "portal", ["application.approved"]
    return recording


def request(recording: Recording, path: str = "/api/v3/applications") -> None:
    at = datetime(2026, 11, 24, 7, 55, tzinfo=UTC)
    recording.saw(Sent(number=7, at=at, party="portal", method="GET", url=f"https://portal.example.com{path}?page=1"))


def said(recording: Recording, *clock: float) -> list[str]:
    lines: list[str] = []
    progress = Progress(recording, lines.append)
    for seconds in clock:
        progress.look(seconds)
    return lines


def test_a_short_wait_is_not_printed(recording):
    assert said(recording, 0, 1, QUIET - 0.1) == []


def test_a_wait_is_printed_with_stage_check_request_and_start(recording):
    for _ in range(3):
        request(recording)
    with polling_for("an approval by a person", 900):
        (line,) = said(recording, 0, QUIET)
    assert line.startswith(
        "dcrproof: Portal: application.approved: waiting for an approval by a person (at most 900 s); "
        "GET portal /api/v3/applications, asked 3 times, since "
    )
    assert line.endswith(f" UTC ({QUIET:.0f} s)")


def test_a_long_wait_is_printed_less_and_less_often(recording):
    request(recording)
    lines = said(recording, *range(1000))
    seconds = [int(line.rpartition("(")[2].removesuffix(" s)")) for line in lines]
    assert seconds[:4] == [5, 10, 20, 40]
    assert {later - sooner for sooner, later in pairwise(seconds[5:])} == {LONGEST}


def test_another_check_is_another_wait(recording):
    lines: list[str] = []
    progress = Progress(recording, lines.append)
    for seconds in range(4):
        progress.look(seconds)
    recording.checking.append("token.granted")
    for seconds in range(4, 8):
        progress.look(seconds)
    assert lines == []


def test_a_wait_between_two_checks_is_printed_as_such(recording):
    recording.checking.clear()
    request(recording)
    (line,) = said(recording, 0, QUIET)
    assert line.startswith("dcrproof: between checks: GET portal /api/v3/applications, since ")


def test_nothing_is_printed_before_anything_runs(recording):
    recording.checking.clear()
    assert said(recording, 0, 100) == []


def test_a_line_has_no_secret_and_no_escape_sequence(recording):
    recording.secrets.know(SECRET)
    request(recording, f"/{SECRET}/\x1b[2J")
    (line,) = said(recording, 0, QUIET)
    assert SECRET[:8] not in line
    assert "\x1b" not in line


def test_each_line_is_recorded_and_the_last_one_counts(recording):
    said(recording, 0, 5, 10)
    events = recording.taken()
    assert [(event["event"], event["seconds"]) for event in events] == [("waiting", 5), ("waiting", 10)]
    assert len({event["at"] for event in events}) == 1


def test_a_wait_ends_with_its_block():
    with polling_for("one"), polling_for("other", 3):
        assert [one.text for one in in_progress()] == ["one", "other"]
    assert in_progress() == ()


SLOW = """
from dcrproof.core.checks.check import Evidence, check
from dcrproof.core.http.polling import poll

@check("a.slow", "a claim", evidence=Evidence.DOCUMENTED, references=("RFC 0",), owner="a team")
def test_a(_dcr_target):
    poll("what never comes", lambda: False, bool, 2.0)
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_slow_run_prints_waits_without_a_terminal_and_from_workers(tmp_path, workers):
    (tmp_path / "test_1_slow.py").write_text(SLOW)
    (tmp_path / "conftest.py").write_text("from dcrproof.fixtures.session import progress\nprogress.QUIET = 0.4\n")
    found = run(tmp_path / "reports", "test_1_slow.py", "-q", *workers, cwd=tmp_path)
    assert found.code == 0, found.output
    lines = [line for line in found.output.splitlines() if "waiting for" in line]
    assert lines
    assert "dcrproof: slow: a.slow: waiting for what never comes (at most 2 s)" in lines[0]
    (wait,) = [wait for wait in found.report["waits"] if "never comes" in wait["what"]]
    assert wait["check"] == "a.slow"
    assert 0.4 <= wait["seconds"] <= 3


def test_a_quick_run_prints_no_waits(left):
    assert "waiting for" not in left("green").output
    assert left("green").report["waits"] == []
