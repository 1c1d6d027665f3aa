"""The clients of the profile: config-backed ones are configuration, dynamic ones are rows of a data source."""

from dataclasses import dataclass
from typing import TypeAlias

from dcrproof.mocks.curity.registration import METHODS, ClientMetadata
from dcrproof.mocks.curity.settings import Client


@dataclass(frozen=True)
class RegistrationAccessToken:
    """The reference that manages one client; `issued_at` in seconds since the epoch."""

    value: str
    issued_at: float


@dataclass(frozen=True)
class DynamicClient:
    """A row of `dynamically_registered_clients`. Of secrets only digests are kept.

    `previous_secret` is the digest before the last rotation, and until when it is accepted. `instance_of` is the
    template of a client that was registered only by a `software_id`. `registered_at` is the endpoint's URL.
    """

    id: str
    data_source: str
    initial_client: str | None
    issued_at: int
    metadata: ClientMetadata
    secret_digest: bytes | None = None
    previous_secret: tuple[bytes, float] | None = None
    registration_token: RegistrationAccessToken | None = None
    enabled: bool = True
    audience: tuple[str, ...] = ()
    instance_of: str | None = None
    registered_at: str = ""
    userinfo_token_issuer: str | None = None

    @property
    def authentication_method(self) -> str:
        return METHODS[self.metadata.token_endpoint_auth_method]

    @property
    def capabilities(self) -> frozenset[str]:
        return self.metadata.capabilities

    @property
    def scopes(self) -> tuple[str, ...]:
        return self.metadata.scopes

    @property
    def access_token_ttl(self) -> int:
        return self.metadata.access_token_ttl


AnyClient: TypeAlias = Client | DynamicClient
