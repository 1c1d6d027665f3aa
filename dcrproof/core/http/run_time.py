"""The time of a whole run: how much there is of it, how much each party gets, and what it was used for."""

import math
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrproof.core.checks.outcomes import Unreachable
from dcrproof.core.checks.owners import AUTHOR
from dcrproof.core.http.polling import paused
from dcrproof.core.party import Party

FIX = "find out why that took so long, or give the run more time: deadlines.run under [run] of the profile"
LARGEST = 3
"""How many uses of its time are named when a run has no more."""


@dataclass
class RunTime:
    """The time since this was made; the connections of a run share it. After `limit` seconds nothing more is sent."""

    limit: float = math.inf
    answers: dict[Party, float] = field(default_factory=lambda: defaultdict(float))
    """The seconds that each party took to answer."""
    silence: dict[Party, float] = field(default_factory=lambda: defaultdict(float))
    """The seconds that requests to each party lasted that were not answered."""
    waited: dict[Party, float] = field(default_factory=lambda: defaultdict(float))
    """Those, and the pauses before requests to each party were sent again."""
    given_up: dict[str, str] = field(default_factory=dict)
    """By host and port, why nothing more is sent there: no answer came, and the party's share is used."""
    _begun: float = field(init=False)
    _before: Mapping[str, float] = field(default_factory=paused)
    _over: str = ""

    def __post_init__(self) -> None:
        self._begun = time.monotonic()

    @property
    def left(self) -> float:
        """Seconds."""
        return self._begun + self.limit - time.monotonic()

    @property
    def over(self) -> str:
        """What the time was used for, in words that stay the same; an empty text while there is some left."""
        if not self._over and self.left <= 0:
            used = {f"answers of {party}": seconds for party, seconds in self.answers.items()}
            used |= {f"requests to {party} without an answer": seconds for party, seconds in self.silence.items()}
            pauses = {what: seconds - self._before.get(what, 0.0) for what, seconds in paused().items()}
            used |= {f"waiting for {what}": seconds for what, seconds in pauses.items()}
            most = sorted((what for what in used if round(used[what])), key=lambda what: -used[what])[:LARGEST]
            named = ", ".join(f"{used[what]:.0f} s for {what}" for what in most)
            self._over = f"{self.limit:.0f} seconds ([run] deadlines.run) are over" + (f": {named}" if named else "")
        return self._over

    def require(self) -> None:
        """Raises Unreachable where no time is left, for the party that took most of it: the limit is the profile's."""
        if self.over:
            asked: list[Party] = sorted({*self.answers, *self.waited}) or ["konnect"]
            slowest = max(asked, key=lambda party: self.answers[party] + self.waited[party])
            raise Unreachable(slowest, self.over, "time left in this run", fix=FIX, owner=AUTHOR)
