"""What a Curity Identity Server does, without I/O: its clients, its tokens, its keys.

Rules, as the documents of Curity have them:

- Clients are config-backed or dynamic. Dynamic ones live in the data source that the profile names, and are not found
  once it names another or registration is off.
- A client gets a token with client_credentials if it authenticates with its secret, and client and profile have the
  capability. No scope asked for: a token with none. Scopes that it may not have are dropped; if none is left, refused.
- `dcr` is given to the clients of `authenticate-client-by` alone, when asked for by name. That token is valid for one
  registration. `dcrm` is given to management clients and manages any dynamic client.
- A registration that names a template (`software_id`) is an instance of it; any other is by RFC 7591 metadata, and is
  bounded by what `non-templatized` allows. Either kind can be disabled. Who may register is set for each template, and once
  for all others.
- Access tokens are opaque unless the profile says JWT or wrapped; the switch is the whole profile's. Registration
  tokens are opaque always.
- A read or an update of a registration rotates its token and the client's secret; the previous ones are invalid at once (the
  secret's lifetime after that is a setting, by default none).
  After 28 days without that the token can only delete, after 365 nothing.
- A JWT is valid until it expires, even if its client is deleted: it is not looked up.

Keys, clients and tokens are in token_service.py, registrations and their management here: nothing else changes state.
A rule is a method, called through `self`, so that a test can break one.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dcrproof.mocks.curity import registration
from dcrproof.mocks.curity.clients import DynamicClient, RegistrationAccessToken
from dcrproof.mocks.curity.errors import OAuthRefusal
from dcrproof.mocks.curity.registration import ClientMetadata
from dcrproof.mocks.curity.settings import (
    AuthenticateClientBy,
    AuthenticateUserBy,
    Client,
    ClientManagement,
    MutualTls,
    NoAuthentication,
    NonTemplatized,
    RegistrarAuthentication,
    Template,
    digest,
)
from dcrproof.mocks.curity.token_service import REGISTRATION, TokenService
from dcrproof.mocks.curity.tokens import OPAQUE_PREFIX, AccessToken

__all__ = ["REGISTRATION", "Curity"]

# Members that the server sets and an update must not carry: RFC 7592 2.2.
SERVER_MEMBERS = (
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
)


class Curity(TokenService):
    """One Curity: a token profile with dynamic client registration, and its data."""

    # Dynamic client registration

    def register(self, bearer: str | None, document: object, endpoint: str | None = None) -> dict[str, Any]:
        """The answer to a registration: `document` is the body's JSON, None if it is not JSON. Raises OAuthRefusal.

        `endpoint` is the URL of the request, where that is not the published one.
        """
        dynamic = self.configuration.dynamic_client_registration
        if dynamic is None:
            raise OAuthRefusal("invalid_client_metadata", "Dynamic client registration is off.")
        template = self.template_of(document)
        initial = self.check_registrar(bearer, template)
        try:
            granted = self.granted_by(template, document)
        except OAuthRefusal:
            if initial is not None and self.switches.failed_registration_consumes_initial_token:
                self.consume_initial_token(initial)
            raise
        self.check_data_source(dynamic.client_data_source)
        if not self.configuration.data_sources_by_id[dynamic.client_data_source].schema:
            raise OAuthRefusal("server_error", "The data source cannot hold the client.")  # inferred, as above
        if initial is not None:
            self.consume_initial_token(initial)
        client = DynamicClient(
            id=self._uuid(),
            data_source=dynamic.client_data_source,
            initial_client=None if initial is None else initial.client_id,
            issued_at=int(self.clock.now()),
            metadata=granted,
            audience=template.audience if template else (),
            instance_of=template.id if template else None,
            registered_at=endpoint or self.registration_endpoint or "",
            userinfo_token_issuer=template.userinfo_token_issuer if template else self.userinfo_issuer(granted),
        )
        return self._rotated(client, bearer=None)

    def template_of(self, document: object) -> Client | None:
        """A body with the `software_id` of a template is templatized, anything else is not (inferred: in RFC 7591 the
        member is an innocent text, and a client that always sends one can be taken for templatized).
        """
        return self.configuration.template(document.get("software_id")) if isinstance(document, Mapping) else None

    def granted_by(self, template: Client | None, document: object) -> ClientMetadata:
        """What the template has, or what the request's metadata get. Raises OAuthRefusal."""
        if template is not None:
            return registration.of_template(template)
        non_templatized = self.configuration.non_templatized
        if non_templatized is None:
            raise OAuthRefusal("invalid_client_metadata", "The software_id names no template.")
        return self.grant_metadata(non_templatized, document)

    def userinfo_issuer(self, granted: ClientMetadata) -> str | None:
        """The token issuer that signs the client's userinfo, where it asked for that. Raises OAuthRefusal."""
        if granted.userinfo_signed_response_alg is None:
            return None
        issuers = [one.id for one in self.configuration.custom_token_issuers if one.purpose_type == "userinfo"]
        if not (self.switches.registered_clients_may_have_signed_userinfo and issuers):
            raise OAuthRefusal("invalid_client_metadata", "There is no token issuer for signed userinfo.")
        return issuers[0]

    def check_registrar(self, bearer: str | None, template: Client | None) -> AccessToken | None:
        """The initial access token of a registration; None where none is required. Raises OAuthRefusal."""
        non_templatized = self.configuration.non_templatized
        if template is None and non_templatized is None:
            return None  # refused for its metadata, with any token
        if template is None and non_templatized is not None:
            if isinstance(non_templatized.authentication, MutualTls):
                # Plain HTTP carries no certificate, and a header of a proxy is not accepted here (inferred).
                raise OAuthRefusal("invalid_client", "There is no trusted client certificate.")
            if self.registration_is_open(non_templatized):
                return None
        token = self.check_initial_token(bearer)
        if token is not None and not self.may_register(token, template):
            raise OAuthRefusal("insufficient_scope", "The initial access token is not for this kind of registration.")
        return token

    def may_register(self, token: AccessToken, template: Client | None) -> bool:
        """Whose token it is must be listed for this template, or for registrations without one (inferred: documented
        is the list at the issue of the token).
        """
        by = self.registrars_of(template)
        match by:
            case AuthenticateClientBy(clients):
                return token.username is None and token.client_id in clients
            case AuthenticateUserBy(clients):
                return token.username is not None and token.client_id in clients
            case Template(by_client, by_user):
                return token.client_id in (by_client if token.username is None else by_user)
            case _:
                return True  # open

    def registrars_of(self, template: Client | None) -> RegistrarAuthentication | Template | None:
        if template is not None:
            return template.template
        non_templatized = self.configuration.non_templatized
        return None if non_templatized is None else non_templatized.authentication

    def registration_is_open(self, non_templatized: NonTemplatized) -> bool:
        """A token in the request is ignored."""
        return isinstance(non_templatized.authentication, NoAuthentication)

    def check_initial_token(self, bearer: str | None) -> AccessToken | None:
        """The initial access token. Statuses are inferred: 401 for one that is used up, 403 for one without `dcr`."""
        token = None if bearer is None else self.access_token(bearer)
        if token is None:
            raise OAuthRefusal("invalid_token", "The initial access token is missing, unknown, expired or used.")
        if not self.is_initial_token(token):
            raise OAuthRefusal("insufficient_scope", "The access token lacks the scope dcr.")
        return token

    def is_initial_token(self, token: AccessToken) -> bool:
        return "dcr" in token.scopes

    def consume_initial_token(self, token: AccessToken) -> None:
        """It works once: learn/using-dynamic-client-registration."""
        self._tokens.pop(token.value, None)

    def grant_metadata(self, non_templatized: NonTemplatized, document: object) -> ClientMetadata:
        """What a registration or an update is granted; see registration.py. Raises OAuthRefusal."""
        # Both must have a capability: token-profile/client-config/capabilities.
        bounds = replace(
            non_templatized, capabilities=non_templatized.capabilities & self.configuration.client_capabilities
        )
        granted = registration.grant(document, bounds, self.allowed_scopes(non_templatized))
        if not granted.grant_types and not self.switches.registers_client_without_grant_types:
            raise OAuthRefusal("invalid_client_metadata", "No grant type is left that this client may have.")
        return granted

    def allowed_scopes(self, non_templatized: NonTemplatized) -> tuple[str, ...]:
        allowed = non_templatized.scopes
        return tuple(scope for scope in self.configuration.scopes if allowed is None or scope in allowed)

    # Dynamic client management

    def read(self, client_id: str, bearer: str | None) -> dict[str, Any]:
        """Rotates: learn/dynamic-client-registration-management."""
        return self._rotated(self._managed(client_id, bearer, deleting=False), bearer)

    def update(self, client_id: str, bearer: str | None, document: object) -> dict[str, Any]:
        """Replaces the metadata whole, and rotates. Raises OAuthRefusal, and then nothing has changed."""
        client = self._managed(client_id, bearer, deleting=False)
        template = self.configuration.template(client.instance_of)
        granted = self.granted_by(template, document)
        if not isinstance(document, Mapping):
            raise OAuthRefusal("invalid_request", "The body is not a JSON object.")
        if document.get("client_id") != client_id or any(name in document for name in SERVER_MEMBERS):
            raise OAuthRefusal(
                "invalid_client_metadata", "An update names its client, and nothing that the server sets."
            )
        secret = document.get("client_secret")
        if secret is not None and not (isinstance(secret, str) and self.accepts_secret(client, secret)):
            raise OAuthRefusal("invalid_client_metadata", "The client_secret is not the current one.")
        issuer = template.userinfo_token_issuer if template else self.userinfo_issuer(granted)
        return self._rotated(replace(client, metadata=granted, userinfo_token_issuer=issuer), bearer)

    def delete(self, client_id: str, bearer: str | None) -> None:
        client = self._managed(client_id, bearer, deleting=True)
        del self._dynamic[client.data_source, client.id]

    def _managed(self, client_id: str, bearer: str | None, *, deleting: bool) -> DynamicClient:
        """The client, if the bearer's token manages it. An unknown client is no other refusal (RFC 7592 2.1)."""
        client = self.dynamic_client(client_id)
        management = self.configuration.client_management
        if bearer is None or client is None or management is None:
            raise OAuthRefusal("invalid_token", "The registration access token is missing or not valid.")
        if self.is_registration_token(client, bearer, management):
            if not deleting and not self.may_read_and_write(client, management):
                raise OAuthRefusal("insufficient_scope", "The registration access token can only delete by now.")
        elif (token := self.access_token(bearer)) is None:
            raise OAuthRefusal("invalid_token", "The registration access token is missing or not valid.")
        elif not self.manages_any_client(token):
            raise OAuthRefusal("insufficient_scope", "The access token lacks the scope dcrm.")
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
        registration: dict[str, Any] = {}
        if management is not None:
            token = client.registration_token
            if token is None or not management.registration_token.reuse or token.value != bearer:
                token = self.new_registration_token()
                client = replace(client, registration_token=token)
            registration = {
                "registration_client_uri": f"{client.registered_at}/{client.id}",
                "registration_access_token": token.value,
                "registration_access_token_expires_in": round(management.registration_token.ttl - self._age(token)),
            }
        self._dynamic[client.data_source, client.id] = client
        members: dict[str, Any] = {"client_id": client.id, "client_id_issued_at": client.issued_at}
        if secret is not None:
            members |= {"client_secret": secret, "client_secret_expires_at": 0}
        members |= client.metadata.members() | registration
        return members

    def rotate_secret(self, client: DynamicClient) -> tuple[DynamicClient, str | None]:
        """The client with another secret (32 random bytes), and the secret; none for a client that has none."""
        if not client.metadata.has_secret:
            return replace(client, secret_digest=None, previous_secret=None), None
        secret = urlsafe_b64encode(self._random.randbytes(32)).rstrip(b"=").decode()
        management = self.configuration.client_management
        ttl = management.rotated_secret_ttl if management else 0
        previous = (client.secret_digest, self.clock.now() + ttl) if client.secret_digest is not None and ttl else None
        return replace(client, secret_digest=digest(secret), previous_secret=previous), secret

    def new_registration_token(self) -> RegistrationAccessToken:
        """With its full lifetimes (inferred: also where it replaces another)."""
        return RegistrationAccessToken(OPAQUE_PREFIX + self._uuid(), self.clock.now())
