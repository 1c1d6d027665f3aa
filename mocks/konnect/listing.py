"""Lists: pages, sorting and filters as the query asks for them.

page[size], page[number]      the default of 10 and the most of 100 are inferred; a larger size is refused
sort=a,b desc                 ascending by default; an unknown attribute: 400, rule enum with the choices
filter[field][op]=value       all must hold; `filter[field]=value` means eq; `oeq` and `ocontains` take comma lists
                              an unknown field or operator: 400, rule unknown_property
filter[field.key][op]=value   of a mapping, such as labels; without `key` any value of it counts, with `key` and an empty
                              value all that have the key (both inferred)
size, offset, tags            of the gateway's entities instead: 1 to 1000, 100 by default; `tags` are joined by commas
                              (all of them) or slashes (one of them)
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias
from urllib.parse import urlencode

from dcrproof.mocks.konnect.problems import Invalid, invalid_parameters
from dcrproof.mocks.messages import Request

DEFAULT_SIZE = 10
LARGEST_SIZE = 100
ENTITIES_SIZE, LARGEST_ENTITIES_SIZE = 100, 1000

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda held, wanted: held == wanted,
    "neq": lambda held, wanted: held != wanted,
    "oeq": lambda held, wanted: held in wanted.split(","),
    "contains": lambda held, wanted: wanted in held,
    "ocontains": lambda held, wanted: any(part in held for part in wanted.split(",")),
    "lt": lambda held, wanted: held < wanted,
    "lte": lambda held, wanted: held <= wanted,
    "gt": lambda held, wanted: held > wanted,
    "gte": lambda held, wanted: held >= wanted,
}
STRING = frozenset({"eq", "neq", "oeq", "contains", "ocontains"})
UUIDS = frozenset({"eq", "oeq", "neq"})
EQUAL = frozenset({"eq"})
EQUAL_OR_CONTAINS = frozenset({"eq", "contains"})
DATES = frozenset({"eq", "lt", "lte", "gt", "gte"})


Reader: TypeAlias = Callable[[Any], Any]


def attribute(name: str) -> Reader:
    return lambda held: getattr(held, name)


def named(*names: str) -> dict[str, Reader]:
    """Sort attributes that are read off the object under their own name."""
    return {name: attribute(name) for name in names}


def filtered(operators: frozenset[str], *names: str) -> dict[str, tuple[frozenset[str], Reader]]:
    """Filters that are read off the object under their own name."""
    return {name: (operators, attribute(name)) for name in names}


def dated(*names: str) -> dict[str, tuple[frozenset[str], Reader]]:
    """Filters by time."""
    return filtered(DATES, *names)


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
        size = _count("page[size]", asked.get("page[size]") or str(DEFAULT_SIZE), LARGEST_SIZE)
        number = _count("page[number]", asked.get("page[number]") or "1", None)
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
        if not self.sorts:
            raise _refused({"field": "sort", "rule": "unknown_property", "reason": '"sort" is not allowed'})
        for part in reversed(value.split(",")):
            name, _, direction = part.strip().partition(" ")
            if name not in self.sorts or direction not in {"", "asc", "desc"}:
                reason = f"must be one of [{', '.join(self.sorts)}]"
                raise _refused({"field": "sort", "rule": "enum", "choices": list(self.sorts), "reason": reason})
            held = sorted(held, key=_order(self.sorts[name]), reverse=direction == "desc")
        return held

    def _filtered(self, held: list[Any], name: str, value: str) -> list[Any]:
        parts = re.fullmatch(r"filter\[([^\[\].]*)(?:\.([^\[\]]+))?\](?:\[([^\[\]]*)\])?", name)
        known, operator = (self.filters.get(parts[1]), parts[3] or "eq") if parts else (None, "")
        if parts is None or known is None or operator not in known[0]:
            raise _refused({"field": name, "rule": "unknown_property", "reason": f'"{name}" is not allowed'})
        operators, read = known
        if operators is DATES:
            at = _time(name, value)
            return [one for one in held if OPERATORS[operator](round(read(one), 3), at)]
        return [one for one in held if _holds(operator, _texts(read(one), parts[2]), value, parts[2])]


def entities(request: Request, held: Iterable[Any], view: Callable[[Any], Mapping[str, Any]]) -> dict[str, Any]:
    """A page of the gateway's entities: `data`, and `offset` and `next` where there are more. Raises Problem 400."""
    asked = dict(request.parameters)
    size = _count("size", asked.get("size") or str(ENTITIES_SIZE), LARGEST_ENTITIES_SIZE)
    shown = [one for one in map(view, held) if _tagged(one, asked.get("tags", ""))]
    start = _start("offset", asked.get("offset", ""))
    page: dict[str, Any] = {"data": shown[start : start + size]}
    if start + size < len(shown):
        page["offset"] = _offset(start + size)
        page["next"] = f"{request.path}?{urlencode({**asked, 'offset': page['offset']})}"
    return page


def after(request: Request, held: Collection[Any]) -> tuple[list[Any], dict[str, Any]]:
    """A page that begins after a cursor, and what is said of it: `total_count`, and `next` where there are more.

    Raises Problem 400.
    """
    asked = dict(request.parameters)
    size = _count("page[size]", asked.get("page[size]") or str(LARGEST_SIZE), LARGEST_SIZE)
    start = _start("page[after]", asked.get("page[after]", ""))
    page: dict[str, Any] = {"total_count": len(held)}
    if start + size < len(held):
        page["next"] = f"{request.path}?{urlencode({**asked, 'page[after]': _offset(start + size)})}"
    return list(islice(held, start, start + size)), page


def _offset(start: int) -> str:
    return urlsafe_b64encode(f"after {start}".encode()).decode().rstrip("=")


def _start(name: str, offset: str) -> int:
    try:
        found = re.fullmatch(rb"after ([0-9]{1,9})", urlsafe_b64decode(offset + "=" * (-len(offset) % 4)))
    except ValueError:
        found = None
    if offset and found is None:
        raise _refused({"field": name, "rule": "invalid", "reason": f'"{name}" is not one that a list answered'})
    return int(found[1]) if found else 0


def _tagged(shown: Mapping[str, Any], wanted: str) -> bool:
    held = shown.get("tags") or []
    if "/" in wanted:
        return any(tag in held for tag in wanted.split("/"))
    return all(tag in held for tag in wanted.split(",")) if wanted else True


def _texts(value: Any, key: str | None) -> list[str]:
    """What a filter compares: one text, or those of a mapping (of the key, where there is one) or of a list."""
    if isinstance(value, Mapping):
        return [text for name, held in value.items() if key in {None, name} for text in _texts(held, None)]
    if isinstance(value, list):
        return [_text(one) for one in value]
    return [_text(value)] if key is None else []


def _holds(operator: str, held: list[str], wanted: str, key: str | None) -> bool:
    if key is not None and not wanted and operator == "eq":
        return bool(held)
    if operator == "neq":
        return all(one != wanted for one in held)
    return any(OPERATORS[operator](one, wanted) for one in held)


def _time(name: str, value: str) -> float:
    try:
        at = datetime.fromisoformat(value.replace(" ", "+"))  # a plus sign in a query is a space
        if at.tzinfo is None:
            raise ValueError(value)
        return round(at.timestamp(), 3)
    except (ValueError, OverflowError):
        reason = f'"{name}" must be a valid date-time'
        raise _refused({"field": name, "rule": "is_date_time", "reason": reason}) from None


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
