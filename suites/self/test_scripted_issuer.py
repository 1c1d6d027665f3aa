"""The issuer that a gateway on this machine can be configured to trust."""

import json
import ssl
import time
from contextlib import closing
from http.client import HTTPConnection, RemoteDisconnected
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import jwt
import pytest

from dcrproof.core.parties.scripted_issuer import Answer, ScriptedIssuers, new_key, public, signed


@pytest.fixture
def issuers():
    made = ScriptedIssuers()
    yield made
    made.close()


def asked(url, data=None):
    with urlopen(Request(url, data), timeout=5) as answer:  # noqa: S310 - http on this machine
        return json.loads(answer.read())


def test_tokens_verify_with_the_published_keys(issuers):
    issuer = issuers.issuer()
    document = asked(f"{issuer.url}/.well-known/openid-configuration")
    assert document["issuer"] == issuer.url
    issuer.rotate("scripted-2")
    keys = {key["kid"]: jwt.PyJWK(key) for key in asked(document["jwks_uri"])["keys"]}
    assert set(keys) == {"scripted-1", "scripted-2"}
    text = asked(document["token_endpoint"], b"client_id=app&client_secret=any")["access_token"]
    claims = jwt.decode(text, keys["scripted-2"], ["ES256"], issuer=issuer.url, audience="scripted")
    assert claims["sub"] == "app"


def test_a_claim_of_none_is_left_out_and_odd_headers_are_made(issuers):
    text = issuers.issuer().token("app", {"x-odd": ["x"], "kid": None}, exp=None, sub="another")
    parts = jwt.api_jws.decode_complete(text, options={"verify_signature": False})
    assert (parts["header"]["x-odd"], "kid" in parts["header"]) == (["x"], False)
    claims = json.loads(parts["payload"])
    assert (claims["sub"], "exp" in claims) == ("another", False)


def test_issuers_record_requests_and_answer_as_told(issuers):
    one, two = issuers.issuer(), issuers.issuer()
    one.answers["token"] = Answer(400, {"error": "invalid_scope"})
    with pytest.raises(HTTPError) as refused:
        asked(f"{one.url}/token", b"scope=openid")
    refused.value.close()
    assert refused.value.code == 400
    assert [request.form for request in one.asked("token")] == [{"scope": "openid"}]
    assert two.asked("token") == []


def test_a_connection_is_kept_until_it_is_dropped(issuers):
    issuer = issuers.issuer()
    address = urlsplit(issuer.url)
    with closing(HTTPConnection(address.netloc, timeout=5)) as connection:
        connection.connect()
        connection.auto_open = 0
        for _ in range(2):
            connection.request("GET", f"{address.path}/jwks")
            assert json.loads(connection.getresponse().read())["keys"]
        issuer.down = True
        connection.request("GET", f"{address.path}/jwks")
        with pytest.raises(RemoteDisconnected):
            connection.getresponse()


def test_a_dropped_connection_and_a_late_answer(issuers):
    issuer = issuers.issuer()
    issuer.down = True
    with pytest.raises(OSError):
        asked(f"{issuer.url}/jwks")
    issuer.down = False
    issuer.answers["jwks"] = Answer(content={}, delay=0.2)
    before = time.monotonic()
    asked(f"{issuer.url}/jwks")
    assert time.monotonic() - before >= 0.2


def test_the_certificate_of_a_secure_issuer_is_untrusted():
    issuers = ScriptedIssuers(secure=True)
    try:
        with pytest.raises(URLError) as refused:
            asked(f"{issuers.issuer().url}/jwks")
        assert isinstance(refused.value.reason, ssl.SSLCertVerificationError)
    finally:
        issuers.close()


def test_a_key_that_is_not_published_does_not_verify(issuers):
    issuer = issuers.issuer()
    forged = signed({"iss": issuer.url}, {"kid": issuer.kid}, new_key())
    key = jwt.PyJWK(asked(f"{issuer.url}/jwks")["keys"][0])
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(forged, key, ["ES256"])
    assert "d" not in public(new_key(), "kid")
