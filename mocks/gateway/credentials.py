"""Where the plugin looks for a caller's credentials, and how it removes them from the request that goes upstream.

| method                                  | header                                                    | arguments                    |
| `bearer`, `introspection`, `userinfo`   | `Authorization: Bearer`, `Access-Token`, `X-Access-Token` | `access_token`               |
| `refresh_token`                         | `Refresh-Token`, `X-Refresh-Token` (inferred)             | `refresh_token`              |
| `password`                              | `Authorization: Basic`                                    | `username`, `password`       |
| `client_credentials`                    | `Authorization: Basic`                                    | `client_id`, `client_secret` |

Rules
- The places are those of `bearer_token_param_type`, `client_credentials_param_type` and their like (plugin schema); by
  default header, query and body, so that an API's own form fields of these names are taken for credentials. A cookie
  is a place for bearer tokens only, and only where it is asked for, with `bearer_token_cookie_name`.
- With `bearer_token_header_name` (3.15) that header is read and no other.
- The schemes are read in two spellings each, `Basic` and `basic` (as Kong's open-source basic-auth does), `Bearer` and
  `bearer` (a support article prints the second), followed by one blank; of others nothing is known.
- A pair splits at the first colon (RFC 7617 section 2).
- A header or argument that comes twice is no credential: which one counts is unknown.
- What cannot be read is not found, and that is answered as if it had not been sent (inferred).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus, urlencode

from dcrproof.mocks.gateway import strict
from dcrproof.mocks.gateway.plugin import Names, Plugin
from dcrproof.mocks.gateway.switches import STRICT, Switches
from dcrproof.mocks.messages import Pairs, Request

BEARER_HEADERS: Names = ("authorization", "access-token", "x-access-token")
REFRESH_HEADERS: Names = ("refresh-token", "x-refresh-token")
USER_ARGUMENTS: Names = ("username", "password")
TOKEN_ARGUMENTS: Names = ("access_token",)
PAIR_ARGUMENTS: Names = ("client_id", "client_secret")

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True)
class CredentialPlace:
    """Where in a request a credential was: in a header, the query, the body or a cookie; under which names."""

    kind: str
    names: Names


@dataclass(frozen=True)
class BearerToken:
    """`method` is the one that found it: `bearer`, `introspection` or `userinfo`."""

    token: str = field(repr=False)
    place: CredentialPlace
    method: str = "bearer"


@dataclass(frozen=True)
class RefreshToken:
    token: str = field(repr=False)
    place: CredentialPlace


@dataclass(frozen=True)
class ClientPair:
    """The caller's id and secret in octets, since HTTP says nothing of their charset.

    `method` is `client_credentials`, or `password`: then they are a user's name and password.
    """

    id: bytes
    secret: bytes = field(repr=False)
    place: CredentialPlace
    method: str = "client_credentials"


def read_basic(value: str, switches: Switches = STRICT) -> tuple[bytes, bytes] | None:
    """Id and secret of an `Authorization` header of scheme Basic, or None."""
    if switches.any_spelling_of_basic and value[:5].lower() == "basic":
        value = f"Basic {value[5:].strip()}"
    encoded = _after_scheme(value, "Basic")
    if not encoded:
        return None
    pair = strict.base64(encoded)
    if pair is None and switches.any_spelling_of_base64:
        pair = strict.base64_of_any_spelling(encoded)
    if pair is None and switches.literal_basic:
        pair = encoded.encode("latin-1", "replace")
    if pair is None or b":" not in pair:
        return None
    identifier, _, secret = pair.partition(b":")
    return identifier, secret


def find_bearer_token(plugin: Plugin, request: Request, method: str = "bearer") -> BearerToken | None:
    names = (plugin.bearer_token_header_name.lower(),) if plugin.bearer_token_header_name else BEARER_HEADERS
    for kind in plugin.bearer_token_param_type:
        if kind == "header":
            for name in names:
                value = single_header(request, name)
                if token := _after_scheme(value, "Bearer") if name == "authorization" else value:
                    return BearerToken(token, CredentialPlace("header", (name,)), method)
        elif kind == "cookie":
            name = plugin.bearer_token_cookie_name or ""
            if token := cookies(request).get(name, ""):
                return BearerToken(token, CredentialPlace("cookie", (name,)), method)
        elif token := arguments(request, kind).get(TOKEN_ARGUMENTS[0], ""):
            return BearerToken(token, CredentialPlace(kind, TOKEN_ARGUMENTS), method)
    return None


def find_refresh_token(plugin: Plugin, request: Request) -> RefreshToken | None:
    named = plugin.refresh_token_param_name
    for kind in plugin.refresh_token_param_type:
        if kind == "header":
            for name in (named.lower(),) if named else REFRESH_HEADERS:
                if token := single_header(request, name):
                    return RefreshToken(token, CredentialPlace("header", (name,)))
        elif token := arguments(request, kind).get(named or "refresh_token", ""):
            return RefreshToken(token, CredentialPlace(kind, (named or "refresh_token",)))
    return None


def find_client_pair(plugin: Plugin, request: Request, switches: Switches = STRICT) -> ClientPair | None:
    """The pair, or None; an empty id or secret does not count (inferred: it could never be right)."""
    return _find_pair(request, plugin.client_credentials_param_type, PAIR_ARGUMENTS, "client_credentials", switches)


def find_user(plugin: Plugin, request: Request, switches: Switches = STRICT) -> ClientPair | None:
    return _find_pair(request, plugin.password_param_type, USER_ARGUMENTS, "password", switches)


def _find_pair(request: Request, kinds: Names, names: Names, method: str, switches: Switches) -> ClientPair | None:
    for kind in kinds:
        if kind == "header":
            header = "authorization"
            if switches.reads_proxy_authorization and not single_header(request, header):
                header = "proxy-authorization"
            pair = read_basic(single_header(request, header), switches)
            place = CredentialPlace("header", (header,))
        else:
            given = arguments(request, kind)
            values = [given.get(name, "").encode("utf-8", "surrogateescape") for name in names]
            pair = (values[0], values[1])
            place = CredentialPlace(kind, names)
        if pair is not None and all(pair):
            return ClientPair(pair[0], pair[1], place, method)
    return None


def cookies(request: Request) -> dict[str, str]:
    """The request's cookies; the first value, where a name comes twice."""
    found: dict[str, str] = {}
    for key, value in request.headers:
        if key == "cookie":
            for part in value.split(";"):
                name, _, content = part.strip().partition("=")
                found.setdefault(name, content)
    return found


def single_header(request: Request, name: str) -> str:
    """The value of a header that came once; empty where it did not come, or came twice."""
    values = [value for key, value in request.headers if key == name]
    return values[0] if len(values) == 1 else ""


def arguments(request: Request, kind: str) -> Mapping[str, str]:
    """The arguments of a query or a body that came once each. Of a JSON body, those members that are strings."""
    if kind == "query":
        given: Pairs = tuple(_parse(request.query))
    elif kind == "body" and request.body and _media_type(request) == FORM:
        given = tuple(_parse(request.body.decode("utf-8", "surrogateescape")))
    elif kind == "body" and request.body and _media_type(request) == JSON:
        members = strict.json_object(request.body) or {}
        return {name: value for name, value in members.items() if isinstance(value, str)}
    else:
        return {}
    names = [name for name, _ in given]
    return {name: value for name, value in given if names.count(name) == 1} if len(names) < 1000 else {}


def names_null(request: Request) -> bool:
    """Whether a JSON body gives `null` for an argument in which a credential is looked for."""
    if not request.body or _media_type(request) != JSON:
        return False
    members = strict.json_object(request.body) or {}
    return any(name in members and members[name] is None for name in (*TOKEN_ARGUMENTS, *PAIR_ARGUMENTS))


def without_query_arguments(query: str, names: Names) -> str:
    """The query as it was, except for these arguments."""
    return "&".join(part for part in query.split("&") if unquote_plus(part.partition("=")[0]) not in names)


def without_cookies(value: str, names: Names) -> str:
    """A `Cookie` header's value without the cookies of these names; empty where nothing is left."""
    parts = (part.strip() for part in value.split(";"))
    return "; ".join(part for part in parts if part and part.partition("=")[0] not in names)


def without_body_arguments(request: Request, names: Names) -> bytes:
    """The body without these arguments. Reached only where `arguments` found them in it."""
    if _media_type(request) == FORM:
        pairs = _parse(request.body.decode("utf-8", "surrogateescape"))
        return urlencode([pair for pair in pairs if pair[0] not in names], errors="surrogateescape").encode()
    members = strict.json_object(request.body) or {}
    return strict.to_json({name: value for name, value in members.items() if name not in names})


def _after_scheme(value: str, scheme: str) -> str:
    given, _, credentials = value.partition(" ")
    return credentials if given in (scheme, scheme.lower()) and not credentials.startswith(" ") else ""


def _parse(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True, errors="surrogateescape")


def _media_type(request: Request) -> str:
    return (request.header("content-type") or "").partition(";")[0].strip().lower()
