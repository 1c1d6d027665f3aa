"""Switches of the mocks, each at its default and turned, in a whole world without sockets."""

import base64
from dataclasses import replace

import pytest
from test_mock_konnect_detail import Asked

from dcrproof.mocks.konnect.problems import Problem
from dcrproof.mocks.messages import NoAnswer, Request, perform


@pytest.fixture
def asked():
    return Asked()


def konnect(asked, **switches):
    asked.konnect.driver.switches = replace(asked.konnect.driver.switches, **switches)


def gateway(asked, **switches):
    for node in asked.world.data_planes:
        node.switches = replace(node.switches, **switches)


def call(asked, headers, port="gateway"):
    return perform(asked.world.handle(port, Request("GET", "/accounts", headers=headers)), asked.network)


def application(asked):
    """The Authorization header of an application that is registered for the API."""
    made, secret = asked.run(
        asked.konnect.applications.create(
            asked.setup.portal_id,
            asked.setup.developer_id,
            {"name": "app", "auth_strategy_id": asked.setup.strategy_id},
        )
    )
    asked.konnect.registrations.register(made, asked.setup.api_id)
    return "Basic " + base64.b64encode(f"{made.client_id}:{secret}".encode()).decode()


@pytest.mark.parametrize(
    ("switch", "header", "change"),
    [
        ("any_spelling_of_basic", "authorization", lambda value: value.replace("Basic ", "BASIC  ")),
        ("reads_proxy_authorization", "proxy-authorization", str),
        ("literal_basic", "authorization", lambda value: "Basic " + base64.b64decode(value[6:]).decode()),
    ],
)
def test_a_pair_is_taken_as_the_switch_says(asked, switch, header, change):
    pair = application(asked)
    assert call(asked, (("authorization", pair),)).status == 200
    assert call(asked, ((header, change(pair)),)).status == 401
    gateway(asked, **{switch: True})
    assert call(asked, ((header, change(pair)),)).status == 200
    assert call(asked, ((header, change(pair)[:-4]),)).status == 401


def test_credentials_of_a_developer_who_is_no_longer_approved_work_on(asked):
    pair = (("authorization", application(asked)),)
    path = f"/v3/portals/{asked.setup.portal_id}/developers/{asked.setup.developer_id}"
    assert asked.ask("PATCH", path, {"status": "revoked"}).status == 200
    assert call(asked, pair).status == 200


@pytest.mark.parametrize("shared", [False, True])
def test_nodes_share_a_session_secret_where_the_switch_says_so(asked, shared):
    gateway(asked, shares_session_secrets=shared)
    first = call(asked, (("authorization", application(asked)),))
    cookie = (("cookie", first.header("set-cookie").partition(";")[0]),)
    assert call(asked, cookie).status == 200
    assert call(asked, cookie, "gateway-2").status == (200 if shared else 401)


@pytest.mark.parametrize("status", [400, 409, 500, 502])
def test_a_developer_is_told_of_a_failure_with_the_status_of_the_switch(asked, status):
    konnect(asked, provider_failure=status)
    steps = asked.konnect.applications.create(
        asked.setup.portal_id,
        asked.setup.developer_id,
        {"name": "app", "auth_strategy_id": asked.setup.strategy_id},
    )
    next(steps)
    with pytest.raises(Problem, match="Unable to create the DCR application") as told:
        steps.send(NoAnswer("down"))
    assert told.value.status == status
    assert bool(told.value.invalid) is (status == 400)


@pytest.mark.parametrize("deletes", [False, True])
def test_a_provider_in_use_is_deleted_where_the_switch_says_so(asked, deletes):
    konnect(asked, deletes_providers_in_use=deletes)
    path = f"/v2/dcr-providers/{asked.setup.provider_id}"
    assert asked.ask("DELETE", path).status == (204 if deletes else 409)
    strategy = asked.ask("GET", f"/v2/application-auth-strategies/{asked.setup.strategy_id}")
    assert (strategy.json()["dcr_provider"] is None) is deletes


@pytest.mark.parametrize("repeats", [False, True])
@pytest.mark.parametrize(
    ("path", "setup"), [("/v2/dcr-providers", "provider_id"), ("/v2/application-auth-strategies", "strategy_id")]
)
def test_two_providers_or_strategies_have_one_name_where_the_switch_says_so(asked, repeats, path, setup):
    konnect(asked, names_may_repeat=repeats)
    held = asked.ask("GET", f"{path}/{getattr(asked.setup, setup)}").json()
    shown = ("id", "active", "created_at", "updated_at", "dcr_provider", "supports_multiple_credentials")
    body = {name: value for name, value in held.items() if name not in shown}
    if "dcr_config" in body:
        body["dcr_config"] = {**body["dcr_config"], "initial_client_secret": "another secret"}
    again = asked.ask("POST", path, body)
    assert again.status == (201 if repeats else 400)
    assert repeats or again.json()["invalid_parameters"][0]["reason"] == '"name" must be unique'
    other = asked.ask("POST", path, {**body, "name": "another"}).json()
    assert asked.ask("PATCH", f"{path}/{other['id']}", {"name": held["name"]}).status == (200 if repeats else 400)
    assert asked.ask("PATCH", f"{path}/{held['id']}", {"name": held["name"]}).status == 200


def test_applications_stay_with_the_provider_of_their_client(asked):
    made = asked.create()
    held = asked.ask("GET", f"/v2/dcr-providers/{asked.setup.provider_id}").json()
    elsewhere = {
        "name": "elsewhere",
        "provider_type": "curity",
        "issuer": "https://nowhere.test/.well-known/openid-configuration",
        "dcr_config": {**held["dcr_config"], "initial_client_secret": "another secret"},
    }
    other = asked.ask("POST", "/v2/dcr-providers", elsewhere).json()["id"]
    path = f"/v2/application-auth-strategies/{asked.setup.strategy_id}"
    assert asked.ask("PATCH", path, {"dcr_provider_id": other}).json()["dcr_provider"]["id"] == other
    client_id, secret = asked.run(asked.konnect.applications.regenerate_secret(made.id))
    assert (client_id, bool(secret)) == (made.client_id, True)
    with pytest.raises(Problem, match="Unable to create the DCR application"):
        asked.create("another")


@pytest.mark.parametrize("takes_away", [False, True])
def test_a_refused_push_takes_the_plugin_away_where_the_switch_says_so(asked, takes_away):
    konnect(asked, refused_push_takes_plugin_away=takes_away)
    never = {"configs": {"openid-connect": {"timeout": "soon"}}}
    asked.konnect.auth.patch_strategy(asked.setup.strategy_id, never)
    assert call(asked, ()).status == (200 if takes_away else 401)


@pytest.mark.parametrize("imports", [False, True])
def test_an_existing_client_is_taken_over_where_the_switch_says_so(asked, imports):
    konnect(asked, imports_clients=imports)
    body = {
        "name": "imported",
        "owner": {"type": "developer", "id": asked.setup.developer_id},
        "auth_strategy_id": asked.setup.strategy_id,
        "dcr_client_id": "made-elsewhere",
    }
    made = asked.ask("POST", f"/v3/portals/{asked.setup.portal_id}/applications", body)
    assert made.status == (201 if imports else 400)
    if imports:
        assert made.json()["client_id"] == "made-elsewhere"
        assert not [call for call in asked.calls if call[0] == "POST"]
        again = asked.ask("POST", f"/v3/portals/{asked.setup.portal_id}/applications", {**body, "name": "again"})
        assert again.status == 409


@pytest.mark.parametrize("shown", [False, True])
def test_metadata_show_the_scopes_of_registration_where_the_switch_says_so(asked, shown):
    asked.world.curity.switches = replace(asked.world.curity.switches, shows_registration_scopes=shown)
    assert ({"dcr", "dcrm"} <= set(asked.world.curity.metadata()["scopes_supported"])) is shown
