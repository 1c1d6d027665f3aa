"""A gateway of kind `jwt`: which bad ones the checks find out, and what is said of one that refuses good tokens."""

import json
import re
from pathlib import Path

import jwt
import jwt_gateway
import pytest
from exchanges import exchange_of
from jwt_gateways import BAD, BEARER, FORWARDS_NOTHING, GOOD, REFUSING, SAYS_NOTHING
from performing import Case
from tiers import sample

from dcrproof.core.checks.owners import GATEWAY
from dcrproof.core.parties.gateway import reason_in
from dcrproof.core.parties.tokens import decode, foreign_jwk, foreign_key, foreign_x5c, hs_confused
from dcrproof.core.profile.reading import read
from dcrproof.fixtures.catalogue import entries, kinds
from dcrproof.fixtures.session import header
from dcrproof.fixtures.session.plan import plan
from dcrproof.fixtures.session.visibility import foreseen, parties


def of(name: str) -> Case:
    return Case(BEARER, gateway=name)


def test_a_good_gateway_is_green_without_kong(ended):
    run = ended[of(GOOD)]
    assert (run.exit, run.red) == (0, []), run.said
    for id, verdict in run.verdicts.items():
        if id.startswith(("route.bearer", "claims")) and verdict != "not seen":
            assert verdict == ("not applicable" if id in KONGS else "passed"), id
    not_seen = {id for id, verdict in run.verdicts.items() if verdict == "not seen"}
    assert {id for id in not_seen if id.startswith(("route", "claims", "upstream"))} == {"route.bearer.outlived"}
    kong = [one for one in run.checks if one["verdict"] == "not applicable"]
    assert all('the gateway is of kind "jwt"' in one["observed"] for one in kong), kong


@pytest.mark.parametrize("name", sample([SAYS_NOTHING, FORWARDS_NOTHING], of=0))
def test_other_good_gateways_are_green(name, ended):
    run = ended[of(name)]
    assert (run.exit, run.red) == (0, []), run.said
    forwarded = "passed" if name == SAYS_NOTHING else "not applicable"
    assert {run.verdicts[id] for id in ("upstream.same-token", "upstream.bearer")} == {forwarded}
    assert run.verdicts["claims.verify"] == "passed"


@pytest.mark.parametrize("name", sample(BAD, of=3))
def test_a_bad_gateway_is_found_out_by_its_checks_alone(name, ended):
    row, run = BAD[name], ended[of(name)]
    red = {id if "." in id else f"route.bearer.{id}" for id in row.red.split()}
    assert {check["id"] for check in run.failed} == red, run.said
    assert run.exit == (0 if row.advice else 1), run.said
    assert all(not check["candidates"] for check in run.failed), run.said


def test_each_check_that_is_for_such_gateways_alone_has_one_that_it_finds_out():
    found = {id if "." in id else f"route.bearer.{id}" for row in BAD.values() for id in row.red.split()}
    assert {entry.check.id for entry in entries() if "jwt" in kinds(entry.test)} <= found


@pytest.mark.parametrize("name", sample(REFUSING, of=2))
def test_what_is_said_of_a_gateway_that_refuses_good_tokens(name, ended):
    row, run = REFUSING[name], ended[of(name)]
    first = run.red[0]
    assert first["id"] == "route.bearer.accepted", run.said
    assert [word for word in row.fix if word not in first["fix"]] == [], (first, run.said)
    assert [word for word in row.not_fix if word in first["fix"]] == [], (first, run.said)
    told = " ".join([first["observed"], *first["ruled_out"]])
    assert [word for word in row.said if word not in told] == [], (first, run.said)
    assert (first["candidates"], first["steps"], first["owner"]) == ([], [], GATEWAY)
    assert {check["id"] for check in run.red} == {"route.bearer.accepted"}, run.said


@pytest.fixture(scope="module")
def certified():
    """A token of a published key that has a certificate, and the key set."""
    key = {**foreign_jwk(), "kid": "one", "use": "sig", "alg": "RS256", "x5c": foreign_x5c()}
    return decode(jwt.encode({"sub": "app"}, foreign_key(), "RS256", {"kid": "one"})), {"keys": [key]}


def taken(gateway, text):
    header, _, signature = jwt_gateway.read(text)
    try:
        return gateway.verifies(header, text.rpartition(".")[0].encode(), signature)
    except jwt_gateway.Refused:
        return False


@pytest.mark.parametrize("algorithm", jwt_gateway.HMACS)
def test_each_form_of_a_public_key_is_tried_as_a_secret(algorithm, certified):
    token, keys = certified
    forgeries = hs_confused(token, keys).values()
    names = [name for name, _ in jwt_gateway.secrets_of(keys["keys"][0])]
    assert {"as x5c", "as certificate in DER"} <= {*names}
    for name in names if algorithm == "HS256" else names[:2]:
        careless = jwt_gateway.Gateway("", "", "", without=frozenset({algorithm, name}), _keys=keys["keys"])
        assert any(taken(careless, text) for text in forgeries), name
    careful = jwt_gateway.Gateway("", "", "", _keys=keys["keys"])
    assert not any(taken(careful, text) for text in forgeries)
    assert taken(careful, token.text)


SAYINGS = {
    # Envoy (jwt_verify_lib)
    "Jwt issuer is not configured": "issuer",
    "Audiences in Jwt are not allowed": "audience",
    "Jwks doesn't have key to match kid or alg from Jwt": "keys",
    "Jwt verification fails": "keys",
    "Jwt is expired": "clock",
    "Jwt not yet valid": "clock",
    "Jwks remote fetch is failed": "way",
    # Spring Security, Microsoft.IdentityModel, jose, PyJWT, golang-jwt
    "An error occurred while attempting to decode the Jwt: The iss claim is not valid": "issuer",
    "Signed JWT rejected: Another algorithm expected, or no matching key(s) found": "keys",
    "Couldn't retrieve remote JWK set: Connection refused": "way",
    "IDX10205: Issuer validation failed. Issuer: '[PII]'.": "issuer",
    "IDX10214: Audience validation failed.": "audience",
    "IDX10503: Signature validation failed.": "keys",
    'unexpected "aud" claim value': "audience",
    '"exp" claim timestamp check failed': "clock",
    "no applicable key found in the JSON Web Key Set": "keys",
    "The token is not yet valid (nbf)": "clock",
    "token has invalid audience": "audience",
    "token is expired": "clock",
    "unexpected signing method: RS512, algorithm not allowed": "algorithms",
    "insufficient scope": "scopes",
    "The token has no scope orders:read": "scopes",
    'Missing required claim "client_id"': "scopes",
    "RBAC: access denied": "scopes",
    "user lacks the role reader": "scopes",
    # that say nothing
    "Unauthorized": None,
    "Forbidden": None,
    "": None,
    "invalid_token": None,
    "Access denied: this request was logged": None,
}


@pytest.mark.parametrize(("words", "about"), SAYINGS.items())
def test_what_gateways_say_is_understood(words, about):
    from dcrproof.fixtures.flow.jwt_gateway import cause_in

    found = cause_in(words)
    assert (found is None) if about is None else re.search(rf"\b{about}\b", found.name), found


BODIES = {
    "Envoy, Google's API Gateway": {"code": 401, "message": "Jwt is expired"},
    "Google's APIs": {"error": {"code": 401, "message": "Jwt is expired", "status": "UNAUTHENTICATED"}},
    "Apigee": {"fault": {"faultstring": "Jwt is expired", "detail": {"errorcode": "steps.jwt.TokenExpired"}}},
    "JSON:API": {"errors": [{"status": "401", "title": "Jwt is expired"}]},
    "RFC 9457": {"type": "about:blank", "title": "Unauthorized", "detail": "Jwt is expired"},
    "in a list of texts": {"message": "Jwt is expired", "errors": ["401", None], "fault": []},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_what_gateways_say_is_found_in_each_form_of_an_error(body):
    answer = exchange_of(401, json.dumps(body).encode())
    assert "Jwt is expired" in reason_in(answer)


def test_a_profile_says_what_does_not_apply_to_such_a_gateway():
    """`profile check`, `--dcr-plan` and the first lines of a run know the kind, before anything is sent."""
    path = Path(__file__).parents[2] / "examples/profiles/gateway-jwt.toml"
    profile = read(path, {"APPLICATION_SECRET": "a-secret-of-an-example"})
    found = foreseen(profile)
    ((reason, ids),) = found["not_applicable"].items()
    assert 'the gateway is of kind "jwt"' in reason
    assert {"route.basic.accepted", "route.session.issued", "upstream.no-secret", "nodes.connected"} <= {*ids}
    assert not [id for id in ids if id.startswith(("route.bearer", "claims")) and id not in KONGS]
    planned = list(plan(profile, [entry.check.id for entry in entries()]))
    number = sum(map(len, found["runs"].values()))
    assert f"probes: {number} checks; hostile among them: none" in planned
    for lines in (planned, header.parties(profile), parties(profile)):
        assert any('gateway live, https://api.example.com, kind = "jwt"' in line for line in lines)


KONGS = ("route.bearer.headers", "route.bearer.before-basic")
"""Checks of bearer tokens that are about Kong's own headers, and about Basic beside a token."""
