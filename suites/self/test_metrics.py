"""`metrics.prom`: read by the parser of Prometheus, with labels of dcrproof's own words alone."""

from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as older_format
from recorded import made_up
from test_reports import HOSTILE, WAYS

from dcrproof.reports.metrics import metrics_prom
from dcrproof.reports.run_json import run_json
from dcrproof.reports.timeline import stage_seconds

ROOT = Path(__file__).parents[2]


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """The value of each sample, by its name and the values of its labels."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    values = {(sample.name, tuple(sample.labels.values())): sample.value for sample in found}
    assert len(values) == len(found)
    return values


@pytest.mark.parametrize("way", WAYS)
def test_it_says_what_run_json_says(left, way):
    report, found = left(way).report, samples(left(way).text("metrics.prom"))
    assert found["dcrproof_run_exit", ()] == report["exit"] == left(way).code
    assert found["dcrproof_run_duration_seconds", ()] == report["seconds"]
    assert found["dcrproof_checks_red", ()] == sum(check["red"] for check in report["checks"])
    for check in report["checks"]:
        assert found["dcrproof_check", tuple(check[name] for name in ("id", "stage", "level", "verdict"))] == 1
    requests = sum(value for (name, _), value in found.items() if name == "dcrproof_exchanges")
    assert requests == len(report["exchanges"])


def test_the_node_exporter_reads_it_as_well(left):
    text = left("green").text("metrics.prom")
    older = {sample.name for family in older_format(text) for sample in family.samples}
    assert older == {name for name, _ in samples(text)}


def test_each_metric_is_documented(left):
    page = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    for family in text_string_to_metric_families(left("green").text("metrics.prom")):
        assert f"`{family.name}" in page, family.name


@pytest.mark.parametrize("text", [*HOSTILE, 'quote " and \\ and {x="y"} 1'])
def test_a_text_from_a_party_is_no_label(text):
    one, other = (metrics_prom(run_json(made_up(9, 9, said))) for said in (text, "an answer"))
    assert one == other
    assert samples(one)["dcrproof_check", ("token.made-up-1", "curity", "MUST", "failed")] == 1


def test_a_killed_run_and_one_without_a_check_have_metrics():
    assert ("dcrproof_run_exit", ()) not in samples(metrics_prom(run_json(list(made_up(3, 3))[:-1])))
    assert samples(metrics_prom(run_json([])))["dcrproof_checks", ("passed",)] == 0


def test_the_time_of_a_stage_counts_what_overlaps_once():
    content = run_json(made_up(4, 0))
    for check, (at, seconds) in zip(content["checks"], [(3, 2), (4, 2), (9, 1), (9, 1)], strict=True):
        check |= {"at": f"2026-11-24T07:55:0{at}.000Z", "seconds": seconds, "stage": "route"}
    assert stage_seconds(content) == {"route": 4.0}
