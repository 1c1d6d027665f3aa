"""What Konnect has beside all this, and of which this organisation has nothing.

Tools that look at a whole organisation, or empty it, list these; the form of each empty list is recorded. Nothing can
be made there.
"""

from collections.abc import Mapping
from typing import Any

from dcrproof.mocks.konnect.http import Rows, ok
from dcrproof.mocks.konnect.listing import STRING, Listing, filtered, named
from dcrproof.mocks.messages import Handler, Request, Response

PAGED = ("/v1/ai-gateways", "/v1/catalog-services", "/v2/dashboards", "/v3/system-accounts", "/v3/teams")
NOTHING = Listing(
    filters=filtered(STRING, "domain", "verification_status"), sorts=named("domain", "created_at", "updated_at")
)
"""The filters and attributes are those of e-mail domains (portal-management v3)."""
# path: `meta` of the empty list, whose pages are not counted; SIZE is the page size that was asked for
SIZE = object()
OTHERS: Mapping[str, Mapping[str, Any]] = {
    "/v1/event-gateways": {"page": {"next": None, "previous": "", "size": SIZE}},
    "/v3/audit-log-destinations": {"next": None, "previous": None, "size": SIZE},
    "/v3/portals/email-domains": {"number": 1, "size": 0, "total": 0},
}


def routes() -> Rows:
    return (
        *(("GET", path, lambda request: ok(NOTHING.page(request, [], dict))) for path in PAGED),
        *(("GET", path, _empty(meta)) for path, meta in OTHERS.items()),
    )


def _empty(meta: Mapping[str, Any]) -> Handler:
    def sized(value: Any, size: int) -> Any:
        if isinstance(value, Mapping):
            return {name: sized(inner, size) for name, inner in value.items()}
        return size if value is SIZE else value

    def handler(request: Request) -> Response:
        page = NOTHING.page(request, [], dict)["meta"]["page"]  # also refuses what is not a size
        return ok({"data": [], "meta": sized(meta, page["size"])})

    return handler
