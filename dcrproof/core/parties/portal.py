"""The client of the Dev Portal's developer-facing API (Portal API v3)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from dcrproof.core.http.exchange import Exchange
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.http.segments import segment
from dcrproof.core.parties.creation import create_once
from dcrproof.core.parties.konnect import listed
from dcrproof.core.secrets.secret import Secret

COOKIE = "portalaccesstoken"


@dataclass(frozen=True)
class PortalClient:
    """`cookie` is the developer's session; some requests need none."""

    http: PartyConnection
    url: str
    cookie: Secret | None = None

    API: ClassVar[str] = "/api/v3"
    RENEW: ClassVar[str] = "regenerate-secret"
    """The last part of the path at which an application gets a new secret."""
    REGISTERED_FOR: ClassVar[str] = "api_id"
    """The member of a registration that names what the application is registered for."""

    def __repr__(self) -> str:
        return f"<portal {self.url}>"

    def get(self, path: str) -> Exchange:
        return self._send("GET", path)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Exchange:
        return self._send("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Exchange:
        return self._send("PATCH", path, body)

    def delete(self, path: str) -> Exchange:
        """Not retried: after a first deletion that was done, a second one is answered with 404."""
        return self._send("DELETE", path, repeatable=False)

    def authenticate(self, email: str, password: Secret) -> Exchange:
        """May be repeated: a second session does no harm."""
        body = {"username": email, "password": password.reveal()}
        return self._send("POST", "/developer/authenticate", body, repeatable=True)

    def create_application(self, body: Mapping[str, Any]) -> Exchange:
        """Creates an application; a second request is sent only after a look whether the first worked.

        Only the answer shows the secret. An application whose answer was lost is found by its name, deleted, and created
        again.
        """
        send = partial(self.post, "/applications", body)
        made = create_once(
            self.http, f"{self.API}/applications", send, partial(self.application_named, str(body.get("name")))
        )
        if isinstance(made, Exchange):
            return made
        exchange = self.delete(f"/applications/{segment(str(made.get('id')))}")
        return send() if exchange.status in {204, 404} else exchange

    def application_named(self, name: str) -> Mapping[str, Any] | None:
        """The developer's own application of that name, or None."""
        return next((item for item in listed(self.get, "/applications") if item.get("name") == name), None)

    def credentials(self, created: Mapping[str, Any]) -> Mapping[str, Any]:
        """The part of the answer to a new application that has its client id and secret."""
        return created

    def regenerate_secret(self, application_id: str) -> Exchange:
        return self.post(f"/applications/{segment(application_id)}/{self.RENEW}")

    def register(self, application_id: str, wanted: str) -> Exchange:
        """Registers an application for an API (classic: for a version of a product)."""
        return self.post(f"/applications/{segment(application_id)}/registrations", {self.REGISTERED_FOR: wanted})

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, repeatable: bool | None = None
    ) -> Exchange:
        headers = {}
        content = b""
        if self.cookie is not None:
            # sent by hand: the cookie is Secure and bound to the portal's domain, and another address may be dialled
            headers["cookie"] = f"{COOKIE}={self.cookie.reveal()}"
        if body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(body).encode()
        url = f"{self.url}{self.API}{path}"
        return self.http.send(method, url, headers=headers, body=content, repeatable=repeatable)


def session_of(exchange: Exchange) -> str | None:
    """The value of the session cookie that an answer sets, or None."""
    for cookie in exchange.headers_named("set-cookie"):
        name, _, value = cookie.partition(";")[0].partition("=")
        if name.strip() == COOKIE and value:
            return value
    return None
