"""Which gateway service serves the route that callers use: by its method and its path, as Kong matches them."""

import pytest

from dcrproof.core.profile.model import RouteSettings
from dcrproof.fixtures.flow.linked import may_serve


@pytest.mark.parametrize(
    ("route", "serves"),
    [
        ({"paths": ["/accounts"]}, True),
        ({"paths": ["/accounts/mine"]}, True),
        ({"paths": ["/"]}, True),
        ({"paths": ["/orders", "/accounts"]}, True),
        ({"paths": ["~/accounts/[a-z]+$"]}, True),
        ({"paths": ["~/(?<who>account"]}, True),  # a pattern of another dialect
        ({"paths": ["~/accountss?/mine$"]}, True),
        ({"paths": ["~/accounts/mine$"]}, True),
        ({"paths": ["~/orders|/accounts"]}, True),
        ({"paths": ["~/accounts/(m+)+$"]}, True),  # it does not match, but nobody runs it
        ({"paths": ["/accounts"], "methods": ["GET", "POST"]}, True),
        ({"paths": ["/accounts"], "methods": []}, True),
        ({"paths": None, "hosts": ["accounts.example.com"]}, True),
        ({"paths": ["/accounts-test"]}, False),
        ({"paths": ["/orders"]}, False),
        ({"paths": ["~/accounts$"]}, False),
        ({"paths": ["~/ccounts"]}, False),
        ({"paths": ["~/orders/(a+)+$"]}, False),
        ({"paths": ["/accounts"], "methods": ["POST"]}, False),
    ],
)
def test_a_route_serves_a_call_by_its_method_and_the_beginning_of_its_path(route, serves):
    assert may_serve(route, RouteSettings("/accounts/mine")) is serves
