"""The outcomes that a check or a step of the flow ends with when it does not pass.

    Outcome
    ├── Failed          the contract is broken: observed is not what was expected
    ├── NotSeen         the mode or the access of this run does not let it look
    ├── NotApplicable   the target declares that it lacks the thing
    ├── Unreachable     DNS, proxy, TLS, network, or an answer that is not the party's
    └── InternalError   dcrproof itself is at fault

There is no outcome for *blocked*: a check is blocked when a step that it depends on ended with Failed, Unreachable or
InternalError under the id of another check.
"""

from collections.abc import Mapping
from typing import Any, Protocol, TypedDict, Unpack

from dcrproof.core.checks.verdict import Verdict
from dcrproof.core.party import Party


class Answered(Protocol):
    """What a verdict needs to know of an exchange, which is a `dcrproof.core.http.exchange.Exchange`."""

    @property
    def party(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def summary(self) -> Mapping[str, Any]: ...


class Outcome(Exception):
    """`check` is the id of the check whose claim ended this way; a gate fills it in."""

    verdict: Verdict
    expected: str = ""
    observed: str = ""
    check: str | None = None
    claim: str | None = None
    """The id of the check that claims the step of the flow which a fixture's value has repeated."""
    exchange: Answered | None = None
    """The exchange that it rests on, as far as it is known."""


class Why(TypedDict, total=False):
    """What else is known of a failure."""

    steps: tuple[str, ...]
    """The check's setup steps, narrowed down to those that fit what was observed."""
    no_step: bool
    """Whether all of the check's setup steps are known to be done."""
    ruled_out: tuple[str, ...]
    """Which causes are excluded, and by which probe."""
    decides: tuple[str, ...]
    """Which access would narrow the remaining causes down, where there are several."""
    profile: tuple[str, ...]
    """Keys of the profile whose values may be wrong, each with a hint after a colon: these come before any setup step."""
    owner: str
    """Who fixes it, where that is not the owner of a step."""
    fix: str
    """How to fix it, where no step says so."""


class Failed(Outcome):
    """What was expected and what was observed, in words without secrets."""

    verdict = Verdict.FAILED

    def __init__(self, expected: str, observed: str, **why: Unpack[Why]) -> None:
        super().__init__(f"expected {expected}; observed {observed}")
        self.expected = expected
        self.observed = observed
        self.steps = why.get("steps", ())
        self.no_step = why.get("no_step", False)
        self.ruled_out = why.get("ruled_out", ())
        self.decides = why.get("decides", ())
        self.profile = why.get("profile", ())
        self.owner = why.get("owner", "")
        self.fix = why.get("fix", "")


class NotSeen(Outcome):
    verdict = Verdict.NOT_SEEN

    def __init__(self, would_show: str) -> None:
        super().__init__(f"not seen: {would_show} would show it")
        self.expected = f"with {would_show}"
        self.would_show = would_show


class NotApplicable(Outcome):
    verdict = Verdict.NOT_APPLICABLE

    def __init__(self, reason: str) -> None:
        super().__init__(f"not applicable: {reason}")
        self.observed = reason


class Unreachable(Outcome):
    """`party` did not answer, or what answered is not that party.

    `lost`: the request may have arrived and taken effect. `passing`: the problem may be over in a moment. `fix`: what to
    do, and `owner`: by whom, where it is not the way to the party. `key` is what the profile says of the party that may be
    wrong, where its address was: `address`, `ca`, ...; `what_to_check` is about that.
    """

    verdict = Verdict.UNREACHABLE
    profile: tuple[str, ...] = ()
    """Keys of the profile that may be wrong, as a failure has them: a gate fills them in."""

    def __init__(
        self,
        party: Party,
        observed: str,
        expected: str = "",
        *,
        lost: bool = False,
        passing: bool = False,
        fix: str = "",
        owner: str = "",
        key: str = "",
        what_to_check: str = "",
    ) -> None:
        super().__init__(f"{party} is unreachable from here: {observed}")
        self.party = party
        self.expected = expected or f"an answer of {party}"
        self.observed = observed
        self.lost = lost
        self.passing = passing
        self.fix = fix
        self.owner = owner
        self.key = key
        self.what_to_check = what_to_check


class InternalError(Outcome):
    verdict = Verdict.ERROR

    def __init__(self, observed: str) -> None:
        super().__init__(observed)
        self.observed = observed


def blocks(outcome: Outcome) -> bool:
    """Whether what depends on a step that ended this way is blocked, rather than ending the same way."""
    return isinstance(outcome, Failed | Unreachable | InternalError)
