"""The DCR driver of mock Konnect: what it asks of an authorization server, and what is left when that fails."""

import json
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.konnect.admin import KonnectHttp
from dcrproof.mocks.konnect.driver import (
    Driver,
    InitialAccess,
    InitialAccessToken,
    OpenRegistration,
    ProviderCredentials,
)
from dcrproof.mocks.konnect.objects import Application
from dcrproof.mocks.konnect.problems import Problem
from dcrproof.mocks.konnect.setup import Setup, how_to_setup
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.konnect.switches import Switches
from dcrproof.mocks.messages import Call, NoAnswer, Request, Response, json_response, perform

ISSUER = "https://curity.test/oauth/v2/oauth-anonymous/.well-known/openid-configuration"
TOKEN_ENDPOINT = "https://curity.test/oauth/v2/oauth-token"
REGISTRATION_ENDPOINT = "https://curity.test/oauth/v2/oauth-registration"
REGISTRAR = ("konnect-registrar", "s/:ecr+et é")
TOKEN = "kpat_for-tests"
DCR, NO_SWITCH = ProviderCredentials(), Switches()


@dataclass
class AuthorizationServer:
    """Answers a driver as Curity does: single-use initial tokens, and a read rotates secret and token."""

    management: bool = True
    answers: dict[tuple[str, str], Response | NoAnswer] = field(default_factory=dict)  # (method, url): instead
    calls: list[Call] = field(default_factory=list)
    clients: dict[str | None, dict[str, Any]] = field(default_factory=dict)
    initial_tokens: set[str] = field(default_factory=set)
    count: int = 0

    def __call__(self, call: Call) -> Response | NoAnswer:
        self.calls.append(call)
        if (call.method, call.url) in self.answers:
            return self.answers[call.method, call.url]
        if call.url == ISSUER:
            return json_response(
                200, {"token_endpoint": TOKEN_ENDPOINT, "registration_endpoint": REGISTRATION_ENDPOINT}
            )
        if call.url == TOKEN_ENDPOINT:
            return self._token(call)
        if call.url == REGISTRATION_ENDPOINT:
            return self._register(call)
        return self._manage(call, call.url.removeprefix(REGISTRATION_ENDPOINT + "/"))

    @property
    def seen(self) -> list[tuple[str, str]]:
        return [(call.method, call.url) for call in self.calls]

    def _new(self, kind: str) -> str:
        self.count += 1
        return f"{kind}-{self.count}"

    def _token(self, call: Call) -> Response:
        headers = dict(call.headers)
        client_id, _, secret = b64decode(headers["authorization"].removeprefix("Basic ")).decode().partition(":")
        if (unquote_plus(client_id), unquote_plus(secret)) != REGISTRAR:
            return json_response(401, {"error": "invalid_client"})
        if parse_qs(call.body.decode()) != {"grant_type": ["client_credentials"], "scope": ["dcr"]}:
            return json_response(400, {"error": "invalid_scope"})
        token = self._new("initial")
        self.initial_tokens.add(token)
        return json_response(200, {"access_token": token, "token_type": "bearer", "scope": "dcr"})

    def _register(self, call: Call) -> Response:
        token = dict(call.headers).get("authorization", "").removeprefix("Bearer ")
        if token not in self.initial_tokens:
            return json_response(401, {"error": "invalid_token"})
        self.initial_tokens.remove(token)
        client_id = self._new("client")
        self.clients[client_id] = {"metadata": json.loads(call.body)}
        return json_response(201, self._rotated(client_id))

    def _rotated(self, client_id: str) -> dict[str, str]:
        client = self.clients[client_id]
        client["secret"], client["token"] = self._new("secret"), self._new("rat")
        shown = {"client_id": client_id, "client_secret": client["secret"]}
        if self.management:
            uri = f"{REGISTRATION_ENDPOINT}/{client_id}"
            shown |= {"registration_client_uri": uri, "registration_access_token": client["token"]}
        return shown

    def _manage(self, call: Call, client_id: str) -> Response:
        client = self.clients.get(client_id)
        if client is None or dict(call.headers).get("authorization") != f"Bearer {client['token']}":
            return json_response(401, {"error": "invalid_token"})
        if call.method == "DELETE":
            del self.clients[client_id]
            return Response(204)
        if call.method == "PUT":
            client["metadata"] = json.loads(call.body)
        return json_response(200, self._rotated(client_id))


class World:
    def __init__(self, switches: Switches = NO_SWITCH, initial_access: InitialAccess = DCR) -> None:
        self.idp = AuthorizationServer()
        self.konnect = Konnect(
            clock=Clock(),
            seed=7,
            token=TOKEN,
            portal_host=lambda portal_id: f"{portal_id}.portal.test",
            driver=Driver(switches, initial_access),
        )
        self.ids: Setup = how_to_setup(
            self.konnect,
            issuer=ISSUER,
            registrar_id=REGISTRAR[0],
            registrar_secret=REGISTRAR[1],
            upstream_url="http://upstream.test",
            developer=("dev@example.com", "P@ssword123!"),
        )
        self.admin = KonnectHttp(self.konnect)

    def verify(self) -> dict[str, Any]:
        path = f"/v2/dcr-providers/{self.ids.provider_id}/verify"
        request = Request("POST", path, headers=(("authorization", f"Bearer {TOKEN}"),))
        response = perform(self.admin.handle(request), self.idp)
        assert response.status == 200
        verdict: dict[str, Any] = response.json()
        return verdict

    def run(self, calls: Any) -> Any:
        """What a state method that makes calls gives in the end."""
        try:
            call = next(calls)
            while True:
                call = calls.send(self.idp(call))
        except StopIteration as stop:
            return stop.value

    def application(self, name: str = "app", **more: Any) -> tuple[Application, str]:
        body = {"name": name, "auth_strategy_id": self.ids.strategy_id, **more}
        calls = self.konnect.applications.create(self.ids.portal_id, self.ids.developer_id, body)
        made: tuple[Application, str] = self.run(calls)
        return made


@pytest.fixture
def world() -> World:
    return World()


def snapshot(konnect: Konnect) -> dict[str, dict[Any, Any]]:
    return {name: dict(held) for name, held in vars(konnect).items() if isinstance(held, dict)}


def test_verify_registers_a_client_and_deletes_it(world: World) -> None:
    assert world.verify() == {"status": "success", "errors": []}
    methods = [(method, urlsplit(url).path.rsplit("/", 1)[-1]) for method, url in world.idp.seen]
    assert methods == [
        ("GET", "openid-configuration"),
        ("POST", "oauth-token"),
        ("POST", "oauth-registration"),
        ("DELETE", "client-2"),
    ]
    assert world.idp.clients == {}


def test_each_registration_has_a_token_of_its_own(world: World) -> None:
    for name in ("a", "b"):
        world.application(name)
    assert world.idp.seen.count(("POST", TOKEN_ENDPOINT)) == 2
    assert len(world.idp.clients) == 2


def test_what_is_registered(world: World) -> None:
    application, secret = world.application("My app")
    client = world.idp.clients[application.client_id]
    assert client["secret"] == secret
    assert client["metadata"] == {
        "client_name": "My app",
        "redirect_uris": [],
        "grant_types": ["client_credentials"],
        "response_types": [],
        "token_endpoint_auth_method": "client_secret_basic",
    }


def test_scopes_and_a_redirect_uri_are_registered_too(world: World) -> None:
    methods = ["client_credentials", "authorization_code"]
    config = {"scopes": ["read", "write"], "auth_methods": methods}
    world.konnect.auth.patch_strategy(world.ids.strategy_id, {"configs": {"openid-connect": config}})
    application, _ = world.application(redirect_uri="https://app.test/cb")
    metadata = world.idp.clients[application.client_id]["metadata"]
    assert metadata["scope"] == "read write"
    assert metadata["grant_types"] == methods
    assert (metadata["redirect_uris"], metadata["response_types"]) == (["https://app.test/cb"], ["code"])


def test_a_fixed_initial_token_and_open_registration() -> None:
    fixed = World(initial_access=InitialAccessToken("forever"))
    fixed.idp.initial_tokens.add("forever")
    fixed.application()
    assert fixed.idp.seen == [("GET", ISSUER), ("POST", REGISTRATION_ENDPOINT)]
    open_world = World(initial_access=OpenRegistration())
    open_world.idp.initial_tokens.add("")
    open_world.application()
    assert open_world.idp.seen == [("GET", ISSUER), ("POST", REGISTRATION_ENDPOINT)]
    assert "authorization" not in dict(open_world.idp.calls[-1].headers)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20), st.text(max_size=20))
def test_client_credentials_survive_the_basic_header(client_id: str, secret: str) -> None:
    config = {"initial_client_id": client_id, "initial_client_secret": secret}
    body = {"name": "p", "provider_type": "curity", "issuer": ISSUER, "dcr_config": config}
    provider = WORLD.konnect.auth.create_provider(body)
    name, value = WORLD.konnect.driver.client_authentication(provider)
    sent = b64decode(value.removeprefix("Basic ")).decode()
    assert name == "authorization"
    assert tuple(map(unquote_plus, sent.split(":"))) == (client_id, secret)
    WORLD.konnect.auth.delete_provider(provider.id)


FAILURES = [
    (("GET", ISSUER), NoAnswer("no such host"), "discovery: no answer"),
    (("GET", ISSUER), Response(404), "discovery: status 404"),
    (("GET", ISSUER), Response(200, (), b"<html>"), "discovery: there is no registration_endpoint"),
    (("GET", ISSUER), json_response(200, {"registration_endpoint": 7}), "discovery: there is no registration_endpoint"),
    (
        ("GET", ISSUER),
        json_response(200, {"registration_endpoint": REGISTRATION_ENDPOINT}),
        "discovery: there is no token_endpoint",
    ),
    (
        ("POST", TOKEN_ENDPOINT),
        json_response(400, {"error": "invalid_scope", "error_description": REGISTRAR[1]}),
        "token endpoint: 400 invalid_scope",
    ),
    (("POST", TOKEN_ENDPOINT), json_response(400, {"error": REGISTRAR[1]}), "token endpoint: status 400"),
    (("POST", TOKEN_ENDPOINT), json_response(200, {"access_token": "a\nb"}), "no access_token in the answer"),
    (("POST", TOKEN_ENDPOINT), Response(200, (), b"[" * 100_000), "no access_token in the answer"),
    (
        ("POST", REGISTRATION_ENDPOINT),
        json_response(400, {"error": "invalid_client_metadata"}),
        "registration endpoint: 400 invalid_client_metadata",
    ),
    (("POST", REGISTRATION_ENDPOINT), Response(201, (), b"\xff"), "no usable client_id and client_secret"),
    (("POST", REGISTRATION_ENDPOINT), json_response(201, {"client_id": "a"}), "no usable client_id and client_secret"),
]


@pytest.mark.parametrize(("call", "answer", "reason"), FAILURES)
def test_a_provider_that_fails_leaves_nothing(
    world: World, call: tuple[str, str], answer: Response | NoAnswer, reason: str
) -> None:
    world.idp.answers[call] = answer
    before = snapshot(world.konnect)
    with pytest.raises(Problem) as caught:
        world.application()
    problem = json.dumps(caught.value.body("kong:trace:1"))
    assert (caught.value.status, caught.value.detail) == (400, "Unable to create the DCR application")
    assert reason in problem
    assert REGISTRAR[1] not in json.loads(problem)["invalid_parameters"][0]["reason"]
    assert snapshot(world.konnect) == before
    verified = world.verify()
    assert verified["status"] == "failed"
    assert verified["errors"][0] == "Unable to create the DCR application"


CREDENTIALS = {"client_id": "an id", "client_secret": "a secret"}
CREDENTIAL_SIZES = [(None, False), ("", False), ("x", True), ("x" * 255, True), ("x" * 256, False)]
"""Of a client id, of a secret, and whether it can be shown (dev-portal v3: at most 255 characters)."""


@pytest.mark.parametrize("name", CREDENTIALS)
@pytest.mark.parametrize(("value", "usable"), CREDENTIAL_SIZES)
def test_an_id_and_a_secret_that_can_be_shown_make_a_registration(
    world: World, name: str, value: str | None, usable: bool
) -> None:
    uri = f"{REGISTRATION_ENDPOINT}/own"
    management = {"registration_client_uri": uri, "registration_access_token": "rat"}
    answer = {**CREDENTIALS, **management, name: value}
    world.idp.answers["POST", REGISTRATION_ENDPOINT] = json_response(201, answer)
    world.idp.answers["DELETE", uri] = Response(204)
    if usable:
        application, secret = world.application()
        assert (application.client_id, secret) == (answer["client_id"], answer["client_secret"])
        return
    with pytest.raises(Problem):
        world.application()
    assert world.idp.seen[-1] == ("DELETE", uri)
    assert world.konnect.driver.abandoned == []
    world.idp.answers["DELETE", uri] = Response(405)
    with pytest.raises(Problem):
        world.application()
    assert world.konnect.driver.abandoned == [uri]


@pytest.mark.parametrize(("value", "usable"), CREDENTIAL_SIZES)
def test_a_new_secret_can_be_shown(world: World, value: str | None, usable: bool) -> None:
    application, _ = world.application()
    uri = f"{REGISTRATION_ENDPOINT}/{application.client_id}"
    world.idp.answers["GET", uri] = json_response(200, {"client_secret": value})
    if usable:
        assert world.run(world.konnect.applications.regenerate_secret(application.id)) == (application.client_id, value)
        return
    with pytest.raises(Problem):
        world.run(world.konnect.applications.regenerate_secret(application.id))


def test_a_client_whose_developer_is_gone_meanwhile_is_deleted(world: World) -> None:
    body = {"name": "a", "auth_strategy_id": world.ids.strategy_id}
    calls = world.konnect.applications.create(world.ids.portal_id, world.ids.developer_id, body)
    call = next(calls)
    for _ in range(2):
        call = calls.send(world.idp(call))
    answer = world.idp(call)
    assert len(world.idp.clients) == 1
    world.run(world.konnect.developers.delete(world.ids.portal_id, world.ids.developer_id))
    call = calls.send(answer)
    with pytest.raises(Problem) as caught:
        calls.send(world.idp(call))
    assert caught.value.status == 404
    assert (world.idp.clients, world.konnect.tables.applications) == ({}, {})


def test_the_same_client_id_twice_is_refused(world: World) -> None:
    first, _ = world.application("a")
    taken = {"client_id": first.client_id, "client_secret": "s"}
    world.idp.answers["POST", REGISTRATION_ENDPOINT] = json_response(201, taken)
    with pytest.raises(Problem) as caught:
        world.application("b")
    assert (caught.value.status, caught.value.detail) == (409, "Reference ID must be unique")


def test_regenerate_takes_what_the_read_rotated(world: World) -> None:
    application, first = world.application()
    for _ in range(2):
        client_id, secret = world.run(world.konnect.applications.regenerate_secret(application.id))
        client = world.idp.clients[application.client_id]
        assert (client_id, secret) == (application.client_id, client["secret"])
        assert secret != first
    assert not any(held in repr(vars(world.konnect)) for held in (first, secret, client["token"]))
    world.run(world.konnect.applications.delete(application.id))
    assert world.idp.clients == {}


def test_deleting_an_application_deletes_its_client(world: World) -> None:
    application, _ = world.application()
    world.run(world.konnect.applications.delete(application.id))
    assert (world.idp.clients, world.konnect.tables.applications) == ({}, {})
    assert world.idp.seen[-1] == ("DELETE", f"{REGISTRATION_ENDPOINT}/{application.client_id}")


def test_an_application_stays_while_its_client_cannot_be_deleted(world: World) -> None:
    application, _ = world.application()
    uri = f"{REGISTRATION_ENDPOINT}/{application.client_id}"
    for answer in (NoAnswer("timed out"), Response(500)):
        world.idp.answers["DELETE", uri] = answer
        with pytest.raises(Problem) as caught:
            world.run(world.konnect.applications.delete(application.id))
        assert (caught.value.status, caught.value.detail) == (400, "Unable to delete the DCR application")
    assert application.id in world.konnect.tables.applications
    world.idp.answers["DELETE", uri] = json_response(401, {"error": "invalid_token"})  # no such client any more
    world.run(world.konnect.applications.delete(application.id))
    assert world.konnect.tables.applications == {}


@pytest.mark.parametrize("offered", [True, False])
def test_without_management_a_client_is_left_behind(offered: bool) -> None:
    world = World(switches=Switches(management="nothing") if offered else Switches())
    world.idp.management = offered
    application, _ = world.application()
    with pytest.raises(Problem):
        world.run(world.konnect.applications.regenerate_secret(application.id))
    world.run(world.konnect.applications.delete(application.id))
    assert list(world.idp.clients) == [application.client_id]


def test_renaming_sends_nothing(world: World) -> None:
    application, secret = world.application()
    before = len(world.idp.calls)
    world.run(world.konnect.applications.update(application.id, {"name": "new"}))
    assert len(world.idp.calls) == before
    assert world.idp.clients[application.client_id]["secret"] == secret
    world.run(world.konnect.applications.delete(application.id))
    assert world.idp.clients == {}


def test_renaming_with_the_switch_rotates_the_secret() -> None:
    world = World(switches=Switches(rename_updates_client=True))
    application, secret = world.application()
    world.run(world.konnect.applications.update(application.id, {"name": "new"}))
    client = world.idp.clients[application.client_id]
    assert client["metadata"]["client_name"] == "new"
    assert client["metadata"]["client_id"] == application.client_id
    assert client["secret"] != secret
    calls = len(world.idp.calls)
    world.run(world.konnect.applications.update(application.id, {"description": "d"}))
    assert len(world.idp.calls) == calls
    world.run(world.konnect.applications.delete(application.id))
    assert world.idp.clients == {}


def test_a_new_name_that_the_provider_does_not_take_is_not_taken() -> None:
    world = World(switches=Switches(rename_updates_client=True))
    application, _ = world.application()
    world.idp.answers["PUT", application.client_registration.uri] = Response(500)
    with pytest.raises(Problem, match="Unable to update"):
        world.run(world.konnect.applications.update(application.id, {"name": "new"}))
    assert world.konnect.tables.applications[application.id] == application


WORLD = World()  # for what holds whatever else is in it
