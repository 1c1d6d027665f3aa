"""Tokens that the authorization server must be asked about: `introspection` and `userinfo`.

Rules
- `bearer` does not accept an opaque token; these two methods do (openid-connect 1.5.x). A JWT is introspected as well
  where `bearer` is not enabled, or with `introspect_jwt_tokens` (support article "continuing to process revoked
  tokens").
- Introspection uses Kong's own client: without `client_id` the token is refused (inferred). `active` must be true, unless `introspection_check_active` is off.
- Answers are kept, up to their `exp`, `cache_ttl` without one and `cache_ttl_max` in any case, unless
  `cache_introspection` or `cache_user_info` is off. `cache_tokens_salt` is not part of their key (support article on
  that setting). That an inactive answer is not kept is inferred: `cache_ttl_neg` is null.
- With `introspection_accept: application/jwt` the answer is a JWT, and no answer means inactive (the phantom token of
  curity.io, "Integrating with Kong"). It is verified as an access token is.
"""

from dataclasses import dataclass
from typing import Any

from dcrproof.mocks.clock import Clock, WrongClock
from dcrproof.mocks.gateway import strict
from dcrproof.mocks.gateway.discovery import ProviderMetadata
from dcrproof.mocks.gateway.grants import Form, GrantRules, own_client
from dcrproof.mocks.gateway.plugin import Plugin
from dcrproof.mocks.messages import Call, NoAnswer, Response


@dataclass(frozen=True)
class CachedAnswer:
    claims: dict[str, Any]
    until: float


class LookupRules(GrantRules):
    clock: Clock | WrongClock
    answers: dict[tuple[str, str], CachedAnswer]

    def introspection_request(self, plugin: Plugin, provider: ProviderMetadata, token: str) -> Call | None:
        url = plugin.introspection_endpoint or provider.introspection_endpoint
        if url is None or not plugin.client_id:
            return None
        form: Form = [
            (plugin.introspection_token_param_name, token),
            ("token_type_hint", plugin.introspection_hint),
        ]
        call = self.as_client(plugin, provider, url, own_client(plugin), form)
        headers = tuple(pair for pair in call.headers if pair[0] != "accept")
        return Call(
            call.method,
            call.url,
            (("accept", plugin.introspection_accept), *headers),
            call.body,
            call.timeout,
            call.verify,
        )

    def userinfo_request(self, plugin: Plugin, provider: ProviderMetadata, token: str) -> Call | None:
        url = plugin.userinfo_endpoint or provider.userinfo_endpoint
        if url is None:
            return None
        headers = (("accept", "application/json"), ("authorization", f"Bearer {token}"))
        return Call("GET", url, headers, b"", plugin.timeout / 1000, plugin.ssl_verify)

    def is_active(self, plugin: Plugin, answer: Response | NoAnswer) -> dict[str, Any] | None:
        """The members of an introspection that says the token is active, else None."""
        if isinstance(answer, NoAnswer) or answer.status != 200:
            return None
        members = strict.json_object(answer.body)
        if members is None or (plugin.introspection_check_active and members.get("active") is not True):
            return None
        return members

    def cached_answer(self, method: str, token: str, *, wanted: bool) -> dict[str, Any] | None:
        held = self.answers.get((method, token)) if wanted else None
        return held.claims if held and self.clock.now() < held.until else None

    def keep_answer(self, plugin: Plugin, method: str, token: str, claims: dict[str, Any]) -> None:
        expiry = strict.number(claims.get("exp"))
        lifetime = plugin.cache_ttl if expiry is None else expiry - self.clock.now()
        if plugin.cache_ttl_max is not None:
            lifetime = min(lifetime, plugin.cache_ttl_max)
        if lifetime > 0:
            self.answers[method, token] = CachedAnswer(claims, self.clock.now() + lifetime)
