"""Gateways that break one rule each, for the checks of tokens, keys, and what a gateway asks of an issuer."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from joserfc.jwk import JWKRegistry

from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.gateway.tokens import Jwt
from dcrproof.mocks.messages import Call, NoAnswer, Response
from dcrproof.mocks.mutants.base import Mutant, entering, override, overriding
from dcrproof.mocks.mutants.nodes import entering_nodes, settings

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {}
MUTANTS: Mapping[str, Mutant] = _mutants
_mutant = entering(_mutants)
_node = entering_nodes(_mutants)
_rules = overriding(_mutants, lambda world: world.data_planes)

# Tokens


@_node("gateway.trusts-keys-in-tokens", turns_red=["route.bearer.own-key", "issuer.keys.own-key"])
def _trusts_keys_in_tokens(node: DataPlane) -> None:
    """Only published keys verify a token, never a key in the token itself."""
    keys_for = node.keys_for

    def trust(jwt: Jwt, keys: Any) -> Any:
        own = jwt.header.get("jwk")
        return (JWKRegistry.import_key(own),) if isinstance(own, dict) else keys_for(jwt, keys)

    override(node, keys_for=trust)


@_node("gateway.forgives-a-minute", turns_red=["issuer.token.leeway"])
def _forgives_a_minute(node: DataPlane) -> None:
    """exp, nbf and iat are checked with the configured leeway, which is 0 by default."""

    def forgiving(rule: Callable[..., bool]) -> Callable[..., bool]:
        return lambda jwt, leeway: rule(jwt, leeway + 60)

    names = ("is_not_expired", "is_valid_already", "is_issued_already")
    override(node, **{name: forgiving(getattr(node, name)) for name in names})


@_node("gateway.takes-exp-as-text-for-never", turns_red=["issuer.token.exp-as-text"])
def _takes_exp_as_text_for_never(node: DataPlane) -> None:
    """A string `exp` is checked by its value."""
    rule = node.is_not_expired
    override(node, is_not_expired=lambda jwt, leeway: isinstance(jwt.claims.get("exp"), str) or rule(jwt, leeway))


@_node("gateway.takes-endless-tokens", turns_red=["issuer.token.without-exp"])
def _takes_endless_tokens(node: DataPlane) -> None:
    """A token without exp is rejected."""
    node.switches = replace(node.switches, accept_missing_exp=True)


@_node("gateway.tries-every-key", turns_red=["issuer.token.without-kid"])
def _tries_every_key(node: DataPlane) -> None:
    """A token without kid is rejected."""
    node.switches = replace(node.switches, accept_missing_kid=True)


@_node("gateway.takes-eddsa", turns_red=["issuer.token.eddsa"])
def _takes_eddsa(node: DataPlane) -> None:
    """A token signed with EdDSA is rejected."""
    node.switches = replace(node.switches, accept_eddsa=True)


_rules(
    "gateway.understands-everything",
    "A token with an unknown critical extension is rejected.",
    turns_red=["route.bearer.critical", "issuer.token.critical"],
    understands_header=lambda _: True,
)
_rules(
    "gateway.compares-issuers-loosely",
    "iss is compared exactly.",
    turns_red=["issuer.token.iss-exact"],
    issuer_is_expected=lambda jwt, _, provider: (
        str(jwt.claims.get("iss")).rstrip("/").lower() == provider.issuer.rstrip("/").lower()
    ),
)
_rules(
    "gateway.knows-one-issuer",
    "With issuers_allowed all other issuers are rejected.",
    turns_red=["plugin.issuers-allowed"],
    issuer_is_expected=lambda jwt, _, provider: jwt.claims.get("iss") == provider.issuer,
)
_rules(
    "gateway.takes-every-allowed-issuer",
    "issuers_allowed does not make a foreign issuer trusted.",
    turns_red=["issuer.token.iss-allowed"],
    issuer_is_expected=lambda jwt, plugin, provider: (
        jwt.claims.get("iss") in (plugin.issuers_allowed or (provider.issuer,))
    ),
)
_rules(
    "gateway.requires-nothing",
    "A token must contain the required values.",
    turns_red=["plugin.required.audience", "plugin.required.groups", "issuer.token.audience"],
    holds_required=lambda *_: True,
)
_rules(
    "gateway.takes-any-word-of-a-requirement",
    "A token must contain all words of a required entry.",
    turns_red=["plugin.required.scopes"],
    holds_required=lambda jwt, required, path: any(
        word in str(jwt.claims.get(path[0])).split() for entry in required for word in entry.split()
    ),
)
_rules(
    "gateway.forbids-nothing",
    "A token with a forbidden claim is rejected.",
    turns_red=["plugin.claims-forbidden"],
    authorisation_flaw=lambda *_: None,
)


@_node("gateway.refuses-id-tokens", turns_red=["issuer.token.id-token"])
def _refuses_id_tokens(node: DataPlane) -> None:
    """An ID token is checked like an access token."""
    flaw = node.claims_flaw
    override(node, claims_flaw=lambda jwt, *others: "an ID token" if "nonce" in jwt.claims else flaw(jwt, *others))


# Keys, discovery and TLS

_rules(
    "gateway.looks-for-keys-each-time",
    "An unknown key id triggers at most one discovery in 30 seconds.",
    turns_red=["issuer.keys.burst", "issuer.keys.rotation"],
    may_discover=lambda *_: True,
)


@_node("gateway.discovers-at-each-call", turns_red=["issuer.discovery.first-call", "issuer.keys.same-kid"])
def _discovers_at_each_call(node: DataPlane) -> None:
    """A discovery is cached."""
    own = node.discovered

    def discovered(plugin: Any) -> Generator[Call, Response | NoAnswer, Any]:
        issuer = yield from own(plugin)
        yield from node.discover(plugin, issuer)
        return issuer

    override(node, discovered=discovered)


@_node("gateway.trusts-no-extra-keys", turns_red=["issuer.keys.extra"])
def _trusts_no_extra_keys(node: DataPlane) -> None:
    """extra_jwks_uris are trusted in addition."""
    settings(node, "discovered", extra_jwks_uris=())


@_node("gateway.verifies-no-certificate", turns_red=["issuer.tls"])
def _verifies_no_certificate(node: DataPlane) -> None:
    """With ssl_verify the issuer's certificate is verified."""
    for rule in ("get", "as_client"):
        settings(node, rule, ssl_verify=False)


# The token request and what is kept of it


_rules(
    "gateway.asks-for-no-scope",
    "Without configured scopes the gateway requests openid.",
    turns_red=["issuer.request.scope"],
    requested_scope=lambda plugin: " ".join(plugin.scopes),
)


_rules(
    "gateway.always-sends-basic",
    "The client authentication method is the configured one, else one that the issuer supports.",
    turns_red=["issuer.request.authentication"],
    client_authentication=lambda *_: "client_secret_basic",
)
_rules(
    "gateway.encodes-no-secret",
    "Id and secret are form-encoded in Basic credentials.",
    turns_red=["issuer.request.encoding"],
    encoded=lambda octets: octets,
)
_rules(
    "gateway.keeps-tokens-for-an-hour",
    "A token is cached until it expires.",
    turns_red=["issuer.cache.lifetime"],
    token_lifetime=lambda *_: 3600.0,
)


@_node("gateway.knows-no-limit-of-its-cache", turns_red=["issuer.cache.limit"])
def _knows_no_limit_of_its_cache(node: DataPlane) -> None:
    """A token is cached for at most cache_ttl_max."""
    settings(node, "token_lifetime", cache_ttl_max=None)


@_node("gateway.always-keeps-tokens", turns_red=["issuer.cache.off", "issuer.cache.password"])
def _always_keeps_tokens(node: DataPlane) -> None:
    """With cache_tokens off, or with the method password, no token is cached."""
    for rule in ("cached_token", "keep_token"):
        settings(node, rule, cache_tokens=True)


@_mutant("gateway.shares-tokens-between-nodes", turns_red=["issuer.cache.nodes"])
def _shares_tokens_between_nodes(world: "World") -> None:
    """Each node has its own token cache."""
    for node in world.data_planes:
        node.tokens = world.data_planes[0].tokens


@_node("gateway.refuses-while-it-fetches", turns_red=["issuer.cache.parallel"])
def _refuses_while_it_fetches(node: DataPlane) -> None:
    """Parallel first calls are all accepted."""
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


@_node("gateway.takes-every-known-token-for-active", turns_red=["issuer.introspection.opaque"])
def _takes_every_known_token_for_active(node: DataPlane) -> None:
    """Only `active: true` means that a token is active."""
    settings(node, "is_active", introspection_check_active=False)


_rules(
    "gateway.keeps-no-answers",
    "An introspection is cached.",
    turns_red=["issuer.introspection.cached"],
    cached_answer=lambda *_, **__: None,
)


@_node("gateway.introspects-no-jwt", turns_red=["issuer.introspection.revoked"])
def _introspects_no_jwt(node: DataPlane) -> None:
    """With introspect_jwt_tokens a JWT is introspected as well."""
    own = node.authenticate
    override(
        node,
        authenticate=lambda service, plugin, found: own(service, replace(plugin, introspect_jwt_tokens=False), found),
    )


@_node("gateway.asks-for-json-alone", turns_red=["issuer.introspection.phantom"])
def _asks_for_json_alone(node: DataPlane) -> None:
    """An introspection requests the configured media type."""
    settings(node, "introspection_request", introspection_accept="application/json")


# Settings that are ignored


_rules(
    "gateway.knows-two-algorithms",
    "A token may be signed with any algorithm of asymmetric keys.",
    turns_red=["issuer.token.algorithms"],
    accepts_algorithm=lambda algorithm: algorithm in {"RS256", "ES256"},
)


@_node("gateway.always-verifies-claims", turns_red=["issuer.token.unverified-claims"])
def _always_verifies_claims(node: DataPlane) -> None:
    """With verify_claims off the times are not checked."""
    settings(node, "verify", verify_claims=True)


@_node("gateway.looks-for-requirements-at-the-usual-place", turns_red=["issuer.token.claim-paths"])
def _looks_for_requirements_at_the_usual_place(node: DataPlane) -> None:
    """Required values are read at the configured claim."""
    holds, usual = node.holds_required, {"scopes": "scope", "audience": "aud"}
    override(node, holds_required=lambda jwt, required, path: holds(jwt, required, (usual.get(path[-1], path[-1]),)))


_rules(
    "gateway.asks-not-when-a-user-signed-in",
    "max_age limits the time since the user signed in.",
    turns_red=["issuer.token.user"],
    is_recent=lambda *_: True,
)
_rules(
    "gateway.tells-no-groups",
    "The upstream receives the groups of the token.",
    turns_red=["issuer.token.groups"],
    groups_header=lambda *_: (),
)


@_node("gateway.adds-nothing-to-token-requests", turns_red=["issuer.request.extras"])
def _adds_nothing_to_token_requests(node: DataPlane) -> None:
    """token_post_args add fields to the token request."""
    settings(node, "token_request", token_post_args_names=())


@_node("gateway.asks-at-discovered-endpoints-alone", turns_red=["issuer.discovery.overrides"])
def _asks_at_discovered_endpoints_alone(node: DataPlane) -> None:
    """A configured endpoint replaces the discovered one."""
    own = node.exchange
    override(
        node, exchange=lambda service, plugin, *others: own(service, replace(plugin, token_endpoint=None), *others)
    )


@_node("gateway.introspects-in-one-way", turns_red=["issuer.introspection.settings"])
def _introspects_in_one_way(node: DataPlane) -> None:
    """The hint and the parameter of an introspection are as configured."""
    usual = {"introspection_hint": "access_token", "introspection_token_param_name": "token"}
    settings(node, "introspection_request", **usual)
