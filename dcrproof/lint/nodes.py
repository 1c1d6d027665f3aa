"""The values of a file with their places, those included that are known only when the file is applied."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_PLAIN = 10_000
"""How many values one setting may hold: aliases can make a short text stand for any number of them."""


@dataclass(frozen=True)
class Place:
    """Line and column begin with 1; a column counts characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class BadFile(Exception):
    """A file cannot be read, or is not what it should be; the text says where and why, without its values."""

    def __init__(self, where: object, why: str) -> None:
        super().__init__(f"{where}: {why}")


@dataclass(frozen=True)
class Unknown:
    """A value that the file does not hold, with the reason in words."""

    why: str


class NotKnown(Exception):
    """The files do not show whether a setting is right; the text says why."""

    @classmethod
    def before(cls, unknown: Unknown) -> "NotKnown":
        return cls(f"unknown before it is applied: {unknown.why}")


@dataclass(frozen=True, eq=False)
class Node:
    """`value` is a scalar, a dict of nodes, a list of nodes, `Unknown`, or the `Declared` object that an id belongs to.

    `tag` is a tag of the file's own, such as `!env`, and empty for other nodes.
    """

    value: Any
    place: Place
    tag: str = ""

    @property
    def members(self) -> Mapping[str, "Node"]:
        """The members of a mapping; none for another value."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list["Node"]:
        """The items of a list; none for another value."""
        return self.value if isinstance(self.value, list) else []

    def find(self, *path: str) -> tuple["Node | None", "Node"]:
        """The node at a path, or None, and the innermost node on the way there that exists."""
        inner = self
        for name in path:
            if isinstance(inner.value, Unknown):
                return inner, inner
            if name not in inner.members:
                return None, inner
            inner = inner.members[name]
        return inner, inner


@dataclass(frozen=True, eq=False)
class Declared:
    """An object that the files create or change. `body` has the members of Konnect's API; those that hold the id of another
    object hold a node of that object, of `Unknown`, or of the id.

    `external` objects exist in Konnect already, and the file says no more of them than how to find them.
    """

    kind: str
    name: str
    body: Node
    external: bool = False
    ids: frozenset[str] = field(default_factory=frozenset)

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


def plain(node: Node | None) -> Any:
    """The value without places; None for none. Raises NotKnown, and BadFile where it is too large."""
    return None if node is None else _plain(node, iter(range(MOST_PLAIN)))


def _plain(node: Node, left: Iterator[int]) -> Any:
    if next(left, None) is None:
        raise BadFile(node.place, f"one setting holds more than {MOST_PLAIN:,} values")
    if isinstance(node.value, Unknown):
        raise NotKnown.before(node.value)
    if isinstance(node.value, Declared):
        return node.value.name
    if isinstance(node.value, dict):
        return {name: _plain(member, left) for name, member in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item, left) for item in node.value]
    return node.value
