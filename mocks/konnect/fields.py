"""The fields of request bodies, and the function that checks a body against them (the bodies are in schema.py).

Rule names and reasons are those of Kong's documents (schemas `InvalidRules`, `InvalidParameter*` and the examples of
portal-management v3). Schemas are closed: an unknown property is an error, except inside `configs.openid-connect`.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from dcrproof.mocks.konnect.problems import Invalid, Problem, invalid_parameters

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*\Z")
LABEL_VALUE = re.compile(r"[a-z0-9A-Z]([a-z0-9A-Z\-._]*[a-z0-9A-Z])?\Z")
HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\Z", re.IGNORECASE)
RESERVED_LABELS = ("kong", "konnect", "mesh", "kic", "_")


def is_url(value: str) -> bool:
    """Absolute, with a host. Whether Konnect insists on a scheme is unknown; http and https are what it can call."""
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and is_uri(value)
    except ValueError:
        return False


def is_host(value: str) -> bool:
    """A name, or an address, of either version, without a port (Kong's `typedefs.host`, kong/db/schema/typedefs.lua)."""
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    if ":" in bare:
        try:
            return "%" not in bare and bool(ipaddress.IPv6Address(bare))
        except ValueError:
            return False
    return bare == value and len(value) <= 255 and HOST_NAME.match(value) is not None


def is_uri(value: str) -> bool:
    try:
        return bool(urlsplit(value).scheme) and value.isascii() and value.isprintable() and " " not in value
    except ValueError:
        return False


# format: (test, rule, reason)
FORMATS: Mapping[str, tuple[Callable[[str], object], str, str]] = {
    "uuid": (UUID.match, "is_uuid", '"{name}" must be a valid UUID'),
    "url": (is_url, "invalid", '"{name}" must be a valid URL'),
    "uri": (is_uri, "invalid", '"{name}" must be a valid URI'),
    "host": (is_host, "invalid", '"{name}" must be a host without a port'),
    "email": (EMAIL.match, "invalid", '"{name}" must be a valid email'),
}

# kind: (Python types, rule, reason)
KINDS: Mapping[str, tuple[tuple[type, ...], str, str]] = {
    "string": ((str,), "is_string", '"{name}" must be a string'),
    "boolean": ((bool,), "is_boolean", 'value of "{name}" must be true or false'),
    "integer": ((int,), "is_integer", '"{name}" must be an integer'),
    "array": ((list,), "is_array", '"{name}" must be an array'),
    "object": ((dict,), "is_object", '"{name}" must be an object'),
}


@dataclass(frozen=True)
class Field:
    """One property: its JSON type and what limits it. `fields` of an object, `items` of an array.

    An object that is `open` may have others than its `fields`, each of them one of `others`, where that is set.
    """

    kind: str = "string"
    required: bool = False
    nullable: bool = False
    least: int | None = None
    most: int | None = None
    choices: tuple[Any, ...] = ()
    format: str | None = None
    pattern: re.Pattern[str] | None = None
    items: "Field | None" = None
    unique: bool = False  # no item of an array twice
    fields: "Mapping[str, Field] | None" = None
    open: bool = False
    others: "Field | None" = None
    labels: bool = False


def text(most: int | None = None, least: int | None = None, **more: Any) -> Field:
    return Field("string", most=most, least=least, **more)


def body(fields: Mapping[str, Field], **more: Any) -> Field:
    return Field("object", fields=fields, **more)


def needed(field: Field) -> Field:
    return replace(field, required=True)


def _bounds(name: str, value: Any, field: Field) -> Iterator[Invalid]:
    size, unit = (value, "") if field.kind == "integer" else (len(value), "items")
    suffix = {"string": "_length", "array": "_items", "object": "_items", "integer": ""}[field.kind]
    if field.least is not None and size < field.least:
        reason = f"must have at least {field.least} {'characters' if field.kind == 'string' else unit}".rstrip()
        yield {"field": name, "rule": "min" + suffix, "reason": reason, "minimum": field.least}
    if field.most is not None and size > field.most:
        thing = "characters" if field.kind == "string" else unit
        reason = f'value of "{name}" must not exceed {field.most} {thing}'.rstrip()
        yield {"field": name, "rule": "max" + suffix, "reason": reason, "maximum": field.most}


def _string(name: str, value: str, field: Field) -> Iterator[Invalid]:
    if field.format is not None:
        test, rule, reason = FORMATS[field.format]
        if not test(value):
            yield {"field": name, "rule": rule, "reason": reason.format(name=name)}
    if field.pattern is not None and not field.pattern.match(value):
        yield {"field": name, "rule": "matches_regex", "reason": f'"{name}" must match {field.pattern.pattern}'}


def _labels(name: str, value: Mapping[str, Any], nullable: bool) -> Iterator[Invalid]:
    # Keys: 1 to 63 characters, not starting with a reserved word; values: the pattern (AAS `Labels`). In an update a
    # value of null removes the key.
    for key, label in value.items():
        key_fits = 1 <= len(key) <= 63 and not key.startswith(RESERVED_LABELS)
        value_fits = isinstance(label, str) and len(label) <= 63 and LABEL_VALUE.match(label)
        if not (key_fits and (value_fits or (nullable and label is None))):
            yield {"field": f"{name}.{key}", "rule": "is_label", "reason": f'"{name}.{key}" must be a valid label'}


def faults(name: str, value: Any, field: Field) -> Iterator[Invalid]:
    """What is wrong with this value, each as an entry of `invalid_parameters` without its `source`."""
    if value is None and field.nullable:
        return
    types, rule, reason = KINDS[field.kind]
    fits = isinstance(value, types) and not (field.kind == "integer" and isinstance(value, bool))
    if field.kind == "integer" and isinstance(value, float):
        fits = value.is_integer()  # 1.0 is the same number as 1 (RFC 8259)
    if not fits:
        yield {"field": name, "rule": rule, "reason": reason.format(name=name)}
        return
    if field.choices and value not in field.choices:
        reason = f"must be one of [{', '.join(map(str, field.choices))}]"
        yield {"field": name, "rule": "enum", "reason": reason, "choices": list(field.choices)}
        return
    if field.kind != "boolean":
        yield from _bounds(name, value, field)
    if field.kind == "string":
        yield from _string(name, value, field)
    elif field.labels:
        yield from _labels(name, value, field.nullable)
    elif field.items is not None:
        if field.unique and any(one in value[:position] for position, one in enumerate(value)):
            yield {"field": name, "rule": "invalid", "reason": f'"{name}" must not hold an item twice'}
        for position, item in enumerate(value):
            yield from faults(f"{name}[{position}]", item, field.items)
    elif field.fields is not None:
        yield from _members(name, value, field)


def _members(name: str, value: Mapping[str, Any], field: Field) -> Iterator[Invalid]:
    known = field.fields or {}
    prefix = f"{name}." if name else ""
    for key, member in known.items():
        if key in value:
            yield from faults(prefix + key, value[key], member)
        elif member.required:
            yield {"field": prefix + key, "rule": "required", "reason": f'"{prefix}{key}" is required'}
    for key in value.keys() - known.keys():
        if field.others is not None:
            yield from faults(prefix + key, value[key], field.others)
        if not field.open:
            yield {"field": prefix + key, "rule": "unknown_property", "reason": f'"{prefix}{key}" is not allowed'}


def check(value: Any, field: Field) -> None:
    """Raises Problem 400 with every fault of the body."""
    if not isinstance(value, dict):
        reason = '"body" must be an object'
        raise invalid_parameters([{"field": "body", "rule": "is_object", "reason": reason, "source": "body"}])
    found = [{**fault, "source": "body"} for fault in faults("", value, field)]
    if found:
        raise invalid_parameters(sorted(found, key=lambda fault: str(fault["field"])))


def missing_fields(value: Any, names: tuple[str, ...]) -> Problem | None:
    """The developer endpoints' own wording for missing fields (dev-portal v3, example `400-Login-Failed`)."""
    held = value if isinstance(value, dict) else {}
    missing = [name for name in names if not isinstance(held.get(name), str) or not held[name]]
    if not missing:
        return None
    entries = [{"field": name, "reason": "is required"} for name in missing]
    return Problem(400, "Bad Request", "Required fields are missing", invalid=entries)
