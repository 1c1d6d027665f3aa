"""Performs loads, one after the other, in a process whose blocking functions Locust has replaced: a line of JSON each.

It reads `{"profile", "options"}` from its input, and writes `{"exit", "run", "printed"}`.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

from dcrproof.__main__ import main


def performed(arguments: list[str]) -> dict[str, object]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = main(["load", *arguments])
    report = Path(arguments[arguments.index("--report") + 1]) / "latest"
    run = json.loads((report / "run.json").read_text("utf-8")) if report.exists() else None
    return {"exit": code, "run": run, "printed": printed.getvalue()}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(performed(json.loads(line))), flush=True)
