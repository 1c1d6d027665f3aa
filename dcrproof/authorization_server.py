"""The client of the authorization server: Curity, or any OpenID provider with RFC 7591 registration.

Each method sends one request and returns the exchange as it was; what it means is judged elsewhere.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from dcrproof.http import Line
from dcrproof.profile import Admin
from dcrproof.secret import Secret, basic
from dcrproof.transcript import Exchange
from dcrproof.verdict import Outcome

WELL_KNOWN = "/.well-known/openid-configuration"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Metadata:
    """The provider metadata of OpenID Connect Discovery 1.0 section 3, as far as the flow uses it."""

    members: Mapping[str, Any]

    def endpoint(self, name: str) -> str:
        """The URL of that endpoint, or an empty text where the document names none."""
        value = self.members.get(name)
        return value if isinstance(value, str) else ""

    @property
    def issuer(self) -> str:
        return self.endpoint("issuer")


@dataclass(frozen=True)
class Registration:
    """A client as the registration endpoint returned it (RFC 7591 3.2.1, RFC 7592 3)."""

    client_id: str
    client_secret: Secret
    members: Mapping[str, Any]
    registration_client_uri: str
    registration_access_token: Secret | None


@dataclass(frozen=True)
class AuthorizationServer:
    line: Line
    issuer: str
    """As the profile gives it: without the well-known suffix, and without a slash at its end."""
    admin: Admin | None = None

    @property
    def discovery_url(self) -> str:
        return self.issuer + WELL_KNOWN

    def discovery(self) -> Exchange:
        return self.line.send("GET", self.discovery_url)

    def keys(self, metadata: Metadata) -> Exchange:
        return self.line.send("GET", metadata.endpoint("jwks_uri"))

    def token(self, metadata: Metadata, client_id: str, secret: Secret, scope: str | None = None) -> Exchange:
        """A client_credentials request (RFC 6749 4.4.2), authenticated by Basic with the encoding of 2.3.1."""
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope is not None else {})
        pair = basic(quote_plus(client_id), quote_plus(secret.reveal()))
        return self.line.send(
            "POST",
            metadata.endpoint("token_endpoint"),
            headers={**FORM, "authorization": f"Basic {pair}"},
            body=urlencode(form).encode(),
        )

    def register(self, metadata: Metadata, token: Secret | None, client: Mapping[str, Any]) -> Exchange:
        """A registration request (RFC 7591 3.1), with an initial access token or without one."""
        return self.line.send(
            "POST",
            metadata.endpoint("registration_endpoint"),
            headers={"content-type": "application/json", **_bearer(token)},
            body=json.dumps(client).encode(),
        )

    def read(self, registration: Registration) -> Exchange:
        """RFC 7592 2.1. At Curity it rotates the client's secret and the registration access token."""
        return self.line.send(
            "GET", registration.registration_client_uri, headers=_bearer(registration.registration_access_token)
        )

    def update(self, registration: Registration, client: Mapping[str, Any]) -> Exchange:
        """RFC 7592 2.2. At Curity it rotates both, as a read does."""
        return self.line.send(
            "PUT",
            registration.registration_client_uri,
            headers={"content-type": "application/json", **_bearer(registration.registration_access_token)},
            body=json.dumps({"client_id": registration.client_id, **client}).encode(),
        )

    def delete(self, registration: Registration) -> Exchange:
        """RFC 7592 2.3."""
        return self.line.send(
            "DELETE", registration.registration_client_uri, headers=_bearer(registration.registration_access_token)
        )

    def configuration(self, path: str) -> Exchange:
        """One committed part of Curity's configuration, read over RESTCONF; `path` below `/data/`."""
        if self.admin is None:
            raise ValueError("no admin access to Curity")
        pair = basic(self.admin.username, self.admin.password.reveal())
        return self.line.send(
            "GET",
            f"{self.admin.url}/data/{quote(path, safe='/=,:')}",
            headers={"authorization": f"Basic {pair}", "accept": "application/yang-data+json"},
        )


def error_code(exchange: Exchange) -> str:
    """The status of an OAuth error answer with its `error`: `400 invalid_scope`."""
    try:
        code = exchange.object().get("error")
    except Outcome:
        return f"{exchange.status}, {exchange.shape}"
    return f"{exchange.status} {code}" if code else str(exchange.status)


def _bearer(token: Secret | None) -> dict[str, str]:
    return {} if token is None else {"authorization": f"Bearer {token.reveal()}"}
