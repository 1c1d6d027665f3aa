"""The configuration of the plugin: what a strategy says, over the plugin's own defaults.

Rules
- A key that the strategy leaves out, or sets to null, has the default of the plugin's schema
  (developer.konghq.com, `app/_schemas/gateway/plugins/<version>/OpenidConnect.json`).
- Two defaults depend on the version of the node: `ssl_verify` and `hide_credentials` are false up to 3.13 and true
  from 3.14 (developer.konghq.com, "Gateway breaking changes").
- Only `issuer` has no default.
- A value of the wrong type violates the schema. So does, in this mock only, a key that asks for a judgement which it
  does not make (`NOT_JUDGED`): rather no configuration than callers who pass unjudged.
- Other keys of the plugin, and keys unknown to it, change nothing here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from dcrproof.mocks.gateway import strict

Names = tuple[str, ...]

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

DEFAULTS_FROM_3_14: Mapping[str, bool] = {"ssl_verify": True, "hide_credentials": True}
DEFAULTS_TO_3_13: Mapping[str, bool] = {"ssl_verify": False, "hide_credentials": False}

NOT_JUDGED: Names = (
    "using_pseudo_issuer",
    "enable_hs_signatures",
    "introspect_jwt_tokens",
    "proof_of_possession_mtls",
    "proof_of_possession_dpop",
    "max_age",
    "domains",
    "consumer_claim",
    "consumer_claims",
    "consumer_groups_claim",
    "principals",
    "anonymous",
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
    jwks_endpoint: str | None = None
    timeout: float = 10_000

    # What is accepted from the caller
    auth_methods: Names = AUTH_METHODS
    client_credentials_param_type: Names = ("header", "query", "body")
    bearer_token_param_type: Names = ("header", "query", "body")
    run_on_preflight: bool = True

    # The token request
    client_auth: Names | None = None
    token_endpoint_auth_method: str | None = None
    scopes: Names = ("openid",)
    token_post_args_names: Names = ()
    token_post_args_values: Names = ()

    # Verification and authorisation
    verify_signature: bool = True
    verify_claims: bool = True
    leeway: float = 0
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

    # Caches
    cache_tokens: bool = True
    cache_tokens_salt: str | None = None
    token_cache_key_include_scope: bool = False
    cache_ttl: float = 3600
    cache_ttl_max: float | None = None
    cache_ttl_min: float | None = None

    # Answers and headers
    unauthorized_error_message: str = "Unauthorized"
    forbidden_error_message: str = "Forbidden"
    display_errors: bool = False
    expose_error_code: bool = True
    upstream_access_token_header: str | None = "authorization:bearer"

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

    @property
    def issuer_host(self) -> str:
        return (urlsplit(self.issuer).hostname or "").replace('"', "")


def plugin(config: Mapping[str, Any], version: str) -> Plugin:
    """The plugin that this strategy configuration makes on a node of this version. Raises SchemaViolation."""
    for key in NOT_JUDGED:
        if config.get(key) not in (None, False, "off", [], {}, {"enabled": False}):
            raise SchemaViolation(f"{key}: not judged by this mock")
    values: dict[str, Any] = dict(DEFAULTS_FROM_3_14 if release(version) >= (3, 14) else DEFAULTS_TO_3_13)
    for field in fields(Plugin):
        if (given := config.get(field.name)) is not None:
            values[field.name] = _READERS[field.name](field.name, given)
    if "issuer" not in values:
        raise SchemaViolation("issuer: required field missing")
    if not _is_url(values["issuer"]):
        raise SchemaViolation("issuer: is no URL")
    for method in values.get("auth_methods", ()):
        if method not in AUTH_METHODS:
            raise SchemaViolation(f"auth_methods: expected one of {', '.join(AUTH_METHODS)}")
    return Plugin(**values)


def release(version: str) -> tuple[int, int]:
    """(3, 14) of 3.14.0.8."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


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


_BY_TYPE: Mapping[Any, Callable[[str, object], Any]] = {
    bool: _boolean,
    bool | None: _boolean,
    float: _number,
    float | None: _number,
    str: _string,
    str | None: _string,
    Names: _strings,
    Names | None: _strings,
}
_READERS = {name: _BY_TYPE[type_] for name, type_ in get_type_hints(Plugin).items()}
