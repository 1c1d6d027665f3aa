"""What the playground remembers of a browser, by a cookie: its session at each portal, and which forms it has sent."""

import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass, field

MOST = 200
"""Browsers that are remembered; the one that was away longest is forgotten first."""


@dataclass(repr=False)
class Session:
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """Is in each form of the browser, so that no other site can send one."""
    portal_tokens: dict[str, str] = field(default_factory=dict)
    """The access token of the portal's session, by party."""
    emails: dict[str, str] = field(default_factory=dict)
    """Who is signed in, by party."""
    sent: deque[str] = field(default_factory=lambda: deque(maxlen=500))
    """The forms that can be sent once, and were."""

    def first(self, form: str) -> bool:
        """Whether this form is sent for the first time."""
        if not form or form in self.sent:
            return False
        self.sent.append(form)
        return True


class Sessions:
    """All browsers, by the value of their cookie."""

    def __init__(self) -> None:
        self.known: OrderedDict[str, Session] = OrderedDict()

    def of(self, value: str) -> tuple[str, Session]:
        """The browser with that cookie, or a new one; with the value of its cookie."""
        if value not in self.known:
            value = secrets.token_urlsafe(24)
            self.known[value] = Session()
            if len(self.known) > MOST:
                self.known.popitem(last=False)
        self.known.move_to_end(value)
        return value, self.known[value]
