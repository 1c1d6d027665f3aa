"""Texts from outside command nothing: not a terminal, not GitHub; and there is one way to a terminal."""

import ast
import json
import math
import random
import re
from pathlib import Path

import pytest
from forks import ROOT
from recorded import made_up

from dcrproof.__main__ import main
from dcrproof.core.checks.results import Exit
from dcrproof.core.text import harmless, say, visible

HIDDEN = [*"\x00\x07\x1b\x7f\x9b\xad", "\u061c", "\u180e", "\u200b", "\u202e", "\u2028", "\u2066", "\ufeff", "\ufff9"]
HIDDEN += ["\U000e0041", "\U0001d173", "\ud800", "\ufffe", "\U0010ffff", "\u0890"]


@pytest.mark.parametrize("character", HIDDEN, ids=ascii)
def test_what_cannot_be_seen_is_shown_escaped(character):
    assert visible(f"a{character}b") == f"a{ascii(character)[1:-1]}b"


@pytest.mark.parametrize("text", ["a b", "a\nb\tc", "\u00fcber", "\u4f60\u597d", "\U0001f600", "a\xa0b", "e\u0301"])
def test_what_can_be_seen_is_left_alone(text):
    assert visible(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("::error file=a::b", "  ::warning::b", "a\n::add-mask::b", "##[error]b", "a ##[group]b"),
        *("##vso[task.setvariable variable=PATH]/tmp", "a ##VSO[task.complete]", "##teamcity[buildStop]", "###vso[a]"),
    ],
)
def test_no_line_is_a_command_of_what_runs_the_job(text):
    for line in harmless(text).splitlines():
        assert not line.lstrip().startswith("::")
        assert not re.search(r"##\w*\[", line)


def test_json_stays_json():
    content = {"a": "::b", "c": "##[d]", "\u202e": "\x9b\x1b"}
    said: list[str] = []
    say(json.dumps(content, indent=2), said.append)
    assert json.loads(said[0]) == content


WAYS = frozenset({"print", "write_line", "line", "write_sep", "echo"})
ALLOWED = {
    ("dcrproof/core/text.py", "print"): "`say` itself",
    ("fixtures/session/terminal.py", "line"): "annotations, which are commands of GitHub's",
    ("fixtures/session/private.py", "line"): "an internal error of pytest's, which is its own text",
}


def test_there_is_no_other_way_to_a_terminal():
    """Each call of what prints; `say` is given it, and is not named like one."""
    found = set()
    for folder in ("dcrproof/core", "fixtures", "reports", "dcrproof"):
        pattern = "*.py" if folder == "dcrproof" else "**/*.py"
        for path in (ROOT / folder).glob(pattern):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    method = isinstance(node.func, ast.Attribute)
                    name = node.func.attr if method else getattr(node.func, "id", "")
                    if name in WAYS and method == (name != "print"):
                        found.add((str(path.relative_to(ROOT)), name))
    assert found <= ALLOWED.keys()


# Records that are damaged


def damaged(events: list[dict[str, object]], seed: int) -> list[object]:
    """The events with something wrong in some of them."""
    chance = random.Random(seed)
    for _ in range(3):
        event = chance.choice(events[1:])
        key = chance.choice([*event])
        event[key] = chance.choice([None, 17, "x", [], {}, [[]], {"a": [1]}, -1.5, True, math.inf, math.nan, 10**400])
        if chance.random() < 0.3 and key != "event":
            del event[key]
    return [*events]


@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_record_is_reported_or_said_to_be_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
):
    folder = tmp_path / "run"
    folder.mkdir()
    lines = map(json.dumps, damaged([*made_up()], seed))
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    for arguments in (["report", str(folder)], ["compare", str(folder), str(folder)], ["compare", str(tmp_path)]):
        assert main(arguments) in {Exit.GREEN, Exit.USAGE}, "the same run broke nothing, and nothing is our own fault"
    printed = "".join(capsys.readouterr())
    assert "Traceback" not in printed
    assert len(printed) < 5_000
