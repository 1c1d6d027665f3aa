"""Asks the mocks what Kong's documents describe: Schemathesis makes the requests, the mocks answer in this process."""

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import requests
import schemathesis
from documents import PREFIXES, Documents, Operation
from hypothesis import strategies as st
from populated import Populated, populated
from references import ELSEWHERE, fitted, path_of

from dcrproof.mocks.messages import Response

HOST = "http://mock.test"
CONFIG = {
    "generation": {
        "mode": "positive",
        "allow-x00": False,
        "codec": "utf-8",
    },  # no body may hold NUL (inferred), no URL a lone surrogate
    "phases": {"stateful": {"inference": {"algorithms": []}}},  # the links are ours
}
# Where an object that was made is found, with its id at the end, if not below the path that made it.
FOUND: Mapping[str, str] = {
    "/control-planes/{controlPlaneId}/core-entities/services/{ServiceId}/routes": (
        "/control-planes/{controlPlaneId}/core-entities/routes"
    ),
    "/control-planes/{controlPlaneId}/core-entities/services/{ServiceId}/plugins": (
        "/control-planes/{controlPlaneId}/core-entities/plugins"
    ),
}
ID_AT: Mapping[str, str] = {"/control-planes/{controlPlaneId}/dp-client-certificates": "/item/id"}
"""Where in the answer to a POST the id is, if not at /id."""


schemathesis.openapi.format(
    "url", st.from_regex(r"\Ahttps://[a-z]{1,9}\.test(:[1-9][0-9]{0,3})?(/[a-z0-9]{1,9}){0,3}\Z", fullmatch=True)
)


def described(documents: Documents, name: str, organization: Populated) -> Any:
    """The document with the operations that are served alone.

    A path names what that organization has, a sort attribute is one of those that the description lists, and a body is
    required. Links lead from what makes or deletes an object to all that can be done with it.
    """
    document = deepcopy(documents.document(name))
    served = [one for one in documents.operations if one.document == name]
    paths: dict[str, Any] = {}
    for one in served:
        declared = deepcopy(dict(one.declared))
        shared = documents.document(name)["paths"][one.template].get("parameters", [])
        parameters = [deepcopy(documents.resolved(name, held)) for held in [*shared, *declared.get("parameters", [])]]
        for parameter in parameters:
            if parameter["in"] == "path":
                known = ELSEWHERE.get(str(one), {}).get(parameter["name"], parameter["name"])
                parameter["schema"] = {"enum": [organization.ids[name][known]]}
            elif parameter["name"] == "sort":
                attributes = re.findall(r"- (\w+)", parameter["description"])
                parameter["schema"] = {"enum": [f"{one}{way}" for one in attributes for way in ("", " asc", " desc")]}
            parameter.pop("example", None)
        if "requestBody" in declared:
            body = declared["requestBody"] = dict(documents.resolved(name, declared["requestBody"]))
            body["required"] = True  # without one nothing would be done, and what is answered then is unknown
        paths.setdefault(one.template, {})[one.method.lower()] = {**declared, "parameters": parameters}
    for source, status, target, expressions in links(documents, served):
        declared = paths[source.template][source.method.lower()]
        answers = {str(key): documents.resolved(name, value) for key, value in declared["responses"].items()}
        held = answers[status] = dict(answers[status])
        pointer = f"#/paths/{target.template.replace('/', '~1')}/{target.method.lower()}"
        link = {"operationRef": pointer, "parameters": expressions}
        held["links"] = {**held.get("links", {}), str(target): link}
        declared["responses"] = answers
    return {**document, "paths": paths, "servers": [{"url": HOST + PREFIXES[name]}]}


def links(documents: Documents, served: list[Operation]) -> Iterator[tuple[Operation, str, Operation, dict[str, str]]]:
    """Kong's documents have none. What a POST made is found below it, by its id; what was deleted is asked for again."""
    for source in served:
        given = {name: f"$request.path.{name}" for name in re.findall(r"\{(\w+)\}", source.template)}
        if source.method == "DELETE":
            for target in served:
                if (target.template, target.method) in {(source.template, "GET"), (source.template, "DELETE")}:
                    yield source, "204", target, given
        if source.method == "POST" and "201" in map(str, source.declared["responses"]):
            collection = FOUND.get(source.template, source.template)
            for target in served:
                below = re.match(re.escape(collection) + r"/\{(\w+)\}", target.template)
                if below and target.document == source.document:
                    held = {name: one for name, one in given.items() if f"{{{name}}}" in target.template}
                    yield (
                        source,
                        "201",
                        target,
                        {**held, below[1]: f"$response.body#{ID_AT.get(source.template, '/id')}"},
                    )


def schema(documents: Documents, name: str, organization: Populated) -> Any:
    return schemathesis.openapi.from_dict(
        described(documents, name, organization), config=schemathesis.Config.from_dict(CONFIG)
    )


@dataclass(frozen=True)
class Asked:
    """A request that was made of a case, and its answer."""

    operation: Operation
    url: str
    body: Any
    response: Response

    def __str__(self) -> str:
        said = f"{self.response.status} {self.response.body[:2000]!r}"
        return f"{self.operation.method} {self.url} {json.dumps(self.body)} -> {said}"


def operation_of(documents: Documents, name: str, case: Any) -> Operation:
    wanted = (name, case.method, case.operation.path)
    return next(one for one in documents.operations if (one.document, one.method, one.template) == wanted)


def ask(
    organization: Populated, operation: Operation, case: Any, without: frozenset[str] = frozenset()
) -> tuple[Asked, Any]:
    """Asks the organization, with a body that names what there is; returns the answer, also as Schemathesis takes it.

    Members of the body that are `without` are left out.
    """
    arguments = case.as_transport_kwargs(base_url=HOST + PREFIXES[operation.document])
    null = arguments.pop("data", None) == b"null"
    body = fitted(organization, operation, arguments.pop("json", None))
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in without}
    kept = {key: value for key, value in arguments.items() if key in {"method", "url", "params", "headers"}}
    data = b"null" if null else _bytes(body)
    prepared = requests.Request(**kept, data=data).prepare()
    target, _, query = prepared.path_url.partition("?")
    response = organization.world.answer(case.method, requests.utils.unquote(target), query, data)
    headers = {name: [value] for name, value in response.headers}
    seen = schemathesis.Response(response.status, headers, response.body, prepared, 0.0, verify=True)
    return Asked(operation, prepared.path_url, body, response), seen


def send(organization: Populated, operation: Operation, body: Any) -> Asked:
    """Asks the organization with that very body, and no query."""
    path = path_of(organization, operation)
    return Asked(operation, path, body, organization.world.answer(operation.method, path, "", _bytes(body)))


def _bytes(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


def organization_for(documents: Documents) -> Populated:
    return populated(documents, checked=False)
