"""A live run waits only for what is not ready: where everything is ready it makes no pause."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import Ran

PLUGIN = """
import json
from types import SimpleNamespace

from dcrproof.core.http import polling

made = []
sleep = polling.time.sleep

def pause(seconds):
    made.append(seconds)
    sleep(seconds)

polling.time = SimpleNamespace(sleep=pause, monotonic=polling.time.monotonic)

def pytest_unconfigure():
    with open(PATH, "w") as file:
        json.dump(made, file)
"""


def test_a_live_run_pauses_only_where_something_is_not_there_yet(
    run_checks: Callable[..., Ran], as_live: Callable[..., Any], tmp_path: Path
):
    """From the first check to the proof that nothing is left: no fixed pause, and no polling after a sufficient answer."""
    (tmp_path / "pauses.py").write_text(PLUGIN.replace("PATH", repr(str(tmp_path / "pauses.json"))))
    with as_live() as mocks:
        ran = run_checks("-m", "smoke", "-p", "pauses", profile=mocks.profile, PYTHONPATH=str(tmp_path))
    assert ran.code == 0, ran.output
    assert json.loads((tmp_path / "pauses.json").read_text()) == []
    assert "retries    " not in ran.output


def test_a_pause_would_be_noticed(run_checks: Callable[..., Ran], as_live: Callable[..., Any], tmp_path: Path):
    (tmp_path / "pauses.py").write_text(PLUGIN.replace("PATH", repr(str(tmp_path / "pauses.json"))))
    with as_live(propagation=0.3) as mocks:
        ran = run_checks(
            "--dcr-check=nodes.in-sync",
            "--dcr-check=application.approved",
            "-p",
            "pauses",
            profile=mocks.profile,
            PYTHONPATH=str(tmp_path),
        )
    assert ran.code == 0, ran.output
    assert json.loads((tmp_path / "pauses.json").read_text()) != []
