"""The target: the parties that a run talks to, each live or mocked, with their clients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from dcrproof.core.checks.outcomes import InternalError
from dcrproof.core.http.connection import proxy_credentials
from dcrproof.core.http.exchange import Exchange, Request, Transcript
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.http.retry import Repeat, Retry
from dcrproof.core.http.run_time import RunTime
from dcrproof.core.ledger.guard import refuse
from dcrproof.core.ledger.ledger import Ledger, new_mark
from dcrproof.core.ledger.watch import binds, creates, recover, watch
from dcrproof.core.parties.authorization_server import AuthorizationServer
from dcrproof.core.parties.authorization_server import recognises as of_authorization_server
from dcrproof.core.parties.classic_portal import ClassicPortalClient
from dcrproof.core.parties.control import ControlClient
from dcrproof.core.parties.gateway import Consumer
from dcrproof.core.parties.konnect import KonnectClient
from dcrproof.core.parties.konnect import recognises as of_konnect
from dcrproof.core.parties.portal import PortalClient
from dcrproof.core.party import Party
from dcrproof.core.profile.model import PARTIES, Profile
from dcrproof.core.secrets.index import Secrets


@dataclass
class Target:
    """A profile with everything that is needed to talk to its parties.

    `mocked` are the parties that are mocks, by name, each with the control interface that turns its clock, rotates its
    keys and shows its calls. `secrets` knows all secrets of the profile from the beginning.
    """

    profile: Profile
    mocked: Mapping[Party, ControlClient] = field(default_factory=dict)
    secrets: Secrets = field(default_factory=Secrets)
    transcript: Transcript = field(default_factory=Transcript)
    ledger: Ledger = field(default_factory=lambda: Ledger(new_mark()))
    repeats: list[Repeat] = field(default_factory=list)
    """The requests that were sent again."""
    time: RunTime = field(init=False)
    _new: dict[str, float] = field(default_factory=dict)
    _connections: list[PartyConnection] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<target: {', '.join(f'{name} {kind}' for name, kind in self.parties.items())}>"

    def __post_init__(self) -> None:
        self.time = RunTime(self.profile.run.longest)
        if self.live:
            self.ledger.most = self.profile.run.max_created
        self.secrets.publish(*self.profile.public)
        for user, password in proxy_credentials():
            self.secrets.know(password, user)
        for secret, client_id in self.profile.secrets:
            self.secrets.know(secret.reveal(), client_id)

    @property
    def parties(self) -> dict[Party, Literal["live", "mocked"]]:
        """Each party that the profile describes: `live` or `mocked`."""
        described = [name for name in PARTIES if self.profile.party(name) is not None]
        return {name: "mocked" if name in self.mocked else "live" for name in described}

    @property
    def live(self) -> dict[str, str | None]:
        """The live parties, each with its version where the profile has one."""
        return {name: self._version(name) for name, kind in self.parties.items() if kind == "live"}

    @property
    def mocked_versions(self) -> dict[str, str | None]:
        """The mocked parties, each with its version where the profile has one."""
        return {name: self._version(name) for name, kind in self.parties.items() if kind == "mocked"}

    def _version(self, name: Party) -> str | None:
        found = getattr(self.profile.party(name), "version", None)
        return found if isinstance(found, str) else None

    @property
    def gateway_by_hand(self) -> bool:
        """Whether a live gateway stands beside a mocked Konnect, and knows only the applications of the profile."""
        kinds = self.parties
        beside = kinds.get("gateway") == "live" and kinds.get("konnect") == "mocked"
        return self.is_kong and beside and bool(self.profile.applications)

    @property
    def is_kong(self) -> bool:
        """Whether the gateway is Kong, as far as the profile says, and not another one that validates JWTs."""
        return self.profile.gateway is None or self.profile.gateway.kind == "kong"

    def connection(self, party: Party, base: str, *, consumer: bool = False) -> PartyConnection:
        """A connection to a party of the profile, at that address. The ledger watches what is created over it.

        Raises InternalError where the profile does not describe the party.
        """
        described = self.profile.party(party)
        if described is None:
            raise InternalError(f"the profile has no [{party}]")
        recognises = {"curity": of_authorization_server, "konnect": of_konnect, "portal": of_konnect}
        connection = PartyConnection(
            party=party,
            base=base,
            transcript=self.transcript,
            connection=described.connection,
            consumer=consumer,
            recognises=recognises.get(party, lambda _: True),  # the consumer judges the gateway's answers itself
            watch=self._watch,
            binds=partial(binds, self.ledger),
            found=partial(recover, self.ledger),
            retry=Retry(party, self.profile.run.patience, self._new, self.repeats, self.time),
        )
        self._connections.append(connection)
        return connection

    def _watch(self, request: Request) -> Callable[[Exchange | None], None]:
        """Refuses what this run may not send, and records what it creates in the ledger."""
        refuse(self.ledger, self.profile.run.mode, request, creates(self.ledger, request))
        return watch(self.ledger, request)

    def authorization_server(self) -> AuthorizationServer | None:
        curity = self.profile.curity
        if curity is None:
            return None
        return AuthorizationServer(self.connection("curity", curity.issuer), curity.issuer, curity.admin)

    def konnect(self) -> KonnectClient | None:
        konnect = self.profile.konnect
        if konnect is None or konnect.token is None:
            return None
        return KonnectClient(self.connection("konnect", konnect.url), konnect.url, konnect.token)

    def portal(self, url: str | None = None) -> PortalClient | None:
        """The developer's client of the profile's portal, or of the portal at that URL."""
        portal = self.profile.portal
        if portal is None:
            return None
        kind = ClassicPortalClient if self.classic else PortalClient
        return kind(self.connection("portal", url or portal.url), url or portal.url)

    @property
    def is_curity(self) -> bool:
        """Whether the authorization server is Curity, as far as the profile says, and not another OpenID provider."""
        return self.profile.curity is None or self.profile.curity.kind == "curity"

    @property
    def client_id_claim(self) -> str:
        """The claim of an access token that holds the client id."""
        return self.profile.curity.client_id_claim if self.profile.curity else "sub"

    @property
    def classic(self) -> bool:
        """Whether the profile's portal is of the classic generation."""
        return self.profile.portal is not None and self.profile.portal.generation == "classic"

    def consumer(self, behind: Callable[[], str] = lambda: "") -> Consumer | None:
        """The consumer of the first route of the profile. `behind` as `Consumer` takes it."""
        gateway = self.profile.gateway
        if gateway is None or not gateway.routes:
            return None
        http = self.connection("gateway", gateway.url, consumer=True)
        return Consumer(http, gateway.url, gateway.routes[0], self.is_kong, behind)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
