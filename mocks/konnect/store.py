"""What all of Konnect's state stands on: the tables, the indexes, and what is pushed to the data planes."""

import hmac
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from dcrproof.mocks import data_plane
from dcrproof.mocks.clock import Clock
from dcrproof.mocks.konnect.accounts import Accounts
from dcrproof.mocks.konnect.bridges import Bridges
from dcrproof.mocks.konnect.driver import Driver, InitialAccess, ProviderCredentials
from dcrproof.mocks.konnect.objects import (
    Api,
    ApiVersion,
    Application,
    ControlPlane,
    Developer,
    GatewayConsumer,
    GatewayPlugin,
    GatewayRoute,
    GatewayService,
    Implementation,
    Page,
    Portal,
    Provider,
    Publication,
    Registration,
    Strategy,
    Team,
    TeamRole,
)
from dcrproof.mocks.konnect.problems import not_found
from dcrproof.mocks.konnect.push import (
    MANAGED_PLUGIN,
    NO_METHOD,
    OPENID_CONNECT,
    Push,
    conflicting,
    enforced,
    refused,
    strategy_of,
)
from dcrproof.mocks.konnect.roles import Token
from dcrproof.mocks.konnect.switches import Switches

T = TypeVar("T")
Body: TypeAlias = Mapping[str, Any]

UNKNOWNS = Switches()
PROVIDER_CREDENTIALS = ProviderCredentials()


def find(table: Mapping[Any, T], key: Any) -> T:
    """The object with that id; ids are compared without case. Raises Problem 404."""
    found = table.get(key.lower() if isinstance(key, str) else key)
    if found is None:
        raise not_found()
    return found


def lowered(id_: str | None) -> str | None:
    """Ids are kept in lower case, as Konnect makes them."""
    return id_.lower() if id_ is not None else None


def labelled(labels: Mapping[str, str], update: Mapping[str, str | None] | None) -> dict[str, str]:
    """Labels after an update: a value of null removes its key, null alone removes all (AAS `LabelsUpdate`)."""
    if update is None:
        return {}
    return {key: value for key, value in {**labels, **update}.items() if value is not None}


class Store:
    """An organisation's objects by id, in the order in which they were made."""

    def __init__(
        self,
        *,
        clock: Clock,
        seed: int,
        token: str,
        portal_host: Callable[[str], str],
        switches: Switches = UNKNOWNS,
        initial_access: InitialAccess = PROVIDER_CREDENTIALS,
    ) -> None:
        self.clock = clock
        self.tokens = [Token(token)]
        """Those that are admitted; the first one is of an admin of the organisation, unless it is replaced."""
        self.portal_host = portal_host
        self.driver = Driver(switches, initial_access)
        self._random = random.Random(seed)
        self._traces = random.Random(seed + 1)  # apart, so that ids do not depend on how many errors there were
        self.organization_id = self._uuid()
        self.bridges = Bridges(self.organization_id)
        self.accounts = Accounts(clock=clock, randomness=random.Random(seed + 2))

        self.control_planes: dict[str, ControlPlane] = {}
        self.gateway_services: dict[str, GatewayService] = {}
        self.gateway_routes: dict[str, GatewayRoute] = {}
        self.gateway_plugins: dict[str, GatewayPlugin] = {}
        self.gateway_consumers: dict[str, GatewayConsumer] = {}
        self.consumer_of: dict[tuple[str, str], str] = {}  # (application id, control plane id): consumer id
        self.providers: dict[str, Provider] = {}
        self.strategies: dict[str, Strategy] = {}
        self.portals: dict[str, Portal] = {}
        self.pages: dict[str, Page] = {}
        self.developers: dict[str, Developer] = {}
        self.teams: dict[str, Team] = {}
        self.team_roles: dict[str, TeamRole] = {}
        self.apis: dict[str, Api] = {}
        self.api_versions: dict[str, ApiVersion] = {}
        self.implementations: dict[str, Implementation] = {}
        self.publications: dict[tuple[str, str], Publication] = {}  # (api id, portal id)
        self.applications: dict[str, Application] = {}
        self.registrations: dict[str, Registration] = {}

        # What is looked up at every request of a developer is indexed.
        self._portal_by_host: dict[str, str] = {}
        self._developer_by_email: dict[tuple[str, str], str] = {}  # (portal id, e-mail in lower case)
        self._applications_of: dict[str, dict[str, str]] = {}  # developer id: name, application id
        self._application_by_client: dict[tuple[str | None, str], str] = {}  # (provider id, client id)
        self._registrations_of: dict[str, dict[str, str]] = {}  # application id: API id, registration id
        self._told: dict[str, set[str]] = {}  # application id: APIs that its bridge was told of

        self.nodes: Callable[[], list[Mapping[str, Any]]] = list
        self.on_change: list[Callable[[], None]] = []
        self._push = Push()
        self.pushed_at = self.started_at = clock.now()

    # --- what is common -------------------------------------------------------------------------------------------

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _new(self) -> dict[str, Any]:
        now = self.clock.now()
        return {"id": self._uuid(), "created_at": now, "updated_at": now}

    def trace(self) -> str:
        """The `instance` of an error."""
        return f"kong:trace:{self._traces.randrange(10**18, 10**19)}"

    def admits(self, token: str) -> bool:
        return self._token(token) is not None

    def allows(self, token: str, method: str, path: str) -> bool:
        """Whether the token has the role for that request."""
        held = self._token(token)
        return held is None or held.allows(method, path)

    def _token(self, value: str) -> Token | None:
        return next((held for held in self.tokens if hmac.compare_digest(held.value.encode(), value.encode())), None)

    @property
    def mail(self) -> list[dict[str, Any]]:
        """What was sent to developers: `at` (seconds), `to`, `subject`, `text` with `token=<uuid>` in it."""
        return self.accounts.mail

    # --- push -----------------------------------------------------------------------------------------------------

    def data_plane_configuration(self) -> data_plane.Configuration:
        """What the data planes should have. The same object until the next change."""
        return self._push.configuration

    def expected_hash(self) -> str:
        return self._push.hash

    def share(self, configuration: data_plane.Configuration) -> None:
        """What a portal of the other generation, which has the same control plane, pushes beside this one's."""
        self._announce(self._push.share(configuration))

    def _announce(self, altered: bool) -> None:
        if altered:
            self.pushed_at = self.clock.now()
            for notify in self.on_change:
                notify()

    def _services_changed(self) -> None:
        consumers = (
            data_plane.PushedConsumer(held.id, held.username, held.custom_id)
            for held in self.gateway_consumers.values()
            if self.has_data_planes(held.control_plane_id)
        )
        self._announce(self._push.services(tuple(self._pushed_services()), tuple(consumers)))

    def has_data_planes(self, control_plane_id: str) -> bool:
        """The nodes are those of the first control plane; any other has none."""
        return control_plane_id == next(iter(self.control_planes), None)

    def _pushed_services(self) -> Iterator[data_plane.Service]:
        linked = {held.service_id: held.api_id for held in self.implementations.values()}
        routes: dict[str, list[data_plane.Route]] = {}
        for route in self.gateway_routes.values():
            pushed = data_plane.Route(route.id, route.paths, route.methods, route.strip_path)
            if self.gateway_services[route.service_id].enabled:  # else as if it had no routes
                routes.setdefault(route.service_id, []).append(pushed)
        for service in self.gateway_services.values():
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
        """The control plane takes the plugin of a service, or keeps the one before, and says why."""
        refusal = None if strategy_id is None else self.push_is_refused(service_id, self.strategies[strategy_id])
        if strategy_id is not None and refusal is None:
            self._push.accepted[service_id] = strategy_of(self.strategies[strategy_id])
        elif strategy_id is None or self.driver.switches.refused_push_takes_plugin_away:
            self._push.accepted.pop(service_id, None)
        for held in [one for one in self.implementations.values() if one.service_id == service_id]:
            self.implementations[held.id] = replace(held, auth_strategy_sync_error=refusal)

    def push_is_refused(self, service_id: str, strategy: Strategy) -> Mapping[str, Any] | None:
        """Why the control plane does not take the managed plugin, as `auth_strategy_sync_error` says it; else None."""
        if self.plugin_on(service_id, MANAGED_PLUGIN) is not None:
            return conflicting()
        return refused(strategy)

    def _strategy_by_hand(self, service_id: str) -> data_plane.PushedStrategy | None:
        held = self.plugin_on(service_id, MANAGED_PLUGIN)
        return data_plane.PushedStrategy(held.id, NO_METHOD) if held is not None else None

    def plugin_on(self, service_id: str, name: str) -> GatewayPlugin | None:
        """The plugin of that name that somebody has put on a service."""
        held = self.gateway_plugins.values()
        return next((one for one in held if (one.service_id, one.name) == (service_id, name)), None)

    def accepted_strategy(self, service_id: str) -> data_plane.PushedStrategy | None:
        """What the managed plugin of that service holds."""
        return self._push.accepted.get(service_id)

    def enforced_strategy(self, api_id: str) -> str | None:
        return enforced(held for held in self.publications.values() if held.api_id == api_id)

    def _application_changed(self, application: Application) -> None:
        held = self._registrations_of.get(application.id, {}).values()
        approved = [one.api_id for one in map(self.registrations.__getitem__, held) if self.lets_through(one)]
        self._announce(self._push.application(application, approved))

    def lets_through(self, registration: Registration) -> bool:
        """Only `approved` lets traffic through (portal-management v3)."""
        return registration.status == "approved"

    def _remove_registration(self, registration: Registration) -> None:
        del self.registrations[registration.id]
        del self._registrations_of[registration.application_id][registration.api_id]
        self._application_changed(self.applications[registration.application_id])
