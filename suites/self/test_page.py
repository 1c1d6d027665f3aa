"""How a page of HTML is made."""

import sys
from pathlib import Path

import pytest

from dcrproof.reports.page import _environment

HEAD = "head.html"


def made() -> str:
    """A part of a page, as another process makes it."""
    return _environment.__wrapped__().get_template(HEAD).render(title="A", policy="", style="")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder for what Python compiles."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path


def test_a_compiled_template_is_used_only_where_it_is_whole(kept: Path) -> None:
    page = made()
    (compiled,) = (path for path in kept.rglob("*") if path.is_file())
    content = compiled.read_bytes()
    for broken in (b"", b"\x80" * 99, content[:20], content[:80], content[:-9]):
        compiled.write_bytes(broken)
        assert made() == page
        assert compiled.read_bytes() == content


def test_an_installation_that_may_not_be_written_to_makes_pages_as_well(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(kept / "file"))
    (kept / "file").touch()
    assert made()


def test_nothing_is_kept_where_python_is_told_to_keep_nothing(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert made()
    assert not [*kept.rglob("*")]
