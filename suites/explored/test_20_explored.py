"""The search for a sequence that breaks a rule of the flow: `pytest -m exploratory`."""

from contextlib import contextmanager

from dcrproof.core.checks.check import Evidence, check
from dcrproof.core.checks.sources import DCR, DCRM, PORTAL_API

MOCKED, LIVE = (250, 30), (3, 15)
"""How many sequences are tried, and of how many steps each is at most."""
CREATED = {"application": 3, "registration": 4}
"""What a sequence creates at most."""


@check(
    "explored.sequences",
    "No sequence of what developers, admins, callers and operators do breaks a rule of the flow",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API, DCR, DCRM, "RFC 7592 2.3", "RFC 7519 4.1.4"),
    hostile=True,
    security=True,
    creates={kind: LIVE[0] * number for kind, number in CREATED.items()},
)
def test_sequences(_dcr_explorable, _dcr_expect):
    from dcrproof.suites.explored.sequences import Flow, Sequence, searched, shortened, taken_again

    found, target = _dcr_explorable, _dcr_explorable.applications.target
    flow = Flow(found.applications, found.server, found.metadata, found.consumer, found.clock, renews=target.is_curity)

    def begin():
        return Sequence(flow)

    if target.live:  # recorded as a whole, and not shortened: each attempt creates applications
        broken = searched(begin, *LIVE, found.seed)
    else:
        with _unrecorded(target.transcript):
            broken = searched(begin, *MOCKED, found.seed)
            broken = broken and shortened(begin, broken)
        if broken and (again := taken_again(begin, broken.taken)).failed:
            broken = again
    if broken and (failed := broken.failed):
        failed.observed += f"; --hypothesis-seed={found.seed} finds it again"
        raise failed
    _dcr_expect.judged_by_the_gate()


@contextmanager
def _unrecorded(transcript):
    """Thousands of requests to mocks are no evidence of anything: those that break a rule are sent again."""
    tell, transcript.tell = transcript.tell, lambda _: None
    try:
        yield
    finally:
        transcript.tell = tell
