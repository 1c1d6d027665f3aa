"""What somebody meets who is called at night: served mocks, an application that works, one change, and the README's profile
of mode `existing` pointed at them. The parties are driven as live ones. The changes are in `situations`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import httpx
from in_front import Answer, Habit, in_front_of

from dcrproof.mocks import faults, steps
from dcrproof.mocks.gateway.verdicts import Refused
from dcrproof.mocks.mutants.nodes import judges
from dcrproof.mocks.serve import Served, serving


def tables(scene: "Scene", mode: str, *, konnect: bool, admin: bool) -> dict[str, Any]:
    """The profile of that mode as TOML has it, by dotted path; secrets are in files."""
    described, existing = scene.described, mode == "existing"
    curity, admin_access = described["curity"], described["curity"]["admin"]
    found: dict[str, Any] = {
        "run.mode": mode,
        "run.deadlines": {"propagation": "0s", "patience": "2s"},
        "curity.issuer": scene.issuer,
        "gateway.url": described["gateway"]["url"],
        "gateway.route": [{"path": "/accounts"}],
    }
    if admin:
        found |= {f"curity.admin.{name}": admin_access[name] for name in ("url", "username")}
        found["curity.admin.password"] = {"file": "admin-password"}
    if konnect:
        names = {"portal": "developers", "api": "accounts", "strategy": "curity-dcr"}
        names |= {"control_plane": "default", "url": described["konnect"]["url"]}
        names |= {"service": "orders"} if mode == "provision" else {}
        found |= {f"konnect.{name}": value for name, value in names.items()}
        found["konnect.token"] = {"file": "konnect-token"}
    if existing:
        pair = {"client_id": scene.application["client_id"], "client_secret": {"file": "application-secret"}}
        return found | {f"application.{name}": value for name, value in pair.items()}
    portal = described["portal"]
    found |= {"curity.registrar.id": curity["registrar_id"], "curity.registrar.secret": {"file": "registrar-secret"}}
    found |= {"portal.url": portal["url"], "portal.email": portal["email"]}
    found["portal.password"] = {"file": "developer-password"}
    if not konnect:
        named = {"api": portal["api_id"], "strategy": portal["strategy_id"], "portal": "developers"}
        found |= {f"konnect.{name}": value for name, value in named.items()}
        found["konnect.url"] = described["konnect"]["url"]
    return found


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a profile; None leaves a key out."""
    found: dict[str, Any] = {}
    for path, value in flat.items():
        *tables, key = path.split(".")
        table = found
        for name in tables:
            table = table.setdefault(name, {})
        if value is not None:
            table[key] = value
    return found


@dataclass
class Scene:
    """Served mocks with an application that is registered and approved."""

    served: Served
    client: httpx.Client
    application: Mapping[str, Any]
    registration: str
    others: ExitStack = field(default_factory=ExitStack)
    """Further servers, which end with the mocks."""

    @property
    def described(self) -> Mapping[str, Any]:
        return self.served.description

    @property
    def issuer(self) -> str:
        return self.described["curity"]["issuer"]

    def konnect(self, method: str, path: str, body: Any = None) -> Any:
        """What the admin API answers."""
        konnect = self.described["konnect"]
        headers = {"authorization": f"Bearer {konnect['token']}"}
        answer = self.client.request(method, konnect["url"] + path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def strategy(self, **settings: Any) -> None:
        """Changes settings of the strategy's plugin."""
        path = f"/v2/application-auth-strategies/{self.described['portal']['strategy_id']}"
        held = self.konnect("GET", path)["configs"]["openid-connect"]
        self.konnect("PATCH", path, {"configs": {"openid-connect": {**held, **settings}}})

    def registered(self, status: str | None) -> None:
        """Changes the status of the registration, or deletes it."""
        portal = self.konnect("GET", "/v3/portals")["data"][0]["id"]
        path = f"/v3/portals/{portal}/applications/{self.application['id']}/registrations/{self.registration}"
        if status is None:
            self.konnect("DELETE", path)
        else:
            self.konnect("PATCH", path, {"status": status})

    def undo(self, step: str, variant: str | None = None) -> None:
        steps.undo(self.served.worlds.current, step, variant)

    def redo(self, step: str) -> None:
        steps.redo(self.served.worlds.current, step)

    def call(self) -> int:
        """The status of a call of the route by the application's pair, by which the node keeps a token."""
        self.client.cookies.clear()  # a session would be accepted as it is
        return self.client.get(self.described["gateway"]["route"], auth=self.pair).status_code

    @property
    def pair(self) -> tuple[str, str]:
        return self.application["client_id"], self.application["client_secret"]


@dataclass(frozen=True)
class Situation:
    """One change, and what a run must say: with `check` (or its prefix) as the first that fails, these words in what it
    says, these steps and none of the others; without `check` the run is green.
    """

    change: Callable[[Scene], None] = lambda _: None
    check: str = ""
    words: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    not_steps: tuple[str, ...] = ()
    profile: tuple[str, ...] = ()
    """The keys of the profile that are said to be wrong first."""
    owners: tuple[str, ...] = ()
    """All teams that the failure is handed to; empty where that is another row's subject."""
    konnect: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values of the profile that differ, by dotted path; in a text, {a.b} is the usual value at that path."""
    mode: str = "existing"
    admin: bool = False
    checks: str = "discovery token client gateway.answers gateway.reads-tokens route"
    exit: int = 1


def revoked(scene: Scene) -> None:
    scene.registered("revoked")


def named_and_revoked(name: str) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        path = f"{portal_api(scene.served)}/applications/{scene.application['id']}"
        assert scene.client.patch(path, json={"name": name}, headers=signed_in(scene.served, scene.client)).is_success
        revoked(scene)

    return act


def cached(change: Callable[[Scene], None]) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        assert {scene.call() for _ in range(2)} == {200}
        change(scene)

    return act


def another_route(path: str) -> Callable[[Scene], None]:
    """A gateway service with a route of its own, which no API is linked to."""

    def act(scene: Scene) -> None:
        plane = scene.konnect("GET", "/v2/control-planes")["data"][0]["id"]
        services = f"/v2/control-planes/{plane}/core-entities/services"
        upstream = urlsplit(scene.described["upstream"]["url"])
        service = scene.konnect("POST", services, {"name": "another", "host": upstream.hostname, "port": upstream.port})
        scene.konnect("POST", f"{services}/{service['id']}/routes", {"name": "of-another", "paths": [path]})

    return act


def provider(**settings: Any) -> Callable[[Scene], None]:
    """Changes the DCR provider; a value that can be called is called with the scene."""

    def act(scene: Scene) -> None:
        held = next(one for one in scene.konnect("GET", "/v2/dcr-providers")["data"] if one["name"] == "Curity")
        body = {name: value(scene) if callable(value) else value for name, value in settings.items()}
        scene.konnect("PATCH", f"/v2/dcr-providers/{held['id']}", body)

    return act


def setting(**settings: Any) -> Callable[[Scene], None]:
    return lambda scene: scene.strategy(**settings)


KEYS = "gateway.data-plane.keys"


def stale_keys(scene: Scene) -> None:
    scene.undo(KEYS)


def back_again(scene: Scene) -> None:
    scene.call()
    scene.undo(KEYS)
    scene.redo(KEYS)


def answering(status: int, message: str, header: str = "", begins: str = "") -> Callable[[Scene], None]:
    """A gateway that answers so to calls with credentials, or only to those with that header, which begins so."""

    def change(request: Any, verdict: Any) -> Any:
        names = (header,) if header else ("authorization", "cookie")
        sent = any((request.header(name) or "").lower().startswith(begins) for name in names if request.header(name))
        return Refused(status, message, challenge=False) if sent else verdict

    def act(scene: Scene) -> None:
        for node in scene.served.worlds.current.data_planes:
            judges(node, change)

    return act


def anonymously(status: int, message: str) -> Callable[[Scene], None]:
    """A gateway that answers so to calls without credentials."""

    def change(request: Any, verdict: Any) -> Any:
        return (
            Refused(status, message, challenge=False) if isinstance(verdict, Refused) and not verdict.error else verdict
        )

    def act(scene: Scene) -> None:
        for node in scene.served.worlds.current.data_planes:
            judges(node, change)

    return act


def both(*changes: Callable[[Scene], None]) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        for change in changes:
            change(scene)

    return act


def behind(habit: Habit) -> dict[str, Any]:
    """The values of a profile whose gateway is behind something with that habit."""
    return {
        "gateway.url": lambda scene: scene.others.enter_context(in_front_of(scene.described["gateway"]["url"], habit))
    }


def upstream(answer: Answer, status: int, body: bytes) -> Answer:
    """An answer of the upstream itself, in place of its usual one."""
    return replace(answer, status=status, body=body) if answer.status == 200 else answer


def blocked(sent: Mapping[str, str], answer: Answer, kind: str) -> Answer:
    """The page of a firewall, to credentials of that kind."""
    headers = (("content-type", "text/html"), ("server", "awselb/2.0"))
    stops = sent.get("authorization", "").lower().startswith(kind)
    return Answer(403, headers, b"<html>Forbidden</html>") if stops else answer


def fault(party: str, path: str, status: int) -> Callable[[Scene], None]:
    """A party that answers every request there with that status."""
    return lambda scene: scene.served.worlds.current.faults.arm(
        faults.Fault(party, path=path, times=1000, status=status)
    )


def address_of(scene: Scene, party: str) -> str:
    parts = urlsplit(scene.described[party]["issuer" if party == "curity" else "url"])
    return f"{parts.scheme}://{parts.netloc}"


def told(value: Any, usual: Mapping[str, Any], here: Scene) -> Any:
    """A value with what stands in the usual profile, or in what `dcrproof serve` prints."""
    if callable(value):
        return value(here)
    return re.sub(r"\{([\w.]+)\}", lambda found: str(usual[found[1]]), value) if isinstance(value, str) else value


@contextmanager
def scene() -> Iterator[Scene]:
    """Served mocks with an application, until the block ends."""
    with serving(seed=11) as served, httpx.Client(trust_env=False, timeout=20) as client:
        here = _scene(served, client)
        with here.others:
            yield here


def portal_api(served: Served) -> str:
    return f"{served.description['portal']['url']}/api/v3"


def signed_in(served: Served, client: httpx.Client) -> dict[str, str]:
    """The headers of the developer, who signs in."""
    portal = served.description["portal"]
    credentials = {"username": portal["email"], "password": portal["password"]}
    answer = client.post(f"{portal_api(served)}/developer/authenticate", json=credentials)
    client.cookies.clear()
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


def _scene(served: Served, client: httpx.Client) -> Scene:
    portal, host = served.description["portal"], portal_api(served)
    cookie = signed_in(served, client)
    body = {"name": "on call", "auth_strategy_id": portal["strategy_id"]}
    made = client.post(f"{host}/applications", json=body, headers=cookie).json()
    registrations = f"{host}/applications/{made['id']}/registrations"
    registered = client.post(registrations, json={"api_id": portal["api_id"]}, headers=cookie).json()
    return Scene(served, client, made, registered["id"])
