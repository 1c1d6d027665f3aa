"""Reads a live Konnect, so that the mock data planes serve its applications.

It reads over the admin API, and only this: the APIs that are linked to gateway services, their publications and
strategies, and the applications with an approved registration. The upstream is this world's, whatever the service says:
a mock that forwarded to a real upstream would be a real gateway.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from dcrproof.mocks.data_plane import (
    PushedApplication,
    PushedConfiguration,
    PushedStrategy,
    Route,
    Service,
    applications,
)
from dcrproof.mocks.messages import Asking, Call, NoAnswer, Response

Object: TypeAlias = dict[str, Any]

PAGE = 100


class Unread(Exception):
    """Konnect did not answer, or with something unexpected."""


@dataclass(frozen=True)
class LiveKonnect:
    """The admin API of another Konnect: its base URL, and a token that may read there.

    What was read is taken to be current for `pause` seconds: a push takes longer than that in a real tenant.
    """

    url: str
    token: str = field(repr=False)
    pause: float = 1.0

    def get(self, path: str, **query: str) -> Asking[Any]:
        headers = (("authorization", f"Bearer {self.token}"), ("accept", "application/json"))
        answer = yield Call("GET", f"{self.url}{path}{'?' + urlencode(query) if query else ''}", headers)
        if isinstance(answer, NoAnswer):
            raise Unread(answer.reason)
        if answer.status != 200:
            raise Unread(f"GET {path} -> {answer.status}")
        try:
            return answer.json()
        except ValueError:
            raise Unread(f"GET {path} is not JSON") from None

    def all(self, path: str, **filters: str) -> Asking[list[Object]]:
        """The objects of a list, over all its pages."""
        found: list[Object] = []
        while True:
            page = {"page[size]": str(PAGE), "page[number]": str(len(found) // PAGE + 1)}
            content = yield from self.get(path, **page, **filters)
            items = content.get("data") or []
            found += items
            if len(items) < PAGE:
                return found

    def configuration(self, upstream_url: str) -> Asking[PushedConfiguration]:
        """What the data planes behind that Konnect have, as far as portal applications go. Raises Unread."""
        links = [link for link in (yield from self.all("/v3/api-implementations")) if link.get("service")]
        publications = yield from self.all("/v3/api-publications")
        strategies = {}
        for id in sorted({id for item in publications for id in item.get("auth_strategy_ids") or []}):
            held = yield from self.get(f"/v2/application-auth-strategies/{quote(id)}")
            if config := held["configs"].get("openid-connect"):
                strategies[id] = PushedStrategy(id, config)
        services = yield from self._services(links, publications, strategies, upstream_url)
        held = yield from self._applications(sorted({item["portal_id"] for item in publications}))
        return PushedConfiguration(tuple(services), applications(*held))

    def _services(
        self, links: list[Object], publications: list[Object], strategies: dict[str, PushedStrategy], upstream_url: str
    ) -> Asking[list[Service]]:
        services = []
        for link in links:
            service = link["service"]
            path = (
                f"/v2/control-planes/{quote(service['control_plane_id'])}/core-entities/services/{quote(service['id'])}"
            )
            routes = yield from self.get(f"{path}/routes")
            used = (
                strategies[id]
                for item in publications
                if item["api_id"] == link["api_id"]
                for id in item.get("auth_strategy_ids") or []
                if id in strategies
            )
            services.append(
                Service(service["id"], upstream_url, tuple(_routes(routes["data"])), link["api_id"], next(used, None))
            )
        return services

    def _applications(self, portals: list[str]) -> Asking[list[PushedApplication]]:
        applications = []
        for portal in portals:
            path = f"/v3/portals/{quote(portal)}"
            approved: dict[str, list[str]] = {}
            registrations = yield from self.all(
                f"{path}/application-registrations", **{"filter[status][eq]": "approved"}
            )
            for item in registrations:
                approved.setdefault(item["application"]["id"], []).append(item["api"]["id"])
            for item in (yield from self.all(f"{path}/applications")):
                if item.get("client_id"):
                    apis = tuple(sorted(approved.get(item["id"], ())))
                    applications.append(
                        PushedApplication(item["id"], item["client_id"], item["auth_strategy"]["id"], apis)
                    )
        return applications


def _routes(items: list[Object]) -> Iterator[Route]:
    for item in items:
        yield Route(
            item["id"], tuple(item.get("paths") or ()), tuple(item.get("methods") or ()), bool(item.get("strip_path"))
        )


def unread(error: Unread) -> Response:
    """The answer of a mock data plane that could not read its configuration."""
    body = json.dumps({"message": f"no configuration from Konnect: {error}"}).encode()
    return Response(500, (("content-type", "application/json; charset=utf-8"), ("x-kong-response-latency", "0")), body)
