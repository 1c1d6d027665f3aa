"""What `dcrproof load` was asked for, and what it refuses."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what it imports must not be imported before Locust
    from dcrproof.core.profile.model import Profile

ROLES = {"consumer": 6, "developer": 3, "operator": 1}
"""By name the share of the users."""


@dataclass(frozen=True)
class LoadOptions:
    """`address` is that of the master, host and port, for a master and for its workers."""

    command: str
    users: int = 10
    rate: float | None = None
    seconds: float = 30.0
    roles: tuple[str, ...] = tuple(ROLES)
    report: Path = Path()
    ledgers: Path | None = None
    web: int | None = None
    """The port of Locust's web page."""
    workers: int = 0
    """How many workers a master waits for; 0 where there is no master."""
    worker: bool = False
    own: bool = False
    """Whether the load has started the mocks itself."""
    address: tuple[str, int] = ("127.0.0.1", 5557)


def counts(options: LoadOptions) -> dict[str, int]:
    """How many users have each role: at least one each, the others by their shares."""
    share = {role: ROLES[role] for role in ROLES if role in options.roles}
    found = dict.fromkeys(share, 1)
    for _ in range(options.users - len(found)):
        found[min(share, key=lambda role: (found[role] + 1) / share[role])] += 1
    return found


def shares(options: LoadOptions) -> dict[str, int]:
    """How many users of each role one process has: this one, or each worker of a master."""
    return {role: ceil(number / max(options.workers, 1)) for role, number in counts(options).items()}


def problems(options: LoadOptions, profile: "Profile") -> Iterator[str]:
    """Why this load is refused, each with what to do. A worker is told by its master of users, rate and time."""
    run, live = profile.run, profile.live
    creates = run.mode in {"create", "provision"}
    here = [name for name, kind in profile.kinds.items() if kind == "mocked" and name not in profile.served]
    if here:
        yield (
            f"{', '.join(here)}: mocked = true: a load needs parties that run elsewhere; start the mocks with "
            "`dcrproof serve` and take its profile, or leave --profile out"
        )
        return
    if profile.gateway and profile.gateway.kind == "jwt":
        yield 'gateway.kind: "jwt": a load calls a Kong, with Basic and sessions'
    if run.mode == "inspect":
        yield 'run.mode: "inspect" sends no calls; a load needs "existing", "create" or "provision"'
    if profile.portal and profile.portal.generation == "classic":
        yield 'portal.generation: "classic": a load goes through a portal of generation v3'
    if run.mode == "provision" and not (profile.konnect and profile.konnect.api):
        yield "konnect.api: missing: a load goes through an API, portal and strategy that exist"
    if run.mode == "existing" and set(options.roles) != {"consumer"}:
        yield 'run.mode: "existing" creates nothing: add --roles consumer, or use "create"'
    if "operator" in options.roles and creates and not (profile.konnect and profile.konnect.token):
        yield "konnect.token: missing: operators approve and revoke with it; add it, or --roles consumer,developer"
    if live and not run.hostile:
        yield f"run.hostile: a load looks like an attack to those who monitor {', '.join(live)}: set it to true, where they agree"
    if options.worker:
        return
    if live and options.rate is None:
        yield f"--rate: missing: how many requests a second {', '.join(live)} may get from this load"
    if live and creates and (needed := _needed(options)) > run.max_created:
        yield f"run.max_created: {run.max_created}, and {options.users} users need {needed} applications to begin with"
    if options.seconds >= run.longest:
        yield f"--time: the run ends after {run.deadlines.run} (run.deadlines.run), which the load alone would take"


def _needed(options: LoadOptions) -> int:
    """How many applications exist at the same time."""
    return max(options.workers, 1) * sum(shares(options).values())
