"""The type of a secret, which shows its value only where code asks for it."""

import base64
import hashlib
import hmac

SHORTEST = 8
"""Fewer characters than this cannot be masked by value without masking ordinary words."""


class Secret:
    """A value that only `reveal` returns; its repr is a fingerprint."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits, by which two places with the same secret can be matched."""
        return hashlib.sha256(self._value.encode("utf-8", "surrogatepass")).hexdigest()[:8]

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


def basic(client_id: str, secret: str) -> str:
    """The credentials of RFC 7617: base64 of `id:secret` in UTF-8."""
    return base64.b64encode(f"{client_id}:{secret}".encode()).decode()
