"""What mock Konnect answers is what Kong's own OpenAPI documents say, where the environment names their folder.

Without the variable DCRPROOF_OPENAPI these tests are skipped: the documents are Kong's and not part of this project.
"""

import json
import re
from typing import Any

import documents
import pytest
from documents import PASSWORD, UNKNOWN, Documents, World
from populated import KEY_STRATEGY, NODE, OIDC_STRATEGY, provider


@pytest.fixture(scope="module")
def found() -> Documents:
    return documents.find()


@pytest.fixture
def world(found: Documents) -> World:
    return World(found)


def test_dcr_providers(world: World) -> None:
    path = "/v2/dcr-providers"
    made = world.ask("POST", path, provider(display_name="P", labels={"a": "b"}), 201)["id"]
    for provider_type, config in {
        "auth0": {"initial_client_id": "a", "initial_client_secret": "b"},
        "azureAd": {"initial_client_id": "a", "initial_client_secret": "b"},
        "okta": {"dcr_token": "t"},
        "http": {"dcr_base_url": "https://bridge.test", "api_key": "abcdefghijkl"},
        "kongIdentity": {},
    }.items():
        body = provider(name=provider_type, provider_type=provider_type, dcr_config=config)
        world.ask("POST", path, body, 201)
    world.ask("POST", path, provider(), 400)
    world.ask("POST", path, {"name": "", "x": 1, "provider_type": "y", "labels": {"kong": "-"}}, 400)
    world.ask("GET", path + "?sort=name desc&filter[name][contains]=p")
    for query in ("sort=x", "page[size]=x", "page[size]=0", "page[size]=1000", "filter[x]=y"):
        world.ask("GET", f"{path}?{query}", status=400)
    world.ask("GET", f"{path}/{made}")
    world.ask("GET", f"{path}/{UNKNOWN}", status=404)
    world.ask("PATCH", f"{path}/{made}", {"name": "new"})
    world.ask("PATCH", f"{path}/{made}", {"dcr_config": []}, 400)
    world.ask("POST", f"{path}/{world.ids.provider_id}/verify")
    world.ask("POST", f"{path}/{made}/verify")
    world.ask("DELETE", f"{path}/{made}", status=204)


def test_application_auth_strategies(world: World) -> None:
    path, used = "/v2/application-auth-strategies", world.ids.strategy_id
    made = world.ask("POST", path, OIDC_STRATEGY, 201)["id"]
    world.ask("POST", path, KEY_STRATEGY, 201)
    world.ask(
        "POST", path, {**OIDC_STRATEGY, "dcr_provider_id": "x", "configs": {"openid-connect": {"scopes": 1}}}, 400
    )
    world.ask("GET", path)
    world.ask("GET", f"{path}/{used}")
    world.ask("PUT", f"{path}/{made}", OIDC_STRATEGY, 201)
    world.ask("PATCH", f"{path}/{made}", {"display_name": "new"})
    world.ask("DELETE", f"{path}/{used}", status=409)
    world.ask("DELETE", f"{path}/{made}", status=204)


def test_portals_and_developers(world: World) -> None:
    other = world.ask("POST", "/v3/portals", {"name": "other", "labels": {"a": "b"}}, 201)["id"]
    world.ask("POST", "/v3/portals", {"sipr_enabled": "no"}, 400)
    world.ask("GET", "/v3/portals?filter[authentication_enabled]=true")
    world.ask("GET", f"/v3/portals/{other}")
    world.ask("PATCH", f"/v3/portals/{other}", {"name": "developers"}, 409)
    world.ask("PATCH", f"/v3/portals/{other}", {"description": "d"})
    world.ask("POST", f"/v3/portals/{other}/pages", {"slug": "/", "content": "x"}, 201)
    world.ask("GET", f"/v3/portals/{other}/pages")
    world.ask("DELETE", f"/v3/portals/{other}", status=204)

    path = f"/v3/portals/{world.ids.portal_id}/developers"
    person = world.ask("POST", path, {"email": "a@b.c", "full_name": "x"}, 201)["id"]
    world.ask("POST", path, {"email": "a@b.c", "full_name": "x"}, 409)
    world.ask("GET", path + "?filter[email][eq]=a@b.c&sort=name")
    world.ask("GET", f"{path}/{person}")
    world.ask("PATCH", f"{path}/{person}", {"status": "revoked"})
    world.ask("DELETE", f"{path}/{person}", status=204)


MENU = [{"path": "/", "title": "Home", "visibility": "public", "external": False}]
LOGO = {"data": "data:image/svg+xml;base64,PHN2Zy8+"}
HTTP_DOMAIN = {"hostname": "portal.example.com", "enabled": True, "ssl": {"domain_verification_method": "http"}}
OIDC = {"issuer_url": "https://idp.test", "client_id": "a", "client_secret": "confidential"}
# path in a portal, the creation (None: it is there), changes as (method, body), a body that is refused
SETTINGS_OF_A_PORTAL: list[tuple[str, Any, list[tuple[str, Any]], Any]] = [
    (
        "customization",
        None,
        [
            ("PUT", {"theme": {"colors": {"primary": "#0055A4"}}, "css": None, "menu": {"main": MENU}}),
            ("PATCH", {"robots": "x"}),
        ],
        {"theme": {"mode": "dusk"}},
    ),
    ("integrations", None, [("PUT", {"google_tag_manager": None}), ("PATCH", {})], {"other": {}}),
    (
        "authentication-settings",
        None,
        [
            ("PATCH", {"basic_auth_enabled": False}),
            ("PATCH", {"oidc_issuer": "https://idp.test", "oidc_client_id": "a"}),
        ],
        {"basic_auth_enabled": "no"},
    ),
    ("audit-log-webhook", None, [("PATCH", {"enabled": True, "audit_log_destination_id": UNKNOWN})], {"enabled": 1}),
    ("assets/logo", None, [("PUT", LOGO)], {"data": "https://logo.test"}),
    ("assets/favicon", None, [("PUT", LOGO)], {}),
    (
        "email-config",
        {"from_name": "Gandalf"},
        [("PATCH", {"reply_to_email": "a@b.c", "from_email": None})],
        {"from_email": "nobody"},
    ),
    (
        "custom-domain",
        HTTP_DOMAIN,
        [("PATCH", {"enabled": False}), ("PATCH", {"ssl": {"skip_ca_check": True}})],
        {"hostname": "a"},
    ),
    (
        "ip-allow-list",
        {"allowed_ips": ["192.168.1.0/22"]},
        [("PUT", {"allowed_ips": ["192.168.1.1"]}), ("PATCH", {"allowed_ips": ["10.0.0.0/8"]})],
        {"allowed_ips": []},
    ),
    ("identity-providers", {"type": "oidc", "config": OIDC}, [("PATCH", {"enabled": True})], {"enabled": "no"}),
    (
        "snippets",
        {"name": "banner", "content": "# Hello"},
        [("PATCH", {"description": "d", "status": "published"})],
        {"visibility": "secret"},
    ),
    (
        "pages",
        {"slug": "guides", "content": "# Guides"},
        [("PATCH", {"slug": "/guides", "description": "d", "visibility": "private"})],
        {"status": "secret"},
    ),
    ("teams", {"name": "Mobile", "description": "d"}, [("PATCH", {"description": "e"})], {"name": ""}),
]


def test_email_templates_are_changed_one_by_one(world: World) -> None:
    """Recorded: portal/email-templates 4 to 14."""
    place = f"/v3/portals/{world.ids.portal_id}/email-templates"
    assert world.ask("GET", place) == {"data": []}
    world.ask("GET", f"{place}/reset-password", status=404)
    world.ask("GET", f"{place}/another", status=404)
    made = world.ask("PATCH", f"{place}/reset-password", {"content": {"subject": "s", "body": "b"}})
    assert made["enabled"] is True
    assert made["content"] == {"subject": "s", "title": None, "body": "b", "button_label": None}
    assert made["default_content"]["button_label"] == "Reset your password"
    world.konnect.clock.advance(1)
    world.ask("PATCH", f"{place}/app-registration-approved", {"enabled": False})
    changed = world.ask("PATCH", f"{place}/reset-password", {"enabled": False})
    assert (changed["content"], changed["created_at"]) == (made["content"], made["created_at"])
    listed = world.ask("GET", place)["data"]
    assert [one["name"] for one in listed] == ["app-registration-approved", "reset-password"]
    assert listed[1] == world.ask("GET", f"{place}/reset-password")
    world.ask("PATCH", f"{place}/reset-password", {"content": {"title": "x" * 1025}}, 400)
    world.ask("DELETE", f"{place}/reset-password", status=204)
    world.ask("GET", f"{place}/reset-password", status=404)


def test_certificates_of_data_planes_are_pinned(world: World) -> None:
    place = f"/v2/control-planes/{world.ids.control_plane_id}/dp-client-certificates"
    assert world.ask("GET", place) == {"items": [], "page": {"total_count": 0}}
    made = world.ask("POST", place, {"cert": "one"}, 201)["item"]
    world.konnect.clock.advance(1)
    changed = world.ask("PUT", f"{place}/{made['id']}", {"cert": "two", "title": "t"})
    assert changed["item"] == {**made, "cert": "two", "title": "t", "updated_at": made["updated_at"] + 1}
    assert world.ask("GET", f"{place}/{made['id']}") == changed
    assert world.ask("GET", place) == {"items": [changed["item"]], "page": {"total_count": 1}}
    world.ask("POST", place, {"title": "t"}, 400)
    world.ask("DELETE", f"{place}/{made['id']}", status=204)
    world.ask("GET", f"{place}/{made['id']}", status=404)


@pytest.mark.parametrize(
    ("path", "creation", "changes", "refused"), SETTINGS_OF_A_PORTAL, ids=[row[0] for row in SETTINGS_OF_A_PORTAL]
)
def test_what_is_in_a_portal(
    world: World, path: str, creation: Any, changes: list[tuple[str, Any]], refused: Any
) -> None:
    place = f"/v3/portals/{world.ids.portal_id}/{path}"
    listed = path in {"ip-allow-list", "identity-providers", "snippets", "pages", "teams"}
    if creation is not None:
        if not listed:
            world.ask("GET", place, status=404)
        made = world.ask("POST", place, creation, 201)
        assert world.ask("GET", place)
        if listed:
            world.ask("GET", f"{place}/{UNKNOWN}", status=404)
            place = f"{place}/{made['id']}"
    for method, body in changes:
        changed = world.ask(method, place, body)
        assert world.ask("GET", place) == changed
        assert "confidential" not in json.dumps(changed)
    if (changes[-1][0], path) != ("PATCH", "teams"):  # whose PATCH has no 400 in the document
        world.ask(changes[-1][0], place, refused, 400)
    if creation is not None or path == "audit-log-webhook":
        world.ask("DELETE", place, status=204)
        if creation is not None:
            world.ask("GET", place, status=404)


def test_pages_are_a_tree(world: World) -> None:
    place = f"/v3/portals/{world.ids.portal_id}/pages"
    guides = world.ask("POST", place, {"slug": "guides", "content": "x"}, 201)
    assert (guides["slug"], "parent_page_id" in guides) == ("/guides", False)
    first = world.ask("POST", place, {"slug": "first", "content": "x", "parent_page_id": guides["id"]}, 201)
    tree = {page["slug"]: page["children"] for page in world.ask("GET", place)["data"]}
    assert [page["slug"] for page in tree["/guides"]] == ["/first"]
    assert world.ask("GET", f"{place}/{guides['id']}")["parent_page_id"] is None
    world.ask("PATCH", f"{place}/{guides['id']}", {"parent_page_id": first["id"]}, 400)
    world.ask("DELETE", f"{place}/{guides['id']}", status=204)
    world.ask("GET", f"{place}/{first['id']}", status=404)


def test_documents_are_a_tree(world: World) -> None:
    place = f"/v3/apis/{world.ids.api_id}/documents"
    errors = world.ask("POST", place, {"content": "# Error codes\n", "status": "published"}, 201)
    assert (errors["title"], errors["slug"]) == ("Error codes", "error-codes")
    world.ask("POST", place, {"content": "x", "slug": "error-codes"}, 409)
    world.ask("POST", place, {"content": "x", "slug": "a b"}, 400)
    below = {"content": "x", "title": "Four", "parent_document_id": errors["id"]}
    four = world.ask("POST", place, below, 201)
    [root] = world.ask("GET", place)["data"]
    assert [child["slug"] for child in root["children"]] == ["four"]
    [unpublished] = world.ask("GET", place + "?filter[status][eq]=unpublished")["data"]
    assert unpublished["id"] == four["id"]
    world.ask("PATCH", f"{place}/{errors['id']}", {"parent_document_id": four["id"]}, 400)
    assert world.ask("PATCH", f"{place}/{four['id']}", {"content": "y"})["content"] == "y"
    world.ask("DELETE", f"{place}/{errors['id']}", status=204)
    world.ask("GET", f"{place}/{four['id']}", status=404)


def test_versions(world: World) -> None:
    place = f"/v3/apis/{world.ids.api_id}/versions"
    second = world.ask("POST", place, {"version": "2.0.0", "spec": {"content": '{"openapi": "3.0.3"}'}}, 201)
    one = f"{place}/{second['id']}"
    shown = world.ask("GET", one)
    assert shown == {**second, "spec": {**second["spec"], "content": shown["spec"]["content"]}}
    assert json.loads(shown["spec"]["content"]) == {"openapi": "3.0.3"}
    world.ask("PATCH", one, {"version": "1.0.0"}, 409)
    assert world.ask("PATCH", one, {"spec": {"content": '{"swagger": "2.0"}'}})["spec"]["type"] == "oas2"
    world.ask("DELETE", one, status=204)
    world.ask("GET", one, status=404)


def test_apis(world: World) -> None:
    ids = world.ids
    made = world.ask("POST", "/v3/apis", {"name": "x", "version": "1", "spec_content": "openapi: 3.0.0"}, 201)["id"]
    path = f"/v3/apis/{made}"
    world.ask("POST", "/v3/apis", {"name": ""}, 400)
    world.ask("GET", "/v3/apis?sort=name")
    world.ask("GET", path)
    world.ask("PATCH", path, {"description": "d"})
    world.ask("POST", path + "/versions", {"version": "2", "spec": {"content": "swagger: '2.0'"}}, 201)
    world.ask("POST", path + "/versions", {"version": "2", "spec": {}}, 409)
    world.ask("POST", path + "/versions", {"spec": {}}, 400)
    world.ask("GET", path + "/versions")
    world.ask("GET", f"{path}/publications/{ids.portal_id}", status=404)
    world.ask("PUT", f"{path}/publications/{ids.portal_id}", {})
    world.ask("PUT", f"{path}/publications/{ids.portal_id}", {"auth_strategy_ids": [ids.strategy_id]})
    world.ask("GET", f"{path}/publications/{ids.portal_id}")
    world.ask("GET", f"/v3/api-publications?filter[auth_strategy_id][eq]={ids.strategy_id}")
    link = {"service": {"control_plane_id": ids.control_plane_id, "id": ids.service_id}}
    world.ask("POST", path + "/implementations", link, 409)
    linked = f"/v3/apis/{ids.api_id}/implementations"
    world.ask("GET", f"{linked}/{ids.implementation_id}")
    never = {"configs": {"openid-connect": {"timeout": "soon"}}}
    world.ask("PATCH", f"/v2/application-auth-strategies/{ids.strategy_id}", never)
    world.ask("GET", f"{linked}/{ids.implementation_id}")
    world.ask("GET", "/v3/api-implementations")
    world.ask("DELETE", f"{linked}/{ids.implementation_id}", status=204)
    world.ask("POST", path + "/implementations", link, 201)
    world.ask("DELETE", f"{path}/publications/{ids.portal_id}", status=204)
    world.ask("DELETE", path, status=204)


def test_control_planes(world: World) -> None:
    path = f"/v2/control-planes/{world.ids.control_plane_id}"
    world.konnect.push.nodes = lambda: [NODE]
    world.ask("GET", path + "/nodes")
    world.ask("GET", f"{path}/nodes/{UNKNOWN}")
    world.ask("GET", path + "/expected-config-hash")
    service = f"services/{world.ids.service_id}"
    for kind in ("services", "routes", "plugins", f"{service}/routes", f"{service}/plugins"):
        assert world.ask("GET", f"{path}/core-entities/{kind}")["data"]
    for kind in (service, f"routes/{world.ids.route_id}"):
        world.ask("GET", f"{path}/core-entities/{kind}")
    world.ask("GET", f"{path}/core-entities/services/{UNKNOWN}", status=404)
    core = f"{path}/core-entities"
    made = world.ask("POST", f"{core}/services", {"name": "own", "host": "upstream.test", "port": 8080}, 201)
    own = f"{core}/services/{made['id']}"
    for place, body, held in (
        (f"{own}/routes", {"name": "own", "paths": ["/own"]}, "routes"),
        (f"{own}/plugins", {"name": "openid-connect", "config": {"issuer": "https://curity.test"}}, "plugins"),
        (f"{core}/consumers", {"username": "accounting"}, "consumers"),
    ):
        entity = f"{core}/{held}/{world.ask('POST', place, body, 201)['id']}"
        assert world.ask("GET", f"{core}/{held}")["data"]
        world.ask("GET", entity)
        world.ask("DELETE", entity, status=204)
    world.ask("DELETE", own, status=204)


def test_accounts_at_the_portal(world: World) -> None:
    path = "/api/v3/developer"
    world.ask("GET", "/api/v3/portal")
    world.ask("GET", "/api/v3/pages")
    world.ask("POST", path, {"email": "n@b.c", "full_name": "New"}, 201)
    world.ask("POST", path, {"email": "n"}, 400)
    verify = re.findall("token=(.*)", world.konnect.accounts.mail[-1]["text"])[0]
    reset = world.ask("POST", path + "/verify-email", {"token": verify}, 202)["token"]
    world.ask("POST", path + "/verify-email", {"token": verify}, 404)
    world.ask("POST", path + "/verify-email", {"token": "x"}, 400)
    world.ask("POST", path + "/reset-password", {"token": reset, "password": "weak"}, 400)
    world.konnect.clock.advance(25 * 3600)
    world.ask("POST", path + "/reset-password", {"token": reset, "password": PASSWORD}, 410)
    world.ask("POST", path + "/forgot-password", {"email": "n@b.c"})
    reset = re.findall("token=(.*)", world.konnect.accounts.mail[-1]["text"])[0]
    world.ask("POST", path + "/reset-password", {"token": reset, "password": PASSWORD}, 204)
    world.ask("GET", path + "/me", status=401)
    world.ask("POST", path + "/authenticate", {"username": "n@b.c"}, 400)
    world.ask("POST", path + "/authenticate", {"username": "n@b.c", "password": "wrong"}, 401)
    world.ask("POST", path + "/authenticate", {"username": "n@b.c", "password": PASSWORD}, 204)
    world.ask("GET", path + "/me")
    world.ask("POST", path + "/refresh", status=204)
    world.ask("POST", path + "/logout", status=204)
    world.ask("POST", path + "/refresh", status=401)


def test_applications_at_the_portal(world: World) -> None:
    ids = world.ids
    key_strategy = world.konnect.auth.create_strategy(KEY_STRATEGY).id
    other = world.konnect.catalog.create_api({"name": "other", "spec_content": "openapi: 3.0.0"}).id
    world.konnect.catalog.publish(other, ids.portal_id, {"auth_strategy_ids": [key_strategy]})
    world.sign_in()
    for path in (f"/{ids.api_id}", f"/{other}/versions", f"/{ids.api_id}/actions", "?sort=name"):
        world.ask("GET", "/api/v3/apis" + path)
    world.ask("GET", f"/api/v3/apis/{ids.api_id}/versions/{ids.api_version_id}")
    world.ask("GET", f"/api/v3/apis/{UNKNOWN}", status=404)
    world.ask("GET", "/api/v3/application-auth-strategies")
    body = {"name": "a", "auth_strategy_id": ids.strategy_id}
    one = "/api/v3/applications/" + world.ask("POST", "/api/v3/applications", body, 201)["id"]
    world.ask("POST", "/api/v3/applications", body, 409)
    world.ask("POST", "/api/v3/applications", {**body, "name": "b", "scopes": 1, "redirect_uri": ""}, 400)
    world.ask("POST", "/api/v3/applications", {"name": "k", "auth_strategy_id": key_strategy}, 201)
    registration = world.ask("POST", one + "/registrations", {"api_id": ids.api_id}, 201)["id"]
    world.ask("POST", one + "/registrations", {"api_id": ids.api_id}, 409)
    world.ask("POST", one + "/registrations", {"api_id": other}, 400)
    world.ask("GET", one + "/registrations")
    world.ask("GET", f"{one}/registrations/{registration}")
    world.ask("GET", f"/api/v3/apis/{ids.api_id}/applications")
    world.ask("GET", f"/api/v3/apis/{ids.api_id}/applications?unregistered=true")
    world.ask("GET", "/api/v3/applications?filter[team_id]=null")
    world.ask("GET", one)
    world.ask("PATCH", one, {"description": "d"})
    world.ask("POST", one + "/regenerate-secret", status=201)
    world.ask("GET", one + "/granted-scopes", status=422)
    world.ask("POST", one + "/credentials", {}, 400)
    world.ask("DELETE", f"{one}/registrations/{registration}", status=204)
    world.ask("DELETE", one, status=204)


def test_a_provider_that_fails(world: World) -> None:
    world.konnect.auth.patch_provider(world.ids.provider_id, {"dcr_config": {"initial_client_secret": "wrong"}})
    world.sign_in()
    world.ask("POST", "/api/v3/applications", {"name": "a", "auth_strategy_id": world.ids.strategy_id}, 400)
    world.ask("POST", f"/v2/dcr-providers/{world.ids.provider_id}/verify")


def test_applications_as_an_admin_sees_them(world: World) -> None:
    here = f"/v3/portals/{world.ids.portal_id}"
    owner = {"type": "developer", "id": world.ids.developer_id}
    body = {"name": "a", "owner": owner, "auth_strategy_id": world.ids.strategy_id}
    made = world.ask("POST", here + "/applications", body, 201)["id"]
    key_strategy = world.konnect.auth.create_strategy(KEY_STRATEGY).id
    world.konnect.portals.patch(world.ids.portal_id, {"default_application_auth_strategy_id": key_strategy})
    world.ask("POST", here + "/applications", {"name": "k", "owner": owner}, 201)
    one = f"{here}/applications/{made}"
    world.ask("GET", here + "/applications")
    world.ask("GET", one)
    world.ask("GET", f"/v3/applications/{made}")
    registrations = one + "/registrations"
    registration = world.ask("POST", registrations, {"api_id": world.ids.api_id, "status": "approved"}, 201)["id"]
    world.ask("GET", here + "/application-registrations?filter[status]=approved")
    world.ask("GET", registrations)
    world.ask("GET", f"{registrations}/{registration}")
    world.ask("PATCH", f"{registrations}/{registration}", {"status": "revoked"})
    world.ask("GET", f"/v3/apis/{world.ids.api_id}/registrations")
    world.ask("DELETE", f"{registrations}/{registration}", status=204)
    world.ask("DELETE", f"{registrations}/{UNKNOWN}", status=404)
    world.ask("DELETE", one, status=204)
