"""A world: one Curity, one Konnect with its portals, the data planes behind it, an upstream, a bridge, one clock for all."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from dcrproof.mocks import reachability, upstream
from dcrproof.mocks.bridge import Bridge
from dcrproof.mocks.classic_portal import admin as classic_admin
from dcrproof.mocks.classic_portal import setup as classic_how_to
from dcrproof.mocks.classic_portal.http import ClassicPortalHttp
from dcrproof.mocks.classic_portal.setup import ClassicSetup
from dcrproof.mocks.classic_portal.state import ClassicPortal
from dcrproof.mocks.clock import Clock
from dcrproof.mocks.curity.http import CurityNodes
from dcrproof.mocks.curity.setup import how_to_configuration
from dcrproof.mocks.curity.state import Curity
from dcrproof.mocks.faults import Faults
from dcrproof.mocks.gateway.http import GatewayHttp
from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.konnect.admin import KonnectHttp
from dcrproof.mocks.konnect.driver import Driver, ProviderCredentials
from dcrproof.mocks.konnect.portal import PortalHttp
from dcrproof.mocks.konnect.roles import viewer
from dcrproof.mocks.konnect.setup import NOTHING, Setup, how_to_setup
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.live_konnect import Unread, unread
from dcrproof.mocks.messages import Calls, Request, Response, json_response
from dcrproof.mocks.propagation import Propagation
from dcrproof.mocks.reachability import DATA_PLANES
from dcrproof.mocks.start import (
    ADMIN,
    DEVELOPER,
    INTROSPECTOR,
    ISSUER_PATH,
    PARTIES,
    REGISTRAR,
    ROUTE,
    WELL_KNOWN,
    Credentials,
    Start,
)

REMEMBERED = 10_000
"""Calls that the log keeps at least: one that kept all would grow as long as the mocks run."""


class World:
    """Everything that the mocks know, apart from the sockets on which they are asked."""

    PARTIES = PARTIES
    ROUTE = ROUTE
    METADATA = ISSUER_PATH + WELL_KNOWN

    def __init__(self, start: Start) -> None:
        self.start = start
        self.credentials = Credentials.of(start.seed)
        self.clock = Clock()
        self.faults = Faults({})
        self.calls: list[dict[str, Any]] = []
        self.forgotten = 0
        """How many calls were dropped from the log: it keeps the last 10,000 at least."""
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
            driver=Driver(
                start.observed.konnect,
                other.initial_access if other else ProviderCredentials(),
                any_server=other is not None,
            ),
        )
        self.classic_portal = ClassicPortal(
            clock=self.clock,
            seed=start.seed,
            konnect=self.konnect,
            host=start.addresses["classic_portal"].partition("://")[2],
            registrar_id=self.registrar[0],
        )
        self.setup: Setup = NOTHING
        self.classic_setup: ClassicSetup = classic_how_to.NOTHING
        if not start.empty:
            self._do_the_how_tos()
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
        self.propagation = Propagation(
            self.konnect,
            self.data_planes,
            clock=self.clock,
            seconds=start.propagation,
            live_konnect=start.live_konnect,
            upstream_url=start.addresses["upstream"],
        )
        self.classic_portal.push.on_change.append(self._share)
        if start.read_only:
            self.konnect.tokens[:] = [viewer(self.credentials.konnect_token)]
        self.gateways = {
            port: GatewayHttp(node, scheme=self.scheme)
            for port, node in zip(DATA_PLANES, self.data_planes, strict=True)
        }
        self.handlers: dict[str, Callable[[Request], Response | Calls]] = {
            "curity": CurityNodes(self.curity).handle,
            "konnect": KonnectHttp(self.konnect, classic_admin.routes(self.classic_portal)).handle,
            "portal": PortalHttp(self.konnect, secure=self.scheme == "https").handle,
            "classic_portal": ClassicPortalHttp(self.classic_portal, secure=self.scheme == "https").handle,
            **{port: self._gateway(gateway) for port, gateway in self.gateways.items()},
            "upstream": upstream.handle,
            "bridge": self.bridge.handle,
        }
        """What answers at each port but that of the control interface; a mutant replaces one."""
        self.committed = self.curity.configuration
        """Curity's configuration with every step done."""
        self.reachability = reachability.Reachability()
        self.undone: dict[str, str] = {}
        """The steps that are left undone, each with its variant; steps/ changes it."""

    def _do_the_how_tos(self) -> None:
        start, secret = self.start, self.credentials
        self.setup = how_to_setup(
            self.konnect,
            issuer=self.discovery_url,
            registrar_id=self.registrar[0],
            registrar_secret=self.registrar[1],
            upstream_url=start.addresses["upstream"],
            developer=(DEVELOPER, secret.developer_password),
            route_path=ROUTE,
            claim=start.other_server.client_id_claim if start.other_server else "sub",
        )
        self.classic_setup = classic_how_to.how_to_setup(
            self.classic_portal,
            issuer_url=self.discovery_url,
            token=self.registrar[1],
            service=(self.setup.control_plane_id, self.setup.service_id),
            developer=(DEVELOPER, secret.classic_developer_password),
        )

    @property
    def scheme(self) -> str:
        return self.start.addresses["gateway"].partition(":")[0]

    @property
    def discovery_url(self) -> str:
        """The URL at which the metadata is served, whatever issuer it names."""
        other = self.start.other_server
        return (other.issuer if other else f"{self.start.addresses['curity']}{ISSUER_PATH}") + WELL_KNOWN

    def portal_host(self, portal_id: str) -> str:
        """The first portal has the address itself; the others have names below .localhost (RFC 6761), of 12 hexadecimal
        digits (recorded: 12 of them and `.us.kongportals.com`).
        """
        host = self.start.addresses["portal"].partition("://")[2]
        if not self.konnect.tables.portals:
            return host
        return f"{portal_id[-12:]}.portal.localhost:{host.rpartition(':')[2]}"

    # Listening

    def party(self, port: str) -> str:
        return "gateway" if port == "gateway-2" else port

    def now(self, port: str) -> float:
        """The time by that party's clock; each data plane has its own."""
        nodes = {"gateway": 0, "gateway-2": 1}
        return self.data_planes[nodes[port]].clock.now() if port in nodes else self.clock.now()

    def handle(self, port: str, request: Request) -> Response | Calls:
        outcome = self.handlers[port](request)
        if isinstance(outcome, Response):
            return outcome
        return reachability.seen(self.reachability, port, self.discovery_url, outcome)

    def too_large(self, port: str, request: Request, status: int) -> Response:
        """The answer to a request that is not read to its end: 413, 414 or 431."""
        if port in self.gateways:
            return self.gateways[port].too_large(request, status)
        return json_response(status, {"error": HTTPStatus(status).phrase})

    def crashed(self, port: str, request: Request) -> Response:
        """The answer where a mock has a fault of its own: that of the product, where one is known for an unforeseen error."""
        if port in self.gateways:
            return self.gateways[port].crashed(request)
        if port == "curity":
            return json_response(500, {"error": "server_error"})
        return Response(500, (("content-type", "text/plain"),), b"Internal Server Error")

    def log(self, port: str, request: Request, status: int, caller: str | None) -> None:
        if port != "control":
            # Konnect makes the calls of a portal to an authorization server
            by = "konnect" if caller in {"portal", "classic_portal"} else caller
            if len(self.calls) == 2 * REMEMBERED:
                del self.calls[:REMEMBERED]
                self.forgotten += REMEMBERED
            self.calls.append(
                {
                    "n": self.forgotten + len(self.calls) + 1,
                    "at": self.clock.now(),
                    "real": self.clock.real(),
                    "from": by,
                    "party": self.party(port),
                    "method": request.method,
                    "path": request.path,
                    "status": status,
                }
            )

    def _share(self) -> None:
        """The classic portal's applications reach the data planes with all others."""
        self.konnect.push.share(self.classic_portal.push.configuration)

    def _gateway(self, gateway: GatewayHttp) -> Callable[[Request], Calls]:
        def handle(request: Request) -> Calls:
            try:
                yield from self.propagation.update()
            except Unread as error:
                return unread(error)
            return (yield from gateway.handle(request))

        return handle
