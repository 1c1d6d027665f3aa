"""What a node learns of an authorization server: its discovery document and its keys."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import JWKRegistry, Key

from dcrproof.mocks.gateway import strict
from dcrproof.mocks.messages import NoAnswer, Response

WELL_KNOWN = "/.well-known/openid-configuration"

_PRIVATE_MEMBERS = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth"))


@dataclass(frozen=True)
class ProviderMetadata:
    """The members of the discovery document that the plugin uses here."""

    issuer: str
    jwks_uri: str | None
    token_endpoint: str | None
    token_endpoint_auth_methods_supported: tuple[str, ...]
    introspection_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    authorization_endpoint: str | None = None


def discovery_url(issuer: str) -> str:
    """`issuer` may be the discovery URL itself or the issuer, to which the path is appended.

    Kong's documents use both for Curity: the Dev Portal how-to the first, the plugin's Curity example the second.
    """
    return issuer if issuer.endswith(WELL_KNOWN) else issuer.rstrip("/") + WELL_KNOWN


def read_provider(answer: Response | NoAnswer) -> ProviderMetadata | None:
    """None where the answer is not a usable discovery document. Redirects are not followed (inferred)."""
    if isinstance(answer, NoAnswer) or answer.status != 200:
        return None
    document = strict.json_object(answer.body)
    if document is None or not isinstance(document.get("issuer"), str):
        return None
    methods = document.get("token_endpoint_auth_methods_supported")
    return ProviderMetadata(
        issuer=document["issuer"],
        jwks_uri=_string(document.get("jwks_uri")),
        token_endpoint=_string(document.get("token_endpoint")),
        token_endpoint_auth_methods_supported=tuple(str(method) for method in methods)
        if isinstance(methods, list)
        else (),
        introspection_endpoint=_string(document.get("introspection_endpoint")),
        userinfo_endpoint=_string(document.get("userinfo_endpoint")),
        authorization_endpoint=_string(document.get("authorization_endpoint")),
    )


def read_keys(answer: Response | NoAnswer) -> tuple[Key, ...] | None:
    """The public keys of a JWK Set, None where the answer is not one.

    A key that cannot be read is left out, as RFC 7517 section 5 says. So is a shared secret: it does not belong in a
    published set, and must not verify tokens. A short RSA key is accepted (inferred).
    """
    if isinstance(answer, NoAnswer) or answer.status != 200:
        return None
    document = strict.json_object(answer.body)
    members = document.get("keys") if document else None
    if not isinstance(members, list):
        return None
    keys = (_read_key(member) for member in members)
    return tuple(key for key in keys if key is not None)


def keys_named(keys: Sequence[Key], kid: str) -> tuple[Key, ...]:
    return tuple(key for key in keys if key.kid == kid)


def _read_key(member: object) -> Key | None:
    if not isinstance(member, dict) or member.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    public = {name: value for name, value in member.items() if name not in _PRIVATE_MEMBERS}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)
            return JWKRegistry.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
