"""Developers of a portal (portal-management v3, dev-portal v3). Passwords and sessions are in accounts.py.

A new developer is approved where the portal's `auto_approve_developers` says so, else pending.
"""

from dataclasses import replace

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.accounts import Accounts
from dcrproof.mocks.konnect.applications import Applications
from dcrproof.mocks.konnect.fields import check
from dcrproof.mocks.konnect.objects import Developer, Portal
from dcrproof.mocks.konnect.problems import conflict
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find
from dcrproof.mocks.konnect.teams import Teams
from dcrproof.mocks.messages import Asking


class Developers:
    def __init__(
        self, tables: Tables, stamps: Stamps, accounts: Accounts, teams: Teams, applications: Applications
    ) -> None:
        self.tables = tables
        self.stamps = stamps
        self.accounts = accounts
        self.teams = teams
        self.applications = applications

    def create(self, portal_id: str, body: Body) -> Developer:
        """By an admin. The account has no password: setting one takes a token from a mail."""
        portal = find(self.tables.portals, portal_id)
        check(body, schema.DEVELOPER_CREATION)
        made = self._add_developer(portal, body["email"], body["full_name"], body.get("status"))
        if body.get("send_invitation_email"):
            self.accounts.invite(made)
        return made

    def sign_up(self, portal_id: str, body: Body) -> Developer:
        """By the developer. The address must be confirmed before there can be a password."""
        portal = find(self.tables.portals, portal_id)
        check(body, schema.SIGN_UP)
        made = self._add_developer(portal, body["email"], body["full_name"], None)
        self.accounts.ask_for_confirmation(made)
        return made

    def _add_developer(self, portal: Portal, email: str, full_name: str, status: str | None) -> Developer:
        key = (portal.id, email.lower())
        if key in self.tables.developer_by_email:
            raise conflict("Developer with the given email already exists")
        made = Developer(
            portal_id=portal.id,
            email=email,
            full_name=full_name,
            status=status or self.status_of_new(portal),
            **self.stamps.new(),
        )
        self.tables.developers[made.id] = made
        self.tables.developer_by_email[key] = made.id
        return made

    def status_of_new(self, portal: Portal) -> str:
        return "approved" if portal.auto_approve_developers else "pending"

    def with_email(self, portal_id: str, email: str) -> Developer | None:
        return self.tables.developers.get(self.tables.developer_by_email.get((portal_id, email.lower()), ""))

    def patch(self, portal_id: str, developer_id: str, body: Body) -> Developer:
        """De-approval stops the developer's login, not the credentials (portal-management v3, update-developer)."""
        held = self.tables.developer(portal_id, developer_id)
        check(body, schema.STATUS_UPDATE)
        changed = replace(held, status=body.get("status", held.status), updated_at=self.stamps.now())
        self.tables.developers[held.id] = changed
        return changed

    def may_sign_in(self, developer: Developer) -> bool:
        """Only approved developers; that a session ends with the approval is inferred."""
        return developer.status == "approved"

    def delete(self, portal_id: str, developer_id: str) -> Asking[None]:
        """With all applications, whose clients are deleted as well (inferred)."""
        held = self.tables.developer(portal_id, developer_id)
        for application_id in list(self.tables.applications_of.get(held.id, {}).values()):
            yield from self.applications.delete(application_id)
        if self.tables.developers.pop(held.id, None) is not None:
            self.tables.developer_by_email.pop((held.portal_id, held.email.lower()), None)
            self.tables.applications_of.pop(held.id, None)
            self.accounts.forget(held.id)
            for team in [one for one in self.tables.teams.values() if held.id in one.developers]:
                self.teams.leave(portal_id, team.id, held.id)
