"""The client of Konnect's admin API: DCR providers, auth strategies, portals, APIs, applications, data planes.

Each method sends one request and returns the exchange as it was. Lists are read page by page.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from dcrproof.http import Line
from dcrproof.secret import Secret
from dcrproof.transcript import Exchange
from dcrproof.verdict import Failed

PAGE = 100


@dataclass(frozen=True)
class Konnect:
    line: Line
    url: str
    token: Secret

    def get(self, path: str) -> Exchange:
        return self._send("GET", path)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Exchange:
        return self._send("POST", path, body)

    def put(self, path: str, body: Mapping[str, Any]) -> Exchange:
        return self._send("PUT", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Exchange:
        return self._send("PATCH", path, body)

    def delete(self, path: str) -> Exchange:
        return self._send("DELETE", path)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Exchange:
        headers = {"authorization": f"Bearer {self.token.reveal()}"}
        content = b""
        if body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(body).encode()
        return self.line.send(method, self.url + path, headers=headers, body=content)

    def all(self, path: str, **filters: str) -> Iterator[dict[str, Any]]:
        """The objects of a list, over all its pages; `filters` are `filter[NAME][eq]`. Raises Failed unless 200."""
        number = 1
        while True:
            query = {f"filter[{name}][eq]": value for name, value in filters.items()}
            query |= {"page[size]": str(PAGE), "page[number]": str(number)}
            exchange = self.get(f"{path}?{urlencode(query)}")
            if exchange.status != 200:
                raise Failed(f"200 to GET {path}", problem(exchange))
            content = exchange.object()
            data = content.get("data")
            if not isinstance(data, list):
                raise Failed(f"`data` in the answer to GET {path}", exchange.what)
            yield from (item for item in data if isinstance(item, dict))
            if len(data) < PAGE:
                return
            number += 1

    def named(self, path: str, name: str) -> dict[str, Any] | None:
        """The one object of a list that has this id or name, or None. Raises Failed where the name is not unique."""
        found = [item for item in self.all(path) if name in {item.get("id"), item.get("name")}]
        if len(found) > 1:
            raise Failed(f"one object named {name} in GET {path}", f"{len(found)} of that name; give its id instead")
        return found[0] if found else None


def segment(value: str) -> str:
    """A value as one segment of a path."""
    return quote(value, safe="")


def problem(exchange: Exchange) -> str:
    """An error in words: status, Konnect's own detail, the fields that it names, and the trace for Kong support."""
    try:
        content = json.loads(exchange.body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        return f"{exchange.what} ({exchange.shape})"
    said = [str(content[key]) for key in ("detail", "instance") if content.get(key)]
    for parameter in content.get("invalid_parameters") or []:
        if isinstance(parameter, dict):
            said.insert(1, f"{parameter.get('field')}: {parameter.get('reason')}")
    return ", ".join([exchange.what, *said])
