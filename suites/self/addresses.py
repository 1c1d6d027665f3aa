"""Addresses of the profile that are wrong, as data: each mistake is made at the address of every party at once."""

import socket
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connections import answered, head, identities, over_tls, serving
from on_call import Scene, Situation, tables

AT: Mapping[str, str] = {
    "[curity] issuer": "discovery.served",
    "[curity.admin] url": "configuration.readable",
    "[konnect] url": "konnect.authenticated",
    "[portal] url": "portal.open",
    "[gateway] url": "gateway.answers",
}
"""The keys of the profile that have an address, each with the check that makes the first request there."""


@dataclass(frozen=True)
class Mistake:
    """What becomes of the right address, and what is to be checked there; `key` is named in place of the address."""

    wrong: Callable[[Scene, str], str]
    says: str
    key: str = ""
    at: tuple[str, ...] = tuple(AT)
    """The keys that can have it."""
    ca: Callable[[Scene], Path] | None = None
    """The `ca` of each party."""


def begins(origin: str, url: str) -> str:
    """The URL at another origin."""
    return origin + urlsplit(url).path


def unknown_to_dns(_: Scene, url: str) -> str:
    """A host that nobody has. No request for it leaves this machine."""
    look = socket.getaddrinfo

    def looked_for(host: Any, *given: Any, **named: Any) -> Any:
        if host == "nowhere.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return look(host, *given, **named)

    socket.getaddrinfo = looked_for
    return begins("https://nowhere.invalid", url)


def saying(answer: bytes) -> Callable[[Scene, str], str]:
    """Something that answers each request so, and is nobody of the flow."""

    def serve(connection: socket.socket) -> None:
        head(connection)
        connection.sendall(answer)

    return lambda scene, url: begins(f"http://127.0.0.1:{scene.others.enter_context(serving(serve))}", url)


def page(status: int, text: str, *headers: str) -> bytes:
    return (
        answered(status, "", "x-page: yes", *headers)
        .replace(b"application/json", b"text/html")
        .replace(b"content-length: 2", f"content-length: {len(text)}".encode())[:-2]
        + text.encode()
    )


def certified(scene: Scene) -> Path:
    """The authority of a server on this machine, whose certificate is for another name."""
    folder = Path(scene.others.enter_context(tempfile.TemporaryDirectory()))
    known = identities(folder, "party.example.com")
    port = scene.others.enter_context(over_tls(known.context(ask_for_certificate=False)))
    (folder / "port").write_text(str(port))
    return known.ca


def by_tls(scene: Scene, url: str) -> str:
    return begins(f"https://127.0.0.1:{(certified(scene).parent / 'port').read_text()}", url)


MORE = ("[curity] issuer", "[curity.admin] url", "[gateway] url")
"""Keys that may have a path: of the others one is refused when the profile is read."""

MISTAKES: Mapping[str, Mistake] = {
    "a host that DNS does not know": Mistake(unknown_to_dns, "each letter of the host name"),
    "a port where nothing listens": Mistake(lambda _, url: begins("http://127.0.0.1:1", url), "nothing listens there"),
    "https where http is spoken": Mistake(lambda _, url: url.replace("http:", "https:"), "https:// or http://"),
    "http where TLS is spoken: an alert": Mistake(saying(b"\x15\x03\x03\x00\x02\x02\x46"), "https:// or http://"),
    "http where TLS is spoken: silence": Mistake(saying(b""), "https:// or http://"),
    "http where TLS is spoken: nginx": Mistake(
        saying(page(400, "<h1>The plain HTTP request was sent to HTTPS port</h1>")), "https:// in place of http://"
    ),
    "a redirect to https": Mistake(saying(page(301, "<h1>Moved</h1>", "location: https://127.0.0.1/")), ""),
    "a web server's own page": Mistake(saying(page(200, "<h1>It works!</h1>")), ""),
    "a web server's 404": Mistake(saying(page(404, "<h1>Not Found</h1>")), ""),
    "an unknown authority": Mistake(by_tls, "in PEM", key="ca"),
    "a path too many": Mistake(lambda _, url: f"{url}/more", "", at=MORE),
    "a path too few": Mistake(lambda _, url: url.rpartition("/")[0], "", at=MORE[:2]),
}


def _situation(mistake: Mistake) -> Situation:
    paths = {key: key[1:].replace("] ", ".") for key in mistake.at}

    def at(path: str) -> Callable[[Scene], str]:
        return lambda scene: mistake.wrong(scene, tables(scene, "create", konnect=True, admin=True)[path])

    return Situation(
        values={path: at(path) for path in paths.values()} | {"run.deadlines": {"propagation": "0s", "patience": "0s"}},
        mode="create",
        konnect=True,
        admin=True,
        checks=" ".join(AT[key] for key in mistake.at),
    )


ADDRESSES: Mapping[str, Situation] = {name: _situation(mistake) for name, mistake in MISTAKES.items()}
