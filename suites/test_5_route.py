"""The gateway: the application's client at Curity, and the protected route with each kind of credentials."""

import base64
from dataclasses import replace

from dcrproof.core.checks.check import Evidence, Level, by_gate, check
from dcrproof.core.checks.outcomes import NotApplicable
from dcrproof.core.checks.owners import CONSUMER, CURITY, KONNECT
from dcrproof.core.checks.sources import DCR, OIDC, REFERENCE
from dcrproof.core.parties.authorization_server import error_code
from dcrproof.core.parties.gateway import (
    accepted,
    accepted_everywhere,
    answer,
    changed_cookie,
    echoed,
    message,
    reached_upstream,
    refused,
    refused_everywhere,
    says,
    session_cookie,
    session_cookies,
    with_basic,
    with_bearer,
)
from dcrproof.core.parties.tokens import foreign, hs_confused, tampered, unsigned, with_claims
from dcrproof.core.secrets.secret import Secret


@by_gate
def test_curity_knows_the_client(_dcr_known_client): ...


@check(
    "client.wrong-secret",
    "Curity refuses the application's id with a wrong secret",
    evidence=Evidence.DOCUMENTED,
    references=(
        "RFC 6749 5.2",
        "RFC 6749 4.4.2",
    ),
    hostile=True,
    owner=CURITY,
)
def test_curity_refuses_a_wrong_secret(
    _dcr_authorization_server, _dcr_endpoints, _dcr_known_client, _dcr_wrong_secret, _dcr_expect
):
    exchange = _dcr_authorization_server.token(_dcr_endpoints, _dcr_known_client.client_id, _dcr_wrong_secret)
    _dcr_expect.that(exchange.status in {400, 401}, "the wrong secret refused with 400 or 401", error_code(exchange))


@by_gate
def test_gateway_answers(_dcr_first_answers): ...


@by_gate
def test_clocks_agree(_dcr_clocks): ...


@by_gate
def test_route_refuses_no_credentials(dcr_protected, _dcr_first_answers, _dcr_unauthorized, _dcr_expect):
    for exchange in _dcr_first_answers.values() if _dcr_unauthorized else ():
        _dcr_expect.form(
            "gateway",
            "route.no-credentials",
            exchange.status == 401 and _says(exchange, _dcr_unauthorized),
            f"401 {_dcr_unauthorized!r}",
            answer(exchange),
            Evidence.DOCUMENTED,
        )


def _says(exchange, expected):
    """With the reason behind it where the strategy displays errors."""
    return message(exchange).startswith(expected) if expected.endswith("(") else says(exchange, expected)


@by_gate
def test_tokens_are_read(_dcr_read_tokens): ...


@by_gate
def test_basic_is_accepted(dcr_basic, dcr_application, _dcr_expect):
    _dcr_expect.judged_by_the_gate()
    _dcr_expect.note("konnect", "an approved application is pushed", str(dcr_application.pushed or ""))


@check(
    "route.basic.wrong-secret",
    "A wrong secret is refused on a node that has cached a token for the right one",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
    smoke=True,
    security=True,
)
def test_wrong_secret_is_refused(dcr_consumer, dcr_application, dcr_basic, _dcr_wrong_secret, _dcr_expect):
    node = dcr_consumer.nodes[0]
    exchange = dcr_consumer.call(with_basic(dcr_application.client_id, _dcr_wrong_secret), node=node)
    _dcr_expect.that(
        dcr_consumer.refuses(exchange), "the wrong secret refused before reaching the upstream", answer(exchange)
    )
    right = exchange.status == 401 or dcr_consumer.sends_away(exchange)
    _dcr_expect.form("gateway", "route.basic.wrong-secret", right, "401", str(exchange.status), Evidence.INFERRED)


@check(
    "route.basic.after-wrong-secret",
    "The right secret is accepted immediately after a wrong one",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
    hostile=True,
)
def test_right_secret_after_a_wrong_one(dcr_consumer, dcr_application, dcr_basic, _dcr_wrong_secret, _dcr_expect):
    node = dcr_consumer.nodes[0]
    dcr_consumer.call(with_basic(dcr_application.client_id, _dcr_wrong_secret), node=node)
    exchange = dcr_consumer.call(with_basic(dcr_application.client_id, dcr_application.secret), node=node)
    _dcr_expect.that(dcr_consumer.accepts(exchange), "the right secret accepted", answer(exchange))


@check(
    "route.basic.foreign-client",
    "A client of the same Curity that is not a portal application is refused",
    evidence=Evidence.INFERRED,
    references=(DCR, "developer.konghq.com/dev-portal/auth-strategies/"),
    security=True,
)
def test_foreign_client_is_refused(dcr_consumer, dcr_basic, _dcr_token_answer, _dcr_granted, _dcr_expect):
    headers = with_basic(_dcr_granted.client_id, _dcr_granted.client_secret)
    exchange, switch = dcr_consumer.call(headers), "answers_strangers_with_403"
    refused(_dcr_expect, dcr_consumer, exchange, "a client that is not an application", 401, Evidence.UNKNOWN, switch)


@check(
    "route.basic.crossed-secret",
    "An application's id with another client's secret is refused",
    evidence=Evidence.INFERRED,
    references=(OIDC, "RFC 6749 5.2"),
    hostile=True,
    security=True,
)
def test_crossed_secret_is_refused(
    dcr_consumer, dcr_application, dcr_basic, _dcr_token_answer, _dcr_granted, _dcr_expect
):
    headers = with_basic(dcr_application.client_id, _dcr_granted.client_secret)
    exchange = dcr_consumer.call(headers)
    _dcr_expect.that(
        dcr_consumer.refuses(exchange),
        "the other client's secret refused before reaching the upstream",
        answer(exchange),
    )


@check(
    "route.basic.given",
    "Each further application of the profile is accepted or refused as the profile says",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
)
def test_given_applications(
    _dcr_is_kong, dcr_consumer, _dcr_given_applications, dcr_protected, _dcr_refused_by_the_route, _dcr_expect
):
    first = next((application for application in _dcr_given_applications if application.accepted), None)
    further = [(number, one) for number, one in enumerate(_dcr_given_applications) if one is not first]
    if not further:
        raise NotApplicable("the profile gives no further application")
    for number, application in further:
        headers = with_basic(application.client_id, application.client_secret)
        for exchange in (dcr_consumer.call(headers, node=node) for node in dcr_consumer.nodes):
            if application.accepted:
                held = dcr_consumer.accepts(exchange)
                why = {} if held else _dcr_refused_by_the_route(number)
                _dcr_expect.that(held, f"{application.client_id} accepted", answer(exchange), **why)
            else:
                _dcr_expect.that(dcr_consumer.refuses(exchange), f"{application.client_id} refused", answer(exchange))


@check(
    "route.others",
    "Each further route of the profile refuses calls without credentials and accepts the application's",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC, DCR),
)
def test_other_routes(_dcr_target, dcr_consumer, _dcr_accepted_credentials, _dcr_expect):
    routes = _dcr_target.profile.gateway.routes[1:]
    if not routes:
        raise NotApplicable("the profile names one route")
    for consumer in (replace(dcr_consumer, route=route) for route in routes):
        refused = consumer.call()
        _dcr_expect.that(consumer.refuses(refused), "401 or 403 without credentials", answer(refused))
        accepted = consumer.call(_dcr_accepted_credentials())
        _dcr_expect.that(consumer.accepts(accepted), "the application's credentials accepted", answer(accepted))


@check(
    "route.basic.literal",
    "Basic CLIENT_ID:CLIENT_SECRET without base64, as both how-tos print it",
    evidence=Evidence.UNKNOWN,
    references=("developer.konghq.com, dcr-validate", "RFC 7617 2"),
    steps=("consumer.basic.encoding",),
    owner=CONSUMER,
)
def test_literal_basic(dcr_consumer, dcr_application, dcr_basic, _dcr_expect):
    pair = f"{dcr_application.client_id}:{dcr_application.secret.reveal()}"
    exchange = dcr_consumer.call({"authorization": f"Basic {pair}"})
    _dcr_expect.form(
        "gateway",
        "literal_basic",
        dcr_consumer.refuses(exchange),
        "refused: id and secret are not in base64",
        f"{exchange.status} to Basic CLIENT_ID:CLIENT_SECRET, not base64",
        Evidence.UNKNOWN,
    )


@check(
    "route.basic.malformed",
    "Basic credentials that cannot be decoded are refused without a gateway error",
    evidence=Evidence.INFERRED,
    references=("RFC 7617 2",),
)
def test_malformed_basic_is_refused(dcr_consumer, dcr_basic, _dcr_expect):
    no_pair = ("nocolon", ":", ":secret", "\0:\0", "\n", "id:secret\r\nx-injected: 1")
    encoded = [f"Basic {base64.b64encode(text.encode()).decode()}" for text in no_pair]
    broken = ("Basic", "Basic !!!", "Basic ====", "Basic //79//4=", "Basic aWQ6c2Vj cmV0", "Basic,aWQ6c2VjcmV0")
    for value in (*broken, *encoded):
        exchange = dcr_consumer.call({"authorization": value})
        _dcr_expect.that(dcr_consumer.refuses(exchange), f"{value!r} refused", answer(exchange))


@check(
    "route.basic.near-miss",
    "Nearly right credentials are refused: trailing newline, empty secret, other case, doubled secret",
    evidence=Evidence.INFERRED,
    references=("RFC 7617 2", OIDC),
    hostile=True,
    security=True,
)
def test_nearly_right_pairs(_dcr_target, dcr_consumer, dcr_application, dcr_basic, _dcr_expect):
    id, secret = dcr_application.client_id, dcr_application.secret.reveal()
    _dcr_target.secrets.know(secret.swapcase())  # it reveals the secret; of the other variants the parts are masked
    nearly = {
        "a newline after the secret (echo without -n)": (id, secret + "\n"),
        "a blank before the secret": (id, " " + secret),
        "no secret": (id, ""),
        "half the secret": (id, secret[: len(secret) // 2]),
        "the secret in swapped case": (id, secret.swapcase()),
        "the id in swapped case": (id.swapcase(), secret),
    }
    for what, (name, value) in nearly.items():
        if (name, value) != (id, secret):
            exchange = dcr_consumer.call(with_basic(name, Secret(value)))
            refused(_dcr_expect, dcr_consumer, exchange, what, 401)
    accepted(
        _dcr_expect,
        dcr_consumer,
        dcr_consumer.call(with_basic(id, dcr_application.secret)),
        "the unchanged id and secret",
    )


@check(
    "route.basic.unknown-client",
    "An unknown client id is refused",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
    hostile=True,
    security=True,
)
def test_unknown_client_is_refused(dcr_consumer, dcr_basic, _dcr_wrong_secret, _dcr_expect):
    exchange = dcr_consumer.call(with_basic("dcrproof-no-such-client", _dcr_wrong_secret))
    refused(_dcr_expect, dcr_consumer, exchange, "an unknown client id", 401)


@check(
    "route.basic.spelling",
    "Which spellings of the Basic scheme and of its base64 are accepted",
    evidence=Evidence.UNKNOWN,
    references=("RFC 9110 11.1", "RFC 7617 2"),
)
def test_spelling_of_basic(dcr_consumer, dcr_application, dcr_basic, _dcr_expect):
    pair = with_basic(dcr_application.client_id, dcr_application.secret)["authorization"].partition(" ")[2]
    bare = pair.rstrip("=").translate(str.maketrans("+/", "-_"))
    spellings = [("basic ", pair, "route.basic.spelling", True)]
    spellings += [(scheme, pair, "any_spelling_of_basic", False) for scheme in ("BASIC ", "Basic  ")]
    if bare != pair:  # credentials whose length needs no padding may look the same in either alphabet
        spellings.append(("Basic ", bare, "any_spelling_of_base64", False))
    for scheme, encoded, name, taken in spellings:
        exchange = dcr_consumer.call({"authorization": scheme + encoded})
        _dcr_expect.that(exchange.status < 500, "no error of the gateway", answer(exchange))
        _dcr_expect.form(
            "gateway",
            name,
            dcr_consumer.accepts(exchange) is taken,
            f"{scheme!r} and {'base64' if encoded == pair else 'base64url without padding'} "
            f"{'accepted' if taken else 'refused'}",
            answer(exchange),
            Evidence.UNKNOWN,
        )


@check(
    "route.basic.proxy-header",
    "Whether Proxy-Authorization is accepted as a credential",
    evidence=Evidence.UNKNOWN,
    references=("github.com/Kong/kong, kong/plugins/basic-auth/access.lua", "RFC 9110 11.7.1"),
)
def test_pair_in_the_proxy_header(dcr_consumer, dcr_application, dcr_basic, _dcr_expect):
    pair = with_basic(dcr_application.client_id, dcr_application.secret)["authorization"]
    exchange = dcr_consumer.call({"proxy-authorization": pair})
    _dcr_expect.that(exchange.status < 500, "no error of the gateway", answer(exchange))
    refused = not dcr_consumer.accepts(exchange)
    _dcr_expect.form(
        "gateway", "reads_proxy_authorization", refused, "it is not read", answer(exchange), Evidence.UNKNOWN
    )


@check(
    "route.basic.cached",
    "A second call with the same credentials requests no second token from Curity",
    evidence=Evidence.DOCUMENTED,
    references=(REFERENCE, f"{OIDC}, FAQ"),
    steps=("konnect.strategy.auth-methods",),
    owner=KONNECT,
)
def test_token_is_cached(_dcr_calls, dcr_consumer, dcr_application, dcr_basic, _dcr_endpoints, _dcr_expect):
    from urllib.parse import urlsplit

    headers = with_basic(dcr_application.client_id, dcr_application.secret)
    node = dcr_consumer.nodes[0]
    dcr_consumer.call(headers, node=node)
    before = _dcr_calls.last_call()
    exchange = dcr_consumer.call(headers, node=node)
    path = urlsplit(_dcr_endpoints.endpoint("token_endpoint")).path
    asked = [call for call in _dcr_calls.calls("curity", before) if call["path"] == path]
    _dcr_expect.that(dcr_consumer.accepts(exchange), "the second call accepted", answer(exchange))
    _dcr_expect.that(not asked, "no token request for the second call", f"{len(asked)} token request(s)")


@by_gate
def test_bearer_is_accepted(dcr_bearer_accepted): ...


@check(
    "route.bearer.headers",
    "A token is accepted in the headers Access-Token and X-Access-Token, and with a lower-case scheme",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, bearer_token_param_type",),
)
def test_headers_of_a_token(_dcr_is_kong, dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect):
    token = dcr_bearer().text
    for name, value in (("access-token", token), ("x-access-token", token), ("authorization", f"bearer {token}")):
        accepted(_dcr_expect, dcr_consumer, dcr_consumer.call({name: value}), f"a token in {name}")


@check(
    "route.bearer.no-scheme",
    "A token in Authorization without a scheme is not accepted as a credential",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/support/requests-with-invalid-authorization-header-return-302-response/",),
)
def test_token_without_a_scheme(dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect):
    exchange = dcr_consumer.call({"authorization": dcr_bearer().text})
    refused(_dcr_expect, dcr_consumer, exchange, "a token without a scheme", 401, Evidence.DOCUMENTED)


@check(
    "route.bearer.before-basic",
    "An invalid bearer token is rejected even with valid Basic credentials",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC,),
    security=True,
)
def test_token_before_basic(dcr_consumer, dcr_application, dcr_bearer_accepted, dcr_basic, _dcr_expect):
    headers = with_basic(dcr_application.client_id, dcr_application.secret)
    exchange = dcr_consumer.call({**headers, "x-access-token": "dcrproof-no-token"})
    refused(_dcr_expect, dcr_consumer, exchange, "a bad token beside good Basic credentials", 401)


@check(
    "route.bearer.own-key",
    "A token that carries its own key, or a URL of one, is refused",
    evidence=Evidence.INFERRED,
    references=(
        "RFC 8725 3.10",
        "RFC 7517 9.1",
    ),
    hostile=True,
    security=True,
)
def test_token_with_its_own_key(dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_foreign_keys, _dcr_expect):
    from dcrproof.core.parties.tokens import foreign_jwk, foreign_x5c

    keys = _dcr_foreign_keys
    for header in ({"jwk": foreign_jwk()}, {"jku": keys.jwks}, {"x5u": keys.certificate}, {"x5c": foreign_x5c()}):
        for kid in ({}, {"kid": "dcrproof"}):
            token = foreign(dcr_bearer(), **header, **kid)
            _refused(dcr_consumer, _dcr_expect, token, f"a token with its own {[*header]}")
            _dcr_expect.that(not keys.asked(), f"nothing fetched from the {[*header]} of a token", "it was fetched")


def _refused(consumer, expect, token: str, what: str) -> None:
    exchange = consumer.call(with_bearer(token))
    expect.that(consumer.refuses(exchange), f"{what} refused before reaching the upstream", answer(exchange))
    right = exchange.status == 401 or consumer.sends_away(exchange)
    if consumer.is_kong:
        expect.form("gateway", "route.bearer.refused", right, "401", str(exchange.status), Evidence.INFERRED)


@check(
    "route.bearer.tampered",
    "A token whose signature is changed or left out is refused, though the token itself was accepted before",
    evidence=Evidence.DOCUMENTED,
    references=(
        "RFC 7515 5.2",
        "RFC 6749 10.3",
        "RFC 6750 5.2",
        "RFC 7519 7.2",
        "RFC 8725 3.3",
    ),
    hostile=True,
    security=True,
)
def test_tampered_token(dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect):
    token = dcr_bearer()
    dcr_consumer.call(with_bearer(token.text))  # a gateway may remember what it has accepted
    head = token.text.rpartition(".")[0]
    _refused(dcr_consumer, _dcr_expect, tampered(token), "a token with a changed signature")
    _refused(dcr_consumer, _dcr_expect, f"{head}.", "a token with an empty signature")
    _refused(dcr_consumer, _dcr_expect, head, "a token of two parts, without its signature,")


@check(
    "route.bearer.changed-claims",
    "A token whose claims were changed is refused",
    evidence=Evidence.DOCUMENTED,
    references=(
        "RFC 7515 5.2",
        "RFC 6749 10.3",
        "RFC 6750 5.2",
    ),
    hostile=True,
    security=True,
)
def test_changed_claims(dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect):
    token = dcr_bearer()
    dcr_consumer.call(with_bearer(token.text))
    longer = with_claims(token, exp=(token.date("exp") or 0) + 3600)
    _refused(dcr_consumer, _dcr_expect, longer, "a token with a later exp under the old signature")


@check(
    "route.bearer.foreign-key",
    "A token signed by another key under the same key id is refused",
    evidence=Evidence.DOCUMENTED,
    references=(
        "RFC 7515 5.2",
        "RFC 6750 5.2",
        "RFC 7519 11.1",
    ),
    hostile=True,
    security=True,
)
def test_foreign_key(dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect):
    _refused(dcr_consumer, _dcr_expect, foreign(dcr_bearer()), "a token of another key")


@check(
    "route.bearer.unknown-kid",
    "A token signed by a key that is not published is refused",
    evidence=Evidence.DOCUMENTED,
    references=(
        OIDC,
        "RFC 8725 3.10",
    ),
    hostile=True,
    security=True,
)
def test_unknown_kid(dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect):
    _refused(dcr_consumer, _dcr_expect, foreign(dcr_bearer(), kid="dcrproof"), "a token of an unknown key")


@check(
    "route.bearer.unsigned",
    "A token with alg none, in any spelling, is refused",
    evidence=Evidence.DOCUMENTED,
    references=(
        "RFC 8725 3.1",
        "RFC 7519 7.2",
        "RFC 8725 3.2",
    ),
    hostile=True,
    security=True,
)
def test_unsigned_token(dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect):
    for spelling in ("none", "None", "NONE", "nOnE"):
        _refused(dcr_consumer, _dcr_expect, unsigned(dcr_bearer(), spelling), f"a token with alg {spelling}")


@check(
    "route.bearer.hs-confused",
    "A token signed with HS256 and the published public key is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 8725 3.1", f"{REFERENCE}, enable_hs_signatures", "RFC 7519 7.2"),
    hostile=True,
    security=True,
)
def test_hs_confused_token(dcr_consumer, dcr_bearer_accepted, dcr_bearer, dcr_jwks, _dcr_expect):
    forgeries = hs_confused(dcr_bearer(), dcr_jwks)
    if not forgeries:
        raise NotApplicable("no published key can be used as a secret")
    for spelling, token in forgeries.items():
        _refused(dcr_consumer, _dcr_expect, token, f"a token with {spelling}")


@check(
    "route.bearer.expired",
    "An expired token is refused",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, leeway", "RFC 7519 4.1.4"),
    security=True,
)
def test_expired_token(_dcr_signed, dcr_consumer, dcr_bearer_accepted, _dcr_expect):
    now = _dcr_signed.now()
    for what, ago in (("an hour", 3600), ("a year", 366 * 86400)):  # an hour is longer than any leeway
        token = _dcr_signed(exp=now - ago, iat=now - ago - 300, nbf=now - ago - 300)
        _refused(dcr_consumer, _dcr_expect, token, f"a token whose exp was {what} ago")


@check(
    "route.bearer.not-before",
    "A token that is not valid yet is refused",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, leeway", "RFC 7519 4.1.5"),
    security=True,
)
def test_token_of_tomorrow(_dcr_signed, dcr_consumer, dcr_bearer_accepted, _dcr_expect):
    begins = _dcr_signed.now() + 86400
    token = _dcr_signed(nbf=begins, exp=begins + 300)
    _refused(dcr_consumer, _dcr_expect, token, "a token whose nbf is tomorrow")


@check(
    "route.bearer.foreign-issuer",
    "A token of another issuer, signed with a key of this one, is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7519 4.1.1", "RFC 8725 3.8", OIDC),
    security=True,
)
def test_foreign_issuer(_dcr_signed, dcr_consumer, dcr_bearer_accepted, dcr_metadata, _dcr_expect):
    issuer = dcr_metadata.issuer
    others = ("https://dcrproof.invalid/another-issuer", f"{issuer}/dcrproof", issuer[:-1], issuer.swapcase(), "", None)
    for other in others:
        what = f"a token with iss {other!r}" if other is not None else "a token without iss"
        _refused(dcr_consumer, _dcr_expect, _dcr_signed(iss=other), what)


@check(
    "route.bearer.foreign-audience",
    "A token for another audience is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7519 4.1.3", "RFC 8725 3.9"),
    security=True,
)
def test_foreign_audience(_dcr_is_jwt_gateway, dcr_consumer, dcr_bearer_accepted, _dcr_signed, _dcr_expect):
    for audience in ("urn:dcrproof:another-api", ["urn:dcrproof:another-api", "urn:dcrproof:a-third-one"], None):
        exchange = dcr_consumer.call(with_bearer(_dcr_signed(aud=audience)))
        aud = f"with aud {audience!r}" if audience else "without aud"
        what = f"a token {aud} refused before reaching the upstream"
        _dcr_expect.that(dcr_consumer.refuses(exchange), what, answer(exchange), fix=ANY_AUDIENCE)


ANY_AUDIENCE = (
    "configure the audience of this API at the gateway (in Envoy: audiences of the provider), and at Curity for the clients "
    "of the API: by default aud is the client id, which names no API"
)


@check(
    "route.bearer.wrong-kid",
    "A token whose key id names no published key is refused, though a published key has signed it",
    evidence=Evidence.INFERRED,
    references=("RFC 7515 4.1.4", OIDC),
    security=True,
)
def test_wrong_kid(_dcr_signed, dcr_consumer, dcr_bearer_accepted, _dcr_expect):
    _refused(dcr_consumer, _dcr_expect, _dcr_signed({"kid": "dcrproof"}), "a token with the kid dcrproof")


@check(
    "route.bearer.critical",
    "A token whose header demands an extension that no gateway knows (crit) is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7515 4.1.11",),
    level=Level.SHOULD,
    security=True,
)
def test_critical_extension(_dcr_signed, dcr_consumer, dcr_bearer_accepted, _dcr_expect):
    token = _dcr_signed({"crit": ["dcrproof"], "dcrproof": 1})
    _refused(dcr_consumer, _dcr_expect, token, "a token with crit ['dcrproof']")


@check(
    "route.bearer.query",
    "A token in the query of the URL is not accepted as a credential",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 6750 2.3", "RFC 9700 4.3.2"),
    level=Level.SHOULD,
    security=True,
)
def test_token_in_the_query(_dcr_is_jwt_gateway, dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect):
    exchange = dcr_consumer.call(query=f"access_token={dcr_bearer().text}")
    refused(_dcr_expect, dcr_consumer, exchange, "a token in the query")


@check(
    "route.bearer.outlived",
    "A token that was accepted is refused once it has expired",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, leeway",),
    security=True,
)
def test_outlived_token(dcr_clock, dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect):
    token = dcr_bearer()
    before = dcr_consumer.call(with_bearer(token.text))
    _dcr_expect.that(dcr_consumer.accepts(before), "the token accepted while it is valid", answer(before))
    dcr_clock.advance(max(0.0, (token.date("exp") or 0.0) - dcr_clock.now()) + 2)
    _refused(dcr_consumer, _dcr_expect, token.text, "a token past its exp")


@check(
    "route.bearer.opaque",
    "A bearer token that is not a JWT is refused",
    evidence=Evidence.DOCUMENTED,
    references=(
        OIDC,
        "RFC 7519 7.2",
    ),
)
def test_opaque_token(dcr_consumer, dcr_bearer_accepted, _dcr_expect):
    _refused(dcr_consumer, _dcr_expect, "_0XBPWQQ_00000000-0000-4000-8000-000000000000", "an opaque token")


@check(
    "route.bearer.rotated-key",
    "A token signed with Curity's new key is accepted on every node",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC,),
    smoke=True,
)
def test_rotated_key(_dcr_key_rotation, dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect):
    old = dcr_bearer()
    with _dcr_key_rotation.rotated() as seconds:
        token = dcr_bearer()
        new = token.header.get("kid") != old.header.get("kid")
        _dcr_expect.that(new, "a token with the new key id", f"kid {token.header.get('kid')}")
        accepted_everywhere(dcr_consumer, with_bearer(token.text), "a token of the new key", seconds)
        _dcr_expect.judged_by_the_gate()


@by_gate
def test_session_is_issued(_dcr_session): ...


@check(
    "route.session.cookie",
    "The session cookie is HttpOnly and SameSite",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, session_cookie_http_only",),
    level=Level.SHOULD,
)
def test_session_cookie(_dcr_session, _dcr_expect):
    cookies = session_cookies(_dcr_session.exchange, _dcr_session.name)
    attributes = {part.strip().partition("=")[0].lower() for value in cookies for part in value.split(";")[1:]}
    lacking = {"httponly", "samesite", "path"} - attributes
    _dcr_expect.that(not lacking, "HttpOnly, SameSite and Path", f"no {', '.join(sorted(lacking))}")


@by_gate
def test_session_is_accepted(_dcr_session_accepted): ...


@check(
    "route.session.tampered",
    "A session cookie with one character changed is refused",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
    hostile=True,
    security=True,
)
def test_tampered_session(dcr_consumer, _dcr_new_session, _dcr_session_accepted, _dcr_expect):
    session = _dcr_new_session()
    exchange = dcr_consumer.call({"cookie": changed_cookie(session.cookie.reveal())}, node=session.node)
    _dcr_expect.that(
        dcr_consumer.refuses(exchange),
        "the changed session cookie refused before reaching the upstream",
        answer(exchange),
    )


@check(
    "route.session.before-basic",
    "A valid session of another application takes precedence over Basic credentials",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC,),
    creates={"application": 1, "registration": 1},
)
def test_session_before_basic(
    _dcr_target,
    _dcr_echo,
    dcr_consumer,
    dcr_application,
    _dcr_new_session,
    _dcr_session_accepted,
    _dcr_in_use,
    _dcr_expect,
):
    from dcrproof.core.parties.tokens import decode

    other = _dcr_in_use("beside a session")
    headers = with_basic(other.client_id, other.secret)
    session = _dcr_new_session()
    exchange = dcr_consumer.call({**headers, "cookie": session.cookie.reveal()}, node=session.node)
    accepted(_dcr_expect, dcr_consumer, exchange, "Basic beside a session")
    token = decode(echoed(exchange)["headers"].get("authorization", "").partition(" ")[2])
    subject = token.claims.get("sub") if token else None
    _dcr_expect.that(
        subject == dcr_application.client_id, "the token of the session at the upstream", f"sub {subject!r}"
    )


@check(
    "route.session.broken-beside-basic",
    "Whether an invalid session cookie prevents valid Basic credentials from being accepted",
    evidence=Evidence.UNKNOWN,
    references=(OIDC,),
)
def test_broken_session_beside_basic(dcr_consumer, dcr_application, _dcr_session_accepted, _dcr_expect):
    headers = with_basic(dcr_application.client_id, dcr_application.secret)
    exchange = dcr_consumer.call({**headers, "cookie": "session=dcrproof-no-session"})
    _dcr_expect.form(
        "gateway",
        "passes_over_broken_sessions",
        not dcr_consumer.accepts(exchange),
        "refused: the search for credentials stops at the session",
        answer(exchange),
        Evidence.UNKNOWN,
    )
    _dcr_expect.that(exchange.status < 500, "no error of the gateway", answer(exchange))


@check(
    "route.session.other-node",
    "Whether a session is accepted on a node that did not create it",
    evidence=Evidence.UNKNOWN,
    references=(f"{REFERENCE}, session_secret",),
)
def test_session_on_another_node(dcr_consumer, _dcr_new_session, _dcr_session_accepted, _dcr_expect):
    if len(dcr_consumer.nodes) < 2:
        raise NotApplicable("the profile names one node of the gateway")
    session = _dcr_new_session()
    other = next(node for node in dcr_consumer.nodes if node != session.node)
    exchange = dcr_consumer.call({"cookie": session.cookie.reveal()}, node=other)
    _dcr_expect.form(
        "gateway",
        "shares_session_secrets",
        not dcr_consumer.accepts(exchange),
        "refused: without session_secret each node has its own secret",
        answer(exchange),
        Evidence.UNKNOWN,
    )


@check(
    "route.session.revoked",
    "A session ends when the registration of its application is revoked",
    evidence=Evidence.INFERRED,
    references=(DCR,),
    security=True,
    creates={"application": 1, "registration": 1},
)
def test_session_of_a_revoked_application(
    _dcr_target,
    _dcr_pushed,
    _dcr_decided,
    dcr_consumer,
    dcr_applications,
    _dcr_session,
    _dcr_session_accepted,
    _dcr_in_use,
    _dcr_expect,
):
    application = _dcr_in_use("session of a revoked one")
    exchange = dcr_consumer.call(with_basic(application.client_id, application.secret))
    cookie = {"cookie": session_cookie(exchange, _dcr_session.name) or ""}
    accepted(_dcr_expect, dcr_consumer, dcr_consumer.call(cookie), "the session")
    dcr_applications.set_status(application, "revoked")
    headers = with_basic(application.client_id, application.secret)
    refused_everywhere(dcr_consumer, headers, "a revoked application", _dcr_target.profile.run.propagation)
    what, switch = "the session of a revoked application", "answers_unapproved_with_401"
    refused(_dcr_expect, dcr_consumer, dcr_consumer.call(cookie), what, 403, switch=switch)


@check(
    "route.head",
    "HEAD without credentials is refused like GET, with an empty body",
    evidence=Evidence.INFERRED,
    references=("RFC 9110 9.3.2",),
)
def test_head(dcr_consumer, dcr_protected, _dcr_accepted_credentials, _dcr_expect):
    exchange = dcr_consumer.call(method="HEAD")
    refused(_dcr_expect, dcr_consumer, exchange, "HEAD without credentials", 401)
    _dcr_expect.that(not exchange.body, "an empty body", exchange.shape)


@check(
    "route.unmatched",
    "A path without a route is answered with 404, as JSON or HTML depending on Accept",
    evidence=Evidence.DOCUMENTED,
    references=("github.com/Kong/kong, kong/runloop/handler.lua", "github.com/Kong/kong, kong/tools/http.lua"),
)
def test_unmatched_path(_dcr_is_kong, dcr_consumer, dcr_protected, _dcr_expect):
    path = "/dcrproof-no-such-route"
    exchange = dcr_consumer.call(path=path, method="GET")
    if reached_upstream(exchange) or dcr_consumer.refuses(exchange):
        raise NotApplicable("the gateway has a route for every path")
    expected = exchange.status == 404 and says(exchange, "no Route matched with those values")
    _dcr_expect.that(expected, "404 'no Route matched with those values'", answer(exchange))
    page = dcr_consumer.call({"accept": "text/html"}, path=path, method="GET")
    _dcr_expect.that(
        (page.status, page.media_type) == (404, "text/html"), "404 as HTML", f"{page.status}, {page.shape}"
    )


@check(
    "route.headers",
    "Kong's headers distinguish an answer of the upstream from one of the gateway",
    evidence=Evidence.DOCUMENTED,
    references=("github.com/Kong/kong, kong.conf.default, headers",),
    level=Level.SHOULD,
)
def test_headers_of_answers(dcr_consumer, dcr_application, dcr_basic, _dcr_expect):
    headers = with_basic(dcr_application.client_id, dcr_application.secret)
    through, own = dcr_consumer.call(headers), dcr_consumer.call()
    for exchange, names in (
        (through, ("via", "x-kong-proxy-latency", "x-kong-upstream-latency")),
        (own, ("server", "x-kong-response-latency")),
    ):
        lacking = [name for name in names if exchange.header(name) is None]
        _dcr_expect.that(
            not lacking,
            f"{', '.join(names)} in {exchange.what}",
            f"no {', '.join(lacking)}",
            fix="let them through: headers in kong.conf, or what is in front of the gateway, leaves them out",
        )
    _dcr_expect.that(not reached_upstream(own), "no upstream latency in a refusal", answer(own))


@check(
    "route.header-too-large",
    "A header line of more than 8 KiB is refused without a gateway error",
    evidence=Evidence.INFERRED,
    references=("github.com/Kong/kong, kong/error_handlers.lua",),
)
def test_large_header(dcr_consumer, dcr_protected, _dcr_accepted_credentials, _dcr_expect):
    for what, header in (("token", with_bearer("x" * 9000)), ("cookie", {"cookie": "session=" + "x" * 9000})):
        exchange = dcr_consumer.call(header)
        refused(_dcr_expect, dcr_consumer, exchange, f"a {what} of 9,000 octets", 400)
        _dcr_expect.that(exchange.status < 500, "no error of the gateway", answer(exchange))


@check(
    "route.upstream-down",
    "An upstream that drops the connection is answered with 502",
    evidence=Evidence.DOCUMENTED,
    references=("github.com/Kong/kong, kong/error_handlers.lua",),
)
def test_upstream_is_down(_dcr_faults, dcr_consumer, dcr_application, dcr_basic, _dcr_expect):
    headers = with_basic(dcr_application.client_id, dcr_application.secret)
    fault = _dcr_faults.arm({"party": "upstream", "times": 1, "drop": True})
    try:
        exchange = dcr_consumer.call(headers)
    finally:
        _dcr_faults.disarm(fault)
    said = "An invalid response was received from the upstream server"
    expected = exchange.status == 502 and says(exchange, said)
    _dcr_expect.that(expected, f"502 {said!r}", answer(exchange))
    accepted(_dcr_expect, dcr_consumer, dcr_consumer.call(headers), "the next call")


@check(
    "route.rejected",
    "An application whose registration was rejected is refused",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
    security=True,
    creates={"application": 1, "registration": 1},
)
def test_rejected_application(
    _dcr_target, _dcr_pushed, _dcr_decided, dcr_consumer, dcr_applications, dcr_basic, _dcr_expect
):
    application, _ = dcr_applications.register(dcr_applications.create("rejected"))
    dcr_applications.set_status(application, "rejected")
    headers = with_basic(application.client_id, application.secret)
    deadline = _dcr_target.profile.run.propagation
    refused_everywhere(dcr_consumer, headers, "an application whose registration is rejected", deadline)
    _dcr_expect.judged_by_the_gate()


@check(
    "route.unregistered",
    "An application that is not registered for the API is refused",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
    security=True,
    creates={"application": 1},
)
def test_unregistered_application(_dcr_pushed, dcr_consumer, dcr_applications, dcr_basic, _dcr_expect):
    application = dcr_applications.create("not registered")
    headers = with_basic(application.client_id, application.secret)
    for exchange in refused_everywhere(dcr_consumer, headers, "an application without a registration"):
        _dcr_expect.form(
            "gateway",
            "answers_unapproved_with_401",
            exchange.status == 403,
            "403",
            str(exchange.status),
            Evidence.UNKNOWN,
        )
    _dcr_expect.judged_by_the_gate()


@check(
    "route.pending",
    "An application whose registration is pending is refused",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
    security=True,
    creates={"application": 1, "registration": 1},
)
def test_pending_application(
    _dcr_target, _dcr_pushed, _dcr_decided, dcr_consumer, dcr_applications, dcr_basic, _dcr_expect
):
    application, status = dcr_applications.register(dcr_applications.create("pending"))
    if status != "pending":
        dcr_applications.set_status(application, "pending")
    headers = with_basic(application.client_id, application.secret)
    deadline = _dcr_target.profile.run.propagation
    refused_everywhere(dcr_consumer, headers, "an application whose registration is pending", deadline)
    _dcr_expect.judged_by_the_gate()
