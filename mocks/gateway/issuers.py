"""What a node knows of its authorization servers, and when it asks again.

Rules
- Discovery happens at the first request, not when the configuration comes (changelog 3.10.0.0).
- After that it is repeated for a token whose `kid` is unknown, once in `rediscovery_lifetime` seconds, or 5 after a
  failure (changelog 3.8.0.0), and when `cache_ttl` is over. If it fails, what is known stays in use.
- Some releases never tried again when the first discovery had failed (`releases`).
- `extra_jwks_uris` are trusted in addition, `jwks_endpoint` replaces what the document says (plugin schema).
- The certificate of the authorization server is verified with `ssl_verify`, and only then.
"""

from dataclasses import dataclass

from joserfc.jwk import Key

from dcrproof.mocks.clock import Clock, WrongClock
from dcrproof.mocks.gateway import discovery, releases
from dcrproof.mocks.gateway.discovery import ProviderMetadata, discovery_url
from dcrproof.mocks.gateway.plugin import Names, Plugin
from dcrproof.mocks.messages import Asking, Call

AFTER_FAILURE = 5.0
"""Seconds from a failed discovery to the next (changelog 3.8.0.0)."""


@dataclass
class KnownIssuer:
    """What a node knows of one authorization server, and since when."""

    provider: ProviderMetadata | None = None
    keys: tuple[Key, ...] = ()
    loaded_at: float = 0.0
    tried_at: float = 0.0
    failed: bool = False


class IssuerRules:
    clock: Clock | WrongClock
    version: str
    issuers: dict[tuple[str, str | None, Names], KnownIssuer]

    def discovered(self, plugin: Plugin) -> Asking[KnownIssuer]:
        """What is known of the plugin's issuer, loaded now if it never was or is too old."""
        key = (discovery_url(plugin.issuer), plugin.jwks_endpoint, plugin.extra_jwks_uris)
        issuer = self.issuers.setdefault(key, KnownIssuer())
        stale = issuer.provider is None or self.clock.now() - issuer.loaded_at >= plugin.cache_ttl
        if stale and self.may_discover(plugin, issuer):
            yield from self.discover(plugin, issuer)
        return issuer

    def may_discover(self, plugin: Plugin, issuer: KnownIssuer) -> bool:
        if issuer.provider is None and not issuer.failed:
            return True
        if issuer.provider is None and releases.has("gives up after a failed first discovery", self.version):
            return False
        return self.clock.now() - issuer.tried_at >= (AFTER_FAILURE if issuer.failed else plugin.rediscovery_lifetime)

    def discover(self, plugin: Plugin, issuer: KnownIssuer) -> Asking[None]:
        """Loads document and keys; only both together replace what was known."""
        issuer.tried_at = self.clock.now()
        provider = discovery.read_provider((yield self.get(plugin, discovery_url(plugin.issuer))))
        keys_url = plugin.jwks_endpoint or (provider.jwks_uri if provider else None)
        keys = discovery.read_keys((yield self.get(plugin, keys_url))) if provider and keys_url else None
        issuer.failed = provider is None or keys is None
        if provider is None or keys is None:
            return
        for url in plugin.extra_jwks_uris:
            keys += discovery.read_keys((yield self.get(plugin, url))) or ()
        issuer.provider, issuer.keys, issuer.loaded_at = (provider, keys, self.clock.now())

    def get(self, plugin: Plugin, url: str) -> Call:
        return Call("GET", url, (("accept", "application/json"),), b"", plugin.timeout / 1000, plugin.ssl_verify)
