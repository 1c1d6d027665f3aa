"""Gateways that break one rule each, for the checks of the plugin's settings.

Some are nodes of another release, with its bugs.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dcrproof.mocks.data_plane import PushedApplication, PushedConfiguration, Route, Service
from dcrproof.mocks.gateway import session
from dcrproof.mocks.gateway.credentials import BearerToken, CredentialPlace, cookies
from dcrproof.mocks.gateway.session import GatewaySession, seal, session_key
from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.gateway.verdicts import Admitted, Refused
from dcrproof.mocks.messages import Call, NoAnswer, Request, Response
from dcrproof.mocks.mutants.base import Act, Mutant, changed, entering, override, overriding, without
from dcrproof.mocks.mutants.nodes import (
    at_each_port,
    entering_nodes,
    headers,
    judges,
    on_each_node,
    reads,
    sends_upstream,
    settings,
)

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {}
MUTANTS: Mapping[str, Mutant] = _mutants
_mutant = entering(_mutants)
_node = entering_nodes(_mutants)
_rules = overriding(_mutants, lambda world: world.data_planes)

# Nodes of other releases

RELEASES: Mapping[str, tuple[str, list[str]]] = {
    "3.14.0.7": ("A token that has already expired when it arrives is not cached.", ["issuer.cache.over-on-arrival"]),
    "3.14.0.6": (
        "The access token is read before the ID token, and redirect_uri goes with no other grant.",
        ["issuer.request.members", "issuer.token.access-token-first"],
    ),
    "3.14.0.0": ("A claim below the top level is found.", ["issuer.token.nested-claim"]),
    "3.13.0.10": (
        "Credentials are hidden from the upstream, and certificates verified, by default.",
        ["plugin.hide-credentials"],
    ),
    "3.12.0.0": ("A first discovery that failed is tried again.", ["issuer.discovery.recovers"]),
    "3.9.0.0": ("A forbidden caller is redirected to forbidden_redirect_uri.", ["plugin.redirects"]),
    "3.8.1.1": (
        "null in a body is not an error; configured scopes can be part of the token cache's key.",
        ["plugin.body.null", "issuer.cache.scopes"],
    ),
}


def _release(version: str) -> Act:
    def apply(node: DataPlane) -> None:
        node.version = version

    return on_each_node(apply)


for _version, (_breaks, _turns_red) in RELEASES.items():
    _mutants[f"gateway.is-{_version.replace('.', '-')}"] = Mutant(_breaks, _release(_version), _turns_red)


# Credentials


@_node("gateway.takes-every-spelling-of-basic", turns_red=["route.basic.spelling"])
def _takes_every_spelling_of_basic(node: DataPlane) -> None:
    """Two spellings of the scheme Basic are accepted."""

    def spelled(name: str, value: str) -> tuple[str, str]:
        scheme, _, rest = value.partition(" ")
        return name, f"Basic {rest.strip()}" if name == "authorization" and scheme.lower() == "basic" else value

    reads(node, lambda request: headers(request, spelled))


@_node("gateway.reads-authorization-alone", turns_red=["route.bearer.headers"])
def _reads_authorization_alone(node: DataPlane) -> None:
    """A token is read in Access-Token and X-Access-Token as well."""

    def kept(name: str, value: str) -> tuple[str, str] | None:
        return None if name.endswith("access-token") else (name, value)

    reads(node, lambda request: headers(request, kept))


@_node("gateway.takes-tokens-without-a-scheme", turns_red=["route.bearer.no-scheme"])
def _takes_tokens_without_a_scheme(node: DataPlane) -> None:
    """A token in Authorization needs a scheme."""

    def schemed(name: str, value: str) -> tuple[str, str]:
        return name, f"Bearer {value}" if name == "authorization" and value.startswith("ey") else value

    reads(node, lambda request: headers(request, schemed))


@_node("gateway.falls-back-to-basic", turns_red=["route.bearer.before-basic"])
def _falls_back_to_basic(node: DataPlane) -> None:
    """The search for credentials stops at the first one."""

    def kept(name: str, value: str) -> tuple[str, str] | None:
        return None if name == "x-access-token" else (name, value)

    reads(node, lambda request: headers(request, kept) if request.header("authorization") else request)


@_node("gateway.looks-for-basic-first", turns_red=["route.session.before-basic"])
def _looks_for_basic_first(node: DataPlane) -> None:
    """The session comes before all other credentials."""

    def kept(name: str, value: str) -> tuple[str, str] | None:
        return None if name == "cookie" else (name, value)

    reads(node, lambda request: headers(request, kept) if request.header("authorization") else request)


@_node("gateway.takes-basic-always", turns_red=["plugin.methods.listed"])
def _takes_basic_always(node: DataPlane) -> None:
    """Credentials of a method that is not listed are rejected."""
    find = node.find_credential

    def look(plugin: Any, request: Request) -> Any:
        return find(replace(plugin, auth_methods=(*plugin.auth_methods, "client_credentials")), request)

    override(node, find_credential=look)


@_node("gateway.reads-credentials-everywhere", turns_red=["plugin.bearer.places", "plugin.body.credentials"])
def _reads_credentials_everywhere(node: DataPlane) -> None:
    """Credentials are read only in the configured places."""
    everywhere = ("header", "query", "body")
    settings(node, "find_credential", bearer_token_param_type=everywhere, client_credentials_param_type=everywhere)


@_node("gateway.reads-tokens-in-every-cookie", turns_red=["plugin.bearer.cookie"])
def _reads_tokens_in_every_cookie(node: DataPlane) -> None:
    """A token is read only in the configured cookie."""
    find = node.find_credential

    def look(plugin: Any, request: Request) -> Any:
        tokens = [value for value in cookies(request).values() if value.count(".") == 2]
        return BearerToken(tokens[0], CredentialPlace("cookie", ())) if tokens else find(plugin, request)

    override(node, find_credential=look)


@_node("gateway.serves-the-first-service-alone", turns_red=["plugin.own-route"])
def _serves_the_first_service_alone(node: DataPlane) -> None:
    """The route of every service is served."""
    match = node.match

    def first(request: Request) -> Any:
        found = match(request)
        services = node.configuration.services if node.configuration else ()
        return found if found and services and found.service.id == services[0].id else None

    override(node, match=first)


# Answers


@_node("gateway.says-it-in-its-own-words", turns_red=["plugin.messages"])
def _says_it_in_its_own_words(node: DataPlane) -> None:
    """The error messages are as configured."""
    for rule in ("unauthorized", "forbidden"):
        settings(node, rule, unauthorized_error_message="Unauthorized", forbidden_error_message="Forbidden")


@_node("gateway.shows-credentials-in-errors", turns_red=["plugin.display-errors"])
def _shows_credentials_in_errors(node: DataPlane) -> None:
    """Errors do not contain credentials."""

    def change(request: Request, verdict: Admitted | Refused) -> Admitted | Refused:
        value = (request.header("authorization") or "").partition(" ")[2]
        if isinstance(verdict, Refused) and value and verdict.message.endswith(")"):
            return replace(verdict, message=f"{verdict.message[:-1]}: {value})")
        return verdict

    judges(node, change)


@_node("gateway.always-names-the-error", turns_red=["plugin.error-code"])
def _always_names_the_error(node: DataPlane) -> None:
    """Without expose_error_code the error code is not shown."""
    for rule in ("unauthorized", "forbidden"):
        settings(node, rule, expose_error_code=True)


@_node("gateway.lets-preflight-through", turns_red=["plugin.preflight"])
def _lets_preflight_through(node: DataPlane) -> None:
    """OPTIONS requests need credentials."""
    enforced = node.is_enforced_for
    override(node, is_enforced_for=lambda plugin, request: request.method != "OPTIONS" and enforced(plugin, request))


@_node("gateway.lets-head-through", turns_red=["route.head"])
def _lets_head_through(node: DataPlane) -> None:
    """HEAD requests need credentials."""
    enforced = node.is_enforced_for
    override(node, is_enforced_for=lambda plugin, request: request.method != "HEAD" and enforced(plugin, request))


@_node("gateway.sends-nobody-to-sign-in", turns_red=["plugin.code-flow"])
def _sends_nobody_to_sign_in(node: DataPlane) -> None:
    """With authorization_code a caller without credentials is sent to sign in."""

    def refuse(plugin: Any) -> Generator[Call, Response | NoAnswer, Refused]:
        yield from ()
        return node.unauthorized(plugin, "no suitable credential was found", None)

    override(node, without_credential=refuse)


@_mutant("gateway.hides-that-no-route-matched", turns_red=["route.unmatched"])
def _hides_that_no_route_matched(world: "World") -> None:
    """A path without a route is 404 with Kong's message."""

    def change(_: Request, response: Response) -> Response:
        return changed(response, lambda _: {"message": "Not found"}) if response.status == 404 else response

    at_each_port(world, lambda request, response: change(request, response) if _is_json(response) else response)


def _is_json(response: Response) -> bool:
    return (response.header("content-type") or "").startswith("application/json")


@_mutant("gateway.hides-its-latency", turns_red=["route.headers"])
def _hides_its_latency(world: "World") -> None:
    """A proxied response has the latency of the gateway."""
    at_each_port(world, lambda _, response: without(response, "x-kong-proxy-latency"))


@_mutant("gateway.fails-on-large-headers", turns_red=["route.header-too-large"])
def _fails_on_large_headers(world: "World") -> None:
    """A header that is too large is answered with 4xx."""
    at_each_port(world, lambda _, response: replace(response, status=500) if response.status == 400 else response)


@_mutant("gateway.blames-the-caller-for-the-upstream", turns_red=["route.upstream-down"])
def _blames_the_caller_for_the_upstream(world: "World") -> None:
    """An unreachable upstream is answered with 502."""
    at_each_port(world, lambda _, response: replace(response, status=401) if response.status == 502 else response)


# What goes upstream

_rules(
    "gateway.lets-forged-identities-through",
    "The caller's own headers cannot pass for Kong's identity headers.",
    turns_red=["upstream.forged-identity"],
    is_forged_identity=lambda _: False,
)
_rules(
    "gateway.sends-tokens-in-authorization-alone",
    "The token goes upstream in the configured header.",
    turns_red=["plugin.upstream.token-header"],
    upstream_token_header=lambda _, token: ("authorization", f"Bearer {token.text}"),
)
_rules(
    "gateway.maps-no-claims",
    "Mapped claims are sent as headers.",
    turns_red=["plugin.upstream.claims", "plugin.upstream.paths"],
    claim_headers=lambda *_: [],
)
_rules(
    "gateway.lets-mapped-headers-through",
    "The caller cannot set a header of a mapped claim.",
    turns_red=["plugin.upstream.cleared"],
    clears_mapped_headers=lambda: False,
)


@_mutant("gateway.lets-forwarding-headers-through", turns_red=["upstream.forwarded"])
def _lets_forwarding_headers_through(world: "World") -> None:
    """Forwarding headers of the caller are not trusted."""

    def passing(request: Request, call: Call) -> Call:
        own = tuple(pair for pair in request.headers if pair[0] in {"x-forwarded-host", "x-real-ip"})
        names = {name for name, _ in own}
        return replace(call, headers=(*(pair for pair in call.headers if pair[0] not in names), *own))

    sends_upstream(world, passing)


# Sessions

_rules(
    "gateway.always-sets-a-session",
    "No session is set where sessions are off, or disabled for the method.",
    turns_red=["plugin.session.disabled", "plugin.session.off"],
    issues_session=lambda *_: True,
)
_rules(
    "gateway.ends-no-session",
    "A session expires.",
    turns_red=["plugin.session.limits"],
    session_is_running=lambda *_: True,
)


@_node("gateway.has-one-secret-for-all-sessions", turns_red=["plugin.session.secret"])
def _has_one_secret_for_all_sessions(node: DataPlane) -> None:
    """A session opens only with the secret that sealed it."""
    key = session_key(b"one for all")
    override(node, _session_key=lambda _: key)


@_mutant("gateway.shares-session-secrets", turns_red=["route.session.other-node"])
def _shares_session_secrets(world: "World") -> None:
    """Each node generates its own session secret."""
    for node in world.data_planes:
        node.session_keys = world.data_planes[0].session_keys


_rules(
    "gateway.passes-over-broken-sessions",
    "The search for credentials stops at a session cookie, even one that does not open.",
    turns_red=["route.session.broken-beside-basic"],
    stops_at_session=lambda *_: False,
)


@_node("gateway.asks-no-session-for-a-registration", turns_red=["route.session.revoked"])
def _asks_no_session_for_a_registration(node: DataPlane) -> None:
    """The application of a session must be registered."""

    def change(request: Request, verdict: Admitted | Refused) -> Admitted | Refused:
        by_session = request.header("cookie") and not request.header("authorization")
        return Admitted() if by_session and isinstance(verdict, Refused) and verdict.status == 403 else verdict

    judges(node, change)


@_node("gateway.marks-every-cookie-alike", turns_red=["plugin.session.attributes"])
def _marks_every_cookie_alike(node: DataPlane) -> None:
    """The session cookie has the configured attributes."""
    made = node.session_cookies
    override(node, session_cookies=lambda *given: tuple(one.replace("Strict", "Lax") for one in made(*given)))


@_node("gateway.never-verifies-a-session-again", turns_red=["plugin.session.reverify"])
def _never_verifies_a_session_again(node: DataPlane) -> None:
    """With reverify the token of a session is verified again."""
    own = node.authenticate
    override(node, authenticate=lambda service, plugin, found: own(service, replace(plugin, reverify=False), found))


@_node("gateway.sets-sessions-in-one-cookie", turns_red=["issuer.session.split"])
def _sets_sessions_in_one_cookie(node: DataPlane) -> None:
    """A large session goes into several cookies."""

    def sealed(plugin: Any, content: GatewaySession) -> tuple[str, ...]:
        value = seal(node._session_key(plugin), content, session.bound_to(plugin), b"n" * 12)  # noqa: SLF001 - of the node itself
        return (session.set_cookie(plugin, plugin.session_cookie_name, value),)

    override(node, _sealed=sealed)


@_node("gateway.takes-no-cookie-back", turns_red=["plugin.session.forbidden", "issuer.session.expired"])
def _takes_no_cookie_back(node: DataPlane) -> None:
    """The cookie of a rejected session is cleared."""
    judges(node, lambda _, verdict: replace(verdict, set_cookies=()) if isinstance(verdict, Refused) else verdict)


# Applications of several strategies and APIs


@_node(
    "gateway.knows-applications-by-client-id-alone", turns_red=["plugin.other-strategy", "issuer.token.other-tenant"]
)
def _knows_applications_by_client_id_alone(node: DataPlane) -> None:
    """An application must belong to the service's own strategy. (The registration is not checked either: it would fail.)"""

    def by_client_id(_: Service, client_id: str | None) -> PushedApplication | None:
        held = node.configuration.applications if node.configuration else {}
        return next((one for one in held.values() if one.client_id == client_id), None)

    override(node, application_of=by_client_id, is_approved=lambda *_: True)


_rules(
    "gateway.knows-one-api-of-an-application",
    "An application may be registered for several APIs.",
    turns_red=["second-api.both-open"],
    is_approved=lambda application, service: application.apis == (service.api_id,),
)
_rules(
    "gateway.takes-any-registration-of-an-application",
    "A registration is for one API.",
    turns_red=["second-api.one-revoked"],
    is_approved=lambda application, _: bool(application.apis),
)


# Two plugins on a service, and services of every kind


def _pushes(node: DataPlane, change: Callable[[Service], Service]) -> None:
    """Has the node take services over as other ones."""
    apply = node.apply

    def take(configuration: PushedConfiguration) -> None:
        apply(replace(configuration, services=tuple(map(change, configuration.services))))
        node.configuration, node._hash = configuration, None  # noqa: SLF001 - it reports what it was given

    override(node, apply=take)


@_node("gateway.runs-konnects-plugin-alone", turns_red=["plain.genuine"])
def _runs_konnects_plugin_alone(node: DataPlane) -> None:
    """A plugin that was added to a service runs there."""
    _pushes(node, lambda service: replace(service, openid_connect=None))


@_node("gateway.runs-one-plugin-of-a-service", turns_red=["plain.beside-managed"])
def _runs_one_plugin_of_a_service(node: DataPlane) -> None:
    """Two plugins on a service both check a request."""
    _pushes(node, lambda service: replace(service, strategy=None) if service.openid_connect else service)


_rules(
    "gateway.maps-no-consumer",
    "The upstream is told which consumer the token names.",
    turns_red=["plain.consumer"],
    consumer_of=lambda *_: None,
)
_rules(
    "gateway.knows-nobody-anonymous",
    "The anonymous consumer replaces a rejection.",
    turns_red=["plain.anonymous"],
    anonymous=lambda _: None,
)


@_node("gateway.serves-disabled-services", turns_red=["service.disabled"])
def _serves_disabled_services(node: DataPlane) -> None:
    """A disabled service is not served."""
    _pushes(
        node, lambda service: service if service.routes else replace(service, routes=(Route("any", ("/dcrproof",)),))
    )


@_mutant(
    "gateway.answers-every-failing-upstream-alike",
    turns_red=["service.unknown-name", "service.late", "service.refused-connection"],
)
def _answers_every_failing_upstream_alike(world: "World") -> None:
    """The status tells how the upstream failed."""

    def alike(_: Request, response: Response) -> Response:
        return replace(response, status=500) if response.status in {502, 503, 504} else response

    at_each_port(world, alike)


# Settings that are ignored


@_node("gateway.reads-proxy-authorization", turns_red=["route.basic.proxy-header"])
def _reads_proxy_authorization(node: DataPlane) -> None:
    """Basic credentials are read only in Authorization."""
    node.switches = replace(node.switches, reads_proxy_authorization=True)


@_node("gateway.trims-credentials", turns_red=["route.basic.near-miss"])
def _trims_credentials(node: DataPlane) -> None:
    """A secret is compared exactly, including blanks."""

    def trimmed(name: str, value: str) -> tuple[str, str]:
        scheme, _, pair = value.partition(" ")
        if name != "authorization" or scheme != "Basic":
            return name, value
        try:
            return name, "Basic " + b64encode(b64decode(pair).strip()).decode()
        except ValueError:
            return name, value

    reads(node, lambda request: headers(request, trimmed))


@_node("gateway.knows-one-audience-of-sessions", turns_red=["plugin.session.audience"])
def _knows_one_audience_of_sessions(node: DataPlane) -> None:
    """A session is valid only for the configured audience."""
    for rule in ("open_session", "new_session", "touched_session"):
        settings(node, rule, session_audience="default")


_rules(
    "gateway.compares-consumers-to-the-letter",
    "With by_username_ignore_case names are compared case-insensitively.",
    turns_red=["plain.consumer-by"],
    is_named=lambda held, value, *_: held == value,
)
