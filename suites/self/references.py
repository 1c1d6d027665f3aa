"""What the bodies and paths of requests may name, so that what a document describes can be done: as data."""

import re
from collections.abc import Mapping
from typing import Any

from corrections import LABEL_KEY
from documents import Operation
from populated import Populated

# path of an operation: where its body names something, and what (as Populated.ids has it)
NAMED: Mapping[str, Mapping[str, str]] = {
    "/v2/application-auth-strategies": {"dcr_provider_id": "provider"},
    "/v2/application-auth-strategies/{authStrategyId}": {"dcr_provider_id": "provider"},
    "/v3/portals": {"default_application_auth_strategy_id": "strategy"},
    "/v3/portals/{portalId}": {"default_application_auth_strategy_id": "strategy"},
    "/v3/portals/{portalId}/pages": {"parent_page_id": "pageId"},
    "/v3/portals/{portalId}/pages/{pageId}": {"parent_page_id": "other page"},
    "/v3/apis/{apiId}/documents": {"parent_document_id": "documentId"},
    "/v3/apis/{apiId}/documents/{documentId}": {"parent_document_id": "other document"},
    "/v3/portals/{portalId}/applications": {"owner.id": "developer", "auth_strategy_id": "strategy"},
    "/v3/portals/{portalId}/applications/{applicationId}": {"owner.id": "developer"},
    "/v3/portals/{portalId}/applications/{applicationId}/registrations": {"api_id": "api"},
    "/v3/portals/{portalId}/applications/{applicationId}/registrations/{registrationId}/consumer": {"id": "consumer"},
    "/v3/portals/{portalId}/teams/{teamId}/developers": {"id": "developer"},
    "/v3/portals/{portalId}/teams/{teamId}/assigned-roles": {"entity_id": "api"},
    **{
        f"/v2/control-planes/{{controlPlaneId}}/core-entities/routes{one}": {"service.id": "service"}
        for one in ("", "/{RouteId}")
    },
    "/v3/apis/{apiId}/implementations": {
        "service.id": "service",
        "service.control_plane_id": "control plane",
        "control_plane.control_plane_id": "control plane",
    },
    "/v3/apis/{apiId}/publications/{portalId}": {"auth_strategy_ids.0": "key strategy"},
    **{
        f"/api/{version}/developer/{path}": {"token": token, "password": "password"}
        for version in ("v3", "v2")
        for path, token in (("verify-email", "verify"), ("reset-password", "reset"))
    },
    **{
        f"/api/{version}/developer/authenticate": {"username": "email", "password": "password"}
        for version in ("v3", "v2")
    },
    "/api/v3/applications": {"auth_strategy_id": "strategy"},
    "/api/v2/applications": {"auth_strategy_id": "strategy"},
    "/api/v3/applications/{applicationId}/registrations": {"api_id": "api"},
    "/api/v2/applications/{applicationId}/registrations": {"product_version_id": "productVersionId"},
}
# operation: what its path names instead of the usual, because that has what the request makes
ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "DELETE /v2/dcr-providers/{dcrProviderId}": {"dcrProviderId": "unused provider"},
    "DELETE /v2/application-auth-strategies/{authStrategyId}": {"authStrategyId": "unused strategy"},
    "DELETE /v2/control-planes/{controlPlaneId}/core-entities/services/{ServiceId}": {"ServiceId": "unused service"},
    "DELETE /v3/portals/{portalId}": {"portalId": "other portal"},
    "POST /v3/apis/{apiId}/versions": {"apiId": "invoices"},
    **{
        f"POST /v3/portals/{{portalId}}/{path}": {"portalId": "other portal"}
        for path in ("custom-domain", "email-config")
    },
    **{
        f"{method} /v3/portals/{{portalId}}/ip-allow-list/{{id}}": {"id": "allowed addresses"}
        for method in ("GET", "PUT", "PATCH", "DELETE")
    },
    "POST /v3/apis/{apiId}/implementations": {"apiId": "invoices"},
    **{
        f"POST {path}/applications/{{applicationId}}/registrations": {"applicationId": "new application"}
        for path in ("/v3/portals/{portalId}", "/api/v3", "/api/v2")
    },
}


def path_of(organization: Populated, operation: Operation) -> str:
    """The path, with ids of that organization."""
    ids, other = organization.ids[operation.document], ELSEWHERE.get(str(operation), {})
    return re.sub(r"\{(\w+)\}", lambda name: ids[other.get(name[1], name[1])], operation.path)


def fitted(organization: Populated, operation: Operation, body: Any) -> Any:
    """The body, with what it names exchanged for what that organization has."""
    for place, name in NAMED.get(operation.path, {}).items():
        body = _put(body, place.split("."), organization.ids[operation.document][name])
    if isinstance(body, dict) and isinstance(body.get("labels"), dict):
        body = {**body, "labels": {key: value for key, value in body["labels"].items() if LABEL_KEY.match(key)}}
    return body


def _put(body: Any, place: list[str], value: str) -> Any:
    first, *rest = place
    if isinstance(body, list):
        return [_put(one, rest, value) if rest else value for one in body]
    if not isinstance(body, dict) or body.get(first) is None:
        return body
    return {**body, first: _put(body[first], rest, value) if rest else value}
