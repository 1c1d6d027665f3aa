"""What the standards demand: the rows agree with the references of the checks, and with the page."""

import importlib.util
import json
from pathlib import Path

from dcrproof.__main__ import main
from dcrproof.core.standards import cited, standards
from dcrproof.fixtures.listing import Filter, checks

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = {
    *(f"RFC {number}" for number in (6749, 6750, 7009, 7517, 7519, 7591, 7592, 7617, 7662, 8414, 8725)),
    "OpenID Connect Discovery 1.0",
}
DEMANDS = [demand for standard in standards() for demand in standard.demands]
CHECKS = {entry.check.id: entry.check for entry in checks(Filter())}


def test_every_document_is_there():
    assert {standard.name for standard in standards()} == DOCUMENTS


def test_a_demand_has_checks_or_a_reason():
    for demand in DEMANDS:
        assert bool(demand.checks) != bool(demand.reason), demand
        assert demand.level in {"MUST", "SHOULD", "MAY"}
        assert demand.says


def test_sections_are_in_their_order():
    for standard in standards():
        sections = [tuple(map(int, demand.section.split("."))) for demand in standard.demands]
        assert sections == sorted(sections), standard.name


def test_checks_refer_to_the_sections_that_have_them_and_to_no_others():
    table = {(demand.document, demand.section, id) for demand in DEMANDS for id in demand.checks}
    referred = {(*place, check.id) for check in CHECKS.values() for place in cited(check.references)}
    assert table - referred == set(), "the check does not refer to the section"
    assert referred - table == set(), "no demand of the section has the check"


def test_the_page_is_made_from_the_rows():
    spec = importlib.util.spec_from_file_location("make_standards", DOCS / "make_standards.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "standards.md").read_text() == module.page()


def test_the_command_lists_every_demand(capsys):
    assert main(["checks", "--coverage", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(one["document"], one["section"], one["says"]) for one in listed] == [
        (demand.document, demand.section, demand.says) for demand in DEMANDS
    ]
    assert main(["checks", "--coverage"]) == 0
    printed = capsys.readouterr().out
    assert "grant.two-methods" in printed
    assert printed.rstrip().endswith("gaps")
