"""What a party sends is shown, and does nothing: no character of it is invisible, or turns the direction of the others."""

import sys
import unicodedata

import pytest

from dcrproof.core.text import near
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
