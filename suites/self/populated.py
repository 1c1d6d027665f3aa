"""A mocked organization with at least two of everything, made through the APIs: what the documents' tests ask of."""

from collections.abc import Mapping
from dataclasses import dataclass

from documents import ISSUER, UNKNOWN, Documents, World

OPENID_CONNECT = {"issuer": ISSUER, "credential_claim": ["sub"], "scopes": [], "auth_methods": ["bearer"]}
OIDC_STRATEGY = {
    "name": "s",
    "display_name": "S",
    "strategy_type": "openid_connect",
    "configs": {"openid-connect": OPENID_CONNECT},
}
KEY_STRATEGY = {
    "name": "k",
    "display_name": "K",
    "strategy_type": "key_auth",
    "configs": {"key-auth": {"key_names": ["k"], "ttl": {"value": 1, "unit": "days"}}},
}
NODE = {"id": UNKNOWN, "hostname": "d", "version": "3.14", "config_hash": "x", "last_ping": 1, "type": "kong-proxy"}


def provider(**changes: object) -> dict[str, object]:
    config = {"initial_client_id": "a", "initial_client_secret": "b"}
    return {"name": "p", "provider_type": "curity", "issuer": ISSUER, "dcr_config": config, **changes}


@dataclass(frozen=True)
class Populated:
    """`ids` of what paths and bodies may name: by document, then by the name of the parameter or of the member."""

    world: World
    ids: Mapping[str, Mapping[str, str]]


def populated(documents: Documents) -> Populated:
    """Everything that there can be in an organization, twice where it can be twice. A developer is signed in."""
    world = World(documents)
    ids, ask, clock = world.ids, world.ask, world.konnect.clock
    world.konnect.push.nodes = lambda: [NODE]
    clock.advance(60)  # so that not all times are the same
    spare = ask("POST", "/v2/dcr-providers", provider(name="spare", display_name="Spare", labels={"env": "test"}), 201)
    ask("POST", "/v2/dcr-providers", provider(name="auth0", provider_type="auth0", issuer="https://auth0.test"), 201)
    key = ask("POST", "/v2/application-auth-strategies", KEY_STRATEGY, 201)["id"]
    own = ask("POST", "/v2/application-auth-strategies", {**OIDC_STRATEGY, "dcr_provider_id": spare["id"]}, 201)["id"]

    here = f"/v3/portals/{ids.portal_id}"
    other = ask(
        "POST",
        "/v3/portals",
        {"name": "other", "description": "d", "rbac_enabled": True, "default_application_auth_strategy_id": own},
        201,
    )["id"]
    ask("PATCH", here, {"default_application_auth_strategy_id": key})
    for slug in ("/about", "/terms"):
        ask(
            "POST",
            here + "/pages",
            {"slug": slug, "title": slug[1:].title(), "content": "x", "status": "published"},
            201,
        )
    new = {"email": "second@example.com", "full_name": "Second Developer", "status": "pending"}
    second = ask("POST", here + "/developers", new, 201)["id"]
    teams = [
        ask("POST", here + "/teams", {"name": name, "description": name, "can_own_applications": name == "red"}, 201)[
            "id"
        ]
        for name in ("red", "blue")
    ]
    roles = []
    for team in teams:
        for developer in (ids.developer_id, second):
            ask("POST", f"{here}/teams/{team}/developers", {"id": developer}, 201)
        for name in ("API Viewer", "API Consumer"):
            role = {"role_name": name, "entity_id": ids.api_id, "entity_type_name": "Services", "entity_region": "us"}
            roles.append(ask("POST", f"{here}/teams/{team}/assigned-roles", role, 201)["id"])

    clock.advance(60)
    api = ask(
        "POST",
        "/v3/apis",
        {
            "name": "orders",
            "version": "2",
            "description": "d",
            "labels": {"env": "test"},
            "attributes": {"owner": ["red", "blue"]},
            "spec_content": "openapi: 3.0.0",
        },
        201,
    )["id"]
    version = ask("POST", f"/v3/apis/{api}/versions", {"version": "3", "spec": {"content": "asyncapi: 3.0.0"}}, 201)[
        "id"
    ]
    ask("PUT", f"/v3/apis/{api}/publications/{ids.portal_id}", {"auth_strategy_ids": [key], "visibility": "private"})
    core = f"/v2/control-planes/{ids.control_plane_id}/core-entities"
    service = ask("POST", core + "/services", {"name": "own", "host": "upstream.test", "tags": ["a", "b"]}, 201)["id"]
    link = {"service": {"control_plane_id": ids.control_plane_id, "id": service}}
    ask("POST", f"/v3/apis/{api}/implementations", link, 201)
    route = ask("POST", f"{core}/services/{service}/routes", {"name": "own", "paths": ["/own"], "tags": ["a"]}, 201)[
        "id"
    ]
    plugin = ask(
        "POST", f"{core}/services/{service}/plugins", {"name": "openid-connect", "config": {"issuer": ISSUER}}, 201
    )
    consumers = [
        ask("POST", core + "/consumers", {"username": name, "custom_id": f"id-{name}", "tags": ["a"]}, 201)["id"]
        for name in ("accounting", "sales")
    ]

    world.sign_in()
    mine = "/api/v3/applications"
    made = {"a": ids.strategy_id, "k": key}
    applications = {
        name: ask("POST", mine, {"name": name, "auth_strategy_id": one}, 201)["id"] for name, one in made.items()
    }
    owner = {"type": "developer", "id": second}
    theirs = ask("POST", here + "/applications", {"name": "theirs", "owner": owner, "auth_strategy_id": key}, 201)["id"]
    clock.advance(60)
    wanted = {applications["a"]: ids.api_id, applications["k"]: api}
    registrations = {
        application: ask("POST", f"{mine}/{application}/registrations", {"api_id": one}, 201)["id"]
        for application, one in wanted.items()
    }
    ask("POST", f"{here}/applications/{theirs}/registrations", {"api_id": api, "status": "pending"}, 201)
    mapped = f"{here}/applications/{applications['a']}/registrations/{registrations[applications['a']]}/consumer"
    ask("PUT", mapped, {"id": consumers[0]}, 204)

    classic = [ask("POST", "/api/v2/applications", {"name": name}, 201)["id"] for name in ("a", "b")]
    product = {"product_version_id": world.classic.product_version_id}
    registered = [ask("POST", f"/api/v2/applications/{one}/registrations", product, 201)["id"] for one in classic]
    shared = {"apiId": ids.api_id, "api_id": api, "portalId": ids.portal_id}
    return Populated(
        world,
        {
            "application-auth-strategies-v2": {
                "dcrProviderId": spare["id"],
                "authStrategyId": own,
                "dcr_provider_id": ids.provider_id,
            },
            "control-planes-config-v2": {
                "controlPlaneId": ids.control_plane_id,
                "nodeId": UNKNOWN,
                "ServiceId": service,
                "RouteId": route,
                "PluginId": plugin["id"],
                "ConsumerId": consumers[1],
            },
            "portal-management-v3": {
                **shared,
                "developerId": ids.developer_id,
                "teamId": teams[0],
                "roleId": roles[0],
                "applicationId": applications["a"],
                "registrationId": registrations[applications["a"]],
                "auth_strategy_id": ids.strategy_id,
                "default_application_auth_strategy_id": key,
                "entity_id": api,
                "developer": second,
                "consumer": consumers[1],
            },
            "api-builder-v3": {
                **shared,
                "implementationId": ids.implementation_id,
                "strategy": key,
                "service": ids.service_id,
                "control_plane_id": ids.control_plane_id,
                "versionId": version,
                "other_portal": other,
            },
            "dev-portal-v3": {
                "apiIdOrSlug": ids.api_id,
                "versionId": ids.api_version_id,
                "applicationId": applications["a"],
                "registrationId": registrations[applications["a"]],
                "credentialId": UNKNOWN,
                "auth_strategy_id": ids.strategy_id,
                "api_id": ids.api_id,
            },
            "dev-portal-v2": {
                "productId": world.classic.product_id,
                "productVersionId": world.classic.product_version_id,
                "applicationId": classic[0],
                "registrationId": registered[0],
                "credentialId": UNKNOWN,
            },
        },
    )
