"""The push of the configuration from the control plane to its data planes, as the control plane itself tells of it.

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
from dcrproof.core.parties.konnect import KonnectClient, objects, problem, segment

NODES_SHOWN = 100
SILENT = 120.0
"""Seconds since a data plane's last ping from which on a message says so: it may have been stopped."""


@dataclass(frozen=True)
class Node:
    """A data plane as the node list shows it. `after` are the seconds after which it had the expected configuration,
    None while it has another one; `silent` those since its last ping, as far as the list tells.
    """

    name: str
    version: str
    after: float | None
    silent: float | None

    def __str__(self) -> str:
        if self.after is not None:
            return f"{self.name} after {self.after:.1f} s"
        silent = f", and was last heard of {self.silent:.0f} s ago" if self.silent and self.silent > SILENT else ""
        return f"{self.name} ({self.version}) has the old configuration{silent}"


@dataclass(frozen=True)
class Propagation:
    """How far a change has come. Its text names each data plane: `dp-1 after 1.4 s, dp-2 after 3.0 s`."""

    nodes: tuple[Node, ...]
    items: tuple[Mapping[str, Any], ...] = field(repr=False)
    """The nodes as they were listed last."""

    @property
    def old(self) -> tuple[Node, ...]:
        """The data planes that have another configuration than the expected one."""
        return tuple(node for node in self.nodes if node.after is None)

    def __str__(self) -> str:
        return ", ".join(map(str, self.nodes))


def propagation(konnect: KonnectClient, control_plane: str, deadline: float, since: float | None = None) -> Propagation:
    """Polls until every data plane reports the expected hash, or `deadline` seconds have passed.

    The times of the data planes count from `since` (`time.monotonic()`), by default from the first look; each is known
    to a pause between two looks. Raises Failed unless the control plane answers 200.
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
                reached.pop(id, None)  # it has what was expected before another change
            name, version = (quoted(item.get(key) or "unknown") for key in ("hostname", "version"))
            nodes.append(Node(name, version, reached.get(id), _silent(item, listed)))
        return Propagation(tuple(nodes), tuple(items))

    found, _ = poll(look, lambda seen: not seen.old, deadline)
    return found


def _ok(exchange: Exchange) -> Exchange:
    if exchange.status != 200:
        raise Failed("200 to what the control plane says of its data planes", problem(exchange))
    return exchange


def _silent(item: Mapping[str, Any], listed: Exchange) -> float | None:
    """The seconds since a data plane's last ping, by the clock of whoever lists it."""
    ping = item.get("last_ping")
    if not isinstance(ping, int | float):
        return None
    try:
        at = dated(listed.header("date") or "")
    except ValueError:
        at = listed.at
    return at.timestamp() - ping
