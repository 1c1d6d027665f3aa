"""Reads a profile from its TOML file.

Everything that is wrong with a profile is reported at once, each problem with its place in the file, before anything
is sent. The tables of readers below are the format; a value is never repeated in a problem, since it may be a secret
in the wrong place.
"""

import os
import re
import ssl
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dcrproof.core.http.connection import Connection
from dcrproof.core.http.loopback import is_loopback
from dcrproof.core.profile.model import (
    PARTIES,
    AdminSettings,
    ApplicationSettings,
    CuritySettings,
    GatewaySettings,
    KonnectSettings,
    Mocked,
    Mode,
    Party,
    PortalSettings,
    Profile,
    RegistrarSettings,
    RouteSettings,
    RunSettings,
    seconds,
)
from dcrproof.core.secrets.secret import SHORTEST, Secret


class ProfileError(Exception):
    """What is wrong with a profile: one line for each problem, with its place in the file."""

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__("\n".join([f"{source}: {len(problems)} problem(s)", *(f"  {line}" for line in problems)]))
        self.problems = problems


Reader = Callable[["_Reading", str, Any], Any]
DURATION = r"[0-9]{1,6}[smh]"
TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""A header name or a method (RFC 9110 5.6.2)."""


@dataclass
class _Reading:
    """One pass over a profile: `problems` fills up, nothing is raised."""

    folder: Path
    environment: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def problem(self, place: str, text: str) -> None:
        self.problems.append(f"{place}: {text}")


def _text(reading: _Reading, place: str, value: Any) -> str | None:
    if isinstance(value, str) and value.strip():
        return value
    reading.problem(place, f"expected a text that is not empty, found {_kind(value)}")
    return None


def _boolean(reading: _Reading, place: str, value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    reading.problem(place, f"expected true or false, found {_kind(value)}")
    return None


def _count(reading: _Reading, place: str, value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    reading.problem(place, f"expected a whole number above 0, found {_kind(value)}")
    return None


def _url(reading: _Reading, place: str, value: Any) -> str | None:
    text = _text(reading, place, value)
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not text.isprintable() or " " in text:
        reading.problem(place, "expected a URL that begins with https:// and has a host")
        return None
    if parts.username or parts.password:
        reading.problem(place, "a URL in a profile carries no user name or password")
        return None
    if "?" in text or "#" in text:
        reading.problem(place, "a URL in a profile carries no query and no fragment")
        return None
    return text.rstrip("/")


def _https(reading: _Reading, place: str, value: Any) -> str | None:
    """A URL of a party: HTTPS, or plain HTTP to this machine."""
    url = _url(reading, place, value)
    if url and urlsplit(url).scheme == "http" and not is_loopback(urlsplit(url).hostname or ""):
        reading.problem(place, "expected https://; plain http is for addresses of this machine")
        return None
    return url


def _issuer(reading: _Reading, place: str, value: Any) -> str | None:
    """An issuer; the discovery URL, which Konnect is given, is taken for it as well."""
    url = _https(reading, place, value)
    return url.removesuffix("/.well-known/openid-configuration").rstrip("/") if url else None


def _path_of_file(reading: _Reading, place: str, value: Any) -> Path | None:
    text = _text(reading, place, value)
    if text is None:
        return None
    path = reading.folder / text
    try:
        path.read_bytes()
    except (OSError, ValueError) as error:
        reading.problem(place, f"cannot read {path}: {getattr(error, 'strerror', None) or 'no name of a file'}")
        return None
    return path


def _secret(reading: _Reading, place: str, value: Any) -> Secret | None:
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in {"env", "file"}:
        reading.problem(
            place, 'a secret is never written in the profile: use { env = "NAME" } or { file = "PATH" } instead'
        )
        return None
    source, name = next(iter(value.items()))
    if not isinstance(name, str) or not name:
        reading.problem(place, f"expected a name after {source}, found {_kind(name)}")
        return None
    if source == "env":
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            # not repeated: it looks more like the secret itself
            reading.problem(place, "expected the name of an environment variable after env")
            return None
        text = reading.environment.get(name)
        if text is None:
            reading.problem(place, f"the environment variable {name} is not set")
            return None
        found = f"the environment variable {name}"
    else:
        path = reading.folder / name
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeError, ValueError) as error:
            reading.problem(place, f"cannot read {path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}")
            return None
        text = text.removesuffix("\n").removesuffix("\r")
        found = str(path)
    if len(text) < SHORTEST:
        state = "is empty" if not text else f"has fewer than {SHORTEST} characters and could not be masked safely"
        reading.problem(place, f"the value of {found} {state}")
        return None
    if not text.isprintable():
        reading.problem(place, f"the value of {found} holds a line break or another control character")
        return None
    return Secret(text)


def _duration(reading: _Reading, place: str, value: Any) -> float | None:
    if isinstance(value, str) and re.fullmatch(DURATION, value):
        return seconds(value)
    reading.problem(place, f'expected a duration such as "30s", "15m" or "1h", found {_kind(value)}')
    return None


def _approval(reading: _Reading, place: str, value: Any) -> str | None:
    if isinstance(value, str) and (value in {"auto", "admin"} or re.fullmatch(f"wait:{DURATION}", value)):
        return value
    reading.problem(place, f'expected "auto", "admin" or "wait:15m", found {_kind(value)}')
    return None


def _deadlines(reading: _Reading, place: str, value: Any) -> dict[str, float] | None:
    if not isinstance(value, dict):
        reading.problem(place, f'expected a table such as {{ propagation = "2m" }}, found {_kind(value)}')
        return None
    return _table(reading, place, value, {"propagation": _duration, "patience": _duration})


def _one_of(*choices: str) -> Reader:
    def read(reading: _Reading, place: str, value: Any) -> str | None:
        if value in choices and isinstance(value, str):
            return value
        reading.problem(place, f"expected one of {', '.join(choices)}, found {_kind(value)}")
        return None

    return read


def _addresses(reading: _Reading, place: str, value: Any) -> tuple[str, ...] | None:
    if isinstance(value, list) and value and all(isinstance(item, str) and _is_address(item) for item in value):
        return tuple(value)
    reading.problem(place, 'expected a list of addresses such as ["10.0.0.4:8443"]')
    return None


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    is_host = re.fullmatch(
        r"\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+", host
    )  # an IPv6 address stands in brackets (RFC 3986 3.2.2)
    return bool(is_host and re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) < 65536)


def _statuses(reading: _Reading, place: str, value: Any) -> tuple[int, ...] | None:
    if isinstance(value, list) and value and all(type(item) is int and 100 <= item <= 599 for item in value):
        return tuple(value)
    reading.problem(place, "expected a list of HTTP statuses such as [200, 204]")
    return None


CREDENTIALS = frozenset({"authorization", "cookie", "access-token", "x-access-token", "proxy-authorization"})


def _client_id(reading: _Reading, place: str, value: Any) -> str | None:
    text = _text(reading, place, value)
    if text is not None and ":" in text:
        reading.problem(place, "holds a colon, which the user-id of Basic credentials cannot (RFC 7617 2)")
        return None
    return text


def _headers(reading: _Reading, place: str, value: Any) -> tuple[tuple[str, str], ...] | None:
    if isinstance(value, dict) and all(
        re.fullmatch(TOKEN, name) and isinstance(item, str) and item.isascii() and item.isprintable()
        for name, item in value.items()
    ):
        for name in value:
            if name.lower() in CREDENTIALS:
                reading.problem(f"{place}.{name}", "carries credentials: each check sends its own, or none")
        return tuple(value.items())
    reading.problem(place, "expected a table of header names and texts in ASCII")
    return None


def _method(reading: _Reading, place: str, value: Any) -> str | None:
    if isinstance(value, str) and re.fullmatch(TOKEN, value):
        return value
    reading.problem(place, f"expected an HTTP method such as GET, found {_kind(value)}")
    return None


ON_THIS_MACHINE = "expected an address of this machine: the mocks listen on no other, and a run of mocks asks no other"


def _mocked(reading: _Reading, place: str, value: Any) -> Mocked | None:
    if value is True:
        return Mocked()
    if isinstance(value, dict) and set(value) == {"control"}:
        url = _url(reading, f"{place}.control", value["control"])
        if url and not is_loopback(urlsplit(url).hostname or ""):
            reading.problem(f"{place}.control", ON_THIS_MACHINE)
            return None
        return Mocked(url) if url else None
    found = "false: a live party says nothing" if value is False else _kind(value)
    reading.problem(place, f"expected true or {{ control = URL }}, found {found}")
    return None


def _kind(value: Any) -> str:
    """A value in words that never repeat it: it may be a secret in the wrong place."""
    kinds = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}
    empty = isinstance(value, str | list | dict) and not value
    return ("an empty " + kinds[type(value)][2:]) if empty else kinds.get(type(value), "a date or time")


CONNECTION: dict[str, Reader] = {
    "ca": _path_of_file,
    "proxy": _url,
    "client_cert": _path_of_file,
    "client_key": _path_of_file,
    "nodes": _addresses,
    "mocked": _mocked,
}
RUN: dict[str, Reader] = {
    "mode": _one_of(*Mode),
    "hostile": _boolean,
    "max_created": _count,
    "parallel": _boolean,
    "approval": _approval,
    "deadlines": _deadlines,
}
REGISTRAR: dict[str, Reader] = {
    "id": _text,
    "secret": _secret,
    "scope": _text,
    "initial_access_token": _secret,
    "open": _boolean,
}
ADMIN: dict[str, Reader] = {"url": _https, "username": _text, "password": _secret}
CURITY: dict[str, Reader] = {"issuer": _issuer, "kind": _one_of("curity", "openid"), "version": _text, **CONNECTION}
KONNECT: dict[str, Reader] = {
    "url": _https,
    "token": _secret,
    "control_plane": _text,
    "service": _text,
    "portal": _text,
    "api": _text,
    "strategy": _text,
    "provider": _text,
    **CONNECTION,
}
PORTAL: dict[str, Reader] = {
    "url": _https,
    "email": _text,
    "password": _secret,
    "cookie": _secret,
    "generation": _one_of("v3", "classic"),
    **CONNECTION,
}
GATEWAY: dict[str, Reader] = {"url": _url, "version": _text, "plain_http": _boolean, **CONNECTION}
ROUTE: dict[str, Reader] = {
    "method": _method,
    "path": _text,
    "headers": _headers,
    "success": _statuses,
    "echo": _boolean,
}
APPLICATION: dict[str, Reader] = {"client_id": _client_id, "client_secret": _secret, "accepted": _boolean}

TABLES = ("run", *PARTIES, "application")


def _table(reading: _Reading, place: str, content: Mapping[str, Any], readers: Mapping[str, Reader]) -> dict[str, Any]:
    """The values of one table that could be read; unknown keys and unreadable values become problems."""
    values: dict[str, Any] = {}
    for key, value in content.items():
        if key not in readers:
            reading.problem(f"{place}.{key}", f"unknown key; known are {', '.join(readers)}")
            continue
        read = readers[key](reading, f"{place}.{key}", value)
        if read is not None:
            values[key] = read
    return values


def _needed(reading: _Reading, place: str, content: Mapping[str, Any], keys: tuple[str, ...], why: str = "") -> None:
    for key in keys:
        if key not in content:
            reading.problem(f"{place}.{key}", "missing" + (f": {why}" if why else ""))


def _connection(values: dict[str, Any]) -> Connection:
    """Takes what says how the party is reached out of the values of its table."""
    return Connection(**{key: values.pop(key) for key in CONNECTION if key in values and key != "mocked"})


def _sub_table(reading: _Reading, place: str, content: dict[str, Any], key: str) -> dict[str, Any] | None:
    table = content.pop(key, None)
    if table is None or isinstance(table, dict):
        return table
    reading.problem(f"{place}.{key}", f"expected a table, found {_kind(table)}")
    return None


def _curity(reading: _Reading, content: dict[str, Any]) -> CuritySettings:
    registrar = _sub_table(reading, "curity", content, "registrar")
    admin = _sub_table(reading, "curity", content, "admin")
    values = _table(reading, "curity", content, CURITY)
    connection = _connection(values)
    kind = values.get("kind", "curity")
    if registrar is not None:
        found = _table(reading, "curity.registrar", registrar, REGISTRAR)
        others = [key for key in ("initial_access_token", "open") if registrar.get(key, False) is not False]
        if kind != "openid":
            for key in others:
                reading.problem(f"curity.registrar.{key}", 'is for kind = "openid" alone')
        if kind != "openid" or not others:
            _needed(reading, "curity.registrar", registrar, ("id", "secret"))
        values["registrar"] = RegistrarSettings(**found)
    if admin is not None:
        _needed(reading, "curity.admin", admin, ("url", "username", "password"))
        found = _table(reading, "curity.admin", admin, ADMIN)
        if set(found) == set(ADMIN):
            values["admin"] = AdminSettings(**found)
    return CuritySettings(**values, connection=connection)


def _gateway(reading: _Reading, content: dict[str, Any]) -> GatewaySettings:
    entries = content.pop("route", [])
    values = _table(reading, "gateway", content, GATEWAY)
    connection = _connection(values)
    routes: list[RouteSettings] = []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        reading.problem("gateway.route", f"expected [[gateway.route]] tables, found {_kind(entries)}")
        entries = []
    for index, entry in enumerate(entries, 1):
        place = f"gateway.route {index}"
        _needed(reading, place, entry, ("path",))
        found = _table(reading, place, entry, ROUTE)
        if "path" in found:
            if not found["path"].startswith("/"):
                reading.problem(f"{place}.path", "begins with /")
            routes.append(RouteSettings(**found))
    url = values.get("url", "")
    plain = urlsplit(url).scheme == "http" and not is_loopback(urlsplit(url).hostname or "")
    if plain and not values.get("plain_http"):
        reading.problem("gateway.url", "expected https://; a gateway that speaks plain http says plain_http = true")
    return GatewaySettings(**values, routes=tuple(routes), connection=connection)


def _applications(reading: _Reading, content: Any) -> tuple[ApplicationSettings, ...]:
    entries = content if isinstance(content, list) else [content]
    applications: list[ApplicationSettings] = []
    for index, entry in enumerate(entries, 1):
        place = "application" if len(entries) == 1 else f"application {index}"
        if not isinstance(entry, dict):
            reading.problem(place, f"expected a table, found {_kind(entry)}")
            continue
        _needed(reading, place, entry, ("client_id", "client_secret"))
        found = _table(reading, place, entry, APPLICATION)
        if {"client_id", "client_secret"} <= set(found):
            applications.append(ApplicationSettings(**found))
    return tuple(applications)


def _check_certificates(reading: _Reading, name: str, connection: Connection) -> None:
    """A file that holds no certificate, or not the key to it, is no party's fault: it is tried before anything is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if connection.ca:
        try:
            context.load_verify_locations(connection.ca)
        except OSError:
            reading.problem(f"{name}.ca", f"{connection.ca} holds no certificates in PEM")
    if connection.client_cert:
        try:
            # a key that is encrypted would ask the terminal for its password
            context.load_cert_chain(connection.client_cert, connection.client_key, password="")
        except OSError:
            reading.problem(f"{name}.client_cert", "holds no certificate in PEM with its key, which is not encrypted")
    elif connection.client_key:
        reading.problem(f"{name}.client_cert", "missing: client_key is the key of a certificate")


def _mocked_here(party: Party | None) -> bool:
    return party is not None and party.mocked is not None and party.mocked.control is None


def _live(party: Party | None) -> bool:
    return party is not None and party.mocked is None


def _check_target(reading: _Reading, profile: Profile, tables: Mapping[str, Any]) -> None:
    """What a mode needs, what a party needs, and which mixes cannot work."""
    if not any(profile.party(name) for name in PARTIES):
        reading.problem("profile", "describes no party")
    for name in NEEDED[profile.run.mode]:
        if profile.party(name) is None:
            reading.problem(name, f'missing: mode "{profile.run.mode}" needs it; describe it, or say mocked = true')
    for name in PARTIES:
        party = profile.party(name)
        if party is None:
            continue
        _check_certificates(reading, name, party.connection)
        if _mocked_here(party):
            for key in sorted(set(tables[name]) & MADE_BY_MOCKS):
                reading.problem(f"{name}.{key}", "has no meaning beside mocked = true: the mock makes its own")
            continue
        key = "issuer" if name == "curity" else "url"
        _needed(reading, name, tables[name], (key,))
        if party.mocked and party.address and not is_loopback(urlsplit(party.address).hostname or ""):
            reading.problem(f"{name}.{key}", ON_THIS_MACHINE)
    _check_konnect(reading, profile, tables)
    if profile.portal and not _mocked_here(profile.portal) and profile.run.mode.allows(Mode.CREATE):
        portal = tables["portal"]
        if "cookie" not in portal:
            _needed(reading, "portal", portal, ("email", "password"), "a developer signs in, or give a session cookie")
    gateway = None if _mocked_here(profile.gateway) or profile.run.mode is Mode.INSPECT else profile.gateway
    if gateway and not gateway.routes:
        reading.problem("gateway.route", "missing: the route to call, as a [[gateway.route]] table with its path")
    if profile.run.mode is Mode.EXISTING and not tables.get("application"):
        reading.problem("application", 'missing: mode "existing" needs client_id and client_secret of an application')
    _check_mix(reading, profile)


NEEDED: Mapping[Mode, tuple[str, ...]] = {
    Mode.INSPECT: (),
    Mode.EXISTING: ("gateway",),
    Mode.CREATE: PARTIES,
    Mode.PROVISION: PARTIES,
}
"""The parties that a mode cannot do without."""
MADE_BY_MOCKS = frozenset(
    {"url", "issuer", "token", "email", "password", "cookie", "registrar", "admin"} | CONNECTION.keys()
) - {"mocked"}


def _check_konnect(reading: _Reading, profile: Profile, tables: Mapping[str, Any]) -> None:
    if profile.konnect is None or _mocked_here(profile.konnect):
        return
    mode, konnect = profile.run.mode, tables["konnect"]
    if mode is Mode.CREATE:
        why = f'mode "{mode}" uses what exists, by name or id'
        classic = profile.portal is not None and profile.portal.generation == "classic"
        _needed(reading, "konnect", konnect, ("portal", "api") if classic else ("portal", "api", "strategy"), why)
    if mode is Mode.PROVISION:
        _needed(reading, "konnect", konnect, ("token",))
    if mode is Mode.PROVISION and "api" not in konnect:
        _needed(reading, "konnect", konnect, ("control_plane", "service"), "a new API is linked to a service")


def _check_mix(reading: _Reading, profile: Profile) -> None:
    curity, konnect, portal, gateway = profile.curity, profile.konnect, profile.portal, profile.gateway
    if portal and portal.generation == "classic" and _mocked_here(gateway) and not _mocked_here(konnect):
        reading.problem(
            "portal.generation", "a mocked gateway takes its applications from a portal of generation v3 alone"
        )
    if _live(konnect) and curity and curity.mocked:
        reading.problem("curity.mocked", "live Konnect cannot reach a mocked Curity: its cloud has no way to here")
    if _live(konnect) and curity and curity.kind == "openid":
        reading.problem("curity.kind", 'live Konnect has no provider type for kind = "openid"')
    if konnect and portal and _live(konnect) != _live(portal):
        reading.problem("portal", "Konnect and its portal are both live or both mocked: they share their applications")
    elif konnect and portal and konnect.mocked != portal.mocked:
        reading.problem("portal.mocked", "Konnect and its portal are mocks of the same instance")
    if curity is None and any(_mocked_here(party) for party in (konnect, portal, gateway)):
        reading.problem("curity", "missing: the mocks of this run need an authorization server; or say mocked = true")
    if not _mocked_here(konnect) or not profile.run.mode.allows(Mode.CREATE):
        return
    if curity and not _mocked_here(curity) and not curity.registrar:
        reading.problem("curity.registrar", "missing: mocked Konnect registers applications at this Curity with it")
    if _live(gateway) and _live(curity) and not profile.applications:
        reading.problem(
            "application",
            "missing: a gateway that is configured by hand does not know what mocked Konnect registers; "
            "give the application's credentials",
        )


def read(path: Path, environment: Mapping[str, str] | None = None) -> Profile:
    """The profile in that file. Raises ProfileError with everything that is wrong with it."""
    source = str(path)
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ProfileError(source, [f"cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ProfileError(source, ["cannot be read: not UTF-8 text"]) from None
    except (ValueError, RecursionError) as error:
        # TOMLDecodeError, and what the parser lets through: a number or a nesting beyond all bounds. Its message may
        # quote the line, and the line may hold a secret in the wrong place
        place = re.search(r"\(at .*\)\Z", str(error))
        raise ProfileError(source, [f"not TOML {place[0] if place else ''}".rstrip()]) from None
    reading = _Reading(path.parent, os.environ if environment is None else environment)
    tables: dict[str, Any] = {}
    for name, table in content.items():
        if name not in TABLES:
            reading.problem(f"[{name}]", f"unknown table; known are {', '.join(TABLES)}")
        elif name != "application" and not isinstance(table, dict):
            reading.problem(f"[{name}]", f"expected a table, found {_kind(table)}")
        else:
            tables[name] = table
    profile = _profile(reading, source, tables)
    if not any(problem.startswith("run.mode:") for problem in reading.problems):
        _check_target(reading, profile, tables)
    if reading.problems:
        raise ProfileError(source, reading.problems)
    return profile


def _profile(reading: _Reading, source: str, tables: Mapping[str, Any]) -> Profile:
    run = _table(reading, "run", tables.get("run", {}), RUN)
    if "mode" in run:
        run["mode"] = Mode(run["mode"])
    run |= run.pop("deadlines", {})
    parties: dict[str, Any] = {}
    if "curity" in tables:
        parties["curity"] = _curity(reading, dict(tables["curity"]))
    if "konnect" in tables:
        values = _table(reading, "konnect", tables["konnect"], KONNECT)
        parties["konnect"] = KonnectSettings(connection=_connection(values), **values)
    if "portal" in tables:
        values = _table(reading, "portal", tables["portal"], PORTAL)
        parties["portal"] = PortalSettings(connection=_connection(values), **values)
    if "gateway" in tables:
        parties["gateway"] = _gateway(reading, dict(tables["gateway"]))
    applications = _applications(reading, tables["application"]) if "application" in tables else ()
    return Profile(source, RunSettings(**run), **parties, applications=applications)
