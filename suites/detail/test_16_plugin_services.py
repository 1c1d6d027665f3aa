"""Services of this run: the plugin configured directly on one, and a second API behind another."""

from dataclasses import replace

from dcrproof.core.checks.check import Evidence, check
from dcrproof.core.checks.sources import OIDC, STRATEGIES
from dcrproof.core.parties.gateway import (
    accepted,
    accepted_everywhere,
    answer,
    echoed,
    message,
    refused,
    refused_everywhere,
    with_bearer,
)

CONSUMERS = "developer.konghq.com/how-to/configure-oidc-with-consumers/"
ANONYMOUS = "developer.konghq.com/support/how-to-allow-anonymous-access/"
METHODS = ["client_credentials", "bearer"]


def _open(expect, service):
    """The positive control for refusals: without a plugin nothing is enforced."""
    accepted(expect, service.consumer, service.consumer.call(), "a call without credentials, without a plugin,")


# The plugin alone: it maps tokens to consumers, not to applications


@check(
    "plain.genuine",
    "The plugin alone accepts every genuine token of its issuer, and no other",
    evidence=Evidence.DOCUMENTED,
    references=(OIDC,),
    security=True,
    creates={"gateway service": 1, "gateway route": 1, "gateway plugin": 2},
)
def test_plain_plugin(_dcr_plain_service, _dcr_own_route, _dcr_issuer, _dcr_expect):
    own, now = _dcr_own_route, int(_dcr_issuer.now())
    _open(_dcr_expect, _dcr_plain_service)
    with _dcr_plain_service.plugin(issuer=_dcr_issuer.url, auth_methods=METHODS) as consumer:
        genuine = own.known(_dcr_issuer.token("no application"))
        accepted(
            _dcr_expect, consumer, consumer.call(with_bearer(genuine)), "a genuine token that belongs to no application"
        )
        accepted(_dcr_expect, consumer, consumer.call(own.basic), "an id and secret that the issuer knows")
        late = own.known(_dcr_issuer.token("no application", exp=now - 5))
        refused(_dcr_expect, consumer, consumer.call(with_bearer(late)), "a token that has expired", 401)
        refused(_dcr_expect, consumer, consumer.call(), "a call without credentials", 401, Evidence.DOCUMENTED)
    with _dcr_plain_service.plugin(issuer=_dcr_issuer.url) as consumer:
        exchange = consumer.call()
        refused(
            _dcr_expect,
            consumer,
            exchange,
            "a call without credentials, with all methods enabled,",
            302,
            Evidence.DOCUMENTED,
        )


@check(
    "plain.consumer",
    "The plugin maps a claim to a consumer and tells the upstream; an unknown consumer is answered with 403",
    evidence=Evidence.DOCUMENTED,
    references=(CONSUMERS,),
    creates={"gateway consumer": 1, "gateway plugin": 2},
)
def test_consumer_is_mapped(
    _dcr_echo, _dcr_plain_service, _dcr_consumer_of_kong, _dcr_own_route, _dcr_issuer, _dcr_expect
):
    name = _dcr_consumer_of_kong["username"]
    known = with_bearer(_dcr_own_route.known(_dcr_issuer.token(name)))
    unknown = with_bearer(_dcr_own_route.known(_dcr_issuer.token("nobody")))
    with _dcr_plain_service.plugin(issuer=_dcr_issuer.url, consumer_claim=["sub"]) as consumer:
        exchange = consumer.call(known)
        accepted(_dcr_expect, consumer, exchange, "a token that names a consumer")
        told = echoed(exchange)["headers"].get("x-consumer-username")
        _dcr_expect.that(told == name, f"X-Consumer-Username {name}", f"{told}")
        refused(
            _dcr_expect, consumer, consumer.call(unknown), "a token that names no consumer", 403, Evidence.DOCUMENTED
        )
    optional = {"consumer_claim": ["sub"], "consumer_optional": True}
    with _dcr_plain_service.plugin(issuer=_dcr_issuer.url, **optional) as consumer:
        exchange = consumer.call({**unknown, "x-consumer-username": name})
        accepted(_dcr_expect, consumer, exchange, "a token that names no consumer, a consumer being optional,")
        told = echoed(exchange)["headers"].get("x-consumer-username")
        _dcr_expect.that(told is None, "no X-Consumer-Username", f"{told}")


@check(
    "plain.consumer-by",
    "The first matching claim selects the consumer by username, custom_id or id; case is ignored only if configured",
    evidence=Evidence.DOCUMENTED,
    references=(f"{OIDC}reference/, consumer_claims, consumer_by, by_username_ignore_case",),
    creates={"gateway plugin": 5},
)
def test_how_a_consumer_is_named(
    _dcr_echo, _dcr_plain_service, _dcr_consumer_of_kong, _dcr_own_route, _dcr_issuer, _dcr_expect
):
    name, id = _dcr_consumer_of_kong["username"], _dcr_consumer_of_kong["id"]
    cases = (
        ({"consumer_claim": ["sub"], "consumer_by": ["id"]}, id, True),
        ({"consumer_claim": ["sub"], "consumer_by": ["id"]}, name, False),
        ({"consumer_claim": ["sub"], "by_username_ignore_case": True}, name.upper(), True),
        ({"consumer_claim": ["sub"]}, name.upper(), False),
        ({"consumer_claims": [["no_such_claim"], ["sub"]]}, name, True),
    )
    for settings, subject, known in cases:
        with _dcr_plain_service.plugin(issuer=_dcr_issuer.url, **settings) as consumer:
            exchange = consumer.call(with_bearer(_dcr_own_route.known(_dcr_issuer.token(subject))))
            what = f"a token that names the consumer as {', '.join(settings)} wants it"
            if known:
                accepted(_dcr_expect, consumer, exchange, what)
                told = echoed(exchange)["headers"].get("x-consumer-id")
                _dcr_expect.that(told == id, f"X-Consumer-ID {id}", f"{told}")
            else:
                refused(_dcr_expect, consumer, exchange, what.replace("as", "otherwise than", 1), 403)


@check(
    "plain.anonymous",
    "The configured anonymous consumer replaces a refusal; an unknown one is an error",
    evidence=Evidence.DOCUMENTED,
    references=(ANONYMOUS, "developer.konghq.com/support/what-is-the-purpose-of-the-oidc-display-errors/"),
    creates={"gateway plugin": 2},
)
def test_anonymous(_dcr_echo, _dcr_own_route, _dcr_plain_service, _dcr_consumer_of_kong, _dcr_issuer, _dcr_expect):
    name = _dcr_consumer_of_kong["username"]
    with _dcr_plain_service.plugin(issuer=_dcr_issuer.url, auth_methods=METHODS, anonymous=name) as consumer:
        exchange = consumer.call()
        accepted(_dcr_expect, consumer, exchange, "a call without credentials, with an anonymous consumer,")
        told = {key: echoed(exchange)["headers"].get(key) for key in ("x-consumer-username", "x-anonymous-consumer")}
        wanted = {"x-consumer-username": name, "x-anonymous-consumer": "true"}
        _dcr_expect.that(told == wanted, f"the upstream told {wanted}", f"{told}")
    with _dcr_plain_service.plugin(issuer=_dcr_issuer.url, auth_methods=METHODS, anonymous="nobody") as consumer:
        exchange = consumer.call()
        _dcr_expect.that(
            not consumer.accepts(exchange),
            "the call refused, as the anonymous consumer does not exist",
            answer(exchange),
        )
        _dcr_expect.form(
            "gateway", "anonymous that is not there", exchange.status == 500, "500", answer(exchange), Evidence.INFERRED
        )
    with _dcr_own_route.configured(anonymous=name) as consumer:
        exchange = consumer.call()
        _dcr_expect.form(
            "gateway",
            "lets_anonymous_past_applications",
            not consumer.accepts(exchange),
            "refused by Konnect's own plugin: an anonymous consumer is not an application",
            answer(exchange),
            Evidence.UNKNOWN,
        )


@check(
    "plain.beside-managed",
    "Another plugin beside Konnect's runs first, and a call needs both to accept it",
    evidence=Evidence.INFERRED,
    references=("developer.konghq.com/plugins, priorities", STRATEGIES),
    security=True,
    creates={
        "gateway service": 1,
        "gateway route": 1,
        "API": 1,
        "implementation": 1,
        "publication": 1,
        "application": 1,
        "registration": 1,
        "gateway plugin": 3,
    },
)
def test_both_plugins(_dcr_second_api, _dcr_own_route, _dcr_own_token, _dcr_issuer, _dcr_expect):
    own, api = _dcr_own_route, _dcr_second_api
    application = api.applications.registered("both plugins")
    pair = replace(own, application=application).basic
    consumer = api.consumer
    accepted_everywhere(consumer, pair, "the application, Konnect's plugin alone,", api.service.deadline)
    with api.service.plugin(issuer=_dcr_issuer.url) as consumer:
        refused(
            _dcr_expect, consumer, consumer.call(with_bearer(_dcr_own_token().text)), "a token of another issuer", 401
        )
        foreign = with_bearer(own.known(_dcr_issuer.token(application.client_id)))
        refused(_dcr_expect, consumer, consumer.call(foreign), "a token that only the other plugin accepts")
    with own.configured(issuer=_dcr_issuer.url), api.service.plugin(issuer=_dcr_issuer.url) as consumer:
        accepted(_dcr_expect, consumer, consumer.call(foreign), "a token that both plugins accept")
        stranger = with_bearer(own.known(_dcr_issuer.token("no application")))
        refused(_dcr_expect, consumer, consumer.call(stranger), "a genuine token that belongs to no application")
        before = len(_dcr_issuer.asked("token"))
        accepted(_dcr_expect, consumer, consumer.call(pair), "the application's id and secret")
        asked = len(_dcr_issuer.asked("token")) - before
        _dcr_expect.form(
            "gateway",
            "both plugins",
            asked == 1,
            "one token request: the second plugin sees the token",
            f"{asked}",
            Evidence.INFERRED,
        )
    one_method = {"issuer": _dcr_issuer.url, "auth_methods": ["client_credentials"]}
    with own.configured(**one_method), api.service.plugin(issuer=_dcr_issuer.url) as consumer:
        exchange = consumer.call(pair)
        _dcr_expect.form(
            "gateway",
            "Basic beside a second plugin",
            not consumer.accepts(exchange),
            "Basic swallowed by the first plugin",
            answer(exchange),
            Evidence.INFERRED,
        )


# One application, two APIs


@check(
    "second-api.both-open",
    "One application is accepted at both APIs for which it is registered",
    evidence=Evidence.DOCUMENTED,
    references=(STRATEGIES,),
    creates={"application": 1, "registration": 2},
)
def test_one_application_on_two_apis(_dcr_own_route, _dcr_second_api, _dcr_expect):
    own, api = _dcr_own_route, _dcr_second_api
    application = own.applications.registered("two APIs")
    pair = replace(own, application=application).basic
    accepted_everywhere(own.consumer, pair, "the application at the first API", api.service.deadline)
    refused_everywhere(api.consumer, pair, "the application at an API for which it is not registered")
    api.applications.register(application)
    accepted_everywhere(api.consumer, pair, "the application at the second API", api.service.deadline)
    accepted_everywhere(own.consumer, pair, "the application at the first API as well", 0.0)
    _dcr_expect.judged_by_the_gate()


@check(
    "second-api.one-revoked",
    "Revoking one registration closes its API and leaves the other open",
    evidence=Evidence.INFERRED,
    references=("Konnect Portal Management API v3", STRATEGIES),
    security=True,
    creates={"application": 1, "registration": 2},
)
def test_one_of_two_is_revoked(_dcr_own_route, _dcr_second_api, _dcr_expect):
    own, api = _dcr_own_route, _dcr_second_api
    first = own.applications.registered("one revoked")
    second, _ = api.applications.register(first)
    pair = replace(own, application=first).basic
    for consumer, what in ((own.consumer, "first"), (api.consumer, "second")):
        accepted_everywhere(consumer, pair, f"the application at the {what} API", api.service.deadline)
    api.applications.set_status(second, "revoked")
    refused_everywhere(api.consumer, pair, "a revoked registration", api.service.deadline)
    accepted_everywhere(own.consumer, pair, "the application's other API", 0.0)
    api.applications.set_status(second, "approved")
    own.applications.set_status(first, "revoked")
    refused_everywhere(own.consumer, pair, "a revoked registration", api.service.deadline)
    accepted_everywhere(api.consumer, pair, "the application's other API", api.service.deadline)
    _dcr_expect.judged_by_the_gate()


@check(
    "second-api.without-strategy",
    "An API published without a strategy is open, and closed once it has one",
    evidence=Evidence.DOCUMENTED,
    references=(STRATEGIES, "developer.konghq.com/dev-portal/self-service/"),
    creates={"publication": 2},
)
def test_api_without_a_strategy(_dcr_second_api, _dcr_expect):
    api, consumer = _dcr_second_api, _dcr_second_api.consumer
    refused(_dcr_expect, consumer, consumer.call(), "a call without credentials", 401)
    with api.published_without_a_strategy():
        accepted(_dcr_expect, consumer, consumer.call(), "a call without credentials, there being no strategy,")
    refused(_dcr_expect, consumer, consumer.call(), "a call without credentials after that", 401)


# What Kong answers instead of the upstream


CORE = "github.com/Kong/kong, kong/error_handlers.lua"


def _instead(expect, exchange, status, said):
    """Kong's own answer to an upstream that cannot be reached."""
    expected = (exchange.status, message(exchange)) == (status, said)
    expect.that(expected, f"{status} {said!r}", answer(exchange))


@check(
    "service.unknown-name",
    "An upstream with an unresolvable host name is answered with 503",
    evidence=Evidence.DOCUMENTED,
    references=("github.com/Kong/kong, kong/runloop/balancer/init.lua",),
    creates={"gateway service": 1, "gateway route": 1},
)
def test_upstream_without_a_name(_dcr_gateway_services, _dcr_expect):
    service = _dcr_gateway_services("nowhere", host="upstream.dcrproof.invalid")
    _instead(_dcr_expect, service.consumer.call(), 503, "name resolution failed")


@check(
    "service.late",
    "An upstream that exceeds read_timeout is answered with 504",
    evidence=Evidence.DOCUMENTED,
    references=(CORE, "Konnect Control Planes Config API v2, read_timeout"),
    creates={"gateway service": 1, "gateway route": 1},
)
def test_late_upstream(_dcr_faults, _dcr_gateway_services, _dcr_expect):
    service = _dcr_gateway_services("late", read_timeout=50)
    accepted(_dcr_expect, service.consumer, service.consumer.call(), "a call in time")
    fault = _dcr_faults.arm({"party": "upstream", "times": 1, "delay": 0.2})
    try:
        _instead(_dcr_expect, service.consumer.call(), 504, "The upstream server is timing out")
    finally:
        _dcr_faults.disarm(fault)


@check(
    "service.refused-connection",
    "An upstream that refuses connections is answered with 502",
    evidence=Evidence.DOCUMENTED,
    references=(CORE,),
    creates={"gateway service": 1, "gateway route": 1},
)
def test_upstream_that_takes_no_connection(_dcr_gateway_services, _dcr_expect):
    service = _dcr_gateway_services("closed", port=1)
    _instead(_dcr_expect, service.consumer.call(), 502, "An invalid response was received from the upstream server")


@check(
    "service.disabled",
    "A disabled service is answered with 404",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/gateway/entities/service/, enabled",),
    creates={"gateway service": 1, "gateway route": 1},
)
def test_disabled_service(_dcr_gateway_services, _dcr_expect):
    service = _dcr_gateway_services("disabled", enabled=False)
    _instead(_dcr_expect, service.consumer.call(), 404, "no Route matched with those values")
