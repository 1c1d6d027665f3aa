"""The event stream of a run: what happened, in order, as plain data.

Each event is a mapping with its kind in `event`, and the members of that kind; `docs/run-json.md` lists the kinds. The
stream is written as lines of JSON during the run, and all reports are made from it. Secrets are masked before an event
is written.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from dcrproof.core.http.exchange import Exchange, Headers, Sent, Unanswered
from dcrproof.core.secrets.forms import compact
from dcrproof.core.secrets.secret import SHORTEST
from dcrproof.core.text import visible_json

Event = Mapping[str, Any]

SCHEMA = 1
"""The version of the shapes of events and of `run.json`."""

EACH_WORKER = 100_000
"""The distance between the first exchange numbers of two xdist workers."""

LONGEST_BODY = 16_384
"""Characters of a body that an event keeps: the answers that checks read are much shorter."""
MARGIN = 4_096
"""Further characters that are masked before the cut, so that no part of a secret is left there."""
LONGEST_HEADER = 4_096

SENDERS = {"portal": "developer", "gateway": "consumer"}
"""As whom the run sends requests to a party; to the others it sends them as dcrproof."""

OURS = frozenset({"event", "at", "from", "to", "party", "method", "check", "id", "kind", "steps", "selected", "target"})
"""Members of events whose values are dcrproof's own words: a secret that equals one of them changes no event."""

NAME = re.compile(r'([\w-]+)"?\s*[:=]\s*"?(?:Bearer )?\Z')
"""The name of the member or parameter whose value follows."""
LONGEST_NAME = 80
"""Characters before a value in which its name is looked for."""


def instant(at: datetime) -> str:
    """A time in UTC to the millisecond: `2026-11-24T07:55:37.194Z`."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sent(request: Sent, check: str | None) -> dict[str, Any]:
    """A request that was sent. If the run ends without an exchange of that number, no answer came."""
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
    """A request with its answer, or the reason why there is none; `check` is the id of the check that it belongs to."""
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
    """One side of an exchange. `body` is text, or null; `bytes` its full size; `note` says how the text differs."""
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
    """The public parts of the JWTs in a message: `where`, header and claims."""
    places = [(f"{side} header {name}", value) for name, value in message["headers"]]
    places.append((f"{side} body", message["body"] or ""))
    for where, text in places:
        if "eyJ" not in text:
            continue
        for start, token in compact(text):
            parts = _decoded(token)
            if parts is not None:
                name = NAME.search(text[max(0, start - LONGEST_NAME) : start])
                yield {"where": f"{where}, {name[1]}" if name else where, "header": parts[0], "claims": parts[1]}


def _decoded(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    from dcrproof.core.parties.tokens import decode

    found = decode(token)
    return (found.header, found.claims) if found else None


def called(call: Mapping[str, Any]) -> dict[str, Any]:
    """A request from one mock to another, from the mocks' call log."""
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
    """The events with each text masked that may come from outside, and with bodies cut to LONGEST_BODY.

    All texts are masked together, which is much faster; only a text that contains the separator is masked alone.
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
    """The texts of an event that may come from outside, and are long enough for a secret."""
    waiting = [value for name, value in event.items() if name not in OURS]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if len(value) >= SHORTEST:
                yield value
        elif isinstance(value, dict | Mapping):  # a dict is recognised much faster
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _changed(event: Event, changed: Mapping[str, str]) -> Event:
    result = {name: value if name in OURS or not changed else _walk(value, changed) for name, value in event.items()}
    if event["event"] == "exchange":
        for side in ("request", "response"):
            message = result[side]
            if message and message["body"]:
                result[side] = {**message, "body": message["body"][:LONGEST_BODY]}
    return result


def _walk(value: Any, changed: Mapping[str, str]) -> Any:
    """A copy of plain data with changed texts; the names of members are unchanged."""
    if isinstance(value, str):
        return changed.get(value, value)
    if isinstance(value, list):
        return [_walk(item, changed) for item in value]
    if isinstance(value, dict | Mapping):
        return {name: _walk(member, changed) for name, member in value.items()}
    return value


def line(event: Event) -> str:
    """An event as a line of JSON."""
    return visible_json(json.dumps(event, ensure_ascii=False, separators=(",", ":"))) + "\n"


def read(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a stream. Lines that are not events, such as the cut last line of a killed run, are skipped."""
    for text in lines:
        try:
            event = json.loads(text)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            yield event
