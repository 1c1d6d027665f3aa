"""The ledger: what a run is about to create in live parties, and what has happened to it.

    intended ──> made ──> gone
        └──────> refused

The intent is written and flushed before the request is sent, the id after the answer. What is only intended may have
been made: the answer never came, and the thing is looked up by its name.

`dcrproof.core.ledger.watch` makes the entries from what a run sends, `dcrproof.core.ledger.file` keeps them on disk. A
run whose parties are all mocks of its own has them in memory alone.
"""

import re
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from dcrproof.core.checks.outcomes import InternalError
from dcrproof.core.http.exchange import now
from dcrproof.core.http.segments import is_id, segment
from dcrproof.core.ledger.kinds import BY_NAME, CLIENT, KINDS, Kind
from dcrproof.core.secrets.secret import Secret

MARK = re.compile(r"dcrproof [0-9a-f]{8}\Z")
"""The mark of a run, which the names of all things that it creates contain."""

HIDDEN = {"verifying": "verified", "registering": "registered", "managing": "managed"}
"""What Konnect does with a client of which nobody is told whether it is left: the kind of line that says so, with the id of
a DCR provider or the name of an application, and that of the line by which it is over."""

GONE = frozenset({200, 204, 404})
"""Statuses of a DELETE after which the thing does not exist."""


@dataclass(frozen=True)
class LedgerEntry:
    """One thing that was to be created.

    `collection` is the path that lists it, at `base`; `id` is known once it is made. For a client, `manage` is the URL
    and the newest token that delete it, and `secret` the newest secret, which is never written.
    """

    number: int
    kind: Kind
    base: str
    collection: str
    name: str | None = None
    id: str | None = None
    manage: tuple[str, Secret] | None = None
    sealed: str | None = None
    """`manage` as in the file, where it could not be opened."""
    rotating: bool = False
    """Whether a read or an update of the client was sent and not answered."""
    deleting: bool = False
    """Whether a deletion of the client was sent and not answered."""
    client_id: str | None = None
    secret: Secret | None = field(default=None, repr=False)
    at: datetime = field(default_factory=now)
    """When it was made; before that, when it was intended."""
    seen: bool = False
    """Whether its party has shown it since: if it is not found after that, it is gone."""

    @property
    def path(self) -> str:
        return f"{self.collection}/{segment(str(self.id))}"

    def __str__(self) -> str:
        named = [repr(self.name)] if self.name else []
        known = [self.id] if self.id else []
        at = "at the authorization server" if self.kind is CLIENT else f"in {self.kind.party.capitalize()}"
        return " ".join([self.kind.name, *named, *known, at])


@dataclass
class Ledger:
    """What this run creates. `addresses` are those of the parties, by name; a sweep's profile must have the same."""

    mark: str
    addresses: Mapping[str, str] = field(default_factory=dict)
    entries: dict[int, LedgerEntry] = field(default_factory=dict)
    """What may exist; an entry is removed when the thing is gone, or was refused."""
    ids: set[str] = field(default_factory=set)
    """The ids of everything that was made."""
    dead: list[LedgerEntry] = field(default_factory=list)
    """What was made and is gone."""
    created: int = 0
    """How many things were intended, refused ones included. A request answered with 429 counts when it is sent again; the
    registration of an application does not count."""
    most: int = sys.maxsize
    """The limit of `created`."""
    started: str = ""
    write: Callable[[Mapping[str, Any]], None] = field(default=lambda _: None, repr=False)
    """Writes a line, and returns when it is on disk."""
    seal: Callable[[str, Secret], str | None] = field(default=lambda *_: None, repr=False)
    """Encrypts the URL and the token that delete a client, for the file; None where the file must not have them."""
    unwritten: str = ""
    """Why something could not be written, and is known here alone; empty otherwise."""
    hidden: list[tuple[str, str]] = field(default_factory=list)
    """The clients that Konnect may have left and tells nobody of, by the two parts of their lines: see HIDDEN."""
    bad_lines: tuple[int, ...] = ()
    """The numbers of the lines of its file that make no sense."""
    _last: int = 0

    @property
    def pending(self) -> list[LedgerEntry]:
        """What may exist, in the order in which it is to be deleted."""
        return sorted(self.entries.values(), key=lambda entry: (KINDS.index(entry.kind), -entry.number))

    def ours(self, path: str) -> bool:
        """Whether the path is below something that this run has created."""
        return any(entry.id and path.startswith(f"{entry.path}/") for entry in self.entries.values())

    def is_another_client(self, url: str, path: str) -> bool:
        """Whether that is the address of a client that this run has not created, where its own clients are as well.

        Its own are known by the address that the server gave, which need not have the client id in it, or by that id.
        """
        clients = [entry for entry in [*self.entries.values(), *self.dead] if entry.kind is CLIENT]
        if any(entry.manage and entry.manage[0] == url for entry in clients):
            return False
        parent, _, id = path.rpartition("/")
        return parent in {entry.collection for entry in clients} and unquote(id) not in self.ids

    def at(self, url: str) -> list[LedgerEntry]:
        """The entries of the thing that a URL names."""
        return [entry for entry in self.entries.values() if _is_at(entry, url)]

    def intend(self, kind: Kind, base: str, collection: str, name: str | None) -> int:
        """Raises InternalError where that cannot be written down."""
        self._last += 1
        self.entries[self._last] = LedgerEntry(self._last, kind, base, collection, name)
        self._write(_intent(self.entries[self._last]))
        if self.unwritten:
            del self.entries[self._last]
            raise InternalError(f"the ledger cannot be written: {self.unwritten}; nothing was sent")
        return self._last

    def made(self, entry: LedgerEntry, id: str) -> LedgerEntry:
        self._take(entry, id)
        self.entries[entry.number] = replace(entry, id=id, at=now())
        self._write({"made": entry.number, "collection": entry.collection, "id": id})
        return self.entries[entry.number]

    def _take(self, entry: LedgerEntry, id: str) -> None:
        """The thing with this id is the run's. A publication has the id of its portal, which may be somebody else's."""
        if entry.kind.method == "POST":
            self.ids.add(id)

    def managed(self, entry: LedgerEntry, uri: str, token: Secret) -> None:
        """The newest registration access token of a client: the one before it is void."""
        self.entries[entry.number] = replace(entry, manage=(uri, token), rotating=False)
        self._write({"manage": entry.number, "sealed": self.seal(uri, token)})

    def rotating(self, entry: LedgerEntry, *, over: bool) -> None:
        """A read or an update of a client is about to be sent, which at Curity replaces the token that deletes it; or
        (`over`) it was refused.
        """
        self.entries[entry.number] = replace(entry, rotating=not over)
        self._write({"rotating": entry.number, "over": over})

    def deleting(self, entry: LedgerEntry, *, over: bool) -> None:
        """A deletion of a client is about to be sent, or (`over`) was answered and not done."""
        self.entries[entry.number] = replace(entry, deleting=not over)
        self._write({"deleting": entry.number, "over": over})

    def seen(self, entry: LedgerEntry) -> None:
        """Its party has shown it: if it is not found from now on, it is gone, and not just new."""
        self.entries[entry.number] = replace(entry, seen=True)
        self._write({"seen": entry.number})

    def gone(self, entry: LedgerEntry) -> None:
        """A thing that no longer exists, with everything that was part of it."""
        for part in [one for one in self.entries.values() if one.collection.startswith(f"{entry.path}/")]:
            self.gone(part)
        if self.entries.pop(entry.number, None) is not None:
            self._write({"gone": entry.number})
            if entry.id:
                self.dead.append(entry)

    def restore(self, entry: LedgerEntry) -> None:
        """A thing that was said to be gone, and is there."""
        self._last += 1
        back = self.entries[self._last] = replace(entry, number=self._last)
        self.dead = [one for one in self.dead if one.number != entry.number]
        self._write(_intent(back))
        self._write({"made": back.number, "collection": back.collection, "id": back.id})
        if back.manage:
            self.managed(back, *back.manage)

    def hide(self, what: str, name: str) -> None:
        self.hidden.append((what, name))
        self._write({what: name})

    def tell(self, what: str, name: str) -> None:
        """Nothing of that client is left to be told: Konnect has refused to begin, or a reader was told of it."""
        if (what, name) in self.hidden:
            self.hidden.remove((what, name))
            self._write({HIDDEN[what]: name})

    def refused(self, entry: LedgerEntry) -> None:
        del self.entries[entry.number]
        self._write({"refused": entry.number})

    def _write(self, line: Mapping[str, Any]) -> None:
        try:
            self.write({**line, "at": now().isoformat(timespec="milliseconds")})
        except OSError as error:  # a full disk: what was created is deleted all the same
            self.unwritten = error.strerror or str(error)

    def replay(self, line: Mapping[str, Any]) -> None:
        """Applies one line of a file. Raises ValueError where it makes no sense, and changes nothing then."""
        if "sweep" in line:
            return
        for begun, over in HIDDEN.items():
            if begun in line:
                self.hidden.append((begun, _text(line[begun])))
                return
            if over in line:
                self.hidden.remove((begun, _text(line[over])))
                return
        if "intent" in line:
            entry = self._intended(line)
            self._last = max(self._last, entry.number)
            self.entries[entry.number] = entry
            return
        what = next((what for what in REPLAYED if what in line), None)
        if what is None or not isinstance(line[what], int) or (before := self.entries.get(line[what])) is None:
            raise ValueError("no entry")
        after = REPLAYED[what](before, line)
        if after is None:
            del self.entries[before.number]
            if what == "gone" and before.id is not None:
                self.dead.append(before)
            return
        self.entries[after.number] = after
        if after.id is not None:
            self._take(after, after.id)

    def _intended(self, line: Mapping[str, Any]) -> LedgerEntry:
        number, kind, base, collection, name = (
            line.get(key) for key in ("intent", "kind", "base", "collection", "name")
        )
        of_kind = BY_NAME.get(kind) if isinstance(kind, str) else None
        if of_kind is None or type(number) is not int or not 0 < number < 10**9:
            raise ValueError("no such kind")
        base, collection = _text(base), _text(collection)
        known = self.addresses.get(of_kind.party, base)
        if not of_kind.listed_at(collection) or (of_kind.party != "portal" and base != known):
            raise ValueError("another place")
        return LedgerEntry(number, of_kind, base, collection, None if name is None else _text(name), at=_time(line))


def _intent(entry: LedgerEntry) -> dict[str, Any]:
    place = {"base": entry.base, "collection": entry.collection, "name": entry.name}
    return {"intent": entry.number, "kind": entry.kind.name, **place}


def _made(entry: LedgerEntry, line: Mapping[str, Any]) -> LedgerEntry:
    collection, id = _text(line.get("collection")), _text(line.get("id"))
    if not entry.kind.listed_at(collection) or not (entry.kind is CLIENT or is_id(id)):
        raise ValueError("no id")
    return replace(entry, collection=collection, id=id, at=_time(line))


def _managed(entry: LedgerEntry, line: Mapping[str, Any]) -> LedgerEntry:
    sealed = line.get("sealed")
    return replace(entry, sealed=None if sealed is None else _text(sealed), rotating=False)


REPLAYED: dict[str, Callable[[LedgerEntry, Mapping[str, Any]], LedgerEntry | None]] = {
    "made": _made,
    "manage": _managed,
    "rotating": lambda entry, line: replace(entry, rotating=not line.get("over")),
    "deleting": lambda entry, line: replace(entry, deleting=not line.get("over")),
    "seen": lambda entry, _: replace(entry, seen=True),
    "gone": lambda *_: None,
    "refused": lambda *_: None,
}
"""By the kind of a line, the entry after it; None removes the entry."""


def _text(value: object) -> str:
    """A text that can be written. Raises ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError("no text")
    value.encode()
    return value


def _time(line: Mapping[str, Any]) -> datetime:
    """When a line was written; 1970 where it does not say."""
    try:
        return datetime.fromisoformat(str(line.get("at"))).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def new_mark() -> str:
    return f"dcrproof {secrets.token_hex(4)}"


def _is_at(entry: LedgerEntry, url: str) -> bool:
    """Whether a URL is that of the thing itself."""
    if entry.kind is CLIENT:
        return entry.manage is not None and entry.manage[0] == url
    return entry.id is not None and url.partition("?")[0] == entry.base + entry.path
