"""The proxy port of a node: routes a request, has the node check it, and forwards it.

Rules
- A request that the node answers itself carries `Server: kong/<version>-enterprise-edition` and
  `X-Kong-Response-Latency`; one that the upstream answered carries `Via`, `X-Kong-Proxy-Latency` and
  `X-Kong-Upstream-Latency` (Kong, `kong.conf.default`, `headers`). So without `X-Kong-Upstream-Latency` a request never
  reached the upstream. Both carry `X-Kong-Request-Id`.
- Hop-by-hop headers go neither way (RFC 9110 section 7.6.1).
- A header line of more than 8 KiB is nginx's to refuse: 400 (`kong/error_handlers.lua`; nginx,
  `large_client_header_buffers`, whose default Kong keeps: inferred).
- What the caller says of `X-Forwarded-*` and `X-Real-IP` is overwritten, no address is trusted by default
  (`kong.conf.default`, `trusted_ips`); only `X-Forwarded-For` is continued.
"""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from dcrproof.mocks.data_plane import Service
from dcrproof.mocks.gateway import consumers, credentials, errors, session
from dcrproof.mocks.gateway.credentials import CredentialPlace
from dcrproof.mocks.gateway.plugin import Plugin
from dcrproof.mocks.gateway.routing import Match
from dcrproof.mocks.gateway.session import GatewaySession
from dcrproof.mocks.gateway.state import DataPlane
from dcrproof.mocks.gateway.verdicts import Admitted, Credential, Refused
from dcrproof.mocks.messages import Asking, Call, Calls, NoAnswer, Pairs, Request, Response

TOO_LARGE = {413: "Payload too large", 414: "URI too long", 431: "Request header or cookie too large"}
"""Status -> message (`kong/error_handlers.lua`)."""
NO_ROUTE = "no Route matched with those values"

HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
REWRITTEN = frozenset(
    (
        "host",
        "content-length",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-path",
        "x-forwarded-prefix",
        "x-real-ip",
        "x-kong-request-id",
    )
)
"""Headers of the caller that the gateway replaces, or that are added when a request is sent."""

MADE_BY_THE_LISTENER = frozenset(("content-length", "date"))

LONGEST_HEADER, MOST_HEADERS = 8192, 4 * 8192
"""Octets of one header line, and of all."""


class GatewayHttp:
    """The proxy port of one node. `scheme` is that of its port, `peer` the address from which all its callers come."""

    def __init__(self, data_plane: DataPlane, *, scheme: str = "http", peer: str = "127.0.0.1") -> None:
        self.data_plane = data_plane
        self.scheme = scheme
        self.peer = peer

    def handle(self, request: Request) -> Calls:
        node = self.data_plane
        started, request_id = node.clock.now(), node.request_id()
        if not self.fits(request):
            return self.too_large(request, 431)
        match = node.match(request)
        if match is None:
            return self._own(errors.core_error(404, NO_ROUTE, request, request_id), started, request_id)
        authenticated, admissions = request, list[Admitted]()
        for stage in match.service.stages:
            verdict = yield from self._judge(stage, authenticated)
            if isinstance(verdict, Refused):
                return self._own(self._refusal(verdict), started, request_id)
            authenticated = self._authenticated(authenticated, verdict, admissions)
            admissions.append(verdict)
        sent = node.clock.now()
        answer = yield self._upstream_call(authenticated, match, request_id)
        if isinstance(answer, NoAnswer):
            return self._own(no_answer(answer, request, request_id), started, request_id)
        return self._proxied(answer, admissions, request_id, proxy=sent - started, upstream=node.clock.now() - sent)

    def _judge(self, stage: tuple[Service, ...], request: Request) -> Asking[Admitted | Refused]:
        """Admitted by the first strategy that admits it; else the refusal of a known application wins.

        The managed plugin holds a list of strategies (its schema); which of them applies to a request is inferred.
        """
        refusals: list[Refused] = []
        for one in stage:
            verdict = yield from self.data_plane.admit(one, request)
            if not isinstance(verdict, Refused):
                return verdict
            refusals.append(verdict)
        return next((refused for refused in refusals if refused.status == 403), refusals[0])

    def too_large(self, request: Request, status: int) -> Response:
        """The answer of nginx to what is larger than its buffers: 431 is its 494, which it shows as 400."""
        request_id = self.data_plane.request_id()
        error = errors.nginx_error(400 if status == 431 else status, TOO_LARGE[status], request, request_id)
        return self._own(error, self.data_plane.clock.now(), request_id)

    def crashed(self, request: Request) -> Response:
        """Kong's answer to an error in its own code (`kong/error_handlers.lua`)."""
        request_id = self.data_plane.request_id()
        error = errors.core_error(500, "An unexpected error occurred", request, request_id)
        return self._own(error, self.data_plane.clock.now(), request_id)

    def fits(self, request: Request) -> bool:
        sizes = [len(name) + len(value) + 4 for name, value in request.headers]
        return max(sizes, default=0) <= LONGEST_HEADER and sum(sizes) <= MOST_HEADERS

    # To the caller

    def _refusal(self, refused: Refused) -> Response:
        if refused.location is not None:
            return Response(302, (("location", refused.location),))
        error = errors.plugin_error(refused.status, refused.message)
        headers = list(error.headers)
        if refused.challenge:
            # That there is a challenge with RFC 6750's code is documented (`expose_error_code`), its text is inferred.
            code = f', error="{refused.error}"' if refused.error else ""
            headers.append(("www-authenticate", f'Bearer realm="{refused.realm}"{code}'))
        headers += [("set-cookie", cookie) for cookie in refused.set_cookies]
        return Response(error.status, tuple(headers), error.body)

    def _own(self, response: Response, started: float, request_id: str) -> Response:
        latency = milliseconds(self.data_plane.clock.now() - started)
        own = (
            ("server", f"kong/{self.data_plane.version}-enterprise-edition"),
            ("x-kong-response-latency", latency),
            ("x-kong-request-id", request_id),
        )
        return Response(response.status, (*response.headers, *own), response.body)

    def _proxied(
        self, answer: Response, admissions: list[Admitted], request_id: str, *, proxy: float, upstream: float
    ) -> Response:
        headers = [pair for pair in end_to_end(answer.headers) if pair[0].lower() not in MADE_BY_THE_LISTENER]
        for admitted in admissions:
            headers += [("set-cookie", cookie) for cookie in admitted.set_cookies]
            if admitted.plugin is not None and admitted.token is not None:
                headers += self.data_plane.claim_headers(admitted.plugin.mapped_downstream, admitted.token)
        headers += [
            ("via", f"1.1 kong/{self.data_plane.version}-enterprise-edition"),
            ("x-kong-proxy-latency", milliseconds(proxy)),
            ("x-kong-upstream-latency", milliseconds(upstream)),
            ("x-kong-request-id", request_id),
        ]
        return Response(answer.status, tuple(headers), answer.body)

    # To the upstream

    def _upstream_call(self, request: Request, match: Match, request_id: str) -> Call:
        headers = [pair for pair in end_to_end(request.headers) if pair[0] not in REWRITTEN]
        headers += self._forwarded(request, match)
        headers.append(("x-kong-request-id", request_id))
        url = f"{match.url}?{request.query}" if request.query else match.url
        return Call(request.method, url, tuple(headers), request.body, match.service.read_timeout / 1000)

    def _authenticated(self, request: Request, admitted: Admitted, before: list[Admitted]) -> Request:
        """The request with the access token, without forged identity headers of the caller.

        So it is seen by the plugin that comes next, if there is one (inferred: headers are changed for all that read
        them later). `before` are the verdicts of the plugins that came first.
        """
        plugin, credential, token = admitted.plugin, admitted.credential, admitted.token
        if not admitted.identifies:
            return request
        node = self.data_plane
        headers = list(request.headers)
        if not any(one.identifies for one in before):
            headers = [pair for pair in headers if not node.is_forged_identity(pair[0])]
        if admitted.consumer is not None:
            headers += consumers.headers(admitted.consumer, anonymous=admitted.anonymous)
        request = replace(request, headers=tuple(headers))
        if plugin is None or credential is None or token is None:
            return request
        if plugin.hide_credentials:
            request = hide(request, place_of(credential, plugin))
        own = [*node.claim_headers(plugin.mapped_upstream, token), *node.groups_header(plugin, token)]
        cleared = {header for header, _ in plugin.mapped_upstream} if node.clears_mapped_headers() else set()
        if injected := node.upstream_token_header(plugin, token):
            own.append(injected)
        if node.switches.sends_credential_identifier and (identifier := node.client_id_of(plugin, token)):
            own.append(("x-credential-identifier", identifier))
        cleared |= {name for name, _ in own}
        headers = [pair for pair in request.headers if pair[0] not in cleared]
        return replace(request, headers=(*headers, *own))

    def _forwarded(self, request: Request, match: Match) -> Iterator[tuple[str, str]]:
        host = request.header("host") or ""
        port = port_in(host)
        before = request.header("x-forwarded-for")
        yield "x-forwarded-for", f"{before}, {self.peer}" if before else self.peer
        yield "x-forwarded-proto", self.scheme
        yield "x-forwarded-host", host.rpartition(":")[0] if port else host
        yield "x-forwarded-port", port or ("443" if self.scheme == "https" else "80")
        yield "x-forwarded-path", request.raw_path or request.path
        if match.stripped:
            yield "x-forwarded-prefix", match.stripped
        yield "x-real-ip", self.peer


def place_of(credential: Credential, plugin: Plugin) -> CredentialPlace:
    if isinstance(credential, GatewaySession):
        return CredentialPlace("cookie", session.cookie_names(plugin))
    return credential.place


def no_answer(answer: NoAnswer, request: Request, request_id: str) -> Response:
    if answer.kind == "name":
        return errors.core_error(503, "name resolution failed", request, request_id)
    if answer.kind == "time":
        return errors.nginx_error(504, "The upstream server is timing out", request, request_id)
    message = "An invalid response was received from the upstream server"
    return errors.nginx_error(502, message, request, request_id)


def hide(request: Request, place: CredentialPlace) -> Request:
    """`hide_credentials`: the request without the credential that was used."""
    headers, query, body = request.headers, request.query, request.body
    match place.kind:
        case "header":
            headers = tuple(pair for pair in headers if pair[0] not in place.names)
        case "cookie":
            kept = ((key, credentials.without_cookies(value, place.names)) for key, value in _of(headers, "cookie"))
            headers = (*(pair for pair in headers if pair[0] != "cookie"), *(pair for pair in kept if pair[1]))
        case "query":
            query = credentials.without_query_arguments(query, place.names)
        case "body":
            body = credentials.without_body_arguments(request, place.names)
    return Request(request.method, request.path, request.raw_path, query, headers, body)


def end_to_end(headers: Pairs) -> Iterator[tuple[str, str]]:
    """Those headers that are meant for the other end, not for the next hop."""
    named = {name.strip().lower() for _, value in _of(headers, "connection") for name in value.split(",")}
    dropped = HOP_BY_HOP | named
    return (pair for pair in headers if pair[0].lower() not in dropped)


def milliseconds(seconds: float) -> str:
    return str(max(0, int(seconds * 1000)))


def port_in(host: str) -> str | None:
    try:
        found = urlsplit(f"//{host}").port
    except ValueError:
        return None
    return None if found is None else str(found)


def _of(headers: Pairs, name: str) -> Pairs:
    return tuple(pair for pair in headers if pair[0].lower() == name)
