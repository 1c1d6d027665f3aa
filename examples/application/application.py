"""An application under test, such as yours: a client of the protected route, with credentials of the Dev Portal.

It signs in to the portal, creates an application, registers it for the API, and calls the route with the credentials that it
was shown. Everything that it is told stands in environment variables; compose.yaml has them.
"""

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request

PATIENCE = 30.0
"""Seconds until the gateway must know a new application."""


class Portal:
    """The Dev Portal's API, as a developer's browser calls it."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/api/v3"
        self.cookies = ""

    def sign_in(self, email: str, password: str) -> None:
        headers, _ = self.post("/developer/authenticate", {"username": email, "password": password})
        self.cookies = "; ".join(value.partition(";")[0] for value in headers.get_all("set-cookie", []))

    def post(self, path: str, body: dict):
        """Sends JSON. Returns the headers and the content of the answer."""
        headers = {"content-type": "application/json", "cookie": self.cookies}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return answer.headers, json.loads(text) if text else None


def call(route: str, client_id: str, client_secret: str) -> int:
    """The status of the route for these credentials, as RFC 7617 sends them."""
    credentials = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    request = urllib.request.Request(route, headers={"authorization": f"Basic {credentials}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def main(told=os.environ) -> int:
    portal = Portal(told["PORTAL_URL"])
    portal.sign_in(told["PORTAL_EMAIL"], told["PORTAL_PASSWORD"])
    _, made = portal.post("/applications", {"name": "orders", "auth_strategy_id": told["STRATEGY_ID"]})
    portal.post(f"/applications/{made['id']}/registrations", {"api_id": told["API_ID"]})
    pair = made["client_id"], made["client_secret"]
    until = time.monotonic() + PATIENCE
    while (status := call(told["ROUTE_URL"], *pair)) != 200 and time.monotonic() < until:
        time.sleep(1)
    print(f"{told['ROUTE_URL']} answers {status}")
    return int(status != 200)


if __name__ == "__main__":
    sys.exit(main())
