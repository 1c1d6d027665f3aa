"""Two setup steps left undone at once: both are named, in one run, or the second one once the first is done."""

import pytest
from performing import ALSO, Case
from tiers import full

PAIRS = [
    # both at Curity: the first hides the second, or each shows by itself
    ("curity.client.created", "curity.dcr.enabled"),
    ("curity.client.capability", "curity.dcr.authenticate-client-by"),
    ("curity.dcr.non-templatized", "curity.dcr.capabilities"),
    ("curity.token-issuer.jwt", "curity.dcr.client-management"),
    ("curity.metadata.exposed", "curity.token-issuer.userinfo"),
    ("curity.metadata.cache-duration", "curity.dcr.authenticate-client-by"),
    # one at Curity, one in Konnect: the same symptom, or one after another in the flow
    ("curity.client.secret", "konnect.provider.initial-client-secret"),
    ("curity.token-issuer.jwt", "konnect.strategy.claim"),
    ("curity.dcr.nodes", "konnect.provider.issuer"),
    ("curity.token-issuer.signing-key", "konnect.strategy.claim"),
    # both in Konnect
    ("konnect.provider.type", "konnect.strategy.scopes"),
    ("konnect.publication.api", "konnect.implementation.linked"),
    ("konnect.developer.approved", "konnect.registration.approved"),
    # the gateway as well
    ("konnect.strategy.auth-methods", "gateway.data-plane.version"),
    ("curity.base-url.public", "gateway.data-plane.clock"),
    ("curity.token-issuer.signing-key", "gateway.data-plane.keys"),
]


def cases(first, second, **members):
    both = Case(undo=ALSO.join([first, second]), **members)
    return [both, *(Case(undo=step, **members) for step in (first, second))]


def named(run):
    return {step for check in run.failed for step in check["candidates"]}


PARAMETERS = [
    pytest.param(cases(*pair, brief=True), id="+".join(pair), marks=() if number % 4 == 0 else full)
    for number, pair in enumerate(PAIRS)
]


@pytest.mark.parametrize("cases", PARAMETERS)
def test_both_are_named_in_one_run_or_in_the_one_after_the_first_was_done(cases, ended):
    both, *alone = (ended[case] for case in cases)
    steps = [case.undo for case in cases[1:]]
    found = [step for step in steps if step in named(both)]
    assert found, both.printed
    for step, run in zip(steps, reversed(alone), strict=True):
        left = next(other for other in steps if other != step)  # what is still undone once this one is done
        if step in found and left not in found:
            assert left in named(run), run.printed


@pytest.mark.parametrize("cases", PARAMETERS)
def test_whatever_fails_has_one_of_them_among_its_candidates(cases, ended):
    steps = {case.undo for case in cases[1:]}
    assert [check for check in ended[cases[0]].failed if not steps & set(check["candidates"])] == []


@pytest.mark.parametrize("cases", PARAMETERS)
def test_the_run_is_red_and_nothing_of_ours_breaks(cases, ended):
    run = ended[cases[0]]
    assert run.exit == 1, run.printed
    assert {check["verdict"] for check in run.checks} <= {"passed", "failed", "blocked", "not applicable"}, run.printed
    assert "Traceback" not in run.printed
    assert "INTERNALERROR" not in run.printed
