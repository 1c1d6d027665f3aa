"""Sequences of what developers, admins, callers and operators do, against a small model of what must hold.

Hypothesis chooses the sequences (`searched`); one that breaks a rule is shortened by leaving steps out (`shortened`). Each
acts through the clients of the core, at the whole target: portal, Konnect, authorization server and gateway. It deletes what
it has made.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from dcrproof.core.checks.outcomes import Failed
from dcrproof.core.checks.owners import CURITY, GATEWAY, KONNECT
from dcrproof.core.http.exchange import Exchange
from dcrproof.core.http.polling import poll
from dcrproof.core.http.segments import segment
from dcrproof.core.parties.authorization_server import AuthorizationServer, Metadata, told
from dcrproof.core.parties.control import ControlClient
from dcrproof.core.parties.gateway import (
    Consumer,
    answer,
    changed_cookie,
    echoed,
    reached_upstream,
    session_cookie,
    with_basic,
    with_bearer,
)
from dcrproof.core.parties.konnect import listed, objects, problem
from dcrproof.core.parties.portal import session_of
from dcrproof.core.parties.tokens import (
    Jwt,
    decode,
    foreign,
    foreign_jwk,
    hs_confused,
    tampered,
    unsigned,
    verify,
    with_claims,
)
from dcrproof.core.secrets.secret import Secret, basic

APPLICATIONS, REGISTRATIONS = 3, 4
"""How many of each a sequence creates at most."""
TOGETHER = 2
"""How many applications there are at the same time."""
LIFETIME = 300
"""Seconds that an access token of Curity lives, unless it is longer."""
MARGIN = 3
"""Seconds around the end of something in which it may work or not."""
FETCH_PAUSE = 31
"""Seconds after which a gateway fetches keys again for an unknown key id."""
RULES: Mapping[str, tuple[str, str]] = {
    "ended": (
        (
            "no credential works that was changed, or after its documented end: a secret that was replaced, at the "
            "authorization server at once, and at the gateway once the token that it has cached for it has ended; a token, "
            "and a session, once the token has expired"
        ),
        GATEWAY,
    ),
    "approved": ("an application reaches the API with an approved registration, and without one it does not", GATEWAY),
    "once": ("no secret is shown twice", KONNECT),
    "gone": ("the client of an application that was deleted in the portal gets no token", CURITY),
    "forwarded": (
        "the upstream receives a token of the caller's that verifies and has not expired, and nothing of its Basic header",
        GATEWAY,
    ),
    "counted": (
        "developer and admin are shown the same applications and registrations, and each has a client that gets tokens",
        KONNECT,
    ),
}
"""What must hold, and the team that looks at it where it does not."""


@dataclass
class Token:
    """An access token as the authorization server gave it."""

    jwt: Jwt
    ends: float
    keys: int
    """The number of the key rotation after which it was signed."""


@dataclass
class Held:
    """An application, as the model has it."""

    number: int
    made: Any
    """As the portal showed it: `id`, `name`, `client_id`, `secret`, `registration`."""
    replaced: list[tuple[Secret, float]] = field(default_factory=list)
    """Its secrets of before, each with the time when it was replaced."""
    status: str | None = None
    """That of its registration; None without one."""
    deleted: bool = False
    tokens: list[Token] = field(default_factory=list)
    session: tuple[str, float] | None = None
    """A cookie of the gateway, and when the token in it ends at the latest."""

    @property
    def open(self) -> bool:
        return self.status == "approved" and not self.deleted

    @property
    def name(self) -> str:
        return f"application {self.number}"

    @property
    def secrets(self) -> list[Secret]:
        """The newest first."""
        return [self.made.secret, *(secret for secret, _ in reversed(self.replaced))]


@dataclass
class Flow:
    """The parties of a target, for sequences one after another."""

    applications: Any
    """Creates, registers and decides, as the fixture `dcr_applications` does."""
    server: AuthorizationServer
    metadata: Metadata
    consumer: Consumer
    clock: ControlClient | None
    """None where the clock and the keys cannot be turned."""
    renews: bool
    """Whether the authorization server gives new secrets."""
    lifetime: float = LIFETIME
    """Seconds that a token lives: so long a gateway may have one cached for a secret that was replaced, and a session of it."""
    made: int = 0
    """How many applications there have been: no two have the same name."""

    def now(self) -> float:
        return self.clock.now() if self.clock else time.time()

    def sign_in(self) -> None:
        """A session of the portal ends; the clock may have been turned past its end."""
        described = self.applications.target.profile.portal
        if described.email and described.password:
            cookie = session_of(self.applications.developer.authenticate(described.email, described.password))
            if cookie:
                known = self.applications.target.secrets.know(cookie)
                self.applications.developer = replace(self.applications.developer, cookie=known)


FORGED: Mapping[str, Callable[[Jwt, Mapping[str, Any]], str]] = {
    "unsigned": lambda jwt, _: unsigned(jwt),
    "tampered with": lambda jwt, _: tampered(jwt),
    "signed with another key": lambda jwt, _: foreign(jwt),
    "signed with an unknown key": lambda jwt, _: foreign(jwt, kid="explored"),
    "signed with a key of its own": lambda jwt, _: foreign(jwt, jwk=foreign_jwk()),
    "changed": lambda jwt, _: with_claims(jwt, forged=True),
    "signed with the public key": lambda jwt, keys: next(iter(hs_confused(jwt, keys).values()), unsigned(jwt)),
}


Taken = tuple[str, Mapping[str, Any]]
"""A step that was taken: the method of `Sequence`, and its arguments."""


def step(when: Callable[["Sequence"], object], **strategies: Any) -> Callable[..., Any]:
    """A rule of Hypothesis that may be taken `when` that holds, and is noted, so that it can be taken again."""

    def make(function: Callable[..., None]) -> Any:
        @wraps(function)
        def taken(self: "Sequence", **values: Any) -> None:
            self.taken.append((function.__name__, values))
            with self._noting():
                function(self, **values)

        WHEN[function.__name__] = when
        return precondition(lambda self: bool(when(self)))(rule(**strategies)(taken))

    return make


WHEN: dict[str, Callable[["Sequence"], object]] = {}
WHICH = st.integers(0, APPLICATIONS - 1)
CREDENTIALS = (
    *("secret", "old secret", "old secret", "old secret"),
    *("token", "first token", "session", "session", "changed session"),
)
PAUSES = (LIFETIME + 10, LIFETIME - 10, 2 * LIFETIME)
CHANGES = ("renew", "renew", "rename", "delete")
DECISIONS = ("approved", "approved", "revoked", "revoked", "rejected", "pending")


class Sequence(RuleBasedStateMachine):
    """One sequence. A step that breaks a rule raises Failed with all steps up to it."""

    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow
        self.all: list[Held] = []
        self.taken: list[Taken] = []
        self.steps: list[str] = []
        """The same in words."""
        self.registered = 0
        self.rotations = 0
        self.keys: list[Any] = []
        self.shown = len(self._exchanges)
        self.failed: Failed | None = None
        """What broke."""
        self.error: Exception | None = None
        """What ended it otherwise."""
        flow.sign_in()
        self._read_keys()

    # What the steps have in common

    @property
    def _exchanges(self) -> list[Exchange]:
        exchanges: list[Exchange] = self.flow.applications.target.transcript.exchanges
        return exchanges

    @property
    def _living(self) -> list[Held]:
        return [one for one in self.all if not one.deleted]

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Adds to a failure what was done before."""
        try:
            yield
        except Failed as failed:
            failed.observed += f"; after: {'; '.join(self.steps) or 'nothing'}"
            self.failed = failed
            raise
        except Exception as error:
            self.error = error
            raise

    def _hold(self, holds: object, rule: str, observed: str, exchange: Exchange | None = None) -> None:
        if not holds:
            text, owner = RULES[rule]
            failed = Failed(text, observed, owner=owner)
            failed.exchange = exchange
            raise failed

    def _done(self, exchange: Exchange, status: int, what: str) -> Mapping[str, Any]:
        """The members of an answer that must have that status."""
        if exchange.status != status:
            failed = Failed(f"{status} to {what}", problem(exchange), owner=KONNECT)
            failed.exchange = exchange
            raise failed
        return exchange.members()

    def _step(self, text: str) -> None:
        self.steps.append(text)

    def _read_keys(self) -> None:
        self.keys += objects(self.flow.server.keys(self.flow.metadata).object().get("keys"))

    def _nothing_is_shown_again(self, first: Exchange | None = None) -> None:
        """Looks through the answers since the last look; `first` is the one that shows the newest secret."""
        for exchange in self._exchanges[self.shown :]:
            if exchange.party not in {"portal", "konnect"}:
                continue
            for one in self.all:
                seen = [secret for secret in one.secrets if secret.reveal() in exchange.text]
                again = [secret for secret in seen if exchange is not first or secret is not one.made.secret]
                self._hold(not again, "once", f"{exchange.what} shows a secret of {one.name}", exchange)
        self.shown = len(self._exchanges)

    # What a developer and an admin do

    @step(
        lambda self: len(self.all) < APPLICATIONS and len(self._living) < TOGETHER,
        approved=st.sampled_from([True, True, False]),
    )
    def creates(self, approved: bool) -> None:
        self.flow.made += 1
        made = self.flow.applications.create(f"explored {self.flow.made}")
        first = next(one for one in reversed(self._exchanges) if one.party == "portal" and one.method == "POST")
        one = Held(len(self.all) + 1, made)
        self.all.append(one)
        self._step(f"{one.name} is created")
        self._nothing_is_shown_again(first)
        self._ask(one, one.made.secret)
        if approved and self.registered < REGISTRATIONS:
            self._register(one)
            if one.status != "approved":
                self._decide(one, "approved")

    @step(lambda self: self._living, which=WHICH, what=st.sampled_from([*DECISIONS, "withdraw", *CHANGES]))
    def manages(self, which: int, what: str) -> None:
        """Does that to an application; where it has no registration to decide on or to remove, it gets one."""
        one = self._living[which % len(self._living)]
        if what in CHANGES:
            if what != "renew" or self.flow.renews:
                {"renew": self._renew, "rename": self._rename, "delete": self._delete}[what](one)
        elif one.status is not None:
            self._withdraw(one) if what == "withdraw" else self._decide(one, what)
        elif self.registered < REGISTRATIONS:
            self._register(one)

    def _register(self, one: Held) -> None:
        one.made, one.status = self.flow.applications.register(one.made)
        self.registered += 1
        self._step(f"{one.name} is registered, {one.status}")

    def _decide(self, one: Held, status: str) -> None:
        self._step(f"{one.name} is {status}")
        self.flow.applications.set_status(one.made, status)
        one.status = status
        self._at_once(one)

    def _renew(self, one: Held) -> None:
        self._step(f"{one.name} gets a new secret")
        exchange = self.flow.applications.developer.regenerate_secret(one.made.id)
        value = str(self._done(exchange, 201, f"a new secret of {one.name}").get("client_secret"))
        old = value in [secret.reveal() for secret in one.secrets]
        self._hold(not old, "once", "the new secret is an old one", exchange)
        one.replaced.append((one.made.secret, self.flow.now()))
        secret = self.flow.applications.target.secrets.know(value, one.made.client_id)
        one.made = replace(one.made, secret=secret)
        self._nothing_is_shown_again(exchange)

    def _rename(self, one: Held) -> None:
        self._step(f"{one.name} is renamed")
        name = f"{one.made.name} again"
        exchange = self.flow.applications.developer.patch(f"/applications/{segment(one.made.id)}", {"name": name})
        self._done(exchange, 200, f"a new name of {one.name}")
        one.made = replace(one.made, name=name)

    def _withdraw(self, one: Held) -> None:
        self._step(f"the registration of {one.name} is removed")
        path = f"/applications/{segment(one.made.id)}/registrations/{segment(str(one.made.registration))}"
        self._done(self.flow.applications.developer.delete(path), 204, f"the removal of the registration of {one.name}")
        one.status = None
        self._at_once(one)

    def _delete(self, one: Held) -> None:
        self._step(f"{one.name} is deleted")
        exchange = self.flow.applications.developer.delete(f"/applications/{segment(one.made.id)}")
        self._done(exchange, 204, f"the deletion of {one.name}")
        one.deleted = True
        self._gone(one)
        self._at_once(one)

    def _at_once(self, one: Held) -> None:
        """What an application has used before lets it in if it is approved, and does not if it is not."""
        for node in range(1 if one.open else len(self.flow.consumer.nodes)):
            self._with_basic(one, one.made.secret, None, node)
        if one.tokens:
            self._with_token(one, one.tokens[-1], 0)

    def _gone(self, one: Held) -> None:
        exchange = self.flow.server.token(self.flow.metadata, one.made.client_id, one.made.secret)
        self._hold(exchange.status in {400, 401}, "gone", f"the client of {one.name}: {told(exchange)}", exchange)

    # What a caller does

    @step(lambda self: self.all, which=WHICH, how=st.sampled_from([*CREDENTIALS, *FORGED]), node=st.integers(0, 1))
    def calls(self, which: int, how: str, node: int) -> None:
        """Calls a node of the gateway with a credential of an application, which may be gone; with a secret if it has no other."""
        one = self.all[which % len(self.all)]
        if how in {"token", *FORGED} and not one.deleted:
            self._ask(one, one.made.secret)
        if how.endswith("session") and one.session is None:
            self._with_basic(one, one.made.secret, None, node=0)
        if how == "old secret" and one.replaced:
            self._ask(one, one.replaced[-1][0])
            self._with_basic(one, one.made.secret, None, node)  # whose token is cached from then on
            self._with_basic(one, *one.replaced[-1], node)
        elif how in FORGED and one.tokens:
            forged = FORGED[how](one.tokens[-1].jwt, {"keys": self.keys})
            self._call(one, with_bearer(forged), node, False, f"{one.name} calls with a token that is {how}")
        elif how in {"token", "first token"} and one.tokens:
            self._with_token(one, one.tokens[0 if how == "first token" else -1], node)
        elif how.endswith("session") and one.session:
            cookie, ends = one.session
            accepted = None if one.open and self.flow.now() < ends + MARGIN else False
            self._call(one, {"cookie": cookie}, 0, accepted, f"{one.name} calls with its session")
            if how == "changed session":
                what = f"{one.name} calls with its session, one character of which is changed"
                self._call(one, {"cookie": changed_cookie(cookie)}, 0, False, what)
        else:
            self._with_basic(one, one.made.secret, None, node)

    def _with_basic(self, one: Held, secret: Secret, replaced: float | None, node: int) -> None:
        accepted: bool | None = one.open
        if one.open and replaced is not None:
            accepted = False if self.flow.now() > replaced + self.flow.lifetime + MARGIN else None
        what = f"{one.name} calls{'' if replaced is None else ' with an old secret'}"
        exchange = self._call(one, with_basic(one.made.client_id, secret), node, accepted, what)
        if node == 0 and self.flow.consumer.accepts(exchange) and (cookie := session_cookie(exchange)):
            one.session = (cookie, self.flow.now() + self.flow.lifetime)

    def _with_token(self, one: Held, token: Token, node: int) -> None:
        ended = self.flow.now() - token.ends
        accepted: bool | None = one.open and ended < -MARGIN
        if one.open and (-MARGIN <= ended <= MARGIN or (accepted and token.keys != self.rotations)):
            accepted = None
        expired = " that has expired" if ended > MARGIN else ""
        self._call(one, with_bearer(token.jwt.text), node, accepted, f"{one.name} calls with a token{expired}")

    def _ask(self, one: Held, secret: Secret) -> None:
        """A token request with one of the secrets of an application that is there."""
        current = secret is one.made.secret
        self._step(f"{one.name} asks for a token{'' if current else ' with an old secret'}")
        exchange = self.flow.server.token(self.flow.metadata, one.made.client_id, secret)
        if not current:
            self._hold(exchange.status in {400, 401}, "ended", f"{one.name}: {told(exchange)}", exchange)
            return
        self._hold(exchange.status == 200, "counted", f"{one.name} gets no token: {told(exchange)}", exchange)
        if jwt := decode(str(exchange.object().get("access_token"))):
            self.flow.applications.target.secrets.know(jwt.text)
            ends = jwt.claims.get("exp")
            if isinstance(ends, int | float):
                one.tokens.append(Token(jwt, float(ends), self.rotations))
                self.flow.lifetime = max(self.flow.lifetime, ends - self.flow.now())

    def _call(self, one: Held, headers: Mapping[str, str], node: int, accepted: bool | None, what: str) -> Exchange:
        """Calls a node of the gateway; `accepted` is what must come of it, None for either."""
        consumer, nodes = self.flow.consumer, self.flow.consumer.nodes
        self._step(what)

        def holds(exchange: Exchange) -> bool:
            if accepted is None:
                return True
            kept_out = not consumer.accepts(exchange) and not reached_upstream(exchange)
            return consumer.accepts(exchange) if accepted else kept_out

        # a change in Konnect takes time to reach a node
        exchange, _ = poll(
            f"what holds for {one.name} to reach the gateway",
            lambda: consumer.call(headers, node=nodes[node % len(nodes)]),
            holds,
            self.flow.applications.target.profile.run.propagation,
        )
        if reached_upstream(exchange) and consumer.route.echo and consumer.accepts(exchange):
            self._forwarded(one, exchange)
        broken = "approved" if accepted or not one.open else "ended"
        self._hold(holds(exchange), broken, f"{what}: {answer(exchange)}", exchange)
        return exchange

    def _forwarded(self, one: Held, exchange: Exchange) -> None:
        headers = echoed(exchange)["headers"]
        pairs = [basic(held.made.client_id, secret.reveal()) for held in self.all for secret in held.secrets]
        leaked = [name for name, value in headers.items() if any(pair in value for pair in pairs)]
        self._hold(not leaked, "forwarded", f"the upstream receives a Basic pair in {', '.join(leaked)}", exchange)
        scheme, _, text = headers.get("authorization", "").partition(" ")
        token = decode(text) if scheme.lower() == "bearer" else None
        self._hold(token, "forwarded", f"the upstream receives no bearer token, but {scheme or 'nothing'}", exchange)
        assert token is not None
        flaw = verify(text, {"keys": self.keys})
        self._hold(flaw is None, "forwarded", f"the upstream receives a token that does not verify: {flaw}", exchange)
        ends = token.claims.get("exp")
        over = isinstance(ends, int | float) and ends < self.flow.now() - MARGIN
        self._hold(not over, "forwarded", "the upstream receives a token that has expired", exchange)
        whose = token.claims.get(self.flow.applications.target.client_id_claim)
        self._hold(whose == one.made.client_id, "forwarded", "the upstream receives another client's token", exchange)

    # What an operator does, and time

    @step(
        lambda self: self.flow.clock and self.all and self.taken[-1][0] != "passes",
        how=st.sampled_from([*PAUSES, "keys"]),
    )
    def passes(self, how: int | str) -> None:
        """Time, or the time of a key."""
        clock = self.flow.clock
        assert clock is not None
        if how == "keys" and not self.rotations:
            self._step(f"the authorization server signs with a new key, and {FETCH_PAUSE} s pass")
            clock.rotate_keys("new")
            self.rotations += 1
            self._read_keys()
        seconds = how if isinstance(how, int) else FETCH_PAUSE
        if isinstance(how, int):
            self._step(f"{seconds} s pass")
        clock.advance(seconds)
        self.flow.sign_in()

    # What must hold at the end of each sequence

    def _compare(self) -> None:
        applications = self.flow.applications
        ids = {one.made.id: one for one in self.all}
        living = {one.made.id: one.made.name for one in self._living}
        portal = f"/v3/portals/{segment(str(applications.portal_id))}"
        lists = {
            "the developer": listed(applications.developer.get, "/applications"),
            "an admin": applications.konnect.all(f"{portal}/applications"),
        }
        for who, found in lists.items():
            shown = {str(item.get("id")): str(item.get("name")) for item in found if item.get("id") in ids}
            self._hold(shown == living, "counted", f"{who} is shown {len(shown)} of {len(living)} applications by name")
        for one in self._living:
            path = f"/applications/{segment(one.made.id)}"
            self._done(applications.developer.get(path), 200, f"{one.name}, shown to the developer")
            self._done(applications.konnect.get(portal + path), 200, f"{one.name}, shown to an admin")
            applications.konnect.get(f"{portal}{path}/credentials")  # which may have none, but no secret
            asked = {
                "the developer": applications.developer.get(f"{path}/registrations"),
                "an admin": applications.konnect.get(f"{portal}{path}/registrations"),
            }
            for who, exchange in asked.items():
                statuses = [item.get("status") for item in objects(exchange.members().get("data"))]
                expected = [one.status] if one.status else []
                self._hold(statuses == expected, "counted", f"{who} is shown {statuses} of {one.name}", exchange)
            exchange = self.flow.server.token(self.flow.metadata, one.made.client_id, one.made.secret)
            self._hold(exchange.status == 200, "counted", f"the client of {one.name}: {told(exchange)}", exchange)
        for one in self.all:
            if one.deleted:
                self._gone(one)
        self._nothing_is_shown_again()

    def teardown(self) -> None:
        """Compares what all parties show, and deletes everything: quietly, where something has broken."""
        try:
            if self.failed is None:
                with self._noting():
                    self._compare()
                    for one in self._living:
                        self._delete(one)
        finally:
            for one in self._living:
                self.flow.applications.developer.delete(f"/applications/{segment(one.made.id)}")
                one.deleted = True


def searched(begin: Callable[[], Sequence], examples: int, steps: int, seed: int) -> Sequence | None:
    """The first sequence that breaks a rule, of so many that `begin` begins, each of at most so many steps.

    Raises what a step raises that is no broken rule.
    """
    begun: list[Sequence] = []
    enough = False

    def beginning() -> Sequence:
        nonlocal enough
        if enough := len(begun) == examples:  # Hypothesis tries more than it counts, and again what broke
            raise _Enough
        begun.append(begin())
        return begun[-1]

    budget = settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    try:
        run_state_machine_as_test(with_seed(seed)(beginning), settings=budget)  # type: ignore[arg-type] # any maker will do
    except Exception:  # a sequence that does not break again, or does not begin, is another error, Flaky
        if broken := next((one for one in begun if one.failed), None):
            return broken
        if not enough or any(one.error for one in begun):
            raise
    return None


class _Enough(Exception):
    """As many sequences were tried as a search may try."""


def taken_again(begin: Callable[[], Sequence], taken: list[Taken]) -> Sequence:
    """A sequence of these steps, but for those that cannot be taken."""
    sequence = begin()
    with suppress(Failed):
        try:
            for name, values in taken:
                if WHEN[name](sequence):
                    getattr(sequence, name)(**values)
        finally:
            sequence.teardown()
    return sequence


def shortened(begin: Callable[[], Sequence], broken: Sequence) -> Sequence:
    """A sequence with as few of its steps as still break something, as far as leaving some out tells."""
    size = len(broken.taken) // 2
    while size:
        for start in range(len(broken.taken) - size, -1, -size):
            fewer = taken_again(begin, broken.taken[:start] + broken.taken[start + size :])
            broken = fewer if fewer.failed else broken
        size //= 2
    return broken
