"""The session cookie: Kong's own, sealed, with the access token inside.

Rules
- Storage is the cookie itself: its holder has the session, and no node can revoke it except by another
  secret (plugin schema, `session_storage`).
- It is sealed with AES-256-GCM under a key made of `session_secret` (HKDF-SHA-256), for one issuer and one audience
  (lua-resty-session README; support article "sharing OIDC sessions"). A cookie with one changed character does not
  open, and admits nobody; how another credential beside it is treated is unknown (switches.py).
- It ends after `session_idling_timeout` without use, `session_rolling_timeout` after it was made, and
  `session_absolute_timeout` in any case; 0 switches a limit off. Use is noted at most once a minute
  (lua-resty-session, `touch_threshold`).
- A value of more than 4096 octets with its name goes into several cookies, `session`, `session2` to `session9` (lua-resty-session); one
  that does not fit into nine is not set (inferred). That a piece has 4000 octets is inferred.
- A valid session is trusted as it is, unless `reverify` (openid-connect 1.5.x); an ended access token ends it, for
  client credentials give nothing to refresh it with.
- Without `session_secret` a node makes one up, for all its plugins. That two nodes share it is unknown; here they do
  not.
- The layout of the value is this mock's own: only the gateway reads it.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dcrproof.mocks.clock import Clock, WrongClock
from dcrproof.mocks.gateway import strict
from dcrproof.mocks.gateway.credentials import cookies
from dcrproof.mocks.gateway.plugin import Names, Plugin
from dcrproof.mocks.gateway.switches import Switches
from dcrproof.mocks.messages import Request

NONCE_LENGTH = 12
TOUCH_THRESHOLD = 60.0
EPOCH = "Thu, 01 Jan 1970 00:00:01 GMT"
LARGEST_COOKIE, PIECE, MOST_PIECES = 4096, 4000, 9


@dataclass(frozen=True)
class GatewaySession:
    """What the cookie holds. Moments are seconds since the epoch; `claims` are those of a token that is not a JWT."""

    access_token: str = field(repr=False)
    created: float
    touched: float
    claims: Mapping[str, Any] | None = None


def session_key(secret: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=b"session").derive(secret))


def seal(key: AESGCM, session: GatewaySession, bound_to: bytes, nonce: bytes) -> str:
    return strict.to_base64url(nonce + key.encrypt(nonce, strict.to_json(vars(session)), bound_to))


def unseal(key: AESGCM, value: str, bound_to: bytes) -> GatewaySession | None:
    sealed = strict.base64url(value)
    if sealed is None or len(sealed) <= NONCE_LENGTH:
        return None
    try:
        content = key.decrypt(sealed[:NONCE_LENGTH], sealed[NONCE_LENGTH:], bound_to)
    except (InvalidTag, ValueError):
        return None
    return GatewaySession(**(strict.json_object(content) or {}))


def cookie_names(plugin: Plugin) -> Names:
    """The names that a session's pieces may have, in their order."""
    name = plugin.session_cookie_name
    return (name, *(f"{name}{number}" for number in range(2, MOST_PIECES + 1)))


def set_cookies(plugin: Plugin, value: str) -> tuple[str, ...]:
    """The values of the `Set-Cookie` headers, one for each piece."""
    if len(plugin.session_cookie_name) + len(value) + 1 <= LARGEST_COOKIE:
        return (set_cookie(plugin, plugin.session_cookie_name, value),)
    pieces = [value[at : at + PIECE] for at in range(0, len(value), PIECE)]
    if len(pieces) > MOST_PIECES:
        return ()
    return tuple(set_cookie(plugin, name, piece) for name, piece in zip(cookie_names(plugin), pieces, strict=False))


def set_cookie(plugin: Plugin, name: str, value: str) -> str:
    """The attributes are in lua-resty-session's order."""
    attributes = [f"{name}={value}"]
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
    return f"{set_cookie(plugin, plugin.session_cookie_name, '')}; Expires={EPOCH}; Max-Age=0"


def sealed_value(request: Request, plugin: Plugin) -> str:
    """The value of the session's cookie, joined from its pieces; empty where it is missing."""
    given = cookies(request)
    if not given:
        return ""
    value = ""
    for name in cookie_names(plugin):
        if not given.get(name):
            break
        value += given[name]
    return value


class SessionRules:
    """How sessions begin, continue and end."""

    clock: Clock | WrongClock
    random: random.Random
    session_keys: dict[str | None, AESGCM]
    shared: bytes
    switches: Switches

    def open_session(self, plugin: Plugin, request: Request) -> GatewaySession | None:
        """The session of the request's cookie, if it opens and is still running."""
        value = sealed_value(request, plugin)
        opened = unseal(self._session_key(plugin), value, bound_to(plugin)) if value else None
        return opened if opened is not None and self.session_is_running(plugin, opened) else None

    def session_is_running(self, plugin: Plugin, opened: GatewaySession) -> bool:
        now = self.clock.now()
        limits = (
            (opened.touched, plugin.session_idling_timeout),
            (opened.created, plugin.session_rolling_timeout),
            (opened.created, plugin.session_absolute_timeout),
        )
        return all(limit == 0 or now - since < limit for since, limit in limits)

    def issues_session(self, plugin: Plugin, method: str) -> bool:
        return "session" in plugin.auth_methods and method not in plugin.disable_session

    def new_session(self, plugin: Plugin, token: str, claims: Mapping[str, Any] | None) -> tuple[str, ...]:
        now = self.clock.now()
        return self._sealed(plugin, GatewaySession(token, created=now, touched=now, claims=claims))

    def touched_session(self, plugin: Plugin, opened: GatewaySession) -> tuple[str, ...]:
        """The cookies that renew the time of a session's last use; none where that is less than a minute ago."""
        now = self.clock.now()
        if now - opened.touched < TOUCH_THRESHOLD:
            return ()
        return self._sealed(plugin, replace(opened, touched=now))

    def _sealed(self, plugin: Plugin, content: GatewaySession) -> tuple[str, ...]:
        nonce = self.random.randbytes(NONCE_LENGTH)
        return set_cookies(plugin, seal(self._session_key(plugin), content, bound_to(plugin), nonce))

    def _session_key(self, plugin: Plugin) -> AESGCM:
        secret = plugin.session_secret
        if secret not in self.session_keys:
            made_up = self.shared if self.switches.shares_session_secrets else self.random.randbytes(32)
            self.session_keys[secret] = session_key(made_up if secret is None else secret.encode("utf-8", "replace"))
        return self.session_keys[secret]


def bound_to(plugin: Plugin) -> bytes:
    return f"{plugin.session_audience}\n{plugin.issuer}".encode("utf-8", "replace")
