"""The files of one run, made from its events into the folder of the run."""

import json
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dcrproof.events import Event
from dcrproof.reports.run_json import run_json

Content = Mapping[str, Any]
"""A run as `run_json` puts it together."""

FORMATS: Mapping[str, Callable[[Content], str]] = {}
"""The name of each file, and the function that makes it."""


def write(folder: Path, events: Iterable[Event]) -> list[str]:
    """Writes all files of a run. Returns what went wrong, in words: one file that cannot be made takes no other along."""
    content = run_json(events)
    problems = []
    for name, text in _files(content):
        try:
            (folder / name).write_text(text(), "utf-8", errors="backslashreplace")
        except OSError as error:
            problems.append(f"{name}: {error.strerror or error}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the other files are written
            where = traceback.extract_tb(error.__traceback__)[-1]
            problems.append(f"{name}: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})")
    return problems


def _lines(content: Content) -> str:
    """The run as JSON: each member on a line of its own, and each item of a list. (With an indent it takes ten times as long.)"""
    members = []
    for name, value in content.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list) and value:
            text = "[\n" + ",\n".join(json.dumps(item, ensure_ascii=False) for item in value) + "\n]"
        members.append(f"{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(members) + "\n}\n"


def _files(content: Content) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "run.json", lambda: _lines(content)
    for name, make in FORMATS.items():
        yield name, lambda make=make: make(content)  # type: ignore[misc] # a default binds it
