"""A mocked organization with at least two of everything, made through the APIs: what the documents' tests ask of."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from documents import EMAIL, ISSUER, PASSWORD, UNKNOWN, Documents, World

from dcrproof.mocks.konnect.setup import FREE_SERVICE

OPENID_CONNECT = {"issuer": ISSUER, "credential_claim": ["sub"], "scopes": [], "auth_methods": ["bearer"]}
OIDC_STRATEGY = {
    "name": "by OpenID Connect",
    "display_name": "OpenID Connect",
    "strategy_type": "openid_connect",
    "configs": {"openid-connect": OPENID_CONNECT},
}
SELF_MANAGED = {**OIDC_STRATEGY, "name": "self-managed", "display_name": "Self-managed"}
KEY_STRATEGY = {
    "name": "by key",
    "display_name": "Key",
    "strategy_type": "key_auth",
    "configs": {"key-auth": {"key_names": ["k"], "ttl": {"value": 1, "unit": "days"}}},
}
NODE = {"id": UNKNOWN, "hostname": "d", "version": "3.14", "config_hash": "x", "last_ping": 1, "type": "kong-proxy"}


def provider(**changes: object) -> dict[str, object]:
    config = {"initial_client_id": "a", "initial_client_secret": "b"}
    return {"name": "p", "provider_type": "curity", "issuer": ISSUER, "dcr_config": config, **changes}


@dataclass(frozen=True)
class Populated:
    """`ids` of what paths and bodies may name: by document, then by the name of the parameter or in words."""

    world: World
    ids: Mapping[str, Mapping[str, str]]


def populated(documents: Documents, *, checked: bool = True) -> Populated:
    """Everything that there can be in an organization, twice where it can be twice. A developer is signed in.

    Unless `checked`, what makes it is not held against the documents: that takes most of the time.
    """
    world = World(documents, checked=checked)
    world.konnect.push.nodes = lambda: [NODE]
    auth = _auth(world)
    portal = _portal(world, auth)
    api = _api(world, auth, portal)
    registered = _registered(world, auth, portal, api)
    return Populated(
        world,
        {
            "application-auth-strategies-v2": auth,
            "control-planes-config-v2": api,
            "portal-management-v3": {**auth, **portal, **api, **registered},
            "api-builder-v3": {**auth, **portal, **api},
            "dev-portal-v3": {**auth, **api, **registered, **_mailed(world, "v3")},
            "dev-portal-v2": {**_classic(world), **_mailed(world, "v2")},
        },
    )


def _auth(world: World) -> dict[str, str]:
    ask = world.ask
    world.konnect.clock.advance(60)  # here and below: so that not all times are the same
    spare = ask("POST", "/v2/dcr-providers", provider(name="spare", display_name="Spare", labels={"env": "test"}), 201)
    auth0 = provider(name="auth0", provider_type="auth0", issuer="https://auth0.test")
    unused = ask("POST", "/v2/dcr-providers", auth0, 201)["id"]
    made = {
        name: ask("POST", "/v2/application-auth-strategies", body, 201)["id"]
        for name, body in {
            "key strategy": KEY_STRATEGY,
            "authStrategyId": {**OIDC_STRATEGY, "dcr_provider_id": spare["id"]},
            "self-managed strategy": SELF_MANAGED,
            "unused strategy": {**OIDC_STRATEGY, "name": "unused"},
        }.items()
    }
    ids = world.ids
    return {
        **made,
        "unused provider": unused,
        "dcrProviderId": spare["id"],
        "provider": ids.provider_id,
        "strategy": ids.strategy_id,
    }


def _portal(world: World, auth: Mapping[str, str]) -> dict[str, str]:
    ask, ids = world.ask, world.ids
    here = f"/v3/portals/{ids.portal_id}"
    default = {"default_application_auth_strategy_id": auth["authStrategyId"]}
    other = ask("POST", "/v3/portals", {"name": "other", "description": "d", "rbac_enabled": True, **default}, 201)[
        "id"
    ]
    ask("PATCH", here, {"default_application_auth_strategy_id": auth["key strategy"]})
    made = {}
    for slug in ("/about", "/terms"):
        page = {"slug": slug, "title": slug[1:].title(), "content": "x", "status": "published"}
        made[slug] = ask("POST", here + "/pages", page, 201)["id"]
    for name in ("banner", "notes"):
        snippet = ask("POST", here + "/snippets", {"name": name, "title": name.title(), "content": "x"}, 201)["id"]
    for addresses in ("192.168.1.1", "192.168.1.0/22"):
        allowed = ask("POST", here + "/ip-allow-list", {"allowed_ips": [addresses]}, 201)["id"]
    oidc = {"type": "oidc", "config": {"issuer_url": ISSUER, "client_id": "a"}}
    saml = {"type": "saml", "config": {"idp_metadata_url": "https://idp.test/metadata"}}
    identity = [ask("POST", here + "/identity-providers", body, 201)["id"] for body in (saml, oidc)]
    ask("POST", here + "/email-config", {"from_name": "Gandalf"}, 201)
    domain = {"hostname": "a.test", "enabled": True, "ssl": {"domain_verification_method": "http"}}
    ask("POST", here + "/custom-domain", domain, 201)
    ask("PATCH", here + "/email-templates/reset-password", {"enabled": False})
    new = {"email": "second@example.com", "full_name": "Second Developer", "status": "pending"}
    second = ask("POST", here + "/developers", new, 201)["id"]
    roles = []
    for name in ("red", "blue"):
        body = {"name": name, "description": name, "can_own_applications": name == "red"}
        team = ask("POST", here + "/teams", body, 201)["id"]
        for developer in (ids.developer_id, second):
            ask("POST", f"{here}/teams/{team}/developers", {"id": developer}, 201)
        for role in ("API Viewer", "API Consumer"):
            body = {"role_name": role, "entity_id": ids.api_id, "entity_type_name": "Services", "entity_region": "us"}
            roles.append(ask("POST", f"{here}/teams/{team}/assigned-roles", body, 201)["id"])
    return {
        "portalId": ids.portal_id,
        "other portal": other,
        "developerId": ids.developer_id,
        "developer": second,
        "teamId": team,
        "roleId": roles[-1],
        "pageId": made["/about"],
        "other page": made["/terms"],
        "snippetId": snippet,
        "id": identity[-1],
        "allowed addresses": allowed,
        "templateName": "reset-password",
    }


def _api(world: World, auth: Mapping[str, str], portal: Mapping[str, str]) -> dict[str, str]:
    ask, ids = world.ask, world.ids
    world.konnect.clock.advance(60)
    orders = {
        "name": "orders",
        "version": "2",
        "description": "d",
        "labels": {"env": "test"},
        "attributes": {"owner": ["red", "blue"]},
        "spec_content": "openapi: 3.0.0",
    }
    api = ask("POST", "/v3/apis", orders, 201)["id"]
    ask("POST", f"/v3/apis/{api}/versions", {"version": "3", "spec": {"content": "asyncapi: 3.0.0"}}, 201)
    private = {"auth_strategy_ids": [auth["key strategy"]], "visibility": "private"}
    ask("PUT", f"/v3/apis/{api}/publications/{portal['portalId']}", private)
    invoices = ask("POST", "/v3/apis", {"name": "invoices"}, 201)["id"]
    self_managed = {"auth_strategy_ids": [auth["self-managed strategy"]]}
    ask("PUT", f"/v3/apis/{invoices}/publications/{portal['portalId']}", self_managed)
    core = f"/v2/control-planes/{ids.control_plane_id}/core-entities"
    free = next(one["id"] for one in ask("GET", core + "/services")["data"] if one["name"] == FREE_SERVICE)
    service = ask("POST", core + "/services", {"name": "own", "host": "upstream.test", "tags": ["a", "b"]}, 201)["id"]
    link = {"service": {"control_plane_id": ids.control_plane_id, "id": service}}
    ask("POST", f"/v3/apis/{api}/implementations", link, 201)
    unused = ask("POST", core + "/services", {"url": "https://unused.test"}, 201)["id"]
    documents = [
        ask("POST", f"/v3/apis/{ids.api_id}/documents", {"title": title, "content": "x", "status": status}, 201)["id"]
        for title, status in (("First", "published"), ("Second", "unpublished"))
    ]
    own = f"{core}/services/{service}"
    route = ask("POST", own + "/routes", {"name": "own", "paths": ["/own"], "tags": ["a"]}, 201)["id"]
    plugin = ask("POST", own + "/plugins", {"name": "openid-connect", "config": {"issuer": ISSUER}}, 201)["id"]
    for name in ("accounting", "sales"):
        body = {"username": name, "custom_id": f"id-{name}", "tags": ["a"]}
        consumer = ask("POST", core + "/consumers", body, 201)["id"]
    certificates = f"/v2/control-planes/{ids.control_plane_id}/dp-client-certificates"
    certificate = ask("POST", certificates, {"cert": "a", "title": "t"}, 201)["item"]["id"]
    return {
        "api": ids.api_id,
        "other api": api,
        "invoices": invoices,
        "apiId": ids.api_id,
        "apiIdOrSlug": ids.api_id,
        "versionId": ids.api_version_id,
        "documentId": documents[0],
        "other document": documents[1],
        "implementationId": ids.implementation_id,
        "control plane": ids.control_plane_id,
        "controlPlaneId": ids.control_plane_id,
        "nodeId": UNKNOWN,
        "certificateId": certificate,
        "service": free,
        "ServiceId": service,
        "unused service": unused,
        "RouteId": route,
        "PluginId": plugin,
        "ConsumerId": consumer,
        "consumer": consumer,
    }


def _registered(
    world: World, auth: Mapping[str, str], portal: Mapping[str, str], api: Mapping[str, str]
) -> dict[str, str]:
    ask = world.ask
    world.sign_in()
    mine, here = "/api/v3/applications", f"/v3/portals/{portal['portalId']}/applications"
    made = {"first": auth["strategy"], "with key": auth["key strategy"], "another": auth["strategy"]}
    applications = {
        name: ask("POST", mine, {"name": name, "auth_strategy_id": one}, 201)["id"] for name, one in made.items()
    }
    owner = {"owner": {"type": "developer", "id": portal["developer"]}, "auth_strategy_id": auth["key strategy"]}
    theirs = ask("POST", here, {"name": "theirs", **owner}, 201)["id"]
    world.konnect.clock.advance(60)
    first = ask("POST", f"{mine}/{applications['first']}/registrations", {"api_id": api["api"]}, 201)["id"]
    ask("POST", f"{mine}/{applications['with key']}/registrations", {"api_id": api["other api"]}, 201)
    ask("POST", f"{here}/{theirs}/registrations", {"api_id": api["other api"], "status": "pending"}, 201)
    ask("PUT", f"{here}/{applications['first']}/registrations/{first}/consumer", {"id": api["consumer"]}, 204)
    return {
        "applicationId": applications["first"],
        "new application": applications["another"],
        "registrationId": first,
        "credentialId": UNKNOWN,
    }


def _classic(world: World) -> dict[str, str]:
    mine, setup = "/api/v2/applications", world.classic
    first, second, third = (
        world.ask("POST", mine, {"name": name}, 201)["id"] for name in ("first", "second", "another")
    )
    product = {"product_version_id": setup.product_version_id}
    registrations = [world.ask("POST", f"{mine}/{one}/registrations", product, 201)["id"] for one in (first, second)]
    return {
        "productId": setup.product_id,
        "productVersionId": setup.product_version_id,
        "applicationId": first,
        "new application": third,
        "registrationId": registrations[0],
        "credentialId": UNKNOWN,
        "strategy": world.classic_portal.strategy_id,
    }


def _mailed(world: World, version: str) -> dict[str, str]:
    """How the developer signs in, and tokens out of the mails that a portal has sent."""
    konnect = world.konnect if version == "v3" else world.classic_portal
    tokens = {"email": EMAIL, "password": PASSWORD}
    for name, path, body, status in (
        ("verify", "", {"email": "new@example.com", "full_name": "New Developer"}, 201),
        ("reset", "/forgot-password", {"email": EMAIL}, 200),
    ):
        world.ask("POST", f"/api/{version}/developer{path}", body, status)
        tokens[name] = re.findall("token=(.*)", konnect.accounts.mail[-1]["text"])[0]
    return tokens
