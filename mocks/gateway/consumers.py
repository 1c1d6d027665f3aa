"""Consumers, for `openid-connect` without Konnect's plugin: portal applications are not consumers.

Rules
- The value at the first path of `consumer_claims` that is in the token names a consumer, by `consumer_by` (plugin
  schema). A consumer that is not found is 403, unless `consumer_optional` (how-to "configure OIDC with consumers").
- Without such a path no consumer is mapped, and every valid token is accepted.
- `anonymous` names the consumer of a request that would be refused. If there is none of that name: 500 (the status is
  inferred; support article on `display_errors`).
- The upstream is told the consumer in `X-Consumer-*`, and `X-Anonymous-Consumer` where it is the anonymous one (support
  article "How to allow anonymous access").
"""

from collections.abc import Iterator

from dcrproof.mocks.data_plane import PushedConfiguration, PushedConsumer
from dcrproof.mocks.gateway.plugin import Plugin
from dcrproof.mocks.gateway.tokens import Jwt, claim


class ConsumerRules:
    configuration: PushedConfiguration | None

    def consumer_of(self, plugin: Plugin, token: Jwt) -> PushedConsumer | None:
        """The consumer that the token names, None where no consumer is to be mapped. Raises LookupError for 403."""
        for path in plugin.consumer_paths:
            value = claim(token.claims, path)
            if isinstance(value, str):
                return self._mapped(plugin, value)
        if plugin.consumer_paths and not plugin.consumer_optional:
            raise LookupError("kong consumer was not found (claim was not found for consumer mapping)")
        return None

    def _mapped(self, plugin: Plugin, value: str) -> PushedConsumer | None:
        for consumer in self.consumers:
            for member in plugin.consumer_by:
                held = getattr(consumer, member, None)
                if held is not None and self.is_named(held, value, plugin, member):
                    return consumer
        if not plugin.consumer_optional:
            raise LookupError("kong consumer was not found")
        return None

    def is_named(self, held: str, value: str, plugin: Plugin, member: str) -> bool:
        if member == "username" and plugin.by_username_ignore_case:
            return held.lower() == value.lower()
        return held == value

    def anonymous(self, name: str) -> PushedConsumer | None:
        return next((one for one in self.consumers if name in {one.id, one.username}), None)

    @property
    def consumers(self) -> tuple[PushedConsumer, ...]:
        return self.configuration.consumers if self.configuration else ()


def headers(consumer: PushedConsumer, *, anonymous: bool) -> Iterator[tuple[str, str]]:
    yield "x-consumer-id", consumer.id
    if consumer.custom_id is not None:
        yield "x-consumer-custom-id", consumer.custom_id
    if consumer.username is not None:
        yield "x-consumer-username", consumer.username
    if anonymous:
        yield "x-anonymous-consumer", "true"
