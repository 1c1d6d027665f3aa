"""An authorization server with RFC 7591 and 7592 in a thread of this process, in any number of variants.

Each issuer has a path of its own and one `Quirk`: what it does differently, as data. Without a quirk it is an ordinary
server that is not Curity: ES256, secrets that a read shows, `azp` and `client_id` beside `sub`. It is a third reading of
the protocol, so it shares no code with dcrproof.
"""

import base64
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

WELL_KNOWN = "/.well-known/openid-configuration"
REGISTRAR, SCOPE = "registrar-of-the-quirky", "dcr"
REGISTRAR_SECRET = "Quirky-registrar-secret-7fGq2"
INITIAL_TOKEN = "Quirky-initial-token-Zt81kPq0"
LIFETIME = 300

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A request; header names are in lower case, `path` is below the issuer."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: str = ""

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def json(self) -> Json:
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def bearer(self) -> str:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else ""

    @property
    def method_of_the_client(self) -> str:
        if self.headers.get("authorization", "").lower().startswith("basic "):
            return "client_secret_basic"
        return "client_secret_post" if "client_secret" in self.form else "none"

    @property
    def client(self) -> tuple[str, str]:
        """Id and secret, by whichever method they came (RFC 6749 2.3.1)."""
        if self.method_of_the_client == "client_secret_basic":
            try:
                pair = base64.b64decode(self.headers["authorization"][6:], validate=True).decode()
            except ValueError:
                return "", ""
            identifier, _, secret = pair.partition(":")
            return unquote_plus(identifier), unquote_plus(secret)
        return self.form.get("client_id", ""), self.form.get("client_secret", "")


@dataclass(frozen=True)
class Answer:
    """`content` is sent as JSON, as it is where it is a text or octets, and not at all where it is None."""

    status: int = 200
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        if self.content is None or isinstance(self.content, bytes):
            return self.content or b""
        return self.content.encode() if isinstance(self.content, str) else json.dumps(self.content).encode()


Change = Callable[[Answer], Answer]
Refuse = Callable[[Asked], Answer | None]


@dataclass(frozen=True)
class Quirk:
    """What one issuer does differently from an ordinary one.

    `answers` change the usual answer of an endpoint: discovery, jwks, token, register, read, update, delete, introspect,
    revoke. `refuses` judge a request there before anything else does. In `claims`, `header` and the like a value of None
    leaves a member out, and one that can be called is called with the others.
    """

    algorithm: str = "ES256"
    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    token: Callable[[str], str] = lambda text: text
    """What the server does with a signed token."""
    keys: Callable[[list[Json]], list[Any]] = lambda keys: keys
    metadata: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, Change] = field(default_factory=dict)
    refuses: Mapping[str, Refuse] = field(default_factory=dict)
    methods: tuple[str, ...] = ("client_secret_basic", "client_secret_post")
    """Methods of client authentication of the token endpoint; a registered client may use its own alone."""
    registered_method: str | None = None
    """The method that clients are registered with, whatever they ask for."""
    client_id: Callable[[str], str] = lambda text: text
    once: bool = False
    """Whether the initial access token of the profile works once."""
    opaque: bool = False
    """Whether the client id is no part of registration_client_uri."""
    by_query: bool = False
    """Whether registration_client_uri has the client id in its query."""
    host: str = "127.0.0.1"


def members(**changed: Any) -> Change:
    """Members of a JSON answer that differ; None leaves one out."""
    return lambda answer: replace(answer, content=changed_by(answer.content or {}, changed))


def without(*names: str) -> Change:
    return members(**dict.fromkeys(names))


def typed(media_type: str) -> Change:
    return lambda answer: replace(answer, headers={**answer.headers, "content-type": media_type})


def kept_for(seconds: int) -> Change:
    """As from a cache that has had the answer for so long (RFC 9111 5.1)."""

    def keep(answer: Answer) -> Answer:
        aged = {"Date": formatdate(time.time() - seconds, usegmt=True), "Age": str(seconds)}
        return replace(answer, headers={**answer.headers, **aged})

    return keep


def becomes(status: int, content: Any = None, media_type: str | None = None) -> Change:
    return lambda _: Answer(status, content, {"content-type": media_type} if media_type else {})


def status(number: int) -> Change:
    return lambda answer: replace(answer, status=number)


def errors(change: Change) -> Change:
    """The change, where the answer is an error."""
    return lambda answer: change(answer) if answer.status >= 400 else answer


def both(*changes: Change) -> Change:
    def change(answer: Answer) -> Answer:
        for one in changes:
            answer = one(answer)
        return answer

    return change


def changed_by(usual: Mapping[str, Any], changed: Mapping[str, Any]) -> Json:
    found = {**usual, **{name: value(usual) if callable(value) else value for name, value in changed.items()}}
    return {name: value for name, value in found.items() if value is not None}


def error(number: int, code: str, description: str = "") -> Answer:
    """An error of RFC 6749 5.2, 6750 3.1 or 7591 3.2.2."""
    scheme = {"invalid_client": 'Basic realm="quirky"', "invalid_token": 'Bearer error="invalid_token"'}.get(code)
    headers = {"www-authenticate": scheme} if scheme and number == 401 else {}
    return Answer(number, {"error": code} | ({"error_description": description} if description else {}), headers)


@cache
def key_of(algorithm: str, number: int, /) -> Any:
    """A private key, made once in a process. `number` tells one from another."""
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm.startswith("ES"):
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(algorithm: str, kid: str | None = "key-1", number: int = 0, **other: Any) -> Json:
    """The public part of a key."""
    found = jwt.get_algorithm_by_name(algorithm).to_jwk(key_of(algorithm, number).public_key(), as_dict=True)
    return {
        name: value for name, value in {**found, "kid": kid, "use": "sig", "alg": algorithm, **other}.items() if value
    }


@dataclass
class Issuer:
    """One issuer, with the clients that it has registered and not deleted, and all that it was asked."""

    url: str
    quirk: Quirk
    clients: dict[str, Json] = field(default_factory=dict)
    asked: list[tuple[str, Asked]] = field(default_factory=list, repr=False)
    _initial: set[str] = field(default_factory=lambda: {INITIAL_TOKEN}, repr=False)
    _managed: dict[str, str] = field(default_factory=dict, repr=False)
    """Client id by the last part of its registration_client_uri."""

    def answer(self, asked: Asked) -> Answer:
        endpoint, handler = self._endpoint(asked)
        self.asked.append((endpoint, asked))
        refuse = self.quirk.refuses.get(endpoint)
        answer = (refuse(asked) if refuse else None) or handler(asked)
        change = self.quirk.answers.get(endpoint)
        return change(answer) if change else answer

    def _endpoint(self, asked: Asked) -> tuple[str, Callable[[Asked], Answer]]:
        match asked.method, asked.path.strip("/").split("/"):
            case "GET", [".well-known", "openid-configuration"]:
                return "discovery", self._discovery
            case "GET", ["jwks"]:
                return "jwks", lambda _: Answer(200, {"keys": self.quirk.keys([jwk(self.quirk.algorithm)])})
            case "POST", ["token"]:
                return "token", self._token
            case "POST", ["register"]:
                return "register", self._register
            case "GET" | "PUT" | "DELETE", ["register", *_]:
                return {"GET": "read", "PUT": "update", "DELETE": "delete"}[asked.method], self._manage
            case "POST", ["introspect"]:
                return "introspect", self._introspect
            case "POST", ["revoke"]:
                return "revoke", lambda asked: Answer(200) if self._known(asked) else error(401, "invalid_client")
        return "", lambda _: Answer(404, {"error": "not_found"})

    def _discovery(self, _: Asked) -> Answer:
        endpoints = ("token", "introspection", "revocation")
        found = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "registration_endpoint": f"{self.url}/register",
            "authorization_endpoint": f"{self.url}/authorize",
            **{f"{name}_endpoint": f"{self.url}/{PATHS[name]}" for name in endpoints},
            "scopes_supported": ["openid", SCOPE],
            "response_types_supported": ["code"],
            "grant_types_supported": ["client_credentials", "authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": list(self.quirk.methods),
        }
        return Answer(200, changed_by(found, self.quirk.metadata))

    def _token(self, asked: Asked) -> Answer:
        client_id, secret = asked.client
        scope = asked.form.get("scope", "")
        if (client_id, secret) == (REGISTRAR, REGISTRAR_SECRET):
            if asked.method_of_the_client not in self.quirk.methods:
                return error(401, "invalid_client")
            granted = secrets.token_urlsafe(24)
            if SCOPE in scope.split():
                self._initial.add(granted)
            return Answer(200, self._granted(granted, scope))
        client = self._known(asked)
        if client is None:
            return error(401, "invalid_client")
        if asked.form.get("grant_type") != "client_credentials":
            return error(400, "unsupported_grant_type" if asked.form.get("grant_type") else "invalid_request")
        if "client_credentials" not in client["grant_types"]:
            return error(400, "unauthorized_client")
        return Answer(200, self._granted(self.signed(client_id, scope), scope))

    def _granted(self, token: str, scope: str) -> Json:
        return {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME, "scope": scope}

    def signed(self, client_id: str, scope: str = "") -> str:
        """An access token of that client."""
        now = int(time.time())
        names = {"sub": client_id, "client_id": client_id, "azp": client_id, "aud": "urn:quirky:api", "scope": scope}
        times = {"iat": now, "nbf": now, "exp": now + LIFETIME}
        claims = changed_by({"iss": self.url, **names, **times, "jti": secrets.token_hex(8)}, self.quirk.claims)
        header = changed_by({"alg": self.quirk.algorithm, "kid": "key-1", "typ": "at+jwt"}, self.quirk.header)
        head = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
        signature = jwt.get_algorithm_by_name(self.quirk.algorithm).sign(head.encode(), key_of(self.quirk.algorithm, 0))
        return self.quirk.token(f"{head}.{encoded(signature)}")

    def _known(self, asked: Asked) -> Json | None:
        """The client that has authenticated, by the method that it is registered with."""
        client_id, secret = asked.client
        client = self.clients.get(client_id)
        if client is None or not secret or secret != client["client_secret"]:
            return None
        return client if asked.method_of_the_client == client["token_endpoint_auth_method"] else None

    def _register(self, asked: Asked) -> Answer:
        if asked.bearer not in self._initial:
            return error(401, "invalid_token")
        if asked.bearer != INITIAL_TOKEN or self.quirk.once:
            self._initial.discard(asked.bearer)
        if not asked.json or not isinstance(asked.json.get("grant_types", []), list):
            return error(400, "invalid_client_metadata")
        client_id = self.quirk.client_id(secrets.token_hex(8))
        handle = secrets.token_hex(8) if self.quirk.opaque else client_id
        self._managed[handle] = client_id
        given = {"grant_types": ["authorization_code"], "token_endpoint_auth_method": "client_secret_basic"}
        self.clients[client_id] = {
            **given,
            **asked.json,
            **({"token_endpoint_auth_method": self.quirk.registered_method} if self.quirk.registered_method else {}),
            "client_id": client_id,
            "client_secret": secrets.token_urlsafe(24),
            "client_secret_expires_at": 0,
            "registration_client_uri": f"{self.url}/register{'?client_id=' if self.quirk.by_query else '/'}{handle}",
            "registration_access_token": secrets.token_urlsafe(24),
        }
        return Answer(201, self.clients[client_id])

    def _manage(self, asked: Asked) -> Answer:
        handle = dict(parse_qsl(asked.query)).get("client_id") or unquote_plus(asked.path.rpartition("/")[2])
        client = self.clients.get(self._managed.get(handle, ""))
        if client is None or asked.bearer != client["registration_access_token"]:
            return error(401, "invalid_token")
        if asked.method == "DELETE":
            del self.clients[client["client_id"]]
            return Answer(204)
        if asked.method == "PUT":
            if asked.json.get("client_id") != client["client_id"]:
                return error(400, "invalid_client_metadata")
            kept = ("client_id", "client_secret", "registration_client_uri", "registration_access_token")
            client.update({name: value for name, value in asked.json.items() if name not in kept})
        return Answer(200, dict(client))

    def _introspect(self, asked: Asked) -> Answer:
        if self._known(asked) is None:
            return error(401, "invalid_client")
        try:
            found = jwt.decode(
                asked.form.get("token", ""),
                key_of(self.quirk.algorithm, 0).public_key(),
                algorithms=[self.quirk.algorithm],
                options={"verify_aud": False},
            )
        except jwt.PyJWTError:
            return Answer(200, {"active": False})
        return Answer(200, {"active": found.get("client_id") in self.clients, **found})


PATHS = {"token": "token", "introspection": "introspect", "revocation": "revoke"}


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Servers:
    """The server behind all issuers, on 127.0.0.1 and, where this machine has it, on ::1."""

    def __init__(self) -> None:
        self.issuers: dict[str, Issuer] = {}
        issuers = self.issuers

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                path, query = urlsplit(self.path).path, urlsplit(self.path).query
                _, name, *_ = path.split("/", 2)
                headers = {key.lower(): value for key, value in self.headers.items()}
                asked = Asked(self.command, path.removeprefix(f"/{name}"), headers, body, query)
                found = issuers[name].answer(asked) if name in issuers else Answer(404)
                sent = {"Date": formatdate(usegmt=True), "content-type": "application/json", **found.headers}
                self.send_response_only(found.status)
                for key, value in sent.items():
                    if key != "content-type" or found.body or key in found.headers:
                        self.send_header(key, value)
                if found.status != 204:
                    self.send_header("content-length", str(len(found.body)))
                self.end_headers()
                self.wfile.write(found.body)
                self.wfile.flush()

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names that http.server asks for

            def log_message(self, format: str, *arguments: Any) -> None:
                """Nothing is printed: `asked` has it all."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: Any) -> None:
                """The caller has gone."""

        class Server6(Server):
            address_family = socket.AF_INET6

        self._servers = [Server(("127.0.0.1", 0), Handler)]
        self.port = self._servers[0].server_address[1]
        if socket.has_ipv6:
            with suppress(OSError):
                self._servers.append(Server6(("::1", self.port), Handler))
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def issuer(self, name: str, quirk: Quirk) -> Issuer:
        """A new issuer; `name` is its path."""
        self.issuers[name] = Issuer(f"http://{quirk.host}:{self.port}/{name}", quirk)
        return self.issuers[name]

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


@contextmanager
def servers() -> Iterator[Servers]:
    found = Servers()
    try:
        yield found
    finally:
        found.close()
