"""The DCR driver: what Konnect asks of an authorization server when an application is made, changed or deleted.

No public document lists these requests; their shape is inferred from what a provider of type curity
stores (one client id and secret), what the how-to turns on, and what Curity accepts.

    event                 requests
    application created   GET the provider's issuer value; POST token_endpoint, scope dcr; POST registration_endpoint
    secret regenerated    GET registration_client_uri (at Curity any read rotates the secret and the token)
    application renamed   none (switch: PUT registration_client_uri)
    application deleted   DELETE registration_client_uri
    provider verified     as created, then as deleted

Each registration has its own initial access token: at Curity it works once.
Everything here is a generator that yields `Call`s and returns a result, or raises `ProviderFailed`.
"""

import json
from base64 import b64encode
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote, quote_plus, urlencode, urljoin, urlsplit

from dcrproof.mocks.konnect.fields import is_url
from dcrproof.mocks.konnect.objects import ClientRegistration, Provider, Strategy
from dcrproof.mocks.konnect.switches import DEFAULT_SWITCHES, Switches
from dcrproof.mocks.messages import Asking, Call, NoAnswer, Pairs, Response

# Error codes that may be shown: those of RFC 6749, 6750 and 7591. Anything else from an authorization server is
# left out of Konnect's answers, because it could contain secrets.
ERROR_CODES = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
        "server_error",
        "temporarily_unavailable",
        "invalid_token",
        "insufficient_scope",
        "invalid_redirect_uri",
        "invalid_client_metadata",
        "invalid_software_statement",
        "unapproved_software_statement",
    }
)
LONGEST = 255  # of a client id and a client secret (dev-portal v3, ApplicationCreationResponse)


class ProviderFailed(Exception):
    """The authorization server did not answer, or refused. The text contains no secret."""


@dataclass(frozen=True)
class ProviderCredentials:
    """The initial access token is fetched with the provider's initial client, once for each registration."""

    scope: str = "dcr"


@dataclass(frozen=True)
class InitialAccessToken:
    """One fixed token, which the authorization server accepts again and again. Not for Curity."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class OpenRegistration:
    """The authorization server asks for no token at registration. Not for Curity."""


InitialAccess: TypeAlias = ProviderCredentials | InitialAccessToken | OpenRegistration


@dataclass(frozen=True)
class Endpoints:
    """`by_post`: whether the token endpoint takes id and secret in the form alone."""

    token: str | None
    registration: str
    by_post: bool = False


@dataclass(frozen=True)
class RegisteredClient:
    client_id: str
    client_secret: str = field(repr=False)
    registration: ClientRegistration | None


def members_of(response: Response) -> Mapping[str, Any]:
    """The response's JSON object; empty where it is not an object."""
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def text_of(members: Mapping[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) and value else None


def _credential(members: Mapping[str, Any], name: str) -> str | None:
    """A token that can be sent in a header."""
    value = text_of(members, name)
    return value if value is not None and value.isascii() and value.isprintable() and " " not in value else None


def _bearer(token: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {token}")


def ask(
    what: str, method: str, url: str, *, expected: Container[int], headers: Pairs = (), body: bytes = b""
) -> Asking[Mapping[str, Any]]:
    """The members of the answer. Raises ProviderFailed where its status is another one than those expected."""
    answer = yield Call(method, url, (("accept", "application/json"), *headers), body)
    if not isinstance(answer, Response) or answer.status not in expected:
        raise ProviderFailed(f"{what}: {account(answer)}")
    return members_of(answer)


def account(answer: Response | NoAnswer) -> str:
    """What may be shown of an answer: its status and a registered error code, or that there was no answer."""
    if isinstance(answer, NoAnswer):
        return "no answer"
    code = members_of(answer).get("error")
    known = isinstance(code, str) and code in ERROR_CODES
    return f"{answer.status} {code}" if known else f"status {answer.status}"


class Driver:
    """Speaks for one Konnect organisation to the authorization servers of its DCR providers."""

    def __init__(
        self,
        switches: Switches = DEFAULT_SWITCHES,
        initial_access: InitialAccess = ProviderCredentials(),
        *,
        any_server: bool = False,
    ) -> None:
        """`any_server`: whether it may be another server than Curity, for which Konnect has no type of provider. Then nobody
        knows what Konnect would send, and the driver sends what the server takes: its method of authentication, and no empty
        lists where it refuses them (RFC 8414 2, RFC 7591 2).
        """
        self.switches = switches
        self.initial_access = initial_access
        self.any_server = any_server
        self.abandoned: list[str] = []
        """The registration_client_uri of clients without an application that could not be deleted; empty for one without."""

    # --- the requests, one by one ---

    def endpoints(self, provider: Provider) -> Asking[Endpoints]:
        """Discovery: the provider's issuer value is the full URL of the document (how-to), not the bare issuer."""
        answer = yield from ask("discovery", "GET", provider.issuer, expected=(200,))
        registration = self._url(answer, "registration_endpoint")
        if registration is None or not is_url(registration):
            raise ProviderFailed("discovery: there is no registration_endpoint")
        token = self._url(answer, "token_endpoint")
        methods = answer.get("token_endpoint_auth_methods_supported")
        listed = methods if isinstance(methods, list) and self.any_server else []
        by_post = "client_secret_post" in listed and "client_secret_basic" not in listed
        return Endpoints(token if token is not None and is_url(token) else None, registration, by_post)

    def _url(self, answer: Mapping[str, Any], name: str) -> str | None:
        """An endpoint of a discovery document. A host name that is not ASCII stands in a URL as its A-label (RFC 3986 3.2.2):
        whether Konnect takes it in another form is unknown, so
        the driver of Curity does not.
        """
        value = text_of(answer, name)
        if value is None or value.isascii() or not self.any_server:
            return value
        try:
            host = urlsplit(value).hostname or ""
            return value.replace(host, host.encode("idna").decode(), 1)
        except ValueError:
            return value

    def initial_access_token(self, provider: Provider, endpoints: Endpoints) -> Asking[str | None]:
        match self.initial_access:
            case OpenRegistration():
                return None
            case InitialAccessToken(token):
                return token
            case ProviderCredentials(scope):
                return (yield from self.token_with_scope(provider, endpoints, scope))

    def token_with_scope(self, provider: Provider, endpoints: Endpoints, scope: str) -> Asking[str]:
        """A token of the provider's initial client."""
        if endpoints.token is None:
            raise ProviderFailed("discovery: there is no token_endpoint")
        form = {"grant_type": "client_credentials", "scope": scope}
        headers: Pairs = (("content-type", "application/x-www-form-urlencoded"),)
        if endpoints.by_post:
            form |= self.client_in_form(provider)
        else:
            headers = (*headers, self.client_authentication(provider))
        answer = yield from ask(
            "token endpoint", "POST", endpoints.token, expected=(200,), headers=headers, body=urlencode(form).encode()
        )
        fetched = _credential(answer, "access_token")
        if fetched is None:
            raise ProviderFailed("token endpoint: there is no access_token in the answer")
        return fetched

    def client_authentication(self, provider: Provider) -> tuple[str, str]:
        """HTTP Basic with both parts form-encoded (RFC 6749, 2.3.1). Basic rather than the form: inferred."""
        client_id = quote_plus(str(provider.config.get("initial_client_id", "")))
        secret = quote_plus(provider.secrets.get("initial_client_secret", ""))
        return ("authorization", "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode())

    def client_in_form(self, provider: Provider) -> dict[str, str]:
        """The same in the form."""
        client_id = str(provider.config.get("initial_client_id", ""))
        return {"client_id": client_id, "client_secret": provider.secrets.get("initial_client_secret", "")}

    def client_metadata(self, strategy: Strategy | None, name: str, redirect_uri: str | None) -> dict[str, Any]:
        """What is registered (RFC 7591), inferred from the reference bridge's payload.

        A client always gets the client credentials grant, for that is the application's credential type; the code
        grant joins it where the strategy has it and there is somewhere to redirect to. `response_types` is sent,
        because left out it means `["code"]`, which contradicts the grant. Without scopes in the strategy no `scope` is
        sent, and the server gives its default.
        """
        config = strategy.config if strategy is not None else {}
        code = "authorization_code" in config.get("auth_methods", ()) and redirect_uri is not None
        metadata: dict[str, Any] = {
            "client_name": name,
            "redirect_uris": [redirect_uri] if redirect_uri is not None else [],
            "grant_types": ["client_credentials", "authorization_code"] if code else ["client_credentials"],
            "response_types": ["code"] if code else [],
            "token_endpoint_auth_method": "client_secret_basic",
        }
        if scopes := config.get("scopes"):
            metadata["scope"] = " ".join(scopes)
        return metadata

    # --- what the portal's events come to ---

    def create(self, provider: Provider, metadata: Mapping[str, Any]) -> Asking[RegisteredClient]:
        if not self.drives(provider):
            raise ProviderFailed(f"providers of type {provider.provider_type} are not driven here")
        endpoints = yield from self.endpoints(provider)
        if endpoints.by_post:
            metadata = {**metadata, "token_endpoint_auth_method": "client_secret_post"}
        created = yield from self._register(provider, endpoints, metadata)
        if isinstance(created, Response) and created.status == 400 and [] in metadata.values() and self.any_server:
            some = {name: value for name, value in metadata.items() if value != []}
            created = yield from self._register(provider, endpoints, some)
        if not isinstance(created, Response) or not 200 <= created.status < 300:
            raise ProviderFailed(f"registration endpoint: {account(created)}")
        answer = members_of(created)
        registration = self.client_registration(answer, endpoints)
        if created.status != 201:  # RFC 7591 3.2.1: but a client may be there all the same
            yield from self.abandon(registration, provider)
            raise ProviderFailed(f"registration endpoint: {account(created)}")
        client_id, secret = text_of(answer, "client_id"), text_of(answer, "client_secret")
        if client_id is None or secret is None or max(len(client_id), len(secret)) > LONGEST:
            yield from self.abandon(registration, provider)
            raise ProviderFailed("registration endpoint: the answer holds no usable client_id and client_secret")
        return RegisteredClient(client_id, secret, registration)

    def _register(
        self, provider: Provider, endpoints: Endpoints, metadata: Mapping[str, Any]
    ) -> Asking[Response | NoAnswer]:
        token = yield from self.initial_access_token(provider, endpoints)
        headers = (("content-type", "application/json"), *([_bearer(token)] if token is not None else []))
        body = json.dumps(metadata).encode()
        return (yield Call("POST", endpoints.registration, (("accept", "application/json"), *headers), body))

    def regenerate(
        self,
        registration: ClientRegistration | None,
        provider: Provider | None = None,
        client_id: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> Asking[tuple[str, ClientRegistration]]:
        """A new secret, and what manages the client from now on: a read and an update rotate both at Curity."""
        if registration is None:
            raise ProviderFailed("client management: there is no registration access token for this client")
        bearer = yield from self.management_token(registration, provider)
        if self.switches.regenerate_with == "PUT" and metadata is not None:
            answer = yield from self._put(registration.uri, bearer, client_id, metadata)
        else:
            headers = (_bearer(bearer),)
            answer = yield from ask("client management", "GET", registration.uri, expected=(200,), headers=headers)
        secret = text_of(answer, "client_secret")
        if secret is None or len(secret) > LONGEST:
            raise ProviderFailed("client management: the answer holds no usable client_secret")
        return secret, self.rotated(registration, answer)

    def update(
        self,
        registration: ClientRegistration | None,
        client_id: str,
        metadata: Mapping[str, Any],
        provider: Provider | None = None,
    ) -> Asking[ClientRegistration | None]:
        """Sends the changed metadata where the switch says so (RFC 7592, 2.2: whole, with the client id)."""
        if registration is None or not self.switches.rename_updates_client:
            return registration
        bearer = yield from self.management_token(registration, provider)
        return self.rotated(registration, (yield from self._put(registration.uri, bearer, client_id, metadata)))

    def _put(self, uri: str, bearer: str, client_id: str, metadata: Mapping[str, Any]) -> Asking[Mapping[str, Any]]:
        return (
            yield from ask(
                "client management",
                "PUT",
                uri,
                expected=(200,),
                headers=(("content-type", "application/json"), _bearer(bearer)),
                body=json.dumps({"client_id": client_id, **metadata}).encode(),
            )
        )

    def management_token(self, registration: ClientRegistration, provider: Provider | None) -> Asking[str]:
        """The registration's own token; or with "dcrm" one that may manage any client, fetched for the occasion."""
        if self.switches.management != "dcrm" or provider is None:
            return registration.access_token
        endpoints = yield from self.endpoints(provider)
        return (yield from self.token_with_scope(provider, endpoints, "dcrm"))

    def delete(self, registration: ClientRegistration | None, provider: Provider | None = None) -> Asking[None]:
        """Returns when the client is gone, or when Konnect holds nothing with which to delete it.

        401 and 404 count as gone: so a server answers for a client that no longer exists (RFC 7592, 2.3).
        """
        if registration is not None and self.switches.delete_client:
            bearer = yield from self.management_token(registration, provider)
            headers = (("accept", "application/json"), _bearer(bearer))
            answer = yield Call("DELETE", registration.uri, headers)
            if not self.client_is_gone(answer):
                raise ProviderFailed(f"client management: {account(answer)}")

    def abandon(self, registration: ClientRegistration | None, provider: Provider | None = None) -> Asking[None]:
        """Tries to delete a client that has no application."""
        try:
            yield from self.delete(registration, provider)
            deleted = registration is not None and self.switches.delete_client
        except ProviderFailed:
            deleted = False
        if not deleted:
            self.abandoned.append(registration.uri if registration else "")

    # --- rules ---

    def drives(self, provider: Provider) -> bool:
        return provider.provider_type == "curity"

    def client_is_gone(self, answer: Response | NoAnswer) -> bool:
        return isinstance(answer, Response) and (200 <= answer.status < 300 or answer.status in {401, 404})

    def client_registration(self, answer: Mapping[str, Any], endpoints: Endpoints) -> ClientRegistration | None:
        """What is kept to manage the client, where the server offers management at all.

        With "dcrm" the client id is enough: `registration_client_uri` is the registration endpoint and that id
        (curity.io, Dynamic Client Registration Management).
        """
        if self.switches.management == "nothing":
            return None
        if self.switches.management == "dcrm":
            client_id = text_of(answer, "client_id")
            return (
                ClientRegistration(f"{endpoints.registration}/{quote(client_id, safe='')}", "") if client_id else None
            )
        uri, token = self._url(answer, "registration_client_uri"), _credential(answer, "registration_access_token")
        if uri and uri.startswith("/"):  # RFC 7592 3 asks for a whole URL
            uri = urljoin(endpoints.registration, uri)
        return ClientRegistration(uri, token) if uri and token and is_url(uri) else None

    def rotated(self, registration: ClientRegistration, answer: Mapping[str, Any]) -> ClientRegistration:
        """Takes the new registration access token; a server that does not rotate it may leave it out."""
        uri = text_of(answer, "registration_client_uri")
        token = _credential(answer, "registration_access_token")
        return ClientRegistration(uri if uri and is_url(uri) else registration.uri, token or registration.access_token)
