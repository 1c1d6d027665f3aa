"""Exchanges that nobody has had, for tests of what reads them."""

from datetime import UTC, datetime

from dcrproof.core.http.exchange import Exchange
from dcrproof.core.party import Party


def exchange_of(
    status: int,
    body: bytes,
    *headers: tuple[str, str],
    party: Party = "curity",
    method: str = "GET",
    url: str = "https://idsvr.example/oauth",
) -> Exchange:
    """An answer of that status with that body; its type is JSON unless a header says otherwise."""
    return Exchange(
        number=1,
        at=datetime.now(UTC),
        party=party,
        method=method,
        url=url,
        status=status,
        request_headers=(),
        request_body=b"",
        headers=(*headers, ("content-type", "application/json")),
        body=body,
        seconds=0.1,
    )
