"""The session cookie: Kong's own, sealed, with the access token inside.

Rules
- Storage is the cookie itself: whoever holds it holds the session, and no node can take it back except by another
  secret (plugin schema, `session_storage`).
- It is sealed with AES-256-GCM under a key made of `session_secret` (HKDF-SHA-256), for one issuer and one audience
  (lua-resty-session README; support article "sharing OIDC sessions"). A cookie with one changed character does not
  open; what does not open is no credential (inferred).
- It ends after `session_idling_timeout` without use, `session_rolling_timeout` after it was made, and
  `session_absolute_timeout` in any case; 0 switches a limit off. Use is noted at most once a minute
  (lua-resty-session, `touch_threshold`).
- The layout of the value is this mock's own: nobody but the gateway reads it.
"""

from dataclasses import asdict, dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dcrproof.mocks.gateway import strict
from dcrproof.mocks.gateway.plugin import Plugin
from dcrproof.mocks.wire import Request

NONCE_LENGTH = 12
TOUCH_THRESHOLD = 60.0
EPOCH = "Thu, 01 Jan 1970 00:00:01 GMT"


@dataclass(frozen=True)
class Session:
    """What the cookie holds. Moments are seconds since the epoch."""

    access_token: str = field(repr=False)
    created: float
    touched: float


def session_key(secret: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=b"session").derive(secret))


def seal(key: AESGCM, session: Session, bound_to: bytes, nonce: bytes) -> str:
    return strict.to_base64url(nonce + key.encrypt(nonce, strict.to_json(asdict(session)), bound_to))


def unseal(key: AESGCM, value: str, bound_to: bytes) -> Session | None:
    sealed = strict.base64url(value)
    if sealed is None or len(sealed) <= NONCE_LENGTH:
        return None
    try:
        content = key.decrypt(sealed[:NONCE_LENGTH], sealed[NONCE_LENGTH:], bound_to)
    except (InvalidTag, ValueError):
        return None
    return Session(**(strict.json_object(content) or {}))


def set_cookie(plugin: Plugin, value: str) -> str:
    """The value of a `Set-Cookie` header; the attributes stand in lua-resty-session's order."""
    attributes = [f"{plugin.session_cookie_name}={value}"]
    if plugin.session_cookie_domain:
        attributes.append(f"Domain={plugin.session_cookie_domain}")
    attributes.append(f"Path={plugin.session_cookie_path}")
    if plugin.session_cookie_same_site != "Default":
        attributes.append(f"SameSite={plugin.session_cookie_same_site}")
    if plugin.session_cookie_secure or plugin.session_cookie_same_site == "None":
        attributes.append("Secure")
    if plugin.session_cookie_http_only:
        attributes.append("HttpOnly")
    return "; ".join(attributes)


def clear_cookie(plugin: Plugin) -> str:
    return f"{set_cookie(plugin, '')}; Expires={EPOCH}; Max-Age=0"


def cookie(request: Request, name: str) -> str | None:
    """The value of the cookie that has this name; the first, where several have."""
    for key, value in request.headers:
        if key == "cookie":
            for part in value.split(";"):
                given, _, content = part.strip().partition("=")
                if given == name:
                    return content
    return None


def without_cookie(value: str, name: str) -> str:
    """A `Cookie` header's value without the cookies of this name; empty where nothing is left."""
    parts = (part.strip() for part in value.split(";"))
    return "; ".join(part for part in parts if part and part.partition("=")[0] != name)
