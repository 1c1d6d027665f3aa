"""`/v3/portals` and who is in them: teams, developers, applications, registrations (portal-management v3)."""

from collections.abc import Collection
from operator import attrgetter
from typing import Any

from dcrproof.mocks.konnect import views
from dcrproof.mocks.konnect.http import Rows, created, done, no_content, ok, read
from dcrproof.mocks.konnect.listing import EQUAL, STRING, UUIDS, Listing, Reader, attribute, filtered, named
from dcrproof.mocks.konnect.problems import invalid_parameters
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.konnect.tables import InPortals, find
from dcrproof.mocks.messages import Calls, Request, Response

PORTALS = "/v3/portals"
PORTAL = PORTALS + "/{portal_id}"
DEVELOPERS = PORTAL + "/developers"
DEVELOPER = DEVELOPERS + "/{developer_id}"
TEAMS = PORTAL + "/teams"
TEAM = TEAMS + "/{team_id}"
APPLICATIONS = PORTAL + "/applications"
APPLICATION = APPLICATIONS + "/{application_id}"
REGISTRATIONS = APPLICATION + "/registrations"
REGISTRATION = REGISTRATIONS + "/{registration_id}"

SETTINGS = ("authentication_enabled", "rbac_enabled", "auto_approve_developers", "auto_approve_applications")
DOMAINS = dict.fromkeys(("default_domain", "canonical_domain"), attribute("canonical_domain"))
PORTAL_LIST = Listing(
    filters={
        **filtered(UUIDS, "id", "default_application_auth_strategy_id"),
        **filtered(STRING, "name", "description", "default_api_visibility", "default_page_visibility"),
        **filtered(EQUAL, *SETTINGS),
        **{name: (STRING, read_off) for name, read_off in DOMAINS.items()},
    },
    sorts={**named("name", "description", *SETTINGS, "created_at", "updated_at"), **DOMAINS},
)
DEVELOPER_LIST = Listing(
    filters={**filtered(STRING, "status", "email"), "name": (STRING, attribute("full_name"))},
    sorts={**named("created_at", "updated_at", "email", "status"), "name": attribute("full_name")},
)
MEMBER_LIST = Listing(
    filters={
        **filtered(STRING, "email", "full_name"),
        "attributes": (STRING, lambda _: {}),  # of an identity provider; developers here have none
        "active": (EQUAL, lambda held: held.status == "approved"),
    }
)
OWNER_LIST = Listing(filters=filtered(STRING, "id"), sorts=named("id"))
TEAM_LIST = Listing(
    filters={
        **filtered(UUIDS, "id"),
        **filtered(STRING, "name"),
        **filtered(EQUAL, "can_own_applications"),
    },
    sorts=named("name", "created_at"),
)
APPLICATION_LIST = Listing(
    filters={
        **filtered(UUIDS, "developer_id"),
        **filtered(STRING, "name"),
        "team_id": (UUIDS, lambda _: None),  # teams own no applications here
    },
    sorts=named("created_at", "developer_id", "name"),
)
REGISTRATION_LIST = Listing(filters=filtered(STRING, "status"), sorts=named("created_at", "updated_at", "status"))


def forced(request: Request) -> bool:
    value = dict(request.parameters).get("force", "false")
    if value not in {"true", "false"}:
        fault = {"field": "force", "rule": "enum", "choices": ["true", "false"], "source": "query"}
        raise invalid_parameters([{**fault, "reason": "must be one of [true, false]"}])
    return value == "true"


def routes(konnect: Konnect) -> Rows:
    return (*_portals(konnect), *_teams(konnect), *_applications(konnect), *_registrations(konnect))


def _in_portal(konnect: Konnect, table: dict[str, Any], portal_id: str) -> Collection[Any]:
    found = find(konnect.tables.portals, portal_id)
    if isinstance(table, InPortals):
        return table.of.get(found.id, {}).values()
    return [held for held in table.values() if held.portal_id == found.id]


def _portals(konnect: Konnect) -> Rows:
    def delete_portal(request: Request, portal_id: str) -> Calls:
        yield from konnect.portals.delete(portal_id, force=forced(request))
        return no_content()

    def delete_developer(_: Request, portal_id: str, developer_id: str) -> Calls:
        yield from konnect.developers.delete(portal_id, developer_id)
        return no_content()

    def list_developers(request: Request, portal_id: str) -> Response:
        held = _in_portal(konnect, konnect.tables.developers, portal_id)
        return ok(DEVELOPER_LIST.page(request, held, views.developer))

    def patch_developer(request: Request, portal_id: str, developer_id: str) -> Response:
        return ok(views.developer(konnect.developers.patch(portal_id, developer_id, read(request))))

    return (
        ("POST", PORTALS, lambda r: created(views.portal(konnect.portals.create(read(r))))),
        ("GET", PORTALS, lambda r: ok(PORTAL_LIST.page(r, konnect.tables.portals.values(), views.read_portal))),
        ("GET", PORTAL, lambda _, portal_id: ok(views.read_portal(find(konnect.tables.portals, portal_id)))),
        ("PATCH", PORTAL, lambda r, portal_id: ok(views.portal(konnect.portals.patch(portal_id, read(r))))),
        ("DELETE", PORTAL, delete_portal),
        (
            "POST",
            DEVELOPERS,
            lambda r, portal_id: created(views.developer(konnect.developers.create(portal_id, read(r)))),
        ),
        ("GET", DEVELOPERS, list_developers),
        (
            "GET",
            DEVELOPER,
            lambda _, portal_id, developer_id: ok(views.developer(konnect.tables.developer(portal_id, developer_id))),
        ),
        ("PATCH", DEVELOPER, patch_developer),
        ("DELETE", DEVELOPER, delete_developer),
    )


def _teams(konnect: Konnect) -> Rows:
    def list_teams(request: Request, portal_id: str) -> Response:
        held = sorted(_in_portal(konnect, konnect.tables.teams, portal_id), key=attrgetter("name"))  # recorded
        return ok(TEAM_LIST.page(request, held, views.team))

    def list_members(request: Request, portal_id: str, team_id: str) -> Response:
        held = konnect.teams.get(portal_id, team_id)
        of_team = (one for one in konnect.tables.developers.values() if one.id in held.developers)
        return ok(MEMBER_LIST.page(request, of_team, views.team_member))

    def list_teams_of(request: Request, portal_id: str, developer_id: str) -> Response:
        developer = konnect.tables.developer(portal_id, developer_id)
        joined = (one for one in konnect.tables.teams.values() if developer.id in one.developers)
        return ok(TEAM_LIST.page(request, joined, views.team))

    def list_roles(request: Request, portal_id: str, team_id: str) -> Response:
        held = konnect.teams.get(portal_id, team_id)
        granted = (one for one in konnect.tables.team_roles.values() if one.team_id == held.id)
        return ok(Listing(filters=filtered(STRING, "role_name")).page(request, granted, views.team_role))

    def patch(request: Request, portal_id: str, team_id: str) -> Response:
        return ok(views.team(konnect.teams.patch(portal_id, team_id, read(request))))

    def join(request: Request, portal_id: str, team_id: str) -> Response:
        konnect.teams.join(portal_id, team_id, read(request))
        return Response(201)

    def grant(request: Request, portal_id: str, team_id: str) -> Response:
        return created(views.team_role(konnect.teams.grant(portal_id, team_id, read(request))))

    return (
        ("POST", TEAMS, lambda r, portal_id: created(views.created_team(konnect.teams.create(portal_id, read(r))))),
        ("GET", TEAMS, list_teams),
        ("GET", TEAM, lambda _, portal_id, team_id: ok(views.team(konnect.teams.get(portal_id, team_id)))),
        ("PATCH", TEAM, patch),
        ("DELETE", TEAM, lambda _, **names: done(konnect.teams.delete, *names.values())),
        ("POST", TEAM + "/developers", join),
        ("GET", TEAM + "/developers", list_members),
        ("DELETE", TEAM + "/developers/{developer_id}", lambda _, **names: done(konnect.teams.leave, *names.values())),
        ("POST", TEAM + "/assigned-roles", grant),
        ("GET", TEAM + "/assigned-roles", list_roles),
        (
            "DELETE",
            TEAM + "/assigned-roles/{role_id}",
            lambda _, **names: done(konnect.teams.withdraw, *names.values()),
        ),
        ("GET", DEVELOPER + "/teams", list_teams_of),
    )


def _applications(konnect: Konnect) -> Rows:
    def view(held: Any) -> dict[str, Any]:
        return views.admin_application(konnect, held)

    def create(request: Request, portal_id: str) -> Calls:
        made = yield from konnect.applications.create_as_admin(portal_id, read(request))
        return created(view(made))

    def delete(_: Request, portal_id: str, application_id: str) -> Calls:
        yield from konnect.applications.delete(konnect.applications.get(portal_id, application_id).id)
        return no_content()

    def list_applications(request: Request, portal_id: str) -> Response:
        return ok(APPLICATION_LIST.page(request, _in_portal(konnect, konnect.tables.applications, portal_id), view))

    def list_credentials(request: Request, portal_id: str, application_id: str) -> Response:
        """Only ids, as the identity provider has them (app/dev-portal/dynamic-client-registration.md)."""
        held = konnect.applications.get(portal_id, application_id)
        known = [held] if held.client_id is not None else []
        return ok(Listing().page(request, known, views.credential))

    def list_owners(request: Request, portal_id: str, application_id: str) -> Response:
        held = konnect.applications.get(portal_id, application_id)
        return ok(OWNER_LIST.page(request, [konnect.tables.developers[held.developer_id]], views.owner))

    return (
        ("POST", APPLICATIONS, create),
        ("GET", APPLICATIONS, list_applications),
        (
            "GET",
            APPLICATION,
            lambda _, portal_id, application_id: ok(view(konnect.applications.get(portal_id, application_id))),
        ),
        ("DELETE", APPLICATION, delete),
        (
            "PATCH",
            APPLICATION,
            lambda r, portal_id, application_id: ok(
                view(konnect.applications.hand_over(portal_id, application_id, read(r)))
            ),
        ),
        ("GET", APPLICATION + "/credentials", list_credentials),
        ("GET", APPLICATION + "/developers", list_owners),
        (
            "GET",
            "/v3/applications/{application_id}",
            lambda _, application_id: ok(view(find(konnect.tables.applications, application_id))),
        ),
    )


def _registrations(konnect: Konnect) -> Rows:
    def of_application(name: str) -> Reader:
        return lambda held: getattr(konnect.tables.applications[held.application_id], name)

    everywhere = Listing(
        filters={
            **REGISTRATION_LIST.filters,
            "developer_id": (UUIDS, of_application("developer_id")),
            "application_name": (STRING, of_application("name")),
        },
        sorts={**REGISTRATION_LIST.sorts, "developer_id": of_application("developer_id")},
    )

    def view(held: Any) -> dict[str, Any]:
        return views.admin_registration(konnect, held)

    def register(request: Request, portal_id: str, application_id: str) -> Calls:
        made = konnect.registrations.register_as_admin(
            konnect.applications.get(portal_id, application_id), read(request)
        )
        yield from konnect.registrations.tell_bridge(made.application_id)
        return created(view(made))

    def list_of_application(request: Request, portal_id: str, application_id: str) -> Response:
        held = konnect.registrations.of(konnect.applications.get(portal_id, application_id).id)
        return ok(REGISTRATION_LIST.page(request, held, view))

    def list_of_portal(request: Request, portal_id: str) -> Response:
        return ok(everywhere.page(request, _in_portal(konnect, konnect.tables.registrations, portal_id), view))

    def show(_: Request, portal_id: str, application_id: str, registration_id: str) -> Response:
        return ok(
            view(konnect.registrations.get(konnect.applications.get(portal_id, application_id).id, registration_id))
        )

    def patch(request: Request, portal_id: str, application_id: str, registration_id: str) -> Calls:
        application = konnect.applications.get(portal_id, application_id)
        changed = konnect.registrations.patch(application.id, registration_id, read(request))
        yield from konnect.registrations.tell_bridge(application.id)
        return ok(view(changed))

    def delete(_: Request, portal_id: str, application_id: str, registration_id: str) -> Calls:
        application = konnect.applications.get(portal_id, application_id)
        konnect.registrations.delete(application.id, registration_id)
        yield from konnect.registrations.tell_bridge(application.id)
        return no_content()

    def map_consumer(request: Request, portal_id: str, application_id: str, registration_id: str) -> Response:
        konnect.registrations.map_consumer(
            konnect.applications.get(portal_id, application_id).id, registration_id, read(request)
        )
        return no_content()

    def unmap_consumer(_: Request, portal_id: str, application_id: str, registration_id: str) -> Response:
        konnect.registrations.unmap_consumer(konnect.applications.get(portal_id, application_id).id, registration_id)
        return no_content()

    return (
        ("POST", REGISTRATIONS, register),
        ("GET", REGISTRATIONS, list_of_application),
        ("GET", PORTAL + "/application-registrations", list_of_portal),
        ("GET", REGISTRATION, show),
        ("PATCH", REGISTRATION, patch),
        ("DELETE", REGISTRATION, delete),
        ("PUT", REGISTRATION + "/consumer", map_consumer),
        ("DELETE", REGISTRATION + "/consumer", unmap_consumer),
    )
