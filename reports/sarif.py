"""`results.sarif`: what needs attention, as SARIF 2.1.0 for code scanning (OASIS, "Static Analysis Results Interchange Format").

A rule is a check, a result its diagnosis. It is placed in the profile, at the key that may be wrong or else at the table of
its party; without a profile in the guide, at the setup step. A check of `dcrproof lint` has a place of its own.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from dcrproof.core.checks.results import Exit
from dcrproof.core.text import visible, visible_json
from dcrproof.reports.diagnosis import Check, Label, Run, diagnosis, needing_attention

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
GUIDE = "dcrproof/core/guide"
SEVERE = "8.0"
"""GitHub calls a security result of 7.0 to 8.9 high."""
KEY = re.compile(r"\[\[?(?P<table>[\w.-]+)\]?\]\s*(?P<key>[\w-]*)")
"""How a diagnosis names a key of the profile: `[gateway] url: a hint`."""


def results_sarif(run: Run) -> str:
    found = needing_attention(run)
    rules = {check["id"]: check for check in found}
    order = {id: number for number, id in enumerate(rules)}
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "dcrproof",
                        "version": run["version"] or "0",
                        "rules": [_rule(check) for check in rules.values()],
                    }
                },
                "automationDetails": {"id": f"dcrproof/{run['mode'] or 'run'}/"},
                "columnKind": "unicodeCodePoints",
                "invocations": [_invocation(run)],
                "results": [_result(run, check, order[check["id"]]) for check in found],
            }
        ],
    }
    return visible_json(json.dumps(log, ensure_ascii=False, indent=1)) + "\n"


def _invocation(run: Run) -> dict[str, Any]:
    """`executionSuccessful` is false where the run did not end by itself: its results are not all."""
    times = {"startTimeUtc": run["started"], "endTimeUtc": run["ended"]}
    return {
        "executionSuccessful": run["exit"] in {Exit.GREEN, Exit.BROKEN, Exit.UNREACHABLE},
        **({} if run["exit"] is None else {"exitCode": run["exit"]}),
        **{name: at for name, at in times.items() if at},
        "toolExecutionNotifications": [
            {"level": "warning", "message": {"text": _plain(f"{note['kind']}: {note['text']}")}}
            for note in run["notes"]
        ],
    }


def _rule(check: Check) -> dict[str, Any]:
    pages = [reference for reference in check["references"] if re.fullmatch(r"[\w.-]+\.[a-z]+/\S+", reference)]
    title = _plain(check["title"])
    return {
        "id": check["id"],
        "shortDescription": {"text": title},
        "fullDescription": {"text": title},
        "help": {"text": _plain("; ".join(check["references"])) or title},
        **({"helpUri": f"https://{pages[0]}"} if pages else {}),
        "properties": {
            "tags": [check["level"], check["stage"], *(["security"] if check["security"] else [])],
            **({"security-severity": SEVERE} if check["security"] else {}),
        },
    }


def _result(run: Run, check: Check, number: int) -> dict[str, Any]:
    rows = [f"{row.label}: {row.text}" for row in diagnosis(run, check) if row.label is not Label.SOURCES]
    level = "error" if check["red"] else "warning"
    result = {
        "ruleId": check["id"],
        "ruleIndex": number,
        "level": level,
        "message": {"text": _plain("\n".join([check["title"], *rows]))},
        "locations": list(_locations(run, check)),
        "partialFingerprints": {"check/v1": check["id"]},
    }
    if check["known"]:
        result["suppressions"] = [{"kind": "external", "justification": _plain(check["known"])}]
    return result


def _locations(run: Run, check: Check) -> Iterator[dict[str, Any]]:
    steps = [*check["candidates"], *check["steps"]]
    logical = [{"fullyQualifiedName": step, "kind": "resource"} for step in dict.fromkeys(check["candidates"])]
    named = {"logicalLocations": logical} if logical else {}
    if "file" in check:
        yield {**_physical(check["file"], check["line"], check["column"]), **named}
        return
    places = run.get("profile_places")
    if places is None:
        yield {**_physical(*in_guide(steps[0] if steps else "")), **named}
        return
    parties = [step.partition(".")[0] for step in steps]
    asked = [exchange["party"] for exchange in run["exchanges"] if exchange["check"] == check["id"]]
    lines = list(_lines(places["lines"], check["profile"], [*parties, *asked]))
    for line in dict.fromkeys(lines):
        yield {**_physical(places["file"], line), **named}


def _lines(lines: Mapping[str, int], keys: list[str], parties: list[str]) -> Iterator[int]:
    """The lines of the keys that may be wrong; where there are none the line of a party, else the first one."""
    found = []
    for match in filter(None, map(KEY.match, keys)):
        named = (f"{match['table']}.{match['key']}", match["table"])
        found += [lines[name] for name in named if name in lines][:1]
    yield from found or [lines[party] for party in parties if party in lines][:1] or [1]


def _physical(file: str, line: int, column: int | None = None) -> dict[str, Any]:
    # a path from the folder of the run: code scanning takes it from the root of the repository
    region = {"startLine": line} if column is None else {"startLine": line, "startColumn": column}
    return {"physicalLocation": {"artifactLocation": {"uri": quote(file, safe="/")}, "region": region}}


@cache
def in_guide(step: str) -> tuple[str, int]:
    """The module of the guide that holds a step, and the line; the first line of the guide where none does."""
    for module in sorted(files("dcrproof.core.guide").iterdir(), key=lambda one: one.name):
        text = module.read_text("utf-8") if module.name.endswith(".py") else ""
        if step and "\nSTEPS" in text and (before := text.partition(f'"{step}",')[0]) != text:
            return f"{GUIDE}/{module.name}", before.count("\n") + 1
    return f"{GUIDE}/__init__.py", 1


def _plain(text: str) -> str:
    """A text in which nothing is a link of SARIF (3.11.6), and of no more characters than GitHub takes."""
    return visible(text).replace("](", "] (")[:30_000]
