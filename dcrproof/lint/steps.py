"""Which setup steps in Konnect a file can show, and why it cannot show the others."""

from collections.abc import Mapping

OF_CHECK: Mapping[str, str] = {
    "provider.type": "konnect.provider.type",
    "provider.issuer": "konnect.provider.issuer",
    "provider.registrar-id": "konnect.provider.initial-client-id",
    "provider.verified": "konnect.provider.initial-client-secret",
    "strategy.openid-connect": "konnect.strategy.auth-type",
    "strategy.dcr-provider": "konnect.strategy.dcr-provider",
    "strategy.issuer": "konnect.strategy.issuer",
    "strategy.claim": "konnect.strategy.claim",
    "strategy.auth-methods": "konnect.strategy.auth-methods",
    "route.basic.cached": "konnect.strategy.auth-methods",
    "strategy.scopes": "konnect.strategy.scopes",
    "strategy.requirements": "konnect.strategy.requirements",
    "strategy.hide-credentials": "konnect.strategy.hide-credentials",
    "portal.open": "konnect.portal.user-authentication",
    "api.published": "konnect.publication.api",
    "api.strategy": "konnect.publication.strategy",
    "api.linked-to-gateway": "konnect.implementation.linked",
    "api.linked-to-route": "konnect.implementation.linked",
}
"""The checks of a run that a file can fail, with the setup step that is wrong then."""

TYPE = "set the type to {} in the file; a {} that has been applied already must be deleted first: its type cannot be changed"
FIXES: Mapping[str, str] = {
    "konnect.provider.type": TYPE.format("curity", "provider"),
    "konnect.strategy.auth-type": TYPE.format("openid_connect", "strategy"),
}
"""Where the fix of the guide speaks of what exists already."""

ACCOUNT = "it is a matter of the account and its token, which no file sets"
ROLE = "a file can grant roles; that it does not says nothing, since they may be granted elsewhere"
FORM = "navigation in the user interface"
ANY = "any name is right"
EXISTS = "what is not in the files may exist in Konnect already"
PERSON = "a developer does it at the portal, or an admin decides it"

NOT_SHOWN: Mapping[str, str] = {
    "konnect.account.created": ACCOUNT,
    "konnect.account.region": ACCOUNT,
    **dict.fromkeys(
        (
            f"konnect.role.{name}"
            for name in (
                "portal-creator",
                "api-creator",
                "dcr-provider-creator",
                "auth-strategy-creator",
                "api-publisher",
                "api-registration-approver",
            )
        ),
        ROLE,
    ),
    **dict.fromkeys(
        (
            f"konnect.menu.{name}"
            for name in (
                "dev-portal",
                "application-auth",
                "dcr-providers",
                "new-dcr-provider",
                "auth-strategy",
                "published-apis",
            )
        ),
        FORM,
    ),
    **dict.fromkeys(("konnect.provider.name", "konnect.strategy.name", "konnect.strategy.display-name"), ANY),
    **dict.fromkeys(
        (
            "konnect.portal.created",
            "konnect.api.created",
            "konnect.provider.saved",
            "konnect.strategy.saved",
            "konnect.publication.confirmed",
        ),
        EXISTS,
    ),
    **dict.fromkeys(
        ("konnect.developer.signed-up", "konnect.developer.approved", "konnect.registration.approved"), PERSON
    ),
}
"""The other steps in Konnect, with the reason."""
