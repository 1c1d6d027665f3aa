"""The secrets in answers, found where protocols and products put them, so that they can be masked by value."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from dcrproof.core.http.exchange import Exchange
from dcrproof.core.secrets.forms import jwts
from dcrproof.core.secrets.named import LEAST_MADE, is_jwt, secrets_in

PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
"""Members of a JWK that are not public (RFC 7518 6.2.2, 6.3.2, 6.4.1)."""
PRIVATE_KEY = re.compile(r"BEGIN [A-Z ]{0,30}PRIVATE KEY-----(.+?)(?:-----END|$)", re.DOTALL)
"""A private key in PEM (RFC 7468)."""
QUOTED = re.compile(r'"([\w.-]+)"\s*:\s*"((?:[^"\\]|\\.)*)')
"""A member with a text, in a body that is not JSON because it was cut, or is embedded in something else."""

PLUGINS = re.compile(r"/core-entities/(?:[\w-]+/[^/?]+/)?plugins$")
"""Where Konnect lists plugins: those of all users of the service."""
MANAGED_PLUGIN = "konnect-application-auth"
"""The plugin that Konnect itself manages on a service."""
LEFT_OUT = "the settings of other plugins are left out"

Received = tuple[str, str | None]
"""A secret, and the client id next to it, if any, with which it makes Basic credentials."""


def received(exchange: Exchange) -> Iterator[Received]:
    """The secrets in an answer: cookies, tokens, passwords, client secrets, private keys.

    The request is not searched: the run knows its own secrets, and invents values that are not secret.
    """
    for header in exchange.headers_named("set-cookie"):
        yield from _cookie(header)
    for name, value in exchange.headers:
        yield from ((token, None) for token in jwts(value))
        if name.lower() == "location":
            yield from _fields("&".join(re.split("[?#]", value)[1:]))
    if b".eyJ" in exchange.body:  # also in the answer of an upstream that shows what reached it
        yield from ((token, None) for token in jwts(exchange.text))
    try:
        content = json.loads(exchange.body)
    except (ValueError, RecursionError):
        yield from _fragments(exchange.text)
    else:
        yield from _members(content)


def _cookie(header: str) -> Iterator[Received]:
    """The value of a cookie (RFC 6265 5.2: everything up to the first semicolon), as it is and decoded."""
    value = header.partition(";")[0].partition("=")[2].strip(" \t").strip('"')
    for spelled in dict.fromkeys((value, unquote(value))):
        if len(spelled) >= LEAST_MADE and not is_jwt(spelled):
            yield spelled, None


def _fields(text: str) -> Iterator[Received]:
    """The secrets among the parameters of a query or a form."""
    for name, value in parse_qsl(text):
        yield from ((secret, None) for secret in secrets_in(name, value) if name != "code")
        if name == "code" and len(value) >= LEAST_MADE:  # RFC 6749 4.1.2
            yield value, None


def _fragments(text: str) -> Iterator[Received]:
    """The secrets in a body that is not JSON."""
    for name, value in QUOTED.findall(text):
        try:
            unescaped = json.loads(f'"{value}"')
        except ValueError:
            unescaped = value
        yield from ((secret, None) for secret in secrets_in(name, unescaped))
    yield from _private_keys(text)
    if "=" in text and not text.lstrip().startswith("<"):
        yield from _fields(text.strip())


def _members(content: Any) -> Iterator[Received]:
    """The secrets among the members of a body, at any depth, also in JSON documents inside texts."""
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            waiting.extend(item.values())
            ids = [*_texts(item.get("client_id"))]
            for name, value in item.items():
                found = [secret for text in _texts(value) for secret in secrets_in(str(name), text)]
                beside = ids if len(ids) == len(found) else [None] * len(found)
                yield from zip(found, beside, strict=True)
            if "kty" in item:
                yield from ((item[name], None) for name in PRIVATE & item.keys() if isinstance(item[name], str))
        elif isinstance(item, str):
            yield from _private_keys(item)
            if item[:1] in {"{", "["}:
                try:
                    waiting.append(json.loads(item))
                except (ValueError, RecursionError):
                    yield from _fragments(item)


def _texts(value: Any) -> Iterator[str]:
    """A text, or the texts of a list: Kong's plugins have several secrets under one name."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (text for text in value if isinstance(text, str))


def _private_keys(text: str) -> Iterator[Received]:
    """The private keys in a text, without headers and line breaks."""
    for key in PRIVATE_KEY.findall(text):
        yield re.sub(r"\s|\\[nr]", "", key), None


def without_others(exchange: Exchange) -> Exchange:
    """The exchange as it is recorded: without the settings of plugins that Konnect does not manage itself.

    In a list of plugins they may be other people's, with secrets under unknown names, such as those of headers.
    """
    if exchange.party != "konnect" or not PLUGINS.search(urlsplit(exchange.url).path):
        return exchange
    content = exchange.members()
    plugins = content.get("data")
    if not isinstance(plugins, list):
        return exchange
    content["data"] = [_without_settings(plugin) for plugin in plugins]
    return (
        replace(exchange, body=json.dumps(content, ensure_ascii=False).encode())
        if content["data"] != plugins
        else exchange
    )


def _without_settings(plugin: Any) -> Any:
    if not isinstance(plugin, dict) or plugin.get("name") == MANAGED_PLUGIN or "config" not in plugin:
        return plugin
    return {**plugin, "config": "left out"}
