"""The profile with which dcrproof drives running mocks over HTTP, as it would drive live tenants."""

import json
import os
from pathlib import Path

from dcrproof.mocks import steps
from dcrproof.mocks.serve import Served
from dcrproof.mocks.start import ROUTE

HERE = """\
# Drives the mocks of one running `dcrproof serve` as it would drive live tenants. Remove `mocked` and the same
# addresses are treated as live parties.
"""

ELSEWHERE = """\
# Drives the mocks of one running `dcrproof serve --public-host` from another machine: as live parties, which need --tls.
"""

PROFILE = """\
{about}
[run]
mode = {mode}
hostile = true
max_created = 1000
# changes in this Konnect reach its data planes at once, and mocks that are out of order are so on purpose, or for a moment
deadlines = {{ propagation = "0s", patience = "5s" }}

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
{service}portal = "developers"
api = "accounts"
strategy = "curity-dcr"
provider = "Curity"
{mocked}
[portal]
url = {portal}
email = {email}
password = {{ file = "{password}" }}
generation = "{generation}"
{mocked}
[gateway]
url = {gateway}
version = {version}
nodes = [{nodes}]
{mocked}
[[gateway.route]]
path = {route}
success = [200]
echo = true
"""

SERVICE = """\
service = "orders"      # to which mode provision links an API; without it in another mode
"""

CURITY_ADMIN = """\
[curity.admin]
url = {url}
username = {username}
password = {{ file = "admin-password" }}

"""


def write_profile(folder: Path, served: Served) -> Path:
    """Writes a profile for running mocks, with its secrets in files beside it that only their owner can read.

    Its portal is the classic one where a step of the classic portal is undone, else the current one. Where nothing has
    been made in Konnect, its mode is `create`: the names in it are what somebody is going to make there.
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
    mocked = f"{ca}mocked = {{ control = {quoted(description['control'])} }}\n" if served.place.local else ca
    empty = world.start.empty
    content = PROFILE.format(
        about=HERE if served.place.local else ELSEWHERE,
        mode=quoted("create" if empty else "provision"),
        service="" if empty else SERVICE,
        issuer=quoted(curity["issuer"]),
        curity='# kind = "openid" unless this is Curity\n' if world.start.other_server else mocked,
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
        mocked=mocked,
    )
    return _write(folder / "profile.toml", content)


def _write(path: Path, content: str) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
    return path
