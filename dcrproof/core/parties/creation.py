"""A creation whose answer was lost is sent again only after a look whether it was done."""

from collections.abc import Callable, Mapping
from typing import Any

from dcrproof.core.checks.outcomes import Unreachable
from dcrproof.core.http.exchange import Exchange
from dcrproof.core.http.party_connection import PartyConnection
from dcrproof.core.http.polling import poll
from dcrproof.core.http.retry import OVERLOADED, retry_after

Object = Mapping[str, Any]

LOOKING = 5.0
"""Seconds for which something is looked for that may have been created: it may not be listed at once."""


def create_once(
    http: PartyConnection, path: str, send: Callable[[], Exchange], look: Callable[[], Object | None] | None
) -> Exchange | Object:
    """The answer to a POST to that path, or, where the answer was lost, what `look` has found.

    An answer is lost if the request may have arrived: the connection was dropped, there was no answer in time, or
    something in front of the server answered for it (502, 503, 504). If `look` finds nothing the request is sent once
    more, after the pause that the party asks for, and its outcome is final. `look` searches for the unique name that
    the run gave; `http.found` is told of what it finds. Without `http.retry`, or without `look`, the request is sent
    once.
    Raises Unreachable where there was no answer in the end.
    """
    if http.retry is None or look is None:
        return send()
    looking = min(LOOKING, http.retry.deadline)
    found, answer = _sent(send, look, looking)
    if found is None:
        if isinstance(answer, Exchange) and answer.status not in OVERLOADED:
            return answer
        last = answer if isinstance(answer, Exchange) else answer.exchange
        asked_for = (retry_after(last) if isinstance(last, Exchange) else None) or 0.0
        if http.retry.may_wait(asked_for):
            if asked_for > LOOKING:
                http.retry.wait("no answer", asked_for - LOOKING)
        elif isinstance(answer, Exchange):
            return answer
        else:
            raise answer
        found, answer = _sent(send, look, looking)
    if found is not None:
        http.found(http.request("POST", http.base + path), found)
        return found
    if isinstance(answer, Unreachable):
        raise answer
    return answer


def _sent(
    send: Callable[[], Exchange], look: Callable[[], Object | None], looking: float
) -> tuple[Object | None, Exchange | Unreachable]:
    """The thing that was found, if the answer was lost, and the answer."""
    answer: Exchange | Unreachable
    try:
        answer = send()
    except Unreachable as outcome:
        if not outcome.lost:
            raise
        answer = outcome
    else:
        if answer.status not in OVERLOADED:
            return None, answer
    found, _ = poll(
        "a thing whose creation was not answered to be listed", look, lambda item: item is not None, looking
    )
    return found, answer
