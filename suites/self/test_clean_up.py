"""What a run has created is gone when it has ended: by itself, by a signal, or by a kill and a sweep."""

import json
import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import forks
import httpx
import pytest
from tiers import full, sample

from dcrproof.__main__ import main
from dcrproof.core.cleanup.clean_up import clean_up
from dcrproof.core.http.exchange import Request
from dcrproof.core.ledger.watch import watch
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.model import Profile
from dcrproof.mocks.faults import read
from dcrproof.mocks.mutants import MUTANTS
from dcrproof.mocks.profile import write_profile
from dcrproof.mocks.serve import Served, serving
from dcrproof.mocks.start import PARTIES
from dcrproof.mocks.world import World

ALL_MOMENTS = int(os.environ.get("DCRPROOF_KILLS", "4"))
"""The number of moments at which a run is killed; `tox -e kills` has a hundred."""
SWEEPS = int(os.environ.get("DCRPROOF_SWEEP_KILLS", "1"))
"""The number of moments at which a sweep is killed; `tox -e kills` has twenty."""
PATIENCE = 120
"""Seconds after which something is wrong, and not just slow."""
SOME = ("--dcr-check=life", "--dcr-check=provision", "--dcr-check=registration")
"""Checks that create things of each kind."""
VERIFICATION = "Konnect verification"
"""The name of the client that mock Konnect registers to verify a provider."""
TABLES = (
    "providers",
    "strategies",
    "portals",
    "developers",
    "apis",
    "implementations",
    "publications",
    "applications",
    "registrations",
)


@dataclass
class Tenant:
    """Mocks that a run takes for live parties, with other people's things whose names are similar to a run's."""

    served: Served
    profile: Path
    ledgers: Path

    @property
    def world(self) -> World:
        return self.served.worlds.current

    @property
    def objects(self) -> dict[str, set[object]]:
        """The ids of everything in Konnect."""
        return {table: set(getattr(self.world.konnect.tables, table)) for table in TABLES}

    @property
    def clients(self) -> dict[str, str]:
        """The clients that were registered dynamically at Curity: id and name."""
        return {client.id: str(client.metadata.client_name) for client in self.world.curity.dynamic_clients}

    def fault(self, **fault: object) -> None:
        self.world.faults.arm(read(fault, PARTIES))

    def run(self, *arguments: str) -> forks.Started:
        """A run of the checks in a process of its own."""
        options = ["-p", "no:cacheprovider", "-q", f"--dcr-profile={self.profile}", f"--dcr-ledger={self.ledgers}"]
        return forks.start(*options, f"--dcr-report={self.profile.parent / 'reports'}", *arguments)

    def sweep(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(["sweep", "--ledger", str(self.ledgers), *arguments])
        return code, capsys.readouterr().out


@contextmanager
def tenant(folder: Path, mutate: Callable[[World], None] | None = None) -> Iterator[Tenant]:
    with serving(seed=31, mutate=mutate) as served:
        written = write_profile(folder, served)
        profile = folder / "live.toml"
        profile.write_text(re.sub(r'(?m)^mocked = .*\n|, patience = "\w+"', "", written.read_text("utf-8")), "utf-8")
        found = Tenant(served, profile, folder / "ledgers")
        others(found)
        yield found


def others(tenant: Tenant) -> None:
    """Other people's things, in the same lists and with names similar to a run's."""
    konnect, portal = tenant.served.description["konnect"], tenant.served.description["portal"]
    with httpx.Client(base_url=konnect["url"], headers={"authorization": f"Bearer {konnect['token']}"}) as admin:
        for name in ("dcrproof", "dcrproof 0000000", "not dcrproof 00000000"):
            for path in ("/v3/apis", "/v3/portals"):
                assert admin.post(path, json={"name": name}).status_code == 201
    with httpx.Client(base_url=f"{portal['url']}/api/v3") as developer:
        who = {"username": portal["email"], "password": portal["password"]}
        session = developer.post("/developer/authenticate", json=who).headers["set-cookie"].partition(";")[0]
        for name in ("dcrproof", "dcrproof application", "dcrproof 00000000 application"):
            body = {"name": name, "auth_strategy_id": portal["strategy_id"]}
            made = developer.post("/applications", json=body, headers={"cookie": session})
            assert made.status_code == 201, made.text


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Tenant]:
    with tenant(tmp_path) as found:
        yield found


def until(holds: Callable[[], bool]) -> bool:
    """Waits until that holds, and looks more often than `poll`: a run takes a second or two."""
    deadline, pause = time.monotonic() + PATIENCE, threading.Event()
    while not holds() and time.monotonic() < deadline:
        pause.wait(0.005)
    return holds()


def reached(tenant: Tenant, calls: int) -> bool:
    """Waits until the parties have had this many calls."""
    return until(lambda: len(tenant.world.calls) >= calls)


# A run that ends by itself, or is told to end


def test_a_run_leaves_nothing_behind_not_even_a_ledger(live: Tenant) -> None:
    before, clients = live.objects, live.clients
    run = live.run(*SOME)
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, output
    assert (live.objects, live.clients) == (before, clients)
    assert list(live.ledgers.iterdir()) == []
    assert "Clean-up: what this run has made is gone                       1 passed" in output


STOPS = [(signal.SIGINT, ()), (signal.SIGTERM, ("-n2",)), (signal.SIGTERM, ()), (signal.SIGINT, ("-n2",))]


@pytest.mark.parametrize(
    ("number", "workers"),
    sample(STOPS, id=lambda stop: f"{stop[0].name}-{'parallel' if stop[1] else 'serial'}"),
)
def test_a_run_that_is_stopped_leaves_nothing_behind(
    live: Tenant, number: signal.Signals, workers: tuple[str, ...]
) -> None:
    live.profile.write_text(live.profile.read_text("utf-8").replace("[run]", "[run]\nparallel = true"), "utf-8")
    before, clients = live.objects, live.clients
    run = live.run(*SOME, *workers)
    assert reached(live, 150)
    assert live.objects != before
    run.send_signal(number)
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 2, output
    assert (live.objects, live.clients) == (before, clients), output
    assert list(live.ledgers.iterdir()) == []
    assert "crashed" not in output
    assert json.loads((live.profile.parent / "reports" / "latest" / "run.json").read_text("utf-8"))["exit"] == 2


@full
@pytest.mark.parametrize(
    ("kill", "number"),
    sample(
        [
            (os.kill, signal.SIGTERM),
            (os.killpg, signal.SIGINT),  # as a terminal sends Ctrl-C
            (os.kill, signal.SIGINT),
            (os.killpg, signal.SIGTERM),
        ],
        of=2,
        id=lambda sent: f"{sent[0].__name__}-{sent[1].name}",
    ),
)
def test_the_messages_of_stopped_workers_are_in_the_report(
    live: Tenant, kill: Callable[[int, int], None], number: signal.Signals
) -> None:
    live.profile.write_text(live.profile.read_text("utf-8").replace("[run]", "[run]\nparallel = true"), "utf-8")
    live.fault(party="portal", method="DELETE", times=10**6, status=405)
    run = live.run("-n2", "--dcr-check=route")
    assert reached(live, 300)
    kill(run.pid, number)
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 2, output
    assert re.search(r"CLEAN-UP FAILED  application 'dcrproof [0-9a-f]{8} application' [0-9a-f-]{36} in Portal", output)


def test_a_failed_clean_up_after_own_tests_that_pass_is_said_and_ends_the_run_with_3(
    live: Tenant, tmp_path: Path
) -> None:
    (tmp_path / "test_own.py").write_text("def test_it(dcr_application): pass\n")
    live.fault(party="portal", method="DELETE", times=10**6, status=405)
    run = live.run(str(tmp_path / "test_own.py"))
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 3, output
    assert "1 passed" in output
    assert re.search(r"CLEAN-UP FAILED  application 'dcrproof [0-9a-f]{8} application' [0-9a-f-]{36} in Portal", output)


@pytest.mark.parametrize(
    ("own", "workers"),
    sample(
        [(True, ()), (False, ("-n2",)), (True, ("-n2",)), (False, ())],
        id=lambda run: f"{'own test' if run[0] else 'checks'}-{'parallel' if run[1] else 'serial'}",
    ),
)
def test_a_ledger_that_cannot_be_written_is_an_error_before_anything_is_sent(
    live: Tenant, tmp_path: Path, workers: tuple[str, ...], own: bool
) -> None:
    live.profile.write_text(live.profile.read_text("utf-8").replace("[run]", "[run]\nparallel = true"), "utf-8")
    live.ledgers.write_text("a file where the folder should be")
    (tmp_path / "test_own.py").write_text("def test_it(dcr_application): pass\n")
    sent = len(live.world.calls)
    run = live.run(*workers, *([str(tmp_path / "test_own.py")] if own else ["--dcr-check=application.created"]))
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 4, output
    assert f"ERROR: no ledger can be kept in {live.ledgers}: File exists; " in output
    assert "--dcr-ledger" in output
    assert "Traceback" not in output
    assert len(live.world.calls) == sent


def test_a_run_stopped_during_clean_up_completes_it(live: Tenant) -> None:
    before, clients = live.objects, live.clients
    live.fault(party="portal", method="DELETE", times=3, delay=1)
    run = live.run("--dcr-check=application.registered")
    assert until(lambda: any((call["method"], call["party"]) == ("DELETE", "portal") for call in live.world.calls))
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 2, output
    assert (live.objects, live.clients) == (before, clients), output


# Killed, then swept


@pytest.mark.parametrize("moment", sample(range(ALL_MOMENTS)))
def test_a_run_killed_at_any_moment_is_swept(live: Tenant, moment: int, capsys: pytest.CaptureFixture[str]) -> None:
    before, clients = live.objects, live.clients
    run = live.run()
    calls = random.Random(moment).randrange(20, 1200)  # of about as many in a whole run, its clean-up included
    until(lambda: len(live.world.calls) >= calls or run.poll() is not None)
    run.kill()
    run.communicate(timeout=PATIENCE)
    left = live.objects != before or set(live.clients) != set(clients)

    code, listed = live.sweep(capsys)
    assert code == 0
    assert left <= ("dcrproof " in listed)
    told = swept(live, capsys, before, clients)
    assert "left " in told or list(live.ledgers.iterdir()) == []


@pytest.mark.parametrize("moment", range(SWEEPS))
def test_a_sweep_killed_at_any_moment_is_ended_by_the_next(
    live: Tenant, moment: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before, clients = live.objects, live.clients
    clients |= killed(live)
    calls = len(live.world.calls) + random.Random(f"sweep {moment}").randrange(1, 30)
    sweep = sweeping(live)
    until(lambda: len(live.world.calls) >= calls or sweep.poll() is not None)
    sweep.kill()
    sweep.communicate(timeout=PATIENCE)
    told = swept(live, capsys, before, clients)
    assert "left " in told or list(live.ledgers.iterdir()) == []


def sweeping(live: Tenant) -> forks.Started:
    """A sweep in a process of its own."""
    options = ["--ledger", str(live.ledgers), "--profile", str(live.profile), "--yes"]
    return forks.start("sweep", *options, program="dcrproof")


def swept(live: Tenant, capsys: pytest.CaptureFixture[str], before: object, clients: Mapping[str, str]) -> str:
    """Sweeps, and asserts that only what the sweep reports is left, and nothing else is gone."""
    code, told = live.sweep(capsys, "--profile", str(live.profile), "--yes")
    assert code == 0, told
    assert live.objects == before, told
    assert set(clients) <= set(live.clients), "nothing else is deleted"
    left = {name for id, name in live.clients.items() if id not in clients}
    assert {name for name in left if f"left       client {name!r}" not in told} <= {VERIFICATION}, told
    assert VERIFICATION not in left or VERIFICATION in told
    left -= {VERIFICATION}
    assert not left or "never answered" in told or "never came" in told
    return told


# Clean-up against odds


@pytest.mark.parametrize(
    "fault",
    sample(
        [{"status": 503, "retry_after": "1"}, {"drop": True}, {"status": 500}, {"status": 429}, {"truncate": 0}],
        id=lambda fault: " ".join(map(str, fault.items())),
    ),
)
def test_a_passing_failure_is_retried(
    live: Tenant, fault: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    before, clients = live.objects, live.clients
    clients |= killed(live)
    for party in ("konnect", "portal", "curity"):
        live.fault(party=party, method="DELETE", times=2, **fault)
        live.fault(party=party, method="GET", times=1, **fault)
    swept(live, capsys, before, clients)


def killed(live: Tenant) -> dict[str, str]:
    """What a run that was killed at its end leaves, with its ledger. Returns the clients of which it has told already."""
    for party in ("konnect", "portal", "curity"):
        live.fault(party=party, method="DELETE", times=10**6, status=405)
    run = live.run("--dcr-check=provision", "--dcr-check=application.registered", "--dcr-check=registration.created")
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 3, output
    live.world.faults.armed.clear()
    return {id: name for id, name in live.clients.items() if name == VERIFICATION and VERIFICATION in output}


def test_what_cannot_be_deleted_is_reported_with_its_id_and_owner(live: Tenant) -> None:
    run = live.run("--dcr-check=application.created")
    assert reached(live, 1)
    live.fault(party="portal", method="DELETE", times=1000, status=405)
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 3, output
    found = re.search(
        r"CLEAN-UP FAILED  application 'dcrproof [0-9a-f]{8} application' [0-9a-f-]{36} in Portal: ", output
    )
    assert found, output
    assert "-> 405 (owner: Konnect admins)" in output
    assert len(list(live.ledgers.glob("*.jsonl"))) == 1, "a sweep can finish it"


def test_a_client_that_outlives_its_application_is_a_failed_check(tmp_path: Path) -> None:
    with tenant(tmp_path, MUTANTS["konnect.leaves-clients-behind"].apply) as live:
        run = live.run("--dcr-check=application.created")
        output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 1, output
    assert "FAILED clean-up.clients-refused: " in output
    assert re.search(r"step +curity\.dcr\.client-management", output)
    assert re.search(
        r"observed +client [0-9a-f-]{36} of the application 'dcrproof [0-9a-f]{8} application': exchange", output
    )
    report = json.loads((tmp_path / "reports" / "latest" / "run.json").read_text("utf-8"))
    assert report["checks"][-1]["id"] == "clean-up.clients-refused"


@pytest.mark.parametrize(("path", "kind"), [("/v3/apis", "API"), ("/v3/portals", "portal")])
def test_what_was_created_without_an_answer_is_found_by_its_name(live: Tenant, path: str, kind: str) -> None:
    before = live.objects
    live.fault(party="konnect", method="POST", path=path, times=1, truncate=0)
    run = live.run("--dcr-check=provision")
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, output
    assert live.objects == before, output


def test_a_client_whose_registration_was_never_answered_is_reported_by_its_name() -> None:
    """There is no list of clients."""
    target = Target(Profile("a test"))
    url, body = "https://curity.example/registration", b'{"client_name": "dcrproof 0123abcd one"}'
    watch(
        target.ledger,
        Request(
            party="curity",
            base="https://curity.example",
            method="POST",
            url=url,
            media_type="application/json",
            body=body,
        ),
    )
    done = clean_up(target, target.ledger)
    why = "its registration was never answered, so it may exist (owner: Curity admins)"
    assert done.left == [f"client 'dcrproof 0123abcd one' at the authorization server: {why}"]
    assert (done.failed, len(target.ledger.pending)) == ([], 1)


# The sweep is careful


def test_what_no_longer_has_the_mark_is_left_alone(live: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody has renamed and adopted it."""
    killed(live)
    konnect = live.world.konnect
    adopted = next(
        api
        for api in konnect.tables.apis.values()
        if re.fullmatch(r"dcrproof [0-9a-f]{8}", api.name) and api.name != "dcrproof 00000000"
    )
    konnect.catalog.patch_api(adopted.id, {"name": "ours now"})
    code, told = live.sweep(capsys, "--profile", str(live.profile), "--yes")
    assert adopted.id in konnect.tables.apis
    assert (
        f"left       API '{adopted.name}' {adopted.id} in Konnect: it no longer has the mark '{adopted.name}'" in told
    )
    assert code in {0, 3}


def test_nothing_is_deleted_without_yes(live: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    killed(live)
    held = (live.objects, live.clients)
    number = len(live.world.calls)
    for arguments in ((), ("--profile", str(live.profile))):
        code, told = live.sweep(capsys, *arguments)
        assert (code, "nothing was deleted" in told) == (0, True)
    assert "would delete  application 'dcrproof " in told
    assert (live.objects, live.clients, len(live.world.calls)) == (*held, number)


def test_a_ledger_of_another_target_is_skipped(live: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    killed(live)
    held = live.objects
    text = live.profile.read_text("utf-8")
    another = live.profile.with_name("another.toml")
    another.write_text(text.replace(live.served.description["konnect"]["url"], "http://127.0.0.1:9"), "utf-8")
    code, told = live.sweep(capsys, "--profile", str(another), "--yes")
    assert (code, live.objects) == (0, held)
    assert "skipped    a run against konnect http://127.0.0.1:" in told


def test_a_sweep_beside_a_running_run_does_no_harm(live: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    run = live.run(*SOME)
    assert reached(live, 100)
    code, told = live.sweep(capsys, "--profile", str(live.profile), "--yes")
    assert (code, "in use" in told) == (0, True)
    output, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, output


def test_two_sweeps_at_once_do_no_harm(live: Tenant) -> None:
    before, clients = live.objects, live.clients
    killed(live)
    sweeps = [sweeping(live) for _ in range(2)]
    told = [sweep.communicate(timeout=PATIENCE)[0] for sweep in sweeps]
    assert [sweep.returncode for sweep in sweeps] == [0, 0], told
    assert live.objects == before, told
    assert set(clients) <= set(live.clients)


def test_clients_of_a_mock_that_died_with_its_run_are_reported(
    live: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where only Curity is live: the mock that registered them is gone, with everything that it knew of them."""
    text = live.profile.read_text("utf-8")
    curity = text[text.index("[curity]") : text.index("[konnect]")]
    mocked = "".join(f"[{party}]\nmocked = true\n" for party in ("konnect", "portal", "gateway"))
    live.profile.write_text(f'[run]\nmode = "create"\n{curity}{mocked}', "utf-8")
    clients = live.clients
    run = live.run("--dcr-check=application.registered", "--dcr-check=registration.created")
    # not just any: for its verification the mock registers one as well, and deletes it
    assert until(lambda: any(name.endswith(" application") for id, name in live.clients.items() if id not in clients))
    run.kill()
    run.communicate(timeout=PATIENCE)
    _, listed = live.sweep(capsys)
    assert "registered by a mock that is gone (owner: Curity admins)" in listed
    assert "left  application" not in listed
    code, told = live.sweep(capsys, "--profile", str(live.profile), "--yes")
    assert code == 0, told
    left = {name for id, name in live.clients.items() if id not in clients and name.startswith("dcrproof")}
    assert left
    assert "registered by a mock that is gone (owner: Curity admins)" in told
    assert all(f"application {name!r}" in told or f"client {name!r}" in told for name in left), (left, told)


# What a user may type


def test_invalid_arguments_of_the_sweep_are_reported(
    live: Tenant, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for arguments, said in (
        (["--yes"], "--yes needs --profile FILE"),
        (["--profile", str(tmp_path / "none.toml")], "none.toml"),
        (["--ledger", str(tmp_path / "nowhere")], "nowhere: no such file or folder"),
    ):
        assert main(["sweep", *arguments]) == 4
        assert said in capsys.readouterr().err


def test_a_folder_without_ledgers_is_not_a_failure(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["sweep", "--ledger", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"nothing to sweep: no ledger in {tmp_path}\n"
