"""How the data planes get their configuration: pushed by mock Konnect, or read from another Konnect.

The push happens at once, or after the seconds of `Start.propagation`; it is worked out when a data plane is asked.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.live_konnect import LiveKonnect
from dcrproof.mocks.messages import Asking


class Propagation:
    """`seconds` pass from a change in `konnect` until the data planes have it.

    With `live_konnect` they have its configuration instead, with `upstream_url` as the upstream of all services.
    """

    def __init__(
        self,
        konnect: Konnect,
        data_planes: Sequence[DataPlane],
        *,
        clock: Clock,
        seconds: float,
        live_konnect: LiveKonnect | None,
        upstream_url: str,
    ) -> None:
        self.konnect = konnect
        self.data_planes = data_planes
        self.clock = clock
        self.seconds = seconds
        self.live_konnect = live_konnect
        self.upstream_url = upstream_url
        self._due_at: float | None = clock.now() if live_konnect is None else None
        self._read_at = 0.0
        konnect.push.nodes = self.nodes
        konnect.push.on_change.append(self.changed)

    def changed(self) -> None:
        if self.live_konnect is None:
            self._due_at = self.clock.now() + self.seconds

    def push(self) -> None:
        """Gives the data planes the configuration of mock Konnect, where a change is due."""
        if self._due_at is not None and self.clock.now() >= self._due_at:
            self._due_at = None
            self._apply(self.konnect.push.configuration)

    def update(self) -> Asking[None]:
        """Brings the data planes up to date before they serve a request. Raises Unread."""
        live = self.live_konnect
        if live is not None and self.clock.now() >= self._read_at + live.pause:
            configuration = yield from live.configuration(self.upstream_url)
            self._read_at = self.clock.now()
            self._apply(configuration)
        self.push()

    def nodes(self) -> list[Mapping[str, Any]]:
        """What each data plane reports to the control plane."""
        self.push()
        return [data_plane.report() for data_plane in self.data_planes]

    def _apply(self, configuration: Any) -> None:
        for data_plane in self.data_planes:
            data_plane.apply(configuration)
