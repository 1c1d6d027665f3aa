"""The folder of one run, below the folder of all runs; `latest` points to the last."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from dcrproof.reports.run_json import run_json
from dcrproof.result import Result


def write(
    folder: Path, results: Iterable[Result], code: int, parties: Mapping[str, str], left_behind: Sequence[str]
) -> Path:
    """Writes a run's files into a folder of its own, and returns that. Raises OSError where it cannot."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{os.getpid()}"
    run = folder / name
    run.mkdir(parents=True)
    content = json.dumps(run_json(results, code, parties, left_behind), indent=2, ensure_ascii=False)
    (run / "run.json").write_text(content + "\n", "utf-8")
    link = folder / f".latest-{name}"
    link.symlink_to(name, target_is_directory=True)
    link.replace(folder / "latest")
    return run
