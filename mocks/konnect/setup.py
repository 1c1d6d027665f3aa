"""The objects of the how-to and its prerequisites, made with the bodies that the user interface sends.

Each step is undone by an ordinary call on these objects, for instance `delete_implementation`, `patch_strategy`,
`patch_provider`, `publish` with other members, `unpublish`, `patch_portal`, `patch_developer`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from dcrproof.mocks.konnect.state import Konnect

FREE_SERVICE = "orders"
"""A gateway service, with a route of its name, that no API is linked to: for a run that does the how-to again."""

SPECIFICATION = '{"openapi":"3.0.3","info":{"title":"%s","version":"%s"},"paths":{}}'


@dataclass(frozen=True)
class Setup:
    """The ids of what `how_to_setup` made; `portal_domain` is the portal's canonical domain."""

    control_plane_id: str
    service_id: str
    route_id: str
    provider_id: str
    strategy_id: str
    portal_id: str
    portal_domain: str
    page_id: str
    api_id: str
    api_version_id: str
    implementation_id: str
    developer_id: str


NOTHING = Setup("", "", "", "", "", "", "", "", "", "", "", "")
"""Of an organisation in which nothing was made."""


def how_to_setup(
    konnect: Konnect,
    *,
    issuer: str,
    registrar_id: str,
    registrar_secret: str,
    upstream_url: str,
    developer: tuple[str, str],
    route_path: str = "/accounts",
    api: tuple[str, str] = ("accounts", "1.0.0"),
    scopes: Iterable[str] = (),
    claim: str = "sub",
) -> Setup:
    """Does everything that comes before the first application.

    issuer: the URL of the discovery document, which provider and strategy both hold.
    developer: e-mail and password of one approved developer.
    api: name and version.
    """
    name, version = api
    control_plane = konnect.control_planes.create({"name": "default"})
    service = konnect.entities.create_gateway_service(control_plane.id, name, upstream_url)
    route = konnect.entities.create_gateway_route(service.id, name, (route_path,))
    free = konnect.entities.create_gateway_service(control_plane.id, FREE_SERVICE, upstream_url)
    konnect.entities.create_gateway_route(free.id, FREE_SERVICE, (f"/{FREE_SERVICE}",))

    provider = konnect.auth.create_provider(
        {
            "name": "Curity",
            "display_name": "Curity",
            "provider_type": "curity",
            "issuer": issuer,
            "dcr_config": {"initial_client_id": registrar_id, "initial_client_secret": registrar_secret},
        }
    )
    strategy = konnect.auth.create_strategy(
        {
            "name": "curity-dcr",
            "display_name": "Curity",
            "strategy_type": "openid_connect",
            "configs": {
                "openid-connect": {
                    "issuer": issuer,
                    "credential_claim": [claim],
                    "scopes": list(scopes),
                    "auth_methods": ["client_credentials", "bearer", "session"],
                }
            },
            "dcr_provider_id": provider.id,
        }
    )
    portal = konnect.portals.create(
        {
            "name": "developers",
            "display_name": "Developers",
            "authentication_enabled": True,
            "auto_approve_developers": True,
            "auto_approve_applications": True,
            "default_api_visibility": "public",
            "default_page_visibility": "public",
            "default_application_auth_strategy_id": None,  # the how-to makes the portal before the strategy
        }
    )
    page = konnect.pages.create(
        portal.id,
        {"title": "Home", "slug": "/", "visibility": "public", "status": "published", "content": "# Welcome"},
    )
    made = konnect.catalog.create_api({"name": name, "version": version})
    specification = {"spec": {"content": SPECIFICATION % (name, version)}}
    api_version = konnect.catalog.create_api_version(made.id, specification)
    link = {"service": {"control_plane_id": control_plane.id, "id": service.id}}
    implementation = konnect.catalog.create_implementation(made.id, link)
    konnect.catalog.publish(made.id, portal.id, {"visibility": "public", "auth_strategy_ids": [strategy.id]})

    email, password = developer
    person = konnect.developers.create(portal.id, {"email": email, "full_name": "Test Developer"})
    konnect.accounts.set_password(person.id, password)
    return Setup(
        control_plane.id,
        service.id,
        route.id,
        provider.id,
        strategy.id,
        portal.id,
        portal.canonical_domain,
        page.id,
        made.id,
        api_version.id,
        implementation.id,
        person.id,
    )
