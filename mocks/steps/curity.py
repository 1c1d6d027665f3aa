"""The setup steps at Curity: each a change of its committed configuration, or of what it has published before."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from dcrproof.mocks.curity.configuration import Configuration
from dcrproof.mocks.curity.http import CurityNodes
from dcrproof.mocks.curity.settings import (
    HSQLDB,
    REGISTRATION_ENDPOINT,
    AuthenticateClientBy,
    AuthenticateUserBy,
    Client,
    CustomTokenIssuer,
    DynamicClientRegistration,
    MutualTls,
    NoAuthentication,
    NonTemplatized,
    RegistrarAuthentication,
)
from dcrproof.mocks.messages import Calls, Request, Response
from dcrproof.mocks.steps.base import LEFT_UNDONE, Act, Acts, Variant

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

Change: TypeAlias = Callable[[Configuration, str], Configuration]
"""From Curity's configuration and the registrar's id to the configuration without the step."""

UNCOMMITTED = "uncommitted"
"""The variant of a step that was done and never committed: as if it was not done, apart from its session."""


def _issuer(**members: Any) -> Change:
    return lambda configuration, _: replace(
        configuration, default_token_issuer=replace(configuration.default_token_issuer, **members)
    )


def _registrar(change: Callable[[Client], Client]) -> Change:
    def apply(configuration: Configuration, registrar: str) -> Configuration:
        changed = (change(client) if client.id == registrar else client for client in configuration.clients)
        return replace(configuration, clients=tuple(changed))

    return apply


def _without_registrar(configuration: Configuration, registrar: str) -> Configuration:
    return replace(configuration, clients=tuple(one for one in configuration.clients if one.id != registrar))


def _registration(change: Callable[[DynamicClientRegistration], DynamicClientRegistration | None]) -> Change:
    def apply(configuration: Configuration, _: str) -> Configuration:
        dynamic = configuration.dynamic_client_registration
        return replace(configuration, dynamic_client_registration=change(dynamic) if dynamic else None)

    return apply


def _non_templatized(change: Callable[[NonTemplatized], NonTemplatized]) -> Change:
    return _registration(
        lambda dynamic: replace(dynamic, non_templatized=dynamic.non_templatized and change(dynamic.non_templatized))
    )


def _authentication(chosen: RegistrarAuthentication) -> Change:
    return _non_templatized(lambda non_templatized: replace(non_templatized, authentication=chosen))


def _without_node(configuration: Configuration, _: str) -> Configuration:
    roles = (
        replace(role, endpoints=frozenset(id for id in role.endpoints if not id.endswith("client-registration")))
        for role in configuration.service_roles
    )
    return replace(configuration, service_roles=tuple(roles))


def _second_node_without(configuration: Configuration, _: str) -> Configuration:
    """Two nodes behind the address, and the second was not selected."""
    first = configuration.service_roles[0]
    left = frozenset(id for id in first.endpoints if not id.endswith("client-registration"))
    return replace(configuration, service_roles=(first, replace(first, id="second", endpoints=left)))


def _userinfo_issuer(change: Callable[[CustomTokenIssuer], CustomTokenIssuer | None]) -> Change:
    def apply(configuration: Configuration, _: str) -> Configuration:
        changed = (change(issuer) for issuer in configuration.custom_token_issuers)
        return replace(configuration, custom_token_issuers=tuple(issuer for issuer in changed if issuer))

    return apply


def _base_url(value: str) -> Change:
    return lambda configuration, _: replace(configuration, base_url=value)


def _data_source(**members: Any) -> Change:
    """The only data source, which tokens and clients share."""
    return lambda configuration, _: replace(
        configuration, data_sources=tuple(replace(one, **members) for one in configuration.data_sources)
    )


def _edwards_key(configuration: Configuration, _: str) -> Configuration:
    """Signs with an Ed25519 key; the RSA key still signs for the other issuers."""
    issuer = replace(configuration.default_token_issuer, algorithm="EdDSA", signing_key_id="eddsa-signing-key")
    keys = (*configuration.signing_keys, "eddsa-signing-key")
    return replace(configuration, default_token_issuer=issuer, signing_keys=keys)


def _second_registration_endpoint(configuration: Configuration, _: str) -> Configuration:
    """Deployed beside the first one, with no setting that says which of them the metadata name."""
    second = replace(REGISTRATION_ENDPOINT, id="second-client-registration", uri="/oauth/v2/oauth-registration")
    roles = tuple(replace(role, endpoints=role.endpoints | {second.id}) for role in configuration.service_roles)
    return replace(configuration, endpoints=(*configuration.endpoints, second), service_roles=roles)


_CURITY: Mapping[str, Mapping[str, Variant[Change]]] = {
    "curity.metadata.exposed": {
        LEFT_UNDONE: Variant(
            lambda configuration, _: replace(configuration, openid_connect_expose_metadata=False),
            turns_red=["configuration.metadata"],
            without_restconf=["discovery.served"],
        ),
        "two-endpoints": Variant(_second_registration_endpoint),
    },
    "curity.base-url.public": {
        LEFT_UNDONE: Variant(
            _base_url("http://idsvr.localhost:8443"),
            turns_red=["configuration.base-url"],
            without_restconf=["discovery.issuer"],
        ),
        "localhost": Variant(_base_url("https://localhost:8443")),
    },
    "curity.token-issuer.jwt": {
        LEFT_UNDONE: Variant(
            _issuer(access_token_as_jwt=False),
            turns_red=["configuration.token-issuer.jwt"],
            without_restconf=["token.is-jwt"],
        ),
        "wrapped": Variant(
            _issuer(access_token_as_jwt=False, use_wrapped_opaque_tokens=True), without_restconf=["token.names-client"]
        ),
    },
    "curity.token-issuer.signing-key": {LEFT_UNDONE: Variant(_edwards_key)},
    "curity.token-issuer.userinfo": {
        LEFT_UNDONE: Variant(_userinfo_issuer(lambda _: None), turns_red=["configuration.token-issuer.userinfo"]),
        "other-purpose": Variant(_userinfo_issuer(lambda issuer: replace(issuer, purpose_type="access_token"))),
        "other-name": Variant(_userinfo_issuer(lambda issuer: replace(issuer, id="user-info"))),
    },
    "curity.token-issuer.userinfo-keys": {
        LEFT_UNDONE: Variant(
            _userinfo_issuer(
                lambda issuer: replace(
                    issuer, tokens_data_source_id=None, signing_key_id=None, verification_keystore_id=None
                )
            ),
            turns_red=["configuration.token-issuer.userinfo-keys"],
        ),
        "no-keystore": Variant(_userinfo_issuer(lambda issuer: replace(issuer, verification_keystore_id=None))),
    },
    "curity.client.created": {
        LEFT_UNDONE: Variant(_without_registrar, turns_red=["configuration.client.created"]),
        "disabled": Variant(_registrar(lambda client: replace(client, enabled=False))),
    },
    "curity.client.capability": {
        LEFT_UNDONE: Variant(
            _registrar(lambda client: replace(client, capabilities=frozenset())),
            turns_red=["configuration.client.capability"],
        ),
    },
    "curity.client.authentication-method": {
        LEFT_UNDONE: Variant(
            _registrar(lambda client: replace(client, authentication_method="mutual-tls")),
            turns_red=["configuration.client.authentication-method"],
        ),
        "no-authentication": Variant(
            _registrar(lambda client: replace(client, authentication_method="no-authentication"))
        ),
        "signed-jwt": Variant(
            _registrar(lambda client: replace(client, authentication_method="asymmetrically-signed-jwt"))
        ),
    },
    "curity.client.secret": {
        LEFT_UNDONE: Variant(
            _registrar(lambda client: replace(client, secret="another secret than Konnect was given")),
            turns_red=["registrar.authenticates"],
        ),
    },
    "curity.dcr.enabled": {
        LEFT_UNDONE: Variant(
            _registration(lambda _: None),
            turns_red=["configuration.dcr.enabled"],
            without_restconf=["discovery.registration-endpoint"],
        )
    },
    "curity.dcr.non-templatized": {
        LEFT_UNDONE: Variant(
            _registration(lambda dynamic: replace(dynamic, non_templatized=None, templatized=True)),
            turns_red=["configuration.dcr.non-templatized"],
        ),
    },
    "curity.dcr.client-management": {
        LEFT_UNDONE: Variant(
            _registration(lambda dynamic: replace(dynamic, client_management=None)),
            turns_red=["configuration.dcr.client-management"],
            without_restconf=["registration.managed"],
        ),
    },
    "curity.dcr.data-source": {
        LEFT_UNDONE: Variant(_data_source(schema=False), turns_red=["registration.created"]),
        "unreachable": Variant(_data_source(answers=False)),
        "in-memory": Variant(_data_source(driver=HSQLDB)),
    },
    "curity.dcr.authenticate-client-by": {
        LEFT_UNDONE: Variant(
            _authentication(AuthenticateClientBy(())),
            turns_red=["configuration.dcr.authentication"],
            without_restconf=["registrar.gets-dcr-scope"],
        ),
        "other-client": Variant(_authentication(AuthenticateClientBy(("another-client",)))),
        "authenticate-user-by": Variant(
            lambda configuration, registrar: _authentication(AuthenticateUserBy((registrar,)))(configuration, registrar)
        ),
        "no-authentication": Variant(_authentication(NoAuthentication())),
        "mutual-tls": Variant(_authentication(MutualTls())),
    },
    "curity.dcr.nodes": {
        LEFT_UNDONE: Variant(_without_node, turns_red=["configuration.dcr.nodes"]),
        "some-nodes": Variant(_second_node_without, without_restconf=["registration.every-node"]),
    },
    "curity.dcr.capabilities": {
        LEFT_UNDONE: Variant(
            _non_templatized(lambda non_templatized: replace(non_templatized, capabilities=frozenset())),
            turns_red=["configuration.dcr.capabilities"],
        ),
    },
    "curity.dcr.client-authentication": {
        LEFT_UNDONE: Variant(
            _non_templatized(
                lambda non_templatized: replace(non_templatized, client_authentication_method=frozenset({"mutual-tls"}))
            ),
            turns_red=["configuration.dcr.client-authentication"],
        ),
        "no-authentication": Variant(
            _non_templatized(
                lambda non_templatized: replace(
                    non_templatized, client_authentication_method=frozenset({"no-authentication"})
                )
            )
        ),
    },
    "curity.dcr.scopes": {
        LEFT_UNDONE: Variant(
            _non_templatized(lambda non_templatized: replace(non_templatized, scopes=frozenset({"profile"})))
        ),
    },
}


COMMITTED_LAST = (
    "curity.token-issuer.jwt",
    "curity.token-issuer.userinfo",
    "curity.client.created",
    "curity.dcr.enabled",
    "curity.dcr.authenticate-client-by",
)
"""The last step of each section of the how-to, and the two wizards: where a person stops and forgets the commit."""

CONFIGURATION: Mapping[str, Mapping[str, Variant[Change]]] = {
    step: {**changes, UNCOMMITTED: Variant(changes[LEFT_UNDONE].change)} if step in COMMITTED_LAST else changes
    for step, changes in _CURITY.items()
}


# Cached metadata


def _kept_metadata(*, on_the_way: bool) -> Act:
    """Registration was enabled a moment ago, and the old metadata stay in use until the cache duration is over: in a
    cache on the way, which revalidates on request (RFC 9111 5.2.1.4), or in Curity itself.
    """

    def act(world: "World") -> None:
        curity, handler = world.curity, world.handlers["curity"]
        path = world.METADATA
        committed = curity.configuration
        curity.configuration = replace(committed, dynamic_client_registration=None)
        before = handler(Request("GET", path, path, "", (), b""))
        curity.configuration = committed
        until = world.clock.now() + committed.metadata_cache_duration

        def kept(request: Request) -> Response | Calls:
            told = on_the_way and "no-cache" in (request.header("cache-control") or "")
            is_kept = request.path == path and world.clock.now() < until and not told
            return before if is_kept else handler(request)

        world.handlers["curity"] = kept

    return act


def _metadata_of_now(world: "World") -> None:
    world.handlers["curity"] = CurityNodes(world.curity).handle


ACTS: Mapping[str, Acts] = {
    "curity.metadata.cache-duration": Acts(
        {LEFT_UNDONE: Variant(_kept_metadata(on_the_way=False)), "proxy": Variant(_kept_metadata(on_the_way=True))},
        _metadata_of_now,
    ),
}
