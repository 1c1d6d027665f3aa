"""Gateways that validate JWTs, as data: bad ones, each with the checks that find it out, and ones that refuse good tokens, each
with what a run says.

A row is a run in mode `existing`, with hostile checks, in front of mocks that are served.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import envoy_gateway
import tomli_w
from jwt_gateway import Gateway, serving
from on_call import Scene, nested, scene, tables

BEARER = "route.no-credentials route.bearer route.head upstream claims"
"""The checks of a row, with what they stand on."""


@dataclass(frozen=True)
class Bad:
    """A gateway without these rules. `red` are exactly the checks of BEARER that fail; the run is red unless they are advice."""

    without: str
    red: str
    advice: bool = False


ANY_SIGNATURE = "tampered changed-claims foreign-key unknown-kid unsigned hs-confused own-key wrong-kid"

BAD: Mapping[str, Bad] = {
    "the signature is not checked": Bad("signature", ANY_SIGNATURE),
    "none is accepted": Bad("none", "unsigned"),
    "none is accepted in any case": Bad("none in any case", "unsigned"),
    "HS256 with the key as PEM": Bad("HS256+as PEM", "hs-confused"),
    "HS256 with the key as PEM without the last newline": Bad("HS256+as PEM without the last newline", "hs-confused"),
    "HS256 with the key as DER": Bad("HS256+as DER", "hs-confused"),
    "HS256 with the key as PKCS #1": Bad("HS256+as PKCS #1", "hs-confused"),
    "HS256 with the key as JWK text": Bad("HS256+as JWK text", "hs-confused"),
    "HS512 with the key as PEM": Bad("HS512+as PEM", "hs-confused"),
    "expiry is not checked": Bad("exp", "expired"),
    "nbf is not checked": Bad("nbf", "not-before"),
    "the issuer is not checked": Bad("issuer", "foreign-issuer"),
    "the audience is not checked": Bad("audience", "foreign-audience"),
    "kid is ignored, and the first key is not the new one": Bad("kid", "wrong-kid rotated-key"),
    "a token of an unknown kid is accepted": Bad("unknown kid", "unknown-kid own-key wrong-kid"),
    "keys are cached past a rotation": Bad("rotation", "rotated-key"),
    "the key in a token is trusted": Bad("own key", "own-key"),
    "what is no JWT is accepted": Bad("opaque", "opaque tampered"),
    "a token without a scheme is accepted": Bad("scheme", "no-scheme"),
    "a verdict is kept by header and claims": Bad("remembers by all of a token", "tampered"),
    "a verdict is kept by jti": Bad("remembers by more than jti", "tampered changed-claims"),
    "a token without its signature is accepted": Bad("three parts", "tampered"),
    "a token without an audience is accepted": Bad("no audience", "foreign-audience"),
    "the route is not protected": Bad("route", "route.no-credentials"),
    "crit is ignored": Bad("crit", "critical", advice=True),
    "a token in the query is accepted": Bad("query", "query", advice=True),
}

Change = Callable[[Gateway, Scene], None]


@dataclass(frozen=True)
class Refusing:
    """A gateway that refuses good tokens. These words stand in what the run says to fix, and none of the others."""

    change: Change
    fix: tuple[str, ...]
    not_fix: tuple[str, ...]
    said: tuple[str, ...] = ()
    """Words that stand in what was observed, or ruled out."""


def _set(**values: Any) -> Change:
    def change(gateway: Gateway, here: Scene) -> None:
        for name, value in values.items():
            setattr(gateway, name, value(gateway) if callable(value) else value)

    return change


def _stale(kid: str) -> Change:
    """Keys from before a rotation, which the gateway does not fetch again."""

    def change(gateway: Gateway, here: Scene) -> None:
        gateway.without = frozenset({"rotation"})
        gateway.keys()
        here.served.worlds.current.curity.rotate_keys(kid)

    return change


def _fetches_when_asked(gateway: Gateway, here: Scene) -> None:
    """Old keys under the same kid: only an unknown one makes the gateway fetch them again."""
    gateway.keys()
    here.served.worlds.current.curity.rotate_keys("same")


def _both(*changes: Change) -> Change:
    def change(gateway: Gateway, here: Scene) -> None:
        for one in changes:
            one(gateway, here)

    return change


SILENT = _set(silent=True)
NO_DATE = _set(dated=False)
ISSUER, AUDIENCE, KEYS = "as the issuer", "take the audience", "fetch the keys from {} again"
REACH, CLOCK = "let the gateway fetch the keys", "synchronise the clocks"
FIXES = (ISSUER, AUDIENCE, "again, and in future", REACH, CLOCK)
ANOTHER, SLASH = _set(issuer="https://login.example.com/another"), _set(issuer=lambda gateway: gateway.issuer + "/")
FOR_ORDERS = _set(audience="urn:example:orders")
CLOSED = _set(jwks_uri="http://127.0.0.1:9/jwks")


def _only(*fixes: str) -> tuple[str, ...]:
    return tuple(fix for fix in FIXES if fix not in fixes)


AGAIN = FIXES[2]
REFUSING: Mapping[str, Refusing] = {
    "another issuer": Refusing(ANOTHER, (ISSUER,), _only(ISSUER), ("Jwt issuer is not configured",)),
    "another audience": Refusing(FOR_ORDERS, (AUDIENCE,), _only(AUDIENCE), ("Audiences in Jwt are not allowed",)),
    "old keys": Refusing(
        _stale("new"), (AGAIN,), _only(AGAIN), ("Jwks doesn't have key to match kid or alg from Jwt",)
    ),
    "old keys of the same kid": Refusing(_stale("same"), (AGAIN,), _only(AGAIN), ("Jwt verification fails",)),
    "no way to the keys": Refusing(CLOSED, (REACH,), _only(REACH), ("Jwks remote fetch is failed",)),
    "a slow clock": Refusing(_set(ahead=-3600), (CLOCK,), _only(CLOCK), ("Jwt not yet valid", "3600 s behind")),
    "a fast clock": Refusing(_set(ahead=3600), (CLOCK,), _only(CLOCK), ("Jwt is expired", "3600 s ahead")),
    "an upstream that is out of service": Refusing(
        _set(upstream="http://127.0.0.1:9"), ("bring the upstream of the route into service",), FIXES, ("the token: ",)
    ),
    "a scope that no token has": Refusing(
        _set(demands="insufficient scope"),
        ("demand nothing that the token lacks",),
        FIXES,
        ("its keys", "its clock"),
    ),
    # that say nothing
    "another issuer, and no word": Refusing(
        _both(ANOTHER, SILENT),
        (ISSUER, AUDIENCE, REACH),
        _only(ISSUER, AUDIENCE, REACH),
        ("its clock: ", "its keys: ", "no request for its keys"),
    ),
    "an issuer with a slash, and no word": Refusing(
        _both(SLASH, SILENT), ("it expects", "/, and the tokens have"), FIXES, ("with iss",)
    ),
    "the issuer as audience, and no word": Refusing(
        _both(_set(audience=lambda gateway: gateway.issuer), SILENT), (AUDIENCE,), _only(AUDIENCE), ("with aud",)
    ),
    "old keys, and no word": Refusing(
        _both(_stale("new"), SILENT), (AGAIN,), _only(AGAIN), ("the key before the last rotation",)
    ),
    "old keys of the same kid, and no word": Refusing(
        _both(_stale("same"), SILENT), (AGAIN,), _only(AGAIN), ("the key before the last rotation",)
    ),
    "a slow clock, and no word": Refusing(_both(_set(ahead=-3600), SILENT, NO_DATE), (CLOCK, "behind"), _only(CLOCK)),
    "a fast clock, and no word": Refusing(_both(_set(ahead=3600), SILENT, NO_DATE), (CLOCK, "ahead"), _only(CLOCK)),
    "no way to the keys, and no word": Refusing(
        _both(CLOSED, SILENT), (REACH,), (AGAIN, CLOCK), ("no request for its keys but this run's",)
    ),
}
GOOD = "a good one"
SAYS_NOTHING, FORWARDS_NOTHING = "a good one that says nothing", "a good one that does not forward the token"


ENVOY = "Envoy: "
"""Before the name of a row: at Envoy in place of the small gateway."""
ENVOYS = (
    *(GOOD, "another issuer", "another audience", "old keys", "old keys of the same kid", "no way to the keys"),
    "an upstream that is out of service",
)
HOUR = 3600.0


@contextmanager
def profile_of(name: str) -> Iterator[Path]:
    """The profile of that gateway, which runs until the block ends, with mocks of everything behind it."""
    with tempfile.TemporaryDirectory() as folder, scene() as here:
        gateway = gateway_of(here)
        if name.startswith(ENVOY):
            with envoy_of(name.removeprefix(ENVOY), gateway, here, Path(folder)) as url:
                yield written(Path(folder), here, url, **{"run.deadlines": {"propagation": "9s", "patience": "2s"}})
            return
        if name in BAD:
            gateway.without = frozenset(BAD[name].without.split("+"))
        elif name in REFUSING:
            REFUSING[name].change(gateway, here)
        gateway.silent |= name == SAYS_NOTHING
        gateway.forwards = name != FORWARDS_NOTHING
        with serving(gateway) as url:
            yield written(Path(folder), here, url)


def gateway_of(here: Scene) -> Gateway:
    """A good gateway for the tokens of the application."""
    with urlopen(here.described["curity"]["discovery"]) as answer:  # noqa: S310 - http on this machine
        jwks_uri = json.loads(answer.read())["jwks_uri"]
    return Gateway(here.issuer, jwks_uri, here.described["upstream"]["url"], here.application["client_id"])


@contextmanager
def envoy_of(name: str, gateway: Gateway, here: Scene, folder: Path) -> Iterator[str]:
    """The address of an Envoy that is set up as that row says, until the block ends. It keeps the keys for a second; where
    they are to be old, for an hour, and has fetched them before the rotation.
    """
    rotated = {"old keys": "new", "old keys of the same kid": "same"}.get(name)
    if name in REFUSING and not rotated:
        REFUSING[name].change(gateway, here)
    with envoy_gateway.serving(gateway, folder, HOUR if rotated else 1.0) as url:
        if rotated:
            curity = here.served.worlds.current.curity
            client = curity.client(here.application["client_id"])
            token = curity.sign(curity.access_token_claims(client, ""))
            asked = here.client.get(f"{url}/accounts", headers={"authorization": f"Bearer {token}"})
            assert asked.status_code == 200, asked.text
            curity.rotate_keys(rotated)
        yield url


def written(folder: Path, here: Scene, url: str, **values: Any) -> Path:
    """The profile of a gateway at that address, in front of served mocks, in mode `existing`."""
    (folder / "application-secret").write_text(here.application["client_secret"])
    found = tables(here, "existing", konnect=False, admin=False)
    found |= {"run.hostile": True, "curity.mocked": {"control": here.described["control"]}}
    found |= {"gateway.kind": "jwt", "gateway.url": url, "gateway.route": [{"path": "/accounts", "echo": True}]}
    path = folder / "profile.toml"
    path.write_text(tomli_w.dumps(nested({**found, **values})), "utf-8")
    return path
