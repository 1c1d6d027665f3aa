"""The setup steps between Curity and the other parties: what they reach of it, and whether they trust its certificate."""

from collections.abc import Mapping

from dcrproof.mocks.reachability import DATA_PLANES, KONNECT, Reachability, unreached, untrusted
from dcrproof.mocks.steps.base import LEFT_UNDONE, Variant

REACHABILITY: Mapping[str, Mapping[str, Variant[Reachability]]] = {
    "curity.instance.reachable": {
        LEFT_UNDONE: Variant(unreached(*KONNECT, *DATA_PLANES)),
        "not-from-konnect": Variant(unreached(*KONNECT)),
        "not-from-gateways": Variant(unreached(*DATA_PLANES)),
        "not-from-one-gateway": Variant(unreached(DATA_PLANES[-1])),
    },
    "curity.instance.certificate": {
        LEFT_UNDONE: Variant(untrusted(*KONNECT, *DATA_PLANES)),
        "private-authority": Variant(untrusted(*KONNECT)),
    },
    "gateway.data-plane.trust": {
        LEFT_UNDONE: Variant(untrusted(*DATA_PLANES)),
        "one-node": Variant(untrusted(DATA_PLANES[-1])),
    },
}

OVER_TLS = ("curity.instance.certificate", "gateway.data-plane.trust")
"""Without TLS there is no certificate to trust."""
