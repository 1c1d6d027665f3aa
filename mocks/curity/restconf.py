"""The committed configuration as RESTCONF shows it to a user who may only read.

The tree is JSON by RFC 7951: a name carries its module where that differs from its parent's, an `empty` leaf is
`[null]`, a presence container is an object, and what has its default is left out. `authorization-server` and what is
below it belong to the OAuth module, all else to the base module (github.com/curityio/mcp-authorization-secured-api,
idsvr/curity-config.xml). The URLs are composed from these names; no source shows an answer.
"""

import base64
import binascii
import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from typing import Any, TypeAlias
from urllib.parse import unquote

from dcrproof.mocks.curity import restconf_xml
from dcrproof.mocks.curity.configuration import Configuration
from dcrproof.mocks.curity.settings import (
    AuthenticateClientBy,
    AuthenticateUserBy,
    Client,
    ClientManagement,
    CustomTokenIssuer,
    DataSource,
    DefaultTokenIssuer,
    DynamicClientRegistration,
    MutualTls,
    NonTemplatized,
    Template,
)
from dcrproof.mocks.curity.state import Curity
from dcrproof.mocks.messages import Pairs, Request, Response, json_response

ROOT = "/admin/api/restconf"
MEDIA_TYPE = "application/yang-data+json"
PROFILE_ID = "token-service"

Tree: TypeAlias = dict[str, Any]

EMPTY = [None]
"""The value of a leaf of type `empty` that is set."""

# Lists by name, each with the leaves that are its key, in order.
KEYS = {
    "profile": ("id", "type"),
    "custom-token-issuer": ("id", "issuer-type", "purpose-type"),
    "client": ("id",),
    "endpoint": ("id",),
    "service-role": ("id",),
    "signing-key": ("id",),
    "signature-verification-key": ("id",),
    "data-source": ("id",),
}


def hashed(client: Client) -> str:
    """A secret as it is read back: in the form of a salted hash, which does not reveal the secret."""
    salt = hashlib.sha256(client.id.encode()).hexdigest()[:16]
    value = hashlib.sha256(f"{salt}${client.secret}".encode("utf-8", "surrogatepass")).digest()
    return f"$5${salt}${urlsafe_b64encode(value).rstrip(b'=').decode()}"


def _set(**leaves: Any) -> Tree:
    """Nodes whose value is None are not set; `_` in a name stands for `-`."""
    return {name.replace("_", "-"): value for name, value in leaves.items() if value is not None}


def _flags(names: frozenset[str]) -> Tree:
    return dict.fromkeys(sorted(names), EMPTY)


def _unless_default(value: Any, default: Any) -> Any:
    return None if value == default else value


def _client(client: Client) -> Tree:
    node = _set(
        id=client.id,
        enabled=_unless_default(client.enabled, True),
        scope=list(client.scopes) or None,
        audience=list(client.audience) or None,
        access_token_ttl=_unless_default(client.access_token_ttl, Client.access_token_ttl),
        secret=hashed(client) if client.authentication_method == "secret" and client.secret is not None else None,
        capabilities=_flags(client.capabilities),
        dynamic_client_registration_template=client.template and _template(client.template),
        signed_userinfo=client.userinfo_token_issuer and {"userinfo-token-issuer": client.userinfo_token_issuer},
    )
    return node if client.authentication_method == "secret" else node | {client.authentication_method: EMPTY}


def _template(template: Template) -> Tree:
    """The container holds the secret of instances: a credential-manager, or nothing more than that it is one."""
    return _set(
        secret={},
        authenticate_client_by=list(template.authenticate_client_by) or None,
        authenticate_user_by=list(template.authenticate_user_by) or None,
    )


def _token_issuer(issuer: CustomTokenIssuer) -> Tree:
    jwt = _set(signing_key_id=issuer.signing_key_id, verification_keystore_id=issuer.verification_keystore_id)
    return _set(
        id=issuer.id,
        issuer_type=issuer.issuer_type,
        purpose_type=issuer.purpose_type,
        data_sources=_set(tokens_data_source_id=issuer.tokens_data_source_id) or None,
        jwt=jwt or None,
    )


def _data_source(source: DataSource) -> Tree:
    """The container of its plugin is in that plugin's own module (k8s/curity/configmap.yaml of the sample that
    configuration.py names); the module's name is inferred. Connection string and password are encrypted, and not shown.
    """
    return {"id": source.id, f"{source.type}:{source.type}": _set(driver=source.driver)}


def _non_templatized(non_templatized: NonTemplatized) -> Tree:
    node = _set(
        capabilities=_flags(non_templatized.capabilities),
        scopes={"all": EMPTY} if non_templatized.scopes is None else {"scope": sorted(non_templatized.scopes)},
        authenticators={"all": EMPTY},
        client_authentication_method=_flags(non_templatized.client_authentication_method - {"secret"}),
        user_consent={} if non_templatized.user_consent else None,
    )
    if "secret" in non_templatized.client_authentication_method:
        node["client-authentication-method"]["secret"] = {}  # a container: it may hold a credential-manager
    match non_templatized.authentication:
        case AuthenticateClientBy(clients):
            node["authenticate-client-by"] = list(clients)
        case AuthenticateUserBy(clients):
            node["authenticate-user-by"] = list(clients)
        case MutualTls(by_proxy):
            node["mutual-tls-by-proxy" if by_proxy else "mutual-tls"] = {}
        case _:
            node["no-authentication"] = EMPTY
    return node


def _client_management(management: ClientManagement) -> Tree:
    default = ClientManagement()
    token = management.registration_token
    registration_token = _set(
        ttl=_unless_default(token.ttl, default.registration_token.ttl),
        read_write_ttl=_unless_default(token.read_write_ttl, default.registration_token.read_write_ttl),
        reuse=_unless_default(token.reuse, default.registration_token.reuse),
    )
    return _set(
        registration_token=registration_token or None,
        rotated_secret_ttl=_unless_default(management.rotated_secret_ttl, default.rotated_secret_ttl),
        management_clients=list(management.management_clients) or None,
    )


def _dynamic_client_registration(dynamic: DynamicClientRegistration) -> Tree:
    return _set(
        client_data_source=dynamic.client_data_source,
        templatized={} if dynamic.templatized else None,
        non_templatized=dynamic.non_templatized and _non_templatized(dynamic.non_templatized),
        client_management=dynamic.client_management and _client_management(dynamic.client_management),
    )


def _exposed(configuration: Configuration) -> Tree:
    """Which endpoint the metadata name where there are several of a kind, and how long they may be kept."""
    return {
        f"{endpoint.kind.removeprefix('oauth-')}-endpoint": {"endpoint": endpoint.id}
        for endpoint in configuration.endpoints
        if endpoint.id in configuration.published_endpoints
    } | _set(
        cache_duration=_unless_default(configuration.metadata_cache_duration, Configuration.metadata_cache_duration)
    )


def _authorization_server(configuration: Configuration) -> Tree:
    dynamic = configuration.dynamic_client_registration
    exposed = _exposed(configuration)
    openid = exposed | _set(jwks_uri_override=configuration.jwks_uri_override)
    return _set(
        issuer_override=configuration.issuer_override,
        client_capabilities=_flags(configuration.client_capabilities),
        client_authentication=None if configuration.basic_and_form_post else {"basic-and-form-post": False},
        client_store={"config-backed": _set(client=[_client(client) for client in configuration.clients] or None)},
        openid_connect=_set(expose_metadata=openid if configuration.openid_connect_expose_metadata else None),
        expose_metadata=exposed if configuration.expose_metadata else None,
        dynamic_client_registration=dynamic and _dynamic_client_registration(dynamic),
        scopes={"scope": [{"id": scope} for scope in configuration.scopes]},
    )


def tree(configuration: Configuration, base_url: str) -> Tree:
    """The configuration below /data."""
    default_issuer = configuration.default_token_issuer
    token_issuers = {
        "default-token-issuer": _set(
            default_data_source=default_issuer.default_data_source,
            access_token_as_jwt=EMPTY if default_issuer.access_token_as_jwt else None,
            use_wrapped_opaque_tokens=EMPTY if default_issuer.use_wrapped_opaque_tokens else None,
            jwt_issuer_settings=_set(
                algorithm=_unless_default(default_issuer.algorithm, DefaultTokenIssuer.algorithm),
                signing_key_id=default_issuer.signing_key_id,
            ),
        )
    } | _set(custom_token_issuer=[_token_issuer(issuer) for issuer in configuration.custom_token_issuers] or None)
    profile = _set(
        id=PROFILE_ID,
        type="profile-oauth:oauth-service",
        expose_detailed_error_messages=configuration.expose_detailed_error_messages or None,
        endpoints={
            "endpoint": [
                {"id": endpoint.id, "uri": endpoint.uri, "endpoint-kind": endpoint.kind}
                for endpoint in configuration.endpoints
            ]
        },
        token_issuers=token_issuers,
        settings={"profile-oauth:authorization-server": _authorization_server(configuration)},
    )
    service_roles = [
        {"id": role.id, "endpoints": [one.id for one in configuration.endpoints if one.id in role.endpoints]}
        for role in configuration.service_roles
    ]
    return {
        "base:profiles": {"profile": [profile]},
        "base:environments": {"environment": {"base-url": base_url, "services": {"service-role": service_roles}}},
        "base:facilities": {
            "crypto": {
                "signing-keys": {"signing-key": [{"id": key} for key in configuration.signing_keys]},
                "signature-verification-keys": {
                    "signature-verification-key": [{"id": key} for key in configuration.signature_verification_keys]
                },
            },
            "data-sources": {"data-source": [_data_source(source) for source in configuration.data_sources]},
        },
    }


def _child(node: Any, module: str | None, segment: str) -> tuple[str, str, Any] | None:
    """The node below `node` (of that module) that a path segment names: its module, its name, its value."""
    identifier, _, keys = segment.partition("=")
    prefix, colon, name = unquote(identifier).rpartition(":")
    child_module = prefix if colon else module
    if child_module is None or not isinstance(node, dict):
        return None
    value = node.get(name if child_module == module else f"{child_module}:{name}")
    if "=" in segment:
        wanted = [unquote(key) for key in keys.split(",")]
        entries = value if name in KEYS and isinstance(value, list) else []
        value = next((entry for entry in entries if _has_key(entry, name, wanted)), None)
    return None if value is None else (child_module, name, value)


def _has_key(entry: Tree, name: str, wanted: list[str]) -> bool:
    """An identity may be named without its module, as in `profile=token-service,oauth-service`."""
    key = [str(entry[leaf]) for leaf in KEYS[name]]
    return len(key) == len(wanted) and all(
        value == want or (leaf == "type" and value.rpartition(":")[2] == want)
        for leaf, value, want in zip(KEYS[name], key, wanted, strict=True)
    )


def _pruned(node: Any, depth: int | None) -> Any:
    """The node with `depth` levels of nodes, itself being the first; None is all. RFC 8040 4.8.2."""
    if depth is None:
        return node
    if isinstance(node, dict):
        return {name: _pruned(child, depth - 1) for name, child in node.items()} if depth > 1 else {}
    if isinstance(node, list) and node and isinstance(node[0], dict):
        return [_pruned(entry, depth) for entry in node]
    return node


VERSION = "2016-06-21"
RESOURCES: dict[str, Tree] = {
    "": {"ietf-restconf:restconf": {"data": {}, "operations": {}, "yang-library-version": VERSION}},
    "/operations": {"ietf-restconf:operations": {}},
    "/yang-library-version": {"ietf-restconf:yang-library-version": VERSION},
}
"""What RFC 8040 3.3 has beside the data."""


class Restconf:
    """RESTCONF below `ROOT`, in JSON, or in XML where only that is accepted."""

    def __init__(self, curity: Curity) -> None:
        self.curity = curity

    def handle(self, request: Request) -> Response:
        if not self.is_admin(request.header("authorization")):
            challenge = (("www-authenticate", 'Basic realm="restconf"'),)
            return _error(401, "protocol", "access-denied", "The user could not be authenticated.", challenge)
        if request.method not in {"GET", "HEAD"}:
            return _error(403, "protocol", "access-denied", "The user may only read.")
        accepted = _accepted(request.header("accept") or "*/*")
        if accepted is None:
            offered = f"{MEDIA_TYPE} and {restconf_xml.MEDIA_TYPE}"
            return _error(406, "protocol", "invalid-value", f"{offered} are offered.")
        return self._read((request.raw_path or request.path).partition("?")[0].removeprefix(ROOT), request, accepted)

    def is_admin(self, authorization: str | None) -> bool:
        """HTTP Basic, in UTF-8. Users and passwords compare in constant time."""
        scheme, _, value = (authorization or "").partition(" ")
        try:
            given = base64.b64decode(value.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        expected = ":".join(self.curity.admin).encode()
        return scheme.lower() == "basic" and hmac.compare_digest(given, expected)

    def configuration(self) -> Tree:
        """The committed configuration, without uncommitted edits."""
        return tree(self.curity.configuration, self.curity.base_url)

    def _read(self, path: str, request: Request, media_type: str) -> Response:
        parameters = dict(request.parameters)
        depth, content = parameters.pop("depth", "unbounded"), parameters.pop("content", "all")
        levels = int(depth) if re.fullmatch("[1-9][0-9]{0,4}", depth) else None
        if parameters or content not in {"all", "config", "nonconfig"} or (depth != "unbounded" and levels is None):
            return _error(400, "protocol", "invalid-value", "A query parameter is not valid.")
        if path in RESOURCES:
            return json_response(200, RESOURCES[path], media_type=MEDIA_TYPE)
        if path != "/data" and not path.startswith("/data/"):
            return _missing()
        node: Any = {} if content == "nonconfig" else self.configuration()
        module, name, keyed = None, "data", False
        for segment in path.split("/")[2:]:
            found = _child(node, module, segment)
            if found is None:
                return _missing()
            module, name, node = found
            keyed = "=" in segment
        # An entry that is addressed by its key is shown in a list: RFC 7951 5.4.
        shown = _pruned([node] if keyed else node, levels)
        full_name = f"{module or 'ietf-restconf'}:{name}"
        if media_type == MEDIA_TYPE:
            return json_response(200, {full_name: shown}, media_type=MEDIA_TYPE)
        document = restconf_xml.document(full_name, shown)
        if document is None:
            return _error(400, "application", "invalid-value", "An XML document has one root.")
        return Response(200, (("content-type", media_type),), document)


def _accepted(accept: str) -> str | None:
    """The first media type of those asked for that is offered; weights are ignored."""
    for one in accept.split(","):
        asked = one.partition(";")[0].strip().lower()
        if asked in {MEDIA_TYPE, restconf_xml.MEDIA_TYPE}:
            return asked
        if asked in {"application/*", "*/*"}:
            return MEDIA_TYPE
    return None


def _missing() -> Response:
    """A node that is not set is 404 (inferred, rather than an empty answer)."""
    return _error(404, "application", "invalid-value", "uri keypath not found")


def _error(status: int, kind: str, tag: str, message: str, headers: Pairs = ()) -> Response:
    error = {"error-type": kind, "error-tag": tag, "error-message": message}
    return json_response(status, {"ietf-restconf:errors": {"error": [error]}}, headers, MEDIA_TYPE)
