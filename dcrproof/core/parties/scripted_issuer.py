"""An authorization server on the loopback address that answers as a check tells it to.

A healthy authorization server does not show what a gateway does with an odd token, or an odd answer. A gateway on this
machine can be configured to trust this one instead: it makes tokens with any claims, and records its requests.
"""

import base64
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

WELL_KNOWN = "/.well-known/openid-configuration"
ALGORITHM = "ES256"
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "ES512")
"""Those that a gateway accepts; `new_key` also makes keys for `EdDSA`."""
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}


@dataclass(frozen=True)
class Received:
    """A request as it was received; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def basic(self) -> tuple[str, str] | None:
        """Id and secret of the Authorization header, without form-decoding; None without such a header."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        identifier, _, secret = base64.b64decode(value).decode("utf-8", "replace").partition(":")
        return identifier, secret

    @property
    def client(self) -> tuple[str, str]:
        """Id and secret, by either method (RFC 6749 2.3.1); empty texts where there are none."""
        if self.basic:
            return unquote_plus(self.basic[0]), unquote_plus(self.basic[1])
        return self.form.get("client_id", ""), self.form.get("client_secret", "")


@dataclass(frozen=True)
class Answer:
    """`content` is sent as JSON unless it is a text or None. `delay` is in seconds; `drop` closes without an answer."""

    status: int = 200
    content: Any = None
    media_type: str = "application/json"
    delay: float = 0.0
    drop: bool = False

    @property
    def body(self) -> bytes:
        if self.content is None:
            return b""
        return self.content.encode() if isinstance(self.content, str) else json.dumps(self.content).encode()


@dataclass
class ScriptedIssuer:
    """One issuer. A check sets what it needs before, or while, the gateway asks.

    `document` has members of the discovery document that differ; None leaves one out. `claims` are added to each token.
    `answers`, by endpoint (discovery, jwks, token, introspect, userinfo), replace the usual answer; `down` drops every
    request. `now` returns the time in seconds since the epoch.
    """

    url: str
    now: Callable[[], float]
    document: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    lifetime: int = 300
    members: dict[str, Any] = field(default_factory=dict)
    """Members of the token response that differ; None leaves one out."""
    answers: dict[str, Answer] = field(default_factory=dict)
    down: bool = False
    gathers: threading.Barrier | None = None
    """Delays each token response until that many requests have come, or the barrier times out."""
    kid: str = "scripted-1"
    received: list[tuple[str, Received]] = field(default_factory=list, repr=False)
    _keys: dict[str, tuple[Any, str]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.rotate(self.kid)

    def rotate(self, kid: str, algorithm: str = ALGORITHM) -> None:
        """Signs with a new key from now on, and publishes it under this key id, together with the others."""
        self._keys[kid] = (new_key(algorithm), algorithm)
        self.kid = kid

    def asked(self, endpoint: str) -> list[Received]:
        """The requests to that endpoint."""
        return [request for name, request in self.received if name == endpoint]

    def token(self, client_id: str, header: Mapping[str, Any] | None = None, /, **claims: Any) -> str:
        """An access token of that client. A claim or a header of None is left out."""
        now = int(self.now())
        content = {"iss": self.url, "sub": client_id, "aud": "scripted", "iat": now, "nbf": now}
        content |= {"exp": now + self.lifetime, **self.claims, **claims}
        key, algorithm = self._keys[self.kid]
        return signed(_given(content), _given({"kid": self.kid, "alg": algorithm, **(header or {})}), key)

    def respond(self, endpoint: str, request: Received) -> Answer:
        self.received.append((endpoint, request))
        if self.down:
            return Answer(drop=True)
        if endpoint in self.answers:
            return self.answers[endpoint]
        match endpoint:
            case "discovery":
                return Answer(content=_given(self._metadata() | self.document))
            case "jwks":
                return Answer(content={"keys": [public(key, kid, alg) for kid, (key, alg) in self._keys.items()]})
            case "token":
                if self.gathers is not None:
                    with suppress(threading.BrokenBarrierError):
                        self.gathers.wait()
                # accepts any secret
                members = {
                    "access_token": self.token(request.client[0] or request.form.get("username", "")),
                    "token_type": "bearer",
                    "expires_in": self.lifetime,
                }
                return Answer(content=_given(members | self.members))
            case _:
                return Answer(404, {"error": "not found"})

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "token_endpoint": f"{self.url}/token",
            "authorization_endpoint": f"{self.url}/authorize",
            "introspection_endpoint": f"{self.url}/introspect",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }


class ScriptedIssuers:
    """A server in a thread, with any number of issuers, each below its own path.

    With `secure` it speaks TLS, with an untrusted certificate.
    """

    def __init__(self, now: Callable[[], float] = time.time, *, secure: bool = False) -> None:
        self._now = now
        self._issuers: dict[str, ScriptedIssuer] = {}
        issuers = self._issuers

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # a gateway keeps its connection, as it does to others
            wbufsize = -1  # head and body are one packet

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:  # the caller has closed the connection
                    self.close_connection = True

            def _any(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Received(self.command, self.path, headers, self.rfile.read(length))
                _, name, rest = urlsplit(self.path).path.split("/", 2)
                endpoint = "discovery" if f"/{rest}" == WELL_KNOWN else rest
                answer = issuers[name].respond(endpoint, request) if name in issuers else Answer(404)
                if answer.delay:
                    time.sleep(answer.delay)  # the answer is late on purpose, and each request has its own thread
                self.close_connection = self.close_connection or answer.drop
                if not answer.drop:
                    self.send_response(answer.status)
                    self.send_header("content-type", answer.media_type)
                    self.send_header("content-length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)

            do_GET = do_POST = _any  # noqa: N815 - the names that http.server asks for

            def log_message(self, format: str, *args: Any) -> None:
                """Prints nothing: `received` has every request."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Handler)
        if secure:
            self._server.socket = self_signed().wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._scheme = "https" if secure else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def issuer(self) -> ScriptedIssuer:
        """A new issuer, unknown to every gateway."""
        name = f"issuer-{len(self._issuers) + 1}"
        made = ScriptedIssuer(f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}/{name}", self._now)
        self._issuers[name] = made
        return made

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def new_key(algorithm: str = ALGORITHM) -> Any:
    """A private key for the algorithm. The default is elliptic, which is fast to make."""
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm])
    return _rsa_key()


@cache
def _rsa_key() -> rsa.RSAPrivateKey:
    """One for all, because it is slow to make."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(key: Any, kid: str, algorithm: str = ALGORITHM) -> dict[str, Any]:
    """The public key as a JWK."""
    jwk: dict[str, Any] = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key()))
    return {**jwk, "kid": kid, "use": "sig", "alg": algorithm}


def signed(claims: Mapping[str, Any], header: Mapping[str, Any], key: Any) -> str:
    """A JWT with any claims and any header, signed as its `alg` says; assembled by hand, because PyJWT refuses odd ones."""
    parts = ({"alg": ALGORITHM, **header}, claims)
    head = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    return f"{head}.{_encoded(jwt.get_algorithm_by_name(parts[0]['alg']).sign(head.encode(), key))}"


@cache
def self_signed() -> ssl.SSLContext:
    """A server's TLS context with a self-signed certificate for 127.0.0.1."""
    key = new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dcrproof scripted issuer")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "issuer.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context.load_cert_chain(path)
    return context


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
