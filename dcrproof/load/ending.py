"""The end of a load: the verdicts of its checks, its record, and the files that are made from it."""

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dcrproof import __version__
from dcrproof.core.checks.outcomes import Unreachable
from dcrproof.core.checks.owners import CURITY, GATEWAY, KONNECT
from dcrproof.core.checks.results import Exit, Result, exit_code
from dcrproof.core.checks.verdict import Verdict
from dcrproof.core.cleanup.clean_up import CleanedUp
from dcrproof.core.http.exchange import now
from dcrproof.core.load.load import READY
from dcrproof.core.load.tally import Seen, Tally
from dcrproof.core.profile.model import Profile
from dcrproof.core.record.events import SCHEMA, Event, instant, masked
from dcrproof.core.secrets.index import Secrets
from dcrproof.fixtures import afterwards
from dcrproof.fixtures.catalogue import CatalogueEntry, under_load
from dcrproof.fixtures.run.recording import Recording
from dcrproof.fixtures.session.job import add_to_summary
from dcrproof.load.options import LoadOptions
from dcrproof.reports.folder import write
from dcrproof.reports.run_json import run_json
from dcrproof.reports.summary import summary_md

OF_PARTY = {"curity": CURITY, "konnect": KONNECT, "portal": KONNECT, "gateway": GATEWAY}
"""Who looks at a party that did not answer."""
LONGER = "a longer load, or more users: none of this was tried"
OF_ROLE = {
    "load.identity.credentials": "developer",
    "load.identity.route": "consumer",
    "load.identity.session": "consumer",
    "load.ended.renewed": "developer",
    "load.ended.revoked": "operator",
    "load.ended.deleted": "developer",
}
"""The checks that look only at what one role does."""


@dataclass
class Ended:
    """What the processes of a load have found by the time everything is deleted."""

    tally: Tally
    seconds: float = 0.0
    """How long the load took."""
    unreachable: Unreachable | None = None
    began: bool = True
    """Whether the load began: `load.ready` held."""
    interrupted: bool = False
    faults: list[str] = field(default_factory=list)
    """What failed in dcrproof itself."""
    cleaned: list[CleanedUp] = field(default_factory=list)
    sweep: str = ""
    """How what is left is swept, in words; empty where nothing outlives the load."""


def started(options: LoadOptions, profile: Profile) -> dict[str, Any]:
    """The first event."""
    return {
        "event": "started",
        "schema": SCHEMA,
        "version": __version__,
        "at": instant(now()),
        "command": options.command,
        "mode": str(profile.run.mode),
        "hostile": profile.run.hostile,
        "profile": None if options.own else profile.source,
        "target": profile.kinds,
        "undone": [],
        "selected": [entry.check.id for entry in under_load()],
        "steps": [],
    }


def results(options: LoadOptions, profile: Profile, ended: Ended) -> Iterator[Result]:
    """The results of the checks, in their order."""
    for place, entry in enumerate(under_load()):
        yield _result(entry, (50, place), options, profile, ended)
    tried, alive = sum(done.tried for done in ended.cleaned), [text for done in ended.cleaned for text in done.alive]
    if tried:
        verdict, expected = (Verdict.FAILED, f"{tried} clients refused") if alive else (Verdict.PASSED, "")
        yield Result.afterwards(afterwards.clients_refused, verdict, expected, "; ".join(alive))


def _result(
    entry: CatalogueEntry, order: tuple[int, int], options: LoadOptions, profile: Profile, ended: Ended
) -> Result:
    check = entry.check
    if check.id == READY and ended.unreachable:
        found = Result.of_check(check, order, Verdict.UNREACHABLE)
        lost = ended.unreachable
        return replace(
            found,
            expected=lost.expected,
            observed=lost.observed,
            fix=lost.fix,
            owner=lost.owner or OF_PARTY.get(lost.party, found.owner),
        )
    if check.id != READY and not ended.began:
        return replace(Result.of_check(check, order, Verdict.BLOCKED), blocked_by=READY)
    seen: Seen = entry.test(ended.tally, profile.load)
    if seen.broken:
        first = seen.findings[0]
        often = (
            f"{seen.broken:,} of {seen.looked:,} times: "
            if check.id.startswith(("load.identity", "load.ended"))
            else ""
        )
        found = Result.of_check(check, order, Verdict.FAILED)
        return replace(
            found, expected=first.expected, observed=often + first.observed, evidence=first.evidence, fix=_fix(check.id)
        )
    if not seen.looked:
        would_show = seen.unseen or _would_show(check.id, options, profile)
        return replace(Result.of_check(check, order, Verdict.NOT_SEEN), expected=f"with {would_show}")
    return Result.of_check(check, order, Verdict.PASSED)


def _would_show(id: str, options: LoadOptions, profile: Profile) -> str:
    """What would let a check look that has looked at nothing."""
    role = OF_ROLE.get(id)
    if role in {"developer", "operator"} and profile.run.mode == "existing":
        return 'mode = "create"'
    if role and role not in options.roles:
        return f"--roles {role}"
    if role == "consumer" and not (profile.gateway and profile.gateway.routes and profile.gateway.routes[0].echo):
        return "echo = true of the first [[gateway.route]], where its upstream echoes"
    return LONGER


FIXES = {
    READY: "run the checks first, which name the setup step that is wrong: `pytest -m smoke` with the same profile",
    "load.errors.budget": "see what failed in the section Load of the page; send fewer requests (--rate), or raise errors of [load]",
    "load.latency.percentiles": "see the section Load of the page; send fewer requests (--rate), or raise the limits in [load]",
}


def _fix(id: str) -> str:
    return FIXES.get(id, "repeat the load with fewer users until it holds, and report it to the maker of the product")


def leave(
    options: LoadOptions,
    profile: Profile,
    recording: Recording,
    secrets: Secrets,
    ended: Ended,
    figures: Event | None,
    printed: Sequence[str],
) -> tuple[dict[str, Any], int]:
    """Writes the rest of the record and all files, and searches them for secrets. Returns run.json and the exit code."""
    found = [one.masked(secrets.mask) for one in results(options, profile, ended)]
    if figures:
        recording.write(masked([figures], secrets.mask))
    for one in found:
        recording.write(
            [{"event": "verdict", **one.data(), "owners": [one.owner], "again": secrets.mask(options.command)}]
        )
    notes = [("left behind", text) for done in ended.cleaned for text in done.left]
    failed = [text for done in ended.cleaned for text in done.failed]
    notes += [("clean-up failed", text) for text in [*failed, *([ended.sweep] if failed and ended.sweep else [])]]
    notes += [("internal error", text) for text in ended.faults]
    recording.write(masked([{"event": "note", "kind": kind, "text": text} for kind, text in notes], secrets.mask))
    code: int = exit_code(found)
    if ended.faults or failed:
        code = Exit.INTERNAL_ERROR
    if ended.interrupted:
        code = Exit.INTERRUPTED
    content, problems = _files(recording, code)
    if leaks := _leaked(recording, secrets, printed):
        recording.write({"event": "note", "kind": "secret let out", "text": text} for text in leaks)
        code = code if code == Exit.INTERRUPTED else Exit.INTERNAL_ERROR
        content, problems = _files(recording, code)
    recording.end({"event": "ended", "at": instant(now()), "exit": code})
    try:
        add_to_summary(summary_md(content))
    except OSError as error:
        problems.append(f"GITHUB_STEP_SUMMARY: {error.strerror}")
    if (problems or recording.failed) and code != Exit.INTERRUPTED:
        code = Exit.INTERNAL_ERROR
    content["problems"] = [*problems, *([recording.failed] if recording.failed else [])]
    return content, code


def _files(recording: Recording, code: int) -> tuple[dict[str, Any], list[str]]:
    content = run_json([*recording.events, {"event": "ended", "at": instant(now()), "exit": code}])
    folder = recording.folder
    return content, [str(problem) for problem in write(folder, content)] if folder else []


def _leaked(recording: Recording, secrets: Secrets, printed: Sequence[str]) -> list[str]:
    """Where a secret stands in what was written and printed, in words, without the secret."""
    folder = recording.folder or Path()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    texts = [*(path.read_bytes().decode("utf-8", "replace") for path in files), "\n".join(printed)]
    places = [*map(os.path.relpath, files), "the terminal"]
    return [
        f"{place}, at character {find.start:,}: {find.shown}"
        for place, finds in zip(places, secrets.search(texts), strict=True)
        for find in finds
    ]


def how_to_sweep(path: Path, profile: Profile) -> str:
    command = shlex.join(["dcrproof", "sweep", "--ledger", str(path), "--profile", profile.source, "--yes"])
    return f"what was created and not deleted is in the ledger: {command}"
