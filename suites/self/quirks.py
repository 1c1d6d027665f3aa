"""The quirks of authorization servers, as data: legal ones, in front of which a run is green, and faults, each with the
check that names it and the words it must and must not use.

A row is a run of its own in mode `provision`, of the checks concerned, with mocks of Konnect, portal and gateway.
"""

import gzip
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from quirky_server import (
    INITIAL_TOKEN,
    REGISTRAR,
    REGISTRAR_SECRET,
    SCOPE,
    Answer,
    Asked,
    Issuer,
    Quirk,
    becomes,
    both,
    encoded,
    error,
    errors,
    jwk,
    kept_for,
    members,
    servers,
    status,
    typed,
    without,
)

FLOW = (
    "discovery keys registrar registration token application.created client.known gateway.clock route.bearer.accepted \
route.basic.accepted claims"
)
MANAGED = "registration registered managed life.secret life.deleted"
HTML = "text/html; charset=utf-8"
PAGE = "<!doctype html><title>{0}</title><h1>{0}</h1>"

DJANGO = """<!doctype html>
<html lang="en">
<head>
  <title>403 Forbidden</title>
</head>
<body>
  <h1>403 Forbidden</h1><p></p>
</body>
</html>
"""
FLASK = """<!doctype html>
<html lang=en>
<title>403 Forbidden</title>
<h1>Forbidden</h1>
<p>You don&#39;t have the permission to access the requested resource.</p>
"""

PROFILE = """\
[run]
mode = "provision"
hostile = true
deadlines = {{ propagation = "0s", patience = "2s" }}
[curity]
issuer = "{issuer}"
kind = "openid"
{curity}
[curity.registrar]
{registrar}
[konnect]
mocked = true
[portal]
mocked = true
[gateway]
mocked = true
"""
WITH_PAIR = f'id = "{REGISTRAR}"\nsecret = {{ file = "registrar-secret" }}'
WITH_TOKEN = 'initial_access_token = { file = "initial-token" }'


@dataclass(frozen=True)
class Legal:
    """A quirk that a document allows, which `source` names. `passed` are checks that must not merely be unseen."""

    quirk: Quirk
    source: str
    checks: str = FLOW
    passed: str = ""
    curity: str = ""
    """Lines of the profile's table of that name."""
    registrar: str = WITH_PAIR


@dataclass(frozen=True)
class Fault:
    """A quirk that no document allows, or that the flow cannot live with.

    `check` is the first check to fail, with these `words` in what it observed or expected, one of these `steps` or none,
    and none of the words `blames`. `verdict` where it is not *failed*. `left` are clients that a run cannot delete:
    they are reported.
    """

    quirk: Quirk
    check: str
    words: tuple[str, ...]
    steps: tuple[str, ...] = ()
    not_steps: tuple[str, ...] = ("gateway.data-plane.keys", "konnect.provider.initial-client-secret")
    checks: str = FLOW
    verdict: str = "failed"
    curity: str = ""
    registrar: str = WITH_PAIR
    left: int = 0
    exit: int = 1
    alone: bool = False
    """Whether it is the one check that fails, and others are blocked."""


def of_scope(scope: str, answer: Answer) -> Callable[[Asked], Answer | None]:
    """Refuses token requests with that scope; an empty one stands for none."""
    return lambda asked: answer if scope in (asked.form.get("scope") or "").split(" ") else None


def to_a_client(answer: Answer) -> bool:
    """Whether it is a token for a registered client."""
    return succeeded(answer) and answer.content["access_token"].count(".") > 1


def to_clients(answer: Answer) -> Callable[[Answer], Answer]:
    """That answer to registered clients, in place of a token."""
    return where(to_a_client, lambda _: answer)


def with_empty(name: str, code: str) -> Callable[[Asked], Answer | None]:
    return lambda asked: error(400, code) if asked.json.get(name) == [] else None


def page(number: int, title: str, **headers: str) -> Answer:
    return Answer(number, PAGE.format(title), {**headers, "content-type": HTML})


def text(number: int, content: str, media_type: str = "text/plain") -> Answer:
    return Answer(number, content, {"content-type": media_type})


def null(*names: str) -> Callable[[Answer], Answer]:
    """Members that are null, not left out."""
    return lambda answer: replace(answer, content={**(answer.content or {}), **dict.fromkeys(names)})


def only(*names: str) -> Callable[[Answer], Answer]:
    return lambda answer: replace(
        answer, content={name: answer.content[name] for name in names if name in answer.content}
    )


def where(holds: Callable[[Answer], Any], change: Callable[[Answer], Answer]) -> Callable[[Answer], Answer]:
    return lambda answer: change(answer) if holds(answer) else answer


def succeeded(answer: Answer) -> bool:
    return answer.status < 300


def in_every(*endpoints: str, change: Callable[[Answer], Answer]) -> Mapping[str, Callable[[Answer], Answer]]:
    return dict.fromkeys(endpoints, change)


PROTECTED = ("register", "read", "update", "delete")
"""Endpoints that are called with a bearer token, whose errors RFC 6750 knows by status and challenge."""
KEPT = ("client_id", "client_secret", "registration_client_uri", "registration_access_token")
ENCRYPTION = {"kty": "RSA", "use": "enc", "key_ops": ["encrypt"], "alg": "RSA-OAEP", "e": "AQAB"}


def encryption_key(kid: str = "key-1") -> dict[str, Any]:
    return {**jwk("RS256", kid), **ENCRYPTION}


LEGAL: Mapping[str, Legal] = {
    "nothing": Legal(Quirk(), "an ordinary server", passed="route.basic.accepted claims.verify"),
    # RFC 6749: the token answer
    "scope left out of the token answer": Legal(
        Quirk(answers={"token": without("scope")}), "RFC 6749 5.1", passed="registrar.gets-dcr-scope token.granted"
    ),
    "expires_in left out": Legal(Quirk(answers={"token": without("expires_in")}), "RFC 6749 5.1: RECOMMENDED"),
    **{
        f"token_type {kind}": Legal(
            Quirk(answers={"token": where(succeeded, members(token_type=kind))}),
            "RFC 6749 5.1: case insensitive",
            passed="registrar.authenticates token.granted",
        )
        for kind in ("bearer", "BEARER")
    },
    "a registrar must say its scope": Legal(
        Quirk(
            refuses={
                "token": lambda asked: (
                    error(400, "invalid_scope")
                    if not asked.form.get("scope") and asked.client == (REGISTRAR, REGISTRAR_SECRET)
                    else None
                )
            }
        ),
        "RFC 6749 3.3: a server may refuse a request without scope",
        passed="registrar.authenticates registrar.gets-dcr-scope registration.created",
    ),
    "a client by client_secret_post alone": Legal(
        Quirk(methods=("client_secret_post",), registered_method="client_secret_post"),
        "RFC 8414 2, token_endpoint_auth_methods_supported",
        passed="registration.grants token.granted application.created",
        checks="discovery registrar registration token.granted token.verifies application.created registered.default-method",
    ),
    "a client registered with client_secret_post": Legal(
        Quirk(registered_method="client_secret_post"),
        "RFC 7591 3.2.1: the server may replace what was asked for",
        passed="registration.grants token.granted",
        checks="registration token.granted token.verifies",
    ),
    "methods not listed in discovery": Legal(
        Quirk(metadata={"token_endpoint_auth_methods_supported": None}),
        "OpenID Connect Discovery 3: client_secret_basic then",
    ),
    # RFC 7591 and 7592
    "the secret is not shown again": Legal(
        Quirk(answers=in_every("read", "update", change=without("client_secret"))),
        "RFC 7592 3: client_secret is OPTIONAL in a read",
        checks=MANAGED,
        passed="registration.read registration.update registration.delete",
    ),
    "an update gives no new registration token": Legal(
        Quirk(answers=in_every("read", "update", change=where(succeeded, without("registration_access_token")))),
        "RFC 7592 3",
        checks=MANAGED,
        passed="registration.read registration.update",
    ),
    "DELETE answers 200": Legal(
        Quirk(answers={"delete": where(succeeded, becomes(200))}),
        "RFC 9110 9.3.5",
        checks=MANAGED,
        passed="registration.delete",
    ),
    "DELETE answers 204 as text/html": Legal(
        Quirk(answers={"delete": where(succeeded, typed(HTML))}), "Django", checks=MANAGED, passed="registration.delete"
    ),
    "DELETE answers an empty 200 as text/html": Legal(
        Quirk(answers={"delete": where(succeeded, both(becomes(200), typed(HTML)))}),
        "Flask",
        checks=MANAGED,
        passed="registration.delete",
    ),
    "DELETE answers 200 with a page": Legal(
        Quirk(answers={"delete": where(succeeded, lambda _: page(200, "Deleted"))}),
        "RFC 9110 9.3.5: a representation that describes the status",
        checks=MANAGED,
        passed="registration.delete registration.deleted-client",
    ),
    "DELETE answers 202": Legal(
        Quirk(answers={"delete": where(succeeded, becomes(202))}),
        "RFC 9110 9.3.5",
        checks=MANAGED,
        passed="registration.delete registration.deleted-client",
    ),
    "DELETE answers 202 with JSON that is no object": Legal(
        Quirk(answers={"delete": where(succeeded, becomes(202, '"accepted"', "application/json"))}),
        "RFC 9110 9.3.5",
        checks=MANAGED,
        passed="registration.delete registration.deleted-client",
    ),
    "empty redirect_uris are refused": Legal(
        Quirk(
            refuses={
                "register": with_empty("redirect_uris", "invalid_redirect_uri"),
                "update": with_empty("redirect_uris", "invalid_redirect_uri"),
            }
        ),
        "RFC 7591 2: left out where there is none",
        passed="registration.created registration.update application.created",
        checks="registration application.created",
    ),
    "empty response_types are refused": Legal(
        Quirk(
            refuses={
                "register": with_empty("response_types", "invalid_client_metadata"),
                "update": with_empty("response_types", "invalid_client_metadata"),
            }
        ),
        "RFC 7591 2",
        passed="registration.created registration.update application.created",
        checks="registration application.created",
    ),
    **{
        f"{code} to management without a right to it": Legal(
            Quirk(answers=in_every("read", "update", "delete", change=errors(lambda _, code=code: error(*code)))),
            "RFC 7592 2 asks for 401, and a refusal is a refusal",
            checks=f"{MANAGED} managed",
            passed="managed.no-token managed.after-delete registration.delete",
        )
        for code in ((404, "not_found"), (400, "invalid_token"))
    },
    "what was asked for is replaced": Legal(
        Quirk(
            answers=in_every(
                *("register", "read", "update"),
                change=where(
                    succeeded,
                    members(
                        client_name=lambda usual: f"Prefix {usual['client_name']}",
                        grant_types=["client_credentials", "refresh_token"],
                        scope="openid profile",
                    ),
                ),
            )
        ),
        "RFC 7591 3.2.1, RFC 7592 2.2",
        checks=f"{MANAGED} managed",
        passed="registration.created registration.read registration.update",
    ),
    **{
        f"{name} of a registration is not supported": Legal(
            Quirk(refuses={name: lambda _, allowed=allowed: Answer(405, headers={"allow": allowed})}),
            "RFC 9110 15.5.6",
            checks=f"{MANAGED} managed",
            passed="registration.delete",
        )
        for name, allowed in (("update", "GET, DELETE"), ("read", "PUT, DELETE"))
    },
    "members are not echoed": Legal(
        Quirk(answers=in_every("register", "read", "update", change=where(succeeded, only(*KEPT)))),
        "RFC 7591 3.2.1, in practice: the token request decides",
        checks=f"{FLOW} managed",
        passed="registration.created token.granted registration.update route.basic.accepted",
    ),
    "scope is null where it was empty": Legal(
        Quirk(answers={"register": where(succeeded, members(scope="")), "read": where(succeeded, null("scope"))}),
        "RFC 7591 2: OPTIONAL",
        checks=MANAGED,
    ),
    "the registration's address tells no client id": Legal(
        Quirk(opaque=True), "RFC 7592 3: the client MUST NOT build it", checks=MANAGED, passed="registration.delete"
    ),
    "403 to a registration without a token": Legal(
        Quirk(refuses={"register": lambda asked: None if asked.bearer else error(403, "access_denied")}),
        "RFC 9110 15.5.4",
        checks="registration.without-token",
    ),
    "an initial access token of the profile": Legal(
        Quirk(), "RFC 7591 3", registrar=WITH_TOKEN, passed="registration.created route.basic.accepted"
    ),
    "revocation of a JWT is not supported": Legal(
        Quirk(refuses={"revoke": lambda _: error(400, "unsupported_token_type")}), "RFC 7009 2.2.1", checks="revocation"
    ),
    "no introspection, no revocation": Legal(
        Quirk(
            metadata={
                "introspection_endpoint": None,
                "revocation_endpoint": None,
                "scopes_supported": None,
                "grant_types_supported": None,
            }
        ),
        "RFC 8414 2: OPTIONAL",
        checks=f"{FLOW} revocation introspection",
    ),
    # the form of answers
    "errors without a body": Legal(
        Quirk(answers=in_every(*PROTECTED, change=errors(lambda answer: replace(answer, content=None)))),
        "RFC 6750 3.1: no error information without authentication",
        checks=f"{FLOW} managed",
    ),
    "errors as pages": Legal(
        Quirk(
            answers=in_every(
                *PROTECTED,
                change=errors(
                    lambda answer: replace(
                        answer, content=PAGE.format("Error"), headers={**answer.headers, "content-type": HTML}
                    )
                ),
            )
        ),
        "frameworks answer so by themselves; the status is the answer",
        checks=f"{FLOW} managed",
        passed="registration.every-node registration.created registration.deleted-client",
    ),
    "errors of the token endpoint as text/html": Legal(
        Quirk(answers={"token": errors(typed(HTML))}),
        "JSON under a wrong name is JSON",
        passed="registrar.wrong-secret registration.deleted-client",
    ),
    "a page with 400 to a request without a body": Legal(
        Quirk(refuses={"register": lambda asked: None if asked.body else page(400, "Bad Request")}),
        "RFC 7591 3.2.2 asks for JSON of a registration request, which this is not",
        passed="registration.every-node registration.created",
    ),
    "discovery as text/plain": Legal(
        Quirk(answers=in_every("discovery", "jwks", change=typed("text/plain"))),
        "valid JSON is a document",
        passed="discovery.served keys.served",
    ),
    "discovery as application/octet-stream": Legal(
        Quirk(answers=in_every("discovery", "jwks", change=typed("application/octet-stream"))),
        "static hosts serve it so",
    ),
    "keys as application/jwk-set+json": Legal(
        Quirk(answers={"jwks": typed("application/jwk-set+json")}), "RFC 7517 8.5.2"
    ),
    "discovery from a cache": Legal(
        Quirk(answers={"discovery": kept_for(500)}),
        "RFC 9111 5.1",
        passed="gateway.clock route.basic.accepted",
    ),
    **{
        f"a revocation is answered with {what}": Legal(
            Quirk(answers={"revoke": where(succeeded, lambda _, answer=answer: answer)}),
            source,
            checks="revocation",
            passed="revocation.answer",
        )
        for what, source, answer in (
            ("a page", "RFC 7009 2.2: the content is ignored", page(200, "Revoked")),
            ("a word", "Express, sendStatus", text(200, "OK")),
            ("204", "RFC 9110 15.3.5", Answer(204)),
            ("202", "RFC 9110 15.3.3", Answer(202)),
        )
    },
    **{
        f"a registration without a token is refused with {what}": Legal(
            Quirk(refuses={"register": lambda asked, answer=answer: None if asked.bearer else answer}),
            "a framework's own answer",
            checks="registration",
            passed="registration.without-token registration.created",
        )
        for what, answer in (
            ("Django's page", text(403, DJANGO, HTML)),
            ("Flask's page", text(403, FLASK, HTML)),
            ("Spring's page", page(403, "Whitelabel Error Page")),
            ("the name of its status", text(403, "Forbidden")),
            ("a redirect to sign in", Answer(302, None, {"location": "https://sign-in.example/"})),
        )
    },
    **{
        f"a client that is gone is answered with {answer.status}{what}": Legal(
            Quirk(answers=in_every("read", "update", "delete", change=errors(lambda _, answer=answer: answer))),
            "RFC 9110 15.5: it is refused",
            checks=MANAGED,
            passed="managed.after-delete registration.delete",
        )
        for what, answer in (
            (", a page", page(410, "Gone")),
            (", a page", page(404, "Not Found")),
            (" in JSON", error(400, "invalid_client_id")),
            (" without a body", Answer(401)),
        )
    },
    "PUT is not supported": Legal(
        Quirk(refuses={"update": lambda _: Answer(405, None, {"allow": "GET, DELETE"})}),
        "RFC 9110 15.5.6",
        checks=MANAGED,
        passed="registration.read registration.delete",
    ),
    "another name than the one asked for": Legal(
        Quirk(
            answers=in_every(
                "register",
                "read",
                "update",
                change=where(succeeded, members(client_name=lambda usual: f"Ours: {usual.get('client_name')}")),
            )
        ),
        "RFC 7591 3.2.1: the server may replace what was asked for",
        checks=MANAGED,
        passed="registration.created registration.update",
    ),
    "the registration's address has a query": Legal(
        Quirk(by_query=True),
        "OpenID Connect Registration 1.0 3.2: its own example",
        checks=MANAGED,
        passed="registration.read registration.delete managed.after-delete",
    ),
    "the issuer ends with a slash": Legal(
        Quirk(
            metadata={"issuer": lambda members: f"{members['issuer']}/"},
            claims={"iss": lambda claims: f"{claims['iss']}/"},
        ),
        "OpenID Connect Discovery 1.0 4.1: the slash is removed before the path of the metadata",
        passed="discovery.issuer claims.verify route.basic.accepted",
    ),
    "JSON after a byte order mark": Legal(
        Quirk(
            answers=in_every(
                "token",
                "register",
                change=where(succeeded, lambda answer: replace(answer, content=b"\xef\xbb\xbf" + answer.body)),
            )
        ),
        "RFC 8259 8.1: a reader may ignore it",
        checks="discovery keys registrar registration.created token",
        passed="registration.created token.granted",
    ),
    # claims
    "fractional dates": Legal(
        Quirk(
            claims={name: lambda claims, name=name: claims[name] + 0.25 for name in ("exp",)}
            | {name: lambda claims, name=name: claims[name] - 0.75 for name in ("iat", "nbf")}
        ),
        "RFC 7519 2: NumericDate may be fractional",
        passed="claims.times",
    ),
    "no iat and no nbf": Legal(
        Quirk(claims={"iat": None, "nbf": None}),
        "RFC 7519 4.1: OPTIONAL",
        passed="claims.times token.short-lived",
        checks=f"{FLOW} token.short-lived",
    ),
    "no jti": Legal(Quirk(claims={"jti": None}), "RFC 7519 4.1.7: OPTIONAL"),
    "aud is an array": Legal(Quirk(claims={"aud": ["urn:one", "urn:two"]}), "RFC 7519 4.1.3", passed="claims.verify"),
    "scope is an array": Legal(Quirk(claims={"scope": ["openid"]}), "Azure AD, Okta: scp", passed="claims.verify"),
    "the client id is in azp": Legal(
        Quirk(claims={"sub": "service-account-7", "client_id": None}),
        "OpenID Connect Core 2",
        curity='client_id_claim = "azp"',
        passed="token.names-client route.basic.accepted claims.sub",
    ),
    "the client id is in client_id": Legal(
        Quirk(claims={"sub": "service-account-7", "azp": None}),
        "RFC 9068 2.2",
        curity='client_id_claim = "client_id"',
        passed="token.names-client route.basic.accepted claims.sub",
    ),
    # keys
    "an encryption key with the same kid": Legal(
        Quirk(keys=lambda keys: [encryption_key(), *keys]), "RFC 7517 4.5", passed="token.verifies claims.verify"
    ),
    "an unknown kind of key with the same kid": Legal(
        Quirk(keys=lambda keys: [{"kty": "AKP", "kid": "key-1", "alg": "ML-DSA-44", "pub": "AAAA"}, *keys]),
        "RFC 7517 5",
        passed="token.verifies",
    ),
    "an unusable key before the right one": Legal(
        Quirk(keys=lambda keys: [{"kty": "EC", "kid": "key-1", "crv": "P-256", "x": "!", "y": "?"}, *keys]),
        "RFC 7517 5",
        passed="token.verifies",
    ),
    "another key with the same kid": Legal(
        Quirk(keys=lambda keys: [jwk("ES256", number=1), *keys]),
        "RFC 7517 4.5: SHOULD be distinct",
        passed="token.verifies",
    ),
    "keys without kid": Legal(
        Quirk(header={"kid": None}, keys=lambda keys: [{k: v for k, v in key.items() if k != "kid"} for key in keys]),
        "RFC 7515 4.1.4: OPTIONAL",
        checks="keys token.verifies token.is-jwt",
        passed="token.verifies",
    ),
    "a token without kid": Legal(
        Quirk(header={"kid": None}, keys=lambda keys: [encryption_key("key-0"), *keys]),
        "RFC 7515 4.1.4",
        checks="keys token.verifies",
        passed="token.verifies",
    ),
    "keys without use and alg": Legal(
        Quirk(keys=lambda keys: [{k: v for k, v in key.items() if k not in ("use", "alg")} for key in keys]),
        "RFC 7517 4.2",
        passed="token.verifies route.basic.accepted",
    ),
    # addresses
    "an IPv6 address": Legal(Quirk(host="[::1]"), "RFC 3986 3.2.2", passed="route.basic.accepted"),
    "a name that is not ASCII": Legal(
        Quirk(host="b\u00fccher.localhost"), "RFC 5890", passed="discovery.issuer token.verifies route.basic.accepted"
    ),
}


def jwe(text: str) -> str:
    """A token in the form of RFC 7516 3.1; nobody can open it."""
    head = encoded(b'{"alg":"RSA-OAEP","enc":"A256GCM"}')
    return ".".join([head, *(encoded(b"x" * length) for length in (256, 12, len(text), 16))])


def padded(keys: list[dict[str, Any]]) -> list[Any]:
    return [{name: f"{value}=" if name in ("x", "y") else value for name, value in key.items()} for key in keys]


def relative(name: str) -> Callable[[Answer], Answer]:
    return where(succeeded, members(**{name: lambda usual: "/" + usual[name].split("/", 3)[3]}))


FAULTS: Mapping[str, Fault] = {
    # the token and the keys are in hand
    "iss is another": Fault(
        Quirk(claims={"iss": "https://other.example"}), "gateway.reads-tokens", ("https://other.example",)
    ),
    "iss has a slash more": Fault(
        Quirk(claims={"iss": lambda claims: claims["iss"] + "/"}), "gateway.reads-tokens", ("/'",)
    ),
    "no exp": Fault(Quirk(claims={"exp": None}), "gateway.reads-tokens", ("no exp",)),
    "exp in milliseconds": Fault(
        Quirk(claims={"exp": lambda claims: claims["exp"] * 1000}), "claims.times", ("milliseconds",)
    ),
    "exp is a text": Fault(Quirk(claims={"exp": lambda claims: str(claims["exp"])}), "claims.times", ("exp",)),
    "exp is over": Fault(Quirk(claims={"exp": lambda claims: claims["exp"] - 4000}), "gateway.reads-tokens", ("exp",)),
    "nbf is in the future": Fault(
        Quirk(claims={"nbf": lambda claims: claims["nbf"] + 4000}), "gateway.reads-tokens", ("nbf",)
    ),
    "EdDSA": Fault(Quirk(algorithm="EdDSA"), "gateway.reads-tokens", ("EdDSA",)),
    "padded base64 in a key": Fault(Quirk(keys=padded), "token.verifies", ("key-1", "padd")),
    **{
        f"{what} in an RSA key": Fault(
            Quirk(algorithm="RS256", keys=lambda keys, change=change: [{**key, **change} for key in keys]),
            "token.verifies",
            ("key-1", *words),
        )
        for what, change, words in (
            ("a number", {"e": 65537}, ("no e in base64url",)),
            ("certificates alone", {"n": None, "e": None, "x5c": ["MIIB"]}, ("no n and no e",)),
        )
    },
    "padded parts of a token": Fault(
        Quirk(token=lambda text: ".".join(f"{part}{'=' * (-len(part) % 4)}" for part in text.split("."))),
        "token.verifies",
        ("padded base64 in the token",),
    ),
    **{
        f"a token {what}": Fault(Quirk(header=header, token=change), "token.is-jwt", words)
        for what, header, change, words in (
            ("with a line end", {}, lambda text: f"{text}\n", ("a JWT with", "line ends")),
            ("after its type", {}, lambda text: f"Bearer {text}", ("a JWT with a word before it",)),
            ("whose kid is a number", {"kid": 7}, lambda text: text, ("form of a JWT", "Key ID")),
        )
    },
    "exp in another age": Fault(Quirk(claims={"exp": 1e300}), "claims.times", ("later than any time",)),
    **{
        f"{name} in a coding that nobody asked for": Fault(
            Quirk(
                answers={
                    name: lambda answer: replace(
                        answer, content=gzip.compress(answer.body), headers={"content-encoding": "gzip"}
                    )
                }
            ),
            check,
            ("Content-Encoding 'gzip'", "RFC 9110 12.5.3"),
            checks="discovery keys provider",
        )
        for name, check in (("discovery", "discovery.served"), ("jwks", "keys.served"))
    },
    **{
        f"{name} {what}": Fault(
            Quirk(answers={name: lambda answer, change=change: replace(answer, content=change(answer.body))}),
            check,
            (words, "RFC 8259 8.1"),
            checks="discovery keys",
        )
        for name, check in (("discovery", "discovery.served"), ("jwks", "keys.served"))
        for what, change, words in (
            ("after a byte order mark", lambda body: b"\xef\xbb\xbf" + body, "a byte order mark"),
            ("in UTF-16", lambda body: body.decode().encode("utf-16"), "utf-16"),
        )
    },
    "keys in another form": Fault(
        Quirk(answers={"jwks": becomes(200, {"key-1": "-----BEGIN CERTIFICATE-----"})}),
        "keys.served",
        ("no member keys, but key-1",),
        checks="keys",
    ),
    "no keys are served": Fault(Quirk(answers={"jwks": becomes(404)}), "keys.served", ("404",)),
    "no key of that id": Fault(Quirk(keys=lambda _: [jwk("ES256", "key-2", 1)]), "token.verifies", ("key-1", "key-2")),
    "base64 with + and / in a key": Fault(
        Quirk(
            algorithm="RS256",
            keys=lambda keys: [{**key, "n": "+/" + key["n"][2:]} for key in keys],
        ),
        "token.verifies",
        ("key-1", "base64url"),
    ),
    "no verify among the key_ops": Fault(
        Quirk(keys=lambda keys: [{**key, "key_ops": ["sign"]} for key in keys]), "token.verifies", ("key-1", "key_ops")
    ),
    "members of a key that are null": Fault(
        Quirk(keys=lambda keys: [{**key, "use": None, "x5u": None} for key in keys]),
        "gateway.reads-tokens",
        ("key-1 has members that are null",),
        not_steps=("konnect.provider.initial-client-secret",),
    ),
    "keys in a list": Fault(
        Quirk(answers={"jwks": lambda answer: replace(answer, content=answer.content["keys"])}),
        "keys.served",
        ("JSON, but not an object",),
    ),
    "a line end behind the token": Fault(Quirk(token=lambda text: f"{text}\n"), "token.is-jwt", ("line ends",)),
    "the type before the token": Fault(
        Quirk(token=lambda text: f"Bearer {text}"), "token.is-jwt", ("a word before it",)
    ),
    "kid is a number": Fault(Quirk(header={"kid": 7}), "token.is-jwt", ("form of a JWT", "Key ID")),
    "a token without kid, at the route": Fault(
        Quirk(header={"kid": None}),
        "gateway.reads-tokens",
        ("the token has no kid",),
        not_steps=("konnect.provider.initial-client-secret",),
    ),
    "another key of that id": Fault(Quirk(keys=lambda _: [jwk("ES256", "key-1", 1)]), "token.verifies", ("key-1",)),
    "an encryption key alone": Fault(Quirk(keys=lambda _: [encryption_key()]), "token.verifies", ("key-1", "RSA")),
    "sub is not the client id": Fault(
        Quirk(claims={"sub": "service-account-7"}), "token.names-client", ("service-account-7", "azp", "client_id")
    ),
    "an encrypted token": Fault(Quirk(token=jwe), "token.is-jwt", ("encrypted", "five parts")),
    "an opaque token": Fault(Quirk(token=lambda text: text[-40:].replace(".", "-")), "token.is-jwt", ("opaque",)),
    "a token of 9 KB": Fault(
        Quirk(claims={"groups": ["g" * 60] * 105}),
        "route.bearer.accepted",
        ("too large", "KB"),
        not_steps=("konnect.strategy.auth-methods", "konnect.strategy.scopes", "gateway.data-plane.keys"),
        checks="route.bearer.accepted route.session.accepted",
    ),
    # registration
    "openid is refused": Fault(
        Quirk(refuses={"token": of_scope("openid", error(400, "invalid_scope"))}),
        "strategy.scopes",
        ("openid", "invalid_scope"),
        steps=("konnect.strategy.scopes",),
        checks="strategy.scopes route.basic.accepted",
    ),
    **{
        f"token_type {kind!r}": Fault(
            Quirk(answers={"token": where(succeeded, members(token_type=kind))}),
            "registrar.authenticates",
            (f"token_type {str(kind)!r}", "RFC 6749 7.1"),
            not_steps=("curity.client.secret", "curity.client.capability"),
            checks="registrar token.granted",
        )
        for kind in ("N_A", "DPoP", "mac", "", 7)
    },
    "a token_type of registered clients that is not Bearer": Fault(
        Quirk(answers={"token": where(to_a_client, members(token_type="N_A"))}),
        "token.granted",
        ("token_type 'N_A'",),
        checks="registrar token.granted",
    ),
    "no token_type": Fault(
        Quirk(answers={"token": where(succeeded, without("token_type"))}),
        "registrar.authenticates",
        ("token_type", "none"),
        checks="registrar token.granted",
    ),
    "an initial access token that works once": Fault(
        Quirk(once=True),
        "registration.read",
        ("initial_access_token", "once"),
        checks="registration application.created",
        registrar=WITH_TOKEN,
    ),
    "a description of the refusal": Fault(
        Quirk(refuses={"register": lambda _: error(400, "invalid_client_metadata", "redirect_uris is mandatory")}),
        "registration.created",
        ("redirect_uris is mandatory",),
        checks="registration.created",
    ),
    "a description of the token endpoint's refusal": Fault(
        Quirk(answers={"token": to_clients(error(400, "unauthorized_client", "redirect_uris is mandatory"))}),
        "token.granted",
        ("redirect_uris is mandatory",),
        checks="token.granted managed.no-token introspection revocation",
    ),
    "a registration answered with 200": Fault(
        Quirk(answers={"register": where(succeeded, status(200))}),
        "registration.created",
        ("200",),
        checks="registration application.created",
    ),
    "a client registered with client_secret_post, at the route": Fault(
        Quirk(registered_method="client_secret_post"),
        "route.basic.accepted",
        ("client_secret_post", "client_secret_basic"),
        not_steps=("konnect.strategy.auth-methods", "konnect.strategy.scopes", "gateway.data-plane.keys"),
        checks="route.basic.accepted",
    ),
    "a relative registration_client_uri": Fault(
        Quirk(answers={"register": relative("registration_client_uri")}),
        "registration.managed",
        ("registration_client_uri", "relative"),
        checks="registration application.created",
    ),
    "a relative token_endpoint": Fault(
        Quirk(metadata={"token_endpoint": "/token"}),
        "discovery.endpoints",
        ("token_endpoint", "relative"),
        checks="discovery token.granted",
    ),
    **{
        f"a relative {name}": Fault(
            Quirk(metadata={name: path}),
            "discovery.endpoints",
            (name, "relative"),
            checks="discovery keys registration",
        )
        for name, path in (("jwks_uri", "/jwks"), ("registration_endpoint", "register"))
    },
    "a colon in the client id": Fault(
        Quirk(client_id=lambda text: f"urn:client:{text}"),
        "route.basic.accepted",
        ("colon", "RFC 7617"),
        checks="registration token route.basic.accepted",
    ),
    "no management": Fault(
        Quirk(answers={"register": without("registration_client_uri", "registration_access_token")}),
        "registration.managed",
        ("registration_client_uri",),
        checks="registration.managed",
        left=1,
    ),
    "deletion is not supported": Fault(
        Quirk(refuses={"delete": lambda _: Answer(405, headers={"allow": "GET, PUT"})}),
        "registration.delete",
        ("405",),
        checks="registration.delete life.deleted",
        left=4,
        exit=3,
        alone=True,
    ),
    "a read that fails in passing": Fault(
        Quirk(refuses={"read": lambda _: Answer(502, PAGE.format("Bad Gateway"), {"content-type": HTML})}),
        "registration.read",
        ("502",),
        checks="registration.read",
        verdict="unreachable",
    ),
    # somebody else's answers
    "a read that fails in passing, in JSON": Fault(
        Quirk(refuses={"read": lambda _: Answer(503, {"message": "try again"})}),
        "registration.read",
        ("503",),
        checks="registration.read",
        verdict="unreachable",
    ),
    "a page with 401 at the token endpoint": Fault(
        Quirk(
            answers={
                "token": errors(
                    lambda answer: (
                        page(answer.status, "Unauthorized", **answer.headers) if answer.status == 401 else answer
                    )
                )
            }
        ),
        "registrar.wrong-secret",
        ("401", "invalid_client", "text/html"),
        checks="registrar.wrong-secret",
    ),
    "a firewall's page to discovery": Fault(
        Quirk(answers={"discovery": lambda _: page(403, "Request blocked", server="awselb/2.0")}),
        "discovery.served",
        ("text/html",),
        checks="discovery",
        verdict="unreachable",
    ),
    "a login page in place of discovery": Fault(
        Quirk(answers={"discovery": lambda _: page(200, "Sign in")}),
        "discovery.served",
        ("text/html",),
        checks="discovery",
        verdict="unreachable",
    ),
}


@contextmanager
def profile_of(name: str) -> Iterator[tuple[Path, Issuer]]:
    """The profile of an authorization server with that quirk, which runs until the block ends."""
    row = LEGAL.get(name) or FAULTS[name]
    with servers() as found, tempfile.TemporaryDirectory() as folder:
        issuer = found.issuer("issuer", row.quirk)
        path = Path(folder) / "profile.toml"
        path.write_text(PROFILE.format(issuer=issuer.url, curity=row.curity, registrar=row.registrar), "utf-8")
        (path.parent / "registrar-secret").write_text(REGISTRAR_SECRET)
        (path.parent / "initial-token").write_text(INITIAL_TOKEN)
        yield path, issuer


__all__ = ["FAULTS", "LEGAL", "SCOPE", "Fault", "Legal", "profile_of"]
