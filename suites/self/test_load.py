"""`dcrproof load`: many users at the same time, what is judged of it, what it leaves behind, and what it refuses."""

import gc
import json
import signal
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from jsonschema import Draft202012Validator
from leaks import leaks
from test_run_json import SCHEMA

from dcrproof.__main__ import main
from dcrproof.core.http.polling import poll
from dcrproof.core.load import pace
from dcrproof.core.load.load import Load, ground
from dcrproof.core.load.tally import MOST_SLOTS, Durations, Finding, Tally
from dcrproof.core.load.user import Application, LoadUser
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.model import LoadSettings
from dcrproof.core.profile.reading import read
from dcrproof.fixtures.catalogue import under_load
from dcrproof.fixtures.session import selection
from dcrproof.load.options import LoadOptions, counts, problems
from dcrproof.mocks import lasting
from dcrproof.mocks import world as mocks_world
from dcrproof.mocks.gateway.tokens import read_jwt
from dcrproof.mocks.lasting import MANY, Lasting
from dcrproof.mocks.messages import Request, Response
from dcrproof.mocks.mutants import MUTANTS as ALL_MUTANTS
from dcrproof.mocks.mutants.base import answers
from dcrproof.mocks.mutants.load import MUTANTS
from dcrproof.mocks.profile import write_profile
from dcrproof.mocks.serve import serving
from dcrproof.mocks.world import World
from dcrproof.reports.load_plots import plots

LIMITS = """
[load]
curity = { p50 = "250ms", p95 = "30s", p99 = "60s" }
konnect = { p50 = "30s", p95 = "30s", p99 = "60s" }
portal = { p50 = "30s", p95 = "30s", p99 = "60s" }
gateway = { p50 = "30s", p95 = "30s", p99 = "60s" }
"""
"""What a busy machine can hold."""
CHECKS = [entry.check.id for entry in under_load()]


@dataclass(frozen=True)
class Ended:
    """A load that has ended: its exit code, run.json, what it printed, and the folder of its report."""

    exit: int
    run: Mapping[str, Any]
    printed: str
    report: Path

    @property
    def verdicts(self) -> dict[str, str]:
        return {check["id"]: check["verdict"] for check in self.run["checks"]}

    @property
    def failed(self) -> list[str]:
        return [id for id, verdict in self.verdicts.items() if verdict == "failed"]


@dataclass(frozen=True)
class Mocked:
    """Mocks of this process, their profile, and what is in them."""

    profile: Path
    world: World
    addresses: Mapping[str, str]

    @property
    def left(self) -> list[str]:
        """The applications at the portal, and the clients at Curity."""
        clients = [client.id for client in self.world.curity.dynamic_clients]
        return [*self.world.konnect.tables.applications, *clients]


@contextmanager
def target(folder: Path, mutate: Callable[[World], None] | None = None) -> Iterator[Mocked]:
    with serving(seed=11, mutate=mutate) as served:
        profile = write_profile(folder, served)
        profile.write_text(profile.read_text("utf-8") + LIMITS, "utf-8")
        yield Mocked(profile, served.worlds.current, served.worlds.current.start.addresses)


@pytest.fixture(scope="module")
def loads() -> Iterator[Callable[..., Ended]]:
    """Performs a load with these options. All loads of a worker are performed by one process, which Locust has patched."""
    command = [sys.executable, str(Path(__file__).with_name("loads.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def perform(profile: Path, *options: str) -> Ended:
            report = profile.parent / "report"
            given = ["--profile", str(profile), "--report", str(report), "--ledger", str(profile.parent / "ledgers")]
            print(json.dumps([*given, *options]), file=process.stdin, flush=True)
            told = json.loads(process.stdout.readline())
            return Ended(told["exit"], told["run"], told["printed"], report / "latest")

        yield perform
        process.stdin.close()


# What is judged

ROLE = {
    "load.identity.credentials": "developer",
    "load.ended.renewed": "developer",
    "load.ended.deleted": "developer",
    "load.ended.revoked": "operator",
}
"""Whose work shows a broken rule soonest; for the others it is the consumer's."""


def test_every_check_of_a_load_has_one_mutant():
    assert sorted(id for mutant in MUTANTS.values() for id in mutant.turns_red) == sorted(CHECKS)


@pytest.mark.parametrize("name", MUTANTS)
def test_check_of_a_load_turns_red_on_its_mutant(name, loads, tmp_path):
    (check,) = MUTANTS[name].turns_red
    for seconds in ("2s", "20s"):  # on a busy machine little happens in two seconds
        with target(tmp_path, MUTANTS[name].apply) as at:
            role = ROLE.get(check, "consumer")
            ended = loads(at.profile, "--users=3", "--rate=60", f"--time={seconds}", f"--roles={role}")
            assert at.left == []
        if ended.failed:
            break
    assert ended.failed[0] == check, ended.printed
    assert ended.exit == 1
    (found,) = [one for one in ended.run["checks"] if one["id"] == check]
    assert found["expected"]
    assert found["observed"]
    assert f"failed: {check}" in ended.printed
    if check == "load.ready":
        assert {verdict for id, verdict in ended.verdicts.items() if id in CHECKS} == {"failed", "blocked"}


def listening(made: set[str]) -> Callable[[World], None]:
    """Adds the secrets that the mocks give away to the set."""

    def note(_: Request, response: Response) -> Response:
        try:
            content = response.json()
        except ValueError:
            content = None
        for member in ("client_secret", "access_token", "registration_access_token"):
            if isinstance(content, dict) and isinstance(content.get(member), str):
                made.add(content[member])
        cookies = [value for key, value in response.headers if key.lower() == "set-cookie"]
        made.update(cookie.partition(";")[0].partition("=")[2] for cookie in cookies)
        return response

    def listen(world: World) -> None:
        for port in ("curity", "portal", "gateway"):
            answers(world, port, note)

    return listen


@pytest.fixture(scope="module")
def green(loads, tmp_path_factory) -> Iterator[tuple[Ended, Mocked, set[str]]]:
    """A load of all roles on mocks without fault, with the secrets that they gave away."""
    made: set[str] = set()
    with target(tmp_path_factory.mktemp("green"), listening(made)) as at:
        yield loads(at.profile, "--users=4", "--rate=60", "--time=3s"), at, made


def test_every_check_passes_where_nothing_is_wrong(green):
    ended, at, _ = green
    assert ended.exit == 0, ended.printed
    assert [id for id in ended.verdicts if id != "clean-up.clients-refused"] == CHECKS
    assert set(ended.verdicts.values()) == {"passed"}, ended.printed
    assert at.left == []


def test_run_json_has_the_figures_of_a_load(green):
    load = green[0].run["load"]
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(green[0].run)] == []
    assert load["users"] == {"consumer": 2, "developer": 1, "operator": 1}
    assert load["requests"] == sum(one["requests"] for one in load["operations"])
    assert load["requests"] == sum(slot["all"]["requests"] for slot in load["slots"])
    assert load["requests"] <= 60 * (load["seconds"] + 1)
    assert {one["name"].partition(":")[0] for one in load["operations"]} == {"consumer", "developer", "operator"}


def test_the_page_shows_the_figures_as_plots_without_scripts(green):
    page = (green[0].report / "index.html").read_text("utf-8")
    assert page.count('<svg class="plot"') == 6
    assert 'aria-label="Gateway: time to answer: p50 at most ' in page
    assert "consumer: call with a session" in page
    assert "| gateway | " in (green[0].report / "summary.md").read_text("utf-8")


def test_no_secret_of_a_load_is_written_or_printed(green):
    ended, _, made = green
    assert len(made) > 20
    files = {path.name: path.read_text("utf-8", "replace") for path in ended.report.iterdir()}
    assert leaks({**files, "what was printed": ended.printed}, made) == []


def test_nothing_is_left_of_the_ledger_of_a_load_that_has_cleaned_up(green):
    assert list((green[1].profile.parent / "ledgers").iterdir()) == []


def given_application(profile: Path) -> Application:
    """An application that exists before the load, made in the same way."""
    at = Target(read(profile))
    try:
        load = Load(at)
        return LoadUser(load, ground(at), count(1).__next__).approved("given")
    finally:
        at.close()


def test_a_load_of_live_parties_in_mode_existing_calls_the_route_with_what_the_profile_gives(loads, as_live):
    with as_live() as mocks:
        known = given_application(mocks.profile)
        (mocks.folder / "given").write_text(known.secret.reveal())
        given = f'[application]\nclient_id = "{known.client_id}"\nclient_secret = {{ file = "given" }}\n'
        profile = mocks.changed("existing", lambda text: live_and_existing(text) + given)
        before = dict(mocks.served.worlds.current.konnect.tables.applications)
        ended = loads(profile, "--users=2", "--rate=60", "--time=1s", "--roles=consumer")
        assert ended.exit == 0, ended.printed
        assert mocks.served.worlds.current.konnect.tables.applications == before
    assert {id for id, verdict in ended.verdicts.items() if verdict == "passed"} >= {
        "load.ready",
        "load.identity.route",
    }
    assert ended.verdicts["load.ended.deleted"] == "not seen"
    assert {one["name"].partition(":")[0] for one in ended.run["load"]["operations"]} == {"consumer"}


def strangers(world: World) -> None:
    """Something in front of the gateway answers now and then."""
    numbers = count(1)
    page = Response(200, (("content-type", "text/html"),), b"<h1>Who are you?</h1>")
    answers(world, "gateway", lambda _, response: page if next(numbers) > 30 and next(numbers) % 3 == 0 else response)


@pytest.mark.parametrize(
    ("broken", "role", "reason"),
    [
        (ALL_MUTANTS["portal.keeps-the-secret"].apply, "developer", "an answer that lacks something"),
        (strangers, "consumer", "not an answer of the party"),
    ],
    ids=["a secret is missing", "strangers"],
)
def test_answers_that_are_of_no_use_are_errors_whatever_their_status(broken, role, reason, loads, tmp_path):
    with target(tmp_path, broken) as at:
        ended = loads(at.profile, "--users=2", "--rate=90", "--time=2s", f"--roles={role}")
        assert at.left == []
    assert ended.failed == ["load.errors.budget"], ended.printed
    assert any(found.endswith(reason) for found in ended.run["load"]["reasons"])


def interrupted(world: World) -> None:
    """The first refusal of the gateway does not arrive: something in front of it answers."""
    numbers = count(1)
    page = Response(200, (("content-type", "text/html"),), b"<h1>Who are you?</h1>")
    answers(world, "gateway", lambda _, response: page if response.status == 403 and next(numbers) == 1 else response)


def test_an_operator_who_was_interrupted_approves_the_application_again(loads, tmp_path):
    with target(tmp_path, interrupted) as at:
        ended = loads(at.profile, "--users=1", "--rate=90", "--time=2s", "--roles=operator")
    assert ended.run["load"]["reasons"] == {"consumer: call with what has ended: not an answer of the party": 1}
    assert ended.verdicts["load.ended.revoked"] == "passed"


def test_developers_stop_when_they_have_created_what_the_profile_allows(loads, as_live):
    with as_live("max_created = 6") as mocks:
        profile = mocks.changed("six", lambda text: text.replace("max_created = 1000\n", ""))
        ended = loads(profile, "--users=3", "--rate=90", "--time=3s")
        world = mocks.served.worlds.current
        made = [call for call in world.calls if (call["method"], call["path"]) == ("POST", "/api/v3/applications")]
        assert (len(made), [*world.konnect.tables.applications]) == (6, [])
    assert ended.exit == 0, ended.printed
    assert "a developer stopped: [run] max_created above 6 would let it go on" in ended.printed
    assert ended.run["load"]["remarks"]


def test_a_party_that_cannot_be_reached_is_named_and_nothing_else_is_judged(loads, as_live):
    with as_live() as mocks, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        gateway = urlsplit(mocks.described["gateway"]["url"]).netloc
        nowhere = f"127.0.0.1:{closed.getsockname()[1]}"
        profile = mocks.changed("nowhere", lambda text: without_nodes(text).replace(gateway, nowhere))
        ended = loads(profile, "--users=3", "--rate=90", "--time=3s")
        assert mocks.served.worlds.current.konnect.tables.applications == {}
    assert ended.exit == 6, ended.printed
    assert {id: verdict for id, verdict in ended.verdicts.items() if id in CHECKS} == {
        id: "unreachable" if id == "load.ready" else "blocked" for id in CHECKS
    }
    assert "connection refused" in ended.printed


def without_nodes(profile: str) -> str:
    lines = [line for line in profile.splitlines(keepends=True) if not line.startswith("nodes")]
    return "".join(lines).replace("[run]\n", '[run]\ndeadlines = { patience = "1s" }\n')


def live_and_existing(profile: str) -> str:
    lines = [line for line in profile.splitlines(keepends=True) if not line.startswith(("mocked", "deadlines"))]
    return "".join(lines).replace('"provision"', '"existing"')


@pytest.mark.full
def test_certificates_are_verified_under_load(loads, tmp_path):
    with serving(seed=11, folder=tmp_path) as served:
        profile = write_profile(tmp_path, served)
        trusting = loads(profile, "--users=3", "--rate=60", "--time=2s")
        assert trusting.exit == 0, trusting.printed
        lines = profile.read_text("utf-8").splitlines(keepends=True)
        profile.write_text("".join(line for line in lines if not line.startswith("ca = ")), "utf-8")
        ended = loads(profile, "--users=3", "--rate=60", "--time=2s")
    assert ended.exit == 6, ended.printed
    (found,) = [check for check in ended.run["checks"] if check["id"] == "load.ready"]
    assert found["verdict"] == "unreachable"
    assert "TLS: " in found["observed"]


# How it ends


@contextmanager
def started(at: Mocked, *options: str) -> "Iterator[subprocess.Popen[str]]":
    """A load in a process of its own, whose users are at work."""
    command = [sys.executable, "-m", "dcrproof", "load", "--profile", str(at.profile), "--users=4", "--time=10m"]
    folder = at.profile.parent
    process = subprocess.Popen(
        [*command, "--rate=60", "--report", str(folder / "report"), "--ledger", str(folder / "ledgers"), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        working = poll("users at work", lambda: len(at.world.konnect.tables.registrations) > 1, bool, 60)[0]
        assert working, "no registrations"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_load_that_is_interrupted_deletes_what_it_has_made_and_reports(tmp_path):
    with target(tmp_path) as at, started(at) as process:
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 2, printed
        assert at.left == []
        run = json.loads((tmp_path / "report" / "latest" / "run.json").read_text("utf-8"))
        assert (run["exit"], run["verdict"]) == (2, "interrupted")
        assert list((tmp_path / "ledgers").iterdir()) == []
        assert "Traceback" not in printed


def test_a_load_that_is_killed_is_swept(tmp_path, capsys):
    with target(tmp_path) as at, started(at) as process:
        process.kill()
        process.wait()
        assert at.left
        assert main(["sweep", "--ledger", str(tmp_path / "ledgers"), "--profile", str(at.profile), "--yes"]) == 0
        assert at.left == []
        assert "deleted    application" in capsys.readouterr().out
        assert list((tmp_path / "ledgers").glob("*.jsonl")) == []
        assert main(["report", str(tmp_path / "report" / "latest")]) == 0
        assert "cut short" in capsys.readouterr().out


def test_mocks_of_a_load_without_profile_end_with_it_even_if_it_is_killed(tmp_path):
    command = [sys.executable, "-m", "dcrproof", "load", "--users=3", "--time=10m", f"--report={tmp_path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        lines = iter(process.stdout.readline, "")
        address = next(urlsplit(line.split()[-1]) for line in lines if "gateway mocked" in line)
        assert any("making what the load needs" in line for line in lines)
        process.kill()

    def listens() -> bool:
        with socket.socket() as connection:
            return connection.connect_ex((address.hostname, address.port)) == 0

    assert not poll("the mocks to end", listens, lambda found: not found, 30)[0]


@pytest.mark.full
def test_the_page_of_locust_shows_no_secret_and_can_end_the_load(tmp_path):
    made: set[str] = set()

    def broken(world: World) -> None:
        listening(made)(world)
        MUTANTS["gateway.fails-under-load"].apply(world)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        page = f"http://127.0.0.1:{free.getsockname()[1]}"
    with (
        target(tmp_path, broken) as at,
        started(at, f"--web={urlsplit(page).port}", "--roles=consumer") as process,
    ):

        def errors() -> int:
            try:
                return int(httpx.get(f"{page}/stats/requests").json()["fail_ratio"] > 0)
            except httpx.HTTPError:
                return 0

        assert poll("errors", errors, bool, 60)[0]
        shown = {
            path: httpx.get(page + path).text for path in ("/stats/requests", "/exceptions", "/stats/failures/csv")
        }
        assert "503" in shown["/stats/failures/csv"]
        assert len(made) > 5
        assert leaks(shown, set(made)) == []
        httpx.post(f"{page}/stop")
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 1, printed
        assert "failed: load.errors.budget" in printed
        assert at.left == []


@pytest.mark.full
def test_workers_of_a_master_share_the_load_and_clean_up_each(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with target(tmp_path) as at:
        lines = at.profile.read_text("utf-8").splitlines(keepends=True)
        live = "".join(line for line in lines if not line.startswith("mocked = "))  # then a load needs a rate
        at.profile.write_text(live, "utf-8")
        command = [sys.executable, "-m", "dcrproof", "load", "--profile", str(at.profile), f"--master={address}"]
        quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        workers = [
            subprocess.Popen([*command, "--worker", f"--ledger={tmp_path / str(number)}"], **quiet)
            for number in range(2)
        ]
        options = ["--workers=2", "--users=6", "--rate=60", "--time=5s", f"--report={tmp_path / 'report'}"]
        led = subprocess.run([*command, *options], **quiet, check=False, timeout=200)
        told = [worker.communicate(timeout=60)[0] for worker in workers]
        assert led.returncode == 0, "\n".join([led.stdout, *told])
        assert [worker.returncode for worker in workers] == [0, 0]
        assert at.left == []
        run = json.loads((tmp_path / "report" / "latest" / "run.json").read_text("utf-8"))
        assert run["load"]["processes"] == 2
        assert run["load"]["users"] == {"consumer": 4, "developer": 1, "operator": 1}
        assert {check["verdict"] for check in run["checks"]} == {"passed"}


def test_mocks_do_not_grow_under_a_steady_set_of_creations_and_deletions(loads, tmp_path, monkeypatch):
    """With small bounds, which an hour would reach without; the clock is turned, so that tokens end."""
    monkeypatch.setattr(mocks_world, "REMEMBERED", 50)
    monkeypatch.setattr(lasting, "MANY", 20)
    marks = []
    with target(tmp_path) as at:
        tracemalloc.start()
        try:
            for _ in range(3):
                ended = loads(at.profile, "--users=4", "--rate=90", "--time=2s")
                assert ended.exit == 0, ended.printed
                del ended
                at.world.clock.advance(1000)
                read_jwt.cache_clear()  # a thousand tokens, which a short load does not reach
                gc.collect()
                marks.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
        assert at.left == []
    assert marks[2] - marks[1] < 100 * 512, marks  # less than half a KiB for each of a hundred requests


def test_what_has_ended_is_forgotten_when_there_is_much_of_it():
    now = [0]
    kept = Lasting[int, int](lambda: now[0], float)
    for moment in range(20 * MANY):
        now[0] = moment
        kept[moment] = moment + 100
        assert len(kept) <= MANY
    assert {moment for moment in kept if kept[moment] > now[0]} == set(range(20 * MANY - 100, 20 * MANY))


# What it refuses

LIVE = """\
[run]
mode = "create"
hostile = true
max_created = 20
[curity]
issuer = "https://id.example"
[curity.registrar]
id = "registrar"
secret = { env = "ONE" }
[konnect]
url = "https://eu.api.konghq.com"
token = { env = "TWO" }
portal = "developers"
api = "accounts"
strategy = "curity"
[portal]
url = "https://developers.example"
email = "dev@example.com"
password = { env = "THREE" }
[gateway]
url = "https://api.example"
[[gateway.route]]
path = "/accounts"
"""
ENVIRONMENT = {"ONE": "Xk29-qpwo-11ab", "TWO": "Lm83-zzyx-77cd", "THREE": "Pq55-ttrr-33ef"}
ASKED = LoadOptions("dcrproof load", rate=5.0)
REFUSED = {
    # what is changed in the profile, what is asked for, and what the problem names
    "nothing": ("", "", ASKED, None),
    "not hostile": ("hostile = true", "hostile = false", ASKED, "run.hostile: "),
    "no rate": ("", "", LoadOptions("dcrproof load"), "--rate: missing"),
    "too few things": ("max_created = 20", "max_created = 9", ASKED, "run.max_created: 9, "),
    "too many users": ("", "", LoadOptions("dcrproof load", users=21, rate=5.0), "run.max_created: 20, "),
    "too many users for workers": (
        "",
        "",
        LoadOptions("", users=20, workers=3, rate=5.0),
        "run.max_created: 20, and 20 users need 21",
    ),
    "a worker, which its master tells of rate and users": ("", "", LoadOptions("", users=21, worker=True), None),
    "a worker, not hostile": ("hostile = true", "hostile = false", LoadOptions("", worker=True), "run.hostile: "),
    "inspect": ('"create"', '"inspect"', ASKED, 'run.mode: "inspect"'),
    "existing": (
        'mode = "create"',
        'mode = "existing"',
        ASKED,
        'run.mode: "existing" creates nothing: add --roles consumer',
    ),
    "existing, consumers": (
        'mode = "create"',
        'mode = "existing"',
        LoadOptions("", rate=5.0, roles=("consumer",)),
        None,
    ),
    "no API": (
        'mode = "create"|api = "accounts"\nstrategy = "curity"|portal = "developers"',
        'mode = "provision"|control_plane = "default"|service = "orders"',
        ASKED,
        "konnect.api: missing",
    ),
    "no token": ('token = { env = "TWO" }', "", ASKED, "konnect.token: missing: operators"),
    "no token, no operator": (
        'token = { env = "TWO" }',
        "",
        LoadOptions("", rate=5.0, roles=("consumer", "developer")),
        None,
    ),
    "classic": ("email", 'generation = "classic"\nemail', ASKED, 'portal.generation: "classic"'),
    "too long": ("", "", LoadOptions("", rate=5.0, seconds=7200.0), "--time: the run ends after 2h"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_load_is_refused_unless_the_profile_allows_it(case, tmp_path):
    before, after, options, expected = REFUSED[case]
    text = LIVE
    for old, new in zip(before.split("|"), after.split("|"), strict=True):
        text = text.replace(old, new) if old else text
    if 'mode = "existing"' in text:
        text += '[application]\nclient_id = "one"\nclient_secret = { env = "ONE" }\n'
    (tmp_path / "profile.toml").write_text(text)
    found = list(problems(options, read(tmp_path / "profile.toml", ENVIRONMENT)))
    assert [one.startswith(expected or "") for one in found] == [True] * bool(expected), found


def test_a_load_does_not_start_mocks_for_a_profile(tmp_path):
    parties = "".join(f"[{name}]\nmocked = true\n" for name in ("curity", "konnect", "portal", "gateway"))
    (tmp_path / "profile.toml").write_text(f'[run]\nmode = "create"\n{parties}')
    (found,) = problems(ASKED, read(tmp_path / "profile.toml", {}))
    assert found.startswith("curity, konnect, portal, gateway: mocked = true: ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--users=0"], "expected a whole number from 1 to 10000, found '0'"),
        (["--rate=0"], "expected requests a second, such as 20 or 0.5, found '0'"),
        (["--time=never"], "expected a time above 0, such as 30s, 15m or 1h, found 'never'"),
        (["--time=0s"], "expected a time above 0"),
        (["--master=there"], "expected HOST:PORT"),
        (["--roles=consumr"], "no role 'consumr'; did you mean 'consumer'?"),
        (["--users=2"], "3 roles need as many users"),
        (["--worker"], "--worker and --workers need --profile"),
        (["--workers=2"], "--worker and --workers need --profile"),
        (["--worker", "--profile=x", "--workers=2"], "the master has --workers and --web"),
        (["--usres=3"], "did you mean '--users'?"),
    ],
)
def test_bad_usage_of_a_load_is_answered(arguments, expected, capsys):
    try:
        code = main(["load", *arguments])
    except SystemExit as error:
        code = error.code
    assert code == 4
    assert expected in capsys.readouterr().err


def test_the_checks_of_a_load_are_no_tests_of_pytest():
    with pytest.raises(pytest.UsageError) as refused:
        selection._not_found("load.identity", others=True)
    assert str(refused.value) == "--dcr-check load.identity: it is performed by `dcrproof load`, and not by pytest"


def test_nothing_but_a_load_imports_locust():
    names = "dcrproof.__main__, dcrproof.fixtures.plugin, dcrproof.fixtures.listing, dcrproof.load.options"
    asked = f"import sys, {names}; print([name for name in ('locust', 'gevent') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_what_cannot_be_listened_at_or_written_is_refused_and_leaves_no_record(loads, tmp_path):
    (tmp_path / "file").touch()
    with target(tmp_path) as at, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for options, said in {
            ("--web", str(port)): f"--web {port}: Address already in use",
            (
                "--workers=1",
                "--master=203.0.113.9:5557",
            ): "--master 203.0.113.9:5557: expected an address of this machine",
            ("--ledger", str(tmp_path / "file")): f"{tmp_path / 'file'}: File exists",
            ("--report", str(tmp_path / "file")): f"{tmp_path / 'file'}",
        }.items():
            ended = loads(at.profile, *options)
            assert ended.exit == 4
            assert ended.printed.startswith(f"dcrproof load: {said}")
            assert ended.run is None
        assert at.left == []


def test_without_locust_the_extra_is_named():
    missing = "import sys; sys.modules['locust'] = None; from dcrproof.__main__ import main; sys.exit(main(['load']))"
    ran = subprocess.run([sys.executable, "-c", missing], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (4, "")
    assert ran.stderr.startswith("dcrproof load: locust is missing; the command needs the extra load: pip install ")


# Figures


def test_a_percentile_is_at_most_four_percent_above_what_was_measured():
    durations = Durations()
    for number in range(1, 1001):
        durations.add(number / 1000)
    for share in (0.5, 0.95, 0.99):
        assert share <= durations.percentile(share) <= share * 1.041
    assert Durations().percentile(0.5) is None


def a_tally(*spans: range) -> Tally:
    found = Tally()
    for span in spans:
        for second in span:
            found.request(second, "gateway", "call", 0.01 * (second % 7 + 1))
            if second % 10 == 0:
                found.error(second, "gateway", "call", "503")
            seen = found.check("load.identity.route")
            seen.looked += 1
    return found


def test_tallies_of_two_workers_are_added_to_what_one_would_have_counted():
    together, one, other = a_tally(range(50), range(900)), a_tally(range(50)), a_tally(range(900))
    one.check("load.identity.route").findings.append(Finding("this", "that"))
    told = Tally.of(json.loads(json.dumps(one.data())))
    told.add(other)
    assert told.width == together.width == 4
    assert {slot: counts["gateway"].data() for slot, counts in told.slots.items()} == {
        slot: counts["gateway"].data() for slot, counts in together.slots.items()
    }
    assert told.all.data() == together.all.data()
    assert told.reasons == together.reasons
    assert told.check("load.identity.route").looked == 950
    assert told.check("load.identity.route").findings == [Finding("this", "that")]


def test_a_tally_does_not_grow_with_time():
    found = a_tally(range(0, 100_000, 13))
    assert len(found.slots) <= MOST_SLOTS
    assert found.all.requests == len(range(0, 100_000, 13))


def test_requests_wait_for_their_turn(monkeypatch):
    now, waited = [100.0], []
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(pace, "pause", lambda _, seconds: waited.append(round(seconds, 6)))
    ten = pace.Pace(10)
    for _ in range(3):
        ten.wait()
    assert waited == [0.1, 0.2]
    now[0] = 200.0
    ten.wait()
    assert waited == [0.1, 0.2], "who is behind does not catch up, and waits for nobody"
    pace.Pace(None).wait()


@pytest.mark.parametrize(
    ("users", "roles", "expected"),
    [
        (3, ("consumer", "developer", "operator"), {"consumer": 1, "developer": 1, "operator": 1}),
        (10, ("consumer", "developer", "operator"), {"consumer": 6, "developer": 3, "operator": 1}),
        (5, ("operator",), {"operator": 5}),
    ],
)
def test_each_role_has_users(users, roles, expected):
    assert counts(LoadOptions("", users=users, roles=roles)) == expected


def test_limits_of_a_load_are_those_of_the_profile(tmp_path):
    text = LIVE + '[load]\nerrors = 0.5\ngateway = { p95 = "20ms" }\n'
    (tmp_path / "profile.toml").write_text(text)
    load = read(tmp_path / "profile.toml", ENVIRONMENT).load
    assert load.errors == 0.5
    assert load.gateway.seconds == {"p50": 0.5, "p95": 0.02, "p99": 5.0}
    assert load.portal == LoadSettings().portal


def test_plots_escape_what_is_from_outside():
    counted = {"requests": 1, "errors": 0, "p50": 0.01, "p95": None, "p99": 2.5}
    slot = {"at": 0, "all": counted, "parties": {"<b>": counted}, "memory": 2**20}
    drawn = list(plots({"slots": [slot, slot], "width": 1, "seconds": 1.5, "parties": {"<b>": counted}}))
    assert len(drawn) == 4
    assert not any("<b>" in one for one in drawn)
    assert 'aria-label="&lt;b&gt;: time to answer: p50 at most 10 ms, p99 at most 2.5 s"' in drawn[0]
