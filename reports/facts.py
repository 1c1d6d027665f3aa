"""What a run has seen of the contract: statuses, headers, members of JSON bodies, claims, times.

Ids, secrets, times, local addresses and names with a random part are taken out of paths and values, so that two runs
against the same target have the same facts.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from dcrproof.reports.diagnosis import Run

Facts = dict["Subject", set[str]]
"""The values seen of each subject: usually one, and none where only its presence counts."""


@dataclass(frozen=True, order=True)
class Subject:
    """`kind` is status, header, member or claim; `where` the request or token; `name` the part of it."""

    kind: str
    where: str
    name: str


MASKED = "(masked)"
"""Replaces a text in which something was masked: how much of it was masked varies."""

VOLATILE = (
    (re.compile(r"eyJ[\w-]+(?:\.(?:[\w-]|<[\w ]+>)*)*"), "JWT"),
    (re.compile(r"(?<![\w.~+=-])[\w.~+=-]*(?:<secret \w+>[\w.~+=-]*)+"), MASKED),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE), "*"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)?"), "time"),
    (re.compile(r"\b\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT"), "time"),
    (re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\]):\d+"), "host"),
    (re.compile(r"(?<![\w+=-])(?:(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])|(?=\w*[a-z])(?=\w*[A-Z]))[\w+=-]{20,}"), "*"),
    (re.compile(r"(?<=/)([a-z]+-)\d+\b", re.IGNORECASE), r"\1*"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{4,}\b"), "*"),
)
"""What differs from run to run, and its replacement."""

TELLING = frozenset(
    {
        "cache-control",
        "content-type",
        "pragma",
        "server",
        "strict-transport-security",
        "via",
        "www-authenticate",
    }
)
"""Headers whose value is a fact; for the others only their presence is."""
PASSING = re.compile(r"date|content-length|connection|keep-alive|transfer-encoding|retry-after|age|x-ratelimit-.*")
"""Headers that depend on the connection or the moment: they are not facts."""
EPOCH = 1_000_000_000
"""Numbers from this one on are times."""


@lru_cache(maxsize=65_536)
def stable(text: str) -> str:
    """A text without what differs from run to run."""
    if len(text) < 20 and text.replace("_", "").isalpha():
        return text
    for pattern, instead in VOLATILE:
        text = pattern.sub(instead, text)
    return text if len(text) <= 300 else f"{text[:300]}..."


def request(exchange: Mapping[str, Any]) -> str:
    """The kind of request of an exchange: `GET gateway /accounts`."""
    path = "/".join(stable(part).replace(MASKED, "*") for part in urlsplit(exchange["url"]).path.split("/"))
    return f"{exchange['method']} {exchange['to']} {path or '/'}"


def facts(run: Run, checks: Collection[str]) -> Facts:
    """The facts that the exchanges of these checks show."""
    found: Facts = {}
    for exchange in run["exchanges"]:
        if exchange["check"] in checks:
            for subject, value in _of(exchange):
                values = found.setdefault(subject, set())
                if value is not None:
                    values.add(value)
    return found


def _of(exchange: Mapping[str, Any]) -> Iterator[tuple[Subject, str | None]]:
    kind = request(exchange)
    answer = "no answer" if exchange["status"] is None else str(exchange["status"])
    yield Subject("status", kind, ""), answer
    response = exchange["response"]
    if response is None:
        return
    where = f"{kind} {answer}"
    for name, value in response["headers"]:
        if not PASSING.fullmatch(name.lower()):
            yield Subject("header", where, name.lower()), stable(value) if name.lower() in TELLING else None
    yield from _members(where, response["body"] or "")
    # tokens in requests may be forged, and the echo upstream behind the gateway returns them
    issued = exchange["jwts"] if exchange["to"] != "gateway" else []
    for token in (token for token in issued if token["where"].startswith("response")):
        place = f"{kind}, {token['where']}"
        lifetime = _lifetime(token["claims"])
        if lifetime is not None:
            yield Subject("claim", place, "exp - iat"), str(lifetime)
        for part in ("header", "claims"):
            for name, value in token[part].items():
                yield Subject("claim", place, name if part == "claims" else f"header {name}"), _value(value)


def _lifetime(claims: Mapping[str, Any]) -> int | None:
    exp, iat = claims.get("exp"), claims.get("iat")
    try:
        return int(exp) - int(iat) if isinstance(exp, int | float) and isinstance(iat, int | float) else None
    except (OverflowError, ValueError):  # Python reads 1e400 and NaN as numbers, and an issuer may have sent them
        return None


def _members(where: str, body: str) -> Iterator[tuple[Subject, str | None]]:
    """The members of a JSON body by path; all items of a list share one path."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return
    waiting = [("", content)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{path}.{stable(name)}".lstrip("."), member) for name, member in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[]", item) for item in value]
        # null means absent (RFC 7396), and the content of Konnect's lists depends on other objects
        elif value is not None and not path.startswith(("data[]", "meta.")):
            if path.endswith("expires_in") and isinstance(value, int):
                value = 5 * ((value + 2) // 5)  # the remaining time varies
            yield Subject("member", where, path), _value(value)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(stable(value), ensure_ascii=False)
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= EPOCH:
        return "time"
    return stable(json.dumps(value, ensure_ascii=False, sort_keys=True))


def times(run: Run, checks: Collection[str]) -> dict[str, list[float]]:
    """The seconds of the answered exchanges of these checks, by the kind of request, sorted."""
    found: dict[str, list[float]] = {}
    for exchange in run["exchanges"]:
        if exchange["check"] in checks and exchange["status"] is not None:
            found.setdefault(request(exchange), []).append(exchange["seconds"])
    return {kind: sorted(seconds) for kind, seconds in found.items()}
