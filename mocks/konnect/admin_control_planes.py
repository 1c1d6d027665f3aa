"""`/v2/control-planes`: the gateway's entities, its nodes and the configuration they should have.

Read only: what the flow needs of a control plane is there before it starts (control-planes-config v2).
"""

from typing import Any

from dcrproof.mocks.konnect import views
from dcrproof.mocks.konnect.face import Rows, ok
from dcrproof.mocks.konnect.listing import EQUAL_OR_CONTAINS, STRING, Listing, filtered, named
from dcrproof.mocks.konnect.objects import GatewayService
from dcrproof.mocks.konnect.problems import not_found
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.konnect.store import find
from dcrproof.mocks.wire import Request, Response

CONTROL_PLANES = "/v2/control-planes"
CONTROL_PLANE = CONTROL_PLANES + "/{control_plane_id}"
CORE = CONTROL_PLANE + "/core-entities"
SERVICE = CORE + "/services/{service_id}"

CONTROL_PLANE_LIST = Listing(filters=filtered(STRING, "id", "name"), sorts=named("name", "created_at", "updated_at"))

ENTITY_LIST = Listing(filters=filtered(EQUAL_OR_CONTAINS, "name"))


def routes(konnect: Konnect) -> Rows:
    def service_of(control_plane_id: str, service_id: str) -> GatewayService:
        found = find(konnect.gateway_services, service_id)
        if found.control_plane_id != find(konnect.control_planes, control_plane_id).id:
            raise not_found()
        return found

    def services_of(control_plane_id: str) -> list[GatewayService]:
        found = find(konnect.control_planes, control_plane_id)
        return [held for held in konnect.gateway_services.values() if held.control_plane_id == found.id]

    def entities(held: list[Any]) -> Response:
        return ok({"data": held})  # without `next`: everything is on the one page

    def list_routes(request: Request, control_plane_id: str, service_id: str | None = None) -> Response:
        wanted = [service_of(control_plane_id, service_id)] if service_id else services_of(control_plane_id)
        ids = {held.id for held in wanted}
        held = (route for route in konnect.gateway_routes.values() if route.service_id in ids)
        return entities([views.route(route) for route in ENTITY_LIST.select(request, held)])

    def list_plugins(_: Request, control_plane_id: str, service_id: str | None = None) -> Response:
        wanted = [service_of(control_plane_id, service_id)] if service_id else services_of(control_plane_id)
        ids = {held.id for held in wanted}
        linked = (held for held in konnect.implementations.values() if held.service_id in ids)
        return entities([plugin for held in linked if (plugin := views.managed_plugin(konnect, held))])

    def show_route(_: Request, control_plane_id: str, route_id: str) -> Response:
        found = find(konnect.gateway_routes, route_id)
        service_of(control_plane_id, found.service_id)
        return ok(views.route(found))

    def list_nodes(_: Request, control_plane_id: str) -> Response:
        find(konnect.control_planes, control_plane_id)
        held = [views.node(konnect, node) for node in konnect.nodes()]
        return ok({"items": held, "page": {"total_count": len(held)}})

    def show_node(_: Request, control_plane_id: str, node_id: str) -> Response:
        find(konnect.control_planes, control_plane_id)
        found = find({node["id"]: node for node in konnect.nodes()}, node_id)
        return ok({"item": views.node(konnect, found)})

    def expected_hash(_: Request, control_plane_id: str) -> Response:
        find(konnect.control_planes, control_plane_id)
        times = {"created_at": int(konnect.started_at), "updated_at": int(konnect.pushed_at)}
        return ok({"expected_hash": konnect.expected_hash(), **times})

    def list_control_planes(request: Request) -> Response:
        return ok(CONTROL_PLANE_LIST.page(request, konnect.control_planes.values(), views.control_plane))

    def show_control_plane(_: Request, control_plane_id: str) -> Response:
        return ok(views.control_plane(find(konnect.control_planes, control_plane_id)))

    def list_services(request: Request, control_plane_id: str) -> Response:
        return entities([views.service(held) for held in ENTITY_LIST.select(request, services_of(control_plane_id))])

    def show_service(_: Request, control_plane_id: str, service_id: str) -> Response:
        return ok(views.service(service_of(control_plane_id, service_id)))

    return (
        ("GET", CONTROL_PLANES, list_control_planes),
        ("GET", CONTROL_PLANE, show_control_plane),
        ("GET", CONTROL_PLANE + "/nodes", list_nodes),
        ("GET", CONTROL_PLANE + "/nodes/{node_id}", show_node),
        ("GET", CONTROL_PLANE + "/expected-config-hash", expected_hash),
        ("GET", CORE + "/services", list_services),
        ("GET", SERVICE, show_service),
        ("GET", SERVICE + "/routes", list_routes),
        ("GET", SERVICE + "/plugins", list_plugins),
        ("GET", CORE + "/routes", list_routes),
        ("GET", CORE + "/routes/{route_id}", show_route),
        ("GET", CORE + "/plugins", list_plugins),
    )
