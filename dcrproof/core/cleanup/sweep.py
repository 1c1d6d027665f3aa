"""`dcrproof sweep`: lists, or deletes, what dead runs have left in live parties.

It deletes only what a ledger names and what still has the run's mark (`dcrproof.core.cleanup.clean_up`). A ledger in use
by a run or by another sweep is left alone.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from dcrproof.core.cleanup.clean_up import CleanedUp, clean_up, hidden
from dcrproof.core.ledger.file import SUFFIX, Busy, Swept, Unreadable, addresses, in_use, read, taken_over
from dcrproof.core.ledger.kinds import CLIENT
from dcrproof.core.ledger.ledger import Ledger, LedgerEntry
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.model import Profile
from dcrproof.core.text import one_line

Line = tuple[str, bool]
"""A line of text, and whether it reports a failure."""


def exists(path: Path) -> bool:
    """Whether there is such a file or folder. Raises Unreadable where that cannot be seen."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None
    return True


def ledgers(path: Path) -> list[Path]:
    """The ledgers of a folder, oldest first, or the one file. Raises Unreadable."""
    if not exists(path):
        return []
    try:
        with os.scandir(path) as found:
            return sorted(Path(one) for one in found if one.name.endswith(SUFFIX))
    except NotADirectoryError:
        return [path]
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None


def listed(path: Path, profile: Profile | None) -> Iterator[Line]:
    """What a ledger names; nothing is sent."""
    try:
        ledger = read(path)
        yield from _head(path, ledger)
        yield from _bad_lines(path, ledger)
        if in_use(path):
            yield "  in use     by a run or another sweep: left alone", False
    except Swept:
        return
    except Unreadable as error:
        yield f"unreadable  {error}", True
        return
    if profile and (other := _another_target(ledger, profile)):
        yield f"  skipped    {other}", False
        return
    gone_with_their_run = _of_dead_mocks(ledger)
    for entry in ledger.pending:
        what = f"may exist, its creation was never answered: {entry}" if entry.id is None else str(entry)
        yield f"  {'would delete' if profile else 'left'}  {what}", False
    yield from _of_clients(gone_with_their_run)
    for text in hidden(ledger):
        yield f"  left  {text}", False


def _bad_lines(path: Path, ledger: Ledger) -> Iterator[Line]:
    if ledger.bad_lines:
        numbers = ", ".join(map(str, ledger.bad_lines))
        yield f"  unreadable  {path}: line {numbers}: not of dcrproof, or damaged; what it names is unknown", True


def swept(path: Path, profile: Profile) -> Iterator[Line]:
    """Deletes what a ledger names."""
    try:
        with taken_over(path, profile) as ledger:
            yield from _head(path, ledger)
            yield from _bad_lines(path, ledger)
            if other := _another_target(ledger, profile):
                yield f"  skipped    {other}", False
                return
            gone_with_their_run = _of_dead_mocks(ledger)
            with closing(Target(profile, ledger=ledger)) as target:
                try:
                    done = clean_up(target, ledger)
                except KeyboardInterrupt:
                    for entry in ledger.pending:
                        yield f"  left       {entry}: the sweep was stopped before this was deleted", False
                    raise
            yield from _told(done)
            yield from _of_clients(gone_with_their_run)
            if ledger.entries or ledger.bad_lines:
                yield f"  kept       {path}: remove it when that is settled", False
    except Busy:
        yield f"in use      {path}: by a run or another sweep, left alone", False
    except Swept:
        yield f"gone        {path}: nothing that it named is left", False
    except Unreadable as error:
        yield f"unreadable  {error}", True


def _head(path: Path, ledger: Ledger) -> Iterator[Line]:
    """Which run it is, and the addresses of the parties in which something of it may be left."""
    yield f"{path.name}: {ledger.mark}, begun {one_line(ledger.started)}", False
    for party in dict.fromkeys(entry.kind.party for entry in ledger.pending):
        if party in ledger.addresses:
            yield f"  at         {party} {one_line(ledger.addresses[party])}", False


def _told(done: CleanedUp) -> Iterator[Line]:
    for text in done.deleted:
        yield f"  deleted    {text}", False
    for text in done.left:
        yield f"  left       {text}", False
    for text in [*done.failed, *done.alive]:
        yield f"  FAILED     {text}", True


def _of_clients(applications: list[LedgerEntry]) -> Iterator[Line]:
    for entry in applications:
        yield (
            f"  left       the client of the {entry}: registered by a mock that is gone (owner: {CLIENT.owner})",
            False,
        )


def _another_target(ledger: Ledger, profile: Profile) -> str:
    """The addresses of the run that are not those of the profile, in words; an empty text where there are none."""
    here = addresses(profile)
    differ = [
        f"{name} {url} (the profile: {here.get(name, 'none')})"
        for name, url in ledger.addresses.items()
        if here.get(name) != url
    ]
    return f"a run against {', '.join(differ)}" if differ else ""


def _of_dead_mocks(ledger: Ledger) -> list[LedgerEntry]:
    """Applications in mocks that ended with their run, whose clients were registered at a live authorization server.

    Removes everything that was made in such mocks from the ledger.
    """
    dead = [entry for entry in ledger.pending if entry.kind.party not in ledger.addresses]
    for entry in dead:
        ledger.refused(entry)
    ledger.dead = [entry for entry in ledger.dead if entry.kind.party in ledger.addresses]
    return [entry for entry in dead if entry.kind.name == "application" and "curity" in ledger.addresses]
