"""A check is one claim that is tested; its data stand beside its test, in the decorator `check`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+\Z")

Test = TypeVar("Test", bound=Callable[..., Any])


class Level(StrEnum):
    """RFC 2119: a MUST makes the run red, a SHOULD is shown and does not."""

    MUST = "MUST"
    SHOULD = "SHOULD"


class Evidence(StrEnum):
    """What public documents say of an expectation."""

    DOCUMENTED = "documented"
    CONTRADICTED = "contradicted"
    INFERRED = "inferred"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """`steps` are the set-up steps that the check guards; `references` the documents that make the claim."""

    id: str
    title: str
    level: Level
    evidence: Evidence
    steps: tuple[str, ...]
    references: tuple[str, ...]
    smoke: bool
    hostile: bool


def check(
    id: str,
    title: str,
    *,
    evidence: Evidence,
    references: tuple[str, ...],
    steps: tuple[str, ...] = (),
    level: Level = Level.MUST,
    smoke: bool = False,
    hostile: bool = False,
) -> Callable[[Test], Test]:
    """Marks a test as the check of that id. Raises ValueError for an id that is not two or more dotted parts."""
    if not ID.match(id):
        raise ValueError(f"{id!r} is no id of a check: two or more dotted parts of a-z, 0-9 and -")

    def mark(test: Test) -> Test:
        test.dcr_check = Check(id, title, level, evidence, steps, references, smoke, hostile)  # type: ignore[attr-defined] # a function takes any attribute
        return test

    return mark


def check_of(test: object) -> Check | None:
    """The check that a function was marked as, if it was."""
    found = getattr(test, "dcr_check", None)
    return found if isinstance(found, Check) else None


def matches(id: str, prefix: str) -> bool:
    """Whether `prefix` is the id or whole parts of its beginning."""
    return id == prefix or id.startswith(prefix + ".")


def stage_of(module: str) -> str:
    """The stage of the flow that a suite module holds: `suites.test_1_curity` is `curity`."""
    found = re.search(r"test_\d+_(\w+)\Z", module)
    return found[1] if found else module.rpartition(".")[2]
