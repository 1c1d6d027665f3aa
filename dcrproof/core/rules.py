"""What the settings in Konnect must be, as far as their values alone show it: each rule judges one value.

A run holds what Konnect answers against these rules, `dcrproof lint` what a file will set. A rule returns nothing, and
raises Failed with both sides.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from dcrproof.core.checks.expect import demand
from dcrproof.core.checks.outcomes import Failed
from dcrproof.core.parties.answers import Object
from dcrproof.core.parties.authorization_server import WELL_KNOWN

METHODS = ("client_credentials", "bearer", "session")


def provider_type(value: object) -> None:
    demand(value == "curity", "provider_type curity", f"provider_type {value!r}")


def issuer_of(value: object) -> str:
    """The issuer that a value names, as itself or as its discovery URL; empty where it is no text."""
    return value.strip().removesuffix("/").removesuffix(WELL_KNOWN).removesuffix("/") if isinstance(value, str) else ""


def discovery_url(value: object, issuer: str) -> None:
    """Konnect fetches this value unchanged: it must be the discovery URL, not the issuer alone."""
    whole = issuer_of(value) == issuer and str(value).endswith(WELL_KNOWN)
    demand(whole, f"issuer {issuer}{WELL_KNOWN}", f"issuer {value!r}")


def strategy_issuer(value: object, issuer: str) -> None:
    demand(issuer_of(value) == issuer, f"issuer {issuer}{WELL_KNOWN}", f"issuer {value!r}")


def given(value: object, name: str) -> None:
    demand(value, f"{name} of the client that registers at Curity", f"no {name}")


def linked_to_service(control_plane: object) -> None:
    demand(
        not control_plane,
        "the API linked to the gateway service of the route",
        "linked to a control plane as a whole, where only the plugin ace would ask for credentials",
    )


def registrar(value: object, id: str) -> None:
    demand(value == id, f"initial_client_id {id}", f"initial_client_id {value!r}")


def openid_connect(strategy: Object) -> Object:
    """The part of a strategy that configures the gateway's plugin."""
    configs = strategy.get("configs")
    config = configs.get("openid-connect") if isinstance(configs, dict) else None
    demand(
        strategy.get("strategy_type") == "openid_connect" and isinstance(config, dict),
        "strategy_type openid_connect with configs.openid-connect",
        f"strategy_type {strategy.get('strategy_type')!r}",
    )
    return config or {}


def has_provider(id: object) -> None:
    demand(id, "a DCR provider in the strategy", "none: applications of this strategy are not registered anywhere")


def claim(value: object) -> None:
    """Without a token to look into: the claim of a Curity token that holds the client id."""
    demand(value == ["sub"], 'credential_claim ["sub"]', f"credential_claim {value!r}")


def auth_methods(value: object) -> None:
    chosen = value if isinstance(value, list) else []
    missing = [method for method in METHODS if method not in chosen]
    demand(
        not missing,
        "client_credentials, bearer and session among auth_methods",
        f"auth_methods {value!r}: no {', '.join(missing)}",
    )


def no_password(value: object) -> None:
    both = isinstance(value, list) and {"password", "client_credentials"} <= set(map(str, value))
    words = "password together with client_credentials disables the token cache: each call makes a token request"
    demand(not both, "client_credentials without password among auth_methods", f"auth_methods {value!r}: {words}")


def scopes(value: object) -> None:
    """Scopes that no client of the flow is granted. Whether Curity grants another one is not seen from its name."""
    expected = "scopes empty, or scopes that Curity grants to registered clients"
    chosen = list(map(str, value)) if isinstance(value, list) else str(value or "").split()
    demand(
        "openid" not in chosen, expected, f"scopes {value!r}: openid is for users, and the gateway asks for a client"
    )
    demand("dcr" not in chosen, expected, f"scopes {value!r}: dcr is for the registrar, which registers clients")


def required(claim: str, entries: object, granted: Iterable[str]) -> None:
    """What a strategy requires at the usual claim of a token. `granted` are the scopes that the gateway asks for.

    An entry is met by a token that has all its words, and one entry of several is enough (plugin reference).
    """
    wanted = list(map(str, entries)) if isinstance(entries, list) else []
    held = {"audience": ("the client's own id",), "scopes": tuple(granted)}.get(claim, ())
    met = claim == "scopes" and any(set(entry.split()) <= set(held) for entry in wanted)
    demand(
        not wanted or met,
        f"no {claim}_required, or what is in the tokens of registered clients",
        f"{claim}_required {wanted!r}; a token of Curity has {' '.join(held) or 'none'}, unless it is set up otherwise",
    )


def hide_credentials(value: object) -> None:
    demand(
        value is not False,
        "hide_credentials true, or left to the plugin's default",
        "hide_credentials false: an id and a secret that come in the query or the body reach the upstream",
    )


def authentication_enabled(value: object) -> None:
    demand(
        value is True,
        "a portal with developer accounts (authentication_enabled)",
        "authentication_enabled false: the portal is public and has no applications",
    )


def publication_strategy(expected: str, others: Iterable[str]) -> Failed:
    """The failure of a publication without that strategy, in words; `others` are those that it has."""
    found = "; ".join(f"the strategy {name}" for name in others)
    words = found or "none: the route takes no application's credentials"
    return Failed(f"the strategy {expected} on the publication", words)


NOT_ISSUERS = frozenset(
    f"oauth-{name}"
    for name in ("token", "authorize", "introspect", "revoke", "userinfo", "registration", "session", "assisted-token")
)
"""The last segments of Curity's default endpoints beside that of the issuer, `oauth-anonymous`."""


def written_discovery_url(value: object) -> None:
    """A discovery URL whose server is not known: its form, and that it is not below another endpoint of Curity."""
    expected = f"the discovery URL of Curity: https://CURITY/oauth/v2/oauth-anonymous{WELL_KNOWN}"
    demand(value, expected, "no issuer")
    said = str(value)
    demand(not re.search(r"\s", said), expected, f"issuer {value!r}: no URL has a blank")
    try:
        url = urlsplit(said)
        complete = url.scheme in {"https", "http"} and bool(url.hostname)
    except ValueError:
        complete = False
    demand(complete, expected, f"issuer {value!r}: it is no URL")
    demand(said.endswith(WELL_KNOWN), expected, f"issuer {value!r}: it does not end with {WELL_KNOWN}")
    last = issuer_of(said).rpartition("/")[2]
    demand(last not in NOT_ISSUERS, expected, f"issuer {value!r}: {last} is another endpoint of Curity")
    demand(WELL_KNOWN not in issuer_of(said), expected, f"issuer {value!r}: it has {WELL_KNOWN} twice")
    demand(urlsplit(issuer_of(said)).path, expected, f"issuer {value!r}: the path of Curity's issuer is missing")
