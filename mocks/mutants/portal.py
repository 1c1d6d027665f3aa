"""Portals that break one rule each, for the checks of the flow."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dcrproof.mocks.messages import Call, Calls, Request, Response
from dcrproof.mocks.mutants.base import Mutant, answers, changed, entering, override, overriding

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {}
MUTANTS: Mapping[str, Mutant] = _mutants
_mutant = entering(_mutants)
_registrations = overriding(_mutants, lambda world: [world.konnect.registrations])
_teams = overriding(_mutants, lambda world: [world.konnect.teams])


@_mutant("portal.takes-any-password", turns_red=["developer.wrong-password"])
def _takes_any_password(world: "World") -> None:
    """A developer signs in with the password of the account."""
    override(world.konnect.accounts, password_matches=lambda *_: True)


@_mutant("portal.needs-no-session", turns_red=["portal.no-session"])
def _needs_no_session(world: "World") -> None:
    """Applications are shown to the developer who is signed in."""
    handler, konnect, setup = world.handlers["portal"], world.konnect, world.setup

    def handle(request: Request) -> Response | Calls:
        """A request without a session is taken for one of the first developer's."""
        if request.header("cookie") is None:
            developer, portal = (
                konnect.tables.developers[setup.developer_id],
                konnect.tables.portals[setup.portal_id],
            )
            token = konnect.accounts.sign_in(developer, portal).access_token
            request = replace(request, headers=(*request.headers, ("cookie", f"portalaccesstoken={token}")))
        return handler(request)

    world.handlers["portal"] = handle


_teams(
    "portal.hides-public-apis",
    "A public API is visible without a session.",
    turns_red=["api.offered"],
    api_is_visible=lambda *_: False,
)


@_mutant("portal.keeps-the-secret", turns_red=["application.created"])
def _keeps_the_secret(world: "World") -> None:
    """The secret of a new application is shown to its developer."""
    create = world.konnect.applications.create

    def keep(*arguments: Any) -> Generator[Call, Any, Any]:
        made, _ = yield from create(*arguments)
        return made, None

    override(world.konnect.applications, create=keep)


@_mutant("portal.shows-another-secret", turns_red=["client.known"])
def _shows_another_secret(world: "World") -> None:
    """The secret that is shown belongs to the client."""
    create = world.konnect.applications.create

    def show(*arguments: Any) -> Generator[Call, Any, Any]:
        made, secret = yield from create(*arguments)
        return made, secret and secret[::-1]

    override(world.konnect.applications, create=show)


@_mutant("portal.shows-the-secret-again", turns_red=["application.secret-once"])
def _shows_the_secret_again(world: "World") -> None:
    """The secret is shown once."""
    secrets: dict[str, str] = {}

    def change(request: Request, response: Response) -> Response:
        if (request.method, request.path, response.status) == ("POST", "/api/v3/applications", 201):
            made = response.json()
            secrets[made["id"]] = made["client_secret"]
        id_ = request.path.rpartition("/applications/")[2]
        if request.method == "GET" and id_ in secrets:
            return changed(response, lambda content: {**content, "client_secret": secrets[id_]})
        return response

    answers(world, "portal", change)


@_mutant("portal.calls-credentials-self-managed", turns_red=["application.dcr-strategy"])
def _calls_credentials_self_managed(world: "World") -> None:
    """With DCR the type of an application is client_credentials."""

    def change(request: Request, response: Response) -> Response:
        if (request.method, request.path, response.status) != ("POST", "/api/v3/applications", 201):
            return response
        kind = {"credential_type": "self_managed_client_credentials"}
        return changed(response, lambda content: {**content, "auth_strategy": {**content["auth_strategy"], **kind}})

    answers(world, "portal", change)


_registrations(
    "portal.registers-for-no-api",
    "An application is registered for an API with its own strategy.",
    turns_red=["application.registered"],
    strategy_fits=lambda *_: False,
)


@_mutant("portal.registers-twice", turns_red=["application.registered-twice"])
def _registers_twice(world: "World") -> None:
    """An application has one registration per API."""
    konnect, register = world.konnect, world.konnect.registrations.register

    def again(application: Any, api_id: str, status: str | None = None) -> Any:
        return konnect.registrations.for_api(application.id, api_id) or register(application, api_id, status)

    override(konnect.registrations, register=again)


@_mutant("portal.announces-another-secret", turns_red=["life.secret.new"])
def _announces_another_secret(world: "World") -> None:
    """The new secret that is shown belongs to the client."""
    regenerate = world.konnect.applications.regenerate_secret

    def announce(application_id: str) -> Generator[Call, Any, tuple[str, str]]:
        client_id, secret = yield from regenerate(application_id)
        return client_id, secret[::-1]

    override(world.konnect.applications, regenerate_secret=announce)


@_mutant("portal.ignores-new-names", turns_red=["life.rename.done"])
def _ignores_new_names(world: "World") -> None:
    """An application can be renamed."""

    def ignore(application_id: str, _: object) -> Generator[Call, Any, Any]:
        yield from ()
        return world.konnect.tables.applications[application_id]

    override(world.konnect.applications, update=ignore)


@_mutant("portal.keeps-deleted-applications", turns_red=["life.deleted.portal"])
def _keeps_deleted_applications(world: "World") -> None:
    """A deleted application no longer exists."""

    def keep(_: object) -> Generator[Call, Any, None]:
        yield from ()

    override(world.konnect.applications, delete=keep)
