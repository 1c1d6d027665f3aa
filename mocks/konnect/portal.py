"""The Portal API, `/api/v3/...` (dev-portal v3): what a developer, or a developer's client, sees of one Dev Portal.

One API answers for all portals and distinguishes them by the Host header. The session is the cookie
`portalaccesstoken`; APIs and pages can also be seen without one. Where a portal's authentication is disabled there are
no developers, and everything that needs one answers 404.

Status codes are the document's, oddities included: verify-email answers 202, regenerate-secret 201; authenticate,
refresh, logout and reset-password 204.
"""

from collections.abc import Iterator, Mapping
from email.utils import formatdate
from typing import Any

from dcrproof.mocks.konnect import fields, portal_views, schema, views
from dcrproof.mocks.konnect.accounts import PortalSession
from dcrproof.mocks.konnect.http import HttpApi, accepted, created, no_content, ok, read
from dcrproof.mocks.konnect.listing import (
    DATES,
    EQUAL,
    EQUAL_OR_CONTAINS,
    STRING,
    UUIDS,
    Listing,
    Reader,
    filtered,
    named,
)
from dcrproof.mocks.konnect.objects import Application, Developer, Portal, Publication
from dcrproof.mocks.konnect.problems import Problem, invalid, not_found, unauthorized
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.konnect.tables import find
from dcrproof.mocks.messages import Calls, Handler, Pairs, Request, Response, Routes

ACCESS_COOKIE = "portalaccesstoken"
REFRESH_COOKIE = "portalrefreshtoken"
REFRESH = "/api/v3/developer/refresh"

APPLICATION = "/api/v3/applications/{application_id}"
CREDENTIALS = APPLICATION + "/credentials"
REGISTRATION = APPLICATION + "/registrations/{registration_id}"
API = "/api/v3/apis/{api}"

APPLICATION_LIST = Listing(
    filters={
        **filtered(EQUAL_OR_CONTAINS, "name"),
        "auth_strategy_id": (EQUAL, lambda held: held.strategy_id),
        "team_id": (UUIDS, lambda _: None),  # no teams here: all applications are the developer's own
    }
)
PAGE_LIST = Listing(
    filters={**filtered(EQUAL_OR_CONTAINS, "title", "slug"), **filtered(EQUAL, "visibility")},
    sorts=named("created_at", "updated_at", "slug", "title", "visibility"),
)
NAMED_LIST = Listing(filters=filtered(EQUAL_OR_CONTAINS, "name"))
VERSION_LIST = Listing()


def cookies(request: Request) -> Mapping[str, str]:
    """The request's cookies; of two with one name the first counts."""
    found: dict[str, str] = {}
    for name, value in request.headers:
        if name.lower() == "cookie":
            for part in value.split(";"):
                key, _, content = part.strip().partition("=")
                found.setdefault(key, content)
    return found


class PortalHttp(HttpApi):
    """`handle(request)` answers for the Portal API of every portal.

    Its cookies are `secure`, as they are documented; over plain HTTP no client would send such a one back.
    """

    def __init__(self, konnect: Konnect, *, secure: bool = True) -> None:
        super().__init__(konnect)
        self.secure = secure
        self.apis = Listing(
            filters={
                "id": (UUIDS, self._of_api("id")),
                "name": (STRING, self._of_api("name")),
                "version": (STRING, self._of_api("version")),
                "description": (STRING, self._of_api("description")),
                "attributes": (STRING, self._of_api("attributes")),
                "created_at": (DATES, self._of_api("created_at")),
                "updated_at": (DATES, self._of_api("updated_at")),
            },
            sorts={name: self._of_api(name) for name in ("name", "version", "created_at", "updated_at")},
        )
        self.registrations = Listing(
            filters={**filtered(EQUAL, "id", "status"), "api_name": (EQUAL_OR_CONTAINS, self._of_api("name"))}
        )
        self.strategies = Listing(
            filters={
                "name": (EQUAL_OR_CONTAINS, lambda held: held.display_name),
                **filtered(EQUAL, "credential_type"),
            }
        )
        self.routes: Routes[Handler] = Routes(
            (
                ("GET", "/api/v3/portal", self.show_portal),
                ("GET", "/api/v3/pages", self.list_pages),
                ("POST", "/api/v3/developer", self.sign_up),
                ("POST", "/api/v3/developer/verify-email", self.verify_email),
                ("POST", "/api/v3/developer/reset-password", self.reset_password),
                ("POST", "/api/v3/developer/forgot-password", self.forgot_password),
                ("POST", "/api/v3/developer/authenticate", self.authenticate),
                ("POST", REFRESH, self.refresh),
                ("POST", "/api/v3/developer/logout", self.log_out),
                ("GET", "/api/v3/developer/me", self.show_developer),
                ("GET", "/api/v3/apis", self.list_apis),
                ("GET", API, self.show_api),
                ("GET", API + "/actions", self.list_actions),
                ("GET", API + "/versions", self.list_versions),
                ("GET", API + "/versions/{version_id}", self.show_version),
                ("GET", API + "/applications", self.list_api_applications),
                ("GET", "/api/v3/application-auth-strategies", self.list_strategies),
                ("POST", "/api/v3/applications", self.create_application),
                ("GET", "/api/v3/applications", self.list_applications),
                ("GET", APPLICATION, self.show_application),
                ("PATCH", APPLICATION, self.update_application),
                ("DELETE", APPLICATION, self.delete_application),
                ("POST", APPLICATION + "/regenerate-secret", self.regenerate_secret),
                ("GET", APPLICATION + "/granted-scopes", self.show_granted_scopes),
                ("POST", APPLICATION + "/registrations", self.register),
                ("GET", APPLICATION + "/registrations", self.list_registrations),
                ("GET", REGISTRATION, self.show_registration),
                ("DELETE", REGISTRATION, self.delete_registration),
                *self._refused_credentials(),
            )
        )

    def answer(self, request: Request) -> Response | Calls:
        portal = self.konnect.portals.at(request.header("host") or "")
        handler, arguments = self.find(self.routes, request)
        return handler(request, portal, **arguments)

    def _of_api(self, name: str) -> Reader:
        return lambda held: getattr(self.konnect.tables.apis[held.api_id], name)

    # --- who asks -------------------------------------------------------------------------------------------------

    def visitor(self, request: Request, portal: Portal) -> Developer | None:
        """The developer who is signed in, or None without a cookie. An invalid cookie: 401."""
        token = cookies(request).get(ACCESS_COOKIE)
        if token is None or not portal.authentication_enabled:
            return None
        session = self.konnect.accounts.session(token, portal)
        developer = self.konnect.tables.developers.get(session.developer_id) if session is not None else None
        if developer is None or not self.konnect.developers.may_sign_in(developer):
            raise unauthorized()
        return developer

    def developer(self, request: Request, portal: Portal) -> Developer:
        self.require_authentication(portal)
        developer = self.visitor(request, portal)
        if developer is None:
            raise unauthorized()
        return developer

    def require_authentication(self, portal: Portal) -> None:
        """A portal in public mode answers 404 to all that needs a developer (dev-portal v3, tag texts)."""
        if not portal.authentication_enabled:
            raise not_found()

    # --- portal and pages -----------------------------------------------------------------------------------------

    def show_portal(self, _: Request, portal: Portal) -> Response:
        return ok(
            {
                "portal_id": portal.id,
                "org_id": self.konnect.organization_id,
                "name": portal.display_name,
                "canonical_domain": portal.canonical_domain,
                "basic_auth_enabled": portal.authentication_enabled,
                "oidc_auth_enabled": False,
                "saml_auth_enabled": False,
                "authentication_enabled": portal.authentication_enabled,
                "rbac_enabled": portal.rbac_enabled,
            }
        )

    def list_pages(self, request: Request, portal: Portal) -> Response:
        visitor = self.visitor(request, portal)
        seen = (
            page
            for page in self.konnect.tables.pages.values()
            if page.portal_id == portal.id and page.status == "published" and (page.visibility == "public" or visitor)
        )
        return ok({"data": [portal_views.portal_page(page) for page in PAGE_LIST.select(request, seen)]})

    # --- accounts and sessions ------------------------------------------------------------------------------------

    def sign_up(self, request: Request, portal: Portal) -> Response:
        self.require_authentication(portal)
        self.konnect.developers.sign_up(portal.id, read(request))
        return Response(201)

    def verify_email(self, request: Request, portal: Portal) -> Response:
        (token,) = self._texts(request, portal, "token")
        developer_id, reset = self.konnect.accounts.verify_email(token)
        return accepted({"email": find(self.konnect.tables.developers, developer_id).email, "token": reset})

    def reset_password(self, request: Request, portal: Portal) -> Response:
        token, password = self._texts(request, portal, "token", "password")
        self.konnect.accounts.reset_password(token, password)
        return no_content()

    def forgot_password(self, request: Request, portal: Portal) -> Response:
        """Always 200, whether or not there is such a developer."""
        self.require_authentication(portal)
        body = read(request)
        fields.check(body, schema.FORGOT_PASSWORD)
        if developer := self.konnect.developers.with_email(portal.id, body["email"]):
            self.konnect.accounts.offer_reset(developer)
        return Response(200)

    def authenticate(self, request: Request, portal: Portal) -> Response:
        email, password = self._texts(request, portal, "username", "password")
        developer = self.konnect.developers.with_email(portal.id, email)
        if developer is None or not self.konnect.accounts.password_matches(developer.id, password):
            raise Problem(401, "Invalid Credentials", "You have entered an invalid email or password.")
        if not self.konnect.developers.may_sign_in(developer):
            raise Problem(401, "Approval Required", "Your account is pending approval for access.")
        return no_content(self._session_cookies(portal, self.konnect.accounts.sign_in(developer, portal)))

    def refresh(self, request: Request, portal: Portal) -> Response:
        self.require_authentication(portal)
        session = self.konnect.accounts.take_refresh(cookies(request).get(REFRESH_COOKIE, ""), portal)
        developer = self.konnect.tables.developers.get(session.developer_id) if session is not None else None
        if developer is None or not self.konnect.developers.may_sign_in(developer):
            raise unauthorized()
        return no_content(self._session_cookies(portal, self.konnect.accounts.sign_in(developer, portal)))

    def log_out(self, request: Request, portal: Portal) -> Response:
        self.require_authentication(portal)
        if session := self.konnect.accounts.session(cookies(request).get(ACCESS_COOKIE, ""), portal):
            self.konnect.accounts.sign_out(session)
        return no_content(tuple(self._cookie(portal, name, "", 0.0) for name in (ACCESS_COOKIE, REFRESH_COOKIE)))

    def show_developer(self, request: Request, portal: Portal) -> Response:
        return ok(portal_views.profile(self.developer(request, portal)))

    def _texts(self, request: Request, portal: Portal, *names: str) -> tuple[str, ...]:
        """The body's members, all of them text that is not empty, and no others."""
        self.require_authentication(portal)
        body = read(request)
        if missing := fields.missing_fields(body, names):
            raise missing
        fields.check(body, fields.body({name: fields.text() for name in names}))
        return tuple(body[name] for name in names)

    def _session_cookies(self, portal: Portal, session: PortalSession) -> Pairs:
        return (
            self._cookie(portal, ACCESS_COOKIE, session.access_token, session.access_expires_at),
            self._cookie(portal, REFRESH_COOKIE, session.refresh_token, session.refresh_expires_at),
        )

    def _cookie(self, portal: Portal, name: str, value: str, expires_at: float) -> tuple[str, str]:
        domain = portal.canonical_domain.partition(":")[0]
        until = formatdate(expires_at, usegmt=True)
        path = "/" if name == ACCESS_COOKIE else self.refresh_path()
        secure = " Secure;" if self.secure else ""
        attributes = f"Path={path}; Domain={domain}; Expires={until}; HttpOnly;{secure} SameSite=None"
        return ("set-cookie", f"{name}={value}; {attributes}")

    def refresh_path(self) -> str:
        """As the document shows it; it does not cover the endpoint that reads the cookie."""
        return REFRESH if self.konnect.driver.switches.refresh_cookie_reaches_its_endpoint else "/v2/refresh"

    # --- APIs -----------------------------------------------------------------------------------------------------

    def _visible(self, portal: Portal, visitor: Developer | None) -> Iterator[Publication]:
        for held in self.konnect.tables.publications.values():
            if held.portal_id == portal.id and self.konnect.teams.api_is_visible(held, portal, visitor):
                yield held

    def published(self, portal: Portal, visitor: Developer | None, id_or_slug: str) -> Publication:
        for held in self._visible(portal, visitor):
            if id_or_slug.lower() == held.api_id or id_or_slug == self.konnect.tables.apis[held.api_id].slug:
                return held
        raise not_found()

    def list_apis(self, request: Request, portal: Portal) -> Response:
        held = self._visible(portal, self.visitor(request, portal))
        return ok(self.apis.page(request, held, lambda one: portal_views.portal_api(self.konnect, one)))

    def show_api(self, request: Request, portal: Portal, api: str) -> Response:
        return ok(portal_views.portal_api(self.konnect, self.published(portal, self.visitor(request, portal), api)))

    def list_actions(self, request: Request, portal: Portal, api: str) -> Response:
        visitor = self.visitor(request, portal)
        held = self.published(portal, visitor, api)
        may = visitor is not None and self.konnect.teams.may_register(held, portal, visitor)
        register = may and held.auth_strategy_id is not None
        return ok({"actions": {"view": True, "register": register, "view_documentation": True}})

    def list_versions(self, request: Request, portal: Portal, api: str) -> Response:
        held = self.published(portal, self.visitor(request, portal), api)
        return ok(
            VERSION_LIST.page(request, self.konnect.catalog.versions_of(held.api_id), portal_views.portal_version)
        )

    def show_version(self, request: Request, portal: Portal, api: str, version_id: str) -> Response:
        held = self.published(portal, self.visitor(request, portal), api)
        version = find({one.id: one for one in self.konnect.catalog.versions_of(held.api_id)}, version_id)
        return ok(portal_views.portal_version(version, content=True))

    def list_api_applications(self, request: Request, portal: Portal, api: str) -> Response:
        """The developer's applications that have a registration for the API, whatever its status; or have none."""
        developer = self.developer(request, portal)
        api_id = self.published(portal, developer, api).api_id
        unregistered = dict(request.parameters).get("unregistered") == "true"

        def view(held: Application) -> dict[str, Any]:
            registration = self.konnect.registrations.for_api(held.id, api_id)
            return {
                **views.members(held, "id", "name"),
                "registration_id": registration.id if registration else None,
                "registration_status": registration.status if registration else None,
                "auth_strategy": views.offered_strategy(self.konnect.tables.strategies[held.strategy_id]),
                **views.times(held),
            }

        mine = self.konnect.applications.of(developer.id)
        held = [one for one in mine if (self.konnect.registrations.for_api(one.id, api_id) is None) == unregistered]
        return ok(NAMED_LIST.page(request, held, view))

    def list_strategies(self, request: Request, portal: Portal) -> Response:
        self.developer(request, portal)
        held = self.konnect.auth.strategies_on(portal)
        return ok(self.strategies.page(request, held, lambda one: portal_views.portal_strategy(self.konnect, one)))

    # --- applications ---------------------------------------------------------------------------------------------

    def own(self, request: Request, portal: Portal, application_id: str) -> Application:
        """An application of the developer who asks; another's is not found."""
        return self.konnect.applications.get(portal.id, application_id, self.developer(request, portal).id)

    def view(self, held: Application) -> dict[str, Any]:
        return portal_views.application(self.konnect, held)

    def create_application(self, request: Request, portal: Portal) -> Calls:
        developer = self.developer(request, portal)
        made, secret = yield from self.konnect.applications.create(portal.id, developer.id, read(request))
        return created({**self.view(made), **({"client_secret": secret} if secret is not None else {})})

    def list_applications(self, request: Request, portal: Portal) -> Response:
        mine = self.konnect.applications.of(self.developer(request, portal).id)
        return ok(APPLICATION_LIST.page(request, mine, self.view))

    def show_application(self, request: Request, portal: Portal, application_id: str) -> Response:
        return ok(self.view(self.own(request, portal, application_id)))

    def update_application(self, request: Request, portal: Portal, application_id: str) -> Calls:
        held = self.own(request, portal, application_id)
        return ok(self.view((yield from self.konnect.applications.update(held.id, read(request)))))

    def delete_application(self, request: Request, portal: Portal, application_id: str) -> Calls:
        yield from self.konnect.applications.delete(self.own(request, portal, application_id).id)
        return no_content()

    def regenerate_secret(self, request: Request, portal: Portal, application_id: str) -> Calls:
        held = self.own(request, portal, application_id)
        client_id, secret = yield from self.konnect.applications.regenerate_secret(held.id)
        return created({"client_id": client_id, "client_secret": secret})

    def show_granted_scopes(self, request: Request, portal: Portal, application_id: str) -> Response:
        """Only providers with developer-managed scopes tell them (inferred for Curity)."""
        self.own(request, portal, application_id)
        raise Problem(
            422,
            "Unsupported IDP",
            "This feature is not supported by the application.",
            type_="https://kongapi.info/konnect/portal/granted-scopes-unavailable",
        )

    def _refused_credentials(self) -> tuple[tuple[str, str, Handler], ...]:
        one = CREDENTIALS + "/{credential_id}"
        table = (("GET", CREDENTIALS), ("POST", CREDENTIALS), ("PUT", one), ("DELETE", one))
        return tuple((method, template, self.refuse_credentials) for method, template in table)

    def refuse_credentials(
        self, request: Request, portal: Portal, application_id: str, credential_id: str | None = None
    ) -> Response:
        """Several credentials are for Entra, Okta and the HTTP bridge; that Curity answers 400 is inferred."""
        del credential_id
        self.own(request, portal, application_id)
        raise invalid("applicationId", "The application does not support multiple credentials", "path")

    # --- registrations --------------------------------------------------------------------------------------------

    def register(self, request: Request, portal: Portal, application_id: str) -> Response | Calls:
        held = self.own(request, portal, application_id)
        body = read(request)
        fields.check(body, schema.REGISTRATION_CREATION)
        developer = self.developer(request, portal)
        publication = self.published(portal, developer, body["api_id"])
        if not self.konnect.teams.may_register(publication, portal, developer):
            raise not_found()  # inferred: no 403 is documented here
        made = self.konnect.registrations.register(held, publication.api_id)
        yield from self.konnect.registrations.tell_bridge(held.id)
        return created(portal_views.registration(self.konnect, made))

    def list_registrations(self, request: Request, portal: Portal, application_id: str) -> Response:
        held = self.konnect.registrations.of(self.own(request, portal, application_id).id)
        return ok(self.registrations.page(request, held, lambda one: portal_views.registration(self.konnect, one)))

    def show_registration(
        self, request: Request, portal: Portal, application_id: str, registration_id: str
    ) -> Response:
        held = self.own(request, portal, application_id)
        return ok(portal_views.registration(self.konnect, self.konnect.registrations.get(held.id, registration_id)))

    def delete_registration(
        self, request: Request, portal: Portal, application_id: str, registration_id: str
    ) -> Response | Calls:
        held = self.own(request, portal, application_id)
        self.konnect.registrations.delete(held.id, registration_id)
        yield from self.konnect.registrations.tell_bridge(held.id)
        return no_content()
