"""Findings in files as SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0/)."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from dcrproof.core.text import visible
from dcrproof.reports.diagnosis import Label, diagnosis

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(run: Mapping[str, Any]) -> dict[str, Any]:
    """The failed checks of a run of `dcrproof lint`; each check has `file`, `line` and `column`."""
    failed = [check for check in run["checks"] if check["verdict"] == "failed"]
    rules = list({check["id"]: check for check in failed}.values())
    order = {check["id"]: number for number, check in enumerate(rules)}
    tool = {"name": "dcrproof", "version": run["version"], "rules": [_rule(check) for check in rules]}
    results = [
        {
            "ruleId": check["id"],
            "ruleIndex": order[check["id"]],
            "level": "error" if check["red"] else "warning",
            "message": {"text": _message(run, check)},
            "locations": [{"physicalLocation": _location(check), "logicalLocations": [{"name": check["object"]}]}],
        }
        for check in failed
    ]
    one = {
        "tool": {"driver": tool},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "exitCode": run["exit"]}],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [one]}


def _rule(check: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": check["id"],
        "shortDescription": {"text": check["title"]},
        "help": {"text": "; ".join(check["references"])},
        "properties": {"tags": [check["stage"], *(["security"] if check["security"] else [])]},
    }


def _message(run: Mapping[str, Any], check: Mapping[str, Any]) -> str:
    rows = [row for row in diagnosis(run, check) if row.label not in {Label.SOURCES, Label.RERUN}]
    return visible("\n".join([check["title"], *(f"{row.label}: {row.text}" for row in rows)]))


def _location(check: Mapping[str, Any]) -> dict[str, Any]:
    path = PurePath(check["file"])
    uri = path.as_uri() if path.is_absolute() else quote(path.as_posix())
    return {
        "artifactLocation": {"uri": uri},
        "region": {"startLine": check["line"], "startColumn": check["column"]},
    }
