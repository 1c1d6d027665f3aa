"""An organisation's objects in tables, and what is looked up in them."""

import math
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.konnect.objects import (
    Api,
    ApiDocument,
    ApiVersion,
    Application,
    Certificate,
    ControlPlane,
    Developer,
    GatewayConsumer,
    GatewayPlugin,
    GatewayRoute,
    GatewayService,
    Implementation,
    Page,
    Portal,
    PortalEntry,
    Provider,
    Publication,
    Registration,
    Snippet,
    Strategy,
    Team,
    TeamRole,
)
from dcrproof.mocks.konnect.problems import Problem, not_found

T = TypeVar("T")


class OfPortal(Protocol):
    @property
    def portal_id(self) -> str: ...


P = TypeVar("P", bound=OfPortal)
Body: TypeAlias = Mapping[str, Any]


def find(table: Mapping[Any, T], key: Any) -> T:
    """The object with that id; ids are compared case-insensitively. Raises Problem 404, which names the thing (recorded)."""
    found = table.get(key.lower() if isinstance(key, str) else key)
    if found is None:
        raise absent(table)
    return found


def absent(table: Mapping[Any, Any]) -> Problem:
    """That what was asked for is not in that table."""
    return not_found(f"{table.thing} not found") if isinstance(table, Table) else not_found()


def lowered(id_: str | None) -> str | None:
    """Ids are kept in lower case, as Konnect makes them."""
    return id_.lower() if id_ is not None else None


def labelled(labels: Mapping[str, str], update: Mapping[str, str | None] | None) -> dict[str, str]:
    """Labels after an update: null as a value removes its key, null as the whole removes all (AAS `LabelsUpdate`)."""
    if update is None:
        return {}
    return {key: value for key, value in {**labels, **update}.items() if value is not None}


K = TypeVar("K")


class Table(dict[K, T]):
    """Objects by id. `thing` is what errors call one of them."""

    def __init__(self, thing: str) -> None:
        super().__init__()
        self.thing = thing


class InPortals(Table[str, P]):
    """Objects by id, and those of each portal apart: a page of them is found without a look at all others."""

    def __init__(self, thing: str) -> None:
        super().__init__(thing)
        self.of: dict[str, dict[str, P]] = {}

    def __setitem__(self, id_: str, held: P) -> None:
        super().__setitem__(id_, held)
        self.of.setdefault(held.portal_id, {})[id_] = held

    def __delitem__(self, id_: str) -> None:
        self.pop(id_)

    def pop(self, id_: str, *default: Any) -> Any:
        held = super().pop(id_, *default)
        if of := self.of.get(getattr(held, "portal_id", "")):
            of.pop(id_, None)
        return held


@dataclass(slots=True)
class Tables:
    """The objects by id, in the order in which they were made."""

    control_planes: dict[str, ControlPlane] = field(default_factory=lambda: Table("control plane"))
    gateway_services: dict[str, GatewayService] = field(default_factory=lambda: Table("service"))
    gateway_routes: dict[str, GatewayRoute] = field(default_factory=lambda: Table("route"))
    gateway_plugins: dict[str, GatewayPlugin] = field(default_factory=lambda: Table("plugin"))
    certificates: dict[str, Certificate] = field(default_factory=lambda: Table("certificate"))
    gateway_consumers: dict[str, GatewayConsumer] = field(default_factory=lambda: Table("consumer"))
    consumer_of: dict[tuple[str, str], str] = field(
        default_factory=dict
    )  # (application id, control plane id): consumer id
    providers: dict[str, Provider] = field(default_factory=lambda: Table("dcr provider"))
    strategies: dict[str, Strategy] = field(default_factory=lambda: Table("application auth strategy"))
    portals: dict[str, Portal] = field(default_factory=lambda: Table("portal"))
    pages: dict[str, Page] = field(default_factory=lambda: Table("page"))
    snippets: dict[str, Snippet] = field(default_factory=lambda: Table("snippet"))
    portal_settings: dict[tuple[str, str], dict[str, Any]] = field(
        default_factory=dict
    )  # (portal id, path of settings)
    portal_entries: dict[str, PortalEntry] = field(default_factory=lambda: Table("entry"))
    developers: InPortals[Developer] = field(default_factory=lambda: InPortals("developer"))
    teams: dict[str, Team] = field(default_factory=lambda: Table("team"))
    team_roles: dict[str, TeamRole] = field(default_factory=lambda: Table("role"))
    apis: dict[str, Api] = field(default_factory=lambda: Table("api"))
    api_versions: dict[str, ApiVersion] = field(default_factory=lambda: Table("version"))
    api_documents: dict[str, ApiDocument] = field(default_factory=lambda: Table("document"))
    implementations: dict[str, Implementation] = field(default_factory=lambda: Table("implementation"))
    publications: dict[tuple[str, str], Publication] = field(
        default_factory=lambda: Table("publication")
    )  # (api id, portal id)
    applications: InPortals[Application] = field(default_factory=lambda: InPortals("application"))
    registrations: InPortals[Registration] = field(default_factory=lambda: InPortals("registration"))

    # indexes of what is looked up at every request of a developer
    portal_by_host: dict[str, str] = field(default_factory=dict)
    developer_by_email: dict[tuple[str, str], str] = field(default_factory=dict)  # (portal id, e-mail in lower case)
    applications_of: dict[str, dict[str, str]] = field(default_factory=dict)  # developer id: name, application id
    application_by_client: dict[tuple[str | None, str], str] = field(default_factory=dict)  # (provider id, client id)
    registrations_of: dict[str, dict[str, str]] = field(default_factory=dict)  # application id: API id, registration id
    told: dict[str, set[str]] = field(default_factory=dict)  # application id: APIs of which its bridge was notified

    def developer(self, portal_id: str, developer_id: str) -> Developer:
        """A developer of that portal. Raises Problem 404."""
        held = find(self.developers, developer_id)
        if held.portal_id != portal_id.lower():
            raise absent(self.developers)
        return held

    def publication(self, api_id: str, portal_id: str) -> Publication:
        """How that portal publishes that API. Raises Problem 404."""
        return find(self.publications, (api_id.lower(), portal_id.lower()))

    def provider_of(self, application: Application) -> Provider | None:
        """The DCR provider with which the application's client was registered."""
        return self.providers.get(application.provider_id or "")


class Stamps:
    """The ids and times of new objects; one source of random numbers gives the same ids."""

    def __init__(self, clock: Clock, source: random.Random) -> None:
        self._clock = clock
        self._random = source

    def now(self) -> float:
        """In whole milliseconds, as answers show them: what an answer shows can be filtered by."""
        return math.floor(self._clock.now() * 1000) / 1000

    def id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def new(self) -> dict[str, Any]:
        """`id`, `created_at` and `updated_at` of an object that is made now."""
        now = self.now()
        return {"id": self.id(), "created_at": now, "updated_at": now}
