"""The setup steps in Konnect: each an ordinary change of the objects of the how-to, and one that undoes it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dcrproof.mocks.classic_portal import admin as classic_admin
from dcrproof.mocks.classic_portal.state import ClassicPortal
from dcrproof.mocks.konnect.admin import KonnectHttp
from dcrproof.mocks.konnect.roles import EVERY_ROLE
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.steps.base import LEFT_UNDONE, Act, Acts, Variant

if TYPE_CHECKING:
    from dcrproof.mocks.world import World


def _portal(**members: Any) -> Act:
    return lambda world: _ignore(world.konnect.portals.patch(world.setup.portal_id, members))


def _provider(**members: Any) -> Act:
    return lambda world: _ignore(world.konnect.auth.patch_provider(world.setup.provider_id, members))


def _provider_issuer(issuer: Callable[[str], str]) -> Act:
    return lambda world: _provider(issuer=issuer(world.discovery_url))(world)


def _strategy(**members: Any) -> Act:
    """Changes what reaches the gateway's plugin."""
    return lambda world: _ignore(
        world.konnect.auth.patch_strategy(world.setup.strategy_id, {"configs": {"openid-connect": members}})
    )


def _strategy_without(*members: str) -> Act:
    """The strategy saved again without these members of its advanced configuration."""

    def act(world: "World") -> None:
        held = world.konnect.tables.strategies[world.setup.strategy_id]
        config = {name: value for name, value in held.config.items() if name not in members}
        body = {
            "name": held.name,
            "display_name": held.display_name,
            "strategy_type": held.strategy_type,
            "configs": {"openid-connect": config},
            "dcr_provider_id": held.dcr_provider_id,
        }
        world.konnect.auth.replace_strategy(held.id, body)

    return act


def _strategy_issuer(issuer: Callable[[str], str]) -> Act:
    return lambda world: _strategy(issuer=issuer(world.discovery_url))(world)


def _publish(*, with_strategy: bool) -> Act:
    def act(world: "World") -> None:
        ids = [world.setup.strategy_id] if with_strategy else None
        body = {"visibility": "public", "auth_strategy_ids": ids}
        world.konnect.catalog.publish(world.setup.api_id, world.setup.portal_id, body)

    return act


def _unpublish(world: "World") -> None:
    world.konnect.catalog.unpublish(world.setup.api_id, world.setup.portal_id)


def _unlink(world: "World") -> None:
    world.konnect.catalog.delete_implementation(world.setup.api_id, world.setup.implementation_id)


def _link_to_another_service(world: "World") -> None:
    """A service of the same upstream with another route: the route that callers use belongs to the first one."""
    _unlink(world)
    _link_to_a_new_one(world, world.setup.control_plane_id, f"/{ANOTHER}")


def _link_to_another_control_plane(world: "World") -> None:
    """A service of another environment, with the same route and without data planes."""
    _unlink(world)
    _link_to_a_new_one(world, world.konnect.control_planes.create({"name": ANOTHER}).id, world.ROUTE)


def _link_to_a_new_one(world: "World", control_plane_id: str, path: str) -> None:
    konnect = world.konnect
    service = konnect.entities.create_gateway_service(control_plane_id, ANOTHER, world.start.addresses["upstream"])
    konnect.entities.create_gateway_route(service.id, ANOTHER, (path,))
    _link_to(world, {"service": {"control_plane_id": control_plane_id, "id": service.id}})


def _link_to_the_control_plane(world: "World") -> None:
    """There Konnect expects the plugin `ace` (konnect docs, kaa-vs-ace), which is not installed."""
    _unlink(world)
    _link_to(world, {"control_plane": {"control_plane_id": world.setup.control_plane_id}})


def _link_as_the_how_to_needs_it(world: "World") -> None:
    konnect = world.konnect
    if world.setup.implementation_id in konnect.tables.implementations:
        _unlink(world)
    for service in [one for one in konnect.tables.gateway_services.values() if one.name == ANOTHER]:
        for route in [one for one in konnect.tables.gateway_routes.values() if one.service_id == service.id]:
            konnect.entities.delete_gateway_route(service.control_plane_id, route.id)
        konnect.entities.delete_gateway_service(service.control_plane_id, service.id)
        if service.control_plane_id != world.setup.control_plane_id:
            del konnect.tables.control_planes[service.control_plane_id]
    own = {"control_plane_id": world.setup.control_plane_id, "id": world.setup.service_id}
    _link_to(world, {"service": own})


def _link_to(world: "World", link: Mapping[str, Any]) -> None:
    made = world.konnect.catalog.create_implementation(world.setup.api_id, link)
    world.setup = replace(world.setup, implementation_id=made.id)


ANOTHER = "accounts-test"
"""The gateway service, and the control plane, that is linked by mistake."""


def _developer(status: str) -> Act:
    """The developer has an account at the portal of either generation."""

    def act(world: "World") -> None:
        body = {"status": status}
        world.konnect.developers.patch(world.setup.portal_id, world.setup.developer_id, body)
        classic = world.classic_setup
        world.classic_portal.developers.patch(classic.portal_id, classic.developer_id, body)

    return act


def _approves_applications(approves: bool) -> Act:
    """The setting of both portals."""

    def act(world: "World") -> None:
        _portal(auto_approve_applications=approves)(world)
        world.classic_portal.portals.patch(world.classic_setup.portal_id, {"auto_approve_applications": approves})

    return act


def _other_provider_type(world: "World") -> None:
    """The provider has another type, under the name that the provider of the setup should have."""
    world.konnect.auth.patch_provider(world.setup.provider_id, {"name": "Curity, of type Curity"})
    provider = world.konnect.auth.create_provider(
        {
            "name": "Curity",
            "provider_type": "okta",
            "issuer": world.discovery_url,
            "dcr_config": {"dcr_token": "a token of another type of provider"},
        }
    )
    world.konnect.auth.patch_strategy(world.setup.strategy_id, {"dcr_provider_id": provider.id})


def _no_other_provider_type(world: "World") -> None:
    _own_provider(world)
    for provider in list(world.konnect.tables.providers.values()):
        if provider.name == "Curity":
            world.konnect.auth.delete_provider(provider.id)
    world.konnect.auth.patch_provider(world.setup.provider_id, {"name": "Curity"})


def _own_provider(world: "World") -> None:
    world.konnect.auth.patch_strategy(world.setup.strategy_id, {"dcr_provider_id": world.setup.provider_id})


def _no_provider(world: "World") -> None:
    world.konnect.auth.patch_strategy(world.setup.strategy_id, {"dcr_provider_id": None})


def _key_auth(world: "World") -> None:
    """The strategy is of type key_auth, under the name that the strategy of the setup should have."""
    world.konnect.auth.patch_strategy(world.setup.strategy_id, {"name": "curity-dcr, of type DCR"})
    body = {
        "name": "curity-dcr",
        "display_name": "Curity",
        "strategy_type": "key_auth",
        "configs": {"key-auth": {"key_names": ["apikey"]}},
    }
    keys = world.konnect.auth.create_strategy(body)
    world.konnect.catalog.publish(
        world.setup.api_id, world.setup.portal_id, {"visibility": "public", "auth_strategy_ids": [keys.id]}
    )


def _no_key_auth(world: "World") -> None:
    _publish(with_strategy=True)(world)
    for strategy in list(world.konnect.tables.strategies.values()):
        if strategy.name == "curity-dcr":
            world.konnect.auth.delete_strategy(strategy.id)
    world.konnect.auth.patch_strategy(world.setup.strategy_id, {"name": "curity-dcr"})


def _another_strategy(world: "World") -> None:
    """The publication has a strategy that is not part of the setup."""
    config = {
        "issuer": world.discovery_url,
        "credential_claim": ["sub"],
        "scopes": [],
        "auth_methods": ["client_credentials", "bearer", "session"],
    }
    another = world.konnect.auth.create_strategy(
        {
            "name": "another strategy",
            "display_name": "Another strategy",
            "strategy_type": "openid_connect",
            "configs": {"openid-connect": config},
            "dcr_provider_id": world.setup.provider_id,
        }
    )
    world.konnect.catalog.publish(
        world.setup.api_id, world.setup.portal_id, {"visibility": "public", "auth_strategy_ids": [another.id]}
    )


def _own_strategy(world: "World") -> None:
    _publish(with_strategy=True)(world)
    for strategy in list(world.konnect.tables.strategies.values()):
        if strategy.name == "another strategy":
            world.konnect.auth.delete_strategy(strategy.id)


def _without_role(*role: str) -> Act:
    def act(world: "World") -> None:
        kind, name = role
        token = world.konnect.tokens[0]
        held = EVERY_ROLE if token.roles is None else token.roles
        world.konnect.tokens[0] = replace(token, roles=held - {(kind, name)})

    return act


def _with_role(*role: str) -> Act:
    def act(world: "World") -> None:
        kind, name = role
        token = world.konnect.tokens[0]
        held = (token.roles or frozenset()) | {(kind, name)}
        world.konnect.tokens[0] = replace(token, roles=None if held == EVERY_ROLE else held)

    return act


def _role(kind: str, name: str, turns_red: Sequence[str] = ()) -> Acts:
    return Acts({LEFT_UNDONE: Variant(_without_role(kind, name), turns_red)}, _with_role(kind, name))


def _other_region(world: "World") -> None:
    """The admin API of another region: it accepts the same token, and has none of the objects (inferred)."""
    elsewhere = Konnect(
        clock=world.clock, seed=world.start.seed + 1, token=world.credentials.konnect_token, portal_host=lambda _: ""
    )
    elsewhere.tokens = world.konnect.tokens
    classic = ClassicPortal(
        clock=world.clock, seed=world.start.seed + 1, konnect=elsewhere, host="", registrar_id=world.registrar[0]
    )
    world.handlers["konnect"] = KonnectHttp(elsewhere, classic_admin.routes(classic)).handle


def _own_region(world: "World") -> None:
    world.handlers["konnect"] = KonnectHttp(world.konnect, classic_admin.routes(world.classic_portal)).handle


def _ignore(result: object) -> None:
    """Discards the result of a call."""


ACTS: Mapping[str, Acts] = {
    "konnect.account.region": Acts({LEFT_UNDONE: Variant(_other_region, turns_red=["konnect.region"])}, _own_region),
    "konnect.role.portal-creator": _role("Portals", "Creator"),
    "konnect.role.api-creator": _role("APIs", "Creator"),
    "konnect.role.dcr-provider-creator": _role("DCR Providers", "Creator"),
    "konnect.role.auth-strategy-creator": _role("Application Auth Strategies", "Creator"),
    "konnect.role.api-publisher": _role("APIs", "Publisher"),
    "konnect.role.api-registration-approver": _role("APIs", "Registration Approver", turns_red=["application.decided"]),
    "konnect.portal.user-authentication": Acts(
        {LEFT_UNDONE: Variant(_portal(authentication_enabled=False), turns_red=["portal.open"])},
        _portal(authentication_enabled=True),
    ),
    "konnect.developer.approved": Acts(
        {
            LEFT_UNDONE: Variant(_developer("pending"), turns_red=["developer.signs-in"]),
            "rejected": Variant(_developer("rejected")),
        },
        _developer("approved"),
    ),
    "konnect.provider.issuer": Acts(
        {
            LEFT_UNDONE: Variant(
                _provider_issuer(lambda url: url.rpartition("/.well-known")[0]), turns_red=["provider.issuer"]
            ),
            "other-path": Variant(_provider_issuer(lambda url: url.replace("oauth-anonymous", "oauth-token"))),
            "domain-alone": Variant(_provider_issuer(lambda url: url.partition("/oauth/")[0])),
        },
        _provider_issuer(lambda url: url),
    ),
    "konnect.provider.type": Acts(
        {LEFT_UNDONE: Variant(_other_provider_type, turns_red=["provider.type"])}, _no_other_provider_type
    ),
    "konnect.provider.initial-client-id": Acts(
        {
            LEFT_UNDONE: Variant(
                _provider(dcr_config={"initial_client_id": "another-client"}), turns_red=["provider.registrar-id"]
            )
        },
        lambda world: _provider(dcr_config={"initial_client_id": world.registrar[0]})(world),
    ),
    "konnect.provider.initial-client-secret": Acts(
        {
            LEFT_UNDONE: Variant(
                _provider(dcr_config={"initial_client_secret": "mistyped in the form"}), turns_red=["provider.verified"]
            )
        },
        lambda world: _provider(dcr_config={"initial_client_secret": world.registrar[1]})(world),
    ),
    "konnect.strategy.auth-type": Acts(
        {LEFT_UNDONE: Variant(_key_auth, turns_red=["strategy.openid-connect"])}, _no_key_auth
    ),
    "konnect.strategy.dcr-provider": Acts(
        {LEFT_UNDONE: Variant(_no_provider, turns_red=["strategy.dcr-provider"])}, _own_provider
    ),
    "konnect.strategy.issuer": Acts(
        {
            LEFT_UNDONE: Variant(
                _strategy_issuer(lambda url: url.replace("oauth-anonymous", "oauth-token")),
                turns_red=["strategy.issuer"],
            ),
            "domain-alone": Variant(_strategy_issuer(lambda url: url.partition("/oauth/")[0])),
        },
        _strategy_issuer(lambda url: url),
    ),
    "konnect.strategy.claim": Acts(
        {
            LEFT_UNDONE: Variant(_strategy(credential_claim=[]), turns_red=["strategy.claim"]),
            "client_id": Variant(_strategy(credential_claim=["client_id"])),
            "azp": Variant(_strategy(credential_claim=["azp"])),
        },
        _strategy(credential_claim=["sub"]),
    ),
    "konnect.strategy.scopes": Acts(
        {
            LEFT_UNDONE: Variant(_strategy(scopes=["accounts:write"]), turns_red=["strategy.scopes"]),
            "dcr": Variant(_strategy(scopes=["dcr"])),
        },
        _strategy(scopes=[]),
    ),
    "konnect.strategy.auth-methods": Acts(
        {
            LEFT_UNDONE: Variant(_strategy(auth_methods=["bearer", "session"]), turns_red=["strategy.auth-methods"]),
            "no-bearer": Variant(_strategy(auth_methods=["client_credentials", "session"])),
            "no-session": Variant(_strategy(auth_methods=["client_credentials", "bearer"])),
            "password": Variant(_strategy(auth_methods=["password", "client_credentials", "bearer", "session"])),
        },
        _strategy(auth_methods=["client_credentials", "bearer", "session"]),
    ),
    "konnect.strategy.hide-credentials": Acts(
        {LEFT_UNDONE: Variant(_strategy(hide_credentials=False), turns_red=["strategy.hide-credentials"])},
        _strategy_without("hide_credentials"),
    ),
    "konnect.strategy.requirements": Acts(
        {
            LEFT_UNDONE: Variant(
                _strategy(audience_required=["https://accounts.example.com"]), turns_red=["strategy.requirements"]
            ),
            "scopes": Variant(_strategy(scopes_required=["accounts:read"])),
        },
        _strategy_without("audience_required", "scopes_required"),
    ),
    "konnect.publication.api": Acts(
        {LEFT_UNDONE: Variant(_unpublish, turns_red=["api.published"])}, _publish(with_strategy=True)
    ),
    "konnect.publication.strategy": Acts(
        {
            LEFT_UNDONE: Variant(_publish(with_strategy=False), turns_red=["api.strategy"]),
            "another": Variant(_another_strategy),
        },
        _own_strategy,
    ),
    "konnect.implementation.linked": Acts(
        {
            LEFT_UNDONE: Variant(_unlink, turns_red=["api.linked-to-gateway"]),
            "another-service": Variant(_link_to_another_service, turns_red=["api.linked-to-route"]),
            "another-control-plane": Variant(_link_to_another_control_plane),
            "control-plane": Variant(_link_to_the_control_plane),
        },
        _link_as_the_how_to_needs_it,
    ),
    "konnect.registration.approved": Acts(
        {LEFT_UNDONE: Variant(_approves_applications(False), turns_red=["application.approved"])},
        _approves_applications(True),
    ),
}
