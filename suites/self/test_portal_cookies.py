"""A developer's session at the served portals, in the cookie jars of other people's clients: over plain HTTP and over TLS."""

import ssl

import httpx
import pytest
import requests

from dcrproof.mocks.serve import serving

PORTALS = {"portal": ("/api/v3/developer/authenticate", "/api/v3/applications")}
PORTALS["classic_portal"] = tuple(path.replace("v3", "v2") for path in PORTALS["portal"])


@pytest.fixture(params=["http", "https"], scope="module")
def described(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls") if request.param == "https" else None
    with serving(seed=5, folder=folder) as served:
        yield served.description


@pytest.mark.parametrize("portal", PORTALS)
@pytest.mark.parametrize("client", ["requests", "httpx"])
def test_a_cookie_jar_keeps_the_session_and_the_cookie_is_secure_over_tls_alone(described, portal, client):
    found, (sign_in, applications) = described[portal], PORTALS[portal]
    if client == "requests":
        session = requests.Session()
        session.trust_env, session.verify = False, described.get("ca", True)
    else:
        trusted = ssl.create_default_context(cafile=described["ca"]) if "ca" in described else True
        session = httpx.Client(trust_env=False, verify=trusted)
    with session:
        body = {"username": found["email"], "password": found["password"]}
        signed_in = session.post(found["url"] + sign_in, json=body)
        assert signed_in.status_code == 204
        assert ("secure" in signed_in.headers["set-cookie"].lower()) is ("ca" in described)
        assert session.get(found["url"] + applications).status_code == 200
