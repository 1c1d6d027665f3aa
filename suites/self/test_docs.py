"""The documentation names only what exists: files, links, anchors, and terms of the glossary."""

import inspect
import re
import tomllib
from pathlib import Path

import forks
import pytest

import dcrproof
from dcrproof.__main__ import command_line
from dcrproof.core.http.exchange import Exchange
from dcrproof.core.parties.authorization_server import Metadata
from dcrproof.core.parties.control import ControlClient
from dcrproof.core.parties.gateway import Consumer
from dcrproof.core.parties.tokens import Jwt
from dcrproof.fixtures import catalogue
from dcrproof.fixtures.flow.access import KnownClient
from dcrproof.fixtures.flow.applications import Applications, PortalApplication

ROOT = Path(dcrproof.__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
GLOSSARY = ROOT / "docs" / "glossary.md"

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
OUR_PATH = re.compile(r"(?<![\w./-])(?:dcrproof|suites|fixtures|mocks|reports|docs|benchmarks|\.ci)/[\w./-]*\w")
WRITTEN_BY_RUNS = "reports/out"
WITH_OTHER_PATHS = {"CHANGELOG.md", "behaviours.md"}
"""Pages that name files which were here once, or are in other repositories."""


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def terms() -> list[str]:
    return headings(GLOSSARY)[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    for path, fragment in LINK.findall(page.read_text()):
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), path
        if fragment and linked.suffix == ".md":
            assert fragment in {anchor(heading) for heading in headings(linked)}, f"{path}#{fragment}"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in WITH_OTHER_PATHS], ids=lambda page: page.name
)
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    named = {path for path in OUR_PATH.findall(page.read_text()) if not path.startswith(WRITTEN_BY_RUNS)}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_the_functions_that_the_architecture_names_are_in_the_file_beside_them() -> None:
    beside = re.findall(r"`(\w+)`\s+in\s+`([\w/]+\.py)`", (ROOT / "docs" / "architecture.md").read_text())
    assert len(beside) > 5
    missing = [
        (name, path) for name, path in beside if not re.search(rf"\b(def|class) {name}\b", (ROOT / path).read_text())
    ]
    assert missing == []


def test_the_glossary_is_in_alphabetical_order() -> None:
    assert terms() == sorted(terms(), key=str.lower)


def test_the_readme_links_each_term_that_it_uses_at_most_once() -> None:
    linked = re.findall(r"docs/glossary\.md#([\w-]+)", (ROOT / "README.md").read_text())
    assert len(linked) == len(set(linked))
    assert {"setup-step", "check", "party", "mode", "ledger"} <= set(linked)


def test_the_profile_in_the_readme_is_the_example_of_mode_existing() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert tomllib.loads(shown) == tomllib.loads((ROOT / "examples" / "profiles" / "existing.toml").read_text("utf-8"))


README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = [
    line.strip() for line in re.findall(r"^    (?:\.venv/bin/)?((?:pytest|dcrproof) .*)$", README, re.MULTILINE)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_is_taken(command: str, tmp_path: Path) -> None:
    """With files in place of the names, as far as what it would run: the tests of each command run it."""
    assert len(COMMANDS) > 8
    program, *words = re.split(r"  +", command)[0].split()
    profile = (ROOT / "examples" / "profiles" / "existing.toml").read_text("utf-8")
    (tmp_path / "staging.toml").write_text(profile)
    (tmp_path / "known.toml").write_text("")
    (tmp_path / "DIR").mkdir()
    if program == "dcrproof":
        assert command_line().parse_args(words).command == words[0]
        return
    given = [word for word in words if word not in {"--dcr-openapi", "DIR"}]  # it needs Kong's documents
    variables = {"APPLICATION_SECRET": "a-secret-of-an-example"}
    options = ["--pyargs", "dcrproof.suites", "--collect-only", "-q"]
    code, printed = forks.command_line(*options, *given, cwd=tmp_path, **variables)
    assert code == 0, printed


PAGE = (ROOT / "docs" / "fixtures.md").read_text("utf-8")
SHAPES = {
    "dcr_application": (KnownClient,),
    "dcr_consumer": (Consumer, Exchange),
    "dcr_bearer": (Jwt,),
    "dcr_metadata": (Metadata,),
    "dcr_applications": (Applications, PortalApplication),
    "dcr_clock": (ControlClient,),
}
"""What the members on the page are members of."""


def test_the_page_on_fixtures_has_those_that_are_public() -> None:
    public = {name for name in vars(catalogue.FLOW) if name.startswith("dcr_")}
    assert set(headings(GLOSSARY.parent / "fixtures.md")[1:]) == public


@pytest.mark.parametrize("name", headings(GLOSSARY.parent / "fixtures.md")[1:])
def test_a_public_fixture_is_documented_in_its_docstring_and_with_members_that_it_has(name: str) -> None:
    section = PAGE.partition(f"## {name}\n")[2].partition("\n## ")[0]
    described = inspect.getdoc(vars(catalogue.FLOW)[name]) or ""
    assert len(described) > 60
    members = [
        member
        for cell in re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
        for member in re.findall(r"`(\w+)", cell)
    ]
    assert bool(members) is (name in SHAPES)
    had = {member for shape in SHAPES.get(name, ()) for member in (*dir(shape), *inspect.signature(shape).parameters)}
    assert set(members) <= had
    generated = [shape.__name__ for shape in SHAPES.get(name, ()) if hasattr(shape.__repr__, "__wrapped__")]
    assert generated == [], "the repr that a dataclass generates is long"
