"""The HTTP side of Curity: the meaning of each request, and the form of each answer.

Paths are configuration. A node serves the endpoints of its service role and answers 404 to all else, `/` included
(github.com/curityio/nginx_phantom_token_module waits for that 404). A 404 or 405 is not JSON.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from dcrproof.mocks.curity.clients import AnyClient
from dcrproof.mocks.curity.configuration import Configuration
from dcrproof.mocks.curity.errors import OAuthRefusal
from dcrproof.mocks.curity.restconf import PROFILE_ID, ROOT, Restconf
from dcrproof.mocks.curity.state import REGISTRATION, Curity
from dcrproof.mocks.messages import Calls, Handler, Pairs, Request, Response, Routes, json_response, read_json

# What is not 400. RFC 6749 5.2, RFC 6750 3.1; access_denied (introspection without the capability) is inferred.
STATUS = {
    "invalid_client": 401,
    "invalid_token": 401,
    "insufficient_scope": 403,
    "access_denied": 403,
    "server_error": 500,
}

NO_STORE: Pairs = (("cache-control", "no-store"), ("pragma", "no-cache"))

ONCE = frozenset({"grant_type", "scope", "client_id", "client_secret", "token", "token_type_hint"})
"""Parameters that must not be repeated: RFC 6749 3.2."""


def bearer_token(request: Request) -> str | None:
    """The token of a well-formed `Authorization: Bearer`, else None."""
    scheme, _, value = (request.header("authorization") or "").partition(" ")
    value = value.strip(" ")
    return value if scheme.lower() == "bearer" and value and value.split() == [value] else None


def basic_credentials(authorization: str) -> tuple[str, str]:
    """Client id and secret of `Authorization: Basic`, still form-encoded: RFC 7617. Raises OAuthRefusal."""
    scheme, _, value = authorization.partition(" ")
    try:
        pair = base64.b64decode(value.strip(" "), validate=True).decode()
    except (binascii.Error, ValueError):
        pair = ""
    client_id, colon, secret = pair.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise OAuthRefusal("invalid_client", "The Authorization header holds no Basic credentials.")
    return client_id, secret


def json_value(body: bytes) -> object:
    """The body as JSON; None if it is not JSON."""
    try:
        return read_json(body)
    except ValueError:
        return None


def form_parameters(request: Request) -> dict[str, str]:
    """The parameters of the form; those without a value count as left out (RFC 6749 3.2). Raises OAuthRefusal."""
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        return {}
    form: dict[str, str] = {}
    for name, value in request.form:
        if name in form and name in ONCE:
            raise OAuthRefusal("invalid_request", f"The parameter {name} is repeated.")
        if value:
            form[name] = value
    return form


class CurityNodes:
    """All nodes of a Curity behind one address, a node for each service role: they take turns.

    An endpoint that some of them lack is not found every so often (curity.io/resources/learn/endpoints).
    """

    def __init__(self, curity: Curity) -> None:
        self.curity = curity
        self._nodes: dict[str, CurityHttp] = {}
        self._turn = 0

    def handle(self, request: Request) -> Response | Calls:
        roles = self.curity.configuration.service_roles
        role = roles[self._turn % len(roles)].id if roles else ""
        self._turn += 1
        if role not in self._nodes:
            self._nodes[role] = CurityHttp(self.curity, role)
        return self._nodes[role].handle(request)


class CurityHttp:
    """One node of a Curity, of that service role: `handle` answers each request. RESTCONF is served beside it."""

    def __init__(self, curity: Curity, service_role: str = "default") -> None:
        self.curity = curity
        self.service_role = service_role
        self.restconf = Restconf(curity)
        self._built_for: Configuration | None = None
        self._routes: Routes[Handler] = Routes(())

    def handle(self, request: Request) -> Response | Calls:
        if request.path == ROOT or request.path.startswith(ROOT + "/"):
            return self.restconf.handle(request)
        if self.curity.configuration is not self._built_for:
            self._routes = Routes(self._table(self.curity.configuration))
            self._built_for = self.curity.configuration
        found = self._routes.find(request.method, request.path)
        if isinstance(found, frozenset):
            return _not_allowed(found) if found else _not_found()
        handler, arguments = found
        try:
            return handler(request, **arguments)
        except OAuthRefusal as refused:
            return self._refusal(request, refused)

    def _table(self, configuration: Configuration) -> tuple[tuple[str, str, Handler], ...]:
        """The handlers of the node's endpoints, as configured."""
        oidc, rfc8414 = configuration.openid_connect_expose_metadata, configuration.expose_metadata
        managed = configuration.client_management is not None
        # Kind of endpoint, method, path (`{uri}` is the endpoint's own), handler, whether that is on.
        rows: tuple[tuple[str, str, str, Handler, bool], ...] = (
            ("oauth-anonymous", "GET", "{uri}/.well-known/openid-configuration", self.metadata, oidc),
            ("oauth-anonymous", "GET", "/.well-known/oauth-authorization-server{uri}", self.metadata, rfc8414),
            ("oauth-anonymous", "GET", "{uri}/jwks", self.jwks, True),
            ("oauth-token", "POST", "{uri}", self.token, True),
            ("oauth-introspect", "POST", "{uri}", self.introspect, True),
            ("oauth-revoke", "POST", "{uri}", self.revoke, True),
            ("oauth-userinfo", "GET", "{uri}", self.userinfo, True),
            ("oauth-userinfo", "POST", "{uri}", self.userinfo, True),
            (REGISTRATION, "POST", "{uri}", self.register, True),
            (REGISTRATION, "GET", "{uri}/{client_id}", self.read, managed),
            (REGISTRATION, "PUT", "{uri}/{client_id}", self.update, managed),
            (REGISTRATION, "DELETE", "{uri}/{client_id}", self.delete, managed),
            ("oauth-authorize", "GET", "{uri}", self.user_flow, True),
            ("oauth-authorize", "POST", "{uri}", self.user_flow, True),
            ("oauth-authorize", "POST", "{uri}/par", self.user_flow, True),
            ("oauth-session", "GET", "{uri}/logout", self.user_flow, True),
            ("oauth-assisted-token", "GET", "{uri}", self.user_flow, True),
            ("oauth-assisted-token", "POST", "{uri}", self.user_flow, True),
        )
        return tuple(
            (method, path.replace("{uri}", endpoint.uri), handler)
            for endpoint in configuration.deployed(self.service_role)
            for kind, method, path, handler, on in rows
            if on and kind == endpoint.kind
        )

    # Metadata

    def metadata(self, _: Request) -> Response:
        age = self.curity.configuration.metadata_cache_duration
        return json_response(200, self.curity.metadata(), (("cache-control", f"max-age={age}"),))

    def jwks(self, _: Request) -> Response:
        return json_response(200, self.curity.jwks())

    # Tokens

    def token(self, request: Request) -> Response:
        form = form_parameters(request)
        client = self._authenticated(request, form)
        return json_response(200, self.curity.grant(client, form.get("grant_type"), form.get("scope")), NO_STORE)

    def introspect(self, request: Request) -> Response:
        """Claims as JSON; or, with `Accept: application/jwt`, the JWT behind the token (learn/introspect-with-phantom-
        token). 204 for an inactive token in the second case is inferred.
        """
        client, value = self._about_token(request)
        token = self.curity.introspect(client, value)
        if not _accepts_jwt(request):
            active = {"active": False} if token is None else {"active": True, **token.claims}
            return json_response(200, active, NO_STORE)
        if token is None:
            return Response(204, NO_STORE)
        age = max(0, int(token.expires - self.curity.clock.now()))
        headers = (("content-type", "application/jwt"), ("cache-control", f"max-age={age}"))
        return Response(200, headers, self.curity.sign(token.claims).encode())

    def revoke(self, request: Request) -> Response:
        """The hint is ignored: learn/oauth-revoke."""
        self.curity.revoke(*self._about_token(request))
        return Response(200, NO_STORE)

    def userinfo(self, request: Request) -> Response:
        """JSON, or a JWT where the client has an issuer for it."""
        known = self.curity.userinfo(bearer_token(request))
        if isinstance(known, str):
            return Response(200, (("content-type", "application/jwt"), *NO_STORE), known.encode())
        return json_response(200, known, NO_STORE)

    def user_flow(self, _: Request) -> Response:
        """Flows with a user: no client of this profile has one (the form of the refusal is inferred)."""
        raise OAuthRefusal("unauthorized_client", "The client lacks the capability.")

    # Registration

    def register(self, request: Request) -> Response:
        endpoint = self.curity.base_url + request.path
        members = self.curity.register(bearer_token(request), json_value(request.body), endpoint)
        return json_response(201, members, NO_STORE)

    def read(self, request: Request, client_id: str) -> Response:
        return json_response(200, self.curity.read(client_id, bearer_token(request)), NO_STORE)

    def update(self, request: Request, client_id: str) -> Response:
        members = self.curity.update(client_id, bearer_token(request), json_value(request.body))
        return json_response(200, members, NO_STORE)

    def delete(self, request: Request, client_id: str) -> Response:
        self.curity.delete(client_id, bearer_token(request))
        return Response(204, NO_STORE)

    # What they share

    def _authenticated(self, request: Request, form: Mapping[str, str]) -> AnyClient:
        """The client that the request authenticates, by one method and not by two: RFC 6749 2.3. Raises OAuthRefusal."""
        authorization = request.header("authorization")
        if authorization is None:
            return self.curity.authenticate(form.get("client_id", ""), form.get("client_secret"))
        client_id, secret = self.curity.form_decoded(basic_credentials(authorization))
        if "client_secret" in form or form.get("client_id", client_id) != client_id:
            raise OAuthRefusal("invalid_request", "The client authenticates in more than one way.")
        return self.curity.authenticate(client_id, secret)

    def _about_token(self, request: Request) -> tuple[AnyClient, str]:
        form = form_parameters(request)
        client = self._authenticated(request, form)
        if "token" not in form:
            raise OAuthRefusal("invalid_request", "The parameter token is missing.")
        return client, form["token"]

    def _refusal(self, request: Request, refused: OAuthRefusal) -> Response:
        """The description is shown only where the profile exposes detailed error messages, which it does not by
        default: learn/oauth-troubleshooting-developers.
        """
        body: dict[str, Any] = {"error": refused.error}
        if self.curity.configuration.expose_detailed_error_messages:
            body["error_description"] = refused.description
        headers = NO_STORE
        if refused.error in {"invalid_token", "insufficient_scope"}:
            # A request without a token gets no error code: RFC 6750 3.1.
            error = f' error="{refused.error}"' if bearer_token(request) else ""
            headers += (("www-authenticate", f"Bearer{error}"),)
        elif refused.error == "invalid_client" and request.header("authorization") is not None:
            headers += (("www-authenticate", f'Basic realm="{PROFILE_ID}"'),)
        return json_response(STATUS.get(refused.error, 400), body, headers)


def _accepts_jwt(request: Request) -> bool:
    accept = request.header("accept") or ""
    return any(one.partition(";")[0].strip().lower() == "application/jwt" for one in accept.split(","))


def _not_found() -> Response:
    return Response(404, (("content-type", "text/html;charset=utf-8"),), b"<html><body>Not Found</body></html>")


def _not_allowed(allowed: frozenset[str]) -> Response:
    headers = (("content-type", "text/html;charset=utf-8"), ("allow", ", ".join(sorted(allowed))))
    return Response(405, headers, b"<html><body>Method Not Allowed</body></html>")
