"""The headers that tell the upstream who calls.

Rules
- By default the access token goes in `Authorization: Bearer`, in place of what the caller sent (plugin schema).
- Kong's identity headers are removed from the caller's request (inferred). Nor do those that
  `upstream_headers` maps, whether or not the token has the claim; in some releases they did (`releases`).
- A claim that is no text is sent as JSON (inferred), one that is not there not at all.
- `X-Authenticated-Groups` lists the groups of `authenticated_groups_claim`, with a comma and a blank (how-to "configure
  OIDC with ACL").
"""

from dcrproof.mocks.gateway import releases, strict
from dcrproof.mocks.gateway.plugin import Mapped, Plugin
from dcrproof.mocks.gateway.tokens import Jwt, claim

IDENTITY_HEADERS = frozenset(("x-credential-identifier", "x-anonymous-consumer", "x-authenticated-groups"))


class UpstreamRules:
    version: str

    def is_forged_identity(self, header: str) -> bool:
        return header.startswith("x-consumer-") or header in IDENTITY_HEADERS

    def clears_mapped_headers(self) -> bool:
        return not releases.has("lets mapped headers through", self.version)

    def claim_headers(self, mapped: Mapped, token: Jwt) -> list[tuple[str, str]]:
        values = ((header, claim(token.claims, path)) for header, path in mapped)
        return [
            (header, value if isinstance(value, str) else strict.to_json(value).decode())
            for header, value in values
            if value is not None
        ]

    def groups_header(self, plugin: Plugin, token: Jwt) -> list[tuple[str, str]]:
        groups = claim(token.claims, plugin.authenticated_groups_claim) if plugin.authenticated_groups_claim else None
        names = groups if isinstance(groups, list) else str(groups).split() if groups else []
        return [("x-authenticated-groups", ", ".join(map(str, names)))] if names else []

    def upstream_token_header(self, plugin: Plugin, token: Jwt) -> tuple[str, str] | None:
        if plugin.upstream_access_token_header is None:
            return None
        name, _, scheme = plugin.upstream_access_token_header.partition(":")
        return (name.lower(), f"Bearer {token.text}" if scheme.lower() == "bearer" else token.text)
