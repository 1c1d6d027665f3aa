"""A load in one process."""

from collections.abc import Callable
from functools import partial

import gevent

from dcrproof.core.load.load import Load
from dcrproof.core.load.tally import Tally
from dcrproof.core.profile.model import PARTIES
from dcrproof.load import running
from dcrproof.load.ending import Ended
from dcrproof.load.mocks import MocksProcess
from dcrproof.load.options import LoadOptions, counts
from dcrproof.load.running import Stop, Terminal
from dcrproof.load.site import Site


def perform(
    options: LoadOptions,
    site: Site,
    own: MocksProcess | None,
    keep: Callable[[Load], None],
    terminal: Terminal,
    stop: Stop,
) -> Ended:
    """Performs the load, and deletes what it has made. `own` are mocks of its own; `keep` records the figures."""
    load, users = site.load, counts(options)
    terminal.tell("dcrproof: making what the load needs")
    began = False
    try:
        began = site.prepare(users, terminal.tell, stop.event.is_set)
        if began and not stop.event.is_set():
            _work(options, load, own, keep, terminal, stop)
    except KeyboardInterrupt:
        terminal.tell("dcrproof: interrupted again; the users end at once")
    load.end()
    load.know()
    terminal.tell("dcrproof: deleting what the load has made")
    cleaned = running.cleaned_up(site)
    return Ended(load.tally, load.now, site.unreachable, began, stop.interrupted, load.faults, [cleaned])


def _work(
    options: LoadOptions,
    load: Load,
    own: MocksProcess | None,
    keep: Callable[[Load], None],
    terminal: Terminal,
    stop: Stop,
) -> None:
    environment = running.new_environment(counts(options))
    runner = environment.create_local_runner()
    load.told = partial(running.told, environment)
    try:
        with running.web_page(options, environment, runner, stop, terminal):
            load.begin()
            if own:
                runner.greenlet.spawn(_watch_memory, load, own)
            runner.start(options.users, spawn_rate=running.spawn_rate(options))
            running.wait(options, stop, lambda: terminal.tell(_progress(load.tally, load.now)), lambda: keep(load))
            terminal.tell("dcrproof: stopping the users")
            runner.stop()
            load.end()
    finally:
        runner.quit()


def _progress(tally: Tally, now: float) -> str:
    every = tally.all
    slow = ", ".join(
        f"{party} {took * 1000:,.0f} ms"
        for party in PARTIES
        if (took := tally.party(party).durations.percentile(0.95)) is not None
    )
    wrong = sum(seen.broken for seen in tally.checks.values())
    return (
        f"dcrproof: {now:5.0f} s  {every.requests:,} requests, {every.requests / max(now, 0.1):,.1f} a second, "
        f"{every.errors:,} errors; 95 % within: {slow or 'none yet'}"
        f"{f'; {wrong:,} times a check did not hold' if wrong else ''}"
    )


def _watch_memory(load: Load, own: MocksProcess) -> None:
    while load.seconds is None:
        load.tally.memory_is(load.now, own.memory)
        gevent.sleep(1.0)
