"""Konnect's objects: frozen, replaced whole on change. Ids are UUIDs, times are seconds since the epoch.

No secret that belongs to an application is among them: the developer sees it once, and Konnect forgets it
(app/dev-portal/dynamic-client-registration.md; the reference bridge's README: "Konnect doesn't store this data").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ControlPlane:
    id: str
    name: str
    description: str
    labels: Mapping[str, str]
    cluster_type: str
    auth_type: str
    cloud_gateway: bool
    proxy_urls: tuple[Mapping[str, Any], ...]
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class GatewayService:
    """`others` of this and the other entities are the members that are kept and shown; push.py says what they do."""

    id: str
    control_plane_id: str
    name: str | None
    url: str
    read_timeout: int
    enabled: bool
    created_at: float
    updated_at: float
    others: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GatewayRoute:
    id: str
    service_id: str
    name: str | None
    paths: tuple[str, ...]
    methods: tuple[str, ...]
    strip_path: bool
    created_at: float
    updated_at: float
    others: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GatewayConsumer:
    id: str
    control_plane_id: str
    username: str | None
    custom_id: str | None
    created_at: float
    updated_at: float
    others: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Certificate:
    """One with which data planes may join a control plane."""

    id: str
    control_plane_id: str
    members: Mapping[str, Any]
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class GatewayPlugin:
    """A plugin that was added to a service; Konnect's own is derived from publication and link."""

    id: str
    service_id: str
    name: str
    config: Mapping[str, Any]
    created_at: float
    updated_at: float
    others: Mapping[str, Any] = field(default_factory=dict)

    @property
    def enabled(self) -> bool:
        return bool(self.others.get("enabled", True))


@dataclass(frozen=True)
class Provider:
    """A DCR provider. `config` is what the API shows of `dcr_config`, `secrets` what it never shows."""

    id: str
    name: str
    display_name: str | None
    provider_type: str
    issuer: str
    config: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    labels: Mapping[str, str]
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class Strategy:
    """An application auth strategy. `config` is the value of `configs.openid-connect` or `configs.key-auth`."""

    id: str
    name: str
    display_name: str
    strategy_type: str
    config: Mapping[str, Any]
    dcr_provider_id: str | None
    labels: Mapping[str, str]
    principals: Mapping[str, Any]
    created_at: float
    updated_at: float

    @property
    def credential_type(self) -> str:
        if self.strategy_type == "key_auth":
            return "key_auth"
        return "client_credentials" if self.dcr_provider_id else "self_managed_client_credentials"


@dataclass(frozen=True)
class Portal:
    id: str
    name: str
    display_name: str
    description: str | None
    authentication_enabled: bool
    rbac_enabled: bool
    sipr_enabled: bool
    default_api_visibility: str
    default_page_visibility: str
    default_application_auth_strategy_id: str | None
    auto_approve_developers: bool
    auto_approve_applications: bool
    notifications_developer_pii_visibility_enabled: bool
    labels: Mapping[str, str]
    canonical_domain: str
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class Page:
    id: str
    portal_id: str
    slug: str
    title: str
    content: str
    description: str | None
    visibility: str
    status: str
    parent_page_id: str | None
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class Snippet:
    """A piece of content that pages include."""

    id: str
    portal_id: str
    name: str
    title: str
    content: str
    description: str | None
    visibility: str
    status: str
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class PortalEntry:
    """One of a list of settings of a portal: `kind` is the path of the list, `members` what the API was sent."""

    id: str
    portal_id: str
    kind: str
    members: Mapping[str, Any]
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class Developer:
    id: str
    portal_id: str
    email: str
    full_name: str
    status: str
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class Team:
    id: str
    portal_id: str
    name: str
    description: str
    can_own_applications: bool
    developers: frozenset[str]
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class TeamRole:
    """That a team may do something with an API (`entity_id`)."""

    id: str
    team_id: str
    role_name: str
    entity_id: str
    entity_type_name: str
    entity_region: str


@dataclass(frozen=True)
class Api:
    id: str
    name: str
    version: str | None
    description: str | None
    slug: str
    labels: Mapping[str, str]
    attributes: Mapping[str, Any]
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class ApiVersion:
    id: str
    api_id: str
    version: str
    content: str
    type: str
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class ApiDocument:
    id: str
    api_id: str
    title: str
    slug: str
    status: str
    content: str
    parent_document_id: str | None
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class Implementation:
    """The link of an API: to one gateway service, or (`service_id` None) to a whole control plane."""

    id: str
    api_id: str
    control_plane_id: str
    service_id: str | None
    auth_strategy_sync_error: Mapping[str, Any] | None
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class Publication:
    """An API on a portal. `auth_strategy_id` None means that no application auth is required."""

    api_id: str
    portal_id: str
    visibility: str
    auth_strategy_id: str | None
    auto_approve_registrations: bool
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class ClientRegistration:
    """Where and with what Konnect manages a client by RFC 7592."""

    uri: str
    access_token: str = field(repr=False)


@dataclass(frozen=True)
class Application:
    id: str
    portal_id: str
    developer_id: str
    name: str
    description: str | None
    redirect_uri: str | None
    client_id: str | None
    strategy_id: str
    provider_id: str | None
    labels: Mapping[str, str]
    client_registration: ClientRegistration | None
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class Registration:
    id: str
    portal_id: str
    application_id: str
    api_id: str
    status: str
    created_at: float
    updated_at: float
