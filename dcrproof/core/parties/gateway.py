"""The API consumer: calls the protected route, on each data-plane node, and reads what the answer proves."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dcrproof.core.checks.check import Evidence
from dcrproof.core.checks.expect import Expect
from dcrproof.core.checks.outcomes import Failed, Unreachable
from dcrproof.core.http.exchange import Exchange, quoted
from dcrproof.core.http.party_connection import PartyConnection, not_theirs
from dcrproof.core.http.polling import poll
from dcrproof.core.profile.model import RouteSettings
from dcrproof.core.secrets.secret import Secret, basic

UNAUTHORIZED = 401
REFUSED = (UNAUTHORIZED, 403)
REDIRECTED = (302, 303, 307)
DESCRIPTION = re.compile(r'\berror_description *= *"([^"\\]+)"', re.IGNORECASE)
"""In a challenge; RFC 6750 3 has neither quotation marks nor backslashes in it."""


@dataclass(frozen=True)
class Consumer:
    """Calls the route of a profile. `url` is that of the gateway, without the path of the route."""

    http: PartyConnection
    url: str
    route: RouteSettings
    behind: Callable[[], str] = lambda: ""
    """Which data planes have an old configuration, in words; an empty text where none has, or it is unknown."""

    def __repr__(self) -> str:
        return f"<consumer of {self.route.method} {self.route_url}>"

    @property
    def nodes(self) -> tuple[str | None, ...]:
        """The addresses to dial one by one; a single None means the host name itself."""
        return self.http.connection.nodes or (None,)

    @property
    def route_url(self) -> str:
        """The URL of the route."""
        return self.url + self.route.path

    def call(
        self,
        headers: Mapping[str, str] | None = None,
        *,
        node: str | None = None,
        path: str | None = None,
        query: str = "",
        method: str | None = None,
        body: bytes = b"",
    ) -> Exchange:
        """One call of the route, or of another path. Raises Unreachable where what answered is not Kong, and ValueError for
        an argument of which no request can be made.
        """
        __tracebackhide__ = True
        _require_request(self, headers or {}, node, path or "/", query, method or "GET")
        exchange = self.http.send(
            method or self.route.method,
            self.url + (self.route.path if path is None else path) + (f"?{query}" if query else ""),
            headers={**dict(self.route.headers), **(headers or {})},
            body=body,
            node=node or self.nodes[0],
            repeatable=False,  # checks judge every answer of the gateway; only 429 is a limit, and not an answer
        )
        if not answered_by_kong(exchange) and not too_large(exchange):
            raise not_theirs(exchange, f"{exchange.what} was not answered by Kong: {exchange.shape}")
        return exchange

    def accepts(self, exchange: Exchange) -> bool:
        return exchange.status in self.route.success

    def refuses(self, exchange: Exchange) -> bool:
        """Whether the call was rejected before reaching the upstream, whose latency Kong reports otherwise.

        That is the direction alone: with `unauthorized_redirect_uri`, or with the code flow among the methods, a caller
        without usable credentials is sent away (302), and is not let in either. Such a redirect has to bear the header of
        an answer of Kong's own: an upstream redirects as well.
        """
        return (exchange.status in REFUSED and not reached_upstream(exchange)) or self.sends_away(exchange)

    def sends_away(self, exchange: Exchange) -> bool:
        """Whether the call was rejected with a redirect of Kong's own."""
        own = exchange.header("x-kong-response-latency") is not None and not reached_upstream(exchange)
        return exchange.status in REDIRECTED and own


TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A method, or the name of a header (RFC 9110 5.6.2)."""
TARGET = re.compile(r"[!-~]*")
"""Path and query of a request: what is not ASCII stands there percent-encoded (RFC 3986 2.1)."""


def _require_request(
    consumer: Consumer, headers: Mapping[str, str], node: str | None, path: str, query: str, method: str
) -> None:
    __tracebackhide__ = True
    if node is not None and node not in consumer.nodes:
        raise ValueError(f"node: one of the addresses in nodes, {consumer.nodes}, not {node!r}")
    if not path.startswith("/") or not TARGET.fullmatch(path + query):
        raise ValueError(f"path and query: begin with /, and are percent-encoded, not {path!r} and {query!r}")
    if not TOKEN.fullmatch(method):
        raise ValueError(f"method: an HTTP method such as GET, not {method!r}")
    if wrong := [name for name, value in headers.items() if not TOKEN.fullmatch(name) or not isinstance(value, str)]:
        raise ValueError(f"headers: names as RFC 9110 5.6.2 has them, and values that are texts, not {wrong}")


def with_basic(client_id: str, secret: Secret) -> dict[str, str]:
    return {"authorization": f"Basic {basic(client_id, secret.reveal())}"}


def with_bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def reached_upstream(exchange: Exchange) -> bool:
    return exchange.header("x-kong-upstream-latency") is not None


def marked_by_kong(exchange: Exchange) -> bool:
    """Whether the answer has a header of Kong."""
    kong = "kong" in (exchange.header("via") or "").lower() or "kong" in (exchange.header("server") or "").lower()
    return kong or any(name.lower().startswith("x-kong-") for name, _ in exchange.headers)


def answered_by_kong(exchange: Exchange) -> bool:
    """Whether Kong answered, by its headers or the shape of its errors, and not a firewall or a proxy."""
    if marked_by_kong(exchange):
        return True
    # a gateway may be configured to add no headers: then the upstream's answer, or an error shaped as Kong's
    if exchange.status >= 400:
        return bool(message(exchange)) or (exchange.method == "HEAD" and exchange.media_type == "application/json")
    return exchange.media_type != "text/html" and not exchange.broken


ERROR_PAGE = re.compile(r"<title>Error</title>[^<]*</head>[^<]*<body>[^<]*<h1>Error</h1>[^<]*<p>([^<]{1,200})\.</p>")
"""Kong's error where `Accept` prefers HTML (kong/tools/http.lua)."""


def message(exchange: Exchange) -> str:
    """Kong's `message`, or an empty text."""
    found = exchange.members().get("message")
    if found is None and exchange.media_type == "text/html" and (page := ERROR_PAGE.search(exchange.text[:2000])):
        return page[1]
    return found if isinstance(found, str) else ""


def says(exchange: Exchange, text: str) -> bool:
    """Whether Kong's message is that text, as far as the answer tells: one to HEAD has no body (RFC 9110 9.3.2)."""
    return exchange.method == "HEAD" or message(exchange) == text


def too_large(exchange: Exchange) -> bool:
    """Whether the answer, of Kong or of what is in front of it, is that a header is too large (RFC 6585 5; nginx's 494).

    nginx and Kong say so with 400, in whatever media type.
    """
    return exchange.status in (431, 494) or (exchange.status == 400 and b"too large" in exchange.body[:5000].lower())


def judges_nobody(exchange: Exchange) -> bool:
    """Whether the answer is an error of Kong's own that says nothing of the caller, whom it refuses with 401 or 403."""
    own = exchange.status >= 400 and exchange.status not in REFUSED and not reached_upstream(exchange)
    return own and not too_large(exchange)


def session_cookie(exchange: Exchange) -> str | None:
    """The session that the gateway set, as the value of a Cookie header, with all its parts; None without one."""
    parts = [cookie.partition(";")[0].strip() for cookie in exchange.headers_named("set-cookie")]
    session = [part for part in parts if part.startswith("session")]
    return "; ".join(session) or None


def echoed(exchange: Exchange) -> dict[str, Any]:
    """What reached the upstream: `method`, `path`, `headers` (names in lower case) and `body`. Raises Unreachable where the answer is not an echo."""
    content = exchange.object()
    headers = content.get("headers")
    if not isinstance(headers, dict):
        raise Unreachable(
            "upstream", f"{exchange.what} is not an echo", "an object with method, path, headers and body"
        )
    return {**content, "headers": {str(name).lower(): str(value) for name, value in headers.items()}}


def said(exchange: Exchange) -> str:
    """A gateway's answer in short: its status, Kong's `message`, and with 401 the description in WWW-Authenticate."""
    words = quoted(message(exchange))
    found = DESCRIPTION.search(exchange.header("www-authenticate") or "") if exchange.status == UNAUTHORIZED else None
    described = f" (error_description {quoted(found[1])!r})" if found else ""
    return f"{exchange.status}{f' {words!r}' if words else ''}{described}"


def answer(exchange: Exchange) -> str:
    """A gateway's answer in words, with its exchange."""
    through = ", from the upstream" if reached_upstream(exchange) else ""
    return f"{said(exchange)}{through} ({exchange.what})"


def accepted(expect: Expect, consumer: Consumer, exchange: Exchange, what: str) -> None:
    """Judges the direction of a call: it was accepted."""
    expect.that(consumer.accepts(exchange), f"{what} accepted", answer(exchange))


def refused(
    expect: Expect,
    consumer: Consumer,
    exchange: Exchange,
    what: str,
    status: int | None = None,
    evidence: Evidence = Evidence.INFERRED,
    switch: str | None = None,
) -> None:
    """Judges the direction of a call, rejected before reaching the upstream, and its form, the status.

    `switch` names the form where a switch of the mock sets it. Where 401 is
    expected a redirect will do: the strategy says whether callers without usable credentials are sent away.
    """
    kept_out = not consumer.accepts(exchange) and not reached_upstream(exchange)
    expect.that(kept_out, f"{what} rejected before reaching the upstream", answer(exchange))
    if status is not None:
        held = exchange.status == status or (status == UNAUTHORIZED and consumer.sends_away(exchange))
        expect.form("gateway", switch or what, held, f"{status} to {what}", answer(exchange), evidence)


def accepted_everywhere(consumer: Consumer, headers: Mapping[str, str], what: str, deadline: float) -> list[Exchange]:
    """Calls each node until it accepts or the deadline has passed: changes in Konnect take time. Returns the last answers."""
    expected = f"{what} accepted ({', '.join(map(str, consumer.route.success))})"
    return _everywhere(consumer, headers, consumer.accepts, expected, deadline)


def refused_everywhere(
    consumer: Consumer, headers: Mapping[str, str], what: str, deadline: float = 0.0
) -> list[Exchange]:
    """Calls each node until it rejects, or the deadline has passed. Returns the last answers."""
    return _everywhere(consumer, headers, consumer.refuses, f"{what} rejected before reaching the upstream", deadline)


def _everywhere(
    consumer: Consumer, headers: Mapping[str, str], holds: Callable[[Exchange], bool], expected: str, deadline: float
) -> list[Exchange]:
    answers: dict[str | None, Exchange] = {}

    def ask() -> list[Exchange]:
        for node in consumer.nodes:
            if node not in answers or not holds(answers[node]):
                answers[node] = consumer.call(headers, node=node)
        return [exchange for exchange in answers.values() if not holds(exchange)]

    others, _ = poll("a change to reach every node of the gateway", ask, lambda found: not found, deadline)
    if others:
        behind = consumer.behind()
        failed = Failed(f"{expected} on every node", "; ".join([*map(answer, others), *([behind] if behind else [])]))
        failed.exchange = others[0]
        raise failed
    return list(answers.values())
