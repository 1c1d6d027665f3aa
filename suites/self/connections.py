"""The other end of a connection: a TLS server that verifies client certificates, a proxy, and parties with scripted answers."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from dcrproof.core.http.exchange import Transcript, Unanswered


@contextmanager
def serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on a free loopback port, with a thread for each connection; yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(10)
            serve(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=one, args=(connection,), daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(5)
        for thread in threads:
            thread.join(5)


def head(connection: socket.socket) -> str:
    """What was received up to the empty line, or to the end."""
    read = b""
    while b"\r\n\r\n" not in read and (chunk := connection.recv(65536)):
        read += chunk
    return read.decode("latin-1")


def answered(status: int, content: object, *headers: str) -> bytes:
    body = json.dumps(content).encode()
    lines = [f"HTTP/1.1 {status} Said", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode() + body


@dataclass
class Proxy:
    """An HTTP proxy, which records its requests and their headers. `to` has the port of each host."""

    port: int = 0
    to: dict[str, int] = field(default_factory=dict)
    answer: bytes | None = None
    """What it answers instead of connecting; if this is empty, it drops the connection."""
    asked: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        asked = head(connection)
        if not asked:
            return
        self.heads.append(asked)
        self.asked.append(" ".join(asked.split(" ")[:2]))
        if self.answer is not None:
            connection.sendall(self.answer)
            return
        with socket.create_connection(("127.0.0.1", self.to[asked.split(" ")[1]])) as other:
            connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=pump, args=(other, connection), daemon=True)
            back.start()
            pump(connection, other)
            back.join(5)


def pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxy(answer: bytes | None = None, **to: int) -> Iterator[Proxy]:
    """A running proxy; `to` gives the ports of hosts, whose names have `_` for `.`."""
    made = Proxy(to={name.replace("_", "."): port for name, port in to.items()}, answer=answer)
    with serving(made.serve) as port:
        made.port = port
        yield made


@dataclass(frozen=True)
class Identities:
    """Files of a certificate authority, of a server's certificate that it issued, and of a client's."""

    ca: Path
    server: Path
    client_cert: Path
    client_key: Path

    def context(self, *, ask_for_certificate: bool, most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        """A server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = most
        context.load_cert_chain(self.server)
        if ask_for_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        return context


def identities(folder: Path, *names: str) -> Identities:
    """A new authority, a server with these names, and the client certificate of `dcrproof`."""
    authority = trustme.CA()
    paths = [folder / name for name in ("ca.pem", "server.pem", "client.pem", "client.key")]
    authority.cert_pem.write_to_path(paths[0])
    authority.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(paths[1])
    client = authority.issue_cert("dcrproof@example.com", common_name="dcrproof")
    client.cert_chain_pems[0].write_to_path(paths[2])
    client.private_key_pem.write_to_path(paths[3])
    return Identities(*paths)


@contextmanager
def over_tls(context: ssl.SSLContext) -> Iterator[int]:
    """A server that answers each request with what it saw: the request line, the Host, the TLS server name, the client."""
    names: dict[int, str | None] = {}

    def remember(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        names[threading.get_ident()] = name

    context.sni_callback = remember

    def serve(connection: socket.socket) -> None:
        try:
            secured = context.wrap_socket(connection, server_side=True)
        except OSError:
            # what is still on its way is read, so that the alert is not overtaken by a reset
            with suppress(OSError):
                while connection.recv(65536):
                    pass
            raise
        with secured:
            lines = head(secured).split("\r\n")
            host = next((line[6:] for line in lines if line.lower().startswith("host: ")), None)
            peer = secured.getpeercert() or {}
            client = dict(pair for (pair,) in peer.get("subject", ())).get("commonName")
            seen = {"line": lines[0], "host": host, "name": names.get(threading.get_ident()), "client": client}
            secured.sendall(answered(200, seen, "via: 1.1 kong/3.14"))

    with serving(serve) as port:
        yield port


@dataclass
class Recorded(Transcript):
    """A transcript that keeps unanswered requests as well."""

    unanswered: list[Unanswered] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tell = lambda event: self.unanswered.append(event) if isinstance(event, Unanswered) else None


@dataclass
class Scripted:
    """A party that answers from a list, one answer for each connection; an empty one drops it. `asked` has the requests."""

    answers: list[bytes]
    base: str = ""
    asked: list[str] = field(default_factory=list)

    def serve(self, connection: socket.socket) -> None:
        if asked := head(connection):
            self.asked.append(" ".join(asked.split(" ")[:2]))
            connection.sendall(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


@contextmanager
def scripted(*answers: bytes) -> Iterator[Scripted]:
    """A running party; the last answer is the one to all further requests."""
    made = Scripted(list(answers))
    with serving(made.serve) as port:
        made.base = f"http://127.0.0.1:{port}"
        yield made
