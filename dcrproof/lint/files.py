"""Which files are read, and what each of them is."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dcrproof.core.text import one_line
from dcrproof.lint import kongctl, terraform
from dcrproof.lint.nodes import BadFile, Node
from dcrproof.lint.reading import documents, text_of
from dcrproof.lint.setup import Setup

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
MOST = 10_000
"""How many files a folder may hold."""


def read(paths: Sequence[Path]) -> tuple[Setup, list[str]]:
    """What the files declare together, and the names of those in folders that are neither, nor loaded by another.

    Raises BadFile.
    """
    setup = Setup()
    of_kongctl: list[Node] = []
    others: list[Path] = []
    try:
        for path, named in _files(paths):
            name = one_line(str(path), 1_000)
            roots = documents(text_of(path, name), name)
            known = [root for root in roots if root.value is not None]
            if plans := [root for root in known if terraform.is_plan(root)]:
                for plan in plans:
                    terraform.read(plan, setup)
            elif known and all(map(kongctl.is_kongctl, known)):
                of_kongctl += known
            elif named:
                raise BadFile(name, _neither(known))
            else:
                others.append(path)
        loaded = kongctl.read(of_kongctl, Path.cwd(), setup)
    except RecursionError:
        raise BadFile("the files", "they load one another too deeply") from None
    return setup, [one_line(str(path)) for path in others if path.resolve() not in loaded]


def _neither(roots: Sequence[Node]) -> str:
    if not roots:
        return "the file is empty"
    if any(map(terraform.is_state, roots)):
        return "a Terraform state; `terraform show -json PLAN` prints a plan"
    return "neither kongctl's YAML nor a Terraform plan in JSON (`terraform show -json PLAN`)"


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Each file once, and whether it is named rather than found in a folder."""
    seen: set[Path] = set()
    for path in paths:
        try:
            folder = path.is_dir()
            found = sorted(_within(path)) if folder else [path]
        except (OSError, ValueError) as error:
            raise BadFile(one_line(str(path)), getattr(error, "strerror", None) or str(error)) from None
        if folder and not found:
            raise BadFile(one_line(str(path)), "no file in this folder ends with .yaml, .yml or .json")
        for one in found:
            if (whole := one.absolute()) not in seen:
                seen.add(whole)
                yield one, not folder


def _within(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in folder.rglob("*"):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            found.append(path)
            if len(found) > MOST:
                raise BadFile(one_line(str(folder)), f"more than {MOST:,} files; name those that set Konnect up")
    return found
