"""`transcript.har`: every exchange in the format of browsers' developer tools (HAR 1.2).

Each check that sent something is a page. Members with a leading underscore are extensions, as the format allows.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dcrproof.core.text import visible_json
from dcrproof.reports.diagnosis import Run

FORM = "application/x-www-form-urlencoded"

PHRASES = {status.value: status.phrase for status in HTTPStatus}


def transcript_har(run: Run) -> str:
    titles = {check["id"]: check["title"] for check in run["checks"]}
    pages = {}
    for exchange in run["exchanges"]:
        id = exchange["check"]
        if id and id not in pages:
            title = f"{id}: {titles[id]}" if id in titles else id
            pages[id] = {"startedDateTime": exchange["at"], "id": id, "title": title, "pageTimings": {}}
    log = {
        "version": "1.2",
        "creator": {"name": "dcrproof", "version": run["version"] or ""},
        "comment": run["headline"],
        "pages": list(pages.values()),
        "entries": [_entry(exchange) for exchange in run["exchanges"]],
    }
    return visible_json(json.dumps({"log": log}, ensure_ascii=False)) + "\n"


def _entry(exchange: Mapping[str, Any]) -> dict[str, Any]:
    milliseconds = round((exchange["seconds"] or 0) * 1000, 3)
    entry = {
        "startedDateTime": exchange["at"],
        "time": milliseconds,
        "request": _request(exchange),
        "response": _response(exchange),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "_number": exchange["number"],
        "_from": exchange["from"],
        "_party": exchange["party"],
        "_check": exchange["check"],
        "_jwts": exchange["jwts"],
    }
    if exchange["check"]:
        entry["pageref"] = exchange["check"]
    if exchange["node"]:
        entry["serverIPAddress"] = exchange["node"].rpartition(":")[0].strip("[]")
    if exchange["error"]:
        entry["_error"] = entry["comment"] = exchange["error"]
    return entry


def _request(exchange: Mapping[str, Any]) -> dict[str, Any]:
    message = exchange["request"]
    request = {
        "method": exchange["method"],
        "url": exchange["url"],
        "httpVersion": "HTTP/1.1",
        "cookies": _cookies(message, "cookie"),
        "headers": _headers(message),
        "queryString": _pairs(urlsplit(exchange["url"]).query),
        "headersSize": -1,
        "bodySize": message["bytes"],
    }
    if message["body"] is not None:
        type = _header(message, "content-type")
        params = _pairs(message["body"]) if type.partition(";")[0].strip().lower() == FORM else []
        request["postData"] = {"mimeType": type, "params": params, "text": message["body"], "comment": message["note"]}
    return request


def _response(exchange: Mapping[str, Any]) -> dict[str, Any]:
    """The response; without an answer its status is 0, as in browsers."""
    status = exchange["status"] or 0
    message = exchange["response"] or {"headers": [], "body": None, "bytes": 0, "note": ""}
    return {
        "status": status,
        "statusText": PHRASES.get(status, ""),
        "httpVersion": "HTTP/1.1",
        "cookies": _cookies(message, "set-cookie"),
        "headers": _headers(message),
        "content": {
            "size": message["bytes"],
            "mimeType": _header(message, "content-type"),
            "text": message["body"] or "",
            "comment": message["note"],
        },
        "redirectURL": _header(message, "location"),
        "headersSize": -1,
        "bodySize": message["bytes"],
    }


def _headers(message: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in message["headers"]]


def _header(message: Mapping[str, Any], wanted: str) -> str:
    return next((value for name, value in message["headers"] if name.lower() == wanted), "")


def _cookies(message: Mapping[str, Any], header: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for name, value in message["headers"]:
        if name.lower() == header:
            try:
                cookies = SimpleCookie(value)
            except CookieError:
                continue
            found += [{"name": cookie.key, "value": cookie.value} for cookie in cookies.values()]
    return found


def _pairs(query: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in parse_qsl(query, keep_blank_values=True)]
