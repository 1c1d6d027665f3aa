"""What recordings of the real Konnect show (Kong/kongctl, test/e2e/scenarios). It outranks documents and inferences."""

import json
import re
from typing import Any

import pytest

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.konnect.admin import KonnectHttp
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.messages import NoAnswer, Request, Response, perform
from dcrproof.mocks.start import Start
from dcrproof.mocks.world import World

TOKEN = "kpat_for-tests"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
KEY_AUTH = {"key-auth": {"key_names": ["x-api-key"]}}
KEYS = {"name": "keys", "display_name": "Keys", "strategy_type": "key_auth", "configs": KEY_AUTH}
STRATEGIES, PORTALS, APIS = "/v2/application-auth-strategies", "/v3/portals", "/v3/apis"
PLAIN = {"name": "plain", "authentication_enabled": False}


class Organization:
    """An empty one."""

    def __init__(self) -> None:
        self.clock = Clock()
        konnect = Konnect(clock=self.clock, seed=7, token=TOKEN, portal_host=lambda portal_id: f"{portal_id}.test")
        self.admin = KonnectHttp(konnect)

    def answer(self, method: str, path: str, body: Any = None) -> Response:
        target, _, query = path.partition("?")
        headers = (("authorization", f"Bearer {TOKEN}"), ("content-type", "application/json"))
        raw = b"" if body is None else json.dumps(body).encode()
        request = Request(method, target, target, query, headers, raw)
        return perform(self.admin.handle(request), lambda _: NoAnswer("nobody is asked"))

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        response = self.answer(method, path, body)
        assert response.status == status, response
        return response.json() if response.body else None

    def make(self, path: str, body: Any) -> Any:
        return self.ask("POST", path, body, 201)

    def published(self, **body: Any) -> tuple[Any, Any, str]:
        """An API, a portal, and the path of the publication of the one on the other."""
        api, portal = self.make(APIS, {"name": "SMS API"}), self.make(PORTALS, PLAIN)
        path = f"{APIS}/{api['id']}/publications/{portal['id']}"
        self.ask("PUT", path, body)
        return api, portal, path


@pytest.fixture
def konnect() -> Organization:
    return Organization()


# --- portals ----------------------------------------------------------------------------------------------------------


def test_a_new_portal_has_the_only_strategy_as_its_default(konnect: Organization) -> None:
    assert konnect.make(PORTALS, {"name": "a"})["default_application_auth_strategy_id"] is None
    only = konnect.make(STRATEGIES, KEYS)["id"]
    assert konnect.make(PORTALS, {"name": "b"})["default_application_auth_strategy_id"] == only
    no_default = {"default_application_auth_strategy_id": None}
    assert konnect.make(PORTALS, {"name": "c", **no_default})["default_application_auth_strategy_id"] is None
    konnect.make(STRATEGIES, {**KEYS, "name": "others"})  # which of several is unknown
    assert konnect.make(PORTALS, {"name": "d"})["default_application_auth_strategy_id"] is None


@pytest.mark.parametrize(("authenticated", "visibility"), [(False, "public"), (True, "private")])
def test_a_portal_without_authentication_shows_to_everybody(
    konnect: Organization, authenticated: bool, visibility: str
) -> None:
    portal = konnect.make(PORTALS, {"name": "a", "authentication_enabled": authenticated})
    assert (portal["default_api_visibility"], portal["default_page_visibility"]) == (visibility, visibility)


def test_a_second_portal_has_a_name_of_twelve_digits() -> None:
    ports = ("curity", "konnect", "portal", "classic_portal", "gateway", "upstream", "gateway-2", "control")
    world = World(Start({name: f"http://{name}.test:80" for name in ports}, 12))
    made = world.konnect.portals.create({"name": "another"})
    assert re.fullmatch(r"[0-9a-f]{12}\.portal\.localhost:80", made.canonical_domain)


def test_a_portal_shows_its_ai_settings_when_it_is_read_alone(konnect: Organization) -> None:
    made = konnect.make(PORTALS, PLAIN)
    assert made["default_domain"] == made["canonical_domain"]
    changed = konnect.ask("PATCH", f"{PORTALS}/{made['id']}", {"description": "d"})
    read, (listed,) = konnect.ask("GET", f"{PORTALS}/{made['id']}"), konnect.ask("GET", PORTALS)["data"]
    server = {"enabled": False, "write_operations_enabled": False}
    assert read["ai"] == listed["ai"] == {"enabled": False, "features": {"mcp_server": server}}
    assert not {"ai"} & (made.keys() | changed.keys())


def test_a_change_of_a_portal_is_partial(konnect: Organization) -> None:
    made = konnect.make(PORTALS, {**PLAIN, "labels": {"KONGCTL-namespace": "default"}})
    changed = konnect.ask("PATCH", f"{PORTALS}/{made['id']}", {"description": "d"})
    assert {**changed, "updated_at": None} == {**made, "description": "d", "updated_at": None}


def test_a_change_of_the_customization_moves_the_time_of_the_portal(konnect: Organization) -> None:
    made = konnect.make(PORTALS, PLAIN)
    konnect.clock.advance(5)
    konnect.ask("PATCH", f"{PORTALS}/{made['id']}/customization", {"css": "a {}"})
    assert konnect.ask("GET", f"{PORTALS}/{made['id']}")["updated_at"] > made["updated_at"]


def test_a_portal_is_deleted_without_force_while_nothing_is_published(konnect: Organization) -> None:
    konnect.ask("DELETE", f"{PORTALS}/{konnect.make(PORTALS, {'name': 'a'})['id']}", status=204)
    _, portal, _ = konnect.published()
    konnect.ask("DELETE", f"{PORTALS}/{portal['id']}?force=true", status=204)


def test_teams_are_listed_by_name(konnect: Organization) -> None:
    teams = f"{PORTALS}/{konnect.make(PORTALS, PLAIN)['id']}/teams"
    made = [konnect.make(teams, {"name": name}) for name in ("red", "blue")]
    assert [one["konnect_managed"] for one in made] == [False, False]
    listed = konnect.ask("GET", teams)["data"]
    assert [(one["name"], one["konnect_managed"]) for one in listed] == [("blue", False), ("red", False)]
    assert konnect.ask("PATCH", f"{teams}/{made[0]['id']}", {"name": "green"})["name"] == "green"
    gone = konnect.answer("DELETE", f"{teams}/{made[0]['id']}")
    assert (gone.status, gone.body) == (204, b"")


def test_a_role_names_its_entity_twice(konnect: Organization) -> None:
    team = f"{PORTALS}/{konnect.make(PORTALS, PLAIN)['id']}/teams"
    team = f"{team}/{konnect.make(team, {'name': 'red'})['id']}/assigned-roles"
    entity = konnect.make(APIS, {"name": "a"})["id"]
    role = {"role_name": "API Viewer", "entity_id": entity, "entity_type_name": "Services", "entity_region": "us"}
    assert konnect.make(team, role)["entity_ids"] == [entity]
    assert konnect.ask("GET", team)["data"][0]["entity_ids"] == [entity]


def test_times_have_three_digits_and_those_of_teams_more(konnect: Organization) -> None:
    def digits(held: Any) -> set[int]:
        return {len(re.fullmatch(r".*\.(\d+)Z", held[name])[1]) for name in ("created_at", "updated_at")}  # type: ignore[index] - it matches

    api, portal, publication = konnect.published()
    version = konnect.make(f"{APIS}/{api['id']}/versions", {"version": "1", "spec": {}})
    for one in (api, portal, version, konnect.make(STRATEGIES, KEYS), konnect.ask("GET", publication)):
        assert digits(one) == {3}
    teams = f"{PORTALS}/{portal['id']}/teams"
    assert digits(konnect.make(teams, {"name": "red"})) == {9}
    assert digits(konnect.ask("GET", teams)["data"][0]) == {6}
    assert digits(konnect.make("/v2/control-planes", {"name": "a"})) == {3}


@pytest.mark.parametrize(("seconds", "shown"), [(0.25, "00.25Z"), (0.757, "00.757Z"), (3, "03Z")])
def test_times_of_pages_and_snippets_have_no_zeros_at_their_end(
    konnect: Organization, monkeypatch: pytest.MonkeyPatch, seconds: float, shown: str
) -> None:
    portal = f"{PORTALS}/{konnect.make(PORTALS, PLAIN)['id']}"
    monkeypatch.setattr(konnect.clock, "real", lambda: 1_800_000_000 + seconds)
    for kind, body in (("pages", {"slug": "a"}), ("snippets", {"name": "a"})):
        made = konnect.make(f"{portal}/{kind}", {**body, "content": "x"})
        assert made["created_at"] == f"2027-01-15T08:00:{shown}"


def test_pages_are_a_tree_of_slugs_with_a_slash(konnect: Organization) -> None:
    pages = f"{PORTALS}/{konnect.make(PORTALS, PLAIN)['id']}/pages"
    made = konnect.make(pages, {"slug": "guides", "content": "x"})
    assert (made["slug"], "parent_page_id" in made) == ("/guides", False)
    konnect.make(pages, {"slug": "first", "content": "x", "parent_page_id": made["id"]})
    assert konnect.ask("GET", f"{pages}/{made['id']}")["parent_page_id"] is None
    (shown,) = konnect.ask("GET", pages)["data"]
    assert [one["slug"] for one in shown["children"]] == ["/first"]


def test_a_new_portal_has_these_children(konnect: Organization) -> None:
    portal = f"{PORTALS}/{konnect.make(PORTALS, PLAIN)['id']}"
    for kind in ("pages", "snippets"):
        assert konnect.ask("GET", f"{portal}/{kind}")["data"] == []
    assert konnect.ask("GET", f"{portal}/ip-allow-list")["meta"].keys() == {"next", "previous", "size"}
    assert konnect.ask("GET", f"{portal}/identity-providers") == []
    for kind in ("integrations", "customization"):
        assert konnect.ask("GET", f"{portal}/{kind}") == {}
    for kind in ("audit-log-webhook", "authentication-settings", "assets/logo", "assets/favicon"):
        konnect.ask("GET", f"{portal}/{kind}")
    for kind in ("email-config", "custom-domain"):
        konnect.ask("GET", f"{portal}/{kind}", status=404)


@pytest.mark.parametrize(
    ("path", "thing"),
    [
        (f"{PORTALS}/{UNKNOWN}", "portal"),
        (f"{APIS}/{UNKNOWN}", "api"),
        (f"{STRATEGIES}/{UNKNOWN}", "application auth strategy"),
        (f"/v2/dcr-providers/{UNKNOWN}", "dcr provider"),
        (f"/v2/control-planes/{UNKNOWN}", "control plane"),
    ],
)
def test_what_is_not_found_is_named(konnect: Organization, path: str, thing: str) -> None:
    response = konnect.answer("GET", path)
    instance = response.json().pop("instance")
    assert response.header("content-type") == "application/problem+json"
    assert response.json() == {
        "status": 404,
        "title": "Not Found",
        "instance": instance,
        "detail": f"{thing} not found",
    }
    assert int(instance.removeprefix("kong:trace:")) < 2**64


def test_what_a_portal_has_not_is_named(konnect: Organization) -> None:
    portal = f"{PORTALS}/{konnect.make(PORTALS, PLAIN)['id']}"
    for kind, thing in (("custom-domain", "custom domain"), ("email-config", "Portal email config")):
        assert konnect.ask("GET", f"{portal}/{kind}", status=404)["detail"] == f"{thing} not found"


# --- APIs -------------------------------------------------------------------------------------------------------------


def test_a_slug_has_the_major_version_alone(konnect: Organization) -> None:
    assert konnect.make(APIS, {"name": "SMS API", "version": "3.2.0"})["slug"] == "sms-api-3"
    assert konnect.make(APIS, {"name": "SMS API"})["slug"] == "sms-api"


def test_a_new_api_has_nothing_in_it(konnect: Organization) -> None:
    made = konnect.make(APIS, {"name": "SMS API"})
    nothing = {"version": None, "implementation_mode": None, "current_version_summary": None, "images": None}
    assert made.items() >= {**nothing}.items()
    assert [made[name] for name in ("api_spec_ids", "portals", "attributes")] == [[], [], {}]


def test_an_api_without_version_takes_that_of_its_first(konnect: Organization) -> None:
    made = konnect.make(APIS, {"name": "SMS API"})
    path = f"{APIS}/{made['id']}"
    first = konnect.make(f"{path}/versions", {"version": "1.3.7", "spec": {"content": '{"openapi": "3.0.3"}'}})
    konnect.make(f"{path}/versions", {"version": "2.0.0", "spec": {"content": "{}"}})
    api = konnect.ask("GET", path)
    assert (api["version"], api["slug"], api["api_spec_ids"]) == ("1.3.7", "sms-api", [first["id"]])
    assert api["current_version_summary"] == {"id": first["id"], "spec": {"type": "oas3"}}
    konnect.ask("PATCH", path, {"version": "9"})
    assert konnect.ask("GET", path)["current_version_summary"] is None
    konnect.make(f"{path}/versions", {"version": "3.0.0", "spec": {"content": "{}"}})
    assert konnect.ask("GET", path)["version"] == "9"


def test_a_version_is_read_with_its_content(konnect: Organization) -> None:
    versions = f"{APIS}/{konnect.make(APIS, {'name': 'a'})['id']}/versions"
    made = [
        konnect.make(versions, {"version": name, "spec": {"content": content}})
        for name, content in (("1", '{ "openapi": "3.0.3" }'), ("2", "openapi: 3.0.3"))
    ]
    contents = [konnect.ask("GET", f"{versions}/{one['id']}")["spec"]["content"] for one in made]
    assert contents == ['{"openapi":"3.0.3"}', "openapi: 3.0.3"]
    listed = konnect.ask("GET", versions)["data"]
    assert [(one["version"], one["spec"].keys()) for one in listed] == [("1", {"type"}), ("2", {"type"})]


def test_a_publication_is_the_same_the_second_time(konnect: Organization) -> None:
    _, _, path = konnect.published()
    first = konnect.ask("GET", path)
    assert first["auth_strategy_ids"] is None  # the portal has no default
    konnect.clock.advance(5)
    second = konnect.ask("PUT", path, {"auth_strategy_ids": None, "form_id": None})
    assert (second["form_id"], second["auth_strategy_ids"], second["visibility"]) == (None, None, "public")
    assert (second["created_at"], second["updated_at"] > first["updated_at"]) == (first["created_at"], True)


def test_publications_move_the_time_of_their_api(konnect: Organization) -> None:
    api, portal, path = konnect.published()
    seen = [konnect.ask("GET", f"{APIS}/{api['id']}")]
    for method, status in (("PUT", 200), ("DELETE", 204)):
        konnect.clock.advance(5)
        konnect.ask(method, path, {} if method == "PUT" else None, status)
        seen.append(konnect.ask("GET", f"{APIS}/{api['id']}"))
    times = [one["updated_at"] for one in seen]
    assert times == sorted(set(times))
    assert [[one["id"] for one in api["portals"]] for api in seen] == [[portal["id"]], [portal["id"]], []]


def test_publications_are_listed_with_api_and_portal(konnect: Organization) -> None:
    api, portal, _ = konnect.published()
    (listed,) = konnect.ask("GET", f"/v3/api-publications?filter[api_id][eq]={api['id']}")["data"]
    assert (listed["api_id"], listed["portal_id"], listed["entity_type"]) == (api["id"], portal["id"], "api")


# --- strategies and lists ---------------------------------------------------------------------------------------------


def test_a_strategy_of_keys_is_shown_in_full(konnect: Organization) -> None:
    made = konnect.make(STRATEGIES, {**KEYS, "labels": {"KONGCTL-namespace": "default"}})
    assert {name: value for name, value in made.items() if name not in {"id", "created_at", "updated_at"}} == {
        "name": "keys",
        "display_name": "Keys",
        "strategy_type": "key_auth",
        "configs": KEY_AUTH,
        "active": False,
        "dcr_provider": None,
        "supports_multiple_credentials": True,
        "principals": {"enabled": False},
        "labels": {"KONGCTL-namespace": "default"},
    }


def test_a_strategy_is_active_while_it_is_published_with(konnect: Organization) -> None:
    made = konnect.make(STRATEGIES, KEYS)
    path = f"{STRATEGIES}/{made['id']}"
    api, portal, _ = konnect.published(auth_strategy_ids=[made["id"]])
    used = konnect.ask("GET", path)
    assert (used["active"], used["updated_at"]) == (True, made["updated_at"])
    konnect.ask("DELETE", f"{APIS}/{api['id']}", status=204)
    konnect.ask("DELETE", f"{PORTALS}/{portal['id']}", status=204)
    assert konnect.ask("GET", path) == made
    konnect.ask("DELETE", path, status=204)


def test_a_page_past_the_end_is_empty(konnect: Organization) -> None:
    konnect.make(PORTALS, PLAIN)
    page = konnect.ask("GET", f"{PORTALS}?page[size]=5&page[number]=9")
    assert page == {"data": [], "meta": {"page": {"total": 1, "size": 5, "number": 9}}}


def test_control_planes_are_made_changed_and_deleted(konnect: Organization) -> None:
    made = konnect.make("/v2/control-planes", {"name": "a"})
    config = made["config"]
    assert {"control_plane_endpoint", "telemetry_endpoint", "cluster_type"} <= config.keys()
    assert (config["auth_type"], config["cloud_gateway"], config["proxy_urls"]) == ("pinned_client_certs", False, [])
    path = f"/v2/control-planes/{made['id']}"
    assert konnect.ask("PATCH", path, {"description": "d"})["description"] == "d"
    konnect.ask("DELETE", path, status=204)
