"""`dcrproof ci`: what a job keeps, compares, says and ends with. The runs are made up; test_ci_templates.py has real ones."""

import json
import os
import signal
import stat
import subprocess
import sys

import pytest
from recorded import made_up

from dcrproof.__main__ import main
from dcrproof.commands import ci
from dcrproof.core.checks.results import Exit
from dcrproof.reports.folder import write
from dcrproof.reports.run_json import run_json

SOME_FILES = {"run.json", "index.html", "junit.xml", "results.sarif", "metrics.prom", "history.html", "compare.txt"}


class Nights:
    """Jobs in a folder, each with a made-up run of the next night."""

    def __init__(self, folder):
        self.folder, self.day, self.commands = folder, 1, []
        self.verdict = "passed"

    def performed(self, command):
        """In place of a run of the checks."""
        self.commands.append(command)
        self.day += 1
        run = run_json(made_up(3, 3, c0=self.verdict, c1="passed", c2="passed"))
        code = int(self.verdict != "passed")
        run |= {"started": f"2026-11-{self.day:02}T02:00:00.000Z", "exit": code}
        made = self.folder / ".dcrproof" / "runs" / f"202611{self.day:02}T020000.000000Z-7"
        made.mkdir(parents=True)
        write(made, run)
        (made / "events.jsonl").write_text("{}")
        return code

    def night(self, verdict="passed"):
        self.verdict = verdict
        return main(["ci", "run"])

    @property
    def report(self):
        return self.folder / "dcrproof-report"

    @property
    def kept(self):
        return sorted((self.folder / ".dcrproof" / "runs").iterdir())


@pytest.fixture
def nights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("DCRPROOF_", "GITHUB_")) or name == "TF_BUILD"]:
        monkeypatch.delenv(name)
    made = Nights(tmp_path)
    monkeypatch.setattr(ci, "_performed", made.performed)
    return made


def test_each_night_is_compared_with_the_last_green_one(nights, capsys):
    assert [nights.night(verdict) for verdict in ("passed", "failed", "failed", "passed")] == [0, 1, 1, 0]
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "open       dcrproof-report/index.html"
    assert (nights.folder / "dcrproof-report" / "index.html").is_file()
    assert printed.count("against    20261102T020000.000000Z-7: the last green run before it") == 3
    assert printed.count("broke      route.made-up-0: passed -> failed") == 2
    assert {path.name for path in nights.report.iterdir()} >= SOME_FILES
    assert "0 broke" in (nights.report / "compare.txt").read_text()


def test_a_should_that_broke_is_told_once_by_the_exit_code(nights, monkeypatch):
    """It leaves the run green, which is the last green one from then on."""
    nights.night()
    monkeypatch.setattr(ci, "_performed", lambda command: nights.performed(command) and 0)
    real = run_json

    def should(events):
        run = real(events)
        run["checks"][0] |= {"level": "SHOULD", "red": False}
        return run

    monkeypatch.setattr(sys.modules[__name__], "run_json", should)
    assert nights.night("failed") == Exit.BROKEN
    kept = nights.kept[-1] / "run.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"exit": 0}))
    assert nights.night("failed") == Exit.GREEN


def test_of_a_month_of_runs_the_data_are_kept(nights, monkeypatch):
    monkeypatch.setattr(ci, "KEPT", 3)
    for _ in range(5):
        nights.night()
    assert [one.name[:8] for one in nights.kept] == ["20261104", "20261105", "20261106"]
    assert {path.name for one in nights.kept for path in one.iterdir()} == {"run.json"}


def test_the_last_green_run_is_kept_however_long_it_is_ago(nights, monkeypatch, capsys):
    monkeypatch.setattr(ci, "KEPT", 2)
    for verdict in ("passed", *["failed"] * 4, "passed"):
        nights.night(verdict)
    assert [one.name[:8] for one in nights.kept] == ["20261102", "20261106", "20261107"]
    assert capsys.readouterr().out.count("against    20261102T020000.000000Z-7: the last green run before it") == 5
    nights.night("failed")
    assert [one.name[:8] for one in nights.kept] == ["20261107", "20261108"]


@pytest.mark.parametrize("refused", [False, True])
def test_what_the_attempts_of_an_earlier_job_have_kept_is_put_together(nights, monkeypatch, refused):
    """Also where one of them ended before its run, and so kept what it had fetched as it was."""
    state = nights.folder / ".dcrproof"
    for attempt, text in {
        "t-state-1": "first",
        "t-state-2": "second",
        "t-state-1/attempts/t-state-3": "before",
    }.items():
        for name in ("ledgers/a.jsonl", f"ledgers/{text}.jsonl", f"runs/2026{text}/run.json"):
            (state / "attempts" / attempt / name).parent.mkdir(parents=True, exist_ok=True)
            (state / "attempts" / attempt / name).write_text(text)
    if refused:
        monkeypatch.setattr(ci, "_performed", lambda _: Exit.USAGE)
    assert nights.night() == (Exit.USAGE if refused else Exit.GREEN)
    ledgers = {path.name: path.read_text() for path in (state / "ledgers").iterdir()}
    assert ledgers == {"a.jsonl": "second", **{f"{text}.jsonl": text for text in ("first", "second", "before")}}
    assert {path.name for path in state.iterdir()} == {"runs", "ledgers"}
    assert {f"2026{text}" for text in ("first", "second", "before")} <= {path.name for path in nights.kept}


def test_a_killed_run_of_an_earlier_job_is_part_of_the_history(nights, capsys):
    killed = nights.folder / ".dcrproof" / "runs" / "20261101T020000.000000Z-7"
    killed.mkdir(parents=True)
    (killed / "events.jsonl").write_text("\n".join(map(json.dumps, list(made_up(3, 3, c0="passed"))[:-1])))
    (killed / "other").touch()
    assert nights.night() == Exit.GREEN
    assert [path.name for path in killed.iterdir()] == ["events.jsonl"]
    printed = capsys.readouterr()
    assert "history    2 runs" in printed.out
    assert printed.err == ""


def test_a_killed_run_has_a_report_as_well(nights, monkeypatch):
    def killed(_):
        made = nights.folder / ".dcrproof" / "runs" / "20261102T020000.000000Z-7"
        made.mkdir(parents=True)
        (made / "events.jsonl").write_text("\n".join(map(json.dumps, list(made_up(3, 3))[:-1])))
        return Exit.INTERNAL_ERROR

    monkeypatch.setattr(ci, "_performed", killed)
    assert nights.night() == Exit.INTERNAL_ERROR
    assert {path.name for path in nights.report.iterdir()} >= SOME_FILES


@pytest.mark.parametrize("kind", ["link", "copy"])
def test_the_link_to_the_newest_run_is_not_kept(nights, kind):
    """An artifact has a copy of the folder in its place, which no run could replace."""
    latest = nights.folder / ".dcrproof" / "runs" / "latest"
    latest.parent.mkdir(parents=True)
    if kind == "link":
        latest.symlink_to("gone")
    else:
        latest.mkdir()
        (latest / "run.json").touch()
    assert nights.night() == Exit.GREEN
    assert [one.name for one in nights.kept] == ["20261102T020000.000000Z-7"]


@pytest.mark.parametrize("option", [*ci.TOLD])
def test_what_has_a_variable_of_its_own_is_refused_as_an_option(nights, monkeypatch, capsys, option):
    monkeypatch.setenv("DCRPROOF_OPTIONS", f"{option}=x")
    assert nights.night() == Exit.USAGE
    assert f"DCRPROOF_OPTIONS: {option} is not for here; set DCRPROOF_" in capsys.readouterr().err


def test_what_was_told_reaches_the_run(nights, monkeypatch):
    for name, value in {
        "PROFILE": "a b.toml",
        "BASELINE": "known.toml",
        "OPTIONS": "-n 2 --dcr-check 'a b'",
        "STATE": "kept here",
        "REPORT": "out/report",
    }.items():
        monkeypatch.setenv(f"DCRPROOF_{name}", value)
    nights.night()
    (command,) = nights.commands
    at = command.index("--dcr-report")
    expected = ["kept here/runs", "--dcr-ledger", "kept here/ledgers", "--dcr-profile", "a b.toml"]
    expected += ["--dcr-baseline", "known.toml", "-n", "2", "--dcr-check", "a b"]
    assert command[at + 1 :] == expected


def test_what_is_kept_is_its_owners_alone_whatever_a_cache_made_of_it(nights):
    old = nights.folder / ".dcrproof" / "ledgers" / "a.jsonl"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    old.chmod(0o644)
    nights.night()
    assert stat.S_IMODE(old.stat().st_mode) == 0o600
    assert stat.S_IMODE(old.parent.stat().st_mode) == 0o700


def test_the_report_of_an_earlier_job_is_replaced_and_other_files_are_not_touched(nights, capsys, monkeypatch):
    nights.night("failed")
    assert list(nights.report.glob("handoff-*.md"))
    nights.night()
    assert not list(nights.report.glob("handoff-*.md"))
    (nights.folder / "README.md").write_text("mine")
    monkeypatch.setenv("DCRPROOF_REPORT", ".")
    assert nights.night() == Exit.USAGE
    assert "DCRPROOF_REPORT .: holds other files" in capsys.readouterr().err
    assert (nights.folder / "README.md").read_text() == "mine"


def test_a_run_that_was_refused_leaves_its_exit_code_alone(nights, monkeypatch):
    monkeypatch.setattr(ci, "_performed", lambda _: Exit.USAGE)
    assert nights.night() == Exit.USAGE
    assert not list(nights.report.glob("*.html"))


@pytest.mark.parametrize(("verdict", "code"), [("failed", Exit.BROKEN), ("passed", Exit.USAGE)])
def test_a_report_that_cannot_be_written_does_not_hide_how_the_run_ended(nights, monkeypatch, capsys, verdict, code):
    monkeypatch.setattr(ci, "PAGE", "compare.txt/history.html")
    assert nights.night(verdict) == code
    assert "compare.txt/history.html: " in capsys.readouterr().err


def test_a_job_of_azure_gets_its_summary(nights, monkeypatch, capsys):
    monkeypatch.setenv("TF_BUILD", "True")
    nights.night()
    assert f"##vso[task.uploadsummary]{nights.report.resolve()}/summary.md\n" in capsys.readouterr().out


def test_a_job_of_github_gets_the_comparison_in_its_summary(nights, monkeypatch):
    summary = nights.folder / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    nights.night()
    assert "### Compared with earlier runs\n\n```\nhistory " in summary.read_text()


def test_options_that_are_not_closed_are_bad_usage_and_do_not_stop_a_sweep(nights, monkeypatch, capsys):
    monkeypatch.setenv("DCRPROOF_OPTIONS", "--dcr-check 'token")
    assert [main(["ci", "run"]), main(["ci", "sweep"])] == [Exit.USAGE, Exit.GREEN]
    assert "DCRPROOF_OPTIONS: No closing quotation" in capsys.readouterr().err


@pytest.mark.parametrize("options", ["--dcr-check 'token", "--dcr-report=x"])
def test_a_job_that_was_refused_leaves_no_report_of_an_earlier_one(nights, monkeypatch, options):
    """In a folder that a system keeps, it would be taken for that of this job."""
    nights.night()
    monkeypatch.setenv("DCRPROOF_OPTIONS", options)
    assert nights.night() == Exit.USAGE
    assert [path.name for path in nights.report.iterdir()] == [ci.MARK]


@pytest.mark.parametrize("taken", [".dcrproof", "dcrproof-report", ".dcrproof/runs"])
def test_a_file_in_place_of_a_folder_is_bad_usage(nights, capsys, taken):
    (nights.folder / taken).parent.mkdir(exist_ok=True)
    (nights.folder / taken).touch()
    assert nights.night() == Exit.USAGE
    assert f"dcrproof ci: {taken}" in capsys.readouterr().err


def test_the_ledgers_of_the_profile_are_swept(nights, monkeypatch, capsys):
    swept = []
    monkeypatch.setattr(ci.sweep, "run", lambda options: swept.append(vars(options)) or 0)
    assert main(["ci", "sweep"]) == Exit.GREEN
    monkeypatch.setenv("DCRPROOF_PROFILE", "tenant.toml")
    assert main(["ci", "sweep"]) == Exit.GREEN
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["nothing to sweep: all parties are mocked", "nothing to sweep: no run has kept a ledger"]
    (nights.folder / ".dcrproof" / "ledgers").mkdir(parents=True)
    assert main(["ci", "sweep"]) == Exit.GREEN
    (options,) = swept
    assert (str(options["ledger"]), str(options["profile"]), options["yes"]) == (
        ".dcrproof/ledgers",
        "tenant.toml",
        True,
    )


def test_an_option_in_place_of_a_run_is_no_pass(nights, monkeypatch, capsys):
    """Such as --dcr-plan, --collect-only or --version, which end with 0."""
    monkeypatch.setattr(ci, "_performed", lambda _: Exit.GREEN)
    assert main(["ci", "run"]) == Exit.NOTHING_RAN
    assert "no checks ran; this is not a pass" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "before"),
    [(signal.SIGTERM, "SIG_DFL"), (signal.SIGINT, "default_int_handler"), (signal.SIGTERM, "SIG_IGN")],
)
def test_a_stopped_job_lets_the_run_clean_up(number, before):
    """What runs in place of the checks is stopped by one signal, and says so before it ends; also in the background of a
    script, where SIGINT is ignored.
    """
    run = """
import signal, sys
from dcrproof.core.http.signals import as_ctrl_c
with as_ctrl_c(9):
    try:
        print("up", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        sys.exit(2)
"""
    code = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.{before})
from dcrproof.commands import ci
from dcrproof.core.http.signals import as_ctrl_c
with as_ctrl_c(2):
    sys.exit(ci._performed([sys.executable, "-c", {run!r}]))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout.readline() == "up\n"
        job.send_signal(number)
        assert job.wait(30) == Exit.INTERRUPTED
