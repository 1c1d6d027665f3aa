"""The set-up steps as the mocks know them: for each, how a world looks in which just that step was left undone.

A step at Curity is a change of its committed configuration, and what lies between Curity and the others a view of it. A
step in Konnect is an ordinary call on the standing objects, and another one that mends it. The first variant of a step
is what `undo` without a variant does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from dcrproof.mocks.classic_portal import admin as classic_admin
from dcrproof.mocks.classic_portal.state import ApplicationSetup, ClassicPortal
from dcrproof.mocks.clock import WrongClock
from dcrproof.mocks.curity.configuration import (
    HSQLDB,
    REGISTRATION_ENDPOINT,
    AuthenticateClientBy,
    AuthenticateUserBy,
    Client,
    Configuration,
    CustomTokenIssuer,
    DynamicClientRegistration,
    MutualTls,
    NoAuthentication,
    NonTemplatized,
    RegistrarAuthentication,
)
from dcrproof.mocks.curity.http import CurityNodes
from dcrproof.mocks.konnect.http import KonnectHttp
from dcrproof.mocks.konnect.roles import EVERY_ROLE
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.messages import Call, Calls, NoAnswer, Request, Response, perform
from dcrproof.mocks.reachability import DATA_PLANES, KONNECT, Vantage, unreached, untrusted

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

Change: TypeAlias = Callable[[Configuration, str], Configuration]
"""From Curity's configuration and the registrar's id to the configuration without the step."""
Act: TypeAlias = "Callable[[World], None]"

UNCOMMITTED = "uncommitted"
"""The variant of a step at Curity that was done and never committed: as if it was not done, but for its session."""
LEFT_UNDONE = "left-undone"
"""The name of what `undo` without a variant does."""


# Curity


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
    """The one data source there is, which tokens share with the clients."""
    return lambda configuration, _: replace(
        configuration, data_sources=tuple(replace(one, **members) for one in configuration.data_sources)
    )


def _edwards_key(configuration: Configuration, _: str) -> Configuration:
    """Signs with another key, of Ed25519; the RSA key signs for the other issuers still."""
    issuer = replace(configuration.default_token_issuer, algorithm="EdDSA", signing_key_id="eddsa-signing-key")
    keys = (*configuration.signing_keys, "eddsa-signing-key")
    return replace(configuration, default_token_issuer=issuer, signing_keys=keys)


def _second_registration_endpoint(configuration: Configuration, _: str) -> Configuration:
    """Deployed beside the first one, and the metadata are not told which of them to name."""
    second = replace(REGISTRATION_ENDPOINT, id="second-client-registration", uri="/oauth/v2/oauth-registration")
    roles = tuple(replace(role, endpoints=role.endpoints | {second.id}) for role in configuration.service_roles)
    return replace(configuration, endpoints=(*configuration.endpoints, second), service_roles=roles)


_CURITY: Mapping[str, Mapping[str, Change]] = {
    "curity.metadata.exposed": {
        LEFT_UNDONE: lambda configuration, _: replace(configuration, openid_connect_expose_metadata=False),
        "two-endpoints": _second_registration_endpoint,
    },
    "curity.base-url.public": {
        LEFT_UNDONE: _base_url("http://idsvr.localhost:8443"),
        "localhost": _base_url("https://localhost:8443"),
    },
    "curity.token-issuer.jwt": {
        LEFT_UNDONE: _issuer(access_token_as_jwt=False),
        "wrapped": _issuer(access_token_as_jwt=False, use_wrapped_opaque_tokens=True),
    },
    "curity.token-issuer.signing-key": {LEFT_UNDONE: _edwards_key},
    "curity.token-issuer.userinfo": {
        LEFT_UNDONE: _userinfo_issuer(lambda _: None),
        "other-purpose": _userinfo_issuer(lambda issuer: replace(issuer, purpose_type="access_token")),
        "other-name": _userinfo_issuer(lambda issuer: replace(issuer, id="user-info")),
    },
    "curity.token-issuer.userinfo-keys": {
        LEFT_UNDONE: _userinfo_issuer(
            lambda issuer: replace(
                issuer, tokens_data_source_id=None, signing_key_id=None, verification_keystore_id=None
            )
        ),
        "no-keystore": _userinfo_issuer(lambda issuer: replace(issuer, verification_keystore_id=None)),
    },
    "curity.client.created": {
        LEFT_UNDONE: _without_registrar,
        "disabled": _registrar(lambda client: replace(client, enabled=False)),
    },
    "curity.client.capability": {
        LEFT_UNDONE: _registrar(lambda client: replace(client, capabilities=frozenset())),
    },
    "curity.client.authentication-method": {
        LEFT_UNDONE: _registrar(lambda client: replace(client, authentication_method="mutual-tls")),
        "no-authentication": _registrar(lambda client: replace(client, authentication_method="no-authentication")),
        "signed-jwt": _registrar(lambda client: replace(client, authentication_method="asymmetrically-signed-jwt")),
    },
    "curity.client.secret": {
        LEFT_UNDONE: _registrar(lambda client: replace(client, secret="another secret than Konnect was given")),
    },
    "curity.dcr.enabled": {LEFT_UNDONE: _registration(lambda _: None)},
    "curity.dcr.non-templatized": {
        LEFT_UNDONE: _registration(lambda dynamic: replace(dynamic, non_templatized=None, templatized=True)),
    },
    "curity.dcr.client-management": {
        LEFT_UNDONE: _registration(lambda dynamic: replace(dynamic, client_management=None)),
    },
    "curity.dcr.data-source": {
        LEFT_UNDONE: _data_source(schema=False),
        "unreachable": _data_source(answers=False),
        "in-memory": _data_source(driver=HSQLDB),
    },
    "curity.dcr.authenticate-client-by": {
        LEFT_UNDONE: _authentication(AuthenticateClientBy(())),
        "other-client": _authentication(AuthenticateClientBy(("another-client",))),
        "authenticate-user-by": lambda configuration, registrar: _authentication(AuthenticateUserBy((registrar,)))(
            configuration, registrar
        ),
        "no-authentication": _authentication(NoAuthentication()),
        "mutual-tls": _authentication(MutualTls()),
    },
    "curity.dcr.nodes": {LEFT_UNDONE: _without_node, "some-nodes": _second_node_without},
    "curity.dcr.capabilities": {
        LEFT_UNDONE: _non_templatized(lambda non_templatized: replace(non_templatized, capabilities=frozenset())),
    },
    "curity.dcr.client-authentication": {
        LEFT_UNDONE: _non_templatized(
            lambda non_templatized: replace(non_templatized, client_authentication_method=frozenset({"mutual-tls"}))
        ),
        "no-authentication": _non_templatized(
            lambda non_templatized: replace(
                non_templatized, client_authentication_method=frozenset({"no-authentication"})
            )
        ),
    },
    "curity.dcr.scopes": {
        LEFT_UNDONE: _non_templatized(lambda non_templatized: replace(non_templatized, scopes=frozenset({"profile"}))),
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

CURITY: Mapping[str, Mapping[str, Change]] = {
    step: {**changes, UNCOMMITTED: changes[LEFT_UNDONE]} if step in COMMITTED_LAST else changes
    for step, changes in _CURITY.items()
}


# What lies between Curity and the others

VIEWS: Mapping[str, Mapping[str, Vantage]] = {
    "curity.instance.reachable": {
        LEFT_UNDONE: unreached(*KONNECT, *DATA_PLANES),
        "not-from-konnect": unreached(*KONNECT),
        "not-from-gateways": unreached(*DATA_PLANES),
        "not-from-one-gateway": unreached(DATA_PLANES[-1]),
    },
    "curity.instance.certificate": {
        LEFT_UNDONE: untrusted(*KONNECT, *DATA_PLANES),
        "private-authority": untrusted(*KONNECT),
    },
    "gateway.data-plane.trust": {
        LEFT_UNDONE: untrusted(*DATA_PLANES),
        "one-node": untrusted(DATA_PLANES[-1]),
    },
}

OVER_TLS = ("curity.instance.certificate", "gateway.data-plane.trust")
"""Without TLS there is no certificate to trust."""

NEEDS_MOCK_CURITY = ("curity.metadata.cache-duration", "gateway.data-plane.keys")
"""Steps that are no setting of Curity's, and are left undone by a change there."""


# Konnect and the gateway


@dataclass(frozen=True)
class Clicks:
    """How a world gets to a step left undone, by variant, and back."""

    undo: Mapping[str, Act]
    redo: Act


def _portal(**members: Any) -> Act:
    return lambda world: _ignore(world.konnect.patch_portal(world.standing.portal_id, members))


def _provider(**members: Any) -> Act:
    return lambda world: _ignore(world.konnect.patch_provider(world.standing.provider_id, members))


def _provider_issuer(issuer: Callable[[str], str]) -> Act:
    return lambda world: _provider(issuer=issuer(world.discovery_url))(world)


def _strategy(**members: Any) -> Act:
    """Changes what reaches the gateway's plugin."""
    return lambda world: _ignore(
        world.konnect.patch_strategy(world.standing.strategy_id, {"configs": {"openid-connect": members}})
    )


def _strategy_without(*members: str) -> Act:
    """The strategy saved anew without these members of its advanced configuration."""

    def act(world: "World") -> None:
        held = world.konnect.strategies[world.standing.strategy_id]
        config = {name: value for name, value in held.config.items() if name not in members}
        body = {
            "name": held.name,
            "display_name": held.display_name,
            "strategy_type": held.strategy_type,
            "configs": {"openid-connect": config},
            "dcr_provider_id": held.dcr_provider_id,
        }
        world.konnect.replace_strategy(held.id, body)

    return act


def _strategy_issuer(issuer: Callable[[str], str]) -> Act:
    return lambda world: _strategy(issuer=issuer(world.discovery_url))(world)


def _publish(*, with_strategy: bool) -> Act:
    def act(world: "World") -> None:
        ids = [world.standing.strategy_id] if with_strategy else None
        body = {"visibility": "public", "auth_strategy_ids": ids}
        world.konnect.publish(world.standing.api_id, world.standing.portal_id, body)

    return act


def _unpublish(world: "World") -> None:
    world.konnect.unpublish(world.standing.api_id, world.standing.portal_id)


def _unlink(world: "World") -> None:
    world.konnect.delete_implementation(world.standing.api_id, world.standing.implementation_id)


def _link_to_another_service(world: "World") -> None:
    """One of the same upstream with a route of its own: the route that callers know belongs to the first."""
    _unlink(world)
    _link_to_a_new_one(world, world.standing.control_plane_id, f"/{ANOTHER}")


def _link_to_another_control_plane(world: "World") -> None:
    """A service of another environment, with the same route and without data planes."""
    _unlink(world)
    _link_to_a_new_one(world, world.konnect.create_control_plane(ANOTHER).id, world.ROUTE)


def _link_to_a_new_one(world: "World", control_plane_id: str, path: str) -> None:
    konnect = world.konnect
    service = konnect.create_gateway_service(control_plane_id, ANOTHER, world.start.addresses["upstream"])
    konnect.create_gateway_route(service.id, ANOTHER, (path,))
    _link_to(world, {"service": {"control_plane_id": control_plane_id, "id": service.id}})


def _link_to_the_control_plane(world: "World") -> None:
    """Where Konnect leaves it to a plugin that somebody else installs (konnect docs, kaa-vs-ace): nobody has."""
    _unlink(world)
    _link_to(world, {"control_plane": {"control_plane_id": world.standing.control_plane_id}})


def _link_as_the_how_to_needs_it(world: "World") -> None:
    konnect = world.konnect
    if world.standing.implementation_id in konnect.implementations:
        _unlink(world)
    for service in [one for one in konnect.gateway_services.values() if one.name == ANOTHER]:
        for route in [one for one in konnect.gateway_routes.values() if one.service_id == service.id]:
            konnect.delete_gateway_route(service.control_plane_id, route.id)
        konnect.delete_gateway_service(service.control_plane_id, service.id)
        if service.control_plane_id != world.standing.control_plane_id:
            del konnect.control_planes[service.control_plane_id]
    own = {"control_plane_id": world.standing.control_plane_id, "id": world.standing.service_id}
    _link_to(world, {"service": own})


def _link_to(world: "World", link: Mapping[str, Any]) -> None:
    made = world.konnect.create_implementation(world.standing.api_id, link)
    world.standing = replace(world.standing, implementation_id=made.id)


ANOTHER = "accounts-test"
"""What is linked by mistake: a gateway service, and a control plane around it."""


def _developer(status: str) -> Act:
    """The developer has an account at the portal of either generation."""

    def act(world: "World") -> None:
        body = {"status": status}
        world.konnect.patch_developer(world.standing.portal_id, world.standing.developer_id, body)
        classic = world.classic_standing
        world.classic_portal.patch_developer(classic.portal_id, classic.developer_id, body)

    return act


def _approves_applications(approves: bool) -> Act:
    """The setting of both portals."""

    def act(world: "World") -> None:
        _portal(auto_approve_applications=approves)(world)
        world.classic_portal.patch_portal(world.classic_standing.portal_id, {"auto_approve_applications": approves})

    return act


def _application_setup(change: Callable[[ApplicationSetup], ApplicationSetup]) -> Act:
    """Fills in the form otherwise than the how-to says, and saves it."""
    return lambda world: world.classic_portal.save(change(_form(world)))


def _application_setup_done(*members: str) -> Act:
    """Fills in these fields as the how-to says, and saves the form."""

    def act(world: "World") -> None:
        done = world.classic_standing.application_setup
        world.classic_portal.save(replace(_form(world), **{name: getattr(done, name) for name in members}))

    return act


def _form(world: "World") -> ApplicationSetup:
    return world.classic_portal.application_setup or world.classic_standing.application_setup


def _other_provider_type(world: "World") -> None:
    """The provider of the set-up is of another type: it bears the name that the set-up's provider should have."""
    world.konnect.patch_provider(world.standing.provider_id, {"name": "Curity, of type Curity"})
    provider = world.konnect.create_provider(
        {
            "name": "Curity",
            "provider_type": "okta",
            "issuer": world.discovery_url,
            "dcr_config": {"dcr_token": "a token of another type of provider"},
        }
    )
    world.konnect.patch_strategy(world.standing.strategy_id, {"dcr_provider_id": provider.id})


def _no_other_provider_type(world: "World") -> None:
    _own_provider(world)
    for provider in list(world.konnect.providers.values()):
        if provider.name == "Curity":
            world.konnect.delete_provider(provider.id)
    world.konnect.patch_provider(world.standing.provider_id, {"name": "Curity"})


def _own_provider(world: "World") -> None:
    world.konnect.patch_strategy(world.standing.strategy_id, {"dcr_provider_id": world.standing.provider_id})


def _no_provider(world: "World") -> None:
    world.konnect.patch_strategy(world.standing.strategy_id, {"dcr_provider_id": None})


def _key_auth(world: "World") -> None:
    """The strategy of the set-up is one of keys: it bears the name that the set-up's strategy should have."""
    world.konnect.patch_strategy(world.standing.strategy_id, {"name": "curity-dcr, of type DCR"})
    body = {
        "name": "curity-dcr",
        "display_name": "Curity",
        "strategy_type": "key_auth",
        "configs": {"key-auth": {"key_names": ["apikey"]}},
    }
    keys = world.konnect.create_strategy(body)
    world.konnect.publish(
        world.standing.api_id, world.standing.portal_id, {"visibility": "public", "auth_strategy_ids": [keys.id]}
    )


def _no_key_auth(world: "World") -> None:
    _publish(with_strategy=True)(world)
    for strategy in list(world.konnect.strategies.values()):
        if strategy.name == "curity-dcr":
            world.konnect.delete_strategy(strategy.id)
    world.konnect.patch_strategy(world.standing.strategy_id, {"name": "curity-dcr"})


def _another_strategy(world: "World") -> None:
    """The publication has a strategy that the set-up knows nothing of."""
    config = {
        "issuer": world.discovery_url,
        "credential_claim": ["sub"],
        "scopes": [],
        "auth_methods": ["client_credentials", "bearer", "session"],
    }
    another = world.konnect.create_strategy(
        {
            "name": "another strategy",
            "display_name": "Another strategy",
            "strategy_type": "openid_connect",
            "configs": {"openid-connect": config},
            "dcr_provider_id": world.standing.provider_id,
        }
    )
    world.konnect.publish(
        world.standing.api_id, world.standing.portal_id, {"visibility": "public", "auth_strategy_ids": [another.id]}
    )


def _own_strategy(world: "World") -> None:
    _publish(with_strategy=True)(world)
    for strategy in list(world.konnect.strategies.values()):
        if strategy.name == "another strategy":
            world.konnect.delete_strategy(strategy.id)


def _without_role(*role: str) -> Act:
    def act(world: "World") -> None:
        kind, name = role
        token = world.konnect.tokens[0]
        held = EVERY_ROLE if token.roles is None else token.roles
        world.konnect.tokens[0] = replace(token, roles=held - {(kind, name)})

    return act


def _with_role(*role: str) -> Act:
    def act(world: "World") -> None:
        kind, name = role
        token = world.konnect.tokens[0]
        held = (token.roles or frozenset()) | {(kind, name)}
        world.konnect.tokens[0] = replace(token, roles=None if held == EVERY_ROLE else held)

    return act


def _role(kind: str, name: str) -> Clicks:
    return Clicks({LEFT_UNDONE: _without_role(kind, name)}, _with_role(kind, name))


def _other_region(world: "World") -> None:
    """The admin API of another region: it takes the same token, and has none of what was set up (inferred)."""
    elsewhere = Konnect(
        clock=world.clock, seed=world.start.seed + 1, token=world.credentials.konnect_token, portal_host=lambda _: ""
    )
    elsewhere.tokens = world.konnect.tokens
    classic = ClassicPortal(
        clock=world.clock, seed=world.start.seed + 1, konnect=elsewhere, host="", registrar_id=world.registrar[0]
    )
    world.faces["konnect"] = KonnectHttp(elsewhere, classic_admin.routes(classic)).handle


def _own_region(world: "World") -> None:
    world.faces["konnect"] = KonnectHttp(world.konnect, classic_admin.routes(world.classic_portal)).handle


def _stale_keys(*ports: str) -> Act:
    """Somebody has called these nodes before Curity's key was replaced by another one under the same key id."""

    def act(world: "World") -> None:
        def answer(call: Call) -> Response | NoAnswer:
            path = call.url.removeprefix(world.start.addresses["curity"])
            given = world.faces["curity"](Request(call.method, path, path, "", call.headers, call.body or b""))
            assert isinstance(given, Response), "Curity calls nobody"
            return given

        for port in ports:
            call = Request("GET", world.ROUTE, world.ROUTE, "", (("authorization", "Bearer of.no.use"),))
            perform(world.faces[port](call), answer)
        world.curity.rotate_keys("same")

    return act


def _fresh_keys(world: "World") -> None:
    for data_plane in world.data_planes:
        data_plane.issuers.clear()


def _kept_metadata(*, on_the_way: bool) -> Act:
    """Registration was enabled a moment ago, and who has kept the metadata from before goes on with them until the
    cache duration is over: a cache on the way, which asks again when it is told to (RFC 9111 5.2.1.4), or Curity itself.
    """

    def act(world: "World") -> None:
        curity, face = world.curity, world.faces["curity"]
        path = world.METADATA
        committed = curity.configuration
        curity.configuration = replace(committed, dynamic_client_registration=None)
        before = face(Request("GET", path, path, "", (), b""))
        curity.configuration = committed
        until = world.clock.now() + committed.metadata_cache_duration

        def kept(request: Request) -> Response | Calls:
            told = on_the_way and "no-cache" in (request.header("cache-control") or "")
            is_kept = request.path == path and world.clock.now() < until and not told
            return before if is_kept else face(request)

        world.faces["curity"] = kept

    return act


def _metadata_of_now(world: "World") -> None:
    world.faces["curity"] = CurityNodes(world.curity).handle


def _old_node(world: "World") -> None:
    world.data_planes[-1].version = "3.5.0.0"


def _new_node(world: "World") -> None:
    world.data_planes[-1].version = world.data_planes[0].version


def _wrong_clock(by: float) -> Act:
    def act(world: "World") -> None:
        world.data_planes[-1].clock = WrongClock(world.clock, by)

    return act


def _right_clock(world: "World") -> None:
    world.data_planes[-1].clock = world.clock


def _ignore(result: object) -> None:
    """For a call whose result is of no use."""


CLICKS: Mapping[str, Clicks] = {
    "konnect.account.region": Clicks({LEFT_UNDONE: _other_region}, _own_region),
    "konnect.role.portal-creator": _role("Portals", "Creator"),
    "konnect.role.api-creator": _role("APIs", "Creator"),
    "konnect.role.dcr-provider-creator": _role("DCR Providers", "Creator"),
    "konnect.role.auth-strategy-creator": _role("Application Auth Strategies", "Creator"),
    "konnect.role.api-publisher": _role("APIs", "Publisher"),
    "konnect.role.api-registration-approver": _role("APIs", "Registration Approver"),
    "konnect.portal.user-authentication": Clicks(
        {LEFT_UNDONE: _portal(authentication_enabled=False)}, _portal(authentication_enabled=True)
    ),
    "konnect.developer.approved": Clicks(
        {LEFT_UNDONE: _developer("pending"), "rejected": _developer("rejected")}, _developer("approved")
    ),
    "konnect.provider.issuer": Clicks(
        {
            LEFT_UNDONE: _provider_issuer(lambda url: url.rpartition("/.well-known")[0]),
            "other-path": _provider_issuer(lambda url: url.replace("oauth-anonymous", "oauth-token")),
            "domain-alone": _provider_issuer(lambda url: url.partition("/oauth/")[0]),
        },
        _provider_issuer(lambda url: url),
    ),
    "konnect.provider.type": Clicks({LEFT_UNDONE: _other_provider_type}, _no_other_provider_type),
    "konnect.provider.initial-client-id": Clicks(
        {LEFT_UNDONE: _provider(dcr_config={"initial_client_id": "another-client"})},
        lambda world: _provider(dcr_config={"initial_client_id": world.registrar[0]})(world),
    ),
    "konnect.provider.initial-client-secret": Clicks(
        {LEFT_UNDONE: _provider(dcr_config={"initial_client_secret": "mistyped in the form"})},
        lambda world: _provider(dcr_config={"initial_client_secret": world.registrar[1]})(world),
    ),
    "konnect.strategy.auth-type": Clicks({LEFT_UNDONE: _key_auth}, _no_key_auth),
    "konnect.strategy.dcr-provider": Clicks({LEFT_UNDONE: _no_provider}, _own_provider),
    "konnect.strategy.issuer": Clicks(
        {
            LEFT_UNDONE: _strategy_issuer(lambda url: url.replace("oauth-anonymous", "oauth-token")),
            "domain-alone": _strategy_issuer(lambda url: url.partition("/oauth/")[0]),
        },
        _strategy_issuer(lambda url: url),
    ),
    "konnect.strategy.claim": Clicks(
        {
            LEFT_UNDONE: _strategy(credential_claim=[]),
            "client_id": _strategy(credential_claim=["client_id"]),
            "azp": _strategy(credential_claim=["azp"]),
        },
        _strategy(credential_claim=["sub"]),
    ),
    "konnect.strategy.scopes": Clicks(
        {LEFT_UNDONE: _strategy(scopes=["accounts:write"]), "dcr": _strategy(scopes=["dcr"])}, _strategy(scopes=[])
    ),
    "konnect.strategy.auth-methods": Clicks(
        {
            LEFT_UNDONE: _strategy(auth_methods=["bearer", "session"]),
            "no-bearer": _strategy(auth_methods=["client_credentials", "session"]),
            "no-session": _strategy(auth_methods=["client_credentials", "bearer"]),
            "password": _strategy(auth_methods=["password", "client_credentials", "bearer", "session"]),
        },
        _strategy(auth_methods=["client_credentials", "bearer", "session"]),
    ),
    "konnect.strategy.hide-credentials": Clicks(
        {LEFT_UNDONE: _strategy(hide_credentials=False)}, _strategy_without("hide_credentials")
    ),
    "konnect.strategy.requirements": Clicks(
        {
            LEFT_UNDONE: _strategy(audience_required=["https://accounts.example.com"]),
            "scopes": _strategy(scopes_required=["accounts:read"]),
        },
        _strategy_without("audience_required", "scopes_required"),
    ),
    "konnect.publication.api": Clicks({LEFT_UNDONE: _unpublish}, _publish(with_strategy=True)),
    "konnect.publication.strategy": Clicks(
        {LEFT_UNDONE: _publish(with_strategy=False), "another": _another_strategy}, _own_strategy
    ),
    "konnect.implementation.linked": Clicks(
        {
            LEFT_UNDONE: _unlink,
            "another-service": _link_to_another_service,
            "another-control-plane": _link_to_another_control_plane,
            "control-plane": _link_to_the_control_plane,
        },
        _link_as_the_how_to_needs_it,
    ),
    "konnect.registration.approved": Clicks({LEFT_UNDONE: _approves_applications(False)}, _approves_applications(True)),
    "portal.application-setup.provider": Clicks(
        {LEFT_UNDONE: _application_setup(lambda form: replace(form, provider=None))},
        _application_setup_done("provider"),
    ),
    "portal.application-setup.issuer": Clicks(
        {
            LEFT_UNDONE: _application_setup(
                lambda form: replace(form, issuer_url=form.issuer_url.rpartition("/.well-known")[0])
            )
        },
        _application_setup_done("issuer_url"),
    ),
    "portal.application-setup.token": Clicks(
        {LEFT_UNDONE: _application_setup(lambda form: replace(form, token="mistyped in the form"))},
        _application_setup_done("token"),
    ),
    "portal.application-setup.claims": Clicks(
        {
            LEFT_UNDONE: _application_setup(lambda form: replace(form, claims=())),
            "client_id": _application_setup(lambda form: replace(form, claims=("client_id",))),
        },
        _application_setup_done("claims"),
    ),
    "portal.application-setup.scopes": Clicks(
        {LEFT_UNDONE: _application_setup(lambda form: replace(form, scopes=("accounts:write",)))},
        _application_setup_done("scopes"),
    ),
    "curity.metadata.cache-duration": Clicks(
        {LEFT_UNDONE: _kept_metadata(on_the_way=False), "proxy": _kept_metadata(on_the_way=True)}, _metadata_of_now
    ),
    "gateway.data-plane.version": Clicks({LEFT_UNDONE: _old_node}, _new_node),
    "gateway.data-plane.clock": Clicks({LEFT_UNDONE: _wrong_clock(-60.0), "fast": _wrong_clock(900.0)}, _right_clock),
    "gateway.data-plane.keys": Clicks(
        {LEFT_UNDONE: _stale_keys(*DATA_PLANES), "one-node": _stale_keys(DATA_PLANES[-1])}, _fresh_keys
    ),
}


STEPS: Mapping[str, tuple[str, ...]] = {
    **{step: tuple(changes) for step, changes in CURITY.items()},
    **{step: tuple(views) for step, views in VIEWS.items()},
    **{step: tuple(clicks.undo) for step, clicks in CLICKS.items()},
}
"""Each step that can be left undone, with its variants, the one without a name first."""

CLASSIC = tuple(step for step in CLICKS if step.startswith("portal.application-setup."))
"""The steps in the classic portal's own form."""


class UnknownStep(ValueError):
    """There is no such step, or it has no such variant; the text says which there are."""


class NotHere(ValueError):
    """These mocks cannot show that step left undone; the text says why."""


def variants(step: str) -> tuple[str, ...]:
    """The variants of a step, the one without a name first. Raises UnknownStep."""
    if step not in STEPS:
        raise UnknownStep(f"{step}: no step that can be left undone; they are {', '.join(STEPS)}")
    return STEPS[step]


def check(step: str, variant: str | None) -> str:
    """The name of the variant to apply. Raises UnknownStep."""
    known = variants(step)
    if variant is None:
        return known[0]
    if variant not in known[1:]:
        raise UnknownStep(f"{step}={variant}: no such variant; it has {', '.join(known[1:]) or 'none'}")
    return variant
