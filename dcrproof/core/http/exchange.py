"""Requests and answers: each HTTP exchange of a run, numbered in the order of sending."""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from typing import Any

from dcrproof.core.checks.outcomes import Failed, Unreachable
from dcrproof.core.party import Party

Headers = tuple[tuple[str, str], ...]

LONGEST_QUOTE = 300
"""How many characters of a value in an answer a message repeats."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request that is about to be sent. `url` is what is asked for, whatever address is dialled."""

    party: Party
    base: str
    """The address of the party, which `path` is below."""
    method: str
    url: str
    media_type: str = ""
    body: bytes = field(default=b"", repr=False)

    @property
    def path(self) -> str:
        return self.url.removeprefix(self.base).partition("?")[0]


class Members(dict[str, Any]):
    """An object of an answer, at any depth. A member that is asked for and missing is the party's failure, not an error
    of the caller: it raises Failed, where a dictionary would raise KeyError.
    """

    def __init__(self, what: str, members: Mapping[str, Any]) -> None:
        super().__init__(members)
        self._what = what

    def __missing__(self, name: str) -> Any:
        raise Failed(f"{name} in the answer", f"{self._what}: none")


@dataclass(frozen=True, kw_only=True, repr=False)
class Exchange:
    """One request to a party and its response. `at` is UTC, `seconds` the time until the body was read.

    The repr has only the request line and the status: bodies and headers hold secrets.
    """

    number: int
    at: datetime
    party: Party
    method: str
    url: str
    status: int
    request_headers: Headers
    request_body: bytes
    headers: Headers
    body: bytes
    seconds: float
    node: str | None = None
    """The address that was dialled, where that is not the public name."""

    def __repr__(self) -> str:
        return f"<exchange {self.number}: {self.method} {self.url} -> {self.status}>"

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def headers_named(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def media_type(self) -> str:
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises Unreachable where it is not JSON: then something other than the party answered.

        Of a repeated member the last one counts (RFC 8259 4 leaves it open). A text with half a surrogate pair
        (RFC 7493 2.1) is not JSON here: it could not be sent, printed or stored.
        """
        try:
            content = json.loads(self.body, object_hook=partial(Members, self.what))
            if b"\\u" in self.body:
                json.dumps(content, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise Unreachable(self.party, f"{self.what} is {self.shape}", f"JSON from {self.party}") from None
        return content

    @cached_property
    def is_json(self) -> bool:
        """Whether the body is JSON, whatever type it is said to be of."""
        try:
            self.json()
        except Unreachable:
            return False
        return True

    @property
    def broken(self) -> bool:
        """Whether the body is not what the answer says: JSON that cannot be read."""
        return "json" in self.media_type and bool(self.body) and not self.is_json

    def members(self) -> dict[str, Any]:
        """The members of the body, for example of an error; empty where it is not a JSON object."""
        try:
            return self.object()
        except Unreachable:
            return {}

    def object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises Unreachable where it is something else."""
        content = self.json()
        if not isinstance(content, dict):
            raise Unreachable(self.party, f"{self.what} is JSON, but not an object", f"a JSON object from {self.party}")
        return content

    @property
    def what(self) -> str:
        """The exchange in words, for a failure: `exchange 14, POST https://... -> 401`, with its node, if any."""
        at = f" at {self.node}" if self.node else ""
        return f"exchange {self.number}, {self.method} {self.url}{at} -> {self.status}"

    @property
    def summary(self) -> dict[str, Any]:
        """The exchange in a report: number, party, method, url, status, time in UTC to the millisecond, and node, if any."""
        at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        found = {"number": self.number, "party": self.party, "method": self.method, "url": self.url}
        return {**found, "status": self.status, "at": at, **({"node": self.node} if self.node else {})}

    @property
    def shape(self) -> str:
        """The body in words, without its content: `text/html, 512 bytes`."""
        return f"{self.media_type or 'no content type'}, {len(self.body)} bytes"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request that was sent, and not answered yet."""

    number: int
    at: datetime
    party: Party
    method: str
    url: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Unanswered:
    """A request without an answer; `error` says why, in words."""

    number: int
    at: datetime
    party: Party
    method: str
    url: str
    request_headers: Headers
    request_body: bytes
    seconds: float
    error: str
    node: str | None = None


@dataclass
class Transcript:
    """The exchanges of a run. `tell` is called for each request when it is sent, and again when it has ended."""

    exchanges: list[Exchange] = field(default_factory=list)
    tell: Callable[[Sent | Exchange | Unanswered], None] = lambda _: None
    last: int = 0
    """The number of the newest request."""
    trace: str = ""
    """The id of the trace that requests tell the parties; empty for none."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sending(self, party: Party, method: str, url: str) -> Sent:
        """Numbers a request that is about to be sent, and notes the time."""
        with self._lock:
            self.last += 1
            request = Sent(number=self.last, at=now(), party=party, method=method, url=url)
        self.tell(request)
        return request

    def add(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self.tell(exchange)


def skew(exchange: Exchange) -> float | None:
    """Seconds by which the other side's clock is ahead of ours, by the Date header; None without one.

    The header has whole seconds, so the result is up to a second too small. An answer that a cache kept is as old as the
    cache says (RFC 9111 5.1).
    """
    try:
        theirs = dated(exchange.header("date") or "")
    except ValueError:
        return None
    age = exchange.header("age") or ""
    kept = int(age) if re.fullmatch("[0-9]{1,9}", age) else 0
    return (theirs - exchange.at).total_seconds() - exchange.seconds / 2 + kept


def dated(text: str) -> datetime:
    """An HTTP date (RFC 9110 5.6.7). Raises ValueError for anything else."""
    found = parsedate_to_datetime(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def quoted(value: object) -> str:
    """A value from a party, for a message: on one line, of printable characters, and not too long."""
    text = value if isinstance(value, str) else json.dumps(value)
    if text.isprintable() and len(text) <= LONGEST_QUOTE:
        return text
    printable = "".join(character if character.isprintable() else " " for character in text[:LONGEST_QUOTE])
    return printable + ("..." if len(text) > LONGEST_QUOTE else "")


def now() -> datetime:
    return datetime.now(UTC)
