"""A plugin of pytest: prepares each worker of xdist as `performing.perform` prepares its own process.

The environment variable DCRPROOF_LOUD is the case in JSON, DCRPROOF_LOUD_MADE a folder. There each worker writes the
secrets that its mocks have made, and the controller the results of the checks.
"""

import json
import os
from pathlib import Path

import pytest
from leaks import THEIRS, made_by_mocks, mark_cookies
from performing import Broken, Case, Recorder, blindfold

CASE = Case(**json.loads(os.environ["DCRPROOF_LOUD"]))
FOLDER = Path(os.environ["DCRPROOF_LOUD_MADE"])


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Broken(CASE))
    if hasattr(config, "workerinput"):
        if CASE.blind:
            blindfold()
        mark_cookies()
        secrets = made_by_mocks()
        config.add_cleanup(lambda: _keep(config.workerinput["workerid"], sorted(secrets | set(THEIRS))))
    else:
        recorder = Recorder()
        config.pluginmanager.register(recorder)
        config.add_cleanup(lambda: _keep("checks", recorder.checks))


def _keep(name: str, content: object) -> None:
    (FOLDER / f"{name}.json").write_text(json.dumps(content))
