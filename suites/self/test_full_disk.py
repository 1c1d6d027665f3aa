"""A ledger whose disk is full in the middle of a run: nothing more is made, and what was made is deleted all the same."""

import errno
import re
from collections.abc import Mapping

import pytest
from adverse import Case, Ended
from forks import Performed
from test_ledger import KONNECT, PORTAL, answer, send
from tiers import sample

from dcrproof.core.checks.outcomes import Outcome
from dcrproof.core.http.exchange import Request
from dcrproof.core.ledger.ledger import Ledger, new_mark
from dcrproof.core.ledger.watch import watch

OWN_FAULT = 3
JSON = "application/json"
ROOM = [2048, 600, 8192]


@pytest.mark.parametrize(
    "case",
    sample(
        (Case(f"room for {room}", ("provision", "life"), disk=room) for room in ROOM), of=1, id=lambda case: case.name
    ),
)
def test_a_run_without_room_for_its_ledger_deletes_what_it_has_made(
    adversity: Performed[Case, Ended],
    case: Case,
) -> None:
    ended = adversity[case]
    assert (ended.left, ended.taken) == ([], [])
    assert "Traceback" not in ended.printed
    assert ended.exit == OWN_FAULT
    assert "No space left on device" in ended.printed


LOST = ({"party": "portal", "method": "DELETE", "path": "/api/v3/applications/*", "status": 403},)


@pytest.mark.parametrize(
    "case", [Case("room for little, and no way to delete", ("life",), LOST, disk=4096)], ids=lambda case: case.name
)
def test_what_could_not_be_deleted_is_listed_and_the_sweep_is_named(
    adversity: Performed[Case, Ended],
    case: Case,
) -> None:
    ended = adversity[case]
    applications = [id for table, id in ended.left if table == "applications"]
    assert applications
    assert [id for id in applications if id not in ended.printed] == []
    assert re.search(r"dcrproof sweep|cannot be swept", ended.printed)


# The ledger itself


def full(_: Mapping[str, object]) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_cannot_be_written_down_is_not_sent() -> None:
    ledger = Ledger(new_mark())
    ledger.write = full
    with pytest.raises(Outcome, match="No space left on device"):
        send(ledger, "konnect", "POST", f"{KONNECT}/v3/apis", {"name": "one"}, status=201, content={"id": "a1"})
    assert ledger.pending == []


@pytest.mark.parametrize(
    ("method", "url", "status", "content", "left"),
    [
        ("POST", "/api/v3/applications", 201, {"id": "b2"}, ["b2", "a1"]),
        ("DELETE", "/api/v3/applications/a1", 204, None, []),
        ("GET", "/api/v3/applications/a1", 200, {"id": "a1"}, ["a1"]),
    ],
)
def test_what_was_answered_is_known_although_it_cannot_be_written_down(method, url, status, content, left) -> None:
    ledger = Ledger(new_mark())
    send(ledger, "portal", "POST", f"{PORTAL}/api/v3/applications", {"name": "one"}, status=201, content={"id": "a1"})
    body = b'{"name": "two"}'
    request = Request(party="portal", base=PORTAL, method=method, url=PORTAL + url, media_type=JSON, body=body)
    answered = watch(ledger, request)
    ledger.write = full
    answered(answer("portal", method, PORTAL + url, status, content))
    assert [entry.id for entry in ledger.pending] == left
