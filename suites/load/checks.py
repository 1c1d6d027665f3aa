"""What must hold under load. `dcrproof load` performs these checks; pytest does not.

Each is a function of what the load has counted, and of the limits of `[load]` in the profile. It returns what it has seen:
how often it looked, and what did not hold. The other arguments say what a run needs, as those of other checks do.
"""

from dcrproof.core.checks.check import Evidence, check, check_of
from dcrproof.core.checks.owners import CONSUMER, CURITY, GATEWAY, KONNECT
from dcrproof.core.checks.sources import DCR, OIDC, PORTAL_API
from dcrproof.core.load.tally import Finding, Seen, Tally
from dcrproof.core.profile.model import LoadSettings

UNDER_LOAD = "dcrproof load, and the limits of [load] in the profile"


@check(
    "load.ready",
    "Before the load begins every application that it uses exists, and the route accepts it",
    stage="load",
    hostile=True,
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API, DCR),
    owner=CONSUMER,
)
def ready(tally: Tally, limits: LoadSettings, dcr_consumer: None = None) -> Seen:
    return _seen(tally, ready)


@check(
    "load.identity.credentials",
    "No two applications are given the same client id, or the same secret",
    stage="load",
    hostile=True,
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7591 3.2.1", DCR, "RFC 6749 2.2"),
    owner=CURITY,
    security=True,
)
def credentials(tally: Tally, limits: LoadSettings, _dcr_creating: None = None) -> Seen:
    return _seen(tally, credentials)


@check(
    "load.identity.token",
    "Each token that an application gets is its own",
    stage="load",
    hostile=True,
    evidence=Evidence.DOCUMENTED,
    references=("RFC 6749 4.4.3", "RFC 9068 2.2"),
    owner=CURITY,
    security=True,
)
def token(
    tally: Tally, limits: LoadSettings, dcr_consumer: None = None, _dcr_authorization_server: None = None
) -> Seen:
    return _seen(tally, token)


@check(
    "load.identity.route",
    "Each call with credentials reaches the upstream with a token of its own application",
    stage="load",
    hostile=True,
    evidence=Evidence.DOCUMENTED,
    references=(OIDC,),
    owner=GATEWAY,
    security=True,
)
def route(tally: Tally, limits: LoadSettings, dcr_consumer: None = None, _dcr_echo: None = None) -> Seen:
    return _seen(tally, route)


@check(
    "load.identity.session",
    "Each call with a session reaches the upstream with a token of the application that the session was set for",
    stage="load",
    hostile=True,
    evidence=Evidence.DOCUMENTED,
    references=(OIDC,),
    owner=GATEWAY,
    security=True,
)
def session(tally: Tally, limits: LoadSettings, dcr_consumer: None = None, _dcr_echo: None = None) -> Seen:
    return _seen(tally, session)


@check(
    "load.ended.renewed",
    "No secret gets a token after it was renewed",
    stage="load",
    hostile=True,
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
    owner=CURITY,
    security=True,
)
def renewed(tally: Tally, limits: LoadSettings, _dcr_creating: None = None) -> Seen:
    return _seen(tally, renewed)


@check(
    "load.ended.revoked",
    "No application is accepted at the route once its registration is revoked and the data planes had time to learn it",
    stage="load",
    hostile=True,
    evidence=Evidence.DOCUMENTED,
    references=(DCR, "Konnect Portal Management API v3"),
    owner=KONNECT,
    security=True,
)
def revoked(tally: Tally, limits: LoadSettings, _dcr_creating: None = None, _dcr_admin: None = None) -> Seen:
    return _seen(tally, revoked)


@check(
    "load.ended.deleted",
    "No application gets a token after it was deleted, nor is it accepted at the route",
    stage="load",
    hostile=True,
    evidence=Evidence.DOCUMENTED,
    references=(DCR, "RFC 7592 2.3"),
    owner=CURITY,
    security=True,
)
def deleted(tally: Tally, limits: LoadSettings, _dcr_creating: None = None) -> Seen:
    return _seen(tally, deleted)


@check(
    "load.errors.budget",
    "No more requests fail than [load] errors allows",
    stage="load",
    hostile=True,
    evidence=Evidence.INFERRED,
    references=(UNDER_LOAD,),
    owner=CONSUMER,
)
def errors(tally: Tally, limits: LoadSettings, dcr_consumer: None = None) -> Seen:
    every = tally.all
    found = Seen(looked=every.requests)
    if every.requests and every.errors / every.requests > limits.errors:
        found.broken = every.errors
        often = "; ".join(f"{reason} ({number}x)" for reason, number in tally.reasons.most_common(3))
        share = f"{every.errors:,} of {every.requests:,}, that is {every.errors / every.requests:.2%}"
        found.findings.append(Finding(f"at most {limits.errors:.2%} of the requests to fail", f"{share}: {often}"))
    return found


@check(
    "load.latency.percentiles",
    "Of a hundred requests to a party, 50, 95 and 99 are answered within p50, p95 and p99 of [load]",
    stage="load",
    hostile=True,
    evidence=Evidence.INFERRED,
    references=(UNDER_LOAD,),
    owner=CONSUMER,
)
def percentiles(tally: Tally, limits: LoadSettings, dcr_consumer: None = None) -> Seen:
    found = Seen()
    slow, accepted = [], []
    for party, limit in limits.of_party.items():
        count = tally.party(party)
        for name, most in limit.seconds.items():
            took = count.durations.percentile(int(name[1:]) / 100)
            if took is None:
                continue
            found.looked += 1
            if took > most:
                accepted.append(f"{party} {name} {most * 1000:,.0f} ms")
                slow.append(f"{party} {name} {took * 1000:,.0f} ms")
    found.broken = len(slow)
    if slow:
        found.findings.append(Finding(f"at most {', '.join(accepted)}", ", ".join(slow)))
    return found


def _seen(tally: Tally, claim: object) -> Seen:
    declared = check_of(claim)
    return tally.check(declared.id) if declared else Seen()


CHECKS = (
    ready,
    credentials,
    token,
    route,
    session,
    renewed,
    revoked,
    deleted,
    errors,
    percentiles,
)
"""In the order in which they are reported."""
