"""The event stream of a run: what happened, in the order in which it happened, in plain data.

Each event is a mapping with `event`, its kind, and what that kind says; `docs/run-json.md` has the kinds. The stream is
written as lines of JSON while the run goes on, and everything else that a run leaves is made from it. Secrets are
masked before an event is written.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from dcrproof.core.http.exchange import Exchange, Headers, Sent, Unanswered
from dcrproof.core.secrets.secret import SHORTEST

Event = Mapping[str, Any]

SCHEMA = 1
"""The version of the shapes of events and of `run.json`."""

EACH_WORKER = 100_000
"""How far apart the numbers of the exchanges of two workers of xdist begin."""

LONGEST_BODY = 16_384
"""Characters of a body that an event keeps: no answer that a check reads is nearly as long."""
MARGIN = 4_096
"""Characters beyond those that are masked as well, so that no part of a secret stands at the cut."""
LONGEST_HEADER = 4_096

SENDERS = {"portal": "developer", "gateway": "consumer"}
"""In whose name the run sends its requests to a party; to the others it sends them in its own."""

OURS = frozenset({"event", "at", "from", "to", "party", "method", "check", "id", "kind", "steps", "selected", "target"})
"""Members of events whose words are dcrproof's own: a secret that happens to be one of them changes no event."""

TOKEN = re.compile(r'(?:"?([\w-]+)"?\s*[:=]\s*"?)?(?:Bearer )?(eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*)')
"""A JWT in compact form, and the name of the member or parameter that it is the value of."""


def instant(at: datetime) -> str:
    """A time in UTC to the millisecond: `2026-11-24T07:55:37.194Z`."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sent(request: Sent, check: str | None) -> dict[str, Any]:
    """A request that is on its way. Where the run ends without an exchange of that number, no answer came."""
    return {
        "event": "sent",
        "number": request.number,
        "at": instant(request.at),
        "from": SENDERS.get(request.party, "dcrproof"),
        "to": request.party,
        "party": request.party,
        "method": request.method,
        "url": request.url,
        "check": check,
    }


def exchanged(exchange: Exchange | Unanswered, check: str | None) -> dict[str, Any]:
    """A request with its answer, or with the reason why none came; `check` is the id of the check that it belongs to."""
    request = _message(exchange.request_headers, exchange.request_body)
    status = response = error = None
    if isinstance(exchange, Exchange):
        status, response = exchange.status, _message(exchange.headers, exchange.body)
    else:
        error = exchange.error
    return {
        "event": "exchange",
        "number": exchange.number,
        "at": instant(exchange.at),
        "from": SENDERS.get(exchange.party, "dcrproof"),
        "to": exchange.party,
        "party": exchange.party,
        "node": exchange.node,
        "method": exchange.method,
        "url": exchange.url,
        "status": status,
        "seconds": round(exchange.seconds, 6),
        "request": request,
        "response": response,
        "jwts": [*_tokens("request", request), *(_tokens("response", response) if response else [])],
        "check": check,
        "error": error,
    }


def _message(headers: Headers, body: bytes) -> dict[str, Any]:
    """One side of an exchange. `body` is text, null where there is none; `bytes` its true size; `note` what the text lacks."""
    fields = [
        [name, value if len(value) <= LONGEST_HEADER else f"{value[:LONGEST_HEADER]}..."] for name, value in headers
    ]
    if not body:
        return {"headers": fields, "body": None, "bytes": 0, "note": ""}
    notes = []
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body[: LONGEST_BODY + MARGIN].decode("utf-8", "backslashreplace")
        notes.append("not UTF-8: other octets are shown as \\xNN")
    if len(text) > LONGEST_BODY:
        notes.append(f"cut after {LONGEST_BODY:,} characters, of {len(body):,} bytes")
    return {"headers": fields, "body": text[: LONGEST_BODY + MARGIN], "bytes": len(body), "note": "; ".join(notes)}


def _tokens(side: str, message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The public parts of the JWTs in a message: `where` it stands, header and claims."""
    places = [(f"{side} header {name}", value) for name, value in message["headers"]]
    places.append((f"{side} body", message["body"] or ""))
    for where, text in places:
        if "eyJ" not in text:
            continue
        for name, token in TOKEN.findall(text):
            parts = _decoded(token)
            if parts is not None:
                yield {"where": f"{where}, {name}" if name else where, "header": parts[0], "claims": parts[1]}


def _decoded(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    from dcrproof.core.parties.tokens import decode

    found = decode(token)
    return (found.header, found.claims) if found else None


def called(call: Mapping[str, Any]) -> dict[str, Any]:
    """A request that one mocked party sent to another, by the mocks' call log."""
    return {
        "event": "call",
        "at": instant(datetime.fromtimestamp(call["real"], UTC)),
        "from": call["from"],
        "to": call["party"],
        "method": call["method"],
        "path": call["path"],
        "status": call["status"],
    }


def masked(events: Iterable[Event], mask: Callable[[str], str]) -> list[Event]:
    """The events with every text in them masked that may have come from outside, and no body longer than one may be.

    All texts are masked in one go, which is far quicker than one by one; a text that holds the mark between them is
    masked by itself.
    """
    given = list(events)
    texts = dict.fromkeys(text for event in given for text in _texts(event))
    plain = [text for text in texts if "\0" not in text]
    together = mask("\0".join(plain)).split("\0")
    found = together if len(together) == len(plain) else map(mask, plain)
    changed = {text: masked for text, masked in zip(plain, found, strict=True) if text != masked}
    changed |= {text: mask(text) for text in texts if "\0" in text}
    return [_changed(event, changed) for event in given]


def _texts(event: Event) -> Iterator[str]:
    """The texts of an event that may have come from outside, and are long enough to hold a secret."""
    waiting = [value for name, value in event.items() if name not in OURS]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if len(value) >= SHORTEST:
                yield value
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _changed(event: Event, changed: Mapping[str, str]) -> Event:
    result = {name: value if name in OURS else _walk(value, changed) for name, value in event.items()}
    if event["event"] == "exchange":
        for message in (result["request"], result["response"]):
            if message and message["body"]:
                message["body"] = message["body"][:LONGEST_BODY]
    return result


def _walk(value: Any, changed: Mapping[str, str]) -> Any:
    """A copy of plain data in which texts are changed; the names of members are left as they are."""
    if isinstance(value, str):
        return changed.get(value, value)
    if isinstance(value, list):
        return [_walk(item, changed) for item in value]
    if isinstance(value, Mapping):
        return {name: _walk(member, changed) for name, member in value.items()}
    return value


def line(event: Event) -> str:
    """An event as a line of JSON."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n"


def read(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a stream. A last line that was cut off, as a killed run leaves it, is no event."""
    for text in lines:
        try:
            event = json.loads(text)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            yield event
