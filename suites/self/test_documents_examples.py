"""Kong's own examples: each request is accepted, each answer is one that its schema allows."""

import json
from collections.abc import Iterator
from typing import Any

import documents
import pytest
from corrections import EXAMPLES
from documents import Documents, Operation
from populated import populated
from references import fitted, path_of


@pytest.fixture(scope="module")
def found() -> Documents:
    return documents.find()


def requests(found: Documents) -> Iterator[tuple[Operation, str, Any]]:
    for operation in found.operations:
        body = found.resolved(operation.document, operation.declared.get("requestBody", {}))
        for content in body.get("content", {}).values():
            for name, example in documents.examples(found, operation.document, content):
                yield operation, name, example


def answers(found: Documents) -> Iterator[tuple[Operation, str, str, str, Any]]:
    for operation in found.operations:
        for status, declared in operation.declared["responses"].items():
            content = found.resolved(operation.document, declared).get("content", {})
            for media_type, one in content.items():
                for name, example in documents.examples(found, operation.document, one):
                    yield operation, str(status), media_type, name, example


def test_each_example_of_a_request_is_accepted(found: Documents) -> None:
    count = 0
    for operation, name, example in requests(found):
        count += 1
        organization = populated(found, checked=False)
        path, body = path_of(organization, operation), fitted(organization, operation, example)
        if body.get("strategy_type") == "key_auth":  # the type of a strategy does not change
            path = path.replace(
                organization.ids[operation.document]["authStrategyId"],
                organization.ids[operation.document]["key strategy"],
            )
        if "client_id" in body:  # brought by the developer: for a strategy without a provider
            body["auth_strategy_id"] = organization.ids[operation.document]["self-managed strategy"]
        response = organization.world.answer(operation.method, path, "", json.dumps(body).encode())
        assert 200 <= response.status < 300, f"{operation}, example {name}: {response.status} {response.body!r}"
        found.check_answer(operation, response)
    assert count > 70, "the documents have fewer examples than they had"


def test_each_example_of_an_answer_is_one_that_its_schema_allows(found: Documents) -> None:
    wrong = set()
    for operation, status, media_type, name, example in answers(found):
        responses = {str(key): value for key, value in operation.declared["responses"].items()}
        schema = found.resolved(operation.document, responses[status])["content"][media_type]["schema"]
        value = json.loads(json.dumps(example, default=str))  # YAML has dates
        if faults := found.faults(operation.document, f"{operation} {status} {media_type}", schema, value):
            assert (operation.document, name) in EXAMPLES, f"{operation} {status}, example {name}: {faults[0]}"
            wrong.add((operation.document, name))
    assert wrong == set(EXAMPLES), "these examples are right now"
