"""The repository keeps its own promises: what is shipped, what may import what, and what the README says."""

import inspect
import re
from pathlib import Path

import pytest

import dcrproof
from dcrproof.core.checks.check import CLAIMED
from dcrproof.core.checks.owners import OWNERS
from dcrproof.core.guide import CLASSIC, HOW_TO, STEPS, classic_how_to
from dcrproof.fixtures import catalogue
from dcrproof.mocks import steps

ROOT = Path(dcrproof.__file__).parent.parent
FOLDERS = ("suites", "fixtures", "mocks", "reports")


def test_the_four_folders_are_reached_through_the_package():
    assert all((ROOT / "dcrproof" / name).resolve() == ROOT / name for name in FOLDERS)


def test_the_readme_has_the_two_commands_that_ci_runs():
    readme = (ROOT / "README.md").read_text()
    assert len(re.findall(r"^    python3 .*bin/pytest$", readme, re.MULTILINE)) == 1
    assert len(re.findall(r"^    python3 .*suites/self.*$", readme, re.MULTILINE)) == 1


def test_guide_and_mocks_know_the_same_steps_and_variants():
    guide = {step.id: step.variants for step in STEPS if step.undo}
    mocks = {step: steps.variants(step)[1:] for step in steps.STEPS}
    assert guide == mocks


def test_a_step_that_cannot_be_undone_says_why():
    assert all(bool(step.undo_reason) is not step.undo for step in STEPS)


def test_every_step_of_the_guide_is_guarded_by_a_check_or_says_why_not():
    guarded = {step for entry in catalogue.entries() for step in entry.check.steps}
    assert guarded == {step.id for step in STEPS if not step.unguarded_reason}


def test_the_owner_of_a_check_is_one_that_its_steps_have():
    owner_of = {step.id: step.owner for step in STEPS}
    for check in (entry.check for entry in [*catalogue.entries(), *catalogue.judged_afterwards()]):
        assert check.owner in OWNERS
        assert not check.steps or check.owner in {owner_of[step] for step in check.steps}, check.id


def test_what_a_gate_claims_is_the_check_of_a_suite():
    claimed = [check.id for gate, check in CLAIMED.items() if gate in vars(catalogue.FLOW)]
    assert len(set(claimed)) == len(claimed)
    assert set(claimed) <= {entry.check.id for entry in catalogue.entries()}


def test_a_step_that_can_be_undone_is_guarded():
    assert [step.id for step in STEPS if step.undo and step.unguarded_reason] == []


SECTIONS = {
    "Prerequisites, Kong Konnect": "1",
    "Prerequisites, Konnect roles": "1 2 3 4 5",
    "Prerequisites, Dev Portal": "1 2 3",
    "Prerequisites, Curity": "1 2 3",
    "Create a token service profile in Curity": "1 2",
    "Configure the token issuer": "1 2 3 4 5",
    "Create a client": "1 2 3 4 5 6",
    "Enable Dynamic Client Registration in Curity": "1 2 3 4 5 6",
    "Configure the Dev Portal": "1 2 3 4 4.1 4.2 4.3 4.4 4.5 5 5.1 5.2 5.3 5.4 5.5",
    "Apply the Curity DCR auth strategy to an API": "1 2 3",
    "Validate": "1 2 3 4 5 the-curl-command",
}


def test_the_guide_holds_every_step_of_the_how_to_in_its_order():
    places = [step.guide for step in STEPS if step.guide and step.guide.how_to == HOW_TO]
    found = [(place.section, place.step.replace(" ", "-")) for place in places]
    assert list(dict.fromkeys(found)) == [
        (name, step) for name, numbers in SECTIONS.items() for step in numbers.split()
    ]
    assert found == sorted(found, key=list(dict.fromkeys(found)).index)


CLASSIC_SECTIONS = {
    "Prerequisites": "1 2 3",
    "Issuer URL": "1",
    "Configure token issuer": "1 2 3 4 5",
    "Create a client": "1 2 3 4 5 6",
    "Enable Dynamic Client Registration": "1 2 3 4 5 6",
    "Configure the Dev Portal": "1 2 3 4 5 6 7 8",
    "Create an application with DCR": "1 2 3 4",
    "Make a successful request": "the-curl-command",
}


def test_the_guide_holds_every_step_of_the_classic_how_to():
    places = [place for step in STEPS for place in (step.guide, *step.also) if place and place.how_to == CLASSIC]
    found = {(place.section, place.step.replace(" ", "-")) for place in places}
    assert found == {(name, step) for name, numbers in CLASSIC_SECTIONS.items() for step in numbers.split()}


def test_every_place_in_the_classic_how_to_is_that_of_a_step():
    known = {step.id for step in STEPS}
    assert {id for _, _, ids in classic_how_to.SAME for id in ids} <= known


def test_only_suites_without_a_selected_check_and_its_gates_are_left_out():
    of = {entry.check.id: entry for entry in catalogue.entries()}
    files = {id: Path(inspect.getfile(entry.test)).resolve() for id, entry in of.items()}
    for id, entry in of.items():
        left_out = catalogue.files_without([id])
        assert not left_out & {files[one] for one in (id, *catalogue.stands_on(entry.test))}
    assert len(catalogue.files_without(["discovery.issuer"])) > 10
    assert catalogue.files_without(["discovery.issuer", "no.check"]) == frozenset()


def test_no_id_is_the_beginning_of_another():
    for ids in ([entry.check.id for entry in catalogue.entries()], [step.id for step in STEPS]):
        assert len(set(ids)) == len(ids)
        assert not [(one, other) for one in ids for other in ids if other.startswith(f"{one}.")]


@pytest.mark.parametrize("folder", [*FOLDERS, "dcrproof"])
def test_no_file_bears_a_path_of_a_machine(folder):
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in {".py", ".md", ".toml", ".json", ".mjs"} and "node_modules" not in path.parts:
            text = path.read_text()
            assert not re.search(r"(?<![\w.])/(home|root|Users)/\w", text), path
