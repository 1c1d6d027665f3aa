"""`dcrproof compare FOLDER`: the history of a folder of runs, on the terminal, as JSON and as a page."""

import json
import re
from html import unescape
from html.parser import HTMLParser

import pytest
from recorded import made_up

from dcrproof.__main__ import main
from dcrproof.core.checks.results import Exit
from dcrproof.reports.history import History
from dcrproof.reports.history_html import history_html
from dcrproof.reports.run_json import run_json

FIRST = "route.made-up-0"


def left_by(folder, days):
    """Runs of these days in that folder: each with the verdict of its first check, or with any text as run.json."""
    for day, verdict in days.items():
        one = folder / f"202611{day:02}T020000.000000Z-7"
        one.mkdir(parents=True)
        if verdict.startswith("{"):
            (one / "run.json").write_text(verdict)
            continue
        run = run_json(made_up(5, 5, c0=verdict, c1="passed", c2="passed", c3="passed"))
        run |= {"started": f"2026-11-{day:02}T02:00:00.000Z", "exit": int(verdict != "passed")}
        (one / "run.json").write_text(json.dumps(run))
    return folder


def compared(capsys, *arguments) -> tuple[int, str, str]:
    code = main(["compare", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_newest_run_is_compared_with_the_last_green_one(tmp_path, capsys):
    left_by(tmp_path, {20: "passed", 21: "passed", 22: "failed", 23: "failed"})
    code, out, err = compared(capsys, tmp_path)
    assert (code, err) == (Exit.BROKEN, "")
    assert out.splitlines()[0] == f"history    4 runs in {tmp_path}, 2026-11-20 to 2026-11-23"
    assert "against    20261121T020000.000000Z-7: the last green run before it" in out
    assert f"broke      {FIRST}: passed -> failed: an answer" in out
    assert out.splitlines()[-1] == f"open       {tmp_path / 'history.html'}"


@pytest.mark.parametrize(
    ("days", "against", "code"),
    [
        ({20: "passed", 21: "failed", 22: "passed"}, "20261120T020000.000000Z-7", Exit.GREEN),
        ({20: "failed", 21: "failed"}, "20261120T020000.000000Z-7", Exit.GREEN),  # still bad, and nothing broke
        ({20: "failed", 21: "passed", 22: "passed", 23: "error"}, "20261122T020000.000000Z-7", Exit.BROKEN),
        ({20: "passed"}, None, Exit.GREEN),
    ],
)
def test_it_is_printed_as_json(tmp_path, capsys, days, against, code):
    left_by(tmp_path, days)
    ended, out, _ = compared(capsys, "--json", tmp_path)
    found = json.loads(out)
    assert ended == code
    assert (found["against"] and found["against"]["name"]) == against
    assert [run["verdicts"][FIRST] for run in found["runs"]] == list(days.values())
    assert all(run["stages"] for run in found["runs"])


def test_what_is_damaged_is_said_and_left_out(tmp_path, capsys):
    left_by(tmp_path, {20: '{"schema": 1, "exchanges": []}', 21: "passed", 22: "{", 23: "passed"})
    (tmp_path / "latest").symlink_to("20261123T020000.000000Z-7")
    (tmp_path / "empty").mkdir()
    code, out, err = compared(capsys, tmp_path)
    assert code == Exit.GREEN
    assert "history    2 runs" in out
    assert [line.split(": ")[1] for line in err.splitlines()] == ["left out"] * 3
    assert "20261120T020000.000000Z-7: damaged" in err


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "nowhere", "No such file or directory; expected a folder of runs, or two runs"),
        (lambda folder: folder, "holds no run; expected a folder of runs, such as reports/out, or two runs"),
        (lambda folder: left_by(folder / "one", {20: "passed"}) / "20261120T020000.000000Z-7", "one run; name the run"),
    ],
)
def test_what_holds_no_runs_is_bad_usage(tmp_path, capsys, make, said):
    code, _, err = compared(capsys, make(tmp_path))
    assert code == Exit.USAGE
    assert said in err


def test_a_folder_in_which_nothing_can_be_written_is_bad_usage(tmp_path, capsys):
    left_by(tmp_path, {20: "passed"})
    (tmp_path / "history.html").mkdir()
    code, _, err = compared(capsys, tmp_path)
    assert (code, "history.html: Is a directory" in err) == (Exit.USAGE, True)


# The page


class Page(HTMLParser):
    """The texts of a page, and its elements with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.elements = "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def of(*verdicts, text="an answer", **more):
    found = History()
    for day, verdict in enumerate(verdicts):
        run = run_json(made_up(5, 5, text, c0=verdict, c1="passed", c2="blocked" if verdict == "failed" else "passed"))
        run |= {"started": f"2026-11-2{day}T02:00:00.000Z", "exit": int(verdict != "passed"), **more}
        found.add(f"20261{day}", run, f"2026%20{day}/index.html")
    return found


def test_the_page_says_since_when_what_is_bad(tmp_path):
    page = Page(history_html(of("passed", "failed", "passed", "failed", "failed")))
    assert "Broken for 2 runs, since 2026-11-23" in page.text
    strips = [found["aria-label"] for _, found in page.elements if found.get("class") == "strip"]
    assert "1 passed, 1 failed, 1 passed, 2 failed" in strips
    assert re.search(r"since\s+2026-11-23 02:00:00 UTC", page.text)
    assert "1 check was only blocked by others at times" in page.text
    links = [found["href"] for tag, found in page.elements if tag == "a" and "index.html" in found["href"]]
    assert links == ["2026%204/index.html", *(f"2026%20{day}/index.html" for day in (4, 3, 2, 1, 0))]


def test_runs_of_other_selections_say_what_they_did_not_select(tmp_path, capsys):
    left_by(tmp_path, {20: "passed", 21: "failed", 22: "failed", 23: "failed"})
    for day, (reached, selected) in {22: (False, True), 23: (False, False)}.items():
        file = tmp_path / f"202611{day:02}T020000.000000Z-7" / "run.json"
        run = json.loads(file.read_text())
        run["checks"] = [check for check in run["checks"] if reached or check["id"] != FIRST]
        run["selected"] = [id for id in run["selected"] if selected or id != FIRST]
        file.write_text(json.dumps(run))
    _, out, _ = compared(capsys, tmp_path)
    assert f"changed    passed -> not selected: {FIRST}" in out
    page = Page((tmp_path / "history.html").read_text("utf-8"))
    strips = [found["aria-label"] for _, found in page.elements if found.get("class") == "strip"]
    assert "1 passed, 1 failed, 1 not reached, 1 not selected" in strips
    assert "no such check" not in out + page.text
    against = json.loads(compared(capsys, "--json", tmp_path)[1])["against"]
    assert {"id": FIRST, "old": "passed", "new": "not selected", "why": ""} in against["other"]


def test_below_the_plots_stand_days_or_the_times_of_one_day():
    """Runs of one day would all have the same words below them."""
    days = [f"2026-11-2{day}T02:00:00.000Z" for day in range(3)]
    times = [f"2026-11-20T0{hour}:30:00.000Z" for hour in range(3)]
    for started, words in ((days, ["2026-11-20", "2026-11-22"]), (times, ["00:30:00", "02:30:00"])):
        found = History()
        for number, at in enumerate(started):
            found.add(str(number), run_json(made_up(5, 5, c0="passed")) | {"started": at, "exit": 0})
        below = re.findall(r">([\d:-]+)</text>", history_html(found))
        assert all(below.count(word) >= 2 for word in words), below


def test_a_run_alone_and_a_killed_one_have_a_page():
    assert "There is no run before it" in history_html(of("passed"))
    assert "Cut short" in history_html(of("passed", exit=None))
    with pytest.raises(ValueError, match="at least one run"):
        history_html(History())


def test_a_text_from_a_party_is_no_markup():
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}\x1b[2J\u202e"
    tame, wild = (Page(history_html(of("passed", "failed", text=text))) for text in ("an answer", hostile))
    assert [tag for tag, _ in wild.elements] == [tag for tag, _ in tame.elements]
    assert not {tag for tag, _ in wild.elements} & {"script", "img", "iframe"}
    assert "\x1b" not in wild.text
    assert "\u202e" not in wild.text


def test_it_needs_no_network():
    page = unescape(history_html(of("passed", "failed")))
    assert "default-src 'none'; style-src 'sha256-" in page
    assert "script-src" not in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


def test_many_changes_are_cut():
    found = History()
    for day in (0, 1):
        run = run_json(made_up(90, 0, c0="passed"))
        for check in run["checks"]:
            check["verdict"] = "failed" if day else "passed"
        run["started"] = f"2026-11-2{day}T02:00:00.000Z"
        found.add(str(day), run)
    assert "50 more: <code>dcrproof compare</code>" in history_html(found)
