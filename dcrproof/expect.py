"""The one place that knows how good the evidence for an expectation is, and which parties are live.

An expectation has a direction (refused; accepted; unchanged) and a form (the exact status, body, header). A direction
is asserted everywhere. A form is asserted against a mock, and on a live party where it is documented for its version;
elsewhere it is observed: recorded, not judged.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dcrproof.checks import Evidence
from dcrproof.verdict import Failed


@dataclass(frozen=True)
class Observation:
    """What a live party did where nobody documents it. `name` is the row of its switch or form."""

    party: str
    name: str
    observed: str


def demand(
    holds: object, expected: str, observed: str, *, steps: tuple[str, ...] = (), ruled_out: tuple[str, ...] = ()
) -> None:
    """A direction. Raises Failed with both sides unless it holds; `steps` and `ruled_out` as Failed takes them."""
    if not holds:
        raise Failed(expected, observed, steps=steps, ruled_out=ruled_out)


@dataclass
class Expect:
    """The expectations of one check. `live` are the parties of the target that are no mocks, with their versions."""

    live: Mapping[str, str | None]
    observations: list[Observation] = field(default_factory=list)
    asserted: int = 0

    def that(
        self,
        holds: object,
        expected: str,
        observed: str,
        *,
        steps: tuple[str, ...] = (),
        ruled_out: tuple[str, ...] = (),
    ) -> None:
        """A direction. Raises Failed with both sides unless it holds."""
        self.asserted += 1
        demand(holds, expected, observed, steps=steps, ruled_out=ruled_out)

    def form(
        self,
        party: str,
        name: str,
        holds: object,
        expected: str,
        observed: str,
        evidence: Evidence,
        since: str | None = None,
    ) -> None:
        """A form: raises Failed unless it holds, where it can be judged; else records what was observed.

        `since` is the first version that the document holds for.
        """
        if party in self.live and not (evidence is Evidence.DOCUMENTED and _covers(since, self.live[party])):
            self.observations.append(Observation(party, name, observed))
            return
        self.that(holds, expected, observed)

    @property
    def judged(self) -> bool:
        """Whether anything was asserted; a check that asserted nothing and observed something is *observed*."""
        return self.asserted > 0 or not self.observations


def _covers(since: str | None, version: str | None) -> bool:
    """Whether a document that holds since a version holds for this one; of an unknown version nothing is known."""
    if since is None:
        return True
    return version is not None and _numbers(version) >= _numbers(since)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))
