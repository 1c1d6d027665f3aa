"""What the control plane pushes to the data planes: the one thing that mock Konnect and mock gateway both know.

The documents name the parts (an application's client id, strategy and scopes; the strategy's plugin configuration on
the linked service) but not the format of the push, so this is a format of our own.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Strategy:
    """An application auth strategy as it reaches the plugin: `config` is what `configs.openid-connect` held."""

    id: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Application:
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
class Consumer:
    """A gateway consumer. Portal applications are none."""

    id: str
    username: str | None = None
    custom_id: str | None = None


@dataclass(frozen=True)
class Service:
    """A gateway service. Without a strategy nothing is enforced: the route is open.

    `openid_connect` is the configuration of a plugin of that name of its own, which knows consumers and no
    applications; a service that an API is linked to has none here.
    """

    id: str
    url: str
    routes: tuple[Route, ...]
    api_id: str | None = None
    strategy: Strategy | None = None
    also: tuple["Service", ...] = ()
    """The same service as another portal publishes it: with an API and a strategy of its own."""
    openid_connect: Mapping[str, Any] | None = None

    @property
    def guarded(self) -> "tuple[Service, ...]":
        """The service once for each strategy that may admit a request; the service itself is the first."""
        return (self, *self.also)


@dataclass(frozen=True)
class Configuration:
    services: tuple[Service, ...] = ()
    applications: tuple[Application, ...] = ()
    consumers: tuple[Consumer, ...] = ()

    @cached_property
    def hash(self) -> str:
        """32 hexadecimal digits, equal exactly for equal configurations."""
        text = json.dumps(asdict(self), sort_keys=True, default=dict)
        return hashlib.sha256(text.encode()).hexdigest()[:32]
