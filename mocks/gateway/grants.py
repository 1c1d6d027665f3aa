"""The token request that the plugin makes with a caller's id and secret, as the plugin is configured.

Rules
- `POST` to the token endpoint, `grant_type=client_credentials`, authenticated with the caller's own pair: the plugin
  does not check it (plugin page, "Client credentials").
- The pair goes as `token_endpoint_auth_method` says, else as one of `client_auth` or of discovery's methods, else as
  Basic (openid-connect 1.5.x); other methods than Basic and post cannot carry a caller's secret.
- `config.audience` is not sent (support article "does not set the audience form parameter").
- `password` reads Basic as well, and comes first. Where both methods are on, the pair is a client's after all, but its
  token is never kept: a token request at each call (plugin page, FAQ; support article "tokens are not cached"). That
  the user's grant is tried first, with Kong's own client if there is one, is inferred.
- Some releases sent `redirect_uri` with every grant (`releases`); which URL is inferred.
"""

from base64 import b64encode
from typing import TypeAlias
from urllib.parse import quote_plus, urlencode

from dcrproof.mocks.clock import Clock, WrongClock
from dcrproof.mocks.gateway import releases
from dcrproof.mocks.gateway.credentials import ClientPair, CredentialPlace
from dcrproof.mocks.gateway.discovery import ProviderMetadata
from dcrproof.mocks.gateway.plugin import Plugin
from dcrproof.mocks.gateway.switches import Switches
from dcrproof.mocks.messages import Call

Form: TypeAlias = list[tuple[str, bytes | str]]


class GrantRules:
    clock: Clock | WrongClock
    switches: Switches
    version: str

    def token_request(self, plugin: Plugin, provider: ProviderMetadata, url: str, pair: ClientPair) -> Call:
        return self._grant(plugin, provider, url, pair, [("grant_type", "client_credentials")])

    def password_request(self, plugin: Plugin, provider: ProviderMetadata, url: str, user: ClientPair) -> Call:
        form: Form = [("grant_type", "password"), ("username", user.id), ("password", user.secret)]
        return self._grant(plugin, provider, url, own_client(plugin), form)

    def refresh_request(self, plugin: Plugin, provider: ProviderMetadata, url: str, token: str) -> Call:
        form: Form = [("grant_type", "refresh_token"), ("refresh_token", token)]
        return self._grant(plugin, provider, url, own_client(plugin), form)

    def _grant(self, plugin: Plugin, provider: ProviderMetadata, url: str, pair: ClientPair, form: Form) -> Call:
        form = [
            *form,
            ("scope", self.requested_scope(plugin)),
            *zip(plugin.token_post_args_names, plugin.token_post_args_values, strict=False),
        ]
        if releases.has("sends redirect_uri with every grant", self.version):
            form.append(("redirect_uri", "http://localhost/"))
        return self.as_client(plugin, provider, url, pair, form)

    def as_client(self, plugin: Plugin, provider: ProviderMetadata, url: str, pair: ClientPair, form: Form) -> Call:
        """A form that a client posts, with its id and secret."""
        form = list(form)
        headers = [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")]
        if self.client_authentication(plugin, provider) == "client_secret_post":
            form += [("client_id", pair.id), ("client_secret", pair.secret)]
        else:
            encoded = self.encoded(pair.id) + b":" + self.encoded(pair.secret)
            headers.append(("authorization", "Basic " + b64encode(encoded).decode()))
        body = urlencode(form, errors="replace").encode()
        return Call("POST", url, tuple(headers), body, plugin.timeout / 1000, plugin.ssl_verify)

    def encoded(self, octets: bytes) -> bytes:
        """As RFC 6749 section 2.3.1 wants it; whether Kong does so is unknown."""
        return octets if self.switches.sends_pairs_unencoded else form_encode(octets).encode()

    def requested_scope(self, plugin: Plugin) -> str:
        """`openid` where none is configured (plugin schema; the Curity how-to warns of it)."""
        return " ".join(plugin.scopes) or "openid"

    def client_authentication(self, plugin: Plugin, provider: ProviderMetadata) -> str:
        for methods in (
            (plugin.token_endpoint_auth_method,),
            plugin.client_auth or (),
            provider.token_endpoint_auth_methods_supported,
        ):
            for method in ("client_secret_basic", "client_secret_post"):
                if method in methods:
                    return method
        return "client_secret_basic"


def own_client(plugin: Plugin) -> ClientPair:
    """Kong's own client: the first, where there are several (`client_arg` chooses none here)."""
    client_id, secret = (next(iter(one), "").encode() for one in (plugin.client_id, plugin.client_secret))
    return ClientPair(client_id, secret, CredentialPlace("configuration", ()))


def form_encode(octets: bytes) -> str:
    """application/x-www-form-urlencoded; everything but letters, digits, `-`, `.`, `_` and `*` changes."""
    return quote_plus(octets, safe="*").replace("~", "%7E")
