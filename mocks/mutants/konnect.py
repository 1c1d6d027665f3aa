"""Konnects that break one rule each, for the checks of the flow."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dcrproof.mocks.konnect.problems import conflict, forbidden
from dcrproof.mocks.messages import Call, Request, Response
from dcrproof.mocks.mutants.base import Mutant, answers, changed, entering, override, overriding

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {}
MUTANTS: Mapping[str, Mutant] = _mutants
_mutant = entering(_mutants)
_auth = overriding(_mutants, lambda world: [world.konnect.auth])
_catalog = overriding(_mutants, lambda world: [world.konnect.catalog])
_konnect = overriding(_mutants, lambda world: [world.konnect])
_portals = overriding(_mutants, lambda world: [world.konnect.portals])
_push = overriding(_mutants, lambda world: [world.konnect.push])


# The admin API


_konnect(
    "konnect.refuses-its-own-token",
    "Konnect accepts the token that it has issued.",
    turns_red=["konnect.authenticated"],
    admits=lambda _: False,
)


@_mutant("konnect.has-no-such-portal", turns_red=["portal.found"])
def _has_no_such_portal(world: "World") -> None:
    """The organisation has the portal that the profile names."""
    world.konnect.portals.patch(world.setup.portal_id, {"name": "another portal"})


@_mutant("konnect.has-no-such-api", turns_red=["api.found"])
def _has_no_such_api(world: "World") -> None:
    """The organisation has the API that the profile names."""
    world.konnect.catalog.patch_api(world.setup.api_id, {"name": "another API"})


@_mutant("konnect.has-no-such-strategy", turns_red=["strategy.found"])
def _has_no_such_strategy(world: "World") -> None:
    """The organisation has the auth strategy that the profile names."""
    world.konnect.auth.patch_strategy(world.setup.strategy_id, {"name": "another strategy"})


@_mutant("konnect.shows-provider-secrets", turns_red=["provider.secret-hidden", "provision.provider-secret"])
def _shows_provider_secrets(world: "World") -> None:
    """The secret of a DCR provider is write-only."""
    konnect, create = world.konnect, world.konnect.auth.create_provider

    def show(provider: Any) -> Any:
        shown = replace(provider, config={**provider.config, **provider.secrets})
        konnect.tables.providers[shown.id] = shown
        return shown

    show(konnect.tables.providers[world.setup.provider_id])
    override(konnect.auth, create_provider=lambda body: show(create(body)))


_auth(
    "konnect.calls-no-provider-active",
    "A provider is active while an active strategy uses it.",
    turns_red=["provider.active"],
    provider_is_active=lambda _: False,
)


_auth(
    "konnect.calls-every-provider-active",
    "A provider that no strategy uses is not active.",
    turns_red=["provision.provider-idle"],
    provider_is_active=lambda _: True,
)


_auth(
    "konnect.calls-no-strategy-active",
    "A strategy is active while a publication uses it.",
    turns_red=["strategy.active"],
    strategy_is_active=lambda _: False,
)


@_mutant("konnect.takes-passwords", turns_red=["strategy.no-password"])
def _takes_passwords(world: "World") -> None:
    """The strategy does not list `password` beside client credentials."""
    methods = ["client_credentials", "bearer", "session", "password"]
    world.konnect.auth.patch_strategy(
        world.setup.strategy_id, {"configs": {"openid-connect": {"auth_methods": methods}}}
    )


@_mutant("konnect.cannot-push", turns_red=["api.synced"])
def _cannot_push(world: "World") -> None:
    """Konnect pushes the strategy to the control plane."""
    never = {"configs": {"openid-connect": {"timeout": "soon"}}}
    world.konnect.auth.patch_strategy(world.setup.strategy_id, never)


@_mutant("konnect.forgets-the-plugin", turns_red=["api.plugin"])
def _forgets_the_plugin(world: "World") -> None:
    """Konnect keeps its plugin on a linked service whose API has a strategy."""

    def change(request: Request, response: Response) -> Response:
        return changed(response, lambda _: {"data": []}) if request.path.endswith("/plugins") else response

    answers(world, "konnect", change)


@_mutant("konnect.sees-no-node", turns_red=["nodes.connected"])
def _sees_no_node(world: "World") -> None:
    """A connected data plane is listed."""
    world.konnect.push.nodes = list


def _forbid(*_: object) -> None:
    raise forbidden("The role for this is missing")


_auth(
    "konnect.makes-no-provider",
    "A token with the role may create a DCR provider.",
    turns_red=["provision.provider"],
    create_provider=_forbid,
)


@_mutant("konnect.forgets-the-provider-of-a-strategy", turns_red=["provision.strategy"])
def _forgets_the_provider_of_a_strategy(world: "World") -> None:
    """A new strategy has the DCR provider that it names."""
    create = world.konnect.auth.create_strategy
    override(world.konnect.auth, create_strategy=lambda body: create({**body, "dcr_provider_id": None}))


_portals(
    "konnect.makes-no-portal",
    "A token with the role may create a portal.",
    turns_red=["provision.portal"],
    create=_forbid,
)


_catalog(
    "konnect.makes-no-version",
    "An API can be given a version.",
    turns_red=["provision.api"],
    create_api_version=_forbid,
)


@_mutant("konnect.links-nothing", turns_red=["provision.implementation"])
def _links_nothing(world: "World") -> None:
    """An API can be linked to a gateway service that no other API is linked to."""

    def refuse(*_: object) -> None:
        raise conflict("This gateway service is already linked to another API")

    override(world.konnect.catalog, create_implementation=refuse)


_catalog(
    "konnect.publishes-nothing",
    "A token with the role may publish an API.",
    turns_red=["provision.publication"],
    publish=_forbid,
)


@_mutant("konnect.ignores-unknown-properties", turns_red=["provision.unknown-property"])
def _ignores_unknown_properties(world: "World") -> None:
    """An unknown property is rejected."""
    patch, known = world.konnect.auth.patch_provider, {"name", "display_name", "issuer", "dcr_config", "labels"}
    override(
        world.konnect.auth,
        patch_provider=lambda id_, body: patch(id_, {name: body[name] for name in body if name in known}),
    )


@_mutant("konnect.shows-admins-another-client-id", turns_red=["application.admin-view"])
def _shows_admins_another_client_id(world: "World") -> None:
    """Admins see the client id that the developer was shown."""

    def change(request: Request, response: Response) -> Response:
        if request.method != "GET" or not request.path.startswith("/v3/applications/"):
            return response
        return changed(response, lambda content: {**content, "client_id": content["id"]})

    answers(world, "konnect", change)


# The DCR driver


@_mutant("konnect.registers-every-client-twice", turns_red=["client.registered-by-konnect"])
def _registers_every_client_twice(world: "World") -> None:
    """An application has one client."""
    create = world.konnect.driver.create

    def twice(provider: Any, metadata: Any) -> Generator[Call, Any, Any]:
        yield from create(provider, metadata)
        return (yield from create(provider, metadata))

    override(world.konnect.driver, create=twice)


@_mutant("konnect.keeps-nothing-to-manage-clients", turns_red=["life.secret.regenerated"])
def _keeps_nothing_to_manage_clients(world: "World") -> None:
    """Konnect can give the client of an application a new secret."""
    driver = world.konnect.driver
    driver.switches = replace(driver.switches, management="nothing")


@_mutant("konnect.renames-clients", turns_red=["life.rename.keeps-secret"])
def _renames_clients(world: "World") -> None:
    """A rename does not touch the client, whose secret Curity would rotate."""
    driver = world.konnect.driver
    driver.switches = replace(driver.switches, rename_updates_client=True)


@_mutant("konnect.leaves-clients-behind", turns_red=["life.deleted.client"])
def _leaves_clients_behind(world: "World") -> None:
    """Deleting an application deletes its client."""

    def leave(*_: object) -> Generator[Call, Any, None]:
        yield from ()

    override(world.konnect.driver, delete=leave)


@_mutant("konnect.deletes-clients-of-revoked-registrations", turns_red=["life.revoked.client"])
def _deletes_clients_of_revoked_registrations(world: "World") -> None:
    """Revoking a registration does not delete the client."""
    konnect, patch = world.konnect, world.konnect.registrations.patch

    def delete(*arguments: Any) -> Any:
        changed = patch(*arguments)
        application = konnect.tables.applications[changed.application_id]
        if changed.status == "revoked" and application.client_id and application.client_registration:
            world.curity.delete(application.client_id, application.client_registration.access_token)
        return changed

    override(konnect.registrations, patch=delete)


_push(
    "konnect.pushes-pending-registrations",
    "Only an approved registration gives access.",
    turns_red=["route.pending"],
    lets_through=lambda registration: registration.status in {"approved", "pending"},
)


@_mutant("konnect.revokes-for-ever", turns_red=["life.approved-again"])
def _revokes_for_ever(world: "World") -> None:
    """A registration that is approved again gives access."""
    revoked: set[str] = set()

    def lets_through(registration: Any) -> bool:
        if registration.status == "revoked":
            revoked.add(registration.id)
        return registration.status == "approved" and registration.id not in revoked

    override(world.konnect.push, lets_through=lets_through)
