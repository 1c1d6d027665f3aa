"""The ledger: what a run is about to create in live parties, and what became of it.

    intended ──> made ──> gone
        └──────> refused

The intent is written and flushed before the request is sent, the id after the answer. What is intended and no more may
have been made: the answer never came, and the thing is looked up by its name. All requests of a run pass by here
(`watch`), so that nothing is created beside the ledger: not by a check that expected a refusal either.

`dcrproof.core.ledger.file` keeps it on disk. A run whose parties are all mocks of its own has it in memory alone.
"""

import json
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from dcrproof.core.checks.outcomes import NotSeen
from dcrproof.core.http.exchange import Exchange, now
from dcrproof.core.secrets.secret import Secret

MARK = re.compile(r"dcrproof [0-9a-f]{8}\Z")
"""What the names of all things bear that a run creates."""


CORE = r"/v2/control-planes/[^/]+/core-entities"
BELOW_A_SERVICE = re.compile(rf"({CORE}/)services/[^/]+/(\w+)\Z")


@dataclass(frozen=True)
class Kind:
    """Something that a request creates at a party. `named` is the member of the request that bears the run's mark."""

    name: str
    party: str
    method: str
    path: re.Pattern[str]
    named: str | None = None
    owner: str = "Konnect admins"

    def collection(self, path: str) -> str:
        """Where a thing is a member that was created at that path: the gateway's entities are so of the control plane."""
        return BELOW_A_SERVICE.sub(r"\1\2", path)


KINDS = (
    Kind("registration", "portal", "POST", re.compile(r"/api/v[23]/applications/[^/]+/registrations\Z")),
    Kind("application", "portal", "POST", re.compile(r"/api/v[23]/applications\Z"), "name"),
    Kind(
        "application of another developer", "konnect", "POST", re.compile(r"/v3/portals/[^/]+/applications\Z"), "name"
    ),
    Kind("developer", "konnect", "POST", re.compile(r"/v3/portals/[^/]+/developers\Z"), "full_name"),
    Kind("publication", "konnect", "PUT", re.compile(r"/v3/apis/[^/]+/publications/[^/]+\Z")),
    Kind("implementation", "konnect", "POST", re.compile(r"/v3/apis/[^/]+/implementations\Z")),
    Kind("API", "konnect", "POST", re.compile(r"/v3/apis\Z"), "name"),
    Kind("gateway plugin", "konnect", "POST", re.compile(rf"{CORE}/services/[^/]+/plugins\Z")),
    Kind("gateway route", "konnect", "POST", re.compile(rf"{CORE}/services/[^/]+/routes\Z"), "name"),
    Kind("gateway consumer", "konnect", "POST", re.compile(rf"{CORE}/consumers\Z"), "username"),
    Kind("gateway service", "konnect", "POST", re.compile(rf"{CORE}/services\Z"), "name"),
    Kind("portal", "konnect", "POST", re.compile(r"/v3/portals\Z"), "name"),
    Kind("auth strategy", "konnect", "POST", re.compile(r"/v2/application-auth-strategies\Z"), "name"),
    Kind("DCR provider", "konnect", "POST", re.compile(r"/v2/dcr-providers\Z"), "name"),
    Kind("client", "curity", "POST", re.compile(r""), "client_name", "Curity admins"),
)
"""What is created, in the order in which the products let it be deleted; clients at Curity stand on nothing."""
REGISTRATION, CLIENT = KINDS[0], KINDS[-1]
BY_NAME = {kind.name: kind for kind in KINDS}

GONE = frozenset({200, 204, 404})
"""Statuses of a DELETE after which the thing does not exist."""
UNSETTLED = frozenset({408, 502, 503, 504})
"""Statuses after which nobody knows whether the request was carried out: somebody else than the party gave up on it."""


@dataclass(frozen=True)
class LedgerEntry:
    """One thing that was to be created.

    `collection` is the path that it is a member of, at `base`; `id` is known once it is made. Of a client `manage` is
    the URL and the newest token that delete it, `secret` the newest secret: that one is never written.
    """

    number: int
    kind: Kind
    base: str
    collection: str
    name: str | None = None
    id: str | None = None
    manage: tuple[str, Secret] | None = None
    sealed: str | None = None
    """`manage` as the file has it, where nothing could open it."""
    rotating: bool = False
    """Whether a read or an update of the client was sent whose answer has not come."""
    client_id: str | None = None
    secret: Secret | None = field(default=None, repr=False)
    at: datetime = field(default_factory=now)
    """When it was made; before that, when it was to be."""
    seen: bool = False
    """Whether its party has shown since that it knows of it: where it is not found then, it is gone."""

    @property
    def path(self) -> str:
        return f"{self.collection}/{self.id}"

    def __str__(self) -> str:
        named = [repr(self.name)] if self.name else []
        known = [self.id] if self.id else []
        at = "at the authorization server" if self.kind is CLIENT else f"in {self.kind.party.capitalize()}"
        return " ".join([self.kind.name, *named, *known, at])


@dataclass
class Ledger:
    """What this run creates. `addresses` are the parties' by name: the profile of a sweep must name the same."""

    mark: str
    addresses: Mapping[str, str] = field(default_factory=dict)
    entries: dict[int, LedgerEntry] = field(default_factory=dict)
    """What may exist; an entry leaves when the thing is gone, or was refused."""
    ids: set[str] = field(default_factory=set)
    """Of everything that was made."""
    dead: list[LedgerEntry] = field(default_factory=list)
    """What was made and is gone."""
    created: int = 0
    """How many things were to be created, refused ones included; what was turned away counts when it is sent again, and an
    application's registration is part of it."""
    most: int = sys.maxsize
    """How many may be."""
    started: str = ""
    write: Callable[[Mapping[str, Any]], None] = field(default=lambda _: None, repr=False)
    """Takes each line, and returns when it is on disk."""
    seal: Callable[[str, Secret], str | None] = field(default=lambda *_: None, repr=False)
    """Makes the text by which the file holds what deletes a client, or None where it may not hold it."""
    _last: int = 0

    @property
    def pending(self) -> list[LedgerEntry]:
        """What may exist, in the order in which it is to be deleted."""
        return sorted(self.entries.values(), key=lambda entry: (KINDS.index(entry.kind), -entry.number))

    # --- what passes by ---

    def watch(
        self, party: str, base: str, method: str, url: str, media_type: str, body: bytes
    ) -> Callable[[Exchange | None], None]:
        """Writes down what a request may create, before it is sent.

        The result takes the party's answer, or None where the request was never sent; where no answer comes it is not
        called. Raises NotSeen where the profile allows no more things to be created.
        """
        path = below(base, url)
        kind = self.creates(party, method, path, media_type, body)
        if kind is None:
            self._rotating(party, method, url)
            return lambda exchange: self._answered(None, exchange) if exchange else None
        if kind is not REGISTRATION:
            if self.created >= self.most:
                raise NotSeen(f"[run] max_created above {self.most}")
            self.created += 1
        number = self.intend(kind, base, kind.collection(path), _name(kind, body))
        if kind.method == "PUT":
            collection, _, id = path.rpartition("/")
            self.made(replace(self.entries[number], collection=collection), id)
        return lambda exchange: self._answered(number, exchange)

    def creates(self, party: str, method: str, path: str, media_type: str, body: bytes) -> Kind | None:
        """What a request creates, if anything."""
        if party == "curity":
            # RFC 7591 3.1: of all requests to an authorization server, the registration alone is JSON
            is_json = media_type.partition(";")[0].strip().lower() == "application/json"
            return CLIENT if method == "POST" and is_json and body else None
        kinds = (kind for kind in KINDS if (kind.party, kind.method) == (party, method) and kind.path.match(path))
        kind = next(kinds, None)
        if kind is not None and kind.method == "PUT" and not self.ours(path):
            return None  # it changes what was there before
        return kind

    def _rotating(self, party: str, method: str, url: str) -> None:
        """At Curity the answer to a read or an update of a client voids the token that deletes it, and has a new one."""
        if party == "curity" and method in {"GET", "PUT"}:
            for entry in [entry for entry in self.entries.values() if _is_at(entry, url)]:
                self.entries[entry.number] = replace(entry, rotating=True)
                self._write({"rotating": entry.number})

    def ours(self, path: str) -> bool:
        """Whether the path is below something that this run has made."""
        return any(entry.id and path.startswith(f"{entry.path}/") for entry in self.entries.values())

    def _answered(self, number: int | None, exchange: Exchange | None) -> None:
        if exchange is None:
            self._turned_away(number or 0)
            return
        status = exchange.status
        if status < 300:
            self._seen(exchange.url)
        if exchange.method == "DELETE" and status in {200, 204}:
            for entry in [entry for entry in self.entries.values() if _is_at(entry, exchange.url)]:
                self.gone(entry)
                if entry.kind.name == "developer":  # whose applications go along
                    self._may_be_gone(lambda one: one.kind.name == "application of another developer")
        elif number is not None and status >= 400:
            # RFC 7591 3.2.2: an error creates nothing; Konnect may have gone on after a 500
            unsettled = status in UNSETTLED or (status == 500 and self.entries[number].kind is not CLIENT)
            if status == 429:
                self._turned_away(number)
            elif not unsettled:
                self.refused(self.entries[number])
        elif status < 300:
            self._learn(number, exchange)

    def _turned_away(self, number: int) -> None:
        """The request may be sent again, and counts then."""
        self.created -= self.entries[number].kind is not REGISTRATION
        self.refused(self.entries[number])

    def _seen(self, url: str) -> None:
        """Takes note that what a URL names is known to its party."""
        named = {unquote(part) for part in url.partition("?")[0].split("/")}
        self._may_be_gone(lambda entry: entry.kind.method == "POST" and entry.id in named)

    def _may_be_gone(self, which: Callable[[LedgerEntry], bool]) -> None:
        """Where one of these is not found from here on, it is gone, and not just new."""
        for entry in [entry for entry in self.entries.values() if not entry.seen and which(entry)]:
            self.entries[entry.number] = replace(entry, seen=True)
            self._write({"seen": entry.number})

    def _learn(self, number: int | None, exchange: Exchange) -> None:
        """What an answer says of the thing that was made, or of a client whose secrets are new."""
        content = exchange.members()
        nested = content.get("credentials")
        shown = {**content, **(nested if isinstance(nested, dict) else {})}
        client_id, secret, uri, token = (
            value if isinstance(value := shown.get(name), str) and value else None
            for name in ("client_id", "client_secret", "registration_client_uri", "registration_access_token")
        )
        id = None
        if number is not None:
            id = client_id if self.entries[number].kind is CLIENT else content.get("id")
        elif client_id is not None:
            known = (entry for entry in self.entries.values() if entry.client_id == client_id)
            number = next((entry.number for entry in known), None)
        if number is None or number not in self.entries:
            return
        entry = self.entries[number]
        if client_id:
            entry = replace(entry, client_id=client_id, secret=Secret(secret) if secret else entry.secret)
            self.entries[number] = entry
        if token and (uri or entry.manage):  # before the id: what a run that is killed in between leaves can be deleted
            self.managed(entry, uri or (entry.manage[0] if entry.manage else ""), Secret(token))
        if isinstance(id, str) and id and entry.id is None:
            self.made(self.entries[number], id)

    # --- what is written ---

    def intend(self, kind: Kind, base: str, collection: str, name: str | None) -> int:
        self._last += 1
        self.entries[self._last] = LedgerEntry(self._last, kind, base, collection, name)
        self._write({"intent": self._last, "kind": kind.name, "base": base, "collection": collection, "name": name})
        return self._last

    def is_another_client(self, path: str) -> bool:
        """Whether that is the path of a client, where those of this run are as well, and is none of this run's."""
        collections = {entry.collection for entry in [*self.entries.values(), *self.dead] if entry.kind is CLIENT}
        parent, _, id = path.rpartition("/")
        return parent in collections and unquote(id) not in self.ids

    def made(self, entry: LedgerEntry, id: str) -> LedgerEntry:
        self._take(entry, id)
        self.entries[entry.number] = replace(entry, id=id, at=now())
        self._write({"made": entry.number, "collection": entry.collection, "id": id})
        return self.entries[entry.number]

    def _take(self, entry: LedgerEntry, id: str) -> None:
        """What has this id is the run's. A publication has that of its portal, which may be anybody's."""
        if entry.kind.method == "POST":
            self.ids.add(id)

    def found(self, party: str, base: str, path: str, item: Mapping[str, Any]) -> None:
        """Takes what a POST at that path has made although its answer was lost, as a list shows it."""
        kind = self.creates(party, "POST", path, "application/json", b"")
        if kind is None:
            return
        place = (kind, base, kind.collection(path), item.get(kind.named) if kind.named else None)
        number = next(
            (
                one.number
                for one in self.entries.values()
                if (one.kind, one.base, one.collection, one.name) == place and one.id is None
            ),
            None,
        )
        self.made(self.entries[number or self.intend(*place)], str(item.get("id")))

    def managed(self, entry: LedgerEntry, uri: str, token: Secret) -> None:
        """The newest registration access token of a client: the one before it is void."""
        self.entries[entry.number] = replace(entry, manage=(uri, token), rotating=False)
        self._write({"manage": entry.number, "sealed": self.seal(uri, token)})

    def gone(self, entry: LedgerEntry) -> None:
        """A thing that does not exist any more, and all that was part of it."""
        for part in [one for one in self.entries.values() if one.collection.startswith(f"{entry.path}/")]:
            self.gone(part)
        if self.entries.pop(entry.number, None) is not None:
            self._write({"gone": entry.number})
            if entry.id:
                self.dead.append(entry)

    def refused(self, entry: LedgerEntry) -> None:
        del self.entries[entry.number]
        self._write({"refused": entry.number})

    def _write(self, line: Mapping[str, Any]) -> None:
        self.write({**line, "at": now().isoformat(timespec="milliseconds")})

    def replay(self, line: Mapping[str, Any]) -> None:
        """Takes one line of a file back in. A line that makes no sense is no line."""
        kind, number = BY_NAME.get(str(line.get("kind"))), line.get("intent")
        if kind is not None and isinstance(number, int):
            self._last = max(self._last, number)
            place = (str(line.get("base")), str(line.get("collection")), line.get("name"))
            self.entries[number] = LedgerEntry(number, kind, *place, at=_time(line))
        for what, changed in REPLAYED.items():
            if (entry := self.entries.get(line.get(what, 0))) is None:
                continue
            if (after := changed(entry, line)) is None:
                del self.entries[entry.number]
                if what == "gone" and entry.id is not None:
                    self.dead.append(entry)
                continue
            self.entries[entry.number] = after
            if after.id is not None:
                self._take(after, after.id)


REPLAYED: dict[str, Callable[[LedgerEntry, Mapping[str, Any]], LedgerEntry | None]] = {
    "made": lambda entry, line: replace(
        entry, collection=str(line.get("collection")), id=str(line.get("id")), at=_time(line)
    ),
    "manage": lambda entry, line: replace(entry, sealed=line.get("sealed"), rotating=False),
    "rotating": lambda entry, _: replace(entry, rotating=True),
    "seen": lambda entry, _: replace(entry, seen=True),
    "gone": lambda *_: None,
    "refused": lambda *_: None,
}
"""By the name of a line what it makes of its entry."""


def _time(line: Mapping[str, Any]) -> datetime:
    """When a line was written; long ago where it does not say."""
    try:
        return datetime.fromisoformat(str(line.get("at"))).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def new_mark() -> str:
    return f"dcrproof {secrets.token_hex(4)}"


def _name(kind: Kind, body: bytes) -> str | None:
    if kind.named is None:
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    name = found.get(kind.named) if isinstance(found, dict) else None
    return name if isinstance(name, str) else None


def below(base: str, url: str) -> str:
    """The path of a URL below the address of the party."""
    return url.removeprefix(base).partition("?")[0]


def _is_at(entry: LedgerEntry, url: str) -> bool:
    """Whether a URL is that of the thing itself."""
    if entry.kind is CLIENT:
        return entry.manage is not None and entry.manage[0] == url
    return entry.id is not None and url.partition("?")[0] == entry.base + entry.path
