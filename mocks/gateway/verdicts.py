"""The outcome for a request: it goes upstream, or it is answered here."""

from dataclasses import dataclass
from typing import TypeAlias

from dcrproof.mocks.data_plane import PushedApplication, PushedConsumer
from dcrproof.mocks.gateway.credentials import BearerToken, ClientPair, RefreshToken
from dcrproof.mocks.gateway.plugin import Plugin
from dcrproof.mocks.gateway.session import GatewaySession
from dcrproof.mocks.gateway.tokens import Jwt

Credential: TypeAlias = GatewaySession | BearerToken | RefreshToken | ClientPair


@dataclass(frozen=True)
class Refused:
    """An answer instead of the upstream's. `error` is RFC 6750's code, None where no credential was found; a
    `challenge` goes into WWW-Authenticate, a `location` makes it a redirect.
    """

    status: int
    message: str
    challenge: bool = True
    error: str | None = None
    realm: str = ""
    set_cookies: tuple[str, ...] = ()
    location: str | None = None


@dataclass(frozen=True)
class Admitted:
    """A request that may go upstream. All is None on an open route; a consumer is there only where one was mapped."""

    plugin: Plugin | None = None
    credential: Credential | None = None
    token: Jwt | None = None
    application: PushedApplication | None = None
    set_cookies: tuple[str, ...] = ()
    consumer: PushedConsumer | None = None
    anonymous: bool = False

    @property
    def identifies(self) -> bool:
        """Whether the caller was identified."""
        return self.token is not None or self.consumer is not None
