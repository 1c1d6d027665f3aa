"""The client of the mocks' control interface: what only a mock can do for a test.

Its exchanges are no part of the flow and stay out of the transcript.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from dcrproof.http import Line
from dcrproof.transcript import Transcript
from dcrproof.verdict import OwnFault


@dataclass(frozen=True)
class Control:
    url: str
    line: Line = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", Line("control", self.url, Transcript()))

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        exchange = self.line.send(method, self.url + path, headers={"content-type": "application/json"}, body=content)
        if exchange.status >= 400:
            raise OwnFault(f"the control interface refused {method} {path}: {exchange.text}")
        return exchange.json() if exchange.body else None

    def calls(self, party: str, after: int = 0) -> list[dict[str, Any]]:
        """What that party was asked since call number `after`: [{n, at, party, method, path, status}, ...]."""
        calls: list[dict[str, Any]] = self._ask("GET", f"/calls?party={party}&after={after}")
        return calls

    def last_call(self) -> int:
        """The number of the newest call of any party, 0 where there was none."""
        return max((call["n"] for call in self._ask("GET", "/calls")), default=0)

    def advance(self, seconds: float) -> None:
        """Turns the clock of all parties of this world."""
        self._ask("POST", "/clock", {"advance": seconds})

    def rotate_keys(self, kid: str) -> None:
        """Has the authorization server sign with a new key: `new` key id, or the `same` key id."""
        self._ask("POST", "/keys", {"party": "curity", "kid": kid})

    def mail(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self._ask("GET", "/mail")
        return messages
