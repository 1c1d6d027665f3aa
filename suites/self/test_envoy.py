"""Envoy with its JWT filter before the echo upstream, as the gateway of a run: a gateway that dcrproof did not write.

Behind it are mock Curity, served, and the npm package oidc-provider. What it does wrong is a list, with the section that
says so.
"""

import envoy_gateway
import pytest
import test_real_authorization_server as real
from jwt_gateway import Gateway
from jwt_gateways import BEARER, ENVOY, ENVOYS, GOOD, REFUSING
from performing import Case
from tiers import full

from dcrproof.mocks.serve import serving

FAULTS = {
    "route.bearer.critical": "RFC 7515 4.1.11: a JWS with a crit that is not understood is invalid; jwt_verify_lib reads none"
}
AUDIENCE = "urn:dcrproof:accounts"
"""That of the tokens of the server in oidc-provider/."""

pytestmark = [envoy_gateway.installed, full]


def test_envoy_is_green_in_front_of_mock_curity(ended):
    run = ended[Case(gateway=ENVOY + GOOD)]
    assert (run.exit, run.red) == (0, []), run.said
    assert {check["id"] for check in run.failed} == {*FAULTS}, run.said
    of_gateway = {id: verdict for id, verdict in run.verdicts.items() if id.startswith(("route.bearer", "claims"))}
    ran = {id for id, verdict in of_gateway.items() if verdict == "passed"}
    assert {f"route.bearer.{name}" for name in ("expired", "rotated-key", "foreign-issuer", "foreign-audience")} <= ran
    assert {id for id in of_gateway if id.startswith("claims")} <= ran


@pytest.mark.parametrize("name", ENVOYS[1:])
def test_envoys_own_words_name_the_cause(name, ended):
    row, run = REFUSING[name], ended[Case(BEARER, gateway=ENVOY + name)]
    (first,) = run.red
    assert first["id"] == "route.bearer.accepted", run.said
    told = " ".join([first["observed"], *first["ruled_out"]])
    assert [word for word in row.said if word not in told] == [], run.said
    assert [word for word in row.fix if word not in first["fix"]] == [], first["fix"]
    assert [word for word in row.not_fix if word in first["fix"]] == [], first["fix"]


@real.node
def test_envoy_is_green_in_front_of_oidc_provider(tmp_path):
    """Mock Konnect registers the application there, and Envoy takes its tokens: no application is given."""
    stranger = real.STRANGERS[real.ALWAYS]
    with real.authorization_server(tmp_path, stranger) as issuer, serving(seed=7) as served:
        upstream = served.description["upstream"]["url"]
        gateway = Gateway(issuer, f"{issuer}/jwks", upstream, AUDIENCE)
        with envoy_gateway.serving(gateway, tmp_path) as url:
            profile = real.written_profile(tmp_path, issuer, stranger.registrar)
            live = f'[gateway]\nkind = "jwt"\nurl = "{url}"\n[[gateway.route]]\npath = "/accounts"\necho = true\n'
            profile.write_text(profile.read_text().replace("[gateway]\nmocked = true\n", live))
            code, report, text = real.checks(tmp_path, profile)
    assert code == report["exit"] == 0, text
    assert report["target"] == {"curity": "live", "konnect": "mocked", "portal": "mocked", "gateway": "live"}
    assert real.of_verdict(report, "failed") == set(), text
    passed = real.of_verdict(report, "passed")
    assert {"application.approved", "route.bearer.accepted", "route.bearer.hs-confused", "claims.sub"} <= passed
    assert {"life.deleted.client", "upstream.same-token"} <= passed
    assert f'gateway live, {url}, kind = "jwt"' in text
