"""What both APIs of Konnect share: bodies in, answers and problems out."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from dcrproof.mocks.konnect.problems import Problem, method_not_allowed, not_found, unreadable_body
from dcrproof.mocks.konnect.problems import unsupported_media_type as unsupported
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.messages import Calls, Handler, Pairs, Request, Response, Routes, json_response, read_json

Rows: TypeAlias = tuple[tuple[str, str, Handler], ...]  # of a table of routes

DEEPEST = 32  # levels of a body; deeper nesting is rejected (inferred)


def read(request: Request) -> Any:
    """The JSON of a body. Raises Problem 415 for another media type, 400 for a body that is not JSON."""
    media_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise unsupported()
    try:
        return read_json(request.body, deepest=DEEPEST, nul=False)
    except ValueError:
        raise unreadable_body() from None


class HttpApi:
    """Finds the handler of a request and turns what it raises into `application/problem+json`."""

    def __init__(self, konnect: Konnect) -> None:
        self.konnect = konnect

    def handle(self, request: Request) -> Response | Calls:
        try:
            outcome = self.answer(request)
        except Problem as problem:
            return self.refusal(request, problem)
        return outcome if isinstance(outcome, Response) else self._guarded(request, outcome)

    def answer(self, request: Request) -> Response | Calls:
        raise NotImplementedError

    def _guarded(self, request: Request, calls: Calls) -> Calls:
        try:
            return (yield from calls)
        except Problem as problem:
            return self.refusal(request, problem)

    def find(
        self, routes: Routes[Handler], request: Request
    ) -> tuple[Callable[..., Response | Calls], Mapping[str, str]]:
        found = routes.find(request.method, request.path)
        if isinstance(found, frozenset):
            raise method_not_allowed(found) if found else not_found()
        return found

    def refusal(self, request: Request, problem: Problem) -> Response:
        del request  # some APIs answer some paths in another form
        content = problem.body(self.konnect.trace())
        return json_response(problem.status, content, problem.headers, "application/problem+json")


def no_content(headers: Pairs = ()) -> Response:
    return Response(204, headers)


def ok(view: Mapping[str, Any]) -> Response:
    return json_response(200, view)


def created(view: Mapping[str, Any]) -> Response:
    return json_response(201, view)


def accepted(view: Mapping[str, Any]) -> Response:
    return json_response(202, view)


def done(change: Callable[..., None], *arguments: str) -> Response:
    """Makes a change that returns nothing."""
    change(*arguments)
    return no_content()
