"""The one place that knows how good the evidence for an expectation is, and which parties are live.

An expectation has a direction (refused; accepted; unchanged) and a form (the exact status, body, header). A direction
is asserted everywhere. A form is asserted against a mock, and on a live party where it is documented for its version;
elsewhere it is observed: recorded, not judged.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Unpack

from dcrproof.core.checks.check import Evidence
from dcrproof.core.checks.outcomes import Failed, Why
from dcrproof.core.party import Party


@dataclass(frozen=True)
class Observation:
    """What a live party did where the behaviour is undocumented. `name` is that of its switch or form.

    `held` says whether it is what is expected of a mock.
    """

    party: Party
    name: str
    observed: str
    held: bool = False


def demand(holds: object, expected: str, observed: str, **why: Unpack[Why]) -> None:
    """Asserts a direction: raises Failed with both sides unless it holds; `why` as Failed takes it."""
    if not holds:
        raise Failed(expected, observed, **why)


@dataclass
class Expect:
    """The expectations of one check. `live` are the live parties of the target, with their versions.

    `mocked` are the versions that mocks were given: behaviour of later versions is not expected of them.
    """

    live: Mapping[str, str | None]
    observations: list[Observation] = field(default_factory=list)
    notes: list[Observation] = field(default_factory=list)
    """What was measured or noticed of a live party: shown beside the verdict, and not part of it."""
    asserted: int = 0
    mocked: Mapping[str, str | None] = field(default_factory=dict)
    switched: frozenset[tuple[str, str]] = frozenset()
    """Forms by party and name in which the mocks were told to behave as a live party does: these are not judged."""

    def that(self, holds: object, expected: str, observed: str, **why: Unpack[Why]) -> None:
        """Asserts a direction: raises Failed with both sides unless it holds."""
        self.asserted += 1
        demand(holds, expected, observed, **why)

    def judged_by_the_gate(self) -> None:
        """Says that a gate has asserted the direction, so that the check only adds a form."""
        self.asserted += 1

    def note(self, party: Party, name: str, observed: str) -> None:
        """Notes something about a live party, such as how long it took or where its endpoints are."""
        if party in self.live and observed:
            self.notes.append(Observation(party, name, observed))

    def form(
        self,
        party: Party,
        name: str,
        holds: object,
        expected: str,
        observed: str,
        evidence: Evidence,
        since: str | None = None,
    ) -> None:
        """Asserts a form where it can be judged: raises Failed unless it holds. Elsewhere records what was observed.

        `since` is the first version that the documentation holds for.
        """
        if party in self.live:
            judged = evidence in {Evidence.RECORDED, Evidence.DOCUMENTED} and _covers(since, self.live[party])
        else:
            versioned = self.mocked.get(party) is None or _covers(since, self.mocked[party])
            judged = versioned and (party, name) not in self.switched
        if not judged:
            self.observations.append(Observation(party, name, observed, bool(holds)))
            return
        self.that(holds, expected, observed)

    @property
    def judged(self) -> bool:
        """Whether anything was asserted; a check that asserted nothing and observed something is *observed*."""
        return self.asserted > 0 or not self.observations


def _covers(since: str | None, version: str | None) -> bool:
    """Whether documentation that holds since a version covers this one; an unknown version is not covered."""
    if since is None:
        return True
    return version is not None and _numbers(version) >= _numbers(since)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))
