"""Ids in URLs: each is one segment of a path, whatever a party calls its things."""

import unicodedata
from urllib.parse import quote, unquote

DECODED = 4
"""How often a path is decoded: one that is not plain then is not meant to be."""


def is_id(value: object) -> bool:
    """Whether that can name one thing in a path: not empty, not `.` or `..`, no separator, no control character."""
    return (
        isinstance(value, str) and value.isprintable() and value not in {"", ".", ".."} and not {*value} & {"/", "\\"}
    )


def segment(id: str) -> str:
    """An id as one segment of a path."""
    return quote(id, safe="")


def is_plain(path: str) -> bool:
    """Whether a path names what it seems to name: clients resolve dot segments; servers, and proxies before them, also those
    that are encoded, once or more, that have parameters (`..;a`), or that Unicode calls equivalent.
    """
    decoded, before = unicodedata.normalize("NFKC", path), ""
    for _ in range(DECODED):
        decoded, before = unicodedata.normalize("NFKC", unquote(decoded, errors="replace")), decoded
    if decoded != before:
        return False
    segments = {segment.partition(";")[0].strip() for segment in decoded.split("/")}
    return decoded.isprintable() and not {"\\", "\ufffd"} & {*decoded} and not {".", ".."} & segments
