"""Each regular expression takes time in proportion to its text: all that the sources have, on texts that are to be slow.

They are found in the sources, so that none is forgotten. The texts are made of what the expression itself looks for.
"""

import ast
import importlib
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from re import _constants as op  # type: ignore[attr-defined]  # the tree of a pattern has no public name
from re import _parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any

import pytest

import dcrproof
from dcrproof.core.ledger import kinds
from dcrproof.fixtures.flow import jwt_gateway, refusals
from dcrproof.mocks.konnect import roles

LENGTH = 4_000
"""Characters of a text."""
LIMIT = 0.01
"""Seconds, of which linear time takes a twentieth; what takes longer is compared with an eighth of the text."""
GROWTH = 10

ROOT = Path(dcrproof.__file__).parent
SOURCES = (
    "__main__.py",
    "commands/*.py",
    "lint/*.py",
    "load/*.py",
    "playground/*.py",
    "core/**/*.py",
    "fixtures/**/*.py",
    "reports/**/*.py",
    "mocks/**/*.py",
    "suites/*.py",
)
METHODS = {"match", "fullmatch", "search", "split", "findall", "finditer", "sub", "subn"}

PIECES = {
    "core/record/events.py: NAME": "of at most LONGEST_NAME characters",
    "core/checks/check.py: 'test_\\\\d+_(\\\\w+)\\\\Z'": "names of dcrproof's own modules",
    "core/checks/check.py: 'test_(\\\\d+)_\\\\w+\\\\Z'": "names of dcrproof's own modules",
}
"""The patterns that no outside text reaches, or only short pieces of one."""

MADE = {
    "core/ledger/kinds.py: kind.path": [kind.path for kind in kinds.KINDS],
    "core/ledger/kinds.py: place": [kind.path.replace("services/[^/]+/", "") for kind in kinds.KINDS],
    "core/openapi.py: pattern": [r"/v3/apis/[^/]+/versions/[^/]+"],
    "core/parties/gateway.py: f'{re.escape(name)}\\\\d?\\\\s*='": [r"session\d?\s*="],
    "core/secrets/index.py: re.escape(form)": [r"a\ secret"],
    "core/secrets/index.py: sign": [r"a\ secret"],
    "fixtures/flow/jwt_gateway.py: cause.says": [cause.says for cause in jwt_gateway.TOLD_APART],
    "fixtures/flow/refusals.py: sign": list(refusals.REASONS),
    "fixtures/flow/stage.py: f'(?<!\\\\w){re.escape(sign)}(?!\\\\w)'": [r"(?<!\w)a\ sign(?!\w)"],
    'mocks/konnect/catalog.py: f"""(^|[{{,\\\\s])["\']?{key}["\']?\\\\s*:"""': [r"""(^|[{,\s])["']?swagger["']?\s*:"""],
    "mocks/konnect/roles.py: beginning": [beginning for beginning, _ in roles.KINDS],
    "mocks/konnect/roles.py: pattern": [pattern for _, pattern, _, _ in roles.ACROSS],
    "mocks/messages.py: pattern + '\\\\Z'": [r"/v3/apis/(?P<api>[^/]+)/versions/(?P<version>[^/]+)\Z"],
}
"""The expressions that are put together while dcrproof runs, by what makes them: each, or one that is like all of them."""


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted({path for source in SOURCES for path in ROOT.glob(source)}):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))


def module(path: str) -> ModuleType:
    return importlib.import_module("dcrproof." + path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


def held(value: Any, depth: int = 3) -> Iterator[re.Pattern[Any]]:
    """The patterns in a value of a module."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, (tuple, list, set, frozenset, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from held(one, depth - 1)


@cache
def patterns() -> tuple[dict[str, tuple[re.Pattern[Any], frozenset[str]]], list[str]]:
    """Each pattern with the methods that are called on it, by its place; and the places of those that are not known."""
    named: dict[str, set[str]] = defaultdict(set)
    found: dict[str, tuple[re.Pattern[Any], frozenset[str]]] = {}
    unknown: set[str] = set()
    read = {path: list(ast.walk(tree)) for path, tree in trees()}
    for nodes in read.values():
        for node in nodes:
            if (
                isinstance(node, ast.Attribute)
                and node.attr in METHODS
                and isinstance(node.value, (ast.Name, ast.Attribute))
            ):
                of = node.value
                named[of.id if isinstance(of, ast.Name) else of.attr].add(node.attr)
                if isinstance(of, ast.Attribute):
                    named[f".{of.attr}"].add(node.attr)
    for path, nodes in read.items():
        calls = [
            node
            for node in nodes
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
        ]
        if not any(isinstance(node, ast.Name) and node.id == "re" for node in nodes):
            continue
        values = vars(module(path))
        known = {}
        for name, value in values.items():
            for at, pattern in enumerate(dict.fromkeys(held(value))):
                known[pattern.pattern] = name
                methods = frozenset(named[name] or {"search"})
                found[f"{path}: {name}" + (f" {at}" if at else "")] = pattern, methods
        for call in calls:
            method = call.func.attr  # type: ignore[attr-defined]  # chosen by it above
            if method not in METHODS | {"compile"}:
                continue
            text = ast.unparse(call.args[0])
            place = f"{path}: {text}"
            try:
                pattern = eval(text, dict(values))  # noqa: S307 - an expression of dcrproof's own source
            except NameError:
                unknown.add(place)
                continue
            if method == "compile" and pattern not in known:
                found[place] = re.compile(pattern), frozenset(named[".pattern"])  # that of a field
            elif method != "compile":
                found[place] = re.compile(pattern), frozenset({method})
    for place, made in MADE.items():
        found |= {f"{place}: {pattern}": (re.compile(pattern), frozenset({"search"})) for pattern in made}
    return found, sorted(unknown)


def sample(part: Any) -> str:
    """A text that matches that part of a pattern, or nearly."""
    kind, of = part
    if kind is op.LITERAL:
        return chr(of)
    if kind in {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}:
        least, _, inner = of
        return "".join(map(sample, inner)) * max(least, 1)
    if kind is op.SUBPATTERN:
        return "".join(map(sample, of[3]))
    if kind is op.BRANCH:
        return "".join(map(sample, of[1][0]))
    if kind is op.IN:
        first, inside = of[0]
        if first is op.LITERAL:
            return chr(inside)
        if first is op.RANGE:
            return chr(inside[0])
        return {op.CATEGORY_DIGIT: "1", op.CATEGORY_SPACE: " ", op.CATEGORY_WORD: "a"}.get(inside, ".")
    return "a" if kind in {op.ANY, op.NOT_LITERAL} else ""


def characters(parts: Any) -> Iterator[str]:
    """One of each kind of character that a pattern looks for."""
    for part in parts:
        kind, of = part
        if kind is op.IN:
            yield from (sample((op.IN, [one])) for one in of if one[0] in {op.LITERAL, op.RANGE, op.CATEGORY})
        elif kind in {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}:
            yield from characters(of[2])
        elif kind is op.SUBPATTERN:
            yield from characters(of[3])
        elif kind is op.BRANCH:
            for one in of[1]:
                yield from characters(one)
        elif kind in {op.ASSERT, op.ASSERT_NOT}:
            yield from characters(of[1])
        else:
            yield sample(part)


def texts(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str, str]]:
    """What begins a text, what is repeated in it, and what ends it."""
    parts = list(
        _parser.parse(
            pattern.pattern, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
        )
    )
    begun = ["".join(map(sample, parts[:number])) for number in range(len(parts) + 1)]
    begun = list(dict.fromkeys(text for text in begun if len(text) < LENGTH / 8))
    alike = list(dict.fromkeys([*characters(parts), "a", " "]))[:10]
    units = dict.fromkeys(filter(None, [*alike, "\n", *begun, *(one + alike[0] for one in alike[1:])]))
    for unit in units:
        for before in begun[:: max(1, len(begun) // 8)]:
            yield before, unit, "\0"


def seconds(pattern: re.Pattern[Any], method: str, text: str) -> float:
    content = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
    call = getattr(pattern, method)
    arguments = (lambda found: found[0], content) if method in {"sub", "subn"} else (content,)
    begun = time.process_time()
    found = call(*arguments)
    if method == "finditer":
        list(found)
    return time.process_time() - begun


def grown(before: str, unit: str, after: str, length: int) -> str:
    return before + unit * (length // len(unit)) + after


def test_each_pattern_is_known():
    found, made = patterns()
    assert made == sorted(MADE)
    assert found.keys() >= PIECES.keys()


@pytest.mark.parametrize("place", sorted(patterns()[0].keys() - PIECES.keys()))
def test_a_pattern_takes_linear_time(place):
    pattern, methods = patterns()[0][place]
    for before, unit, after in texts(pattern):
        for method in methods:
            text = grown(before, unit, after, LENGTH)
            if seconds(pattern, method, text) < LIMIT:
                continue
            large = min(seconds(pattern, method, text) for _ in range(5))
            small = min(seconds(pattern, method, grown(before, unit, after, LENGTH // 8)) for _ in range(5))
            assert large < LIMIT or large <= GROWTH * small, (
                f"{method}: {small:.5f} s, then {large:.5f} s: {before!r} {unit!r}"
            )
