"""A load on several machines, or cores: Locust's own master and workers, each of which cleans up after itself.

    master                              worker
    waits for the workers        <--    connects
    SHARE: its part of the load  -->    makes what its users need
    waits for all of them        <--    READY
    Locust starts the users      -->    users work
    END                          -->    deletes what it has made
    judges, writes the report    <--    ENDED: its tally, and what it could not delete

Locust sends these messages unencrypted, to whoever connects: there is no secret in them.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from gevent.event import Event
from locust.exception import RPCError
from locust.runners import STATE_MISSING, MasterRunner

from dcrproof.core.checks.outcomes import Unreachable
from dcrproof.core.checks.results import Exit
from dcrproof.core.cleanup.clean_up import CleanedUp
from dcrproof.core.http.signals import handled
from dcrproof.core.load.tally import Tally
from dcrproof.core.profile.model import Profile
from dcrproof.core.record.events import EACH_WORKER
from dcrproof.core.record.events import Event as Recorded
from dcrproof.core.secrets.index import Secrets
from dcrproof.fixtures.run.recording import Recording
from dcrproof.load import running
from dcrproof.load.ending import Ended, how_to_sweep
from dcrproof.load.options import LoadOptions, counts, shares
from dcrproof.load.running import Refused, Stop, Terminal
from dcrproof.load.site import Site, open_site

SHARE, READY, END, ENDED = "dcrproof-share", "dcrproof-ready", "dcrproof-end", "dcrproof-ended"
TO_CLEAN_UP = 240.0
"""Seconds that the workers have to delete what they have made, and to tell of it."""
LOST_AFTER = 10.0
"""Seconds for which a worker that Locust misses is waited for."""
WITHOUT_MASTER = 30.0
"""Seconds after which a worker whose users were stopped ends by itself."""


def listening(options: LoadOptions) -> MasterRunner:
    """The master, which workers can connect to. Raises Refused where it cannot listen at its address."""
    try:
        return running.new_environment(counts(options)).create_master_runner(*options.address)
    except RPCError as error:
        raise Refused(f"--master {_shown(options.address)}: expected an address of this machine ({error})") from None


def lead(
    options: LoadOptions,
    profile: Profile,
    runner: MasterRunner,
    recording: Recording,
    terminal: Terminal,
    stop: Stop,
) -> Ended:
    """Leads a load of several workers: returns what all of them have found."""
    ready, ended = _Inbox(runner, READY), _Inbox(runner, ENDED)
    try:
        terminal.tell(f"dcrproof: waiting for {options.workers} workers at {_shown(options.address)}")
        _until(stop, lambda: len(runner.clients.ready) >= options.workers)
        workers = [node.id for node in runner.clients.ready][: options.workers]
        for index, worker in enumerate(workers):
            runner.send_message(SHARE, _share(options, profile, index), worker)
        terminal.tell(f"dcrproof: {len(workers)} workers make what they need")
        _until(stop, lambda: len(ready.told) >= len(workers) or bool(_lost(runner, workers, LOST_AFTER)))
        lost = _lost(runner, workers)
        began = len(ready.told) == options.workers and all(told["began"] for told in ready.told.values())
        if began and not stop.event.is_set():
            with running.web_page(options, runner.environment, runner, stop, terminal):
                runner.start(options.users, spawn_rate=running.spawn_rate(options))
                running.wait(options, stop, lambda: _progress(runner, terminal), lambda: None)
                terminal.tell("dcrproof: stopping the users")
                lost = _lost(runner, workers)
                runner.stop()
        for worker in workers:
            runner.send_message(END, None, worker)
        terminal.tell("dcrproof: the workers delete what they have made")
        _until(Stop(), lambda: ended.told.keys() >= set(workers) - lost, TO_CLEAN_UP)
        _until(Stop(), lambda: len(ended.told) >= len(workers), LOST_AFTER if lost else 0.0)
        return _together(workers, ended.told, recording, stop)
    finally:
        runner.quit()


def _lost(runner: MasterRunner, workers: list[str], seconds: float = 0.0) -> set[str]:
    """The workers that Locust has missed for so long. Not to be asked after `runner.stop`, which has it forget all."""
    known = {node.id for node in runner.clients.all if node.state != STATE_MISSING or node.heartbeat >= -seconds}
    return set(workers) - known


def _share(options: LoadOptions, profile: Profile, index: int) -> dict[str, Any]:
    """What one worker is told: its part of the rate, of max_created and of the users, and its place."""
    return {
        "index": index,
        "rate": options.rate / options.workers if options.rate else None,
        "max_created": profile.run.max_created // options.workers,
        "users": shares(options),
    }


class _Inbox:
    """The messages of one type, by the worker that has sent them."""

    def __init__(self, runner: MasterRunner, type: str) -> None:
        self.told: dict[str, dict[str, Any]] = {}
        runner.register_message(type, self._take)

    def _take(self, msg: Any, **_: object) -> None:
        self.told[msg.node_id] = msg.data


def _until(stop: Stop, holds: Callable[[], bool], most: float | None = None) -> None:
    """Waits until that holds, the load is stopped, or so many seconds have passed."""
    waited = 0.0
    while not holds() and (most is None or waited < most) and not stop.event.wait(0.1):
        waited += 0.1


def _progress(runner: MasterRunner, terminal: Terminal) -> None:
    every = runner.stats.total
    terminal.tell(
        f"dcrproof: {runner.user_count} users, {every.num_requests:,} requests, {every.num_failures:,} errors, "
        f"{every.current_rps:,.1f} a second"
    )


def _together(workers: list[str], told: Mapping[str, Mapping[str, Any]], recording: Recording, stop: Stop) -> Ended:
    """What the workers have told, as one."""
    ended = Ended(Tally(), interrupted=stop.interrupted, began=bool(workers))
    for worker in workers:
        if worker not in told:
            lost = f"the worker {worker} did not tell how it ended: run `dcrproof sweep` on its machine"
            ended.cleaned.append(CleanedUp(failed=[lost]))
            continue
        data = told[worker]
        ended.tally.add(Tally.of(data["tally"]))
        ended.seconds = max(ended.seconds, data["seconds"])
        ended.began = ended.began and data["began"]
        ended.cleaned.append(CleanedUp(**data["cleaned"]))
        ended.faults += data["faults"]
        if data["unreachable"] and ended.unreachable is None:
            ended.unreachable = Unreachable(**data["unreachable"])
        recording.write(data["events"])
    return ended


def work(options: LoadOptions, profile: Profile, stack: ExitStack) -> int:
    """A worker: does its share of the load. Returns the exit code."""
    secrets = Secrets()
    terminal, events = Terminal(secrets), list[Recorded]()
    environment = running.new_environment(counts(options))
    terminal.tell(f"dcrproof: a worker of the master at {_shown(options.address)}")
    share: dict[str, Any] = {}
    shared, over = Event(), Event()
    runner = environment.create_worker_runner(*options.address)

    def take(msg: Any, **_: object) -> None:
        share.update(msg.data)
        shared.set()

    runner.register_message(SHARE, take)
    runner.register_message(END, lambda **_: over.set())
    stop = stack.enter_context(running.stopping())
    _until(stop, shared.is_set)
    if not share:
        runner.quit()
        return Exit.INTERRUPTED
    if profile.live and share["rate"] is None:  # the master has another profile
        runner.quit()
        raise Refused(f"--rate: missing at the master: how many requests a second {', '.join(profile.live)} may get")
    profile = replace(profile, run=replace(profile.run, max_created=max(1, share["max_created"])))
    keep = partial(running.kept_exchange, secrets)
    mine = replace(options, rate=share["rate"])
    site, ledger = stack.enter_context(
        open_site(profile, mine, lambda what, check: events.extend(keep(what, check)), secrets)
    )
    site.load.target.transcript.last = share["index"] * EACH_WORKER
    site.load.told = partial(running.told, environment)
    began = site.prepare(share["users"], terminal.tell, stop.event.is_set)
    environment.events.test_start.add_listener(lambda **_: site.load.begin())  # type: ignore[no-untyped-call] # Locust's
    environment.events.test_stop.add_listener(lambda **_: site.load.end())  # type: ignore[no-untyped-call] # Locust's
    runner.send_message(READY, {"began": began})
    terminal.tell("dcrproof: ready")
    # Locust ends the greenlets of a worker whose master has ended
    _until(stop, lambda: over.is_set() or site.load.since_end > WITHOUT_MASTER or not len(runner.greenlet))
    if site.load.began is not None and site.load.seconds is None:
        runner.stop()
    return _end(site, runner, began, events, terminal, how_to_sweep(ledger, profile) if ledger else "")


def _end(site: Site, runner: Any, began: bool, events: list[Recorded], terminal: Terminal, sweep: str) -> int:  # noqa: FBT001 - a fact
    load = site.load
    load.end()
    terminal.tell("dcrproof: deleting what this worker has made")
    cleaned = running.cleaned_up(site)
    lost = site.unreachable
    words = ("party", "observed", "expected", "fix", "owner")
    told = {
        "tally": load.tally.data(),
        "seconds": load.now,
        "began": began,
        "unreachable": {word: getattr(lost, word) for word in words} if lost else None,
        "cleaned": asdict(cleaned),
        "faults": load.faults,
        "events": events,
    }
    with suppress(RPCError):  # the master may have ended
        runner.send_message(ENDED, told)
    for text in [*cleaned.left, *cleaned.failed, *cleaned.alive, *([sweep] if cleaned.failed else [])]:
        terminal.tell(f"left       {text}")
    terminal.tell("dcrproof: ended; the master has the report")
    with handled(lambda *_: None):
        runner.quit()
    return Exit.INTERNAL_ERROR if cleaned.failed or load.faults else Exit.GREEN


def _shown(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"
