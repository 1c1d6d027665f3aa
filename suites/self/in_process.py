"""A target whose mocks answer in this process: no sockets, so that thousands of requests take seconds."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

from dcrproof.core.http.exchange import Headers
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.http.transport import Prepared
from dcrproof.core.parties.control import controls_of
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.model import PARTIES
from dcrproof.fixtures.session.assembling import ALL_MOCKED, _filled
from dcrproof.mocks.messages import Call, Request, Response, perform
from dcrproof.mocks.serve import _description
from dcrproof.mocks.start import PORTS, Start
from dcrproof.mocks.worlds import Worlds

ADDRESSES = {name: f"http://127.0.0.1:{7000 + number}" for number, name in enumerate(PORTS)}
HOSTS = {address.partition("://")[2]: name for name, address in ADDRESSES.items()}


@dataclass
class Network:
    """Takes what a client sends to the party at that address, and what a mock asks another one."""

    worlds: Worlds

    def send(self, request: Prepared) -> tuple[int, Headers, bytes]:
        answer = self.asked(Call(request.method, request.url, request.headers, request.body))
        return answer.status, answer.headers, answer.body

    def asked(self, call: Call) -> Response:
        parts = urlsplit(call.url)
        headers = tuple((name.lower(), value) for name, value in call.headers)
        if "host" not in dict(headers):
            headers = (*headers, ("host", parts.netloc))
        request = Request(call.method, unquote(parts.path), parts.path, parts.query, headers, call.body)
        world, port = self.worlds.current, HOSTS[parts.netloc]
        answer = perform(world.handle(port, request), self.asked)
        world.log(port, request, answer.status, None)
        return answer

    def close(self) -> None:
        pass


class InProcess(Target):
    """All parties mocked, without a socket; `worlds` has the mocks."""

    def __init__(self, seed: int) -> None:
        self.worlds = Worlds(Start(ADDRESSES, seed))
        described = _description(self.worlds.current, None)
        nodes = [ADDRESSES[name].partition("://")[2] for name in ("gateway", "gateway-2")]
        profile = _filled(ALL_MOCKED, list(PARTIES), described, nodes)
        super().__init__(profile, controls_of(profile))
        for control in self.mocked.values():
            self._short(control.http)

    def connection(self, *given: Any, **keywords: Any) -> PartyConnection:
        return self._short(super().connection(*given, **keywords))

    def _short(self, connection: PartyConnection) -> PartyConnection:
        """The connection without a socket, and without the thread that bounds the time of an answer."""
        network = Network(self.worlds)
        connection.transport = lambda *_: network
        connection._senders = SimpleNamespace(send=lambda transport, request: transport.send(request))
        return connection
