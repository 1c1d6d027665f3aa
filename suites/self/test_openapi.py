"""`--dcr-openapi`: exchanges compared with documents, which are made for these tests."""

import json

import pytest

from dcrproof.core.http.exchange import Exchange, now
from dcrproof.core.openapi import DOCUMENTS, OpenApi, OpenApiUnavailable

PROVIDERS = {
    "openapi": "3.0.3",
    "paths": {
        "/dcr-providers": {
            "get": {"responses": {"200": {"$ref": "#/components/responses/List"}}},
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}},
                "responses": {"201": {"description": "made"}, "400": {"$ref": "#/components/responses/Bad"}},
            },
        },
        "/dcr-providers/{id}": {"delete": {"responses": {"204": {"description": "gone"}}}},
    },
    "components": {
        "responses": {
            "List": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/List"}}}},
            "Bad": {"content": {"application/problem+json": {"schema": {"type": "object", "required": ["instance"]}}}},
        },
        "schemas": {
            "New": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": False,
                "properties": {"name": {"type": "string"}},
            },
            "List": {
                "type": "object",
                "required": ["data"],
                "properties": {"data": {"type": "array", "items": {"$ref": "#/components/schemas/Held"}}},
            },
            "Held": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "string"}, "kind": {"type": "string", "nullable": True, "enum": ["a"]}},
            },
        },
    },
}
JSON = "application/json"


@pytest.fixture
def folder(tmp_path):
    for name in set(DOCUMENTS.values()):
        (tmp_path / f"{name}.yaml").write_text('{"openapi": "3.0.3", "paths": {}}')
    (tmp_path / "application-auth-strategies-v2.yaml").write_text(json.dumps(PROVIDERS))
    return tmp_path


def judged(folder, method, path, status, body, media_type=JSON, sent=b"", party="konnect"):
    content = b"" if body is None else json.dumps(body).encode()
    headers = (("content-type", media_type),)
    url = f"https://konnect.example{path}"
    exchange = Exchange(
        number=1,
        at=now(),
        party=party,
        method=method,
        url=url,
        status=status,
        request_headers=(),
        request_body=sent,
        headers=headers,
        body=content,
        seconds=0.1,
    )
    return [(found.what, found.open) for found in OpenApi(folder).mismatches([exchange, exchange])]


@pytest.mark.parametrize("held", [{"id": "1"}, {"id": "1", "kind": None}, {"id": "1", "kind": "a"}])
def test_what_the_document_describes_is_not_a_mismatch(folder, held):
    assert judged(folder, "GET", "/v2/dcr-providers", 200, {"data": [held]}) == []


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"data": [{}]}, "data.[] breaks 'required'"),
        ({"data": [{"id": "1", "kind": "b"}]}, "data.[].kind breaks 'enum'"),
        ({"data": None}, "data breaks 'type'"),
        ([], "the body breaks 'type'"),
    ],
)
def test_another_shape_is_a_mismatch_that_is_reported_once_and_without_values(folder, body, what):
    assert judged(folder, "GET", "/v2/dcr-providers", 200, body) == [(what, False)]


def test_another_media_type_is_a_mismatch(folder):
    assert judged(folder, "POST", "/v2/dcr-providers", 400, {"instance": "x"}) == [
        ("application/json, not application/problem+json", False)
    ]


def test_what_no_document_describes_is_noted_as_open(folder):
    (status,) = judged(folder, "DELETE", "/v2/dcr-providers/1", 409, {})
    (operation,) = judged(folder, "PATCH", "/v2/dcr-providers/1", 200, {})
    assert status == ("application-auth-strategies-v2 has no such status", True)
    assert operation == ("application-auth-strategies-v2 has no such operation", True)
    assert judged(folder, "GET", "/v9/elsewhere", 200, {}) == []


def test_a_request_is_compared_only_if_it_was_accepted(folder):
    wrong = b'{"name": "a", "other": 1}'
    assert judged(folder, "POST", "/v2/dcr-providers", 201, None, sent=wrong) == [
        ("the body breaks 'additionalProperties'", False)
    ]
    refused = judged(folder, "POST", "/v2/dcr-providers", 400, {"instance": "x"}, "application/problem+json", wrong)
    assert refused == []


def test_other_parties_are_ignored(folder):
    assert judged(folder, "GET", "/v2/dcr-providers", 200, [], party="curity") == []


def test_a_folder_without_the_documents_is_an_error_before_the_run(tmp_path, run_checks):
    with pytest.raises(OpenApiUnavailable, match=r"has no api-builder-v3\.yaml"):
        OpenApi(tmp_path)
    ran = run_checks(f"--dcr-openapi={tmp_path}")
    assert ran.code == 4
    assert "--dcr-openapi: " in ran.output


def test_a_mismatch_is_a_failed_check_of_the_run(folder, run_checks):
    ran = run_checks(f"--dcr-openapi={folder}", "--dcr-check=konnect.authenticated")
    assert (ran.code, ran.verdicts["konnect.documents"]) == (0, "passed"), ran.output
    broken = json.loads(json.dumps(PROVIDERS))
    broken["components"]["schemas"]["Held"]["required"] = ["id", "no_such_member"]
    (folder / "application-auth-strategies-v2.yaml").write_text(json.dumps(broken))
    ran = run_checks(f"--dcr-openapi={folder}", "--dcr-check=konnect.authenticated")
    assert (ran.code, ran.verdicts["konnect.documents"]) == (1, "failed")
    found = ran.with_verdict("failed")["konnect.documents"]["observed"]
    assert found == "GET /dcr-providers -> 200: data.[] breaks 'required'"


def test_without_the_option_there_is_no_such_check(run_checks):
    assert "konnect.documents" not in run_checks("--dcr-check=konnect.authenticated").verdicts
