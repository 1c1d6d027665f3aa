"""What depends on the version of a node: two defaults, and bugs with the releases that fixed them.

A bug was fixed in some lines of releases, each at its own patch. A line that is older than all of these, or that
is not among them, still has it; a newer line does not (openid-connect changelog; "Gateway breaking changes").
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import TypeAlias

Version: TypeAlias = tuple[int, ...]

NEWEST = 1_000_000
"""The number of a release that is left out."""

DEFAULTS_FROM_3_14: Mapping[str, bool] = {"ssl_verify": True, "hide_credentials": True}
DEFAULTS_TO_3_13: Mapping[str, bool] = {"ssl_verify": False, "hide_credentials": False}

FIXED_IN: Mapping[str, tuple[str, ...]] = {
    # A token whose `expires_in` was 0 or less was cached without end, and sent upstream long after it had expired.
    "keeps tokens that were over when they came": ("3.14.0.8", "3.15.0.1"),
    # `redirect_uri` went to the token endpoint with every grant.
    "sends redirect_uri with every grant": ("3.12.0.11", "3.13.0.10", "3.14.0.7"),
    # `credential_claim` was looked for in the ID token before the access token.
    "reads the ID token first": ("3.10.0.15", "3.11.0.14", "3.12.0.9", "3.13.0.7", "3.14.0.7", "3.15.0.0"),
    # A header that `upstream_headers` maps was left as the caller had sent it where the token lacked the claim.
    "lets mapped headers through": ("3.4.3.25", "3.10.0.10", "3.11.0.9", "3.12.0.5", "3.13.0.3", "3.14.0.0"),
    # A node whose first discovery had failed never tried again.
    "gives up after a failed first discovery": ("3.4.3.22", "3.11.0.6", "3.12.0.1", "3.13.0.0"),
    # JSON `null` where a credential is looked for was an error of the gateway.
    "fails on JSON null": ("3.4.3.20", "3.8.1.2", "3.9.0.0"),
    # A 403 went to `unauthorized_redirect_uri`.
    "sends the forbidden where the unauthorized go": ("3.10.0.0",),
    # `token_cache_key_include_scope` did not count the configured scopes.
    "leaves configured scopes out of the key": ("3.9.0.0",),
}

ONLY_IN: Mapping[str, str] = {
    # Claims below the top level were answered with 403.
    "refuses nested claims": "3.14.0.0",
}


@cache
def numbers(version: str) -> Version:
    """(3, 14, 0, 8) of 3.14.0.8; 3.14 is the newest of its line. Raises ValueError for a text that names no release."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?(?:\.(\d+))?(?![\d.])", version)
    if found is None:
        raise ValueError(f"{version!r} names no release")
    return tuple(NEWEST if number is None else int(number) for number in found.groups())


def defaults(version: str) -> Mapping[str, bool]:
    return DEFAULTS_FROM_3_14 if numbers(version) >= (3, 14) else DEFAULTS_TO_3_13


@cache
def has(bug: str, version: str) -> bool:
    """Whether a node of that version still has the bug."""
    own = numbers(version)
    if bug in ONLY_IN:
        return own == numbers(ONLY_IN[bug])
    fixed = [numbers(one) for one in FIXED_IN[bug]]
    in_line = [one for one in fixed if one[:2] == own[:2]]
    return own < in_line[0] if in_line else own < max(fixed)
