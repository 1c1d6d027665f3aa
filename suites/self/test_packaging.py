"""What pyproject.toml says of the package is what there is. `.ci/package` builds it, and holds two builds against each other."""

import re
import runpy
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

import dcrproof

ROOT = Path(dcrproof.__file__).parent.parent
DATA: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PARTS = ("dcrproof", "fixtures", "mocks", "reports", "suites")


def _files() -> list[Path]:
    """The files of the package that are not Python, as the package names them; links to folders are none."""
    listed = subprocess.run(["git", "ls-files", "--", *PARTS], cwd=ROOT, capture_output=True, text=True, check=True)
    found = [Path(name) for name in listed.stdout.splitlines() if not (ROOT / name).is_symlink()]
    own = [path for path in found if path.suffix != ".py" and path.parts[:2] != ("suites", "self")]
    return [path if path.parts[0] == "dcrproof" else Path("dcrproof", path) for path in own]


@pytest.mark.parametrize("file", _files(), ids=str)
def test_a_file_that_is_not_python_is_in_the_wheel(file):
    shipped = DATA["tool"]["setuptools"]["package-data"]
    places = [
        (file.relative_to(package.replace(".", "/")), patterns)
        for package, patterns in shipped.items()
        if file.is_relative_to(package.replace(".", "/"))
    ]
    assert any(fnmatch(str(place), pattern) for place, patterns in places for pattern in patterns)


def test_the_links_of_the_readme_are_absolute_on_the_page_of_the_package(monkeypatch):
    """As setup.py gives it to the wheel and the source archive; `.ci/package` looks at both."""
    given: dict[str, Any] = {}
    monkeypatch.setattr("setuptools.setup", lambda **named: given.update(named))
    monkeypatch.setattr("os.umask", lambda _: 0)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    runpy.run_path(str(ROOT / "setup.py"))
    own, shown = (
        re.findall(r"(!?)\[[^\]]*\]\(([^)]*)\)", text)
        for text in ((ROOT / "README.md").read_text("utf-8"), given["long_description"])
    )
    assert len(own) == len(shown) > 20
    base = f"{DATA['project']['urls']['Repository']}/"
    for (image, path), (_, url) in zip(own, shown, strict=True):
        assert url == f"{base}{'raw' if image else 'blob'}/main/{path}"
        assert (ROOT / path.partition("#")[0]).exists(), path


def test_all_addresses_of_the_project_are_below_one():
    urls = DATA["project"]["urls"]
    assert all(url.startswith(urls["Repository"]) for url in urls.values())
