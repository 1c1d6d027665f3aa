"""Control planes (Kong's Go SDK, whose document is the one that describes them: `control-planes v2`).

What a control plane's type changes is not mocked: a group has no members, and only the first control plane has nodes
(push.py).
"""

from dataclasses import replace

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.fields import check
from dcrproof.mocks.konnect.objects import Certificate, ControlPlane
from dcrproof.mocks.konnect.problems import conflict
from dcrproof.mocks.konnect.push import Push
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find, labelled


class ControlPlanes:
    """The control planes of an organisation."""

    def __init__(self, tables: Tables, stamps: Stamps, push: Push) -> None:
        self.tables = tables
        self.stamps = stamps
        self.push = push

    def create(self, body: Body) -> ControlPlane:
        check(body, schema.CONTROL_PLANE_CREATION)
        self._require_free_name(body["name"], None)
        made = ControlPlane(
            name=body["name"],
            description=body.get("description", ""),
            labels=labelled({}, body.get("labels", {})),
            cluster_type=body.get("cluster_type", schema.CLUSTER_TYPES[0]),
            auth_type=body.get("auth_type", schema.AUTH_TYPES[0]),
            cloud_gateway=body.get("cloud_gateway", False),
            proxy_urls=tuple(body.get("proxy_urls", ())),
            **self.stamps.new(),
        )
        self.tables.control_planes[made.id] = made
        return made

    def patch(self, control_plane_id: str, body: Body) -> ControlPlane:
        """Labels are replaced as a whole: the document calls them Labels, not an update of them."""
        held = find(self.tables.control_planes, control_plane_id)
        check(body, schema.CONTROL_PLANE_UPDATE)
        self._require_free_name(body.get("name"), held)
        members = dict(body)
        if "proxy_urls" in members:
            members["proxy_urls"] = tuple(members["proxy_urls"])
        changed = replace(held, **members, updated_at=self.stamps.now())
        self.tables.control_planes[held.id] = changed
        return changed

    # --- certificates of data planes, as texts: nothing is proved by them ------------------------------------------

    def pin(self, control_plane_id: str, body: Body) -> Certificate:
        held = find(self.tables.control_planes, control_plane_id)
        check(body, schema.CERTIFICATE)
        made = Certificate(control_plane_id=held.id, members=dict(body), **self.stamps.new())
        self.tables.certificates[made.id] = made
        return made

    def certificates(self, control_plane_id: str) -> list[Certificate]:
        held = find(self.tables.control_planes, control_plane_id)
        return [one for one in self.tables.certificates.values() if one.control_plane_id == held.id]

    def certificate(self, control_plane_id: str, certificate_id: str) -> Certificate:
        """Raises Problem 404."""
        return find({one.id: one for one in self.certificates(control_plane_id)}, certificate_id)

    def replace_certificate(self, control_plane_id: str, certificate_id: str, body: Body) -> Certificate:
        held = self.certificate(control_plane_id, certificate_id)
        check(body, schema.CERTIFICATE)
        changed = replace(held, members=dict(body), updated_at=self.stamps.now())
        self.tables.certificates[held.id] = changed
        return changed

    def unpin(self, control_plane_id: str, certificate_id: str) -> None:
        del self.tables.certificates[self.certificate(control_plane_id, certificate_id).id]

    def _require_free_name(self, name: str | None, own: ControlPlane | None) -> None:
        # 409 is in the document for POST and PATCH.
        if any(held.name == name and held is not own for held in self.tables.control_planes.values()):
            raise conflict(f"A control plane named {name} already exists")

    def delete(self, control_plane_id: str) -> None:
        """With its entities, and the links of APIs to them (inferred)."""
        gone = find(self.tables.control_planes, control_plane_id).id
        tables = self.tables
        services = {held.id for held in tables.gateway_services.values() if held.control_plane_id == gone}
        for of_service in (tables.gateway_routes, tables.gateway_plugins):
            for entity in [held for held in of_service.values() if held.service_id in services]:
                of_service.pop(entity.id, None)
        of_planes = (tables.gateway_services, tables.gateway_consumers, tables.implementations, tables.certificates)
        for of_plane in of_planes:
            for held in [held for held in of_plane.values() if held.control_plane_id == gone]:
                of_plane.pop(held.id, None)
        for key in [key for key in tables.consumer_of if key[1] == gone]:
            del tables.consumer_of[key]
        del tables.control_planes[gone]
        self.push.services_changed()
