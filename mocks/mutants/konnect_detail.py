"""Konnects and portals that break one rule each, for the checks of them in detail."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dcrproof.mocks.konnect.driver import ProviderFailed, RegisteredClient
from dcrproof.mocks.konnect.tables import find
from dcrproof.mocks.messages import Call, Calls, NoAnswer, Request, Response, json_response
from dcrproof.mocks.mutants.base import Mutant, answers, changed, entering, override, overriding

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {}
MUTANTS: Mapping[str, Mutant] = _mutants
_mutant = entering(_mutants)
_applications = overriding(_mutants, lambda world: [world.konnect.applications])
_auth = overriding(_mutants, lambda world: [world.konnect.auth])
_konnect = overriding(_mutants, lambda world: [world.konnect])
_portals = overriding(_mutants, lambda world: [world.konnect.portals])
_registrations = overriding(_mutants, lambda world: [world.konnect.registrations])

PROBLEM = ("content-type", "application/problem+json")


def _plain_errors(world: "World", port: str) -> None:
    def change(_: Request, response: Response) -> Response:
        plain = tuple(("content-type", "application/json") if pair == PROBLEM else pair for pair in response.headers)
        return replace(response, headers=plain)

    answers(world, port, change)


def _asked_otherwise(world: "World", port: str, query: str, instead: str) -> None:
    """Takes a request with that in its query for another one."""
    handler = world.handlers[port]

    def handle(request: Request) -> Response | Calls:
        return handler(replace(request, query=instead) if query in request.query else request)

    world.handlers[port] = handle


# The admin API


_konnect(
    "konnect.admits-any-token",
    "Konnect takes a token that it has issued, and no other.",
    turns_red=["admin.wrong-token"],
    admits=lambda _: True,
)


@_mutant(
    "konnect.answers-errors-in-plain-json", "An error is application/problem+json.", turns_red=["admin.problem-form"]
)
def _answers_errors_in_plain_json(world: "World") -> None:
    _plain_errors(world, "konnect")


@_mutant(
    "konnect.ignores-unknown-filters",
    "A filter that a list does not have is refused.",
    turns_red=["admin.unknown-filter"],
)
def _ignores_unknown_filters(world: "World") -> None:
    _asked_otherwise(world, "konnect", "no_such_field", "")


@_mutant("konnect.takes-any-page", "A page is a number.", turns_red=["admin.bad-page"])
def _takes_any_page(world: "World") -> None:
    _asked_otherwise(world, "konnect", "second", "")


@_mutant(
    "konnect.replaces-all-labels",
    "An update of labels leaves those alone that it does not name.",
    turns_red=["admin.labels"],
)
def _replaces_all_labels(world: "World") -> None:
    konnect, patch = world.konnect, world.konnect.auth.patch_provider

    def replacing(provider_id: str, body: Any) -> Any:
        if "labels" in body:
            held = find(konnect.tables.providers, provider_id)
            konnect.tables.providers[held.id] = replace(held, labels={})
        return patch(provider_id, body)

    override(konnect.auth, patch_provider=replacing)


@_mutant(
    "konnect.answers-a-replaced-strategy-with-200",
    "A strategy that was replaced is answered with 201.",
    turns_red=["admin.strategy-replaced"],
)
def _answers_a_replaced_strategy_with_200(world: "World") -> None:
    def change(request: Request, response: Response) -> Response:
        return replace(response, status=200) if (request.method, response.status) == ("PUT", 201) else response

    answers(world, "konnect", change)


@_mutant(
    "konnect.ignores-another-strategy-type",
    "The type of a strategy cannot be changed.",
    turns_red=["admin.strategy-type"],
)
def _ignores_another_strategy_type(world: "World") -> None:
    patch = world.konnect.auth.patch_strategy
    override(
        world.konnect.auth,
        patch_strategy=lambda id_, body: patch(id_, {key: body[key] for key in body if key != "strategy_type"}),
    )


_auth(
    "konnect.deletes-strategies-in-use",
    "A strategy that is in use stays.",
    turns_red=["admin.strategy-in-use"],
    strategy_is_in_use=lambda _: False,
)


_auth(
    "konnect.refuses-to-see-providers-in-use",
    "A provider that a strategy uses stays (inferred).",
    turns_red=["admin.provider-in-use"],
    provider_is_in_use=lambda _: False,
)


@_mutant(
    "konnect.shows-secrets-to-admins",
    "An admin is not shown the secret of an application.",
    turns_red=["admin.application"],
)
def _shows_secrets_to_admins(world: "World") -> None:
    def change(request: Request, response: Response) -> Response:
        if request.method != "GET" or not request.path.startswith("/v3/applications/"):
            return response
        return changed(response, lambda content: {**content, "client_secret": "a secret that was kept"})

    answers(world, "konnect", change)


@_mutant(
    "konnect.lets-admins-choose-client-ids",
    "Through DCR the authorization server chooses the client id.",
    turns_red=["admin.client-id"],
)
def _lets_admins_choose_client_ids(world: "World") -> None:
    create = world.konnect.applications.create_as_admin

    def choose(portal_id: str, body: Any) -> Generator[Call, Any, Any]:
        return (yield from create(portal_id, {key: body[key] for key in body if key != "client_id"}))

    override(world.konnect.applications, create_as_admin=choose)


@_mutant(
    "konnect.keeps-applications-of-deleted-developers",
    "With a developer their applications are deleted.",
    turns_red=["admin.developer-deleted"],
)
def _keeps_applications_of_deleted_developers(world: "World") -> None:
    konnect = world.konnect

    def delete(_: str, developer_id: str) -> Generator[Call, Any, None]:
        yield from ()
        held = konnect.tables.developers[developer_id]
        konnect.tables.developers[developer_id] = replace(held, status="rejected")

    override(konnect.developers, delete=delete)


# The portal


@_mutant(
    "portal.calls-missing-passwords-wrong",
    "A sign-in without a password is a bad request.",
    turns_red=["developer.missing-field"],
)
def _calls_missing_passwords_wrong(world: "World") -> None:
    def change(request: Request, response: Response) -> Response:
        meant = request.path.endswith("/developer/authenticate") and response.status == 400
        return replace(response, status=401) if meant else response

    answers(world, "portal", change)


@_mutant("portal.keeps-sessions", "Whoever signs out ends the session.", turns_red=["developer.signs-out"])
def _keeps_sessions(world: "World") -> None:
    override(world.konnect.accounts, sign_out=lambda _: None)


@_mutant(
    "portal.answers-errors-in-plain-json", "An error is application/problem+json.", turns_red=["portal.problem-form"]
)
def _portal_answers_errors_in_plain_json(world: "World") -> None:
    _plain_errors(world, "portal")


def _applications_made_of(world: "World", *left_out: str) -> None:
    """Takes these members of a new application for nothing."""
    create = world.konnect.applications.create

    def ignore(portal_id: str, developer_id: str, body: Any) -> Generator[Call, Any, Any]:
        return (yield from create(portal_id, developer_id, {key: body[key] for key in body if key not in left_out}))

    override(world.konnect.applications, create=ignore)


@_mutant(
    "portal.ignores-unknown-properties",
    "A property that is not known is refused.",
    turns_red=["application.unknown-property"],
)
def _portal_ignores_unknown_properties(world: "World") -> None:
    _applications_made_of(world, "no_such_property")


_applications(
    "portal.makes-two-applications-of-a-name",
    "A developer has one application of a name (inferred).",
    turns_red=["application.same-name"],
    require_free_name=lambda *_: None,
)


@_mutant(
    "portal.shows-applications-of-others",
    "A developer sees their own applications.",
    turns_red=["application.of-another"],
)
def _shows_applications_of_others(world: "World") -> None:
    konnect = world.konnect
    override(
        konnect.applications,
        get=lambda _portal, application_id, _developer=None: konnect.tables.applications[application_id],
    )


@_mutant(
    "portal.ignores-another-strategy",
    "The strategy of an application cannot be changed.",
    turns_red=["application.strategy-fixed"],
)
def _ignores_another_strategy(world: "World") -> None:
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


@_mutant(
    "portal.tells-granted-scopes",
    "The scopes of a client of Curity are not told (inferred).",
    turns_red=["application.granted-scopes"],
)
def _tells_granted_scopes(world: "World") -> None:
    _instead(world, "GET", "/granted-scopes", json_response(200, {"scopes": ["openid"]}))


@_mutant(
    "portal.makes-second-credentials",
    "An application whose client is Curity's has one secret.",
    turns_red=["application.one-credential"],
)
def _makes_second_credentials(world: "World") -> None:
    made = {"type": "client_secret", "id": "2", "client_id": "1", "client_secret": "a second secret"}
    _instead(world, "POST", "/credentials", json_response(201, made))


@_mutant("portal.repeats-a-page", "The pages of a list repeat nothing.", turns_red=["application.paged"])
def _repeats_a_page(world: "World") -> None:
    _asked_otherwise(world, "portal", "page%5Bnumber%5D=2", "page%5Bsize%5D=1&page%5Bnumber%5D=1")


@_mutant(
    "portal.makes-applications-without-client",
    "Without a client there is no application.",
    turns_red=["application.provider-down"],
)
def _makes_applications_without_client(world: "World") -> None:
    driver, create = world.konnect.driver, world.konnect.driver.create

    def make(*arguments: Any) -> Generator[Call, Any, Any]:
        try:
            return (yield from create(*arguments))
        except ProviderFailed:
            return RegisteredClient("a client that is none", "a secret that is none", None)

    override(driver, create=make)


@_mutant(
    "konnect.tells-of-no-failed-push",
    "The implementation says why the plugin could not be pushed.",
    turns_red=["plugin.invalid-setting"],
)
def _tells_of_no_failed_push(world: "World") -> None:
    def silent(_: Request, response: Response) -> Response:
        if b'"auth_strategy_sync_error":{' not in response.body:
            return response
        return changed(
            response, lambda content: {**content, "service": {**content["service"], "auth_strategy_sync_error": None}}
        )

    answers(world, "konnect", silent)


# Providers of type http


def _made_up(*_: Any) -> Generator[Call, Response | NoAnswer, RegisteredClient]:
    """A client that no bridge knows."""
    yield from ()
    return RegisteredClient("made up by Konnect", "a secret that nobody has", None)


@_mutant(
    "konnect.goes-on-without-its-bridge",
    "A bridge that fails halts the making of an application.",
    turns_red=["bridge.halted"],
)
def _goes_on_without_its_bridge(world: "World") -> None:
    create = world.konnect.bridges.create

    def go_on(provider: Any, payload: Any) -> Generator[Call, Response | NoAnswer, RegisteredClient]:
        try:
            return (yield from create(provider, payload))
        except ProviderFailed:
            return (yield from _made_up())

    override(world.konnect.bridges, create=go_on)


@_mutant("konnect.asks-no-bridge-for-clients", "The bridge makes the client.", turns_red=["bridge.client"])
def _asks_no_bridge_for_clients(world: "World") -> None:
    override(world.konnect.bridges, create=_made_up)


@_mutant("konnect.tells-no-bridge", "Event hooks tell the bridge of changes.", turns_red=["bridge.hooks"])
def _tells_no_bridge(world: "World") -> None:
    override(world.konnect.bridges, sends_hooks=lambda _: False)


@_mutant(
    "konnect.renews-secrets-that-it-may-not",
    "With disable_refresh_secret no secret is renewed.",
    turns_red=["bridge.new-secret"],
)
def _renews_secrets_that_it_may_not(world: "World") -> None:
    override(world.konnect.bridges, renews_secrets=lambda _: True)


@_mutant(
    "konnect.deletes-nothing-at-the-bridge",
    "With its application a client is deleted at the bridge.",
    turns_red=["bridge.deleted"],
)
def _deletes_nothing_at_the_bridge(world: "World") -> None:
    def nothing(*_: Any) -> Generator[Call, Response | NoAnswer, None]:
        yield from ()

    override(world.konnect.bridges, delete=nothing)


@_mutant(
    "konnect.never-takes-a-strategy-away",
    "An API that is published without a strategy is open.",
    turns_red=["second-api.without-strategy"],
)
def _never_takes_a_strategy_away(world: "World") -> None:
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


@_mutant("konnect.sorts-nothing", "A list is sorted as the query asks.", turns_red=["admin.sorted"])
def _sorts_nothing(world: "World") -> None:
    _asked_otherwise(world, "konnect", "created_at%20desc", "")
    _asked_otherwise(world, "konnect", "created_at+desc", "page%5Bsize%5D=100")


@_mutant(
    "konnect.sorts-by-anything",
    "An attribute by which a list cannot be sorted is refused.",
    turns_red=["admin.unknown-sort"],
)
def _sorts_by_anything(world: "World") -> None:
    _asked_otherwise(world, "konnect", "no_such_attribute", "")


@_mutant(
    "konnect.forgets-what-a-change-leaves-out",
    "A change leaves what it does not name.",
    turns_red=["admin.provider-changed"],
)
def _forgets_what_a_change_leaves_out(world: "World") -> None:
    konnect, patch = world.konnect, world.konnect.auth.patch_provider

    def forget(provider_id: str, body: Any) -> Any:
        changed_one = replace(patch(provider_id, body), config={})
        konnect.tables.providers[changed_one.id] = changed_one
        return changed_one

    override(konnect.auth, patch_provider=forget)


@_mutant(
    "konnect.ignores-another-provider-type",
    "A property that cannot be changed is refused.",
    turns_red=["admin.provider-type"],
)
def _ignores_another_provider_type(world: "World") -> None:
    patch = world.konnect.auth.patch_provider
    override(
        world.konnect.auth,
        patch_provider=lambda id_, body: patch(id_, {name: body[name] for name in body if name != "provider_type"}),
    )


@_mutant("konnect.links-again", "An API is linked once.", turns_red=["admin.linked-twice"])
def _links_again(world: "World") -> None:
    konnect, link = world.konnect, world.konnect.catalog.create_implementation

    def again(api_id: str, body: Any) -> Any:
        held = next((one for one in konnect.tables.implementations.values() if one.api_id == api_id), None)
        return held or link(api_id, body)

    override(konnect.catalog, create_implementation=again)


@_mutant("konnect.registers-again", "A second registration for an API is refused.", turns_red=["admin.registration"])
def _registers_again(world: "World") -> None:
    konnect, register = world.konnect, world.konnect.registrations.register_as_admin
    override(
        konnect.registrations,
        register_as_admin=lambda application, body: (
            konnect.registrations.for_api(application.id, body["api_id"]) or register(application, body)
        ),
    )


@_mutant(
    "konnect.shows-secrets-among-credentials",
    "Admins see no secret among credentials.",
    turns_red=["admin.credentials"],
)
def _shows_secrets_among_credentials(world: "World") -> None:
    def show(response: Response) -> Response:
        return changed(
            response, lambda content: {**content, "data": [{**one, "client_secret": "x"} for one in content["data"]]}
        )

    _answers_otherwise(world, "konnect", "/credentials", show)


_registrations(
    "portal.lists-every-application",
    "Of an API those applications are listed that are registered, or are not.",
    turns_red=["application.of-api"],
    for_api=lambda *_: None,
)


@_mutant(
    "portal.picks-any-strategy",
    "Without a default nobody picks a strategy for an application.",
    turns_red=["application.default-strategy"],
)
def _picks_any_strategy(world: "World") -> None:
    create = world.konnect.applications.create
    override(
        world.konnect.applications,
        create=lambda portal_id, developer_id, body: create(
            portal_id,
            developer_id,
            {**body, "auth_strategy_id": body.get("auth_strategy_id") or world.standing.strategy_id},
        ),
    )


@_mutant(
    "konnect.has-large-pages", "A page has ten objects unless the query says otherwise.", turns_red=["admin.page-size"]
)
def _has_large_pages(world: "World") -> None:
    def large(response: Response) -> Response:
        page = {"number": 1, "size": 100, "total": 2}
        return changed(response, lambda content: {**content, "meta": {"page": page}} if "meta" in content else content)

    _answers_otherwise(world, "konnect", "/v3/portals", large)


_portals(
    "konnect.names-portals-alike",
    "A name is one portal's alone.",
    turns_red=["admin.unique-name"],
    require_free_name=lambda *_: None,
)


@_mutant(
    "portal.shows-its-session-to-scripts",
    "The cookie of a session is kept from scripts.",
    turns_red=["developer.cookie"],
)
def _shows_its_session_to_scripts(world: "World") -> None:
    def bare(_: Request, response: Response) -> Response:
        return replace(
            response, headers=tuple((name, value.replace(" HttpOnly;", "")) for name, value in response.headers)
        )

    answers(world, "portal", bare)


@_mutant(
    "portal.tells-who-is-not-known",
    "Who has forgotten a password is not told whether there is an account.",
    turns_red=["developer.unknown-address"],
)
def _tells_who_is_not_known(world: "World") -> None:
    def tell(request: Request, response: Response) -> Response:
        asks = request.path.endswith("/forgot-password") and b"nobody@" in request.body
        return Response(404, (PROBLEM,), b"{}") if asks else response

    answers(world, "portal", tell)


_registrations(
    "portal.registers-for-any-strategy",
    "An application is registered for APIs of its own strategy.",
    turns_red=["application.other-strategy"],
    strategy_fits=lambda *_: True,
)
