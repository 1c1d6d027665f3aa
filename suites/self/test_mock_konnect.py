"""The admin API of mock Konnect, its objects, and what it pushes to the data planes."""

import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrproof.mocks import data_plane
from dcrproof.mocks.clock import Clock
from dcrproof.mocks.curity.http import CurityHttp
from dcrproof.mocks.curity.setup import how_to_configuration
from dcrproof.mocks.curity.state import Curity
from dcrproof.mocks.konnect.admin import KonnectHttp
from dcrproof.mocks.konnect.objects import Application, Registration
from dcrproof.mocks.konnect.portal import PortalHttp
from dcrproof.mocks.konnect.problems import Problem
from dcrproof.mocks.konnect.setup import Setup, how_to_setup
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.messages import Call, Calls, Request, Response, perform

CURITY = "https://curity.test"
ISSUER = f"{CURITY}/oauth/v2/oauth-anonymous/.well-known/openid-configuration"
TOKEN = "kpat_for-tests"
EMAIL, PASSWORD = "dev@example.com", "P@ssword123!"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


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
        self.admin = KonnectHttp(self.konnect)
        self.portal = PortalHttp(self.konnect)

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

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Response:
        """The admin API; a `body` of bytes is sent as it is."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = (("authorization", f"Bearer {TOKEN}"), ("content-type", "application/json"))
        target, _, given = path.partition("?")
        request = Request(method, target, target, urlencode(query) or given, headers, raw)
        return perform(self.admin.handle(request), self.network)

    def run(self, calls: Calls | Any) -> Any:
        """What a state method that makes calls gives in the end."""
        try:
            call = next(calls)
            while True:
                call = calls.send(self.network(call))
        except StopIteration as stop:
            return stop.value

    def application(self, name: str = "app", developer_id: str | None = None) -> tuple[Any, str]:
        body = {"name": name, "auth_strategy_id": self.ids.strategy_id}
        made: tuple[Any, str] = self.run(
            self.konnect.applications.create(self.ids.portal_id, developer_id or self.ids.developer_id, body)
        )
        return made

    def provider(self, **changes: Any) -> dict[str, Any]:
        config = {"initial_client_id": "a", "initial_client_secret": "b"}
        return {"name": "p", "provider_type": "curity", "issuer": ISSUER, "dcr_config": config, **changes}

    def strategy(self, **config: Any) -> dict[str, Any]:
        values = {"issuer": ISSUER, "credential_claim": ["sub"], "scopes": [], "auth_methods": ["bearer"], **config}
        return {
            "name": "s",
            "display_name": "S",
            "strategy_type": "openid_connect",
            "configs": {"openid-connect": values},
        }


@pytest.fixture
def world() -> World:
    return World()


def faults(response: Response) -> list[tuple[str, str | None]]:
    """Field and rule of each invalid parameter of a 400."""
    assert response.status == 400, response
    assert response.header("content-type") == "application/problem+json"
    return [(one["field"], one.get("rule")) for one in response.json()["invalid_parameters"]]


# --- the face ---


@pytest.mark.parametrize("headers", [(), (("authorization", "Bearer nope"),), (("authorization", f"Basic {TOKEN}"),)])
def test_without_the_token_nothing_is_told(world: World, headers: tuple[tuple[str, str], ...]) -> None:
    for path in ("/v2/dcr-providers", "/v3/portals", "/nothing"):
        response = perform(world.admin.handle(Request("GET", path, headers=headers)), world.network)
        assert (response.status, response.json()["title"]) == (401, "Unauthorized")


def test_the_gateways_entities_refuse_in_words_of_their_own(world: World) -> None:
    """control-planes-config v2, HTTP401Error."""
    path = f"/v2/control-planes/{world.ids.control_plane_id}/core-entities/services"
    response = perform(world.admin.handle(Request("GET", path)), world.network)
    assert (response.status, response.json()) == (401, {"message": "Unauthorized", "status": 401})


def test_a_problem_has_a_trace(world: World) -> None:
    first, second = (world.ask("GET", f"/v2/dcr-providers/{UNKNOWN}") for _ in range(2))
    assert first.header("content-type") == "application/problem+json"
    assert re.fullmatch(r"kong:trace:\d+", first.json()["instance"])
    assert first.json()["instance"] != second.json()["instance"]
    assert {key: first.json()[key] for key in ("status", "title", "detail")} == {
        "status": 404,
        "title": "Not Found",
        "detail": "dcr provider not found",
    }


def test_another_method_is_not_allowed(world: World) -> None:
    response = world.ask("PUT", f"/v2/dcr-providers/{world.ids.provider_id}", {})
    assert (response.status, response.header("allow")) == (405, "DELETE, GET, PATCH")


def test_the_entities_of_the_gateway_have_their_own_401(world: World) -> None:
    path = f"/v2/control-planes/{world.ids.control_plane_id}/core-entities/services"
    response = perform(world.admin.handle(Request("GET", path)), world.network)
    assert response.json() == {"message": "Unauthorized", "status": 401}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"name":NaN}',
        b'{"name":1e999}',
        b'{"name":"\\ud800"}',
        b'{"name":"\\u0000"}',
        b"[" * 100_000,
        b'{"a":' * 50 + b"1" + b"}" * 50,
        b'{"name":' + b"9" * 5000 + b"}",
        b"null",
        b"[]",
        b'"text"',
    ],
)
@pytest.mark.parametrize("path", ["/v2/dcr-providers", "/v2/application-auth-strategies", "/v3/portals", "/v3/apis"])
def test_what_is_no_json_object_is_refused(world: World, path: str, body: bytes) -> None:
    before = snapshot(world.konnect)
    assert faults(world.ask("POST", path, body))[0][0] == "body"
    assert snapshot(world.konnect) == before


def test_another_media_type_is_refused(world: World) -> None:
    headers = (("authorization", f"Bearer {TOKEN}"), ("content-type", "text/plain"))
    response = perform(world.admin.handle(Request("POST", "/v3/apis", headers=headers, body=b"{}")), world.network)
    assert response.status == 415


def snapshot(konnect: Konnect) -> dict[str, dict[Any, Any]]:
    return {name: dict(held) for name, held in vars(konnect).items() if isinstance(held, dict)}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["curity", "okta", "http", "kongIdentity", "", 1, None]),
    st.dictionaries(
        st.sampled_from(["name", "issuer", "dcr_config", "labels", "display_name", "x"]),
        JSON | st.dictionaries(st.text(max_size=4), JSON, max_size=3),
    ),
)
def test_no_body_breaks_the_mock(provider_type: Any, members: dict[str, Any]) -> None:
    body = json.dumps({"provider_type": provider_type, **members}).encode()
    before = snapshot(WORLD.konnect)
    response = WORLD.ask("POST", "/v2/dcr-providers", body)
    if response.status != 201:
        assert response.status == 400
        assert snapshot(WORLD.konnect) == before


# --- lists ---


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(0, 25), st.sampled_from(["name", "name desc", "created_at", "issuer,name asc"]))
def test_pages_add_up_to_the_list(size: int, count: int, sort: str) -> None:
    world = World()
    for number in range(count):
        world.konnect.auth.create_provider(world.provider(name=f"p{number * 7 % 25:02}"))
    pages = [
        world.ask(
            "GET", "/v2/dcr-providers", sort=sort, **{"page[size]": str(size), "page[number]": str(number)}
        ).json()
        for number in range(1, (count + 1) // size + 3)
    ]
    names = [one["name"] for page in pages for one in page["data"]]
    assert all(page["meta"]["page"]["total"] == count + 1 for page in pages)
    assert sorted(names) == sorted(held.name for held in world.konnect.tables.providers.values())
    if sort.startswith(("name", "issuer")):
        assert names == sorted(names, reverse="desc" in sort)


def test_a_page_has_ten_of_them_by_default(world: World) -> None:
    for number in range(12):
        world.konnect.catalog.create_api({"name": f"api {number}"})
    page = world.ask("GET", "/v3/apis").json()
    assert len(page["data"]) == 10
    assert page["meta"] == {"page": {"number": 1, "size": 10, "total": 13}}


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ({"page[size]": "ten"}, ("page[size]", "is_number")),
        ({"page[size]": "-1"}, ("page[size]", "is_number")),
        ({"page[size]": "0"}, ("page[size]", "min")),
        ({"page[size]": "101"}, ("page[size]", "max")),
        ({"page[number]": "9" * 5000}, ("page[number]", "is_number")),
        ({"sort": "secret"}, ("sort", "enum")),
        ({"sort": "name sideways"}, ("sort", "enum")),
        ({"filter[my_attribute]": "x"}, ("filter[my_attribute]", "unknown_property")),
        ({"filter[name][like]": "x"}, ("filter[name][like]", "unknown_property")),
        ({"filter[": "x"}, ("filter[", "unknown_property")),
    ],
)
def test_a_query_that_means_nothing_is_refused(world: World, query: dict[str, str], fault: tuple[str, str]) -> None:
    assert faults(world.ask("GET", "/v3/portals", **query)) == [fault]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"filter[name]": "one"}, ["one"]),
        ({"filter[name][eq]": "one"}, ["one"]),
        ({"filter[name][neq]": "one"}, ["developers", "two", "three"]),
        ({"filter[name][oeq]": "one,three"}, ["one", "three"]),
        ({"filter[name][contains]": "e"}, ["developers", "one", "three"]),
        ({"filter[name][ocontains]": "w,th"}, ["two", "three"]),
        ({"filter[name][contains]": "e", "filter[authentication_enabled]": "false"}, ["one"]),
        ({"filter[default_application_auth_strategy_id][eq]": "null"}, ["developers", "one", "two", "three"]),
    ],
)
def test_filters(world: World, query: dict[str, str], names: list[str]) -> None:
    for name in ("one", "two", "three"):
        no_default = {"default_application_auth_strategy_id": None}
        world.konnect.portals.create({"name": name, "authentication_enabled": name != "one", **no_default})
    assert [one["name"] for one in world.ask("GET", "/v3/portals", **query).json()["data"]] == names


# --- DCR providers ---


def test_the_secret_of_a_provider_is_never_shown(world: World) -> None:
    config = {"initial_client_id": "abc", "initial_client_secret": "very-secret-123"}
    made = world.ask("POST", "/v2/dcr-providers", world.provider(dcr_config=config, labels={"env": "test"}))
    assert made.status == 201
    assert made.json()["dcr_config"] == {"initial_client_id": "abc"}
    path = f"/v2/dcr-providers/{made.json()['id']}"
    answers = [
        made,
        world.ask("GET", path),
        world.ask("GET", "/v2/dcr-providers"),
        world.ask("PATCH", path, {"dcr_config": {"initial_client_secret": "very-secret-456"}}),
    ]
    assert not any(b"very-secret" in answer.body for answer in answers)
    assert "very-secret" not in repr(world.konnect.tables.providers)
    assert world.konnect.tables.providers[made.json()["id"]].config == {"initial_client_id": "abc"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": ""}, [("name", "min_length")]),
        ({"name": "x" * 257}, [("name", "max_length")]),
        ({"name": 1}, [("name", "is_string")]),
        ({"provider_type": "Curity"}, [("provider_type", "enum")]),
        ({"issuer": "curity"}, [("issuer", "invalid")]),
        ({"issuer": "https://curity.test:port"}, [("issuer", "invalid")]),
        ({"issuer": "https://" + "x" * 260}, [("issuer", "max_length")]),
        ({"dcr_config": {"initial_client_id": "a"}}, [("dcr_config.initial_client_secret", "required")]),
        ({"dcr_config": None}, [("dcr_config", "is_object")]),
        ({"active": True}, [("active", "unknown_property")]),
        ({"labels": {"kong-x": "a"}}, [("labels.kong-x", "is_label")]),
        ({"labels": {"a": "-"}}, [("labels.a", "is_label")]),
        ({"labels": {str(number): "a" for number in range(51)}}, [("labels", "max_items")]),
        (
            {"provider_type": "okta"},
            [
                ("dcr_config.dcr_token", "required"),
                ("dcr_config.initial_client_id", "unknown_property"),
                ("dcr_config.initial_client_secret", "unknown_property"),
            ],
        ),
        (
            {"provider_type": "http", "dcr_config": {"dcr_base_url": "https://bridge.test", "api_key": "short"}},
            [("dcr_config.api_key", "min_length")],
        ),
    ],
)
def test_a_provider_is_checked(world: World, changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    before = snapshot(world.konnect)
    assert sorted(faults(world.ask("POST", "/v2/dcr-providers", world.provider(**changes)))) == expected
    assert snapshot(world.konnect) == before


@pytest.mark.parametrize(
    ("provider_type", "config", "shown"),
    [
        (
            "auth0",
            {"initial_client_id": "a", "initial_client_secret": "b"},
            {"initial_client_id": "a", "initial_client_audience": ISSUER, "use_developer_managed_scopes": False},
        ),
        ("azureAd", {"initial_client_id": "a", "initial_client_secret": "b"}, {"initial_client_id": "a"}),
        ("okta", {"dcr_token": "t"}, {}),
        (
            "http",
            {"dcr_base_url": "https://bridge.test", "api_key": "abcdefghijkl"},
            {
                "dcr_base_url": "https://bridge.test",
                "disable_event_hooks": False,
                "disable_refresh_secret": False,
                "allow_multiple_credentials": False,
            },
        ),
        ("kongIdentity", {}, {}),
    ],
)
def test_other_providers_are_stored_but_not_driven(
    world: World, provider_type: str, config: dict[str, Any], shown: dict[str, Any]
) -> None:
    made = world.ask("POST", "/v2/dcr-providers", world.provider(provider_type=provider_type, dcr_config=config))
    assert (made.status, made.json()["dcr_config"]) == (201, shown)
    verified = world.ask("POST", f"/v2/dcr-providers/{made.json()['id']}/verify").json()
    assert verified["status"] == "failed"
    assert world.calls == 0


def test_a_provider_in_use_stays(world: World) -> None:
    path = f"/v2/dcr-providers/{world.ids.provider_id}"
    assert world.ask("DELETE", path).status == 409
    world.konnect.auth.patch_strategy(world.ids.strategy_id, {"dcr_provider_id": None})
    assert world.ask("DELETE", path).status == 204
    assert world.ask("DELETE", path).status == 404


def test_active_is_computed(world: World) -> None:
    def active() -> tuple[bool, bool]:
        provider = world.ask("GET", f"/v2/dcr-providers/{world.ids.provider_id}").json()
        strategy = world.ask("GET", f"/v2/application-auth-strategies/{world.ids.strategy_id}").json()
        return provider["active"], strategy["active"]

    assert active() == (True, True)
    world.konnect.catalog.unpublish(world.ids.api_id, world.ids.portal_id)
    assert active() == (False, False)


def test_patching_a_provider_keeps_what_is_left_out(world: World) -> None:
    world.ask("PATCH", path := f"/v2/dcr-providers/{world.ids.provider_id}", {"labels": {"a": "1", "b": "2"}})
    body = {"dcr_config": {"initial_client_id": "other"}, "labels": {"a": None, "c": "3"}}
    assert world.ask("PATCH", path, body).json()["labels"] == {"b": "2", "c": "3"}
    held = world.konnect.tables.providers[world.ids.provider_id]
    assert (held.config, held.secrets) == (
        {"initial_client_id": "other"},
        {"initial_client_secret": "registrar-secret"},
    )
    assert faults(world.ask("PATCH", path, {"provider_type": "okta"})) == [("provider_type", "unknown_property")]
    assert faults(world.ask("PATCH", path, {"dcr_config": {"dcr_token": "x"}})) == [
        ("dcr_config.dcr_token", "unknown_property")
    ]


# --- strategies ---


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"display_name": None}, [("display_name", "is_string")]),
        ({"strategy_type": "oidc"}, [("strategy_type", "enum")]),
        ({"dcr_provider_id": "x"}, [("dcr_provider_id", "is_uuid")]),
        ({"dcr_provider_id": UNKNOWN}, [("dcr_provider_id", "missing_reference")]),
        (
            {"configs": {"openid_connect": {}}},
            [("configs.openid-connect", "required"), ("configs.openid_connect", "unknown_property")],
        ),
        (
            {"configs": {"openid-connect": {"issuer": ISSUER, "scopes": "openid", "auth_methods": ["x"] * 11}}},
            [
                ("configs.openid-connect.auth_methods", "max_items"),
                ("configs.openid-connect.credential_claim", "required"),
                ("configs.openid-connect.scopes", "is_array"),
            ],
        ),
        (
            {"strategy_type": "key_auth", "configs": {"key-auth": {"key_names": []}}},
            [("configs.key-auth.key_names", "min_items")],
        ),
        (
            {"strategy_type": "key_auth", "configs": {"key-auth": {"ttl": {"value": 0, "unit": "hours"}}}},
            [("configs.key-auth.ttl.unit", "enum"), ("configs.key-auth.ttl.value", "min")],
        ),
        (
            {"strategy_type": "key_auth", "configs": {"key-auth": {}}, "dcr_provider_id": None},
            [("dcr_provider_id", "unknown_property")],
        ),
    ],
)
def test_a_strategy_is_checked(world: World, changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    body = {**world.strategy(), **changes}
    assert faults(world.ask("POST", "/v2/application-auth-strategies", body)) == expected


def test_any_field_of_the_plugin_may_be_in_a_strategy(world: World) -> None:
    made = world.ask("POST", "/v2/application-auth-strategies", world.strategy(cache_tokens=False))
    assert made.json()["configs"]["openid-connect"]["cache_tokens"] is False
    assert (made.json()["dcr_provider"], made.json()["supports_multiple_credentials"]) == (None, False)


def test_put_answers_201_and_patch_merges(world: World) -> None:
    path = f"/v2/application-auth-strategies/{world.ids.strategy_id}"
    patched = world.ask("PATCH", path, {"configs": {"openid-connect": {"credential_claim": ["client_id"]}}})
    assert patched.status == 200
    config = patched.json()["configs"]["openid-connect"]
    assert (config["credential_claim"], config["issuer"]) == (["client_id"], ISSUER)
    assert faults(world.ask("PATCH", path, {"configs": {"key-auth": {}}})) == [
        ("configs.key-auth", "unknown_property"),
        ("configs.openid-connect", "required"),
    ]
    replaced = world.ask("PUT", path, world.strategy())
    assert (replaced.status, replaced.json()["dcr_provider"]) == (201, None)
    other = {**world.strategy(), "strategy_type": "key_auth", "configs": {"key-auth": {}}}
    assert faults(world.ask("PUT", path, other)) == [("strategy_type", "invalid")]


def test_a_strategy_in_use_stays(world: World) -> None:
    path = f"/v2/application-auth-strategies/{world.ids.strategy_id}"
    application, _ = world.application()
    assert world.ask("DELETE", path).status == 409
    world.konnect.catalog.unpublish(world.ids.api_id, world.ids.portal_id)
    assert world.ask("DELETE", path).status == 409
    world.run(world.konnect.applications.delete(application.id))
    assert world.ask("DELETE", path).status == 204


# --- portals, developers, APIs ---


def test_a_portal_with_published_apis_is_deleted_only_by_force(world: World) -> None:
    world.application()
    path = f"/v3/portals/{world.ids.portal_id}"
    assert world.ask("DELETE", path).status == 409
    assert faults(world.ask("DELETE", path, force="yes")) == [("force", "enum")]
    assert world.ask("DELETE", path, force="true").status == 204
    assert world.clients == {}
    konnect = world.konnect
    assert not any(
        (
            konnect.tables.portals,
            konnect.tables.developers,
            konnect.tables.applications,
            konnect.tables.publications,
            konnect.tables.pages,
        )
    )


def test_names_are_unique_where_the_documents_say_so(world: World) -> None:
    assert world.ask("POST", "/v3/portals", {"name": "developers"}).status == 409
    other = world.ask("POST", "/v3/portals", {"name": "other"}).json()
    assert world.ask("PATCH", f"/v3/portals/{other['id']}", {"name": "developers"}).status == 409
    assert world.ask("PATCH", f"/v3/portals/{other['id']}", {"name": "other"}).status == 200
    assert world.ask("POST", "/v3/apis", {"name": "accounts", "version": "1.0.0"}).status == 409
    developers = f"/v3/portals/{world.ids.portal_id}/developers"
    again = world.ask("POST", developers, {"email": "Dev@example.com", "full_name": "x"})
    assert (again.status, again.json()["detail"]) == (409, "Developer with the given email already exists")


@pytest.mark.parametrize(("auto", "status"), [(True, "approved"), (False, "pending")])
def test_approval_of_developers(world: World, auto: bool, status: str) -> None:
    world.konnect.portals.patch(world.ids.portal_id, {"auto_approve_developers": auto})
    path = f"/v3/portals/{world.ids.portal_id}/developers"
    assert world.ask("POST", path, {"email": "a@b.c", "full_name": "x"}).json()["status"] == status
    revoked = world.ask("POST", path, {"email": "d@b.c", "full_name": "x", "status": "revoked"})
    assert revoked.json()["status"] == "revoked"
    assert faults(world.ask("POST", path, {"email": "nobody", "full_name": "x"})) == [("email", "invalid")]


def test_an_api_has_one_link_and_a_service_one_api(world: World) -> None:
    api = world.ask("POST", "/v3/apis", {"name": "other"}).json()
    path = f"/v3/apis/{api['id']}/implementations"
    service = {"control_plane_id": world.ids.control_plane_id, "id": world.ids.service_id}
    taken = world.ask("POST", path, {"service": service})
    assert (taken.status, taken.json()["detail"]) == (409, "This gateway service is already linked to another API")
    unknown = world.ask("POST", path, {"service": {**service, "id": UNKNOWN}})
    assert faults(unknown) == [("service.id", "missing_reference")]
    assert unknown.json()["invalid_parameters"][0]["reason"] == "Service not found"
    elsewhere = world.ask("POST", path, {"service": {**service, "control_plane_id": UNKNOWN}})
    assert faults(elsewhere) == [("service.id", "missing_reference")]
    nowhere = world.ask("POST", path, {"control_plane": {"control_plane_id": UNKNOWN}})
    assert faults(nowhere) == [("control_plane.control_plane_id", "missing_reference")]
    again = world.ask("POST", f"/v3/apis/{world.ids.api_id}/implementations", {"service": service})
    assert again.json()["detail"] == "An implementation already exists for this API"
    assert faults(world.ask("POST", path, {})) == [("service", "invalid")]
    control_plane = {"control_plane": {"control_plane_id": world.ids.control_plane_id}}
    assert world.ask("POST", path, control_plane).status == 201


def test_a_failed_push_is_told_at_the_implementation(world: World) -> None:
    path = f"/v3/apis/{world.ids.api_id}/implementations/{world.ids.implementation_id}"
    assert world.ask("GET", path).json()["service"]["auth_strategy_sync_error"] is None
    never = {"configs": {"openid-connect": {"timeout": "soon"}}}
    assert world.ask("PATCH", f"/v2/application-auth-strategies/{world.ids.strategy_id}", never).status == 200
    error = world.ask("GET", path).json()["service"]["auth_strategy_sync_error"]
    assert error["control_plane_error"] == "control_plane_error_data_constraint_error"


def test_the_entities_of_the_gateway(world: World) -> None:
    path = f"/v2/control-planes/{world.ids.control_plane_id}"
    assert world.ask("GET", path).json()["id"] == world.ids.control_plane_id
    (service,) = world.ask("GET", path + "/core-entities/services?filter[name][eq]=accounts").json()["data"]
    assert (service["id"], service["host"], service["port"]) == (world.ids.service_id, "upstream.test", 80)
    assert world.ask("GET", path + "/core-entities/services?filter[name][eq]=x").json()["data"] == []
    route, free = world.ask("GET", path + "/core-entities/routes").json()["data"]
    assert free["service"] != {"id": world.ids.service_id}
    assert (route["paths"], route["service"]) == (["/accounts"], {"id": world.ids.service_id})
    (plugin,) = world.ask("GET", path + "/core-entities/plugins").json()["data"]
    assert (plugin["name"], plugin["service"]) == ("konnect-application-auth", {"id": world.ids.service_id})
    assert plugin["config"]["v2_strategies"]["openid_connect"][0]["strategy_id"] == world.ids.strategy_id
    world.konnect.catalog.delete_implementation(world.ids.api_id, world.ids.implementation_id)
    assert world.ask("GET", path + "/core-entities/plugins").json()["data"] == []


def test_slugs(world: World) -> None:
    made = world.ask("POST", "/v3/apis", {"name": "My API!", "version": "2"}).json()
    assert made["slug"] == "my-api-2"
    path = f"/v3/apis/{made['id']}"
    assert world.ask("PATCH", path, {"slug": "accounts-1"}).status == 409
    assert world.ask("PATCH", path, {"slug": "own"}).json()["slug"] == "own"
    assert world.ask("PATCH", path, {"slug": None}).json()["slug"] == "my-api-2"
    assert faults(world.ask("PATCH", path, {"slug": "a b"})) == [("slug", "matches_regex")]


def test_versions(world: World) -> None:
    path = f"/v3/apis/{world.ids.api_id}/versions"
    yaml = "openapi: 3.1.0\ninfo:\n  title: x\n  version: 2.0.0\npaths: {}\n"
    made = world.ask("POST", path, {"spec": {"content": yaml}})
    assert (made.status, made.json()["version"], made.json()["spec"]["type"]) == (201, "2.0.0", "oas3")
    assert world.ask("POST", path, {"spec": {"content": yaml}}).status == 409
    missing = world.ask("POST", path, {"spec": {"content": "{}"}})
    assert faults(missing) == [("version", "missing_reference")]
    api = world.ask("GET", f"/v3/apis/{world.ids.api_id}").json()
    assert api["current_version_summary"] == {"id": world.ids.api_version_id, "spec": {"type": "oas3"}}


def test_a_publication_takes_the_portals_default(world: World) -> None:
    no_default = {"default_application_auth_strategy_id": None}
    portal = world.ask("POST", "/v3/portals", {"name": "other", **no_default}).json()
    path = f"/v3/apis/{world.ids.api_id}/publications/{portal['id']}"
    assert world.ask("GET", path).status == 404
    none = world.ask("PUT", path, {})
    assert (none.status, none.json()["auth_strategy_ids"], none.json()["visibility"]) == (200, None, "private")
    default = {"default_application_auth_strategy_id": world.ids.strategy_id}
    world.ask("PATCH", f"/v3/portals/{portal['id']}", default)
    assert world.ask("GET", path).json()["auth_strategy_ids"] is None  # not retroactive
    assert world.ask("PUT", path, {}).json()["auth_strategy_ids"] == [world.ids.strategy_id]
    assert world.ask("PUT", path, {"auth_strategy_ids": None}).json()["auth_strategy_ids"] is None
    assert faults(world.ask("PUT", path, {"auth_strategy_ids": [UNKNOWN]})) == [
        ("auth_strategy_ids", "missing_reference")
    ]
    assert faults(world.ask("PUT", path, {"auth_strategy_ids": []})) == [("auth_strategy_ids", "min_items")]
    assert world.ask("DELETE", path).status == 204


# --- applications and registrations, as an admin ---


def test_an_admin_never_sees_a_secret(world: World) -> None:
    owner = {"type": "developer", "id": world.ids.developer_id}
    body = {"name": "by admin", "owner": owner, "auth_strategy_id": world.ids.strategy_id}
    path = f"/v3/portals/{world.ids.portal_id}/applications"
    made = world.ask("POST", path, body)
    assert made.status == 201
    secret = world.clients[made.json()["client_id"]]
    answers = [
        made,
        world.ask("GET", path),
        world.ask("GET", f"{path}/{made.json()['id']}"),
        world.ask("GET", f"/v3/applications/{made.json()['id']}"),
    ]
    assert not any(secret.encode() in answer.body for answer in answers)
    assert made.json()["dcr_provider"] == {"id": world.ids.provider_id}
    assert faults(world.ask("POST", path, {**body, "name": "c", "client_id": "x"})) == [("client_id", "invalid")]
    assert faults(world.ask("POST", path, {**body, "name": "c", "dcr_client_id": "x"})) == [
        ("dcr_client_id", "invalid")
    ]
    assert world.ask("DELETE", f"{path}/{made.json()['id']}").status == 204
    assert world.clients == {}


def test_registrations_as_an_admin(world: World) -> None:
    application, _ = world.application()
    path = f"/v3/portals/{world.ids.portal_id}/applications/{application.id}/registrations"
    made = world.ask("POST", path, {"api_id": world.ids.api_id, "status": "pending"})
    assert (made.status, made.json()["status"]) == (201, "pending")
    assert world.ask("POST", path, {"api_id": world.ids.api_id}).status == 409
    assert world.ask("POST", path, {"api_id": UNKNOWN}).status == 404
    one = f"{path}/{made.json()['id']}"
    for status in ("approved", "revoked", "approved", "rejected", "pending"):
        assert world.ask("PATCH", one, {"status": status}).json()["status"] == status
    assert faults(world.ask("PATCH", one, {"status": "open"})) == [("status", "enum")]
    everywhere = f"/v3/portals/{world.ids.portal_id}/application-registrations"
    developer = {"filter[developer_id][eq]": world.ids.developer_id}
    assert world.ask("GET", everywhere, **developer).json()["meta"]["page"]["total"] == 1
    assert world.ask("GET", f"/v3/apis/{world.ids.api_id}/registrations").json()["data"][0]["id"] == made.json()["id"]
    assert world.ask("DELETE", one).status == 204
    assert world.ask("POST", path, {"api_id": world.ids.api_id}).json()["status"] == "approved"


# --- what is pushed ---


def test_the_push_of_the_how_to(world: World) -> None:
    application, _ = world.application()
    world.konnect.registrations.register(application, world.ids.api_id)
    pushed = world.konnect.push.configuration
    service, free = pushed.services
    assert (free.api_id, free.strategy) == (None, None)
    assert (service.url, service.api_id) == ("http://upstream.test", world.ids.api_id)
    assert [route.paths for route in service.routes] == [("/accounts",)]
    assert service.strategy == data_plane.PushedStrategy(
        world.ids.strategy_id,
        {
            "issuer": ISSUER,
            "credential_claim": ["sub"],
            "scopes": [],
            "auth_methods": ["client_credentials", "bearer", "session"],
        },
    )
    assert list(pushed.applications.values()) == [
        data_plane.PushedApplication(application.id, application.client_id, world.ids.strategy_id, (world.ids.api_id,))
    ]


def test_without_a_link_the_route_is_open(world: World) -> None:
    world.konnect.catalog.delete_implementation(world.ids.api_id, world.ids.implementation_id)
    service, _ = world.konnect.push.configuration.services
    assert (service.api_id, service.strategy) == (None, None)


def test_a_strategy_that_the_gateway_cannot_enforce_does_not_open_the_route(world: World) -> None:
    body = {"name": "k", "display_name": "K", "strategy_type": "key_auth", "configs": {"key-auth": {}}}
    strategy = world.konnect.auth.create_strategy(body)
    world.konnect.catalog.publish(world.ids.api_id, world.ids.portal_id, {"auth_strategy_ids": [strategy.id]})
    service, _ = world.konnect.push.configuration.services
    assert service.strategy is not None
    assert service.strategy.config["auth_methods"] == []


def test_only_what_alters_the_push_is_announced(world: World) -> None:
    heard: list[str] = []
    world.konnect.push.on_change.append(lambda: heard.append(world.konnect.push.configuration.hash))
    application, _ = world.application()
    registration = world.konnect.registrations.register(application, world.ids.api_id)
    held = world.konnect.push.configuration
    world.run(world.konnect.applications.update(application.id, {"name": "new"}))
    world.konnect.registrations.patch(application.id, registration.id, {"status": "approved"})
    world.konnect.auth.patch_strategy(world.ids.strategy_id, {"name": "internal"})
    assert world.konnect.push.configuration is held
    assert len(heard) == 2
    world.konnect.registrations.patch(application.id, registration.id, {"status": "revoked"})
    world.konnect.registrations.patch(application.id, registration.id, {"status": "approved"})
    assert heard[-1] == heard[1] != heard[2]
    assert heard[-1] == world.konnect.push.hash


def test_nodes_and_the_hash_they_should_have(world: World) -> None:
    path = f"/v2/control-planes/{world.ids.control_plane_id}"
    assert world.ask("GET", path + "/nodes").json() == {"items": [], "page": {"total_count": 0}}
    node = {"id": UNKNOWN, "hostname": "dp-1", "version": "3.14.0.8", "config_hash": "x", "last_ping": 1}
    world.konnect.push.nodes = lambda: [node]
    assert world.ask("GET", path + "/nodes").json()["items"] == [node]
    assert world.ask("GET", f"{path}/nodes/{UNKNOWN}").json() == {"item": node}
    expected = world.ask("GET", path + "/expected-config-hash").json()
    assert expected["expected_hash"] == world.konnect.push.configuration.hash
    assert world.ask("GET", f"/v2/control-planes/{UNKNOWN}/nodes").status == 404


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["create", "register", "approve", "revoke", "drop", "delete", "publish", "unpublish", "link"]),
        st.integers(0, 3),
    ),
    max_size=25,
)


def perform_on_the_api(world: World, name: str, number: int) -> None:
    konnect, ids = world.konnect, world.ids
    if name == "create":
        world.application(f"app {number}")
    elif name == "publish":
        konnect.catalog.publish(ids.api_id, ids.portal_id, {"auth_strategy_ids": [ids.strategy_id] if number else None})
    elif name == "unpublish":
        konnect.catalog.unpublish(ids.api_id, ids.portal_id)
    else:
        for held in list(konnect.tables.implementations.values()):
            konnect.catalog.delete_implementation(held.api_id, held.id)
        if number:
            service = {"control_plane_id": ids.control_plane_id, "id": ids.service_id}
            konnect.catalog.create_implementation(ids.api_id, {"service": service})


def perform_on_the_application(world: World, name: str, application: Application) -> None:
    konnect = world.konnect
    registration = konnect.registrations.for_api(application.id, world.ids.api_id)
    if name == "register":
        konnect.registrations.register(application, world.ids.api_id)
    elif name == "delete":
        world.run(konnect.applications.delete(application.id))
    elif registration is not None and name == "drop":
        konnect.registrations.delete(application.id, registration.id)
    elif registration is not None:
        status = "approved" if name == "approve" else "revoked"
        konnect.registrations.patch(application.id, registration.id, {"status": status})


@settings(max_examples=60, deadline=None)
@given(OPERATIONS)
def test_the_push_is_what_the_objects_say(operations: list[tuple[str, int]]) -> None:
    world = World()
    konnect = world.konnect
    for name, number in operations:
        applications = list(konnect.tables.applications.values())
        application = applications[number % len(applications)] if applications else None
        try:
            if name in {"publish", "unpublish", "link", "create"}:
                perform_on_the_api(world, name, number)
            elif application is not None:
                perform_on_the_application(world, name, application)
        except Problem as problem:
            assert problem.status in {400, 404, 409}
    pushed = konnect.push.configuration
    approved = {
        (held.application_id, held.api_id)
        for held in konnect.tables.registrations.values()
        if held.status == "approved"
    }
    assert {(one.id, api) for one in pushed.applications.values() for api in one.apis} == approved
    assert (
        {one.id for one in pushed.applications.values()}
        == set(konnect.tables.applications)
        == {held for names in konnect.tables.applications_of.values() for held in names.values()}
    )
    assert set(world.clients) == {held.client_id for held in konnect.tables.applications.values()}
    enforced = konnect.tables.implementations and any(
        held.auth_strategy_id for held in konnect.tables.publications.values()
    )
    assert (pushed.services[0].strategy is not None) == bool(enforced)


def test_a_thousandth_application_costs_what_the_first_did(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: one application's change rebuilds one application's part."""
    konnect = world.konnect
    developers = [
        konnect.developers.create(world.ids.portal_id, {"email": f"{number}@x.y", "full_name": "x"}).id
        for number in range(4)
    ]
    rebuilt: list[str] = []
    rule = konnect.push.lets_through

    def counted(registration: Registration) -> bool:
        rebuilt.append(registration.id)
        return rule(registration)

    monkeypatch.setattr(konnect.push, "lets_through", counted)
    konnect.push.on_change.append(lambda: None)
    for number in range(1000):
        application, _ = world.application(f"app {number}", developers[number % 4])
        konnect.registrations.register(application, world.ids.api_id)
    assert len(rebuilt) == 1000
    assert len(konnect.push.configuration.applications) == 1000


def test_a_seed_repeats_ids() -> None:
    assert World().ids == World().ids


WORLD = World()  # for what holds whatever else is in it
