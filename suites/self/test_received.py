"""Secrets are found in answers where protocols and products put them; settings, ids and messages are not secrets."""

import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrproof.core.http.exchange import Exchange, now
from dcrproof.core.record.received import received, without_others
from dcrproof.core.secrets.secret import basic

SECRET = "Zx9Qw8Er7Ty6Ui5Op4As3"
ANOTHER = "aa81Lw02Mcnv7zVbbQ1"
PLUGINS = "https://eu.api.konghq.com/v2/control-planes/c/core-entities/services/s/plugins"


def answered(
    content: Any = b"", *headers: tuple[str, str], url: str = "https://party.example/", party: str = "konnect"
) -> Exchange:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Exchange(
        number=1,
        at=now(),
        party=party,
        method="GET",
        url=url,
        status=200,
        request_headers=(),
        request_body=b"",
        headers=headers,
        body=body,
        seconds=0.1,
    )


def found(content: Any = b"", *headers: tuple[str, str]) -> list[str]:
    return [secret for secret, _ in received(answered(content, *headers))]


@pytest.mark.parametrize(
    "cookie",
    [
        "session={}",
        "session={}; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
        "session={}; Priority=High; something-new",
        "session={}; Expires=Thu, 01 Jan 2099 00:00:00 GMT",
        's[1]="{}"; Path=/',
        "a name={}",
        "= {} ;Path=/",
        "portalaccesstoken\t= {}",
    ],
)
def test_the_value_of_any_cookie_is_a_secret(cookie):
    assert found(b"", ("set-cookie", cookie.format(SECRET))) == [SECRET]


@given(
    st.text(st.characters(min_codepoint=0x21, exclude_characters='%;="', exclude_categories=["Zs", "Cs"]), min_size=12),
    st.text(st.characters(exclude_characters="=;")),
    st.text(),
)
def test_a_cookie_is_parsed_as_browsers_do_it(value, name, attributes):
    if value.isspace() or value.startswith("eyJ"):
        return
    assert found(b"", ("Set-Cookie", f"{name}={value};{attributes}")) == [value]


def test_a_percent_encoded_cookie_is_a_secret_in_both_forms():
    assert found(b"", ("set-cookie", "session=abc%2Bdef%2Fghi%3D; Path=/")) == [
        "abc%2Bdef%2Fghi%3D",
        "abc+def/ghi=",
    ]


@pytest.mark.parametrize("before", [b"", b"\n", b"\xef\xbb\xbf", b" \r\n\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_a_body_with_any_beginning_is_read(before, encoding):
    body = json.dumps({"access_token": SECRET})
    assert found(before + body.encode() if encoding == "utf-8" else body.encode(encoding)) == [SECRET]


@pytest.mark.parametrize(
    "body",
    [
        '{"client_id": "one", "client_secret": "%s"',
        '{"client_secret": "%s',
        '<html><pre>{"client_secret" : "%s"}</pre>',
        '{"client_secret":"%s"}{"more":1}',
        "access_token=%s&token_type=bearer",
    ],
)
def test_a_body_that_is_not_json_is_searched_as_well(body):
    assert found((body % SECRET).encode()) == [SECRET]


def test_a_nested_document_is_searched():
    assert found({"body": json.dumps({"data": json.dumps([{"client_secret": SECRET}])})}) == [SECRET]


def test_secrets_in_a_redirect_are_found():
    address = f"https://portal.example/callback?code={SECRET}&state=one#access_token={ANOTHER}&token_type=bearer"
    assert found(b"", ("location", address)) == [SECRET, ANOTHER]


@pytest.mark.parametrize(
    "name",
    [
        "access_token",
        "client_secret",
        "id_token",
        "refresh_token",
        "registration_access_token",
        "token",
        "secret",
        "password",
        "credential",
        "session_secret",
        "api_key",
        "apikey",
        "x-api-key",
        "dcr_token",
        "initial_client_secret",
        "initialAccessToken",
        "redis.password",
        "sentinel_password",
        "aws_secret_access_key",
        "azure_client_secret",
        "private_key",
        "ssl_private_key",
        "http_proxy_authorization",
        "oidc_client_secret",
        "confluent_cloud_api_secret",
        "eab_hmac_key",
        "provision_key",
        "passphrase",
        "client_secrets",
    ],
)
def test_the_end_of_a_members_name_marks_a_secret(name):
    assert found({"data": [{"config": {name: SECRET}}]}) == [SECRET]
    assert sorted(found({name: [SECRET, ANOTHER]})) == sorted([SECRET, ANOTHER])
    assert found({name: {"of": {"secret": SECRET}}}) == [SECRET]


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "client_id": SECRET,
        "kid": SECRET,
        "token_endpoint": "https://idsvr.example.com/oauth/v2/oauth-token",
        "token_endpoint_auth_method": "client_secret_basic",
        "credential_claim": ["a-claim-of-theirs"],
        "secret_ref": SECRET,
        "key": "an-attribute-of-an-api",
        "key_names": ["x-the-key-of-theirs"],
        "token_type": "bearer-of-something",
        "cache_tokens": True,
        "client_secret_expires_at": 1790000000,
        "login_tokens": ["id_token", "refresh_token", "access_token_and_more"],
        "credential": "client_credentials",
        "token": "shorter-123",
        "password": ["must be longer than it is"],
        "client_secret": "{vault://env/secret-of-a-client}",
        "authorization": "Bearer",
        "tokens": {"lifetime-of-access": "three hundred seconds"},
    }.items(),
)
def test_settings_ids_and_messages_are_not_secrets(name, value):
    assert found({name: value}) == []


def test_a_secret_that_a_person_has_chosen_may_be_short():
    assert found({"password": "hunter-2", "token": "hunter-2", "secret": "short"}) == ["hunter-2"]


def test_a_secret_is_known_with_its_client_id():
    content = [
        {"client_id": "one", "client_secret": SECRET},
        {"config": {"client_id": ["two", "three"], "client_secret": [ANOTHER, SECRET + "3"]}},
        {"client_id": ["four"], "client_secret": [SECRET + "4", SECRET + "5"]},
    ]
    assert sorted(received(answered(content)), key=str) == sorted(
        [
            (SECRET, "one"),
            (ANOTHER, "two"),
            (SECRET + "3", "three"),
            (SECRET + "4", None),
            (SECRET + "5", None),
        ],
        key=str,
    )


def test_credentials_that_an_upstream_shows_are_found():
    assert found({"headers": {"Authorization": f"Bearer {SECRET}"}}) == [SECRET]
    assert found({"headers": {"authorization": f"Basic {basic('one', SECRET)}"}}) == [SECRET]
    assert found({"headers": {"authorization": f"Basic {SECRET}"}}) == [SECRET]


def test_a_jwt_in_a_body_is_a_secret_whatever_its_name():
    token = jwt.encode({"sub": "one"}, SECRET * 2, "HS256")
    assert found({"shown": token}) == [token]
    assert found(f"<p>{token}</p>".encode()) == [token]


def test_the_private_part_of_a_key_is_a_secret():
    assert found({"keys": [{"kty": "RSA", "n": SECRET, "e": "AQAB", "d": ANOTHER}]}) == [ANOTHER]
    assert found({"keys": [{"kty": "RSA", "n": SECRET, "e": "AQAB"}], "d": ANOTHER}) == []
    pem = f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n{ANOTHER}\n-----END RSA PRIVATE KEY-----\n"
    assert found({"cert_key": pem}) == [SECRET + ANOTHER]
    assert found(pem.encode()) == [SECRET + ANOTHER]


@given(st.recursive(st.none() | st.text() | st.integers(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)))
def test_any_json_can_be_searched(content):
    for body in (
        json.dumps(content).encode(),
        json.dumps(content)[:-1].encode(),
        json.dumps({"token": content}).encode(),
    ):
        assert all(isinstance(secret, str) for secret in found(body))


@given(st.binary())
def test_any_bytes_can_be_searched(body):
    assert all(isinstance(secret, str) for secret in found(body, ("location", body.decode("latin-1"))))


# What is recorded of other people's plugins

OTHERS = {"id": "1", "name": "http-log", "enabled": True, "config": {"headers": {"x-any": SECRET}}}
OURS = {"id": "2", "name": "konnect-application-auth", "enabled": True, "config": {"auth_type": "v2-strategies"}}


@pytest.mark.parametrize("url", [PLUGINS, f"{PLUGINS}?size=100", "https://e.example/v2/c/core-entities/plugins"])
def test_the_settings_of_other_plugins_are_not_recorded(url):
    content = {"data": [OTHERS, OURS], "offset": "next"}
    recorded = without_others(answered(content, url=url))
    assert SECRET not in recorded.text
    assert recorded.object() == {"data": [{**OTHERS, "config": "left out"}, OURS], "offset": "next"}


@pytest.mark.parametrize(
    "exchange",
    [
        answered({"data": [OTHERS]}),
        answered({"data": [OURS]}, url=PLUGINS),
        answered({"data": {"name": "x"}}, url=PLUGINS),
        answered(b"<html>", url=PLUGINS),
        answered({"data": [OTHERS]}, url=PLUGINS, party="gateway"),
    ],
)
def test_everything_else_is_recorded_unchanged(exchange):
    assert without_others(exchange) is exchange


def test_only_the_parameters_of_an_address_are_searched():
    assert found(b"", ("location", f"/client_secret={SECRET}")) == []
    assert found(b"", ("location", f"/path?client_secret={SECRET}#client_secret={ANOTHER}")) == [SECRET, ANOTHER]


def test_a_secret_with_an_escape_that_is_none_is_a_secret():
    assert found(f'{{"client_secret": "{SECRET}\\q"'.encode()) == [f"{SECRET}\\q"]


def test_a_secret_that_looks_like_a_part_of_a_jwt_is_a_secret():
    assert found({"client_secret": f"eyJhbGciOi.{SECRET}"}) == [f"eyJhbGciOi.{SECRET}"]
