"""The client of the mocks' control interface, for what only a mock can do.

Its exchanges are not part of the flow, and are not in the transcript.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcrproof.core.checks.outcomes import InternalError
from dcrproof.core.http.connection import Connection
from dcrproof.core.http.exchange import Transcript
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.party import Party
from dcrproof.core.profile.model import PARTIES, Profile

BAD_REQUEST = 400
"""The status of a request that makes no sense: its caller's slip."""


@dataclass(frozen=True)
class ControlClient:
    url: str
    ca: Path | None = None
    http: PartyConnection = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "http", PartyConnection("control", self.url, Transcript(), Connection(ca=self.ca)))

    def __repr__(self) -> str:
        return f"<control interface {self.url}>"

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        __tracebackhide__ = True
        content = b"" if body is None else json.dumps(body).encode()
        exchange = self.http.send(method, self.url + path, headers={"content-type": "application/json"}, body=content)
        if exchange.status == BAD_REQUEST:
            raise ValueError(exchange.members().get("error"))
        if exchange.status >= 400:
            raise InternalError(f"the control interface refused {method} {path}: {exchange.text}")
        return exchange.json() if exchange.body else None

    def calls(self, party: Party | None = None, after: int = 0) -> list[dict[str, Any]]:
        """The requests to that party, or to any, since call number `after`.

        [{n, at, real, from, party, method, path, status}, ...]; `from` is the mock that asked, None for other callers.
        """
        selected = f"party={party}&" if party else ""
        calls: list[dict[str, Any]] = self._ask("GET", f"/calls?{selected}after={after}")
        return calls

    def last_call(self) -> int:
        """The number of the newest call to any party, 0 where there was none."""
        return max((call["n"] for call in self.calls()), default=0)

    def now(self) -> float:
        """The time in the mocks, in seconds since the epoch."""
        return float(self._ask("GET", "/clock")["now"])

    def advance(self, seconds: float) -> None:
        """Turns the clock of all mocks on. Raises ValueError for what is not a number of seconds, 0 or more."""
        __tracebackhide__ = True
        self._ask("POST", "/clock", {"advance": seconds})

    def rotate_keys(self, kid: str) -> None:
        """Makes the authorization server sign with a new key, under a `new` key id or the `same` one, or with the `previous`
        one again, as if the last rotation had not been.
        """
        self._ask("POST", "/keys", {"party": "curity", "kid": kid})

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any], key: str = "current") -> str:
        """A token of the authorization server with any claims, signed with its `current` key, or with the `previous` one.
        `header` are members that differ; None leaves one out. Raises ValueError where no key was replaced.
        """
        return str(self._ask("POST", "/tokens", {"claims": claims, "header": header, "key": key})["token"])

    def arm(self, fault: Mapping[str, Any]) -> str:
        """Arms a fault, `{"party", "path", "times", "drop": true, ...}`. Returns its id."""
        return str(self._ask("POST", "/faults", fault)["id"])

    def disarm(self, fault: str) -> None:
        """Disarms a fault, unless it is used up."""
        try:
            self._ask("DELETE", f"/faults/{fault}")
        except InternalError:
            return

    def bridge(self) -> Mapping[str, Any]:
        """The bridge: `url`, `api_key`, the requests in `asked`, [{method, path, content}, ...], and ids of `clients`."""
        described: Mapping[str, Any] = self._ask("GET", "/bridge")
        return described

    def abandoned(self) -> list[str]:
        """The clients without an application that mock Konnect could not delete: their addresses, empty where unknown."""
        uris: list[str] = self._ask("GET", "/abandoned")
        return uris

    def mail(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self._ask("GET", "/mail")
        return messages


def controls_of(profile: Profile) -> dict[Party, ControlClient]:
    """The control interface of each mocked party that the profile has; parties of the same mocks share one."""
    clients: dict[str, ControlClient] = {}
    found: dict[Party, ControlClient] = {}
    for name in PARTIES:
        party = profile.party(name)
        if party is not None and party.mocked is not None and party.mocked.control is not None:
            url = party.mocked.control
            found[name] = clients.setdefault(url, ControlClient(url, party.connection.ca))
    return found
