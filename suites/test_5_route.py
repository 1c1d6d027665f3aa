"""The gateway: the application's client at Curity, and the protected route with each kind of credentials."""

from dcrproof.authorization_server import error_code
from dcrproof.checks import Evidence, Level, check
from dcrproof.gateway import answer, message, refused_everywhere, with_basic, with_bearer
from dcrproof.tokens import foreign, hs_confused, tampered, unsigned, with_claims
from dcrproof.verdict import NotApplicable

OIDC = "developer.konghq.com/plugins/openid-connect/"
OIDC_REFERENCE = "developer.konghq.com/plugins/openid-connect/reference/"
DCR = "developer.konghq.com/dev-portal/dynamic-client-registration/"
SELF_SERVICE = "developer.konghq.com/dev-portal/self-service/"


@check(
    "client.known",
    "Curity knows the application: its id and secret get a token",
    evidence=Evidence.DOCUMENTED,
    references=(DCR, "RFC 6749 4.4"),
    smoke=True,
)
def test_curity_knows_the_client(dcr_known_client):
    """Claimed by the gate."""


@check(
    "client.wrong-secret",
    "Curity refuses the application's id with a wrong secret",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 6749 5.2",),
    hostile=True,
)
def test_curity_refuses_a_wrong_secret(
    dcr_authorization_server, dcr_endpoints, dcr_known_client, dcr_wrong_secret, dcr_expect
):
    exchange = dcr_authorization_server.token(dcr_endpoints, dcr_known_client.client_id, dcr_wrong_secret)
    dcr_expect.that(exchange.status in {400, 401}, "the wrong secret refused", error_code(exchange))


@check(
    "gateway.answers",
    "Kong answers at the route",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/gateway/entities/route/",),
    smoke=True,
)
def test_gateway_answers(dcr_first_answers):
    """Claimed by the gate."""


@check(
    "gateway.clock",
    "No data plane's clock is behind Curity's",
    evidence=Evidence.DOCUMENTED,
    references=(f"{OIDC_REFERENCE}, leeway", "RFC 7519 4.1.5"),
    steps=("gateway.data-plane.clock",),
    smoke=True,
)
def test_clocks_agree(dcr_clocks):
    """Claimed by the gate."""


@check(
    "route.no-credentials",
    "SECURITY: a call without credentials is refused",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC, SELF_SERVICE),
    steps=("konnect.implementation.linked", "konnect.publication.strategy"),
    smoke=True,
)
def test_route_refuses_no_credentials(dcr_protected, dcr_first_answers, dcr_expect):
    for exchange in dcr_first_answers.values():
        dcr_expect.form(
            "gateway",
            "route.no-credentials",
            (exchange.status, message(exchange)) == (401, "Unauthorized"),
            "401 'Unauthorized'",
            answer(exchange),
            Evidence.DOCUMENTED,
        )


@check(
    "route.basic.accepted",
    "The application's id and secret open the route, on every node",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC, DCR),
    smoke=True,
)
def test_basic_is_accepted(dcr_basic):
    """Claimed by the gate."""


@check(
    "route.basic.wrong-secret",
    "SECURITY: a wrong secret is refused, on a node that has a token for the right one",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
    smoke=True,
)
def test_wrong_secret_is_refused(dcr_consumer, dcr_application, dcr_basic, dcr_wrong_secret, dcr_expect):
    node = dcr_consumer.nodes[0]
    exchange = dcr_consumer.call(with_basic(dcr_application.client_id, dcr_wrong_secret), node=node)
    dcr_expect.that(dcr_consumer.refuses(exchange), "refused, short of the upstream", answer(exchange))
    dcr_expect.form(
        "gateway", "route.basic.wrong-secret", exchange.status == 401, "401", str(exchange.status), Evidence.INFERRED
    )


@check(
    "route.basic.after-wrong-secret",
    "The right secret is accepted right after a wrong one",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
    hostile=True,
)
def test_right_secret_after_a_wrong_one(dcr_consumer, dcr_application, dcr_basic, dcr_wrong_secret, dcr_expect):
    node = dcr_consumer.nodes[0]
    dcr_consumer.call(with_basic(dcr_application.client_id, dcr_wrong_secret), node=node)
    exchange = dcr_consumer.call(with_basic(dcr_application.client_id, dcr_application.secret), node=node)
    dcr_expect.that(dcr_consumer.accepts(exchange), "the right secret accepted", answer(exchange))


@check(
    "route.basic.foreign-client",
    "SECURITY: a client of the same Curity that is no portal application is refused",
    evidence=Evidence.INFERRED,
    references=(DCR, "developer.konghq.com/dev-portal/auth-strategies/"),
)
def test_foreign_client_is_refused(dcr_consumer, dcr_basic, dcr_token_answer, dcr_granted, dcr_expect):
    headers = with_basic(dcr_granted.client_id, dcr_granted.client_secret)
    exchange = dcr_consumer.call(headers)
    dcr_expect.that(dcr_consumer.refuses(exchange), "refused, short of the upstream", answer(exchange))


@check(
    "route.basic.crossed-secret",
    "SECURITY: an application's id with the secret of another client is refused",
    evidence=Evidence.INFERRED,
    references=(OIDC, "RFC 6749 5.2"),
    hostile=True,
)
def test_crossed_secret_is_refused(dcr_consumer, dcr_application, dcr_basic, dcr_token_answer, dcr_granted, dcr_expect):
    headers = with_basic(dcr_application.client_id, dcr_granted.client_secret)
    exchange = dcr_consumer.call(headers)
    dcr_expect.that(dcr_consumer.refuses(exchange), "refused, short of the upstream", answer(exchange))


@check(
    "route.basic.expected-refusals",
    "The applications that the profile expects to be refused are refused",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
)
def test_given_applications_are_refused(dcr_consumer, dcr_given_applications, dcr_basic, dcr_expect):
    refused = [application for application in dcr_given_applications if not application.accepted]
    if not refused:
        raise NotApplicable("the profile gives no application that is to be refused (accepted = false)")
    for application in refused:
        exchange = dcr_consumer.call(with_basic(application.client_id, application.client_secret))
        dcr_expect.that(dcr_consumer.refuses(exchange), f"{application.client_id} refused", answer(exchange))


@check(
    "route.basic.literal",
    "Basic CLIENT_ID:CLIENT_SECRET without base64, as both how-tos print it",
    evidence=Evidence.UNKNOWN,
    references=("developer.konghq.com, dcr-validate", "RFC 7617 2"),
    steps=("consumer.basic.encoding",),
)
def test_literal_basic(dcr_consumer, dcr_application, dcr_basic, dcr_expect):
    pair = f"{dcr_application.client_id}:{dcr_application.secret.reveal()}"
    exchange = dcr_consumer.call({"authorization": f"Basic {pair}"})
    dcr_expect.form(
        "gateway",
        "literal_basic",
        dcr_consumer.refuses(exchange),
        "refused: the pair is not base64",
        f"{exchange.status} to Basic CLIENT_ID:CLIENT_SECRET, not base64",
        Evidence.UNKNOWN,
    )


@check(
    "route.basic.malformed",
    "Basic credentials that cannot be decoded are refused, and are no error of the gateway",
    evidence=Evidence.INFERRED,
    references=("RFC 7617 2",),
)
def test_malformed_basic_is_refused(dcr_consumer, dcr_basic, dcr_expect):
    for value in ("Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Basic Og=="):
        exchange = dcr_consumer.call({"authorization": value})
        dcr_expect.that(dcr_consumer.refuses(exchange), f"{value!r} refused", answer(exchange))


@check(
    "route.basic.cached",
    "A second call with the same credentials asks Curity for no second token",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC_REFERENCE,),
)
def test_token_is_cached(dcr_calls, dcr_consumer, dcr_application, dcr_basic, dcr_endpoints, dcr_expect):
    from urllib.parse import urlsplit

    headers = with_basic(dcr_application.client_id, dcr_application.secret)
    node = dcr_consumer.nodes[0]
    dcr_consumer.call(headers, node=node)
    before = dcr_calls.last_call()
    exchange = dcr_consumer.call(headers, node=node)
    path = urlsplit(dcr_endpoints.endpoint("token_endpoint")).path
    asked = [call for call in dcr_calls.calls("curity", before) if call["path"] == path]
    dcr_expect.that(dcr_consumer.accepts(exchange), "the second call accepted", answer(exchange))
    dcr_expect.that(not asked, "no token request", f"{len(asked)} token request(s)")


@check(
    "route.bearer.accepted",
    "A token that the application fetched from Curity opens the route, on every node",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC,),
    smoke=True,
)
def test_bearer_is_accepted(dcr_bearer_accepted):
    """Claimed by the gate."""


def _refused(consumer, expect, token: str, what: str) -> None:
    exchange = consumer.call(with_bearer(token))
    expect.that(consumer.refuses(exchange), f"{what} refused, short of the upstream", answer(exchange))
    expect.form(
        "gateway", "route.bearer.refused", exchange.status == 401, "401", str(exchange.status), Evidence.INFERRED
    )


@check(
    "route.bearer.tampered",
    "SECURITY: a token with one bit of its signature changed is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7515 5.2",),
    hostile=True,
)
def test_tampered_token(dcr_consumer, dcr_bearer_accepted, dcr_bearer, dcr_expect):
    _refused(dcr_consumer, dcr_expect, tampered(dcr_bearer()), "a token with a changed signature")


@check(
    "route.bearer.changed-claims",
    "SECURITY: a token whose claims were changed is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7515 5.2",),
    hostile=True,
)
def test_changed_claims(dcr_consumer, dcr_bearer_accepted, dcr_bearer, dcr_expect):
    token = dcr_bearer()
    longer = with_claims(token, exp=int(token.claims.get("exp", 0)) + 3600)
    _refused(dcr_consumer, dcr_expect, longer, "a token with a later exp under the old signature")


@check(
    "route.bearer.foreign-key",
    "SECURITY: a token signed by another key under the same key id is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7515 5.2",),
    hostile=True,
)
def test_foreign_key(dcr_consumer, dcr_bearer_accepted, dcr_bearer, dcr_expect):
    _refused(dcr_consumer, dcr_expect, foreign(dcr_bearer()), "a token of another key")


@check(
    "route.bearer.unknown-kid",
    "SECURITY: a token signed by a key that is not published is refused",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC,),
    hostile=True,
)
def test_unknown_kid(dcr_consumer, dcr_bearer_accepted, dcr_bearer, dcr_expect):
    _refused(dcr_consumer, dcr_expect, foreign(dcr_bearer(), kid="dcrproof"), "a token of an unknown key")


@check(
    "route.bearer.unsigned",
    "SECURITY: a token with alg none, in any spelling, is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 8725 2.1",),
    hostile=True,
)
def test_unsigned_token(dcr_consumer, dcr_bearer_accepted, dcr_bearer, dcr_expect):
    for spelling in ("none", "None", "NONE"):
        _refused(dcr_consumer, dcr_expect, unsigned(dcr_bearer(), spelling), f"a token with alg {spelling}")


@check(
    "route.bearer.hs-confused",
    "SECURITY: a token with HS256, signed with the published public key, is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 8725 2.1", f"{OIDC_REFERENCE}, enable_hs_signatures"),
    hostile=True,
)
def test_hs_confused_token(dcr_consumer, dcr_bearer_accepted, dcr_bearer, dcr_jwks, dcr_expect):
    _refused(dcr_consumer, dcr_expect, hs_confused(dcr_bearer(), dcr_jwks), "a token with HS256 and the public key")


@check(
    "route.bearer.expired",
    "SECURITY: an expired token is refused",
    evidence=Evidence.DOCUMENTED,
    references=(f"{OIDC_REFERENCE}, leeway",),
)
def test_expired_token(dcr_clock, dcr_consumer, dcr_bearer_accepted, dcr_bearer, dcr_expect):
    token = dcr_bearer()
    before = dcr_consumer.call(with_bearer(token.text))
    dcr_expect.that(dcr_consumer.accepts(before), "the token accepted while it is valid", answer(before))
    dcr_clock.advance(int(token.claims["exp"]) - int(token.claims["iat"]) + 2)
    _refused(dcr_consumer, dcr_expect, token.text, "a token past its exp")


@check(
    "route.bearer.opaque",
    "A text that is no JWT is refused as bearer token",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC,),
)
def test_opaque_token(dcr_consumer, dcr_bearer_accepted, dcr_expect):
    _refused(dcr_consumer, dcr_expect, "_0XBPWQQ_00000000-0000-4000-8000-000000000000", "an opaque token")


@check(
    "route.bearer.rotated-key",
    "A token signed with a new key of Curity is accepted on every node",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC,),
    smoke=True,
)
def test_rotated_key(dcr_key_rotation, dcr_consumer, dcr_bearer_accepted, dcr_bearer, dcr_expect):
    old = dcr_bearer()
    dcr_key_rotation.rotate_keys("new")
    dcr_key_rotation.advance(31)  # a data plane looks for an unknown key id at most every 30 seconds
    token = dcr_bearer()
    new = token.header.get("kid") != old.header.get("kid")
    dcr_expect.that(new, "a token with the new key id", f"kid {token.header.get('kid')}")
    for node in dcr_consumer.nodes:
        exchange = dcr_consumer.call(with_bearer(token.text), node=node)
        dcr_expect.that(dcr_consumer.accepts(exchange), "a token of the new key accepted", answer(exchange))


@check(
    "route.session.issued",
    "An accepted call is answered with a session cookie",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC,),
)
def test_session_is_issued(dcr_session):
    """Claimed by the gate."""


@check(
    "route.session.cookie",
    "The session cookie is HttpOnly and SameSite",
    evidence=Evidence.DOCUMENTED,
    references=(f"{OIDC_REFERENCE}, session_cookie_http_only",),
    level=Level.SHOULD,
)
def test_session_cookie(dcr_session, dcr_expect):
    cookies = [value for value in dcr_session.exchange.headers_named("set-cookie") if value.startswith("session")]
    attributes = {part.strip().partition("=")[0].lower() for value in cookies for part in value.split(";")[1:]}
    lacking = {"httponly", "samesite", "path"} - attributes
    dcr_expect.that(not lacking, "HttpOnly, SameSite and Path", f"no {', '.join(sorted(lacking))}")


@check(
    "route.session.accepted",
    "The session cookie alone opens the route",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC,),
    steps=("konnect.strategy.auth-methods",),
)
def test_session_is_accepted(dcr_session_accepted):
    """Claimed by the gate."""


@check(
    "route.session.tampered",
    "SECURITY: a session cookie with one character changed is refused",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
    hostile=True,
)
def test_tampered_session(dcr_consumer, dcr_session, dcr_session_accepted, dcr_expect):
    cookie = dcr_session.cookie.reveal()
    middle = (cookie.index("=") + len(cookie)) // 2
    changed = cookie[:middle] + ("A" if cookie[middle] != "A" else "B") + cookie[middle + 1 :]
    exchange = dcr_consumer.call({"cookie": changed}, node=dcr_session.node)
    dcr_expect.that(dcr_consumer.refuses(exchange), "refused, short of the upstream", answer(exchange))


@check(
    "route.unregistered",
    "SECURITY: an application that is not registered for the API is refused",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
)
def test_unregistered_application(dcr_pushed, dcr_consumer, dcr_applications, dcr_basic, dcr_expect):
    application = dcr_applications.create("not registered")
    headers = with_basic(application.client_id, application.secret)
    for exchange in refused_everywhere(dcr_consumer, headers, "an application without a registration"):
        dcr_expect.form(
            "gateway", "route.unregistered", exchange.status == 403, "403", str(exchange.status), Evidence.INFERRED
        )
    dcr_expect.that(True, "refused", "refused")


@check(
    "route.pending",
    "SECURITY: an application whose registration is pending is refused",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
)
def test_pending_application(dcr_target, dcr_pushed, dcr_admin, dcr_consumer, dcr_applications, dcr_basic, dcr_expect):
    application, status = dcr_applications.register(dcr_applications.create("pending"))
    if status != "pending":
        dcr_applications.set_status(application, "pending")
    headers = with_basic(application.client_id, application.secret)
    deadline = dcr_target.profile.run.propagation
    refused_everywhere(dcr_consumer, headers, "an application whose registration is pending", deadline)
    dcr_expect.that(True, "refused", "refused")
