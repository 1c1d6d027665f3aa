"""The token cache of a node: under which key a token is kept, and for how long.

Rules
- The cache belongs to the node. Its key holds issuer, id and secret (inferred), the salt, and scopes if asked. So a
  deleted client, and an old secret, work until their token ends.
- Whether refusals are kept as well, and whether calls at the same time share a token request, is unknown (switches.py).
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

from dcrproof.mocks.clock import Clock, WrongClock
from dcrproof.mocks.data_plane import Service
from dcrproof.mocks.gateway import releases, strict
from dcrproof.mocks.gateway.credentials import ClientPair
from dcrproof.mocks.gateway.plugin import Names, Plugin
from dcrproof.mocks.gateway.switches import Switches
from dcrproof.mocks.gateway.tokens import Jwt

CacheKey: TypeAlias = tuple[str, bytes, bytes, str, Names | None]


@dataclass(frozen=True)
class CachedToken:
    access_token: str
    identity: dict[str, Any] | None
    until: float


class TokenCacheRules:
    clock: Clock | WrongClock
    switches: Switches
    version: str
    tokens: dict[CacheKey, CachedToken]
    refusals: dict[CacheKey, float]

    def token_cache_key(self, service: Service, plugin: Plugin, pair: ClientPair) -> CacheKey:
        """Issuer, id and secret (inferred), salt and, if asked, scopes.

        Without a configured salt each plugin instance has its own, so that services do not share tokens.
        """
        salt = f"generated {service.id}" if plugin.cache_tokens_salt is None else plugin.cache_tokens_salt
        includes = not releases.has("leaves configured scopes out of the key", self.version)
        scopes = plugin.scopes if plugin.token_cache_key_include_scope and includes else None
        return (plugin.issuer, pair.id, pair.secret, salt, scopes)

    def token_lifetime(self, plugin: Plugin, token: Jwt, expires_in: float | None) -> float:
        """Seconds for which the token is cached: its `exp` or `expires_in`, the shorter; else `cache_ttl`.

        0 for a token that has expired when it arrives; some releases cached it without end (`releases`).
        """
        expiry = strict.number(token.claims.get("exp"))
        stated = (expires_in, None if expiry is None else expiry - self.clock.now())
        lifetime = min((seconds for seconds in stated if seconds is not None), default=plugin.cache_ttl)
        if lifetime <= 0:
            return math.inf if releases.has("keeps tokens that were over when they came", self.version) else 0.0
        lifetime = max(lifetime, plugin.cache_ttl_min or 0.0)
        return lifetime if plugin.cache_ttl_max is None else min(lifetime, plugin.cache_ttl_max)

    def cached_token(self, plugin: Plugin, key: CacheKey) -> CachedToken | None:
        cached = self.tokens.get(key) if plugin.cache_tokens else None
        return cached if cached and self.clock.now() < cached.until else None

    def keep_token(self, plugin: Plugin, key: CacheKey, token: Jwt, lifetime: float) -> None:
        if plugin.cache_tokens and lifetime > 0:
            identity = dict(token.identity) if token.identity is not None else None
            self.tokens[key] = CachedToken(token.text, identity, self.clock.now() + lifetime)

    def was_refused(self, plugin: Plugin, key: CacheKey) -> bool:
        return plugin.cache_tokens and self.clock.now() < self.refusals.get(key, 0.0)

    def keep_refusal(self, plugin: Plugin, key: CacheKey) -> None:
        """For `cache_ttl_neg` seconds, or `cache_ttl` where that is null (inferred), if refusals are kept at all."""
        if self.switches.keeps_refusals:
            lifetime = plugin.cache_ttl if plugin.cache_ttl_neg is None else plugin.cache_ttl_neg
            self.refusals[key] = self.clock.now() + lifetime
