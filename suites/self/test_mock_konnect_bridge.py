"""Providers of type http: what Konnect asks of a bridge, and what a bridge that can be watched answers."""

import json

import pytest

from dcrproof.mocks.bridge import IDS, Asked, Bridge
from dcrproof.mocks.clock import Clock
from dcrproof.mocks.konnect.admin import KonnectHttp
from dcrproof.mocks.konnect.portal import PortalHttp
from dcrproof.mocks.konnect.setup import how_to_setup
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.messages import Call, NoAnswer, Request, Response, json_response, perform

KEY = "key_of_the_bridge"
TOKEN = "kpat_for-tests"
BASE = "https://bridge.test/dcr"
PASSWORD = "P@ssword123!"


class World:
    """A Konnect whose strategy registers its clients at a bridge."""

    def __init__(self, **config: object) -> None:
        self.konnect = Konnect(clock=Clock(), seed=7, token=TOKEN, portal_host=lambda _: "portal.test")
        self.ids = how_to_setup(
            self.konnect,
            issuer="https://curity.test/.well-known/openid-configuration",
            registrar_id="not",
            registrar_secret="used",
            upstream_url="http://upstream.test",
            developer=("dev@example.com", PASSWORD),
        )
        dcr = {"dcr_base_url": BASE, "api_key": KEY, **config}
        body = {"name": "bridge", "provider_type": "http", "issuer": "https://idp.test", "dcr_config": dcr}
        self.provider = self.konnect.auth.create_provider(body)
        self.konnect.auth.patch_strategy(self.ids.strategy_id, {"dcr_provider_id": self.provider.id})
        self.bridge = Bridge(KEY, seed=7)
        self.broken: Response | NoAnswer | None = None
        self.admin, self.portal = KonnectHttp(self.konnect), PortalHttp(self.konnect)
        portal = self.konnect.tables.portals[self.ids.portal_id]
        session = self.konnect.accounts.sign_in(self.konnect.tables.developers[self.ids.developer_id], portal)
        self.cookie = f"portalaccesstoken={session.access_token}"

    def network(self, call: Call) -> Response | NoAnswer:
        assert call.url.startswith(BASE + "/")
        if self.broken is not None:
            return self.broken
        return self.bridge.handle(Request(call.method, call.url.removeprefix(BASE), "", "", call.headers, call.body))

    def developer(self, method: str, path: str, body: object = None) -> Response:
        who = (("host", "portal.test"), ("cookie", self.cookie))
        return self._ask(self.portal, method, f"/api/v3/applications{path}", body, who)

    def ask(self, method: str, path: str, body: object = None) -> Response:
        return self._ask(self.admin, method, path, body, (("authorization", f"Bearer {TOKEN}"),))

    def _ask(self, face, method, path, body, headers) -> Response:
        raw = b"" if body is None else json.dumps(body).encode()
        request = Request(method, path, path, "", (("content-type", "application/json"), *headers), raw)
        return perform(face.handle(request), self.network)

    def application(self, **members: object) -> dict[str, str]:
        made = self.developer("POST", "", {"name": "app", "auth_strategy_id": self.ids.strategy_id, **members})
        assert made.status == 201, made.body
        shown: dict[str, str] = made.json()
        return shown

    def hooks(self) -> list[tuple[str, str]]:
        """event_type and API of each."""
        asked = [one.content for one in self.bridge.asked if one.path.endswith("/event-hook")]
        return [(one["event_type"], one.get("api_product_version_id", "")) for one in asked]


@pytest.fixture
def world() -> World:
    return World()


def test_an_application_is_made_with_the_whole_payload(world: World) -> None:
    made = world.application(redirect_uri="https://app.test/cb", description="what it does")
    client = world.bridge.clients[made["client_id"]]
    assert made["client_secret"] == client.client_secret
    assert world.bridge.asked == [Asked("POST", "/", client.payload)]
    assert client.payload == {
        "client_name": "app",
        "redirect_uris": ["https://app.test/cb"],
        "grant_types": ["client_credentials", "bearer", "session"],
        "scopes": [],
        "token_endpoint_auth_method": "client_secret_post",
        "application_description": "what it does",
        "portal_id": world.ids.portal_id,
        "organization_id": world.konnect.organization_id,
        "developer_id": world.ids.developer_id,
        "auth_strategy_id": world.ids.strategy_id,
        "dcr_provider_id": world.provider.id,
    }


@pytest.mark.parametrize(
    "answer",
    [
        NoAnswer("no such host"),
        Response(500),
        Response(302),
        json_response(201, {"client_id": "alone"}),
        json_response(400, {"error": "invalid_client_metadata", "error_description": "s3cret of the bridge"}),
    ],
)
def test_a_bridge_that_fails_halts_the_application(world: World, answer: Response | NoAnswer) -> None:
    world.broken = answer
    refused = world.developer("POST", "", {"name": "app", "auth_strategy_id": world.ids.strategy_id})
    assert refused.status == 400
    assert b"s3cret" not in refused.body
    assert world.konnect.tables.applications == {}


def test_any_success_will_do(world: World) -> None:
    world.broken = json_response(202, {"client_id": "one", "client_secret": "s"})
    assert world.application()["client_id"] == "one"


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
@pytest.mark.parametrize(
    ("value", "usable"), [(None, False), ("", False), ("x", True), ("x" * 255, True), ("x" * 256, False)]
)
def test_an_id_and_a_secret_that_can_be_shown_make_an_application(
    world: World, name: str, value: str | None, usable: bool
) -> None:
    """dev-portal v3: at most 255 characters."""
    made = world.application(name="first")
    world.broken = json_response(201, {"client_id": "one", "client_secret": "s", name: value})
    body = {"name": "app", "auth_strategy_id": world.ids.strategy_id}
    assert world.developer("POST", "", body).status == (201 if usable else 400)
    if name == "client_secret":
        renewed = world.developer("POST", f"/{made['id']}/regenerate-secret")
        assert renewed.status == (201 if usable else 400)


def test_a_wrong_key_makes_no_application(world: World) -> None:
    config = {"dcr_base_url": BASE, "api_key": "another_key_of_it"}
    assert world.ask("PATCH", f"/v2/dcr-providers/{world.provider.id}", {"dcr_config": config}).status == 200
    refused = world.developer("POST", "", {"name": "app", "auth_strategy_id": world.ids.strategy_id})
    assert (refused.status, world.bridge.asked, world.konnect.tables.applications) == (400, [], {})
    assert KEY.encode() not in refused.body


def test_a_client_without_an_application_is_deleted(world: World) -> None:
    taken = world.application(name="first")
    world.broken = json_response(201, {"client_id": taken["client_id"], "client_secret": "s"})
    again = world.developer("POST", "", {"name": "second", "auth_strategy_id": world.ids.strategy_id})
    assert again.status == 409


def test_with_an_application_its_client_goes(world: World) -> None:
    made = world.application()
    world.broken = Response(500)
    assert world.developer("DELETE", f"/{made['id']}").status == 400
    world.broken = None
    assert world.developer("DELETE", f"/{made['id']}").status == 204
    assert world.bridge.asked[-1] == Asked("DELETE", f"/{made['client_id']}")
    assert world.bridge.clients == {}


def test_a_secret_is_renewed(world: World) -> None:
    made = world.application()
    renewed = world.developer("POST", f"/{made['id']}/regenerate-secret")
    assert renewed.status == 201
    assert world.bridge.asked[-1] == Asked("POST", f"/{made['client_id']}/new-secret")
    secret = world.bridge.clients[made["client_id"]].client_secret
    assert renewed.json() == {"client_id": made["client_id"], "client_secret": secret}
    assert secret != made["client_secret"]


def test_secrets_may_be_left_alone() -> None:
    world = World(disable_refresh_secret=True)
    made = world.application()
    assert world.developer("POST", f"/{made['id']}/regenerate-secret").status == 400
    assert world.bridge.clients[made["client_id"]].client_secret == made["client_secret"]
    assert len(world.bridge.asked) == 1


def test_a_bridge_hears_of_changes(world: World) -> None:
    made = world.application()
    assert world.developer("PATCH", f"/{made['id']}", {"name": "app"}).status == 200
    assert world.hooks() == []
    change = {"name": "renamed", "redirect_uri": "https://app.test/new"}
    assert world.developer("PATCH", f"/{made['id']}", change).status == 200
    event = world.bridge.asked[-1].content
    assert (event["event_type"], event["redirect_uris"]) == ("update_application", ["https://app.test/new"])
    assert (event["application_id"], event["application_name"]) == (made["id"], "renamed")


def test_a_change_that_the_bridge_refuses_is_not_made(world: World) -> None:
    made = world.application()
    world.broken = Response(500)
    assert world.developer("PATCH", f"/{made['id']}", {"name": "renamed"}).status == 400
    assert world.developer("GET", f"/{made['id']}").json()["name"] == "app"


def test_a_bridge_hears_of_registrations_that_let_through(world: World) -> None:
    api = world.ids.api_id
    world.konnect.portals.patch(world.ids.portal_id, {"auto_approve_applications": False})
    made = world.application()
    registered = world.developer("POST", f"/{made['id']}/registrations", {"api_id": api}).json()
    assert world.hooks() == []
    path = f"/v3/portals/{world.ids.portal_id}/applications/{made['id']}/registrations/{registered['id']}"
    for status in ("approved", "approved", "revoked", "approved"):
        assert world.ask("PATCH", path, {"status": status}).json()["status"] == status
    added, removed = ("add_registration", api), ("remove_registration", api)
    assert world.hooks() == [added, removed, added]
    assert world.developer("DELETE", f"/{made['id']}/registrations/{registered['id']}").status == 204
    assert world.hooks() == [added, removed, added, removed]


def test_a_bridge_hears_of_an_api_that_goes(world: World) -> None:
    world.konnect.portals.patch(world.ids.portal_id, {"auto_approve_applications": True})
    made = world.application()
    assert world.developer("POST", f"/{made['id']}/registrations", {"api_id": world.ids.api_id}).status == 201
    assert world.ask("DELETE", f"/v3/apis/{world.ids.api_id}").status == 204
    assert world.hooks() == [("add_registration", world.ids.api_id), ("remove_registration", world.ids.api_id)]


def test_an_approval_is_taken_back_though_the_bridge_is_down(world: World) -> None:
    world.konnect.portals.patch(world.ids.portal_id, {"auto_approve_applications": True})
    made = world.application()
    world.broken = NoAnswer("down")
    registered = world.developer("POST", f"/{made['id']}/registrations", {"api_id": world.ids.api_id})
    assert (registered.status, registered.json()["status"]) == (201, "approved")
    path = f"/v3/portals/{world.ids.portal_id}/applications/{made['id']}/registrations/{registered.json()['id']}"
    assert world.ask("PATCH", path, {"status": "revoked"}).json()["status"] == "revoked"
    assert world.ask("DELETE", path).status == 204


def test_hooks_may_be_disabled() -> None:
    world = World(disable_event_hooks=True)
    world.konnect.portals.patch(world.ids.portal_id, {"auto_approve_applications": True})
    made = world.application()
    assert world.developer("PATCH", f"/{made['id']}", {"name": "renamed"}).status == 200
    assert world.developer("POST", f"/{made['id']}/registrations", {"api_id": world.ids.api_id}).status == 201
    assert world.hooks() == []


def test_what_a_verification_asks_is_not_known(world: World) -> None:
    verdict = world.ask("POST", f"/v2/dcr-providers/{world.provider.id}/verify").json()
    assert verdict["status"] == "failed"
    assert world.bridge.asked == []


# The bridge itself

PAYLOAD = {
    **dict.fromkeys(IDS, "6b0a6a0e-6f1c-4a1b-8f0e-0a0a0a0a0a0a"),
    "client_name": "app",
    "redirect_uris": [],
    "grant_types": ["bearer"],
    "scopes": [],
    "token_endpoint_auth_method": "client_secret_post",
    "application_description": "",
}


def told(method: str, path: str, body: bytes = b"", key: str = KEY) -> tuple[int, str | None]:
    """The status and the error of a bridge's answer."""
    answer = Bridge(KEY, seed=1).handle(Request(method, path, headers=(("x-api-key", key),), body=body))
    return answer.status, answer.json().get("error")


def test_the_bridge_refuses_what_is_not_in_its_contract() -> None:
    assert told("POST", "/", json.dumps(PAYLOAD).encode()) == (201, None)
    assert told("POST", "/", json.dumps(PAYLOAD).encode(), key="other") == (401, "invalid_token")
    for change in ({"more": 1}, {"scopes": "openid"}, {"portal_id": "1"}, {"client_name": None}):
        assert told("POST", "/", json.dumps(PAYLOAD | change).encode()) == (400, "invalid_request")
    for name in PAYLOAD:
        less = {key: value for key, value in PAYLOAD.items() if key != name}
        assert told("POST", "/", json.dumps(less).encode()) == (400, "invalid_request")
    for body in (b"", b"{", b"[]", b"\xff", b"[" * 100_000):
        assert told("POST", "/", body) == (400, "invalid_request")
    assert told("GET", "/")[0] == 405
    assert told("DELETE", "/nobody") == (404, "invalid_client")
    assert told("POST", "/nobody/new-secret") == (404, "invalid_client")
    assert told("POST", "/nobody/event-hook", b'{"event_type":["x"]}') == (400, "invalid_request")
