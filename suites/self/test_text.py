"""What a party sends is shown, and does nothing: no character of it is invisible, or turns the direction of the others."""

import sys
import unicodedata

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
