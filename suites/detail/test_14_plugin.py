"""The plugin: what its settings do, on a route of this run. Each check restores the settings."""

from urllib.parse import urlencode

from dcrproof.core.checks.check import Evidence, by_gate, check
from dcrproof.core.checks.outcomes import NotApplicable
from dcrproof.core.checks.sources import CHANGELOG, OIDC, OLD, REFERENCE, SUPPORT
from dcrproof.core.parties.gateway import (
    accepted,
    answer,
    echoed,
    message,
    reached_upstream,
    refused,
    session_cookie,
    with_basic,
    with_bearer,
)
from dcrproof.core.parties.konnect import problem

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


@by_gate
def test_own_route_is_served(_dcr_own_route): ...


@check(
    "plugin.other-strategy",
    "An application of another strategy with the same issuer is refused",
    evidence=Evidence.INFERRED,
    references=("developer.konghq.com/dev-portal/auth-strategies/",),
    security=True,
)
def test_application_of_another_strategy(_dcr_own_route, dcr_consumer, _dcr_other_application, dcr_basic, _dcr_expect):
    own, flow = _dcr_own_route, with_basic(_dcr_other_application.client_id, _dcr_other_application.secret)
    with own.configured() as consumer:
        accepted(_dcr_expect, consumer, consumer.call(own.basic), "the application of this strategy")
        refused(_dcr_expect, consumer, consumer.call(flow), "an application of another strategy")
    accepted(_dcr_expect, dcr_consumer, dcr_consumer.call(flow), "that application at its own API")
    refused(_dcr_expect, dcr_consumer, dcr_consumer.call(own.basic), "the first application there")


@check(
    "plugin.invalid-setting",
    "A setting that the plugin's schema forbids is refused, or reported at the implementation",
    evidence=Evidence.DOCUMENTED,
    references=("Konnect API Builder API v3, auth_strategy_sync_error", REFERENCE),
)
def test_invalid_setting(_dcr_own_route, _dcr_expect):
    own = _dcr_own_route
    with own.restored(), own.configured(timeout=9000) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(own.basic), "Basic, with a setting that the schema knows,")
        _dcr_expect.that(own.sync_error() is None, "auth_strategy_sync_error null", f"{own.sync_error()}")
        exchange = own.reconfigure(timeout="soon")
        deadline = own.target.profile.run.propagation
        told = own.sync_error(deadline=deadline) if exchange.status == 200 else problem(exchange)
        _dcr_expect.that(
            told,
            "400, or auth_strategy_sync_error with what is wrong",
            f"{exchange.what}, auth_strategy_sync_error {told}",
        )
        after, stays = consumer.call(), "a call without credentials refused after that, the plugin staying as it was"
        name = "refused_push_takes_plugin_away"
        _dcr_expect.form("konnect", name, not consumer.accepts(after), stays, answer(after), Evidence.UNKNOWN)


# Where the plugin looks for credentials


@check(
    "plugin.methods.listed",
    "An authentication method that the strategy does not list is refused",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, auth_methods",),
    security=True,
)
def test_methods_that_are_not_listed(_dcr_own_route, dcr_bearer, _dcr_expect):
    with _dcr_own_route.configured(auth_methods=["bearer"]) as consumer:
        refused(_dcr_expect, consumer, consumer.call(_dcr_own_route.basic), "Basic beside bearer alone", 401)
    for methods in (["password"], ["refresh_token"], ["kong_oauth2"]):
        with _dcr_own_route.configured(auth_methods=methods) as consumer:
            refused(_dcr_expect, consumer, consumer.call(_dcr_own_route.basic), f"Basic beside {methods[0]} alone", 401)


@check(
    "plugin.bearer.places",
    "A bearer token in the query is accepted by default, and not where only headers are read",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, bearer_token_param_type", OLD, "RFC 6750 2.3"),
)
def test_bearer_places(_dcr_own_route, _dcr_own_token, _dcr_expect):
    query = urlencode({"access_token": _dcr_own_token().text})
    with _dcr_own_route.configured() as consumer:
        accepted(_dcr_expect, consumer, consumer.call(query=query), "a token in the query")
    with _dcr_own_route.configured(bearer_token_param_type=["header"]) as consumer:
        refused(
            _dcr_expect, consumer, consumer.call(query=query), "a token in the query, where only headers are read", 401
        )


@check(
    "plugin.bearer.cookie",
    "A bearer token in a cookie is accepted only where the strategy names the cookie",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, bearer_token_cookie_name",),
)
def test_bearer_cookie(_dcr_own_route, _dcr_own_token, _dcr_expect):
    cookie = {"cookie": f"token={_dcr_own_token().text}"}
    with _dcr_own_route.configured() as consumer:
        refused(_dcr_expect, consumer, consumer.call(cookie), "a token in a cookie that is not named", 401)
    named = {"bearer_token_param_type": ["header", "cookie"], "bearer_token_cookie_name": "token"}
    with _dcr_own_route.configured(**named) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(cookie), "a token in the named cookie")


@check(
    "plugin.body.credentials",
    "client_id and client_secret of a form are accepted as credentials, but not where only headers are read",
    evidence=Evidence.INFERRED,
    references=(f"{REFERENCE}, client_credentials_param_type", OLD),
)
def test_credentials_in_the_body(_dcr_own_route, _dcr_expect):
    application = _dcr_own_route.application
    body = urlencode(
        {"client_id": application.client_id, "client_secret": application.secret.reveal(), "n": "1"}
    ).encode()
    with _dcr_own_route.configured() as consumer:
        exchange = consumer.call(FORM, method="POST", body=body)
        _dcr_expect.form(
            "gateway",
            "plugin.body.credentials",
            consumer.accepts(exchange),
            "accepted",
            answer(exchange),
            Evidence.INFERRED,
        )
    with _dcr_own_route.configured(client_credentials_param_type=["header"]) as consumer:
        exchange = consumer.call(FORM, method="POST", body=body)
        refused(_dcr_expect, consumer, exchange, "id and secret in the body, where only headers are read", 401)


@check(
    "plugin.body.null",
    "null in a JSON body that may hold credentials causes no gateway error",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CHANGELOG}, 3.8.1.2",),
)
def test_null_in_the_body(_dcr_own_route, _dcr_expect):
    body = b'{"client_id":null,"client_secret":null,"access_token":null}'
    with _dcr_own_route.configured() as consumer:
        alone = consumer.call(JSON, method="POST", body=body)
        refused(_dcr_expect, consumer, alone, "null for credentials", 401, Evidence.DOCUMENTED)
        beside = consumer.call({**JSON, **_dcr_own_route.basic}, method="POST", body=body)
        accepted(_dcr_expect, consumer, beside, "Basic beside null in the body")


@check(
    "plugin.hide-credentials",
    "hide_credentials controls whether credentials in the query reach the upstream; from 3.14 on they do not by default",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, hide_credentials", "developer.konghq.com/gateway/breaking-changes/"),
)
def test_hidden_credentials(_dcr_echo, _dcr_own_route, _dcr_own_token, _dcr_expect):
    token = _dcr_own_token().text
    query = urlencode({"n": "1", "access_token": token})
    for settings, hidden in (({"hide_credentials": True}, True), ({"hide_credentials": False}, False), ({}, True)):
        with _dcr_own_route.configured(**settings) as consumer:
            exchange = consumer.call(query=query)
            accepted(_dcr_expect, consumer, exchange, "a token in the query")
            seen = echoed(exchange).get("query", "")
            _dcr_expect.form(
                "gateway",
                f"hide_credentials {settings.get('hide_credentials', 'left out')}",
                (token in seen) is not hidden and "n=1" in seen,
                "the token hidden from the upstream" if hidden else "the token left in the query",
                "it reached the upstream" if token in seen else "it did not reach the upstream",
                Evidence.DOCUMENTED,
                since="3.14" if not settings else None,
            )


# What a genuine token must have


@check(
    "plugin.required.scopes",
    "scopes_required: a token needs all words of at least one entry, else 403",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, scopes_required", "openid-connect 2.2.x", "RFC 6750 3.1"),
)
def test_required_scopes(_dcr_is_curity, _dcr_own_route, _dcr_strategy_scopes, _dcr_expect):
    scope = _dcr_strategy_scopes.split()[0]
    for entries, holds in (([scope], True), (["dcrproof:no", scope], True), ([f"{scope} dcrproof:no"], False)):
        with _dcr_own_route.configured(scopes_required=entries) as consumer:
            exchange = consumer.call(_dcr_own_route.basic)
            if holds:
                accepted(_dcr_expect, consumer, exchange, f"a token of scope {scope}, where {entries} is required")
            else:
                what = f"a token of scope {scope}, where {entries} is required"
                refused(_dcr_expect, consumer, exchange, what, 403, Evidence.DOCUMENTED)


@check(
    "plugin.required.audience",
    "With audience_required a token for another audience is refused",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{REFERENCE}, audience_required",
        "openid-connect 2.2.x",
        "RFC 6750 5.3",
        "RFC 7519 4.1.3",
        "RFC 8725 3.9",
    ),
    security=True,
)
def test_required_audience(_dcr_own_route, _dcr_expect):
    with _dcr_own_route.configured(audience_required=["dcrproof: another API"]) as consumer:
        exchange = consumer.call(_dcr_own_route.basic)
        refused(_dcr_expect, consumer, exchange, "a token for another audience", 403, Evidence.DOCUMENTED)


@check(
    "plugin.required.groups",
    "groups_required and roles_required refuse a token without such claims",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, groups_required",),
    security=True,
)
def test_required_groups(_dcr_own_route, _dcr_expect):
    for name in ("groups", "roles"):
        with _dcr_own_route.configured(**{f"{name}_required": ["dcrproof"]}) as consumer:
            exchange = consumer.call(_dcr_own_route.basic)
            refused(_dcr_expect, consumer, exchange, f"a token without {name}", 403, Evidence.DOCUMENTED)


@check(
    "plugin.claims-forbidden",
    "A token with a forbidden claim is refused",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, claims_forbidden",),
    security=True,
)
def test_forbidden_claims(_dcr_own_route, _dcr_expect):
    with _dcr_own_route.configured(claims_forbidden=["sub"]) as consumer:
        refused(_dcr_expect, consumer, consumer.call(_dcr_own_route.basic), "a token with a forbidden claim", 403)


@check(
    "plugin.issuers-allowed",
    "With issuers_allowed the tokens of an issuer that is not listed are refused",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, issuers_allowed",),
    security=True,
)
def test_allowed_issuers(_dcr_own_route, dcr_metadata, _dcr_expect):
    other = "https://dcrproof.invalid"
    with _dcr_own_route.configured(issuers_allowed=[other, dcr_metadata.issuer]) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(_dcr_own_route.basic), "a token of an allowed issuer")
    with _dcr_own_route.configured(issuers_allowed=[other]) as consumer:
        refused(
            _dcr_expect, consumer, consumer.call(_dcr_own_route.basic), "a token of an issuer that is not allowed", 401
        )


@check(
    "plugin.claim.missing",
    "A token without the credential claim is refused",
    evidence=Evidence.INFERRED,
    references=("developer.konghq.com/dev-portal/auth-strategies/",),
    security=True,
)
def test_missing_claim(_dcr_own_route, _dcr_expect):
    with _dcr_own_route.configured(credential_claim=["dcrproof_no_such_claim"]) as consumer:
        exchange, switch = consumer.call(_dcr_own_route.basic), "answers_strangers_with_403"
        refused(_dcr_expect, consumer, exchange, "a token without the credential's claim", 401, switch=switch)


# Answers


@check(
    "plugin.messages",
    "The messages of 401 and 403 are as configured",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, unauthorized_error_message",),
)
def test_messages(_dcr_own_route, _dcr_expect):
    texts = {"unauthorized_error_message": "dcrproof: who?", "forbidden_error_message": "dcrproof: no."}
    with _dcr_own_route.configured(**texts, claims_forbidden=["sub"]) as consumer:
        for headers, text in (({}, "dcrproof: who?"), (_dcr_own_route.basic, "dcrproof: no.")):
            exchange = consumer.call(headers)
            refused(_dcr_expect, consumer, exchange, "the call")
            _dcr_expect.form(
                "gateway",
                "plugin.messages",
                message(exchange) == text,
                f"the message {text!r}",
                answer(exchange),
                Evidence.DOCUMENTED,
            )


@check(
    "plugin.display-errors",
    "With display_errors the message gives the reason but no secret",
    evidence=Evidence.DOCUMENTED,
    references=(f"{SUPPORT}what-is-the-purpose-of-the-oidc-display-errors/",),
)
def test_displayed_errors(_dcr_own_route, _dcr_own_token, _dcr_wrong_secret, _dcr_expect):
    from dcrproof.core.parties.gateway import with_basic
    from dcrproof.core.parties.tokens import tampered

    broken = tampered(_dcr_own_token())
    wrong = with_basic(_dcr_own_route.client_id, _dcr_wrong_secret)
    with _dcr_own_route.configured(display_errors=True) as consumer:
        for headers in (with_bearer(broken), wrong):
            exchange = consumer.call(headers)
            refused(_dcr_expect, consumer, exchange, "bad credentials")
            said = message(exchange)
            _dcr_expect.form(
                "gateway",
                "plugin.display-errors",
                said.startswith("Unauthorized (") and said.endswith(")"),
                "Unauthorized (the reason)",
                answer(exchange),
                Evidence.INFERRED,
            )
            told = broken in exchange.text or _dcr_wrong_secret.reveal() in exchange.text
            _dcr_expect.that(not told, "no credential in the answer", "the credential is in it")


@check(
    "plugin.error-code",
    "expose_error_code controls whether WWW-Authenticate has RFC 6750's error code",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, expose_error_code", "RFC 6750 3.1", "RFC 6750 3"),
)
def test_error_code(_dcr_own_route, _dcr_expect):
    for exposed in (True, False):
        with _dcr_own_route.configured(expose_error_code=exposed) as consumer:
            exchange = consumer.call(with_bearer("dcrproof-no-token"))
            refused(_dcr_expect, consumer, exchange, "a text that is not a token")
            challenge = exchange.header("www-authenticate") or ""
            _dcr_expect.form(
                "gateway",
                f"expose_error_code {exposed}",
                ("error=" in challenge) is exposed,
                "an error code in WWW-Authenticate" if exposed else "no error code in WWW-Authenticate",
                f"WWW-Authenticate: {challenge}",
                Evidence.DOCUMENTED,
            )


@check(
    "plugin.preflight",
    "OPTIONS needs credentials by default, and none with run_on_preflight = false",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, run_on_preflight",),
)
def test_preflight(_dcr_own_route, _dcr_expect):
    with _dcr_own_route.configured() as consumer:
        refused(_dcr_expect, consumer, consumer.call(method="OPTIONS"), "OPTIONS without credentials", 401)
    with _dcr_own_route.configured(run_on_preflight=False) as consumer:
        exchange = consumer.call(method="OPTIONS")
        _dcr_expect.that(reached_upstream(exchange), "OPTIONS accepted", answer(exchange))
        refused(_dcr_expect, consumer, consumer.call(), "another method without credentials", 401)


@check(
    "plugin.code-flow",
    "With authorization_code a call without usable credentials is redirected to the authorization endpoint",
    evidence=Evidence.DOCUMENTED,
    references=(f"{SUPPORT}requests-with-invalid-authorization-header-return-302-response-instead-of-401/",),
)
def test_code_flow(_dcr_own_route, _dcr_own_token, dcr_metadata, _dcr_expect):
    endpoint = dcr_metadata.endpoint("authorization_endpoint")
    if not endpoint:
        raise NotApplicable("the authorization server names no authorization endpoint")
    token = _dcr_own_token().text
    with _dcr_own_route.configured(auth_methods=["bearer", "authorization_code"]) as consumer:
        for what, headers in (("nothing", {}), ("a token without a scheme", {"authorization": token})):
            exchange = consumer.call(headers)
            refused(_dcr_expect, consumer, exchange, what, 302, Evidence.DOCUMENTED)
            location = exchange.header("location") or ""
            _dcr_expect.that(location.partition("?")[0] == endpoint, f"sent to {endpoint}", f"sent to {location!r}")
        accepted(_dcr_expect, consumer, consumer.call(with_bearer(token)), "a bearer token")


@check(
    "plugin.redirects",
    "unauthorized_redirect_uri and forbidden_redirect_uri turn 401 and 403 into redirects",
    evidence=Evidence.DOCUMENTED,
    references=(OLD, f"{CHANGELOG}, 3.10.0.0"),
)
def test_redirects(_dcr_own_route, _dcr_expect):
    to = {"unauthorized_redirect_uri": ["https://dcrproof.invalid/401"]}
    to["forbidden_redirect_uri"] = ["https://dcrproof.invalid/403"]
    with _dcr_own_route.configured(**to, claims_forbidden=["sub"]) as consumer:
        for headers, where in (({}, "401"), (_dcr_own_route.basic, "403")):
            exchange = consumer.call(headers)
            refused(_dcr_expect, consumer, exchange, "the call", 302, Evidence.DOCUMENTED)
            location = exchange.header("location") or ""
            _dcr_expect.that(location.endswith(where), f"sent to .../{where}", f"sent to {location!r}")


# What reaches the upstream and the caller


@check(
    "plugin.upstream.token-header",
    "upstream_access_token_header names the header in which the upstream receives the token",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, upstream_access_token_header",),
)
def test_upstream_token_header(_dcr_echo, _dcr_own_route, _dcr_own_token, _dcr_expect):
    token = _dcr_own_token().text
    with _dcr_own_route.configured(upstream_access_token_header="x-dcrproof-token") as consumer:
        exchange = consumer.call(with_bearer(token))
        accepted(_dcr_expect, consumer, exchange, "a bearer token")
        seen = echoed(exchange)["headers"].get("x-dcrproof-token")
        _dcr_expect.that(seen == token, "the token in x-dcrproof-token", "another one" if seen else "no such header")


@check(
    "plugin.upstream.claims",
    "Mapped claims reach the upstream and the caller in their configured headers",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, upstream_headers",),
)
def test_mapped_claims(_dcr_echo, _dcr_own_route, _dcr_expect):
    settings = {
        "upstream_headers_claims": ["sub"],
        "upstream_headers_names": ["x-dcrproof-sub"],
        "downstream_headers_claims": ["sub"],
        "downstream_headers_names": ["x-dcrproof-caller"],
    }
    with _dcr_own_route.configured(**settings) as consumer:
        exchange = consumer.call(_dcr_own_route.basic)
        accepted(_dcr_expect, consumer, exchange, "Basic")
        seen = echoed(exchange)["headers"].get("x-dcrproof-sub")
        told = exchange.header("x-dcrproof-caller")
        _dcr_expect.that(seen == _dcr_own_route.client_id, "sub at the upstream", f"{seen!r}")
        _dcr_expect.that(told == _dcr_own_route.client_id, "sub in the answer", f"{told!r}")


@check(
    "plugin.upstream.paths",
    "From 3.14 on upstream_headers and downstream_headers map claims by their path",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, upstream_headers",),
)
def test_claims_mapped_by_path(_dcr_echo, _dcr_own_route, _dcr_expect):
    settings = {
        "upstream_headers": [{"header": "x-dcrproof-sub", "path": ["sub"]}],
        "downstream_headers": [{"header": "x-dcrproof-caller", "path": ["sub"]}],
    }
    with _dcr_own_route.configured(**settings) as consumer:
        exchange = consumer.call(_dcr_own_route.basic)
        accepted(_dcr_expect, consumer, exchange, "Basic")
        found = (echoed(exchange)["headers"].get("x-dcrproof-sub"), exchange.header("x-dcrproof-caller"))
        held, seen = (
            found == (_dcr_own_route.client_id,) * 2,
            f"{found[0]!r} at the upstream, {found[1]!r} in the answer",
        )
        wanted = "sub at the upstream and in the answer"
        _dcr_expect.form("gateway", "plugin.upstream.paths", held, wanted, seen, Evidence.DOCUMENTED, since="3.14")


@check(
    "plugin.upstream.cleared",
    "A caller's own header with a mapped name never reaches the upstream, even without the claim",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CHANGELOG}, 3.14.0.0",),
    security=True,
)
def test_mapped_headers_are_cleared(_dcr_echo, _dcr_own_route, _dcr_expect):
    settings = {
        "upstream_headers_claims": ["sub", "dcrproof_no_such_claim"],
        "upstream_headers_names": ["x-dcrproof-sub", "x-dcrproof-none"],
    }
    forged = {"x-dcrproof-sub": "forged", "x-dcrproof-none": "forged"}
    with _dcr_own_route.configured(**settings) as consumer:
        exchange = consumer.call({**_dcr_own_route.basic, **forged})
        accepted(_dcr_expect, consumer, exchange, "Basic beside forged headers")
        through = [name for name in forged if "forged" in echoed(exchange)["headers"].get(name, "")]
        _dcr_expect.that(not through, "no forged header at the upstream", ", ".join(through))


# Sessions


def _session(expect, own, consumer):
    exchange = consumer.call(own.basic)
    accepted(expect, consumer, exchange, "Basic")
    cookie = session_cookie(exchange)
    expect.that(cookie, "a session cookie", "none")
    return {"cookie": cookie}


@check(
    "plugin.session.disabled",
    "disable_session: the listed methods set no session cookie",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, disable_session",),
)
def test_disabled_session(_dcr_own_route, _dcr_own_token, _dcr_expect):
    with _dcr_own_route.configured(disable_session=["client_credentials"]) as consumer:
        exchange = consumer.call(_dcr_own_route.basic)
        accepted(_dcr_expect, consumer, exchange, "Basic")
        _dcr_expect.that(session_cookie(exchange) is None, "no session cookie after Basic", "one")
        other = session_cookie(consumer.call(with_bearer(_dcr_own_token().text)))
        _dcr_expect.that(other is not None, "a session cookie after a bearer token", "none")


@check(
    "plugin.session.off",
    "Without the method session no session cookie is set or accepted",
    evidence=Evidence.INFERRED,
    references=(f"{REFERENCE}, auth_methods",),
)
def test_without_sessions(_dcr_own_route, _dcr_expect):
    with _dcr_own_route.configured() as consumer:
        cookie = _session(_dcr_expect, _dcr_own_route, consumer)
        accepted(_dcr_expect, consumer, consumer.call(cookie), "the cookie")
    with _dcr_own_route.configured(auth_methods=["client_credentials", "bearer"]) as consumer:
        refused(_dcr_expect, consumer, consumer.call(cookie), "a session cookie, where sessions are off", 401)
        _dcr_expect.that(session_cookie(consumer.call(_dcr_own_route.basic)) is None, "no session cookie", "one")


@check(
    "plugin.session.secret",
    "A session is refused under another secret, and on a route that shares none",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC, f"{SUPPORT}kong-gateway-sharing-oidc-session/"),
    security=True,
)
def test_session_secret(dcr_consumer, _dcr_own_route, _dcr_expect):
    with _dcr_own_route.configured(session_secret="dcrproof secret of one route") as consumer:
        cookie = _session(_dcr_expect, _dcr_own_route, consumer)
        accepted(_dcr_expect, consumer, consumer.call(cookie), "the cookie")
        if dcr_consumer.route_url != consumer.route_url:  # the flow's route may be the one that this run has made
            refused(_dcr_expect, dcr_consumer, dcr_consumer.call(cookie), "a session cookie of another route", 401)
    with _dcr_own_route.configured(session_secret="dcrproof secret of another") as consumer:
        refused(_dcr_expect, consumer, consumer.call(cookie), "a session cookie under another secret", 401)


@check(
    "plugin.session.audience",
    "With a shared secret a session is accepted only where session_audience is the same",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, session_audience",),
    security=True,
)
def test_audience_of_a_session(_dcr_own_route, _dcr_expect):
    own, secret = _dcr_own_route, "dcrproof secret of all routes"
    with own.configured(session_secret=secret, session_audience="dcrproof") as consumer:
        cookie = _session(_dcr_expect, own, consumer)
        accepted(_dcr_expect, consumer, consumer.call(cookie), "the session")
    with own.configured(session_secret=secret) as consumer:
        refused(_dcr_expect, consumer, consumer.call(cookie), "the session of another audience", 401)


@check(
    "plugin.session.forbidden",
    "A forbidden session is destroyed, unless forbidden_destroy_session is false",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, forbidden_destroy_session",),
)
def test_forbidden_session(_dcr_own_route, _dcr_expect):
    own, secret = _dcr_own_route, "dcrproof secret of all routes"
    with own.configured(session_secret=secret) as consumer:
        cookie = _session(_dcr_expect, own, consumer)
        accepted(_dcr_expect, consumer, consumer.call(cookie), "the session")
    for destroyed in (True, False):
        settings = {"audience_required": ["dcrproof"], "forbidden_destroy_session": destroyed}
        with own.configured(session_secret=secret, **settings) as consumer:
            exchange = consumer.call(cookie)
            refused(_dcr_expect, consumer, exchange, "a session whose token has another audience", 403)
            taken = any("expires=thu, 01 jan 1970" in one.lower() for one in exchange.headers_named("set-cookie"))
            wanted = "the cookie deleted" if destroyed else "the cookie kept"
            _dcr_expect.that(taken is destroyed, wanted, "deleted" if taken else "kept")


@check(
    "plugin.session.attributes",
    "The session cookie has the configured name and attributes",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, session_cookie_name",),
)
def test_session_attributes(_dcr_own_route, _dcr_expect):
    settings = {
        "session_cookie_name": "dcrproof",
        "session_cookie_path": "/dcrproof",
        "session_cookie_domain": "dcrproof.example",
        "session_cookie_same_site": "Strict",
        "session_cookie_secure": True,
    }
    with _dcr_own_route.configured(**settings) as consumer:
        cookies = consumer.call(_dcr_own_route.basic).headers_named("set-cookie")
    found = [cookie for cookie in cookies if cookie.startswith("dcrproof=")]
    _dcr_expect.that(found, "a cookie named dcrproof", "none")
    attributes = {part.strip().lower() for part in found[0].split(";")[1:]}
    wanted = {"path=/dcrproof", "domain=dcrproof.example", "samesite=strict", "secure", "httponly"}
    _dcr_expect.that(wanted <= attributes, ", ".join(sorted(wanted)), ", ".join(sorted(attributes)))


@check(
    "plugin.session.limits",
    "A session ends after its configured idling, rolling and absolute timeouts",
    evidence=Evidence.DOCUMENTED,
    references=(f"{REFERENCE}, session_idling_timeout",),
    security=True,
)
def test_session_limits(dcr_clock, _dcr_own_route, _dcr_expect):
    for name in ("session_idling_timeout", "session_rolling_timeout", "session_absolute_timeout"):
        with _dcr_own_route.configured(**{name: 30}) as consumer:
            cookie = _session(_dcr_expect, _dcr_own_route, consumer)
            accepted(_dcr_expect, consumer, consumer.call(cookie), f"the cookie within {name}")
            dcr_clock.advance(31)
            refused(_dcr_expect, consumer, consumer.call(cookie), f"the cookie after {name}", 401)


@check(
    "plugin.session.reverify",
    "A session is accepted without verifying its token again, unless reverify is set",
    evidence=Evidence.DOCUMENTED,
    references=(OLD, f"{REFERENCE}, reverify"),
)
def test_reverified_session(_dcr_own_route, _dcr_expect):
    secret = {"session_secret": "dcrproof secret to reverify"}
    with _dcr_own_route.configured(**secret) as consumer:
        cookie = _session(_dcr_expect, _dcr_own_route, consumer)
    other = {**secret, "issuers_allowed": ["https://dcrproof.invalid"]}
    with _dcr_own_route.configured(**other) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(cookie), "a session whose token would be refused today")
    with _dcr_own_route.configured(**other, reverify=True) as consumer:
        refused(_dcr_expect, consumer, consumer.call(cookie), "the same session with reverify", 401)
