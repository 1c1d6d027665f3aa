"""The token service of a Curity: its keys, who its clients are, and the tokens that they get. State, without I/O.

The rules are told in state.py, which adds dynamic registration. A rule is a method, called through `self`, so that a
test can break one.
"""

import hmac
import random
import uuid
from collections.abc import Mapping
from operator import attrgetter
from typing import Any
from urllib.parse import unquote_plus

from joserfc.jwk import OKPKey, RSAKey

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.curity.clients import AnyClient, DynamicClient
from dcrproof.mocks.curity.configuration import Configuration
from dcrproof.mocks.curity.errors import OAuthRefusal
from dcrproof.mocks.curity.metadata import metadata
from dcrproof.mocks.curity.settings import AuthenticateUserBy, NoAuthentication, digest
from dcrproof.mocks.curity.switches import DEFAULT_SWITCHES, Switches
from dcrproof.mocks.curity.tokens import OPAQUE_PREFIX, AccessToken, SigningKey
from dcrproof.mocks.keys import new_key
from dcrproof.mocks.lasting import Lasting

REGISTRATION = "oauth-dynamic-client-registration"


class TokenService:
    """A token profile and its data, registration left out.

    `base_url` is scheme, host and port, without a slash at the end. `admin` is user name and password for RESTCONF.
    `configuration` is what is committed, and may be replaced at any time, as may `switches`. Two Curities with
    different `first_key` have different signing keys; otherwise they are the same ones in one process.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        seed: int,
        base_url: str,
        configuration: Configuration,
        admin: tuple[str, str],
        switches: Switches = DEFAULT_SWITCHES,
        first_key: int = 0,
    ) -> None:
        self.clock = clock
        self.address = base_url
        self.configuration = configuration
        self.edits: Configuration | None = None
        self.admin = admin
        self.switches = switches
        self._random = random.Random(
            f"curity of {seed}"
        )  # separate, so that an id at another party is not a token here
        self._next_key = first_key
        self._published: tuple[SigningKey, ...] = ()
        self._before: tuple[SigningKey, ...] = ()
        """Those that were published before the last rotation."""
        self._dynamic: dict[tuple[str, str], DynamicClient] = {}
        self._tokens = Lasting[str, AccessToken](self.clock.now, attrgetter("expires"))
        self._document: tuple[dict[str, Any], float] | None = None

    # The session of an administrator

    def edit(self, configuration: Configuration) -> None:
        """Changes in the admin UI: until the commit they exist only in that session, and RESTCONF does
        not show them (learn/non-templatized-dcr).
        """
        self.edits = configuration

    def commit(self) -> None:
        """Changes > Commit. An invalid configuration raises before, when it is made."""
        if self.edits is not None:
            self.configuration, self.edits = self.edits, None

    def restart(self) -> None:
        """What is in memory is gone: the clients and the tokens of those data sources."""
        wiped = {source.id for source in self.configuration.data_sources if source.in_memory}
        self._dynamic = {key: client for key, client in self._dynamic.items() if key[0] not in wiped}
        if self.configuration.default_token_issuer.default_data_source in wiped:
            self._tokens.clear()

    # Addresses and metadata

    @property
    def base_url(self) -> str:
        return self.configuration.base_url or self.address

    @property
    def issuer(self) -> str:
        """Base URL and path of the anonymous endpoint, unless the profile has another."""
        anonymous = self.configuration.endpoint("oauth-anonymous")
        return self.configuration.issuer_override or self.base_url + (anonymous.uri if anonymous else "")

    @property
    def registration_endpoint(self) -> str | None:
        endpoint = self.configuration.endpoint(REGISTRATION)
        return None if endpoint is None else self.base_url + endpoint.uri

    def metadata(self) -> dict[str, Any]:
        """The document; where the switch says so the one that was built up to the cache duration ago."""
        now = self.clock.now()
        if self._document is None or not self.serves_kept_metadata(now - self._document[1]):
            document = metadata(self.configuration, self.base_url, self.issuer, self.registration_scopes())
            self._document = document, now
        return self._document[0]

    def registration_scopes(self) -> tuple[str, ...]:
        """The scopes of registration that the metadata show."""
        dynamic = self.configuration.dynamic_client_registration
        if dynamic is None or not self.switches.shows_registration_scopes:
            return ()
        return ("dcr", "dcrm") if dynamic.client_management is not None else ("dcr",)

    def serves_kept_metadata(self, age: float) -> bool:
        return self.switches.metadata_is_kept and age < self.configuration.metadata_cache_duration

    # Keys

    @property
    def signing_key(self) -> SigningKey:
        """The newest one of the default token issuer's algorithm."""
        algorithm = self.configuration.default_token_issuer.algorithm
        if not any(key.algorithm == algorithm for key in self._published):  # the first is made when it is needed
            self._publish_another_key()
        return next(key for key in reversed(self._published) if key.algorithm == algorithm)

    def published_keys(self) -> tuple[SigningKey, ...]:
        """Those of the JWKS: the old verification key stays until its tokens have expired, which is not modelled.

        learn/token-signing-key-rotation
        """
        _ = self.signing_key  # of another algorithm since the last time, it is a key more
        return self._published

    def jwks(self) -> dict[str, Any]:
        return {"keys": [key.public_jwk for key in self.published_keys()]}

    def rotate_keys(self, kid: str) -> None:
        """Makes another key the signing key. `kid` is "new": under a new key id, and the old key stays published; "same": it
        replaces the old one; or "previous": the last rotation is undone. Raises ValueError where there was none.
        """
        if kid not in {"new", "same", "previous"}:
            raise ValueError(f'the kid of a rotation is "new", "same" or "previous", not {kid!r}')
        if kid == "previous":
            if not self._before:
                raise ValueError("no key was replaced: there is no previous one")
            self._published, self._before = self._before, ()
            return
        old = self.signing_key
        self._before = self._published
        if kid == "same":
            key = self._another_key()
            self._published = tuple(SigningKey(old.kid, key) if one is old else one for one in self._published)
        else:
            self._publish_another_key()

    def signed(self, claims: Mapping[str, Any], header: Mapping[str, Any], *, previous: bool = False) -> str:
        """A token that no client was issued, with these claims, signed with the key of today or with that before the last
        rotation. `header` are members that differ; None leaves one out. Raises ValueError where there was no rotation.
        """
        key = self.signing_key
        if previous:
            if not self._before:
                raise ValueError("no key was replaced: there is no previous one")
            key = next(one for one in reversed(self._before) if one.algorithm == key.algorithm)
        members = {**key.header, **header}
        return key.sign(claims, {name: value for name, value in members.items() if value is not None})

    def _publish_another_key(self) -> None:
        self._published = (*self._published, SigningKey(str(self._random.randrange(-(2**31), 0)), self._another_key()))

    def _another_key(self) -> RSAKey | OKPKey:
        self._next_key += 1
        return new_key(self.configuration.default_token_issuer.algorithm, self._next_key - 1)

    # Clients

    def client(self, client_id: str) -> AnyClient | None:
        return self.configuration.clients_by_id.get(client_id) or self.dynamic_client(client_id)

    def dynamic_client(self, client_id: str) -> DynamicClient | None:
        """Raises OAuthRefusal("server_error") where the data source does not answer."""
        dynamic = self.configuration.dynamic_client_registration
        if dynamic is None:
            return None
        self.check_data_source(dynamic.client_data_source)
        return self._dynamic.get((dynamic.client_data_source, client_id))

    def check_data_source(self, name: str) -> None:
        # inferred: the code of RFC 6749 4.1.2.1 for a server that cannot do its work
        if not self.configuration.data_sources_by_id[name].answers:
            raise OAuthRefusal("server_error", "The data source does not answer.")

    @property
    def dynamic_clients(self) -> tuple[DynamicClient, ...]:
        """The rows of every data source, oldest first."""
        return tuple(self._dynamic.values())

    def authenticate(self, client_id: str, secret: str | None) -> AnyClient:
        """The client whose secret that is. Raises OAuthRefusal("invalid_client"), which does not say what was wrong."""
        client = self.client(client_id)
        if (
            client is None
            or not self.is_enabled(client)
            or not self.may_authenticate_by_secret(client)
            or secret is None
            or not self.accepts_secret(client, secret)
        ):
            raise OAuthRefusal("invalid_client", "Client authentication failed.")
        return client

    def is_enabled(self, client: AnyClient) -> bool:
        return client.enabled

    def may_authenticate_by_secret(self, client: AnyClient) -> bool:
        """By Basic or in the form: one setting of the profile for both."""
        return self.configuration.basic_and_form_post and client.authentication_method == "secret"

    def form_decoded(self, id_and_secret: tuple[str, str]) -> tuple[str, str]:
        """Both halves of Basic credentials are form-encoded: RFC 6749 2.3.1."""
        client_id, secret = id_and_secret
        return unquote_plus(client_id), unquote_plus(secret)

    def accepts_secret(self, client: AnyClient, secret: str) -> bool:
        given = digest(secret)
        if client.secret_digest is not None and hmac.compare_digest(given, client.secret_digest):
            return True
        previous = client.previous_secret if isinstance(client, DynamicClient) else None
        return previous is not None and hmac.compare_digest(given, previous[0]) and self.clock.now() < previous[1]

    # Access tokens

    def grant(self, client: AnyClient, grant_type: str | None, scope: str | None) -> dict[str, Any]:
        """The token endpoint's answer to a client that has authenticated. Raises OAuthRefusal."""
        if grant_type is None:
            raise OAuthRefusal("invalid_request", "The parameter grant_type is missing.")
        if grant_type != "client_credentials" or not self.profile_has("client-credentials"):
            raise OAuthRefusal("unsupported_grant_type", "The grant type is not supported.")
        if not self.has_capability(client, "client-credentials"):
            raise OAuthRefusal("unauthorized_client", "The client lacks the capability client-credentials.")
        return self._issue(client, self.granted_scopes(client, scope))

    def profile_has(self, capability: str) -> bool:
        return capability in self.configuration.client_capabilities

    def has_capability(self, client: AnyClient, capability: str) -> bool:
        return capability in client.capabilities

    def granted_scopes(self, client: AnyClient, scope: str | None) -> tuple[str, ...]:
        """The allowed ones of the requested scopes. Dropping some of them silently is inferred; refusing when none is left
        is documented (github.com/curityio/ai-agents-auth-demo, CLAUDE.md).
        """
        asked = dict.fromkeys(scope.split()) if scope else {}
        granted = tuple(one for one in asked if self.may_have_scope(client, one))
        if asked and not granted:
            raise OAuthRefusal("invalid_scope", "No valid scope was requested.")
        return granted

    def may_have_scope(self, client: AnyClient, scope: str) -> bool:
        if scope == "dcr":
            return self.may_obtain_dcr(client)
        if scope == "dcrm":
            return self.may_obtain_dcrm(client)
        if scope == "openid" and not self.switches.openid_for_client_credentials:
            return False
        return scope in client.scopes

    def may_obtain_dcr(self, client: AnyClient) -> bool:
        """Being listed is enough; the client's own scopes do not matter (learn/using-dynamic-client-registration; the
        sample registrar of github.com/curityio/mobile-deployments has none).
        """
        non_templatized = self.configuration.non_templatized
        is_open = non_templatized is not None and isinstance(non_templatized.authentication, NoAuthentication)
        if is_open and self.switches.dcr_scope_when_registration_is_open:
            return True
        return client.id in self.configuration.initial_clients

    def may_obtain_dcrm(self, client: AnyClient) -> bool:
        management = self.configuration.client_management
        return management is not None and client.id in management.management_clients

    def log_in(self, client_id: str, username: str, scope: str) -> str:
        """The access token at the end of a flow in which a user logs in at that client, without its pages: the mock
        shows none. Raises OAuthRefusal.
        """
        client = self.client(client_id)
        if client is None or not (self.profile_has("code") and self.has_capability(client, "code")):
            raise OAuthRefusal("unauthorized_client", "The client lacks the capability code.")
        asked = tuple(dict.fromkeys(scope.split()))
        scopes = tuple(one for one in asked if self.may_have_scope_with_user(client, one))
        return self._issued(client, scopes, username).value

    def may_have_scope_with_user(self, client: AnyClient, scope: str) -> bool:
        if scope == "dcr":
            return client.id in self.clients_whose_users_register()
        return scope != "dcrm" and scope in client.scopes

    def clients_whose_users_register(self) -> frozenset[str]:
        """The clients of `authenticate-user-by`, of a template or of non-templatized registration."""
        found = {id for one in self.configuration.clients if one.template for id in one.template.authenticate_user_by}
        non_templatized = self.configuration.non_templatized
        if non_templatized is not None and isinstance(non_templatized.authentication, AuthenticateUserBy):
            found |= set(non_templatized.authentication.clients)
        return frozenset(found)

    def _issued(self, client: AnyClient, scopes: tuple[str, ...], username: str | None = None) -> AccessToken:
        claims = self.access_token_claims(client, " ".join(scopes))
        if username is not None:
            claims["sub"] = username
        token = AccessToken(self.format_access_token(claims), claims, client.id, scopes, claims["exp"], username)
        self._tokens[token.value] = token
        return token

    def _issue(self, client: AnyClient, scopes: tuple[str, ...]) -> dict[str, Any]:
        return {
            "access_token": self._issued(client, scopes).value,
            "token_type": "bearer",
            "expires_in": self._expires_in(client.access_token_ttl),
            "scope": " ".join(scopes),
        }

    def access_token_claims(self, client: AnyClient, scope: str) -> dict[str, Any]:
        """There is no `client_id` and no `azp`; `sub` is the client. The audience is the first that is configured, or
        the client itself. github.com/curityio/workload-identities, 1-kubernetes-service-account-tokens.
        """
        now = int(self.clock.now())
        return {
            "jti": self._uuid(),
            "delegationId": self._uuid(),
            "exp": now + client.access_token_ttl,
            "nbf": now,
            "scope": scope,
            "iss": self.issuer,
            "sub": client.id,
            "aud": client.audience[0] if client.audience else client.id,
            "iat": now,
            "purpose": "access_token",
        }

    def format_access_token(self, claims: Mapping[str, Any]) -> str:
        """Opaque, wrapped or JWT, as the default token issuer says. Both settings on is undocumented: wrapped wins."""
        token_issuer = self.configuration.default_token_issuer
        if token_issuer.use_wrapped_opaque_tokens:
            return self.sign({name: claims[name] for name in ("jti", "exp", "nbf", "iss", "iat", "purpose")})
        if token_issuer.access_token_as_jwt:
            return self.sign(claims)
        return OPAQUE_PREFIX + self._uuid()

    def sign(self, claims: Mapping[str, Any]) -> str:
        key = self.signing_key
        return key.sign(claims, key.header)

    def _expires_in(self, ttl: int) -> int:
        """What is left when the answer is written: a second less, now and then (samples show 300 and 299)."""
        return ttl - self._random.getrandbits(1) if ttl > 1 else ttl

    def access_token(self, value: str) -> AccessToken | None:
        """The token if it is active: issued here, not expired, revoked or used up. Its client must still be there
        (inferred; a JWT that is verified offline is not looked up).
        """
        token = self._tokens.get(value)
        if token is None or not self.is_not_expired(token) or self.client(token.client_id) is None:
            return None
        return token

    def is_not_expired(self, token: AccessToken) -> bool:
        return self.clock.now() < token.expires

    def revoke(self, client: AnyClient, value: str) -> None:
        """A token that is unknown is as good as revoked (RFC 7009 2.2); one of another client's is refused (2.1)."""
        token = self.access_token(value)
        if token is None:
            return
        if not self.may_revoke(client, token):
            raise OAuthRefusal("unauthorized_client", "The token belongs to another client.")
        del self._tokens[value]

    def may_revoke(self, client: AnyClient, token: AccessToken) -> bool:
        return token.client_id == client.id

    def introspect(self, client: AnyClient, value: str) -> AccessToken | None:
        """Raises OAuthRefusal for a client that may not introspect (status inferred)."""
        if not self.has_capability(client, "introspection"):
            raise OAuthRefusal("access_denied", "The client lacks the capability introspection.")
        return self.access_token(value)

    def userinfo(self, bearer: str | None) -> Mapping[str, Any] | str:
        """What is known of the token's user; signed where its client names an issuer for that. A client's own token has
        no user to inform about (status inferred). Raises OAuthRefusal.
        """
        token = None if bearer is None else self.access_token(bearer)
        if token is None:
            raise OAuthRefusal("invalid_token", "The access token is missing, unknown or expired.")
        if not self.may_ask_for_userinfo(token):
            raise OAuthRefusal("insufficient_scope", "The access token is not a user's, or lacks the scope openid.")
        client = self.client(token.client_id)
        claims = {"sub": token.claims["sub"]}
        if client is None or client.userinfo_token_issuer is None:
            return claims
        return self.sign({"iss": self.issuer, "aud": client.id, "iat": int(self.clock.now()), **claims})

    def may_ask_for_userinfo(self, token: AccessToken) -> bool:
        return token.username is not None and "openid" in token.scopes

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
