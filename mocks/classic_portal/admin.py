"""What Konnect's admin API says of the classic portal: `/v2/portals`, `/v2/applications` (portal-management v2)."""

from collections.abc import Callable, Iterable
from typing import Any

from dcrproof.mocks.classic_portal import views
from dcrproof.mocks.classic_portal.state import ClassicPortal
from dcrproof.mocks.konnect.admin_portals import APPLICATION_LIST, DEVELOPER_LIST, REGISTRATION_LIST
from dcrproof.mocks.konnect.http import Rows, done, no_content, ok, read
from dcrproof.mocks.konnect.listing import STRING, UUIDS, Listing, filtered, named
from dcrproof.mocks.konnect.tables import find
from dcrproof.mocks.konnect.views import developer
from dcrproof.mocks.messages import Calls, Request, Response

PORTALS = "/v2/portals"
PORTAL = PORTALS + "/{portal_id}"
DEVELOPERS = PORTAL + "/developers"
DEVELOPER = DEVELOPERS + "/{developer_id}"
APPLICATIONS = PORTAL + "/applications"
APPLICATION = APPLICATIONS + "/{application_id}"
REGISTRATIONS = APPLICATION + "/registrations"
REGISTRATION = REGISTRATIONS + "/{registration_id}"

PORTAL_LIST = Listing(
    filters={**filtered(UUIDS, "id"), **filtered(STRING, "name", "description")},
    sorts=named("name", "created_at", "updated_at"),
)


def routes(classic: ClassicPortal) -> Rows:
    def in_portal(portal_id: str, held: Iterable[Any]) -> Iterable[Any]:
        find(classic.tables.portals, portal_id)
        return held

    def view(held: Any) -> dict[str, Any]:
        return views.admin_application(classic, held)

    def registration(held: Any) -> dict[str, Any]:
        return views.admin_registration(classic, held)

    def list_developers(request: Request, portal_id: str) -> Response:
        return ok(DEVELOPER_LIST.page(request, in_portal(portal_id, classic.tables.developers.values()), developer))

    def patch_developer(request: Request, portal_id: str, developer_id: str) -> Response:
        return ok(developer(classic.developers.patch(portal_id, developer_id, read(request))))

    def delete_developer(_: Request, portal_id: str, developer_id: str) -> Calls:
        yield from classic.developers.delete(portal_id, developer_id)
        return no_content()

    def list_applications(request: Request, portal_id: str) -> Response:
        return ok(APPLICATION_LIST.page(request, in_portal(portal_id, classic.tables.applications.values()), view))

    def show_application(_: Request, portal_id: str, application_id: str) -> Response:
        return ok(view(classic.applications.get(portal_id, application_id)))

    def delete_application(_: Request, portal_id: str, application_id: str) -> Calls:
        yield from classic.applications.delete(classic.applications.get(portal_id, application_id).id)
        return no_content()

    def list_all(request: Request, portal_id: str) -> Response:
        return ok(
            REGISTRATION_LIST.page(request, in_portal(portal_id, classic.tables.registrations.values()), registration)
        )

    def list_registrations(request: Request, portal_id: str, application_id: str) -> Response:
        held = classic.registrations.of(classic.applications.get(portal_id, application_id).id)
        return ok(REGISTRATION_LIST.page(request, held, registration))

    def one(act: Callable[[Request, str, str], Response]) -> Callable[..., Response]:
        def handler(request: Request, portal_id: str, application_id: str, registration_id: str) -> Response:
            return act(request, classic.applications.get(portal_id, application_id).id, registration_id)

        return handler

    def patch_registration(request: Request, application_id: str, registration_id: str) -> Response:
        return ok(registration(classic.registrations.patch(application_id, registration_id, read(request))))

    return (
        ("GET", PORTALS, lambda r: ok(PORTAL_LIST.page(r, classic.tables.portals.values(), views.admin_portal))),
        ("GET", PORTAL, lambda _, portal_id: ok(views.admin_portal(find(classic.tables.portals, portal_id)))),
        ("GET", DEVELOPERS, list_developers),
        (
            "GET",
            DEVELOPER,
            lambda _, portal_id, developer_id: ok(developer(classic.tables.developer(portal_id, developer_id))),
        ),
        ("PATCH", DEVELOPER, patch_developer),
        ("DELETE", DEVELOPER, delete_developer),
        ("GET", APPLICATIONS, list_applications),
        ("GET", APPLICATION, show_application),
        ("DELETE", APPLICATION, delete_application),
        (
            "GET",
            "/v2/applications/{application_id}",
            lambda _, application_id: ok(view(find(classic.tables.applications, application_id))),
        ),
        ("GET", PORTAL + "/application-registrations", list_all),
        ("GET", REGISTRATIONS, list_registrations),
        ("GET", REGISTRATION, one(lambda _, held, id_: ok(registration(classic.registrations.get(held, id_))))),
        ("PATCH", REGISTRATION, one(patch_registration)),
        ("DELETE", REGISTRATION, one(lambda _, held, id_: done(classic.registrations.delete, held, id_))),
    )
