"""Undocumented behaviour of Curity, as switches. An unknown defaults to no; an exception gives its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Switches:
    """How this Curity behaves where the documents are silent. Replaced whole, at any time."""

    openid_for_client_credentials: bool = True
    """Whether `client_credentials` may be granted the scope `openid` (to a client that has it).

    There is no user and so no ID token; Kong's how-to warns that the scope "restricts the use", and other servers
    refuse it, but no text of Curity's says. **Default: true**, an exception to the rule above, because the how-to's own
    setup (Scopes left empty) makes the gateway ask for `openid`. False: the scope is dropped, and `invalid_scope`
    where nothing else was asked for. Source: unknown; developer.konghq.com, _how-tos/dev-portal/curity-dcr.md.
    """

    failed_registration_consumes_initial_token: bool = False
    """Whether an initial access token is used up by a registration that was refused.

    Documented is only that it serves for one registration. **Default: false**, because a malformed request changes
    nothing. True: the registrar must fetch another token after each refusal. Source: unknown;
    curity.io/resources/learn/using-dynamic-client-registration.
    """

    registers_client_without_grant_types: bool = False
    """Whether a registration is accepted when filtering has left it no grant type at all.

    Curity is known to filter grant types silently, but the known cases kept one. **Default: false**: 400
    `invalid_client_metadata`. True: 201 with empty `grant_types`; the client then gets `unauthorized_client` at the
    token endpoint. Source: unknown; github.com/curityio/mcp-authorization-secured-api, OAUTH-MCP-MESSAGES.md.
    """

    dcr_scope_when_registration_is_open: bool = False
    """Whether any client gets the scope `dcr` when the registrar's authentication is set to `no-authentication`.

    Documented is that only the clients of `authenticate-client-by` get it; here there is no such list. **Default:
    false**: a registrar that asks for `dcr` all the same is refused with `invalid_scope`. True: it gets a token, which
    the registration endpoint then ignores. Source: inferred; configuration reference, non-templatized.
    """

    shows_registration_scopes: bool = False
    """Whether the metadata list the scopes `dcr` and `dcrm` among `scopes_supported`.

    **Default: false**: only the profile's own scopes. True: both, while registration and its management are enabled.
    Source: unknown; curity.io/docs/identity-server/profiles/token-profile/lifecycle/token-profile-metadata.
    """

    metadata_is_kept: bool = False
    """Whether Curity itself keeps serving a metadata document that it has built, for `cache-duration` (600 seconds).

    Documented is how long others may keep it. **Default: false**: each answer is what is committed, with the header
    that allows others to cache it. True: registration that was switched on a minute ago is not in the document yet. Source:
    inferred; configuration reference, expose-metadata, cache-duration.
    """

    registered_clients_may_have_signed_userinfo: bool = False
    """Whether a registration with `userinfo_signed_response_alg` is given the token issuer of purpose `userinfo`.

    The member is OpenID's; which issuer it picks at Curity is unknown. **Default: false**: 400
    `invalid_client_metadata`. True: the first issuer of that purpose signs the client's userinfo; without one, 400.
    Source: unknown; github.com/curityio/database-client-migration-example, src/data/databaseClient.ts.
    """


DEFAULT_SWITCHES = Switches()
