"""Developers' accounts at a portal: e-mailed tokens, passwords, sessions.

    sign-up -> mail with a token -> verify-email (202, a password-reset token) -> reset-password (204) -> authenticate
    forgot-password, or an admin's invitation -> mail with a password-reset token -> reset-password

There is no other way to a password (portal-management v3; app/dev-portal/self-service.md). Lifetimes are unknown; the
constants are guesses (inferred).
"""

import hashlib
import hmac
import random
import re
import uuid
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.konnect.fields import UUID
from dcrproof.mocks.konnect.objects import Developer, Portal
from dcrproof.mocks.konnect.problems import Invalid, Problem, gone, invalid_parameters, not_found
from dcrproof.mocks.lasting import Lasting

MAIL_TOKEN_SECONDS = 24 * 3600
ACCESS_SECONDS = 3600
REFRESH_SECONDS = 7 * 24 * 3600

# rule, how many, which characters, reason. That the rules exist is documented (`InvalidRules`), their numbers are not;
# Kong's own end-to-end test uses a password that meets all of these.
PASSWORD_RULES = (
    ("min_length", 8, re.compile(r"(?s)."), "must have at least 8 characters"),
    ("min_digits", 1, re.compile(r"[0-9]"), "must have at least 1 digit"),
    ("min_lowercase", 1, re.compile(r"[a-z]"), "must have at least 1 lowercase letter"),
    ("min_uppercase", 1, re.compile(r"[A-Z]"), "must have at least 1 uppercase letter"),
    ("min_symbols", 1, re.compile(r"[^0-9A-Za-z\s]"), "must have at least 1 symbol"),
)


@dataclass(frozen=True)
class MailToken:
    purpose: str  # "verify" or "reset"
    developer_id: str
    expires_at: float


@dataclass(frozen=True)
class PortalSession:
    developer_id: str
    portal_id: str
    access_token: str
    access_expires_at: float
    refresh_token: str
    refresh_expires_at: float


class Accounts:
    """Passwords, tokens and sessions of all portals. Developers themselves are Konnect's."""

    def __init__(self, *, clock: Clock, randomness: random.Random) -> None:
        self._clock = clock
        self._random = randomness
        self._key = OctKey.import_key(randomness.randbytes(32))
        self._passwords: dict[str, tuple[bytes, bytes]] = {}  # developer id: salt, digest
        self._mail_tokens: dict[str, MailToken] = {}
        # Sessions are found by the very token that was issued, so no forged or altered one is ever found.
        self._by_access_token = Lasting[str, PortalSession](clock.now, attrgetter("access_expires_at"))
        self._by_refresh_token = Lasting[str, PortalSession](clock.now, attrgetter("refresh_expires_at"))
        self.mail: list[dict[str, Any]] = []

    # --- mail ---

    def _send(self, developer: Developer, subject: str, text: str, purpose: str) -> None:
        token = self._mail_token(developer.id, purpose)
        self.mail.append(
            {"at": self._clock.now(), "to": developer.email, "subject": subject, "text": f"{text}\n\ntoken={token}\n"}
        )

    def _mail_token(self, developer_id: str, purpose: str) -> str:
        token = self._uuid()
        self._mail_tokens[token] = MailToken(purpose, developer_id, self._clock.now() + MAIL_TOKEN_SECONDS)
        return token

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def ask_for_confirmation(self, developer: Developer) -> None:
        self._send(developer, "Please confirm your email address", "Confirm your email address.", "verify")

    def invite(self, developer: Developer) -> None:
        self._send(developer, "You have been invited", "Set a password for your account.", "reset")

    def offer_reset(self, developer: Developer) -> None:
        self._send(developer, "Reset your password", "Set a new password for your account.", "reset")

    def token_of(self, token: str, purpose: str) -> MailToken:
        """The live token with that purpose. Each works once: its user calls `spend`."""
        if not UUID.match(token):
            raise Problem(
                400,
                "Bad Request",
                "The provided token is invalid",
                invalid=[{"field": "token", "reason": "invalid ID format"}],
            )
        held = self._mail_tokens.get(token.lower())
        if held is None or held.purpose != purpose:
            raise not_found("The provided token was not found")
        if not self.mail_token_is_fresh(held):
            raise gone("The token has expired")
        return held

    def mail_token_is_fresh(self, token: MailToken) -> bool:
        return self._clock.now() < token.expires_at

    def verify_email(self, token: str) -> tuple[str, str]:
        """(developer id, a password-reset token)"""
        held = self.token_of(token, "verify")
        self.spend(token)
        return held.developer_id, self._mail_token(held.developer_id, "reset")

    def spend(self, token: str) -> None:
        del self._mail_tokens[token.lower()]

    # --- passwords ---

    def reset_password(self, token: str, password: str) -> None:
        held = self.token_of(token, "reset")
        if weak := self.password_faults(password):
            raise invalid_parameters(weak)
        self.spend(token)
        self.set_password(held.developer_id, password)
        self.sign_out_everywhere(held.developer_id)  # inferred: a new password ends what the old one opened

    def password_faults(self, password: str) -> list[Invalid]:
        return [
            {"field": "password", "rule": rule, "minimum": least, "reason": reason, "source": "body"}
            for rule, least, character, reason in PASSWORD_RULES
            if len(character.findall(password)) < least
        ]

    def set_password(self, developer_id: str, password: str) -> None:
        salt = self._random.randbytes(16)
        self._passwords[developer_id] = (salt, self._digest(salt, password))

    def password_matches(self, developer_id: str, password: str) -> bool:
        held = self._passwords.get(developer_id)
        return held is not None and hmac.compare_digest(held[1], self._digest(held[0], password))

    @staticmethod
    def _digest(salt: bytes, password: str) -> bytes:
        return hashlib.sha256(salt + password.encode()).digest()  # quick on purpose: nothing real is kept here

    # --- sessions ---

    def sign_in(self, developer: Developer, portal: Portal) -> PortalSession:
        now = self._clock.now()
        claims = {
            "iss": portal.canonical_domain,
            "aud": portal.id,
            "sub": developer.id,
            "iat": int(now),
            "exp": int(now) + ACCESS_SECONDS,
            "jti": self._uuid(),
        }
        session = PortalSession(
            developer.id,
            portal.id,
            jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, self._key),
            now + ACCESS_SECONDS,
            self._uuid(),
            now + REFRESH_SECONDS,
        )
        self._by_access_token[session.access_token] = session
        self._by_refresh_token[session.refresh_token] = session
        return session

    def session(self, access_token: str, portal: Portal) -> PortalSession | None:
        """The session of that cookie at this portal, if it is still good."""
        found = self._by_access_token.get(access_token)
        return found if found is not None and self.session_is_good(found, portal) else None

    def session_is_good(self, session: PortalSession, portal: Portal) -> bool:
        return session.portal_id == portal.id and self._clock.now() < session.access_expires_at

    def take_refresh(self, refresh_token: str, portal: Portal) -> PortalSession | None:
        """The session whose refresh token this is; that token works once (inferred)."""
        found = self._by_refresh_token.get(refresh_token)
        if found is None or found.portal_id != portal.id or self._clock.now() >= found.refresh_expires_at:
            return None
        self.sign_out(found)
        return found

    def sign_out(self, session: PortalSession) -> None:
        self._by_access_token.pop(session.access_token, None)
        self._by_refresh_token.pop(session.refresh_token, None)

    def sign_out_everywhere(self, developer_id: str) -> None:
        for session in [held for held in self._by_refresh_token.values() if held.developer_id == developer_id]:
            self.sign_out(session)

    def forget(self, developer_id: str) -> None:
        """Everything of a deleted developer."""
        self._passwords.pop(developer_id, None)
        self.sign_out_everywhere(developer_id)
        for token in [name for name, held in self._mail_tokens.items() if held.developer_id == developer_id]:
            del self._mail_tokens[token]
