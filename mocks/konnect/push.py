"""What the control plane pushes to its data planes, kept current change by change.

Rules
    strategy     a gateway service that an API is linked to carries the strategy with which that API is published;
                 without a link nothing is enforced
    application  only approved registrations count
    nodes        the data planes are those of the first control plane
    entities     what these data planes cannot do is not pushed: a service of another protocol than HTTP, a route that
                 matches by more than path and method, and all routes of a service with a plugin that they do not have,
                 unless it only logs. So nobody is let through for want of a rule

An application costs the same to push however many there are: each keeps its own part, and only the part of what
changed is made again. The configuration as a whole is put together when it is asked for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from dcrproof.mocks import data_plane
from dcrproof.mocks.clock import Clock
from dcrproof.mocks.konnect.driver import Driver
from dcrproof.mocks.konnect.objects import (
    Application,
    GatewayPlugin,
    GatewayRoute,
    GatewayService,
    Publication,
    Registration,
    Strategy,
)
from dcrproof.mocks.konnect.plugin_schema import PLUGIN_CONFIG, violation
from dcrproof.mocks.konnect.tables import Tables

# A strategy that the data plane of these mocks cannot enforce (key auth) rejects every caller there: it must not leave the
# route open.
NO_METHOD: Mapping[str, object] = {
    "issuer": "https://no-issuer.invalid",
    "credential_claim": [],
    "scopes": [],
    "auth_methods": [],
}


def strategy_of(strategy: Strategy) -> data_plane.PushedStrategy:
    config = strategy.config if strategy.strategy_type == "openid_connect" else NO_METHOD
    return data_plane.PushedStrategy(strategy.id, config)


def enforced(publications: Iterable[Publication]) -> str | None:
    """The strategy that the plugin on the linked service enforces.

    The plugin holds a list; the push of these mocks holds one. An API that is published with several strategies gets
    that of its first publication.
    """
    held = [publication for publication in publications if publication.auth_strategy_id is not None]
    return min(held, key=lambda one: one.created_at).auth_strategy_id if held else None


MANAGED_PLUGIN, OPENID_CONNECT = "konnect-application-auth", "openid-connect"

# What the mocked data planes cannot do: members of an entity that would have to do something there. Others are only
# shown, or are harmless (timeouts, retries, buffering, tags).
OF_SERVICE = frozenset({"ca_certificates", "client_certificate", "tls_sans", "tls_verify", "tls_verify_depth"})
OF_ROUTE = frozenset(
    {"hosts", "headers", "snis", "sources", "destinations", "expression", "priority", "regex_priority"}
    | {"preserve_host", "protocols", "path_handling"}
)
# Those have a default that needs nothing (control-planes-config v2), and tools send it.
DEFAULTS_OF_ROUTE: Mapping[str, Any] = {"preserve_host": False, "path_handling": "v0", "regex_priority": 0}
ONLY_WATCH = frozenset(
    {"datadog", "file-log", "http-log", "kafka-log", "loggly", "opentelemetry", "prometheus", "statsd", "syslog"}
    | {"tcp-log", "udp-log", "zipkin"}
)
"""Plugins of the categories logging and analytics (developer.konghq.com/plugins/): they let nobody in and keep nobody out."""
OF_PLUGIN = frozenset({"condition", "consumer", "consumer_group", "ordering", "partials", "protocols", "route"})


def serves(service: GatewayService, plugins: Iterable[GatewayPlugin]) -> bool:
    """Whether the mocked data planes can serve the routes of that service, with these plugins."""
    return (
        service.enabled
        and service.url.startswith(("http://", "https://"))
        and not service.others.keys() & OF_SERVICE
        and all(
            not one.enabled
            or one.name in ONLY_WATCH
            or (one.name in {MANAGED_PLUGIN, OPENID_CONNECT} and not one.others.keys() & OF_PLUGIN)
            for one in plugins
            if one.service_id == service.id
        )
    )


def matches(route: GatewayRoute) -> bool:
    """Whether the mocked data planes can match that route."""
    asked = {name for name, value in route.others.items() if name in OF_ROUTE and value != DEFAULTS_OF_ROUTE.get(name)}
    if set(route.others.get("protocols", ())) == {"http", "https"}:
        asked.discard("protocols")
    return not asked and not any(path.startswith("~") for path in route.paths)


def conflicting() -> Mapping[str, Any]:
    """A service has one plugin of a name (Kong, `plugins`): Konnect's own finds that place taken (inferred)."""
    message = f"the service already has a plugin {MANAGED_PLUGIN}"
    return {"control_plane_error": "control_plane_error_plugin_conflict", "message": message}


def refused(strategy: Strategy) -> Mapping[str, Any] | None:
    """Why the control plane rejects the plugin that this strategy makes; None where it accepts it.

    `configs.openid-connect` is open, so that what the plugin's schema forbids is found out only at the push. The form
    is `AuthStrategyApiSyncError` of api-builder v3; which of its codes is meant for a schema is inferred.
    """
    flaw = violation(strategy.config) if strategy.strategy_type == "openid_connect" else None
    if flaw is None:
        return None
    message = f"schema violation ({PLUGIN_CONFIG}.{flaw[0]}: expected {flaw[1]})"
    return {"control_plane_error": "control_plane_error_data_constraint_error", "message": message}


class PushedParts:
    """The parts of the current configuration, and the configuration that they make."""

    def __init__(self) -> None:
        self.accepted: dict[str, data_plane.PushedStrategy] = {}
        """service id: the strategy that the control plane took last"""
        self._services: tuple[data_plane.Service, ...] = ()
        self._consumers: tuple[data_plane.PushedConsumer, ...] = ()
        self._by_id: dict[str, data_plane.PushedApplication] = {}
        self._applications = data_plane.applications()
        self._shared = data_plane.PushedConfiguration()
        self._whole: data_plane.PushedConfiguration | None = None
        self._hash: str | None = None

    def services(
        self, services: tuple[data_plane.Service, ...], consumers: tuple[data_plane.PushedConsumer, ...]
    ) -> bool:
        """Replaces all services and consumers. True if that altered anything."""
        if (services, consumers) == (self._services, self._consumers):
            return False
        self._services, self._consumers = services, consumers
        self._whole = self._hash = None
        return True

    def application(self, application: Application, approved: Iterable[str]) -> bool:
        """Replaces one application; `approved` are ids of APIs. True if that altered anything."""
        if application.client_id is None:  # key auth: nothing that the data plane could match
            return False
        part = data_plane.PushedApplication(
            application.id, application.client_id, application.strategy_id, tuple(sorted(approved))
        )
        before = self._by_id.get(application.id)
        if before == part:
            return False
        if before is not None:
            self._forget(before)
        self._by_id[application.id] = part
        self._applications = self._applications.set((part.strategy_id, part.client_id), part)
        self._whole = self._hash = None
        return True

    def share(self, shared: data_plane.PushedConfiguration) -> bool:
        """Replaces what another portal of this organisation pushes to the same services. True if that altered anything.

        Without applications its strategies are of no use, and nothing of it is pushed.
        """
        if not shared.applications:
            shared = data_plane.PushedConfiguration()
        if shared == self._shared:
            return False
        self._shared = shared
        self._whole = self._hash = None
        return True

    def without(self, application_id: str) -> bool:
        held = self._by_id.pop(application_id, None)
        if held is None:
            return False
        self._forget(held)
        self._whole = self._hash = None
        return True

    def _forget(self, held: data_plane.PushedApplication) -> None:
        key = held.strategy_id, held.client_id
        if self._applications.get(key) == held:
            self._applications = self._applications.delete(key)

    @property
    def configuration(self) -> data_plane.PushedConfiguration:
        if self._whole is None:
            applications = self._applications.update(self._shared.applications)
            services = tuple(map(self._with_shared, self._services))
            self._whole = data_plane.PushedConfiguration(services, applications, self._consumers)
        return self._whole

    def _with_shared(self, service: data_plane.Service) -> data_plane.Service:
        also = (
            replace(held, id=f"{held.id}/shared", routes=())
            for held in self._shared.services
            if held.id == service.id and held.api_id is not None
        )
        return replace(service, also=tuple(also))

    @property
    def hash(self) -> str:
        if self._hash is None:
            self._hash = self.configuration.hash
        return self._hash


class Push:
    """The configuration that the data planes of an organisation should have.

    `nodes` (set by `Propagation`) lists what each node reports: a mapping with `id`, `hostname`, `version`,
    `config_hash` and `last_ping`, and whatever else the admin API shows of a node. The functions in `on_change` are
    called, without arguments, after each change that alters the configuration.
    """

    def __init__(self, tables: Tables, clock: Clock, driver: Driver) -> None:
        self.tables = tables
        self.clock = clock
        self.driver = driver
        self.nodes: Callable[[], list[Mapping[str, Any]]] = list
        self.on_change: list[Callable[[], None]] = []
        self.pushed_at = self.started_at = clock.now()
        self._parts = PushedParts()

    @property
    def configuration(self) -> data_plane.PushedConfiguration:
        """What the data planes should have. The same object until the next change."""
        return self._parts.configuration

    @property
    def hash(self) -> str:
        return self._parts.hash

    def share(self, configuration: data_plane.PushedConfiguration) -> None:
        """Adds what a portal of the other generation, which has the same control plane, pushes."""
        self._announce(self._parts.share(configuration))

    def application_deleted(self, application_id: str) -> None:
        self._announce(self._parts.without(application_id))

    def _announce(self, altered: bool) -> None:
        if altered:
            self.pushed_at = self.clock.now()
            for notify in self.on_change:
                notify()

    def services_changed(self) -> None:
        """Works out the services and consumers of the data planes again."""
        consumers = (
            data_plane.PushedConsumer(held.id, held.username, held.custom_id)
            for held in self.tables.gateway_consumers.values()
            if self.has_data_planes(held.control_plane_id)
        )
        self._announce(self._parts.services(tuple(self._pushed_services()), tuple(consumers)))

    def has_data_planes(self, control_plane_id: str) -> bool:
        """The nodes are those of the first control plane; any other has none."""
        return control_plane_id == next(iter(self.tables.control_planes), None)

    def _pushed_services(self) -> Iterator[data_plane.Service]:
        linked = {held.service_id: held.api_id for held in self.tables.implementations.values()}
        routes: dict[str, list[data_plane.Route]] = {}
        for route in filter(matches, self.tables.gateway_routes.values()):
            pushed = data_plane.Route(route.id, route.paths, route.methods, route.strip_path)
            routes.setdefault(route.service_id, []).append(pushed)
        for service in self.tables.gateway_services.values():
            if not serves(service, self.tables.gateway_plugins.values()):
                routes.pop(service.id, None)
            api_id = linked.get(service.id)
            self._accept(service.id, self.enforced_strategy(api_id) if api_id is not None else None)
            plain = self.plugin_on(service.id, OPENID_CONNECT)
            if not self.has_data_planes(service.control_plane_id):
                continue
            yield data_plane.Service(
                service.id,
                service.url,
                tuple(routes.get(service.id, ())),
                api_id,
                self.accepted_strategy(service.id) or self._strategy_by_hand(service.id),
                openid_connect=plain.config if plain is not None else None,
                read_timeout=service.read_timeout,
            )

    def _accept(self, service_id: str, strategy_id: str | None) -> None:
        """The control plane accepts the plugin of a service, or keeps the previous one and says why."""
        refusal = None if strategy_id is None else self.push_is_refused(service_id, self.tables.strategies[strategy_id])
        if strategy_id is not None and refusal is None:
            self._parts.accepted[service_id] = strategy_of(self.tables.strategies[strategy_id])
        elif strategy_id is None or self.driver.switches.refused_push_takes_plugin_away:
            self._parts.accepted.pop(service_id, None)
        for held in [one for one in self.tables.implementations.values() if one.service_id == service_id]:
            self.tables.implementations[held.id] = replace(held, auth_strategy_sync_error=refusal)

    def push_is_refused(self, service_id: str, strategy: Strategy) -> Mapping[str, Any] | None:
        """Why the control plane rejects the managed plugin, as `auth_strategy_sync_error` says it; else None."""
        if self.plugin_on(service_id, MANAGED_PLUGIN) is not None:
            return conflicting()
        return refused(strategy)

    def _strategy_by_hand(self, service_id: str) -> data_plane.PushedStrategy | None:
        held = self.plugin_on(service_id, MANAGED_PLUGIN)
        return data_plane.PushedStrategy(held.id, NO_METHOD) if held is not None else None

    def plugin_on(self, service_id: str, name: str) -> GatewayPlugin | None:
        """The enabled plugin of that name that was added to a service."""
        held = self.tables.gateway_plugins.values()
        return next((one for one in held if (one.service_id, one.name) == (service_id, name) and one.enabled), None)

    def accepted_strategy(self, service_id: str) -> data_plane.PushedStrategy | None:
        """What the managed plugin of that service holds."""
        return self._parts.accepted.get(service_id)

    def enforced_strategy(self, api_id: str) -> str | None:
        return enforced(held for held in self.tables.publications.values() if held.api_id == api_id)

    def application_changed(self, application: Application) -> None:
        """Works out again for which APIs the data planes accept the application."""
        held = self.tables.registrations_of.get(application.id, {}).values()
        approved = [one.api_id for one in map(self.tables.registrations.__getitem__, held) if self.lets_through(one)]
        self._announce(self._parts.application(application, approved))

    def lets_through(self, registration: Registration) -> bool:
        """Only `approved` gives access (portal-management v3)."""
        return registration.status == "approved"
