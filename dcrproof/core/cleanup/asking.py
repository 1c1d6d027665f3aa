"""How clean-up asks the parties: with its own connections, sessions and lists.

It does not use the clients of the checks, so that a fault in one of them leaves nothing behind.
"""

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from dcrproof.core.checks.outcomes import Failed, Unreachable
from dcrproof.core.http.exchange import Exchange, quoted
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.http.retry import retry_after
from dcrproof.core.http.segments import is_id
from dcrproof.core.ledger.ledger import Ledger, LedgerEntry
from dcrproof.core.parties.konnect import listed
from dcrproof.core.parties.portal import COOKIE, session_of
from dcrproof.core.parties.target import Target
from dcrproof.core.party import Party
from dcrproof.core.secrets.secret import Secret, basic

Item = Mapping[str, Any]


class Asking:
    """Connections, sessions and lists, each kept for as long as it is valid."""

    def __init__(self, target: Target, ledger: Ledger, deadline: float) -> None:
        self.target = target
        self.ledger = ledger
        self.deadline = deadline
        """When the present phase ends (`time.monotonic()`)."""
        self._connections: dict[tuple[Party, str], PartyConnection] = {}
        self._cookies: dict[str, Secret | Failed] = {}
        self._lists: dict[tuple[str, str], Mapping[str, Item] | NotNow] = {}
        self._without_id: dict[tuple[str, str], list[Item]] = {}
        self._items: dict[tuple[str, str], Item] = {}
        self._token_endpoint = ""
        self._not_before: dict[str, float] = {}
        """By the address of a party, when it wants to be asked again (`time.monotonic()`)."""

    def connection(self, party: Party, base: str) -> PartyConnection:
        if (party, base) not in self._connections:
            made = self._connections[party, base] = self.target.connection(party, base)
            made.retry = None  # what fails is tried again in the next round
            theirs = made.recognises
            made.recognises = lambda exchange: exchange.status >= 500 or theirs(exchange)  # of one thing, not of all
        return self._connections[party, base]

    def forget(self) -> None:
        """Forgets lists and things, so that the next round reads them again."""
        self._lists.clear()
        self._items.clear()

    def send(self, party: Party, base: str, method: str, path: str) -> Exchange:
        return self._ask(party, base, method, base + path, self._credentials(party, base, path))

    def _ask(
        self, party: Party, base: str, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Exchange:
        """Sends one request. Raises Unreachable where no answer comes, and where the party has asked for more time.

        Raises Failed where it has asked for more time than there is.
        """
        not_before = self._not_before.get(base, 0.0)
        if not_before > self.deadline:
            more = not_before - time.monotonic()
            raise Failed("time for this clean-up", f"{party} wants to be asked again in {more:.0f} seconds")
        if not_before > time.monotonic():
            raise Unreachable(party, f"{party} wants to be asked again later")
        exchange = self.connection(party, base).send(method, url, headers=headers, body=body)
        if (seconds := retry_after(exchange)) is not None:
            self._not_before[base] = time.monotonic() + seconds
        return exchange

    def _credentials(self, party: Party, base: str, path: str) -> dict[str, str]:
        profile = self.target.profile
        if party == "konnect":
            token = profile.konnect.token if profile.konnect else None
            if token is None:
                raise Failed("[konnect] token", "the profile has none")
            if profile.konnect is None or base != profile.konnect.url:
                raise Failed("the profile's Konnect", f"the ledger names {quoted(base)}: nothing was sent there")
            return {"authorization": f"Bearer {token.reveal()}"}
        return {"cookie": f"{COOKIE}={self._cookie(base, path).reveal()}"}

    def _cookie(self, base: str, path: str) -> Secret:
        """A session of the developer at the profile's portal, or at one that the run has created."""
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
        found = session_of(exchange)
        if exchange.status != 204 or found is None:
            failed = Failed("204 and a session to the developer's sign-in", exchange.what)
            self._cookies[base] = failed  # repeated wrong passwords lock an account
            raise failed
        secret = self._cookies[base] = self.target.secrets.know(found)
        return secret

    def of_portal(self, portal: LedgerEntry) -> list[LedgerEntry]:
        """What was created at the address of a portal that the run has created."""
        domain = self.item(portal).get("canonical_domain")
        at = [one for one in self.ledger.entries.values() if one.kind.party == "portal"]
        return [one for one in at if domain and urlsplit(one.base).netloc == domain]

    def _is_of_the_run(self, base: str) -> bool:
        """Whether the run has created the portal at that address."""
        portals = [entry for entry in self.ledger.entries.values() if entry.kind.name == "portal" and entry.id]
        held = ((entry, self.item(entry)) for entry in portals)
        return any(
            urlsplit(base).netloc == item.get("canonical_domain") and is_ours(entry, item, self.ledger.mark)
            for entry, item in held
        )

    def exists(self, entry: LedgerEntry) -> bool:
        """Whether the list of a thing still exists: the run's own portals are deleted with their applications."""
        described = self.target.profile.portal
        return entry.kind.party != "portal" or (described is not None and entry.base == described.url)

    def item(self, entry: LedgerEntry) -> Item:
        """A thing as its party shows it; empty where it does not exist. Raises NotNow where the answer says neither."""
        if found := self.items(entry).get(str(entry.id)):
            return found
        key = (entry.base, entry.path)
        if key not in self._items:  # a list may be incomplete
            exchange = self.send(entry.kind.party, entry.base, "GET", entry.path)
            if exchange.status not in {200, 404}:
                raise self._no_answer(entry, exchange)
            self._items[key] = exchange.object() if exchange.status == 200 else {}
        return self._items[key]

    def items(self, entry: LedgerEntry) -> Mapping[str, Item]:
        """The things of a list by their ids; publications have no list. Raises NotNow where it cannot be read."""
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
                self._lists[key] = {item["id"]: item for item in held if is_id(item.get("id"))}
                self._without_id[key] = [item for item in held if not is_id(item.get("id"))]
            except _Gone:
                self._lists[key] = {}
            except NotNow as answer:
                self._lists[key] = answer
        if isinstance(found := self._lists[key], NotNow):
            raise found
        return found

    def without_id(self, entry: LedgerEntry) -> list[Item]:
        """The things of the list that `items` has read whose id names nothing."""
        return self._without_id.get((entry.base, entry.collection), [])

    def _no_answer(self, entry: LedgerEntry, exchange: Exchange) -> Exception:
        """What to raise for an answer that says nothing of a thing: after a 401, the party need not be asked again."""
        return Unreachable(entry.kind.party, exchange.what) if exchange.status == 401 else NotNow(exchange.what)

    @property
    def issuer(self) -> str:
        curity = self.target.profile.curity
        return curity.issuer if curity else ""

    def manage(self, uri: str, token: Secret) -> Exchange:
        """RFC 7592 2.3."""
        return self._ask("curity", self.issuer, "DELETE", uri, {"authorization": f"Bearer {token.reveal()}"})

    def token(self, client_id: str, secret: Secret, *, by_post: bool) -> Exchange:
        """A client_credentials request (RFC 6749 4.4.2). Raises Unreachable where a later one may be answered."""
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


def is_ours(entry: LedgerEntry, item: Item, mark: str) -> bool:
    """Whether a thing is still the run's: its name has the mark, or is the one that the run gave it."""
    name = item.get(str(entry.kind.named))
    return isinstance(name, str) and (mark in name or name == entry.name)


class _Gone(Exception):
    """The thing whose part a list is does not exist."""


class NotNow(Exception):
    """An answer that says nothing; the next one may."""
