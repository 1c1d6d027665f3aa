"""Creations whose answer nobody can read: each is found by its name and deleted, or told by its name. Nothing is unsaid."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import httpx
import pytest
import respx
from test_ledger import BASES, CURITY, KONNECT, PORTAL, PROFILE, REGISTER, send

from dcrproof.core.checks.outcomes import Outcome
from dcrproof.core.cleanup.clean_up import CleanedUp, clean_up
from dcrproof.core.ledger.kinds import CLIENT, KINDS, Kind
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.model import Mode, RunSettings

MARK = "dcrproof 0123abcd"
JSON = {"content-type": "application/json"}

Answer = Callable[[], httpx.Response]
"""To a creation that was done, whose thing has the id x1; it may raise what httpx raises."""


def says(status: int, content: object) -> Answer:
    return lambda: httpx.Response(status, json=content)


def sends(status: int, body: bytes, media_type: str = "application/json", **headers: str) -> Answer:
    return lambda: httpx.Response(status, content=body, headers={"content-type": media_type, **headers})


def fails(error: type[httpx.HTTPError]) -> Answer:
    def raised() -> httpx.Response:
        raise error("on purpose")

    return raised


def identified(id: object) -> Answer:
    return says(201, {"id": id, "client_id": id, "client_secret": 5, "registration_access_token": [], "name": {}})


UNREADABLE: Mapping[str, Answer] = {
    "no answer in time": fails(httpx.ReadTimeout),
    "the connection is lost": fails(httpx.ReadError),
    "the connection is closed": fails(httpx.RemoteProtocolError),
    "cut off": sends(201, b'{"id": "x1", "client_id": "x'),
    "cut off, with 200": sends(200, b'{"id": "'),
    "empty": sends(201, b""),
    "204": lambda: httpx.Response(204),
    "202": says(202, {"status": "accepted"}),
    "a redirect": sends(303, b"", location="/elsewhere"),
    "text": sends(201, b"created", "text/plain"),
    "a page": sends(200, b"<html>maintenance</html>", "text/html"),
    "bytes that are no text": sends(201, b'{"id": "\xff\xfe", "client_id": "\xff"}'),
    "half a surrogate pair": sends(201, b'{"id": "\\ud800", "client_id": "\\ud800"}'),
    "nested without an end": sends(201, b"[" * 100_000),
    "of another encoding": sends(201, b'{"id": "x1"}', **{"content-encoding": "gzip"}),
    "a list": says(201, [{"id": "x1"}]),
    "a text": says(201, "x1"),
    "null": says(201, None),
    "no id": says(201, {}),
    "an empty id": identified(""),
    "a number": identified(7),
    "an id that is null": identified(None),
    "an id that is an object": identified({"id": "x1"}),
    "an id that is a list": identified(["x1"]),
    "an id that is two segments": identified("x1/y"),
    "an id that goes up": identified(".."),
    "500": says(500, {"message": "An unexpected error occurred"}),
    "502": sends(502, b"<html>", "text/html"),
    "503": says(503, {}),
    "504": says(504, {}),
    "408": says(408, {}),
    "a page with 403": sends(403, b"<html>blocked</html>", "text/html"),
}


@dataclass
class Party:
    """Creates what it is asked to, keeps it until it is deleted, and answers the creation as it likes."""

    answer: Answer
    numbers: bool = False
    """Whether its ids are numbers."""
    things: dict[str, dict[str, object]] = field(default_factory=dict)
    """By the path of each."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.extensions["trace"]("http11.send_request_headers.started", {"request": request})
        path, body = request.url.path, json.loads(request.content or b"{}")
        at = next((one for one in self.things if one == path), None)
        if path.endswith("/developer/authenticate"):
            return httpx.Response(204, headers={"set-cookie": "portalaccesstoken=a-session-of-the-developer"})
        if request.method in {"POST", "PUT"}:
            id: object = 17 if self.numbers else "x1"
            collection = path if request.method == "POST" else path.rpartition("/")[0]
            thing = {**body, "id": id, "service": {"id": "p1"}}
            self.things[f"{_listed(collection)}/{id}" if request.method == "POST" else path] = thing
            return self.answer()
        if request.method == "DELETE":
            for one in [one for one in self.things if f"{one}/".startswith(f"{path}/")]:
                del self.things[one]
            return httpx.Response(204 if at else 404)
        if at:
            return httpx.Response(200, json=self.things[at])
        held = [item for place, item in self.things.items() if place.rpartition("/")[0] == _listed(path)]
        return httpx.Response(200, json={"data": held})


def _listed(path: str) -> str:
    """Where the things of a collection are listed."""
    return re.sub(r"services/[^/]+/(?=\w+\Z)", "", path).replace(
        "/v3/apis/p1/implementations", "/v3/api-implementations"
    )


def place(kind: Kind) -> str:
    """The URL at which a thing of that kind is created."""
    if kind is CLIENT:
        return REGISTER
    path = kind.path.replace(r"/api/v[23]", "/api/v3").replace("[^/]+", "p1")
    return BASES[kind.party] + path


@pytest.fixture
def target() -> Iterator[Target]:
    found = Target(replace(PROFILE, run=RunSettings(mode=Mode.PROVISION)))
    found.ledger.mark = MARK
    found.ledger.ids.add("p1")  # the thing that others are below
    yield found
    found.close()


def create(target: Target, party: Party, kind: Kind) -> CleanedUp:
    with respx.mock(assert_all_called=False) as network:
        for base in (KONNECT, PORTAL, CURITY, REGISTER):
            network.route(url__startswith=base).side_effect = party
        if kind.method == "PUT":  # else it changes what was there before
            send(
                target.ledger,
                kind.party,
                "POST",
                f"{KONNECT}/v3/apis",
                {"name": MARK},
                status=201,
                content={"id": "p1"},
            )
            party.things["/v3/apis/p1"] = {"id": "p1", "name": MARK}
        http = target.connection(kind.party, BASES[kind.party])
        http.retry = None
        body = json.dumps({"name": MARK, "client_name": MARK, "full_name": MARK, "username": MARK}).encode()
        with suppress(Outcome):
            http.send(kind.method, place(kind), headers=JSON, body=body)
        return clean_up(target, target.ledger, retry_for=0.0, lost_for=0.0)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("way", UNREADABLE)
def test_what_was_created_is_deleted_or_told_whatever_the_answer(target: Target, way: str, kind: Kind) -> None:
    party = Party(UNREADABLE[way])
    done = create(target, party, kind)
    told = "\n".join([*done.left, *done.failed])
    assert not party.things or (kind.name in told and (not kind.named or MARK in told)), told
    assert not party.things or target.ledger.entries, "a sweep knows of it as well"
    if kind.named and kind is not CLIENT:
        assert party.things == {}, told


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.method == "POST"], ids=lambda kind: kind.name)
def test_what_has_no_usable_id_in_its_list_either_is_told(target: Target, kind: Kind) -> None:
    party = Party(identified(17), numbers=True)
    done = create(target, party, kind)
    told = "\n".join([*done.left, *done.failed])
    assert party.things, "it cannot be deleted"
    assert kind.name in told
    assert not kind.named or MARK in told, told
