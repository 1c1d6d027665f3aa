"""`/v2/dcr-providers` and `/v2/application-auth-strategies` (application-auth-strategies v2)."""

from typing import Any

from dcrproof.mocks.konnect import views
from dcrproof.mocks.konnect.http import Rows, created, done, ok, read
from dcrproof.mocks.konnect.listing import (
    EQUAL,
    EQUAL_OR_CONTAINS,
    STRING,
    UUIDS,
    Listing,
    Reader,
    attribute,
    filtered,
    named,
)
from dcrproof.mocks.konnect.state import Konnect
from dcrproof.mocks.konnect.tables import find
from dcrproof.mocks.messages import Calls, Request, Response

PROVIDERS = "/v2/dcr-providers"
PROVIDER = PROVIDERS + "/{provider_id}"
STRATEGIES = "/v2/application-auth-strategies"
STRATEGY = STRATEGIES + "/{strategy_id}"


def config(name: str) -> Reader:
    return lambda held: held.config.get(name)


def routes(konnect: Konnect) -> Rows:
    def provider_of(name: str) -> Reader:
        return lambda held: getattr(konnect.tables.providers.get(held.dcr_provider_id or ""), name, None)

    of_provider = {"dcr_provider_name": provider_of("name"), "dcr_provider_type": provider_of("provider_type")}
    providers = Listing(
        filters={
            **filtered(EQUAL_OR_CONTAINS, "id", "issuer", "name"),
            **filtered(EQUAL, "provider_type"),
            "initial_client_id": (EQUAL_OR_CONTAINS, config("initial_client_id")),
            "initial_client_audience": (EQUAL_OR_CONTAINS, config("initial_client_audience")),
        },
        sorts=named("created_at", "updated_at", "provider_type", "issuer", "name"),
    )
    strategies = Listing(
        filters={
            **filtered(STRING, "strategy_type", "name", "display_name"),
            **filtered(UUIDS, "dcr_provider_id"),
            **{name: (STRING, read_off) for name, read_off in of_provider.items()},
        },
        sorts={
            **named("created_at", "updated_at", "strategy_type", "name", "display_name"),
            "dcr_provider_id": attribute("dcr_provider_id"),
            **of_provider,
        },
    )

    def provider(held: Any) -> dict[str, Any]:
        return views.provider(konnect, held)

    def strategy(held: Any) -> dict[str, Any]:
        return views.strategy(konnect, held)

    def list_providers(request: Request) -> Response:
        return ok(providers.page(request, konnect.tables.providers.values(), provider))

    def list_strategies(request: Request) -> Response:
        return ok(strategies.page(request, konnect.tables.strategies.values(), strategy))

    def verify(_: Request, provider_id: str) -> Calls:
        errors = yield from konnect.auth.verify_provider(provider_id)
        return ok({"status": "failed" if errors else "success", "errors": errors})

    return (
        ("POST", PROVIDERS, lambda r: created(provider(konnect.auth.create_provider(read(r))))),
        ("GET", PROVIDERS, list_providers),
        ("GET", PROVIDER, lambda _, provider_id: ok(provider(find(konnect.tables.providers, provider_id)))),
        ("PATCH", PROVIDER, lambda r, provider_id: ok(provider(konnect.auth.patch_provider(provider_id, read(r))))),
        ("DELETE", PROVIDER, lambda _, provider_id: done(konnect.auth.delete_provider, provider_id)),
        ("POST", PROVIDER + "/verify", verify),
        ("POST", STRATEGIES, lambda r: created(strategy(konnect.auth.create_strategy(read(r))))),
        ("GET", STRATEGIES, list_strategies),
        ("GET", STRATEGY, lambda _, strategy_id: ok(strategy(find(konnect.tables.strategies, strategy_id)))),
        # 201 for a PUT, as the document says.
        (
            "PUT",
            STRATEGY,
            lambda r, strategy_id: created(strategy(konnect.auth.replace_strategy(strategy_id, read(r)))),
        ),
        ("PATCH", STRATEGY, lambda r, strategy_id: ok(strategy(konnect.auth.patch_strategy(strategy_id, read(r))))),
        ("DELETE", STRATEGY, lambda _, strategy_id: done(konnect.auth.delete_strategy, strategy_id)),
    )
