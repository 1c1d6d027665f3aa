"""The figures of a load, as `run.json` holds them: from the tally, with the limits that they are judged by."""

from collections.abc import Iterable, Mapping
from typing import Any

from dcrproof.core.load.tally import Count, Tally, total
from dcrproof.core.profile.model import PARTIES, LoadSettings

PERCENTILES = ("p50", "p95", "p99")


def figures(tally: Tally, limits: LoadSettings, seconds: float, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The member `load` of run.json; `asked` are users, rate and processes. All durations are in seconds."""
    parties = [party for party in PARTIES if tally.party(party).requests]
    return {
        **asked,
        "seconds": round(seconds, 1),
        **_counted(tally.all),
        "error_budget": limits.errors,
        "limits": {party: limits.of_party[party].seconds for party in parties},
        "parties": {party: _counted(tally.party(party)) for party in parties},
        "operations": [
            {"party": party, "name": name, **_counted(count)}
            for (party, name), count in sorted(tally.operations.items(), key=lambda item: item[0][::-1])
        ],
        "width": tally.width,
        "slots": [_slot(tally, number, parties) for number in range(max(tally.slots, default=-1) + 1)],
        "reasons": dict(tally.reasons.most_common()),
        "remarks": list(tally.remarks),
    }


def _counted(count: Count) -> dict[str, Any]:
    """Requests, errors, and percentiles in seconds; null where nothing was sent."""
    shown = {name: count.durations.percentile(int(name[1:]) / 100) for name in PERCENTILES}
    return {"requests": count.requests, "errors": count.errors, **shown}


def _slot(tally: Tally, number: int, parties: Iterable[str]) -> dict[str, Any]:
    counts = tally.slots.get(number, {})
    return {
        "at": number * tally.width,
        "all": _counted(total(counts.values())),
        "parties": {party: _counted(counts.get(party, Count())) for party in parties},
        "memory": tally.memory.get(number),
    }
