"""What benchmarks/ says of recorded figures. That they can be measured, CI shows."""

import importlib
import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


def test_a_figure_that_is_worse_than_the_recorded_by_a_quarter_is_a_warning_with_both(module):
    measure = module("measure")
    recorded = json.loads(measure.FIGURES.read_text("utf-8"))["ratios"]
    assert list(measure.warnings(recorded, recorded)) == []
    assert list(measure.warnings({"smoke": {"cpu": 2.5}}, {"smoke": {"cpu": 2.0}})) == []
    assert list(measure.warnings({"smoke": {"wall": 1.0, "cpu": 2.6}}, {"smoke": {"wall": 1.0, "cpu": 2.0}})) == [
        "warning: the smoke selection: 2.60 (cpu), recorded were 2.00"
    ]
    assert list(measure.warnings({"smoke": {"cpu": 2.6}}, {})) == []


def test_the_plot_of_growth_is_drawn_from_the_recorded_figures(module):
    growth = module("growth")
    panels = json.loads(growth.FIGURES.read_text("utf-8"))["panels"]
    drawn = growth.drawn(panels)
    assert growth.PLOTS.read_text("utf-8") == drawn
    shown = re.findall("<text[^>]*>([^<]*)</text>", drawn)
    for panel in panels:
        assert {panel["title"], panel["of"], *panel["bars"]} <= set(shown)
