"""Parties that answer what no party should: their ids name nothing but what the run has made, and command no terminal."""

import re

import pytest
from adverse import Case, Ended
from forks import Performed
from test_ledger import KONNECT, send

from dcrproof.core.checks.outcomes import Outcome
from dcrproof.core.ledger.ledger import Ledger, new_mark

APPLICATIONS = "/api/v3/applications"
REGISTRATIONS = "/api/v3/applications/*/registrations"
COMMAND = "x\n::error file=a::pwned\x1b]8;;http://e.example\x07\u202e"


def lie(name: str, party: str, path: str, *checks: str, **says: object) -> Case:
    return Case(name, checks, lies=({"party": party, "method": "POST", "path": path, "says": says},))


LIES = [
    lie("a registration is another application", "portal", REGISTRATIONS, "application.registered", id="../../FOREIGN"),
    lie("encoded", "portal", REGISTRATIONS, "application.registered", id="..%2F..%2FFOREIGN"),
    lie("an application is another one", "portal", APPLICATIONS, "application.created", id="../applications/FOREIGN"),
    lie("its id is a command", "portal", APPLICATIONS, "application.created", id=COMMAND),
    lie("an implementation is an API", "konnect", "/v3/apis/*/implementations", "provision.implementation", id="../.."),
    lie("a provider without an id", "konnect", "/v2/dcr-providers", "provision.provider", id=""),
]


@pytest.mark.parametrize("case", LIES, ids=lambda case: case.name)
def test_a_party_that_lies_about_an_id_has_nothing_of_others_deleted(
    adversity: Performed[Case, Ended],
    case: Case,
) -> None:
    ended = adversity[case]
    assert not ended.taken
    assert "Traceback" not in ended.printed
    assert ended.exit == 3 if ended.left else ended.exit in {0, 1, 3}, ended.printed
    assert not re.search(r"(?m)[^\n\t\x20-\x7e]|^::", ended.printed)


# What the ledger takes for an id, and what is sent


IDS = [
    "",
    ".",
    "..",
    "../../v3/portals/p1",
    "a/b",
    "/",
    "a\\b",
    "a\nb",
    "a\x00b",
    "\x1b[2J",
    "a\x7f",
    "a\x9bb",
    "a\u2028b",
]


@pytest.mark.parametrize("id", IDS, ids=ascii)
def test_what_is_no_segment_of_a_path_is_no_id(id: str) -> None:
    """The thing stays in the ledger: the clean-up finds it by its name."""
    ledger = Ledger(new_mark())
    send(ledger, "konnect", "POST", f"{KONNECT}/v3/apis", {"name": "one"}, status=201, content={"id": id})
    assert [(entry.name, entry.id) for entry in ledger.pending] == [("one", None)]
    assert ledger.ids == set()


@pytest.mark.parametrize("id", ["a b", "a?force=true", "a#b", "a%2e", "ä", "a;b", "a..b"])
def test_an_id_is_one_segment_of_a_path_whatever_stands_in_it(id: str) -> None:
    ledger = Ledger(new_mark())
    send(ledger, "konnect", "POST", f"{KONNECT}/v3/apis", {"name": "one"}, status=201, content={"id": id})
    (entry,) = ledger.pending
    assert re.fullmatch(r"/v3/apis/(?:[\w.~-]|%[0-9A-F]{2})+", entry.path, re.ASCII)


DOTS = [
    "/v3/apis/../portals/p1",
    "/v3/apis/.",
    "/v3/apis/a/..",
    "/v3/apis/%2e%2e/portals",
    "/v3/apis/.%2E",
    "/../v3",
    "/v3/apis/%252e%252e/portals",
    "/v3/apis/%25252E./portals",
    "/v3/apis/..;a=b/portals",
    "/v3/apis/..%3B/portals",
    "/v3/apis/a%2F..%2F../portals",
    "/v3/apis/%EF%BC%8E%EF%BC%8E/portals",
    "/v3/apis/\u2025/portals",
    "/v3/apis/%c0%ae%c0%ae/portals",
    "/v3/apis/..%20/portals",
]


@pytest.mark.parametrize("consumer", [False, True], ids=["httpx", "requests"])
@pytest.mark.parametrize("path", DOTS)
def test_a_path_that_names_something_else_than_it_seems_is_not_sent(connection_to, mocks, path, consumer) -> None:
    """Both libraries resolve dots after everybody has looked at the path, and servers resolve those that are encoded."""
    http = connection_to("konnect", mocks.described["konnect"]["url"])
    http.consumer = consumer
    with pytest.raises(Outcome):
        http.send("DELETE", http.base + path)
    assert http.transcript.exchanges == []
