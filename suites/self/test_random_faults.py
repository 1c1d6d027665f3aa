"""Outages at random places and moments of a run: nothing foreign is touched, nothing is left unsaid, no step is blamed.

A few in the default tests, with those that have shown a fault of dcrproof's; `tox -e faults` has a hundred. Each is told by
its seed. Outages that only Konnect or the gateway meets are named.
"""

import os
import random

import pytest
from adverse import STEADY, Case, Ended
from forks import Performed
from test_steady_faults import DOWN, ENDPOINTS, REGISTRATION

RUNS = int(os.environ.get("DCRPROOF_FAULTS", "3"))
TELLING = (19, 29, 34, 37, 42)
SELECTED = (
    ("life", "registration"),
    ("provision", "application"),
    ("registration", "managed", "provider.verified"),
    ("route.basic", "application.approved", "plugin.methods.listed"),
)
FAULTS = {**DOWN, "cut off": {"truncate": 1}, "late": {"delay": 0.05}, "busy": {"status": 503, "retry_after": "7"}}


OUTLIVED = "clean-up.clients-refused"
"""Where Konnect's own deletion of a client met an outage, the client gets tokens: that is so, whatever the reason."""


def case(seed: int) -> Case:
    """The run of that seed: one to three faults at a party as a whole, or at one of its endpoints."""
    chance = random.Random(f"faults {seed}")
    faults = []
    for _ in range(chance.randint(1, 3)):
        party, method, path, _checks = chance.choice(ENDPOINTS)
        where = chance.choice(
            ({"party": party}, {"party": party, "method": method, "path": path}, {"party": party, "method": "DELETE"})
        )
        times = chance.choice((1, 2, 5, STEADY))
        faults.append({**where, **FAULTS[chance.choice(sorted(FAULTS))], "times": times})
    return Case(
        f"faults of seed {seed}", chance.choice(SELECTED), tuple(faults), late=chance.choice((0, 10, 40, 90, 150))
    )


REGISTRATIONS = f"{REGISTRATION}/*"
BEHIND = [
    Case(
        f"{method} at curity is {fault}, {'once' if times == 1 else 'from then on'}, when Konnect manages clients",
        ("life",),
        ({"party": "curity", "method": method, "path": path, **FAULTS[fault], "times": times},),
        late=60,
    )
    for method, path, fault, times in (
        ("POST", REGISTRATION, "cut off", 1),
        ("GET", REGISTRATIONS, "cut off", 1),
        ("GET", REGISTRATIONS, "dropped", STEADY),
        ("DELETE", REGISTRATIONS, "malformed", 1),
        ("DELETE", REGISTRATIONS, "malformed", STEADY),
        ("POST", "/oauth/v2/oauth-token", "502", 2),
    )
]


@pytest.mark.parametrize(
    "case",
    [*(case(seed) for seed in sorted({*range(RUNS), *TELLING})), *BEHIND],
    ids=lambda case: case.name,
)
def test_random_faults_leave_nothing_unsaid_and_touch_nothing_foreign(
    adversity: Performed[Case, Ended],
    case: Case,
) -> None:
    ended = adversity[case]
    assert list(ended.taken) == [], ended.printed
    assert ended.unsaid == [], ended.printed
    assert "Traceback" not in ended.printed
    assert ended.verdicts("error") == {}
    failed = ended.verdicts("failed")
    assert failed.keys() <= {OUTLIVED}, case.faults
    assert ended.exit in {0, 1, 3, 6}
