"""Requests and responses as plain data, so that the state cores of the mocks need no I/O.

A handler takes a `Request` and returns a `Response`. A handler that must itself ask another server is a generator: it
yields a `Call` and is sent the `Response` to it, or a `NoAnswer`; it returns its own `Response` at the end. The
calls are made by `dcrproof.mocks.calls`, or by `perform` in a test.
"""

import codecs
import json
import math
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, NoReturn, TypeAlias, TypeVar
from urllib.parse import parse_qsl

Pairs: TypeAlias = tuple[tuple[str, str], ...]


def find(pairs: Pairs, name: str) -> str | None:
    """The first value of that header (names compared without case), or None."""
    wanted = name.lower()
    return next((value for key, value in pairs if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class Request:
    """What a party received. `path` is percent-decoded, `raw_path` is not; header names are lower case."""

    method: str
    path: str
    raw_path: str = ""
    query: str = ""
    headers: Pairs = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return find(self.headers, name)

    @property
    def parameters(self) -> Pairs:
        """The query's parameters, in order."""
        return tuple(parse_qsl(self.query, keep_blank_values=True))

    @property
    def form(self) -> Pairs:
        """The body read as application/x-www-form-urlencoded; empty where it is not a form."""
        return tuple(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Pairs = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return find(self.headers, name)

    def json(self) -> Any:
        """The body as JSON, without a byte order mark, which a reader may ignore (RFC 8259 8.1). Raises ValueError where it
        is not JSON.
        """
        return read_json(self.body.removeprefix(codecs.BOM_UTF8))


@dataclass(frozen=True, slots=True)
class Call:
    """A request that a mock sends to another server. `url` is absolute; without `verify` any certificate is accepted.

    Without `own_authorities` only the certificate authorities of the operating system are trusted. Equal calls, `flight`
    included, are made once while the first is under way, and share its answer. Without a `flight` each call is made.
    """

    method: str
    url: str
    headers: Pairs = ()
    body: bytes = b""
    timeout: float = 10.0
    verify: bool = True
    own_authorities: bool = True
    flight: str | None = None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a call got no HTTP response: in words, and its kind, `name`, `tls`, `time` or `connection`."""

    reason: str
    kind: str = "connection"


T = TypeVar("T")
Asking: TypeAlias = Generator[Call, Response | NoAnswer, T]
"""A generator that makes calls before it returns its result: it yields each call, and is sent the answer."""
Calls: TypeAlias = Asking[Response]
Handler: TypeAlias = Callable[..., Response | Calls]
H = TypeVar("H", bound=Handler)


def read_json(body: bytes, *, deepest: int = 200, nul: bool = True) -> Any:
    """JSON in UTF-8 (RFC 8259) that can be written again. Raises ValueError for all else.

    Refused too: NaN, infinite numbers, escapes of lone surrogates (RFC 8259 8.2), more than `deepest` levels, and
    without `nul` the character NUL.
    """
    text = body.decode()
    try:
        content = json.loads(text, parse_constant=_no_json, parse_float=_finite)
    except RecursionError:
        raise ValueError("the JSON nests too deep") from None
    if "\\u" not in text and text.count("{") + text.count("[") <= deepest:
        return content  # what is refused below takes one of these
    waiting = [(content, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > deepest:
            raise ValueError("the JSON nests too deep")
        if isinstance(value, dict):
            waiting.extend((part, depth + 1) for pair in value.items() for part in pair)
        elif isinstance(value, list):
            waiting.extend((part, depth + 1) for part in value)
        elif isinstance(value, str):
            value.encode()  # raises UnicodeEncodeError, a ValueError
            if not nul and "\0" in value:
                raise ValueError("the JSON holds NUL")
    return content


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("the JSON holds a number that is too large")
    return value


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


as_json: Callable[[Any], str] = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
"""The one spelling of JSON that the mocks write: without blanks, and in UTF-8."""


def json_response(status: int, content: Any, headers: Pairs = (), media_type: str = "application/json") -> Response:
    body = as_json(content).encode()
    return Response(status, (("content-type", media_type), *headers), body)


def perform(outcome: Response | Calls, answer: Callable[[Call], Response | NoAnswer]) -> Response:
    """Runs a handler's outcome to its end, with `answer` in place of the network."""
    if isinstance(outcome, Response):
        return outcome
    try:
        call = next(outcome)
        while True:
            call = outcome.send(answer(call))
    except StopIteration as stop:
        response: Response = stop.value
        return response


@dataclass(frozen=True)
class Routes(Generic[H]):
    """Finds the handler of a request in a table of (method, path template, handler).

    A template's `{name}` matches one path segment and is passed to the handler, percent-decoded, under that name.
    """

    table: tuple[tuple[str, str, H], ...]
    _fixed: dict[str, dict[str, H]] = field(init=False, default_factory=dict)
    _templates: dict[int, list[tuple[str, dict[str, H]]]] = field(init=False, default_factory=dict)
    """Those with names, by the number of their segments."""

    def __post_init__(self) -> None:
        by_template: dict[str, dict[str, H]] = {}
        for method, template, handler in self.table:
            by_template.setdefault(template, {})[method] = handler
        for template, methods in by_template.items():
            if "{" in template:
                self._templates.setdefault(template.count("/"), []).append((template, methods))
            else:
                self._fixed[template] = methods

    def find(self, method: str, path: str) -> tuple[H, Mapping[str, str]] | frozenset[str]:
        """The handler and its arguments; or the methods that the path has (none: there is no such path)."""
        if path in self._fixed:
            methods = self._fixed[path]
            return (methods[method], {}) if method in methods else frozenset(methods)
        allowed: set[str] = set()
        for template, methods in self._templates.get(path.count("/"), ()):
            if match := _pattern(template).match(path):
                if method in methods:
                    return methods[method], match.groupdict()
                allowed.update(methods)
        return frozenset(allowed)


@lru_cache(1024)
def _pattern(template: str) -> re.Pattern[str]:
    """What a path of that template matches; made when it is needed, since a run asks for few of all paths."""
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))
    return re.compile(pattern + r"\Z")


def pairs(headers: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """Headers as they come from an ASGI server."""
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)
