"""`index.html`: the run as one page for people. It needs no network, and works from a file.

Text that came from outside is set in the page as text alone: Jinja escapes what stands in the markup, and the exchanges
stand in blocks of JSON that the page's script shows piece by piece, through `textContent`. A Content-Security-Policy
forbids the page all network, and every script and style but its own, which it knows by their hashes.
"""

import json
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from dcrproof.core.checks.check import stage_title
from dcrproof.core.checks.results import Exit
from dcrproof.reports.flow import calls_within, flow, lanes
from dcrproof.reports.text import visible

Check = Mapping[str, Any]
Step = Mapping[str, Any]

CHUNK = 100
"""Exchanges in one block of JSON: the page reads a block when one of them is looked at."""

MARKS = {
    "passed": "✓",
    "failed": "✗",
    "blocked": "⊘",
    "not seen": "-",
    "not applicable": "∅",
    "observed": "◉",
    "unreachable": "⚡",
    "error": "!",
    "holds": "✓",
    "wrong": "✗",
    "suspected": "?",
    "not checked": "-",
}
"""What stands before the word of a verdict or of a step's mark."""

HEADLINES = {
    Exit.GREEN: ("green", "Green: every check that ran holds"),
    Exit.BROKEN: ("red", "Red: a contract is broken"),
    Exit.INTERRUPTED: ("amber", "Interrupted: the run did not come to its end"),
    Exit.OWN_FAULT: ("red", "Red: dcrproof's own fault, or a clean-up that failed"),
    Exit.USAGE: ("red", "Nothing was proved: the run was asked for in a way that cannot be"),
    Exit.NOTHING_RAN: ("amber", "Nothing was proved: no check ran"),
    Exit.UNREACHABLE: ("red", "Red: a party could not be reached"),
    None: ("amber", "Cut short: the record of the run has no end"),
}
"""By exit code the tone of the page and its first words; None where the run was killed."""

REMEDIES = {
    "unreachable": (
        "look at the address in the profile, and at name, proxy and certificate on the way there from the machine that"
        " runs dcrproof (the party's keys proxy, ca and client_cert)"
    ),
    "error": "a fault of dcrproof itself: report it with run.json",
}
"""What to do about a verdict that no set-up step and no check explains."""


@dataclass(frozen=True)
class Trouble:
    """One thing to mend: the set-up step that is wrong, or those of which one is, with the checks that say so.

    `steps` is empty where no set-up step explains it. `checks` are in the order of the catalogue. `evidence` is the
    exchange on which the first of them rests, as far as it is known.
    """

    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    evidence: Mapping[str, Any] | None

    @property
    def first(self) -> Check:
        return self.checks[0]

    @property
    def mend(self) -> str:
        return str(self.first["mend"] or REMEDIES.get(self.first["verdict"], ""))


def index_html(run: Mapping[str, Any]) -> str:
    """The page, from the data of `run.json`."""
    style, script = _source("page.css"), _source("page.js")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    tone, headline = HEADLINES.get(run["exit"], HEADLINES[Exit.BROKEN])
    checks = {check["id"]: check for check in run["checks"]}
    steps = {step["id"]: step for step in run["steps"]}
    exchanges = {exchange["number"]: exchange for exchange in run["exchanges"]}
    found = troubles(run["checks"], steps, exchanges)
    blocked: dict[str, list[Check]] = {}
    for check in run["checks"]:
        if check["verdict"] == "blocked":
            blocked.setdefault(check["blocked_by"], []).append(check)
    drawn = flow(run)
    page = _template().render(
        run=run,
        policy=policy,
        style=Markup(style),  # noqa: S704 - ours
        script=Markup(script),  # noqa: S704 - ours
        tone=tone,
        headline=_headline(headline, run, found),
        troubles=found,
        not_reached=[id for id in run["selected"] if id not in checks],
        unlooked=_unlooked(run["checks"]),
        known=_grouped((check for check in run["checks"] if check["known"]), "known"),
        advice=[c for c in run["checks"] if c["verdict"] == "failed" and not c["red"] and not c["known"]],
        counts=Counter(check["verdict"] for check in run["checks"]),
        checks=checks,
        steps=steps,
        steps_to_mend=[step for step in run["steps"] if step["mark"] in {"wrong", "suspected"}],
        steps_of=_grouped(run["steps"], "party"),
        first_checks=[check for check in run["checks"] if _first(check) or check["id"] in blocked],
        blocked=blocked,
        stages=_grouped((c for c in run["checks"] if c["verdict"] != "blocked" and not _first(c)), "stage"),
        parties=parties(run),
        drawn=_drawn(exchanges, drawn),
        index=_json(_index(run, drawn)),
        blocks=[_json(block) for block in _blocks(run["exchanges"])],
    )
    return page.encode("utf-8", "replace").decode()


# What the page says


def troubles(
    checks: Sequence[Check], steps: Mapping[str, Step], exchanges: Mapping[int, Mapping[str, Any]]
) -> list[Trouble]:
    """What has to be mended, each once, in the order in which the flow meets it.

    Checks that name the same step are one trouble, and so are those that leave several candidates of which a step that
    is known to be wrong is one.
    """
    red = [check for check in checks if check["red"] and check["verdict"] != "blocked"]
    found: dict[tuple[str, ...], list[Check]] = {}
    for check in red:
        candidates = tuple(id for id in check["candidates"] if id in steps)
        key = candidates or (check["verdict"], check["observed"])
        explained = (known for known in found if set(known) <= set(candidates))
        found.setdefault(next(explained, key), []).append(check)
    return [
        Trouble(
            tuple(steps[id] for id in key if id in steps and together[0]["candidates"]),
            tuple(together),
            together[0]["evidence"] or exchanges.get(max(together[0]["exchanges"], default=0)),
        )
        for key, together in found.items()
    ]


def _headline(words: str, run: Mapping[str, Any], found: Sequence[Trouble]) -> str:
    if run["exit"] == Exit.BROKEN and found and all(trouble.steps for trouble in found):
        if len(found) > 1:
            return f"Red: {len(found)} set-up steps are wrong"
        several = len(found[0].steps)
        return f"Red: one of {several} set-up steps is wrong" if several > 1 else "Red: one set-up step is wrong"
    if run["exit"] == Exit.UNREACHABLE and found:
        asked = dict.fromkeys(trouble.evidence["party"] for trouble in found if trouble.evidence)
        return f"Red: {' and '.join(NAMES.get(name, name) for name in asked) or 'a party'} could not be reached"
    return words


def _unlooked(checks: Iterable[Check]) -> dict[tuple[str, str], list[Check]]:
    """What a run did not look at: the checks by their verdict, and by the reason or what would show it."""
    found: dict[tuple[str, str], list[Check]] = {}
    for check in checks:
        if check["verdict"] in {"not seen", "not applicable"}:
            found.setdefault((check["verdict"], check["expected"] or check["observed"]), []).append(check)
    return found


def parties(run: Mapping[str, Any]) -> dict[str, list[str]]:
    """By the id of a check the parties that it concerns: those of its steps, and those that it talked to."""
    of_step = {step["id"]: step["party"] for step in run["steps"]}
    of_exchange = {exchange["number"]: exchange["to"] for exchange in run["exchanges"]}
    return {
        check["id"]: list(
            dict.fromkeys(
                [
                    *(of_step[id] for id in check["steps"] if id in of_step),
                    *(of_exchange[number] for number in check["exchanges"] if number in of_exchange),
                ]
            )
        )
        for check in run["checks"]
    }


def _first(check: Check) -> bool:
    """Whether a check stands before all others: it says what is wrong."""
    return check["verdict"] in {"failed", "unreachable", "error"}


def _grouped(items: Iterable[Mapping[str, Any]], key: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        found.setdefault(item[key], []).append(item)
    return found


# What the page's script reads


def _index(run: Mapping[str, Any], drawn: Sequence[tuple[str, list[int]]]) -> dict[str, Any]:
    """Each exchange and each call between the parties as a row, without headers and bodies."""
    rows = [
        [
            exchange["number"],
            exchange["at"],
            exchange["from"],
            exchange["to"],
            exchange["method"],
            exchange["url"],
            exchange["status"],
            exchange["seconds"],
            exchange["check"],
            None,
        ]
        for exchange in run["exchanges"]
    ]
    calls = [
        [
            None,
            call["at"],
            call["from"],
            call["to"],
            call["method"],
            call["path"],
            call["status"],
            None,
            None,
            within,
        ]
        for call, within in zip(run["calls"], calls_within(run), strict=True)
    ]
    return {
        "rows": rows,
        "calls": calls,
        "flow": drawn,
        "lanes": lanes([*run["exchanges"], *run["calls"]]),
        "chunk": CHUNK,
    }


def _blocks(exchanges: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """What only an open exchange shows, in the order of the rows."""
    shown = ("request", "response", "jwts", "error", "node")
    for start in range(0, len(exchanges), CHUNK):
        yield [{name: exchange[name] for name in shown} for exchange in exchanges[start : start + CHUNK]]


def _drawn(
    exchanges: Mapping[int, Mapping[str, Any]], chosen: Sequence[tuple[str, list[int]]]
) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """The exchanges of the flow in words, for readers without script."""
    return [(id, [exchanges[number] for number in numbers if number in exchanges]) for id, numbers in chosen]


def _json(value: Any) -> Markup:
    """JSON that may stand in a script element: nothing in it can end the element, or begin another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not text.isascii() or any(sign in text for sign in ESCAPED):
        text = json.dumps(_shown(value), ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped by the lines above


ESCAPED = ("\\u", "\\b", "\\f", "\\r", "\x7f")
"""How JSON shows that a character which cannot be seen may stand in it: most has none, and need not be looked through."""


def _shown(value: Any) -> Any:
    """Plain data with all texts in it visible; what is markup already is no text from outside."""
    if isinstance(value, str):
        return value if isinstance(value, Markup) else visible(value)
    if isinstance(value, Mapping):
        return {visible(name): _shown(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    return value


# How it is put together


@cache
def _source(name: str) -> str:
    return (files("dcrproof.reports") / "templates" / name).read_text("utf-8").strip()


@cache
def _hash(source: str) -> str:
    return f"sha256-{b64encode(sha256(source.encode()).digest()).decode()}"


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("dcrproof.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "clock": clock, "link": link, "numbers": numbers, "path": path}
    environment.globals |= {"marks": MARKS, "stage_title": stage_title, "names": NAMES}
    return environment.get_template("index.html")


NAMES = {
    "curity": "Curity",
    "konnect": "Konnect",
    "portal": "Portal",
    "classic_portal": "Classic portal",
    "gateway": "Gateway",
    "consumer": "Consumer",
    "upstream": "Upstream",
    "developer": "Developer",
}


def duration(seconds: float | None) -> str:
    """A duration for people: `12 ms`, `4.0 s`, `2 min 5 s`."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "< 1 ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def clock(at: str | None) -> str:
    """A time of the run as it is read out: `2026-11-24 07:55:37 UTC`."""
    return f"{at[:19].replace('T', ' ')} UTC" if at else "unknown"


def path(url: str) -> str:
    """An address without scheme and host."""
    return re.sub(r"\A\w+://[^/]*", "", url) or url


def link(reference: str) -> str:
    """The address of a reference that is a page; empty for any other."""
    return f"https://{reference}" if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+/[\w./%#-]*", reference) else ""


def numbers(values: Sequence[int]) -> str:
    """Numbers of exchanges for people: `3 to 6, 9`."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
