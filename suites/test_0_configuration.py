"""Curity's committed configuration, read over RESTCONF: each setup step that it shows, before anything depends on it."""

from dcrproof.core.checks.check import by_gate


@by_gate
def test_is_readable(dcr_curity_configuration): ...


@by_gate
def test_base_url(dcr_set_base_url): ...


@by_gate
def test_metadata(dcr_set_metadata): ...


@by_gate
def test_jwt(dcr_set_jwt): ...


@by_gate
def test_signing_key(dcr_set_signing_key): ...


@by_gate
def test_userinfo(dcr_set_userinfo): ...


@by_gate
def test_userinfo_keys(dcr_set_userinfo_keys): ...


@by_gate
def test_profile_capability(dcr_set_profile_capability): ...


@by_gate
def test_client(dcr_set_client): ...


@by_gate
def test_client_capability(dcr_set_client_capability): ...


@by_gate
def test_client_authentication(dcr_set_client_authentication): ...


@by_gate
def test_dcr(dcr_set_dcr): ...


@by_gate
def test_nodes(dcr_set_nodes): ...


@by_gate
def test_non_templatized(dcr_set_non_templatized): ...


@by_gate
def test_registrar_listed(dcr_set_authentication): ...


@by_gate
def test_capabilities(dcr_set_capabilities): ...


@by_gate
def test_registered_authentication(dcr_set_registered_authentication): ...


@by_gate
def test_data_source(dcr_set_data_source): ...


@by_gate
def test_management(dcr_set_management): ...
