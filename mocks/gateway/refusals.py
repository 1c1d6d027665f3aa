"""How a node refuses: status, message and what goes with them, as the plugin is configured."""

from dataclasses import replace

from dcrproof.mocks.gateway import releases, session
from dcrproof.mocks.gateway.plugin import Plugin
from dcrproof.mocks.gateway.session import GatewaySession
from dcrproof.mocks.gateway.verdicts import Credential, Refused


class RefusalRules:
    version: str

    def unauthorized(self, plugin: Plugin, reason: str, error: str | None = "invalid_token") -> Refused:
        return self._refused(plugin, 401, plugin.unauthorized_error_message, reason, error)

    def forbidden(self, plugin: Plugin, reason: str) -> Refused:
        return self._refused(plugin, 403, plugin.forbidden_error_message, reason, "insufficient_scope")

    def _refused(self, plugin: Plugin, status: int, message: str, reason: str, error: str | None) -> Refused:
        """`display_errors` adds the reason in parentheses (support article on `display_errors`).

        With a redirect URI the caller is sent there instead (openid-connect 1.5.x).
        """
        go_to = plugin.unauthorized_redirect_uri if status == 401 else plugin.forbidden_redirect_uri
        if status == 403 and releases.has("sends the forbidden where the unauthorized go", self.version):
            go_to = plugin.unauthorized_redirect_uri
        if go_to:
            return Refused(302, "", challenge=False, location=go_to[0])
        text = f"{message} ({reason})" if plugin.display_errors else message
        return Refused(status, text, error=error if plugin.expose_error_code else None, realm=plugin.issuer_host)

    def refusal_of(self, plugin: Plugin, credential: Credential, refused: Refused) -> Refused:
        """The refusal of that credential: a refused session ends."""
        return self.destroying(plugin, refused) if isinstance(credential, GatewaySession) else refused

    def destroying(self, plugin: Plugin, refused: Refused) -> Refused:
        """The refusal of a session, which clears the cookie unless the plugin is configured otherwise."""
        destroys = plugin.unauthorized_destroy_session if refused.status == 401 else plugin.forbidden_destroy_session
        return replace(refused, set_cookies=(session.clear_cookie(plugin),)) if destroys else refused
