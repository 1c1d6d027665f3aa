"""Gateways that break one rule each, for the checks of the flow."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dcrproof.mocks.curity.settings import Client
from dcrproof.mocks.data_plane import PushedApplication
from dcrproof.mocks.gateway.credentials import BearerToken, read_basic
from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.gateway.tokens import Jwt
from dcrproof.mocks.gateway.verdicts import Admitted, Refused
from dcrproof.mocks.messages import Call, Request
from dcrproof.mocks.mutants.base import Mutant, entering, override, overriding
from dcrproof.mocks.mutants.nodes import (
    Verdict,
    judges,
    on_each_node,
    sends_upstream,
)

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {}
MUTANTS: Mapping[str, Mutant] = _mutants
_mutant = entering(_mutants)
_nodes = overriding(_mutants, lambda world: world.data_planes)


def _basic(request: Request) -> str:
    """The request's Authorization header where its scheme is Basic, else an empty text."""
    value = request.header("authorization") or ""
    return value if value.lower().startswith("basic") else ""


# PushedConfiguration and credentials


@_mutant("gateway.one-node-takes-no-configuration", turns_red=["nodes.in-sync"])
def _one_node_takes_no_configuration(world: "World") -> None:
    """Every node applies the pushed configuration."""
    override(world.data_planes[-1], apply=lambda _: None)


_nodes(
    "gateway.has-no-route", "The route of the service is served.", turns_red=["gateway.answers"], match=lambda _: None
)


_nodes(
    "gateway.enforces-nothing",
    "A pushed strategy requires credentials.",
    turns_red=["route.no-credentials"],
    is_enforced_for=lambda *_: False,
)


@_mutant("gateway.leaves-a-path-open", turns_red=["route.others"])
@on_each_node
def _leaves_a_path_open(node: DataPlane) -> None:
    """Every path of a route is protected."""
    enforced = node.is_enforced_for
    override(
        node, is_enforced_for=lambda plugin, request: not request.path.endswith("/second") and enforced(plugin, request)
    )


@_mutant("gateway.takes-no-basic", turns_red=["route.basic.accepted"])
@on_each_node
def _takes_no_basic(node: DataPlane) -> None:
    """Basic credentials are accepted where the strategy lists client_credentials."""
    find = node.find_credential
    override(node, find_credential=lambda plugin, request: None if _basic(request) else find(plugin, request))


@_mutant("gateway.takes-no-bearer", turns_red=["route.bearer.accepted"])
@on_each_node
def _takes_no_bearer(node: DataPlane) -> None:
    """Bearer tokens are accepted where the strategy lists bearer."""
    find = node.find_credential

    def look(*arguments: Any) -> Any:
        found = find(*arguments)
        return None if isinstance(found, BearerToken) else found

    override(node, find_credential=look)


@_mutant("gateway.takes-plain-basic", turns_red=["route.basic.literal"])
@on_each_node
def _takes_plain_basic(node: DataPlane) -> None:
    """Basic credentials must be base64."""
    node.switches = replace(node.switches, literal_basic=True)


@_mutant("gateway.fails-on-broken-basic", turns_red=["route.basic.malformed"])
@on_each_node
def _fails_on_broken_basic(node: DataPlane) -> None:
    """A header that cannot be decoded is ignored, and is not an error."""

    def change(request: Request, verdict: Verdict) -> Verdict:
        broken = _basic(request) and read_basic(_basic(request)) is None
        return Refused(500, "An unexpected error occurred", challenge=False) if broken else verdict

    judges(node, change)


@_mutant(
    "gateway.opens-when-curity-refuses",
    turns_red=[
        "route.basic.given",
        "route.basic.unknown-client",
        "issuer.answer.refusal",
        "issuer.answer.unusable",
        "issuer.answer.none",
    ],
)
@on_each_node
def _opens_when_curity_refuses(node: DataPlane) -> None:
    """Credentials that the authorization server rejects are rejected."""
    judges(node, lambda request, verdict: Admitted() if isinstance(verdict, Refused) and _basic(request) else verdict)


@_mutant("gateway.locks-out-after-a-wrong-secret", turns_red=["route.basic.after-wrong-secret"])
@on_each_node
def _locks_out_after_a_wrong_secret(node: DataPlane) -> None:
    """The right secret works after a wrong one."""
    locked: dict[bytes, Refused] = {}

    def change(request: Request, verdict: Verdict) -> Verdict:
        client_id, _ = read_basic(_basic(request)) or (b"", b"")
        if client_id and isinstance(verdict, Refused):
            locked[client_id] = verdict
        return locked.get(client_id, verdict)

    judges(node, change)


@_mutant(
    "gateway.caches-by-client-id-alone",
    turns_red=["route.basic.wrong-secret", "route.basic.crossed-secret", "issuer.cache.secret"],
)
@on_each_node
def _caches_by_client_id_alone(node: DataPlane) -> None:
    """A cached token is found by id and secret."""
    key = node.token_cache_key
    override(
        node, token_cache_key=lambda service, plugin, pair: key(service, plugin, replace(pair, secret=b"any secret"))
    )


_nodes(
    "gateway.caches-no-token",
    "A token is cached until it expires.",
    turns_red=["route.basic.cached", "life.secret.cached", "issuer.cache.deleted-client", "issuer.cache.outage"],
    cached_token=lambda *_: None,
)


# Tokens


_nodes(
    "gateway.verifies-no-signature",
    "A token's signature must verify with a published key.",
    turns_red=["route.bearer.tampered", "route.bearer.changed-claims"],
    signature_matches=lambda *_: True,
)


_nodes(
    "gateway.trusts-the-key-id",
    "A token's signature must verify with the key that its key id names.",
    turns_red=["route.bearer.foreign-key"],
    signature_matches=lambda _, keys: bool(keys),
)


@_mutant("gateway.trusts-unknown-key-ids", turns_red=["route.bearer.unknown-kid"])
@on_each_node
def _trusts_unknown_key_ids(node: DataPlane) -> None:
    """A token of an unpublished key is rejected."""
    matches = node.signature_matches
    override(node, signature_matches=lambda jwt, keys: not keys or matches(jwt, keys))


@_mutant("gateway.takes-unsigned-tokens", turns_red=["route.bearer.unsigned"])
@on_each_node
def _takes_unsigned_tokens(node: DataPlane) -> None:
    """A token with alg none is rejected."""
    accepts, matches = node.accepts_algorithm, node.signature_matches
    override(
        node,
        accepts_algorithm=lambda algorithm: algorithm.lower() == "none" or accepts(algorithm),
        signature_matches=lambda jwt, keys: jwt.algorithm.lower() == "none" or matches(jwt, keys),
    )


@_mutant("gateway.takes-the-public-key-for-a-secret", turns_red=["route.bearer.hs-confused"])
@on_each_node
def _takes_the_public_key_for_a_secret(node: DataPlane) -> None:
    """An HMAC is not accepted as a signature."""
    accepts, matches = node.accepts_algorithm, node.signature_matches

    def is_hmac(jwt: Jwt, key: Any) -> bool:
        made = hmac.new(key.as_pem(private=False), jwt.signing_input, hashlib.sha256).digest()
        return hmac.compare_digest(made, jwt.signature)

    def signature_matches(jwt: Jwt, keys: Any) -> bool:
        return any(is_hmac(jwt, key) for key in keys) if jwt.algorithm == "HS256" else matches(jwt, keys)

    override(
        node,
        accepts_algorithm=lambda algorithm: algorithm == "HS256" or accepts(algorithm),
        signature_matches=signature_matches,
    )


_nodes(
    "gateway.takes-expired-tokens",
    "A token is rejected from its exp on.",
    turns_red=["route.bearer.expired", "route.bearer.outlived"],
    is_not_expired=lambda *_: True,
)
_nodes(
    "gateway.takes-tokens-of-tomorrow",
    "A token is rejected before its nbf.",
    turns_red=["route.bearer.not-before"],
    is_valid_already=lambda *_: True,
)
_nodes(
    "gateway.takes-tokens-of-any-issuer",
    "A token of another issuer is rejected, whoever has signed it.",
    turns_red=["route.bearer.foreign-issuer"],
    issuer_is_expected=lambda *_: True,
)
_nodes(
    "gateway.overlooks-key-ids",
    "A token's key is the one that its key id names, and no other.",
    turns_red=["route.bearer.wrong-kid"],
    keys_for=lambda _, keys: tuple(keys),
)


@_mutant("gateway.opens-for-opaque-tokens", turns_red=["route.bearer.opaque"])
@on_each_node
def _opens_for_opaque_tokens(node: DataPlane) -> None:
    """A bearer token that is not a JWT is rejected."""

    def change(request: Request, verdict: Verdict) -> Verdict:
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        opaque = scheme == "Bearer" and token.count(".") != 2
        return Admitted() if opaque and isinstance(verdict, Refused) else verdict

    judges(node, change)


_nodes(
    "gateway.never-looks-for-new-keys",
    "An unknown key id triggers a new discovery.",
    turns_red=["route.bearer.rotated-key"],
    may_discover=lambda _, issuer: issuer.provider is None,
)


# Sessions


_nodes(
    "gateway.sets-no-session",
    "An accepted call is answered with a session.",
    turns_red=["route.session.issued"],
    session_cookies=lambda *_: (),
)


@_mutant("gateway.shows-the-session-to-scripts", turns_red=["route.session.cookie"])
@on_each_node
def _shows_the_session_to_scripts(node: DataPlane) -> None:
    """The session cookie is HttpOnly."""
    cookies = node.session_cookies
    override(node, session_cookies=lambda *given: tuple(one.replace("; HttpOnly", "") for one in cookies(*given)))


_nodes(
    "gateway.opens-no-session",
    "The session cookie is a credential by itself.",
    turns_red=["route.session.accepted"],
    open_session=lambda *_: None,
)


@_mutant("gateway.opens-broken-sessions", turns_red=["route.session.tampered"])
@on_each_node
def _opens_broken_sessions(node: DataPlane) -> None:
    """A modified session cookie is rejected."""
    open_session, last = node.open_session, []

    def reopen(plugin: Any, request: Request) -> Any:
        """A cookie that does not open gets the last session that did."""
        opened = open_session(plugin, request)
        if opened is not None:
            last.append(opened)
        return last[-1] if last and request.header("cookie") else None

    override(node, open_session=reopen)


# Applications


_nodes(
    "gateway.lets-every-client-through",
    "A client that is not a portal application is rejected.",
    turns_red=["route.basic.foreign-client", "plugin.claim.missing", "issuer.userinfo", "issuer.token.subject"],
    authorise=lambda *_: PushedApplication("any", "any", "any", ()),
)


_nodes(
    "gateway.asks-for-no-registration",
    "An application needs an approved registration for the API.",
    turns_red=["route.rejected", "route.unregistered", "life.unregistered"],
    is_approved=lambda *_: True,
)


@_mutant("gateway.one-node-asks-for-no-registration", turns_red=["life.revoked.route"])
def _one_node_asks_for_no_registration(world: "World") -> None:
    """Every node requires an approved registration."""
    override(world.data_planes[-1], is_approved=lambda *_: True)


@_mutant("gateway.remembers-deleted-applications", turns_red=["life.deleted.route"])
@on_each_node
def _remembers_deleted_applications(node: DataPlane) -> None:
    """An application that is no longer pushed has no access."""
    find, known = node.application_of, {}

    def remember(service: Any, client_id: str | None) -> Any:
        found = find(service, client_id)
        if found is not None:
            known[client_id] = found
        return known.get(client_id)

    override(node, application_of=remember)


# What goes upstream


_nodes(
    "gateway.sends-no-token-upstream",
    "The upstream receives the access token.",
    turns_red=["upstream.bearer"],
    upstream_token_header=lambda *_: None,
)


@_mutant("gateway.sends-an-old-token-upstream", turns_red=["upstream.same-token"])
@on_each_node
def _sends_an_old_token_upstream(node: DataPlane) -> None:
    """The upstream receives the token of the call, not an earlier one."""
    first: dict[str, str] = {}

    def header(_: object, token: Jwt) -> tuple[str, str]:
        return "authorization", f"Bearer {first.setdefault(token.claims['sub'], token.text)}"

    override(node, upstream_token_header=header)


@_mutant("gateway.sends-a-broken-token-upstream", turns_red=["claims.verify"])
@on_each_node
def _sends_a_broken_token_upstream(node: DataPlane) -> None:
    """The upstream receives the token as it was issued."""
    signature = base64.urlsafe_b64encode(bytes(256)).rstrip(b"=").decode()
    override(
        node,
        upstream_token_header=lambda _, token: ("authorization", f"Bearer {token.text.rpartition('.')[0]}.{signature}"),
    )


@_mutant("gateway.sends-its-own-token-upstream", turns_red=["claims.sub"])
def _sends_its_own_token_upstream(world: "World") -> None:
    """The token that goes upstream is the caller's."""
    claims = world.curity.access_token_claims(Client("the gateway itself"), "openid")
    token = world.curity.format_access_token(claims)
    for node in world.data_planes:
        override(node, upstream_token_header=lambda *_: ("authorization", f"Bearer {token}"))


@_mutant("gateway.sends-credentials-upstream", turns_red=["upstream.no-secret"])
def _sends_credentials_upstream(world: "World") -> None:
    """The caller's own credentials do not go upstream."""

    def change(request: Request, call: Call) -> Call:
        return replace(call, headers=(*call.headers, ("x-original-authorization", _basic(request))))

    sends_upstream(world, change)


@_mutant("gateway.sends-sessions-without-token", turns_red=["upstream.session-bearer"])
def _sends_sessions_without_token(world: "World") -> None:
    """The upstream receives the access token with a session as well."""

    def change(request: Request, call: Call) -> Call:
        if request.header("cookie") is None:
            return call
        return replace(call, headers=tuple(pair for pair in call.headers if pair[0] != "authorization"))

    sends_upstream(world, change)
