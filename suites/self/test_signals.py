"""A signal does not interrupt what would leave things behind."""

import signal

import httpx
import pytest
import respx

from dcrproof.core.http.signals import put_off

URL = "https://curity.example/registration"
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)


@BOTH
def test_a_signal_is_delivered_when_the_block_has_ended(number):
    came, done = [], []
    with put_off(came.append):
        signal.raise_signal(number)
        done.append("the rest of the block")
    assert (came, done) == ([number], ["the rest of the block"])


@BOTH
def test_a_second_one_ends_it(number):
    came = []

    def two_signals():
        with put_off(came.append):
            signal.raise_signal(number)
            signal.raise_signal(number)

    with pytest.raises(KeyboardInterrupt):
        two_signals()
    assert came == [number]


def test_the_handlers_are_restored():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with put_off():
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize(
    ("party", "method"), [("curity", "POST"), ("curity", "GET"), ("konnect", "POST"), ("portal", "DELETE")]
)
def test_a_pending_answer_is_not_lost_to_ctrl_c(connection_to, party, method):
    """Only the answer to a registration has the token that deletes the client."""
    http = connection_to(party, "https://curity.example")
    heard = []
    http.watch = lambda *_: heard.append

    def interrupted(_: httpx.Request) -> httpx.Response:
        signal.raise_signal(signal.SIGINT)
        return httpx.Response(201, json={"client_id": "c1"})

    with respx.mock as network:
        network.route(method=method, url=URL).mock(side_effect=interrupted)
        with pytest.raises(KeyboardInterrupt):
            http.send(method, URL, headers={"content-type": "application/json"}, body=b"{}")
    assert [exchange.status for exchange in heard] == [201]
