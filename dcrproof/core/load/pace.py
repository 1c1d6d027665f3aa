"""The rate of a load: how many requests a second are sent, by all users together."""

import time
from dataclasses import dataclass, field

from dcrproof.core.http.exchange import Exchange, Sent, Transcript
from dcrproof.core.http.polling import pause
from dcrproof.core.party import Party


@dataclass
class Pace:
    """`rate` requests a second, evenly; without one, each is sent at once. Who is behind does not catch up."""

    rate: float | None
    _next: float = field(default=0.0, init=False)

    def wait(self) -> None:
        """Waits for the turn of one request."""
        if self.rate is None:
            return
        now = time.monotonic()
        turn = max(self._next, now)
        self._next = turn + 1 / self.rate
        if turn > now:
            pause("the rate of the load", turn - now)


@dataclass
class PacedTranscript(Transcript):
    """Sends at that pace, and keeps no exchanges: a load has too many."""

    pace: Pace = field(default_factory=lambda: Pace(None))

    def sending(self, party: Party, method: str, url: str) -> Sent:
        self.pace.wait()  # before the time of the request is taken
        return super().sending(party, method, url)

    def add(self, exchange: Exchange) -> None:
        self.tell(exchange)
