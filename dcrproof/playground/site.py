"""The playground as a server: which page a request is for, who may send it, and what is shown where something fails."""

import hmac
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any, TypeAlias

from dcrproof.core import guide
from dcrproof.mocks.control import HOST, LOOPBACK
from dcrproof.mocks.faults import Faults
from dcrproof.mocks.konnect.portal import cookies
from dcrproof.mocks.messages import Asking, Calls, Pairs, Request, Response, Routes
from dcrproof.mocks.steps import LEFT_UNDONE
from dcrproof.playground import pages
from dcrproof.playground.parties import CLASSIC, V3, Generation, Mocks, Refused, mapping
from dcrproof.playground.sessions import Session, Sessions
from dcrproof.playground.story import Deed, Story

Handler: TypeAlias = Callable[..., Calls]
Rows: TypeAlias = tuple[tuple[str, str, Handler], ...]


class SignInFirst(Exception):
    """A page of a portal needs a developer's session."""

    def __init__(self, generation: Generation) -> None:
        super().__init__(generation.party)
        self.generation = generation


class NotHere(Exception):
    """There is no such page; the text says what there is not."""


@dataclass(frozen=True)
class Visit:
    """A request of a browser, with what is remembered of it."""

    request: Request
    session: Session

    @cached_property
    def form(self) -> Mapping[str, str]:
        return dict(reversed(self.request.form))  # the first value of a name counts

    @cached_property
    def query(self) -> Mapping[str, str]:
        return dict(reversed(self.request.parameters))

    def text(self, name: str) -> str:
        """A field of the form, without blanks around it."""
        return self.form.get(name, "").strip()


class Site:
    """What is served at the port `ui`; a `ListenedWorld` that is its own current world."""

    def __init__(self, mocks: Mocks, profile: str) -> None:
        self.mocks = mocks
        self.profile = profile
        self.faults = Faults({})
        self.sessions = Sessions()
        self.story = Story(mocks)
        self.routes: Routes[Handler] = Routes(())

    # Listening

    @property
    def current(self) -> "Site":
        return self

    def party(self, port: str) -> str:
        return port

    def now(self, port: str) -> float:
        del port
        return time.time()

    def log(self, port: str, request: Request, status: int, caller: str | None) -> None:
        """Nothing: the playground is none of the parties."""

    def too_large(self, port: str, request: Request, status: int) -> Response:
        del port, request
        return _problem(status, HTTPStatus(status).phrase, "The request is larger than any form of these pages.")

    def crashed(self, port: str, request: Request) -> Response:
        del port, request
        return _problem(500, "The playground has a fault of its own", "The terminal of `dcrproof serve` has it.")

    def handle(self, port: str, request: Request) -> Response | Calls:
        del port
        if foreign := _foreign(request):
            return _problem(403, "Not from these pages", foreign)
        if request.method in {"GET", "HEAD"} and request.path in {"/playground.css", "/playground.js"}:
            return pages.style() if request.path.endswith(".css") else pages.script()
        return self._page(request)

    def _page(self, request: Request) -> Calls:
        host = request.header("host") or ""
        name = f"dcrproof-playground-{host.rpartition(':')[2]}"  # browsers send cookies to every port of a host
        value = cookies(request).get(name, "")
        kept, session = self.sessions.of(value)
        visit = Visit(request, session)
        response = yield from self._answered(visit)
        if kept == value:
            return response
        cookie = ("set-cookie", f"{name}={kept}; Path=/; HttpOnly; SameSite=Strict")
        return Response(response.status, (*response.headers, cookie), response.body)

    def _answered(self, visit: Visit) -> Calls:
        request = visit.request
        found = self.routes.find("GET" if request.method == "HEAD" else request.method, request.path)
        try:
            if isinstance(found, frozenset):
                if not found:
                    raise NotHere(f"There is no page {request.path}.")
                allowed = ", ".join(sorted(found))
                detail = f"{request.path} takes {allowed}."
                return (yield from self.problem(visit, 405, "Not with this method", detail, (("allow", allowed),)))
            if request.method == "POST" and (wrong := _unsent(visit)):
                return (yield from self.problem(visit, *wrong))
            handler, arguments = found
            return (yield from handler(visit, **arguments))
        except NotHere as missing:
            return (yield from self.problem(visit, 404, "No such page", str(missing)))
        except SignInFirst as needed:
            return pages.redirect(f"{needed.generation.prefix}/sign-in?needed=yes")
        except Refused as refused:
            return (yield from self.refused(visit, refused))

    # Pages

    def page(self, visit: Visit, template: str, status: int = 200, headers: Pairs = (), **context: Any) -> Calls:
        """A page, with what all pages have: which steps are undone, and the last request."""
        undone, deed = yield from self._around()
        return pages.page(
            template,
            status,
            headers,
            session=visit.session,
            once=secrets.token_urlsafe(9),
            path=visit.request.path,
            undone=undone,
            deed=deed,
            mocks=self.mocks,
            **context,
        )

    def _around(self) -> Asking[tuple[dict[str, str], Deed | None]]:
        try:
            undone = yield from self.undone()
            yield from self.story.update()
        except Refused:  # the page itself says more about it
            return {}, None
        return undone, next(reversed(self.story.deeds()), None)

    def undone(self) -> Asking[dict[str, str]]:
        """The steps that are left undone, each with its variant, empty for the default one."""
        steps = (yield from self.mocks.control("GET", "/steps")).members
        found = {id: mapping(one).get("undone") for id, one in steps.items()}
        return {id: "" if state == LEFT_UNDONE else str(state) for id, state in found.items() if state is not None}

    def problem(self, visit: Visit, status: int, title: str, detail: str, headers: Pairs = ()) -> Calls:
        return (yield from self.page(visit, "problem.html", status, headers, title=title, detail=detail))

    def refused(self, visit: Visit, refused: Refused) -> Calls:
        """A page with what a party said."""
        return (yield from self.page(visit, "refused.html", refused.shown_as, refused=refused))

    def home(self, visit: Visit) -> Calls:
        by_hand = [step for step in guide.STEPS if step.id.startswith(("portal.validate.", "curity.validate."))]
        return (
            yield from self.page(
                visit,
                "home.html",
                by_hand={
                    V3: [(step, step.guide.step if step.guide else "") for step in by_hand],
                    CLASSIC: list(_classic_steps()),
                },
                encoding=guide.step("consumer.basic.encoding"),
            )
        )

    def requests(self, visit: Visit) -> Calls:
        """The last requests, and the diagram of one of them."""
        yield from self.story.update()
        listed = self.story.deeds()
        asked = visit.query.get("of", "")
        chosen = next((one for one in listed if str(one.number) == asked), None)
        if asked and chosen is None:
            raise NotHere(f"Request {asked} is not among the last {len(listed)}.")
        return (yield from self.page(visit, "requests.html", listed=listed[::-1], chosen=chosen))

    def last(self, visit: Visit) -> Calls:
        """The diagram of the last request alone; 204 where the browser has `seen` it."""
        yield from self.story.update()
        deed = next(reversed(self.story.deeds()), None)
        if visit.query.get("seen") == (deed.key if deed else "none"):
            return Response(204, pages.HEADERS)
        return pages.page("last.html", deed=deed)


def _classic_steps() -> Iterator[tuple[guide.Step, str]]:
    """The last steps of the classic how-to, from *My Apps* on, each with its first number there."""
    for step in guide.STEPS:
        places = [place for place in (step.guide, *step.also) if place and place.how_to == guide.CLASSIC]
        if places and places[0].section == "Create an application with DCR":
            yield step, places[0].step


def _problem(status: int, title: str, detail: str) -> Response:
    """A page without what the mocks say."""
    return pages.page("problem.html", status, title=title, detail=detail)


def _foreign(request: Request) -> str:
    """What is wrong with a request that another site may have sent, by a name of its own for this address; else empty."""
    hosts = [value for name, value in request.headers if name == "host"]
    host = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if host is None or host[1].lower() not in LOOPBACK:
        return "The Host is 127.0.0.1, localhost or [::1]."
    origins = {value.lower() for name, value in request.headers if name == "origin"}
    if request.method not in {"GET", "HEAD"} and origins - {f"http://{hosts[0].lower()}"}:
        return "The Origin is another one: forms are sent from the playground's own pages."
    return ""


def _unsent(visit: Visit) -> tuple[int, str, str] | None:
    """What is wrong with a form: status, title and detail of the problem. None where these pages have sent it."""
    kind = (visit.request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return 415, "Not a form", "Expected Content-Type: application/x-www-form-urlencoded."
    if not hmac.compare_digest(visit.form.get("token", "").encode(), visit.session.token.encode()):
        again = "Open the page again and send its form from there: the playground was started anew, or refuses cookies."
        return 403, "Not a form of this browser", again
    return None
