"""Odd tokens at the gateway, signed by an issuer of this run. Curity is not involved."""

from dcrproof.core.checks.check import Evidence, check
from dcrproof.core.checks.sources import CHANGELOG, DCR, OIDC, OLD, REFERENCE, SUPPORT
from dcrproof.core.parties.gateway import accepted, answer, echoed, refused, with_bearer
from dcrproof.core.parties.scripted_issuer import ALGORITHMS, Answer, new_key, public, signed


def _good(expect, own, issuer, consumer):
    """The positive control for refusals: a token of the issuer is accepted."""
    accepted(expect, consumer, consumer.call(with_bearer(own.known(issuer.token(own.client_id)))), "a good token")


def _judged(
    expect, own, issuer, settings, taken=(), refused_with=(), status=401, evidence=Evidence.INFERRED, switch=None
):
    """With these settings of the plugin each token is accepted or refused: pairs of a description and the token."""
    with own.configured(issuer=issuer.url, **settings) as consumer:
        if not taken:
            _good(expect, own, issuer, consumer)
        for what, token in taken:
            accepted(expect, consumer, consumer.call(with_bearer(own.known(token))), f"a token {what}")
        for what, token in refused_with:
            exchange = consumer.call(with_bearer(own.known(token)))
            refused(expect, consumer, exchange, f"a token {what}", status, evidence, switch)


# Tokens


@check(
    "issuer.token.leeway",
    "exp, nbf and iat are exact to the second, plus the configured leeway",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, leeway", SUPPORT, "RFC 7519 4.1.4", "RFC 7519 4.1.5"),
    security=True,
)
def test_leeway(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own, now = _dcr_own_route, int(_dcr_issuer.now())
    odd = {"exp": now - 5, "nbf": now + 30, "iat": now + 30}
    tokens = [
        (f"whose {name} is off by seconds", _dcr_issuer.token(own.client_id, **{name: odd[name]})) for name in odd
    ]
    _judged(_dcr_expect, own, _dcr_issuer, {"leeway": 0}, refused_with=tokens)
    _judged(_dcr_expect, own, _dcr_issuer, {"leeway": 60}, taken=tokens)


@check(
    "issuer.token.exp-as-text",
    "exp given as a string is judged by its value",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CHANGELOG}, 3.13.0.0",),
    security=True,
)
def test_exp_as_text(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own, now = _dcr_own_route, int(_dcr_issuer.now())
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        late = own.known(_dcr_issuer.token(own.client_id, exp=str(now - 60)))
        refused(_dcr_expect, consumer, consumer.call(with_bearer(late)), "exp in the past, as a string", 401)
        good = own.known(_dcr_issuer.token(own.client_id, exp=str(now + 60)))
        exchange = consumer.call(with_bearer(good))
        _dcr_expect.form(
            "gateway",
            "exp as a text",
            consumer.accepts(exchange),
            "accepted",
            answer(exchange),
            Evidence.DOCUMENTED,
            since="3.13",
        )


def _unknown(expect, own, issuer, name, token, what, *, settings=None):
    """A token whose handling is undocumented: observed on a live gateway, refused by the mock."""
    with own.configured(issuer=issuer.url, **(settings or {})) as consumer:
        _good(expect, own, issuer, consumer)
        exchange = consumer.call(with_bearer(own.known(token)))
        expect.form(
            "gateway", name, not consumer.accepts(exchange), f"{what} refused", answer(exchange), Evidence.UNKNOWN
        )


@check(
    "issuer.token.without-exp",
    "How a token without exp is handled",
    evidence=Evidence.UNKNOWN,
    references=("RFC 7519 4.1.4",),
)
def test_without_exp(_dcr_own_route, _dcr_issuer, _dcr_expect):
    token = _dcr_issuer.token(_dcr_own_route.client_id, exp=None)
    _unknown(_dcr_expect, _dcr_own_route, _dcr_issuer, "accept_missing_exp", token, "a token without exp")


@check(
    "issuer.token.without-kid",
    "How a token without kid is handled",
    evidence=Evidence.UNKNOWN,
    references=("RFC 7515 4.1.4",),
)
def test_without_kid(_dcr_own_route, _dcr_issuer, _dcr_expect):
    token = _dcr_issuer.token(_dcr_own_route.client_id, {"kid": None})
    _unknown(_dcr_expect, _dcr_own_route, _dcr_issuer, "accept_missing_kid", token, "a token without kid")


@check(
    "issuer.token.critical",
    "How a token with an unknown critical extension is handled",
    evidence=Evidence.UNKNOWN,
    references=("RFC 7515 4.1.11",),
)
def test_critical_header(_dcr_own_route, _dcr_issuer, _dcr_expect):
    token = _dcr_issuer.token(_dcr_own_route.client_id, {"crit": ["dcrproof"], "dcrproof": 1})
    _unknown(
        _dcr_expect,
        _dcr_own_route,
        _dcr_issuer,
        "accept_critical_extensions",
        token,
        "a token with an unknown critical extension",
    )


@check(
    "issuer.token.iss-exact",
    "iss must match exactly",
    evidence=Evidence.INFERRED,
    references=(
        f"{SUPPORT}, invalid issuer",
        "RFC 7519 4.1.1",
        "RFC 8725 3.8",
    ),
    security=True,
)
def test_exact_iss(_dcr_own_route, _dcr_issuer, _dcr_expect):
    others = (_dcr_issuer.url + "/", _dcr_issuer.url.upper(), "https://dcrproof.invalid", None)
    tokens = [(f"with iss {iss!r}", _dcr_issuer.token(_dcr_own_route.client_id, iss=iss)) for iss in others]
    _judged(_dcr_expect, _dcr_own_route, _dcr_issuer, {}, refused_with=tokens)


@check(
    "issuer.token.iss-allowed",
    "Whether a token of a foreign issuer is accepted once that issuer is in issuers_allowed",
    evidence=Evidence.CONTRADICTED,
    references=(
        f"{REFERENCE}, issuers_allowed",
        "developer.konghq.com/gateway/plugins/oidc/multi-idp/",
        "RFC 8725 3.8",
    ),
)
def test_allowed_iss(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own, other = _dcr_own_route, "https://dcrproof.invalid"
    foreign = with_bearer(own.known(_dcr_issuer.token(own.client_id, iss=other)))
    allowed = {"issuer": _dcr_issuer.url, "issuers_allowed": [_dcr_issuer.url, other]}
    with own.configured(**allowed) as consumer:
        _good(_dcr_expect, own, _dcr_issuer, consumer)
        exchange = consumer.call(foreign)
        _dcr_expect.form(
            "gateway",
            "takes_allowed_issuers",
            not consumer.accepts(exchange),
            "refused: it is not the issuer's own name",
            answer(exchange),
            Evidence.CONTRADICTED,
        )
    with own.configured(**allowed, verify_claims=False) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(foreign), "a foreign issuer's token, no claims being verified,")


@check(
    "issuer.token.audience",
    "aud is ignored by default; with audience_required one matching audience is enough",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{REFERENCE}, audience_required",
        "RFC 6750 5.3",
        "RFC 7519 4.1.3",
    ),
)
def test_audience(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    other = ("for another audience", _dcr_issuer.token(own.client_id, aud="another"))
    several = ("for several audiences", _dcr_issuer.token(own.client_id, aud=["another", "ours"]))
    _judged(_dcr_expect, own, _dcr_issuer, {}, taken=[other])
    required = {"audience_required": ["ours"]}
    _judged(_dcr_expect, own, _dcr_issuer, required, [several], [other], 403, Evidence.DOCUMENTED)
    with own.configured(issuer=_dcr_issuer.url, audience=["ours"]) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(with_bearer(own.known(several[1]))), "a token for that audience")
        exchange = consumer.call(with_bearer(own.known(other[1])))
        _dcr_expect.form(
            "gateway",
            "ignores_audience",
            not consumer.accepts(exchange),
            "a token for another than the configured audience refused",
            answer(exchange),
            Evidence.UNKNOWN,
        )


@check(
    "issuer.token.id-token",
    "How an ID token used as an access token is handled",
    evidence=Evidence.INFERRED,
    references=(OIDC, "RFC 9068 5", "RFC 8725 3.12"),
)
def test_id_token(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    claims = {"aud": own.client_id, "azp": own.client_id, "nonce": "n", "purpose": "id"}
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        exchange = consumer.call(with_bearer(own.known(_dcr_issuer.token(own.client_id, {"typ": "JWT"}, **claims))))
        _dcr_expect.form(
            "gateway", "id-token", consumer.accepts(exchange), "accepted", answer(exchange), Evidence.INFERRED
        )


@check(
    "issuer.token.subject",
    "A genuine token whose sub is not an application's client id is refused",
    evidence=Evidence.INFERRED,
    references=("developer.konghq.com/dev-portal/auth-strategies/", DCR),
    security=True,
)
def test_subject(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    subjects = ("dcrproof", own.client_id.upper() + "x", None)
    tokens = [(f"with sub {sub!r}", _dcr_issuer.token("", sub=sub, client_id=own.client_id)) for sub in subjects]
    _judged(_dcr_expect, own, _dcr_issuer, {}, refused_with=tokens, switch="answers_strangers_with_403")


@check(
    "issuer.token.other-tenant",
    "A client id is accepted only from the issuer of its application",
    evidence=Evidence.INFERRED,
    references=("developer.konghq.com/dev-portal/auth-strategies/", "RFC 7519 4.1.2", "RFC 8725 3.8"),
    security=True,
)
def test_same_claim_at_another_issuer(_dcr_own_route, _dcr_issuer, _dcr_issuers, _dcr_other_application, _dcr_expect):
    own = _dcr_own_route
    namesake = _dcr_issuers.issuer().token(own.client_id)
    _judged(_dcr_expect, own, _dcr_issuer, {}, refused_with=[("of another issuer, for the same client id", namesake)])
    foreign = _dcr_issuer.token(_dcr_other_application.client_id)
    what = "for the client id that another strategy's application has at its own issuer"
    _judged(_dcr_expect, own, _dcr_issuer, {}, refused_with=[(what, foreign)], status=None)


@check(
    "issuer.token.nested-claim",
    "The credential claim may be nested",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/gateway/breaking-changes/, 3.14.0.1",),
)
def test_nested_claim(_dcr_own_route, _dcr_issuer, _dcr_expect):
    token = _dcr_issuer.token("dcrproof", app={"id": _dcr_own_route.client_id})
    nested = {"credential_claim": ["app", "id"]}
    _judged(_dcr_expect, _dcr_own_route, _dcr_issuer, nested, taken=[("with the client id at app.id", token)])


@check(
    "issuer.token.access-token-first",
    "The credential claim is read from the access token, not from the ID token",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CHANGELOG}, 3.14.0.7",),
)
def test_access_token_first(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    _dcr_issuer.members["id_token"] = own.known(_dcr_issuer.token("another subject"))
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        exchange = consumer.call(own.basic)
        accepted(_dcr_expect, consumer, exchange, "Basic, where the ID token has another sub,")


@check(
    "issuer.token.algorithms",
    "Tokens signed with RSA and elliptic curves are accepted",
    evidence=Evidence.INFERRED,
    references=("RFC 7518 3.1", f"{REFERENCE}, enable_hs_signatures", "RFC 7519 8"),
)
def test_algorithms(_dcr_own_route, _dcr_issuer, _dcr_expect):
    tokens = []
    for algorithm in ALGORITHMS:
        _dcr_issuer.rotate(algorithm, algorithm)
        tokens.append((f"signed with {algorithm}", _dcr_issuer.token(_dcr_own_route.client_id)))
    _judged(_dcr_expect, _dcr_own_route, _dcr_issuer, {}, taken=tokens)


@check(
    "issuer.token.eddsa",
    "How a token signed with EdDSA is handled",
    evidence=Evidence.UNKNOWN,
    references=("RFC 8037 3.1", "curity.io/docs/identity-server/facilities/cryptography/eddsa"),
)
def test_eddsa(_dcr_own_route, _dcr_issuer, _dcr_expect):
    _dcr_issuer.rotate("Edwards", "EdDSA")
    token = _dcr_issuer.token(_dcr_own_route.client_id)
    _dcr_issuer.rotate("elliptic")
    _unknown(_dcr_expect, _dcr_own_route, _dcr_issuer, "accept_eddsa", token, "a token signed with EdDSA")


@check(
    "issuer.token.unverified-claims",
    "verify_claims = false skips times and issuer, but still verifies the signature",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, verify_claims", OLD),
    security=True,
)
def test_unverified_claims(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own, now = _dcr_own_route, int(_dcr_issuer.now())
    late = ("that has expired", _dcr_issuer.token(own.client_id, exp=now - 60))
    claims = {"iss": _dcr_issuer.url, "sub": own.client_id, "exp": now + 60}
    forged = ("of a foreign key", signed(claims, {"kid": _dcr_issuer.kid}, new_key()))
    _judged(_dcr_expect, own, _dcr_issuer, {"verify_claims": True}, refused_with=[late])
    _judged(_dcr_expect, own, _dcr_issuer, {"verify_claims": False}, [late], [forged])


@check(
    "issuer.token.claim-paths",
    "Required scopes, audience, groups and roles are read from the configured claims",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, scopes_claim, audience_claim, groups_claim, roles_claim",),
)
def test_paths_of_required_claims(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    for kind in ("scopes", "audience", "groups", "roles"):
        told = {f"{kind}_required": ["dcrproof"], f"{kind}_claim": ["app", kind]}
        there = (f"with {kind} where they are looked for", _dcr_issuer.token(own.client_id, app={kind: ["dcrproof"]}))
        usual = {"scopes": "scope", "audience": "aud"}.get(kind, kind)
        elsewhere = (f"with {kind} at the usual place", _dcr_issuer.token(own.client_id, **{usual: ["dcrproof"]}))
        _judged(_dcr_expect, own, _dcr_issuer, told, [there], [elsewhere], 403, Evidence.DOCUMENTED)


@check(
    "issuer.token.user",
    "max_age limits the time since the user signed in, and domains the user's domain",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, max_age, domains", OLD),
    security=True,
)
def test_user_of_a_token(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own, now = _dcr_own_route, int(_dcr_issuer.now())
    new, old = (_dcr_issuer.token(own.client_id, auth_time=now - seconds) for seconds in (60, 6000))
    _judged(_dcr_expect, own, _dcr_issuer, {"max_age": 600}, [("of a new sign-in", new)], [("of an old sign-in", old)])
    ours, theirs = (_dcr_issuer.token(own.client_id, hd=domain) for domain in ("dcrproof.example", "other.example"))
    domains = {"domains": ["dcrproof.example"]}
    _judged(_dcr_expect, own, _dcr_issuer, domains, [("of the domain", ours)], [("of another domain", theirs)])


@check(
    "issuer.token.groups",
    "The upstream receives a token's groups where the plugin is told their claim",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/how-to/configure-oidc-with-acl-auth/",),
)
def test_groups_of_a_token(_dcr_echo, _dcr_own_route, _dcr_issuer, _dcr_expect):
    token = with_bearer(_dcr_own_route.known(_dcr_issuer.token(_dcr_own_route.client_id, groups=["one", "two"])))
    for settings, wanted in (({"authenticated_groups_claim": ["groups"]}, "one, two"), ({}, None)):
        with _dcr_own_route.configured(issuer=_dcr_issuer.url, **settings) as consumer:
            told = echoed(consumer.call(token))["headers"].get("x-authenticated-groups")
            _dcr_expect.that(told == wanted, f"X-Authenticated-Groups {wanted}", f"{told}")


# Keys


@check(
    "issuer.keys.own-key",
    "A token that carries its own key is refused, and nothing is fetched from its URLs",
    evidence=Evidence.INFERRED,
    references=("RFC 8725 3.10", "RFC 7515 4.1.2 to 4.1.6", "RFC 7517 9.1"),
    hostile=True,
    security=True,
)
def test_key_in_the_token(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own, key = _dcr_own_route, new_key()
    url = f"{_dcr_issuer.url}/attacker"
    claims = {"iss": _dcr_issuer.url, "sub": own.client_id, "exp": int(_dcr_issuer.now()) + 60}
    _dcr_issuer.answers["attacker"] = Answer(content={"keys": [public(key, "attacker"), public(key, _dcr_issuer.kid)]})
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        _good(_dcr_expect, own, _dcr_issuer, consumer)
        for kid in ("attacker", _dcr_issuer.kid):
            for header in ({"jku": url}, {"x5u": url}, {"jwk": public(key, kid)}):
                token = own.known(signed(claims, {"kid": kid, **header}, key))
                refused(_dcr_expect, consumer, consumer.call(with_bearer(token)), f"a token with {[*header]}", 401)
    fetched = _dcr_issuer.asked("attacker")
    _dcr_expect.that(not fetched, "nothing fetched from there", f"{len(fetched)} request(s)")


@check(
    "issuer.keys.burst",
    "A burst of unknown key ids makes the gateway fetch keys at most once in 30 seconds",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC, f"{REFERENCE}, rediscovery_lifetime"),
    hostile=True,
)
def test_burst_of_unknown_keys(dcr_clock, _dcr_own_route, _dcr_issuer, _dcr_expect):
    own, key = _dcr_own_route, new_key()
    claims = {"iss": _dcr_issuer.url, "sub": own.client_id, "exp": int(_dcr_issuer.now()) + 600}
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        _good(_dcr_expect, own, _dcr_issuer, consumer)
        dcr_clock.advance(31)
        before = len(_dcr_issuer.asked("jwks"))
        for number in range(5):
            token = own.known(signed(claims, {"kid": f"dcrproof-{number}"}, key))
            refused(_dcr_expect, consumer, consumer.call(with_bearer(token)), "a token of an unknown key", 401)
        asked = len(_dcr_issuer.asked("jwks")) - before
        _dcr_expect.that(asked == 1, "one request for keys", f"{asked}")


@check(
    "issuer.keys.rotation",
    "An unknown key id makes the gateway fetch keys once 30 seconds have passed since the last time",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, rediscovery_lifetime",),
)
def test_rotation(dcr_clock, _dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        _good(_dcr_expect, own, _dcr_issuer, consumer)
        _dcr_issuer.rotate("key-2")
        token = with_bearer(own.known(_dcr_issuer.token(own.client_id)))
        refused(_dcr_expect, consumer, consumer.call(token), "a token of a key that was published just now", 401)
        dcr_clock.advance(31)
        accepted(_dcr_expect, consumer, consumer.call(token), "the same token 31 seconds later")


@check(
    "issuer.keys.same-kid",
    "Tokens of a new key under the old key id are refused, since the keys are not fetched again",
    evidence=Evidence.DOCUMENTED,
    references=(f"{SUPPORT}kong-gateway-401-http-response-and-unable-to-verify-digest/",),
)
def test_new_key_under_the_old_kid(dcr_clock, _dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        _good(_dcr_expect, own, _dcr_issuer, consumer)
        _dcr_issuer.rotate(_dcr_issuer.kid)
        dcr_clock.advance(31)
        asked = len(_dcr_issuer.asked("jwks"))
        exchange = consumer.call(with_bearer(own.known(_dcr_issuer.token(own.client_id))))
        refused(_dcr_expect, consumer, exchange, "a token of a new key under the old key id", 401, Evidence.DOCUMENTED)
        again = len(_dcr_issuer.asked("jwks")) - asked
        _dcr_expect.that(not again, "no request for keys", f"{again}")


@check(
    "issuer.keys.extra",
    "Keys at extra_jwks_uris are trusted as well",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, extra_jwks_uris",),
)
def test_extra_keys(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own, key = _dcr_own_route, new_key()
    _dcr_issuer.answers["extra"] = Answer(content={"keys": [public(key, "extra")]})
    claims = {"iss": _dcr_issuer.url, "sub": own.client_id, "exp": int(_dcr_issuer.now()) + 600}
    token = with_bearer(own.known(signed(claims, {"kid": "extra"}, key)))
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        refused(_dcr_expect, consumer, consumer.call(token), "a token of a key elsewhere", 401)
    with own.configured(issuer=_dcr_issuer.url, extra_jwks_uris=[f"{_dcr_issuer.url}/extra"]) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(token), "a token of a key at extra_jwks_uris")
        _good(_dcr_expect, own, _dcr_issuer, consumer)
