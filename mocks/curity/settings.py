"""The settings of a token profile and of what it needs of the environment around it, each part a class.

Names follow the configuration reference (curity.io/docs/identity-server/configuration-reference/profiles/profile), as
do the defaults. Everything is frozen.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

DAY = 86_400

ALL_SCOPES = ("openid", "profile", "email", "address", "phone")


def digest(secret: str) -> bytes:
    """What is kept of a secret. Cheap, since a mock protects nothing and a slow hash would slow the token endpoint."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


# Facilities

HOLDS_DYNAMIC_CLIENTS = frozenset({"jdbc", "dynamodb", "mongodb"})
"""The types of data sources that do: curity.io/docs/identity-server/facilities/data-sources/overview."""
HSQLDB = "org.hsqldb.jdbc.JDBCDriver"


@dataclass(frozen=True)
class DataSource:
    """Where clients and tokens are kept. `type` is the plugin, `driver` that of a `jdbc` one.

    Without `schema` its create script was never run, and without `answers` its connection string leads nowhere: either
    is noticed at the first registration, not at the commit (inferred).
    """

    id: str
    type: str = "jdbc"
    driver: str | None = "org.postgresql.Driver"
    schema: bool = True
    answers: bool = True

    @property
    def in_memory(self) -> bool:
        """A restart wipes it: github.com/curityio/ai-agents-auth-demo, CLAUDE.md and k8s/curity/configmap.yaml."""
        return self.driver == HSQLDB


# Token issuers


@dataclass(frozen=True)
class DefaultTokenIssuer:
    """Without `access_token_as_jwt` ("Use Access Token as JWT") access tokens are opaque, for every client.

    `algorithm` is one of those that `keys.new_key` makes a key for, of the many that Curity signs with.
    """

    access_token_as_jwt: bool = False
    use_wrapped_opaque_tokens: bool = False
    algorithm: str = "RS256"
    signing_key_id: str = "default-signing-key"
    default_data_source: str = "default-datasource"


@dataclass(frozen=True)
class CustomTokenIssuer:
    """Keyed by id, issuer type and purpose type. Inert until a token procedure or a client names it."""

    id: str
    issuer_type: str
    purpose_type: str
    tokens_data_source_id: str | None = None
    signing_key_id: str | None = None
    verification_keystore_id: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.id, self.issuer_type, self.purpose_type


# Clients


@dataclass(frozen=True)
class Template:
    """The container `dynamic-client-registration-template` of a client: registrations may be instances of it.

    Who may register one is set here, for each template: github.com/curityio/database-client-migration-example,
    src/data/configurationClient.ts.
    """

    authenticate_client_by: tuple[str, ...] = ()
    authenticate_user_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Client:
    """A config-backed client.

    `authentication_method` is `secret` or one that this scenario has no credentials for (`no-authentication`,
    `mutual-tls`, `asymmetrically-signed-jwt`). With an empty `audience` the client's own id is its audience.
    `userinfo_token_issuer` is the leaf `signed-userinfo/userinfo-token-issuer`.
    """

    id: str
    secret: str | None = field(default=None, repr=False)
    authentication_method: str = "secret"
    enabled: bool = True
    capabilities: frozenset[str] = frozenset()
    scopes: tuple[str, ...] = ()
    access_token_ttl: int = 300
    audience: tuple[str, ...] = ()
    template: Template | None = None
    userinfo_token_issuer: str | None = None

    @cached_property
    def secret_digest(self) -> bytes | None:
        return None if self.secret is None else digest(self.secret)


# Dynamic client registration


@dataclass(frozen=True)
class AuthenticateClientBy:
    """These clients, and no others, obtain an initial access token with client_credentials."""

    clients: tuple[str, ...]


@dataclass(frozen=True)
class AuthenticateUserBy:
    """A user who logs in at one of these clients obtains it: a machine cannot."""

    clients: tuple[str, ...]


@dataclass(frozen=True)
class NoAuthentication:
    """Everyone may register."""


@dataclass(frozen=True)
class MutualTls:
    """A trusted client certificate is required to register: on the connection, or `by_proxy` in a header."""

    by_proxy: bool = False


RegistrarAuthentication: TypeAlias = AuthenticateClientBy | AuthenticateUserBy | NoAuthentication | MutualTls


@dataclass(frozen=True)
class NonTemplatized:
    """What a request by RFC 7591 metadata can get at most. `scopes` None is the choice `all`."""

    authentication: RegistrarAuthentication
    capabilities: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    client_authentication_method: frozenset[str] = frozenset({"secret"})
    user_consent: bool = False


@dataclass(frozen=True)
class RegistrationToken:
    """`ttl`: seconds until it is of no use; `read_write_ttl`: until it can only delete. `reuse`: it is not rotated."""

    ttl: int = 365 * DAY
    read_write_ttl: int = 28 * DAY
    reuse: bool = False


@dataclass(frozen=True)
class ClientManagement:
    """`rotated_secret_ttl`: for how many seconds the previous secret survives a rotation."""

    registration_token: RegistrationToken = RegistrationToken()
    rotated_secret_ttl: int = 0
    management_clients: tuple[str, ...] = ()


@dataclass(frozen=True)
class DynamicClientRegistration:
    """Each part is off where it is None. Templates are clients with a `template`."""

    client_data_source: str
    non_templatized: NonTemplatized | None = None
    client_management: ClientManagement | None = None
    templatized: bool = False


# Endpoints and nodes


@dataclass(frozen=True)
class Endpoint:
    """`uri` is a path; any is legal, and the registration endpoint has no usual one."""

    id: str
    kind: str
    uri: str


@dataclass(frozen=True)
class ServiceRole:
    """A node of this role serves the endpoints whose ids it lists, and no others."""

    id: str
    endpoints: frozenset[str]


ENDPOINTS = tuple(
    Endpoint(f"token-service-{name}", f"oauth-{name}", f"/oauth/v2/oauth-{name}")
    for name in ("anonymous", "authorize", "token", "introspect", "revoke", "userinfo", "session", "assisted-token")
)
# Not below /oauth/v2, so that a client that guesses the path instead of reading the metadata fails. The same URI
# is used in curity.io/resources/learn/dynamic-client-registration-management.
REGISTRATION_ENDPOINT = Endpoint(
    "token-service-dynamic-client-registration",
    "oauth-dynamic-client-registration",
    "/token-service/oauth-registration",
)
