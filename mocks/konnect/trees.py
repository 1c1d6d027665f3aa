"""Objects that may have a parent of their own kind: pages, and the documents of APIs."""

from collections.abc import Callable, Collection
from operator import attrgetter
from typing import Any, TypeVar

T = TypeVar("T")


def branch(root: T, held: Collection[T], parent: str) -> list[T]:
    """The root and all below it; `parent` is the attribute that names an object's parent."""
    parent_of = attrgetter(parent)
    found: list[Any] = [root]
    for one in found:  # grows meanwhile
        found.extend(child for child in held if parent_of(child) == one.id)
    return found


def tree(held: Collection[Any], parent: str, view: Callable[[Any], dict[str, Any]]) -> list[dict[str, Any]]:
    """The views of those whose parent is not `held`, each with the views of those below it as `children`."""
    parent_of = attrgetter(parent)
    views = {one.id: {**view(one), "children": []} for one in held}
    for one in held:
        if parent_of(one) in views:
            views[parent_of(one)]["children"].append(views[one.id])
    return [views[one.id] for one in held if parent_of(one) not in views]
