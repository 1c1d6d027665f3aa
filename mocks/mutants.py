"""Products that break one rule each: for every check a target on which it must be red.

A mutant is a plausible wrong product, not a trick on a check: it changes what a party of a world does, never what is
asked of it. Some of what a check looks for is seen only behind another party that would have stopped it; such a mutant
takes that party's guard away as well, and says so. Set-up steps that are left undone (steps.py) are mutants of their
own, and not repeated here.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from dcrproof.mocks import mutants_curity, mutants_gateway, mutants_konnect
from dcrproof.mocks.breaking import Act, Mutant, entering, overriding
from dcrproof.mocks.breaking import answers as _answers
from dcrproof.mocks.breaking import changed as _with
from dcrproof.mocks.breaking import override as _override
from dcrproof.mocks.curity.clients import DynamicClient
from dcrproof.mocks.curity.configuration import Client, ClientManagement, RegistrationToken, digest
from dcrproof.mocks.curity.errors import Refused as RefusedByCurity
from dcrproof.mocks.curity.tokens import SigningKey
from dcrproof.mocks.data_plane import Application
from dcrproof.mocks.gateway.credentials import BearerToken, read_basic
from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.gateway.tokens import Jwt
from dcrproof.mocks.gateway.verdicts import Admitted, Refused
from dcrproof.mocks.keys import rsa_key
from dcrproof.mocks.konnect.problems import conflict, forbidden
from dcrproof.mocks.wire import Call, Calls, NoAnswer, Request, Response

if TYPE_CHECKING:
    from dcrproof.mocks.world import World

_mutants: dict[str, Mutant] = {**mutants_curity.MUTANTS, **mutants_gateway.MUTANTS, **mutants_konnect.MUTANTS}
MUTANTS: Mapping[str, Mutant] = _mutants
"""By name: `PARTY.what-it-does-wrong`."""

_mutant = entering(_mutants)
_curity = overriding(_mutants, lambda world: [world.curity])
_konnect = overriding(_mutants, lambda world: [world.konnect])
_nodes = overriding(_mutants, lambda world: world.data_planes)


def _sends_upstream(world: "World", change: Callable[[Request, Call], Call]) -> None:
    """Changes what both nodes send to the upstream on behalf of a request."""
    upstream = world.start.addresses["upstream"]

    def sending(request: Request, calls: Calls) -> Calls:
        answer: Response | NoAnswer | None = None
        while True:
            try:
                call = next(calls) if answer is None else calls.send(answer)
            except StopIteration as stop:
                response: Response = stop.value
                return response
            answer = yield change(request, call) if call.url.startswith(upstream) else call

    def handle(face: Callable[[Request], Response | Calls], request: Request) -> Response | Calls:
        outcome = face(request)
        return outcome if isinstance(outcome, Response) else sending(request, outcome)

    for port in ("gateway", "gateway-2"):
        world.faces[port] = partial(handle, world.faces[port])


Verdict: TypeAlias = Admitted | Refused


def _judges(node: DataPlane, change: Callable[[Request, Verdict], Verdict]) -> None:
    """Changes a node's verdict on a request."""
    admit = node.admit

    def judge(service: Any, request: Request) -> Generator[Call, Response | NoAnswer, Verdict]:
        return change(request, (yield from admit(service, request)))

    _override(node, admit=judge)


def _basic(request: Request) -> str:
    """The request's Authorization header where its scheme is Basic, else an empty text."""
    value = request.header("authorization") or ""
    return value if value.lower().startswith("basic") else ""


def _claims(world: "World", change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Changes the claims of every access token."""
    claims = world.curity.access_token_claims
    _override(world.curity, access_token_claims=lambda client, scope: change(claims(client, scope)))


def _management(world: "World", change: Callable[[ClientManagement], ClientManagement]) -> None:
    """Changes the settings of dynamic client management."""
    configuration = world.curity.configuration
    dynamic = configuration.dynamic_client_registration
    if dynamic is not None and dynamic.client_management is not None:
        dynamic = replace(dynamic, client_management=change(dynamic.client_management))
    world.curity.configuration = replace(configuration, dynamic_client_registration=dynamic)


# Curity: metadata and keys


@_mutant("curity.names-no-keys", "The metadata names where the keys are (jwks_uri).")
def _names_no_keys(world: "World") -> None:
    metadata = world.curity.metadata
    _override(world.curity, metadata=lambda: {name: url for name, url in metadata().items() if name != "jwks_uri"})


@_mutant("curity.registers-at-another-host", "Every endpoint has the host of the base URL.")
def _registers_at_another_host(world: "World") -> None:
    metadata = world.curity.metadata
    _override(
        world.curity,
        metadata=lambda: {**metadata(), "registration_endpoint": "https://idsvr.localhost:8443/register"},
    )


_curity("curity.serves-no-keys", "The keys that sign tokens are served.", jwks=lambda: {"keys": []})


@_mutant("curity.publishes-private-keys", "Of a key only the public members are published.")
def _publishes_private_keys(world: "World") -> None:
    curity = world.curity

    def jwks() -> dict[str, Any]:
        keys = curity.published_keys()
        return {"keys": [{**key.public_jwk, "d": key.key.as_dict(private=True)["d"]} for key in keys]}

    _override(curity, jwks=jwks)


# Curity: clients and tokens


_curity(
    "curity.accepts-any-secret",
    "A client authenticates with its own secret, and with no other.",
    accepts_secret=lambda *_: True,
)


@_mutant("curity.grants-nothing-to-registered-clients", "A registered client has the capabilities that it was granted.")
def _grants_nothing_to_registered_clients(world: "World") -> None:
    has = world.curity.has_capability
    _override(
        world.curity,
        has_capability=lambda client, name: not isinstance(client, DynamicClient) and has(client, name),
    )


@_mutant("curity.spells-bearer-with-a-capital", "The token type is spelled `bearer`.")
def _spells_bearer_with_a_capital(world: "World") -> None:
    grant = world.curity.grant
    _override(world.curity, grant=lambda *arguments: {**grant(*arguments), "token_type": "Bearer"})


@_mutant("curity.signs-with-an-unpublished-key", "Tokens are signed with a published key.")
def _signs_with_an_unpublished_key(world: "World") -> None:
    curity = world.curity

    def sign(claims: Mapping[str, Any]) -> str:
        key = SigningKey(curity.signing_key.kid, rsa_key(1))
        return key.sign(claims, key.header)

    _override(curity, sign=sign)


@_mutant("curity.types-its-tokens", "A token's header has no typ.")
def _types_its_tokens(world: "World") -> None:
    curity = world.curity
    _override(
        curity, sign=lambda claims: curity.signing_key.sign(claims, {**curity.signing_key.header, "typ": "at+jwt"})
    )


@_mutant("curity.issues-under-another-name", "iss is the issuer of the metadata. (The gateway does not mind.)")
def _issues_under_another_name(world: "World") -> None:
    _claims(world, lambda claims: {**claims, "iss": f"{claims['iss']}/"})
    for node in world.data_planes:
        _override(node, issuer_is_expected=lambda *_: True)


@_mutant("curity.leaves-out-aud", "A token has an audience.")
def _leaves_out_aud(world: "World") -> None:
    _claims(world, lambda claims: {name: value for name, value in claims.items() if name != "aud"})


@_mutant("curity.post-dates-tokens", "A token is valid from the moment of its issue. (The gateway does not mind.)")
def _post_dates_tokens(world: "World") -> None:
    _claims(world, lambda claims: {**claims, "iat": claims["iat"] + 60, "nbf": claims["nbf"] + 60})
    for node in world.data_planes:
        _override(node, is_issued_already=lambda *_: True, is_valid_already=lambda *_: True)


@_mutant("curity.repeats-jti", "Each token has a jti of its own.")
def _repeats_jti(world: "World") -> None:
    _claims(world, lambda claims: {**claims, "jti": "1"})


@_mutant("curity.grants-more-than-asked", "A token has the scopes that were asked for, and no others.")
def _grants_more_than_asked(world: "World") -> None:
    _claims(world, lambda claims: {**claims, "scope": " ".join(world.curity.configuration.scopes)})


@_mutant("curity.leaves-out-purpose", "The purpose of an access token is access_token.")
def _leaves_out_purpose(world: "World") -> None:
    _claims(world, lambda claims: {name: value for name, value in claims.items() if name != "purpose"})


# Curity: registration


_curity(
    "curity.registers-without-token",
    "A registration needs an initial access token.",
    registration_is_open=lambda *_: True,
)


_curity(
    "curity.registers-with-any-token", "An initial access token has the scope dcr.", is_initial_token=lambda *_: True
)


_curity(
    "curity.reuses-initial-tokens",
    "An initial access token serves for one registration.",
    consume_initial_token=lambda *_: None,
)


@_mutant("curity.registers-clients-without-grants", "A client is granted what it asked for, where it is allowed.")
def _registers_clients_without_grants(world: "World") -> None:
    grant = world.curity.grant_metadata
    _override(world.curity, grant_metadata=lambda *arguments: replace(grant(*arguments), grant_types=()))


@_mutant("curity.refuses-grants-that-are-not-allowed", "A grant that is not allowed is left out silently.")
def _refuses_grants_that_are_not_allowed(world: "World") -> None:
    grant = world.curity.grant_metadata

    def refuse(bounds: Any, document: Any) -> Any:
        granted = grant(bounds, document)
        if len(granted.grant_types) < len(document["grant_types"]):
            raise RefusedByCurity("invalid_client_metadata", "A grant type is not allowed.")
        return granted

    _override(world.curity, grant_metadata=refuse)


# Curity: management of registrations


def _refuse_management(*_: object) -> None:
    raise RefusedByCurity("insufficient_scope", "The registration access token does not allow it.")


_curity("curity.shows-no-registration", "A registration can be read with its token.", read=_refuse_management)


_curity("curity.updates-no-registration", "A registration can be updated with its token.", update=_refuse_management)


_curity("curity.deletes-no-registration", "A registration can be deleted with its token.", delete=_refuse_management)


_curity("curity.keeps-deleted-clients", "With its registration a client is gone.", delete=lambda *_: None)


@_mutant("curity.keeps-secrets", "A read and an update rotate the secret.")
def _keeps_secrets(world: "World") -> None:
    def keep(client: DynamicClient) -> tuple[DynamicClient, str]:
        secret = f"for ever {client.id}"
        return replace(client, secret_digest=digest(secret)), secret

    _override(world.curity, rotate_secret=keep)


@_mutant("curity.keeps-registration-tokens", "A read and an update rotate the registration access token.")
def _keeps_registration_tokens(world: "World") -> None:
    _management(world, lambda management: replace(management, registration_token=RegistrationToken(reuse=True)))


@_mutant("curity.shows-a-secret-that-it-does-not-take", "After a rotation the new secret is the client's secret.")
def _shows_a_secret_that_it_does_not_take(world: "World") -> None:
    rotate = world.curity.rotate_secret

    def show(client: DynamicClient) -> tuple[DynamicClient, str | None]:
        rotated, secret = rotate(client)
        return (rotated if client.secret_digest is None else client), secret

    _override(world.curity, rotate_secret=show)


@_mutant("curity.takes-old-secrets", "After a rotation the old secret is void (rotated-secret-ttl: 0).")
def _takes_old_secrets(world: "World") -> None:
    _management(world, lambda management: replace(management, rotated_secret_ttl=3600))


_curity(
    "curity.takes-any-registration-token",
    "A registration is managed with its newest token, and with no other.",
    is_registration_token=lambda *_: True,
)


# Konnect: the admin API


_konnect("konnect.refuses-its-own-token", "Konnect takes the token that it has issued.", admits=lambda _: False)


@_mutant("konnect.has-no-such-portal", "The organisation has the portal that the profile names.")
def _has_no_such_portal(world: "World") -> None:
    world.konnect.patch_portal(world.standing.portal_id, {"name": "another portal"})


@_mutant("konnect.has-no-such-api", "The organisation has the API that the profile names.")
def _has_no_such_api(world: "World") -> None:
    world.konnect.patch_api(world.standing.api_id, {"name": "another API"})


@_mutant("konnect.has-no-such-strategy", "The organisation has the auth strategy that the profile names.")
def _has_no_such_strategy(world: "World") -> None:
    world.konnect.patch_strategy(world.standing.strategy_id, {"name": "another strategy"})


@_mutant("konnect.shows-provider-secrets", "The secret of a DCR provider is write-only.")
def _shows_provider_secrets(world: "World") -> None:
    konnect, create = world.konnect, world.konnect.create_provider

    def show(provider: Any) -> Any:
        shown = replace(provider, config={**provider.config, **provider.secrets})
        konnect.providers[shown.id] = shown
        return shown

    show(konnect.providers[world.standing.provider_id])
    _override(konnect, create_provider=lambda body: show(create(body)))


_konnect(
    "konnect.calls-no-provider-active",
    "A provider is active while an active strategy uses it.",
    provider_is_active=lambda _: False,
)


_konnect(
    "konnect.calls-every-provider-active",
    "A provider that no strategy uses is not active.",
    provider_is_active=lambda _: True,
)


_konnect(
    "konnect.calls-no-strategy-active",
    "A strategy is active while a publication uses it.",
    strategy_is_active=lambda _: False,
)


@_mutant("konnect.takes-passwords", "The strategy does not list `password` beside client credentials.")
def _takes_passwords(world: "World") -> None:
    methods = ["client_credentials", "bearer", "session", "password"]
    world.konnect.patch_strategy(world.standing.strategy_id, {"configs": {"openid-connect": {"auth_methods": methods}}})


@_mutant("konnect.cannot-push", "Konnect pushes the strategy to the control plane.")
def _cannot_push(world: "World") -> None:
    never = {"configs": {"openid-connect": {"timeout": "soon"}}}
    world.konnect.patch_strategy(world.standing.strategy_id, never)


@_mutant("konnect.forgets-the-plugin", "On a linked service whose API has a strategy Konnect keeps its plugin.")
def _forgets_the_plugin(world: "World") -> None:
    def change(request: Request, response: Response) -> Response:
        return _with(response, lambda _: {"data": []}) if request.path.endswith("/plugins") else response

    _answers(world, "konnect", change)


@_mutant("konnect.sees-no-node", "A data plane that is connected is listed.")
def _sees_no_node(world: "World") -> None:
    world.konnect.nodes = list


def _forbid(*_: object) -> None:
    raise forbidden("The role for this is missing")


_konnect("konnect.makes-no-provider", "Whoever has the role may create a DCR provider.", create_provider=_forbid)


@_mutant("konnect.forgets-the-provider-of-a-strategy", "A new strategy has the DCR provider that it names.")
def _forgets_the_provider_of_a_strategy(world: "World") -> None:
    create = world.konnect.create_strategy
    _override(world.konnect, create_strategy=lambda body: create({**body, "dcr_provider_id": None}))


_konnect("konnect.makes-no-portal", "Whoever has the role may create a portal.", create_portal=_forbid)


_konnect("konnect.makes-no-version", "An API can be given a version.", create_api_version=_forbid)


@_mutant("konnect.links-nothing", "An API can be linked to a gateway service that no other API is linked to.")
def _links_nothing(world: "World") -> None:
    def refuse(*_: object) -> None:
        raise conflict("This gateway service is already linked to another API")

    _override(world.konnect, create_implementation=refuse)


_konnect("konnect.publishes-nothing", "Whoever has the role may publish an API.", publish=_forbid)


@_mutant("konnect.ignores-unknown-properties", "A property that is not known is refused.")
def _ignores_unknown_properties(world: "World") -> None:
    patch, known = world.konnect.patch_provider, {"name", "display_name", "issuer", "dcr_config", "labels"}
    _override(
        world.konnect,
        patch_provider=lambda id_, body: patch(id_, {name: body[name] for name in body if name in known}),
    )


@_mutant("konnect.shows-admins-another-client-id", "Admins see the client id that the developer was shown.")
def _shows_admins_another_client_id(world: "World") -> None:
    def change(request: Request, response: Response) -> Response:
        if request.method != "GET" or not request.path.startswith("/v3/applications/"):
            return response
        return _with(response, lambda content: {**content, "client_id": content["id"]})

    _answers(world, "konnect", change)


# Konnect: the DCR driver


@_mutant("konnect.registers-every-client-twice", "An application has one client.")
def _registers_every_client_twice(world: "World") -> None:
    create = world.konnect.driver.create

    def twice(provider: Any, metadata: Any) -> Generator[Call, Any, Any]:
        yield from create(provider, metadata)
        return (yield from create(provider, metadata))

    _override(world.konnect.driver, create=twice)


@_mutant("konnect.keeps-nothing-to-manage-clients", "Konnect can give the client of an application a new secret.")
def _keeps_nothing_to_manage_clients(world: "World") -> None:
    driver = world.konnect.driver
    driver.switches = replace(driver.switches, management="nothing")


@_mutant("konnect.renames-clients", "A rename does not touch the client, whose secret Curity would rotate.")
def _renames_clients(world: "World") -> None:
    driver = world.konnect.driver
    driver.switches = replace(driver.switches, rename_updates_client=True)


@_mutant("konnect.leaves-clients-behind", "With its application a client is deleted.")
def _leaves_clients_behind(world: "World") -> None:
    def leave(*_: object) -> Generator[Call, Any, None]:
        yield from ()

    _override(world.konnect.driver, delete=leave)


@_mutant("konnect.deletes-clients-of-revoked-registrations", "A revocation is the gateway's: the client lives on.")
def _deletes_clients_of_revoked_registrations(world: "World") -> None:
    konnect, patch = world.konnect, world.konnect.patch_registration

    def delete(*arguments: Any) -> Any:
        changed = patch(*arguments)
        application = konnect.applications[changed.application_id]
        if changed.status == "revoked" and application.client_id and application.client_registration:
            world.curity.delete(application.client_id, application.client_registration.access_token)
        return changed

    _override(konnect, patch_registration=delete)


_konnect(
    "konnect.pushes-pending-registrations",
    "Only an approved registration lets through.",
    lets_through=lambda registration: registration.status in {"approved", "pending"},
)


@_mutant("konnect.revokes-for-ever", "A registration that is approved again lets through.")
def _revokes_for_ever(world: "World") -> None:
    revoked: set[str] = set()

    def lets_through(registration: Any) -> bool:
        if registration.status == "revoked":
            revoked.add(registration.id)
        return registration.status == "approved" and registration.id not in revoked

    _override(world.konnect, lets_through=lets_through)


# The portal


@_mutant("portal.takes-any-password", "A developer signs in with the password of the account.")
def _takes_any_password(world: "World") -> None:
    _override(world.konnect.accounts, password_matches=lambda *_: True)


@_mutant("portal.needs-no-session", "Applications are shown to the developer who is signed in.")
def _needs_no_session(world: "World") -> None:
    face, konnect, standing = world.faces["portal"], world.konnect, world.standing

    def handle(request: Request) -> Response | Calls:
        """A request without a session is taken for one of the first developer's."""
        if request.header("cookie") is None:
            developer, portal = konnect.developers[standing.developer_id], konnect.portals[standing.portal_id]
            token = konnect.accounts.sign_in(developer, portal).access_token
            request = replace(request, headers=(*request.headers, ("cookie", f"portalaccesstoken={token}")))
        return face(request)

    world.faces["portal"] = handle


_konnect("portal.hides-public-apis", "A public API is shown to everybody.", api_is_visible=lambda *_: False)


@_mutant("portal.keeps-the-secret", "The secret of a new application is shown to its developer.")
def _keeps_the_secret(world: "World") -> None:
    create = world.konnect.create_application

    def keep(*arguments: Any) -> Generator[Call, Any, Any]:
        made, _ = yield from create(*arguments)
        return made, None

    _override(world.konnect, create_application=keep)


@_mutant("portal.shows-another-secret", "The secret that is shown is the client's.")
def _shows_another_secret(world: "World") -> None:
    create = world.konnect.create_application

    def show(*arguments: Any) -> Generator[Call, Any, Any]:
        made, secret = yield from create(*arguments)
        return made, secret and secret[::-1]

    _override(world.konnect, create_application=show)


@_mutant("portal.shows-the-secret-again", "The secret is shown once.")
def _shows_the_secret_again(world: "World") -> None:
    secrets: dict[str, str] = {}

    def change(request: Request, response: Response) -> Response:
        if (request.method, request.path, response.status) == ("POST", "/api/v3/applications", 201):
            made = response.json()
            secrets[made["id"]] = made["client_secret"]
        id_ = request.path.rpartition("/applications/")[2]
        if request.method == "GET" and id_ in secrets:
            return _with(response, lambda content: {**content, "client_secret": secrets[id_]})
        return response

    _answers(world, "portal", change)


@_mutant("portal.calls-credentials-self-managed", "Through DCR the type of an application is client_credentials.")
def _calls_credentials_self_managed(world: "World") -> None:
    def change(request: Request, response: Response) -> Response:
        if (request.method, request.path, response.status) != ("POST", "/api/v3/applications", 201):
            return response
        kind = {"credential_type": "self_managed_client_credentials"}
        return _with(response, lambda content: {**content, "auth_strategy": {**content["auth_strategy"], **kind}})

    _answers(world, "portal", change)


_konnect(
    "portal.registers-for-no-api",
    "An application is registered for an API with its own strategy.",
    strategy_fits=lambda *_: False,
)


@_mutant("portal.registers-twice", "For each API an application has one registration.")
def _registers_twice(world: "World") -> None:
    konnect, register = world.konnect, world.konnect.register

    def again(application: Any, api_id: str, status: str | None = None) -> Any:
        return konnect.registration_for(application.id, api_id) or register(application, api_id, status)

    _override(konnect, register=again)


@_mutant("portal.announces-another-secret", "The new secret that is shown is the client's.")
def _announces_another_secret(world: "World") -> None:
    regenerate = world.konnect.regenerate_secret

    def announce(application_id: str) -> Generator[Call, Any, tuple[str, str]]:
        client_id, secret = yield from regenerate(application_id)
        return client_id, secret[::-1]

    _override(world.konnect, regenerate_secret=announce)


@_mutant("portal.ignores-new-names", "An application can be renamed.")
def _ignores_new_names(world: "World") -> None:
    def ignore(application_id: str, _: object) -> Generator[Call, Any, Any]:
        yield from ()
        return world.konnect.applications[application_id]

    _override(world.konnect, update_application=ignore)


@_mutant("portal.keeps-deleted-applications", "An application that was deleted is gone.")
def _keeps_deleted_applications(world: "World") -> None:
    def keep(_: object) -> Generator[Call, Any, None]:
        yield from ()

    _override(world.konnect, delete_application=keep)


# The gateway: configuration and credentials


def _on_each_node(change: Callable[[DataPlane], None]) -> Act:
    def apply(world: "World") -> None:
        for node in world.data_planes:
            change(node)

    return apply


@_mutant("gateway.one-node-takes-no-configuration", "Every node takes the configuration that is pushed.")
def _one_node_takes_no_configuration(world: "World") -> None:
    _override(world.data_planes[-1], apply=lambda _: None)


_nodes("gateway.has-no-route", "The route of the service is served.", match=lambda _: None)


_nodes(
    "gateway.enforces-nothing",
    "Where a strategy is pushed, credentials are asked for.",
    is_enforced_for=lambda *_: False,
)


@_mutant("gateway.leaves-a-path-open", "Every path of a route is protected alike.")
@_on_each_node
def _leaves_a_path_open(node: DataPlane) -> None:
    enforced = node.is_enforced_for
    _override(
        node,
        is_enforced_for=lambda plugin, request: not request.path.endswith("/second") and enforced(plugin, request),
    )


@_mutant("gateway.takes-no-basic", "Basic credentials are looked for where the strategy lists client_credentials.")
@_on_each_node
def _takes_no_basic(node: DataPlane) -> None:
    find = node.find_credential
    _override(node, find_credential=lambda plugin, request: None if _basic(request) else find(plugin, request))


@_mutant("gateway.takes-no-bearer", "Bearer tokens are looked for where the strategy lists bearer.")
@_on_each_node
def _takes_no_bearer(node: DataPlane) -> None:
    find = node.find_credential

    def look(*arguments: Any) -> Any:
        found = find(*arguments)
        return None if isinstance(found, BearerToken) else found

    _override(node, find_credential=look)


@_mutant("gateway.takes-plain-basic", "The pair of a Basic header is base64.")
@_on_each_node
def _takes_plain_basic(node: DataPlane) -> None:
    node.switches = replace(node.switches, literal_basic=True)


@_mutant("gateway.fails-on-broken-basic", "A header that cannot be decoded is no credential, and no error.")
@_on_each_node
def _fails_on_broken_basic(node: DataPlane) -> None:
    def change(request: Request, verdict: Verdict) -> Verdict:
        broken = _basic(request) and read_basic(_basic(request)) is None
        return Refused(500, "An unexpected error occurred", challenge=False) if broken else verdict

    _judges(node, change)


@_mutant("gateway.opens-when-curity-refuses", "A pair that the authorization server refuses is refused.")
@_on_each_node
def _opens_when_curity_refuses(node: DataPlane) -> None:
    _judges(node, lambda request, verdict: Admitted() if isinstance(verdict, Refused) and _basic(request) else verdict)


@_mutant("gateway.locks-out-after-a-wrong-secret", "A wrong secret does not keep the right one out.")
@_on_each_node
def _locks_out_after_a_wrong_secret(node: DataPlane) -> None:
    locked: dict[bytes, Refused] = {}

    def change(request: Request, verdict: Verdict) -> Verdict:
        client_id, _ = read_basic(_basic(request)) or (b"", b"")
        if client_id and isinstance(verdict, Refused):
            locked[client_id] = verdict
        return locked.get(client_id, verdict)

    _judges(node, change)


@_mutant("gateway.caches-by-client-id-alone", "A cached token is found by the id and the secret.")
@_on_each_node
def _caches_by_client_id_alone(node: DataPlane) -> None:
    key = node.token_cache_key
    _override(
        node, token_cache_key=lambda service, plugin, pair: key(service, plugin, replace(pair, secret=b"any secret"))
    )


_nodes("gateway.caches-no-token", "A token is cached until it expires.", cached_token=lambda *_: None)


# The gateway: tokens


_nodes(
    "gateway.verifies-no-signature",
    "A token's signature must verify with a published key.",
    signature_matches=lambda *_: True,
)


_nodes(
    "gateway.trusts-the-key-id",
    "A token's signature must verify with the key that its key id names.",
    signature_matches=lambda _, keys: bool(keys),
)


@_mutant("gateway.trusts-unknown-key-ids", "A token of a key that is not published is refused.")
@_on_each_node
def _trusts_unknown_key_ids(node: DataPlane) -> None:
    matches = node.signature_matches
    _override(node, signature_matches=lambda jwt, keys: not keys or matches(jwt, keys))


@_mutant("gateway.takes-unsigned-tokens", "A token with alg none is refused.")
@_on_each_node
def _takes_unsigned_tokens(node: DataPlane) -> None:
    accepts, matches = node.accepts_algorithm, node.signature_matches
    _override(
        node,
        accepts_algorithm=lambda algorithm: algorithm.lower() == "none" or accepts(algorithm),
        signature_matches=lambda jwt, keys: jwt.algorithm.lower() == "none" or matches(jwt, keys),
    )


@_mutant("gateway.takes-the-public-key-for-a-secret", "An HMAC is no signature of a token.")
@_on_each_node
def _takes_the_public_key_for_a_secret(node: DataPlane) -> None:
    accepts, matches = node.accepts_algorithm, node.signature_matches

    def is_hmac(jwt: Jwt, key: Any) -> bool:
        made = hmac.new(key.as_pem(private=False), jwt.signing_input, hashlib.sha256).digest()
        return hmac.compare_digest(made, jwt.signature)

    def signature_matches(jwt: Jwt, keys: Any) -> bool:
        return any(is_hmac(jwt, key) for key in keys) if jwt.algorithm == "HS256" else matches(jwt, keys)

    _override(
        node,
        accepts_algorithm=lambda algorithm: algorithm == "HS256" or accepts(algorithm),
        signature_matches=signature_matches,
    )


_nodes(
    "gateway.takes-expired-tokens", "A token is refused from the second of its exp on.", is_not_expired=lambda *_: True
)


@_mutant("gateway.opens-for-opaque-tokens", "A bearer token that is no JWT is refused.")
@_on_each_node
def _opens_for_opaque_tokens(node: DataPlane) -> None:
    def change(request: Request, verdict: Verdict) -> Verdict:
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        opaque = scheme == "Bearer" and token.count(".") != 2
        return Admitted() if opaque and isinstance(verdict, Refused) else verdict

    _judges(node, change)


_nodes(
    "gateway.never-looks-for-new-keys",
    "A key id that is not known is looked for again.",
    may_discover=lambda _, issuer: issuer.provider is None,
)


# The gateway: sessions


_nodes("gateway.sets-no-session", "An accepted call is answered with a session.", session_cookies=lambda *_: ())


@_mutant("gateway.shows-the-session-to-scripts", "The session cookie is HttpOnly.")
@_on_each_node
def _shows_the_session_to_scripts(node: DataPlane) -> None:
    cookies = node.session_cookies
    _override(node, session_cookies=lambda *given: tuple(one.replace("; HttpOnly", "") for one in cookies(*given)))


_nodes("gateway.opens-no-session", "The session cookie alone is a credential.", open_session=lambda *_: None)


@_mutant("gateway.opens-broken-sessions", "A session cookie that was changed does not open.")
@_on_each_node
def _opens_broken_sessions(node: DataPlane) -> None:
    open_session, last = node.open_session, []

    def reopen(plugin: Any, request: Request) -> Any:
        """A cookie that does not open gets the last session that did."""
        opened = open_session(plugin, request)
        if opened is not None:
            last.append(opened)
        return last[-1] if last and request.header("cookie") else None

    _override(node, open_session=reopen)


# The gateway: applications


_nodes(
    "gateway.lets-every-client-through",
    "A client that is no portal application is refused.",
    authorise=lambda *_: Application("any", "any", "any", ()),
)


_nodes(
    "gateway.asks-for-no-registration",
    "An application needs an approved registration for the API.",
    is_approved=lambda *_: True,
)


@_mutant("gateway.one-node-asks-for-no-registration", "Every node asks for an approved registration.")
def _one_node_asks_for_no_registration(world: "World") -> None:
    _override(world.data_planes[-1], is_approved=lambda *_: True)


@_mutant("gateway.remembers-deleted-applications", "What is no longer pushed is forgotten.")
@_on_each_node
def _remembers_deleted_applications(node: DataPlane) -> None:
    find, known = node.application_of, {}

    def remember(service: Any, client_id: str | None) -> Any:
        found = find(service, client_id)
        if found is not None:
            known[client_id] = found
        return known.get(client_id)

    _override(node, application_of=remember)


# The gateway: what goes upstream


_nodes(
    "gateway.sends-no-token-upstream", "The upstream receives the access token.", upstream_token_header=lambda *_: None
)


@_mutant("gateway.sends-an-old-token-upstream", "The upstream receives the token of the call, not an earlier one.")
@_on_each_node
def _sends_an_old_token_upstream(node: DataPlane) -> None:
    first: dict[str, str] = {}

    def header(_: object, token: Jwt) -> tuple[str, str]:
        return "authorization", f"Bearer {first.setdefault(token.claims['sub'], token.text)}"

    _override(node, upstream_token_header=header)


@_mutant("gateway.sends-a-broken-token-upstream", "The upstream receives the token as it was issued.")
@_on_each_node
def _sends_a_broken_token_upstream(node: DataPlane) -> None:
    signature = base64.urlsafe_b64encode(bytes(256)).rstrip(b"=").decode()
    _override(
        node,
        upstream_token_header=lambda _, token: ("authorization", f"Bearer {token.text.rpartition('.')[0]}.{signature}"),
    )


@_mutant("gateway.sends-its-own-token-upstream", "The token that goes upstream is the caller's.")
def _sends_its_own_token_upstream(world: "World") -> None:
    claims = world.curity.access_token_claims(Client("the gateway itself"), "openid")
    token = world.curity.format_access_token(claims)
    for node in world.data_planes:
        _override(node, upstream_token_header=lambda *_: ("authorization", f"Bearer {token}"))


@_mutant("gateway.sends-credentials-upstream", "The caller's own credentials do not go upstream.")
def _sends_credentials_upstream(world: "World") -> None:
    def change(request: Request, call: Call) -> Call:
        return replace(call, headers=(*call.headers, ("x-original-authorization", _basic(request))))

    _sends_upstream(world, change)


@_mutant("gateway.sends-sessions-without-token", "With a session, too, the upstream receives the access token.")
def _sends_sessions_without_token(world: "World") -> None:
    def change(request: Request, call: Call) -> Call:
        if request.header("cookie") is None:
            return call
        return replace(call, headers=tuple(pair for pair in call.headers if pair[0] != "authorization"))

    _sends_upstream(world, change)
