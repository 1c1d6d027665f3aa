"""The profile: what a run may do, and the parties that it talks to. `dcrproof.core.profile.reading` reads it from its file."""

import re
from dataclasses import dataclass
from enum import StrEnum

from dcrproof.core.http.connection import Connection
from dcrproof.core.secrets.secret import Secret


class Mode(StrEnum):
    """How far a run may go; each mode may also do what the ones before it may."""

    INSPECT = "inspect"
    EXISTING = "existing"
    CREATE = "create"
    PROVISION = "provision"

    def allows(self, mode: "Mode") -> bool:
        order = list(Mode)
        return order.index(mode) <= order.index(self)


PARTIES = ("curity", "konnect", "portal", "gateway")
"""The parties that a profile describes, in the order of the flow."""


@dataclass(frozen=True)
class Mocked:
    """A party that is a mock: one that this run starts, or one that runs elsewhere with that control interface."""

    control: str | None = None


@dataclass(frozen=True)
class RunSettings:
    mode: Mode = Mode.CREATE
    hostile: bool = False
    max_created: int = 100
    parallel: bool = False
    approval: str = "auto"
    propagation: float = 60.0
    """Seconds that a change in Konnect has to reach the data planes (`deadlines.propagation`)."""
    patience: float = 120.0
    """Seconds that one request to a live party may wait to be sent again (`deadlines.patience`)."""


@dataclass(frozen=True)
class RegistrarSettings:
    id: str | None = None
    secret: Secret | None = None
    scope: str = "dcr"
    initial_access_token: Secret | None = None
    open: bool = False


@dataclass(frozen=True)
class AdminSettings:
    url: str
    username: str
    password: Secret


@dataclass(frozen=True, kw_only=True)
class PartySettings:
    """What a profile may say of every party: whether it is a mock, and the way there."""

    mocked: Mocked | None = None
    connection: Connection = Connection()


@dataclass(frozen=True)
class CuritySettings(PartySettings):
    issuer: str = ""
    kind: str = "curity"
    version: str | None = None
    registrar: RegistrarSettings | None = None
    admin: AdminSettings | None = None

    @property
    def address(self) -> str:
        return self.issuer


@dataclass(frozen=True)
class KonnectSettings(PartySettings):
    """`control_plane`, `service`, `portal`, `api`, `strategy` and `provider` name what exists, by name or id."""

    url: str = ""
    token: Secret | None = None
    control_plane: str | None = None
    service: str | None = None
    portal: str | None = None
    api: str | None = None
    strategy: str | None = None
    provider: str | None = None

    @property
    def address(self) -> str:
        return self.url


@dataclass(frozen=True)
class PortalSettings(PartySettings):
    url: str = ""
    email: str | None = None
    password: Secret | None = None
    cookie: Secret | None = None
    generation: str = "v3"

    @property
    def address(self) -> str:
        return self.url


@dataclass(frozen=True)
class RouteSettings:
    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    success: tuple[int, ...] = (200,)
    echo: bool = False


@dataclass(frozen=True)
class GatewaySettings(PartySettings):
    url: str = ""
    version: str | None = None
    plain_http: bool = False
    routes: tuple[RouteSettings, ...] = ()

    @property
    def address(self) -> str:
        return self.url


@dataclass(frozen=True)
class ApplicationSettings:
    """The credentials of an application that exists, and whether the route must accept them."""

    client_id: str
    client_secret: Secret
    accepted: bool = True


Party = CuritySettings | KonnectSettings | PortalSettings | GatewaySettings
"""What a profile says of one party; `address` is where it is."""


@dataclass(frozen=True)
class Profile:
    source: str
    run: RunSettings = RunSettings()
    curity: CuritySettings | None = None
    konnect: KonnectSettings | None = None
    portal: PortalSettings | None = None
    gateway: GatewaySettings | None = None
    applications: tuple[ApplicationSettings, ...] = ()

    def party(self, name: str) -> Party | None:
        found: Party | None = getattr(self, name)
        return found

    @property
    def secrets(self) -> list[tuple[Secret, str | None]]:
        """All secrets of the profile, each with the id or name that it makes Basic credentials with."""
        found: list[tuple[Secret | None, str | None]] = []
        if self.curity and (registrar := self.curity.registrar):
            found += [(registrar.secret, registrar.id), (registrar.initial_access_token, None)]
        if self.curity and (admin := self.curity.admin):
            found.append((admin.password, admin.username))
        if self.konnect:
            found.append((self.konnect.token, None))
        if self.portal:
            found += [(self.portal.password, self.portal.email), (self.portal.cookie, None)]
        found += [(application.client_secret, application.client_id) for application in self.applications]
        return [(secret, client_id) for secret, client_id in found if secret is not None]

    @property
    def public(self) -> list[str]:
        """What the profile says that is no secret: addresses, names, ids."""
        described = [party for name in PARTIES if (party := self.party(name)) is not None]
        texts = [text for party in described for text in vars(party).values() if isinstance(text, str)]
        texts += [client_id for _, client_id in self.secrets if client_id]
        if self.curity and self.curity.admin:
            texts.append(self.curity.admin.url)
        return texts + [route.path for route in self.gateway.routes] if self.gateway else texts

    @property
    def served(self) -> list[str]:
        """The parties whose mocks run elsewhere."""
        found = ((name, party) for name in PARTIES if (party := self.party(name)) is not None)
        return [name for name, party in found if party.mocked is not None and party.mocked.control is not None]

    @property
    def kinds(self) -> dict[str, str]:
        """Each party that is described: `live` or `mocked`."""
        found = ((name, party) for name in PARTIES if (party := self.party(name)) is not None)
        return {name: "live" if party.mocked is None else "mocked" for name, party in found}

    @property
    def live(self) -> list[str]:
        """The parties that are no mocks, in the order of the flow."""
        return [name for name in PARTIES if (party := self.party(name)) is not None and party.mocked is None]


def seconds(duration: str) -> float:
    """`30s`, `15m` or `1h` in seconds. Raises ValueError for anything else."""
    found = re.fullmatch(r"(\d+)(s|m|h)", duration)
    if found is None:
        raise ValueError(f"{duration!r} is no duration")
    return int(found[1]) * {"s": 1.0, "m": 60.0, "h": 3600.0}[found[2]]
