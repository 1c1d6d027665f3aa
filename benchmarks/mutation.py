"""Mutation testing of dcrproof: whether its tests fail where its code is wrong.

    pip install -e '.[test]' && python benchmarks/mutation.py [MODULE...] [--all]

Cosmic Ray changes one place of a module. A child of this process imports the changed text instead of the module, from
memory, and runs the tests that MODULES names: the mutant is killed where they fail or take too long. What survives is in
mutation.toml with its reason, else this fails.
"""

import argparse
import ast
import difflib
import hashlib
import importlib
import importlib.machinery
import importlib.util
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).parent.parent
EXPLAINED = Path(__file__).with_name("mutation.toml")

MODULES = {  # what carries dcrproof's verdicts, and the tests of it that run in one process and in seconds
    "dcrproof.core.checks.expect": ("expect",),
    "dcrproof.core.http.retry": ("retry",),
    "dcrproof.core.parties.creation": ("creation",),
    "dcrproof.core.parties.tokens": ("tokens",),
    "dcrproof.core.record.received": ("received",),
    "dcrproof.core.secrets.own_words": ("own_words",),
    "dcrproof.core.text": ("text",),
    "dcrproof.mocks.classic_portal.state": ("mock_classic_portal",),
    "dcrproof.mocks.curity.registration": ("mock_curity", "mock_curity_profile"),
    "dcrproof.mocks.curity.token_service": (
        *("mock_lifetimes", "mock_curity", "mock_curity_profile"),
        "control::test_any_token_is_signed_with_the_key_of_today_or_the_one_before",
    ),
    "dcrproof.mocks.gateway.credentials": ("mock_gateway_plugin", "mock_gateway"),
    "dcrproof.mocks.gateway.tokens": ("mock_gateway_plugin", "mock_gateway"),
    "dcrproof.mocks.konnect.applications": (
        *("mock_portal", "mock_konnect_driver", "mock_konnect_detail", "mock_konnect_bridge", "mock_konnect"),
        "mock_konnect_views",
    ),
    "dcrproof.mocks.konnect.listing": ("mock_konnect_detail", "mock_konnect"),
    "dcrproof.mocks.konnect.registrations": (
        *("mock_portal", "mock_konnect_driver", "mock_konnect_views", "mock_konnect", "mock_konnect_bridge"),
        "mock_konnect_detail",
    ),
}
SAMPLE = 12
"""How many mutants of each module a run takes."""
AT_LEAST = 0.95
OPERATORS = (
    *(f"ReplaceBinaryOperator_{one}" for one in ("Add_Sub", "Sub_Add", "Mul_Add", "BitAnd_BitOr")),
    *(f"ReplaceComparisonOperator_{one}" for one in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceComparisonOperator_{one}" for one in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_Gt", "LtE_Gt")),
    *("ReplaceUnaryOperator_Delete_Not", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "AddNot"),
    *("ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
    *("ExceptionReplacer", "NumberReplacer", "RemoveDecorator", "ZeroIterationForLoop"),
)
"""Of Cosmic Ray's: without those that change annotations (`X | None`), or do in other words what another does."""
USED = ("httpx", "hypothesis", "joserfc.jwt", "jwt", "pydantic", "pytest_httpx", "requests", "respx", "uvicorn")
"""What all tests import; children have it from their parent."""


@dataclass(frozen=True)
class Mutant:
    """One change of a module. It is the same wherever in the file its function stands."""

    module: str
    where: str
    before: str
    after: str
    line: int
    text: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.module, self.where, self.before, self.after

    def __str__(self) -> str:
        return f"{os.path.relpath(file_of(self.module))}:{self.line} {self.where}\n  - {self.before}\n  + {self.after}"


def file_of(module: str) -> str:
    """The file of a module, found without importing what is in it."""
    package, *rest = module.split(".")
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin)
    return str(path.parent.joinpath(*rest).with_suffix(".py") if rest else path)


def mutants_of(module: str, number: int | None) -> list[Mutant]:
    """That many mutants of a module, or all: always the same ones, as long as the lines that they change are."""
    source = Path(file_of(module)).read_text(encoding="utf-8")
    lines, names = source.splitlines(), scopes(source)
    nodes = list(ast_nodes(get_ast(source)))
    places, seen = [], Counter[str]()
    for operator in OPERATORS:
        found = get_operator(f"core/{operator}")()
        positions = [position for node in nodes for position in found.mutation_positions(node)]
        for occurrence, (start, *_) in enumerate(positions):
            line = start[0] if isinstance(start, tuple) else start
            name = f"{module} {names[line - 1]} {operator} {lines[line - 1].strip()}"
            seen[name] += 1
            order = hashlib.sha256(f"{name} {seen[name]}".encode()).hexdigest()
            places.append((order, line, operator, occurrence))
    made: dict[tuple[str, ...], Mutant] = {}
    for _, line, operator, occurrence in sorted(places):
        if number is not None and len(made) == number:
            break
        text = mutate_code(source, get_operator(f"core/{operator}")(), occurrence)
        diff = list(difflib.unified_diff(lines, text.splitlines(), lineterm="", n=0))[3:]
        before, after = (" ".join(one[1:].strip() for one in diff if one[0] == sign) for sign in "-+")
        mutant = Mutant(module, names[line - 1], before, after, line, text)
        made.setdefault(mutant.key, mutant)
    return sorted(made.values(), key=lambda mutant: mutant.line)


def scopes(source: str) -> list[str]:
    """The function or class that each line belongs to, "" outside of all."""
    names = [""] * (source.count("\n") + 1)

    def fill(node: ast.AST, outer: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = outer
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{outer}.{child.name}".lstrip(".")
                first = min([child.lineno, *(one.lineno for one in child.decorator_list)])
                names[first - 1 : child.end_lineno] = [name] * ((child.end_lineno or first) - first + 1)
            fill(child, name)

    fill(ast.parse(source), "")
    return names


class InPlace(importlib.machinery.SourceFileLoader):
    """Imports a module from a text instead of its file."""

    def __init__(self, module: str, text: str) -> None:
        super().__init__(module, file_of(module))
        self.text = text

    def find_spec(self, fullname: str, _path: Any, _target: ModuleType | None = None) -> Any:
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.name else None

    def get_code(self, _fullname: str) -> CodeType:
        return compile(self.text, self.path, "exec")


def test(mutant: Mutant, tests: Sequence[str], output: Path) -> None:
    """What a child does: it ends with pytest's exit code."""
    os.setsid()  # what it starts is stopped with it
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    assert mutant.module not in sys.modules, f"{mutant.module} was imported before it was changed"
    sys.meta_path.insert(0, InPlace(mutant.module, mutant.text))
    options = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain", "--hypothesis-seed=0"]
    code = pytest.main([*options, *tests])
    sys.stdout.flush()
    os._exit(code)


Explained = dict[str, Any]
"""An entry of mutation.toml: `module`, `where`, `before`, `after`, whether it is `equivalent`, and `why`."""
Result = tuple[Mutant, int | None, str]


def results(mutants: Iterable[Mutant], tests: Callable[[str], Sequence[str]], limit: float) -> Iterator[Result]:
    """Each mutant with the exit code of its tests (None: they took more than `limit` seconds), and what they printed."""
    context, left = multiprocessing.get_context("fork"), iter(mutants)
    running: dict[int, tuple[ForkProcess, Mutant, float, Path]] = {}
    folder = Path(tempfile.mkdtemp(prefix="dcrproof-mutation-"))
    os.environ |= {"TMPDIR": str(folder), "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis")}
    tempfile.tempdir = None
    try:
        while True:
            while len(running) < 2 and (mutant := next(left, None)):
                output = Path(tempfile.mkstemp(dir=folder)[1])
                child = context.Process(target=test, args=(mutant, tests(mutant.module), output))
                child.start()
                running[child.sentinel] = child, mutant, time.monotonic() + limit, output
            if not running:
                return
            wait(list(running), max(0, min(one[2] for one in running.values()) - time.monotonic()))
            for sentinel, (child, mutant, until, output) in list(running.items()):
                late = child.is_alive() and time.monotonic() > until
                if late:
                    os.killpg(child.pid or 0, signal.SIGKILL)
                if late or not child.is_alive():
                    child.join()
                    del running[sentinel]
                    yield mutant, None if late else child.exitcode, output.read_text(errors="replace")
    finally:
        for child, *_ in running.values():
            os.killpg(child.pid or 0, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def test_files(module: str) -> list[str]:
    names = (name.partition("::") for name in MODULES[module])
    return [str(ROOT / "suites" / "self" / f"test_{file}.py") + mark + test for file, mark, test in names]


def judge(
    survived: Sequence[Mutant], tried: Sequence[Mutant], explained: Sequence[Explained], at_least: float
) -> list[str]:
    """Prints the score, and returns what is wrong: nothing where each survivor is explained and enough are killed."""
    reasons = {(one["module"], one["where"], one["before"], one["after"]): one for one in explained}
    keys, alive = {one.key for one in tried}, {one.key for one in survived}
    wrong = [f"not explained in {EXPLAINED.name}: {one}" for one in survived if one.key not in reasons]
    wrong += [f"stale, it is killed: {' | '.join(key)}" for key in reasons if key in keys - alive]
    sources = {one.module: " ".join(Path(file_of(one.module)).read_text(encoding="utf-8").split()) for one in tried}
    wrong += [
        f"stale, there is no such line: {' | '.join(key)}"
        for key in reasons
        if key[0] in sources and " ".join(key[2].split()) not in sources[key[0]]
    ]
    equal = sum(reasons.get(one.key, {}).get("equivalent", False) for one in survived)
    killed, counted = len(tried) - len(survived), len(tried) - equal
    score = killed / counted if counted else 1
    print(f"\n{len(tried)} mutants: {killed} killed, {len(survived)} survived, of these {equal} equivalent")
    print(f"score: {score:.1%} of those that are not equivalent, at least {at_least:.0%} expected")
    return wrong + ([f"the score is below {at_least:.0%}"] if score < at_least else [])


def run(
    mutants: Sequence[Mutant],
    tests: Callable[[str], Sequence[str]],
    explained: Sequence[Explained],
    at_least: float = AT_LEAST,
) -> int:
    """Tries them, and prints what there is to say. The exit code: 0, or 1 where something is wrong."""
    for name in USED:
        importlib.import_module(name)
    modules = list(dict.fromkeys(mutant.module for mutant in mutants))
    originals = [Mutant(name, "", "", "", 0, Path(file_of(name)).read_text(encoding="utf-8")) for name in modules]
    started = time.monotonic()
    for original, code, output in results(originals, tests, 300):
        if code != 0:
            print(f"{output}\n{original.module}: its tests fail without any change: they are repaired first")
            return 1
    print(f"{len(modules)} modules unchanged: their tests pass ({time.monotonic() - started:.0f} s)", flush=True)
    survived = []
    for number, (mutant, code, _) in enumerate(results(mutants, tests, 60), 1):
        state = "survived" if code == 0 else "killed" if code is not None else "killed (60 s)"
        print(f"{number:>4}/{len(mutants)} {state:<13} {mutant.module}:{mutant.line}", flush=True)
        if code == 0:
            survived.append(mutant)
            print(f"  - {mutant.before}\n  + {mutant.after}", flush=True)
    wrong = judge(survived, mutants, explained, at_least)
    print(f"{time.monotonic() - started:.0f} s", *wrong, sep="\n")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="of these only, dcrproof.core.text for example")
    parser.add_argument("--all", action="store_true", help=f"all mutants, instead of {SAMPLE} of each module")
    options = parser.parse_args()
    for name in options.modules:
        if name not in MODULES:
            from dcrproof.core.text import near  # not above: else children have what they are to import changed

            parser.error(f"no tests are listed for {name!r}; {near(name, MODULES)}; all are in MODULES of {__file__}")
    explained = tomllib.loads(EXPLAINED.read_text(encoding="utf-8")).get("survivor", []) if EXPLAINED.exists() else []
    os.chdir(ROOT)
    chosen = [one for name in options.modules or MODULES for one in mutants_of(name, None if options.all else SAMPLE)]
    return run(chosen, test_files, explained)


if __name__ == "__main__":
    sys.exit(main())
