"""The configuration of the plugin: what a strategy says, over the plugin's own defaults.

Rules
- A key that the strategy leaves out, or sets to null, has the default of the plugin's schema
  (developer.konghq.com, `app/_schemas/gateway/plugins/<version>/OpenidConnect.json`).
- Two defaults depend on the version of the node (`releases`).
- Only `issuer` has no default.
- A value of the wrong type violates the schema. So does, in this mock only, a setting that asks for a check which it
  does not make (`NOT_CHECKED`): rather no configuration than unchecked callers.
- `upstream_headers` and `downstream_headers` (from 3.14) and their older shapes, two lists of claims and names, mean the
  same; the older ones know claims of the top level only.
- Other keys of the plugin, and keys unknown to it, change nothing here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from dcrproof.mocks.gateway import releases, strict

Names = tuple[str, ...]
Mapped = tuple[tuple[str, Names], ...]
"""Headers, each with the path of the claim that it carries."""

AUTH_METHODS: Names = (
    "session",
    "bearer",
    "kong_oauth2",
    "introspection",
    "userinfo",
    "refresh_token",
    "password",
    "client_credentials",
    "authorization_code",
)
"""All nine, in the order in which the plugin looks for their credentials (plugin page, "Authentication flows and
grants"; the order is hard-coded). The default is all of them."""

PLACES: Names = ("body", "header", "query")
CLIENT_AUTHENTICATION: Names = (
    "client_secret_basic",
    "client_secret_jwt",
    "client_secret_post",
    "none",
    "private_key_jwt",
    "self_signed_tls_client_auth",
    "tls_client_auth",
)
CHOICES: Mapping[str, Names] = {
    "auth_methods": AUTH_METHODS,
    "bearer_token_param_type": (*PLACES, "cookie"),
    "client_auth": CLIENT_AUTHENTICATION,
    "client_credentials_param_type": PLACES,
    "consumer_by": ("custom_id", "id", "username"),
    "introspection_accept": ("application/json", "application/jwt", "application/token-introspection+jwt"),
    "password_param_type": PLACES,
    "refresh_token_param_type": PLACES,
    "session_cookie_same_site": ("Default", "Lax", "None", "Strict"),
    "token_endpoint_auth_method": CLIENT_AUTHENTICATION,
}
"""Settings that take some of a few words, or one (plugin schema)."""

NOT_CHECKED: Names = (
    "using_pseudo_issuer",
    "enable_hs_signatures",
    "proof_of_possession_mtls",
    "proof_of_possession_dpop",
    "consumer_groups_claim",
    "principals",
    "jwt_session_cookie",
    "session_bind",
)


class SchemaViolation(ValueError):
    """The plugin's schema does not allow this configuration. The message names the key."""


@dataclass(frozen=True)
class Plugin:
    """`openid-connect` as it runs in a node; keys and their meaning are Kong's. Times are seconds, `timeout` ms."""

    issuer: str
    ssl_verify: bool
    hide_credentials: bool

    # Identity provider and discovery
    issuers_allowed: Names | None = None
    rediscovery_lifetime: float = 30
    token_endpoint: str | None = None
    introspection_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    authorization_endpoint: str | None = None
    jwks_endpoint: str | None = None
    extra_jwks_uris: Names = ()
    timeout: float = 10_000

    # What is accepted from the caller
    auth_methods: Names = AUTH_METHODS
    client_credentials_param_type: Names = ("header", "query", "body")
    password_param_type: Names = ("header", "query", "body")
    refresh_token_param_type: Names = ("header", "query", "body")
    refresh_token_param_name: str | None = None
    bearer_token_param_type: Names = ("header", "query", "body")
    bearer_token_cookie_name: str | None = None
    bearer_token_header_name: str | None = None
    run_on_preflight: bool = True

    # Kong's own client, and the token request
    client_id: Names = ()
    client_secret: Names = ()
    client_auth: Names | None = None
    token_endpoint_auth_method: str | None = None
    scopes: Names = ("openid",)
    audience: Names = ()
    token_post_args_names: Names = ()
    token_post_args_values: Names = ()

    # Verification and authorisation
    verify_signature: bool = True
    verify_claims: bool = True
    leeway: float = 0
    max_age: float | None = None
    domains: Names = ()
    introspect_jwt_tokens: bool = False
    introspection_check_active: bool = True
    introspection_accept: str = "application/json"
    introspection_hint: str = "access_token"
    introspection_token_param_name: str = "token"
    scopes_required: Names | None = None
    scopes_claim: Names = ("scope",)
    audience_required: Names | None = None
    audience_claim: Names = ("aud",)
    groups_required: Names | None = None
    groups_claim: Names = ("groups",)
    roles_required: Names | None = None
    roles_claim: Names = ("roles",)
    claims_forbidden: Names = ()
    credential_claim: Names = ("sub",)

    # Consumers, where the plugin is used without Konnect's
    anonymous: str | None = None
    consumer_claim: Names = ()
    consumer_claims: tuple[Names, ...] = ()
    consumer_by: Names = ("custom_id", "username")
    consumer_optional: bool = False
    by_username_ignore_case: bool = False
    authenticated_groups_claim: Names = ()

    # Caches
    cache_tokens: bool = True
    cache_tokens_salt: str | None = None
    token_cache_key_include_scope: bool = False
    cache_introspection: bool = True
    cache_user_info: bool = True
    cache_ttl: float = 3600
    cache_ttl_max: float | None = None
    cache_ttl_min: float | None = None
    cache_ttl_neg: float | None = None

    # Answers and headers
    unauthorized_error_message: str = "Unauthorized"
    forbidden_error_message: str = "Forbidden"
    display_errors: bool = False
    expose_error_code: bool = True
    unauthorized_redirect_uri: Names = ()
    forbidden_redirect_uri: Names = ()
    upstream_access_token_header: str | None = "authorization:bearer"
    upstream_headers: Mapped = ()
    upstream_headers_claims: Names = ()
    upstream_headers_names: Names = ()
    downstream_headers: Mapped = ()
    downstream_headers_claims: Names = ()
    downstream_headers_names: Names = ()

    # Session
    session_cookie_name: str = "session"
    session_cookie_path: str = "/"
    session_cookie_domain: str | None = None
    session_cookie_same_site: str = "Lax"
    session_cookie_http_only: bool = True
    session_cookie_secure: bool | None = None
    session_idling_timeout: float = 900
    session_rolling_timeout: float = 3600
    session_absolute_timeout: float = 86_400
    session_audience: str = "default"
    session_secret: str | None = None
    disable_session: Names = ()
    reverify: bool = False
    unauthorized_destroy_session: bool = True
    forbidden_destroy_session: bool = True

    @cached_property
    def issuer_host(self) -> str:
        return (urlsplit(self.issuer).hostname or "").replace('"', "")

    @cached_property
    def mapped_upstream(self) -> Mapped:
        return self.upstream_headers + _older(self.upstream_headers_names, self.upstream_headers_claims)

    @cached_property
    def mapped_downstream(self) -> Mapped:
        return self.downstream_headers + _older(self.downstream_headers_names, self.downstream_headers_claims)

    @property
    def consumer_paths(self) -> tuple[Names, ...]:
        """The claim paths of the consumer's name; the first that exists counts (plugin schema, 3.14)."""
        return self.consumer_claims or ((self.consumer_claim,) if self.consumer_claim else ())


def plugin(config: Mapping[str, Any], version: str) -> Plugin:
    """The plugin that this strategy configuration makes on a node of this version. Raises SchemaViolation."""
    for key in NOT_CHECKED:
        if config.get(key) not in (None, False, "off", [], {}, {"enabled": False}):
            raise SchemaViolation(f"{key}: not checked by this mock")
    values: dict[str, Any] = dict(releases.defaults(version))
    for field in fields(Plugin):
        if (given := config.get(field.name)) is not None:
            values[field.name] = _READERS[field.name](field.name, given)
    if "issuer" not in values:
        raise SchemaViolation("issuer: required field missing")
    if not _is_url(values["issuer"]):
        raise SchemaViolation("issuer: is no URL")
    for key in CHOICES.keys() & values.keys():
        given = values[key]
        if not set(CHOICES[key]).issuperset([given] if isinstance(given, str) else given):
            raise SchemaViolation(f"{key}: expected one of {', '.join(CHOICES[key])}")
    return Plugin(**values)


def _older(names: Names, claims: Names) -> Mapped:
    return tuple((name, (claim,)) for name, claim in zip(names, claims, strict=False))


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _boolean(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise SchemaViolation(f"{key}: expected a boolean")
    return value


def _number(key: str, value: object) -> float:
    read = None if isinstance(value, str) else strict.number(value)
    if read is None or read < 0:
        raise SchemaViolation(f"{key}: expected a number")
    return read


def _string(key: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise SchemaViolation(f"{key}: expected a string")
    return value


def _strings(key: str, value: object) -> Names:
    if not isinstance(value, list | tuple):
        raise SchemaViolation(f"{key}: expected an array")
    return tuple(_string(key, item) for item in value)


def _paths(key: str, value: object) -> tuple[Names, ...]:
    if not isinstance(value, list | tuple):
        raise SchemaViolation(f"{key}: expected an array")
    return tuple(_strings(key, item) for item in value)


def _mapped(key: str, value: object) -> Mapped:
    """`[{"header": "x-name", "path": ["claim", "member"]}]` (plugin schema, 3.14)."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, dict) for item in value):
        raise SchemaViolation(f"{key}: expected an array of records")
    return tuple((_string(key, item.get("header")).lower(), _strings(key, item.get("path"))) for item in value)


_BY_TYPE: Mapping[Any, Callable[[str, object], Any]] = {
    bool: _boolean,
    bool | None: _boolean,
    float: _number,
    float | None: _number,
    str: _string,
    str | None: _string,
    Names: _strings,
    Names | None: _strings,
    tuple[Names, ...]: _paths,
    Mapped: _mapped,
}
_READERS = {name: _BY_TYPE[type_] for name, type_ in get_type_hints(Plugin).items()}
