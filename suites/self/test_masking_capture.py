"""What a test prints is masked and looked through however pytest captures it, and a mask never touches a fixed text."""

import json
import re

import pytest
from test_masking import run_tests  # noqa: F401 - a fixture

from dcrproof.core.secrets.secret import Secrets

SHOWN = """\
import os, sys
def test_it(token):
    print("first", token)
    print("second", token, file=sys.stderr)
    sys.stdout.write(token + "\\n")
    sys.__stdout__.write("third " + token + "\\n")
"""


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("how", ["--capture=tee-sys", "--capture=sys", "--capture=fd", "--capture=no"])
def test_what_a_test_prints_is_masked_however_it_is_captured(run_tests, how, workers):  # noqa: F811 - as above
    ended = run_tests(SHOWN.replace('    sys.__stdout__.write("third " + token + "\\n")\n', ""), how, f"-n{workers}")
    assert ended.leaks == []
    if how == "--capture=tee-sys" and not workers:
        assert "first <secret>" in ended.shown
        assert "second <secret>" in ended.shown


def test_what_a_test_writes_past_the_mask_is_found(run_tests):  # noqa: F811 - as above
    """To the stream behind the one that pytest puts in its place."""
    ended = run_tests(SHOWN, "--capture=tee-sys")
    assert (ended.code, "SECRET LET OUT" in ended.printed) == (3, True) if ended.leaks else (0, False)


OWN = [
    "exchange 14, POST https://konnect.example/v3/apis -> 401",
    "verdict    red, exit 1 - 1 failed",
    '{"id": "token.granted", "verdict": "passed", "expected": "", "observed": "2026-11-30T12:00:00Z"}',
    "authorization: Basic <secret 0c6ec7d4>",
]


@pytest.mark.parametrize(
    "secret",
    ["exchange", "verdict ", "password", "authorization", "2026-11-30", '"verdict"', "expected", "<secret 0c6"],
)
def test_a_secret_that_a_party_makes_of_our_words_hides_none_of_them(secret):
    """A party may answer anything for a secret; what the profile says is refused before."""
    secrets = Secrets()
    secrets.know(secret)
    for text in OWN:
        assert secrets.mask(text) == text


def test_a_report_is_json_whatever_a_party_calls_a_secret():
    secrets = Secrets()
    for word in ('"verdict"', '": "', 'passed", "', "expected", "observed"):
        secrets.know(word)
    for text in OWN:
        if text.startswith("{"):
            assert json.loads(secrets.mask(text)) == json.loads(text)


def test_what_is_beside_our_words_is_masked():
    secrets = Secrets()
    secrets.know("exchange-Zk3m9")
    assert re.fullmatch(r"exchange 14, <secret \w{8}>", secrets.mask("exchange 14, exchange-Zk3m9"))
