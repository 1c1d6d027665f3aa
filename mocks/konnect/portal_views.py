"""How objects look to developers (dev-portal v3)."""

from dcrproof.mocks.konnect.objects import (
    ApiVersion,
    Application,
    Developer,
    Page,
    Publication,
    Registration,
    Strategy,
)
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.konnect.views import (
    View,
    members,
    offered_strategy,
    page,
    supports_multiple_credentials,
    times,
)


def portal_strategy(konnect: Konnect, held: Strategy) -> View:
    return {**offered_strategy(held), "supports_multiple_credentials": supports_multiple_credentials(konnect, held)}


def portal_api(konnect: Konnect, held: Publication) -> View:
    api = konnect.tables.apis[held.api_id]
    versions = konnect.catalog.versions_of(api.id)
    view = {
        **members(api, "id", "name", "version", "description", "slug", "attributes"),
        "visibility": held.visibility,
        "specifications": [members(one, "id", "type") for one in versions],
        **times(api),
    }
    if versions:
        view["current_version_summary"] = {"id": versions[-1].id, "spec": {"type": versions[-1].type}}
    if held.auth_strategy_id is not None:
        view["auth_strategies"] = [offered_strategy(konnect.tables.strategies[held.auth_strategy_id])]
    return view


def portal_version(held: ApiVersion, content: bool = False) -> View:
    spec = {"type": held.type, **({"content": held.content} if content else {})}
    return {**members(held, "id", "version"), "spec": spec}


def application(konnect: Konnect, held: Application) -> View:
    view = {
        **members(held, "id", "name", "description", "redirect_uri"),
        "auth_strategy": portal_strategy(konnect, konnect.tables.strategies[held.strategy_id]),
        "scopes": [],
        "team_id": None,
        **times(held),
    }
    return view if held.client_id is None else {**view, "client_id": held.client_id}


def registration(konnect: Konnect, held: Registration) -> View:
    api = konnect.tables.apis[held.api_id]
    return {
        **members(held, "id", "status", "application_id", "api_id"),
        "api_name": api.name,
        "api_slug": api.slug,
        **times(held),
    }


def profile(held: Developer) -> View:
    return {**members(held, "id", "email", "full_name"), **times(held)}


def portal_page(held: Page) -> View:
    return {**{key: value for key, value in page(held).items() if key not in {"content", "status"}}, "children": []}
