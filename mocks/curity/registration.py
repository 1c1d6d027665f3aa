"""What a registration request by RFC 7591 metadata is granted. Pure: nothing here changes state.

Rules:

- Members of the wrong type, and invalid redirect URIs, are refused; unknown members are ignored (RFC 7591 2).
- A grant type, scope or method that is not allowed is dropped or replaced silently, so a client must read what it was
  granted: github.com/curityio/mcp-authorization-secured-api, clients/OAUTH-MCP-MESSAGES.md.
- Missing grant types are `authorization_code` (RFC 7591 2), which then needs redirect URIs.
- A missing scope is every scope that is allowed (OAUTH-MCP-MESSAGES.md); an empty one too (inferred).
- The client's own pages lie at an origin of its redirect URIs (OAUTH-MCP-MESSAGES.md; its apigateway/kong.yml strips
  `client_uri` for that reason). A client without redirect URIs has no origin to differ from (inferred).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import SplitResult, urlsplit

from dcrproof.mocks.curity.errors import OAuthRefusal
from dcrproof.mocks.curity.settings import Client, NonTemplatized

# Grant types map to capabilities (token-profile/clients/dcr/dcr-api). `refresh_token` maps to none and is never
# granted: OAUTH-MCP-MESSAGES.md shows it asked for and not given.
CAPABILITIES = {
    "authorization_code": "code",
    "implicit": "implicit",
    "client_credentials": "client-credentials",
    "password": "resource-owner-password-credentials",
}

RESPONSE_TYPES = {"authorization_code": "code", "implicit": "token"}

METHODS = {
    "client_secret_basic": "secret",
    "client_secret_post": "secret",
    "none": "no-authentication",
    "tls_client_auth": "mutual-tls",
    "self_signed_tls_client_auth": "mutual-tls",
    "private_key_jwt": "asymmetrically-signed-jwt",
}

# What replaces a method that is not allowed, first choice first. The other methods need a key or a certificate from
# the client.
FALLBACKS = ("client_secret_basic", "none")

LONGEST_TTL = 2**31 - 1


UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""Control characters and halves of surrogate pairs: a data source could not keep them all, and no member needs any."""


def _text(value: object) -> bool:
    return isinstance(value, str) and UNFIT.search(value) is None


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(_text(item) for item in value)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _ttl(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LONGEST_TTL


PAGES = ("client_uri", "logo_uri", "policy_uri", "tos_uri")
ECHOED = (*PAGES, "contacts", "software_id", "software_version")

MEMBERS: dict[str, Callable[[object], bool]] = {
    "client_name": _text,
    "grant_types": _texts,
    "response_types": _texts,
    "redirect_uris": _texts,
    "post_logout_redirect_uris": _texts,
    "scope": _text,
    "token_endpoint_auth_method": _text,
    "subject_type": _text,
    "require_proof_key": _flag,
    "access_token_ttl": _ttl,
    "default_acr_values": _texts,
    "userinfo_signed_response_alg": _text,
    **dict.fromkeys(PAGES, _text),
    "contacts": _texts,
    "software_id": _text,
    "software_version": _text,
}


@dataclass(frozen=True)
class ClientMetadata:
    """What a dynamic client has. `echoed`: members that were given and mean nothing here."""

    client_name: str | None
    grant_types: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    token_endpoint_auth_method: str
    require_proof_key: bool
    requires_consent: bool
    access_token_ttl: int
    default_acr_values: tuple[str, ...]
    userinfo_signed_response_alg: str | None = None
    echoed: tuple[tuple[str, Any], ...] = ()

    @property
    def has_secret(self) -> bool:
        return METHODS[self.token_endpoint_auth_method] == "secret"

    @cached_property
    def capabilities(self) -> frozenset[str]:
        return frozenset(CAPABILITIES[grant_type] for grant_type in self.grant_types)

    def members(self) -> dict[str, Any]:
        """As the response shows them; `token_endpoint_auth_methods` and what is not in RFC 7591 are Curity's own."""
        members: dict[str, Any] = {} if self.client_name is None else {"client_name": self.client_name}
        members |= {
            "grant_types": list(self.grant_types),
            "response_types": [RESPONSE_TYPES[grant] for grant in self.grant_types if grant in RESPONSE_TYPES],
            "redirect_uris": list(self.redirect_uris),
            "post_logout_redirect_uris": list(self.post_logout_redirect_uris),
            "scope": " ".join(self.scopes),
            "token_endpoint_auth_method": self.token_endpoint_auth_method,
            "token_endpoint_auth_methods": (
                ["client_secret_basic", "client_secret_post"] if self.has_secret else [self.token_endpoint_auth_method]
            ),
            "subject_type": "public",
            "require_proof_key": self.require_proof_key,
            "requires_consent": self.requires_consent,
            "access_token_ttl": self.access_token_ttl,
            "default_acr_values": list(self.default_acr_values),
            "audiences": [],
        }
        if self.userinfo_signed_response_alg is not None:
            members["userinfo_signed_response_alg"] = self.userinfo_signed_response_alg
        return members | dict(self.echoed)


def checked(document: object) -> dict[str, Any]:
    """The request's members that have a meaning, nulls left out (RFC 7592 2.2). Raises OAuthRefusal."""
    if not isinstance(document, Mapping):
        raise OAuthRefusal("invalid_request", "The body is not a JSON object.")
    given = {name: document[name] for name in MEMBERS if document.get(name) is not None}
    for name, value in given.items():
        if not MEMBERS[name](value):
            error = "invalid_redirect_uri" if name == "redirect_uris" else "invalid_client_metadata"
            raise OAuthRefusal(error, f"The value of {name} is not valid.")
    if document.get("software_statement") is not None:
        # No issuer of statements is trusted here. RFC 7591 3.2.2.
        raise OAuthRefusal("invalid_software_statement", "The software statement is not trusted.")
    return given


def granted_grant_types(given: Mapping[str, Any], capabilities: frozenset[str]) -> tuple[str, ...]:
    """Each at most once, in the requested order."""
    asked = dict.fromkeys(given.get("grant_types", ["authorization_code"]))
    return tuple(grant for grant in asked if CAPABILITIES.get(grant) in capabilities)


def granted_scopes(given: Mapping[str, Any], allowed: tuple[str, ...]) -> tuple[str, ...]:
    asked = given.get("scope", "").split()
    return tuple(scope for scope in allowed if scope in asked) if asked else allowed


def granted_method(given: Mapping[str, Any], allowed: frozenset[str]) -> str:
    """The method asked for (RFC 7591 2: basic if none was), or what replaces it."""
    asked = given.get("token_endpoint_auth_method", "client_secret_basic")
    for method in (asked, *FALLBACKS):
        if METHODS.get(method) in allowed:
            return str(method)
    raise OAuthRefusal(
        "invalid_client_metadata", "No method of client authentication is allowed that this client can use."
    )


def check_uris(given: Mapping[str, Any], grant_types: tuple[str, ...]) -> None:
    """Raises OAuthRefusal for missing or invalid redirect URIs, and for pages of another origin."""
    redirects = given.get("redirect_uris", [])
    if not redirects and any(grant_type in RESPONSE_TYPES for grant_type in grant_types):
        raise OAuthRefusal("invalid_redirect_uri", "The grant types need redirect_uris.")
    if not all(is_redirect_uri(uri) for uri in redirects):
        raise OAuthRefusal("invalid_redirect_uri", "A redirect URI is not valid.")
    origins = {origin(uri) for uri in redirects}
    for name in PAGES:
        if name in given and (origin(given[name]) is None or (origins and origin(given[name]) not in origins)):
            raise OAuthRefusal(
                "invalid_client_metadata", f"The origin of {name} differs from that of the redirect_uris."
            )


def grant(document: object, non_templatized: NonTemplatized, allowed_scopes: tuple[str, ...]) -> ClientMetadata:
    """The allowed part of the requested metadata. Raises OAuthRefusal. The caller handles an empty `grant_types`.

    `audiences` is not the registrar's to choose: the sample that shows it had it from a pre-processing procedure
    (OAUTH-MCP-MESSAGES.md). `requires_consent` follows the configuration for the same reason (inferred).
    """
    given = checked(document)
    grant_types = granted_grant_types(given, non_templatized.capabilities)
    check_uris(given, grant_types)
    return ClientMetadata(
        client_name=given.get("client_name"),
        grant_types=grant_types,
        redirect_uris=tuple(given.get("redirect_uris", ())),
        post_logout_redirect_uris=tuple(given.get("post_logout_redirect_uris", ())),
        scopes=granted_scopes(given, allowed_scopes),
        token_endpoint_auth_method=granted_method(given, non_templatized.client_authentication_method),
        require_proof_key=given.get("require_proof_key", "authorization_code" in grant_types),
        requires_consent=non_templatized.user_consent,
        access_token_ttl=given.get("access_token_ttl", Client.access_token_ttl),
        default_acr_values=tuple(given.get("default_acr_values", ())),
        userinfo_signed_response_alg=given.get("userinfo_signed_response_alg"),
        echoed=tuple((name, given[name]) for name in ECHOED if name in given),
    )


def of_template(template: Client) -> ClientMetadata:
    """What an instance of a template has: all that the template has, nothing that the request says (inferred but for
    that the request is only a `software_id`: token-profile/clients/dcr).
    """
    grant_types = tuple(grant for grant, capability in CAPABILITIES.items() if capability in template.capabilities)
    return ClientMetadata(
        client_name=None,
        grant_types=grant_types,
        redirect_uris=(),
        post_logout_redirect_uris=(),
        scopes=template.scopes,
        token_endpoint_auth_method="client_secret_basic",
        require_proof_key="authorization_code" in grant_types,
        requires_consent=False,
        access_token_ttl=template.access_token_ttl,
        default_acr_values=(),
        echoed=(("software_id", template.id),),
    )


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts


def origin(uri: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an http or https URL; None for anything else."""
    parts = _split(uri)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]


def is_redirect_uri(uri: str) -> bool:
    """Absolute and without a fragment (RFC 6749 3.1.2); an app's own scheme is fine, one that runs script is not."""
    parts = _split(uri)
    if parts is None or not parts.scheme or "#" in uri or any(character.isspace() for character in uri):
        return False
    if parts.scheme in {"http", "https"}:
        return bool(parts.hostname)
    return parts.scheme not in {"javascript", "data", "vbscript"}
