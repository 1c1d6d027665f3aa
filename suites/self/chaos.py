"""Answers that no document allows: mocks of which some answers, told by a seed, are not what they should be.

One in so many is changed in one way: its status, its type, its body, a header, or a member at any depth of its JSON.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from dcrproof.mocks.messages import Response

RARELY = 0.04
STATUSES = (200, 201, 204, 301, 302, 400, 401, 403, 404, 405, 409, 418, 429, 500, 502, 503)
TYPES = (
    "application/json",
    "text/html; charset=utf-8",
    "text/plain",
    "application/jwt",
    "",
    "x",
    "application/problem+json",
)
BODIES = (
    *(
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"0",
        b"\xff\xfe",
        b"[[[[",
        b"{}",
        b'{"error": 7}',
        b'{"data": {}}',
        b'{"data": [1]}',
    ),
    *(
        b'{"keys": [null, {"kty": 7, "kid": []}]}',
        b"<html></html>",
        b'{"a": "\\ud800"}',
        b"NaN",
        b"[" * 20_000,
        b"1e999",
    ),
)
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1.5,
        10**30,
        float("1e300"),
        "",
        " ",
        "text",
        "a:b",
        "/relative",
        "http://",
        "https://[::1",
        "\x00\n",
        "\u202e",
    ),
    *(
        [],
        [None],
        ["text"],
        [[]],
        {},
        {"id": 7},
        {"id": None},
        [{"id": None}],
        "eyJhbGciOiJub25lIn0.e30.",
        "eyJ.eyJ.x",
        "a.b.c.d.e",
    ),
    *("eyJhbGciOjd9.W10.AA", "http://127.0.0.1:1/", "http://b\u00fccher.invalid/", "x" * 5_000),
)
NOT_DISTURBED = {"control"}


def disturb(world: Any, seed: int) -> None:
    """From here on some answers of these mocks are odd."""
    chance = random.Random(f"chaos {seed}")
    for port in world.handlers.keys() - NOT_DISTURBED:
        world.handlers[port] = _odd(world.handlers[port], chance)


def _odd(face: Callable[[Any], Any], chance: random.Random) -> Callable[[Any], Any]:
    def answered(calls: Iterator[Any]) -> Any:
        response = yield from calls
        return changed(response, chance)

    def handle(request: Any) -> Any:
        outcome = face(request)
        return changed(outcome, chance) if isinstance(outcome, Response) else answered(outcome)

    return handle


def changed(response: Response, chance: random.Random) -> Response:
    if chance.random() >= RARELY:
        return response
    match chance.choice(("member", "member", "member", "member", "status", "type", "body", "header")):
        case "status":
            return replace(response, status=chance.choice(STATUSES))
        case "type":
            kept = tuple(pair for pair in response.headers if pair[0].lower() != "content-type")
            return replace(response, headers=(*kept, ("content-type", chance.choice(TYPES))))
        case "body":
            return replace(response, body=chance.choice(BODIES))
        case "header" if response.headers:
            lost = chance.randrange(len(response.headers))
            return replace(response, headers=tuple(pair for at, pair in enumerate(response.headers) if at != lost))
    try:
        content = json.loads(response.body)
    except ValueError:
        return response
    return replace(response, body=json.dumps(_with_another_member(content, chance)).encode())


def _with_another_member(content: Any, chance: random.Random) -> Any:
    """The content with one member changed or left out, of itself or of what is in it."""
    names = (
        list(content) if isinstance(content, dict) else list(range(len(content))) if isinstance(content, list) else []
    )
    if not names:
        return chance.choice(VALUES)
    name = chance.choice(names)
    if isinstance(content[name], dict | list) and content[name] and chance.random() < 0.7:
        content[name] = _with_another_member(content[name], chance)
    elif chance.random() < 0.3:
        del content[name]
    else:
        content[name] = chance.choice(VALUES)
    return content
