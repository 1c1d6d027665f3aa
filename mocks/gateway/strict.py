"""Decoding that has one accepted spelling for each value, and never raises."""

import math
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from dcrproof.mocks.messages import as_json, read_json


def base64(text: str) -> bytes | None:
    """The octets of standard base64 with its padding (RFC 4648 section 4), or None.

    None as well for another spelling of the same octets.
    """
    try:
        decoded = b64decode(text, validate=True)
    except ValueError:
        return None
    return decoded if b64encode(decoded) == text.encode() else None


def base64_of_any_spelling(text: str) -> bytes | None:
    """The octets of base64 in either alphabet (RFC 4648 sections 4 and 5), with its padding or without, or None."""
    bare = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    return base64(bare + "=" * (-len(bare) % 4))


def base64url(text: str) -> bytes | None:
    """The octets of base64url without padding (RFC 7515 section 2), or None.

    The last character of a signature has bits that no octet uses. They must be zero, or one token had many spellings.
    """
    try:
        decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return decoded if to_base64url(decoded) == text else None
    except ValueError:
        return None


def to_base64url(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def json_object(octets: bytes) -> dict[str, Any] | None:
    """The JSON object that these octets hold, or None."""
    try:
        value = read_json(octets)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def to_json(value: Any) -> bytes:
    return as_json(value).encode()


def number(value: object) -> float | None:
    """A finite number, from JSON's number or from a string of decimal digits; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not (value.isascii() and value.replace(".", "", 1).isdigit()):
        return None
    try:
        converted = float(value)
    except (ValueError, OverflowError):
        return None
    return converted if math.isfinite(converted) else None
