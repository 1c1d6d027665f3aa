"""Faults that a test arms through the control interface: off by default, and never random."""

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

KINDS = ("status", "delay", "drop", "truncate", "malformed")


@dataclass(frozen=True)
class Fault:
    """What happens to the next `times` requests that match; `method` and `path` None match all, `*` in a path anything.

    One of: `status` answers in the party's place; `delay` (seconds) before the party answers; `drop` closes the
    connection without an answer; `truncate` (bytes) ends the body early; `malformed` answers what is not JSON.
    """

    party: str
    method: str | None = None
    path: str | None = None
    times: int = 1
    status: int | None = None
    delay: float = 0.0
    drop: bool = False
    truncate: int | None = None
    malformed: bool = False
    retry_after: str | None = None

    def matches(self, party: str, method: str, path: str) -> bool:
        return (
            self.party == party
            and self.method in {None, method}
            and (self.path is None or fnmatchcase(path, self.path))
        )


def read(content: Any, parties: tuple[str, ...]) -> Fault:
    """A fault as the control interface accepts it. Raises ValueError, whose text says what is wrong."""
    if not isinstance(content, dict):
        raise ValueError("a fault is a JSON object")
    unknown = set(content) - {"party", "method", "path", "times", "retry_after", *KINDS}
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    if content.get("party") not in parties:
        raise ValueError(f"party is one of {', '.join(parties)}")
    if sum(kind in content for kind in KINDS) != 1:
        raise ValueError(f"a fault has one of {', '.join(KINDS)}")
    for name, wanted in (("method", str), ("path", str), ("drop", bool), ("malformed", bool)):
        if name in content and not isinstance(content[name], wanted):
            raise ValueError(f"{name} is {'a text' if wanted is str else 'true or false'}")
    for name, least, most in (("times", 1, 10**6), ("status", 100, 599), ("truncate", 0, 10**9), ("delay", 0, 600)):
        value = content.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError(f"{name} is a number from {least} to {most}")
        if name != "delay" and not isinstance(value, int):
            raise ValueError(f"{name} is a whole number")
    if isinstance(content.get("retry_after"), bool) or not isinstance(content.get("retry_after", ""), str | int):
        raise ValueError("retry_after is a number of seconds or an HTTP date")
    retry_after = content.get("retry_after")
    if isinstance(retry_after, str) and not (retry_after.isascii() and retry_after.isprintable()):
        raise ValueError("retry_after is one line of ASCII")
    return Fault(**{**content, "retry_after": None if retry_after is None else str(retry_after)})


@dataclass
class Faults:
    """The armed faults of a world, by id, in the order in which they were armed."""

    armed: dict[str, Fault]
    last: int = 0

    def arm(self, fault: Fault) -> str:
        self.last += 1
        self.armed[str(self.last)] = fault
        return str(self.last)

    def take(self, party: str, method: str, path: str) -> Fault | None:
        """The first armed fault that matches; it is used up after its last time."""
        for id, fault in self.armed.items():
            if fault.matches(party, method, path):
                if fault.times > 1:
                    self.armed[id] = replace(fault, times=fault.times - 1)
                else:
                    del self.armed[id]
                return fault
        return None
