"""A small gateway that validates bearer JWTs, in a thread of this process, with any of its rules left out.

It answers in Envoy's words, or says nothing. It is a further reading of RFC 7515 to 7519, so it shares no code with dcrproof.
"""

import base64
import hashlib
import hmac
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Json = dict[str, Any]


class Refused(Exception):
    """Why a token is refused, in Envoy's words (github.com/google/jwt_verify_lib, `status.cc`), and with which status."""

    def __init__(self, words: str, status: int = 401) -> None:
        super().__init__(words)
        self.status = status


MISSING = Refused("Jwt is missing")
MALFORMED = Refused("Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections")
NO_KEY = Refused("Jwks doesn't have key to match kid or alg from Jwt")


@dataclass
class Gateway:
    """`without` names the rules that are left out, and the keys that are taken as secrets (`secrets_of`)."""

    issuer: str
    jwks_uri: str
    upstream: str
    audience: str | None = None
    without: frozenset[str] = frozenset()
    silent: bool = False
    leeway: float = 60.0
    ahead: float = 0.0
    """Seconds by which its clock is ahead."""
    dated: bool = True
    forwards: bool = True
    demands: str = ""
    """What it demands beside a valid token, in its words; it answers 403 then."""
    _keys: list[Json] | None = None
    _accepted: set[str] = field(default_factory=set)
    """What it remembers of accepted tokens, where it does."""

    # Keys

    def keys(self, *, again: bool = False) -> list[Json]:
        if self._keys is None or again:
            try:
                with urlopen(self.jwks_uri, timeout=5) as answer:  # noqa: S310 - http on this machine
                    self._keys = json.loads(answer.read())["keys"]
            except (OSError, ValueError, KeyError):
                raise Refused("Jwks remote fetch is failed") from None
        return self._keys

    def found(self, header: Json) -> list[Json]:
        """The keys that may have signed it: those of its kid, after another look where there is none."""
        if "own key" in self.without and (own := own_keys(header)):
            return own
        if "kid" in self.without:
            return self.keys()
        for again in (False, True):
            if again and "rotation" in self.without:
                break
            if named := [key for key in self.keys(again=again) if key.get("kid") == header.get("kid")]:
                return named
        if "unknown kid" in self.without:
            return []
        raise NO_KEY

    # Rules

    def admit(self, headers: Mapping[str, str], query: str) -> None:
        """Raises Refused unless there is a good token."""
        if "route" in self.without:
            return
        scheme, _, text = headers.get("authorization", "").partition(" ")
        if "scheme" in self.without and not text:
            text, scheme = scheme, "Bearer"
        if "query" in self.without and not text:
            text, scheme = parse_qs(query).get("access_token", [""])[0], "Bearer"
        if not text or scheme.lower() != "bearer":
            raise MISSING
        self.judge(text)

    def judge(self, text: str) -> None:
        try:
            header, claims, signature = read(f"{text}." if self.takes_two_parts(text) else text)
        except (ValueError, TypeError, AttributeError):
            if "opaque" in self.without:
                return
            raise MALFORMED from None
        known = {
            "remembers by all of a token": text.rpartition(".")[0],
            "remembers by more than jti": str(claims.get("jti")),
        }
        remembered = [one for name, one in known.items() if name in self.without]
        if self._accepted.intersection(remembered):
            return
        self.judge_claims(claims)
        if self.takes_two_parts(text):
            return
        if "crit" in header and "crit" not in self.without:
            raise Refused("Jwt header [crit] is not supported")
        if not self.verifies(header, text.rpartition(".")[0].encode(), signature):
            raise Refused("Jwt verification fails")
        if self.demands:
            raise Refused(self.demands, 403)
        self._accepted.update(remembered)

    def takes_two_parts(self, text: str) -> bool:
        return "three parts" in self.without and text.count(".") == 1

    def judge_claims(self, claims: Json) -> None:
        now = time.time() + self.ahead
        if "issuer" not in self.without and claims.get("iss") != self.issuer:
            raise Refused("Jwt issuer is not configured")
        if "exp" not in self.without and (claims.get("exp") or 0) + self.leeway <= now:
            raise Refused("Jwt is expired")
        if "nbf" not in self.without and (claims.get("nbf") or 0) - self.leeway > now:
            raise Refused("Jwt not yet valid")
        given = claims.get("aud")
        held = given if isinstance(given, list) else [given]
        if given is None and "no audience" in self.without:
            return
        if self.audience is not None and "audience" not in self.without and self.audience not in held:
            raise Refused("Audiences in Jwt are not allowed", 403)

    def verifies(self, header: Json, signed: bytes, signature: bytes) -> bool:
        algorithm = str(header.get("alg"))
        none = algorithm if "none in any case" not in self.without else algorithm.lower()
        if none == "none" and {"none", "none in any case"} & self.without:
            return True
        if "signature" in self.without:
            return True
        if (digest := HMACS.get(algorithm)) and algorithm in self.without:
            secrets = [one for key in self.found(header) for name, one in secrets_of(key) if name in self.without]
            return any(hmac.digest(one, signed, digest) == signature for one in secrets)
        if algorithm not in ("RS256", "PS256", "ES256"):
            raise NO_KEY
        keys = self.found(header)
        return not keys or any(verifies(key, algorithm, signed, signature) for key in keys)


HMACS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def secrets_of(key: Json) -> Iterator[tuple[str, bytes]]:
    """A public key as a careless verifier holds it, by name."""
    public = jwt.PyJWK(key).key
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield "as PEM", pem
    yield "as PEM without the last newline", pem.rstrip(b"\n")
    yield "as DER", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield "as PKCS #1", public.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    yield "as JWK text", json.dumps(key, separators=(",", ":")).encode()
    yield "as JWK text of Python", json.dumps(key).encode()
    yield "as modulus", key["n"].encode()
    for chain in (key["x5c"],) if "x5c" in key else ():
        certificate = x509.load_der_x509_certificate(base64.b64decode(chain[0]))
        yield "as x5c", chain[0].encode()
        yield "as certificate in PEM", certificate.public_bytes(Encoding.PEM)
        yield "as certificate in DER", certificate.public_bytes(Encoding.DER)


def own_keys(header: Json) -> list[Json]:
    """The keys that a token brings with it, or names (RFC 7515 4.1.2 to 4.1.6)."""
    if isinstance(header.get("jwk"), dict):
        return [header["jwk"]]
    for name in ("jku", "x5u"):
        if name in header:
            with suppress(OSError), urlopen(header[name], timeout=5) as answer:  # noqa: S310 - http on this machine
                content = answer.read()
                return json.loads(content)["keys"] if name == "jku" else [of_certificate(content)]
    return [of_certificate(base64.b64decode(one)) for one in header.get("x5c", [])[:1]]


def of_certificate(content: bytes) -> Json:
    load = x509.load_pem_x509_certificate if content.startswith(b"-----") else x509.load_der_x509_certificate
    return jwt.algorithms.RSAAlgorithm.to_jwk(load(content).public_key(), as_dict=True)


def verifies(key: Json, algorithm: str, signed: bytes, signature: bytes) -> bool:
    try:
        found = jwt.PyJWK(key, algorithm)
        return found.Algorithm.verify(signed, found.key, signature)
    except (jwt.PyJWTError, ValueError, TypeError):
        return False


def read(text: str) -> tuple[Json, Json, bytes]:
    """Header, claims and signature. Raises ValueError for what is no JWS in compact form."""
    header, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split("."))
    found = json.loads(header), json.loads(claims)
    if not all(isinstance(one, dict) for one in found):
        raise ValueError("not an object")
    return *found, signature


@contextmanager
def serving(gateway: Gateway) -> Iterator[str]:
    """The address of the gateway, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            sent = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(sent.get("content-length") or 0))
            try:
                gateway.admit(sent, urlsplit(self.path).query)
            except Refused as refused:
                words = b"" if gateway.silent else str(refused).encode()
                self.send(401 if gateway.silent else refused.status, {"content-type": "text/plain"}, words)
                return
            if not gateway.forwards:
                sent.pop("authorization", None)
            connection = http.client.HTTPConnection(urlsplit(gateway.upstream).netloc)
            try:
                connection.request(self.command, self.path, body or None, sent)
            except OSError:
                self.send(
                    503, {"content-type": "text/plain"}, b"upstream connect error or disconnect/reset before headers"
                )
                return
            found = connection.getresponse()
            self.send(found.status, {"content-type": found.getheader("content-type", "")}, found.read())
            connection.close()

        def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response_only(status)
            date = formatdate(time.time() + gateway.ahead, usegmt=True)
            for name, value in {
                **({"date": date} if gateway.dated else {}),
                **headers,
                "content-length": str(len(body)),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_HEAD = do_OPTIONS = answer  # noqa: N815 - the names that http.server asks for

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
