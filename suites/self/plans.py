"""A Terraform plan in JSON for the how-to, as `terraform show -json` prints it, and the same in kongctl's YAML."""

from collections.abc import Iterable, Mapping
from typing import Any

ISSUER = "https://curity.example.com/oauth/v2/oauth-anonymous"
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
ID = "5f9fd312-a987-4628-b4c5-bb4f4fddd5f7"

KONGCTL = f"""\
_defaults: {{kongctl: {{namespace: dcr-demo}}}}
dcr_providers:
  - ref: curity-dcr
    name: curity-dcr
    display_name: Curity DCR Provider
    provider_type: curity
    issuer: {DISCOVERY}
    dcr_config:
      initial_client_id: konnect-dcr
      initial_client_secret: !secret {{source: !env CURITY_SECRET}}
application_auth_strategies:
  - ref: curity-strategy
    name: curity-strategy
    display_name: Curity
    strategy_type: openid_connect
    dcr_provider_id: !ref curity-dcr
    configs:
      openid_connect:
        issuer: "{DISCOVERY}"
        credential_claim: [sub]
        scopes: []
        auth_methods: [client_credentials, bearer, session]
portals:
  - ref: portal
    name: My Portal
    authentication_enabled: true
apis:
  - ref: accounts
    name: Accounts
    publications:
      - ref: accounts-in-portal
        portal_id: !ref portal#id
        visibility: public
        auth_strategy_ids: [!ref curity-strategy#id]
    implementations:
      - ref: accounts-service
        service: {{id: "{ID}", control_plane_id: "{ID}"}}
"""


def resource(type: str, after: Mapping[str, Any], unknown: Mapping[str, Any], **refers: str) -> dict[str, Any]:
    """One resource: what is planned, what is known after apply, and which members refer to which type of resource."""
    expressions = {
        **{name: {} for name in after},
        **{name: {"references": [f"{of}.this.id", f"{of}.this"]} for name, of in refers.items()},
    }
    change = {"actions": ["create"], "before": None, "after": dict(after), "after_unknown": dict(unknown)}
    head = {"address": f"{type}.this", "mode": "managed", "type": type, "name": "this"}
    return {"change": {**head, "change": change}, "written": {**head, "expressions": expressions}}


def resources() -> dict[str, dict[str, Any]]:
    """The resources of the how-to, by what they are."""
    curity = {
        "name": "Curity",
        "issuer": DISCOVERY,
        "dcr_config": {"initial_client_id": "konnect-dcr"},
    }
    config = {
        "issuer": DISCOVERY,
        "credential_claim": ["sub"],
        "scopes": [],
        "auth_methods": ["client_credentials", "bearer", "session"],
        "additional_properties": None,
    }
    openid_connect = {
        "name": "curity-strategy",
        "display_name": "Curity",
        "strategy_type": "openid_connect",
        "configs": {"openid_connect": config},
    }
    service = {"service": {"id": ID, "control_plane_id": ID}}
    return {
        "provider": resource(
            "konnect_dcr_provider",
            {"auth0": None, "azure_ad": None, "curity": curity, "http": None, "okta": None},
            {"id": True, "curity": {"id": True, "dcr_config": {"initial_client_secret": True}}},
        ),
        "strategy": resource(
            "konnect_application_auth_strategy",
            {"key_auth": None, "openid_connect": openid_connect},
            {"id": True, "openid_connect": {"dcr_provider_id": True, "configs": {}}},
            openid_connect="konnect_dcr_provider",
        ),
        "portal": resource(
            "konnect_portal",
            {"name": "My Portal", "authentication_enabled": True},
            {"id": True, "default_application_auth_strategy_id": True},
        ),
        "api": resource("konnect_api", {"name": "Accounts"}, {"id": True}),
        "publication": resource(
            "konnect_api_publication",
            {"visibility": "public"},
            {"api_id": True, "portal_id": True, "auth_strategy_ids": True, "created_at": True},
            api_id="konnect_api",
            portal_id="konnect_portal",
            auth_strategy_ids="konnect_application_auth_strategy",
        ),
        "implementation": resource(
            "konnect_api_implementation",
            {"control_plane_reference": None, "service_reference": service},
            {"id": True, "api_id": True},
            api_id="konnect_api",
        ),
    }


def plan(of: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The plan of these resources."""
    several = list(of)
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.8",
        "planned_values": {"root_module": {}},
        "resource_changes": [one["change"] for one in several],
        "configuration": {
            "provider_config": {"konnect": {"name": "konnect"}},
            "root_module": {"resources": [one["written"] for one in several]},
        },
    }
