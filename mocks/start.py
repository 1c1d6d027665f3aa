"""How a world of mocks begins: its parties, ports and credentials, and what a reset starts again with."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrproof.mocks.konnect.driver import InitialAccess, ProviderCredentials
from dcrproof.mocks.live_konnect import LiveKonnect
from dcrproof.mocks.observed import NOTHING_OBSERVED, Observed

PARTIES = ("curity", "konnect", "portal", "classic_portal", "gateway", "upstream", "bridge")
PORTS = ("curity", "konnect", "portal", "classic_portal", "gateway", "upstream", "gateway-2", "control", "bridge")
"""The ports of a world, in the order in which they are numbered. The bridge is not: the control interface names its port."""
ROUTE = "/accounts"
ISSUER_PATH = "/oauth/v2/oauth-anonymous"
WELL_KNOWN = "/.well-known/openid-configuration"
DEVELOPER = "developer@example.com"
REGISTRAR = "konnect-registrar"
INTROSPECTOR = "introspector"
ADMIN = "admin"


@dataclass(frozen=True, repr=False)
class Credentials:
    """The secrets of one instance of the mocks: the same seed makes the same ones."""

    registrar_secret: str
    introspector_secret: str
    admin_password: str
    konnect_token: str
    developer_password: str
    classic_developer_password: str
    bridge_key: str

    @classmethod
    def of(cls, seed: int) -> "Credentials":
        source = random.Random(f"credentials of {seed}")

        def text(prefix: str = "") -> str:
            return prefix + "".join(source.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789", k=32))

        return cls(text(), text(), text(), text("kpat_"), text("P@1"), text("P@1"), text())


@dataclass(frozen=True)
class OtherServer:
    """An authorization server that the other mocks use in place of mock Curity.

    `registrar` is the id and secret that Konnect's provider holds; `initial_access` how it may register.
    """

    issuer: str
    registrar: tuple[str, str] = ("registrar", "not used by this authorization server")
    initial_access: InitialAccess = ProviderCredentials()
    client_id_claim: str = "sub"


@dataclass(frozen=True)
class Start:
    """How a world begins, also after a reset."""

    addresses: Mapping[str, str]
    """Base URL of each port."""
    seed: int
    other_server: OtherServer | None = None
    live_konnect: LiveKonnect | None = None
    undone: Mapping[str, str | None] = field(default_factory=dict)
    """The steps that are left undone, each with its variant; None is the default one."""
    propagation: float = 0.0
    """Seconds from a change in Konnect to the moment when the data planes have it."""
    read_only: bool = False
    """Whether the token of the admin API may read and change nothing."""
    gateway_version: str = "3.14.0.8"
    """The release of the data planes; of a line of releases, such as 3.13, it is the newest."""
    observed: Observed = NOTHING_OBSERVED
    """The switches of all mocks."""
    empty: bool = False
    """Whether nothing has been made in Konnect: no control plane, provider, strategy, portal or API."""
