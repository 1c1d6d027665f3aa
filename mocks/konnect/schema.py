"""What request bodies may hold: one table of fields for each body, and the one function that checks them.

Rule names and reasons are those of Kong's documents (schemas `InvalidRules`, `InvalidParameter*` and the examples of
portal-management v3). Schemas are closed: an unknown property is an error, except inside `configs.openid-connect`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from dcrproof.mocks.konnect.problems import Invalid, Problem, invalid_parameters

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*\Z")
LABEL_VALUE = re.compile(r"[a-z0-9A-Z]([a-z0-9A-Z\-._]*[a-z0-9A-Z]+)?\Z")
RESERVED_LABELS = ("kong", "konnect", "mesh", "kic", "_")


def is_url(value: str) -> bool:
    """Absolute, with a host. Whether Konnect insists on a scheme is unknown; http and https are what it can call."""
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and is_uri(value)
    except ValueError:
        return False


def is_uri(value: str) -> bool:
    try:
        return bool(urlsplit(value).scheme) and value.isascii() and value.isprintable() and " " not in value
    except ValueError:
        return False


# format: (test, rule, reason)
FORMATS: Mapping[str, tuple[Callable[[str], object], str, str]] = {
    "uuid": (UUID.match, "is_uuid", '"{name}" must be a valid UUID'),
    "url": (is_url, "invalid", '"{name}" must be a valid URL'),
    "uri": (is_uri, "invalid", '"{name}" must be a valid URI'),
    "email": (EMAIL.match, "invalid", '"{name}" must be a valid email'),
}

# kind: (Python types, rule, reason)
KINDS: Mapping[str, tuple[tuple[type, ...], str, str]] = {
    "string": ((str,), "is_string", '"{name}" must be a string'),
    "boolean": ((bool,), "is_boolean", 'value of "{name}" must be true or false'),
    "integer": ((int,), "is_integer", '"{name}" must be an integer'),
    "array": ((list,), "is_array", '"{name}" must be an array'),
    "object": ((dict,), "is_object", '"{name}" must be an object'),
}


@dataclass(frozen=True)
class Field:
    """One property: its JSON type and what limits it. `fields` of an object, `items` of an array."""

    kind: str = "string"
    required: bool = False
    nullable: bool = False
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()
    format: str | None = None
    pattern: re.Pattern[str] | None = None
    items: "Field | None" = None
    fields: "Mapping[str, Field] | None" = None
    open: bool = False
    labels: bool = False


def text(most: int | None = None, least: int | None = None, **more: Any) -> Field:
    return Field("string", most=most, least=least, **more)


def body(fields: Mapping[str, Field], **more: Any) -> Field:
    return Field("object", fields=fields, **more)


def needed(field: Field) -> Field:
    return replace(field, required=True)


def _bounds(name: str, value: Any, field: Field) -> Iterator[Invalid]:
    size, unit = (value, "") if field.kind == "integer" else (len(value), "items")
    suffix = {"string": "_length", "array": "_items", "object": "_items", "integer": ""}[field.kind]
    if field.least is not None and size < field.least:
        reason = f"must have at least {field.least} {'characters' if field.kind == 'string' else unit}".rstrip()
        yield {"field": name, "rule": "min" + suffix, "reason": reason, "minimum": field.least}
    if field.most is not None and size > field.most:
        thing = "characters" if field.kind == "string" else unit
        reason = f'value of "{name}" must not exceed {field.most} {thing}'.rstrip()
        yield {"field": name, "rule": "max" + suffix, "reason": reason, "maximum": field.most}


def _string(name: str, value: str, field: Field) -> Iterator[Invalid]:
    if field.format is not None:
        test, rule, reason = FORMATS[field.format]
        if not test(value):
            yield {"field": name, "rule": rule, "reason": reason.format(name=name)}
    if field.pattern is not None and not field.pattern.match(value):
        yield {"field": name, "rule": "matches_regex", "reason": f'"{name}" must match {field.pattern.pattern}'}


def _labels(name: str, value: Mapping[str, Any], nullable: bool) -> Iterator[Invalid]:
    # Keys: 1 to 63 characters, not starting with a reserved word; values: the pattern (AAS `Labels`). In an update a
    # value of null removes the key.
    for key, label in value.items():
        key_fits = 1 <= len(key) <= 63 and not key.startswith(RESERVED_LABELS)
        value_fits = isinstance(label, str) and len(label) <= 63 and LABEL_VALUE.match(label)
        if not (key_fits and (value_fits or (nullable and label is None))):
            yield {"field": f"{name}.{key}", "rule": "is_label", "reason": f'"{name}.{key}" must be a valid label'}


def faults(name: str, value: Any, field: Field) -> Iterator[Invalid]:
    """What is wrong with this value, each as an entry of `invalid_parameters` without its `source`."""
    if value is None and field.nullable:
        return
    types, rule, reason = KINDS[field.kind]
    fits = isinstance(value, types) and not (field.kind == "integer" and isinstance(value, bool))
    if not fits:
        yield {"field": name, "rule": rule, "reason": reason.format(name=name)}
        return
    if field.choices and value not in field.choices:
        reason = f"must be one of [{', '.join(field.choices)}]"
        yield {"field": name, "rule": "enum", "reason": reason, "choices": list(field.choices)}
        return
    if field.kind != "boolean":
        yield from _bounds(name, value, field)
    if field.kind == "string":
        yield from _string(name, value, field)
    elif field.labels:
        yield from _labels(name, value, field.nullable)
    elif field.items is not None:
        for position, item in enumerate(value):
            yield from faults(f"{name}[{position}]", item, field.items)
    elif field.fields is not None:
        yield from _members(name, value, field)


def _members(name: str, value: Mapping[str, Any], field: Field) -> Iterator[Invalid]:
    known = field.fields or {}
    prefix = f"{name}." if name else ""
    for key, member in known.items():
        if key in value:
            yield from faults(prefix + key, value[key], member)
        elif member.required:
            yield {"field": prefix + key, "rule": "required", "reason": f'"{prefix}{key}" is required'}
    if not field.open:
        for key in value.keys() - known.keys():
            yield {"field": prefix + key, "rule": "unknown_property", "reason": f'"{prefix}{key}" is not allowed'}


def check(value: Any, field: Field) -> None:
    """Raises Problem 400 with every fault of the body."""
    if not isinstance(value, dict):
        reason = '"body" must be an object'
        raise invalid_parameters([{"field": "body", "rule": "is_object", "reason": reason, "source": "body"}])
    found = [{**fault, "source": "body"} for fault in faults("", value, field)]
    if found:
        raise invalid_parameters(sorted(found, key=lambda fault: str(fault["field"])))


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
            "value": needed(Field("integer", least=1, most=2**31 - 1)),
            "unit": needed(text(choices=("days", "weeks", "years"))),
        },
        nullable=True,
    ),
}
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
    partial = {name: replace(field, required=False) for name, field in fields.items()}
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
FULL_NAME = text(255, 1)

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
PAGE_CREATION = body(
    {
        "slug": needed(text(512)),
        "title": text(512),
        "content": needed(text(1_000_000)),
        "description": text(160),
        "visibility": VISIBILITY,
        "status": text(choices=("published", "unpublished")),
        "parent_page_id": OPTIONAL_ID,
    }
)
DEVELOPER_CREATION = body(
    {
        "email": needed(text(255, format="email")),
        "full_name": needed(FULL_NAME),
        "status": STATUS,
        "send_invitation_email": BOOLEAN,
    }
)
TEAM_CREATION = body({"name": needed(text(250, 1)), "description": text(250, 1), "can_own_applications": BOOLEAN})
TEAM_MEMBER = body({"id": needed(ID)})
CONSUMER_MAPPING = body({"id": needed(ID)})
# control-planes-config v2 knows more members of these, which the mock does not: it refuses them.
GATEWAY_SERVICE = body(
    {
        "name": needed(text(least=1)),
        "protocol": text(choices=("http", "https")),
        "host": needed(text(least=1)),
        "port": Field("integer", least=0, most=65535),
        "path": text(nullable=True, pattern=re.compile("/")),
        "read_timeout": Field("integer", least=1, most=2147483646),
        "enabled": BOOLEAN,
    }
)
GATEWAY_ROUTE = body(
    {
        "name": needed(text(least=1)),
        "paths": needed(Field("array", least=1, items=text(pattern=re.compile("/")))),
        "methods": Field("array", nullable=True, items=text(pattern=re.compile(r"[A-Z]+\Z"))),
        "strip_path": BOOLEAN,
    }
)
GATEWAY_PLUGIN = body(
    {
        "name": needed(text(choices=("openid-connect", "konnect-application-auth"))),
        "config": body({}, open=True),
    }
)
GATEWAY_CONSUMER = body({"username": text(nullable=True), "custom_id": text(nullable=True)})
TEAM_ROLE = body(
    {
        "role_name": needed(text(choices=("API Viewer", "API Consumer"))),
        "entity_id": needed(ID),
        "entity_type_name": needed(text(255, 1)),
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

# --- APIs (api-builder v3) ------------------------------------------------------------------------------------------

SLUG = text(nullable=True, pattern=re.compile(r"^[\w-]+\Z"))
API_UPDATE = body(
    {
        "name": text(255, 1),
        "version": text(255, 1, nullable=True),
        "description": text(nullable=True),
        "slug": SLUG,
        "labels": LABELS_UPDATE,
        "attributes": body({}, open=True),
    }
)
API_CREATION = body(
    {**(API_UPDATE.fields or {}), "name": needed(text(255, 1)), "labels": LABELS, "spec_content": text()}
)
VERSION_CREATION = body({"version": text(), "spec": needed(body({"content": text()}))})
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


def missing_fields(value: Any, names: tuple[str, ...]) -> Problem | None:
    """The developer endpoints' own wording for missing fields (dev-portal v3, example `400-Login-Failed`)."""
    held = value if isinstance(value, dict) else {}
    missing = [name for name in names if not isinstance(held.get(name), str) or not held[name]]
    if not missing:
        return None
    entries = [{"field": name, "reason": "is required"} for name in missing]
    return Problem(400, "Bad Request", "Required fields are missing", invalid=entries)
