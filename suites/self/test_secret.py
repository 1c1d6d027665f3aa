"""Secrets hide themselves, and are masked by value in each form in which they appear."""

import base64
import json
import pickle
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrproof.secret import SHORTEST, Secret, Secrets, basic

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=SHORTEST, max_size=60)
IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=":"), min_size=1, max_size=20)


@given(TEXT)
def test_a_secret_never_shows_itself_unasked(value):
    secret = Secret(value)
    shown = f"{secret} {secret!r} {secret:>40} {[secret]} {{'a': {secret}}}"
    assert secret.fingerprint in shown
    assert value not in shown.replace(secret.fingerprint, "")
    assert secret.reveal() == value


def test_a_secret_does_not_leave_the_process_in_plain():
    with pytest.raises(TypeError, match="plain"):
        pickle.dumps(Secret("a secret value"))


def test_secrets_compare_by_value():
    assert Secret("the same value") == Secret("the same value")
    assert Secret("the same value") != Secret("another value")
    assert len({Secret("the same value"), Secret("the same value")}) == 1


@given(TEXT, IDS)
def test_every_form_of_a_known_secret_is_masked(value, client_id):
    secrets = Secrets()
    fingerprint = repr(secrets.know(value, client_id))
    pairs = [basic(client_id, value), basic(quote_plus(client_id), quote_plus(value))]
    pairs += [pair.rstrip("=") for pair in pairs]
    pairs += [pair.replace("+", "-").replace("/", "_") for pair in pairs[2:]]
    escaped = [json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]]
    for form in (value, quote(value, safe=""), quote_plus(value), *escaped, *pairs):
        masked = secrets.mask(f"before {form} after")
        assert masked == f"before {fingerprint} after"


@given(st.text(max_size=SHORTEST - 1))
def test_what_is_too_short_to_be_masked_safely_is_left_alone(value):
    secrets = Secrets()
    secrets.know(value)
    assert secrets.mask("an ordinary sentence") == "an ordinary sentence"


def test_a_longer_secret_is_masked_before_a_shorter_one_in_it():
    secrets = Secrets()
    secrets.know("abcdefgh")
    longer = repr(secrets.know("abcdefgh-and-more"))
    assert secrets.mask("abcdefgh-and-more") == longer


def test_a_jwt_keeps_header_and_claims_and_loses_its_signature():
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (b'{"alg":"RS256"}', b'{"sub":"a"}')]
    token = ".".join([*parts, "c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4"])
    assert Secrets().mask(token) == f"{parts[0]}.{parts[1]}.<signature>"


@given(IDS, st.text(st.characters(exclude_categories=["Cs"])))
def test_basic_credentials_are_those_of_rfc_7617(client_id, secret):
    assert base64.b64decode(basic(client_id, secret)).decode() == f"{client_id}:{secret}"
