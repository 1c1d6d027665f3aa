"""What a party sends is shown, and does nothing: no character of it is invisible, or turns the direction of the others."""

import sys
import unicodedata

import pytest

from dcrproof.core.text import FEW, harmless, meant, near, visible_json
from dcrproof.reports.text import visible

SHOWN_AS_THEY_ARE = {"\t", "\n"}
INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_no_invisible_character_is_written_as_it_is():
    every = map(chr, range(sys.maxunicode + 1))
    found = [one for one in every if unicodedata.category(one) in INVISIBLE and one not in SHOWN_AS_THEY_ARE]
    assert [f"U+{ord(one):04X}" for one in found if visible(f"a{one}b") == f"a{one}b"] == []


def test_what_can_be_seen_stays():
    text = "na\u00efve \u4e2d\u6587 \u0639\u0631\u0628\u064a \U0001f600 <b>&amp;</b>\n\tend"
    assert visible(text) == text


@pytest.mark.parametrize(
    ("name", "names", "said"),
    [
        ("insepct", ["inspect", "existing", "create"], "did you mean 'inspect'?"),
        ("Curity-DRC", ["curity-dcr", "okta-dcr"], "did you mean 'curity-dcr'?"),
        (
            "strategy.claim",
            ["konnect.strategy.claim", "konnect.strategy.scopes"],
            "did you mean 'konnect.strategy.claim'?",
        ),
        ("route-2", ["route-1", "route-3"], "did you mean 'route-1' or 'route-3'?"),
        ("write", ["inspect", "existing", "create"], "expected 'create', 'existing' or 'inspect'"),
        ("write", ["create"], "expected 'create'"),
        ("write", [], ""),
        ("write", [f"api-{number}" for number in range(100)], ""),
        ("green tea", ["green te\u202ea"], "did you mean 'green te\\u202ea'?"),
    ],
)
def test_a_mistyped_name_is_answered_with_the_near_ones(name, names, said):
    assert near(name, names) == said


def test_names_are_listed_in_full_where_they_are_few():
    *few, one_more = [f"name-{number}" for number in range(10, 10 + FEW + 1)]
    assert near("write", few).endswith("'name-20' or 'name-21'")
    assert near("write", [*few, one_more]) == ""


def test_at_most_three_near_names_are_said():
    assert (
        near("route-0", [f"route-{number}" for number in (1, 2, 3, 4)])
        == "did you mean 'route-1', 'route-2' or 'route-3'?"
    )


@pytest.mark.parametrize(("length", "shown"), [(100, "y" * 100), (101, "y" * 100 + "...")])
def test_a_long_name_is_cut(length, shown):
    assert near("write", ["y" * length]) == f"expected '{shown}'"
    assert meant("y" * 99, ["y" * length]) == f"did you mean '{shown}'?"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::no", "\\u003a:error::no"),
        ("first\n  ::add-mask::no", "first\n  \\u003a:add-mask::no"),
        ("##[group]no", "#\\u0023[group]no"),
        ("##vso[task.complete]no", "#\\u0023vso[task.complete]no"),
        ("a::b ## c", "a::b ## c"),
    ],
)
def test_what_a_ci_system_would_execute_is_escaped(text, shown):
    assert harmless(text) == shown


def test_json_stays_json_where_it_is_escaped():
    assert visible_json('{"a": "\x1b\u202e\u00e9\u2003"}') == '{"a": "\\u001b\\u202e\u00e9\u2003"}'
