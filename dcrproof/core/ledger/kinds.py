"""Everything that a run can create in a party: one table, from which clean-up, guard, plan and diagnosis derive."""

import re
from dataclasses import dataclass

from dcrproof.core.http.segments import is_plain
from dcrproof.core.party import Party
from dcrproof.core.profile.model import Mode

DCR_PROVIDERS = "/v2/dcr-providers"
AUTH_STRATEGIES = "/v2/application-auth-strategies"
PORTALS = "/v3/portals"
APIS = "/v3/apis"
CONTROL_PLANES = "/v2/control-planes"
PORTAL_API = r"/api/v[23]"
"""The developer-facing API of a portal, classic or not."""
CORE = rf"{CONTROL_PLANES}/[^/]+/core-entities"
BELOW_A_SERVICE = re.compile(rf"({CORE}/)services/[^/]+/(\w+)\Z")
REGISTRATIONS_OF_ANYBODY = re.compile(rf"(?:/v2/portals|{PORTALS})/[^/]+/applications/[^/]+/registrations")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Something that a request creates at a party."""

    name: str
    party: Party = "konnect"
    path: str
    """A regular expression for the whole path of the request."""
    method: str = "POST"
    named: str | None = None
    """The member of the request that has the run's mark in its value."""
    owner: str = "Konnect admins"
    mode: Mode = Mode.PROVISION
    """The first mode that may create it."""
    has_client: bool = False
    """Whether Konnect registers a client for it at the authorization server, and deletes it with it."""
    role: str | None = None
    """The setup step that grants the role for it, without which Konnect answers 403."""

    def collection(self, path: str) -> str:
        """The path that lists what was created at that path: entities of the gateway are listed by the control plane."""
        return BELOW_A_SERVICE.sub(r"\1\2", path)

    def listed_at(self, collection: str) -> bool:
        """Whether that is where things of this kind are listed, or, before one has its id, where it is put."""
        below = collection if self.method == "POST" else f"{collection}/id"
        places = {self.path, self.path.replace("services/[^/]+/", "")}
        fits = self is CLIENT or any(re.fullmatch(place, at) for place in places for at in (collection, below))
        return fits and is_plain(collection)


REGISTRATION = Kind(
    name="registration",
    party="portal",
    path=rf"{PORTAL_API}/applications/[^/]+/registrations",
    mode=Mode.CREATE,
)
CLIENT = Kind(
    name="client",
    party="curity",
    path="",  # the metadata of the authorization server say where: see `creates`
    named="client_name",
    owner="Curity admins",
    mode=Mode.CREATE,
)
KINDS = (
    REGISTRATION,
    Kind(
        name="application",
        party="portal",
        path=rf"{PORTAL_API}/applications",
        named="name",
        mode=Mode.CREATE,
        has_client=True,
    ),
    Kind(
        name="application of another developer",
        path=rf"{PORTALS}/[^/]+/applications",
        named="name",
        mode=Mode.CREATE,
        has_client=True,
    ),
    Kind(name="developer", path=rf"{PORTALS}/[^/]+/developers", named="full_name", mode=Mode.CREATE),
    Kind(
        name="publication",
        method="PUT",
        path=rf"{APIS}/[^/]+/publications/[^/]+",
        role="konnect.role.api-publisher",
    ),
    Kind(name="implementation", path=rf"{APIS}/[^/]+/implementations"),
    Kind(name="API", path=APIS, named="name", role="konnect.role.api-creator"),
    Kind(name="gateway plugin", path=rf"{CORE}/services/[^/]+/plugins"),
    Kind(name="gateway route", path=rf"{CORE}/services/[^/]+/routes", named="name"),
    Kind(name="gateway consumer", path=rf"{CORE}/consumers", named="username"),
    Kind(name="gateway service", path=rf"{CORE}/services", named="name"),
    Kind(name="portal", path=PORTALS, named="name", role="konnect.role.portal-creator"),
    Kind(name="auth strategy", path=AUTH_STRATEGIES, named="name", role="konnect.role.auth-strategy-creator"),
    Kind(name="DCR provider", path=DCR_PROVIDERS, named="name", role="konnect.role.dcr-provider-creator"),
    CLIENT,
)
"""In the order in which the products allow deletion; clients at Curity depend on nothing."""
BY_NAME = {kind.name: kind for kind in KINDS}


def kind_at(party: Party, method: str, path: str) -> Kind | None:
    """What a request to Konnect or a portal creates, if anything."""
    kinds = (kind for kind in KINDS if (kind.party, kind.method) == (party, method))
    return next((kind for kind in kinds if re.fullmatch(kind.path, path)), None)


def role_for(method: str, path: str) -> str | None:
    """The setup step that grants the role without which Konnect answers a request with 403, where there is one."""
    if method in {"POST", "PATCH"} and REGISTRATIONS_OF_ANYBODY.match(path):
        return "konnect.role.api-registration-approver"  # nothing is created: a registration is approved
    kind = kind_at("konnect", method, path)
    return kind.role if kind else None
