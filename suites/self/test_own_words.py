"""dcrproof's own words: no mask touches them, and none is taken for a secret."""

import json
from functools import cache
from importlib.resources import files

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from recorded import made_up

from dcrproof.core.checks.verdict import Verdict
from dcrproof.core.guide import STEPS
from dcrproof.core.secrets.decoding import BREAK
from dcrproof.core.secrets.forms import forms_of
from dcrproof.core.secrets.index import Secrets
from dcrproof.core.secrets.own_words import is_own, is_own_in_lines
from dcrproof.core.secrets.secret import SHORTEST
from dcrproof.fixtures.catalogue import entries
from dcrproof.reports.diagnosis import Label

LINES = (
    "dcrproof: all parties mocked, mode provision",
    "dcrproof: mode existing, hostile checks not allowed",
    "verdict    green - 366 passed, 2 not applicable",
    "evidence   reports/out/20261130T162239.266198Z-23378/index.html",
    "2026-11-30T16:22:39.266198Z",
    "Mon, 30 Nov 2026 16:46:33 GMT",
    "365 passed, 2 not applicable in 65.32s (0:01:05)",
    "====================== short test summary info ======================",
    "suites/test_1_curity.py::test_token_is_a_jwt",
    "CLEAN-UP FAILED",
    "LEAKED SECRET  reports/out/latest/index.html, at character 1,234: ",
)


@cache
def fixed() -> list[str]:
    """Lines that dcrproof writes whatever a party says."""
    guide = [value for step in STEPS for value in vars(step).values() if isinstance(value, str)]
    checks = [text for entry in entries() for text in (entry.check.id, entry.check.title)]
    hints = [f"pytest --dcr-check {entry.check.id}" for entry in entries()]
    schema = (files("dcrproof.reports") / "run.schema.json").read_text("utf-8").splitlines()
    words = [*(f"{label} " for label in vars(Label).values() if isinstance(label, str)), *map(str, Verdict)]
    return [line for line in (*LINES, *guide, *checks, *hints, *schema, *words) if len(line) >= SHORTEST]


@cache
def written() -> str:
    """The fixed texts, and the record of a run in which a party says nothing of its own."""
    return "\n".join([*fixed(), *(json.dumps(event) for event in made_up(text="an answer"))])


@st.composite
def parts(draw, least: int = SHORTEST) -> str:
    """A part of a fixed text."""
    line = draw(st.sampled_from(fixed()))
    start = draw(st.integers(0, len(line) - min(least, len(line))))
    return line[start : draw(st.integers(start + least, max(len(line), start + least)))]


@example("- 366 pa")
@example("ty.py::t")
@example("orts/out/2026113")
@example("lg and x5t")
@example("suites/te")
@given(parts())
def test_each_part_of_a_fixed_text_is_own(part):
    assert is_own(part)
    assert is_own(part.upper())


AROUND_A_TRACEBACK = (
    "AssertionError",
    "ConnectionRefusedError",
    "KeyboardInterrupt",
    "UnicodeDecodeError",
    "DeprecationWarning",
    "PytestUnknownMarkWarning",
    "PytestUnraisableExceptionWarning",
    "site-packages",
    "dist-packages",
    "/site-packages/",
    "Traceback (most recent call last):",
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
    "-- Docs: https://docs.pytest.org/en/stable/how-to/capture-warnings.html",
    "available fixtures: ",
    "use 'pytest --fixtures [testpath]' for help on them.",
    "Falsifying example: ",
    "Captured stdout call",
    "Use -v to get more diff",
)


@pytest.mark.parametrize("text", AROUND_A_TRACEBACK)
def test_what_stands_around_a_traceback_is_own(text):
    assert is_own(text)
    secrets = Secrets()
    secrets.know(text)
    assert secrets.mask(f"before {text} after") == f"before {text} after"


RANDOM = st.from_regex(r"[A-Za-z0-9_.~+/=!-]{8,40}", fullmatch=True) | st.text(min_size=SHORTEST, max_size=40)


@settings(max_examples=50)  # each searches all texts
@given(st.lists(RANDOM | parts(1), min_size=1, max_size=4), st.sampled_from(["", "-", " ", ".", "\n"]))
@example(["password", "1"], "")
@example(["verdict ", "Zq8wRt5x"], "")
@example(["2026-11-30", "Zq8wRt5x"], "T")
@example(["        ", "Zq8wRt5x"], "")
@example(["d", "konnect"], "")
def test_no_secret_changes_a_fixed_text_or_is_found_in_one(parts, between):
    """Not one that was accepted, and not one that a party has sent."""
    value = between.join(parts)
    assume(len(value) >= SHORTEST and value not in written())
    secrets = Secrets()
    secrets.know(value)
    assert secrets.mask(written()) == written()
    assert list(secrets.search([written()])) == [[]]
    if not is_own(value):
        assert value not in secrets.mask(f"the party said {value}!")


@given(st.lists(RANDOM | parts(1), min_size=1, max_size=3).map("".join), st.data())
@example("the-secret-of-the-registrar", None)
@example("90210731", None)
@example("0000000000000000012300000000", None)
@example("Zq700000000000000Rt500000000000000", None)
def test_what_the_profile_accepts_is_masked_wherever_a_line_ends_in_it(value, data):
    assume(len(value) >= SHORTEST and value.isprintable())
    assume(not any(map(is_own, forms_of(value))) and not is_own_in_lines(value))
    at = data.draw(st.integers(1, len(value) - 1)) if data else len(value) // 2
    assume(
        BREAK.match(f"\n{value[at:]}")[0] == "\n" and value[at - 1] not in "'\"\\"
    )  # else more may be left out there
    secrets = Secrets()
    fingerprint = repr(secrets.know(value))
    assert secrets.mask(f"¦{value[:at]}\n{value[at:]}¦") == f"¦{fingerprint}¦"


@pytest.mark.parametrize(
    "piece",
    [
        "aB3xK9pQ",
        "9#6&3@3<",
        "-xQ7.fRt",
        "kpat_Zq7",
        "Zq8w-Rt5",
        "fa718628",
        "90210731",
        "!@#$%^&*",
        "cR_tk-Lm",
        "eyJhbGci0",
    ],
)
def test_random_characters_are_nobodys_words(piece):
    assert not is_own(piece)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("mode provision\nparties mocked", True),
        ("ll parties mocked\nmode provis", True),  # the text may be cut, its lines not
        ("all parties moc\nmode provision", False),
        ("mode provision\nrties mocked", False),
        ("mode provision\n rties mocked\nmode existing", False),
    ],
)
def test_words_are_whole_at_the_ends_of_lines(text, own):
    assert is_own(text) is own


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("all parties mockedmode provision", True),
        ("rties mockedmode prov", True),
        ("dmode provision", True),
        ("parties mocmode provision", False),
        ("Zq8wRt5x", False),
    ],
)
def test_words_are_whole_where_a_line_may_end(text, own):
    assert is_own_in_lines(text) is own
