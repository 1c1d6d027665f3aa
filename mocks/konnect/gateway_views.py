"""How the gateway's entities and nodes look in the admin API (control-planes-config v2)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from dcrproof.mocks.konnect.objects import (
    Certificate,
    ControlPlane,
    GatewayConsumer,
    GatewayPlugin,
    GatewayRoute,
    GatewayService,
    Implementation,
)
from dcrproof.mocks.konnect.push import MANAGED_PLUGIN
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.konnect.views import View, epochs, members, times


def control_plane(held: ControlPlane) -> View:
    """As recorded. Nothing listens at the two endpoints: data planes of these mocks need no connection."""
    host = held.id.replace("-", "")[:10]
    config = {
        "control_plane_endpoint": f"https://{host}.us.cp.konghq.com",
        "telemetry_endpoint": f"https://{host}.us.tp.konghq.com",
        **members(held, "cluster_type", "auth_type", "cloud_gateway"),
        "proxy_urls": list(held.proxy_urls),
    }
    return {**members(held, "id", "name", "description", "labels"), "config": config, **times(held)}


def service(held: GatewayService) -> View:
    protocol, _, rest = held.url.partition("://")  # which may be no scheme of a URL: tls_passthrough
    url = urlsplit(f"http://{rest}")
    return {
        **members(held, "id", "name"),
        "protocol": protocol,
        "host": url.hostname or "",
        "port": (443 if protocol == "https" else 80) if url.port is None else url.port,
        "path": url.path or None,
        **members(held, "enabled", "read_timeout"),
        "retries": 5,
        "connect_timeout": 60000,
        "write_timeout": 60000,
        "tags": None,
        **held.others,
        **epochs(held),
    }


def route(held: GatewayRoute) -> View:
    """A route has either an expression or what it matches by (RouteExpression, RouteJson)."""
    if held.others.keys() & {"expression", "priority"}:
        shown = {**members(held, "id", "name", "strip_path"), "service": {"id": held.service_id}, "tags": None}
        return {**shown, **held.others, **epochs(held)}
    return {
        **members(held, "id", "name", "strip_path"),
        "paths": list(held.paths),
        "methods": list(held.methods) or None,
        "hosts": None,
        "protocols": ["http", "https"],
        "preserve_host": False,
        "path_handling": "v0",
        "regex_priority": 0,
        "service": {"id": held.service_id},
        "tags": None,
        **held.others,
        **epochs(held),
    }


def managed_plugin(konnect: Konnect, held: Implementation) -> View | None:
    """The plugin that Konnect keeps on the linked service, where the API is published with an OIDC strategy.

    Shape and tags: the plugin's schema (KonnectApplicationAuth.json) and the archived troubleshooting page.
    """
    accepted = konnect.push.accepted_strategy(held.service_id) if held.service_id is not None else None
    if accepted is None or accepted.id not in konnect.tables.strategies:
        return None
    used = konnect.tables.strategies[accepted.id]
    config = accepted.config if used.strategy_type == "openid_connect" else used.config
    entry: Mapping[str, Any] = {"strategy_id": used.id, "config": config}
    key = "openid_connect" if used.strategy_type == "openid_connect" else "key_auth"
    return {
        "id": held.id,  # it has no separate id here
        "name": MANAGED_PLUGIN,
        "enabled": True,
        "service": {"id": held.service_id},
        "config": {"auth_type": "v2-strategies", "scope": held.api_id, "v2_strategies": {key: [entry]}},
        "tags": ["konnect-managed-plugin", "konnect-app-registration"],
        **epochs(held),
    }


def plugin(held: GatewayPlugin) -> View:
    return {
        **members(held, "id", "name", "config"),
        "enabled": True,
        "service": {"id": held.service_id},
        "tags": None,
        **held.others,
        **epochs(held),
    }


def consumer(held: GatewayConsumer) -> View:
    return {**members(held, "id", "username", "custom_id"), "tags": None, **held.others, **epochs(held)}


def certificate(held: Certificate) -> View:
    return {"id": held.id, **held.members, **epochs(held)}


OLDEST_WITH_STRATEGIES = (3, 6)
"""The release of Kong Gateway from which the managed plugin knows strategies (Konnect version compatibility)."""


def node(konnect: Konnect, held: Mapping[str, Any]) -> View:
    """A node as it reports itself, with Konnect's finding where it is too old for the pushed configuration.

    The members are those of NodeCompatibilityIssue (control-planes-config v2); their values are inferred.
    """
    guarded = [service.id for service in konnect.push.configuration.services if service.strategy is not None]
    numbers = tuple(int(part) for part in str(held["version"]).split("-")[0].split(".") if part.isdigit())
    if not guarded or numbers >= OLDEST_WITH_STRATEGIES:
        return dict(held)
    least = ".".join(map(str, OLDEST_WITH_STRATEGIES))
    issue = {
        "code": "D228",
        "severity": "error",
        "description": f"The plugin konnect-application-auth needs Kong Gateway {least} for auth strategies.",
        "resolution": f"Upgrade the data plane to Kong Gateway {least} or newer.",
        "affected_resources": [{"type": "plugin", "id": service_id} for service_id in guarded],
    }
    return {**held, "compatibility_status": {"state": "COMPATIBILITY_STATE_INCOMPATIBLE", "issues": [issue]}}
