"""`history.html`: the history of a folder of runs as one page, without a script."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from dcrproof.core.checks.check import stage_title
from dcrproof.core.checks.verdict import HELD
from dcrproof.reports.compare import NOT_REACHED, NOT_SELECTED, counts, rows
from dcrproof.reports.history import BAD, History, Past
from dcrproof.reports.load_plots import Line, duration, number, plot
from dcrproof.reports.page import page
from dcrproof.reports.words import ENDINGS

SHOWN = 40
"""How many changes of a run are listed."""
FEWEST = 2
"""Runs of which a curve can be drawn."""


@dataclass(frozen=True)
class Course:
    """The verdicts of a check over all runs, or what stands for them; `since` is the run of the last change."""

    id: str
    title: str
    words: tuple[str, ...]
    since: Past

    @property
    def now(self) -> str:
        return self.words[-1]

    @property
    def only_blocked(self) -> bool:
        """Whether it was never bad by itself."""
        return "blocked" in self.words and BAD.isdisjoint({*self.words} - {"blocked"})

    @property
    def told(self) -> str:
        """In words: `3 passed, 1 failed, 2 passed`."""
        return ", ".join(f"{len(list(same))} {word}" for word, same in groupby(self.words))


def history_html(history: History) -> str:
    """The page. Raises ValueError for a history without runs."""
    if not history.runs:
        raise ValueError("a history has at least one run")
    runs, last = history.runs, history.runs[-1]
    streak = list(_streak(runs))
    return page(
        "history.html",
        headline=f"{ENDINGS[last.exit].word if last.exit in ENDINGS else f'exit {last.exit}'}{_for(streak)}".capitalize(),
        ending=ENDINGS.get(last.exit, ENDINGS[None]),
        history=history,
        last=last,
        days=[(day, list(of_day)) for day, of_day in groupby(reversed(runs), key=lambda one: one.day)],
        courses=sorted(_courses(history), key=lambda one: one.now not in BAD),
        rows=lambda comparison: list(rows(comparison)),
        counts=counts,
        shown=SHOWN,
        verdicts=list(_verdicts(runs)) if len(runs) >= FEWEST else [],
        times=list(_times(runs)) if len(runs) >= FEWEST else [],
        colours={exit: shown.colour for exit, shown in ENDINGS.items()},
    )


def _streak(runs: Sequence[Past]) -> Iterator[Past]:
    """The newest runs that ended alike."""
    for run in reversed(runs):
        if run.exit != runs[-1].exit:
            return
        yield run


def _for(streak: Sequence[Past]) -> str:
    return f" for {len(streak)} runs, since {streak[-1].day}" if len(streak) > 1 else ""


def _courses(history: History) -> Iterator[Course]:
    """The checks whose verdict changed, or is bad now, in the order of the catalogue."""
    for id, title in history.titles.items():
        words = tuple(run.word(id) for run in history.runs)
        if len({*words} - {NOT_SELECTED, NOT_REACHED}) > 1 or words[-1] in BAD:
            start = len(words) - next(len(list(same)) for _, same in groupby(reversed(words)))
            yield Course(id, title, words, history.runs[start])


def _verdicts(runs: Sequence[Past]) -> Iterator[tuple[str, Markup]]:
    held = [sum(word in HELD for word in run.verdicts.values()) for run in runs]
    yield _plot("Checks that hold", [Line("passed or observed", "p50", held)], runs, number)
    blocked = [sum(word == "blocked" for word in run.verdicts.values()) for run in runs]
    bad = [sum(word in BAD for word in run.verdicts.values()) - also for run, also in zip(runs, blocked, strict=True)]
    lines = [Line("failed", "p99", bad), Line("blocked", "p95", blocked)]
    yield _plot("Checks that do not", lines, runs, number)


def _times(runs: Sequence[Past]) -> Iterator[tuple[str, Markup]]:
    yield _plot("The whole run", [Line("seconds", "p50", [run.seconds for run in runs])], runs, duration)
    for stage in dict.fromkeys(stage for run in runs for stage in run.stages):
        seconds = [run.stages.get(stage) for run in runs]
        yield _plot(stage_title(stage), [Line("seconds", "p50", seconds)], runs, duration)


def _plot(title: str, lines: Sequence[Line], runs: Sequence[Past], shown: Callable[[float], str]) -> tuple[str, Markup]:
    """A plot with its title, for which a plot on a phone is too narrow: it stands above."""
    of_one_day = len({run.day for run in runs}) == 1

    def when(share: float) -> str:
        run = runs[round(share * (len(runs) - 1))]
        return run.started[11:19] if of_one_day else run.day

    return title, plot(title, lines, 1, shown, when)
