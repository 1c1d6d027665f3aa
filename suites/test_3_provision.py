"""Mode provision: the steps of the how-to in Konnect, done by this run with objects of its own."""

from dcrproof.core.checks.check import Evidence, check

AAS = "Konnect Application Auth Strategies API v2"
API_BUILDER = "Konnect API Builder API v3"


@check(
    "provision.provider",
    "A DCR provider of type curity can be created",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
    steps=("konnect.role.dcr-provider-creator",),
    creates={"DCR provider": 1},
)
def test_provider_is_created(dcr_new_provider):
    """Claimed by the gate."""


@check(
    "provision.provider-secret",
    "The answer to a new provider does not repeat its secret",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_new_provider_hides_its_secret(dcr_new_provider, dcr_expect):
    members = sorted(dcr_new_provider["dcr_config"])
    dcr_expect.that(members == ["initial_client_id"], "dcr_config with the id alone", f"dcr_config {members}")


@check(
    "provision.provider-idle",
    "A new provider that no strategy uses is not active",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_new_provider_is_not_active(dcr_new_provider, dcr_expect):
    active = dcr_new_provider.get("active")
    dcr_expect.that(active is False, "active false", f"active {active!r}")


@check(
    "provision.strategy",
    "An auth strategy with that provider can be created",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
    steps=("konnect.role.auth-strategy-creator",),
    creates={"auth strategy": 1},
)
def test_strategy_is_created(dcr_new_strategy):
    """Claimed by the gate."""


@check(
    "provision.portal",
    "A portal can be created",
    evidence=Evidence.DOCUMENTED,
    references=("Konnect Portal Management API v3",),
    steps=("konnect.role.portal-creator",),
    creates={"portal": 1},
)
def test_portal_is_created(dcr_new_portal):
    """Claimed by the gate."""


@check(
    "provision.api",
    "An API with a version can be created",
    evidence=Evidence.DOCUMENTED,
    references=(API_BUILDER,),
    steps=("konnect.role.api-creator",),
    creates={"API": 1},
)
def test_api_is_created(dcr_new_api):
    """Claimed by the gate."""


@check(
    "provision.implementation",
    "The new API can be linked to the gateway service",
    evidence=Evidence.DOCUMENTED,
    references=(API_BUILDER,),
    creates={"implementation": 1},
)
def test_api_is_linked(dcr_new_implementation):
    """Claimed by the gate."""


@check(
    "provision.publication",
    "The new API can be published with the strategy",
    evidence=Evidence.DOCUMENTED,
    references=(API_BUILDER,),
    steps=("konnect.role.api-publisher",),
    creates={"publication": 1},
)
def test_api_is_published(dcr_provisioned):
    """Claimed by the gate."""


@check(
    "provision.unknown-property",
    "Konnect refuses a property that it does not know, and names it",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_unknown_property_is_refused(dcr_creations, dcr_new_provider, dcr_expect):
    body = {"labels": {"run": "dcrproof"}, "no_such_property": True}
    exchange = dcr_creations.konnect.patch(f"/v2/dcr-providers/{dcr_new_provider['id']}", body)
    dcr_expect.that(exchange.status == 400, "400 to an unknown property", exchange.what)
    parameters = exchange.object().get("invalid_parameters") or []
    named = any(item.get("field") == "no_such_property" for item in parameters)
    dcr_expect.that(named, "no_such_property among invalid_parameters", f"{parameters}")
