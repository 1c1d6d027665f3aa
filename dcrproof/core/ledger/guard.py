"""What a run may not send, whatever a check asks for: what the mode forbids, and changes to other people's things.

A faulty check is stopped here, before it reaches a tenant.
"""

import re
from urllib.parse import unquote

from dcrproof.core.checks.outcomes import InternalError, NotSeen
from dcrproof.core.http.exchange import Request
from dcrproof.core.http.retry import READS
from dcrproof.core.ledger.kinds import PORTAL_API, REGISTRATION, Kind
from dcrproof.core.ledger.ledger import Ledger
from dcrproof.core.profile.model import Mode

CHANGES = frozenset({"PATCH", "PUT", "DELETE"})
SIGN_UP = re.compile(rf"{PORTAL_API}/developer\Z")
OF_AN_APPLICATION = re.compile(r"/applications/[^/]+/")
"""A POST below an application changes it: it makes a new secret, for example."""
NOTHING = "00000000-0000-4000-8000-000000000000"
"""An id of nothing, which a check may try to change."""


def refuse(ledger: Ledger, mode: Mode, request: Request, kind: Kind | None) -> None:
    """Raises NotSeen for what the mode does not allow, and InternalError for a change of what the run has not created.

    `kind` is what the request creates.
    """
    party, method, path = request.party, request.method, request.path
    if not mode.allows(Mode.EXISTING) and (method not in READS or party == "gateway"):
        raise NotSeen(f'mode = "{Mode.EXISTING}"')
    if kind is not None and not mode.allows(kind.mode):
        raise NotSeen(f'mode = "{kind.mode}"')
    if party == "portal" and method == "POST" and SIGN_UP.match(path) and not mode.allows(Mode.CREATE):
        raise NotSeen(f'mode = "{Mode.CREATE}"')
    changes = method in CHANGES or (method == "POST" and OF_AN_APPLICATION.search(path))
    if party in {"konnect", "portal"} and changes and kind in {None, REGISTRATION} and not _ours(ledger, path):
        raise InternalError(f"{method} {path} would change what this run has not created; it was not sent")
    if party == "curity" and method in READS | CHANGES and ledger.is_another_client(request.url, path):
        raise InternalError(f"{method} {path} is of a client that this run has not created; it was not sent")


def _ours(ledger: Ledger, path: str) -> bool:
    parts = {unquote(part) for part in path.split("/")}
    return bool(parts & (ledger.ids | {NOTHING}))
