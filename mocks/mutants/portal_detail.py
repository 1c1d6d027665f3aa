"""Portals that break one rule each, for the checks of it in detail."""

import re
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dcrproof.mocks.konnect.driver import ProviderFailed, RegisteredClient
from dcrproof.mocks.messages import Call, Request, Response, json_response
from dcrproof.mocks.mutants.base import (
    PROBLEM,
    Mutant,
    answers,
    asked_otherwise,
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
_applications = overriding(_mutants, lambda world: [world.konnect.applications])
_registrations = overriding(_mutants, lambda world: [world.konnect.registrations])


@_mutant("portal.calls-missing-passwords-wrong", turns_red=["developer.missing-field"])
def _calls_missing_passwords_wrong(world: "World") -> None:
    """A sign-in without a password is answered with 400."""

    def change(request: Request, response: Response) -> Response:
        meant = request.path.endswith("/developer/authenticate") and response.status == 400
        return replace(response, status=401) if meant else response

    answers(world, "portal", change)


@_mutant("portal.keeps-sessions", turns_red=["developer.signs-out"])
def _keeps_sessions(world: "World") -> None:
    """Signing out ends the session."""
    override(world.konnect.accounts, sign_out=lambda _: None)


@_mutant("portal.sets-its-cookie-for-another-host", turns_red=["developer.cookie-domain"])
def _sets_its_cookie_for_another_host(world: "World") -> None:
    """A cookie is for the portal that sets it."""

    def change(_: Request, response: Response) -> Response:
        others = (
            (name, re.sub("Domain=[^;]*", "Domain=another.example", value)) if name == "set-cookie" else (name, value)
            for name, value in response.headers
        )
        return replace(response, headers=tuple(others))

    answers(world, "portal", change)


@_mutant("portal.answers-errors-in-plain-json", turns_red=["portal.problem-form"])
def _portal_answers_errors_in_plain_json(world: "World") -> None:
    """An error is application/problem+json."""
    plain_errors(world, "portal")


def _applications_made_of(world: "World", *left_out: str) -> None:
    """Takes these members of a new application for nothing."""
    create = world.konnect.applications.create

    def ignore(portal_id: str, developer_id: str, body: Any) -> Generator[Call, Any, Any]:
        return (yield from create(portal_id, developer_id, {key: body[key] for key in body if key not in left_out}))

    override(world.konnect.applications, create=ignore)


@_mutant("portal.ignores-unknown-properties", turns_red=["application.unknown-property"])
def _portal_ignores_unknown_properties(world: "World") -> None:
    """An unknown property is rejected."""
    _applications_made_of(world, "no_such_property")


_applications(
    "portal.makes-two-applications-of-a-name",
    "The applications of a developer have unique names (inferred).",
    turns_red=["application.same-name"],
    require_free_name=lambda *_: None,
)


@_mutant("portal.shows-applications-of-others", turns_red=["application.of-another"])
def _shows_applications_of_others(world: "World") -> None:
    """A developer sees only their own applications."""
    konnect = world.konnect
    override(
        konnect.applications,
        get=lambda _portal, application_id, _developer=None: konnect.tables.applications[application_id],
    )


@_mutant("portal.ignores-another-strategy", turns_red=["application.strategy-fixed"])
def _ignores_another_strategy(world: "World") -> None:
    """The strategy of an application cannot be changed."""
    update = world.konnect.applications.update

    def ignore(application_id: str, body: Any) -> Generator[Call, Any, Any]:
        return (yield from update(application_id, {key: body[key] for key in body if key != "auth_strategy_id"}))

    override(world.konnect.applications, update=ignore)


def _instead(world: "World", method: str, end: str, response: Response) -> None:
    """Answers requests whose path ends so with this."""
    answers(
        world, "portal", lambda request, made: response if _is(request, method) and request.path.endswith(end) else made
    )


def _is(request: Request, method: str) -> bool:
    return request.method == method


@_mutant("portal.tells-granted-scopes", turns_red=["application.granted-scopes"])
def _tells_granted_scopes(world: "World") -> None:
    """The granted scopes of a Curity client are not shown (inferred)."""
    _instead(world, "GET", "/granted-scopes", json_response(200, {"scopes": ["openid"]}))


@_mutant("portal.makes-second-credentials", turns_red=["application.one-credential"])
def _makes_second_credentials(world: "World") -> None:
    """An application with a Curity client has one secret."""
    made = {"type": "client_secret", "id": "2", "client_id": "1", "client_secret": "a second secret"}
    _instead(world, "POST", "/credentials", json_response(201, made))


@_mutant("portal.repeats-a-page", turns_red=["application.paged"])
def _repeats_a_page(world: "World") -> None:
    """The pages of a list do not overlap."""
    asked_otherwise(world, "portal", "page%5Bnumber%5D=2", "page%5Bsize%5D=1&page%5Bnumber%5D=1")


@_mutant("portal.makes-applications-without-client", turns_red=["application.provider-down"])
def _makes_applications_without_client(world: "World") -> None:
    """An application is not created without a client."""
    driver, create = world.konnect.driver, world.konnect.driver.create

    def make(*arguments: Any) -> Generator[Call, Any, Any]:
        try:
            return (yield from create(*arguments))
        except ProviderFailed:
            return RegisteredClient("a client that is none", "a secret that is none", None)

    override(driver, create=make)


_registrations(
    "portal.lists-every-application",
    "The applications of an API are those that are registered for it, or those that are not.",
    turns_red=["application.of-api"],
    for_api=lambda *_: None,
)


@_mutant("portal.picks-any-strategy", turns_red=["application.default-strategy"])
def _picks_any_strategy(world: "World") -> None:
    """Without a default strategy an application must name one."""
    create = world.konnect.applications.create
    override(
        world.konnect.applications,
        create=lambda portal_id, developer_id, body: create(
            portal_id,
            developer_id,
            {**body, "auth_strategy_id": body.get("auth_strategy_id") or world.setup.strategy_id},
        ),
    )


@_mutant("portal.shows-its-session-to-scripts", turns_red=["developer.cookie"])
def _shows_its_session_to_scripts(world: "World") -> None:
    """The session cookie is HttpOnly."""

    def bare(_: Request, response: Response) -> Response:
        return replace(
            response, headers=tuple((name, value.replace(" HttpOnly;", "")) for name, value in response.headers)
        )

    answers(world, "portal", bare)


@_mutant("portal.tells-who-is-not-known", turns_red=["developer.unknown-address"])
def _tells_who_is_not_known(world: "World") -> None:
    """The answer to a forgotten password does not tell whether the account exists."""

    def tell(request: Request, response: Response) -> Response:
        asks = request.path.endswith("/forgot-password") and b"nobody@" in request.body
        return Response(404, (PROBLEM,), b"{}") if asks else response

    answers(world, "portal", tell)


_registrations(
    "portal.registers-for-any-strategy",
    "An application can be registered only for APIs of its own strategy.",
    turns_red=["application.other-strategy"],
    strategy_fits=lambda *_: True,
)
