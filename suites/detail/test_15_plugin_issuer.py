"""The gateway behind an issuer of this run: what it requests, odd answers, caches, outages. Curity is not involved."""

from typing import Any

from dcrproof.core.checks.check import Evidence, check
from dcrproof.core.checks.sources import CHANGELOG, DCR, OIDC, OLD, REFERENCE, SUPPORT
from dcrproof.core.parties.gateway import accepted, answer, echoed, refused, session_cookie, with_basic, with_bearer
from dcrproof.core.parties.scripted_issuer import Answer
from dcrproof.core.secrets.secret import Secret


def _requests(expect, issuer, count, what):
    asked = len(issuer.asked("token"))
    expect.that(asked == count, f"{count} token request(s) {what}", f"{asked}")


# The token request


@check(
    "issuer.request.scope",
    "The gateway requests the configured scopes in one field, and openid where none are configured",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, scopes", "developer.konghq.com/how-to/curity-dcr/"),
)
def test_requested_scope(_dcr_own_route, _dcr_issuer, _dcr_expect):
    for scopes, wanted in (([], "openid"), (["read", "write"], "read write")):
        with _dcr_own_route.configured(issuer=_dcr_issuer.url, scopes=scopes) as consumer:
            accepted(_dcr_expect, consumer, consumer.call(_dcr_own_route.basic), "Basic")
        form = _dcr_issuer.asked("token")[-1].form
        _dcr_expect.that(form.get("scope") == wanted, f"scope={wanted}", f"scope={form.get('scope')!r}")


@check(
    "issuer.request.members",
    "The token request is a form with client_credentials, without audience and redirect_uri",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{CHANGELOG}, 3.14.0.7",
        f"{SUPPORT}the-openid-connect-plugin-does-not-set-the-audience-form-parameter/",
    ),
)
def test_token_request(_dcr_own_route, _dcr_issuer, _dcr_expect):
    _dcr_issuer.claims["aud"] = "dcrproof"
    with _dcr_own_route.configured(issuer=_dcr_issuer.url, audience=["dcrproof"]) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(_dcr_own_route.basic), "Basic")
    form = _dcr_issuer.asked("token")[-1].form
    _dcr_expect.that(form.get("grant_type") == "client_credentials", "grant_type client_credentials", f"{[*form]}")
    _dcr_expect.that("audience" not in form, "no audience", f"{[*form]}")
    _dcr_expect.form(
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
    "The gateway sends id and secret as Basic or in the form, as configured or as the issuer supports",
    evidence=Evidence.DOCUMENTED,
    references=(OLD,),
)
def test_client_authentication(_dcr_own_route, _dcr_issuer, _dcr_issuers, _dcr_expect):
    post = _dcr_issuers.issuer()
    post.document["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    cases: tuple[Any, ...] = (
        (_dcr_issuer, {}, True),
        (post, {}, False),
        (_dcr_issuer, {"token_endpoint_auth_method": "client_secret_post"}, False),
    )
    for issuer, settings, by_header in cases:
        with _dcr_own_route.configured(issuer=issuer.url, **settings) as consumer:
            accepted(_dcr_expect, consumer, consumer.call(_dcr_own_route.basic), "Basic")
        request = issuer.asked("token")[-1]
        found = request.basic is not None
        both = found and "client_secret" in request.form
        _dcr_expect.that(
            found is by_header and not both,
            "id and secret in the Authorization header" if by_header else "id and secret in the form",
            "in both" if both else "in the header" if found else "in the form",
        )


@check(
    "issuer.request.encoding",
    "How the gateway forwards secrets with %, +, colons or non-ASCII letters",
    evidence=Evidence.UNKNOWN,
    references=("RFC 6749 2.3.1", "RFC 7617 2"),
)
def test_encoded_secrets(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    for method in ("client_secret_basic", "client_secret_post"):
        with own.configured(issuer=_dcr_issuer.url, token_endpoint_auth_method=method) as consumer:
            for secret in ("dcrproof:a:b", "dcrproof%41+b c", "dcrproof~é*/=&"):
                exchange = consumer.call(with_basic(own.client_id, Secret(secret)))
                accepted(_dcr_expect, consumer, exchange, "an id and secret that the issuer accepts")
                same = _dcr_issuer.asked("token")[-1].client == (own.client_id, secret)
                _dcr_expect.form(
                    "gateway",
                    "sends_pairs_unencoded" if method == "client_secret_basic" else "issuer.request.encoding",
                    same,
                    "the secret as the caller sent it, once form-decoded",
                    "another secret after form-decoding",
                    Evidence.UNKNOWN,
                )


@check(
    "issuer.request.extras",
    "token_post_args adds fields to the token request",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, token_post_args_names",),
)
def test_extra_fields(_dcr_own_route, _dcr_issuer, _dcr_expect):
    extra = {"token_post_args_names": ["resource"], "token_post_args_values": ["dcrproof"]}
    with _dcr_own_route.configured(issuer=_dcr_issuer.url, **extra) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(_dcr_own_route.basic), "Basic")
    found = _dcr_issuer.asked("token")[-1].form.get("resource")
    _dcr_expect.that(found == "dcrproof", "resource=dcrproof", f"resource={found!r}")


# Answers of the token endpoint


def _fails(expect, own, issuer, answers, status):
    """Each answer of the token endpoint refuses the call, and affects none of the next ones."""
    with own.configured(issuer=issuer.url) as consumer:
        for what, given in answers.items():
            issuer.answers["token"] = given
            refused(expect, consumer, consumer.call(own.basic), f"Basic, {what},", status)
            del issuer.answers["token"]
        accepted(expect, consumer, consumer.call(own.basic), "Basic, the issuer having recovered,")


@check(
    "issuer.answer.refusal",
    "A token request that the issuer refuses is answered with 401; whether the refusal is cached",
    evidence=Evidence.DOCUMENTED,
    references=(f"{SUPPORT}kong-gateway-openid-plugin-with-okta-receiving-cannot-request-openid-scopes/",),
)
def test_refusals_of_the_issuer(_dcr_own_route, _dcr_issuer, _dcr_expect):
    answers = {
        "invalid_scope": Answer(400, {"error": "invalid_scope"}),
        "invalid_client": Answer(401, {"error": "invalid_client"}),
    }
    own = _dcr_own_route
    for what, given in answers.items():
        with own.configured(issuer=_dcr_issuer.url) as consumer:
            _dcr_issuer.answers["token"] = given
            exchange = consumer.call(own.basic)
            refused(_dcr_expect, consumer, exchange, f"Basic, {what},", 401, Evidence.DOCUMENTED)
            del _dcr_issuer.answers["token"]
            again = consumer.call(own.basic)
            later = f"Basic accepted as soon as the issuer no longer says {what}"
            _dcr_expect.form(
                "gateway", "keeps_refusals", consumer.accepts(again), later, answer(again), Evidence.UNKNOWN
            )


@check(
    "issuer.answer.unusable",
    "A token response without a usable token is answered with 401",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
    security=True,
)
def test_unusable_answers(_dcr_own_route, _dcr_issuer, _dcr_expect):
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
    _fails(_dcr_expect, _dcr_own_route, _dcr_issuer, answers, status=401)


@check(
    "issuer.answer.none",
    "Where the token endpoint drops the connection or is late, the call is rejected promptly",
    evidence=Evidence.INFERRED,
    references=(f"{REFERENCE}, timeout",),
    security=True,
)
def test_no_answer(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    with own.configured(issuer=_dcr_issuer.url, timeout=500) as consumer:
        for what, given in (("dropped", Answer(drop=True)), ("late", Answer(delay=2.0))):
            _dcr_issuer.answers["token"] = given
            exchange = consumer.call(own.basic)
            refused(_dcr_expect, consumer, exchange, f"Basic, the answer of the issuer being {what},", 401)
            _dcr_expect.that(exchange.seconds < 1.5, "an answer within the timeout", f"{exchange.seconds:.2f} s")
        del _dcr_issuer.answers["token"]
        accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic, the issuer having recovered,")


# Caches


@check(
    "issuer.cache.lifetime",
    "A token is cached until it expires, and an expired one never reaches the upstream",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, cache_tokens", OLD),
)
def test_cached_until_it_expires(dcr_clock, _dcr_echo, _dcr_own_route, _dcr_issuer, _dcr_expect):
    from dcrproof.core.parties.tokens import decode

    own, _dcr_issuer.lifetime = _dcr_own_route, 60
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        for seconds, count in ((0, 1), (30, 1), (31, 2)):
            dcr_clock.advance(seconds)
            exchange = consumer.call(own.basic)
            accepted(_dcr_expect, consumer, exchange, "Basic")
            _requests(_dcr_expect, _dcr_issuer, count, f"{seconds} seconds later, of a token of 60")
            token = decode(echoed(exchange)["headers"].get("authorization", "").partition(" ")[2])
            alive = token is not None and token.claims["exp"] > _dcr_issuer.now()
            _dcr_expect.that(alive, "a token that is valid at the upstream", "an expired one, or none")


@check(
    "issuer.cache.limit",
    "cache_ttl_max fetches a new token before the old one expires",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, cache_ttl_max", f"{SUPPORT}how-to-avoid-openid-connect-plugin-obtain-a-token/"),
)
def test_limit_of_the_cache(dcr_clock, _dcr_own_route, _dcr_issuer, _dcr_expect):
    own, _dcr_issuer.lifetime = _dcr_own_route, 180
    with own.configured(issuer=_dcr_issuer.url, cache_ttl_max=165) as consumer:
        for seconds, count in ((0, 1), (150, 1), (16, 2)):
            dcr_clock.advance(seconds)
            accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic")
            _requests(_dcr_expect, _dcr_issuer, count, f"{seconds} seconds later, with cache_ttl_max 165")


@check(
    "issuer.cache.over-on-arrival",
    "A token with expires_in of 0 or less is not cached forever",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CHANGELOG}, 3.14.0.8",),
    security=True,
)
def test_over_on_arrival(dcr_clock, _dcr_own_route, _dcr_issuer, _dcr_expect):
    own, _dcr_issuer.lifetime = _dcr_own_route, 20
    for expires_in in (0, -1):
        _dcr_issuer.members["expires_in"] = expires_in
        with own.configured(issuer=_dcr_issuer.url) as consumer:
            accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic")
            dcr_clock.advance(25)
            _dcr_issuer.answers["token"] = Answer(401, {"error": "invalid_client"})
            exchange = consumer.call(own.basic)
            _dcr_expect.form(
                "gateway",
                f"expires_in {expires_in}",
                not consumer.accepts(exchange),
                "refused, the token having expired and the client being gone",
                answer(exchange),
                Evidence.DOCUMENTED,
                since="3.14.0.8",
            )
            del _dcr_issuer.answers["token"]


@check(
    "issuer.cache.off",
    "With cache_tokens = false each call requests a token, and a deleted client is refused immediately",
    evidence=Evidence.DOCUMENTED,
    references=(DCR, f"{REFERENCE}, cache_tokens"),
)
def test_without_a_cache(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    with own.configured(issuer=_dcr_issuer.url, cache_tokens=False) as consumer:
        for count in (1, 2):
            accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic")
            _requests(_dcr_expect, _dcr_issuer, count, f"after {count} call(s)")
        _dcr_issuer.answers["token"] = Answer(401, {"error": "invalid_client"})
        refused(_dcr_expect, consumer, consumer.call(own.basic), "Basic of a deleted client", 401)


@check(
    "issuer.cache.deleted-client",
    "A deleted client is accepted while its token is cached, and refused afterwards",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
)
def test_deleted_client(dcr_clock, _dcr_own_route, _dcr_issuer, _dcr_expect):
    own, _dcr_issuer.lifetime = _dcr_own_route, 60
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic")
        _dcr_issuer.answers["token"] = Answer(401, {"error": "invalid_client"})
        accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic of a deleted client, its token being cached,")
        dcr_clock.advance(61)
        refused(
            _dcr_expect, consumer, consumer.call(own.basic), "Basic of a deleted client, its token having expired,", 401
        )


@check(
    "issuer.cache.password",
    "With password beside client_credentials no token is cached",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{SUPPORT}when-using-the-openid-connect-plugin-with-client-credential-auth-method-the-tokens-are-not-cached/",
    ),
)
def test_password_beside_client_credentials(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own, methods = _dcr_own_route, ["password", "client_credentials"]
    with own.configured(issuer=_dcr_issuer.url, auth_methods=methods) as consumer:
        for count in (1, 2):
            accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic")
            _requests(_dcr_expect, _dcr_issuer, count, f"after {count} call(s)")


@check(
    "issuer.cache.secret",
    "A cached token is used only for the secret with which it was requested",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
    security=True,
)
def test_cache_by_secret(_dcr_own_route, _dcr_issuer, _dcr_wrong_secret, _dcr_expect):
    own = _dcr_own_route
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic")
        _dcr_issuer.answers["token"] = Answer(401, {"error": "invalid_client"})
        wrong = consumer.call(with_basic(own.client_id, _dcr_wrong_secret))
        refused(_dcr_expect, consumer, wrong, "another secret while a token is cached", 401)
        accepted(_dcr_expect, consumer, consumer.call(own.basic), "the right secret after that")


@check(
    "issuer.cache.scopes",
    "With token_cache_key_include_scope a cached token is not used for other scopes",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, token_cache_key_include_scope", f"{CHANGELOG}, 3.9.0.0"),
)
def test_cache_by_scope(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    for included, count in ((True, 2), (False, 1)):
        before = len(_dcr_issuer.asked("token"))
        same = {
            "issuer": _dcr_issuer.url,
            "cache_tokens_salt": f"dcrproof scopes {included}",
            "token_cache_key_include_scope": included,
        }
        for scope in ("one", "two"):
            with own.configured(**same, scopes=[scope]) as consumer:
                accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic")
        asked = len(_dcr_issuer.asked("token")) - before
        _dcr_expect.that(asked == count, f"{count} token request(s), scopes in the key: {included}", f"{asked}")


@check(
    "issuer.cache.nodes",
    "Each node has its own token cache",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, cluster_cache_strategy",),
)
def test_cache_of_each_node(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        for _ in range(2):
            for node in consumer.nodes:
                accepted(_dcr_expect, consumer, consumer.call(own.basic, node=node), "Basic")
    _requests(
        _dcr_expect, _dcr_issuer, len(own.consumer.nodes), f"by {len(own.consumer.nodes)} node(s), two calls to each"
    )


@check(
    "issuer.cache.outage",
    "Calls with cached tokens and keys are accepted while the issuer is down",
    evidence=Evidence.INFERRED,
    references=(OIDC,),
)
def test_outage(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    token = with_bearer(own.known(_dcr_issuer.token(own.client_id)))
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic")
        _dcr_issuer.down = True
        accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic during the outage")
        accepted(_dcr_expect, consumer, consumer.call(token), "a bearer token during the outage")


@check(
    "issuer.cache.parallel",
    "Parallel first calls are all accepted; whether they share one token request",
    evidence=Evidence.UNKNOWN,
    references=(OIDC,),
)
def test_parallel_first_calls(_dcr_own_route, _dcr_issuer, _dcr_expect):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    own, calls = _dcr_own_route, 8
    _dcr_issuer.gathers = Barrier(calls, timeout=4.0)
    with own.configured(issuer=_dcr_issuer.url) as consumer, ThreadPoolExecutor(calls) as pool:
        for exchange in list(pool.map(lambda _: consumer.call(own.basic), range(calls))):
            accepted(_dcr_expect, consumer, exchange, "Basic, as one of several parallel calls,")
    asked = len(_dcr_issuer.asked("token"))
    _dcr_expect.form(
        "gateway",
        "shares_token_requests",
        asked == calls,
        "a token request for each of them",
        f"{asked} for {calls} calls at the same time",
        Evidence.UNKNOWN,
    )


# Discovery and TLS


@check(
    "issuer.discovery.recovers",
    "A node whose first discovery failed refuses calls and retries after five seconds",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{CHANGELOG}, 3.8.0.0 and 3.13.0.0",
        f"{SUPPORT}openid-connect-plugin-authentication-fails-and-logs-have-an/",
    ),
)
def test_discovery_recovers(dcr_clock, _dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    _dcr_issuer.answers["discovery"] = Answer(503, "busy", "text/plain")
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        refused(
            _dcr_expect, consumer, consumer.call(own.basic), "Basic, discovery being down,", 401, Evidence.DOCUMENTED
        )
        del _dcr_issuer.answers["discovery"]
        refused(_dcr_expect, consumer, consumer.call(own.basic), "Basic within five seconds", 401)
        dcr_clock.advance(6)
        accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic six seconds later")


@check(
    "issuer.discovery.first-call",
    "The gateway fetches the discovery document once, at the first call, with either form of the issuer",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CHANGELOG}, 3.10.0.0", "curity.io/resources/learn/integration-kong"),
)
def test_discovery_at_the_first_call(_dcr_own_route, _dcr_issuer, _dcr_issuers, _dcr_expect):
    own, other = _dcr_own_route, _dcr_issuers.issuer()
    for issuer, named in ((_dcr_issuer, _dcr_issuer.url), (other, f"{other.url}/.well-known/openid-configuration")):
        with own.configured(issuer=named) as consumer:
            before = len(issuer.asked("discovery"))
            _dcr_expect.that(not before, "no request before the first call", f"{before}")
            for _ in range(2):
                accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic")
            asked = len(issuer.asked("discovery"))
            _dcr_expect.that(asked == 1, "one request for the document", f"{asked}")


@check(
    "issuer.discovery.overrides",
    "A configured endpoint takes precedence over the discovered one",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, token_endpoint, jwks_endpoint",),
)
def test_endpoints_that_are_told(_dcr_own_route, _dcr_issuer, _dcr_issuers, _dcr_expect):
    own, other = _dcr_own_route, _dcr_issuers.issuer()
    with own.configured(issuer=_dcr_issuer.url, token_endpoint=f"{other.url}/token") as consumer:
        consumer.call(own.basic)
        asked = (len(_dcr_issuer.asked("token")), len(other.asked("token")))
        _dcr_expect.that(asked == (0, 1), "one token request, at the configured endpoint", f"{asked}")
    token = with_bearer(own.known(other.token(own.client_id, iss=_dcr_issuer.url)))
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        refused(_dcr_expect, consumer, consumer.call(token), "a token of keys that the document does not name", 401)
    with own.configured(issuer=_dcr_issuer.url, jwks_endpoint=f"{other.url}/jwks") as consumer:
        exchange = consumer.call(token)
        _dcr_expect.form(
            "gateway",
            "jwks_endpoint",
            consumer.accepts(exchange),
            "a token of the configured keys accepted",
            answer(exchange),
            Evidence.DOCUMENTED,
            since="3.14",
        )


@check(
    "issuer.tls",
    "An untrusted certificate of the issuer is refused, unless ssl_verify is false",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, ssl_verify", "developer.konghq.com/gateway/breaking-changes/"),
    security=True,
)
def test_untrusted_certificate(_dcr_own_route, _dcr_secure_issuers, _dcr_expect):
    own = _dcr_own_route
    with own.configured(issuer=_dcr_secure_issuers.issuer().url, ssl_verify=True) as consumer:
        refused(
            _dcr_expect, consumer, consumer.call(own.basic), "Basic, the issuer's certificate being untrusted,", 401
        )
    with own.configured(issuer=_dcr_secure_issuers.issuer().url, ssl_verify=False) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic, no certificate being verified,")
    with own.configured(issuer=_dcr_secure_issuers.issuer().url) as consumer:
        exchange = consumer.call(own.basic)
        _dcr_expect.form(
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
STRANGERS = "answers_strangers_with_403"


def _active(issuer, own, **members):
    return Answer(content={"active": True, "sub": own.client_id, "exp": int(issuer.now()) + 60, **members})


@check(
    "issuer.introspection.opaque",
    "With introspection an opaque token is accepted only if the issuer reports it as active",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, introspection_endpoint", OLD, "RFC 7662 2.2"),
    security=True,
)
def test_introspection(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own, token = _dcr_own_route, with_bearer(OPAQUE)
    settings = {"issuer": _dcr_issuer.url, "auth_methods": ["bearer", "introspection"], "cache_introspection": False}
    with own.configured(**settings, **KONG) as consumer:
        _dcr_issuer.answers["introspect"] = _active(_dcr_issuer, own)
        accepted(_dcr_expect, consumer, consumer.call(token), "an active opaque token")
        request = _dcr_issuer.asked("introspect")[-1]
        asked = (request.form.get("token"), request.form.get("token_type_hint"), request.client[0])
        wanted = (OPAQUE, "access_token", "kong")
        _dcr_expect.that(asked == wanted, "token, token_type_hint and Kong's own client", f"{[*request.form]}")
        for what, given in {
            "that is not active": Answer(content={"active": False}),
            "whose active is a string": _active(_dcr_issuer, own, active="true"),
            "of an unknown subject": _active(_dcr_issuer, own, sub="dcrproof"),
            "that has expired": _active(_dcr_issuer, own, exp=int(_dcr_issuer.now()) - 60),
            "the issuer failing": Answer(500),
            "the issuer not answering": Answer(drop=True),
        }.items():
            _dcr_issuer.answers["introspect"] = given
            switch = STRANGERS if what == "of an unknown subject" else None
            refused(_dcr_expect, consumer, consumer.call(token), f"an opaque token {what}", 401, switch=switch)


@check(
    "issuer.introspection.settings",
    "Introspection uses the configured hint and parameter; with introspection_check_active = false active is not required",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{REFERENCE}, introspection_hint, introspection_token_param_name, introspection_check_active",
        "RFC 7662 2.1",
    ),
)
def test_introspection_settings(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own, token = _dcr_own_route, with_bearer(OPAQUE)
    methods = {"issuer": _dcr_issuer.url, "auth_methods": ["introspection"], "cache_introspection": False}
    told = {"introspection_hint": "opaque", "introspection_token_param_name": "reference"}
    with own.configured(**methods, **told, **KONG) as consumer:
        _dcr_issuer.answers["introspect"] = _active(_dcr_issuer, own)
        accepted(_dcr_expect, consumer, consumer.call(token), "an active opaque token")
        form = _dcr_issuer.asked("introspect")[-1].form
        asked = (form.get("reference"), form.get("token_type_hint"), form.get("token"))
        _dcr_expect.that(asked == (OPAQUE, "opaque", None), "reference and token_type_hint=opaque", f"{[*form]}")
        _dcr_issuer.answers["introspect"] = Answer(content={"sub": own.client_id})
        refused(_dcr_expect, consumer, consumer.call(token), "a token without active in the introspection", 401)
    with own.configured(**methods, **KONG, introspection_check_active=False) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(token), "such a token, with introspection_check_active = false,")


@check(
    "issuer.introspection.cached",
    "An introspection result is cached, unless cache_introspection is false",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{REFERENCE}, cache_introspection",
        "RFC 7662 4",
    ),
)
def test_cached_introspection(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    _dcr_issuer.answers["introspect"] = _active(_dcr_issuer, own)
    for kept in (True, False):
        settings = {"issuer": _dcr_issuer.url, "auth_methods": ["introspection"], "cache_introspection": kept}
        with own.configured(**settings, **KONG) as consumer:
            before = len(_dcr_issuer.asked("introspect"))
            for _ in range(2):
                accepted(
                    _dcr_expect, consumer, consumer.call(with_bearer(f"{OPAQUE}-{kept}")), "an active opaque token"
                )
            asked, wanted = len(_dcr_issuer.asked("introspect")) - before, 1 if kept else 2
            _dcr_expect.that(asked == wanted, f"{wanted} introspection(s) for two calls", f"{asked}")


@check(
    "issuer.introspection.revoked",
    "A revoked JWT is accepted until it expires, unless JWTs are introspected without caching",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{SUPPORT}openid-connect-plugin-continuing-to-process-revoked-tokens/",
        "RFC 7662 4",
    ),
)
def test_revoked_jwt(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    _dcr_issuer.answers["introspect"] = Answer(content={"active": False})  # it was revoked
    token = with_bearer(own.known(_dcr_issuer.token(own.client_id)))
    with own.configured(issuer=_dcr_issuer.url, **KONG) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(token), "a revoked JWT that is not introspected")
    asking = {"introspect_jwt_tokens": True, "cache_introspection": False}
    with own.configured(issuer=_dcr_issuer.url, **asking, **KONG) as consumer:
        refused(_dcr_expect, consumer, consumer.call(token), "a revoked JWT that is introspected", 401)
        _dcr_issuer.answers["introspect"] = _active(_dcr_issuer, own)
        accepted(_dcr_expect, consumer, consumer.call(token), "a JWT that introspection reports as active")


@check(
    "issuer.introspection.phantom",
    "introspection_accept application/jwt: the JWT for an opaque token is verified like any other",
    evidence=Evidence.DOCUMENTED,
    references=("curity.io/resources/learn/integration-kong", f"{REFERENCE}, introspection_accept"),
)
def test_phantom_token(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own, token = _dcr_own_route, with_bearer(OPAQUE)
    settings = {"auth_methods": ["introspection"], "introspection_accept": "application/jwt"}
    good, foreign = own.known(_dcr_issuer.token(own.client_id)), own.known(_dcr_issuer.token("dcrproof"))
    with own.configured(issuer=_dcr_issuer.url, **settings, **KONG) as consumer:
        _dcr_issuer.answers["introspect"] = Answer(content=good, media_type="application/jwt")
        accepted(_dcr_expect, consumer, consumer.call(token), "an opaque token with a good JWT behind it")
        sent = _dcr_issuer.asked("introspect")[-1].headers.get("accept")
        _dcr_expect.that(sent == "application/jwt", "Accept: application/jwt", f"Accept: {sent}")
        for given, switch in ((Answer(204), None), (Answer(content=foreign, media_type="application/jwt"), STRANGERS)):
            _dcr_issuer.answers["introspect"] = given
            what = "an opaque token with no such JWT behind it"
            refused(_dcr_expect, consumer, consumer.call(token), what, 401, switch=switch)


@check(
    "issuer.userinfo",
    "With userinfo a token is accepted only if the issuer returns user information for it",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, userinfo_endpoint", OLD),
    security=True,
)
def test_userinfo(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own, token = _dcr_own_route, with_bearer(OPAQUE)
    settings = {"auth_methods": ["userinfo"], "cache_user_info": False}
    with own.configured(issuer=_dcr_issuer.url, **settings) as consumer:
        _dcr_issuer.answers["userinfo"] = Answer(content={"sub": own.client_id})
        accepted(_dcr_expect, consumer, consumer.call(token), "a token with user information")
        stranger = Answer(content={"sub": "dcrproof"})
        for given, switch in ((Answer(401), None), (stranger, STRANGERS), (Answer(drop=True), None)):
            _dcr_issuer.answers["userinfo"] = given
            what = "a token without user information of an application"
            refused(_dcr_expect, consumer, consumer.call(token), what, 401, switch=switch)


# Sessions


@check(
    "issuer.session.split",
    "A session of more than 4096 bytes is set in several cookies, which are accepted together",
    evidence=Evidence.DOCUMENTED,
    references=("github.com/bungle/lua-resty-session",),
)
def test_split_session(_dcr_own_route, _dcr_issuer, _dcr_expect):
    own = _dcr_own_route
    _dcr_issuer.claims["long"] = "x" * 2500
    with own.configured(issuer=_dcr_issuer.url) as consumer:
        exchange = consumer.call(own.basic)
        accepted(_dcr_expect, consumer, exchange, "Basic")
        pieces = (session_cookie(exchange) or "").split("; ")
        sizes = [len(piece) for piece in pieces]
        fits = len(pieces) > 1 and max(sizes) <= 4096
        _dcr_expect.that(fits, "several cookies of 4096 octets at most", f"sizes {sizes}")
        for piece in pieces:
            own.known(piece.partition("=")[2])
        accepted(_dcr_expect, consumer, consumer.call({"cookie": "; ".join(pieces)}), "all pieces of the session")
        refused(_dcr_expect, consumer, consumer.call({"cookie": pieces[0]}), "one piece of the session", 401)


@check(
    "issuer.session.expired",
    "A session ends with its access token, and the cookie is deleted",
    evidence=Evidence.DOCUMENTED,
    references=(OLD, f"{REFERENCE}, unauthorized_destroy_session"),
    security=True,
)
def test_expired_session(dcr_clock, _dcr_own_route, _dcr_issuer, _dcr_expect):
    own, _dcr_issuer.lifetime = _dcr_own_route, 60
    for destroyed in (True, False):
        with own.configured(issuer=_dcr_issuer.url, unauthorized_destroy_session=destroyed) as consumer:
            cookie = {"cookie": session_cookie(consumer.call(own.basic)) or ""}
            accepted(_dcr_expect, consumer, consumer.call(cookie), "the session")
            dcr_clock.advance(61)
            exchange = consumer.call(cookie)
            refused(_dcr_expect, consumer, exchange, "a session whose token has expired", 401)
            taken = any("expires=thu, 01 jan 1970" in one.lower() for one in exchange.headers_named("set-cookie"))
            wanted = "the cookie deleted" if destroyed else "the cookie kept"
            _dcr_expect.that(taken is destroyed, wanted, "deleted" if taken else "kept")
