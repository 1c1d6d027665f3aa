"""The served mocks as their clients see them: requests as JSON, answers read without trust in their shape."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote

from dcrproof.mocks.messages import Asking, Call, NoAnswer, Pairs, Response

PATIENCE = 15.0
"""Seconds until a mock that does not answer is given up: it may have been told to be slow."""


class Refused(Exception):
    """What a party did instead of what it was asked for; `status` is None where it did not answer.

    title, detail: the party's own words. invalid: pairs of a field and what is wrong with it.
    """

    def __init__(
        self,
        party: str,
        status: int | None,
        title: str,
        detail: str = "",
        invalid: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(title)
        self.party, self.status, self.title, self.detail, self.invalid = party, status, title, detail, invalid

    @property
    def shown_as(self) -> int:
        """The status of a page that shows it: its own where the caller's request is wrong, else 502."""
        return self.status if self.status and 400 <= self.status < 500 else 502


@dataclass(frozen=True, repr=False)
class Answer:
    """A response with a status below 400. A member that it does not have is empty on the page."""

    headers: Pairs
    content: Any

    @property
    def members(self) -> Mapping[str, Any]:
        return mapping(self.content)

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """The objects of a list, which Konnect and the portals have under `data`."""
        listed = self.members.get("data")
        return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []

    def cookie(self, name: str) -> str:
        """The value of a cookie that it sets; empty where it sets none of that name."""
        for header, value in self.headers:
            if header.lower() == "set-cookie":
                try:
                    found = SimpleCookie(value).get(name)
                except CookieError:
                    continue
                if found is not None:
                    return found.value
        return ""


def mapping(content: Any) -> Mapping[str, Any]:
    """The content where it is a JSON object, else an empty one."""
    return content if isinstance(content, dict) else {}


def segment(text: str) -> str:
    """A text from outside as one segment of a path."""
    return quote(text, safe="") or "%20"


def ask(
    party: str, method: str, url: str, content: Any = None, headers: Pairs = (), patience: float = PATIENCE
) -> Asking[Answer]:
    """Asks a party, with `content` as JSON. Raises Refused for any answer but success."""
    body = b"" if content is None else json.dumps(content).encode()
    typed: Pairs = (("content-type", "application/json"),) if body else ()
    answer = yield Call(method, url, (("accept", "application/json"), *typed, *headers), body, timeout=patience)
    if isinstance(answer, NoAnswer):
        raise Refused(party, None, "no answer", answer.reason)
    if answer.status >= 400:
        raise _refused(party, answer)
    try:
        return Answer(answer.headers, answer.json() if answer.body else None)
    except ValueError:
        raise Refused(party, answer.status, "the answer is not JSON") from None


def _refused(party: str, answer: Response) -> Refused:
    """What an error says: Konnect's problems, the control interface's `error`, OAuth's `error_description`."""
    try:
        content = mapping(answer.json())
    except ValueError:
        content = {}
    listed = content.get("invalid_parameters")
    invalid = tuple(
        (str(one.get("field", "")), str(one.get("reason", "")))
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict)
    )
    title = content.get("title") or content.get("error") or "no reason given"
    detail = content.get("detail") or content.get("error_description") or ""
    return Refused(party, answer.status, str(title), str(detail) if detail != title else "", invalid)


@dataclass(frozen=True)
class Generation:
    """What differs between the two portals: their paths, and the words of their how-tos."""

    party: str
    prefix: str
    """Of the pages."""
    name: str
    catalog: str
    """What the catalog lists, in the plural and then in the singular."""
    one: str
    api: str
    listed: str
    strategies: str
    renew: str
    admin: str
    """Of the portals in Konnect's admin API."""
    client_id: str
    """The member of an application that holds the id of its client."""

    def named(self, field: str) -> str:
        """The member of an application for that field of the form."""
        return self.client_id if field == "client_id" else field


V3 = Generation(
    party="portal",
    prefix="/portal",
    name="Dev Portal",
    catalog="APIs",
    one="API",
    api="/api/v3",
    listed="/apis",
    strategies="/application-auth-strategies",
    renew="/regenerate-secret",
    admin="/v3/portals",
    client_id="client_id",
)
CLASSIC = Generation(
    party="classic_portal",
    prefix="/classic",
    name="Classic Dev Portal",
    catalog="Products",
    one="product",
    api="/api/v2",
    listed="/products",
    strategies="/applications/auth-strategies",
    renew="/refresh-token",
    admin="/v2/portals",
    client_id="reference_id",
)


@dataclass(frozen=True, repr=False)
class Mocks:
    """The mocks that `dcrproof serve` describes; `described` is what it prints."""

    described: Mapping[str, Any]

    def of(self, party: str) -> Mapping[str, Any]:
        return mapping(self.described.get(party))

    def portal(self, generation: Generation, token: str, method: str, path: str, content: Any = None) -> Asking[Answer]:
        """Asks a portal, with the developer's session if there is one."""
        url = f"{self.of(generation.party).get('url')}{generation.api}{path}"
        cookie: Pairs = (("cookie", f"portalaccesstoken={token}"),) if token else ()
        return (yield from ask(generation.party, method, url, content, cookie))

    def konnect(self, method: str, path: str, content: Any = None) -> Asking[Answer]:
        """Asks Konnect as an admin."""
        konnect = self.of("konnect")
        bearer = ("authorization", f"Bearer {konnect.get('token')}")
        return (yield from ask("konnect", method, f"{konnect.get('url')}{path}", content, (bearer,)))

    def control(self, method: str, path: str, content: Any = None) -> Asking[Answer]:
        """Asks the control interface of the mocks."""
        return (yield from ask("control", method, f"{self.described['control']}{path}", content))
