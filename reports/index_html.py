"""`index.html`: the run as one page. It needs no network, and works from a file.

Text from outside is only ever text in the page: Jinja escapes it in the markup, and the exchanges are blocks of JSON
that the script of the page shows through `textContent`. A Content-Security-Policy forbids all network access, and
every script and style but the page's, which are allowed by their hashes.
"""

import json
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from dcrproof.core.checks.check import stage_title
from dcrproof.core.checks.results import Exit
from dcrproof.core.checks.verdict import CAUSES, SHOWN, Verdict
from dcrproof.core.text import visible
from dcrproof.reports.diagnosis import Check, Trouble, diagnosis, evidence, troubles
from dcrproof.reports.flow import calls_within, flow
from dcrproof.reports.load_plots import plots
from dcrproof.reports.words import ENDINGS, MARKS, PARTIES, lanes

CHUNK = 100
"""How many exchanges are in one block of JSON: the page parses a block when one of them is opened."""


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
    ending = ENDINGS.get(run["exit"], ENDINGS[Exit.BROKEN])
    checks = {check["id"]: check for check in run["checks"]}
    steps = {step["id"]: step for step in run["steps"]}
    exchanges = {exchange["number"]: exchange for exchange in run["exchanges"]}
    found = troubles(run["checks"], steps)
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
        colour=ending.colour,
        headline=_headline(ending.headline, run, found),
        troubles=found,
        not_reached=[id for id in run["selected"] if id not in checks],
        unlooked=_unlooked(run["checks"]),
        known=_grouped((check for check in run["checks"] if check["known"]), "known"),
        advice=[c for c in run["checks"] if c["verdict"] == "failed" and not c["red"] and not c["known"]],
        counts=Counter(check["verdict"] for check in run["checks"]),
        checks=checks,
        diagnosis=partial(diagnosis, run),
        steps=steps,
        wrong_steps=[step for step in run["steps"] if step["mark"] in {"wrong", "suspected"}],
        steps_of=_grouped(run["steps"], "party"),
        first_checks=[check for check in run["checks"] if _first(check) or check["id"] in blocked],
        blocked=blocked,
        stages=_grouped((c for c in run["checks"] if c["verdict"] != "blocked" and not _first(c)), "stage"),
        parties=parties(run),
        load=run.get("load"),
        plots=list(plots(run["load"])) if run.get("load") else [],
        drawn=_drawn(exchanges, drawn),
        index=_json(_index(run, drawn)),
        blocks=[_json(block) for block in _blocks(run["exchanges"])],
    )
    return page.encode("utf-8", "replace").decode()


# What the page says


def _headline(words: str, run: Mapping[str, Any], found: Sequence[Trouble]) -> str:
    if run["exit"] == Exit.BROKEN and found and all(trouble.steps for trouble in found):
        if len(found) > 1:
            return f"Red: {len(found)} setup steps are wrong"
        several = len(found[0].steps)
        return f"Red: one of {several} setup steps is wrong" if several > 1 else "Red: one setup step is wrong"
    if run["exit"] == Exit.UNREACHABLE and found:
        asked = dict.fromkeys(one["party"] for trouble in found if (one := evidence(run, trouble.first)))
        return f"Red: {' and '.join(PARTIES.get(name, name) for name in asked) or 'a party'} could not be reached"
    return words


def _unlooked(checks: Iterable[Check]) -> dict[tuple[str, str], list[Check]]:
    """What the run did not look at: checks by verdict, and by the reason or what would show it."""
    found: dict[tuple[str, str], list[Check]] = {}
    for check in checks:
        if check["verdict"] in {"not seen", "not applicable"}:
            found.setdefault((check["verdict"], check["expected"] or check["observed"]), []).append(check)
    return found


def parties(run: Mapping[str, Any]) -> dict[str, list[str]]:
    """The parties that a check concerns, by its id: those of its steps, and those that it sent requests to."""
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
    """Whether a check is listed before all others: it says what is wrong."""
    return check["verdict"] in CAUSES


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
        "lanes": lanes(message[end] for message in (*run["exchanges"], *run["calls"]) for end in ("from", "to")),
        "names": PARTIES,
        "verdicts": {shown.word: {**shown._asdict(), "cause": shown.word in CAUSES} for shown in SHOWN.values()},
        "chunk": CHUNK,
    }


def _blocks(exchanges: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """What is shown only when an exchange is opened, in the order of the rows."""
    shown = ("request", "response", "jwts", "error", "node")
    for start in range(0, len(exchanges), CHUNK):
        yield [{name: exchange[name] for name in shown} for exchange in exchanges[start : start + CHUNK]]


def _drawn(
    exchanges: Mapping[int, Mapping[str, Any]], chosen: Sequence[tuple[str, list[int]]]
) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """The exchanges of the flow, for readers without JavaScript."""
    return [(id, [exchanges[number] for number in numbers if number in exchanges]) for id, numbers in chosen]


def _json(value: Any) -> Markup:
    """JSON for a script element: nothing in it can end the element or begin another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not text.isascii() or any(sign in text for sign in ESCAPED):
        text = json.dumps(_shown(value), ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped by the lines above


ESCAPED = ("\\u", "\\b", "\\f", "\\r", "\x7f")
"""How invisible characters show in JSON: most values have none, and need not be searched."""


def _shown(value: Any) -> Any:
    """Plain data with all texts made visible; markup is left alone, as it does not come from outside."""
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
    environment.globals |= {
        "causes": CAUSES,
        "looks": {**MARKS, **SHOWN},
        "marks": MARKS,
        "names": PARTIES,
        "stage_title": stage_title,
        "verdicts": list(Verdict),
    }
    return environment.get_template("index.html")


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
