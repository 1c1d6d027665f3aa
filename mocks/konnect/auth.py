"""DCR providers and application auth strategies (application-auth-strategies v2)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dcrproof.mocks.konnect import schema
from dcrproof.mocks.konnect.bridges import Bridges
from dcrproof.mocks.konnect.driver import Driver, ProviderFailed
from dcrproof.mocks.konnect.fields import check
from dcrproof.mocks.konnect.objects import Portal, Provider, Strategy
from dcrproof.mocks.konnect.problems import conflict, invalid, missing_reference
from dcrproof.mocks.konnect.push import Push
from dcrproof.mocks.konnect.tables import Body, Stamps, Tables, find, labelled, lowered
from dcrproof.mocks.messages import Asking


class Auth:
    """How applications authenticate, and where their clients are registered."""

    def __init__(self, tables: Tables, stamps: Stamps, push: Push, driver: Driver, bridges: Bridges) -> None:
        self.tables = tables
        self.stamps = stamps
        self.push = push
        self.driver = driver
        self.bridges = bridges

    # --- DCR providers --------------------------------------------------------------------------------------------

    def create_provider(self, body: Body) -> Provider:
        """Stores it. No request is made of the authorization server (inferred: that is what `verify` is for)."""
        kind = body.get("provider_type") if isinstance(body, dict) else None
        check(body, schema.provider_creation(kind))
        self._require_own_name(self.tables.providers, body["name"])
        config = {**schema.DCR_CONFIG_DEFAULTS.get(body["provider_type"], {}), **body.get("dcr_config", {})}
        if body["provider_type"] == "auth0" and config["initial_client_audience"] is None:
            config["initial_client_audience"] = body["issuer"]  # "default: issuer" (AAS)
        made = Provider(
            name=body["name"],
            display_name=body.get("display_name"),
            provider_type=body["provider_type"],
            issuer=body["issuer"],
            config={key: value for key, value in config.items() if key not in schema.WRITE_ONLY},
            secrets={key: value for key, value in config.items() if key in schema.WRITE_ONLY},
            labels=labelled({}, body.get("labels", {})),
            **self.stamps.new(),
        )
        self.tables.providers[made.id] = made
        return made

    def patch_provider(self, provider_id: str, body: Body) -> Provider:
        """Members of `dcr_config` that are left out stay as they are (inferred: clients rotate only the secret)."""
        held = find(self.tables.providers, provider_id)
        check(body, schema.provider_update(held.provider_type))
        self._require_own_name(self.tables.providers, body.get("name"), held.id)
        config = body.get("dcr_config", {})
        changed = replace(
            held,
            **{key: body[key] for key in ("name", "display_name", "issuer") if key in body},
            config={**held.config, **{key: value for key, value in config.items() if key not in schema.WRITE_ONLY}},
            secrets={**held.secrets, **{key: value for key, value in config.items() if key in schema.WRITE_ONLY}},
            labels=labelled(held.labels, body.get("labels", {})),
            updated_at=self.stamps.now(),
        )
        self.tables.providers[held.id] = changed
        return changed

    def delete_provider(self, provider_id: str) -> None:
        held = find(self.tables.providers, provider_id)
        if self.provider_is_in_use(held):
            raise conflict("The DCR provider is used by an application auth strategy")
        del self.tables.providers[held.id]
        for strategy in [one for one in self.tables.strategies.values() if one.dcr_provider_id == held.id]:
            self.tables.strategies[strategy.id] = replace(strategy, dcr_provider_id=None)

    def provider_is_in_use(self, provider: Provider) -> bool:
        """No 409 is documented here, as it is for the deletion of a strategy."""
        return not self.driver.switches.deletes_providers_in_use and any(
            strategy.dcr_provider_id == provider.id for strategy in self.tables.strategies.values()
        )

    def provider_is_active(self, provider: Provider) -> bool:
        users = [held for held in self.tables.strategies.values() if held.dcr_provider_id == provider.id]
        return any(self.strategy_is_active(strategy) for strategy in users)

    def verify_provider(self, provider_id: str) -> Asking[list[str]]:
        """Registers a client and deletes it again. Returns the errors; no error means success.

        The first error's text is the document's example; that a client is really made is inferred from it. A bridge
        accepts no payload without a portal and a developer, so what Konnect would send there is unknown: it fails.
        """
        held = find(self.tables.providers, provider_id)
        if self.bridges.is_bridge(held):
            return ["Unable to create the DCR application", "what a verification asks of a bridge is not known"]
        try:
            metadata = self.driver.client_metadata(None, "Konnect verification", None)
            client = yield from self.driver.create(held, metadata)
        except ProviderFailed as failed:
            return ["Unable to create the DCR application", str(failed)]
        yield from self.driver.abandon(client.registration, held)
        return []

    def _require_own_name(
        self, table: Mapping[str, Provider | Strategy], name: str | None, own: str | None = None
    ) -> None:
        """No status is documented for a name that is taken; of the documented ones 400 fits."""
        taken = any(held.name == name and held.id != own for held in table.values())
        if taken and not self.driver.switches.names_may_repeat:
            raise invalid("name", '"name" must be unique')

    # --- application auth strategies ------------------------------------------------------------------------------

    def create_strategy(self, body: Body) -> Strategy:
        members = self._strategy_members(body)
        self._require_own_name(self.tables.strategies, members["name"])
        made = Strategy(**members, **self.stamps.new())
        self.tables.strategies[made.id] = made
        return made

    def replace_strategy(self, strategy_id: str, body: Body) -> Strategy:
        held = find(self.tables.strategies, strategy_id)  # 404: inferred, no status is documented for an unknown id
        members = self._strategy_members(body)
        self._require_own_name(self.tables.strategies, members["name"], held.id)
        if members["strategy_type"] != held.strategy_type:
            raise invalid("strategy_type", '"strategy_type" cannot be changed')
        return self._put_strategy(replace(held, **members, updated_at=self.stamps.now()))

    def _strategy_members(self, body: Body) -> dict[str, Any]:
        kind = body.get("strategy_type") if isinstance(body, dict) else None
        check(body, schema.strategy_creation(kind))
        key = schema.CONFIGS[body["strategy_type"]][0]
        self._require_provider(body.get("dcr_provider_id"))
        return {
            "name": body["name"],
            "display_name": body["display_name"],
            "strategy_type": body["strategy_type"],
            "config": body["configs"][key],
            "dcr_provider_id": lowered(body.get("dcr_provider_id")),
            "labels": labelled({}, body.get("labels", {})),
            "principals": body.get("principals", {"enabled": False}),
        }

    def _require_provider(self, provider_id: str | None) -> None:
        if provider_id is not None and provider_id.lower() not in self.tables.providers:  # inferred
            raise missing_reference("dcr_provider_id", "DCR provider not found")

    def patch_strategy(self, strategy_id: str, body: Body) -> Strategy:
        """Members of `configs` that are left out stay as they are; the type cannot change."""
        held = find(self.tables.strategies, strategy_id)
        check(body, schema.strategy_update(held.strategy_type))
        self._require_own_name(self.tables.strategies, body.get("name"), held.id)
        self._require_provider(body.get("dcr_provider_id"))
        config = {**held.config, **body.get("configs", {}).get(schema.CONFIGS[held.strategy_type][0], {})}
        unset = {name for name in schema.NULLABLE_IN_UPDATES if config.get(name, "") is None}
        changed = replace(
            held,
            **{key: body[key] for key in ("name", "display_name", "principals") if key in body},
            dcr_provider_id=lowered(body.get("dcr_provider_id", held.dcr_provider_id)),
            config={name: value for name, value in config.items() if name not in unset},
            labels=labelled(held.labels, body.get("labels", {})),
            updated_at=self.stamps.now(),
        )
        return self._put_strategy(changed)

    def _put_strategy(self, strategy: Strategy) -> Strategy:
        self.tables.strategies[strategy.id] = strategy
        self.push.services_changed()
        return strategy

    def delete_strategy(self, strategy_id: str) -> None:
        held = find(self.tables.strategies, strategy_id)
        if self.strategy_is_in_use(held):
            raise conflict("The application auth strategy is in use")
        del self.tables.strategies[held.id]

    def strategy_is_in_use(self, strategy: Strategy) -> bool:
        """By a publication (AAS, which says "product version"); by an application or a portal's default: inferred."""
        return (
            self.strategy_is_active(strategy)
            or any(held.strategy_id == strategy.id for held in self.tables.applications.values())
            or any(held.default_application_auth_strategy_id == strategy.id for held in self.tables.portals.values())
        )

    def strategy_is_active(self, strategy: Strategy) -> bool:
        """`active`: "at least one published entity is using this auth strategy" (AAS)."""
        return any(held.auth_strategy_id == strategy.id for held in self.tables.publications.values())

    def require_strategy(self, strategy_id: str | None, field: str) -> None:
        if strategy_id is not None and strategy_id.lower() not in self.tables.strategies:  # inferred
            raise missing_reference(field, "Application auth strategy not found")

    def strategies_on(self, portal: Portal) -> list[Strategy]:
        """The auth strategies on this portal (dev-portal v3): those it publishes with, and its default (inferred)."""
        ids = {held.auth_strategy_id for held in self.tables.publications.values() if held.portal_id == portal.id}
        ids.add(portal.default_application_auth_strategy_id)
        return [strategy for strategy in self.tables.strategies.values() if strategy.id in ids]
