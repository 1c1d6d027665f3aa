"""Keys and what is signed with them: pure but for the signature."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry, serialize_compact

ALGORITHM = "RS256"

# Access tokens and registration tokens that are references begin so: github.com/curityio, samples. Older ones are bare
# UUIDs; `_1XBPWQQ_` begins a refresh token.
OPAQUE_PREFIX = "_0XBPWQQ_"

_REGISTRY = JWSRegistry(algorithms=[ALGORITHM])


@dataclass(frozen=True)
class SigningKey:
    """`kid` is a signed 32-bit number in decimal: a string that begins with a hyphen more often than not."""

    kid: str
    key: RSAKey

    @cached_property
    def thumbprint(self) -> str:
        """`x5t`. `include-x5c` is off, so nobody sees a certificate; the public key stands for it."""
        public = self.key.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return urlsafe_b64encode(hashlib.sha1(public, usedforsecurity=False).digest()).rstrip(b"=").decode()

    @cached_property
    def header(self) -> Mapping[str, str]:
        """Of every JWT. Without `typ`, so not the profile of RFC 9068: github.com/curityio/workload-identities."""
        return {"kid": self.kid, "x5t": self.thumbprint, "alg": ALGORITHM}

    @cached_property
    def public_jwk(self) -> Mapping[str, Any]:
        """Members as include-x5t-in-jwks (on) and include-x5c (off) leave them."""
        public = self.key.as_dict(private=False)
        return {
            "kty": public["kty"],
            "kid": self.kid,
            "use": "sig",
            "alg": ALGORITHM,
            "n": public["n"],
            "e": public["e"],
            "x5t": self.thumbprint,
        }

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
        payload = json.dumps(claims, separators=(",", ":"))
        return serialize_compact(dict(header), payload, self.key, registry=_REGISTRY)


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
