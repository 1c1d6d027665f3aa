"""Sends the exchanges of a recorded run again, bare: what the libraries and a server cost without dcrproof.

    python benchmarks/replay.py reports/out/latest/events.jsonl

Method, path, headers and bodies are those of the record (secrets are their fingerprints there): httpx sends to the
parties, requests to the route, over connections that are kept alive. A server in a process of its own answers each request
with the recorded answer. Prints the seconds of all calls, and the CPU seconds of both processes, as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests
import uvicorn

Exchange = dict[str, Any]
OF_A_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length"}


def recorded(events: Path) -> list[Exchange]:
    """The exchanges of a run that were answered, in the order of sending."""
    found = (json.loads(line) for line in events.read_text("utf-8").splitlines())
    answered = (event for event in found if event["event"] == "exchange" and event["response"])
    return sorted(answered, key=lambda exchange: exchange["number"])


def body(message: dict[str, Any]) -> bytes:
    """The body, as long as it was: what the record has cut or left out is filled up."""
    text = (message["body"] or "").encode()
    return text.ljust(message["bytes"]) if text or message["bytes"] else b""


def headers(message: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    pairs = ((name.lower(), value) for name, value in message["headers"])
    return [(name.encode(), value.encode("latin-1", "replace")) for name, value in pairs if name not in OF_A_CONNECTION]


def serve(events: Path, pipe: Connection) -> None:
    """Answers the n-th request with the n-th recorded answer; in the end sends its CPU seconds through the pipe."""
    answers = iter([(one["status"], headers(one["response"]), body(one["response"])) for one in recorded(events)])

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        status, fields, content = next(answers)
        empty = status == 204 or scope["method"] == "HEAD"
        length = [] if status == 204 else [(b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": [*fields, *length]})
        await send({"type": "http.response.body", "body": b"" if empty else content})

    server = uvicorn.Server(
        uvicorn.Config(
            application, port=0, lifespan="off", ws="none", log_config=None, server_header=False, date_header=False
        )
    )

    async def run() -> None:
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        pipe.send(server.servers[0].sockets[0].getsockname()[1])
        before = time.process_time()
        await asyncio.to_thread(pipe.recv)
        pipe.send(time.process_time() - before)
        server.should_exit = True
        await serving

    asyncio.run(run())


def prepared(exchanges: list[Exchange], base: str) -> Iterator[tuple[bool, str, str, list[tuple[str, str]], bytes]]:
    """For each exchange: whether a consumer of the route sends it, method, URL, headers and body."""
    for one in exchanges:
        parts = urlsplit(one["url"])
        url = base + parts.path + (f"?{parts.query}" if parts.query else "")
        fields = [(name.decode(), value.decode("latin-1")) for name, value in headers(one["request"])]
        yield one["from"] == "consumer", one["method"], url, fields, body(one["request"])


def replay(events: Path) -> dict[str, float]:
    """The seconds of all calls, and the CPU seconds of client and server."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(events, there))
    process.start()
    calls = [*prepared(recorded(events), f"http://127.0.0.1:{here.recv()}")]
    with httpx.Client(trust_env=False) as client, requests.Session() as session:
        session.trust_env = False
        started, before = time.perf_counter(), time.process_time()
        for consumer, method, url, fields, content in calls:
            if consumer:
                session.request(method, url, headers=dict(fields), data=content or None, allow_redirects=False)
            else:
                client.request(method, url, headers=fields, content=content)
        seconds, cpu = time.perf_counter() - started, time.process_time() - before
        here.send(None)
        cpu += here.recv()
    process.join()
    return {"calls": len(calls), "seconds": seconds, "cpu": cpu}


if __name__ == "__main__":
    print(json.dumps(replay(Path(sys.argv[1]))))
