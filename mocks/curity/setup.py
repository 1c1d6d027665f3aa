"""The configuration of the how-to for Curity, done."""

from dcrproof.mocks.curity.configuration import Configuration
from dcrproof.mocks.curity.settings import (
    ENDPOINTS,
    REGISTRATION_ENDPOINT,
    AuthenticateClientBy,
    Client,
    ClientManagement,
    CustomTokenIssuer,
    DefaultTokenIssuer,
    DynamicClientRegistration,
    NonTemplatized,
    ServiceRole,
)


def how_to_configuration(registrar: tuple[str, str], introspector: tuple[str, str]) -> Configuration:
    """A profile with every step of Kong's how-to for Curity done, and those that it leaves out (the capability of
    registered clients, the commit), and with another client that may introspect.

    `registrar` and `introspector` are pairs of client id and secret.
    """
    registrar_id, registrar_secret = registrar
    introspector_id, introspector_secret = introspector
    endpoints = (*ENDPOINTS, REGISTRATION_ENDPOINT)
    return Configuration(
        default_token_issuer=DefaultTokenIssuer(access_token_as_jwt=True),
        custom_token_issuers=(
            CustomTokenIssuer(
                id="userinfo",
                issuer_type="jwt",
                purpose_type="userinfo",
                tokens_data_source_id="default-datasource",
                signing_key_id="default-signing-key",
                verification_keystore_id="default-signature-verification-key",
            ),
        ),
        client_capabilities=frozenset({"client-credentials", "introspection"}),
        clients=(
            Client(registrar_id, registrar_secret, capabilities=frozenset({"client-credentials"})),
            Client(introspector_id, introspector_secret, capabilities=frozenset({"introspection"})),
        ),
        dynamic_client_registration=DynamicClientRegistration(
            client_data_source="default-datasource",
            non_templatized=NonTemplatized(
                authentication=AuthenticateClientBy((registrar_id,)),
                capabilities=frozenset({"client-credentials"}),
            ),
            client_management=ClientManagement(),
        ),
        endpoints=endpoints,
        service_roles=(ServiceRole("default", frozenset(endpoint.id for endpoint in endpoints)),),
    )
