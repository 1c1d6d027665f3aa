"""Who may do what in the admin API: the roles of a token, by the kind of thing that a path is about.

    Viewer      reads
    Creator     creates, and reads
    Maintainer  edits and deletes, and reads
    (app/konnect-platform/teams-and-roles.md)

A token without the role is answered with 403. Two roles go across kinds: API Publisher publishes APIs, and API
Registration Approver decides on registrations; an editor of the API needs them as well (the same page, "Dev Portal
custom teams": API Owner). That a token of an organisation's admin may do everything needs no role.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

READ, CREATE, EDIT = "read", "create", "edit"
RIGHTS: Mapping[str, frozenset[str]] = {
    "Viewer": frozenset({READ}),
    "Creator": frozenset({READ, CREATE}),
    "Maintainer": frozenset({READ, EDIT}),
}
# beginning of a path: kind of thing, as the roles call it
KINDS: tuple[tuple[str, str], ...] = (
    (r"/v2/dcr-providers", "DCR Providers"),
    (r"/v2/application-auth-strategies", "Application Auth Strategies"),
    (r"/v2/control-planes", "Control Planes"),
    (r"/v[23]/portals", "Portals"),
    (r"/v[23]/applications", "Portals"),
    (r"/v3/api", "APIs"),
)
# what goes across kinds: method, path, kind, role
ACROSS: tuple[tuple[frozenset[str], str, str, str], ...] = (
    (frozenset({"PUT", "DELETE"}), r"/v3/apis/[^/]+/publications/", "APIs", "Publisher"),
    (
        frozenset({"POST", "PATCH", "DELETE"}),
        r"/v[23]/portals/[^/]+/applications/[^/]+/registrations",
        "APIs",
        "Registration Approver",
    ),
)

EVERY_ROLE = frozenset(
    [*((kind, role) for _, kind in KINDS for role in RIGHTS), *((kind, role) for _, _, kind, role in ACROSS)]
)
"""All roles that there are, as pairs of kind and role: with them a token may do what an organisation's admin may."""


@dataclass(frozen=True)
class Token:
    """A personal or system-account token. `roles` are pairs of kind and role; None is an admin of the organisation."""

    value: str = field(repr=False)
    roles: frozenset[tuple[str, str]] | None = None

    def allows(self, method: str, path: str) -> bool:
        if self.roles is None:
            return True
        for methods, pattern, kind, role in ACROSS:
            if method in methods and re.match(pattern, path):
                return (kind, role) in self.roles
        found = next((kind for beginning, kind in KINDS if re.match(beginning, path)), None)
        return found is None or self._has(found, right_of(method, path))

    def _has(self, kind: str, right: str) -> bool:
        return any((kind, role) in (self.roles or ()) for role, rights in RIGHTS.items() if right in rights)


def right_of(method: str, path: str) -> str:
    """What a request needs. `verify` makes no object of Konnect's, but a client elsewhere: an edit (inferred)."""
    if method in {"GET", "HEAD"}:
        return READ
    inner = path.strip("/").count("/") > 1  # something within an object that exists
    return CREATE if method == "POST" and not inner else EDIT


def viewer(value: str) -> Token:
    """A token that may read everything and change nothing."""
    return Token(value, frozenset((kind, "Viewer") for _, kind in KINDS))
