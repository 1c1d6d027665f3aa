"""The users of a load, as Locust takes them: one class for each role, whose tasks are what that person does again and again.

Imported by the process of a load alone: Locust replaces the blocking functions of the process.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, TypeAlias

from locust import User, task
from locust.exception import StopUser

from dcrproof.core.checks.outcomes import Failed, NotSeen, Unreachable
from dcrproof.core.http.exchange import Exchange
from dcrproof.core.http.polling import pause
from dcrproof.core.load.load import Ground, Load
from dcrproof.core.load.user import Application, LoadUser, upstream_token
from dcrproof.core.parties.authorization_server import error_code
from dcrproof.core.parties.gateway import answer, with_basic, with_bearer
from dcrproof.core.secrets.secret import Secret

AFTER_SILENCE = 0.5
"""Seconds that a user waits after a request without an answer."""


Credentials: TypeAlias = tuple[str, dict[str, str], str | None]
"""Their kind, the header of a call with them, and the node that accepts them, or None for all."""


class Role(User):
    """What the roles share. `dcrproof load` sets `load`, `ground`, `numbers` and `ready` before it starts users."""

    abstract = True
    load: ClassVar[Load]
    ground: ClassVar[Ground]
    numbers: ClassVar[Callable[[], int]]
    ready: ClassVar[Mapping[str, list[Application]]]
    """By role the applications that were made before the load began: each user takes one."""
    own: ClassVar[bool] = True
    """Whether each user needs one of them."""
    weight = 1

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.me = LoadUser(self.load, self.ground, type(self).numbers)

    def on_start(self) -> None:
        waiting = self.ready.get(type(self).__name__, [])
        if waiting:
            self.application = waiting.pop()
        elif self.own:  # Locust has given this worker more users of the role than others
            with self.trying():
                self.application = self.me.approved(type(self).__name__.lower())
                self.is_accepted(self.application)
                return
            raise StopUser

    def wait_time(self) -> float:
        return 0.0  # the rate of the load, and the parties, say how fast a user is

    @contextmanager
    def trying(self) -> Iterator[None]:
        """What fails in the block is counted, and the user goes on; a user who may do no more stops.

        Nothing reaches Locust, which would print and show it with the values of a traceback.
        """
        who = type(self).__name__.lower()
        try:
            yield
        except Failed as outcome:
            self.load.account(outcome)
        except Unreachable as outcome:
            self.load.account(outcome)
            pause("a party that did not answer", AFTER_SILENCE)
        except NotSeen as outcome:
            self.load.tally.remark(f"a {who} stopped: {outcome.would_show} would let it go on")
            raise StopUser from None
        except Exception as error:  # noqa: BLE001 - a bug of dcrproof
            self.load.broken(f"a {who}", error)
            raise StopUser from None

    def is_own(self, check: str, exchange: Exchange, token: str | None, application: Application) -> None:
        """Looks whether a token is the application's; an answer without one shows nothing."""
        if token is None:
            return
        self.load.issued(application.id or application.client_id, token)
        found, claim = self.me.whose(token), self.load.target.client_id_claim
        observed = f"{claim} {found} ({exchange.what})"
        self.load.look(check, found == application.client_id, f"{claim} {application.client_id}", observed, exchange)

    def gets_token(self, application: Application) -> str:
        token, exchange = self.me.token(application)
        self.is_own("load.identity.token", exchange, token, application)
        return token

    def gets_no_token(self, check: str, application: Application, secret: Secret, what: str) -> bool:
        """Looks whether the token endpoint refuses what has ended, and returns it. An answer that says nothing is no look."""
        with self.load.doing("consumer: get a token with what has ended"):
            exchange = self.me.ask_token(application, secret)
            if exchange.status != 200:
                self.load.expect(exchange, 400, 401)
        observed = f"{error_code(exchange)} ({exchange.what})"
        self.load.look(check, exchange.status != 200, f"{what} refused with 400 or 401", observed, exchange)
        return exchange.status != 200

    def is_accepted(self, application: Application) -> None:
        """Waits until each node accepts the application; raises Failed, and counts an error, where one does not in time."""
        headers = with_basic(application.client_id, application.secret)
        for other in self.me.everywhere(headers, "consumer: call with what is new", accepted=True)[:1]:
            self.load.expect(other, *self.me.consumer.route.success)

    def in_use(self, application: Application) -> list[Credentials]:
        """Its id and secret, a token, and a session if there are any: each has just been accepted, so that a refusal says something."""
        pair = with_basic(application.client_id, application.secret)
        exchange = self.me.accepted(pair, "consumer: call with Basic")
        bearer = with_bearer(self.gets_token(application))
        self.me.accepted(bearer, "consumer: call with a fresh token")
        found: list[Credentials] = [("id and secret", pair, None), ("token", bearer, None)]
        if cookie := self.me.session(application, exchange):
            found.append(
                ("session", {"cookie": cookie}, exchange.node)
            )  # a node knows the sessions that it has set itself
        return found

    def is_turned_away(self, check: str, credentials: list[Credentials], what: str) -> bool:
        """Looks whether each node refuses these credentials, once the data planes had their time, and returns it."""
        ended = True
        for kind, headers, node in credentials:
            others = self.me.everywhere(headers, "consumer: call with what has ended", accepted=False, node=node)
            for one in others[:1]:
                self.load.look(check, False, f"the {kind} of {what} refused on every node", answer(one), one)
            if not others:
                self.load.tally.check(check).looked += 1
            ended = ended and not others
        return ended


class Consumer(Role):
    """Calls the route with each kind of credentials of one application."""

    bearer = ""

    def calls(
        self, headers: Mapping[str, str], operation: str, check: str = "load.identity.route", node: str | None = None
    ) -> Exchange:
        exchange = self.me.accepted(headers, operation, node)
        self.is_own(check, exchange, upstream_token(exchange), self.application)
        return exchange

    @task(3)
    def basic(self) -> None:
        with self.trying():
            self.calls(with_basic(self.application.client_id, self.application.secret), "consumer: call with Basic")

    @task(2)
    def fresh_bearer(self) -> None:
        with self.trying():
            self.bearer = self.gets_token(self.application)
            self.calls(with_bearer(self.bearer), "consumer: call with a fresh token")

    @task(4)
    def cached_bearer(self) -> None:
        with self.trying():
            self.bearer = self.bearer or self.gets_token(self.application)
            if self.load.expires(self.bearer):
                self.bearer = self.gets_token(self.application)
            self.calls(with_bearer(self.bearer), "consumer: call with a cached token")

    @task(1)
    def session(self) -> None:
        with self.trying():
            headers = with_basic(self.application.client_id, self.application.secret)
            exchange = self.calls(headers, "consumer: call with Basic, for a session")
            cookie = self.me.session(self.application, exchange)
            if cookie is None:
                self.load.tally.check("load.identity.session").unseen = "a gateway that sets a session cookie"
                return
            if self.load.expires(upstream_token(exchange) or ""):
                return  # the gateway had it in its cache, and refuses a session with a token that has ended
            # a node knows the sessions that it has set itself
            self.calls({"cookie": cookie}, "consumer: call with a session", "load.identity.session", exchange.node)


class Developer(Role):
    """Registers an application, renews its secret, and deletes it."""

    own = False

    @task
    def life(self) -> None:
        with self.trying():
            application = self.me.create("under load")
            try:
                credentials = self.uses(application)
            except (Failed, Unreachable):
                with suppress(Failed, Unreachable):  # else clean-up deletes it
                    self.me.delete(application)
                raise
            self.me.delete(application)
            what = "a deleted application"
            ended = self.gets_no_token("load.ended.deleted", application, application.secret, what)
            if self.is_turned_away("load.ended.deleted", credentials, what) and ended:
                self.load.forget(application.id)  # else clean-up tries it again, and tells

    def uses(self, application: Application) -> list[Credentials]:
        """Everything from its registration on; returns the credentials that are in use in the end."""
        self.me.register(application)
        if application.status != "approved":
            self.me.decide(application, "approved")
        self.is_accepted(application)
        self.gets_token(application)
        before = self.me.renew(application)
        self.gets_no_token("load.ended.renewed", application, before, "a secret that was renewed")
        self.is_accepted(application)  # from here on each node has a token of it in its cache
        return self.in_use(application)


class Operator(Role):
    """Revokes the registration of an application, and approves it again."""

    @task
    def decide(self) -> None:
        with self.trying():
            if self.application.status != "approved":  # the last time something failed in between
                self.me.decide(self.application, "approved")
                self.is_accepted(self.application)
            credentials = self.in_use(self.application)
            self.me.decide(self.application, "revoked")
            self.is_turned_away("load.ended.revoked", credentials, "a revoked application")
            self.me.decide(self.application, "approved")
            self.is_accepted(self.application)


ROLES: Mapping[str, type[Role]] = {"consumer": Consumer, "developer": Developer, "operator": Operator}
"""By name the class of each role."""
