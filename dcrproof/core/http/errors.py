"""Network errors, distinguished by the types and numbers of the libraries: name, proxy, TLS, connection, time, answer.

The words of a message decide in two places only, where the libraries give neither a type nor a number: `CLOSED` and
`CONNECT`.
"""

import errno
import http.client
import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import httpx
import requests
import urllib3.exceptions as urllib3

TIMEOUT = 15.0
"""Seconds that a party has to answer in: more than the ten that a gateway gives its authorization server."""


class Endless(Exception):
    """A body that is larger, or takes longer, than any answer of this flow; the text says so."""


class NotSent(Exception):
    """Nothing of the request was sent, because no connection was established; the reason is the cause."""


@dataclass(frozen=True)
class NetworkError:
    """Why no answer came. `passing`: it may be over in a moment, so that a retry makes sense.

    `key` is what the profile says of the party that may be wrong: its `address`, or one of its keys of that name; `check` is
    what to check there.
    """

    said: str
    passing: bool = False
    key: str = ""
    check: str = ""


ADDRESS = "address"
SCHEME = "https:// or http://, and the port"

UNFIT = NetworkError("nothing was sent: a value, such as a token, has characters that an HTTP header cannot have")
NO_ADDRESS = NetworkError("nothing was sent: this is not an http:// or https:// address")
NO_NAME = NetworkError(
    "DNS: the host name cannot be resolved",
    key=ADDRESS,
    check="each letter of the host name, and whether the DNS of this machine knows it",
)
NO_RESOLVER = NetworkError(
    "DNS: the resolver does not answer", True, ADDRESS, "the host name, and whether this machine has DNS at all"
)
REFUSED = NetworkError("connection refused", True, ADDRESS, "the host and the port: nothing listens there")
DROPPED = NetworkError("the connection was dropped before the answer was complete", True, ADDRESS, SCHEME)
NO_ROUTE = NetworkError("no route to the network", True, ADDRESS, "the host, and the network of this machine")
NO_CONNECTION = NetworkError(
    f"no connection within {TIMEOUT:g} seconds",
    True,
    ADDRESS,
    "the host and the port, and whether a firewall or a VPN is between them and this machine",
)
NO_ANSWER = NetworkError(f"no answer within {TIMEOUT:g} seconds", True, ADDRESS, SCHEME)
NOT_HTTP = NetworkError("the answer is not HTTP", False, ADDRESS, SCHEME)
BAD_ENCODING = NetworkError("the body is not what its Content-Encoding says")

TIMEOUTS = (httpx.TimeoutException, requests.Timeout, urllib3.ReadTimeoutError, TimeoutError)
BY_TYPE: tuple[tuple[tuple[type[Exception], ...], NetworkError], ...] = (
    ((ConnectionRefusedError,), REFUSED),
    ((httpx.ConnectTimeout, requests.ConnectTimeout), NO_CONNECTION),
    ((ConnectionError,), DROPPED),
    (TIMEOUTS, NO_ANSWER),
    ((urllib3.InvalidChunkLength,), NOT_HTTP),
    ((http.client.IncompleteRead, httpx.ReadError, httpx.WriteError, httpx.CloseError), DROPPED),
    ((httpx.LocalProtocolError, requests.exceptions.InvalidHeader), UNFIT),
    (
        (
            httpx.UnsupportedProtocol,
            httpx.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidURL,
            urllib3.LocationValueError,
        ),
        NO_ADDRESS,
    ),
    ((httpx.DecodingError, requests.exceptions.ContentDecodingError, urllib3.DecodeError), BAD_ENCODING),
    ((httpx.ProtocolError, urllib3.ProtocolError, http.client.HTTPException), NOT_HTTP),
)
"""In this order, because some of these types are derived from, or raised because of, others."""

CLOSED = re.compile(r"Server disconnected|peer closed connection")
"""How httpcore and h11 say that the connection was closed: what is not HTTP has the same type, RemoteProtocolError."""
CONNECT = re.compile(r"(?:Tunnel connection failed: )?([45][0-9]{2})\b")
"""Where httpcore and http.client have the status of a proxy's answer to CONNECT: in the message alone."""

UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
"""OpenSSL's X509_V_ERR_ codes of a chain that ends at an untrusted authority."""
OF_ANOTHER_NAME = frozenset({62, 64})
"""The codes of a certificate for another host name, or for another IP address."""
CLIENT_CERT = "client_cert"
ALERTS = (
    ("CERTIFICATE_REQUIRED", "the other side asks for a client certificate (client_cert and client_key)", CLIENT_CERT),
    ("ALERT_UNKNOWN_CA", "the other side does not know who issued the client certificate (client_cert)", CLIENT_CERT),
    ("ALERT_CERTIFICATE_EXPIRED", "the other side calls the client certificate expired (client_cert)", CLIENT_CERT),
    ("ALERT_BAD_CERTIFICATE", "the other side does not accept the client certificate (client_cert)", CLIENT_CERT),
    (
        "ALERT_HANDSHAKE_FAILURE",
        "the other side ended the handshake: it may ask for a client certificate (client_cert)",
        CLIENT_CERT,
    ),
    ("WRONG_VERSION_NUMBER", "what answers there does not speak TLS", ADDRESS),
    ("RECORD_LAYER_FAILURE", "what answers there does not speak TLS", ADDRESS),
    ("UNRECOGNIZED_NAME", "what answers there does not know that host name", ADDRESS),
)
"""OpenSSL's names of reasons (RFC 8446 6.2 for the alerts), what they mean to the author of the profile, and which key
it is about.
"""
CHECKS = {
    ADDRESS: f"the host name, {SCHEME}",
    CLIENT_CERT: "that it is there with its client_key, is valid, and is from the authority that the other side wants",
}


def network_error(error: Exception, proxy: str | None = None) -> NetworkError:
    """Why no answer came; `proxy` is the address of the proxy that the request went through."""
    if isinstance(error, Endless):
        return NetworkError(str(error))
    found = causes(error)
    if refused := next((cause for cause in found if isinstance(cause, ssl.SSLCertVerificationError)), None):
        return _of_a_certificate(refused)
    if alert := next((cause for cause in found if isinstance(cause, ssl.SSLError)), None):
        reason = alert.reason or "the handshake failed"
        said, key = next(((said, key) for name, said, key in ALERTS if name in reason), (reason, ADDRESS))
        return NetworkError(f"TLS: {said}", key=key, check=CHECKS[key])
    at_the_proxy = httpx.ProxyError, requests.exceptions.ProxyError, urllib3.ProxyError
    if _any(found, *at_the_proxy) or (proxy and _any(found, NotSent)):
        return _at_the_proxy(found, proxy)
    meaning = _meaning(found) or NetworkError(type(error.__cause__ or error).__name__)
    if proxy and meaning not in {NO_NAME, NO_RESOLVER, REFUSED}:
        # requests does not tell who closed the connection, the proxy or the party
        return replace(meaning, said=f"{meaning.said}, through {_name(proxy)}")
    return meaning


def _of_a_certificate(refused: ssl.SSLCertVerificationError) -> NetworkError:
    """Why the certificate of the other side is not accepted."""
    said = f"TLS: {refused.verify_message}"
    if refused.verify_code in UNKNOWN_AUTHORITY:
        check = "the file of the authority that issued the certificate there, in PEM"
        return NetworkError(f"{said}: issuer not trusted (set `ca`)", key="ca", check=check)
    if refused.verify_code in OF_ANOTHER_NAME:
        return NetworkError(said, key=ADDRESS, check="the host name: the certificate there is for another one")
    return NetworkError(said)


def _meaning(found: Sequence[BaseException]) -> NetworkError | None:
    """What the causes of an error mean; None where none of them is known."""
    for cause in found:
        if isinstance(cause, socket.gaierror):
            return NO_RESOLVER if cause.errno == socket.EAI_AGAIN else NO_NAME
        if isinstance(cause, OSError) and cause.errno in {errno.ENETUNREACH, errno.EHOSTUNREACH}:
            return NO_ROUTE
        if isinstance(cause, UnicodeError):
            # from encoding the value of a header; host names are encoded with idna
            value = isinstance(cause, UnicodeEncodeError) and cause.encoding in {"ascii", "latin-1"}
            return UNFIT if value else NO_NAME
        if isinstance(cause, httpx.RemoteProtocolError) and CLOSED.match(str(cause)):
            return DROPPED
    return next((meaning for types, meaning in BY_TYPE if _any(found, *types)), None)


def _any(found: Sequence[BaseException], *types: type[BaseException]) -> bool:
    return any(isinstance(cause, types) for cause in found)


def _at_the_proxy(found: Sequence[BaseException], proxy: str | None) -> NetworkError:
    """What went wrong before the tunnel to the party was established."""
    where = f"{_name(proxy)}: "
    if status := next(filter(None, (CONNECT.match(str(cause)) for cause in found)), None):
        if status[1] == "407":
            return NetworkError(wants_credentials(proxy), False, PROXY, OF_A_PROXY)
        said = "it rejects this request, or does not reach the host itself"
        passing = status[1] in {"502", "503", "504"}
        check = "the host and the port, which the proxy has to know and to allow"
        return NetworkError(f"{where}{status[1]} to CONNECT, {said}", passing, ADDRESS, check)
    if _any(found, socket.gaierror):
        return NetworkError(where + "its name cannot be resolved", False, PROXY, OF_A_PROXY)
    if _any(found, ConnectionRefusedError):
        return NetworkError(where + REFUSED.said, True, PROXY, OF_A_PROXY)
    if _any(found, *TIMEOUTS):
        return NetworkError(where + NO_ANSWER.said, True, PROXY, OF_A_PROXY)
    said = "it closed the connection, or what answers there is not a proxy"
    return NetworkError(where + said, True, PROXY, OF_A_PROXY)


PROXY = "proxy"
OF_A_PROXY = "its address, or that in HTTPS_PROXY or HTTP_PROXY of this machine"


def wants_credentials(proxy: str | None) -> str:
    return f"{_name(proxy)}: 407, it wants credentials: HTTPS_PROXY takes them, as http://USER:PASSWORD@HOST:PORT"


def _name(proxy: str | None) -> str:
    """A proxy in words, without the credentials that its address may hold."""
    return f"proxy {urlsplit(proxy).netloc.rpartition('@')[2]}" if proxy else "proxy"


def causes(error: BaseException) -> list[BaseException]:
    """The error and all that it was raised from, including those in arguments (urllib3's `reason`)."""
    seen: list[BaseException] = []
    waiting: list[BaseException] = [error]
    while waiting:
        cause = waiting.pop(0)
        if any(cause is known for known in seen):
            continue
        seen.append(cause)
        nested = [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
        waiting.extend(item for item in nested if isinstance(item, BaseException))
    return seen
