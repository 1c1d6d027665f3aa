"""Where the tables and keys of a profile stand in its file, for reports that point to a line."""

import os
import re
from pathlib import Path
from typing import Any

from dcrproof.core.files import content

TABLE = re.compile(r"\s*\[\[?\s*([\w.-]+)\s*\]")
KEY = re.compile(r"\s*([\w-]+)\s*=")


def places(path: Path, folder: Path) -> dict[str, Any]:
    """The file of a profile, by its path from that folder, and the line of each table and key in it.

    `{"file": "ci/staging.toml", "lines": {"curity": 4, "curity.issuer": 5}}`: lines are counted from 1, and of several tables
    of a name the first one counts. A file that is gone since it was read has no lines.
    """
    return {"file": Path(os.path.relpath(path, folder)).as_posix(), "lines": _lines(path)}


def _lines(path: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    table = ""
    try:
        lines = content(path).decode("utf-8-sig", "replace").split("\n")
    except OSError:
        return found
    for number, line in enumerate(lines, 1):
        if match := TABLE.match(line):
            table = match[1]
            found.setdefault(table, number)
        elif match := KEY.match(line):
            found.setdefault(f"{table}.{match[1]}", number)
    return found
