"""The documentation names only what exists: files, links, anchors, and terms of the glossary."""

import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import forks
import pytest
from markdown_it import MarkdownIt
from tiers import full

import dcrproof
from dcrproof.__main__ import command_line
from dcrproof.core.checks import baseline as known_failures
from dcrproof.core.http.exchange import Exchange
from dcrproof.core.parties.authorization_server import Metadata
from dcrproof.core.parties.control import ControlClient
from dcrproof.core.parties.gateway import Consumer
from dcrproof.core.parties.tokens import Jwt
from dcrproof.core.profile.schema import json_schema
from dcrproof.fixtures import catalogue
from dcrproof.fixtures.flow.access import KnownClient
from dcrproof.fixtures.flow.applications import Applications, PortalApplication
from dcrproof.mocks import observed
from dcrproof.mocks.profile import write_profile
from dcrproof.mocks.serve import private_folder, serving

ROOT = Path(dcrproof.__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
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


COMMAND = re.compile(r"^    (?:\.venv/bin/)?((?:pytest|dcrproof|curl) .*)$", re.MULTILINE)
OUTPUT = "dcrproof: "
"""How lines begin that a command prints."""
COMMANDS = {
    re.split(r"  +", command.strip())[0]: page.name
    for page in PAGES
    if page.parent.name not in {"tutorials", "how-to"}
    for command in COMMAND.findall(page.read_text("utf-8"))
    if not command.startswith(OUTPUT)
}
"""Each command of a page, without the words beside it, and the page. test_tutorials.py performs the other pages."""
ELSEWHERE = {
    "dcrproof diagnose": "test_diagnose.py",
    "dcrproof init": "test_init.py",
    "dcrproof lint plan.json": "test_lint.py",
    "dcrproof load": "test_load.py",
    "dcrproof serve --issuer": "test_real_authorization_server.py",
    "dcrproof serve": "test_serve.py",
    "pytest --dcr-openapi": "test_openapi.py",
    "pytest suites/self": "this is one of its tests",
}
"""Commands that other tests perform: they do not end, or need more than there is here."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which the names of the pages are something: a profile, a baseline, runs, a file of kongctl."""
    folder = tmp_path_factory.mktemp("place")
    with private_folder() as private, serving(seed=5) as served:
        profile = write_profile(private, served)
        for file in profile.parent.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        (folder / "staging.toml").write_bytes(profile.read_bytes())
        (folder / "known.toml").write_text("")
        shutil.copytree(ROOT / "examples" / "kongctl", folder, dirs_exist_ok=True)
        (folder / "how-to.yaml").rename(folder / "konnect.yaml")
        options = ["--pyargs", "dcrproof.suites", "-q", "--dcr-profile=staging.toml", "--dcr-check=discovery"]
        code, printed = forks.command_line(*options, cwd=folder)
        assert code == 0, printed
        out = folder / "reports" / "out"
        for name in ("OLD", "NEW", "20261123T020000.000000Z-7", "last-green"):
            shutil.copytree(out / "latest", out / name)
        (folder / "control").write_text(served.description["control"])
        yield folder


@full
@pytest.mark.parametrize("command", [one for one in COMMANDS if not one.startswith(tuple(ELSEWHERE))])
def test_a_command_of_a_page_does_what_it_says(command: str, place: Path) -> None:
    """With few checks, where it runs some."""
    program, *words = shlex.split(command.partition(" > ")[0].replace("$CONTROL", (place / "control").read_text()))
    if program == "pytest":
        everywhere = [] if "--pyargs" in words else ["--pyargs", "dcrproof.suites"]
        few = [] if {"--dcr-check", "-m", "--dcr-plan"} & set(words) else ["--dcr-check=token.is-jwt"]
        code, printed = forks.command_line(*everywhere, *few, "-q", *words, cwd=place)
        expected = 1 if "--dcr-undo" in words else 0
    else:
        if words[0] == "run" and "--dcr-plan" not in words:
            words.append("--dcr-check=token.is-jwt")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ended = subprocess.run(
            [program, *words],
            cwd=place,
            env={**forks.environment(), "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        code, printed, expected = ended.returncode, ended.stdout + ended.stderr, 0
    assert code == expected, printed


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("dcrproof ")])
def test_a_command_of_a_page_is_taken(command: str) -> None:
    words = shlex.split(command.partition(" > ")[0])[1:]
    options, unknown = command_line().parse_known_args(words)
    assert options.command == words[0]
    assert not unknown or hasattr(options, "others"), unknown


FENCES = [
    pytest.param(token.info, token.content, page, id=f"{page.stem} {token.map[0] + 1}")
    for page in PAGES
    for token in MarkdownIt().disable("inline").parse(page.read_text("utf-8"))
    if token.type == "fence" and token.map
]
PERFORMED = {
    "console": "test_tutorials.py",
    "python": "test_own_tests.py and test_tutorials.py",
    "text": "output",
    "mermaid": "",
}


@pytest.mark.parametrize(("info", "content", "page"), FENCES)
def test_a_fence_is_performed_or_read_as_its_language(info: str, content: str, page: Path, tmp_path: Path) -> None:
    """Commands with addresses of a tenant are read only: the tests of each command perform it."""
    language = info.partition(" ")[0]
    if language == "toml":
        (tmp_path / "snippet.toml").write_text(content)
        reading = {"baseline": baseline, "mocks": observed.read}
        reading.get(page.stem, known_to_profiles)(tmp_path / "snippet.toml")
    elif language == "sh":
        typed = [shlex.split(line) for line in content.replace("\\\n", " ").splitlines()]
        ours = [words for words in typed if words[0] == "dcrproof"]
        assert all(words[0] in {"dcrproof", "python3", ".", "pip"} for words in typed)
        for words in ours:
            assert command_line().parse_args(words[1:]).command == words[1]
    else:
        assert language in PERFORMED


def baseline(file: Path) -> None:
    known_failures.read(file, [entry.check.id for entry in catalogue.entries()])


def known_to_profiles(file: Path) -> None:
    """Asserts that a profile may have these tables and keys."""
    tables = json_schema()["properties"]
    for name, table in tomllib.loads(file.read_text("utf-8")).items():
        assert set(table) <= set(tables[name]["properties"]), name


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
