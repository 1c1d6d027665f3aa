"""When a request to a live party is sent again, and after how long.

What may be repeated is what RFC 9110 9.2.2 calls idempotent, and what the caller knows to be so. A request of any other
kind is repeated where it is known that it was not performed: nothing of it had left, or the answer is 429, by which a
server turns away what comes too often (RFC 6585 4). A 503 says no such thing: whoever stands before the server says it
too when the server went away in the middle of its work.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dcrproof.core.checks.outcomes import Unreachable
from dcrproof.core.http.exchange import Exchange, dated, quoted
from dcrproof.core.http.polling import pause

if TYPE_CHECKING:
    from tenacity import RetryCallState

READS = frozenset({"GET", "HEAD", "OPTIONS"})
IDEMPOTENT = READS | {"PUT", "DELETE"}
OVERLOADED = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
NOT_YET = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
ATTEMPTS = 8
ATTEMPTS_UNANSWERED = 4
SETTLING = 30.0
"""Seconds for which 403 and 404 to something new may mean that it is not known everywhere yet.

Kong's own command line tool tries them again, and its end-to-end tests wait as long (kongctl, `retrying_client.go` and
`devworkflow/main.go`).
"""


@dataclass(frozen=True)
class Repeat:
    """One request that was sent again: to whom, after what, and the pause before it in seconds."""

    party: str
    after: str
    seconds: float


@dataclass
class Patience:
    """How one line to a live party goes on where the party asks for patience.

    `deadline` is what one request may wait in all, in seconds. `new` are the ids and paths of what the run has made,
    with the time of it (`time.monotonic()`), and `repeats` what was sent again: both are shared by the lines of a run.
    """

    party: str
    deadline: float
    new: dict[str, float] = field(default_factory=dict)
    repeats: list[Repeat] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def ask(self, attempt: Callable[[], Exchange], method: str, url: str, *, repeatable: bool) -> Exchange:
        """The last answer to a request, sent as often as it makes sense. Raises Unreachable where there was none.

        Raises Unreachable as well where the party asks for more patience than this run has.
        """
        from tenacity import Retrying, wait_exponential, wait_random

        backoff = wait_exponential(multiplier=0.5, max=10) + wait_random(0, 0.5)

        def again(state: "RetryCallState") -> bool:
            outcome = _outcome(state)
            if isinstance(outcome, Unreachable):
                return outcome.passing and (repeatable or not outcome.lost)
            if outcome.status in NOT_YET:
                return self._is_new(url)
            self._learn(method, url, outcome)
            too_many = outcome.status == HTTPStatus.TOO_MANY_REQUESTS
            return too_many or (repeatable and outcome.status in OVERLOADED)

        def wait(state: "RetryCallState") -> float:
            outcome = _outcome(state)
            asked_for = None if isinstance(outcome, Unreachable) else retry_after(outcome)
            return max(backoff(state), asked_for or 0.0)

        def enough(state: "RetryCallState") -> bool:
            attempts = ATTEMPTS_UNANSWERED if isinstance(_outcome(state), Unreachable) else ATTEMPTS
            return state.attempt_number >= attempts or state.idle_for + state.upcoming_sleep > self.deadline

        def note(state: "RetryCallState") -> None:
            outcome = _outcome(state)
            after = "no answer" if isinstance(outcome, Unreachable) else str(outcome.status)
            self.repeats.append(Repeat(self.party, after, state.upcoming_sleep))

        retrying = Retrying(
            retry=again, wait=wait, stop=enough, sleep=pause, before_sleep=note, retry_error_callback=self._given_up
        )
        return retrying(attempt)

    def _given_up(self, state: "RetryCallState") -> Exchange:
        outcome = _outcome(state)
        if isinstance(outcome, Unreachable):
            raise outcome
        asked_for = outcome.header("retry-after")
        if outcome.status == HTTPStatus.TOO_MANY_REQUESTS or (outcome.status in OVERLOADED and asked_for is not None):
            asks = "" if asked_for is None else f", Retry-After: {quoted(asked_for)}"
            patience = (
                f"given up at attempt {state.attempt_number}, [run] deadlines.patience is {self.deadline:g} seconds"
            )
            raise Unreachable(self.party, f"{outcome.what}{asks}; {patience}", f"{self.party} with time for this run")
        return outcome

    def _is_new(self, url: str) -> bool:
        """Whether the request is to something that the run has just made, and that this party has not shown yet."""
        known = time.monotonic() - SETTLING
        return any(self.new[name] > known for name in _names(url) if name in self.new and name not in self._seen)

    def _learn(self, method: str, url: str, exchange: Exchange) -> None:
        """What an answer that is no error says of what is new: that it is there, or that it was made."""
        if not exchange.status < HTTPStatus.BAD_REQUEST:
            return
        self._seen.update(name for name in _names(url) if name in self.new)
        path = urlsplit(url).path
        if method == "DELETE":
            self.new.clear()  # with a developer go the applications: from here on 404 may mean that it is gone
        if method == "PUT":
            self.new.setdefault(path, time.monotonic())
        if method == "POST" and exchange.status == HTTPStatus.CREATED:
            id = exchange.members().get("id")
            if isinstance(id, str) and id:
                self.new[id] = time.monotonic()


def _names(url: str) -> set[str]:
    """What a URL names, as far as the run may have made it: each part of its path, and the path."""
    path = urlsplit(url).path
    return {path, *path.split("/")} - {""}


def _outcome(state: "RetryCallState") -> Exchange | Unreachable:
    """What an attempt ended with; whatever else it raised is none of our business, and raised again."""
    assert state.outcome is not None  # noqa: S101 - for the type checker: tenacity asks after an attempt
    error = state.outcome.exception()
    if error is None:
        exchange: Exchange = state.outcome.result()
        return exchange
    if isinstance(error, Unreachable):
        return error
    raise error


def retry_after(exchange: Exchange) -> float | None:
    """The seconds of Retry-After (RFC 9110 10.2.3); none where there is no such header, or nothing that can be read.

    A date is compared with the one of the answer: the other side's clock may be wrong, and so may ours. One in the past
    is no time at all.
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
