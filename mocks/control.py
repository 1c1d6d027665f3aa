"""The control interface: what a test may do to a world, as JSON over HTTP on a separate port.

`control.openapi.json` documents each call with an example; `GET /openapi.json` answers it.

A body needs Content-Type: application/json, and no other type is accepted. Web pages are refused: the Host is a name of the loopback address, or the
one that `dcrproof serve --public-host` gives, and there is no Origin but the interface's own. Errors are 4xx with {"error": "..."}.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dcrproof.mocks import faults, steps
from dcrproof.mocks.messages import Request, Response, Routes, json_response, read_json
from dcrproof.mocks.world import World

YEAR = 366 * 86400
JSON = "application/json"
DOCUMENT = Path(__file__).parent / "control.openapi.json"
HOST = re.compile(r"([\w.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class BadControlRequest(Exception):
    """A request that is invalid; the text says why."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.status = status


class Control:
    def __init__(self, world: World, reset: Callable[[], None]) -> None:
        self.world = world
        self.reset = reset
        public = world.start.addresses["control"].partition("://")[2].rpartition(":")[0].lower()
        self.names = tuple(dict.fromkeys((*LOOPBACK, public)))
        """The names by which it may be asked; a page in a browser could give it others."""
        self.routes: Routes[Callable[..., Response]] = Routes(
            (
                ("GET", "/calls", self.calls),
                ("GET", "/clock", self.clock),
                ("POST", "/clock", self.advance),
                ("POST", "/keys", self.rotate),
                ("POST", "/tokens", self.sign),
                ("GET", "/steps", self.steps),
                ("PUT", "/steps/{id}", self.undo),
                ("DELETE", "/steps/{id}", self.redo),
                ("POST", "/faults", self.arm),
                ("DELETE", "/faults/{id}", self.disarm),
                ("GET", "/mail", self.mail),
                ("GET", "/bridge", self.bridge),
                ("GET", "/abandoned", self.abandoned),
                ("POST", "/reset", self.start_again),
                ("GET", "/openapi.json", self.document),
            )
        )

    def handle(self, request: Request) -> Response:
        if (foreign := self.foreign(request)) is not None:
            return json_response(foreign.status, {"error": str(foreign)})
        found = self.routes.find(request.method, request.path)
        if isinstance(found, frozenset):
            if not found:
                return json_response(404, {"error": f"no such path: {request.path}"})
            return json_response(405, {"error": f"{request.path} takes {', '.join(sorted(found))}"})
        handler, arguments = found
        try:
            return handler(request, **arguments)
        except BadControlRequest as refused:
            return json_response(refused.status, {"error": str(refused)})

    def foreign(self, request: Request) -> BadControlRequest | None:
        """What is wrong with a request that a page in a browser may have sent, by its own name for this address or by
        a form. A page has an `Origin`, and cannot send JSON to another without asking first (Fetch, CORS preflight).
        """
        hosts = [value for name, value in request.headers if name == "host"]
        host = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if host is None or host[1].lower() not in self.names:
            return BadControlRequest(f"the Host is {', '.join(self.names[:-1])} or {self.names[-1]}", 403)
        own = f"{self.world.scheme}://{hosts[0]}"
        if any(name == "origin" and value.lower() != own.lower() for name, value in request.headers):
            return BadControlRequest("the Origin is another one: the control interface is not for web pages", 403)
        types = {value.partition(";")[0].strip().lower() for name, value in request.headers if name == "content-type"}
        if types - {JSON} or (request.body and not types):
            return BadControlRequest(f"a body needs Content-Type: {JSON}, and there is no other", 415)
        return None

    def calls(self, request: Request) -> Response:
        asked = dict(request.parameters)
        if unknown := set(asked) - {"party", "after"}:
            raise BadControlRequest(f"unknown parameter: {', '.join(sorted(unknown))}")
        party, after = asked.get("party"), asked.get("after", "0")
        if party is not None and party not in self.world.PARTIES:
            raise BadControlRequest(f"party is one of {', '.join(self.world.PARTIES)}")
        if not (after.isascii() and after.isdigit()) or len(after) > 15:
            raise BadControlRequest("after is the number of a call")
        calls = self.world.calls[max(0, int(after) - self.world.forgotten) :]
        return json_response(200, [call for call in calls if party in {None, call["party"]}])

    def clock(self, request: Request) -> Response:
        del request
        return json_response(200, {"now": self.world.clock.now()})

    def advance(self, request: Request) -> Response:
        seconds = _object(request, "advance")["advance"]
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= YEAR:
            raise BadControlRequest("advance is a number of seconds, at least 0")
        self.world.clock.advance(seconds)
        return json_response(200, {"now": self.world.clock.now()})

    def rotate(self, request: Request) -> Response:
        asked = _object(request, "party", "kid")
        if asked["party"] != "curity":
            raise BadControlRequest("party is curity: no other party signs")
        if asked["kid"] not in ("new", "same", "previous"):
            raise BadControlRequest("kid is new, same or previous")
        try:
            self.world.curity.rotate_keys(asked["kid"])
        except ValueError as error:
            raise BadControlRequest(str(error)) from None
        return json_response(200, {"kid": self.world.curity.signing_key.kid})

    def sign(self, request: Request) -> Response:
        asked = _object(request, "claims", "header", "key")
        if not isinstance(asked["claims"], dict) or not isinstance(asked["header"], dict):
            raise BadControlRequest("claims and header are JSON objects")
        if asked["key"] not in ("current", "previous"):
            raise BadControlRequest("key is current or previous")
        try:
            token = self.world.curity.signed(asked["claims"], asked["header"], previous=asked["key"] == "previous")
        except ValueError as error:
            raise BadControlRequest(str(error)) from None
        return json_response(200, {"token": token})

    def steps(self, request: Request) -> Response:
        del request
        undone = self.world.undone
        content = {
            step: {"undone": undone.get(step), "variants": list(steps.variants(step)[1:])} for step in steps.STEPS
        }
        return json_response(200, content)

    def undo(self, request: Request, id: str) -> Response:
        variant = _object(request).get("variant") if request.body else None
        if variant is not None and not isinstance(variant, str):
            raise BadControlRequest("variant is a text or null")
        try:
            steps.undo(self.world, id, variant)
        except steps.UnknownStep as unknown:
            raise BadControlRequest(str(unknown), 400 if id in steps.STEPS else 404) from None
        except steps.NotHere as error:
            raise BadControlRequest(str(error)) from None
        return json_response(200, {"undone": self.world.undone[id]})

    def redo(self, request: Request, id: str) -> Response:
        del request
        try:
            steps.redo(self.world, id)
        except steps.UnknownStep as unknown:
            raise BadControlRequest(str(unknown), 404) from None
        return Response(204)

    def arm(self, request: Request) -> Response:
        try:
            fault = faults.read(_json(request), self.world.PARTIES)
        except ValueError as error:
            raise BadControlRequest(str(error)) from None
        return json_response(201, {"id": self.world.faults.arm(fault)})

    def disarm(self, request: Request, id: str) -> Response:
        del request
        if self.world.faults.armed.pop(id, None) is None:
            raise BadControlRequest(f"no armed fault {id}", 404)
        return Response(204)

    def mail(self, request: Request) -> Response:
        del request
        return json_response(200, [*self.world.konnect.accounts.mail, *self.world.classic_portal.accounts.mail])

    def bridge(self, request: Request) -> Response:
        del request
        held = self.world.bridge
        asked = [{"method": one.method, "path": one.path, "content": one.content} for one in held.asked]
        url = self.world.start.addresses["bridge"]
        return json_response(200, {"url": url, "api_key": held.api_key, "asked": asked, "clients": [*held.clients]})

    def abandoned(self, request: Request) -> Response:
        del request
        return json_response(200, self.world.konnect.driver.abandoned)

    def document(self, request: Request) -> Response:
        del request
        return json_response(200, json.loads(DOCUMENT.read_text("utf-8")))

    def start_again(self, request: Request) -> Response:
        del request
        self.reset()
        return Response(204)


def _json(request: Request) -> Any:
    try:
        return read_json(request.body)
    except ValueError:
        raise BadControlRequest("the body is JSON") from None


def _object(request: Request, *members: str) -> dict[str, Any]:
    content = _json(request)
    if not isinstance(content, dict):
        raise BadControlRequest("the body is a JSON object")
    allowed = set(members) or {"variant"}
    if unknown := set(content) - allowed:
        raise BadControlRequest(f"unknown member: {', '.join(sorted(map(str, unknown)))}")
    if missing := [member for member in members if member not in content]:
        raise BadControlRequest(f"missing member: {', '.join(missing)}")
    return content
