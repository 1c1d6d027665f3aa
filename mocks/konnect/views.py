"""How objects look in answers.

Nothing secret is in any of them. The one secret that is ever shown, a new client secret, is put beside its application
by the handler that made it (portal.py).
"""

import json
from datetime import UTC, datetime
from typing import Any, TypeAlias

from dcrproof.mocks.konnect.objects import (
    Api,
    ApiDocument,
    ApiVersion,
    Application,
    Developer,
    Implementation,
    Page,
    Portal,
    Provider,
    Publication,
    Registration,
    Snippet,
    Strategy,
    Team,
    TeamRole,
)
from dcrproof.mocks.konnect.schema import CONFIGS
from dcrproof.mocks.konnect.state import Konnect

View: TypeAlias = dict[str, Any]

DEFAULT_KEY_NAMES = ["apikey"]  # of the key-auth plugin


def time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def times(held: Any, digits: int = 3) -> View:
    """With that many digits of the second; Konnect has three, but for teams, pages and snippets (recorded)."""
    return {
        name: time(getattr(held, name)).replace("Z", "0" * (digits - 3) + "Z") for name in ("created_at", "updated_at")
    }


def exact_times(held: Any) -> View:
    """Without zeros at the end of the second (recorded). Konnect has up to six digits there; what is stamped here has three."""
    return {name: f"{shown.rstrip('Z').rstrip('0').rstrip('.')}Z" for name, shown in times(held).items()}


def epochs(held: Any) -> View:
    return {"created_at": int(held.created_at), "updated_at": int(held.updated_at)}


def members(held: Any, *names: str) -> View:
    return {name: getattr(held, name) for name in names}


# --- application-auth-strategies v2 ---


def provider(konnect: Konnect, held: Provider) -> View:
    view = {
        **members(held, "id", "name", "provider_type", "issuer", "labels"),
        "active": konnect.auth.provider_is_active(held),
        "dcr_config": dict(held.config),
        **times(held),
    }
    if held.display_name is not None:
        view["display_name"] = held.display_name
    return view


def strategy(konnect: Konnect, held: Strategy) -> View:
    return {
        **members(held, "id", "name", "display_name", "strategy_type", "labels", "principals"),
        "configs": {CONFIGS[held.strategy_type][0]: held.config},
        "active": konnect.auth.strategy_is_active(held),
        "dcr_provider": _provider_of(konnect, held),
        "supports_multiple_credentials": supports_multiple_credentials(konnect, held),
        **times(held),
    }


def _provider_of(konnect: Konnect, held: Strategy) -> View | None:
    if held.dcr_provider_id is None:
        return None
    used = konnect.tables.providers[held.dcr_provider_id]
    view = members(used, "id", "name", "provider_type")
    return view if used.display_name is None else {**view, "display_name": used.display_name}


def supports_multiple_credentials(konnect: Konnect, held: Strategy) -> bool:
    """Key auth; and of the DCR providers Entra, Okta and the HTTP bridge.

    Source: app/dev-portal/dynamic-client-registration.md. Curity and Auth0 are not in that list.
    """
    if held.strategy_type == "key_auth":
        return True
    used = konnect.tables.providers.get(held.dcr_provider_id or "")
    if used is None:
        return False
    return used.provider_type in {"azureAd", "okta"} or used.config.get("allow_multiple_credentials") is True


def offered_strategy(held: Strategy) -> View:
    """A strategy as developers see it: under its display name, and without its provider."""
    view = {"id": held.id, "name": held.display_name, "credential_type": held.credential_type}
    if held.strategy_type == "key_auth":
        view["key_names"] = held.config.get("key_names", DEFAULT_KEY_NAMES)
        return {**view, "ttl": held.config["ttl"]} if held.config.get("ttl") else view
    return {**view, "auth_methods": held.config["auth_methods"]}


# --- portal-management v3 ---


def portal(held: Portal) -> View:
    shown = (
        "id name display_name description authentication_enabled rbac_enabled sipr_enabled default_api_visibility "
        "default_page_visibility default_application_auth_strategy_id auto_approve_applications "
        "auto_approve_developers labels notifications_developer_pii_visibility_enabled canonical_domain"
    )
    return {**members(held, *shown.split()), "default_domain": held.canonical_domain, **times(held)}


def read_portal(held: Portal) -> View:
    """As GET shows it, unlike the answers to POST and PATCH (recorded)."""
    server = {"enabled": False, "write_operations_enabled": False}
    return {**portal(held), "ai": {"enabled": False, "features": {"mcp_server": server}}}


def page(held: Page) -> View:
    view = {
        **members(held, "id", "slug", "title", "content", "visibility", "status", "parent_page_id"),
        **exact_times(held),
    }
    return view if held.description is None else {**view, "description": held.description}


def created_page(held: Page) -> View:
    """Without `parent_page_id` where there is none (recorded); later answers have null."""
    return {key: value for key, value in page(held).items() if key != "parent_page_id" or value is not None}


def snippet(held: Snippet) -> View:
    view = {**members(held, "id", "name", "title", "content", "visibility", "status"), **exact_times(held)}
    return view if held.description is None else {**view, "description": held.description}


def document(held: ApiDocument) -> View:
    return {**members(held, "id", "title", "slug", "status", "content", "parent_document_id"), **times(held)}


def without_content(view: View) -> View:
    """An object as lists show it."""
    return {key: value for key, value in view.items() if key != "content"}


def developer(held: Developer) -> View:
    return {**members(held, "id", "email", "full_name", "status"), **times(held)}


def team_member(held: Developer) -> View:
    return {**owner(held), "active": held.status == "approved", **times(held)}  # what `active` means is inferred


def owner(held: Developer) -> View:
    return members(held, "id", "email", "full_name")


def team(held: Team) -> View:
    view = {**members(held, "id", "name", "can_own_applications"), "konnect_managed": False, **times(held, 6)}
    return {**view, "description": held.description} if held.description else view


def created_team(held: Team) -> View:
    return {**team(held), **times(held, 9)}


def team_role(held: TeamRole) -> View:
    shown = members(held, "id", "role_name", "entity_id", "entity_type_name", "entity_region")
    return {**shown, "entity_ids": [held.entity_id]}


def admin_application(konnect: Konnect, held: Application) -> View:
    used = konnect.tables.strategies[held.strategy_id]
    view = {
        **members(held, "id", "name", "description", "labels"),
        "auth_strategy": offered_strategy(used),
        "portal": {"id": held.portal_id},
        "owner": {"type": "developer", "id": held.developer_id},
        "registration_count": len(konnect.registrations.of(held.id)),
        **times(held),
    }
    if used.strategy_type == "key_auth":
        return view
    return {
        **view,
        "client_id": held.client_id,
        "dcr_provider": {"id": held.provider_id} if held.provider_id is not None else None,
        "granted_scopes": None,  # as /granted-scopes: not shown by Curity (inferred)
    }


def credential(held: Application) -> View:
    """A client secret without the secret; Curity shows only the client's id (inferred)."""
    return {
        "type": "client_secret",
        "id": held.client_id,
        "client_id": held.client_id,
        "display_name": None,
        "created_at": None,
    }


def admin_registration(konnect: Konnect, held: Registration) -> View:
    api, mapped = konnect.tables.apis[held.api_id], konnect.registrations.consumer_for(held)
    named = members(mapped, "id", "username", "custom_id", "control_plane_id") if mapped is not None else {}
    return {
        **members(held, "id", "status"),
        **({"consumer": {name: value for name, value in named.items() if value is not None}} if named else {}),
        "api": {**members(api, "id", "name", "version"), "entity_type": "api"},
        "application": members(konnect.tables.applications[held.application_id], "id", "name"),
        **times(held),
    }


# --- api-builder v3 ---


def api(konnect: Konnect, held: Api) -> View:
    versions = konnect.catalog.versions_of(held.id)
    current = next((one for one in versions if one.version == held.version), None)
    portals = [
        konnect.tables.portals[portal_id] for api_id, portal_id in konnect.tables.publications if api_id == held.id
    ]
    return {
        **members(held, "id", "name", "version", "description", "slug", "labels", "attributes"),
        "portals": [members(one, "id", "name", "display_name") for one in portals],
        "api_spec_ids": [one.id for one in versions[:1]],
        "current_version_summary": {"id": current.id, "spec": {"type": current.type}} if current else None,
        "implementation_mode": None,
        "images": None,
        **times(held),
    }


def version_summary(held: ApiVersion) -> View:
    return {**members(held, "id", "version"), "spec": {"type": held.type}, **times(held)}


def version(held: ApiVersion) -> View:
    spec = {"content": held.content, "type": held.type, "validation_messages": []}
    return {**members(held, "id", "version"), "spec": spec, **times(held)}


def read_version(held: ApiVersion) -> View:
    """Content that is JSON comes back written anew (recorded); that it is without blanks is inferred."""
    view = version(held)
    try:
        content = json.dumps(json.loads(held.content), separators=(",", ":"), ensure_ascii=False)
    except ValueError:
        return view
    return {**view, "spec": {**view["spec"], "content": content}}


def implementation(held: Implementation) -> View:
    view: View = {"id": held.id, **times(held)}
    if held.service_id is None:
        return {**view, "control_plane": {"control_plane_id": held.control_plane_id}}
    link = {"control_plane_id": held.control_plane_id, "id": held.service_id}
    return {**view, "service": {**link, "auth_strategy_sync_error": held.auth_strategy_sync_error}}


def listed_implementation(held: Implementation) -> View:
    return {**implementation(held), "api_id": held.api_id}


def publication(held: Publication) -> View:
    return {
        **members(held, "visibility", "auto_approve_registrations"),
        "auth_strategy_ids": [held.auth_strategy_id] if held.auth_strategy_id is not None else None,
        "warnings": [],
        **times(held),
    }


def published(held: Publication) -> View:
    """As the answer to a PUT shows it (recorded)."""
    return {**publication(held), "form_id": None}


def listed_publication(held: Publication) -> View:
    return {**publication(held), **members(held, "api_id", "portal_id"), "entity_type": "api"}


def api_registration(konnect: Konnect, held: Registration) -> View:
    application = konnect.tables.applications[held.application_id]
    shown = members(application, "id", "name")
    if application.description is not None:
        shown["description"] = application.description
    return {
        **members(held, "id", "status"),
        "portal": members(konnect.tables.portals[application.portal_id], "id", "name"),
        "application": {**shown, "owner": {"type": "developer", "id": application.developer_id}},
    }
