"""Secrets as a type of their own, and the register by which they are masked in everything that is written.

A secret is masked by value, in each form in which it can appear: plain, percent-encoded, JSON-escaped, and in base64
as the second half of an `id:secret` pair.
"""

import base64
import hashlib
import hmac
import json
import re
from bisect import insort
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

SHORTEST = 8
"""Fewer characters than this cannot be masked by value without masking ordinary words."""


class Secret:
    """A value that shows itself only when asked with `reveal`; its repr is a fingerprint."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits by which two places can be matched."""
        return hashlib.sha256(self._value.encode()).hexdigest()[:8]

    def __repr__(self) -> str:
        return f"<secret {self.fingerprint}>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled: it would leave the process in plain")


JWT = re.compile(r"(eyJ[\w-]+\.eyJ[\w-]+)\.[\w-]{16,}")


def basic(client_id: str, secret: str) -> str:
    """The credentials of RFC 7617: base64 of `id:secret` in UTF-8."""
    return base64.b64encode(f"{client_id}:{secret}".encode()).decode()


@dataclass
class Secrets:
    """All secrets that a run has been given or has received."""

    _forms: dict[str, str] = field(default_factory=dict)
    _longest_first: list[str] = field(default_factory=list)

    def know(self, value: str, client_id: str | None = None) -> Secret:
        """Registers a secret, and the Basic credentials that it makes with `client_id`."""
        secret = Secret(value)
        if len(value) >= SHORTEST:
            forms = {value, quote(value, safe=""), quote_plus(value)}
            forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
            if client_id is not None:
                # as a caller sends it (RFC 7617), and as a client does (RFC 6749 2.3.1)
                for pair in (basic(client_id, value), basic(quote_plus(client_id), quote_plus(value))):
                    bare = pair.rstrip("=")
                    forms |= {pair, bare, bare.replace("+", "-").replace("/", "_")}
            for form in forms - self._forms.keys():
                self._forms[form] = repr(secret)
                insort(self._longest_first, form, key=lambda known: -len(known))
        return secret

    @property
    def known(self) -> bool:
        return bool(self._forms)

    def mask(self, text: str) -> str:
        """The text with each known secret replaced by its fingerprint, and each JWT without its signature."""
        text = JWT.sub(r"\1.<signature>", text)
        for form in self._longest_first:  # not one pattern of them all: it would be made anew after each new secret
            if form in text:
                text = text.replace(form, self._forms[form])
        return text
