"""Curity in detail: what it grants, refuses and says, apart from what the flow depends on."""

from dcrproof.core.checks.check import Evidence, Level, check
from dcrproof.core.checks.expect import demand
from dcrproof.core.checks.outcomes import NotApplicable
from dcrproof.core.checks.sources import CONFIG, DCRM, USING_DCR
from dcrproof.core.parties.answers import access_token
from dcrproof.core.parties.authorization_server import error_code, refused, told
from dcrproof.core.parties.konnect import objects
from dcrproof.core.parties.tokens import decode
from dcrproof.core.secrets.secret import basic

MESSAGES = "github.com/curityio/mcp-authorization-secured-api, OAUTH-MCP-MESSAGES.md"
BASIC = "RFC 6749 2.3.1"
ERRORS = "RFC 6749 5.2"
NO_STORE = "no-store in Cache-Control"


def _form(expect, name, holds, expected, observed, evidence=Evidence.INFERRED):
    expect.form("curity", name, holds, expected, observed, evidence)


def _token(server, metadata, client, **form):
    """A client_credentials request with these parameters beside the grant type."""
    parameters = {"grant_type": "client_credentials", **form}
    return server.form(metadata.endpoint("token_endpoint"), parameters, client.client_id, client.client_secret)


def _new_token(target, server, metadata, client):
    """An access token of that client, masked from here on."""
    exchange = _token(server, metadata, client)
    demand(exchange.status == 200, f"a token for {client.client_id}", error_code(exchange))
    return access_token(target, exchange)


# Metadata and keys


@check(
    "metadata.cache-lifetime",
    "The metadata states how long it may be cached",
    evidence=Evidence.INFERRED,
    references=(f"{CONFIG}, expose-metadata, cache-duration: 600",),
    level=Level.SHOULD,
)
def test_metadata_may_be_kept(_dcr_is_curity, _dcr_authorization_server, dcr_metadata, _dcr_expect):
    header = _dcr_authorization_server.discovery().header("cache-control") or ""
    _form(_dcr_expect, "metadata.cache-lifetime", "max-age=" in header, "max-age in Cache-Control", repr(header))


@check(
    "metadata.registration-scopes",
    "Whether the metadata lists the scopes of registration",
    evidence=Evidence.UNKNOWN,
    references=(
        "curity.io/docs/identity-server/profiles/token-profile/lifecycle/token-profile-metadata",
        "OpenID Connect Discovery 1.0, 3",
    ),
)
def test_scopes_in_the_metadata(_dcr_is_curity, _dcr_authorization_server, _dcr_registration_endpoint, _dcr_expect):
    scopes = _dcr_authorization_server.discovery().object().get("scopes_supported") or []
    shown = [scope for scope in ("dcr", "dcrm") if scope in scopes]
    _dcr_expect.form(
        "curity",
        "shows_registration_scopes",
        not shown,
        "neither dcr nor dcrm in scopes_supported",
        f"{', '.join(shown) or 'neither'} in scopes_supported",
        Evidence.UNKNOWN,
    )


@check(
    "keys.identified",
    "Every key has a kid that is a string, even one that looks like a negative number",
    evidence=Evidence.DOCUMENTED,
    references=(
        "RFC 7517 4.5",
        "curity.io/docs/identity-server/profiles/token-profile/lifecycle/token-profile-metadata",
    ),
    level=Level.SHOULD,
)
def test_keys_have_a_kid(dcr_jwks, _dcr_expect):
    kids = [key.get("kid") for key in dcr_jwks["keys"]]
    _dcr_expect.that(all(isinstance(kid, str) and kid for kid in kids), "a string as kid of each key", f"kid {kids}")
    _dcr_expect.that(len(set(kids)) == len(kids), "another kid for each key", f"kid {kids}")


@check(
    "keys.members",
    "Each key has use, alg and x5t",
    evidence=Evidence.INFERRED,
    references=(
        f"{CONFIG}, jwt-issuer-settings, include-x5t-in-jwks",
        "RFC 7517 4.2",
    ),
    level=Level.SHOULD,
)
def test_keys_say_what_they_are_for(_dcr_is_curity, dcr_jwks, _dcr_expect):
    missing = sorted({name for key in dcr_jwks["keys"] for name in ("use", "alg", "x5t") if name not in key})
    _form(_dcr_expect, "keys.members", not missing, "use, alg and x5t", f"no {', '.join(missing)}")


@check(
    "keys.rotated",
    "After a change of the signing key the old key remains published",
    evidence=Evidence.DOCUMENTED,
    references=("curity.io/resources/learn/token-signing-key-rotation",),
)
def test_old_key_stays_published(
    _dcr_is_curity, _dcr_key_rotation, _dcr_authorization_server, _dcr_endpoints, _dcr_jwt, _dcr_expect
):
    def published():
        return {str(key.get("kid")) for key in objects(_dcr_authorization_server.keys(_dcr_endpoints).object()["keys"])}

    before = published()
    with _dcr_key_rotation.rotated():
        after = published()
    _dcr_expect.that(
        after > before, "the old keys and a new one", f"{len(before - after)} gone, {len(after)} published"
    )


# The token endpoint


@check(
    "grant.by-post",
    "A client also gets a token with its secret in the form",
    evidence=Evidence.INFERRED,
    references=(f"{CONFIG}, client-authentication/basic-and-form-post", MESSAGES),
)
def test_secret_in_the_form(_dcr_is_curity, _dcr_authorization_server, _dcr_endpoints, _dcr_granted, _dcr_expect):
    form = {
        "grant_type": "client_credentials",
        "client_id": _dcr_granted.client_id,
        "client_secret": _dcr_granted.client_secret.reveal(),
    }
    exchange = _dcr_authorization_server.form_with(_dcr_endpoints.endpoint("token_endpoint"), form, None)
    _form(_dcr_expect, "grant.by-post", exchange.status == 200, "a token", error_code(exchange))


@check(
    "grant.encoded-basic",
    "The id and secret of Basic credentials are form-decoded",
    evidence=Evidence.INFERRED,
    references=(BASIC,),
)
def test_basic_is_form_decoded(
    _dcr_is_curity, _dcr_target, _dcr_authorization_server, _dcr_endpoints, _dcr_granted, _dcr_expect
):
    def encoded(text):
        return "".join(f"%{byte:02X}" for byte in text.encode())

    secret = encoded(_dcr_granted.client_secret.reveal())
    _dcr_target.secrets.know(secret, encoded(_dcr_granted.client_id))
    exchange = _dcr_authorization_server.form_with(
        _dcr_endpoints.endpoint("token_endpoint"),
        {"grant_type": "client_credentials"},
        basic(encoded(_dcr_granted.client_id), secret),
    )
    _form(_dcr_expect, "grant.encoded-basic", exchange.status == 200, "a token", error_code(exchange))


@check(
    "grant.two-methods",
    "A request with two methods of client authentication is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 6749 2.3",),
    level=Level.SHOULD,
)
def test_one_method_for_each_request(
    _dcr_is_curity, _dcr_authorization_server, _dcr_endpoints, _dcr_granted, _dcr_expect
):
    secret = _dcr_granted.client_secret.reveal()
    exchange = _token(
        _dcr_authorization_server, _dcr_endpoints, _dcr_granted, client_id=_dcr_granted.client_id, client_secret=secret
    )
    _form(_dcr_expect, "grant.two-methods", exchange.status in {400, 401}, "400 or 401", error_code(exchange))


@check(
    "grant.unknown-client",
    "An unknown client is refused with a WWW-Authenticate challenge",
    evidence=Evidence.DOCUMENTED,
    references=(ERRORS,),
    hostile=True,
)
def test_unknown_client(
    _dcr_authorization_server, _dcr_endpoints, _dcr_token_answer, _dcr_wrong_secret, _dcr_mark, _dcr_expect
):
    exchange = _dcr_authorization_server.token(_dcr_endpoints, f"{_dcr_mark} unknown", _dcr_wrong_secret)
    _dcr_expect.that(exchange.status in {400, 401}, "the unknown client refused with 400 or 401", error_code(exchange))
    challenge = exchange.header("www-authenticate") or ""
    _form(
        _dcr_expect,
        "grant.unknown-client",
        exchange.status == 401 and challenge.lower().startswith("basic"),
        "401 with WWW-Authenticate: Basic",
        f"{error_code(exchange)}, WWW-Authenticate {challenge!r}",
        Evidence.DOCUMENTED,
    )


@check(
    "grant.other-grant",
    "A grant type that the client does not have is refused",
    evidence=Evidence.DOCUMENTED,
    references=(ERRORS,),
)
def test_other_grant_type(_dcr_authorization_server, _dcr_endpoints, _dcr_granted, _dcr_expect):
    url = _dcr_endpoints.endpoint("token_endpoint")
    for grant, error in (("password", "unsupported_grant_type"), ("urn:dcrproof:none", "unsupported_grant_type")):
        form = {"grant_type": grant, "username": "dcrproof", "password": "dcrproof"}
        exchange = _dcr_authorization_server.form(url, form, _dcr_granted.client_id, _dcr_granted.client_secret)
        _dcr_expect.that(
            exchange.status in {400, 401, 403}, f"grant_type {grant} refused with 400, 401 or 403", error_code(exchange)
        )
        _form(
            _dcr_expect,
            "grant.other-grant",
            error_code(exchange) == f"400 {error}",
            f"400 {error}",
            error_code(exchange),
        )


@check(
    "grant.no-grant-type",
    "A token request without a grant type is refused",
    evidence=Evidence.DOCUMENTED,
    references=(ERRORS,),
)
def test_missing_grant_type(_dcr_authorization_server, _dcr_endpoints, _dcr_granted, _dcr_expect):
    url = _dcr_endpoints.endpoint("token_endpoint")
    exchange = _dcr_authorization_server.form(url, {}, _dcr_granted.client_id, _dcr_granted.client_secret)
    _dcr_expect.that(exchange.status == 400, "400", error_code(exchange))
    right = error_code(exchange) == "400 invalid_request"
    _form(_dcr_expect, "grant.no-grant-type", right, "400 invalid_request", error_code(exchange), Evidence.DOCUMENTED)


@check(
    "grant.by-get",
    "A GET request to the token endpoint is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 6749 3.2",),
)
def test_no_token_by_get(_dcr_authorization_server, _dcr_endpoints, _dcr_token_answer, _dcr_expect):
    exchange = _dcr_authorization_server.get(_dcr_endpoints.endpoint("token_endpoint"))
    _dcr_expect.that(exchange.status >= 400, "a GET request refused (4xx or 5xx)", exchange.what)
    _form(_dcr_expect, "grant.by-get", exchange.status == 405, "405", str(exchange.status))


@check(
    "grant.scope-unknown",
    "A request for a single disallowed scope is refused",
    evidence=Evidence.INFERRED,
    references=("github.com/curityio/ai-agents-auth-demo, CLAUDE.md",),
)
def test_unknown_scope_alone(_dcr_is_curity, _dcr_authorization_server, _dcr_endpoints, _dcr_granted, _dcr_expect):
    exchange = _token(_dcr_authorization_server, _dcr_endpoints, _dcr_granted, scope="dcrproof-unknown")
    observed = error_code(exchange)
    _form(_dcr_expect, "grant.scope-unknown", observed == "400 invalid_scope", "400 invalid_scope", observed)


@check(
    "grant.scope-filtered",
    "Of several scopes, the disallowed ones are omitted",
    evidence=Evidence.INFERRED,
    references=("RFC 6749 3.3",),
)
def test_scopes_are_filtered(_dcr_is_curity, _dcr_authorization_server, _dcr_endpoints, _dcr_granted, _dcr_expect):
    allowed = str(_dcr_granted.members.get("scope") or "").split()[:1]
    _dcr_expect.that(allowed, "a scope that the client was granted", "scope ''")
    exchange = _token(_dcr_authorization_server, _dcr_endpoints, _dcr_granted, scope=f"{allowed[0]} dcrproof-unknown")
    scope = exchange.object().get("scope") if exchange.status == 200 else error_code(exchange)
    _form(_dcr_expect, "grant.scope-filtered", scope == allowed[0], f"scope {allowed[0]!r}", f"{scope!r}")


@check(
    "grant.no-dcr-scope",
    "A registered client gets no scope for registering or managing other clients",
    evidence=Evidence.DOCUMENTED,
    references=(USING_DCR, f"{CONFIG}, client-management, management-clients"),
    security=True,
)
def test_registered_client_gets_no_dcr_scope(
    _dcr_is_curity, _dcr_authorization_server, _dcr_endpoints, _dcr_granted, _dcr_expect
):
    for scope in ("dcr", "dcrm"):
        exchange = _token(_dcr_authorization_server, _dcr_endpoints, _dcr_granted, scope=scope)
        given = str(exchange.object().get("scope") or "").split() if exchange.status == 200 else []
        _dcr_expect.that(scope not in given, f"no token with scope {scope}", f"a token with scope {scope}")


@check(
    "grant.answer-kept-by-nobody",
    "The token response must not be stored (Cache-Control: no-store)",
    evidence=Evidence.INFERRED,
    references=("RFC 6749 5.1",),
    level=Level.SHOULD,
)
def test_token_is_not_to_be_stored(_dcr_token_answer, _dcr_expect):
    header = _dcr_token_answer.header("cache-control") or ""
    _form(_dcr_expect, "grant.answer-kept-by-nobody", "no-store" in header, NO_STORE, repr(header))


@check(
    "grant.no-refresh-token",
    "client_credentials returns neither a refresh token nor an ID token",
    evidence=Evidence.INFERRED,
    references=("RFC 6749 4.4.3",),
)
def test_no_refresh_token(_dcr_is_curity, _dcr_token_answer, _dcr_expect):
    extra = sorted({"refresh_token", "id_token"} & set(_dcr_token_answer.object()))
    _form(_dcr_expect, "grant.no-refresh-token", not extra, "neither", ", ".join(extra))


@check(
    "grant.lifetime",
    "The lifetime of a token is its client's access_token_ttl",
    evidence=Evidence.INFERRED,
    references=(MESSAGES, "curity.io/docs/identity-server/profiles/token-profile/clients/dcr/dcr-api"),
    creates={"client": 1},
)
def test_token_lifetime(
    _dcr_is_curity, _dcr_registrations, _dcr_granted, _dcr_endpoints, _dcr_jwt, _dcr_target, _dcr_expect
):
    client = _dcr_registrations.register("lifetime", access_token_ttl=60)
    ttl = client.members.get("access_token_ttl")
    _dcr_expect.that(isinstance(ttl, int) and ttl > 0, "access_token_ttl in the answer", f"access_token_ttl {ttl!r}")
    exchange = _token(_dcr_registrations.server, _dcr_endpoints, client)
    answer = exchange.object()
    token = decode(access_token(_dcr_target, exchange).reveal())
    lifetime = token.lifetime if token else None
    _dcr_expect.that(lifetime == ttl, f"exp - iat of {ttl} seconds, as registered", f"{lifetime}")
    expires = answer.get("expires_in")
    _dcr_expect.that(expires in {ttl - 1, ttl}, f"expires_in {ttl}, or a second less", f"expires_in {expires!r}")
    _form(_dcr_expect, "grant.lifetime", ttl == 60, "access_token_ttl 60, as requested", f"access_token_ttl {ttl}")


# Registration


@check(
    "registered.members",
    "The registration response has the members that Curity uses",
    evidence=Evidence.INFERRED,
    references=("RFC 7591 3.2.1", MESSAGES),
)
def test_registration_members(_dcr_is_curity, _dcr_granted, _dcr_expect):
    members = _dcr_granted.members
    _dcr_expect.that(
        members.get("client_secret_expires_at") == 0,
        "client_secret_expires_at 0: the secret does not expire",
        f"client_secret_expires_at {members.get('client_secret_expires_at')!r}",
    )
    own = ("client_id_issued_at", "token_endpoint_auth_methods", "access_token_ttl", "require_proof_key", "audiences")
    missing = [name for name in own if name not in members]
    _form(_dcr_expect, "registered.members", not missing, ", ".join(own), f"no {', '.join(missing)}")


@check(
    "registered.management-members",
    "The response for a managed client states the lifetime of its registration access token",
    evidence=Evidence.INFERRED,
    references=(DCRM,),
)
def test_management_members(_dcr_is_curity, _dcr_managed, _dcr_registration_endpoint, _dcr_expect):
    value = _dcr_managed.members.get("registration_access_token_expires_in")
    days = isinstance(value, int) and value > 0
    _form(_dcr_expect, "registered.expires-in", days, "registration_access_token_expires_in", f"{value!r}")
    url = f"{_dcr_registration_endpoint}/{_dcr_managed.client_id}"
    found = _dcr_managed.registration_client_uri
    _form(_dcr_expect, "registered.client-uri", found == url, "the endpoint and the client's id", found)


@check(
    "registered.not-stored",
    "The registration response must not be stored (Cache-Control: no-store)",
    evidence=Evidence.INFERRED,
    references=("RFC 7591 3.2.1",),
    level=Level.SHOULD,
    creates={"client": 1},
)
def test_registration_is_not_to_be_stored(_dcr_is_curity, _dcr_registrations, _dcr_granted, _dcr_expect):
    exchange = _dcr_registrations.attempt("not stored", _dcr_registrations.access.token())
    header = exchange.header("cache-control") or ""
    _form(_dcr_expect, "registered.not-stored", "no-store" in header, NO_STORE, repr(header))


@check(
    "registered.own-id",
    "A client cannot choose its id or its secret",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7591 3.2.1",),
    security=True,
    creates={"client": 1},
)
def test_client_cannot_choose_its_id(_dcr_registrations, _dcr_granted, _dcr_wrong_secret, _dcr_expect):
    exchange = _dcr_registrations.attempt(
        "own id",
        _dcr_registrations.access.token(),
        client_id=_dcr_granted.client_id,
        client_secret=_dcr_wrong_secret.reveal(),
    )
    content = exchange.members()
    same = content.get("client_id") == _dcr_granted.client_id
    _dcr_expect.that(not same, "another client_id than the requested one, or a refusal", "the requested one")
    kept = content.get("client_secret") == _dcr_wrong_secret.reveal()
    _dcr_expect.that(not kept, "another client_secret than the requested one, or a refusal", "the requested one")


@check(
    "registered.method-replaced",
    "A client that requests no authentication is given a secret where one is required",
    evidence=Evidence.INFERRED,
    references=(
        MESSAGES,
        "RFC 7591 2",
    ),
    creates={"client": 1},
)
def test_method_none_is_replaced(_dcr_is_curity, _dcr_registrations, _dcr_granted, _dcr_expect):
    exchange = _dcr_registrations.attempt(
        "method none", _dcr_registrations.access.token(), token_endpoint_auth_method="none"
    )
    content = exchange.members()
    secret = "with" if content.get("client_secret") else "without"
    method = content.get("token_endpoint_auth_method")
    _form(
        _dcr_expect,
        "registered.method-replaced",
        exchange.status == 201 and method == "client_secret_basic" and secret == "with",
        "201 with client_secret_basic and a secret",
        f"{exchange.status} with {method!r}, {secret} a secret",
    )


@check(
    "registered.all-scopes",
    "A client that requests no scope may use every allowed scope",
    evidence=Evidence.INFERRED,
    references=(MESSAGES,),
)
def test_missing_scope_is_every_scope(_dcr_is_curity, _dcr_granted, _dcr_expect):
    scope = _dcr_granted.members.get("scope")
    _form(_dcr_expect, "registered.all-scopes", scope, "scopes in the answer", f"scope {scope!r}")


@check(
    "registered.unknown-scope",
    "A disallowed scope is omitted from the answer, and the registration succeeds",
    evidence=Evidence.INFERRED,
    references=(MESSAGES, "RFC 7591 2"),
    creates={"client": 1},
)
def test_unknown_scope_is_left_out(_dcr_is_curity, _dcr_registrations, _dcr_granted, _dcr_expect):
    allowed = str(_dcr_granted.members.get("scope") or "").split()[:1]
    asked = " ".join([*allowed, "dcrproof-unknown"])
    exchange = _dcr_registrations.attempt("unknown scope", _dcr_registrations.access.token(), scope=asked)
    granted = exchange.members().get("scope") if exchange.status == 201 else error_code(exchange)
    never = "dcrproof-unknown" not in str(granted).split()
    _dcr_expect.that(never, "no scope that is not allowed", f"scope {granted!r}")
    _form(_dcr_expect, "registered.unknown-scope", granted == " ".join(allowed), f"scope {allowed}", f"{granted!r}")


@check(
    "registered.nothing-unasked",
    "A registration without grant types is not granted client_credentials",
    evidence=Evidence.INFERRED,
    references=("RFC 7591 2",),
    creates={"client": 2},
)
def test_missing_grant_types(_dcr_is_curity, _dcr_registrations, _dcr_granted, _dcr_expect):
    exchange = _dcr_registrations.attempt("no grant types", _dcr_registrations.access.token(), grant_types=None)
    grants = exchange.members().get("grant_types") or []
    _form(
        _dcr_expect,
        "registered.nothing-unasked",
        "client_credentials" not in grants,
        "no client_credentials",
        f"{exchange.status} with grant_types {grants}",
    )
    none_left = _dcr_registrations.attempt("no grant left", _dcr_registrations.access.token(), grant_types=["dcrproof"])
    _form(
        _dcr_expect,
        "registers_client_without_grant_types",
        none_left.status == 400,
        "400 to grant types of which none is left",
        f"{error_code(none_left)} with grant_types {none_left.members().get('grant_types')}",
        Evidence.UNKNOWN,
    )


@check(
    "registered.foreign-page",
    "A client_uri with another origin than the redirect_uris is refused",
    evidence=Evidence.INFERRED,
    references=(MESSAGES, "github.com/curityio/mcp-authorization-secured-api, apigateway/kong.yml", "RFC 7591 5"),
    creates={"client": 2},
)
def test_foreign_client_uri(_dcr_is_curity, _dcr_registrations, _dcr_granted, _dcr_expect):
    token = _dcr_registrations.access.token()
    pages = {"redirect_uris": ["https://app.example.com/callback"], "client_uri": "https://other.example.com/"}
    exchange = _dcr_registrations.attempt("foreign page", token, **pages)
    _form(_dcr_expect, "registered.foreign-page", exchange.status == 400, "400", error_code(exchange))
    if exchange.status == 400:
        again = _dcr_registrations.attempt("after a refusal", token)
        _form(
            _dcr_expect,
            "failed_registration_consumes_initial_token",
            again.status == 201,
            "201 with the initial access token of the registration that was refused",
            error_code(again),
            Evidence.UNKNOWN,
        )


@check(
    "registered.bad-redirect",
    "A redirect URI with a fragment is refused",
    evidence=Evidence.INFERRED,
    references=("RFC 6749 3.1.2", "RFC 7591 3.2.2"),
    creates={"client": 1},
)
def test_redirect_uri_with_a_fragment(_dcr_is_curity, _dcr_registrations, _dcr_granted, _dcr_expect):
    exchange = _dcr_registrations.attempt(
        "bad redirect", _dcr_registrations.access.token(), redirect_uris=["https://app.example.com/#callback"]
    )
    expected = "400 invalid_redirect_uri"
    _form(_dcr_expect, "registered.bad-redirect", error_code(exchange) == expected, expected, error_code(exchange))


@check(
    "registered.broken-body",
    "A body that is not client metadata is refused without a server error",
    evidence=Evidence.DOCUMENTED,
    references=(
        "RFC 7591 3.2.2",
        "RFC 7591 3.1",
    ),
    creates={"client": 6},
)
def test_broken_body(_dcr_registrations, _dcr_granted, _dcr_endpoints, _dcr_expect):
    for body in (b"", b"{", b"[]", b'"text"', b"null", b"\xff", b'{"grant_types": "client_credentials"}'):
        token = _dcr_registrations.access.token()
        exchange = _dcr_registrations.server.register_raw(_dcr_endpoints, token, body)
        refused = 400 <= exchange.status < 500
        _dcr_expect.that(refused, f"{body!r} refused (4xx)", error_code(exchange))
        code = exchange.members().get("error")
        _form(_dcr_expect, "registered.broken-body", isinstance(code, str), "an error code", error_code(exchange))


@check(
    "registered.undescribed-errors",
    "An error has a code; its description appears only where the profile exposes details",
    evidence=Evidence.INFERRED,
    references=(
        "curity.io/resources/learn/oauth-troubleshooting-developers",
        f"{CONFIG}, expose-detailed-error-messages",
    ),
    level=Level.SHOULD,
)
def test_errors_are_not_described(
    _dcr_is_curity, _dcr_registrations, _dcr_authorization_server, _dcr_endpoints, _dcr_granted, _dcr_expect
):
    answers = (
        _token(_dcr_authorization_server, _dcr_endpoints, _dcr_granted, scope="dcrproof-unknown"),
        _dcr_authorization_server.ask_to_register(_dcr_endpoints.endpoint("registration_endpoint")),
    )
    for exchange in answers:
        described = "error_description" in exchange.members()
        _form(_dcr_expect, "registered.undescribed-errors", not described, "no error_description", exchange.what)


@check(
    "registered.expired-token",
    "An expired initial access token registers no client",
    evidence=Evidence.DOCUMENTED,
    references=(USING_DCR, f"{CONFIG}, client, access-token-ttl"),
    creates={"client": 1},
)
def test_expired_initial_token(_dcr_is_curity, dcr_clock, _dcr_registrations, _dcr_granted, _dcr_expect):
    token = _dcr_registrations.access.token()
    dcr_clock.advance(301)  # access-token-ttl of the registrar, and a second
    exchange = _dcr_registrations.attempt("expired token", token)
    _dcr_expect.that(
        exchange.status in {400, 401, 403}, "the expired token refused with 400, 401 or 403", error_code(exchange)
    )


# Management


@check(
    "managed.read-back",
    "Reading a registration shows what was granted",
    evidence=Evidence.DOCUMENTED,
    references=(
        "RFC 7592 3",
        "RFC 7592 2.1",
    ),
)
def test_read_shows_what_was_granted(_dcr_read, _dcr_expect):
    before, after = _dcr_read.before.members, _dcr_read.after.members
    names = ("client_id", "client_name", "grant_types", "scope", "token_endpoint_auth_method")
    changed = [
        f"{name} {before.get(name)!r}, then {after.get(name)!r}"
        for name in names
        if name in before and name in after and (before[name] or "") != (after[name] or "")
    ]
    _dcr_expect.that(not changed, "the members as they were registered", "; ".join(changed))


@check(
    "managed.update-names-client",
    "An update that names another client is refused and changes nothing",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7592 2.2",),
    creates={"client": 1},
)
def test_update_names_its_client(_dcr_registrations, _dcr_updated, _dcr_endpoints, _dcr_mark, _dcr_expect):
    client = _dcr_registrations.register("named")
    for members in ({"client_id": f"{_dcr_mark} other"}, {}):
        exchange = _update(_dcr_registrations, client, members)
        _dcr_expect.that(400 <= exchange.status < 500, f"an update with {members} refused", error_code(exchange))
    still = _token(_dcr_registrations.server, _dcr_endpoints, client)
    _dcr_expect.that(still.status == 200, "a token for the secret from before", told(still))


@check(
    "managed.update-server-members",
    "An update with members that the server sets is refused",
    evidence=Evidence.INFERRED,
    references=("RFC 7592 2.2",),
    creates={"client": 1},
)
def test_update_has_no_server_members(_dcr_is_curity, _dcr_registrations, _dcr_updated, _dcr_expect):
    client = _dcr_registrations.register("server members")
    members = {"client_id": client.client_id, "client_id_issued_at": client.members.get("client_id_issued_at") or 1}
    exchange = _update(_dcr_registrations, client, members)
    _form(_dcr_expect, "managed.update-server-members", exchange.status == 400, "400", error_code(exchange))


def _update(registrations, client, members):
    """An update with these members beside the metadata; one that is accepted has rotated secret and token."""
    body = {**registrations.client("updated"), **members}
    url, token = client.registration_client_uri, client.registration_access_token
    exchange = registrations.server.manage("PUT", url, token, body)
    if exchange.status == 200:
        registrations.shown(exchange, confidential=False)  # RFC 7592 3: the secret need not be shown again
    return exchange


@check(
    "managed.other-clients-token",
    "A client's registration access token manages no other client",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7592 2.1", DCRM, "RFC 7592 2"),
    security=True,
    creates={"client": 1},
)
def test_token_manages_its_own_client(_dcr_is_curity, _dcr_registrations, _dcr_managed, _dcr_unregistered, _dcr_expect):
    # another server may revoke a token that is used for another client, which then could not be deleted
    other = _dcr_registrations.register("other")
    exchange = _dcr_registrations.server.manage(
        "DELETE", other.registration_client_uri, _dcr_managed.registration_access_token
    )
    _dcr_expect.that(
        exchange.status in {401, 403, 404}, "another client's token refused with 401, 403 or 404", error_code(exchange)
    )


@check(
    "managed.no-token",
    "Management without a registration access token, or with the client's access token, is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7592 2",),
    security=True,
    creates={"client": 1},
)
def test_management_needs_the_registration_token(
    _dcr_target, _dcr_registrations, _dcr_managed, _dcr_unregistered, _dcr_endpoints, _dcr_expect
):
    client = _dcr_registrations.register("no token")
    server, url = _dcr_registrations.server, client.registration_client_uri
    for token in (None, _new_token(_dcr_target, server, _dcr_endpoints, client)):
        exchange = server.manage("DELETE", url, token)
        what = "no token" if token is None else "an access token"
        _dcr_expect.that(refused(exchange), f"management with {what} refused", error_code(exchange))
        right = exchange.status in {401, 403}
        _form(_dcr_expect, "managed.no-token", right, "401 or 403", str(exchange.status), Evidence.INFERRED)


@check(
    "managed.after-delete",
    "A deleted registration can be neither read nor deleted again",
    evidence=Evidence.DOCUMENTED,
    references=(
        "RFC 7592 2.3",
        "RFC 7592 2.1",
    ),
)
def test_deleted_registration_is_gone(_dcr_registrations, _dcr_unregistered, _dcr_expect):
    for method in ("GET", "DELETE"):
        exchange = _dcr_registrations.server.manage(
            method, _dcr_unregistered.registration_client_uri, _dcr_unregistered.registration_access_token
        )
        _dcr_expect.that(refused(exchange), f"{method} refused", error_code(exchange))
        right = exchange.status == 401
        _form(_dcr_expect, "managed.after-delete", right, "401", str(exchange.status), Evidence.INFERRED)


# Introspection, revocation, userinfo


@check(
    "introspection.needs-capability",
    "A client without the capability cannot introspect tokens, including its own",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7662 2.1", "curity.io/docs/identity-server/profiles/token-profile/client-config/capabilities"),
    security=True,
)
def test_introspection_needs_the_capability(
    _dcr_is_curity,
    _dcr_target,
    _dcr_authorization_server,
    _dcr_endpoints,
    _dcr_granted,
    _dcr_introspection_endpoint,
    _dcr_expect,
):
    token = _new_token(_dcr_target, _dcr_authorization_server, _dcr_endpoints, _dcr_granted)
    exchange = _dcr_authorization_server.form(
        _dcr_introspection_endpoint, {"token": token.reveal()}, _dcr_granted.client_id, _dcr_granted.client_secret
    )
    _dcr_expect.that(exchange.members().get("active") is not True, "no claims", exchange.what)
    _form(
        _dcr_expect,
        "introspection.needs-capability",
        exchange.status in {400, 401, 403},
        "the introspection refused with 400, 401 or 403",
        error_code(exchange),
    )


@check(
    "revocation.answer",
    "A revocation is answered with an empty 200, also for a wrong hint or an unknown token",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7009 2.2", "curity.io/resources/learn/oauth-revoke", "RFC 7009 2.1"),
)
def test_revocation(
    _dcr_target,
    _dcr_authorization_server,
    _dcr_endpoints,
    _dcr_granted,
    _dcr_revocation_endpoint,
    _dcr_mark,
    _dcr_expect,
):
    token = _new_token(_dcr_target, _dcr_authorization_server, _dcr_endpoints, _dcr_granted)
    for value in (token.reveal(), token.reveal(), f"{_dcr_mark} unknown"):
        form = {"token": value, "token_type_hint": "refresh_token"}
        exchange = _dcr_authorization_server.revoke(
            _dcr_revocation_endpoint, form, _dcr_granted.client_id, _dcr_granted.client_secret
        )
        if exchange.members().get("error") == "unsupported_token_type":
            raise NotApplicable("the server revokes no tokens of this type (RFC 7009 2.2.1)")
        _dcr_expect.that(200 <= exchange.status < 300, "200", told(exchange))
        right = exchange.status == 200 and not exchange.body
        _form(_dcr_expect, "revocation.answer", right, "an empty 200", f"{exchange.status}, {exchange.shape}")


@check(
    "revocation.effect",
    "Curity no longer accepts a revoked token",
    evidence=Evidence.INFERRED,
    references=(
        "curity.io/resources/learn/oauth-revoke",
        "RFC 7009 2",
    ),
)
def test_revoked_token_is_unknown(
    _dcr_is_curity,
    _dcr_target,
    _dcr_authorization_server,
    _dcr_endpoints,
    _dcr_granted,
    _dcr_revocation_endpoint,
    _dcr_userinfo_endpoint,
    _dcr_expect,
):
    token = _new_token(_dcr_target, _dcr_authorization_server, _dcr_endpoints, _dcr_granted)
    before = _dcr_authorization_server.get(_dcr_userinfo_endpoint, token)
    form = {"token": token.reveal()}
    _dcr_authorization_server.revoke(_dcr_revocation_endpoint, form, _dcr_granted.client_id, _dcr_granted.client_secret)
    after = _dcr_authorization_server.get(_dcr_userinfo_endpoint, token)
    codes = f"{error_code(before)}, then {error_code(after)}"
    right = error_code(after) == "401 invalid_token" != error_code(before)
    _form(_dcr_expect, "revocation.effect", right, "401 invalid_token after the revocation alone", codes)


@check(
    "revocation.other-client",
    "A client cannot revoke another client's token",
    evidence=Evidence.INFERRED,
    references=("RFC 7009 2.1",),
    security=True,
    creates={"client": 1},
)
def test_other_clients_token_is_not_revoked(
    _dcr_is_curity,
    _dcr_target,
    _dcr_authorization_server,
    _dcr_endpoints,
    _dcr_granted,
    _dcr_registrations,
    _dcr_revocation_endpoint,
    _dcr_userinfo_endpoint,
    _dcr_expect,
):
    other = _dcr_registrations.register("revoker")
    token = _new_token(_dcr_target, _dcr_authorization_server, _dcr_endpoints, _dcr_granted)
    before = _dcr_authorization_server.get(_dcr_userinfo_endpoint, token)
    form = {"token": token.reveal()}
    _dcr_authorization_server.revoke(_dcr_revocation_endpoint, form, other.client_id, other.client_secret)
    after = _dcr_authorization_server.get(_dcr_userinfo_endpoint, token)
    codes = f"{error_code(before)}, then {error_code(after)}"
    _form(_dcr_expect, "revocation.other-client", error_code(before) == error_code(after), "the token as before", codes)


@check(
    "userinfo.needs-user",
    "The userinfo endpoint refuses a token from client_credentials",
    evidence=Evidence.INFERRED,
    references=("OpenID Connect Core 5.3",),
)
def test_userinfo_needs_a_user(
    _dcr_is_curity,
    _dcr_target,
    _dcr_authorization_server,
    _dcr_endpoints,
    _dcr_granted,
    _dcr_userinfo_endpoint,
    _dcr_expect,
):
    token = _new_token(_dcr_target, _dcr_authorization_server, _dcr_endpoints, _dcr_granted)
    exchange = _dcr_authorization_server.get(_dcr_userinfo_endpoint, token)
    _form(_dcr_expect, "userinfo.needs-user", exchange.status in {401, 403}, "401 or 403", error_code(exchange))


@check(
    "userinfo.no-token",
    "The userinfo endpoint refuses requests without a token",
    evidence=Evidence.DOCUMENTED,
    references=("OpenID Connect Core 5.3.3", "RFC 6750 3.1"),
    security=True,
)
def test_userinfo_needs_a_token(_dcr_authorization_server, _dcr_userinfo_endpoint, _dcr_expect):
    exchange = _dcr_authorization_server.get(_dcr_userinfo_endpoint)
    _dcr_expect.that(
        exchange.status in {400, 401, 403},
        "a request without a token refused with 400, 401 or 403",
        error_code(exchange),
    )
    challenge = exchange.header("www-authenticate") or ""
    _form(_dcr_expect, "userinfo.no-token", "error=" not in challenge, "a challenge without an error code", challenge)
