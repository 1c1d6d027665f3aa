"""The committed configuration of a Curity: one token profile and what it needs of the environment around it.

Names follow the configuration reference (curity.io/docs/identity-server/configuration-reference/profiles/profile), as
do the defaults. Everything is frozen: a change is a new `Configuration`, and an invalid one cannot be made, as it could
not be committed.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from dcrproof.mocks.curity.errors import CommitRejected

DAY = 86_400

ALL_SCOPES = ("openid", "profile", "email", "address", "phone")


def digest(secret: str) -> bytes:
    """What is kept of a secret. Cheap, since a mock guards nothing and a slow hash caps the token endpoint."""
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
    """A user who logs in at one of these clients obtains it: no machine can."""

    clients: tuple[str, ...]


@dataclass(frozen=True)
class NoAuthentication:
    """Anybody may register."""


@dataclass(frozen=True)
class MutualTls:
    """Whoever shows a trusted client certificate may register: on the connection, or `by_proxy` in a header."""

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
    """Each part is off where it is None. Templates are clients that are marked so."""

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
# Not below /oauth/v2, so that whoever guesses the path instead of reading it in the metadata is caught. The same URI
# stands in curity.io/resources/learn/dynamic-client-registration-management.
REGISTRATION_ENDPOINT = Endpoint(
    "token-service-dynamic-client-registration",
    "oauth-dynamic-client-registration",
    "/token-service/oauth-registration",
)


# The whole


@dataclass(frozen=True)
class Configuration:
    """What is committed. `base_url` None: the address at which this Curity is reached."""

    default_token_issuer: DefaultTokenIssuer = DefaultTokenIssuer()
    custom_token_issuers: tuple[CustomTokenIssuer, ...] = ()
    client_capabilities: frozenset[str] = frozenset()
    clients: tuple[Client, ...] = ()
    dynamic_client_registration: DynamicClientRegistration | None = None
    scopes: tuple[str, ...] = ALL_SCOPES
    basic_and_form_post: bool = True
    openid_connect_expose_metadata: bool = True
    expose_metadata: bool = False
    metadata_cache_duration: int = 600
    expose_detailed_error_messages: bool = False
    endpoints: tuple[Endpoint, ...] = ENDPOINTS
    service_roles: tuple[ServiceRole, ...] = (ServiceRole("default", frozenset(one.id for one in ENDPOINTS)),)
    data_sources: tuple[DataSource, ...] = (DataSource("default-datasource"),)
    published_endpoints: tuple[str, ...] = ()
    """Which endpoint the metadata names where several of a kind are deployed, by id: expose-metadata."""
    signing_keys: tuple[str, ...] = ("default-signing-key",)
    signature_verification_keys: tuple[str, ...] = ("default-signature-verification-key",)
    base_url: str | None = None
    issuer_override: str | None = None
    """The issuer in place of base URL and anonymous endpoint: settings/authorization-server, issuer-override."""
    jwks_uri_override: str | None = None

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise CommitRejected(problem)

    def _problems(self) -> Iterable[str]:
        """What stops a commit. A reference to what is not there: inferred from the leafref types of the configuration."""
        for what, keys in (
            ("client", [client.id for client in self.clients]),
            ("endpoint", [endpoint.id for endpoint in self.endpoints]),
            ("service-role", [role.id for role in self.service_roles]),
            ("custom-token-issuer", [issuer.key for issuer in self.custom_token_issuers]),
        ):
            if len(set(keys)) < len(keys):
                yield f"two entries of the list {what} have the same key"
        for client in self.clients:
            # Documented: curity.io/docs/identity-server/profiles/token-profile/clients/config-clients
            for capability in sorted(client.capabilities - self.client_capabilities):
                yield f"client {client.id} has the capability {capability}, which the profile has not"
        yield from self._unknown("data source", self.data_sources_by_id, self._named_data_sources())
        yield from self._unknown("signing key", self.signing_keys, self._named_signing_keys())
        dynamic = self.dynamic_client_registration
        source = self.data_sources_by_id.get(dynamic.client_data_source) if dynamic else None
        if source is not None and source.type not in HOLDS_DYNAMIC_CLIENTS:
            # Documented: what a data source does not support is not committed (facilities/data-sources/overview).
            yield f"the data source {source.id} of type {source.type} holds no dynamic clients"
        yield from self._unknown(
            "signature verification key",
            self.signature_verification_keys,
            (issuer.verification_keystore_id for issuer in self.custom_token_issuers),
        )
        yield from self._unknown(
            "endpoint",
            [endpoint.id for endpoint in self.endpoints],
            (name for role in self.service_roles for name in sorted(role.endpoints)),
        )
        yield from self._unknown("endpoint", [endpoint.id for endpoint in self.endpoints], self.published_endpoints)
        yield from self._unknown(
            "custom token issuer",
            [issuer.id for issuer in self.custom_token_issuers if issuer.purpose_type == "userinfo"],
            (client.userinfo_token_issuer for client in self.clients),
        )
        for client in self.clients:
            # Documented: curity.io/docs/identity-server/profiles/token-profile/clients/dcr/dcr-api
            if client.template is not None and client.authentication_method != "secret":
                yield f"the template {client.id} has no secret"

    @staticmethod
    def _unknown(what: str, known: Iterable[str], named: Iterable[str | None]) -> Iterable[str]:
        return (f"there is no {what} {name}" for name in named if name is not None and name not in known)

    def _named_data_sources(self) -> Iterable[str | None]:
        yield self.default_token_issuer.default_data_source
        yield from (issuer.tokens_data_source_id for issuer in self.custom_token_issuers)
        if self.dynamic_client_registration is not None:
            yield self.dynamic_client_registration.client_data_source

    def _named_signing_keys(self) -> Iterable[str | None]:
        yield self.default_token_issuer.signing_key_id
        yield from (issuer.signing_key_id for issuer in self.custom_token_issuers)

    @cached_property
    def data_sources_by_id(self) -> dict[str, DataSource]:
        return {source.id: source for source in self.data_sources}

    @cached_property
    def clients_by_id(self) -> dict[str, Client]:
        return {client.id: client for client in self.clients}

    @property
    def non_templatized(self) -> NonTemplatized | None:
        dynamic = self.dynamic_client_registration
        return None if dynamic is None else dynamic.non_templatized

    @property
    def client_management(self) -> ClientManagement | None:
        dynamic = self.dynamic_client_registration
        return None if dynamic is None else dynamic.client_management

    def deployed(self, role: str) -> tuple[Endpoint, ...]:
        """The endpoints that a node of that role serves."""
        listed = next((one.endpoints for one in self.service_roles if one.id == role), frozenset[str]())
        return tuple(
            endpoint
            for endpoint in self.endpoints
            if endpoint.id in listed
            and (endpoint.kind != REGISTRATION_ENDPOINT.kind or self.dynamic_client_registration is not None)
        )

    def template(self, software_id: object) -> Client | None:
        """The template of that id, where templatized registration is on."""
        dynamic = self.dynamic_client_registration
        if dynamic is None or not dynamic.templatized or not isinstance(software_id, str):
            return None
        client = self.clients_by_id.get(software_id)
        return client if client is not None and client.template is not None else None

    @cached_property
    def initial_clients(self) -> frozenset[str]:
        """The clients that may obtain an initial access token for themselves: for some template, or for none."""
        dynamic = self.dynamic_client_registration
        found: set[str] = set()
        if dynamic is not None and dynamic.templatized:
            found |= {id for one in self.clients if one.template for id in one.template.authenticate_client_by}
        if dynamic is not None and dynamic.non_templatized is not None:
            match dynamic.non_templatized.authentication:
                case AuthenticateClientBy(clients):
                    found |= set(clients)
                case _:
                    pass
        return frozenset(found)

    def endpoint(self, kind: str) -> Endpoint | None:
        """The endpoint of that kind that the metadata names, if any node serves one."""
        return self._published.get(kind)

    @cached_property
    def _published(self) -> dict[str, Endpoint]:
        """Where several of a kind are deployed the metadata must be told which to name (documented; that it names none
        until then is inferred). The issuer is the first anonymous endpoint.
        """
        served = {endpoint for role in self.service_roles for endpoint in self.deployed(role.id)}
        published: dict[str, Endpoint] = {}
        for kind in dict.fromkeys(endpoint.kind for endpoint in self.endpoints):
            found = [endpoint for endpoint in self.endpoints if endpoint in served and endpoint.kind == kind]
            if len(found) > 1 and kind != "oauth-anonymous":
                found = [endpoint for endpoint in found if endpoint.id in self.published_endpoints]
            if found:
                published[kind] = found[0]
        return published


def how_to_configuration(registrar: tuple[str, str], introspector: tuple[str, str]) -> Configuration:
    """A profile with every step of Kong's how-to for Curity done, what it forgets (the capability of
    registered clients, the commit) included, and one client more that may introspect.

    `registrar` and `introspector` are pairs of client id and secret.
    """
    registrar_id, registrar_secret = registrar
    introspector_id, introspector_secret = introspector
    endpoints = (*ENDPOINTS, REGISTRATION_ENDPOINT)
    return Configuration(
        default_token_issuer=DefaultTokenIssuer(access_token_as_jwt=True),
        custom_token_issuers=(
            CustomTokenIssuer(
                id="userinfo",
                issuer_type="jwt",
                purpose_type="userinfo",
                tokens_data_source_id="default-datasource",
                signing_key_id="default-signing-key",
                verification_keystore_id="default-signature-verification-key",
            ),
        ),
        client_capabilities=frozenset({"client-credentials", "introspection"}),
        clients=(
            Client(registrar_id, registrar_secret, capabilities=frozenset({"client-credentials"})),
            Client(introspector_id, introspector_secret, capabilities=frozenset({"introspection"})),
        ),
        dynamic_client_registration=DynamicClientRegistration(
            client_data_source="default-datasource",
            non_templatized=NonTemplatized(
                authentication=AuthenticateClientBy((registrar_id,)),
                capabilities=frozenset({"client-credentials"}),
            ),
            client_management=ClientManagement(),
        ),
        endpoints=endpoints,
        service_roles=(ServiceRole("default", frozenset(endpoint.id for endpoint in endpoints)),),
    )
