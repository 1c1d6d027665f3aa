"""Products that break one rule each: for every check a target on which it must be red.

A mutant is a plausible wrong product, not a trick on a check: it changes what a party of a world does, never the
requests. Some faults are visible only behind another party that would have stopped them; such a mutant removes that
party's check as well, and says so. Setup steps that are left undone (steps/) are mutants too, and not repeated here.
"""

from collections.abc import Mapping

from dcrproof.mocks.mutants import (
    curity,
    curity_detail,
    gateway,
    gateway_issuer,
    gateway_plugin,
    konnect,
    konnect_detail,
    portal,
    portal_detail,
    standards,
)
from dcrproof.mocks.mutants.base import Mutant

MUTANTS: Mapping[str, Mutant] = {
    **curity.MUTANTS,
    **curity_detail.MUTANTS,
    **konnect.MUTANTS,
    **konnect_detail.MUTANTS,
    **portal.MUTANTS,
    **portal_detail.MUTANTS,
    **gateway.MUTANTS,
    **gateway_plugin.MUTANTS,
    **gateway_issuer.MUTANTS,
    **standards.MUTANTS,
}
"""By name: `PARTY.what-it-does-wrong`."""
