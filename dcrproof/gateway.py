"""The API consumer: calls the protected route, on each data-plane node, and reads what the answer proves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcrproof.expect import demand
from dcrproof.http import Line
from dcrproof.profile import GatewayRoute
from dcrproof.secret import Secret, basic
from dcrproof.transcript import Exchange
from dcrproof.verdict import Unreachable
from dcrproof.waiting import poll

REFUSED = (401, 403)


@dataclass(frozen=True)
class Consumer:
    line: Line
    url: str
    route: GatewayRoute

    @property
    def nodes(self) -> tuple[str | None, ...]:
        """The addresses to dial one by one; a single None is the host name itself."""
        return self.line.connection.nodes or (None,)

    @property
    def route_url(self) -> str:
        return self.url + self.route.path

    def call(
        self, headers: Mapping[str, str] | None = None, *, node: str | None = None, path: str | None = None
    ) -> Exchange:
        """One call of the route. Raises Unreachable where what answered is not Kong."""
        exchange = self.line.send(
            self.route.method,
            self.url + (self.route.path if path is None else path),
            headers={**dict(self.route.headers), **(headers or {})},
            node=node or self.nodes[0],
        )
        if not answered_by_kong(exchange):
            raise Unreachable("gateway", f"{exchange.what} was not answered by Kong: {exchange.shape}")
        return exchange

    def accepts(self, exchange: Exchange) -> bool:
        return exchange.status in self.route.success

    def refuses(self, exchange: Exchange) -> bool:
        """Refused, and never reached the upstream: Kong reports the upstream's latency when it asked it."""
        return exchange.status in REFUSED and not reached_upstream(exchange)


def with_basic(client_id: str, secret: Secret) -> dict[str, str]:
    return {"authorization": f"Basic {basic(client_id, secret.reveal())}"}


def with_bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def reached_upstream(exchange: Exchange) -> bool:
    return exchange.header("x-kong-upstream-latency") is not None


def answered_by_kong(exchange: Exchange) -> bool:
    """Whether a header shows that Kong answered; a page in HTML without one is somebody else's, such as a firewall's."""
    kong = "kong" in (exchange.header("via") or "").lower() or "kong" in (exchange.header("server") or "").lower()
    traced = any(name.lower().startswith("x-kong-") for name, _ in exchange.headers)
    return kong or traced or exchange.media_type != "text/html"


def message(exchange: Exchange) -> str:
    """Kong's `message`, or an empty text."""
    try:
        content = json.loads(exchange.body)
    except ValueError:
        return ""
    found = content.get("message") if isinstance(content, dict) else None
    return found if isinstance(found, str) else ""


def session_cookie(exchange: Exchange) -> str | None:
    """The session that the gateway set, as a Cookie header takes it: all its parts, or None."""
    parts = [cookie.partition(";")[0].strip() for cookie in exchange.headers_named("set-cookie")]
    session = [part for part in parts if part.startswith("session")]
    return "; ".join(session) or None


def echoed(exchange: Exchange) -> dict[str, Any]:
    """What reached the upstream: `method`, `path`, `headers` (names in lower case) and `body`."""
    content = exchange.object()
    headers = content.get("headers")
    if not isinstance(headers, dict):
        raise Unreachable("upstream", f"{exchange.what} is no echo", "an object with method, path, headers and body")
    return {**content, "headers": {str(name).lower(): str(value) for name, value in headers.items()}}


def answer(exchange: Exchange) -> str:
    """A gateway's answer in words."""
    said = message(exchange)
    through = ", from the upstream" if reached_upstream(exchange) else ""
    return f"{exchange.status}{f' {said!r}' if said else ''}{through} ({exchange.what})"


def accepted_everywhere(consumer: Consumer, headers: Mapping[str, str], what: str, deadline: float) -> list[Exchange]:
    """Calls each node until it accepts; what Konnect was told takes time to reach it. Returns the last answers."""
    answers = []
    for node in consumer.nodes:
        exchange, _ = poll(lambda node=node: consumer.call(headers, node=node), consumer.accepts, deadline)  # type: ignore[misc] # mypy cannot infer a lambda with a default
        demand(
            consumer.accepts(exchange),
            f"{what} accepted ({', '.join(map(str, consumer.route.success))}) on every node",
            answer(exchange) + (f" on {node}" if node else ""),
        )
        answers.append(exchange)
    return answers


def refused_everywhere(
    consumer: Consumer, headers: Mapping[str, str], what: str, deadline: float = 0.0
) -> list[Exchange]:
    """Calls each node, until it refuses or the deadline has passed. Returns the last answers."""
    answers = []
    for node in consumer.nodes:
        exchange, _ = poll(lambda node=node: consumer.call(headers, node=node), consumer.refuses, deadline)  # type: ignore[misc] # as above
        demand(
            consumer.refuses(exchange),
            f"{what} refused, short of the upstream, on every node",
            answer(exchange) + (f" on {node}" if node else ""),
        )
        answers.append(exchange)
    return answers
