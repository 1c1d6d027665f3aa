"""Which parties reach the authorization server, and trust its certificate.

Konnect's cloud and each data plane have their own networks and certificate authorities: they may not reach or trust what
the machine does from which Curity was set up.
"""

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from dcrproof.mocks.messages import Calls, NoAnswer, Response

KONNECT = ("konnect", "portal", "classic_portal")
"""The ports at which Konnect's cloud answers: it asks the authorization server for all of them."""
DATA_PLANES = ("gateway", "gateway-2")


@dataclass(frozen=True)
class Reachability:
    """The ports from which the authorization server is out of reach, and those that do not trust its certificate."""

    unreached: frozenset[str] = frozenset()
    untrusted: frozenset[str] = frozenset()

    def __or__(self, other: "Reachability") -> "Reachability":
        return Reachability(self.unreached | other.unreached, self.untrusted | other.untrusted)


def unreached(*ports: str) -> Reachability:
    return Reachability(unreached=frozenset(ports))


def untrusted(*ports: str) -> Reachability:
    return Reachability(untrusted=frozenset(ports))


def seen(reachability: Reachability, port: str, server: str, calls: Calls) -> Calls:
    """The calls of that port, as far as they get; `server` is the URL of the authorization server."""
    answer: Response | NoAnswer | None = None
    while True:
        try:
            call = calls.send(answer)  # type: ignore[arg-type] # None starts a generator
        except StopIteration as stop:
            response: Response = stop.value
            return response
        if _is_at(call.url, server):
            if port in reachability.unreached:
                answer = NoAnswer("connection refused")
                continue
            if port in reachability.untrusted:
                call = replace(call, own_authorities=False)
        answer = yield call


def _is_at(url: str, server: str) -> bool:
    try:
        return urlsplit(url)[:2] == urlsplit(server)[:2]
    except ValueError:  # an address in brackets that is none, as a discovery document may have it
        return False
