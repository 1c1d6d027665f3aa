"""Registrations of applications for APIs (portal-management v3).

Rules
    one         an application has one registration for each API, and only for an API that the portal publishes with
                the application's own strategy
    approval    the portal's `auto_approve_applications` or the publication's `auto_approve_registrations`, else pending
"""

from dataclasses import replace

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.bridges import Bridges
from dcrproof.mocks.konnect.driver import ProviderFailed
from dcrproof.mocks.konnect.fields import check
from dcrproof.mocks.konnect.objects import Application, GatewayConsumer, Portal, Publication, Registration
from dcrproof.mocks.konnect.problems import conflict, invalid, missing_reference, not_found
from dcrproof.mocks.konnect.push import Push
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find
from dcrproof.mocks.messages import Asking


class Registrations:
    def __init__(self, tables: Tables, stamps: Stamps, push: Push, bridges: Bridges) -> None:
        self.tables = tables
        self.stamps = stamps
        self.push = push
        self.bridges = bridges

    def strategy_fits(self, application: Application, publication: Publication) -> bool:
        """The rule "one auth strategy per application" (app/dev-portal/auth-strategies.md); the error is inferred."""
        return publication.auth_strategy_id == application.strategy_id

    def status_of_new(self, portal: Portal, publication: Publication) -> str:
        """An API cannot overrule a portal that approves by itself (app/_includes/faqs/api-app-reg-override.md)."""
        return "approved" if portal.auto_approve_applications or publication.auto_approve_registrations else "pending"

    def register(self, application: Application, api_id: str, status: str | None = None) -> Registration:
        """Registers the application for a published API. Whether the API is linked to a service does not matter."""
        publication = self.tables.publication(api_id, application.portal_id)
        if not self.strategy_fits(application, publication):
            raise invalid("api_id", "The API is not published with the application's auth strategy")
        held = self.tables.registrations_of.setdefault(application.id, {})
        if publication.api_id in held:
            raise conflict("API is already registered to the application")
        made = Registration(
            portal_id=application.portal_id,
            application_id=application.id,
            api_id=publication.api_id,
            status=status or self.status_of_new(self.tables.portals[application.portal_id], publication),
            **self.stamps.new(),
        )
        self.tables.registrations[made.id] = made
        held[made.api_id] = made.id
        self.push.application_changed(application)
        return made

    def register_as_admin(self, application: Application, body: Body) -> Registration:
        """With the status that the body names, or as if the developer had asked (portal-management v3)."""
        check(body, schema.ADMIN_REGISTRATION_CREATION)
        return self.register(application, body["api_id"], body.get("status"))

    def of(self, application_id: str) -> list[Registration]:
        return [
            self.tables.registrations[held] for held in self.tables.registrations_of.get(application_id, {}).values()
        ]

    def for_api(self, application_id: str, api_id: str) -> Registration | None:
        return self.tables.registrations.get(self.tables.registrations_of.get(application_id, {}).get(api_id, ""))

    def get(self, application_id: str, registration_id: str) -> Registration:
        held = find(self.tables.registrations, registration_id)
        if held.application_id != application_id.lower():
            raise not_found()
        return held

    def patch(self, application_id: str, registration_id: str, body: Body) -> Registration:
        """Any status may follow any other (no transition is ruled out in portal-management v3)."""
        held = self.get(application_id, registration_id)
        check(body, schema.STATUS_UPDATE)
        changed = replace(held, status=body.get("status", held.status), updated_at=self.stamps.now())
        self.tables.registrations[held.id] = changed
        self.push.application_changed(self.tables.applications[held.application_id])
        return changed

    def delete(self, application_id: str, registration_id: str) -> None:
        self.remove(self.get(application_id, registration_id))

    def gateway_context(self, registration: Registration) -> str | None:
        """The control plane of the registration's API, where it is linked to one."""
        linked = (held for held in self.tables.implementations.values() if held.api_id == registration.api_id)
        return next((held.control_plane_id for held in linked), None)

    def map_consumer(self, application_id: str, registration_id: str, body: Body) -> None:
        """Maps the application to a gateway consumer, for all of its registrations in the same gateway context.

        What the data planes do with it is undocumented: nothing of it is pushed.
        """
        held = self.get(application_id, registration_id)
        check(body, schema.CONSUMER_MAPPING)
        context = self.gateway_context(held)
        consumer = self.tables.gateway_consumers.get(body["id"].lower())
        if consumer is None or consumer.control_plane_id != context:
            raise missing_reference("id", "Consumer not found")
        self.tables.consumer_of[held.application_id, consumer.control_plane_id] = consumer.id

    def unmap_consumer(self, application_id: str, registration_id: str) -> None:
        held = self.get(application_id, registration_id)
        self.tables.consumer_of.pop((held.application_id, self.gateway_context(held) or ""), None)

    def consumer_for(self, registration: Registration) -> GatewayConsumer | None:
        held = self.tables.consumer_of.get((registration.application_id, self.gateway_context(registration) or ""))
        return self.tables.gateway_consumers[held] if held is not None else None

    def tell_bridge(self, application_id: str) -> Asking[None]:
        """Notifies a bridge of the APIs that the application may call since the last notification, and of those it no longer may.

        That the events go with the approval rather than with the request for it is inferred; so is that a bridge that
        fails changes nothing: revoking an approval must not wait.
        """
        held = self.tables.applications.get(application_id)
        provider = self.tables.provider_of(held) if held is not None else None
        if held is None or provider is None or not self.bridges.is_bridge(provider):
            return
        known = self.tables.told.setdefault(held.id, set())
        now = {one.api_id for one in self.of(held.id) if self.push.lets_through(one)}
        events = [("add_registration", api_id) for api_id in sorted(now - known)]
        events += [("remove_registration", api_id) for api_id in sorted(known - now)]
        self.tables.told[held.id] = now
        for event_type, api_id in events:
            try:
                yield from self.bridges.tell(provider, held, event_type, api_product_version_id=api_id)
            except ProviderFailed:
                continue

    def remove(self, registration: Registration) -> None:
        del self.tables.registrations[registration.id]
        del self.tables.registrations_of[registration.application_id][registration.api_id]
        self.push.application_changed(self.tables.applications[registration.application_id])
