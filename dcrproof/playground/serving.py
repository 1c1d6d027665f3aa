"""Serves the playground beside the mocks that `dcrproof serve` runs."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dcrproof.mocks import listen
from dcrproof.mocks.messages import Routes
from dcrproof.mocks.serve import PortTaken
from dcrproof.playground.parties import CLASSIC, V3, Mocks
from dcrproof.playground.portal import PortalPages
from dcrproof.playground.setup import SetupPages
from dcrproof.playground.site import Site

LAST_PORT = 65_535


def site(described: Mapping[str, Any]) -> Site:
    """The playground on the mocks that are `described` as `dcrproof serve` prints it, `profile` included."""
    made = Site(Mocks(described), str(described["profile"]))
    made.routes = Routes(
        (
            ("GET", "/", made.home),
            ("GET", "/requests", made.requests),
            ("GET", "/requests/last", made.last),
            *PortalPages(made, V3).routes(),
            *PortalPages(made, CLASSIC).routes(),
            *SetupPages(made).routes(),
        )
    )
    return made


@contextmanager
def playground(described: Mapping[str, Any], port: int = 0) -> Iterator[str]:
    """Serves the pages on the loopback address until the block ends; yields their URL. Raises PortTaken.

    Over plain HTTP whatever the mocks speak: no browser trusts the certificate authority of one run.
    """
    trust = ssl.create_default_context(cafile=described.get("ca"))
    if port > LAST_PORT:
        raise PortTaken(f"port {port}: ports end at {LAST_PORT}")
    try:
        bound = listen.bind(port)
    except OSError as error:
        raise PortTaken(f"port {port}: {error.strerror}") from None
    try:
        with listen.listening(site(described), {"ui": bound}, trust=trust):
            yield f"http://127.0.0.1:{bound.getsockname()[1]}/"
    finally:
        bound.close()
