"""`dcrproof load`: a thin front of Locust, which starts the users, and has master, workers and a web page.

Imported only by the command: Locust replaces the blocking functions of the process.
"""

import locust  # noqa: F401, I001 - before anything that blocks

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from dcrproof.core.checks.verdict import CAUSES
from dcrproof.core.load.load import Load
from dcrproof.core.load.tally import Tally
from dcrproof.core.profile.model import Profile
from dcrproof.core.profile.reading import ProfileError, read
from dcrproof.core.record.events import Event
from dcrproof.core.secrets.index import Secrets
from dcrproof.fixtures.run.recording import Recording
from dcrproof.fixtures.session.header import parties
from dcrproof.load import alone, distributed, mocks
from dcrproof.load.ending import Ended, how_to_sweep, leave, started
from dcrproof.load.figures import figures
from dcrproof.load.options import LoadOptions, counts, problems
from dcrproof.load.running import Refused, Terminal, fit_sockets, kept_exchange, require_free, stopping
from dcrproof.load.site import open_site
from dcrproof.reports.conclusion import conclusion
from dcrproof.reports.diagnosis import plain


REFUSALS = (Refused, ProfileError, mocks.NotStarted)


def perform(options: LoadOptions, path: Path | None) -> int:
    """Performs a load against the parties of that profile, or against mocks of its own. Returns the exit code.

    Raises one of REFUSALS, and OSError where the ledger or the record cannot be written.
    """
    fit_sockets()
    with ExitStack() as stack:
        own = stack.enter_context(mocks.started()) if path is None else None
        options = replace(options, own=own is not None)
        profile = _read(options, own.profile if own else path or Path())
        if options.worker:
            return distributed.work(options, profile, stack)
        secrets = Secrets()
        secrets.publish(*profile.public)
        for secret, client_id in profile.secrets:
            secrets.know(secret.reveal(), client_id)
        recording, terminal = Recording(secrets), Terminal(secrets)
        require_free(options.web)
        if options.workers:
            runner = distributed.listening(options)
            _begin(options, profile, recording, terminal)
            with stopping() as stop:
                ended = distributed.lead(options, profile, runner, recording, terminal, stop)
            return _finish(options, profile, recording, terminal, ended)
        keep = partial(kept_exchange, secrets)
        site, ledger = stack.enter_context(
            open_site(profile, options, lambda what, check: recording.write(keep(what, check)), secrets)
        )
        _begin(options, profile, recording, terminal)
        with stopping() as stop:
            ended = alone.perform(options, site, own, partial(_keep, options, profile, recording), terminal, stop)
        ended.sweep = how_to_sweep(ledger, profile) if ledger else ""
        return _finish(options, profile, recording, terminal, ended)


def _begin(options: LoadOptions, profile: Profile, recording: Recording, terminal: Terminal) -> None:
    """Begins the record: nothing that is refused leaves one."""
    recording.begin(options.report, started(options, profile))
    for line in _head(options, profile):
        terminal.tell(line)


def _read(options: LoadOptions, path: Path) -> Profile:
    """The profile of a load. Raises ProfileError, and Refused for one that does not allow it."""
    profile = read(path)
    if found := list(problems(options, profile)):
        raise Refused("\n  ".join([f"{path}: {len(found)} problem(s)", *found]))
    return profile


def _head(options: LoadOptions, profile: Profile) -> list[str]:
    """The first lines: the parties, and what they are to expect."""
    users = ", ".join(f"{number} {role}{'s' if number > 1 else ''}" for role, number in counts(options).items())
    rate = f"at most {options.rate:g} requests a second" if options.rate else "as fast as they can"
    most = f", at most {profile.run.max_created} things created" if profile.live else ""
    return [*parties(profile), f"dcrproof: {users}, {rate}{most}, for {options.seconds:g} s"]


def _figures(options: LoadOptions, profile: Profile, tally: Tally, seconds: float) -> Event:
    asked = {"users": counts(options), "rate": options.rate, "processes": max(options.workers, 1)}
    return {"event": "load", **figures(tally, profile.load, seconds, asked)}


def _keep(options: LoadOptions, profile: Profile, recording: Recording, load: Load) -> None:
    recording.write([_figures(options, profile, load.tally, load.now)])


def _finish(options: LoadOptions, profile: Profile, recording: Recording, terminal: Terminal, ended: Ended) -> int:
    """Writes the reports, and prints the last lines. Returns the exit code."""
    found = _figures(options, profile, ended.tally, ended.seconds) if ended.tally.slots else None
    content, code = leave(options, profile, recording, terminal.secrets, ended, found, terminal.lines)
    for check in content["checks"]:
        terminal.tell(f"  {check['verdict']:<12} {check['id']}")
    for check in content["checks"]:
        if check["verdict"] in CAUSES:
            terminal.tell(f"\n{plain(content, check)}")
    for text in ended.tally.remarks:
        terminal.tell(f"remark     {text}")
    for note in content["notes"]:
        kind = "left" if note["kind"] == "left behind" else note["kind"].upper()
        terminal.tell(f"{kind:<10} {note['text']}")
    for problem in content["problems"]:
        terminal.tell(f"unwritten  {problem}")
    for label, text in conclusion(content):
        terminal.tell(f"{label:<10} {text}")
    if folder := recording.folder:
        terminal.tell(f"open       {folder / 'index.html'}")
    return code
