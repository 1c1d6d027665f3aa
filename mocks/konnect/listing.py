"""Lists: pages, sorting and filters as the query asks for them.

page[size], page[number]      the default of 10 and the most of 100 are inferred; a larger size is refused
sort=a,b desc                 ascending by default; an unknown attribute: 400, rule enum with the choices
filter[field][op]=value       all must hold; `filter[field]=value` means eq; `oeq` and `ocontains` take comma lists
                              an unknown field or operator: 400, rule unknown_property
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from dcrproof.mocks.konnect.problems import Invalid, invalid_parameters
from dcrproof.mocks.messages import Request

DEFAULT_SIZE = 10
LARGEST_SIZE = 100

OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "eq": lambda held, wanted: held == wanted,
    "neq": lambda held, wanted: held != wanted,
    "oeq": lambda held, wanted: held in wanted.split(","),
    "contains": lambda held, wanted: wanted in held,
    "ocontains": lambda held, wanted: any(part in held for part in wanted.split(",")),
}
STRING = frozenset(OPERATORS)
UUIDS = frozenset({"eq", "oeq", "neq"})
EQUAL = frozenset({"eq"})
EQUAL_OR_CONTAINS = frozenset({"eq", "contains"})


Reader: TypeAlias = Callable[[Any], Any]


def attribute(name: str) -> Reader:
    return lambda held: getattr(held, name)


def named(*names: str) -> dict[str, Reader]:
    """Sort attributes that are read off the object under their own name."""
    return {name: attribute(name) for name in names}


def filtered(operators: frozenset[str], *names: str) -> dict[str, tuple[frozenset[str], Reader]]:
    """Filters that are read off the object under their own name."""
    return {name: (operators, attribute(name)) for name in names}


@dataclass(frozen=True)
class Listing:
    """What a list can be filtered and sorted by: names, and how to read them off an object."""

    filters: Mapping[str, tuple[frozenset[str], Reader]] = field(default_factory=dict)
    sorts: Mapping[str, Reader] = field(default_factory=dict)

    def page(self, request: Request, items: Iterable[Any], view: Callable[[Any], Mapping[str, Any]]) -> dict[str, Any]:
        """The answer's body: `data`, and `meta.page` with number, size and total. Raises Problem 400."""
        chosen = any(name == "sort" or name.startswith("filter[") for name, _ in request.parameters)
        held = items if isinstance(items, Collection) and not chosen else self.select(request, items)
        asked = dict(request.parameters)
        size = _count("page[size]", asked.get("page[size]", str(DEFAULT_SIZE)), LARGEST_SIZE)
        number = _count("page[number]", asked.get("page[number]", "1"), None)
        start = (number - 1) * size
        return {
            "data": [view(one) for one in islice(held, start, start + size)],
            "meta": {"page": {"number": number, "size": size, "total": len(held)}},
        }

    def select(self, request: Request, items: Iterable[Any]) -> list[Any]:
        """All that match the filters, sorted as requested. Raises Problem 400."""
        held = list(items)
        for name, value in request.parameters:
            if name == "sort":
                held = self._sorted(held, value)
            elif name.startswith("filter["):
                held = self._filtered(held, name, value)
        return held

    def _sorted(self, held: list[Any], value: str) -> list[Any]:
        for part in reversed(value.split(",")):
            name, _, direction = part.strip().partition(" ")
            if name not in self.sorts or direction not in {"", "asc", "desc"}:
                reason = f"must be one of [{', '.join(self.sorts)}]"
                raise _refused({"field": "sort", "rule": "enum", "choices": list(self.sorts), "reason": reason})
            held = sorted(held, key=_order(self.sorts[name]), reverse=direction == "desc")
        return held

    def _filtered(self, held: list[Any], name: str, value: str) -> list[Any]:
        parts = re.fullmatch(r"filter\[([^\[\]]*)\](?:\[([^\[\]]*)\])?", name)
        known, operator = (self.filters.get(parts[1]), parts[2] or "eq") if parts else (None, "")
        if known is None or operator not in known[0]:
            raise _refused({"field": name, "rule": "unknown_property", "reason": f'"{name}" is not allowed'})
        test, read = OPERATORS[operator], known[1]
        return [one for one in held if test(_text(read(one)), value)]


def _order(read: Reader) -> Callable[[Any], tuple[bool, Any]]:
    def key(held: Any) -> tuple[bool, Any]:
        value = read(held)
        return (value is not None, value if value is not None else "")

    return key


def _text(value: Any) -> str:
    """As a filter writes it: `null`, `true`, `false`, or the text itself."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _count(name: str, value: str, most: int | None) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise _refused({"field": name, "rule": "is_number", "reason": f'"{name}" must be a number'})
    count = int(value)
    if count < 1:
        raise _refused({"field": name, "rule": "min", "minimum": 1, "reason": f'"{name}" must be at least 1'})
    if most is not None and count > most:
        raise _refused({"field": name, "rule": "max", "maximum": most, "reason": f'"{name}" must not exceed {most}'})
    return count


def _refused(fault: Invalid) -> Exception:
    return invalid_parameters([{**fault, "source": "query"}])
