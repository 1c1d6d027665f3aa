"""What goes wrong below HTTP, told apart: name, proxy, TLS, connection, time; and what is no answer at all."""

import re
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT = 15.0
"""Seconds that a party has to answer in: more than the ten that a gateway gives its authorization server."""


class Endless(Exception):
    """A body that is larger than any answer of this flow: more octets came than that."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


class NotSent(Exception):
    """Nothing of the request has left: the connection came to nothing. What it was is the cause."""


@dataclass(frozen=True)
class NetworkError:
    """Why no answer came. `passing`: it may be over in a moment, so that asking again makes sense."""

    said: str
    passing: bool = False


UNFIT = NetworkError("nothing was sent: a value in it, such as a token, has characters that no HTTP header takes")
NO_ADDRESS = NetworkError("nothing was sent: this is no address of the scheme http or https")
NO_NAME = NetworkError("DNS: the host name cannot be resolved")
NO_RESOLVER = NetworkError("DNS: the resolver does not answer", passing=True)
REFUSED = NetworkError("connection refused", passing=True)
DROPPED = NetworkError("the connection was dropped before the answer was complete", passing=True)
NO_ROUTE = NetworkError("no route to the network", passing=True)

SIGNS = (
    ("certificate", NetworkError("TLS: the certificate was not accepted")),
    ("name or service not known", NO_NAME),
    ("nodename nor servname", NO_NAME),
    ("refused", REFUSED),
    ("connecttimeout", NetworkError(f"no connection within {TIMEOUT:g} seconds", passing=True)),
    ("timeout", NetworkError(f"no answer within {TIMEOUT:g} seconds", passing=True)),
    ("timed out", NetworkError(f"no answer within {TIMEOUT:g} seconds", passing=True)),
    ("reset", DROPPED),
    ("disconnected", DROPPED),
    ("incomplete", DROPPED),
    ("closed", DROPPED),
    ("broken pipe", DROPPED),
    ("aborted", DROPPED),
    ("localprotocolerror", UNFIT),
    ("invalidheader", UNFIT),
    ("idna", NO_NAME),
    ("label", NO_NAME),
    ("unicode", UNFIT),
    ("unsupportedprotocol", NO_ADDRESS),
    ("schema", NO_ADDRESS),
    ("invalidurl", NO_ADDRESS),
    ("decod", NetworkError("the body is not what its Content-Encoding says")),
    ("protocol", NetworkError("the answer is not HTTP")),
    ("unreachable", NO_ROUTE),
)
"""What the two libraries say, in lower case, where no type tells it."""

UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
"""OpenSSL's X509_V_ERR_ codes of a chain that ends at nobody who is trusted."""
ALERTS = (
    ("CERTIFICATE_REQUIRED", "the other side asks for a client certificate (client_cert and client_key)"),
    ("ALERT_UNKNOWN_CA", "the other side does not know who issued the client certificate (client_cert)"),
    ("ALERT_CERTIFICATE_EXPIRED", "the other side calls the client certificate expired (client_cert)"),
    ("ALERT_BAD_CERTIFICATE", "the other side does not accept the client certificate (client_cert)"),
    (
        "ALERT_HANDSHAKE_FAILURE",
        "the other side ended the handshake: it may ask for a client certificate (client_cert)",
    ),
    ("WRONG_VERSION_NUMBER", "what answers there does not speak TLS"),
)
"""OpenSSL's reasons (RFC 8446 6.2 for the alerts), and what they mean to whoever writes the profile."""


def trouble(error: BaseException, proxy: str | None = None) -> NetworkError:
    """Why no answer came; `proxy` is the address of the proxy that the request went through."""
    if isinstance(error, Endless):
        return NetworkError(f"more than {error.most:,} bytes came: what answers there is not the party")
    found = list(causes(error))
    for cause in found:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NetworkError(f"TLS: {_not_verified(cause)}")
    if alert := next((cause for cause in found if isinstance(cause, ssl.SSLError)), None):
        reason = alert.reason or "the handshake failed"
        return NetworkError(f"TLS: {next((said for sign, said in ALERTS if sign in reason), reason)}")
    kinds = {type(cause).__name__ for cause in found}
    if "ProxyError" in kinds or (proxy and "NotSent" in kinds):
        return _at_the_proxy(found, proxy)
    for cause in found:
        if isinstance(cause, socket.gaierror):
            return NO_RESOLVER if cause.errno == socket.EAI_AGAIN else NO_NAME
        if type(cause).__name__ == "NameResolutionError":
            return NO_NAME
        if isinstance(cause, ConnectionRefusedError):
            return REFUSED
    text = _text(found)
    meaning = next((meaning for sign, meaning in SIGNS if sign in text), NetworkError(type(error).__name__))
    # requests does not tell who broke off, the proxy or the party
    return NetworkError(f"{meaning.said}, through {_name(proxy)}", meaning.passing) if proxy else meaning


def _not_verified(error: ssl.SSLCertVerificationError) -> str:
    said = error.verify_message
    return f"{said}: nobody trusted here has issued it (ca)" if error.verify_code in UNKNOWN_AUTHORITY else said


def _at_the_proxy(found: list[BaseException], proxy: str | None) -> NetworkError:
    """What went wrong before the tunnel to the party stood."""
    where = f"{_name(proxy)}: "
    text = _text(found)
    if status := re.search(r"(?:proxyerror|failed:) ([45][0-9]{2})\b", text):
        if status[1] == "407":
            return NetworkError(wants_credentials(proxy))
        said = "it does not let this through, or does not reach the host itself"
        return NetworkError(f"{where}{status[1]} to CONNECT, {said}", passing=status[1] in {"502", "503", "504"})
    if any(isinstance(cause, socket.gaierror) or type(cause).__name__ == "NameResolutionError" for cause in found):
        return NetworkError(where + "its name cannot be resolved")
    if "refused" in text:
        return NetworkError(where + REFUSED.said, passing=True)
    if "timeout" in text or "timed out" in text:
        return NetworkError(f"{where}no answer within {TIMEOUT:g} seconds", passing=True)
    return NetworkError(where + "it broke off, or what answers there is no proxy", passing=True)


def wants_credentials(proxy: str | None) -> str:
    return f"{_name(proxy)}: 407, it wants credentials: HTTPS_PROXY takes them, as http://USER:PASSWORD@HOST:PORT"


def _name(proxy: str | None) -> str:
    """A proxy in words, without the credentials that its address may hold."""
    return f"proxy {urlsplit(proxy).netloc.rpartition('@')[2]}" if proxy else "proxy"


def _text(found: Iterable[BaseException]) -> str:
    return " ".join(f"{type(cause).__name__} {cause}" for cause in found).lower()


def causes(error: BaseException) -> Iterable[BaseException]:
    """The error and all that it was raised from, nested arguments (urllib3's `reason`) included."""
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
