"""Clean-up: deletes what a ledger names, and then proves that nothing is left.

Both work in rounds: first `delete` until nothing more can be deleted, then `verify` until every claim is proved.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from dcrproof.core.checks.outcomes import Outcome
from dcrproof.core.cleanup.asking import Asking
from dcrproof.core.cleanup.delete import Deletion
from dcrproof.core.cleanup.verify import Proof
from dcrproof.core.http.polling import poll
from dcrproof.core.http.retry import SETTLING
from dcrproof.core.ledger.kinds import CLIENT
from dcrproof.core.ledger.ledger import HIDDEN, Ledger
from dcrproof.core.parties.creation import LOOKING
from dcrproof.core.parties.target import Target
from dcrproof.core.text import one_line

RETRY_FOR = SETTLING
"""Seconds for which deletion is retried, and for which a new thing may not be known everywhere yet."""
LOST_FOR = LOOKING
"""Seconds for which a thing is looked for whose creation was never answered, as a run does itself."""
AT_ONCE = 1.0
"""Both, for mocks that the run starts itself: nothing in them outlives it."""


@dataclass
class CleanedUp:
    """The result for everything that a ledger names; each text has the thing, the reason and the owner."""

    deleted: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """What cannot be deleted."""
    failed: list[str] = field(default_factory=list)
    """What should have been deleted and was not, and claims that could not be proved."""
    alive: list[str] = field(default_factory=list)
    """Clients that still get tokens although they, or their applications, were deleted."""
    tried: int = 0
    """How many clients were tried at the token endpoint."""


def hidden(ledger: Ledger, abandoned: Sequence[str] | None = None) -> list[str]:
    """What Konnect may have left at the authorization server for a run, in words; empty where it has made nothing there.

    That a client is registered and deleted for a verification is inferred from Konnect's error; nothing shows its id. The
    name of an application's client is inferred to be that of the application. `abandoned` are the addresses of clients that
    Konnect could not delete, where it is a mock that tells them.
    """
    if "curity" not in ledger.addresses:
        return []
    providers, refused, managed = (
        ", ".join(dict.fromkeys(name for what, name in ledger.hidden if what == kind)) for kind in HIDDEN
    )
    at, only = ledger.addresses["curity"], f"so only an admin can delete it (owner: {CLIENT.owner})"
    if abandoned is not None:
        providers = refused = ""
    told = [
        f"the client {one_line(uri) or 'without management'} that mock Konnect registered, and could not delete "
        f"(owner: {CLIENT.owner})"
        for uri in abandoned or ()
    ]
    if providers:
        made = f"a client that Konnect registered at {at} to verify the DCR provider {providers}"
        unnamed = "Konnect tells neither its id nor its name ('Konnect verification' where Konnect is a mock)"
        told.append(f"{made}, unless Konnect has deleted it: {unnamed}, {only}")
    if refused:
        made = f"a client that Konnect may have registered at {at} for an application that it did not create: {refused}"
        told.append(f"{made}. Konnect cannot delete it, {only}")
    if managed:
        made = f"the client at {at} of an application that is deleted: {managed}"
        told.append(f"{made}, perhaps. Konnect failed to manage it, and may not have been able to delete it, {only}")
    return told


def _abandoned(target: Target, ledger: Ledger) -> list[str] | None:
    """The clients that mock Konnect could not delete, by address; None where there is none that can be asked."""
    mock = target.mocked.get("konnect") if "curity" in ledger.addresses else None
    try:
        return mock.abandoned() if mock else None
    except Outcome:
        return None


def clean_up(target: Target, ledger: Ledger, *, retry_for: float = RETRY_FOR, lost_for: float = LOST_FOR) -> CleanedUp:
    """Deletes what the ledger names, and proves that it is gone. What is left stays in the ledger.

    `retry_for` are seconds for each of the two phases, `lost_for` those since a creation that was never answered.
    """
    asking = Asking(target, ledger, deadline=time.monotonic() + retry_for)
    deletion = Deletion(asking, ledger, retry_for, lost_for)
    if ledger.entries:
        poll("what this run has made to be deleted", deletion.round, bool, retry_for)
    asking.deadline = time.monotonic() + retry_for
    proof = Proof(asking, ledger, [*ledger.dead, *deletion.never_made])
    done = CleanedUp([str(entry) for entry in deletion.deleted])
    for entry in ledger.pending:
        no_way, why = deletion.why.get(entry.number, (False, "not tried"))
        (done.left if no_way else done.failed).append(f"{entry}: {why} (owner: {entry.kind.owner})")
    done.left += hidden(ledger, _abandoned(target, ledger))
    for what, name in list(ledger.hidden):
        ledger.tell(what, name)
    if proof.open:
        poll("the proof that nothing of this run is left", proof.round, bool, retry_for)
    if proof.alive:
        done.left += [
            f"the client of the {entry}, perhaps: others of this run have outlived their applications, and its secret was"
            f" never shown, so it cannot be tried (owner: {CLIENT.owner})"
            for entry in proof.gone
            if entry.kind.has_client and entry.secret is None
        ]
    for entry in proof.still.values():
        ledger.restore(entry)
    done.failed += proof.unproved
    if ledger.unwritten:
        what = f"the ledger could not be written ({ledger.unwritten})"
        done.failed.append(f"{what}: `dcrproof sweep` may not know of what is listed here")
    done.alive, done.tried = proof.alive, proof.tried
    return done
