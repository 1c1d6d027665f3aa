"""The verdicts of a check, and how each is shown: one table for the terminal, the reports and the page of a run."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    ERROR = "error"
    PASSED = "passed"
    OBSERVED = "observed"
    BLOCKED = "blocked"
    NOT_SEEN = "not seen"
    NOT_APPLICABLE = "not applicable"


class Shown(NamedTuple):
    """How a verdict is shown: `letter` on the terminal and in `docs/matrix.md`, `sign` on the page of a run.

    `colour` is a name of pytest's terminal markup, and a class of the page. `red`: whether a MUST with this verdict
    makes the run red.
    """

    word: str
    letter: str
    sign: str
    colour: str
    red: bool = False


TABLE = (
    Shown("failed", "F", "✗", "red", red=True),
    Shown("unreachable", "U", "⚡", "red", red=True),
    Shown("error", "E", "!", "red", red=True),
    Shown("failed SHOULD", "s", "✗", "yellow"),
    Shown("known", "k", "✗", "yellow"),
    Shown("passed", ".", "✓", "green"),
    Shown("observed", "o", "◉", "cyan"),
    Shown("blocked", "b", "⊘", "yellow", red=True),
    Shown("not seen", "-", "-", "light"),
    Shown("not applicable", "n", "∅", "light"),
)
"""In the order in which results are counted. Failures that do not make the run red have separate entries."""

SHOWN: Mapping[str, Shown] = {shown.word: shown for shown in TABLE}
RED = frozenset(verdict for verdict in Verdict if SHOWN[verdict].red)
CAUSES = RED - {Verdict.BLOCKED}
"""The verdicts that say what is wrong; a blocked check only names the check that does."""
HELD = frozenset({Verdict.PASSED, Verdict.OBSERVED})
