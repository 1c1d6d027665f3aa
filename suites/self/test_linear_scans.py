"""What a party sends takes no longer than in proportion to its length: each scan of outside text, by how it grows.

Eight times the text may take ten times the time. What would be quadratic takes sixty-four times.
"""

import json
import time
from functools import cache, partial

import pytest
from exchanges import exchange_of
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from dcrproof.core.http.exchange import quoted
from dcrproof.core.http.retry import retry_after
from dcrproof.core.parties.gateway import said
from dcrproof.core.parties.tokens import decode, describe, verify
from dcrproof.core.record import events, received
from dcrproof.core.secrets.forms import jwts
from dcrproof.core.secrets.index import Secrets
from dcrproof.reports import facts, handoff, text

SMALL, LARGE = 2_500, 20_000
"""Characters; the larger is as much of a body as an event keeps."""
GROWTH = 10
NOISE = 0.01
"""Seconds below which a time says nothing."""


exchange = partial(exchange_of, 200)


@cache
def secrets() -> Secrets:
    found = Secrets()
    for value in (
        "Gq7-secret/of+the.tests",
        "_ABCDEFG_0123456789abcdef",
        "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJlIG9m",
        "x" * 400,
    ):
        found.know(value, "client-of-the-tests")
    return found


def searched(content: str) -> None:
    list(secrets().search([content]))


def as_member(content: str) -> None:
    list(received.received(exchange(json.dumps({"note": "eyJ", "client_secret": content, "data": [content]}).encode())))


SCANS = {
    "event of a body": lambda content: events.exchanged(exchange(content.encode()), None),
    "event of a member": lambda content: events.exchanged(
        exchange(json.dumps({"note": "eyJ", "a": content}).encode()), None
    ),
    "event of a header": lambda content: events.exchanged(exchange(b"", ("x-note", content)), None),
    "mask": lambda content: secrets().mask(content),
    "find": lambda content: secrets().find(content),
    "search": searched,
    "jwts": lambda content: list(jwts(content)),
    "received in a body": lambda content: list(received.received(exchange(content.encode()))),
    "received in a member": as_member,
    "received in a cookie": lambda content: list(received.received(exchange(b"", ("set-cookie", content)))),
    "received in a location": lambda content: list(received.received(exchange(b"", ("location", content)))),
    "quoted": quoted,
    "decode": decode,
    "describe": describe,
    "verify": lambda content: verify(content, {"keys": [{"kty": "RSA", "kid": content}]}),
    "retry-after": lambda content: retry_after(exchange(b"", ("retry-after", content))),
    "challenge": lambda content: said(exchange_of(401, b"", ("www-authenticate", content))),
    "stable": facts.stable.__wrapped__,
    "visible": text.visible,
    "one line": text.one_line,
    "code": text.code,
    "block": text.block,
    "instance": handoff.INSTANCE.findall,
    "client": handoff.CLIENT.findall,
}

ATOMS = [
    *(
        "eyJ",
        "A",
        "a1",
        "aA",
        "1",
        "-",
        "_",
        ".",
        ":",
        "=",
        "%",
        "&",
        "#",
        "/",
        "\\",
        '"',
        "'",
        "`",
        " ",
        "\n",
        "\x1b[",
        "0",
    ),
    *(
        ".eyJ",
        "eyJ.",
        "eyJA.eyJA.",
        "Bearer ",
        "<secret 1234abcd>",
        '"note":"',
        "client_id=",
        '"instance":"',
        "&amp;",
        'error_description="',
        "error_description ",
        "%41",
    ),
    *(
        "\\u0041",
        "\\n",
        "-----BEGIN PRIVATE KEY-----",
        "-----END",
        "_ABCDEFG_",
        "2026-01-01T",
        "aaa, 01 bbb 2026 ",
        "x-",
        "\\\\",
    ),
    *("BEGIN ", "PRIVATE ", "127.0.0.1:", "secret=", "token: ", "\u202e", "é", "=\n", "E  ", "AAAA"),
]


def seconds(scan, content: str) -> float:
    """The least time of a few, of this process alone."""
    found = []
    for _ in range(3):
        begun = time.process_time()
        scan(content)
        found.append(time.process_time() - begun)
        if found[-1] > 1:
            break
    return min(found)


def grown(before: str, unit: str, after: str, length: int) -> str:
    return before + unit * (length // len(unit)) + after


@pytest.mark.parametrize("name", SCANS)
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(
    before=st.sampled_from(["", *ATOMS]),
    unit=st.lists(st.sampled_from(ATOMS), min_size=1, max_size=3).map("".join),
    after=st.sampled_from(["", *ATOMS]),
)
@example(before='{"note":"eyJ","picture":"', unit="A", after='"}')
@example(before="", unit="eyJ", after="")
@example(before="eyJA.eyJ", unit="A", after="")
@example(before="", unit="A.", after="")
@example(before="", unit="BEGIN PRIVATE KEY-----", after="")
@example(before="", unit='"a":"', after="")
@example(before="", unit="a-", after="1")
@example(before="", unit="<secret 1234abcd>", after="")
@example(before="", unit="\\", after="n")
def test_a_scan_grows_with_its_text(name, before, unit, after):
    scan = SCANS[name]
    large = seconds(scan, grown(before, unit, after, LARGE))
    if large > NOISE * GROWTH:
        small = seconds(scan, grown(before, unit, after, SMALL))
        assert large <= GROWTH * max(small, NOISE), (
            f"{name}: {small:.4f} s, then {large:.4f} s: {before!r} {unit!r} {after!r}"
        )
