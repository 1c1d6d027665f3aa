"""A DCR bridge that can be observed: what a customer runs between Konnect and its own authorization server.

It keeps its own clients, and in `asked` every request that it received, in order.

    POST /                         201 the client's id and secret
    DELETE /{client id}            204
    POST /{client id}/new-secret   200 id and a new secret; the old one is invalid from then on
    POST /{client id}/event-hook   200

Each takes the key in X-API-KEY. Errors are `error` and `error_description`.
Source: github.com/Kong/konnect-portal-dcr-handler, README and openapi document.
"""

import hmac
import random
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from dcrproof.mocks.messages import Request, Response, Routes, json_response, read_json

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")

IDS = ("portal_id", "organization_id", "developer_id", "auth_strategy_id", "dcr_provider_id")
LISTS = ("redirect_uris", "grant_types", "scopes")
TEXTS = ("client_name", "token_endpoint_auth_method", "application_description")
EVENT_TEXTS = ("client_id", "application_id", "application_name", "application_description", *IDS)
EVENTS: Mapping[str, str] = {
    "update_application": "redirect_uris",
    "add_registration": "api_product_version_id",
    "remove_registration": "api_product_version_id",
}
"""event_type: the member that it has beside those of all events."""


@dataclass(frozen=True)
class BridgeClient:
    client_id: str
    client_secret: str = field(repr=False)
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request that had the right key. `content` is its JSON, None without a body."""

    method: str
    path: str
    content: Any = None


class BridgeRefusal(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and UUID.match(value) is not None


class Bridge:
    """api_key: what Konnect's provider holds. seed: the same one makes the same ids and secrets."""

    def __init__(self, api_key: str, *, seed: int) -> None:
        self.api_key = api_key
        self.clients: dict[str, BridgeClient] = {}
        self.asked: list[Asked] = []
        self._random = random.Random(seed)
        self._routes: Routes[Callable[..., Response]] = Routes(
            (
                ("POST", "/", self.create),
                ("DELETE", "/{client_id}", self.delete),
                ("POST", "/{client_id}/new-secret", self.new_secret),
                ("POST", "/{client_id}/event-hook", self.event),
            )
        )

    def handle(self, request: Request) -> Response:
        try:
            return self.answer(request)
        except BridgeRefusal as refused:
            return json_response(refused.status, {"error": refused.error, "error_description": str(refused)})

    def answer(self, request: Request) -> Response:
        if not self.admits(request.header("x-api-key") or ""):
            raise BridgeRefusal(401, "invalid_token", "X-API-KEY is missing or wrong")
        found = self._routes.find(request.method, request.path)
        if isinstance(found, frozenset):
            raise BridgeRefusal(405 if found else 404, "invalid_request", "there is no such endpoint")
        handler, arguments = found
        content = self.content(request)
        self.asked.append(Asked(request.method, request.path, content))
        return handler(content, **arguments)

    def admits(self, key: str) -> bool:
        return hmac.compare_digest(key.encode(), self.api_key.encode())

    def content(self, request: Request) -> Any:
        if not request.body:
            return None
        try:
            return read_json(request.body)
        except ValueError:
            raise BridgeRefusal(400, "invalid_request", "the body is not JSON") from None

    # --- what it does ---

    def create(self, content: Any) -> Response:
        self.require_members(content, {*TEXTS, *LISTS, *IDS})
        made = BridgeClient(self._text(20), self._text(40), content)
        self.clients[made.client_id] = made
        return json_response(201, self._shown(made))

    def delete(self, _: Any, client_id: str) -> Response:
        del self.clients[self.client(client_id).client_id]
        return Response(204)

    def new_secret(self, _: Any, client_id: str) -> Response:
        changed = replace(self.client(client_id), client_secret=self._text(40))
        self.clients[client_id] = changed
        return json_response(200, self._shown(changed))

    def event(self, content: Any, client_id: str) -> Response:
        kind = content.get("event_type") if isinstance(content, dict) else None
        if not isinstance(kind, str) or kind not in EVENTS:
            raise BridgeRefusal(400, "invalid_request", "there is no such event_type")
        optional = {"audience"} if kind != "update_application" else set()
        self.require_members(content, {"event_type", *EVENT_TEXTS, EVENTS[kind]}, optional)
        if content["client_id"] != self.client(client_id).client_id:
            raise BridgeRefusal(400, "invalid_request", "client_id is another one in the path")
        return json_response(200, {})

    def client(self, client_id: str) -> BridgeClient:
        if client_id not in self.clients:
            raise BridgeRefusal(404, "invalid_client", "there is no such client")
        return self.clients[client_id]

    def require_members(self, content: Any, names: AbstractSet[str], optional: AbstractSet[str] = frozenset()) -> None:
        """All of them, no others, each of its type."""
        if not isinstance(content, dict):
            raise BridgeRefusal(400, "invalid_request", "the body is not an object")
        if wrong := (names - content.keys()) | (content.keys() - names - optional):
            raise BridgeRefusal(400, "invalid_request", f"missing or unknown: {', '.join(sorted(wrong))}")
        for name, value in content.items():
            fits = _is_id if name in {*IDS, "application_id"} else _are_texts if name in LISTS else _is_text
            if not fits(value):
                raise BridgeRefusal(400, "invalid_request", f"{name} is of the wrong type")

    def _text(self, length: int) -> str:
        return "".join(self._random.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789", k=length))

    def _shown(self, client: BridgeClient) -> dict[str, str]:
        return {"client_id": client.client_id, "client_secret": client.client_secret}
