"""APIs, their versions, links and publications (api-builder v3)."""

import re
from dataclasses import replace

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.auth import Auth
from dcrproof.mocks.konnect.fields import check
from dcrproof.mocks.konnect.objects import Api, ApiVersion, Implementation, Portal, Publication
from dcrproof.mocks.konnect.problems import conflict, invalid, missing_reference, not_found
from dcrproof.mocks.konnect.push import Push
from dcrproof.mocks.konnect.registrations import Registrations
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find, labelled


def slug_of(name: str, version: str | None) -> str:
    """The default slug: name and major version, slugified (api-builder v3; that it is the major alone is recorded)."""
    major = (version or "").partition(".")[0]
    return re.sub(r"[^a-z0-9]+", "-", f"{name}-{major}".lower()).strip("-") or "api"


def spec_type(content: str) -> str:
    """Which kind of specification this is, by its first telling key (JSON or YAML)."""
    for key, name in (("swagger", "oas2"), ("asyncapi", "asyncapi")):
        if re.search(rf"""(^|[{{,\s])["']?{key}["']?\s*:""", content):
            return name
    return "oas3"


def spec_version(content: str) -> str | None:
    """`info.version`, roughly: the first key `version` in the text (JSON or YAML)."""
    found = re.search(r"""(?m)(?:^[^\S\n]*|[{,]\s*)["']?version["']?\s*:\s*["']?([^"'\s,}]+)""", content)
    return found.group(1) if found else None


class Catalog:
    """What is published where."""

    def __init__(self, tables: Tables, stamps: Stamps, push: Push, auth: Auth, registrations: Registrations) -> None:
        self.tables = tables
        self.stamps = stamps
        self.push = push
        self.auth = auth
        self.registrations = registrations

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
            **self.stamps.new(),
        )
        self.tables.apis[made.id] = made
        if content := body.get("spec_content"):
            version = spec_version(content) or made.version or "1.0.0"
            self.create_api_version(made.id, {"version": version, "spec": {"content": content}})
        return made

    def patch_api(self, api_id: str, body: Body) -> Api:
        held = find(self.tables.apis, api_id)
        check(body, schema.API_UPDATE)
        members = {key: value for key, value in body.items() if key != "labels"}
        name, version = body.get("name", held.name), body.get("version", held.version)
        members["slug"] = body.get("slug", held.slug) or slug_of(name, version)
        self._require_free_api_name(name, version, members["slug"], held)
        labels = labelled(held.labels, body.get("labels", {}))
        changed = replace(held, **members, labels=labels, updated_at=self.stamps.now())
        self.tables.apis[held.id] = changed
        return changed

    def _require_free_api_name(self, name: str, version: str | None, slug: str, own: Api | None) -> None:
        # Name and version together are unique, and so is the slug (api-builder v3); the status for POST is inferred.
        others = [held for held in self.tables.apis.values() if held != own]
        if any((held.name, held.version) == (name, version) or held.slug == slug for held in others):
            raise conflict("An API with this name and version, or with this slug, already exists")

    def delete_api(self, api_id: str) -> None:
        held = find(self.tables.apis, api_id)
        for registration in [one for one in self.tables.registrations.values() if one.api_id == held.id]:
            self.registrations.remove(registration)
        for version in self.versions_of(held.id):
            del self.tables.api_versions[version.id]
        for document in [one for one in self.tables.api_documents.values() if one.api_id == held.id]:
            del self.tables.api_documents[document.id]
        for implementation in [one for one in self.tables.implementations.values() if one.api_id == held.id]:
            del self.tables.implementations[implementation.id]
        for key in [key for key in self.tables.publications if key[0] == held.id]:
            del self.tables.publications[key]
        for role in [one for one in self.tables.team_roles.values() if one.entity_id == held.id]:
            del self.tables.team_roles[role.id]
        del self.tables.apis[held.id]
        self.push.services_changed()

    def create_api_version(self, api_id: str, body: Body) -> ApiVersion:
        api = find(self.tables.apis, api_id)
        check(body, schema.VERSION_CREATION)
        content = body["spec"].get("content", "")
        version = body.get("version") or spec_version(content)
        if not version:
            raise missing_reference("version", "version must be provided if not included in spec_content")
        self._require_free_version(api.id, version, None)
        made = ApiVersion(api_id=api.id, version=version, content=content, type=spec_type(content), **self.stamps.new())
        self.tables.api_versions[made.id] = made
        if api.version is None:  # recorded; the slug stays
            self.tables.apis[api.id] = replace(api, version=version)
        return made

    def version(self, api_id: str, version_id: str) -> ApiVersion:
        """A version of that API. Raises Problem 404."""
        held = find(self.tables.api_versions, version_id)
        if held.api_id != find(self.tables.apis, api_id).id:
            raise not_found()
        return held

    def patch_version(self, api_id: str, version_id: str, body: Body) -> ApiVersion:
        held = self.version(api_id, version_id)
        check(body, schema.VERSION_UPDATE)
        version = body.get("version", held.version)
        self._require_free_version(held.api_id, version, held)
        content = body.get("spec", {}).get("content", held.content)
        kind = spec_type(content) if content != held.content else held.type
        changed = replace(held, version=version, content=content, type=kind, updated_at=self.stamps.now())
        self.tables.api_versions[held.id] = changed
        return changed

    def delete_version(self, api_id: str, version_id: str) -> None:
        del self.tables.api_versions[self.version(api_id, version_id).id]

    def _require_free_version(self, api_id: str, version: str, own: ApiVersion | None) -> None:
        others = (held for held in self.versions_of(api_id) if held is not own)
        if any(held.version == version for held in others):
            raise conflict(f"Version '{version}' of API '{api_id}' already exists")

    def versions_of(self, api_id: str) -> list[ApiVersion]:
        return [held for held in self.tables.api_versions.values() if held.api_id == api_id]

    def create_implementation(self, api_id: str, body: Body) -> Implementation:
        """Links the API to a gateway service (there the strategy is enforced), or to a control plane (it is not)."""
        api = find(self.tables.apis, api_id)
        check(body, schema.IMPLEMENTATION_CREATION)
        if len(body) != 1:
            raise invalid("service", 'one of "service" and "control_plane" is required')
        service_id: str | None = None
        if "service" in body:
            service = self.tables.gateway_services.get(body["service"]["id"].lower())
            if service is None or service.control_plane_id != body["service"]["control_plane_id"].lower():
                raise missing_reference("service.id", "Service not found")
            service_id, control_plane_id = service.id, service.control_plane_id
        else:
            control_plane_id = body["control_plane"]["control_plane_id"].lower()
            if control_plane_id not in self.tables.control_planes:
                raise missing_reference("control_plane.control_plane_id", "Control plane not found")
        for held in self.tables.implementations.values():
            if held.api_id == api.id:
                raise conflict("An implementation already exists for this API")
            if service_id is not None and held.service_id == service_id:
                raise conflict("This gateway service is already linked to another API")
        made = Implementation(
            api_id=api.id,
            control_plane_id=control_plane_id,
            service_id=service_id,
            auth_strategy_sync_error=None,
            **self.stamps.new(),
        )
        self.tables.implementations[made.id] = made
        self.push.services_changed()
        return self.tables.implementations[made.id]

    def implementation(self, api_id: str, implementation_id: str) -> Implementation:
        held = find(self.tables.implementations, implementation_id)
        if held.api_id != api_id.lower():
            raise not_found()
        return held

    def delete_implementation(self, api_id: str, implementation_id: str) -> None:
        del self.tables.implementations[self.implementation(api_id, implementation_id).id]
        self.push.services_changed()

    def publish(self, api_id: str, portal_id: str, body: Body) -> Publication:
        """Creates or replaces. Members that are left out get their defaults, as in any PUT (inferred)."""
        api, portal = find(self.tables.apis, api_id), find(self.tables.portals, portal_id)
        check(body, schema.PUBLICATION)
        strategy_id = self.published_strategy(portal, body)
        self.auth.require_strategy(strategy_id, "auth_strategy_ids")
        if body.get("form_id") is not None:
            raise missing_reference("form_id", "Form not found")  # there are no forms here
        held = self.tables.publications.get((api.id, portal.id))
        now = self.stamps.now()
        made = Publication(
            api_id=api.id,
            portal_id=portal.id,
            visibility=body.get("visibility", portal.default_api_visibility),
            auth_strategy_id=strategy_id,
            # Left out or false: the portal's setting (SDK); registrations.py falls back to it.
            auto_approve_registrations=body.get("auto_approve_registrations", False),
            created_at=held.created_at if held else now,
            updated_at=now,
        )
        self.tables.publications[api.id, portal.id] = made
        self._touch(api)
        self.push.services_changed()
        return made

    def _touch(self, api: Api) -> None:
        """A publication that comes, changes or goes moves `updated_at` of the API (recorded)."""
        self.tables.apis[api.id] = replace(api, updated_at=self.stamps.now())

    def published_strategy(self, portal: Portal, body: Body) -> str | None:
        """Left out: the portal's default; null: none (api-builder v3)."""
        if "auth_strategy_ids" not in body:
            return portal.default_application_auth_strategy_id
        ids = body["auth_strategy_ids"]
        return ids[0].lower() if ids else None

    def unpublish(self, api_id: str, portal_id: str) -> None:
        held = self.tables.publication(api_id, portal_id)
        del self.tables.publications[held.api_id, held.portal_id]
        self._touch(self.tables.apis[held.api_id])
        self.push.services_changed()
