"""Mode provision: the steps of the how-to in Konnect, done by this run with its own objects."""

from dcrproof.core.checks.check import Evidence, by_gate, check
from dcrproof.core.checks.sources import AAS


@by_gate
def test_provider_is_created(dcr_new_provider): ...


@check(
    "provision.provider-secret",
    "The response to a new provider does not repeat its secret",
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


@by_gate
def test_strategy_is_created(dcr_new_strategy): ...


@by_gate
def test_portal_is_created(dcr_new_portal): ...


@by_gate
def test_api_is_created(dcr_new_api): ...


@by_gate
def test_api_is_linked(dcr_new_implementation): ...


@by_gate
def test_api_is_published(dcr_provisioned): ...


@check(
    "provision.unknown-property",
    "Konnect refuses an unknown property and names it",
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
