"""Keys and what is signed with them."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import OKPKey, RSAKey
from joserfc.jws import JWSRegistry

# Access tokens and registration tokens that are references begin so: github.com/curityio, samples. Older ones are bare
# UUIDs; `_1XBPWQQ_` begins a refresh token.
OPAQUE_PREFIX = "_0XBPWQQ_"


def _encoded(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


_as_json = json.JSONEncoder(separators=(",", ":")).encode


def _part(members: Mapping[str, Any]) -> str:
    """A part of a JWT."""
    return _encoded(_as_json(members).encode())


@dataclass(frozen=True)
class SigningKey:
    """`kid` is a signed 32-bit number in decimal: a string that begins with a hyphen more often than not."""

    kid: str
    key: RSAKey | OKPKey

    @property
    def algorithm(self) -> str:
        """`EdDSA` is the one name for Ed25519 and Ed448: curity.io/docs/identity-server/facilities/cryptography/eddsa."""
        return "EdDSA" if isinstance(self.key, OKPKey) else "RS256"

    @cached_property
    def thumbprint(self) -> str:
        """`x5t`. `include-x5c` is off, so no certificate is shown; the public key is used in its place."""
        public = self.key.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return _encoded(hashlib.sha1(public, usedforsecurity=False).digest())

    @cached_property
    def header(self) -> Mapping[str, str]:
        """Of every JWT. Without `typ`, so not the profile of RFC 9068: github.com/curityio/workload-identities."""
        return {"kid": self.kid, "x5t": self.thumbprint, "alg": self.algorithm}

    @cached_property
    def _encoded_header(self) -> str:
        return _part(self.header)

    @cached_property
    def public_jwk(self) -> Mapping[str, Any]:
        """Members as include-x5t-in-jwks (on) and include-x5c (off) leave them."""
        public = self.key.as_dict(private=False)
        of_its_type: dict[str, Any] = {name: public[name] for name in ("n", "e", "crv", "x") if name in public}
        return {
            "kty": public["kty"],
            "kid": self.kid,
            "use": "sig",
            "alg": self.algorithm,
            **of_its_type,
            "x5t": self.thumbprint,
        }

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
        """By the key's algorithm, whatever the header says. Without the library's registry, which warns of the name EdDSA
        since RFC 9864 has another one.
        """
        first = self._encoded_header if header is self.header else _part(header)
        signing_input = f"{first}.{_part(claims)}"
        signature = JWSRegistry.algorithms[self.algorithm].sign(signing_input.encode(), self.key)
        return f"{signing_input}.{_encoded(signature)}"


@dataclass(slots=True)
class AccessToken:
    """What is kept of an access token, whatever its format. `expires`: seconds since the epoch. `username` is None for
    a token that a client got for itself.
    """

    value: str
    claims: dict[str, Any]
    client_id: str
    scopes: tuple[str, ...]
    expires: int
    username: str | None = None
