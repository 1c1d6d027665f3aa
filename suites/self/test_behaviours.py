"""The table of behaviours keeps up with the products' mocks and with the checks: no row without a check or a reason."""

import importlib.util
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import dcrproof
from dcrproof.core.checks.check import ID, Evidence
from dcrproof.fixtures import catalogue
from dcrproof.mocks.curity.switches import Switches as CuritySwitches
from dcrproof.mocks.gateway.switches import Switches as GatewaySwitches
from dcrproof.mocks.konnect.switches import Switches as KonnectSwitches

ROOT = Path(dcrproof.__file__).parent.parent
DOCS = ROOT / "docs"
SWITCHES = {"curity": CuritySwitches, "konnect": KonnectSwitches, "gateway": GatewaySwitches}
MEMBERS = {"id", "does", "source", "evidence", "held"}
SHORTEST_REASON = 30
"""Characters: fewer say `no` and not why."""

each_party = pytest.mark.parametrize("party", list(SWITCHES))


def make_behaviours() -> ModuleType:
    """The script that writes the page."""
    spec = importlib.util.spec_from_file_location("make_behaviours", DOCS / "make_behaviours.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(party: str) -> list[dict[str, Any]]:
    content = tomllib.loads((DOCS / "behaviours" / f"{party}.toml").read_text("utf-8"))
    assert set(content) == {"behaviour"}
    found: list[dict[str, Any]] = content["behaviour"]
    return found


def every_row() -> list[dict[str, Any]]:
    return [row for party in SWITCHES for row in rows(party)]


def wrong(party: str, says: Any) -> dict[str, Any]:
    """The rows of a party that `says` finds something wrong with: id, and what it is."""
    return {row.get("id", "a row without id"): found for row in rows(party) if (found := says(row))}


def test_the_page_is_made_of_the_rows():
    script = make_behaviours()
    assert set(script.TITLES) == set(SWITCHES)
    page = (DOCS / "behaviours.md").read_text("utf-8")
    assert page == script.page(), "run python docs/make_behaviours.py"


def test_each_id_is_there_once():
    ids = [row["id"] for row in every_row()]
    assert sorted(set(ids)) == sorted(ids)


@each_party
def test_each_id_says_whose_behaviour_it_is(party):
    assert not wrong(party, lambda row: not (ID.match(row["id"]) and row["id"].startswith(f"{party}.")))


@each_party
def test_each_row_says_all_that_a_row_says(party):
    def lacks(row: dict[str, Any]) -> set[str]:
        said = {name for name in MEMBERS if isinstance(row.get(name), str) and row[name].strip()}
        return (MEMBERS - said) | (set(row) - MEMBERS - {"checks", "reason"})

    assert not wrong(party, lacks)


@each_party
def test_the_evidence_of_each_row_is_a_word_of_the_catalogue(party):
    assert not wrong(party, lambda row: row["evidence"] not in set(Evidence))


@each_party
def test_the_source_of_each_row_is_one_that_everybody_can_read(party):
    def private(row: dict[str, Any]) -> Any:
        return re.search(r"the reference|(?<![\w/-])(konnect|gateway|curity)\.md\b", row["source"])

    assert not wrong(party, private)


@each_party
def test_each_cell_is_one_line(party):
    assert not wrong(party, lambda row: [name for name, text in row.items() if "\n" in str(text).strip()])


@each_party
def test_each_row_has_either_checks_or_a_reason_why_none_can_show_it(party):
    def neither(row: dict[str, Any]) -> str | None:
        checks, reason = row.get("checks"), row.get("reason")
        if checks is not None and reason is not None:
            return "both"
        if checks is not None:
            return None if checks and len(set(checks)) == len(checks) else "no checks, or one of them twice"
        return None if isinstance(reason, str) and len(reason.strip()) >= SHORTEST_REASON else "a reason that says why"

    assert not wrong(party, neither)


@each_party
def test_the_checks_of_each_row_are_in_the_catalogue(party):
    known = {entry.check.id for entry in catalogue.entries()}
    assert not wrong(party, lambda row: set(row.get("checks", ())) - known)


def test_each_check_of_the_catalogue_shows_a_behaviour():
    named = {check for row in every_row() for check in row.get("checks", ())}
    of_mocks = [entry.check.id for entry in catalogue.entries() if "jwt" not in catalogue.kinds(entry.test)]
    assert [id for id in of_mocks if id not in named] == []


@each_party
def test_the_tests_that_a_reason_names_are_there(party):
    tests = (ROOT / "suites" / "self").glob("test_*.py")
    known = {
        name for path in tests for name in (path.stem, *re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE))
    }
    assert not wrong(party, lambda row: set(re.findall(r"\btest_\w+", row.get("reason", ""))) - known)


@each_party
def test_each_switch_is_held_by_a_row_and_no_row_holds_another(party):
    names = {field.name for field in fields(SWITCHES[party])}
    held = {name for row in rows(party) for name in re.findall(r"\bSwitches\.(\w+)", row["held"])}
    assert held == names


@each_party
def test_each_switch_is_read_by_its_mock(party):
    files = [path for path in (ROOT / "mocks").rglob("*.py") if path.name != "switches.py"]
    text = "\n".join(path.read_text("utf-8") for path in files)
    assert [field.name for field in fields(SWITCHES[party]) if not re.search(rf"switches\.{field.name}\b", text)] == []


@each_party
def test_each_switch_is_documented_with_its_default_in_bold(party):
    page = (DOCS / f"switches-{party}.md").read_text("utf-8")
    # a switch has a section of its own, or a row of a table
    told = dict(re.findall(r"^(?:#+ |\| )`(\w+)`(.*?)(?=^#|^\| `|\Z)", page, re.MULTILINE | re.DOTALL))
    lacking = {
        field.name: f"**{field.default}**"
        for field in fields(SWITCHES[party])
        if not re.search(rf"\*\*[^*]*{re.escape(str(field.default))}", told.get(field.name, ""), re.IGNORECASE)
    }
    assert not lacking
