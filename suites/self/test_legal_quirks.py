"""What a document allows is green: the checks in front of authorization servers that nobody here wrote, one habit each."""

import re

import pytest
from performing import Case
from quirks import LEGAL
from tiers import spread

CASES = [Case(checks=row.checks, quirk=name) for name, row in LEGAL.items()]


@pytest.mark.parametrize("case", spread(CASES, of=8, id=lambda case: case.quirk))
def test_legal_quirk_is_green(case, ended):
    row, run = LEGAL[case.quirk], ended[case]
    blocked = [id for id, verdict in run.verdicts.items() if verdict == "blocked"]
    assert (run.exit, run.left, run.red, blocked) == (0, 0, [], []), run.said
    assert re.findall(r"^left .*", run.printed, re.MULTILINE) == []
    assert {name: run.verdicts[name] for name in row.passed.split()} == dict.fromkeys(row.passed.split(), "passed")


def test_a_server_without_basic_need_not_register_for_it(ended):
    case = next(case for case in CASES if case.quirk == "a client by client_secret_post alone")
    assert ended[case].verdicts["registered.default-method"] == "not applicable"
