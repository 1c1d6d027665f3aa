"""What Kong's OpenAPI documents get wrong, as data: each with its reason. A test fails for one that has become stale."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EVERYWHERE = {
    "left out": {
        "discriminator": "names no schema of the document",
        "writeOnly": "labels are write-only but required in an answer",
    },
}


@dataclass(frozen=True)
class Correction:
    """What stands at a place of a document is changed: members that become None are left out."""

    document: str
    at: tuple[Any, ...]
    becomes: Mapping[str, Any] = field(hash=False)
    reason: str

    def __str__(self) -> str:
        return f"{self.document} {'/'.join(map(str, self.at))}"


PORTALS = "portal-management-v3"
CORRECTIONS: tuple[Correction, ...] = (
    Correction(
        PORTALS,
        ("components", "schemas", "PortalPageResponse"),
        {"required": ["id", "slug", "title", "content", "visibility", "status", "created_at", "updated_at"]},
        "recorded: the answer to POST has no parent_page_id where there is none (portal/pages 4)",
    ),
    Correction(
        PORTALS,
        (
            *("components", "responses", "PortalAuditLogWebhook", "content", "application/json", "schema"),
            "properties",
        ),
        {"include_principal_name": {"type": "boolean"}},
        "recorded: one more member (portal/teams 17)",
    ),
    Correction(
        PORTALS,
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
)

UNAUTHORIZED = "is that of a 400: its schema (UnauthorizedError) has no invalid_parameters"
# document, name of an example of an answer: why its own schema forbids it
EXAMPLES: Mapping[tuple[str, str], str] = {
    ("dev-portal-v3", "UnauthorizedExample"): UNAUTHORIZED,
    ("dev-portal-v2", "UnauthorizedExample"): UNAUTHORIZED,
}
