"""Gateways that break one rule each, for the checks of the plugin's settings and of what stands behind an issuer.

Some are nodes of another release, with the mistakes that this one had.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from joserfc.jwk import JWKRegistry

from dcrproof.mocks.data_plane import Configuration, PushedApplication, Route, Service
from dcrproof.mocks.gateway import session
from dcrproof.mocks.gateway.credentials import BearerToken, CredentialPlace, cookies
from dcrproof.mocks.gateway.session import GatewaySession, seal, session_key
from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.gateway.tokens import Jwt
from dcrproof.mocks.gateway.verdicts import Admitted, Refused
from dcrproof.mocks.messages import Call, Calls, NoAnswer, Request, Response
from dcrproof.mocks.mutants.base import Mutant, answers, changed, entering, override, overriding, without
from dcrproof.mocks.mutants.gateway import judges, on_each_node

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {}
MUTANTS: Mapping[str, Mutant] = _mutants
_mutant = entering(_mutants)
_rules = overriding(_mutants, lambda world: world.data_planes)

PORTS = ("gateway", "gateway-2")


def _node(
    name: str, breaks: str, *, turns_red: Sequence[str]
) -> Callable[[Callable[[DataPlane], None]], Callable[[DataPlane], None]]:
    """Enters a change of one node, which is made to each."""

    def enter(change: Callable[[DataPlane], None]) -> Callable[[DataPlane], None]:
        _mutant(name, breaks, turns_red=turns_red)(on_each_node(change))
        return change

    return enter


def _settings(node: DataPlane, rule: str, **settings: Any) -> None:
    """Has a rule of the node, whose first argument is the plugin, see the plugin with these settings."""
    own = getattr(node, rule)
    override(node, **{rule: lambda plugin, *others, **named: own(replace(plugin, **settings), *others, **named)})


def _reads(node: DataPlane, change: Callable[[Request], Request]) -> None:
    """Has the node look for credentials in another request than the caller's."""
    find = node.find_credential
    override(node, find_credential=lambda plugin, request: find(plugin, change(request)))


def _at_each_port(world: "World", change: Callable[[Request, Response], Response]) -> None:
    for port in PORTS:
        answers(world, port, change)


def _headers(request: Request, change: Callable[[str, str], tuple[str, str] | None]) -> Request:
    kept = (change(name, value) for name, value in request.headers)
    return replace(request, headers=tuple(pair for pair in kept if pair is not None))


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
    "3.9.0.0": ("Who is forbidden is sent to forbidden_redirect_uri.", ["plugin.redirects"]),
    "3.8.1.1": (
        "null in a body is no error; configured scopes can be part of the token cache's key.",
        ["plugin.body.null", "issuer.cache.scopes"],
    ),
}


def _release(version: str) -> Callable[[DataPlane], None]:
    def apply(node: DataPlane) -> None:
        node.version = version

    return apply


for _version, (_breaks, _turns_red) in RELEASES.items():
    _node(f"gateway.is-{_version.replace('.', '-')}", _breaks, turns_red=_turns_red)(_release(_version))


# Credentials


@_node(
    "gateway.takes-every-spelling-of-basic",
    "Of the scheme Basic two spellings are taken.",
    turns_red=["route.basic.spelling"],
)
def _takes_every_spelling_of_basic(node: DataPlane) -> None:
    def spelled(name: str, value: str) -> tuple[str, str]:
        scheme, _, rest = value.partition(" ")
        return name, f"Basic {rest.strip()}" if name == "authorization" and scheme.lower() == "basic" else value

    _reads(node, lambda request: _headers(request, spelled))


@_node(
    "gateway.reads-authorization-alone",
    "A token is read in Access-Token and X-Access-Token as well.",
    turns_red=["route.bearer.headers"],
)
def _reads_authorization_alone(node: DataPlane) -> None:
    def kept(name: str, value: str) -> tuple[str, str] | None:
        return None if name.endswith("access-token") else (name, value)

    _reads(node, lambda request: _headers(request, kept))


@_node(
    "gateway.takes-tokens-without-a-scheme",
    "A token in Authorization has a scheme before it.",
    turns_red=["route.bearer.no-scheme"],
)
def _takes_tokens_without_a_scheme(node: DataPlane) -> None:
    def schemed(name: str, value: str) -> tuple[str, str]:
        return name, f"Bearer {value}" if name == "authorization" and value.startswith("ey") else value

    _reads(node, lambda request: _headers(request, schemed))


@_node(
    "gateway.falls-back-to-basic",
    "The search for credentials stops at the first that is found.",
    turns_red=["route.bearer.before-basic"],
)
def _falls_back_to_basic(node: DataPlane) -> None:
    def kept(name: str, value: str) -> tuple[str, str] | None:
        return None if name == "x-access-token" else (name, value)

    _reads(node, lambda request: _headers(request, kept) if request.header("authorization") else request)


@_node(
    "gateway.looks-for-basic-first",
    "The session is looked for before all other credentials.",
    turns_red=["route.session.before-basic"],
)
def _looks_for_basic_first(node: DataPlane) -> None:
    def kept(name: str, value: str) -> tuple[str, str] | None:
        return None if name == "cookie" else (name, value)

    _reads(node, lambda request: _headers(request, kept) if request.header("authorization") else request)


@_node("gateway.takes-basic-always", "A method that is not listed admits nobody.", turns_red=["plugin.methods.listed"])
def _takes_basic_always(node: DataPlane) -> None:
    find = node.find_credential

    def look(plugin: Any, request: Request) -> Any:
        return find(replace(plugin, auth_methods=(*plugin.auth_methods, "client_credentials")), request)

    override(node, find_credential=look)


@_node(
    "gateway.reads-credentials-everywhere",
    "Credentials are read in the places that are configured.",
    turns_red=["plugin.bearer.places", "plugin.body.credentials"],
)
def _reads_credentials_everywhere(node: DataPlane) -> None:
    everywhere = ("header", "query", "body")
    _settings(node, "find_credential", bearer_token_param_type=everywhere, client_credentials_param_type=everywhere)


@_node(
    "gateway.reads-tokens-in-every-cookie",
    "A token is read in the cookie that is named, and in no other.",
    turns_red=["plugin.bearer.cookie"],
)
def _reads_tokens_in_every_cookie(node: DataPlane) -> None:
    find = node.find_credential

    def look(plugin: Any, request: Request) -> Any:
        tokens = [value for value in cookies(request).values() if value.count(".") == 2]
        return BearerToken(tokens[0], CredentialPlace("cookie", ())) if tokens else find(plugin, request)

    override(node, find_credential=look)


@_node(
    "gateway.serves-the-first-service-alone", "The route of every service is served.", turns_red=["plugin.own-route"]
)
def _serves_the_first_service_alone(node: DataPlane) -> None:
    match = node.match

    def first(request: Request) -> Any:
        found = match(request)
        services = node.configuration.services if node.configuration else ()
        return found if found and services and found.service.id == services[0].id else None

    override(node, match=first)


# Tokens


@_node(
    "gateway.trusts-keys-in-tokens",
    "Only published keys verify a token, never one that it brings along.",
    turns_red=["route.bearer.own-key", "issuer.keys.own-key"],
)
def _trusts_keys_in_tokens(node: DataPlane) -> None:
    keys_for = node.keys_for

    def trust(jwt: Jwt, keys: Any) -> Any:
        own = jwt.header.get("jwk")
        return (JWKRegistry.import_key(own),) if isinstance(own, dict) else keys_for(jwt, keys)

    override(node, keys_for=trust)


@_node(
    "gateway.forgives-a-minute",
    "exp, nbf and iat hold with the configured leeway, which is 0 by default.",
    turns_red=["issuer.token.leeway"],
)
def _forgives_a_minute(node: DataPlane) -> None:
    def forgiving(rule: Callable[..., bool]) -> Callable[..., bool]:
        return lambda jwt, leeway: rule(jwt, leeway + 60)

    names = ("is_not_expired", "is_valid_already", "is_issued_already")
    override(node, **{name: forgiving(getattr(node, name)) for name in names})


@_node(
    "gateway.takes-exp-as-text-for-never",
    "exp that is a text is judged by its value.",
    turns_red=["issuer.token.exp-as-text"],
)
def _takes_exp_as_text_for_never(node: DataPlane) -> None:
    rule = node.is_not_expired
    override(node, is_not_expired=lambda jwt, leeway: isinstance(jwt.claims.get("exp"), str) or rule(jwt, leeway))


@_node("gateway.takes-endless-tokens", "A token without exp is refused.", turns_red=["issuer.token.without-exp"])
def _takes_endless_tokens(node: DataPlane) -> None:
    node.switches = replace(node.switches, accept_missing_exp=True)


@_node("gateway.tries-every-key", "A token without kid is refused.", turns_red=["issuer.token.without-kid"])
def _tries_every_key(node: DataPlane) -> None:
    node.switches = replace(node.switches, accept_missing_kid=True)


@_node("gateway.takes-eddsa", "A token that is signed with EdDSA is refused.", turns_red=["issuer.token.eddsa"])
def _takes_eddsa(node: DataPlane) -> None:
    node.switches = replace(node.switches, accept_eddsa=True)


_rules(
    "gateway.understands-everything",
    "A token with a critical extension that is not understood is refused.",
    turns_red=["issuer.token.critical"],
    understands_header=lambda _: True,
)
_rules(
    "gateway.compares-issuers-loosely",
    "iss is compared to the letter.",
    turns_red=["issuer.token.iss-exact"],
    issuer_is_expected=lambda jwt, _, provider: (
        str(jwt.claims.get("iss")).rstrip("/").lower() == provider.issuer.rstrip("/").lower()
    ),
)
_rules(
    "gateway.knows-one-issuer",
    "issuers_allowed leaves no other issuer.",
    turns_red=["plugin.issuers-allowed"],
    issuer_is_expected=lambda jwt, _, provider: jwt.claims.get("iss") == provider.issuer,
)
_rules(
    "gateway.takes-every-allowed-issuer",
    "A foreign issuer is not taken for being in issuers_allowed.",
    turns_red=["issuer.token.iss-allowed"],
    issuer_is_expected=lambda jwt, plugin, provider: (
        jwt.claims.get("iss") in (plugin.issuers_allowed or (provider.issuer,))
    ),
)
_rules(
    "gateway.requires-nothing",
    "What is required of a token must be in it.",
    turns_red=["plugin.required.audience", "plugin.required.groups", "issuer.token.audience"],
    holds_required=lambda *_: True,
)
_rules(
    "gateway.takes-any-word-of-a-requirement",
    "All words of a required entry must be in the token.",
    turns_red=["plugin.required.scopes"],
    holds_required=lambda jwt, required, path: any(
        word in str(jwt.claims.get(path[0])).split() for entry in required for word in entry.split()
    ),
)
_rules(
    "gateway.forbids-nothing",
    "A forbidden claim is refused.",
    turns_red=["plugin.claims-forbidden"],
    authorisation_flaw=lambda *_: None,
)


@_node("gateway.refuses-id-tokens", "An ID token is judged as an access token is.", turns_red=["issuer.token.id-token"])
def _refuses_id_tokens(node: DataPlane) -> None:
    flaw = node.claims_flaw
    override(node, claims_flaw=lambda jwt, *others: "an ID token" if "nonce" in jwt.claims else flaw(jwt, *others))


# Answers


@_node("gateway.says-it-in-its-own-words", "The messages of refusals are as configured.", turns_red=["plugin.messages"])
def _says_it_in_its_own_words(node: DataPlane) -> None:
    for rule in ("unauthorized", "forbidden"):
        _settings(node, rule, unauthorized_error_message="Unauthorized", forbidden_error_message="Forbidden")


@_node("gateway.shows-credentials-in-errors", "No error shows a credential.", turns_red=["plugin.display-errors"])
def _shows_credentials_in_errors(node: DataPlane) -> None:
    def change(request: Request, verdict: Admitted | Refused) -> Admitted | Refused:
        value = (request.header("authorization") or "").partition(" ")[2]
        if isinstance(verdict, Refused) and value and verdict.message.endswith(")"):
            return replace(verdict, message=f"{verdict.message[:-1]}: {value})")
        return verdict

    judges(node, change)


@_node(
    "gateway.always-names-the-error", "Without expose_error_code no error is named.", turns_red=["plugin.error-code"]
)
def _always_names_the_error(node: DataPlane) -> None:
    for rule in ("unauthorized", "forbidden"):
        _settings(node, rule, expose_error_code=True)


@_node("gateway.lets-preflight-through", "OPTIONS needs credentials, too.", turns_red=["plugin.preflight"])
def _lets_preflight_through(node: DataPlane) -> None:
    enforced = node.is_enforced_for
    override(node, is_enforced_for=lambda plugin, request: request.method != "OPTIONS" and enforced(plugin, request))


@_node("gateway.lets-head-through", "HEAD needs credentials, too.", turns_red=["route.head"])
def _lets_head_through(node: DataPlane) -> None:
    enforced = node.is_enforced_for
    override(node, is_enforced_for=lambda plugin, request: request.method != "HEAD" and enforced(plugin, request))


@_node(
    "gateway.sends-nobody-to-sign-in",
    "With authorization_code a caller without credentials is sent to sign in.",
    turns_red=["plugin.code-flow"],
)
def _sends_nobody_to_sign_in(node: DataPlane) -> None:
    def refuse(plugin: Any) -> Generator[Call, Response | NoAnswer, Refused]:
        yield from ()
        return node.unauthorized(plugin, "no suitable credential was found", None)

    override(node, without_credential=refuse)


@_mutant(
    "gateway.hides-that-no-route-matched",
    "A path without a route is 404 with Kong's message.",
    turns_red=["route.unmatched"],
)
def _hides_that_no_route_matched(world: "World") -> None:
    def change(_: Request, response: Response) -> Response:
        return changed(response, lambda _: {"message": "Not found"}) if response.status == 404 else response

    _at_each_port(world, lambda request, response: change(request, response) if _is_json(response) else response)


def _is_json(response: Response) -> bool:
    return (response.header("content-type") or "").startswith("application/json")


@_mutant(
    "gateway.hides-its-latency",
    "An answer of the upstream says how long the gateway itself took.",
    turns_red=["route.headers"],
)
def _hides_its_latency(world: "World") -> None:
    _at_each_port(world, lambda _, response: without(response, "x-kong-proxy-latency"))


@_mutant(
    "gateway.fails-on-large-headers",
    "A header that is too large is the caller's fault.",
    turns_red=["route.header-too-large"],
)
def _fails_on_large_headers(world: "World") -> None:
    _at_each_port(world, lambda _, response: replace(response, status=500) if response.status == 400 else response)


@_mutant(
    "gateway.blames-the-caller-for-the-upstream", "An upstream that is down is 502.", turns_red=["route.upstream-down"]
)
def _blames_the_caller_for_the_upstream(world: "World") -> None:
    _at_each_port(world, lambda _, response: replace(response, status=401) if response.status == 502 else response)


# What goes upstream

_rules(
    "gateway.lets-forged-identities-through",
    "Headers in which Kong names the caller do not get through.",
    turns_red=["upstream.forged-identity"],
    is_forged_identity=lambda _: False,
)
_rules(
    "gateway.sends-tokens-in-authorization-alone",
    "The token goes upstream in the header that is configured.",
    turns_red=["plugin.upstream.token-header"],
    upstream_token_header=lambda _, token: ("authorization", f"Bearer {token.text}"),
)
_rules(
    "gateway.maps-no-claims",
    "Mapped claims go into headers.",
    turns_red=["plugin.upstream.claims"],
    claim_headers=lambda *_: [],
)
_rules(
    "gateway.lets-mapped-headers-through",
    "A header of a mapped name that the caller sent does not get through.",
    turns_red=["plugin.upstream.cleared"],
    clears_mapped_headers=lambda: False,
)


@_mutant(
    "gateway.lets-forwarding-headers-through",
    "Whom the caller says it forwards for is not believed.",
    turns_red=["upstream.forwarded"],
)
def _lets_forwarding_headers_through(world: "World") -> None:
    upstream = world.start.addresses["upstream"]

    def passing(request: Request, calls: Calls) -> Calls:
        own = tuple(pair for pair in request.headers if pair[0] in {"x-forwarded-host", "x-real-ip"})
        names = {name for name, _ in own}
        answer: Response | NoAnswer | None = None
        while True:
            try:
                call = next(calls) if answer is None else calls.send(answer)
            except StopIteration as stop:
                response: Response = stop.value
                return response
            if call.url.startswith(upstream):
                kept = tuple(pair for pair in call.headers if pair[0] not in names)
                call = replace(call, headers=(*kept, *own))
            answer = yield call

    def handle(handler: Callable[[Request], Response | Calls], request: Request) -> Response | Calls:
        outcome = handler(request)
        return outcome if isinstance(outcome, Response) else passing(request, outcome)

    for port in PORTS:
        world.handlers[port] = partial(handle, world.handlers[port])


# Sessions

_rules(
    "gateway.always-sets-a-session",
    "Where sessions are off, or disabled for a method, none is set.",
    turns_red=["plugin.session.disabled", "plugin.session.off"],
    issues_session=lambda *_: True,
)
_rules(
    "gateway.ends-no-session",
    "A session ends.",
    turns_red=["plugin.session.limits"],
    session_is_running=lambda *_: True,
)


@_node(
    "gateway.has-one-secret-for-all-sessions",
    "A session opens under the secret that it was made under.",
    turns_red=["plugin.session.secret"],
)
def _has_one_secret_for_all_sessions(node: DataPlane) -> None:
    key = session_key(b"one for all")
    override(node, _session_key=lambda _: key)


@_mutant(
    "gateway.shares-session-secrets",
    "Each node makes up a session secret of its own.",
    turns_red=["route.session.other-node"],
)
def _shares_session_secrets(world: "World") -> None:
    for node in world.data_planes:
        node.session_keys = world.data_planes[0].session_keys


_rules(
    "gateway.passes-over-broken-sessions",
    "The search for credentials stops at a session, one that does not open included.",
    turns_red=["route.session.broken-beside-basic"],
    stops_at_session=lambda *_: False,
)


@_node(
    "gateway.asks-no-session-for-a-registration",
    "The application of a session, too, must be registered.",
    turns_red=["route.session.revoked"],
)
def _asks_no_session_for_a_registration(node: DataPlane) -> None:
    def change(request: Request, verdict: Admitted | Refused) -> Admitted | Refused:
        by_session = request.header("cookie") and not request.header("authorization")
        return Admitted() if by_session and isinstance(verdict, Refused) and verdict.status == 403 else verdict

    judges(node, change)


@_node(
    "gateway.marks-every-cookie-alike",
    "The session cookie is marked as configured.",
    turns_red=["plugin.session.attributes"],
)
def _marks_every_cookie_alike(node: DataPlane) -> None:
    made = node.session_cookies
    override(node, session_cookies=lambda *given: tuple(one.replace("Strict", "Lax") for one in made(*given)))


@_node(
    "gateway.never-verifies-a-session-again",
    "With reverify the token of a session is judged again.",
    turns_red=["plugin.session.reverify"],
)
def _never_verifies_a_session_again(node: DataPlane) -> None:
    own = node.authenticate
    override(node, authenticate=lambda service, plugin, found: own(service, replace(plugin, reverify=False), found))


@_node(
    "gateway.sets-sessions-in-one-cookie",
    "A large session goes into several cookies.",
    turns_red=["issuer.session.split"],
)
def _sets_sessions_in_one_cookie(node: DataPlane) -> None:
    def sealed(plugin: Any, content: GatewaySession) -> tuple[str, ...]:
        value = seal(node._session_key(plugin), content, session.bound_to(plugin), b"n" * 12)  # noqa: SLF001 - of the node itself
        return (session.set_cookie(plugin, plugin.session_cookie_name, value),)

    override(node, _sealed=sealed)


@_node(
    "gateway.takes-no-cookie-back",
    "A session that is refused is taken back.",
    turns_red=["plugin.session.forbidden", "issuer.session.expired"],
)
def _takes_no_cookie_back(node: DataPlane) -> None:
    judges(node, lambda _, verdict: replace(verdict, set_cookies=()) if isinstance(verdict, Refused) else verdict)


# Keys, discovery and TLS

_rules(
    "gateway.looks-for-keys-each-time",
    "An unknown key id is looked for once in 30 seconds.",
    turns_red=["issuer.keys.burst", "issuer.keys.rotation"],
    may_discover=lambda *_: True,
)


@_node(
    "gateway.discovers-at-each-call",
    "What was discovered is used until it is old.",
    turns_red=["issuer.discovery.first-call", "issuer.keys.same-kid"],
)
def _discovers_at_each_call(node: DataPlane) -> None:
    own = node.discovered

    def discovered(plugin: Any) -> Generator[Call, Response | NoAnswer, Any]:
        issuer = yield from own(plugin)
        yield from node.discover(plugin, issuer)
        return issuer

    override(node, discovered=discovered)


@_node("gateway.trusts-no-extra-keys", "extra_jwks_uris are trusted in addition.", turns_red=["issuer.keys.extra"])
def _trusts_no_extra_keys(node: DataPlane) -> None:
    _settings(node, "discovered", extra_jwks_uris=())


@_node(
    "gateway.verifies-no-certificate", "With ssl_verify the issuer's certificate is verified.", turns_red=["issuer.tls"]
)
def _verifies_no_certificate(node: DataPlane) -> None:
    for rule in ("get", "as_client"):
        _settings(node, rule, ssl_verify=False)


# The token request and what is kept of it


_rules(
    "gateway.asks-for-no-scope",
    "Without scopes openid is asked for.",
    turns_red=["issuer.request.scope"],
    requested_scope=lambda plugin: " ".join(plugin.scopes),
)


_rules(
    "gateway.always-sends-basic",
    "The pair goes as configured, else as the issuer supports it.",
    turns_red=["issuer.request.authentication"],
    client_authentication=lambda *_: "client_secret_basic",
)
_rules(
    "gateway.encodes-no-secret",
    "Id and secret are form-encoded before they become Basic.",
    turns_red=["issuer.request.encoding"],
    encoded=lambda octets: octets,
)
_rules(
    "gateway.keeps-tokens-for-an-hour",
    "A token is kept until it expires.",
    turns_red=["issuer.cache.lifetime"],
    token_lifetime=lambda *_: 3600.0,
)


@_node(
    "gateway.knows-no-limit-of-its-cache",
    "A token is kept for cache_ttl_max at most.",
    turns_red=["issuer.cache.limit"],
)
def _knows_no_limit_of_its_cache(node: DataPlane) -> None:
    _settings(node, "token_lifetime", cache_ttl_max=None)


@_node(
    "gateway.always-keeps-tokens",
    "With cache_tokens off, or beside password, no token is kept.",
    turns_red=["issuer.cache.off", "issuer.cache.password"],
)
def _always_keeps_tokens(node: DataPlane) -> None:
    for rule in ("cached_token", "keep_token"):
        _settings(node, rule, cache_tokens=True)


@_mutant("gateway.shares-tokens-between-nodes", "Each node keeps tokens of its own.", turns_red=["issuer.cache.nodes"])
def _shares_tokens_between_nodes(world: "World") -> None:
    for node in world.data_planes:
        node.tokens = world.data_planes[0].tokens


@_node(
    "gateway.refuses-while-it-fetches",
    "First calls at the same time are all served.",
    turns_red=["issuer.cache.parallel"],
)
def _refuses_while_it_fetches(node: DataPlane) -> None:
    own, busy = node.exchange, set()

    def exchange(service: Any, plugin: Any, issuer: Any, pair: Any) -> Generator[Call, Response | NoAnswer, Any]:
        if pair.id in busy:
            return node.unauthorized(plugin, "a token is being fetched")
        busy.add(pair.id)
        try:
            return (yield from own(service, plugin, issuer, pair))
        finally:
            busy.discard(pair.id)

    override(node, exchange=exchange)


# Introspection


@_node(
    "gateway.takes-every-known-token-for-active",
    "Only active: true is active.",
    turns_red=["issuer.introspection.opaque"],
)
def _takes_every_known_token_for_active(node: DataPlane) -> None:
    _settings(node, "is_active", introspection_check_active=False)


_rules(
    "gateway.keeps-no-answers",
    "An introspection is kept.",
    turns_red=["issuer.introspection.cached"],
    cached_answer=lambda *_, **__: None,
)


@_node(
    "gateway.introspects-no-jwt",
    "With introspect_jwt_tokens a JWT is asked about, too.",
    turns_red=["issuer.introspection.revoked"],
)
def _introspects_no_jwt(node: DataPlane) -> None:
    own = node.authenticate
    override(
        node,
        authenticate=lambda service, plugin, found: own(service, replace(plugin, introspect_jwt_tokens=False), found),
    )


@_node(
    "gateway.asks-for-json-alone",
    "An introspection is asked for in the configured form.",
    turns_red=["issuer.introspection.phantom"],
)
def _asks_for_json_alone(node: DataPlane) -> None:
    _settings(node, "introspection_request", introspection_accept="application/json")


# Applications of several strategies and APIs


@_node(
    "gateway.knows-applications-by-client-id-alone",
    "An application is one of the service's own strategy. (Nor does it ask for a registration, which would show it.)",
    turns_red=["plugin.other-strategy", "issuer.token.other-tenant"],
)
def _knows_applications_by_client_id_alone(node: DataPlane) -> None:
    def by_client_id(_: Service, client_id: str | None) -> PushedApplication | None:
        held = node.configuration.applications if node.configuration else ()
        return next((one for one in held if one.client_id == client_id), None)

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

    def take(configuration: Configuration) -> None:
        apply(replace(configuration, services=tuple(map(change, configuration.services))))
        node.configuration, node._hash = configuration, None  # noqa: SLF001 - it reports what it was given

    override(node, apply=take)


@_node(
    "gateway.runs-konnects-plugin-alone",
    "A plugin that somebody puts on a service runs there.",
    turns_red=["plain.genuine"],
)
def _runs_konnects_plugin_alone(node: DataPlane) -> None:
    _pushes(node, lambda service: replace(service, openid_connect=None))


@_node(
    "gateway.runs-one-plugin-of-a-service",
    "Two plugins on a service both judge a request.",
    turns_red=["plain.beside-managed"],
)
def _runs_one_plugin_of_a_service(node: DataPlane) -> None:
    _pushes(node, lambda service: replace(service, strategy=None) if service.openid_connect else service)


_rules(
    "gateway.maps-no-consumer",
    "A consumer whom the token names is told to the upstream.",
    turns_red=["plain.consumer"],
    consumer_of=lambda *_: None,
)
_rules(
    "gateway.knows-nobody-anonymous",
    "A consumer named anonymous stands in.",
    turns_red=["plain.anonymous"],
    anonymous=lambda _: None,
)


@_node("gateway.serves-disabled-services", "A service that is disabled is not served.", turns_red=["service.disabled"])
def _serves_disabled_services(node: DataPlane) -> None:
    _pushes(
        node, lambda service: service if service.routes else replace(service, routes=(Route("any", ("/dcrproof",)),))
    )


@_mutant(
    "gateway.answers-every-failing-upstream-alike",
    "What is wrong with an upstream shows in the status.",
    turns_red=["service.unknown-name", "service.late", "service.refused-connection"],
)
def _answers_every_failing_upstream_alike(world: "World") -> None:
    def alike(_: Request, response: Response) -> Response:
        return replace(response, status=500) if response.status in {502, 503, 504} else response

    _at_each_port(world, alike)


# Settings that are not heeded


@_node(
    "gateway.reads-proxy-authorization",
    "A pair is read in Authorization alone.",
    turns_red=["route.basic.proxy-header"],
)
def _reads_proxy_authorization(node: DataPlane) -> None:
    node.switches = replace(node.switches, reads_proxy_authorization=True)


@_node(
    "gateway.trims-credentials",
    "A secret is what stands there, to the last character.",
    turns_red=["route.basic.near-miss"],
)
def _trims_credentials(node: DataPlane) -> None:
    def trimmed(name: str, value: str) -> tuple[str, str]:
        scheme, _, pair = value.partition(" ")
        if name != "authorization" or scheme != "Basic":
            return name, value
        try:
            return name, "Basic " + b64encode(b64decode(pair).strip()).decode()
        except ValueError:
            return name, value

    _reads(node, lambda request: _headers(request, trimmed))


_rules(
    "gateway.knows-two-algorithms",
    "A token may be signed with any algorithm of asymmetric keys.",
    turns_red=["issuer.token.algorithms"],
    accepts_algorithm=lambda algorithm: algorithm in {"RS256", "ES256"},
)


@_node(
    "gateway.always-verifies-claims",
    "With verify_claims off no times are judged.",
    turns_red=["issuer.token.unverified-claims"],
)
def _always_verifies_claims(node: DataPlane) -> None:
    _settings(node, "verify", verify_claims=True)


@_node(
    "gateway.looks-for-requirements-at-the-usual-place",
    "What is required is looked for where it is configured.",
    turns_red=["issuer.token.claim-paths"],
)
def _looks_for_requirements_at_the_usual_place(node: DataPlane) -> None:
    holds, usual = node.holds_required, {"scopes": "scope", "audience": "aud"}
    override(node, holds_required=lambda jwt, required, path: holds(jwt, required, (usual.get(path[-1], path[-1]),)))


_rules(
    "gateway.asks-not-when-a-user-signed-in",
    "max_age bounds the time since then.",
    turns_red=["issuer.token.user"],
    is_recent=lambda *_: True,
)
_rules(
    "gateway.tells-no-groups",
    "The upstream is told the groups of the token.",
    turns_red=["issuer.token.groups"],
    groups_header=lambda *_: (),
)


@_node(
    "gateway.adds-nothing-to-token-requests",
    "token_post_args add fields to the token request.",
    turns_red=["issuer.request.extras"],
)
def _adds_nothing_to_token_requests(node: DataPlane) -> None:
    _settings(node, "token_request", token_post_args_names=())


@_node(
    "gateway.asks-at-discovered-endpoints-alone",
    "A configured endpoint takes the place of the discovered one.",
    turns_red=["issuer.discovery.overrides"],
)
def _asks_at_discovered_endpoints_alone(node: DataPlane) -> None:
    own = node.exchange
    override(
        node, exchange=lambda service, plugin, *others: own(service, replace(plugin, token_endpoint=None), *others)
    )


@_node(
    "gateway.introspects-in-one-way",
    "Hint and parameter of an introspection are as configured.",
    turns_red=["issuer.introspection.settings"],
)
def _introspects_in_one_way(node: DataPlane) -> None:
    usual = {"introspection_hint": "access_token", "introspection_token_param_name": "token"}
    _settings(node, "introspection_request", **usual)


@_node(
    "gateway.knows-one-audience-of-sessions",
    "A session is for the audience that is configured.",
    turns_red=["plugin.session.audience"],
)
def _knows_one_audience_of_sessions(node: DataPlane) -> None:
    for rule in ("open_session", "new_session", "touched_session"):
        _settings(node, rule, session_audience="default")


_rules(
    "gateway.compares-consumers-to-the-letter",
    "With by_username_ignore_case a name may be spelled in any case.",
    turns_red=["plain.consumer-by"],
    is_named=lambda held, value, *_: held == value,
)
