"""The portal: the developer signs in, creates an application and registers it for the API."""

import json

from dcrproof.core.checks.check import Evidence, by_gate, check
from dcrproof.core.checks.outcomes import NotSeen
from dcrproof.core.checks.sources import DCR, PORTAL_API
from dcrproof.core.http.segments import segment
from dcrproof.core.parties.konnect import inner, problem


@by_gate
def test_portal_is_open(_dcr_open_portal): ...


@by_gate
def test_developer_signs_in(_dcr_developer): ...


@check(
    "developer.wrong-password",
    "A wrong password is refused",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
    hostile=True,
)
def test_wrong_password_is_refused(_dcr_target, _dcr_open_portal, _dcr_developer, _dcr_wrong_secret, _dcr_expect):
    email = _dcr_target.profile.portal.email
    if email is None:
        raise NotSeen("[portal] email and password")
    exchange = _dcr_open_portal.authenticate(email, _dcr_wrong_secret)
    _dcr_expect.that(exchange.status == 401, "401 to a wrong password", problem(exchange))


@check(
    "portal.no-session",
    "Applications are not shown without a session",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
)
def test_applications_need_a_session(_dcr_open_portal, _dcr_developer, _dcr_expect):
    exchange = _dcr_open_portal.get("/applications")
    _dcr_expect.that(exchange.status == 401, "401 without a session", problem(exchange))


@by_gate
def test_api_is_offered(_dcr_offered): ...


@by_gate
def test_application_is_created(_dcr_new_application): ...


@check(
    "application.dcr-strategy",
    "The application's credentials come from the authorization server",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
    steps=("konnect.strategy.dcr-provider",),
)
def test_application_has_client_credentials(_dcr_new_application, _dcr_expect):
    strategy = _dcr_new_application.shown.get("auth_strategy") or {}
    kind = strategy.get("credential_type")
    _dcr_expect.that(kind == "client_credentials", "credential_type client_credentials", f"credential_type {kind!r}")


@check(
    "application.secret-once",
    "The secret is shown only once",
    evidence=Evidence.DOCUMENTED,
    references=(DCR,),
)
def test_portal_shows_the_secret_once(_dcr_developer, _dcr_new_application, _dcr_expect):
    path = f"/applications/{segment(_dcr_new_application.id)}"
    shown = _dcr_developer.get(path).text + _dcr_developer.get("/applications").text
    secret = _dcr_new_application.secret.reveal()
    _dcr_expect.that(secret not in shown, "no secret in the application when it is read", "the secret is in it")


@check(
    "application.admin-view",
    "Konnect's admins see the same client id and the provider, but no secret",
    evidence=Evidence.DOCUMENTED,
    references=("Konnect Portal Management API v3",),
)
def test_admin_sees_the_application(_dcr_admin, _dcr_provider_of_applications, _dcr_new_application, _dcr_expect):
    version, client_id, provider = _dcr_provider_of_applications
    exchange = _dcr_admin.get(f"/{version}/applications/{segment(_dcr_new_application.id)}")
    _dcr_expect.that(exchange.status == 200, "200 to the application", problem(exchange))
    content = exchange.object()
    found = content.get(client_id), inner(content, "dcr_provider", "id")
    expected = _dcr_new_application.client_id, provider
    _dcr_expect.that(found == expected, f"{client_id} and provider {expected}", f"{found}")
    hidden = _dcr_new_application.secret.reveal() not in json.dumps(content)
    _dcr_expect.that(hidden, "no secret in the admin's view", "the secret is in it")


@by_gate
def test_application_is_registered(_dcr_registered_application): ...


@by_gate
def test_registration_is_approved(_dcr_portal_application): ...


@by_gate
def test_registration_is_decided(_dcr_decided): ...


@check(
    "application.registered-twice",
    "A second registration for the same API is refused",
    evidence=Evidence.DOCUMENTED,
    references=(PORTAL_API,),
    creates={"registration": 1},
)
def test_second_registration_is_refused(dcr_applications, _dcr_portal_application, _dcr_expect):
    exchange = dcr_applications.developer.register(_dcr_portal_application.id, dcr_applications.api_id)
    _dcr_expect.that(exchange.status == 409, "409 to a second registration", problem(exchange))


@check(
    "client.registered-by-konnect",
    "Konnect registered the client at Curity: a token request, then a registration",
    evidence=Evidence.INFERRED,
    references=(DCR, "RFC 7591 3"),
    creates={"application": 1},
)
def test_konnect_registers_the_client(
    _dcr_calls, _dcr_registration_endpoint, dcr_applications, _dcr_new_application, _dcr_expect
):
    from urllib.parse import urlsplit

    before = _dcr_calls.last_call()
    dcr_applications.create("watched")
    path = urlsplit(_dcr_registration_endpoint).path
    calls = [(call["method"], call["path"], call["status"]) for call in _dcr_calls.calls("curity", before)]
    registrations = [call for call in calls if call[:2] == ("POST", path)]
    _dcr_expect.that(registrations == [("POST", path, 201)], f"one POST {path} -> 201", f"{calls}")
    tokens = [call for call in calls[: calls.index(registrations[0])] if call[0] == "POST"]
    _dcr_expect.that(len(tokens) == 1, "one token request before it", f"{calls}")
