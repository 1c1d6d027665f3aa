"""What the standards demand beside what the flow depends on: of metadata, keys, tokens and of each endpoint.

docs/standards.md lists the demands of each document, section by section, with their checks.
"""

import json
from base64 import urlsafe_b64decode
from collections import Counter
from math import ceil

from dcrproof.core.checks.check import Evidence, Level, check
from dcrproof.core.checks.outcomes import NotApplicable
from dcrproof.core.checks.owners import GATEWAY
from dcrproof.core.parties.authorization_server import error_code, refused, told
from dcrproof.core.parties.tokens import certificate_flaw

GRANT = {"grant_type": "client_credentials"}


# Metadata, keys, tokens


REQUIRED = (
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
)


@check(
    "metadata.required",
    "The metadata has the members that its standards require",
    evidence=Evidence.DOCUMENTED,
    references=("OpenID Connect Discovery 1.0, 3", "RFC 8414 2"),
    level=Level.SHOULD,
)
def test_required_metadata(_dcr_target, _dcr_endpoints, _dcr_expect):
    members = _dcr_endpoints.members
    missing = [name for name in REQUIRED if not members.get(name)]
    _dcr_expect.that(not missing, f"{', '.join(REQUIRED)} in the metadata", f"no {', '.join(missing)}")
    keys = ("curity.token-issuer.signing-key",) if _dcr_target.is_curity else ()
    for name, least, steps in (
        ("id_token_signing_alg_values_supported", "RS256", keys),
        ("scopes_supported", "openid", ()),
    ):
        listed = members.get(name, [least])
        right = isinstance(listed, list) and least in listed
        _dcr_expect.that(right, f"{least} among {name}", f"{name} {listed!r}", steps=steps)


@check(
    "metadata.basic",
    "The metadata lists a method of client authentication with a secret, or no methods at all",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 8414 2",),
    level=Level.SHOULD,
)
def test_methods_in_the_metadata(_dcr_endpoints, _dcr_expect):
    name = "token_endpoint_auth_methods_supported"
    listed = _dcr_endpoints.members.get(name, ["client_secret_basic"])
    right = isinstance(listed, list) and bool({"client_secret_basic", "client_secret_post"} & set(map(str, listed)))
    _dcr_expect.that(right, f"client_secret_basic or client_secret_post in {name}", f"{name} {listed!r}")


@check(
    "metadata.no-empty-list",
    "The metadata has no empty lists",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 8414 3.2", "OpenID Connect Discovery 1.0, 4.2"),
    level=Level.SHOULD,
)
def test_no_empty_lists_in_the_metadata(_dcr_endpoints, _dcr_expect):
    empty = sorted(name for name, value in _dcr_endpoints.members.items() if value == [])
    _dcr_expect.that(not empty, "lists without elements left out", f"{', '.join(empty)} without elements")


OF_KIND = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
OPERATIONS = {"sig": {"sign", "verify"}, "enc": {"encrypt", "decrypt", "wrapKey", "unwrapKey"}}


@check(
    "keys.complete",
    "Each key has its type and what that type needs, is for one use, and agrees with its certificate",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7517 4.1", "RFC 7517 4.3", "RFC 7517 4.7", "RFC 7517 4.8", "RFC 7518 6"),
)
def test_keys_are_complete(dcr_jwks, _dcr_expect):
    for key in dcr_jwks["keys"]:
        kind, use, operations = key.get("kty"), key.get("use"), key.get("key_ops")
        missing = [name for name in OF_KIND.get(str(kind), ()) if not isinstance(key.get(name), str)]
        _dcr_expect.that(
            kind and not missing, "kty, and the members of that type", f"kty {kind!r}, no {', '.join(missing)}"
        )
        agrees = not use or not operations or set(map(str, operations)) <= OPERATIONS.get(str(use), set(operations))
        _dcr_expect.that(agrees, "use and key_ops that agree", f"use {use!r}, key_ops {operations!r}")
        flaw = certificate_flaw(key)
        _dcr_expect.that(not flaw, "x5c and x5t, where they are there, of this key", flaw)


@check(
    "keys.strong",
    "RSA keys have at least 2048 bits",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7518 3.3", "RFC 8725 3.5"),
    security=True,
)
def test_keys_are_strong(dcr_jwks, _dcr_expect):
    sizes = [ceil(len(key["n"]) * 6 / 8) * 8 for key in dcr_jwks["keys"] if isinstance(key.get("n"), str)]
    _dcr_expect.that(all(size >= 2048 for size in sizes), "2048 bits or more", f"{min(sizes, default=0)} bits")


ASYMMETRIC = ("RS", "PS", "ES", "Ed")
"""How the names of algorithms begin whose tokens everybody can verify and nobody else can make."""


@check(
    "token.algorithm",
    "The access token is signed with an algorithm for public keys",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 8725 3.2",),
    security=True,
)
def test_algorithm_of_the_token(_dcr_jwt, _dcr_expect):
    algorithm = str(_dcr_jwt.header.get("alg"))
    _dcr_expect.that(algorithm.startswith(ASYMMETRIC), "an algorithm of RSA or elliptic curves", f"alg {algorithm!r}")


@check(
    "token.unique-claims",
    "The token's header and claims are JSON in UTF-8, and no name is there twice",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7519 4", "RFC 8725 3.7"),
    level=Level.SHOULD,
    security=True,
)
def test_claims_are_unique(_dcr_jwt, _dcr_expect):
    twice: list[str] = []

    def names(pairs):
        twice.extend(name for name, number in Counter(name for name, _ in pairs).items() if number > 1)
        return dict(pairs)

    for part in _dcr_jwt.text.split(".")[:2]:
        octets = urlsafe_b64decode(part + "==")
        try:
            json.loads(octets.decode("utf-8"), object_pairs_hook=names)
        except ValueError:
            _dcr_expect.that(holds=False, expected="JSON in UTF-8", observed="other octets")
    _dcr_expect.that(not twice, "each name once", f"{', '.join(sorted(set(twice)))} twice")


LONGEST = 3_600
"""In seconds."""


@check(
    "token.short-lived",
    "The access token lives for an hour or less",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 6750 5.3",),
    level=Level.SHOULD,
    security=True,
)
def test_lifetime_of_the_token(_dcr_jwt, _dcr_token_answer, _dcr_expect):
    lifetime = _dcr_jwt.lifetime
    if lifetime is None and _dcr_jwt.date("exp") is not None:  # iat is optional (RFC 7519 4.1.6)
        lifetime = _dcr_token_answer.members().get("expires_in")
        if not isinstance(lifetime, int | float):
            raise NotApplicable("the token has no iat, and its answer no expires_in")
    short = lifetime is not None and lifetime <= LONGEST
    _dcr_expect.that(short, f"{LONGEST} s or less", "no exp" if lifetime is None else f"{lifetime} s")


# The token endpoint


def _granted(expect, what, exchange):
    expect.that(exchange.status == 200, f"a token for a request {what}, as without", told(exchange))


@check(
    "grant.unknown-parameter",
    "Parameters of a token request that the server does not know are ignored",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 6749 3.2",),
)
def test_unknown_parameters_are_ignored(
    _dcr_authorization_server, _dcr_endpoints, _dcr_token_answer, _dcr_granted, _dcr_expect
):
    url, form = _dcr_endpoints.endpoint("token_endpoint"), {**GRANT, "dcrproof_unknown": "1"}
    exchange = _dcr_authorization_server.form(url, form, _dcr_granted.client_id, _dcr_granted.client_secret)
    _granted(_dcr_expect, "with an unknown parameter", exchange)


@check(
    "grant.empty-parameter",
    "A parameter of a token request without a value counts as left out",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 6749 3.2",),
)
def test_empty_parameters_count_as_left_out(
    _dcr_authorization_server, _dcr_endpoints, _dcr_token_answer, _dcr_granted, _dcr_expect
):
    url, form = _dcr_endpoints.endpoint("token_endpoint"), {**GRANT, "scope": ""}
    exchange = _dcr_authorization_server.form(url, form, _dcr_granted.client_id, _dcr_granted.client_secret)
    _granted(_dcr_expect, "with an empty scope", exchange)


@check(
    "grant.repeated-parameter",
    "A token request with a parameter twice is refused",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 6749 3.2",),
    level=Level.SHOULD,
)
def test_repeated_parameters_are_refused(
    _dcr_authorization_server, _dcr_endpoints, _dcr_token_answer, _dcr_granted, _dcr_expect
):
    url, form = _dcr_endpoints.endpoint("token_endpoint"), [*GRANT.items(), *GRANT.items()]
    exchange = _dcr_authorization_server.form(url, form, _dcr_granted.client_id, _dcr_granted.client_secret)
    _dcr_expect.that(400 <= exchange.status < 500, "grant_type twice refused (4xx)", error_code(exchange))


@check(
    "grant.no-client",
    "A token request without the client's secret is refused",
    evidence=Evidence.DOCUMENTED,
    references=(
        "RFC 6749 3.2.1",
        "RFC 6749 4.4",
    ),
    security=True,
)
def test_client_authenticates(_dcr_authorization_server, _dcr_endpoints, _dcr_token_answer, _dcr_granted, _dcr_expect):
    url = _dcr_endpoints.endpoint("token_endpoint")
    for form in (GRANT, {**GRANT, "client_id": _dcr_granted.client_id}):
        exchange = _dcr_authorization_server.form_with(url, form, None)
        _dcr_expect.that(refused(exchange), "a request without a secret refused", error_code(exchange))


@check(
    "grant.secret-in-url",
    "Credentials in the URL of a token request are not accepted",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 6749 2.3.1",),
    security=True,
    creates={"client": 1},
)
def test_secret_in_the_url(_dcr_registrations, _dcr_endpoints, _dcr_token_answer, _dcr_expect):
    client = _dcr_registrations.register("in URL")  # its secret may be in logs from then on
    exchange = _dcr_registrations.server.form_in_url(
        _dcr_endpoints.endpoint("token_endpoint"), GRANT, client.client_id, client.client_secret
    )
    _dcr_expect.that(refused(exchange), "credentials in the URL refused", error_code(exchange))


@check(
    "grant.json",
    "Answers of the token endpoint are JSON, and say so",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 6749 5.1", "RFC 6749 5.2"),
    level=Level.SHOULD,
)
def test_answers_are_json(_dcr_authorization_server, _dcr_endpoints, _dcr_token_answer, _dcr_granted, _dcr_expect):
    url = _dcr_endpoints.endpoint("token_endpoint")
    refusal = _dcr_authorization_server.form(url, {}, _dcr_granted.client_id, _dcr_granted.client_secret)
    for exchange in (_dcr_token_answer, refusal):
        right = exchange.media_type == "application/json"
        _dcr_expect.that(right, f"application/json with {exchange.status}", exchange.media_type or "no Content-Type")


@check(
    "grant.challenge",
    "A challenge of the token endpoint has a realm, and no other charset than UTF-8",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7617 2", "RFC 7617 2.1"),
    level=Level.SHOULD,
    hostile=True,
)
def test_challenge(
    _dcr_authorization_server, _dcr_endpoints, _dcr_token_answer, _dcr_wrong_secret, _dcr_mark, _dcr_expect
):
    exchange = _dcr_authorization_server.token(_dcr_endpoints, f"{_dcr_mark} challenged", _dcr_wrong_secret)
    challenge = (exchange.header("www-authenticate") or "").lower()
    if not challenge.startswith("basic"):  # `grant.unknown-client` looks for one
        _dcr_expect.note("curity", "challenge", challenge or "none")
        return
    right = "realm=" in challenge and ("charset=" not in challenge or "utf-8" in challenge)
    _dcr_expect.that(right, "realm, and charset UTF-8 or none, in WWW-Authenticate", f"WWW-Authenticate {challenge!r}")


# Registration and its management


@check(
    "registered.unknown-member",
    "Client metadata that the server does not know is ignored",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7591 2",),
    creates={"client": 1},
)
def test_unknown_metadata_is_ignored(_dcr_registrations, _dcr_granted, _dcr_expect):
    token = _dcr_registrations.access.token()
    exchange = _dcr_registrations.attempt("unknown member", token, dcrproof_unknown="1")
    _dcr_expect.that(exchange.status == 201, "201, as without dcrproof_unknown", told(exchange))


@check(
    "registered.default-method",
    "A client that names no method of authentication is registered for Basic",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7591 2",),
    level=Level.SHOULD,
    creates={"client": 1},
)
def test_default_method(_dcr_registrations, _dcr_endpoints, _dcr_granted, _dcr_expect):
    listed = _dcr_endpoints.members.get("token_endpoint_auth_methods_supported")
    if isinstance(listed, list) and "client_secret_basic" not in listed:
        raise NotApplicable("the metadata does not list client_secret_basic: the server has to choose another method")
    client = _dcr_registrations.register("default method", token_endpoint_auth_method=None)
    method = client.members.get("token_endpoint_auth_method", "client_secret_basic")
    right = method == "client_secret_basic"
    _dcr_expect.that(right, "token_endpoint_auth_method client_secret_basic", f"token_endpoint_auth_method {method!r}")


@check(
    "registered.secret-expiry",
    "The registration response says when the client secret expires",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7591 3.2.1",),
    level=Level.SHOULD,
)
def test_expiry_of_the_secret(_dcr_granted, _dcr_expect):
    expires = _dcr_granted.members.get("client_secret_expires_at")
    right = isinstance(expires, int) and not isinstance(expires, bool) and expires >= 0
    _dcr_expect.that(right, "client_secret_expires_at, a time or 0", f"client_secret_expires_at {expires!r}")


@check(
    "managed.update-removes",
    "What an update leaves out is no longer registered",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7592 2.2",),
    level=Level.SHOULD,
    creates={"client": 1},
)
def test_update_replaces_all_metadata(_dcr_registrations, _dcr_updated, _dcr_expect):
    client = _dcr_registrations.register("less", software_version="1.0")
    if "software_version" not in client.members:
        raise NotApplicable("the server keeps no software_version")
    update = _dcr_registrations.server.update(client, _dcr_registrations.client("less"))
    updated = _dcr_registrations.shown(update, confidential=False)
    still = updated.members.get("software_version")
    _dcr_expect.that(not still, "no software_version after an update without one", f"software_version {still!r}")


@check(
    "managed.update-own-secret",
    "An update cannot replace the secret by one of the client's choice",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7592 2.2",),
    security=True,
    creates={"client": 1},
)
def test_client_cannot_replace_its_secret(
    _dcr_registrations, _dcr_updated, _dcr_endpoints, _dcr_wrong_secret, _dcr_expect
):
    client = _dcr_registrations.register("own secret")
    body = {
        **_dcr_registrations.client("updated"),
        "client_id": client.client_id,
        "client_secret": _dcr_wrong_secret.reveal(),
    }
    exchange = _dcr_registrations.server.manage(
        "PUT", client.registration_client_uri, client.registration_access_token, body
    )
    if exchange.status != 200:
        _dcr_expect.that(400 <= exchange.status < 500, "the update refused (4xx)", error_code(exchange))
        return
    _dcr_registrations.shown(exchange, confidential=False)
    tried = _dcr_registrations.server.token(_dcr_endpoints, client.client_id, _dcr_wrong_secret)
    _dcr_expect.that(refused(tried), "the client's own choice refused as its secret", error_code(tried))


# Introspection, revocation, and the route


@check(
    "introspection.needs-client",
    "The introspection endpoint answers nobody who does not authenticate",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7662 2.1", "RFC 7662 2.3"),
    security=True,
)
def test_introspection_needs_a_client(
    _dcr_authorization_server, _dcr_introspection_endpoint, _dcr_token_answer, _dcr_mark, _dcr_expect
):
    # the token is none: an answer that says so is an answer as well
    form = {"token": f"{_dcr_mark} unknown"}
    exchange = _dcr_authorization_server.form_with(_dcr_introspection_endpoint, form, None)
    _dcr_expect.that(refused(exchange), "an introspection without a client refused", error_code(exchange))
    _unauthorized(_dcr_expect, "introspection.needs-client", exchange)


def _unauthorized(expect, name, exchange):
    code = error_code(exchange)
    expect.form("curity", name, code == "401 invalid_client", "401 invalid_client", code, Evidence.INFERRED)


@check(
    "revocation.needs-client",
    "The revocation endpoint revokes nothing for somebody who does not authenticate",
    evidence=Evidence.DOCUMENTED,
    references=("RFC 7009 2.1", "RFC 7009 2.2.1"),
    security=True,
)
def test_revocation_needs_a_client(
    _dcr_authorization_server, _dcr_revocation_endpoint, _dcr_token_answer, _dcr_mark, _dcr_expect
):
    # the token is none: who reads the request first says that it is unknown, and a 200 is all the same
    form = {"token": f"{_dcr_mark} unknown"}
    exchange = _dcr_authorization_server.form_with(_dcr_revocation_endpoint, form, None, by_status=True)
    _dcr_expect.that(refused(exchange), "a revocation without a client refused", error_code(exchange))
    _unauthorized(_dcr_expect, "revocation.needs-client", exchange)


@check(
    "route.challenge",
    "A call without credentials is answered with a challenge",
    evidence=Evidence.INFERRED,
    references=("RFC 6750 3", "RFC 9110 15.5.2"),
    level=Level.SHOULD,
    owner=GATEWAY,
)
def test_route_challenges(_dcr_first_answers, dcr_protected, _dcr_expect):
    for exchange in _dcr_first_answers.values():
        challenge = exchange.header("www-authenticate") or ""
        right = exchange.status != 401 or bool(challenge)
        _dcr_expect.form("gateway", "route.challenge", right, "WWW-Authenticate with 401", "none", Evidence.INFERRED)
