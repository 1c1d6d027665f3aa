"""How a mutant breaks a party of a world: by one rule of the party's own, or by what it answers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from dcrproof.mocks.messages import Calls, Request, Response, json_response

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

Act: TypeAlias = "Callable[[World], None]"


@dataclass(frozen=True)
class Mutant:
    """A target on which checks fail.

    `breaks` states the rule of the product that it breaks, `apply` breaks it in a world, and `turns_red` are the ids of
    the checks that fail because of it: each check names exactly one mutant or undone setup step.
    """

    breaks: str
    apply: Act
    turns_red: Sequence[str]


def entering(mutants: dict[str, Mutant]) -> Callable[..., Callable[[Act], Act]]:
    """Returns a decorator that adds a function to `mutants`: `@_mutant(name, turns_red=[check ids])`.

    The docstring of the function states the rule that it breaks.
    """

    def mutant(name: str, *, turns_red: Sequence[str]) -> Callable[[Act], Act]:
        def enter(apply: Act) -> Act:
            mutants[name] = Mutant(apply.__doc__ or "", apply, turns_red)
            return apply

        return enter

    return mutant


def overriding(mutants: dict[str, Mutant], parts: "Callable[[World], Iterable[object]]") -> Callable[..., None]:
    """Returns a function that adds a mutant which replaces rules of these parts of a world.

    It takes the name, what it breaks, `turns_red`, and each replaced rule by the name of the part's method.
    """

    def enter(name: str, breaks: str, /, *, turns_red: Sequence[str], **rules: Callable[..., Any]) -> None:
        def apply(world: "World") -> None:
            for part in parts(world):
                override(part, **rules)

        mutants[name] = Mutant(breaks, apply, turns_red)

    return enter


def override(part: object, **rules: Callable[..., Any]) -> None:
    """Replaces rules (methods) of a party, or of a part of it. Raises AttributeError for one that it does not have."""
    for name, rule in rules.items():
        getattr(part, name)
        setattr(part, name, rule)


def answers(world: "World", port: str, change: Callable[[Request, Response], Response]) -> None:
    """Changes what the party of that port answers."""
    answer = world.handlers[port]

    def handle(request: Request) -> Response | Calls:
        outcome = answer(request)
        return change(request, outcome) if isinstance(outcome, Response) else then(request, outcome)

    def then(request: Request, calls: Calls) -> Calls:
        return change(request, (yield from calls))

    world.handlers[port] = handle


def changed(response: Response, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Response:
    """The response with members of its JSON object changed."""
    return replace(response, body=json_response(response.status, change(response.json())).body)


def without(response: Response, header: str) -> Response:
    """The response without that header."""
    return replace(response, headers=tuple(pair for pair in response.headers if pair[0] != header))


PROBLEM = ("content-type", "application/problem+json")


def plain_errors(world: "World", port: str) -> None:
    """Answers errors of that port as application/json."""

    def change(_: Request, response: Response) -> Response:
        plain = tuple(("content-type", "application/json") if pair == PROBLEM else pair for pair in response.headers)
        return replace(response, headers=plain)

    answers(world, port, change)


def asked_otherwise(world: "World", port: str, query: str, instead: str) -> None:
    """Takes a request with that in its query for another one."""
    handler = world.handlers[port]

    def handle(request: Request) -> Response | Calls:
        return handler(replace(request, query=instead) if query in request.query else request)

    world.handlers[port] = handle
