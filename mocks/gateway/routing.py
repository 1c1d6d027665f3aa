"""Which route a request matches, and where upstream it leads (Kong's router, flavour `traditional_compatible`).

Rules
- The path is normalised before it is matched and before it is sent on: percent-encoded unreserved characters are
  decoded, dot segments resolved, doubled slashes merged (Kong, `kong/tools/uri.lua`). So `/open/../closed` is
  `/closed`.
- A path of a route is a plain prefix: `/accounts` matches `/accountsx`.
- A route with methods wins over one without, then the longest prefix wins.
- `strip_path` takes the prefix off; what is left is appended to the service's own path with one slash.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from dcrproof.mocks.data_plane import Route, Service
from dcrproof.mocks.messages import Request

UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True)
class Candidate:
    service: Service
    route: Route
    prefix: str


@dataclass(frozen=True)
class Match:
    """`url` is where the request goes, without its query; `stripped` the prefix that was taken off, if any."""

    service: Service
    route: Route
    url: str
    stripped: str | None


def candidates(services: Iterable[Service]) -> tuple[Candidate, ...]:
    """Every prefix of every route, in the order in which they are tried."""
    found = [
        Candidate(service, route, prefix)
        for service in services
        for route in service.routes
        for prefix in route.paths or ("/",)
    ]
    return tuple(sorted(found, key=lambda one: (not one.route.methods, -len(one.prefix))))


def find(order: Sequence[Candidate], request: Request) -> Match | None:
    path = normalise(request.raw_path or quote(request.path))
    for candidate in order:
        route = candidate.route
        if path.startswith(candidate.prefix) and (not route.methods or request.method in route.methods):
            stripped = candidate.prefix if route.strip_path else None
            rest = path[len(candidate.prefix) :] if stripped else path
            return Match(candidate.service, route, _join(candidate.service.url, rest), stripped)
    return None


def normalise(path: str) -> str:
    decoded = re.sub(r"%([0-9A-Fa-f]{2})", _decode_unreserved, path)
    segments: list[str] = []
    for segment in (parts := decoded.split("/")):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    ends_with_slash = segments and parts[-1] in ("", ".", "..")
    return "/" + "/".join(segments) + ("/" if ends_with_slash else "")


def _decode_unreserved(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in UNRESERVED else escape[0].upper()


def _join(url: str, rest: str) -> str:
    parts = urlsplit(url)
    own = parts.path or "/"
    path = own if not rest else own.rstrip("/") + "/" + rest.removeprefix("/")
    return f"{parts.scheme}://{parts.netloc}{path}"
