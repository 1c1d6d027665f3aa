"""The types of the values in a profile: which values are accepted, and what is said of others.

`Limits` and `Through` stand in the annotations of `dcrproof.core.profile.model`. They speak pydantic's protocol, which
is used when a profile is read: a run without a profile never imports pydantic.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from encodings import idna
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from dcrproof.core.files import LIKE_OTHERS, content, no_secret, secret_in
from dcrproof.core.http import segments
from dcrproof.core.http.idna import a_label
from dcrproof.core.http.loopback import is_loopback
from dcrproof.core.secrets.forms import forms_of
from dcrproof.core.secrets.own_words import is_own, is_own_in_lines
from dcrproof.core.secrets.secret import SHORTEST, Secret
from dcrproof.core.text import one_line


@dataclass(frozen=True)
class Surroundings:
    """Where the secrets and files that a profile names are looked up: pydantic's validation context."""

    folder: Path
    environment: Mapping[str, str]


class Limits:
    """Constrains a type with keywords of pydantic-core (`pattern`, `ge`, ...); `expected` is the text of the problem."""

    def __init__(self, expected: str, **constraints: Any) -> None:
        self.expected = expected
        self.constraints = constraints

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core.core_schema import custom_error_schema

        schema = {**handler(source), **self.constraints}
        return custom_error_schema(schema, "expected", custom_error_message=f"expected {self.expected}")


class Through:
    """Passes a value through `function(value, info)`, which raises ValueError with the text of a problem.

    `written` is the type of the value in the file where that is not the type of the field. It is checked before
    `function` is called; or after it, against the type of the field, where `first` is true.
    """

    def __init__(self, function: Callable[[Any, Any], Any], written: Any = None, *, first: bool = False) -> None:
        self.function = function
        self.written = written
        self.first = first

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core.core_schema import (
            with_info_after_validator_function,
            with_info_before_validator_function,
        )

        written = handler(source) if self.written is None else handler.generate_schema(self.written)
        if self.first:
            return with_info_before_validator_function(self.function, handler(source), json_schema_input_schema=written)
        return with_info_after_validator_function(self.function, written)


def found(value: Any, *, secret: bool) -> str:
    """A value in words: its kind, and itself unless it is a secret, or an address that may hold one."""
    told = kind(value)
    if secret or isinstance(value, bool | dict) or told.startswith("an empty"):
        return told
    text = repr(value) if isinstance(value, str | list) else str(value)
    return told if ADDRESS & set(text) else f"{told}, {one_line(text, 60)}"


ADDRESS = frozenset("@?#")
"""What an address has in which a secret stands: a password, a query, a fragment."""


def kind(value: Any) -> str:
    """A value in words that never repeat it: it may be a secret in the wrong place."""
    if isinstance(value, bool):
        return str(value).lower()
    kinds = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "a table"}
    empty = isinstance(value, str | list | dict) and not value
    return f"an empty {kinds[type(value)][2:]}" if empty else kinds.get(type(value), "a date or time")


def _url(text: str, _: Any) -> str:
    try:
        parts = urlsplit(text)
        usable = (
            is_host(parts.hostname or "")
            and parts.port != 0
            and not parts.netloc.endswith(":")
            and a_label(text).isascii()
        )
    except ValueError:
        usable = False
    if not usable or not text.isprintable() or not is_path(parts.path):
        raise ValueError("expected a URL that begins with https:// and has a host")
    if "@" in parts.netloc:
        raise ValueError("a URL in a profile has no user name or password")
    if "?" in text or "#" in text:
        raise ValueError("a URL in a profile has no query and no fragment")
    return a_label(text).rstrip("/")


def is_host(name: str) -> bool:
    """Whether that can be a host: an IP address, or a name of labels (RFC 1035 2.3.1, and `_`), also of other letters."""
    try:
        ip_address(name)
    except ValueError:
        pass
    else:
        return "%" not in name
    try:
        labels = [idna.ToASCII(label) for label in name.removesuffix(".").split(".")]
    except UnicodeError:
        return False
    numeric = re.fullmatch(rb"[0-9]*|0[xX][0-9A-Fa-f]*", labels[-1])
    fits = all(re.fullmatch(rb"(?!-)[0-9A-Za-z_-]{1,63}(?<!-)", label) for label in labels)
    return fits and not numeric and len(b".".join(labels)) <= 253


def is_path(text: str) -> bool:
    """Whether that can be the path of a URL, as it is sent (RFC 3986 3.3)."""
    characters = re.fullmatch(r"(?!//)(?:[\w.~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*", text, re.ASCII)
    return bool(characters) and segments.is_plain(text)


def on_this_machine(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")


def is_plain(url: str) -> bool:
    """Whether requests to that URL would cross a network without TLS."""
    return urlsplit(url).scheme == "http" and not on_this_machine(url)


def _https(url: str, _: Any) -> str:
    if is_plain(url):
        raise ValueError("expected https://; plain http is for addresses of this machine")
    return url


def _issuer(url: str, _: Any) -> str:
    return url.removesuffix("/.well-known/openid-configuration").rstrip("/")


NOT_ON_THIS_MACHINE = "expected an address of this machine: mocks listen on no other"


def _local(url: str, _: Any) -> str:
    if not on_this_machine(url):
        raise ValueError(NOT_ON_THIS_MACHINE)
    return url


def _file(name: str, info: Any) -> Path:
    path: Path = info.context.folder / name
    try:
        content(path)
    except (OSError, ValueError) as error:
        shown = "a file of that name" if ADDRESS & set(name) else path
        raise ValueError(f"cannot read {shown}: {getattr(error, 'strerror', None) or 'not a file name'}") from None
    return path


def _node(address: str, _: Any) -> str:
    host, _, port = address.rpartition(":")
    if not 0 < int(port) < 65536:
        raise ValueError("expected a port below 65536")
    in_brackets = host.startswith("[")
    if not is_host(host.strip("[]")) or (":" in host) != in_brackets:
        raise ValueError("expected an address or a host name before the port")
    return address


def _line(text: str, _: Any) -> str:
    if not text.isprintable():
        raise ValueError("contains a line break or another character that cannot be seen")
    if text != text.strip():
        raise ValueError("begins or ends with a blank")
    return text


def _route(path: str, _: Any) -> str:
    where, _, query = path.partition("?")
    if not is_path(where) or not is_path(f"/{query.replace('?', '')}"):
        raise ValueError(
            "expected a path that begins with / and is encoded (RFC 3986 3.3), with nothing to resolve in it"
        )
    return path


def _lasting(duration: str, _: Any) -> str:
    if not int(duration[:-1]):
        raise ValueError("expected a duration above 0: a run takes some time")
    return duration


def _user(text: str, _: Any) -> str:
    if ":" in text:
        raise ValueError("contains a colon, which the user-id of Basic credentials cannot (RFC 7617 2)")
    return text


CREDENTIALS = frozenset({"authorization", "cookie", "access-token", "x-access-token", "proxy-authorization"})

OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"}
    | {"content-length", "expect", "host"}
)
"""The headers of a connection and of the length of a message (RFC 9110 7.6.1, 8.6 and 10.1.1; RFC 9112 6.1), and `Host`."""


def _method(name: str, _: Any) -> str:
    if name.upper() == "CONNECT":
        raise ValueError("CONNECT asks a proxy for a tunnel and calls no route (RFC 9110 9.3.6)")
    return name


def _headers(table: dict[str, str], _: Any) -> tuple[tuple[str, str], ...]:
    if found := [name for name in table if name.lower() in CREDENTIALS]:
        raise ValueError(f"{', '.join(found)} contains credentials: each check sends its own, or none")
    if found := [name for name in table if name.lower() in OF_THE_CONNECTION]:
        raise ValueError(
            f"{', '.join(found)}: dcrproof sets what concerns the connection and the length of a body itself"
        )
    return tuple(table.items())


def _secret(source: "Variable | SecretFile", info: Any) -> Secret:
    if isinstance(source, Variable):
        text = info.context.environment.get(source.env)
        if text is None:
            name = source.env if LIKE_OTHERS.fullmatch(source.env) else "of that name"
            raise ValueError(f"the environment variable {name} is not set")
        found = f"the environment variable {source.env}"
    else:
        path = info.context.folder / source.file
        try:
            text = secret_in(path)
        except (OSError, ValueError) as error:
            raise ValueError(f"cannot read {no_secret(source.file, info.context.folder, error)}") from None
        found = str(path)
    if _UNFILLED.fullmatch(text):
        raise ValueError(
            f"the value of {found} is only the name of a variable, such as $(NAME): nothing was put in its place"
        )
    if len(text) < SHORTEST:
        state = "is empty" if not text else f"has fewer than {SHORTEST} characters and could not be masked safely"
        raise ValueError(f"the value of {found} {state}")
    if not text.isprintable():
        raise ValueError(f"the value of {found} contains a line break or another control character")
    if any(map(is_own, forms_of(text))) or is_own_in_lines(text):
        raise ValueError(
            f"the value of {found} could not be masked: it consists of words, numbers or signs of which reports are full"
        )
    return Secret(text)


_UNFILLED = re.compile(r"\$(\([\w.]+\)|\{[\w.]+\}|\{\{.*\}\})")
"""What CI systems leave of a variable that they do not know: `$(NAME)` in Azure Pipelines."""
_DURATION = "[0-9]{1,6}[smh]"
_TOKEN = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"
"""A header name or a method (RFC 9110 5.6.2)."""
_HTTP_URL = r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#]"

Flag = Annotated[bool, Limits("true or false", strict=True)]
Count = Annotated[int, Limits("a whole number above 0", strict=True, ge=1)]
Text = Annotated[str, Limits("a text that is not empty", strict=True, pattern=r"\S"), Through(_line)]
Duration = Annotated[str, Limits('a duration such as "30s", "15m" or "1h"', strict=True, pattern=f"^{_DURATION}$")]
LongerThanNothing = Annotated[Duration, Through(_lasting)]
Latency = Annotated[str, Limits('a duration such as "250ms" or "2s"', strict=True, pattern="^[1-9][0-9]{0,5}(ms|s)$")]
Share = Annotated[float, Limits("a number from 0 to 1, such as 0.01 for one in a hundred", ge=0, le=1)]
Approval = Annotated[
    str, Limits('"auto", "admin" or "wait:15m"', strict=True, pattern=f"^(auto|admin|wait:{_DURATION})$")
]
Url = Annotated[
    str, Limits("a URL that begins with https:// and has a host", strict=True, pattern=_HTTP_URL), Through(_url)
]
Https = Annotated[Url, Through(_https)]
"""A URL with HTTPS, or with plain HTTP to this machine."""
Issuer = Annotated[Https, Through(_issuer)]
"""An issuer; the discovery URL, which Konnect is given, is accepted as well."""
Local = Annotated[Url, Through(_local)]
File = Annotated[Path, Through(_file, written=Text)]
"""A file that can be read, relative to the profile."""
Node = Annotated[
    str,
    # an IPv6 address stands in brackets (RFC 3986 3.2.2)
    Limits("host:port", strict=True, pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+):[0-9]{1,5}$"),
    Through(_node),
]
Nodes = Annotated[tuple[Node, ...], Limits('a list of addresses such as ["10.0.0.4:8443"]', min_length=1)]
Method = Annotated[str, Limits("an HTTP method such as GET", strict=True, pattern=_TOKEN), Through(_method)]
RoutePath = Annotated[str, Limits("a path that begins with /", strict=True, pattern="^/"), Through(_route)]
Status = Annotated[int, Limits("an HTTP status", strict=True, ge=200, le=599)]
"""The status of a final answer: no answer ends with 1xx (RFC 9110 15.2)."""
Statuses = Annotated[
    tuple[Status, ...], Limits("a list of HTTP statuses from 200 to 599 such as [200, 204]", min_length=1)
]
HeaderName = Annotated[str, Limits("a header name", strict=True, pattern=_TOKEN)]
HeaderText = Annotated[str, Limits("a text in ASCII", strict=True, pattern="^[ -~]*$")]
HeaderTable = Annotated[dict[HeaderName, HeaderText], Limits("a table of header names and texts in ASCII")]
Headers = Annotated[tuple[tuple[str, str], ...], Through(_headers, written=HeaderTable)]
User = Annotated[Text, Through(_user)]
"""What stands before the colon of Basic credentials."""


@dataclass(frozen=True)
class Variable:
    """A secret in an environment variable."""

    env: Annotated[str, Limits("a name", strict=True, pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
    """The name of the variable."""


@dataclass(frozen=True)
class SecretFile:
    """A secret in a file of its own; one newline at the end is stripped."""

    file: Text
    """The path, relative to the profile."""


SecretSource = Annotated[
    Variable | SecretFile,
    Limits('a table, { env = "VARIABLE" } or { file = "PATH" } (a secret is never written in the profile)'),
]
SecretValue = Annotated[Secret, Through(_secret, written=SecretSource)]
