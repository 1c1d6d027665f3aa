"""Access tokens: their shape, their verification, and forgeries that must never be accepted.

PyJWT verifies signed tokens; forgeries that PyJWT refuses to make are assembled by hand.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from jwt.algorithms import RSAAlgorithm

from dcrproof.core.text import one_line

SIGNED = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Algorithms of public-key signatures: the only ones that an access token may use."""

PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members of a JWK that hold a private or symmetric key (RFC 7518 6)."""


@dataclass(frozen=True)
class Jwt:
    """A token in JWS compact form, decoded but not verified. The repr has the names of its claims."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    def __repr__(self) -> str:
        return (
            f"<JWT {one_line(str(self.header.get('alg')), 20)} with {one_line(', '.join(map(str, self.claims)), 100)}>"
        )

    def date(self, name: str) -> float | None:
        """A claim that is a NumericDate (RFC 7519 2: seconds, which may have a fraction); None where it is none."""
        value = self.claims.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    @property
    def lifetime(self) -> float | None:
        """The seconds from `iat` to `exp`, where there are both."""
        begins, ends = self.date("iat"), self.date("exp")
        return None if begins is None or ends is None else ends - begins

    @property
    def signing_input(self) -> str:
        return self.text.rpartition(".")[0]


def decode(text: str) -> Jwt | None:
    """The token's header and claims, or None where it is not a JWT."""
    try:
        parts = jwt.decode_complete(text, options={"verify_signature": False})
    except (jwt.PyJWTError, RecursionError):
        return None
    return Jwt(text, parts["header"], parts["payload"])


def describe(text: str) -> str:
    """A token in words, which do not reveal it."""
    found = decode(text)
    if found is not None:
        return f"a JWT signed with {found.header.get('alg')}"
    if text.count(".") == JWE_DOTS and text.startswith("eyJ"):
        return "an encrypted token (JWE, five parts), which the gateway cannot read"
    if decode(text.strip()) is not None:
        return "a JWT with blanks or line ends around it"
    if (behind := text.partition(" ")[2]) and decode(behind) is not None:
        return "a JWT with a word before it, such as its type"
    if text.count(".") == JWS_DOTS and text.startswith("eyJ"):
        return f"a token in the form of a JWT that cannot be read: {_unread(text)}"
    prefix = text[: text.find("_", 1) + 1] if text.startswith("_") else ""
    beginning = f", beginning {prefix}" if prefix else ""
    return f"an opaque token, {len(text)} characters{beginning}"


JWS_DOTS, JWE_DOTS = 2, 4
"""A JWS in compact form has three parts (RFC 7515 3.1), a JWE five (RFC 7516 3.1)."""


def _unread(text: str) -> str:
    """Why a text cannot be read as a JWT."""
    try:
        jwt.decode_complete(text, options={"verify_signature": False})
    except (jwt.PyJWTError, RecursionError) as error:
        return one_line(str(error), 100)
    return ""


def oddities(token: Jwt, keys: Mapping[str, Any]) -> list[str]:
    """What of a token and its keys is right for dcrproof, and may not be for another verifier, in words."""
    if token.header.get("kid") is None:
        return ["the token has no kid, by which a gateway finds its key (RFC 7515 4.1.4)"]
    named = _named(token, keys)
    kid = token.header["kid"]
    several = [f"{len(named)} published keys have the kid {kid} (RFC 7517 4.5)"] if len(named) > 1 else []
    broken = [f"the published key {kid} has an x5c that is no certificate (RFC 7517 4.7)"]
    null = [f"the published key {kid} has members that are null, not left out"]
    return [
        *several,
        *broken * any(not _certified(key) for key in named),
        *null * any(value is None for key in named for value in key.values()),
    ]


def _certified(key: Mapping[str, Any]) -> bool:
    """Whether a key has readable certificates, or none."""
    chain = key.get("x5c", [])
    try:
        return isinstance(chain, list) and all(
            x509.load_der_x509_certificate(base64.b64decode(one, validate=True)) for one in chain
        )
    except (ValueError, TypeError):
        return False


def certificate_flaw(key: Mapping[str, Any]) -> str:
    """What is wrong with the first certificate of a published key, in words; empty where it has none (RFC 7517 4.7, 4.8)."""
    chain = key.get("x5c")
    if not chain:
        return ""
    if not _certified(key):
        return "an x5c that is no certificate"
    first = base64.b64decode(chain[0])
    try:
        same = x509.load_der_x509_certificate(first).public_key() == jwt.PyJWK(dict(key)).key
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError):
        return ""
    if not same:
        return "a first certificate in x5c that holds another key"
    digest = base64.urlsafe_b64encode(hashlib.sha1(first, usedforsecurity=False).digest()).rstrip(b"=").decode()
    return "" if key.get("x5t", digest) == digest else "an x5t that is not the SHA-1 of its certificate in base64url"


def verify(text: str, keys: Mapping[str, Any]) -> str | None:
    """Verifies the signature with a JWK Set (RFC 7517). Returns None where it is valid, else what is wrong, in words.

    Several keys may have the token's key id, and a token may have none: each key that suits its algorithm is tried.
    """
    token = decode(text)
    if token is None:
        return describe(text)
    if "=" in text:
        return "padded base64 in the token (RFC 7515 2: without padding)"
    algorithm = token.header.get("alg")
    if algorithm not in SIGNED:
        return f"the algorithm {algorithm}, which is not a public-key signature"
    named = _named(token, keys)
    kid = token.header.get("kid")
    if not named:
        names = ", ".join(str(key.get("kid")) for key in _published(keys))
        return f"the key id {kid}, which is not among the published ones ({names or 'none'})"
    flaws = [_unfit(key, algorithm) or _flaw(text, key, algorithm) for key in named]
    return None if None in flaws else "; ".join(dict.fromkeys(map(str, flaws)))


def claims_flaw(token: Jwt, issuer: str, now: float) -> str | None:
    """Why a verifier refuses the claims of a token that is genuine, in words (RFC 7519 4.1); None where nothing is wrong."""
    if token.claims.get("iss") != issuer:
        return f"iss {token.claims.get('iss')!r}, and the issuer is {issuer!r}"
    for name in ("exp", "nbf", "iat"):
        if name in token.claims and token.date(name) is None:
            return f"{name} {token.claims[name]!r}, which is no number of seconds"
    ends = token.date("exp")
    if ends is None:
        return "no exp"
    if unit := beyond(ends, now):
        return f"exp {ends}, which is {unit}"
    if ends <= now:
        return f"exp {ends}, which was over {now - ends:.0f} s ago"
    early = {name: value for name in ("nbf", "iat") if (value := token.date(name)) is not None and value > now + SLACK}
    return (
        "; ".join(f"{name} {value}, which is {value - now:.0f} s in the future" for name, value in early.items())
        or None
    )


def beyond(ends: float, begins: float) -> str:
    """Why `exp` is no time in seconds at which a token ends, in words; empty where it may be one."""
    if ends <= begins + MILLISECONDS:
        return ""
    return "in milliseconds" if ends / 1000 <= begins + MILLISECONDS else "later than any time"


MILLISECONDS = 1e11
"""Seconds that no token lives: as many from now on a time in milliseconds lies, which is a thousand times as large."""
SLACK = 2
"""Seconds by which two clocks differ anyway, in whole seconds."""


def _published(keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = keys.get("keys")
    return [key for key in found if isinstance(key, dict)] if isinstance(found, list) else []


def _named(token: Jwt, keys: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The published keys of the token's key id; all of them where it has none."""
    kid = token.header.get("kid")
    return [key for key in _published(keys) if kid in (None, key.get("kid"))]


KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""The key type (RFC 7518 6.1, RFC 8037 2) by the beginning of the algorithm."""
KEY_MEMBERS = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}
"""What holds the public key (RFC 7518 6, RFC 8037 2)."""


def _unfit(key: Mapping[str, Any], algorithm: str) -> str | None:
    """Why a published key is not one for signatures of that algorithm, in words."""
    name, kind = f"the published key {key.get('kid')}", KEY_TYPES[algorithm[:2]]
    if key.get("kty") != kind:
        return f"{name} is of type {key.get('kty')}, not {kind}"
    if key.get("use") not in (None, "sig"):
        return f"{name} has use {one_line(str(key.get('use')), 50)!r}, and is not for signatures (sig)"
    operations = key.get("key_ops")
    if isinstance(operations, list) and "verify" not in operations:
        return f"{name} has no verify among its key_ops (RFC 7517 4.3)"
    if key.get("alg") not in (None, algorithm):
        return f"{name} is for {key.get('alg')}, not {algorithm}"
    members = {member: value for member in KEY_MEMBERS[kind] if isinstance(value := key.get(member), str)}
    if odd := [member for member in KEY_MEMBERS[kind] if member not in members]:
        return f"{name} has no {' and no '.join(odd)} in base64url, which is a text (RFC 7518 6)"
    if padded := [member for member, value in members.items() if value.endswith("=")]:
        return f"{name} has padded base64 in {', '.join(padded)} (RFC 7515 2: without padding)"
    if other := [member for member, value in members.items() if {*"+/"}.intersection(value)]:
        return f"{name} has + or / in {', '.join(other)} (RFC 7515 2: base64url)"
    return None


def _flaw(text: str, key: Mapping[str, Any], algorithm: str) -> str | None:
    """Why the signature does not verify with that key, in words."""
    try:
        jwt.decode(
            text,
            jwt.PyJWK(dict(key), algorithm),
            algorithms=[algorithm],
            options={
                "verify_signature": True,
                "enforce_minimum_key_length": True,
                "verify_aud": False,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except jwt.InvalidSignatureError as error:
        return f"a signature that does not verify with the published key {key.get('kid')} ({type(error).__name__})"
    except (jwt.PyJWTError, *UNUSABLE) as error:
        return f"the published key {key.get('kid')}, which cannot be used: {error}"
    return None


UNUSABLE = (ValueError, TypeError, KeyError, AttributeError, UnsupportedAlgorithm)
"""What PyJWT and cryptography raise for a key with odd members, besides their own errors."""


@cache
def foreign_key() -> RSAPrivateKey:
    """A key that no authorization server has published."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def foreign(token: Jwt, **header: Any) -> str:
    """The same claims, signed with our own key, under the key id of the token or under another one."""
    head = _encoded(json.dumps({**token.header, "alg": "RS256", **header}).encode())
    signing_input = f"{head}.{token.text.split('.')[1]}"
    return f"{signing_input}.{_encoded(RSAAlgorithm(RSAAlgorithm.SHA256).sign(signing_input.encode(), foreign_key()))}"


def foreign_jwk() -> dict[str, Any]:
    """The public part of our own key, as a JWK."""
    return RSAAlgorithm.to_jwk(foreign_key().public_key(), as_dict=True)


@cache
def foreign_certificate() -> str:
    """A self-signed certificate of our own key, in PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dcrproof")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(foreign_key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(foreign_key(), SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def foreign_x5c() -> list[str]:
    """The same certificate as a header has it (RFC 7515 4.1.6)."""
    return ["".join(foreign_certificate().splitlines()[1:-1])]


def tampered(token: Jwt) -> str:
    """The token with one bit of its signature flipped; one without a signature gets one of a single octet."""
    head, _, signature = token.text.rpartition(".")
    content = bytearray(_decoded(signature) or b"\0")
    content[len(content) // 2] ^= 1
    return f"{head}.{_encoded(bytes(content))}"


def with_claims(token: Jwt, **claims: Any) -> str:
    """The token with changed claims, and the old signature."""
    header, _, signature = token.text.split(".")
    return f"{header}.{_encoded(json.dumps({**token.claims, **claims}).encode())}.{signature}"


def unsigned(token: Jwt, algorithm: str = "none") -> str:
    """The same claims with that spelling of `alg: none`, and an empty signature (RFC 7519 6)."""
    header = _encoded(json.dumps({**token.header, "alg": algorithm}).encode())
    return f"{header}.{token.text.split('.')[1]}."


def hs_confused(token: Jwt, keys: Mapping[str, Any]) -> dict[str, str]:
    """The same claims with an HMAC, where the secret is a published public key (RFC 8725 3.1), by how that is spelled: with
    HS256 in all forms in which a verifier may hold a key, with HS384 and HS512 in the usual one.

    Empty where no published key can be used.
    """
    return {
        f"{algorithm} and the public key as {spelling}": _with_hmac(token, algorithm, secret)
        for key in reversed(_named(token, keys))
        for spelling, secret in _spelled(key)
        for algorithm in HMACS
        if algorithm == "HS256" or spelling in USUAL
    }


HMACS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
USUAL = ("PEM", "PEM without its last line end")


def _with_hmac(token: Jwt, algorithm: str, secret: bytes) -> str:
    header = _encoded(json.dumps({**token.header, "alg": algorithm}).encode())
    signing_input = f"{header}.{token.text.split('.')[1]}"
    return f"{signing_input}.{_encoded(hmac.new(secret, signing_input.encode(), HMACS[algorithm]).digest())}"


def _spelled(key: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The forms in which a verifier may hold a public key, by their names."""
    try:
        public = jwt.PyJWK(dict(key)).key
        yield from _in_pem_and_der("", public.public_bytes, PublicFormat.SubjectPublicKeyInfo)
        if key.get("kty") == "RSA":
            yield from _in_pem_and_der("PKCS #1 ", public.public_bytes, PublicFormat.PKCS1)
    except (jwt.PyJWTError, *UNUSABLE):
        return
    yield "JWK text", json.dumps(key, separators=(",", ":")).encode()
    yield "JWK text with blanks", json.dumps(key).encode()
    if isinstance(key.get("n"), str):
        yield "its modulus in base64url", key["n"].encode()
    chain = key.get("x5c")
    if isinstance(chain, list) and chain and _certified(key):
        certificate = x509.load_der_x509_certificate(base64.b64decode(chain[0]))
        yield "certificate in base64 (x5c)", str(chain[0]).encode()
        yield from _in_pem_and_der("certificate, ", lambda encoding, _: certificate.public_bytes(encoding), None)


def _in_pem_and_der(
    name: str, octets: Callable[[Encoding, Any], bytes], form: PublicFormat | None
) -> Iterator[tuple[str, bytes]]:
    pem = octets(Encoding.PEM, form)
    yield f"{name}PEM", pem
    yield f"{name}PEM without its last line end", pem.rstrip()
    yield f"{name}DER", octets(Encoding.DER, form)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
