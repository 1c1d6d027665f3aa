"""Products that break a rule only when much goes on at the same time, for the checks of `dcrproof load`.

Most are right many times before they are wrong: a run of the checks, which looks once, passes.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from math import inf
from time import sleep
from typing import TYPE_CHECKING, Any

from dcrproof.mocks.messages import Calls, Request, Response, json_response
from dcrproof.mocks.mutants.base import Mutant, entering, override
from dcrproof.mocks.reachability import DATA_PLANES

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {}
MUTANTS: Mapping[str, Mutant] = _mutants
"""By name: `PARTY.what-it-does-wrong`. They are apart from the others, whose checks pytest performs."""
_mutant = entering(_mutants)

SOME = 3
"""How often one of these products is wrong: once in so many times."""


@_mutant("konnect.pushes-one-application", turns_red=["load.ready"])
def _pushes_one_application(world: "World") -> None:
    """Every approved application is pushed to the data planes."""
    push = world.konnect.registrations.push
    first: list[str] = []
    changed = push.application_changed

    def change(application: Any) -> None:
        first.append(application.id)
        if application.id == first[0]:
            changed(application)

    override(push, application_changed=change)


@_mutant("curity.gives-a-secret-twice", turns_red=["load.identity.credentials"])
def _gives_a_secret_twice(world: "World") -> None:
    """Each secret is given once."""
    rotate, numbers = world.curity.rotate_secret, count(1)
    given: dict[str, Any] = {}

    def again(client: Any) -> Any:
        changed, secret = rotate(client)
        others = [one for id, one in given.items() if id != client.id]
        if next(numbers) % SOME == 0 and others:
            changed, secret = others[-1]
            changed = replace(client, secret_digest=changed.secret_digest, previous_secret=None)
        given[client.id] = (changed, secret)
        return changed, secret

    override(world.curity, rotate_secret=again)


@_mutant("curity.issues-the-token-of-another", turns_red=["load.identity.token"])
def _issues_the_token_of_another(world: "World") -> None:
    """The subject of a token is the client that asked for it."""
    claims, numbers = world.curity.access_token_claims, count(1)
    asked: list[str] = []

    def of_another(client: Any, scope: str) -> dict[str, Any]:
        found = claims(client, scope)
        others = [id for id in asked if id != client.id]
        asked[:] = [*asked[-20:], client.id]
        wrong = others and next(numbers) % SOME == 0 and client.id != world.registrar[0]
        return {**found, "sub": others[-1]} if wrong else found

    override(world.curity, access_token_claims=of_another)


@_mutant("gateway.caches-without-a-key", turns_red=["load.identity.route"])
def _caches_without_a_key(world: "World") -> None:
    """A cached token is found by the credentials that it was issued for."""
    numbers = count(1)
    for node in world.data_planes:
        cached = node.cached_token

        def any_cached(plugin: Any, key: Any, node: Any = node, cached: Any = cached) -> Any:
            found = cached(plugin, key)
            others = [held for other, held in node.tokens.items() if other[1] != key[1]]
            return others[-1] if found and others and next(numbers) % SOME == 0 else found

        override(node, cached_token=any_cached)


@_mutant("gateway.opens-the-session-of-another", turns_red=["load.identity.session"])
def _opens_the_session_of_another(world: "World") -> None:
    """A session is found by its own cookie."""
    opened: dict[str, Any] = {}
    for node in world.data_planes:
        open_session = node.open_session

        def open_another(plugin: Any, request: Request, open_session: Any = open_session) -> Any:
            found = open_session(plugin, request)
            if found is not None:
                opened[found.access_token] = found
                found = next(one for one in reversed(opened.values()) if one is not found or len(opened) == 1)
            return found

        override(node, open_session=open_another)


@_mutant("curity.forgets-to-end-a-secret", turns_red=["load.ended.renewed"])
def _forgets_to_end_a_secret(world: "World") -> None:
    """A new secret ends the one before it."""
    rotate, numbers = world.curity.rotate_secret, count(1)

    def keep(client: Any) -> Any:
        changed, secret = rotate(client)
        if client.secret_digest is not None and next(numbers) % SOME == 0:
            changed = replace(changed, previous_secret=(client.secret_digest, inf))
        return changed, secret

    override(world.curity, rotate_secret=keep)


@_mutant("konnect.forgets-to-push-a-revocation", turns_red=["load.ended.revoked"])
def _forgets_to_push_a_revocation(world: "World") -> None:
    """A revoked registration ends access at the data planes."""
    push, numbers = world.konnect.registrations.push, count(1)
    changed, tables = push.application_changed, world.konnect.tables

    def change(application: Any) -> None:
        found = [tables.registrations[id].status for id in tables.registrations_of.get(application.id, {}).values()]
        if "revoked" not in found or next(numbers) % SOME:
            changed(application)

    override(push, application_changed=change)


@_mutant("konnect.forgets-to-push-a-deletion", turns_red=["load.ended.deleted"])
def _forgets_to_push_a_deletion(world: "World") -> None:
    """A deleted application ends access at the data planes, which may have a token of it."""
    push, numbers = world.konnect.registrations.push, count(1)
    deleted = push.application_deleted
    override(push, application_deleted=lambda one: deleted(one) if next(numbers) % SOME else None)


@_mutant("gateway.fails-under-load", turns_red=["load.errors.budget"])
def _fails_under_load(world: "World") -> None:
    """The gateway answers as many calls as there are."""
    numbers = count(1)
    for port in DATA_PLANES:
        handler = world.handlers[port]

        def handle(request: Request, handler: Any = handler) -> Response | Calls:
            number = next(numbers)
            late = number > AT_REST and number % SOME == 0
            return (
                json_response(503, {"message": "failure to get a peer from the ring-balancer"})
                if late
                else handler(request)
            )

        world.handlers[port] = handle


AT_REST = 24
"""How many calls the gateway answers before there is too much."""


@_mutant("curity.is-slow", turns_red=["load.latency.percentiles"])
def _is_slow(world: "World") -> None:
    """A token is there at once."""
    grant = world.curity.grant

    def late(*given: Any) -> Any:
        sleep(0.3)
        return grant(*given)

    override(world.curity, grant=late)
