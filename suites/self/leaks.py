"""Searches output and files for secrets. It has its own list of their forms, independent of `dcrproof.core.secrets.forms`."""

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MethodType
from typing import Any
from urllib.parse import quote, quote_plus

from dcrproof.core.secrets.secret import SHORTEST, basic
from dcrproof.mocks import asgi
from dcrproof.mocks.curity.state import Curity
from dcrproof.mocks.curity.token_service import TokenService
from dcrproof.mocks.curity.tokens import SigningKey
from dcrproof.mocks.gateway import session
from dcrproof.mocks.konnect.accounts import Accounts
from dcrproof.mocks.konnect.entities import GatewayPlugin
from dcrproof.mocks.start import Credentials
from dcrproof.mocks.world import World

BROKEN = re.compile(r"['\"]?\n(?:E? +|INTERNALERROR> )?(?:[-+] +)?(?:b?['\"])?|(?:\x1b|#x1B)\[[\d;]*m")
"""What interrupts a text that was printed on several lines, or in colours."""


def urlsafe(form: str) -> str:
    return form.replace("+", "-").replace("/", "_")


def spellings(value: str) -> dict[str, str]:
    """The forms in which a value may appear by itself."""
    in_json = json.dumps(value)[1:-1]
    return {
        "plain": value,
        "percent-encoded": quote(value, safe=""),
        "percent-encoded in a path": quote(value),
        "percent-encoded in small letters": re.sub("%..", lambda sign: sign[0].lower(), quote(value, safe="")),
        "in a form": quote_plus(value),
        "by encodeURIComponent": quote(value, safe="!*'()"),
        "in JSON": in_json,
        "in JSON, not in ASCII": json.dumps(value, ensure_ascii=False)[1:-1],
        "in JSON by Lua": in_json.replace("/", r"\/"),
        "in JSON by Go": in_json.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026"),
        "in HTML": html.escape(value),
        "in XML": html.escape(value, quote=False),
        "in JSON in JSON": json.dumps(in_json)[1:-1],
        "in JSON in HTML": html.escape(in_json),
        "in a traceback": repr(value)[1:-1],
        "in a traceback, as octets": repr(value.encode())[2:-1],
        "in hexadecimal": value.encode().hex(),
        "in hexadecimal, in capitals": value.encode().hex().upper(),
    }


def unusual_spellings(value: str) -> dict[str, str]:
    """Rare forms of a value, and forms of forms; masks find them by decoding."""
    in_json = json.dumps(value)[1:-1]
    return {
        "percent-encoded twice": quote(quote(value, safe=""), safe=""),
        "percent-encoded, all of it": "".join(f"%{octet:02X}" for octet in value.encode()),
        "in JSON by .NET": re.sub("[<>&'+`]", lambda sign: rf"\u{ord(sign[0]):04X}", in_json.replace(r"\"", r"\u0022")),
        "in HTML by numbers": re.sub("[^A-Za-z0-9 ]", lambda sign: f"&#{ord(sign[0])};", value),
        "in HTML by numbers in hexadecimal": re.sub(r"[^A-Za-z0-9 ]", lambda sign: f"&#x{ord(sign[0]):X};", value),
        "in Python, all of it": "".join(rf"\U{ord(sign):08x}" for sign in value),
        "in JavaScript, all of it": "".join(rf"\u{{{ord(sign):x}}}" for sign in value),
        "in HTML by names": html.escape(value).replace("+", "&plus;").replace("/", "&sol;").replace("=", "&equals;"),
    }


def encodings(value: str, client_id: str) -> dict[str, str]:
    """The forms of a value in base64: between other octets, and as Basic credentials."""
    pairs = {"Basic": basic(client_id, value), "Basic of a client": basic(quote_plus(client_id), quote_plus(value))}
    around = {
        f"base64 after {n} octets": base64.b64encode(b"#" * n + value.encode() + b"##").decode() for n in range(3)
    }
    found = {**pairs, **around}
    return {**found, **{f"{name}, for addresses": urlsafe(form) for name, form in found.items()}}


def pieces(form: str, size: int = SHORTEST) -> set[str]:
    return {form[at : at + size] for at in range(len(form) - size + 1)}


def telling(name: str, form: str, value: str) -> str:
    """The part of a form in base64 that depends on the secret alone."""
    if "base64" not in name:
        return form
    before = int(name.split()[2])
    return form[-(-before * 8 // 6) : (before + len(value.encode())) * 8 // 6]


JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.([\w-]+)")
UUID = re.compile(r"[\w-]*[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OF_A_UUID = 16
"""Fewer characters of a UUID, plain or in base64, may be in another one as well."""


def leaks(texts: Mapping[str, str], secrets: Iterable[str]) -> list[str]:
    """Where at least eight characters of a secret are in these texts, in any form: the name of the text, and the place."""
    wanted: dict[int, set[str]] = {SHORTEST: set(), OF_A_UUID: set()}
    for value in secrets:
        size = OF_A_UUID if UUID.fullmatch(value) else SHORTEST
        found = JWT.fullmatch(value)
        part = found[1] if found else value
        wanted[size] |= pieces(part, size)
        for name, form in encodings(part, "").items():
            if "Basic" not in name:
                wanted[size] |= pieces(telling(name, form, part), size)
        for form in (*spellings(part).values(), *unusual_spellings(part).values()):
            wanted[OF_A_UUID] |= pieces(form, OF_A_UUID)  # fewer characters of it may be less than eight of the value
    return [
        f"{name}: {whole[at : at + size]} in {whole[max(at - 60, 0) : at + 60]!r}"
        for name, text in texts.items()
        for whole in (text, BROKEN.sub("", text))
        for size, of in wanted.items()
        for at in range(len(whole) - size + 1)
        if whole[at : at + size] in of
    ]


def made_by_mocks() -> set[str]:
    """The secrets that the mocks of this process make from now on; the set grows as they make them."""
    made: set[str] = set()

    def listen(owner: Any, name: str, secrets: Callable[[Any], Iterable[str | None]]) -> None:
        make = getattr(owner, name)

        def told(*given: Any, **named: Any) -> Any:
            result = make(*given, **named)
            made.update(secret for secret in secrets(result) if secret)
            return result

        setattr(owner, name, staticmethod(told) if isinstance(make, MethodType) else told)

    listen(Credentials, "of", lambda credentials: vars(credentials).values())
    listen(Curity, "rotate_secret", lambda rotated: [rotated[1]])
    listen(Curity, "new_registration_token", lambda token: [token.value])
    listen(TokenService, "format_access_token", lambda token: [token])
    listen(SigningKey, "sign", lambda token: [token])
    listen(Accounts, "sign_in", lambda signed_in: [signed_in.access_token, signed_in.refresh_token])
    listen(Accounts, "_mail_token", lambda token: [token])
    listen(session, "seal", lambda cookie: [cookie])
    return made


# Secrets in the answers of a shared tenant, which mocks have no reason to send

THEIRS = (
    "v7Kp+2Rt/Wq9Lx4Zn=",
    "mG5-sY8-hB3-tJ6-cF1",
    'P%41s w:rd of "theirs"',
    "aN4uD7eK1iV8oX5yC2",
    "hunter-of-7-redis",
)
OTHER_PLUGIN = {
    "name": "http-log",
    "config": {
        "client_id": ["another-team", "a-third-one"],
        "client_secret": [THEIRS[0], THEIRS[1]],
        "session_secret": THEIRS[2],
        "headers": {"authorization": f"Bearer {THEIRS[3]}", "x-of-theirs": THEIRS[3]},
        "redis": {"password": THEIRS[4], "cluster_nodes": [{"password": THEIRS[4]}]},
    },
}
"""A plugin of another team on the service that the run uses."""


def put_other_plugin(world: World) -> None:
    """Puts a plugin of another team on each service, in the state itself: the mock's admin API accepts fewer kinds."""
    konnect = world.konnect
    for service in [*konnect.tables.gateway_services.values()]:
        made = GatewayPlugin(service_id=service.id, **OTHER_PLUGIN, **konnect.entities.stamps.new())
        konnect.tables.gateway_plugins[made.id] = made


def mark_cookies() -> None:
    """From now on the mocks of this process set cookies with attributes that Python does not know (CHIPS)."""
    answer = asgi.AsgiApplication._answer

    async def marked(self: Any, send: Any, scope: Any, world: Any, request: Any, response: Any, fault: Any) -> None:
        headers = tuple(
            (name, f"{value}; Partitioned; Priority=High") if name.lower() == "set-cookie" else (name, value)
            for name, value in response.headers
        )
        await answer(self, send, scope, world, request, replace(response, headers=headers), fault)

    asgi.AsgiApplication._answer = marked
