"""What one process of a load does at the parties: it makes what the users need, lets them work, and deletes everything."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from dcrproof.core.checks.outcomes import Failed, NotSeen, Unreachable
from dcrproof.core.cleanup.clean_up import AT_ONCE, CleanedUp, clean_up
from dcrproof.core.http.exchange import Exchange, Unanswered
from dcrproof.core.ledger.file import kept, state_folder
from dcrproof.core.load.load import READY, Ground, Load, ground
from dcrproof.core.load.pace import Pace, PacedTranscript
from dcrproof.core.load.tally import Finding
from dcrproof.core.load.user import Application, LoadUser
from dcrproof.core.parties.control import controls_of
from dcrproof.core.parties.gateway import with_basic
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.model import Mode, Profile
from dcrproof.core.secrets.index import Secrets
from dcrproof.load.options import LoadOptions
from dcrproof.suites.load.users import ROLES

Tell = Callable[[str], None]


@dataclass
class Site:
    profile: Profile
    load: Load
    outlives: bool
    """Whether what the load creates outlives this process, so that a ledger on disk is needed."""
    unreachable: Unreachable | None = None
    """Why nothing could begin, where a party did not answer."""
    ground: Ground | None = None
    ready: dict[str, list[Application]] = field(default_factory=dict)

    def prepare(self, users: Mapping[str, int], tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Makes an application for each user that needs one. Returns whether the load can begin; `load.ready` says why not."""
        seen = self.load.tally.check(READY)
        try:
            self.ground = ground(self.load.target)
            first = LoadUser(self.load, self.ground, count(1).__next__)
            for role, number in users.items():
                kind = ROLES[role]
                self.ready[kind.__name__] = self._applications(first, role, number if kind.own else 0, tell, stopped)
                seen.looked += number
        except Unreachable as outcome:
            self.unreachable = outcome
        except (Failed, NotSeen) as outcome:
            seen.looked += 1
            seen.broken += 1
            expected = outcome.expected or "what the load needs"
            evidence = outcome.exchange.summary if isinstance(outcome.exchange, Exchange) else None
            observed = outcome.observed if isinstance(outcome, Failed) else f"the profile has no {outcome.would_show}"
            mask = self.load.target.secrets.mask
            seen.findings.append(Finding(mask(expected), mask(observed), evidence))
        except Exception as error:  # noqa: BLE001 - a bug of dcrproof: what was made is deleted all the same
            self.load.broken("the set-up", error)
        else:
            for kind in ROLES.values():
                kind.load, kind.ground, kind.numbers, kind.ready = self.load, self.ground, first.numbers, self.ready
            return True
        return False

    def _applications(
        self, user: LoadUser, role: str, number: int, tell: Tell, stopped: Callable[[], bool]
    ) -> list[Application]:
        if self.profile.run.mode is Mode.EXISTING:
            given = [one for one in self.profile.applications if one.accepted]
            if not given:
                raise NotSeen("[application] that the route accepts")
            chosen = [given[index % len(given)] for index in range(number)]
            return [Application("", one.client_id, one.client_secret) for one in chosen]
        found = []
        for index in range(number):
            if stopped():
                break
            if index and index % 20 == 0:
                tell(f"{index} of {number} applications for {role}s are ready")
            application = user.approved(role)
            headers = with_basic(application.client_id, application.secret)
            for other in user.everywhere(headers, "set-up", accepted=True)[:1]:
                self.load.expect(other, *user.consumer.route.success)
            found.append(application)
        return found

    def clean_up(self) -> CleanedUp:
        """Deletes what is left of the load, and proves it."""
        target = self.load.target
        limits = {} if self.outlives else {"retry_for": AT_ONCE, "lost_for": AT_ONCE}
        return clean_up(target, target.ledger, **limits)


@contextmanager
def open_site(
    profile: Profile,
    options: LoadOptions,
    record: Callable[[Exchange | Unanswered, str], None],
    secrets: Secrets,
) -> Iterator[tuple[Site, Path | None]]:
    """The target of a profile for a load, with the path of its ledger: on disk, unless the mocks end with the load.

    Raises OSError where the ledger cannot be written.
    """
    mocked = controls_of(profile)
    target = Target(profile, mocked, secrets, PacedTranscript(pace=Pace(options.rate)))
    site = Site(profile, Load(target, record=record), outlives=not options.own)
    try:
        if site.outlives and profile.run.mode.allows(Mode.CREATE):
            with kept(target.ledger, options.ledgers or state_folder(), profile) as path:
                yield site, path
        else:
            yield site, None
    finally:
        target.close()
        for control in mocked.values():
            control.http.close()
