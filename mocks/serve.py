"""Starts the mocks: for a test run in this process, or for others with `dcrproof serve`."""

import json
import os
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcrproof.mocks import listen, steps
from dcrproof.mocks.live_konnect import LiveKonnect
from dcrproof.mocks.observed import Observed
from dcrproof.mocks.start import ADMIN, DEVELOPER, INTROSPECTOR, PORTS, ROUTE, OtherServer, Start
from dcrproof.mocks.world import World
from dcrproof.mocks.worlds import Worlds


class PortTaken(Exception):
    """A port that the mocks should listen on is not free; the text names it."""


HOSTS = ("127.0.0.1", "localhost", "*.portal.localhost")


@dataclass(frozen=True)
class Served:
    """Running mocks. `description` is the object that `dcrproof serve` prints, without `profile`."""

    worlds: Worlds
    description: Mapping[str, Any]


@contextmanager
def serving(
    *,
    seed: int,
    port: int | None = None,
    undone: Mapping[str, str | None] | None = None,
    other_server: OtherServer | None = None,
    live_konnect: LiveKonnect | None = None,
    ways: listen.Ways | None = None,
    folder: Path | None = None,
    mutate: Callable[[World], None] | None = None,
    propagation: float = 0.0,
    read_only: bool = False,
    gateway_version: str | None = None,
    observed: Observed | None = None,
) -> Iterator[Served]:
    """Runs the mocks until the block ends.

    `port` numbers the ports from there upwards; free ones without it. With `folder` the mocks speak TLS with a
    certificate authority of their own, whose certificate is written there. `other_server` stands in mock Curity's
    place, and the data planes serve the applications of `live_konnect` in mock Konnect's; `ways` are those to both.
    `propagation` is how long a change in Konnect takes to reach the data planes, and with `read_only` its token may
    change nothing.
    `gateway_version` is the release of the data planes, `observed` the switches of the mocks. `mutate` is done to the
    world before the first request. Raises UnknownStep, or PortTaken.
    """
    with ExitStack() as stack:
        sockets = _bind(stack, port)
        scheme = "https" if folder else "http"
        addresses = {name: f"{scheme}://127.0.0.1:{bound.getsockname()[1]}" for name, bound in sockets.items()}
        start = Start(addresses, seed, other_server, live_konnect, dict(undone or {}), propagation, read_only)
        if observed:
            start.observed = observed
        if gateway_version:
            start.gateway_version = gateway_version
        worlds = Worlds(start)
        if mutate:
            mutate(worlds.current)
        certificate = ca = trust = None
        if folder:
            certificate, ca = _certificate(folder)
            trust = ssl.create_default_context()
            trust.load_verify_locations(ca)
        stack.enter_context(listen.listening(worlds, sockets, trust=trust, ways=ways, certificate=certificate))
        yield Served(worlds, _description(worlds.current, ca))


def _bind(stack: ExitStack, port: int | None) -> dict[str, socket.socket]:
    sockets = {}
    for index, name in enumerate(PORTS):
        number = 0 if port is None or name == "bridge" else port + index
        try:
            bound = listen.bind(number)
        except OSError as error:
            raise PortTaken(f"port {number}: {error.strerror}") from None
        stack.callback(bound.close)
        sockets[name] = bound
    return sockets


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Makes a certificate authority and a server certificate. Returns the server's chain with its key, and the CA."""
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert(*HOSTS)
    chain, ca = folder / "server.pem", folder / "ca.pem"
    chain.touch(mode=0o600)
    issued.private_key_and_cert_chain_pem.write_to_path(chain)
    authority.cert_pem.write_to_path(ca)
    return chain, ca


def _description(world: World, ca: Path | None) -> dict[str, Any]:
    address, secret, standing = world.start.addresses, world.credentials, world.standing
    other = world.start.other_server  # of which nothing is known but its issuer and its registrar
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
            "api_id": standing.api_id,
            "strategy_id": standing.strategy_id,
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


PROFILE = """\
# Drives the mocks of one running `dcrproof serve` as it would drive live tenants. Strike out `mocked` and the same
# addresses are judged as live parties.

[run]
mode = "provision"
hostile = true
max_created = 1000
deadlines = {{ propagation = "0s" }}  # what this Konnect is told reaches its data planes at once

[curity]
issuer = {issuer}
{curity}
[curity.registrar]
id = {registrar_id}
secret = {{ file = "registrar-secret" }}

{admin}[konnect]
url = {konnect}
token = {{ file = "konnect-token" }}
control_plane = "default"
service = "orders"
portal = "developers"
api = "accounts"
strategy = "curity-dcr"
provider = "Curity"
{ca}mocked = {{ control = {control} }}

[portal]
url = {portal}
email = {email}
password = {{ file = "{password}" }}
generation = "{generation}"
{ca}mocked = {{ control = {control} }}

[gateway]
url = {gateway}
version = {version}
nodes = [{nodes}]
{ca}mocked = {{ control = {control} }}

[[gateway.route]]
path = {route}
success = [200]
echo = true
"""

CURITY_ADMIN = """\
[curity.admin]
url = {url}
username = {username}
password = {{ file = "admin-password" }}

"""


def write_profile(folder: Path, served: Served) -> Path:
    """Writes a profile for running mocks, with its secrets in files beside it that only their owner can read.

    Its portal is of the generation whose set-up has a step undone, else the current one.
    """
    description, world = served.description, served.worlds.current
    curity, konnect, portal = description["curity"], description["konnect"], description["portal"]
    classic = any(step in steps.CLASSIC for step in world.undone)
    chosen = description["classic_portal"] if classic else portal
    secrets = {
        "registrar-secret": curity["registrar_secret"],
        "konnect-token": konnect["token"],
        "developer-password": portal["password"],
        "classic-developer-password": description["classic_portal"]["password"],
    } | ({"admin-password": curity["admin"]["password"]} if curity["admin"] else {})
    for name, value in secrets.items():
        _write(folder / name, value + "\n")
    nodes = (world.start.addresses[name].partition("://")[2] for name in ("gateway", "gateway-2"))
    quoted = json.dumps  # a JSON string is a TOML basic string
    admin = {key: quoted(value) for key, value in (curity["admin"] or {}).items()}
    ca = f"ca = {quoted(description['ca'])}\n" if "ca" in description else ""
    mocked = f"{ca}mocked = {{ control = {quoted(description['control'])} }}\n"
    content = PROFILE.format(
        issuer=quoted(curity["issuer"]),
        curity='# kind = "openid", where this is not Curity\n' if world.start.other_server else mocked,
        registrar_id=quoted(curity["registrar_id"]),
        admin=CURITY_ADMIN.format(**admin) if admin else "",
        konnect=quoted(konnect["url"]),
        portal=quoted(chosen["url"]),
        email=quoted(chosen["email"]),
        password="classic-developer-password" if classic else "developer-password",
        generation="classic" if classic else "v3",
        gateway=quoted(description["gateway"]["url"]),
        version=quoted(world.start.gateway_version),
        nodes=", ".join(quoted(node) for node in nodes),
        route=quoted(ROUTE),
        control=quoted(description["control"]),
        ca=ca,
    )
    return _write(folder / "profile.toml", content)


def _write(path: Path, content: str) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
    return path


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only its owner can enter, and that is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="dcrproof-") as name:
        yield Path(name)
