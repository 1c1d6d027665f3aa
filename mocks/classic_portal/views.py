"""How the classic portal's objects look: dev-portal v2 to developers, portal-management v2 to admins."""

from typing import Any, TypeAlias

from dcrproof.mocks.classic_portal.state import ClassicPortal
from dcrproof.mocks.konnect.objects import Api, Application, Portal, Publication, Registration
from dcrproof.mocks.konnect.views import members, offered_strategy, times

View: TypeAlias = dict[str, Any]


# --- dev-portal v2 ---


def context(classic: ClassicPortal, held: Portal) -> View:
    return {
        "portal_id": held.id,
        "org_id": classic.organization_id,
        "name": held.display_name,
        "canonical_domain": held.canonical_domain,
        "is_public": not held.authentication_enabled,
        "basic_auth_enabled": held.authentication_enabled,
        "oidc_auth_enabled": False,
        "rbac_enabled": held.rbac_enabled,
        "dcr_provider_ids": classic.dcr_provider_ids,
        "featureset_id": "",
        "allowed_time_period": "",
    }


def product(classic: ClassicPortal, held: Api) -> View:
    latest = classic.version_of(held.id)
    return {
        **members(held, "id", "name", "description"),
        "public_labels": {},
        "version_count": 1,
        "document_count": 0,
        "latest_version": {"id": latest.id, "name": latest.version},
        **times(held),
    }


def product_version(classic: ClassicPortal, held: Publication) -> View:
    version = classic.version_of(held.api_id)
    configs = []
    if held.auth_strategy_id is not None:
        offered = offered_strategy(classic.tables.strategies[held.auth_strategy_id])
        automatic = held.auto_approve_registrations or classic.portal.auto_approve_applications
        configs = [{**offered, "registration_enabled": True, "registration_auto_approve": automatic}]
    return {
        "id": version.id,
        "name": version.version,
        "deprecated": False,
        "registration_configs": configs,
        **times(version),
    }


def application(classic: ClassicPortal, held: Application) -> View:
    return {
        **members(held, "id", "name", "description", "redirect_uri"),
        "reference_id": held.client_id,
        "auth_strategy": {
            **offered_strategy(classic.tables.strategies[held.strategy_id]),
            "supports_multiple_credentials": False,
        },
        "scopes": [],
        **times(held),
    }


def registration(classic: ClassicPortal, held: Registration) -> View:
    api = classic.tables.apis[held.api_id]
    version = classic.version_of(api.id)
    return {
        **members(held, "id", "status", "application_id"),
        "product_id": api.id,
        "product_name": api.name,
        "product_version_id": version.id,
        "product_version_name": version.version,
        **times(held),
    }


# --- portal-management v2 (its shapes beyond the members that the texts name are inferred) ---


def admin_portal(held: Portal) -> View:
    shown = "id name display_name description rbac_enabled auto_approve_applications auto_approve_developers"
    return {
        **members(held, *shown.split()),
        "is_public": not held.authentication_enabled,
        "default_domain": held.canonical_domain,
        **times(held),
    }


def admin_application(classic: ClassicPortal, held: Application) -> View:
    """Correlated with the identity provider's client by `dcr_provider.id` and `reference_id`."""
    return {
        **members(held, "id", "name", "description"),
        "reference_id": held.client_id,
        "dcr_provider": {"id": held.provider_id} if held.provider_id is not None else None,
        "auth_strategy": offered_strategy(classic.tables.strategies[held.strategy_id]),
        "portal": {"id": held.portal_id},
        "developer": {"id": held.developer_id},
        "registration_count": len(classic.registrations.of(held.id)),
        **times(held),
    }


def admin_registration(classic: ClassicPortal, held: Registration) -> View:
    api = classic.tables.apis[held.api_id]
    version = classic.version_of(api.id)
    return {
        **members(held, "id", "status"),
        "product_version": {"id": version.id, "name": version.version, "product": members(api, "id", "name")},
        "application": members(classic.tables.applications[held.application_id], "id", "name"),
        **times(held),
    }
