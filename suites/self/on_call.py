"""What somebody meets who is called at night, as data: served mocks, an application that works, one change, and the README's
profile of mode `existing` pointed at them. The parties are driven as live ones.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from dcrproof.mocks import steps
from dcrproof.mocks.profile import write_profile
from dcrproof.mocks.serve import Served, serving

PROFILE = """\
[run]
mode = "existing"
deadlines = {{ propagation = "0s", patience = "2s" }}
[curity]
issuer = "{issuer}"
{admin}
[gateway]
url = "{gateway}"
[[gateway.route]]
path = "{path}"
[application]
client_id = "{client_id}"
client_secret = {{ file = "application-secret" }}
{konnect}
"""
KONNECT = """\
[konnect]
url = "{konnect_url}"
token = {{ file = "{token}" }}
portal = "developers"
api = "accounts"
strategy = "{strategy}"
control_plane = "default"
service = "{service}"
"""
ADMIN = """\
[curity.admin]
url = "{admin_url}"
username = "admin"
password = {{ file = "{password}" }}
"""


@dataclass
class Scene:
    """Served mocks with an application that is registered and approved."""

    served: Served
    client: httpx.Client
    application: Mapping[str, Any]
    registration: str

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
    konnect: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    """Values of the profile that differ."""
    admin: bool = False
    checks: str = "discovery token client gateway.answers gateway.reads-tokens route"


METHODS, SCOPES = "konnect.strategy.auth-methods", "konnect.strategy.scopes"
APPROVED, REQUIREMENTS = "konnect.registration.approved", "konnect.strategy.requirements"
KEYS = "gateway.data-plane.keys"


def revoked(scene: Scene) -> None:
    scene.registered("revoked")


def cached(change: Callable[[Scene], None]) -> Callable[[Scene], None]:
    def act(scene: Scene) -> None:
        assert {scene.call() for _ in range(2)} == {200}
        change(scene)

    return act


def setting(**settings: Any) -> Callable[[Scene], None]:
    return lambda scene: scene.strategy(**settings)


def stale_keys(scene: Scene) -> None:
    scene.undo(KEYS)


def back_again(scene: Scene) -> None:
    scene.call()
    scene.undo(KEYS)
    scene.redo(KEYS)


ALL = ("client_credentials", "bearer", "session")

SITUATIONS: Mapping[str, Situation] = {
    "all is well": Situation(),
    "all is well, with Konnect": Situation(
        konnect=True, checks="discovery token client konnect strategy api gateway route"
    ),
    # 403 is not 401
    "a registration that was revoked": Situation(revoked, "route", ("403",), (APPROVED,), (METHODS, SCOPES)),
    "no registration": Situation(
        lambda scene: scene.registered(None), "route", ("403",), (APPROVED,), (METHODS, SCOPES)
    ),
    "a registration that was revoked, with Konnect": Situation(
        revoked, "route", ("403"), (APPROVED,), (METHODS, SCOPES, REQUIREMENTS), konnect=True
    ),
    "a required scope": Situation(
        setting(scopes_required=["orders"]), "route", ("403",), (REQUIREMENTS,), (METHODS, SCOPES)
    ),
    "a required audience": Situation(
        setting(audience_required=["orders"]), "route", ("403",), (REQUIREMENTS,), (METHODS, SCOPES)
    ),
    # elimination
    "a token in the cache, and old keys": Situation(cached(stale_keys), "", (), (KEYS,)),
    "old keys": Situation(stale_keys, "gateway.reads-tokens", (), (KEYS,)),
    "old keys no more": Situation(back_again),
    "an issuer that is not allowed": Situation(
        lambda scene: scene.strategy(issuers_allowed=[scene.issuer + "/"]),
        "gateway.reads-tokens",
        ("issuers_allowed",),
        konnect=True,
    ),
    # settings beyond the how-to
    "a message of their own": Situation(setting(unauthorized_error_message="Please sign in")),
    "the code flow beside the others": Situation(
        setting(auth_methods=[*ALL, "authorization_code"]),
        checks="route.no-credentials route.basic.accepted route.bearer.accepted",
    ),
    "a redirect of the unauthorized": Situation(
        setting(unauthorized_redirect_uri=["https://sign-in.example/"]),
        checks="route.no-credentials route.basic.accepted route.bearer.accepted",
    ),
    "no token cache": Situation(setting(cache_tokens=False)),
    "another header for tokens": Situation(
        setting(bearer_token_header_name="x-token"), "route.bearer", ("bearer_token_header_name",), konnect=True
    ),
    "no Basic header": Situation(
        setting(client_credentials_param_type=["query"]),
        "route.basic",
        ("client_credentials_param_type",),
        konnect=True,
    ),
    "another claim for scopes": Situation(
        setting(scopes_required=["orders"], scopes_claim=["scp"]),
        "strategy.requirements",
        ("scp",),
        konnect=True,
        checks="strategy.requirements",
    ),
    "roles": Situation(
        setting(roles_required=["admin"]), "strategy.requirements", ("roles",), konnect=True, checks="strategy"
    ),
    "groups": Situation(
        setting(groups_required=["admin"]), "strategy.requirements", ("groups",), konnect=True, checks="strategy"
    ),
    "another token endpoint": Situation(
        setting(token_endpoint="http://127.0.0.1:9/token"), "route.basic", ("token_endpoint",), konnect=True
    ),
    "other keys": Situation(
        setting(jwks_endpoint="http://127.0.0.1:9/jwks"), "gateway.reads-tokens", ("jwks_endpoint",), konnect=True
    ),
    # the profile's own mistake is the first candidate
    "an issuer with a typo": Situation(
        check="discovery.served", words=("[curity] issuer", "404"), values={"issuer": "{issuer}x"}, checks="discovery"
    ),
    "a path with a typo": Situation(
        check="gateway.answers", words=("[[gateway.route]] path", "/acounts"), values={"path": "/acounts"}
    ),
    "a wrong token of Konnect": Situation(
        check="konnect.authenticated",
        words=("[konnect] token",),
        konnect=True,
        values={"token": "wrong-secret"},
        checks="konnect.authenticated",
    ),
    "a strategy with a typo": Situation(
        check="strategy.found",
        words=("'curity-drc'", "curity-dcr", "did you mean"),
        konnect=True,
        values={"strategy": "curity-drc"},
        checks="strategy.found",
    ),
    "a wrong password of RESTCONF": Situation(
        check="configuration.readable",
        words=("[curity.admin]", "password"),
        admin=True,
        values={"password": "wrong-secret"},
        checks="configuration.readable",
    ),
}


@contextmanager
def scene() -> Iterator[Scene]:
    """Served mocks with an application, until the block ends."""
    with serving(seed=11) as served, httpx.Client(trust_env=False, timeout=20) as client:
        yield _scene(served, client)


@contextmanager
def profile_of(name: str) -> Iterator[Path]:
    """The profile of that situation; its mocks run until the block ends."""
    row = SITUATIONS[name]
    with tempfile.TemporaryDirectory() as folder, scene() as here:
        path = write_profile(Path(folder), here.served)
        row.change(here)
        (path.parent / "application-secret").write_text(here.application["client_secret"])
        (path.parent / "wrong-secret").write_text("yq7-last-year-Kd93hhLm2")
        usual = {
            "issuer": here.issuer,
            "gateway": here.described["gateway"]["url"],
            "path": "/accounts",
            "client_id": here.application["client_id"],
            "konnect_url": here.described["konnect"]["url"],
            "token": "konnect-token",
            "strategy": "curity-dcr",
            "service": "orders",
            "admin_url": here.described["curity"]["admin"]["url"],
            "password": "admin-password",
        }
        values = {**usual, **{name: value.format(**usual) for name, value in row.values.items()}}
        konnect = KONNECT.format(**values) if row.konnect else ""
        admin = ADMIN.format(**values) if row.admin else ""
        path.write_text(PROFILE.format(**values, konnect=konnect, admin=admin), "utf-8")
        yield path


def _scene(served: Served, client: httpx.Client) -> Scene:
    portal, host = served.description["portal"], served.description["portal"]["url"] + "/api/v3"
    credentials = {"username": portal["email"], "password": portal["password"]}
    signed_in = client.post(f"{host}/developer/authenticate", json=credentials)
    cookie = {"cookie": signed_in.headers["set-cookie"].partition(";")[0]}
    client.cookies.clear()
    body = {"name": "on call", "auth_strategy_id": portal["strategy_id"]}
    made = client.post(f"{host}/applications", json=body, headers=cookie).json()
    registrations = f"{host}/applications/{made['id']}/registrations"
    registered = client.post(registrations, json={"api_id": portal["api_id"]}, headers=cookie).json()
    return Scene(served, client, made, registered["id"])
