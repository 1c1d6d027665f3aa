"""Mock Konnect is enough for kongctl: its requests, replayed from an empty organisation (kongctl.py)."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kongctl
import pytest
from kongctl import ALL, CERTIFICATES, KINDS, NAMESPACE, TEMPLATES, Missing, Replay

from dcrproof.mocks.messages import Call, NoAnswer, Request, Response, perform
from dcrproof.mocks.start import Start
from dcrproof.mocks.world import World

EVERYTHING = Path(__file__).parent / "kongctl_files" / "everything.yaml"
PORTS = ("curity", "konnect", "portal", "classic_portal", "gateway", "upstream", "gateway-2", "control")
ADDRESSES = {name: f"http://{name.replace('_', '-')}.test" for name in PORTS}


class Organization:
    """One in this process, with the authorization server. It remembers what it was asked."""

    def __init__(self, *, empty: bool = True) -> None:
        self.world = World(Start(ADDRESSES, 12, empty=empty))
        self.asked: list[tuple[str, str]] = []
        self.kongctl = Replay(self.ask)

    def ask(self, method: str, target: str, body: Any) -> Any:
        path, _, query = target.partition("?")
        self.asked.append((method, path))
        headers = (
            ("authorization", f"Bearer {self.world.credentials.konnect_token}"),
            ("content-type", "application/json"),
        )
        raw = b"" if body is None else json.dumps(body).encode()
        request = Request(method, path, path, query, headers, raw)
        answer = perform(self.world.handle("konnect", request), self.other)
        if answer.status == 404:
            raise Missing(f"{method} {target}")
        assert 200 <= answer.status < 300, f"{method} {target} {body}: {answer.status} {answer.body!r}"
        return answer.json() if answer.body else None

    def other(self, call: Call) -> Response | NoAnswer:
        """What Konnect itself sends."""
        if not call.url.startswith(f"{ADDRESSES['curity']}/"):
            return NoAnswer("no such host")
        path, _, query = call.url.removeprefix(ADDRESSES["curity"]).partition("?")
        headers = tuple((name.lower(), value) for name, value in call.headers)
        return perform(
            self.world.handle("curity", Request(call.method, path, path, query, headers, call.body)), self.other
        )

    def run(self, steps: Any) -> Any:
        """What developers do at the portal, without its HTTP."""
        try:
            call = next(steps)
            while True:
                call = steps.send(self.other(call))
        except StopIteration as stop:
            return stop.value

    def names(self) -> dict[str, list[str]]:
        return {
            kind.key: [one["name"] for one in self.ask("GET", f"{kind.path}?{ALL}", None)["data"]] for kind in KINDS
        }


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> Organization:
    monkeypatch.setenv("OKTA_TOKEN", "a token of Okta")
    return Organization()


@pytest.fixture
def applied(empty: Organization) -> Organization:
    empty.kongctl.apply(EVERYTHING)
    return empty


@pytest.mark.parametrize("mode", ["apply", "sync"])
def test_a_second_plan_changes_nothing(empty: Organization, mode: str) -> None:
    first = empty.kongctl.plan(EVERYTHING, mode=mode)
    assert len(first) == len([line for line in first if line.startswith(("CREATE", "UPDATE"))]) > 25
    assert all(method == "GET" for method, _ in empty.asked)
    empty.kongctl.apply(EVERYTHING)
    assert empty.kongctl.plan(EVERYTHING, mode=mode) == []


# kind, name of the object in the file, change, what the plan says
Edit = Callable[[dict[str, Any]], Any]
EDITS: list[tuple[str, str, Edit, str]] = [
    ("dcr_providers", "curity", lambda one: one.update(display_name="C"), "UPDATE dcr_providers curity display_name"),
    ("dcr_providers", "curity", lambda one: one["labels"].pop("team"), "UPDATE dcr_providers curity labels"),
    ("dcr_providers", "entra", lambda one: one.update(issuer="https://e.test"), "UPDATE dcr_providers entra issuer"),
    (
        "dcr_providers",
        "bridge",
        lambda one: one["dcr_config"].update(disable_event_hooks=True),
        "UPDATE dcr_providers bridge dcr_config",
    ),
    (
        "application_auth_strategies",
        "self-managed",
        lambda one: one["configs"]["openid-connect"].update(scopes=[]),
        "UPDATE application_auth_strategies self-managed configs",
    ),
    (
        "application_auth_strategies",
        "keys",
        lambda one: one["configs"]["key-auth"].update(key_names=["k"]),
        "UPDATE application_auth_strategies keys configs",
    ),
    (
        "control_planes",
        "gateway",
        lambda one: one.update(description="d", labels={"env": "live"}),
        "UPDATE control_planes gateway description labels",
    ),
    ("portals", "developers", lambda one: one.update(rbac_enabled=True), "UPDATE portals developers rbac_enabled"),
    ("portals", "developers", lambda one: one["pages"][1].update(content="x"), "UPDATE pages first-steps content"),
    ("portals", "developers", lambda one: one["snippets"][0].update(title="N"), "UPDATE snippets banner title"),
    ("portals", "developers", lambda one: one["teams"][0].update(description="e"), "UPDATE teams Mobile description"),
    ("portals", "developers", lambda one: one["customization"].update(css="a {}"), "UPDATE customization"),
    (
        "portals",
        "developers",
        lambda one: one["auth_settings"].update(basic_auth_enabled=False),
        "UPDATE auth_settings",
    ),
    (
        "portals",
        "developers",
        lambda one: one["email_templates"]["reset-password"].update(enabled=False),
        "UPDATE email_templates reset-password",
    ),
    (
        "control_planes",
        "gateway",
        lambda one: one["data_plane_certificates"].append({"ref": "new", "cert": "x"}),
        "CREATE data_plane_certificates new",
    ),
    ("portals", "developers", lambda one: one["email_config"].update(from_name="D"), "UPDATE email_config"),
    ("apis", "accounts", lambda one: one.update(description="d"), "UPDATE apis accounts description"),
    (
        "apis",
        "accounts",
        lambda one: one["versions"][0].update(spec={"content": "openapi: 3.0.3"}),
        "UPDATE versions 1.0.0 spec",
    ),
    ("apis", "accounts", lambda one: one["documents"][1].update(status="published"), "UPDATE documents four status"),
    (
        "apis",
        "accounts",
        lambda one: one["publications"][0].update(visibility="public"),
        "UPDATE publications accounts-for-developers visibility",
    ),
    (
        "apis",
        "orders",
        lambda one: one["publications"][0].update(auto_approve_registrations=False),
        "UPDATE publications orders-for-developers auto_approve_registrations",
    ),
]


def edited(monkeypatch: pytest.MonkeyPatch, edit: Callable[[dict[str, list[Any]]], Any]) -> None:
    """From now on the file reads otherwise."""
    plain = kongctl.read

    def read(*files: Path) -> dict[str, list[dict[str, Any]]]:
        found = plain(*files)
        edit(found)
        return found

    monkeypatch.setattr(kongctl, "read", read)


def test_each_edit_is_one_line_of_the_plan_and_is_applied(
    applied: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, name, edit, said in EDITS:
        with monkeypatch.context() as patch:

            def of_file(found: dict[str, list[Any]], key: str = key, name: str = name, edit: Edit = edit) -> None:
                item = next(one for one in found[key] if one["name"] == name)
                namespace = item["labels"][NAMESPACE]
                edit(item)
                item["labels"][NAMESPACE] = namespace

            edited(patch, of_file)
            assert applied.kongctl.plan(EVERYTHING) == [said]
            applied.kongctl.apply(EVERYTHING)
            assert applied.kongctl.plan(EVERYTHING) == []
        applied.kongctl.apply(EVERYTHING)


def test_sync_deletes_what_the_file_leaves_out(applied: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(found: dict[str, list[Any]]) -> None:
        found["dcr_providers"] = found["dcr_providers"][2:3]
        found["apis"] = found["apis"][:1]
        portal, api = found["portals"][0], found["apis"][0]
        for inside in (portal["pages"], portal["teams"], api["documents"], found["control_planes"][0][CERTIFICATES]):
            inside.pop()
        portal[TEMPLATES].clear()
        api["publications"].clear()

    edited(monkeypatch, without)
    assert applied.kongctl.plan(EVERYTHING) == []
    plan = applied.kongctl.plan(EVERYTHING, mode="sync")
    assert {line.partition(" ")[0] for line in plan} == {"DELETE"}
    assert len(plan) == 11
    applied.kongctl.sync(EVERYTHING)
    assert applied.kongctl.plan(EVERYTHING, mode="sync") == []
    assert applied.names()["apis"] == ["accounts"]


def test_delete_leaves_nothing(applied: Organization) -> None:
    applied.kongctl.delete(EVERYTHING)
    assert applied.names() == {kind.key: [] for kind in KINDS}


def test_everything_is_dumped_and_got(applied: Organization) -> None:
    dumped = applied.kongctl.dump()
    wanted = kongctl.read(EVERYTHING)
    for kind in KINDS:
        assert {one["name"] for one in dumped[kind.key]} == {one["name"] for one in wanted[kind.key]}
        for one in dumped[kind.key]:
            assert applied.kongctl.get(kind.key, one["name"])["id"] == one["id"]


def test_what_was_made_by_hand_is_adopted(empty: Organization) -> None:
    def made() -> Iterator[tuple[str, str]]:
        for kind in KINDS:
            for item in kongctl.read(EVERYTHING)[kind.key][:1]:
                members = {key: value for key, value in item.items() if not isinstance(value, list | kongctl.Ref)}
                body = {key: value for key, value in members.items() if key not in {"labels", "ref"}}
                if kind.key == "portals":
                    body = {"name": item["name"]}
                empty.ask("POST", kind.path, body)
                yield kind.key, item["name"]

    for key, name in list(made()):
        empty.kongctl.adopt(key, name, "everything")
        held = empty.kongctl.get(key, name)
        assert held["labels"] == {NAMESPACE: "everything"}
    assert not any(line.startswith("CREATE dcr_providers auth0") for line in empty.kongctl.plan(EVERYTHING))


def test_developers_and_their_applications_are_shown_and_deleted() -> None:
    organization = Organization(empty=False)
    setup, konnect = organization.world.setup, organization.world.konnect
    assert setup is not None
    organization.ask("POST", f"/v3/portals/{setup.portal_id}/teams", {"name": "Alpha"})
    members = {"name": "e2e-portal-application", "auth_strategy_id": setup.strategy_id}
    made, _ = organization.run(konnect.applications.create(setup.portal_id, setup.developer_id, members))
    konnect.registrations.register(made, setup.api_id)
    ones: dict[str, Any] = {}
    said = {
        command: organization.kongctl.of_developers(ones, command)
        for command in kongctl.OF_DEVELOPERS
        if not command.startswith("delete")
    }
    developer = said["get portal developers EMAIL"]
    assert [one["email"] for one in said["get portal developers teams --team-id"]["data"]] == [developer["email"]]
    assert [one["name"] for one in said["get portal applications"]["data"]] == [made.name]
    assert said["get portal applications NAME"]["client_id"] == made.client_id
    assert said["get portal team roles"]["data"] == []
    registrations = [
        said["get portal application-registrations --application-name"]["data"][0],
        said["get portal application-registrations --developer-id"]["data"][0],
        said["get portal application-registrations --status"]["data"][0],
        said["get portal application-registrations ID"],
    ]
    for one in registrations:
        assert (one["status"], one["application"]["name"]) == ("approved", made.name)
        assert one["api"]["id"] == setup.api_id

    organization.kongctl.of_developers(ones, "delete portal application-registrations ID")
    application = ones["applications"]
    organization.kongctl.of_developers(ones, "delete portal applications NAME")
    assert application["id"] == made.id
    assert organization.kongctl.of_developers(ones, "get portal applications")["data"] == []
    assert made.client_id not in {client.id for client in organization.world.curity.dynamic_clients}
