"""A data-plane node: its state, and everything that changes it.

Rules
- What the control plane pushes replaces what was pushed before. A configuration that the plugin's schema forbids is not
  applied, the node keeps its previous one (inferred from hybrid mode).
- Without a strategy nothing is enforced: the route is open (developer.konghq.com, "Application auth strategies").
- A request first authenticates (`openid-connect`), then authorises (`konnect-application-auth`): "Catalog APIs",
  sequence diagram. A plugin `openid-connect` on the service checks it before both (http.py).
- Credentials are looked for in the order of `plugin.AUTH_METHODS`. The search stops at the first that is found; if that
  one is refused, no other is tried. Whether it continues after a session that does not open is unknown (switches.py).
- Every access token is verified at every request, the one from the token cache too. Only a session is trusted as it
  is (session.py).
- Where `authorization_code` is enabled, a request without a usable credential is sent to the authorization endpoint
  (support article "302 response instead of 401").
"""

import math
import random
import uuid
from dataclasses import replace
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dcrproof.mocks.clock import Clock, WrongClock
from dcrproof.mocks.data_plane import PushedConfiguration, Service
from dcrproof.mocks.gateway import credentials, releases, routing, session, strict
from dcrproof.mocks.gateway.applications import ApplicationRules
from dcrproof.mocks.gateway.consumers import ConsumerRules
from dcrproof.mocks.gateway.credentials import BearerToken, ClientPair, RefreshToken
from dcrproof.mocks.gateway.discovery import ProviderMetadata
from dcrproof.mocks.gateway.grants import own_client
from dcrproof.mocks.gateway.issuers import IssuerRules, KnownIssuer
from dcrproof.mocks.gateway.lookups import CachedAnswer, LookupRules
from dcrproof.mocks.gateway.plugin import AUTH_METHODS, Names, Plugin, SchemaViolation, plugin
from dcrproof.mocks.gateway.session import GatewaySession, SessionRules
from dcrproof.mocks.gateway.switches import STRICT, Switches
from dcrproof.mocks.gateway.token_cache import CachedToken, CacheKey, TokenCacheRules
from dcrproof.mocks.gateway.tokens import Jwt, TokenRules, read_jwt
from dcrproof.mocks.gateway.upstream_headers import UpstreamRules
from dcrproof.mocks.gateway.verdicts import Admitted, Credential, Refused
from dcrproof.mocks.lasting import Lasting
from dcrproof.mocks.messages import Asking, Call, NoAnswer, Request, Response

NO_CONFIGURATION = "0" * 32
"""The hash that a node reports before it has applied anything."""


class DataPlane(
    TokenRules, TokenCacheRules, LookupRules, IssuerRules, SessionRules, ApplicationRules, ConsumerRules, UpstreamRules
):
    """One node with its own caches. Handlers that must ask the authorization server are generators (`Asking`)."""

    def __init__(
        self, *, name: str, clock: Clock | WrongClock, seed: int, version: str = "3.14.0.8", switches: Switches = STRICT
    ) -> None:
        releases.numbers(version)  # a version that names no release is an error here, not at the first configuration
        self.name = name
        self.clock = clock
        self.version = version
        self.switches = switches
        self.random = random.Random(f"{seed}/{name}")
        self.shared = random.Random(f"{seed}/shared").randbytes(32)
        """What all nodes of a control plane would share, if they shared a secret."""
        self.id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        self.started_at = clock.now()
        self.configuration: PushedConfiguration | None = None
        self.violation: str | None = None
        self.services: dict[str, Plugin] = {}
        self.routes: tuple[routing.Candidate, ...] = ()
        self._hash: str | None = None
        self.restart()

    def _now(self) -> float:
        return self.clock.now()

    # The node and the control plane

    def restart(self) -> None:
        """The process ends and starts: caches and generated secrets are gone, the configuration is kept on disk."""
        self.issuers: dict[tuple[str, str | None, Names], KnownIssuer] = {}
        self.tokens = Lasting[CacheKey, CachedToken](self._now, attrgetter("until"))
        self.refusals = Lasting[CacheKey, float](self._now, float)
        """The pairs that the token endpoint has refused, each until when it is refused without asking again."""
        self.answers = Lasting[tuple[str, str], CachedAnswer](self._now, attrgetter("until"))
        self.session_keys: dict[str | None, AESGCM] = {}

    def apply(self, configuration: PushedConfiguration) -> None:
        """Applies what the control plane has pushed. If it is invalid, `violation` says why."""
        try:
            services = {
                service.id: plugin(config, self.version)
                for pushed in configuration.services
                for stage in pushed.stages
                for service in stage
                if (config := service.strategy.config if service.strategy else service.openid_connect) is not None
            }
        except SchemaViolation as error:
            self.violation = str(error)
            return
        self.violation = None
        self.services = services
        if self.configuration is None or configuration.services != self.configuration.services:
            self.routes = routing.candidates(configuration.services)
        self.configuration = configuration
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

    def admit(self, service: Service, request: Request) -> Asking[Admitted | Refused]:
        """Authenticates and authorises one request to this service."""
        plugin = self.services.get(service.id)
        if plugin is None or not self.is_enforced_for(plugin, request):
            return Admitted()
        verdict = yield from self._judge(service, plugin, request)
        refused = isinstance(verdict, Refused) and 400 <= verdict.status < 500
        if refused and plugin.anonymous is not None and self.may_be_anonymous(service):
            consumer = self.anonymous(plugin.anonymous)
            if consumer is not None:
                return Admitted(consumer=consumer, anonymous=True)
            reason = " (anonymous consumer was not found)" if plugin.display_errors else ""
            return Refused(500, "An unexpected error occurred" + reason, challenge=False)
        return verdict

    def is_enforced_for(self, plugin: Plugin, request: Request) -> bool:
        """OPTIONS must authenticate as well, unless `run_on_preflight` is off."""
        return request.method != "OPTIONS" or plugin.run_on_preflight

    def may_be_anonymous(self, service: Service) -> bool:
        """Whether `anonymous` counts: on its own the plugin maps consumers, but the managed one asks for applications."""
        return service.strategy is None or self.switches.lets_anonymous_past_applications

    def _judge(self, service: Service, plugin: Plugin, request: Request) -> Asking[Admitted | Refused]:
        if releases.has("fails on JSON null", self.version) and credentials.names_null(request):
            return Refused(500, "An unexpected error occurred", challenge=False)
        credential = self.find_credential(plugin, request)
        if credential is None:
            return (yield from self.without_credential(plugin))
        if not isinstance(credential, GatewaySession) and self.stops_at_session(plugin, request):
            return self.destroying(plugin, self.unauthorized(plugin, "the session does not open"))
        token = yield from self.authenticate(service, plugin, credential)
        if isinstance(token, Jwt) and (flaw := self.authorisation_flaw(token, plugin)):
            token = self.forbidden(plugin, flaw)
        if isinstance(token, Refused):
            return self.refusal_of(plugin, credential, token)
        cookies = self.session_cookies(plugin, credential, token)
        if service.strategy is None:
            try:
                consumer = self.consumer_of(plugin, token)
            except LookupError as error:
                return self.refusal_of(plugin, credential, self.forbidden(plugin, str(error)))
            return Admitted(plugin, credential, token, set_cookies=cookies, consumer=consumer)
        application = self.authorise(service, plugin, token)
        if isinstance(application, Refused):
            return application
        return Admitted(plugin, credential, token, application, set_cookies=cookies)

    # Credentials

    def find_credential(self, plugin: Plugin, request: Request) -> Credential | None:
        """The first credential in the plugin's order. `kong_oauth2` finds none: no such plugin issues tokens here."""
        for method in AUTH_METHODS:
            found: Credential | None = None
            if method in plugin.auth_methods:
                match method:
                    case "session":
                        found = self.open_session(plugin, request)
                    case "bearer" | "introspection" | "userinfo":
                        found = self.find_token(plugin, request, method)
                    case "refresh_token":
                        found = credentials.find_refresh_token(plugin, request)
                    case "password":
                        found = credentials.find_user(plugin, request, self.switches)
                    case "client_credentials":
                        found = credentials.find_client_pair(plugin, request, self.switches)
            if found is not None:
                return found
        return None

    def find_token(self, plugin: Plugin, request: Request, method: str) -> BearerToken | None:
        """A bearer token. One that is not a JWT is left to `introspection` or `userinfo`, where enabled."""
        found = credentials.find_bearer_token(plugin, request, method)
        asks = {"introspection", "userinfo"} & set(plugin.auth_methods)
        return None if found and method == "bearer" and asks and read_jwt(found.token) is None else found

    def stops_at_session(self, plugin: Plugin, request: Request) -> bool:
        """Whether a cookie that does not open as a session rejects a request with another credential."""
        listed = "session" in plugin.auth_methods and not self.switches.passes_over_broken_sessions
        return listed and session.sealed_value(request, plugin) != ""

    def without_credential(self, plugin: Plugin) -> Asking[Refused]:
        """401, or with `authorization_code` the way to the authorization endpoint; its other parameters are left out."""
        if "authorization_code" in plugin.auth_methods:
            issuer = yield from self.discovered(plugin)
            found = issuer.provider.authorization_endpoint if issuer.provider else None
            if endpoint := plugin.authorization_endpoint or found:
                query = {"response_type": "code", "scope": self.requested_scope(plugin)}
                if plugin.client_id:
                    query["client_id"] = plugin.client_id[0]
                return Refused(302, "", challenge=False, location=f"{endpoint}?{urlencode(query)}")
        return self.unauthorized(plugin, "no suitable credential was found", error=None)

    # Authentication

    def forget(self) -> None:
        """Drops what it has kept since something was wrong: tokens, refusals, and discoveries that failed."""
        self.tokens.clear()
        self.refusals.clear()
        for key in [key for key, issuer in self.issuers.items() if issuer.provider is None or issuer.failed]:
            del self.issuers[key]

    def authenticate(self, service: Service, plugin: Plugin, credential: Credential) -> Asking[Jwt | Refused]:
        """The access token of the caller."""
        if isinstance(credential, GatewaySession) and not plugin.reverify:
            return self.token_in_session(plugin, credential)
        issuer = yield from self.discovered(plugin)
        if issuer.provider is None:  # 401 and no 5xx: support article "authentication fails and logs have an ..."
            return self.unauthorized(plugin, "loading configuration using discovery failed")
        match credential:
            case ClientPair(method="password"):
                return (yield from self.sign_in(service, plugin, issuer, credential))
            case ClientPair():
                return (yield from self.exchange(service, plugin, issuer, credential))
            case RefreshToken():
                return (yield from self.refresh(plugin, issuer, credential))
            case BearerToken(method="introspection" | "userinfo"):
                return (yield from self.ask_about(plugin, issuer, credential.token, credential.method))
            case GatewaySession() if credential.claims is not None:
                return (yield from self.ask_about(plugin, issuer, credential.access_token, "introspection"))
        text = credential.access_token if isinstance(credential, GatewaySession) else credential.token
        token = yield from self.verify(plugin, issuer, text)
        if isinstance(token, Jwt) and plugin.introspect_jwt_tokens:
            asked = yield from self.ask_about(plugin, issuer, text, "introspection")
            return asked if isinstance(asked, Refused) else token
        return token

    def verify(self, plugin: Plugin, issuer: KnownIssuer, text: str, *, is_dead: bool = False) -> Asking[Jwt | Refused]:
        """The token, if this issuer has signed it. The times of one that `is_dead`, which is cached without end, are ignored."""
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
        if (
            plugin.verify_claims
            and not is_dead
            and issuer.provider
            and (flaw := self.claims_flaw(jwt, plugin, issuer.provider))
        ):
            return self.unauthorized(plugin, flaw)
        return jwt

    # Tokens from the token endpoint

    def exchange(
        self, service: Service, plugin: Plugin, issuer: KnownIssuer, pair: ClientPair
    ) -> Asking[Jwt | Refused]:
        """A verified access token for the pair: from the cache, or from the token endpoint, which checks the pair."""
        key = self.token_cache_key(service, plugin, pair)
        cached = self.cached_token(plugin, key)
        if cached is not None:
            token = yield from self.verify(plugin, issuer, cached.access_token, is_dead=cached.until == math.inf)
            if isinstance(token, Refused) or cached.identity is None:
                return token
            return replace(token, identity=cached.identity)
        if self.was_refused(plugin, key):
            return self.unauthorized(plugin, "the identity provider has refused these credentials")
        provider = issuer.provider
        url = plugin.token_endpoint or (provider.token_endpoint if provider else None)
        if provider is None or url is None:
            return self.unauthorized(plugin, "the token endpoint is not known")
        request = self.token_request(plugin, provider, url, pair)
        answer = yield replace(request, flight=self.id) if self.switches.shares_token_requests else request
        granted = yield from self.granted(plugin, issuer, answer)
        if isinstance(granted, Refused):
            if isinstance(answer, Response) and 400 <= answer.status < 500:
                self.keep_refusal(plugin, key)
            return granted
        token, expires_in = granted
        self.keep_token(plugin, key, token, self.token_lifetime(plugin, token, expires_in))
        return token

    def sign_in(self, service: Service, plugin: Plugin, issuer: KnownIssuer, user: ClientPair) -> Asking[Jwt | Refused]:
        """`password`, and beside it `client_credentials` with the same Basic pair, whose token is not kept then."""
        refused = self.unauthorized(plugin, "there is no client to sign users in with")
        provider = issuer.provider
        url = plugin.token_endpoint or (provider.token_endpoint if provider else None)
        if provider is not None and url is not None and plugin.client_id:
            answer = yield self.password_request(plugin, provider, url, user)
            granted = yield from self.granted(plugin, issuer, answer)
            if not isinstance(granted, Refused):
                return granted[0]
            refused = granted
        if "client_credentials" in plugin.auth_methods and user.place.kind == "header":
            return (yield from self.exchange(service, replace(plugin, cache_tokens=False), issuer, user))
        return refused

    def refresh(self, plugin: Plugin, issuer: KnownIssuer, credential: RefreshToken) -> Asking[Jwt | Refused]:
        provider = issuer.provider
        url = plugin.token_endpoint or (provider.token_endpoint if provider else None)
        if provider is None or url is None or not own_client(plugin).id:
            return self.unauthorized(plugin, "there is no client to refresh tokens with")
        answer = yield self.refresh_request(plugin, provider, url, credential.token)
        granted = yield from self.granted(plugin, issuer, answer)
        return granted if isinstance(granted, Refused) else granted[0]

    def granted(
        self, plugin: Plugin, issuer: KnownIssuer, answer: Response | NoAnswer
    ) -> Asking[tuple[Jwt, float | None] | Refused]:
        """The verified token of a token response, and its `expires_in`.

        Any answer but 200, and none at all, is 401 for the caller: a support article shows it for `invalid_scope` (Okta
        and the default scope `openid`), the rest is inferred.
        """
        if isinstance(answer, NoAnswer) or answer.status != 200:
            return self.unauthorized(plugin, "loading tokens from the identity provider failed")
        members = strict.json_object(answer.body) or {}
        text = members.get("access_token")
        if not isinstance(text, str):
            return self.unauthorized(plugin, "the identity provider sent no access token")
        token = yield from self.verify(plugin, issuer, text)
        if isinstance(token, Refused):
            return token
        identity = read_jwt(members["id_token"]) if isinstance(members.get("id_token"), str) else None
        if identity is not None:
            token = replace(token, identity=identity.claims)
        return token, strict.number(members.get("expires_in"))

    # Tokens that the authorization server is asked about

    def ask_about(self, plugin: Plugin, issuer: KnownIssuer, text: str, method: str) -> Asking[Jwt | Refused]:
        """The token as the authorization server knows it (lookups.py)."""
        wanted = plugin.cache_introspection if method == "introspection" else plugin.cache_user_info
        claims = self.cached_answer(method, text, wanted=wanted)
        if claims is None:
            request = self._question(plugin, issuer.provider, text, method)
            if request is None:
                return self.unauthorized(plugin, f"{method} is not possible")
            answer = yield request
            if method == "introspection" and plugin.introspection_accept == "application/jwt":
                body = answer.body if isinstance(answer, Response) and answer.status == 200 else b""
                return (yield from self.verify(plugin, issuer, body.decode("latin-1")))
            claims = self._answered(plugin, answer, method)
            if claims is None:
                return self.unauthorized(plugin, "the token is not active")
            if wanted:
                self.keep_answer(plugin, method, text, claims)
        token = Jwt(text, {}, claims, b"")
        if "exp" in claims and not self.is_not_expired(token, plugin.leeway):
            return self.unauthorized(plugin, "invalid exp claim was specified for access token")
        return token

    def _question(self, plugin: Plugin, provider: ProviderMetadata | None, text: str, method: str) -> Call | None:
        if provider is None:
            return None
        if method == "introspection":
            return self.introspection_request(plugin, provider, text)
        return self.userinfo_request(plugin, provider, text)

    def _answered(self, plugin: Plugin, answer: Response | NoAnswer, method: str) -> dict[str, Any] | None:
        if method == "introspection":
            return self.is_active(plugin, answer)
        return strict.json_object(answer.body) if isinstance(answer, Response) and answer.status == 200 else None

    # Sessions

    def token_in_session(self, plugin: Plugin, opened: GatewaySession) -> Jwt | Refused:
        """The session's token, unverified, if it has not expired: client credentials give no refresh token."""
        if opened.claims is not None:
            jwt: Jwt | None = Jwt(opened.access_token, {}, opened.claims, b"")
        else:
            jwt = read_jwt(opened.access_token)
        if jwt is None or not self.is_not_expired(jwt, plugin.leeway):
            return self.unauthorized(plugin, "the access token of the session has expired")
        return jwt

    def session_cookies(self, plugin: Plugin, credential: Credential, token: Jwt) -> tuple[str, ...]:
        """The `Set-Cookie` headers of an admitted request: a new session, or one whose time of last use is renewed."""
        if isinstance(credential, GatewaySession):
            return self.touched_session(plugin, credential)
        method = "refresh_token" if isinstance(credential, RefreshToken) else credential.method
        if not self.issues_session(plugin, method):
            return ()
        return self.new_session(plugin, token.text, None if token.header else token.claims)
