"""`tox -e mutation` tells killed from surviving mutants, and accepts only survivors that are explained."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LESS = {"module": "tiny", "where": "size", "before": "return size < 10", "after": "return size <= 10"}
MORE = LESS | {"after": "return size > 10"}
EXPLAINED = LESS | {"equivalent": False, "why": "nobody asks for 10"}
PROGRAM = """
import sys, mutation
mutants = [one for one in mutation.mutants_of("tiny", None) if one.after in ("return size <= 10", "return size > 10")]
sys.exit(mutation.run(mutants, lambda module: ["test_tiny.py"], {explained}, at_least=0.5))
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    (tmp_path / "tiny.py").write_text("def size(size):\n    return size < 10\n")
    monkeypatch.setenv("PYTHONPATH", f"{BENCHMARKS}{os.pathsep}{tmp_path}")
    monkeypatch.syspath_prepend(BENCHMARKS)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("test", "code", "said"),
    [
        ("assert tiny.size(9)", 0, "2 mutants: 1 killed, 1 survived, of these 0 equivalent\nscore: 50.0%"),
        ("assert not tiny.size(9)", 1, "its tests fail without any change"),
    ],
)
def test_a_mutant_is_killed_where_a_test_fails(tiny, test, code, said):
    (tiny / "test_tiny.py").write_text(f"import tiny\n\n\ndef test_size():\n    {test}\n")
    program = [sys.executable, "-c", PROGRAM.format(explained=[EXPLAINED])]
    ended = subprocess.run(program, check=False, cwd=tiny, capture_output=True, text=True)
    assert said in ended.stdout, ended.stdout + ended.stderr
    assert ended.returncode == code
    assert (tiny / "tiny.py").read_text().endswith("size < 10\n")  # mutants are in memory only


@pytest.mark.parametrize(
    ("survived", "explained", "said"),
    [
        ([LESS], [EXPLAINED], []),
        (
            [LESS],
            [],
            ["not explained in mutation.toml: ", "tiny.py:2 size\n  - return size < 10\n  + return size <= 10"],
        ),
        ([LESS], [EXPLAINED, MORE], ["stale, it is killed: tiny | size | return size < 10 | return size > 10"]),
        (
            [LESS],
            [EXPLAINED, EXPLAINED | {"before": "return 1"}],
            ["stale, there is no such line: tiny | size | return 1"],
        ),
        ([LESS, MORE], [EXPLAINED, MORE], ["the score is below 50%"]),
        ([LESS, MORE], [LESS | {"equivalent": True}, MORE | {"equivalent": True}], []),
    ],
)
def test_survivors_are_explained_or_it_fails(tiny, survived, explained, said):
    import mutation

    mutants = {one.key: one for one in mutation.mutants_of("tiny", None)}
    tried = [mutants[tuple(one.values())] for one in (LESS, MORE)]
    wrong = mutation.judge([mutants[tuple(one.values())] for one in survived], tried, explained, 0.5)
    assert len(wrong) == bool(said)
    assert all(text in wrong[0] for text in said)


def test_an_unknown_module_is_answered_with_the_near_ones():
    program = [sys.executable, str(BENCHMARKS / "mutation.py"), "dcrproof.core.txt"]
    ended = subprocess.run(program, check=False, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "no tests are listed for 'dcrproof.core.txt'; did you mean 'dcrproof.core.text'?" in ended.stderr
