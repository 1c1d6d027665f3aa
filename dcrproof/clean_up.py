"""Clean-up: what a ledger names is deleted, and then it is looked whether anything is left.

It makes requests of its own, so that a fault in the clients that the checks use leaves nothing behind. It goes in
rounds. Each looks at the lists of the parties, which say whether a thing still bears the run's mark and whether one is
there whose creation was never answered; then it deletes, in the order that the products need. What is in use or fails
for the moment is tried again in the next round. At the end it looks once more, and tries each client.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from dcrproof.http import Line
from dcrproof.ledger import CLIENT, GONE, Entry, Ledger
from dcrproof.patience import retry_after
from dcrproof.secret import Secret, basic
from dcrproof.target import Target
from dcrproof.transcript import Exchange, quoted
from dcrproof.verdict import Failed, Outcome, Unreachable
from dcrproof.waiting import poll
from dcrproof.waits import waiting_for

PATIENCE = 30.0
"""Seconds for which what cannot be deleted yet is tried again."""
LOST_FOR = 5.0
"""Seconds for which a thing is looked for whose creation was never answered: lists may lag behind."""
AT_ONCE = 1.0
"""Either, for mocks of the run's own: nothing there outlives it."""
FINAL = frozenset({401, 403, 405})
"""Statuses of a DELETE that another try does not change. Konnect says 400 while its authorization server is down."""
PAGE = 100
MOST_PAGES = 1000

Item = Mapping[str, Any]


@dataclass
class CleanedUp:
    """What became of what a ledger names; each text names the thing, the reason and the owner."""

    deleted: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """What there is no way to delete."""
    failed: list[str] = field(default_factory=list)
    """What should have been deleted and was not, and what could not be proved."""
    alive: list[str] = field(default_factory=list)
    """Clients that still get tokens although they, or the application that they came with, were deleted."""
    tried: int = 0
    """How many clients were tried at the token endpoint."""


def clean_up(target: Target, ledger: Ledger, *, patience: float = PATIENCE, lost_for: float = LOST_FOR) -> CleanedUp:
    """Deletes what the ledger names, and proves that it is gone. What stays stays in the ledger."""
    work = _Work(_Reach(target, ledger), ledger, lost_until=time.monotonic() + lost_for)
    if ledger.entries:
        with waiting_for("what this run has made to be deleted", patience):
            poll(work.round, bool, patience)
    done = CleanedUp([str(entry) for entry in work.deleted])
    for entry in ledger.pending:
        no_way, why = work.why.get(entry.number, (False, "not tried"))
        (done.left if no_way else done.failed).append(f"{entry}: {why} (owner: {entry.kind.owner})")
    if work.deleted:
        _look_again(work, done)
    _try_clients(work, done)
    return done


class _Work:
    """The rounds over a ledger."""

    def __init__(self, reach: "_Reach", ledger: Ledger, lost_until: float) -> None:
        self.reach = reach
        self.ledger = ledger
        self.lost_until = lost_until
        self.deleted: list[Entry] = []
        self.why: dict[int, tuple[bool, str]] = {}
        """By the number of an entry why it is still there, and whether there is no way to delete it."""
        self.not_before: dict[str, float] = {}
        """By the address of a party when it wants to be asked again (`time.monotonic()`)."""
        self.unanswered: set[int] = set()
        """The clients whose deletion was sent, and not answered."""

    def round(self) -> bool:
        """One look and one try at everything. Whether another round would change nothing."""
        self.reach.look_anew()
        final = True
        silent: dict[str, str] = {}  # whoever does not answer is not asked for each thing again
        for entry in self.ledger.pending:
            if entry.number not in self.ledger.entries:
                continue  # gone with what it was part of
            if entry.base in silent:
                self._stays(entry, silent[entry.base])
                continue
            if time.monotonic() < self.not_before.get(entry.base, 0.0):
                self._stays(entry, f"{entry.kind.party} asks for more time than this clean-up has")
                final = False
                continue
            try:
                try_again = self._try(entry)
            except Unreachable as outcome:
                silent[entry.base] = outcome.observed
                try_again = self._stays(entry, outcome.observed, again=True)
            except Outcome as outcome:
                try_again = self._stays(entry, outcome.observed)
            final = final and not try_again
        return final

    def _stays(self, entry: Entry, why: str, *, again: bool = False, no_way: bool = False) -> bool:
        self.why[entry.number] = (no_way, why)
        return again

    def _try(self, entry: Entry) -> bool:
        """Deletes one thing. Returns whether it is still there and another try may delete it."""
        if entry.kind is CLIENT:
            return self._unregister(entry)
        items = self.reach.items(entry) if entry.kind.named or entry.id is None else {}
        if entry.id is None:
            found = self._lost(entry, items)
            if found is None:
                if time.monotonic() < self.lost_until:
                    return self._stays(entry, "its creation was never answered, and it is not listed", again=True)
                self.ledger.refused(entry)  # it was never made
                return False
            entry = self.ledger.made(entry, found)
        item = items.get(str(entry.id))
        if item is not None and not _bears(entry, item, self.ledger.mark):
            return self._stays(
                entry, f"it bears the mark {self.ledger.mark!r} no more, and was left alone", no_way=True
            )
        force = "?force=true" if entry.kind.name == "portal" else ""
        return self._answered(entry, self.reach.send(entry.kind.party, entry.base, "DELETE", entry.path + force))

    def _answered(self, entry: Entry, exchange: Exchange) -> bool:
        """What an answer to a DELETE says."""
        if exchange.status in GONE:
            self._gone(entry)
            return False
        if (seconds := retry_after(exchange)) is not None:
            self.not_before[entry.base] = time.monotonic() + seconds
        return self._stays(entry, exchange.what, again=exchange.status not in FINAL)

    def _lost(self, entry: Entry, items: Mapping[str, Item]) -> str | None:
        """The id of what was made although no answer came; the list has it under the run's own name."""
        known = {other.id for other in self.ledger.entries.values()}
        if entry.kind.named is None and not self.ledger.ours(entry.collection):
            return None  # it bears no mark of its own, and stands below something that is not the run's
        ours = (
            id
            for id, item in items.items()
            if id not in known and (entry.kind.named is None or _marked(entry, item, self.ledger.mark))
        )
        return next(ours, None)

    def _unregister(self, entry: Entry) -> bool:
        if entry.manage is None:
            if entry.sealed:
                why = "its registration access token was sealed with other secrets than the profile has now"
            elif entry.id:
                why = "it has no registration access token, dynamic client management is off"
            else:
                why = "its registration was never answered, so it may exist or not"
            return self._stays(entry, why, no_way=True)
        uri, token = entry.manage
        try:
            exchange = self.reach.manage(uri, token)
        except Unreachable:
            self.unanswered.add(entry.number)
            raise
        if exchange.status == 401 and entry.number in self.unanswered:
            self._gone(entry)  # the deletion was done: with the client its token is void
            return False
        if exchange.status == 401 and entry.rotating:
            why = "the answer to its last read or update never came, and with it its registration access token"
            return self._stays(entry, why, no_way=True)
        return self._answered(entry, exchange)

    def _gone(self, entry: Entry) -> None:
        self.ledger.gone(entry)
        self.deleted.append(entry)
        self.why.pop(entry.number, None)


def _marked(entry: Entry, item: Item, mark: str) -> bool:
    name = item.get(entry.kind.named or "")
    return isinstance(name, str) and mark in name and name == entry.name


def _bears(entry: Entry, item: Item, mark: str) -> bool:
    """Whether a thing with the id that the ledger names is still the run's: it may have been renamed by the run."""
    name = item.get(entry.kind.named or "")
    return entry.kind.named is None or (isinstance(name, str) and (mark in name or name == entry.name))


def _look_again(work: _Work, done: CleanedUp) -> None:
    """What bears the mark after everything was deleted is left behind, whatever a DELETE has answered."""
    known = {entry.id for entry in work.ledger.entries.values()}
    for entry in {(entry.base, entry.collection): entry for entry in work.deleted if entry.kind.named}.values():
        if entry.kind is CLIENT or not work.reach.exists(entry):
            continue
        try:
            left, _ = poll(partial(_still_listed, work, entry, known), lambda ids: not ids, LOST_FOR)
        except Outcome as outcome:
            done.failed.append(f"whether a {entry.kind.name} is left cannot be seen: {outcome.observed}")
            continue
        where = f"still listed in {entry.kind.party.capitalize()} with the mark of this run (owner: {entry.kind.owner})"
        done.failed += [f"{entry.kind.name} {id}: {where}" for id in left]


def _still_listed(work: _Work, entry: Entry, known: set[str | None]) -> list[str]:
    """The ids of the list that bear the mark, without those that are known to be left."""
    work.reach.look_anew()
    items = work.reach.items(entry).items()
    return [id for id, item in items if id not in known and work.ledger.mark in str(item.get(str(entry.kind.named)))]


def _try_clients(work: _Work, done: CleanedUp) -> None:
    """Each client that is gone, or whose application is, is refused at the token endpoint."""
    for entry in work.ledger.dead:
        if entry.client_id is None or entry.secret is None:
            continue
        try:
            exchange = work.reach.token(entry.client_id, entry.secret)
        except Outcome as outcome:
            done.failed.append(f"whether clients are left cannot be tried: {outcome.observed}")
            return
        done.tried += 1
        if exchange.status == 200:
            done.alive.append(f"client {entry.client_id} of the {entry.kind.name} {entry.name!r}: {exchange.what}")
        elif exchange.status not in {400, 401}:
            done.failed.append(f"whether client {entry.client_id} still gets tokens cannot be told: {exchange.what}")


class _Reach:
    """The way to the parties: lines, sessions and lists of the clean-up's own."""

    def __init__(self, target: Target, ledger: Ledger) -> None:
        self.target = target
        self.ledger = ledger
        self._lines: dict[tuple[str, str], Line] = {}
        self._cookies: dict[str, Secret] = {}
        self._lists: dict[tuple[str, str], Mapping[str, Item]] = {}
        self._token_endpoint = ""

    def line(self, party: str, base: str) -> Line:
        if (party, base) not in self._lines:
            self._lines[party, base] = self.target.line(party, base)
            self._lines[party, base].patience = None  # what fails is tried again in the next round
        return self._lines[party, base]

    def look_anew(self) -> None:
        self._lists.clear()

    def send(self, party: str, base: str, method: str, path: str) -> Exchange:
        return self.line(party, base).send(method, base + path, headers=self._credentials(party, base, path))

    def _credentials(self, party: str, base: str, path: str) -> dict[str, str]:
        profile = self.target.profile
        if party == "konnect":
            token = profile.konnect.token if profile.konnect else None
            if token is None:
                raise Failed("[konnect] token", "the profile has none")
            return {"authorization": f"Bearer {token.reveal()}"}
        return {"cookie": f"portalaccesstoken={self._cookie(base, path).reveal()}"}

    def _cookie(self, base: str, path: str) -> Secret:
        """A session of the developer at the profile's portal, or at one that the run has made."""
        described = self.target.profile.portal
        if base in self._cookies:
            return self._cookies[base]
        if described is None or not (base == described.url or self._is_ours(base)):
            raise Failed(
                "a portal of the profile or of the run", f"the ledger names {quoted(base)}: nothing was sent there"
            )
        if described.cookie is not None:
            return described.cookie
        if described.email is None or described.password is None:
            raise Failed("[portal] email and password of the developer, or cookie", "the profile has neither")
        body = {"username": described.email, "password": described.password.reveal()}
        api = "/".join(path.split("/")[:3])
        exchange = self.line("portal", base).send(
            "POST",
            f"{base}{api}/developer/authenticate",
            headers={"content-type": "application/json"},
            body=json.dumps(body).encode(),
        )
        pairs = (cookie.partition(";")[0].partition("=") for cookie in exchange.headers_named("set-cookie"))
        found = next((value for name, _, value in pairs if name.strip() == "portalaccesstoken" and value), None)
        if exchange.status != 204 or found is None:
            raise Failed("204 and a session to the developer's sign-in", exchange.what)
        self._cookies[base] = self.target.secrets.know(found)
        return self._cookies[base]

    def _is_ours(self, base: str) -> bool:
        """Whether the portal at that address is one that the run has made."""
        portals = [entry for entry in self.ledger.entries.values() if entry.kind.name == "portal"]
        held = (self.items(entry).get(str(entry.id), {}) for entry in portals)
        return any(
            urlsplit(base).netloc == item.get("canonical_domain") and self.ledger.mark in str(item.get("name"))
            for item in held
        )

    def exists(self, entry: Entry) -> bool:
        """Whether the list that a thing was in is still there: a portal of the run's is gone with its applications."""
        described = self.target.profile.portal
        return entry.kind.party != "portal" or (described is not None and entry.base == described.url)

    def items(self, entry: Entry) -> Mapping[str, Item]:
        """The things of a list by their ids. Raises Failed where it cannot be read. A publication is in none."""
        if entry.kind.method == "PUT":
            return {}
        path, filters = entry.collection, {}
        if entry.kind.name == "implementation":
            path, filters = "/v3/api-implementations", {"filter[api_id][eq]": entry.collection.split("/")[3]}
        key = (entry.base, entry.collection)
        if key not in self._lists:
            pages = self._pages(entry, path, filters)
            self._lists[key] = {item["id"]: item for page in pages for item in page if isinstance(item.get("id"), str)}
        return self._lists[key]

    def _pages(self, entry: Entry, path: str, filters: Mapping[str, str]) -> Iterator[Sequence[Item]]:
        for number in range(1, MOST_PAGES):
            query = urlencode({**filters, "page[size]": PAGE, "page[number]": number})
            exchange = self.send(entry.kind.party, entry.base, "GET", f"{path}?{query}")
            if exchange.status == 404:
                return  # what it is part of is gone
            if exchange.status != 200:
                raise Unreachable(entry.kind.party, exchange.what, f"the list {path}")
            data = exchange.object().get("data")
            items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
            yield items
            if len(items) < PAGE:
                return

    def manage(self, uri: str, token: Secret) -> Exchange:
        """RFC 7592 2.3."""
        line = self.line("curity", self._issuer)
        return line.send("DELETE", uri, headers={"authorization": f"Bearer {token.reveal()}"})

    @property
    def _issuer(self) -> str:
        curity = self.target.profile.curity
        return curity.issuer if curity else ""

    def token(self, client_id: str, secret: Secret) -> Exchange:
        """A client_credentials request (RFC 6749 4.4.2)."""
        line = self.line("curity", self._issuer)
        if not self._token_endpoint:
            found = line.send("GET", self._issuer + "/.well-known/openid-configuration")
            self._token_endpoint = str(found.members().get("token_endpoint") or "")
            if found.status != 200 or not self._token_endpoint:
                raise Failed("a token_endpoint in the metadata of the authorization server", found.what)
        pair = basic(quote_plus(client_id), quote_plus(secret.reveal()))
        headers = {"authorization": f"Basic {pair}", "content-type": "application/x-www-form-urlencoded"}
        return line.send("POST", self._token_endpoint, headers=headers, body=b"grant_type=client_credentials")
