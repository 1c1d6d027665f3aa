"""Every list that the mocks serve takes each filter, sort attribute and page parameter that Kong's documents have of it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import documents
import pytest
from documents import Documents, Operation
from populated import Populated, populated
from references import path_of

REFUSED = frozenset({"dev-portal-v2", "dev-portal-v3"})
"""Where credentials are listed for identity providers with several of them alone: for Curity's it is 400."""
# operation, filter: where the answer shows what the filter compares, if not under the filter's own name
SHOWN: Mapping[tuple[str, str], str | None] = {
    ("/v2/dcr-providers", "initial_client_id"): "dcr_config.initial_client_id",
    ("/v2/dcr-providers", "initial_client_audience"): "dcr_config.initial_client_audience",
    ("/v2/application-auth-strategies", "dcr_provider_id"): "dcr_provider.id",
    ("/v2/application-auth-strategies", "dcr_provider_name"): "dcr_provider.name",
    ("/v2/application-auth-strategies", "dcr_provider_type"): "dcr_provider.provider_type",
    ("/v2/control-planes/{controlPlaneId}/core-entities/consumers", "name"): "username",
    ("/v3/portals/{portalId}/developers", "name"): "full_name",
    ("/v3/portals/{portalId}/teams/{teamId}/developers", "attributes"): None,
    ("/v3/portals/{portalId}/applications", "developer_id"): "owner.id",
    ("/v3/portals/{portalId}/application-registrations", "developer_id"): None,
    ("/v3/portals/{portalId}/application-registrations", "application_name"): "application.name",
    ("/v3/apis/{apiId}/versions", "type"): "spec.type",
    ("/v3/apis/{apiId}/registrations", "portal_id"): "portal.id",
    ("/v3/apis/{apiId}/registrations", "portal_name"): "portal.name",
    ("/v3/apis/{apiId}/registrations", "application_id"): "application.id",
    ("/v3/apis/{apiId}/registrations", "application_name"): "application.name",
    ("/v3/apis/{apiId}/registrations", "application_owner_id"): "application.owner.id",
    ("/v3/apis/{apiId}/registrations", "application_owner_type"): "application.owner.type",
    ("/v3/api-publications", "portal_name"): None,
    ("/v3/api-publications", "api_name"): None,
    ("/v3/api-publications", "auth_strategy_id"): "auth_strategy_ids.0",
    ("/v3/api-implementations", "service_id"): "service.id",
    ("/v3/api-implementations", "control_plane_id"): "service.control_plane_id",
    ("/api/v3/applications", "auth_strategy_id"): "auth_strategy.id",
    ("/api/v2/applications", "auth_strategy_id"): "auth_strategy.id",
}
OPERATORS: Mapping[str, Callable[[Any, str], bool]] = {
    "eq": lambda held, wanted: held == wanted,
    "neq": lambda held, wanted: held != wanted,
    "oeq": lambda held, wanted: held in wanted.split(","),
    "contains": lambda held, wanted: wanted in held,
    "ocontains": lambda held, wanted: any(part in held for part in wanted.split(",")),
    "lt": lambda held, wanted: datetime.fromisoformat(held) < datetime.fromisoformat(wanted),
    "lte": lambda held, wanted: datetime.fromisoformat(held) <= datetime.fromisoformat(wanted),
    "gt": lambda held, wanted: datetime.fromisoformat(held) > datetime.fromisoformat(wanted),
    "gte": lambda held, wanted: datetime.fromisoformat(held) >= datetime.fromisoformat(wanted),
}


@pytest.fixture(scope="module")
def found() -> Documents:
    return documents.find()


@pytest.fixture(scope="module")
def organization(found: Documents) -> Populated:
    return populated(found)


def lists(found: Documents) -> Iterator[tuple[Operation, list[Any]]]:
    """The operations that answer a list, each with the parameters of its query."""
    for operation in found.operations:
        parameters = [found.resolved(operation.document, one) for one in operation.declared.get("parameters", [])]
        query = [one for one in parameters if one["in"] == "query"]
        refused = operation.document in REFUSED and operation.path.endswith("/credentials")
        if operation.method == "GET" and query and not refused:
            yield operation, query


def forms(found: Documents, document: str, parameter: Any) -> Iterator[tuple[str, str, bool]]:
    """The filters that a parameter documents: name, operator ("" where none is written), and whether it is of a mapping."""
    if flat := re.fullmatch(r"filter\[(\w+)\](?:\[(\w+)\])?", parameter["name"]):
        yield flat[1], flat[2] or "", False
    elif parameter["name"] == "filter":
        for name, schema in found.resolved(document, parameter["schema"])["properties"].items():
            resolved = found.resolved(document, schema)
            of_mapping = "dot-notation" in json.dumps(resolved) or name in {"labels", "attributes"}
            for operator in sorted(operators(found, document, resolved)):
                yield name, operator, of_mapping


def operators(found: Documents, document: str, schema: Any) -> set[str]:
    schema = found.resolved(document, schema)
    choices = [*schema.get("oneOf", []), *schema.get("allOf", [])]
    if choices:
        return {one for choice in choices for one in operators(found, document, choice)}
    return set(schema["properties"]) if schema.get("type") == "object" else {""}


def shown(item: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(item, list):
            item = item[int(part)] if int(part) < len(item) else None
        else:
            item = item.get(part) if item is not None else None
    return item


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return ["null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)]


def holds(operator: str, value: Any, wanted: str) -> bool:
    held = texts(value)
    each = all if operator == "neq" else any
    return each(OPERATORS[operator or "eq"](one, wanted) for one in held)


def asked(organization: Populated, operation: Operation, **query: str) -> list[Any]:
    """All items that a list answers to that query. The answer is held against the document."""
    text = "&".join(f"{quote(name)}={quote(value)}" for name, value in query.items())
    response = organization.world.answer("GET", path_of(organization, operation), text)
    assert response.status == 200, f"{operation}?{text}: {response.status} {response.body!r}"
    organization.world.documents.check_answer(operation, response)
    answer = response.json()
    items: list[Any] = answer if isinstance(answer, list) else answer["items" if "items" in answer else "data"]
    return items


def filters(found: Documents) -> Iterator[tuple[Operation, str, str, bool]]:
    """Each documented filter of each served list: operation, name, operator and whether it is of a mapping."""
    for operation, query in lists(found):
        for parameter in query:
            for name, operator, of_mapping in forms(found, operation.document, parameter):
                yield operation, name, operator, of_mapping


def wanted(everything: list[Any], name: str, operator: str, place: str | None) -> list[str]:
    """Values to filter by: some that the list shows, and one that it does not."""
    seen = {text for one in everything for text in texts(shown(one, place))} if place else {"x", "true"}
    values = [*sorted(seen)[:3], "2020-01-01T00:00:00Z" if name in {"created_at", "updated_at"} else "nothing,has this"]
    return [value[1:-1] or value for value in values] if "contains" in operator else values


def test_each_documented_filter_filters(found: Documents, organization: Populated) -> None:
    everything = {operation.path: asked(organization, operation) for operation, _, _, _ in filters(found)}
    for operation, name, operator, _ in filters(found):
        place = SHOWN.get((operation.path, name), name)
        everyone = everything[operation.path]
        for value in wanted(everyone, name, operator, place):
            form = f"filter[{name}]" + (f"[{operator}]" if operator else "")
            answered = asked(organization, operation, **{form: value})
            expected = [one for one in everyone if place and holds(operator, shown(one, place), value)]
            assert not place or answered == expected, f"{operation}?{form}={value}"


def test_a_mapping_is_filtered_by_a_key_of_it(found: Documents, organization: Populated) -> None:
    for operation, name, operator, of_mapping in filters(found):
        everything = asked(organization, operation) if of_mapping else []
        for key in {key for one in everything for key in shown(one, name) or {}}:
            with_key = [one for one in everything if key in shown(one, name)]
            value = texts(shown(with_key[0], name)[key])[0]
            form = f"filter[{name}.{key}]" + (f"[{operator}]" if operator else "")
            expected = [one for one in with_key if holds(operator, shown(one, name)[key], value)]
            if operator == "neq":
                expected += [one for one in everything if one not in with_key]
            answered = asked(organization, operation, **{form: value})
            assert sorted(map(str, answered)) == sorted(map(str, expected)), f"{operation}?{form}={value}"
            assert asked(organization, operation, **{f"filter[{name}.{key}]": ""}) == with_key


def test_the_table_of_what_is_shown_names_filters_of_the_documents(found: Documents) -> None:
    held = [(operation.path, name) for operation, name, _, _ in filters(found)]
    assert set(SHOWN) <= set(held)
    assert len(held) > 300, "the documents have fewer filters than they had"


def comparable(value: Any) -> Any:
    """A time as such: one without zeros at its end is no text that sorts by time."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value):
        return datetime.fromisoformat(value)
    return value


def test_each_documented_attribute_sorts_both_ways(found: Documents, organization: Populated) -> None:
    count = 0
    for operation, query in lists(found):
        for parameter in query:
            if parameter["name"] == "sort":
                names = re.findall(r"- (\w+)", parameter["description"])
                for name in names:
                    count += 1
                    upwards, plain = (asked(organization, operation, sort=f"{name}{way}") for way in (" asc", ""))
                    downwards = asked(organization, operation, sort=f"{name} desc")
                    assert upwards == plain
                    place = SHOWN.get((operation.path, name), name)
                    if place and upwards and shown(upwards[0], place) is not None:
                        values = [comparable(shown(one, place)) for one in upwards]
                        assert values == sorted(values), f"{operation} by {name}"
                        assert [comparable(shown(one, place)) for one in downwards] == values[::-1]
                asked(organization, operation, sort=",".join(names))
    assert count > 60, "the documents have fewer attributes than they had"


def test_each_list_is_served_page_by_page(found: Documents, organization: Populated) -> None:
    """Pages of one item are together the whole list."""
    for operation, query in lists(found):
        names = {parameter["name"] for parameter in query}
        if "page[number]" in names:
            everything = asked(organization, operation)
            pages = [
                asked(organization, operation, **{"page[size]": "1", "page[number]": str(n + 1)})
                for n in range(len(everything) + 1)
            ]
        elif cursor := next(iter(names & {"offset", "page[after]"}), None):
            everything, pages, at = asked(organization, operation), [], ""
            size = "size" if cursor == "offset" else "page[size]"
            while True:
                text = f"{quote(size)}=1&{quote(cursor)}={quote(at)}"
                response = organization.world.answer("GET", path_of(organization, operation), text)
                organization.world.documents.check_answer(operation, response)
                answer = response.json()
                pages.append(answer.get("data", answer.get("items")))
                following = answer.get("next") or (answer.get("page") or answer.get("meta") or {}).get("next")
                if not following:
                    break
                at = re.findall(r"(?:offset|%5Bafter%5D)=([^&]+)", following)[0]
        else:
            continue
        assert [one for page in pages for one in page] == everything, operation


def test_tags_are_joined_by_commas_or_slashes(found: Documents, organization: Populated) -> None:
    services = next(one for one, _ in lists(found) if one.template.endswith("core-entities/services"))
    for tags, count in (("a", 1), ("a,b", 1), ("a,c", 0), ("a/c", 1), ("c/d", 0)):
        assert len(asked(organization, services, tags=tags)) == count, tags
