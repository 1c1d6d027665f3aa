"""The gateway's own entities in a control plane: services, routes, plugins, consumers (control-planes-config v2).

Rules
- Names are unique. A service that routes still use is not deleted; that it is answered with 400 is inferred.
- A plugin's settings are held against its schema at once, not at the push (inferred).
- The plugins here are `openid-connect` and `konnect-application-auth`: another one, which the mocked data planes do not
  have, is refused. One of the latter that is added to a service replaces Konnect's own, and rejects every caller
  here.
"""

from typing import Any

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.fields import check
from dcrproof.mocks.konnect.objects import GatewayConsumer, GatewayPlugin, GatewayRoute, GatewayService
from dcrproof.mocks.konnect.plugin_schema import violation
from dcrproof.mocks.konnect.problems import conflict, invalid, not_found
from dcrproof.mocks.konnect.push import MANAGED_PLUGIN, Push
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find


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
        self._require_free_name(self.tables.gateway_services.values(), name, control_plane_id=control_plane_id)
        made = GatewayService(
            control_plane_id=control_plane_id,
            name=name,
            url=url,
            read_timeout=read_timeout,
            enabled=enabled,
            **self.stamps.new(),
        )
        self.tables.gateway_services[made.id] = made
        self.push.services_changed()
        return made

    def add_service(self, control_plane_id: str, body: Body) -> GatewayService:
        control_plane = find(self.tables.control_planes, control_plane_id)
        check(body, schema.GATEWAY_SERVICE)
        protocol = body.get("protocol", "http")
        port = body.get("port", 443 if protocol == "https" else 80)
        host = f"[{body['host'].strip('[]')}]" if ":" in body["host"] else body["host"]
        url = f"{protocol}://{host}:{port}{body.get('path') or ''}"
        members = {name: body[name] for name in ("read_timeout", "enabled") if name in body}
        return self.create_gateway_service(control_plane.id, body["name"], url, **members)

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
        self.tables.gateway_routes[made.id] = made
        self.push.services_changed()
        return made

    def add_route(self, control_plane_id: str, service_id: str, body: Body) -> GatewayRoute:
        held = self.service_of(control_plane_id, service_id)
        check(body, schema.GATEWAY_ROUTE)
        self._require_free_name(self.tables.gateway_routes.values(), body["name"], service_id=held.id)
        methods = tuple(body.get("methods") or ())
        return self.create_gateway_route(
            held.id, body["name"], tuple(body["paths"]), methods, body.get("strip_path", True)
        )

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
        managed = body["name"] == MANAGED_PLUGIN and self.push.accepted_strategy(held.id) is not None
        if managed or self.push.plugin_on(held.id, body["name"]) is not None:
            raise conflict(f"The service already has a plugin {body['name']}")
        config = body.get("config", {})
        if (flaw := violation(config)) is not None:
            raise invalid(f"config.{flaw[0]}", f"expected {flaw[1]}")
        made = GatewayPlugin(service_id=held.id, name=body["name"], config=config, **self.stamps.new())
        self.tables.gateway_plugins[made.id] = made
        self.push.services_changed()
        return made

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
        username, custom_id = body.get("username"), body.get("custom_id")
        if username is None and custom_id is None:
            raise invalid("username", "at least one of custom_id and username must be given")
        if username is not None:
            self._require_free_name(self.tables.gateway_consumers.values(), username, control_plane_id=control_plane.id)
        made = GatewayConsumer(
            control_plane_id=control_plane.id, username=username, custom_id=custom_id, **self.stamps.new()
        )
        self.tables.gateway_consumers[made.id] = made
        self.push.services_changed()
        return made

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

    def _require_free_name(self, held: Any, name: str, **within: str) -> None:
        """That no entity of its kind, among those with these attributes, has the name."""
        for one in held:
            same = name in {getattr(one, "name", None), getattr(one, "username", None)}
            if same and all(getattr(one, key) == value for key, value in within.items()):
                raise conflict(f"An entity named {name} already exists")
