"""What Kong's OpenAPI documents get wrong, as data: each with its reason. A test fails for one that has become stale."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LEFT_OUT = {
    "discriminator": "names no schema of the document",
    "writeOnly": "labels are write-only but required in an answer",
}
LABEL_KEY = re.compile(r"(?!kong|konnect|mesh|kic|_).{1,63}\Z", re.DOTALL)
"""What is a key of labels stands in their description alone."""


@dataclass(frozen=True)
class Correction:
    """What stands at a place of a document is changed: members that become None are left out."""

    document: str
    at: tuple[Any, ...]
    becomes: Mapping[str, Any] = field(hash=False)
    reason: str

    def __str__(self) -> str:
        return f"{self.document} {'/'.join(map(str, self.at))}"


PAGED = ("application-auth-strategies-v2", "portal-management-v3", "api-builder-v3", "dev-portal-v3", "dev-portal-v2")
TYPEDEFS = "Kong's own schema is narrower (kong/db/schema/typedefs.lua)"
ONE_OF = "Kong's own schema wants one of several (kong/db/schema/entities)"
CURSOR = "is one that a list answered: the description"
PLAIN = r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*"
NAME = "[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?"
HOST = {"pattern": rf"^{NAME}(\.{NAME})*$", "maxLength": 255}


def with_text(name: str) -> Mapping[str, Any]:
    """That the member is there and not null."""
    return {"required": [name], "properties": {name: {"type": "string"}}, "additionalProperties": True}


ROUTES = ("RouteJson", "RouteExpression")
# of control-planes-config-v2: place below `components`, what it becomes, why
ENTITIES: tuple[tuple[tuple[Any, ...], Mapping[str, Any], str], ...] = (
    *(
        (("schemas", schema, "properties", "id"), {"format": "uuid"}, TYPEDEFS)
        for schema in ("Service", *ROUTES, "PluginWithoutParents", "Consumer")
    ),
    *((("schemas", schema, "properties", "name"), {"minLength": 1}, TYPEDEFS) for schema in ("Service", *ROUTES)),
    (("schemas", "Service", "properties", "host"), HOST, TYPEDEFS),
    (("schemas", "Service", "properties", "path"), {"pattern": f"^{PLAIN}$"}, TYPEDEFS),
    (("schemas", "Service", "properties", "url"), {"format": "url"}, TYPEDEFS),
    (
        ("schemas", "Service"),
        {"required": None, "anyOf": [with_text("host"), with_text("url")]},
        "the url is protocol, host, port and path at once: its description",
    ),
    (("schemas", "RouteJson", "properties", "paths", "items"), {"pattern": f"^({PLAIN}|~/[^\n]*)$"}, TYPEDEFS),
    (("schemas", "RouteJson", "properties", "methods", "items"), {"pattern": "^[A-Z]+$"}, TYPEDEFS),
    (("schemas", "RouteJson", "properties", "paths"), {"nullable": None, "minItems": 1}, ONE_OF),
    (("schemas", "RouteJson"), {"required": ["paths"]}, ONE_OF),
    (("schemas", "RouteExpression", "properties", "expression"), {"nullable": None, "minLength": 1}, ONE_OF),
    (("schemas", "RouteExpression"), {"required": ["expression"]}, ONE_OF),
    *((("schemas", "Consumer", "properties", name), {"minLength": 1}, TYPEDEFS) for name in ("username", "custom_id")),
    (("schemas", "Consumer"), {"anyOf": [with_text("username"), with_text("custom_id")]}, ONE_OF),
    *(
        (("schemas", schema, "properties", "protocols"), {"minLength": None, "minItems": 1}, "an array has minItems")
        for schema in ROUTES
    ),
    (("parameters", "PaginationOffset", "schema"), {"enum": [""]}, CURSOR),
    (("parameters", "PageAfter", "schema"), {"enum": [""]}, CURSOR),
    (("parameters", "PageSize", "schema"), {"minimum": 1, "maximum": 100}, "no page has no items (inferred)"),
)

JSON = ("content", "application/json", "schema")
AI = {"ai": {"type": "object"}}
# document, place below `components`, members of answers that were recorded and are in no schema
RECORDED: tuple[tuple[str, tuple[Any, ...], Mapping[str, Any]], ...] = (
    ("portal-management-v3", ("responses", "PortalResponse", *JSON, "properties"), AI),
    (
        "portal-management-v3",
        ("responses", "ListPortalsResponse", *JSON, "properties", "data", "items", "properties"),
        AI,
    ),
    (
        "portal-management-v3",
        ("schemas", "PortalTeamResponse", "properties"),
        {"konnect_managed": {"type": "boolean"}},
    ),
    (
        "portal-management-v3",
        ("schemas", "PortalAssignedRoleResponse", "properties"),
        {"entity_ids": {"type": "array", "items": {"type": "string"}}},
    ),
    (
        "api-builder-v3",
        ("schemas", "ApiResponseSchema", "properties"),
        {"images": {"nullable": True, "type": "object"}},
    ),
    (
        "api-builder-v3",
        ("responses", "ApiPublicationResponse", *JSON, "properties"),
        {"form_id": {"nullable": True, "type": "string"}},
    ),
)

CORRECTIONS: tuple[Correction, ...] = (
    *(
        Correction(name, ("components", *at), members, "recorded (see docs/behaviours)")
        for name, at, members in RECORDED
    ),
    *(
        Correction("portal-management-v3", ("components", "parameters", name, "schema"), {"enum": [""]}, CURSOR)
        for name in ("PageAfter", "PageBefore")
    ),
    Correction(
        "portal-management-v3",
        ("components", "schemas", "CreatePortalCustomDomainRequest", "properties", "hostname"),
        HOST,
        "is a host",
    ),
    Correction(
        "portal-management-v3",
        ("components", "schemas", "PortalCreateIdentityProvider"),
        {"required": ["type", "config"]},
        "a provider without either is none (inferred)",
    ),
    Correction(
        "portal-management-v3",
        ("components", "schemas", "PortalPageResponse"),
        {"required": ["id", "slug", "title", "content", "visibility", "status", "created_at", "updated_at"]},
        "recorded: the answer to POST has no parent_page_id where there is none (portal/pages 4)",
    ),
    Correction(
        "portal-management-v3",
        (
            *("components", "responses", "PortalAuditLogWebhook", "content", "application/json", "schema"),
            "properties",
        ),
        {"include_principal_name": {"type": "boolean"}},
        "recorded: one more member (portal/teams 17)",
    ),
    Correction(
        "portal-management-v3",
        ("components", "schemas", "ListDomains", "properties", "meta"),
        {"$ref": None, "type": "object"},
        "recorded: number, size and total are not in a page (dump/portal-owned 2)",
    ),
    Correction(
        "api-builder-v3",
        (
            *("components", "responses", "ApiSlugConflict", "content", "application/problem+json", "schema"),
            "properties",
        ),
        {"detail": {"type": "string"}},
        "recorded: every problem has a detail; it is in the schema of all others",
    ),
    Correction(
        "portal-management-v3",
        ("components", "schemas", "PortalTeamResponse"),
        {"required": ["id", "name", "created_at", "updated_at"]},
        "a team is made without description, and no empty one is allowed",
    ),
    Correction(
        "portal-management-v3",
        ("components", "schemas", "PortalAssignRoleRequest", "properties", "role_name"),
        {"enum": ["API Viewer", "API Consumer"]},
        "there are no other roles (app/dev-portal, roles of developer teams)",
    ),
    *(
        Correction(
            name, ("components", "parameters", parameter, "schema"), bounds, "no page has no or 10^9 items (inferred)"
        )
        for name in PAGED
        for parameter, bounds in (
            ("PageSize", {"minimum": 1, "maximum": 100}),
            ("PageNumber", {"minimum": 1, "maximum": 10**9 - 1}),
        )
    ),
    *(Correction("control-planes-config-v2", ("components", *at), becomes, reason) for at, becomes, reason in ENTITIES),
    Correction(
        "api-builder-v3",
        ("components", "requestBodies", "CreateApiVersionRequest", "content", "application/json", "schema"),
        {"required": ["version", "spec"]},
        "the answer 400 says that the version must be given if the content has none, and content is any text",
    ),
    Correction(
        "api-builder-v3",
        (
            *("components", "requestBodies", "CreateApiVersionRequest", "content", "application/json", "schema"),
            *("properties", "version"),
        ),
        {"minLength": 1},
        "an empty one is none",
    ),
)

UNAUTHORIZED = "is that of a 400: its schema (UnauthorizedError) has no invalid_parameters"
# document, name of an example of an answer: why its own schema forbids it
EXAMPLES: Mapping[tuple[str, str], str] = {
    ("dev-portal-v3", "UnauthorizedExample"): UNAUTHORIZED,
    ("dev-portal-v2", "UnauthorizedExample"): UNAUTHORIZED,
}


@dataclass(frozen=True)
class Refusal:
    """A request that a document allows and a mock refuses: what it is, what the answer says, and why.

    `example` is a body for which a test shows it.
    """

    operation: str  # a pattern
    status: int
    said: str  # a pattern of the answer
    reason: str
    example: Any = None


# statuses that no document describes: operations and statuses, as a pattern each, and why the mocks answer so
UNDOCUMENTED: Mapping[tuple[str, str], str] = {
    ("POST /v3/(apis|portals/{portalId}/teams)", "409"): "no status is documented for a name that is taken (inferred)",
    ("PATCH /v3/portals/.*/teams/{teamId}", "400"): "the document has no answer to a body that it forbids",
    ("(POST|PUT) /v2/control-planes/.*/core-entities/.*", "400|409"): "nor to an entity that is refused",
    ("DELETE /v2/control-planes/.*/core-entities/.*", "400|404"): "nor for one that is in use, or gone",
    ("(GET|POST) /v2/control-planes/.*/services/{ServiceId}/(routes|plugins)", "404"): "nor for a service that is gone",
}
CREDENTIALS = (
    "several credentials are for Entra, Okta and the HTTP bridge; that Curity's applications answer 400 is inferred"
)
SCOPES = "only providers with scopes that developers manage tell them (inferred for Curity)"
DCR = "is for strategies without a DCR provider"
TEAMS = "teams own no applications here (mocks/konnect/teams.py)"
STRATEGY = {"name": "x", "display_name": "x", "strategy_type": "key_auth", "configs": {"key-auth": {}}}
OWNER = {"id": "00000000-0000-4000-8000-000000000000", "type": "developer"}
REFUSALS: tuple[Refusal, ...] = (
    Refusal(
        "(POST|PUT|PATCH) /v2/(dcr-providers|application-auth-strategies).*",
        400,
        "must be unique",
        "no status is documented for a name that is taken (switch names_may_repeat)",
        {**STRATEGY, "name": "by key"},
    ),
    Refusal(
        "(POST|PUT) /v2/control-planes/.*/core-entities/routes.*",
        400,
        "without a service",
        "the mocked data planes serve no such route",
        {"paths": ["/x"]},
    ),
    Refusal(
        "PATCH /v3/portals/.*/integrations",
        400,
        "is required",
        "what is not there yet is given whole (inferred)",
        {"equal_web": {"enabled": True}},
    ),
    Refusal(
        "PUT /v2/application-auth-strategies/.*",
        400,
        "strategy_type",
        "the type of a strategy does not change",
        STRATEGY,
    ),
    Refusal(
        "PATCH /v2/application-auth-strategies/.*",
        400,
        "configs",
        "has the settings of the other type",
        {"configs": {"key-auth": {}}},
    ),
    Refusal(
        "PATCH /v2/dcr-providers/.*",
        400,
        "dcr_config.*is not allowed",
        "has the settings of another type",
        {"dcr_config": {"dcr_token": "x"}},
    ),
    *(
        Refusal(
            f"{method} /v3/portals/.*/applications{rest}",
            400,
            "owner.id.*Team",
            TEAMS,
            {**body, "owner": {**OWNER, "type": "team"}},
        )
        for method, rest, body in (("POST", "", {"name": "x"}), ("PATCH", "/{applicationId}", {}))
    ),
    Refusal(
        "POST /v3/portals/.*/applications",
        400,
        "dcr_client_id",
        "clients are imported with the switch imports_clients alone",
        {"name": "x", "owner": OWNER, "dcr_client_id": "x"},
    ),
    Refusal("POST /v3/portals/.*/applications", 400, "client_id", DCR, {"name": "x", "owner": OWNER, "client_id": "x"}),
    *(
        Refusal(f"{method} /api/{version}/applications{rest}", 400, said, reason, {"name": "x", **body})
        for method, rest in (("POST", ""), ("PATCH", "/{applicationId}"))
        for version, said, reason, body in (
            ("v3", '"client_id', DCR, {"client_id": "x"}),
            ("v3", "scopes.*not managed", SCOPES, {"scopes": ["x"]}),
            ("v3", "team_id", TEAMS, {"team_id": OWNER["id"]}),
            ("v2", "reference_id", DCR, {"reference_id": "x"}),
            ("v2", "scopes.*not managed", SCOPES, {"scopes": ["x"]}),
        )
    ),
    Refusal(
        "(POST|PATCH) .*/applications.*",
        400,
        "invalid_client_metadata",
        "Curity takes no name with control characters",
        {"name": "\u0019"},
    ),
    Refusal("(GET|POST|PUT|DELETE) /api/.*/credentials.*", 400, "multiple credentials", CREDENTIALS, {}),
    Refusal("GET /api/.*/granted-scopes", 422, "not supported", SCOPES),
)
