"""The checks against the classic portal: with mocks in the same process, and over HTTP against `dcrproof serve`."""

import re

from tiers import full

CLASSIC = '[curity]\nmocked = true\n[konnect]\nmocked = true\n[portal]\nmocked = true\ngeneration = "classic"\n[gateway]\nmocked = true\n'
RUN = '[run]\nmode = "provision"\nhostile = true\n'
FLOW = (
    "developer.signs-in",
    "api.offered",
    "application.created",
    "application.secret-once",
    "application.admin-view",
    "application.registered",
    "application.approved",
    "client.known",
    "route.basic.accepted",
    "route.bearer.accepted",
    "route.session.accepted",
    "claims.verify",
    "life.secret.regenerated",
    "life.revoked.route",
    "life.deleted.client",
    "life.deleted.route",
)


def test_checks_of_features_that_the_classic_portal_lacks_are_not_applicable(run_checks, tmp_path):
    (tmp_path / "classic.toml").write_text(RUN + CLASSIC)
    ran = run_checks(profile=tmp_path / "classic.toml")
    assert ran.code == 0, ran.output
    assert {ran.verdicts[check] for check in FLOW} == {"passed"}
    lacking = ran.with_verdict("not applicable")
    assert {"api.found", "strategy.found", "provision.provider"} <= set(lacking)
    assert "the classic portal has no" in lacking["strategy.found"]["observed"]
    assert set(ran.verdicts.values()) <= {"passed", "not applicable", "not seen"}


def classic(mocks, text: str) -> str:
    """The profile that `dcrproof serve` writes, with the classic portal instead of the other one."""
    described = mocks.described["classic_portal"]
    text = re.sub(r'(\[portal\]\nurl = )"[^"]*"', rf'\1"{described["url"]}"', text)
    text = text.replace('generation = "v3"', 'generation = "classic"')
    return text.replace('file = "developer-password"', 'file = "classic-developer-password"')


@full
def test_served_mocks_are_driven_over_http(mocks, run_checks):
    ran = run_checks(profile=mocks.changed("classic", lambda text: classic(mocks, text)))
    assert ran.code == 0, ran.output
    assert {ran.verdicts[check] for check in FLOW} == {"passed"}


@full
def test_without_mocked_the_same_addresses_are_live_and_pass(mocks, run_checks):
    def live(text: str) -> str:
        return re.sub(r"(?m)^mocked = .*\n", "", classic(mocks, text))

    ran = run_checks(profile=mocks.changed("classic-live", live))
    assert ran.code == 0, ran.output
    assert ran.verdicts["route.basic.accepted"] == "passed"


def test_an_undone_setup_step_is_named_without_a_profile(run_checks):
    ran = run_checks("--dcr-undo=portal.application-setup.token", "--dcr-check=application.created")
    assert ran.code == 1, ran.output
    assert ran.with_verdict("failed")["application.created"]["candidates"] == ["portal.application-setup.token"]


def test_steps_of_two_generations_are_rejected(run_checks):
    ran = run_checks("--dcr-undo=portal.application-setup.claims", "--dcr-undo=konnect.strategy.claim")
    assert ran.code == 4
    assert "this portal is of generation classic" in ran.output
