"""The API consumer: calls the protected route, on each data-plane node, and reads what the answer proves."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

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
SCHEME = re.compile(r" *([A-Za-z][\w-]{0,50})(?= |,|$)")
PARAMETER = re.compile(r'\b(error|error_description|scope) {0,9}= {0,9}"([^"\\]+)"', re.IGNORECASE)
"""Of a challenge; RFC 6750 3 has neither quotation marks nor backslashes in these."""
LONGEST_CHALLENGE = 4000


@dataclass(frozen=True)
class Consumer:
    """Calls the route of a profile. `url` is that of the gateway, without the path of the route."""

    http: PartyConnection
    url: str
    route: RouteSettings
    is_kong: bool = True
    """Whether Kong is expected to answer; else any gateway that validates JWTs, of whose answers nothing is known."""
    behind: Callable[[], str] = lambda: ""
    """Which data planes have an old configuration, in words; an empty text where none has, or it is unknown."""
    require_issuer: Callable[[], None] | None = None
    """Raises Unreachable where the authorization server, which the gateway asks, is out of order from here as well; None
    where it cannot be."""

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
        if self.is_kong and not answered_by_kong(exchange) and not too_large(exchange):
            said = f"{exchange.what} was not answered by Kong: {exchange.shape}"
            raise not_theirs(exchange, said, met=self.http.met)
        self.http.met = True
        return exchange

    def accepts(self, exchange: Exchange) -> bool:
        return exchange.status in self.route.success

    def accepted(self, exchange: Exchange) -> Exchange:
        """The answer to a call that should be accepted, or to the same call once more: an outage of the authorization server,
        which the gateway asks, looks like a refusal. Raises Unreachable where that is out of order from here as well.
        """
        if self.accepts(exchange) or self.require_issuer is None:
            return exchange
        self.require_issuer()
        headers, body = dict(exchange.request_headers), exchange.request_body
        path = exchange.url.removeprefix(self.url)
        node = exchange.node if exchange.node in self.nodes else None
        return self.call(headers, node=node, path=path, method=exchange.method, body=body)

    def refuses(self, exchange: Exchange) -> bool:
        """Whether the call was rejected before reaching the upstream, whose latency Kong reports otherwise.

        That is the direction alone: with `unauthorized_redirect_uri`, or with the code flow among the methods, a caller
        without usable credentials is sent away (302), and is not let in either; another plugin may have words and statuses
        of its own. These have to bear the header of an answer of Kong's own: an upstream answers so as well. Of another
        gateway than Kong the status is all there is, and that the upstream has not echoed the call.
        """
        if not self.is_kong:
            refused = 400 <= exchange.status < 500 and exchange.status not in (404, 429)
            return (refused or exchange.status in REDIRECTED) and not (self.route.echo and is_echo(exchange))
        if exchange.status in REFUSED:
            return not reached_upstream(exchange)
        own = 400 <= exchange.status < 500 and exchange.status != 404 and _of_kong_itself(exchange)
        return own or self.sends_away(exchange)

    def sends_away(self, exchange: Exchange) -> bool:
        """Whether the call was rejected with a redirect of the gateway's own."""
        return exchange.status in REDIRECTED and (not self.is_kong or _of_kong_itself(exchange))


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


def _of_kong_itself(exchange: Exchange) -> bool:
    return exchange.header("x-kong-response-latency") is not None and not reached_upstream(exchange)


NO_ROUTE = "no Route matched with those values"
"""In Kong's own page as well (Kong, `tools/http.lua`)."""


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
        nothing = exchange.method == "HEAD" and not exchange.body  # RFC 9110 9.3.2: its answer has no body
        return nothing or bool(message(exchange)) or NO_ROUTE in exchange.text[:LONGEST_CHALLENGE]
    return exchange.media_type != "text/html" and not exchange.broken


def message(exchange: Exchange) -> str:
    """Kong's `message`, or an empty text."""
    found = exchange.members().get("message")
    return found if isinstance(found, str) else ""


def plain(exchange: Exchange) -> str:
    """The text of an error that is a line of plain text, as other gateways than Kong answer; empty for any other answer."""
    short = exchange.status >= 400 and exchange.media_type == "text/plain" and len(exchange.body) <= LONGEST_LINE
    return exchange.text.strip() if short and "\n" not in exchange.text.strip() else ""


LONGEST_LINE = 200


def reason_in(exchange: Exchange) -> str:
    """Why a gateway of any make refuses, in its own words; empty where it says nothing."""
    members = exchange.members()
    inner = [one[0] if isinstance(one, list) and one else one for one in map(members.get, NESTED)]
    told = (of.get(name) for of in (members, *inner) if isinstance(of, Mapping) for name in REASONS)
    texts = [challenge(exchange).get("error_description"), plain(exchange), *told]
    return " ".join(dict.fromkeys(text for text in texts if isinstance(text, str) and text))[:LONGEST_REASON]


LONGEST_REASON = 1000
REASONS = ("message", "error_description", "detail", "title", "reason", "msg", "error", "faultstring")
"""Members in which the errors of gateways say why."""
NESTED = ("error", "errors", "fault")
"""Members that may be an object with these, or a list of such objects (JSON:API, Google's and Apigee's errors)."""


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


OF_THE_UPSTREAM = re.compile(r"\b(the upstream server|ring-balancer|name resolution failed)\b", re.IGNORECASE)
"""Words of Kong's own errors about the upstream (Kong, `error_handlers.lua` and `runloop/balancer`)."""


def of_the_upstream(exchange: Exchange) -> bool:
    """Whether the answer is an error of Kong about the upstream, for which it has let the caller through."""
    return exchange.status >= 500 and bool(OF_THE_UPSTREAM.search(message(exchange)))


def wants_https(exchange: Exchange) -> bool:
    """Whether Kong answers that the route is to be called over TLS: with 426, or as the route says with a redirect
    (developer.konghq.com/gateway/entities/route/, `https_redirect_status_code`).
    """
    if not exchange.url.startswith("http:") or reached_upstream(exchange):
        return False
    moved = (exchange.header("location") or "").startswith("https:") and exchange.status in (301, 302, 307, 308)
    there = urlsplit(exchange.header("location") or "").hostname == urlsplit(exchange.url).hostname if moved else False
    return there or (exchange.status == 426 and "https" in message(exchange).lower())


def session_cookies(exchange: Exchange, name: str = "session") -> list[str]:
    """The Set-Cookie headers of the gateway's session: one of more than 4 KB is split, and its parts are numbered."""
    numbered = re.compile(rf"{re.escape(name)}\d?\s*=")
    return [cookie for cookie in exchange.headers_named("set-cookie") if numbered.match(cookie.strip())]


def session_cookie(exchange: Exchange, name: str = "session") -> str | None:
    """The session that the gateway set, as the value of a Cookie header, with all its parts; None without one."""
    parts = [cookie.partition(";")[0].strip() for cookie in session_cookies(exchange, name)]
    return "; ".join(parts) or None


def changed_cookie(cookie: str) -> str:
    """That session with one character in its middle changed."""
    middle = (cookie.index("=") + len(cookie)) // 2
    return f"{cookie[:middle]}{'B' if cookie[middle] == 'A' else 'A'}{cookie[middle + 1 :]}"


def is_echo(exchange: Exchange) -> bool:
    """Whether the answer is what an upstream that echoes sends."""
    return isinstance(exchange.members().get("headers"), dict)


def echoed(exchange: Exchange) -> dict[str, Any]:
    """What reached the upstream: `method`, `path`, `headers` (names in lower case) and `body`. Raises Unreachable where the answer is not an echo."""
    content = exchange.object()
    headers = content.get("headers")
    if not isinstance(headers, dict):
        raise Unreachable(
            "upstream", f"{exchange.what} is not an echo", "an object with method, path, headers and body"
        )
    return {**content, "headers": {str(name).lower(): str(value) for name, value in headers.items()}}


def challenge(exchange: Exchange) -> Mapping[str, str]:
    """The first challenge of WWW-Authenticate (RFC 9110 11.6.1): its `scheme` in lower case, and its parameters by name."""
    header = exchange.header("www-authenticate") or ""
    scheme = SCHEME.match(header)
    if exchange.status not in REFUSED or not scheme:
        return {}
    parameters = {found[1].lower(): quoted(found[2]) for found in PARAMETER.finditer(header[:LONGEST_CHALLENGE])}
    return {**parameters, "scheme": scheme[1].lower()}


def reason_of(exchange: Exchange) -> str:
    """Why the gateway refuses, as far as it says so: in its challenge, or behind its message with `display_errors`."""
    behind = message(exchange).partition(" (")[2].removesuffix(")")
    return challenge(exchange).get("error_description") or quoted(behind)


def sent_to(exchange: Exchange) -> str:
    """Where a redirect leads, without the query, which differs each time in the code flow; empty for no redirect."""
    return (exchange.header("location") or "").partition("?")[0] if exchange.status in REDIRECTED else ""


def said(exchange: Exchange) -> str:
    """A gateway's answer in short: its status, Kong's `message`, where it redirects to, and the error in WWW-Authenticate."""
    words = quoted(message(exchange) or plain(exchange))
    asked = challenge(exchange)
    told = [f"{name} {asked[name]!r}" for name in ("error", "error_description", "scope") if asked.get(name)]
    if asked and asked["scheme"] not in {"bearer", "basic"}:
        told.insert(0, f"WWW-Authenticate: {asked['scheme']}")
    to = f" to {quoted(place)}" if (place := sent_to(exchange)) else ""
    behind = f" ({', '.join(told)})" if told else ""
    return f"{exchange.status}{f' {words!r}' if words else ''}{to}{behind}"


def answer(exchange: Exchange) -> str:
    """A gateway's answer in words, with its exchange."""
    through = ", from the upstream" if reached_upstream(exchange) else ""
    return f"{said(exchange)}{through} ({exchange.what})"


def accepted(expect: Expect, consumer: Consumer, exchange: Exchange, what: str) -> None:
    """Judges the direction of a call: it was accepted."""
    exchange = consumer.accepted(exchange)
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
    if status is not None and consumer.is_kong:  # another gateway may answer as it likes
        held = exchange.status == status or (status == UNAUTHORIZED and consumer.sends_away(exchange))
        expect.form("gateway", switch or what, held, f"{status} to {what}", answer(exchange), evidence)


def accepted_everywhere(consumer: Consumer, headers: Mapping[str, str], what: str, deadline: float) -> list[Exchange]:
    """Calls each node until it accepts or the deadline has passed: changes in Konnect take time. Returns the last answers."""
    expected = f"{what} accepted ({', '.join(map(str, consumer.route.success))})"
    return _everywhere(consumer, headers, consumer.accepts, expected, deadline, consumer.accepted)


def refused_everywhere(
    consumer: Consumer, headers: Mapping[str, str], what: str, deadline: float = 0.0
) -> list[Exchange]:
    """Calls each node until it rejects, or the deadline has passed. Returns the last answers."""
    return _everywhere(consumer, headers, consumer.refuses, f"{what} rejected before reaching the upstream", deadline)


def _everywhere(
    consumer: Consumer,
    headers: Mapping[str, str],
    holds: Callable[[Exchange], bool],
    expected: str,
    deadline: float,
    confirmed: Callable[[Exchange], Exchange] = lambda exchange: exchange,
) -> list[Exchange]:
    answers: dict[str | None, Exchange] = {}

    def ask() -> list[Exchange]:
        for node in consumer.nodes:
            if node not in answers or not holds(answers[node]):
                answers[node] = consumer.call(headers, node=node)
        return [exchange for exchange in answers.values() if not holds(exchange)]

    poll("a change to reach every node of the gateway", ask, lambda found: not found, deadline)
    answers = {node: exchange if holds(exchange) else confirmed(exchange) for node, exchange in answers.items()}
    if others := [exchange for exchange in answers.values() if not holds(exchange)]:
        behind = consumer.behind()
        failed = Failed(f"{expected} on every node", "; ".join([*map(answer, others), *([behind] if behind else [])]))
        failed.exchange = others[0]
        raise failed
    return list(answers.values())
