"""Curities that break one rule each, for the checks of the flow."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dcrproof.mocks.curity.clients import DynamicClient
from dcrproof.mocks.curity.errors import OAuthRefusal as RefusedByCurity
from dcrproof.mocks.curity.settings import ClientManagement, RegistrationToken, digest
from dcrproof.mocks.curity.tokens import SigningKey
from dcrproof.mocks.keys import rsa_key
from dcrproof.mocks.mutants.base import Mutant, entering, override, overriding

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {}
MUTANTS: Mapping[str, Mutant] = _mutants
_mutant = entering(_mutants)
_curity = overriding(_mutants, lambda world: [world.curity])


def _claims(world: "World", change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Changes the claims of every access token."""
    claims = world.curity.access_token_claims
    override(world.curity, access_token_claims=lambda client, scope: change(claims(client, scope)))


def _management(world: "World", change: Callable[[ClientManagement], ClientManagement]) -> None:
    """Changes the settings of dynamic client management."""
    configuration = world.curity.configuration
    dynamic = configuration.dynamic_client_registration
    if dynamic is not None and dynamic.client_management is not None:
        dynamic = replace(dynamic, client_management=change(dynamic.client_management))
    world.curity.configuration = replace(configuration, dynamic_client_registration=dynamic)


# Metadata and keys


@_mutant("curity.names-no-keys", turns_red=["discovery.endpoints"])
def _names_no_keys(world: "World") -> None:
    """The metadata names where the keys are (jwks_uri)."""
    metadata = world.curity.metadata
    override(world.curity, metadata=lambda: {name: url for name, url in metadata().items() if name != "jwks_uri"})


@_mutant("curity.registers-at-another-host", turns_red=["discovery.same-host"])
def _registers_at_another_host(world: "World") -> None:
    """Every endpoint has the host of the base URL."""
    metadata = world.curity.metadata
    override(
        world.curity, metadata=lambda: {**metadata(), "registration_endpoint": "https://idsvr.localhost:8443/register"}
    )


_curity(
    "curity.serves-no-keys",
    "The keys that sign tokens are served.",
    turns_red=["keys.served"],
    jwks=lambda: {"keys": []},
)


@_mutant("curity.publishes-private-keys", turns_red=["keys.public"])
def _publishes_private_keys(world: "World") -> None:
    """Only the public members of a key are published."""
    curity = world.curity

    def jwks() -> dict[str, Any]:
        keys = curity.published_keys()
        return {"keys": [{**key.public_jwk, "d": key.key.as_dict(private=True)["d"]} for key in keys]}

    override(curity, jwks=jwks)


# Clients and tokens


_curity(
    "curity.accepts-any-secret",
    "A client authenticates only with its own secret.",
    turns_red=["registrar.wrong-secret", "client.wrong-secret"],
    accepts_secret=lambda *_: True,
)


@_mutant("curity.grants-nothing-to-registered-clients", turns_red=["token.granted"])
def _grants_nothing_to_registered_clients(world: "World") -> None:
    """A registered client has the capabilities that were granted."""
    has = world.curity.has_capability
    override(
        world.curity, has_capability=lambda client, name: not isinstance(client, DynamicClient) and has(client, name)
    )


@_mutant("curity.spells-bearer-with-a-capital", turns_red=["token.answer"])
def _spells_bearer_with_a_capital(world: "World") -> None:
    """The token type is spelled `bearer`."""
    grant = world.curity.grant
    override(world.curity, grant=lambda *arguments: {**grant(*arguments), "token_type": "Bearer"})


@_mutant("curity.signs-with-an-unpublished-key", turns_red=["token.verifies"])
def _signs_with_an_unpublished_key(world: "World") -> None:
    """Tokens are signed with a published key."""
    curity = world.curity

    def sign(claims: Mapping[str, Any]) -> str:
        key = SigningKey(curity.signing_key.kid, rsa_key(1))
        return key.sign(claims, key.header)

    override(curity, sign=sign)


@_mutant("curity.types-its-tokens", turns_red=["token.header"])
def _types_its_tokens(world: "World") -> None:
    """A token's header has no typ."""
    curity = world.curity
    override(
        curity, sign=lambda claims: curity.signing_key.sign(claims, {**curity.signing_key.header, "typ": "at+jwt"})
    )


@_mutant("curity.issues-under-another-name", turns_red=["claims.iss"])
def _issues_under_another_name(world: "World") -> None:
    """`iss` is the issuer of the metadata. (The gateway accepts it.)"""
    _claims(world, lambda claims: {**claims, "iss": f"{claims['iss']}/"})
    for node in world.data_planes:
        override(node, issuer_is_expected=lambda *_: True)


@_mutant("curity.leaves-out-aud", turns_red=["claims.aud"])
def _leaves_out_aud(world: "World") -> None:
    """A token has an audience."""
    _claims(world, lambda claims: {name: value for name, value in claims.items() if name != "aud"})


@_mutant("curity.post-dates-tokens", turns_red=["claims.times"])
def _post_dates_tokens(world: "World") -> None:
    """A token is valid from the moment it is issued. (The gateway accepts it.)"""
    _claims(world, lambda claims: {**claims, "iat": claims["iat"] + 60, "nbf": claims["nbf"] + 60})
    for node in world.data_planes:
        override(node, is_issued_already=lambda *_: True, is_valid_already=lambda *_: True)


@_mutant("curity.repeats-jti", turns_red=["claims.jti"])
def _repeats_jti(world: "World") -> None:
    """Each token has a unique jti."""
    _claims(world, lambda claims: {**claims, "jti": "1"})


@_mutant("curity.grants-more-than-asked", turns_red=["claims.scope"])
def _grants_more_than_asked(world: "World") -> None:
    """A token has exactly the requested scopes."""
    _claims(world, lambda claims: {**claims, "scope": " ".join(world.curity.configuration.scopes)})


@_mutant("curity.leaves-out-purpose", turns_red=["claims.purpose"])
def _leaves_out_purpose(world: "World") -> None:
    """The purpose of an access token is access_token."""
    _claims(world, lambda claims: {name: value for name, value in claims.items() if name != "purpose"})


# Registration


_curity(
    "curity.registers-without-token",
    "A registration needs an initial access token.",
    turns_red=["registration.without-token"],
    registration_is_open=lambda *_: True,
)


_curity(
    "curity.registers-with-any-token",
    "An initial access token has the scope dcr.",
    turns_red=["registration.unscoped-token"],
    is_initial_token=lambda *_: True,
)


_curity(
    "curity.reuses-initial-tokens",
    "An initial access token works for one registration.",
    turns_red=["registration.initial-token-once"],
    consume_initial_token=lambda *_: None,
)


@_mutant("curity.registers-clients-without-grants", turns_red=["registration.grants"])
def _registers_clients_without_grants(world: "World") -> None:
    """A client is granted what it requested, where that is allowed."""
    grant = world.curity.grant_metadata
    override(world.curity, grant_metadata=lambda *arguments: replace(grant(*arguments), grant_types=()))


@_mutant("curity.refuses-grants-that-are-not-allowed", turns_red=["registration.filtered"])
def _refuses_grants_that_are_not_allowed(world: "World") -> None:
    """A grant type that is not allowed is dropped silently."""
    grant = world.curity.grant_metadata

    def refuse(bounds: Any, document: Any) -> Any:
        granted = grant(bounds, document)
        if len(granted.grant_types) < len(document["grant_types"]):
            raise RefusedByCurity("invalid_client_metadata", "A grant type is not allowed.")
        return granted

    override(world.curity, grant_metadata=refuse)


# Management of registrations


def _refuse_management(*_: object) -> None:
    raise RefusedByCurity("insufficient_scope", "The registration access token does not allow it.")


_curity(
    "curity.shows-no-registration",
    "A registration can be read with its token.",
    turns_red=["registration.read"],
    read=_refuse_management,
)


_curity(
    "curity.updates-no-registration",
    "A registration can be updated with its token.",
    turns_red=["registration.update"],
    update=_refuse_management,
)


_curity(
    "curity.deletes-no-registration",
    "A registration can be deleted with its token.",
    turns_red=["registration.delete"],
    delete=_refuse_management,
)


_curity(
    "curity.keeps-deleted-clients",
    "Deleting the registration deletes the client.",
    turns_red=["registration.deleted-client", "managed.after-delete"],
    delete=lambda *_: None,
)


@_mutant("curity.keeps-secrets", turns_red=["registration.read-rotates"])
def _keeps_secrets(world: "World") -> None:
    """A read and an update rotate the secret."""

    def keep(client: DynamicClient) -> tuple[DynamicClient, str]:
        secret = f"for ever {client.id}"
        return replace(client, secret_digest=digest(secret)), secret

    override(world.curity, rotate_secret=keep)


@_mutant("curity.keeps-registration-tokens", turns_red=["registration.update-rotates"])
def _keeps_registration_tokens(world: "World") -> None:
    """A read and an update rotate the registration access token."""
    _management(world, lambda management: replace(management, registration_token=RegistrationToken(reuse=True)))


@_mutant("curity.shows-a-secret-that-it-does-not-take", turns_red=["registration.new-secret"])
def _shows_a_secret_that_it_does_not_take(world: "World") -> None:
    """After a rotation the client authenticates with the new secret."""
    rotate = world.curity.rotate_secret

    def show(client: DynamicClient) -> tuple[DynamicClient, str | None]:
        rotated, secret = rotate(client)
        return (rotated if client.secret_digest is None else client), secret

    override(world.curity, rotate_secret=show)


@_mutant("curity.takes-old-secrets", turns_red=["registration.old-secret", "life.secret.old", "life.secret.expired"])
def _takes_old_secrets(world: "World") -> None:
    """After a rotation the old secret is invalid (rotated-secret-ttl: 0)."""
    _management(world, lambda management: replace(management, rotated_secret_ttl=3600))


_curity(
    "curity.takes-any-registration-token",
    "A registration is managed only with its newest token.",
    turns_red=["registration.old-token", "managed.other-clients-token", "managed.no-token"],
    is_registration_token=lambda *_: True,
)
