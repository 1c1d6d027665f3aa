"""The schema of the pushed plugin's settings, as far as these mocks use them."""

from collections.abc import Callable, Mapping
from typing import Any


def violation(config: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first setting that the plugin's schema forbids, and what it should be; None where there is no such setting."""
    for key, (expected, allows) in PLUGIN_SCHEMA.items():
        value = config.get(key)
        if value is not None and not allows(value):
            return key, expected
    return None


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _some_of(*choices: str) -> tuple[str, Callable[[object], bool]]:
    allowed = frozenset(choices)
    return (
        f"some of {', '.join(sorted(choices))}",
        lambda value: isinstance(value, list) and all(isinstance(one, str) and one in allowed for one in value),
    )


def _one_of(*choices: str) -> tuple[str, Callable[[object], bool]]:
    return f"one of {', '.join(sorted(choices))}", lambda value: isinstance(value, str) and value in choices


PLUGIN_CONFIG = "config.v2_strategies.openid_connect"
AUTH_METHODS = frozenset(
    {"authorization_code", "bearer", "client_credentials", "introspection", "kong_oauth2", "password"}
    | {"refresh_token", "session", "userinfo"}
)
CLIENT_AUTHENTICATION = (
    *("client_secret_basic", "client_secret_jwt", "client_secret_post", "none"),
    *("private_key_jwt", "self_signed_tls_client_auth", "tls_client_auth"),
)
PLACES = ("body", "header", "query")
# The settings that mean something to a data plane of these mocks, by what the schema has them be (OidcAuth in
# KonnectApplicationAuth.json).
PLUGIN_SCHEMA: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "auth_methods": _some_of(*AUTH_METHODS),
    "bearer_token_param_type": _some_of(*PLACES, "cookie"),
    "client_auth": _some_of(*CLIENT_AUTHENTICATION),
    "consumer_by": _some_of("custom_id", "id", "username"),
    "introspection_accept": _one_of("application/json", "application/jwt", "application/token-introspection+jwt"),
    "session_cookie_same_site": _one_of("Default", "Lax", "None", "Strict"),
    "token_endpoint_auth_method": _one_of(*CLIENT_AUTHENTICATION),
    **dict.fromkeys(
        ("client_credentials_param_type", "password_param_type", "refresh_token_param_type"), _some_of(*PLACES)
    ),
    **dict.fromkeys(
        (
            *("ssl_verify", "hide_credentials", "display_errors", "expose_error_code", "run_on_preflight"),
            *("cache_tokens", "cache_introspection", "cache_user_info", "token_cache_key_include_scope"),
            *("verify_claims", "verify_signature", "introspect_jwt_tokens", "introspection_check_active"),
            *("session_cookie_http_only", "session_cookie_secure", "reverify", "consumer_optional"),
            *("unauthorized_destroy_session", "forbidden_destroy_session", "by_username_ignore_case"),
        ),
        ("a boolean", _is_boolean),
    ),
    **dict.fromkeys(
        (
            *("timeout", "leeway", "max_age", "rediscovery_lifetime"),
            *("cache_ttl", "cache_ttl_max", "cache_ttl_min", "cache_ttl_neg"),
            *("session_idling_timeout", "session_rolling_timeout", "session_absolute_timeout"),
        ),
        ("a number", _is_number),
    ),
    **dict.fromkeys(
        (
            *("audience", "issuers_allowed", "extra_jwks_uris", "domains", "claims_forbidden"),
            *("scopes_required", "audience_required", "groups_required", "roles_required"),
            *("scopes_claim", "audience_claim", "groups_claim", "roles_claim", "authenticated_groups_claim"),
            *("disable_session", "token_post_args_names", "token_post_args_values"),
        ),
        ("an array of texts", _are_texts),
    ),
}
