"""How the plugin verifies a JWT.

Rules
- Only asymmetric algorithms, EdDSA not among them (unknown: `accept_eddsa`). HS256, HS384 and HS512 are refused (plugin schema: `enable_hs_signatures` is false by
  default; this mock accepts no other value), `none` always (inferred).
- The key is the published one of the token's `kid`. `jku`, `jwk` and `x5u` in the header are ignored, nothing is
  fetched from there (inferred). A header that lists anything as `crit` is refused, as RFC 7515 section 4.1.11 asks.
- `iss` is compared exactly, with the discovery document's issuer (support article "invalid issuer") and, where they are
  given, with `issuers_allowed`. Whether these let in a foreign issuer, Kong's documents contradict (switches.py).
- `exp`, `nbf` and `iat` hold with `leeway` 0; so does `auth_time`, where there is a `max_age`, and `hd` must be one of
  `domains`. `azp`, `client_id`, `jti` and `typ` are not looked at, and `aud` only where there is an `audience`, of which
  it is unknown whether it counts here (switches.py). Otherwise `audience_required` and the like check them.
- `verify_claims` false still verifies the signature and the `*_required` lists (openid-connect 1.5.x).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from dcrproof.mocks.clock import Clock, WrongClock
from dcrproof.mocks.gateway import strict
from dcrproof.mocks.gateway.discovery import ProviderMetadata, keys_named
from dcrproof.mocks.gateway.plugin import Names, Plugin
from dcrproof.mocks.gateway.switches import Switches

ASYMMETRIC = frozenset(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"))
"""Of those that the plugin's schema names for its own assertions (`client_alg`); that it verifies with the same is
inferred; whether with EdDSA, which is among them, is unknown.
"""

REQUIRED_LISTS: tuple[str, ...] = ("scopes", "audience", "groups", "roles")
"""`<name>_required` are compared with the claim at the path `<name>_claim`."""


@dataclass(frozen=True)
class Jwt:
    """A parsed JWS in compact form, not yet verified. `identity` are the claims of the ID token beside it.

    An opaque token becomes one of these, with an empty header, once the authorization server has described it.
    """

    text: str = field(repr=False)
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signature: bytes = field(repr=False)
    identity: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def algorithm(self) -> str:
        algorithm = self.header.get("alg")
        return algorithm if isinstance(algorithm, str) else ""

    @property
    def key_id(self) -> str | None:
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None

    @property
    def signing_input(self) -> bytes:
        return self.text.rpartition(".")[0].encode()


@lru_cache(maxsize=1_000)
def read_jwt(text: str) -> Jwt | None:
    """None for anything but a JWS of a JSON object: an opaque token, a JWE of five parts, damaged base64url or JSON."""
    parts = text.split(".")
    if len(parts) != 3:
        return None
    header, claims, signature = (strict.base64url(part) for part in parts)
    if header is None or claims is None or signature is None:
        return None
    header_object, claims_object = (strict.json_object(header), strict.json_object(claims))
    if header_object is None or claims_object is None:
        return None
    return Jwt(text, header_object, claims_object, signature)


def claim(claims: Mapping[str, Any], path: Names) -> Any:
    """The value at that path of member names; None where it is missing."""
    value: Any = claims
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


class TokenRules:
    """The rules for a token, each a separate method."""

    clock: Clock | WrongClock
    switches: Switches

    def accepts_algorithm(self, algorithm: str) -> bool:
        return algorithm in ASYMMETRIC or (self.switches.accept_eddsa and algorithm == "EdDSA")

    def understands_header(self, header: Mapping[str, Any]) -> bool:
        """No extension is understood, so none may be critical (RFC 7515 section 4.1.11; what Kong does is unknown)."""
        return self.switches.accept_critical_extensions or "crit" not in header

    def keys_for(self, jwt: Jwt, keys: Sequence[Key]) -> tuple[Key, ...]:
        """The keys that may have signed it. Only published keys count, never those in the token."""
        if jwt.key_id is not None:
            return keys_named(keys, jwt.key_id)
        return tuple(keys) if "kid" not in jwt.header and self.switches.accept_missing_kid else ()

    def signature_matches(self, jwt: Jwt, keys: Sequence[Key]) -> bool:
        """Whether one of the keys, if it is of the algorithm's type and meant for signatures, made this signature."""
        return any(_verifies(jwt, key) for key in keys)

    def issuer_is_expected(self, jwt: Jwt, plugin: Plugin, provider: ProviderMetadata) -> bool:
        issuer = jwt.claims.get("iss")
        if plugin.issuers_allowed is not None and issuer not in plugin.issuers_allowed:
            return False
        return issuer == provider.issuer or (plugin.issuers_allowed is not None and self.switches.takes_allowed_issuers)

    def is_not_expired(self, jwt: Jwt, leeway: float) -> bool:
        """The second of `exp` itself is too late (RFC 7519 section 4.1.4; Kong corrected its boundary in 3.6).

        A number in quotes counts by its value (changelog 3.13).
        """
        if jwt.claims.get("exp") is None:
            return self.switches.accept_missing_exp
        expiry = strict.number(jwt.claims["exp"])
        return expiry is not None and self.clock.now() < expiry + leeway

    def is_valid_already(self, jwt: Jwt, leeway: float) -> bool:
        return self._is_past(jwt.claims.get("nbf"), leeway)

    def is_issued_already(self, jwt: Jwt, leeway: float) -> bool:
        return self._is_past(jwt.claims.get("iat"), leeway)

    def holds_required(self, jwt: Jwt, required: Names, path: Names) -> bool:
        """Entries of a required list are alternatives; the words of one entry must all be there (plugin schema)."""
        value = claim(jwt.claims, path)
        held = set(value.split()) if isinstance(value, str) else set(filter(_is_string, _items(value)))
        return any(held.issuperset(entry.split()) for entry in required)

    def claims_flaw(self, jwt: Jwt, plugin: Plugin, provider: ProviderMetadata) -> str | None:
        """The first standard claim that refuses the token, in words without any of its values; None if all hold."""
        if not self.issuer_is_expected(jwt, plugin, provider):
            return "invalid issuer was specified for access token"
        if not self.is_not_expired(jwt, plugin.leeway):
            return "invalid exp claim was specified for access token"
        if not self.is_valid_already(jwt, plugin.leeway):
            return "invalid nbf claim was specified for access token"
        if not self.is_issued_already(jwt, plugin.leeway):
            return "invalid iat claim was specified for access token"
        if plugin.max_age is not None and not self.is_recent(jwt.claims.get("auth_time"), plugin):
            return "invalid auth_time claim was specified for access token"
        if plugin.domains and jwt.claims.get("hd") not in plugin.domains:
            return "invalid hd claim was specified for access token"
        if plugin.audience and not self.is_for_audience(jwt, plugin):
            return "invalid aud claim was specified for access token"
        return None

    def is_for_audience(self, jwt: Jwt, plugin: Plugin) -> bool:
        """One of the configured audiences is enough (inferred)."""
        given = jwt.claims.get("aud")
        held = (given,) if isinstance(given, str) else _items(given)
        return self.switches.ignores_audience or any(one in plugin.audience for one in held)

    def is_recent(self, moment: object, plugin: Plugin) -> bool:
        """Whether the user has signed in within `max_age`. Without an `auth_time`: refused (inferred)."""
        seconds = strict.number(moment)
        return seconds is not None and self.clock.now() <= seconds + (plugin.max_age or 0.0) + plugin.leeway

    def authorisation_flaw(self, jwt: Jwt, plugin: Plugin) -> str | None:
        """Why a verified token is rejected with 403, or None."""
        for name in REQUIRED_LISTS:
            required: Names | None = getattr(plugin, f"{name}_required")
            if required and not self.holds_required(jwt, required, getattr(plugin, f"{name}_claim")):
                return f"required {name} were not found"
        if any(name in jwt.claims for name in plugin.claims_forbidden):
            return "a forbidden claim was found"
        return None

    def _is_past(self, moment: object, leeway: float) -> bool:
        if moment is None:
            return True
        seconds = strict.number(moment)
        return seconds is not None and seconds <= self.clock.now() + leeway


def _verifies(jwt: Jwt, key: Key) -> bool:
    algorithm = JWSRegistry.algorithms.get(jwt.algorithm)
    if algorithm is None:
        return False
    try:
        algorithm.check_key(key)
        return algorithm.verify(jwt.signing_input, jwt.signature, key)
    except (JoseError, ValueError, TypeError):
        return False


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_string(value: object) -> bool:
    return isinstance(value, str)
