"""The search for sequences that break a rule: what it finds, in its default budget, and what it leaves."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from in_process import InProcess
from tiers import full, sample

from dcrproof.core.parties.authorization_server import Metadata
from dcrproof.fixtures.flow.applications import Applications
from dcrproof.mocks.konnect.objects import Registration
from dcrproof.mocks.messages import Request, Response, json_response
from dcrproof.mocks.mutants import MUTANTS
from dcrproof.mocks.mutants.base import answers, changed, override
from dcrproof.mocks.world import World
from dcrproof.suites.explored.sequences import RULES, Flow, Sequence, searched, shortened
from dcrproof.suites.explored.test_20_explored import CREATED, LIVE, MOCKED

SEED = 0


def beginning(break_it: Callable[[World], None] = lambda _: None) -> Callable[[], Sequence]:
    """Begins each sequence with mocks of its own, with a rule broken: so the same steps come to the same end."""

    def begin() -> Sequence:
        target = InProcess(seed=5)
        world = target.worlds.current
        break_it(world)
        server, portal, setup = target.authorization_server(), target.portal(), world.setup
        ids = (setup.portal_id, setup.api_id, setup.strategy_id)
        applications = Applications(target, portal, target.konnect(), *ids, target.ledger.mark, None)
        metadata = Metadata(server.discovery().object())
        return Sequence(Flow(applications, server, metadata, target.consumer(), target.mocked["curity"], renews=True))

    return begin


def second_revocation(world: World) -> None:
    """A registration that is revoked for the second time stays open."""
    registrations, revoked = world.konnect.registrations, set[str]()
    patch, told = registrations.patch, registrations.push.application_changed

    def forget(application_id: str, registration_id: str, body: Any) -> Registration:
        again = body.get("status") == "revoked" and registration_id in revoked
        revoked.update([registration_id] if body.get("status") == "revoked" else [])
        override(registrations.push, application_changed=(lambda _: None) if again else told)
        try:
            return patch(application_id, registration_id, body)
        finally:
            override(registrations.push, application_changed=told)

    override(registrations, patch=forget)


def renamed_clients(world: World) -> None:
    """The client of an application that was renamed is left behind when that is deleted."""
    applications, tables = world.konnect.applications, world.konnect.tables
    delete = applications.delete

    def leave(application_id: str) -> Any:
        held = tables.applications[application_id]
        if held.name.endswith(" again"):
            tables.applications[application_id] = replace(held, client_registration=None)
        return delete(application_id)

    override(applications, delete=leave)


def renewed_secrets(world: World) -> None:
    """A new name is answered with the secret that is the application's second."""
    secrets: dict[str, str] = {}

    def change(request: Request, response: Response) -> Response:
        id = request.path.partition("/applications/")[2].partition("/")[0]
        if request.path.endswith("/regenerate-secret") and response.status == 201:
            secrets[id] = response.json()["client_secret"]
        if request.method == "PATCH" and id in secrets:
            return changed(response, lambda content: {**content, "client_secret": secrets[id]})
        return response

    answers(world, "portal", change)


def rejected_applications(world: World) -> None:
    """An admin is not shown an application whose registration was rejected."""

    def change(request: Request, response: Response) -> Response:
        if request.method != "GET" or not request.path.endswith("/applications") or response.status != 200:
            return response
        rejected = {
            one.application_id for one in world.konnect.tables.registrations.values() if one.status == "rejected"
        }
        kept = [one for one in response.json()["data"] if one["id"] not in rejected]
        return changed(response, lambda content: {**content, "data": kept})

    answers(world, "konnect", change)


def secrets_among_credentials(world: World) -> None:
    """An admin is shown the secret of an application among its credentials."""
    secrets: dict[str, str] = {}

    def remember(request: Request, response: Response) -> Response:
        if request.method == "POST" and request.path.endswith("/applications") and response.status == 201:
            secrets[response.json()["id"]] = response.json()["client_secret"]
        return response

    def show(request: Request, response: Response) -> Response:
        id = request.path.rpartition("/applications/")[2].removesuffix("/credentials")
        return json_response(200, {"data": [{"client_secret": secrets[id]}]}) if id in secrets else response

    answers(world, "portal", remember)
    answers(
        world,
        "konnect",
        lambda request, response: show(request, response) if request.path.endswith("/credentials") else response,
    )


BROKEN: Mapping[str, tuple[str, Callable[[World], None]]] = {
    **{
        name: (rule, MUTANTS[name].apply)
        for name, rule in {
            "portal.shows-the-secret-again": "once",
            "curity.takes-old-secrets": "ended",
            "gateway.keeps-tokens-for-an-hour": "approved",
            "gateway.takes-expired-tokens": "forwarded",
            "gateway.verifies-no-signature": "forwarded",
            "gateway.takes-unsigned-tokens": "forwarded",
            "gateway.takes-the-public-key-for-a-secret": "forwarded",
            "gateway.trusts-unknown-key-ids": "forwarded",
            "gateway.trusts-keys-in-tokens": "forwarded",
            "gateway.opens-broken-sessions": "ended",
            "gateway.sends-credentials-upstream": "forwarded",
            "gateway.asks-for-no-registration": "approved",
            "gateway.one-node-asks-for-no-registration": "approved",
            "gateway.remembers-deleted-applications": "approved",
            "gateway.asks-no-session-for-a-registration": "forwarded",
            "konnect.revokes-for-ever": "approved",
            "konnect.leaves-clients-behind": "gone",
            "konnect.deletes-clients-of-revoked-registrations": "counted",
        }.items()
    },
    "secrets among credentials": ("once", secrets_among_credentials),
    "second revocation": ("approved", second_revocation),
    "renamed clients": ("gone", renamed_clients),
    "renewed secrets": ("once", renewed_secrets),
    "rejected applications": ("counted", rejected_applications),
}
"""What breaks a rule, and the rule. The last ones break only after some steps, which no check takes."""


@pytest.mark.parametrize("name", sample(BROKEN))
def test_what_breaks_a_rule_is_found_in_the_default_budget(name):
    rule, break_it = BROKEN[name]
    begin = beginning(break_it)
    broken = searched(begin, *MOCKED, SEED)
    assert broken is not None
    short = shortened(begin, broken)
    assert short.failed is not None
    assert (short.failed.expected, short.failed.owner) == RULES[rule], short.failed
    assert len(short.taken) < 8, "what does not matter is left out"


def test_each_rule_is_broken():
    assert {rule for rule, _ in BROKEN.values()} == set(RULES)


@full
def test_nothing_is_found_where_no_rule_is_broken():
    assert searched(beginning(), 30, MOCKED[1], SEED) is None


# As a user runs it


@pytest.mark.parametrize(
    ("options", "there"),
    sample(
        [
            ([], False),
            (["--dcr-check=explored"], True),
            (["-m", "exploratory"], True),
            (["-m", "not exploratory"], False),
        ],
        of=2,
        id=lambda one: one[0][-1] if one[0] else "nothing",
    ),
)
def test_the_search_is_performed_where_it_is_asked_for(run_checks, options, there):
    ran = run_checks("--collect-only", "-q", *options)
    assert ran.code == 0, ran.output
    assert ("test_20_explored.py::test_sequences" in ran.output) is there


@full
def test_the_search_leaves_nothing_in_a_live_party(run_checks, as_live):
    with as_live() as mocks:
        ran = run_checks("--dcr-check=explored.sequences", profile=mocks.profile)
        world = mocks.served.worlds.current
        assert ran.code == 0, ran.output
        assert ran.verdicts["explored.sequences"] == "passed"
        assert world.curity.dynamic_clients == ()
        assert not world.konnect.tables.applications
    made = [one for one in ran.report["exchanges"] if one["method"] == "POST" and one["url"].endswith("/applications")]
    mine = [one for one in made if one["check"] == "explored.sequences"]
    assert 0 < len(mine) <= LIVE[0] * CREATED["application"]


@full
def test_what_the_search_finds_is_told_with_its_steps_and_its_seed(run_checks, tmp_path):
    (tmp_path / "broken.py").write_text(
        "from dcrproof.mocks.mutants import MUTANTS\n\n\n"
        "def pytest_dcr_mutant():\n    return MUTANTS['konnect.leaves-clients-behind'].apply\n"
    )
    ran = run_checks(
        "-m", "exploratory", "--dcr-check=explored.sequences", "-p", "broken", PYTHONPATH=str(tmp_path)
    )  # fmt: skip
    assert ran.code == 1, ran.output
    found = ran.with_verdict("failed")["explored.sequences"]
    assert found["expected"] == RULES["gone"][0]
    assert re.search(
        r": 200; after: application 1 is created; .*deleted; --hypothesis-seed=\d+ finds", found["observed"]
    )


def test_without_hypothesis_the_search_is_not_seen(run_checks, tmp_path):
    (tmp_path / "without.py").write_text(
        "from dcrproof.fixtures.flow import exploring\n\nexploring.find_spec = lambda name: None\n"
    )
    ran = run_checks("-m", "exploratory", "--dcr-check=explored", "-p", "without", PYTHONPATH=str(tmp_path))
    assert ran.verdicts["explored.sequences"] == "not seen"
    assert "pip install 'dcrproof[explore]'" in ran.output
