"""A creation whose answer was lost: it is never sent again before somebody has looked whether it was done."""

from collections.abc import Callable, Mapping
from typing import Any

from dcrproof.core.checks.outcomes import Unreachable
from dcrproof.core.http.connection import PartyConnection
from dcrproof.core.http.exchange import Exchange
from dcrproof.core.http.polling import pause, poll
from dcrproof.core.http.retry import OVERLOADED, retry_after

Object = Mapping[str, Any]

LOOKING = 5.0
"""Seconds for which something is looked for that may have been made: it need not be listed at once."""


def create_once(
    line: PartyConnection, path: str, send: Callable[[], Exchange], look: Callable[[], Object | None] | None
) -> Exchange | Object:
    """The answer to a creation at that path of the line, or, where that was lost, what `look` has found of it.

    Lost is the answer to a request that may have arrived: the connection broke off, there was no answer in time, or
    somebody before the server answered for it (502, 503, 504). If nothing is found of it the request is sent once more,
    after the pause that the party asks for; what becomes of that one is told as it is. `look` finds by the name that
    the run gave, which nothing else bears; the line is told of what was found. A party without patience is asked once,
    as ever, and so is one at which nothing can be looked for.
    Raises Unreachable where there was no answer in the end.
    """
    if line.patience is None or look is None:
        return send()
    found, answer = _sent(send, look)
    if found is None:
        if isinstance(answer, Exchange):
            if answer.status not in OVERLOADED:
                return answer
            asked_for = retry_after(answer) or 0.0
            if asked_for > line.patience.deadline:
                return answer
            pause(max(0.0, asked_for - LOOKING))
        found, answer = _sent(send, look)
    if found is not None:
        line.found(line.party, line.base, path, found)
        return found
    if isinstance(answer, Unreachable):
        raise answer
    return answer


def _sent(
    send: Callable[[], Exchange], look: Callable[[], Object | None]
) -> tuple[Object | None, Exchange | Unreachable]:
    """What a creation was answered; and where the answer was lost, what was found of it, or None."""
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
    found, _ = poll(look, lambda item: item is not None, LOOKING)
    return found, answer
