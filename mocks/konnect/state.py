"""Mock Konnect's state.

The party is `Konnect`. Its layers, each standing on the one before: store.py (tables, indexes, push), entities.py
(the gateway's services, routes, plugins, consumers), strategies.py (DCR providers, auth strategies), catalog.py
(portals, APIs, publications), teams.py, and here developers, their applications and registrations. Nothing else changes
state; accounts.py holds passwords and sessions.

Rules, each with its source at the method that holds it:

    active       a strategy is active while a publication uses it, a provider while an active strategy uses it
    in use       a strategy that a publication or an application uses, and a provider that a strategy uses, stay
    publication  leaves out the strategy: the portal's default; null: no application auth
    application  one owner, one strategy for life; through DCR its client id comes from the authorization server
    registration one for each API; only for an API that the portal publishes with the application's own strategy
    approval     registration: portal auto_approve_applications or publication auto_approve_registrations, else pending
                 developer: portal auto_approve_developers, else pending
    push         a gateway service that an API is linked to carries the strategy with which that API is published;
                 without a link nothing is enforced; only approved registrations count

Methods take the body that the API takes, and check it (schema.py); they raise `problems.Problem`. Those that ask an
authorization server (driver.py) are generators: `create_application`, `regenerate_secret`, `update_application`,
`delete_application`, `delete_developer`, `delete_portal`, `verify_provider`; so is `tell_of_registrations`, which
whoever has changed registrations calls for the bridges (bridges.py). After a generator's last call everything
is looked up again, for other requests may have come between.
"""

from dataclasses import replace
from typing import TypeAlias

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.driver import ProviderFailed, RegisteredClient
from dcrproof.mocks.konnect.objects import (
    Application,
    ClientRegistration,
    Developer,
    GatewayConsumer,
    Portal,
    Provider,
    Publication,
    Registration,
    Strategy,
)
from dcrproof.mocks.konnect.problems import Problem, conflict, forbidden, invalid, missing_reference, not_found
from dcrproof.mocks.konnect.schema import check
from dcrproof.mocks.konnect.store import Body, find, labelled
from dcrproof.mocks.konnect.teams import Teams
from dcrproof.mocks.messages import Asking

Created: TypeAlias = tuple[Application, str | None]  # with the client secret, where there is one to show

APPLICATIONS_PER_DEVELOPER = 500  # app/dev-portal/self-service.md, "Limitations"


class Konnect(Teams):
    """One organisation in one region.

    token: the bearer token of the admin API.
    portal_host: gives a portal's `canonical_domain` (host, or host:port) when the portal is created.
    initial_access: how registrations are authorised; anything but the default is for other servers than Curity.

    `nodes` (set by whoever runs data planes) lists what each node reports: a mapping with `id`, `hostname`, `version`,
    `config_hash` and `last_ping`, and whatever else the admin API shows of a node. The functions in `on_change` are
    called, without arguments, after each change that alters `data_plane_configuration()`.
    """

    # --- developers -----------------------------------------------------------------------------------------------

    def create_developer(self, portal_id: str, body: Body) -> Developer:
        """By an admin. The account has no password: that takes a token from a mail."""
        portal = find(self.portals, portal_id)
        check(body, schema.DEVELOPER_CREATION)
        made = self._add_developer(portal, body["email"], body["full_name"], body.get("status"))
        if body.get("send_invitation_email"):
            self.accounts.invite(made)
        return made

    def sign_up(self, portal_id: str, body: Body) -> Developer:
        """By the developer. The address must be confirmed before there can be a password."""
        portal = find(self.portals, portal_id)
        check(body, schema.SIGN_UP)
        made = self._add_developer(portal, body["email"], body["full_name"], None)
        self.accounts.ask_for_confirmation(made)
        return made

    def _add_developer(self, portal: Portal, email: str, full_name: str, status: str | None) -> Developer:
        key = (portal.id, email.lower())
        if key in self._developer_by_email:
            raise conflict("Developer with the given email already exists")
        made = Developer(
            portal_id=portal.id,
            email=email,
            full_name=full_name,
            status=status or self.status_of_new_developer(portal),
            **self._new(),
        )
        self.developers[made.id] = made
        self._developer_by_email[key] = made.id
        return made

    def status_of_new_developer(self, portal: Portal) -> str:
        return "approved" if portal.auto_approve_developers else "pending"

    def developer_with(self, portal_id: str, email: str) -> Developer | None:
        return self.developers.get(self._developer_by_email.get((portal_id, email.lower()), ""))

    def developer(self, portal_id: str, developer_id: str) -> Developer:
        held = find(self.developers, developer_id)
        if held.portal_id != portal_id.lower():
            raise not_found()
        return held

    def patch_developer(self, portal_id: str, developer_id: str, body: Body) -> Developer:
        """De-approval stops the developer's login, not the credentials (portal-management v3, update-developer)."""
        held = self.developer(portal_id, developer_id)
        check(body, schema.STATUS_UPDATE)
        changed = replace(held, status=body.get("status", held.status), updated_at=self.clock.now())
        self.developers[held.id] = changed
        return changed

    def may_sign_in(self, developer: Developer) -> bool:
        """Only approved developers; that a session ends with the approval is inferred."""
        return developer.status == "approved"

    def delete_developer(self, portal_id: str, developer_id: str) -> Asking[None]:
        """With all applications, whose clients are deleted as well (inferred)."""
        held = self.developer(portal_id, developer_id)
        for application_id in list(self._applications_of.get(held.id, {}).values()):
            yield from self.delete_application(application_id)
        if self.developers.pop(held.id, None) is not None:
            self._developer_by_email.pop((held.portal_id, held.email.lower()), None)
            self._applications_of.pop(held.id, None)
            self.accounts.forget(held.id)
            for team in [one for one in self.teams.values() if held.id in one.developers]:
                self.leave(portal_id, team.id, held.id)

    def delete_portal(self, portal_id: str, *, force: bool) -> Asking[None]:
        """With everything of it. Without force only while no API is published (the status is inferred)."""
        held = find(self.portals, portal_id)
        published = [key for key in self.publications if key[1] == held.id]
        if published and not force:
            raise conflict("The portal has published APIs")
        for developer in [one for one in self.developers.values() if one.portal_id == held.id]:
            yield from self.delete_developer(held.id, developer.id)
        for key in published:
            self.publications.pop(key, None)
        for page in [one for one in self.pages.values() if one.portal_id == held.id]:
            self.pages.pop(page.id, None)
        self.disband(held.id)
        if self.portals.pop(held.id, None) is not None:
            self._portal_by_host.pop(held.canonical_domain.lower(), None)
        self._services_changed()

    # --- applications ---------------------------------------------------------------------------------------------

    def applications_of(self, developer_id: str) -> list[Application]:
        return [self.applications[held] for held in self._applications_of.get(developer_id, {}).values()]

    def create_application(self, portal_id: str, developer_id: str, body: Body) -> Asking[Created]:
        """By its developer. The secret comes with an application whose client was registered through DCR."""
        check(body, schema.APPLICATION_CREATION)
        return (yield from self._create_application(portal_id, developer_id, body))

    def create_application_as_admin(self, portal_id: str, body: Body) -> Asking[Application]:
        """For a developer, who is not told the secret and must regenerate it (inferred)."""
        find(self.portals, portal_id)
        check(body, schema.ADMIN_APPLICATION_CREATION)
        developer = self._owner(portal_id, body["owner"])
        if "dcr_client_id" in body and not self.driver.switches.imports_clients:
            raise invalid("dcr_client_id", "An existing client cannot be imported from this identity provider")
        application, _ = yield from self._create_application(portal_id, developer.id, body)
        return application

    def _owner(self, portal_id: str, owner: Body) -> Developer:
        """The developer whom a body names; teams own no applications here (teams.py)."""
        if owner["type"] != "developer":
            raise missing_reference("owner.id", "Team not found")
        developer = self.developers.get(owner["id"].lower())
        if developer is None or developer.portal_id != portal_id.lower():
            raise missing_reference("owner.id", "Developer not found")
        return developer

    def _create_application(self, portal_id: str, developer_id: str, body: Body) -> Asking[Created]:
        strategy, provider = self._allow_application(portal_id, developer_id, body)
        imported: str | None = body.get("dcr_client_id")
        client_id: str | None = imported or body.get("client_id")
        secret: str | None = None
        management: ClientRegistration | None = None
        if provider is not None and imported is not None:
            self._require_free_client(provider.id, imported)
        elif provider is not None:
            try:
                client = yield from self._register_client(strategy, provider, portal_id, developer_id, body)
            except ProviderFailed as failed:
                raise self.provider_problem("create", "auth_strategy_id", "body", failed) from failed
            client_id, secret, management = client.client_id, client.client_secret, client.registration
            try:
                self._allow_application(portal_id, developer_id, body)
                self._require_free_client(provider.id, client_id)
            except Problem:
                yield from self._abandon_client(provider, client)
                raise
        made = Application(
            portal_id=portal_id.lower(),
            developer_id=developer_id,
            name=body["name"],
            description=body.get("description"),
            redirect_uri=body.get("redirect_uri"),
            client_id=client_id,
            strategy_id=strategy.id,
            provider_id=provider.id if provider is not None else None,
            labels=labelled({}, body.get("labels", {})),
            client_registration=management,
            **self._new(),
        )
        self.applications[made.id] = made
        self._applications_of.setdefault(developer_id, {})[made.name] = made.id
        if client_id is not None:
            self._application_by_client[made.provider_id, client_id] = made.id
        self._application_changed(made)
        return made, secret

    def _register_client(
        self, strategy: Strategy, provider: Provider, portal_id: str, developer_id: str, body: Body
    ) -> Asking[RegisteredClient]:
        if self.bridges.is_bridge(provider):
            payload = self.bridges.payload(provider, strategy, portal_id.lower(), developer_id, body)
            return (yield from self.bridges.create(provider, payload))
        metadata = self.driver.client_metadata(strategy, body["name"], body.get("redirect_uri"))
        return (yield from self.driver.create(provider, metadata))

    def _abandon_client(self, provider: Provider, client: RegisteredClient) -> Asking[None]:
        """Tries to delete a client that nobody will own."""
        if not self.bridges.is_bridge(provider):
            yield from self.driver.abandon(client.registration, provider)
            return
        try:
            yield from self.bridges.delete(provider, client.client_id)
        except ProviderFailed:
            return

    def _allow_application(self, portal_id: str, developer_id: str, body: Body) -> tuple[Strategy, Provider | None]:
        portal, developer = find(self.portals, portal_id), self.developer(portal_id, developer_id)
        strategy_id = body.get("auth_strategy_id") or portal.default_application_auth_strategy_id
        if strategy_id is None:
            raise invalid("auth_strategy_id", "The portal has no default application auth strategy")
        strategy = next((held for held in self.strategies_on(portal) if held.id == strategy_id.lower()), None)
        if strategy is None:
            raise not_found()  # inferred
        provider = self.providers.get(strategy.dcr_provider_id) if strategy.dcr_provider_id else None
        self._allow_members(strategy.credential_type, body)
        if strategy.credential_type == "self_managed_client_credentials":
            if not body.get("client_id"):
                raise invalid("client_id", '"client_id" is required')
            self._require_free_client(None, body["client_id"])
        if len(self._applications_of.get(developer.id, {})) >= APPLICATIONS_PER_DEVELOPER:
            raise forbidden(f"Maximum number of Applications exceeded. Max Allowed: {APPLICATIONS_PER_DEVELOPER}")
        self._require_free_application_name(developer.id, body["name"])
        return strategy, provider

    def _allow_members(self, credential_type: str, body: Body) -> None:
        """`client_id` is for self-managed OIDC, scopes are for providers with developer-managed scopes (inferred)."""
        if body.get("client_id") is not None and credential_type != "self_managed_client_credentials":
            raise invalid("client_id", '"client_id" cannot be set with this auth strategy')
        if body.get("scopes"):
            raise invalid("scopes", '"scopes" are not managed by developers with this auth strategy')
        if body.get("team_id") is not None:
            raise missing_reference("team_id", "Team not found")

    def _require_free_application_name(self, developer_id: str, name: str) -> None:
        if name in self._applications_of.get(developer_id, {}):  # inferred: a cause of the documented 409
            raise conflict("An application with this name already exists")

    def _require_free_client(self, provider_id: str | None, client_id: str) -> None:
        if (provider_id, client_id) in self._application_by_client:
            raise conflict("Reference ID must be unique")  # app/dev-portal/developer-signup.md

    def provider_problem(self, verb: str, field: str, source: str, failed: ProviderFailed) -> Problem:
        """What a developer or admin sees when the authorization server fails.

        The reason holds no secret.
        """
        status = self.driver.switches.provider_failure
        entry = {"field": field, "rule": "invalid", "reason": str(failed), "source": source}
        title = {400: "Invalid Request", 409: "Conflict", 500: "Internal Server Error", 502: "Bad Gateway"}[status]
        told = [entry] if status == 400 else []
        return Problem(status, title, f"Unable to {verb} the DCR application", invalid=told)

    def hand_over(self, portal_id: str, application_id: str, body: Body) -> Application:
        """Another owner, the only thing that an admin can change of an application (portal-management v3)."""
        held = self.application(portal_id, application_id)
        check(body, schema.ADMIN_APPLICATION_UPDATE)
        if "owner" not in body:
            return held
        owner = self._owner(portal_id, body["owner"])
        if owner.id != held.developer_id:
            self._require_free_application_name(owner.id, held.name)
            del self._applications_of[held.developer_id][held.name]
            self._applications_of.setdefault(owner.id, {})[held.name] = held.id
        changed = replace(held, developer_id=owner.id, updated_at=self.clock.now())
        self.applications[held.id] = changed
        return changed

    def application(self, portal_id: str, application_id: str, developer_id: str | None = None) -> Application:
        """An application of that portal and, where given, of that developer. Others' are not found."""
        held = find(self.applications, application_id)
        if held.portal_id != portal_id.lower() or developer_id not in {None, held.developer_id}:
            raise not_found()
        return held

    def update_application(self, application_id: str, body: Body) -> Asking[Application]:
        held = find(self.applications, application_id)
        check(body, schema.APPLICATION_UPDATE)
        self._allow_members(self.strategies[held.strategy_id].credential_type, body)
        members = {key: body[key] for key in ("name", "description", "redirect_uri", "client_id") if key in body}
        self._allow_change(held, members)
        management = held.client_registration
        shown = {"name", "redirect_uri"}  # what the client's metadata has of an application
        provider = self._provider_of(held)
        if provider is not None and self.bridges.is_bridge(provider):
            changed = replace(held, **members)
            if changed != held:
                yield from self._tell_of_change(provider, changed)
            held = find(self.applications, application_id)
            self._allow_change(held, members)
        elif held.client_id and any(getattr(held, key) != members[key] for key in shown & members.keys()):
            changed = replace(held, **members)
            strategy = self.strategies[held.strategy_id]
            metadata = self.driver.client_metadata(strategy, changed.name, changed.redirect_uri)
            try:
                management = yield from self.driver.update(management, held.client_id, metadata, provider)
            except ProviderFailed as failed:
                raise self.provider_problem("update", "applicationId", "path", failed) from failed
            held = find(self.applications, application_id)
            self.applications[held.id] = held = replace(held, client_registration=management)
            self._allow_change(held, members)
        changed = replace(held, **members, updated_at=self.clock.now())
        self._rename(held, changed)
        return changed

    def _tell_of_change(self, provider: Provider, changed: Application) -> Asking[None]:
        """A change that the bridge refuses is not made (inferred)."""
        uris = [changed.redirect_uri] if changed.redirect_uri is not None else []
        try:
            yield from self.bridges.tell(provider, changed, "update_application", redirect_uris=uris)
        except ProviderFailed as failed:
            raise self.provider_problem("update", "applicationId", "path", failed) from failed

    def _provider_of(self, held: Application) -> Provider | None:
        return self.providers.get(held.provider_id or "")

    def _allow_change(self, held: Application, members: Body) -> None:
        if members.get("name", held.name) != held.name:
            self._require_free_application_name(held.developer_id, members["name"])
        client_id = members.get("client_id", held.client_id)
        if client_id is not None and client_id != held.client_id:
            self._require_free_client(held.provider_id, client_id)

    def _rename(self, held: Application, changed: Application) -> None:
        names = self._applications_of[held.developer_id]
        del names[held.name]
        names[changed.name] = changed.id
        if held.client_id is not None and changed.client_id is not None:
            del self._application_by_client[held.provider_id, held.client_id]
            self._application_by_client[changed.provider_id, changed.client_id] = changed.id
        self.applications[held.id] = changed
        self._application_changed(changed)

    def regenerate_secret(self, application_id: str) -> Asking[tuple[str, str]]:
        """(client id, new secret). The client keeps its id."""
        held = find(self.applications, application_id)
        if held.provider_id is None or held.client_id is None:
            raise invalid("applicationId", "The application's credentials are not managed here", "path")
        provider, management = self._provider_of(held), held.client_registration
        try:
            if provider is not None and self.bridges.is_bridge(provider):
                if not self.bridges.renews_secrets(provider):  # the status is inferred
                    raise invalid("applicationId", "The DCR provider does not refresh secrets", "path")
                secret = yield from self.bridges.new_secret(provider, held.client_id)
            else:
                metadata = self.driver.client_metadata(self.strategies[held.strategy_id], held.name, held.redirect_uri)
                secret, management = yield from self.driver.regenerate(management, provider, held.client_id, metadata)
        except ProviderFailed as failed:
            raise self.provider_problem("refresh the secret of", "applicationId", "path", failed) from failed
        held = find(self.applications, application_id)
        self.applications[held.id] = replace(held, client_registration=management)
        return str(held.client_id), secret

    def delete_application(self, application_id: str) -> Asking[None]:
        """With its registrations and its client. While the client cannot be deleted the application stays: inferred."""
        held = find(self.applications, application_id)
        provider = self._provider_of(held)
        try:
            if provider is not None and held.client_id is not None and self.bridges.is_bridge(provider):
                yield from self.bridges.delete(provider, held.client_id)
            else:
                yield from self.driver.delete(held.client_registration, provider)
        except ProviderFailed as failed:
            raise self.provider_problem("delete", "applicationId", "path", failed) from failed
        gone = self.applications.pop(held.id, None)
        if gone is None:
            return
        self._told.pop(gone.id, None)
        for key in [one for one in self.consumer_of if one[0] == gone.id]:
            del self.consumer_of[key]
        for registration_id in self._registrations_of.pop(gone.id, {}).values():
            del self.registrations[registration_id]
        self._applications_of.get(gone.developer_id, {}).pop(gone.name, None)
        if gone.client_id is not None:
            self._application_by_client.pop((gone.provider_id, gone.client_id), None)
        self._announce(self._push.without(gone.id))

    # --- registrations --------------------------------------------------------------------------------------------

    def strategy_fits(self, application: Application, publication: Publication) -> bool:
        """The rule "one auth strategy per application" (app/dev-portal/auth-strategies.md); the error is inferred."""
        return publication.auth_strategy_id == application.strategy_id

    def status_of_new_registration(self, portal: Portal, publication: Publication) -> str:
        """An API cannot overrule a portal that approves by itself (app/_includes/faqs/api-app-reg-override.md)."""
        return "approved" if portal.auto_approve_applications or publication.auto_approve_registrations else "pending"

    def register(self, application: Application, api_id: str, status: str | None = None) -> Registration:
        """Registers the application for a published API. Whether the API is linked to a service does not matter."""
        publication = self.publication(api_id, application.portal_id)
        if not self.strategy_fits(application, publication):
            raise invalid("api_id", "The API is not published with the application's auth strategy")
        held = self._registrations_of.setdefault(application.id, {})
        if publication.api_id in held:
            raise conflict("API is already registered to the application")
        made = Registration(
            application_id=application.id,
            api_id=publication.api_id,
            status=status or self.status_of_new_registration(self.portals[application.portal_id], publication),
            **self._new(),
        )
        self.registrations[made.id] = made
        held[made.api_id] = made.id
        self._application_changed(application)
        return made

    def register_as_admin(self, application: Application, body: Body) -> Registration:
        """With the status that the body names, or as if the developer had asked (portal-management v3)."""
        check(body, schema.ADMIN_REGISTRATION_CREATION)
        return self.register(application, body["api_id"], body.get("status"))

    def registrations_of(self, application_id: str) -> list[Registration]:
        return [self.registrations[held] for held in self._registrations_of.get(application_id, {}).values()]

    def registration_for(self, application_id: str, api_id: str) -> Registration | None:
        return self.registrations.get(self._registrations_of.get(application_id, {}).get(api_id, ""))

    def registration(self, application_id: str, registration_id: str) -> Registration:
        held = find(self.registrations, registration_id)
        if held.application_id != application_id.lower():
            raise not_found()
        return held

    def patch_registration(self, application_id: str, registration_id: str, body: Body) -> Registration:
        """Any status may follow any other (no transition is ruled out in portal-management v3)."""
        held = self.registration(application_id, registration_id)
        check(body, schema.STATUS_UPDATE)
        changed = replace(held, status=body.get("status", held.status), updated_at=self.clock.now())
        self.registrations[held.id] = changed
        self._application_changed(self.applications[held.application_id])
        return changed

    def delete_registration(self, application_id: str, registration_id: str) -> None:
        self._remove_registration(self.registration(application_id, registration_id))

    def gateway_context(self, registration: Registration) -> str | None:
        """The control plane of the registration's API, where it is linked to one."""
        linked = (held for held in self.implementations.values() if held.api_id == registration.api_id)
        return next((held.control_plane_id for held in linked), None)

    def map_consumer(self, application_id: str, registration_id: str, body: Body) -> None:
        """Maps the application to a gateway consumer, for all of its registrations in the same gateway context.

        What the data planes make of it is not known: nothing of it is pushed.
        """
        held = self.registration(application_id, registration_id)
        check(body, schema.CONSUMER_MAPPING)
        context = self.gateway_context(held)
        consumer = self.gateway_consumers.get(body["id"].lower())
        if consumer is None or consumer.control_plane_id != context:
            raise missing_reference("id", "Consumer not found")
        self.consumer_of[held.application_id, consumer.control_plane_id] = consumer.id

    def unmap_consumer(self, application_id: str, registration_id: str) -> None:
        held = self.registration(application_id, registration_id)
        self.consumer_of.pop((held.application_id, self.gateway_context(held) or ""), None)

    def consumer_for(self, registration: Registration) -> GatewayConsumer | None:
        held = self.consumer_of.get((registration.application_id, self.gateway_context(registration) or ""))
        return self.gateway_consumers[held] if held is not None else None

    def tell_of_registrations(self, application_id: str) -> Asking[None]:
        """Tells a bridge of the APIs that the application may call since it was last told, and of those it no longer may.

        That the events go with the approval rather than with the request for it is inferred; so is that a bridge that
        fails changes nothing: an approval that was taken back must not wait for anybody.
        """
        held = self.applications.get(application_id)
        provider = self._provider_of(held) if held is not None else None
        if held is None or provider is None or not self.bridges.is_bridge(provider):
            return
        known = self._told.setdefault(held.id, set())
        now = {one.api_id for one in self.registrations_of(held.id) if self.lets_through(one)}
        events = [("add_registration", api_id) for api_id in sorted(now - known)]
        events += [("remove_registration", api_id) for api_id in sorted(known - now)]
        self._told[held.id] = now
        for event_type, api_id in events:
            try:
                yield from self.bridges.tell(provider, held, event_type, api_product_version_id=api_id)
            except ProviderFailed:
                continue
