"""Writes the files of a run into its folder."""

import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dcrproof.core.text import visible_json
from dcrproof.reports.handoff import handoffs
from dcrproof.reports.har import transcript_har
from dcrproof.reports.index_html import index_html
from dcrproof.reports.junit import junit_xml
from dcrproof.reports.metrics import metrics_prom
from dcrproof.reports.observed import observed_toml
from dcrproof.reports.sarif import results_sarif
from dcrproof.reports.summary import summary_md

Content = Mapping[str, Any]
"""A run as `run_json` returns it."""

FORMATS: Mapping[str, Callable[[Content], str]] = {
    "index.html": index_html,
    "junit.xml": junit_xml,
    "results.sarif": results_sarif,
    "metrics.prom": metrics_prom,
    "transcript.har": transcript_har,
    "summary.md": summary_md,
    "observed.toml": observed_toml,
}
"""The name of each file, and the function that makes it."""


@dataclass(frozen=True)
class Unwritten:
    """A file that is missing: `said` is why, in words; `made` is whether there was a text that could not be stored."""

    said: str
    made: bool

    def __str__(self) -> str:
        return self.said


def write(folder: Path, content: Content) -> list[Unwritten]:
    """Writes all files of a run. Returns what could not be written: it does not stop the others."""
    problems = []
    for name, text in _files(content):
        try:
            (folder / name).write_text(text(), "utf-8", errors="backslashreplace")
        except OSError as error:
            problems.append(Unwritten(f"{name}: {error.strerror or error}", made=True))
        except Exception as error:  # noqa: BLE001 - a bug in one format must not stop the others
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{name}: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
            problems.append(Unwritten(said, made=False))
    return problems


def _lines(content: Content) -> str:
    """The run as JSON, one line for each member and each item of a list. (Indented output takes ten times as long.)"""
    members = []
    for name, value in content.items():
        items = isinstance(value, list) and value
        text = "[\n" + ",\n".join(map(_json, value)) + "\n]" if items else _json(value)
        members.append(f"{_json(name)}: {text}")
    return "{\n" + ",\n".join(members) + "\n}\n"


def _json(value: Any) -> str:
    return visible_json(json.dumps(value, ensure_ascii=False))


def _files(content: Content) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "run.json", partial(_lines, content)
    for name, make in FORMATS.items():
        yield name, partial(make, content)
    for name, text in handoffs(content).items():
        yield name, partial(str, text)
