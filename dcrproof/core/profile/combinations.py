"""What a mode and a party need, and which mixes of live and mocked parties work: what no single value of a profile shows."""

import ssl
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from dcrproof.core.http.connection import Connection
from dcrproof.core.profile.model import PARTIES, CuritySettings, DescribedParty, GatewaySettings, Mode, Profile, seconds
from dcrproof.core.profile.values import NOT_ON_THIS_MACHINE, is_plain, on_this_machine

NEEDED: Mapping[Mode, tuple[str, ...]] = {
    Mode.INSPECT: (),
    Mode.EXISTING: ("gateway",),
    Mode.CREATE: PARTIES,
    Mode.PROVISION: PARTIES,
}
"""The parties that a mode cannot do without."""
REACHED_BY = {"ca", "proxy", "client_cert", "client_key", "nodes"}
IN_KONNECT = {"control_plane", "service", "portal", "api", "strategy", "provider"}
"""What a profile names in Konnect."""
MADE_BY_MOCKS = {
    *("url", "issuer", "token", "email", "password", "cookie", "registrar", "admin"),
    *REACHED_BY,
    *IN_KONNECT,
}


def problems(profile: Profile, content: Mapping[str, Any]) -> Iterator[str]:
    """Lines of place and text. `profile` lacks what is wrong by itself; `content` is the file, with all of it."""
    mode = profile.run.mode
    parties = {name: party for name in PARTIES if (party := profile.party(name))}
    if not parties:
        yield "profile: no party is described"
    for name in NEEDED[mode]:
        if name not in parties:
            yield f'{name}: missing: mode "{mode}" needs it; describe it, or set mocked = true'
    for name, party in parties.items():
        yield from _of_party(name, party, content[name])
    if profile.curity:
        yield from _of_curity(profile.curity, content["curity"])
    if profile.gateway:
        yield from _of_gateway(profile.gateway, content["gateway"], mode)
    yield from _of_konnect(profile, content.get("konnect"))
    if profile.portal and not _mocked_here(profile.portal) and mode.allows(Mode.CREATE):
        portal = content["portal"]
        if "cookie" not in portal:
            yield from _missing(
                "portal", portal, ("email", "password"), "give email and password of a developer, or a session cookie"
            )
    if mode is Mode.EXISTING and not content.get("application"):
        yield 'application: missing: mode "existing" needs client_id and client_secret of an application'
    waits = profile.run.approval.partition("wait:")[2]
    if waits and seconds(waits) >= profile.run.longest:
        yield f"run.deadlines.run: the run ends after {profile.run.deadlines.run}, and approval alone may wait {waits}"
    yield from _of_mix(profile)
    for place, secret, _ in profile.placed_secrets:
        if any(secret.reveal() in text for text in profile.public):
            yield f"{place}: an address, a name or an id in this profile contains it, and is shown: it could not be masked"


def _missing(place: str, table: Mapping[str, Any], keys: Iterable[str], why: str = "") -> Iterator[str]:
    return (f"{place}.{key}: missing" + (f": {why}" if why else "") for key in keys if key not in table)


def _mocked_here(party: DescribedParty | None) -> bool:
    return party is not None and party.mocked is not None and party.mocked.control is None


def _live(party: DescribedParty | None) -> bool:
    return party is not None and party.mocked is None


API = {"konnect": "/v2 or /v3", "portal": "/api/v3"}
"""Parties whose API is at the root of their address, with the path of it."""


def _of_party(name: str, party: DescribedParty, table: Mapping[str, Any]) -> Iterator[str]:
    yield from _of_certificates(name, party.connection)
    if _mocked_here(party):
        for key in sorted(set(table) & MADE_BY_MOCKS):
            yield f"{name}.{key}: has no meaning beside mocked = true: the mock makes its own"
        return
    key = "issuer" if name == "curity" else "url"
    yield from _missing(name, table, (key,))
    if name in API and urlsplit(party.address).path:
        yield f"{name}.url: has a path: give the address alone, {API[name]} is added to it"
    if party.mocked and party.address and not on_this_machine(party.address):
        yield f"{name}.{key}: {NOT_ON_THIS_MACHINE}, found {party.address}"


def _of_certificates(name: str, connection: Connection) -> Iterator[str]:
    """A file without a certificate, or with the wrong key, is not the party's fault: it is tried before anything is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if connection.ca:
        try:
            context.load_verify_locations(connection.ca)
        except OSError:
            yield f"{name}.ca: {connection.ca} contains no PEM certificates"
    if connection.client_cert:
        try:
            # a key that is encrypted would ask the terminal for its password
            context.load_cert_chain(connection.client_cert, connection.client_key, password="")
        except OSError:
            yield f"{name}.client_cert: contains no PEM certificate with its unencrypted key"
    elif connection.client_key:
        yield f"{name}.client_cert: missing: client_key is the key of a certificate"


def _of_curity(curity: CuritySettings, table: Mapping[str, Any]) -> Iterator[str]:
    if curity.registrar is None:
        return
    registrar = table["registrar"]
    others = [key for key in ("initial_access_token", "open") if registrar.get(key, False) is not False]
    if curity.kind != "openid":
        for key in others:
            yield f'curity.registrar.{key}: only for kind = "openid"'
    if curity.kind != "openid" or not others:
        yield from _missing("curity.registrar", registrar, ("id", "secret"))


def _of_gateway(gateway: GatewaySettings, table: Mapping[str, Any], mode: Mode) -> Iterator[str]:
    if is_plain(gateway.url) and not gateway.plain_http:
        yield f"gateway.url: expected https://, found {gateway.url}; for a gateway without TLS set plain_http = true"
    if gateway.kind == "jwt" and gateway.mocked:
        yield 'gateway.kind: the mock of a gateway is a Kong: kind = "jwt" is for a gateway that runs elsewhere, without mocked'
    path = urlsplit(gateway.url).path
    if path and any(route.path.partition("?")[0].rstrip("/").endswith(path) for route in gateway.routes):
        yield "gateway.url: has the path of a route, which is added to it: give the address without it"
    for number, route in enumerate(gateway.routes, 1):
        if route.echo and route.method == "HEAD":
            yield f"gateway.route {number}.echo: an answer to HEAD has no body that could be an echo"
    if not _mocked_here(gateway) and mode is not Mode.INSPECT and not table.get("route"):
        yield "gateway.route: missing: the route to call, as a [[gateway.route]] table with its path"


def _of_konnect(profile: Profile, table: Any) -> Iterator[str]:
    if profile.konnect is None or _mocked_here(profile.konnect):
        return
    mode = profile.run.mode
    classic = profile.portal is not None and profile.portal.generation == "classic"
    together = ("portal", "api") if classic else ("portal", "api", "strategy")
    if mode is Mode.CREATE:
        yield from _missing("konnect", table, together, f'mode "{mode}" uses an existing one, by name or id')
    if mode is Mode.PROVISION:
        yield from _missing("konnect", table, ("token",))
    if mode is Mode.PROVISION and "api" in table:
        yield from _missing("konnect", table, together, "the flow goes through what exists: it belongs to the api")
    if mode is Mode.PROVISION and "api" not in table:
        yield from _missing("konnect", table, ("control_plane", "service"), "a new API is linked to a service")
        for key in ("portal", "strategy", "provider"):
            if key in table:
                yield (
                    f"konnect.{key}: not used: without api the run creates an API, portal, strategy and provider of its own; "
                    f"leave it out, or name {', '.join(together)} that exist"
                )


def _of_mix(profile: Profile) -> Iterator[str]:
    curity, konnect, portal, gateway = profile.curity, profile.konnect, profile.portal, profile.gateway
    if portal and portal.generation == "classic" and _mocked_here(gateway) and not _mocked_here(konnect):
        yield "portal.generation: a mocked gateway takes its applications from a portal of generation v3 only"
    if _live(konnect) and curity and curity.mocked:
        yield "curity.mocked: live Konnect cannot reach a mocked Curity: its cloud has no connection to this machine"
    if _live(konnect) and curity and curity.kind == "openid":
        yield 'curity.kind: live Konnect has no provider type for kind = "openid"'
    if konnect and portal and _live(konnect) != _live(portal):
        yield "portal: Konnect and its portal must be both live or both mocked: they share their applications"
    elif konnect and portal and konnect.mocked != portal.mocked:
        yield "portal.mocked: Konnect and its portal must be mocks of the same instance"
    if curity is None and gateway and gateway.kind == "jwt" and profile.run.mode is not Mode.INSPECT:
        yield 'curity: missing: a gateway of kind = "jwt" takes tokens alone, and the run fetches them from its issuer'
    if curity is None and any(_mocked_here(party) for party in (konnect, portal, gateway)):
        yield "curity: missing: the mocks of this run need an authorization server; describe it, or set mocked = true"
    if not _mocked_here(konnect) or not profile.run.mode.allows(Mode.CREATE):
        return
    if curity and not _mocked_here(curity) and not curity.registrar:
        yield "curity.registrar: missing: mocked Konnect registers applications at this Curity with it"
    if _live(gateway) and gateway and gateway.kind == "kong" and _live(curity) and not profile.applications:
        yield (
            "application: missing: a gateway that is configured by hand does not know what mocked Konnect registers; "
            "give the application's credentials"
        )
