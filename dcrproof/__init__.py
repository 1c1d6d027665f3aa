"""dcrproof proves that a Dev Portal application becomes a working OAuth client, from registration to the route."""

__version__ = "0.1.0"
