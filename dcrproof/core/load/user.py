"""What one user of a load can do, over connections of its own: as a developer, a consumer or an operator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from dcrproof.core.checks.outcomes import NotSeen
from dcrproof.core.http.exchange import Exchange
from dcrproof.core.http.polling import poll
from dcrproof.core.http.segments import segment
from dcrproof.core.load.load import Ground, Load
from dcrproof.core.parties.authorization_server import AuthorizationServer
from dcrproof.core.parties.gateway import Consumer, session_cookie
from dcrproof.core.parties.konnect import KonnectClient
from dcrproof.core.parties.portal import PortalClient
from dcrproof.core.parties.tokens import decode
from dcrproof.core.secrets.secret import Secret


@dataclass
class Application:
    """An application of this load, or of the profile; `id` is the portal's, empty for one of the profile."""

    id: str
    client_id: str
    secret: Secret
    registration: str = ""
    status: str = "approved"

    def __repr__(self) -> str:
        return f"<application {self.id or 'of the profile'}, client {self.client_id}>"


@dataclass
class LoadUser:
    """Each method sends one request, or a few, and returns what came of it; Failed and Unreachable are counted already."""

    load: Load
    ground: Ground
    numbers: Callable[[], int]
    """Gives each application of the load a number for its name."""
    _sent: int = field(default=0, init=False)

    @cached_property
    def server(self) -> AuthorizationServer:
        server = self.load.target.authorization_server()
        if server is None:
            raise NotSeen("[curity] issuer")
        server.default_method(self.ground.metadata)
        return server

    @cached_property
    def consumer(self) -> Consumer:
        consumer = self.load.target.consumer()
        if consumer is None:
            raise NotSeen("[[gateway.route]]")
        return consumer

    @cached_property
    def admin(self) -> KonnectClient | None:
        return self.load.target.konnect()

    @cached_property
    def portal(self) -> PortalClient:
        portal = self.load.target.portal()
        if portal is None:
            raise NotSeen("[portal]")
        return portal

    def _as_developer(self, ask: Callable[[PortalClient], Exchange]) -> Exchange:
        """One request with the developer's session, which is renewed once if it has ended."""
        session = self.load.portal_session or self.load.sign_in()
        exchange = ask(PortalClient(self.portal.http, self.portal.url, session))
        if exchange.status == 401 and session == self.load.portal_session:
            exchange = ask(PortalClient(self.portal.http, self.portal.url, self.load.sign_in()))
        return exchange

    def create(self, what: str) -> Application:
        """A new application of the developer."""
        body = {
            "name": f"{self.load.target.ledger.mark} {what} {self.numbers()}",
            "auth_strategy_id": self.ground.strategy_id,
        }
        with self.load.doing("developer: create an application"):
            exchange = self.load.expect(self._as_developer(lambda portal: portal.create_application(body)), 201)
        content = exchange.object()
        application = Application(str(content["id"]), str(content["client_id"]), Secret(str(content["client_secret"])))
        self.load.issued(application.id, application.secret.reveal(), application.client_id)
        self.load.is_new(application.client_id, "client id", exchange)
        self.load.is_new(application.secret.fingerprint, "secret", exchange)
        return application

    def register(self, application: Application) -> None:
        """Registers it for the API; `application.status` says whether it is approved already."""
        api = str(self.ground.api_id)
        with self.load.doing("developer: register it for the API"):
            exchange = self.load.expect(self._as_developer(lambda portal: portal.register(application.id, api)), 201)
        content = exchange.object()
        application.registration, application.status = str(content["id"]), str(content.get("status"))

    def renew(self, application: Application) -> Secret:
        """Gives it a new secret, and returns the one before it."""
        with self.load.doing("developer: renew the secret"):
            exchange = self._as_developer(lambda portal: portal.regenerate_secret(application.id))
            self.load.expect(exchange, 201)
        before, application.secret = application.secret, Secret(str(exchange.object()["client_secret"]))
        self.load.issued(application.id, application.secret.reveal(), application.client_id)
        self.load.is_new(application.secret.fingerprint, "secret", exchange)
        return before

    def delete(self, application: Application) -> None:
        path = f"/applications/{segment(application.id)}"
        with self.load.doing("developer: delete it"):
            self.load.expect(self._as_developer(lambda portal: portal.delete(path)), 204)

    def decide(self, application: Application, status: str) -> None:
        """Approves or revokes the registration, as an admin. Raises NotSeen without a Konnect token."""
        if self.admin is None or self.ground.portal_id is None:
            raise NotSeen("[konnect] url and token, to approve and revoke registrations")
        path = (
            f"/v3/portals/{segment(self.ground.portal_id)}/applications/{segment(application.id)}"
            f"/registrations/{segment(application.registration)}"
        )
        application.status = ""  # unknown, until the answer is there
        with self.load.doing(f"operator: {'approve' if status == 'approved' else 'revoke'} a registration"):
            self.load.expect(self.admin.patch(path, {"status": status}), 200)
        application.status = status

    def approved(self, what: str) -> Application:
        """A new application with an approved registration."""
        application = self.create(what)
        self.register(application)
        if application.status != "approved":
            self.decide(application, "approved")
        return application

    def ask_token(self, application: Application, secret: Secret | None = None) -> Exchange:
        """A client_credentials request; with another secret where one is given."""
        return self.server.token(self.ground.metadata, application.client_id, secret or application.secret)

    def token(self, application: Application) -> tuple[str, Exchange]:
        """A new access token of the application."""
        with self.load.doing("consumer: get a token"):
            exchange = self.load.expect(self.ask_token(application), 200)
        value = str(exchange.object()["access_token"])
        self.load.issued(application.id or application.client_id, value)
        return value, exchange

    def accepted(self, headers: Mapping[str, str], operation: str, node: str | None = None) -> Exchange:
        """A call of the route that has to be accepted, at that node or the next one: if it is not, it is an error."""
        self._sent += 1
        node = node or self.consumer.nodes[self._sent % len(self.consumer.nodes)]
        with self.load.doing(operation):
            return self.load.expect(self.consumer.call(headers, node=node), *self.consumer.route.success)

    def everywhere(
        self, headers: Mapping[str, str], operation: str, *, accepted: bool, node: str | None = None
    ) -> list[Exchange]:
        """Calls each node, or that one, until it accepts the call, or does not; the data planes have time to learn it.

        Returns the answers that are still otherwise.
        """
        left: list[str | None] = [node] if node else list(self.consumer.nodes)

        def ask() -> list[Exchange]:
            with self.load.doing(operation):
                answers = [(one, self.consumer.call(headers, node=one)) for one in left]
            others = [(one, answer) for one, answer in answers if self.consumer.accepts(answer) is not accepted]
            left[:] = [one for one, _ in others]
            return [answer for _, answer in others]

        deadline = self.load.target.profile.run.propagation
        others, _ = poll("a change in Konnect to reach the gateway", ask, lambda found: not found, deadline)
        return others

    def session(self, application: Application, exchange: Exchange) -> str | None:
        """The session that the gateway has set for an application, as a Cookie header has it; None without one."""
        cookie = session_cookie(exchange)
        for part in (cookie or "").split("; "):
            if value := part.partition("=")[2]:
                self.load.issued(application.id or application.client_id, value)
        return cookie

    def whose(self, token: str) -> str | None:
        """The client id in an access token; None where it is no JWT, or has none."""
        found = decode(token)
        value = found.claims.get(self.load.target.client_id_claim) if found else None
        return value if isinstance(value, str) else None


def upstream_token(exchange: Exchange) -> str | None:
    """The bearer token that reached an upstream which echoes; None where it received none."""
    headers = exchange.members().get("headers")
    named = {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, dict) else {}
    scheme, _, token = named.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and token else None
