"""Secrets that are known by the name beside them: of a member, a header, or a parameter of a query."""

import re
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import parse_qsl

from dcrproof.core.secrets.secret import SHORTEST

NAMED = re.compile(
    r"(?P<chosen>secret|passwd|password|passphrase)s?$"
    r"|(?:token|credential|authorization|(?:access|account|api|encryption|hmac|private|provision|secret|shared)key)s?$"
)
"""The end of the name of a member whose value is a secret, in lower case and without `_` and `-`.

The names are those of RFC 6749 5.1, RFC 7591 3.2.1, the portal and Kong's plugins (`x-encrypted` in their schemas). A
secret that a person may have `chosen` can be shorter, and a word. A name with one of these words inside is a setting:
`token_endpoint`, `credential_claim`.
"""
GIVEN = re.compile(NAMED.pattern + r"|(?:pass|pwd)$|(?P<made>key|auth|signature|\bsig|jwt|code|session|sessionid|sid)$")
"""The same for what a person writes into an address or a header, where more is a secret than what products name so, but a
word for what is `made` is none: `?key=accounts`.
"""
LEAST_MADE = 12
"""A shorter value is not a secret made by a party, but a word."""
WORDS = re.compile(r"[A-Za-z]{1,14}(?:[ _.-][A-Za-z]{1,14})*")
"""Not a secret made by a party either: `authorization_code`."""
SENTENCE = re.compile(r"\S+(?: \S+){2,}|\{vault://.*")
"""A message or a description, or a reference to a stored secret."""


def secrets_in(name: str, value: str) -> Iterator[str]:
    """The secret in the value of a member with that name, if any; in an Authorization header, the credentials."""
    named = NAMED.search(_plain(name))
    if not named or SENTENCE.fullmatch(value):
        return
    scheme, _, credentials = value.partition(" ")
    if named[0].startswith("authorization") and credentials:
        value = _password(credentials) if scheme.lower() == "basic" else credentials.strip()
    made = len(value) >= LEAST_MADE and not WORDS.fullmatch(value)
    if (made or (named["chosen"] and len(value) >= SHORTEST)) and not is_jwt(value):
        yield value


def given_in(name: str, value: str) -> Iterator[str]:
    """The secret in what a person has written as that header or parameter, if any."""
    named = GIVEN.search(_plain(name))
    if named and len(value) >= SHORTEST and not (named["made"] and WORDS.fullmatch(value)):
        yield value


def given_in_query(query: str) -> Iterator[str]:
    """The secrets in the query of an address that a person has written."""
    for name, value in parse_qsl(query):
        yield from given_in(name, value)


def is_jwt(value: str) -> bool:
    """Whether a value is a JWT: JWTs are found everywhere by their form."""
    return value.startswith("eyJ") and value.count(".") == 2  # header, claims, signature


def _plain(name: str) -> str:
    return re.sub(r"[_.-]", "", name.lower())


def _password(credentials: str) -> str:
    """The password in Basic credentials (RFC 7617); the value itself where it is something else."""
    try:
        return b64decode(credentials).decode().partition(":")[2] or credentials
    except ValueError:
        return credentials
