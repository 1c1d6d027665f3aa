"""`run.json`: the run in machine-readable form."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dcrproof.result import Result

SCHEMA = 1


def run_json(
    results: Iterable[Result], code: int, parties: Mapping[str, str], left_behind: Sequence[str]
) -> dict[str, Any]:
    """The whole run; checks in the order of the catalogue."""
    return {
        "schema": SCHEMA,
        "exit": code,
        "target": dict(parties),
        "left_behind": list(left_behind),
        "checks": [_check(result) for result in results],
    }


def _check(result: Result) -> dict[str, Any]:
    data = result.data()
    del data["order"]
    return data
