"""A check is one claim that is tested; its data stand beside its test, in the decorator `check`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+\Z")

STAGES = {
    "configuration": "Curity: the committed configuration, read over RESTCONF",
    "curity": "Curity: discovery, keys, registrar, registration, tokens",
    "konnect": "Konnect: provider, strategy, publication, link, data planes",
    "provision": "Konnect: the how-to's steps, done by this run",
    "portal": "Portal: sign-in, application, registration",
    "route": "Gateway: Basic, bearer, session",
    "claims": "Claims: the token that reached the upstream",
    "curity_detail": "Curity in detail: grants, registration, management",
    "konnect_bridge": "Konnect: a provider of type http, and its bridge",
    "konnect_detail": "Konnect and the portal in detail: refusals, forms",
    "documents": "Konnect's and the portal's answers, held against Kong's documents",
    "plugin": "Gateway: the plugin's settings, on a route of this run",
    "plugin_issuer": "Gateway: answers, caches, outages of an issuer of this run",
    "plugin_tokens": "Gateway: odd tokens, signed by an issuer of this run",
    "plugin_services": "Gateway: another plugin, two APIs, on services of this run",
    "life": "Life afterwards: new secret, rename, revoke, delete",
    "clean_up": "Clean-up: what this run has made is gone",
}
"""The stages of the flow, by the name of their suite, in words."""

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
    stage: str


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
    stage: str = "",
) -> Callable[[Test], Test]:
    """Marks a test as the check of that id. `stage` is that of its suite where nothing is said.

    Raises ValueError for an id that is not two or more dotted parts.
    """
    if not ID.match(id):
        raise ValueError(f"{id!r} is no id of a check: two or more dotted parts of a-z, 0-9 and -")

    def mark(test: Test) -> Test:
        of = stage or stage_of(test.__module__)
        test.dcr_check = Check(id, title, level, evidence, steps, references, smoke, hostile, of)  # type: ignore[attr-defined] # a function takes any attribute
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


def number_of(module: str) -> int:
    """The number of a suite, which is its place in the flow: `suites.test_1_curity` has 1. 0 where there is none."""
    found = re.search(r"test_(\d+)_\w+\Z", module)
    return int(found[1]) if found else 0
