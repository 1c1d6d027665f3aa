"""The time of a run: what it was used for, and what ends when it is over. No test waits."""

import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from connections import Recorded, answered, head, scripted, serving

from dcrproof.core.checks.check import Check, Evidence
from dcrproof.core.checks.outcomes import Unreachable
from dcrproof.core.checks.owners import AUTHOR, KONNECT
from dcrproof.core.http import polling, retry, run_time, transport
from dcrproof.core.http.errors import Endless
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.http.polling import in_progress, pause, poll
from dcrproof.core.http.retry import Retry
from dcrproof.core.http.run_time import RunTime
from dcrproof.core.http.transport import whole
from dcrproof.fixtures.session.verdicts import owners, result_of

OK = answered(200, {})


class Clock(SimpleNamespace):
    """Stands in for the module `time`: a pause moves it on."""

    def __init__(self) -> None:
        super().__init__(now=1000.0, waits=[])

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(tuple(one.text for one in in_progress()))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (polling, retry, run_time, transport):
        monkeypatch.setattr(module, "time", made)
    return made


def connected(base: str, time: RunTime, patience: float = 120.0) -> PartyConnection:
    return PartyConnection("konnect", base, Recorded(), retry=Retry("konnect", patience, time=time))


def test_when_the_time_is_over_nothing_more_is_sent(clock):
    time = RunTime(60.0)
    with scripted(OK) as party:
        http = connected(party.base, time)
        http.send("GET", party.base)
        clock.now += 60
        for _ in range(2):
            with pytest.raises(Unreachable) as caught:
                http.send("GET", party.base)
            assert caught.value.observed == "60 seconds ([run] deadlines.run) are over"
        assert len(party.asked) == 1
    assert "deadlines.run under [run] of the profile" in caught.value.fix


def test_what_took_the_time_is_said_the_largest_part_first(clock):
    time = RunTime(600.0)
    time.answers["curity"], time.silence["gateway"], time.waited["gateway"] = 20.0, 90.0, 90.0
    pause("the data planes", 500.0)
    time.answers["portal"] = 1.0
    clock.now += 100
    with pytest.raises(Unreachable, match="gateway is unreachable") as caught:
        time.require()
    used = "500 s for waiting for the data planes, 90 s for requests to gateway without an answer, 20 s for answers of"
    assert caught.value.observed == f"600 seconds ([run] deadlines.run) are over: {used} curity"
    pause("something else", 10**6)
    assert time.over == caught.value.observed, "all checks that are left say the same"


SHORT = {  # what took the time, and what is said of it
    "": {},
    ": 1 s for requests to gateway without an answer": {"gateway": 0.6, "konnect": 0.4},
    ": 9 s for requests to konnect without an answer, 3 s for requests to gateway without an answer": {
        "gateway": 3.0,
        "konnect": 9.0,
        "portal": 0.0,
    },
}


@pytest.mark.parametrize(("said", "silence"), SHORT.items())
def test_the_author_of_the_profile_is_told_and_only_what_took_time(clock, said, silence):
    time = RunTime(4.0)
    time.silence.update(silence)
    time.waited.update(silence)
    clock.now += 4
    with pytest.raises(Unreachable) as caught:
        time.require()
    assert caught.value.observed == f"4 seconds ([run] deadlines.run) are over{said}"
    check = Check("own.test", "a title", Evidence.UNKNOWN, (), owner=KONNECT)
    assert owners(result_of(check, (0, 0), caught.value, None, 0.0)) == (AUTHOR,)


def test_a_pause_ends_with_the_run(clock):
    time = RunTime(60.0)
    with scripted(answered(429, {}, "retry-after: 50")) as party, pytest.raises(Unreachable, match=r"deadlines\.run"):
        connected(party.base, time).send("GET", party.base)
    assert clock.now == 1060.0
    assert clock.waits == [("konnect to be asked again after 429",)] * 2


def test_a_party_that_stays_silent_is_not_asked_for_ever(clock):
    """Each request without an answer takes a quarter of a minute, however often it is sent."""
    time, asked = RunTime(), []

    def silent() -> None:
        asked.append(clock.now)
        clock.now += 15
        raise Unreachable("konnect", "no answer", lost=True, passing=True)

    said = set()
    for _ in range(100):
        with pytest.raises(Unreachable) as caught:
            Retry("konnect", 120.0, time=time).send(silent, "GET", "https://a/b", "a:443", repeatable=True)
        said.add(caught.value.observed)
    assert len(asked) * 15 <= 240 + 15
    assert "no answer; it is not asked again: " in max(said)
    other = Retry("konnect", 120.0, time=time)
    with pytest.raises(Unreachable, match=r"no answer$"):
        other.send(silent, "GET", "https://b/", "b:443", repeatable=False)


def test_what_is_polled_for_is_told(clock):
    poll("a change", lambda: False, bool, 3.0)
    assert set(clock.waits) == {("a change",)}
    assert polling.paused()["a change"] >= 3.0


@pytest.mark.parametrize("consumer", [False, True], ids=["httpx", "requests"])
@pytest.mark.parametrize(
    "begin", [b"", b"HTTP/1.1 200 Said\r\n", b"HTTP/1.1 200 Said\r\nx-", answered(200, "x" * 999)[:-99]]
)
def test_an_answer_that_trickles_ends_wherever_it_does_so(connection_to, monkeypatch, begin: bytes, consumer: bool):
    monkeypatch.setattr(transport, "LONGEST", 0.2)
    left = threading.Event()

    def serve(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(begin)
        while not left.wait(0.02):
            connection.sendall(b"1")

    with serving(serve) as port:
        http = connection_to("konnect", f"http://127.0.0.1:{port}")
        http.consumer = consumer
        with pytest.raises(Unreachable, match=r"had not ended after 0\.2 seconds") as caught:
            http.send("GET", f"{http.base}/")
        left.set()
    assert caught.value.lost


def trickle(clock: Clock) -> Iterator[bytes]:
    while True:
        clock.now += 14
        yield b"x"


def test_a_body_that_trickles_ends(clock):
    """The libraries limit the time of each part alone."""
    with pytest.raises(Endless, match="had not ended after 60 seconds"):
        whole(trickle(clock))
