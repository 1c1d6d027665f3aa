"""An error text of Konnect names the request to the authorization server that failed, in whatever words."""

import pytest

from dcrproof.fixtures.flow.stage import Stage, stage_of


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
        ("Unable to create the DCR application", None),
        ("", None),
    ],
)
def test_the_first_request_that_a_text_names_is_the_stage(text, stage):
    assert stage_of(text) is stage
