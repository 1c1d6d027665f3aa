"""Konnect and the portal in detail: what they refuse, the form of their errors, and what they keep."""

from functools import partial
from urllib.parse import urlencode, urlsplit

from dcrproof.core.checks.check import Evidence, by_gate, check
from dcrproof.core.checks.outcomes import NotApplicable
from dcrproof.core.checks.sources import AAS, API_BUILDER, DCR, PORTAL_API, PORTAL_MANAGEMENT
from dcrproof.core.http.segments import segment
from dcrproof.core.parties.answers import whatever_the_status
from dcrproof.core.parties.konnect import inner, objects, problem
from dcrproof.core.parties.portal import session_of
from dcrproof.core.secrets.secret import Secret

PROBLEM = "application/problem+json"
NO_SUCH = "00000000-0000-4000-8000-000000000000"


def _is_problem(exchange):
    """Whether an error has the form that the documents give to all of them."""
    if exchange.media_type != PROBLEM:
        return False
    members = exchange.object()
    return members.get("status") == exchange.status and all(members.get(key) for key in ("title", "instance", "detail"))


def _rules(exchange):
    """The fields and rules that a refusal names."""
    entries = exchange.object().get("invalid_parameters")
    return (
        {(entry.get("field"), entry.get("rule")) for entry in entries if isinstance(entry, dict)} if entries else set()
    )


# The admin API


@check(
    "admin.wrong-token",
    "Konnect refuses a token that it did not issue",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_MANAGEMENT,),
    hostile=True,
    security=True,
)
def test_konnect_refuses_another_token(_dcr_admin, _dcr_expect):
    stranger = type(_dcr_admin)(_dcr_admin.http, _dcr_admin.url, Secret("kpat_dcrproof_wrong_on_purpose"))
    exchange = stranger.get("/v2/dcr-providers")
    _dcr_expect.that(exchange.status == 401, "401 to an unknown token", problem(exchange))


@check(
    "admin.problem-form",
    "An error of the admin API is application/problem+json with a trace for Kong support",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_errors_are_problems(_dcr_admin, _dcr_expect):
    exchange = _dcr_admin.get(f"/v2/dcr-providers/{NO_SUCH}")
    _dcr_expect.that(exchange.status == 404, "404 to a provider that does not exist", problem(exchange))
    _dcr_expect.that(_is_problem(exchange), f"{PROBLEM} with status, title, instance and detail", exchange.shape)


@check(
    "admin.unknown-filter",
    "An unknown filter of a list is refused, not ignored",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_MANAGEMENT,),
)
def test_unknown_filter_is_refused(_dcr_admin, _dcr_expect):
    exchange = _dcr_admin.get("/v2/dcr-providers?" + urlencode({"filter[no_such_field][eq]": "x"}))
    _dcr_expect.that(exchange.status == 400, "400 to an unknown filter", problem(exchange))


@check(
    "admin.bad-page",
    "A page number that is not a number is refused",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_MANAGEMENT,),
)
def test_bad_page_is_refused(_dcr_admin, _dcr_expect):
    exchange = _dcr_admin.get("/v2/dcr-providers?" + urlencode({"page[number]": "second"}))
    _dcr_expect.that(exchange.status == 400, "400 to a page that is not a number", problem(exchange))


@check(
    "admin.sorted",
    "A list is sorted as requested, ascending by default",
    evidence=Evidence.DOCUMENTED,
    references=("Konnect API Builder API v3, SortQuery",),
)
def test_lists_are_sorted(_dcr_admin, _dcr_own_objects, _dcr_expect):
    for sort, backwards in (("created_at", False), ("created_at desc", True)):
        exchange = _dcr_admin.get(f"/v3/portals?{urlencode({'sort': sort, 'page[size]': '100'})}")
        _dcr_expect.that(exchange.status == 200, f"200 to sort={sort}", problem(exchange))
        moments = [item.get("created_at") for item in exchange.object().get("data") or []]
        _dcr_expect.that(moments == sorted(moments, reverse=backwards), f"the order of {sort}", f"{moments}")


@check(
    "admin.unknown-sort",
    "Sorting by an unsupported attribute is refused",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_MANAGEMENT,),
)
def test_unknown_sort_is_refused(_dcr_admin, _dcr_expect):
    exchange = _dcr_admin.get("/v3/portals?sort=no_such_attribute")
    _dcr_expect.that(exchange.status == 400, "400 to an unknown attribute", problem(exchange))
    _dcr_expect.that(("sort", "enum") in _rules(exchange), "sort with the rule enum", f"{sorted(_rules(exchange))}")


@check(
    "admin.page-size",
    "The default number of objects on a page",
    evidence=Evidence.UNKNOWN,
    references=(PORTAL_MANAGEMENT,),
)
def test_default_size_of_a_page(_dcr_admin, _dcr_expect):
    exchange = _dcr_admin.get("/v3/portals")
    size = inner(exchange.object(), "meta", "page", "size")
    _dcr_expect.form(
        "konnect", "admin.page-size", size == 10, "10, as the examples have it", f"{size}", Evidence.UNKNOWN
    )


@check(
    "admin.unique-name",
    "Two portals cannot have the same name",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_MANAGEMENT,),
)
def test_names_of_portals(_dcr_admin, _dcr_own_objects, _dcr_portal_object, _dcr_expect):
    own = _dcr_own_objects.portal
    if own["id"] == _dcr_portal_object["id"]:
        raise NotApplicable("the flow uses the portal that this run has created: there is no other")
    path = f"/v3/portals/{segment(own['id'])}"
    exchange = _dcr_admin.patch(path, {"name": _dcr_portal_object["name"]})
    if exchange.status == 200:
        _dcr_admin.patch(path, {"name": own["name"]})
    _dcr_expect.that(exchange.status == 409, "409 to the name of another portal", problem(exchange))


@check(
    "admin.labels",
    "A label is returned as it was set, and null removes only that label",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_labels_are_merged(_dcr_admin, _dcr_own_objects, _dcr_expect):
    path = f"/v2/dcr-providers/{segment(_dcr_own_objects.provider['id'])}"
    _dcr_admin.patch(path, {"labels": {"stage": "test", "owner": "dcrproof"}})
    exchange = _dcr_admin.patch(path, {"labels": {"stage": None}})
    _dcr_expect.that(exchange.status == 200, "200 to new labels", problem(exchange))
    labels = exchange.object().get("labels")
    wanted = isinstance(labels, dict) and labels.get("owner") == "dcrproof" and "stage" not in labels
    _dcr_expect.that(wanted, "the label owner and no label stage", f"labels {labels!r}")


@check(
    "admin.provider-changed",
    "An update of a provider keeps what it does not name, and can set the secret alone",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_provider_is_changed_in_part(_dcr_admin, _dcr_registrar, _dcr_own_objects, _dcr_expect):
    held = _dcr_own_objects.provider
    path = f"/v2/dcr-providers/{segment(held['id'])}"
    secret = _dcr_registrar.secret.reveal()
    exchange = _dcr_admin.patch(path, {"display_name": "dcrproof", "dcr_config": {"initial_client_secret": secret}})
    _dcr_expect.that(exchange.status == 200, "200 to a new display name and the secret", problem(exchange))
    now, kept = exchange.object(), ("name", "issuer", "provider_type", "dcr_config")
    shown = now.get("display_name", "dcrproof")  # which Konnect may leave out (kongctl)
    _dcr_expect.that(shown == "dcrproof", "the new display name", f"{shown!r}")
    changed = [name for name in kept if now.get(name) != held.get(name)]
    _dcr_expect.that(not changed, f"the same {', '.join(kept)}", f"another {', '.join(changed)}")


@check(
    "admin.provider-type",
    "The type of a provider cannot be changed",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_provider_type_is_fixed(_dcr_admin, _dcr_own_objects, _dcr_expect):
    exchange = _dcr_admin.patch(
        f"/v2/dcr-providers/{segment(_dcr_own_objects.provider['id'])}", {"provider_type": "okta"}
    )
    _dcr_expect.that(exchange.status == 400, "400 to another provider_type", problem(exchange))


@check(
    "admin.linked-twice",
    "An API cannot be linked to the same gateway service twice",
    evidence=Evidence.DOCUMENTED,
    references=("Konnect API Builder API v3",),
    creates={"implementation": 1},
)
def test_second_link(_dcr_admin, _dcr_own_objects, _dcr_new_implementation, _dcr_expect):
    service = {name: _dcr_new_implementation["service"][name] for name in ("control_plane_id", "id")}
    path = f"/v3/apis/{segment(_dcr_own_objects.api['id'])}/implementations"
    exchange = _dcr_admin.post(path, {"service": service})
    _dcr_expect.that(exchange.status == 409, "409 to a second link", problem(exchange))


@check(
    "admin.unknown-link",
    "An API cannot be linked to a gateway service or a control plane that does not exist",
    evidence=Evidence.DOCUMENTED,
    references=(API_BUILDER,),
    creates={"API": 1, "implementation": 2},
)
def test_link_to_nothing(_dcr_admin, _dcr_creations, _dcr_mark, _dcr_expect):
    made = _dcr_creations.create("/v3/apis", {"name": f"{_dcr_mark} linked to nothing"})
    plane = {"control_plane_id": NO_SUCH}
    for body in ({"control_plane": plane}, {"service": {**plane, "id": NO_SUCH}}):
        (what,) = body
        exchange = _dcr_admin.post(f"/v3/apis/{segment(made['id'])}/implementations", body)
        _dcr_expect.that(exchange.status >= 400, f"a {what} that does not exist refused", problem(exchange))
        evidence = Evidence.DOCUMENTED if what == "service" else Evidence.INFERRED
        _dcr_expect.form("konnect", "admin.unknown-link", exchange.status == 400, "400", problem(exchange), evidence)


@check(
    "admin.registration",
    "An admin registers an application for an API once and removes the registration",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_MANAGEMENT,),
)
def test_registration_by_an_admin(_dcr_admin, _dcr_api, _dcr_foreign, _dcr_expect):
    application = f"/v3/portals/{segment(_dcr_foreign.portal_id)}/applications/{segment(_dcr_foreign.application_id)}"
    body = {"api_id": _dcr_api["id"], "status": "pending"}
    made = _dcr_admin.post(f"{application}/registrations", body)
    _dcr_expect.that(made.status == 201, "201 to a registration", problem(made))
    registration = f"{application}/registrations/{segment(str(made.object().get('id')))}"
    _dcr_expect.that(made.object().get("status") == "pending", "the requested status", problem(made))
    again = _dcr_admin.post(f"{application}/registrations", body)
    _dcr_expect.that(again.status == 409, "409 to a second one", problem(again))
    of_api = _dcr_admin.get(f"/v3/apis/{segment(_dcr_api['id'])}/registrations?page%5Bsize%5D=100")
    listed = [item.get("id") for item in objects(of_api.object().get("data"))]
    _dcr_expect.that(made.object()["id"] in listed, "the registration among those of its API", problem(of_api))
    gone = _dcr_admin.delete(registration)
    _dcr_expect.that(gone.status == 204, "204 to its end", problem(gone))
    after = _dcr_admin.get(registration)
    _dcr_expect.that(after.status == 404, "404 afterwards", problem(after))


@check(
    "admin.credentials",
    "An admin sees the ids of an application's credentials, but no secret",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_MANAGEMENT, DCR),
)
def test_credentials_for_admins(_dcr_admin, _dcr_foreign, _dcr_expect):
    application = f"/v3/portals/{segment(_dcr_foreign.portal_id)}/applications/{segment(_dcr_foreign.application_id)}"
    client_id = _dcr_admin.get(application).object().get("client_id")
    exchange = _dcr_admin.get(f"{application}/credentials")
    found = [(item.get("type"), item.get("client_id")) for item in exchange.object().get("data") or []]
    _dcr_expect.that(found == [("client_secret", client_id)], f"one client_secret of {client_id}", f"{found}")
    _dcr_expect.that('"client_secret":' not in exchange.text.replace(" ", ""), "no secret in it", "there is one")


@check(
    "admin.strategy-replaced",
    "Replacing a whole strategy is answered with 201",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_strategy_is_replaced(_dcr_admin, _dcr_own_objects, _dcr_expect):
    strategy = _dcr_own_objects.strategy
    body = {key: strategy[key] for key in ("name", "display_name", "strategy_type", "configs")}
    body["dcr_provider_id"] = _dcr_own_objects.provider["id"]
    path = f"/v2/application-auth-strategies/{segment(strategy['id'])}"
    exchange = _dcr_admin.put(path, body)
    _dcr_expect.that(exchange.status in {200, 201}, "a replaced strategy", problem(exchange))
    _dcr_expect.form(
        "konnect", "admin.strategy-replaced", exchange.status == 201, "201", problem(exchange), Evidence.DOCUMENTED
    )


@check(
    "admin.strategy-type",
    "The type of a strategy cannot be changed",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_strategy_type_is_fixed(_dcr_admin, _dcr_own_objects, _dcr_expect):
    path = f"/v2/application-auth-strategies/{segment(_dcr_own_objects.strategy['id'])}"
    exchange = _dcr_admin.patch(path, {"strategy_type": "key_auth"})
    _dcr_expect.that(exchange.status == 400, "400 to another strategy_type", problem(exchange))


@check(
    "admin.several-credentials",
    "A strategy with Curity does not offer several credentials for an application",
    evidence=Evidence.DOCUMENTED,
    references=(AAS, DCR),
)
def test_strategy_offers_one_credential(_dcr_admin, _dcr_own_objects, _dcr_expect):
    exchange = _dcr_admin.get(f"/v2/application-auth-strategies/{segment(_dcr_own_objects.strategy['id'])}")
    _dcr_expect.that(exchange.status == 200, "200 to the strategy", problem(exchange))
    offered = exchange.object().get("supports_multiple_credentials")
    # the page on DCR lists the providers that support them, and Curity is not among them
    _dcr_expect.form(
        "konnect",
        "admin.several-credentials",
        offered in {None, False},
        "supports_multiple_credentials false",
        f"supports_multiple_credentials {offered!r}",
        Evidence.INFERRED,
    )


@check(
    "admin.strategy-in-use",
    "A strategy of a published API cannot be deleted",
    evidence=Evidence.DOCUMENTED,
    references=(AAS,),
)
def test_strategy_in_use_stays(_dcr_admin, _dcr_own_objects, _dcr_expect):
    exchange = _dcr_admin.delete(f"/v2/application-auth-strategies/{segment(_dcr_own_objects.strategy['id'])}")
    _dcr_expect.that(exchange.status == 409, "409 to the deletion of a strategy in use", problem(exchange))


@check(
    "admin.provider-in-use",
    "How the deletion of a DCR provider that a strategy uses is handled",
    evidence=Evidence.UNKNOWN,
    references=(AAS,),
    creates={"DCR provider": 1, "auth strategy": 1},
)
def test_provider_in_use(_dcr_admin, _dcr_expendable_provider, _dcr_expect):
    exchange = _dcr_admin.delete(f"/v2/dcr-providers/{segment(_dcr_expendable_provider['id'])}")
    _dcr_expect.form(
        "konnect", "deletes_providers_in_use", exchange.status == 409, "409", problem(exchange), Evidence.UNKNOWN
    )


@by_gate
def test_admin_makes_an_application(_dcr_foreign, _dcr_admin, _dcr_expect):
    exchange = _dcr_admin.get(f"/v3/applications/{segment(_dcr_foreign.application_id)}")
    _dcr_expect.that("client_secret" not in exchange.object(), "no client_secret for admins", "there is one")


@check(
    "admin.client-id",
    "An admin cannot choose the client id of an application that is registered through DCR",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_MANAGEMENT,),
    creates={"application of another developer": 1},
)
def test_client_id_is_not_chosen(_dcr_admin, dcr_applications, _dcr_foreign, _dcr_expect):
    body = {
        "name": f"{dcr_applications.mark} with a client id",
        "owner": {"type": "developer", "id": _dcr_foreign.developer_id},
        "auth_strategy_id": dcr_applications.strategy_id,
        "client_id": "chosen-by-dcrproof",
    }
    exchange = _dcr_admin.post(f"/v3/portals/{segment(_dcr_foreign.portal_id)}/applications", body)
    _dcr_expect.that(exchange.status >= 400, "a client id beside DCR refused", problem(exchange))
    _dcr_expect.form("konnect", "admin.client-id", exchange.status == 400, "400", problem(exchange), Evidence.INFERRED)


@check(
    "admin.handed-over",
    "An admin hands an application over to another developer",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_MANAGEMENT,),
    creates={"developer": 2, "application of another developer": 1},
)
def test_application_is_handed_over(_dcr_admin, _dcr_foreigners, _dcr_expect):
    foreign, heir = _dcr_foreigners.make(), _dcr_foreigners.developer()
    path = f"/v3/portals/{segment(foreign.portal_id)}/applications/{segment(foreign.application_id)}"
    exchange = _dcr_admin.patch(path, {"owner": {"type": "developer", "id": heir}})
    _dcr_expect.that(exchange.status == 200, "200 to another owner", problem(exchange))
    for shown in (exchange, _dcr_admin.get(path)):
        owner = inner(shown.object(), "owner", "id")
        _dcr_expect.that(owner == heir, f"the owner {heir}", f"{owner} ({problem(shown)})")


@check(
    "admin.developer-deleted",
    "Deleting a developer deletes their applications",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_MANAGEMENT,),
    creates={"developer": 1, "application of another developer": 1},
)
def test_deletion_of_a_developer(_dcr_admin, _dcr_foreigners, _dcr_expect):
    foreign = _dcr_foreigners.make()
    exchange = _dcr_admin.delete(foreign.developer_path)
    _dcr_expect.that(exchange.status == 204, "204 to the deletion of a developer", problem(exchange))
    exchange = _dcr_admin.get(f"/v3/applications/{segment(foreign.application_id)}")
    _dcr_expect.that(exchange.status == 404, "404 to an application of a deleted developer", problem(exchange))


# The portal


@check(
    "developer.missing-field",
    "A sign-in without a password is refused as a bad request that names the field",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
)
def test_sign_in_without_password(_dcr_open_portal, _dcr_credentials, _dcr_expect):
    exchange = _dcr_open_portal.post("/developer/authenticate", {"username": _dcr_credentials[0]})
    _dcr_expect.that(exchange.status == 400, "400 to a sign-in without password", problem(exchange))
    named = {field for field, _ in _rules(exchange)}
    _dcr_expect.that("password" in named, "password among invalid_parameters", f"{sorted(named)}")


@check(
    "developer.cookie",
    "The session cookie is HttpOnly and Secure",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
    security=True,
)
def test_cookie_of_the_session(_dcr_target, _dcr_open_portal, _dcr_credentials, _dcr_expect):
    exchange = _dcr_open_portal.authenticate(*_dcr_credentials)
    _dcr_target.secrets.know(session_of(exchange) or "")
    (cookie,) = [one for one in exchange.headers_named("set-cookie") if one.startswith("portalaccesstoken=")] or [""]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    # over plain HTTP, to this machine, no client would send back a cookie that is Secure
    for name in ("httponly", "secure") if _dcr_open_portal.url.startswith("https:") else ("httponly",):
        _dcr_expect.that(name in attributes, name, f"{sorted(attributes)}")
    wanted = {"samesite=none", "path=/"}
    held = wanted <= attributes
    _dcr_expect.form(
        "portal", "cookie", held, " and ".join(sorted(wanted)), f"{sorted(attributes)}", Evidence.DOCUMENTED
    )
    refresh = [one for one in exchange.headers_named("set-cookie") if one.startswith("portalrefreshtoken=")]
    paths = [part.strip() for one in refresh for part in one.split(";") if part.strip().lower().startswith("path=")]
    covers = any("/api/v3/developer/refresh".startswith(path[len("path=") :]) for path in paths)
    _dcr_expect.form(
        "konnect",
        "refresh_cookie_reaches_its_endpoint",
        not covers,
        "a refresh cookie with the path /v2/refresh, which no cookie jar sends to the endpoint that takes it",
        " and ".join(paths) or "no refresh cookie with a path",
        Evidence.CONTRADICTED,
    )


@check(
    "developer.cookie-domain",
    "The session cookie is set for the portal's own host",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
)
def test_domain_of_the_cookie(_dcr_target, _dcr_open_portal, _dcr_portal_object, _dcr_credentials, _dcr_expect):
    exchange = _dcr_open_portal.authenticate(*_dcr_credentials)
    _dcr_target.secrets.know(session_of(exchange) or "")
    hosts = {urlsplit(_dcr_open_portal.url).hostname, str(_dcr_portal_object.get("canonical_domain")).partition(":")[0]}
    for cookie in exchange.headers_named("set-cookie"):
        name, *attributes = (part.strip() for part in cookie.split(";"))
        named = [
            value.lower().lstrip(".")
            for key, _, value in (one.partition("=") for one in attributes)
            if key.lower() == "domain"
        ]
        # without a Domain it goes to the host that has set it, with one to that and all below it (RFC 6265 5.1.3)
        covers = all(any(host == domain or str(host).endswith(f".{domain}") for host in hosts) for domain in named)
        _dcr_expect.that(
            covers,
            f"a cookie for {' or '.join(sorted(map(str, hosts)))}",
            f"{name.partition('=')[0]}: Domain={', '.join(named)}",
        )


@check(
    "developer.unknown-address",
    "A password reset does not reveal whether a developer exists",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
    security=True,
)
def test_forgotten_password_of_an_unknown_address(_dcr_creating, _dcr_open_portal, _dcr_expect):
    exchange = _dcr_open_portal.post("/developer/forgot-password", {"email": "nobody@dcrproof.example"})
    _dcr_expect.that(exchange.status == 200, "200 as for a developer", problem(exchange))


@check(
    "developer.signs-out",
    "A session is no longer accepted after sign-out",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
    security=True,
)
def test_sign_out_ends_the_session(_dcr_other_session, _dcr_expect):
    before = _dcr_other_session.get("/developer/me")
    _dcr_expect.that(before.status == 200, "200 to the developer before", problem(before))
    exchange = _dcr_other_session.post("/developer/logout")
    _dcr_expect.that(exchange.status == 204, "204 to the sign-out", problem(exchange))
    after = _dcr_other_session.get("/developer/me")
    _dcr_expect.that(after.status == 401, "401 to the session afterwards", problem(after))


@check(
    "portal.problem-form",
    "An error of the portal is application/problem+json with a trace",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
)
def test_errors_of_the_portal_are_problems(_dcr_developer, _dcr_expect):
    exchange = _dcr_developer.get(f"/applications/{NO_SUCH}")
    _dcr_expect.that(exchange.status == 404, "404 to an application that does not exist", problem(exchange))
    _dcr_expect.that(_is_problem(exchange), f"{PROBLEM} with status, title, instance and detail", exchange.shape)


@check(
    "application.unknown-property",
    "The portal refuses an unknown property and names it",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
    creates={"application": 1},
)
def test_unknown_property_of_an_application(dcr_applications, _dcr_new_application, _dcr_expect):
    exchange = dcr_applications.attempt("with a property too many", no_such_property=True)
    _dcr_expect.that(exchange.status == 400, "400 to an unknown property", problem(exchange))
    named = _rules(exchange)
    _dcr_expect.that(
        ("no_such_property", "unknown_property") in named, "no_such_property as unknown_property", f"{sorted(named)}"
    )


@check(
    "application.same-name",
    "A second application with the same name is refused",
    evidence=Evidence.INFERRED,
    references=(PORTAL_API,),
    creates={"application": 1},
)
def test_second_application_of_a_name(dcr_applications, _dcr_new_application, _dcr_expect):
    exchange = dcr_applications.attempt("application")
    _dcr_expect.form(
        "portal", "application.same-name", exchange.status == 409, "409", problem(exchange), Evidence.INFERRED
    )


@check(
    "application.of-another",
    "Another developer's application is not found",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
    security=True,
)
def test_application_of_another_developer(_dcr_developer, _dcr_foreign, _dcr_expect):
    exchange = _dcr_developer.get(f"/applications/{segment(_dcr_foreign.application_id)}")
    _dcr_expect.that(exchange.status == 404, "404 to another developer's application", problem(exchange))


@check(
    "application.strategy-fixed",
    "The strategy of an application cannot be changed",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
)
def test_strategy_of_an_application_is_fixed(_dcr_developer, _dcr_new_application, _dcr_expect):
    path = f"/applications/{segment(_dcr_new_application.id)}"
    exchange = _dcr_developer.patch(path, {"auth_strategy_id": NO_SUCH})
    _dcr_expect.that(exchange.status == 400, "400 to another strategy", problem(exchange))


@check(
    "application.other-strategy",
    "An application cannot be registered for an API that is published with another strategy",
    evidence=Evidence.DOCUMENTED,
    references=("developer.konghq.com/dev-portal/auth-strategies/",),
    creates={"publication": 1, "registration": 1},
)
def test_api_of_another_strategy(_dcr_own_applications, dcr_applications, _dcr_new_application, _dcr_expect):
    if _dcr_own_applications.strategy_id == dcr_applications.strategy_id:
        raise NotApplicable("the flow uses the strategy that this run has created: there is no other")
    exchange = dcr_applications.developer.register(_dcr_new_application.id, _dcr_own_applications.api_id)
    _dcr_expect.that(exchange.status >= 400, "a refusal", problem(exchange))
    _dcr_expect.form(
        "portal", "application.other-strategy", exchange.status == 400, "400", problem(exchange), Evidence.INFERRED
    )


@check(
    "application.granted-scopes",
    "The scopes that Curity granted cannot be listed at the portal",
    evidence=Evidence.INFERRED,
    references=(PORTAL_API,),
)
def test_granted_scopes(_dcr_developer, _dcr_portal_application, dcr_applications, _dcr_expect):
    path = f"/applications/{segment(_dcr_portal_application.id)}"
    classic = _dcr_developer.API == "/api/v2"
    rest = f"/registrations/{segment(str(_dcr_portal_application.registration))}" if classic else ""
    exchange = _dcr_developer.get(f"{path}{rest}/granted-scopes")
    _dcr_expect.form(
        "portal", "application.granted-scopes", exchange.status == 422, "422", problem(exchange), Evidence.INFERRED
    )


@check(
    "application.one-credential",
    "An application of Curity has one secret; a second one is refused",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
)
def test_no_second_credential(_dcr_target, _dcr_developer, _dcr_new_application, _dcr_expect):
    exchange = _dcr_developer.post(f"/applications/{segment(_dcr_new_application.id)}/credentials", {})
    if exchange.status == 201 and exchange.object().get("client_secret"):
        _dcr_target.secrets.know(str(exchange.object()["client_secret"]))
    _dcr_expect.that(exchange.status >= 400, "a second credential refused", problem(exchange))
    _dcr_expect.form(
        "portal", "application.one-credential", exchange.status == 400, "400", problem(exchange), Evidence.INFERRED
    )


@check(
    "application.of-api",
    "The portal lists the developer's applications by whether they are registered for an API",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
    creates={"application": 1},
)
def test_applications_of_an_api(_dcr_target, dcr_applications, _dcr_portal_application, _dcr_expect):
    if _dcr_target.classic:
        raise NotApplicable("the classic portal has no such list")
    other = dcr_applications.create("registered for no API")
    path = f"/apis/{segment(dcr_applications.api_id)}/applications?page%5Bsize%5D=100"
    for query, there, missing in (
        ("", _dcr_portal_application, other),
        ("&unregistered=true", other, _dcr_portal_application),
    ):
        exchange = dcr_applications.developer.get(path + query)
        ids = [item.get("id") for item in exchange.object().get("data") or []]
        what = "unregistered" if query else "registered"
        _dcr_expect.that(there.id in ids, f"the {what} application in the list", problem(exchange))
        _dcr_expect.that(missing.id not in ids, f"none but {what} applications", problem(exchange))


@check(
    "application.default-strategy",
    "An application without a chosen strategy gets the portal's default, or is refused without one",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API, PORTAL_MANAGEMENT),
    creates={"application": 1},
)
def test_default_strategy(_dcr_target, dcr_applications, _dcr_portal_object, _dcr_new_application, _dcr_expect):
    if _dcr_target.classic:
        raise NotApplicable("the classic portal has one strategy")
    default = _dcr_portal_object.get("default_application_auth_strategy_id")
    exchange = dcr_applications.attempt("without a strategy", auth_strategy_id=None)
    if default is None:
        _dcr_expect.that(exchange.status >= 400, "a refusal, the portal having no default", problem(exchange))
        return
    got = inner(exchange.object(), "auth_strategy", "id")
    _dcr_expect.that(got == default, f"the portal's default {default}", f"{got} ({problem(exchange)})")


@check(
    "application.paged",
    "Paging through a list loses and repeats nothing",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
    creates={"application": 1},
)
def test_pages_lose_and_repeat_nothing(dcr_applications, _dcr_new_application, _dcr_expect):
    other = dcr_applications.create("on another page")
    seen, total, number = [], 1, 0
    while number < min(total, 20):
        number += 1
        query = urlencode({"page[size]": "1", "page[number]": str(number)})
        exchange = dcr_applications.developer.get(f"/applications?{query}")
        _dcr_expect.that(exchange.status == 200, f"200 to page {number}", problem(exchange))
        content = exchange.object()
        seen += [str(item.get("id")) for item in objects(content.get("data"))]
        said = inner(content, "meta", "page", "total")
        total = said if isinstance(said, int) else 0
    _dcr_expect.that(len(set(seen)) == len(seen), "no application twice", f"{len(seen) - len(set(seen))} repeated")
    if total <= 20:
        missing = {_dcr_new_application.id, other.id} - set(seen)
        _dcr_expect.that(not missing, "both applications of this run", f"{len(missing)} missing in {len(seen)}")


@check(
    "application.provider-down",
    "Where Curity fails at any stage, no application is created or listed, and no secret is shown",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
    creates={"application": 3},
)
def test_failures_of_the_authorization_server(_dcr_outage, dcr_applications, _dcr_new_application, _dcr_expect):
    for stage in ("discovery", "token", "registration"):
        what = f"without {stage}"
        fault = _dcr_outage.at(stage)
        try:
            exchange = whatever_the_status(partial(dcr_applications.attempt, what))
        finally:
            _dcr_outage.control.disarm(fault)
        _dcr_expect.that(exchange.status >= 400, f"a refusal while the {stage} of Curity fails", problem(exchange))
        _dcr_expect.that("client_secret" not in exchange.text, "no client_secret in the refusal", "there is one")
        told, said = exchange.status == 400, problem(exchange)
        _dcr_expect.form("konnect", "provider_failure", told, "400", said, Evidence.UNKNOWN)
        listed = dcr_applications.developer.get("/applications?page%5Bsize%5D=100").text
        _dcr_expect.that(f"{dcr_applications.mark} {what}" not in listed, "no application listed", "it is listed")
