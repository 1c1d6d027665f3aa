"""The playground on mocks in this process, and a browser without JavaScript: it reads pages, and sends their forms."""

import html
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from dcrproof.mocks.profile import write_profile
from dcrproof.mocks.serve import serving
from dcrproof.playground.serving import playground


@dataclass(frozen=True)
class Played:
    """Running mocks as `dcrproof serve --ui` describes them."""

    described: Mapping[str, Any]

    @property
    def url(self) -> str:
        return self.described["ui"]["url"].rstrip("/")

    def control(self, method: str, path: str, content: Any = None) -> Any:
        answer = httpx.request(method, self.described["control"] + path, json=content, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


@contextmanager
def played(**options: Any) -> Iterator[Played]:
    """Mocks with the playground, until the block ends; `options` are those of `serving`."""
    with TemporaryDirectory() as folder, serving(seed=1, **options) as served:
        described = {**served.description, "profile": str(write_profile(Path(folder), served))}
        with playground(described) as url:
            yield Played({**described, "ui": {"url": url}})


@dataclass
class Form:
    """A form of a page, with the values that it begins with; `buttons` by their text, each with what it adds."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[dict[str, str], str | None]] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.commands: list[str] = []
        self._open: tuple[str, dict[str, str | None]] | None = None
        self._text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "form":
            assert given["method"] == "post"
            self.forms.append(Form(given["action"] or ""))
        elif tag == "input":
            self.forms[-1].values[given["name"] or ""] = given.get("value") or ""
        elif tag == "option" and ("selected" in given or not self.forms[-1].values.get("auth_strategy_id")):
            if given.get("value"):
                self.forms[-1].values["auth_strategy_id"] = given["value"]
        elif tag in {"button", "a", "pre"}:
            self._open, self._text = (tag, given), ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if self._open is None or tag != self._open[0]:
            return
        text, given = self._text.strip(), self._open[1]
        if tag == "a":
            self.links.setdefault(text, given["href"] or "")
        elif tag == "pre":
            self.commands.append(self._text)
        elif given.get("type") != "button":
            adds = {given["name"]: given.get("value") or ""} if given.get("name") else {}
            self.forms[-1].buttons.setdefault(text, (adds, given.get("formaction")))
        self._open = None


class Browser:
    """A browser without JavaScript, at one page. It follows redirects as browsers do."""

    def __init__(self, played: Played) -> None:
        self.played = played
        alone = httpx.Limits(max_keepalive_connections=0)  # no connection is left for the next test to find open
        self.client = httpx.Client(base_url=played.url, trust_env=False, follow_redirects=True, limits=alone)
        self.page: httpx.Response

    def open(self, path: str) -> str:
        self.page = self.client.get(path)
        return self.text

    @property
    def text(self) -> str:
        return html.unescape(self.page.text)

    @property
    def words(self) -> str:
        """What a reader sees, on one line."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", "", self.page.text)).split())

    @property
    def title(self) -> str:
        return html.unescape(self.page.text.partition("<h1>")[2].partition("</h1>")[0])

    @property
    def path(self) -> str:
        return self.page.url.raw_path.decode()

    @property
    def forms(self) -> list[Form]:
        return _Reader(self.page.text).forms

    @property
    def commands(self) -> list[str]:
        return _Reader(self.page.text).commands

    def follow(self, text: str) -> str:
        """Follows the link with that text."""
        return self.open(_Reader(self.page.text).links[text])

    def press(self, button: str, **values: str) -> str:
        """Fills in the form that has the button, and presses it."""
        form = next(form for form in self.forms if button in form.buttons)
        adds, action = form.buttons[button]
        return self.send(action or form.action, {**form.values, **values, **adds})

    def send(self, action: str, values: Mapping[str, str], **headers: str) -> str:
        """Sends a form as this page would."""
        own = {"origin": self.played.url} | {name.replace("_", "-"): value for name, value in headers.items()}
        self.page = self.client.post(action, data=dict(values), headers=own)
        return self.text

    # What people do

    def log_in(self, prefix: str = "/portal") -> None:
        self.open(f"{prefix}/sign-in")
        self.press("Log in as developer@example.com")

    def create(self, name: str, prefix: str = "/portal") -> tuple[str, str]:
        """Creates an application as the developer who is ready; the client id and the secret that are shown."""
        self.log_in(prefix)
        if prefix == "/portal":
            self.follow("accounts")
            self.follow("Use this API")
        else:
            self.open(f"{prefix}/apps/new")
        self.press("Create", name=name)
        return self.credentials()

    def credentials(self) -> tuple[str, str]:
        """What the page shows under Client ID and Client Secret."""
        text = self.page.text
        found = [text.partition(f'id="{name}">')[2].partition("<")[0] for name in ("client-id", "client-secret")]
        assert all(found), self.text
        return found[0], found[1]

    def calls_route(self, client_id: str, secret: str) -> int:
        """The status of a call of the route with these credentials."""
        route = self.played.described["gateway"]["route"]
        return httpx.get(route, auth=(client_id, secret), trust_env=False).status_code
