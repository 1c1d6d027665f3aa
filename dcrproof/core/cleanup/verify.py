"""Rounds of proof after deletion, whatever the DELETE requests were answered."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from dcrproof.core.checks.outcomes import Outcome, Unreachable
from dcrproof.core.cleanup.asking import Asking, NotNow
from dcrproof.core.ledger.kinds import CLIENT
from dcrproof.core.ledger.ledger import Ledger, LedgerEntry
from dcrproof.core.secrets.secret import Secret


@dataclass(frozen=True)
class Claim:
    """Something to be proved. `look` returns what speaks against it, or an empty text."""

    base: str
    """The address of the party that is asked."""
    about: str
    of: str
    """The client that it is about; empty where `about` says it."""
    look: Callable[[], str]


class Proof:
    """The rounds over what was deleted: no list has it, and no client gets a token.

    `open` are the claims that are not proved yet, each with what speaks against it; `alive` are the clients that still
    get tokens, and `tried` is how many were tried.
    """

    def __init__(self, asking: Asking, ledger: Ledger, gone: Sequence[LedgerEntry]) -> None:
        self.asking = asking
        self.ledger = ledger
        self.gone = gone
        self.still: dict[str, LedgerEntry] = {}
        """What is still there, by its id."""
        self.alive: list[str] = []
        self.tried = 0
        self.open = dict.fromkeys([*self._lists(), *self._clients()], "")

    def _lists(self) -> Iterator[Claim]:
        named = [entry for entry in self.gone if entry.kind.named and entry.kind is not CLIENT]
        for entry in {(entry.base, entry.collection): entry for entry in named}.values():
            if self.asking.exists(entry):
                yield Claim(entry.base, f"whether any {entry.kind.name} is left", "", partial(self._listed, entry))

    def _clients(self) -> Iterator[Claim]:
        for entry in self.gone:
            if entry.client_id and entry.secret:
                look = partial(self._gets_a_token, entry, entry.client_id, entry.secret)
                yield Claim(
                    self.asking.issuer,
                    "whether clients still get tokens",
                    f"{entry.client_id} of {entry.kind.name} {entry.name!r}",
                    look,
                )

    @property
    def unproved(self) -> list[str]:
        """What speaks against each open claim, once for all clients of which the same is said."""
        clients: dict[str, list[str]] = {}
        for claim, against in self.open.items():
            clients.setdefault(against, []).extend(filter(None, [claim.of]))
        return [f"{against} ({', '.join(of)})" if of else against for against, of in clients.items()]

    def round(self) -> bool:
        """Looks once at each open claim. Returns whether another round would change nothing."""
        self.asking.forget()
        final = True
        silent: dict[str, str] = {}
        for claim in list(self.open):
            unseen = silent.get(claim.base, "")
            against = ""
            try:
                against = unseen or claim.look()
            except NotNow as answer:
                unseen = str(answer)
            except Unreachable as outcome:
                unseen = silent[claim.base] = outcome.observed
            except Outcome as outcome:
                self.open[claim] = f"{claim.about} is unknown: {outcome}"
                continue
            if unseen or against:
                final = False
                self.open[claim] = f"{claim.about} is unknown: {unseen}" if unseen else against
            else:
                del self.open[claim]
        if final:
            self.still = {id: entry for id, entry in self.still.items() if entry.kind is CLIENT}
        return final

    def _listed(self, entry: LedgerEntry) -> str:
        kept = {one.id for one in self.ledger.entries.values() if one.kind.method == "POST"}
        held = self.asking.items(entry).items()
        left = [id for id, item in held if id not in kept and self.ledger.mark in str(item.get(str(entry.kind.named)))]
        self.still |= {id: replace(entry, id=id) for id in left}
        where = f"still listed in {entry.kind.party.capitalize()} with the mark of this run (owner: {entry.kind.owner})"
        return f"{entry.kind.name} {', '.join(left)}: {where}" if left else ""

    def _gets_a_token(self, entry: LedgerEntry, client_id: str, secret: Secret) -> str:
        for by_post in (
            False,
            True,
        ):  # a client that may use only one method is rejected with the other as if it were unknown
            exchange = self.asking.token(client_id, secret, by_post=by_post)
            if exchange.status == 200:
                if entry.kind is CLIENT:
                    self.still[client_id] = entry
                self.alive.append(f"client {client_id} of the {entry.kind.name} {entry.name!r}: {exchange.what}")
                break
            if exchange.status != 401 and exchange.members().get("error") != "invalid_client":  # RFC 6749 5.2
                return f"whether client {client_id} still gets tokens is unknown: {exchange.what}"
        self.tried += 1
        return ""
