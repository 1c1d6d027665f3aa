"""Runs with evidence, for the tests of reports: real ones, and made-up ones of any size and with any text."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import forks

from dcrproof import __version__
from dcrproof.core.guide import STEPS

SOME = ("--dcr-check=token", "--dcr-check=route.basic.accepted", "--dcr-check=application")
"""Enough checks for a flow, and few enough to be quick."""


@dataclass(frozen=True)
class Left:
    """What a run left: its exit code, what it printed, and its folder."""

    code: int
    output: str
    folder: Path

    @cached_property
    def report(self) -> Any:
        return json.loads(self.text("run.json"))

    def text(self, name: str) -> str:
        return (self.folder / name).read_text("utf-8")

    @property
    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


def run(reports: Path, *arguments: str, cwd: Path = forks.ROOT, **environment: str) -> Left:
    """A run in a separate process, as a user starts one."""
    code, printed = forks.command_line(f"--dcr-report={reports}", *arguments, cwd=cwd, **environment)
    return Left(code, printed, (reports / "latest").resolve())


OWN = """
import os, signal, time
from dcrproof.core.checks.check import Evidence, check

def claim(id, **more):
    return check(id, "a claim", evidence=Evidence.DOCUMENTED, references=("RFC 0",), owner="a team", **more)

@claim("a.passed")
def test_a(_dcr_target, _dcr_authorization_server):
    _dcr_authorization_server.http.send("GET", _dcr_target.profile.curity.issuer + "/.well-known/openid-configuration")

@claim("b.stopped")
def test_b(_dcr_target, _dcr_authorization_server):
    _dcr_authorization_server.http.send("GET", _dcr_target.profile.curity.issuer + "/nothing")
    STOP

@claim("c.never")
def test_c():
    pass
"""


def own_suite(folder: Path, stop: str, *arguments: str) -> Left:
    """A run of three checks; `stop` is what the second one does after its request."""
    (folder / "test_1_own.py").write_text(OWN.replace("STOP", stop))
    return run(folder / "reports", "test_1_own.py", *arguments, cwd=folder)


INTERRUPTED = "os.kill(os.getpid(), signal.SIGINT); time.sleep(5)"
KILLED = "os.kill(os.getpid(), signal.SIGKILL)"


def scenario(name: str, folder: Path) -> Left:
    """One of the ways in which a run ends."""
    reports = folder / "reports"
    match name:
        case "green":
            return run(reports, *SOME)
        case "undone":
            return run(reports, *SOME, "--dcr-undo=curity.token-issuer.jwt")
        case "two undone":
            undo = ("--dcr-undo=konnect.strategy.claim", "--dcr-undo=curity.metadata.exposed")
            return run(reports, *SOME, "--dcr-check=discovery", "--dcr-check=strategy", *undo)
        case "interrupted":
            return own_suite(folder, INTERRUPTED)
        case "killed":
            return own_suite(folder, KILLED)
        case "down":
            profile = folder / "down.toml"
            issuer = "https://127.0.0.1:1/oauth/v2/oauth-anonymous"
            profile.write_text(f'[run]\nmode = "inspect"\n[curity]\nissuer = "{issuer}"\n')
            return run(reports, f"--dcr-profile={profile}")
    raise KeyError(name)


AT = "2026-11-24T07:55:{:02}.{:03}Z"


def made_up(checks: int = 4, exchanges: int = 4, text: str = "an answer", **verdicts: str) -> Iterator[dict[str, Any]]:
    """The events of a made-up run; everything that comes from outside is `text`.

    Verdicts repeat in a cycle (passed, failed, blocked, not seen, ...), except for `verdicts` by check number: `c3="error"`.
    """
    ids = [f"{'token' if number % 2 else 'route'}.made-up-{number}" for number in range(checks)]
    yield {
        "event": "started",
        "schema": 1,
        "version": __version__,
        "at": AT.format(0, 0),
        "command": f"pytest {text}",
        "mode": "existing",
        "hostile": False,
        "profile": text,
        "target": {"curity": "live", "gateway": "live"},
        "undone": [],
        "selected": ids,
        "steps": [step.brief for step in STEPS],
    }
    yield {
        "event": "target",
        "target": {"curity": "live", "gateway": "live"},
        "versions": {"curity": None, "gateway": text},
    }
    for number in range(1, exchanges + 1):
        yield made_up_exchange(number, ids[number % checks], text)
    cycle = ("passed", "failed", "blocked", "not seen", "passed", "unreachable", "observed", "not applicable", "error")
    for number, id in enumerate(ids):
        verdict = verdicts.get(f"c{number}", cycle[number % len(cycle)])
        failed = verdict == "failed"
        yield {
            "event": "verdict",
            "id": id,
            "title": f"a claim about {text}",
            "level": "MUST",
            "stage": "curity" if number % 2 else "route",
            "order": [number % 2, number],
            "verdict": verdict,
            "steps": ["curity.token-issuer.jwt"] if failed else [],
            "candidates": ["curity.token-issuer.jwt"] if failed else [],
            "profile": [f"[curity] issuer: {text}"] if failed else [],
            "blocked_by": ids[1] if verdict == "blocked" else None,
            "expected": text,
            "observed": text,
            "ruled_out": [text] if failed else [],
            "decides": text if failed else "",
            "owner": "",
            "fix": "",
            "symptom": text if verdict == "blocked" else "",
            "observations": [{"party": "gateway", "name": "literal_basic", "observed": text, "held": False}],
            "evidence": None,
            "seconds": 0.25,
            "evidence_level": "documented",
            "hostile": False,
            "security": number % 2 == 1,
            "references": ["RFC 7519"],
            "known": "",
            "owners": ["Curity admins"],
            "again": f"pytest --dcr-check {id}",
        }
    yield {"event": "note", "kind": "left behind", "text": text}
    yield {"event": "ended", "at": AT.format(59, 0), "exit": 1}


def made_up_exchange(number: int, check: str, text: str) -> dict[str, Any]:
    message = {
        "headers": [["content-type", "application/json"], ["x-from-outside", text]],
        "body": text,
        "bytes": len(text),
        "note": "",
    }
    party = ("curity", "gateway")[number % 2]
    return {
        "event": "exchange",
        "number": number,
        "at": AT.format(number % 60, number % 1000),
        "from": "dcrproof" if party == "curity" else "consumer",
        "to": party,
        "party": party,
        "node": "127.0.0.1:8000",
        "method": "POST",
        "url": f"https://{party}.example.com/{number}?q={text}",
        "status": 200 if number % 5 else 401,
        "seconds": 0.02,
        "request": message,
        "response": message,
        "jwts": [{"where": "response body, access_token", "header": {"alg": text}, "claims": {"sub": text}}],
        "check": check,
        "error": None,
    }
