"""Ids in URLs: each is one segment of a path, whatever a party calls its things."""

from urllib.parse import quote, unquote


def is_id(value: object) -> bool:
    """Whether that can name one thing in a path: not empty, not `.` or `..`, no separator, no control character."""
    return (
        isinstance(value, str) and value.isprintable() and value not in {"", ".", ".."} and not {*value} & {"/", "\\"}
    )


def segment(id: str) -> str:
    """An id as one segment of a path."""
    return quote(id, safe="")


def is_plain(path: str) -> bool:
    """Whether a path names what it seems to name: clients resolve dot segments, and servers also the encoded ones."""
    decoded = unquote(path, errors="replace")
    return decoded.isprintable() and "\\" not in decoded and not {".", ".."} & {*decoded.split("/")}
