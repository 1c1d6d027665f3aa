"""What the control plane pushes to its data planes, kept current change by change.

An application costs the same to push however many there are: each keeps its own part, and only the part of what
changed is made anew. The configuration as a whole is put together when somebody asks for it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from dcrproof.mocks import data_plane
from dcrproof.mocks.konnect.objects import Application, Publication, Strategy

# A strategy that the data plane of these mocks cannot enforce (key auth) admits nobody there: it must not leave the
# route open.
NO_METHOD: Mapping[str, object] = {
    "issuer": "https://no-issuer.invalid",
    "credential_claim": [],
    "scopes": [],
    "auth_methods": [],
}


def strategy_of(strategy: Strategy) -> data_plane.PushedStrategy:
    config = strategy.config if strategy.strategy_type == "openid_connect" else NO_METHOD
    return data_plane.PushedStrategy(strategy.id, config)


def enforced(publications: Iterable[Publication]) -> str | None:
    """The strategy that the plugin on the linked service enforces.

    The plugin holds a list; the push of these mocks holds one. An API that is published with several strategies gets
    that of its first publication.
    """
    held = [publication for publication in publications if publication.auth_strategy_id is not None]
    return min(held, key=lambda one: one.created_at).auth_strategy_id if held else None


MANAGED_PLUGIN, OPENID_CONNECT = "konnect-application-auth", "openid-connect"


def conflicting() -> Mapping[str, Any]:
    """A service has one plugin of a name (Kong, `plugins`): Konnect's own finds that place taken (inferred)."""
    message = f"the service already has a plugin {MANAGED_PLUGIN}"
    return {"control_plane_error": "control_plane_error_plugin_conflict", "message": message}


def refused(strategy: Strategy) -> Mapping[str, Any] | None:
    """Why the control plane does not take the plugin that this strategy makes; None where it does.

    `configs.openid-connect` is open, so that what the plugin's schema forbids is found out at the push alone. The form
    is `AuthStrategyApiSyncError` of api-builder v3; which of its codes is meant for a schema is inferred.
    """
    flaw = violation(strategy.config) if strategy.strategy_type == "openid_connect" else None
    if flaw is None:
        return None
    message = f"schema violation ({PLUGIN_CONFIG}.{flaw[0]}: expected {flaw[1]})"
    return {"control_plane_error": "control_plane_error_data_constraint_error", "message": message}


def violation(config: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first setting that the plugin's schema forbids, and what it should be; None where there is none."""
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


class Push:
    """The parts of the current configuration, and the configuration that they make."""

    def __init__(self) -> None:
        self.accepted: dict[str, data_plane.PushedStrategy] = {}
        """service id: the strategy that the control plane took last"""
        self._services: tuple[data_plane.Service, ...] = ()
        self._consumers: tuple[data_plane.PushedConsumer, ...] = ()
        self._applications: dict[str, data_plane.PushedApplication] = {}
        self._shared = data_plane.Configuration()
        self._whole: data_plane.Configuration | None = None
        self._hash: str | None = None

    def services(
        self, services: tuple[data_plane.Service, ...], consumers: tuple[data_plane.PushedConsumer, ...]
    ) -> bool:
        """Replaces all services and consumers. True if that altered anything."""
        if (services, consumers) == (self._services, self._consumers):
            return False
        self._services, self._consumers = services, consumers
        self._whole = self._hash = None
        return True

    def application(self, application: Application, approved: Iterable[str]) -> bool:
        """Replaces one application; `approved` are ids of APIs. True if that altered anything."""
        if application.client_id is None:  # key auth: nothing that the data plane could match
            return False
        part = data_plane.PushedApplication(
            application.id, application.client_id, application.strategy_id, tuple(sorted(approved))
        )
        if self._applications.get(application.id) == part:
            return False
        self._applications[application.id] = part
        self._whole = self._hash = None
        return True

    def share(self, shared: data_plane.Configuration) -> bool:
        """Replaces what another portal of this organisation pushes to the same services. True if that altered anything.

        Without applications nobody could use its strategies, and nothing of it is pushed.
        """
        if not shared.applications:
            shared = data_plane.Configuration()
        if shared == self._shared:
            return False
        self._shared = shared
        self._whole = self._hash = None
        return True

    def without(self, application_id: str) -> bool:
        if self._applications.pop(application_id, None) is None:
            return False
        self._whole = self._hash = None
        return True

    @property
    def configuration(self) -> data_plane.Configuration:
        if self._whole is None:
            applications = (*self._applications.values(), *self._shared.applications)
            services = tuple(map(self._with_shared, self._services))
            self._whole = data_plane.Configuration(services, applications, self._consumers)
        return self._whole

    def _with_shared(self, service: data_plane.Service) -> data_plane.Service:
        also = (
            replace(held, id=f"{held.id}/shared", routes=())
            for held in self._shared.services
            if held.id == service.id and held.api_id is not None
        )
        return replace(service, also=tuple(also))

    @property
    def hash(self) -> str:
        if self._hash is None:
            self._hash = self.configuration.hash
        return self._hash
