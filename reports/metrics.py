"""`metrics.prom`: the run in numbers, as OpenMetrics text that Prometheus, its node exporter and GitLab read.

All are gauges: the file says how this run was. Labels hold words of dcrproof's own, never a text from a party: the ids of
checks and stages, the parties and the verdicts.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from statistics import quantiles
from typing import NamedTuple

from dcrproof.core.checks.verdict import Verdict
from dcrproof.core.text import one_line
from dcrproof.reports.diagnosis import Run
from dcrproof.reports.timeline import moment, stage_seconds

Labels = Mapping[str, str]
PERCENTILES = (50, 95, 99)


class Family(NamedTuple):
    """A metric with its samples; a name that ends in `_seconds` has that unit."""

    name: str
    help: str
    samples: Iterable[tuple[Labels, float]]


def metrics_prom(run: Run) -> str:
    return "".join(line + "\n" for family in _families(run) for line in _lines(family)) + "# EOF\n"


def _families(run: Run) -> Iterator[Family]:
    about = {"version": run["version"] or "", "mode": run["mode"] or ""}
    yield Family("dcrproof_run", "the run: version of dcrproof, and mode", [(about, 1)])
    if run["exit"] is not None:
        yield Family(
            "dcrproof_run_exit",
            "exit code: 0 green, 1 broken, 6 unreachable, others see the documentation",
            [({}, run["exit"])],
        )
    if run["started"]:
        yield Family("dcrproof_run_start_seconds", "when the run began, since 1970", [({}, moment(run["started"]))])
    yield Family("dcrproof_run_duration_seconds", "how long the run took", [({}, run["seconds"])])
    yield Family("dcrproof_left_behind", "things to be deleted by hand", [({}, len(run["left_behind"]))])
    yield Family("dcrproof_party", "1 for each party of the target", _parties(run))
    counted = Counter(check["verdict"] for check in run["checks"])
    yield Family("dcrproof_checks", "checks by verdict", [({"verdict": one}, counted[one]) for one in Verdict])
    red = sum(check["red"] for check in run["checks"])
    yield Family("dcrproof_checks_red", "checks that make the run red", [({}, red)])
    yield Family("dcrproof_check", "1 for each check, with its verdict", _checks(run))
    stages = stage_seconds(run).items()
    yield Family(
        "dcrproof_stage_duration_seconds",
        "how long the checks of a stage took",
        [({"stage": one}, took) for one, took in stages],
    )
    answers: dict[tuple[str, str], int] = Counter((one["party"], _class(one["status"])) for one in run["exchanges"])
    yield Family(
        "dcrproof_exchanges",
        "requests by party and class of the status",
        [({"party": party, "status": status}, number) for (party, status), number in sorted(answers.items())],
    )
    yield Family("dcrproof_answer_seconds", "time to answer by party, percentiles", _answers(run))


def _parties(run: Run) -> Iterator[tuple[Labels, float]]:
    for party, kind in run["target"].items():
        yield {"party": party, "kind": kind}, 1


def _checks(run: Run) -> Iterator[tuple[Labels, float]]:
    for check in run["checks"]:
        yield {name: check[member] for name, member in CHECK.items()}, 1


CHECK = {"check": "id", "stage": "stage", "level": "level", "verdict": "verdict"}


def _class(status: int | None) -> str:
    """`2xx` for 204; what a party sends is three digits, so there are few of them."""
    return "no answer" if status is None else f"{status // 100}xx"


def _answers(run: Run) -> Iterator[tuple[Labels, float]]:
    took: dict[str, list[float]] = {}
    for exchange in run["exchanges"]:
        if exchange["status"] is not None:
            took.setdefault(exchange["party"], []).append(exchange["seconds"])
    for party, seconds in sorted(took.items()):
        cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
        for percentile in PERCENTILES:
            yield {"party": party, "percentile": str(percentile)}, round(cuts[percentile - 1], 6)


def _lines(family: Family) -> Iterator[str]:
    yield f"# TYPE {family.name} gauge"
    if family.name.endswith("_seconds"):
        yield f"# UNIT {family.name} seconds"
    yield f"# HELP {family.name} {family.help}"
    for labels, value in family.samples:
        named = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        yield f"{family.name}{{{named}}} {value}" if named else f"{family.name} {value}"


def _escaped(text: str) -> str:
    return one_line(text, 100).replace("\\", r"\\").replace('"', r"\"")
