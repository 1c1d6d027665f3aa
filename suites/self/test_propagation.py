"""How a change comes to the data planes: told for each of them, with the time that it took; and polls that end in time."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Ran
from dcrproof.core.checks.outcomes import Failed
from dcrproof.core.http import polling
from dcrproof.core.http.connection import Connection
from dcrproof.core.http.exchange import Exchange, Transcript, now
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.parties.gateway import Consumer, accepted_everywhere
from dcrproof.core.parties.propagation import propagation
from dcrproof.core.profile.model import RouteSettings
from dcrproof.mocks.world import World


class Time:
    """A clock that moves by pauses alone."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr("dcrproof.core.http.polling.time", made)
    monkeypatch.setattr("dcrproof.core.parties.propagation.time", made)
    return made


# --- polls ---


@given(deadline=st.floats(0, 1000), longest=st.floats(0.05, 60), done_at=st.floats(0, 2000))
def test_a_poll_ends_with_its_deadline_and_asks_once_more_then(deadline, longest, done_at):
    with pytest.MonkeyPatch.context() as patch:
        time = Time(0.0)
        patch.setattr("dcrproof.core.http.polling.time", time)
        asked: list[float] = []

        def ask() -> bool:
            asked.append(time.now)
            return asked[-1] >= done_at

        done, waited = polling.poll("this test", ask, bool, deadline, longest)
    assert asked[0] == 0.0
    assert sum(time.pauses) <= deadline * (1 + 1e-9)
    assert max(time.pauses, default=0.0) <= max(longest, 0.05)
    assert waited == pytest.approx(asked[-1])
    if not done:
        assert asked[-1] == pytest.approx(deadline, abs=1e-6)
    else:
        assert asked[-1] - done_at <= max(longest, 0.05)


# --- the node list ---

DATE = "Tue, 24 Nov 2026 08:00:00 GMT"
AT = 1795507200


def node(name: str, config_hash: str, ping: int | None = AT) -> dict[str, Any]:
    return {
        "id": f"id of {name}",
        "hostname": name,
        "version": "3.14.0.8",
        "config_hash": config_hash,
        "last_ping": ping,
    }


class ControlPlane:
    """Stands in for Konnect: at each poll the hash that is expected, and the nodes."""

    def __init__(self, look: Callable[[], tuple[str, list[dict[str, Any]]]], status: int = 200) -> None:
        self.look = look
        self.status = status

    def get(self, path: str) -> Exchange:
        import json

        expected, nodes = self.look()
        content = {"expected_hash": expected} if path.endswith("/expected-config-hash") else {"items": nodes}
        body = json.dumps(content).encode()
        headers = (("date", DATE), ("content-type", "application/json"))
        return Exchange(
            number=1,
            at=now(),
            party="konnect",
            method="GET",
            url=f"https://a{path}",
            status=self.status,
            request_headers=(),
            request_body=b"",
            headers=headers,
            body=body,
            seconds=0.0,
        )


def looked(look: Callable[[], tuple[str, list[dict[str, Any]]]], deadline: float = 60.0, since: float | None = None):
    return propagation(ControlPlane(look), "a control plane", deadline, since)  # type: ignore[arg-type] # as above


def test_each_data_plane_is_told_with_the_time_that_it_took(time):
    def look():
        one, two = ("new" if time.now - 100 >= at else "old" for at in (1.4, 3.0))
        return "new", [node("dp-1", one), node("dp-2", two)]

    found = looked(look, since=99.98)
    assert str(found) == "dp-1 after 1.6 s, dp-2 after 3.2 s"
    assert found.old == ()


def test_the_time_counts_from_the_change(time):
    assert str(looked(lambda: ("new", [node("dp-1", "new")]), since=97.5)) == "dp-1 after 2.5 s"


def test_a_data_plane_that_is_behind_is_named_with_its_version(time):
    found = looked(lambda: ("new", [node("dp-1", "new"), node("dp-2", "old")]), 4.0)
    assert str(found) == "dp-1 after 0.0 s, dp-2 (3.14.0.8) has the old configuration"
    assert sum(time.pauses) == pytest.approx(4.0)


def test_a_data_plane_that_is_silent_is_told_so(time):
    found = looked(lambda: ("new", [node("dp-2", "old", AT - 7200)]), 0.0)
    assert str(found) == "dp-2 (3.14.0.8) has the old configuration, and its last ping was 7200 s ago"
    assert "last ping" not in str(looked(lambda: ("new", [node("dp-2", "old", None)]), 0.0))


def test_a_change_of_somebody_else_begins_the_wait_anew(time):
    def look():
        later = time.now > 101
        return "newer" if later else "new", [node("dp-1", "newer" if time.now > 103 else "new"), node("dp-2", "newer")]

    assert str(looked(look, since=99.98)) == "dp-1 after 3.2 s, dp-2 after 1.6 s"


def test_what_a_data_plane_calls_itself_is_printed_as_one_line(time):
    found = looked(lambda: ("new", [node("dp\n\x1b[31m", "old"), {"config_hash": 5}]), 0.0)
    assert re.fullmatch(r"[ -~]+", str(found))


def test_a_control_plane_that_does_not_say_is_a_failure():
    with pytest.raises(Failed, match="data planes"):
        propagation(ControlPlane(lambda: ("new", []), 403), "a control plane", 0.0)  # type: ignore[arg-type] # as above


# --- the route, node by node ---


class Route(Consumer):
    """A route whose nodes answer 200 from a time on."""

    def call(self, *_: object, node: str | None = None, **__: object) -> Exchange:
        from dcrproof.core.http.polling import time

        number = len(self.http.transcript.exchanges) + 1
        status = 200 if time.monotonic() - 100 >= {"one": 0.0, "two": 3.0, "three": 99.0}[str(node)] else 401
        exchange = Exchange(
            number=number,
            at=now(),
            party="gateway",
            method="GET",
            url="https://g/",
            status=status,
            request_headers=(),
            request_body=b"",
            headers=(),
            body=b"",
            seconds=0.0,
            node=str(node),
        )
        self.http.transcript.add(exchange)
        return exchange


def route(*nodes: str, behind: str = "") -> Route:
    http = PartyConnection("gateway", "https://g", Transcript(), connection=Connection(nodes=nodes))
    return Route(http, "https://g", RouteSettings("/"), behind=lambda: behind)


def test_a_node_that_has_accepted_is_not_called_again_while_another_one_is_waited_for(time):
    consumer = route("one", "two")
    answers = accepted_everywhere(consumer, {}, "the pair", 10.0)
    assert [exchange.node for exchange in answers] == ["one", "two"]
    assert [exchange.node for exchange in consumer.http.transcript.exchanges].count("one") == 1


def test_the_nodes_that_did_not_accept_are_all_named_with_what_the_control_plane_says(time):
    with pytest.raises(Failed) as caught:
        accepted_everywhere(route("one", "three", "two", behind="dp-2 has the old configuration"), {}, "the pair", 1.0)
    assert re.fullmatch(
        r"401 \(exchange \d+, GET https://g/ at three -> 401\); 401 \(exchange \d+, GET https://g/ at two -> 401\); "
        r"dp-2 has the old configuration",
        caught.value.observed,
    )
    assert caught.value.exchange is not None
    assert caught.value.exchange.node == "three"
    assert sum(time.pauses) == pytest.approx(1.0)


# --- in a run ---


def second_takes_no_applications(world: World) -> None:
    """The second data plane has everything but what is pushed after the start."""
    behind = world.data_planes[1]
    apply = behind.apply
    behind.apply = lambda configuration: None if configuration.applications else apply(configuration)  # type: ignore[method-assign] # broken


def test_a_live_run_tells_the_time_of_each_data_plane(run_checks: Callable[..., Ran], as_live):
    with as_live('deadlines = { propagation = "20s" }', propagation=0.3) as mocks:
        ran = run_checks("--dcr-check=route.basic.accepted", "--dcr-check=nodes.in-sync", profile=mocks.profile)
    assert ran.code == 0, ran.output
    told = r"observed   an approved application is pushed: dp-1 after 0\.[3-9] s, dp-2 after 0\.[3-9] s \(konnect\)"
    assert re.search(told, ran.output), ran.output
    noted = {item["name"] for check in ran.report["checks"] for item in check["observations"]}
    assert noted >= {"an approved application is pushed", "the configuration is pushed"}
    assert set(ran.verdicts.values()) == {"passed"}


def test_a_data_plane_that_is_behind_is_named_where_the_route_refuses(run_checks: Callable[..., Ran], as_live):
    with as_live('deadlines = { propagation = "1s" }', mutate=second_takes_no_applications) as mocks:
        ran = run_checks("--dcr-check=route.basic.accepted", profile=mocks.profile)
    assert ran.code == 1, ran.output
    failed = next(iter(ran.with_verdict("failed").values()))
    assert "; dp-2 (3.14.0.8) has the old configuration" in failed["observed"]
    assert "dp-1" not in failed["observed"]
