"""What Terraform's provider for Konnect documents of the resources in examples/terraform, and what it sends for them.

The provider itself is not to be had everywhere: nothing here has been run by Terraform. The attributes are those of
Kong/terraform-provider-konnect, docs/resources/*.md, at the commits beside them; read-only ones are left out.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

Ask = Callable[[str, str, Any], Any]
PLAIN = hcl2.SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)
NAMES = ("name", "issuer", "labels")
STRATEGY = ("name", "display_name", "strategy_type", "labels")
OPENID_CONNECT = ("issuer", "credential_claim", "scopes", "auth_methods", "additional_properties", "labels")


def nested(path: str, *names: str) -> tuple[str, ...]:
    return path, *(f"{path}.{name}" for name in names)


@dataclass(frozen=True)
class Resource:
    """`path` of its creation, with attributes in braces that are no members of the body. `required` are needed."""

    method: str
    path: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    body: Callable[[Mapping[str, Any]], Any] = dict


def one_of(values: Mapping[str, Any]) -> Any:
    """The one attribute that stands for all of a kind."""
    [inner] = values.values()
    return inner


def provider(values: Mapping[str, Any]) -> Any:
    [(kind, inner)] = values.items()
    return {**inner, "provider_type": {"azure_ad": "azureAd", "kong_identity": "kongIdentity"}.get(kind, kind)}


def strategy(values: Mapping[str, Any]) -> Any:
    inner = one_of(values)
    return {**inner, "configs": {key.replace("_", "-"): value for key, value in inner["configs"].items()}}


CORE = "/v2/control-planes/{control_plane_id}/core-entities"
RESOURCES: Mapping[str, Resource] = {
    # 0e8673c
    "konnect_gateway_control_plane": Resource(
        "POST",
        "/v2/control-planes",
        ("name",),
        (
            *("auth_type", "cloud_gateway", "cluster_type", "description", "labels"),
            *nested("proxy_urls", "host", "port", "protocol"),
        ),
    ),
    # 097205a
    "konnect_gateway_service": Resource(
        "POST",
        f"{CORE}/services",
        ("control_plane_id", "host"),
        (
            *("ca_certificates", "connect_timeout", "created_at", "enabled", "name", "path", "port", "protocol"),
            *("read_timeout", "retries", "tags", "tls_verify", "tls_verify_depth", "updated_at", "write_timeout"),
            *nested("client_certificate", "id"),
        ),
    ),
    # 162760f
    "konnect_gateway_route": Resource(
        "POST",
        f"{CORE}/routes",
        ("control_plane_id",),
        (
            *("created_at", "headers", "hosts", "https_redirect_status_code", "id", "methods", "name", "path_handling"),
            *("paths", "preserve_host", "protocols", "regex_priority", "request_buffering", "response_buffering"),
            *("snis", "strip_path", "tags", "updated_at"),
            *nested("destinations", "ip", "port"),
            *nested("service", "id"),
            *nested("sources", "ip", "port"),
        ),
    ),
    # 22fc218
    "konnect_dcr_provider": Resource(
        "POST",
        "/v2/dcr-providers",
        (),
        (
            *nested("curity", *NAMES, *nested("dcr_config", "initial_client_id", "initial_client_secret")),
            *nested("okta", *NAMES, *nested("dcr_config", "dcr_token")),
        ),
        provider,
    ),
    # b5342c8
    "konnect_application_auth_strategy": Resource(
        "POST",
        "/v2/application-auth-strategies",
        (),
        (
            *nested("key_auth", *STRATEGY, *nested("configs", *nested("key_auth", "key_names"))),
            *nested(
                "openid_connect",
                *STRATEGY,
                "dcr_provider_id",
                *nested("configs", *nested("openid_connect", *OPENID_CONNECT)),
            ),
        ),
        strategy,
    ),
    # 07806f3
    "konnect_portal": Resource(
        "POST",
        "/v3/portals",
        ("name",),
        (
            *("authentication_enabled", "auto_approve_applications", "auto_approve_developers", "description"),
            *("default_api_visibility", "default_application_auth_strategy_id", "default_page_visibility"),
            *("display_name", "force_destroy", "labels", "rbac_enabled"),
        ),
    ),
    # 1f6934d
    "konnect_api": Resource(
        "POST",
        "/v3/apis",
        ("name",),
        ("attributes", "description", "labels", "slug", "spec_content", "version"),
    ),
    # 16fc049
    "konnect_api_version": Resource(
        "POST", "/v3/apis/{api_id}/versions", ("api_id", "spec"), ("version", "spec.content")
    ),
    # 5b2a76b
    "konnect_api_implementation": Resource(
        "POST",
        "/v3/apis/{api_id}/implementations",
        ("api_id",),
        (
            *nested("control_plane_reference", *nested("control_plane", "id")),
            *nested("service_reference", *nested("service", "control_plane_id", "id")),
        ),
        one_of,
    ),
    # 162760f
    "konnect_api_publication": Resource(
        "PUT",
        "/v3/apis/{api_id}/publications/{portal_id}",
        ("api_id", "portal_id"),
        ("auth_strategy_ids", "auto_approve_registrations", "visibility"),
    ),
}
PROVIDER = ("konnect_access_token", "personal_access_token", "server_url", "system_account_access_token")  # 0192db0


def blocks(folder: Path, kind: str) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """All blocks of a kind in the folder's files: their labels, and what they hold."""
    labels = {"resource": 2, "provider": 1, "variable": 1}[kind]
    found = []
    for file in sorted(folder.glob("*.tf")):
        with file.open(encoding="utf-8") as text:
            every = hcl2.load(text, serialization_options=PLAIN).get(kind, [])
        for block in every:
            names: list[str] = []
            held = block
            for _ in range(labels):
                [(name, held)] = held.items()
                names.append(name)
            found.append((tuple(names), held))
    return found


def attributes(values: Mapping[str, Any], path: str = "") -> list[str]:
    """The attributes that are set, those of nested ones with their path."""
    found = []
    for name, value in values.items():
        found.append(f"{path}{name}")
        if isinstance(value, Mapping) and name not in {"labels", "headers"}:
            found += attributes(value, f"{path}{name}.")
    return found


def apply(folder: Path, variables: Mapping[str, Any], ask: Ask) -> None:
    """Creates the resources in their order in the file, in which each stands below those that it refers to."""
    made: dict[str, Any] = {}

    def evaluated(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: evaluated(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [evaluated(inner) for inner in value]
        if not isinstance(value, str):
            return value
        if reference := re.fullmatch(r"\$\{(\w+)\.([\w.]+)\}", value):
            held: Any = variables if reference[1] == "var" else made[f"{reference[1]}.{reference[2].split('.')[0]}"]
            for part in reference[2].split(".")[reference[1] != "var" :]:
                held = held[part]
            return held
        if named := re.fullmatch(r'\$\{file\("(?:\$\{path\.module\}/)?([^"]+)"\)\}', value):
            return (folder / named[1]).read_text("utf-8")
        assert "${" not in value, f"no expression that is understood here: {value}"
        return value

    for (kind, name), held in blocks(folder, "resource"):
        resource, values = RESOURCES[kind], evaluated(held)
        path = resource.path.format(**values)
        inner = {key: value for key, value in values.items() if f"{{{key}}}" not in resource.path}
        made[f"{kind}.{name}"] = ask(resource.method, path, resource.body(inner))
