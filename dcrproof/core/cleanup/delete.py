"""Clean-up: what a ledger names is deleted, and then it is looked whether anything is left.

It makes requests of its own, so that a fault in the clients that the checks use leaves nothing behind. It goes in
rounds. Each looks whether a thing still bears the run's mark, and whether one is there whose creation was never
answered; then it deletes, in the order that the products need. What is in use or fails for the moment is tried again in
the next round. At the end it goes in rounds once more: the lists have nothing of the run's, and each client is refused.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from dcrproof.core.checks.outcomes import Failed, Outcome, Unreachable
from dcrproof.core.http.connection import PartyConnection
from dcrproof.core.http.exchange import Exchange, now, quoted
from dcrproof.core.http.polling import poll
from dcrproof.core.http.progress import waiting_for
from dcrproof.core.http.retry import NOT_YET, OVERLOADED, SETTLING, retry_after
from dcrproof.core.ledger.ledger import CLIENT, GONE, Ledger, LedgerEntry
from dcrproof.core.parties.creation import LOOKING
from dcrproof.core.parties.konnect import listed
from dcrproof.core.parties.target import Target
from dcrproof.core.secrets.secret import Secret, basic

PATIENCE = SETTLING
"""Seconds for which what cannot be deleted yet is tried again, and for which a new thing need not be known everywhere."""
LOST_FOR = LOOKING
"""Seconds after a creation that was never answered for which it is looked for, as a run does itself."""
AT_ONCE = 1.0
"""Either, for mocks of the run's own: nothing there outlives it."""
FINAL = frozenset({401, 403, 405})
"""Statuses of a DELETE that another try does not change. Konnect says 400 while its authorization server is down."""

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
    reach = _Reach(target, ledger, deadline=time.monotonic() + patience)
    work = _Work(reach, ledger, patience, lost_for)
    if ledger.entries:
        with waiting_for("what this run has made to be deleted", patience):
            poll(work.round, bool, patience)
    done = CleanedUp([str(entry) for entry in work.deleted])
    for entry in ledger.pending:
        no_way, why = work.why.get(entry.number, (False, "not tried"))
        (done.left if no_way else done.failed).append(f"{entry}: {why} (owner: {entry.kind.owner})")
    reach.deadline = time.monotonic() + patience
    proof = _Proof(reach, ledger, done, [*ledger.dead, *work.never_made])
    if proof.open:
        with waiting_for("the proof that nothing of this run is left", patience):
            poll(proof.round, bool, patience)
    done.failed += dict.fromkeys(proof.open.values())
    return done


class _Work:
    """The rounds over a ledger."""

    def __init__(self, reach: "_Reach", ledger: Ledger, patience: float, lost_for: float) -> None:
        self.reach = reach
        self.ledger = ledger
        self.patience = patience
        self.lost_for = lost_for
        self.deleted: list[LedgerEntry] = []
        self.never_made: list[LedgerEntry] = []
        self.why: dict[int, tuple[bool, str]] = {}
        """By the number of an entry why it is still there, and whether there is no way to delete it."""
        self.sent: set[int] = set()
        """The entries whose deletion may have been done although no answer says so."""
        self.silent: dict[str, str] = {}
        """By its address what is wrong with a party: in this round it is not asked for each thing again."""

    def round(self) -> bool:
        """One look and one try at everything. Whether another round would change nothing."""
        self.reach.look_anew()
        self.silent.clear()
        final = True
        for entry in self.ledger.pending:
            if entry.number not in self.ledger.entries:
                continue  # gone with what it was part of
            if entry.base in self.silent:
                self._stays(entry, self.silent[entry.base])
                continue
            try:
                try_again = self._unregister(entry) if entry.kind is CLIENT else self._try(entry)
            except _NotNow as answer:
                try_again = self._stays(entry, str(answer), again=True)
            except Unreachable as outcome:
                self.silent[entry.base] = outcome.observed
                try_again = self._stays(entry, outcome.observed, again=True)
            except Outcome as outcome:
                try_again = self._stays(entry, str(outcome))
            final = final and not try_again
        return final

    def _stays(self, entry: LedgerEntry, why: str, *, again: bool = False, no_way: bool = False) -> bool:
        self.why[entry.number] = (no_way, why)
        return again

    def _try(self, entry: LedgerEntry) -> bool:
        """Deletes one thing. Returns whether it is still there and another try may delete it."""
        if entry.id is None:
            if not self._can_be_told(entry):
                why = (
                    "its creation was never answered, so it may exist or not, and nothing tells it from other people's"
                )
                return self._stays(entry, why, no_way=True)
            found = self._lost(entry)
            if found is None and _age(entry) < self.lost_for:
                return self._stays(entry, "its creation was never answered, and it is not listed", again=True)
            if found is None:
                self.ledger.refused(entry)
                self.never_made.append(entry)
                return False
            entry = self.ledger.made(entry, found)
        if entry.kind.name == "portal" and self._is_waited_for(entry):
            return self._stays(entry, "its applications are deleted before it", again=True)
        if (bearer := self._bearer(entry)) is not None:
            item = self.reach.item(bearer)
            if not item and self._is_new(entry):
                return self._stays(entry, f"it is not known in {bearer.kind.party.capitalize()} yet", again=True)
            if not item:
                return self._gone(entry)
            if not _is_ours(bearer, item, self.ledger.mark):
                it = "it" if bearer is entry else f"the {bearer.kind.name} {bearer.id}, which it is part of,"
                why = f"{it} bears the mark {self.ledger.mark!r} no more, and was left alone"
                return self._stays(entry, why, no_way=True)
        return self._delete(entry)

    def _bearer(self, entry: LedgerEntry) -> LedgerEntry | None:
        """What bears the mark that makes a thing the run's: itself, or what it is part of if the run has made that."""
        if entry.kind.named:
            return entry
        service = _service(self.reach.item(entry)) if entry.kind.name == "gateway plugin" else None
        made = (one for one in self.ledger.entries.values() if one.id and one.kind.named)
        return next((one for one in made if one.id == service or entry.collection.startswith(f"{one.path}/")), None)

    def _is_waited_for(self, portal: LedgerEntry) -> bool:
        """Whether a portal of the run's has applications that its own address alone deletes, and may be reached yet."""
        patient = time.monotonic() < self.reach.deadline - self.patience / 2
        return patient and any(one.base in self.silent for one in self.reach.of_portal(portal))

    def _is_new(self, entry: LedgerEntry) -> bool:
        """Whether 403 and 404 may say no more of a thing than that it is not known everywhere yet."""
        return not entry.seen and entry.number not in self.sent and _age(entry) < self.patience

    def _delete(self, entry: LedgerEntry) -> bool:
        force = "?force=true" if entry.kind.name == "portal" else ""
        path = entry.path + force
        exchange = self._sent(entry, lambda: self.reach.send(entry.kind.party, entry.base, "DELETE", path))
        if exchange.status in NOT_YET and self._is_new(entry):
            return self._stays(entry, exchange.what, again=True)
        return self._answered(entry, exchange)

    def _sent(self, entry: LedgerEntry, send: Callable[[], Exchange]) -> Exchange:
        """The answer to a deletion; where that leaves open whether it was done, it is remembered."""
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
        """What an answer to a DELETE says."""
        if exchange.status in GONE:
            return self._gone(entry)
        return self._stays(entry, exchange.what, again=exchange.status not in FINAL)

    def _can_be_told(self, entry: LedgerEntry) -> bool:
        """Whether a thing without an id would be known for the run's: by its name, or by what it is part of."""
        if entry.kind.named:
            return self.ledger.mark in (entry.name or "")
        return entry.kind.name == "gateway plugin" or self.ledger.ours(entry.collection)

    def _lost(self, entry: LedgerEntry) -> str | None:
        """The id of what was made although no answer came, if the list has it."""
        for id, item in self.reach.items(entry).items():
            if id in self.ledger.ids:
                continue
            if entry.kind.named:
                found = item.get(entry.kind.named) == entry.name
            else:
                found = entry.kind.name != "gateway plugin" or _service(item) in self.ledger.ids
            if found:
                return id
        return None

    def _unregister(self, entry: LedgerEntry) -> bool:
        """RFC 7592 2.3: deletes a client. Returns whether another try may do it."""
        if entry.manage is None:
            if entry.sealed:
                why = "its registration access token was sealed with other secrets than the profile has now"
            elif entry.id:
                why = "it has no registration access token, dynamic client management is off"
            else:
                why = "its registration was never answered, so it may exist or not"
            return self._stays(entry, why, no_way=True)
        uri, token = entry.manage
        exchange = self._sent(entry, lambda: self.reach.manage(uri, token))
        if exchange.status == 401 and entry.number in self.sent:
            return self._gone(entry)  # the deletion was done: with the client its token is void
        if exchange.status == 401 and entry.rotating:
            why = "the answer to its last read or update never came, and with it its registration access token"
            return self._stays(entry, why, no_way=True)
        return self._answered(entry, exchange)

    def _gone(self, entry: LedgerEntry) -> bool:
        for one in [*(self.reach.of_portal(entry) if entry.kind.name == "portal" else ()), entry]:
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
    """The seconds since a thing was made, or was to be."""
    return (now() - entry.at).total_seconds()


def _is_ours(entry: LedgerEntry, item: Item, mark: str) -> bool:
    """Whether a thing with the id that the ledger names is still the run's: it may have been renamed by the run."""
    name = item.get(str(entry.kind.named))
    return isinstance(name, str) and (mark in name or name == entry.name)


@dataclass(frozen=True)
class _Claim:
    """Something to be proved of what is gone. `look` says what speaks against it, or nothing."""

    base: str
    """The party that is asked."""
    about: str
    look: Callable[[], str]


class _Proof:
    """The rounds over what is gone: whatever a DELETE has answered, no list has it, and no client gets a token.

    `open` are the claims that are not proved yet, each with what speaks against it.
    """

    def __init__(self, reach: "_Reach", ledger: Ledger, done: CleanedUp, gone: Sequence[LedgerEntry]) -> None:
        self.reach = reach
        self.ledger = ledger
        self.done = done
        self.gone = gone
        self.open = dict.fromkeys([*self._lists(), *self._clients()], "")

    def _lists(self) -> Iterator[_Claim]:
        named = [entry for entry in self.gone if entry.kind.named and entry.kind is not CLIENT]
        for entry in {(entry.base, entry.collection): entry for entry in named}.values():
            if self.reach.exists(entry):
                yield _Claim(entry.base, f"whether any {entry.kind.name} is left", partial(self._listed, entry))

    def _clients(self) -> Iterator[_Claim]:
        for entry in self.gone:
            if entry.client_id and entry.secret:
                look = partial(self._gets_a_token, entry, entry.client_id, entry.secret)
                yield _Claim(self.reach.issuer, "whether clients still get tokens", look)

    def round(self) -> bool:
        """Looks once at what is not proved yet. Whether another round would change nothing."""
        self.reach.look_anew()
        final = True
        silent: dict[str, str] = {}
        for claim in list(self.open):
            unseen = silent.get(claim.base, "")
            against = ""
            try:
                against = unseen or claim.look()
            except _NotNow as answer:
                unseen = str(answer)
            except Unreachable as outcome:
                unseen = silent[claim.base] = outcome.observed
            except Outcome as outcome:
                self.open[claim] = f"{claim.about} cannot be seen: {outcome}"
                continue
            if unseen or against:
                final = False
                self.open[claim] = f"{claim.about} cannot be seen: {unseen}" if unseen else against
            else:
                del self.open[claim]
        return final

    def _listed(self, entry: LedgerEntry) -> str:
        kept = {one.id for one in self.ledger.entries.values() if one.kind.method == "POST"}
        held = self.reach.items(entry).items()
        left = [id for id, item in held if id not in kept and self.ledger.mark in str(item.get(str(entry.kind.named)))]
        where = f"still listed in {entry.kind.party.capitalize()} with the mark of this run (owner: {entry.kind.owner})"
        return f"{entry.kind.name} {', '.join(left)}: {where}" if left else ""

    def _gets_a_token(self, entry: LedgerEntry, client_id: str, secret: Secret) -> str:
        for by_post in (False, True):  # a client that knows one way alone is refused the other as if it were unknown
            exchange = self.reach.token(client_id, secret, by_post=by_post)
            if exchange.status == 200:
                self.done.alive.append(f"client {client_id} of the {entry.kind.name} {entry.name!r}: {exchange.what}")
                break
            if exchange.status != 401 and exchange.members().get("error") != "invalid_client":  # RFC 6749 5.2
                return f"whether client {client_id} still gets tokens cannot be told: {exchange.what}"
        self.done.tried += 1
        return ""


class _Reach:
    """The way to the parties: lines, sessions and lists of the clean-up's own."""

    def __init__(self, target: Target, ledger: Ledger, deadline: float) -> None:
        self.target = target
        self.ledger = ledger
        self.deadline = deadline
        """Until when there is time for what is being done (`time.monotonic()`)."""
        self._lines: dict[tuple[str, str], PartyConnection] = {}
        self._cookies: dict[str, Secret | Failed] = {}
        self._lists: dict[tuple[str, str], Mapping[str, Item] | _NotNow] = {}
        self._items: dict[tuple[str, str], Item] = {}
        self._token_endpoint = ""
        self._not_before: dict[str, float] = {}
        """By the address of a party when it wants to be asked again (`time.monotonic()`)."""

    def line(self, party: str, base: str) -> PartyConnection:
        if (party, base) not in self._lines:
            self._lines[party, base] = self.target.line(party, base)
            self._lines[party, base].patience = None  # what fails is tried again in the next round
        return self._lines[party, base]

    def look_anew(self) -> None:
        self._lists.clear()
        self._items.clear()

    def send(self, party: str, base: str, method: str, path: str) -> Exchange:
        return self._ask(party, base, method, base + path, self._credentials(party, base, path))

    def _ask(
        self, party: str, base: str, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Exchange:
        """One request, unless the party has asked for more time. Raises Unreachable then, and where no answer comes.

        Raises Failed where it has asked for more time than there is.
        """
        not_before = self._not_before.get(base, 0.0)
        if not_before > self.deadline:
            more = not_before - time.monotonic()
            raise Failed("time for this clean-up", f"{party} wants to be asked again in {more:.0f} seconds")
        if not_before > time.monotonic():
            raise Unreachable(party, f"{party} wants to be asked again later")
        exchange = self.line(party, base).send(method, url, headers=headers, body=body)
        if (seconds := retry_after(exchange)) is not None:
            self._not_before[base] = time.monotonic() + seconds
        return exchange

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
        if isinstance(known := self._cookies.get(base), Failed):
            raise known
        if known is not None:
            return known
        if described is None or not (base == described.url or self._is_of_the_run(base)):
            raise Failed(
                "a portal of the profile or of the run", f"the ledger names {quoted(base)}: nothing was sent there"
            )
        if described.cookie is not None:
            return described.cookie
        if described.email is None or described.password is None:
            raise Failed("[portal] email and password of the developer, or cookie", "the profile has neither")
        body = json.dumps({"username": described.email, "password": described.password.reveal()}).encode()
        api = "/".join(path.split("/")[:3])
        json_body = {"content-type": "application/json"}
        exchange = self._ask("portal", base, "POST", f"{base}{api}/developer/authenticate", json_body, body)
        if exchange.status == 429 or exchange.status >= 500:
            raise Unreachable("portal", exchange.what)
        pairs = (cookie.partition(";")[0].partition("=") for cookie in exchange.headers_named("set-cookie"))
        found = next((value for name, _, value in pairs if name.strip() == "portalaccesstoken" and value), None)
        if exchange.status != 204 or found is None:
            failed = Failed("204 and a session to the developer's sign-in", exchange.what)
            self._cookies[base] = failed  # an account is locked that somebody tries a wrong password on again and again
            raise failed
        secret = self._cookies[base] = self.target.secrets.know(found)
        return secret

    def of_portal(self, portal: LedgerEntry) -> list[LedgerEntry]:
        """What was made at the address of a portal of the run's own."""
        domain = self.item(portal).get("canonical_domain")
        at = [one for one in self.ledger.entries.values() if one.kind.party == "portal"]
        return [one for one in at if domain and urlsplit(one.base).netloc == domain]

    def _is_of_the_run(self, base: str) -> bool:
        """Whether the portal at that address is one that the run has made."""
        portals = [entry for entry in self.ledger.entries.values() if entry.kind.name == "portal" and entry.id]
        held = ((entry, self.item(entry)) for entry in portals)
        return any(
            urlsplit(base).netloc == item.get("canonical_domain") and _is_ours(entry, item, self.ledger.mark)
            for entry, item in held
        )

    def exists(self, entry: LedgerEntry) -> bool:
        """Whether the list that a thing was in is still there: a portal of the run's is gone with its applications."""
        described = self.target.profile.portal
        return entry.kind.party != "portal" or (described is not None and entry.base == described.url)

    def item(self, entry: LedgerEntry) -> Item:
        """A thing as its party shows it; empty where it is not there. Raises _NotNow where that cannot be seen."""
        if found := self.items(entry).get(str(entry.id)):
            return found
        key = (entry.base, entry.path)
        if key not in self._items:  # a list need not have everything
            exchange = self.send(entry.kind.party, entry.base, "GET", entry.path)
            if exchange.status not in {200, 404}:
                raise self._no_answer(entry, exchange)
            self._items[key] = exchange.object() if exchange.status == 200 else {}
        return self._items[key]

    def items(self, entry: LedgerEntry) -> Mapping[str, Item]:
        """The things of a list by their ids. Raises _NotNow where it cannot be read. A publication is in none."""
        if entry.kind.method == "PUT":
            return {}
        path, filters = entry.collection, {}
        if entry.kind.name == "implementation":
            path, filters = "/v3/api-implementations", {"api_id": entry.collection.split("/")[3]}
        key = (entry.base, entry.collection)
        if key not in self._lists:

            def get(page: str) -> Exchange:
                exchange = self.send(entry.kind.party, entry.base, "GET", page)
                if exchange.status == 404 and not self.ledger.ids.isdisjoint(path.split("/")):
                    raise _Gone
                if exchange.status != 200:
                    raise self._no_answer(entry, exchange)
                return exchange

            try:
                held = list(listed(get, path, **filters))
                self._lists[key] = {item["id"]: item for item in held if isinstance(item.get("id"), str)}
            except _Gone:
                self._lists[key] = {}
            except _NotNow as answer:
                self._lists[key] = answer
        if isinstance(found := self._lists[key], _NotNow):
            raise found
        return found

    def _no_answer(self, entry: LedgerEntry, exchange: Exchange) -> Exception:
        """What to raise for an answer that tells nothing of a thing: without leave, the party tells nothing at all."""
        return Unreachable(entry.kind.party, exchange.what) if exchange.status == 401 else _NotNow(exchange.what)

    @property
    def issuer(self) -> str:
        curity = self.target.profile.curity
        return curity.issuer if curity else ""

    def manage(self, uri: str, token: Secret) -> Exchange:
        """RFC 7592 2.3."""
        return self._ask("curity", self.issuer, "DELETE", uri, {"authorization": f"Bearer {token.reveal()}"})

    def token(self, client_id: str, secret: Secret, *, by_post: bool) -> Exchange:
        """A client_credentials request (RFC 6749 4.4.2). Raises Unreachable where it may be answered another time."""
        if not self._token_endpoint:
            found = self._ask("curity", self.issuer, "GET", f"{self.issuer}/.well-known/openid-configuration", {})
            self._token_endpoint = str(found.members().get("token_endpoint") or "")
            if found.status == 429 or found.status >= 500:
                raise Unreachable("curity", found.what)
            if found.status != 200 or not self._token_endpoint:
                raise Failed("a token_endpoint in the metadata of the authorization server", found.what)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        form = {"grant_type": "client_credentials"}
        if by_post:
            form |= {"client_id": client_id, "client_secret": secret.reveal()}
        else:
            headers["authorization"] = f"Basic {basic(quote_plus(client_id), quote_plus(secret.reveal()))}"
        return self._ask("curity", self.issuer, "POST", self._token_endpoint, headers, urlencode(form).encode())


class _Gone(Exception):
    """What a list is part of is gone."""


class _NotNow(Exception):
    """An answer that tells nothing; the next one may."""
