"""Mock Konnect's state.

`Konnect` puts its parts together, which share tables (tables.py) and the push to the data planes (push.py):

    control_planes  control planes
    entities        the gateway's services, routes, plugins, consumers
    auth            DCR providers, auth strategies
    portals         portals
    pages           what a portal shows: pages, snippets
    settings        how a portal looks, mails, signs in, ...
    catalog         APIs, versions, links, publications
    documents       the documents of APIs
    teams           teams of a portal's developers, and what they may see
    developers      developers, whose passwords and sessions are in `accounts`
    applications    applications, whose clients `driver` and `bridges` register
    registrations   registrations for APIs

Each surprising rule has its source at the method that holds it. Methods take the body that the API takes, and check it
(schema.py); they raise `problems.Problem`. Those that ask an authorization server are generators. A mutant replaces
single methods of a part.
"""

import hmac
import random
from collections.abc import Callable

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.konnect.accounts import Accounts
from dcrproof.mocks.konnect.applications import Applications, allow_members
from dcrproof.mocks.konnect.auth import Auth
from dcrproof.mocks.konnect.bridges import Bridges
from dcrproof.mocks.konnect.catalog import Catalog
from dcrproof.mocks.konnect.control_planes import ControlPlanes
from dcrproof.mocks.konnect.developers import Developers
from dcrproof.mocks.konnect.documents import ApiDocuments
from dcrproof.mocks.konnect.driver import Driver
from dcrproof.mocks.konnect.entities import Entities
from dcrproof.mocks.konnect.pages import Pages
from dcrproof.mocks.konnect.portal_settings import PortalSettings
from dcrproof.mocks.konnect.portals import Portals
from dcrproof.mocks.konnect.push import Push
from dcrproof.mocks.konnect.registrations import Registrations
from dcrproof.mocks.konnect.roles import Token
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables
from dcrproof.mocks.konnect.teams import Teams


class Konnect:
    """One organisation in one region.

    token: the bearer token of the admin API.
    portal_host: gives a portal's `canonical_domain` (host, or host:port) when the portal is created.
    driver: registers clients, as its switches say.
    tables: empty ones by default.
    allow_members: raises Problem for members that the body of an application may not have.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        seed: int,
        token: str,
        portal_host: Callable[[str], str],
        driver: Driver | None = None,
        tables: Tables | None = None,
        allow_members: Callable[[str, Body], None] = allow_members,
    ) -> None:
        self.clock = clock
        self.tokens = [Token(token)]
        """Those that are admitted; the first one is of an admin of the organisation, unless it is replaced."""
        self._traces = random.Random(seed + 1)  # apart, so that ids do not depend on how many errors there were
        stamps = Stamps(clock, random.Random(seed))
        self.organization_id = stamps.id()
        self.tables = tables = tables or Tables()
        self.driver = driver = driver or Driver()
        self.bridges = bridges = Bridges(self.organization_id)
        self.accounts = Accounts(clock=clock, randomness=random.Random(seed + 2))
        self.push = push = Push(tables, clock, driver)
        self.entities = Entities(tables, stamps, push)
        self.control_planes = ControlPlanes(tables, stamps, push)
        self.auth = Auth(tables, stamps, push, driver, bridges)
        self.teams = Teams(tables, stamps)
        self.registrations = Registrations(tables, stamps, push, bridges)
        self.catalog = Catalog(tables, stamps, push, self.auth, self.registrations)
        self.documents = ApiDocuments(tables, stamps)
        self.applications = Applications(tables, stamps, push, self.auth, driver, bridges, allow_members)
        self.developers = Developers(tables, stamps, self.accounts, self.teams, self.applications)
        self.pages = Pages(tables, stamps)
        self.settings = PortalSettings(tables, stamps)
        self.portals = Portals(tables, stamps, push, self.auth, self.teams, self.developers, portal_host)

    def trace(self) -> str:
        """The `instance` of an error."""
        return f"kong:trace:{self._traces.randrange(10**18, 10**19)}"

    def admits(self, token: str) -> bool:
        return self._token(token) is not None

    def allows(self, token: str, method: str, path: str) -> bool:
        """Whether the token has the role for that request."""
        held = self._token(token)
        return held is None or held.allows(method, path)

    def _token(self, value: str) -> Token | None:
        return next((held for held in self.tokens if hmac.compare_digest(held.value.encode(), value.encode())), None)
