"""Compares exchanges with Konnect and the portal with Kong's published OpenAPI documents, which are not included here.

A folder has them under the names in `DOCUMENTS`, which are those of Kong's documentation repository. An answer that
differs from its document is a mismatch. What no document describes (a path, a status) is open, and only noted: no
document has a 5xx, and few have a 405, 415 or 429. A request is compared only if it was accepted, because checks send
wrong ones on purpose.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dcrproof.core.http.exchange import Exchange
from dcrproof.core.ledger.kinds import APIS, AUTH_STRATEGIES, CONTROL_PLANES, DCR_PROVIDERS, PORTALS

DOCUMENTS = {
    DCR_PROVIDERS: "application-auth-strategies-v2",
    AUTH_STRATEGIES: "application-auth-strategies-v2",
    f"{CONTROL_PLANES}/": "control-planes-config-v2",
    PORTALS: "portal-management-v3",
    "/v3/applications": "portal-management-v3",
    APIS: "api-builder-v3",
    "/v3/api-": "api-builder-v3",
    "/api/v3/": "dev-portal-v3",
    "/api/v2/": "dev-portal-v2",
}
"""Prefix of a path to the document that describes it; paths in admin documents begin after the version."""
EXTRA = "pip install dcrproof[openapi]"


class OpenApiUnavailable(Exception):
    """The documents cannot be read; the text says why."""


@dataclass(frozen=True)
class Mismatch:
    """How an exchange differs from its document, without values. `open` marks what no document describes."""

    where: str
    what: str
    open: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass
class OpenApi:
    """The documents of a folder, read when they are first needed."""

    folder: Path
    _read: dict[str, Any] = field(default_factory=dict)
    _validators: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = sorted(
            {f"{name}.yaml" for name in DOCUMENTS.values() if not (self.folder / f"{name}.yaml").is_file()}
        )
        if missing:
            raise OpenApiUnavailable(f"{self.folder} has no {', '.join(missing)}")
        try:
            self._modules  # noqa: B018 - said before the run, not in its midst
        except ImportError as error:
            raise OpenApiUnavailable(f"{error.name} is missing: {EXTRA}") from None

    @cached_property
    def _modules(self) -> tuple[Any, Any, Any, Any]:
        import yaml
        from openapi_schema_validator import OAS30ReadValidator
        from referencing import Registry
        from referencing.jsonschema import DRAFT4

        return yaml, OAS30ReadValidator, Registry, DRAFT4

    def mismatches(self, exchanges: Iterable[Exchange]) -> Iterator[Mismatch]:
        """The mismatches of these exchanges, each text once."""
        seen: set[str] = set()
        for exchange in exchanges:
            if exchange.party in {"konnect", "portal"}:
                for found in self._mismatches_of(exchange):
                    if str(found) not in seen:
                        seen.add(str(found))
                        yield found

    def _mismatches_of(self, exchange: Exchange) -> Iterator[Mismatch]:
        path = urlsplit(exchange.url).path
        name = next((held for prefix, held in DOCUMENTS.items() if path.startswith(prefix)), None)
        plain = f"{exchange.method} {path}"
        if name is None:
            return
        document = self._document(name)
        found = _operation(document, exchange.method, path if name.startswith("dev-portal") else path[3:])
        if found is None:
            yield Mismatch(re.sub(r"[0-9a-f-]{36}", "{id}", plain), f"{name} has no such operation", open=True)
            return
        template, operation = found
        where = f"{exchange.method} {template} -> {exchange.status}"
        yield from self._answer(name, where, operation, exchange)
        if 200 <= exchange.status < 300 and exchange.request_body:
            body = self._resolved(name, operation.get("requestBody") or {})
            schema = (body.get("content") or {}).get("application/json", {}).get("schema")
            if schema is not None:
                yield from self._shape(name, f"{where}, request", schema, exchange.request_body)

    def _answer(self, name: str, where: str, operation: Any, exchange: Exchange) -> Iterator[Mismatch]:
        answers = {str(status): answer for status, answer in operation["responses"].items()}
        if str(exchange.status) not in answers:
            yield Mismatch(where, f"{name} has no such status", open=True)
            return
        content = self._resolved(name, answers[str(exchange.status)]).get("content")
        if not content or not exchange.body:
            return
        if exchange.media_type not in content:
            yield Mismatch(where, f"{exchange.media_type or 'no content type'}, not {' or '.join(content)}")
            return
        schema = content[exchange.media_type].get("schema")
        if schema is not None:
            yield from self._shape(name, where, schema, exchange.body)

    def _shape(self, name: str, where: str, schema: Any, body: bytes) -> Iterator[Mismatch]:
        try:
            content = json.loads(body)
        except ValueError:
            yield Mismatch(where, "is not JSON")
            return
        for error in self._validator(name, schema).iter_errors(content):
            place = ".".join("[]" if isinstance(part, int) else str(part) for part in error.absolute_path)
            yield Mismatch(where, f"{place or 'the body'} breaks {error.validator!r}")

    def _validator(self, name: str, schema: Any) -> Any:
        key = (name, json.dumps(schema, sort_keys=True, default=str))
        if key not in self._validators:
            _, validator, registry, draft = self._modules
            held = registry().with_resource(f"urn:{name}", draft.create_resource(self._document(name)))
            self._validators[key] = validator(_absolute(schema, f"urn:{name}"), registry=held)
        return self._validators[key]

    def _document(self, name: str) -> Any:
        if name not in self._read:
            yaml = self._modules[0]
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            self._read[name] = _fixed(yaml.load((self.folder / f"{name}.yaml").read_bytes(), loader))
        return self._read[name]

    def _resolved(self, name: str, held: Any) -> Any:
        while "$ref" in held:
            reference = held["$ref"]
            held = self._document(name)
            for part in reference.removeprefix("#/").split("/"):
                held = held[part.replace("~1", "/").replace("~0", "~")]
        return held


def _operation(document: Any, method: str, path: str) -> tuple[str, Any] | None:
    """The template and the operation of a path; templates with fewer placeholders come first."""
    for template, item in sorted(document["paths"].items(), key=lambda pair: pair[0].count("{")):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in item:
            return template, item[method.lower()]
    return None


def _fixed(schema: Any) -> Any:
    """Without three known defects: discriminators that name no schema, nullable choices that leave out null, and
    members that are write-only but required in an answer.
    """
    if isinstance(schema, Mapping):
        fixed = {key: _fixed(value) for key, value in schema.items() if key not in {"discriminator", "writeOnly"}}
        if fixed.get("nullable") is True and isinstance(fixed.get("enum"), list):
            fixed["enum"] = [*fixed["enum"], None]
        return fixed
    return [_fixed(one) for one in schema] if isinstance(schema, list) else schema


def _absolute(schema: Any, base: str) -> Any:
    if isinstance(schema, Mapping):
        return {
            key: base + value if key == "$ref" and isinstance(value, str) else _absolute(value, base)
            for key, value in schema.items()
        }
    return [_absolute(one, base) for one in schema] if isinstance(schema, list) else schema
