"""What a mock is asked by another one is the same with a socket between them and without one."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dcrproof.mocks.calls import Caller
from dcrproof.mocks.messages import Call, NoAnswer, Response
from dcrproof.mocks.serve import serving

HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "X-One", "x-one", "user-agent", "cookie", "host", "content-type", "authorization"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=12),
    ),
    max_size=4,
).map(tuple)
TARGETS = st.text(st.sampled_from("ab/.%2?&=+~'é \\#:@;,"), max_size=12).map(lambda text: f"/{text}")


@pytest.fixture(scope="module")
def both_ways() -> Iterator[Callable[[Call], list[Any]]]:
    """Has the upstream, which answers with what it received, asked over a socket and without one."""
    with serving(seed=5) as served, asyncio.Runner() as runner:
        world = served.worlds.current
        port = int(served.description["upstream"]["url"].rpartition(":")[2])
        asked = []

        async def between(_: int, request: Any, caller: str) -> Response:
            asked.append(caller)
            return world.handle("upstream", request)

        direct = Caller({port: "upstream"}, ssl.create_default_context(), {}, between)
        socket = Caller({}, ssl.create_default_context(), {}, between)

        def ask(call: Call) -> list[Any]:
            before = len(asked)
            answers = [_content(runner.run(one.call(call, "gateway"))) for one in (socket, direct)]
            return [*answers, len(asked) > before]

        yield lambda call: ask(Call(call.method, f"http://127.0.0.1:{port}{call.url}", call.headers, call.body))
        runner.run(direct.close())
        runner.run(socket.close())


def _content(answer: Response | NoAnswer) -> Any:
    return answer if isinstance(answer, NoAnswer) else (answer.status, answer.body)


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    target=TARGETS,
    headers=HEADERS,
    body=st.binary(max_size=9),
)
@example("POST", "/a", (), b"")
@example("GET", "/a/../b", (), b"")
@example("GET", "/.well-known/a%2Fb?c='d", (("X-One", " a"), ("x-one", "\x7f")), b"")
def test_the_same_request_arrives(both_ways, method, target, headers, body):
    over_a_socket, directly, _ = both_ways(Call(method, target, headers, body))
    assert directly == over_a_socket


def test_no_socket_is_taken_for_what_mocks_ask_one_another(both_ways):
    for target in ("/", "/a/b.c?d=e%20f", "/.well-known/openid-configuration", "/t/x?scope=a+b"):
        assert both_ways(Call("POST", target, (("authorization", "Basic YTpi"),), b"grant_type=x"))[2], target
