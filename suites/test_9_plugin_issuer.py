"""The gateway behind an issuer of this run: odd tokens, odd answers, caches, outages. Nothing of it touches Curity."""

from typing import Any

from dcrproof.checks import Evidence, check
from dcrproof.gateway import accepted, answer, echoed, refused, session_cookie, with_basic, with_bearer
from dcrproof.laboratory import ALGORITHMS, Answer, new_key, public, signed
from dcrproof.secret import Secret

OIDC = "developer.konghq.com/plugins/openid-connect/"
REFERENCE = f"{OIDC}reference/"
CHANGELOG = f"{OIDC}changelog/"
OLD = "openid-connect 1.5.x, parameters"
SUPPORT = "developer.konghq.com/support/"
DCR = "developer.konghq.com/dev-portal/dynamic-client-registration/"


def _good(expect, own, issuer, consumer):
    """The control of a refusal: a token of the issuer opens the route."""
    accepted(expect, consumer, consumer.call(with_bearer(own.known(issuer.token(own.client_id)))), "a good token")


def _judged(expect, own, issuer, settings, taken=(), refused_with=(), status=401, evidence=Evidence.INFERRED):
    """With these settings of the plugin each token is taken, or refused: pairs of what it is and the token."""
    with own.configured(issuer=issuer.url, **settings) as consumer:
        if not taken:
            _good(expect, own, issuer, consumer)
        for what, token in taken:
            accepted(expect, consumer, consumer.call(with_bearer(own.known(token))), f"a token {what}")
        for what, token in refused_with:
            exchange = consumer.call(with_bearer(own.known(token)))
            refused(expect, consumer, exchange, f"a token {what}", status, evidence)


def _requests(expect, issuer, count, what):
    asked = len(issuer.asked("token"))
    expect.that(asked == count, f"{count} token request(s) {what}", f"{asked}")


# Tokens


@check(
    "issuer.token.leeway",
    "SECURITY: exp, nbf and iat hold to the second, or with the configured leeway",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, leeway", SUPPORT),
)
def test_leeway(dcr_own_route, dcr_issuer, dcr_expect):
    own, now = dcr_own_route, int(dcr_issuer.now())
    odd = {"exp": now - 5, "nbf": now + 30, "iat": now + 30}
    tokens = [(f"whose {name} is off by seconds", dcr_issuer.token(own.client_id, **{name: odd[name]})) for name in odd]
    _judged(dcr_expect, own, dcr_issuer, {"leeway": 0}, refused_with=tokens)
    _judged(dcr_expect, own, dcr_issuer, {"leeway": 60}, taken=tokens)


@check(
    "issuer.token.exp-as-text",
    "SECURITY: exp that is a text is judged by its value",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CHANGELOG}, 3.13.0.0",),
)
def test_exp_as_text(dcr_own_route, dcr_issuer, dcr_expect):
    own, now = dcr_own_route, int(dcr_issuer.now())
    with own.configured(issuer=dcr_issuer.url) as consumer:
        late = own.known(dcr_issuer.token(own.client_id, exp=str(now - 60)))
        refused(dcr_expect, consumer, consumer.call(with_bearer(late)), "exp in the past, as a text", 401)
        good = own.known(dcr_issuer.token(own.client_id, exp=str(now + 60)))
        exchange = consumer.call(with_bearer(good))
        dcr_expect.form(
            "gateway",
            "exp as a text",
            consumer.accepts(exchange),
            "accepted",
            answer(exchange),
            Evidence.DOCUMENTED,
            since="3.13",
        )


def _unknown(expect, own, issuer, name, token, what, *, settings=None):
    """A token of which nobody knows what becomes: observed on a live gateway, refused by the mock."""
    with own.configured(issuer=issuer.url, **(settings or {})) as consumer:
        _good(expect, own, issuer, consumer)
        exchange = consumer.call(with_bearer(own.known(token)))
        expect.form(
            "gateway", name, not consumer.accepts(exchange), f"{what} refused", answer(exchange), Evidence.UNKNOWN
        )


@check(
    "issuer.token.without-exp",
    "What becomes of a token that never ends",
    evidence=Evidence.UNKNOWN,
    references=("RFC 7519 4.1.4",),
)
def test_without_exp(dcr_own_route, dcr_issuer, dcr_expect):
    token = dcr_issuer.token(dcr_own_route.client_id, exp=None)
    _unknown(dcr_expect, dcr_own_route, dcr_issuer, "accept_missing_exp", token, "a token without exp")


@check(
    "issuer.token.without-kid",
    "What becomes of a token that names no key",
    evidence=Evidence.UNKNOWN,
    references=("RFC 7515 4.1.4",),
)
def test_without_kid(dcr_own_route, dcr_issuer, dcr_expect):
    token = dcr_issuer.token(dcr_own_route.client_id, {"kid": None})
    _unknown(dcr_expect, dcr_own_route, dcr_issuer, "accept_missing_kid", token, "a token without kid")


@check(
    "issuer.token.critical",
    "What becomes of a token with a critical extension that nobody knows",
    evidence=Evidence.UNKNOWN,
    references=("RFC 7515 4.1.11",),
)
def test_critical_header(dcr_own_route, dcr_issuer, dcr_expect):
    token = dcr_issuer.token(dcr_own_route.client_id, {"crit": ["dcrproof"], "dcrproof": 1})
    _unknown(
        dcr_expect,
        dcr_own_route,
        dcr_issuer,
        "accept_critical_extensions",
        token,
        "a token with an unknown critical extension",
    )


@check(
    "issuer.token.iss-exact",
    "SECURITY: iss is compared to the letter",
    evidence=Evidence.INFERRED,
    references=(f"{SUPPORT}, invalid issuer",),
)
def test_exact_iss(dcr_own_route, dcr_issuer, dcr_expect):
    others = (dcr_issuer.url + "/", dcr_issuer.url.upper(), "https://dcrproof.invalid", None)
    tokens = [(f"with iss {iss!r}", dcr_issuer.token(dcr_own_route.client_id, iss=iss)) for iss in others]
    _judged(dcr_expect, dcr_own_route, dcr_issuer, {}, refused_with=tokens)


@check(
    "issuer.token.audience",
    "The audience is looked at only where it is required; one of several is enough",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, audience_required",),
)
def test_audience(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    other = ("for another audience", dcr_issuer.token(own.client_id, aud="another"))
    several = ("for several audiences", dcr_issuer.token(own.client_id, aud=["another", "ours"]))
    _judged(dcr_expect, own, dcr_issuer, {}, taken=[other])
    required = {"audience_required": ["ours"]}
    _judged(dcr_expect, own, dcr_issuer, required, [several], [other], 403, Evidence.DOCUMENTED)


@check(
    "issuer.token.id-token",
    "What becomes of an ID token that is used as an access token",
    evidence=Evidence.INFERRED,
    references=(OIDC, "RFC 9068 5"),
)
def test_id_token(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    claims = {"aud": own.client_id, "azp": own.client_id, "nonce": "n", "purpose": "id"}
    with own.configured(issuer=dcr_issuer.url) as consumer:
        exchange = consumer.call(with_bearer(own.known(dcr_issuer.token(own.client_id, {"typ": "JWT"}, **claims))))
        dcr_expect.form(
            "gateway", "id-token", consumer.accepts(exchange), "accepted", answer(exchange), Evidence.INFERRED
        )


@check(
    "issuer.token.subject",
    "SECURITY: a genuine token whose sub is no application's client id is refused",
    evidence=Evidence.INFERRED,
    references=("developer.konghq.com/dev-portal/auth-strategies/", DCR),
)
def test_subject(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    subjects = ("dcrproof", own.client_id.upper() + "x", None)
    tokens = [(f"with sub {sub!r}", dcr_issuer.token("", sub=sub, client_id=own.client_id)) for sub in subjects]
    _judged(dcr_expect, own, dcr_issuer, {}, refused_with=tokens)


@check(
    "issuer.token.other-tenant",
    "SECURITY: a client id is an application's at its own issuer alone: a namesake at another opens nothing",
    evidence=Evidence.INFERRED,
    references=("developer.konghq.com/dev-portal/auth-strategies/", "RFC 7519 4.1.2"),
)
def test_same_claim_at_another_issuer(dcr_own_route, dcr_issuer, dcr_laboratory, dcr_other_application, dcr_expect):
    own = dcr_own_route
    namesake = dcr_laboratory.issuer().token(own.client_id)
    _judged(dcr_expect, own, dcr_issuer, {}, refused_with=[("of another issuer, for the same client id", namesake)])
    foreign = dcr_issuer.token(dcr_other_application.client_id)
    what = "for the client id that another strategy's application has at its own issuer"
    _judged(dcr_expect, own, dcr_issuer, {}, refused_with=[(what, foreign)], status=None)


@check(
    "issuer.token.nested-claim",
    "The credential's claim may stand below the top level",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/gateway/breaking-changes/, 3.14.0.1",),
)
def test_nested_claim(dcr_own_route, dcr_issuer, dcr_expect):
    token = dcr_issuer.token("dcrproof", app={"id": dcr_own_route.client_id})
    nested = {"credential_claim": ["app", "id"]}
    _judged(dcr_expect, dcr_own_route, dcr_issuer, nested, taken=[("with the client id at app.id", token)])


@check(
    "issuer.token.access-token-first",
    "The credential's claim is read in the access token, not in the ID token beside it",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CHANGELOG}, 3.14.0.7",),
)
def test_access_token_first(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    dcr_issuer.members["id_token"] = own.known(dcr_issuer.token("another subject"))
    with own.configured(issuer=dcr_issuer.url) as consumer:
        exchange = consumer.call(own.basic)
        accepted(dcr_expect, consumer, exchange, "Basic, where the ID token has another sub,")


@check(
    "issuer.token.algorithms",
    "A token may be signed with RSA, with elliptic curves or with EdDSA",
    evidence=Evidence.INFERRED,
    references=("RFC 7518 3.1", "RFC 8037 3.1", f"{REFERENCE}, enable_hs_signatures"),
)
def test_algorithms(dcr_own_route, dcr_issuer, dcr_expect):
    tokens = []
    for algorithm in ALGORITHMS:
        dcr_issuer.rotate(algorithm, algorithm)
        tokens.append((f"signed with {algorithm}", dcr_issuer.token(dcr_own_route.client_id)))
    _judged(dcr_expect, dcr_own_route, dcr_issuer, {}, taken=tokens)


@check(
    "issuer.token.unverified-claims",
    "SECURITY: verify_claims off judges no times and no issuer, and the signature all the same",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, verify_claims", OLD),
)
def test_unverified_claims(dcr_own_route, dcr_issuer, dcr_expect):
    own, now = dcr_own_route, int(dcr_issuer.now())
    late = ("that has expired", dcr_issuer.token(own.client_id, exp=now - 60))
    claims = {"iss": dcr_issuer.url, "sub": own.client_id, "exp": now + 60}
    forged = ("of a foreign key", signed(claims, {"kid": dcr_issuer.kid}, new_key()))
    _judged(dcr_expect, own, dcr_issuer, {"verify_claims": True}, refused_with=[late])
    _judged(dcr_expect, own, dcr_issuer, {"verify_claims": False}, [late], [forged])


@check(
    "issuer.token.claim-paths",
    "What is required of a token is looked for where the plugin is told to look",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, scopes_claim, audience_claim, groups_claim, roles_claim",),
)
def test_paths_of_required_claims(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    for kind in ("scopes", "audience", "groups", "roles"):
        told = {f"{kind}_required": ["dcrproof"], f"{kind}_claim": ["app", kind]}
        there = (f"with {kind} where they are looked for", dcr_issuer.token(own.client_id, app={kind: ["dcrproof"]}))
        usual = {"scopes": "scope", "audience": "aud"}.get(kind, kind)
        elsewhere = (f"with {kind} at the usual place", dcr_issuer.token(own.client_id, **{usual: ["dcrproof"]}))
        _judged(dcr_expect, own, dcr_issuer, told, [there], [elsewhere], 403, Evidence.DOCUMENTED)


@check(
    "issuer.token.user",
    "SECURITY: max_age bounds the time since the user signed in, and domains the user's domain",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, max_age, domains", OLD),
)
def test_user_of_a_token(dcr_own_route, dcr_issuer, dcr_expect):
    own, now = dcr_own_route, int(dcr_issuer.now())
    new, old = (dcr_issuer.token(own.client_id, auth_time=now - seconds) for seconds in (60, 6000))
    _judged(dcr_expect, own, dcr_issuer, {"max_age": 600}, [("of a new sign-in", new)], [("of an old sign-in", old)])
    ours, theirs = (dcr_issuer.token(own.client_id, hd=domain) for domain in ("dcrproof.example", "other.example"))
    domains = {"domains": ["dcrproof.example"]}
    _judged(dcr_expect, own, dcr_issuer, domains, [("of the domain", ours)], [("of another domain", theirs)])


@check(
    "issuer.token.groups",
    "The upstream is told the groups of a token where the plugin knows their claim",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/how-to/configure-oidc-with-acl-auth/",),
)
def test_groups_of_a_token(dcr_echo, dcr_own_route, dcr_issuer, dcr_expect):
    token = with_bearer(dcr_own_route.known(dcr_issuer.token(dcr_own_route.client_id, groups=["one", "two"])))
    for settings, wanted in (({"authenticated_groups_claim": ["groups"]}, "one, two"), ({}, None)):
        with dcr_own_route.configured(issuer=dcr_issuer.url, **settings) as consumer:
            told = echoed(consumer.call(token))["headers"].get("x-authenticated-groups")
            dcr_expect.that(told == wanted, f"X-Authenticated-Groups {wanted}", f"{told}")


# Keys


@check(
    "issuer.keys.own-key",
    "SECURITY: a token that brings its own key is refused, and nothing is fetched from where it points",
    evidence=Evidence.INFERRED,
    references=("RFC 8725 3.10", "RFC 7515 4.1.2 to 4.1.6"),
    hostile=True,
)
def test_key_in_the_token(dcr_own_route, dcr_issuer, dcr_expect):
    own, key = dcr_own_route, new_key()
    url = f"{dcr_issuer.url}/attacker"
    claims = {"iss": dcr_issuer.url, "sub": own.client_id, "exp": int(dcr_issuer.now()) + 60}
    dcr_issuer.answers["attacker"] = Answer(content={"keys": [public(key, "attacker"), public(key, dcr_issuer.kid)]})
    with own.configured(issuer=dcr_issuer.url) as consumer:
        _good(dcr_expect, own, dcr_issuer, consumer)
        for kid in ("attacker", dcr_issuer.kid):
            for header in ({"jku": url}, {"x5u": url}, {"jwk": public(key, kid)}):
                token = own.known(signed(claims, {"kid": kid, **header}, key))
                refused(dcr_expect, consumer, consumer.call(with_bearer(token)), f"a token with {[*header]}", 401)
    fetched = dcr_issuer.asked("attacker")
    dcr_expect.that(not fetched, "nothing fetched from there", f"{len(fetched)} request(s)")


@check(
    "issuer.keys.burst",
    "A burst of unknown key ids makes the gateway ask for keys at most once in 30 seconds",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC, f"{REFERENCE}, rediscovery_lifetime"),
    hostile=True,
)
def test_burst_of_unknown_keys(dcr_clock, dcr_own_route, dcr_issuer, dcr_expect):
    own, key = dcr_own_route, new_key()
    claims = {"iss": dcr_issuer.url, "sub": own.client_id, "exp": int(dcr_issuer.now()) + 600}
    with own.configured(issuer=dcr_issuer.url) as consumer:
        _good(dcr_expect, own, dcr_issuer, consumer)
        dcr_clock.advance(31)
        before = len(dcr_issuer.asked("jwks"))
        for number in range(5):
            token = own.known(signed(claims, {"kid": f"dcrproof-{number}"}, key))
            refused(dcr_expect, consumer, consumer.call(with_bearer(token)), "a token of an unknown key", 401)
        asked = len(dcr_issuer.asked("jwks")) - before
        dcr_expect.that(asked == 1, "one request for keys", f"{asked}")


@check(
    "issuer.keys.rotation",
    "A new key id is looked for once 30 seconds have passed since the gateway last looked",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, rediscovery_lifetime",),
)
def test_rotation(dcr_clock, dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    with own.configured(issuer=dcr_issuer.url) as consumer:
        _good(dcr_expect, own, dcr_issuer, consumer)
        dcr_issuer.rotate("laboratory-2")
        token = with_bearer(own.known(dcr_issuer.token(own.client_id)))
        refused(dcr_expect, consumer, consumer.call(token), "a token of a key that was published just now", 401)
        dcr_clock.advance(31)
        accepted(dcr_expect, consumer, consumer.call(token), "the same token 31 seconds later")


@check(
    "issuer.keys.same-kid",
    "A new key under the old key id is not looked for: its tokens are refused",
    evidence=Evidence.DOCUMENTED,
    references=(f"{SUPPORT}kong-gateway-401-http-response-and-unable-to-verify-digest/",),
)
def test_new_key_under_the_old_kid(dcr_clock, dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    with own.configured(issuer=dcr_issuer.url) as consumer:
        _good(dcr_expect, own, dcr_issuer, consumer)
        dcr_issuer.rotate(dcr_issuer.kid)
        dcr_clock.advance(31)
        asked = len(dcr_issuer.asked("jwks"))
        exchange = consumer.call(with_bearer(own.known(dcr_issuer.token(own.client_id))))
        refused(dcr_expect, consumer, exchange, "a token of a new key under the old key id", 401, Evidence.DOCUMENTED)
        again = len(dcr_issuer.asked("jwks")) - asked
        dcr_expect.that(not again, "no request for keys", f"{again}")


@check(
    "issuer.keys.extra",
    "Keys at extra_jwks_uris are trusted in addition",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, extra_jwks_uris",),
)
def test_extra_keys(dcr_own_route, dcr_issuer, dcr_expect):
    own, key = dcr_own_route, new_key()
    dcr_issuer.answers["extra"] = Answer(content={"keys": [public(key, "extra")]})
    claims = {"iss": dcr_issuer.url, "sub": own.client_id, "exp": int(dcr_issuer.now()) + 600}
    token = with_bearer(own.known(signed(claims, {"kid": "extra"}, key)))
    with own.configured(issuer=dcr_issuer.url) as consumer:
        refused(dcr_expect, consumer, consumer.call(token), "a token of a key elsewhere", 401)
    with own.configured(issuer=dcr_issuer.url, extra_jwks_uris=[f"{dcr_issuer.url}/extra"]) as consumer:
        accepted(dcr_expect, consumer, consumer.call(token), "a token of a key at extra_jwks_uris")
        _good(dcr_expect, own, dcr_issuer, consumer)


# The token request


@check(
    "issuer.request.scope",
    "Configured scopes go in one field; without any the gateway asks for openid",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, scopes", "developer.konghq.com/how-to/curity-dcr/"),
)
def test_requested_scope(dcr_own_route, dcr_issuer, dcr_expect):
    for scopes, wanted in (([], "openid"), (["read", "write"], "read write")):
        with dcr_own_route.configured(issuer=dcr_issuer.url, scopes=scopes) as consumer:
            accepted(dcr_expect, consumer, consumer.call(dcr_own_route.basic), "Basic")
        form = dcr_issuer.asked("token")[-1].form
        dcr_expect.that(form.get("scope") == wanted, f"scope={wanted}", f"scope={form.get('scope')!r}")


@check(
    "issuer.request.members",
    "The token request is a form with client_credentials, and carries neither audience nor redirect_uri",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{CHANGELOG}, 3.14.0.7",
        f"{SUPPORT}the-openid-connect-plugin-does-not-set-the-audience-form-parameter/",
    ),
)
def test_token_request(dcr_own_route, dcr_issuer, dcr_expect):
    with dcr_own_route.configured(issuer=dcr_issuer.url, audience=["dcrproof"]) as consumer:
        accepted(dcr_expect, consumer, consumer.call(dcr_own_route.basic), "Basic")
    form = dcr_issuer.asked("token")[-1].form
    dcr_expect.that(form.get("grant_type") == "client_credentials", "grant_type client_credentials", f"{[*form]}")
    dcr_expect.that("audience" not in form, "no audience", f"{[*form]}")
    dcr_expect.form(
        "gateway",
        "redirect_uri",
        "redirect_uri" not in form,
        "no redirect_uri",
        f"the members {[*form]}",
        Evidence.DOCUMENTED,
        since="3.14.0.7",
    )


@check(
    "issuer.request.authentication",
    "The pair goes as Basic or in the form: as configured, else as the issuer supports it",
    evidence=Evidence.DOCUMENTED,
    references=(OLD,),
)
def test_client_authentication(dcr_own_route, dcr_issuer, dcr_laboratory, dcr_expect):
    post = dcr_laboratory.issuer()
    post.document["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    cases: tuple[Any, ...] = (
        (dcr_issuer, {}, True),
        (post, {}, False),
        (dcr_issuer, {"token_endpoint_auth_method": "client_secret_post"}, False),
    )
    for issuer, settings, by_header in cases:
        with dcr_own_route.configured(issuer=issuer.url, **settings) as consumer:
            accepted(dcr_expect, consumer, consumer.call(dcr_own_route.basic), "Basic")
        request = issuer.asked("token")[-1]
        found = request.basic is not None
        both = found and "client_secret" in request.form
        dcr_expect.that(
            found is by_header and not both,
            "the pair in the Authorization header" if by_header else "the pair in the form",
            "in both" if both else "in the header" if found else "in the form",
        )


@check(
    "issuer.request.encoding",
    "How the gateway passes on secrets with %, +, a colon or letters beyond ASCII",
    evidence=Evidence.UNKNOWN,
    references=("RFC 6749 2.3.1", "RFC 7617 2"),
)
def test_encoded_secrets(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    for method in ("client_secret_basic", "client_secret_post"):
        with own.configured(issuer=dcr_issuer.url, token_endpoint_auth_method=method) as consumer:
            for secret in ("dcrproof:a:b", "dcrproof%41+b c", "dcrproof~é*/=&"):
                own.known(secret)
                exchange = consumer.call(with_basic(own.client_id, Secret(secret)))
                accepted(dcr_expect, consumer, exchange, "a pair that the issuer takes")
                same = dcr_issuer.asked("token")[-1].client == (own.client_id, secret)
                dcr_expect.form(
                    "gateway",
                    "sends_pairs_unencoded" if method == "client_secret_basic" else "issuer.request.encoding",
                    same,
                    "the secret as the caller sent it, once form-decoded",
                    "another secret after form-decoding",
                    Evidence.UNKNOWN,
                )


@check(
    "issuer.request.extras",
    "token_post_args add fields to the form of the token request",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, token_post_args_names",),
)
def test_extra_fields(dcr_own_route, dcr_issuer, dcr_expect):
    extra = {"token_post_args_names": ["resource"], "token_post_args_values": ["dcrproof"]}
    with dcr_own_route.configured(issuer=dcr_issuer.url, **extra) as consumer:
        accepted(dcr_expect, consumer, consumer.call(dcr_own_route.basic), "Basic")
    found = dcr_issuer.asked("token")[-1].form.get("resource")
    dcr_expect.that(found == "dcrproof", "resource=dcrproof", f"resource={found!r}")


# Answers of the token endpoint


def _fails(expect, own, issuer, answers, *, status=None, evidence=Evidence.INFERRED):
    """Each answer of the token endpoint keeps the caller out, and spoils nothing for the next."""
    with own.configured(issuer=issuer.url) as consumer:
        for what, given in answers.items():
            issuer.answers["token"] = given
            refused(expect, consumer, consumer.call(own.basic), f"Basic, {what},", status, evidence)
            del issuer.answers["token"]
        accepted(expect, consumer, consumer.call(own.basic), "Basic, the issuer being well again,")


@check(
    "issuer.answer.refusal",
    "A pair or a scope that the token endpoint refuses is 401 for the caller, and is not held against it later",
    evidence=Evidence.DOCUMENTED,
    references=(f"{SUPPORT}kong-gateway-openid-plugin-with-okta-receiving-cannot-request-openid-scopes/",),
)
def test_refusals_of_the_issuer(dcr_own_route, dcr_issuer, dcr_expect):
    answers = {
        "invalid_scope": Answer(400, {"error": "invalid_scope"}),
        "invalid_client": Answer(401, {"error": "invalid_client"}),
    }
    _fails(dcr_expect, dcr_own_route, dcr_issuer, answers, status=401, evidence=Evidence.DOCUMENTED)


@check(
    "issuer.answer.unusable",
    "SECURITY: an answer of the token endpoint that holds no token keeps the caller out",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
)
def test_unusable_answers(dcr_own_route, dcr_issuer, dcr_expect):
    opaque = {"access_token": "dcrproof-opaque-token", "token_type": "bearer", "expires_in": 300}
    answers = {
        "no access_token": Answer(content={"token_type": "bearer"}),
        "an empty answer": Answer(content=""),
        "HTML": Answer(content="<html>welcome</html>", media_type="text/html"),
        "broken JSON": Answer(content='{"access_token": '),
        "an opaque token": Answer(content=opaque),
        "500": Answer(500, {"error": "server_error"}),
        "503": Answer(503, "busy", "text/plain"),
    }
    _fails(dcr_expect, dcr_own_route, dcr_issuer, answers, status=401)


@check(
    "issuer.answer.none",
    "SECURITY: a token endpoint that drops the connection, or is late, keeps the caller out and nobody waiting",
    evidence=Evidence.INFERRED,
    references=(f"{REFERENCE}, timeout",),
)
def test_no_answer(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    with own.configured(issuer=dcr_issuer.url, timeout=150) as consumer:
        for what, given in (("dropped", Answer(drop=True)), ("late", Answer(delay=0.5))):
            dcr_issuer.answers["token"] = given
            exchange = consumer.call(own.basic)
            refused(dcr_expect, consumer, exchange, f"Basic, the answer of the issuer being {what},", 401)
            dcr_expect.that(exchange.seconds < 0.45, "an answer within the timeout", f"{exchange.seconds:.2f} s")
        del dcr_issuer.answers["token"]
        accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic, the issuer being well again,")


# Caches


@check(
    "issuer.cache.lifetime",
    "A token is kept until it expires, and an expired one never goes upstream",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, cache_tokens", OLD),
)
def test_cached_until_it_expires(dcr_clock, dcr_echo, dcr_own_route, dcr_issuer, dcr_expect):
    from dcrproof.tokens import decode

    own, dcr_issuer.lifetime = dcr_own_route, 60
    with own.configured(issuer=dcr_issuer.url) as consumer:
        for seconds, count in ((0, 1), (30, 1), (31, 2)):
            dcr_clock.advance(seconds)
            exchange = consumer.call(own.basic)
            accepted(dcr_expect, consumer, exchange, "Basic")
            _requests(dcr_expect, dcr_issuer, count, f"{seconds} seconds later, of a token of 60")
            token = decode(echoed(exchange)["headers"].get("authorization", "").partition(" ")[2])
            alive = token is not None and token.claims["exp"] > dcr_issuer.now()
            dcr_expect.that(alive, "a token that is valid at the upstream", "an expired one, or none")


@check(
    "issuer.cache.limit",
    "cache_ttl_max fetches a new token before the old one expires",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, cache_ttl_max", f"{SUPPORT}how-to-avoid-openid-connect-plugin-obtain-a-token/"),
)
def test_limit_of_the_cache(dcr_clock, dcr_own_route, dcr_issuer, dcr_expect):
    own, dcr_issuer.lifetime = dcr_own_route, 180
    with own.configured(issuer=dcr_issuer.url, cache_ttl_max=165) as consumer:
        for seconds, count in ((0, 1), (150, 1), (16, 2)):
            dcr_clock.advance(seconds)
            accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic")
            _requests(dcr_expect, dcr_issuer, count, f"{seconds} seconds later, with cache_ttl_max 165")


@check(
    "issuer.cache.over-on-arrival",
    "SECURITY: a token whose expires_in is 0 or less is not kept for ever",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CHANGELOG}, 3.14.0.8",),
)
def test_over_on_arrival(dcr_clock, dcr_own_route, dcr_issuer, dcr_expect):
    own, dcr_issuer.lifetime = dcr_own_route, 20
    for expires_in in (0, -1):
        dcr_issuer.members["expires_in"] = expires_in
        with own.configured(issuer=dcr_issuer.url) as consumer:
            accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic")
            dcr_clock.advance(25)
            dcr_issuer.answers["token"] = Answer(401, {"error": "invalid_client"})
            exchange = consumer.call(own.basic)
            dcr_expect.form(
                "gateway",
                f"expires_in {expires_in}",
                not consumer.accepts(exchange),
                "refused, the token having expired and the client being gone",
                answer(exchange),
                Evidence.DOCUMENTED,
                since="3.14.0.8",
            )
            del dcr_issuer.answers["token"]


@check(
    "issuer.cache.off",
    "With cache_tokens off each call fetches a token, and a client that is gone is refused at once",
    evidence=Evidence.DOCUMENTED,
    references=(DCR, f"{REFERENCE}, cache_tokens"),
)
def test_without_a_cache(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    with own.configured(issuer=dcr_issuer.url, cache_tokens=False) as consumer:
        for count in (1, 2):
            accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic")
            _requests(dcr_expect, dcr_issuer, count, f"after {count} call(s)")
        dcr_issuer.answers["token"] = Answer(401, {"error": "invalid_client"})
        refused(dcr_expect, consumer, consumer.call(own.basic), "Basic of a client that is gone", 401)


@check(
    "issuer.cache.deleted-client",
    "A client that is gone works on while its token is kept, and is refused after that",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
)
def test_deleted_client(dcr_clock, dcr_own_route, dcr_issuer, dcr_expect):
    own, dcr_issuer.lifetime = dcr_own_route, 60
    with own.configured(issuer=dcr_issuer.url) as consumer:
        accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic")
        dcr_issuer.answers["token"] = Answer(401, {"error": "invalid_client"})
        accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic of a client that is gone, its token kept,")
        dcr_clock.advance(61)
        refused(dcr_expect, consumer, consumer.call(own.basic), "Basic of a client that is gone, its token over,", 401)


@check(
    "issuer.cache.password",
    "With password beside client_credentials no token is kept",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{SUPPORT}when-using-the-openid-connect-plugin-with-client-credential-auth-method-the-tokens-are-not-cached/",
    ),
)
def test_password_beside_client_credentials(dcr_own_route, dcr_issuer, dcr_expect):
    own, methods = dcr_own_route, ["password", "client_credentials"]
    with own.configured(issuer=dcr_issuer.url, auth_methods=methods) as consumer:
        for count in (1, 2):
            accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic")
            _requests(dcr_expect, dcr_issuer, count, f"after {count} call(s)")


@check(
    "issuer.cache.secret",
    "SECURITY: a kept token answers for the secret that it was fetched with, and for no other",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
)
def test_cache_by_secret(dcr_own_route, dcr_issuer, dcr_wrong_secret, dcr_expect):
    own = dcr_own_route
    with own.configured(issuer=dcr_issuer.url) as consumer:
        accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic")
        dcr_issuer.answers["token"] = Answer(401, {"error": "invalid_client"})
        wrong = consumer.call(with_basic(own.client_id, dcr_wrong_secret))
        refused(dcr_expect, consumer, wrong, "another secret beside a kept token", 401)
        accepted(dcr_expect, consumer, consumer.call(own.basic), "the right secret after that")


@check(
    "issuer.cache.scopes",
    "With token_cache_key_include_scope a token is not found once other scopes are configured",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, token_cache_key_include_scope", f"{CHANGELOG}, 3.9.0.0"),
)
def test_cache_by_scope(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    for included, count in ((True, 2), (False, 1)):
        before = len(dcr_issuer.asked("token"))
        same = {
            "issuer": dcr_issuer.url,
            "cache_tokens_salt": f"dcrproof scopes {included}",
            "token_cache_key_include_scope": included,
        }
        for scope in ("one", "two"):
            with own.configured(**same, scopes=[scope]) as consumer:
                accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic")
        asked = len(dcr_issuer.asked("token")) - before
        dcr_expect.that(asked == count, f"{count} token request(s), scopes in the key: {included}", f"{asked}")


@check(
    "issuer.cache.nodes",
    "Each node keeps tokens of its own",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, cluster_cache_strategy",),
)
def test_cache_of_each_node(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    with own.configured(issuer=dcr_issuer.url) as consumer:
        for _ in range(2):
            for node in consumer.nodes:
                accepted(dcr_expect, consumer, consumer.call(own.basic, node=node), "Basic")
    _requests(
        dcr_expect, dcr_issuer, len(own.consumer.nodes), f"by {len(own.consumer.nodes)} node(s), two calls to each"
    )


@check(
    "issuer.cache.outage",
    "An issuer that is down does not touch calls whose token and keys are kept",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
)
def test_outage(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    token = with_bearer(own.known(dcr_issuer.token(own.client_id)))
    with own.configured(issuer=dcr_issuer.url) as consumer:
        accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic")
        dcr_issuer.down = True
        accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic during the outage")
        accepted(dcr_expect, consumer, consumer.call(token), "a bearer token during the outage")


@check(
    "issuer.cache.parallel",
    "First calls at the same time are all accepted",
    evidence=Evidence.UNKNOWN,
    references=(OIDC,),
)
def test_parallel_first_calls(dcr_own_route, dcr_issuer, dcr_expect):
    from concurrent.futures import ThreadPoolExecutor

    own, calls = dcr_own_route, 8
    with own.configured(issuer=dcr_issuer.url) as consumer, ThreadPoolExecutor(calls) as pool:
        for exchange in list(pool.map(lambda _: consumer.call(own.basic), range(calls))):
            accepted(dcr_expect, consumer, exchange, "Basic, as one of several at once,")
    asked = len(dcr_issuer.asked("token"))
    dcr_expect.form(
        "gateway", "single-flight", 1 <= asked <= calls, "one token request or more", f"{asked}", Evidence.UNKNOWN
    )


# Discovery and TLS


@check(
    "issuer.discovery.recovers",
    "A node whose first discovery failed refuses, and tries again after five seconds",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{CHANGELOG}, 3.8.0.0 and 3.13.0.0",
        f"{SUPPORT}openid-connect-plugin-authentication-fails-and-logs-have-an/",
    ),
)
def test_discovery_recovers(dcr_clock, dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    dcr_issuer.answers["discovery"] = Answer(503, "busy", "text/plain")
    with own.configured(issuer=dcr_issuer.url) as consumer:
        refused(
            dcr_expect, consumer, consumer.call(own.basic), "Basic, discovery being down,", 401, Evidence.DOCUMENTED
        )
        del dcr_issuer.answers["discovery"]
        refused(dcr_expect, consumer, consumer.call(own.basic), "Basic within five seconds", 401)
        dcr_clock.advance(6)
        accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic six seconds later")


@check(
    "issuer.discovery.first-call",
    "The gateway asks for the discovery document when it is first called, once, by either form of the issuer",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CHANGELOG}, 3.10.0.0", "curity.io/resources/learn/integration-kong"),
)
def test_discovery_at_the_first_call(dcr_own_route, dcr_issuer, dcr_laboratory, dcr_expect):
    own, other = dcr_own_route, dcr_laboratory.issuer()
    for issuer, named in ((dcr_issuer, dcr_issuer.url), (other, f"{other.url}/.well-known/openid-configuration")):
        with own.configured(issuer=named) as consumer:
            before = len(issuer.asked("discovery"))
            dcr_expect.that(not before, "no request before the first call", f"{before}")
            for _ in range(2):
                accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic")
            asked = len(issuer.asked("discovery"))
            dcr_expect.that(asked == 1, "one request for the document", f"{asked}")


@check(
    "issuer.discovery.overrides",
    "An endpoint that the plugin is told takes the place of the discovered one",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, token_endpoint, jwks_endpoint",),
)
def test_endpoints_that_are_told(dcr_own_route, dcr_issuer, dcr_laboratory, dcr_expect):
    own, other = dcr_own_route, dcr_laboratory.issuer()
    with own.configured(issuer=dcr_issuer.url, token_endpoint=f"{other.url}/token") as consumer:
        consumer.call(own.basic)
        asked = (len(dcr_issuer.asked("token")), len(other.asked("token")))
        dcr_expect.that(asked == (0, 1), "one token request, at the endpoint that was told", f"{asked}")
    token = with_bearer(own.known(other.token(own.client_id, iss=dcr_issuer.url)))
    with own.configured(issuer=dcr_issuer.url) as consumer:
        refused(dcr_expect, consumer, consumer.call(token), "a token of keys that the document does not name", 401)
    with own.configured(issuer=dcr_issuer.url, jwks_endpoint=f"{other.url}/jwks") as consumer:
        exchange = consumer.call(token)
        dcr_expect.form(
            "gateway",
            "jwks_endpoint",
            consumer.accepts(exchange),
            "a token of the keys that the plugin was told accepted",
            answer(exchange),
            Evidence.DOCUMENTED,
            since="3.14",
        )


@check(
    "issuer.tls",
    "SECURITY: a certificate that nobody vouches for is refused, unless ssl_verify is off",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, ssl_verify", "developer.konghq.com/gateway/breaking-changes/"),
)
def test_untrusted_certificate(dcr_own_route, dcr_secure_laboratory, dcr_expect):
    own = dcr_own_route
    with own.configured(issuer=dcr_secure_laboratory.issuer().url, ssl_verify=True) as consumer:
        refused(dcr_expect, consumer, consumer.call(own.basic), "Basic, the issuer's certificate being nobody's,", 401)
    with own.configured(issuer=dcr_secure_laboratory.issuer().url, ssl_verify=False) as consumer:
        accepted(dcr_expect, consumer, consumer.call(own.basic), "Basic, no certificate being verified,")
    with own.configured(issuer=dcr_secure_laboratory.issuer().url) as consumer:
        exchange = consumer.call(own.basic)
        dcr_expect.form(
            "gateway",
            "ssl_verify left out",
            not consumer.accepts(exchange),
            "refused by default",
            answer(exchange),
            Evidence.DOCUMENTED,
            since="3.14",
        )


# Introspection and userinfo


KONG = {"client_id": ["kong"], "client_secret": ["dcrproof secret of kong"]}
OPAQUE = "dcrproof-opaque-access-token"


def _active(issuer, own, **members):
    return Answer(content={"active": True, "sub": own.client_id, "exp": int(issuer.now()) + 60, **members})


@check(
    "issuer.introspection.opaque",
    "SECURITY: introspection admits an opaque token that the issuer calls active, and no other",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, introspection_endpoint", OLD),
)
def test_introspection(dcr_own_route, dcr_issuer, dcr_expect):
    own, token = dcr_own_route, with_bearer(OPAQUE)
    settings = {"issuer": dcr_issuer.url, "auth_methods": ["bearer", "introspection"], "cache_introspection": False}
    with own.configured(**settings, **KONG) as consumer:
        dcr_issuer.answers["introspect"] = _active(dcr_issuer, own)
        accepted(dcr_expect, consumer, consumer.call(token), "an active opaque token")
        request = dcr_issuer.asked("introspect")[-1]
        asked = (request.form.get("token"), request.form.get("token_type_hint"), request.client[0])
        wanted = (OPAQUE, "access_token", "kong")
        dcr_expect.that(asked == wanted, "token, token_type_hint and Kong's own client", f"{[*request.form]}")
        for what, given in {
            "that is not active": Answer(content={"active": False}),
            "whose active is a text": _active(dcr_issuer, own, active="true"),
            "of nobody": _active(dcr_issuer, own, sub="dcrproof"),
            "that has expired": _active(dcr_issuer, own, exp=int(dcr_issuer.now()) - 60),
            "the issuer failing": Answer(500),
            "the issuer saying nothing": Answer(drop=True),
        }.items():
            dcr_issuer.answers["introspect"] = given
            refused(dcr_expect, consumer, consumer.call(token), f"an opaque token {what}", 401)


@check(
    "issuer.introspection.settings",
    "Hint and parameter of an introspection are as configured; introspection_check_active off asks for no active",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, introspection_hint, introspection_token_param_name, introspection_check_active",),
)
def test_introspection_settings(dcr_own_route, dcr_issuer, dcr_expect):
    own, token = dcr_own_route, with_bearer(OPAQUE)
    methods = {"issuer": dcr_issuer.url, "auth_methods": ["introspection"], "cache_introspection": False}
    told = {"introspection_hint": "opaque", "introspection_token_param_name": "reference"}
    with own.configured(**methods, **told, **KONG) as consumer:
        dcr_issuer.answers["introspect"] = _active(dcr_issuer, own)
        accepted(dcr_expect, consumer, consumer.call(token), "an active opaque token")
        form = dcr_issuer.asked("introspect")[-1].form
        asked = (form.get("reference"), form.get("token_type_hint"), form.get("token"))
        dcr_expect.that(asked == (OPAQUE, "opaque", None), "reference and token_type_hint=opaque", f"{[*form]}")
        dcr_issuer.answers["introspect"] = Answer(content={"sub": own.client_id})
        refused(dcr_expect, consumer, consumer.call(token), "a token of which active is not said", 401)
    with own.configured(**methods, **KONG, introspection_check_active=False) as consumer:
        accepted(dcr_expect, consumer, consumer.call(token), "such a token, active not being asked for,")


@check(
    "issuer.introspection.cached",
    "An introspection is kept, unless cache_introspection is off",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, cache_introspection",),
)
def test_cached_introspection(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    dcr_issuer.answers["introspect"] = _active(dcr_issuer, own)
    for kept in (True, False):
        settings = {"issuer": dcr_issuer.url, "auth_methods": ["introspection"], "cache_introspection": kept}
        with own.configured(**settings, **KONG) as consumer:
            before = len(dcr_issuer.asked("introspect"))
            for _ in range(2):
                accepted(dcr_expect, consumer, consumer.call(with_bearer(f"{OPAQUE}-{kept}")), "an active opaque token")
            asked, wanted = len(dcr_issuer.asked("introspect")) - before, 1 if kept else 2
            dcr_expect.that(asked == wanted, f"{wanted} introspection(s) for two calls", f"{asked}")


@check(
    "issuer.introspection.revoked",
    "A revoked JWT is accepted until it expires, unless JWTs are introspected and the answer is not kept",
    evidence=Evidence.DOCUMENTED,
    references=(f"{SUPPORT}openid-connect-plugin-continuing-to-process-revoked-tokens/",),
)
def test_revoked_jwt(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    dcr_issuer.answers["introspect"] = Answer(content={"active": False})  # it was revoked
    token = with_bearer(own.known(dcr_issuer.token(own.client_id)))
    with own.configured(issuer=dcr_issuer.url, **KONG) as consumer:
        accepted(dcr_expect, consumer, consumer.call(token), "a revoked JWT that nobody asks about")
    asking = {"introspect_jwt_tokens": True, "cache_introspection": False}
    with own.configured(issuer=dcr_issuer.url, **asking, **KONG) as consumer:
        refused(dcr_expect, consumer, consumer.call(token), "a revoked JWT that is introspected", 401)
        dcr_issuer.answers["introspect"] = _active(dcr_issuer, own)
        accepted(dcr_expect, consumer, consumer.call(token), "a JWT that introspection calls active")


@check(
    "issuer.introspection.phantom",
    "introspection_accept application/jwt: the JWT behind an opaque token is verified as any other",
    evidence=Evidence.DOCUMENTED,
    references=("curity.io/resources/learn/integration-kong", f"{REFERENCE}, introspection_accept"),
)
def test_phantom_token(dcr_own_route, dcr_issuer, dcr_expect):
    own, token = dcr_own_route, with_bearer(OPAQUE)
    settings = {"auth_methods": ["introspection"], "introspection_accept": "application/jwt"}
    good, foreign = own.known(dcr_issuer.token(own.client_id)), own.known(dcr_issuer.token("dcrproof"))
    with own.configured(issuer=dcr_issuer.url, **settings, **KONG) as consumer:
        dcr_issuer.answers["introspect"] = Answer(content=good, media_type="application/jwt")
        accepted(dcr_expect, consumer, consumer.call(token), "an opaque token with a good JWT behind it")
        sent = dcr_issuer.asked("introspect")[-1].headers.get("accept")
        dcr_expect.that(sent == "application/jwt", "Accept: application/jwt", f"Accept: {sent}")
        for given in (Answer(204), Answer(content=foreign, media_type="application/jwt")):
            dcr_issuer.answers["introspect"] = given
            refused(dcr_expect, consumer, consumer.call(token), "an opaque token with no such JWT behind it", 401)


@check(
    "issuer.userinfo",
    "SECURITY: userinfo admits a token with which the issuer gives user information, and no other",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, userinfo_endpoint", OLD),
)
def test_userinfo(dcr_own_route, dcr_issuer, dcr_expect):
    own, token = dcr_own_route, with_bearer(OPAQUE)
    settings = {"auth_methods": ["userinfo"], "cache_user_info": False}
    with own.configured(issuer=dcr_issuer.url, **settings) as consumer:
        dcr_issuer.answers["userinfo"] = Answer(content={"sub": own.client_id})
        accepted(dcr_expect, consumer, consumer.call(token), "a token with user information")
        for given in (Answer(401), Answer(content={"sub": "dcrproof"}), Answer(drop=True)):
            dcr_issuer.answers["userinfo"] = given
            refused(
                dcr_expect, consumer, consumer.call(token), "a token without user information of an application", 401
            )


# Sessions


@check(
    "issuer.session.split",
    "A session of more than 4096 octets is set in several cookies, and all of them together open the route",
    evidence=Evidence.DOCUMENTED,
    references=("github.com/bungle/lua-resty-session",),
)
def test_split_session(dcr_own_route, dcr_issuer, dcr_expect):
    own = dcr_own_route
    dcr_issuer.claims["long"] = "x" * 2500
    with own.configured(issuer=dcr_issuer.url) as consumer:
        exchange = consumer.call(own.basic)
        accepted(dcr_expect, consumer, exchange, "Basic")
        pieces = (session_cookie(exchange) or "").split("; ")
        sizes = [len(piece) for piece in pieces]
        fits = len(pieces) > 1 and max(sizes) <= 4096
        dcr_expect.that(fits, "several cookies of 4096 octets at most", f"sizes {sizes}")
        for piece in pieces:
            own.known(piece.partition("=")[2])
        accepted(dcr_expect, consumer, consumer.call({"cookie": "; ".join(pieces)}), "all pieces of the session")
        refused(dcr_expect, consumer, consumer.call({"cookie": pieces[0]}), "one piece of the session", 401)


@check(
    "issuer.session.expired",
    "SECURITY: a session ends with its access token, and the cookie is taken back",
    evidence=Evidence.DOCUMENTED,
    references=(OLD, f"{REFERENCE}, unauthorized_destroy_session"),
)
def test_expired_session(dcr_clock, dcr_own_route, dcr_issuer, dcr_expect):
    own, dcr_issuer.lifetime = dcr_own_route, 60
    for destroyed in (True, False):
        with own.configured(issuer=dcr_issuer.url, unauthorized_destroy_session=destroyed) as consumer:
            cookie = {"cookie": session_cookie(consumer.call(own.basic)) or ""}
            accepted(dcr_expect, consumer, consumer.call(cookie), "the session")
            dcr_clock.advance(61)
            exchange = consumer.call(cookie)
            refused(dcr_expect, consumer, exchange, "a session whose token has expired", 401)
            taken = any("expires=thu, 01 jan 1970" in one.lower() for one in exchange.headers_named("set-cookie"))
            wanted = "the cookie taken back" if destroyed else "the cookie left as it is"
            dcr_expect.that(taken is destroyed, wanted, "taken back" if taken else "left")
