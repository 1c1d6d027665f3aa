"""The mocks are asked what Kong's documents describe, over every operation that they serve: what a document allows is done,
what it forbids is refused, and every answer is one that it describes.
"""

import re
from typing import Any

import documents
import driven
import pytest
from corrections import REFUSALS, UNDOCUMENTED, Refusal
from documents import PREFIXES, Documents
from driven import Asked
from hypothesis import HealthCheck, Phase, given, settings
from populated import KEY_STRATEGY
from references import fitted, path_of
from schemathesis import GenerationMode
from tiers import sample

ALL_CHECKS = [*HealthCheck]


def limited(examples: int, **more: Any) -> settings:
    """The same examples each time."""
    return settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=ALL_CHECKS,
        phases=[Phase.generate],
        **more,
    )


@pytest.fixture(scope="module")
def found() -> Documents:
    return documents.find()


def fault(found: Documents, asked: Asked, *, allowed: bool | None) -> str | None:
    """What is wrong with the answer to a request that the document allows, or forbids; None where that depends."""
    status = asked.response.status
    if allowed and status >= 400 and not refusable(asked):
        return f"{asked}\nthe document allows it"
    if allowed is False and status < 400:
        return f"{asked}\nthe document forbids it"
    if any(re.fullmatch(of, str(asked.operation)) and re.fullmatch(one, str(status)) for of, one in UNDOCUMENTED):
        return None
    try:
        found.check_answer(asked.operation, asked.response)
    except AssertionError as error:
        return f"{asked}\n{error}"
    return None


def refusable(asked: Asked) -> bool:
    return any(
        re.fullmatch(one.operation, str(asked.operation))
        and one.status == asked.response.status
        and re.search(one.said, asked.response.body.decode())
        for one in REFUSALS
    )


def drive(found: Documents, name: str, examples: int) -> list[str]:
    """What is wrong with the answers to requests that the document allows, over each operation."""
    wrong: list[str] = []
    shared = driven.organization_for(found)
    for result in driven.schema(found, name, shared).get_all_operations():
        operation = result.ok()

        @limited(examples)
        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        def each(case: Any) -> None:
            organization = shared if case.method == "GET" else driven.organization_for(found)
            asked, _ = driven.ask(organization, driven.operation_of(found, name, case), case)
            if said := fault(found, asked, allowed=True):
                wrong.append(said)

        each()
    return wrong


def drive_wrongly(found: Documents, name: str, examples: int) -> list[str]:
    """What is wrong with the answers to bodies that the document forbids, over each operation with a body."""
    wrong: list[str] = []
    for result in driven.schema(found, name, driven.organization_for(found)).get_all_operations():
        operation = result.ok()
        if not operation.body:
            continue

        @limited(examples)
        @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        def each(case: Any) -> None:
            asked_of = driven.operation_of(found, name, case)
            body = case.body if isinstance(case.body, dict | list | str | int | float | bool) else None
            if found.allows(asked_of, body):  # something else than the body is wrong
                return
            if said := fault(found, driven.send(driven.organization_for(found), asked_of, body), allowed=False):
                wrong.append(said)

        each()
    return wrong


def drive_elsewhere(found: Documents, name: str, examples: int) -> list[str]:
    """What is wrong with the answers to paths, queries, headers and cookies that the document forbids, over each operation.

    What is unknown to an operation is let alone, so it may be done. A query that is refused is answered with 400, and what no
    path names with 404, although some operations document neither.
    """
    wrong: list[str] = []
    shared = driven.organization_for(found)
    for result in driven.schema(found, name, shared).get_all_operations():
        operation = result.ok()
        if not any((operation.path_parameters, operation.query, operation.headers, operation.cookies)):
            continue

        @limited(examples)
        @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        def each(case: Any) -> None:
            if any(part.mode.is_negative for at, part in case.meta.components.items() if at.value == "body"):
                return
            organization = shared if case.method == "GET" else driven.organization_for(found)
            asked, _ = driven.ask(organization, driven.operation_of(found, name, case), case)
            status = asked.response.status
            if status in {400, 404} and str(status) not in map(str, asked.operation.declared["responses"]):
                return
            if said := fault(found, asked, allowed=None):
                wrong.append(said)

        each()
    return wrong


EXAMPLES = 8
"""For each operation."""


@pytest.mark.parametrize("name", sample(PREFIXES))
def test_what_a_document_allows_is_done(found: Documents, name: str) -> None:
    assert not drive(found, name, EXAMPLES)


@pytest.mark.parametrize("name", sample(PREFIXES))
def test_what_a_document_forbids_is_refused(found: Documents, name: str) -> None:
    assert not drive_wrongly(found, name, EXAMPLES)


@pytest.mark.parametrize("name", sample(PREFIXES))
def test_wrong_paths_queries_headers_and_cookies_are_answered_as_documented(found: Documents, name: str) -> None:
    assert not drive_elsewhere(found, name, EXAMPLES // 2)


STRANGERS = {
    "none": {"token": "", "cookie": "-"},
    "others": {"token": "Bearer another", "cookie": "portalaccesstoken=another"},
    "no bearer": {"token": "Basic YTpi", "cookie": "portalaccesstoken"},
}
FOR_EVERYBODY = re.compile(
    r"GET /api/v[23]/((apis|products)(/.*)?|pages|portal)"
    r"|POST /api/v[23]/developer(/(authenticate|forgot-password|logout|reset-password|verify-email))?"
)
"""Of a portal: what is public, and what signs in. Documents leave 401 out for some of the others."""


@pytest.mark.parametrize("stranger", STRANGERS)
def test_no_operation_is_done_for_a_stranger(found: Documents, stranger: str) -> None:
    organization = driven.organization_for(found)
    for operation in found.operations:
        path = path_of(organization, operation)
        response = organization.world.answer(operation.method, path, "", b"{}", **STRANGERS[stranger])
        assert response.status == 401 or FOR_EVERYBODY.fullmatch(str(operation)), f"{operation}: {response}"
        if "401" in map(str, operation.declared["responses"]):
            found.check_answer(operation, response)


@pytest.mark.parametrize(
    ("method", "template", "body"),
    [
        ("PATCH", "/v3/apis/{apiId}", {"attributes": {"x": [None, None]}}),
        ("PATCH", "/v3/apis/{apiId}", {"attributes": {"x": []}}),
        ("POST", "/v2/application-auth-strategies", {**KEY_STRATEGY, "configs": {"key-auth": {"ttl": None}}}),
        ("PUT", "/v3/apis/{apiId}/publications/{portalId}", None),
        ("POST", "/v3/portals/{portalId}/teams", {"name": "x", "description": ""}),
    ],
)
def test_some_bodies_that_a_document_forbids(found: Documents, method: str, template: str, body: Any) -> None:
    operation = next(one for one in found.operations if str(one) == f"{method} {template}")
    assert not found.allows(operation, body)
    assert driven.send(driven.organization_for(found), operation, body).response.status == 400


def test_what_an_update_unsets_is_left_out(found: Documents) -> None:
    organization = driven.organization_for(found)
    path = f"/v2/application-auth-strategies/{organization.ids['api-builder-v3']['key strategy']}"
    changed = organization.world.ask("PATCH", path, {"configs": {"key-auth": {"ttl": None}}})
    found.check("PATCH", path, organization.world.answer("PATCH", path, "", b"{}"))
    assert changed["configs"] == {"key-auth": {"key_names": ["k"]}}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: f"{one.operation} {one.said}")
def test_what_is_refused_all_the_same(found: Documents, refusal: Refusal) -> None:
    """The table holds no refusal that is none."""
    for operation in found.operations:
        if re.fullmatch(refusal.operation, str(operation)):
            organization = driven.organization_for(found)
            asked = driven.send(organization, operation, fitted(organization, operation, refusal.example))
            if asked.response.status == refusal.status and re.search(refusal.said, asked.response.body.decode()):
                assert "requestBody" not in operation.declared or found.allows(operation, asked.body)
                return
    pytest.fail(f"nothing is refused so: {refusal}")


def test_no_status_of_the_table_is_documented(found: Documents) -> None:
    for of, statuses in UNDOCUMENTED:
        matching = [one for one in found.operations if re.fullmatch(of, str(one))]
        documented = {str(status) for one in matching for status in one.declared["responses"]}
        assert matching
        assert not documented & set(statuses.split("|"))


def test_each_correction_is_one(found: Documents) -> None:
    """`correct` refuses a stale one."""
    for name in PREFIXES:
        found.document(name)


# --- one request after another ----------------------------------------------------------------------------------------


REFUSED_MEMBERS = frozenset({"client_id", "reference_id", "scopes", "team_id", "dcr_client_id"})
"""Of applications with a DCR provider: without them there is something to follow a link to."""


ODD = r"missing_reference|already exists|an existing 'routes'"


def machine(found: Documents, name: str, wrong: list[str]) -> Any:
    """A state machine that follows the links of the document, from what makes or deletes an object to what can be done with it.

    A link may lead to what is gone meanwhile (404), and what is made may be there already or name what is not (ODD).
    """

    class Machine(driven.schema(found, name, driven.organization_for(found)).as_state_machine()):  # type: ignore[misc] - made at run time
        def setup(self) -> None:
            self.organization = driven.organization_for(found)
            self.gone: set[str] = set()

        def call(self, case: Any, **_: Any) -> Any:
            asked_of = driven.operation_of(found, name, case)
            self.asked, seen = driven.ask(self.organization, asked_of, case, REFUSED_MEMBERS)
            return seen

        def validate_response(self, _: Any, case: Any, **__: Any) -> None:
            asked, status = self.asked, self.asked.response.status
            odd = status == 409 or (status == 400 and re.search(ODD, asked.response.body.decode()))
            if status != 404 and (said := fault(found, asked, allowed=None if odd else True)):
                wrong.append(said)
            if case.method == "DELETE" and status == 204 and asked.operation.template.endswith("}"):
                self.gone.add(asked.url)  # settings, which have no id, are back at their start
            elif case.method == "PUT" and status < 300:
                self.gone.discard(asked.url)
            elif status < 400 and asked.url in self.gone:
                wrong.append(f"{asked}\nit was deleted")

    return Machine


@pytest.mark.parametrize("name", sample(PREFIXES))
def test_what_was_made_is_found_changed_and_gone(found: Documents, name: str) -> None:
    wrong: list[str] = []
    machine(found, name, wrong).run(settings=limited(15, stateful_step_count=20))
    assert not wrong
