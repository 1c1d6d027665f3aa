"""No secret of the mocks leaks when checks fail with every output option on.

This is for a sample of the checks; `tox -e canaries` sets DCRPROOF_CANARIES, for all, and takes minutes.
"""

import os
from dataclasses import replace

import pytest
from test_mutants import CHECKS, against
from tiers import full

SAMPLE = (
    "registrar.authenticates",  # a secret of the profile that is wrong
    "registration.read-rotates",  # a client's secret, shown twice
    "provider.secret-hidden",  # an answer with what it should not show
    "developer.signs-in",  # a password
    "application.secret-once",
    "route.basic.accepted",  # Basic credentials, and what reached the upstream
    "route.session.accepted",  # a cookie
    "issuer.session.split",
)
WITH_WORKERS = ("application.secret-once", "route.session.accepted", "issuer.session.split")
ALL = "DCRPROOF_CANARIES" in os.environ
CASES = [
    pytest.param(replace(against(check.id), loud=True), id=check.id) for check in CHECKS if ALL or check.id in SAMPLE
]
CASES += [
    pytest.param(
        replace(against(id), loud=True, workers=True),
        id=f"{id}, with workers",
        marks=full,
    )
    for id in WITH_WORKERS
]


@pytest.mark.parametrize("case", CASES)
def test_no_secret_of_the_mocks_leaks(case, ended):
    run = ended[case]
    assert run.verdicts.get(case.checks) == "failed", run.printed[-5_000:]
    assert run.secrets >= 6
    assert list(run.leaks) == []
    assert "LEAKED SECRET" not in run.printed


def test_the_checks_of_the_sample_exist():
    assert {check.id for check in CHECKS} >= set(SAMPLE) >= set(WITH_WORKERS)
