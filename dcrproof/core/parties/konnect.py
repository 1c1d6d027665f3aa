"""The client of Konnect's admin API: DCR providers, auth strategies, portals, APIs, applications, data planes.

Each method sends one request and returns the exchange unchanged. Lists are read page by page.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from dcrproof.core.checks.outcomes import Failed
from dcrproof.core.http.exchange import Exchange, quoted
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.http.segments import is_id
from dcrproof.core.parties.creation import Object, create_once
from dcrproof.core.secrets.secret import Secret

PAGE = 100
MOST_PAGES = 1000


@dataclass(frozen=True)
class KonnectClient:
    http: PartyConnection
    url: str
    token: Secret

    def __repr__(self) -> str:
        return f"<Konnect {self.url}>"

    def get(self, path: str) -> Exchange:
        return self._send("GET", path)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Exchange:
        return self._send("POST", path, body)

    def put(self, path: str, body: Mapping[str, Any]) -> Exchange:
        return self._send("PUT", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Exchange:
        return self._send("PATCH", path, body)

    def delete(self, path: str) -> Exchange:
        """Not retried: after a first deletion that was done, a second one is answered with 404."""
        return self._send("DELETE", path, repeatable=False)

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, repeatable: bool | None = None
    ) -> Exchange:
        headers = {"authorization": f"Bearer {self.token.reveal()}"}
        content = b""
        if body is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(body).encode()
        return self.http.send(method, self.url + path, headers=headers, body=content, repeatable=repeatable)

    def all(self, path: str, **filters: str) -> Iterator[dict[str, Any]]:
        """The objects of a list, as `listed` reads it; `filters` are sent as `filter[NAME][eq]`."""
        return listed(self.get, path, **filters)

    def create(self, path: str, body: Mapping[str, Any], look: Callable[[], Object | None] | None = None) -> Object:
        """POSTs an object, and returns it with its id. A second POST is sent only after a look whether the first worked.

        `look` finds the object; the default searches the list of the same path for the `name` of `body`. Without
        either, the POST is sent once. Raises Failed unless 201.
        """
        if look is None and "name" in body:
            look = partial(self.named, path, str(body["name"]))
        made = create_once(self.http, path, partial(self.post, path, body), look)
        if isinstance(made, Exchange):
            if made.status != 201:
                raise Failed(f"201 to POST {path}", problem(made))
            what, made = made.what, made.object()
        else:
            what = f"what GET {path} lists"
        if not is_id(made.get("id")):
            raise Failed("an id in the answer", f"{what}: {quoted(made.get('id'))}")
        return made

    def named(self, path: str, name: str) -> dict[str, Any] | None:
        """The object of a list with this id or name, or None. Raises Failed where the name is not unique."""
        found = [item for item in self.all(path) if name in (item.get("id"), item.get("name"))]
        if len(found) > 1:
            raise Failed(f"one object named {name} in GET {path}", f"{len(found)} of that name; give its id instead")
        return found[0] if found else None


def listed(get: Callable[[str], Exchange], path: str, **filters: str) -> Iterator[dict[str, Any]]:
    """The objects of a list, over all its pages; `filters` are sent as `filter[NAME][eq]`. Raises Failed unless 200.

    Ends after as many objects as the list says that there are (`meta.page.total`), or else with the first page that is
    not full. The gateway's entities are listed as by its Admin API: an answer with an `offset` has a next page. Raises
    Failed for a list that has no end, because a page is repeated.
    """
    pages: list[list[Any]] = []
    offset: object = None
    of_gateway = "/core-entities/" in path
    while True:
        query = {f"filter[{name}][eq]": value for name, value in filters.items()}
        if of_gateway:
            query |= {"size": str(PAGE), **({"offset": str(offset)} if offset else {})}
        else:
            query |= {"page[size]": str(PAGE), "page[number]": str(len(pages) + 1)}
        exchange = get(f"{path}?{urlencode(query)}")
        if exchange.status != 200:
            raise Failed(f"200 to GET {path}", problem(exchange))
        content = exchange.object()
        data = content.get("data")
        if not isinstance(data, list):
            raise Failed(f"`data` in the answer to GET {path}", exchange.what)
        if data in pages or len(pages) == MOST_PAGES:
            raise Failed(f"the end of the list {path}", f"{exchange.what}: a repeated page, or one too many")
        pages.append(data)
        yield from objects(data)
        total, offset = _total(content), content.get("offset")
        complete = len(data) < PAGE if total is None else sum(map(len, pages)) >= total
        if of_gateway:
            complete = not offset
        if complete or not data:
            return


def _total(content: Mapping[str, Any]) -> int | None:
    """How many objects a list says that it has in all; None where it does not say."""
    meta = content.get("meta")
    page = meta.get("page") if isinstance(meta, dict) else None
    total = page.get("total") if isinstance(page, dict) else None
    return total if type(total) is int else None


def inner(value: object, *names: str) -> object:
    """The member of that path in an object; None where one of them is missing, or is not an object."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def objects(value: object) -> list[dict[str, Any]]:
    """The objects in a list; none where the value is not a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def recognises(exchange: Exchange) -> bool:
    """Whether the answer can be Konnect's or its portal's: JSON, or no body, and not an undocumented error of a server."""
    return exchange.status < 500 and not exchange.broken and (not exchange.body or "json" in exchange.media_type)


def problem(exchange: Exchange) -> str:
    """An error in words: status, Konnect's detail, the fields that it names, and the trace for Kong support."""
    content = exchange.members()
    if not content:
        return f"{exchange.what} ({exchange.shape})"
    said = [
        content.get("detail") or content.get("title"),
        *(
            f"{quoted(fault.get('field'))}: {quoted(fault.get('reason') or fault.get('rule'))}"
            for fault in objects(content.get("invalid_parameters"))
        ),
        content.get("instance"),
    ]
    return ", ".join([exchange.what, *(quoted(text) for text in said if text)])
