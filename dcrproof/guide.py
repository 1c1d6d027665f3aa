"""The guide: the set-up steps of Kong's how-to for Curity as data, and those that it forgets and the products require.

Sections and step numbers are those of the how-to as it is rendered ("Automatically create and manage Dev Portal
applications in Curity with Dynamic Client Registration"). A step without a place in it is implied. The steps here are
the ones that checks guard.
"""

from dataclasses import asdict, dataclass
from typing import Any

HOW_TO = "Curity DCR (developer.konghq.com/how-to/curity-dcr/)"
CURITY = "Curity admins"
KONNECT = "Konnect admins"
GATEWAY = "gateway team"
CALLER = "whoever wrote the command"

COMMIT = "then commit (Changes > Commit)"
DYNAMIC = "Token Service > General > Dynamic Registration"
CONFIG = "curity.io/docs/identity-server/configuration-reference/profiles/profile"
PROVIDER = "Dev Portal > Application Auth > DCR Providers"
STRATEGY = "Dev Portal > Application Auth > Auth Strategy"
AAS = "Konnect Application Auth Strategies API v2"
CLASSIC = "Curity DCR for the classic portal (docs.konghq.com/konnect/dev-portal/applications/dynamic-client-registration/curity/)"
SETUP = "Dev Portal > Settings > Application Setup"
PORTAL_V2 = "the older how-to; Konnect Portal API v2"


@dataclass(frozen=True)
class Place:
    """Where a how-to has the step: its section, and the number in it as rendered."""

    section: str
    step: str
    how_to: str = HOW_TO


@dataclass(frozen=True)
class Step:
    """One set-up step. `place` and `label` are the words of that product's user interface.

    `undo` says whether the mocked target can be started with just this step left undone; `variants` are the ways of
    doing it wrong; `undo_reason` says why where it cannot.
    """

    id: str
    party: str
    owner: str
    place: str
    label: str
    value: str
    breaks: str
    mend: str
    source: str
    beware: str = ""
    guide: Place | None = None
    notes: str = ""
    undo: bool = True
    variants: tuple[str, ...] = ()
    undo_reason: str = ""

    @property
    def implied(self) -> bool:
        return self.guide is None

    @property
    def where(self) -> str:
        """The step in the how-to and in the product, in one line."""
        interface = f'{self.place} > "{self.label}"' if self.label else self.place
        if self.guide is None:
            return f"not a step, the how-to forgets it: {interface}"
        return f"{self.guide.section}, step {self.guide.step}: {interface}"

    def data(self) -> dict[str, Any]:
        """The step as `dcrproof steps --json` prints it."""
        return {**asdict(self), "implied": self.implied, "variants": list(self.variants)}


STEPS: tuple[Step, ...] = (
    Step(
        "curity.metadata.exposed",
        "curity",
        CURITY,
        "Token Service > General > OpenID Connect",
        "Expose Metadata",
        "on",
        "the discovery document is 404, and neither Konnect nor the gateway finds any endpoint",
        f"enable OpenID Connect and the exposure of its metadata, {COMMIT}",
        f"{CONFIG}/settings/authorization-server/openid-connect/expose-metadata",
    ),
    Step(
        "curity.base-url.public",
        "curity",
        CURITY,
        "System > General",
        "Base URL",
        "https:// and the public host name",
        "discovery loads, but names another issuer than the one that Konnect and the gateway were given",
        f"set the base URL to the address that others use, {COMMIT}",
        f"{CONFIG}/settings/authorization-server",
        beware="every client of this Curity sees the new issuer and the new endpoints",
    ),
    Step(
        "curity.token-issuer.jwt",
        "curity",
        CURITY,
        "Token Service > Token Issuers",
        "Use Access Token as JWT",
        "on",
        "access tokens are opaque: the gateway cannot read who calls, and answers 401",
        f"enable the setting, {COMMIT}",
        f"{CONFIG}/token-issuers/default-token-issuer",
        beware="profile-wide: every client of this profile gets JWTs from then on",
        guide=Place("Configure the token issuer", "2"),
        variants=("wrapped", "uncommitted"),
    ),
    Step(
        "curity.token-issuer.userinfo",
        "curity",
        CURITY,
        "Token Service > Token Issuers",
        "New Token Issuer",
        "Name userinfo, Issuer Type jwt, Purpose Type userinfo",
        "nothing in this flow: only clients that ask for signed userinfo fail",
        f"create the token issuer, {COMMIT}",
        f"{CONFIG}/token-issuers/custom-token-issuer",
        guide=Place("Configure the token issuer", "4"),
        notes="client_credentials have no user: the step shows in the configuration alone",
        variants=("other-purpose", "uncommitted"),
    ),
    Step(
        "curity.token-issuer.userinfo-keys",
        "curity",
        CURITY,
        "Token Service > Token Issuers > Edit Custom Token Issuer",
        "Tokens Data Source ID, Signing Key, Verification KeyStore",
        "a data source and keys that exist",
        "nothing in this flow: only clients that ask for signed userinfo fail",
        f"select the three values, {COMMIT}",
        f"{CONFIG}/token-issuers/custom-token-issuer",
        guide=Place("Configure the token issuer", "5"),
        notes="client_credentials have no user: the step shows in the configuration alone",
    ),
    Step(
        "curity.profile.capability",
        "curity",
        CURITY,
        "Token Service > General > Client Capabilities",
        "Client Credentials",
        "on",
        "no client can be given the capability: such a change is refused at the commit",
        f"enable the capability for the profile, {COMMIT}",
        "curity.io/docs/identity-server/profiles/token-profile/clients/config-clients",
        undo=False,
        undo_reason="without it Curity commits no client with the capability, so it cannot be the only step undone",
    ),
    Step(
        "curity.client.created",
        "curity",
        CURITY,
        "Token Service > Clients",
        "New Client",
        "a client with the id that Konnect's provider names",
        "the registrar cannot sign in (401 invalid_client), and no application can be created",
        f"create the client, {COMMIT}",
        f"{CONFIG}/settings/authorization-server/client-store/config-backed/client",
        guide=Place("Create a client", "2"),
        variants=("disabled", "uncommitted"),
    ),
    Step(
        "curity.client.capability",
        "curity",
        CURITY,
        "Token Service > Clients > Capabilities",
        "Client Credentials",
        "on",
        "the registrar's token request is refused (400 unauthorized_client)",
        f"add the capability to the client, {COMMIT}",
        "curity.io/docs/identity-server/profiles/token-profile/clients/config-clients",
        guide=Place("Create a client", "5"),
    ),
    Step(
        "curity.client.authentication-method",
        "curity",
        CURITY,
        "Token Service > Clients > Capabilities",
        "Authentication Method",
        "secret",
        "the registrar cannot authenticate with its secret (401 invalid_client)",
        f"set the method to secret, {COMMIT}",
        f"{CONFIG}/settings/authorization-server/client-store/config-backed/client",
        guide=Place("Create a client", "6"),
    ),
    Step(
        "curity.client.secret",
        "curity",
        CURITY,
        "Token Service > Clients > Capabilities",
        "Secret",
        "the secret that Konnect's provider was given",
        "the registrar cannot sign in (401 invalid_client)",
        f"generate a new secret, {COMMIT}; then enter it in Konnect's provider and in the profile",
        "RFC 6749 5.2",
        beware="whoever else uses this client needs the new secret as well",
        guide=Place("Create a client", "6"),
    ),
    Step(
        "curity.dcr.enabled",
        "curity",
        CURITY,
        DYNAMIC,
        "Enable Dynamic Client Registration",
        "on",
        "the metadata names no registration_endpoint, and nothing can be registered",
        f"enable it, {COMMIT}; the metadata may be cached for 600 seconds",
        f"{CONFIG}/settings/authorization-server/dynamic-client-registration",
        guide=Place("Enable Dynamic Client Registration in Curity", "2"),
        variants=("uncommitted",),
    ),
    Step(
        "curity.dcr.non-templatized",
        "curity",
        CURITY,
        DYNAMIC,
        "Non-Templatized",
        "on",
        "a registration without the software_id of a template is refused, and Konnect has none to send",
        f"enable it, {COMMIT}",
        f"{CONFIG}/settings/authorization-server/dynamic-client-registration/non-templatized",
        guide=Place("Enable Dynamic Client Registration in Curity", "3"),
    ),
    Step(
        "curity.dcr.client-management",
        "curity",
        CURITY,
        DYNAMIC,
        "Dynamic Client Management",
        "on",
        "applications can be created, but a deleted one leaves a client at Curity that still gets tokens",
        f"enable it, {COMMIT}; clients that were registered before stay without management",
        "curity.io/resources/learn/dynamic-client-registration-management",
        guide=Place("Enable Dynamic Client Registration in Curity", "3"),
    ),
    Step(
        "curity.dcr.data-source",
        "curity",
        CURITY,
        DYNAMIC,
        "Client Data Source",
        "a data source that can be reached and has Curity's schema",
        "a registration is answered with 500",
        f"pick a data source that holds dynamic clients, and run its create script, {COMMIT}",
        f"{CONFIG}/settings/authorization-server/dynamic-client-registration",
        guide=Place("Enable Dynamic Client Registration in Curity", "4"),
        notes="an in-memory data source loses every client when Curity restarts",
    ),
    Step(
        "curity.dcr.authenticate-client-by",
        "curity",
        CURITY,
        DYNAMIC,
        "authenticate-client-by",
        "the id of the client that was created",
        "the registrar gets no token with scope dcr, and cannot register",
        f"choose authenticate-client-by and add the client's id, {COMMIT}",
        "curity.io/resources/learn/using-dynamic-client-registration",
        guide=Place("Enable Dynamic Client Registration in Curity", "5"),
        variants=("other-client", "authenticate-user-by", "no-authentication", "uncommitted"),
    ),
    Step(
        "curity.dcr.nodes",
        "curity",
        CURITY,
        DYNAMIC,
        "nodes",
        "every node that serves traffic",
        "the registration endpoint is 404 on the nodes that lack it",
        f"select all nodes, {COMMIT}",
        "curity.io/resources/learn/endpoints",
        guide=Place("Enable Dynamic Client Registration in Curity", "6"),
        variants=("some-nodes",),
    ),
    Step(
        "curity.dcr.capabilities",
        "curity",
        CURITY,
        f"{DYNAMIC} > Non-Templatized > Capabilities",
        "Client Credentials",
        "on",
        "a registration succeeds without client_credentials among its grants, and gets no token",
        f"add the capability, {COMMIT}; then create the applications again",
        "curity.io/docs/identity-server/profiles/token-profile/client-config/capabilities",
    ),
    Step(
        "curity.dcr.client-authentication",
        "curity",
        CURITY,
        f"{DYNAMIC} > Non-Templatized > Client Authentication",
        "secret",
        "on",
        "a registered client has no secret",
        f"add the method, {COMMIT}; then create the applications again",
        f"{CONFIG}/settings/authorization-server/dynamic-client-registration/non-templatized",
    ),
    Step(
        "konnect.portal.user-authentication",
        "konnect",
        KONNECT,
        "Dev Portal > Settings > Security",
        "User authentication",
        "on",
        "the portal is public: nobody signs in, and application endpoints are 404",
        "enable user authentication for the portal",
        "developer.konghq.com/dev-portal/security-settings/",
    ),
    Step(
        "konnect.developer.approved",
        "konnect",
        KONNECT,
        "Dev Portal > Access and approvals > Developers",
        "Approve",
        "approved",
        "the developer cannot sign in (401 Approval Required)",
        "approve the developer, or let the portal approve developers by itself",
        "developer.konghq.com/dev-portal/developer-signup/",
        guide=Place("Prerequisites, Dev Portal", "3"),
    ),
    Step(
        "konnect.provider.issuer",
        "konnect",
        KONNECT,
        f"{PROVIDER} > New DCR Provider",
        "Issuer URL",
        "https://CURITY/oauth/v2/oauth-anonymous/.well-known/openid-configuration",
        "Konnect finds no metadata, and no application can be created",
        "enter the whole discovery URL",
        AAS,
        guide=Place("Configure the Dev Portal", "4.2"),
        variants=("other-path",),
    ),
    Step(
        "konnect.provider.type",
        "konnect",
        KONNECT,
        f"{PROVIDER} > New DCR Provider",
        "Provider Type",
        "Curity",
        "Konnect speaks another provider's protocol to Curity",
        "delete the provider and create it again: its type cannot be changed",
        AAS,
        guide=Place("Configure the Dev Portal", "4.3"),
    ),
    Step(
        "konnect.provider.initial-client-id",
        "konnect",
        KONNECT,
        f"{PROVIDER} > New DCR Provider",
        "Initial Client ID",
        "the id of the client that was created in Curity",
        "Konnect cannot sign in at Curity, or signs in as a client that may not register",
        "enter the id of the client that authenticate-client-by lists",
        AAS,
        guide=Place("Configure the Dev Portal", "4.4"),
    ),
    Step(
        "konnect.provider.initial-client-secret",
        "konnect",
        KONNECT,
        f"{PROVIDER} > New DCR Provider",
        "Initial Client Secret",
        "the secret of that client",
        "Konnect cannot sign in at Curity (401 invalid_client), and no application can be created",
        "enter the secret again; generate a new one in Curity if it is lost",
        AAS,
        guide=Place("Configure the Dev Portal", "4.4"),
        notes="Konnect never shows the secret again, so it can only be tried",
    ),
    Step(
        "konnect.strategy.auth-type",
        "konnect",
        KONNECT,
        f"{STRATEGY} > New Auth Strategy",
        "Auth Type",
        "DCR",
        "applications get a key instead of a client at Curity",
        "create a strategy of auth type DCR: the type of a strategy cannot be changed",
        AAS,
        guide=Place("Configure the Dev Portal", "5.2"),
    ),
    Step(
        "konnect.strategy.dcr-provider",
        "konnect",
        KONNECT,
        f"{STRATEGY} > New Auth Strategy",
        "DCR Provider",
        "the provider that was created",
        "applications are not registered at Curity: the developer is asked for a client id",
        "select the provider in the strategy",
        AAS,
        beware="applications that exist keep what they were created with",
        guide=Place("Configure the Dev Portal", "5.3"),
    ),
    Step(
        "konnect.strategy.issuer",
        "konnect",
        KONNECT,
        f"{STRATEGY} > New Auth Strategy",
        "Issuer URL",
        "the provider's issuer URL, which the form fills in",
        "the gateway asks another authorization server for keys and tokens, and answers 401",
        "enter the provider's issuer URL",
        AAS,
        beware="every API with this strategy",
        guide=Place("Configure the Dev Portal", "5.3"),
    ),
    Step(
        "konnect.strategy.claim",
        "konnect",
        KONNECT,
        f"{STRATEGY} > New Auth Strategy",
        "Claims",
        "sub",
        "the token is valid, but the gateway finds no application for it",
        "enter sub: a Curity token has no client_id and no azp claim",
        "developer.konghq.com/dev-portal/auth-strategies/",
        beware="every API with this strategy",
        guide=Place("Configure the Dev Portal", "5.4"),
        variants=("client_id",),
    ),
    Step(
        "konnect.strategy.scopes",
        "konnect",
        KONNECT,
        f"{STRATEGY} > New Auth Strategy",
        "Scopes",
        "empty, or scopes that Curity grants to registered clients",
        "the gateway's token request is refused (invalid_scope), and the caller gets 401",
        "leave it empty where Curity grants openid to registered clients, else enter a scope that it grants",
        "developer.konghq.com/how-to/curity-dcr/",
        beware="every API with this strategy",
        guide=Place("Configure the Dev Portal", "5.4"),
        notes="the how-to warns of openid with client credentials, and says in the same note that empty means openid",
    ),
    Step(
        "konnect.strategy.auth-methods",
        "konnect",
        KONNECT,
        f"{STRATEGY} > New Auth Strategy",
        "Auth Methods",
        "client_credentials, bearer, session",
        "the gateway does not look for the kind of credentials that is missing, and answers 401",
        "select the missing methods",
        AAS,
        beware="every API with this strategy",
        guide=Place("Configure the Dev Portal", "5.5"),
    ),
    Step(
        "konnect.publication.api",
        "konnect",
        KONNECT,
        "Dev Portal > Published APIs",
        "Publish API",
        "the API, published to the portal",
        "the portal does not show the API, and nobody can use it",
        "publish the API to the portal",
        "Konnect API Builder API v3",
        guide=Place("Apply the Curity DCR auth strategy to an API", "2"),
    ),
    Step(
        "konnect.publication.strategy",
        "konnect",
        KONNECT,
        "Dev Portal > Published APIs",
        "Authentication strategy",
        "the strategy that was created",
        "the route asks for no credentials, or for those of another strategy",
        "select the strategy on the publication",
        "Konnect API Builder API v3",
        guide=Place("Apply the Curity DCR auth strategy to an API", "2"),
    ),
    Step(
        "konnect.implementation.linked",
        "konnect",
        KONNECT,
        "Catalog > APIs > the API > Gateway Service",
        "Link Gateway Service",
        "the gateway service behind the route",
        "the route is open: whoever calls it gets through, with credentials or without",
        "link the API to its gateway service, then wait until every data plane has the expected configuration",
        "developer.konghq.com/dev-portal/self-service/",
    ),
    Step(
        "konnect.registration.approved",
        "konnect",
        KONNECT,
        "Dev Portal > Access and approvals > App registrations",
        "Approve",
        "approved",
        "the application has credentials, but the gateway refuses it",
        "approve the registration, or let the portal approve applications by itself",
        "Konnect Portal Management API v3",
    ),
    Step(
        "portal.application-setup.provider",
        "portal",
        KONNECT,
        SETUP,
        "external identity provider",
        "Curity",
        "applications are not registered at Curity: the developer is asked for a client id",
        "select Curity, fill in the form again, and save",
        PORTAL_V2,
        beware="saving overwrites the whole form",
        guide=Place("Configure the Dev Portal", "4", CLASSIC),
    ),
    Step(
        "portal.application-setup.issuer",
        "portal",
        KONNECT,
        SETUP,
        "Issuer URL",
        "https://CURITY/oauth/v2/oauth-anonymous/.well-known/openid-configuration",
        "Konnect finds no metadata, and no application can be created",
        "enter the whole discovery URL, and save",
        PORTAL_V2,
        beware="saving overwrites the whole form",
        guide=Place("Configure the Dev Portal", "5", CLASSIC),
    ),
    Step(
        "portal.application-setup.token",
        "portal",
        KONNECT,
        SETUP,
        "Token",
        "the secret of the client that was created in Curity",
        "Konnect cannot sign in at Curity, and no application can be created",
        "enter the secret again, and save; generate a new one in Curity if it is lost",
        PORTAL_V2,
        beware="saving overwrites the whole form",
        guide=Place("Configure the Dev Portal", "6", CLASSIC),
        notes="the form asks for no client id, and no document says how Konnect knows it",
    ),
    Step(
        "portal.application-setup.claims",
        "portal",
        KONNECT,
        SETUP,
        "Claims",
        "sub",
        "the token is valid, but the gateway finds no application for it",
        "enter sub: a Curity token has no client_id and no azp claim; then save",
        PORTAL_V2,
        beware="every product of the portal",
        guide=Place("Configure the Dev Portal", "7", CLASSIC),
        variants=("client_id",),
    ),
    Step(
        "portal.application-setup.scopes",
        "portal",
        KONNECT,
        SETUP,
        "Scopes",
        "empty, or scopes that Curity grants to registered clients",
        "the gateway's token request is refused (invalid_scope), and the caller gets 401",
        "leave it empty where Curity grants openid to registered clients, else enter a scope that it grants; then save",
        PORTAL_V2,
        beware="every product of the portal",
        guide=Place("Configure the Dev Portal", "7", CLASSIC),
    ),
    Step(
        "gateway.data-plane.version",
        "gateway",
        GATEWAY,
        "the data plane's image or package",
        "",
        "3.6 or newer",
        "the managed plugin does not know auth strategies",
        "upgrade the data plane",
        "Konnect version compatibility (D227, D228)",
    ),
    Step(
        "gateway.data-plane.clock",
        "gateway",
        GATEWAY,
        "the data plane's machine",
        "",
        "synchronised with Curity's clock",
        "a fresh token counts as not yet valid: leeway is 0 and Curity sets nbf, so the caller gets 401",
        "synchronise the clocks (NTP) of the data planes and of Curity",
        "developer.konghq.com/plugins/openid-connect/reference/, leeway",
    ),
    Step(
        "consumer.basic.encoding",
        "consumer",
        CALLER,
        "the command that calls the route",
        "Authorization",
        "Basic and base64 of CLIENT_ID:CLIENT_SECRET",
        "the gateway finds no credentials, and answers 401",
        'curl -u "$CLIENT_ID:$CLIENT_SECRET" URL',
        "RFC 7617 2; developer.konghq.com, enable-oidc-auth-for-dev-portal",
        guide=Place("Validate", "the curl command"),
        notes="both how-tos print Basic CLIENT_ID:CLIENT_SECRET, which is not encoded",
        undo=False,
        undo_reason="the caller's command is no setting of any party",
    ),
)

_BY_ID = {step.id: step for step in STEPS}


V3_ALONE = (
    "konnect.portal.",
    "konnect.provider.",
    "konnect.strategy.",
    "konnect.publication.",
    "konnect.implementation.",
)
CLASSIC_ALONE = "portal.application-setup."


def generation(id: str) -> str | None:
    """The generation of the portal that a step belongs to, `v3` or `classic`; None where both have it."""
    if id.startswith(CLASSIC_ALONE):
        return "classic"
    return "v3" if id.startswith(V3_ALONE) else None


def step(id: str) -> Step | None:
    """The step of that id, or None."""
    return _BY_ID.get(id)
