"""Konnects that break one rule each, for the checks of them in detail."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dcrproof.mocks.konnect.driver import ProviderFailed, RegisteredClient
from dcrproof.mocks.konnect.tables import find
from dcrproof.mocks.messages import Call, NoAnswer, Request, Response
from dcrproof.mocks.mutants.base import (
    Mutant,
    answers,
    asked_otherwise,
    changed,
    entering,
    override,
    overriding,
    plain_errors,
)

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {}
MUTANTS: Mapping[str, Mutant] = _mutants
_mutant = entering(_mutants)
_auth = overriding(_mutants, lambda world: [world.konnect.auth])
_konnect = overriding(_mutants, lambda world: [world.konnect])
_portals = overriding(_mutants, lambda world: [world.konnect.portals])

# The admin API


_konnect(
    "konnect.admits-any-token",
    "Konnect accepts only tokens that it has issued.",
    turns_red=["admin.wrong-token"],
    admits=lambda _: True,
)


@_mutant("konnect.answers-errors-in-plain-json", turns_red=["admin.problem-form"])
def _answers_errors_in_plain_json(world: "World") -> None:
    """An error is application/problem+json."""
    plain_errors(world, "konnect")


@_mutant("konnect.ignores-unknown-filters", turns_red=["admin.unknown-filter"])
def _ignores_unknown_filters(world: "World") -> None:
    """An unknown filter is rejected."""
    asked_otherwise(world, "konnect", "no_such_field", "")


@_mutant("konnect.takes-any-page", turns_red=["admin.bad-page"])
def _takes_any_page(world: "World") -> None:
    """A page must be a number."""
    asked_otherwise(world, "konnect", "second", "")


@_mutant("konnect.replaces-all-labels", turns_red=["admin.labels"])
def _replaces_all_labels(world: "World") -> None:
    """An update of labels keeps the labels that it does not name."""
    konnect, patch = world.konnect, world.konnect.auth.patch_provider

    def replacing(provider_id: str, body: Any) -> Any:
        if "labels" in body:
            held = find(konnect.tables.providers, provider_id)
            konnect.tables.providers[held.id] = replace(held, labels={})
        return patch(provider_id, body)

    override(konnect.auth, patch_provider=replacing)


@_mutant("konnect.answers-a-replaced-strategy-with-200", turns_red=["admin.strategy-replaced"])
def _answers_a_replaced_strategy_with_200(world: "World") -> None:
    """Replacing a strategy is answered with 201."""

    def change(request: Request, response: Response) -> Response:
        return replace(response, status=200) if (request.method, response.status) == ("PUT", 201) else response

    answers(world, "konnect", change)


@_mutant("konnect.ignores-another-strategy-type", turns_red=["admin.strategy-type"])
def _ignores_another_strategy_type(world: "World") -> None:
    """The type of a strategy cannot be changed."""
    patch = world.konnect.auth.patch_strategy
    override(
        world.konnect.auth,
        patch_strategy=lambda id_, body: patch(id_, {key: body[key] for key in body if key != "strategy_type"}),
    )


@_mutant("konnect.offers-several-credentials", turns_red=["admin.several-credentials"])
def _offers_several_credentials(world: "World") -> None:
    """Curity is none of the providers that support several credentials."""

    def offer(response: Response) -> Response:
        several = {"supports_multiple_credentials": True}
        return changed(response, lambda content: {**content, **several} if "configs" in content else content)

    _answers_otherwise(world, "konnect", "/application-auth-strategies/", offer)


_auth(
    "konnect.deletes-strategies-in-use",
    "A strategy that is in use cannot be deleted.",
    turns_red=["admin.strategy-in-use"],
    strategy_is_in_use=lambda _: False,
)


_auth(
    "konnect.refuses-to-see-providers-in-use",
    "A provider that a strategy uses cannot be deleted (inferred).",
    turns_red=["admin.provider-in-use"],
    provider_is_in_use=lambda _: False,
)


@_mutant("konnect.shows-secrets-to-admins", turns_red=["admin.application"])
def _shows_secrets_to_admins(world: "World") -> None:
    """An admin is not shown the secret of an application."""

    def change(request: Request, response: Response) -> Response:
        if request.method != "GET" or not request.path.startswith("/v3/applications/"):
            return response
        return changed(response, lambda content: {**content, "client_secret": "a secret that was kept"})

    answers(world, "konnect", change)


@_mutant("konnect.lets-admins-choose-client-ids", turns_red=["admin.client-id"])
def _lets_admins_choose_client_ids(world: "World") -> None:
    """With DCR the authorization server chooses the client id."""
    create = world.konnect.applications.create_as_admin

    def choose(portal_id: str, body: Any) -> Generator[Call, Any, Any]:
        return (yield from create(portal_id, {key: body[key] for key in body if key != "client_id"}))

    override(world.konnect.applications, create_as_admin=choose)


@_mutant("konnect.keeps-the-owner", turns_red=["admin.handed-over"])
def _keeps_the_owner(world: "World") -> None:
    """An admin can change the owner of an application."""
    applications = world.konnect.applications
    override(applications, hand_over=lambda portal_id, application_id, _: applications.get(portal_id, application_id))


@_mutant("konnect.keeps-applications-of-deleted-developers", turns_red=["admin.developer-deleted"])
def _keeps_applications_of_deleted_developers(world: "World") -> None:
    """Deleting a developer deletes their applications."""
    konnect = world.konnect

    def delete(_: str, developer_id: str) -> Generator[Call, Any, None]:
        yield from ()
        held = konnect.tables.developers[developer_id]
        konnect.tables.developers[developer_id] = replace(held, status="rejected")

    override(konnect.developers, delete=delete)


@_mutant("konnect.tells-of-no-failed-push", turns_red=["plugin.invalid-setting"])
def _tells_of_no_failed_push(world: "World") -> None:
    """The implementation says why the plugin could not be pushed."""

    def silent(_: Request, response: Response) -> Response:
        if b'"auth_strategy_sync_error":{' not in response.body:
            return response
        return changed(
            response, lambda content: {**content, "service": {**content["service"], "auth_strategy_sync_error": None}}
        )

    answers(world, "konnect", silent)


# Providers of type http


def _made_up(*_: Any) -> Generator[Call, Response | NoAnswer, RegisteredClient]:
    """A client that the bridge does not have."""
    yield from ()
    return RegisteredClient("made up by Konnect", "a secret that nobody has", None)


@_mutant("konnect.goes-on-without-its-bridge", turns_red=["bridge.halted"])
def _goes_on_without_its_bridge(world: "World") -> None:
    """An application is not created when the bridge fails."""
    create = world.konnect.bridges.create

    def go_on(provider: Any, payload: Any) -> Generator[Call, Response | NoAnswer, RegisteredClient]:
        try:
            return (yield from create(provider, payload))
        except ProviderFailed:
            return (yield from _made_up())

    override(world.konnect.bridges, create=go_on)


@_mutant("konnect.asks-no-bridge-for-clients", turns_red=["bridge.client"])
def _asks_no_bridge_for_clients(world: "World") -> None:
    """The bridge creates the client."""
    override(world.konnect.bridges, create=_made_up)


@_mutant("konnect.tells-no-bridge", turns_red=["bridge.hooks"])
def _tells_no_bridge(world: "World") -> None:
    """Event hooks notify the bridge of changes."""
    override(world.konnect.bridges, sends_hooks=lambda _: False)


@_mutant("konnect.renews-secrets-that-it-may-not", turns_red=["bridge.new-secret"])
def _renews_secrets_that_it_may_not(world: "World") -> None:
    """With disable_refresh_secret no secret is renewed."""
    override(world.konnect.bridges, renews_secrets=lambda _: True)


@_mutant("konnect.deletes-nothing-at-the-bridge", turns_red=["bridge.deleted"])
def _deletes_nothing_at_the_bridge(world: "World") -> None:
    """Deleting an application deletes its client at the bridge."""

    def nothing(*_: Any) -> Generator[Call, Response | NoAnswer, None]:
        yield from ()

    override(world.konnect.bridges, delete=nothing)


@_mutant("konnect.never-takes-a-strategy-away", turns_red=["second-api.without-strategy"])
def _never_takes_a_strategy_away(world: "World") -> None:
    """An API that is published without a strategy is open."""
    own, last = world.konnect.push.enforced_strategy, dict[str, str]()

    def enforced(api_id: str) -> str | None:
        if found := own(api_id):
            last[api_id] = found
        return found or last.get(api_id)

    override(world.konnect.push, enforced_strategy=enforced)


# Lists, changes, registrations by admins


def _answers_otherwise(world: "World", port: str, sign: str, change: Callable[[Response], Response]) -> None:
    """Changes what a port answers at paths that have this in them."""
    answers(world, port, lambda request, response: change(response) if sign in request.path else response)


@_mutant("konnect.sorts-nothing", turns_red=["admin.sorted"])
def _sorts_nothing(world: "World") -> None:
    """A list is sorted as the query asks."""
    asked_otherwise(world, "konnect", "created_at%20desc", "")
    asked_otherwise(world, "konnect", "created_at+desc", "page%5Bsize%5D=100")


@_mutant("konnect.sorts-by-anything", turns_red=["admin.unknown-sort"])
def _sorts_by_anything(world: "World") -> None:
    """Sorting by an unknown attribute is rejected."""
    asked_otherwise(world, "konnect", "no_such_attribute", "")


@_mutant("konnect.forgets-what-a-change-leaves-out", turns_red=["admin.provider-changed"])
def _forgets_what_a_change_leaves_out(world: "World") -> None:
    """A change keeps the members that it does not name."""
    konnect, patch = world.konnect, world.konnect.auth.patch_provider

    def forget(provider_id: str, body: Any) -> Any:
        changed_one = replace(patch(provider_id, body), config={})
        konnect.tables.providers[changed_one.id] = changed_one
        return changed_one

    override(konnect.auth, patch_provider=forget)


@_mutant("konnect.ignores-another-provider-type", turns_red=["admin.provider-type"])
def _ignores_another_provider_type(world: "World") -> None:
    """Changing a read-only property is rejected."""
    patch = world.konnect.auth.patch_provider
    override(
        world.konnect.auth,
        patch_provider=lambda id_, body: patch(id_, {name: body[name] for name in body if name != "provider_type"}),
    )


@_mutant("konnect.links-again", turns_red=["admin.linked-twice"])
def _links_again(world: "World") -> None:
    """An API can be linked only once."""
    konnect, link = world.konnect, world.konnect.catalog.create_implementation

    def again(api_id: str, body: Any) -> Any:
        held = next((one for one in konnect.tables.implementations.values() if one.api_id == api_id), None)
        return held or link(api_id, body)

    override(konnect.catalog, create_implementation=again)


@_mutant("konnect.links-to-anything", turns_red=["admin.unknown-link"])
def _links_to_anything(world: "World") -> None:
    """A control plane that is linked exists."""
    konnect, link = world.konnect, world.konnect.catalog.create_implementation

    def anything(api_id: str, body: Any) -> Any:
        if plane := body.get("control_plane"):
            held = next(iter(konnect.tables.control_planes.values()))
            konnect.tables.control_planes.setdefault(plane["control_plane_id"], held)
        return link(api_id, body)

    override(konnect.catalog, create_implementation=anything)


@_mutant("konnect.registers-again", turns_red=["admin.registration"])
def _registers_again(world: "World") -> None:
    """A second registration for an API is rejected."""
    konnect, register = world.konnect, world.konnect.registrations.register_as_admin
    override(
        konnect.registrations,
        register_as_admin=lambda application, body: (
            konnect.registrations.for_api(application.id, body["api_id"]) or register(application, body)
        ),
    )


@_mutant("konnect.shows-secrets-among-credentials", turns_red=["admin.credentials"])
def _shows_secrets_among_credentials(world: "World") -> None:
    """Admins see no secret among credentials."""

    def show(response: Response) -> Response:
        return changed(
            response, lambda content: {**content, "data": [{**one, "client_secret": "x"} for one in content["data"]]}
        )

    _answers_otherwise(world, "konnect", "/credentials", show)


@_mutant("konnect.has-large-pages", turns_red=["admin.page-size"])
def _has_large_pages(world: "World") -> None:
    """The default page size is ten."""

    def large(response: Response) -> Response:
        page = {"number": 1, "size": 100, "total": 2}
        return changed(response, lambda content: {**content, "meta": {"page": page}} if "meta" in content else content)

    _answers_otherwise(world, "konnect", "/v3/portals", large)


_portals(
    "konnect.names-portals-alike",
    "The name of a portal is unique.",
    turns_red=["admin.unique-name"],
    require_free_name=lambda *_: None,
)
