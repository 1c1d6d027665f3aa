"""`/v2/control-planes`: the gateway's entities, its nodes and the configuration they should have.

The flow reads them. Control planes can also be created, updated and deleted (Kong's Go SDK). So can services,
routes and consumers (by PUT); plugins are created and deleted (control-planes-config v2).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from dcrproof.mocks.konnect import gateway_views, views
from dcrproof.mocks.konnect.http import Rows, created, done, ok, read
from dcrproof.mocks.konnect.listing import (
    EQUAL_OR_CONTAINS,
    STRING,
    Listing,
    after,
    attribute,
    entities,
    filtered,
    named,
)
from dcrproof.mocks.konnect.objects import Certificate, GatewayService
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.konnect.tables import find
from dcrproof.mocks.messages import Handler, Request, Response

CONTROL_PLANES = "/v2/control-planes"
CONTROL_PLANE = CONTROL_PLANES + "/{control_plane_id}"
CORE = CONTROL_PLANE + "/core-entities"
CERTIFICATES = CONTROL_PLANE + "/dp-client-certificates"
CERTIFICATE = CERTIFICATES + "/{certificate_id}"
SERVICE = CORE + "/services/{service_id}"

CONTROL_PLANE_LIST = Listing(filters=filtered(STRING, "id", "name"), sorts=named("name", "created_at", "updated_at"))

ENTITY_LIST = Listing(filters=filtered(EQUAL_OR_CONTAINS, "name"))
PLUGIN_LIST = Listing(filters={"name": (EQUAL_OR_CONTAINS, lambda shown: shown["name"])})
CONSUMER_LIST = Listing(filters={"name": (EQUAL_OR_CONTAINS, attribute("username"))})


def routes(konnect: Konnect) -> Rows:
    return (*_control_planes(konnect), *_certificates(konnect), *_entities(konnect))


def _control_planes(konnect: Konnect) -> Rows:
    def nodes_of(control_plane_id: str) -> list[Mapping[str, Any]]:
        found = find(konnect.tables.control_planes, control_plane_id)
        return konnect.push.nodes() if konnect.push.has_data_planes(found.id) else []

    def list_nodes(request: Request, control_plane_id: str) -> Response:
        held, page = after(request, nodes_of(control_plane_id))
        return ok({"items": [gateway_views.node(konnect, node) for node in held], "page": page})

    def show_node(_: Request, control_plane_id: str, node_id: str) -> Response:
        found = find({node["id"]: node for node in nodes_of(control_plane_id)}, node_id)
        return ok({"item": gateway_views.node(konnect, found)})

    def expected_hash(_: Request, control_plane_id: str) -> Response:
        find(konnect.tables.control_planes, control_plane_id)
        times = {"created_at": int(konnect.push.started_at), "updated_at": int(konnect.push.pushed_at)}
        return ok({"expected_hash": konnect.push.hash, **times})

    view = gateway_views.control_plane

    def list_control_planes(request: Request) -> Response:
        return ok(CONTROL_PLANE_LIST.page(request, konnect.tables.control_planes.values(), view))

    def show_control_plane(_: Request, control_plane_id: str) -> Response:
        return ok(view(find(konnect.tables.control_planes, control_plane_id)))

    def patch(request: Request, control_plane_id: str) -> Response:
        return ok(view(konnect.control_planes.patch(control_plane_id, read(request))))

    return (
        ("GET", CONTROL_PLANES, list_control_planes),
        ("POST", CONTROL_PLANES, lambda r: created(view(konnect.control_planes.create(read(r))))),
        ("GET", CONTROL_PLANE, show_control_plane),
        ("PATCH", CONTROL_PLANE, patch),
        ("DELETE", CONTROL_PLANE, lambda _, control_plane_id: done(konnect.control_planes.delete, control_plane_id)),
        ("GET", CONTROL_PLANE + "/nodes", list_nodes),
        ("GET", CONTROL_PLANE + "/nodes/{node_id}", show_node),
        ("GET", CONTROL_PLANE + "/expected-config-hash", expected_hash),
    )


def _certificates(konnect: Konnect) -> Rows:
    planes = konnect.control_planes

    def item(held: Certificate) -> Mapping[str, Any]:
        return {"item": gateway_views.certificate(held)}

    def list_certificates(_: Request, control_plane_id: str) -> Response:
        """Without pages: the operation has no parameters."""
        held = planes.certificates(control_plane_id)
        return ok({"items": list(map(gateway_views.certificate, held)), "page": {"total_count": len(held)}})

    def replace(request: Request, control_plane_id: str, certificate_id: str) -> Response:
        return ok(item(planes.replace_certificate(control_plane_id, certificate_id, read(request))))

    return (
        ("GET", CERTIFICATES, list_certificates),
        ("POST", CERTIFICATES, lambda r, control_plane_id: created(item(planes.pin(control_plane_id, read(r))))),
        ("GET", CERTIFICATE, lambda _, **names: ok(item(planes.certificate(*names.values())))),
        ("PUT", CERTIFICATE, replace),
        ("DELETE", CERTIFICATE, lambda _, **names: done(planes.unpin, *names.values())),
    )


def _entities(konnect: Konnect) -> Rows:
    def services_of(control_plane_id: str, service_id: str | None = None) -> list[GatewayService]:
        if service_id:
            return [konnect.entities.service_of(control_plane_id, service_id)]
        found = find(konnect.tables.control_planes, control_plane_id)
        return [held for held in konnect.tables.gateway_services.values() if held.control_plane_id == found.id]

    def list_services(request: Request, control_plane_id: str) -> Response:
        held = ENTITY_LIST.select(request, services_of(control_plane_id))
        return ok(entities(request, held, gateway_views.service))

    def list_routes(request: Request, **names: str) -> Response:
        ids = {held.id for held in services_of(**names)}
        held = (route for route in konnect.tables.gateway_routes.values() if route.service_id in ids)
        return ok(entities(request, ENTITY_LIST.select(request, held), gateway_views.route))

    def list_plugins(request: Request, **names: str) -> Response:
        ids = {held.id for held in services_of(**names)}
        linked = (held for held in konnect.tables.implementations.values() if held.service_id in ids)
        managed = (gateway_views.managed_plugin(konnect, held) for held in linked)
        by_hand = (
            gateway_views.plugin(held) for held in konnect.tables.gateway_plugins.values() if held.service_id in ids
        )
        return ok(entities(request, PLUGIN_LIST.select(request, [*filter(None, managed), *by_hand]), dict))

    def list_consumers(request: Request, control_plane_id: str) -> Response:
        found = find(konnect.tables.control_planes, control_plane_id)
        custom_id = dict(request.parameters).get("custom_id")
        held = (
            one
            for one in konnect.tables.gateway_consumers.values()
            if one.control_plane_id == found.id and custom_id in {None, one.custom_id}
        )
        return ok(entities(request, CONSUMER_LIST.select(request, held), gateway_views.consumer))

    def showing(lookup: Callable[..., Any], view: Callable[[Any], views.View]) -> Handler:
        return lambda _, **names: ok(view(lookup(*names.values())))

    def making(make: Callable[..., Any], view: Callable[[Any], views.View]) -> Handler:
        return lambda request, **names: created(view(make(*names.values(), read(request))))

    def replacing(
        table: dict[str, Any], lookup: Callable[..., Any], make: Callable[..., Any], view: Callable[[Any], views.View]
    ) -> Handler:
        def handler(request: Request, control_plane_id: str, entity_id: str) -> Response:
            if entity_id.lower() in table:
                lookup(control_plane_id, entity_id)  # one of another control plane is not found
            add = partial(make, control_plane_id)
            return ok(view(konnect.entities.replace(table, add, entity_id, read(request))))

        return handler

    def deleting(delete: Callable[..., None]) -> Handler:
        return lambda _, **names: done(delete, *names.values())

    route, plugin, consumer = (f"{CORE}/{kind}/{{entity_id}}" for kind in ("routes", "plugins", "consumers"))
    return (
        ("GET", CORE + "/services", list_services),
        ("POST", CORE + "/services", making(konnect.entities.add_service, gateway_views.service)),
        ("GET", SERVICE, showing(konnect.entities.service_of, gateway_views.service)),
        (
            "PUT",
            CORE + "/services/{entity_id}",
            replacing(
                konnect.tables.gateway_services,
                konnect.entities.service_of,
                konnect.entities.add_service,
                gateway_views.service,
            ),
        ),
        ("DELETE", SERVICE, deleting(konnect.entities.delete_gateway_service)),
        ("GET", SERVICE + "/routes", list_routes),
        ("POST", SERVICE + "/routes", making(konnect.entities.add_route, gateway_views.route)),
        ("GET", SERVICE + "/plugins", list_plugins),
        ("POST", SERVICE + "/plugins", making(konnect.entities.add_plugin, gateway_views.plugin)),
        ("GET", CORE + "/routes", list_routes),
        ("POST", CORE + "/routes", making(konnect.entities.add_route_to_service, gateway_views.route)),
        ("GET", route, showing(konnect.entities.route_of, gateway_views.route)),
        (
            "PUT",
            route,
            replacing(
                konnect.tables.gateway_routes,
                konnect.entities.route_of,
                konnect.entities.add_route_to_service,
                gateway_views.route,
            ),
        ),
        ("DELETE", route, deleting(konnect.entities.delete_gateway_route)),
        ("GET", CORE + "/plugins", list_plugins),
        ("GET", plugin, showing(konnect.entities.plugin_of, gateway_views.plugin)),
        ("DELETE", plugin, deleting(konnect.entities.delete_plugin)),
        ("GET", CORE + "/consumers", list_consumers),
        ("POST", CORE + "/consumers", making(konnect.entities.add_consumer, gateway_views.consumer)),
        ("GET", consumer, showing(konnect.entities.consumer_at, gateway_views.consumer)),
        (
            "PUT",
            consumer,
            replacing(
                konnect.tables.gateway_consumers,
                konnect.entities.consumer_at,
                konnect.entities.add_consumer,
                gateway_views.consumer,
            ),
        ),
        ("DELETE", consumer, deleting(konnect.entities.delete_consumer)),
    )
