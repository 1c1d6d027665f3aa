"""The pages of a Dev Portal, in the words of its how-to: what a developer does from sign-up to the credentials."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcrproof.mocks.messages import Asking, Calls
from dcrproof.playground.pages import redirect
from dcrproof.playground.parties import Answer, Generation, Refused, ask, segment
from dcrproof.playground.site import Rows, SignInFirst, Site, Visit

TOKEN = re.compile(r"^token=(\S+)$", re.MULTILINE)
SELF_MANAGED = "self_managed_client_credentials"
"""The credential type of a strategy without DCR: the developer brings the client id."""
MOST = "page%5Bsize%5D=100"


@dataclass(frozen=True)
class Offer:
    """An API or product of the catalog. `wanted` is the body with which an application is registered for it."""

    id: str
    name: str
    version: str
    description: str
    strategies: tuple[Mapping[str, Any], ...]
    usable: bool
    """Whether applications can be registered for it, as far as the catalog says."""
    wanted: Mapping[str, str]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Offer":
        latest = found.get("latest_version")
        id, name = str(found.get("id") or ""), str(found.get("name") or "")
        description = str(found.get("description") or "")
        if isinstance(latest, dict):  # a product of the classic portal
            wanted = {"product_version_id": str(latest.get("id"))}
            return cls(id, name, str(latest.get("name") or ""), description, (), True, wanted)
        strategies = tuple(one for one in found.get("auth_strategies") or () if isinstance(one, dict))
        version = str(found.get("version") or "")
        return cls(id, name, version, description, strategies, bool(strategies), {"api_id": id})


@dataclass(frozen=True, repr=False)
class Credentials:
    """What the portal shows once, with the commands that use it."""

    client_id: str
    secret: str
    basic: str
    bearer: str


class PortalPages:
    def __init__(self, site: Site, generation: Generation) -> None:
        self.site = site
        self.generation = generation

    def routes(self) -> Rows:
        prefix = self.generation.prefix
        return (
            ("GET", prefix, self.catalog),
            ("GET", prefix + "/sign-up", self.sign_up_form),
            ("POST", prefix + "/sign-up", self.sign_up),
            ("GET", prefix + "/mail", self.mail),
            ("POST", prefix + "/mail", self.confirm),
            ("POST", prefix + "/password", self.set_password),
            ("GET", prefix + "/sign-in", self.sign_in_form),
            ("POST", prefix + "/sign-in", self.sign_in),
            ("POST", prefix + "/sign-in/forgotten", self.forgotten),
            ("POST", prefix + "/sign-out", self.sign_out),
            ("GET", prefix + "/apis/{id}", self.offer),
            ("GET", prefix + "/apis/{id}/use", self.use),
            ("GET", prefix + "/apps", self.applications),
            ("GET", prefix + "/apps/new", self.new),
            ("POST", prefix + "/apps/new", self.create),
            ("GET", prefix + "/apps/{id}", self.application),
            ("POST", prefix + "/apps/{id}/register", self.register),
            ("POST", prefix + "/apps/{id}/secret", self.new_secret),
            ("POST", prefix + "/apps/{id}/delete", self.delete),
        )

    # Asking

    def _ask(self, visit: Visit, method: str, path: str, content: Any = None) -> Asking[Answer]:
        token = visit.session.portal_tokens.get(self.generation.party, "")
        return (yield from self.site.mocks.portal(self.generation, token, method, path, content))

    def _as_developer(self, visit: Visit, method: str, path: str, content: Any = None) -> Asking[Answer]:
        """The same for what needs a session. Raises SignInFirst without one, or where the portal has ended it."""
        if not visit.session.portal_tokens.get(self.generation.party):
            raise SignInFirst(self.generation)
        try:
            return (yield from self._ask(visit, method, path, content))
        except Refused as refused:
            if refused.status != 401:
                raise
            self._forget(visit)
            raise SignInFirst(self.generation) from None

    def _forget(self, visit: Visit) -> None:
        visit.session.portal_tokens.pop(self.generation.party, None)
        visit.session.emails.pop(self.generation.party, None)

    def _page(self, visit: Visit, template: str, status: int = 200, **context: Any) -> Calls:
        return (yield from self.site.page(visit, template, status, generation=self.generation, **context))

    def _act(self, title: str, doing: Asking[Any]) -> Asking[Any]:
        return (yield from self.site.story.act(f"{self.generation.name}: {title}", doing))

    # The account

    def sign_up_form(self, visit: Visit) -> Calls:
        return (yield from self._page(visit, "sign-up.html", values={}))

    def sign_up(self, visit: Visit) -> Calls:
        values = {"full_name": visit.text("full_name"), "email": visit.text("email")}
        try:
            yield from self._act("Sign up", self._ask(visit, "POST", "/developer", values))
        except Refused as refused:
            return (yield from self._page(visit, "sign-up.html", refused.shown_as, values=values, refused=refused))
        return redirect(f"{self.generation.prefix}/mail?to=new")

    def mail(self, visit: Visit) -> Calls:
        """What the mocks' portals have sent, newest first, with the form that a mail's link leads to."""
        sent = (yield from self.site.mocks.control("GET", "/mail")).content
        mails = []
        for one in reversed(sent):
            token = TOKEN.search(one["text"])
            words = one["text"].partition("\n")[0]
            confirms = one["subject"].startswith("Please confirm")
            mails.append({**one, "words": words, "token": token[1] if token else "", "confirms": confirms})
        return (yield from self._page(visit, "mail.html", mails=mails[:20], expected="to" in visit.query))

    def confirm(self, visit: Visit) -> Calls:
        """Confirms an address; the portal answers with a token for the password."""
        doing = self._ask(visit, "POST", "/developer/verify-email", {"token": visit.text("mail")})
        answer = yield from self._act("Confirm the email address", doing)
        return (yield from self._page(visit, "password.html", mail=answer.members.get("token"), confirmed=True))

    def set_password(self, visit: Visit) -> Calls:
        """Without a password it is only asked for: a mail's link has led here."""
        token, password = visit.text("mail"), visit.form.get("password", "")
        if "password" not in visit.form:
            return (yield from self._page(visit, "password.html", mail=token))
        doing = self._ask(visit, "POST", "/developer/reset-password", {"token": token, "password": password})
        try:
            yield from self._act("Choose a password", doing)
        except Refused as refused:
            return (yield from self._page(visit, "password.html", refused.shown_as, mail=token, refused=refused))
        return redirect(f"{self.generation.prefix}/sign-in?password=set")

    def forgotten(self, visit: Visit) -> Calls:
        doing = self._ask(visit, "POST", "/developer/forgot-password", {"email": visit.text("email")})
        try:
            yield from self._act("Forgot password", doing)
        except Refused as refused:
            return (yield from self._sign_in_page(visit, refused))
        return redirect(f"{self.generation.prefix}/mail?to=reset")

    def sign_in_form(self, visit: Visit) -> Calls:
        return (yield from self._sign_in_page(visit))

    def _sign_in_page(self, visit: Visit, refused: Refused | None = None) -> Calls:
        return (
            yield from self._page(
                visit,
                "sign-in.html",
                refused.shown_as if refused else 200,
                email=visit.text("email"),
                ready=self.site.mocks.of(self.generation.party).get("email"),
                needed="needed" in visit.query,
                password_set="password" in visit.query,
                refused=refused,
            )
        )

    def sign_in(self, visit: Visit) -> Calls:
        """With the form, or as the developer who is ready: whose password no page shows."""
        ready = self.site.mocks.of(self.generation.party)
        email, password = visit.text("email"), visit.form.get("password", "")
        if visit.text("as") == "ready":
            email, password = str(ready.get("email")), str(ready.get("password"))
        doing = self._ask(visit, "POST", "/developer/authenticate", {"username": email, "password": password})
        try:
            answer = yield from self._act("Sign in", doing)
        except Refused as refused:
            return (yield from self._sign_in_page(visit, refused))
        visit.session.portal_tokens[self.generation.party] = answer.cookie("portalaccesstoken")
        visit.session.emails[self.generation.party] = email
        return redirect(self.generation.prefix)

    def sign_out(self, visit: Visit) -> Calls:
        doing = self._ask(visit, "POST", "/developer/logout")
        try:
            yield from self._act("Sign out", doing)
        finally:
            self._forget(visit)
        return redirect(f"{self.generation.prefix}/sign-in")

    # The catalog

    def catalog(self, visit: Visit) -> Calls:
        """The published APIs, which a portal may show to everybody. Where it ended a session, one signs in again."""
        try:
            answer = yield from self._ask(visit, "GET", f"{self.generation.listed}?{MOST}")
        except Refused as refused:
            if refused.status != 401:
                raise
            self._forget(visit)
            raise SignInFirst(self.generation) from None
        return (yield from self._page(visit, "catalog.html", offers=[Offer.of(one) for one in answer.rows]))

    def _offer(self, visit: Visit, id: str) -> Asking[Offer]:
        answer = yield from self._ask(visit, "GET", f"{self.generation.listed}/{segment(id)}")
        return Offer.of(answer.members)

    def offer(self, visit: Visit, id: str) -> Calls:
        offer = yield from self._offer(visit, id)
        registered: list[Mapping[str, Any]] = []
        if visit.session.portal_tokens.get(self.generation.party):
            for one in (yield from self._as_developer(visit, "GET", f"/applications?{MOST}")).rows:
                rows = yield from self._registrations(visit, str(one.get("id")))
                registered += [{**one, "status": row.get("status")} for row in rows if _for(row, offer)]
        return (yield from self._page(visit, "api.html", offer=offer, registered=registered))

    def use(self, visit: Visit, id: str) -> Calls:
        """*Use this API*: the form of a new application, or an application that there is."""
        offer = yield from self._offer(visit, id)
        mine = (yield from self._as_developer(visit, "GET", f"/applications?{MOST}")).rows
        strategies = {one.get("id") for one in offer.strategies}
        fitting = [one for one in mine if not strategies or one.get("auth_strategy", {}).get("id") in strategies]
        return (yield from self._form(visit, offer, mine=fitting))

    # Applications

    def _form(
        self,
        visit: Visit,
        offer: Offer | None = None,
        refused: Refused | None = None,
        mine: list[Mapping[str, Any]] | None = None,
    ) -> Calls:
        strategies = yield from self._strategies(visit, offer)
        return (
            yield from self._page(
                visit,
                "new-app.html",
                refused.shown_as if refused else 200,
                offer=offer,
                mine=mine or [],
                strategies=strategies,
                self_managed=any(one.get("credential_type") == SELF_MANAGED for one in strategies),
                values={name: visit.form.get(name, "") for name in FIELDS},
                refused=refused,
            )
        )

    def _strategies(self, visit: Visit, offer: Offer | None) -> Asking[list[Mapping[str, Any]]]:
        """Those that an application can have: of the API, or all that the portal offers."""
        offered = (yield from self._as_developer(visit, "GET", f"{self.generation.strategies}?{MOST}")).rows
        wanted = {one.get("id") for one in offer.strategies} if offer else set()
        return [one for one in offered if not wanted or one.get("id") in wanted]

    def new(self, visit: Visit) -> Calls:
        return (yield from self._form(visit))

    def create(self, visit: Visit) -> Calls:
        """Creates an application and shows its credentials, in this one answer and nowhere else."""
        offer = (yield from self._offer(visit, visit.text("api"))) if visit.text("api") else None
        if not visit.session.first(visit.text("once")):
            return (yield from self._sent_already(visit))
        content = {self.generation.named(name): visit.text(name) for name in FIELDS if visit.text(name)}
        try:
            created, unregistered = yield from self._act("Create application", self._creating(visit, content, offer))
        except Refused as refused:
            return (yield from self._form(visit, offer, refused))
        return (yield from self._credentials_page(visit, created.members, offer, unregistered))

    def _creating(
        self, visit: Visit, content: Mapping[str, str], offer: Offer | None
    ) -> Asking[tuple[Answer, Refused | None]]:
        """The application, and what kept it from being registered for the API: its secret is shown all the same."""
        created = yield from self._as_developer(visit, "POST", "/applications", content)
        if offer is None:
            return created, None
        path = f"/applications/{segment(str(created.members.get('id')))}/registrations"
        try:
            yield from self._as_developer(visit, "POST", path, offer.wanted)
        except Refused as refused:
            return created, refused
        return created, None

    def _sent_already(self, visit: Visit) -> Calls:
        detail = "Its answer, with the secret, was shown once. My Apps has the application, which can get a new secret."
        return (yield from self.site.problem(visit, 409, "This form has been sent already", detail))

    def applications(self, visit: Visit) -> Calls:
        answer = yield from self._as_developer(visit, "GET", f"/applications?{MOST}")
        return (yield from self._page(visit, "apps.html", applications=answer.rows))

    def _application(self, visit: Visit, id: str) -> Asking[Mapping[str, Any]]:
        found = (yield from self._as_developer(visit, "GET", f"/applications/{segment(id)}")).members
        return {**found, "client_id": found.get("client_id") or found.get("reference_id")}

    def _registrations(self, visit: Visit, id: str) -> Asking[list[Mapping[str, Any]]]:
        answer = yield from self._as_developer(visit, "GET", f"/applications/{segment(id)}/registrations?{MOST}")
        return answer.rows

    def application(self, visit: Visit, id: str) -> Calls:
        return (yield from self._application_page(visit, id))

    def _application_page(self, visit: Visit, id: str, refused: Refused | None = None) -> Calls:
        application = yield from self._application(visit, id)
        rows = yield from self._registrations(visit, id)
        offers = [
            Offer.of(one) for one in (yield from self._ask(visit, "GET", f"{self.generation.listed}?{MOST}")).rows
        ]
        registrations = [
            {
                "name": row.get("api_name") or row.get("product_name"),
                "version": row.get("product_version_name"),
                "status": row.get("status"),
            }
            for row in rows
        ]
        others = [one for one in offers if one.usable and not any(_for(row, one) for row in rows)]
        return (
            yield from self._page(
                visit,
                "app.html",
                refused.shown_as if refused else 200,
                application=application,
                registrations=registrations,
                others=others,
                refused=refused,
                credentials=self._commands(application.get("client_id"), None, (yield from self._token_endpoint())),
            )
        )

    def register(self, visit: Visit, id: str) -> Calls:
        offer = yield from self._offer(visit, visit.text("api"))
        doing = self._as_developer(visit, "POST", f"/applications/{segment(id)}/registrations", offer.wanted)
        try:
            yield from self._act(f"register for {offer.name}", doing)
        except Refused as refused:
            return (yield from self._application_page(visit, id, refused))
        return redirect(f"{self.generation.prefix}/apps/{segment(id)}")

    def new_secret(self, visit: Visit, id: str) -> Calls:
        if not visit.session.first(visit.text("once")):
            return (yield from self._sent_already(visit))
        application = yield from self._application(visit, id)
        doing = self._as_developer(visit, "POST", f"/applications/{segment(id)}{self.generation.renew}")
        try:
            answer = yield from self._act("New secret", doing)
        except Refused as refused:
            return (yield from self._application_page(visit, id, refused))
        return (yield from self._credentials_page(visit, {**application, **answer.members}, None, None, renewed=True))

    def delete(self, visit: Visit, id: str) -> Calls:
        doing = self._as_developer(visit, "DELETE", f"/applications/{segment(id)}")
        try:
            yield from self._act("Delete application", doing)
        except Refused as refused:
            return (yield from self._application_page(visit, id, refused))
        return redirect(f"{self.generation.prefix}/apps")

    # Credentials

    def _credentials_page(
        self,
        visit: Visit,
        shown: Mapping[str, Any],
        offer: Offer | None,
        unregistered: Refused | None,
        *,
        renewed: bool = False,
    ) -> Calls:
        held = shown.get("credentials")
        pair = held if isinstance(held, dict) else shown
        rows = yield from self._registrations(visit, str(shown.get("id")))
        credentials = self._commands(
            pair.get("client_id"), pair.get("client_secret"), (yield from self._token_endpoint())
        )
        return (
            yield from self._page(
                visit,
                "credentials.html",
                application=shown,
                credentials=credentials,
                offer=offer,
                renewed=renewed,
                unregistered=unregistered,
                approved=any(row.get("status") == "approved" for row in rows),
                pending=any(row.get("status") == "pending" for row in rows),
            )
        )

    def _token_endpoint(self) -> Asking[str]:
        """From the discovery document; empty where that cannot be had."""
        try:
            found = yield from ask("curity", "GET", str(self.site.mocks.of("curity").get("discovery")))
        except Refused:
            return ""
        return str(found.members.get("token_endpoint") or "")

    def _commands(self, client_id: Any, secret: Any, token_endpoint: str) -> Credentials:
        """The commands of the how-to, with what was shown; `CLIENT_SECRET` stands for a secret that was not."""
        id, shown = str(client_id or ""), str(secret or "")
        pair = f"{shlex.quote(f'{id}:{shown}')}" if shown else f'{shlex.quote(f"{id}:")}"$CLIENT_SECRET"'
        ca = self.site.mocks.described.get("ca")
        curl = f"curl --no-progress-meter --fail-with-body{f' --cacert {shlex.quote(str(ca))}' if ca else ''}"
        route = shlex.quote(str(self.site.mocks.of("gateway").get("route")))
        token = (curl, f"-u {pair}", f"-d grant_type=client_credentials {shlex.quote(token_endpoint)}", READ_TOKEN)
        call = _lines(curl, '-H "Authorization: Bearer $TOKEN"', route)
        bearer = f"TOKEN=$({_lines(*token)})\n{call}"
        return Credentials(id, shown, _lines(curl, f"-u {pair}", route), bearer if token_endpoint else "")


FIELDS = ("name", "description", "redirect_uri", "auth_strategy_id", "client_id")


READ_TOKEN = r"""| sed -n 's/.*"access_token" *: *"\([^"]*\)".*/\1/p'"""


def _lines(*parts: str) -> str:
    """A command for a shell, a part on each line."""
    return " \\\n    ".join(parts)


def _for(row: Mapping[str, Any], offer: Offer) -> bool:
    """Whether a registration is one for that API or product."""
    return any(row.get(name) == value for name, value in offer.wanted.items())
