"""When a request to a live party is sent again, and after how long.

Requests are repeated that RFC 9110 9.2.2 calls idempotent, or that the caller knows to be idempotent. Any other request
is repeated only where it was certainly not performed: nothing of it was sent, or the answer is 429, by which a server
rejects what comes too often (RFC 6585 4). A 503 is no such sign: a proxy in front of the server says it as well when
the server disappeared in the middle of its work.
"""

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from dcrproof.core.checks.outcomes import Unreachable
from dcrproof.core.http.errors import TIMEOUT
from dcrproof.core.http.exchange import Exchange, dated, quoted
from dcrproof.core.http.polling import pause, polling_for
from dcrproof.core.http.run_time import RunTime
from dcrproof.core.party import Party

READS = frozenset({"GET", "HEAD", "OPTIONS"})
IDEMPOTENT = READS | {"PUT", "DELETE"}
OVERLOADED = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
NOT_YET = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
FIX = "run this again when the party is not busy, or be more patient: deadlines.patience under [run] of the profile"
ATTEMPTS = 8
ATTEMPTS_UNANSWERED = 4
SHARE = 2
"""How many times the deadline of one request a party gets in a whole run: after that it is not waited for any more."""
SETTLING = 30.0
"""Seconds for which 403 and 404 to something new may mean that it is not known everywhere yet.

Kong's own command line tool retries them, and its end-to-end tests wait as long (kongctl, `retrying_client.go` and
`devworkflow/main.go`).
"""


@dataclass(frozen=True)
class Repeat:
    """One request that was sent again: the party, the status before (or `no answer`), and the pause in seconds."""

    party: Party
    after: str
    seconds: float


@dataclass
class Retry:
    """How requests over one connection to a party are sent again.

    `deadline` is how long one request may wait in all, in seconds: pauses, and attempts that were not answered. `new`
    has the ids and paths of what the run has created, with the time of it (`time.monotonic()`), and `repeats` what was
    sent again: the connections of a run share both, and the time of the run.
    """

    party: Party
    deadline: float
    new: dict[str, float] = field(default_factory=dict)
    repeats: list[Repeat] = field(default_factory=list)
    time: RunTime = field(default_factory=RunTime)
    _seen: set[str] = field(default_factory=set)

    def send(self, attempt: Callable[[], Exchange], method: str, url: str, place: str, *, repeatable: bool) -> Exchange:
        """Sends a request to that host and port as often as it makes sense, and returns the last answer.

        Raises Unreachable where there was none, where the party asks for more time than this run has, and where the run
        has no time left, or none for this party.
        """
        number, waited = 1, 0.0
        while True:
            self.time.require()
            if place in self.time.given_up:
                raise Unreachable(self.party, self.time.given_up[place])
            outcome: Exchange | Unreachable
            began = time.monotonic()
            try:
                outcome = attempt()
            except Unreachable as error:
                outcome = error
                waited += self._unanswered(error, place, time.monotonic() - began)
            else:
                self.time.answers[self.party] += outcome.seconds
            if not self._makes_sense(outcome, method, url, repeatable=repeatable):
                return _answer(outcome)
            if isinstance(outcome, Exchange):
                after, attempts, asked_for = str(outcome.status), ATTEMPTS, retry_after(outcome) or 0.0
            else:
                after, attempts, asked_for = "no answer", ATTEMPTS_UNANSWERED, 0.0
            backoff = min(0.5 * 2 ** (number - 1), 10) + random.uniform(0, 0.5)
            seconds = max(backoff, asked_for)
            if number == attempts or not self.may_wait(seconds, waited):
                return self._given_up(outcome, number)
            self.wait(after, seconds)
            number, waited = number + 1, waited + seconds

    def may_wait(self, seconds: float, waited: float = 0.0) -> bool:
        """Whether a request that has waited so long may wait for these seconds more."""
        return waited + seconds <= self.deadline and self.time.waited[self.party] + seconds <= SHARE * self.deadline

    def wait(self, after: str, seconds: float) -> None:
        """Pauses before a request is sent again, but not beyond the end of the run."""
        self.repeats.append(Repeat(self.party, after, seconds))
        self.time.waited[self.party] += seconds
        what, seconds = f"{self.party} to be asked again after {after}", max(0.0, min(seconds, self.time.left))
        with polling_for(what, seconds):
            pause(what, seconds)

    def _unanswered(self, outcome: Unreachable, place: str, lasted: float) -> float:
        """Notes that no answer came in these seconds, and returns them. Silence of more than the party's share is final."""
        self.time.silence[self.party] += lasted
        self.time.waited[self.party] += lasted
        share = SHARE * max(self.deadline, TIMEOUT)
        if self.time.silence[self.party] >= share:
            said = f"requests without an answer took {share:.0f} seconds ([run] deadlines.patience, {SHARE} times)"
            self.time.given_up[place] = f"{outcome.observed}; it is not asked again: {said}"
        return lasted

    def _makes_sense(self, outcome: Exchange | Unreachable, method: str, url: str, *, repeatable: bool) -> bool:
        """Whether a request that ended so is worth another attempt."""
        if isinstance(outcome, Unreachable):
            return outcome.passing and (repeatable or not outcome.lost)
        if outcome.status in NOT_YET:
            return self._is_new(url)
        self._learn(method, url, outcome)
        return outcome.status == HTTPStatus.TOO_MANY_REQUESTS or (
            repeatable and (outcome.status in OVERLOADED or outcome.broken)
        )

    def _given_up(self, outcome: Exchange | Unreachable, attempts: int) -> Exchange:
        """The last answer. Raises Unreachable where there was none, and where the party has asked for more time."""
        exchange = _answer(outcome)
        asked_for = exchange.header("retry-after")
        if exchange.status == HTTPStatus.TOO_MANY_REQUESTS or (exchange.status in OVERLOADED and asked_for is not None):
            asks = "" if asked_for is None else f", Retry-After: {quoted(asked_for)}"
            given_up = f"given up at attempt {attempts}, [run] deadlines.patience is {self.deadline:g} seconds"
            if waited := self.time.waited[self.party]:
                given_up += f", and this run has waited {waited:.0f} for {self.party}"
            raise Unreachable(
                self.party, f"{exchange.what}{asks}; {given_up}", f"{self.party} with time for this run", fix=FIX
            )
        return exchange

    def _is_new(self, url: str) -> bool:
        """Whether the request is to something that the run has just created, and this party has not shown yet."""
        known = time.monotonic() - SETTLING
        return any(self.new[name] > known for name in _names(url) if name in self.new and name not in self._seen)

    def _learn(self, method: str, url: str, exchange: Exchange) -> None:
        """Notes from a successful answer what exists, and what was created."""
        if exchange.status >= HTTPStatus.BAD_REQUEST:
            return
        self._seen.update(name for name in _names(url) if name in self.new)
        path = urlsplit(url).path
        if method == "DELETE":
            self.new.clear()  # a developer's applications are deleted as well: from now on 404 may mean that something is gone
        if method == "PUT":
            self.new.setdefault(path, time.monotonic())
        if method == "POST" and exchange.status == HTTPStatus.CREATED:
            id = exchange.members().get("id")
            if isinstance(id, str) and id:
                self.new[id] = time.monotonic()


def _names(url: str) -> set[str]:
    """What a URL may name: each part of its path, and the path."""
    path = urlsplit(url).path
    return {path, *path.split("/")} - {""}


def _answer(outcome: Exchange | Unreachable) -> Exchange:
    if isinstance(outcome, Unreachable):
        raise outcome
    return outcome


def retry_after(exchange: Exchange) -> float | None:
    """The seconds of Retry-After (RFC 9110 10.2.3); None without a valid one.

    A date is compared with the Date of the answer, because the two clocks may differ. A date in the past is 0 seconds.
    """
    value = (exchange.header("retry-after") or "").strip()
    if re.fullmatch(r"[0-9]+", value):
        return float(value)
    try:
        until = dated(value)
    except ValueError:
        return None
    try:
        at = dated(exchange.header("date") or "")
    except ValueError:
        at = exchange.at
    return max(0.0, (until - at).total_seconds())
