"""Portals and their pages (portal-management v3); APIs, their versions, links and publications (api-builder v3)."""

import re
from dataclasses import replace

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.objects import Api, ApiVersion, Implementation, Page, Portal, Publication, Strategy
from dcrproof.mocks.konnect.problems import conflict, invalid, missing_reference, not_found
from dcrproof.mocks.konnect.schema import check
from dcrproof.mocks.konnect.store import Body, find, labelled, lowered
from dcrproof.mocks.konnect.strategies import Strategies


def slug_of(name: str, version: str | None) -> str:
    """The default slug: name and version, slugified (api-builder v3)."""
    return re.sub(r"[^a-z0-9]+", "-", f"{name}-{version or ''}".lower()).strip("-") or "api"


def spec_type(content: str) -> str:
    """Which kind of specification this is, by its first telling key (JSON or YAML)."""
    for key, name in (("swagger", "oas2"), ("asyncapi", "asyncapi")):
        if re.search(rf"""(^|[{{,\s]){key}["']?\s*:""", content):
            return name
    return "oas3"


def spec_version(content: str) -> str | None:
    """`info.version`, roughly: the first key `version` in the text (JSON or YAML)."""
    found = re.search(r"""(?m)(?:^\s*|[{,]\s*)["']?version["']?\s*:\s*["']?([^"'\s,}]+)""", content)
    return found.group(1) if found else None


class Catalog(Strategies):
    """What is published where."""

    # --- portals --------------------------------------------------------------------------------------------------

    def create_portal(self, body: Body) -> Portal:
        check(body, schema.PORTAL_CREATION)
        self._require_free_portal_name(body["name"], None)
        self._require_strategy(body.get("default_application_auth_strategy_id"), "default_application_auth_strategy_id")
        new = self._new()
        made = Portal(
            name=body["name"],
            display_name=body.get("display_name", body["name"]),
            description=body.get("description"),
            authentication_enabled=body.get("authentication_enabled", True),
            rbac_enabled=body.get("rbac_enabled", False),
            sipr_enabled=body.get("sipr_enabled", False),
            default_api_visibility=body.get("default_api_visibility", "private"),
            default_page_visibility=body.get("default_page_visibility", "private"),
            default_application_auth_strategy_id=lowered(body.get("default_application_auth_strategy_id")),
            auto_approve_developers=body.get("auto_approve_developers", False),
            auto_approve_applications=body.get("auto_approve_applications", False),
            notifications_developer_pii_visibility_enabled=body.get(
                "notifications_developer_pii_visibility_enabled", False
            ),
            labels=labelled({}, body.get("labels", {})),
            canonical_domain=self.portal_host(new["id"]),
            **new,
        )
        self.portals[made.id] = made
        self._portal_by_host[made.canonical_domain.lower()] = made.id
        return made

    def patch_portal(self, portal_id: str, body: Body) -> Portal:
        held = find(self.portals, portal_id)
        check(body, schema.PORTAL_UPDATE)
        self._require_free_portal_name(body.get("name"), held)
        self._require_strategy(body.get("default_application_auth_strategy_id"), "default_application_auth_strategy_id")
        members = {key: value for key, value in body.items() if key != "labels"}
        if default := body.get("default_application_auth_strategy_id"):
            members["default_application_auth_strategy_id"] = default.lower()
        labels = labelled(held.labels, body.get("labels", {}))
        changed = replace(held, **members, labels=labels, updated_at=self.clock.now())
        self.portals[held.id] = changed
        return changed

    def _require_free_portal_name(self, name: str | None, own: Portal | None) -> None:
        # Documented for PATCH; that POST answers alike is inferred.
        if name is not None and any(held.name == name and held != own for held in self.portals.values()):
            raise conflict("A portal with this name already exists")

    def _require_strategy(self, strategy_id: str | None, field: str) -> None:
        if strategy_id is not None and strategy_id.lower() not in self.strategies:  # inferred
            raise missing_reference(field, "Application auth strategy not found")

    def portal_at(self, host: str) -> Portal:
        """The portal whose `canonical_domain` this is."""
        return find(self.portals, find(self._portal_by_host, host))

    def create_page(self, portal_id: str, body: Body) -> Page:
        portal = find(self.portals, portal_id)
        check(body, schema.PAGE_CREATION)
        made = Page(
            portal_id=portal.id,
            slug=body["slug"],
            title=body.get("title", body["slug"]),
            content=body["content"],
            description=body.get("description"),
            visibility=body.get("visibility", portal.default_page_visibility),
            status=body.get("status", "unpublished"),
            parent_page_id=body.get("parent_page_id"),
            **self._new(),
        )
        self.pages[made.id] = made
        return made

    def strategies_on(self, portal: Portal) -> list[Strategy]:
        """The auth strategies on this portal (dev-portal v3): those it publishes with, and its default (inferred)."""
        ids = {held.auth_strategy_id for held in self.publications.values() if held.portal_id == portal.id}
        ids.add(portal.default_application_auth_strategy_id)
        return [strategy for strategy in self.strategies.values() if strategy.id in ids]

    # --- APIs -----------------------------------------------------------------------------------------------------

    def create_api(self, body: Body) -> Api:
        check(body, schema.API_CREATION)
        slug = body.get("slug") or slug_of(body["name"], body.get("version"))
        self._require_free_api_name(body["name"], body.get("version"), slug, None)
        made = Api(
            name=body["name"],
            version=body.get("version"),
            description=body.get("description"),
            slug=slug,
            labels=labelled({}, body.get("labels", {})),
            attributes=body.get("attributes", {}),
            **self._new(),
        )
        self.apis[made.id] = made
        if content := body.get("spec_content"):
            version = spec_version(content) or made.version or "1.0.0"
            self.create_api_version(made.id, {"version": version, "spec": {"content": content}})
        return made

    def patch_api(self, api_id: str, body: Body) -> Api:
        held = find(self.apis, api_id)
        check(body, schema.API_UPDATE)
        members = {key: value for key, value in body.items() if key != "labels"}
        name, version = body.get("name", held.name), body.get("version", held.version)
        members["slug"] = body.get("slug", held.slug) or slug_of(name, version)
        self._require_free_api_name(name, version, members["slug"], held)
        labels = labelled(held.labels, body.get("labels", {}))
        changed = replace(held, **members, labels=labels, updated_at=self.clock.now())
        self.apis[held.id] = changed
        return changed

    def _require_free_api_name(self, name: str, version: str | None, slug: str, own: Api | None) -> None:
        # Name and version together are unique, and so is the slug (api-builder v3); the status for POST is inferred.
        others = [held for held in self.apis.values() if held != own]
        if any((held.name, held.version) == (name, version) or held.slug == slug for held in others):
            raise conflict("An API with this name and version, or with this slug, already exists")

    def delete_api(self, api_id: str) -> None:
        held = find(self.apis, api_id)
        for registration in [one for one in self.registrations.values() if one.api_id == held.id]:
            self._remove_registration(registration)
        for version in self.versions_of(held.id):
            del self.api_versions[version.id]
        for implementation in [one for one in self.implementations.values() if one.api_id == held.id]:
            del self.implementations[implementation.id]
        for key in [key for key in self.publications if key[0] == held.id]:
            del self.publications[key]
        for role in [one for one in self.team_roles.values() if one.entity_id == held.id]:
            del self.team_roles[role.id]
        del self.apis[held.id]
        self._services_changed()

    def create_api_version(self, api_id: str, body: Body) -> ApiVersion:
        api = find(self.apis, api_id)
        check(body, schema.VERSION_CREATION)
        content = body["spec"].get("content", "")
        version = body.get("version") or spec_version(content)
        if not version:
            raise missing_reference("version", "version must be provided if not included in spec_content")
        if any((held.api_id, held.version) == (api.id, version) for held in self.api_versions.values()):
            raise conflict(f"Version '{version}' of API '{api.id}' already exists")
        made = ApiVersion(api_id=api.id, version=version, content=content, type=spec_type(content), **self._new())
        self.api_versions[made.id] = made
        return made

    def versions_of(self, api_id: str) -> list[ApiVersion]:
        return [held for held in self.api_versions.values() if held.api_id == api_id]

    def create_implementation(self, api_id: str, body: Body) -> Implementation:
        """Links the API to a gateway service (there the strategy is enforced), or to a control plane (it is not)."""
        api = find(self.apis, api_id)
        check(body, schema.IMPLEMENTATION_CREATION)
        if len(body) != 1:
            raise invalid("service", 'one of "service" and "control_plane" is required')
        service_id: str | None = None
        if "service" in body:
            service = self.gateway_services.get(body["service"]["id"].lower())
            if service is None or service.control_plane_id != body["service"]["control_plane_id"].lower():
                raise missing_reference("service.id", "Service not found")
            service_id, control_plane_id = service.id, service.control_plane_id
        else:
            control_plane_id = body["control_plane"]["control_plane_id"].lower()
            if control_plane_id not in self.control_planes:
                raise missing_reference("control_plane.control_plane_id", "Control plane not found")
        for held in self.implementations.values():
            if held.api_id == api.id:
                raise conflict("An implementation already exists for this API")
            if service_id is not None and held.service_id == service_id:
                raise conflict("This gateway service is already linked to another API")
        made = Implementation(
            api_id=api.id,
            control_plane_id=control_plane_id,
            service_id=service_id,
            auth_strategy_sync_error=None,
            **self._new(),
        )
        self.implementations[made.id] = made
        self._services_changed()
        return self.implementations[made.id]

    def implementation(self, api_id: str, implementation_id: str) -> Implementation:
        held = find(self.implementations, implementation_id)
        if held.api_id != api_id.lower():
            raise not_found()
        return held

    def delete_implementation(self, api_id: str, implementation_id: str) -> None:
        del self.implementations[self.implementation(api_id, implementation_id).id]
        self._services_changed()

    def publish(self, api_id: str, portal_id: str, body: Body) -> Publication:
        """Creates or replaces. What is left out takes its default again, as in any PUT (inferred)."""
        api, portal = find(self.apis, api_id), find(self.portals, portal_id)
        check(body, schema.PUBLICATION)
        strategy_id = self.published_strategy(portal, body)
        self._require_strategy(strategy_id, "auth_strategy_ids")
        held = self.publications.get((api.id, portal.id))
        now = self.clock.now()
        made = Publication(
            api_id=api.id,
            portal_id=portal.id,
            visibility=body.get("visibility", "private"),
            auth_strategy_id=strategy_id,
            auto_approve_registrations=body.get("auto_approve_registrations", False),
            created_at=held.created_at if held else now,
            updated_at=now,
        )
        self.publications[api.id, portal.id] = made
        self._services_changed()
        return made

    def published_strategy(self, portal: Portal, body: Body) -> str | None:
        """Left out: the portal's default; null: none (api-builder v3)."""
        if "auth_strategy_ids" not in body:
            return portal.default_application_auth_strategy_id
        ids = body["auth_strategy_ids"]
        return ids[0].lower() if ids else None

    def publication(self, api_id: str, portal_id: str) -> Publication:
        return find(self.publications, (api_id.lower(), portal_id.lower()))

    def unpublish(self, api_id: str, portal_id: str) -> None:
        held = self.publication(api_id, portal_id)
        del self.publications[held.api_id, held.portal_id]
        self._services_changed()
