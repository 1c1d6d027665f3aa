"""Curities, and a gateway, that break one rule of a standard each."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from dcrproof.mocks.messages import Calls, Request, Response, json_response
from dcrproof.mocks.mutants.base import Mutant, answers, changed, entering, override, without

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {}
MUTANTS: Mapping[str, Mutant] = _mutants
_mutant = entering(_mutants)

TOKEN, INTROSPECT, REVOKE = "/oauth/v2/oauth-token", "/oauth/v2/oauth-introspect", "/oauth/v2/oauth-revoke"
REGISTER = "/token-service/oauth-registration"
GRANTED = {"access_token": "a-token-for-anybody", "token_type": "bearer", "expires_in": 300}


def _metadata(world: "World", **members: Any) -> None:
    """Changes members of the metadata; None leaves one out."""
    document = world.curity.metadata

    def metadata() -> dict[str, Any]:
        return {name: value for name, value in {**document(), **members}.items() if value is not None}

    override(world.curity, metadata=metadata)


@_mutant("curity.leaves-required-metadata-out", turns_red=["metadata.required"])
def _leaves_required_metadata_out(world: "World") -> None:
    """The members that OpenID Connect Discovery requires are there."""
    _metadata(world, subject_types_supported=None)


@_mutant("curity.lists-no-method-with-a-secret", turns_red=["metadata.basic"])
def _lists_no_method_with_a_secret(world: "World") -> None:
    """The methods of client authentication are those that the server takes."""
    _metadata(world, token_endpoint_auth_methods_supported=["private_key_jwt"])


@_mutant("curity.lists-nothing", turns_red=["metadata.no-empty-list"])
def _lists_nothing(world: "World") -> None:
    """A list without elements is left out of the metadata."""
    _metadata(world, ui_locales_supported=[])


def _jwks(world: "World", another: Mapping[str, Any]) -> None:
    """Publishes a key more."""
    jwks = world.curity.jwks
    override(world.curity, jwks=lambda: {"keys": [*jwks()["keys"], {"kid": "another", **another}]})


@_mutant("curity.publishes-half-a-key", turns_red=["keys.complete"])
def _publishes_half_a_key(world: "World") -> None:
    """A key has what its type needs."""
    _jwks(world, {"kty": "EC", "crv": "P-256", "x": "AQAB"})


@_mutant("curity.publishes-a-weak-key", turns_red=["keys.strong"])
def _publishes_a_weak_key(world: "World") -> None:
    """RSA keys have at least 2048 bits."""
    _jwks(world, {"kty": "RSA", "e": "AQAB", "n": urlsafe_b64encode(b"\xc1" * 128).rstrip(b"=").decode()})


@_mutant("curity.signs-with-a-shared-secret", turns_red=["token.algorithm"])
def _signs_with_a_shared_secret(world: "World") -> None:
    """Tokens are signed with a private key."""
    sign = world.curity.sign
    header = urlsafe_b64encode(json.dumps({"alg": "HS256"}).encode()).rstrip(b"=").decode()
    override(world.curity, sign=lambda claims: ".".join([header, *sign(claims).split(".")[1:]]))


@_mutant("curity.repeats-claims", turns_red=["token.unique-claims"])
def _repeats_claims(world: "World") -> None:
    """No claim is in a token twice."""
    sign = world.curity.sign

    def twice(claims: Mapping[str, Any]) -> str:
        header, _, signature = sign(claims).split(".")
        text = json.dumps(dict(claims))[:-1] + ', "scope": "everything"}'
        return ".".join([header, urlsafe_b64encode(text.encode()).rstrip(b"=").decode(), signature])

    override(world.curity, sign=twice)


@_mutant("curity.issues-tokens-for-a-day", turns_red=["token.short-lived"])
def _issues_tokens_for_a_day(world: "World") -> None:
    """Tokens live for an hour or less."""
    claims = world.curity.access_token_claims

    def for_a_day(client: Any, scope: str) -> dict[str, Any]:
        found = claims(client, scope)
        return {**found, "exp": found["iat"] + 86_400}

    override(world.curity, access_token_claims=for_a_day)


def _form(world: "World", change: Callable[[list[tuple[str, str]]], list[tuple[str, str]]]) -> None:
    """Changes the form of a token request before it is read."""
    handler = world.handlers["curity"]

    def handle(request: Request) -> Response | Calls:
        if request.path != TOKEN:
            return handler(request)
        pairs = parse_qsl(request.body.decode(), keep_blank_values=True)
        return handler(replace(request, body=urlencode(change(pairs)).encode()))

    world.handlers["curity"] = handle


def _refuses(world: "World", meant: Callable[[Request], bool]) -> None:
    """Refuses token requests of that kind."""

    def refuse(request: Request, response: Response) -> Response:
        refuses = request.path == TOKEN and response.status == 200 and meant(request)
        return json_response(400, {"error": "invalid_request"}) if refuses else response

    answers(world, "curity", refuse)


@_mutant("curity.knows-every-parameter", turns_red=["grant.unknown-parameter"])
def _knows_every_parameter(world: "World") -> None:
    """A parameter that the server does not know is ignored."""
    _refuses(world, lambda request: b"dcrproof_unknown" in request.body)


@_mutant("curity.takes-empty-parameters-for-values", turns_red=["grant.empty-parameter"])
def _takes_empty_parameters_for_values(world: "World") -> None:
    """A parameter without a value counts as left out."""
    _refuses(world, lambda request: ("scope", "") in request.form)


@_mutant("curity.takes-the-last-of-several", turns_red=["grant.repeated-parameter"])
def _takes_the_last_of_several(world: "World") -> None:
    """No parameter is in a request twice."""
    _form(world, lambda pairs: list(dict(pairs).items()))


def _lets_in(world: "World", path: str, body: Mapping[str, Any] | None, meant: Callable[[Request], bool]) -> None:
    """Answers refused requests of that path and kind as if the client had authenticated."""

    def let_in(request: Request, response: Response) -> Response:
        if request.path != path or response.status < 400 or request.header("authorization") or not meant(request):
            return response
        return Response(200) if body is None else json_response(200, dict(body))

    answers(world, "curity", let_in)


@_mutant("curity.grants-without-a-secret", turns_red=["grant.no-client"])
def _grants_without_a_secret(world: "World") -> None:
    """A client authenticates at the token endpoint."""
    _lets_in(world, TOKEN, GRANTED, lambda request: not request.query and b"client_secret" not in request.body)


@_mutant("curity.reads-credentials-in-the-url", turns_red=["grant.secret-in-url"])
def _reads_credentials_in_the_url(world: "World") -> None:
    """Credentials are not in the URL of a request."""
    _lets_in(world, TOKEN, GRANTED, lambda request: "client_secret=" in request.query)


@_mutant("curity.answers-as-text", turns_red=["grant.json"])
def _answers_as_text(world: "World") -> None:
    """The answers of the token endpoint are application/json."""

    def as_text(request: Request, response: Response) -> Response:
        if request.path != TOKEN or response.status != 400:
            return response
        headers = (*without(response, "content-type").headers, ("content-type", "text/plain"))
        return replace(response, headers=headers)

    answers(world, "curity", as_text)


@_mutant("curity.challenges-without-a-realm", turns_red=["grant.challenge"])
def _challenges_without_a_realm(world: "World") -> None:
    """A challenge of the scheme Basic has a realm."""

    def no_realm(request: Request, response: Response) -> Response:
        if request.path != TOKEN or response.header("www-authenticate") is None:
            return response
        bare = without(response, "www-authenticate")
        return replace(bare, headers=(*bare.headers, ("www-authenticate", "Basic")))

    answers(world, "curity", no_realm)


@_mutant("curity.refuses-unknown-metadata", turns_red=["registered.unknown-member"])
def _refuses_unknown_metadata(world: "World") -> None:
    """Client metadata that the server does not know is ignored."""

    def refuse(request: Request, response: Response) -> Response:
        unknown = request.path == REGISTER and b"dcrproof_unknown" in request.body
        return json_response(400, {"error": "invalid_client_metadata"}) if unknown else response

    answers(world, "curity", refuse)


def _registered(world: "World", change: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]) -> None:
    """Changes what the answer to a registration says, by what was asked."""

    def say(request: Request, response: Response) -> Response:
        if request.path != REGISTER or response.status != 201:
            return response
        return changed(response, lambda members: change(json.loads(request.body), members))

    answers(world, "curity", say)


@_mutant("curity.registers-for-the-form", turns_red=["registered.default-method"])
def _registers_for_the_form(world: "World") -> None:
    """Without a method of authentication it is Basic."""

    def by_form(asked: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
        named = "token_endpoint_auth_method" in asked
        return members if named else {**members, "token_endpoint_auth_method": "client_secret_post"}

    _registered(world, by_form)


@_mutant("curity.keeps-quiet-on-expiry", turns_red=["registered.secret-expiry"])
def _keeps_quiet_on_expiry(world: "World") -> None:
    """A secret comes with the time of its end."""
    _registered(world, lambda _, members: {**members, "client_secret_expires_at": None})


@_mutant("curity.adds-in-updates", turns_red=["managed.update-removes"])
def _adds_in_updates(world: "World") -> None:
    """An update replaces all metadata."""
    update = world.curity.update

    def update_with(client_id: str, bearer: str | None, document: Any) -> dict[str, Any]:
        return {"software_version": "1.0", **update(client_id, bearer, document)}

    override(world.curity, update=update_with)


@_mutant("curity.lets-clients-choose-their-secret", turns_red=["managed.update-own-secret"])
def _lets_clients_choose_their_secret(world: "World") -> None:
    """A client does not replace its secret by one of its choice."""
    update, accepts = world.curity.update, world.curity.accepts_secret
    chosen: dict[str, str] = {}

    def update_with(client_id: str, bearer: str | None, document: Any) -> dict[str, Any]:
        if isinstance(document, dict) and "client_secret" in document:
            chosen[client_id] = document.pop("client_secret")
        return update(client_id, bearer, document)

    override(
        world.curity,
        update=update_with,
        accepts_secret=lambda client, secret: chosen.get(client.id) == secret or accepts(client, secret),
    )


@_mutant("curity.introspects-for-anybody", turns_red=["introspection.needs-client"])
def _introspects_for_anybody(world: "World") -> None:
    """Only a client that authenticates may introspect tokens."""
    _lets_in(world, INTROSPECT, {"active": True}, lambda _: True)


@_mutant("curity.revokes-for-anybody", turns_red=["revocation.needs-client"])
def _revokes_for_anybody(world: "World") -> None:
    """Only a client that authenticates may revoke tokens."""
    _lets_in(world, REVOKE, None, lambda _: True)


@_mutant("gateway.challenges-nobody", turns_red=["route.challenge"])
def _gateway_challenges_nobody(world: "World") -> None:
    """A refused call is answered with a challenge."""
    answers(world, "gateway", lambda _, response: without(response, "www-authenticate"))
