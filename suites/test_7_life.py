"""The life cycle of an application: what a new secret, a rename, a revocation and a deletion do at Curity and the gateway."""

from dcrproof.core.checks.check import Evidence, by_gate, check
from dcrproof.core.checks.owners import CURITY, KONNECT
from dcrproof.core.checks.sources import DCR, DCRM
from dcrproof.core.parties.authorization_server import error_code, told
from dcrproof.core.parties.gateway import accepted_everywhere, answer, refused_everywhere, with_basic
from dcrproof.core.parties.konnect import problem


def _token(server, metadata, application):
    return server.token(metadata, application.client_id, application.secret)


@by_gate
def test_secret_is_regenerated(_dcr_regenerated): ...


@check(
    "life.secret.new",
    "The new secret gets tokens and is accepted at the route",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
    owner=CURITY,
)
def test_new_secret_works(
    _dcr_target, _dcr_authorization_server, _dcr_endpoints, dcr_consumer, _dcr_regenerated, _dcr_expect
):
    after = _dcr_regenerated.after
    exchange = _token(_dcr_authorization_server, _dcr_endpoints, after)
    _dcr_expect.that(exchange.status == 200, "a token for the new secret", told(exchange))
    if _dcr_target.is_kong:
        accepted_everywhere(dcr_consumer, with_basic(after.client_id, after.secret), "the new secret", 0.0)


@check(
    "life.secret.old",
    "Curity refuses the old secret",
    evidence=Evidence.DOCUMENTED,
    references=(DCR, DCRM),
    owner=CURITY,
)
def test_old_secret_is_refused(_dcr_authorization_server, _dcr_endpoints, _dcr_regenerated, _dcr_expect):
    exchange = _token(_dcr_authorization_server, _dcr_endpoints, _dcr_regenerated.before)
    _dcr_expect.that(exchange.status in {400, 401}, "the old secret refused with 400 or 401", error_code(exchange))


@check(
    "life.secret.cached",
    "How the gateway treats the old secret while it has a cached token for it",
    evidence=Evidence.INFERRED,
    references=(DCR,),
    steps=("konnect.strategy.auth-methods",),
    owner=KONNECT,
    creates={"application": 1, "registration": 1},
)
def test_old_secret_while_cached(
    _dcr_is_kong, dcr_consumer, dcr_applications, _dcr_in_use, _dcr_regenerated, _dcr_target, _dcr_expect
):
    before = _dcr_in_use("cached secret")
    renewed = dcr_applications.developer.regenerate_secret(before.id)
    _dcr_expect.that(renewed.status == 201, "201 to a new secret", problem(renewed))
    _dcr_target.secrets.know(renewed.object()["client_secret"], before.client_id)
    exchange = dcr_consumer.call(with_basic(before.client_id, before.secret))
    _dcr_expect.form(
        "gateway",
        "life.secret.cached",
        dcr_consumer.accepts(exchange),
        "accepted until the cached token expires",
        f"{exchange.status} to the old secret while its token is cached",
        Evidence.INFERRED,
    )


@check(
    "life.secret.expired",
    "The gateway refuses the old secret once the cached token has expired",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
    security=True,
)
def test_old_secret_after_the_cache(_dcr_is_kong, dcr_clock, dcr_consumer, _dcr_regenerated, _dcr_expect):
    before = _dcr_regenerated.before
    dcr_clock.advance(302)  # the life of a token at Curity, 300 seconds, and a little
    refused_everywhere(dcr_consumer, with_basic(before.client_id, before.secret), "the old secret")
    _dcr_expect.judged_by_the_gate()


@by_gate
def test_application_is_renamed(_dcr_renamed): ...


@check(
    "life.rename.keeps-secret",
    "The secret still works after a rename",
    evidence=Evidence.INFERRED,
    references=(DCRM, "Konnect Portal API v3"),
    smoke=True,
    owner=KONNECT,
)
def test_rename_keeps_the_secret(_dcr_authorization_server, _dcr_endpoints, _dcr_renamed, _dcr_expect):
    exchange = _token(_dcr_authorization_server, _dcr_endpoints, _dcr_renamed)
    _dcr_expect.that(exchange.status == 200, "a token for the secret from before the rename", told(exchange))


@by_gate
def test_revoked_is_refused(_dcr_revoked, _dcr_expect):
    for exchange in _dcr_revoked[1]:
        _dcr_expect.form(
            "gateway",
            "answers_unapproved_with_401",
            exchange.status == 403,
            "403",
            answer(exchange),
            Evidence.UNKNOWN,
        )
    _dcr_expect.judged_by_the_gate()


@check(
    "life.revoked.client",
    "Revoking a registration leaves the client at Curity in place",
    evidence=Evidence.INFERRED,
    references=(DCR,),
    owner=KONNECT,
)
def test_revoked_client_lives(_dcr_authorization_server, _dcr_endpoints, _dcr_revoked, _dcr_expect):
    exchange = _token(_dcr_authorization_server, _dcr_endpoints, _dcr_revoked[0])
    _dcr_expect.form(
        "konnect", "life.revoked.client", exchange.status == 200, "a token", error_code(exchange), Evidence.INFERRED
    )


@check(
    "life.approved-again",
    "A registration that is approved again is accepted with the same secret",
    evidence=Evidence.DOCUMENTED,
    references=("docs.konghq.com/konnect/dev-portal, manage application connections",),
)
def test_approved_again(_dcr_target, dcr_applications, dcr_consumer, _dcr_revoked, _dcr_expect):
    application, _ = _dcr_revoked
    dcr_applications.set_status(application, "approved")
    headers = with_basic(application.client_id, application.secret)
    deadline = _dcr_target.profile.run.propagation
    accepted_everywhere(dcr_consumer, headers, "an application that was approved again", deadline)
    _dcr_expect.judged_by_the_gate()


@by_gate
def test_unregistered_is_refused(_dcr_unregistered_application): ...


@by_gate
def test_application_is_deleted(_dcr_deleted): ...


@check(
    "life.deleted.client",
    "Curity refuses the client of a deleted application",
    evidence=Evidence.DOCUMENTED,
    references=(DCR, "RFC 7592 2.3"),
    steps=("curity.dcr.client-management",),
    smoke=True,
    security=True,
    owner=CURITY,
    creates_on_failure={"application": 1},
)
def test_deleted_client_is_refused(
    _dcr_authorization_server, _dcr_endpoints, _dcr_deleted, _dcr_deleted_again, _dcr_whose_management, _dcr_expect
):
    exchange = _token(_dcr_authorization_server, _dcr_endpoints, _dcr_deleted)
    if exchange.status == 200 and (another := _dcr_deleted_again()):
        exchange = _token(_dcr_authorization_server, _dcr_endpoints, another)
    refused = exchange.status in {400, 401}
    _dcr_expect.that(
        refused,
        "the client of a deleted application refused with 400 or 401",
        error_code(exchange),
        **_dcr_whose_management,
    )


@check(
    "life.deleted.route",
    "The gateway refuses a deleted application on every node, even with a cached token",
    evidence=Evidence.INFERRED,
    references=(DCR,),
    smoke=True,
    security=True,
)
def test_deleted_application_is_refused(_dcr_is_kong, _dcr_target, dcr_consumer, _dcr_deleted, _dcr_expect):
    headers = with_basic(_dcr_deleted.client_id, _dcr_deleted.secret)
    refused_everywhere(dcr_consumer, headers, "a deleted application", _dcr_target.profile.run.propagation)
    _dcr_expect.judged_by_the_gate()
