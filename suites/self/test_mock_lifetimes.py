"""What ends in a mock ends on time: it is good in its last second, and over in the next one.

Clocks stand still here, and are turned by whole seconds. The table repeats the numbers of the documents.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeAlias

import pytest

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.curity.clients import DynamicClient
from dcrproof.mocks.curity.registration import ClientMetadata, grant
from dcrproof.mocks.curity.settings import DAY, ClientManagement, NoAuthentication, NonTemplatized
from dcrproof.mocks.curity.setup import how_to_configuration
from dcrproof.mocks.curity.state import Curity
from dcrproof.mocks.curity.switches import Switches as CuritySwitches
from dcrproof.mocks.gateway.discovery import ProviderMetadata
from dcrproof.mocks.gateway.issuers import KnownIssuer
from dcrproof.mocks.gateway.plugin import Plugin
from dcrproof.mocks.gateway.session import GatewaySession
from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.gateway.switches import Switches as GatewaySwitches
from dcrproof.mocks.gateway.tokens import Jwt
from dcrproof.mocks.konnect.accounts import Accounts
from dcrproof.mocks.konnect.objects import Developer, Portal
from dcrproof.mocks.konnect.problems import Problem

START = 1_800_000_000.0
REGISTRAR = ("registrar", "a secret")
PLUGIN = Plugin("https://curity.test", ssl_verify=True, hide_credentials=True)


class StoppedClock(Clock):
    """A clock that only moves when it is turned."""

    def now(self) -> float:
        return START + self.turned


Begin: TypeAlias = Callable[[Clock], Callable[[], bool]]
"""Begins something now; what is returned says whether it is still good."""


# Curity


def curity(clock: Clock, **settings: Any) -> Curity:
    return Curity(
        clock=clock,
        seed=1,
        base_url="https://curity.test",
        configuration=how_to_configuration(REGISTRAR, ("introspector", "another secret")),
        admin=("admin", "password"),
        **settings,
    )


def access_token(clock: Clock) -> Callable[[], bool]:
    server = curity(clock)
    client = server.client(REGISTRAR[0])
    assert client is not None
    value = server.grant(client, "client_credentials", "dcr")["access_token"]
    return lambda: server.access_token(value) is not None


def dynamic_client(server: Curity) -> DynamicClient:
    bounds = NonTemplatized(NoAuthentication(), frozenset({"client-credentials"}))
    metadata: ClientMetadata = grant({"grant_types": ["client_credentials"]}, bounds, ())
    client = DynamicClient("a", "source", None, int(START), metadata)
    return replace(client, registration_token=server.new_registration_token())


def registration_token(clock: Clock) -> Callable[[], bool]:
    server = curity(clock)
    client = dynamic_client(server)
    assert client.registration_token is not None
    value = client.registration_token.value
    return lambda: server.is_registration_token(client, value, ClientManagement())


def reading_and_updating(clock: Clock) -> Callable[[], bool]:
    server = curity(clock)
    client = dynamic_client(server)
    return lambda: server.may_read_and_write(client, ClientManagement())


def previous_secret(clock: Clock) -> Callable[[], bool]:
    server = curity(clock)
    configuration = server.configuration
    dynamic = configuration.dynamic_client_registration
    assert dynamic is not None
    management = ClientManagement(rotated_secret_ttl=60)
    server.configuration = replace(
        configuration, dynamic_client_registration=replace(dynamic, client_management=management)
    )
    client, secret = server.rotate_secret(dynamic_client(server))
    client, _ = server.rotate_secret(client)
    return lambda: server.accepts_secret(client, str(secret))


def kept_metadata(clock: Clock) -> Callable[[], bool]:
    server = curity(clock, switches=CuritySwitches(metadata_is_kept=True))
    kept = server.metadata()
    return lambda: server.metadata() is kept


# The portal

DEVELOPER = Developer("d", "p", "dev@example.com", "Dev", "approved", START, START)

PORTAL = Portal(**{**dict.fromkeys(one.name for one in fields(Portal)), "id": "p", "canonical_domain": "portal.test"})


def accounts(clock: Clock) -> Accounts:
    return Accounts(clock=clock, randomness=random.Random(1))


def mailed_token(clock: Clock) -> Callable[[], bool]:
    held = accounts(clock)
    held.ask_for_confirmation(DEVELOPER)
    token = held.mail[0]["text"].partition("token=")[2].strip()

    def is_taken() -> bool:
        try:
            held.token_of(token, "verify")
        except Problem as problem:
            assert problem.status == 410
            return False
        return True

    return is_taken


def portal_session(clock: Clock) -> Callable[[], bool]:
    held = accounts(clock)
    opened = held.sign_in(DEVELOPER, PORTAL)
    return lambda: held.session(opened.access_token, PORTAL) is not None


def refresh_token(clock: Clock) -> Callable[[], bool]:
    def is_taken() -> bool:
        turned, clock.turned = clock.turned, 0.0
        held = accounts(clock)
        opened = held.sign_in(DEVELOPER, PORTAL)
        clock.turned = turned
        return held.take_refresh(opened.refresh_token, PORTAL) is not None

    return is_taken


# The gateway


def node(clock: Clock, **settings: Any) -> DataPlane:
    return DataPlane(name="node", clock=clock, seed=1, **settings)


def jwt(**claims: float) -> Jwt:
    return Jwt("", {}, claims, b"")


def expiry(leeway: float = 0) -> Begin:
    return lambda clock: lambda: node(clock).is_not_expired(jwt(exp=START + 300), leeway)


def before(claim: str, leeway: float = 0) -> Begin:
    """A token that is not valid yet: how long it is refused."""
    accepts = {"nbf": DataPlane.is_valid_already, "iat": DataPlane.is_issued_already}[claim]
    return lambda clock: lambda: not accepts(node(clock), jwt(**{claim: START + 300}), leeway)


def sign_in_of_the_user(clock: Clock) -> Callable[[], bool]:
    return lambda: node(clock).is_recent(START, replace(PLUGIN, max_age=300))


def cached_token(clock: Clock) -> Callable[[], bool]:
    held, key = node(clock), ("", b"", b"", "", None)
    held.keep_token(PLUGIN, key, jwt(), 300)
    return lambda: held.cached_token(PLUGIN, key) is not None


def kept_refusal(**settings: Any) -> Begin:
    plugin = replace(PLUGIN, **settings)

    def begin(clock: Clock) -> Callable[[], bool]:
        held, key = node(clock, switches=GatewaySwitches(keeps_refusals=True)), ("", b"", b"", "", None)
        held.keep_refusal(plugin, key)
        return lambda: held.was_refused(plugin, key)

    return begin


def lifetime(expires_in: float | None, exp: float | None = None, **settings: Any) -> Begin:
    """A token from the token endpoint, as long as the cache keeps it."""
    plugin = replace(PLUGIN, **settings)
    token = jwt() if exp is None else jwt(exp=START + exp)

    def begin(clock: Clock) -> Callable[[], bool]:
        held, key = node(clock), ("", b"", b"", "", None)
        held.keep_token(plugin, key, token, held.token_lifetime(plugin, token, expires_in))
        return lambda: held.cached_token(plugin, key) is not None

    return begin


def kept_introspection(exp: float | None, **settings: Any) -> Begin:
    plugin = replace(PLUGIN, **settings)

    def begin(clock: Clock) -> Callable[[], bool]:
        held = node(clock)
        held.keep_answer(plugin, "introspection", "token", {} if exp is None else {"exp": START + exp})
        return lambda: held.cached_answer("introspection", "token", wanted=True) is not None

    return begin


PROVIDER = ProviderMetadata("https://curity.test", None, None, ())


def waiting_for_discovery(*, failed: bool, known: bool) -> Begin:
    issuer = KnownIssuer(PROVIDER if known else None, tried_at=START, loaded_at=START, failed=failed)
    return lambda clock: lambda: not node(clock).may_discover(PLUGIN, issuer)


def known_issuer(clock: Clock) -> Callable[[], bool]:
    """What was discovered is not asked for again."""
    held = node(clock)
    issuer = KnownIssuer(PROVIDER, loaded_at=START)
    held.issuers[f"{PLUGIN.issuer}/.well-known/openid-configuration", None, ()] = issuer
    return lambda: next(held.discovered(PLUGIN), None) is None


def session(**settings: Any) -> Begin:
    plugin = replace(PLUGIN, **settings)
    return lambda clock: lambda: node(clock).session_is_running(plugin, GatewaySession("", START, START))


def used_session(clock: Clock) -> Callable[[], bool]:
    """Whose use is not noted again."""
    return lambda: not node(clock).touched_session(PLUGIN, GatewaySession("", START, START))


# How many seconds it is good, and its beginning.
LIFETIMES: Mapping[str, tuple[int, Begin]] = {
    # curity.io: token-profile/clients/dcr, learn/dynamic-client-registration-management, configuration reference
    "Curity: access token and initial access token": (300, access_token),
    "Curity: registration access token": (365 * DAY, registration_token),
    "Curity: registration access token, but for deleting": (28 * DAY, reading_and_updating),
    "Curity: the secret before a rotation, by rotated-secret-ttl": (60, previous_secret),
    "Curity: kept metadata": (600, kept_metadata),
    # not documented: these hold the mock's own numbers
    "portal: token in a mail": (24 * 3600, mailed_token),
    "portal: session": (3600, portal_session),
    "portal: refresh token": (7 * DAY, refresh_token),
    # RFC 7519 4.1.4 to 4.1.6 and the plugin's schema: leeway, cache_ttl and its like, session_*
    "gateway: exp": (300, expiry()),
    "gateway: exp with leeway": (360, expiry(leeway=60)),
    "gateway: before nbf": (300, before("nbf")),
    "gateway: before nbf with leeway": (240, before("nbf", leeway=60)),
    "gateway: before iat": (300, before("iat")),
    "gateway: before iat with leeway": (240, before("iat", leeway=60)),
    "gateway: max_age, whose last second counts (OpenID Connect Core 3.1.2.1)": (301, sign_in_of_the_user),
    "gateway: cached token": (300, cached_token),
    "gateway: token of expires_in alone": (300, lifetime(300)),
    "gateway: token of exp alone": (300, lifetime(None, 300)),
    "gateway: token, the shorter of both": (200, lifetime(300, 200)),
    "gateway: token of neither": (3600, lifetime(None)),
    "gateway: token with cache_ttl_max": (165, lifetime(180, cache_ttl_max=165)),
    "gateway: token with a larger cache_ttl_max": (180, lifetime(180, cache_ttl_max=181)),
    "gateway: token with cache_ttl_min": (200, lifetime(180, cache_ttl_min=200)),
    "gateway: token of one second": (1, lifetime(1)),
    "gateway: refusal": (3600, kept_refusal()),
    "gateway: refusal with cache_ttl_neg": (5, kept_refusal(cache_ttl_neg=5)),
    "gateway: introspection": (300, kept_introspection(300)),
    "gateway: introspection without exp": (3600, kept_introspection(None)),
    "gateway: introspection with cache_ttl_max": (100, kept_introspection(300, cache_ttl_max=100)),
    "gateway: introspection of one second": (1, kept_introspection(1)),
    "gateway: what was discovered": (3600, known_issuer),
    "gateway: no discovery again (rediscovery_lifetime)": (30, waiting_for_discovery(failed=False, known=True)),
    "gateway: no discovery after a failed one (changelog 3.8.0.0)": (5, waiting_for_discovery(failed=True, known=True)),
    "gateway: no discovery after a failed first one": (5, waiting_for_discovery(failed=True, known=False)),
    "gateway: idle session": (900, session()),
    "gateway: session_rolling_timeout": (3600, session(session_idling_timeout=0)),
    "gateway: session_absolute_timeout": (DAY, session(session_idling_timeout=0, session_rolling_timeout=0)),
    "gateway: no note of a session's use (lua-resty-session, touch_threshold)": (60, used_session),
}


@pytest.mark.parametrize("what", LIFETIMES)
def test_it_is_good_in_its_last_second_and_over_in_the_next(what: str) -> None:
    seconds, begin = LIFETIMES[what]
    clock = StoppedClock()
    is_good = begin(clock)
    clock.turned = seconds - 1
    assert is_good()
    clock.turned = seconds
    assert not is_good()
