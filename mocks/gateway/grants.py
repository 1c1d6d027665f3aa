"""The token request that the plugin makes with a caller's id and secret, and how long its answer is kept.

Rules
- `POST` to the token endpoint, `grant_type=client_credentials`, authenticated with the caller's own pair: the plugin
  does not judge it (plugin page, "Client credentials").
- The pair goes as `token_endpoint_auth_method` says, else as one of `client_auth` or of discovery's methods, else as
  Basic (openid-connect 1.5.x); other methods than Basic and post cannot carry a caller's secret.
- `config.audience` is not sent (support article "does not set the audience form parameter").
"""

from base64 import b64encode
from typing import TypeAlias
from urllib.parse import quote_plus, urlencode

from dcrproof.mocks.clock import Clock, WrongClock
from dcrproof.mocks.data_plane import Service
from dcrproof.mocks.gateway import strict
from dcrproof.mocks.gateway.credentials import ClientPair
from dcrproof.mocks.gateway.discovery import Provider
from dcrproof.mocks.gateway.plugin import Names, Plugin
from dcrproof.mocks.gateway.tokens import Jwt
from dcrproof.mocks.wire import Call

CacheKey: TypeAlias = tuple[str, bytes, bytes, str, Names | None]


class GrantRules:
    clock: Clock | WrongClock

    def token_request(self, plugin: Plugin, provider: Provider, url: str, pair: ClientPair) -> Call:
        form: list[tuple[str, bytes | str]] = [
            ("grant_type", "client_credentials"),
            ("scope", self.requested_scope(plugin)),
            *zip(plugin.token_post_args_names, plugin.token_post_args_values, strict=False),
        ]
        headers = [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")]
        if self.client_authentication(plugin, provider) == "client_secret_post":
            form += [("client_id", pair.id), ("client_secret", pair.secret)]
        else:
            # Encoded as RFC 6749 section 2.3.1 wants it; whether Kong does is unknown (inferred).
            encoded = f"{form_encode(pair.id)}:{form_encode(pair.secret)}"
            headers.append(("authorization", "Basic " + b64encode(encoded.encode()).decode()))
        body = urlencode(form, errors="replace").encode()
        return Call("POST", url, tuple(headers), body, plugin.timeout / 1000)

    def requested_scope(self, plugin: Plugin) -> str:
        """`openid` where none is configured (plugin schema; the Curity how-to warns of it)."""
        return " ".join(plugin.scopes) or "openid"

    def client_authentication(self, plugin: Plugin, provider: Provider) -> str:
        for methods in (
            (plugin.token_endpoint_auth_method,),
            plugin.client_auth or (),
            provider.token_endpoint_auth_methods_supported,
        ):
            for method in ("client_secret_basic", "client_secret_post"):
                if method in methods:
                    return method
        return "client_secret_basic"

    def token_cache_key(self, service: Service, plugin: Plugin, pair: ClientPair) -> CacheKey:
        """Issuer, id and secret (inferred), salt and, if asked, scopes.

        Without a configured salt each plugin instance has one of its own, so that of another service never hits.
        """
        salt = f"generated {service.id}" if plugin.cache_tokens_salt is None else plugin.cache_tokens_salt
        scopes = plugin.scopes if plugin.token_cache_key_include_scope else None
        return (plugin.issuer, pair.id, pair.secret, salt, scopes)

    def token_lifetime(self, plugin: Plugin, token: Jwt, expires_in: float | None) -> float:
        """Seconds for which the token is kept: what it says or its answer said, the shorter; else `cache_ttl`.

        0 for a token that is over when it comes: before 3.14.0.8 and 3.15.0.1 it was kept for ever (changelog).
        """
        expiry = strict.number(token.claims.get("exp"))
        stated = (expires_in, None if expiry is None else expiry - self.clock.now())
        lifetime = min((seconds for seconds in stated if seconds is not None), default=plugin.cache_ttl)
        if lifetime <= 0:
            return 0.0
        lifetime = max(lifetime, plugin.cache_ttl_min or 0.0)
        return lifetime if plugin.cache_ttl_max is None else min(lifetime, plugin.cache_ttl_max)


def form_encode(octets: bytes) -> str:
    """application/x-www-form-urlencoded; everything but letters, digits, `-`, `.`, `_` and `*` changes."""
    return quote_plus(octets, safe="*").replace("~", "%7E")
