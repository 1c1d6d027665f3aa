"""Claims: the JWT at the upstream has the right claims, and the upstream sees no more than it should."""

from email.utils import mktime_tz, parsedate_tz

from dcrproof.core.checks.check import Evidence, by_gate, check
from dcrproof.core.checks.outcomes import NotApplicable
from dcrproof.core.checks.owners import GATEWAY
from dcrproof.core.parties.gateway import echoed, with_bearer
from dcrproof.core.parties.tokens import beyond

SAMPLE = "github.com/curityio/workload-identities, README.md"
RFC7519 = "RFC 7519 4.1"


@by_gate
def test_upstream_receives_the_token(dcr_upstream): ...


@check(
    "upstream.no-secret",
    "The application's secret does not reach the upstream",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/plugins/openid-connect/reference/, upstream_access_token_header",),
    security=True,
    owner=GATEWAY,
)
def test_secret_does_not_reach_the_upstream(_dcr_is_kong, dcr_upstream, dcr_application, _dcr_expect):
    from dcrproof.core.secrets.secret import basic

    secret = dcr_application.secret.reveal()
    seen = str(dcr_upstream)
    hidden = secret not in seen and basic(dcr_application.client_id, secret) not in seen
    _dcr_expect.that(hidden, "neither the secret nor the Basic credentials at the upstream", "they reached it")


@check(
    "upstream.forged-identity",
    "Identity headers forged by the caller do not reach the upstream",
    evidence=Evidence.INFERRED,
    references=("developer.konghq.com/how-to/configure-oidc-with-consumers/",),
    security=True,
    owner=GATEWAY,
)
def test_forged_identity(_dcr_is_kong, _dcr_echo, dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect):
    names = ("x-consumer-id", "x-consumer-username", "x-consumer-custom-id", "x-credential-identifier")
    forged = dict.fromkeys((*names, "x-anonymous-consumer", "x-authenticated-groups"), "dcrproof")
    seen = echoed(dcr_consumer.call({**with_bearer(dcr_bearer().text), **forged}))["headers"]
    through = [name for name in forged if "dcrproof" in seen.get(name, "")]
    _dcr_expect.that(not through, "no such header with the caller's value", ", ".join(through))
    identifier = seen.get("x-credential-identifier")
    told = "no X-Credential-Identifier at the upstream"
    _dcr_expect.form(
        "gateway", "sends_credential_identifier", not identifier, told, f"{identifier!r}", Evidence.UNKNOWN
    )


@check(
    "upstream.forwarded",
    "The gateway, not the caller, sets the headers with the caller's host, path and address",
    evidence=Evidence.DOCUMENTED,
    references=("github.com/Kong/kong, kong.conf.default, trusted_ips",),
    owner=GATEWAY,
)
def test_forwarding_headers(_dcr_is_kong, _dcr_echo, dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect):
    names = ("x-forwarded-host", "x-forwarded-path", "x-forwarded-prefix", "x-real-ip", "x-kong-request-id")
    forged = dict.fromkeys(names, "dcrproof")
    seen = echoed(dcr_consumer.call({**with_bearer(dcr_bearer().text), **forged}))["headers"]
    through = [name for name in forged if seen.get(name) == "dcrproof"]
    _dcr_expect.that(not through, "none of them with the caller's value", ", ".join(through))
    _dcr_expect.that(seen.get("x-forwarded-host"), "X-Forwarded-Host", "none")


@check(
    "upstream.same-token",
    "A bearer token reaches the upstream unchanged",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/plugins/openid-connect/reference/, upstream_access_token_header",),
    owner=GATEWAY,
)
def test_bearer_reaches_the_upstream(
    _dcr_token_is_forwarded, dcr_consumer, dcr_bearer_accepted, dcr_bearer, _dcr_expect
):
    token = dcr_bearer()
    seen = echoed(dcr_consumer.call(with_bearer(token.text)))
    scheme, _, received = seen["headers"].get("authorization", "").partition(" ")
    same = scheme.lower() == "bearer" and received == token.text
    _dcr_expect.that(same, "the token that was sent", "another token" if received else "no token")


@check(
    "upstream.session-bearer",
    "A call with the session cookie reaches the upstream with the access token",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/plugins/openid-connect/",),
    owner=GATEWAY,
)
def test_session_reaches_the_upstream_with_a_token(_dcr_echo, _dcr_session_accepted, _dcr_expect):
    authorization = echoed(_dcr_session_accepted)["headers"].get("authorization", "")
    scheme = authorization.partition(" ")[0]
    _dcr_expect.that(scheme.lower() == "bearer", "Authorization: Bearer at the upstream", f"the scheme {scheme!r}")


@by_gate
def test_token_verifies(dcr_claims): ...


@check(
    "claims.iss",
    "iss is exactly the issuer of the discovery document",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{RFC7519}.1",
        "OpenID Connect Discovery 1.0, 4.3",
    ),
    steps=("curity.base-url.public",),
    smoke=True,
)
def test_iss(dcr_claims, dcr_metadata, _dcr_expect):
    value = dcr_claims.claims.get("iss")
    _dcr_expect.that(value == dcr_metadata.issuer, f"iss {dcr_metadata.issuer}", f"iss {value!r}")


@check(
    "claims.sub",
    "sub is the application's client id",
    evidence=Evidence.INFERRED,
    references=(SAMPLE, "developer.konghq.com/how-to/curity-dcr/", "RFC 7519 4.1.2"),
    smoke=True,
)
def test_sub(_dcr_target, dcr_claims, dcr_application, _dcr_expect):
    name = _dcr_target.client_id_claim
    value = dcr_claims.claims.get(name)
    _dcr_expect.that(value == dcr_application.client_id, f"{name} {dcr_application.client_id}", f"{name} {value!r}")


@check(
    "claims.aud",
    "aud is present, and by default the client id",
    evidence=Evidence.DOCUMENTED,
    references=(
        "curity.io/docs/identity-server/configuration-reference, client audience",
        "RFC 7519 4.1.3",
        "RFC 8725 3.9",
    ),
)
def test_aud(_dcr_is_curity, dcr_claims, dcr_application, _dcr_expect):
    value = dcr_claims.claims.get("aud")
    audiences = [value] if isinstance(value, str) else value or []
    _dcr_expect.that(audiences, "an audience", f"aud {value!r}")
    _dcr_expect.form(
        "curity",
        "claims.aud",
        audiences == [dcr_application.client_id],
        f"aud {dcr_application.client_id}",
        f"aud {value!r}",
        Evidence.INFERRED,
    )


@check(
    "claims.times",
    "exp is after iat, and neither iat nor nbf is in the future",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{RFC7519}.4 to {RFC7519}.6",
        "RFC 7519 4.1.5",
        "RFC 7519 4.1.6",
    ),
    smoke=True,
)
def test_times(dcr_claims, _dcr_authorization_server, _dcr_endpoints, _dcr_known_client, _dcr_expect):
    given = {name: dcr_claims.claims[name] for name in ("exp", "nbf", "iat") if name in dcr_claims.claims}
    times = {name: dcr_claims.date(name) for name in given}
    _dcr_expect.that("exp" in times and None not in times.values(), "exp, and times in seconds", f"{given}")
    # by the issuer's own clock, in an answer that is never cached; RFC 7519 asks for neither iat nor nbf
    later = _dcr_authorization_server.token(_dcr_endpoints, _dcr_known_client.client_id, _dcr_known_client.secret)
    date = parsedate_tz(later.header("date") or "")
    now = mktime_tz(date) if date else None
    begins = times.get("iat", now)
    _dcr_expect.that(begins is None or times["exp"] > begins, "exp after iat", f"{given}")
    if begins is not None:
        unit = beyond(times["exp"], begins)
        _dcr_expect.that(not unit, "exp in seconds", f"{given}: exp is {unit}, so that the token never expires")
    if "nbf" in times and "iat" in times:
        _dcr_expect.that(times["nbf"] <= times["iat"], "nbf no later than iat", f"{given}")
    if now is not None and "iat" in times:
        soon = now + 1  # its nodes may differ by a little
        _dcr_expect.that(times["iat"] <= soon, f"iat no later than its Date, {later.header('date')}", f"{given}")


@check(
    "claims.jti",
    "jti is present and unique",
    evidence=Evidence.INFERRED,
    references=(SAMPLE, f"{RFC7519}.7"),
)
def test_jti(_dcr_target, dcr_claims, dcr_bearer, _dcr_expect):
    if "jti" not in dcr_claims.claims and not _dcr_target.is_curity:
        raise NotApplicable("RFC 7519 4.1.7: jti is optional, and this server gives none")
    value, other = dcr_claims.claims.get("jti"), dcr_bearer().claims.get("jti")
    _dcr_expect.that(value and value != other, "another jti in each token", f"jti {value!r} and {other!r}")


@check(
    "claims.scope",
    "scope is the scope that was requested for the token",
    evidence=Evidence.INFERRED,
    references=(SAMPLE, "RFC 6749 3.3"),
)
def test_scope(_dcr_is_curity, _dcr_echo, dcr_claims, _dcr_scope_of_token, _dcr_expect):
    value = dcr_claims.claims.get("scope")
    asked = set(_dcr_scope_of_token.split())
    granted = isinstance(value, str) and set(value.split()) <= asked
    _dcr_expect.that(granted, f"scope within {' '.join(sorted(asked))}", f"scope {value!r}")
    _dcr_expect.form(
        "curity",
        "claims.scope",
        value == _dcr_scope_of_token,
        f"scope {_dcr_scope_of_token!r}",
        f"scope {value!r}",
        Evidence.INFERRED,
    )


@check(
    "claims.purpose",
    "purpose is access_token",
    evidence=Evidence.INFERRED,
    references=(SAMPLE,),
)
def test_purpose(_dcr_is_curity, dcr_claims, _dcr_expect):
    value = dcr_claims.claims.get("purpose")
    _dcr_expect.form(
        "curity",
        "claims.purpose",
        value == "access_token",
        "purpose 'access_token'",
        f"purpose {value!r}",
        Evidence.INFERRED,
    )
