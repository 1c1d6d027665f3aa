"""What a load has counted: requests, errors and durations, over time and by operation, and what its checks have seen.

All of it has a bounded size, however long the load takes; two tallies are added, so that the workers of one load can
count apart.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SHORTEST = 0.0001
"""Seconds: what takes less is counted as that."""
STEP = 1.04
"""A percentile is the upper end of a range of durations, each this many times as long as the one before: at most 4 % more
than was measured."""
MOST_SLOTS = 240
MOST_FINDINGS = 5
MOST_REASONS = 30


@dataclass
class Durations:
    """How many requests took how long, by the number of the range."""

    ranges: Counter[int] = field(default_factory=Counter)

    def add(self, seconds: float) -> None:
        self.ranges[max(0, math.ceil(math.log(max(seconds, SHORTEST) / SHORTEST, STEP)))] += 1

    def percentile(self, share: float) -> float | None:
        """The seconds within which this share (0 to 1) of the requests was answered; None without any."""
        wanted, seen = share * self.ranges.total(), 0
        for number in sorted(self.ranges):
            seen += self.ranges[number]
            if seen >= wanted:
                return round(SHORTEST * STEP**number, 5)
        return None


@dataclass
class Count:
    """Requests of one kind: how many were sent, how many were answered wrongly or not at all, and how long they took."""

    requests: int = 0
    errors: int = 0
    durations: Durations = field(default_factory=Durations)

    def add(self, other: "Count") -> None:
        self.requests += other.requests
        self.errors += other.errors
        self.durations.ranges.update(other.durations.ranges)

    def data(self) -> list[Any]:
        """As JSON takes it; `of` is the inverse."""
        return [self.requests, self.errors, {str(number): n for number, n in self.durations.ranges.items()}]

    @classmethod
    def of(cls, data: list[Any]) -> "Count":
        requests, errors, ranges = data
        return cls(requests, errors, Durations(Counter({int(number): n for number, n in ranges.items()})))


@dataclass(frozen=True)
class Finding:
    """Something that a check must not see: what was expected, what was observed, and the exchange that shows it."""

    expected: str
    observed: str
    evidence: Mapping[str, Any] | None = None


@dataclass
class Seen:
    """What one check has looked at: how many times, how many times it did not hold, and the first of these."""

    looked: int = 0
    broken: int = 0
    findings: list[Finding] = field(default_factory=list)
    unseen: str = ""
    """What would let the check look, where it could not."""


@dataclass
class Tally:
    """`slots` are counts of requests by party, over spans of `width` seconds since the load began."""

    width: int = 1
    slots: dict[int, dict[str, Count]] = field(default_factory=dict)
    operations: dict[tuple[str, str], Count] = field(default_factory=dict)
    """By party and operation."""
    checks: dict[str, Seen] = field(default_factory=dict)
    """By id of the check."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why requests are counted as errors, in words."""
    memory: dict[int, int] = field(default_factory=dict)
    """Bytes of the mocks' process, by slot, where this run has started it."""
    remarks: list[str] = field(default_factory=list)
    """What a reader should know of how the load went."""

    def request(self, at: float, party: str, operation: str, seconds: float) -> None:
        """Counts a request that was sent `at` seconds after the load began."""
        for count in (self._slot(at).setdefault(party, Count()), self._operation(party, operation)):
            count.requests += 1
            count.durations.add(seconds)

    def error(self, at: float, party: str, operation: str, reason: str) -> None:
        """Counts one of the counted requests as an error."""
        for count in (self._slot(at).setdefault(party, Count()), self._operation(party, operation)):
            count.errors += 1
        self._reasons({f"{operation}: {reason}": 1})

    def _operation(self, party: str, operation: str) -> Count:
        return self.operations.setdefault((party, operation), Count())

    def _reasons(self, found: Mapping[str, int]) -> None:
        for reason, number in found.items():
            self.reasons[reason if reason in self.reasons or len(self.reasons) < MOST_REASONS else "others"] += number

    def check(self, id: str) -> Seen:
        return self.checks.setdefault(id, Seen())

    def memory_is(self, at: float, octets: int) -> None:
        self._slot(at)
        slot = int(at // self.width)
        self.memory[slot] = max(octets, self.memory.get(slot, 0))

    def remark(self, text: str) -> None:
        if text not in self.remarks and len(self.remarks) < MOST_REASONS:
            self.remarks.append(text)

    def _slot(self, at: float) -> dict[str, Count]:
        while at // self.width >= MOST_SLOTS:
            self._widen()
        return self.slots.setdefault(int(at // self.width), {})

    def _widen(self) -> None:
        """Makes the spans twice as long."""
        before, self.slots, self.width = self.slots, {}, self.width * 2
        for slot, counts in before.items():
            for party, count in counts.items():
                self.slots.setdefault(slot // 2, {}).setdefault(party, Count()).add(count)
        memory, self.memory = self.memory, {}
        for slot, octets in memory.items():
            self.memory[slot // 2] = max(octets, self.memory.get(slot // 2, 0))

    def party(self, name: str) -> Count:
        """The requests to that party."""
        return total(count for (party, _), count in self.operations.items() if party == name)

    @property
    def all(self) -> Count:
        return total(self.operations.values())

    def add(self, other: "Tally") -> None:
        """Adds what another worker has counted in the same load."""
        while other.width < self.width:
            other._widen()  # noqa: SLF001 - of this class
        while self.width < other.width:
            self._widen()
        for slot, counts in other.slots.items():
            for party, count in counts.items():
                self.slots.setdefault(slot, {}).setdefault(party, Count()).add(count)
        for operation, count in other.operations.items():
            self._operation(*operation).add(count)
        for id, seen in other.checks.items():
            mine = self.check(id)
            mine.looked += seen.looked
            mine.broken += seen.broken
            mine.findings = [*mine.findings, *seen.findings][:MOST_FINDINGS]
            mine.unseen = mine.unseen or seen.unseen
        self._reasons(other.reasons)
        for text in other.remarks:
            self.remark(text)

    def data(self) -> dict[str, Any]:
        """As JSON takes it; `of` is the inverse."""
        return {
            "width": self.width,
            "slots": {str(slot): {p: c.data() for p, c in counts.items()} for slot, counts in self.slots.items()},
            "operations": [[party, name, count.data()] for (party, name), count in self.operations.items()],
            "checks": {
                id: {**vars(seen), "findings": [vars(finding) for finding in seen.findings]}
                for id, seen in self.checks.items()
            },
            "reasons": dict(self.reasons),
            "remarks": self.remarks,
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Tally":
        return cls(
            width=data["width"],
            slots={
                int(slot): {party: Count.of(count) for party, count in counts.items()}
                for slot, counts in data["slots"].items()
            },
            operations={(party, name): Count.of(count) for party, name, count in data["operations"]},
            checks={
                id: Seen(**{**seen, "findings": [Finding(**finding) for finding in seen["findings"]]})
                for id, seen in data["checks"].items()
            },
            reasons=Counter(data["reasons"]),
            remarks=list(data["remarks"]),
        )


def total(counts: Iterable[Count]) -> Count:
    """The sum of these counts."""
    found = Count()
    for count in counts:
        found.add(count)
    return found
