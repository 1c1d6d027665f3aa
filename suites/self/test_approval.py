"""A registration that a person has to approve: the run says what it waits for, and continues or says what is missing."""

import threading
from collections.abc import Callable
from typing import Any, Self

import httpx
import pytest

from conftest import Mocks, Ran

PENDING = {"konnect.registration.approved": None}


class Person:
    """A person in Konnect who approves pending registrations at once."""

    def __init__(self, mocks: Mocks) -> None:
        konnect = mocks.described["konnect"]
        self.client = httpx.Client(
            base_url=konnect["url"], headers={"authorization": f"Bearer {konnect['token']}"}, trust_env=False
        )
        self.done = threading.Event()
        self.approved: list[str] = []
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self) -> None:
        (portal,) = (
            item["id"] for item in self.client.get("/v3/portals").json()["data"] if item["name"] == "developers"
        )
        path = f"/v3/portals/{portal}/application-registrations"
        while not self.approved and not self.done.wait(0.05):
            for item in self.client.get(path).json()["data"]:
                one = f"/v3/portals/{portal}/applications/{item['application']['id']}/registrations/{item['id']}"
                if item["status"] == "pending":
                    self.client.patch(one, json={"status": "approved"}).raise_for_status()
                    self.approved.append(item["id"])

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join(5)
        self.client.close()


def test_a_run_waits_for_a_person_and_continues(run_checks: Callable[..., Ran], as_live: Callable[..., Any]):
    with as_live('approval = "wait:1m"', undone=PENDING) as mocks, Person(mocks) as person:
        ran = run_checks("--dcr-check=route.basic.accepted", profile=mocks.profile)
    assert ran.code == 0, ran.output
    (registration,) = person.approved
    assert f"dcrproof: waiting 1m for the approval of registration {registration} of the application" in ran.output


@pytest.mark.parametrize("approval", ["wait:1s", "auto"])
def test_a_run_without_an_approval_names_the_id_and_blocks_what_depends_on_it(run_checks, as_live, approval):
    with as_live(f'approval = "{approval}"', undone=PENDING) as mocks:
        ran = run_checks("--dcr-check=route.basic.accepted", profile=mocks.profile)
    assert ran.code == 1, ran.output
    failed = ran.with_verdict("failed")["application.approved"]
    registration = failed["observed"].split("registration ")[1].split(" ")[0]
    assert len(registration) == 36
    assert f'[run] approval is "{approval}"' in failed["observed"]
    assert f"approve registration {registration} of the application" in failed["fix"]
    assert ran.with_verdict("blocked")["route.basic.accepted"]["blocked_by"] == "application.approved"


def test_a_run_with_the_token_approves_it_itself(run_checks: Callable[..., Ran], as_live: Callable[..., Any]):
    with as_live('approval = "admin"', undone=PENDING) as mocks:
        ran = run_checks("--dcr-check=route.basic.accepted", profile=mocks.profile)
    assert ran.code == 0, ran.output
