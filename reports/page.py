"""How a page of HTML is made: it needs no network, and works from a file.

Text from outside is only ever text in the page: Jinja escapes it in the markup. A Content-Security-Policy forbids all
network access, and every script and style but the page's, which are allowed by their hashes.
"""

import os
import re
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.util import cache_from_source
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from dcrproof.core.checks.check import stage_title
from dcrproof.core.checks.verdict import CAUSES, SHOWN, Verdict
from dcrproof.core.text import visible
from dcrproof.reports.words import ENDINGS, MARKS, PARTIES


def page(template: str, *, script: str = "", **values: Any) -> str:
    """A page from a template with these values, in the common style; `script` names the template of its script."""
    style, code = _source("page.css"), _source(script) if script else ""
    policy = (
        "default-src 'none'",
        f"style-src '{_hash(style)}'",
        *([f"script-src '{_hash(code)}'"] if code else []),
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    made = (
        _environment()
        .get_template(template)
        .render(
            **values,
            policy="; ".join(policy),
            style=Markup(style),  # noqa: S704 - ours
            script=Markup(code),  # noqa: S704 - ours
        )
    )
    return made.encode("utf-8", "replace").decode()


def shown(value: Any) -> Any:
    """Plain data with all texts made visible; markup is left alone, as it does not come from outside."""
    if isinstance(value, str):
        return value if isinstance(value, Markup) else visible(value)
    if isinstance(value, Mapping):
        return {visible(name): shown(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value


@cache
def _source(name: str) -> str:
    return (files("dcrproof.reports") / "templates" / name).read_text("utf-8").strip()


@cache
def _hash(source: str) -> str:
    return f"sha256-{b64encode(sha256(source.encode()).digest()).decode()}"


class Compiled(BytecodeCache):
    """Keeps templates compiled where Python keeps modules: to compile a template takes longer than to fill it."""

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        return filename or name

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError, EOFError, ValueError, UnpicklingError):
            bucket.bytecode_from_string(Path(cache_from_source(bucket.key)).read_bytes())

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        kept = Path(cache_from_source(bucket.key))
        written = kept.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # an installation that may not be written to, or a full disk
            kept.parent.mkdir(parents=True, exist_ok=True)
            written.write_bytes(bucket.bytecode_to_string())
            written.replace(kept)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dcrproof.reports"),
        bytecode_cache=Compiled(),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "clock": clock, "link": link, "numbers": numbers, "path": path}
    environment.globals |= {
        "causes": CAUSES,
        "endings": ENDINGS,
        "looks": {**MARKS, **SHOWN},
        "marks": MARKS,
        "names": PARTIES,
        "stage_title": stage_title,
        "verdicts": list(Verdict),
    }
    return environment


def duration(seconds: float | None) -> str:
    """A readable duration: `12 ms`, `4.0 s`, `2 min 5 s`."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "< 1 ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def clock(at: str | None) -> str:
    """A readable time: `2026-11-24 07:55:37 UTC`."""
    return f"{at[:19].replace('T', ' ')} UTC" if at else "unknown"


def path(url: str) -> str:
    """A readable address: without scheme and host, and with ASCII that can be seen decoded."""
    return re.sub(
        "%([2-7][0-9A-Fa-f])(?<!%7[Ff])", lambda found: chr(int(found[1], 16)), re.sub(r"\A\w+://[^/]*", "", url) or url
    )


def link(reference: str) -> str:
    """The URL of a reference that is a page; empty for others."""
    return f"https://{reference}" if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+/[\w./%#-]*", reference) else ""


def numbers(values: Sequence[int]) -> str:
    """Readable numbers of exchanges: `3 to 6, 9`."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
