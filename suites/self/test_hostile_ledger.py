"""Ledgers that nothing of dcrproof has written so: bad lines are named, the rest is swept, and nothing foreign is touched."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest
from test_clean_up import Tenant, tenant, until

from dcrproof.core.profile.reading import read

MARK = "dcrproof 0123abcd"
OWN_FAULT = 3
NUMBERS = count()
MADE = {"made": 1, "collection": "/v3/apis"}
RAW = re.compile(r"(?m)[^\n\t\x20-\x7e]|^::")
"""What would command a terminal, or GitHub."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    with tenant(tmp_path_factory.mktemp("tenant")) as live:
        live.ledgers.mkdir()
        yield live


@pytest.fixture
def live(shared: Tenant) -> Tenant:
    for path in shared.ledgers.iterdir():
        path.rmdir() if path.is_dir() else path.unlink()
    return shared


def ledger(live: Tenant, *lines: object, name: str = "20260101T000000Z-a", **first: object) -> Path:
    """Writes a ledger with these lines after its first one; a text is written as it is, the rest as JSON."""
    konnect, portal, curity = (live.served.description[party] for party in ("konnect", "portal", "curity"))
    addresses = {"konnect": konnect["url"], "portal": portal["url"], "curity": curity["issuer"]}
    head = {"ledger": 1, "mark": MARK, "started": "then", "salt": "00", "addresses": addresses, **first}
    written = (line if isinstance(line, str) else json.dumps(line) for line in (head, *lines))
    path = live.ledgers / f"{name}.jsonl"
    path.write_text("\n".join(written))
    return path


def intent(live: Tenant, **other: object) -> dict[str, object]:
    base = live.served.description["konnect"]["url"]
    return {"intent": 1, "kind": "API", "base": base, "collection": "/v3/apis", "name": MARK, **other}


def good(live: Tenant) -> Callable[[], bool]:
    """A ledger that is sorted last, of an API that is there. The result says whether that is gone."""
    mark = f"dcrproof {next(NUMBERS):08x}"
    id = made_api(live, mark)
    ledger(live, intent(live, name=mark), {**MADE, "id": id}, name="20270101T000000Z-z", mark=mark)
    return lambda: id not in live.world.konnect.tables.apis


def made_api(live: Tenant, name: str) -> str:
    konnect = live.served.description["konnect"]
    headers = {"authorization": f"Bearer {konnect['token']}"}
    return httpx.post(f"{konnect['url']}/v3/apis", json={"name": name}, headers=headers).json()["id"]


def foreign(live: Tenant) -> str:
    return next(id for id, one in live.world.konnect.tables.portals.items() if one.name == "dcrproof")


def sweep(live: Tenant, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Lists and deletes. Returns the exit code of the latter, and what both have printed."""
    listed, first = live.sweep(capsys)
    code, told = live.sweep(capsys, "--profile", str(live.profile), "--yes", *arguments)
    assert listed == code or code != OWN_FAULT, "what cannot be read is exit 3 for a list as well"
    return code, first + told


LINES: dict[str, Callable[[Tenant], list[object]]] = {
    "an entry of a list": lambda _: [{"made": [1]}],
    "an entry of an object": lambda _: [{"gone": {"a": 1}}],
    "brackets": lambda _: ["[" * 100_000],
    "no JSON": lambda live: [intent(live), "what?", {"made": 7}],
    "a number": lambda _: ["17"],
    "a big number": lambda live: [intent(live, intent=10**400)],
    "a number that is none": lambda _: ['{"intent": NaN}'],
    "a kind of thing that there is not": lambda live: [intent(live, kind="tenant")],
    "a kind that is a list": lambda live: [intent(live, kind=["API"])],
    "a name that is a list": lambda live: [intent(live, name=[MARK])],
    "half a character": lambda live: [json.dumps(intent(live)).replace(MARK, MARK + "\\ud800")],
    "a seal that is a number": lambda live: [
        intent(live, kind="client", base=live.served.description["curity"]["issuer"], collection="/x"),
        {"manage": 1, "sealed": 17},
    ],
    "an id that leads elsewhere": lambda live: [intent(live), {**MADE, "id": f"../portals/{foreign(live)}"}],
    "an id that is a list": lambda live: [intent(live), {**MADE, "id": [1]}],
    "an id that is a command": lambda live: [intent(live), {**MADE, "id": "x\n::error::pwned\x1b[2J\u202e"}],
    "a list that leads elsewhere": lambda live: [
        intent(live),
        {"made": 1, "collection": "/v3/apis/../portals", "id": foreign(live)},
    ],
    "a list of another kind": lambda live: [
        intent(live, kind="implementation", collection="/v3/portals", name=None),
        {"made": 1, "collection": "/v3/portals", "id": foreign(live)},
    ],
    "a publication of somebody else's": lambda live: [
        intent(live, kind="publication", collection="/v3/portals", name=None),
        {"made": 1, "collection": "/v3/portals", "id": foreign(live)},
    ],
    "another address": lambda live: [intent(live, base="http://127.0.0.2:1"), {**MADE, "id": "x"}],
}


@pytest.mark.parametrize("lines", LINES)
def test_a_line_that_makes_no_sense_is_named_and_the_rest_is_swept(
    live: Tenant, capsys: pytest.CaptureFixture[str], lines: str
) -> None:
    bad = ledger(live, *LINES[lines](live))
    before, swept = live.objects, good(live)
    code, told = sweep(live, capsys)
    assert {name: ids - live.objects[name] for name, ids in before.items()} == {name: set() for name in before}
    assert swept(), told
    assert code == OWN_FAULT
    assert re.search(rf"unreadable +.*{re.escape(bad.name)}.*line [23]", told), told
    assert not RAW.search(told)
    assert bad.exists(), "what was not understood is kept"


FIRST = {
    "what began it is a command": {"started": "\x1b[2J\n::error::pwned"},
    "addresses that are none": {"addresses": {"konnect": [1]}},
    "no addresses": {"addresses": {}},
    "a salt that is none": {"salt": None},
    "another version": {"ledger": 2},
}


@pytest.mark.parametrize("first", FIRST)
def test_a_ledger_whose_first_line_makes_no_sense_is_named_and_the_rest_is_swept(
    live: Tenant, capsys: pytest.CaptureFixture[str], first: str
) -> None:
    bad = ledger(live, intent(live), {**MADE, "id": "x"}, **FIRST[first])
    swept = good(live)
    code, told = sweep(live, capsys)
    assert swept(), told
    assert not RAW.search(told)
    assert code == OWN_FAULT or first == "what began it is a command"
    assert bad.exists() or first == "what began it is a command"


def is_folder(path: Path) -> None:
    path.mkdir()


def is_fifo(path: Path) -> None:
    os.mkfifo(path)


def is_endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def is_gone(path: Path) -> None:
    path.symlink_to("/nowhere")


def is_binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 10)


def cannot_be_locked(path: Path) -> None:
    path.write_text("{}")
    path.with_name(path.name + ".lock").mkdir()


class Over(BaseException):
    """Nothing takes it for an error of a file."""


@pytest.fixture
def patience() -> Iterator[None]:
    """Ten seconds: a test that waits for something that never comes fails."""

    def over(*_: object) -> None:
        raise Over

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("make", [is_folder, is_fifo, is_endless, is_gone, is_binary, cannot_be_locked])
@pytest.mark.usefixtures("patience")
def test_what_cannot_be_read_is_named_and_the_rest_is_swept(
    live: Tenant, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None]
) -> None:
    make(live.ledgers / "20260101T000000Z-a.jsonl")
    swept = good(live)
    code, told = sweep(live, capsys)
    assert swept(), told
    assert (code, "Traceback" in told) == (OWN_FAULT, False)
    assert re.search(r"unreadable +.*20260101T000000Z-a\.jsonl", told), told


@contextmanager
def somebody_else(folder: Path, mode: int) -> Iterator[None]:
    """In the block this process may not do there what the folder's mode does not let others do."""
    root, before = os.geteuid() == 0, folder.stat().st_mode
    folder.chmod(mode)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(before)


@pytest.mark.parametrize("mode", [0o000, 0o111, 0o555], ids=oct)
def test_ledgers_of_another_user_are_not_nothing(
    live: Tenant, capsys: pytest.CaptureFixture[str], mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = read(live.profile)
    monkeypatch.setattr("dcrproof.core.profile.reading.read", lambda _: profile)  # it is a matter of the ledgers alone
    good(live)
    for folder in [*live.ledgers.parents][:3]:
        folder.chmod(folder.stat().st_mode | 0o111)
    with somebody_else(live.ledgers, mode):
        code, told = sweep(live, capsys)
    assert code == OWN_FAULT, told
    assert "nothing to sweep" not in told


# Killed in the middle


def test_a_client_whose_deletion_was_on_its_way_is_gone_for_the_next_sweep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with tenant(tmp_path) as live:
        live.fault(party="curity", method="DELETE", path="/token-service/*", delay=0.5, times=1)
        before = live.clients
        run = live.run("--dcr-check=registration.delete")
        assert until(lambda: not live.world.faults.armed)
        run.kill()
        run.communicate()
        assert until(lambda: any(call["method"] == "DELETE" for call in live.world.calls))
        code, told = live.sweep(capsys, "--profile", str(live.profile), "--yes")
        assert (code, live.clients) == (0, before), told
        assert not list(live.ledgers.glob("*.jsonl")), told
