"""The admin's pages: the guide's setup steps as switches of the mocks, and the approvals that Konnect asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from dcrproof.core import guide
from dcrproof.core.checks.check import Check
from dcrproof.fixtures import catalogue
from dcrproof.mocks.messages import Asking, Calls
from dcrproof.playground.pages import redirect
from dcrproof.playground.parties import CLASSIC, V3, Generation, Refused, mapping, segment
from dcrproof.playground.portal import MOST
from dcrproof.playground.site import NotHere, Rows, Site, Visit

BY_HAND = ("portal.validate.", "curity.validate.", "portal.my-apps.", "consumer.")
"""What the how-tos do after the setup: the start page has it."""
DATA_PLANES = "Data planes"
"""The section of what neither how-to says of the gateway."""


@dataclass(frozen=True)
class Section:
    """A section of a how-to, with its steps in order: each with its number there, empty for one that the how-to omits."""

    title: str
    steps: tuple[tuple[str, guide.Step], ...]


@cache
def sections(generation: Generation) -> tuple[Section, ...]:
    """The setup in the order of that portal's how-to. An omitted step stands in the section where the flow needs it."""
    found: list[tuple[str, list[tuple[str, guide.Step]]]] = []
    how_to, other = (guide.HOW_TO, "classic") if generation is V3 else (guide.CLASSIC, "v3")
    for step in guide.STEPS:
        places = [place for place in (step.guide, *step.also) if place and place.how_to == how_to]
        if step.id.startswith(BY_HAND):
            continue
        omitted = guide.generation(step.id) != other and not places and (step.implied or step.undo)
        for place in places:
            if not found or found[-1][0] != place.section:
                found.append((place.section, []))
            found[-1][1].append((place.step, step))
        if omitted:
            title = DATA_PLANES if step.party == "gateway" else found[-1][0]
            if found[-1][0] != title:
                found.append((title, []))
            found[-1][1].append(("", step))
    return tuple(Section(title, tuple(steps)) for title, steps in found)


@cache
def noticed_by() -> Mapping[str, tuple[Check, ...]]:
    """The checks that guard each step, in the order in which they run. Imports the suites."""
    found: dict[str, list[Check]] = {}
    for entry in catalogue.entries():
        for step in entry.check.steps:
            found.setdefault(step, []).append(entry.check)
    return {step: tuple(checks) for step, checks in found.items()}


class SetupPages:
    def __init__(self, site: Site) -> None:
        self.site = site

    def routes(self) -> Rows:
        return (
            ("GET", "/setup", self.steps),
            ("GET", "/setup/{id}", self.step),
            ("POST", "/setup/{id}", self.switch),
            ("POST", "/do-all", self.do_all),
            ("POST", "/reset", self.reset),
            ("GET", "/approvals", self.approvals),
            ("POST", "/approvals", self.approve),
            ("POST", "/approvals/automatic", self.automatic),
        )

    # Steps

    def steps(self, visit: Visit) -> Calls:
        asked = visit.query.get("how-to", "current")
        generation = {"current": V3, "classic": CLASSIC}.get(asked)
        if generation is None:
            raise NotHere(f"There is no how-to {asked}: it is current or classic.")
        return (
            yield from self.site.page(
                visit,
                "setup.html",
                generation=generation,
                sections=sections(generation),
                noticed_by=noticed_by(),
                fixed=self.fixed,
            )
        )

    def fixed(self, step: guide.Step) -> str:
        """Why these mocks cannot show the step left undone; empty where they can."""
        if not step.undo:
            return step.undo_reason
        if step.party == "curity":
            return "" if self.site.mocks.of("curity").get("admin") else "Curity is another server, and no mock"
        return "" if self.site.mocks.of("portal").get("api_id") else "these mocks began with an empty Konnect"

    def _known(self, id: str) -> guide.Step:
        found = guide.step(id)
        if found is None:
            raise NotHere(f"There is no setup step {id}.")
        return found

    def step(self, visit: Visit, id: str) -> Calls:
        return (yield from self._step_page(visit, self._known(id)))

    def _step_page(self, visit: Visit, step: guide.Step, refused: Refused | None = None) -> Calls:
        checks = noticed_by().get(step.id, ())
        return (
            yield from self.site.page(
                visit,
                "step.html",
                refused.shown_as if refused else 200,
                step=step,
                checks=checks,
                fixed=self.fixed(step),
                refused=refused,
                command_line=self._command(checks),
            )
        )

    def _command(self, checks: tuple[Check, ...]) -> str:
        """What runs the checks that would notice, against these mocks."""
        options = " ".join(f"--dcr-check {check.id}" for check in checks[:3])
        return f"dcrproof run --dcr-profile={self.site.profile} {options}"

    def switch(self, visit: Visit, id: str) -> Calls:
        """Leaves a step undone, or does it again."""
        step, to = self._known(id), visit.text("to")
        variant = visit.text("variant")
        if to == "undone":
            doing = self.site.mocks.control("PUT", f"/steps/{segment(step.id)}", {"variant": variant or None})
        elif to == "done":
            doing = self.site.mocks.control("DELETE", f"/steps/{segment(step.id)}")
        else:
            return (yield from self.site.problem(visit, 400, "Neither done nor undone", "A step is done or undone."))
        try:
            yield from doing
        except Refused as refused:
            return (yield from self._step_page(visit, step, refused))
        return redirect(f"/setup/{step.id}")

    def do_all(self, visit: Visit) -> Calls:
        del visit
        for id in (yield from self.site.undone()):
            yield from self.site.mocks.control("DELETE", f"/steps/{segment(id)}")
        return redirect("/setup")

    def reset(self, visit: Visit) -> Calls:
        """A new world: without applications and sign-ups, with the steps undone that `serve` was told to leave undone."""
        yield from self.site.mocks.control("POST", "/reset")
        visit.session.portal_tokens.clear()
        visit.session.emails.clear()
        return redirect("/")

    # Approvals

    def approvals(self, visit: Visit) -> Calls:
        portals: list[tuple[Generation, Mapping[str, Any], list[dict[str, Any]]]] = []
        for generation in (V3, CLASSIC):
            for portal in (yield from self.site.mocks.konnect("GET", f"{generation.admin}?{MOST}")).rows:
                waiting = yield from self._waiting(generation, str(portal.get("id")))
                portals += [(generation, portal, waiting)]
        return (yield from self.site.page(visit, "approvals.html", portals=portals))

    def _waiting(self, generation: Generation, portal: str) -> Asking[list[dict[str, Any]]]:
        """What may be approved in a portal: developers and registrations, those first that wait."""
        path = f"{generation.admin}/{segment(portal)}"
        found = []
        for one in (yield from self.site.mocks.konnect("GET", f"{path}/developers?{MOST}")).rows:
            what = {"kind": "developer", "name": one.get("full_name"), "about": one.get("email")}
            found.append({**what, "path": f"developers/{one.get('id')}", "status": one.get("status")})
        for one in (yield from self.site.mocks.konnect("GET", f"{path}/application-registrations?{MOST}")).rows:
            application = mapping(one.get("application"))
            product = mapping(mapping(one.get("product_version")).get("product"))
            about = mapping(one.get("api")).get("name") or product.get("name")
            what = {"kind": "registration", "name": application.get("name"), "about": f"for {about}"}
            its = f"applications/{application.get('id')}/registrations/{one.get('id')}"
            found.append({**what, "path": its, "status": one.get("status")})
        return sorted(found, key=lambda one: one["status"] != "pending")

    def approve(self, visit: Visit) -> Calls:
        """Changes the status of a developer or of a registration."""
        status = visit.text("status")
        doing = self.site.mocks.konnect("PATCH", _path(visit), {"status": status})
        yield from self.site.story.act(f"Konnect: {status}", doing)
        return redirect("/approvals")

    def automatic(self, visit: Visit) -> Calls:
        """Turns the automatic approval of developers or applications on or off."""
        content = {f"auto_approve_{visit.text('of')}": visit.text("to") == "on"}
        doing = self.site.mocks.konnect("PATCH", f"{V3.admin}/{segment(visit.text('portal'))}", content)
        yield from self.site.story.act("Konnect: automatic approval", doing)
        return redirect("/approvals")


def _path(visit: Visit) -> str:
    """Where Konnect has the object of the form. Raises NotHere for a form that the page of approvals has not."""
    admin = {V3.party: V3, CLASSIC.party: CLASSIC}.get(visit.text("generation"))
    parts = visit.text("path").split("/")
    if admin is None or parts[0] not in {"developers", "applications"}:
        raise NotHere("There is nothing of that kind to approve.")
    return "/".join((admin.admin, segment(visit.text("portal")), *map(segment, parts)))
