"""The how-to for the classic portal: the places of the steps that it shares with the current one.

Section and number as rendered, with the steps that the how-to has there. Steps that only this how-to has are in
`classic_portal`.
"""

from collections.abc import Mapping

from dcrproof.core.guide.entry import CLASSIC, HowToPlace

SAME: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Prerequisites", "1", ("konnect.account.created",)),
    ("Prerequisites", "2", ("curity.account.created",)),
    ("Prerequisites", "3", ("curity.instance.reachable",)),
    ("Issuer URL", "1", ("curity.profile.tab",)),
    ("Configure token issuer", "1", ("curity.token-issuer.menu",)),
    ("Configure token issuer", "2", ("curity.token-issuer.jwt",)),
    ("Configure token issuer", "3", ("curity.token-issuer.new",)),
    ("Configure token issuer", "4", ("curity.token-issuer.userinfo",)),
    ("Configure token issuer", "5", ("curity.token-issuer.userinfo-keys",)),
    ("Create a client", "1", ("curity.client.menu",)),
    ("Create a client", "2", ("curity.client.created",)),
    ("Create a client", "3", ("curity.client.name",)),
    ("Create a client", "4", ("curity.client.diagram",)),
    ("Create a client", "5", ("curity.client.capability",)),
    (
        "Create a client",
        "6",
        ("curity.client.authentication-method", "curity.client.secret", "curity.client.secret-stored"),
    ),
    ("Enable Dynamic Client Registration", "1", ("curity.dcr.menu",)),
    ("Enable Dynamic Client Registration", "2", ("curity.dcr.enabled",)),
    ("Enable Dynamic Client Registration", "3", ("curity.dcr.non-templatized", "curity.dcr.client-management")),
    ("Enable Dynamic Client Registration", "4", ("curity.dcr.data-source",)),
    ("Enable Dynamic Client Registration", "5", ("curity.dcr.authenticate-client-by",)),
    ("Enable Dynamic Client Registration", "6", ("curity.dcr.nodes",)),
    ("Configure the Dev Portal", "1", ("konnect.menu.dev-portal",)),
    ("Create an application with DCR", "2", ("portal.validate.application",)),
    ("Create an application with DCR", "3", ("portal.validate.application",)),
    ("Create an application with DCR", "4", ("portal.validate.credentials",)),
    ("Make a successful request", "the curl command", ("consumer.basic.encoding",)),
)


def places() -> Mapping[str, tuple[HowToPlace, ...]]:
    """Where the classic how-to has the steps of the current one, by the step's id."""
    found: dict[str, tuple[HowToPlace, ...]] = {}
    for section, number, steps in SAME:
        for step in steps:
            found[step] = (*found.get(step, ()), HowToPlace(section, number, CLASSIC))
    return found
