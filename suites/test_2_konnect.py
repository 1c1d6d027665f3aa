"""Konnect: the set-up as the admin API shows it, from the DCR provider to the data planes."""

import json

from dcrproof.core.checks.check import Evidence, Level, check
from dcrproof.core.checks.owners import GATEWAY
from dcrproof.core.parties.konnect import segment

HOW_TO = "developer.konghq.com/how-to/curity-dcr/"
AAS = "Konnect Application Auth Strategies API v2"
API_BUILDER = "Konnect API Builder API v3"
CONTROL_PLANES = "Konnect Control Planes Config API v2"


@check(
    "konnect.authenticated",
    "Konnect takes the token of the profile",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
    steps=("konnect.account.created", "konnect.role.dcr-provider-creator"),
    smoke=True,
)
def test_konnect_takes_the_token(dcr_admitted):
    """Claimed by the gate."""


@check(
    "konnect.region",
    "Konnect at this address has the portal of the profile: objects of another region are not in it",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/konnect-platform/geos/", "Konnect Portal API v3"),
    steps=("konnect.account.region",),
    smoke=True,
)
def test_portal_is_of_this_konnect(dcr_region):
    """Claimed by the gate."""


@check(
    "portal.found",
    "The portal exists",
    evidence=Evidence.DOCUMENTED,
    references=("Konnect Portal Management API v3",),
    steps=("konnect.portal.created", "konnect.role.portal-creator"),
)
def test_portal_exists(dcr_portal_object):
    """Claimed by the gate."""


@check(
    "api.found",
    "The API exists",
    evidence=Evidence.DOCUMENTED,
    references=(API_BUILDER,),
    steps=("konnect.api.created", "konnect.role.api-creator"),
)
def test_api_exists(dcr_api):
    """Claimed by the gate."""


@check(
    "strategy.found",
    "The auth strategy exists",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
    steps=(
        "konnect.strategy.name",
        "konnect.strategy.saved",
        "konnect.role.auth-strategy-creator",
    ),
)
def test_strategy_exists(dcr_strategy):
    """Claimed by the gate."""


@check(
    "strategy.openid-connect",
    "The strategy is one of OpenID Connect",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
    steps=("konnect.strategy.auth-type",),
)
def test_strategy_is_openid_connect(dcr_openid_connect):
    """Claimed by the gate."""


@check(
    "strategy.dcr-provider",
    "The strategy has a DCR provider",
    evidence=Evidence.DOCUMENTED,
    references=(AAS, HOW_TO),
    steps=("konnect.strategy.dcr-provider",),
    smoke=True,
)
def test_strategy_has_a_provider(dcr_provider):
    """Claimed by the gate."""


@check(
    "provider.type",
    "The provider is of type curity",
    evidence=Evidence.DOCUMENTED,
    references=(AAS, HOW_TO),
    steps=("konnect.provider.type",),
)
def test_provider_is_curity(dcr_provider_type):
    """Claimed by the gate."""


@check(
    "provider.issuer",
    "The provider's issuer is the discovery URL of this Curity",
    evidence=Evidence.DOCUMENTED,
    references=(HOW_TO,),
    steps=("konnect.provider.issuer",),
    smoke=True,
)
def test_provider_has_the_discovery_url(dcr_provider_issuer):
    """Claimed by the gate."""


@check(
    "provider.registrar-id",
    "The provider's initial client id is the registrar's",
    evidence=Evidence.DOCUMENTED,
    references=(HOW_TO,),
    steps=("konnect.provider.initial-client-id",),
    smoke=True,
)
def test_provider_names_the_registrar(dcr_provider_registrar):
    """Claimed by the gate."""


@check(
    "provider.secret-hidden",
    "Konnect shows the provider's initial client secret to nobody",
    evidence=Evidence.DOCUMENTED,
    references=(AAS, HOW_TO),
)
def test_provider_hides_its_secret(dcr_admin, dcr_provider, dcr_registrar, dcr_expect):
    listed = [item for item in dcr_admin.all("/v2/dcr-providers") if item.get("id") == dcr_provider["id"]]
    shown = json.dumps([dcr_provider, listed])
    named = "initial_client_secret" in shown
    secret = dcr_registrar.secret is not None and dcr_registrar.secret.reveal() in shown
    dcr_expect.that(not named and not secret, "no secret in the provider as it is read", "the secret is in it")


@check(
    "provider.verified",
    "Konnect's own verification of the provider succeeds",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
    steps=(
        "konnect.provider.initial-client-secret",
        "curity.instance.reachable",
        "curity.instance.certificate",
    ),
    smoke=True,
    creates_on_failure={"DCR provider": 1},
)
def test_provider_verifies(dcr_verified):
    """Claimed by the gate."""


@check(
    "provider.active",
    "Konnect calls the provider active",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
    level=Level.SHOULD,
)
def test_provider_is_active(dcr_admin, dcr_provider, dcr_publication_strategy, dcr_expect):
    active = dcr_admin.get(f"/v2/dcr-providers/{segment(dcr_provider['id'])}").object().get("active")
    dcr_expect.that(active is True, "active true: an active strategy uses it", f"active {active!r}")


@check(
    "strategy.issuer",
    "The strategy's issuer is this Curity",
    evidence=Evidence.DOCUMENTED,
    references=(AAS, HOW_TO),
    steps=("konnect.strategy.issuer",),
    smoke=True,
)
def test_strategy_has_the_issuer(dcr_strategy_issuer):
    """Claimed by the gate."""


@check(
    "strategy.claim",
    "The strategy's claim holds the client id in a token: at Curity it is sub",
    evidence=Evidence.DOCUMENTED,
    references=(HOW_TO,),
    steps=("konnect.strategy.claim",),
    smoke=True,
)
def test_strategy_claims_sub(dcr_strategy_claim):
    """Claimed by the gate."""


@check(
    "strategy.auth-methods",
    "The strategy takes client credentials, bearer tokens and sessions",
    evidence=Evidence.DOCUMENTED,
    references=(HOW_TO,),
    steps=("konnect.strategy.auth-methods",),
)
def test_strategy_has_the_methods(dcr_strategy_methods):
    """Claimed by the gate."""


@check(
    "strategy.no-password",
    "The strategy does not take passwords: beside client credentials they end the caching of tokens",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/plugins/openid-connect/, FAQ",),
    level=Level.SHOULD,
    steps=("konnect.strategy.auth-methods",),
)
def test_strategy_takes_no_password(dcr_strategy_methods, dcr_expect):
    dcr_expect.that("password" not in dcr_strategy_methods, "no password among auth_methods", f"{dcr_strategy_methods}")


@check(
    "strategy.scopes",
    "Curity grants the scopes that the gateway will ask for",
    evidence=Evidence.CONTRADICTED,
    references=(HOW_TO, "developer.konghq.com/plugins/openid-connect/reference, scopes"),
    steps=("konnect.strategy.scopes", "curity.dcr.scopes"),
    smoke=True,
)
def test_scopes_are_granted(dcr_strategy_scopes):
    """Claimed by the gate."""


@check(
    "strategy.requirements",
    "A token of Curity has what the strategy requires: audience_required, scopes_required",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/plugins/openid-connect/reference/, audience_required, scopes_required",),
    steps=("konnect.strategy.requirements",),
)
def test_requirements_are_met(dcr_requirements):
    """Claimed by the gate."""


@check(
    "strategy.hide-credentials",
    "The strategy does not have the caller's credentials sent on to the upstream",
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


@check(
    "api.published",
    "The API is published to the portal",
    evidence=Evidence.DOCUMENTED,
    references=(API_BUILDER, HOW_TO),
    steps=("konnect.publication.api",),
)
def test_api_is_published(dcr_publication):
    """Claimed by the gate."""


@check(
    "api.strategy",
    "The publication has the strategy",
    evidence=Evidence.DOCUMENTED,
    references=(API_BUILDER, HOW_TO),
    steps=("konnect.publication.strategy",),
    smoke=True,
)
def test_publication_has_the_strategy(dcr_publication_strategy):
    """Claimed by the gate."""


@check(
    "strategy.active",
    "Konnect calls the strategy active",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
    level=Level.SHOULD,
)
def test_strategy_is_active(dcr_admin, dcr_publication_strategy, dcr_expect):
    path = f"/v2/application-auth-strategies/{segment(dcr_publication_strategy)}"
    active = dcr_admin.get(path).object().get("active")
    dcr_expect.that(active is True, "active true: a publication uses it", f"active {active!r}")


@check(
    "api.linked-to-gateway",
    "The API is linked to a gateway service",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/dev-portal/self-service/",),
    steps=("konnect.implementation.linked",),
    smoke=True,
    security=True,
)
def test_api_is_linked(dcr_implementation):
    """Claimed by the gate."""


@check(
    "api.linked-to-route",
    "The gateway service of the API is the one behind the route",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/dev-portal/self-service/", CONTROL_PLANES),
    steps=("konnect.implementation.linked",),
    smoke=True,
    security=True,
)
def test_api_is_linked_to_the_route(dcr_linked_route):
    """Claimed by the gate."""


@check(
    "api.synced",
    "Konnect could push the strategy to the control plane",
    evidence=Evidence.DOCUMENTED,
    references=(API_BUILDER,),
    smoke=True,
)
def test_strategy_was_pushed(dcr_synced):
    """Claimed by the gate."""


@check(
    "api.plugin",
    "Konnect's plugin is on the gateway service",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/dev-portal/, konnect-application-auth", CONTROL_PLANES),
    steps=("konnect.publication.strategy",),
    smoke=True,
)
def test_plugin_is_on_the_service(dcr_plugin):
    """Claimed by the gate."""


@check(
    "nodes.connected",
    "A data plane is connected",
    evidence=Evidence.DOCUMENTED,
    references=(CONTROL_PLANES,),
    owner=GATEWAY,
)
def test_nodes_are_connected(dcr_nodes):
    """Claimed by the gate."""


@check(
    "nodes.version",
    "Every data plane is new enough for auth strategies",
    evidence=Evidence.DOCUMENTED,
    references=("Konnect version compatibility (D227, D228)",),
    steps=("gateway.data-plane.version",),
    smoke=True,
    owner=GATEWAY,
)
def test_nodes_are_new_enough(dcr_node_versions):
    """Claimed by the gate."""


@check(
    "nodes.in-sync",
    "Every data plane has the expected configuration",
    evidence=Evidence.DOCUMENTED,
    references=(CONTROL_PLANES,),
    smoke=True,
    owner=GATEWAY,
)
def test_nodes_are_in_sync(dcr_in_sync, dcr_expect):
    """Claimed by the gate."""
    dcr_expect.judged_by_the_gate()
    dcr_expect.note("konnect", "the configuration is pushed", str(dcr_in_sync))
