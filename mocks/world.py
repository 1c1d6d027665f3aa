"""A world: one Curity, one Konnect with its portals, the data planes behind it, an upstream, a bridge, one clock for all."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from dcrproof.mocks import reachability, steps, upstream
from dcrproof.mocks.bridge import Bridge
from dcrproof.mocks.classic_portal import admin as classic_admin
from dcrproof.mocks.classic_portal import setup as classic_setup
from dcrproof.mocks.classic_portal.http import ClassicPortalHttp
from dcrproof.mocks.classic_portal.state import ClassicPortal
from dcrproof.mocks.clock import Clock
from dcrproof.mocks.control import Control
from dcrproof.mocks.curity.configuration import how_to_configuration
from dcrproof.mocks.curity.http import CurityNodes
from dcrproof.mocks.curity.state import Curity
from dcrproof.mocks.faults import Faults
from dcrproof.mocks.gateway.http import GatewayHttp
from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.konnect.driver import InitialAccess, ProviderCredentials
from dcrproof.mocks.konnect.http import KonnectHttp
from dcrproof.mocks.konnect.portal import PortalHttp
from dcrproof.mocks.konnect.roles import viewer
from dcrproof.mocks.konnect.setup import Standing, how_to_setup
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.live_konnect import OtherKonnect, Unread, unread
from dcrproof.mocks.messages import Asking, Calls, Request, Response
from dcrproof.mocks.observed import NOTHING_OBSERVED, Observed

PARTIES = ("curity", "konnect", "portal", "classic_portal", "gateway", "upstream", "bridge")
PORTS = ("curity", "konnect", "portal", "classic_portal", "gateway", "upstream", "gateway-2", "control", "bridge")
"""The ports of a world, in the order in which they are numbered, but for the bridge: the control interface tells its."""
ROUTE = "/accounts"
ISSUER_PATH = "/oauth/v2/oauth-anonymous"
WELL_KNOWN = "/.well-known/openid-configuration"
DEVELOPER = "developer@example.com"
REGISTRAR = "konnect-registrar"
INTROSPECTOR = "introspector"
ADMIN = "admin"


@dataclass(frozen=True, repr=False)
class Credentials:
    """The secrets of one instance of the mocks: the same seed makes the same ones."""

    registrar_secret: str
    introspector_secret: str
    admin_password: str
    konnect_token: str
    developer_password: str
    classic_developer_password: str
    bridge_key: str

    @classmethod
    def of(cls, seed: int) -> "Credentials":
        source = random.Random(f"credentials of {seed}")

        def text(prefix: str = "") -> str:
            return prefix + "".join(source.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789", k=32))

        return cls(text(), text(), text(), text("kpat_"), text("P@1"), text("P@1"), text())


@dataclass(frozen=True)
class OtherServer:
    """An authorization server in front of which the other mocks stand, in mock Curity's place.

    `registrar` is the id and secret that Konnect's provider holds; `initial_access` how it may register.
    """

    issuer: str
    registrar: tuple[str, str] = ("registrar", "not used by this authorization server")
    initial_access: InitialAccess = ProviderCredentials()


@dataclass
class Start:
    """How a world begins: what a reset begins again with."""

    addresses: Mapping[str, str]
    """Base URL of each port."""
    seed: int
    other_server: OtherServer | None = None
    other_konnect: OtherKonnect | None = None
    undone: dict[str, str | None] = field(default_factory=dict)
    propagation: float = 0.0
    """Seconds from a change in Konnect to the moment when the data planes have it."""
    read_only: bool = False
    """Whether the token of the admin API may read and change nothing."""
    gateway_version: str = "3.14.0.8"
    """The release of the data planes; of a line of releases, such as 3.13, it is the newest."""
    observed: Observed = NOTHING_OBSERVED
    """The switches of all mocks."""


class World:
    """Everything that the mocks know, apart from the sockets on which they are asked."""

    PARTIES = PARTIES
    ROUTE = ROUTE
    METADATA = ISSUER_PATH + WELL_KNOWN

    def __init__(self, start: Start, reset: Callable[[], None]) -> None:
        self.start = start
        self.credentials = Credentials.of(start.seed)
        self.clock = Clock()
        self.faults = Faults({})
        self.calls: list[dict[str, Any]] = []
        other = start.other_server
        self.registrar: tuple[str, str] = other.registrar if other else (REGISTRAR, self.credentials.registrar_secret)
        self.curity = Curity(
            clock=self.clock,
            seed=start.seed,
            base_url=start.addresses["curity"],
            configuration=how_to_configuration(
                (REGISTRAR, self.credentials.registrar_secret), (INTROSPECTOR, self.credentials.introspector_secret)
            ),
            admin=(ADMIN, self.credentials.admin_password),
            switches=start.observed.curity,
        )
        self.konnect = Konnect(
            clock=self.clock,
            seed=start.seed,
            token=self.credentials.konnect_token,
            portal_host=self.portal_host,
            switches=start.observed.konnect,
            initial_access=other.initial_access if other else ProviderCredentials(),
        )
        self.standing: Standing = how_to_setup(
            self.konnect,
            issuer=self.discovery_url,
            registrar_id=self.registrar[0],
            registrar_secret=self.registrar[1],
            upstream_url=start.addresses["upstream"],
            developer=(DEVELOPER, self.credentials.developer_password),
            route_path=ROUTE,
        )
        self.classic_portal = ClassicPortal(
            clock=self.clock,
            seed=start.seed,
            konnect=self.konnect,
            host=start.addresses["classic_portal"].partition("://")[2],
            registrar_id=self.registrar[0],
        )
        self.classic_standing = classic_setup.how_to_setup(
            self.classic_portal,
            issuer_url=self.discovery_url,
            token=self.registrar[1],
            service=(self.standing.control_plane_id, self.standing.service_id),
            developer=(DEVELOPER, self.credentials.classic_developer_password),
        )
        self.data_planes = [
            DataPlane(
                name=name,
                clock=self.clock,
                seed=start.seed,
                version=start.gateway_version,
                switches=start.observed.gateway,
            )
            for name in ("dp-1", "dp-2")
        ]
        self.bridge = Bridge(self.credentials.bridge_key, seed=start.seed)
        self.konnect.nodes = self._nodes
        self.konnect.on_change.append(self._changed)
        self.classic_portal.on_change.append(self._share)
        self._push_waits = start.other_konnect is None
        self._push_at = self.clock.now()
        if start.read_only:
            self.konnect.tokens[:] = [viewer(self.credentials.konnect_token)]
        self._mirrored_at = 0.0
        control = Control(self, reset)
        self.faces: dict[str, Callable[[Request], Response | Calls]] = {
            "curity": CurityNodes(self.curity).handle,
            "konnect": KonnectHttp(self.konnect, classic_admin.routes(self.classic_portal)).handle,
            "portal": PortalHttp(self.konnect).handle,
            "classic_portal": ClassicPortalHttp(self.classic_portal).handle,
            "gateway": self._gateway(GatewayHttp(self.data_planes[0], scheme=self._scheme)),
            "gateway-2": self._gateway(GatewayHttp(self.data_planes[1], scheme=self._scheme)),
            "upstream": upstream.handle,
            "bridge": self.bridge.handle,
            "control": control.handle,
        }
        """What answers at each port; a mutant puts another one in its place."""
        self._committed = self.curity.configuration
        self._vantage = reachability.Vantage()
        self._undone: dict[str, str] = {}
        for step, variant in start.undone.items():
            self.undo(step, variant)

    @property
    def _scheme(self) -> str:
        return self.start.addresses["gateway"].partition(":")[0]

    @property
    def discovery_url(self) -> str:
        """Where the metadata is served, whatever issuer stands in it."""
        other = self.start.other_server
        return (other.issuer if other else f"{self.start.addresses['curity']}{ISSUER_PATH}") + WELL_KNOWN

    def portal_host(self, portal_id: str) -> str:
        """The first portal has the address itself; the others have names that RFC 6761 keeps on this machine."""
        host = self.start.addresses["portal"].partition("://")[2]
        if not self.konnect.portals:
            return host
        return f"{portal_id}.portal.localhost:{host.rpartition(':')[2]}"

    # Listening

    def party(self, port: str) -> str:
        return "gateway" if port == "gateway-2" else port

    def now(self, port: str) -> float:
        """The time by that party's clock: each data plane has one of its own."""
        nodes = {"gateway": 0, "gateway-2": 1}
        return self.data_planes[nodes[port]].clock.now() if port in nodes else self.clock.now()

    def handle(self, port: str, request: Request) -> Response | Calls:
        outcome = self.faces[port](request)
        if isinstance(outcome, Response):
            return outcome
        return reachability.seen(self._vantage, port, self.discovery_url, outcome)

    def log(self, port: str, request: Request, status: int, caller: str | None) -> None:
        if port != "control":
            # what a portal has to ask an authorization server is asked by Konnect
            by = "konnect" if caller in {"portal", "classic_portal"} else caller
            self.calls.append(
                {
                    "n": len(self.calls) + 1,
                    "at": self.clock.now(),
                    "real": self.clock.real(),
                    "from": by,
                    "party": self.party(port),
                    "method": request.method,
                    "path": request.path,
                    "status": status,
                }
            )

    # The push to the data planes: at once, but worked out only when somebody looks

    def _changed(self) -> None:
        self._push_waits = self.start.other_konnect is None
        self._push_at = self.clock.now() + self.start.propagation

    def _share(self) -> None:
        """The classic portal's applications reach the data planes with all others."""
        self.konnect.share(self.classic_portal.data_plane_configuration())

    def _push(self) -> None:
        if self._push_waits and self.clock.now() >= self._push_at:
            self._push_waits = False
            configuration = self.konnect.data_plane_configuration()
            for data_plane in self.data_planes:
                data_plane.apply(configuration)

    def _nodes(self) -> list[Mapping[str, Any]]:
        self._push()
        return [data_plane.report() for data_plane in self.data_planes]

    def _gateway(self, face: GatewayHttp) -> Callable[[Request], Calls]:
        def handle(request: Request) -> Calls:
            try:
                yield from self._mirror()
            except Unread as error:
                return unread(error)
            self._push()
            return (yield from face.handle(request))

        return handle

    def _mirror(self) -> Asking[None]:
        """Reads another Konnect's configuration again, where the data planes stand behind one."""
        konnect = self.start.other_konnect
        if konnect is None or self.clock.now() < self._mirrored_at + konnect.pause:
            return
        configuration = yield from konnect.configuration(self.start.addresses["upstream"])
        self._mirrored_at = self.clock.now()
        for data_plane in self.data_planes:
            data_plane.apply(configuration)

    # Set-up steps

    @property
    def undone(self) -> Mapping[str, str]:
        """The steps that are left undone, each with its variant."""
        return self._undone

    def undo(self, step: str, variant: str | None = None) -> None:
        """Leaves a step undone. Raises UnknownStep, or NotHere."""
        name = steps.check(step, variant)
        if step in steps.OVER_TLS and self._scheme != "https":
            raise steps.NotHere(f"{step}: without TLS nobody has a certificate to trust; start the mocks with TLS")
        if step in steps.NEEDS_MOCK_CURITY and self.start.other_server:
            raise steps.NotHere(f"{step}: it takes a mock of Curity, and there is none here")
        if step in self._undone:
            self.redo(step)
        self._undone[step] = name
        if step in steps.CLICKS:
            steps.CLICKS[step].undo[name](self)
        else:
            self._commit()

    def redo(self, step: str) -> None:
        """Does a step that was left undone. Raises UnknownStep."""
        steps.variants(step)
        if self._undone.pop(step, None) is None:
            return
        if step in steps.CLICKS:
            steps.CLICKS[step].redo(self)
        else:
            self._commit()

    def _commit(self) -> None:
        """Curity's configuration, and how others see Curity, with every step done but those that are left undone."""
        views = [steps.VIEWS[step][name] for step, name in self._undone.items() if step in steps.VIEWS]
        self._vantage = reduce(reachability.Vantage.__or__, views, reachability.Vantage())
        left_undone = [steps.CURITY[step][name] for step, name in self._undone.items() if step in steps.CURITY]
        self.curity.configuration = reduce(
            lambda configuration, change: change(configuration, REGISTRAR), left_undone, self._committed
        )
        self.curity.edits = None
        if steps.UNCOMMITTED in self._undone.values():
            self.curity.edit(self._committed)


class Worlds:
    """The current world of a running instance; a reset swaps it for a new one with the same beginning."""

    def __init__(self, start: Start) -> None:
        self.start = start
        self.current = World(start, self.reset)

    def reset(self) -> None:
        self.current = World(self.start, self.reset)
