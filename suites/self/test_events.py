"""Events: what they keep of an exchange, what is masked, and how a truncated record is read."""

import json
from datetime import UTC, datetime

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrproof.core.http.exchange import Exchange, Unanswered
from dcrproof.core.record.events import LONGEST_BODY, exchanged, line, masked, read
from dcrproof.core.record.received import received
from dcrproof.core.secrets.index import Secrets
from dcrproof.core.secrets.own_words import is_own

AT = datetime(2026, 11, 24, 7, 55, 37, 194_000, UTC)
SECRET = "5up3r-s3cr3t-v4lue"


def exchange(body: bytes = b"", sent: bytes = b"", **headers: str) -> Exchange:
    answered = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Exchange(
        number=3,
        at=AT,
        party="curity",
        method="POST",
        url="https://idsvr.example.com/token",
        status=200,
        request_headers=(),
        request_body=sent,
        headers=answered,
        body=body,
        seconds=0.25,
    )


def kept(one: Exchange, secrets: Secrets | None = None) -> dict:
    return dict(masked([exchanged(one, "a.check")], (secrets or Secrets()).mask)[0])


def test_an_exchange_is_kept_with_its_time_its_check_and_its_sender():
    event = kept(exchange(b"yes", content_type="text/plain"))
    assert (event["number"], event["at"], event["check"]) == (3, "2026-11-24T07:55:37.194Z", "a.check")
    assert (event["from"], event["to"], event["status"], event["seconds"]) == ("dcrproof", "curity", 200, 0.25)
    assert event["response"] == {"headers": [["content-type", "text/plain"]], "body": "yes", "bytes": 3, "note": ""}
    assert event["error"] is None


def test_a_request_without_an_answer_is_kept_with_the_reason():
    event = exchanged(
        Unanswered(
            number=1,
            at=AT,
            party="gateway",
            method="GET",
            url="https://x.example",
            request_headers=(),
            request_body=b"",
            seconds=15.0,
            error="connection refused",
        ),
        None,
    )
    assert (event["from"], event["status"], event["response"]) == ("consumer", None, None)
    assert event["error"] == "connection refused"


def test_ten_megabytes_are_cut_with_a_note_of_the_size():
    response = kept(exchange(b"x" * 10_000_000))["response"]
    assert len(response["body"]) == LONGEST_BODY
    assert response["bytes"] == 10_000_000
    assert response["note"] == "cut after 16,384 characters, of 10,000,000 bytes"


def test_a_body_that_is_not_text_is_shown_as_well():
    response = kept(exchange(b"\xff\xfe<b>\x1b[31m"))["response"]
    assert response["body"] == "\\xff\\xfe<b>\x1b[31m"
    assert response["note"].startswith("not UTF-8")


def test_no_part_of_a_secret_is_left_where_a_body_is_cut():
    secrets = Secrets()
    secrets.know(SECRET)
    for before in range(LONGEST_BODY - len(SECRET), LONGEST_BODY):
        body = kept(exchange(b"." * before + SECRET.encode() + b"." * 9_000), secrets)["response"]["body"]
        assert SECRET[:8] not in body


def test_a_token_keeps_its_header_and_claims_and_loses_its_signature():
    token = jwt.encode({"sub": "somebody"}, "k" * 32, "HS256", {"kid": "7"})
    event = kept(
        exchange(json.dumps({"access_token": token}).encode(), b"grant_type=x", authorization=f"Bearer {token}")
    )
    assert [found["where"] for found in event["jwts"]] == [
        "response header authorization",
        "response body, access_token",
    ]
    assert event["jwts"][0]["header"]["kid"] == "7"
    assert event["jwts"][0]["claims"] == {"sub": "somebody"}
    assert token.rpartition(".")[2] not in line(event)


@given(st.text(min_size=12).filter(lambda text: not is_own(text)), st.text())
def test_a_known_secret_is_in_no_line(secret, beside):
    secrets = Secrets()
    secrets.know(secret)
    event = kept(exchange((beside + secret + beside).encode("utf-8", "replace"), x=secret), secrets)
    assert json.dumps(secret, ensure_ascii=False)[1:-1] not in line(
        {**event, "response": {**event["response"], "note": ""}}
    )


def test_a_secret_that_is_one_of_our_words_changes_none_of_them():
    secrets = Secrets()
    secrets.know("dcrproof")
    assert kept(exchange(), secrets)["from"] == "dcrproof"


@pytest.mark.parametrize(
    ("body", "headers", "found"),
    [
        (b'{"client_id": "c", "client_secret": "a-new-secret-of-it"}', {}, [("a-new-secret-of-it", "c")]),
        (b'[{"nested": {"access_token": "_0XBPWQQ_1234567"}}]', {}, [("_0XBPWQQ_1234567", None)]),
        (b"", {"set_cookie": "session=abcdefghijklmnop; Path=/; HttpOnly"}, [("abcdefghijklmnop", None)]),
        (
            b"",
            {"set_cookie": "a=eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln; Path=/"},
            [("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln", None)],
        ),
        (b'{"token": "short", "token_type": "bearer-of-all-things"}', {}, []),
        (
            b'{"headers": {"authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln"}}',
            {},
            [("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln", None)],
        ),
        (b"[" * 100_000, {}, []),
        (b"<html>", {"set_cookie": "\x00=\x01"}, []),
    ],
)
def test_secrets_in_answers_are_found_where_the_protocols_put_them(body, headers, found):
    assert list(received(exchange(body, **headers))) == found


def test_a_truncated_record_is_read_up_to_there():
    lines = [line({"event": "started"}), line({"event": "sent", "number": 1}), '{"event": "exchan']
    assert [event["event"] for event in read(lines)] == ["started", "sent"]


@given(st.text())
def test_an_event_with_any_text_is_one_line(text):
    written = line({"event": "note", "text": text})
    assert written.count("\n") == 1
    assert next(read([written]))["text"] == text
