"""Teams of a portal, as far as registration needs them (portal-management v3).

    rbac off   every developer who is signed in sees all that is published, and may register for it
    rbac on    a private API is seen by the teams to which it was granted, as API Viewer or as API Consumer; an
               application is registered for an API that was granted to a team of its developer as API Consumer

Teams own no applications here.
Source: app/dev-portal/, roles of developer teams; that an API Consumer sees the API, too, is inferred.
"""

from dataclasses import replace

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.fields import check
from dcrproof.mocks.konnect.objects import Developer, Portal, Publication, Team, TeamRole
from dcrproof.mocks.konnect.problems import conflict, missing_reference, not_found
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find

VIEWER, CONSUMER = "API Viewer", "API Consumer"


class Teams:
    """Which developers may see and use which APIs."""

    def __init__(self, tables: Tables, stamps: Stamps) -> None:
        self.tables = tables
        self.stamps = stamps

    def create(self, portal_id: str, body: Body) -> Team:
        portal = find(self.tables.portals, portal_id)
        check(body, schema.TEAM_CREATION)
        self._require_free_name(portal.id, body["name"], None)
        made = Team(
            portal_id=portal.id,
            name=body["name"],
            description=body.get("description", ""),
            can_own_applications=body.get("can_own_applications", False),
            developers=frozenset(),
            **self.stamps.new(),
        )
        self.tables.teams[made.id] = made
        return made

    def patch(self, portal_id: str, team_id: str, body: Body) -> Team:
        held = self.get(portal_id, team_id)
        check(body, schema.TEAM_UPDATE)
        self._require_free_name(held.portal_id, body.get("name"), held)
        changed = replace(held, **body, updated_at=self.stamps.now())
        self.tables.teams[held.id] = changed
        return changed

    def _require_free_name(self, portal_id: str, name: str | None, own: Team | None) -> None:
        others = (held for held in self.tables.teams.values() if held.portal_id == portal_id and held is not own)
        if any(held.name == name for held in others):
            raise conflict("A team with this name already exists")

    def delete(self, portal_id: str, team_id: str) -> None:
        """With what was granted to it."""
        gone = self.get(portal_id, team_id)
        for role in [one for one in self.tables.team_roles.values() if one.team_id == gone.id]:
            del self.tables.team_roles[role.id]
        del self.tables.teams[gone.id]

    def disband(self, portal_id: str) -> None:
        """All teams of a portal."""
        for team in [one for one in self.tables.teams.values() if one.portal_id == portal_id]:
            self.delete(portal_id, team.id)

    def get(self, portal_id: str, team_id: str) -> Team:
        held = find(self.tables.teams, team_id)
        if held.portal_id != portal_id.lower():
            raise not_found()
        return held

    def join(self, portal_id: str, team_id: str, body: Body) -> None:
        held = self.get(portal_id, team_id)
        check(body, schema.TEAM_MEMBER)
        developer = self.tables.developers.get(body["id"].lower())
        if developer is None or developer.portal_id != held.portal_id:
            raise missing_reference("id", "Developer not found")
        self._put_members(held, held.developers | {developer.id})

    def leave(self, portal_id: str, team_id: str, developer_id: str) -> None:
        held = self.get(portal_id, team_id)
        if developer_id.lower() not in held.developers:
            raise not_found()
        self._put_members(held, held.developers - {developer_id.lower()})

    def _put_members(self, held: Team, developers: frozenset[str]) -> None:
        self.tables.teams[held.id] = replace(held, developers=developers)

    def grant(self, portal_id: str, team_id: str, body: Body) -> TeamRole:
        held = self.get(portal_id, team_id)
        check(body, schema.TEAM_ROLE)
        if body["entity_id"].lower() not in self.tables.apis:
            raise missing_reference("entity_id", "API not found")
        role = TeamRole(
            id=self.stamps.id(),
            team_id=held.id,
            role_name=body["role_name"],
            entity_id=body["entity_id"].lower(),
            entity_type_name=body["entity_type_name"],
            entity_region=body["entity_region"],
        )
        self.tables.team_roles[role.id] = role
        return role

    def withdraw(self, portal_id: str, team_id: str, role_id: str) -> None:
        role = find(self.tables.team_roles, role_id)
        if role.team_id != self.get(portal_id, team_id).id:
            raise not_found()
        del self.tables.team_roles[role.id]

    def roles_for(self, developer: Developer, api_id: str) -> frozenset[str]:
        """The roles that the developer's teams have for that API."""
        return frozenset(
            role.role_name
            for role in self.tables.team_roles.values()
            if role.entity_id == api_id and developer.id in self.tables.teams[role.team_id].developers
        )

    def api_is_visible(self, publication: Publication, portal: Portal, developer: Developer | None) -> bool:
        """Public APIs are visible to all; private ones to signed-in developers, with rbac to those of some teams."""
        if publication.visibility == "public":
            return True
        return developer is not None and (
            not portal.rbac_enabled or bool(self.roles_for(developer, publication.api_id))
        )

    def may_register(self, publication: Publication, portal: Portal, developer: Developer) -> bool:
        """Public APIs as well need the role, where roles decide (inferred)."""
        return not portal.rbac_enabled or CONSUMER in self.roles_for(developer, publication.api_id)
