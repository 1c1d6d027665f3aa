"""What request bodies may hold: one table of fields for each body, by document."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dcrproof.mocks.konnect.fields import Field, body, needed, text

# --- DCR providers (application-auth-strategies v2) -----------------------------------------------------------------

NAME = text(256, 1)
URL = text(256, format="url")
LABELS = Field("object", most=50, labels=True)
LABELS_UPDATE = replace(LABELS, nullable=True)
ID = text(format="uuid")
OPTIONAL_ID = replace(ID, nullable=True)
BOOLEAN = Field("boolean")
TEXT_256 = text(256)

# provider_type: `dcr_config` at creation. The members of WRITE_ONLY never come back.
DCR_CONFIGS: Mapping[str, Mapping[str, Field]] = {
    "auth0": {
        "initial_client_id": needed(TEXT_256),
        "initial_client_secret": needed(TEXT_256),
        "initial_client_audience": text(256, nullable=True),
        "use_developer_managed_scopes": BOOLEAN,
    },
    "azureAd": {"initial_client_id": needed(TEXT_256), "initial_client_secret": needed(TEXT_256)},
    "curity": {"initial_client_id": needed(TEXT_256), "initial_client_secret": needed(TEXT_256)},
    "okta": {"dcr_token": needed(TEXT_256)},
    "http": {
        "dcr_base_url": needed(URL),
        "api_key": needed(text(256, 12, pattern=re.compile(r"^[a-zA-Z0-9_]+\Z"))),
        "disable_event_hooks": BOOLEAN,
        "disable_refresh_secret": BOOLEAN,
        "allow_multiple_credentials": BOOLEAN,
    },
    "kongIdentity": {},
}
WRITE_ONLY = frozenset({"initial_client_secret", "dcr_token", "api_key"})

# What a response shows although the request did not set it (AAS: required in the response).
DCR_CONFIG_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "auth0": {"initial_client_audience": None, "use_developer_managed_scopes": False},
    "http": {"disable_event_hooks": False, "disable_refresh_secret": False, "allow_multiple_credentials": False},
}


def provider_creation(provider_type: Any) -> Field:
    known = provider_type if isinstance(provider_type, str) and provider_type in DCR_CONFIGS else "curity"
    return body(
        {
            "name": needed(NAME),
            "display_name": NAME,
            "provider_type": needed(text(choices=tuple(DCR_CONFIGS))),
            "issuer": needed(URL),
            "dcr_config": body(DCR_CONFIGS[known], required=known != "kongIdentity"),
            "labels": LABELS,
        }
    )


def provider_update(provider_type: str) -> Field:
    # Another type's members are unknown properties (inferred: the document's `anyOf` does not say).
    members = {key: replace(field, required=False) for key, field in DCR_CONFIGS[provider_type].items()}
    return body(
        {"name": NAME, "display_name": NAME, "issuer": URL, "labels": LABELS_UPDATE, "dcr_config": body(members)}
    )


# --- Application auth strategies (application-auth-strategies v2) ---------------------------------------------------

OPENID_CONNECT = {
    "issuer": needed(URL),
    "credential_claim": needed(Field("array", most=10, items=text(128))),
    "scopes": needed(Field("array", most=50, items=text(128))),
    "auth_methods": needed(Field("array", most=10, items=text(64))),  # no enum in the document
}
KEY_AUTH = {
    "key_names": Field("array", least=1, most=10, items=text(256)),
    "ttl": body(
        {
            "value": needed(Field("integer", least=1)),
            "unit": needed(text(choices=("days", "weeks", "years"))),
        },
    ),
}
NULLABLE_IN_UPDATES = frozenset({"ttl"})
"""Members of `configs` that an update sets to null to unset them (AAS, PartialAppAuthStrategyConfigKeyAuth)."""
# strategy_type: (the one key of `configs`, its fields, is it open to any field of the plugin?)
CONFIGS: Mapping[str, tuple[str, Mapping[str, Field], bool]] = {
    "openid_connect": ("openid-connect", OPENID_CONNECT, True),
    "key_auth": ("key-auth", KEY_AUTH, False),
}


def strategy_creation(strategy_type: Any) -> Field:
    known = strategy_type if isinstance(strategy_type, str) and strategy_type in CONFIGS else "openid_connect"
    key, fields, is_open = CONFIGS[known]
    members = {
        "name": needed(NAME),
        "display_name": needed(text(256)),
        "strategy_type": needed(text(choices=tuple(CONFIGS))),
        "configs": body({key: body(fields, open=is_open, required=True)}, required=True),
        "labels": LABELS,
        "principals": body({"enabled": needed(BOOLEAN)}),
    }
    if known == "openid_connect":
        members["dcr_provider_id"] = OPTIONAL_ID
    return body(members)


def strategy_update(strategy_type: str) -> Field:
    key, fields, is_open = CONFIGS[strategy_type]
    partial = {
        name: replace(field, required=False, nullable=name in NULLABLE_IN_UPDATES) for name, field in fields.items()
    }
    members = {
        "name": NAME,
        "display_name": text(256),
        "labels": LABELS_UPDATE,
        "configs": body({key: body(partial, open=is_open, required=True)}),
        "principals": body({"enabled": needed(BOOLEAN)}),
    }
    if strategy_type == "openid_connect":
        members["dcr_provider_id"] = OPTIONAL_ID
    return body(members)


# --- Portals, developers, applications as an admin sees them (portal-management v3) ---------------------------------

VISIBILITY = text(choices=("public", "private"))
STATUSES = ("approved", "pending", "revoked", "rejected")
STATUS = text(choices=STATUSES)

PORTAL_UPDATE = body(
    {
        "name": text(255, 1),
        "display_name": text(255, 1),
        "description": text(512, nullable=True),
        "authentication_enabled": BOOLEAN,
        "rbac_enabled": BOOLEAN,
        "sipr_enabled": BOOLEAN,
        "default_api_visibility": VISIBILITY,
        "default_page_visibility": VISIBILITY,
        "default_application_auth_strategy_id": OPTIONAL_ID,
        "auto_approve_developers": BOOLEAN,
        "auto_approve_applications": BOOLEAN,
        "labels": LABELS_UPDATE,
        "notifications_developer_pii_visibility_enabled": BOOLEAN,
    }
)
PORTAL_CREATION = body({**(PORTAL_UPDATE.fields or {}), "name": needed(text(255, 1))})
PUBLISHED = text(choices=("published", "unpublished"))
CONTENT = text(1_000_000)
SHOWN = {
    "title": text(512),
    "content": CONTENT,
    "description": text(160),
    "visibility": VISIBILITY,
    "status": PUBLISHED,
}
PAGE_UPDATE = body({**SHOWN, "slug": text(512), "parent_page_id": OPTIONAL_ID})
PAGE_CREATION = body({**(PAGE_UPDATE.fields or {}), "slug": needed(text(512)), "content": needed(CONTENT)})
SNIPPET_UPDATE = body({**SHOWN, "name": text(512)})
SNIPPET_CREATION = body({**SHOWN, "name": needed(text(512)), "content": needed(CONTENT)})
DEVELOPER_CREATION = body(
    {
        "email": needed(text(255, format="email")),
        "full_name": needed(text(255)),
        "status": STATUS,
        "send_invitation_email": BOOLEAN,
    }
)
TEAM_UPDATE = body({"name": text(250, 1), "description": text(250, 1), "can_own_applications": BOOLEAN})
TEAM_CREATION = body({**(TEAM_UPDATE.fields or {}), "name": needed(text(250, 1))})
TEAM_MEMBER = body({"id": needed(ID)})
CONSUMER_MAPPING = body({"id": needed(ID)})
CLUSTER_TYPES = tuple(
    f"CLUSTER_TYPE_{kind}" for kind in ("CONTROL_PLANE", "K8S_INGRESS_CONTROLLER", "CONTROL_PLANE_GROUP", "SERVERLESS")
)
AUTH_TYPES = ("pinned_client_certs", "pki_client_certs")
PROXY_URL = body(
    {"host": needed(text()), "port": needed(Field("integer", least=1, most=65535)), "protocol": needed(text())}
)
CONTROL_PLANE_UPDATE = body(
    {
        "name": text(least=1),
        "description": text(),
        "auth_type": text(choices=AUTH_TYPES),
        "proxy_urls": Field("array", items=PROXY_URL),
        "labels": LABELS,
    }
)
CONTROL_PLANE_CREATION = body(
    {
        **(CONTROL_PLANE_UPDATE.fields or {}),
        "name": needed(text(least=1)),
        "cluster_type": text(choices=CLUSTER_TYPES),
        "cloud_gateway": BOOLEAN,
    }
)
TEAM_ROLE = body(
    {
        "role_name": needed(text(choices=("API Viewer", "API Consumer"))),
        "entity_id": needed(ID),
        "entity_type_name": needed(text()),
        "entity_region": needed(text(choices=("us", "eu", "au", "me", "in", "sg", "*"))),
    }
)
STATUS_UPDATE = body({"status": STATUS})
OWNER = body({"type": needed(text(choices=("developer", "team"))), "id": needed(ID)})
ADMIN_APPLICATION_CREATION = body(
    {
        "name": needed(text(255)),
        "description": text(255),
        "labels": LABELS_UPDATE,
        "dcr_client_id": text(255),
        "client_id": text(255),
        "auth_strategy_id": ID,
        "owner": needed(OWNER),
    }
)
ADMIN_APPLICATION_UPDATE = body({"owner": OWNER})
ADMIN_REGISTRATION_CREATION = body({"api_id": needed(ID), "status": text(choices=("approved", "pending"))})

# --- Gateway entities (control-planes-config v2; patterns: Kong's kong/db/schema/typedefs.lua) --------------------------

SECONDS = Field("integer", nullable=True)  # since the epoch
TEXTS = Field("array", nullable=True, items=text())
FLAG = Field("boolean", nullable=True)
MILLISECONDS = Field("integer", nullable=True, least=1, most=2**31 - 2)
REFERENCE = body({"id": text()}, nullable=True)
PORT = Field("integer", least=0, most=65535)
PROTOCOL = text(choices=("grpc", "grpcs", "http", "https", "tcp", "tls", "tls_passthrough", "udp", "ws", "wss"))
PROTOCOLS = Field("array", nullable=True, least=1, items=PROTOCOL)
ENDPOINTS = Field("array", nullable=True, items=body({"ip": text(), "port": PORT}))
PLAIN_PATH = r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*"
PATH = text(nullable=True, pattern=re.compile(PLAIN_PATH + r"\Z"))
ENTITY = {"id": OPTIONAL_ID, "created_at": SECONDS, "updated_at": SECONDS, "tags": TEXTS}
GATEWAY_SERVICE = body(
    {
        **ENTITY,
        "name": text(nullable=True, least=1),
        "url": text(nullable=True, format="url"),  # protocol, host, port and path at once
        "protocol": replace(PROTOCOL, nullable=True),
        "host": text(least=1, format="host"),
        "port": replace(PORT, nullable=True),
        "path": PATH,
        "connect_timeout": MILLISECONDS,
        "read_timeout": MILLISECONDS,
        "write_timeout": MILLISECONDS,
        "retries": Field("integer", nullable=True, least=0, most=32767),
        "enabled": FLAG,
        "ca_certificates": TEXTS,
        "client_certificate": REFERENCE,
        "tls_sans": body(
            {"dnsnames": replace(TEXTS, nullable=False), "uris": replace(TEXTS, nullable=False)}, nullable=True
        ),
        "tls_verify": FLAG,
        "tls_verify_depth": Field("integer", nullable=True, least=0, most=64),
    }
)
GATEWAY_ROUTE = body(
    {
        **ENTITY,
        "name": text(nullable=True, least=1),
        "service": REFERENCE,
        "protocols": PROTOCOLS,
        "paths": Field("array", nullable=True, items=text(pattern=re.compile(rf"({PLAIN_PATH}|~/.*)\Z", re.DOTALL))),
        "methods": Field("array", nullable=True, items=text(pattern=re.compile(r"[A-Z]+\Z"))),
        "hosts": TEXTS,
        "headers": body({}, nullable=True, open=True, others=Field("array", items=text())),
        "snis": TEXTS,
        "sources": ENDPOINTS,
        "destinations": ENDPOINTS,
        "expression": text(nullable=True),
        "priority": Field("integer", nullable=True, least=0, most=2**46 - 1),
        "regex_priority": Field("integer", nullable=True),
        "path_handling": text(nullable=True, choices=("v0", "v1")),
        "https_redirect_status_code": Field("integer", nullable=True, choices=(301, 302, 307, 308, 426)),
        **dict.fromkeys(("strip_path", "preserve_host", "request_buffering", "response_buffering"), FLAG),
    }
)
ACCESS = body({"access": replace(TEXTS, nullable=False)})
GATEWAY_PLUGIN = body(
    {
        **ENTITY,
        "name": needed(text(least=1)),
        "instance_name": text(nullable=True),
        "enabled": FLAG,
        "config": body({}, nullable=True, open=True),
        "protocols": replace(PROTOCOLS, least=None),
        "condition": text(1024, nullable=True),
        "ordering": body({"after": ACCESS, "before": ACCESS}, nullable=True),
        "partials": Field("array", nullable=True, items=body({"id": text(least=1), "name": text(), "path": text()})),
        **dict.fromkeys(("consumer", "consumer_group", "route", "service"), REFERENCE),
    }
)
GATEWAY_CONSUMER = body({**ENTITY, **dict.fromkeys(("username", "custom_id"), text(nullable=True, least=1))})

CERTIFICATE = body({"cert": needed(text()), "title": text()})

# --- APIs (api-builder v3) ------------------------------------------------------------------------------------------

ATTRIBUTE = Field("array", least=1, most=20, nullable=True, items=text(512, 1))
SLUG = text(nullable=True, pattern=re.compile(r"^[\w-]+\Z", re.ASCII))
API_UPDATE = body(
    {
        "name": text(255, 1),
        "version": text(255, 1, nullable=True),
        "description": text(nullable=True),
        "slug": SLUG,
        "labels": LABELS_UPDATE,
        "attributes": body({}, open=True, others=ATTRIBUTE),
    }
)
API_CREATION = body(
    {**(API_UPDATE.fields or {}), "name": needed(text(255, 1)), "labels": LABELS, "spec_content": text()}
)
VERSION_UPDATE = body({"version": text(), "spec": body({"content": text()})})
VERSION_CREATION = body({"version": text(), "spec": needed(body({"content": text()}))})
DOCUMENT_UPDATE = body(
    {
        "content": text(),
        "title": text(),
        "slug": text(pattern=re.compile(r"^[\w-]+\Z", re.ASCII)),
        "status": PUBLISHED,
        "parent_document_id": OPTIONAL_ID,
    }
)
DOCUMENT_CREATION = body({**(DOCUMENT_UPDATE.fields or {}), "content": needed(text())})
IMPLEMENTATION_CREATION = body(
    {
        "service": body({"control_plane_id": needed(ID), "id": needed(ID)}),
        "control_plane": body({"control_plane_id": needed(ID)}),
    }
)
PUBLICATION = body(
    {
        "visibility": VISIBILITY,
        "auth_strategy_ids": Field("array", least=1, most=1, nullable=True, items=ID),
        "auto_approve_registrations": BOOLEAN,
        "form_id": OPTIONAL_ID,
    }
)

# --- What a developer sends (dev-portal v3) -------------------------------------------------------------------------

SIGN_UP = body({"email": needed(text(255, format="email")), "full_name": needed(text(256, 1))})
FORGOT_PASSWORD = body({"email": needed(text(format="email"))})
APPLICATION_UPDATE = body(
    {
        "name": text(255),
        "description": text(255),
        "client_id": text(255),
        "redirect_uri": text(format="uri", nullable=True),
        "scopes": Field("array", items=text()),
        "team_id": OPTIONAL_ID,
    }
)
APPLICATION_CREATION = body(
    {
        **(APPLICATION_UPDATE.fields or {}),
        "name": needed(text(255)),
        "redirect_uri": text(format="uri"),
        "auth_strategy_id": OPTIONAL_ID,
    }
)
REGISTRATION_CREATION = body({"api_id": needed(ID)})
