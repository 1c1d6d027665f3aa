"""A run that is killed between any two of its lines and requests: what its sweep cannot delete is named, and why.

Nothing is forked or waited for: the run is a story of requests that ends with an exception after its n-th event. An event
is a request that was carried out and whose answer nobody has seen, or a line in the ledger.
"""

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from test_clean_up import VERIFICATION, Tenant, live  # noqa: F401 - a fixture

from dcrproof.core.cleanup import sweep
from dcrproof.core.cleanup.clean_up import clean_up
from dcrproof.core.http import party_connection
from dcrproof.core.http.exchange import Exchange
from dcrproof.core.ledger.file import kept
from dcrproof.core.parties.portal import COOKIE, session_of
from dcrproof.core.parties.target import Target
from dcrproof.core.profile.reading import read

Send = Callable[..., Exchange]
BODY_TYPE = {"content-type": "application/json"}


class Killed(BaseException):
    pass


def a_client(target: Target, _: Tenant) -> Iterator[str]:
    """Registered, read, updated and deleted at Curity."""
    curity = target.profile.curity
    http = target.connection("curity", curity.issuer)
    found = http.send("GET", f"{curity.issuer}/.well-known/openid-configuration").json()
    pair = base64.b64encode(f"{curity.registrar.id}:{curity.registrar.secret.reveal()}".encode()).decode()
    form = {"content-type": "application/x-www-form-urlencoded", "authorization": f"Basic {pair}"}
    token = http.send(
        "POST", found["token_endpoint"], headers=form, body=b"grant_type=client_credentials&scope=dcr"
    ).json()["access_token"]
    metadata = {"client_name": f"{target.ledger.mark} one", "grant_types": ["client_credentials"], "response_types": []}
    metadata |= {"redirect_uris": [], "token_endpoint_auth_method": "client_secret_basic"}
    yield "registered"
    made = _bearer(http.send, "POST", found["registration_endpoint"], token, metadata)
    for what, method in (("read", "GET"), ("updated", "PUT"), ("deleted", "DELETE")):
        yield what
        body = {"client_id": made["client_id"], **metadata} if method == "PUT" else None
        made |= _bearer(http.send, method, made["registration_client_uri"], made["registration_access_token"], body)


def in_konnect(target: Target, live: Tenant) -> Iterator[str]:  # noqa: F811 - the fixture
    """An API on a portal, a provider that is verified, and their deletion."""
    konnect = target.profile.konnect
    send = partial(target.connection("konnect", konnect.url).send, url="")
    token, name = konnect.token.reveal(), target.ledger.mark

    def ask(method: str, path: str, body: Any = None) -> Any:
        return _bearer(lambda m, _, **more: send(m, url=konnect.url + path, **more), method, path, token, body)

    yield "an API"
    api = ask("POST", "/v3/apis", {"name": name})["id"]
    yield "a portal"
    portal = ask("POST", "/v3/portals", {"name": name})["id"]
    yield "a publication"
    ask("PUT", f"/v3/apis/{api}/publications/{portal}", {"visibility": "public"})
    yield "a verification"
    provider = next(iter(live.world.konnect.tables.providers))
    ask("POST", f"/v2/dcr-providers/{provider}/verify")
    yield "deleted"
    ask("DELETE", f"/v3/apis/{api}/publications/{portal}")
    ask("DELETE", f"/v3/apis/{api}")


def an_application(target: Target, live: Tenant) -> Iterator[str]:  # noqa: F811 - the fixture
    """Created, registered and deleted by the developer."""
    described = target.profile.portal
    base = f"{described.url}/api/v3"
    http = target.connection("portal", described.url)
    who = {"username": described.email, "password": described.password.reveal()}
    signed_in = http.send(
        "POST", f"{base}/developer/authenticate", headers=BODY_TYPE, body=json.dumps(who).encode(), repeatable=True
    )
    headers = {**BODY_TYPE, "cookie": f"{COOKIE}={session_of(signed_in)}"}
    said = live.served.description["portal"]
    yield "created"
    body = {"name": target.ledger.mark, "auth_strategy_id": said["strategy_id"]}
    made = http.send("POST", f"{base}/applications", headers=headers, body=json.dumps(body).encode()).json()["id"]
    yield "registered"
    wanted = json.dumps({"api_id": said["api_id"]}).encode()
    http.send("POST", f"{base}/applications/{made}/registrations", headers=headers, body=wanted)
    yield "deleted"
    http.send("DELETE", f"{base}/applications/{made}", headers=headers)


def _bearer(send: Send, method: str, url: str, token: str, body: Any = None) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {token}", **(BODY_TYPE if body else {})}
    answer = send(method, url, headers=headers, body=json.dumps(body).encode() if body else b"")
    assert answer.status < 300, answer.text
    return answer.members()


def killed_after(
    number: int,
    story: Callable[[Target, Tenant], Iterator[str]],
    live: Tenant,  # noqa: F811 - the fixture
) -> str:
    """What the run was about to do, or was doing, when it was killed; empty where the story has fewer events."""
    profile = read(live.profile)
    target = Target(profile)
    left, doing = itertools.count(1), ""

    def happened() -> None:
        if next(left) == number:
            raise Killed

    send = party_connection.Httpx.send

    def carried_out(self: Any, request: Any) -> Any:
        answer = send(self, request)
        happened()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(party_connection.Httpx, "send", carried_out)
        try:
            with kept(target.ledger, live.ledgers, profile):
                write = target.ledger.write

                def written(line: Any) -> None:
                    write(line)
                    happened()

                target.ledger.write = written
                for doing in story(target, live):  # noqa: B007 - kept for the caller
                    pass
        except Killed:
            return doing or "at first"
        finally:
            target.close()
    return ""


STORIES = {"client": a_client, "Konnect": in_konnect, "application": an_application}
OPEN = {"client": {"registered", "read", "updated"}, "Konnect": set(), "application": set()}
"""What is under way where a client may be left: only the answer says how to delete it."""


@pytest.mark.parametrize("story", STORIES)
def test_whatever_the_moment_what_is_left_is_named(
    live: Tenant,  # noqa: F811 - the fixture
    story: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep, "clean_up", partial(clean_up, retry_for=0.0, lost_for=0.0))
    profile, left_while = read(live.profile), set()
    for number in itertools.count(1):
        before, clients = live.objects, live.clients
        doing = killed_after(number, STORIES[story], live)
        told = "\n".join(line for path in sweep.ledgers(live.ledgers) for line, _ in sweep.swept(path, profile))
        assert live.objects == before, (number, doing, told)
        left = {name for id, name in live.clients.items() if id not in clients}
        assert {name for name in left - {VERIFICATION} if f"left       client {name!r}" not in told} == set(), told
        assert set(clients) <= set(live.clients)
        assert doing != "a verification" or VERIFICATION not in left or VERIFICATION in told
        left_while |= {doing} if left else set()
        for path in sweep.ledgers(live.ledgers):
            path.unlink()  # an admin has settled it
        if not doing:
            break
    assert number > 8
    assert left_while <= OPEN[story]
    assert bool(left_while) == bool(OPEN[story])
