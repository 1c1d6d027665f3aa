"""`konnect-application-auth`: which application a token belongs to, and whether it may call the API.

Rules
- The application is the one of the service's own strategy whose client id is the value of `credential_claim`. None:
  401. Not approved for this API: 403 (which of the two is inferred, switches.py).
- `openid-connect` on its own maps consumers instead (consumers.py).
"""

from dcrproof.mocks.data_plane import PushedApplication, PushedConfiguration, Service
from dcrproof.mocks.gateway import releases
from dcrproof.mocks.gateway.plugin import Plugin
from dcrproof.mocks.gateway.refusals import RefusalRules
from dcrproof.mocks.gateway.switches import Switches
from dcrproof.mocks.gateway.tokens import Jwt, claim
from dcrproof.mocks.gateway.verdicts import Refused


class ApplicationRules(RefusalRules):
    configuration: PushedConfiguration | None
    switches: Switches

    def authorise(self, service: Service, plugin: Plugin, token: Jwt) -> PushedApplication | Refused:
        """`konnect-application-auth`: runs on each request, on those of a session too (inferred)."""
        if len(plugin.credential_claim) > 1 and releases.has("refuses nested claims", self.version):
            return self.forbidden(plugin, "the claim was not found")
        application = self.application_of(service, self.client_id_of(plugin, token))
        if application is None:
            refuse = self.forbidden if self.switches.answers_strangers_with_403 else self.unauthorized
            return refuse(plugin, "no application has this client id")
        if not self.is_approved(application, service):
            if self.switches.answers_unapproved_with_401:
                return self.unauthorized(plugin, "the application is not registered for this API")
            # The plugin is said to replace `acl`, whose message this is; status and message are inferred.
            return Refused(403, "You cannot consume this service", challenge=False)
        return application

    def client_id_of(self, plugin: Plugin, token: Jwt) -> str | None:
        """The value of the credential's claim. Some releases look into the ID token first (`releases`)."""
        first = releases.has("reads the ID token first", self.version) and token.identity is not None
        claims = token.identity if first and token.identity is not None else token.claims
        value = claim(claims, plugin.credential_claim)
        return value if isinstance(value, str) else None

    def application_of(self, service: Service, client_id: str | None) -> PushedApplication | None:
        if service.strategy is None or client_id is None or self.configuration is None:
            return None
        return self.configuration.applications.get((service.strategy.id, client_id))

    def is_approved(self, application: PushedApplication, service: Service) -> bool:
        return service.api_id in application.apis
