"""How a mutant breaks a party of a world: by one rule of the party's own, or by what it answers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from dcrproof.mocks.messages import Calls, Request, Response, json_response

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

Act: TypeAlias = "Callable[[World], None]"


@dataclass(frozen=True)
class Mutant:
    """`breaks` says which rule of the product it breaks; `apply` breaks it in a world."""

    breaks: str
    apply: Act


def entering(mutants: dict[str, Mutant]) -> Callable[[str, str], Callable[[Act], Act]]:
    """A decorator that enters a function into these mutants, under a name and with the rule that it breaks."""

    def mutant(name: str, breaks: str) -> Callable[[Act], Act]:
        def enter(apply: Act) -> Act:
            mutants[name] = Mutant(breaks, apply)
            return apply

        return enter

    return mutant


def overriding(mutants: dict[str, Mutant], parties: "Callable[[World], Iterable[object]]") -> Callable[..., None]:
    """Gives what enters a mutant whose parties have other rules: its name, the rule that it breaks, and the rules."""

    def enter(name: str, breaks: str, /, **rules: Callable[..., Any]) -> None:
        def apply(world: "World") -> None:
            for party in parties(world):
                override(party, **rules)

        mutants[name] = Mutant(breaks, apply)

    return enter


def override(party: object, **rules: Callable[..., Any]) -> None:
    """Puts these rules in the place of the party's own. One that the party has not is a mistake, and raises."""
    for name, rule in rules.items():
        getattr(party, name)
        setattr(party, name, rule)


def answers(world: "World", port: str, change: Callable[[Request, Response], Response]) -> None:
    """Changes what the party of that port answers."""
    answer = world.faces[port]

    def handle(request: Request) -> Response | Calls:
        outcome = answer(request)
        return change(request, outcome) if isinstance(outcome, Response) else then(request, outcome)

    def then(request: Request, calls: Calls) -> Calls:
        return change(request, (yield from calls))

    world.faces[port] = handle


def changed(response: Response, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Response:
    """The response with members of its JSON object changed."""
    return replace(response, body=json_response(response.status, change(response.json())).body)


def without(response: Response, header: str) -> Response:
    """The response without that header."""
    return replace(response, headers=tuple(pair for pair in response.headers if pair[0] != header))
