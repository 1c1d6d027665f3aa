"""A signal does not interrupt what would leave things behind; a run or a sweep that is stopped says what is left."""

import os
import re
import signal
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import respx
from adverse import Case, Ended, signalled
from forks import ROOT, Performed, command_line, start
from recorded import INTERRUPTED as INTERRUPTED_IN_A_TEST
from recorded import own_suite
from test_clean_up import PATIENCE, Tenant, killed, live, until  # noqa: F401 - a fixture
from tiers import full, sample, spread

from dcrproof.core.http.exchange import Request
from dcrproof.core.http.signals import NUMBERS, PASSED_ON, as_ctrl_c, heard_by, put_off
from dcrproof.core.ledger.kinds import CLIENT
from dcrproof.core.ledger.ledger import Ledger, new_mark
from dcrproof.core.ledger.watch import binds
from dcrproof.core.secrets.secret import Secret
from dcrproof.fixtures.run.run import RUN, Run
from dcrproof.fixtures.session.signals import Stop

URL = "https://curity.example/registration"
EACH = pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.name)


@EACH
def test_a_signal_is_delivered_when_the_block_has_ended(number):
    came, done = [], []
    with put_off(came.append):
        signal.raise_signal(number)
        done.append("the rest of the block")
    assert (came, done) == ([number], ["the rest of the block"])


@EACH
def test_what_is_put_off_is_told_at_once_and_the_outer_block_decides(number):
    came, told = [], []
    with heard_by(told.append), put_off(came.append), put_off(lambda _: came.append("inner")):
        signal.raise_signal(number)
        assert told == [number]
    assert came == [number]


CLIENTS = "https://curity.example/registration"
DEPENDS = {  # whether a signal waits for the answer: it may hold an id, or the only token that deletes a client
    ("curity", "GET", "https://curity.example/oauth/.well-known/openid-configuration"): False,
    ("curity", "POST", "https://curity.example/token"): False,
    ("curity", "POST", CLIENTS): True,
    ("curity", "GET", f"{CLIENTS}/of-somebody-else"): False,
    ("curity", "GET", f"{CLIENTS}/c1"): True,  # reading replaces the token
    ("curity", "DELETE", f"{CLIENTS}/c1"): True,
    ("konnect", "GET", "https://konnect.example/v3/apis"): False,
    ("konnect", "POST", "https://konnect.example/v3/apis"): True,
    ("konnect", "PATCH", "https://konnect.example/v2/application-auth-strategies/s1"): True,
    ("konnect", "POST", "https://konnect.example/v2/dcr-providers/p1/verify"): True,
    ("portal", "POST", "https://portal.example/api/v3/developer/authenticate"): False,
    ("portal", "POST", "https://portal.example/api/v3/applications"): True,
    ("portal", "POST", "https://portal.example/api/v3/applications/a1/refresh-token"): True,
    ("portal", "DELETE", "https://portal.example/api/v3/applications/a1"): True,
    ("gateway", "POST", "https://gateway.example/orders"): False,
}


@pytest.mark.parametrize(("party", "method", "url"), DEPENDS, ids=" ".join)
def test_a_signal_waits_for_the_answers_on_which_something_depends(party: str, method: str, url: str) -> None:
    ledger = Ledger(new_mark())
    made = ledger.intend(CLIENT, "https://curity.example", "/registration", "c1")
    ledger.managed(ledger.entries[made], f"{CLIENTS}/c1", Secret("the only token that deletes it"))
    base = "/".join(url.split("/")[:3])
    kind = "application/json" if url == CLIENTS else "application/x-www-form-urlencoded"
    sent = Request(party=party, base=base, method=method, url=url, media_type=kind, body=b"{}")
    assert binds(ledger, sent) is DEPENDS[party, method, url]


@EACH
def test_a_second_one_ends_it(number):
    came = []

    def two_signals():
        with put_off(came.append):
            signal.raise_signal(number)
            signal.raise_signal(number)

    with pytest.raises(KeyboardInterrupt):
        two_signals()
    assert came == [number]


@EACH
def test_a_signal_that_comes_by_itself_and_from_the_controller_of_xdist_is_one(number):
    """A terminal sends Ctrl-C to the controller and to each worker; `kill` to the controller alone."""
    came = []
    with put_off(came.append):
        signal.raise_signal(number)
        signal.raise_signal(PASSED_ON)
    assert came == [number]


@pytest.mark.parametrize(
    ("names", "stopped"),
    [("SIGUSR1", 1), ("SIGINT SIGUSR1", 1), ("SIGUSR1 SIGTERM SIGUSR1", 2), ("SIGINT SIGUSR1 SIGINT SIGUSR1", 2)],
)
def test_a_worker_counts_what_its_controller_passes_on_once(names: str, stopped: int) -> None:
    run = Run()
    stop = Stop(SimpleNamespace(stash={RUN: run}, pluginmanager=SimpleNamespace(get_plugin=lambda _: None)))
    stop.pytest_sessionfinish()
    for name in names.split():
        stop(signal.Signals[name], None)
    os.close(stop.terminal)
    assert run.stopped == stopped


def test_the_handlers_are_restored():
    before = [signal.getsignal(number) for number in NUMBERS]
    with put_off():
        pass
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_a_signal_that_is_ignored_stays_ignored():
    """As `nohup` has it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with put_off():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@EACH
def test_a_command_that_is_stopped_may_say_what_is_left(number, monkeypatch):
    left = []
    monkeypatch.setattr(os, "_exit", left.append)

    def stopped():
        with as_ctrl_c(2):
            try:
                signal.raise_signal(number)
            except KeyboardInterrupt:
                signal.raise_signal(number)
                left.append("what is left")
                signal.raise_signal(number)
                raise

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert left == ["what is left", 2]


@pytest.mark.parametrize(
    ("party", "method"), [("curity", "POST"), ("curity", "PUT"), ("konnect", "POST"), ("portal", "DELETE")]
)
def test_a_pending_answer_is_not_lost_to_ctrl_c(connection_to, party, method):
    """Only the answer to a registration has the token that deletes the client."""
    http = connection_to(party, "https://curity.example")
    heard = []
    http.watch = lambda *_: heard.append

    def interrupted(_: httpx.Request) -> httpx.Response:
        signal.raise_signal(signal.SIGINT)
        return httpx.Response(201, json={"client_id": "c1"})

    with respx.mock as network:
        network.route(method=method, url=URL).mock(side_effect=interrupted)
        with pytest.raises(KeyboardInterrupt):
            http.send(method, URL, headers={"content-type": "application/json"}, body=b"{}")
    assert [exchange.status for exchange in heard] == [201]


# Runs that are stopped at a chosen moment

INTERRUPTED = 2
CHECK = "dcrproof.core.parties.portal.PortalClient.register", 1  # things of most kinds were created by then
DELETION, PROOF = "dcrproof.core.cleanup.delete.Deletion._try", "dcrproof.core.cleanup.verify.Proof.round"
REPORTS, SUMMARY = "dcrproof.reports.folder.write", "dcrproof.fixtures.session.terminal.summary"
CHECKS = ("provision.api", "application.registered", "registration.created")
ONCE = {  # the first signal, wherever it comes: everything is deleted
    "in a check": ((*CHECK, "SIGINT"),),
    "in a check, SIGTERM": ((*CHECK, "SIGTERM"),),
    "in a check, SIGHUP": ((*CHECK, "SIGHUP"),),
    "while things are deleted": ((DELETION, 2, "SIGINT"),),
    "while the proof is made": ((PROOF, 1, "SIGTERM"),),
    "while reports are written": ((REPORTS, 1, "SIGINT"),),
    "in a check, and while reports are written": ((*CHECK, "SIGINT"), (REPORTS, 1, "SIGINT")),
    "in a check, and in the summary": ((*CHECK, "SIGHUP"), (SUMMARY, 1, "SIGINT")),
}
TWICE = {  # the second one ends the clean-up
    "in a check, then while things are deleted": ((*CHECK, "SIGINT"), (DELETION, 2, "SIGINT")),
    "SIGTERM twice": ((*CHECK, "SIGTERM"), (DELETION, 1, "SIGTERM")),
    "SIGHUP, then SIGTERM": ((*CHECK, "SIGHUP"), (DELETION, 1, "SIGTERM")),
    "twice while things are deleted": ((DELETION, 2, "SIGINT SIGINT"),),
    "and once more while reports are written": ((*CHECK, "SIGINT"), (DELETION, 2, "SIGINT"), (REPORTS, 1, "SIGINT")),
}


def cases(moments: Mapping[str, tuple[tuple[str, int, str], ...]]) -> list[Case]:
    return [Case(f"stopped {name}", CHECKS, signals=signals) for name, signals in moments.items()]


@pytest.mark.parametrize("case", spread(cases(ONCE), of=3, id=lambda case: case.name))
def test_a_run_that_is_stopped_once_leaves_nothing(
    adversity: Performed[Case, Ended],
    case: Case,
) -> None:
    ended = adversity[case]
    assert (ended.exit, list(ended.left), list(ended.taken)) == (INTERRUPTED, [], []), ended.printed
    assert "Traceback" not in ended.printed


@pytest.mark.parametrize("case", spread(cases(TWICE), of=2, id=lambda case: case.name))
def test_a_run_that_is_stopped_twice_says_what_is_left_and_how_it_is_swept(
    adversity: Performed[Case, Ended],
    case: Case,
) -> None:
    ended = adversity[case]
    assert (ended.exit, list(ended.taken)) == (INTERRUPTED, []), ended.printed
    assert "Traceback" not in ended.printed
    assert ended.left
    told = re.findall(r"CLEAN-UP FAILED  (\S.*): the clean-up was stopped before this was deleted", ended.printed)
    assert [id for table, id in ended.left if table != "clients" and id not in "\n".join(told)] == []
    assert re.search(r"CLEAN-UP FAILED  .*: dcrproof sweep --ledger \S+\.jsonl --profile \S+ --yes", ended.printed)


@full
def test_a_second_signal_ends_the_clean_up_of_workers_too(live: Tenant) -> None:  # noqa: F811 - as above
    live.profile.write_text(live.profile.read_text("utf-8").replace("[run]", "[run]\nparallel = true"), "utf-8")
    live.fault(party="portal", method="DELETE", times=1, delay=2)
    run = live.run("--dcr-check=application.registered", "-n2")
    assert until(lambda: any(call["path"].endswith("/registrations") for call in live.world.calls))
    run.send_signal(signal.SIGTERM)
    assert until(lambda: any((call["method"], call["party"]) == ("DELETE", "portal") for call in live.world.calls))
    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == INTERRUPTED, output
    assert "Traceback" not in output
    assert "the clean-up was stopped before this was deleted" in output
    assert "dcrproof sweep --ledger " in output


@pytest.mark.parametrize("sweep", ["dcrproof sweep --ledger x.jsonl", ""])
def test_a_third_signal_ends_a_run_at_once(sweep: str, capfd: pytest.CaptureFixture[str], monkeypatch) -> None:
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    run = Run(sweep=sweep)
    stop = Stop(SimpleNamespace(stash={RUN: run}, pluginmanager=SimpleNamespace(get_plugin=lambda _: None)))
    stop.pytest_sessionfinish()
    for number in (signal.SIGINT, signal.SIGTERM):
        stop(number, None)
    assert (ended, run.interrupted) == ([], True)
    stop(signal.SIGHUP, None)
    os.close(stop.terminal)
    assert ended == [INTERRUPTED]
    left = sweep or "nothing that this run has created outlives it"
    first, last = capfd.readouterr().err.strip().split("\n\n")
    assert (
        first
        == f"dcrproof: stopped by SIGINT{'; what was created is deleted: another one leaves it to a sweep' if sweep else ''}"
    )
    assert last == f"dcrproof: stopped at once by SIGHUP; {left}"


SECRET = "Qx7-not-the-secret-of-anybody"
AT_A_SILENT_PARTY = {
    "diagnose": ("dcrproof", "diagnose --route URL/x --issuer URL/oauth --client-id a --secret-env SECRET"),
    "diagnose, in a token request": (
        "dcrproof",
        "diagnose --route URL/x --issuer URL/oauth --client-id a --secret-env SECRET --method POST --dcr-check gateway",
    ),
    "run": ("dcrproof", "run --dcr-profile silent.toml"),
    "pytest": ("pytest", f"{ROOT / 'suites'} -p no:cacheprovider --dcr-profile silent.toml"),
}


@pytest.mark.parametrize(("program", "command"), sample(AT_A_SILENT_PARTY.values()), ids=list(AT_A_SILENT_PARTY))
def test_a_party_that_never_answers_does_not_hold_up_who_stops(program: str, command: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        (tmp_path / "silent.toml").write_text(f'[run]\nmode = "inspect"\n[curity]\nissuer = "{url}/oauth"\n')
        words = command.replace("URL", url).split()
        running = start(*words, cwd=tmp_path, program=program, SECRET=SECRET)
        asked, _ = silent.accept()
        with asked:
            asked.recv(1)  # the handshake has begun
            running.send_signal(signal.SIGINT)
            began = time.monotonic()
            printed, _ = running.communicate()
            took = time.monotonic() - began
    assert (running.returncode, took < 8) == (INTERRUPTED, True), (took, printed)  # an answer is waited for 15 seconds
    assert "dcrproof: stopped by SIGINT" in printed
    assert "verdict    interrupted" in printed


MOCKS_STOP = """
import signal
from contextlib import contextmanager
from dcrproof.mocks import listen

serve = listen.listening

@contextmanager
def listening(*given, **named):
    with serve(*given, **named) as found:
        yield found
        signal.raise_signal(signal.SIGINT)

listen.listening = listening
"""


@pytest.mark.parametrize("stop", [INTERRUPTED_IN_A_TEST, "pass"], ids=["the second", "the first"])
def test_a_signal_while_mocks_stop_ends_a_run_as_any_other(stop: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(MOCKS_STOP)
    left = own_suite(tmp_path, stop)
    assert (left.code, "Traceback" in left.output) == (INTERRUPTED, False), left.output
    assert left.report["exit"] == INTERRUPTED


PROFILE = '[run]\nmode = "inspect"\n[curity]\nissuer = "https://127.0.0.1:1/oauth/v2/oauth-anonymous"\n'
WHILE_COLLECTED = {  # the hook in which the first signal comes; the second one comes while pytest formats the first
    "a profile was read": ("pytest_collection", ("--dcr-profile=profile.toml",)),
    "a check was collected": ("pytest_collection_modifyitems", ()),
}
TWO_SIGNALS = """
import signal

def HOOK():
    signal.raise_signal(signal.NAME)

def pytest_keyboard_interrupt():
    signal.raise_signal(signal.NAME)
"""


@EACH
@pytest.mark.parametrize(("hook", "arguments"), WHILE_COLLECTED.values(), ids=WHILE_COLLECTED)
def test_two_signals_during_the_collection_end_a_run_as_one_does(
    hook: str,
    arguments: tuple[str, ...],
    number: signal.Signals,
    tmp_path: Path,
) -> None:
    (tmp_path / "profile.toml").write_text(PROFILE)
    (tmp_path / "conftest.py").write_text(TWO_SIGNALS.replace("HOOK", hook).replace("NAME", number.name))
    left = own_suite(tmp_path, "pass", *arguments)
    assert (left.code, "Traceback" in left.output) == (INTERRUPTED, False), left.output


def test_two_signals_while_the_first_suite_is_imported_end_a_run_as_one_does(tmp_path: Path) -> None:
    (tmp_path / "stopping.py").write_text(
        TWO_SIGNALS.replace("HOOK", "pytest_pycollect_makeitem").replace("NAME", "SIGTERM")
    )
    suite = str(ROOT / "suites" / "test_6_claims.py")
    code, printed = command_line(suite, "-p", "stopping", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (code, "Traceback" in printed) == (INTERRUPTED, False), printed


def test_other_projects_keep_the_handling_of_python(tmp_path: Path) -> None:
    own = "import signal\n\ndef test_it():\n    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
    (tmp_path / "test_other.py").write_text(own + "    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL\n")
    code, printed = command_line("test_other.py", cwd=tmp_path)
    assert code == 0, printed


# Sweeps


@EACH
def test_a_sweep_that_is_stopped_says_what_is_left_and_the_next_one_ends_it(
    live: Tenant,  # noqa: F811 - as above
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    before, clients = live.objects, live.clients
    killed(live)
    with signalled([(DELETION, 2, f"{number.name} {number.name}")]):
        code, told = live.sweep(capsys, "--profile", str(live.profile), "--yes")
    assert code == INTERRUPTED, told
    left = [line for line in told.splitlines() if line.endswith("the sweep was stopped before this was deleted")]
    assert left
    assert re.search(r"stopped: sweep again for \S+\.jsonl and the 0 ledgers after it", told)
    code, told = live.sweep(capsys, "--profile", str(live.profile), "--yes")
    assert (code, live.objects) == (0, before), told
    assert set(clients) <= set(live.clients)
