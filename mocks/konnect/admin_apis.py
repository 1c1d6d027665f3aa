"""`/v3/apis`, `/v3/api-publications`, `/v3/api-implementations` (api-builder v3)."""

from typing import Any

from dcrproof.mocks.konnect import views
from dcrproof.mocks.konnect.http import Rows, created, done, no_content, ok, read
from dcrproof.mocks.konnect.listing import STRING, UUIDS, Listing, Reader, dated, filtered, named
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.konnect.tables import find
from dcrproof.mocks.messages import Calls, Request, Response

APIS = "/v3/apis"
API = APIS + "/{api_id}"
VERSIONS = API + "/versions"
VERSION = VERSIONS + "/{version_id}"
IMPLEMENTATIONS = API + "/implementations"
IMPLEMENTATION = IMPLEMENTATIONS + "/{implementation_id}"
PUBLICATION = API + "/publications/{portal_id}"

API_LIST = Listing(
    filters={
        **filtered(UUIDS, "id"),
        **filtered(STRING, "name", "version", "labels", "attributes"),
        "implementation_mode": (STRING, lambda _: None),  # null in all that was recorded
        **dated("created_at", "updated_at"),
    },
    sorts=named("name", "version", "created_at", "updated_at"),
)
VERSION_LIST = Listing(filters=filtered(STRING, "version", "type"), sorts=named("version", "created_at", "updated_at"))
IMPLEMENTATION_LIST = Listing(
    filters={
        **filtered(UUIDS, "id", "api_id", "service_id", "control_plane_id"),
        **dated("created_at", "updated_at"),
    },
    sorts=named("id", "api_id", "control_plane_id", "service_id", "created_at", "updated_at"),
)


def delete_api(konnect: Konnect, api_id: str) -> Calls:
    found = find(konnect.tables.apis, api_id)
    registered = [held.application_id for held in konnect.tables.registrations.values() if held.api_id == found.id]
    konnect.catalog.delete_api(found.id)
    for application_id in registered:
        yield from konnect.registrations.tell_bridge(application_id)
    return no_content()


def routes(konnect: Konnect) -> Rows:
    def of(table: dict[str, Any], key: str) -> Reader:
        return lambda held: table[getattr(held, key)].name

    names = {"portal_name": of(konnect.tables.portals, "portal_id"), "api_name": of(konnect.tables.apis, "api_id")}
    publications = Listing(
        filters={
            **filtered(UUIDS, "portal_id", "api_id", "auth_strategy_id"),
            **{name: (STRING, read_off) for name, read_off in names.items()},
            "entity_type": (STRING, lambda _: "api"),
        },
        sorts={**named("portal_id", "api_id", "created_at", "updated_at"), **names},
    )
    registrations = Listing(
        filters={
            **filtered(STRING, "status"),
            **filtered(UUIDS, "portal_id", "application_id"),
            "portal_name": (STRING, of(konnect.tables.portals, "portal_id")),
            "application_name": (STRING, of(konnect.tables.applications, "application_id")),
            "application_owner_type": (STRING, lambda _: "developer"),
            "application_owner_id": (
                UUIDS,
                lambda held: konnect.tables.applications[held.application_id].developer_id,
            ),
        }
    )

    def view(held: Any) -> dict[str, Any]:
        return views.api(konnect, held)

    def list_apis(request: Request) -> Response:
        return ok(API_LIST.page(request, konnect.tables.apis.values(), view))

    def list_registrations(request: Request, api_id: str) -> Response:
        found = find(konnect.tables.apis, api_id)
        held = (one for one in konnect.tables.registrations.values() if one.api_id == found.id)
        return ok(registrations.page(request, held, lambda one: views.api_registration(konnect, one)))

    def list_publications(request: Request) -> Response:
        return ok(publications.page(request, konnect.tables.publications.values(), views.listed_publication))

    def list_implementations(request: Request) -> Response:
        held = konnect.tables.implementations.values()
        return ok(IMPLEMENTATION_LIST.page(request, held, views.listed_implementation))

    def link(request: Request, api_id: str) -> Response:
        return created(views.implementation(konnect.catalog.create_implementation(api_id, read(request))))

    def show_link(_: Request, api_id: str, implementation_id: str) -> Response:
        return ok(views.implementation(konnect.catalog.implementation(api_id, implementation_id)))

    def unlink(_: Request, api_id: str, implementation_id: str) -> Response:
        return done(konnect.catalog.delete_implementation, api_id, implementation_id)

    def publish(request: Request, api_id: str, portal_id: str) -> Response:
        return ok(views.published(konnect.catalog.publish(api_id, portal_id, read(request))))

    def show_publication(_: Request, api_id: str, portal_id: str) -> Response:
        return ok(views.publication(konnect.tables.publication(api_id, portal_id)))

    return (
        ("POST", APIS, lambda r: created(view(konnect.catalog.create_api(read(r))))),
        ("GET", APIS, list_apis),
        ("GET", API, lambda _, api_id: ok(view(find(konnect.tables.apis, api_id)))),
        ("PATCH", API, lambda r, api_id: ok(view(konnect.catalog.patch_api(api_id, read(r))))),
        ("DELETE", API, lambda _, api_id: delete_api(konnect, api_id)),
        *_versions(konnect),
        ("POST", IMPLEMENTATIONS, link),
        ("GET", IMPLEMENTATION, show_link),
        ("DELETE", IMPLEMENTATION, unlink),
        ("PUT", PUBLICATION, publish),
        ("GET", PUBLICATION, show_publication),
        ("DELETE", PUBLICATION, lambda _, api_id, portal_id: done(konnect.catalog.unpublish, api_id, portal_id)),
        ("GET", API + "/registrations", list_registrations),
        ("GET", "/v3/api-publications", list_publications),
        ("GET", "/v3/api-implementations", list_implementations),
    )


def _versions(konnect: Konnect) -> Rows:
    def list_versions(request: Request, api_id: str) -> Response:
        found = find(konnect.tables.apis, api_id)
        return ok(VERSION_LIST.page(request, konnect.catalog.versions_of(found.id), views.version_summary))

    def create(request: Request, api_id: str) -> Response:
        return created(views.version(konnect.catalog.create_api_version(api_id, read(request))))

    def show(_: Request, api_id: str, version_id: str) -> Response:
        return ok(views.read_version(konnect.catalog.version(api_id, version_id)))

    def patch(request: Request, api_id: str, version_id: str) -> Response:
        return ok(views.version(konnect.catalog.patch_version(api_id, version_id, read(request))))

    return (
        ("POST", VERSIONS, create),
        ("GET", VERSIONS, list_versions),
        ("GET", VERSION, show),
        ("PATCH", VERSION, patch),
        ("DELETE", VERSION, lambda _, **names: done(konnect.catalog.delete_version, *names.values())),
    )
