"""The Portal API of mock Konnect, as a developer uses it: account, session, APIs, applications, registrations."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.curity.http import CurityHttp
from dcrproof.mocks.curity.setup import how_to_configuration
from dcrproof.mocks.curity.state import Curity
from dcrproof.mocks.konnect.portal import PortalHttp
from dcrproof.mocks.konnect.setup import Setup, how_to_setup
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.messages import Call, Request, Response, perform

CURITY = "https://curity.test"
ISSUER = f"{CURITY}/oauth/v2/oauth-anonymous/.well-known/openid-configuration"
TOKEN = "kpat_for-tests"
EMAIL, PASSWORD = "dev@example.com", "P@ssword123!"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
OTHER_EMAIL = "other@example.com"


class World:
    """Konnect in front of mock Curity, set up as the how-to says."""

    def __init__(self) -> None:
        clock = Clock()
        registrar = ("konnect-registrar", "registrar-secret")
        configuration = how_to_configuration(registrar, ("introspector", "introspector-secret"))
        self.curity = CurityHttp(
            Curity(clock=clock, seed=5, base_url=CURITY, configuration=configuration, admin=("admin", "admin-secret"))
        )
        self.clients: dict[str, str] = {}  # what Curity holds for Konnect: client id, secret
        self.calls = 0
        self.clock = clock
        self.konnect = Konnect(
            clock=clock, seed=7, token=TOKEN, portal_host=lambda portal_id: f"{portal_id}.portal.test:8000"
        )
        self.ids: Setup = how_to_setup(
            self.konnect,
            issuer=ISSUER,
            registrar_id=registrar[0],
            registrar_secret=registrar[1],
            upstream_url="http://upstream.test",
            developer=(EMAIL, PASSWORD),
        )
        self.portal = PortalHttp(self.konnect)
        self.cookie = ""

    def network(self, call: Call) -> Response:
        self.calls += 1
        path = call.url.removeprefix(CURITY)
        headers = tuple((name.lower(), value) for name, value in call.headers)
        response = perform(self.curity.handle(Request(call.method, path, path, "", headers, call.body)), self.network)
        if call.method == "DELETE" and response.status == 204:
            del self.clients[path.rpartition("/")[2]]
        elif b'"registration_client_uri"' in response.body:
            self.clients[response.json()["client_id"]] = response.json()["client_secret"]
        return response

    def ask(self, method: str, path: str, body: Any = None, *, host: str | None = None, query: str = "") -> Response:
        """As a browser would, with the cookies that it holds."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = [("host", host or self.ids.portal_domain), ("content-type", "application/json")]
        if self.cookie:
            headers.append(("cookie", self.cookie))
        target = "/api/v3" + path
        return perform(self.portal.handle(Request(method, target, target, query, tuple(headers), raw)), self.network)

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> "World":
        response = self.ask("POST", "/developer/authenticate", {"username": email, "password": password})
        assert response.status == 204, response
        self.cookie = "; ".join(value.partition(";")[0] for name, value in response.headers if name == "set-cookie")
        return self

    def another_developer(self) -> None:
        body = {"email": OTHER_EMAIL, "full_name": "Other"}
        made = self.konnect.developers.create(self.ids.portal_id, body)
        self.konnect.accounts.set_password(made.id, PASSWORD)

    def application(self, name: str = "app", **more: Any) -> dict[str, Any]:
        body = {"name": name, "auth_strategy_id": self.ids.strategy_id, **more}
        response = self.ask("POST", "/applications", body)
        assert response.status == 201, response
        made: dict[str, Any] = response.json()
        return made

    def set_portal(self, **settings: Any) -> None:
        self.konnect.portals.patch(self.ids.portal_id, settings)

    def mailed_token(self) -> str:
        return str(re.findall("token=(.*)", self.konnect.accounts.mail[-1]["text"])[0])


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def signed_in(world: World) -> World:
    return world.sign_in()


def faults(response: Response) -> list[tuple[str, str | None]]:
    """Field and rule of each invalid parameter of a 400."""
    assert response.status == 400, response
    assert response.header("content-type") == "application/problem+json"
    return [(one["field"], one.get("rule")) for one in response.json()["invalid_parameters"]]


# --- portals ---


def test_portals_are_told_apart_by_host(world: World) -> None:
    other = world.konnect.portals.create({"name": "other", "display_name": "Other"})
    assert world.ask("GET", "/portal").json()["name"] == "Developers"
    assert world.ask("GET", "/portal", host=other.canonical_domain.upper()).json()["portal_id"] == other.id
    assert world.ask("GET", "/portal", host="elsewhere.test").status == 404
    world.sign_in()
    assert world.ask("GET", "/developer/me").status == 200
    assert world.ask("GET", "/developer/me", host=other.canonical_domain).status == 401


def test_a_portal_without_authentication_has_no_developers(signed_in: World) -> None:
    signed_in.set_portal(authentication_enabled=False)
    assert signed_in.ask("GET", "/portal").json()["authentication_enabled"] is False
    assert signed_in.ask("GET", "/apis").json()["meta"]["page"]["total"] == 1
    for method, path in (
        ("GET", "/applications"),
        ("POST", "/applications"),
        ("GET", "/application-auth-strategies"),
        ("GET", f"/applications/{UNKNOWN}/registrations"),
        ("GET", "/developer/me"),
        ("POST", "/developer"),
        ("POST", "/developer/authenticate"),
        ("POST", "/developer/refresh"),
    ):
        assert signed_in.ask(method, path, {}).status == 404, path


def test_pages(world: World) -> None:
    world.konnect.pages.create(world.ids.portal_id, {"slug": "/draft", "content": "x"})
    hidden = {"slug": "/in", "content": "x", "visibility": "private", "status": "published"}
    world.konnect.pages.create(world.ids.portal_id, hidden)
    assert [page["slug"] for page in world.ask("GET", "/pages").json()["data"]] == ["/"]
    assert [page["slug"] for page in world.sign_in().ask("GET", "/pages").json()["data"]] == ["/", "/in"]
    (home, _) = world.ask("GET", "/pages").json()["data"]
    assert {name: value for name, value in home.items() if name not in {"created_at", "updated_at"}} == {
        "id": world.ids.page_id,
        "slug": "/",
        "title": "Home",
        "visibility": "public",
        "parent_page_id": None,
        "children": [],
    }


# --- accounts ---


def test_from_sign_up_to_session(world: World) -> None:
    world.set_portal(auto_approve_developers=False)
    assert world.ask("POST", "/developer", {"email": "New@example.com", "full_name": "New"}).status == 201
    (mail,) = world.konnect.accounts.mail
    assert (mail["to"], mail["subject"]) == ("New@example.com", "Please confirm your email address")
    assert mail["at"] <= world.clock.now()
    verified = world.ask("POST", "/developer/verify-email", {"token": world.mailed_token()})
    assert (verified.status, verified.json()["email"]) == (202, "New@example.com")
    body = {"token": verified.json()["token"], "password": PASSWORD}
    assert world.ask("POST", "/developer/reset-password", body).status == 204
    credentials = {"username": "new@example.com", "password": PASSWORD}
    pending = world.ask("POST", "/developer/authenticate", credentials)
    assert (pending.status, pending.json()["title"]) == (401, "Approval Required")
    developer = world.konnect.developers.with_email(world.ids.portal_id, "new@example.com")
    assert developer is not None
    world.konnect.developers.patch(world.ids.portal_id, developer.id, {"status": "approved"})
    assert world.sign_in("new@example.com").ask("GET", "/developer/me").json()["email"] == "New@example.com"


def test_a_mailed_token_works_once_and_not_for_long(world: World) -> None:
    world.ask("POST", "/developer", {"email": "new@example.com", "full_name": "New"})
    token = world.mailed_token()
    reset = {"token": token, "password": PASSWORD}
    assert world.ask("POST", "/developer/reset-password", reset).status == 404  # it is for another purpose
    assert world.ask("POST", "/developer/verify-email", {"token": token}).status == 202
    assert world.ask("POST", "/developer/verify-email", {"token": token}).status == 404
    world.ask("POST", "/developer/forgot-password", {"email": "new@example.com"})
    world.clock.advance(24 * 3600)
    expired = world.ask("POST", "/developer/reset-password", {"token": world.mailed_token(), "password": PASSWORD})
    assert (expired.status, expired.json()["detail"]) == (410, "The token has expired")
    malformed = world.ask("POST", "/developer/verify-email", {"token": "x"})
    assert (malformed.status, malformed.json()["detail"]) == (400, "The provided token is invalid")


def test_a_weak_password_spends_no_token(world: World) -> None:
    world.ask("POST", "/developer/forgot-password", {"email": EMAIL})
    token = world.mailed_token()
    weak = world.ask("POST", "/developer/reset-password", {"token": token, "password": "password"})
    assert [rule for _, rule in faults(weak)] == ["min_digits", "min_uppercase", "min_symbols"]
    world.sign_in()
    new = {"token": token, "password": "An0ther-password"}
    assert world.ask("POST", "/developer/reset-password", new).status == 204
    assert world.ask("GET", "/developer/me").status == 401  # the old session is gone
    world.sign_in(password="An0ther-password")


def test_forgot_password_does_not_tell_who_exists(world: World) -> None:
    assert world.ask("POST", "/developer/forgot-password", {"email": "nobody@example.com"}).status == 200
    assert world.konnect.accounts.mail == []


def test_an_invited_developer_sets_a_password(world: World) -> None:
    body = {"email": "new@example.com", "full_name": "New", "send_invitation_email": True}
    world.konnect.developers.create(world.ids.portal_id, body)
    reset = {"token": world.mailed_token(), "password": PASSWORD}
    assert world.ask("POST", "/developer/reset-password", reset).status == 204
    world.sign_in("new@example.com")


def test_sign_up_twice(world: World) -> None:
    assert world.ask("POST", "/developer", {"email": EMAIL.upper(), "full_name": "Again"}).status == 409
    assert faults(world.ask("POST", "/developer", {"email": "a@b.c"})) == [("full_name", "required")]


# --- sessions ---


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, ["username", "password"]),
        ({"username": EMAIL}, ["password"]),
        ({"username": 1, "password": ""}, None),
        ([], None),
    ],
)
def test_missing_credentials(world: World, body: Any, expected: list[str] | None) -> None:
    response = world.ask("POST", "/developer/authenticate", body)
    assert (response.status, response.json()["detail"]) == (400, "Required fields are missing")
    entries = response.json()["invalid_parameters"]
    assert entries == [{"field": name, "reason": "is required"} for name in expected or ["username", "password"]]


@pytest.mark.parametrize("credentials", [(EMAIL, "wrong"), ("nobody@example.com", PASSWORD), (OTHER_EMAIL, PASSWORD)])
def test_wrong_credentials(world: World, credentials: tuple[str, str]) -> None:
    world.konnect.developers.create(world.ids.portal_id, {"email": OTHER_EMAIL, "full_name": "without a password"})
    body = dict(zip(("username", "password"), credentials, strict=True))
    response = world.ask("POST", "/developer/authenticate", body)
    assert (response.status, response.json()["title"]) == (401, "Invalid Credentials")
    assert response.header("set-cookie") is None


@pytest.mark.parametrize(("fits", "path"), [(False, "/v2/refresh"), (True, "/api/v3/developer/refresh")])
def test_the_cookies_are_those_of_the_document(world: World, fits: bool, path: str) -> None:
    driver = world.konnect.driver
    driver.switches = replace(driver.switches, refresh_cookie_reaches_its_endpoint=fits)
    body = {"username": EMAIL, "password": PASSWORD}
    access, refresh = (value for _, value in world.ask("POST", "/developer/authenticate", body).headers)
    domain = world.ids.portal_domain.partition(":")[0]
    tail = rf"Domain={domain}; Expires=[^;]+ GMT; HttpOnly; Secure; SameSite=None"
    assert re.fullmatch(rf"portalaccesstoken=[\w.-]+; Path=/; {tail}", access)
    assert re.fullmatch(rf"portalrefreshtoken=[\w-]+; Path={path}; {tail}", refresh)


def test_a_session_ends(world: World) -> None:
    world.sign_in()
    world.clock.advance(3599)
    assert world.ask("GET", "/developer/me").status == 200
    world.clock.advance(2)
    assert world.ask("GET", "/developer/me").status == 401
    assert world.ask("GET", "/apis").status == 401  # an invalid cookie differs from no cookie
    renewed = world.ask("POST", "/developer/refresh")
    assert renewed.status == 204
    assert world.ask("POST", "/developer/refresh").status == 401
    world.cookie = (renewed.header("set-cookie") or "").partition(";")[0]
    assert world.ask("GET", "/developer/me").status == 200
    assert world.ask("POST", "/developer/logout").status == 204
    assert world.ask("GET", "/developer/me").status == 401


def test_a_session_ends_with_the_approval(signed_in: World) -> None:
    ids = signed_in.ids
    signed_in.konnect.developers.patch(ids.portal_id, ids.developer_id, {"status": "revoked"})
    assert signed_in.ask("GET", "/developer/me").status == 401
    assert signed_in.ask("POST", "/developer/refresh").status == 401


def test_a_forged_token_is_no_session(signed_in: World) -> None:
    token = signed_in.cookie.partition(";")[0].partition("=")[2]
    claims = jwt.decode(token, signed_in.konnect.accounts._key).claims
    assert claims["sub"] == signed_in.ids.developer_id
    forged = jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key("another key, just as long as this"))
    for value in (forged, token[:-1], token + "x", "", "a.b.c"):
        signed_in.cookie = f"portalaccesstoken={value}"
        assert signed_in.ask("GET", "/developer/me").status == 401


# --- APIs ---


def test_apis_by_id_and_slug(world: World) -> None:
    for name in (world.ids.api_id, world.ids.api_id.upper(), "accounts-1"):
        api = world.ask("GET", f"/apis/{name}").json()
        assert (api["id"], api["visibility"]) == (world.ids.api_id, "public")
        assert [one["name"] for one in api["auth_strategies"]] == ["Curity"]
    assert b"dcr" not in world.ask("GET", "/apis").body.lower()


def test_a_private_api_is_for_developers(world: World) -> None:
    private = {"visibility": "private", "auth_strategy_ids": [world.ids.strategy_id]}
    world.konnect.catalog.publish(world.ids.api_id, world.ids.portal_id, private)
    assert world.ask("GET", f"/apis/{world.ids.api_id}").status == 404
    assert world.ask("GET", "/apis").json()["data"] == []
    world.sign_in()
    assert world.ask("GET", f"/apis/{world.ids.api_id}").status == 200
    world.set_portal(rbac_enabled=True)
    assert world.ask("GET", f"/apis/{world.ids.api_id}").status == 404


def test_actions(world: World) -> None:
    path = f"/apis/{world.ids.api_id}/actions"
    assert world.ask("GET", path).json()["actions"] == {"view": True, "register": False, "view_documentation": True}
    assert world.sign_in().ask("GET", path).json()["actions"]["register"] is True
    world.konnect.catalog.publish(
        world.ids.api_id, world.ids.portal_id, {"visibility": "public", "auth_strategy_ids": None}
    )
    assert world.ask("GET", path).json()["actions"]["register"] is False


def test_the_strategies_of_the_portal(signed_in: World) -> None:
    (offered,) = signed_in.ask("GET", "/application-auth-strategies").json()["data"]
    assert offered == {
        "id": signed_in.ids.strategy_id,
        "name": "Curity",
        "credential_type": "client_credentials",
        "auth_methods": ["client_credentials", "bearer", "session"],
        "supports_multiple_credentials": False,
    }
    none = signed_in.ask("GET", "/application-auth-strategies", query="filter[credential_type][eq]=key_auth")
    assert none.json()["data"] == []
    signed_in.konnect.catalog.unpublish(signed_in.ids.api_id, signed_in.ids.portal_id)
    assert signed_in.ask("GET", "/application-auth-strategies").json()["data"] == []


# --- what a developer is shown ---

TIMES = {"id", "created_at", "updated_at"}


def test_each_member_of_an_application_is_shown_as_it_was_given(signed_in: World) -> None:
    given = {"name": "app", "description": "d", "redirect_uri": "https://app.test/cb"}
    made = signed_in.application(**given)
    offered = signed_in.ask("GET", "/application-auth-strategies").json()["data"][0]
    rest = {"auth_strategy": offered, "scopes": [], "team_id": None}
    for shown in (made, signed_in.ask("GET", f"/applications/{made['id']}").json()):
        members = {name: shown[name] for name in shown.keys() - TIMES - {"client_id", "client_secret"}}
        assert members == {**given, **rest}
        assert shown["client_id"] in signed_in.clients
    for name, value in (("name", "new"), ("description", "other"), ("redirect_uri", None)):
        changed = signed_in.ask("PATCH", f"/applications/{made['id']}", {name: value}).json()
        given = {**given, name: value}
        assert {member: changed[member] for member in given} == given


def test_each_member_of_what_an_application_is_registered_for_is_shown(signed_in: World) -> None:
    ids = signed_in.ids
    api = {"name": "Own API", "version": "2", "description": "d", "slug": "own", "attributes": {"a": ["b"]}}
    signed_in.konnect.catalog.patch_api(ids.api_id, api)
    shown = signed_in.ask("GET", f"/apis/{ids.api_id}").json()
    assert {name: shown[name] for name in api} == api
    (offered,) = shown["auth_strategies"]
    assert offered["id"] == ids.strategy_id
    assert shown["visibility"] == signed_in.konnect.tables.publications[ids.api_id, ids.portal_id].visibility
    versions = signed_in.ask("GET", f"/apis/{ids.api_id}/versions").json()["data"]
    assert [one["id"] for one in shown["specifications"]] == [one["id"] for one in versions]
    made = signed_in.application()
    path = f"/applications/{made['id']}/registrations"
    registered = signed_in.ask("POST", path, {"api_id": ids.api_id}).json()
    assert {name: registered[name] for name in registered.keys() - TIMES} == {
        "status": "approved",
        "application_id": made["id"],
        "api_id": ids.api_id,
        "api_name": "Own API",
        "api_slug": "own",
    }
    assert signed_in.ask("GET", f"{path}/{registered['id']}").json() == registered
    assert signed_in.ask("GET", path).json()["data"] == [registered]


def test_each_member_of_the_portal_and_of_the_developer_is_shown(signed_in: World) -> None:
    assert signed_in.ask("GET", "/portal").json() == {
        "portal_id": signed_in.ids.portal_id,
        "org_id": signed_in.konnect.organization_id,
        "name": "Developers",
        "canonical_domain": signed_in.ids.portal_domain,
        "basic_auth_enabled": True,
        "oidc_auth_enabled": False,
        "saml_auth_enabled": False,
        "authentication_enabled": True,
        "rbac_enabled": False,
    }
    me = signed_in.ask("GET", "/developer/me").json()
    held = signed_in.konnect.tables.developers[signed_in.ids.developer_id]
    assert {name: me[name] for name in ("id", "email", "full_name")} == {
        "id": held.id,
        "email": EMAIL,
        "full_name": held.full_name,
    }


# --- applications ---


def test_the_secret_is_shown_once(signed_in: World) -> None:
    made = signed_in.application("My app")
    path = f"/applications/{made['id']}"
    assert signed_in.clients == {made["client_id"]: made["client_secret"]}
    assert (made["scopes"], made["team_id"], made["redirect_uri"]) == ([], None, None)
    shown = {key: value for key, value in made.items() if key != "client_secret"}
    assert signed_in.ask("GET", path).json() == shown
    assert signed_in.ask("GET", "/applications").json()["data"] == [shown]
    assert made["client_secret"] not in repr(vars(signed_in.konnect))
    regenerated = signed_in.ask("POST", path + "/regenerate-secret")
    assert regenerated.status == 201
    assert signed_in.clients == {made["client_id"]: regenerated.json()["client_secret"]}
    assert regenerated.json()["client_secret"] != made["client_secret"]
    assert "client_secret" not in signed_in.ask("PATCH", path, {"name": "new"}).json()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("name", "required")]),
        ({"name": "x" * 256}, [("name", "max_length")]),
        ({"name": "a", "secret": "b"}, [("secret", "unknown_property")]),
        ({"name": "a", "auth_strategy_id": "b"}, [("auth_strategy_id", "is_uuid")]),
        ({"name": "a", "redirect_uri": None}, [("redirect_uri", "is_string")]),
        ({"name": "a", "redirect_uri": "nowhere"}, [("redirect_uri", "invalid")]),
        ({"name": "a", "auth_strategy_id": None}, [("auth_strategy_id", "invalid")]),
        ({"name": "a", "client_id": "mine"}, [("client_id", "invalid")]),
        ({"name": "a", "scopes": ["read"]}, [("scopes", "invalid")]),
        ({"name": "a", "team_id": UNKNOWN}, [("team_id", "missing_reference")]),
    ],
)
def test_an_application_is_checked(signed_in: World, body: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    given_strategy = {} if "auth_strategy_id" in body else {"auth_strategy_id": signed_in.ids.strategy_id}
    assert faults(signed_in.ask("POST", "/applications", {**given_strategy, **body})) == expected
    assert (signed_in.calls, signed_in.konnect.tables.applications) == (0, {})


def test_the_default_strategy_of_the_portal(signed_in: World) -> None:
    signed_in.set_portal(default_application_auth_strategy_id=signed_in.ids.strategy_id)
    made = signed_in.ask("POST", "/applications", {"name": "a"})
    assert made.json()["auth_strategy"]["id"] == signed_in.ids.strategy_id


def test_a_strategy_of_no_use_here_is_not_found(signed_in: World) -> None:
    konnect = signed_in.konnect
    held = konnect.tables.strategies[signed_in.ids.strategy_id]
    other = replace(held, id=UNKNOWN)
    konnect.tables.strategies[other.id] = other
    for strategy_id in (other.id, UNKNOWN[:-1] + "1"):
        assert signed_in.ask("POST", "/applications", {"name": "a", "auth_strategy_id": strategy_id}).status == 404


def test_names_are_unique_to_a_developer(signed_in: World) -> None:
    first, second = signed_in.application("a"), signed_in.application("b")
    body = {"name": "a", "auth_strategy_id": signed_in.ids.strategy_id}
    assert signed_in.ask("POST", "/applications", body).status == 409
    assert signed_in.ask("PATCH", f"/applications/{second['id']}", {"name": "a"}).status == 409
    assert signed_in.ask("PATCH", f"/applications/{first['id']}", {"name": "a"}).status == 200
    signed_in.ask("PATCH", f"/applications/{first['id']}", {"name": "c"})
    signed_in.application("a")
    signed_in.another_developer()
    signed_in.sign_in(OTHER_EMAIL).application("a")


def test_another_developers_application_is_not_found(signed_in: World) -> None:
    made = signed_in.application()
    signed_in.another_developer()
    signed_in.sign_in(OTHER_EMAIL)
    path = f"/applications/{made['id']}"
    calls = signed_in.calls
    for method, suffix in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/regenerate-secret"),
        ("POST", "/registrations"),
        ("GET", "/registrations"),
        ("GET", "/granted-scopes"),
    ):
        assert signed_in.ask(method, path + suffix, {"api_id": signed_in.ids.api_id}).status == 404
    assert (signed_in.calls, signed_in.ask("GET", "/applications").json()["data"]) == (calls, [])


def test_500_applications_are_enough(signed_in: World) -> None:
    names = {f"app {number}": UNKNOWN for number in range(500)}
    signed_in.konnect.tables.applications_of[signed_in.ids.developer_id] = names
    response = signed_in.ask("POST", "/applications", {"name": "a", "auth_strategy_id": signed_in.ids.strategy_id})
    assert (response.status, signed_in.calls) == (403, 0)


def test_a_failing_provider_is_told_without_its_secret(signed_in: World) -> None:
    wrong = {"dcr_config": {"initial_client_secret": "wrong-secret-of-the-registrar"}}
    signed_in.konnect.auth.patch_provider(signed_in.ids.provider_id, wrong)
    body = {"name": "a", "auth_strategy_id": signed_in.ids.strategy_id}
    response = signed_in.ask("POST", "/applications", body)
    assert faults(response) == [("auth_strategy_id", "invalid")]
    assert response.json()["detail"] == "Unable to create the DCR application"
    assert "401 invalid_client" in response.json()["invalid_parameters"][0]["reason"]
    assert b"wrong-secret" not in response.body
    assert signed_in.ask("GET", "/applications").json()["data"] == []


def test_deleting_an_application(signed_in: World) -> None:
    made = signed_in.application()
    signed_in.ask("POST", f"/applications/{made['id']}/registrations", {"api_id": signed_in.ids.api_id})
    assert signed_in.ask("DELETE", f"/applications/{made['id']}").status == 204
    assert (signed_in.clients, signed_in.konnect.tables.registrations) == ({}, {})
    assert not signed_in.konnect.push.configuration.applications
    assert signed_in.ask("DELETE", f"/applications/{made['id']}").status == 404


def test_self_managed_oidc_takes_the_developers_client_id(signed_in: World) -> None:
    signed_in.konnect.auth.patch_strategy(signed_in.ids.strategy_id, {"dcr_provider_id": None})
    body = {"name": "a", "auth_strategy_id": signed_in.ids.strategy_id}
    assert faults(signed_in.ask("POST", "/applications", body)) == [("client_id", "invalid")]
    made = signed_in.ask("POST", "/applications", {**body, "client_id": "mine"}).json()
    assert made["auth_strategy"]["credential_type"] == "self_managed_client_credentials"
    assert "client_secret" not in made
    assert signed_in.calls == 0
    again = signed_in.ask("POST", "/applications", {**body, "name": "b", "client_id": "mine"})
    assert (again.status, again.json()["detail"]) == (409, "Reference ID must be unique")
    assert faults(signed_in.ask("POST", f"/applications/{made['id']}/regenerate-secret")) == [
        ("applicationId", "invalid")
    ]
    changed = signed_in.ask("PATCH", f"/applications/{made['id']}", {"client_id": "other"})
    assert changed.json()["client_id"] == "other"
    assert [one.client_id for one in signed_in.konnect.push.configuration.applications.values()] == ["other"]


def test_what_curity_does_not_offer(signed_in: World) -> None:
    path = f"/applications/{signed_in.application()['id']}"
    scopes = signed_in.ask("GET", path + "/granted-scopes")
    assert (scopes.status, scopes.json()["title"]) == (422, "Unsupported IDP")
    assert signed_in.ask("POST", path + "/credentials", {}).status == 400
    assert signed_in.ask("DELETE", f"{path}/credentials/x").status == 400


# --- registrations ---


@pytest.mark.parametrize(
    ("portal", "publication", "status"),
    [(True, True, "approved"), (True, False, "approved"), (False, True, "approved"), (False, False, "pending")],
)
def test_approval_of_registrations(signed_in: World, portal: bool, publication: bool, status: str) -> None:
    ids = signed_in.ids
    signed_in.set_portal(auto_approve_applications=portal)
    body = {"visibility": "public", "auth_strategy_ids": [ids.strategy_id], "auto_approve_registrations": publication}
    signed_in.konnect.catalog.publish(ids.api_id, ids.portal_id, body)
    path = f"/applications/{signed_in.application()['id']}/registrations"
    made = signed_in.ask("POST", path, {"api_id": ids.api_id})
    assert (made.status, made.json()["status"]) == (201, status)
    (pushed,) = signed_in.konnect.push.configuration.applications.values()
    assert pushed.apis == ((ids.api_id,) if status == "approved" else ())


def test_registrations(signed_in: World) -> None:
    ids = signed_in.ids
    application = signed_in.application()
    path = f"/applications/{application['id']}/registrations"
    made = signed_in.ask("POST", path, {"api_id": ids.api_id.upper()}).json()
    assert (made["api_name"], made["api_slug"]) == ("accounts", "accounts-1")
    again = signed_in.ask("POST", path, {"api_id": ids.api_id})
    assert (again.status, again.json()["detail"]) == (409, "API is already registered to the application")
    assert signed_in.ask("POST", path, {"api_id": UNKNOWN}).status == 404
    assert faults(signed_in.ask("POST", path, {"api_id": "x"})) == [("api_id", "is_uuid")]
    assert faults(signed_in.ask("POST", path, {})) == [("api_id", "required")]
    assert signed_in.ask("GET", path, query="filter[status]=approved").json()["data"] == [made]
    assert signed_in.ask("GET", path, query="filter[status][eq]=revoked").json()["data"] == []
    (registered,) = signed_in.ask("GET", f"/apis/{ids.api_id}/applications").json()["data"]
    assert (registered["registration_id"], registered["registration_status"]) == (made["id"], "approved")
    assert signed_in.ask("DELETE", f"{path}/{made['id']}").status == 204
    assert signed_in.ask("GET", f"{path}/{made['id']}").status == 404
    unregistered = signed_in.ask("GET", f"/apis/{ids.api_id}/applications", query="unregistered=true").json()["data"]
    assert [one["id"] for one in unregistered] == [application["id"]]
    assert signed_in.ask("POST", path, {"api_id": ids.api_id}).json()["id"] != made["id"]


def test_an_api_with_another_strategy_is_refused(signed_in: World) -> None:
    ids = signed_in.ids
    path = f"/applications/{signed_in.application()['id']}/registrations"
    signed_in.konnect.catalog.publish(ids.api_id, ids.portal_id, {"visibility": "public", "auth_strategy_ids": None})
    assert faults(signed_in.ask("POST", path, {"api_id": ids.api_id})) == [("api_id", "invalid")]


def test_a_registration_needs_no_implementation(signed_in: World) -> None:
    ids = signed_in.ids
    signed_in.konnect.catalog.delete_implementation(ids.api_id, ids.implementation_id)
    path = f"/applications/{signed_in.application()['id']}/registrations"
    assert signed_in.ask("POST", path, {"api_id": ids.api_id}).json()["status"] == "approved"


def test_a_rule_can_be_turned_off_on_one_instance(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.konnect.developers, "may_sign_in", lambda _: True)
    world.konnect.developers.patch(world.ids.portal_id, world.ids.developer_id, {"status": "revoked"})
    world.sign_in()


# --- whatever arrives ---

TEXT = st.text(st.characters(codec="latin-1"), max_size=12)
WORLD = World()


REQUESTS = st.tuples(
    st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "BREW"]),
    st.sampled_from([template for _, template, _ in WORLD.portal.routes.table]) | TEXT,
    TEXT | st.just("page[size]=x&sort=,&filter[=&filter[name][eq]=%ff"),
)
BODIES = st.binary(max_size=20) | st.dictionaries(
    st.sampled_from(["token", "password", "username", "email", "name", "api_id"]), st.none() | st.text()
).map(lambda members: json.dumps(members).encode())
HEADERS = st.lists(st.tuples(st.sampled_from(["cookie", "host", "content-type", "x"]), TEXT), max_size=4).map(tuple)


@settings(max_examples=300, deadline=None)
@given(REQUESTS, HEADERS, BODIES)
def test_no_request_breaks_the_portal(
    request: tuple[str, str, str], headers: tuple[tuple[str, str], ...], body: bytes
) -> None:
    method, path, query = request
    before = {name: dict(held) for name, held in vars(WORLD.konnect).items() if isinstance(held, dict)}
    own = (("host", WORLD.ids.portal_domain), ("content-type", "application/json"))
    for sent in ((*headers, *own), own, (*own, *headers)):
        response = perform(WORLD.portal.handle(Request(method, path, path, query, sent, body)), WORLD.network)
        assert response.status < 500
        if response.status >= 400:
            after = {name: dict(held) for name, held in vars(WORLD.konnect).items() if isinstance(held, dict)}
            assert (after, WORLD.calls) == (before, 0)


@pytest.mark.parametrize(("held", "status"), [(499, 201), (500, 403)])
def test_a_developer_has_500_applications_at_most(signed_in, held, status):
    """app/dev-portal/self-service.md, "Limitations"."""
    signed_in.konnect.tables.applications_of[signed_in.ids.developer_id] = {
        f"app-{number}": UNKNOWN for number in range(held)
    }
    body = {"name": "another", "auth_strategy_id": signed_in.ids.strategy_id}
    assert signed_in.ask("POST", "/applications", body).status == status


def test_an_application_whose_client_is_the_developers_is_changed(signed_in):
    signed_in.konnect.auth.patch_strategy(signed_in.ids.strategy_id, {"dcr_provider_id": None})
    made, other = (signed_in.application(name, client_id=f"client-{name}") for name in ("one", "other"))
    path = f"/applications/{made['id']}"
    assert signed_in.ask("PATCH", path, {"name": "renamed"}).status == 200
    assert signed_in.ask("PATCH", path, {"name": "other"}).status == 409
    assert signed_in.ask("PATCH", path, {"client_id": other["client_id"]}).status == 409
    assert signed_in.ask("PATCH", path, {"client_id": "client-one", "name": "again"}).status == 200
    assert signed_in.ask("PATCH", path, {"client_id": "client-two"}).json()["client_id"] == "client-two"
    assert signed_in.application("third", client_id="client-one")["client_id"] == "client-one"


@pytest.mark.parametrize(
    ("status", "title"),
    [(400, "Invalid Request"), (409, "Conflict"), (500, "Internal Server Error"), (502, "Bad Gateway")],
)
def test_a_failure_of_curity_has_the_status_of_a_switch(signed_in, status, title):
    driver = signed_in.konnect.applications.driver
    driver.switches = replace(driver.switches, provider_failure=status)
    signed_in.konnect.auth.patch_provider(signed_in.ids.provider_id, {"dcr_config": {"initial_client_secret": "wrong"}})
    answer = signed_in.ask("POST", "/applications", {"name": "app", "auth_strategy_id": signed_in.ids.strategy_id})
    assert (answer.status, answer.json()["title"]) == (status, title)


def test_an_application_without_a_client_is_renamed(signed_in):
    asked = {"name": "k", "display_name": "K", "strategy_type": "key_auth", "configs": {"key-auth": {}}}
    made = signed_in.konnect.auth.create_strategy(asked)
    signed_in.set_portal(default_application_auth_strategy_id=made.id)
    path = f"/applications/{signed_in.application('one', auth_strategy_id=made.id)['id']}"
    assert signed_in.ask("PATCH", path, {"name": "other"}).json()["name"] == "other"
