"""What a set of files declares: the objects of the how-to in Konnect, and secrets that stand in the files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dcrproof.lint.nodes import Declared, Node, Place, Unknown

SECRET = re.compile(r"(?:^|_)(?:secret|secrets|password|token|api_key|private_key)\Z")
"""What the name of a member ends with whose value is a secret."""
ELSEWHERE = re.compile(r"\{vault://|\$\{|\$\(|__ENV__:|__SECRET__:")
"""How a text begins that says where a secret is."""


@dataclass(frozen=True)
class Written:
    """A secret in plain text: the name of its member, its value and place. `by_plan`: Terraform has put it there."""

    name: str
    value: str = field(repr=False)
    place: Place
    by_plan: bool = False


@dataclass
class Setup:
    """The objects of all files, by kind, in the order of the files."""

    objects: dict[str, list[Declared]] = field(default_factory=dict)
    secrets: list[Written] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list, repr=False)
    """Texts that Terraform marks as sensitive: they may be anything, and are not printed."""

    def add(self, declared: Declared) -> None:
        self.objects.setdefault(declared.kind, []).append(declared)

    def of(self, kind: str) -> list[Declared]:
        return self.objects.get(kind, [])


def secrets_in(root: Node, *, by_plan: bool = False) -> Iterator[Written]:
    """The secrets in plain text below a node, each once: what aliases share is looked at once."""
    seen: set[int] = set()
    left: list[tuple[str, Node]] = [("", root)]
    while left:
        name, node = left.pop()
        if id(node) in seen or node.tag or isinstance(node.value, Unknown):
            continue
        seen.add(id(node))
        if isinstance(node.value, str):
            if SECRET.search(name) and node.value and not ELSEWHERE.match(node.value):
                yield Written(name, node.value, node.place, by_plan)
        else:
            left += [(name, item) for item in node.items]
            left += [(name if inner == "constant_value" else inner, one) for inner, one in node.members.items()]
