"""The classic portal's state.

Rules
    application setup   one for the whole portal: identity provider, issuer URL, token, claims, scopes. Saving
                        overwrites what was there (the older how-to); applications that exist keep their clients
    token               one opaque value: the secret of the client that registers others. The form does not ask for that
                        client's id; how Konnect learns it is undocumented: here it is known from the start (inferred)
    identity provider   without one the developer brings the client's id (`reference_id`) and nothing is registered
    scopes              left empty they are the plugin's default, `openid` (the older how-to)
    application         name, redirect URI, description; its credentials are shown once
    registration        for a version of a product, which is linked to a gateway service

A portal of either generation has developers, applications and registrations, and the same driver speaks to the
authorization server. So this party uses mock Konnect's tables: a product is an API with one version, and the
application setup is one DCR provider and one strategy of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.konnect.objects import ApiVersion, Portal, Strategy
from dcrproof.mocks.konnect.problems import invalid
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.konnect.tables import Body, Tables, find

AUTH_METHODS = ("client_credentials", "bearer", "session")
"""The form offers none; that the credentials work as Basic is what the older how-to ends with, the rest is inferred."""


@dataclass(frozen=True)
class ApplicationSetup:
    """The tab "Application Setup". `provider` None: no external identity provider is selected."""

    issuer_url: str
    token: str = field(repr=False)
    provider: str | None = "Curity"
    claims: tuple[str, ...] = ("sub",)
    scopes: tuple[str, ...] = ()


class ClassicPortal(Konnect):
    """One portal of the classic generation, beside a Konnect whose control plane, tokens and driver it shares.

    registrar_id: the client whose secret the token of the application setup is.
    host: the portal's domain (host, or host:port).
    """

    def __init__(self, *, clock: Clock, seed: int, konnect: Konnect, host: str, registrar_id: str) -> None:
        super().__init__(
            clock=clock,
            seed=seed + 7919,
            token="",
            portal_host=lambda _: host,
            driver=konnect.driver,
            tables=Tables(
                control_planes=konnect.tables.control_planes, gateway_services=konnect.tables.gateway_services
            ),
            allow_members=allow_members,
        )
        self.organization_id = konnect.organization_id
        self.tokens = konnect.tokens
        self.registrar_id = registrar_id
        self.application_setup: ApplicationSetup | None = None
        self.portal_id = ""
        self.strategy_id = ""
        self._provider_id = ""

    # --- settings -------------------------------------------------------------------------------------------------

    def open(self, name: str) -> Portal:
        """Makes the portal: developers sign in, and they and their requests are approved automatically."""
        made = self.portals.create(
            {
                "name": name,
                "authentication_enabled": True,
                "auto_approve_developers": True,
                "auto_approve_applications": True,
                "default_api_visibility": "public",
            }
        )
        self.portal_id = made.id
        return made

    @property
    def portal(self) -> Portal:
        return self.tables.portals[self.portal_id]

    def save(self, setup: ApplicationSetup) -> None:
        """Settings > Application Setup > Save: overwrites what was there, the token too."""
        self.application_setup = setup
        self._provider_id = self._saved_provider(setup)
        config = {
            "issuer": setup.issuer_url,
            "credential_claim": list(setup.claims),
            "scopes": list(setup.scopes),
            "auth_methods": list(AUTH_METHODS),
        }
        body = {"configs": {"openid-connect": config}, "dcr_provider_id": self._provider_id if setup.provider else None}
        if self.strategy_id:
            self.auth.patch_strategy(self.strategy_id, body)
            return
        names = {"name": "application setup", "display_name": setup.provider or "OpenID Connect"}
        self.strategy_id = self.auth.create_strategy({**names, "strategy_type": "openid_connect", **body}).id
        self.portals.patch(self.portal_id, {"default_application_auth_strategy_id": self.strategy_id})

    def _saved_provider(self, setup: ApplicationSetup) -> str:
        config = {"initial_client_id": self.registrar_id, "initial_client_secret": setup.token}
        body = {"issuer": setup.issuer_url, "dcr_config": config}
        if self._provider_id:
            return self.auth.patch_provider(self._provider_id, body).id
        return self.auth.create_provider({"name": "application setup", "provider_type": "curity", **body}).id

    @property
    def strategy(self) -> Strategy:
        return find(self.tables.strategies, self.strategy_id)

    @property
    def dcr_provider_ids(self) -> list[str]:
        """The providers that new applications can be registered with (dev-portal v2, PortalContext)."""
        return [self._provider_id] if self.application_setup and self.application_setup.provider else []

    # --- products -------------------------------------------------------------------------------------------------

    def offer(self, name: str, version: str, control_plane_id: str, service_id: str) -> ApiVersion:
        """Publishes a product with one version, linked to a gateway service, with registration enabled."""
        product = self.catalog.create_api({"name": name})
        made = self.catalog.create_api_version(product.id, {"version": version, "spec": {}})
        self.catalog.create_implementation(
            product.id, {"service": {"control_plane_id": control_plane_id, "id": service_id}}
        )
        self.catalog.publish(
            product.id, self.portal_id, {"visibility": "public", "auth_strategy_ids": [self.strategy_id]}
        )
        return made

    def product_version(self, version_id: str) -> ApiVersion:
        """A published version. Raises Problem 404."""
        held = find(self.tables.api_versions, version_id)
        self.tables.publication(held.api_id, self.portal_id)
        return held

    def version_of(self, product_id: str) -> ApiVersion:
        return self.catalog.versions_of(product_id)[0]


def allow_members(credential_type: str, body: Body) -> None:
    """`reference_id` "cannot be set when using Dynamic Client Registration" (dev-portal v2)."""
    if body.get("client_id") is not None and credential_type == "client_credentials":
        raise invalid("reference_id", '"reference_id" cannot be set when using Dynamic Client Registration')
    if body.get("scopes"):
        raise invalid("scopes", '"scopes" are not managed by developers with this identity provider')


def members_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body of Portal API v2 under the names of the tables: `reference_id` is the client's id."""
    return {"client_id" if key == "reference_id" else key: value for key, value in body.items()}
