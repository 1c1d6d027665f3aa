"""The classic portal's core: its form, its applications, and what it pushes beside the later portal."""

import base64
import json
from typing import Any

import pytest

from dcrproof.mocks.classic_portal.state import ApplicationSetup, ClassicPortal
from dcrproof.mocks.gateway.state import Admitted
from dcrproof.mocks.konnect.problems import Problem
from dcrproof.mocks.messages import Call, NoAnswer, Request, Response, perform
from dcrproof.mocks.start import DEVELOPER, Start
from dcrproof.mocks.world import World

HOSTS = ("curity", "konnect", "portal", "classic_portal", "gateway", "upstream", "gateway-2", "control")
ADDRESSES = {name: f"http://{name.replace('_', '-')}.test" for name in HOSTS}
API = "/api/v2"


class Asked:
    """A world without sockets, and its classic portal as a developer who has signed in asks it."""

    def __init__(self) -> None:
        self.world = World(Start(ADDRESSES, 11))
        self.portal = self.world.classic_portal
        self.setup = self.world.classic_setup
        self.cookie = ""
        password = self.world.credentials.classic_developer_password
        signed_in = self.ask("POST", "/developer/authenticate", {"username": DEVELOPER, "password": password}, 204)
        self.cookie = next(value for name, value in signed_in.headers if name == "set-cookie").partition(";")[0]

    def network(self, call: Call) -> Response | NoAnswer:
        host, _, path = call.url.partition("//")[2].partition("/")
        port = next((name for name, url in ADDRESSES.items() if url.endswith(f"//{host}")), None)
        if port is None:
            return NoAnswer("no such host")
        path, _, query = f"/{path}".partition("?")
        headers = tuple((name.lower(), value) for name, value in call.headers)
        return self.send(port, Request(call.method, path, path, query, headers, call.body))

    def send(self, port: str, request: Request) -> Response:
        return perform(self.world.handle(port, request), self.network)

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Response:
        """The answer, whose status must be that one."""
        raw = b"" if body is None else json.dumps(body).encode()
        path, _, query = path.partition("?")
        headers = (("host", "classic-portal.test"), ("cookie", self.cookie), ("content-type", "application/json"))
        answer = self.send("classic_portal", Request(method, API + path, API + path, query, headers, raw))
        assert answer.status == status, answer.body
        return answer

    def create(self, name: str = "app", **members: Any) -> Any:
        return self.ask("POST", "/applications", {"name": name, **members}, 201).json()

    def register(self, application: Any, status: int = 201) -> Any:
        body = {"product_version_id": self.setup.product_version_id}
        return self.ask("POST", f"/applications/{application['id']}/registrations", body, status).json()

    def clients(self) -> set[str]:
        """The ids of the clients that Curity has registered."""
        return {client.id for client in self.world.curity.dynamic_clients}

    def route(self, credentials: Any) -> int:
        pair = f"{credentials['client_id']}:{credentials['client_secret']}".encode()
        headers = (("host", "gateway.test"), ("authorization", f"Basic {base64.b64encode(pair).decode()}"))
        return self.send("gateway", Request("GET", "/accounts", "/accounts", "", headers)).status


@pytest.fixture
def asked():
    return Asked()


def test_credentials_are_nested_shown_once_and_open_the_route(asked):
    made = asked.create(redirect_uri="https://app.example/callback", description="mine")
    assert set(made["credentials"]) == {"client_id", "client_secret"}
    assert made["reference_id"] == made["credentials"]["client_id"]
    again = asked.ask("GET", f"/applications/{made['id']}").json()
    assert "credentials" not in again
    assert made["credentials"]["client_secret"] not in json.dumps(again)
    assert asked.route(made["credentials"]) == 403
    assert asked.register(made)["status"] == "approved"
    assert asked.route(made["credentials"]) == 200


TIMES = {"id", "created_at", "updated_at"}


def without_times(view: dict[str, Any]) -> dict[str, Any]:
    assert view.keys() >= TIMES, view
    return {name: value for name, value in view.items() if name not in TIMES}


def test_each_member_is_shown_to_the_developer_as_it_was_given(asked):
    setup, tables = asked.setup, asked.portal.tables
    api, portal = tables.apis[setup.product_id], asked.portal.portal
    assert asked.ask("GET", "/portal").json() == {
        "portal_id": portal.id,
        "org_id": asked.portal.organization_id,
        "name": portal.display_name,
        "canonical_domain": portal.canonical_domain,
        "is_public": False,
        "basic_auth_enabled": True,
        "oidc_auth_enabled": False,
        "rbac_enabled": False,
        "dcr_provider_ids": list(tables.providers),
        "featureset_id": "",
        "allowed_time_period": "",
    }
    version = {"id": setup.product_version_id, "name": "1.0.0"}
    (product,) = asked.ask("GET", "/products").json()["data"]
    assert product == asked.ask("GET", f"/products/{api.id}").json()
    assert without_times(product) == {
        "name": api.name,
        "description": api.description,
        "public_labels": {},
        "version_count": 1,
        "document_count": 0,
        "latest_version": version,
    }
    (offered,) = asked.ask("GET", "/applications/auth-strategies").json()["data"]
    (shown,) = asked.ask("GET", f"/products/{api.id}/versions").json()["data"]
    config = {**offered, "registration_enabled": True, "registration_auto_approve": True}
    config.pop("supports_multiple_credentials")
    assert without_times(shown) == {"name": "1.0.0", "deprecated": False, "registration_configs": [config]}
    assert shown["id"] == setup.product_version_id

    given = {"name": "app", "redirect_uri": "https://app.example/callback", "description": "mine"}
    made = asked.create(**given)
    held = asked.ask("GET", f"/applications/{made['id']}").json()
    strategy = {**offered, "supports_multiple_credentials": False}
    assert without_times(held) == {
        **given,
        "reference_id": made["reference_id"],
        "auth_strategy": strategy,
        "scopes": [],
    }
    assert {**held, "credentials": made["credentials"]} == made
    registration = asked.register(made)
    assert without_times(registration) == {
        "status": "approved",
        "application_id": made["id"],
        "product_id": api.id,
        "product_name": api.name,
        "product_version_id": version["id"],
        "product_version_name": version["name"],
    }
    assert asked.ask("GET", f"/applications/{made['id']}/registrations").json()["data"] == [registration]


def test_each_member_is_shown_to_admins_as_it_was_given(asked):
    token = (("authorization", f"Bearer {asked.world.credentials.konnect_token}"),)
    made = asked.create(description="mine")
    registration = asked.register(made)
    api, portal = asked.portal.tables.apis[asked.setup.product_id], asked.portal.portal

    def shown(path: str) -> dict[str, Any]:
        return without_times(asked.send("konnect", Request("GET", path, path, "", token)).json())

    assert shown(f"/v2/portals/{portal.id}") == {
        "name": portal.name,
        "display_name": portal.display_name,
        "description": portal.description,
        "rbac_enabled": False,
        "auto_approve_applications": portal.auto_approve_applications,
        "auto_approve_developers": portal.auto_approve_developers,
        "is_public": False,
        "default_domain": portal.canonical_domain,
    }
    lists = f"/v2/portals/{portal.id}"
    path = f"{lists}/applications/{made['id']}"
    for listed, one in (
        ("/v2/portals", lists),
        (f"{lists}/applications", path),
        (f"{path}/registrations", f"{path}/registrations/{registration['id']}"),
        (f"{lists}/application-registrations", f"{path}/registrations/{registration['id']}"),
        (f"{lists}/developers", f"{lists}/developers/{asked.setup.developer_id}"),
    ):
        (first,) = asked.send("konnect", Request("GET", listed, listed, "", token)).json()["data"]
        assert without_times(first) == shown(one)
    strategy = {
        name: made["auth_strategy"][name] for name in made["auth_strategy"].keys() - {"supports_multiple_credentials"}
    }
    assert shown(path) == {
        "name": "app",
        "description": "mine",
        "reference_id": made["reference_id"],
        "dcr_provider": {"id": next(iter(asked.portal.tables.providers))},
        "auth_strategy": strategy,
        "portal": {"id": portal.id},
        "developer": {"id": asked.setup.developer_id},
        "registration_count": 1,
    }
    assert shown(f"{path}/registrations/{registration['id']}") == {
        "status": "approved",
        "product_version": {
            "id": asked.setup.product_version_id,
            "name": "1.0.0",
            "product": {"id": api.id, "name": api.name},
        },
        "application": {"id": made["id"], "name": "app"},
    }


def test_refresh_token_makes_a_new_secret_for_the_same_client(asked):
    made = asked.create()
    asked.register(made)
    renewed = asked.ask("POST", f"/applications/{made['id']}/refresh-token", status=201).json()
    assert renewed["client_id"] == made["reference_id"]
    assert renewed["client_secret"] != made["credentials"]["client_secret"]
    assert asked.route(renewed) == 200
    assert asked.route(made["credentials"]) == 401


def test_a_deleted_application_is_gone_at_the_portal_at_curity_and_at_the_gateway(asked):
    made = asked.create()
    asked.register(made)
    assert asked.route(made["credentials"]) == 200
    assert made["reference_id"] in asked.clients()
    asked.ask("DELETE", f"/applications/{made['id']}", status=204)
    asked.ask("GET", f"/applications/{made['id']}", status=404)
    assert made["reference_id"] not in asked.clients()
    assert asked.route(made["credentials"]) == 401


def test_saving_the_form_overwrites_what_was_there(asked):
    asked.portal.save(ApplicationSetup("https://other.example/.well-known/openid-configuration", "another token"))
    assert asked.portal.strategy.config["issuer"].startswith("https://other.example")
    assert len(asked.portal.tables.strategies) == len(asked.portal.tables.providers) == 1
    problem = asked.ask("POST", "/applications", {"name": "app"}, 400).json()
    assert problem["detail"] == "Unable to create the DCR application"


def test_without_an_identity_provider_the_developer_brings_the_client_id(asked):
    setup = asked.setup.application_setup
    asked.portal.save(ApplicationSetup(setup.issuer_url, setup.token, provider=None))
    assert asked.ask("GET", "/portal").json()["dcr_provider_ids"] == []
    asked.ask("POST", "/applications", {"name": "app"}, 400)
    assert "credentials" not in asked.create(reference_id="a client of my own")


def test_with_an_identity_provider_the_reference_id_cannot_be_set(asked):
    problem = asked.ask("POST", "/applications", {"name": "app", "reference_id": "mine"}, 400).json()
    assert problem["invalid_parameters"][0]["field"] == "reference_id"


@pytest.mark.parametrize(("provider", "shown"), [("curity", "curity"), (None, "OpenID Connect")])
def test_a_strategy_is_shown_by_the_name_of_its_provider(provider, shown):
    asked = Asked()
    setup = asked.setup.application_setup
    portal = ClassicPortal(
        clock=asked.world.clock, seed=1, konnect=asked.world.konnect, host="other.test", registrar_id="registrar"
    )
    portal.open("other")
    portal.save(ApplicationSetup(setup.issuer_url, setup.token, provider=provider))
    assert portal.strategy.display_name == shown


def test_the_token_of_the_form_is_shown_to_nobody(asked):
    token = asked.setup.application_setup.token
    assert token not in repr(asked.setup.application_setup)
    for path in ("/portal", "/applications/auth-strategies", "/products"):
        assert token.encode() not in asked.ask("GET", path).body


@pytest.mark.parametrize("member", ["client_id", "team_id", "auth_strategy", "api_id"])
def test_members_of_the_later_portal_are_unknown(asked, member):
    problem = asked.ask("POST", "/applications", {"name": "app", member: "x"}, 400).json()
    assert problem["invalid_parameters"][0]["rule"] == "unknown_property"


def test_registering_twice_is_a_conflict(asked):
    made = asked.create()
    asked.register(made)
    asked.register(made, status=409)


def test_admins_find_the_client_by_its_reference_id_and_revoke_the_registration(asked):
    made = asked.create()
    registration = asked.register(made)
    token = (("authorization", f"Bearer {asked.world.credentials.konnect_token}"), ("content-type", "application/json"))
    path = f"/v2/applications/{made['id']}"
    seen = asked.send("konnect", Request("GET", path, path, "", token)).json()
    assert seen["reference_id"] == made["reference_id"]
    assert seen["dcr_provider"]["id"] in asked.portal.tables.providers
    path = f"/v2/portals/{asked.portal.portal_id}/applications/{made['id']}/registrations/{registration['id']}"
    answer = asked.send("konnect", Request("PATCH", path, path, "", token, b'{"status":"revoked"}'))
    assert answer.json()["status"] == "revoked"
    assert asked.route(made["credentials"]) == 403


def test_nothing_is_pushed_beside_the_later_portal_before_there_is_an_application(asked):
    konnect = asked.world.konnect
    assert not any(service.also for service in konnect.push.configuration.services)
    before = konnect.push.hash
    made = asked.create()
    (service,) = (one for one in konnect.push.configuration.services if one.also)
    assert service.also[0].strategy.id == asked.portal.strategy_id
    asked.ask("DELETE", f"/applications/{made['id']}", status=204)
    assert konnect.push.hash == before


def test_neither_portal_shows_the_objects_of_the_other(asked):
    asked.create()
    konnect = asked.world.konnect
    assert asked.portal.portal_id not in konnect.tables.portals
    assert asked.portal.strategy_id not in konnect.tables.strategies
    assert not konnect.tables.applications


def test_an_application_of_the_classic_portal_does_not_pass_by_the_later_portals_strategy(asked):
    made = asked.create()
    asked.register(made)
    asked.route(made["credentials"])
    node = asked.world.data_planes[0]
    service = next(one for one in asked.world.konnect.push.configuration.services if one.also)
    request = Request("GET", "/accounts", "/accounts", "", ())
    verdicts = [perform_verdict(node.admit(one, request), asked) for one in service.stages[0]]
    assert not any(isinstance(verdict, Admitted) for verdict in verdicts)
    assert node.application_of(service, made["reference_id"]) is None
    assert node.application_of(service.also[0], made["reference_id"]) is not None


def perform_verdict(steps: Any, asked: Asked) -> Any:
    try:
        call = next(steps)
        while True:
            call = steps.send(asked.network(call))
    except StopIteration as stop:
        return stop.value


def test_a_product_is_found_by_its_id_alone(asked):
    asked.ask("GET", f"/products/{asked.setup.product_id}")
    asked.ask("GET", "/products/accounts", status=404)


def test_scopes_are_not_managed_by_developers(asked):
    made = asked.create()
    version = asked.setup.product_version_id
    answer = asked.ask("GET", f"/applications/{made['id']}/product-versions/{version}/granted-scopes", status=422)
    assert answer.json()["title"] == "Unsupported IDP"
    with pytest.raises(Problem):
        asked.portal.applications.allow_members("client_credentials", {"scopes": ["a"]})
