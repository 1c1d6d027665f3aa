"""Konnect: the setup as the admin API shows it, from the DCR provider to the data planes."""

import json

from dcrproof.core.checks.check import Evidence, Level, by_gate, check
from dcrproof.core.checks.sources import AAS, HOW_TO
from dcrproof.core.http.segments import segment


@by_gate
def test_konnect_takes_the_token(dcr_admitted): ...


@by_gate
def test_portal_is_of_this_konnect(dcr_region): ...


@by_gate
def test_portal_exists(dcr_portal_object): ...


@by_gate
def test_api_exists(dcr_api): ...


@by_gate
def test_strategy_exists(dcr_strategy): ...


@by_gate
def test_strategy_is_openid_connect(dcr_openid_connect): ...


@by_gate
def test_strategy_has_a_provider(dcr_provider): ...


@by_gate
def test_provider_is_curity(dcr_provider_type): ...


@by_gate
def test_provider_has_the_discovery_url(dcr_provider_issuer): ...


@by_gate
def test_provider_names_the_registrar(dcr_provider_registrar): ...


@check(
    "provider.secret-hidden",
    "Konnect never shows the provider's initial client secret",
    evidence=Evidence.DOCUMENTED,
    references=(AAS, HOW_TO),
)
def test_provider_hides_its_secret(dcr_admin, dcr_provider, dcr_registrar, dcr_expect):
    listed = [item for item in dcr_admin.all("/v2/dcr-providers") if item.get("id") == dcr_provider["id"]]
    shown = json.dumps([dcr_provider, listed])
    named = "initial_client_secret" in shown
    secret = dcr_registrar.secret is not None and dcr_registrar.secret.reveal() in shown
    dcr_expect.that(not named and not secret, "no secret in the provider when it is read", "the secret is in it")


@by_gate
def test_provider_verifies(dcr_verified): ...


@check(
    "provider.active",
    "Konnect reports the provider as active",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
    level=Level.SHOULD,
)
def test_provider_is_active(dcr_admin, dcr_provider, dcr_publication_strategy, dcr_expect):
    active = dcr_admin.get(f"/v2/dcr-providers/{segment(dcr_provider['id'])}").object().get("active")
    dcr_expect.that(active is True, "active true: an active strategy uses it", f"active {active!r}")


@by_gate
def test_strategy_has_the_issuer(dcr_strategy_issuer): ...


@by_gate
def test_strategy_claims_sub(dcr_strategy_claim): ...


@by_gate
def test_strategy_has_the_methods(dcr_strategy_methods): ...


@check(
    "strategy.no-password",
    "The strategy does not accept passwords, which would disable the caching of tokens",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/plugins/openid-connect/, FAQ",),
    level=Level.SHOULD,
    steps=("konnect.strategy.auth-methods",),
)
def test_strategy_takes_no_password(dcr_strategy_methods, dcr_expect):
    dcr_expect.that("password" not in dcr_strategy_methods, "no password among auth_methods", f"{dcr_strategy_methods}")


@by_gate
def test_scopes_are_granted(dcr_strategy_scopes): ...


@by_gate
def test_requirements_are_met(dcr_requirements): ...


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
def test_credentials_are_hidden(dcr_openid_connect, dcr_expect):
    value = dcr_openid_connect.get("hide_credentials")
    dcr_expect.that(
        value is not False,
        "hide_credentials true, or left to the plugin's default",
        "hide_credentials false: an id and a secret that come in the query or the body reach the upstream",
    )


@by_gate
def test_api_is_published(dcr_publication): ...


@by_gate
def test_publication_has_the_strategy(dcr_publication_strategy): ...


@check(
    "strategy.active",
    "Konnect reports the strategy as active",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
    level=Level.SHOULD,
)
def test_strategy_is_active(dcr_admin, dcr_publication_strategy, dcr_expect):
    path = f"/v2/application-auth-strategies/{segment(dcr_publication_strategy)}"
    active = dcr_admin.get(path).object().get("active")
    dcr_expect.that(active is True, "active true: a publication uses it", f"active {active!r}")


@by_gate
def test_api_is_linked(dcr_implementation): ...


@by_gate
def test_api_is_linked_to_the_route(dcr_linked_route): ...


@by_gate
def test_strategy_was_pushed(dcr_synced): ...


@by_gate
def test_plugin_is_on_the_service(dcr_plugin): ...


@by_gate
def test_nodes_are_connected(dcr_nodes): ...


@by_gate
def test_nodes_are_new_enough(dcr_node_versions): ...


@by_gate
def test_nodes_are_in_sync(dcr_in_sync, dcr_expect):
    dcr_expect.judged_by_the_gate()
    dcr_expect.note("konnect", "the configuration is pushed", str(dcr_in_sync))
