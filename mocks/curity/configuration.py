"""The committed configuration of a Curity: its settings as a whole, and what keeps them from being committed.

A change is a new `Configuration`, and an invalid one cannot be made, as it could not be committed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from dcrproof.mocks.curity.errors import CommitRejected
from dcrproof.mocks.curity.settings import (
    ALL_SCOPES,
    ENDPOINTS,
    HOLDS_DYNAMIC_CLIENTS,
    REGISTRATION_ENDPOINT,
    AuthenticateClientBy,
    Client,
    ClientManagement,
    CustomTokenIssuer,
    DataSource,
    DefaultTokenIssuer,
    DynamicClientRegistration,
    Endpoint,
    NonTemplatized,
    ServiceRole,
)


@dataclass(frozen=True)
class Configuration:
    """What is committed. `base_url` None: the address at which this Curity is reached."""

    default_token_issuer: DefaultTokenIssuer = field(default_factory=DefaultTokenIssuer)
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
    """The issuer instead of base URL and anonymous endpoint: settings/authorization-server, issuer-override."""
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
                yield f"client {client.id} has the capability {capability}, which the profile does not have"
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
        """Where several of a kind are deployed a setting says which one the metadata names (documented; that it names none
        without the setting is inferred). The issuer is the first anonymous endpoint.
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
