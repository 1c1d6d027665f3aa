"""The profile: what a run may do, and the parties that it talks to. `dcrproof.core.profile.reading` reads it from TOML.

The fields are the keys of the file, their annotations say which values are accepted, and their docstrings are the
descriptions in the JSON Schema.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal

from dcrproof.core.http.connection import Connection
from dcrproof.core.party import Party
from dcrproof.core.profile.values import (
    Approval,
    Count,
    Duration,
    File,
    Flag,
    Headers,
    Https,
    Issuer,
    Latency,
    Local,
    LongerThanNothing,
    Method,
    Nodes,
    RoutePath,
    SecretValue,
    Share,
    Statuses,
    Text,
    Through,
    Url,
    User,
    found,
)
from dcrproof.core.secrets.named import given_in, given_in_query
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


PARTIES: tuple[Party, ...] = ("curity", "konnect", "portal", "gateway")
"""The parties that a profile describes, in the order of the flow."""


@dataclass(frozen=True)
class Mocked:
    """A party that is a mock: one that this run starts, or one that runs elsewhere with that control interface."""

    control: Local | None = None
    """The control interface of mocks that `dcrproof serve` has started."""


def _mocked(value: Any, _: Any) -> Any:
    if value is True:
        return Mocked()
    if not isinstance(value, dict) or not value:
        hint = ": leave the key out for a live party" if value is False else ""
        raise ValueError(f"expected true or {{ control = URL }}, found {found(value, secret=False)}{hint}")
    return value


@dataclass(frozen=True)
class Deadlines:
    """How long a run waits for the parties."""

    propagation: Duration = "1m"
    """How long a change in Konnect may take to reach the data planes."""
    patience: Duration = "2m"
    """How long one request may wait to be sent again; a party gets twice as long in a whole run."""
    run: LongerThanNothing = "2h"
    """How long the run may take before it cleans up; what was not checked by then is unreachable."""


@dataclass(frozen=True)
class RunSettings:
    """What the run may do."""

    mode: Mode = Mode.CREATE
    """How far the run may go; each mode may also do what the ones before it may."""
    hostile: Flag = False
    """Whether checks run against live parties that look like an attack to the people who monitor them."""
    max_created: Count = 100
    """How many things a run may create in live parties, deleted ones included."""
    parallel: Flag = False
    """Whether a run with live parties may use several workers (pytest-xdist)."""
    approval: Approval = "auto"
    """What to do with a pending registration: expect it approved, approve it with the Konnect token, or wait for a person."""
    deadlines: Deadlines = Deadlines()

    @property
    def propagation(self) -> float:
        """Seconds that a change in Konnect has to reach the data planes."""
        return seconds(self.deadlines.propagation)

    @property
    def patience(self) -> float:
        """Seconds that one request may wait to be sent again."""
        return seconds(self.deadlines.patience)

    @property
    def longest(self) -> float:
        """Seconds that the run may take before it cleans up."""
        return seconds(self.deadlines.run)


@dataclass(frozen=True)
class RegistrarSettings:
    """The client that may register others."""

    id: User | None = None
    """Its client id."""
    secret: SecretValue | None = None
    """Its client secret."""
    scope: Text = "dcr"
    """The scope of its token."""
    initial_access_token: SecretValue | None = None
    """The token that registers instead of a registrar; only for kind = "openid"."""
    open: Flag = False
    """Whether registration needs no token at all; only for kind = "openid"."""


@dataclass(frozen=True)
class AdminSettings:
    """Read-only access to Curity's configuration over RESTCONF."""

    url: Https
    """The RESTCONF base."""
    username: User
    """A user who may read the configuration."""
    password: SecretValue
    """The password of that user."""


@dataclass(frozen=True, kw_only=True)
class PartySettings:
    """What a profile may say of every party: whether it is a mock, and how it is reached."""

    ca: File | None = None
    """A file of certificate authorities in PEM; only they are trusted for this party."""
    proxy: Url | None = None
    """The HTTP proxy to go through; without it, the one of the environment."""
    client_cert: File | None = None
    """The certificate (PEM) for a party that asks for one."""
    client_key: File | None = None
    """The key (PEM, not encrypted) of that certificate."""
    nodes: Nodes = ()
    """Addresses, each host:port, that are dialled one by one with the public host name."""
    mocked: Annotated[Mocked, Through(_mocked, written=Literal[True] | Mocked, first=True)] | None = None
    """Whether the party is a mock: true for one that the run starts, { control = URL } for one of `dcrproof serve`."""

    @property
    def of_kind(self) -> str:
        """The kind of a party that is another one than Kong or Curity, behind its address."""
        kind = getattr(self, "kind", None)
        return f', kind = "{kind}"' if kind in ("openid", "jwt") else ""

    @property
    def connection(self) -> Connection:
        return Connection(self.ca, self.proxy, self.client_cert, self.client_key, self.nodes)


@dataclass(frozen=True)
class CuritySettings(PartySettings):
    """The authorization server."""

    issuer: Issuer = ""
    """The issuer, without /.well-known/openid-configuration."""
    kind: Literal["curity", "openid"] = "curity"
    """Curity, or any OpenID provider with RFC 7591 registration."""
    version: Text | None = None
    """The version of the product, as far as it is known."""
    client_id_claim: Text = "sub"
    """The claim of an access token that holds the client id."""
    registrar: RegistrarSettings | None = None
    admin: AdminSettings | None = None

    @property
    def address(self) -> str:
        return self.issuer


@dataclass(frozen=True)
class KonnectSettings(PartySettings):
    """The control plane, and what exists in it, by name or id."""

    url: Https = ""
    """The API of the region."""
    token: SecretValue | None = None
    """A personal or system access token."""
    control_plane: Text | None = None
    """The control plane of the gateway."""
    service: Text | None = None
    """The gateway service that the API is linked to; in mode provision, the one to link a new API to."""
    portal: Text | None = None
    """The Dev Portal."""
    api: Text | None = None
    """The API; with a classic portal, the product."""
    strategy: Text | None = None
    """The application auth strategy."""
    provider: Text | None = None
    """The DCR provider."""

    @property
    def address(self) -> str:
        return self.url


@dataclass(frozen=True)
class PortalSettings(PartySettings):
    """The Dev Portal, as a developer uses it."""

    url: Https = ""
    """The address of the portal."""
    email: Text | None = None
    """The developer who signs in."""
    password: SecretValue | None = None
    """The developer's password."""
    cookie: SecretValue | None = None
    """A session cookie instead of e-mail and password, for portals with single sign-on."""
    generation: Literal["v3", "classic"] = "v3"
    """The current Dev Portal, or the one of the older how-to (Portal API v2)."""

    @property
    def address(self) -> str:
        return self.url


@dataclass(frozen=True)
class RouteSettings:
    """A protected route."""

    path: RoutePath
    """The path that is called."""
    method: Method = "GET"
    """The method of the calls."""
    headers: Headers = ()
    """Headers that each call needs besides its credentials."""
    success: Statuses = (200,)
    """The statuses of an accepted call."""
    echo: Flag = False
    """Whether the upstream answers with JSON of the method, path, headers and body that reached it."""

    @property
    def secrets(self) -> list[str]:
        """What its query and its headers hold that is a secret by its name: `?api_key=`, `x-api-key`."""
        headers = (secret for name, value in self.headers for secret in given_in(name, value))
        return [*given_in_query(self.path.partition("?")[2]), *headers]


@dataclass(frozen=True)
class GatewaySettings(PartySettings):
    """The data plane."""

    url: Url = ""
    """The address of the gateway."""
    version: Text | None = None
    """The version of the product, as far as it is known."""
    kind: Literal["kong", "jwt"] = "kong"
    """Kong, or any gateway that validates bearer JWTs, and knows neither Basic nor applications."""
    plain_http: Flag = False
    """Whether a gateway that is not on this machine may be called without TLS."""
    routes: tuple[RouteSettings, ...] = field(default=(), metadata={"alias": "route"})
    """The routes to call."""

    @property
    def address(self) -> str:
        return self.url


@dataclass(frozen=True)
class ApplicationSettings:
    """The credentials of an application that exists, and whether the route must accept them."""

    client_id: User
    """The client id of the application."""
    client_secret: SecretValue
    """The client secret of the application."""
    accepted: Flag = True
    """Whether the route must accept these credentials; if not, it must reject them."""


@dataclass(frozen=True)
class LatencySettings:
    """Within which time a party has to answer under load."""

    p50: Latency = "500ms"
    """Half of the requests."""
    p95: Latency = "2s"
    """95 of a hundred requests."""
    p99: Latency = "5s"
    """99 of a hundred requests."""

    @property
    def seconds(self) -> dict[str, float]:
        """By percentile, in seconds."""
        return {name: _latency(text) for name, text in vars(self).items()}


@dataclass(frozen=True)
class LoadSettings:
    """What `dcrproof load` expects of the parties."""

    errors: Share = 0.01
    """The share of the requests that may fail: no answer, a failure of the server, 429, or another status than the right one."""
    curity: LatencySettings = LatencySettings()
    konnect: LatencySettings = LatencySettings("1s", "4s", "8s")
    portal: LatencySettings = LatencySettings("1s", "4s", "8s")
    gateway: LatencySettings = LatencySettings()

    @property
    def of_party(self) -> dict[str, LatencySettings]:
        return {name: getattr(self, name) for name in PARTIES}


DescribedParty = CuritySettings | KonnectSettings | PortalSettings | GatewaySettings
"""What a profile says of one party; `address` is where it is."""


@dataclass(frozen=True)
class Profile:
    """The target of a run, and what the run may do."""

    # pydantic takes it for the tables below as well
    __pydantic_config__ = {"extra": "forbid", "arbitrary_types_allowed": True}  # noqa: RUF012 - never changed

    source: str
    run: RunSettings = RunSettings()
    curity: CuritySettings | None = None
    konnect: KonnectSettings | None = None
    portal: PortalSettings | None = None
    gateway: GatewaySettings | None = None
    load: LoadSettings = LoadSettings()
    applications: tuple[ApplicationSettings, ...] = field(default=(), metadata={"alias": "application"})

    def party(self, name: str) -> DescribedParty | None:
        found: DescribedParty | None = getattr(self, name)
        return found

    @property
    def placed_secrets(self) -> list[tuple[str, Secret, str | None]]:
        """All secrets, each with its place in the file, and the id or name that it makes Basic credentials with."""
        found: list[tuple[str, Secret | None, str | None]] = []
        if self.curity and (registrar := self.curity.registrar):
            found.append(("curity.registrar.secret", registrar.secret, registrar.id))
            found.append(("curity.registrar.initial_access_token", registrar.initial_access_token, None))
        if self.curity and (admin := self.curity.admin):
            found.append(("curity.admin.password", admin.password, admin.username))
        if self.konnect:
            found.append(("konnect.token", self.konnect.token, None))
        if self.portal:
            found.append(("portal.password", self.portal.password, self.portal.email))
            found.append(("portal.cookie", self.portal.cookie, None))
        for number, application in enumerate(self.applications, 1):
            place = "application" if len(self.applications) == 1 else f"application {number}"
            found.append((f"{place}.client_secret", application.client_secret, application.client_id))
        for number, route in enumerate(self.gateway.routes if self.gateway else (), 1):
            found += [(f"gateway.route {number}", Secret(secret), None) for secret in route.secrets]
        return [(place, secret, client_id) for place, secret, client_id in found if secret is not None]

    @property
    def secrets(self) -> list[tuple[Secret, str | None]]:
        return [(secret, client_id) for _, secret, client_id in self.placed_secrets]

    @property
    def public(self) -> list[str]:
        """What the profile says that is no secret: addresses, names, ids."""
        described = [party for name in PARTIES if (party := self.party(name)) is not None]
        texts = [text for party in described for text in vars(party).values() if isinstance(text, str)]
        texts += [client_id for _, client_id in self.secrets if client_id]
        if self.curity and self.curity.admin:
            texts.append(self.curity.admin.url)
        return texts + [route.path.partition("?")[0] for route in self.gateway.routes] if self.gateway else texts

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


def _latency(duration: str) -> float:
    """`250ms` or `2s` in seconds."""
    return float(duration[:-2]) / 1000 if duration.endswith("ms") else float(duration[:-1])


def seconds(duration: str) -> float:
    """`30s`, `15m` or `1h` in seconds. Raises ValueError for anything else."""
    found = re.fullmatch(r"(\d+)(s|m|h)", duration)
    if found is None:
        raise ValueError(f"{duration!r} is no duration")
    return int(found[1]) * {"s": 1.0, "m": 60.0, "h": 3600.0}[found[2]]
