"""Portals (portal-management v3)."""

from collections.abc import Callable
from dataclasses import replace

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.auth import Auth
from dcrproof.mocks.konnect.developers import Developers
from dcrproof.mocks.konnect.fields import check
from dcrproof.mocks.konnect.objects import Portal
from dcrproof.mocks.konnect.problems import conflict
from dcrproof.mocks.konnect.push import Push
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find, labelled, lowered
from dcrproof.mocks.konnect.teams import Teams
from dcrproof.mocks.messages import Asking


class Portals:
    """`portal_host` gives a portal's `canonical_domain` (host, or host:port) when the portal is created."""

    def __init__(
        self,
        tables: Tables,
        stamps: Stamps,
        push: Push,
        auth: Auth,
        teams: Teams,
        developers: Developers,
        portal_host: Callable[[str], str],
    ) -> None:
        self.tables = tables
        self.stamps = stamps
        self.push = push
        self.auth = auth
        self.teams = teams
        self.developers = developers
        self.portal_host = portal_host

    def create(self, body: Body) -> Portal:
        check(body, schema.PORTAL_CREATION)
        self.require_free_name(body["name"], None)
        self.auth.require_strategy(
            body.get("default_application_auth_strategy_id"), "default_application_auth_strategy_id"
        )
        new = self.stamps.new()
        authenticated = body.get("authentication_enabled", True)
        visibility = "private" if authenticated else "public"  # recorded
        made = Portal(
            name=body["name"],
            display_name=body.get("display_name", body["name"]),
            description=body.get("description"),
            authentication_enabled=authenticated,
            rbac_enabled=body.get("rbac_enabled", False),
            sipr_enabled=body.get("sipr_enabled", False),
            default_api_visibility=body.get("default_api_visibility", visibility),
            default_page_visibility=body.get("default_page_visibility", visibility),
            default_application_auth_strategy_id=self._default_strategy(body),
            auto_approve_developers=body.get("auto_approve_developers", False),
            auto_approve_applications=body.get("auto_approve_applications", False),
            notifications_developer_pii_visibility_enabled=body.get(
                "notifications_developer_pii_visibility_enabled", False
            ),
            labels=labelled({}, body.get("labels", {})),
            canonical_domain=self.portal_host(new["id"]),
            **new,
        )
        self.tables.portals[made.id] = made
        self.tables.portal_by_host[made.canonical_domain.lower()] = made.id
        return made

    def _default_strategy(self, body: Body) -> str | None:
        """Left out: the organization's only strategy (recorded). Which one it is of several is unknown: none here."""
        if "default_application_auth_strategy_id" in body:
            return lowered(body["default_application_auth_strategy_id"])
        return next(iter(self.tables.strategies)) if len(self.tables.strategies) == 1 else None

    def patch(self, portal_id: str, body: Body) -> Portal:
        held = find(self.tables.portals, portal_id)
        check(body, schema.PORTAL_UPDATE)
        self.require_free_name(body.get("name"), held)
        self.auth.require_strategy(
            body.get("default_application_auth_strategy_id"), "default_application_auth_strategy_id"
        )
        members = {key: value for key, value in body.items() if key != "labels"}
        if default := body.get("default_application_auth_strategy_id"):
            members["default_application_auth_strategy_id"] = default.lower()
        labels = labelled(held.labels, body.get("labels", {}))
        changed = replace(held, **members, labels=labels, updated_at=self.stamps.now())
        self.tables.portals[held.id] = changed
        return changed

    def require_free_name(self, name: str | None, own: Portal | None) -> None:
        # Documented for PATCH; that POST answers alike is inferred.
        if name is not None and any(held.name == name and held != own for held in self.tables.portals.values()):
            raise conflict("A portal with this name already exists")

    def at(self, host: str) -> Portal:
        """The portal whose `canonical_domain` this is."""
        return find(self.tables.portals, find(self.tables.portal_by_host, host))

    def delete(self, portal_id: str, *, force: bool) -> Asking[None]:
        """With everything of it. Without force only while no API is published (the status is inferred)."""
        held = find(self.tables.portals, portal_id)
        published = [key for key in self.tables.publications if key[1] == held.id]
        if published and not force:
            raise conflict("The portal has published APIs")
        for developer in [one for one in self.tables.developers.values() if one.portal_id == held.id]:
            yield from self.developers.delete(held.id, developer.id)
        for key in published:
            self.tables.publications.pop(key, None)
        tables = self.tables
        for table in (tables.pages, tables.snippets, tables.portal_entries):
            for inside in [one for one in table.values() if one.portal_id == held.id]:
                table.pop(inside.id, None)
        for settings in [key for key in tables.portal_settings if key[0] == held.id]:
            tables.portal_settings.pop(settings, None)
        self.teams.disband(held.id)
        if self.tables.portals.pop(held.id, None) is not None:
            self.tables.portal_by_host.pop(held.canonical_domain.lower(), None)
        self.push.services_changed()
