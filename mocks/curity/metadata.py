"""The metadata documents of the token profile: token-profile/lifecycle/token-profile-metadata.

Members that Curity's documents or samples name stand beside those that OpenID Connect Discovery demands.
"""

from typing import Any

from dcrproof.mocks.curity.configuration import Configuration
from dcrproof.mocks.curity.registration import CAPABILITIES

# Member, kind of the endpoint, what is appended to the endpoint's URI.
ENDPOINT_MEMBERS = (
    ("authorization_endpoint", "oauth-authorize", ""),
    ("token_endpoint", "oauth-token", ""),
    ("introspection_endpoint", "oauth-introspect", ""),
    ("revocation_endpoint", "oauth-revoke", ""),
    ("userinfo_endpoint", "oauth-userinfo", ""),
    ("registration_endpoint", "oauth-dynamic-client-registration", ""),
    ("jwks_uri", "oauth-anonymous", "/jwks"),
    ("end_session_endpoint", "oauth-session", "/logout"),
    ("assisted_token_endpoint", "oauth-assisted-token", ""),
    ("pushed_authorization_request_endpoint", "oauth-authorize", "/par"),
)

ASYMMETRIC = ("PS384", "RS384", "ES256", "RS256", "EdDSA", "PS256", "PS512", "RS512")


def metadata(configuration: Configuration, base_url: str, issuer: str, more_scopes: tuple[str, ...]) -> dict[str, Any]:
    """The document's members; `more_scopes` join the profile's. An endpoint that no node serves is left out (inferred)."""
    document: dict[str, Any] = {"issuer": issuer}
    for member, kind, suffix in ENDPOINT_MEMBERS:
        endpoint = configuration.endpoint(kind)
        if endpoint is not None:
            document[member] = f"{base_url}{endpoint.uri}{suffix}"
    if configuration.jwks_uri_override is not None:
        document["jwks_uri"] = configuration.jwks_uri_override
    methods = ["client_secret_basic", "client_secret_post"] if configuration.basic_and_form_post else []
    grant_types = [name for name, needs in CAPABILITIES.items() if needs in configuration.client_capabilities]
    return document | {
        "scopes_supported": [*configuration.scopes, *more_scopes],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": grant_types,
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": methods,
        "id_token_signing_alg_values_supported": [configuration.default_token_issuer.algorithm],
        "introspection_endpoint_auth_signing_alg_values_supported": list(ASYMMETRIC),
        "code_challenge_methods_supported": ["S256", "plain"],
        "claims_supported": ["sub", "name", "email", "acr", "auth_time", "amr", "azp"],
        "acr_values_supported": ["urn:se:curity:authentication:html-form:html-form"],
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "authorization_response_iss_parameter_supported": True,
    }
