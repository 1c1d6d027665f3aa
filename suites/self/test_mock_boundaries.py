"""The limits of the mocks: a value at the limit is accepted, and one beyond it is refused.

The tables repeat the numbers of the documents. What ends with time is in test_mock_lifetimes.py.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from dcrproof.mocks import faults as armed
from dcrproof.mocks.classic_portal import http as classic
from dcrproof.mocks.clock import Clock
from dcrproof.mocks.curity import registration
from dcrproof.mocks.curity.errors import OAuthRefusal
from dcrproof.mocks.curity.settings import NoAuthentication, NonTemplatized
from dcrproof.mocks.gateway.http import GatewayHttp
from dcrproof.mocks.gateway.plugin import Plugin
from dcrproof.mocks.gateway.session import set_cookies
from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.konnect import fields, schema
from dcrproof.mocks.konnect.accounts import Accounts
from dcrproof.mocks.konnect.fields import Field
from dcrproof.mocks.konnect.listing import Listing
from dcrproof.mocks.konnect.problems import Problem
from dcrproof.mocks.messages import Request, read_json

# Request bodies of Konnect

Limits = Mapping[str, tuple[int | None, int | None]]

LABELS: Limits = {"labels": (None, 50)}
PROVIDER: Limits = {"name": (1, 256), "display_name": (1, 256), "issuer": (None, 256), **LABELS}
CLIENT: Limits = {"dcr_config.initial_client_id": (None, 256), "dcr_config.initial_client_secret": (None, 256)}
DCR_CONFIGS: Mapping[str, Limits] = {
    "auth0": {**CLIENT, "dcr_config.initial_client_audience": (None, 256)},
    "azureAd": CLIENT,
    "curity": CLIENT,
    "okta": {"dcr_config.dcr_token": (None, 256)},
    "http": {"dcr_config.dcr_base_url": (None, 256), "dcr_config.api_key": (12, 256)},
    "kongIdentity": {},
}
STRATEGY: Limits = {"name": (1, 256), "display_name": (None, 256), **LABELS}
CONFIGS: Mapping[str, Limits] = {
    "openid_connect": {
        "configs.openid-connect.issuer": (None, 256),
        "configs.openid-connect.credential_claim": (None, 10),
        "configs.openid-connect.credential_claim[]": (None, 128),
        "configs.openid-connect.scopes": (None, 50),
        "configs.openid-connect.scopes[]": (None, 128),
        "configs.openid-connect.auth_methods": (None, 10),
        "configs.openid-connect.auth_methods[]": (None, 64),
    },
    "key_auth": {
        "configs.key-auth.key_names": (1, 10),
        "configs.key-auth.key_names[]": (None, 256),
        "configs.key-auth.ttl.value": (1, None),
    },
}
PORTAL: Limits = {"name": (1, 255), "display_name": (1, 255), "description": (None, 512), **LABELS}
SHOWN: Limits = {"title": (None, 512), "content": (None, 1_000_000), "description": (None, 160)}
CONTROL_PLANE: Limits = {"name": (1, None), "proxy_urls[].port": (1, 65535), **LABELS}
API: Limits = {
    "name": (1, 255),
    "version": (1, 255),
    **LABELS,
    "attributes.*": (1, 20),
    "attributes.*[]": (1, 512),
}
APPLICATION: Limits = {"name": (None, 255), "description": (None, 255), "client_id": (None, 255)}
CLASSIC: Limits = {"name": (None, 255), "description": (None, 255), "reference_id": (None, 255)}

BODIES: Mapping[str, tuple[Field, Limits]] = {
    # application-auth-strategies v2
    **{
        f"new provider {kind}": (schema.provider_creation(kind), {**PROVIDER, **DCR_CONFIGS[kind]})
        for kind in DCR_CONFIGS
    },
    **{f"provider {kind}": (schema.provider_update(kind), {**PROVIDER, **DCR_CONFIGS[kind]}) for kind in DCR_CONFIGS},
    **{f"new strategy {kind}": (schema.strategy_creation(kind), {**STRATEGY, **CONFIGS[kind]}) for kind in CONFIGS},
    **{f"strategy {kind}": (schema.strategy_update(kind), {**STRATEGY, **CONFIGS[kind]}) for kind in CONFIGS},
    # portal-management v3
    "PORTAL_CREATION": (schema.PORTAL_CREATION, PORTAL),
    "PORTAL_UPDATE": (schema.PORTAL_UPDATE, PORTAL),
    "PAGE_CREATION": (schema.PAGE_CREATION, {"slug": (None, 512), **SHOWN}),
    "PAGE_UPDATE": (schema.PAGE_UPDATE, {"slug": (None, 512), **SHOWN}),
    "SNIPPET_CREATION": (schema.SNIPPET_CREATION, {"name": (None, 512), **SHOWN}),
    "SNIPPET_UPDATE": (schema.SNIPPET_UPDATE, {"name": (None, 512), **SHOWN}),
    # least ones of people's names and of types of entities are inferred
    "DEVELOPER_CREATION": (schema.DEVELOPER_CREATION, {"email": (None, 255), "full_name": (None, 255)}),
    "TEAM_CREATION": (schema.TEAM_CREATION, {"name": (1, 250), "description": (1, 250)}),
    "TEAM_UPDATE": (schema.TEAM_UPDATE, {"name": (1, 250), "description": (1, 250)}),
    "ADMIN_APPLICATION_CREATION": (
        schema.ADMIN_APPLICATION_CREATION,
        {**APPLICATION, "dcr_client_id": (None, 255), **LABELS},
    ),
    # api-builder v3
    "API_CREATION": (schema.API_CREATION, API),
    "API_UPDATE": (schema.API_UPDATE, API),
    "PUBLICATION": (schema.PUBLICATION, {"auth_strategy_ids": (1, 1)}),
    # control-planes v2: these are inferred
    "CONTROL_PLANE_CREATION": (schema.CONTROL_PLANE_CREATION, CONTROL_PLANE),
    "CONTROL_PLANE_UPDATE": (schema.CONTROL_PLANE_UPDATE, CONTROL_PLANE),
    "PROXY_URL": (schema.PROXY_URL, {"port": (1, 65535)}),
    # control-planes-config v2
    "GATEWAY_SERVICE": (
        schema.GATEWAY_SERVICE,
        {
            "name": (1, None),
            "host": (1, None),
            "port": (0, 65535),
            "retries": (0, 32767),
            "tls_verify_depth": (0, 64),
            **dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), (1, 2**31 - 2)),
        },
    ),
    "GATEWAY_ROUTE": (
        schema.GATEWAY_ROUTE,
        {
            "name": (1, None),
            "protocols": (1, None),
            "priority": (0, 2**46 - 1),
            **dict.fromkeys(("sources[].port", "destinations[].port"), (0, 65535)),
        },
    ),
    "GATEWAY_CONSUMER": (schema.GATEWAY_CONSUMER, dict.fromkeys(("username", "custom_id"), (1, None))),
    "GATEWAY_PLUGIN": (
        schema.GATEWAY_PLUGIN,
        {"name": (1, None), "condition": (None, 1024), "partials[].id": (1, None)},
    ),
    # dev-portal v3
    "SIGN_UP": (schema.SIGN_UP, {"email": (None, 255), "full_name": (1, 256)}),
    "APPLICATION_CREATION": (schema.APPLICATION_CREATION, APPLICATION),
    "APPLICATION_UPDATE": (schema.APPLICATION_UPDATE, APPLICATION),
    # dev-portal v2 has none: these are inferred from v3
    "application of the classic portal": (classic.CREATION, CLASSIC),
    "application of the classic portal, changed": (classic.UPDATE, CLASSIC),
}


def limited(body: Field, path: str = "") -> Iterator[tuple[str, Field]]:
    """Each field of a body that has a limit, with its path."""
    if body.least is not None or body.most is not None:
        yield path, body
    if body.items is not None:
        yield from limited(body.items, path + "[]")
    for name, member in {**(body.fields or {}), **({"*": body.others} if body.others else {})}.items():
        yield from limited(member, f"{path}.{name}".strip("."))


def of_size(wanted: Field, size: int) -> Any:
    """A value of that kind and format, of that length or, for a number, that value."""
    match wanted.kind, wanted.format:
        case "integer", _:
            return size
        case "array", _:
            item = wanted.items
            value = "00000000-0000-4000-8000-000000000000" if item and item.format == "uuid" else "/"
            return [value] * size
        case "object", _:
            return {f"key{number}": "value" for number in range(size)}
        case _, "url":
            return "https://curity.test/".ljust(size, "a")
        case _, "email":
            return "@example.com".rjust(size, "a")
        case _:
            return "a" * size


def test_each_body_has_the_limits_of_its_document() -> None:
    assert {
        name: {path: (one.least, one.most) for path, one in limited(body)} for name, (body, _) in BODIES.items()
    } == {name: dict(limits) for name, (_, limits) in BODIES.items()}
    named = {id(body) for body, _ in BODIES.values()}
    rest = {
        name for name, body in vars(schema).items() if isinstance(body, Field) and id(body) not in named and body.fields
    }
    assert not [name for name in rest if any(limited(vars(schema)[name]))], "a body with limits is not in the table"


def rules(body: Field, path: str, value: Any) -> set[str]:
    """The rules that refuse that value at that path of the body, without what else the body lacks."""
    for part in reversed(path.replace("[]", ".[]").split(".")):
        value = [value] if part == "[]" else {part: value}
    named = path.replace("[]", "[0]")
    return {str(fault["rule"]).partition("_")[0] for fault in fields.faults("", value, body) if fault["field"] == named}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_refused_beyond_each_limit(name: str) -> None:
    body, _ = BODIES[name]
    for path, one in limited(body):
        for limit, step, rule in ((one.least, -1, "min"), (one.most, 1, "max")):
            if limit is not None:
                assert not rules(body, path, of_size(one, limit)), path
                assert rule in rules(body, path, of_size(one, limit + step)), path


# What else has a size


def unless_refused(act: Callable[[Any], object], refusal: type[Exception]) -> Callable[[Any], bool]:
    def accepts(value: Any) -> bool:
        try:
            act(value)
        except refusal:
            return False
        return True

    return accepts


def labels(key: int = 1, value: int = 1) -> bool:
    return not list(fields.faults("labels", {"k" * key: "v" * value}, schema.LABELS))


def page(parameter: str) -> Callable[[int], bool]:
    def ask(size: int) -> object:
        return Listing().page(Request("GET", "/", "/", f"page%5B{parameter}%5D={size}"), [], dict)

    return unless_refused(ask, Problem)


def password(characters: str) -> bool:
    return not Accounts(clock=Clock(), randomness=random.Random(1)).password_faults(characters)


def metadata(value: int) -> object:
    bounds = NonTemplatized(NoAuthentication(), frozenset({"client-credentials"}))
    document = {"grant_types": ["client_credentials"], "access_token_ttl": value}
    return registration.grant(document, bounds, ())


def fault(name: str) -> Callable[[int], bool]:
    kind = {} if name in {"status", "truncate", "delay"} else {"drop": True}
    return unless_refused(lambda value: armed.read({"party": "curity", **kind, name: value}, ("curity",)), ValueError)


NODE = DataPlane(name="node", clock=Clock(), seed=1)
PLUGIN = Plugin("https://curity.test", ssl_verify=True, hide_credentials=True)


def headers(*sizes: int) -> bool:
    """Whether the gateway takes headers of these sizes; nginx counts the colon, the blank and the end of the line."""
    pairs = tuple(("x", "a" * (size - 5)) for size in sizes)
    return GatewayHttp(NODE).fits(Request("GET", "/", "/", headers=pairs))


def pieces(size: int) -> int:
    """How many cookies a session's value of that size takes: a name and its value have 4096 octets at most."""
    return len(set_cookies(PLUGIN, "a" * size))


# What is asked of each size, and the sizes that are accepted; those beside them are not.
SIZES: Mapping[str, tuple[Callable[[int], bool], int | None, int]] = {
    "a label's key": (lambda size: labels(key=size), 1, 63),
    "a label's value": (lambda size: labels(value=size), 1, 63),
    "a host": (lambda size: fields.is_host("a" * size), 1, 255),
    "page[size]": (page("size"), 1, 100),  # the most is inferred
    "page[number]": (page("number"), 1, 10**9 - 1),
    "a token's lifetime at Curity": (unless_refused(metadata, OAuthRefusal), 1, 2**31 - 1),
    "one header at the gateway": (headers, None, 8192),
    "all headers at the gateway": (lambda size: headers(8192, 8192, 8192, size), None, 8192),
    "the value of a session in one cookie": (lambda size: pieces(size) == 1, None, 4096 - len("session=")),
    "the value of a session in nine cookies": (lambda size: pieces(size) > 0, None, 9 * 4000),
    "levels of JSON": (unless_refused(lambda deep: read_json(b"[" * deep + b"]" * deep), ValueError), 1, 201),
    "how often a fault comes": (fault("times"), 1, 10**6),
    "the status of a fault": (fault("status"), 100, 599),
    "the octets of a fault": (fault("truncate"), 0, 10**9),
    "the delay of a fault": (fault("delay"), 0, 600),
}


@pytest.mark.parametrize("name", SIZES)
def test_a_size_is_accepted_up_to_its_limit(name: str) -> None:
    accepts, least, most = SIZES[name]
    assert accepts(most)
    assert not accepts(most + 1)
    if least is not None:
        assert accepts(least)
        assert not accepts(least - 1)


@pytest.mark.parametrize(
    ("good", "weak"),
    [
        ("Aa1!aaaa", "Aa1!aaa"),
        ("Aa1!aaaa", "Aab!aaaa"),
        ("Aa1!AAAA", "AA1!AAAA"),
        ("Aa1!aaaa", "aa1!aaaa"),
        ("Aa1!aaaa", "Aa1aaaaa"),
    ],
    ids=["length", "digit", "lower", "upper", "symbol"],
)
def test_a_password_needs_one_of_each_kind_and_eight_characters(good: str, weak: str) -> None:
    assert password(good)
    assert not password(weak)
