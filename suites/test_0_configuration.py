"""Curity's committed configuration, read over RESTCONF: each set-up step that it shows, before anything stands on it."""

from dcrproof.core.checks.check import Evidence, check

CONFIG = "curity.io/docs/identity-server/configuration-reference"


@check(
    "configuration.readable",
    "The token profile can be read over RESTCONF",
    evidence=Evidence.DOCUMENTED,
    references=("github.com/curityio/database-client-migration-example, src/restconfClient.ts",),
)
def test_is_readable(dcr_curity_configuration):
    """Claimed by the gate."""


@check(
    "configuration.base-url",
    "The base URL is the address that Konnect and the gateway use",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, base-url",),
    steps=("curity.base-url.public",),
)
def test_base_url(dcr_set_base_url):
    """Claimed by the gate."""


@check(
    "configuration.metadata",
    "OpenID Connect's metadata are exposed, and name one registration endpoint",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, expose-metadata",),
    steps=("curity.metadata.exposed",),
)
def test_metadata(dcr_set_metadata):
    """Claimed by the gate."""


@check(
    "configuration.token-issuer.jwt",
    "Access tokens are JWTs, and not wrapped",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, default-token-issuer",),
    steps=("curity.token-issuer.jwt",),
)
def test_jwt(dcr_set_jwt):
    """Claimed by the gate."""


@check(
    "configuration.token-issuer.signing-key",
    "The default token issuer has a signing key that exists, and a data source",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, jwt-issuer-settings",),
)
def test_signing_key(dcr_set_signing_key):
    """Claimed by the gate."""


@check(
    "configuration.token-issuer.userinfo",
    "There is a token issuer userinfo, of type jwt and purpose userinfo",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/how-to/curity-dcr/",),
    steps=("curity.token-issuer.userinfo",),
)
def test_userinfo(dcr_set_userinfo):
    """Claimed by the gate."""


@check(
    "configuration.token-issuer.userinfo-keys",
    "The token issuer userinfo has its data source and its keys",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/how-to/curity-dcr/",),
    steps=("curity.token-issuer.userinfo-keys",),
)
def test_userinfo_keys(dcr_set_userinfo_keys):
    """Claimed by the gate."""


@check(
    "configuration.profile.capability",
    "The profile has the capability client-credentials",
    evidence=Evidence.DOCUMENTED,
    references=("curity.io/docs/identity-server/profiles/token-profile/client-config/capabilities",),
    steps=("curity.profile.capability",),
)
def test_profile_capability(dcr_set_profile_capability):
    """Claimed by the gate."""


@check(
    "configuration.client.created",
    "The registrar is a client of the profile, and enabled",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, config-backed client",),
    steps=("curity.client.created",),
)
def test_client(dcr_set_client):
    """Claimed by the gate."""


@check(
    "configuration.client.capability",
    "The registrar has the capability client-credentials",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, config-backed client",),
    steps=("curity.client.capability",),
)
def test_client_capability(dcr_set_client_capability):
    """Claimed by the gate."""


@check(
    "configuration.client.authentication-method",
    "The registrar authenticates with a secret",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, config-backed client",),
    steps=("curity.client.authentication-method",),
)
def test_client_authentication(dcr_set_client_authentication):
    """Claimed by the gate."""


@check(
    "configuration.dcr.enabled",
    "Dynamic client registration is enabled",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, dynamic-client-registration",),
    steps=("curity.dcr.enabled",),
)
def test_dcr(dcr_set_dcr):
    """Claimed by the gate."""


@check(
    "configuration.dcr.nodes",
    "Every service role that serves tokens serves the registration endpoint",
    evidence=Evidence.DOCUMENTED,
    references=("curity.io/resources/learn/endpoints",),
    steps=("curity.dcr.nodes",),
)
def test_nodes(dcr_set_nodes):
    """Claimed by the gate."""


@check(
    "configuration.dcr.non-templatized",
    "Non-templatized registration is enabled",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, non-templatized",),
    steps=("curity.dcr.non-templatized",),
)
def test_non_templatized(dcr_set_non_templatized):
    """Claimed by the gate."""


@check(
    "configuration.dcr.authentication",
    "The registrar is listed in authenticate-client-by",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, non-templatized",),
    steps=("curity.dcr.authenticate-client-by",),
)
def test_registrar_listed(dcr_set_authentication):
    """Claimed by the gate."""


@check(
    "configuration.dcr.capabilities",
    "Registered clients may have client-credentials",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, non-templatized",),
    steps=("curity.dcr.capabilities",),
)
def test_capabilities(dcr_set_capabilities):
    """Claimed by the gate."""


@check(
    "configuration.dcr.client-authentication",
    "Registered clients may have a secret",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, non-templatized",),
    steps=("curity.dcr.client-authentication",),
)
def test_registered_authentication(dcr_set_registered_authentication):
    """Claimed by the gate."""


@check(
    "configuration.dcr.data-source",
    "Registered clients have a data source, which a restart does not wipe",
    evidence=Evidence.DOCUMENTED,
    references=(
        f"{CONFIG}, dynamic-client-registration",
        "github.com/curityio/ai-agents-auth-demo, CLAUDE.md and k8s/curity/configmap.yaml",
    ),
    steps=("curity.dcr.data-source",),
)
def test_data_source(dcr_set_data_source):
    """Claimed by the gate."""


@check(
    "configuration.dcr.client-management",
    "Dynamic client management is enabled",
    evidence=Evidence.DOCUMENTED,
    references=(f"{CONFIG}, client-management",),
    steps=("curity.dcr.client-management",),
)
def test_management(dcr_set_management):
    """Claimed by the gate."""
