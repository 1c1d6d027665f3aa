"""The gateway's own entities in a control plane: services, routes, plugins, consumers (control-planes-config v2).

Rules
- All documented members are taken, kept and shown. What the mocked data planes cannot do is not pushed (push.py).
- Names and ids are unique (the status is inferred). A service that routes still use is not deleted; that it is answered
  with 400 is inferred. A `created_at` in a body is kept, an `updated_at` is not (Kong, kong/db/schema/init.lua).
- `url` of a service is its protocol, host, port and path at once; beside `url` these count for nothing (inferred).
- The settings of `openid-connect` are held against its schema at once, not at the push (inferred).
- A plugin `konnect-application-auth` that is added to a service replaces Konnect's own, and rejects every caller here.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.fields import check, faults
from dcrproof.mocks.konnect.objects import GatewayConsumer, GatewayPlugin, GatewayRoute, GatewayService
from dcrproof.mocks.konnect.plugin_schema import violation
from dcrproof.mocks.konnect.problems import Problem, conflict, invalid, invalid_parameters, missing_reference, not_found
from dcrproof.mocks.konnect.push import MANAGED_PLUGIN, OPENID_CONNECT, Push
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find, lowered

E = TypeVar("E", GatewayService, GatewayRoute, GatewayPlugin, GatewayConsumer)
MATCHED_BY = ("methods", "hosts", "headers", "paths", "snis", "sources", "destinations", "expression")


class Entities:
    """What the data planes of a control plane serve."""

    def __init__(self, tables: Tables, stamps: Stamps, push: Push) -> None:
        self.tables = tables
        self.stamps = stamps
        self.push = push

    # --- services and routes --------------------------------------------------------------------------------------

    def create_gateway_service(
        self, control_plane_id: str, name: str, url: str, *, read_timeout: int = 60000, enabled: bool = True
    ) -> GatewayService:
        """`read_timeout` is in milliseconds."""
        self._require_free(self.tables.gateway_services, {"name": name}, control_plane_id=control_plane_id)
        made = GatewayService(
            control_plane_id=control_plane_id,
            name=name,
            url=url,
            read_timeout=read_timeout,
            enabled=enabled,
            **self.stamps.new(),
        )
        return self._put(self.tables.gateway_services, made)

    def add_service(self, control_plane_id: str, body: Body) -> GatewayService:
        control_plane = find(self.tables.control_planes, control_plane_id)
        check(body, schema.GATEWAY_SERVICE)
        given = _given(body)
        if not given.keys() & {"url", "host"}:
            raise invalid_parameters(
                [{"field": "host", "rule": "required", "reason": '"host" is required', "source": "body"}]
            )
        self._require_free(self.tables.gateway_services, given, control_plane_id=control_plane.id)
        return self._put(
            self.tables.gateway_services,
            GatewayService(
                control_plane_id=control_plane.id,
                name=given.get("name"),
                url=given.get("url") or _url(given),
                read_timeout=given.get("read_timeout", 60000),
                enabled=given.get("enabled", True),
                others=_others(given, "url", "protocol", "host", "port", "path", "read_timeout", "enabled"),
                **self._stamps(given),
            ),
        )

    def service_of(self, control_plane_id: str, service_id: str) -> GatewayService:
        held = find(self.tables.gateway_services, service_id)
        if held.control_plane_id != find(self.tables.control_planes, control_plane_id).id:
            raise not_found()
        return held

    def delete_gateway_service(self, control_plane_id: str, service_id: str) -> None:
        held = self.service_of(control_plane_id, service_id)
        if any(route.service_id == held.id for route in self.tables.gateway_routes.values()):
            raise invalid("id", "an existing 'routes' entity references this 'services' entity")
        for plugin in [one for one in self.tables.gateway_plugins.values() if one.service_id == held.id]:
            del self.tables.gateway_plugins[plugin.id]
        del self.tables.gateway_services[held.id]
        self.push.services_changed()

    def create_gateway_route(
        self,
        service_id: str,
        name: str,
        paths: tuple[str, ...],
        methods: tuple[str, ...] = (),
        strip_path: bool = True,
    ) -> GatewayRoute:
        made = GatewayRoute(
            service_id=service_id, name=name, paths=paths, methods=methods, strip_path=strip_path, **self.stamps.new()
        )
        return self._put(self.tables.gateway_routes, made)

    def add_route(self, control_plane_id: str, service_id: str, body: Body) -> GatewayRoute:
        held = self.service_of(control_plane_id, service_id)
        check(body, schema.GATEWAY_ROUTE)
        given = _given(body)
        if not any(given.get(name) for name in MATCHED_BY):
            # Kong, kong/db/schema/entities/routes_subschemas.lua
            raise invalid("paths", f"must set one of {', '.join(MATCHED_BY)}")
        self._require_free(self.tables.gateway_routes, given, service_id=held.id)
        return self._put(
            self.tables.gateway_routes,
            GatewayRoute(
                service_id=held.id,
                name=given.get("name"),
                paths=tuple(given.get("paths", ())),
                methods=tuple(given.get("methods", ())),
                strip_path=given.get("strip_path", True),
                others=_others(given, "service", "paths", "methods", "strip_path"),
                **self._stamps(given),
            ),
        )

    def add_route_to_service(self, control_plane_id: str, body: Body) -> GatewayRoute:
        """The body names the service. The mocked data planes have no route without one: it is refused."""
        check(body, schema.GATEWAY_ROUTE)
        service_id = (body.get("service") or {}).get("id")
        if service_id is None:
            raise invalid("service", "the mocked data planes serve no route without a service")
        if lowered(service_id) not in self.tables.gateway_services:
            raise missing_reference("service.id", "Service not found")
        return self.add_route(control_plane_id, service_id, body)

    def route_of(self, control_plane_id: str, route_id: str) -> GatewayRoute:
        held = find(self.tables.gateway_routes, route_id)
        self.service_of(control_plane_id, held.service_id)
        return held

    def delete_gateway_route(self, control_plane_id: str, route_id: str) -> None:
        del self.tables.gateway_routes[self.route_of(control_plane_id, route_id).id]
        self.push.services_changed()

    # --- plugins --------------------------------------------------------------------------------------------------

    def add_plugin(self, control_plane_id: str, service_id: str, body: Body) -> GatewayPlugin:
        held = self.service_of(control_plane_id, service_id)
        check(body, schema.GATEWAY_PLUGIN)
        given = _given(body)
        name, config = given["name"], given.get("config", {})
        self._require_free(self.tables.gateway_plugins, {"id": given.get("id")})
        managed = name == MANAGED_PLUGIN and self.push.accepted_strategy(held.id) is not None
        if managed or any(
            (one.service_id, one.name) == (held.id, name) for one in self.tables.gateway_plugins.values()
        ):
            raise conflict(f"The service already has a plugin {name}")
        if name == OPENID_CONNECT and (flaw := violation(config)) is not None:
            raise invalid(f"config.{flaw[0]}", f"expected {flaw[1]}")
        return self._put(
            self.tables.gateway_plugins,
            GatewayPlugin(
                service_id=held.id,
                name=name,
                config=config,
                others=_others(given, "service", "config"),
                **self._stamps(given),
            ),
        )

    def plugin_of(self, control_plane_id: str, plugin_id: str) -> GatewayPlugin:
        held = find(self.tables.gateway_plugins, plugin_id)
        self.service_of(control_plane_id, held.service_id)
        return held

    def delete_plugin(self, control_plane_id: str, plugin_id: str) -> None:
        del self.tables.gateway_plugins[self.plugin_of(control_plane_id, plugin_id).id]
        self.push.services_changed()

    # --- consumers ------------------------------------------------------------------------------------------------

    def add_consumer(self, control_plane_id: str, body: Body) -> GatewayConsumer:
        control_plane = find(self.tables.control_planes, control_plane_id)
        check(body, schema.GATEWAY_CONSUMER)
        given = _given(body)
        username, custom_id = given.get("username"), given.get("custom_id")
        if not (username or custom_id):
            raise invalid("username", "at least one of custom_id and username must be given")
        self._require_free(self.tables.gateway_consumers, given, control_plane_id=control_plane.id)
        return self._put(
            self.tables.gateway_consumers,
            GatewayConsumer(
                control_plane_id=control_plane.id,
                username=username,
                custom_id=custom_id,
                others=_others(given, "username", "custom_id"),
                **self._stamps(given),
            ),
        )

    def consumer_at(self, control_plane_id: str, consumer_id: str) -> GatewayConsumer:
        held = find(self.tables.gateway_consumers, consumer_id)
        if held.control_plane_id != find(self.tables.control_planes, control_plane_id).id:
            raise not_found()
        return held

    def delete_consumer(self, control_plane_id: str, consumer_id: str) -> None:
        """No application is mapped to it from then on."""
        gone = self.tables.gateway_consumers.pop(self.consumer_at(control_plane_id, consumer_id).id)
        for key in [key for key, mapped in self.tables.consumer_of.items() if mapped == gone.id]:
            del self.tables.consumer_of[key]
        self.push.services_changed()

    # --- what all kinds share -------------------------------------------------------------------------------------

    def replace(self, table: dict[str, E], add: Callable[[Body], E], entity_id: str, body: Body) -> E:
        """PUT: makes the entity with that id, by `add`, or replaces all of it but id and time of creation.

        An id in the body counts for nothing, but a wrong one is refused.
        """
        if not isinstance(body, dict):
            return add(body)
        before = table.pop(entity_id.lower(), None)
        kept = {"created_at": int(before.created_at)} if before else {}
        wrong = {
            name: body[name]
            for name in body.keys() & {"id", "created_at"}
            if any(faults(name, body[name], schema.ENTITY[name]))
        }
        try:
            return add({**body, **kept, "id": entity_id, **wrong})
        except Problem:
            if before:
                table[before.id] = before
            raise

    def _put(self, table: dict[str, E], made: E) -> E:
        table[made.id] = made
        self.push.services_changed()
        return made

    def _stamps(self, given: Body) -> dict[str, Any]:
        new = self.stamps.new()
        return {
            **new,
            "id": lowered(given.get("id")) or new["id"],
            "created_at": given.get("created_at", new["created_at"]),
        }

    def _require_free(self, table: Mapping[str, Any], given: Body, **within: str) -> None:
        """That no entity has the id, and none among those with these attributes the name. Raises Problem 409."""
        if (lowered(given.get("id")) or "") in table:
            raise conflict(f"An entity with id {given['id']} already exists")
        for one in table.values():
            for name in ("name", "username", "custom_id"):
                same = given.get(name) is not None and getattr(one, name, None) == given[name]
                if same and all(getattr(one, key) == value for key, value in within.items()):
                    raise conflict(f"An entity with {name} {given[name]} already exists")


def _given(body: Body) -> dict[str, Any]:
    """Null is the default (inferred for Konnect)."""
    return {name: value for name, value in body.items() if value is not None}


def _others(given: Body, *used: str) -> dict[str, Any]:
    """What an entity has no attribute of its own for."""
    return {
        name: value for name, value in given.items() if name not in {*used, "id", "name", "created_at", "updated_at"}
    }


def _url(given: Body) -> str:
    protocol, host = given.get("protocol", "http"), given["host"].strip("[]")
    address = f"[{host}]" if ":" in host else host
    port = int(given.get("port", 443 if protocol == "https" else 80))
    return f"{protocol}://{address}:{port}{given.get('path', '')}"
