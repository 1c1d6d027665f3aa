"""`results.sarif`: valid by SARIF's schema, and placed where a person has to look."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft4Validator
from recorded import made_up
from test_reports import HOSTILE, WAYS, without_commands

from dcrproof.core.guide import STEPS
from dcrproof.core.profile.places import places
from dcrproof.reports.run_json import run_json
from dcrproof.reports.sarif import in_guide, results_sarif

SCHEMA = Draft4Validator(json.loads(Path(__file__).with_name("sarif-2.1.0.schema.json").read_text("utf-8")))
ROOT = Path(__file__).parents[2]
PROFILE = """\
# comment
[run]
mode = "existing"

[curity]
issuer = "https://idsvr.example.com"
[ gateway ]
url = "https://api.example.com"
  [[gateway.route]]
path = "/a"

[[gateway.route]]
path = "/b"
"""


def parsed(text: str):
    log = json.loads(text)
    assert [f"{list(error.path)}: {error.message}"[:300] for error in SCHEMA.iter_errors(log)] == []
    (run,) = log["runs"]
    return run


def placed(result) -> list[tuple[str, int]]:
    found = [location["physicalLocation"] for location in result["locations"]]
    return [(one["artifactLocation"]["uri"], one["region"]["startLine"]) for one in found]


@pytest.mark.parametrize("way", WAYS)
def test_it_validates_and_has_results_where_the_run_is_red(left, way):
    run = parsed(left(way).text("results.sarif"))
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is (way != "interrupted")
    assert any(one["level"] == "error" for one in run["results"]) is (left(way).code in {1, 6})


def test_without_a_profile_a_result_is_placed_at_the_setup_step_of_the_guide(left):
    run = parsed(left("undone").text("results.sarif"))
    result = next(one for one in run["results"] if one["ruleId"] == "token.is-jwt")
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "token.is-jwt"
    ((file, line),) = placed(result)
    assert file == "dcrproof/core/guide/curity.py"
    assert '"curity.token-issuer.jwt"' in (ROOT / file).read_text().splitlines()[line - 1]
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "curity.token-issuer.jwt"
    assert "fix: enable the setting" in result["message"]["text"]


def test_with_a_profile_it_is_placed_in_the_profile(left):
    (result, *_) = parsed(left("down").text("results.sarif"))["results"]
    ((file, line),) = placed(result)
    assert file.endswith("down.toml")
    assert line == 4  # issuer, whose address was not reached


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (["[curity] issuer: a hint"], 6),
        (["[[gateway.route]] path, method and success"], 10),
        (["[gateway] nodes: one of them"], 7),
        (["[portal] url", "[gateway] url"], 8),
        (["the profile"], 5),
        ([], 5),
    ],
)
def test_the_line_is_that_of_the_key_else_of_its_table_else_of_the_party(tmp_path, keys, line):
    path = tmp_path / "a b" / "ci.toml"
    path.parent.mkdir()
    path.write_text(PROFILE)
    content = run_json(made_up(2, 0, c0="passed", c1="failed"))
    content["profile_places"] = places(path, tmp_path)
    content["checks"][1] |= {"profile": keys}
    (result,) = parsed(results_sarif(content))["results"]
    assert placed(result) == [("a%20b/ci.toml", line)]


def test_what_is_excused_is_suppressed_and_a_should_is_a_warning():
    content = run_json(made_up(3, 0, c0="failed", c1="failed", c2="unreachable"))
    content["checks"][0] |= {"known": "ticket 7", "red": False}
    content["checks"][1] |= {"level": "SHOULD", "red": False}
    results = {one["ruleId"]: one for one in parsed(results_sarif(content))["results"]}
    known, should, red = (results[check["id"]] for check in content["checks"])
    assert (known["level"], known["suppressions"][0]["justification"]) == ("warning", "ticket 7")
    assert (should["level"], red["level"]) == ("warning", "error")


def test_a_profile_that_is_gone_has_no_lines(tmp_path):
    assert places(tmp_path / "gone.toml", tmp_path) == {"file": "gone.toml", "lines": {}}


@pytest.mark.parametrize("text", [*HOSTILE, "[a link](https://evil.example/)", "{0} {{}}"])
def test_a_text_from_a_party_is_no_link_and_no_command(text):
    written = results_sarif(run_json(made_up(9, 9, text)))
    assert without_commands(written)
    for result in parsed(written)["results"]:
        assert "](" not in result["message"]["text"]


def test_every_step_is_found_in_the_guide():
    for step in STEPS:
        file, line = in_guide(step.id)
        assert f'"{step.id}"' in (ROOT / file).read_text("utf-8").splitlines()[line - 1], step.id
