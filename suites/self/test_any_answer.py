"""Whatever a party answers, the fault is not dcrproof's: no answer gives the verdict *error*."""

import contextlib
import json

import pytest
from exchanges import exchange_of
from hypothesis import given
from hypothesis import strategies as st
from performing import Case
from quirky_server import encoded, jwk
from tiers import sample

from dcrproof.core.checks.outcomes import Outcome
from dcrproof.core.http.exchange import Exchange, quoted, skew
from dcrproof.core.http.retry import retry_after
from dcrproof.core.parties import gateway, konnect, tokens
from dcrproof.core.parties.authorization_server import Metadata, error_code
from dcrproof.core.record import events, received


@pytest.mark.parametrize(
    "case", sample((Case(chaos=seed) for seed in range(1, 13)), of=1, id=lambda case: f"seed {case.chaos}")
)
def test_no_answer_is_an_internal_error(case, ended):
    run = ended[case]
    errors = {check["id"]: check["observed"] for check in run.checks if check["verdict"] == "error"}
    assert errors == {}
    assert "INTERNALERROR" not in run.printed
    assert "Traceback (most recent call last)" not in run.printed


# The helpers by themselves, with answers of any kind

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["RS256", "ES256", "none", "key-1", "HS256", "RSA", "EC", "OKP", "oct", "AQAB"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
HEADER, CLAIMS = ("alg", "kid", "typ", "crit", "b64", "enc"), ("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope")


def members_of(*names: str) -> st.SearchStrategy[dict]:
    return st.dictionaries(st.sampled_from(names), values, max_size=6)


def part(content: object) -> str:
    return encoded(json.dumps(content).encode())


jwts = st.builds(
    lambda header, claims, signature: f"{part(header)}.{part(claims)}.{encoded(signature)}",
    members_of(*HEADER) | values,
    members_of(*CLAIMS) | values,
    st.binary(max_size=80),
)
texts = jwts | st.text(max_size=40) | st.lists(st.text("eyJAabc=-_", max_size=9), max_size=6).map(".".join)
keys = st.lists(
    members_of("kty", "kid", "use", "alg", "crv", "x", "y", "n", "e", "k", "d", "key_ops")
    | values
    | st.sampled_from(
        [jwk("ES256"), {**jwk("ES256"), "kid": None}, {**jwk("RS256"), "e": ""}, {**jwk("RS256"), "n": "="}]
    ),
    max_size=4,
)
key_sets = (
    st.fixed_dictionaries({"keys": keys})
    | st.dictionaries(st.text(max_size=5), values, max_size=2)
    | st.fixed_dictionaries({"keys": values})
)
bodies = st.binary(max_size=60) | (
    values | members_of("data", "meta", "message", "error", "headers", "id", "keys", "client_id", "client_secret")
).map(lambda content: json.dumps(content).encode())
headers = st.lists(
    st.tuples(
        st.sampled_from(
            ["content-type", "date", "age", "retry-after", "via", "set-cookie", "location", "cache-control"]
        ),
        st.text(max_size=20)
        | st.sampled_from(
            ["text/html", "Mon, 30 Nov 2026 13:00:00 GMT", "-1", "9" * 30, "session=; x", "application/json"]
        ),
    ),
    max_size=4,
)


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    return exchange_of(draw(st.integers(100, 599)), draw(bodies), *draw(headers))


@given(texts, key_sets)
def test_any_token_is_judged_by_any_keys(text, published):
    said = tokens.verify(text, published)
    assert said is None or isinstance(said, str)
    assert isinstance(tokens.describe(text), str)


FORGERIES = {
    "tampered": lambda token, _: tokens.tampered(token),
    "with_claims": lambda token, _: tokens.with_claims(token, sub="another"),
    "unsigned": lambda token, _: tokens.unsigned(token),
    "foreign": lambda token, _: tokens.foreign(token),
    "hs_confused": tokens.hs_confused,
}


@pytest.mark.parametrize("name", FORGERIES)
@given(text=texts, published=key_sets)
def test_any_token_is_forged_or_said_to_be_unfit(name, text, published):
    token = tokens.decode(text)
    if token is not None:
        with contextlib.suppress(Outcome):
            FORGERIES[name](token, published)


READERS = {
    "error_code": error_code,
    "problem": konnect.problem,
    "listed": lambda exchange: list(konnect.listed(lambda _: exchange, "/v3/apis")),
    "named": lambda exchange: Metadata(exchange.members()).issuer,
    "recognised": gateway.answered_by_kong,
    "too_large": gateway.too_large,
    "judges_nobody": gateway.judges_nobody,
    "said": gateway.answer,
    "session_cookie": gateway.session_cookie,
    "echoed": gateway.echoed,
    "skew": skew,
    "retry_after": retry_after,
    "received": lambda exchange: list(received.received(exchange)),
    "recorded": lambda exchange: events.line(events.exchanged(exchange, None)),
    "quoted": lambda exchange: quoted(exchange.text),
}


@pytest.mark.parametrize("name", READERS)
@given(exchange=exchanges())
def test_any_answer_is_read(name, exchange):
    with contextlib.suppress(Outcome):
        READERS[name](exchange)


OF_NGINX = b"<html><head><title>400 Request Header Or Cookie Too Large</title></head></html>"


@pytest.mark.parametrize(
    ("status", "body", "too_large"),
    [
        (400, b'{"message": "Request header or cookie too large"}', True),
        (400, OF_NGINX, True),
        (400, b"Request header or cookie too large\nrequest_id: 5", True),
        (431, b"", True),
        (494, b"", True),
        (400, b'{"message": "Bad request"}', False),
        (401, OF_NGINX, False),
    ],
)
def test_a_header_that_is_too_large_is_recognised_in_whatever_form(status, body, too_large):
    exchange = exchange_of(status, body, party="gateway")
    assert gateway.too_large(exchange) is too_large
    assert gateway.judges_nobody(exchange) is (not too_large and status == 400)
