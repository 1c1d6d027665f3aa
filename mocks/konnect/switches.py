"""What nobody outside Kong knows about Konnect, and what the mock does until somebody finds out."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Switches:
    """Each field: why it exists, its **default**, where the doubt comes from."""

    # How Konnect manages a client that it has registered. Dev Portal documents that the client is deleted with its
    # application, and the how-to turns on Dynamic Client Management, but Konnect also says that it stores nothing but
    # the client id. **"registration_access_token"**: it keeps `registration_client_uri` and the token of RFC 7592,
    # the least access with which it can delete. "nothing": it keeps neither, so that deleting an application leaves
    # the client behind and a secret cannot be regenerated.
    # Source: app/dev-portal/dynamic-client-registration.md; curity.io, Dynamic Client Registration
    # Management.
    management: Literal["registration_access_token", "nothing"] = "registration_access_token"

    # Whether a change of an application's name or redirect URI is sent to the authorization server (RFC 7592 PUT).
    # Curity rotates the client secret on every update, so a PUT would silently break the secret that the developer
    # holds. **False**: nothing is sent.
    # Source: none; no document says what Konnect sends on an update.
    rename_updates_client: bool = False
