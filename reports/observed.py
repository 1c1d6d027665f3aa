"""`observed.toml`: what live parties did where the documentation is silent, as `--dcr-observed` reads it."""

from datetime import date
from typing import Any

import tomli_w

from dcrproof.core.text import visible
from dcrproof.reports.diagnosis import Run

SWITCHES = {
    "curity": (
        *("shows_registration_scopes", "registers_client_without_grant_types"),
        "failed_registration_consumes_initial_token",
    ),
    "konnect": (
        *("deletes_providers_in_use", "refused_push_takes_plugin_away", "refresh_cookie_reaches_its_endpoint"),
    ),
    "gateway": (
        *("literal_basic", "any_spelling_of_basic", "reads_proxy_authorization", "shares_session_secrets"),
        *("accept_missing_exp", "accept_missing_kid", "accept_critical_extensions", "sends_pairs_unencoded"),
        "sends_credential_identifier",
        *("takes_allowed_issuers", "keeps_refusals", "shares_token_requests", "any_spelling_of_base64"),
        *("ignores_audience", "passes_over_broken_sessions", "lets_anonymous_past_applications"),
        *("answers_unapproved_with_401", "answers_strangers_with_403"),
    ),
}
"""The observations that set a switch of a mock: false where the party did as the mock does by default, else true.

Where several differ the stricter one counts: a party that accepts only one of two odd spellings does not accept all.
"""

HEAD = """\
# What live parties did where the documentation is silent or contradicts itself.
# `pytest --dcr-observed FILE` and `dcrproof serve --observed FILE` make the mocks behave the same way.
# The tables named `forms` are for readers only: the mocks have no switches for them.
"""


def observed_toml(run: Run) -> str:
    """A table for each live party with observations: its version, the date, its switches, and other forms."""
    parties: dict[str, dict[str, Any]] = {}
    for check in run["checks"]:
        for item in check["observations"]:
            party, name = item["party"], item["name"]
            if run["target"].get(party) != "live":
                continue
            table = parties.setdefault(party, {"version": visible(run["versions"].get(party) or "unknown")})
            if run["started"]:
                table["date"] = date.fromisoformat(run["started"][:10])
            if name in SWITCHES.get(party, ()):
                table[name] = table.get(name, True) and not item["held"]
            else:
                table.setdefault("forms", {})[visible(name)] = visible(item["observed"])
    if not parties:
        return HEAD + "\n# Empty: no party was live, or everything that was looked at is documented.\n"
    return f"{HEAD}\n{tomli_w.dumps(parties)}"
