"""The words that all reports share: how a run ended, how a setup step did, and who takes part in the flow."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dcrproof.core.checks.results import Exit
from dcrproof.core.checks.verdict import SHOWN


class Ending(NamedTuple):
    """How a run ended: `word` is its `verdict` in `run.json`, `colour` a class of the page."""

    word: str
    colour: str
    headline: str


ENDINGS: Mapping[int | None, Ending] = {
    Exit.GREEN: Ending("green", "green", "Green: every check that ran holds"),
    Exit.BROKEN: Ending("broken", "red", "Red: a contract is broken"),
    Exit.INTERRUPTED: Ending("interrupted", "yellow", "Interrupted: the run did not finish"),
    Exit.INTERNAL_ERROR: Ending("own fault", "red", "Red: internal error, failed clean-up, or leaked secret"),
    Exit.USAGE: Ending("bad usage", "red", "Nothing was proved: invalid options or profile"),
    Exit.NOTHING_RAN: Ending("no check ran", "yellow", "Nothing was proved: no checks ran"),
    Exit.UNREACHABLE: Ending("unreachable", "red", "Red: a party could not be reached"),
    None: Ending("cut short", "yellow", "Cut short: the record of the run has no end"),
}
"""By exit code; None where the run was killed. The words are part of the interface of `run.json`."""


class Mark(NamedTuple):
    """How the mark of a setup step is shown; `colour` is a class of the page."""

    sign: str
    colour: str


MARKS: Mapping[str, Mark] = {
    "wrong": Mark("✗", "red"),
    "suspected": Mark("?", "yellow"),
    "blocked": Mark(SHOWN["blocked"].sign, SHOWN["blocked"].colour),
    "not seen": Mark(SHOWN["not seen"].sign, SHOWN["not seen"].colour),
    "not checked": Mark("-", "light"),
    "holds": Mark("✓", "green"),
}
"""In the order in which they are counted."""

PARTIES: Mapping[str, str] = {
    "dcrproof": "dcrproof",
    "developer": "Developer",
    "portal": "Portal",
    "classic_portal": "Classic portal",
    "konnect": "Konnect",
    "curity": "Curity",
    "consumer": "Consumer",
    "gateway": "Gateway",
    "upstream": "Upstream",
}
"""Who takes part in the flow, in the order of a diagram's lanes."""


def lanes(names: Iterable[str]) -> list[str]:
    """These names in the order of a diagram's lanes, each once; unknown ones come last."""
    present = set(names)
    return [name for name in PARTIES if name in present] + sorted(present - PARTIES.keys())
