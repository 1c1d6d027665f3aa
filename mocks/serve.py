"""Starts the mocks: for a test run in this process, or for others with `dcrproof serve`."""

import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcrproof.mocks import listen
from dcrproof.mocks.calls import Transports
from dcrproof.mocks.live_konnect import LiveKonnect
from dcrproof.mocks.observed import NOTHING_OBSERVED, Observed
from dcrproof.mocks.start import ADMIN, DEVELOPER, INTROSPECTOR, PORTS, ROUTE, OtherServer, Start
from dcrproof.mocks.world import World
from dcrproof.mocks.worlds import Worlds


class PortTaken(Exception):
    """A port that the mocks should listen on cannot be had; the text names it, with the address."""


HOSTS = ("127.0.0.1", "localhost", "*.portal.localhost")


@dataclass(frozen=True)
class Served:
    """Running mocks. `description` is the object that `dcrproof serve` prints, without `profile`."""

    worlds: Worlds
    description: Mapping[str, Any]
    place: listen.Place


@contextmanager
def serving(
    *,
    seed: int,
    port: int | None = None,
    place: listen.Place = listen.Place(),  # noqa: B008 - frozen
    undone: Mapping[str, str | None] | None = None,
    other_server: OtherServer | None = None,
    live_konnect: LiveKonnect | None = None,
    transports: Transports | None = None,
    folder: Path | None = None,
    mutate: Callable[[World], None] | None = None,
    propagation: float = 0.0,
    read_only: bool = False,
    gateway_version: str | None = None,
    observed: Observed | None = None,
    empty: bool = False,
) -> Iterator[Served]:
    """Runs the mocks until the block ends.

    port: the first of the port numbers; free ones by default.
    place: where they listen, and by which name their addresses call it; the loopback address by default.
    undone: the steps to leave undone, each with its variant, or None for the default one.
    other_server: an authorization server in place of mock Curity.
    live_konnect: a Konnect in place of mock Konnect, whose applications the data planes serve.
    transports: how servers that are not mocks are reached.
    folder: where the certificate of the authority is written with which the mocks speak TLS; plain HTTP without it.
    mutate: is done to the world before the first request.
    propagation: seconds until a change in Konnect reaches the data planes.
    read_only: the token of the admin API may change nothing.
    gateway_version: the release of the data planes.
    observed: the switches of the mocks.
    empty: nothing has been made in Konnect. The first portal that is made there is the one at `portal.url`, and the first
    control plane has the data planes.

    Raises UnknownStep, NotHere, or PortTaken.
    """
    with ExitStack() as stack:
        sockets = _bind(stack, port, place.host)
        scheme = "https" if folder else "http"
        addresses = {
            name: f"{scheme}://{listen.bracketed(place.public)}:{bound.getsockname()[1]}"
            for name, bound in sockets.items()
        }
        worlds = Worlds(
            Start(
                addresses,
                seed,
                other_server,
                live_konnect,
                undone or {},
                propagation,
                read_only,
                gateway_version or Start.gateway_version,
                observed or NOTHING_OBSERVED,
                empty,
            )
        )
        if mutate:
            mutate(worlds.current)
        certificate = ca = trust = None
        if folder:
            certificate, ca = _certificate(folder, place)
            trust = ssl.create_default_context()
            trust.load_verify_locations(ca)
        stack.enter_context(
            listen.listening(worlds, sockets, trust=trust, transports=transports, certificate=certificate, place=place)
        )
        yield Served(worlds, _description(worlds.current, ca), place)


def _bind(stack: ExitStack, port: int | None, host: str) -> dict[str, socket.socket]:
    sockets = {}
    for index, name in enumerate(PORTS):
        number = 0 if port is None or name == "bridge" else port + index
        try:
            bound = listen.bind(number, host)
        except OSError as error:
            raise PortTaken(f"{host}, port {number}: {error.strerror}") from None
        stack.callback(bound.close)
        sockets[name] = bound
    return sockets


def _certificate(folder: Path, place: listen.Place) -> tuple[Path, Path]:
    """Makes a certificate authority and a server certificate. Returns the server's chain with its key, and the CA."""
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert(*{*HOSTS, place.public, place.own.strip("[]")})
    chain, ca = folder / "server.pem", folder / "ca.pem"
    chain.touch(mode=0o600)
    issued.private_key_and_cert_chain_pem.write_to_path(chain)
    authority.cert_pem.write_to_path(ca)
    return chain, ca


def _description(world: World, ca: Path | None) -> dict[str, Any]:
    address, secret, setup = world.start.addresses, world.credentials, world.setup
    other = world.start.other_server  # only its issuer and its registrar are known
    return {
        "curity": {
            "issuer": world.discovery_url.rpartition("/.well-known")[0],
            "discovery": world.discovery_url,
            "registrar_id": world.registrar[0],
            "registrar_secret": world.registrar[1],
            "introspector": None if other else {"id": INTROSPECTOR, "secret": secret.introspector_secret},
            "admin": None
            if other
            else {
                "url": f"{address['curity']}/admin/api/restconf",
                "username": ADMIN,
                "password": secret.admin_password,
            },
        },
        "konnect": {"url": address["konnect"], "token": secret.konnect_token},
        "portal": {
            "url": address["portal"],
            "email": DEVELOPER,
            "password": secret.developer_password,
            "api_id": setup.api_id or None,
            "strategy_id": setup.strategy_id or None,
        },
        "classic_portal": {
            "url": address["classic_portal"],
            "email": DEVELOPER,
            "password": secret.classic_developer_password,
        },
        "gateway": {"url": address["gateway"], "route": address["gateway"] + ROUTE},
        "upstream": {"url": address["upstream"]},
        "control": address["control"],
    } | ({"ca": str(ca)} if ca else {})


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only its owner can enter, and that is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="dcrproof-") as name:
        yield Path(name)
