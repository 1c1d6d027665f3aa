"""The secrets that an answer brings, found where the protocols put them, so that they can be masked by value."""

import json
from collections.abc import Iterator
from http.cookies import CookieError, SimpleCookie
from typing import Any

from dcrproof.secret import jwts
from dcrproof.transcript import Exchange

MEMBERS = frozenset(
    {"access_token", "client_secret", "id_token", "refresh_token", "registration_access_token", "token"}
)
"""Members of answers (RFC 6749 5.1, RFC 7591 3.2.1; the portal's own) whose value is a secret."""
SHORTEST = 12
"""Fewer characters are no secret that a party makes, but a word."""

Received = tuple[str, str | None]
"""A secret, and the client id that it makes Basic credentials with, where one was beside it."""


def received(exchange: Exchange) -> Iterator[Received]:
    """The secrets that an answer brings: cookies, tokens, client secrets.

    What was sent is left out: the run knows its own secrets, and makes up others that are none.
    """
    for header in exchange.headers_named("set-cookie"):
        try:
            cookies = SimpleCookie(header)
        except CookieError:
            continue
        yield from ((cookie.value, None) for cookie in cookies.values() if _is_secret(cookie.value))
    yield from ((token, None) for _, value in exchange.headers for token in jwts(value))
    if b".eyJ" in exchange.body:  # also where an upstream shows what reached it
        yield from ((token, None) for token in jwts(exchange.text))
    if exchange.body[:1] in {b"{", b"["}:
        try:
            content = json.loads(exchange.body)
        except (ValueError, RecursionError):
            return
        yield from _members(content)


def _members(content: Any) -> Iterator[Received]:
    """The secrets among the members of a body, at any depth."""
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            waiting.extend(value for name, value in item.items() if name not in MEMBERS)
            client_id = item.get("client_id")
            for name in MEMBERS & item.keys():
                if isinstance(item[name], str) and _is_secret(item[name]):
                    yield item[name], client_id if isinstance(client_id, str) else None


def _is_secret(value: str) -> bool:
    """Whether a value is long enough, and no JWT: those are found wherever they stand."""
    return len(value) >= SHORTEST and not (value.startswith("eyJ") and value.count(".") == 2)
