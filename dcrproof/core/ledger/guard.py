"""What a run may not send, whatever a check asks for: the modes of the profile to the letter, and nobody else's things.

A fault in a check ends here and not in a tenant.
"""

import re
from urllib.parse import unquote

from dcrproof.core.checks.outcomes import InternalError, NotSeen
from dcrproof.core.http.retry import READS
from dcrproof.core.ledger.ledger import REGISTRATION, Kind, Ledger
from dcrproof.core.profile.model import Mode

CHANGES = frozenset({"PATCH", "PUT", "DELETE"})
OF_MODE_CREATE = frozenset({"registration", "application", "application of another developer", "developer", "client"})
"""What mode `create` may create; the other kinds are for mode `provision`."""
SIGN_UP = re.compile(r"/api/v[23]/developer\Z")
OF_AN_APPLICATION = re.compile(r"/applications/[^/]+/")
"""What a POST there makes, such as a new secret, is somebody's."""
NOTHING = "00000000-0000-4000-8000-000000000000"
"""An id that names nothing: a check may try to change that."""


def refuse(ledger: Ledger, mode: Mode, party: str, method: str, path: str, kind: Kind | None) -> None:
    """Raises NotSeen for what the mode does not allow, and InternalError for a change of what the run has not made.

    `path` is that of the request, `kind` what it creates.
    """
    if not mode.allows(Mode.EXISTING) and (method not in READS or party == "gateway"):
        raise NotSeen(f'mode = "{Mode.EXISTING}"')
    if kind is not None and not may_create(mode, kind):
        raise NotSeen(f'mode = "{_least(kind)}"')
    if party == "portal" and method == "POST" and SIGN_UP.match(path) and not mode.allows(Mode.CREATE):
        raise NotSeen(f'mode = "{Mode.CREATE}"')
    changes = method in CHANGES or (method == "POST" and OF_AN_APPLICATION.search(path))
    if party in {"konnect", "portal"} and changes and kind in {None, REGISTRATION} and not _ours(ledger, path):
        raise InternalError(f"{method} {path} would change what this run has not made; it was not sent")
    if party == "curity" and method in READS | CHANGES and ledger.is_another_client(path):
        raise InternalError(f"{method} {path} is of a client that this run has not made; it was not sent")


def may_create(mode: Mode, kind: Kind) -> bool:
    return mode.allows(_least(kind))


def _least(kind: Kind) -> Mode:
    return Mode.CREATE if kind.name in OF_MODE_CREATE else Mode.PROVISION


def _ours(ledger: Ledger, path: str) -> bool:
    parts = {unquote(part) for part in path.split("/")}
    return bool(parts & (ledger.ids | {NOTHING}))
