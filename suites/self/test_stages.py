"""An error text of Konnect names the request to the authorization server that failed, in whatever words."""

import pytest

from dcrproof.fixtures.flow.stage import NO_ANSWER, UNAUTHENTICATED, Stage, has, stage_of


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("Unable to create the DCR application; discovery: status 404", Stage.DISCOVERY),
        ("discovery: there is no registration_endpoint", Stage.DISCOVERY),
        ("GET https://c.example/.well-known/openid-configuration failed with 404", Stage.DISCOVERY),
        ("token endpoint: 401 invalid_client", Stage.TOKEN),
        ("Failed to get an access token: invalid_scope", Stage.TOKEN),
        ("registration endpoint: 400 invalid_redirect_uri", Stage.REGISTRATION),
        ('{"error": "invalid_client_metadata"}', Stage.REGISTRATION),
        ("client management: status 401", Stage.MANAGEMENT),
        ("POST https://discovery.example.com:14010/discovery -> 400 invalid_scope", Stage.TOKEN),
        ('{"detail":"https:\\/\\/discovery.example\\/x","error":"invalid_redirect_uri"}', Stage.REGISTRATION),
        ("dial tcp: lookup discovery.example.com: no such host", None),
        ("connect to discovery:8443 failed", None),
        ("rediscovery failed", None),
        ("Unable to create the DCR application", None),
        ("", None),
    ],
)
def test_the_first_request_that_a_text_names_is_the_stage(text, stage):
    assert stage_of(text) is stage


@pytest.mark.parametrize(
    ("text", "no_answer", "unauthenticated"),
    [
        ("token endpoint: 401 invalid_client", False, True),
        ("token endpoint: status 401.", False, True),
        ("https://id.example.com:14010/token -> 400 invalid_scope", False, False),
        ("https://id.example.com/token?trace=401 -> 400 invalid_scope", False, False),
        ("request 401a7: 400 invalid_scope", False, False),
        ("POST https://certificate.example.com/token: 400", False, False),
        ("POST /certificate/token at timeout.example: 400", False, False),
        ("connect ECONNREFUSED 127.0.0.1:8443", True, False),
        ("getaddrinfo ENOTFOUND id.example.com", True, False),
        ("https://id.example.com: self-signed certificate", True, False),
        ("discovery: no answer", True, False),
    ],
)
def test_only_whole_words_beside_addresses_are_signs(text, no_answer, unauthenticated):
    assert (has(text, NO_ANSWER), has(text, UNAUTHENTICATED)) == (no_answer, unauthenticated)
