"""Access tokens: their shape, their verification, and forgeries that must never be accepted.

PyJWT verifies signed tokens; forgeries that PyJWT refuses to make are assembled by hand.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

SIGNED = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Algorithms of public-key signatures: the only ones that an access token may use."""

PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members of a JWK that hold a private or symmetric key (RFC 7518 6)."""


@dataclass(frozen=True)
class Jwt:
    """A token in JWS compact form, decoded but not verified."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def signing_input(self) -> str:
        return self.text.rpartition(".")[0]


def decode(text: str) -> Jwt | None:
    """The token's header and claims, or None where it is not a JWT."""
    try:
        parts = jwt.decode_complete(text, options={"verify_signature": False})
    except (jwt.PyJWTError, RecursionError):
        return None
    return Jwt(text, parts["header"], parts["payload"])


def describe(text: str) -> str:
    """A token in words, which do not reveal it."""
    found = decode(text)
    if found is not None:
        return f"a JWT signed with {found.header.get('alg')}"
    prefix = text[: text.find("_", 1) + 1] if text.startswith("_") else ""
    beginning = f", beginning {prefix}" if prefix else ""
    return f"an opaque token, {len(text)} characters{beginning}"


def verify(text: str, keys: Mapping[str, Any]) -> str | None:
    """Verifies the signature with a JWK Set (RFC 7517). Returns None where it is valid, else what is wrong, in words."""
    token = decode(text)
    if token is None:
        return describe(text)
    algorithm = token.header.get("alg")
    if algorithm not in SIGNED:
        return f"the algorithm {algorithm}, which is not a public-key signature"
    kid = token.header.get("kid")
    found = keys.get("keys")
    published = [key for key in found if isinstance(key, dict)] if isinstance(found, list) else []
    candidates = [key for key in published if key.get("kid") == kid]
    if not candidates:
        names = ", ".join(str(key.get("kid")) for key in published)
        return f"the key id {kid}, which is not among the published ones ({names or 'none'})"
    try:
        jwt.decode(
            text,
            jwt.PyJWK(dict(candidates[0]), algorithm),
            algorithms=[algorithm],
            options={
                "verify_signature": True,
                "enforce_minimum_key_length": True,
                "verify_aud": False,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except jwt.InvalidKeyError as error:
        return f"the published key {kid}, which cannot be used: {error}"
    except jwt.PyJWTError as error:
        return f"a signature that does not verify with the published key {kid} ({type(error).__name__})"
    return None


@cache
def foreign_key() -> RSAPrivateKey:
    """A key that no authorization server has published."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def foreign(token: Jwt, **header: Any) -> str:
    """The same claims, signed with our own key, under the key id of the token or under another one."""
    return jwt.encode(
        dict(token.claims), foreign_key(), algorithm="RS256", headers={**token.header, "alg": "RS256", **header}
    )


def foreign_jwk() -> dict[str, Any]:
    """The public part of our own key, as a JWK."""
    return RSAAlgorithm.to_jwk(foreign_key().public_key(), as_dict=True)


def tampered(token: Jwt) -> str:
    """The token with one bit of its signature flipped."""
    head, _, signature = token.text.rpartition(".")
    content = bytearray(_decoded(signature))
    content[len(content) // 2] ^= 1
    return f"{head}.{_encoded(bytes(content))}"


def with_claims(token: Jwt, **claims: Any) -> str:
    """The token with changed claims, and the old signature."""
    header, _, signature = token.text.split(".")
    return f"{header}.{_encoded(json.dumps({**token.claims, **claims}).encode())}.{signature}"


def unsigned(token: Jwt, algorithm: str = "none") -> str:
    """The same claims with that spelling of `alg: none`, and an empty signature (RFC 7519 6)."""
    header = _encoded(json.dumps({**token.header, "alg": algorithm}).encode())
    return f"{header}.{token.text.split('.')[1]}."


def hs_confused(token: Jwt, keys: Mapping[str, Any]) -> str:
    """The same claims with HS256, where the secret is the PEM of the published public key (RFC 8725 2.1)."""
    kid = token.header.get("kid")
    key = next((key for key in keys.get("keys", []) if key.get("kid") == kid), None)
    if key is None:
        raise ValueError(f"no published key {kid}")
    pem = jwt.PyJWK(dict(key)).key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = _encoded(json.dumps({**token.header, "alg": "HS256"}).encode())
    signing_input = f"{header}.{token.text.split('.')[1]}"
    signature = hmac.new(pem, signing_input.encode(), hashlib.sha256).digest()
    return f"{signing_input}.{_encoded(signature)}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
