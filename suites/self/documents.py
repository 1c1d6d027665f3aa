"""Kong's published OpenAPI documents, and mocks that answer in this process and are held against them.

The documents are Kong's and not part of this project: the environment variable DCRPROOF_OPENAPI names their folder.
What they get wrong is data, in corrections.py.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest
from corrections import CORRECTIONS, LEFT_OUT, Correction
from referencing import Registry
from referencing.jsonschema import DRAFT4

from dcrproof.mocks.classic_portal.http import ClassicPortalHttp
from dcrproof.mocks.classic_portal.setup import how_to_setup as classic_setup
from dcrproof.mocks.classic_portal.state import ClassicPortal
from dcrproof.mocks.clock import Clock
from dcrproof.mocks.curity.http import CurityHttp
from dcrproof.mocks.curity.setup import how_to_configuration
from dcrproof.mocks.curity.state import Curity
from dcrproof.mocks.konnect.admin import KonnectHttp
from dcrproof.mocks.konnect.portal import PortalHttp
from dcrproof.mocks.konnect.setup import Setup, how_to_setup
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.messages import Call, Request, Response, perform

CURITY = "https://curity.test"
ISSUER = f"{CURITY}/oauth/v2/oauth-anonymous/.well-known/openid-configuration"
TOKEN = "kpat_for-tests"
EMAIL, PASSWORD = "dev@example.com", "P@ssword123!"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
CLASSIC_HOST = "classic.test"

# document: what stands before its paths
PREFIXES = {
    "application-auth-strategies-v2": "/v2",
    "control-planes-config-v2": "/v2",
    "portal-management-v3": "/v3",
    "api-builder-v3": "/v3",
    "dev-portal-v3": "",
    "dev-portal-v2": "",
}
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One that the mocks serve: `template` as its document has it, `declared` what the document says of it."""

    document: str
    method: str
    template: str
    declared: Mapping[str, Any] = field(repr=False)

    @property
    def path(self) -> str:
        """The template as the mocks are asked for it."""
        return PREFIXES.get(self.document, "") + self.template

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Documents:
    """Each is loaded when it is first needed. The attributes of `document()` are those of its file, corrected.

    closed: an answer may have no member that its schema does not know.
    """

    def __init__(self, folder: Path, *, closed: bool = True) -> None:
        self.folder = folder
        self._closed = closed
        self._validator = pytest.importorskip("openapi_schema_validator").OAS30ReadValidator
        self._yaml = pytest.importorskip("yaml")
        self._loaded: dict[str, Any] = {}
        self._validators: dict[tuple[str, str], Any] = {}

    def original(self, name: str) -> Any:
        loader = getattr(self._yaml, "CSafeLoader", self._yaml.SafeLoader)
        return self._yaml.load((self.folder / f"{name}.yaml").read_bytes(), loader)

    def document(self, name: str) -> Any:
        if name not in self._loaded:
            held = self.original(name)
            for one in CORRECTIONS:
                if one.document == name:
                    correct(held, one)
            self._loaded[name] = _closed(held, _plain(held)) if self._closed else _plain(held)
        return self._loaded[name]

    @cached_property
    def operations(self) -> list[Operation]:
        """All that the mocks serve and a document describes, in the order of the documents."""
        served = World(self).served
        return [
            Operation(name, method.upper(), template, declared)
            for name in PREFIXES
            for template, item in self.document(name)["paths"].items()
            for method, declared in item.items()
            if method in METHODS and (method.upper(), _nameless(PREFIXES[name] + template)) in served
        ]

    def operation(self, method: str, path: str) -> Operation:
        """The one that answers such a request. Raises AssertionError where no document describes it."""
        for one in sorted(self.operations, key=lambda held: held.template.count("{")):
            if one.method == method and re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one.path)), path):
                return one
        raise AssertionError(f"{method} {path} is in no document")

    def resolved(self, name: str, held: Any) -> Any:
        return _resolved(self.document(name), held)

    def check(self, method: str, path: str, response: Response) -> None:
        """Raises where the document does not know the operation, the status, the media type or the shape."""
        self.check_answer(self.operation(method, path), response)

    def check_answer(self, asked: Operation, response: Response) -> None:
        answers = {str(status): answer for status, answer in asked.declared["responses"].items()}
        assert str(response.status) in answers, f"{asked}: {response.status} is not documented: {response.body!r}"
        content = self.resolved(asked.document, answers[str(response.status)]).get("content")
        if not content:
            assert not response.body or response.status >= 400, (
                f"{asked} {response.status}: a body where none is documented"
            )
            return
        media_type = response.header("content-type") or ""
        assert media_type in content, f"{asked}: {media_type} is not one of {list(content)}"
        where = f"paths/{asked.template.replace('/', '~1')}/{asked.method.lower()}/responses/{response.status}"
        schema = content[media_type].get("schema")
        if schema is not None:
            faults = self.faults(asked.document, f"{where}/{media_type}", schema, _read(response.body))
            assert not faults, f"{asked} {response.status}: {faults[0]}"

    def allows(self, asked: Operation, body: Any) -> bool:
        """Whether the document allows that body of a request."""
        declared = self.resolved(asked.document, asked.declared["requestBody"])
        if body is None:
            return not declared.get("required")
        schema = declared["content"]["application/json"]["schema"]
        return not self.faults(asked.document, f"{asked} request", schema, _read(json.dumps(body)))

    def faults(self, name: str, key: str, schema: Any, value: Any) -> list[str]:
        """What is wrong with the value, in words; `key` names the schema."""
        if (name, key) not in self._validators:
            registry: Any = Registry().with_resource(f"urn:{name}", DRAFT4.create_resource(self.document(name)))
            self._validators[name, key] = self._validator(_absolute(schema, f"urn:{name}"), registry=registry)
        found = self._validators[name, key].iter_errors(value)
        return [f"{'.'.join(map(str, one.absolute_path)) or 'the body'}: {one.message}" for one in found]


def _number(text: str) -> float | int:
    """1.0 is the same number as 1 (RFC 8259), which the validator does not know."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _read(text: str | bytes) -> Any:
    return json.loads(text, parse_float=_number)


def correct(document: Any, one: Correction) -> None:
    """Raises AssertionError where the document has no such place, or says what the correction says: it is stale."""
    place = document
    for part in one.at:
        assert part in place if isinstance(place, dict) else part < len(place), f"{one}: there is no {part}"
        place = place[part]
    before = deepcopy(place)
    for key, value in one.becomes.items():
        if value is None:
            place.pop(key, None)
        else:
            place[key] = value
    assert place != before, f"{one}: the document says so now"


def _plain(schema: Any) -> Any:
    """Without what all documents get wrong (LEFT_OUT)."""
    if isinstance(schema, Mapping):
        plain = {key: _plain(value) for key, value in schema.items() if key not in LEFT_OUT}
        if plain.get("nullable") is True and isinstance(plain.get("enum"), list):
            plain["enum"] = [*plain["enum"], None]
        return plain
    return [_plain(one) for one in schema] if isinstance(schema, list) else schema


def _closed(document: Any, schema: Any) -> Any:
    """Objects with properties have no others, where their schema does not say otherwise. `allOf` is one schema."""
    if isinstance(schema, list):
        return [_closed(document, one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    if isinstance(schema.get("allOf"), list):
        schema = _merged(document, schema)
    closed = {key: _closed(document, value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), Mapping) and schema.get("type", "object") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


def _merged(document: Any, schema: Any) -> Any:
    """The parts of an `allOf` as one schema, or as the choices that one of the parts leaves."""
    parts = [_plain(_resolved(document, one)) for one in schema["allOf"]]
    rest = {key: value for key, value in schema.items() if key != "allOf"}
    merged: dict[str, Any] = {"properties": {}, "required": []}
    for part in [*parts, rest]:
        merged["properties"] |= part.get("properties", {})
        merged["required"] += part.get("required", [])
        merged |= {key: value for key, value in part.items() if key not in {"properties", "required"}}
    merged = {key: value for key, value in merged.items() if value not in ({}, [])}
    if "properties" in merged and "oneOf" in merged:
        return {
            "oneOf": [
                _merged(document, {"allOf": [{k: v for k, v in merged.items() if k != "oneOf"}, one]})
                for one in merged["oneOf"]
            ]
        }
    return merged


def _resolved(document: Any, held: Any) -> Any:
    while isinstance(held, Mapping) and "$ref" in held:
        reference, held = held["$ref"], document
        for part in reference.removeprefix("#/").split("/"):
            held = held[part.replace("~1", "/").replace("~0", "~")]
    return held


def _absolute(schema: Any, base: str) -> Any:
    if isinstance(schema, Mapping):
        return {
            key: base + value if key == "$ref" and isinstance(value, str) else _absolute(value, base)
            for key, value in schema.items()
        }
    return [_absolute(one, base) for one in schema] if isinstance(schema, list) else schema


def _nameless(template: str) -> str:
    return re.sub(r"\{\w+\}", "{}", template)


class World:
    """Konnect and both portals in front of mock Curity, set up as the how-tos say; `ask` holds every answer against the
    documents, if they are `checked`.
    """

    def __init__(self, documents: Documents, *, checked: bool = True) -> None:
        self.checked = checked
        clock = Clock()
        registrar = ("konnect-registrar", "registrar-secret")
        configuration = how_to_configuration(registrar, ("introspector", "introspector-secret"))
        self.curity = CurityHttp(
            Curity(clock=clock, seed=5, base_url=CURITY, configuration=configuration, admin=("admin", "admin-secret"))
        )
        self.konnect = Konnect(
            clock=clock, seed=7, token=TOKEN, portal_host=lambda portal_id: f"{portal_id}.portal.test"
        )
        self.ids: Setup = how_to_setup(
            self.konnect,
            issuer=ISSUER,
            registrar_id=registrar[0],
            registrar_secret=registrar[1],
            upstream_url="http://upstream.test",
            developer=(EMAIL, PASSWORD),
        )
        self.classic_portal = classic = ClassicPortal(
            clock=clock, seed=7, konnect=self.konnect, host=CLASSIC_HOST, registrar_id=registrar[0]
        )
        self.classic = classic_setup(
            classic,
            issuer_url=ISSUER,
            token=registrar[1],
            service=(self.ids.control_plane_id, self.ids.service_id),
            developer=(EMAIL, PASSWORD),
        )
        self.documents = documents
        self.faces = {
            "/api/v3/": (PortalHttp(self.konnect), self.ids.portal_domain),
            "/api/v2/": (ClassicPortalHttp(classic), CLASSIC_HOST),
            "/": (KonnectHttp(self.konnect), "konnect.test"),
        }
        self.cookies: dict[str, dict[str, str]] = {}

    @property
    def served(self) -> set[tuple[str, str]]:
        """Method and template of each operation, the names in the template left out."""
        return {
            (method, _nameless(template))
            for face, _ in self.faces.values()
            for method, template, _ in face.routes.table  # type: ignore[attr-defined] - each face has its own table
        }

    def network(self, call: Call) -> Response:
        path = call.url.removeprefix(CURITY)
        headers = tuple((name.lower(), value) for name, value in call.headers)
        return perform(self.curity.handle(Request(call.method, path, path, "", headers, call.body)), self.network)

    def answer(
        self,
        method: str,
        path: str,
        query: str = "",
        body: bytes = b"",
        *,
        token: str = f"Bearer {TOKEN}",
        cookie: str = "",
    ) -> Response:
        """Asks as an admin of the organization, or in the session of the developer who signed in last."""
        face, host = next(held for beginning, held in self.faces.items() if path.startswith(beginning))
        session = "; ".join(f"{name}={value}" for name, value in self.cookies.get(host, {}).items())
        headers = (
            ("authorization", token),
            ("content-type", "application/json"),
            ("host", host),
            ("cookie", cookie or session),
        )
        response = perform(face.handle(Request(method, path, path, query, headers, body)), self.network)
        for name, value in response.headers:
            if name == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self.cookies.setdefault(host, {})[cookie] = content
        return response

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """The body of the answer, whose status must be that one."""
        target, _, query = path.partition("?")
        response = self.answer(method, target, query, b"" if body is None else json.dumps(body).encode())
        assert response.status == status, response
        if self.checked:
            self.documents.check(method, target, response)
        return response.json() if response.body else None

    def sign_in(self) -> None:
        """At both portals."""
        for version in ("v3", "v2"):
            body = {"username": EMAIL, "password": PASSWORD}
            self.ask("POST", f"/api/{version}/developer/authenticate", body, 204)


def examples(documents: Documents, name: str, content: Any) -> Iterator[tuple[str, Any]]:
    """The examples of one media type: those of its own and of its schema, each with its name."""
    for label, one in content.get("examples", {}).items():
        yield label, documents.resolved(name, one)["value"]
    if "example" in content:
        yield "example", content["example"]
    schema = documents.resolved(name, content.get("schema", {}))
    for part in (schema, *(documents.resolved(name, one) for one in schema.get("oneOf", []))):
        if "example" in part:
            yield "schema", part["example"]


def find() -> Documents:
    """The documents of the folder that the environment names; skips the test where it names none."""
    folder = os.environ.get("DCRPROOF_OPENAPI")
    if not folder:
        pytest.skip("DCRPROOF_OPENAPI names no folder with Kong's OpenAPI documents")
    return _documents_in(folder)


@cache
def _documents_in(folder: str) -> Documents:
    return Documents(Path(folder))
