"""Applications of developers (dev-portal v3, portal-management v3).

An application has one owner and one strategy for life; through DCR its client id comes from the authorization server,
and its secret is shown once.

Methods that call an authorization server (driver.py, bridges.py) are generators. After the last call everything is
looked up again, because other requests may have come between.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.auth import Auth
from dcrproof.mocks.konnect.bridges import Bridges
from dcrproof.mocks.konnect.driver import Driver, ProviderFailed, RegisteredClient
from dcrproof.mocks.konnect.fields import check
from dcrproof.mocks.konnect.objects import Application, ClientRegistration, Developer, Provider, Strategy
from dcrproof.mocks.konnect.problems import Problem, conflict, forbidden, invalid, missing_reference, not_found
from dcrproof.mocks.konnect.push import Push
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find, labelled
from dcrproof.mocks.messages import Asking

Created: TypeAlias = tuple[Application, str | None]  # with the client secret, where there is one to show

APPLICATIONS_PER_DEVELOPER = 500  # app/dev-portal/self-service.md, "Limitations"


def allow_members(credential_type: str, body: Body) -> None:
    """`client_id` is for self-managed OIDC, scopes are for providers with developer-managed scopes (inferred)."""
    if body.get("client_id") is not None and credential_type != "self_managed_client_credentials":
        raise invalid("client_id", '"client_id" cannot be set with this auth strategy')
    if body.get("scopes"):
        raise invalid("scopes", '"scopes" are not managed by developers with this auth strategy')
    if body.get("team_id") is not None:
        raise missing_reference("team_id", "Team not found")


class Applications:
    """`allow_members` raises Problem for members that a body may not have; it takes the credential type and the body."""

    def __init__(
        self,
        tables: Tables,
        stamps: Stamps,
        push: Push,
        auth: Auth,
        driver: Driver,
        bridges: Bridges,
        allow_members: Callable[[str, Body], None],
    ) -> None:
        self.tables = tables
        self.stamps = stamps
        self.push = push
        self.auth = auth
        self.driver = driver
        self.bridges = bridges
        self.allow_members = allow_members

    def of(self, developer_id: str) -> list[Application]:
        return [self.tables.applications[held] for held in self.tables.applications_of.get(developer_id, {}).values()]

    def create(self, portal_id: str, developer_id: str, body: Body) -> Asking[Created]:
        """By its developer. The secret comes with an application whose client was registered through DCR."""
        check(body, schema.APPLICATION_CREATION)
        return (yield from self._create(portal_id, developer_id, body))

    def create_as_admin(self, portal_id: str, body: Body) -> Asking[Application]:
        """For a developer, who is not told the secret and must regenerate it (inferred)."""
        find(self.tables.portals, portal_id)
        check(body, schema.ADMIN_APPLICATION_CREATION)
        developer = self._owner(portal_id, body["owner"])
        if "dcr_client_id" in body and not self.driver.switches.imports_clients:
            raise invalid("dcr_client_id", "An existing client cannot be imported from this identity provider")
        application, _ = yield from self._create(portal_id, developer.id, body)
        return application

    def _owner(self, portal_id: str, owner: Body) -> Developer:
        """The developer whom a body names; teams own no applications here (teams.py)."""
        if owner["type"] != "developer":
            raise missing_reference("owner.id", "Team not found")
        developer = self.tables.developers.get(owner["id"].lower())
        if developer is None or developer.portal_id != portal_id.lower():
            raise missing_reference("owner.id", "Developer not found")
        return developer

    def _create(self, portal_id: str, developer_id: str, body: Body) -> Asking[Created]:
        strategy, provider = self._allow(portal_id, developer_id, body)
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
                self._allow(portal_id, developer_id, body)
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
            **self.stamps.new(),
        )
        self.tables.applications[made.id] = made
        self.tables.applications_of.setdefault(developer_id, {})[made.name] = made.id
        if client_id is not None:
            self.tables.application_by_client[made.provider_id, client_id] = made.id
        self.push.application_changed(made)
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
        """Tries to delete a client that has no application."""
        if not self.bridges.is_bridge(provider):
            yield from self.driver.abandon(client.registration, provider)
            return
        try:
            yield from self.bridges.delete(provider, client.client_id)
        except ProviderFailed:
            return

    def _allow(self, portal_id: str, developer_id: str, body: Body) -> tuple[Strategy, Provider | None]:
        portal, developer = find(self.tables.portals, portal_id), self.tables.developer(portal_id, developer_id)
        strategy_id = body.get("auth_strategy_id") or portal.default_application_auth_strategy_id
        if strategy_id is None:
            raise invalid("auth_strategy_id", "The portal has no default application auth strategy")
        strategy = next((held for held in self.auth.strategies_on(portal) if held.id == strategy_id.lower()), None)
        if strategy is None:
            raise not_found()  # inferred
        provider = self.tables.providers.get(strategy.dcr_provider_id) if strategy.dcr_provider_id else None
        self.allow_members(strategy.credential_type, body)
        if strategy.credential_type == "self_managed_client_credentials":
            if not body.get("client_id"):
                raise invalid("client_id", '"client_id" is required')
            self._require_free_client(None, body["client_id"])
        if len(self.tables.applications_of.get(developer.id, {})) >= APPLICATIONS_PER_DEVELOPER:
            raise forbidden(f"Maximum number of Applications exceeded. Max Allowed: {APPLICATIONS_PER_DEVELOPER}")
        self.require_free_name(developer.id, body["name"])
        return strategy, provider

    def require_free_name(self, developer_id: str, name: str) -> None:
        if name in self.tables.applications_of.get(developer_id, {}):  # inferred: a cause of the documented 409
            raise conflict("An application with this name already exists")

    def _require_free_client(self, provider_id: str | None, client_id: str) -> None:
        if (provider_id, client_id) in self.tables.application_by_client:
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
        held = self.get(portal_id, application_id)
        check(body, schema.ADMIN_APPLICATION_UPDATE)
        if "owner" not in body:
            return held
        owner = self._owner(portal_id, body["owner"])
        if owner.id != held.developer_id:
            self.require_free_name(owner.id, held.name)
            del self.tables.applications_of[held.developer_id][held.name]
            self.tables.applications_of.setdefault(owner.id, {})[held.name] = held.id
        changed = replace(held, developer_id=owner.id, updated_at=self.stamps.now())
        self.tables.applications[held.id] = changed
        return changed

    def get(self, portal_id: str, application_id: str, developer_id: str | None = None) -> Application:
        """An application of that portal and, where given, of that developer. Others' are not found."""
        held = find(self.tables.applications, application_id)
        if held.portal_id != portal_id.lower() or developer_id not in {None, held.developer_id}:
            raise not_found()
        return held

    def update(self, application_id: str, body: Body) -> Asking[Application]:
        held = find(self.tables.applications, application_id)
        check(body, schema.APPLICATION_UPDATE)
        self.allow_members(self.tables.strategies[held.strategy_id].credential_type, body)
        members = {key: body[key] for key in ("name", "description", "redirect_uri", "client_id") if key in body}
        self._allow_change(held, members)
        management = held.client_registration
        shown = {"name", "redirect_uri"}  # what the client's metadata has of an application
        provider = self.tables.provider_of(held)
        if provider is not None and self.bridges.is_bridge(provider):
            changed = replace(held, **members)
            if changed != held:
                yield from self._tell_of_change(provider, changed)
            held = find(self.tables.applications, application_id)
            self._allow_change(held, members)
        elif held.client_id and any(getattr(held, key) != members[key] for key in shown & members.keys()):
            changed = replace(held, **members)
            strategy = self.tables.strategies[held.strategy_id]
            metadata = self.driver.client_metadata(strategy, changed.name, changed.redirect_uri)
            try:
                management = yield from self.driver.update(management, held.client_id, metadata, provider)
            except ProviderFailed as failed:
                raise self.provider_problem("update", "applicationId", "path", failed) from failed
            held = find(self.tables.applications, application_id)
            self.tables.applications[held.id] = held = replace(held, client_registration=management)
            self._allow_change(held, members)
        changed = replace(held, **members, updated_at=self.stamps.now())
        self._rename(held, changed)
        return changed

    def _tell_of_change(self, provider: Provider, changed: Application) -> Asking[None]:
        """A change that the bridge refuses is not made (inferred)."""
        uris = [changed.redirect_uri] if changed.redirect_uri is not None else []
        try:
            yield from self.bridges.tell(provider, changed, "update_application", redirect_uris=uris)
        except ProviderFailed as failed:
            raise self.provider_problem("update", "applicationId", "path", failed) from failed

    def _allow_change(self, held: Application, members: Body) -> None:
        if members.get("name", held.name) != held.name:
            self.require_free_name(held.developer_id, members["name"])
        client_id = members.get("client_id", held.client_id)
        if client_id is not None and client_id != held.client_id:
            self._require_free_client(held.provider_id, client_id)

    def _rename(self, held: Application, changed: Application) -> None:
        names = self.tables.applications_of[held.developer_id]
        del names[held.name]
        names[changed.name] = changed.id
        if held.client_id is not None and changed.client_id is not None:
            del self.tables.application_by_client[held.provider_id, held.client_id]
            self.tables.application_by_client[changed.provider_id, changed.client_id] = changed.id
        self.tables.applications[held.id] = changed
        self.push.application_changed(changed)

    def regenerate_secret(self, application_id: str) -> Asking[tuple[str, str]]:
        """(client id, new secret). The client keeps its id."""
        held = find(self.tables.applications, application_id)
        if held.provider_id is None or held.client_id is None:
            raise invalid("applicationId", "The application's credentials are not managed here", "path")
        provider, management = self.tables.provider_of(held), held.client_registration
        try:
            if provider is not None and self.bridges.is_bridge(provider):
                if not self.bridges.renews_secrets(provider):  # the status is inferred
                    raise invalid("applicationId", "The DCR provider does not refresh secrets", "path")
                secret = yield from self.bridges.new_secret(provider, held.client_id)
            else:
                metadata = self.driver.client_metadata(
                    self.tables.strategies[held.strategy_id], held.name, held.redirect_uri
                )
                secret, management = yield from self.driver.regenerate(management, provider, held.client_id, metadata)
        except ProviderFailed as failed:
            raise self.provider_problem("refresh the secret of", "applicationId", "path", failed) from failed
        held = find(self.tables.applications, application_id)
        self.tables.applications[held.id] = replace(held, client_registration=management)
        return str(held.client_id), secret

    def delete(self, application_id: str) -> Asking[None]:
        """With its registrations and its client. While the client cannot be deleted the application stays: inferred."""
        held = find(self.tables.applications, application_id)
        provider = self.tables.provider_of(held)
        try:
            if provider is not None and held.client_id is not None and self.bridges.is_bridge(provider):
                yield from self.bridges.delete(provider, held.client_id)
            else:
                yield from self.driver.delete(held.client_registration, provider)
        except ProviderFailed as failed:
            raise self.provider_problem("delete", "applicationId", "path", failed) from failed
        gone = self.tables.applications.pop(held.id, None)
        if gone is None:
            return
        self.tables.told.pop(gone.id, None)
        for key in [one for one in self.tables.consumer_of if one[0] == gone.id]:
            del self.tables.consumer_of[key]
        for registration_id in self.tables.registrations_of.pop(gone.id, {}).values():
            del self.tables.registrations[registration_id]
        self.tables.applications_of.get(gone.developer_id, {}).pop(gone.name, None)
        if gone.client_id is not None:
            self.tables.application_by_client.pop((gone.provider_id, gone.client_id), None)
        self.push.application_deleted(gone.id)
