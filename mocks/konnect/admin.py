"""The admin API: `/v2/...` and `/v3/...`, with the organisation's bearer token."""

from dcrproof.mocks.konnect import (
    admin_apis,
    admin_auth,
    admin_control_planes,
    admin_documents,
    admin_others,
    admin_portal_content,
    admin_portals,
)
from dcrproof.mocks.konnect.http import HttpApi, Rows
from dcrproof.mocks.konnect.problems import Problem, forbidden, unauthorized
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.messages import Calls, Request, Response, Routes, json_response


class KonnectHttp(HttpApi):
    """`handle(request)` answers for the admin API."""

    def __init__(self, konnect: Konnect, more: Rows = ()) -> None:
        """`more` are rows of a portal of the other generation."""
        super().__init__(konnect)
        self.routes = Routes(
            (
                *admin_auth.routes(konnect),
                *admin_others.routes(),
                *admin_portals.routes(konnect),
                *admin_apis.routes(konnect),
                *admin_control_planes.routes(konnect),
                *admin_portal_content.routes(konnect),
                *admin_documents.routes(konnect),
                *more,
            )
        )

    def answer(self, request: Request) -> Response | Calls:
        self.require_token(request)
        handler, arguments = self.find(self.routes, request)
        return handler(request, **arguments)

    def require_token(self, request: Request) -> None:
        """At every endpoint, although application-auth-strategies v2 declares no security."""
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not self.konnect.admits(token.strip()):
            raise unauthorized()
        if not self.konnect.allows(token.strip(), request.method, request.path):
            raise forbidden()

    def refusal(self, request: Request, problem: Problem) -> Response:
        """The gateway's entities have their own form of 401 (control-planes-config v2, HTTP401Error), and the certificates of
        data planes of all (KonnectCPLegacyBaseError).
        """
        if "/dp-client-certificates" in request.path:
            return json_response(problem.status, {"message": problem.detail})
        if problem.status == 401 and "/core-entities/" in request.path:
            return json_response(401, {"message": problem.detail, "status": 401})
        return super().refusal(request, problem)
