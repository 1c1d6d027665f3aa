"""Mock Curity beyond the how-to: templates, users, nodes, sessions of administrators, XML, and what fails."""

import base64
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcrproof.mocks.clock import Clock
from dcrproof.mocks.curity.configuration import Configuration
from dcrproof.mocks.curity.errors import CommitRejected, OAuthRefusal
from dcrproof.mocks.curity.http import CurityHttp, CurityNodes
from dcrproof.mocks.curity.restconf import tree
from dcrproof.mocks.curity.restconf_xml import NAMESPACES, document
from dcrproof.mocks.curity.settings import (
    HSQLDB,
    AuthenticateUserBy,
    Client,
    CustomTokenIssuer,
    DataSource,
    Endpoint,
    MutualTls,
    ServiceRole,
    Template,
)
from dcrproof.mocks.curity.setup import how_to_configuration
from dcrproof.mocks.curity.state import Curity
from dcrproof.mocks.messages import Request, Response, perform

BASE = "https://idsvr.example"
REGISTER = "/token-service/oauth-registration"
REGISTRAR = ("konnect-registrar", "a secret")
ADMIN = ("admin", "password")
CC = frozenset({"client-credentials"})
METADATA = {"grant_types": ["client_credentials"]}


def configured(**changes: Any) -> Configuration:
    return replace(how_to_configuration(REGISTRAR, ("introspector", "another secret")), **changes)


def curity(configuration: Configuration | None = None) -> Curity:
    return Curity(clock=Clock(), seed=1, base_url=BASE, configuration=configuration or configured(), admin=ADMIN)


def send(served: Any, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return perform(served.handle(Request(method, path, path, "", pairs, body)), answer=NotImplemented)


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


def initial_token(one: Curity, registrar: tuple[str, str] = REGISTRAR) -> str:
    value: str = one.grant(one.authenticate(*registrar), "client_credentials", "dcr")["access_token"]
    return value


def refusal(act: Any, *arguments: Any) -> str:
    with pytest.raises(OAuthRefusal) as refused:
        act(*arguments)
    return refused.value.error


# Templates

TEMPLATE = Client(
    "mobile-app",
    "template's secret",
    capabilities=CC,
    scopes=("email",),
    access_token_ttl=60,
    audience=("https://api",),
)


def with_template(template: Template, *, non_templatized: bool = True) -> Configuration:
    configuration = configured()
    dynamic = configuration.dynamic_client_registration
    assert dynamic is not None
    return replace(
        configuration,
        clients=(
            *configuration.clients,
            replace(TEMPLATE, template=template),
            Client("app-registrar", "s", capabilities=CC),
        ),
        dynamic_client_registration=replace(
            dynamic, templatized=True, non_templatized=dynamic.non_templatized if non_templatized else None
        ),
    )


def test_an_instance_has_what_its_template_has_and_nothing_that_the_request_says() -> None:
    one = curity(with_template(Template(authenticate_client_by=("app-registrar",))))
    token = initial_token(one, ("app-registrar", "s"))
    members = one.register(token, {"software_id": "mobile-app", "scope": "openid", "access_token_ttl": 9999})
    assert (members["scope"], members["access_token_ttl"]) == ("email", 60)
    assert members["grant_types"] == ["client_credentials"]
    client = one.authenticate(members["client_id"], members["client_secret"])
    assert one.access_token_claims(client, "")["aud"] == "https://api"
    assert one.dynamic_clients[0].instance_of == "mobile-app"


def test_who_may_register_is_set_for_each_template_and_once_for_all_others() -> None:
    one = curity(with_template(Template(authenticate_client_by=("app-registrar",))))
    assert refusal(one.register, initial_token(one), {"software_id": "mobile-app"}) == "insufficient_scope"
    assert refusal(one.register, initial_token(one, ("app-registrar", "s")), METADATA) == "insufficient_scope"
    assert one.register(initial_token(one), METADATA)["client_id"]


def test_a_software_id_that_names_no_template_is_an_innocent_text() -> None:
    one = curity(with_template(Template(authenticate_client_by=("app-registrar",))))
    for innocent in ("weather", "konnect-registrar", 7, None, ["mobile-app"]):
        assert one.configuration.template(innocent) is None
    assert one.register(initial_token(one), METADATA | {"software_id": "weather"})["software_id"] == "weather"


def test_with_templates_alone_any_other_body_is_refused() -> None:
    one = curity(with_template(Template(authenticate_client_by=("app-registrar",)), non_templatized=False))
    assert refusal(one.register, initial_token(one, ("app-registrar", "s")), METADATA) == "invalid_client_metadata"
    assert refusal(one.grant, one.authenticate(*REGISTRAR), "client_credentials", "dcr") == "invalid_scope"
    assert one.register(initial_token(one, ("app-registrar", "s")), {"software_id": "mobile-app"})["client_secret"]


def test_a_template_has_a_secret() -> None:
    with pytest.raises(CommitRejected, match="mobile-app"):
        configured(clients=(replace(TEMPLATE, authentication_method="mutual-tls", template=Template()),))


def test_an_instance_is_managed_like_any_other_and_stays_one() -> None:
    one = curity(with_template(Template(authenticate_client_by=("app-registrar",))))
    made = one.register(initial_token(one, ("app-registrar", "s")), {"software_id": "mobile-app"})
    id_, token = made["client_id"], made["registration_access_token"]
    updated = one.update(id_, token, {"client_id": id_, "scope": "openid"})
    assert updated["scope"] == "email"
    assert updated["client_secret"] != made["client_secret"]
    one.delete(id_, updated["registration_access_token"])
    assert one.dynamic_clients == ()


# How the registrar is authenticated


def with_authentication(authentication: Any, **changes: Any) -> Configuration:
    configuration = configured(**changes)
    dynamic = configuration.dynamic_client_registration
    assert dynamic is not None
    assert dynamic.non_templatized is not None
    non_templatized = replace(dynamic.non_templatized, authentication=authentication)
    return replace(configuration, dynamic_client_registration=replace(dynamic, non_templatized=non_templatized))


@pytest.mark.parametrize("by_proxy", [False, True])
def test_mutual_tls_refuses_whoever_shows_no_certificate(by_proxy: bool) -> None:
    one = curity(with_authentication(MutualTls(by_proxy=by_proxy)))
    answer = send(CurityHttp(one), "POST", REGISTER, json.dumps(METADATA).encode(), x_ssl_cert="a certificate")
    assert (answer.status, answer.json()) == (401, {"error": "invalid_client"})
    assert refusal(one.grant, one.authenticate(*REGISTRAR), "client_credentials", "dcr") == "invalid_scope"
    shown = tree(one.configuration, BASE)["base:profiles"]["profile"][0]["settings"][
        "profile-oauth:authorization-server"
    ]
    name = "mutual-tls-by-proxy" if by_proxy else "mutual-tls"
    assert name in shown["dynamic-client-registration"]["non-templatized"]


CODE = frozenset({"client-credentials", "introspection", "code"})


def test_a_user_who_logs_in_may_register_where_the_profile_says_so() -> None:
    portal = Client("portal", "s", capabilities=frozenset({"code"}), scopes=("openid",))
    clients = (*configured().clients, portal)
    one = curity(with_authentication(AuthenticateUserBy(("portal",)), client_capabilities=CODE, clients=clients))
    assert refusal(one.register, one.log_in("portal", "johndoe", "openid"), METADATA) == "insufficient_scope"
    token = one.log_in("portal", "johndoe", "dcr")
    assert one.register(token, METADATA)["client_id"]
    assert refusal(one.register, token, METADATA) == "invalid_token"
    assert refusal(one.log_in, REGISTRAR[0], "johndoe", "dcr") == "unauthorized_client"


# Userinfo

ISSUER = CustomTokenIssuer("userinfo", "jwt", "userinfo", signing_key_id="default-signing-key")


def with_users(issuer: str | None) -> Curity:
    portal = Client("portal", "s", capabilities=frozenset({"code"}), scopes=("openid",), userinfo_token_issuer=issuer)
    return curity(configured(client_capabilities=CODE, clients=(portal,), custom_token_issuers=(ISSUER,)))


def test_userinfo_is_json_and_a_signed_jwt_where_the_client_names_an_issuer_for_it() -> None:
    path = "/oauth/v2/oauth-userinfo"
    for issuer, media_type in ((None, "application/json"), ("userinfo", "application/jwt")):
        one = with_users(issuer)
        token = one.log_in("portal", "johndoe", "openid")
        answer = send(CurityHttp(one), "GET", path, authorization=f"Bearer {token}")
        assert (answer.status, answer.header("content-type")) == (200, media_type)
        part = answer.body if issuer is None else base64.urlsafe_b64decode(answer.body.split(b".")[1] + b"==")
        assert json.loads(part)["sub"] == "johndoe"
    assert refusal(one.userinfo, one.log_in("portal", "johndoe", "")) == "insufficient_scope"
    assert refusal(one.userinfo, None) == "invalid_token"


def test_an_issuer_that_a_client_names_must_be_there() -> None:
    with pytest.raises(CommitRejected, match="another"):
        with_users("another")


def test_a_registered_client_gets_signed_userinfo_only_where_the_switch_says_so() -> None:
    one = curity()
    asked = METADATA | {"userinfo_signed_response_alg": "RS256"}
    assert refusal(one.register, initial_token(one), asked) == "invalid_client_metadata"
    one.switches = replace(one.switches, registered_clients_may_have_signed_userinfo=True)
    assert one.register(initial_token(one), asked)["userinfo_signed_response_alg"] == "RS256"
    one.configuration = replace(one.configuration, custom_token_issuers=())
    assert refusal(one.register, initial_token(one), asked) == "invalid_client_metadata"


# Endpoints and nodes

SECOND = Endpoint("second-registration", "oauth-dynamic-client-registration", "/register")


def with_two_endpoints(published: tuple[str, ...]) -> Curity:
    endpoints = (*configured().endpoints, SECOND)
    role = ServiceRole("default", frozenset(endpoint.id for endpoint in endpoints))
    return curity(configured(endpoints=endpoints, service_roles=(role,), published_endpoints=published))


def test_of_two_registration_endpoints_the_metadata_must_be_told_which_to_name() -> None:
    assert "registration_endpoint" not in with_two_endpoints(()).metadata()
    one = with_two_endpoints((SECOND.id,))
    assert one.metadata()["registration_endpoint"] == f"{BASE}/register"
    for path in ("/register", REGISTER):
        bearer = f"Bearer {initial_token(one)}"
        members = send(CurityHttp(one), "POST", path, json.dumps(METADATA).encode(), authorization=bearer).json()
        assert members["registration_client_uri"] == f"{BASE}{path}/{members['client_id']}"
    with pytest.raises(CommitRejected, match="third"):
        with_two_endpoints(("third",))


def test_nodes_take_turns_and_one_without_the_endpoint_is_missed_every_other_time() -> None:
    first = configured().service_roles[0]
    second = ServiceRole("second", frozenset(id for id in first.endpoints if "registration" not in id))
    one = curity(configured(service_roles=(first, second)))
    nodes = CurityNodes(one)
    assert [send(nodes, "POST", REGISTER).status for _ in range(4)] == [401, 404, 401, 404]
    assert "registration_endpoint" in one.metadata()
    one.configuration = replace(one.configuration, service_roles=())
    assert send(nodes, "GET", "/oauth/v2/oauth-anonymous/jwks").status == 404


# The session of an administrator, and the lifetime of a document


def test_what_is_not_committed_is_in_force_nowhere_and_shown_to_nobody() -> None:
    one = curity(configured(dynamic_client_registration=None))
    before = tree(one.configuration, BASE)
    one.edit(configured())
    assert "registration_endpoint" not in one.metadata()
    assert CurityHttp(one).restconf.configuration() == before
    one.commit()
    assert "registration_endpoint" in one.metadata()
    one.commit()
    assert one.configuration == configured()


def test_metadata_may_be_switched_to_stay_for_the_cache_duration() -> None:
    one = curity(configured(dynamic_client_registration=None))
    one.switches = replace(one.switches, metadata_is_kept=True)
    assert "registration_endpoint" not in one.metadata()
    one.configuration = configured()
    one.clock.advance(590)
    assert "registration_endpoint" not in one.metadata()
    one.clock.advance(11)
    assert "registration_endpoint" in one.metadata()


# Data sources


def test_a_data_source_that_does_not_answer_fails_registration_and_registered_clients_alone() -> None:
    one = curity()
    made = one.register(initial_token(one), METADATA)
    token = initial_token(one)
    one.configuration = configured(data_sources=(DataSource("default-datasource", answers=False),))
    assert refusal(one.register, token, METADATA) == "server_error"
    assert refusal(one.authenticate, made["client_id"], made["client_secret"]) == "server_error"
    assert one.authenticate(*REGISTRAR)
    one.configuration = configured()
    assert one.register(token, METADATA)["client_id"]
    assert one.authenticate(made["client_id"], made["client_secret"])


def test_a_restart_wipes_what_is_in_memory() -> None:
    for in_memory in (False, True):
        source = DataSource("default-datasource", driver=HSQLDB) if in_memory else DataSource("default-datasource")
        one = curity(configured(data_sources=(source,)))
        made = one.register(initial_token(one), METADATA)
        token = initial_token(one)
        one.restart()
        assert (one.client(made["client_id"]) is None) is in_memory
        assert (one.access_token(token) is None) is in_memory


# RESTCONF as XML


def restconf(one: Curity, path: str, accept: str) -> Response:
    authorization = "Basic " + base64.b64encode(":".join(ADMIN).encode()).decode()
    return send(CurityHttp(one), "GET", f"/admin/api/restconf/data{path}", authorization=authorization, accept=accept)


OAUTH = "{https://curity.se/ns/conf/profile/oauth}"
PROFILE = "/base:profiles/profile=token-service,oauth-service"


def test_the_configuration_is_shown_as_xml_to_who_accepts_nothing_else() -> None:
    one = curity()
    path = f"{PROFILE}/settings/profile-oauth:authorization-server/dynamic-client-registration"
    answer = restconf(one, path, "application/yang-data+xml")
    assert (answer.status, answer.header("content-type")) == (200, "application/yang-data+xml")
    root = ET.fromstring(answer.body)  # noqa: S314 - our own mock wrote it
    assert root.tag == f"{OAUTH}dynamic-client-registration"
    assert root.findtext(f"{OAUTH}client-data-source") == "default-datasource"
    listed = root.findall(f"{OAUTH}non-templatized/{OAUTH}authenticate-client-by")
    assert [element.text for element in listed] == [REGISTRAR[0]]
    assert root.find(f"{OAUTH}client-management") is not None
    assert restconf(one, path, "application/yang-data+json, */*").header("content-type") == "application/yang-data+json"
    assert restconf(one, path, "text/html").status == 406


def test_an_identity_in_xml_has_the_prefix_of_its_module() -> None:
    answer = restconf(curity(), PROFILE, "application/yang-data+xml")
    assert b'<type xmlns:as="https://curity.se/ns/conf/profile/oauth">as:oauth-service</type>' in answer.body


def test_an_xml_document_has_one_root() -> None:
    path = f"{PROFILE}/settings/profile-oauth:authorization-server/client-store/config-backed/client"
    assert restconf(curity(), path, "application/yang-data+xml").status == 400
    assert restconf(curity(), path, "application/yang-data+json").status == 200
    assert restconf(curity(), f"{path}=konnect-registrar", "application/yang-data+xml").status == 200
    assert restconf(curity(), "", "application/yang-data+xml").status == 200


LEAF = st.one_of(
    st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1).filter(str.strip),
    st.booleans(),
    st.integers(),
    st.just([None]),
)
NAME = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
TREE = st.recursive(LEAF, lambda children: st.dictionaries(NAME, children, max_size=4), max_leaves=12)


@given(TREE)
def test_every_tree_is_an_xml_document_with_all_its_leaves(value: Any) -> None:
    content = document("base:root", value)
    assert content is not None
    _compare(ET.fromstring(content), value)  # noqa: S314 - as above


def _compare(element: ET.Element, value: Any) -> None:
    assert element.tag.startswith(f"{{{NAMESPACES['base']}}}")
    if isinstance(value, dict):
        assert [child.tag.rpartition("}")[2] for child in element] == list(value)
        for child, item in zip(element, value.values(), strict=True):
            _compare(child, item)
    elif value == [None]:
        assert (element.text, list(element)) == (None, [])
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        assert element.text == text


# Lifetimes of the registration access token


@given(days=st.integers(0, 400))
def test_a_registration_token_reads_for_28_days_and_deletes_for_365(days: int) -> None:
    one = curity()
    made = one.register(initial_token(one), METADATA)
    one.clock.advance(days * 86_400 + 1)
    id_, token = made["client_id"], made["registration_access_token"]
    if days < 28:
        assert one.read(id_, token)["client_secret"] != made["client_secret"]
        return
    assert refusal(one.read, id_, token) == ("insufficient_scope" if days < 365 else "invalid_token")
    if days < 365:
        one.delete(id_, token)
    else:
        assert refusal(one.delete, id_, token) == "invalid_token"


def test_a_secret_with_any_character_serves_in_basic_and_in_the_form() -> None:
    secret = "a:b%c+d e&f=g/ü€\N{SNOWMAN}"
    client = Client("id:with%+", secret, capabilities=CC)
    one = curity(configured(clients=(client,)))
    served, path = CurityHttp(one), "/oauth/v2/oauth-token"
    kind = "application/x-www-form-urlencoded"
    form = {"grant_type": "client_credentials"}
    by_basic = send(
        served, "POST", path, urlencode(form).encode(), content_type=kind, authorization=basic(client.id, secret)
    )
    both = form | {"client_id": client.id, "client_secret": secret}
    by_form = send(served, "POST", path, urlencode(both).encode(), content_type=kind)
    assert (by_basic.status, by_form.status) == (200, 200)
