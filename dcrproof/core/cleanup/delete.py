"""Rounds of deletion over a ledger.

Each round looks whether a thing still has the run's mark, and whether one exists whose creation was never answered;
then it deletes, in the order that the products need. What is in use, or fails for the moment, is left to the next round.
"""

import time
from collections.abc import Callable

from dcrproof.core.checks.outcomes import Failed, Outcome, Unreachable
from dcrproof.core.cleanup.asking import Asking, Item, NotNow, is_ours
from dcrproof.core.http.exchange import Exchange, now, quoted
from dcrproof.core.http.retry import NOT_YET, OVERLOADED
from dcrproof.core.ledger.kinds import CLIENT
from dcrproof.core.ledger.ledger import GONE, Ledger, LedgerEntry

NOT_ALLOWED = 405
FINAL = frozenset({401, 403, NOT_ALLOWED})
"""Statuses of a DELETE that another try does not change. Konnect says 400 while its authorization server is down."""


class Deletion:
    """The rounds over a ledger."""

    def __init__(self, asking: Asking, ledger: Ledger, retry_for: float, lost_for: float) -> None:
        self.asking = asking
        self.ledger = ledger
        self.retry_for = retry_for
        self.lost_for = lost_for
        self.deleted: list[LedgerEntry] = []
        self.never_made: list[LedgerEntry] = []
        self.why: dict[int, tuple[bool, str]] = {}
        """By the number of an entry: whether there is no way to delete it, and why it is still there."""
        self.sent: set[int] = set()
        """The entries that may have been deleted although no answer says so."""
        self.unsupported = False
        """Whether the authorization server deletes no clients: then Konnect, which asks it to, deletes no application."""
        self.silent: dict[str, str] = {}
        """By address, why a party cannot be reached: it is not asked again in this round."""

    def round(self) -> bool:
        """Tries once to delete each thing. Returns whether another round would change nothing."""
        self.asking.forget()
        self.silent.clear()
        final = True
        for entry in self.ledger.pending:
            if entry.number not in self.ledger.entries:
                continue  # deleted with what it was part of
            if entry.base in self.silent:
                self._stays(entry, self.silent[entry.base])
                continue
            try:
                retry = self._unregister(entry) if entry.kind is CLIENT else self._try(entry)
            except NotNow as answer:
                retry = self._stays(entry, str(answer), retry=True)
            except Unreachable as outcome:
                self.silent[entry.base] = outcome.observed
                retry = self._stays(entry, outcome.observed, retry=True)
            except Outcome as outcome:
                retry = self._stays(entry, str(outcome))
            final = final and not retry
        return final

    def _stays(self, entry: LedgerEntry, why: str, *, retry: bool = False, no_way: bool = False) -> bool:
        self.why[entry.number] = (no_way, why)
        return retry

    def _try(self, entry: LedgerEntry) -> bool:
        """Deletes one thing. Returns whether another try makes sense."""
        if entry.id is None:
            if not self._can_be_recognised(entry):
                why = "its creation was never answered: it may exist, and cannot be distinguished from other people's"
                return self._stays(entry, why, no_way=True)
            found = self._lost(entry)
            if found is None and _age(entry) < self.lost_for:
                return self._stays(entry, "its creation was never answered, and it is not listed", retry=True)
            if found is None:
                if entry.kind.has_client and entry.name:
                    self.ledger.hide("registering", entry.name)  # by Konnect, before the request was lost
                self.ledger.refused(entry)
                self.never_made.append(entry)
                return False
            entry = self.ledger.made(entry, found)
        if entry.kind.name == "portal" and self._waits_for_applications(entry):
            return self._stays(entry, "its applications are deleted before it", retry=True)
        if (marked := self._marked(entry)) is not None:
            item = self.asking.item(marked)
            if not item and self._is_new(entry):
                return self._stays(entry, f"it is not known in {marked.kind.party.capitalize()} yet", retry=True)
            if not item:
                return self._gone(entry)
            if not is_ours(marked, item, self.ledger.mark):
                it = "it" if marked is entry else f"the {marked.kind.name} {marked.id}, which it is part of,"
                why = f"{it} no longer has the mark {self.ledger.mark!r}, and was left alone"
                return self._stays(entry, why, no_way=True)
        return self._delete(entry)

    def _marked(self, entry: LedgerEntry) -> LedgerEntry | None:
        """The entry whose name has the run's mark: the thing itself, or what it is part of if the run has created that."""
        if entry.kind.named:
            return entry
        service = _service(self.asking.item(entry)) if entry.kind.name == "gateway plugin" else None
        made = (one for one in self.ledger.entries.values() if one.id and one.kind.named)
        return next((one for one in made if one.id == service or entry.collection.startswith(f"{one.path}/")), None)

    def _waits_for_applications(self, portal: LedgerEntry) -> bool:
        """Whether a portal has applications that only its own address deletes, and that may still be reached."""
        early = time.monotonic() < self.asking.deadline - self.retry_for / 2
        return early and any(one.base in self.silent for one in self.asking.of_portal(portal))

    def _is_new(self, entry: LedgerEntry) -> bool:
        """Whether 403 and 404 may only mean that a thing is not known everywhere yet."""
        return not entry.seen and entry.number not in self.sent and _age(entry) < self.retry_for

    def _delete(self, entry: LedgerEntry) -> bool:
        force = "?force=true" if entry.kind.name == "portal" else ""
        path = entry.path + force
        exchange = self._sent(entry, lambda: self.asking.send(entry.kind.party, entry.base, "DELETE", path))
        if exchange.status in NOT_YET and self._is_new(entry):
            return self._stays(entry, exchange.what, retry=True)
        return self._answered(entry, exchange)

    def _sent(self, entry: LedgerEntry, send: Callable[[], Exchange]) -> Exchange:
        """Sends a deletion, and remembers whether the answer leaves open that it was done."""
        try:
            exchange = send()
        except Unreachable as outcome:
            if outcome.lost:
                self.sent.add(entry.number)
            raise
        if exchange.status in {500, *OVERLOADED}:
            self.sent.add(entry.number)
        return exchange

    def _answered(self, entry: LedgerEntry, exchange: Exchange) -> bool:
        """What an answer to a DELETE means: see `_try`."""
        if exchange.status in GONE:
            return self._gone(entry)
        if entry.kind is CLIENT and exchange.status == NOT_ALLOWED:
            self.unsupported = True
        refuses = self.unsupported and entry.kind.has_client
        return self._stays(entry, exchange.what, retry=exchange.status not in FINAL and not refuses)

    def _can_be_recognised(self, entry: LedgerEntry) -> bool:
        """Whether a thing without an id can be recognised as the run's: by its name, or by what it is part of."""
        if entry.kind.named:
            return self.ledger.mark in (entry.name or "")
        return entry.kind.name == "gateway plugin" or self.ledger.ours(entry.collection)

    def _lost(self, entry: LedgerEntry) -> str | None:
        """The id of what was created without an answer, if the list has it. Raises Failed where it is listed without one."""
        for id, item in self.asking.items(entry).items():
            if id not in self.ledger.ids and self._fits(entry, item):
                return id
        for item in self.asking.without_id(entry):
            if self._fits(entry, item):
                raise Failed("its id in the list", f"{quoted(item.get('id'))}, which names nothing in a URL")
        return None

    def _fits(self, entry: LedgerEntry, item: Item) -> bool:
        """Whether a listed thing is what was created without an answer."""
        if entry.kind.named:
            return item.get(entry.kind.named) == entry.name
        return entry.kind.name != "gateway plugin" or _service(item) in self.ledger.ids

    def _unregister(self, entry: LedgerEntry) -> bool:
        """RFC 7592 2.3: deletes a client. Returns whether another try makes sense."""
        if entry.manage is None:
            if entry.sealed:
                why = "its registration access token was encrypted with other secrets than the profile has now"
            elif entry.id:
                why = "it has no registration access token, dynamic client management is off"
            else:
                why = "its registration was never answered, so it may exist"
            return self._stays(entry, why, no_way=True)
        uri, token = entry.manage
        exchange = self._sent(entry, lambda: self.asking.manage(uri, token))
        if exchange.status == 401 and (entry.number in self.sent or entry.deleting):
            return self._gone(entry)  # it was deleted: a deleted client's token is void
        if exchange.status == 401 and entry.rotating:
            why = "the answer to its last read or update, with its new registration access token, never came"
            return self._stays(entry, why, no_way=True)
        return self._answered(entry, exchange)

    def _gone(self, entry: LedgerEntry) -> bool:
        for one in [*(self.asking.of_portal(entry) if entry.kind.name == "portal" else ()), entry]:
            self.ledger.gone(one)
            self.deleted.append(one)
            self.why.pop(one.number, None)
        return False


def _service(item: Item) -> str | None:
    """The id of the gateway service that a plugin is on."""
    service = item.get("service")
    id = service.get("id") if isinstance(service, dict) else None
    return id if isinstance(id, str) else None


def _age(entry: LedgerEntry) -> float:
    """The seconds since a thing was made, or intended."""
    return (now() - entry.at).total_seconds()
