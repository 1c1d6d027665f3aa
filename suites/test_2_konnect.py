"""Konnect: the setup as the admin API shows it, from the DCR provider to the data planes."""

import json

from dcrproof.core import rules
from dcrproof.core.checks.check import Evidence, Level, by_gate, check
from dcrproof.core.checks.sources import AAS, HOW_TO
from dcrproof.core.http.segments import segment


@by_gate
def test_konnect_takes_the_token(_dcr_admitted): ...


@by_gate
def test_portal_is_of_this_konnect(_dcr_region): ...


@by_gate
def test_portal_exists(_dcr_portal_object): ...


@by_gate
def test_api_exists(_dcr_api): ...


@by_gate
def test_strategy_exists(_dcr_strategy): ...


@by_gate
def test_strategy_is_openid_connect(_dcr_openid_connect): ...


@by_gate
def test_strategy_has_a_provider(_dcr_provider): ...


@by_gate
def test_provider_is_curity(_dcr_provider_type): ...


@by_gate
def test_provider_has_the_discovery_url(_dcr_provider_issuer): ...


@by_gate
def test_provider_names_the_registrar(_dcr_provider_registrar): ...


@check(
    "provider.secret-hidden",
    "Konnect never shows the provider's initial client secret",
    evidence=Evidence.DOCUMENTED,
    references=(AAS, HOW_TO),
)
def test_provider_hides_its_secret(_dcr_admin, _dcr_provider, _dcr_registrar, _dcr_expect):
    listed = [item for item in _dcr_admin.all("/v2/dcr-providers") if item.get("id") == _dcr_provider["id"]]
    shown = json.dumps([_dcr_provider, listed])
    named = "initial_client_secret" in shown
    secret = _dcr_registrar.secret is not None and _dcr_registrar.secret.reveal() in shown
    _dcr_expect.that(not named and not secret, "no secret in the provider when it is read", "the secret is in it")


@by_gate
def test_provider_verifies(_dcr_verified): ...


@check(
    "provider.active",
    "Konnect reports the provider as active",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
    level=Level.SHOULD,
)
def test_provider_is_active(_dcr_admin, _dcr_provider, _dcr_publication_strategy, _dcr_expect):
    active = _dcr_admin.get(f"/v2/dcr-providers/{segment(_dcr_provider['id'])}").object().get("active")
    _dcr_expect.that(active is True, "active true: an active strategy uses it", f"active {active!r}")


@by_gate
def test_strategy_has_the_issuer(_dcr_strategy_issuer): ...


@by_gate
def test_strategy_claims_sub(_dcr_strategy_claim): ...


@by_gate
def test_strategy_has_the_methods(_dcr_strategy_methods): ...


@check(
    "strategy.no-password",
    "The strategy does not accept passwords, which would disable the caching of tokens",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/plugins/openid-connect/, FAQ",),
    level=Level.SHOULD,
    steps=("konnect.strategy.auth-methods",),
)
def test_strategy_takes_no_password(_dcr_strategy_methods, _dcr_expect):
    _dcr_expect.that(
        "password" not in _dcr_strategy_methods, "no password among auth_methods", f"{_dcr_strategy_methods}"
    )


@by_gate
def test_scopes_are_granted(_dcr_strategy_scopes): ...


@by_gate
def test_requirements_are_met(_dcr_requirements): ...


@check(
    "strategy.hide-credentials",
    "The strategy does not forward the caller's credentials to the upstream",
    evidence=Evidence.DOCUMENTED,
    references=(
        "developer.konghq.com/dev-portal/auth-strategies/, hide credentials",
        "developer.konghq.com/plugins/openid-connect/reference/, hide_credentials",
    ),
    steps=("konnect.strategy.hide-credentials",),
)
def test_credentials_are_hidden(_dcr_openid_connect):
    rules.hide_credentials(_dcr_openid_connect.get("hide_credentials"))


@by_gate
def test_api_is_published(_dcr_publication): ...


@by_gate
def test_publication_has_the_strategy(_dcr_publication_strategy): ...


@check(
    "strategy.active",
    "Konnect reports the strategy as active",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
    level=Level.SHOULD,
)
def test_strategy_is_active(_dcr_admin, _dcr_publication_strategy, _dcr_expect):
    path = f"/v2/application-auth-strategies/{segment(_dcr_publication_strategy)}"
    active = _dcr_admin.get(path).object().get("active")
    _dcr_expect.that(active is True, "active true: a publication uses it", f"active {active!r}")


@by_gate
def test_api_is_linked(_dcr_implementation): ...


@by_gate
def test_api_is_linked_to_the_route(_dcr_linked_route): ...


@by_gate
def test_strategy_was_pushed(_dcr_synced): ...


@by_gate
def test_plugin_is_on_the_service(_dcr_plugin): ...


@by_gate
def test_nodes_are_connected(_dcr_nodes): ...


@by_gate
def test_nodes_are_new_enough(_dcr_node_versions): ...


@by_gate
def test_nodes_are_in_sync(_dcr_in_sync, _dcr_expect):
    _dcr_expect.judged_by_the_gate()
    _dcr_expect.note("konnect", "the configuration is pushed", str(_dcr_in_sync))
