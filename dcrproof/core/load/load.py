"""What all users of a load share: the target, its objects, the tally, and what may have to be masked."""

import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path

from dcrproof.core.checks.outcomes import Failed, NotSeen, Outcome, Unreachable
from dcrproof.core.http.exchange import Exchange, Sent, Unanswered
from dcrproof.core.load.tally import MOST_FINDINGS, Finding, Tally
from dcrproof.core.parties.authorization_server import Metadata
from dcrproof.core.parties.portal import session_of
from dcrproof.core.parties.target import Target
from dcrproof.core.parties.tokens import decode
from dcrproof.core.profile.model import Mode
from dcrproof.core.secrets.secret import Secret

READY, CREDENTIALS, ERRORS = "load.ready", "load.identity.credentials", "load.errors.budget"
MOST_GIVEN = 20_000
MOST_OF_SET_UP = 40
ALMOST = 30.0
"""Seconds before its end from which on a token is not used any more."""
OPERATION: ContextVar[str] = ContextVar("operation", default="set-up")
"""What the user that is running does, in words: each user has a context of its own."""
LAST: ContextVar["Last"] = ContextVar("last")
"""The last request of the user that is running."""
RECENT = 500
"""How many of the newest secrets are searched for at the end."""

Issued = tuple[str, str | None]
"""A secret that a party has issued, and the client id that it makes Basic credentials with."""


@dataclass
class Last:
    """A request: what it was for, what came of it, and whether it is counted as an error."""

    operation: str
    what: Exchange | Unanswered
    counted: bool = False


@dataclass(frozen=True)
class Ground:
    """What exists before a load begins, by id; None where the mode has no use for it, or no access to it."""

    metadata: Metadata
    strategy_id: str | None = None
    api_id: str | None = None
    portal_id: str | None = None
    """That of the portal in Konnect, where registrations are approved and revoked."""


@dataclass
class Load:
    """`record` takes an exchange that is worth keeping, with the id of its check; secrets in it are known before.

    `told` takes each request as Locust shows it: party, operation, seconds, bytes of the answer, and the error or None.
    """

    target: Target
    tally: Tally = field(default_factory=Tally)
    record: Callable[[Exchange | Unanswered, str], None] = lambda *_: None
    told: Callable[[str, str, float, int, str | None], None] = lambda *_: None
    began: float | None = None
    """When the load began (`time.monotonic()`); None before that."""
    seconds: float | None = None
    """How long it took, once it has ended: what is sent after that is not counted."""
    ended: float = 0.0
    held: dict[str, list[Issued]] = field(default_factory=dict)
    """The secrets in use, by whose they are: an application's id, or another name."""
    recent: deque[Issued] = field(default_factory=lambda: deque(maxlen=RECENT))
    given: dict[str, None] = field(default_factory=dict)
    """The newest client ids, and fingerprints of secrets."""
    portal_session: Secret | None = None
    faults: list[str] = field(default_factory=list)
    _recorded: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.target.transcript.tell = self.saw

    def begin(self) -> None:
        self.began = time.monotonic()

    def end(self) -> None:
        """The users have stopped; what is sent from now on is not counted."""
        if self.seconds is None:
            self.seconds = self.now
            self.ended = time.monotonic()

    @property
    def since_end(self) -> float:
        """Seconds since the load ended; 0 before."""
        return 0.0 if self.seconds is None else time.monotonic() - self.ended

    @property
    def now(self) -> float:
        """Seconds since the load began, until it ended."""
        if self.seconds is not None:
            return self.seconds
        return 0.0 if self.began is None else time.monotonic() - self.began

    @contextmanager
    def doing(self, operation: str) -> Iterator[None]:
        """The requests of the block are counted as that."""
        before = OPERATION.set(operation)
        try:
            yield
        finally:
            OPERATION.reset(before)

    def saw(self, what: Sent | Exchange | Unanswered) -> None:
        """Takes what the transcript reports: counts each request, and as an error what no user has a use for."""
        if isinstance(what, Sent):
            return
        if self.began is None or self.seconds is not None:
            if self.began is None and self.seconds is None:
                self.keep(what, READY, most=MOST_OF_SET_UP)
            return
        operation, error = OPERATION.get(), _error(what)
        LAST.set(Last(operation, what))
        self.tally.request(self.now, what.party, operation, what.seconds)
        size = len(what.body) if isinstance(what, Exchange) else 0
        self.told(what.party, operation, what.seconds, size, error)
        if error:
            self.failed(what, error)

    def failed(self, what: Exchange | Unanswered, reason: str) -> None:
        """Counts a request as an error, and keeps the first ones."""
        if self.began is None or self.seconds is not None:
            return
        self.tally.error(self.now, what.party, OPERATION.get(), reason)
        self.keep(what, ERRORS)
        LAST.get().counted = True

    def account(self, outcome: Failed | Unreachable) -> None:
        """Counts what has ended a user's work as an error of its last request, unless that is counted already."""
        last = LAST.get(None)
        if last is not None and not last.counted:
            wrong = isinstance(outcome, Failed)
            with self.doing(last.operation):
                self.failed(last.what, "an answer that lacks something" if wrong else "not an answer of the party")

    def expect(self, exchange: Exchange, *statuses: int) -> Exchange:
        """The exchange itself. Raises Failed where its status is none of these; then it is counted as an error."""
        if exchange.status not in statuses:
            if _error(exchange) is None:
                self.failed(exchange, f"{exchange.status} instead of {' or '.join(map(str, statuses))}")
            raise Failed(f"{' or '.join(map(str, statuses))} to {OPERATION.get()}", exchange.what)
        return exchange

    def look(self, check: str, holds: bool, expected: str, observed: str, exchange: Exchange) -> None:  # noqa: FBT001 - the claim
        """One look of a check: whether its claim holds in this exchange; if not, what was expected and observed."""
        seen = self.tally.check(check)
        seen.looked += 1
        if holds:
            return
        seen.broken += 1
        if len(seen.findings) < MOST_FINDINGS:
            self.keep(exchange, check)
            mask = self.target.secrets.mask
            seen.findings.append(Finding(mask(expected), mask(observed), exchange.summary))

    def keep(self, what: Exchange | Unanswered, check: str, most: int = MOST_FINDINGS) -> None:
        """Records an exchange for that check, unless there are enough. Everything secret in it is known from then on."""
        if self._recorded.get(check, 0) < most:
            self._recorded[check] = self._recorded.get(check, 0) + 1
            self.know()
            self.record(what, check)

    def know(self) -> None:
        """From now on the newest secrets, and those in use, are masked and searched for."""
        for issued in [*self.recent, *(one for held in self.held.values() for one in held)]:
            self.target.secrets.know(*issued)

    def is_new(self, value: str, what: str, exchange: Exchange) -> None:
        """Looks whether a client id, or the fingerprint of a secret, was given to nobody before."""
        held = f"a new {what}"
        self.look(CREDENTIALS, value not in self.given, held, f"one that was given before ({exchange.what})", exchange)
        self.given[value] = None
        while len(self.given) > MOST_GIVEN:
            del self.given[next(iter(self.given))]

    def issued(self, whose: str, value: str, client_id: str | None = None, keep: int = 6) -> None:
        """Takes note of a secret, which is masked in everything that is written. The newest ones of each are kept."""
        self.recent.append((value, client_id))
        self.held[whose] = [*self.held.get(whose, []), (value, client_id)][-keep:]

    def broken(self, who: str, error: Exception) -> None:
        """Something in dcrproof itself failed, which ends what `who` was doing, and the run with 3.

        An error that is not one of dcrproof's own is told without its text, which may hold anything.
        """
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = (
            str(error)
            if isinstance(error, Outcome)
            else f"{type(error).__name__} in {Path(where.filename).name}:{where.lineno}"
        )
        text = self.target.secrets.mask(f"{who} stopped: {said}")
        if text not in self.faults and len(self.faults) < MOST_FINDINGS:
            self.faults.append(text)

    def expires(self, token: str) -> bool:
        """Whether a token has ended, or will before a call with it is answered; the clocks may differ a little."""
        found = decode(token)
        ends = found.claims.get("exp") if found else None
        return isinstance(ends, int | float) and ends < time.time() + ALMOST

    def forget(self, application: str) -> None:
        """An application that is deleted, and proved to be: neither its secrets nor its entry in the ledger are needed."""
        self.held.pop(application, None)
        ledger = self.target.ledger
        gone = {one.number: one.id for one in ledger.dead if one.id == application or f"/{application}/" in one.path}
        ledger.dead = [one for one in ledger.dead if one.number not in gone]
        ledger.ids.difference_update(id for id in gone.values() if id)

    def sign_in(self) -> Secret:
        """A new session of the developer. Raises Failed where the portal refuses, NotSeen without a password."""
        portal, described = self.target.portal(), self.target.profile.portal
        if portal is None or described is None:
            raise NotSeen("[portal]")
        if described.cookie is not None:
            self.portal_session = described.cookie
            return described.cookie
        if described.email is None or described.password is None:
            raise NotSeen("[portal] email and password of a developer, or cookie")
        exchange = self.expect(portal.authenticate(described.email, described.password), 204)
        value = session_of(exchange)
        if value is None:
            raise Failed("a session cookie (portalaccesstoken)", f"{exchange.what}: none")
        self.issued("the developer's session", value)
        self.portal_session = Secret(value)
        return self.portal_session


def _error(what: Exchange | Unanswered) -> str | None:
    """Why a request is an error whatever it was for: no answer, a failure of the server, or a limit of it."""
    if isinstance(what, Unanswered):
        return what.error
    return str(what.status) if what.status >= 500 or what.status == 429 else None


def ground(target: Target) -> Ground:
    """Looks up what a load goes through. Raises Failed where something is missing, Unreachable where nobody answers."""
    server = target.authorization_server()
    if server is None:
        raise NotSeen("[curity] issuer")
    exchange = server.discovery()
    if exchange.status != 200:
        raise Failed("200 to the discovery document", exchange.what)
    found = Ground(Metadata(exchange.object()))
    server.default_method(found.metadata)
    konnect, described = target.konnect(), target.profile.konnect
    if described is None or not target.profile.run.mode.allows(Mode.CREATE):
        return found
    if konnect is None:  # without a token the profile names them by id
        return replace(found, strategy_id=described.strategy, api_id=described.api)
    ids: dict[str, str] = {}
    for key, path, name in (
        ("strategy", "/v2/application-auth-strategies", described.strategy),
        ("api", "/v3/apis", described.api),
        ("portal", "/v3/portals", described.portal),
    ):
        item = konnect.named(path, str(name))
        if item is None:
            raise Failed(
                f"{name!r}, as [konnect] {key} says", f"no such id or name in {path}", profile=(f"[konnect] {key}",)
            )
        ids[key] = str(item.get("id"))
    return replace(found, strategy_id=ids["strategy"], api_id=ids["api"], portal_id=ids["portal"])
