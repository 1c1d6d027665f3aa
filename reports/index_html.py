"""`index.html`: the run as one page. It needs no network, and works from a file.

Text from outside is only ever text in the page: `page` escapes it in the markup, and the exchanges are blocks of JSON
that the script of the page shows through `textContent`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from dcrproof.core.checks.results import Exit
from dcrproof.core.checks.verdict import CAUSES, SHOWN
from dcrproof.reports.diagnosis import Check, Trouble, diagnosis, evidence, troubles
from dcrproof.reports.flow import calls_within, flow
from dcrproof.reports.load_plots import plots
from dcrproof.reports.page import page, shown
from dcrproof.reports.words import ENDINGS, PARTIES, lanes

CHUNK = 100
"""How many exchanges are in one block of JSON: the page parses a block when one of them is opened."""


def index_html(run: Mapping[str, Any]) -> str:
    """The page, from the data of `run.json`."""
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
    return page(
        "index.html",
        script="page.js",
        run=run,
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
        text = json.dumps(shown(value), ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped by the lines above


ESCAPED = ("\\u", "\\b", "\\f", "\\r", "\x7f")
"""How invisible characters show in JSON: most values have none, and need not be searched."""
