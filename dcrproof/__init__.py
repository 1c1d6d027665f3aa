"""dcrproof proves that a Dev Portal application becomes a working OAuth client, from registration to the route.

PYTEST_DONT_REWRITE: `dcrproof run` has imported this module before it starts pytest, which would warn of that.
"""

__version__ = "0.1.0"
