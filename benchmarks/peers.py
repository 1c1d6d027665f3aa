"""What the mocks cost as a server, as ratios to peers that are measured in the same run: absolute times differ.

    pip install -e '.[test,bench]' && npm ci --prefix suites/self/oidc-provider && python benchmarks/peers.py

Peers: OpenSSL's signing rate on one core, npm's oidc-provider, the mock upstream alone, a Python that imports what the
mocks import. What grows is measured in one process, without sockets. `--applications N` says to how many it grows.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from dcrproof.mocks.keys import rsa_key
from dcrproof.mocks.messages import Call, Request, Response, perform
from dcrproof.mocks.observed import NOTHING_OBSERVED
from dcrproof.mocks.start import DEVELOPER, PORTS, Start
from dcrproof.mocks.worlds import Worlds

ROOT = Path(__file__).parent.parent
PEER = ROOT / "suites" / "self" / "oidc-provider" / "server.mjs"
SECONDS = 2.0
ROUNDS = 3
CONNECTIONS = 16
JSON = ("content-type", "application/json")
FORM = {"content-type": "application/x-www-form-urlencoded"}


def show(name: str, ratio: float, target: str, parts: str) -> None:
    print(f"{name:<66} {ratio:6.2f}   {target:<14} {parts}", flush=True)


# Servers, each in a process of its own


@contextmanager
def started(*command: str, **variables: str) -> Iterator[tuple[str, float]]:
    """Yields the first line of a program, and the seconds until it came."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | variables
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        yield line, time.perf_counter() - begun
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)


@contextmanager
def served(*options: str) -> Iterator[tuple[dict[str, Any], float]]:
    with started(sys.executable, "-m", "dcrproof", "serve", *options) as (line, seconds):
        yield json.loads(line), seconds


def basic(id_: str, secret: str) -> str:
    return f"Basic {b64encode(f'{id_}:{secret}'.encode()).decode()}"


# A load, from a process of its own


class Answers:
    """Requests a second over keep-alive connections, the most of some rounds."""

    def __init__(self) -> None:
        self.pool = get_context("spawn").Pool(1)

    def __call__(self, method: str, url: str, headers: dict[str, str], body: str, connections: int) -> float:
        return self.pool.apply(_load, (method, url, headers, body, connections))


def _load(*arguments: Any) -> float:
    return asyncio.run(_loaded(*arguments))


async def _loaded(method: str, url: str, headers: dict[str, str], body: str, connections: int) -> float:
    import aiohttp

    count = 0
    begun = time.perf_counter()

    async def one(session: aiohttp.ClientSession) -> None:
        nonlocal count
        while time.perf_counter() < begun + SECONDS:
            async with session.request(method, url, headers=headers, data=body or None) as answer:
                await answer.read()
                assert answer.status in (200, 201), (answer.status, await answer.text())
            count += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
        await asyncio.gather(*(one(session) for _ in range(connections)))
    return count / (time.perf_counter() - begun)


def in_turns(*rates: Callable[[], float]) -> list[float]:
    """The most of each in some rounds, in which they take turns: what else the machine does only lessens it."""
    measured = [[rate() for rate in rates] for _ in range(ROUNDS)]
    return [max(column) for column in zip(*measured, strict=True)]


def signatures() -> float:
    """RS256 signatures a second on one core, by OpenSSL in a plain loop."""
    key = rsa_key(0).private_key
    count, begun = 0, time.perf_counter()
    while time.perf_counter() < begun + SECONDS:
        key.sign(b"x" * 300, padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr, call-arg, arg-type] # a private RSA key
        count += 1
    return count / (time.perf_counter() - begun)


# What is measured


def starting() -> None:
    def ready() -> float:
        with served() as (_, seconds):
            return 1 / seconds

    def imported() -> float:
        program = "import httpx, uvicorn, cryptography.hazmat.primitives.asymmetric.rsa; print(flush=True)"
        with started(sys.executable, "-c", program) as (_, seconds):
            return 1 / seconds

    ours, theirs = in_turns(ready, imported)
    show(
        "serve, from start to ready : a Python that imports its libraries",
        theirs / ours,
        "at most 1.67",
        f"{1 / ours:.2f} s, {1 / theirs:.2f} s",
    )


def of_tokens(answers: Answers) -> None:
    with ExitStack() as stack:
        rs256, _ = stack.enter_context(served())
        eddsa, _ = stack.enter_context(served("--undo", "curity.token-issuer.signing-key"))
        peer = _peer(stack, "EdDSA")

        def tokens(endpoint: str, authorization: str) -> Callable[[], float]:
            headers = {"authorization": authorization, **FORM}
            return lambda: answers("POST", endpoint, headers, "grant_type=client_credentials", CONNECTIONS)

        def at_curity(description: dict[str, Any]) -> Callable[[], float]:
            curity = description["curity"]
            endpoint = f"{curity['issuer'].removesuffix('-anonymous')}-token"
            return tokens(endpoint, basic(curity["registrar_id"], curity["registrar_secret"]))

        ours, bare = in_turns(at_curity(rs256), signatures)
        show("RS256 tokens : bare signatures of one core", ours / bare, "at least 0.85", f"{ours:.0f}/s, {bare:.0f}/s")
        ours, theirs = in_turns(at_curity(eddsa), tokens(f"{peer}/token", basic("registrar", "a secret of the peer")))
        show("EdDSA tokens : those of oidc-provider", ours / theirs, "at least 1.25", f"{ours:.0f}/s, {theirs:.0f}/s")


def _peer(stack: ExitStack, algorithm: str) -> str:
    """The issuer of an oidc-provider whose client `registrar` registers others with no initial access token."""
    line, _ = stack.enter_context(
        started(
            "node",
            str(PEER),
            *("--registration", "open", "--algorithm", algorithm, "--client"),
            REGISTRAR_ID="registrar",
            REGISTRAR_SECRET="a secret of the peer",
        )
    )
    return line.strip()


def of_registrations(answers: Answers) -> None:
    body = json.dumps(
        {"client_name": "bench", "grant_types": ["client_credentials"], "redirect_uris": [], "response_types": []}
    )
    with ExitStack() as stack:
        description, _ = stack.enter_context(served("--undo", "curity.dcr.authenticate-client-by=no-authentication"))
        peer = _peer(stack, "RS256")
        endpoint = requests.get(description["curity"]["discovery"], timeout=5).json()["registration_endpoint"]

        def registered(url: str) -> Callable[[], float]:
            return lambda: answers("POST", url, {"content-type": "application/json"}, body, CONNECTIONS)

        ours, theirs = in_turns(registered(endpoint), registered(f"{peer}/reg"))
        show("registrations : those of oidc-provider", ours / theirs, "at least 1.5", f"{ours:.0f}/s, {theirs:.0f}/s")


def of_calls(answers: Answers) -> None:
    with served() as (description, _):
        client = _application(description)
        upstream, route = description["upstream"]["url"], description["gateway"]["route"]
        authorization = {"authorization": basic(*client)}
        ours, alone = in_turns(
            lambda: answers("GET", route, authorization, "", 1), lambda: answers("GET", upstream, {}, "", 1)
        )
        show(
            "a gateway call with a cached token : the upstream alone",
            alone / ours,
            "at most 3",
            f"{1e6 / ours:.0f} us, {1e6 / alone:.0f} us",
        )


def _application(description: dict[str, Any]) -> tuple[str, str]:
    """The client id and secret of a new application that is registered for the API."""
    portal = description["portal"]
    base = f"{portal['url']}/api/v3"
    who = {"username": portal["email"], "password": portal["password"]}
    signed_in = requests.post(f"{base}/developer/authenticate", json=who, timeout=5)
    cookie = {"cookie": signed_in.headers["set-cookie"].partition(";")[0]}
    body = {"name": "bench", "auth_strategy_id": portal["strategy_id"]}
    made = requests.post(f"{base}/applications", json=body, headers=cookie, timeout=5).json()
    registrations = f"{base}/applications/{made['id']}/registrations"
    requests.post(registrations, json={"api_id": portal["api_id"]}, headers=cookie, timeout=5).raise_for_status()
    return made["client_id"], made["client_secret"]


# What grows, in this process


class Organisation:
    """A world of mocks that is asked without sockets, with so many applications of so many developers."""

    def __init__(self) -> None:
        self.addresses = {name: f"http://127.0.0.1:{1000 + number}" for number, name in enumerate(PORTS)}
        self.ports = {urlsplit(address).port: name for name, address in self.addresses.items()}
        start = Start(self.addresses, 1, None, None, {}, 0.0, False, Start.gateway_version, NOTHING_OBSERVED)
        self.world = Worlds(start).current
        self.admin = ("authorization", f"Bearer {self.world.credentials.konnect_token}")
        self.portal = self.json("konnect", "GET", "/v3/portals", self.admin)["data"][0]["id"]
        self.developer = self.signed_in(DEVELOPER, self.world.credentials.developer_password)
        self.made: list[dict[str, Any]] = []

    def ask(self, port: str, method: str, path: str, *headers: tuple[str, str], body: Any = b"") -> Response:
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        raw_path, _, query = path.partition("?")
        host = ("host", urlsplit(self.addresses[port]).netloc)
        request = Request(method, raw_path, raw_path, query, (host, *headers), octets)
        response = perform(self.world.handle(port, request), self._answer)
        self.world.log(port, request, response.status, None)
        return response

    def _answer(self, call: Call) -> Response:
        url = urlsplit(call.url)
        headers = ((name.lower(), value) for name, value in call.headers)
        path = f"{url.path}?{url.query}" if url.query else url.path
        return self.ask(self.ports[url.port], call.method, path, *headers, body=call.body)

    def json(self, port: str, method: str, path: str, *headers: tuple[str, str], body: Any = b"") -> Any:
        answer = self.ask(port, method, path, *headers, body=body)
        assert answer.status < 300, answer
        return answer.json()

    def signed_in(self, email: str, password: str) -> tuple[str, str]:
        body = {"username": email, "password": password}
        answer = self.ask("portal", "POST", "/api/v3/developer/authenticate", JSON, body=body)
        return "cookie", str(answer.header("set-cookie")).partition(";")[0]

    def grow(self, number: int) -> None:
        while len(self.made) < number:
            self.register()

    def _registered(self, email: str) -> tuple[str, str]:
        self.ask("portal", "POST", "/api/v3/developer", JSON, body={"email": email, "full_name": email})
        mail = self.json("control", "GET", "/mail")
        token = next(one["text"] for one in reversed(mail) if one["to"] == email).partition("token=")[2].split()[0]
        reset = self.json("portal", "POST", "/api/v3/developer/verify-email", JSON, body={"token": token})["token"]
        body = {"token": reset, "password": "P@ssword1"}
        assert self.ask("portal", "POST", "/api/v3/developer/reset-password", JSON, body=body).status < 300
        return self.signed_in(email, body["password"])

    def register(self) -> None:
        setup = self.world.setup
        if len(self.made) % 400 == 399:  # a developer may have 500
            self.developer = self._registered(f"developer-{len(self.made)}@example.com")
        body = {"name": f"application {len(self.made)}", "auth_strategy_id": setup.strategy_id}
        made = self.json("portal", "POST", "/api/v3/applications", JSON, self.developer, body=body)
        path = f"/api/v3/applications/{made['id']}/registrations"
        self.json("portal", "POST", path, JSON, self.developer, body={"api_id": setup.api_id})
        self.made.append({name: made[name] for name in ("id", "client_id", "client_secret")})

    def read(self) -> None:
        self.json("konnect", "GET", f"/v3/portals/{self.portal}/applications/{self.made[-1]['id']}", self.admin)

    def call(self) -> None:
        last = self.made[-1]
        pair = ("authorization", basic(last["client_id"], last["client_secret"]))
        assert self.ask("gateway", "GET", self.world.ROUTE, pair).status == 200

    def register_and_call(self) -> None:
        self.register()
        self.call()

    def page(self) -> None:
        self.json("konnect", "GET", f"/v3/portals/{self.portal}/applications?page%5Bsize%5D=10", self.admin)

    def works(self) -> dict[str, Callable[[], None]]:
        """What is asked of it however many applications it has."""
        return {
            "registering": self.register,
            "registering, and a first call of the route": self.register_and_call,
            "reading": self.read,
            "a call with a cached token": self.call,
            "a page of all applications": self.page,
        }


def cost(work: Callable[[], None]) -> float:
    """CPU seconds of it, the least of several times."""
    return min(_seconds(work, 25) for _ in range(8))


def growing(number: int) -> None:
    """Prints what each of some requests costs with that many applications, over what it costs with 100."""
    organisation = Organisation()
    works = organisation.works()

    def costs() -> dict[str, float]:
        return {name: cost(work) for name, work in works.items()}

    organisation.grow(100)
    few, before = costs(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    organisation.grow(number)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / number
    many = costs()
    for name, now in many.items():
        parts = f"{now * 1e6:.0f} us, {few[name] * 1e6:.0f} us"
        show(f"{name}: with {number:,} applications : with 100", now / few[name], "at most 1.25", parts)
    show("KiB for each application", grown, "at most 4", f"{number:,} of them")


def _seconds(work: Callable[[], None], times: int) -> float:
    begun = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begun) / times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--applications", type=int, default=100_000, metavar="N")
    asked = parser.parse_args()
    starting()
    answers = Answers()
    of_tokens(answers)
    of_registrations(answers)
    of_calls(answers)
    growing(asked.applications)


if __name__ == "__main__":
    main()
