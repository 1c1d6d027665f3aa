"""Undocumented behaviour of Konnect, as switches."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Switches:
    """Each field: why it exists, its **default**, where the doubt comes from."""

    # How Konnect manages a client that it has registered. Dev Portal documents that the client is deleted with its
    # application, and the how-to turns on Dynamic Client Management, but Konnect also says that it stores nothing but
    # the client id. **"registration_access_token"**: it keeps `registration_client_uri` and the token of RFC 7592,
    # the least access with which it can delete. "dcrm": it keeps the client id alone, and manages any client with a
    # token of scope `dcrm` that its initial client gets; the how-to does not make that client a management client.
    # "nothing": it keeps neither, so that deleting an application leaves the client behind and a secret cannot be
    # regenerated.
    # Source: app/dev-portal/dynamic-client-registration.md; curity.io, Dynamic Client Registration
    # Management.
    management: Literal["registration_access_token", "dcrm", "nothing"] = "registration_access_token"

    # With which request of RFC 7592 a secret is regenerated. Curity rotates it at a read as well as at an update, so
    # either would do. **"GET"**: it changes nothing else. "PUT": the whole metadata are sent again.
    # Source: none; curity.io, Dynamic Client Registration Management, says that both rotate.
    regenerate_with: Literal["GET", "PUT"] = "GET"

    # Whether a deleted application's client is deleted. **True**: the documents say so. False: Konnect forgets it.
    # Source: app/dev-portal/dynamic-client-registration.md, which does not name the request.
    delete_client: bool = True

    # Whether a change of an application's name or redirect URI is sent to the authorization server (RFC 7592 PUT).
    # Curity rotates the client secret on every update, so a PUT would silently break the secret that the developer
    # holds. **False**: nothing is sent.
    # Source: none; no document says what Konnect sends on an update.
    rename_updates_client: bool = False

    # Whether a DCR provider that a strategy uses can be deleted. DELETE of a strategy has a 409 in the documents, that of
    # a provider has none. **False**: 409 while a strategy uses it. True: it goes, and its applications stay.
    # Source: app/_api/konnect/application-auth-strategies, v2.
    deletes_providers_in_use: bool = False

    # Whether two DCR providers, or two auth strategies, may have one name. Nothing says so, and no status is documented for
    # it; Kong's declarative tool finds them by their names. **False**: 400. True: both are kept.
    # Source: none; github.com/Kong/kongctl, docs/declarative-resource-reference.md.
    names_may_repeat: bool = False

    # Whether the portal's refresh cookie is sent to the endpoint that takes it. The documents show it with the path
    # `/v2/refresh`, which covers no endpoint of the portal, and document `POST /api/v3/developer/refresh`, which reads it.
    # **False**: the path as it is shown, so that no cookie jar ever sends it. True: the path of that endpoint.
    # Source: dev-portal v3, authenticate and refresh, which contradict one another.
    refresh_cookie_reaches_its_endpoint: bool = False

    # What happens to the plugin on a service when the control plane rejects a new configuration of it. **False**: it stays
    # as it was. True: it is taken away, and the route is open until a configuration is accepted.
    # Source: none; api-builder v3 documents that the implementation tells of the error.
    refused_push_takes_plugin_away: bool = False

    # The status with which developers see that the authorization server failed. The Portal API documents 400, 401, 403,
    # 404 and 409 for a new application and no 5xx; the classic portal's user interface expected a 500.
    # **400**: the one that fits best. 409, 500 and 502 are other guesses.
    # Source: dev-portal v3; github.com/Kong/konnect-portal, end-to-end tests.
    provider_failure: Literal[400, 409, 500, 502] = 400

    # Whether an admin may have an existing client of Curity taken over (`dcr_client_id`). The documents say that some
    # identity providers check the id and others do not, and name none of them but Entra. **False**: 400. True: the
    # application has that client id, unchecked, and nothing to manage the client with.
    # Source: portal-management v3.
    imports_clients: bool = False


DEFAULT_SWITCHES = Switches()
