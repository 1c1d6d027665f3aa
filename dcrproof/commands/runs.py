"""The records of runs, as commands take them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dcrproof.commands.parsing import Usage
from dcrproof.core.text import meant

A_RUN = "a run's folder, or its run.json; `latest` and names of runs are those in reports/out"


def run_of(path: Path) -> dict[str, Any]:
    """The run.json of a run, by its file or folder; made from the events if the run was killed. Raises Usage."""
    from dcrproof.core.files import LARGEST_RECORD, content
    from dcrproof.core.record.events import SCHEMA
    from dcrproof.reports.run_json import run_json

    path = found(path)
    file = path / "run.json" if path.is_dir() else path
    try:
        if path.is_dir() and not file.exists():
            events = events_of(path)
            with record(f"{path / 'events.jsonl'}"):
                return run_json(events)
        run = json.loads(content(file, LARGEST_RECORD).decode("utf-8"))
    except OSError as error:
        raise Usage(f"{file}: {error.strerror}; expected {A_RUN}") from None
    except (ValueError, RecursionError):
        raise Usage(f"{file}: not JSON") from None
    if not isinstance(run, dict) or run.get("schema") != SCHEMA or not isinstance(run.get("exchanges"), list):
        raise Usage(f"{file}: not a run.json of schema {SCHEMA}")
    return run


def found(path: Path) -> Path:
    """That path, or the run in reports/out of this folder that has the name. Raises Usage for a name that none has."""
    out = Path("reports/out")
    if path.exists() or path != Path(path.name):
        return path
    if (out / path).exists():
        return out / path
    folders = out.iterdir() if out.is_dir() else ()
    runs = sorted(one.name for one in folders if one.is_dir() and not one.is_symlink())
    if not runs:
        raise Usage(
            f"{path}: no run has left a report in {out} of this folder: `dcrproof run` leaves one; or name a run's folder"
        )
    raise Usage(f"{path}: neither here nor in {out}; {meant(path.name, runs) or f'the last run there is {runs[-1]!r}'}")


DAMAGED = "damaged, or of another version"


@contextmanager
def record(source: str) -> Iterator[None]:
    """Raises Usage where the block finds that a record is damaged: it may hold anything in any place."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise Usage(f"{source}: {DAMAGED} ({type(error).__name__})") from None


def events_of(folder: Path) -> list[Mapping[str, Any]]:
    """The events of a run's folder. Raises Usage if it has none."""
    from dcrproof.core.files import LARGEST_RECORD, content
    from dcrproof.core.record.events import read

    file = folder / "events.jsonl"
    try:
        events = list(read(content(file, LARGEST_RECORD).decode("utf-8", "replace").split("\n")))
    except OSError as error:
        raise Usage(f"{file}: {error.strerror}") from None
    if not events or events[0].get("event") != "started":
        raise Usage(f"{file}: not the record of a run")
    return events
