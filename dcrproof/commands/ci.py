"""`dcrproof ci`: what a job of a CI system does, as one command. The templates of each system call it (docs/ci.md).

All that it is told stands in environment variables, so that no template puts a text into a shell.
"""

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dcrproof.commands import report, sweep
from dcrproof.commands.compare import PAGE, history_code, history_lines, history_of
from dcrproof.commands.parsing import Commands, Usage
from dcrproof.core.checks.results import Exit
from dcrproof.core.text import say

KEPT = 30
"""How many runs are kept for the history: a month of nights. The last green one is kept beyond that."""
WRITTEN = ("*.json", "*.jsonl", "*.html", "*.xml", "*.har", "*.md", "*.toml", "*.sarif", "*.prom", "*.txt")
"""What a run leaves in the folder of the report, and `run` removes from it before the next one."""
TOLD = {
    "--dcr-profile": "DCRPROOF_PROFILE",
    "--dcr-baseline": "DCRPROOF_BASELINE",
    "--dcr-report": "DCRPROOF_REPORT",
    "--dcr-ledger": "DCRPROOF_STATE",
}
"""Options of a run that have a variable of their own."""
ATTEMPTS = "attempts"
"""A folder in what is kept, with what each attempt of an earlier job has kept: Azure has an artifact for each."""
MARK = ".dcrproof-report"
"""A file that says that a folder is one of reports."""
ABOUT = """\
What a job of a CI system does. All that it is told stands in environment variables:

  DCRPROOF_PROFILE    the profile; without one all parties are mocked
  DCRPROOF_BASELINE   known failures, as for --dcr-baseline
  DCRPROOF_OPTIONS    more options of pytest, quoted as for a shell: -n 2 --dcr-check 'token'
  DCRPROOF_REPORT     the folder for the report, an artifact of the job (default: dcrproof-report)
  DCRPROOF_STATE      the folder that is kept from job to job: ledgers and earlier runs (default: .dcrproof)

  run     runs the checks, compares the run with the last green one, and fills the folder for the report
  sweep   deletes what a killed run has left in live parties; for the step that always runs
"""


@dataclass(frozen=True)
class Job:
    """What the environment says."""

    profile: str
    baseline: str
    options: str
    report: Path
    state: Path

    @property
    def runs(self) -> Path:
        return self.state / "runs"

    @property
    def ledgers(self) -> Path:
        return self.state / "ledgers"


def add(commands: Commands) -> None:
    parser = commands.add_parser(
        "ci",
        help="run, compare and sweep as a job of a CI system",
        description=ABOUT,
        epilog="Exit codes: those of the run; of a green run 1 if something broke since the last green one. 4 bad usage.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=type(parser))
    actions.add_parser("run", help="run the checks and compare", description=ABOUT).set_defaults(run=run)
    actions.add_parser("sweep", help="delete what was left", description=ABOUT).set_defaults(run=run_sweep)


def run(_: argparse.Namespace) -> int:
    job = _job()
    with _files():
        _fetched(job.state)
        _emptied(job.report)  # before anything is refused: an earlier job's would be taken for that of this one
        _without_latest(job)
        before = set(_kept(job))
    more = _options(job.options)
    options = ["--dcr-report", str(job.runs), "--dcr-ledger", str(job.ledgers)]
    options += ["--dcr-profile", job.profile] if job.profile else []
    options += ["--dcr-baseline", job.baseline] if job.baseline else []
    code = _performed([sys.executable, "-P", "-m", "dcrproof", "run", *options, *more])
    made = [one for one in _kept(job) if one not in before]
    if not made:  # it was refused before it began, or an option such as --dcr-plan is in place of a run
        if code == Exit.GREEN:
            say("dcrproof ci: no checks ran; this is not a pass", partial(print, file=sys.stderr))
        return code or Exit.NOTHING_RAN
    broke = 0
    try:
        with _files():
            broke = _reported(job, made[-1])
    except Usage as usage:
        if code == Exit.GREEN:
            raise
        say(f"dcrproof ci: {usage}", partial(print, file=sys.stderr))  # the exit code is that of the run
    return code or broke


def _reported(job: Job, made: Path) -> int:
    """Fills the folder of the report, and compares the run. Returns 1 if something broke since the last green one."""
    if not (made / "run.json").exists():  # it was killed
        report.run(argparse.Namespace(folder=made))
    shutil.copytree(made, job.report, dirs_exist_ok=True)
    _without_latest(job)
    _thinned(job)
    broke = _compared(job)
    _summary_of_azure(job)
    say(f"{'open':<10} {job.report / 'index.html'}")
    return broke


def run_sweep(_: argparse.Namespace) -> int:
    job = _job()
    with _files():
        _fetched(job.state)
    if not job.profile or not job.ledgers.is_dir():
        say("nothing to sweep: " + ("no run has kept a ledger" if job.profile else "all parties are mocked"))
        return Exit.GREEN
    return sweep.run(argparse.Namespace(ledger=job.ledgers, profile=Path(job.profile), yes=True))


@contextlib.contextmanager
def _files() -> Iterator[None]:
    """Raises Usage for a file or a folder of the job that cannot be read or written."""
    try:
        yield
    except OSError as error:
        raise Usage(f"{error.filename}: {error.strerror or error}") from None


def _job() -> Job:
    def told(name: str, otherwise: str = "") -> str:
        return os.environ.get(f"DCRPROOF_{name}") or otherwise

    folders = Path(told("REPORT", "dcrproof-report")), Path(told("STATE", ".dcrproof"))
    return Job(told("PROFILE"), told("BASELINE"), told("OPTIONS"), *folders)


def _options(text: str) -> list[str]:
    """More options, as a shell would read them. Raises Usage where they cannot be."""
    try:
        options = shlex.split(text)
    except ValueError as error:
        raise Usage(f"DCRPROOF_OPTIONS: {error}") from None
    for name in (option.partition("=")[0] for option in options):
        if name in TOLD:
            raise Usage(f"DCRPROOF_OPTIONS: {name} is not for here; set {TOLD[name]}")
    return options


def _fetched(state: Path) -> None:
    """Makes the folder, and takes it from everybody else: caches and artifacts do not keep the modes of files."""
    state.mkdir(parents=True, exist_ok=True)
    _joined(state)
    for path in (state, *state.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)


def _joined(state: Path) -> None:
    """Puts together what the attempts of an earlier job have kept. Where two have the same, the later one counts."""
    attempts = state / ATTEMPTS
    if not attempts.is_dir():
        return
    for attempt in sorted(attempts.iterdir(), reverse=True):
        _joined(attempt)  # a job that failed before its run has kept what it had fetched
        for kept in (*attempt.glob("runs/*"), *attempt.glob("ledgers/*")):
            place = state / kept.relative_to(attempt)
            if not place.exists():
                place.parent.mkdir(exist_ok=True)
                kept.replace(place)
    shutil.rmtree(attempts)


def _emptied(folder: Path) -> None:
    """Makes the folder, and removes the report of an earlier job from it. Raises Usage where it holds something else."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / MARK).exists() and any(folder.iterdir()):
        raise Usage(f"DCRPROOF_REPORT {folder}: holds other files; expected a folder for the report alone")
    for path in (path for pattern in WRITTEN for path in folder.glob(pattern)):
        path.unlink()
    (folder / MARK).touch()


def _performed(command: Sequence[str]) -> int:
    """Runs the checks. A signal that stops this process is passed on, and the run cleans up."""
    environment = {**os.environ, "DCRPROOF_CI": "run"}
    with subprocess.Popen(command, env=environment, start_new_session=True) as running:  # noqa: S603 - dcrproof of this Python; a session of its own, so that it gets each signal once
        while True:
            try:
                code = running.wait()
            except KeyboardInterrupt:
                running.send_signal(signal.SIGTERM)  # SIGINT is ignored by what a script has started in the background
            else:
                return code if code >= 0 else Exit.INTERNAL_ERROR


def _kept(job: Job) -> Iterator[Path]:
    """The folders of runs, from the oldest to the newest: their names begin with the time."""
    with contextlib.suppress(OSError):
        yield from sorted(one for one in job.runs.iterdir() if one.is_dir() and not one.is_symlink())


def _without_latest(job: Job) -> None:
    """Removes the link to the newest run: some artifacts have a copy of the folder in its place."""
    latest = job.runs / "latest"
    if latest.is_dir() and not latest.is_symlink():
        shutil.rmtree(latest)
    latest.unlink(missing_ok=True)


def _thinned(job: Job) -> None:
    """Keeps of each run what a comparison needs, and of old runs the last green one. A killed run has its events alone."""
    folders = list(_kept(job))
    green = next((folder for folder in reversed(folders[:-1]) if _green(folder)), None)
    for folder in folders[:-KEPT]:
        if folder != green:
            shutil.rmtree(folder, ignore_errors=True)
    for folder in folders[-KEPT:]:
        needed = "run.json" if (folder / "run.json").exists() else "events.jsonl"
        for path in folder.iterdir():
            if path.name != needed:
                path.unlink()


def _green(folder: Path) -> bool:
    with contextlib.suppress(OSError, ValueError, RecursionError):
        run = json.loads((folder / "run.json").read_text("utf-8"))
        return isinstance(run, dict) and run.get("exit") == Exit.GREEN
    return False


def _compared(job: Job) -> int:
    """Compares the run with the last green one, for the log, the summary of the job and the report."""
    from dcrproof.fixtures.session.job import add_to_summary
    from dcrproof.reports.history_html import history_html
    from dcrproof.reports.text import block

    found = history_of(job.runs)
    lines = list(history_lines(found, job.runs))
    for line in lines:
        say(line)
    text = "\n".join(lines)
    (job.report / PAGE).write_text(history_html(found), "utf-8", errors="backslashreplace")
    (job.report / "compare.txt").write_text(text + "\n", "utf-8", errors="backslashreplace")
    if why := add_to_summary(f"\n### Compared with earlier runs\n\n{block(text)}\n"):
        say(f"summary    could not be added to GITHUB_STEP_SUMMARY: {why}", partial(print, file=sys.stderr))
    return history_code(found)


def _summary_of_azure(job: Job) -> None:
    """Azure Pipelines takes the summary of a job from a file that a line of the log names."""
    if os.environ.get("TF_BUILD", "").lower() == "true":
        print(f"##vso[task.uploadsummary]{(job.report / 'summary.md').resolve()}", flush=True)
