"""The matrix of checks and broken targets is fixed in two files, so that a change of what it says is seen in review.

DCRPROOF_REWRITE=1 pytest suites/self/test_snapshots.py --full     makes both anew
"""

import difflib
import os
import re

import pytest
from snapshots import DIAGNOSES, MATRIX, brief, diagnoses, diagnosis, held, matrix, title
from test_mutants import CHECKS, WHOLE, against, target
from tiers import full

from dcrproof.core import guide
from dcrproof.mocks.mutants import MUTANTS

REWRITE = "DCRPROOF_REWRITE"
MAKE_ANEW = f"{REWRITE}=1 pytest suites/self/test_snapshots.py --full makes it anew"


def rule(case):
    """What a mutant breaks, or what is not done where a step is left undone."""
    if case.mutant:
        return MUTANTS[case.mutant].breaks
    step = guide.step(case.undo.partition("=")[0])
    return f"{step.label or step.place}: {step.value}"


def compared(path, text):
    if os.environ.get(REWRITE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    before = path.read_text("utf-8").splitlines(True) if path.is_file() else []
    changed = difflib.unified_diff(before, text.splitlines(True), "as it was", "as it is")
    assert not "".join(changed), f"{path.name}: {MAKE_ANEW}"


@pytest.mark.parametrize("case", [pytest.param(case, id=title(case)) for case in WHOLE])
def test_a_diagnosis_reads_as_it_did(case, ended):
    """But for the impact, which is what more checks would have seen."""
    now, before = (
        [line for line in text.splitlines() if not line.startswith("  impact ")]
        for text in (diagnosis(ended[brief(case)]), held().get(title(case), ""))
    )
    assert now == before, MAKE_ANEW


@full
def test_the_diagnoses_of_runs_of_all_checks_read_as_they_did(ended):
    ended.all(WHOLE)
    compared(DIAGNOSES, diagnoses(ended, WHOLE))


@full
def test_the_verdicts_are_those_of_the_page(ended):
    ended.all(WHOLE)
    red = ((check.id, target(check.id), rule(against(check.id))) for check in CHECKS)
    compared(MATRIX, matrix(ended, WHOLE, red))


def test_no_secret_and_nothing_of_one_run_stands_in_a_diagnosis():
    text = DIAGNOSES.read_text("utf-8")
    assert "<secret" not in text
    assert not re.findall(r"\beyJ|kpat_|Basic [A-Za-z0-9+/]{8}|\b(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])\w{20,}", text)
    assert not re.findall(r"(?<!\d)\d{5,}", text)  # ports, traces, times
