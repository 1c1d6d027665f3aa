"""What the control plane pushes to the data planes: the one thing that mock Konnect and mock gateway both know.

The documents name the parts (an application's client id, strategy and scopes; the strategy's plugin configuration on
the linked service) but not the format of the push, so this is our own format.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, TypeAlias

from immutables import Map


@dataclass(frozen=True)
class PushedStrategy:
    """An application auth strategy as it reaches the plugin: `config` is what `configs.openid-connect` held."""

    id: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class PushedApplication:
    """A portal application: `apis` are the ids of the APIs for which it holds an approved registration."""

    id: str
    client_id: str
    strategy_id: str
    apis: tuple[str, ...]


@dataclass(frozen=True)
class Route:
    """Matches by path prefix; `methods` empty means every method."""

    id: str
    paths: tuple[str, ...]
    methods: tuple[str, ...] = ()
    strip_path: bool = True


@dataclass(frozen=True)
class PushedConsumer:
    """A gateway consumer. Portal applications are not consumers."""

    id: str
    username: str | None = None
    custom_id: str | None = None


@dataclass(frozen=True)
class Service:
    """A gateway service; `read_timeout` is in milliseconds. Without a strategy nothing is enforced: the route is open.

    `openid_connect` is the configuration of a plugin of that name on the service, which maps consumers and not
    applications; a service may have both it and a strategy.
    """

    id: str
    url: str
    routes: tuple[Route, ...]
    api_id: str | None = None
    strategy: PushedStrategy | None = None
    also: tuple["Service", ...] = ()
    """The same service as another portal publishes it, with another API and strategy."""
    openid_connect: Mapping[str, Any] | None = None
    read_timeout: int = 60000

    @cached_property
    def stages(self) -> "tuple[tuple[Service, ...], ...]":
        """The plugins that check a request, one stage after the other; a stage has the service once for each strategy that may
        admit the request.

        `openid-connect` comes before `konnect-application-auth` (plugin priorities 1050 and 960).
        """
        managed = (replace(self, openid_connect=None, also=()), *self.also)
        if self.openid_connect is None:
            return (managed,)
        plain = (replace(self, id=f"{self.id}/openid-connect", strategy=None, also=()),)
        return (plain, managed) if any(one.strategy for one in managed) else (plain,)


Applications: TypeAlias = Map[tuple[str, str], PushedApplication]
"""By strategy and client id. A map with one more shares all else with the one before: a push costs the same with 100,000."""


def applications(*held: PushedApplication) -> Applications:
    return Map(((one.strategy_id, one.client_id), one) for one in held)


@dataclass(frozen=True)
class PushedConfiguration:
    services: tuple[Service, ...] = ()
    applications: Applications = field(default_factory=Map)
    consumers: tuple[PushedConsumer, ...] = ()

    @cached_property
    def hash(self) -> str:
        """32 hexadecimal digits, equal exactly for equal configurations."""
        parts = self.services, [self.applications[key] for key in sorted(self.applications)], self.consumers
        text = json.dumps(parts, sort_keys=True, default=_members)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _members(value: Any) -> dict[str, Any]:
    """What json does not know: a part of the configuration, or a mapping."""
    if isinstance(value, Mapping):
        return dict(value)
    return {field.name: getattr(value, field.name) for field in fields(value)}
