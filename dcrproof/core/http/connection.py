"""How a party is reached: trust and client certificates, proxies, nodes.

Both libraries, httpx and requests, get these from here, and take nothing from the environment by themselves: each would
read it in another way.
"""

import ssl
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

import truststore
from requests.utils import get_environ_proxies, select_proxy

from dcrproof.core.http.loopback import is_loopback


@dataclass(frozen=True)
class Connection:
    """How a party is reached. `nodes` are addresses (`host:port`) that are dialled under the party's public name."""

    ca: Path | None = None
    proxy: str | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    nodes: tuple[str, ...] = ()


@cache
def tls(ca: Path | None, client_cert: Path | None, client_key: Path | None) -> ssl.SSLContext:
    """A context that verifies: against `ca` alone, or without it against what this machine trusts.

    Raises OSError (ssl.SSLError) for a file that cannot be used.
    """
    context = ssl.create_default_context(cafile=str(ca)) if ca else truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if client_cert:
        context.load_cert_chain(client_cert, client_key)
    return context


def proxy_for(url: str, connection: Connection) -> str | None:
    """The proxy for a URL: the profile's, else the environment's; none for this machine."""
    if is_loopback(urlsplit(url).hostname or ""):
        return None
    if connection.proxy:
        return connection.proxy
    found = select_proxy(url, get_environ_proxies(url))
    return found if found is None or "://" in found else f"http://{found}"


def host_and_port(url: str) -> tuple[str | None, int | None]:
    """Host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def is_address(url: str) -> bool:
    """Whether that is an absolute URL with the scheme http or https."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def proxy_credentials() -> list[tuple[str, str]]:
    """User and password of each proxy that the environment names with them."""
    found = []
    for url in getproxies().values():
        with suppress(ValueError):  # not a URL: a request through it will say so
            parts = urlsplit(url)
            if parts.password:
                found.append((unquote(parts.username or ""), unquote(parts.password)))
    return found
