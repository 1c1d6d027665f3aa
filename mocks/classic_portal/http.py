"""The Portal API v2, `/api/v2/...` (dev-portal v2): what a developer of the classic portal sees.

Accounts, sessions and their status codes are those of the later portal (`konnect.portal`). What differs: credentials
are nested (`credentials`), the client's id is `reference_id`, `refresh-token` makes a new secret, and an application is
registered for a version of a product.
"""

from typing import Any

from dcrproof.mocks.classic_portal import views
from dcrproof.mocks.classic_portal.state import ClassicPortal, members_of
from dcrproof.mocks.konnect import fields, schema
from dcrproof.mocks.konnect.fields import body, check, needed, text
from dcrproof.mocks.konnect.http import created, no_content, ok, read
from dcrproof.mocks.konnect.listing import EQUAL, EQUAL_OR_CONTAINS, Listing, Reader, filtered
from dcrproof.mocks.konnect.objects import Application, Portal, Publication
from dcrproof.mocks.konnect.portal import APPLICATION_LIST, PortalHttp
from dcrproof.mocks.konnect.problems import missing_reference, not_found
from dcrproof.mocks.messages import Calls, Handler, Request, Response, Routes

APPLICATIONS = "/api/v2/applications"
APPLICATION = APPLICATIONS + "/{application_id}"
CREDENTIALS = APPLICATION + "/credentials"
REGISTRATIONS = APPLICATION + "/registrations"
REGISTRATION = REGISTRATIONS + "/{registration_id}"
PRODUCTS = "/api/v2/products"
PRODUCT = PRODUCTS + "/{product_id}"
VERSIONS = PRODUCT + "/versions"
VERSION = VERSIONS + "/{version_id}"

UPDATE = body(
    {
        "name": text(255),
        "description": text(255),
        "redirect_uri": text(format="uri"),
        "reference_id": text(255),
        "scopes": fields.Field("array", items=text()),
    }
)
CREATION = body({**(UPDATE.fields or {}), "name": needed(text(255)), "auth_strategy_id": schema.OPTIONAL_ID})
REGISTRATION_CREATION = body({"product_version_id": needed(schema.ID), "scopes": fields.Field("array", items=text())})


class ClassicPortalHttp(PortalHttp):
    """`handle(request)` answers for the Portal API of the classic portal."""

    def __init__(self, classic: ClassicPortal, *, secure: bool = True) -> None:
        super().__init__(classic, secure=secure)
        self.classic = classic
        self.products = Listing(
            filters={
                **filtered(EQUAL, "id"),
                **filtered(EQUAL_OR_CONTAINS, "name", "description"),
            }
        )
        self.versions = Listing(filters={"name": (EQUAL_OR_CONTAINS, self._of_version("version"))})
        self.registered = Listing(
            filters={
                **filtered(EQUAL, "id", "status"),
                "product_name": (EQUAL_OR_CONTAINS, self._of_api("name")),
                "product_version_name": (EQUAL_OR_CONTAINS, self._of_version("version")),
            }
        )
        account = "/api/v2/developer"
        self.routes = Routes[Handler](
            (
                ("GET", "/api/v2/portal", self.show_context),
                ("POST", account, self.sign_up),
                ("POST", account + "/verify-email", self.verify_email),
                ("POST", account + "/reset-password", self.reset_password),
                ("POST", account + "/forgot-password", self.forgot_password),
                ("POST", account + "/authenticate", self.authenticate),
                ("POST", account + "/refresh", self.refresh),
                ("POST", account + "/logout", self.log_out),
                ("GET", account + "/me", self.show_developer),
                ("GET", PRODUCTS, self.list_products),
                ("GET", PRODUCT, self.show_product),
                ("GET", PRODUCT + "/actions", self.list_product_actions),
                ("GET", VERSIONS, self.list_product_versions),
                ("GET", VERSION, self.show_product_version),
                ("GET", APPLICATIONS + "/auth-strategies", self.list_setups),
                ("POST", APPLICATIONS, self.create_application),
                ("GET", APPLICATIONS, self.list_applications),
                ("GET", APPLICATION, self.show_application),
                ("PATCH", APPLICATION, self.update_application),
                ("DELETE", APPLICATION, self.delete_application),
                ("POST", APPLICATION + "/refresh-token", self.regenerate_secret),
                ("GET", APPLICATION + "/product-versions/{version_id}/granted-scopes", self.refuse_version_scopes),
                ("POST", REGISTRATIONS, self.register),
                ("GET", REGISTRATIONS, self.list_registrations),
                ("GET", REGISTRATION, self.show_registration),
                ("GET", REGISTRATION + "/granted-scopes", self.refuse_registration_scopes),
                ("DELETE", REGISTRATION, self.delete_registration),
                ("GET", CREDENTIALS, self.refuse_credentials),
                ("POST", CREDENTIALS, self.refuse_credentials),
                ("PUT", CREDENTIALS + "/{credential_id}", self.refuse_credentials),
                ("DELETE", CREDENTIALS + "/{credential_id}", self.refuse_credentials),
            )
        )

    def _of_version(self, name: str) -> Reader:
        return lambda held: getattr(self.classic.version_of(held.api_id), name)

    def show_context(self, _: Request, portal: Portal) -> Response:
        return ok(views.context(self.classic, portal))

    # --- products -------------------------------------------------------------------------------------------------

    def _product(self, request: Request, portal: Portal, product_id: str) -> Publication:
        if product_id.lower() not in self.classic.tables.apis:  # by id alone: products have no slug
            raise not_found()
        return self.published(portal, self.visitor(request, portal), product_id)

    def list_products(self, request: Request, portal: Portal) -> Response:
        held = [self.classic.tables.apis[one.api_id] for one in self._visible(portal, self.visitor(request, portal))]
        return ok(self.products.page(request, held, lambda one: views.product(self.classic, one)))

    def show_product(self, request: Request, portal: Portal, product_id: str) -> Response:
        held = self._product(request, portal, product_id)
        return ok(views.product(self.classic, self.classic.tables.apis[held.api_id]))

    def list_product_actions(self, request: Request, portal: Portal, product_id: str) -> Response:
        return self.list_actions(request, portal, product_id)

    def list_product_versions(self, request: Request, portal: Portal, product_id: str) -> Response:
        held = [self._product(request, portal, product_id)]
        return ok(self.versions.page(request, held, lambda one: views.product_version(self.classic, one)))

    def show_product_version(self, request: Request, portal: Portal, product_id: str, version_id: str) -> Response:
        held = self._product(request, portal, product_id)
        if version_id.lower() != self.classic.version_of(held.api_id).id:
            raise not_found()
        return ok(views.product_version(self.classic, held))

    def list_setups(self, request: Request, portal: Portal) -> Response:
        return self.list_strategies(request, portal)

    # --- applications ---------------------------------------------------------------------------------------------

    def view(self, held: Application) -> dict[str, Any]:
        return views.application(self.classic, held)

    def create_application(self, request: Request, portal: Portal) -> Calls:
        developer = self.developer(request, portal)
        asked = read(request)
        check(asked, CREATION)
        made, secret = yield from self.classic.applications.create(portal.id, developer.id, members_of(asked))
        credentials = {"credentials": {"client_id": made.client_id, "client_secret": secret}}
        return created({**self.view(made), **(credentials if secret is not None else {})})

    def list_applications(self, request: Request, portal: Portal) -> Response:
        mine = self.classic.applications.of(self.developer(request, portal).id)
        return ok(APPLICATION_LIST.page(request, mine, self.view))

    def update_application(self, request: Request, portal: Portal, application_id: str) -> Calls:
        held = self.own(request, portal, application_id)
        asked = read(request)
        check(asked, UPDATE)
        return ok(self.view((yield from self.classic.applications.update(held.id, members_of(asked)))))

    def refuse_version_scopes(self, request: Request, portal: Portal, application_id: str, version_id: str) -> Response:
        self.classic.product_version(version_id)
        return self.show_granted_scopes(request, portal, application_id)

    def refuse_registration_scopes(
        self, request: Request, portal: Portal, application_id: str, registration_id: str
    ) -> Response:
        self.classic.registrations.get(self.own(request, portal, application_id).id, registration_id)
        return self.show_granted_scopes(request, portal, application_id)

    # --- registrations --------------------------------------------------------------------------------------------

    def register(self, request: Request, portal: Portal, application_id: str) -> Response:
        held = self.own(request, portal, application_id)
        asked = read(request)
        check(asked, REGISTRATION_CREATION)
        version = self.classic.tables.api_versions.get(asked["product_version_id"].lower())
        if version is None:
            raise missing_reference("product_version_id", "Product version not found")  # inferred
        publication = self._product(request, portal, version.api_id)
        made = self.classic.registrations.register(held, publication.api_id)
        return created(views.registration(self.classic, made))

    def list_registrations(self, request: Request, portal: Portal, application_id: str) -> Response:
        held = self.classic.registrations.of(self.own(request, portal, application_id).id)
        return ok(self.registered.page(request, held, lambda one: views.registration(self.classic, one)))

    def show_registration(
        self, request: Request, portal: Portal, application_id: str, registration_id: str
    ) -> Response:
        held = self.own(request, portal, application_id)
        return ok(views.registration(self.classic, self.classic.registrations.get(held.id, registration_id)))

    def delete_registration(
        self, request: Request, portal: Portal, application_id: str, registration_id: str
    ) -> Response:
        held = self.own(request, portal, application_id)
        self.classic.registrations.delete(held.id, registration_id)
        return no_content()
