"""How a secret may be spelled in what is written, and which part of it is secret."""

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SIGNATURE = re.compile(r"(\.eyJ[\w-]+(?:<secret \w+>[\w-]*)*)\.(?!eyJ)[\w-]+")
"""The claims and the signature of a JWT, whole or cut off. Without the header, so that matching takes linear time."""
CLAIMS = re.compile(r"\.eyJ[\w-]+\.[\w-]*")
"""The claims of a JWT in compact form, and its signature, which may be empty."""
JWS = re.compile(r"(eyJ[\w-]+\.[\w-]*\.)([\w-]*)")
JWE = re.compile(r"(eyJ[\w-]+\.)([\w.-]*)")

LONGEST_ENCODED = 256
"""Longer values, such as signatures and sealed sessions, have too many encoded forms: there the text is decoded."""

UNRESERVED = re.compile(r"[\w.~-]*", re.ASCII)
"""Characters that are never encoded or escaped (RFC 3986 2.3)."""

_PERCENT_SAFE = (
    "~",  # RFC 3986, and Python's quote
    "/~",  # the same in a path
    "!*'()~",  # JavaScript's encodeURIComponent
    "!$&'()*+,/:;=?@[]~#",  # a URL that is normalised, as requests and httpx do it
)


def forms_of(value: str) -> Iterator[str]:
    """The forms of a secret."""
    yield value
    if not UNRESERVED.fullmatch(value):
        for encoded in set(_percent(_octets(value))):
            yield encoded
            yield re.sub("%..", lambda sign: sign[0].lower(), encoded)
        for once in set(_escaped(value)):
            yield from _escaped(once)  # a document in a document
    if len(value) <= LONGEST_ENCODED:
        for text in {value, quote_plus(_octets(value))}:
            yield from base64_forms(text)
        yield from (_octets(value).hex(), _octets(value).hex().upper())


def _percent(octets: bytes) -> Iterator[str]:
    for safe in _PERCENT_SAFE:
        yield quote(octets, safe=safe)
    yield quote_plus(octets)  # RFC 6749 2.3.1: application/x-www-form-urlencoded
    yield quote_plus(octets, safe="*").replace("~", "%7E")  # the same, as browsers do it


def _escaped(text: str) -> Iterator[str]:
    yield text
    for only_ascii in (True, False):
        escaped = json.dumps(text, ensure_ascii=only_ascii)[1:-1]
        yield escaped
        yield escaped.replace("/", r"\/")  # Lua, PHP
        yield escaped.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"})  # Go
    markup = html.escape(text, quote=False)
    yield markup
    yield markup.replace('"', "&quot;")  # XML
    yield markup.replace('"', "&quot;").replace("'", "&#x27;")  # Python
    yield markup.replace('"', "&#34;").replace("'", "&#39;")  # Jinja
    yield repr(text)[1:-1]
    yield repr(_octets(text))[2:-1]


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a value from the environment may not be UTF-8


def base64_forms(text: str, *, last: bool = False) -> Iterator[str]:
    """The characters of base64 that depend on a text alone, at each alignment and in both alphabets.

    `last` says that nothing follows the text.
    """
    octets = _octets(text)
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + octets).decode().rstrip("=")
        form = encoded[-(-before * 8 // 6) : None if last else (before + len(octets)) * 8 // 6]
        yield form
        yield form.replace("+", "-").replace("/", "_")


def pair_forms(client_id: str, secret: str) -> Iterator[tuple[str, int]]:
    """Basic credentials in base64, each with the number of characters at its start that encode the client id."""
    # as an API consumer sends them (RFC 7617), and as a client does (RFC 6749 2.3.1)
    for name, value in ((client_id, secret), (quote_plus(_octets(client_id)), quote_plus(_octets(secret)))):
        whole, public = base64_forms(f"{name}:{value}", last=True), base64_forms(f"{name}:")
        yield from zip(whole, map(len, public), strict=True)


def jwts(text: str) -> Iterator[str]:
    """The JWTs in a text that have a signature."""
    return (text[_header(text, match.start()) : match.end()] for match in SIGNATURE.finditer(text))


def compact(text: str) -> Iterator[tuple[int, str]]:
    """The JWTs in a text, also those without a signature, each with the place where it begins."""
    for match in CLAIMS.finditer(text):
        begins = text.find("eyJ", _header(text, match.start()), match.start())
        if begins >= 0:
            yield begins, text[begins : match.end()]


def _header(text: str, end: int) -> int:
    """Where the run of base64url begins that ends there: read backwards, so that many beginnings take no longer."""
    while end and (text[end - 1].isalnum() or text[end - 1] in "-_"):
        end -= 1
    return end


def secret_part(value: str) -> str:
    """A value without its public part: the header and the claims of a JWT, or the header of an encrypted one."""
    public = JWS.fullmatch(value) or JWE.fullmatch(value)
    return public[2] if public else value
