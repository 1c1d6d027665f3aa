"""Undocumented behaviour of the gateway, as switches."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Switches:
    """Each default is the stricter answer, where one is. The documents that leave it open: docs/switches-gateway.md."""

    # Kong's documents of 2020 (openid-connect 1.5.x, `config.auth_methods`) call the base64 of a Basic pair optional,
    # and both how-tos print `Basic CLIENT_ID:CLIENT_SECRET`. Nothing says it of a 3.x gateway.
    # Default: **false**, the pair must be base64. Example: true, where a live gateway answered 200 to the plain pair.
    literal_basic: bool = False

    # RFC 7519 makes `exp` optional, and no document says what the plugin does without it.
    # Default: **false**, a token that never ends is refused.
    # Example: true, where a live gateway took a token without `exp`.
    accept_missing_exp: bool = False

    # A JWT without `kid` leaves open which key signed it; trying every key that suits its algorithm is the likely
    # behaviour, and no document says so. Default: **false**, it is refused.
    # Example: true, for an authorization server that names no keys.
    accept_missing_kid: bool = False

    # A constant of Kong's core names `X-Credential-Identifier`; a trace with a mapped consumer shows none, and whether an
    # application without a consumer gets one is unknown. Default: **false**, the upstream gets none.
    # Example: true, where a live upstream saw the client id there.
    sends_credential_identifier: bool = False

    # RFC 9110 compares schemes without regard to case; Kong's own basic-auth takes `Basic` and `basic` alone, and blanks
    # around them, and no document says which this plugin is like.
    # Default: **false**, two spellings with one blank. Example: true, where a live gateway took `BASIC`.
    any_spelling_of_basic: bool = False

    # The base64 of a pair has its padding and the standard alphabet (RFC 7617 section 2); `ngx.decode_base64`, which Kong's
    # own basic-auth uses, asks for the alphabet, and whether padding may be missing differs between its versions.
    # Default: **false**, one spelling. Example: true, where a live gateway took a pair without `=` at its end.
    any_spelling_of_base64: bool = False

    # Kong's own basic-auth reads `Proxy-Authorization` as well; nothing says so of this plugin.
    # Default: **false**, it is not read. Example: true, where a live gateway took a pair there.
    reads_proxy_authorization: bool = False

    # RFC 6749 has id and secret form-encoded before they go into a Basic header; whether Kong does so towards the token
    # endpoint is not documented. Default: **false**, they are encoded, as the RFC says.
    # Example: true, where secrets with `%` or `+` fail at a server that decodes.
    sends_pairs_unencoded: bool = False

    # RFC 7515 has a token refused whose header names a critical extension that is not understood; what the plugin does is
    # not documented. Default: **false**, it is refused. Example: true, where a live gateway took one.
    accept_critical_extensions: bool = False

    # `issuers_allowed` lists the issuers whose tokens are taken: the plugin page's FAQ and a support article have a foreign
    # one added there, and that is all. The guide "Multiple IdPs" has such tokens refused all the same, unless
    # `verify_claims` is off. Default: **false**, a foreign issuer is refused, and the list can only narrow.
    # Example: true, where a live gateway took a token of an issuer that was added to the list.
    takes_allowed_issuers: bool = False

    # `audience` goes to the authorization endpoint (plugin schema). openid-connect 1.5.x says that the `aud` of JWTs is
    # verified with it as well, and no later document says so, or that it is not.
    # Default: **false**, a token for none of these audiences is refused.
    # Example: true, where a live gateway took a token for another audience than the configured one.
    ignores_audience: bool = False

    # The search for credentials begins with the session and stops at the first credential (plugin page); whether a session
    # that does not open is one, or the search continues, is not documented. Default: **false**, a good pair or token
    # beside such a cookie is refused, and the cookie taken back. Example: true, where a live gateway took the pair.
    passes_over_broken_sessions: bool = False

    # A strategy takes any setting of the plugin, `anonymous` too, which has a consumer replace a refusal (the plugin
    # `ace` forbids it in a strategy). Whether `konnect-application-auth`, which asks for an application, then lets the
    # call through is not documented. Default: **false**, the refusal stands.
    # Example: true, where a live route behind Konnect's plugin let a call without credentials through as that consumer.
    lets_anonymous_past_applications: bool = False

    # An application that is known and not approved for the API is refused (Dev Portal documents); with which status,
    # it is not documented. `konnect-application-auth` is said to replace `acl`, which answers 403.
    # Default: **false**, 403. Example: true, where a live gateway answered 401.
    answers_unapproved_with_401: bool = False

    # The same for a genuine token that stands for no application.
    # Default: **false**, 401. Example: true, where a live gateway answered 403.
    answers_strangers_with_403: bool = False

    # A pair that the token endpoint refused may be remembered: there is a `cache_ttl_neg`, null by default, and nothing
    # says whether it counts for token requests. Default: **false**, each call asks again, so that a pair serves as soon
    # as the authorization server takes it. Example: true, where a live gateway kept refusing such a pair.
    keeps_refusals: bool = False

    # First calls with one pair at the same time may wait for one token request, or each make its own; no document says
    # which. Default: **false**, each makes its own. Example: true, where the authorization server saw one request.
    shares_token_requests: bool = False

    # Curity signs with EdDSA where it is told to; the plugin's schema has it for the plugin's own assertions (`client_alg`),
    # and of tokens it says of HS256 and its like alone that they are refused.
    # Default: **false**, RS, PS and ES of each size are accepted, and EdDSA is refused.
    # Example: true, where a live gateway took a token that was signed with Ed25519.
    accept_eddsa: bool = False

    # Without `session_secret` a secret is generated; whether the nodes of a control plane share it is not documented.
    # Default: **false**, each node has its own, and opens no other's sessions.
    # Example: true, where a session of one live node opened on another.
    shares_session_secrets: bool = False


STRICT = Switches()
"""Every switch at its default."""
