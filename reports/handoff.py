"""`handoff-OWNER.md`: for each owner of a failure, what that team needs to fix it.

It holds only the exchanges with that owner's parties.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from dcrproof.core.text import one_line
from dcrproof.reports.diagnosis import Check, Run, diagnosis, needing_attention
from dcrproof.reports.text import block, code

REQUEST_IDS = ("x-kong-request-id", "x-request-id", "traceparent", "date", "via", "server")
"""Headers by which the owner finds an exchange in the log of the party."""
INSTANCE = re.compile(r'"instance"\s*:\s*"([^"]+)"')
CLIENT = re.compile(r'\bclient_id(?:=|"\s*:\s*")([\w.~-]+)')
EXCHANGES = 12
"""How many exchanges of one failure are shown: the last ones."""


def handoffs(run: Run) -> dict[str, str]:
    """The text of each file, by its name."""
    found: dict[str, list[Check]] = {}
    for check in needing_attention(run):
        if check["verdict"] in {"failed", "unreachable"}:
            for owner in check["owners"]:
                found.setdefault(owner, []).append(check)
    return {
        f"handoff-{_slug(owner)}.md": "\n".join(_handoff(run, owner, checks)) + "\n" for owner, checks in found.items()
    }


def _slug(owner: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", owner.lower()).strip("-") or "unknown"


def _handoff(run: Run, owner: str, checks: list[Check]) -> Iterator[str]:
    yield f"# For the {owner}"
    yield ""
    kinds = ", ".join(f"{party} {kind}" for party, kind in run["target"].items())
    yield f"dcrproof {run['version']} found this at {run['started']} (UTC) with {kinds}; mode {run['mode']}."
    versions = [f"{party} {code(version)}" for party, version in run["versions"].items() if version]
    if versions:
        yield f"Versions: {', '.join(versions)}."
    yield ""
    parties = _parties(run, owner)
    for check in checks:
        yield f"## {code(check['id'])}: {check['verdict']}{', SECURITY' if check['security'] else ''}"
        yield ""
        yield f"The claim: {one_line(check['title']).replace('<', '&lt;')}."
        yield ""
        for row in diagnosis(run, check):
            yield f"- **{row.label}**: {code(row.text)}"
        yield ""
        others = [other for other in check["owners"] if other != owner]
        if others:
            yield f"The candidates could not be narrowed down: the cause may be with the {' or the '.join(others)}."
            yield ""
        yield from _exchanges(run, check, parties)


def _parties(run: Run, owner: str) -> set[str]:
    """The parties of an owner: those at which its setup steps are done."""
    found = {step["party"] for step in run["steps"] if step["owner"] == owner}
    if "konnect" in found:
        found.add("portal")
    if "consumer" in found:
        found.add("gateway")
    return found


def _exchanges(run: Run, check: Check, parties: set[str]) -> Iterator[str]:
    numbers = {*check["exchanges"], *([check["evidence"]["number"]] if check["evidence"] else [])}
    found = [one for one in run["exchanges"] if one["number"] in numbers and one["party"] in parties]
    if len(found) > EXCHANGES:
        yield f"The last {EXCHANGES} of {len(found)} exchanges:"
        yield ""
    for exchange in found[-EXCHANGES:]:
        answer = exchange["status"] if exchange["status"] is not None else f"no answer: {one_line(exchange['error'])}"
        yield f"### Exchange {exchange['number']}, {exchange['at']}"
        yield ""
        for label, text in _identifying(exchange):
            yield f"- {label}: {code(text)}"
        yield ""
        yield block(f"{exchange['method']} {exchange['url']}\n{_message(exchange['request'])}", "http")
        yield ""
        yield block(f"{answer}\n{_message(exchange['response'])}" if exchange["response"] else str(answer), "http")
        yield ""
        for token in exchange["jwts"]:
            yield f"JWT in the {one_line(token['where'])}:"
            yield ""
            yield block(json.dumps({"header": token["header"], "claims": token["claims"]}, indent=2), "json")
            yield ""


def _identifying(exchange: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if exchange["node"]:
        yield "node", exchange["node"]
    response = exchange["response"] or {"headers": [], "body": None}
    yield from ((name, value) for name, value in response["headers"] if name.lower() in REQUEST_IDS)
    for client in dict.fromkeys(_clients(exchange)):
        yield "client id", client
    if instance := INSTANCE.search(response["body"] or ""):
        yield "instance", instance[1]


def _clients(exchange: Mapping[str, Any]) -> Iterator[str]:
    """The ids of the clients that an exchange is about, as far as they are readable."""
    for side in ("request", "response"):
        if exchange[side] and exchange[side]["body"]:
            yield from CLIENT.findall(exchange[side]["body"])
    for token in exchange["jwts"]:
        if isinstance(client := token["claims"].get("client_id", token["claims"].get("sub")), str):
            yield client


def _message(message: Mapping[str, Any]) -> str:
    lines = [f"{name}: {one_line(value)}" for name, value in message["headers"]]
    if message["body"] is not None:
        lines += ["", message["body"][:4_000], *([f"({message['note']})"] if message["note"] else [])]
    return "\n".join(lines)
