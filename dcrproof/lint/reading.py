"""YAML and JSON as nodes with their places. JSON is read as the YAML that it is; both by PyYAML's parser.

The nodes are put together here without recursion and within limits, since a file may come from anybody: an alias is the
node that it stands for, and is never copied.
"""

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dcrproof.lint.nodes import BadFile, Node, Place

LARGEST = 16 * 1024 * 1024
"""In bytes. kongctl reads at most 10 MiB."""
DEEPEST = 100
MOST_MERGED = 1_000_000
"""How many members the merge keys (`<<`) of a file may copy."""
SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
"""Half of a character in JSON, which YAML refuses: it is replaced by an escape of the same length."""
OWN = "tag:yaml.org,2002:"
CORE = frozenset({"binary", "bool", "float", "int", "map", "merge", "null", "seq", "str", "timestamp"})
BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
RESOLVER = yaml.SafeLoader("")


def text_of(path: Path, name: str) -> str:
    """The text of a file, which `name` names in errors. Raises BadFile."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadFile(name, "not a regular file")
        if status.st_size > LARGEST:
            raise BadFile(name, f"{status.st_size:,} bytes, and the limit is {LARGEST:,}")
        octets = path.read_bytes()
    except (OSError, ValueError) as error:
        raise BadFile(name, getattr(error, "strerror", None) or str(error)) from None
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise BadFile(f"{name}:{line}:1", "not UTF-8; save the file as UTF-8") from None


def documents(text: str, name: str) -> list[Node]:
    """The documents of a text. Raises BadFile."""
    try:
        return list(_Composer(name).documents(SURROGATE.sub(r"\\ufffd", text)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = _place(name, mark) if mark else name
        raise BadFile(where, f"neither YAML nor JSON: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadFile(f"{name}:{line}:1", f"neither YAML nor JSON: {error.reason}") from None


class _Composer:
    """Makes nodes of the parser's events."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.merged = 0

    def documents(self, text: str) -> Iterator[Node]:
        anchors: dict[str, Node] = {}
        open: list[tuple[Any, list[Node]]] = []
        for event in yaml.parse(text, Loader=Loader):
            place = _place(self.name, event.start_mark)
            if isinstance(event, yaml.DocumentStartEvent):
                anchors = {}
                continue
            if isinstance(event, yaml.CollectionStartEvent):
                if len(open) == DEEPEST:
                    raise BadFile(place, f"nested deeper than {DEEPEST} levels")
                open.append(((event, place), []))
                continue
            if isinstance(event, yaml.ScalarEvent):
                node = Node(_scalar(event), place, _own_tag(event.tag))
                anchor = event.anchor
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in anchors:
                    raise BadFile(place, "an alias of an anchor that is not defined before it ends")
                node, anchor = anchors[event.anchor], None
            elif isinstance(event, yaml.CollectionEndEvent):
                (start, began), children = open.pop()
                value = children if isinstance(start, yaml.SequenceStartEvent) else self._mapping(children)
                node, anchor = Node(value, began, _own_tag(start.tag)), start.anchor
            else:
                continue
            if anchor:
                anchors[anchor] = node
            if open:
                open[-1][1].append(node)
            else:
                yield node

    def _mapping(self, children: list[Node]) -> dict[str, Node]:
        """Of names and values in turn. What a merge key brings stands behind what the mapping has by itself."""
        found: dict[str, Node] = {}
        merges: list[Node] = []
        for key, value in zip(children[::2], children[1::2], strict=True):
            if isinstance(key.value, dict | list):
                raise BadFile(key.place, "the name of a member is not a text")
            name = str(key.value)
            if name == "<<":
                merges += value.items or [value]
            elif name in found:
                raise BadFile(key.place, "two members of this mapping have the same name")
            else:
                found[name] = value
        for one in merges:
            if not isinstance(one.value, dict) or one.tag:
                raise BadFile(one.place, "a merge key (<<) needs a mapping, or a list of them")
            self.merged += len(one.members)
            if self.merged > MOST_MERGED:
                raise BadFile(one.place, f"merge keys copy more than {MOST_MERGED:,} members")
            found = {**one.members, **found}
        return found


def _place(name: str, mark: Any) -> Place:
    """`mark` is the parser's; its lines and columns begin with 0."""
    return Place(name, mark.line + 1, mark.column + 1)


def _own_tag(tag: str | None) -> str:
    """A tag that is not YAML's core's."""
    return "" if not tag or tag == "!" or tag.removeprefix(OWN) in CORE else tag


def _scalar(event: yaml.ScalarEvent) -> object:
    """The value as kongctl's YAML library reads it, as far as a rule can tell the difference."""
    plain_text, quoted = event.implicit
    if _own_tag(event.tag):
        return event.value
    kind = event.tag or RESOLVER.resolve(yaml.ScalarNode, event.value, (plain_text, quoted))  # type: ignore[no-untyped-call] # the stubs have no types of it
    if kind == f"{OWN}null":
        return None
    if kind == f"{OWN}bool":
        return BOOLEANS.get(event.value.lower(), event.value)
    if kind == f"{OWN}int" and len(event.value) < 19 and event.value.lstrip("-").isdecimal():
        return int(event.value)
    return event.value
