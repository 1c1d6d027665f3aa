"""What a Curity Identity Server does, without I/O: its clients, its tokens, its keys.

Rules, as the documents of Curity have them:

- Clients are config-backed or dynamic. Dynamic ones live in the data source that the profile names, and are not found
  once it names another or registration is off.
- A client gets a token with client_credentials if it authenticates with its secret, and client and profile have the
  capability. No scope asked for: a token with none. Scopes that it may not have are dropped; if none is left, refused.
- `dcr` is given to the clients of `authenticate-client-by` alone, when asked for by name. That token serves for one
  registration. `dcrm` is given to management clients and manages any dynamic client.
- Access tokens are opaque unless the profile says JWT or wrapped; the switch is the whole profile's. Registration
  tokens are opaque always.
- A read or an update of a registration rotates its token and the client's secret; what was before is void at once.
  After 28 days without that the token can only delete, after 365 nothing.
- What a JWT says is true until it expires, whatever becomes of its client: it is not looked up anywhere.

Everything that changes state is in this file. A rule is a method, called through `self`, so that a test can break one.
"""

import hmac
import random
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.curity import registration
from dcrproof.mocks.curity.clients import AnyClient, DynamicClient, RegistrationAccessToken
from dcrproof.mocks.curity.configuration import (
    AuthenticateClientBy,
    ClientManagement,
    Configuration,
    NoAuthentication,
    NonTemplatized,
    digest,
)
from dcrproof.mocks.curity.errors import Refused
from dcrproof.mocks.curity.metadata import metadata
from dcrproof.mocks.curity.registration import ClientMetadata
from dcrproof.mocks.curity.switches import DEFAULT_SWITCHES, Switches
from dcrproof.mocks.curity.tokens import OPAQUE_PREFIX, AccessToken, SigningKey
from dcrproof.mocks.keys import rsa_key

REGISTRATION = "oauth-dynamic-client-registration"

# Members that the server sets and an update must not carry: RFC 7592 2.2.
SERVER_MEMBERS = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


class Curity:
    """One Curity: a token profile and its data.

    `base_url` is scheme, host and port, without a slash at the end. `admin` is user name and password for RESTCONF.
    `configuration` and `switches` may be replaced at any time. Two Curities with different `first_key` have different
    signing keys; otherwise they are the same ones in one process.
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
        self.admin = admin
        self.switches = switches
        self._random = random.Random(seed)
        self._next_key = first_key
        self._published: tuple[SigningKey, ...] = ()
        self._dynamic: dict[tuple[str, str], DynamicClient] = {}
        self._tokens: dict[str, AccessToken] = {}
        self._sweep_at = 10_000
        self.rotate_keys("new")

    # Addresses and metadata

    @property
    def base_url(self) -> str:
        return self.configuration.base_url or self.address

    @property
    def issuer(self) -> str:
        """Base URL and path of the anonymous endpoint."""
        anonymous = self.configuration.endpoint("oauth-anonymous")
        return self.base_url + (anonymous.uri if anonymous else "")

    @property
    def registration_endpoint(self) -> str | None:
        endpoint = self.configuration.endpoint(REGISTRATION)
        return None if endpoint is None else self.base_url + endpoint.uri

    def metadata(self) -> dict[str, Any]:
        return metadata(self.configuration, self.base_url, self.issuer)

    # Keys

    @property
    def signing_key(self) -> SigningKey:
        return self._published[-1]

    def published_keys(self) -> tuple[SigningKey, ...]:
        """Those of the JWKS: the old verification key stays until its tokens have expired, which is nobody's to see.

        learn/token-signing-key-rotation
        """
        return self._published

    def jwks(self) -> dict[str, Any]:
        return {"keys": [key.public_jwk for key in self.published_keys()]}

    def rotate_keys(self, kid: str) -> None:
        """Makes another key the signing key. `kid` is "new": under a name of its own, the old one stays published; or
        "same": in place of the old one, which is gone.
        """
        if kid not in {"new", "same"}:
            raise ValueError(f'the kid of a rotation is "new" or "same", not {kid!r}')
        key = rsa_key(self._next_key)
        self._next_key += 1
        if kid == "same":
            self._published = (*self._published[:-1], SigningKey(self.signing_key.kid, key))
        else:
            self._published = (*self._published, SigningKey(str(self._random.randrange(-(2**31), 0)), key))

    # Clients

    def client(self, client_id: str) -> AnyClient | None:
        return self.configuration.clients_by_id.get(client_id) or self.dynamic_client(client_id)

    def dynamic_client(self, client_id: str) -> DynamicClient | None:
        dynamic = self.configuration.dynamic_client_registration
        return None if dynamic is None else self._dynamic.get((dynamic.client_data_source, client_id))

    @property
    def dynamic_clients(self) -> tuple[DynamicClient, ...]:
        """The rows of every data source, oldest first."""
        return tuple(self._dynamic.values())

    def authenticate(self, client_id: str, secret: str | None) -> AnyClient:
        """The client whose secret that is. Raises Refused("invalid_client"), which does not say what was wrong."""
        client = self.client(client_id)
        if (
            client is None
            or not self.is_enabled(client)
            or not self.may_authenticate_by_secret(client)
            or secret is None
            or not self.accepts_secret(client, secret)
        ):
            raise Refused("invalid_client", "Client authentication failed.")
        return client

    def is_enabled(self, client: AnyClient) -> bool:
        return client.enabled

    def may_authenticate_by_secret(self, client: AnyClient) -> bool:
        """By Basic or in the form: one setting of the profile for both."""
        return self.configuration.basic_and_form_post and client.authentication_method == "secret"

    def accepts_secret(self, client: AnyClient, secret: str) -> bool:
        given = digest(secret)
        if client.secret_digest is not None and hmac.compare_digest(given, client.secret_digest):
            return True
        previous = client.previous_secret if isinstance(client, DynamicClient) else None
        return previous is not None and hmac.compare_digest(given, previous[0]) and self.clock.now() < previous[1]

    # Access tokens

    def grant(self, client: AnyClient, grant_type: str | None, scope: str | None) -> dict[str, Any]:
        """The token endpoint's answer to a client that has authenticated. Raises Refused."""
        if grant_type is None:
            raise Refused("invalid_request", "The parameter grant_type is missing.")
        if grant_type != "client_credentials" or not self.profile_has("client-credentials"):
            raise Refused("unsupported_grant_type", "The grant type is not supported.")
        if not self.has_capability(client, "client-credentials"):
            raise Refused("unauthorized_client", "The client lacks the capability client-credentials.")
        return self._issue(client, self.granted_scopes(client, scope))

    def profile_has(self, capability: str) -> bool:
        return capability in self.configuration.client_capabilities

    def has_capability(self, client: AnyClient, capability: str) -> bool:
        return capability in client.capabilities

    def granted_scopes(self, client: AnyClient, scope: str | None) -> tuple[str, ...]:
        """What is left of the scopes asked for. Dropping some of them silently is inferred; refusing when none is left
        is documented (github.com/curityio/ai-agents-auth-demo, CLAUDE.md).
        """
        asked = dict.fromkeys(scope.split()) if scope else {}
        granted = tuple(one for one in asked if self.may_have_scope(client, one))
        if asked and not granted:
            raise Refused("invalid_scope", "No valid scope was requested.")
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
        match non_templatized and non_templatized.authentication:
            case AuthenticateClientBy(clients):
                return client.id in clients
            case NoAuthentication():
                return self.switches.dcr_scope_when_registration_is_open
            case _:
                return False

    def may_obtain_dcrm(self, client: AnyClient) -> bool:
        management = self.configuration.client_management
        return management is not None and client.id in management.management_clients

    def _issue(self, client: AnyClient, scopes: tuple[str, ...]) -> dict[str, Any]:
        scope = " ".join(scopes)
        claims = self.access_token_claims(client, scope)
        token = self.format_access_token(claims)
        self._keep(AccessToken(token, claims, client.id, scopes, claims["exp"]))
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": self._expires_in(client.access_token_ttl),
            "scope": scope,
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

    def _keep(self, token: AccessToken) -> None:
        """Expired tokens are as good as unknown ones, and are forgotten when there are many."""
        if len(self._tokens) >= self._sweep_at:
            now = self.clock.now()
            self._tokens = {key: kept for key, kept in self._tokens.items() if now < kept.expires}
            self._sweep_at = max(10_000, 2 * len(self._tokens))
        self._tokens[token.value] = token

    def access_token(self, value: str) -> AccessToken | None:
        """The token if it is active: issued here, not expired, revoked or used up. Its client must still be there
        (inferred; a JWT that is verified offline is not looked up).
        """
        token = self._tokens.get(value)
        if token is None or not self.clock.now() < token.expires or self.client(token.client_id) is None:
            return None
        return token

    def revoke(self, client: AnyClient, value: str) -> None:
        """A token that is unknown is as good as revoked (RFC 7009 2.2); one of another client's is refused (2.1)."""
        token = self.access_token(value)
        if token is None:
            return
        if token.client_id != client.id:
            raise Refused("unauthorized_client", "The token belongs to another client.")
        del self._tokens[value]

    def introspect(self, client: AnyClient, value: str) -> AccessToken | None:
        """Raises Refused for a client that may not introspect (status inferred)."""
        if not self.has_capability(client, "introspection"):
            raise Refused("access_denied", "The client lacks the capability introspection.")
        return self.access_token(value)

    def userinfo(self, bearer: str | None) -> NoReturn:
        """Every token here is a client's own: there is no user to inform about (status inferred)."""
        if bearer is None or self.access_token(bearer) is None:
            raise Refused("invalid_token", "The access token is missing, unknown or expired.")
        raise Refused("insufficient_scope", "The access token is not a user's.")

    # Dynamic client registration

    def register(self, bearer: str | None, document: object) -> dict[str, Any]:
        """The answer to a registration: `document` is the body's JSON, None if it is none. Raises Refused."""
        non_templatized = self.configuration.non_templatized
        if non_templatized is None:
            # Templatized registration wants the id of a template, and there is none.
            raise Refused("invalid_client_metadata", "The software_id names no template.")
        initial = None if self.registration_is_open(non_templatized) else self.check_initial_token(bearer)
        try:
            granted = self.grant_metadata(non_templatized, document)
        except Refused:
            if initial is not None and self.switches.failed_registration_consumes_initial_token:
                self.consume_initial_token(initial)
            raise
        dynamic = self.configuration.dynamic_client_registration
        assert dynamic is not None, "non-templatized registration is a part of it"
        if dynamic.client_data_source in self.configuration.data_sources_without_schema:
            # inferred: the code of RFC 6749 4.1.2.1 for a server that cannot do its work
            raise Refused("server_error", "The data source cannot hold the client.")
        if initial is not None:
            self.consume_initial_token(initial)
        client = DynamicClient(
            id=self._uuid(),
            data_source=dynamic.client_data_source,
            initial_client=None if initial is None else initial.client_id,
            issued_at=int(self.clock.now()),
            metadata=granted,
        )
        return self._rotated(client, bearer=None)

    def registration_is_open(self, non_templatized: NonTemplatized) -> bool:
        """A token that is sent all the same is ignored."""
        return isinstance(non_templatized.authentication, NoAuthentication)

    def check_initial_token(self, bearer: str | None) -> AccessToken | None:
        """The initial access token. Statuses are inferred: 401 for one that is used up, 403 for one without `dcr`."""
        token = None if bearer is None else self.access_token(bearer)
        if token is None:
            raise Refused("invalid_token", "The initial access token is missing, unknown, expired or used.")
        if not self.is_initial_token(token):
            raise Refused("insufficient_scope", "The access token lacks the scope dcr.")
        return token

    def is_initial_token(self, token: AccessToken) -> bool:
        return "dcr" in token.scopes

    def consume_initial_token(self, token: AccessToken) -> None:
        """It serves once: learn/using-dynamic-client-registration."""
        self._tokens.pop(token.value, None)

    def grant_metadata(self, non_templatized: NonTemplatized, document: object) -> ClientMetadata:
        """What a registration or an update is granted; see registration.py. Raises Refused."""
        # Both must have a capability: token-profile/client-config/capabilities.
        bounds = replace(
            non_templatized, capabilities=non_templatized.capabilities & self.configuration.client_capabilities
        )
        granted = registration.grant(document, bounds, self.allowed_scopes(non_templatized))
        if not granted.grant_types and not self.switches.registers_client_without_grant_types:
            raise Refused("invalid_client_metadata", "No grant type is left that this client may have.")
        return granted

    def allowed_scopes(self, non_templatized: NonTemplatized) -> tuple[str, ...]:
        allowed = non_templatized.scopes
        return tuple(scope for scope in self.configuration.scopes if allowed is None or scope in allowed)

    # Dynamic client management

    def read(self, client_id: str, bearer: str | None) -> dict[str, Any]:
        """Rotates: learn/dynamic-client-registration-management."""
        return self._rotated(self._managed(client_id, bearer, deleting=False), bearer)

    def update(self, client_id: str, bearer: str | None, document: object) -> dict[str, Any]:
        """Replaces the metadata whole, and rotates. Raises Refused, and then nothing has changed."""
        client = self._managed(client_id, bearer, deleting=False)
        non_templatized = self.configuration.non_templatized
        if non_templatized is None:
            raise Refused("invalid_client_metadata", "Non-templatized registration is off.")
        granted = self.grant_metadata(non_templatized, document)
        assert isinstance(document, Mapping), "anything else was refused"
        if document.get("client_id") != client_id or any(name in document for name in SERVER_MEMBERS):
            raise Refused("invalid_client_metadata", "An update names its client, and nothing that the server sets.")
        secret = document.get("client_secret")
        if secret is not None and not (isinstance(secret, str) and self.accepts_secret(client, secret)):
            raise Refused("invalid_client_metadata", "The client_secret is not the current one.")
        return self._rotated(replace(client, metadata=granted), bearer)

    def delete(self, client_id: str, bearer: str | None) -> None:
        client = self._managed(client_id, bearer, deleting=True)
        del self._dynamic[client.data_source, client.id]

    def _managed(self, client_id: str, bearer: str | None, *, deleting: bool) -> DynamicClient:
        """The client, if the bearer's token manages it. An unknown client is no other refusal (RFC 7592 2.1)."""
        client = self.dynamic_client(client_id)
        management = self.configuration.client_management
        if bearer is None or client is None or management is None:
            raise Refused("invalid_token", "The registration access token is missing or not valid.")
        if self.is_registration_token(client, bearer, management):
            if not deleting and not self.may_read_and_write(client, management):
                raise Refused("insufficient_scope", "The registration access token can only delete by now.")
        elif (token := self.access_token(bearer)) is None:
            raise Refused("invalid_token", "The registration access token is missing or not valid.")
        elif not self.manages_any_client(token):
            raise Refused("insufficient_scope", "The access token lacks the scope dcrm.")
        return client

    def is_registration_token(self, client: DynamicClient, bearer: str, management: ClientManagement) -> bool:
        token = client.registration_token
        return (
            token is not None
            and hmac.compare_digest(digest(token.value), digest(bearer))
            and self._age(token) < management.registration_token.ttl
        )

    def may_read_and_write(self, client: DynamicClient, management: ClientManagement) -> bool:
        token = client.registration_token
        return token is not None and self._age(token) < management.registration_token.read_write_ttl

    def manages_any_client(self, token: AccessToken) -> bool:
        return "dcrm" in token.scopes

    def _age(self, token: RegistrationAccessToken) -> float:
        return self.clock.now() - token.issued_at

    def _rotated(self, client: DynamicClient, bearer: str | None) -> dict[str, Any]:
        """Keeps the client with a new secret and a new registration token, and returns its members, both included.

        They are shown here and nowhere else. The registration members come with management alone
        (learn/dynamic-client-registration-management).
        """
        management = self.configuration.client_management
        client, secret = self.rotate_secret(client)
        if management is not None and not (management.registration_token.reuse and self._has_sent(client, bearer)):
            client = self.rotate_registration_token(client)
        self._dynamic[client.data_source, client.id] = client
        members: dict[str, Any] = {"client_id": client.id, "client_id_issued_at": client.issued_at}
        if secret is not None:
            members |= {"client_secret": secret, "client_secret_expires_at": 0}
        members |= client.metadata.members()
        token = client.registration_token
        if management is not None and token is not None:
            members |= {
                "registration_client_uri": f"{self.registration_endpoint}/{client.id}",
                "registration_access_token": token.value,
                "registration_access_token_expires_in": round(management.registration_token.ttl - self._age(token)),
            }
        return members

    @staticmethod
    def _has_sent(client: DynamicClient, bearer: str | None) -> bool:
        return client.registration_token is not None and client.registration_token.value == bearer

    def rotate_secret(self, client: DynamicClient) -> tuple[DynamicClient, str | None]:
        """The client with another secret (32 random bytes), and the secret; none for a client that has none."""
        if not client.metadata.has_secret:
            return replace(client, secret_digest=None, previous_secret=None), None
        secret = urlsafe_b64encode(self._random.randbytes(32)).rstrip(b"=").decode()
        management = self.configuration.client_management
        ttl = management.rotated_secret_ttl if management else 0
        previous = (client.secret_digest, self.clock.now() + ttl) if client.secret_digest is not None and ttl else None
        return replace(client, secret_digest=digest(secret), previous_secret=previous), secret

    def rotate_registration_token(self, client: DynamicClient) -> DynamicClient:
        """The new one has its full lifetimes again (inferred)."""
        token = RegistrationAccessToken(OPAQUE_PREFIX + self._uuid(), self.clock.now())
        return replace(client, registration_token=token)

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
