"""Mock Konnect in detail: roles of tokens, a push that takes time, how clients are managed, pages of any list."""

import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrproof.mocks.konnect.listing import STRING, Listing, entities, filtered, named
from dcrproof.mocks.konnect.problems import Problem
from dcrproof.mocks.konnect.roles import KINDS, Token, viewer
from dcrproof.mocks.konnect.switches import Switches
from dcrproof.mocks.messages import Call, NoAnswer, Request, Response, perform
from dcrproof.mocks.start import REGISTRAR, Start
from dcrproof.mocks.world import World

HOSTS = ("curity", "konnect", "portal", "classic_portal", "gateway", "upstream", "gateway-2", "control")
ADDRESSES = {name: f"http://{name.replace('_', '-')}.test" for name in HOSTS}


class Asked:
    """A world without sockets, and its admin API."""

    def __init__(self, **start) -> None:
        self.world = World(Start(ADDRESSES, 12, **start))
        self.konnect, self.setup = self.world.konnect, self.world.setup
        self.calls: list[tuple[str, str]] = []

    def network(self, call: Call) -> Response | NoAnswer:
        host, _, path = call.url.partition("//")[2].partition("/")
        port = next((name for name, url in ADDRESSES.items() if url.endswith(f"//{host}")), None)
        if port is None:
            return NoAnswer("no such host")
        path, _, query = f"/{path}".partition("?")
        self.calls.append((call.method, path))
        headers = tuple((name.lower(), value) for name, value in call.headers)
        return perform(
            self.world.handle(port, Request(call.method, path, path, query, headers, call.body)), self.network
        )

    def ask(self, method, path, body=None, token=None):
        raw = b"" if body is None else json.dumps(body).encode()
        bearer = token or self.world.credentials.konnect_token
        headers = (("authorization", f"Bearer {bearer}"), ("content-type", "application/json"))
        path, _, query = path.partition("?")
        return perform(self.world.handle("konnect", Request(method, path, path, query, headers, raw)), self.network)

    def create(self, name="app"):
        steps = self.konnect.applications.create(
            self.setup.portal_id,
            self.setup.developer_id,
            {"name": name, "auth_strategy_id": self.setup.strategy_id},
        )
        return self.run(steps)[0]

    def run(self, steps):
        try:
            call = next(steps)
            while True:
                call = steps.send(self.network(call))
        except StopIteration as stop:
            return stop.value


# Roles


def test_a_read_only_token_reads_everything_and_changes_nothing():
    asked = Asked(read_only=True)
    path = f"/v3/portals/{asked.setup.portal_id}"
    assert asked.ask("GET", path).status == 200
    assert asked.ask("GET", "/v2/dcr-providers").status == 200
    refused = asked.ask("PATCH", path, {"description": "changed"})
    assert refused.status == 403
    assert refused.json()["detail"] == "You do not have permission to perform this action"
    for method, other in (("POST", "/v2/dcr-providers"), ("DELETE", path), ("POST", "/v3/apis")):
        assert asked.ask(method, other, {}).status == 403
    assert asked.konnect.tables.portals[asked.setup.portal_id].description is None


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("Viewer", {("GET", "")}),
        ("Creator", {("GET", ""), ("POST", "")}),
        ("Maintainer", {("GET", ""), ("PATCH", "/1"), ("DELETE", "/1"), ("POST", "/1/verify")}),
    ],
)
def test_each_role_allows_what_it_is_for(role, allowed):
    token = Token("t", frozenset({("DCR Providers", role)}))
    asked = [("GET", ""), ("POST", ""), ("PATCH", "/1"), ("DELETE", "/1"), ("POST", "/1/verify")]
    assert {(method, rest) for method, rest in asked if token.allows(method, f"/v2/dcr-providers{rest}")} == allowed
    assert not token.allows("GET", "/v3/portals")


def test_publishing_and_approving_have_roles_of_their_own():
    publisher = Token("t", frozenset({("APIs", "Publisher")}))
    assert publisher.allows("PUT", "/v3/apis/1/publications/2")
    assert not publisher.allows("PATCH", "/v3/apis/1")
    approver = Token("t", frozenset({("APIs", "Registration Approver")}))
    assert approver.allows("PATCH", "/v3/portals/1/applications/2/registrations/3")
    assert not approver.allows("DELETE", "/v3/portals/1/applications/2")


@given(
    method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]),
    kind=st.sampled_from([k for k, _ in KINDS]),
    rest=st.text("/ab1", max_size=8),
)
def test_no_viewer_ever_changes_anything(method, kind, rest):
    beginning = kind.replace("[23]", "3")
    assert not viewer("t").allows(method, f"{beginning}{rest}")


def test_a_token_beside_the_admins_is_admitted_with_its_own_roles():
    asked = Asked()
    asked.konnect.tokens.append(Token("kpat_portals", frozenset({("Portals", "Viewer")})))
    assert asked.ask("GET", "/v3/portals", token="kpat_portals").status == 200
    assert asked.ask("GET", "/v2/dcr-providers", token="kpat_portals").status == 403
    assert asked.ask("GET", "/v3/portals", token="kpat_nobody").status == 401


# The push


def test_a_push_that_takes_time_reaches_the_data_planes_when_it_is_over():
    asked = Asked(propagation=30.0)
    plane = f"/v2/control-planes/{asked.setup.control_plane_id}"

    def in_sync():
        expected = asked.ask("GET", f"{plane}/expected-config-hash").json()["expected_hash"]
        return {node["config_hash"] == expected for node in asked.ask("GET", f"{plane}/nodes").json()["items"]}

    assert in_sync() == {True}
    asked.create()
    assert in_sync() == {False}
    asked.world.clock.advance(31)
    assert in_sync() == {True}


# How clients are managed


def switched(**switches):
    asked = Asked()
    asked.konnect.driver.switches = replace(Switches(), **switches)
    return asked


def test_with_dcrm_a_token_is_fetched_for_each_request_and_the_how_to_grants_none():
    asked = switched(management="dcrm")
    application = asked.create()
    assert application.client_registration.access_token == ""
    assert application.client_registration.uri.endswith(f"/{application.client_id}")
    before = len(asked.calls)
    path = f"/v3/portals/{asked.setup.portal_id}/applications/{application.id}"
    refused = asked.ask("DELETE", path)
    assert refused.status == 400
    assert [method for method, _ in asked.calls[before:]] == [
        "GET",
        "POST",
    ]  # discovery, then the token that is refused
    assert application.id in asked.konnect.tables.applications


def test_a_secret_can_be_renewed_by_an_update_as_well():
    asked = switched(regenerate_with="PUT")
    application = asked.create()
    before = len(asked.calls)
    client_id, secret = asked.run(asked.konnect.applications.regenerate_secret(application.id))
    assert client_id == application.client_id
    assert secret
    assert [method for method, _ in asked.calls[before:]] == ["PUT"]


def test_a_client_that_nobody_deletes_stays():
    asked = switched(delete_client=False)
    application = asked.create()
    asked.run(asked.konnect.applications.delete(application.id))
    assert application.client_id in {client.id for client in asked.world.curity.dynamic_clients}
    assert REGISTRAR not in {client.id for client in asked.world.curity.dynamic_clients}


# What admins see and change of an application


def test_an_application_is_handed_over_to_another_developer():
    asked = Asked()
    application = asked.create()
    portal = f"/v3/portals/{asked.setup.portal_id}"
    other = asked.ask("POST", f"{portal}/developers", {"email": "b@example.com", "full_name": "B"}).json()
    path = f"{portal}/applications/{application.id}"
    moved = asked.ask("PATCH", path, {"owner": {"type": "developer", "id": other["id"]}}).json()
    assert moved["owner"]["id"] == other["id"]
    assert [one["id"] for one in asked.ask("GET", f"{path}/developers").json()["data"]] == [other["id"]]
    assert asked.konnect.applications.of(asked.setup.developer_id) == []
    assert asked.ask("PATCH", path, {"name": "renamed"}).status == 400
    assert asked.ask("PATCH", path, {"owner": {"type": "team", "id": other["id"]}}).status == 400


def test_admins_see_the_ids_of_credentials_and_no_secret():
    asked = Asked()
    application = asked.create()
    path = f"/v3/portals/{asked.setup.portal_id}/applications/{application.id}/credentials"
    (credential,) = asked.ask("GET", path).json()["data"]
    assert credential["client_id"] == application.client_id
    assert "client_secret" not in credential


# Lists


LISTING = Listing(filters=filtered(STRING, "name"), sorts=named("name", "rank"))


class Held:
    def __init__(self, name: str, rank: int) -> None:
        self.name, self.rank = name, rank


@given(
    names=st.lists(st.text("abc", max_size=3), max_size=25),
    size=st.integers(1, 10),
    wanted=st.text("abc", max_size=1),
    sort=st.sampled_from(["", "name", "name desc", "rank desc,name"]),
)
def test_pages_and_filters_lose_and_repeat_nothing(names, size, wanted, sort):
    held = [Held(name, rank) for rank, name in enumerate(names)]

    def page(number):
        asked = {"page[size]": size, "page[number]": number, "filter[name][contains]": wanted}
        query = urlencode({**asked, **({"sort": sort} if sort else {})})
        return LISTING.page(Request("GET", "/", "/", query), held, lambda one: {"rank": one.rank})

    first = page(1)
    total = first["meta"]["page"]["total"]
    ranks = [one["rank"] for number in range(1, total // size + 2) for one in page(number)["data"]]
    assert sorted(ranks) == [rank for rank, name in enumerate(names) if wanted in name]
    assert len(ranks) == total
    assert page(total // size + 2)["data"] == []


# Teams


@pytest.mark.parametrize("size", [1, 2, 5, 6, 1000])
def test_pages_of_entities_follow_one_another(size):
    query, seen = f"size={size}", []
    while query:
        page = entities(Request("GET", "/consumers", query=query), range(5), lambda number: {"id": number})
        assert len(page["data"]) == min(size, 5 - len(seen))
        seen += [one["id"] for one in page["data"]]
        query = page["next"].partition("?")[2] if "next" in page else ""
    assert seen == [0, 1, 2, 3, 4]


def test_a_page_of_entities_has_at_most_1000():
    with pytest.raises(Problem):
        entities(Request("GET", "/consumers", query="size=1001"), range(5), lambda number: {"id": number})


def test_with_rbac_an_api_is_for_the_teams_that_it_was_granted_to():
    asked = Asked()
    ids, konnect = asked.setup, asked.konnect
    portal = f"/v3/portals/{ids.portal_id}"
    made = asked.create()
    session = konnect.accounts.sign_in(
        konnect.tables.developers[ids.developer_id], konnect.tables.portals[ids.portal_id]
    )
    host = konnect.tables.portals[ids.portal_id].canonical_domain
    headers = (("host", host), ("cookie", f"portalaccesstoken={session.access_token}"))
    headers = (*headers, ("content-type", "application/json"))

    def developer(method, path, body=None):
        raw = b"" if body is None else json.dumps(body).encode()
        request = Request(method, f"/api/v3{path}", "", "", headers, raw)
        return perform(asked.world.handle("portal", request), asked.network)

    def seen_and_usable():
        answer = developer("GET", f"/apis/{ids.api_id}/actions")
        return answer.json()["actions"]["register"] if answer.status == 200 else None

    def register():
        return developer("POST", f"/applications/{made.id}/registrations", {"api_id": ids.api_id}).status

    konnect.catalog.publish(
        ids.api_id, ids.portal_id, {"visibility": "private", "auth_strategy_ids": [ids.strategy_id]}
    )
    assert seen_and_usable() is True
    assert asked.ask("PATCH", portal, {"rbac_enabled": True}).status == 200
    assert (seen_and_usable(), register()) == (None, 404)

    team = asked.ask("POST", f"{portal}/teams", {"name": "accountants"})
    assert team.status == 201
    assert asked.ask("POST", f"{portal}/teams", {"name": "accountants"}).status == 409
    path = f"{portal}/teams/{team.json()['id']}"
    role = {"entity_id": ids.api_id, "entity_type_name": "Services", "entity_region": "us"}
    viewer_of = asked.ask("POST", f"{path}/assigned-roles", {"role_name": "API Viewer", **role})
    assert viewer_of.status == 201
    assert seen_and_usable() is None
    assert asked.ask("POST", f"{path}/developers", {"id": ids.developer_id}).status == 201
    assert asked.ask("GET", f"{path}/developers").json()["data"][0]["id"] == ids.developer_id
    assert (
        asked.ask("GET", f"{portal}/developers/{ids.developer_id}/teams").json()["data"][0]["id"] == team.json()["id"]
    )
    assert (seen_and_usable(), register()) == (False, 404)

    assert asked.ask("POST", f"{path}/assigned-roles", {"role_name": "API Consumer", **role}).status == 201
    assert asked.ask("GET", f"{path}/assigned-roles").json()["meta"]["page"]["total"] == 2
    assert (seen_and_usable(), register()) == (True, 201)
    assert asked.ask("DELETE", f"{path}/assigned-roles/{viewer_of.json()['id']}").status == 204
    assert seen_and_usable() is True
    assert asked.ask("DELETE", f"{path}/developers/{ids.developer_id}").status == 204
    assert asked.ask("DELETE", f"{path}/developers/{ids.developer_id}").status == 404
    assert seen_and_usable() is None


def test_an_application_is_mapped_to_a_consumer_of_its_gateway():
    asked = Asked()
    ids, konnect = asked.setup, asked.konnect
    made = asked.create()
    registered = konnect.registrations.register(made, ids.api_id)
    path = f"/v3/portals/{ids.portal_id}/applications/{made.id}/registrations/{registered.id}"
    elsewhere = konnect.entities.add_consumer(
        konnect.control_planes.create({"name": "other"}).id, {"username": "accounting"}
    )
    consumers = f"/v2/control-planes/{ids.control_plane_id}/core-entities/consumers"
    consumer = asked.ask("POST", consumers, {"username": "accounting"}).json()["id"]
    assert asked.ask("POST", consumers, {"username": "accounting"}).status == 409
    assert asked.ask("POST", consumers, {}).status == 400
    assert asked.ask("PUT", f"{path}/consumer", {"id": elsewhere.id}).status == 400
    assert asked.ask("PUT", f"{path}/consumer", {}).status == 400
    assert "consumer" not in asked.ask("GET", path).json()
    assert asked.ask("PUT", f"{path}/consumer", {"id": consumer}).status == 204
    assert asked.ask("GET", path).json()["consumer"]["username"] == "accounting"
    assert asked.ask("DELETE", f"{path}/consumer").status == 204
    assert "consumer" not in asked.ask("GET", path).json()
    assert asked.ask("PUT", f"{path}/consumer", {"id": consumer}).status == 204
    assert asked.ask("DELETE", f"{consumers}/{consumer}").status == 204
    assert "consumer" not in asked.ask("GET", path).json()


# What the control plane does not take, and which nodes are too old for it


def test_a_plugin_that_its_schema_forbids_is_not_pushed():
    asked = Asked()
    ids = asked.setup
    link = f"/v3/apis/{ids.api_id}/implementations/{ids.implementation_id}"
    plugins = f"/v2/control-planes/{ids.control_plane_id}/core-entities/plugins"
    before, plugin = asked.konnect.push.hash, asked.ask("GET", plugins).json()
    for key, value in (("timeout", "soon"), ("auth_methods", ["bearer", "guessing"]), ("ssl_verify", "yes")):
        strategy = f"/v2/application-auth-strategies/{ids.strategy_id}"
        good = asked.konnect.tables.strategies[ids.strategy_id].config.get(key)
        changed = asked.ask("PATCH", strategy, {"configs": {"openid-connect": {key: value}}})
        assert changed.status == 200
        error = asked.ask("GET", link).json()["service"]["auth_strategy_sync_error"]
        assert error["control_plane_error"] == "control_plane_error_data_constraint_error"
        assert key in error["message"]
        assert asked.konnect.push.hash == before
        assert asked.ask("GET", plugins).json() == plugin
        asked.ask("PATCH", strategy, {"configs": {"openid-connect": {key: good}}})
        assert asked.ask("GET", link).json()["service"]["auth_strategy_sync_error"] is None
        before, plugin = asked.konnect.push.hash, asked.ask("GET", plugins).json()


def test_a_plugin_put_on_the_service_by_hand_is_in_the_way_of_the_managed_one():
    asked = Asked()
    ids = asked.setup
    link = f"/v3/apis/{ids.api_id}/implementations"
    service = f"/v2/control-planes/{ids.control_plane_id}/core-entities/services/{ids.service_id}"
    by_hand = {"name": "konnect-application-auth"}
    assert asked.ask("POST", f"{service}/plugins", by_hand).status == 409
    asked.konnect.catalog.delete_implementation(ids.api_id, ids.implementation_id)
    plugin = asked.ask("POST", f"{service}/plugins", by_hand).json()["id"]
    body = {"service": {"control_plane_id": ids.control_plane_id, "id": ids.service_id}}
    linked = asked.ask("POST", link, body).json()

    def error():
        return asked.ask("GET", f"{link}/{linked['id']}").json()["service"]["auth_strategy_sync_error"]

    assert error()["control_plane_error"] == "control_plane_error_plugin_conflict"
    asked.ask("DELETE", service.rpartition("/services")[0] + f"/plugins/{plugin}")
    assert error() is None


def test_entities_of_the_gateway_are_made_and_deleted():
    asked = Asked()
    core = f"/v2/control-planes/{asked.setup.control_plane_id}/core-entities"
    made = asked.ask("POST", f"{core}/services", {"name": "own", "host": "upstream.test", "path": "/base"})
    assert made.status == 201
    service = f"{core}/services/{made.json()['id']}"
    assert asked.ask("POST", f"{core}/services", {"name": "own", "host": "upstream.test"}).status == 409
    route = asked.ask("POST", f"{service}/routes", {"name": "own", "paths": ["/own"], "methods": ["GET"]})
    assert (route.status, route.json()["methods"]) == (201, ["GET"])
    wrong = {"name": "openid-connect", "config": {"issuer": "https://curity.test", "leeway": "long"}}
    assert asked.ask("POST", f"{service}/plugins", wrong).json()["invalid_parameters"][0]["field"] == "config.leeway"
    pushed = asked.konnect.push.configuration.services[-1]
    assert (pushed.url, pushed.routes[0].paths) == ("http://upstream.test:80/base", ("/own",))
    assert asked.ask("DELETE", service).status == 400
    assert asked.ask("DELETE", f"{core}/routes/{route.json()['id']}").status == 204
    assert asked.ask("DELETE", service).status == 204
    assert asked.ask("GET", service).status == 404


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("plugins", {"name": "rate-limiting"}),
        ("plugins", {"name": "openid-connect", "route": {"id": "x"}}),
        ("routes", {"name": "other", "hosts": ["api.example.com"]}),
        ("routes", {"name": "other", "paths": ["~/own/[0-9]+"]}),
        ("routes", {"name": "other", "expression": 'http.path ^= "/other"'}),
        ("services", {"name": "other", "host": "upstream.test", "protocol": "grpc"}),
        ("services", {"name": "other", "url": "https://upstream.test", "tls_verify": True}),
    ],
)
def test_what_the_data_planes_here_cannot_do_is_kept_and_not_pushed(kind, body):
    asked = Asked()
    core = f"/v2/control-planes/{asked.setup.control_plane_id}/core-entities"
    service = (
        f"{core}/services/{asked.ask('POST', f'{core}/services', {'name': 'own', 'host': 'up.test'}).json()['id']}"
    )
    if kind != "routes":
        assert asked.ask("POST", f"{service}/routes", {"name": "own", "paths": ["/own"]}).status == 201
    made = asked.ask("POST", f"{core if kind == 'services' else service}/{kind}", body)
    assert made.status == 201
    assert all(
        asked.ask("GET", f"{core}/{kind}/{made.json()['id']}").json()[name] == body[name]
        for name in body
        if name != "url"
    )
    if kind == "services":
        assert (
            asked.ask("POST", f"{core}/services/{made.json()['id']}/routes", {"name": "other", "paths": ["/"]}).status
            == 201
        )
    assert asked.konnect.push.configuration.services[-1].routes == ()


def test_a_disabled_plugin_does_nothing():
    asked = Asked()
    core = f"/v2/control-planes/{asked.setup.control_plane_id}/core-entities"
    service = f"{core}/services/{asked.setup.service_id}"
    pushed = asked.konnect.push.configuration
    assert asked.ask("POST", f"{service}/plugins", {"name": "openid-connect", "enabled": False}).status == 201
    assert asked.konnect.push.configuration == pushed


def test_with_its_portal_a_team_is_gone_and_with_its_api_a_role():
    asked = Asked()
    konnect, ids = asked.konnect, asked.setup
    team = konnect.teams.create(ids.portal_id, {"name": "accountants"})
    role = {"entity_id": ids.api_id, "entity_type_name": "Services", "entity_region": "us", "role_name": "API Viewer"}
    konnect.teams.grant(ids.portal_id, team.id, role)
    konnect.teams.join(ids.portal_id, team.id, {"id": ids.developer_id})
    konnect.catalog.delete_api(ids.api_id)
    assert konnect.tables.team_roles == {}
    assert asked.ask("DELETE", f"/v3/portals/{ids.portal_id}?force=true").status == 204
    assert konnect.tables.teams == {}


def test_an_old_node_is_incompatible_with_the_managed_plugin():
    asked = Asked()
    path = f"/v2/control-planes/{asked.setup.control_plane_id}/nodes"

    def states():
        held = asked.ask("GET", path).json()["items"]
        return [node["compatibility_status"]["state"].removeprefix("COMPATIBILITY_STATE_") for node in held]

    assert states() == ["FULLY_COMPATIBLE", "FULLY_COMPATIBLE"]
    asked.world.data_planes[1].version = "3.5.0.0"
    assert states() == ["FULLY_COMPATIBLE", "INCOMPATIBLE"]
    old = asked.ask("GET", f"{path}/{asked.world.data_planes[1].id}").json()["item"]
    (issue,) = old["compatibility_status"]["issues"]
    assert "3.6" in issue["resolution"]
    asked.konnect.catalog.delete_implementation(asked.setup.api_id, asked.setup.implementation_id)
    assert states() == ["FULLY_COMPATIBLE", "FULLY_COMPATIBLE"]


# An organisation as a whole


PAGE = "page[number]=1&page[size]=100"
# Those that hold others come first. Kong/kongctl, test/e2e/harness/reset.go, at commit 037eeff.
EMPTIED = ("/v3/apis", "/v3/portals", "/v2/application-auth-strategies", "/v2/dcr-providers", "/v2/control-planes")
# What it lists as well, of which there is nothing: test/e2e/scenarios/dump/portal-owned/replay, at commit 508b6a3.
NOTHING_THERE = (
    *("/v3/portals/email-domains", "/v3/audit-log-destinations", "/v3/system-accounts", "/v3/teams", "/v2/dashboards"),
    *("/v1/catalog-services", "/v1/event-gateways", "/v1/ai-gateways"),
)


def listed(asked, path):
    return asked.ask("GET", f"{path}?{PAGE}").json()["data"]


def test_an_organisation_is_emptied():
    asked = Asked()
    asked.create()
    for path in EMPTIED:
        held = listed(asked, path)
        assert held
        for one in held:
            assert asked.ask("DELETE", f"{path}/{one['id']}").status == 204
        assert listed(asked, path) == []
    assert [listed(asked, path) for path in NOTHING_THERE] == [[] for _ in NOTHING_THERE]
    made = {name for name in asked.konnect.tables.__slots__ if len(getattr(asked.konnect.tables, name))}
    assert not made, "deleted objects left others behind"
    assert not asked.world.konnect.push.configuration.services


def test_an_empty_organisation_is_one_that_was_emptied():
    asked = Asked(empty=True)
    assert [listed(asked, path) for path in EMPTIED] == [[] for _ in EMPTIED]
    assert asked.ask("GET", "/v2/portals").json()["data"] == []
    portal = asked.ask("POST", "/v3/portals", {"name": "first"}).json()
    assert ADDRESSES["portal"].endswith(portal["canonical_domain"])


def test_control_planes_are_managed():
    asked = Asked()
    path = "/v2/control-planes"
    made = asked.ask("POST", path, {"name": "second", "labels": {"env": "e2e"}})
    assert made.status == 201
    own = f"{path}/{made.json()['id']}"
    assert made.json()["config"]["cluster_type"] == "CLUSTER_TYPE_CONTROL_PLANE"
    assert asked.ask("POST", path, {"name": "second"}).status == 409
    assert asked.ask("POST", path, {"name": "third", "cluster_type": "CLUSTER"}).status == 400
    changed = asked.ask("PATCH", own, {"description": "d", "labels": {"owner": "me"}, "name": "second"})
    assert (changed.status, changed.json()["labels"]) == (200, {"owner": "me"})
    assert asked.ask("PATCH", own, {"name": "default"}).status == 409
    assert asked.ask("PATCH", own, {"cluster_type": "CLUSTER_TYPE_CONTROL_PLANE"}).status == 400
    services = f"{own}/core-entities/services"
    service = asked.ask("POST", services, {"name": "a", "host": "a.test"}).json()["id"]
    link = {"service": {"control_plane_id": made.json()["id"], "id": service}}
    [api] = asked.ask("GET", "/v3/apis").json()["data"]
    implementation = f"/v3/apis/{api['id']}/implementations"
    assert asked.ask("DELETE", f"{implementation}/{asked.setup.implementation_id}").status == 204
    assert asked.ask("POST", implementation, link).status == 201
    assert asked.ask("DELETE", own).status == 204
    assert asked.ask("GET", own).status == 404
    assert asked.ask("GET", services).status == 404
    assert asked.ask("GET", "/v3/api-implementations").json()["data"] == []
