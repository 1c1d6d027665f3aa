"""The push of the configuration from the control plane to its data planes, as the control plane reports it.

The control plane knows the hash that each data plane should report, and lists its data planes with the hash that each
has reported (control-planes-config v2, `get-expected-config-hash` and `list-dataplane-nodes`).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dcrproof.core.checks.outcomes import Failed
from dcrproof.core.http.exchange import Exchange, dated, quoted
from dcrproof.core.http.polling import poll
from dcrproof.core.http.segments import segment
from dcrproof.core.parties.konnect import KonnectClient, objects, problem

NODES_SHOWN = 100
SILENT = 120.0
"""Seconds without a ping after which a message says so: the data plane may have been stopped."""


@dataclass(frozen=True)
class Node:
    """A data plane as the node list shows it. `after` are the seconds after which it had the expected configuration,
    None while it has another one; `silent` those since its last ping, None where the list has none.
    """

    name: str
    version: str
    after: float | None
    silent: float | None

    def __str__(self) -> str:
        if self.after is not None:
            return f"{self.name} after {self.after:.1f} s"
        silent = f", and its last ping was {self.silent:.0f} s ago" if self.silent and self.silent > SILENT else ""
        return f"{self.name} ({self.version}) has the old configuration{silent}"


@dataclass(frozen=True)
class Propagation:
    """How far a change has propagated. Its text names each data plane: `dp-1 after 1.4 s, dp-2 after 3.0 s`."""

    nodes: tuple[Node, ...]
    items: tuple[Mapping[str, Any], ...] = field(repr=False)
    """The nodes as last listed."""

    @property
    def old(self) -> tuple[Node, ...]:
        """The data planes without the expected configuration."""
        return tuple(node for node in self.nodes if node.after is None)

    def __str__(self) -> str:
        return ", ".join(map(str, self.nodes))


def propagation(konnect: KonnectClient, control_plane: str, deadline: float, since: float | None = None) -> Propagation:
    """Polls until every data plane reports the expected hash, or `deadline` seconds have passed.

    Times count from `since` (`time.monotonic()`), by default from the first look, and are as exact as the pauses between
    looks. Raises Failed unless the control plane answers 200.
    """
    started = time.monotonic() if since is None else since
    path = f"/v2/control-planes/{segment(control_plane)}"
    reached: dict[str, float] = {}

    def look() -> Propagation:
        expected = _ok(konnect.get(f"{path}/expected-config-hash")).object().get("expected_hash")
        listed = _ok(konnect.get(f"{path}/nodes?page%5Bsize%5D={NODES_SHOWN}"))
        waited = max(0.0, time.monotonic() - started)
        items = objects(listed.object().get("items"))
        nodes = []
        for item in items:
            id = str(item.get("id"))
            if item.get("config_hash") == expected:
                reached.setdefault(id, waited)
            else:
                reached.pop(id, None)  # it has what was expected before a further change
            name, version = (quoted(item.get(key) or "unknown") for key in ("hostname", "version"))
            nodes.append(Node(name, version, reached.get(id), _silent(item, listed)))
        return Propagation(tuple(nodes), tuple(items))

    found, _ = poll("every data plane to have the expected configuration", look, lambda seen: not seen.old, deadline)
    return found


def _ok(exchange: Exchange) -> Exchange:
    if exchange.status != 200:
        raise Failed("200 to a request for the state of the data planes", problem(exchange))
    return exchange


def _silent(item: Mapping[str, Any], listed: Exchange) -> float | None:
    """The seconds since a data plane's last ping, by the clock of the control plane."""
    ping = item.get("last_ping")
    if not isinstance(ping, int | float):
        return None
    try:
        at = dated(listed.header("date") or "")
    except ValueError:
        at = listed.at
    return at.timestamp() - ping
