"""What comes before the first application of the classic portal: the older how-to, done."""

from dataclasses import dataclass

from dcrproof.mocks.classic_portal.state import ApplicationSetup, ClassicPortal


@dataclass(frozen=True)
class ClassicSetup:
    """The ids of what `how_to_setup` made, and the form as it was saved."""

    portal_id: str
    product_id: str
    product_version_id: str
    developer_id: str
    application_setup: ApplicationSetup


NOTHING = ClassicSetup("", "", "", "", ApplicationSetup("", ""))
"""Where no classic portal was opened."""


def how_to_setup(
    portal: ClassicPortal,
    *,
    issuer_url: str,
    token: str,
    service: tuple[str, str],
    developer: tuple[str, str],
    product: tuple[str, str] = ("accounts", "1.0.0"),
) -> ClassicSetup:
    """Opens the portal, saves the application setup, offers one product, and makes one developer.

    service: the ids of the control plane and of the gateway service that the product's version is linked to.
    developer: e-mail and password.
    product: name and version.
    """
    opened = portal.open("developers")
    setup = ApplicationSetup(issuer_url, token)
    portal.save(setup)
    version = portal.offer(*product, *service)
    email, password = developer
    person = portal.developers.create(opened.id, {"email": email, "full_name": "Test Developer"})
    portal.accounts.set_password(person.id, password)
    return ClassicSetup(opened.id, version.api_id, version.id, person.id, setup)
