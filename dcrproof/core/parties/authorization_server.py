"""The client of the authorization server: Curity, or any OpenID provider with RFC 7591 registration.

Each method sends one request and returns the exchange unchanged; others judge it.
"""

import http.client
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote_plus, urlencode

from dcrproof.core.http.exchange import Exchange, quoted
from dcrproof.core.http.idna import a_label
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.profile.model import AdminSettings
from dcrproof.core.secrets.secret import Secret, basic
from dcrproof.core.text import one_line

WELL_KNOWN = "/.well-known/openid-configuration"
BASIC, POST = "client_secret_basic", "client_secret_post"
FORM = {"content-type": "application/x-www-form-urlencoded"}
Form: TypeAlias = Mapping[str, str] | Sequence[tuple[str, str]]
"""The parameters of a form; as pairs where one of them may be there twice."""


@dataclass(frozen=True)
class Metadata:
    """The provider metadata of OpenID Connect Discovery 1.0 section 3, as far as the flow uses it."""

    members: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"<metadata of {one_line(self.issuer, 100)}>"

    def endpoint(self, name: str) -> str:
        """The URL of that endpoint, or an empty text where the document has none."""
        value = self.members.get(name)
        return a_label(value) if isinstance(value, str) else ""

    @property
    def issuer(self) -> str:
        """As the document writes it: `iss` of a token is exactly that (Discovery 1.0 3)."""
        value = self.members.get("issuer")
        return value if isinstance(value, str) else ""


@dataclass(frozen=True)
class ClientRegistration:
    """A client as the registration endpoint returned it (RFC 7591 3.2.1, RFC 7592 3)."""

    client_id: str
    client_secret: Secret
    members: Mapping[str, Any]
    registration_client_uri: str
    registration_access_token: Secret | None

    def __repr__(self) -> str:
        return f"<client {one_line(self.client_id, 100)}>"


@dataclass(frozen=True)
class AuthorizationServer:
    http: PartyConnection
    issuer: str
    """As in the profile: without the well-known suffix, and without a slash at its end."""
    admin: AdminSettings | None = None
    methods: dict[str, str] = field(default_factory=dict, repr=False)
    """By client id the method with which a client authenticates, as it was registered; the empty id stands for others."""

    def __repr__(self) -> str:
        return f"<authorization server {self.issuer}>"

    def default_method(self, metadata: Metadata) -> None:
        """Takes the method of clients of which nothing is known from the metadata (RFC 8414 2)."""
        listed = metadata.members.get("token_endpoint_auth_methods_supported")
        if isinstance(listed, list) and BASIC not in listed and POST in listed:
            self.methods[""] = POST

    def method_of(self, client_id: str) -> str:
        return self.methods.get(client_id) or self.methods.get("") or BASIC

    @property
    def discovery_url(self) -> str:
        return self.issuer + WELL_KNOWN

    def discovery(self, *, fresh: bool = False) -> Exchange:
        """The metadata. With `fresh`, caches on the way must not answer (RFC 9111 5.2.1.4)."""
        return self.http.send("GET", self.discovery_url, headers={"cache-control": "no-cache"} if fresh else {})

    def keys(self, metadata: Metadata) -> Exchange:
        return self.http.send("GET", metadata.endpoint("jwks_uri"))

    def token(self, metadata: Metadata, client_id: str, secret: Secret, scope: str | None = None) -> Exchange:
        """A client_credentials request (RFC 6749 4.4.2)."""
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope is not None else {})
        return self.form(metadata.endpoint("token_endpoint"), form, client_id, secret)

    def form(self, url: str, form: Form, client_id: str, secret: Secret, *, by_status: bool = False) -> Exchange:
        """Posts a form to an endpoint, as a client that authenticates with its secret (RFC 6749 2.3.1)."""
        if self.method_of(client_id) == POST:
            both = [*_pairs(form), ("client_id", client_id), ("client_secret", secret.reveal())]
            return self.form_with(url, both, None, by_status=by_status)
        pair = basic(quote_plus(client_id), quote_plus(secret.reveal()))
        return self.form_with(url, form, pair, by_status=by_status)

    def form_in_url(self, url: str, form: Mapping[str, str], client_id: str, secret: Secret) -> Exchange:
        """The same with the client's credentials in the URL, where they are not to be (RFC 6749 2.3.1)."""
        query = urlencode({"client_id": client_id, "client_secret": secret.reveal()})
        return self.form_with(f"{url}{'&' if '?' in url else '?'}{query}", form, None)

    def form_with(self, url: str, form: Form, pair: str | None, *, by_status: bool = False) -> Exchange:
        """The same, with the given credentials of a Basic header, or without any.

        It may be repeated: a second token does no harm, and the other forms are idempotent.
        """
        headers = FORM if pair is None else {**FORM, "authorization": f"Basic {pair}"}
        body = urlencode(_pairs(form)).encode()
        return self.http.send("POST", url, headers=headers, body=body, repeatable=True, by_status=by_status)

    def revoke(self, url: str, form: Mapping[str, str], client_id: str, secret: Secret) -> Exchange:
        """A revocation request (RFC 7009 2.1). The status alone says that it is done (2.2)."""
        return self.form(url, form, client_id, secret, by_status=True)

    def get(self, url: str, token: Secret | None = None) -> Exchange:
        return self.http.send("GET", url, headers=_bearer(token))

    def register(self, metadata: Metadata, token: Secret | None, client: Mapping[str, Any]) -> Exchange:
        """A registration request (RFC 7591 3.1), with or without an initial access token."""
        return self.register_raw(metadata, token, json.dumps(client).encode())

    def register_raw(self, metadata: Metadata, token: Secret | None, body: bytes) -> Exchange:
        """A registration request with any body."""
        headers = {"content-type": "application/json", **_bearer(token)}
        return self.http.send("POST", metadata.endpoint("registration_endpoint"), headers=headers, body=body)

    def ask_to_register(self, url: str, node: str | None = None) -> Exchange:
        """A registration request without token and body: it shows whether the endpoint is served, and creates nothing."""
        return self.http.send("POST", url, headers={"content-type": "application/json"}, node=node)

    def manage(self, method: str, url: str, token: Secret | None, members: Mapping[str, Any] | None = None) -> Exchange:
        """A request of RFC 7592 with any token and any members.

        It is never repeated, whatever its method: Curity replaces the secret and the token with each read and update,
        and a deletion voids the token.
        """
        headers, body = _bearer(token), b""
        if members is not None:
            headers["content-type"] = "application/json"
            body = json.dumps(members).encode()
        return self.http.send(method, url, headers=headers, body=body, repeatable=False)

    def read(self, registration: ClientRegistration) -> Exchange:
        """RFC 7592 2.1. At Curity it rotates the client's secret and the registration access token."""
        return self.manage("GET", registration.registration_client_uri, registration.registration_access_token)

    def update(self, registration: ClientRegistration, client: Mapping[str, Any]) -> Exchange:
        """RFC 7592 2.2. At Curity it rotates both, as a read does."""
        members = {"client_id": registration.client_id, **client}
        token = registration.registration_access_token
        return self.manage("PUT", registration.registration_client_uri, token, members)

    def delete(self, registration: ClientRegistration) -> Exchange:
        """RFC 7592 2.3."""
        return self.manage("DELETE", registration.registration_client_uri, registration.registration_access_token)

    def configuration(self, path: str, *, authenticated: bool = True) -> Exchange:
        """A part of Curity's committed configuration, read over RESTCONF; `path` is below `/data/`, and encoded."""
        if self.admin is None:
            raise ValueError("no admin access to Curity")
        headers = {"accept": "application/yang-data+json"}
        if authenticated:
            headers["authorization"] = f"Basic {basic(self.admin.username, self.admin.password.reveal())}"
        return self.http.send("GET", f"{self.admin.url}/data/{path}", headers=headers)


def _pairs(form: Form) -> list[tuple[str, str]]:
    return list(form.items() if isinstance(form, Mapping) else form)


def error_code(exchange: Exchange) -> str:
    """The status and the `error` of an OAuth error answer (RFC 6749 5.2): `400 invalid_scope`."""
    content = exchange.members()
    if not content:
        return f"{exchange.status}, {exchange.shape}"
    code = content.get("error")
    return f"{exchange.status} {quoted(code)}" if code else str(exchange.status)


def told(exchange: Exchange) -> str:
    """The same with the server's `error_description`, for a failure."""
    description = exchange.members().get("error_description")
    return f"{error_code(exchange)} ({quoted(description)})" if description else error_code(exchange)


def refused(exchange: Exchange) -> bool:
    """Whether a request that needs a token was not done: by whatever error, or with a redirect to a page for signing in."""
    return 300 <= exchange.status < 500


ERROR_CODE = re.compile(r"[a-z]+(_[a-z]+)+")
"""What the codes of RFC 6749 5.2 and its kin look like, such as server_error: no words that a framework or a proxy says."""
PAGES = frozenset({"text/html", "application/xhtml+xml"})
ANSWERED_BY_STATUS = frozenset({400, 401, 404, 405, 409, 410, 411, 413, 415, 422})
"""Errors that the RFCs know by their status: whatever page stands beside them, it is a server's own framework."""
OF_A_FRAMEWORK = re.compile(
    r"Whitelabel Error Page|have the permission to access the requested resource|<h1>\d{3} [A-Za-z ]{1,40}</h1><p>"
)
"""Words of the pages that Spring, Flask and Django have for every error: none of a firewall or a proxy."""


def recognises(exchange: Exchange) -> bool:
    """Whether the answer can be an authorization server's: a page with 200, 403 or a failure is a firewall's or a proxy's.

    An empty body says nothing of its sender, whatever its type, and JSON is JSON. Of the 5xx it is a 500 with an error code
    of OAuth's form, as Curity answers where its data source fails, and others for a request that they cannot take; any
    other may be said by something in front of it.
    """
    if exchange.status >= 500:
        return exchange.status == 500 and bool(ERROR_CODE.fullmatch(str(exchange.members().get("error"))))
    if exchange.broken:
        return False
    if exchange.method == "DELETE" and exchange.status < 300:
        return True  # the status says that it is done, or accepted (RFC 9110 9.3.5): the body is for people
    if not exchange.body or exchange.status in ANSWERED_BY_STATUS or exchange.is_json:
        return True
    if exchange.status >= 400 and _of_a_framework(exchange.text[:LONGEST_PAGE], exchange.status):
        return True
    return exchange.media_type not in PAGES and exchange.media_type != "text/plain"


def _of_a_framework(text: str, status: int) -> bool:
    """Whether the text is one that a server's framework has for that status, such as its name in HTTP."""
    return text.strip().rstrip(".") == http.client.responses.get(status) or bool(OF_A_FRAMEWORK.search(text))


LONGEST_PAGE = 5000


def _bearer(token: Secret | None) -> dict[str, str]:
    return {} if token is None else {"authorization": f"Bearer {token.reveal()}"}
