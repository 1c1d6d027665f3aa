"""Curity: discovery, keys, the registrar, a registration of this run, and the tokens of its client."""

from urllib.parse import urlsplit

from dcrproof.core.checks.check import Evidence, Level, by_gate, check
from dcrproof.core.checks.sources import DCRM, USING_DCR
from dcrproof.core.parties.authorization_server import error_code, refused, told
from dcrproof.core.parties.tokens import PRIVATE_MEMBERS


@by_gate
def test_discovery_is_served(dcr_metadata): ...


@by_gate
def test_discovery_names_its_issuer(_dcr_named_issuer): ...


@by_gate
def test_discovery_names_endpoints(_dcr_endpoints): ...


@check(
    "discovery.same-host",
    "The endpoints share the scheme and host of the issuer",
    evidence=Evidence.INFERRED,
    references=("curity.io/docs/identity-server/configuration-reference, base-url",),
    steps=("curity.base-url.public",),
    level=Level.SHOULD,
    smoke=True,
)
def test_endpoints_share_the_public_host(_dcr_authorization_server, _dcr_endpoints, _dcr_expect):
    origin = urlsplit(_dcr_authorization_server.issuer)[:2]
    names = ("token_endpoint", "jwks_uri", "registration_endpoint", "introspection_endpoint", "revocation_endpoint")
    other = {name: url for name in names if (url := _dcr_endpoints.endpoint(name)) and urlsplit(url)[:2] != origin}
    observed = "; ".join(f"{name} {url}" for name, url in other.items())
    _dcr_expect.that(not other, f"every endpoint at {origin[0]}://{origin[1]}", observed)


@by_gate
def test_registration_endpoint_is_named(_dcr_registration_endpoint): ...


@by_gate
def test_keys_are_served(dcr_jwks): ...


@check(
    "keys.public",
    "The published keys contain public members only",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7517 9.2",),
)
def test_keys_are_public(dcr_jwks, _dcr_expect):
    private = {name for key in dcr_jwks["keys"] for name in key} & PRIVATE_MEMBERS
    _dcr_expect.that(not private, "no private member in the JWK Set", f"members {', '.join(sorted(private))}")


@by_gate
def test_registrar_authenticates(_dcr_registrar_token): ...


@by_gate
def test_registrar_gets_the_scope(_dcr_initial_access, _dcr_registrar):
    if _dcr_registrar.open or _dcr_registrar.initial_access_token:
        from dcrproof.core.checks.outcomes import NotApplicable

        raise NotApplicable(
            "this provider accepts an initial access token, or open registration: there is no registrar to authenticate"
        )


@check(
    "registrar.wrong-secret",
    "The registrar's id with a wrong secret is refused",
    evidence=Evidence.DOCUMENTED,
    references=(
        "RFC 6749 5.2",
        "RFC 6749 4.4.2",
    ),
    hostile=True,
)
def test_registrar_with_a_wrong_secret(
    _dcr_authorization_server, _dcr_endpoints, _dcr_registrar, _dcr_registrar_token, _dcr_wrong_secret, _dcr_expect
):
    exchange = _dcr_authorization_server.token(_dcr_endpoints, _dcr_registrar.id, _dcr_wrong_secret)
    _dcr_expect.that(exchange.status in {400, 401}, "the token request refused with 400 or 401", error_code(exchange))
    _dcr_expect.form(
        "curity",
        "token.wrong-secret",
        error_code(exchange) == "401 invalid_client",
        "401 invalid_client",
        error_code(exchange),
        Evidence.DOCUMENTED,
    )


@by_gate
def test_registration_endpoint_is_served_everywhere(_dcr_registration_served): ...


@by_gate
def test_client_is_registered(_dcr_registration): ...


@by_gate
def test_grants_are_read_back(_dcr_granted): ...


@by_gate
def test_registration_can_be_managed(_dcr_managed): ...


@check(
    "registration.without-token",
    "A registration without a token is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7591 3", USING_DCR, "RFC 7591 1.3"),
    steps=("curity.dcr.authenticate-client-by",),
    smoke=True,
    creates={"client": 1},
)
def test_registration_without_a_token(_dcr_registrations, _dcr_registration, _dcr_expect):
    if _dcr_registrations.access.registrar.open:
        from dcrproof.core.checks.outcomes import NotApplicable

        raise NotApplicable("the profile says that registration is open")
    exchange = _dcr_registrations.attempt("without token", None)
    _dcr_expect.that(refused(exchange), "a registration without a token refused", error_code(exchange))
    _dcr_expect.form(
        "curity",
        "registration.without-token",
        exchange.status == 401,
        "401",
        str(exchange.status),
        Evidence.INFERRED,
    )


@check(
    "registration.unscoped-token",
    "A registration with a token without the scope dcr is refused",
    evidence=Evidence.DOCUMENTED,
    references=(
        USING_DCR,
        "RFC 7591 1.3",
    ),
    creates={"client": 1},
)
def test_registration_with_an_unscoped_token(
    _dcr_is_curity, _dcr_registrations, _dcr_registration, _dcr_registrar_token, _dcr_expect
):
    exchange = _dcr_registrations.attempt("unscoped token", _dcr_registrar_token)
    _dcr_expect.that(
        exchange.status in {400, 401, 403},
        "a registration without the scope dcr refused with 400, 401 or 403",
        error_code(exchange),
    )


@check(
    "registration.initial-token-once",
    "An initial access token registers only one client",
    evidence=Evidence.DOCUMENTED,
    references=(USING_DCR,),
    creates={"client": 2},
)
def test_initial_token_works_once(_dcr_is_curity, _dcr_registrations, _dcr_registration, _dcr_expect):
    token = _dcr_registrations.access.token()
    first = _dcr_registrations.attempt("first with this token", token)
    _dcr_expect.that(first.status == 201, "201 to the first registration with a token", told(first))
    second = _dcr_registrations.attempt("second with this token", token)
    _dcr_expect.that(
        second.status in {400, 401, 403}, "the second registration refused with 400, 401 or 403", error_code(second)
    )
    _dcr_expect.form(
        "curity",
        "registration.spent-token",
        error_code(second) == "401 invalid_token",
        "401 invalid_token",
        error_code(second),
        Evidence.INFERRED,
    )


@check(
    "registration.filtered",
    "A disallowed grant type is omitted from the answer, and the registration succeeds",
    evidence=Evidence.INFERRED,
    references=(
        "github.com/curityio/mcp-authorization-secured-api, OAUTH-MCP-MESSAGES.md",
        "RFC 7591 2",
    ),
    creates={"client": 1},
)
def test_grants_are_filtered_silently(_dcr_is_curity, _dcr_registrations, _dcr_registration, _dcr_expect):
    asked = ["client_credentials", "refresh_token"]
    exchange = _dcr_registrations.attempt("filtered", _dcr_registrations.access.token(), grant_types=asked)
    granted = exchange.object().get("grant_types") if exchange.status == 201 else None
    _dcr_expect.form(
        "curity",
        "registration.filtered",
        granted == ["client_credentials"],
        "201 with grant_types client_credentials alone",
        f"{exchange.status} with grant_types {granted}",
        Evidence.INFERRED,
    )


@by_gate
def test_registration_is_read(_dcr_read): ...


@check(
    "registration.read-rotates",
    "Reading a registration rotates the client secret and the registration access token",
    evidence=Evidence.DOCUMENTED,
    references=(
        DCRM,
        "RFC 7592 5",
    ),
)
def test_read_rotates(_dcr_is_curity, _dcr_read, _dcr_expect):
    _rotates(_dcr_read, _dcr_expect)


@by_gate
def test_registration_is_updated(_dcr_updated): ...


@check(
    "registration.update-rotates",
    "Updating a registration rotates the client secret and the registration access token",
    evidence=Evidence.DOCUMENTED,
    references=(
        DCRM,
        "RFC 7592 5",
    ),
)
def test_update_rotates(_dcr_is_curity, _dcr_updated, _dcr_expect):
    _rotates(_dcr_updated, _dcr_expect)


def _rotates(rotated, expect):
    before, after = rotated.before, rotated.after
    expect.that(after.client_secret != before.client_secret, "another client secret", "the same client secret")
    other = after.registration_access_token != before.registration_access_token
    expect.that(other, "another registration access token", "the same registration access token")


@check(
    "registration.new-secret",
    "After the rotation the new secret gets tokens",
    evidence=Evidence.DOCUMENTED,
    references=(DCRM,),
)
def test_new_secret_gets_tokens(_dcr_authorization_server, _dcr_endpoints, _dcr_read, _dcr_expect):
    after = _dcr_read.after
    exchange = _dcr_authorization_server.token(_dcr_endpoints, after.client_id, after.client_secret)
    _dcr_expect.that(exchange.status == 200, "a token for the new secret", told(exchange))


@check(
    "registration.old-secret",
    "After the rotation the old secret is refused immediately",
    evidence=Evidence.DOCUMENTED,
    references=(DCRM, "client-management rotated-secret-ttl: 0"),
    level=Level.SHOULD,
)
def test_old_secret_is_refused(_dcr_is_curity, _dcr_authorization_server, _dcr_endpoints, _dcr_read, _dcr_expect):
    before = _dcr_read.before
    exchange = _dcr_authorization_server.token(_dcr_endpoints, before.client_id, before.client_secret)
    _dcr_expect.that(
        exchange.status in {400, 401},
        "the old secret refused with 400 or 401",
        f"{error_code(exchange)}: rotated-secret-ttl may be above 0",
    )


@check(
    "registration.old-token",
    "After the rotation the old registration access token is refused",
    evidence=Evidence.DOCUMENTED,
    references=(DCRM, "RFC 7592 5", "RFC 7592 3"),
)
def test_old_registration_token_is_refused(_dcr_is_curity, _dcr_authorization_server, _dcr_read, _dcr_expect):
    exchange = _dcr_authorization_server.delete(_dcr_read.before)
    _dcr_expect.that(
        exchange.status in {401, 403}, "the old registration access token refused with 401 or 403", error_code(exchange)
    )


@by_gate
def test_registration_is_deleted(_dcr_unregistered): ...


@check(
    "registration.deleted-client",
    "A client whose registration was deleted gets no token",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7592 2.3",),
)
def test_deleted_client_gets_no_token(_dcr_authorization_server, _dcr_endpoints, _dcr_unregistered, _dcr_expect):
    deleted = _dcr_unregistered
    exchange = _dcr_authorization_server.token(_dcr_endpoints, deleted.client_id, deleted.client_secret)
    _dcr_expect.that(exchange.status in {400, 401}, "the deleted client refused with 400 or 401", error_code(exchange))


@by_gate
def test_client_gets_a_token(_dcr_token_answer): ...


@check(
    "token.answer",
    "The token response has the members that Curity uses, in their spelling",
    evidence=Evidence.INFERRED,
    references=("RFC 6749 5.1", "github.com/curityio/elixir-client-demo, README.md", "RFC 6750 4"),
)
def test_token_answer(_dcr_is_curity, _dcr_token_answer, _dcr_expect):
    answer = _dcr_token_answer.object()
    kind = answer.get("token_type")
    _dcr_expect.form("curity", "token.type", kind == "bearer", "token_type 'bearer'", f"{kind!r}", Evidence.INFERRED)
    lifetime = answer.get("expires_in")
    _dcr_expect.that(
        isinstance(lifetime, int) and lifetime > 0, "expires_in in whole seconds", f"expires_in {lifetime!r}"
    )
    _dcr_expect.form(
        "curity",
        "token.scope",
        answer.get("scope") == "",
        "scope '' where none was requested",
        f"scope {answer.get('scope')!r}",
        Evidence.INFERRED,
    )


@by_gate
def test_token_is_a_jwt(_dcr_jwt): ...


@by_gate
def test_token_verifies(_dcr_verified_token): ...


@by_gate
def test_token_names_its_client(_dcr_token_subject): ...


@check(
    "token.header",
    "The token's header has no typ, and its claims have no client_id",
    evidence=Evidence.INFERRED,
    references=(
        "github.com/curityio/workload-identities, README.md",
        "RFC 8725 3.11",
    ),
)
def test_token_header(_dcr_is_curity, _dcr_jwt, _dcr_expect):
    typ, client_id = _dcr_jwt.header.get("typ"), _dcr_jwt.claims.get("client_id")
    _dcr_expect.form("curity", "token.typ", typ is None, "no typ", f"typ {typ!r}", Evidence.INFERRED)
    _dcr_expect.form(
        "curity",
        "token.client_id",
        client_id is None,
        "no client_id claim",
        f"client_id {client_id!r}",
        Evidence.INFERRED,
    )
