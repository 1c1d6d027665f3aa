"""What the ledger learns from the requests of a run and their answers.

All requests of a run pass by here before they are sent, so that nothing is created without the ledger: not even by a
check that expects to be refused.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from dcrproof.core.checks.outcomes import NotSeen
from dcrproof.core.http.exchange import Exchange, Request
from dcrproof.core.http.idna import absolute
from dcrproof.core.http.retry import READS
from dcrproof.core.http.segments import is_id
from dcrproof.core.ledger.kinds import CLIENT, DCR_PROVIDERS, PORTAL_API, REGISTRATION, Kind, kind_at
from dcrproof.core.ledger.ledger import Ledger, LedgerEntry
from dcrproof.core.secrets.secret import Secret

VERIFY = re.compile(rf"{DCR_PROVIDERS}/([^/]+)/verify")
MANAGES = frozenset({("portal", "POST"), ("portal", "PATCH")})
MANAGED = re.compile(rf"{PORTAL_API}/applications/([^/]+)(?:/regenerate-secret|/refresh-token)?")
"""The applications of a developer, changed or given a new secret."""
REFUSED = frozenset({401, 403, 404, 429})
"""Statuses of a verification after which Konnect has not begun it."""
ABOUT_ITS_CLIENT = re.compile(r"\bDCR\b(?! provider\b)|\bregistration[ _]endpoint\b", re.IGNORECASE)
"""In an error of Konnect to a new application: it came as far as the authorization server, or may have; not so where it
speaks of a setting of the provider. How Konnect puts it is documented for a verification alone ("Unable to create the DCR
application", Application Auth Strategies API)."""
UNSETTLED = frozenset({408, 502, 503, 504})
"""Statuses that leave open whether the request was carried out: something in front of the party gave up on it."""
ELSEWHERE = frozenset({301, 302, 307, 308})
"""Redirects to another place for the same request, such as one to sign in (RFC 9110 15.4); 303 may follow a creation."""


def watch(ledger: Ledger, request: Request) -> Callable[[Exchange | None], None]:
    """Writes down what a request may create, before it is sent.

    The result takes the party's answer, or None where the request was never sent; where no answer comes it is not
    called. Raises NotSeen where the profile allows no more things to be created.
    """
    kind = creates(ledger, request)
    if (request.party, request.method) == ("konnect", "POST") and (found := VERIFY.fullmatch(request.path)):
        return _verifying(ledger, unquote(found[1]))
    if (request.party, request.method) in MANAGES and (found := MANAGED.fullmatch(request.path)):
        return _managed_by_konnect(ledger, unquote(found[1]))
    if kind is None:
        if request.party == "curity" and request.method in {"GET", "PUT", "DELETE"}:
            return _managing(ledger, request)
        return lambda exchange: _answered(ledger, None, exchange) if exchange else None
    if kind is not REGISTRATION:
        if ledger.created >= ledger.most:
            raise NotSeen(f"[run] max_created above {ledger.most}")
        ledger.created += 1
    number = ledger.intend(kind, request.base, kind.collection(request.path), _name(kind, request.body))
    if kind.method == "PUT":
        collection, _, id = request.path.rpartition("/")
        ledger.made(replace(ledger.entries[number], collection=collection), id)

    def answered(exchange: Exchange | None) -> None:
        if exchange is None:
            _turned_away(ledger, number)
        else:
            _answered(ledger, number, exchange)

    return answered


def _verifying(ledger: Ledger, provider: str) -> Callable[[Exchange | None], None]:
    """Konnect itself registers a client then; as the result of `watch`."""
    ledger.hide("verifying", provider)

    def answered(exchange: Exchange | None) -> None:
        if exchange is None or exchange.status in REFUSED:
            ledger.tell("verifying", provider)

    return answered


def _managed_by_konnect(ledger: Ledger, id: str) -> Callable[[Exchange | None], None]:
    """Konnect reads or updates the client of an application then, by which the token that deletes it is replaced, and may
    not get the new one; as the result of `watch`.
    """
    names = [str(entry.name) for entry in ledger.entries.values() if entry.kind.has_client and entry.id == id]
    for name in names:
        ledger.hide("managing", name)

    def answered(exchange: Exchange | None) -> None:
        if exchange is None or exchange.status < 300 or not ABOUT_ITS_CLIENT.search(exchange.text):
            for name in names:
                ledger.tell("managing", name)
        if exchange is not None:
            _answered(ledger, None, exchange)

    return answered


def _managing(ledger: Ledger, request: Request) -> Callable[[Exchange | None], None]:
    """A client is read, updated or deleted; as the result of `watch`. What is refused changes nothing: an answer that was
    lost before may have.
    """
    deletes = request.method == "DELETE"
    note = ledger.deleting if deletes else ledger.rotating
    begun = [entry for entry in ledger.at(request.url) if not (entry.deleting if deletes else entry.rotating)]
    for entry in begun:
        note(entry, over=False)

    def answered(exchange: Exchange | None) -> None:
        if exchange is None or 400 <= exchange.status < 500:
            for entry in begun:
                note(ledger.entries[entry.number], over=True)
        else:
            _answered(ledger, None, exchange)

    return answered


def creates(ledger: Ledger, request: Request) -> Kind | None:
    """What a request creates, if anything."""
    if request.party == "curity":
        # RFC 7591 3.1: of all requests to an authorization server, the registration alone is JSON
        is_json = request.media_type.partition(";")[0].strip().lower() == "application/json"
        return CLIENT if request.method == "POST" and is_json and request.body else None
    kind = kind_at(request.party, request.method, request.path)
    if kind is not None and kind.method == "PUT" and not ledger.ours(request.path):
        return None  # it changes what was there before
    return kind


def binds(ledger: Ledger, request: Request) -> bool:
    """Whether what is left behind may depend on the answer to a request: it creates, changes or deletes something, or
    replaces the token by which a client is deleted, which at Curity reading does as well.
    """
    if request.party == "curity":
        return creates(ledger, request) is not None or bool(ledger.at(request.url))
    if request.party in {"konnect", "portal"} and request.method == "POST":
        changes = VERIFY.fullmatch(request.path) or MANAGED.fullmatch(request.path)
        return creates(ledger, request) is not None or bool(changes)
    return request.party != "gateway" and request.method not in READS


def recover(ledger: Ledger, request: Request, item: Mapping[str, Any]) -> None:
    """Takes what a request has created although its answer was lost, as a list shows it."""
    kind = creates(ledger, request)
    if kind is None:
        return
    place = (kind, request.base, kind.collection(request.path), item.get(kind.named) if kind.named else None)
    entries = (one for one in ledger.entries.values() if one.id is None)
    number = next((one.number for one in entries if (one.kind, one.base, one.collection, one.name) == place), None)
    id = item.get("id")
    if is_id(id):  # else clean-up looks for it
        ledger.made(ledger.entries[number or ledger.intend(*place)], str(id))


def _name(kind: Kind, body: bytes) -> str | None:
    if kind.named is None:
        return None
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    name = content.get(kind.named) if isinstance(content, dict) else None
    return name if isinstance(name, str) else None


def _answered(ledger: Ledger, number: int | None, exchange: Exchange) -> None:
    """Takes an answer; `number` is that of the entry which the request has created, or was to create."""
    status = exchange.status
    if status < 300:
        named = {unquote(part) for part in exchange.url.partition("?")[0].split("/")}
        _known(ledger, lambda entry: entry.kind.method == "POST" and entry.id in named)
    if exchange.method == "DELETE" and status in {200, 204}:
        for entry in ledger.at(exchange.url):
            ledger.gone(entry)
            if entry.kind.name == "developer":  # the applications are deleted with it
                _known(ledger, lambda one: one.kind.name == "application of another developer")
    elif number is not None and (status >= 400 or status in ELSEWHERE):
        # RFC 7591 3.2.2: an error creates nothing; Konnect may have carried on after a 500
        unsettled = status in UNSETTLED or (status == 500 and ledger.entries[number].kind is not CLIENT)
        if status == 429:
            _turned_away(ledger, number)
        elif not unsettled:
            entry = ledger.entries[number]
            if entry.kind.has_client and entry.name and ABOUT_ITS_CLIENT.search(exchange.text):
                ledger.hide("registering", entry.name)
            ledger.refused(entry)
    elif status < 300:
        _learn(ledger, number, exchange)


def _turned_away(ledger: Ledger, number: int) -> None:
    """The request may be sent again, and counts then."""
    ledger.created -= ledger.entries[number].kind is not REGISTRATION
    ledger.refused(ledger.entries[number])


def _known(ledger: Ledger, which: Callable[[LedgerEntry], bool]) -> None:
    for entry in [entry for entry in ledger.entries.values() if not entry.seen and which(entry)]:
        ledger.seen(entry)


def _learn(ledger: Ledger, number: int | None, exchange: Exchange) -> None:
    """What an answer says of the thing that was created, or of a client whose secrets are new."""
    content = exchange.members()
    nested = content.get("credentials")
    shown = {**content, **(nested if isinstance(nested, dict) else {})}
    client_id, secret, uri, token = (
        value if isinstance(value := shown.get(name), str) and value else None
        for name in ("client_id", "client_secret", "registration_client_uri", "registration_access_token")
    )
    id = None
    if number is not None:
        id = client_id if ledger.entries[number].kind is CLIENT else content.get("id")
    elif client_id is not None:
        known = (entry for entry in ledger.entries.values() if entry.client_id == client_id)
        number = next((entry.number for entry in known), None)
    if number is None or number not in ledger.entries:
        return
    entry = ledger.entries[number]
    if client_id:
        entry = replace(entry, client_id=client_id, secret=Secret(secret) if secret else entry.secret)
        ledger.entries[number] = entry
    if uri:
        uri = absolute(exchange.url, uri)  # RFC 7592 3 asks for a whole URL; without one the client is deleted as well
    if token and (uri or entry.manage):  # before the id: then clean-up can delete it if the run is killed in between
        ledger.managed(entry, uri or (entry.manage[0] if entry.manage else ""), Secret(token))
    if isinstance(id, str) and entry.id is None and (is_id(id) or (id and entry.kind is CLIENT)):
        ledger.made(ledger.entries[number], id)
