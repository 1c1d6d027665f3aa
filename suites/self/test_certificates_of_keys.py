"""What `keys.complete` says of a published key whose certificate is not its own."""

import pytest

from dcrproof.core.parties.tokens import certificate_flaw, foreign_jwk, foreign_x5c

KEY = foreign_jwk()
ANOTHER = {**KEY, "n": "wcHB" * 85 + "wQ"}
FLAWS = [
    (KEY, ""),
    ({**KEY, "x5c": foreign_x5c()}, ""),
    ({**KEY, "x5c": ["no certificate"]}, "no certificate"),
    ({**KEY, "x5c": {"not": "a list"}}, "no certificate"),
    ({**ANOTHER, "x5c": foreign_x5c()}, "another key"),
    ({**KEY, "x5c": foreign_x5c(), "x5t": "A" * 27}, "not the SHA-1"),
]


@pytest.mark.parametrize(("key", "says"), FLAWS)
def test_a_key_agrees_with_its_certificate(key, says):
    flaw = certificate_flaw(key)
    assert says in flaw
    assert bool(flaw) == bool(says)
