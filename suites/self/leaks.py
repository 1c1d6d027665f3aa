"""Looks for secrets in what was printed and written: a second reading of what `dcrproof.secret` takes for their forms."""

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

from dcrproof.secret import SHORTEST, basic

BROKEN = re.compile(r"['\"]?\n(?:E? +|INTERNALERROR> )?(?:[-+] +)?(?:b?['\"])?|(?:\x1b|#x1B)\[[\d;]*m")
"""What stands in the middle of a text that was printed on several lines, or in colours."""


def urlsafe(form: str) -> str:
    return form.replace("+", "-").replace("/", "_")


def spellings(value: str) -> dict[str, str]:
    """The forms of a value in which it may appear by itself."""
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
    }


def encodings(value: str, client_id: str) -> dict[str, str]:
    """The forms of a value in base64, with something before and after it, and as Basic credentials."""
    pairs = {"Basic": basic(client_id, value), "Basic of a client": basic(quote_plus(client_id), quote_plus(value))}
    around = {
        f"base64 after {n} octets": base64.b64encode(b"#" * n + value.encode() + b"##").decode() for n in range(3)
    }
    found = {**pairs, **around}
    return {**found, **{f"{name}, for addresses": urlsafe(form) for name, form in found.items()}}


def pieces(form: str) -> set[str]:
    return {form[at : at + SHORTEST] for at in range(len(form) - SHORTEST + 1)}


def telling(name: str, form: str, value: str) -> str:
    """The part of a form in base64 that tells something of the secret alone."""
    if "base64" not in name:
        return form
    before = int(name.split()[2])
    return form[-(-before * 8 // 6) : (before + len(value.encode())) * 8 // 6]


def leaks(texts: Mapping[str, str], secrets: Iterable[str]) -> list[str]:
    """Where at least eight characters of a secret stand in these texts, in any form: the text's name and what is there."""
    wanted = set()
    for value in secrets:
        forms = {**spellings(value), **encodings(value, "")}
        wanted |= {
            piece for name, form in forms.items() if "Basic" not in name for piece in pieces(telling(name, form, value))
        }
    found = []
    for name, text in texts.items():
        for whole in (text, BROKEN.sub("", text)):
            words = {whole[at : at + SHORTEST] for at in range(len(whole) - SHORTEST + 1)}
            found += [
                f"{name}: {piece} in {whole[max(whole.index(piece) - 60, 0) :][:140]!r}" for piece in words & wanted
            ]
    return found
