"""The core reads tokens that another library has signed."""

import hmac
import time
from base64 import b64decode, urlsafe_b64encode

import pytest
from cryptography import x509
from joserfc import jwt as other_library
from joserfc.jwk import ECKey, OKPKey, RSAKey

from dcrproof.core.parties.tokens import (
    SLACK,
    Jwt,
    claims_flaw,
    decode,
    describe,
    foreign,
    foreign_x5c,
    hs_confused,
    oddities,
    tampered,
    unsigned,
    verify,
    with_claims,
)
from dcrproof.mocks.keys import rsa_key

CLAIMS = {"iss": "https://idsvr.example.com", "sub": "app", "exp": int(time.time()) + 300, "iat": int(time.time())}
KEYS = {
    "RS256": rsa_key(0),
    "PS256": rsa_key(0),
    "ES256": ECKey.generate_key("P-256"),
    "Ed25519": OKPKey.generate_key("Ed25519"),
}


def signed(algorithm: str, kid: str = "-38074812", **claims) -> str:
    name = "EdDSA" if algorithm == "Ed25519" else algorithm
    return other_library.encode({"alg": name, "kid": kid}, {**CLAIMS, **claims}, KEYS[algorithm], algorithms=[name])


def published(algorithm: str, kid: str = "-38074812") -> dict:
    return {"keys": [{**KEYS[algorithm].as_dict(private=False), "kid": kid, "use": "sig"}]}


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 has another name, servers still use this one
@pytest.mark.parametrize("algorithm", list(KEYS))
def test_a_token_of_any_public_key_algorithm_verifies(algorithm):
    assert verify(signed(algorithm), published(algorithm)) is None


def test_a_negative_key_id_is_a_key_id_like_any_other():
    assert verify(signed("RS256", "-1"), published("RS256", "-1")) is None


def test_a_key_id_that_is_not_published_is_named_with_those_that_are():
    wrong = verify(signed("RS256", "new"), published("RS256", "old"))
    assert wrong is not None
    assert "new" in wrong
    assert "old" in wrong


@pytest.mark.parametrize(
    "keys", [{"keys": []}, {}, {"keys": ["no key"]}, {"keys": 17}, {"keys": None}, {"keys": {"kid": "a"}}]
)
def test_without_a_key_nothing_verifies(keys):
    assert verify(signed("RS256"), keys) is not None


def test_a_key_that_is_too_short_is_not_used():
    """RFC 7518 3.3 asks for 2048 bits: a signature with a shorter key can be forged."""
    modulus = urlsafe_b64encode(b"\xc1" * 128).rstrip(b"=").decode()
    wrong = verify(signed("RS256", "short"), {"keys": [{"kty": "RSA", "kid": "short", "n": modulus, "e": "AQAB"}]})
    assert wrong is not None
    assert wrong.startswith("the published key short, which cannot be used: ")
    assert "1024" in wrong


FORGERIES = {
    "another key": lambda token, _: foreign(token),
    "another key id": lambda token, _: foreign(token, kid="dcrproof"),
    "a bit of the signature": lambda token, _: tampered(token),
    "other claims": lambda token, _: with_claims(token, sub="somebody else"),
    "no signature": lambda token, _: unsigned(token),
    "no signature, spelt otherwise": lambda token, _: unsigned(token, "NoNe"),
    **{
        f"the public key as HMAC secret: {spelling}": lambda token, keys, spelling=spelling: hs_confused(token, keys)[
            spelling
        ]
        for spelling in map(
            "HS256 and the public key as {}".format,
            ("PEM", "PEM without its last line end", "DER", "PKCS #1 PEM", "JWK text", "its modulus in base64url"),
        )
    },
}


@pytest.mark.parametrize("forgery", list(FORGERIES))
def test_no_forgery_verifies(forgery):
    token = decode(signed("RS256"))
    assert token is not None
    forged = FORGERIES[forgery](token, published("RS256"))
    assert forged != token.text
    assert verify(forged, published("RS256")) is not None


@pytest.mark.parametrize("forgery", list(FORGERIES))
def test_a_forgery_differs_only_in_what_it_forges(forgery):
    token = decode(signed("RS256"))
    assert token is not None
    forged = decode(FORGERIES[forgery](token, published("RS256")))
    assert forged is not None
    assert forged.claims.keys() == token.claims.keys()


def test_an_opaque_token_is_described_by_its_length_and_the_prefix_that_all_share():
    assert describe("_0XBPWQQ_1b2c3d4e-0000-4000-8000-000000000000") == (
        "an opaque token, 45 characters, beginning _0XBPWQQ_"
    )
    assert describe("1b2c3d4e-0000-4000-8000-000000000000") == "an opaque token, 36 characters"


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "....", "é.é.é", "e30.e30."])
def test_what_is_not_a_jwt_is_not_an_error(text):
    assert verify(text, published("RS256")) is not None


def test_private_keys_are_recognised_by_their_members():
    from dcrproof.core.parties.tokens import PRIVATE_MEMBERS

    for key in (rsa_key(0), KEYS["ES256"], KEYS["Ed25519"]):
        assert PRIVATE_MEMBERS & set(key.as_dict(private=True))
        assert not PRIVATE_MEMBERS & set(key.as_dict(private=False))
    assert isinstance(rsa_key(0), RSAKey)


def test_a_public_key_that_serves_as_secret_may_lack_its_last_line_end():
    token = decode(signed("RS256"))
    assert token is not None
    pem = rsa_key(0).as_pem(private=False).rstrip()
    head, _, signature = hs_confused(token, published("RS256"))[
        "HS256 and the public key as PEM without its last line end"
    ].rpartition(".")
    assert signature == urlsafe_b64encode(hmac.digest(pem, head.encode(), "sha256")).rstrip(b"=").decode()


def test_an_encrypted_token_is_not_called_opaque():
    assert describe("eyJlbmMiOiJBMjU2R0NNIn0.a.b.c.d").startswith("an encrypted token (JWE, five parts)")


@pytest.mark.parametrize(
    ("around", "said"),
    [
        ("Bearer {}", "a JWT with a word before it"),
        (" {}\n", "a JWT with blanks or line ends around it"),
        ("{}", "a JWT signed with RS256"),
    ],
)
def test_what_is_around_a_token_is_said(around, said):
    assert describe(around.format(signed("RS256"))).startswith(said)


def test_a_token_that_is_nested_without_end_is_described():
    header, _, signature = signed("RS256").split(".")
    claims = urlsafe_b64encode(b"[" * 99_999).decode()
    assert describe(f"{header}.{claims}.{signature}").startswith("a token in the form of a JWT that cannot be read: ")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([{"kid": "a"}], []),
        ([{"kid": "a"}, {"kid": "b"}], []),
        ([{"kid": "a"}, {"kid": "a"}], ["2 published keys have the kid a"]),
        ([{"kid": "a", "x5c": foreign_x5c()}], []),
        ([{"kid": "a", "x5c": ["AAAA"]}], ["the published key a has an x5c that is no certificate"]),
        ([{"kid": "a", "x5c": "AAAA"}], ["the published key a has an x5c that is no certificate"]),
        ([{"kid": "a", "use": None}], ["the published key a has members that are null"]),
    ],
)
def test_what_another_verifier_may_refuse_is_said(keys, said):
    found = oddities(decode(signed("RS256", "a")), {"keys": keys})
    assert len(found) == len(said)
    assert all(one.startswith(text) for one, text in zip(found, said, strict=True))


NOW = 1_900_000_000


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({}, None),
        ({"nbf": NOW, "iat": NOW + SLACK}, None),
        ({"nbf": NOW + SLACK + 1}, f"nbf {NOW + SLACK + 1}, which is {SLACK + 1:.0f} s in the future"),
        ({"iat": NOW + SLACK + 1}, f"iat {NOW + SLACK + 1}, which is {SLACK + 1:.0f} s in the future"),
        ({"exp": None}, "exp None, which is no number of seconds"),
        ({"nbf": "now"}, "nbf 'now', which is no number of seconds"),
        ({"exp": NOW}, f"exp {NOW}, which was over 0 s ago"),
        ({"exp": NOW * 1000}, f"exp {NOW * 1000}, which is in milliseconds"),
        ({"iss": "other"}, "iss 'other', and the issuer is 'issuer'"),
    ],
)
def test_claims_that_a_verifier_refuses_are_named(claims, said):
    assert claims_flaw(Jwt("", {}, {"iss": "issuer", "exp": NOW + 1, **claims}), "issuer", NOW) == said


def test_a_certificate_in_a_header_is_whole():
    assert x509.load_der_x509_certificate(b64decode(foreign_x5c()[0], validate=True))
