"""What parts of dcrproof cost, mostly as ratios measured in one run, since absolute times differ between machines.

    pip install -e '.[test,bench]' && python benchmarks/parts.py

Prints one line for each figure. No test asserts these figures.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from random import Random
from string import ascii_letters, digits
from typing import Any
from uuid import UUID

from joserfc import jwt

from dcrproof.core.secrets.index import Secrets
from dcrproof.mocks.keys import rsa_key

ROOT = Path(__file__).parent.parent
SECONDS = 3.0


def show(name: str, value: str, target: str = "") -> None:
    print(f"{name:<58} {value:>16}   {target}", flush=True)


def best(command: list[str], times: int = 3, **keywords: Any) -> float:
    """The shortest duration of several runs of a command, in seconds."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    durations = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment, **keywords)
        durations.append(time.perf_counter() - started)
    return min(durations)


@contextmanager
def served() -> Iterator[tuple[dict[str, Any], float]]:
    """Yields what a running `dcrproof serve` printed, and the seconds until it did."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "dcrproof", "serve"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    description = json.loads(process.stdout.readline())
    ready = time.perf_counter() - started
    try:
        yield description, ready
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def bare_signatures() -> float:
    """Signatures per second on one core, in a plain loop with the library that mock Curity uses."""
    key = rsa_key(0)
    claims = {"iss": "i", "sub": "s", "aud": "a", "exp": 1, "nbf": 1, "iat": 1, "jti": "j" * 36, "scope": ""}
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        jwt.encode({"alg": "RS256", "kid": "-1"}, claims, key, algorithms=["RS256"])
        count += 1
    return count / (time.perf_counter() - started)


async def load(method: str, url: str, headers: dict[str, str], body: str, connections: int) -> float:
    """Requests per second over keep-alive connections."""
    import aiohttp

    count = 0
    until = time.perf_counter() + SECONDS

    async def one(session: aiohttp.ClientSession) -> None:
        nonlocal count
        while time.perf_counter() < until:
            async with session.request(method, url, headers=headers, data=body or None) as answer:
                await answer.read()
                assert answer.status == 200, answer.status
            count += 1

    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(one(session) for _ in range(connections)))
    return count / SECONDS


def requests_a_second(*arguments: Any) -> float:
    """`load` in a separate process, so that the mock has a core for itself."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_load, arguments)


def _load(*arguments: Any) -> float:
    return asyncio.run(load(*arguments))


def application(description: dict[str, Any]) -> tuple[str, str]:
    """The client id and secret of a new application that is registered for the API."""
    import requests

    portal = description["portal"]
    base = f"{portal['url']}/api/v3"
    signed_in = requests.post(
        f"{base}/developer/authenticate",
        json={"username": portal["email"], "password": portal["password"]},
        timeout=5,
    )
    cookie = {"cookie": f"portalaccesstoken={signed_in.cookies['portalaccesstoken']}"}
    body = {"name": f"bench {time.time_ns()}", "auth_strategy_id": portal["strategy_id"]}
    made = requests.post(f"{base}/applications", json=body, headers=cookie, timeout=5).json()
    registrations = f"{base}/applications/{made['id']}/registrations"
    requests.post(registrations, json={"api_id": portal["api_id"]}, headers=cookie, timeout=5).raise_for_status()
    return made["client_id"], made["client_secret"]


def thousand_applications(description: dict[str, Any]) -> tuple[float, float]:
    """Seconds for the first and for the last hundred of 1,000 applications of ten developers, one after another."""
    import requests

    konnect, portal = description["konnect"], description["portal"]
    admin = requests.Session()
    admin.headers["authorization"] = f"Bearer {konnect['token']}"
    found = admin.get(f"{konnect['url']}/v3/portals", timeout=5).json()["data"][0]
    sessions = []
    for number in range(10):
        email = f"developer-{number}@example.com"
        session = requests.Session()
        base = f"{portal['url']}/api/v3"
        session.post(f"{base}/developer", json={"email": email, "full_name": email}, timeout=5).raise_for_status()
        mail = requests.get(f"{description['control']}/mail", timeout=5).json()
        token = (
            next(letter["text"] for letter in reversed(mail) if letter["to"] == email).partition("token=")[2].split()[0]
        )
        reset = session.post(f"{base}/developer/verify-email", json={"token": token}, timeout=5).json()["token"]
        secret = f"P@ssword1-{number}"
        session.post(f"{base}/developer/reset-password", json={"token": reset, "password": secret}, timeout=5)
        signed_in = session.post(
            f"{base}/developer/authenticate", json={"username": email, "password": secret}, timeout=5
        )
        session.headers["cookie"] = f"portalaccesstoken={signed_in.cookies['portalaccesstoken']}"
        sessions.append((session, base))
    assert found["name"] == "developers"
    durations = []
    for number in range(1000):
        session, base = sessions[number % 10]
        started = time.perf_counter()
        body = {"name": f"application {number}", "auth_strategy_id": portal["strategy_id"]}
        made = session.post(f"{base}/applications", json=body, timeout=5).json()
        registrations = f"{base}/applications/{made['id']}/registrations"
        session.post(registrations, json={"api_id": portal["api_id"]}, timeout=5).raise_for_status()
        pair = (made["client_id"], made["client_secret"])
        assert requests.get(description["gateway"]["route"], auth=pair, timeout=5).status_code == 200
        durations.append(time.perf_counter() - started)
    return sum(durations[:100]), sum(durations[-100:])


def masking(number: int) -> tuple[float, float]:
    """Megabytes masked per second with that many known secrets, and milliseconds to register one of them.

    The text is typical of what is masked, JSON with ids and addresses in short lines; it contains no secret.
    """
    chance = Random(number)
    characters = ascii_letters + digits + "-_"
    secrets, values = Secrets(), ["".join(chance.choices(characters, k=43)) for _ in range(number)]
    started = time.perf_counter()
    for value in values:
        secrets.know(value, str(UUID(int=chance.getrandbits(128))))
    registered = time.perf_counter() - started
    line = '{{"id":"{}","name":"an application","url":"https://api.example.com/accounts"}}\n'
    text = "".join(line.format(UUID(int=chance.getrandbits(128))) for _ in range(10_000))
    started = time.perf_counter()
    masked = secrets.mask(text)
    duration = time.perf_counter() - started
    assert masked == text
    return len(text) / 1e6 / duration, registered / number * 1e3


def many(run: dict[str, Any], checks: int, exchanges: int) -> dict[str, Any]:
    """A run with that many checks and exchanges, copied from `run`."""
    each = exchanges // checks
    made = [
        run["checks"][at % len(run["checks"])]
        | {"id": f"many.number-{at}", "exchanges": list(range(at * each + 1, (at + 1) * each + 1))}
        for at in range(checks)
    ]
    sent = [
        run["exchanges"][at % len(run["exchanges"])] | {"number": at + 1, "check": f"many.number-{at // each}"}
        for at in range(exchanges)
    ]
    return {**run, "checks": made, "exchanges": sent}


def written(run: dict[str, Any], times: int = 3) -> float:
    """Seconds to write all reports of a run: the best of several times."""
    from dcrproof.reports.folder import write

    durations = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            problems = write(Path(folder), run)
            durations.append(time.perf_counter() - started)
            assert not problems, problems
    return min(durations)


def compared(run: dict[str, Any]) -> float:
    """Seconds to compare a run with itself."""
    from dcrproof.reports.compare import compare

    started = time.perf_counter()
    assert not compare(run, run).facts
    return time.perf_counter() - started


def rendered(run: dict[str, Any]) -> tuple[float, float]:
    """Seconds to make the page of a run, and its size in megabytes."""
    from dcrproof.reports.index_html import index_html

    started = time.perf_counter()
    page = index_html(run)
    return time.perf_counter() - started, len(page) / 1e6


def main() -> None:
    """Measures everything, in about two minutes."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        report = ["--dcr-report", folder]
        pytest = [sys.executable, "-m", "pytest", "-q"]
        empty = best([*pytest, "-p", "no:cacheprovider", "test_nothing.py"], cwd=folder)
        offline = best([*pytest, *report], cwd=ROOT)
        run = json.loads((Path(folder) / "latest" / "run.json").read_text("utf-8"))
        smoke = best([*pytest, *report, "-m", "smoke"], cwd=ROOT)
    show("the whole offline run", f"{offline:.2f} s", "under 10 s")
    show("the smoke selection", f"{smoke:.2f} s", "under 3 s")
    show("offline run : an empty pytest run", f"{offline / empty:.1f}", f"the empty one: {empty:.2f} s")

    show("all reports of it : the offline run", f"{written(run) / offline:.3f}", "under 0.1")
    large = many(run, checks=2_000, exchanges=20_000)
    seconds, size = rendered(large)
    show("index.html of 2,000 checks and 20,000 exchanges", f"{seconds:.1f} s", f"{size:.0f} MB; seconds")
    show("all reports of them", f"{written(large, times=1):.1f} s", "seconds")
    show("two such runs compared", f"{compared(large):.1f} s", "seconds")

    for number in (200, 1000):
        speed, registering = masking(number)
        show(f"masking with {number:,} secrets", f"{speed:.0f} MB/s", f"{registering:.2f} ms to register one")

    with served() as (description, ready):
        show("dcrproof serve, from start to ready", f"{ready:.2f} s", "within 1 s")
        curity = description["curity"]
        pair = b64encode(f"{curity['registrar_id']}:{curity['registrar_secret']}".encode()).decode()
        form = {"authorization": f"Basic {pair}", "content-type": "application/x-www-form-urlencoded"}
        endpoint = f"{curity['issuer'].removesuffix('-anonymous')}-token"
        bare = bare_signatures()
        tokens = requests_a_second("POST", endpoint, form, "grant_type=client_credentials", 16)
        show("bare RS256 signatures, one core", f"{bare:.0f} /s")
        show("tokens at mock Curity, 16 keep-alive connections", f"{tokens:.0f} /s")
        show("tokens : bare signatures", f"{tokens / bare:.2f}", "at least 0.6")
        client_id, secret = application(description)
        basic = {"authorization": f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"}
        upstream = requests_a_second("GET", description["upstream"]["url"], {}, "", 1)
        gateway = requests_a_second("GET", description["gateway"]["route"], basic, "", 1)
        show(
            "a gateway call with a cached token",
            f"{1e6 / gateway:.0f} us",
            f"the upstream alone: {1e6 / upstream:.0f} us",
        )
        show("gateway call : upstream call, one connection", f"{upstream / gateway:.1f}")
        first, last = thousand_applications(description)
        show(
            "1,000 applications: the last hundred : the first",
            f"{last / first:.2f}",
            f"{first:.1f} s for the first hundred",
        )


if __name__ == "__main__":
    main()
