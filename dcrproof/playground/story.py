"""What the parties did last, from the mocks' call log: requests with the calls that they caused.

A request is one from outside, such as a `curl` in a terminal, with the calls between the parties during it; or all
that one press of a button on these pages caused. Reading is left out: a GET from outside that causes no call, unless
it is of the gateway or the upstream.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dcrproof.mocks.messages import Asking
from dcrproof.playground.parties import Mocks

T = TypeVar("T")

KEPT = 500
"""Calls of the log that are kept."""
SHOWN = 12
"""Requests that are listed."""

OUTSIDE: Mapping[str, str] = {
    "portal": "developer",
    "classic_portal": "developer",
    "konnect": "admin",
}
"""Who sends a request from outside, by its receiver; to the other parties it is the consumer."""

PORTALS = frozenset({"portal", "classic_portal", "konnect"})
"""Konnect makes the calls of a portal."""


@dataclass
class Action:
    """One press of a button: the calls after number `after`, up to `until`, are its own."""

    title: str
    after: int
    until: int | None = None

    def has(self, number: int) -> bool:
        return self.after < number and (self.until is None or number <= self.until)


@dataclass(frozen=True)
class Arrow:
    sender: str
    receiver: str
    method: str
    path: str
    status: int
    inner: bool
    """Whether a party made it to answer a request."""


@dataclass(frozen=True)
class Deed:
    """A request with all that it caused. `number` is that of its first call; without `ended` more may come."""

    number: int
    title: str
    arrows: tuple[Arrow, ...]
    ended: bool

    @property
    def key(self) -> str:
        """Another one as soon as there is more to draw."""
        return f"{self.number}-{len(self.arrows)}-{self.ended:d}"


def deeds(calls: Iterable[Mapping[str, Any]], actions: Sequence[Action] = ()) -> list[Deed]:
    """The requests in a call log, oldest first, with those of one action together."""
    found: dict[int, Deed] = {}
    for one in _requests(calls):
        deed = one
        if action := next((action for action in actions if action.has(one.number)), None):
            number = action.after + 1
            before = found[number].arrows if number in found else ()
            deed = Deed(number, action.title, (*before, *one.arrows), action.until is not None)
        found[deed.number] = deed
    return [found[number] for number in sorted(found)]


def _requests(calls: Iterable[Mapping[str, Any]]) -> Iterator[Deed]:
    """Each request from outside that is more than reading. A call is logged when it has ended: what it causes precedes it."""
    waiting: list[Mapping[str, Any]] = []
    for call in calls:
        if call["from"] is not None:
            waiting.append(call)
            continue
        caused = [one for one in waiting if _made_by(one["from"], call["party"])]
        waiting = [one for one in waiting if one not in caused]
        if caused or call["method"] not in {"GET", "HEAD"} or call["party"] in {"gateway", "upstream"}:
            arrows = tuple(_arrow(one) for one in (call, *caused))
            yield Deed(call["n"], f"{call['method']} {call['path']}: {call['status']}", arrows, ended=True)
    if waiting:
        yield Deed(waiting[0]["n"], "A request that is not answered yet", tuple(map(_arrow, waiting)), ended=False)


def _made_by(caller: str, asked: str) -> bool:
    return caller == asked or {caller, asked} <= PORTALS


def _arrow(call: Mapping[str, Any]) -> Arrow:
    inner = call["from"] is not None
    sender = call["from"] if inner else OUTSIDE.get(call["party"], "consumer")
    return Arrow(sender, call["party"], call["method"], call["path"], call["status"], inner)


@dataclass
class Story:
    """The last calls of the mocks' log, and what was done on these pages."""

    mocks: Mocks
    calls: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    actions: deque[Action] = field(default_factory=lambda: deque(maxlen=50))

    @property
    def last(self) -> int:
        return self.calls[-1]["n"] if self.calls else 0

    def update(self) -> Asking[None]:
        """Reads what the log has more. After a reset the log begins anew, and with it the story."""
        known = self.calls[-1] if self.calls else None
        after = known["n"] - 1 if known else 0
        read = (yield from self.mocks.control("GET", f"/calls?after={after}")).content
        if known is not None and read[:1] != [known]:
            self.calls.clear()
            self.actions.clear()
            read = (yield from self.mocks.control("GET", "/calls")).content
        self.calls.extend(call for call in read if call["n"] > self.last)

    def deeds(self) -> list[Deed]:
        return deeds(self.calls, self.actions)[-SHOWN:]

    def act(self, title: str, doing: Asking[T]) -> Asking[T]:
        """Does it as one action of that title."""
        yield from self.update()
        action = Action(title, self.last)
        self.actions.append(action)
        try:
            done = yield from doing
        except Exception:
            yield from self._end(action)
            raise
        yield from self._end(action)
        return done

    def _end(self, action: Action) -> Asking[None]:
        yield from self.update()
        action.until = self.last
