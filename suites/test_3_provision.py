"""Mode provision: the steps of the how-to in Konnect, done by this run with its own objects."""

from dcrproof.core.checks.check import Evidence, by_gate, check
from dcrproof.core.checks.sources import AAS


@by_gate
def test_provider_is_created(_dcr_new_provider): ...


@check(
    "provision.provider-secret",
    "The response to a new provider does not repeat its secret",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_new_provider_hides_its_secret(_dcr_new_provider, _dcr_expect):
    members = sorted(_dcr_new_provider["dcr_config"])
    _dcr_expect.that(members == ["initial_client_id"], "dcr_config with the id alone", f"dcr_config {members}")


@check(
    "provision.provider-idle",
    "A new provider that no strategy uses is not active",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_new_provider_is_not_active(_dcr_new_provider, _dcr_expect):
    active = _dcr_new_provider.get("active")
    _dcr_expect.that(active is False, "active false", f"active {active!r}")


@by_gate
def test_strategy_is_created(_dcr_new_strategy): ...


@by_gate
def test_portal_is_created(_dcr_new_portal): ...


@by_gate
def test_api_is_created(_dcr_new_api): ...


@by_gate
def test_api_is_linked(_dcr_new_implementation): ...


@by_gate
def test_api_is_published(_dcr_provisioned): ...


@check(
    "provision.unknown-property",
    "Konnect refuses an unknown property and names it",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_unknown_property_is_refused(_dcr_creations, _dcr_new_provider, _dcr_expect):
    body = {"labels": {"run": "dcrproof"}, "no_such_property": True}
    exchange = _dcr_creations.konnect.patch(f"/v2/dcr-providers/{_dcr_new_provider['id']}", body)
    _dcr_expect.that(exchange.status == 400, "400 to an unknown property", exchange.what)
    parameters = exchange.object().get("invalid_parameters") or []
    named = any(item.get("field") == "no_such_property" for item in parameters)
    _dcr_expect.that(named, "no_such_property among invalid_parameters", f"{parameters}")
