"""What somebody meets who is called at night, as data: served mocks, an application that works, one change, and the README's
profile of mode `existing` pointed at them. The parties are driven as live ones.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import tomli_w

from dcrproof.core.checks.owners import AUTHOR, CURITY, GATEWAY, KONNECT
from dcrproof.mocks import faults, steps
from dcrproof.mocks.gateway.verdicts import Refused
from dcrproof.mocks.messages import Request, Response
from dcrproof.mocks.mutants.nodes import at_each_port, judges
from dcrproof.mocks.profile import write_profile
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


METHODS, SCOPES = "konnect.strategy.auth-methods", "konnect.strategy.scopes"
APPROVED, REQUIREMENTS = "konnect.registration.approved", "konnect.strategy.requirements"
LINKED, PUBLICATION = "konnect.implementation.linked", "konnect.publication.strategy"
KEYS, REACHABLE = "gateway.data-plane.keys", "curity.instance.reachable"
SECRET = "konnect.provider.initial-client-secret"


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


def in_front(change: Callable[[Request, Response], Response]) -> Callable[[Scene], None]:
    """What stands in front of the gateway, or a setting of all its answers, changes them so."""
    return lambda scene: at_each_port(scene.served.worlds.current, change)


def hides(*names: str, server: str = "") -> Callable[[Request, Response], Response]:
    """Leaves out headers that begin so."""

    def change(_: Request, response: Response) -> Response:
        kept = tuple(pair for pair in response.headers if not pair[0].lower().startswith(names))
        return replace(response, headers=(*kept, *([("server", server)] if server else [])))

    return change


def fault(party: str, path: str, status: int) -> Callable[[Scene], None]:
    """A party that answers every request there with that status."""
    return lambda scene: scene.served.worlds.current.faults.arm(
        faults.Fault(party, path=path, times=1000, status=status)
    )


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
    **{
        f"a registration that is {status or 'missing'}, with Konnect": Situation(
            partial(Scene.registered, status=status),
            "route.basic.accepted",
            ("403", "'on call'", status or "no registration", "'accounts'"),
            (APPROVED,),
            (METHODS, SCOPES, REQUIREMENTS),
            konnect=True,
        )
        for status in ("revoked", "pending", "rejected", None)
    },
    "a revoked application by a name in the words of other causes, with Konnect": Situation(
        named_and_revoked("uploads to 64 KB each, RFC 7617, client_secret_post, certificate"),
        "route.basic.accepted",
        ("64 KB", "revoked"),
        (APPROVED,),
        owners=(KONNECT,),
        konnect=True,
    ),
    "403 in other words": Situation(
        setting(scopes_required=["orders"], forbidden_error_message="IP address not allowed: 10.0.0.1"),
        "route.basic.accepted",
        ("look for another plugin of the route that answers 403 'IP address not allowed: 10.0.0.1'",),
        (APPROVED, REQUIREMENTS),
        owners=(GATEWAY, KONNECT),
    ),
    "a required scope, with Konnect": Situation(
        setting(scopes_required=["orders"]),
        "strategy.requirements",
        ("orders",),
        (REQUIREMENTS,),
        (METHODS, SCOPES, APPROVED),
        konnect=True,
    ),
    "a required scope": Situation(
        setting(scopes_required=["orders"]), "route", ("403",), (REQUIREMENTS,), (METHODS, SCOPES)
    ),
    "a required audience": Situation(
        setting(audience_required=["orders"]), "route", ("403",), (REQUIREMENTS,), (METHODS, SCOPES), owners=(KONNECT,)
    ),
    # elimination
    "a token in the cache, and old keys": Situation(
        cached(stale_keys),
        "route.bearer.accepted",
        ("route.basic.accepted",),
        (KEYS,),
        (APPROVED, REQUIREMENTS, PUBLICATION, "konnect.strategy.claim", "gateway.data-plane.version"),
    ),
    "old keys": Situation(stale_keys, "gateway.reads-tokens", (), (KEYS,)),
    "old keys no more": Situation(back_again),
    "an issuer that is not allowed": Situation(
        lambda scene: scene.strategy(issuers_allowed=[scene.issuer + "/"]),
        "gateway.reads-tokens",
        ("remove issuers_allowed in Dev Portal",),
        not_steps=(KEYS, REACHABLE),
        owners=(KONNECT,),
        konnect=True,
    ),
    # what is no judgement on the caller
    **{
        f"{status} to {what}: {message}": Situation(
            answering(status, message, "authorization" if begins else "", begins),
            check,
            (str(status), words),
            not_steps=(METHODS, SCOPES, KEYS, APPROVED, REQUIREMENTS, "curity.instance.reachable"),
            owners=(GATEWAY,),
        )
        for status, message, words in (
            (400, "Bad request", "error log of the node"),
            (500, "An unexpected error occurred", "error log of the node"),
            (502, "An invalid response was received from the upstream server", "the upstream of the route"),
            (503, "failure to get a peer from the ring-balancer", "the upstream of the route"),
            (503, "name resolution failed", "the upstream of the route"),
        )
        for what, begins, check in (
            ("all credentials", "", "gateway.reads-tokens"),
            ("id and secret", "basic ", "route.basic.accepted"),
            ("tokens", "bearer ", "route.bearer.accepted"),
        )
        if begins in ("", "basic ") or status == 503
    },
    "503 to a session": Situation(
        answering(503, "name resolution failed", "cookie"),
        "route.session.accepted",
        ("the upstream of the route",),
        not_steps=(METHODS,),
        owners=(GATEWAY,),
    ),
    **{
        f"{status} to a session that is too large": Situation(
            answering(status, message, "cookie"),
            "route.session.accepted",
            ("KB was sent",),
            not_steps=(METHODS,),
            owners=(CURITY,),
        )
        for status, message in ((400, "Request header or cookie too large"), (431, ""), (494, ""))
    },
    "401 to a session": Situation(
        answering(401, "Unauthorized", "cookie"), "route.session.accepted", ("401",), (METHODS,), owners=(KONNECT,)
    ),
    "401 to a session, with Konnect": Situation(
        answering(401, "Unauthorized", "cookie"),
        "route.session.accepted",
        ("401", f"{METHODS} (strategy.auth-methods): its check passed"),
        not_steps=(METHODS,),
        owners=(KONNECT,),
        konnect=True,
    ),
    **{
        f"{status} of the token endpoint": Situation(
            fault("curity", "*/oauth-token", status),
            "client.known",
            (str(status),),
            owners=(CURITY,),
            checks="client.known",
        )
        for status in (400, 403, 404)
    },
    # the stage in Konnect's error text
    "a wrong secret of the provider": Situation(
        provider(dcr_config={"initial_client_secret": "yq7-last-year-Kd93hhLm2"}),
        "application.created",
        ("token endpoint",),
        (SECRET,),
        ("curity.instance.reachable", "konnect.provider.issuer"),
        mode="create",
        checks="application.created",
    ),
    "a wrong secret of the provider, with Konnect": Situation(
        provider(dcr_config={"initial_client_secret": "yq7-last-year-Kd93hhLm2"}),
        "provider.verified",
        ("token endpoint",),
        (SECRET,),
        ("curity.instance.reachable", "konnect.provider.initial-client-id"),
        mode="create",
        konnect=True,
        checks="provider.verified",
    ),
    "an issuer of the provider that is not there": Situation(
        provider(issuer=lambda scene: f"{scene.issuer}/.well-known/openid-configuration/"),
        "application.created",
        ("discovery", "404"),
        ("konnect.provider.issuer",),
        ("curity.instance.reachable", SECRET),
        mode="create",
        checks="application.created",
    ),
    "Curity that Konnect does not reach": Situation(
        lambda scene: scene.undo("curity.instance.reachable", "not-from-konnect"),
        "application.created",
        ("discovery", "no answer"),
        ("curity.instance.reachable",),
        (SECRET, "konnect.provider.issuer"),
        mode="create",
        checks="application.created",
    ),
    # settings beyond the how-to
    "a message of their own": Situation(setting(unauthorized_error_message="Please sign in")),
    "the code flow beside the others": Situation(setting(auth_methods=[*ALL, "authorization_code"]), checks="route"),
    "a redirect of the unauthorized": Situation(
        setting(unauthorized_redirect_uri=["https://sign-in.example/"]), checks="route"
    ),
    "a route for every path": Situation(another_route("/"), checks="route.unmatched"),
    "Kong's headers are switched off": Situation(in_front(hides("x-kong-", "via", "server"))),
    "a network in front with a header of its own": Situation(in_front(hides("via", "server", server="cloudflare"))),
    "a route that is called with HEAD": Situation(
        values={"gateway.route": [{"path": "/accounts", "method": "HEAD"}]}, konnect=True
    ),
    "no token cache": Situation(setting(cache_tokens=False)),
    "another header for tokens": Situation(
        setting(bearer_token_header_name="x-token"),
        "route.bearer",
        ("remove bearer_token_header_name",),
        not_steps=(KEYS, REACHABLE),
        owners=(KONNECT,),
        konnect=True,
    ),
    "no bearer token in a header": Situation(
        setting(bearer_token_param_type=["query"]),
        "route.bearer",
        ("remove bearer_token_param_type",),
        not_steps=(KEYS, REACHABLE),
        owners=(KONNECT,),
        konnect=True,
    ),
    "no Basic header": Situation(
        setting(client_credentials_param_type=["query"]),
        "route.basic",
        ("remove client_credentials_param_type",),
        owners=(KONNECT,),
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
        setting(token_endpoint="http://127.0.0.1:9/token"),
        "route.basic",
        ("remove token_endpoint",),
        owners=(KONNECT,),
        konnect=True,
    ),
    "other keys": Situation(
        setting(jwks_endpoint="http://127.0.0.1:9/jwks"),
        "gateway.reads-tokens",
        ("remove jwks_endpoint",),
        owners=(KONNECT, CURITY, GATEWAY),
        konnect=True,
    ),
    # the profile's own mistake is the first candidate
    "an issuer with a typo": Situation(
        check="discovery.served",
        words=("404",),
        profile=("[curity] issuer",),
        values={"curity.issuer": "{curity.issuer}x"},
        checks="discovery",
    ),
    "an issuer of another profile": Situation(
        check="discovery.served",
        words=("404",),
        profile=("[curity] issuer",),
        values={"curity.issuer": "{curity.issuer}/v2"},
        checks="discovery",
    ),
    "an issuer by another name of the host": Situation(
        check="discovery.issuer",
        words=("127.0.0.1",),
        profile=("[curity] issuer",),
        values={"curity.issuer": lambda scene: scene.issuer.replace("127.0.0.1", "localhost")},
        checks="discovery",
    ),
    "a path with a typo": Situation(
        check="gateway.answers",
        words=("/acounts",),
        profile=("[[gateway.route]] path",),
        values={"gateway.route": [{"path": "/acounts"}]},
    ),
    "a path with a typo, with Konnect": Situation(
        check="api.linked-to-route",
        words=("/accounts", "no gateway service"),
        profile=("[[gateway.route]] path", "did you mean '/accounts'?"),
        not_steps=("konnect.implementation.linked",),
        values={"gateway.route": [{"path": "/acounts"}]},
        konnect=True,
    ),
    "a route of another service": Situation(
        another_route("/elsewhere"),
        "api.linked-to-route",
        ("'another'", "GET /elsewhere"),
        ("konnect.implementation.linked",),
        profile=("[[gateway.route]] path",),
        values={"gateway.route": [{"path": "/elsewhere"}]},
        checks="api.linked-to-route",
        konnect=True,
    ),
    "an open route of another service, without Konnect": Situation(
        another_route("/elsewhere"),
        "route.no-credentials",
        profile=("[gateway] url", "[[gateway.route]] path"),
        steps=(LINKED, PUBLICATION),
        values={"gateway.route": [{"path": "/elsewhere"}]},
    ),
    **{
        f"the upstream's address for the gateway, {'with' if konnect else 'without'} Konnect": Situation(
            check="route.no-credentials",
            words=("no header of Kong", *(["api.linked-to-route", "api.plugin"] if konnect else [])),
            profile=("[gateway] url: the address of Kong's proxy",),
            steps=() if konnect else (LINKED, PUBLICATION),
            not_steps=(LINKED, PUBLICATION) if konnect else (),
            values={"gateway.url": lambda scene: scene.described["upstream"]["url"]},
            konnect=konnect,
        )
        for konnect in (True, False)
    },
    "a gateway by an address with a path": Situation(
        check="gateway.answers",
        words=("404",),
        profile=("[gateway] url",),
        values={"gateway.url": "{gateway.url}/kong"},
    ),
    "another status of success": Situation(
        check="route.basic.accepted",
        words=("200", "from the upstream"),
        profile=("[[gateway.route]] path, method and success",),
        not_steps=(METHODS, SCOPES),
        values={"gateway.route": [{"path": "/accounts", "success": [204]}]},
    ),
    "a wrong token of Konnect": Situation(
        check="konnect.authenticated",
        profile=("[konnect] token",),
        not_steps=("konnect.account.created",),
        konnect=True,
        values={"konnect.token": {"file": "wrong-secret"}},
        checks="konnect.authenticated",
    ),
    "another party's address for Konnect": Situation(
        check="konnect.authenticated",
        profile=("[konnect] url",),
        konnect=True,
        values={"konnect.url": lambda scene: scene.described["portal"]["url"]},
        checks="konnect.authenticated",
    ),
    **{
        f"a {kind} with a typo": Situation(
            check=check,
            words=(kind, f"'{wrong}'"),
            profile=(f"[konnect] {kind}", f"did you mean '{right}'?"),
            konnect=True,
            values={f"konnect.{kind}": wrong},
            checks=check,
        )
        for kind, wrong, right, check in (
            ("strategy", "curity-drc", "curity-dcr", "strategy.found"),
            ("portal", "Developer", "developers", "portal.found"),
            ("api", "acounts", "accounts", "api.found"),
        )
    },
    "a control plane with a typo": Situation(
        check="api.linked-to-route",
        profile=("[konnect] control_plane", "did you mean 'default'?"),
        konnect=True,
        values={"konnect.control_plane": "defualt"},
        checks="api.linked-to-route",
    ),
    "a provider with a typo": Situation(
        check="strategy.dcr-provider",
        profile=("[konnect] provider", "did you mean 'Curity'?"),
        not_steps=("konnect.strategy.dcr-provider",),
        konnect=True,
        values={"konnect.provider": "curty"},
        checks="strategy.dcr-provider",
    ),
    "a gateway service with a typo": Situation(
        check="provision.implementation",
        profile=("[konnect] service", "did you mean 'orders'?"),
        konnect=True,
        mode="provision",
        values={"konnect.service": "order"},
        checks="provision.implementation",
    ),
    "an api by its name, without Konnect": Situation(
        check="api.offered",
        profile=("[konnect] api", "its id is"),
        mode="create",
        values={"konnect.api": "accounts"},
        checks="api.offered",
    ),
    "a wrong password of RESTCONF": Situation(
        check="configuration.readable",
        profile=("[curity.admin] username and password",),
        admin=True,
        values={"curity.admin.password": {"file": "wrong-secret"}},
        checks="configuration.readable",
    ),
    "another address of RESTCONF": Situation(
        check="configuration.readable",
        profile=("[curity.admin] url",),
        admin=True,
        values={"curity.admin.url": "{curity.admin.url}/v1"},
        checks="configuration.readable",
    ),
    "a wrong password of the developer": Situation(
        check="developer.signs-in",
        profile=("[portal] email and password",),
        mode="create",
        values={"portal.password": {"file": "wrong-secret"}},
        checks="developer.signs-in",
    ),
    "the portal of another generation": Situation(
        check="portal.open",
        profile=("[portal] url", "[portal] generation"),
        mode="create",
        values={"portal.url": lambda scene: scene.described["classic_portal"]["url"]},
        checks="portal.open",
    ),
    "the secret of another registrar": Situation(
        check="registrar.authenticates",
        profile=("[curity.registrar] id and secret",),
        mode="create",
        values={"curity.registrar.secret": {"file": "wrong-secret"}},
        checks="registrar.authenticates",
    ),
    "a wrong secret, without Konnect": Situation(
        check="client.known",
        words=("401", "that the portal gave the developer"),
        profile=("[application] client_id and client_secret: not swapped",),
        owners=(AUTHOR,),
        values={"application.client_secret": {"file": "wrong-secret"}},
        checks="client",
    ),
    "an id and a secret that are swapped, without Konnect": Situation(
        check="client.known",
        words=("401",),
        profile=("[application] client_id and client_secret: not swapped",),
        owners=(AUTHOR,),
        values={
            "application.client_id": lambda scene: scene.pair[1],
            "application.client_secret": {"file": "client-id"},
        },
        checks="client",
    ),
    **{
        f"{party}'s address in place of {key}": Situation(
            check=check,
            profile=(f"[{key.replace('.', '] ')}",),
            konnect=True,
            values={key: lambda scene, party=party: address_of(scene, party)},
            checks=check,
            exit=exit,
        )
        for key, check, addresses in (
            ("gateway.url", "gateway.answers", {"konnect": 6, "portal": 6, "curity": 6}),
            ("konnect.url", "konnect.authenticated", {"curity": 6, "gateway": 1}),
            ("curity.issuer", "discovery.served", {"konnect": 1, "portal": 1, "gateway": 1}),
        )
        for party, exit in addresses.items()
    },
    **{
        f"{status} to discovery": Situation(
            fault("curity", "*/openid-configuration", status),
            check="discovery.served",
            words=(str(status),),
            profile=("[curity] issuer",),
            not_steps=("curity.metadata.exposed",),
            checks="discovery",
        )
        for status in (301, 401, 403)
    },
    "404 to the keys": Situation(
        fault("curity", "*/jwks", 404),
        check="keys.served",
        words=("404", "the jwks_uri of the metadata"),
        not_steps=("curity.metadata.exposed",),
        owners=(CURITY,),
        checks="keys",
    ),
    **{
        f"403 to {what} in Konnect": Situation(
            fault("konnect", path, 403),
            check=check,
            words=("Viewer",),
            not_steps=("konnect.role.dcr-provider-creator", "konnect.role.auth-strategy-creator"),
            owners=(KONNECT,),
            konnect=True,
            checks=check,
        )
        for what, path, check in (
            ("everything", "*", "konnect.authenticated"),
            ("strategies", "/v2/application-auth-strategies*", "strategy.found"),
            ("portals", "/v3/portals*", "portal.found"),
            ("APIs", "/v3/apis*", "api.found"),
        )
    },
    "a secret with a blank at its end": Situation(
        check="client.known",
        words=("401",),
        profile=("[application] client_secret: it begins or ends with a blank",),
        values={"application.client_secret": {"file": "with-blank"}},
    ),
    "an id and a secret that are swapped": Situation(
        check="client.known",
        words=("401",),
        profile=("[application] client_id and client_secret: they are swapped",),
        konnect=True,
        values={
            "application.client_id": lambda scene: scene.pair[1],
            "application.client_secret": {"file": "client-id"},
        },
        checks="client",
    ),
    "a client id with a typo": Situation(
        check="client.known",
        profile=("[application] client_id: did you mean",),
        konnect=True,
        values={"application.client_id": "{application.client_id}1"},
        checks="client",
    ),
    "a wrong secret of the application": Situation(
        check="client.known",
        words=("Konnect has the application 'on call'",),
        profile=("[application] client_secret",),
        konnect=True,
        values={"application.client_secret": {"file": "wrong-secret"}},
        checks="client",
    ),
}


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
        yield _scene(served, client)


@contextmanager
def profile_of(name: str) -> Iterator[Path]:
    """The profile of that situation; its mocks run until the block ends."""
    row = SITUATIONS[name]
    with tempfile.TemporaryDirectory() as folder, scene() as here:
        path = write_profile(Path(folder), here.served)
        row.change(here)
        (path.parent / "application-secret").write_text(here.application["client_secret"])
        secret = here.application["client_secret"]
        files = {"wrong-secret": "yq7-last-year-Kd93hhLm2", "with-blank": f"{secret} ", "client-id": here.pair[0]}
        for name_of_file, text in files.items():
            (path.parent / name_of_file).write_text(text)
        usual = tables(here, row.mode, konnect=row.konnect, admin=row.admin)
        values = {name: told(value, usual, here) for name, value in row.values.items()}
        path.write_text(tomli_w.dumps(nested({**usual, **values})), "utf-8")
        yield path


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
