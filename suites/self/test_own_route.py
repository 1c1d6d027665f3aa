"""What the checks change in the strategy of the run's own route, and when it is restored."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from dcrproof.core.checks.outcomes import Failed
from dcrproof.core.http.exchange import Exchange, now
from dcrproof.fixtures.flow.own_route import OwnRoute


class Konnect:
    """A strategy of a Konnect whose only data plane always has the expected configuration."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {"scopes": ["openid"]}
        self.changes: list[dict[str, Any]] = []
        self.status = 200

    def get(self, path: str) -> Exchange:
        answers = {
            "expected-config-hash": {"expected_hash": "1"},
            "nodes": {"items": [{"id": "1", "config_hash": "1"}]},
        }
        end = path.rpartition("/")[2].partition("?")[0]
        return self.answered("GET", path, answers.get(end, {"configs": {"openid-connect": self.settings}}))

    def patch(self, path: str, body: dict[str, Any]) -> Exchange:
        change = body["configs"]["openid-connect"]
        if self.status == 200:
            self.settings |= change
            self.changes.append({name: value for name, value in change.items() if name != "cache_tokens_salt"})
        return self.answered("PATCH", path, {}, self.status)

    def answered(self, method: str, path: str, content: Any, status: int = 200) -> Exchange:
        return Exchange(
            number=1,
            at=now(),
            party="konnect",
            method=method,
            url=path,
            status=status,
            request_headers=(),
            request_body=b"",
            headers=(),
            body=json.dumps(content).encode(),
            seconds=0.0,
        )


@pytest.fixture
def konnect() -> Konnect:
    return Konnect()


@pytest.fixture
def own(konnect: Konnect) -> OwnRoute:
    target: Any = SimpleNamespace(profile=SimpleNamespace(run=SimpleNamespace(propagation=0.0)))
    unused: Any = None
    return OwnRoute(target, konnect, "cp", "id", "/implementation", unused, unused, unused)  # type: ignore[arg-type] # what is asked of it


def test_one_request_changes_settings_and_restores_those_of_the_check_before(own: OwnRoute, konnect: Konnect) -> None:
    with own.configured(timeout=9):
        assert konnect.settings["timeout"] == 9
    with own.configured(scopes=["other"]):
        assert (konnect.settings["timeout"], konnect.settings["scopes"]) == (None, ["other"])
    assert konnect.changes == [{"timeout": 9}, {"timeout": None, "scopes": ["other"]}]


def test_whoever_uses_the_route_as_it_was_finds_it_restored(own: OwnRoute, konnect: Konnect) -> None:
    with own.configured(scopes=["other"]):
        own.settle()  # within the block it waits, and restores nothing
        assert konnect.settings["scopes"] == ["other"]
    own.settle()
    own.settle()
    assert konnect.changes == [{"scopes": ["other"]}, {"scopes": ["openid"]}]
    assert konnect.settings["cache_tokens_salt"] is None


def test_what_may_keep_other_changes_back_is_restored_at_once(own: OwnRoute, konnect: Konnect) -> None:
    with pytest.raises(ZeroDivisionError), own.restored(), own.configured(timeout=9):
        raise ZeroDivisionError
    assert konnect.changes[-1] == {"timeout": None}


def test_what_could_not_be_restored_is_tried_again(own: OwnRoute, konnect: Konnect) -> None:
    with own.configured(timeout=9):
        pass
    konnect.status = 503
    with pytest.raises(Failed, match="200 to settings of the run's own strategy: cache_tokens_salt, timeout"):
        own.settle()
    konnect.status = 200
    own.settle()
    assert konnect.changes[-1] == {"timeout": None}


def test_settings_that_konnect_refuses_are_not_restored(own: OwnRoute, konnect: Konnect) -> None:
    konnect.status = 400
    with pytest.raises(Failed), own.configured(timeout=9):
        pass
    konnect.status = 200
    own.settle()
    assert konnect.changes == []
