"""What Konnect asks of a DCR bridge: a customer's server between Konnect and the customer's authorization server.

    event                   request, below the provider's `dcr_base_url`              success
    application created     POST /                             ApplicationPayload     2xx, with client_id, client_secret
    application deleted     DELETE /{client id}                                       2xx
    secret regenerated      POST /{client id}/new-secret                              2xx, with client_secret
    application changed     POST /{client id}/event-hook       update_application     2xx
    API granted, withdrawn  POST /{client id}/event-hook       add_registration, remove_registration

Each carries the provider's `api_key` in X-API-KEY. `disable_event_hooks` silences the hooks, and
`disable_refresh_secret` the new secret. A bridge that does not answer 2xx prevents the application.
Source: github.com/Kong/konnect-portal-dcr-handler, README and openapi document; it predates v3 portals, so that what
those send for several credentials is not known, and not sent.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dcrproof.mocks.konnect.driver import LONGEST, ProviderFailed, RegisteredClient, ask, text_of
from dcrproof.mocks.konnect.objects import Application, Provider, Strategy
from dcrproof.mocks.messages import Asking

SUCCESS = range(200, 300)


class Bridges:
    """Speaks for one Konnect organisation to the bridges of its providers of type http."""

    def __init__(self, organization_id: str) -> None:
        self.organization_id = organization_id

    def payload(
        self, provider: Provider, strategy: Strategy, portal_id: str, developer_id: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """ApplicationPayload, of which every member is required.

        Inferred: the grant types are the strategy's auth methods, for the reference bridge looks for `bearer` among
        them; the authentication method is the one of its tests; what is not set is empty text.
        """
        return {
            "client_name": body["name"],
            "redirect_uris": [body["redirect_uri"]] if body.get("redirect_uri") is not None else [],
            "grant_types": list(strategy.config.get("auth_methods", ())),
            "scopes": list(strategy.config.get("scopes", ())),
            "token_endpoint_auth_method": "client_secret_post",
            "application_description": body.get("description") or "",
            "portal_id": portal_id,
            "organization_id": self.organization_id,
            "developer_id": developer_id,
            "auth_strategy_id": strategy.id,
            "dcr_provider_id": provider.id,
        }

    def create(self, provider: Provider, payload: Mapping[str, Any]) -> Asking[RegisteredClient]:
        answer = yield from self._ask(provider, "POST", "/", payload)
        client_id, secret = text_of(answer, "client_id"), text_of(answer, "client_secret")
        if client_id is None or secret is None or max(len(client_id), len(secret)) > LONGEST:
            raise ProviderFailed("bridge: the answer holds no usable client_id and client_secret")
        return RegisteredClient(client_id, secret, None)

    def delete(self, provider: Provider, client_id: str) -> Asking[None]:
        yield from self._ask(provider, "DELETE", self._client(client_id))

    def new_secret(self, provider: Provider, client_id: str) -> Asking[str]:
        answer = yield from self._ask(provider, "POST", f"{self._client(client_id)}/new-secret")
        secret = text_of(answer, "client_secret")
        if secret is None or len(secret) > LONGEST:
            raise ProviderFailed("bridge: the answer holds no usable client_secret")
        return secret

    def tell(self, provider: Provider, application: Application, event_type: str, **more: Any) -> Asking[None]:
        """An event hook, unless the provider has them disabled."""
        if not self.sends_hooks(provider) or application.client_id is None:
            return
        event = {
            "event_type": event_type,
            "client_id": application.client_id,
            "application_id": application.id,
            "application_name": application.name,
            "application_description": application.description or "",
            "portal_id": application.portal_id,
            "organization_id": self.organization_id,
            "developer_id": application.developer_id,
            "auth_strategy_id": application.strategy_id,
            "dcr_provider_id": provider.id,
            **more,
        }
        yield from self._ask(provider, "POST", f"{self._client(application.client_id)}/event-hook", event)

    # --- rules ---

    def is_bridge(self, provider: Provider | None) -> bool:
        return provider is not None and provider.provider_type == "http"

    def sends_hooks(self, provider: Provider) -> bool:
        return provider.config.get("disable_event_hooks") is not True

    def renews_secrets(self, provider: Provider) -> bool:
        return provider.config.get("disable_refresh_secret") is not True

    # --- messages ---

    def _client(self, client_id: str) -> str:
        return "/" + quote(client_id, safe="")

    def _ask(
        self, provider: Provider, method: str, path: str, content: Mapping[str, Any] | None = None
    ) -> Asking[Mapping[str, Any]]:
        headers = [("x-api-key", provider.secrets["api_key"])]
        if content is not None:
            headers.append(("content-type", "application/json"))
        body = json.dumps(content).encode() if content is not None else b""
        url = str(provider.config["dcr_base_url"]).rstrip("/") + path
        return (yield from ask("bridge", method, url, expected=SUCCESS, headers=tuple(headers), body=body))
