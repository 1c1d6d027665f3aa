"""What the standards demand, section by section, and the check that shows it or the reason why none does.

One file for each document, in our own words. `dcrproof checks --coverage` and docs/standards.md list it.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

GAP = "gap"
REFERENCE = re.compile(r"(RFC \d+|OpenID Connect Discovery 1\.0),? (\d+(?:\.\d+)*)")


@dataclass(frozen=True)
class Demand:
    """`document` and `section` as references of checks have them. `reason` is empty where there are checks."""

    document: str
    section: str
    level: str
    says: str
    checks: tuple[str, ...] = ()
    reason: str = ""
    gap: bool = False
    """Whether a client could see it, and no check looks."""


@dataclass(frozen=True)
class Standard:
    name: str
    title: str
    demands: tuple[Demand, ...]


@cache
def standards() -> tuple[Standard, ...]:
    """The documents, RFCs by number. Raises KeyError for a reason that is not in reasons.toml."""
    texts = {
        one.name: tomllib.loads(one.read_text("utf-8")) for one in files(__name__).iterdir() if ".toml" in one.name
    }
    reasons = texts.pop("reasons.toml")
    return tuple(
        _standard(text, reasons) for _, text in sorted(texts.items(), key=lambda named: (named[0][0] != "r", named))
    )


def _standard(text: dict[str, Any], reasons: dict[str, str]) -> Standard:
    name = text["name"]
    return Standard(name, text["title"], tuple(_demand(name, row, reasons) for row in text["demands"]))


def _demand(document: str, row: dict[str, Any], reasons: dict[str, str]) -> Demand:
    checks, none = tuple(row.get("checks", ())), row.get("none", "")
    reason = reasons[none] if none else ""
    return Demand(document, row["section"], row["level"], row["says"], checks, reason, none == GAP)


def cited(references: tuple[str, ...]) -> set[tuple[str, str]]:
    """Document and section of each of these references that is to one of the standards."""
    names = {standard.name for standard in standards()}
    found = (REFERENCE.match(reference) for reference in references)
    return {(match[1], match[2]) for match in found if match and match[1] in names}


def counted() -> str:
    """How many demands have checks, reasons, and neither, in one line."""
    demands = [demand for standard in standards() for demand in standard.demands]
    checks = {check for demand in demands for check in demand.checks}
    shown, gaps = sum(bool(demand.checks) for demand in demands), sum(demand.gap for demand in demands)
    others = len(demands) - shown - gaps
    return f"{len(demands)} demands: {shown} shown by {len(checks)} checks, {others} that no client of this flow sees, {gaps} gaps"
