"""What mock Konnect shows of an object: each member as it was given, and the documented default of what was not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from test_mock_konnect_detail import Asked

ISSUER = "https://curity.test/oauth/v2/oauth-anonymous/.well-known/openid-configuration"
TIMES = {"id", "created_at", "updated_at"}
SECRET = "a secret of some length"


@dataclass(frozen=True)
class Kind:
    """A kind of objects: where they are made, and what of them is given, shown instead, and shown by default.

    In paths and values `{name}` stands for an id of the how-to's objects, whose portal is public and approves developers. `instead` are members that are shown in
    another form than they are given, `hidden` those that are never shown. `listed` are kinds of which one alone cannot be
    asked for.
    """

    path: str
    needed: Mapping[str, Any]
    optional: Mapping[str, Any]
    defaults: Mapping[str, Any]
    instead: Mapping[str, Any] = field(default_factory=dict)
    listed: bool = False


OPENID = {"issuer": ISSUER, "credential_claim": ["sub"], "scopes": ["openid"], "auth_methods": ["bearer"], "leeway": 5}
KEY_AUTH = {"key_names": ["apikey", "x-key"], "ttl": {"value": 2, "unit": "weeks"}}
SCHEDULE = {"connect_timeout": 60000, "write_timeout": 60000, "retries": 5, "tags": None}


def provider(kind: str, config: Mapping[str, Any], shown: Mapping[str, Any], later: Mapping[str, Any]) -> Kind:
    """`later`: members of the configuration that have a default."""
    return Kind(
        "/v2/dcr-providers",
        {"name": "p", "provider_type": kind, "issuer": ISSUER, "dcr_config": config},
        {"display_name": "P", "labels": {"a": "b"}},
        {"labels": {}, "active": False, "dcr_config": {**shown, **later}},
        {"dcr_config": {**shown, **later}},
    )


def strategy(kind: str, name: str, config: Mapping[str, Any], *, several: bool) -> Kind:
    return Kind(
        "/v2/application-auth-strategies",
        {"name": "s", "display_name": "S", "strategy_type": kind, "configs": {name: config}},
        {"labels": {"a": "b"}, "principals": {"enabled": True}},
        {
            "labels": {},
            "active": False,
            "principals": {"enabled": False},
            "dcr_provider": None,
            "supports_multiple_credentials": several,
        },
    )


CLIENT = {"initial_client_id": "a", "initial_client_secret": SECRET}
FLAGS = ("disable_event_hooks", "disable_refresh_secret", "allow_multiple_credentials")
PORTAL = {
    "authentication_enabled": (False, True),
    **dict.fromkeys(
        ("rbac_enabled", "sipr_enabled", "auto_approve_applications", "auto_approve_developers"), (True, False)
    ),
    "notifications_developer_pii_visibility_enabled": (True, False),
    **dict.fromkeys(("default_api_visibility", "default_page_visibility"), ("public", "private")),
    "default_application_auth_strategy_id": (None, "{strategy_id}"),
    "description": ("d", None),
    "display_name": ("P", "p"),
    "labels": ({"a": "b"}, {}),
}
"""What is given, and what is there without it."""

KINDS = {
    "provider curity": provider("curity", CLIENT, {"initial_client_id": "a"}, {}),
    "provider azureAd": provider("azureAd", CLIENT, {"initial_client_id": "a"}, {}),
    "provider okta": provider("okta", {"dcr_token": SECRET}, {}, {}),
    "provider auth0": provider(
        "auth0",
        CLIENT,
        {"initial_client_id": "a"},
        {"initial_client_audience": ISSUER, "use_developer_managed_scopes": False},
    ),
    "provider http": provider(
        "http",
        {"dcr_base_url": "https://bridge.test", "api_key": "abcdefghijkl"},
        {"dcr_base_url": "https://bridge.test"},
        dict.fromkeys(FLAGS, False),
    ),
    "provider kongIdentity": provider("kongIdentity", {}, {}, {}),
    "strategy": strategy("openid_connect", "openid-connect", OPENID, several=False),
    "strategy of keys": strategy("key_auth", "key-auth", KEY_AUTH, several=True),
    "portal": Kind(
        "/v3/portals",
        {"name": "p"},
        {name: given for name, (given, _) in PORTAL.items()},
        {name: default for name, (_, default) in PORTAL.items()},
    ),
    "page": Kind(
        "/v3/portals/{portal_id}/pages",
        {"slug": "/s", "content": "c"},
        {"title": "T", "description": "d", "visibility": "public", "status": "published"},
        {"title": "/s", "visibility": "public", "status": "unpublished"},
        listed=True,
    ),
    "developer": Kind(
        "/v3/portals/{portal_id}/developers",
        {"email": "a@b.c", "full_name": "A"},
        {"status": "rejected"},
        {"status": "approved"},
    ),
    "team": Kind(
        "/v3/portals/{portal_id}/teams",
        {"name": "t"},
        {"description": "d", "can_own_applications": True},
        {"can_own_applications": False, "konnect_managed": False},
        listed=True,
    ),
    "API": Kind(
        "/v3/apis",
        {"name": "Own API"},
        {"version": "2", "description": "d", "slug": "own", "labels": {"a": "b"}, "attributes": {"c": ["d"]}},
        {
            "version": None,
            "description": None,
            "slug": "own-api",
            "labels": {},
            "attributes": {},
            "portals": [],
            "api_spec_ids": [],
            "current_version_summary": None,
            "implementation_mode": None,
            "images": None,
        },
    ),
    "service": Kind(
        "/v2/control-planes/{control_plane_id}/core-entities/services",
        {"name": "s", "host": "upstream.test"},
        {"protocol": "https", "port": 8443, "path": "/own", "read_timeout": 100, "enabled": False},
        {"protocol": "http", "port": 80, "path": None, "read_timeout": 60000, "enabled": True, **SCHEDULE},
    ),
    "route": Kind(
        "/v2/control-planes/{control_plane_id}/core-entities/services/{service_id}/routes",
        {"name": "r", "paths": ["/own"]},
        {"methods": ["GET"], "strip_path": False},
        {
            "methods": None,
            "strip_path": True,
            "hosts": None,
            "protocols": ["http", "https"],
            "tags": None,
            "preserve_host": False,
            "path_handling": "v0",
            "regex_priority": 0,
            "service": {"id": "{service_id}"},
        },
        listed=True,
    ),
    "consumer": Kind(
        "/v2/control-planes/{control_plane_id}/core-entities/consumers",
        {"username": "u"},
        {"custom_id": "c"},
        {"custom_id": None, "tags": None},
    ),
}


def filled(asked: Asked, value: Any) -> Any:
    """The value with the ids of the set-up."""
    if isinstance(value, str):
        return value.format_map(vars(asked.setup)) if value.startswith("{") or "/{" in value else value
    if isinstance(value, Mapping):
        return {name: filled(asked, member) for name, member in value.items()}
    return value


@pytest.mark.parametrize("given", [True, False], ids=["given", "left-out"])
@pytest.mark.parametrize("name", KINDS)
def test_each_member_is_shown_as_given_and_as_the_default(name: str, given: bool) -> None:
    asked, kind = Asked(), KINDS[name]
    path = filled(asked, kind.path)
    body = {**kind.needed, **(kind.optional if given else {})}
    answer = asked.ask("POST", path, filled(asked, body))
    assert answer.status == 201, answer.body
    shown = answer.json()
    expected = {**kind.defaults, **body, **{key: value for key, value in kind.instead.items() if key in body}}
    seen = {member: value for member, value in shown.items() if member not in TIMES}
    domains = {"default_domain", "canonical_domain"} if name == "portal" else set()
    assert {member: value for member, value in seen.items() if member not in domains} == filled(asked, expected)
    assert TIMES | domains <= shown.keys()
    if kind.listed:
        held = {one["id"]: one for one in asked.ask("GET", path + "?page[size]=100").json()["data"]}[shown["id"]]
        assert {member: held.get(member) for member in shown.keys() - {"content"} - TIMES} == {
            member: shown[member] for member in shown.keys() - {"content"} - TIMES
        }
    else:
        later = asked.ask("GET", f"{path}/{shown['id']}").json()
        assert {member: value for member, value in later.items() if member != "ai"} == shown


# What is shown of one object in another


@pytest.mark.parametrize("display", [None, "Curity for developers"])
def test_a_strategy_names_its_provider(display: str | None) -> None:
    asked = Asked()
    body = {"name": "p", "provider_type": "curity", "issuer": ISSUER, "dcr_config": CLIENT}
    provider_id = asked.ask("POST", "/v2/dcr-providers", body | ({"display_name": display} if display else {})).json()[
        "id"
    ]
    kind = KINDS["strategy"]
    made = asked.ask("POST", kind.path, {**kind.needed, "dcr_provider_id": provider_id}).json()
    named = {"id": provider_id, "name": "p", "provider_type": "curity"}
    assert made["dcr_provider"] == named | ({"display_name": display} if display else {})


@pytest.mark.parametrize(
    ("kind", "config", "several"),
    [
        ("curity", CLIENT, False),
        ("auth0", CLIENT, False),
        ("azureAd", CLIENT, True),
        ("okta", {"dcr_token": SECRET}, True),
        ("kongIdentity", {}, False),
        ("http", {"dcr_base_url": "https://bridge.test", "api_key": "abcdefghijkl"}, False),
        (
            "http",
            {"dcr_base_url": "https://bridge.test", "api_key": "abcdefghijkl", "allow_multiple_credentials": True},
            True,
        ),
    ],
)
def test_which_providers_have_several_credentials(kind: str, config: Mapping[str, Any], several: bool) -> None:
    """app/dev-portal/dynamic-client-registration.md lists Entra, Okta and the HTTP bridge."""
    asked = Asked()
    body = {"name": "p", "provider_type": kind, "issuer": ISSUER, "dcr_config": config}
    provider_id = asked.ask("POST", "/v2/dcr-providers", body).json()["id"]
    made = asked.ask("POST", KINDS["strategy"].path, {**KINDS["strategy"].needed, "dcr_provider_id": provider_id})
    assert made.json()["supports_multiple_credentials"] is several


def test_an_application_and_its_registration_name_what_they_belong_to() -> None:
    asked = Asked()
    setup, application = asked.setup, asked.create()
    path = f"/v3/portals/{setup.portal_id}/applications/{application.id}"
    made = asked.ask("POST", f"{path}/registrations", {"api_id": setup.api_id, "status": "pending"}).json()
    assert {name: made[name] for name in ("status", "application")} == {
        "status": "pending",
        "application": {"id": application.id, "name": "app"},
    }
    assert {**made["api"], "name": None, "version": None} == {
        "id": setup.api_id,
        "name": None,
        "version": None,
        "entity_type": "api",
    }
    shown = asked.ask("GET", path).json()
    assert {name: value for name, value in shown.items() if name not in TIMES} == {
        "name": "app",
        "description": None,
        "labels": {},
        "auth_strategy": {
            "id": setup.strategy_id,
            "name": asked.konnect.tables.strategies[setup.strategy_id].display_name,
            "credential_type": "client_credentials",
            "auth_methods": ["client_credentials", "bearer", "session"],
        },
        "portal": {"id": setup.portal_id},
        "owner": {"type": "developer", "id": setup.developer_id},
        "registration_count": 1,
        "client_id": application.client_id,
        "dcr_provider": {"id": setup.provider_id},
        "granted_scopes": None,
    }
    (of_api,) = asked.ask("GET", f"/v3/apis/{setup.api_id}/registrations").json()["data"]
    assert of_api["portal"]["id"] == setup.portal_id
    assert of_api["application"] == {
        "id": application.id,
        "name": "app",
        "owner": {"type": "developer", "id": setup.developer_id},
    }


def test_the_plugin_that_konnect_keeps_on_a_service_is_shown() -> None:
    """KonnectApplicationAuth.json, and the archived page on troubleshooting."""
    asked = Asked()
    setup = asked.setup
    plugins = f"/v2/control-planes/{setup.control_plane_id}/core-entities/plugins"
    (plugin,) = asked.ask("GET", plugins).json()["data"]
    assert plugin["id"] == setup.implementation_id
    assert {name: plugin[name] for name in ("name", "enabled", "service", "tags")} == {
        "name": "konnect-application-auth",
        "enabled": True,
        "service": {"id": setup.service_id},
        "tags": ["konnect-managed-plugin", "konnect-app-registration"],
    }
    config = asked.ask("GET", f"/v2/application-auth-strategies/{setup.strategy_id}").json()["configs"][
        "openid-connect"
    ]
    strategies = {"openid_connect": [{"strategy_id": setup.strategy_id, "config": config}]}
    assert plugin["config"] == {"auth_type": "v2-strategies", "scope": setup.api_id, "v2_strategies": strategies}


# Links to what is not there

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("link", "named"),
    [
        ({"control_plane": {"control_plane_id": UNKNOWN}}, "control_plane.control_plane_id"),
        ({"service": {"control_plane_id": UNKNOWN, "id": "{service_id}"}}, "service.id"),
        ({"service": {"control_plane_id": "{control_plane_id}", "id": UNKNOWN}}, "service.id"),
    ],
)
def test_only_what_is_there_is_linked(link: Mapping[str, Any], named: str) -> None:
    """api-builder v3: 400, `missing_reference`; of a control plane it is inferred."""
    asked = Asked()
    api = asked.ask("POST", "/v3/apis", {"name": "own"}).json()
    answer = asked.ask("POST", f"/v3/apis/{api['id']}/implementations", filled(asked, link))
    assert answer.status == 400
    assert [(one["field"], one["rule"]) for one in answer.json()["invalid_parameters"]] == [
        (named, "missing_reference")
    ]
