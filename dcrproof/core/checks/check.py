"""A check is one claim that is tested; its data stand in the decorator of its test (`check`), or of the gate that claims it."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Required, TypedDict, TypeVar, Unpack

from dcrproof.core.checks.owners import CONSUMER, CURITY, GATEWAY, KONNECT

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+\Z")


@dataclass(frozen=True)
class Stage:
    """`owner` is the team that looks at a failure of its checks, where a check does not name another one."""

    title: str
    owner: str


STAGES = {
    "configuration": Stage("Curity: the committed configuration, read over RESTCONF", CURITY),
    "curity": Stage("Curity: discovery, keys, registrar, registration, tokens", CURITY),
    "konnect": Stage("Konnect: provider, strategy, publication, link, data planes", KONNECT),
    "provision": Stage("Konnect: the how-to's steps, done by this run", KONNECT),
    "portal": Stage("Portal: sign-in, application, registration", KONNECT),
    "route": Stage("Gateway: Basic, bearer, session", GATEWAY),
    "claims": Stage("Claims: the token that reached the upstream", CURITY),
    "curity_detail": Stage("Curity in detail: grants, registration, management", CURITY),
    "konnect_bridge": Stage("Konnect: a provider of type http, and its bridge", KONNECT),
    "konnect_detail": Stage("Konnect and the portal in detail: refusals, forms", KONNECT),
    "documents": Stage("Konnect's and the portal's answers, compared with Kong's OpenAPI documents", KONNECT),
    "plugin": Stage("Gateway: the plugin's settings, on a route of this run", GATEWAY),
    "plugin_issuer": Stage("Gateway: answers, caches, outages of an issuer of this run", GATEWAY),
    "plugin_tokens": Stage("Gateway: odd tokens, signed by an issuer of this run", GATEWAY),
    "plugin_services": Stage("Gateway: another plugin, two APIs, on services of this run", GATEWAY),
    "standards": Stage("The standards: what they demand beside what the flow depends on", CURITY),
    "life": Stage("Life cycle: new secret, rename, revoke, delete", GATEWAY),
    "explored": Stage("Search: sequences that nobody wrote down (pytest -m exploratory)", GATEWAY),
    "load": Stage("Load: many developers, consumers and operators at the same time (dcrproof load)", CONSUMER),
    "files": Stage("Files that set Konnect up, before they are applied (dcrproof lint)", KONNECT),
    "clean_up": Stage("Clean-up: what this run has made is gone", CURITY),
    "own_tests": Stage("Your own tests: what they asked of dcrproof's fixtures", CONSUMER),
}
"""The stages of the flow, by the name of their suite."""


def stage_title(name: str) -> str:
    """The stage in words; its name where it is not one of the flow's."""
    return STAGES[name].title if name in STAGES else name


Test = TypeVar("Test", bound=Callable[..., Any])


class Level(StrEnum):
    """RFC 2119: a MUST makes the run red, a SHOULD is shown and does not."""

    MUST = "MUST"
    SHOULD = "SHOULD"


class Evidence(StrEnum):
    """How well recordings and public documents support an expectation. A recording of the product outranks the others."""

    RECORDED = "recorded"
    DOCUMENTED = "documented"
    CONTRADICTED = "contradicted"
    INFERRED = "inferred"
    UNKNOWN = "unknown"


class Data(TypedDict, total=False):
    """What a check says of itself beside its id and its title; see `Check`."""

    evidence: Required[Evidence]
    references: Required[tuple[str, ...]]
    steps: tuple[str, ...]
    level: Level
    smoke: bool
    hostile: bool
    security: bool
    owner: str
    stage: str
    creates: Mapping[str, int]
    creates_on_failure: Mapping[str, int]


@dataclass(frozen=True)
class Check:
    """The data of a check. Raises ValueError for an id that is not two or more dotted parts."""

    id: str
    title: str
    evidence: Evidence
    references: tuple[str, ...]
    """The documents that make the claim."""
    steps: tuple[str, ...] = ()
    """The ids of the setup steps that it guards."""
    level: Level = Level.MUST
    smoke: bool = False
    hostile: bool = False
    security: bool = False
    """Whether its failure means that unauthorized callers get access or information."""
    owner: str = ""
    """The team that looks at a failure that no setup step explains: that of the stage by default."""
    stage: str = ""
    """By default that of the suite."""
    creates: Mapping[str, int] = field(default_factory=dict)
    """How many objects of each kind it asks for, those included whose creation it expects to be refused."""
    creates_on_failure: Mapping[str, int] = field(default_factory=dict)
    """The same for what is created in addition to distinguish the causes of a failure."""

    def __post_init__(self) -> None:
        if not ID.match(self.id):
            raise ValueError(f"{self.id!r} is not the id of a check: two or more dotted parts of a-z, 0-9 and -")

    def within(self, module: str) -> "Check":
        """The check as a suite module holds it: with its stage and its owner. Raises ValueError where it has no owner."""
        stage = self.stage or stage_of(module)
        owner = self.owner or (STAGES[stage].owner if stage in STAGES else "")
        if not owner:
            raise ValueError(f"{self.id} has no owner, and neither has its stage {stage}")
        return replace(self, stage=stage, owner=owner)


CLAIMED: dict[str, Check] = {}
"""The checks that gates claim, by the name of the gate: the flow fills it in."""


def check(id: str, title: str, **data: Unpack[Data]) -> Callable[[Test], Test]:
    """Marks a test as the check of that id. The stage is that of its suite by default, the owner that of its stage."""
    made = Check(id, title, **data)

    def mark(test: Test) -> Test:
        test.dcr_check = made.within(test.__module__)  # type: ignore[attr-defined] # a function takes any attribute
        return test

    return mark


def by_gate(test: Test) -> Test:
    """Marks a test as the check that a gate claims: the gate is the first argument of the test.

    The data of the check stand with the gate. A test with a body asserts more of it, such as the form of an answer.
    """
    test.dcr_by_gate = next(iter(inspect.signature(test).parameters))  # type: ignore[attr-defined] # as above
    return test


def check_of(test: object) -> Check | None:
    """The check that a function was marked as, if it was. Raises KeyError where its first argument is not a gate."""
    gate = getattr(test, "dcr_by_gate", None)
    if isinstance(gate, str):
        return CLAIMED[gate].within(test.__module__)
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
    """The number of a suite, which is its place in the flow: 1 for `suites.test_1_curity`, 0 for other modules."""
    found = re.search(r"test_(\d+)_\w+\Z", module)
    return int(found[1]) if found else 0
