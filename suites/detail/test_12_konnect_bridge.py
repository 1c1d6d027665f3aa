"""A DCR provider of type http: what Konnect requests from the customer's bridge when an application is created, used and deleted."""

from dcrproof.core.checks.check import Evidence, check
from dcrproof.core.http.segments import segment
from dcrproof.core.parties.konnect import problem

BRIDGE = "github.com/Kong/konnect-portal-dcr-handler"
PAYLOAD = {
    *("client_name", "redirect_uris", "grant_types", "scopes", "token_endpoint_auth_method"),
    *("application_description", "portal_id", "organization_id", "developer_id", "auth_strategy_id", "dcr_provider_id"),
}


def _event(bridge, application, after):
    """The last event hook for an application since then."""
    asked = bridge.asked(after)
    hooks = [content for _, path, content in asked if path == f"/{application.client_id}/event-hook"]
    return hooks[-1] if hooks else {}


@check(
    "bridge.client",
    "The bridge is told the application and creates the client whose id the developer is shown",
    evidence=Evidence.DOCUMENTED,
    references=(BRIDGE, "developer.konghq.com/dev-portal/dynamic-client-registration/"),
    creates={"DCR provider": 1, "auth strategy": 1, "API": 1, "publication": 1, "application": 1},
)
def test_bridge_makes_the_client(_dcr_bridge, _dcr_expect):
    before = _dcr_bridge.last
    application = _dcr_bridge.applications.create("bridged")
    asked = _dcr_bridge.asked(before)
    calls = [(method, path) for method, path, _ in asked]
    _dcr_expect.that(calls == [("POST", "/")], "one request of the bridge: POST /", f"{calls}")
    content = asked[0][2]
    _dcr_expect.that(
        set(content) == PAYLOAD, f"the members {', '.join(sorted(PAYLOAD))}", f"{', '.join(sorted(content))}"
    )
    told = (content["client_name"], content["dcr_provider_id"])
    wanted = (application.name, _dcr_bridge.provider["id"])
    _dcr_expect.that(told == wanted, "the application's name and the provider's id", f"{told}")
    clients = _dcr_bridge.control.bridge()["clients"]
    _dcr_expect.that(application.client_id in clients, f"client {application.client_id} at the bridge", f"{clients}")


@check(
    "bridge.halted",
    "An application is not created where the bridge fails",
    evidence=Evidence.DOCUMENTED,
    references=(BRIDGE,),
    creates={"application": 1},
)
def test_failing_bridge(_dcr_bridge, _dcr_expect):
    fault = _dcr_bridge.control.arm({"party": "bridge", "times": 1, "status": 400})
    try:
        exchange = _dcr_bridge.applications.attempt("not bridged")
    finally:
        _dcr_bridge.control.disarm(fault)
    _dcr_expect.that(exchange.status >= 400, "no application", problem(exchange))
    listed = _dcr_bridge.applications.developer.get("/applications?filter[name][contains]=not%20bridged")
    _dcr_expect.that(listed.object().get("data") == [], "none of that name in the list", problem(listed))


@check(
    "bridge.hooks",
    "Event hooks tell the bridge about changes of an application and its registrations",
    evidence=Evidence.DOCUMENTED,
    references=(BRIDGE,),
    creates={"application": 1, "registration": 1},
)
def test_event_hooks(_dcr_admin, _dcr_decided, _dcr_bridge, _dcr_expect):
    application, _ = _dcr_bridge.applications.register(_dcr_bridge.applications.create("hooked"))
    told = _event(_dcr_bridge, application, 0)
    _dcr_expect.that(told.get("event_type") == "add_registration", "the event add_registration", f"{told}")
    path = f"/applications/{segment(application.id)}"
    for change, event in (
        (lambda: _dcr_bridge.applications.set_status(application, "revoked"), "remove_registration"),
        (lambda: _dcr_bridge.applications.set_status(application, "approved"), "add_registration"),
        (lambda: _dcr_bridge.applications.developer.patch(path, {"description": "changed"}), "update_application"),
    ):
        before = _dcr_bridge.last
        change()
        told = _event(_dcr_bridge, application, before)
        _dcr_expect.that(told.get("event_type") == event, f"the event {event}", f"{told.get('event_type')}")
    _dcr_admin.patch(f"/v2/dcr-providers/{segment(_dcr_bridge.provider['id'])}", _config(disable_event_hooks=True))
    try:
        before = _dcr_bridge.last
        _dcr_bridge.applications.set_status(application, "revoked")
        told = _dcr_bridge.asked(before)
        _dcr_expect.that(not told, "no event where hooks are disabled", f"{told}")
    finally:
        _dcr_admin.patch(f"/v2/dcr-providers/{segment(_dcr_bridge.provider['id'])}", _config(disable_event_hooks=False))


def _config(**settings):
    return {"dcr_config": settings}


@check(
    "bridge.new-secret",
    "The bridge creates the developer's new secret, unless the provider disables that",
    evidence=Evidence.DOCUMENTED,
    references=(BRIDGE, "Konnect Application Auth Strategies API v2, disable_refresh_secret"),
    creates={"application": 1},
)
def test_bridge_renews_the_secret(_dcr_admin, _dcr_bridge, _dcr_target, _dcr_expect):
    application = _dcr_bridge.applications.create("renewed")
    before = _dcr_bridge.last
    exchange = _dcr_bridge.applications.developer.regenerate_secret(application.id)
    _dcr_expect.that(exchange.status == 201, "201 to a new secret", problem(exchange))
    _dcr_target.secrets.know(str(exchange.object().get("client_secret")), application.client_id)
    calls = [(method, path) for method, path, _ in _dcr_bridge.asked(before)]
    wanted = [("POST", f"/{application.client_id}/new-secret")]
    _dcr_expect.that(calls == wanted, "the bridge asked for a new secret", f"{calls}")
    provider = f"/v2/dcr-providers/{segment(_dcr_bridge.provider['id'])}"
    _dcr_admin.patch(provider, _config(disable_refresh_secret=True))
    try:
        exchange = _dcr_bridge.applications.developer.regenerate_secret(application.id)
        _dcr_expect.that(exchange.status >= 400, "no new secret where that is disabled", problem(exchange))
        refused = exchange.status == 400
        _dcr_expect.form("konnect", "disable_refresh_secret", refused, "400", problem(exchange), Evidence.INFERRED)
    finally:
        _dcr_admin.patch(provider, _config(disable_refresh_secret=False))


@check(
    "bridge.deleted",
    "Deleting an application deletes its client at the bridge",
    evidence=Evidence.DOCUMENTED,
    references=(BRIDGE,),
    creates={"application": 1},
)
def test_bridge_deletes_the_client(_dcr_bridge, _dcr_expect):
    application = _dcr_bridge.applications.create("deleted")
    before = _dcr_bridge.last
    exchange = _dcr_bridge.applications.developer.delete(f"/applications/{segment(application.id)}")
    _dcr_expect.that(exchange.status == 204, "204 to the deletion of an application", problem(exchange))
    calls = [(method, path) for method, path, _ in _dcr_bridge.asked(before)]
    wanted = [("DELETE", f"/{application.client_id}")]
    _dcr_expect.that(calls == wanted, "the client deleted at the bridge", f"{calls}")
