"""Curity's committed configuration, read over RESTCONF: each setup step that it shows, before anything depends on it."""

from dcrproof.core.checks.check import Evidence, by_gate, check


@by_gate
def test_is_readable(_dcr_curity_configuration): ...


@check(
    "configuration.without-credentials",
    "The configuration is not shown to a request without credentials",
    evidence=Evidence.DOCUMENTED,
    references=("curity.io, admin-service/http/restconf", "RFC 8040 2.5"),
    security=True,
)
def test_strangers_read_nothing(_dcr_curity_configuration, _dcr_curity_admin, _dcr_expect):
    exchange = _dcr_curity_admin.configuration("base:profiles/profile?depth=2", authenticated=False)
    _dcr_expect.that(exchange.status >= 400, "a refusal without credentials", exchange.what)
    _dcr_expect.form(
        "curity", "configuration.without-credentials", exchange.status == 401, "401", exchange.what, Evidence.INFERRED
    )


@by_gate
def test_base_url(_dcr_set_base_url): ...


@by_gate
def test_metadata(_dcr_set_metadata): ...


@by_gate
def test_jwt(_dcr_set_jwt): ...


@by_gate
def test_signing_key(_dcr_set_signing_key): ...


@by_gate
def test_userinfo(_dcr_set_userinfo): ...


@by_gate
def test_userinfo_keys(_dcr_set_userinfo_keys): ...


@by_gate
def test_profile_capability(_dcr_set_profile_capability): ...


@by_gate
def test_client(_dcr_set_client): ...


@by_gate
def test_client_capability(_dcr_set_client_capability): ...


@by_gate
def test_client_authentication(_dcr_set_client_authentication): ...


@by_gate
def test_dcr(_dcr_set_dcr): ...


@by_gate
def test_nodes(_dcr_set_nodes): ...


@by_gate
def test_non_templatized(_dcr_set_non_templatized): ...


@by_gate
def test_registrar_listed(_dcr_set_authentication): ...


@by_gate
def test_capabilities(_dcr_set_capabilities): ...


@by_gate
def test_registered_authentication(_dcr_set_registered_authentication): ...


@by_gate
def test_data_source(_dcr_set_data_source): ...


@by_gate
def test_management(_dcr_set_management): ...
