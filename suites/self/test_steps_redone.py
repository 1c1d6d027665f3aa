"""A step that is done again comes back at once: nothing that a party kept meanwhile outlives it."""

import httpx
import pytest

from dcrproof.mocks import steps
from dcrproof.mocks.serve import serving


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with serving(seed=41, folder=tmp_path_factory.mktemp("tls")) as served:
        yield served


@pytest.fixture(scope="module")
def client():
    with httpx.Client(trust_env=False, timeout=20, verify=False) as opened:  # noqa: S501 - mocks of this process
        yield opened


def an_application(served, client):
    """Its id and secret, registered for the API."""
    portal = served.description["portal"]
    client.cookies.clear()
    body = {"username": portal["email"], "password": portal["password"]}
    answer = client.post(f"{portal['url']}/api/v3/developer/authenticate", json=body)
    cookie = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
    client.cookies.clear()
    applications = f"{portal['url']}/api/v3/applications"
    made = client.post(
        applications, headers=cookie, json={"name": "a", "auth_strategy_id": portal["strategy_id"]}
    ).json()
    client.post(f"{applications}/{made['id']}/registrations", headers=cookie, json={"api_id": portal["api_id"]})
    return made["client_id"], made["client_secret"]


def opened(served, client, pair):
    """What both nodes answer to the pair; a cookie of a session would open the route by itself."""
    statuses = []
    for node in ("gateway", "gateway-2"):
        client.cookies.clear()
        address = served.worlds.current.start.addresses[node]
        statuses.append(client.get(f"{address}{served.worlds.current.ROUTE}", auth=pair).status_code)
    return statuses


@pytest.mark.parametrize(
    ("step", "variant"), [(step, variant) for step in steps.STEPS for variant in steps.variants(step)[1:]]
)
def test_the_route_opens_as_before(running, client, step, variant):
    running.worlds.reset()
    world = running.worlds.current
    pair = an_application(running, client)
    assert opened(running, client, pair) == [200, 200]
    try:
        steps.undo(world, step, variant)
    except steps.NotHere:
        return
    opened(running, client, pair)
    steps.redo(world, step)
    assert opened(running, client, pair) == [200, 200]


@pytest.mark.parametrize("step", ["gateway.data-plane.keys", "curity.metadata.exposed", "curity.token-issuer.jwt"])
def test_the_route_opens_where_it_was_asked_for_the_first_time_meanwhile(running, client, step):
    running.worlds.reset()
    pair = an_application(running, client)
    steps.undo(running.worlds.current, step)
    assert opened(running, client, pair) != [200, 200]
    steps.redo(running.worlds.current, step)
    assert opened(running, client, pair) == [200, 200]
