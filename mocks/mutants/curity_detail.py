"""Curities that break one rule each, for the checks of its configuration and of what it answers in detail."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dcrproof.mocks.curity.clients import AnyClient
from dcrproof.mocks.curity.errors import OAuthRefusal
from dcrproof.mocks.curity.state import SERVER_MEMBERS
from dcrproof.mocks.messages import Calls, Request, Response, json_response
from dcrproof.mocks.mutants.base import Mutant, answers, changed, entering, override, overriding, without

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {}
MUTANTS: Mapping[str, Mutant] = _mutants
_mutant = entering(_mutants)
_curity = overriding(_mutants, lambda world: [world.curity])

RESTCONF = "/admin/api/restconf"
REGISTER = "/token-service/oauth-registration"
TOKEN = "/oauth/v2/oauth-token"

Members = dict[str, Any]


def _answers_at(
    world: "World", path: str, change: Callable[[Response], Response], method: str | None = None, status: int = 200
) -> None:
    """Changes the answers of that status to requests of that path."""

    def apply(request: Request, response: Response) -> Response:
        meant = request.path == path and response.status == status and method in {None, request.method}
        return change(response) if meant else response

    answers(world, "curity", apply)


def _metadata(world: "World", change: Callable[[Any], Any], then: Callable[[Any, Any], Any] | None = None) -> None:
    """Changes the metadata of a request before they are checked, or what was granted afterwards."""
    grant = world.curity.grant_metadata

    def grant_metadata(bounds: Any, document: Any) -> Any:
        granted = grant(bounds, change(document))
        return granted if then is None else then(granted, document)

    override(world.curity, grant_metadata=grant_metadata)


def _as_it_is(document: Any) -> Any:
    return document


def _less(name: str) -> Callable[[Members], Members]:
    return lambda members: {key: value for key, value in members.items() if key != name}


# What RESTCONF shows


def _shows(world: "World", part: str, change: Callable[[Members], Members]) -> None:
    """Changes the part of the configuration whose path ends so."""

    def apply(request: Request, response: Response) -> Response:
        if response.status != 200 or not (request.path.startswith(RESTCONF) and request.path.endswith(part)):
            return response
        return changed(response, lambda content: {name: change(value) for name, value in content.items()})

    answers(world, "curity", apply)


@_mutant("curity.knows-no-admin", turns_red=["configuration.readable"])
def _knows_no_admin(world: "World") -> None:
    """The admin service accepts the user and password of the profile."""

    def refuse(request: Request, response: Response) -> Response:
        return json_response(401, {}) if request.path.startswith(RESTCONF) else response

    answers(world, "curity", refuse)


@_mutant("curity.shows-its-configuration-to-everybody", turns_red=["configuration.without-credentials"])
def _shows_its_configuration_to_everybody(world: "World") -> None:
    """The configuration is for admins."""
    answer = world.handlers["curity"]

    def handle(request: Request) -> Response | Calls:
        stranger = request.path.startswith(RESTCONF) and request.header("authorization") is None
        pair = base64.b64encode(":".join(world.curity.admin).encode()).decode()
        admin = (*request.headers, ("authorization", f"Basic {pair}"))
        return answer(replace(request, headers=admin) if stranger else request)

    world.handlers["curity"] = handle


@_mutant("curity.names-a-key-that-it-has-not", turns_red=["configuration.token-issuer.signing-key"])
def _names_a_key_that_it_has_not(world: "World") -> None:
    """The signing key of a token issuer exists."""
    settings = {"jwt-issuer-settings": {"signing-key-id": "another-signing-key"}}
    _shows(world, "/default-token-issuer", lambda issuer: {**issuer, **settings})


@_mutant("curity.has-no-data-source-for-clients", turns_red=["configuration.dcr.data-source"])
def _has_no_data_source_for_clients(world: "World") -> None:
    """Registration needs a data source for the clients."""
    _shows(world, "/dynamic-client-registration", _less("client-data-source"))


@_mutant("curity.has-no-client-credentials", turns_red=["configuration.profile.capability"])
def _has_no_client_credentials(world: "World") -> None:
    """The profile has the capability client-credentials."""
    configuration = world.curity.configuration
    lost = {"client-credentials"}
    world.curity.configuration = replace(
        configuration,
        client_capabilities=configuration.client_capabilities - lost,
        clients=tuple(replace(client, capabilities=client.capabilities - lost) for client in configuration.clients),
    )


# Metadata and keys


@_mutant("curity.lets-nobody-keep-metadata", turns_red=["metadata.cache-lifetime"])
def _lets_nobody_keep_metadata(world: "World") -> None:
    """The metadata may be cached for the cache duration."""
    path = world.discovery_url.removeprefix(world.start.addresses["curity"])
    _answers_at(world, path, lambda response: without(response, "cache-control"))


def _jwks(world: "World", change: Callable[[Members], Members]) -> None:
    jwks = world.curity.jwks
    override(world.curity, jwks=lambda: {"keys": [change(dict(key)) for key in jwks()["keys"]]})


@_mutant("curity.numbers-its-keys", turns_red=["keys.identified"])
def _numbers_its_keys(world: "World") -> None:
    """A kid is a string, although it looks like a number."""
    _jwks(world, lambda key: {**key, "kid": int(key["kid"])})


@_mutant("curity.publishes-no-thumbprints", turns_red=["keys.members"])
def _publishes_no_thumbprints(world: "World") -> None:
    """A key has its x5t."""
    _jwks(world, _less("x5t"))


@_mutant("curity.withdraws-old-keys", turns_red=["keys.rotated"])
def _withdraws_old_keys(world: "World") -> None:
    """The old verification key stays published after a change of the signing key."""
    published = world.curity.published_keys
    override(world.curity, published_keys=lambda: published()[-1:])


# The token endpoint


@_mutant("curity.takes-no-secret-in-the-form", turns_red=["grant.by-post"])
def _takes_no_secret_in_the_form(world: "World") -> None:
    """A secret may be sent in the form."""

    def refuse(request: Request, response: Response) -> Response:
        by_form = request.path == TOKEN and request.header("authorization") is None
        return json_response(401, {"error": "invalid_client"}) if by_form else response

    answers(world, "curity", refuse)


_curity(
    "curity.decodes-no-basic",
    "The id and secret of Basic credentials are form-decoded.",
    turns_red=["grant.encoded-basic"],
    form_decoded=lambda pair: pair,
)


@_mutant("curity.takes-two-methods", turns_red=["grant.two-methods"])
def _takes_two_methods(world: "World") -> None:
    """A client uses one authentication method per request."""
    handler = world.handlers["curity"]

    def handle(request: Request) -> Response | Calls:
        if b"client_secret=" in request.body:
            headers = tuple(pair for pair in request.headers if pair[0] != "authorization")
            return handler(replace(request, headers=headers))
        return handler(request)

    world.handlers["curity"] = handle


@_mutant("curity.challenges-nobody", turns_red=["grant.unknown-client"])
def _challenges_nobody(world: "World") -> None:
    """A client that fails to authenticate by Basic gets a challenge."""
    _answers_at(world, TOKEN, lambda response: without(response, "www-authenticate"), status=401)


def _granting(world: "World", grant_type: Callable[[str | None], str | None]) -> None:
    grant = world.curity.grant
    override(world.curity, grant=lambda client, asked, scope: grant(client, grant_type(asked), scope))


@_mutant("curity.knows-no-grant-types", turns_red=["grant.other-grant"])
def _knows_no_grant_types(world: "World") -> None:
    """An unsupported grant type is rejected."""
    _granting(world, lambda asked: asked and "client_credentials")


@_mutant("curity.assumes-a-grant-type", turns_red=["grant.no-grant-type"])
def _assumes_a_grant_type(world: "World") -> None:
    """A missing grant type is not assumed."""
    _granting(world, lambda asked: asked or "client_credentials")


@_mutant("curity.grants-by-get", turns_red=["grant.by-get"])
def _grants_by_get(world: "World") -> None:
    """Only POST requests get tokens."""
    _answers_at(world, TOKEN, lambda _: json_response(200, {"access_token": "a token"}), "GET", 405)


_curity(
    "curity.grants-any-scope",
    "A client gets only the scopes that it may have.",
    turns_red=["grant.scope-unknown", "grant.scope-filtered"],
    may_have_scope=lambda *_: True,
)


_curity(
    "curity.lets-every-client-register",
    "Only the clients of authenticate-client-by get the scope dcr.",
    turns_red=["grant.no-dcr-scope"],
    may_obtain_dcr=lambda _: True,
)


@_mutant("curity.lets-tokens-be-stored", turns_red=["grant.answer-kept-by-nobody"])
def _lets_tokens_be_stored(world: "World") -> None:
    """The answer to a token request is not to be stored."""
    _answers_at(world, TOKEN, lambda response: without(response, "cache-control"))


@_mutant("curity.refreshes-client-credentials", turns_red=["grant.no-refresh-token"])
def _refreshes_client_credentials(world: "World") -> None:
    """client_credentials gives no refresh token."""
    grant = world.curity.grant
    override(world.curity, grant=lambda *given: {**grant(*given), "refresh_token": "_1XBPWQQ_a-refresh-token"})


@_mutant("curity.forgets-lifetimes", turns_red=["grant.lifetime"])
def _forgets_lifetimes(world: "World") -> None:
    """The lifetime of a token is its client's access_token_ttl."""
    claims = world.curity.access_token_claims

    def for_ever(client: AnyClient, scope: str) -> Members:
        found = claims(client, scope)
        return {**found, "exp": found["iat"] + 300}

    override(world.curity, access_token_claims=for_ever)


# Registration


def _registers(world: "World", change: Callable[[Members], Members]) -> None:
    """Changes the members of the answer to a registration."""
    _answers_at(world, REGISTER, lambda response: changed(response, change), status=201)


@_mutant("curity.tells-no-methods", turns_red=["registered.members"])
def _tells_no_methods(world: "World") -> None:
    """The answer lists every method by which the client may authenticate."""
    _registers(world, _less("token_endpoint_auth_methods"))


@_mutant("curity.tells-no-lifetime-of-registration-tokens", turns_red=["registered.management-members"])
def _tells_no_lifetime_of_registration_tokens(world: "World") -> None:
    """The answer says how long the client can be managed."""
    _registers(world, _less("registration_access_token_expires_in"))


@_mutant("curity.lets-secrets-be-stored", turns_red=["registered.not-stored"])
def _lets_secrets_be_stored(world: "World") -> None:
    """The answer to a registration is not to be stored."""
    _answers_at(world, REGISTER, lambda response: without(response, "cache-control"), status=201)


@_mutant("curity.lets-clients-choose-their-id", turns_red=["registered.own-id"])
def _lets_clients_choose_their_id(world: "World") -> None:
    """The server chooses the id of a client."""

    def choose(request: Request, response: Response) -> Response:
        if (request.path, response.status) != (REGISTER, 201):
            return response
        asked = json.loads(request.body).get("client_id")
        return changed(response, lambda members: {**members, "client_id": asked}) if asked else response

    answers(world, "curity", choose)


@_mutant("curity.refuses-methods-that-are-not-allowed", turns_red=["registered.method-replaced"])
def _refuses_methods_that_are_not_allowed(world: "World") -> None:
    """A method that is not allowed is replaced silently."""

    def judge(granted: Any, document: Any) -> Any:
        if document.get("token_endpoint_auth_method") not in {None, granted.token_endpoint_auth_method}:
            raise OAuthRefusal("invalid_client_metadata", "The method is not allowed.")
        return granted

    _metadata(world, _as_it_is, judge)


@_mutant("curity.gives-no-scope-unasked", turns_red=["registered.all-scopes"])
def _gives_no_scope_unasked(world: "World") -> None:
    """A client that requests no scope may have all allowed scopes."""
    _metadata(
        world, _as_it_is, lambda granted, document: granted if document.get("scope") else replace(granted, scopes=())
    )


@_mutant("curity.registers-any-scope", turns_red=["registered.unknown-scope"])
def _registers_any_scope(world: "World") -> None:
    """A scope that is not allowed is dropped."""

    def any_scope(granted: Any, document: Any) -> Any:
        return replace(granted, scopes=tuple(document["scope"].split())) if document.get("scope") else granted

    _metadata(world, _as_it_is, any_scope)


@_mutant("curity.registers-everybody-for-client-credentials", turns_red=["registered.nothing-unasked"])
def _registers_everybody_for_client_credentials(world: "World") -> None:
    """A client that requests no grant types gets authorization_code."""
    _metadata(world, lambda document: {"grant_types": ["client_credentials"], **document})


@_mutant("curity.looks-at-no-page", turns_red=["registered.foreign-page"])
def _looks_at_no_page(world: "World") -> None:
    """The pages of a client share an origin with its redirect URIs."""
    _metadata(world, _less("client_uri"))


@_mutant("curity.looks-at-no-redirect", turns_red=["registered.bad-redirect"])
def _looks_at_no_redirect(world: "World") -> None:
    """A redirect URI has no fragment."""
    _metadata(world, _less("redirect_uris"))


@_mutant("curity.fails-on-broken-metadata", turns_red=["registered.broken-body"])
def _fails_on_broken_metadata(world: "World") -> None:
    """A body that is not client metadata is answered with 4xx."""

    def judge(document: Any) -> Any:
        if not isinstance(document, dict):
            raise OAuthRefusal("server_error", "An error occurred.")
        return document

    _metadata(world, judge)


@_mutant("curity.describes-errors", turns_red=["registered.undescribed-errors"])
def _describes_errors(world: "World") -> None:
    """Errors are described only where the profile exposes details."""
    world.curity.configuration = replace(world.curity.configuration, expose_detailed_error_messages=True)


_curity(
    "curity.takes-expired-tokens",
    "An expired token is rejected like a missing one.",
    turns_red=["registered.expired-token"],
    is_not_expired=lambda _: True,
)


# Management


@_mutant("curity.shows-less-than-was-granted", turns_red=["managed.read-back"])
def _shows_less_than_was_granted(world: "World") -> None:
    """A read shows what was granted."""
    read = world.curity.read
    override(world.curity, read=lambda *given: {**read(*given), "scope": ""})


@_mutant("curity.updates-whatever-is-named", turns_red=["managed.update-names-client"])
def _updates_whatever_is_named(world: "World") -> None:
    """An update names its client."""
    update = world.curity.update
    override(
        world.curity,
        update=lambda client_id, bearer, document: update(client_id, bearer, {**document, "client_id": client_id}),
    )


@_mutant("curity.takes-what-it-sets-itself", turns_red=["managed.update-server-members"])
def _takes_what_it_sets_itself(world: "World") -> None:
    """An update must not contain members that the server sets."""
    update = world.curity.update

    def take(client_id: str, bearer: str | None, document: Any) -> Members:
        return update(client_id, bearer, {name: document[name] for name in document if name not in SERVER_MEMBERS})

    override(world.curity, update=take)


# Introspection, revocation, userinfo


@_mutant("curity.lets-everybody-introspect", turns_red=["introspection.needs-capability"])
def _lets_everybody_introspect(world: "World") -> None:
    """Only a client with the capability may introspect."""
    has = world.curity.has_capability
    override(world.curity, has_capability=lambda client, name: name == "introspection" or has(client, name))


@_mutant("curity.refuses-to-revoke-unknown-tokens", turns_red=["revocation.answer"])
def _refuses_to_revoke_unknown_tokens(world: "World") -> None:
    """Revoking an unknown token succeeds."""
    curity, revoke = world.curity, world.curity.revoke

    def refuse(client: AnyClient, value: str) -> None:
        if curity.access_token(value) is None:
            raise OAuthRefusal("invalid_request", "The token is unknown.")
        revoke(client, value)

    override(curity, revoke=refuse)


_curity(
    "curity.revokes-nothing",
    "A revoked token is no longer active.",
    turns_red=["revocation.effect"],
    revoke=lambda *_: None,
)


_curity(
    "curity.revokes-for-any-client",
    "A client can revoke only its own tokens.",
    turns_red=["revocation.other-client"],
    may_revoke=lambda *_: True,
)


_curity(
    "curity.takes-clients-for-users",
    "A client_credentials token gives no userinfo.",
    turns_red=["userinfo.needs-user"],
    may_ask_for_userinfo=lambda _: True,
)


_curity(
    "curity.informs-everybody",
    "Userinfo requires a token.",
    turns_red=["userinfo.no-token"],
    userinfo=lambda _: {"sub": "johndoe"},
)


@_mutant("curity.shows-registration-scopes", turns_red=["metadata.registration-scopes"])
def _shows_registration_scopes(world: "World") -> None:
    """The metadata lists only the scopes of the profile."""
    world.curity.switches = replace(world.curity.switches, shows_registration_scopes=True)
