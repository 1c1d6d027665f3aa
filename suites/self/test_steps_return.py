"""A step that was left undone and is done again leaves nothing behind: the application opens the route as before."""

import httpx
import pytest
from on_call import scene
from performing import UNDONE
from tiers import spread

from dcrproof.mocks import steps

HERE = [undo for undo in UNDONE if undo.partition("=")[0] not in steps.OVER_TLS]


@pytest.fixture(scope="module")
def here():
    with scene() as found:
        assert found.call() == 200
        yield found


def statuses(here) -> tuple[int, int]:
    """Of a call with the pair, and of one with a token that was fetched for it."""
    with httpx.Client(trust_env=False, timeout=20) as client:
        form = {"grant_type": "client_credentials"}
        granted = client.post(
            here.described["curity"]["issuer"].replace("anonymous", "token"), data=form, auth=here.pair
        )
        bearer = {"authorization": f"Bearer {granted.json().get('access_token', 'none')}"}
        return here.call(), client.get(here.described["gateway"]["route"], headers=bearer).status_code


@pytest.mark.parametrize("undo", spread(HERE, of=24))
def test_a_step_that_is_done_again_leaves_nothing_behind(here, undo):
    step, _, variant = undo.partition("=")
    world = here.served.worlds.current
    steps.undo(world, step, variant or None)
    statuses(here)
    steps.redo(world, step)
    assert statuses(here) == (200, 200)
