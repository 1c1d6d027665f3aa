"""The client of the classic Dev Portal's developer-facing API (Portal API v2).

Accounts, sessions, applications and registrations have the paths of v3. The differences: a new application's credentials
are nested, its client id is `reference_id`, `refresh-token` makes a new secret, and applications are registered for a
version of a product.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from dcrproof.core.http.exchange import Exchange
from dcrproof.core.http.segments import segment
from dcrproof.core.parties.portal import PortalClient


@dataclass(frozen=True, repr=False)
class ClassicPortalClient(PortalClient):
    API: ClassVar[str] = "/api/v2"
    RENEW: ClassVar[str] = "refresh-token"
    REGISTERED_FOR: ClassVar[str] = "product_version_id"

    def credentials(self, created: Mapping[str, Any]) -> Mapping[str, Any]:
        """The part of the answer to a new application that has its client id and secret."""
        found = created.get("credentials")
        return found if isinstance(found, dict) else {}

    def products(self) -> Exchange:
        return self.get("/products?page%5Bsize%5D=100")

    def versions(self, product_id: str) -> Exchange:
        """The published versions of a product, each with `registration_configs`."""
        return self.get(f"/products/{segment(product_id)}/versions?page%5Bsize%5D=100")
