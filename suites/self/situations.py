"""The situations of somebody who is on call, as data: one change each, and what a run must say."""

import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import tomli_w
from addresses import ADDRESSES
from on_call import (
    KEYS,
    Scene,
    Situation,
    address_of,
    anonymously,
    another_route,
    answering,
    back_again,
    behind,
    blocked,
    both,
    cached,
    fault,
    named_and_revoked,
    nested,
    provider,
    revoked,
    scene,
    setting,
    stale_keys,
    tables,
    told,
    upstream,
)

from dcrproof.core.checks.owners import AUTHOR, CURITY, GATEWAY, KONNECT
from dcrproof.mocks.profile import write_profile

METHODS, SCOPES = "konnect.strategy.auth-methods", "konnect.strategy.scopes"
APPROVED, REQUIREMENTS = "konnect.registration.approved", "konnect.strategy.requirements"
LINKED, PUBLICATION = "konnect.implementation.linked", "konnect.publication.strategy"
REACHABLE = "curity.instance.reachable"
NO_BASIC = "no Basic, and an upstream that echoes"
SECRET = "konnect.provider.initial-client-secret"


ALL = ("client_credentials", "bearer", "session")

SITUATIONS: Mapping[str, Situation] = {
    "all is well": Situation(),
    "all is well, with Konnect": Situation(
        konnect=True, checks="discovery token client konnect strategy api gateway route"
    ),
    # 403 is not 401
    "a registration that was revoked": Situation(
        revoked, "route", ("403",), (APPROVED,), (METHODS, SCOPES, REQUIREMENTS), owners=(KONNECT,)
    ),
    "no registration": Situation(
        lambda scene: scene.registered(None), "route", ("403",), (APPROVED,), (METHODS, SCOPES)
    ),
    **{
        f"a registration that is {status or 'missing'}, with Konnect": Situation(
            partial(Scene.registered, status=status),
            "route.basic.accepted",
            ("403", "'on call'", status or "no registration", "'accounts'"),
            (APPROVED,),
            (METHODS, SCOPES, REQUIREMENTS),
            konnect=True,
        )
        for status in ("revoked", "pending", "rejected", None)
    },
    "a revoked application by a name in the words of other causes, with Konnect": Situation(
        named_and_revoked("uploads to 64 KB each, RFC 7617, client_secret_post, certificate"),
        "route.basic.accepted",
        ("64 KB", "revoked"),
        (APPROVED,),
        owners=(KONNECT,),
        konnect=True,
    ),
    "403 in other words": Situation(
        setting(
            scopes_required=["orders"],
            forbidden_error_message="IP address not allowed: 10.0.0.1",
            expose_error_code=False,
        ),
        "route.basic.accepted",
        ("look for another plugin of the route that answers 403 'IP address not allowed: 10.0.0.1'",),
        (APPROVED, REQUIREMENTS),
        owners=(GATEWAY, KONNECT),
    ),
    "a required scope, with Konnect": Situation(
        setting(scopes_required=["orders"]),
        "strategy.requirements",
        ("orders",),
        (REQUIREMENTS,),
        (METHODS, SCOPES, APPROVED),
        konnect=True,
    ),
    "a required scope": Situation(
        setting(scopes_required=["orders"]), "route", ("403",), (REQUIREMENTS,), (METHODS, SCOPES, APPROVED)
    ),
    "a required scope, and no error in the challenge": Situation(
        setting(scopes_required=["orders"], expose_error_code=False), "route", ("403",), (REQUIREMENTS, APPROVED)
    ),
    "a required scope, and a redirect": Situation(
        setting(scopes_required=["orders"], forbidden_redirect_uri=["https://forbidden.example/"]),
        "route.basic.accepted",
        ("302 to https://forbidden.example/",),
        (REQUIREMENTS, APPROVED),
        (METHODS, SCOPES, KEYS),
    ),
    "a required audience": Situation(
        setting(audience_required=["orders"]), "route", ("403",), (REQUIREMENTS,), (METHODS, SCOPES), owners=(KONNECT,)
    ),
    # elimination
    "a token in the cache, and old keys": Situation(
        cached(stale_keys),
        "route.bearer.accepted",
        ("route.basic.accepted",),
        (KEYS,),
        (APPROVED, REQUIREMENTS, PUBLICATION, "konnect.strategy.claim", "gateway.data-plane.version"),
    ),
    "old keys": Situation(stale_keys, "gateway.reads-tokens", (), (KEYS,)),
    "old keys no more": Situation(back_again),
    "old keys, and no Basic, beside a mock of Curity": Situation(
        both(setting(auth_methods=["bearer"]), stale_keys),
        "gateway.reads-tokens",
        (),
        (KEYS,),
        values={"curity.mocked": lambda here: {"control": here.described["control"]}},
        checks="gateway.reads-tokens",
    ),
    NO_BASIC: Situation(
        setting(auth_methods=["bearer"]),
        "route.basic.accepted",
        (),
        (METHODS,),
        values={"gateway.route": [{"path": "/accounts", "echo": True}]},
        checks="route.basic.accepted claims",
    ),
    "an issuer that is not allowed": Situation(
        lambda scene: scene.strategy(issuers_allowed=[scene.issuer + "/"]),
        "gateway.reads-tokens",
        ("remove issuers_allowed in Dev Portal",),
        not_steps=(KEYS, REACHABLE),
        owners=(KONNECT,),
        konnect=True,
    ),
    # what the gateway itself says
    "an issuer that is not allowed, and errors are displayed": Situation(
        lambda scene: scene.strategy(issuers_allowed=[scene.issuer + "/"], display_errors=True),
        "gateway.reads-tokens",
        ("invalid issuer", "issuers_allowed"),
        ("konnect.strategy.issuer",),
        (KEYS, REACHABLE, APPROVED, METHODS),
        owners=(KONNECT,),
    ),
    "old keys, and errors are displayed": Situation(
        both(stale_keys, setting(display_errors=True)),
        "gateway.reads-tokens",
        ("unable to verify the signature",),
        (KEYS,),
        (REACHABLE, APPROVED, METHODS),
        owners=(GATEWAY,),
    ),
    "a required scope, and errors are displayed": Situation(
        setting(scopes_required=["orders"], display_errors=True, expose_error_code=False),
        "route.basic.accepted",
        ("required scopes were not found",),
        (REQUIREMENTS,),
        (APPROVED,),
        owners=(KONNECT,),
    ),
    **{
        f"another plugin's 401, with{'' if konnect else 'out'} Konnect": Situation(
            answering(401, "No API key found in request"),
            "gateway.reads-tokens",
            ("look for another plugin of the route that answers 401 'No API key found in request'",),
            konnect=konnect,
        )
        for konnect in (True, False)
    },
    # what is no judgement on the caller
    **{
        f"{status} to {what}: {message}": Situation(
            answering(status, message, "authorization" if begins else "", begins),
            check,
            (str(status), words),
            not_steps=(METHODS, SCOPES, KEYS, APPROVED, REQUIREMENTS, "curity.instance.reachable"),
            owners=(GATEWAY,),
        )
        for status, message, words in (
            (400, "Bad request", "error log of the node"),
            (500, "An unexpected error occurred", "error log of the node"),
            (502, "An invalid response was received from the upstream server", "the upstream of the route"),
            (503, "failure to get a peer from the ring-balancer", "the upstream of the route"),
            (503, "name resolution failed", "the upstream of the route"),
        )
        for what, begins, check in (
            ("all credentials", "", "gateway.reads-tokens"),
            ("id and secret", "basic ", "route.basic.accepted"),
            ("tokens", "bearer ", "route.bearer.accepted"),
        )
        if begins in ("", "basic ") or status == 503
    },
    **{
        f"{status} to a call without credentials: {message}": Situation(
            anonymously(status, message), checks="route.no-credentials"
        )
        for status, message in ((400, "Bad request"), (405, "Method not allowed"), (413, "Payload too large"))
    },
    "500 to a call without credentials": Situation(
        anonymously(500, "An unexpected error occurred"),
        "gateway.answers",
        ("error log of the node",),
        not_steps=(LINKED, PUBLICATION),
        owners=(GATEWAY,),
    ),
    "503 of the upstream to a call without credentials": Situation(
        anonymously(503, "name resolution failed"),
        "gateway.answers",
        ("the upstream of the route",),
        not_steps=(LINKED, PUBLICATION),
        owners=(GATEWAY,),
    ),
    "a route over TLS alone": Situation(
        anonymously(426, "Please use HTTPS protocol"),
        "gateway.answers",
        profile=("[gateway] url: https:// in place of http://",),
        not_steps=(LINKED, PUBLICATION),
    ),
    **{
        f"500 that names {word}": Situation(
            answering(500, f"An unexpected error occurred in {word}"),
            "gateway.reads-tokens",
            ("error log of the node",),
        )
        for word in ("upstream-oauth", "upstreams", "my-ring-balancers")
    },
    "503 to a session": Situation(
        answering(503, "name resolution failed", "cookie"),
        "route.session.accepted",
        ("the upstream of the route",),
        not_steps=(METHODS,),
        owners=(GATEWAY,),
    ),
    **{
        f"{status} to a session that is too large": Situation(
            answering(status, message, "cookie"),
            "route.session.accepted",
            ("KB was sent",),
            not_steps=(METHODS,),
            owners=(CURITY,),
        )
        for status, message in ((400, "Request header or cookie too large"), (431, ""), (494, ""))
    },
    "401 to a session": Situation(
        answering(401, "Unauthorized", "cookie"), "route.session.accepted", ("401",), (METHODS,), owners=(KONNECT,)
    ),
    "401 to a session, with Konnect": Situation(
        answering(401, "Unauthorized", "cookie"),
        "route.session.accepted",
        ("401", f"{METHODS} (strategy.auth-methods): its check passed"),
        not_steps=(METHODS,),
        owners=(KONNECT,),
        konnect=True,
    ),
    **{
        f"{status} of the token endpoint": Situation(
            fault("curity", "*/oauth-token", status),
            "client.known",
            (str(status),),
            owners=(CURITY,),
            checks="client.known",
        )
        for status in (400, 403, 404)
    },
    # what is in front of the gateway, and behind it
    **{
        f"{name} of the upstream": Situation(
            check="route.basic.accepted",
            words=(words, "the gateway: it let the call through"),
            owners=(GATEWAY,),
            not_steps=(METHODS, SCOPES, KEYS, APPROVED, REQUIREMENTS),
            values=behind(lambda _, answer, status=status, body=body: upstream(answer, status, body)),
        )
        for name, status, body, words in (
            ("401", 401, b'{"error":"token audience not allowed"}', "token audience not allowed"),
            ("403", 403, b'{"error":"no permission orders:read"}', "no permission orders:read"),
            ("500", 500, b"oops", "put in order"),
        )
    },
    "404 of the upstream": Situation(
        check="route.basic.accepted",
        profile=("[[gateway.route]] path",),
        values=behind(lambda _, answer: upstream(answer, 404, b'{"error":"no such order"}')),
    ),
    "headers off": Situation(
        checks=f"{Situation.checks} route.head route.unmatched",
        values=behind(lambda _, answer: replace(answer, headers=answer.without("x-kong", "via", "server"))),
    ),
    "a CDN that takes Via away": Situation(
        values=behind(lambda _, answer: replace(answer, headers=answer.without("via", "server")))
    ),
    **{
        f"a firewall that stops {kind}": Situation(
            check=check,
            words=("403 was not answered by Kong", "a firewall or a proxy in front of the party"),
            owners=(GATEWAY,),
            values=behind(lambda sent, answer, kind=kind: blocked(sent, answer, kind)),
            exit=6,
        )
        for kind, check in (("basic", "route.basic.accepted"), ("bearer", "gateway.reads-tokens"))
    },
    "a route by HEAD": Situation(values={"gateway.route": [{"path": "/accounts", "method": "HEAD"}]}, konnect=True),
    # the stage in Konnect's error text
    "a wrong secret of the provider": Situation(
        provider(dcr_config={"initial_client_secret": "yq7-last-year-Kd93hhLm2"}),
        "application.created",
        ("token endpoint",),
        (SECRET,),
        ("curity.instance.reachable", "konnect.provider.issuer"),
        mode="create",
        checks="application.created",
    ),
    "a wrong secret of the provider, with Konnect": Situation(
        provider(dcr_config={"initial_client_secret": "yq7-last-year-Kd93hhLm2"}),
        "provider.verified",
        ("token endpoint",),
        (SECRET,),
        ("curity.instance.reachable", "konnect.provider.initial-client-id"),
        mode="create",
        konnect=True,
        checks="provider.verified",
    ),
    "an issuer of the provider that is not there": Situation(
        provider(issuer=lambda scene: f"{scene.issuer}/.well-known/openid-configuration/"),
        "application.created",
        ("discovery", "404"),
        ("konnect.provider.issuer",),
        ("curity.instance.reachable", SECRET),
        mode="create",
        checks="application.created",
    ),
    "Curity that Konnect does not reach": Situation(
        lambda scene: scene.undo("curity.instance.reachable", "not-from-konnect"),
        "application.created",
        ("discovery", "no answer"),
        ("curity.instance.reachable",),
        (SECRET, "konnect.provider.issuer"),
        mode="create",
        checks="application.created",
    ),
    # settings beyond the how-to
    "a message of their own": Situation(setting(unauthorized_error_message="Please sign in")),
    "the code flow beside the others": Situation(setting(auth_methods=[*ALL, "authorization_code"]), checks="route"),
    "a redirect of the unauthorized": Situation(
        setting(unauthorized_redirect_uri=["https://sign-in.example/"]), checks="route"
    ),
    "a route for every path": Situation(another_route("/"), checks="route.unmatched"),
    "no token cache": Situation(setting(cache_tokens=False)),
    "another header for tokens": Situation(
        setting(bearer_token_header_name="x-token"),
        "route.bearer",
        ("remove bearer_token_header_name",),
        not_steps=(KEYS, REACHABLE),
        owners=(KONNECT,),
        konnect=True,
    ),
    "no bearer token in a header": Situation(
        setting(bearer_token_param_type=["query"]),
        "route.bearer",
        ("remove bearer_token_param_type",),
        not_steps=(KEYS, REACHABLE),
        owners=(KONNECT,),
        konnect=True,
    ),
    "no Basic header": Situation(
        setting(client_credentials_param_type=["query"]),
        "route.basic",
        ("remove client_credentials_param_type",),
        owners=(KONNECT,),
        konnect=True,
    ),
    "another claim for scopes": Situation(
        setting(scopes_required=["orders"], scopes_claim=["scp"]),
        "strategy.requirements",
        ("scp",),
        konnect=True,
        checks="strategy.requirements",
    ),
    "roles": Situation(
        setting(roles_required=["admin"]), "strategy.requirements", ("roles",), konnect=True, checks="strategy"
    ),
    "groups": Situation(
        setting(groups_required=["admin"]), "strategy.requirements", ("groups",), konnect=True, checks="strategy"
    ),
    "another token endpoint": Situation(
        setting(token_endpoint="http://127.0.0.1:9/token"),
        "route.basic",
        ("remove token_endpoint",),
        owners=(KONNECT,),
        konnect=True,
    ),
    "other keys": Situation(
        setting(jwks_endpoint="http://127.0.0.1:9/jwks"),
        "gateway.reads-tokens",
        ("remove jwks_endpoint",),
        owners=(KONNECT, CURITY, GATEWAY),
        konnect=True,
    ),
    **{
        f"setting {name}": Situation(
            setting(**settings),
            check,
            words,
            not_steps=(KEYS, REACHABLE, APPROVED),
            owners=(KONNECT,),
            konnect=True,
            checks=f"{Situation.checks} strategy",
        )
        for name, settings, check, words in (
            ("claims_forbidden", {"claims_forbidden": ["sub"]}, "route.basic.accepted", ("remove claims_forbidden",)),
            ("max_age", {"max_age": 60}, "gateway.reads-tokens", ("remove max_age",)),
            ("domains", {"domains": ["example.com"]}, "gateway.reads-tokens", ("remove domains",)),
            ("audience", {"audience": ["orders"]}, "gateway.reads-tokens", ("remove audience",)),
            ("audience_required", {"audience_required": ["orders"]}, "strategy.requirements", ("orders",)),
            (
                "introspect_jwt_tokens",
                {"introspect_jwt_tokens": True},
                "route.bearer",
                ("remove introspect_jwt_tokens",),
            ),
            (
                "token_post_args",
                {"token_post_args_names": ["scope"], "token_post_args_values": ["nosuch"]},
                "route.basic",
                ("remove token_post_args_names and token_post_args_values",),
            ),
            (
                "disable_session",
                {"disable_session": ["client_credentials"]},
                "route.session.issued",
                ("remove disable_session",),
            ),
        )
    },
    **{
        f"settings that refuse nothing: {', '.join(settings)}": Situation(setting(**settings), konnect=konnect)
        for konnect, settings in (
            (True, {"claims_forbidden": ["email"]}),
            (True, {"extra_jwks_uris": ["http://127.0.0.1:1/jwks"]}),
            (True, {"session_cookie_name": "ours"}),
            (False, {"session_cookie_name": "ours"}),
            (True, {"display_errors": True}),
            (True, {"consumer_claim": ["sub"], "consumer_optional": True}),
            (True, {"verify_claims": False, "issuers_allowed": ["https://other.example"]}),
            (True, {"token_endpoint_auth_method": "client_secret_post", "leeway": 30}),
        )
    },
    "no session among the methods": Situation(
        setting(auth_methods=["client_credentials", "bearer"]),
        "route.session.issued",
        steps=(METHODS,),
        owners=(KONNECT,),
    ),
    "a setting that the data planes do not take": Situation(
        setting(using_pseudo_issuer=True),
        "nodes.in-sync",
        ("using_pseudo_issuer true", "error log"),
        owners=(GATEWAY,),
        konnect=True,
        checks="nodes gateway.answers",
    ),
    # the profile's own mistake is the first candidate
    "an issuer with a typo": Situation(
        check="discovery.served",
        words=("404",),
        profile=("[curity] issuer",),
        values={"curity.issuer": "{curity.issuer}x"},
        checks="discovery",
    ),
    "an issuer of another profile": Situation(
        check="discovery.served",
        words=("404",),
        profile=("[curity] issuer",),
        values={"curity.issuer": "{curity.issuer}/v2"},
        checks="discovery",
    ),
    "an issuer by another name of the host": Situation(
        check="discovery.issuer",
        words=("127.0.0.1",),
        profile=("[curity] issuer",),
        values={"curity.issuer": lambda scene: scene.issuer.replace("127.0.0.1", "localhost")},
        checks="discovery",
    ),
    "a path with a typo": Situation(
        check="gateway.answers",
        words=("/acounts",),
        profile=("[[gateway.route]] path",),
        values={"gateway.route": [{"path": "/acounts"}]},
    ),
    "a path with a typo, with Konnect": Situation(
        check="api.linked-to-route",
        words=("/accounts", "no gateway service"),
        profile=("[[gateway.route]] path", "did you mean '/accounts'?"),
        not_steps=("konnect.implementation.linked",),
        values={"gateway.route": [{"path": "/acounts"}]},
        konnect=True,
    ),
    "a route of another service": Situation(
        another_route("/elsewhere"),
        "api.linked-to-route",
        ("'another'", "GET /elsewhere"),
        ("konnect.implementation.linked",),
        profile=("[[gateway.route]] path",),
        values={"gateway.route": [{"path": "/elsewhere"}]},
        checks="api.linked-to-route",
        konnect=True,
    ),
    "an open route of another service, without Konnect": Situation(
        another_route("/elsewhere"),
        "route.no-credentials",
        profile=("[gateway] url", "[[gateway.route]] path"),
        steps=(LINKED, PUBLICATION),
        values={"gateway.route": [{"path": "/elsewhere"}]},
    ),
    **{
        f"the upstream's address for the gateway, {'with' if konnect else 'without'} Konnect": Situation(
            check="route.no-credentials",
            words=("no header of Kong", *(["api.linked-to-route", "api.plugin"] if konnect else [])),
            profile=("[gateway] url: the address of Kong's proxy",),
            steps=() if konnect else (LINKED, PUBLICATION),
            not_steps=(LINKED, PUBLICATION) if konnect else (),
            values={"gateway.url": lambda scene: scene.described["upstream"]["url"]},
            konnect=konnect,
        )
        for konnect in (True, False)
    },
    "a gateway by an address with a path": Situation(
        check="gateway.answers",
        words=("404",),
        profile=("[gateway] url",),
        values={"gateway.url": "{gateway.url}/kong"},
    ),
    "another status of success": Situation(
        check="route.basic.accepted",
        words=("200", "from the upstream"),
        profile=("[[gateway.route]] path, method and success",),
        not_steps=(METHODS, SCOPES),
        values={"gateway.route": [{"path": "/accounts", "success": [204]}]},
    ),
    "a wrong token of Konnect": Situation(
        check="konnect.authenticated",
        profile=("[konnect] token",),
        not_steps=("konnect.account.created",),
        konnect=True,
        values={"konnect.token": {"file": "wrong-secret"}},
        checks="konnect.authenticated",
    ),
    "another party's address for Konnect": Situation(
        check="konnect.authenticated",
        profile=("[konnect] url",),
        konnect=True,
        values={"konnect.url": lambda scene: scene.described["portal"]["url"]},
        checks="konnect.authenticated",
    ),
    **{
        f"a {kind} with a typo": Situation(
            check=check,
            words=(kind, f"'{wrong}'"),
            profile=(f"[konnect] {kind}", f"did you mean '{right}'?"),
            konnect=True,
            values={f"konnect.{kind}": wrong},
            checks=check,
        )
        for kind, wrong, right, check in (
            ("strategy", "curity-drc", "curity-dcr", "strategy.found"),
            ("portal", "Developer", "developers", "portal.found"),
            ("api", "acounts", "accounts", "api.found"),
        )
    },
    "a control plane with a typo": Situation(
        check="api.linked-to-route",
        profile=("[konnect] control_plane", "did you mean 'default'?"),
        konnect=True,
        values={"konnect.control_plane": "defualt"},
        checks="api.linked-to-route",
    ),
    "a provider with a typo": Situation(
        check="strategy.dcr-provider",
        profile=("[konnect] provider", "did you mean 'Curity'?"),
        not_steps=("konnect.strategy.dcr-provider",),
        konnect=True,
        values={"konnect.provider": "curty"},
        checks="strategy.dcr-provider",
    ),
    "a gateway service with a typo": Situation(
        check="provision.implementation",
        profile=("[konnect] service", "did you mean 'orders'?"),
        konnect=True,
        mode="provision",
        values={"konnect.service": "order"},
        checks="provision.implementation",
    ),
    "an api by its name, without Konnect": Situation(
        check="api.offered",
        profile=("[konnect] api", "its id is"),
        mode="create",
        values={"konnect.api": "accounts"},
        checks="api.offered",
    ),
    "a wrong password of RESTCONF": Situation(
        check="configuration.readable",
        profile=("[curity.admin] username and password",),
        admin=True,
        values={"curity.admin.password": {"file": "wrong-secret"}},
        checks="configuration.readable",
    ),
    "another address of RESTCONF": Situation(
        check="configuration.readable",
        profile=("[curity.admin] url",),
        admin=True,
        values={"curity.admin.url": "{curity.admin.url}/v1"},
        checks="configuration.readable",
    ),
    "a session of the portal that has ended": Situation(
        check="developer.signs-in",
        profile=("[portal] cookie",),
        owners=(AUTHOR,),
        mode="create",
        values={"portal.password": None, "portal.email": None, "portal.cookie": {"file": "wrong-secret"}},
        checks="developer api.offered portal.problem-form",
    ),
    "a wrong password of the developer": Situation(
        check="developer.signs-in",
        profile=("[portal] email and password",),
        mode="create",
        values={"portal.password": {"file": "wrong-secret"}},
        checks="developer.signs-in",
    ),
    "the portal of another generation": Situation(
        check="portal.open",
        profile=("[portal] url", "[portal] generation"),
        mode="create",
        values={"portal.url": lambda scene: scene.described["classic_portal"]["url"]},
        checks="portal.open",
    ),
    "the secret of another registrar": Situation(
        check="registrar.authenticates",
        profile=("[curity.registrar] id and secret",),
        mode="create",
        values={"curity.registrar.secret": {"file": "wrong-secret"}},
        checks="registrar.authenticates",
    ),
    "a wrong secret, without Konnect": Situation(
        check="client.known",
        words=("401", "that the portal gave the developer"),
        profile=("[application] client_id and client_secret: not swapped",),
        owners=(AUTHOR,),
        values={"application.client_secret": {"file": "wrong-secret"}},
        checks="client",
    ),
    "an id and a secret that are swapped, without Konnect": Situation(
        check="client.known",
        words=("401",),
        profile=("[application] client_id and client_secret: not swapped",),
        owners=(AUTHOR,),
        values={
            "application.client_id": lambda scene: scene.pair[1],
            "application.client_secret": {"file": "client-id"},
        },
        checks="client",
    ),
    **{
        f"{party}'s address in place of {key}": Situation(
            check=check,
            profile=(f"[{key.replace('.', '] ')}",),
            konnect=True,
            values={key: lambda scene, party=party: address_of(scene, party)},
            checks=check,
            exit=exit,
        )
        for key, check, addresses in (
            ("gateway.url", "gateway.answers", {"konnect": 6, "portal": 6, "curity": 6}),
            ("konnect.url", "konnect.authenticated", {"curity": 6, "gateway": 1}),
            ("curity.issuer", "discovery.served", {"konnect": 1, "portal": 1, "gateway": 1}),
        )
        for party, exit in addresses.items()
    },
    **{
        f"{status} to discovery": Situation(
            fault("curity", "*/openid-configuration", status),
            check="discovery.served",
            words=(str(status),),
            profile=("[curity] issuer",),
            not_steps=("curity.metadata.exposed",),
            checks="discovery",
        )
        for status in (301, 401, 403)
    },
    "404 to the keys": Situation(
        fault("curity", "*/jwks", 404),
        check="keys.served",
        words=("404", "the jwks_uri of the metadata"),
        not_steps=("curity.metadata.exposed",),
        owners=(CURITY,),
        checks="keys",
    ),
    **{
        f"403 to {what} in Konnect": Situation(
            fault("konnect", path, 403),
            check=check,
            words=("Viewer",),
            not_steps=("konnect.role.dcr-provider-creator", "konnect.role.auth-strategy-creator"),
            owners=(KONNECT,),
            konnect=True,
            checks=check,
        )
        for what, path, check in (
            ("everything", "*", "konnect.authenticated"),
            ("strategies", "/v2/application-auth-strategies*", "strategy.found"),
            ("portals", "/v3/portals*", "portal.found"),
            ("APIs", "/v3/apis*", "api.found"),
        )
    },
    **{
        f"a client that is no application's, with{'' if konnect else 'out'} Konnect": Situation(
            check=check,
            profile=("[application] client_id",),
            konnect=konnect,
            values={
                "application.client_id": lambda scene: scene.described["curity"]["registrar_id"],
                "application.client_secret": {"file": "registrar-secret"},
            },
        )
        for konnect, check in ((True, "client.known"), (False, "gateway.reads-tokens"))
    },
    "the id of an application in place of its client id": Situation(
        check="client.known",
        words=("one with that id",),
        profile=("[application] client_id",),
        konnect=True,
        values={"application.client_id": lambda scene: scene.application["id"]},
    ),
    **{
        f"a secret {words}": Situation(
            check="client.known",
            profile=(f"[application] client_secret: it {words}",),
            values={"application.client_secret": {"file": file}},
        )
        for file, words in (
            ("quoted", "stands in quotation marks"),
            ("pair", "is the whole pair, id:secret"),
            ("encoded", "is the whole pair in base64"),
        )
    },
    **{
        f"another {what} of the gateway service": Situation(
            another_route("/elsewhere"),
            "api.linked-to-route",
            profile=("[konnect] service", hint),
            konnect=True,
            values={"konnect.service": name},
            checks="api.linked-to-route",
        )
        for what, name, hint in (
            ("name", "another", "expected 'accounts'"),
            ("spelling", "acounts", "did you mean 'accounts'?"),
        )
    },
    "the gateway service by its name": Situation(
        konnect=True, values={"konnect.service": "accounts"}, checks="api.linked-to-route"
    ),
    "a secret with a blank at its end": Situation(
        check="client.known",
        words=("401",),
        profile=("[application] client_secret: it begins or ends with a blank",),
        values={"application.client_secret": {"file": "with-blank"}},
    ),
    "an id and a secret that are swapped": Situation(
        check="client.known",
        words=("401",),
        profile=("[application] client_id and client_secret: they are swapped",),
        konnect=True,
        values={
            "application.client_id": lambda scene: scene.pair[1],
            "application.client_secret": {"file": "client-id"},
        },
        checks="client",
    ),
    "a client id with a typo": Situation(
        check="client.known",
        profile=("[application] client_id: did you mean",),
        konnect=True,
        values={"application.client_id": "{application.client_id}1"},
        checks="client",
    ),
    "a wrong secret of the application": Situation(
        check="client.known",
        words=("Konnect has the application 'on call'",),
        profile=("[application] client_secret",),
        konnect=True,
        values={"application.client_secret": {"file": "wrong-secret"}},
        checks="client",
    ),
}


@contextmanager
def profile_of(name: str) -> Iterator[Path]:
    """The profile of that situation; its mocks run until the block ends."""
    row = SITUATIONS.get(name) or ADDRESSES[name]
    with tempfile.TemporaryDirectory() as folder, scene() as here:
        path = write_profile(Path(folder), here.served)
        row.change(here)
        (path.parent / "application-secret").write_text(here.application["client_secret"])
        secret = here.application["client_secret"]
        files = {
            "quoted": f'"{secret}"',
            "pair": ":".join(here.pair),
            "encoded": b64encode(":".join(here.pair).encode()).decode(),
            "wrong-secret": "yq7-last-year-Kd93hhLm2",
            "with-blank": f"{secret} ",
            "client-id": here.pair[0],
        }
        for name_of_file, text in files.items():
            (path.parent / name_of_file).write_text(text)
        usual = tables(here, row.mode, konnect=row.konnect, admin=row.admin)
        values = {name: told(value, usual, here) for name, value in row.values.items()}
        path.write_text(tomli_w.dumps(nested({**usual, **values})), "utf-8")
        yield path
