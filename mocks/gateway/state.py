"""A data-plane node: all that it remembers, and everything that changes it.

Rules
- What the control plane pushes replaces what was pushed before. A configuration that the plugin's schema forbids is not
  taken, the node keeps its last one (inferred from hybrid mode).
- Without a strategy nothing is enforced: the route is open (developer.konghq.com, "Application auth strategies").
- A request first authenticates (`openid-connect`), then authorises (`konnect-application-auth`): "Catalog APIs",
  sequence diagram.
- Credentials are looked for in the order of `plugin.AUTH_METHODS`. The search stops at the first that is found; if that
  one is refused, no other is tried.
- Every access token is verified at every request, the one from the token cache too. Only a session is trusted as it
  is, unless `reverify` (openid-connect 1.5.x, `reverify`); an ended access token ends it.
- The token cache belongs to the node. Its key holds issuer, id and secret (inferred), the salt, and scopes if asked.
  Failures are not kept (`cache_ttl_neg` is null). So a deleted client, and an old secret, work until their token ends.
- Discovery happens at the first request, not when the configuration comes (changelog 3.10.0.0). After that it is
  repeated for a token whose `kid` is unknown, once in `rediscovery_lifetime` seconds, or 5 after a failure (changelog
  3.8.0.0), and when `cache_ttl` is over. If it fails, what is known stays in use.
- The application is the one of the service's own strategy whose client id is the value of `credential_claim`. None:
  401. Not approved for this API: 403 (both inferred).
"""

import random
import uuid
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc.jwk import Key

from dcrproof.mocks.clock import Clock, WrongClock
from dcrproof.mocks.data_plane import Application, Configuration, Service
from dcrproof.mocks.gateway import discovery, routing, session, strict
from dcrproof.mocks.gateway.credentials import BearerToken, ClientPair, find_bearer_token, find_client_pair
from dcrproof.mocks.gateway.discovery import Provider, discovery_url
from dcrproof.mocks.gateway.grants import CacheKey, GrantRules
from dcrproof.mocks.gateway.plugin import AUTH_METHODS, Plugin, SchemaViolation, plugin, release
from dcrproof.mocks.gateway.session import Session
from dcrproof.mocks.gateway.switches import STRICT, Switches
from dcrproof.mocks.gateway.tokens import Jwt, TokenRules, claim, read_jwt
from dcrproof.mocks.wire import Call, NoAnswer, Request, Response

T = TypeVar("T")
Steps: TypeAlias = Generator[Call, Response | NoAnswer, T]
Credential: TypeAlias = Session | BearerToken | ClientPair

AFTER_FAILURE = 5.0
"""Seconds from a failed discovery to the next (changelog 3.8.0.0)."""

NO_CONFIGURATION = "0" * 32
"""The hash that a node reports before it has applied anything."""

IDENTITY_HEADERS = frozenset(("x-credential-identifier", "x-anonymous-consumer"))


@dataclass(frozen=True)
class Refused:
    """An answer instead of the upstream's. `error` is RFC 6750's code, None where no credential was found; a
    `challenge` goes into WWW-Authenticate.
    """

    status: int
    message: str
    challenge: bool = True
    error: str | None = None
    realm: str = ""
    set_cookie: str | None = None


@dataclass(frozen=True)
class Admitted:
    """A request that may go upstream. `plugin`, `token` and `application` are None on an open route."""

    plugin: Plugin | None = None
    credential: Credential | None = None
    token: Jwt | None = None
    application: Application | None = None
    set_cookie: str | None = None


@dataclass
class Issuer:
    """What a node knows of one authorization server, and since when."""

    provider: Provider | None = None
    keys: tuple[Key, ...] = ()
    loaded_at: float = 0.0
    tried_at: float = 0.0
    failed: bool = False


@dataclass(frozen=True)
class CachedToken:
    access_token: str
    until: float


class DataPlane(TokenRules, GrantRules):
    """One node, with caches of its own. Handlers that must ask the authorization server are generators (`Steps`)."""

    def __init__(
        self, *, name: str, clock: Clock | WrongClock, seed: int, version: str = "3.14.0.8", switches: Switches = STRICT
    ) -> None:
        release(version)  # a version that names no release is an error here, not at the first configuration
        self.name = name
        self.clock = clock
        self.version = version
        self.switches = switches
        self.random = random.Random(f"{seed}/{name}")
        self.id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        self.started_at = clock.now()
        self.configuration: Configuration | None = None
        self.violation: str | None = None
        self.services: dict[str, Plugin] = {}
        self.routes: tuple[routing.Candidate, ...] = ()
        self._by_client: dict[tuple[str, str], Application] | None = None
        self._hash: str | None = None
        self.restart()

    # The node among its fellows

    def restart(self) -> None:
        """The process ends and starts: caches and generated secrets are gone, the configuration is kept on disk."""
        self.issuers: dict[tuple[str, str | None], Issuer] = {}
        self.tokens: dict[CacheKey, CachedToken] = {}
        self.session_keys: dict[str | None, AESGCM] = {}

    def apply(self, configuration: Configuration) -> None:
        """Takes over what the control plane has pushed. If it is not taken, `violation` says why."""
        try:
            services = {
                service.id: plugin(service.strategy.config, self.version)
                for service in configuration.services
                if service.strategy is not None
            }
        except SchemaViolation as error:
            self.violation = str(error)
            return
        self.violation = None
        self.services = services
        if self.configuration is None or configuration.services != self.configuration.services:
            self.routes = routing.candidates(configuration.services)
        self.configuration = configuration
        self._by_client = None
        self._hash = None

    def report(self) -> dict[str, Any]:
        """What the control plane's node list shows of this node (control-planes-config v2, `list-nodes`)."""
        if self._hash is None:
            self._hash = self.configuration.hash if self.configuration else NO_CONFIGURATION
        now = int(self.clock.now())
        return {
            "id": self.id,
            "version": self.version,
            "hostname": self.name,
            "last_ping": now,
            "type": "kong-proxy",
            "created_at": int(self.started_at),
            "updated_at": now,
            "config_hash": self._hash,
            # Inferred: the document says of `type` and `state` no more than that they are strings.
            "compatibility_status": {"state": "COMPATIBILITY_STATE_FULLY_COMPATIBLE"},
        }

    def match(self, request: Request) -> routing.Match | None:
        return routing.find(self.routes, request)

    def request_id(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    # Access

    def admit(self, service: Service, request: Request) -> Steps[Admitted | Refused]:
        """Authenticates and authorises one request to this service."""
        plugin = self.services.get(service.id)
        if plugin is None or not self.is_enforced_for(plugin, request):
            return Admitted()
        credential = self.find_credential(plugin, request)
        if credential is None:
            return self.unauthorized(plugin, "no suitable credential was found", error=None)
        token = yield from self.authenticate(service, plugin, credential)
        if isinstance(token, Jwt) and (flaw := self.authorisation_flaw(token, plugin)):
            token = self.forbidden(plugin, flaw)
        if isinstance(token, Refused):
            destroys = plugin.unauthorized_destroy_session if token.status == 401 else plugin.forbidden_destroy_session
            if isinstance(credential, Session) and destroys:
                return replace(token, set_cookie=session.clear_cookie(plugin))
            return token
        application = self.authorise(service, plugin, token)
        if isinstance(application, Refused):
            return application
        return Admitted(plugin, credential, token, application, self.session_cookie(plugin, credential, token))

    def is_enforced_for(self, plugin: Plugin, request: Request) -> bool:
        """OPTIONS must authenticate as well, unless `run_on_preflight` is off."""
        return request.method != "OPTIONS" or plugin.run_on_preflight

    def find_credential(self, plugin: Plugin, request: Request) -> Credential | None:
        """The first credential in the plugin's order. Methods without a line here find nothing in this mock."""
        for method in AUTH_METHODS:
            found: Credential | None = None
            if method in plugin.auth_methods:
                match method:
                    case "session":
                        found = self.open_session(plugin, request)
                    case "bearer":
                        found = find_bearer_token(plugin, request)
                    case "client_credentials":
                        found = find_client_pair(plugin, request, literal=self.switches.literal_basic)
            if found is not None:
                return found
        return None

    def authenticate(self, service: Service, plugin: Plugin, credential: Credential) -> Steps[Jwt | Refused]:
        """The access token that stands for the caller."""
        if isinstance(credential, Session) and not plugin.reverify:
            return self.token_in_session(plugin, credential)
        issuer = yield from self.discovered(plugin)
        if issuer.provider is None:  # 401 and no 5xx: support article "authentication fails and logs have an ..."
            return self.unauthorized(plugin, "loading configuration using discovery failed")
        if isinstance(credential, ClientPair):
            return (yield from self.exchange(service, plugin, issuer, credential))
        text = credential.access_token if isinstance(credential, Session) else credential.token
        return (yield from self.verify(plugin, issuer, text))

    def verify(self, plugin: Plugin, issuer: Issuer, text: str) -> Steps[Jwt | Refused]:
        """The token, if it is a genuine one of this issuer."""
        jwt = read_jwt(text)
        if jwt is None:
            return self.unauthorized(plugin, "the access token is no signed JWT")
        if plugin.verify_signature:
            if not self.accepts_algorithm(jwt.algorithm):
                return self.unauthorized(plugin, "the algorithm is not accepted")
            if not self.understands_header(jwt.header):
                return self.unauthorized(plugin, "the header names a critical extension")
            keys = self.keys_for(jwt, issuer.keys)
            if not keys and jwt.key_id is not None and self.may_discover(plugin, issuer):
                yield from self.discover(plugin, issuer)
                keys = self.keys_for(jwt, issuer.keys)
            if not self.signature_matches(jwt, keys):
                return self.unauthorized(plugin, "unable to verify the signature")
        if plugin.verify_claims and issuer.provider and (flaw := self.claims_flaw(jwt, plugin, issuer.provider)):
            return self.unauthorized(plugin, flaw)
        return jwt

    def unauthorized(self, plugin: Plugin, reason: str, error: str | None = "invalid_token") -> Refused:
        return self._refused(plugin, 401, plugin.unauthorized_error_message, reason, error)

    def forbidden(self, plugin: Plugin, reason: str) -> Refused:
        return self._refused(plugin, 403, plugin.forbidden_error_message, reason, "insufficient_scope")

    def _refused(self, plugin: Plugin, status: int, message: str, reason: str, error: str | None) -> Refused:
        """`display_errors` adds the reason in parentheses (support article on `display_errors`)."""
        text = f"{message} ({reason})" if plugin.display_errors else message
        return Refused(status, text, error=error if plugin.expose_error_code else None, realm=plugin.issuer_host)

    # Discovery

    def discovered(self, plugin: Plugin) -> Steps[Issuer]:
        """What is known of the plugin's issuer, loaded now if it never was or is too old."""
        issuer = self.issuers.setdefault((discovery_url(plugin.issuer), plugin.jwks_endpoint), Issuer())
        stale = issuer.provider is None or self.clock.now() - issuer.loaded_at >= plugin.cache_ttl
        if stale and self.may_discover(plugin, issuer):
            yield from self.discover(plugin, issuer)
        return issuer

    def may_discover(self, plugin: Plugin, issuer: Issuer) -> bool:
        if issuer.provider is None and not issuer.failed:
            return True
        return self.clock.now() - issuer.tried_at >= (AFTER_FAILURE if issuer.failed else plugin.rediscovery_lifetime)

    def discover(self, plugin: Plugin, issuer: Issuer) -> Steps[None]:
        """Loads document and keys; only both together replace what was known."""
        issuer.tried_at = self.clock.now()
        provider = discovery.read_provider((yield self._get(plugin, discovery_url(plugin.issuer))))
        keys_url = plugin.jwks_endpoint or (provider.jwks_uri if provider else None)
        keys = discovery.read_keys((yield self._get(plugin, keys_url))) if provider and keys_url else None
        issuer.failed = provider is None or keys is None
        if provider is not None and keys is not None:
            issuer.provider, issuer.keys, issuer.loaded_at = (provider, keys, self.clock.now())

    def _get(self, plugin: Plugin, url: str) -> Call:
        return Call("GET", url, (("accept", "application/json"),), timeout=plugin.timeout / 1000)

    # Client credentials

    def exchange(self, service: Service, plugin: Plugin, issuer: Issuer, pair: ClientPair) -> Steps[Jwt | Refused]:
        """A verified access token for the pair: from the cache, or from the token endpoint, which judges the pair."""
        key = self.token_cache_key(service, plugin, pair)
        cached = self.cached_token(plugin, key)
        if cached is not None:
            return (yield from self.verify(plugin, issuer, cached))
        provider = issuer.provider
        url = plugin.token_endpoint or (provider.token_endpoint if provider else None)
        if provider is None or url is None:
            return self.unauthorized(plugin, "the token endpoint is not known")
        answer = yield self.token_request(plugin, provider, url, pair)
        # Any answer but 200, and none at all, is 401 for the caller: a support article shows it for `invalid_scope`
        # (Okta and the default scope `openid`), the rest is inferred.
        if isinstance(answer, NoAnswer) or answer.status != 200:
            return self.unauthorized(plugin, "loading tokens from the identity provider failed")
        granted = strict.json_object(answer.body) or {}
        text = granted.get("access_token")
        if not isinstance(text, str):
            return self.unauthorized(plugin, "the identity provider sent no access token")
        token = yield from self.verify(plugin, issuer, text)
        if isinstance(token, Jwt):
            lifetime = self.token_lifetime(plugin, token, strict.number(granted.get("expires_in")))
            self.keep_token(plugin, key, token, lifetime)
        return token

    def cached_token(self, plugin: Plugin, key: CacheKey) -> str | None:
        cached = self.tokens.get(key) if plugin.cache_tokens else None
        return cached.access_token if cached and self.clock.now() < cached.until else None

    def keep_token(self, plugin: Plugin, key: CacheKey, token: Jwt, lifetime: float) -> None:
        if plugin.cache_tokens and lifetime > 0:
            self.tokens[key] = CachedToken(token.text, self.clock.now() + lifetime)

    # Session

    def open_session(self, plugin: Plugin, request: Request) -> Session | None:
        """The session of the request's cookie, if it opens and is still running."""
        value = session.cookie(request, plugin.session_cookie_name)
        opened = session.unseal(self._session_key(plugin), value, self._bound_to(plugin)) if value else None
        return opened if opened is not None and self.session_is_running(plugin, opened) else None

    def session_is_running(self, plugin: Plugin, opened: Session) -> bool:
        now = self.clock.now()
        limits = (
            (opened.touched, plugin.session_idling_timeout),
            (opened.created, plugin.session_rolling_timeout),
            (opened.created, plugin.session_absolute_timeout),
        )
        return all(limit == 0 or now - since < limit for since, limit in limits)

    def token_in_session(self, plugin: Plugin, opened: Session) -> Jwt | Refused:
        """The session's token, unverified, if it has not ended: client credentials give nothing to refresh it with."""
        jwt = read_jwt(opened.access_token)
        if jwt is None or not self.is_not_expired(jwt, plugin.leeway):
            return self.unauthorized(plugin, "the access token of the session has expired")
        return jwt

    def session_cookie(self, plugin: Plugin, credential: Credential, token: Jwt) -> str | None:
        """The `Set-Cookie` of an admitted request: a first session, or an old one that notes its use."""
        now = self.clock.now()
        if isinstance(credential, Session):
            if now - credential.touched < session.TOUCH_THRESHOLD:
                return None
            opened = replace(credential, touched=now)
        else:
            method = "bearer" if isinstance(credential, BearerToken) else "client_credentials"
            if "session" not in plugin.auth_methods or method in plugin.disable_session:
                return None
            opened = Session(token.text, created=now, touched=now)
        nonce = self.random.randbytes(session.NONCE_LENGTH)
        return session.set_cookie(
            plugin, session.seal(self._session_key(plugin), opened, self._bound_to(plugin), nonce)
        )

    def _session_key(self, plugin: Plugin) -> AESGCM:
        """Without `session_secret` the node makes one up. That two nodes share it is unknown; here they do not."""
        secret = plugin.session_secret
        if secret not in self.session_keys:
            octets = self.random.randbytes(32) if secret is None else secret.encode("utf-8", "replace")
            self.session_keys[secret] = session.session_key(octets)
        return self.session_keys[secret]

    def _bound_to(self, plugin: Plugin) -> bytes:
        return f"{plugin.session_audience}\n{plugin.issuer}".encode("utf-8", "replace")

    # Authorisation by application

    def authorise(self, service: Service, plugin: Plugin, token: Jwt) -> Application | Refused:
        """`konnect-application-auth`: runs on each request, on those of a session too (inferred)."""
        application = self.application_of(service, self.client_id_of(plugin, token))
        if application is None:
            return self.unauthorized(plugin, "no application has this client id")
        if not self.is_approved(application, service):
            # The plugin is said to replace `acl`, whose message this is; status and message are inferred.
            return Refused(403, "You cannot consume this service", challenge=False)
        return application

    def client_id_of(self, plugin: Plugin, token: Jwt) -> str | None:
        value = claim(token.claims, plugin.credential_claim)
        return value if isinstance(value, str) else None

    def application_of(self, service: Service, client_id: str | None) -> Application | None:
        if self._by_client is None:
            known = self.configuration.applications if self.configuration else ()
            self._by_client = {(one.strategy_id, one.client_id): one for one in known}
        if service.strategy is None or client_id is None:
            return None
        return self._by_client.get((service.strategy.id, client_id))

    def is_approved(self, application: Application, service: Service) -> bool:
        return service.api_id in application.apis

    # What goes upstream

    def is_forged_identity(self, header: str) -> bool:
        """Headers in which Kong names the caller: those that the caller sent must not get through (inferred)."""
        return header.startswith("x-consumer-") or header in IDENTITY_HEADERS

    def upstream_token_header(self, plugin: Plugin, token: Jwt) -> tuple[str, str] | None:
        """By default `Authorization: Bearer`, in place of what the caller sent (plugin schema)."""
        if plugin.upstream_access_token_header is None:
            return None
        name, _, scheme = plugin.upstream_access_token_header.partition(":")
        return (name.lower(), f"Bearer {token.text}" if scheme.lower() == "bearer" else token.text)
